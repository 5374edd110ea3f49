"""What is timed: states with a protocol and a band, and the stretch of steps that all do from there.

A state is a random start, gone on with until its protocol ends, say 200 steps later, or at the
first look with an activity at or below a mark. From there every contender does the very same
steps, and the stretch says how active they were: a run of the same seed is looked at, at every
step or at two hundred of them. A stretch that dies, or leaves the band of its state, is flagged.
"""

import functools
from dataclasses import dataclass

import numpy as np

import mpack

EPS = 0.01
BRO, DESCENT = mpack.PairwiseBRO(eps=EPS), mpack.SGD(alpha=EPS, batch_fraction=1.0)
RULES = {
    "BRO": BRO,
    "BRO, c = 0.5": mpack.PairwiseBRO(eps=EPS, correlation=0.5),
    "BRO, antithetic": mpack.PairwiseBRO(eps=EPS, memory="antithetic"),
    "BRO approximation": BRO.approximation(),
    "non-reciprocal BRO": mpack.NonreciprocalBRO(eps=EPS),
    "individual BRO": mpack.IndividualBRO(eps=EPS),
    "random organization": mpack.RandomOrganization(eps=EPS),
    "SGD, b_f = 0.2": mpack.SGD(alpha=EPS, batch_fraction=0.2),
    "SGD approximation": mpack.SGD(alpha=EPS, batch_fraction=0.2).approximation(),
    "SGD, batches of N / 4": lambda n: mpack.SGD(alpha=EPS, batch_size=n // 4),
    "RCD, b_f = 0.2": mpack.RCD(alpha=EPS, batch_fraction=0.2),
    "RCD, batches of N / 4": lambda n: mpack.RCD(alpha=EPS, batch_size=n // 4),
    "GD": DESCENT,
    "GD, harmonic": mpack.SGD(alpha=EPS, batch_fraction=1.0, potential=mpack.Harmonic()),
    "SGD, α = 1": mpack.SGD(alpha=1.0, batch_fraction=0.2),  # beyond any skin
}
SIZES = {
    "equal": np.ones,
    "log-normal 0.5": lambda n: mpack.sizes.lognormal(n, 0.5),
    "1 in 100 is 10": lambda n: mpack.sizes.bidisperse(n, 10.0, 0.01),
}
SHAPES = {  # semi-axes of bodies, relative
    "prolate 1.5": (1.5, 1.0, 1.0),
    "oblate 1.5": (1.5, 1.5, 1.0),
    "triaxial": (1.25, 1.0, 0.8),
    "prolate 5": (5.0, 1.0, 1.0),
    "ellipse 1.5": (1.5, 1.0),
}
BETWEEN = {"activity": 20, "contacts": 5}  # steps between two looks of a protocol
LOOKS = 200
DENSE = (0.85, 1.0)


class Unreached(RuntimeError):
    """A state that its protocol does not lead to."""


def contacts_of(packing):
    """Contacts a particle, z."""
    return 2.0 * len(packing.overlaps()[0]) / packing.n


@dataclass(frozen=True)
class State:
    """Where a stretch begins, and between which activities it has to stay.

    `until` is ("steps", how many), ("activity", mark) or ("contacts", mark).
    """

    rule: str = "BRO"
    n: int = 10_000
    phi: float = 0.64
    dim: int = 3
    sizes: str = "equal"
    until: tuple = ("steps", 200)
    band: tuple = DENSE

    @property
    def dynamics(self):
        rule = RULES[self.rule]
        return rule if isinstance(rule, mpack.dynamics.Dynamics) else rule(self.n)

    @property
    def protocol(self):
        """How it is reached, in words."""
        what, mark = self.until
        if what == "steps":
            return f"{mark} steps from a random start" if mark else "a random start"
        symbol = {"activity": "f_a", "contacts": "z"}[what]
        return f"from a random start to the first look (every {BETWEEN[what]} steps) with {symbol} ≤ {mark:g}"

    def reach(self):
        """The packing there.

        Raises
        ------
        Unreached
            If the run is absorbed on the way, or its activity is outside of the band there.
        """
        what, mark = self.until
        start = self._start()
        steps = mark if what == "steps" else 0
        run = mpack.simulate(start, self.dynamics, steps=steps, seed=2)
        if what == "activity":
            run = _first_below(run, mark)
        while what == "contacts" and not run.absorbed and contacts_of(run.final) > mark:
            run = mpack.simulate(run, steps=BETWEEN[what])
        if run.absorbed:
            raise Unreached(f"absorbed at step {run.steps}, before the state was reached")
        low, high = self.band
        if not low <= run.activity[-1] <= high:
            raise Unreached(
                f"f_a {run.activity[-1]:.3g} at its end, outside of {low:g} to {high:g}"
            )
        return run.final

    def _start(self):
        place = {"n": self.n, "phi": self.phi, "dim": self.dim, "seed": 1}
        if self.sizes in SHAPES:
            return mpack.Packing.random(**place, axes=SHAPES[self.sizes])
        return mpack.Packing.random(**place, diameters=SIZES[self.sizes](self.n))


def _first_below(run, mark):
    """The run at its first look with an activity at or below `mark`: it is gone on with in long pieces, then found."""
    between = BETWEEN["activity"]
    while run.activity[-1] > mark:
        before = run
        run = mpack.simulate(run, steps=20 * between, record=mpack.every(between))
        below = run.times[(run.activity <= mark) & (run.times % between == 0)]
        if len(below):
            return mpack.simulate(before, steps=int(below[0]) - before.steps)
    return run


class Stretch:
    """`steps` steps from a state, after `warm` untimed ones in which lists are made.

    Attributes
    ----------
    base, begin : Run
        At the state, and where the clock starts; one trajectory.
    activity, lowest, highest : float
        Mean activity of the configurations that are stepped from, and its extremes.
    contacts : (float, float)
        Contacts a particle where the stretch begins and ends.
    done, digest : int, str
        Steps until it ended or died; the coordinates there.
    """

    def __init__(self, state, steps, warm=10):
        self.state, self.steps, self.warm = state, steps, warm
        self.base = mpack.simulate(state.reach(), state.dynamics, steps=0, seed=3)
        self.begin = mpack.simulate(self.base, steps=warm)
        looks = np.unique(np.linspace(warm, warm + steps, LOOKS + 1).astype(int))
        end = mpack.simulate(self.begin, steps=steps, record=looks)
        seen, active = end.times >= warm, end.activity
        stepped = active[seen & (end.times < warm + steps) & (active > 0.0)]
        self.activity = float(np.mean(stepped)) if len(stepped) else 0.0
        self.lowest, self.highest = float(np.min(active[seen])), float(np.max(active[seen]))
        self.contacts = contacts_of(self.begin.final), contacts_of(end.final)
        self.done, self.digest = end.steps - warm, end.digest

    @property
    def flags(self):
        """What forbids to compare this stretch."""
        low, high = self.state.band
        found = []
        if self.done < self.steps:
            found.append(f"died at step {self.done} of {self.steps}")
        if not low <= self.lowest <= self.highest <= high:
            found.append(
                f"left its band: f_a {self.lowest:.3g} to {self.highest:.3g}, not {low:g} to {high:g}"
            )
        return found


@functools.lru_cache(maxsize=12)
def stretch_of(state, steps, warm=10):
    """A stretch; the last few are kept, since contenders of several tables do the same one."""
    return Stretch(state, steps, warm)
