"""What a run of an ensemble may measure on its last packing: named observables with checked options.

Each gives numbers, which become columns of the table, and arrays, which are stored beside it. They
are functions of the last packing, whose bits the digest vouches for, or of how the run goes on from
it; their own last bits may depend on the machine's libm, so that no digest covers them.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpack import _check, ellipsoids, landscape, observables, simulation, structure
from mpack.packing import unit_ball_volume


@dataclass(frozen=True)
class Observable:
    """`measure(run, **options) -> (numbers, arrays)`, its options with their defaults, and their check at the door.

    `check(room, **options)` raises ValueError or TypeError for options that the run's box has no
    room for. `numbers` and `arrays` are the names of what is measured; a function of the options
    gives them where they depend on these.
    """

    measure: Callable
    defaults: dict
    check: Callable
    numbers: tuple[str, ...] | Callable = ()
    arrays: tuple[str, ...] = ()

    def names(self, options: dict[str, Any]) -> tuple[str, ...]:
        """The names of the numbers that are measured with these options."""
        return self.numbers(**options) if callable(self.numbers) else self.numbers

    def options(self, given: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
        """The options completed, as sorted pairs; ValueError or TypeError for what is none."""
        for name in given:
            _check.choice("option", name, tuple(self.defaults))
        return tuple(
            sorted((name, _plain(name, value)) for name, value in (self.defaults | given).items())
        )


@dataclass(frozen=True)
class Room:
    """What a specification says of its packing: edge of the box, dimension, largest diameter and largest range.

    Of bodies the largest is the extent of the longest, and `least` the least of 2 R_eq, else None.
    """

    box: float
    dim: int
    largest: float
    reach: float
    least: float | None = None


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
    values = {
        "z": found.mean,
        "z_without_rattlers": found.mean_without_rattlers,
        "rattlers": found.rattlers,
    }
    return values, {}


def _structure_factor(run, q_max, per_shell):
    """Shell averages of S(q); `mpack.structure_factor`."""
    found = structure.structure_factor(run.final, q_max, per_shell)
    return {}, {
        "q": found.shell_q,
        "s": found.shell_s,
        "error": found.shell_error,
        "counts": found.shell_counts,
    }


def _structure_factors(run, q_max, per_shell, looks, apart):
    """Shell averages of S(q) at several looks: at the last step, and every `apart` steps as the run goes on.

    And the part of them that is frozen; `mpack.structure.wave_parts`.
    """
    found = structure.wave_parts(list(_later(run, looks, apart)), q_max, per_shell)
    return {}, {"q": found.q, "s": found.s, "frozen": found.frozen, "counts": found.counts}


def _later(run, looks, apart):
    """The last packing, and those `apart` steps from one to the next as the run goes on."""
    for later in simulation.snapshots(run, at=run.steps + apart * np.arange(looks)):
        if later.interrupted:
            raise KeyboardInterrupt
        yield later.final


def _pair_correlation(run, r_max, bins):
    """g(r) and the pairs in each bin; `mpack.pair_correlation`."""
    found = structure.pair_correlation(run.final, r_max, bins)
    return {}, {"r": found.r, "g": found.g, "counts": found.counts}


def _contact_correlation(run, mu_max, bins):
    """g(mu) and the pairs in each bin; `mpack.ellipsoids.contact_correlation`."""
    found = ellipsoids.contact_correlation(run.final, mu_max, bins)
    return {}, {"mu": found.mu, "g": found.g, "counts": found.counts}


def _gaps(run, low, high, bins):
    """How many pairs have each gap r - d_ij; `mpack.observables.gaps`."""
    found = observables.gaps(run.final, low, high, bins)
    return {}, {"edges": np.array([low, high]), "counts": found.counts}


def _flatness(run, sigmas, sampled, samples):
    """Delta V/U0 for each sigma, without noise; by Monte Carlo too, with its error, for those `sampled`.

    Where U0 is infinite (WCA, Lennard-Jones), Delta V itself. Of bodies by Monte Carlo alone, turned
    and moved as the run's dynamics weighs it.
    """
    values = {}
    recipe = run.dynamics.recipe()
    potential, how = recipe.potential, {"samples": samples, "seed": run.seed}
    u0 = float(potential.energy(0.0))
    unit = u0 if u0 < 1e200 else 1.0
    for sigma in sigmas:
        values[f"flatness_{sigma!r}"] = (
            observables.flatness(run.final, sigma, potential).delta_v / unit
        )
    for sigma in sampled:
        found = observables.flatness(run.final, sigma, potential, rotation=recipe.rotation, **how)
        values[f"flatness_sampled_{sigma!r}"] = found.delta_v / unit
        values[f"flatness_error_{sigma!r}"] = found.standard_error / unit
    return values, {}


def _flatness_names(sigmas, sampled, samples):
    exact = [f"flatness_{sigma!r}" for sigma in sigmas]
    drawn = [f"flatness_{what}_{sigma!r}" for sigma in sampled for what in ("sampled", "error")]
    return (*exact, *drawn)


def _trace(run):
    """Trace of the Hessian, without matrix; `mpack.landscape.trace`."""
    return {"trace": landscape.trace(run.final, run.dynamics.recipe().potential)}, {}


def _bond_order(run):
    """Q_6 of all bonds, and the mean coherence of the bonds of neighbours; `mpack.structure.bond_order`."""
    found = structure.bond_order(run.final)
    return {"q6": found.total, "coherence": float(found.coherence.mean())}, {}


def _check_bond_order(room):
    if room.dim != 3:
        raise ValueError(f"bond_order needs dim 3; got dim {room.dim}")


def _hexatic_order(run):
    """Order of discs; `mpack.structure.hexatic_order`."""
    found = structure.hexatic_order(run.final)
    return {"hexatic": found.total, "hexatic_local": found.local, "bragg": found.peak}, {}


def _check_hexatic_order(room):
    if room.dim != 2:
        raise ValueError(f"hexatic_order needs dim 2; got dim {room.dim}")


def _nematic(run):
    """How far bodies point the same way, by their longest and their shortest axes; `mpack.ellipsoids.nematic_order`."""
    found = {
        f"nematic_{axis}": ellipsoids.nematic_order(run.final, axis)
        for axis in ("longest", "shortest")
    }
    return found, {}


def _turning(run):
    """How far bodies have turned since the start, by their longest axes; `mpack.ellipsoids.turning`."""
    found = ellipsoids.turning(run.start, run.final)
    return {"turned": found.mean_square, "turned_c1": found.c1, "turned_c2": found.c2}, {}


def _turnings(run, looks, apart):
    """How far bodies turn after the last step, looked at every `apart` steps as the run goes on.

    `mpack.ellipsoids.turnings`.
    """
    found = ellipsoids.turnings(_later(run, looks, apart))
    series = {"mean_square": found.mean_square, "unbounded": found.unbounded}
    series |= {"c1": found.c1, "c2": found.c2, "largest": found.largest}
    return {}, {"after": apart * np.arange(looks), **series}


def _packing(run):
    """The last state itself, so that the run can go on; `state_of`."""
    return {}, state_of(run)


def state_of(run):
    """Exact coordinates, boxes crossed since step 0, and quaternions of bodies."""
    state = {"fixed": run.final.fixed, "wraps": run.wraps}
    if not run.final.spherical:
        state["orientations"] = run.final.orientations
    return state


# ----------------------------------------------------------------------------------------------
# checks at the door


def _check_contacts(room, tolerance):
    tolerance = _check.number("tolerance", tolerance, 0, 1)
    _check_fits(room, (1.0 + tolerance) * room.largest, f"tolerance {tolerance:g}")


def _check_structure_factor(room, q_max, per_shell):
    q_min = 2.0 * math.pi / room.box
    vectors = (
        0.5
        * unit_ball_volume(room.dim)
        * (_check.number("q_max", q_max, q_min) / q_min) ** room.dim
    )
    if vectors > structure.MOST_VECTORS:
        most = structure.MOST_VECTORS
        raise ValueError(
            f"q_max must be so small that at most {most} wave vectors fit; got {q_max!r}"
        )
    if per_shell is not None:
        _check.integer("per_shell", per_shell, 1)


def _check_structure_factors(room, q_max, per_shell, looks, apart):
    _check_structure_factor(room, q_max, per_shell)
    _check_looks(room, looks, apart)


def _check_looks(room, looks, apart):
    _check.integer("looks", looks, 2, 10_000)
    _check.integer("apart", apart, 1, 10**9)


def _check_pair_correlation(room, r_max, bins):
    _check.number("r_max", r_max, 0, room.box / 2, open_low=True)
    _check.integer("bins", bins, 1, 10**6)


def _check_contact_correlation(room, mu_max, bins):
    _check.integer("bins", bins, 1, 10**6)
    if room.dim > 3:
        raise ValueError(f"contact_correlation needs dim 2 or 3; got dim {room.dim}")
    mu_max = _check.number("mu_max", mu_max, 1e-50)
    _check_fits(room, mu_max * room.largest, f"mu_max {mu_max:g}")


def _check_gaps(room, low, high, bins):
    high = _check.number("high", high)
    _check.number("low", low, None, high, open_high=True)
    _check.integer("bins", bins, 1, 10**6)
    cutoff = room.largest + max(high, 0.0)
    if room.least is not None:  # gaps of bodies are D (mu - 1)
        _check.number("high", high, high=room.least)
        cutoff = room.largest * (1.0 + max(high, 0.0) / room.least)
    _check_fits(room, cutoff, f"high {high:g}")


def _check_flatness(room, sigmas, sampled, samples):
    _check.integer("samples", samples, 2, observables.MOST_SAMPLES)
    if room.least is not None and sigmas != ():
        raise ValueError(
            "sigmas must be () for bodies, whose flatness is no closed sum: `sampled` has it by Monte "
            f"Carlo; got {sigmas!r}"
        )
    for name, values in (("sigmas", sigmas), ("sampled", sampled)):
        if not isinstance(values, tuple):
            raise TypeError(f"{name} must be a list of numbers; got {values!r}")
        for sigma in values:
            sigma = _check.number(name, sigma, observables.LEAST_SIGMA)
            _check_fits(
                room, room.reach + observables.REACH * math.sqrt(2.0) * sigma, f"sigma {sigma:g}"
            )


def _check_fits(room, cutoff, what):
    if 2.0 * cutoff > room.box:
        raise ValueError(
            f"box must be >= {2.0 * cutoff:.6g}, twice the cut-off, for {what}; got {room.box:.6g}"
        )


# Those that are defined for particles that are no spheres, and those of them for no others.
OF_BODIES_ALONE = ("nematic", "turning", "turnings")
OF_BODIES = (
    *OF_BODIES_ALONE,
    "contacts",
    "structure_factor",
    "structure_factors",
    "pair_correlation",
    "contact_correlation",
    "gaps",
    "flatness",
    "packing",
)
OBSERVABLES = {
    "contacts": Observable(
        _contacts, {"tolerance": 0.0}, _check_contacts, ("z", "z_without_rattlers", "rattlers")
    ),
    "structure_factor": Observable(
        _structure_factor,
        {"q_max": 8.0, "per_shell": 500},
        _check_structure_factor,
        arrays=("q", "s", "error", "counts"),
    ),
    "structure_factors": Observable(
        _structure_factors,
        {"q_max": 8.0, "per_shell": 500, "looks": 20, "apart": 50},
        _check_structure_factors,
        arrays=("q", "s", "frozen", "counts"),
    ),
    "pair_correlation": Observable(
        _pair_correlation,
        {"r_max": 3.0, "bins": 300},
        _check_pair_correlation,
        arrays=("r", "g", "counts"),
    ),
    "contact_correlation": Observable(
        _contact_correlation,
        {"mu_max": 2.0, "bins": 200},
        _check_contact_correlation,
        arrays=("mu", "g", "counts"),
    ),
    "flatness": Observable(
        _flatness,
        {"sigmas": (0.015,), "sampled": (), "samples": 4000},
        _check_flatness,
        _flatness_names,
    ),
    "gaps": Observable(
        _gaps, {"low": -0.4, "high": 0.2, "bins": 600}, _check_gaps, arrays=("edges", "counts")
    ),
    "bond_order": Observable(_bond_order, {}, _check_bond_order, ("q6", "coherence")),
    "hexatic_order": Observable(
        _hexatic_order, {}, _check_hexatic_order, ("hexatic", "hexatic_local", "bragg")
    ),
    "nematic": Observable(_nematic, {}, lambda room: None, ("nematic_longest", "nematic_shortest")),
    "turning": Observable(_turning, {}, lambda room: None, ("turned", "turned_c1", "turned_c2")),
    "turnings": Observable(
        _turnings,
        {"looks": 20, "apart": 50},
        _check_looks,
        arrays=("after", "mean_square", "unbounded", "c1", "c2", "largest"),
    ),
    "trace": Observable(_trace, {}, lambda room: None, ("trace",)),
    "packing": Observable(_packing, {}, lambda room: None, arrays=("fixed", "wraps")),
}
