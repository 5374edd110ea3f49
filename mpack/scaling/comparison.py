"""The same fit again: in other windows, from other starts, with the exponents of other classes."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mpack import _check
from mpack.scaling import _parameters
from mpack.scaling._problem import Problem
from mpack.scaling.classes import Exponents
from mpack.scaling.data import Data, TooLittleData
from mpack.scaling.fits import collapse
from mpack.scaling.gaussian import gaussian_process
from mpack.scaling.resampling import bootstrap
from mpack.scaling.results import Fit


def _window(data, rho_c, nu, **ranges):
    """`Data.window` of one observable, or of each."""
    if not isinstance(data, Mapping):
        return data.window(rho_c, nu, **ranges)
    return {name: one.window(rho_c, nu, **ranges) for name, one in data.items()}


def windows(
    data: Data | Mapping[str, Data],
    start: Mapping[str, float],
    *,
    x: Sequence[float | tuple[float, float]] = (np.inf,),
    l_min: Sequence[float] = (0.0,),
    at: Mapping[str, float] | None = None,
    fixed: Mapping[str, float] | None = None,
    method: Callable[..., Fit] = collapse,
    **options: Any,
) -> pd.DataFrame:
    """The same fit in several windows: how far the result depends on which data are used.

    Parameters
    ----------
    data, start, fixed :
        As for `collapse`.
    x : sequence of float or of (low, high)
        Windows of x = l^(1/nu) (rho - rho_c); a number w stands for (-w, w).
    l_min : sequence of float
        Smallest sizes.
    at : dict, optional
        rho_c and nu at which x is computed, the same for all fits; by default their starting or
        fixed values.
    method : collapse or gaussian_process
    **options
        Of the method.

    Returns
    -------
    pandas.DataFrame
        A row for each window: low, high, l_min, points, used, quality, and each free parameter with
        its error (dNAME). Windows that leave too little to fit have nan.

    Raises
    ------
    ValueError, TypeError
        As for `collapse`, or another method.

    Examples
    --------
    >>> l, x = np.array([8.0, 16.0, 32.0]), np.linspace(-2, 2, 21)
    >>> rho = 0.6 + (x + 0.03 * l[:, None] ** 0.5) / l[:, None]
    >>> a = (1 + np.tanh(l[:, None] * (rho - 0.6))) / l[:, None] ** 0.5
    >>> law = {"nu": 1.0, "zeta": -0.5}
    >>> table = windows(Data(l, rho, a, 0.05 * a), {"rho_c": 0.6}, fixed=law, x=(2, 1))
    >>> table[["high", "points"]].to_numpy().tolist()
    [[2.0, 60.0], [1.0, 30.0]]
    """
    if method not in (collapse, gaussian_process):
        raise ValueError(f"method must be collapse or gaussian_process; got {method!r}")
    problem = Problem(data, start, fixed)
    at = problem.values(problem.start) | dict(at or {})
    rows = []
    span: Any  # a number, or two
    for span, least in itertools.product(x, l_min):
        low, high = (-span, span) if np.ndim(span) == 0 else span
        row = {"low": float(low), "high": float(high), "l_min": float(least)}
        try:
            inside = _window(data, at["rho_c"], at["nu"], x=(low, high), l=(least, np.inf))
            fit = method(inside, start, fixed=fixed, **options)
        except TooLittleData:
            rows.append(row)
            continue
        row |= {"points": fit.points, "used": fit.used, "quality": fit.quality}
        for key in fit.free:
            row |= {key: fit.values[key], f"d{key}": fit.errors[key]}
        rows.append(row)
    return pd.DataFrame(rows)


def centre(
    data: Data | Mapping[str, Data],
    rho_c: float,
    *,
    fixed: Mapping[str, float],
    nu: float | None = None,
    x: tuple[float, float] = (-np.inf, np.inf),
    l: tuple[float, float] = (0.0, np.inf),
    rounds: int = 2,
) -> float:
    """Find rho_c of the best collapse in a window that is centred on it.

    Parameters
    ----------
    data : Data, or dict of str to Data
    rho_c : float
        Where the first window lies.
    fixed : dict
        All other parameters, see `collapse`.
    nu : float, optional
        With which x of the window is taken, > 0; by default that in `fixed`.
    x, l : (float, float)
        The window, see `Data.window`.
    rounds : int
        How often window and fit follow each other, >= 1.

    Returns
    -------
    float

    Raises
    ------
    TooLittleData, ValueError, TypeError
        As for `collapse` and `Data.window`.

    Examples
    --------
    >>> l, x = np.array([8.0, 16.0, 32.0]), np.linspace(-2, 2, 21)
    >>> rho = 0.6 + (x + 0.03 * l[:, None] ** 0.5) / l[:, None]
    >>> a = (1 + np.tanh(l[:, None] * (rho - 0.6))) / l[:, None] ** 0.5
    >>> data = Data(l, rho, a, 0.05 * a)
    >>> round(centre(data, 0.59, fixed={"nu": 1.0, "zeta": -0.5}, x=(-1.5, 1.5)), 3)
    0.6
    """
    nu = fixed["nu"] if nu is None else nu
    for _ in range(_check.integer("rounds", rounds, 1)):
        inside = _window(data, rho_c, nu, x=x, l=l)
        fit = collapse(inside, {"rho_c": rho_c}, fixed=fixed, errors="none")
        rho_c = fit.values["rho_c"]
    return rho_c


def best_of(
    data: Data | Mapping[str, Data],
    starts: Iterable[Mapping[str, float]],
    *,
    fixed: Mapping[str, float] | None = None,
    share: float = 0.5,
    **options: Any,
) -> Fit:
    """Find the best collapse over several starts: S has many valleys where it is bad.

    From each start S is minimised coarsely, and where its lowest dip is below the best valley yet,
    its valley is found; of those in which enough points take part in S the lowest is where the fit
    proper begins.

    Parameters
    ----------
    data, fixed :
        As for `collapse`.
    starts : iterable of dict
        Values of the free parameters, the same ones in each.
    share : float
        Of the points that have to take part, in [0, 1].
    **options
        Of `collapse`, for the fit proper.

    Returns
    -------
    Fit

    Raises
    ------
    TooLittleData
        No start leads to a minimum with enough points.
    ValueError, TypeError
        As for `collapse`.

    Examples
    --------
    >>> l, x = np.array([8.0, 16.0, 32.0]), np.linspace(-2, 2, 21)
    >>> rho = 0.6 + (x + 0.03 * l[:, None] ** 0.5) / l[:, None]
    >>> a = (1 + np.tanh(l[:, None] * (rho - 0.6))) / l[:, None] ** 0.5
    >>> starts, law = [{"rho_c": v} for v in (0.5, 0.55, 0.61)], {"nu": 1.0, "zeta": -0.5}
    >>> round(best_of(Data(l, rho, a, 0.05 * a), starts, fixed=law).rho_c, 2)
    0.6
    """
    share = _check.number("share", share, 0.0, 1.0)
    coarse: dict[str, Any] = {"errors": "none", "restarts": 0, "xatol": 1e-4, "fatol": 1e-3}
    dips: list[tuple[float, int, Mapping[str, float]]] = []
    best: Fit | None = None
    for start in starts:
        with contextlib.suppress(TooLittleData):
            dip = collapse(data, start, fixed=fixed, smooth=False, **coarse)
            dips.append((dip.quality, len(dips), start))
    for lowest, _, start in sorted(dips, key=lambda dip: dip[:2]):
        if best is not None and lowest > best.quality:
            break  # a valley is no lower than the lowest dip in it
        with contextlib.suppress(TooLittleData):
            fit = collapse(data, start, fixed=fixed, **coarse)
            if fit.used >= fit.points * share and (best is None or fit.quality < best.quality):
                best = fit
    if best is None:
        raise TooLittleData(
            f"starts must lead to a collapse in which a share of {share:g} of all points takes part; none does"
        )
    start = {key: best.values[key] for key in best.free}
    return collapse(data, start, fixed=fixed, **options)


def apart(data: Mapping[str, Data], values: Mapping[str, float]) -> dict[str, float]:
    """Compute the quality S of each observable of a joint fit alone, at given parameters.

    Parameters
    ----------
    data : dict of str to Data
    values : dict of str to float
        All parameters of the joint fit, such as `Fit.values`.

    Returns
    -------
    dict of str to float
        nan where no point lies between those of another size.

    Raises
    ------
    ValueError, TypeError
        As for `collapse`.

    Examples
    --------
    >>> one = Data([8, 16], [0.5, 0.6, 0.7], np.ones((2, 3)), 0.1 * np.ones((2, 3)))
    >>> law = {"rho_c": 0.6, "nu": 1.0, "zeta_f": 0.0, "zeta_g": -1.0}
    >>> {name: S > 1 for name, S in apart({"f": one, "g": one}, law).items()}
    {'f': False, 'g': True}
    """
    found = {}
    for name, one in data.items():
        known = _parameters.declared([name])
        problem = Problem({name: one}, {}, {key: values[key] for key in known if key in values})
        S = problem.quality(problem.start)
        found[name] = float(S) if np.isfinite(S) else float("nan")
    return found


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """The same data scaled with several sets of exponents.

    Attributes
    ----------
    fits : dict of str to Fit
        Of each set, what was left free being fitted; without errors.
    drawn : array, shape (resamples, sets), or None
        S of each set in each resample: a row is one draw.

    Examples
    --------
    >>> from mpack.scaling import compare
    >>> runs = np.random.default_rng(0).normal(1, 0.1, (2, 4, 9)) * [[[1.0]], [[0.5]]]
    >>> data = Data([8, 16], [0.5, 0.6, 0.7, 0.8], runs)
    >>> sets = {"right": {"nu": 1e3, "zeta": -1e3}, "wrong": {"nu": 1e3, "zeta": 0.0}}
    >>> found = compare(data, sets, 0.6, resamples=9, rng=1)
    >>> excess, error = found.excess("wrong", "right")
    >>> excess > 3 * error > 0, list(found.table().columns)
    (True, ['class', 'rho_c', 'S', 'used', 'dS', 'excess', 'dexcess'])
    """

    fits: dict[str, Fit]
    drawn: NDArray | None = None

    def _column(self, name):
        _check.choice("name", name, tuple(self.fits))
        return None if self.drawn is None else self.drawn[:, list(self.fits).index(name)]

    def spread(self, name: str) -> float:
        """Standard error of S of a set, over resamples; nan without any.

        Examples
        --------
        >>> round(Comparison({"one": None}, np.array([[1.0], [3.0]])).spread("one"), 3)
        1.414
        """
        own = self._column(name)
        return float("nan") if own is None else float(own.std(ddof=1))

    def excess(self, name: str, over: str) -> tuple[float, float]:
        """S of one set less that of another, and the standard error of the difference over the same draws.

        Parameters
        ----------
        name, over : str
            Of two sets.

        Returns
        -------
        (float, float)
            The error is nan without resamples.

        Raises
        ------
        ValueError
            There is no such set.

        Examples
        --------
        See `Comparison`.
        """
        own, other = self._column(name), self._column(over)
        difference = self.fits[name].quality - self.fits[over].quality
        error = float("nan") if own is None else float((own - other).std(ddof=1))
        return float(difference), error

    def table(self, over: str | None = None) -> pd.DataFrame:
        """A row for each set: class, rho_c, S, of how many points (used), dS, and excess, dexcess.

        The excess is that over one of the sets, by default the first.

        Examples
        --------
        See `Comparison`.
        """
        over = next(iter(self.fits)) if over is None else over
        rows = [
            (name, fit.values["rho_c"], fit.quality, fit.used)
            + (self.spread(name), *self.excess(name, over))
            for name, fit in self.fits.items()
        ]
        columns = ["class", "rho_c", "S", "used", "dS", "excess", "dexcess"]
        return pd.DataFrame(rows, columns=columns)


def compare(
    data: Data | Mapping[str, Data],
    classes: Mapping[str, Mapping[str, float] | Exponents],
    rho_c: float | Mapping[str, float],
    *,
    resamples: int = 0,
    rng: np.random.Generator | int | None = None,
    dim: int = 3,
    digits: int = 5,
    **options: Any,
) -> Comparison:
    """Scale data with the exponents of several classes, rho_c being fitted anew for each.

    A class is worse than another if S is larger by some standard errors of the difference. That
    error comes from drawing the runs anew and fitting rho_c again for every class on the same draw.

    Parameters
    ----------
    data : Data, or dict of str to Data
        With runs, if there are resamples.
    classes : dict of str to dict, or to Exponents
        The parameters that are held, as in `fixed` of `collapse` (`Exponents.parameters`); an
        `Exponents` itself where one order parameter is fitted.
    rho_c : float, or dict of str to float
        Where to start, for all classes or for each.
    resamples : int
        Draws for the errors, 0 for none.
    rng : numpy.random.Generator, or a seed of one
        For the draws.
    dim, digits : int
        See `redrawn`.
    **options
        Of `collapse`: xatol, fatol, restarts, smooth.

    Returns
    -------
    Comparison

    Raises
    ------
    TooLittleData, ValueError, TypeError
        As for `collapse` and `redrawn`; or there is no class, or no rng for resamples.

    Examples
    --------
    >>> from mpack.scaling import exponents
    >>> l, x = np.array([8.0, 16.0, 32.0]), np.linspace(-2, 2, 21)
    >>> rho = 0.6 + (x + 0.03 * l[:, None] ** 0.5) * l[:, None] ** (-1 / 0.593)
    >>> a = np.exp((rho - 0.6) * l[:, None] ** (1 / 0.593)) * l[:, None] ** (-0.84 / 0.593)
    >>> classes = {name: exponents(name, 3) for name in ("Manna", "mean field")}
    >>> found = compare(Data(l, rho, a, 0.05 * a), classes, 0.6)
    >>> found.fits["Manna"].quality < 0.1 < found.fits["mean field"].quality
    True
    """
    resamples = _check.integer("resamples", resamples, 0)
    if resamples and rng is None:
        raise TypeError(
            "rng must be a numpy Generator or a seed where there are resamples; got None"
        )
    if not classes:
        raise ValueError("classes must hold at least one class; got {}")
    held = {
        name: one.parameters() if isinstance(one, Exponents) else one
        for name, one in classes.items()
    }
    starts = rho_c if isinstance(rho_c, Mapping) else dict.fromkeys(held, rho_c)

    def fits(data):
        return {
            name: collapse(
                data, {"rho_c": starts[name]}, fixed=held[name], errors="none", **options
            )
            for name in held
        }

    def qualities(again):
        return [fit.quality for fit in fits(again).values()]

    best = fits(data)
    if not resamples or rng is None:
        return Comparison(best)
    drawn = bootstrap(data, qualities, resamples=resamples, rng=rng, dim=dim, digits=digits)
    return Comparison(best, drawn)
