"""What is measured of bodies by going through listed pairs: contact functions, and energies when shaken.

Pairs are worked on in blocks, as in `ellipsoids`, whose shapes and contact function these are.
"""

import math

import numpy as np

from mpack._kernels._jit import njit
from mpack._kernels.ellipsoids import BLOCK, F_AT, PLACE_AT, ROWS, block

_U = np.uint64


@njit(forceinline=True)
def _gap(fixed, to_length, i, j, lane, gaps):
    """Write x_i - x_j, the nearest way, into a lane of gaps (3, BLOCK); one point counts as one unit apart."""
    apart = False
    for c in range(3):
        gaps[c * BLOCK + lane] = 0.0
    for c in range(fixed.shape[1]):
        whole = np.int64(_U(fixed[i, c]) - _U(fixed[j, c]))
        gaps[c * BLOCK + lane] = float(whole) * to_length
        apart = apart or whole != 0
    if not apart:
        gaps[lane] = to_length


@njit
def fill_functions(fixed, to_length, shapes, i, j, bound, out):
    """out[m] = F of the pair i[m] < j[m] where F < bound, infinite elsewhere; fixed (n, d), shapes (12 n)."""
    gaps, s = np.empty(3 * BLOCK), np.empty(ROWS * BLOCK)
    for begin in range(0, len(i), BLOCK):
        count = min(BLOCK, len(i) - begin)
        for k in range(count):
            out[begin + k] = math.inf
            _gap(fixed, to_length, i[begin + k], j[begin + k], k, gaps)
        kept = block(shapes, i[begin:], j[begin:], gaps, count, bound, s)
        for k in range(kept):
            if s[F_AT + k] < bound:
                out[begin + np.int64(s[PLACE_AT + k])] = s[F_AT + k]
