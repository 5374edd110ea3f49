"""The limit of small kicks: phi_c extrapolated by a line, by swollen spheres, or by a law of one's own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check, _fits
from mpack._fits import Undetermined
from mpack._repr import short_repr
from mpack.critical.transition import NU_PERP
from mpack.statistics import Estimate


@dataclass(frozen=True)
class Limit:
    """What `to_zero` and `limit` found.

    Attributes
    ----------
    value, error : float
        The limit and its standard error: of `to_zero`, that which follows from the given errors;
        of `limit`, grown by the scatter about the law where that is larger.
    coefficients : array
        Of the law, the limit first: of a polynomial lowest first.
    chi2 : float
        sum ((y - law) / error)^2.
    freedom : int
        Points minus coefficients.
    covariance : array
        Of the coefficients, as it follows from the given errors.

    Examples
    --------
    >>> from mpack import critical
    >>> found = critical.to_zero([0.0, 1.0, 2.0], [0.64, 0.62, 0.60], [0.001] * 3)
    >>> found.coefficients.round(9).tolist(), found.freedom, found.spread
    ([0.64, -0.02], 1, 1.0)
    """

    value: float
    error: float
    coefficients: NDArray
    chi2: float
    freedom: int
    covariance: NDArray

    __repr__ = short_repr

    @property
    def estimate(self) -> Estimate:
        """Value and error; n is the number of points."""
        return Estimate(self.value, self.error, self.freedom + len(self.coefficients))

    @property
    def spread(self) -> float:
        """How much larger than its errors the scatter is: the root of chi^2 per degree of freedom, at least 1."""
        return max(1.0, (self.chi2 / max(1, self.freedom)) ** 0.5)


def to_zero(x: ArrayLike, y: ArrayLike, error: ArrayLike, *, degree: int = 1) -> Limit:
    """The limit x -> 0 of y by a weighted polynomial, y = y_0 + c_1 x + ... (for phi_c against the kick size).

    Parameters
    ----------
    x, y, error : arrays, shape (m,)
        Standard errors > 0; they are taken as independent.
    degree : int
        0 to 4, less than the number of different x.

    Returns
    -------
    Limit
        The error is that which follows from `error`: compare chi2 with its freedom before believing
        it.

    Raises
    ------
    ValueError, TypeError
        If an array is malformed, an error is not > 0, or the points do not determine the
        polynomial: too few different x, or numbers so large or so close that nothing is left.

    Examples
    --------
    >>> from mpack import critical
    >>> found = critical.to_zero([0.01, 0.02, 0.05], [0.627, 0.619, 0.595], [0.001] * 3)
    >>> print(found.estimate, f"slope {found.coefficients[1]:.2f}")
    0.6350 ± 0.0011 slope -0.80
    """
    x, y, error = _points(x, y, error)
    degree = _check.integer("degree", degree, 0, 4)
    if len(np.unique(x)) <= degree:
        raise ValueError(
            f"x must hold more than {degree} different values, each with an error > 0; "
            f"got {_check.short(x)}"
        )
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        weighted = x[:, None] ** np.arange(degree + 1) / error[:, None]
        normal = weighted.T @ weighted
        scale = np.sqrt(np.diag(normal))
        scaled = normal / np.outer(scale, scale)
    if not np.all(np.isfinite(scaled)) or np.linalg.cond(scaled) > 1e14:
        raise Undetermined(
            f"x must differ enough, and not be too large or small, for a polynomial of degree "
            f"{degree}; got {_check.short(x)}"
        )
    covariance = np.linalg.inv(normal)
    with np.errstate(over="ignore", invalid="ignore"):
        coefficients = covariance @ weighted.T @ (y / error)
        chi2 = float(np.sum((weighted @ coefficients - y / error) ** 2))
    _fits.finite("the limit", covariance, coefficients, chi2)
    return Limit(
        float(coefficients[0]),
        float(np.sqrt(covariance[0, 0])),
        coefficients,
        chi2,
        len(x) - degree - 1,
        covariance,
    )


@_check.sound
def swollen(kick: ArrayLike, end: float, c: float, dim: int = 3) -> Any:
    """phi_c of spheres that the dynamics sees swollen by c kicks: phi_c = end / (1 + c kick)^d.

    Absorbed spheres keep gaps as large as the last kicks: each has the diameter 1 + c kick to the
    dynamics, which jams at the density `end` of these.

    Parameters
    ----------
    kick : float or array
        Learning rate, or 4/3 eps of BRO, in mean diameters.
    end : float
        The limit of small kicks.
    c : float
        Swelling in units of the kick.
    dim : int
        d >= 1.

    Returns
    -------
    float or array
        Like `kick`.

    Examples
    --------
    >>> from mpack import critical
    >>> round(critical.swollen(0.1, 0.64, 0.33), 4)
    0.5806
    """
    end, c, dim = _check.number("end", end), _check.number("c", c), _check.integer("dim", dim, 1)
    swelling: Any = _check.reals("kick", kick)
    swelling = swelling if swelling.ndim else float(swelling)
    return end / (1 + c * swelling) ** dim


@_check.sound
def shrinkage(diameters: ArrayLike, kick: ArrayLike, c: float, dim: int = 3) -> NDArray:
    """Factor by which kicks lower phi_c of a mixture: <D^d> / <(D + c kick)^d>, one swelling for all sizes.

    Parameters
    ----------
    diameters : array, shape (n,)
        In mean diameters, > 0; of equal spheres [1].
    kick : float or array, shape (m,)
        As for `swollen`.
    c : float
        Swelling in units of the kick.
    dim : int
        d >= 1.

    Returns
    -------
    array, shape (m,)
        1 for no kick.

    Raises
    ------
    ValueError, TypeError
        If a diameter is not > 0.

    Examples
    --------
    >>> from mpack import critical
    >>> critical.shrinkage([1.0], [0.0, 0.1], 1 / 3).round(4).tolist()
    [1.0, 0.9063]
    """
    d = _check.array("diameters", diameters, (None,))[:, None]
    if not len(d) or d.min() <= 0.0:
        raise ValueError(
            f"diameters must hold at least one, all > 0; got {_check.short(diameters)}"
        )
    dim, c = _check.integer("dim", dim, 1), _check.number("c", c)
    swelling = c * np.atleast_1d(_check.reals("kick", kick))
    if swelling.ndim > 1:
        raise ValueError(f"kick must be a number or one row of them; got shape {swelling.shape}")
    return np.mean(d**dim) / np.mean((d + swelling) ** dim, axis=0)


def limit(
    points: Any,
    law: str | Callable[..., NDArray] = "line",
    *,
    dim: int = 3,
    largest: float | None = None,
    start: Sequence[float] | None = None,
) -> Limit:
    """The limit of small kicks of phi_c, by weighted least squares.

    Parameters
    ----------
    points : mapping from kick to phi_c, or array, shape (m, 3)
        phi_c with its error: a CriticalPoint, an Estimate, or a pair, such as `Located.curve`
        gives; or rows (kick, phi_c, error).
    law : str or callable
        "line": phi_c = end + slope kick. "swollen": `swollen` in `dim` dimensions, coefficients
        (end, c). A callable: law(kicks, end, *others), which is `end` at kick 0.
    dim : int
        Of "swollen".
    largest : float, optional
        Larger kicks are left out.
    start : sequence of float, optional
        Where the search for (end, *others) begins; needed for a callable. phi_c of the first point
        and 0.3 for "swollen" if left out.

    Returns
    -------
    Limit
        Its error is grown by `Limit.spread`.

    Raises
    ------
    Undetermined
        A ValueError: if there are fewer points than coefficients, or they do not determine the law.
    ValueError, TypeError
        If an argument is malformed.

    Examples
    --------
    >>> from mpack import critical
    >>> points = {a: (critical.swollen(a, 0.64, 0.33), 0.001) for a in (0.01, 0.03, 0.1)}
    >>> found = critical.limit(points, "swollen")
    >>> print(found.estimate, f"c = {found.coefficients[1]:.3f}")
    0.64000 ± 0.00093 c = 0.330
    >>> print(critical.limit(points, largest=0.05).estimate)
    0.6399 ± 0.0016
    """
    if not callable(law):
        _check.choice("law", law, ("line", "swollen"))
    x, y, e = _curve(points, largest)
    if law == "line":
        if len(x) < 2:
            raise Undetermined(f"a line needs at least 2 points; got {len(x)}")
        found = to_zero(x, y, e)
        return _grown(found)
    if callable(law):
        form: Callable[..., NDArray] = law
    else:
        dim = _check.integer("dim", dim, 1)
        form = functools.partial(swollen, dim=dim)
        start = (y[0] if len(y) else 0.5, 0.3) if start is None else start
    if start is None:
        raise ValueError("start must be given for a law of your own: where the search begins")
    return _grown(_law_fit(x, y, e, form, list(start)))


def _law_fit(
    x: NDArray, y: NDArray, e: NDArray, law: Callable[..., NDArray], start: list[float]
) -> Limit:
    """The fit of `limit` by a law that is no polynomial."""
    from scipy import optimize

    if len(np.unique(x)) < len(start):
        raise Undetermined(
            f"a law of {len(start)} coefficients needs as many points at different kicks for its "
            f"limit; got {_check.short(x)}"
        )
    best, covariance = _fits.fitted(
        lambda: optimize.curve_fit(law, x, y, p0=start, sigma=e, absolute_sigma=True), "the limit"
    )
    with np.errstate(over="ignore", invalid="ignore"):
        chi2 = float(np.sum(((y - law(x, *best)) / e) ** 2))
    _fits.finite("the limit", chi2)
    error = covariance[0, 0] ** 0.5
    return Limit(float(best[0]), float(error), best, chi2, len(x) - len(start), covariance)


def _grown(found: Limit) -> Limit:
    """With the error that the scatter about the law asks for."""
    parts = {name: getattr(found, name) for name in Limit.__dataclass_fields__}
    return Limit(**parts | {"error": float(found.error * found.spread)})


@dataclass(frozen=True)
class Limits:
    """What `limits` found.

    Attributes
    ----------
    ends : dict
        From each curve's name to its limit, an Estimate.
    swelling, swelling_error : arrays
        The coefficient c, one for all curves or one for each, and its standard error.
    chi2 : float
    freedom : int
        Points minus coefficients. All errors are grown by the root of chi^2 per degree of freedom
        where that is above 1.

    Examples
    --------
    >>> from mpack import critical
    >>> points = {x: (critical.swollen(x, 0.64, 0.3), 0.001) for x in (0.02, 0.05, 0.1)}
    >>> found = critical.limits({"GD": points}, lambda name, x, c: critical.swollen(x, 1.0, c))
    >>> round(found.ends["GD"].value, 6), found.swelling.round(6).tolist(), found.freedom
    (0.64, [0.3], 1)
    """

    ends: dict[Any, Estimate]
    swelling: NDArray
    swelling_error: NDArray
    chi2: float
    freedom: int

    @property
    def reduced(self) -> float:
        """chi^2 per degree of freedom."""
        return self.chi2 / self.freedom


def limits(
    curves: Mapping[Any, Any],
    factor: Callable[[Any, NDArray, float], NDArray],
    *,
    common: bool = True,
    largest: float | None = None,
    start: tuple[float, float] = (0.65, 0.33),
) -> Limits:
    """The limits of several curves at once, phi_c = end * factor(name, kick, c), with one c for all or one for each.

    Parameters
    ----------
    curves : mapping from name to points
        Points as for `limit`.
    factor : callable
        From the curve's name, kicks and c to an array, 1 at kick 0: see `shrinkage`.
    common : bool
        One c for all curves.
    largest : float, optional
        Larger kicks are left out.
    start : (float, float)
        Where the search for every end and every c begins.

    Returns
    -------
    Limits

    Raises
    ------
    Undetermined
        A ValueError: if there are not more points than coefficients, or they do not determine them.
    ValueError, TypeError
        If an argument is malformed.

    Examples
    --------
    >>> from mpack import critical
    >>> ends, a = {"equal": 0.64, "mixed": 0.68}, (0.02, 0.05, 0.1)
    >>> curves = {
    ...     name: {x: (critical.swollen(x, end, 0.3), 0.001) for x in a} for name, end in ends.items()
    ... }
    >>> found = critical.limits(curves, lambda name, x, c: critical.swollen(x, 1.0, c))
    >>> print(found.ends["mixed"], f"c = {found.swelling[0]:.2f}")
    0.68000 ± 0.00097 c = 0.30
    """
    from scipy import optimize

    data = {name: _curve(points, largest) for name, points in curves.items()}
    count = len(data)
    swellings = 1 if _check.flag("common", common) else count
    points = sum(len(x) for x, _, _ in data.values())
    if not count or points <= count + swellings:
        raise Undetermined(
            f"{count} limits and {swellings} swellings need more points than that; got {points}"
        )

    def residuals(p: NDArray) -> NDArray:
        c = p[count] * np.ones(count) if common else p[count:]
        return np.concatenate(
            [
                (y - end * factor(name, x, swell)) / e
                for (name, (x, y, e)), end, swell in zip(data.items(), p, c, strict=False)
            ]
        )

    first = [start[0]] * count + [start[1]] * swellings
    units = [0.01] * count + [0.1] * swellings  # what counts as a small step of a search
    best = optimize.least_squares(residuals, first, x_scale=units)
    freedom = points - len(first)
    chi2 = float(np.sum(best.fun**2))
    try:
        variance = np.diag(np.linalg.inv(best.jac.T @ best.jac))
        error = np.sqrt(variance * max(1.0, chi2 / freedom))
    except np.linalg.LinAlgError:
        error = np.array([np.nan])
    if not best.success or not np.all(np.isfinite(error)):
        raise Undetermined("the points do not determine the limits: does factor depend on c?")
    ends = [Estimate(*pair) for pair in zip(best.x[:count], error[:count], strict=True)]
    return Limits(dict(zip(data, ends, strict=True)), best.x[count:], error[count:], chi2, freedom)


@_check.sound
def finite_size_factor(ratio: float, *, dim: int = 3, nu_perp: float = NU_PERP) -> float:
    """The shift of phi_c from size N to infinity, per shift from N to ratio N: 1 / (1 - ratio^(-1/(d nu_perp))).

    Finite-size scaling: phi_c(N) - phi_c(infinity) is proportional to N^(-1/(d nu_perp)).

    Parameters
    ----------
    ratio : float
        Larger size over smaller, > 1.
    dim : int
        d >= 1.
    nu_perp : float
        Of the correlation length, > 0; that of the Manna class in d = 3 if left out.

    Returns
    -------
    float
        > 1.

    Raises
    ------
    ValueError, TypeError
        If a number is out of its range.

    Examples
    --------
    >>> from mpack import critical
    >>> round(critical.finite_size_factor(4), 3)
    1.848
    """
    ratio = _check.number("ratio", ratio, 1.0, open_low=True)
    dim = _check.integer("dim", dim, 1)
    nu_perp = _check.number("nu_perp", nu_perp, 0.0, open_low=True)
    return 1 / (1 - ratio ** (-1 / (dim * nu_perp)))


def _curve(points: Any, largest: float | None) -> tuple[NDArray, NDArray, NDArray]:
    """Kicks, phi_c and errors of `limit`'s points, in their order."""
    if isinstance(points, Mapping):
        points = [(kick, *Estimate.of(one)) for kick, one in points.items()]
    rows = _check.array("points", np.reshape(points, (-1, 3)) if len(points) else np.empty((0, 3)),
                        (None, 3))  # fmt: skip
    if largest is not None:
        rows = rows[rows[:, 0] <= _check.number("largest", largest)]
    return _points(*rows.T)


def _points(x: ArrayLike, y: ArrayLike, error: ArrayLike) -> tuple[NDArray, NDArray, NDArray]:
    """Three arrays of one length, the last > 0."""
    x = _check.array("x", x, (None,))
    y, error = _check.array("y", y, (len(x),)), _check.array("error", error, (len(x),))
    if np.any(error <= 0.0):
        raise ValueError(f"error must be > 0; the least is {error.min():g}")
    return x, y, error
