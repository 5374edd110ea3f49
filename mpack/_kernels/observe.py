"""Sums over particles and over listed pairs that observables are made of."""

import math

import numpy as np

from mpack._kernels._jit import njit
from mpack._kernels.forces import any_energy
from mpack._kernels.noise import FLATNESS, _sin_pi, bits, gaussian

_BLOCK = 128  # particles at a time: their phase factors stay in the cache


@njit(forceinline=True)
def _half_turns(whole):
    """t = 2 x/L in [-1, 1) of an integer coordinate."""
    return float(whole) * 2.0**-63


@njit(forceinline=True)
def _cos_sin(whole):
    """cos and sin of 2 pi x/L."""
    t = _half_turns(whole)
    folded = t
    if t > 0.5:
        folded = 1.0 - t
    elif t < -0.5:
        folded = -1.0 - t
    return _sin_pi(0.5 - abs(t)), _sin_pi(folded)


@njit
def _fill_phases(fixed, begin, count, cosines, sines):
    """cosines, sines[c, k, b] of k times the phase of axis c of particle begin + b: k x wraps exactly."""
    for c in range(cosines.shape[0]):
        for k in range(cosines.shape[1]):
            for b in range(count):
                cosines[c, k, b], sines[c, k, b] = _cos_sin(
                    np.int64(np.uint64(k) * np.uint64(fixed[begin + b, c]))
                )


@njit
def _multiply_phases(vector, axes, count, cosines, sines, real, imaginary):
    """real + i imaginary[b] = product over the first `axes` axes of exp(-2 pi i n x/L); zero from `count`
    on.
    """
    for b in range(real.shape[0]):
        real[b] = 1.0 if b < count else 0.0
        imaginary[b] = 0.0
    for c in range(axes):
        k = abs(vector[c])
        sign = -1.0 if vector[c] > 0 else 1.0
        for b in range(count):
            x, y = cosines[c, k, b], sign * sines[c, k, b]
            real[b], imaginary[b] = real[b] * x - imaginary[b] * y, real[b] * y + imaginary[b] * x


@njit
def _same_start(vectors, m, axes):
    """True if vectors m - 1 and m agree on the first `axes` axes."""
    if m == 0:
        return False
    for c in range(axes):
        if vectors[m, c] != vectors[m - 1, c]:
            return False
    return True


@njit
def density_modes(fixed, vectors, real, imaginary):
    """Add sum_j exp(-2 pi i n.x_j/L) to real[m] + i imaginary[m], for n = vectors[m].

    Vectors in lexicographic order share the product of the first d - 1 axes. Four partial sums run
    side by side.
    """
    n, dim = fixed.shape
    last = dim - 1
    highest = np.abs(vectors).max() + 1
    cosines = np.zeros((dim, highest, _BLOCK))
    sines = np.zeros((dim, highest, _BLOCK))
    p, q = np.empty(_BLOCK), np.empty(_BLOCK)
    for begin in range(0, n, _BLOCK):
        count = min(_BLOCK, n - begin)
        _fill_phases(fixed, begin, count, cosines, sines)
        for m in range(vectors.shape[0]):
            if not _same_start(vectors, m, last):
                _multiply_phases(vectors[m], last, count, cosines, sines, p, q)
            k = abs(vectors[m, last])
            sign = -1.0 if vectors[m, last] > 0 else 1.0
            x, y = cosines[last, k], sines[last, k]
            a0 = a1 = a2 = a3 = 0.0
            b0 = b1 = b2 = b3 = 0.0
            for i in range(0, _BLOCK, 4):
                a0 += p[i] * x[i] - sign * (q[i] * y[i])
                b0 += q[i] * x[i] + sign * (p[i] * y[i])
                a1 += p[i + 1] * x[i + 1] - sign * (q[i + 1] * y[i + 1])
                b1 += q[i + 1] * x[i + 1] + sign * (p[i + 1] * y[i + 1])
                a2 += p[i + 2] * x[i + 2] - sign * (q[i + 2] * y[i + 2])
                b2 += q[i + 2] * x[i + 2] + sign * (p[i + 2] * y[i + 2])
                a3 += p[i + 3] * x[i + 3] - sign * (q[i + 3] * y[i + 3])
                b3 += q[i + 3] * x[i + 3] + sign * (p[i + 3] * y[i + 3])
            real[m] += (a0 + a1) + (a2 + a3)
            imaginary[m] += (b0 + b1) + (b2 + b3)


@njit
def perturbed_energies(fixed, to_length, pairs, d, kind, a, b, table, sigma, seed, out):
    """out[m] = [V(X + dX) + V(X - dX)]/2 - V(X) over the listed pairs, dX ~ N(0, sigma**2) on every axis.

    The Gaussian of particle i on axis c in sample m has purpose "flatness", step m, labels (i, c).
    """
    n, dim = fixed.shape
    shift = np.empty((n, dim))
    for m in range(out.shape[0]):
        for i in range(n):
            for c in range(dim):
                word_a, word_b = bits(seed, FLATNESS, np.uint64(m), np.uint64(i), np.uint64(c))
                shift[i, c] = sigma * gaussian(word_a, word_b)
        total = 0.0
        for k in range(pairs.shape[0]):
            i, j = pairs[k, 0], pairs[k, 1]
            before, forth, back = 0.0, 0.0, 0.0
            for c in range(dim):
                x = float(np.int64(np.uint64(fixed[i, c]) - np.uint64(fixed[j, c]))) * to_length
                kick = shift[i, c] - shift[j, c]
                before += x * x
                forth += (x + kick) * (x + kick)
                back += (x - kick) * (x - kick)
            u = any_energy(kind, a, b, table, math.sqrt(forth), d[k])
            u += any_energy(kind, a, b, table, math.sqrt(back), d[k])
            total += 0.5 * u - any_energy(kind, a, b, table, math.sqrt(before), d[k])
        out[m] = total
