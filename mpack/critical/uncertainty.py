"""An uncertainty budget: by how much a result moves when one choice of its analysis is changed at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from mpack import _check
from mpack.statistics import Estimate

if TYPE_CHECKING:
    from pandas import DataFrame


class Change(NamedTuple):
    """One line of a budget.

    Attributes
    ----------
    what : str
        The choice that was changed, and to what.
    group : str
        Of the lines of a group the largest counts: they are several looks at one weakness.
    change : float
        By how much the result moved, signed.
    counts : float
        What it counts, as one standard error, >= 0: |change|, unless more is known.

    Examples
    --------
    >>> from mpack import critical
    >>> budget = critical.Budget((1.0, 0.1))
    >>> budget.add("half the runs", -0.05)
    >>> budget.changes
    [Change(what='half the runs', group='half the runs', change=-0.05, counts=0.05)]
    """

    what: str
    group: str
    change: float
    counts: float


class Budget:
    """Uncertainty of a result beyond its statistical error.

    Change, one at a time, everything that should not matter, do the whole analysis again, and note
    by how much the result moves. In each group of changes the largest counts, as one standard
    error; groups and the statistical error are added in quadrature.

    Parameters
    ----------
    result : Estimate, or what `Estimate.of` takes
        The result with its statistical error.
    analysis : callable, optional
        From keyword arguments, the choices, to the result: for `vary`. Without any it gives
        `result`.

    Raises
    ------
    TypeError
        If `result` is no estimate or `analysis` cannot be called.

    Examples
    --------
    >>> from mpack import critical
    >>> def root(start=1.0, rounds=3):
    ...     for _ in range(rounds):
    ...         start = (start + 2 / start) / 2
    ...     return start, 1e-6
    >>> budget = critical.Budget(root(), root)
    >>> budget.vary("start: 2", start=2.0)
    >>> budget.vary("one round less", rounds=2)
    >>> print(budget.estimate)
    1.4142 ± 0.0025
    >>> budget.largest
    'one round less'
    """

    def __init__(self, result: Any, analysis: Callable[..., Any] | None = None) -> None:
        if analysis is not None and not callable(analysis):
            raise TypeError(f"analysis must be callable; got {_check.short(analysis)}")
        self.result, self.analysis = Estimate.of(result), analysis
        self.changes: list[Change] = []

    def vary(self, what: str, group: str | None = None, **choices: Any) -> None:
        """Do the analysis again with these choices, and add by how much the result moves.

        Parameters
        ----------
        what : str
            The line's name, unique.
        group : str, optional
            The line's group; one of its own if left out.
        **choices
            Handed to `analysis`.

        Raises
        ------
        ValueError
            If there is no analysis, or the name is taken.

        Examples
        --------
        >>> from mpack import critical
        >>> budget = critical.Budget((1.0, 0.1), lambda x=1.0: x)
        >>> budget.vary("x = 1.2", x=1.25)
        >>> budget.changes[0].change
        0.25
        """
        if self.analysis is None:
            raise ValueError("vary needs a budget with an analysis: Budget(result, analysis)")
        moved = Estimate.of(self.analysis(**choices)).value
        self.add(what, moved - self.result.value, group)

    def add(
        self, what: str, change: float, group: str | None = None, *, counts: float | None = None
    ) -> None:
        """Add a change found elsewhere.

        Parameters
        ----------
        what : str
            The line's name, unique.
        change : float
            By how much the result moved.
        group : str, optional
            The line's group; one of its own if left out.
        counts : float, optional
            What it counts, >= 0; |change| if left out. Such as |shift| + error where the shift
            itself is uncertain.

        Raises
        ------
        ValueError, TypeError
            If the name is taken or a number is out of its range.

        Examples
        --------
        >>> from mpack import critical
        >>> budget = critical.Budget((0.64, 0.003))
        >>> budget.add("size", 0.002, counts=0.004)
        >>> print(budget.total, budget.systematic)
        0.005 0.004
        """
        _check.instance("what", what, str, "a string")
        if what in [one.what for one in self.changes]:
            raise ValueError(f"what must be a new name; the budget has {what!r} already")
        change = _check.number("change", change)
        counts = abs(change) if counts is None else _check.number("counts", counts, 0.0)
        group = what if group is None else _check.instance("group", group, str, "a string")
        self.changes.append(Change(what, group, change, counts))

    @property
    def parts(self) -> dict[str, float]:
        """What each group counts, "statistics" first."""
        found = {"statistics": self.result.error}
        for one in self.changes:
            found[one.group] = max(found.get(one.group, 0.0), one.counts)
        return found

    @property
    def total(self) -> float:
        """All groups and the statistical error in quadrature."""
        return math.hypot(*self.parts.values())

    @property
    def systematic(self) -> float:
        """All groups without the statistical error: what results with errors of their own have in common."""
        return math.hypot(*list(self.parts.values())[1:])

    @property
    def estimate(self) -> Estimate:
        """The result with its total error."""
        return Estimate(self.result.value, self.total, self.result.n, self.result.source)

    @property
    def largest(self) -> str:
        """The group that counts most."""
        parts = self.parts
        return max(parts, key=parts.__getitem__)

    def table(self) -> DataFrame:
        """One row a group, the total last.

        Returns
        -------
        pandas.DataFrame
            source, uncertainty.

        Examples
        --------
        >>> from mpack import critical
        >>> budget = critical.Budget((0.64, 0.003))
        >>> budget.add("size", 0.004)
        >>> budget.table().uncertainty.tolist()
        [0.003, 0.004, 0.005]
        """
        import pandas as pd

        rows = [*self.parts.items(), ("total (in quadrature)", self.total)]
        return pd.DataFrame(rows, columns=["source", "uncertainty"])
