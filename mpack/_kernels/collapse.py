"""How well scaled data of several sizes fall on one curve. Arrays in, arrays out.

Data of all sizes stand in one row: size i owns the points edges[i] to edges[i + 1] - 1, with x
increasing.
"""

import numpy as np

from mpack._kernels._jit import njit


@njit(forceinline=True)
def _bracket(x, p, first, last, q):
    """The left one of two points of first..last - 1 that bracket x[p], or -1; q is where the search starts."""
    if last - first < 2 or x[p] < x[first] or x[p] > x[last - 1]:
        return -1
    while q + 2 < last and x[q + 1] <= x[p]:
        q += 1
    return q


@njit(forceinline=True)
def _sums(x, y, dy, edges, i, p, place, left):
    """Weighted sums 1, u, y, u^2, u y over the bracketing points of every size but i, with u = x - x[p].

    About x[p] the line's value there is its intercept. left[m] receives the bracket's left point,
    or -1; place[m] is where the search in size m goes on, since the points of a size are visited
    from left to right.
    """
    k = kx = ky = kxx = kxy = 0.0
    for m in range(edges.shape[0] - 1):
        left[m] = -1 if m == i else _bracket(x, p, edges[m], edges[m + 1], place[m])
        if left[m] < 0:
            continue
        place[m] = left[m]
        for t in range(left[m], left[m] + 2):
            w, u = 1.0 / (dy[t] * dy[t]), x[t] - x[p]
            k += w
            kx += w * u
            ky += w * y[t]
            kxx += w * u * u
            kxy += w * u * y[t]
    return k, kx, ky, kxx, kxy


@njit
def quality(x, y, dy, edges, counts):
    """S of Houdayer and Hartmann, averaged set by set; counts (sizes,) receives how many points of each took part."""
    sizes = edges.shape[0] - 1
    place, left = np.empty(sizes, np.int64), np.empty(sizes, np.int64)
    total, used = 0.0, 0
    for i in range(sizes):
        place[:] = edges[:-1]
        part, count = 0.0, 0
        for p in range(edges[i], edges[i + 1]):
            k, kx, ky, kxx, kxy = _sums(x, y, dy, edges, i, p, place, left)
            delta = k * kxx - kx * kx
            if delta > 0.0:
                r = y[p] - (kxx * ky - kx * kxy) / delta
                part += r * r / (dy[p] * dy[p] + kxx / delta)
                count += 1
        counts[i] = count
        if count > 0:
            total += part / count
            used += 1
    return total / used if used > 0 else np.inf


@njit
def qualities(x, y, dy, edges, S, sets):
    """S of every row of x, y, dy (rows, points), and how many sizes took part in it: S, sets (rows,)."""
    counts = np.empty(edges.shape[0] - 1, np.int64)
    for r in range(x.shape[0]):
        S[r] = quality(x[r], y[r], dy[r], edges, counts)
        sets[r] = np.count_nonzero(counts)


@njit
def quality_slope(x, y, dy, edges, counts, slope):
    """slope (points,) = dS/dy at fixed x and dy, with the counts that `quality` found there. S is quadratic in y."""
    sizes = edges.shape[0] - 1
    place, left = np.empty(sizes, np.int64), np.empty(sizes, np.int64)
    used = np.count_nonzero(counts)
    slope[:] = 0.0
    for i in range(sizes):
        place[:] = edges[:-1]
        for p in range(edges[i], edges[i + 1]):
            k, kx, ky, kxx, kxy = _sums(x, y, dy, edges, i, p, place, left)
            delta = k * kxx - kx * kx
            if not delta > 0.0:
                continue
            r = y[p] - (kxx * ky - kx * kxy) / delta
            g = 2.0 * r / (dy[p] * dy[p] + kxx / delta) / (counts[i] * used)
            slope[p] += g
            for m in range(sizes):
                if left[m] >= 0:
                    for t in range(left[m], left[m] + 2):
                        slope[t] -= g * (kxx - kx * (x[t] - x[p])) / (dy[t] * dy[t] * delta)


@njit
def factorise(K, T):
    """T = L^-1 for K = L L^T (K symmetric, its upper half is overwritten); False if K is not positive definite.

    Every inner loop adds a multiple of one row to another, which vectorises without reordering any
    sum.
    """
    n = K.shape[0]
    for j in range(n):
        if not K[j, j] > 0.0:
            return False
        root = np.sqrt(K[j, j])
        K[j, j] = root
        for q in range(j + 1, n):
            K[j, q] /= root
        for i in range(j + 1, n):
            f = K[j, i]
            for q in range(i, n):
                K[i, q] -= f * K[j, q]
    T[:] = 0.0
    for i in range(n):
        for k in range(i):
            f = K[k, i]
            for q in range(k + 1):
                T[i, q] -= f * T[k, q]
        for q in range(i):
            T[i, q] /= K[i, i]
        T[i, i] = 1.0 / K[i, i]
    return True


@njit
def process(x, up, length, owner, wide, noise, a, T, points):
    """Minus the log likelihood of a ~ N(0, K), K = up up' exp(-gap^2/2) + noise + diag(wide), gap = (x - x')/length.

    Points of different `owner` share no signal; `length` is the owner's. T (n, n) receives L^-1 of
    K = L L^T, and points (4, n) the derivatives of the log likelihood by ln up and half ln wide of
    each point, by x, by ln length (each point's share), and the diagonal of W = alpha alpha^T -
    K^-1. Returns inf if K is not positive definite.
    """
    n = x.shape[0]
    signal, K = np.empty((n, n)), np.empty((n, n))
    for i in range(n):
        for j in range(n):
            gap = (x[i] - x[j]) / length[i]
            s = up[i] * up[j] * np.exp(-0.5 * gap * gap) if owner[i] == owner[j] else 0.0
            signal[i, j] = s
            K[i, j] = s + noise[i, j]
        K[i, i] += wide[i] + 1e-10 * signal[i, i]
    if not factorise(K, T):
        return np.inf
    level = 0.5 * n * np.log(2.0 * np.pi)
    alpha, W = np.zeros(n), np.zeros((n, n))
    for k in range(n):
        level -= np.log(T[k, k])
        w = 0.0
        for q in range(k + 1):
            w += T[k, q] * a[q]
        level += 0.5 * w * w
        for i in range(k + 1):
            f = T[k, i]
            alpha[i] += w * f
            for q in range(i, k + 1):
                W[i, q] -= f * T[k, q]
    points[:] = 0.0
    for i in range(n):
        for j in range(i, n):
            both = W[i, j] + alpha[i] * alpha[j]
            ws = both * signal[i, j]
            gap = (x[i] - x[j]) / length[i]
            points[0, i] += ws
            points[1, i] -= ws * gap / length[i]
            points[2, i] += 0.5 * ws * gap * gap
            if j == i:
                points[0, i] += both * wide[i]
                points[3, i] = both
            else:
                points[0, j] += ws
                points[1, j] += ws * gap / length[i]
                points[2, j] += 0.5 * ws * gap * gap
    return level
