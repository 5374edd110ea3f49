"""The likeliest phi_c of times that diverge: what `critical.divergence` and the fit of nu_par share."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack._fits import Undetermined


class Fit(NamedTuple):
    """phi_c and its error, B, the scatter of ln tau, runs in the fit, and phi of the densest absorbed one."""

    phi_c: float
    error: float
    amplitude: float
    scatter: float
    points: int
    low: float


def likeliest(
    phi: ArrayLike,
    steps: ArrayLike,
    absorbed: ArrayLike,
    *,
    nu: float,
    reach: float,
    longest: float | None = None,
    scatter: float | None = None,
    lineages: tuple[float, float] | None = None,
) -> Fit:
    """The fit of `critical.divergence`, also where it puts phi_c upon the densest absorbed run."""
    phi = _check.array("phi", phi, (None,))
    times = _check.array("steps", steps, (len(phi),))
    gone = np.asarray(absorbed, bool)
    if gone.shape != phi.shape:
        raise ValueError(f"absorbed must have shape {phi.shape}; got {gone.shape}")
    nu = _check.number("nu", nu, 0.1, 10.0)
    law = _log_law(nu, lineages)
    reach = _check.number("reach", reach, 0.0, 1.0, open_low=True)
    if longest is not None:
        longest = _check.number("longest", longest, 1.0)
        gone = gone & (times <= longest)
        times = np.minimum(times, longest)
    low = phi[gone].max(initial=-np.inf)
    use = (phi >= low - reach - 1e-9) & (times > 0)
    near, log_tau, gone = phi[use], np.log(times[use]), gone[use]
    count = np.count_nonzero(gone)
    if count < 5 or len(np.unique(near[gone])) < 3:
        raise Undetermined(
            f"phi_c needs at least 5 absorbed runs at 3 packing fractions within reach; got {count}"
        )
    if scatter is not None:
        scatter = _check.number("scatter", scatter, 0.0, open_low=True)
    found = _maximum(near, log_tau, gone, nu, law, low, scatter)
    if not np.isfinite([found.phi_c, found.error]).all() or found.phi_c > low + 10.0 * reach:
        raise Undetermined(
            f"the absorption times do not diverge: phi_c would be {found.phi_c:g}, above {low:g} by more "
            f"than ten times the reach of {reach:g}"
        )
    return found


def _maximum(
    phi: NDArray,
    log_tau: NDArray,
    absorbed: NDArray,
    nu: float,
    law: Callable[[NDArray], NDArray],
    low: float,
    scatter: float | None,
) -> Fit:
    """The fit of `likeliest`: parameters ln(phi_c - low), ln B and, unless it is given, ln s."""
    from scipy import optimize, special

    count = np.count_nonzero(absorbed)  # those come first from here on
    phi, log_tau = (np.concatenate((x[absorbed], x[~absorbed])) for x in (phi, log_tau))

    def cost(parameters):
        gap, log_b = parameters[:2]
        log_s = parameters[2] if scatter is None else np.log(scatter)
        below = low + np.exp(gap) - phi
        mean = log_b + law(np.maximum(below, 1e-300))
        z = (log_tau - mean) * np.exp(-log_s)
        dead = (0.5 * z[:count] ** 2 + log_s).sum()
        return dead - special.log_ndtr(-z[count:][below[count:] > 0.0]).sum()

    def guesses(gap):  # least squares without the active runs; a row each
        rest = log_tau[:count] - law(low + np.exp(gap)[:, None] - phi[:count])
        rows = [gap, rest.mean(axis=1), np.log(rest.std(axis=1) + 1e-3)]
        return np.transpose(rows[: 3 if scatter is None else 2])

    start = min(guesses(np.log(np.geomspace(3e-5, 0.1, 60))), key=cost)
    fit = optimize.minimize(
        cost, start, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-8, "maxiter": 4000}
    )
    covariance = np.linalg.pinv(_curvature(cost, fit.x), hermitian=True)
    small_sample = np.sqrt(count / (count - 3.0)) if scatter is None else 1.0
    gap = float(np.exp(fit.x[0]))
    return Fit(
        phi_c=float(low + gap),
        error=float(gap * np.sqrt(max(covariance[0, 0], 0.0)) * small_sample),
        amplitude=float(np.exp(fit.x[1])),
        scatter=float(np.exp(fit.x[2]) * small_sample) if scatter is None else scatter,
        points=len(phi),
        low=float(low),
    )


def _log_law(nu: float, lineages: tuple[float, float] | None) -> Callable[[NDArray], NDArray]:
    """ln(tau / B) as a function of the distance phi_c - phi > 0; see `critical.divergence`."""
    if lineages is None:
        return lambda below: -nu * np.log(below)
    try:
        n0, p = lineages
    except (TypeError, ValueError):
        raise TypeError(
            f"lineages must be a pair (n0, p) of numbers; got {_check.short(lineages)}"
        ) from None
    n0 = _check.number("n0 of lineages", n0, 0.0, open_low=True)
    p = _check.number("p of lineages", p, nu, open_low=True)
    last = (p / nu - np.euler_gamma - np.log(n0)) / p  # ln of the distance where tau is largest

    def law(below: NDArray) -> NDArray:
        log_below = np.maximum(np.log(below), last)
        return np.log(np.log(n0) + p * log_below + np.euler_gamma) - nu * log_below

    return law


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
