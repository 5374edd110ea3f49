"""Which memory belongs to the engine's arrays: known, and asked, only where every access is checked (see `_jit`).

Kernels get addresses. What is at an address, and how far it goes, they look up here: `table` holds
the begin and the end of every array that lives, one pair after the other; free places hold zeros.
"""

import ctypes
import weakref

import numpy as np

ROOM = 1024  # arrays at the same time
table = np.zeros(2 * ROOM, dtype=np.uint64)
_free = list(range(ROOM - 1, -1, -1))


def enter(array):
    """Make an array known, for as long as it lives."""
    place = _free.pop()
    begin = array.ctypes.data
    table[2 * place], table[2 * place + 1] = begin, begin + array.nbytes
    weakref.finalize(array, _leave, place)


def _leave(place):
    table[2 * place + 1] = table[2 * place] = 0
    _free.append(place)


def array_at(address, dtype):
    """The array from an address to the end of the one that owns it; empty where none does."""
    begins, ends = table[::2], table[1::2]
    owners = ends[(begins <= address) & (address < ends)]
    if owners.size == 0:
        return np.empty(0, dtype)
    content = (ctypes.c_char * (int(owners.max()) - address)).from_address(address)
    return np.frombuffer(content, dtype, len(content) // dtype.itemsize)
