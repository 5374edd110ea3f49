"""How activity decays: local exponents of relaxation curves, and the transition where they cross.

A large system that starts active decays as f(t) ~ t^-delta at phi_c. Below, the curve bends down;
above, it levels off. Neither a steady state nor a finite size comes into it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check, _fits
from mpack._fits import Undetermined
from mpack._repr import short_repr
from mpack.critical._series import series
from mpack.statistics import Estimate


@dataclass(frozen=True)
class LocalExponents:
    """What `local_exponents` found: of each run (row) in each window of time (column).

    Attributes
    ----------
    edges : array, shape (windows + 1,)
        Steps at which the windows begin and end.
    time : array, shape (windows,)
        Geometric mean of the times of the records in each window, in steps.
    delta : array, shape (runs, windows)
        -d ln f/d ln t there; nan where a run is not active throughout the window.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import critical
    >>> t = np.unique(np.geomspace(1, 1000, 40).round())
    >>> found = critical.local_exponents([(t, t**-0.5), (t, 0.7 * t**-0.5)], [10, 100, 1000])
    >>> found.time.round(1).tolist(), found.mean.round(6).tolist()
    ([31.6, 316.1], [0.5, 0.5])
    """

    edges: NDArray
    time: NDArray
    delta: NDArray

    __repr__ = short_repr

    @property
    def mean(self) -> NDArray:
        """Mean over the runs; nan in a window in which not every run was active. Shape (windows,)."""
        return self.delta.mean(axis=0)

    @property
    def error(self) -> NDArray:
        """Standard error of the mean over runs; nan for a single one. Shape (windows,)."""
        runs = len(self.delta)
        if runs < 2:
            return np.full(self.delta.shape[1], np.nan)
        return self.delta.std(axis=0, ddof=1) / math.sqrt(runs)

    def at(self, window: int) -> Estimate:
        """The local exponent in one window; its n is the number of runs.

        Parameters
        ----------
        window : int
            Index into `time`; -1 is the last.

        Returns
        -------
        Estimate

        Raises
        ------
        IndexError, ValueError
            There is no such window; a run was absorbed in it, or there is but one.

        Examples
        --------
        >>> from mpack import critical
        >>> t = [1, 2, 4, 8]
        >>> runs = [(t, [1.0, 0.5, 0.25, 0.125]), (t, [1.0, 0.5, 0.25, 0.0625])]
        >>> print(critical.local_exponents(runs, [1, 8]).at(0))
        1.15 ± 0.15
        """
        return Estimate(self.mean[window], self.error[window], len(self.delta))


def local_exponents(
    histories: Sequence[tuple[ArrayLike, ArrayLike]], edges: ArrayLike
) -> LocalExponents:
    """Local decay exponents delta = -d ln f/d ln t of runs, in windows of time.

    In each window the slope is that of the least-squares line of ln f against ln t through all of a
    run's records in it, both ends included. At phi_c it tends to beta/nu_parallel where the
    transition has but one time scale (directed percolation); with a conserved density, and from
    random starts, the decay has an exponent of its own.

    Parameters
    ----------
    histories : sequence of (times, activity)
        One pair a run: steps, increasing, and f_a there; an absorbed run ends with activity 0.
    edges : array, shape (windows + 1,)
        Increasing steps >= 1; each window must hold at least two records of every run that is
        active throughout.

    Returns
    -------
    LocalExponents

    Raises
    ------
    ValueError, TypeError
        If there is no run, an array is malformed, or an active run's records end before the last
        edge or are too few in a window.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import critical
    >>> t = np.unique(np.geomspace(1, 10_000, 60).round())
    >>> found = critical.local_exponents([(t, 0.3 * t**-0.4)], [10, 100, 1000, 10_000])
    >>> found.mean.round(6).tolist()
    [0.4, 0.4, 0.4]
    """
    edges = _edges(edges)
    if not len(histories):
        raise ValueError("histories must hold at least one run; got none")
    found = np.array([_slopes(*series(t, f), edges) for t, f in histories])
    delta, middle = found[:, 0], found[:, 1]
    known = np.isfinite(middle)
    middle = np.where(known, middle, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    fallback = np.log(edges[:-1] * edges[1:]) / 2
    return LocalExponents(edges, np.exp(np.where(known.any(axis=0), middle, fallback)), delta)


def _edges(edges: ArrayLike) -> NDArray:
    edges = _check.array("edges", edges, (None,))
    if len(edges) < 2 or edges[0] < 1.0 or np.any(np.diff(edges) <= 0.0):
        raise ValueError(
            f"edges must be at least 2 increasing steps >= 1; got {_check.short(edges)}"
        )
    return edges


def _slopes(times, activity, edges):
    """-d ln f/d ln t of one run in each window, and the mean of ln t; nan from where it is absorbed."""
    slopes, middles = np.full((2, len(edges) - 1), np.nan)
    for w, (begin, end) in enumerate(zip(edges[:-1], edges[1:])):
        if activity[-1] == 0.0 and times[-1] <= end:
            break
        if times[-1] < end:
            raise ValueError(
                f"edges must not lie beyond the last record of an active run, at step {times[-1]}; "
                f"got {end:g}"
            )
        inside = (times >= begin) & (times <= end)
        if np.count_nonzero(inside) < 2:
            raise ValueError(
                f"edges must leave two records in each window; from {begin:g} to {end:g} a run has "
                f"{np.count_nonzero(inside)}"
            )
        x, y = np.log(times[inside]), np.log(activity[inside])
        middles[w] = x.mean()
        x = x - middles[w]
        slopes[w] = -(x @ y) / (x @ x)
    return slopes, middles


class Crossing(NamedTuple):
    """Where the local exponents of two windows are equal: `phi` and `delta` there, `time` between the two.

    Examples
    --------
    >>> from mpack import critical
    >>> from mpack.statistics import Estimate
    >>> critical.Crossing(1000.0, Estimate(0.6, 0.001), Estimate(0.45, 0.01)).time
    1000.0
    """

    time: float
    phi: Estimate
    delta: Estimate


def crossings(
    curves: Mapping[float, Sequence[tuple[ArrayLike, ArrayLike]]], edges: ArrayLike
) -> list[Crossing]:
    """Where the local exponents of one window and the next are equal, window after window.

    As functions of phi, the local exponents of two times cross near phi_c. Between the
    lowest packing fraction at which delta(t', phi) - delta(t, phi), t' > t, is negative (levelling
    off) and the one below it, where it must be positive (bending down), the place where it is zero
    is found by linear interpolation, and so is delta(t', phi) there. Where one law holds from some time on,
    crossings of later windows do not move; where they still do, what is called phi_c and delta is
    of the times that were seen.

    Parameters
    ----------
    curves : mapping of phi to sequences of (times, activity)
        At least two packing fractions, at least two runs each.
    edges : array, shape (windows + 1,)
        As of `local_exponents`, at least two windows.

    Returns
    -------
    list of Crossing
        In the order of time; without the pairs of windows that do not cross, or do so where no
        decay is seen (delta not above zero by two standard errors). Errors from the scatter of runs
        at the two places and at those next to them, pooled.

    Raises
    ------
    ValueError, TypeError
        If an argument is malformed.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import critical
    >>> t = np.unique(np.geomspace(1, 10_000, 80).round())
    >>> def run(phi, noise):  # local exponent 0.45 + (0.6 - phi) t
    ...     return t, 0.2 * t**-0.45 * np.exp((phi - 0.6) * t + noise * np.sin(t))
    >>> curves = {phi: [run(phi, 1e-3), run(phi, -1e-3)] for phi in (0.59998, 0.60001)}
    >>> for one in critical.crossings(curves, [100, 1000, 10_000]):
    ...     print(f"{one.time:.0f} steps: {one.phi}, {one.delta}")
    1029 steps: 0.600000000 ± 0.000000071, 0.45000 ± 0.00013
    """
    groups = _groups(curves, _edges(edges), 2)
    phi = sorted(groups)
    found = []
    for w in range(len(groups[phi[0]].time) - 1):
        pairs = [groups[one].delta[:, w : w + 2] for one in phi]
        rises = [one.mean(axis=0) @ [-1.0, 1.0] for one in pairs]
        turned = [k for k, rise in enumerate(rises) if rise <= 0.0]
        k = turned[0] - 1 if turned else -1
        if k < 0 or not rises[k] > 0.0:  # nan: of the curves below some have died
            continue
        time = math.sqrt(groups[phi[k]].time[w] * groups[phi[k]].time[w + 1])
        near = pairs[max(k - 1, 0) : k + 3]
        one = Crossing(time, *_crossing(pairs[k], pairs[k + 1], phi[k], phi[k + 1], near))
        if one.delta.value > one.delta.reach(2.0):
            found.append(one)
    return found


def _scatter_near(near):
    """Pooled covariance of two windows of one run, and its degrees of freedom."""
    near = [one for one in near if np.isfinite(one).all()]
    if not near:
        return np.full((2, 2), np.nan), 0
    covariance = _pooled_covariance(near, [one.mean(axis=0) for one in near])
    return covariance, sum(len(one) - 1 for one in near)


def _crossing(low, high, below, above, near):
    """phi and delta between two packing fractions, from delta (runs, 2 windows) at both; `near` tells the scatter."""

    def at(a, b):
        share = (a[1] - a[0]) / (a[1] - a[0] + b[0] - b[1])
        return np.array([below + share * (above - below), a[1] + share * (b[1] - a[1])])

    a, b = low.mean(axis=0), high.mean(axis=0)
    best, step = at(a, b), 1e-4 * (a[1] - a[0] + b[0] - b[1])
    covariance, freedom = _scatter_near(near)
    moves = step * np.eye(2)
    variance = sum(
        np.einsum("ip,ij,jp->p", slope, covariance, slope) / count
        for slope, count in (
            (np.array([(at(a + m, b) - at(a - m, b)) / (2 * step) for m in moves]), len(low)),
            (np.array([(at(a, b + m) - at(a, b - m)) / (2 * step) for m in moves]), len(high)),
        )
    )
    return [
        Estimate(value, math.sqrt(v), len(low) + len(high), dof=freedom)
        for value, v in zip(best, variance)
    ]


@dataclass(frozen=True)
class Decay:
    """What `decay` found.

    Attributes
    ----------
    phi_c, delta, nu_parallel : Estimate
        Where the local exponents do not move, their value there, and how fast they part; with the
        errors that the scatter of runs makes. delta or nu_parallel is exact if it was held.
    correction : Estimate
        a of the law, at its unit of time; an exact 0 if no correction was asked for.
    omega : float
        The exponent of the correction; 0 if none was asked for.
    bend, curve : float
        b and c of the law.
    t0 : float
        Its unit of time.
    chi2, dof : float, int
        Of the fit, with errors pooled over packing fractions.
    used : bool array, shape (phi, windows)
        The local exponents that were fitted.
    phi : array, shape (phi,)
    time : array, shape (windows,)
    local, error : arrays, shape (phi, windows)
        Local exponents, means over runs, and their standard errors.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import critical
    >>> t = np.unique(np.geomspace(1, 10_000, 80).round())
    >>> curves = {  # local exponent 0.45 + (0.6 - phi) t
    ...     phi: [(t, t**-0.45 * np.exp((phi - 0.6) * t + x * np.sin(t) - 1)) for x in (1e-3, -1e-3)]
    ...     for phi in (0.5999, 0.6, 0.6001)
    ... }
    >>> found = critical.decay(curves, [100, 316, 1000, 3162])
    >>> found.used.shape, found.phi.tolist(), found.estimate == found.phi_c
    ((3, 3), [0.5999, 0.6, 0.6001], True)
    """

    phi_c: Estimate
    delta: Estimate
    nu_parallel: Estimate
    correction: Estimate
    omega: float
    bend: float
    curve: float
    t0: float
    chi2: float
    dof: int
    used: NDArray
    phi: NDArray
    time: NDArray
    local: NDArray
    error: NDArray

    __repr__ = short_repr

    @property
    def estimate(self) -> Estimate:
        """phi_c."""
        return self.phi_c

    def at(self, time: ArrayLike, phi: ArrayLike) -> NDArray:
        """The fitted local exponent at some times (in steps) and packing fractions, which are broadcast.

        Examples
        --------
        >>> import numpy as np
        >>> from mpack import critical
        >>> from mpack.statistics import Estimate
        >>> exact = [Estimate(value, 0.0) for value in (0.6, 0.45, 1.0, 0.0)]
        >>> none = np.empty((0, 0))
        >>> found = critical.Decay(*exact, 0.0, 2.0, 0.0, 100.0, 0.0, 1, *[none] * 5)
        >>> [round(float(one), 3) for one in found.at(100, [0.55, 0.6])]  # 0.45 + 2 (0.6 - phi)
        [0.55, 0.45]
        """
        parameters = [one.value for one in (self.phi_c, self.delta, self.nu_parallel)]
        parameters += [self.bend, self.curve, self.correction.value]
        return _law(parameters, np.asarray(time) / self.t0, np.asarray(phi), self.omega)


def decay(
    curves: Mapping[float, Sequence[tuple[ArrayLike, ArrayLike]]],
    edges: ArrayLike,
    *,
    reach: float = 1.0,
    delta: float | None = None,
    nu_parallel: float | None = None,
    correction: float | None = None,
    start: tuple[float, float] | None = None,
) -> Decay:
    """phi_c, decay exponent and nu_parallel from relaxation curves: where their local exponents cross.

    Near phi_c the activity of a large system is t^-delta times a function of t |phi - phi_c|^nu_par,
    so that its local exponents obey

        delta(t, phi) = delta + b x + c x^2 + a (t/t0)^-omega,    x = (phi_c - phi) (t/t0)^(1/nu_par),

    t0 being the geometric mean of the times, a = 0 unless a correction to scaling is asked for.
    Without it, at phi_c alone they do not change with t: drawn
    against phi, one curve for each t, they all cross there, and their slopes grow as t^(1/nu_par).
    Fitted by least squares to the windows with |delta(t, phi) - delta| <= reach delta, found by
    iteration.

    Parameters
    ----------
    curves : mapping of phi to sequences of (times, activity)
        At least three packing fractions on both sides of the transition, at least two runs each.
    edges : array, shape (windows + 1,)
        As of `local_exponents`; at least two windows, which should not begin before the first decay
        is over: begin later and see what changes.
    reach : float
        Above; in (0, 2].
    delta, nu_parallel : float, optional
        Hold it at this value, in (0, 10] or [0.1, 10], rather than fit it.
    correction : float, optional
        Fit a, with this omega, in [0.01, 10]: of f ~ t^-delta (1 + A t^-omega) with a small
        correction, a = omega A t0^-omega.
    start : (phi_c, delta), optional
        Where the fit begins; if left out, everywhere: of the ends that are about as good as the
        best (chi^2 per degree of freedom up to twice that), the one with most windows counts.

    Returns
    -------
    Decay

    Raises
    ------
    Undetermined
        A ValueError: if too few windows are within reach, or the fit has no end.
    ValueError, TypeError
        If an argument is malformed.

    Notes
    -----
    The windows of one run are not independent. The covariance of its local exponents is estimated
    from the deviations of runs from their means, pooled over packing fractions (sum (R - 1) degrees
    of freedom), and carried through the fit to the errors of the parameters; its diagonal, smoothed
    to a power of time, weighs the points. Source of the law: H. Hinrichsen, Adv. Phys. 49, 815 (2000).

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import critical
    >>> t = np.unique(np.geomspace(1, 10_000, 80).round())
    >>> def run(phi, noise):  # the activity whose local exponent is 0.45 + (0.6 - phi) t^(1/1.2)
    ...     rise = 1.2 * (phi - 0.6) * t ** (1 / 1.2)
    ...     return t, 0.2 * t**-0.45 * np.exp(rise + noise * np.sin(t))
    >>> curves = {phi: [run(phi, 1e-3), run(phi, -1e-3)] for phi in (0.5999, 0.6, 0.6001)}
    >>> found = critical.decay(curves, [100, 316, 1000, 3162, 10_000])
    >>> [round(float(x), 5) for x in (found.delta.value, found.phi_c.value, found.at(1000, 0.6))]
    [0.45, 0.6, 0.45]
    """
    edges = _edges(edges)
    reach = _check.number("reach", reach, 0.0, 2.0, open_low=True)
    if delta is not None:
        delta = _check.number("delta", delta, 0.0, 10.0, open_low=True)
    if nu_parallel is not None:
        nu_parallel = _check.number("nu_parallel", nu_parallel, 0.1, 10.0)
    if correction is not None:
        correction = _check.number("correction", correction, 0.01, 10.0)
    groups = _groups(curves, edges)
    phi = np.array(sorted(groups))
    held = {_DELTA: delta, _NU: nu_parallel, _CORRECTION: 0.0 if correction is None else None}
    fit = _Fit(phi, [groups[value] for value in phi], reach, held, correction or 0.0)
    best = fit.from_anywhere() if start is None else fit.best(start)
    freedom = sum(len(one.delta) - 1 for one in groups.values())
    count = sum(len(one.delta) for one in groups.values())
    found = [
        Estimate(value, error, count, dof=freedom) if k in fit.free else Estimate(value, 0.0)
        for k, (value, error) in enumerate(zip(best.tolist(), fit.spread().tolist()))
    ]
    miss = ((fit.mean - fit.law(best)) / fit.error)[fit.used]
    return Decay(
        phi_c=found[0],
        delta=found[_DELTA],
        nu_parallel=found[_NU],
        correction=found[_CORRECTION],
        omega=correction or 0.0,
        bend=float(best[3]),
        curve=float(best[4]),
        t0=fit.t0,
        chi2=float(miss @ miss),
        dof=int(fit.used.sum()) - len(fit.free),
        used=fit.used,
        phi=phi,
        time=fit.time,
        local=fit.mean,
        error=fit.error,
    )


def _groups(curves, edges, least=3):
    """{phi: LocalExponents}; refuses what cannot be fitted."""
    if not isinstance(curves, Mapping) or len(curves) < least:
        count = len(curves) if isinstance(curves, Mapping) else type(curves).__name__
        raise ValueError(f"curves must map at least {least} packing fractions to runs; got {count}")
    if len(edges) < 3:
        raise ValueError(f"edges must make at least two windows; got {_check.short(edges)}")
    found = {}
    for phi, runs in curves.items():
        phi = _check.number("a packing fraction of curves", phi)
        if len(runs) < 2:
            raise ValueError(f"curves must hold at least 2 runs each; got {len(runs)} at {phi:g}")
        found[phi] = local_exponents(runs, edges)
    return found


_DELTA, _NU, _CORRECTION = 1, 2, 5  # places among the parameters of the law


def _law(parameters, time, phi, omega):
    """The local exponent at times in units of t0."""
    phi_c, delta, nu, bend, curve, correction = parameters
    x = (phi_c - phi) * time ** (1.0 / nu)
    return delta + bend * x + curve * x**2 + correction * time**-omega


class _Fit:
    """Local exponents, the windows in use, and the fit of the law to them."""

    def __init__(self, phi, groups, reach, held, omega):
        self.phi, self.reach, self.omega = phi, reach, omega
        self.held = {k: value for k, value in held.items() if value is not None}
        self.free = [k for k in range(6) if k not in self.held]
        self.time = np.exp(np.mean([np.log(one.time) for one in groups], axis=0))
        self.t0 = float(np.exp(np.log(self.time).mean()))
        self.counts = np.array([len(one.delta) for one in groups])
        self.mean = np.array([one.mean for one in groups])
        self.covariance = _pooled_covariance([one.delta for one in groups], self.mean)
        self.error = self._scatter() / np.sqrt(self.counts)[:, None]
        self.known = np.isfinite(self.mean) & (self.error > 0.0)
        self.used = self.known

    def _scatter(self):
        """Standard deviation of one run's local exponents, smoothed: a power of time.

        Weights by the scatter as it is would favour windows where few runs happen to agree, and
        the error, which is made of the same scatter, would come out too small.
        """
        scatter = np.sqrt(np.diag(self.covariance))
        at = scatter > 0.0
        if not np.isfinite(self.mean).any():
            raise Undetermined(
                "the points do not determine phi_c: no window has runs that are active throughout"
            )
        if not at.any():
            raise ValueError("curves must hold runs that differ; all agree in every window")
        law = np.polyfit(np.log(self.time[at]), np.log(scatter[at]), min(1, at.sum() - 1))
        return np.exp(np.polyval(law, np.log(self.time)))

    def law(self, parameters):
        return _law(parameters, self.time / self.t0, self.phi[:, None], self.omega)

    def starts(self):
        """Where fits may begin: each packing fraction and each middle of two, with a mean local exponent there."""
        places = [
            (phi, mean[known].mean())
            for phi, mean, known in zip(self.phi, self.mean, self.known)
            if known.any() and mean[known].mean() > 0.0
        ]
        middles = [tuple(np.mean(pair, axis=0)) for pair in zip(places, places[1:])]
        return sorted(places + middles)

    def from_anywhere(self):
        """The best of the fits from all starts: of those about as good as the best, the one of most windows.

        Good is a small chi^2 per degree of freedom. A fit to few windows can be good by chance.
        """
        found, reason = [], None
        for start in self.starts():
            try:
                parameters = self.best(start)
            except Undetermined as why:
                reason = reason or why
                continue
            miss = ((self.mean - self.law(parameters)) / self.error)[self.used]
            found.append((self.used.sum(), miss @ miss / (len(miss) - len(self.free)), parameters))
        if not found:
            raise reason or Undetermined("the points do not determine phi_c: nowhere is a decay")
        least = max(1.0, min(one[1] for one in found))
        most = max(one[0] for one in found if one[1] <= 2.0 * least)
        _, _, parameters = min((one for one in found if one[0] == most), key=lambda one: one[1])
        return self.best(parameters[:2])

    def best(self, start):
        """The parameters, after as many rounds as the choice of windows needs."""
        phi_c, delta = start
        self.used = self.known & (np.abs(self.mean - delta) <= self.reach * abs(delta))
        slope = 0.5 * abs(delta) / np.ptp(self.phi)
        parameters = np.array([phi_c, delta, 1.2, slope, 0.0, 0.0])
        parameters[list(self.held)] = list(self.held.values())
        for _ in range(20):
            parameters = self.fit(parameters)
            apart = np.abs(self.law(parameters) - parameters[1])
            inside = self.known & (apart <= self.reach * abs(parameters[1]))
            if np.array_equal(inside, self.used):
                return parameters
            self.used = inside
        return self.fit(parameters)

    def fit(self, start):
        """Least squares over the windows in use, from `start`; keeps how the parameters follow the points."""
        from scipy import optimize

        free = self.free
        if self.used.sum() < len(free) + 3:
            raise Undetermined(
                f"the points do not determine {len(free)} numbers: {self.used.sum()} windows are "
                "within reach"
            )
        phi, time = np.broadcast_arrays(self.phi[:, None], self.time / self.t0)
        phi, time, seen, error = (one[self.used] for one in (phi, time, self.mean, self.error))
        width = np.ptp(self.phi)
        scale = np.array([width, 1.0, start[_NU], 1.0 / width, 1.0 / width**2, 1.0])

        def moved(z):
            parameters = np.array(start, float)
            parameters[free] += z * scale[free]
            return parameters

        def miss(z):
            return (_law(moved(z), time, phi, self.omega) - seen) / error

        bounds = np.full((2, 6), np.inf) * [[-1.0], [1.0]]
        bounds[:, 0] = (
            (self.phi.min() - width - start[0]) / width,
            (self.phi.max() + width - start[0]) / width,
        )
        bounds[:, _NU] = 0.05 / start[_NU] - 1.0, 20.0 / start[_NU] - 1.0
        with np.errstate(all="ignore"):
            found = optimize.least_squares(
                miss, np.zeros(len(free)), bounds=bounds[:, free], x_scale="jac", max_nfev=2000
            )
        parameters = moved(found.x)
        if not found.success or np.any(found.active_mask):
            raise Undetermined(
                "the points do not determine phi_c and the exponents: the fit ends at "
                f"phi_c = {parameters[0]:.5g}, nu_parallel = {parameters[2]:.3g}"
            )
        self.response = np.zeros((6, len(seen)))
        self.response[free] = scale[free, None] * np.linalg.pinv(found.jac) / error
        _fits.finite("phi_c and the exponents", parameters, self.response)
        return parameters

    def spread(self):
        """Errors of the parameters: the covariance of a run's windows, carried through the fit."""
        variance = np.zeros(len(self.response))
        rows, windows = np.nonzero(self.used)
        for row, count in enumerate(self.counts):
            own = rows == row
            response = self.response[:, own]
            covariance = self.covariance[np.ix_(windows[own], windows[own])]
            variance += np.einsum("pi,ij,pj->p", response, covariance, response) / count
        return np.sqrt(np.maximum(variance, 0.0))


def _pooled_covariance(runs, means):
    """Covariance (windows, windows) of one run's local exponents, from the deviations at all packing fractions."""
    sums, freedom = np.zeros((2, len(means[0]), len(means[0])))
    for delta, centre in zip(runs, means):
        whole = np.isfinite(centre)
        apart = np.where(whole, delta - np.where(whole, centre, 0.0), 0.0)
        sums += apart.T @ apart
        freedom += (len(delta) - 1) * np.outer(whole, whole)
    return np.where(freedom > 0, sums / np.maximum(freedom, 1), 0.0)
