"""What a fit minimises: the quality S of all observables as a function of the free parameters."""

import itertools

import numpy as np

from mpack import _check
from mpack._kernels import collapse as kernels
from mpack.scaling import _parameters
from mpack.scaling._parameters import of_observable, stretches, transformation
from mpack.scaling.data import Data
from mpack.scaling.results import Fit


class Problem:
    """Data of one or several observables and their parameters, free ones first."""

    def __init__(self, data, start, fixed):
        self.joint = isinstance(data, dict)
        self.data = dict(data) if self.joint else {None: data}
        self._refuse_other_data()
        self.known = _parameters.declared(self.data)
        start, self.fixed = _parameters.shared_out(self.known, dict(start or {}), dict(fixed or {}))
        self.free = tuple(start)
        self.start = np.array(list(start.values()), dtype=float)
        self._lay_out()

    def _refuse_other_data(self):
        if not self.data:
            raise ValueError("data must hold at least one observable; got {}")
        for name, one in self.data.items():
            if self.joint:
                _check.instance("a name in data", name, str, "a str")
            what = f"data[{name!r}]" if self.joint else "data"
            _check.instance(what, one, Data, "a mpack.scaling.Data")

    def _lay_out(self):
        """All measurements in one row: parts (observable, data, its slice, counts of points that take part, slopes)."""
        self.parts, place = [], 0
        for name, one in self.data.items():
            counts, slope = np.zeros(one.sizes.size, np.int64), np.empty(len(one))
            self.parts.append((name, one, slice(place, place + len(one)), counts, slope))
            place += len(one)
        self.points, self._kept = place, {}
        self.a = np.concatenate([one.a for one in self.data.values()])
        self.da = np.concatenate([one.da for one in self.data.values()])

    def values(self, theta):
        """All parameters as a dict."""
        return self.fixed | dict(zip(self.free, map(float, theta)))

    def shown(self, theta):
        """The same in order, without corrections that are absent."""
        values = self.values(theta)
        corrections = [key for key, one in self.known.items() if one.correction]
        absent = {key for key in corrections if self.fixed.get(key) == 0.0}
        if len(absent) == len(corrections):
            absent.add("omega")
        return {key: values[key] for key in self.known if key not in absent}

    def fit(self, theta, covariance, method, evaluations, **more):
        """The `Fit` at free parameters theta."""
        with np.errstate(invalid="ignore"):
            errors = np.sqrt(np.diag(covariance))
        return Fit(
            self.shown(theta),
            dict(zip(self.free, map(float, errors))),
            self.free,
            covariance,
            float(self.quality(theta)),
            self.points,
            self.used(theta),
            method,
            int(evaluations),
            **more,
        )

    def quality(self, theta, a=None):
        """S at free parameters theta, over all sets of all observables; a: other measurements of the same points."""
        a = self.a if a is None else a
        values = self.values(theta)
        if values["nu"] <= 0.0 or values["omega"] <= 0.0:
            return np.inf
        total, used = 0.0, 0
        for name, one, where, counts, _ in self.parts:
            x, y, dy, good = self._scaled(name, one, where, of_observable(values, name), a)
            if not good:
                return np.inf
            s = kernels.quality(x, y, dy, one.edges, counts)
            sets = np.count_nonzero(counts)
            total, used = total + (s * sets if sets else 0.0), used + sets
        return total / used if used else np.inf

    @np.errstate(over="ignore", invalid="ignore")  # a minimiser may stray; S is infinite there
    def _scaled(self, name, one, where, own, a):
        """x, y and dy of an observable with the parameters `own`, and whether the factor of y is finite and positive.

        Where rho_c alone is fitted, y stays as it is from one call to the next, and is kept.
        """
        held = (own["nu"], own["zeta"])
        plain = isinstance(own["b"], float) and isinstance(own["c"], float)
        if not (plain and own["b"] == own["c"] == 0.0 and all(isinstance(v, float) for v in held)):
            x, factor = transformation(one.log_l, one.rho, own)
            return x, *_ordinates(one, a[where], factor)
        kept = self._kept.get(name)
        if kept is None or kept[0] != held or kept[1] is not a:
            stretch, factor = stretches(one.log_l, *held)
            kept = held, a, stretch, *_ordinates(one, a[where], factor)
            self._kept[name] = kept
        return kept[2] * (one.rho - own["rho_c"]), *kept[3:]

    def qualities(self, thetas, a=None):
        """S at every row of thetas (rows, free)."""
        a = self.a if a is None else a
        values = self.fixed | {key: thetas[:, k, None] for k, key in enumerate(self.free)}
        if np.min(values["nu"]) <= 0.0 or np.min(values["omega"]) <= 0.0:
            return np.array([self.quality(theta, a) for theta in thetas])
        total, used = np.zeros(len(thetas)), np.zeros(len(thetas))
        for name, one, where, *_ in self.parts:
            *scaled, good = self._scaled(name, one, where, of_observable(values, name), a)
            S, sets = np.empty(len(thetas)), np.empty(len(thetas), np.int64)
            shape = (len(thetas), len(one))
            scaled = (
                part if part.shape == shape else np.ascontiguousarray(np.broadcast_to(part, shape))
                for part in scaled
            )
            kernels.qualities(*scaled, one.edges, S, sets)
            total += np.where(good, np.where(sets > 0, S, 0.0) * sets, np.inf)
            used += sets
        return np.divide(total, used, out=np.full(len(thetas), np.inf), where=used > 0)

    def reach(self):
        """The smallest rho of all data and the largest."""
        every = np.concatenate([one.rho for one in self.data.values()])
        return every.min(), every.max()

    def used(self, theta):
        """How many points take part in S."""
        self.quality(theta)
        return int(sum(counts.sum() for *_, counts, _ in self.parts))

    def slope(self, theta):
        """dS/da of every point, shape (points,); S is quadratic in a."""
        self.quality(theta)
        values, result = self.values(theta), np.empty(self.points)
        used = sum(np.count_nonzero(counts) for *_, counts, _ in self.parts)
        for name, one, where, counts, slope in self.parts:
            x, factor = transformation(one.log_l, one.rho, of_observable(values, name))
            kernels.quality_slope(x, one.a * factor, one.da * factor, one.edges, counts, slope)
            result[where] = slope * factor * (np.count_nonzero(counts) / used)
        return result

    def covariance(self):
        """Covariance of all measurements, (points, points): what runs share, or da^2 on the diagonal."""
        C = np.diag(self.da**2)
        parts = [
            (where, one, labels(one)) for _, one, where, *_ in self.parts if one.runs is not None
        ]
        for (rows, one, own), (columns, other, others) in itertools.product(parts, parts):
            if one is other and not one.paired or one.runs.shape[1] != other.runs.shape[1]:
                continue
            same = np.array([[p == q for q in others] for p in own])
            C[rows, columns] = np.where(same, influence(one) @ influence(other).T, 0.0)
        return C


def _ordinates(one, a, factor):
    """y, dy, and where the factor is finite and positive (not nan), for each row of it."""
    low, high = np.min(factor, axis=-1), np.max(factor, axis=-1)
    return a * factor, np.abs(one.da * factor), (low > 0.0) & (high < np.inf)


def labels(data):
    """What a run has in common at the points it touches: the size, and rho too unless runs are paired."""
    return [
        (size,) if data.paired else (size, rho)
        for size, rho in zip(data.l.tolist(), data.rho.tolist())
    ]


def influence(data):
    """(points, runs): what each run adds to the deviation of the mean, so that covariances are sums over runs.

    In units in which the sum of its squares is da**2. An error that does not come from the scatter
    of these very runs, such as one that is pooled over points, would else be smaller than the
    covariances on either side of it.
    """
    away = np.where(np.isnan(data.runs), 0.0, data.runs - data.a[:, None])
    scatter = np.linalg.norm(away, axis=1)
    unit = np.divide(data.da, scatter, out=np.zeros_like(scatter), where=scatter > 0.0)
    return away * unit[:, None]
