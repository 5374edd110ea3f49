"""Where the transition lies: by a criterion, by a time that diverges, by an activity that vanishes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check, _fits
from mpack._fits import Undetermined
from mpack.critical._divergence import likeliest
from mpack.statistics import Estimate

CRITERION = (
    0.1  # final activity below which a packing fraction counts as quiet (Zhang and Martiniani)
)
NU_PARALLEL = 1.081  # Manna class in three dimensions; Luebeck, cond-mat/0501259
NU_PERP = 0.593  # of the correlation length, the same
BETA = 0.840  # the same


class Bracket(NamedTuple):
    """phi_c lies in [low, high]: two neighbouring packing fractions of a scan; nan where the scan does not reach.

    Examples
    --------
    >>> from mpack import critical
    >>> found = critical.last_quiet([0.60, 0.62, 0.64], [0.0, 0.02, 0.4])
    >>> found.low < 0.63 < found.high
    True
    """

    low: float
    high: float


def last_quiet(phi: ArrayLike, activity: ArrayLike, *, threshold: float = CRITERION) -> Bracket:
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

    Raises
    ------
    ValueError, TypeError
        If an array is malformed or the threshold out of its range.

    Examples
    --------
    >>> from mpack import critical
    >>> critical.last_quiet([0.60, 0.61, 0.62, 0.63], [0.0, 0.05, 0.3, 0.5])
    Bracket(low=0.61, high=0.62)
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

    Examples
    --------
    >>> from mpack import critical
    >>> print(critical.CriticalPoint(0.6283, 0.0012, 1.081, 20.0, 0.3, 30).estimate)
    0.6283 ± 0.0012
    """

    phi_c: float
    error: float
    exponent: float
    amplitude: float
    scatter: float
    points: int

    @property
    def estimate(self) -> Estimate:
        """phi_c and its error; n is the number of points."""
        return Estimate(self.phi_c, self.error, self.points)


def divergence(
    phi: ArrayLike,
    steps: ArrayLike,
    absorbed: ArrayLike,
    *,
    nu: float = NU_PARALLEL,
    reach: float = 0.03,
    longest: float | None = None,
    scatter: float | None = None,
    lineages: tuple[float, float] | None = None,
) -> CriticalPoint:
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
    lineages : (n0, p), optional
        With these the law has the logarithm of a finite system: tau = B (phi_c - phi)^-nu X, X =
        ln(n0 (phi_c - phi)^p) + 0.577. Far below phi_c activity decays at the rate (phi_c - phi)^nu
        / B, in n0 (phi_c - phi)^p places that do not know of each other; the run is over when the
        last of them is, a Gumbel time, whose mean is X in units of that decay. p is d nu_perp, 2 in
        mean field; n0 is proportional to the number of particles, see `lineages`. Closer to phi_c
        than where such a tau is largest, X = p/nu, it stays there: the system is one lineage. p >
        nu.

    Returns
    -------
    CriticalPoint
        Errors by the curvature of the likelihood. The law is that of a large system: a finite one
        rounds it off where nu |phi_c - phi| falls below some N^(-1/(d nu_perp)), and phi_c is at
        least the largest phi at which a run got absorbed.

    Raises
    ------
    Undetermined
        A ValueError: if fewer than 5 runs at 3 packing fractions got absorbed within reach, or the
        times do not diverge: phi_c would lie more than ten times the reach above them, or upon the
        densest of them.
    ValueError, TypeError
        If an array is malformed or a number out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import critical
    >>> phi = np.repeat([0.60, 0.61, 0.62, 0.63], 2)
    >>> noise = np.array([1.1, 0.9, 0.95, 1.05, 1.02, 0.98, 1.0, 1.0])
    >>> steps = 20 * np.maximum(0.625 - phi, 1e-9) ** -critical.NU_PARALLEL * noise
    >>> found = critical.divergence(phi, np.minimum(steps, 20_000), steps < 20_000)
    >>> print(found.estimate)
    0.62498 ± 0.00050

    The contact process on a complete graph has lambda_c = 1, and a logarithm:

    >>> from mpack import known_answers
    >>> rate = np.repeat([0.84, 0.87, 0.90, 0.93], 20)
    >>> ends = known_answers.absorbed_after(
    ...     known_answers.contact_process(10**6, rate, 3000, 80, rng=1)
    ... )
    >>> gone = np.ones(80, bool)
    >>> print(critical.divergence(rate, ends, gone, nu=1.0, reach=0.1).estimate)
    1.0322 ± 0.0082
    >>> how = {"nu": 1.0, "reach": 0.1, "lineages": (1e6, 2.0)}
    >>> print(critical.divergence(rate, ends, gone, **how).estimate)
    1.0052 ± 0.0068
    """
    found = likeliest(
        phi,
        steps,
        absorbed,
        nu=nu,
        reach=reach,
        longest=longest,
        scatter=scatter,
        lineages=lineages,
    )
    if found.phi_c - found.low < 1e-6 * reach:
        raise Undetermined(
            f"phi_c would lie where the densest run got absorbed, {found.low:g}: by this law times grow too "
            f"little before it"
        )
    return CriticalPoint(
        found.phi_c, found.error, float(nu), found.amplitude, found.scatter, found.points
    )


@_check.sound
def lineages(
    times: float, sizes: float, distance: float, *, p: float = 3 * NU_PERP
) -> tuple[float, float]:
    """(n0, p) of the smaller of two systems, from how much longer the larger takes: what `divergence` takes.

    By the law there, at one distance from phi_c, times = 1 + ln(sizes) / X, X = ln(n0 distance^p) +
    0.577.

    Parameters
    ----------
    times : float
        Mean time to absorption of the larger system over that of the smaller, > 1.
    sizes : float
        Particles of the larger over those of the smaller, > 1.
    distance : float
        phi_c - phi of both, > 0.
    p : float
        d nu_perp, > 0: that of the Manna class in three dimensions if left out.

    Returns
    -------
    (float, float)
        n0 and p.

    Raises
    ------
    ValueError, TypeError
        If a number is out of its range.

    Examples
    --------
    Of a million sites with 40 000 lineages a tenth below the transition, a ten times larger system
    takes a fifth longer:

    >>> from mpack import critical
    >>> n0, p = critical.lineages(1.2045, 10, 0.2, p=2.0)
    >>> print(f"{n0:.2e}", p)
    1.09e+06 2.0
    """
    times = _check.number("times", times, 1.0, open_low=True)
    sizes = _check.number("sizes", sizes, 1.0, open_low=True)
    distance = _check.number("distance", distance, 0.0, open_low=True)
    p = _check.number("p", p, 0.0, open_low=True)
    x = np.log(sizes) / (times - 1.0)
    return float(np.exp(x - np.euler_gamma) / distance**p), p


def onset(
    phi: ArrayLike,
    activity: ArrayLike,
    error: ArrayLike,
    *,
    beta: float = BETA,
    most: float = 0.5,
) -> CriticalPoint:
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
    Undetermined
        A ValueError: if fewer than 3 values at 2 packing fractions are left, or they do not rise:
        phi_c would lie more than ten times their range below them.
    ValueError, TypeError
        If an array is malformed or a number out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import critical
    >>> phi = np.array([0.57, 0.575, 0.58, 0.585])
    >>> found = critical.onset(phi, 10 * (phi - 0.568) ** critical.BETA, [0.002] * 4)
    >>> print(f"{found.phi_c:.4f}, amplitude {found.amplitude:.1f}")
    0.5680, amplitude 10.0
    """
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
    if len(phi) < 3 or np.ptp(phi) <= 0.0:
        raise Undetermined(
            f"phi_c needs at least 3 activities in (0, {most:g}] with errors, at 2 packing fractions; "
            f"got {len(phi)}"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        return _least_squares(phi, activity, error, beta)


def _least_squares(phi: NDArray, activity: NDArray, error: NDArray, beta: float) -> CriticalPoint:
    """The fit of `onset`: parameters phi_c and amplitude, started from a line through f^(1/beta)."""
    from scipy import optimize

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", np.exceptions.RankWarning)  # a start is all that is asked
        slope, cut = np.polyfit(phi, activity ** (1.0 / beta), 1)
    start = [
        min(-cut / slope, phi.min() - 1e-4) if slope > 0.0 else phi.min() - 0.01,
        abs(slope) ** beta,
    ]

    def law(x, phi_c, amplitude):
        return amplitude * np.maximum(x - phi_c, 0.0) ** beta

    found, covariance = _fits.fitted(
        lambda: optimize.curve_fit(law, phi, activity, p0=start, sigma=error, absolute_sigma=True),
        "phi_c and the amplitude of the activity",
    )
    if not phi.min() - 10.0 * np.ptp(phi) <= found[0] <= phi.max():
        raise Undetermined(
            f"the activities do not vanish near the scan: phi_c would be {found[0]:g}, of packing "
            f"fractions from {phi.min():g} to {phi.max():g}"
        )
    chi = float(np.sqrt(np.sum(((activity - law(phi, *found)) / error) ** 2) / (len(phi) - 2)))
    _fits.finite("phi_c and the amplitude of the activity", chi)
    return CriticalPoint(
        phi_c=float(found[0]),
        error=float(np.sqrt(covariance[0, 0]) * max(chi, 1.0)),
        exponent=beta,
        amplitude=float(found[1]),
        scatter=chi,
        points=len(phi),
    )
