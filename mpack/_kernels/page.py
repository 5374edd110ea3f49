"""What a page needs beside the steps: starts, coordinates by label, pairs, noise, digests; arrays by address.

The book's pages run these kernels as WebAssembly (`book/_tools/wasm.py`), where nothing but numbers
goes in and out. What Python does by NumPy and hashlib is done here by loops, to the same bits.
"""

import math

import numpy as np

from mpack._kernels._jit import bare
from mpack._kernels.ellipsoids import BLOCK, F_AT, GAP_AT, ROWS, functions, write_shapes
from mpack._kernels.machine import as_float64, as_int64, as_uint8, as_uint32, as_uint64
from mpack._kernels.noise import ORIENTATION, START, bits, gaussian, gaussian_pair, uniform

_U = np.uint64
WORDS, UNIFORMS, GAUSSIANS, GAUSSIAN_PAIRS = range(4)  # what `draw` draws
NOBODY = 0xFFFFFFFF  # ends a chain
WORK = (ROWS + 1) * BLOCK  # numbers that `depths` and `all_shapes` need for work


@bare(entry=True)
def random_start(axes, n, seed, out):
    """The coordinates of `Packing.random`, int64 (n * dim) at the address `out`."""
    fixed, dim = as_uint64(out), _U(len(axes))
    for i in range(_U(n)):
        for axis in range(len(axes)):
            words = bits(seed, START, _U(0), i, _U(axis // 2))
            fixed[i * dim + _U(axis)] = words[0] if axis % 2 == 0 else words[1]


@bare(entry=True)
def random_turns(dim, n, seed, out):
    """The orientations of `Packing.random`, float64 (n * 4) at the address `out`, as `_bodies.random_turns`."""
    turns, start = as_float64(out), _U(0)
    for i in range(_U(n)):
        w, x = gaussian_pair(*bits(seed, ORIENTATION, start, i, _U(0)))
        y, z = 0.0, x
        if dim == 3:
            y, z = gaussian_pair(*bits(seed, ORIENTATION, start, i, _U(1)))
        else:
            x = 0.0
        norm = math.sqrt((w * w + x * x) + (y * y + z * z))
        turns[_U(4) * i], turns[_U(4) * i + _U(1)] = w / norm, x / norm
        turns[_U(4) * i + _U(2)], turns[_U(4) * i + _U(3)] = y / norm, z / norm


@bare(entry=True)
def all_shapes(n, turns, semi, work, shapes):
    """The shapes of n bodies, see `ellipsoids`.

    By address: turns (n * 4), semi (n * 3), work (WORK), shapes (n * 12), float64.
    """
    given, s, made = (as_float64(turns), as_float64(semi)), as_float64(work), as_float64(shapes)
    write_shapes(n, *given, s, made)


@bare(entry=True)
def turns_by_label(space, out):
    """The orientations of bodies, float64 (n * 4) by label at the address `out`."""
    turns, label, ordered = as_float64(space.turns), as_uint32(space.label), as_float64(out)
    for slot in range(_U(space.n)):
        for k in range(_U(4)):
            ordered[_U(label[slot]) * _U(4) + k] = turns[slot * _U(4) + k]


@bare(entry=True)
def by_label(axes, space, out):
    """The coordinates, of spheres or of bodies, int64 (n * dim) by label at the address `out`."""
    fixed, label, ordered = as_int64(space.fixed), as_uint32(space.label), as_int64(out)
    dim = _U(len(axes))
    for slot in range(_U(space.n)):
        for axis in range(len(axes)):
            ordered[_U(label[slot]) * dim + _U(axis)] = fixed[slot * dim + _U(axis)]


@bare(entry=True)
def draw(what, seed, purpose, step, count, a, b, out):
    """out[m] = the numbers of (seed, purpose, step, a[m], b[m]), of a sort named above; a, b uint64 (count).

    One float64 each, or for WORDS two uint64, for GAUSSIAN_PAIRS two float64.
    """
    first, second, words, numbers = as_uint64(a), as_uint64(b), as_uint64(out), as_float64(out)
    for m in range(_U(count)):
        x, y = bits(seed, purpose, step, first[m], second[m])
        if what == WORDS:
            words[_U(2) * m], words[_U(2) * m + _U(1)] = x, y
        elif what == UNIFORMS:
            numbers[m] = uniform(x)
        elif what == GAUSSIANS:
            numbers[m] = gaussian(x, y)
        else:
            numbers[_U(2) * m], numbers[_U(2) * m + _U(1)] = gaussian_pair(x, y)


# ------------------------------------------------------------------------------------------------
# pairs


@bare(forceinline=True)
def _cell_around(axes, fixed, i, cells, turn):
    """The cell of particle i, or the one that lies from it as `turn` says: a digit 0, 1 or 2 for each axis."""
    index = _U(0)
    for axis in range(len(axes)):
        place = ((fixed[i * _U(len(axes)) + _U(axis)] >> _U(32)) * cells) >> _U(32)
        index = index * cells + (place + turn % _U(3) + cells - _U(1)) % cells
        turn //= _U(3)
    return index


@bare(forceinline=True)
def _apart(axes, fixed, i, j, to_length):
    """Squared separation of nearest images, in the order of operations of `pairs`."""
    total, dim = 0.0, _U(len(axes))
    for axis in range(len(axes)):
        step = fixed[i * dim + _U(axis)] - fixed[j * dim + _U(axis)]
        dx = float(np.int64(step)) * to_length
        total += dx * dx
    return total


@bare(forceinline=True)
def _chain(axes, n, fixed, cells, own, chains):
    """Chain the particles of each cell: chains[cell] begins one, chains[cells**dim + i] goes on. Returns cells**dim."""
    many = _U(1)
    for _ in range(len(axes)):
        many *= cells
    for cell in range(many):
        chains[cell] = np.uint32(NOBODY)
    for i in range(_U(n)):
        cell = _cell_around(axes, fixed, i, cells, own)
        chains[many + i], chains[cell] = chains[cell], np.uint32(i)
    return many


@bare(entry=True)
def near_pairs(axes, n, box, factor, cells, fixed, diameters, chains, ends, apart, room):
    """List the pairs i < j with r < factor (D_i + D_j)/2, each once, in no order; returns how many there are.

    As `pairs.chunks`, to the same bits. cells: to an edge, each wider than the largest cut-off, or
    1. By address: fixed, int64 (n * dim); diameters, float64 (n); chains, uint32 (cells**dim + n),
    for work; ends, uint32 (2 * room), and apart, float64 (room), for the pairs and their r. Pairs
    beyond `room` are only counted.
    """
    place, size, next_one = as_uint64(fixed), as_float64(diameters), as_uint32(chains)
    pair, r = as_uint32(ends), as_float64(apart)
    own, found = _U((3 ** len(axes) - 1) // 2), np.int64(0)  # the turn that leads to the own cell
    many = _chain(axes, n, place, _U(cells), own, next_one)
    turns = _U(3 ** len(axes)) if cells > 1 else _U(1)
    for i in range(_U(n)):
        for turn in range(turns):
            j = next_one[_cell_around(axes, place, i, _U(cells), turn)]
            while j != np.uint32(NOBODY):
                cut = factor * (0.5 * (size[i] + size[_U(j)]))
                square = _apart(axes, place, i, _U(j), box * 2.0**-64)
                if i < _U(j) and square < cut * cut:
                    if found < room:
                        at = _U(found)
                        pair[_U(2) * at], pair[_U(2) * at + _U(1)] = np.uint32(i), j
                        r[at] = math.sqrt(square)
                    found += 1
                j = next_one[many + _U(j)]
    return found


@bare(entry=True)
def depths(axes, count, box, fixed, shapes, ends, work, mu):
    """The factor at which both bodies of a pair touch, mu of `mpack.ellipsoids`, to the same bits.

    By address: fixed, int64 (n * dim), and shapes, float64 (n * 12), by label; ends, uint32
    (2 * count), the lower label of each pair first; work, float64 (WORK); mu, float64 (count).
    """
    place, form, pair, out = as_uint64(fixed), as_float64(shapes), as_uint32(ends), as_float64(mu)
    i, j, s = as_uint32(work), as_uint32(work + _U(4 * BLOCK)), as_float64(work + _U(8 * BLOCK))
    for begin in range(0, count, BLOCK):
        here = min(np.int64(BLOCK), count - begin)
        for k in range(_U(here)):
            i[k], j[k] = pair[_U(2) * (_U(begin) + k)], pair[_U(2) * (_U(begin) + k) + _U(1)]
            s[_U(GAP_AT + 2 * BLOCK) + k], same = 0.0, True
            for axis in range(len(axes)):
                a, b = _U(i[k]) * _U(len(axes)) + _U(axis), _U(j[k]) * _U(len(axes)) + _U(axis)
                gap = np.int64(place[a] - place[b])
                same = same and gap == 0
                s[_U(GAP_AT + axis * BLOCK) + k] = float(gap) * (box * 2.0**-64)
            if same:  # as if one unit apart along the first axis
                s[_U(GAP_AT) + k] = box * 2.0**-64
        functions(form, i, j, here, False, s)
        for k in range(_U(here)):
            out[_U(begin) + k] = math.sqrt(s[_U(F_AT) + k])


# ------------------------------------------------------------------------------------------------
# BLAKE2b (RFC 7693), without a key


@bare(forceinline=True)
def _turned(x, by):
    return (x >> _U(by)) | (x << _U(64 - by))


@bare(forceinline=True)
def _word(m, order, place):
    """The message's word that stands at a place of a round's order, a hexadecimal digit each, the first one highest."""
    return m[(order >> _U(60 - 4 * place)) & _U(15)]


@bare(forceinline=True)
def _mix(v, m, order, place, a, b, c, d):
    v[a] += v[b] + _word(m, order, place)
    v[d] = _turned(v[d] ^ v[a], 32)
    v[c] += v[d]
    v[b] = _turned(v[b] ^ v[c], 24)
    v[a] += v[b] + _word(m, order, place + 1)
    v[d] = _turned(v[d] ^ v[a], 16)
    v[c] += v[d]
    v[b] = _turned(v[b] ^ v[c], 63)


@bare
def _round(v, m, order):
    for k in range(4):
        _mix(v, m, order, 2 * k, k, 4 + k, 8 + k, 12 + k)
    for k in range(4):
        _mix(v, m, order, 8 + 2 * k, k, 4 + (k + 1) % 4, 8 + (k + 2) % 4, 12 + (k + 3) % 4)


@bare
def _start_value(h):
    h[0], h[1] = _U(0x6A09E667F3BCC908), _U(0xBB67AE8584CAA73B)
    h[2], h[3] = _U(0x3C6EF372FE94F82B), _U(0xA54FF53A5F1D36F1)
    h[4], h[5] = _U(0x510E527FADE682D1), _U(0x9B05688C2B3E6C1F)
    h[6], h[7] = _U(0x1F83D9ABFB41BD6B), _U(0x5BE0CD19137E2179)


@bare
def _compress(h, v, m, initial, end, last):
    """Take up one block, the message's bytes up to `end`."""
    for k in range(8):
        v[k], v[8 + k] = h[k], initial[k]
    v[12] ^= end
    if last:
        v[14] = ~v[14]
    for again in range(2):  # the order of the first two rounds is that of the last two
        _round(v, m, _U(0x0123456789ABCDEF))
        _round(v, m, _U(0xEA489FD61C02B753))
        if again:
            break
        _round(v, m, _U(0xB8C052FDAE367194))
        _round(v, m, _U(0x7931DCBE265A40F8))
        _round(v, m, _U(0x905724AFE1BC683D))
        _round(v, m, _U(0x2C6A0B834D75FE19))
        _round(v, m, _U(0xC51FED4A0763928B))
        _round(v, m, _U(0xDB7EC13950F4862A))
        _round(v, m, _U(0x6FE9B308C2D714A5))
        _round(v, m, _U(0xA2847615FB9E3CD0))
    for k in range(8):
        h[k] ^= v[k] ^ v[8 + k]


@bare(entry=True)
def blake2b(message, length, size, work):
    """The BLAKE2b of `length` bytes at the address `message`: `size` bytes (1 to 64) at the address `work`.

    `work`: uint64 (48).
    """
    given, block = as_uint8(message), as_uint8(work + _U(8 * 8))
    h, m = as_uint64(work), as_uint64(work + _U(8 * 8))
    v, initial = as_uint64(work + _U(8 * 24)), as_uint64(work + _U(8 * 40))
    _start_value(h)
    _start_value(initial)
    h[0] ^= _U(0x01010000) ^ _U(size)
    begin, last = np.int64(0), False
    while not last:
        last = length - begin <= 128
        here = length - begin if last else np.int64(128)
        for k in range(_U(128)):
            block[k] = given[_U(begin) + k] if np.int64(k) < here else np.uint8(0)
        begin += here
        _compress(h, v, m, initial, _U(begin), last)
