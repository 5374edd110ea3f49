"""The minimum of S, the quadratic surface of the valley around it, and errors carried through that surface."""

import dataclasses
import functools
import itertools

import numpy as np
from scipy import optimize


def minimise(problem, tolerance, restarts, smooth, spanned=True, refuse=lambda *place: None):
    """(theta, evaluations, valley): the minimum of S and the axes that span its valley (see `fit_valley`).

    The valley is None where nobody asks for it: it is not to be `spanned`, and no step needs it.
    `refuse(problem, theta)` raises where a dip is none: from there a later step may come back.
    """
    found = optimize.minimize(
        problem.quality, problem.start, method="Nelder-Mead", options=tolerance
    )
    theta, best, count = found.x, found.fun, found.nfev
    refuse(problem, theta)
    if not (spanned or restarts or smooth):
        return theta, count, None
    valley = fit_valley(problem, theta, best)
    for _ in range(restarts):
        found = descend(problem, theta, valley.axes)
        count += found.nfev
        better = best - found.fun
        if better > 0.0:
            theta, best = theta + valley.axes @ found.x, found.fun
            refuse(problem, theta)
            valley = fit_valley(problem, theta, best)
        if better < 1e-3 * valley.rise:
            break
    if smooth:
        for _ in range(2):
            theta = bottom(problem, theta, valley)
            valley = fit_valley(problem, theta, problem.quality(theta))
        theta = bottom(problem, theta, valley)
        refuse(problem, theta)
    return theta, count, valley


def bottom(problem, theta, valley, a=None):
    """The bottom of the quadratic surface fitted to S around itself, by steps of at most one valley's width.

    Where S has no such surface, the lowest point that Nelder-Mead finds.
    """
    here = theta
    for _ in range(12):
        form, u = _surface(problem, here, valley.axes, a)
        if form is None or np.linalg.eigvalsh(form)[0] <= 0.0:
            return here + valley.axes @ descend(problem, here, valley.axes, a).x
        far = np.sqrt(u @ u)
        here = here + valley.axes @ (u / max(far, 1.0))
        if far < 0.01:
            break
    return here


def descend(problem, theta, axes, a=None):
    """Nelder-Mead from theta in units of `axes`, beginning with a simplex of that size."""
    size = theta.size
    simplex = np.vstack([np.zeros(size), np.eye(size)]) - 1.0 / (size + 1.0)
    return optimize.minimize(
        lambda u: problem.quality(theta + axes @ u, a),
        np.zeros(size),
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 0.01, "fatol": 1e-6},
    )


@dataclasses.dataclass(frozen=True)
class Valley:
    """S = floor + (u - u0)^T form (u - u0) at theta + axes u; along each axis (column) S rises by `rise`."""

    axes: np.ndarray
    form: np.ndarray
    rise: float


SPAN = 5.0  # standard errors that the quadratic surface spans


def fit_valley(problem, theta, best):
    """Fit a quadratic surface to S around theta, on a scale at which the small steps of S average out.

    The scale is `SPAN` standard errors, if S times the number of points were chi squared.
    """
    size = theta.size
    rise = SPAN**2 * max(best, 1e-12) / max(problem.used(theta), 1)
    axes = np.diag([_reach(problem, theta, best, rise, k) for k in range(size)])
    for _ in range(5):
        form, _ = _surface(problem, theta, axes)
        if form is None:  # out of the region where sizes overlap
            axes = 0.5 * axes
            continue
        level, turn = np.linalg.eigh(form)
        level = np.clip(
            level, rise / 16.0, None
        )  # flat, or falling: widen, but not at once to infinity
        axes = axes @ turn * np.sqrt(rise / level)
    form, _ = _surface(problem, theta, axes)
    return Valley(axes, np.full((size, size), np.nan) if form is None else form, rise)


def _reach(problem, theta, best, rise, k):
    """Step in parameter k at which S has risen by about `rise`, on average over both directions."""
    step = 1e-3 * max(abs(theta[k]), 1e-3)
    unit = np.zeros(theta.size)
    unit[k] = 1.0
    for _ in range(60):
        sides = [problem.quality(theta + sign * step * unit) - best for sign in (-1.0, 1.0)]
        now = 0.5 * sum(sides)
        if 0.25 * rise < now < 4.0 * rise:
            return step
        step *= 0.5 if not now < rise else 1.7
    return step


@functools.cache
def _design(size):
    """Points of the simplex that the surface is fitted on: vertices and middles of edges of a cross, at full, at two
    thirds and at one third of its size; shape (points, size).
    """
    unit = np.eye(size)
    rays = [sign * unit[p] for p in range(size) for sign in (1.0, -1.0)]
    pairs = itertools.combinations(range(size), 2)
    rays += [
        (one * unit[p] + other * unit[q]) / np.sqrt(2.0)
        for p, q in pairs
        for one, other in itertools.product((1.0, -1.0), repeat=2)
    ]
    return np.vstack([np.zeros(size)] + [part * np.array(rays) for part in (1.0, 2 / 3, 1 / 3)])


@functools.cache
def _least_squares(size):
    """The matrix that turns S on the design into the coefficients of 1, u_p, u_p u_q (p <= q)."""
    u = _design(size)
    pairs = itertools.combinations_with_replacement(range(size), 2)
    return np.linalg.pinv(
        np.column_stack([np.ones(len(u)), u, *(u[:, p] * u[:, q] for p, q in pairs)])
    )


def _surface(problem, theta, axes, a=None):
    """(B, u0) of S = floor + (u - u0)^T B (u - u0) at theta + axes u, by least squares; (None, None) if S has none."""
    size = theta.size
    u = _design(size)
    S = problem.qualities(theta + u @ axes.T, a)
    if not np.all(np.isfinite(S)):
        return None, None
    pairs = list(itertools.combinations_with_replacement(range(size), 2))
    solution = _least_squares(size) @ S
    form = np.zeros((size, size))
    for (p, q), value in zip(pairs, solution[1 + size :]):
        form[p, q] += 0.5 * value
        form[q, p] += 0.5 * value
    if np.linalg.eigvalsh(form)[0] <= 0.0:
        return form, np.zeros(size)
    return form, np.linalg.solve(-2.0 * form, solution[1 : 1 + size])


def carried(problem, theta, valley):
    """Covariance of the minimum: the errors of the data, carried through the quadratic surface."""
    if not np.all(np.isfinite(valley.form)) or np.linalg.eigvalsh(valley.form)[0] <= 0.0:
        return np.full((theta.size,) * 2, np.nan)
    u = _design(theta.size)
    slopes = np.array([problem.slope(theta + valley.axes @ step) for step in u])
    D = np.linalg.lstsq(np.column_stack([np.ones(len(u)), u]), slopes, rcond=None)[0][1:]
    move = valley.axes @ np.linalg.solve(2.0 * valley.form, D)
    return move @ problem.covariance() @ move.T
