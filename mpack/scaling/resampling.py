"""The bootstrap of anything that is computed from data: runs drawn anew, with replacement, point by point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack.scaling.data import Data


def redrawn(
    data: Data | Mapping[str, Data],
    rng: np.random.Generator | int,
    *,
    dim: int = 3,
    digits: int = 5,
) -> Data | dict[str, Data]:
    """Draw the runs of every point anew, with replacement, the same ones for all observables of a point.

    The new mean of a point with m runs is a + sqrt(m/(m - 1)) (mean of m drawn runs - a): the root
    undoes the known shortfall of the bootstrap's variance. Errors stay as they are.

    Parameters
    ----------
    data : Data, or dict of str to Data
        With runs.
    rng : numpy.random.Generator, or a seed of one
        One number is taken from it; with it go the two labels of a point.
    dim, digits : int
        The labels: l^dim rounded to an integer, and rho in units of 10^-digits. Points of different
        observables with equal labels draw equally; within one, all labels have to differ.

    Returns
    -------
    Data, or dict of str to Data
        Without runs.

    Raises
    ------
    ValueError, TypeError
        Data have no runs or points with fewer than two, or two points of one observable have the
        same labels.

    Examples
    --------
    >>> runs = np.random.default_rng(0).uniform(1, 2, (2, 3, 4))
    >>> data = Data([2, 3], [0.1, 0.2, 0.3], runs)
    >>> again = redrawn(data, 7)
    >>> np.array_equal(again.a, redrawn(data, 7).a), np.array_equal(again.da, data.da)
    (True, True)
    """
    rng = np.random.default_rng(rng)
    scale = 10.0 ** _check.integer("digits", digits, 0, 15)
    dim = _check.integer("dim", dim, 1)
    parts: dict[Any, Data] = dict(data) if isinstance(data, Mapping) else {None: data}
    for name, one in parts.items():
        _refuse_undrawable("data" if name is None else f"data[{name!r}]", one, dim, scale)
    key = int(rng.integers(2**32))
    found = {name: one.with_values(_means(one, key, dim, scale)) for name, one in parts.items()}
    return found if isinstance(data, Mapping) else found[None]


def _refuse_undrawable(name, data, dim, scale):
    _check.instance(name, data, Data, "a mpack.scaling.Data")
    if data.runs is None:
        raise ValueError(f"{name} must have runs to be drawn from; it has means only")
    if np.min(np.sum(~np.isnan(data.runs), axis=1)) < 2:
        raise ValueError(f"{name} must have at least 2 runs at every point; some have fewer")
    labels = {_label(l, rho, dim, scale) for l, rho in zip(data.l, data.rho)}
    if len(labels) < len(data) or min(map(min, labels)) < 0:
        raise ValueError(
            f"dim and digits must give the {len(data)} points of {name} labels >= 0 that differ; "
            f"got {len(labels)} labels from {min(labels)}"
        )


def _label(l, rho, dim, scale):
    return round(l**dim), round(scale * rho)


def _means(data, key, dim, scale):
    a = data.a.copy()
    for k, (l, rho, runs) in enumerate(zip(data.l, data.rho, data.runs)):
        there = runs[~np.isnan(runs)]
        m = len(there)
        point = np.random.default_rng([key, *_label(l, rho, dim, scale)])
        drawn = there[point.integers(m, size=m)].mean()
        a[k] += (drawn - a[k]) * (m / (m - 1)) ** 0.5
    return a


def bootstrap(
    data: Data | Mapping[str, Data],
    statistic: Callable[[Any], ArrayLike],
    *,
    resamples: int,
    rng: np.random.Generator | int,
    dim: int = 3,
    digits: int = 5,
) -> NDArray:
    """Compute a statistic on data whose runs are drawn anew, `resamples` times.

    Parameters
    ----------
    data : Data, or dict of str to Data
        With runs; what the statistic is given is of the same kind (see `redrawn`).
    statistic : callable
        From data to a number or an array. Several numbers from one call are from one draw, so that
        the spread of their differences is that of paired differences.
    resamples : int
        >= 2.
    rng : numpy.random.Generator, or a seed of one
        Draws one number a resample.
    dim, digits : int
        See `redrawn`.

    Returns
    -------
    array, shape (resamples, ...)

    Raises
    ------
    ValueError, TypeError
        As for `redrawn`.

    References
    ----------
    B. Efron, Ann. Stat. 7, 1 (1979).

    Examples
    --------
    >>> runs = np.random.default_rng(0).normal(5, 1, (2, 3, 40))
    >>> data = Data([2, 3], [0.1, 0.2, 0.3], runs)
    >>> drawn = bootstrap(data, lambda again: again.a, resamples=100, rng=1)
    >>> drawn.shape, bool(np.all(abs(drawn.std(axis=0) / data.da - 1) < 0.3))
    ((100, 6), True)
    """
    resamples, rng = _check.integer("resamples", resamples, 2), np.random.default_rng(rng)
    draws = (redrawn(data, rng, dim=dim, digits=digits) for _ in range(resamples))
    return np.array([statistic(again) for again in draws])
