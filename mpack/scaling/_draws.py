"""Runs drawn anew, with replacement, and what a fit makes of them."""

import numpy as np

from mpack._kernels import noise
from mpack.scaling._problem import labels as common
from mpack.scaling._valley import bottom, descend

_PER_BLOCK = 4  # 32-bit words of a block of noise


def resampled(problem, theta, valley, resamples, seed, smooth):
    """Minima of S for measurements drawn anew, shape (resamples, free)."""
    labels = [label for _, one, *_ in problem.parts for label in common(one)]
    distinct = {label: number for number, label in enumerate(sorted(set(labels)))}
    labels = np.array([distinct[label] for label in labels], np.uint64)
    samples = np.empty((resamples, theta.size))
    for number in range(resamples):
        a = problem.a.copy()
        for _, one, where, *_ in problem.parts:
            a[where] += deviation(one, labels[where], seed, number)
        if smooth:
            samples[number] = bottom(problem, theta, valley, a)
        else:
            samples[number] = theta + valley.axes @ descend(problem, theta, valley.axes, a).x
    return samples


def deviation(data, labels, seed, number):
    """What the means of `data` differ by when its runs are drawn anew, for the `number`-th time.

    Draws belong to (seed, number, label), label numbering the pairs of size and rho (or sizes, when
    paired). They are enlarged by sqrt(n/(n - 1)), the known shortfall of the bootstrap's variance.
    """
    key = (np.uint64(seed), noise.BOOTSTRAP, np.uint64(number))
    if data.runs is None:
        g = np.empty(len(data))
        noise.fill_gaussian(*key, labels, np.zeros_like(labels), g)
        return data.da * g
    runs = data.runs.shape[1]
    chosen = draws(key, labels, runs)
    drawn = np.take_along_axis(data.runs, chosen, axis=1)
    there = ~np.isnan(drawn)
    n = there.sum(axis=1)
    mean = np.divide(np.nansum(drawn, axis=1), n, out=data.a.copy(), where=n > 0)
    have = np.sum(~np.isnan(data.runs), axis=1)
    return (mean - data.a) * np.sqrt(have / (have - 1.0))


def draws(key, labels, runs):
    """Indices in [0, runs), (labels, runs), drawn with replacement; rows of equal label are equal."""
    blocks = -(-runs // _PER_BLOCK)
    distinct, back = np.unique(labels, return_inverse=True)
    a = np.repeat(distinct, blocks)
    b = np.tile(np.arange(blocks, dtype=np.uint64), distinct.size)
    words = np.empty((a.size, 2), np.uint64)
    noise.fill_bits(*key, a, b, words)
    low, high = words & np.uint64(0xFFFFFFFF), words >> np.uint64(32)
    parts = np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], axis=1).reshape(
        distinct.size, -1
    )[:, :runs]
    return ((parts * np.uint64(runs)) >> np.uint64(32)).astype(np.int64)[back]
