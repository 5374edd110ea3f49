"""What the records of a run, and the table of many, must be."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check

FEWEST = 8  # evenly spaced records that a steady stretch must have


def series(times: ArrayLike, activity: ArrayLike) -> tuple[NDArray[np.int64], NDArray]:
    """The two arrays of one run, checked."""
    times = _check.array("times", times, (None,))
    activity = _check.array("activity", activity, (len(times),))
    if not len(times) or np.any(np.diff(times) <= 0) or np.any(times != np.floor(times)):
        raise ValueError("times must be increasing whole steps, at least one")
    if activity.min() < 0.0 or activity.max() > 1.0:
        raise ValueError(
            f"activity must lie in [0, 1]; got {activity.min():g} to {activity.max():g}"
        )
    return times.astype(np.int64), activity


def even(times: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """The evenly spaced steps among `times`, on the grid of their widest gap, and the spacing.

    Records made by `every(k)` and by others besides (log_spaced, the last step) have k for their
    widest gap.
    """
    spacing = int(np.diff(times).max(initial=1))
    remainders, counts = np.unique(times % spacing, return_counts=True)
    grid = times[times % spacing == remainders[np.argmax(counts)]]
    holes = len(grid) < 2 or np.any(np.diff(grid) != spacing)
    covers = 0.9 * (times[-1] - times[0]) <= grid[-1] - grid[0]
    if holes or not covers or len(grid) < FEWEST:
        raise ValueError(
            f"times must hold at least {FEWEST} evenly spaced records in the averaged stretch, steps {times[0]} to "
            f"{times[-1]} (record=mpack.every(k) gives them); its {len(times)} records are not"
        )
    return grid, spacing


def need_columns(table, *names: str) -> None:
    """Refuse what is no table of runs with these columns."""
    columns = list(getattr(table, "columns", ()))
    missing = [name for name in names if name not in columns]
    if not hasattr(table, "groupby") or missing:
        raise ValueError(
            f"table must be a sweep's, with the columns {', '.join(names)}; "
            + (f"missing: {', '.join(missing)}" if columns else f"got {type(table).__name__}")
        )
