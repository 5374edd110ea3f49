"""What is measured of bodies by going through listed pairs: contact functions, and energies when shaken.

Pairs are worked on in blocks, as in `ellipsoids`, whose shapes and contact function these are.
"""

import math

import numpy as np

from mpack._kernels._jit import njit
from mpack._kernels.ellipsoids import BLOCK, F_AT, GAP_AT, ROWS, WIDTH, functions, write_shapes
from mpack._kernels.forces import any_energy
from mpack._kernels.noise import FLATNESS, bits, gaussian

_U = np.uint64


@njit(forceinline=True)
def _gap(fixed, to_length, i, j, lane, s):
    """Write x_i - x_j, the nearest way, into a lane of a block's scratch; one point counts as one unit apart."""
    apart = False
    for c in range(3):
        s[GAP_AT + c * BLOCK + lane] = 0.0
    for c in range(fixed.shape[1]):
        whole = np.int64(_U(fixed[i, c]) - _U(fixed[j, c]))
        s[GAP_AT + c * BLOCK + lane] = float(whole) * to_length
        apart = apart or whole != 0
    if not apart:
        s[GAP_AT + lane] = to_length


@njit
def fill_functions(fixed, to_length, shapes, i, j, bound, out):
    """out[m] = F of the pair i[m] < j[m] where F < bound, infinite elsewhere; fixed (n, d), shapes (12 n)."""
    s = np.empty(ROWS * BLOCK)
    for begin in range(0, len(i), BLOCK):
        count = min(BLOCK, len(i) - begin)
        for k in range(count):
            _gap(fixed, to_length, i[begin + k], j[begin + k], k, s)
        functions(shapes, i[begin:], j[begin:], count, bound <= 1.0, s)
        for k in range(count):
            out[begin + k] = s[F_AT + k] if s[F_AT + k] < bound else math.inf


@njit
def _draw(dim, sigma, spins, seed, m, shift, twist):
    """Gaussians of a sample: shifts (n, dim) of centres, twists (n, 3) about the bodies' own axes."""
    for i in range(shift.shape[0]):
        for c in range(dim):
            word_a, word_b = bits(seed, FLATNESS, m, _U(i), _U(c))
            shift[i, c] = sigma * gaussian(word_a, word_b)
        for k in range(3):
            twist[i, k] = 0.0
            if spins[i, k] > 0.0:
                word_a, word_b = bits(seed, FLATNESS, m, _U(i), _U(3 + k))
                twist[i, k] = spins[i, k] * gaussian(word_a, word_b)


@njit
def _fill_turned(turns, semi, twist, sign, turned, s, shapes):
    """Shapes of all bodies turned by the Cayley rotation of sign * twist: q <- q (1, omega/2), normalised."""
    for i in range(twist.shape[0]):
        q = 4 * i
        w, x, y, z = turns[q], turns[q + 1], turns[q + 2], turns[q + 3]
        a, b, c = 0.5 * sign * twist[i, 0], 0.5 * sign * twist[i, 1], 0.5 * sign * twist[i, 2]
        n0, n1 = w - a * x - b * y - c * z, x + a * w + c * y - b * z
        n2, n3 = y + b * w + a * z - c * x, z + c * w + b * x - a * y
        length = math.sqrt(n0 * n0 + n1 * n1 + n2 * n2 + n3 * n3)
        turned[q], turned[q + 1] = n0 / length, n1 / length
        turned[q + 2], turned[q + 3] = n2 / length, n3 / length
    write_shapes(twist.shape[0], turned, semi, s, shapes)


@njit
def _add_energies(place, shift, sign, shapes, what, s, weight, parts):
    """parts[m] += weight * U of the pair m, with centres moved by sign * shift. place: (fixed, to_length, i, j, D)."""
    fixed, to_length, i, j, sizes = place
    kind, a, b, table = what
    for begin in range(0, len(i), BLOCK):
        count = min(BLOCK, len(i) - begin)
        for k in range(count):
            one, two = i[begin + k], j[begin + k]
            _gap(fixed, to_length, one, two, k, s)
            for c in range(fixed.shape[1]):
                s[GAP_AT + c * BLOCK + k] += sign * (shift[one, c] - shift[two, c])
        functions(shapes, i[begin:], j[begin:], count, True, s)
        for k in range(count):
            if s[F_AT + k] < 1.0:
                m = begin + k
                mu = math.sqrt(s[F_AT + k])
                parts[m] += weight * any_energy(kind, a, b, table, mu * sizes[m], sizes[m])


@njit
def shaken_energies(place, bodies, what, sigma, seed, out):
    """out[m] = [V(X + dX) + V(X - dX)]/2 - V(X) over the listed pairs.

    place: (fixed (n, d), length of a unit, i, j, D) of the pairs i < j; bodies: quaternions (4 n),
    semi-axes (3 n), spins (n, 3); what: (kind, a, b, table) of the potential. Centres move by sigma
    times a Gaussian on every axis, of purpose "flatness", step m, labels (particle, axis), the numbers
    that spheres draw; bodies turn by spins times Gaussians about their own axes, labels (particle,
    3 + axis).
    """
    (n, dim), (turns, semi, spins) = place[0].shape, bodies
    shift, twist = np.zeros((n, dim)), np.zeros((n, 3))
    turned, shapes = np.empty(4 * n), np.empty(WIDTH * n)
    before, parts = np.zeros(len(place[2])), np.empty(len(place[2]))
    s = np.empty(ROWS * BLOCK)
    _fill_turned(turns, semi, twist, 0.0, turned, s, shapes)
    _add_energies(place, shift, 0.0, shapes, what, s, 1.0, before)
    for m in range(out.shape[0]):
        _draw(dim, sigma, spins, seed, _U(m), shift, twist)
        parts[:] = -before
        for sign in (1.0, -1.0):
            _fill_turned(turns, semi, twist, sign, turned, s, shapes)
            _add_energies(place, shift, sign, shapes, what, s, 0.5, parts)
        out[m] = np.sum(parts)
