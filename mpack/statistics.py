"""Numbers with errors: means, pairs, the jackknife, straight lines and power laws, weighted means.

An `Estimate` is a measured number: a value, one standard error, the number of independent samples
behind it, and where it comes from. It prints as the book prints, and its sums, differences and
multiples carry their errors along.

    Estimate         a measured number
    student          three standard errors where the error itself comes from few samples
    with_error       how it is printed
    rounded          the same without an error
    mean_error       mean of independent samples and its standard error
    mean_errors      the same along one axis of an array: a curve with error bars
    share            how many of some runs did something
    paired           mean difference of samples that belong together in pairs
    jackknife        a function of all samples, its error by leaving out one after the other
    line             a straight line by least squares
    power_law        a power law, as a line through logarithms or directly
    weighted_mean    one number out of many with errors, and whether they are one
    log_means        geometric means of few repeats, with one scatter pooled over many quantities
    largest_deviation    many deviations at once, against what chance allows

Samples are taken as independent: a series in time is not, see `mpack.critical.steady_activity`.
"""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check, _fits
from mpack._repr import short_repr


@dataclass(frozen=True)
class Estimate:
    """A measured number.

    Sums and differences (with other estimates, with what `Estimate.of` takes, or with exact
    numbers) and multiples by exact numbers are estimates. Errors are taken as independent:
    error^2 = error_a^2 + error_b^2. What two estimates have in common, such as a fit to the same
    runs, this does not know. Unpacks as `value, error = estimate`.

    An error that was itself estimated, from few samples, is uncertain: three of it are no
    99.7 per cent. `freedom` is what Student's t needs to know of it, and `reach` applies it.

    Parameters
    ----------
    value : float
        Finite.
    error : float
        One standard error, >= 0; 0 if exact.
    n : int, optional
        The number of independent samples behind it, >= 1. A sum or difference of two has the
        smaller of their numbers.
    source : str
        Where it comes from: a method, a data set, a publication. Sums have none.
    dof : float, optional
        Degrees of freedom of the error, > 0. Left out, n - 1: the error is that of a mean, from
        the scatter of the n samples. Say it where that is not so: infinity for an error that
        theory gives (of a count, of a chi^2), the number behind a scatter that was pooled. A sum
        or difference of two has that of Welch and Satterthwaite,

            dof = error^4 / (error_a^4 / dof_a + error_b^4 / dof_b).

    Raises
    ------
    ValueError, TypeError
        If one of these is out of its range.

    Examples
    --------
    >>> from mpack.statistics import Estimate
    >>> ours, theirs = Estimate(0.6352, 0.0012, n=656), Estimate(0.64, 0.0)
    >>> print(ours)
    0.6352 ± 0.0012
    >>> print(1000 * (theirs - ours))
    4.8 ± 1.2
    >>> [round(Estimate(0.0, 1.0, n=n).reach(3.0), 1) for n in (2, 4, 8, 30, 1000)]
    [235.8, 9.2, 4.5, 3.3, 3.0]
    """

    value: float
    error: float
    n: int | None = None
    source: str = ""
    dof: float | None = None

    def __post_init__(self) -> None:
        """Plain floats and ints from here on."""
        n = None if self.n is None else _check.integer("n", self.n, 1)
        for name, part in (
            ("value", _check.number("value", self.value)),
            ("error", _check.number("error", self.error, 0.0)),
            ("n", n),
            ("source", _check.instance("source", self.source, str, "a string")),
            ("dof", self._checked_dof()),
        ):
            object.__setattr__(self, name, part)

    def _checked_dof(self) -> float | None:
        """None, infinity or a finite number > 0."""
        if self.dof is None or self.dof == math.inf:
            return self.dof
        return _check.number("dof", self.dof, 0.0, open_low=True)

    @classmethod
    def of(cls, thing: Any) -> Estimate:
        """An estimate of what carries a value and its error.

        Parameters
        ----------
        thing : Estimate, number, pair, triple, or an object with an attribute `estimate`
            A number alone is exact. A pair is (value, error), a triple (value, error, n).
            `mpack.critical`'s results have the attribute `estimate`.

        Returns
        -------
        Estimate

        Raises
        ------
        TypeError
            If `thing` is none of these.

        Examples
        --------
        >>> from mpack.statistics import Estimate
        >>> Estimate.of((0.5, 0.1)) - Estimate.of(0.25)
        Estimate(value=0.25, error=0.1, n=None, source='', dof=None)
        """
        thing = getattr(thing, "estimate", thing)
        if isinstance(thing, cls):
            return thing
        if isinstance(thing, numbers.Real) and not isinstance(thing, (bool, np.bool_)):
            return cls(thing, 0.0)  # type: ignore[arg-type]  # any real number: it is made a float
        if isinstance(thing, (tuple, list, np.ndarray)) and np.shape(thing) in ((2,), (3,)):
            return cls(*thing)
        raise TypeError(
            "an estimate is made of a number, (value, error), (value, error, n) or an object with an "
            f"attribute estimate; got {_check.short(thing)}"
        )

    @property
    def freedom(self) -> float | None:
        """Degrees of freedom of the error: `dof`, else n - 1; None if neither is known."""
        if self.dof is not None:
            return self.dof
        return None if self.n is None else float(self.n - 1)

    def reach(self, sigmas: float = 3.0) -> float:
        """How far the truth may lie, with the confidence that `sigmas` errors have of a normal error.

        The error times the quantile of Student's t with `freedom` degrees of freedom that has the
        two-sided probability of `sigmas` standard deviations (0.27 % for three); times `sigmas`
        itself where `freedom` is infinite or not known; infinite for a single sample.
        """
        sigmas = _check.number("sigmas", sigmas, 0.0)
        return self.error * student(sigmas, self.freedom) if self.error else 0.0

    def __str__(self) -> str:
        """As the book prints it."""
        return with_error(self.value, self.error)

    def __iter__(self) -> Iterator[float]:
        """Value, then error."""
        return iter((self.value, self.error))

    def __add__(self, other: Any) -> Estimate:
        """Of two, errors independent."""
        other = Estimate.of(other)
        both = [n for n in (self.n, other.n) if n is not None]
        n, dof = min(both) if both else None, _welch(self, other)
        said = None if n is not None and dof == n - 1 else dof
        error = math.hypot(self.error, other.error)
        return Estimate(self.value + other.value, error, n, dof=said)

    def __neg__(self) -> Estimate:
        """The sign changed."""
        return replace(self, value=-self.value)

    def __sub__(self, other: Any) -> Estimate:
        """Of two, errors independent."""
        return self + -Estimate.of(other)

    def __rsub__(self, other: Any) -> Estimate:
        """A number or pair minus this."""
        return Estimate.of(other) + -self

    def __mul__(self, factor: float) -> Estimate:
        """By an exact number."""
        factor = _check.number("factor", factor)
        return replace(self, value=factor * self.value, error=abs(factor) * self.error)

    def __truediv__(self, divisor: float) -> Estimate:
        """By an exact number."""
        divisor = _check.number("divisor", divisor)
        if divisor == 0.0:
            raise ZeroDivisionError("divisor must not be 0")
        return replace(self, value=self.value / divisor, error=self.error / abs(divisor))

    __radd__, __rmul__ = __add__, __mul__


def student(sigmas: float, dof: float | None) -> float:
    """Standard errors that `sigmas` of a normal error amount to where the error itself is estimated.

    The quantile of Student's t with the two-sided probability of `sigmas` standard deviations.

    Parameters
    ----------
    sigmas : float
        >= 0.
    dof : float or None
        Degrees of freedom of the error, >= 0; None or infinity: it is known.

    Returns
    -------
    float
        `sigmas` where the error is known; infinity for no degree of freedom.

    Examples
    --------
    >>> from mpack.statistics import student
    >>> round(student(3.0, 3), 2), student(3.0, None)
    (9.22, 3.0)
    """
    sigmas = _check.number("sigmas", sigmas, 0.0)
    if dof is None or dof == math.inf:
        return sigmas
    if not _check.number("dof", dof, 0.0):
        return math.inf
    from scipy import special  # scipy.stats has the same, and takes a second to import

    return float(-special.stdtrit(dof, special.ndtr(-sigmas)))


def _welch(a: Estimate, b: Estimate) -> float | None:
    """Degrees of freedom of the error of a sum; None if those of a part are not known."""
    parts = [one for one in (a, b) if one.error > 0.0]
    if any(one.freedom is None for one in parts) or not parts:
        return None
    if len(parts) == 1:
        return parts[0].freedom or None
    largest = max(one.error for one in parts)
    squares = [(one.error / largest) ** 2 for one in parts]
    share = sum(s**2 / (one.freedom or math.nan) for s, one in zip(squares, parts))
    if math.isnan(share):  # of a single sample: nothing is known of the error
        return None
    return sum(squares) ** 2 / share if share else math.inf


def with_error(value: Any, error: float | None = None, unit: str | None = None) -> str:
    """A number as the book prints it: rounded to what it is worth.

    With an error: that to two significant digits, the value to the same place. Without one, or
    with 0: integers in full, with commas between groups of three digits; other numbers that have
    no more than four significant digits as they are, the rest to three.

    Parameters
    ----------
    value : float, int, bool, str, or an Estimate
        What was measured; an `Estimate` brings its error along.
    error : float, optional
        One standard error.
    unit : str, optional
        Printed behind. Lengths are in mean diameters and need none.

    Returns
    -------
    str

    Examples
    --------
    >>> from mpack.statistics import with_error
    >>> with_error(0.18341, 0.00432)
    '0.1834 ± 0.0043'
    >>> with_error(1.5e-5, 2e-6, "steps")
    '(1.50 ± 0.20) × 10⁻⁵ steps'
    >>> with_error(0.0405172), with_error(0.6345), with_error(8.16597e-16), with_error(13824)
    ('0.0405', '0.6345', '8.17 × 10⁻¹⁶', '13,824')
    """
    if isinstance(value, Estimate):
        value, error = value
    tail = f" {unit}" if unit else ""
    if isinstance(value, (bool, str)):
        return f"{value}{tail}"
    if not error or not math.isfinite(error):
        return rounded(value) + tail + (f" ± {error}" if error else "")
    power = math.floor(math.log10(error))
    biggest = max(abs(value), error)
    if _PLAIN[0] <= biggest < _PLAIN[1]:
        digits = max(1 - power, 0)
        return _minus(f"{value:z,.{digits}f} ± {error:,.{digits}f}") + tail
    shift = math.floor(math.log10(biggest))
    digits = max(shift - power + 1, 0)
    scale = 10.0**shift
    both = f"{value / scale:z.{digits}f} ± {error / scale:.{digits}f}"
    return f"({_minus(both)}) × {_ten_to(shift)}{tail}"


_PLAIN = 1e-3, 1e5  # sizes that are written without a power of ten


def rounded(value: float, digits: int = 3) -> str:
    """A number without an error as the book prints it.

    Parameters
    ----------
    value : float or int
    digits : int
        Significant digits, >= 1, of a number that has more than one beyond them. Integers are
        printed in full.

    Returns
    -------
    str

    Examples
    --------
    >>> from mpack.statistics import rounded
    >>> rounded(25.9629), rounded(0.52), rounded(16_000), rounded(-2 / 3, 2)
    ('26.0', '0.52', '16,000', '−0.67')
    """
    digits = _check.integer("digits", digits, 1)
    if isinstance(value, numbers.Integral):
        return _minus(f"{value:,}")
    if not math.isfinite(value) or value == 0.0:
        return _minus(f"{value:g}")
    as_is = Decimal(repr(float(value))).normalize()
    short = as_is if len(as_is.as_tuple().digits) <= digits + 1 else None
    number = Decimal(f"{float(value):.{digits - 1}e}") if short is None else short
    if _PLAIN[0] <= abs(number) < _PLAIN[1]:
        places = max(0, -number.as_tuple().exponent)  # type: ignore[operator]  # finite, so an integer
        return _minus(f"{number:,.{places}f}")
    shift = number.adjusted()
    return f"{_minus(str(number.scaleb(-shift)))} × {_ten_to(shift)}"


def _minus(number: str) -> str:
    """A number with the sign of print, which is as wide as a plus, and at which no line breaks."""
    return number.replace("-", "−")


def _ten_to(power: int) -> str:
    """A power of ten in print."""
    return "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def mean_error(x: ArrayLike, source: str = "") -> Estimate:
    """Mean of independent samples and its standard error: s / sqrt(n), s^2 = sum (x - <x>)^2 / (n - 1).

    Parameters
    ----------
    x : array, shape (n,), n >= 2
        Independent samples: one a run, not one a step.
    source : str
        Kept in the estimate.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError, TypeError
        If there are fewer than two samples, or one is not finite.

    Examples
    --------
    >>> from mpack.statistics import mean_error
    >>> mean_error([1.0, 2.0, 3.0, 6.0])
    Estimate(value=3.0, error=1.0801234497346435, n=4, source='', dof=None)
    """
    x = _samples("x", x)
    return Estimate(x.mean(), x.std(ddof=1) / len(x) ** 0.5, len(x), source)


def mean_errors(samples: ArrayLike, axis: int = 0) -> tuple[NDArray, NDArray]:
    """Mean of independent samples along one axis and its standard error: a curve with its error bars.

    Parameters
    ----------
    samples : array of one or more dimensions
        At least two samples along `axis`.
    axis : int
        That of the independent samples (runs); the first if left out.

    Returns
    -------
    mean, error : arrays
        Of the shape of `samples` without `axis`. To the last bit, a sum along an axis of a
        table may differ from that of one of its columns by itself: the additions go in another
        order.

    Raises
    ------
    ValueError, TypeError
        As for `mean_error`.

    Examples
    --------
    >>> from mpack.statistics import mean_errors
    >>> mean, error = mean_errors([[1.0, 0.0], [3.0, 0.0]])
    >>> mean.tolist(), error.tolist()
    ([2.0, 0.0], [1.0, 0.0])
    """
    samples = _check.real("samples", samples, "an array of real numbers")
    if samples.ndim < 1:
        raise ValueError("samples must have at least one dimension; got a single number")
    axis = _check.integer("axis", axis, -samples.ndim, samples.ndim - 1)
    count = samples.shape[axis]
    if count < 2:
        raise ValueError(f"samples must hold at least 2 along axis {axis}; got {count}")
    if not np.all(np.isfinite(samples)):
        raise ValueError("samples must be finite; some are not")
    return samples.mean(axis=axis), samples.std(axis=axis, ddof=1) / count**0.5


def share(yes: ArrayLike, source: str = "") -> Estimate:
    """Share k/n of independent samples of which k say yes: error^2 = p (1 - p)/n, p = (k + 1)/(n + 2).

    The p of the error is that with one more sample on either side (Laplace), so that eight of eight
    are not taken for a certainty.

    Parameters
    ----------
    yes : array of bool, shape (n,), n >= 1
    source : str
        Kept in the estimate.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError, TypeError
        If there is no sample, or one is neither true nor false.

    Examples
    --------
    >>> from mpack.statistics import share
    >>> print(share([True, True, True, False]))
    0.75 ± 0.24
    """
    samples = np.asarray(yes)
    if samples.ndim != 1 or not samples.size:
        raise ValueError(f"yes must have one sample at least; got shape {samples.shape}")
    if samples.dtype != bool:
        raise TypeError(f"yes must hold true and false; got {samples.dtype}")
    n, p = samples.size, (samples.sum() + 1) / (samples.size + 2)
    return Estimate(float(samples.mean()), float(p * (1 - p) / n) ** 0.5, n, source)


def paired(a: Any, b: Any, source: str = "") -> Estimate:
    """Mean difference a - b of samples that belong together in pairs, and its standard error.

    What two runs of a pair have in common (a start, a seed) drops out of the difference, so its
    error is smaller than that of the difference of two means.

    Parameters
    ----------
    a, b : arrays, shape (n,), or pandas.Series
        Two Series are paired by their index, in the order of `a`: labels that only one has, and
        gaps (NaN), are left out. Anything else is paired by position.
    source : str
        Kept in the estimate.

    Returns
    -------
    Estimate
        n is the number of pairs.

    Raises
    ------
    ValueError, TypeError
        If there are fewer than two pairs, a label comes twice, or the lengths differ.

    Examples
    --------
    >>> from mpack.statistics import paired
    >>> print(paired([10.1, 20.3, 30.2], [10.0, 20.0, 30.0]))
    0.200 ± 0.058
    """
    if hasattr(a, "index") and hasattr(b, "index") and hasattr(a, "dropna"):
        a, b = a.dropna(), b.dropna()
        for name, one in (("a", a), ("b", b)):
            if not one.index.is_unique:
                twice = one.index[one.index.duplicated()][0]
                raise ValueError(f"{name} must hold each label of its index once; {twice} is twice")
        common = a.index[a.index.isin(b.index)]
        a, b = a.loc[common], b.loc[common]
    a = _check.array("a", a, (None,))
    b = _check.array("b", b, (len(a),))
    return mean_error(_samples("pairs", a - b), source)


def jackknife(function: Callable[[Any], float], samples: ArrayLike, source: str = "") -> Estimate:
    """A function of all samples, with its error by leaving out one sample after the other.

    With f the function of all and f_k that without sample k,

        error^2 = (n - 1)/n sum_k (f_k - <f>)^2,    <f> the mean of the f_k

    (Efron and Stein, Ann. Statist. 9, 586 (1981)). Right for functions that are smooth in the
    samples (ratios, slopes, variances), wrong for medians and extremes.

    Parameters
    ----------
    function : callable
        From an array like `samples`, possibly shorter, to a finite number.
    samples : array, shape (n, ...), n >= 2
        Independent along the first axis. A series in time is none: cut it into blocks that are.
    source : str
        Kept in the estimate.

    Returns
    -------
    Estimate
        The value is that of all samples, without correction of its bias.

    Raises
    ------
    ValueError, TypeError
        If there are fewer than two samples, or the function gives what is no finite number.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack.statistics import jackknife
    >>> print(jackknife(np.mean, [1.0, 2.0, 3.0, 6.0]))
    3.0 ± 1.1
    """
    samples = _check.real("samples", samples, "an array of real numbers")
    if samples.ndim < 1 or len(samples) < 2:
        raise ValueError(f"samples must hold at least 2; got shape {samples.shape}")
    count = len(samples)
    value = _check.number("function(samples)", function(samples))
    without = [function(np.delete(samples, k, axis=0)) for k in range(count)]
    checked = np.array([_check.number("function(samples)", one) for one in without])
    return Estimate(value, checked.std() * math.sqrt(count - 1), count, source)


class Line(NamedTuple):
    """What `line` found: y = intercept + slope x.

    Attributes
    ----------
    slope, intercept : Estimate
    correlation : float
        Of their errors.
    chi2 : float
        sum ((y - line) / error)^2; nan where no errors were given.
    freedom : int
        Points minus two.

    Examples
    --------
    >>> from mpack.statistics import line
    >>> found = line([0.0, 1.0, 2.0], [1.0, 3.0, 5.0], [0.1, 0.1, 0.1])
    >>> round(found.slope.value, 9), round(found.chi2, 9), found.freedom
    (2.0, 0.0, 1)
    """

    slope: Estimate
    intercept: Estimate
    correlation: float
    chi2: float
    freedom: int


def line(x: ArrayLike, y: ArrayLike, error: ArrayLike | None = None) -> Line:
    """A straight line y = intercept + slope x by least squares.

    Parameters
    ----------
    x, y : arrays, shape (n,)
    error : array, shape (n,), optional
        Standard errors of y, > 0, independent. The errors of the line follow from them alone:
        compare chi2 with its freedom before believing them. Left out, all points count alike and
        their scatter about the line tells the errors.

    Returns
    -------
    Line

    Raises
    ------
    ValueError, TypeError
        If there are fewer than 2 points (3 without `error`) or all x are the same.

    Examples
    --------
    >>> from mpack.statistics import line
    >>> found = line([0.0, 1.0, 2.0], [1.0, 3.1, 4.9], [0.1, 0.1, 0.1])
    >>> print(found.slope, found.intercept, sep=", ")
    1.950 ± 0.071, 1.050 ± 0.091
    """
    x, y = _points(x, y)
    if error is not None:
        error = _errors("error", error, len(x))
    return _line(x, y, error, None if error is None else 1 / error)


def _line(x: NDArray, y: NDArray, error: NDArray | None, weight: NDArray | None) -> Line:
    """The fit of `line`, by the weights 1 / error, which a caller may know to more digits."""
    fewest = 3 if weight is None else 2
    if len(x) < fewest or np.ptp(x) <= 1e-14 * np.max(np.abs(x)):
        raise ValueError(
            f"x must hold at least {fewest} values that are not all the same; got {_check.short(x)}"
        )
    scale: Any = True if weight is None else "unscaled"
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.RankWarning)
        try:
            (slope, level), covariance = np.polyfit(x, y, 1, w=weight, cov=scale)
        except (np.linalg.LinAlgError, np.exceptions.RankWarning) as singular:
            raise ValueError(
                f"x, y and error do not determine a line: {singular}; x is {_check.short(x)}"
            ) from singular
    errors = np.array([covariance[0, 0] ** 0.5, covariance[1, 1] ** 0.5])
    if not np.all(np.isfinite([slope, level, *errors])):
        raise ValueError("x, y and error must leave a line of finite numbers; theirs overflows")
    product = errors.prod()
    return Line(
        Estimate(slope, errors[0], len(x)),
        Estimate(level, errors[1], len(x)),
        float(covariance[0, 1] / product) if product > 0.0 else 0.0,
        float("nan") if error is None else float(np.sum(((y - level - slope * x) / error) ** 2)),
        len(x) - 2,
    )


class PowerLaw(NamedTuple):
    """What `power_law` found: y = amplitude x^exponent.

    Attributes
    ----------
    exponent, amplitude : Estimate
    chi2 : float
        Of the fit (of logarithms, where these are fitted); nan where no errors were given.
    freedom : int
        Points minus two.

    Examples
    --------
    >>> from mpack.statistics import power_law
    >>> found = power_law([1.0, 2.0, 4.0], [3.0, 12.0, 48.0], [0.1, 0.4, 1.6])
    >>> round(found.exponent.value, 6), round(found.amplitude.value, 6), found.freedom
    (2.0, 3.0, 1)
    """

    exponent: Estimate
    amplitude: Estimate
    chi2: float
    freedom: int


def power_law(
    x: ArrayLike, y: ArrayLike, error: ArrayLike | None = None, *, logarithms: bool = True
) -> PowerLaw:
    """A power law y = amplitude x^exponent, by least squares.

    Parameters
    ----------
    x, y : arrays, shape (n,)
        x > 0; y > 0 where logarithms are fitted.
    error : array, shape (n,), optional
        Standard errors of y, > 0, independent; left out as in `line`.
    logarithms : bool
        True fits the line ln y = ln amplitude + exponent ln x, each ln y with the error error / y:
        right where errors are small against y. False fits the values themselves (by SciPy's
        Levenberg and Marquardt), which errors may exceed and whose signs may differ; it needs
        `error`.

    Returns
    -------
    PowerLaw
        The amplitude's error is amplitude times that of its logarithm where logarithms are fitted.

    Raises
    ------
    ValueError, TypeError
        If there are too few points, one is not positive that must be, or no fit is found.

    Examples
    --------
    >>> from mpack.statistics import power_law
    >>> found = power_law([1.0, 2.0, 4.0, 8.0], [3.0, 6.1, 11.9, 24.0], [0.1, 0.2, 0.4, 0.8])
    >>> print(found.exponent, found.amplitude, sep=", ")
    0.996 ± 0.021, 3.018 ± 0.084
    """
    x, y = _points(x, y)
    if len(x) and x.min() <= 0.0:
        raise ValueError(f"x must be > 0; the least is {x.min():g}")
    if error is not None:
        error = _errors("error", error, len(x))
    if not _check.flag("logarithms", logarithms):
        return _power_of_values(x, y, error)
    if len(y) and y.min() <= 0.0:
        raise ValueError(
            f"y must be > 0 where logarithms are fitted (logarithms=False fits the values); the "
            f"least is {y.min():g}"
        )
    relative, weight = (None, None) if error is None else (error / y, y / error)
    found = _line(np.log(x), np.log(y), relative, weight)
    with np.errstate(over="ignore"):
        amplitude = float(np.exp(found.intercept.value))
    if not math.isfinite(amplitude):
        raise ValueError("x must come so near to 1 that the amplitude is a finite number")
    return PowerLaw(
        found.slope,
        Estimate(amplitude, amplitude * found.intercept.error, len(x)),
        found.chi2,
        found.freedom,
    )


def _power_of_values(x: NDArray, y: NDArray, error: NDArray | None) -> PowerLaw:
    """The fit of `power_law` to the values themselves, started from a proportionality."""
    from scipy import optimize

    if error is None:
        raise ValueError("error must be given where the values themselves are fitted")
    if len(x) < 2 or np.ptp(x) == 0.0:
        raise ValueError(
            f"x must hold at least 2 values that are not all the same; got {_check.short(x)}"
        )

    def law(at: NDArray, amplitude: float, exponent: float) -> NDArray:
        return amplitude * at**exponent

    start = y[0] / x[0], 1.0
    found, covariance = _fits.fitted(
        lambda: optimize.curve_fit(law, x, y, start, error, absolute_sigma=True), "a power law"
    )
    return PowerLaw(
        Estimate(found[1], covariance[1, 1] ** 0.5, len(x)),
        Estimate(found[0], covariance[0, 0] ** 0.5, len(x)),
        float(np.sum(((y - law(x, *found)) / error) ** 2)),
        len(x) - 2,
    )


class WeightedMean(NamedTuple):
    """What `weighted_mean` found.

    Attributes
    ----------
    value : float
        The mean, weighted with 1 / error^2.
    error : float
        Its standard error, grown by the scatter of the values where that is larger than their
        errors say.
    statistical : float
        That which follows from the errors alone, (sum 1 / error^2)^-1/2.
    chi2 : float
        Of the values' being one number: sum ((value - mean) / error)^2.
    freedom : int
        Values minus one.

    Examples
    --------
    >>> from mpack.statistics import weighted_mean
    >>> found = weighted_mean([1.0, 3.0], [1.0, 1.0])
    >>> round(found.value, 9), round(found.chi2, 9), found.freedom, round(found.reduced, 9)
    (2.0, 2.0, 1, 2.0)
    """

    value: float
    error: float
    statistical: float
    chi2: float
    freedom: int

    @property
    def reduced(self) -> float:
        """chi^2 per degree of freedom: about 1 if the values are one number; 0 for a single one."""
        return self.chi2 / max(1, self.freedom)

    @property
    def estimate(self) -> Estimate:
        """The mean with its error; n is the number of values.

        Where the scatter of the values has made the error, it has their degrees of freedom; else
        it follows from errors that are taken as known.
        """
        dof = self.freedom if self.error > self.statistical else math.inf
        return Estimate(self.value, self.error, self.freedom + 1, dof=dof)


def weighted_mean(
    values: ArrayLike,
    errors: ArrayLike | None = None,
    *,
    weights: ArrayLike | None = None,
    scatter: str = "chi2",
) -> WeightedMean:
    """One number out of many with errors, and chi^2 of their being one.

    With weights w = 1 / error^2: mean = sum w x / sum w, and (sum w)^-1/2 is its error, times the
    root of chi^2 per degree of freedom where that is above 1 (Particle Data Group, Review of
    Particle Physics, section 5.2).

    Parameters
    ----------
    values : array, shape (n,), n >= 1
    errors : array, shape (n,)
        Standard errors, > 0, independent.
    weights : array, shape (n,)
        In place of `errors`: 1 / error^2, such as 1 / (error_a^2 + error_b^2) of a difference.
    scatter : str
        How the error grows: "chi2", as above; "sample", to the standard error of the unweighted
        mean, s / sqrt(n), where that is larger.

    Returns
    -------
    WeightedMean

    Raises
    ------
    ValueError, TypeError
        If there is no value, an error is not > 0, or not just one of `errors` and `weights` is
        given.

    Examples
    --------
    >>> from mpack.statistics import weighted_mean
    >>> found = weighted_mean([0.634, 0.637, 0.639], [0.001, 0.001, 0.002])
    >>> print(found.estimate, f"chi2 {found.chi2:.1f} for {found.freedom}", sep=", ")
    0.6359 ± 0.0013, chi2 7.2 for 2
    """
    values = _check.array("values", values, (None,))
    if (errors is None) == (weights is None):
        raise ValueError("just one of errors and weights must be given")
    _check.choice("scatter", scatter, ("chi2", "sample"))
    if not len(values):
        raise ValueError("values must hold at least one; got none")
    freedom = len(values) - 1
    if weights is None:
        errors = _errors("errors", errors, len(values))
        weights = errors**-2
        mean = np.average(values, weights=weights)
        chi2 = float(np.sum(((values - mean) / errors) ** 2))
    else:
        weights = _errors("weights", weights, len(values))
        mean = np.average(values, weights=weights)
        chi2 = float(np.sum(weights * (values - mean) ** 2))
    statistical = np.sum(weights) ** -0.5
    error = statistical * max(1.0, (chi2 / max(1, freedom)) ** 0.5)
    if scatter == "sample":
        sample = values.std(ddof=1) / len(values) ** 0.5 if freedom else 0.0
        error = max(statistical, sample)
    if not np.all(np.isfinite([mean, error, chi2])):
        raise ValueError("values and errors must leave a finite mean; theirs overflows")
    return WeightedMean(float(mean), float(error), float(statistical), chi2, freedom)


@dataclass(frozen=True, eq=False)
class LogMeans:
    """What `log_means` found.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack.statistics import log_means
    >>> found = log_means([[1.0, 4.0], [4.0, 1.0]])
    >>> np.exp(found.mean).round(9).tolist(), found.repeats, found.freedom
    ([2.0, 2.0], 2, 2)
    """

    #: Of the logarithms over the repeats: of the shape of the samples without their first axis.
    mean: NDArray
    #: Standard deviation of the logarithm of one sample: as `mean` without the axis that was pooled.
    scatter: NDArray
    repeats: int
    freedom: int  #: degrees of freedom of the scatter: q (R - 1) for R repeats of q quantities

    __repr__ = short_repr

    @property
    def error(self) -> NDArray:
        """Standard error of a mean: scatter / sqrt(R)."""
        return self.scatter / self.repeats**0.5

    @property
    def ratio_error(self) -> NDArray:
        """Standard error of the logarithm of a ratio of two of the quantities: scatter sqrt(2 / R)."""
        return self.scatter * (2 / self.repeats) ** 0.5


def log_means(samples: ArrayLike, pooled: int = 1) -> LogMeans:
    """Means of logarithms from few repeats, with one scatter for all quantities that scatter alike.

    Few repeats give a poor standard deviation. Quantities along the axis `pooled` (processes at one
    kick size, say) whose logarithms scatter alike share one,

        s^2 = sum (ln x - <ln x>)^2 / (q (R - 1)),

    for R repeats of q quantities. The ratio of two of them is exp(<ln a> - <ln b>); its relative
    standard error is s sqrt(2 / R), its bands are Student's t with q (R - 1) degrees of freedom.

    Parameters
    ----------
    samples : array, shape (R, ...), two or more dimensions
        Independent repeats along the first axis, at least two; all > 0.
    pooled : int
        The axis of the quantities that share a scatter, not the first.

    Returns
    -------
    LogMeans

    Raises
    ------
    ValueError, TypeError
        If a sample is not > 0 and finite, there are fewer than two repeats, or there is no such
        axis.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack.statistics import log_means
    >>> found = log_means([[2.0, 4.0], [2.2, 4.0], [1.8, 4.4]])
    >>> ratio = np.exp(found.mean[1] - found.mean[0])
    >>> print(Estimate(ratio, ratio * found.ratio_error))
    2.07 ± 0.14
    """
    samples = _check.real("samples", samples, "an array of real numbers")
    if samples.ndim < 2 or samples.shape[0] < 2:
        raise ValueError(
            "samples must have two dimensions at least and two repeats along the first; got shape "
            f"{samples.shape}"
        )
    pooled = _check.integer("pooled", pooled, 1, samples.ndim - 1)
    if samples.size and not (np.all(np.isfinite(samples)) and samples.min() > 0.0):
        raise ValueError(f"samples must be finite and > 0; the least is {samples.min():g}")
    logs, repeats = np.log(samples), samples.shape[0]
    mean = logs.mean(axis=0)
    freedom = samples.shape[pooled] * (repeats - 1)
    scatter = np.sqrt(((logs - mean) ** 2).sum(axis=(0, pooled)) / freedom)
    return LogMeans(mean, scatter, repeats, freedom)


def largest_deviation(z: ArrayLike, rate: float = 1e-3, source: str = "") -> Estimate:
    """The largest of many deviations over what chance allows the largest of so many.

        max |z| / z*,    P(|Z| > z*) = rate / m  for a standard normal Z,

    so that m true hypotheses together give more than 1 with a probability of at most `rate`
    (Bonferroni).

    Parameters
    ----------
    z : array, shape (m,), m >= 1
        Deviations from what is expected, in standard errors; independent or not.
    rate : float
        False-alarm rate of all of them together, in (0, 1).
    source : str
        Kept in the estimate.

    Returns
    -------
    Estimate
        Without an error, n = m.

    Raises
    ------
    ValueError, TypeError
        If there is no deviation, one is not finite, or the rate is out of its range.

    Examples
    --------
    >>> from mpack.statistics import largest_deviation
    >>> round(largest_deviation([0.3, -1.1, 2.0]).value, 3)
    0.557
    """
    from scipy import stats

    z = _check.array("z", z, (None,))
    rate = _check.number("rate", rate, 0.0, 1.0, open_low=True, open_high=True)
    if not len(z):
        raise ValueError("z must hold at least one deviation; got none")
    return Estimate(np.abs(z).max() / stats.norm.isf(0.5 * rate / len(z)), 0.0, len(z), source)


def _samples(name: str, x: ArrayLike) -> NDArray:
    """At least two finite numbers."""
    x = _check.array(name, x, (None,))
    if len(x) < 2:
        raise ValueError(f"{name} must hold at least 2 samples; got {len(x)}")
    return x


def _points(x: ArrayLike, y: ArrayLike) -> tuple[NDArray, NDArray]:
    x = _check.array("x", x, (None,))
    return x, _check.array("y", y, (len(x),))


def _errors(name: str, error: ArrayLike | None, count: int) -> NDArray:
    """`count` numbers > 0."""
    error = _check.array(name, error, (count,))
    if count and error.min() <= 0.0:
        raise ValueError(f"{name} must be > 0; the least is {error.min():g}")
    return error
