"""What a run of an ensemble may measure on its last packing: named observables with checked options.

Each gives numbers, which become columns of the table, and arrays, which are stored beside it. They are functions of the
last packing, whose bits the digest vouches for; their own last bits may depend on the machine's libm, so that no digest
covers them.
"""

import numbers
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mpack import _check, landscape, observables


@dataclass(frozen=True)
class Observable:
    """`measure(run, **options) -> (numbers, arrays)` and its options with their defaults."""

    measure: Callable
    defaults: dict

    def options(self, given):
        """The options completed, as sorted pairs; ValueError or TypeError for what is none."""
        for name in given:
            _check.choice("option", name, tuple(self.defaults))
        return tuple(sorted((name, _plain(name, value)) for name, value in (self.defaults | given).items()))


def _plain(name, value):
    if value is None:
        return None
    if isinstance(value, (list, tuple, np.ndarray)):
        return tuple(_plain(name, item) for item in value)
    if isinstance(value, numbers.Integral):
        return _check.integer(name, value)
    return _check.number(name, value)


def measured(run, wanted):
    """Numbers {name: value} and arrays {observable: {name: array}} of a run's last packing."""
    found, arrays = {}, {}
    for name, options in wanted:
        some, more = OBSERVABLES[name].measure(run, **dict(options))
        found |= some
        if more:
            arrays[name] = more
    return found, arrays


def _contacts(run, tolerance):
    """Coordination Z with and without rattlers; `mpack.contacts`."""
    found = observables.contacts(run.final, tolerance)
    values = {"z": found.mean, "z_without_rattlers": found.mean_without_rattlers, "rattlers": found.rattlers}
    return values, {}


def _structure_factor(run, q_max, per_shell):
    """Shell averages of S(q); `mpack.structure_factor`."""
    found = observables.structure_factor(run.final, q_max, per_shell)
    return {}, {"q": found.shell_q, "s": found.shell_s, "error": found.shell_error, "counts": found.shell_counts}


def _pair_correlation(run, r_max, bins):
    """g(r) and the pairs in each bin; `mpack.pair_correlation`."""
    found = observables.pair_correlation(run.final, r_max, bins)
    return {}, {"r": found.r, "g": found.g, "counts": found.counts}


def _gaps(run, low, high, bins):
    """How many pairs have each gap r - d_ij; `mpack.observables.gaps`."""
    found = observables.gaps(run.final, low, high, bins)
    return {}, {"edges": np.array([low, high]), "counts": found.counts}


def _flatness(run, sigmas, sampled, samples):
    """Delta V/U0 for each sigma, without noise; by Monte Carlo too, with its error, for those `sampled`.

    Where U0 is infinite (WCA, Lennard-Jones), Delta V itself.
    """
    values = {}
    potential = run.dynamics.recipe().potential
    u0 = float(potential.energy(0.0))
    unit = u0 if u0 < 1e200 else 1.0
    for sigma in sigmas:
        values[f"flatness_{sigma!r}"] = observables.flatness(run.final, sigma, potential).delta_v / unit
    for sigma in sampled:
        found = observables.flatness(run.final, sigma, potential, samples=samples, seed=run.seed)
        values[f"flatness_sampled_{sigma!r}"] = found.delta_v / unit
        values[f"flatness_error_{sigma!r}"] = found.standard_error / unit
    return values, {}


def _trace(run):
    """Trace of the Hessian, without matrix; `mpack.landscape.trace`."""
    return {"trace": landscape.trace(run.final, run.dynamics.recipe().potential)}, {}


def _packing(run):
    """The last state itself: exact coordinates, and boxes crossed since step 0, so that the run can go on."""
    return {}, {"fixed": run.final.fixed, "wraps": run.wraps}


OBSERVABLES = {
    "contacts": Observable(_contacts, {"tolerance": 0.0}),
    "structure_factor": Observable(_structure_factor, {"q_max": 8.0, "per_shell": 500}),
    "pair_correlation": Observable(_pair_correlation, {"r_max": 3.0, "bins": 300}),
    "flatness": Observable(_flatness, {"sigmas": (0.015,), "sampled": (), "samples": 4000}),
    "gaps": Observable(_gaps, {"low": -0.4, "high": 0.2, "bins": 600}),
    "trace": Observable(_trace, {}),
    "packing": Observable(_packing, {}),
}
