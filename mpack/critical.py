"""Absorbing or active: steady activity, relaxation time, survival, and where the transition lies.

Two states are open to a driven packing. It may find a configuration in which nothing overlaps and
stop for ever (absorbed), or stay active with a steady share f_inf of its particles moving. f_inf
rises from zero at phi_c and the time tau_r to reach either state diverges there (Zhang and
Martiniani, arXiv:2411.11834). Everything here is the statistics of recorded series, without a loop
over particles: times in steps, activities in [0, 1].

    steady_activity     f_inf of one run: value, error, autocorrelation time, and whether to trust them
    octaves             mean activity in octaves of time: whether steady is what it is
    relaxation_time     tau_r of one run
    survival            the chance that a run is still active (Kaplan-Meier)
    mean_activity       f_a(k) over all runs, or over those that survive
    last_quiet          phi_c by the paper's criterion: a bracket between two scanned packing fractions
    divergence          phi_c where the absorption time diverges, from below
    onset               phi_c where the steady activity vanishes, from above
    to_zero             the limit of small kicks
"""

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mpack import _check
from mpack._repr import short_repr

CRITERION = (
    0.1  # final activity below which a packing fraction counts as quiet (Zhang and Martiniani)
)
NU_PARALLEL = 1.081  # Manna class in three dimensions; Luebeck, cond-mat/0501259
BETA = 0.840  # the same
TRUSTED = 50  # autocorrelation times that a steady stretch must last
STEADY_SIGMAS = 3.0  # how far its two halves may differ, in standard errors
FEWEST = 8  # evenly spaced records that a steady stretch must have
_WINDOW = 5  # Sokal's: correlations are summed up to this many autocorrelation times


@dataclass(frozen=True)
class SteadyActivity:
    """What `steady_activity` found.

    Attributes
    ----------
    value, error : float
        Time average of f_a over the steady stretch and its standard error; 0 and 0 if the run is
        absorbed.
    tau, tau_error : float
        Integrated autocorrelation time in steps, 1 + 2 sum rho, at least one spacing of the
        records; nan if absorbed.
    start : int
        First step of the steady stretch; if absorbed, the step of absorption.
    points, spacing : int
        Records averaged, and the steps between them.
    drift : float
        Second half of the stretch minus the first, in standard errors of that difference.
    absorbed : bool
        True if the last activity is 0.
    reliable : bool
        True if the stretch lasts at least 50 autocorrelation times and |drift| <= 3, or if the run
        is absorbed.
    """

    value: float
    error: float
    tau: float
    tau_error: float
    start: int
    points: int
    spacing: int
    drift: float
    absorbed: bool
    reliable: bool


def steady_activity(times, activity, *, discard=0.5):
    """Steady activity f_inf of one run, with the error that its correlation in time allows.

    Rule, the same for every run: the first half of the steps is equilibration, the rest is
    averaged. With n evenly spaced records of variance s^2 and integrated autocorrelation time tau
    (in records, summed up to Sokal's window W = 5 tau by emcee, at least 1), error^2 = (s^2 tau/n)
    (1 + (2W + 1)/n); the bracket undoes, to first order in 1/n, what taking the mean from the same
    records hides (Wolff, Comput. Phys. Commun. 156, 143 (2004)).

    Parameters
    ----------
    times : int array, shape (m,)
        Steps of the records, increasing.
    activity : array, shape (m,)
        f_a there.
    discard : float
        Share of the steps that counts as equilibration, in [0, 0.9].

    Returns
    -------
    SteadyActivity
        Trust it where `reliable`. A run still falling gives a too large value, a large `tau` and a
        large `drift`.

    Raises
    ------
    ValueError, TypeError
        If an array is malformed; or if the averaged stretch of an active run does not have at least
        8 evenly spaced records. Others between them, such as those of `log_spaced`, and a last one
        off the grid are left out.
    """
    times, activity = _series(times, activity)
    discard = _check.number("discard", discard, 0.0, 0.9)
    if activity[-1] == 0.0:
        nan = float("nan")
        return SteadyActivity(
            0.0, 0.0, nan, nan, int(times[-1]), 1, 0, 0.0, absorbed=True, reliable=True
        )
    begin = times[0] + discard * (times[-1] - times[0])
    grid, spacing = _even(times[times >= begin])
    x = activity[np.searchsorted(times, grid)]
    n = len(x)
    tau = autocorrelation_time(x)
    window = 2 * _WINDOW * tau + 1
    error = np.sqrt(np.var(x) * tau / n * (1.0 + window / n))
    half = n // 2
    change = x[-half:].mean() - x[:half].mean()
    drift = float(change / (2.0 * error)) if error > 0.0 else 0.0
    return SteadyActivity(
        value=float(x.mean()),
        error=float(error),
        tau=tau * spacing,
        tau_error=float(tau * spacing * np.sqrt(2.0 * window / n)),
        start=int(grid[0]),
        points=n,
        spacing=spacing,
        drift=drift,
        absorbed=False,
        reliable=bool(n >= TRUSTED * tau and abs(drift) <= STEADY_SIGMAS),
    )


def autocorrelation_time(x):
    """Integrated autocorrelation time of an evenly spaced series, in its spacings: 1 + 2 sum_{t=1}^{W} rho(t).

    Parameters
    ----------
    x : array, shape (n,), n >= 2

    Returns
    -------
    float
        At least 1: what is anticorrelated counts as independent. 1 for a constant series.

    Notes
    -----
    W is the least integer >= 5 tau(W) (Sokal), by `emcee.autocorr.integrated_time`. Biased low when
    n < 50 tau.
    """
    x = _check.array("x", x, (None,))
    if len(x) < 2:
        raise ValueError(f"x must hold at least 2 values; got {len(x)}")
    if np.ptp(x) <= 1e-14 * np.max(np.abs(x)):
        return 1.0
    from emcee import autocorr

    try:
        tau = autocorr.integrated_time(x, c=_WINDOW, tol=TRUSTED)[0]
    except (
        autocorr.AutocorrError
    ) as short:  # too short to trust; the caller sees that from n and tau
        tau = short.tau[0]
    return float(np.clip(tau, 1.0, len(x)))


class Relaxation(NamedTuple):
    """A relaxation time in steps: it lies in (after, steps]. Both nan if the records end before it."""

    steps: float
    after: float


def octaves(times, activity, count=5):
    """Mean activity in the last octaves of a run's time, (T/2, T] last: of many runs together, whether it is steady.

    One run's `drift` in `steady_activity` is blind to a slow fall that its fluctuations hide; the
    mean of many is not. Where activity nears a limit as k^-theta, the differences of successive
    octaves have the ratio 2^-theta.

    Parameters
    ----------
    times, activity : as for `steady_activity`
        Activity is taken to change linearly from one record to the next.
    count : int
        How many, >= 1.

    Returns
    -------
    array, shape (count,)

    Raises
    ------
    ValueError, TypeError
        If an array is malformed, or the first octave begins before the first record.
    """
    times, activity = _series(times, activity)
    count = _check.integer("count", count, 1)
    edges = times[-1] / 2.0 ** np.arange(count, -1, -1)
    if edges[0] < times[0] or times[-1] < 2**count:
        raise ValueError(
            f"count must be such that the first octave, from step {edges[0]:g}, begins at least one step after the start "
            f"and not before the first record, at step {times[0]}; got {count}"
        )
    return np.array(
        [np.interp(np.linspace(a, b, 65), times, activity).mean() for a, b in zip(edges, edges[1:])]
    )


def relaxation_time(times, activity, f_inf=None, *, within=0.1):
    """Relaxation time tau_r of one run: the step of absorption, or the first step with (f_a - f_inf)/f_inf < 0.1.

    Parameters
    ----------
    times, activity : arrays, shape (m,)
        Steps, increasing, and f_a there. Dense enough for the purpose: log_spaced(10) brackets
        tau_r within 26 %.
    f_inf : float, optional
        Steady activity, better that of the whole ensemble than of this run; by `steady_activity` if
        left out. Not used if the run is absorbed.
    within : float
        The 0.1 above, in (0, 1].

    Returns
    -------
    Relaxation
        (steps, after): the first record that fulfils it, and the one before. Absorption is known to
        the step. nan for a run that is active and has never come so near, or whose f_inf is 0.
    """
    times, activity = _series(times, activity)
    within = _check.number("within", within, 0.0, 1.0, open_low=True)
    if activity[-1] == 0.0:
        last = float(times[-1])
        return Relaxation(last, max(last - 1.0, 0.0))
    f_inf = (
        steady_activity(times, activity).value
        if f_inf is None
        else _check.number("f_inf", f_inf, 0.0, 1.0)
    )
    near = np.flatnonzero(activity - f_inf < within * f_inf)
    if not len(near):
        return Relaxation(float("nan"), float("nan"))
    return Relaxation(float(times[near[0]]), float(times[max(near[0] - 1, 0)]))


def survival(steps, absorbed, at):
    """Chance that a run is still active after `at` steps, by Kaplan and Meier: runs that ended active count so far.

    Parameters
    ----------
    steps : int array, shape (runs,)
        Steps done, the step of absorption where absorbed.
    absorbed : bool array, shape (runs,)
        Whether the run ended so; else nothing is known of it after its last step.
    at : array, shape (m,)
        Steps.

    Returns
    -------
    probability, low, high : arrays, shape (m,)
        And its 68.3 % interval (log-log, after Greenwood; nan while no run has died).
    """
    from scipy import stats

    steps = _check.array("steps", steps, (None,))
    absorbed = np.asarray(absorbed)
    if absorbed.shape != steps.shape or absorbed.dtype != bool or not len(steps):
        raise ValueError(f"absorbed must be {len(steps)} booleans, at least one; got {absorbed!r}")
    at = _check.array("at", at, (None,))
    curve = stats.ecdf(stats.CensoredData.right_censored(steps, ~absorbed)).sf
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", RuntimeWarning
        )  # no interval before the first death and after the last
        band = curve.confidence_interval(confidence_level=0.6827, method="log-log")
    return curve.evaluate(at), band.low.evaluate(at), band.high.evaluate(at)


def mean_activity(histories, at, *, surviving=False):
    """Mean activity of an ensemble against time, over all runs or over those still active.

    Parameters
    ----------
    histories : sequence of (times, activity)
        One pair a run; an absorbed run (last activity 0) has activity 0 ever after.
    at : array, shape (m,)
        Steps; each run must be recorded around them, linear in between.
    surviving : bool
        True leaves absorbed runs out of the average from their last step on: the quasi-steady
        average, which forgets that finite systems die. False counts them as 0.

    Returns
    -------
    mean, error : arrays, shape (m,)
        And its standard error over the runs; nan where fewer than two runs are averaged (the mean:
        where none).
    count : int array, shape (m,)
        Runs averaged.
    """
    at = _check.array("at", at, (None,))
    if not len(histories):
        raise ValueError("histories must hold at least one run; got none")
    rows = np.array([_history(times, activity, at) for times, activity in histories])
    counted = rows > 0.0 if surviving else np.ones(rows.shape, bool)
    count = counted.sum(axis=0)
    divide = np.where(count > 0, count, np.nan)
    mean = np.where(counted, rows, 0.0).sum(axis=0) / divide
    squares = np.where(counted, (rows - mean) ** 2, 0.0).sum(axis=0)
    return mean, np.sqrt(squares / divide / np.where(count > 1, count - 1, np.nan)), count


def _history(times, activity, at):
    """f_a of one run at the steps `at`; absorbed, it stays 0."""
    times, activity = _series(times, activity)
    if len(at) and (at.min() < times[0] or (activity[-1] > 0.0 and at.max() > times[-1])):
        raise ValueError(
            f"at must lie within the records of every active run, {times[0]} to {times[-1]}; "
            f"got {at.min():g} to {at.max():g}"
        )
    return np.interp(at, times, activity)


class Bracket(NamedTuple):
    """phi_c lies in [low, high]: two neighbouring packing fractions of a scan; nan where the scan does not reach."""

    low: float
    high: float


def last_quiet(phi, activity, *, threshold=CRITERION):
    """phi_c by the criterion of Zhang and Martiniani: the largest scanned phi whose final activity is below 0.1.

    Parameters
    ----------
    phi, activity : arrays, shape (runs,)
        Packing fraction and final activity of each run; several at one phi are averaged.
    threshold : float
        The 0.1, in (0, 1).

    Returns
    -------
    Bracket
        `low` is the criterion's value, `high` the next packing fraction of the scan.
    """
    phi = _check.array("phi", phi, (None,))
    activity = _check.array("activity", activity, (len(phi),))
    threshold = _check.number("threshold", threshold, 0.0, 1.0, open_low=True, open_high=True)
    scanned = np.unique(phi)
    quiet = np.array([activity[phi == one].mean() < threshold for one in scanned])
    if not quiet.any():
        return Bracket(float("nan"), float(scanned[0]) if len(scanned) else float("nan"))
    last = int(np.flatnonzero(quiet)[-1])
    return Bracket(
        float(scanned[last]), float(scanned[last + 1]) if last + 1 < len(scanned) else float("nan")
    )


@dataclass(frozen=True)
class CriticalPoint:
    """What `divergence` and `onset` found.

    Attributes
    ----------
    phi_c, error : float
        The critical packing fraction and its standard error, at the given exponent and size.
    exponent, amplitude : float
        tau = amplitude (phi_c - phi)^-exponent in steps, or f = amplitude (phi - phi_c)^exponent.
    scatter : float
        Of ln tau from run to run; for `onset` the root of chi^2 per degree of freedom.
    points : int
        Runs (`divergence`) or values (`onset`) in the fit.
    """

    phi_c: float
    error: float
    exponent: float
    amplitude: float
    scatter: float
    points: int


def divergence(phi, steps, absorbed, *, nu=NU_PARALLEL, reach=0.03, longest=None, scatter=None):
    """phi_c where the time to absorption diverges: tau = B (phi_c - phi)^-nu, by maximum likelihood.

    ln tau of a run below phi_c is Gaussian with standard deviation s about that law. A run that is
    still active after its last step counts as one whose tau is larger, and as nothing if its phi is
    above phi_c: so runs that ended too early do not pull phi_c up, nor is it an input which of them
    would have been absorbed.

    Parameters
    ----------
    phi : array, shape (runs,)
        Packing fractions.
    steps : array, shape (runs,)
        Steps done; the step of absorption of an absorbed run.
    absorbed : bool array, shape (runs,)
    nu : float
        The exponent, fixed: nu_parallel of the Manna class in d = 3 if left out.
    reach : float
        Runs further than this below the largest phi with an absorbed run are left out; so are
        absorptions at step 0.
    longest : float, optional
        Treat every run as if it had been stopped after so many steps (to see what finite time
        does).
    scatter : float, optional
        The standard deviation s of ln tau, > 0, where it is known better, such as from many scans
        together.

    Returns
    -------
    CriticalPoint
        Errors by the curvature of the likelihood. The law is that of a large system: a finite one
        rounds it off where nu |phi_c - phi| falls below some N^(-1/(d nu_perp)), and phi_c is at
        least the largest phi at which a run got absorbed.

    Raises
    ------
    ValueError
        If fewer than 5 runs at 3 packing fractions got absorbed within reach.
    """
    phi = _check.array("phi", phi, (None,))
    steps = _check.array("steps", steps, (len(phi),))
    absorbed = np.asarray(absorbed, bool)
    nu = _check.number("nu", nu, 0.1, 10.0)
    reach = _check.number("reach", reach, 0.0, 1.0, open_low=True)
    if longest is not None:
        longest = _check.number("longest", longest, 1.0)
        absorbed = absorbed & (steps <= longest)
        steps = np.minimum(steps, longest)
    low = phi[absorbed].max(initial=-np.inf)
    use = (phi >= low - reach - 1e-9) & (steps > 0)
    phi, log_tau, absorbed = phi[use], np.log(steps[use]), absorbed[use]
    count = np.count_nonzero(absorbed)
    if count < 5 or len(np.unique(phi[absorbed])) < 3:
        raise ValueError(
            f"phi_c needs at least 5 absorbed runs at 3 packing fractions within reach; got {count}"
        )
    if scatter is not None:
        scatter = _check.number("scatter", scatter, 0.0, open_low=True)
    return _likeliest(phi, log_tau, absorbed, nu, low, scatter)


def _likeliest(phi, log_tau, absorbed, nu, low, scatter):
    """The fit of `divergence`: parameters ln(phi_c - low), ln B and, unless it is given, ln s."""
    from scipy import optimize, special

    def cost(parameters):
        gap, log_b = parameters[:2]
        log_s = parameters[2] if scatter is None else np.log(scatter)
        below = low + np.exp(gap) - phi
        mean = log_b - nu * np.log(np.maximum(below, 1e-300))
        z = (log_tau - mean) * np.exp(-log_s)
        dead = np.sum(0.5 * z[absorbed] ** 2 + log_s)
        alive = ~absorbed & (below > 0.0)
        return dead - np.sum(special.log_ndtr(-z[alive]))

    def guess(gap):  # least squares without the active runs
        rest = log_tau[absorbed] + nu * np.log(low + np.exp(gap) - phi[absorbed])
        return np.array([gap, rest.mean(), np.log(rest.std() + 1e-3)])[
            : 3 if scatter is None else 2
        ]

    start = min((guess(gap) for gap in np.log(np.geomspace(3e-5, 0.1, 60))), key=cost)
    fit = optimize.minimize(
        cost, start, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-8, "maxiter": 4000}
    )
    covariance = np.linalg.pinv(_curvature(cost, fit.x), hermitian=True)
    count = np.count_nonzero(absorbed)
    small_sample = np.sqrt(count / (count - 3.0)) if scatter is None else 1.0
    gap = float(np.exp(fit.x[0]))
    return CriticalPoint(
        phi_c=float(low + gap),
        error=float(gap * np.sqrt(max(covariance[0, 0], 0.0)) * small_sample),
        exponent=nu,
        amplitude=float(np.exp(fit.x[1])),
        scatter=float(np.exp(fit.x[2]) * small_sample) if scatter is None else scatter,
        points=len(phi),
    )


def _curvature(cost, x, step=1e-3):
    """Second derivatives of `cost` at x, by central differences."""
    size = len(x)
    shifts = step * np.eye(size)
    second = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            ends = [
                cost(x + a * shifts[i] + b * shifts[j]) * a * b for a in (1, -1) for b in (1, -1)
            ]
            second[i, j] = sum(ends) / (4.0 * step * step)
    return second


def onset(phi, activity, error, *, beta=BETA, most=0.5):
    """phi_c where the steady activity vanishes: f_inf = A (phi - phi_c)^beta, by weighted least squares.

    Parameters
    ----------
    phi, activity, error : arrays, shape (m,)
        Packing fractions, steady activities and their standard errors (> 0 where used).
    beta : float
        The exponent, fixed: that of the Manna class in d = 3 if left out.
    most : float
        Only activities in (0, most] are used: the law holds near the transition.

    Returns
    -------
    CriticalPoint
        The error includes the root of chi^2 per degree of freedom where that is above 1.

    Raises
    ------
    ValueError
        If fewer than 3 values are left.
    """
    from scipy import optimize

    phi = _check.array("phi", phi, (None,))
    activity = _check.array("activity", activity, (len(phi),))
    error = _check.array("error", error, (len(phi),))
    beta = _check.number("beta", beta, 0.1, 10.0)
    use = (
        (activity > 0.0)
        & (activity <= _check.number("most", most, 0.0, 1.0, open_low=True))
        & (error > 0.0)
    )
    phi, activity, error = phi[use], activity[use], error[use]
    if len(phi) < 3:
        raise ValueError(
            f"phi_c needs at least 3 activities in (0, {most:g}] with errors; got {len(phi)}"
        )
    slope, cut = np.polyfit(phi, activity ** (1.0 / beta), 1)
    start = [
        min(-cut / slope, phi.min() - 1e-4) if slope > 0.0 else phi.min() - 0.01,
        abs(slope) ** beta,
    ]

    def law(x, phi_c, amplitude):
        return amplitude * np.maximum(x - phi_c, 0.0) ** beta

    found, covariance = optimize.curve_fit(
        law, phi, activity, p0=start, sigma=error, absolute_sigma=True
    )
    chi = float(np.sqrt(np.sum(((activity - law(phi, *found)) / error) ** 2) / (len(phi) - 2)))
    return CriticalPoint(
        phi_c=float(found[0]),
        error=float(np.sqrt(covariance[0, 0]) * max(chi, 1.0)),
        exponent=beta,
        amplitude=float(found[1]),
        scatter=chi,
        points=len(phi),
    )


@dataclass(frozen=True)
class Limit:
    """What `to_zero` found: the limit and its standard error, the coefficients (lowest first), chi^2 and its freedom."""

    value: float
    error: float
    coefficients: np.ndarray
    chi2: float
    freedom: int

    __repr__ = short_repr


def to_zero(x, y, error, *, degree=1):
    """The limit x -> 0 of y by a weighted polynomial, y = y_0 + c_1 x + ... (for phi_c against the kick size).

    Parameters
    ----------
    x, y, error : arrays, shape (m,)
        Standard errors > 0; they are taken as independent.
    degree : int
        0 to 4, less than m.

    Returns
    -------
    Limit
        The error is that which follows from `error`: compare chi2 with its freedom before believing
        it.
    """
    x = _check.array("x", x, (None,))
    y, error = _check.array("y", y, (len(x),)), _check.array("error", error, (len(x),))
    degree = _check.integer("degree", degree, 0, 4)
    if len(x) <= degree or np.any(error <= 0.0):
        raise ValueError(
            f"x must hold more than {degree} values, each with an error > 0; got {len(x)}"
        )
    weighted = x[:, None] ** np.arange(degree + 1) / error[:, None]
    covariance = np.linalg.inv(weighted.T @ weighted)
    coefficients = covariance @ weighted.T @ (y / error)
    chi2 = float(np.sum((weighted @ coefficients - y / error) ** 2))
    return Limit(
        float(coefficients[0]),
        float(np.sqrt(covariance[0, 0])),
        coefficients,
        chi2,
        len(x) - degree - 1,
    )


def _series(times, activity):
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


def _even(times):
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
