"""What a run is, as data: `Spec`, its canonical text, its key, and the noise derived from it.

A specification says all that a run depends on. Its canonical text is JSON with sorted keys and
floats by their shortest exact decimals; the SHA-256 of that text is the run's key in stores and
archives, and the seeds of the noise and of the start are derived from it. So two runs that differ
in anything at all, packing fraction, size, kick, number of steps or repeat number, have independent
noise, as a bootstrap over runs assumes, and a changed specification is never mistaken for an old
one. Common random numbers are asked for, by `paired`.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpack import _check, _watching, dynamics, potentials, simulation
from mpack._bodies import arguments, aspects, check, equal_volume, semi_axes
from mpack._bodies import normalised as normalised_axes
from mpack._box import box_for, normalised
from mpack._measures import OBSERVABLES, OF_BODIES, OF_BODIES_ALONE, Room
from mpack._schedules import MOST_STEPS, Every, Listed, LogSpaced, Record, schedule_of
from mpack.dynamics import CORRELATED, OPTIONS, Approximation, Dynamics
from mpack.packing import DIMENSIONS, LARGEST_N, Packing

FORMAT = 1  # of the canonical text; part of it
LATTICES = {"square": 1, "sc": 1, "bcc": 2, "fcc": 4, "hypercubic": 1}
SERIES = ("activity", "energy", "msd")
_RULES = {
    kind.__name__: kind
    for kind in (
        *(
            dynamics.PairwiseBRO,
            dynamics.NonreciprocalBRO,
            dynamics.IndividualBRO,
            dynamics.RandomOrganization,
            dynamics.SGD,
            dynamics.RCD,
        ),
        Approximation,
    )
}
_POTENTIALS = {
    kind.__name__: kind
    for kind in (
        *(potentials.Linear, potentials.Harmonic, potentials.Hertzian, potentials.WCA),
        *(potentials.LennardJones, potentials.Tabulated),
    )
}
MOST_RECORDS = 1_000_000


@dataclass(frozen=True)
class Spec:
    """One run, said completely.

    Parameters
    ----------
    dynamics : Dynamics
        The rule, e.g. mpack.SGD(alpha=0.02, batch_fraction=0.2).
    n, phi, dim : int, float, int
        Spheres, packing fraction, dimension (3 unless said), as for `Packing.random`.
    steps : int
        Steps to do, >= 0; fewer are done if the run gets absorbed. A Spec of no steps is a start
        that runs can share.
    seed : int
        The number of the repeat, in [0, 2**64). No two specifications share noise, whatever their
        seeds, unless `paired`.
    record : schedule, or tuple of schedules or of steps, optional
        When to record: mpack.every(k), mpack.log_spaced(p), both in a tuple, or increasing steps.
        If left out: (log_spaced(10), every(k)), k the least that gives no more than 500 points, so
        that both the decay and the steady state can be seen. Averages in the steady state use the
        evenly spaced points.
    sizes : tuple or float, optional
        Relative diameters, dealt out to the particles in turn: (1.0, 1.4) is the 50:50 mixture. Or
        one number in (0, 0.3]: the relative standard deviation of Gaussian diameters, cut at 3 of
        them. Equal spheres if left out.
    axes : tuple, optional
        Relative semi-axes of ellipsoids or ellipses, (d,) of all alike or several such, dealt out in
        turn, as for `Packing.random`; in the place of `sizes`.
    start : str or Spec
        "random": independent uniform centres, and orientations of bodies; "aligned": bodies
        upright. Or a lattice that `n` fits: "square", "sc", "bcc",
        "fcc", "hypercubic". Or another Spec with the same n, dim, sizes and axes: the end of that run,
        brought to this packing fraction. Whoever does this run, or audits it, has to do that one
        first.
    paired : str or tuple of str
        Names of fields that the noise and the start do NOT depend on: with "dynamics" the same
        start and the same random numbers for every rule (common random numbers), which makes
        differences sharp and runs dependent.
    observables : str, tuple or dict
        What to measure on the last packing: names of `mpack.ensemble.OBSERVABLES`, or {name:
        {option: value}}.
    series : str or tuple of str
        What to keep of each record: "activity" (always), "energy", "msd".
    checkpoints : int
        How many states to keep on the way, evenly spaced, so that an audit can replay the late
        parts of a long run.
    watch : dict from names to functions of a Packing, optional
        What to call at the recorded steps, as for `mpack.simulate`. A specification is text, so it
        holds "module:function", where whoever does the run can import the function from; that text,
        or a function that stands in a module. For others (of a notebook, or without a name) use
        `mpack.simulate` with `mpack.together`. In a table the last value is a column, and all of
        them are arrays["watched"], with their times.

    Raises
    ------
    ValueError, TypeError
        With the name, the value and the allowed range, before any work.

    Examples
    --------
    >>> import mpack
    >>> spec = mpack.Spec(mpack.PairwiseBRO(eps=0.1), n=50, phi=0.4, steps=100, sizes=(1.0, 1.4))
    >>> spec.columns()["rule"], spec.diameters()[:3].tolist(), spec.schedule()[:3].tolist()
    ('PairwiseBRO', [1.0, 1.4, 1.0], [0, 1, 2])
    >>> spec.run(10).start == spec.packing()
    True
    """

    dynamics: Dynamics
    _: KW_ONLY
    n: int
    phi: float
    steps: int
    dim: int = 3
    seed: int = 0
    record: Any = None
    sizes: Any = None
    axes: Any = None
    start: str | Spec = "random"
    paired: Any = ()
    observables: Any = ()
    series: Any = SERIES
    checkpoints: int = 0
    watch: Any = ()

    def __post_init__(self):
        _check.instance(
            "dynamics", self.dynamics, Dynamics, "a dynamics such as mpack.PairwiseBRO(eps=0.01)"
        )
        if type(self.dynamics).__name__ not in _RULES:
            raise TypeError(
                f"dynamics must be one of {', '.join(_RULES)}; got {type(self.dynamics).__name__}"
            )
        self._set("n", _check.integer("n", self.n, 1, LARGEST_N))
        self._set("phi", _check.number("phi", self.phi, 0, open_low=True))
        self._set("dim", _check.integer("dim", self.dim, *DIMENSIONS))
        self._set("steps", _check.integer("steps", self.steps, 0, MOST_STEPS))
        self._set("seed", _check.seed("seed", self.seed))
        self._set("record", _record(self.record, self.steps))
        self._set("sizes", _sizes(self.sizes))
        self._set("axes", _axes(self.axes, self.sizes, self.dim))
        self._set("paired", _paired(self.paired))
        self._set("observables", _observables(self.observables))
        self._set("series", _series(self.series))
        self._set("checkpoints", _check.integer("checkpoints", self.checkpoints, 0, 100))
        self._set("watch", _watching.places(self.watch))
        self._check_start()
        room = _room(self.n, self.phi, self.dim, self.sizes, self.axes, self.dynamics)
        for name, options in self.observables:
            if name in OF_BODIES_ALONE and not self._has_bodies():
                raise ValueError(
                    f"observables {name!r} are of bodies: they need axes, of no spheres"
                )
            if self.axes is not None and name not in OF_BODIES:
                raise ValueError(
                    f"observables of bodies must be among {', '.join(OF_BODIES)}; got {name!r}"
                )
            OBSERVABLES[name].check(room, **dict(options))

    def _has_bodies(self):
        """Whether any particle is longer one way than another."""
        return self.axes is not None and bool(np.any(np.ptp(np.atleast_2d(self.axes), axis=1)))

    def _set(self, name, value):
        object.__setattr__(self, name, value)

    def _check_start(self):
        if isinstance(self.start, Spec):
            for name in ("n", "dim", "sizes", "axes"):
                if getattr(self.start, name) != getattr(self, name):
                    raise ValueError(
                        f"start must be a Spec with the same {name}, {getattr(self, name)!r}; "
                        f"got {getattr(self.start, name)!r}"
                    )
        elif _check.choice("start", self.start, ("random", "aligned", *LATTICES)) == "aligned":
            if self.axes is None:
                raise ValueError("start 'aligned' is for bodies: it needs axes")
        elif self.start != "random":
            if self.axes is not None:
                raise ValueError(
                    f"axes must be None for a lattice, which has equal spheres; got {self.axes!r}"
                )
            if self.sizes is not None:
                raise ValueError(
                    f"sizes must be None for a lattice, which has equal spheres; got {self.sizes!r}"
                )
            _lattice_cells(self.start, self.n, self.dim)

    @functools.cached_property
    def text(self) -> str:
        """The canonical text: JSON, keys sorted, floats exact, with the versions of this format and of the noise."""
        return _canonical(self._content())

    @functools.cached_property
    def key(self) -> str:
        """SHA-256 of the canonical text, 64 hexadecimal digits."""
        return hashlib.sha256(self.text.encode("ascii")).hexdigest()

    @property
    def noise_seed(self) -> int:
        """The 64-bit seed of the noise: a hash of all fields that are not `paired`."""
        return self._derived("noise")

    @property
    def start_seed(self) -> int:
        """The 64-bit seed of the start and the sizes: another hash of all fields that are not `paired`."""
        return self._derived("start")

    @property
    def label(self) -> str:
        """The run in words, for reports."""
        rule = self.dynamics.of if isinstance(self.dynamics, Approximation) else self.dynamics
        named = _named(rule, unsaid="rotation")
        named += ".approximation()" if rule is not self.dynamics else ""
        run = f"N = {self.n}, phi = {self.phi!r}, d = {self.dim}, {self.steps} steps, repeat {self.seed}"
        if self.axes is None:
            return f"{named}, {run}"
        shape = aspects(np.array(self.axes, ndmin=2))
        return f"{named}, axes {shape}, rotation {_turning(rule)}, {run}"

    @property
    def cost(self) -> int:
        """Particle steps to do at most, n * steps, the start's own included: what progress is measured by."""
        before = self.start.cost if isinstance(self.start, Spec) else 0
        return self.n * self.steps + before

    def schedule(self) -> NDArray[np.int64]:
        """The steps in [0, steps] to record, increasing; the last step done is recorded besides."""
        parts = [part.between(0, self.steps) for part in self.record]
        return np.unique(np.concatenate(parts))

    def packing(self) -> Packing:
        """The start: the packing at step 0."""
        if isinstance(self.start, Spec):
            return _brought_to(_end_of(self.start), self.phi)
        if self.axes is not None:
            axes, aligned = np.resize(self.axes, (self.n, self.dim)), self.start == "aligned"
            place = self.n, self.phi, self.dim, self.start_seed
            return Packing.random(*place, axes=axes, aligned=aligned)
        if self.start != "random":
            dim = self.dim if self.start == "hypercubic" else None
            return Packing.lattice(
                self.start, _lattice_cells(self.start, self.n, self.dim), self.phi, dim
            )
        return Packing.random(self.n, self.phi, self.dim, self.start_seed, self.diameters())

    def diameters(self) -> NDArray[np.float64] | None:
        """Relative diameters (n,), or None for equal spheres."""
        if self.sizes is None:
            return None
        if isinstance(self.sizes, tuple):
            return np.resize(np.array(self.sizes), self.n)
        return _gaussian_sizes(self.n, self.sizes, self.start_seed)

    def run(
        self, steps: int | None = None, record: Record = None, **options: Any
    ) -> simulation.Run:
        """Do this run here and now: the same trajectory as in any sweep, watched as you like.

        Parameters
        ----------
        steps : int, optional
            How far; beyond `self.steps`, too. As far as specified if left out.
        record : as for `mpack.simulate`, optional
            As specified if left out.
        **options
            As for `mpack.simulate`: frames, trajectory, threads, skin, progress.

        Returns
        -------
        Run
        """
        steps = self.steps if steps is None else steps
        record = Listed(tuple(self.schedule().tolist())) if record is None else record
        return simulation.simulate(
            self.packing(),
            self.dynamics,
            steps=steps,
            seed=self.noise_seed,
            record=record,
            watch=_watching.imported(self.watch),
            **options,
        )

    def columns(self) -> dict[str, Any]:
        """The specification as flat columns of a table."""
        rule = self.dynamics.of if isinstance(self.dynamics, Approximation) else self.dynamics
        potential = getattr(rule, "potential", None)
        return {
            "rule": type(rule).__name__,
            "approximation": rule is not self.dynamics,
            "eps": getattr(rule, "eps", float("nan")),
            "alpha": getattr(rule, "alpha", float("nan")),
            "batch_fraction": _or_nan(getattr(rule, "batch_fraction", None)),
            "batch_size": _or_nan(getattr(rule, "batch_size", None)),
            **optional_columns({"dynamics": _plain_rule(rule), "axes": self.axes}),
            "potential": "" if potential is None else _named(potential),
            "n": self.n,
            "phi": self.phi,
            "dim": self.dim,
            "sizes": "" if self.sizes is None else json.dumps(self.sizes),
            "start": self.start if isinstance(self.start, str) else f"after {self.start.key[:12]}",
            "steps_asked": self.steps,
            "seed": self.seed,
            "paired": ",".join(self.paired),
        }

    def _content(self):
        from mpack._kernels.noise import STREAM_VERSION

        return {
            "mpack": FORMAT,
            "stream": STREAM_VERSION,
            "dynamics": _plain_rule(self.dynamics),
            "n": self.n,
            "phi": self.phi,
            "dim": self.dim,
            "steps": self.steps,
            "seed": self.seed,
            "record": _plain_record(self.record),
            **{name: plain for name, plain in self._extras() if plain is not None},
        }

    def _extras(self):
        """Fields that the text has only where they say something: new ones can join without changing old keys."""
        start = self.start._content() if isinstance(self.start, Spec) else self.start
        yield "sizes", self.sizes
        yield "axes", self.axes
        yield "rotation", None if self.axes is None else _turning(self.dynamics)
        yield "start", None if start == "random" else start
        yield "paired", self.paired or None
        yield "observables", {name: dict(options) for name, options in self.observables} or None
        yield "series", None if self.series == SERIES else self.series
        yield "checkpoints", self.checkpoints or None
        yield "watch", dict(self.watch) or None

    def _derived(self, purpose):
        content = {
            name: value for name, value in self._content().items() if name not in self.paired
        }
        text = f"mpack {purpose} seed\n{_canonical(content)}"
        return int.from_bytes(hashlib.sha256(text.encode("ascii")).digest()[:8], "little")


_ENDS: dict[str, Packing] = {}  # of the last starts that this process has run, by their text
_MOST_ENDS = 2


def _end_of(start):
    """The last packing of a start: runs that share one, and follow each other, wait for it once.

    Raises
    ------
    KeyboardInterrupt
        If that run was interrupted: its packing is not where the specification begins.
    """
    end = _ENDS.get(start.text)
    if end is None:
        run = start.run(start.steps, record=())
        if run.interrupted:
            raise KeyboardInterrupt("while the start was made")
        end = run.final
        while len(_ENDS) >= _MOST_ENDS:
            _ENDS.pop(next(iter(_ENDS)), None)  # another thread may have taken it
        _ENDS[start.text] = end
    return end


def from_text(text: str) -> Spec:
    """The specification with this canonical text.

    Raises
    ------
    ValueError
        If the text is not canonical, or of another format or version of the noise stream.

    Examples
    --------
    >>> import mpack
    >>> spec = mpack.Spec(mpack.SGD(alpha=0.02, batch_fraction=0.2), n=100, phi=0.6, steps=1000)
    >>> from_text(spec.text) == spec
    True
    """
    _check.instance("text", text, str, "the canonical text of a specification")
    try:
        content = json.loads(text)
        spec = _from_content(content)
    except (KeyError, TypeError, AttributeError, OverflowError, ValueError) as error:
        raise ValueError(f"text is no specification: {_check.short(str(error))}") from None
    except RecursionError:
        raise ValueError("text is no specification: it is nested too deeply") from None
    if spec.text != text:
        raise ValueError(
            "text is no specification as this version of mpack writes it (another format, stream version, or order): "
            f"{text[:200]}"
        )
    return spec


def specs(dynamics: Dynamics | Sequence[Dynamics], **values: Any) -> list[Spec]:
    """Specifications for every combination of values.

    Parameters
    ----------
    dynamics : Dynamics or list
    **values
        Fields of `Spec`. A list, a range or a NumPy array holds alternatives; anything else (a
        tuple, too) is one value. The first named varies slowest, `dynamics` slowest of all.

    Returns
    -------
    list of Spec

    Examples
    --------
    >>> from mpack import RCD, SGD
    >>> rules = [SGD(alpha=0.02, batch_fraction=0.2), RCD(alpha=0.02, batch_fraction=0.2)]
    >>> len(specs(rules, n=[500, 1000], phi=[0.62, 0.63, 0.64], steps=10_000, seed=range(4)))
    48
    """
    values = {"dynamics": dynamics, **values}
    choices = [_alternatives(value) for value in values.values()]
    combinations = (dict(zip(values, chosen)) for chosen in itertools.product(*choices))
    return [Spec(chosen.pop("dynamics"), **chosen) for chosen in combinations]


def _alternatives(value):
    if isinstance(value, np.ndarray):
        return np.atleast_1d(value).tolist()
    return list(value) if isinstance(value, (list, range)) else [value]


def _canonical(content):
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )


def _or_nan(value):
    return float("nan") if value is None else value


def _named(instance, unsaid=None):
    """A rule or potential as its name and what differs from the defaults, e.g. "Harmonic(stiffness=2.0)".

    unsaid: a field that is left out in any case.
    """
    if isinstance(instance, potentials.Tabulated):
        return repr(instance)
    changed = []
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        if field.name != unsaid and value not in (None, field.default, potentials.Linear()):
            plain = _named(value) if dataclasses.is_dataclass(value) else repr(value)
            changed.append(f"{field.name}={plain}")
    return type(instance).__name__ + (f"({', '.join(changed)})" if changed else "")


# ------------------------------------------------------------------------------------------- plain
# data and back


def _plain_rule(instance):
    """A rule or a potential as plain data: the name of its class and its fields."""
    fields = {field.name: getattr(instance, field.name) for field in dataclasses.fields(instance)}
    nested = (Dynamics, potentials.Potential)
    plain = {
        name: _plain_rule(value) if isinstance(value, nested) else value
        for name, value in fields.items()
    }
    told = {
        name: value
        for name, value in plain.items()
        if (value != OPTIONS[name] if name in OPTIONS else value is not None)
    }  # what joined later is left out where it is as before, so that old keys stay
    return {"name": type(instance).__name__, **told}


def optional_columns(content: dict[str, Any]) -> dict[str, Any]:
    """What a table says of a specification, as plain data, beside the columns that there always were.

    Correlation of the two ends of a pair and memory, nan and "" where a rule has none; the semi-axes of
    bodies and kappa, by which their turning is weighed: "" and nan of spheres, inf where nothing turns.

    Examples
    --------
    >>> optional_columns({"dynamics": {"name": "SGD", "alpha": 0.1, "batch_fraction": 0.5}})
    {'correlation': -1.0, 'memory': '', 'axes': '', 'rotation': nan}
    """
    plain, axes = content["dynamics"], content.get("axes")
    rule = plain["of"] if plain["name"] == "Approximation" else plain
    kappa = rule.get("rotation", OPTIONS["rotation"])
    fixed = {"NonreciprocalBRO": 0.0} | dict.fromkeys(CORRELATED, OPTIONS["correlation"])
    usual = fixed.get(rule["name"], float("nan"))
    return {
        "correlation": rule.get("correlation", usual),
        "memory": rule.get("memory", ""),
        "axes": "" if axes is None else json.dumps(axes),
        "rotation": float("nan" if axes is None else "inf" if kappa is None else kappa),
    }


def _turning(rule):
    """kappa of a rule, said even where it is the usual one; "none" where nothing turns."""
    kappa = rule.recipe().rotation
    return "none" if kappa is None else kappa


def _rule(plain):
    fields = {
        name: _rule(value) if isinstance(value, dict) else value for name, value in plain.items()
    }
    return (_RULES | _POTENTIALS)[fields.pop("name")](**fields)


def _plain_record(record):
    """A normalised record as plain data."""
    plain = {}
    for part in record:
        if isinstance(part, Every):
            plain["every"] = part.k
        elif isinstance(part, LogSpaced):
            plain["log_spaced"] = part.points_per_decade
        else:
            plain["steps"] = part.steps
    return plain


def _record_from(plain):
    makers = {"every": simulation.every, "log_spaced": simulation.log_spaced, "steps": tuple}
    parts = [makers[name](value) for name, value in plain.items()]
    return parts[0] if len(parts) == 1 else tuple(parts)


def _from_content(content):
    known = dict(content)
    for name in ("mpack", "stream"):
        known.pop(name)
    known.pop("rotation", None)  # which the dynamics says, too
    known["dynamics"] = _rule(known["dynamics"])
    known["record"] = _record_from(known["record"])
    if isinstance(known.get("start"), dict):
        known["start"] = _from_content(known["start"])
    return Spec(known.pop("dynamics"), **known)


# ---------------------------------------------------------------------------------------------------------
# checks

_SCHEDULES = (Every, LogSpaced, Listed)


def _record(record, steps):
    """A tuple of schedules, at most one of a kind, in a fixed order."""
    if record is None:
        record = (simulation.log_spaced(10), simulation.every(max(1, -(-steps // 500))))
    if (
        isinstance(record, (list, tuple))
        and record
        and all(isinstance(part, _SCHEDULES) for part in record)
    ):
        parts = list(record)
    else:
        parts = [schedule_of(record)]
    kinds = [type(part) for part in parts]
    if len(set(kinds)) < len(kinds):
        raise ValueError(f"record must hold at most one schedule of a kind; got {record!r}")
    parts.sort(key=lambda part: _SCHEDULES.index(type(part)))
    points = steps // parts[0].k if isinstance(parts[0], Every) else 0
    if points > MOST_RECORDS:
        raise ValueError(
            f"record must give at most {MOST_RECORDS} points; every({parts[0].k}) gives {points}"
        )
    return tuple(parts)


def _sizes(sizes):
    if sizes is None:
        return None
    if isinstance(sizes, (tuple, list, np.ndarray)):
        if not len(sizes):
            raise ValueError("sizes must hold at least one relative diameter; got none")
        return tuple(
            _check.number(f"sizes[{k}]", size, 0, open_low=True) for k, size in enumerate(sizes)
        )
    return _check.number("sizes", sizes, 0, 0.3, open_low=True)


def _axes(axes, sizes, dim):
    """A tuple (d,), or of such tuples, of relative semi-axes; None where all are spheres."""
    if axes is None:
        return None
    if sizes is not None:
        raise ValueError(
            "sizes and axes do not go together: the axes of a body say how large it is"
        )
    if not isinstance(axes, (tuple, list, np.ndarray)) or not len(axes):
        raise TypeError(f"axes must be {dim} semi-axes, or a tuple of such; got {axes!r}")
    given = _check.real("axes", axes, f"{dim} semi-axes, or a tuple of such")
    semi_axes("axes", given, len(given), dim)
    rows = given.tolist()
    return tuple(map(tuple, rows)) if given.ndim == 2 else tuple(rows)


def _brought_to(end, phi):
    """A packing at another packing fraction."""
    bodies = arguments(end.bodies, end.dim)
    extents = 2.0 * end.axes.max(axis=1) if bodies else None
    box = box_for(phi, end.diameters, end.dim, extents)
    return Packing.from_fixed(end.fixed, box, **(bodies or {"diameters": end.diameters}))


def _paired(paired):
    allowed = [
        field.name for field in dataclasses.fields(Spec) if field.name not in ("_", "paired")
    ]
    return tuple(sorted(set(_check.names("paired", paired, allowed))))


def _observables(observables):
    if _is_pairs(observables):
        named = dict(observables)
        names = _check.names("observables", named, tuple(OBSERVABLES))
    else:
        names = _check.names("observables", observables, tuple(OBSERVABLES))
        named = dict.fromkeys(names, {})
    for name in names:
        _check.instance(
            f"options of observables {name!r}", named[name], (Mapping, tuple), "a dict by name"
        )
    return tuple(
        (name, OBSERVABLES[name].options(dict(named[name]))) for name in sorted(set(names))
    )


def _is_pairs(observables):
    if isinstance(observables, Mapping):
        return True
    return isinstance(observables, (tuple, list)) and any(
        isinstance(item, tuple) and len(item) == 2 for item in observables
    )


def _series(series):
    names = _check.names("series", series, SERIES)
    return tuple(name for name in SERIES if name in names or name == "activity")


def _lattice_cells(name, n, dim):
    """Cells along an edge of the lattice of n points."""
    implied = {"square": 2, "hypercubic": dim}.get(name, 3)
    if dim != implied:
        raise ValueError(f"dim must be {implied} for the lattice {name!r}; got {dim}")
    cells = round((n / LATTICES[name]) ** (1 / dim))
    fits = [LATTICES[name] * k**dim for k in (max(cells - 1, 1), max(cells, 1), cells + 1)]
    if n not in fits:
        raise ValueError(
            f"n must be {LATTICES[name]} k**{dim} for the lattice {name!r}, e.g. {fits}; got {n}"
        )
    return max(cells - 1, 1) + fits.index(n)


@functools.lru_cache(maxsize=4096)
def _room(n, phi, dim, sizes, axes, dynamics):
    """The room in the box; ValueError if it cannot hold the range of the potential (of the largest spheres)."""
    if axes is not None:
        check(dynamics.recipe().potential)
        semi = normalised_axes("axes", np.resize(axes, (n, dim)), n, dim)
        extents, diameters = 2.0 * semi.max(axis=1), 2.0 * equal_volume(semi, dim)
        largest = float(extents.max())
        box = box_for(phi, diameters, dim, extents)
        return Room(box, dim, largest, largest, least=float(diameters.min()))
    if isinstance(sizes, tuple):
        diameters = normalised("sizes", np.resize(np.array(sizes), n), n)
        largest = float(diameters.max())
    else:
        diameters, largest = np.ones(n), 1.0 + 3.0 * (sizes or 0.0)
    box = box_for(phi, diameters, dim)
    reach = float(dynamics.recipe().potential.range(largest))
    if box < 2.0 * reach:
        raise ValueError(
            "phi must be so small, or n so large, that the box is at least twice the largest range of the potential, "
            f"{2.0 * reach:g}; got n={n} and phi={phi!r}, which make it {box:g}"
        )
    return Room(box, dim, largest, reach)


def _gaussian_sizes(n, spread, seed):
    """1 + spread * g, g standard Gaussian noise cut at 3: without libm, so the same on every machine."""
    from mpack._kernels import noise

    out = np.empty(n)
    labels = np.arange(n, dtype=np.uint64)
    noise.fill_gaussian(
        np.uint64(seed), noise.SIZES, np.uint64(0), labels, np.zeros(n, dtype=np.uint64), out
    )
    return 1.0 + spread * np.clip(out, -3.0, 3.0)
