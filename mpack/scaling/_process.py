"""The marginal likelihood of scaled data under a Gaussian process, its maximum, its curvature, samples from it."""

import numpy as np
from scipy import optimize

from mpack._kernels import collapse as kernels
from mpack._kernels import noise
from mpack.scaling._parameters import PARAMETERS, ZETA, of_observable, transformation
from mpack.scaling.data import TooLittleData


class Process:
    """The marginal likelihood of a problem's data and its gradient.

    z holds the free parameters in units of `scale`, then for each observable the logarithms of
    amplitude and length, in units set by the data and by a size l0 in the middle, and the misfit's
    variance in units of the noise's.
    """

    def __init__(self, problem, misfit):
        self.problem, self.free = problem, len(problem.free)
        self.log_l = np.concatenate([one.log_l for one in problem.data.values()])
        self.rho = np.concatenate([one.rho for one in problem.data.values()])
        self.owner = np.concatenate(
            [np.full(len(one), k) for k, one in enumerate(problem.data.values())]
        )
        self.names = list(problem.data)
        self.zetas = [ZETA.of(name) for name in self.names]
        self.log_l0 = self.log_l.mean()
        self.noise = problem.covariance()
        self._refuse_bad_noise()
        self.whitener = np.empty_like(self.noise)  # L^-1 of K = L L^T, at the last z
        first = problem.values(problem.start)
        x, factor, _ = self._scaled(first)
        y = np.abs(problem.a * factor)
        self.width = np.array([np.ptp(x[self.owner == k]) for k in range(len(self.names))])
        self._refuse_one_place()
        self.height = np.array([y[self.owner == k].max() for k in range(len(self.names))])
        self.quiet = np.array(
            [np.median((problem.da * factor)[self.owner == k] ** 2) for k in range(len(self.names))]
        )
        self.scale = np.array([self._scale(key, first) for key in problem.free])
        more = [
            (np.log(1e-2), np.log(1e3)),
            (np.log(2e-2), np.log(1e2)),
            (0.0, 1e4 if misfit else 0.0),
        ]
        self.bounds = [self._bounds(key, value) for key, value in zip(problem.free, problem.start)]
        self.bounds += more * len(self.names)

    def _refuse_one_place(self):
        """A scaling function needs places to be a function of, and rho_c a range to lie in."""
        if "rho_c" in self.problem.free and not np.ptp(self.rho) > 0.0:
            raise TooLittleData(
                f"rho must take at least 2 values for rho_c to be found; it is {self.rho[0]:.6g} everywhere"
            )
        if not np.all(self.width > 0.0):
            name = self.names[int(np.argmin(self.width))]
            which = "" if name is None else f" of {name!r}"
            raise TooLittleData(
                f"x must take at least 2 values at the start; all points{which} have one"
            )

    def _refuse_bad_noise(self):
        for one in self.problem.data.values():
            most = np.diff(one.edges).max()
            if one.paired and one.runs is not None and one.runs.shape[1] < 5 * most:
                raise ValueError(
                    f"runs must be at least 5 times the {most} points of a size for paired data; "
                    f"got {one.runs.shape[1]}"
                )

    def _scale(self, key, first):
        if key == "rho_c":
            return 0.05 * np.ptp(self.rho)
        return 0.1 * max(abs(first[key]), 0.3)

    def _bounds(self, key, value):
        """Far enough not to matter, near enough not to overflow."""
        scale = self._scale(key, {key: value})
        if self.problem.known[key].positive:
            return (0.2 * value / scale, 5.0 * value / scale)
        return (value / scale - 50.0, value / scale + 50.0)

    def _scaled(self, values):
        """x, y's factor, and their logarithmic derivatives: a dict from parameter to (dx, dln factor)."""
        x, factor = np.empty_like(self.rho), np.empty_like(self.rho)
        slopes = {}
        for k, name in enumerate(self.names):
            own = self.owner == k
            log_l, mine = self.log_l[own], of_observable(values, name)
            nu, zeta, b, c, omega = (mine[key] for key in ("nu", "zeta", "b", "c", "omega"))
            x[own], factor[own] = transformation(log_l, self.rho[own], mine)
            stretch, small = np.exp(log_l / nu), np.exp(-omega * log_l)
            grown = 1.0 + b * small
            zero = np.zeros_like(log_l)
            here = {
                "rho_c": (-stretch, zero),
                "nu": (
                    -stretch * (self.rho[own] - mine["rho_c"]) * log_l / nu**2,
                    zeta / nu**2 * log_l,
                ),
                "zeta": (zero, -log_l / nu),
                "b": (zero, -small / grown),
                "c": (small, zero),
                "omega": (-c * log_l * small, b * log_l * small / grown),
            }
            for one in PARAMETERS:
                total = slopes.setdefault(one.of(name), np.zeros((2, self.rho.size)))
                for place, part in zip(total, here[one.name]):
                    place[own] = part
        return x, factor, slopes

    def _hyper(self, z, values):
        """Per observable: amplitude of y, length of x, misfit's variance of y; and the derivatives of the logarithms
        of amplitude and length by nu and by zeta, through l0.
        """
        h = z[self.free :].reshape(-1, 3)
        nu = values["nu"]
        zeta = np.array([of_observable(values, name)["zeta"] for name in self.names])
        first = self.problem.values(self.problem.start)
        zeta0 = np.array([of_observable(first, name)["zeta"] for name in self.names])
        shift = self.log_l0 * (zeta0 / first["nu"] - zeta / nu)
        amplitude = self.height * np.exp(h[:, 0] + shift)
        length = self.width * np.exp(h[:, 1] + self.log_l0 * (1.0 / nu - 1.0 / first["nu"]))
        return amplitude, length, self.quiet * h[:, 2] * np.exp(2.0 * shift)

    def cost(self, z):
        """Minus the log likelihood of the data and its gradient by z."""
        values = self.problem.values(z[: self.free] * self.scale)
        x, factor, slopes = self._scaled(values)
        if not 1e-100 < factor.min() <= factor.max() < 1e100:
            return 1e10, np.zeros_like(z)
        amplitude, length, extra = (part[self.owner] for part in self._hyper(z, values))
        up = amplitude / factor
        wide = extra / factor**2
        points = np.empty((4, x.size))
        level = kernels.process(
            x, up, length, self.owner, wide, self.noise, self.problem.a, self.whitener, points
        )
        if not np.isfinite(level):
            return 1e10, np.zeros_like(z)
        return level, -self._gradient(z, values, slopes, points, factor)

    def _gradient(self, z, values, slopes, points, factor):
        """Chain rule from points to z."""
        by_up, by_x, by_length, diagonal = points
        gradient = np.empty_like(z)
        nu = values["nu"]
        zeta = np.array([of_observable(values, name)["zeta"] for name in self.names])[self.owner]
        for k, key in enumerate(self.problem.free):
            dx, dfactor = slopes[key]
            total = by_x @ dx - by_up @ dfactor
            if key == "nu":
                total += (
                    by_up @ (self.log_l0 * zeta / nu**2) - by_length.sum() * self.log_l0 / nu**2
                )
            elif key in self.zetas:
                total -= by_up[self.owner == self.zetas.index(key)].sum() * self.log_l0 / nu
            gradient[k] = total * self.scale[k]
        extra = self._hyper(z, values)[2]
        h = z[self.free :].reshape(-1, 3)
        for k in range(len(self.names)):
            own, place = self.owner == k, self.free + 3 * k
            wide_part = (diagonal[own] / factor[own] ** 2).sum()
            gradient[place] = by_up[own].sum() - wide_part * extra[k]
            gradient[place + 1] = by_length[own].sum()
            unit = (
                extra[k] / h[k, 2]
                if h[k, 2] > 0.0
                else self._hyper(self._with_misfit(z, k), values)[2][k]
            )
            gradient[place + 2] = 0.5 * wide_part * unit
        return gradient

    def _with_misfit(self, z, k):
        z = z.copy()
        z[self.free + 3 * k + 2] = 1.0
        return z

    def maximum(self):
        """(z, evaluations) of the largest likelihood, from the start with two lengths and from the collapse by S.

        Amplitude, length and misfit first, at the start's parameters: from a poor length, a first
        step in all of them can end where sizes no longer overlap, and a likelihood has a local
        maximum there.
        """
        best, count = None, 0
        for theta, length in (
            (self.problem.start, 0.1),
            (self.problem.start, 0.5),
            (self._collapsed(), 0.5),
        ):
            hyper = np.tile([0.0, np.log(length), 0.1], len(self.names))
            z = np.clip(np.concatenate([theta / self.scale, hyper]), *self._edges())
            for held in (self.free, 0):
                bounds = [(v, v) for v in z[:held]] + self.bounds[held:]
                found = optimize.minimize(
                    self.cost, z, jac=True, method="L-BFGS-B", bounds=bounds,
                    options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-6},
                )  # fmt: skip
                z, count = found.x, count + found.nfev
            if best is None or found.fun < best.fun:
                best = found
        return best.x, count

    def _collapsed(self):
        """Free parameters at the least S that a simplex finds: a start where sizes overlap."""
        return optimize.minimize(self.problem.quality, self.problem.start, method="Nelder-Mead").x

    def _edges(self):
        return np.array(self.bounds).T

    def laplace(self, z):
        """(covariance of z, which of z it covers): the inverse second derivatives; what sits on a bound has none."""
        low, high = self._edges()
        kept = np.flatnonzero((z > low + 1e-7) & (z < high - 1e-7))
        step = np.full(z.size, 1e-3)
        for _ in range(2):  # the second time at a twentieth of a standard error
            H = np.empty((kept.size, kept.size))
            for row, k in enumerate(kept):
                sides = []
                for sign in (1.0, -1.0):
                    moved = z.copy()
                    moved[k] = np.clip(z[k] + sign * step[k], low[k], high[k])
                    sides.append((moved[k], self.cost(moved)[1][kept]))
                H[row] = (sides[0][1] - sides[1][1]) / (sides[0][0] - sides[1][0])
            H = 0.5 * (H + H.T)
            covariance = np.full((z.size, z.size), np.nan)
            if np.linalg.eigvalsh(H)[0] <= 0.0:
                break
            covariance[:] = 0.0
            covariance[np.ix_(kept, kept)] = np.linalg.inv(H)
            step = 0.05 * np.sqrt(np.maximum(np.diag(covariance), 1e-12))
        return covariance, kept

    def sample(self, z, covariance, kept, steps, seed):
        """Metropolis from the maximum, proposals of 2/sqrt(dimension) posterior widths; `steps`/4 more come first.

        Noise: purpose "metropolis", the step that of the chain.
        """
        if np.any(np.isnan(covariance)):
            covariance = np.diag(np.full(z.size, 1e-4))
        active = np.flatnonzero([low < high for low, high in self.bounds])
        slope = np.abs(self.cost(z)[1])  # what sits on a bound falls off exponentially from there
        free = np.where(
            np.isin(active, kept), 0.0, np.minimum(1.0 / np.maximum(slope[active], 1e-3), 0.3) ** 2
        )
        root = (
            np.linalg.cholesky(covariance[np.ix_(active, active)] + np.diag(free))
            * 2.0
            / np.sqrt(active.size)
        )
        low, high = self._edges()
        now, cost = z.copy(), self.cost(z)[0]
        burn = steps // 4
        out, g, u = np.empty((steps, z.size)), np.empty(active.size), np.empty(1)
        numbers, zero = np.arange(active.size, dtype=np.uint64), np.zeros(active.size, np.uint64)
        for k in range(-burn, steps):
            key = (np.uint64(seed), noise.METROPOLIS, np.uint64(k + burn))
            noise.fill_gaussian(*key, numbers, zero, g)
            noise.fill_uniform(*key, numbers[:1], zero[:1] + np.uint64(1), u)
            trial = now.copy()
            trial[active] += root @ g
            trial = np.where(
                trial < low, 2.0 * low - trial, trial
            )  # mirrored, so that a bound costs no proposals
            if np.all(trial >= low) and np.all(trial <= high):
                there = self.cost(trial)[0]
                if np.log(max(u[0], 1e-300)) < cost - there:
                    now, cost = trial, there
            if k >= 0:
                out[k] = now
        return out

    def hyperparameters(self, z):
        amplitude, length, extra = self._hyper(z, self.problem.values(z[: self.free] * self.scale))
        return {
            name: {"amplitude": float(a), "length": float(w), "misfit": float(np.sqrt(m))}
            for name, a, w, m in zip(self.names, amplitude, length, extra)
        }

    def settle(self, z):
        """Keep what prediction needs at z."""
        values = self.problem.values(z[: self.free] * self.scale)
        x, factor, _ = self._scaled(values)
        self.amplitude, self.length, _ = self._hyper(z, values)
        self.x, self.up = x, self.amplitude[self.owner] / factor
        self.cost(z)
        self.whitener = self.whitener.copy()

    def predict(self, x, name):
        """Mean and standard deviation of F at x."""
        if name not in self.names:
            raise ValueError(
                f"name must be one of {', '.join(map(repr, self.names))}; got {name!r}"
            )
        k = self.names.index(name)
        gap = (x.ravel()[:, None] - self.x) / self.length[k]
        across = np.where(
            self.owner == k, np.exp(-0.5 * gap * gap) * self.amplitude[k] * self.up, 0.0
        )
        white = across @ self.whitener.T
        mean = white @ (self.whitener @ self.problem.a)
        variance = self.amplitude[k] ** 2 - np.sum(white**2, axis=1)
        return mean.reshape(x.shape), np.sqrt(np.maximum(variance, 0.0)).reshape(x.shape)
