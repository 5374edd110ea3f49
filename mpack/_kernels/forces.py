"""Pair potentials: energy, force, curvature and range of one pair, by IEEE + - * / and square root alone.

`kind` chooses the potential, `a` and `b` are its two numbers, `r` > 0 is the separation and `d` the
pair's contact distance R_i + R_j. With x = 1 - r/d (overlap) and y = (d/r)**6:

    kind           a, b             energy for r < range                 range
    LINEAR         -                (d - r)/2                            d
    HARMONIC       stiffness        (a/2) x**2                           d
    HERTZIAN       stiffness        (2a/5) x**(5/2)                      d
    WCA            epsilon          a (y - 1)**2                         d
    LENNARD_JONES  epsilon, cutoff  4a (y**2 - y) minus that at range    b d
    TABULATED      points, cutoff   a cubic between points of r/d        b d

and exactly 0 from the range on. The last has its numbers in a table, (r/d, c0, c1, c2, c3) for each
point, U = c0 + c1 t + c2 t**2 + c3 t**3 with t the way from it; its functions have their own names.
No power, exponential or logarithm of libm: the same bits on every machine. Values beyond CAP in size
(Lennard-Jones and WCA at tiny r) are cut to it, so that no infinity and no NaN leaves these
functions.
"""

import math

import numpy as np

from mpack._kernels._jit import njit

LINEAR, HARMONIC, HERTZIAN, WCA, LENNARD_JONES, TABULATED = 0, 1, 2, 3, 4, 5
COLUMNS = 5  # numbers of each point of a table
CAP = 1e200


@njit(forceinline=True)
def _sixth(d, r):
    """(d/r)**6; infinite when it overflows."""
    q = d / r
    cube = q * q * q
    return cube * cube


@njit(forceinline=True)
def energy(kind, a, b, r, d):
    """U(r); 0 for r >= range."""
    if kind == LENNARD_JONES:
        if r >= b * d:
            return 0.0
        y = _sixth(d, r)
        y_cut = _sixth(1.0, b)
        return min(4.0 * a * (y * (y - 1.0)) - 4.0 * a * (y_cut * (y_cut - 1.0)), CAP)
    if r >= d:
        return 0.0
    if kind == LINEAR:
        return 0.5 * (d - r)
    if kind == WCA:
        y = _sixth(d, r) - 1.0
        return min(a * (y * y), CAP)
    x = 1.0 - r / d
    if kind == HARMONIC:
        return min(0.5 * a * (x * x), CAP)
    return min(0.4 * a * (x * x * math.sqrt(x)), CAP)


@njit(forceinline=True)
def force(kind, a, b, r, d):
    """-dU/dr, positive when it pushes apart; 0 for r >= range."""
    if kind == LENNARD_JONES:
        if r >= b * d:
            return 0.0
        y = _sixth(d, r)
        return min(24.0 * a * (y * (2.0 * y - 1.0)) / r, CAP)
    if r >= d:
        return 0.0
    if kind == LINEAR:
        return 0.5
    if kind == WCA:
        y = _sixth(d, r)
        return min(12.0 * a * (y * (y - 1.0)) / r, CAP)
    x = 1.0 - r / d
    if kind == HARMONIC:
        return min(a * x / d, CAP)
    return min(a * (x * math.sqrt(x)) / d, CAP)


@njit(forceinline=True)
def curvature(kind, a, b, r, d):
    """d2U/dr2 inside the range, 0 for r >= range; a kink or jump at the range itself is not represented."""
    if kind == LENNARD_JONES:
        if r >= b * d:
            return 0.0
        y = _sixth(d, r)
        return min(24.0 * a * (y * (26.0 * y - 7.0)) / r / r, CAP)
    if r >= d or kind == LINEAR:
        return 0.0
    if kind == WCA:
        y = _sixth(d, r)
        return min(12.0 * a * (y * (13.0 * y - 7.0)) / r / r, CAP)
    if kind == HARMONIC:
        return min(a / d / d, CAP)
    return min(1.5 * a * math.sqrt(1.0 - r / d) / d / d, CAP)


@njit(forceinline=True)
def _row(points, table, x):
    """Where the numbers begin of the last point at or below x; of the first one for smaller x."""
    low, high = np.int64(0), np.int64(points) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if table[COLUMNS * middle] <= x:
            low = middle
        else:
            high = middle
    return COLUMNS * low


@njit(forceinline=True)
def tabulated_energy(points, b, table, r, d):
    """U(r) from a table; below its first point along the tangent there."""
    if r >= b * d:
        return 0.0
    x = r / d
    k = _row(points, table, x)
    t = x - table[k]
    if t < 0.0:
        return min(max(table[k + 1] + table[k + 2] * t, -CAP), CAP)
    return table[k + 1] + t * (table[k + 2] + t * (table[k + 3] + t * table[k + 4]))


@njit(forceinline=True)
def tabulated_force(points, b, table, r, d):
    """-dU/dr from a table."""
    if r >= b * d:
        return 0.0
    x = r / d
    k = _row(points, table, x)
    t = max(x - table[k], 0.0)
    return -(table[k + 2] + t * (2.0 * table[k + 3] + t * (3.0 * table[k + 4]))) / d


@njit(forceinline=True)
def tabulated_curvature(points, b, table, r, d):
    """d2U/dr2 from a table; 0 below its first point."""
    x = r / d
    if r >= b * d or x < table[0]:
        return 0.0
    k = _row(points, table, x)
    return (2.0 * table[k + 3] + 6.0 * table[k + 4] * (x - table[k])) / d / d


@njit(forceinline=True)
def any_energy(kind, a, b, table, r, d):
    """U(r) of any potential."""
    if kind == TABULATED:
        return tabulated_energy(a, b, table, r, d)
    return energy(kind, a, b, r, d)


@njit
def fill_energy(kind, a, b, table, r, d, out):
    """out[m] = energy at r[m], d[m]."""
    for m in range(r.shape[0]):
        out[m] = any_energy(kind, a, b, table, r[m], d[m])


@njit
def fill_force(kind, a, b, table, r, d, out):
    """out[m] = force at r[m], d[m]."""
    if kind == TABULATED:
        for m in range(r.shape[0]):
            out[m] = tabulated_force(a, b, table, r[m], d[m])
    else:
        for m in range(r.shape[0]):
            out[m] = force(kind, a, b, r[m], d[m])


@njit
def fill_curvature(kind, a, b, table, r, d, out):
    """out[m] = curvature at r[m], d[m]."""
    if kind == TABULATED:
        for m in range(r.shape[0]):
            out[m] = tabulated_curvature(a, b, table, r[m], d[m])
    else:
        for m in range(r.shape[0]):
            out[m] = curvature(kind, a, b, r[m], d[m])
