"""Mini-batch SGD with momentum on linear regression, many runs at once. Arrays in, arrays out.

The physics is three lines: draw a sample, add its gradient, kick the velocity and move.

Noise: purpose `REGRESSION`, step = the step of the run, label a = number of the run, label b =
block. A block gives four 32-bit words and so the next four members of the batch. Blocks from 2**31
on belong to starts and data sets.
"""

import numpy as np

from mpack._kernels._jit import njit
from mpack._kernels.noise import REGRESSION, bits

_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


@njit(forceinline=True)
def _below(word, n):
    """A 32-bit word as an index in [0, n), by multiply and shift; the bias is below n / 2**32."""
    return np.int64(((word & _LOW) * n) >> _32)


@njit
def draw_batch(seed, purpose, step, run, n, batch):
    """Fill `batch` (int64) with indices in [0, n), drawn independently (with replacement)."""
    size = batch.shape[0]
    count = np.uint64(n)
    for block in range((size + 3) // 4):
        first, second = bits(seed, purpose, np.uint64(step), np.uint64(run), np.uint64(block))
        m = 4 * block
        batch[m] = _below(first, count)
        if m + 1 < size:
            batch[m + 1] = _below(first >> _32, count)
        if m + 2 < size:
            batch[m + 2] = _below(second, count)
        if m + 3 < size:
            batch[m + 3] = _below(second >> _32, count)


@njit
def add_gradients(X, y, theta, batch, g):
    """g += sum over the batch of x (x . theta - y). Four samples at a time: four independent sums run
    abreast.
    """
    size, dim = batch.shape[0], theta.shape[0]
    whole = size - size % 4
    for m in range(0, whole, 4):
        i0, i1, i2, i3 = batch[m], batch[m + 1], batch[m + 2], batch[m + 3]
        r0, r1, r2, r3 = -y[i0], -y[i1], -y[i2], -y[i3]
        for d in range(dim):
            t = theta[d]
            r0 += X[i0, d] * t
            r1 += X[i1, d] * t
            r2 += X[i2, d] * t
            r3 += X[i3, d] * t
        for d in range(dim):
            g[d] += (X[i0, d] * r0 + X[i1, d] * r1) + (X[i2, d] * r2 + X[i3, d] * r3)
    for m in range(whole, size):
        i0 = batch[m]
        r0 = -y[i0]
        for d in range(dim):
            r0 += X[i0, d] * theta[d]
        for d in range(dim):
            g[d] += X[i0, d] * r0


@njit
def sgd_runs(
    X, y, theta, v, eta, beta, weight_decay, size, seed, first_run, record, out_theta, out_v
):
    """Run every row of theta, v (runs, dim; changed in place) to step record[-1].

    X (n, dim), y (n,): the data. record (m,): increasing steps, 0 the start. out_theta, out_v
    (runs, m, dim). Row r draws its batches as run `first_run + r`, so that runs may be split among
    threads in any way.
    """
    runs, dim = theta.shape
    batch = np.empty(size, np.int64)
    g = np.empty(dim)
    for r in range(runs):
        th, ve = theta[r], v[r]
        k = 0
        for m in range(record.shape[0]):
            while k < record[m]:
                draw_batch(seed, REGRESSION, k, first_run + r, X.shape[0], batch)
                g[:] = 0.0
                add_gradients(X, y, th, batch, g)
                for d in range(dim):
                    ve[d] = beta * ve[d] - (g[d] / size + weight_decay * th[d])
                    th[d] += eta * ve[d]
                k += 1
            for d in range(dim):
                out_theta[r, m, d] = th[d]
                out_v[r, m, d] = ve[d]
