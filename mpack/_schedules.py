"""When a run records: the schedules that `mpack.every`, `mpack.log_spaced` and arrays of steps stand for."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack._repr import short_repr

MOST_STEPS = 2**48


@dataclass(frozen=True)
class Every:
    """The steps 0, k, 2k, ...; see `mpack.every`."""

    k: int

    def between(self, first: int, last: int) -> NDArray[np.int64]:
        """The scheduled steps in [first, last]."""
        return np.arange(-(-first // self.k) * self.k, last + 1, self.k, dtype=np.int64)


class _Table:
    """A schedule that holds all its steps, `steps_array`."""

    def between(self: Any, first: int, last: int) -> NDArray[np.int64]:
        """The scheduled steps in [first, last]."""
        begin, end = np.searchsorted(self.steps_array, [first, last + 1])
        return self.steps_array[begin:end]


@dataclass(frozen=True)
class LogSpaced(_Table):
    """Step 0 and steps evenly spaced in their logarithm; see `mpack.log_spaced`."""

    points_per_decade: int

    @functools.cached_property
    def steps_array(self) -> NDArray[np.int64]:
        """All of them, to the most steps a run can have."""
        return _log_spaced(self.points_per_decade)


@functools.lru_cache(maxsize=16)
def _log_spaced(points_per_decade):
    """Made once: it takes milliseconds, and every run of a sweep asks for it."""
    context = Context(prec=30)  # not libm: the same steps on every machine
    powers = range(math.ceil(math.log10(MOST_STEPS) * points_per_decade))
    exponents = (Decimal(power) / points_per_decade for power in powers)
    steps = {int(context.power(10, exponent).to_integral_value()) for exponent in exponents}
    made = np.array(sorted(steps | {0}), dtype=np.int64)
    made.flags.writeable = False
    return made


@dataclass(frozen=True)
class Listed(_Table):
    """The steps of a given array."""

    steps: tuple

    __repr__ = short_repr

    @functools.cached_property
    def steps_array(self) -> NDArray[np.int64]:
        """They, as an array."""
        return np.array(self.steps, dtype=np.int64)


Schedule: TypeAlias = Every | LogSpaced | Listed
Record: TypeAlias = Schedule | ArrayLike | None  # what arguments `record` may be


def schedule_of(record: Record, name: str = "record") -> Schedule:
    """The schedule that an argument means: step 0 alone if None; TypeError or ValueError for what is none."""
    if record is None:
        return Listed((0,))
    if isinstance(record, (Every, LogSpaced, Listed)):
        return record
    try:
        steps = np.asarray(record)
    except ValueError:  # rows of different length
        steps = np.asarray(None)
    if steps.ndim != 1 or (len(steps) and steps.dtype.kind not in "iu"):
        raise TypeError(
            f"{name} must be mpack.every(k), mpack.log_spaced(points_per_decade) or an increasing "
            f"one-dimensional array of integer steps; got {_check.short(record)}"
        )
    listed = [int(step) for step in steps]
    for place, (earlier, later) in enumerate(zip([-1, *listed], listed)):
        if not earlier < later <= MOST_STEPS:
            raise ValueError(
                f"{name} must be increasing steps, each in [0, {MOST_STEPS}]; got {name}[{place}] = {later}"
                + (f" after {earlier}" if place else "")
            )
    return Listed(tuple(listed))
