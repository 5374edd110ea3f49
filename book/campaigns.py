"""The runs behind the book's large figures: each function is a campaign, a list of specifications.

`make archive` does what is missing of every campaign and keeps it in `book/results/NAME`, NAME
being the function's with hyphens; a chapter reads it by `book.archives.load("NAME")`. To
add a campaign, add a function (one whose name begins with _ is none):

    def my_transition():
        "One line that says what it is for."
        rules = [kind(alpha=0.02, batch_fraction=0.2) for kind in (mpack.SGD, mpack.RCD)]
        phi = [0.61, 0.62, 0.63]
        return mpack.specs(rules, n=[1000, 4000], phi=phi, steps=100_000, seed=range(16))

Campaigns advance together, repeat by repeat: all runs with seed 0 come first, the cheap ones before
the dear ones, then all with seed 1. So stop at any moment, and what is there covers every point. A
list may grow at any time: what it has already is not done again; a changed specification is another
run, and the rows of the old one stay in the archive until it is removed.

What a row costs in the archive, which is to stay below 60 MB in all: some 350 bytes, 2 bytes a record
of the activity, 18 bytes a record where energy and msd are kept too (series="activity" keeps the
activity alone), and a checkpoint or a last packing 9 bytes a coordinate.
"""

from functools import partial

import numpy as np

import mpack
from book import waves
from mpack import landscape, sizes
from mpack.dynamics import matched_processes


def msd(
    n=8_000,
    repeats=10,
    kick_sizes=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
    steps=10_000,
    phi=0.63,
    seed=0,
):
    """Mean square displacements of eight matched processes from one shared start, each with noise of its own."""
    start = mpack.Spec(mpack.PairwiseBRO(eps=0.01), n=n, phi=phi, steps=0, seed=seed)
    moments = np.unique(np.r_[0, np.geomspace(1, steps, 25).round().astype(int)])
    return [
        mpack.Spec(
            rule,
            n=n,
            phi=phi,
            steps=steps,
            seed=seed + number,
            start=start,
            record=tuple(moments.tolist()),
        )
        for number in range(repeats)
        for eps in kick_sizes
        for rule in matched_processes(eps).values()
    ]


ABSORBING_EPS = 0.075  # kick size of `absorbing`
ABSORBING_LIVES = {
    0.55: 1_024,
    0.57: 1_024,
    0.58: 192,
}  # packing fraction: the largest of the systems that shall die


def absorbing():
    """Five matched processes across the transition; how long small systems live; three starts at one place."""
    matched = matched_processes(ABSORBING_EPS)
    rules = [matched[name] for name in ("BRO", "SGD", "individual BRO", "RCD")]
    sgd, descent = matched["SGD"], mpack.SGD(alpha=ABSORBING_EPS / 0.75, batch_fraction=1.0)
    common = {
        "n": 4_000,
        "steps": 40_000,
        "record": (mpack.log_spaced(20), mpack.every(100)),
        "series": "activity",
    }
    far, near = (
        (0.54, 0.55, 0.555, 0.585, 0.59, 0.6, 0.62),
        [round(0.56 + 0.0025 * k, 4) for k in range(9)],
    )
    across = mpack.specs([*rules, descent], phi=sorted([*far, *near]), seed=range(8), **common)
    brief = {
        "steps": 200_000,
        "record": mpack.log_spaced(10),
        "series": "activity",
        "seed": range(64),
    }
    lives = [
        spec
        for phi, largest in ABSORBING_LIVES.items()
        for n in (32, 48, 64, 96, 128, 192, 256, 512, 1_024)
        if n <= largest
        for spec in mpack.specs(sgd, n=n, phi=phi, **brief)
    ]
    starts = [
        mpack.Spec(sgd, phi=0.6, seed=seed, start=start, **common)
        for seed in range(8)
        for start in _absorbing_starts(sgd, 0.6, 4_000, seed).values()
    ]
    return list(
        {spec.key: spec for spec in across + lives + starts}.values()
    )  # a random start is in both


def _absorbing_starts(rule, phi, n, seed):
    """Where runs at one packing fraction come from: random places, a quiet packing compressed, a busy one expanded."""
    common = {"n": n, "seed": seed, "record": (0,), "series": "activity"}
    return {
        "random": "random",
        "compressed from rest": mpack.Spec(rule, phi=phi - 0.05, steps=80_000, **common),
        "expanded": mpack.Spec(rule, phi=phi + 0.04, steps=2_000, **common),
    }


MANNA_RULES = {  # at alpha = 0.2, with the rough phi_c of a pilot: where the grids of the campaign are centred
    "SGD": (mpack.SGD(alpha=0.2, batch_fraction=0.2), 0.513),
    "RCD": (mpack.RCD(alpha=0.2, batch_fraction=0.2), 0.516),
    "GD": (mpack.SGD(alpha=0.2, batch_fraction=1.0), 0.511),
}
_MANNA_SIZES = {  # n: (unit of phi, l**-1.695 with l = n**(1/3); steps at the transition, as l**1.82)
    500: (0.02988, 13_000),
    1_000: (0.02019, 20_000),
    2_000: (0.01365, 30_000),
    4_000: (0.00923, 46_000),
    8_000: (0.00624, 70_000),
    16_000: (0.00422, 108_000),
}
_MANNA_GRIDS = (  # of the scaling variable; every other size stands in the gaps of the one before
    (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6),
    (0.3, 0.42, 0.6, 0.85, 1.2, 1.7, 2.4, 3.4, 4.8),
)
_MANNA_REACH = 0.04  # in phi; beyond, activity is too near to 1 to scale


def manna():
    """Activity and relaxation time around the transition in six sizes, at alpha = 0.2: Figure 3 and its twins."""
    return [
        spec
        for rule, centre in MANNA_RULES.values()
        for place, n in enumerate(_MANNA_SIZES)
        for spec in _around(rule, centre, n, _MANNA_GRIDS[place % 2])
    ]


def _around(rule, centre, n, grid):
    """Runs of one rule and size on both sides: the further from the transition, the shorter."""
    unit, longest = _MANNA_SIZES[n]
    active = grid if n < 8_000 else grid[::2]
    found = []
    for x in [-x for x in grid[::-1]] + list(active):
        if abs(x) * unit > _MANNA_REACH:
            continue
        steps = round((longest if x > 0 else 2 * longest) / max(1.0, abs(x)), -2)
        found += mpack.specs(
            rule,
            n=n,
            phi=round(centre + x * unit, 5),
            steps=int(steps),
            record=(mpack.log_spaced(30), mpack.every(max(1, int(steps) // 300))),
            series="activity",
            observables={"structure_factor": {"q_max": 3.0, "per_shell": 200}}
            if n >= 4_000
            else (),
            seed=range(32 if n <= 4_000 else 16),
        )
    return found


def manna_longer():
    """What eight times more time changes: the three processes in one size, at two places of the active side."""
    n, found = 2_000, []
    unit, longest = _MANNA_SIZES[n]
    for rule, centre in MANNA_RULES.values():
        for x in (0.7, 1.4):
            steps = 8 * int(round(longest / max(1.0, x), -2))
            found += mpack.specs(
                rule,
                n=n,
                phi=round(centre + x * unit, 5),
                steps=steps,
                record=(mpack.log_spaced(30), mpack.every(steps // 300)),
                series="activity",
                seed=range(8),
            )
    return found


def manna_crystals():
    """Do active packings stay amorphous? As long as the longest runs of `manna`, in its smallest size."""
    n, steps = 500, _MANNA_SIZES[16_000][1]
    common = {"steps": steps, "record": mpack.every(steps // 100), "series": "activity"}
    return [
        spec
        for seed in range(8)
        for rule, centre in MANNA_RULES.values()
        for spec in mpack.specs(rule, n=n, phi=round(centre + 0.02, 5), seed=seed, **common)
    ]


def hidden_order():
    """Structure factors near the transition and in the active phase, and at the parameters of Figure S2.

    Most runs stand where they die late, each rule close below its own transition.
    """
    couple = [mpack.PairwiseBRO(eps=0.15), mpack.IndividualBRO(eps=0.15)]
    kicked = [*couple, mpack.NonreciprocalBRO(eps=0.15)]
    descending = [mpack.matched(rule) for rule in couple]
    common = {
        "record": (mpack.log_spaced(10), mpack.every(100)),
        "series": "activity",
        "observables": {"structure_factor": {"q_max": 3.0, "per_shell": 200}},
    }
    parts = [  # rules, packing fractions, longest run, {n: seeds}; the dearest seeds last
        (kicked + descending, [0.5, 0.515, 0.519], 150_000, {4_000: range(6), 16_000: range(5)}),
        (
            kicked,
            [0.519],
            150_000,
            {4_000: range(6, 32), 16_000: range(5, 16), 64_000: range(16, 19)},
        ),
        (
            descending,
            [0.515],
            150_000,
            {4_000: range(6, 32), 16_000: range(5, 16), 64_000: range(16, 19)},
        ),
        (
            kicked + descending,
            [0.53, 0.56],
            4_000,
            {4_000: range(6), 16_000: range(6), 64_000: range(1)},
        ),
    ]
    found = [
        spec
        for rules, phi, steps, seeds in parts
        for n, seed in seeds.items()
        for spec in mpack.specs(rules, n=n, phi=phi, steps=steps, seed=seed, **common)
    ]
    slow = [
        (mpack.SGD(alpha=0.01, batch_fraction=0.2), 0.6355),
        (mpack.RCD(alpha=0.01, batch_fraction=0.2), 0.6345),
    ]
    slow.append((mpack.PairwiseBRO(eps=0.0075), 0.635))
    for rule, phi in slow:
        seldom = common | {"record": mpack.every(1_000)}
        found += mpack.specs(rule, n=8_000, phi=phi, steps=100_000, seed=range(6), **seldom)
    return found


DISTANCE = -0.02  # of the packings of `hidden_distances`, (phi - phi_c)/phi_c
_PLACED = {  # process: packing fractions of scans that place its transition better than `waves.TRANSITIONS`
    "RCD": (0.521, 0.523),
    "BRO": (0.521, 0.5235),
    "individual BRO": (0.5225, 0.525),
    "non-reciprocal BRO": (0.5225, 0.525),
}


def hidden_distances():
    """Structure factors of 64,000 spheres that came to rest at an equal distance from each process's own transition.

    From random starts; with shorter runs of 8000 about the transition that place it.
    """
    found, record = [], (mpack.log_spaced(20),)
    seen = {"structure_factor": {"q_max": 2.0, "per_shell": 150}}
    for name, rule in waves.rules().items():
        common = {"record": record, "series": "activity"}
        if name in _PLACED:
            phi = list(_PLACED[name])
            found += mpack.specs(
                rule, n=8_000, phi=phi, steps=6_000, seed=range(100, 102), **common
            )
        phi = round(waves.TRANSITIONS[name] * (1 + DISTANCE), 4)
        found += mpack.specs(
            rule, n=64_000, phi=phi, steps=60_000, seed=range(4), observables=seen, **common
        )
    return found


def example():
    """A small one that everybody can run in seconds: two rules around their transition, in three dimensions."""
    rules = [mpack.SGD(alpha=0.1, batch_fraction=0.5), mpack.PairwiseBRO(eps=0.1)]
    return mpack.specs(
        rules,
        n=200,
        phi=[0.50, 0.54, 0.58, 0.62],
        steps=2_000,
        record=(mpack.log_spaced(10), mpack.every(20)),
        observables="contacts",
        checkpoints=1,
        seed=range(2),
    )


# Learning rate -> (a packing fraction near the transition, longest run in steps times mean push),
# both from a pilot of 300 spheres. The scan is the same for all processes and wide enough for each.
PHI_C = {
    0.3: (0.465, 2_000),
    0.2: (0.515, 3_000),
    0.1: (0.570, 6_000),
    0.05: (0.600, 10_000),
    0.03: (0.615, 13_000),
    0.01: (0.625, 20_000),
    0.003: (0.630, 40_000),
    0.001: (0.635, 90_000),
}


def _phi_c_rules(alpha):
    """The seven processes of Fig. 5b at one learning rate, with their mean push b_f; BROs by the matching rule.

    `mpack.matched` gives a BRO of kick size eps the SGD of b_f = 3/4 and alpha = 4 eps/3: so eps =
    3 alpha/4.
    """
    batches = [
        (rule(alpha=alpha, batch_fraction=b), b)
        for b in (0.2, 0.6)
        for rule in (mpack.SGD, mpack.RCD)
    ]
    descent = (mpack.SGD(alpha=alpha, batch_fraction=1.0), 1.0)
    kicks = [(rule(eps=0.75 * alpha), 0.75) for rule in (mpack.PairwiseBRO, mpack.IndividualBRO)]
    return [*batches, descent, *kicks]


def phi_c():
    """Where the transition lies: seven processes, eight learning rates, two sizes; runs from random starts."""
    return [
        spec
        for alpha, (centre, length) in PHI_C.items()
        for rule, push in _phi_c_rules(alpha)
        for spec in _scan(rule, alpha, centre, round(length / push))
    ]


def phi_c_longer():
    """What ten times more time changes: the same processes at one learning rate, just above the transition."""
    centre, length = PHI_C[0.01]
    longer = 10 * length
    return [
        spec
        for rule, push in _phi_c_rules(0.01)[2:5]
        for spec in mpack.specs(
            rule,
            n=1000,
            phi=[round(centre + 0.005 * k, 4) for k in (1, 2)],
            steps=round(longer / push),
            record=(mpack.log_spaced(10), mpack.every(round(longer / push / 1000))),
            series="activity",
        )
    ]


def phi_c_sizes():
    """What the size changes at the two smallest learning rates: three processes, 4,000 and 16,000 spheres."""
    return [
        spec
        for alpha in (0.003, 0.001)
        for rule, push in _phi_c_rules(alpha)[2:5]
        for spec in mpack.specs(
            rule,
            n=[4_000, 16_000],
            phi=[round(PHI_C[alpha][0] + 0.005 * k, 4) for k in range(-4, 2)],
            steps=round(PHI_C[alpha][1] / push),
            record=(mpack.log_spaced(10), mpack.every(round(PHI_C[alpha][1] / push / 400))),
            series="activity",
            seed=range(2),
        )
    ]


def _scan(rule, alpha, centre, steps):
    """One process at one learning rate: packing fractions 0.005 apart about `centre`."""
    common = {
        "steps": steps,
        "record": (mpack.log_spaced(10), mpack.every(-(-steps // 400))),
        "series": "activity",
    }
    near = [round(centre + 0.005 * k, 4) for k in range(-1, 2)]
    wide = [round(centre + 0.005 * k, 4) for k in (*range(-6, -1), 2)]
    if alpha == 0.001:  # the end point: keep the packings
        kept = mpack.specs(
            rule, n=1000, phi=near, seed=range(2), observables=("contacts", "packing"), **common
        )
        return kept + mpack.specs(
            rule, n=1000, phi=wide, seed=range(2), observables="contacts", **common
        )
    small = mpack.specs(
        rule, n=1000, phi=near + wide, seed=range(2 if alpha < 0.01 else 4), **common
    )
    if alpha not in (0.3, 0.1, 0.05, 0.01):
        return small
    shifts = [round(centre + 0.005 * k, 4) for k in range(-4, 2)]
    return small + mpack.specs(rule, n=4000, phi=shifts, seed=range(2), **common)


FLAT_SIGMAS = (
    0.0006,
    0.0015,
    0.003,
    0.006,
    0.015,
    0.03,
    0.06,
)  # of the flatness, in mean diameters: two decades
_FLAT_PHIS = (0.65, 0.70, 0.75, 0.80, 0.85, 0.90)
_FLAT_PATH = (
    20  # alpha b_f k at the end, in diameters: what has to settle goes by this, not by the steps k
)


def _flat_minimum(rule, phi, path=_FLAT_PATH, seeds=range(8)):
    """Eight runs of a rule, to where the flatness has settled; repeat by repeat, all rules have the same start."""
    made = []
    for seed in seeds:
        sampled = {"sampled": (0.015,), "samples": 1000} if seed == 0 and path == _FLAT_PATH else {}
        observables = {"flatness": {"sigmas": FLAT_SIGMAS, **sampled}, "contacts": {}, "gaps": {}}
        made.append(_flat_state(rule, phi, seed, path, observables, n=4_000))
    return made


def _flat_state(rule, phi, seed, path, observables, **what):
    """One run of a rule over a path, from where a thousand large steps of gradient descent take random places.

    Without that start the settling takes ten times as long. `what`: how many particles, of what shape.
    """
    steps = round(path / landscape.drift_rate(rule))
    record = (mpack.log_spaced(5), mpack.every(max(steps // 50, 1)))
    how = {"record": record, "observables": observables, "series": ("activity", "energy")}
    start = _flat_start(phi, seed, **what)
    return mpack.Spec(rule, phi=phi, steps=steps, seed=seed, start=start, **how, **what)


def _flat_start(phi, seed, **what):
    coarse = mpack.SGD(alpha=0.1, batch_fraction=1.0)
    return mpack.Spec(coarse, phi=phi, steps=1_000, seed=seed, record=(0,), **what)


def _flat_descents(fractions):
    return [
        kind(alpha=0.02, batch_fraction=b) for kind in (mpack.SGD, mpack.RCD) for b in fractions
    ]


def flat_minima():
    """Flatness of steady states against batch fraction and density: Fig. 4 of the paper."""
    rules = [*_flat_descents((0.1, 0.25, 0.5)), mpack.SGD(alpha=0.02, batch_fraction=1.0)]
    return [spec for phi in _FLAT_PHIS for rule in rules for spec in _flat_minimum(rule, phi)]


def flat_minima_beside():
    """What stands beside Fig. 4: more batch fractions, BRO, and runs half as long (is it steady?)."""
    organizations = [
        kind(eps=0.015) for kind in (mpack.PairwiseBRO, mpack.NonreciprocalBRO, mpack.IndividualBRO)
    ]
    more = [*_flat_descents((0.05, 0.75)), *organizations]
    again = [*_flat_descents((0.25,)), mpack.SGD(alpha=0.02, batch_fraction=1.0)]
    made = [spec for phi in _FLAT_PHIS for rule in more for spec in _flat_minimum(rule, phi)]
    return made + [
        spec
        for phi in _FLAT_PHIS
        for rule in again
        for spec in _flat_minimum(rule, phi, _FLAT_PATH / 2)
    ]


def flat_minima_steps():
    """Flatness against learning rate at fixed batch fraction, and at fixed product of the two."""
    rules = [mpack.SGD(alpha=a, batch_fraction=1.0) for a in (0.005, 0.01, 0.05, 0.1, 0.2)]
    for kind in (mpack.SGD, mpack.RCD):
        rules += [kind(alpha=a, batch_fraction=0.25) for a in (0.005, 0.01, 0.05, 0.1, 0.2)]
        rules += [kind(alpha=0.005 / b, batch_fraction=b) for b in (0.05, 0.1, 0.5)]
    return [spec for rule in rules for spec in _flat_minimum(rule, 0.70)]


def _below(state, stages, observables=None):
    """What lies below the end of a run: gradient descent with a falling learning rate, a specification a stage."""
    near = {"low": -0.02, "high": 0.02, "bins": 40}
    observables = observables or {
        "flatness": {"sigmas": FLAT_SIGMAS},
        "contacts": {"tolerance": 0.001},
        "gaps": near,
    }
    what = {name: getattr(state, name) for name in ("n", "phi", "axes", "seed")}
    for rule, steps in stages[:-1]:
        state = mpack.Spec(rule, steps=steps, start=state, record=(0,), **what)
    rule, steps = stages[-1]
    how = {"record": (0,), "observables": observables}
    return mpack.Spec(rule, steps=steps, start=state, **how, **what)


QUENCH_PHIS = (0.65, 0.70, 0.80, 0.90)
QUENCHES = {  # what is done otherwise in a control, at packing fraction 0.70
    "shorter": landscape.quench_stages(path=1.0),
    "longer": landscape.quench_stages(path=16.0, settle=800),
    "deeper": landscape.quench_stages(last=6.25e-5 / 4),
    "finer": landscape.quench_stages(first=0.001),
}


def flat_minima_quench():
    """The minima below the steady states of `flat_minima` and of as many more, and below the start itself.

    Sixteen runs a rule: the states of the first eight are rows of `flat_minima` and
    `flat_minima_beside`, those of the others are rows here.
    """
    descent = mpack.SGD(alpha=0.02, batch_fraction=1.0)
    rules = [*_flat_descents((0.1, 0.25, 0.5)), descent, mpack.PairwiseBRO(eps=0.015)]
    states = {
        (rule, phi): _flat_minimum(rule, phi, seeds=range(16))
        for phi in QUENCH_PHIS
        for rule in rules
    }
    made = [spec for own in states.values() for spec in own[8:]]
    starts = [_flat_start(phi, seed, n=4_000) for phi in QUENCH_PHIS for seed in range(16)]
    ends = [*starts, *(spec for own in states.values() for spec in own)]
    made += [_below(state, landscape.quench_stages()) for state in ends]
    pair = [*states[rules[0], 0.70][:8], *states[descent, 0.70][:8]]
    return made + [_below(state, stages) for stages in QUENCHES.values() for state in pair]


# Name -> (dimension, relative diameters, {learning rate: a packing fraction near the transition});
# the last from a pilot of 500 spheres.
DIMENSIONS = {
    "2, equal": (2, None, {0.2: 0.766, 0.1: 0.822, 0.05: 0.848, 0.03: 0.858, 0.02: 0.865}),
    "2, two sizes": (
        2,
        (1.0, 1.4),
        {0.2: 0.740, 0.1: 0.788, 0.05: 0.814, 0.03: 0.826, 0.02: 0.831},
    ),
    "3": (3, None, {0.2: 0.515, 0.1: 0.572, 0.05: 0.602, 0.03: 0.615, 0.02: 0.621}),
    "4": (4, None, {0.2: 0.333, 0.1: 0.388, 0.05: 0.418, 0.03: 0.431, 0.02: 0.438}),
    "5": (5, None, {0.2: 0.207, 0.1: 0.252, 0.05: 0.273, 0.03: 0.282, 0.02: 0.287}),
}
_DIMENSION_PATHS = {
    0.2: 4_000,
    0.1: 8_000,
    0.05: 12_000,
    0.03: 16_000,
    0.02: 20_000,
}  # longest run, in steps times b_f
DIMENSION_GRID = 0.005  # spacing of the scans, relative to the packing fraction


def dimensions():
    """The transition of SGD (b_f = 1/2) in two to five dimensions: absorption times, and the activity above."""
    return [
        spec
        for dim, sizes, centres in DIMENSIONS.values()
        for alpha, centre in centres.items()
        for spec in _dimension_scan(dim, sizes, alpha, centre)
    ]


def _dimension_scan(dim, sizes, alpha, centre):
    """Scans of 1000 spheres, and at alpha = 0.2 of 4000 above the transition, where activity is to be averaged.

    Not of equal discs, which crystallise there; in five dimensions, where a step costs ten times as
    much, for less long.
    """
    steps = 2 * _DIMENSION_PATHS[alpha]
    rule = mpack.SGD(alpha=alpha, batch_fraction=0.5)
    common = {"dim": dim, "sizes": sizes, "series": "activity"}
    places = [round(centre * (1 + DIMENSION_GRID * k), 4) for k in range(-6, 4)]
    record = (mpack.log_spaced(10), mpack.every(steps // 400))
    scan = mpack.specs(
        rule, n=1000, phi=places, steps=steps, record=record, seed=range(4), **common
    )
    if alpha != 0.2 or (dim == 2 and sizes is None):
        return scan
    places = [round(centre * (1 + 0.5 * DIMENSION_GRID * k), 5) for k in range(-2, 9)]
    record = (mpack.log_spaced(10), mpack.every(50))
    steps, repeats = (20_000, 4) if dim < 5 else (10_000, 2)
    return scan + mpack.specs(
        rule, n=4000, phi=places, steps=steps, record=record, seed=range(repeats), **common
    )


# Name -> (relative diameters, dealt out in turn; {learning rate: a packing fraction near the
# transition}), the last from a pilot of 600 spheres.
MIXTURES = {
    "equal": (None, {0.2: 0.516, 0.1: 0.573, 0.05: 0.603, 0.02: 0.621}),
    "log-normal 0.1": (
        partial(sizes.lognormal, 100, 0.1),
        {0.2: 0.523, 0.1: 0.579, 0.05: 0.608, 0.02: 0.626},
    ),
    "log-normal 0.2": (
        partial(sizes.lognormal, 100, 0.2),
        {0.2: 0.534, 0.1: 0.590, 0.05: 0.617, 0.02: 0.634},
    ),
    "log-normal 0.3": (
        partial(sizes.lognormal, 100, 0.3),
        {0.2: 0.551, 0.1: 0.602, 0.05: 0.629, 0.02: 0.645},
    ),
    "log-normal 0.4": (
        partial(sizes.lognormal, 100, 0.4),
        {0.2: 0.574, 0.1: 0.624, 0.05: 0.648, 0.02: 0.662},
    ),
    "1:1.4, half": (
        partial(sizes.bidisperse, 2, 1.4),
        {0.2: 0.528, 0.1: 0.583, 0.05: 0.612, 0.02: 0.629},
    ),
    "1:2, half": (
        partial(sizes.bidisperse, 2, 2.0),
        {0.2: 0.553, 0.1: 0.602, 0.05: 0.631, 0.02: 0.646},
    ),
    "1:2, fifth": (
        partial(sizes.bidisperse, 5, 2.0, 0.2),
        {0.2: 0.567, 0.1: 0.619, 0.05: 0.643, 0.02: 0.659},
    ),
    "1:2, most": (
        partial(sizes.bidisperse, 5, 2.0, 0.8),
        {0.2: 0.530, 0.1: 0.585, 0.05: 0.612, 0.02: 0.629},
    ),
    "1:3, tenth": (
        partial(sizes.bidisperse, 10, 3.0, 0.1),
        {0.2: 0.620, 0.1: 0.668, 0.05: 0.690, 0.02: 0.703},
    ),
}
_MIXTURE_STEPS = {0.2: 8_000, 0.1: 16_000, 0.05: 24_000, 0.02: 50_000}


def mixtures():
    """The transition of SGD (b_f = 1/2) for spheres of many sizes: absorption times, and the activity above."""
    return [
        spec
        for made, centres in MIXTURES.values()
        for alpha, centre in centres.items()
        for spec in _mixture_scan(None if made is None else tuple(made().tolist()), alpha, centre)
    ]


def _mixture_scan(relative, alpha, centre):
    """Scans of 1000 spheres; of 4000 below the transition at alpha = 0.05, and above it at alpha = 0.2.

    Wide mixtures take long: their scans need low packing fractions. Far above the transition one
    run is enough.
    """
    steps = _MIXTURE_STEPS[alpha]

    def scan(n, spacing, places, repeats, steps=steps, every=steps // 400):
        return mpack.specs(
            mpack.SGD(alpha=alpha, batch_fraction=0.5),
            n=n,
            phi=[round(centre * (1 + spacing * k), 4) for k in places],
            steps=steps,
            record=(mpack.log_spaced(10), mpack.every(every)),
            seed=range(repeats),
            sizes=relative,
            series="activity",
        )

    made = scan(1_000, 0.005, (-12, -10, -8, *range(-6, 2)), 8) + scan(1_000, 0.005, (2, 3), 1)
    if alpha == 0.05:  # what the size of the system changes
        made += scan(4_000, 0.005, (-10, -8, -6, -5, -4, -3, -2, -1), 4)
    if alpha == 0.2:  # the steady activity
        made += scan(4_000, 0.0025, (-1, 0, 1, 2, 3, 4, 6, 8, 10), 4, steps=20_000, every=50)
    return made


# Learning rate -> {process: (where its grid begins, spacing, and how many places, if not six)}, from
# pilots of 6,000 to 8,000 spheres; longer grids were added to upwards, where later windows crossed.
LADDER = {
    1.0: {
        "SGD": (0.2108, 0.0004),
        "RCD": (0.2692, 0.0006),
        "GD": (0.2102, 0.0004),
        "BRO": (0.2158, 0.0004),
    },
    0.5: {
        "SGD": (0.37, 0.0015),
        "RCD": (0.3775, 0.0015),
        "GD": (0.3675, 0.0015),
        "BRO": (0.3675, 0.0015),
    },
    0.3: {
        "SGD": (0.463, 0.002),
        "RCD": (0.455, 0.0015),
        "GD": (0.455, 0.002),
        "BRO": (0.463, 0.002),
    },
    0.2: {
        "SGD": (0.5185, 0.001),
        "RCD": (0.517, 0.001),
        "GD": (0.5125, 0.001),
        "BRO": (0.5145, 0.001, 10),
    },
    0.1: {
        "SGD": (0.572, 0.002),
        "RCD": (0.574, 0.002, 9),
        "GD": (0.57, 0.002),
        "BRO": (0.575, 0.002),
    },
    0.05: {
        "SGD": (0.602, 0.002),
        "RCD": (0.604, 0.002, 9),
        "GD": (0.600, 0.002),
        "BRO": (0.602, 0.002),
    },
}
_LADDER_STEPS = {"SGD": 30_000, "RCD": 30_000, "GD": 10_000, "BRO": 10_000}
_LADDER_SIZES = {1.0: 64_000, 0.5: 32_000}  # spheres; 16,000 at the others
# Repeats beyond two: where rungs decide, and where they are cheap.
_LADDER_REPEATS = {
    **dict.fromkeys([(1.0, "SGD"), (1.0, "GD"), (1.0, "BRO")], 4),
    **{(alpha, process): 3 for alpha in (0.3, 0.2, 0.1) for process in ("GD", "BRO")},
}
_LADDER_SLOWEST = 0.05  # the learning rate whose runs are three times as long


def _ladder_rule(process, alpha):
    """A process of the ladder at one learning rate; BRO at the kick size that matches it."""
    match process:
        case "BRO":
            return mpack.PairwiseBRO(eps=0.75 * alpha)
        case "RCD":
            return mpack.RCD(alpha=alpha, batch_fraction=0.2)
    return mpack.SGD(alpha=alpha, batch_fraction=1.0 if process == "GD" else 0.2)


def _places(first, spacing, count=6):
    return [round(first + spacing * k, 5) for k in range(count)]


def ladder():
    """How activity decays around the transition of four processes, from large kicks to small: where Manna ends.

    At alpha = 0.2 the runs of 16,000 spheres of `manna` serve, too.
    """
    found = []
    for alpha, processes in LADDER.items():
        for process, grid in processes.items():
            found += mpack.specs(
                _ladder_rule(process, alpha),
                n=_LADDER_SIZES.get(alpha, 16_000),
                phi=_places(*grid),
                steps=_LADDER_STEPS[process] * (3 if alpha == _LADDER_SLOWEST else 1),
                record=mpack.log_spaced(20),
                series="activity",
                seed=range(_LADDER_REPEATS.get((alpha, process), 2)),
            )
    return found


# (learning rate, process): packing fractions about where windows of the ladder's smaller systems cross.
LARGE = {
    (1.0, "SGD"): (0.211, 0.2114, 0.2118, 0.2122),
    (1.0, "BRO"): (0.2154, 0.2158, 0.2162, 0.2166),
    (0.5, "BRO"): (0.3675, 0.369, 0.3705, 0.372, 0.3735),
}


def ladder_large(n=256_000, repeats=2):
    """The decay on three rungs of the ladder in boxes 1.6 times as wide, at alpha = 0.5 twice.

    None at 0.2 and below: there a decay tells the age of its start (`ladder_aged`), whatever the box.
    """
    return [
        spec
        for (alpha, process), phis in LARGE.items()
        for spec in mpack.specs(
            _ladder_rule(process, alpha),
            n=n,
            phi=[*phis],
            steps=_LADDER_STEPS[process],
            record=mpack.log_spaced(20),
            series="activity",
            seed=range(repeats),
        )
    ]


# (learning rate, process): where the last windows of the ladder crossed when this was written, and two
# errors to its sides, or more. RCD's at 0.2 was 0.5188 first, and moved with the runs of a finer grid.
CROSSINGS = {
    (1.0, "SGD"): (0.2117, 0.2119, 0.2121),
    (1.0, "RCD"): (0.2694, 0.2698, 0.2701),
    (1.0, "GD"): (0.211, 0.2112, 0.2114),
    (1.0, "BRO"): (0.2159, 0.2161, 0.2163),
    (0.5, "SGD"): (0.3738, 0.3763, 0.3788),
    (0.5, "RCD"): (0.3797, 0.3802, 0.3807),
    (0.5, "GD"): (0.3719, 0.3726, 0.3733),
    (0.5, "BRO"): (0.3684, 0.3695, 0.3706),
    (0.3, "SGD"): (0.4662, 0.4676, 0.469),
    (0.3, "RCD"): (0.4586, 0.4596, 0.4606),
    (0.3, "GD"): (0.4594, 0.4606, 0.4618),
    (0.3, "BRO"): (0.4684, 0.4692, 0.47),
    (0.2, "SGD"): (0.5228, 0.523, 0.5232),
    (0.2, "RCD"): (0.5173, 0.5177, 0.5181, 0.5188),
    (0.2, "GD"): (0.5149, 0.5154, 0.5159),
    (0.2, "BRO"): (0.5217, 0.5226, 0.5235),
}
# Learning rate -> {spheres: runs}. Where larger systems hardly die in time, eight of 4,000 show it.
CROSSING_SIZES = {
    1.0: {250: 48, 500: 48, 1_000: 32, 2_000: 32, 4_000: 32, 8_000: 16},
    0.5: {250: 16, 500: 16, 1_000: 16, 2_000: 16, 4_000: 8},
    0.3: {250: 16, 500: 16, 1_000: 16, 2_000: 16, 4_000: 8},
    0.2: {250: 48, 500: 48, 1_000: 32, 2_000: 32, 4_000: 16},
}


def ladder_sizes():
    """How long small systems live where the ladder's windows cross, and how their activity fluctuates meanwhile."""
    return [
        spec
        for (alpha, process), phis in CROSSINGS.items()
        for n, runs in CROSSING_SIZES[alpha].items()
        for spec in mpack.specs(
            _ladder_rule(process, alpha),
            n=n,
            phi=[*phis],
            steps=_LADDER_STEPS[process],
            record=(mpack.log_spaced(10), mpack.every(_LADDER_STEPS[process] // 200)),
            series="activity",
            seed=range(runs),
        )
    ]


# Learning rate -> (spheres, grid of the mixture from a pilot, that of natural starts, where they age,
# for how many steps). At 0.2 both were added to where no windows crossed.
CONTROLS = {
    1.0: (64_000, (0.2209, 0.0004), (0.2108, 0.0004), 0.2219, 3_000),
    0.2: (16_000, (0.524, 0.002, 9), (0.5135, 0.001, 11), 0.533, 10_000),
}


def ladder_controls():
    """SGD's decay with diameters 1:1.4, which do not crystallise, and from natural starts.

    Natural starts have aged 0.01 above the transition, where activity is steady, and are expanded.
    """
    made = []
    for alpha, (n, mixed, natural, aged, age) in CONTROLS.items():
        rule = _ladder_rule("SGD", alpha)
        asked = _to_decay(n, "SGD", observables="bond_order")
        made += mpack.specs(rule, phi=_places(*mixed), sizes=(1.0, 1.4), seed=range(2), **asked)
        for seed in range(2):
            made += _expanded(rule, _places(*natural), aged, age, seed, **asked)
    return made


def _to_decay(n, process, **options):
    """What a run of the ladder that watches activity decay from one start is asked for."""
    steps = _LADDER_STEPS[process]
    return {"n": n, "series": "activity", "steps": steps, "record": mpack.log_spaced(20)} | options


def _expanded(rule, phis, aged, age, seed, **asked):
    """Runs from one packing that `rule` has stirred for `age` steps at the packing fraction `aged`."""
    first = {name: asked[name] for name in ("n", "series", "sizes") if name in asked}
    start = mpack.Spec(rule, phi=aged, steps=age, record=(0,), seed=seed, **first)
    return mpack.specs(rule, phi=phis, start=start, seed=seed, **asked)


_SPHERES = {"equal": {}, "mixture": {"sizes": (1.0, 1.4)}}
AGES = (1_000, 5_000, 30_000)  # steps that packings are stirred for, before they are expanded
# (process, learning rate, spheres): (a grid about the transition, where the packings age), from pilots.
AGED = {
    ("SGD", 1.0, "equal"): ((0.2095, 0.0005, 12), 0.2219),
    ("SGD", 0.5, "equal"): ((0.3665, 0.0015, 9), 0.385),
    ("SGD", 0.3, "equal"): ((0.462, 0.0015, 9), 0.479),
    ("SGD", 0.2, "equal"): ((0.5135, 0.001, 9), 0.533),
    ("SGD", 0.2, "mixture"): ((0.525, 0.001, 9), 0.545),
    ("SGD", 0.1, "equal"): ((0.565, 0.002, 9), 0.59),
    ("SGD", 0.05, "equal"): ((0.593, 0.0022, 9), 0.621),
    ("RCD", 0.5, "equal"): ((0.374, 0.0015, 9), 0.392),
    ("RCD", 0.3, "equal"): ((0.454, 0.0015, 9), 0.472),
    ("RCD", 0.2, "equal"): ((0.5135, 0.001, 9), 0.53),
    ("GD", 0.2, "equal"): ((0.5105, 0.001, 9), 0.526),
    ("BRO", 0.2, "equal"): ((0.5175, 0.001, 9), 0.533),
}


def ladder_aged(n=16_000, repeats=2):
    """Where activity dies in packings that were stirred for a short or a long time before."""
    asked = _to_decay(n, "SGD", observables="bond_order") | {"steps": 10_000}
    return [
        spec
        for seed in range(repeats)
        for age in AGES
        for (process, alpha, spheres), (grid, aged) in AGED.items()
        for spec in _expanded(
            _ladder_rule(process, alpha),
            _places(*grid),
            aged,
            age,
            seed,
            **asked,
            **_SPHERES[spheres],
        )
    ]


# Name -> (dimension, relative semi-axes, {learning rate: a packing fraction near the transition}), from a
# pilot of 400 bodies. Flat ones are of two sizes, 1:1.4, as discs of one size crystallise.
BODIES = {
    "sphere": (3, None, {0.05: 0.604, 0.02: 0.619, 0.01: 0.624, 0.005: 0.627}),
    "prolate 1.05": (3, (1.05, 1, 1), {0.05: 0.617, 0.02: 0.637, 0.01: 0.643, 0.005: 0.647}),
    "prolate 1.1": (3, (1.1, 1, 1), {0.05: 0.628, 0.02: 0.649, 0.01: 0.656, 0.005: 0.660}),
    "prolate 1.25": (3, (1.25, 1, 1), {0.05: 0.651, 0.02: 0.675, 0.01: 0.683, 0.005: 0.687}),
    "prolate 1.5": (3, (1.5, 1, 1), {0.05: 0.656, 0.02: 0.686, 0.01: 0.696, 0.005: 0.702}),
    "prolate 2": (3, (2, 1, 1), {0.05: 0.636, 0.02: 0.671, 0.01: 0.683, 0.005: 0.690}),
    "prolate 3": (3, (3, 1, 1), {0.05: 0.585, 0.02: 0.631, 0.01: 0.648, 0.005: 0.657}),
    "oblate 1.05": (3, (1.05, 1.05, 1), {0.05: 0.619, 0.02: 0.638, 0.01: 0.644, 0.005: 0.648}),
    "oblate 1.1": (3, (1.1, 1.1, 1), {0.05: 0.628, 0.02: 0.651, 0.01: 0.660, 0.005: 0.663}),
    "oblate 1.25": (3, (1.25, 1.25, 1), {0.05: 0.648, 0.02: 0.675, 0.01: 0.684, 0.005: 0.689}),
    "oblate 1.5": (3, (1.5, 1.5, 1), {0.05: 0.656, 0.02: 0.688, 0.01: 0.699, 0.005: 0.705}),
    "oblate 2": (3, (2, 2, 1), {0.05: 0.624, 0.02: 0.665, 0.01: 0.679, 0.005: 0.687}),
    "oblate 3": (3, (3, 3, 1), {0.05: 0.566, 0.02: 0.617, 0.01: 0.636, 0.005: 0.646}),
    "triaxial 1.1": (3, (1.21, 1.1, 1), {0.05: 0.652, 0.02: 0.675, 0.01: 0.683, 0.005: 0.687}),
    "triaxial 1.25": (3, (25, 20, 16), {0.05: 0.667, 0.02: 0.702, 0.01: 0.714, 0.005: 0.721}),
    "triaxial 1.5": (3, (9, 6, 4), {0.05: 0.648, 0.02: 0.691, 0.01: 0.706, 0.005: 0.714}),
    "disc": (2, None, {0.05: 0.814, 0.02: 0.829, 0.01: 0.834, 0.005: 0.836}),
    "ellipse 1.1": (2, (1.1, 1), {0.05: 0.837, 0.02: 0.856, 0.01: 0.862, 0.005: 0.866}),
    "ellipse 1.25": (2, (1.25, 1), {0.05: 0.851, 0.02: 0.872, 0.01: 0.879, 0.005: 0.883}),
    "ellipse 1.5": (2, (1.5, 1), {0.05: 0.854, 0.02: 0.877, 0.01: 0.885, 0.005: 0.889}),
    "ellipse 2": (2, (2, 1), {0.05: 0.834, 0.02: 0.863, 0.01: 0.874, 0.005: 0.879}),
    "ellipse 3": (2, (3, 1), {0.05: 0.800, 0.02: 0.836, 0.01: 0.848, 0.005: 0.855}),
}
# Half per cents about the pilot's place: repeats. What is active far above it is dear, and says least.
_BODY_PLACES = {-6: 4, -4: 4, -3: 4, -2: 4, -1: 4, 0: 4, 1: 2}
_BODY_LARGER = ("sphere", "prolate 1.5", "triaxial 1.25", "ellipse 1.5")


def ellipsoids():
    """Where the transition of sixteen shapes in space and six in the plane lies as kicks become small: BRO, SGD.

    SGD has b_f = 1/2; BRO, b_f = 3/4 by the matching rule, has one learning rate more, whose last
    packings are kept.
    """
    made = []
    for dim, axes, centres in BODIES.values():
        shape = _body(dim, axes)
        for alpha, centre in centres.items():
            made += _body_scan(_body_rule("BRO", alpha), shape, alpha, centre)
            if alpha > 0.005:
                made += _body_scan(_body_rule("SGD", alpha), shape, alpha, centre)
    for name in _BODY_LARGER:  # what the size of the system changes
        dim, axes, centres = BODIES[name]
        rule, shape = _body_rule("BRO", 0.02), _body(dim, axes)
        made += _body_scan(rule, shape, 0.02, centres[0.02], n=4_000, repeats=2)
    return made


def _body(dim, axes):
    """What a specification says of a shape; spheres and discs are what they always are."""
    two = (1.0, 1.4)
    if axes is None:
        return {"dim": dim, "sizes": two if dim == 2 else None}
    return {
        "dim": dim,
        "axes": axes if dim == 3 else tuple(tuple(s * a for a in axes) for s in two),
    }


def _body_rule(process, alpha, **options):
    if process == "BRO":
        return mpack.PairwiseBRO(eps=round(0.75 * alpha, 6), **options)
    return mpack.SGD(alpha=alpha, batch_fraction=0.5, **options)


def _body_scan(rule, shape, alpha, centre, n=1_000, repeats=4):
    """One shape and rule at one learning rate, for as many steps as 750 diameters of mean pushes take."""
    push = 0.75 if isinstance(rule, mpack.PairwiseBRO) else 0.5
    steps = round(750 / (alpha * push))
    watched = ("nematic",) if "axes" in shape else ()
    kept = (*watched, "packing")
    common = {"n": n, "steps": steps, "series": "activity", **shape}
    common["record"] = (mpack.log_spaced(10), mpack.every(steps // 400))
    made = []
    for k, most in _BODY_PLACES.items():
        phi = round(centre * (1 + 0.005 * k), 4)
        for seed in range(min(most, repeats)):
            keep = alpha == 0.005 and k in (-1, 0) and seed < 2  # where the last dead packings are
            seen = kept if keep else watched
            made.append(mpack.Spec(rule, phi=phi, seed=seed, observables=seen, **common))
    return made


# How easily bodies turn, kappa -> {learning rate: as in `BODIES`}; None: not at all.
TURNING = {
    None: {0.05: 0.588, 0.02: 0.608, 0.01: 0.615},
    0.5: {0.05: 0.641, 0.02: 0.680, 0.01: 0.694},
    2.0: {0.05: 0.657, 0.02: 0.687, 0.01: 0.697},
}


def ellipsoids_turning():
    """What turning does to the transition of a prolate body, 1.5 times as long as wide: none, easier, harder."""
    return [
        spec
        for kappa, centres in TURNING.items()
        for alpha, centre in centres.items()
        for spec in _body_scan(
            _body_rule("BRO", alpha, rotation=kappa),
            _body(*BODIES["prolate 1.5"][:2]),
            alpha,
            centre,
        )
    ]


# Process at alpha = 1 -> (the grid about the transition of prolate bodies, repeats), from a pilot; three
# places were added above, when the first six had been seen to hold few active runs, and repeats beyond
# two when those had left the exponent of BRO undecided.
BODY_DECAY = {"BRO": ((0.205, 0.0005, 9), 8), "SGD": ((0.1995, 0.0005, 9), 4)}


def ellipsoids_decay():
    """How activity of 64,000 prolate bodies, 1.5 times as long as wide, decays on the uppermost rung of the ladder."""
    return [
        spec
        for process, (grid, repeats) in BODY_DECAY.items()
        for spec in mpack.specs(
            _ladder_rule(process, 1.0),
            phi=_places(*grid),
            seed=range(repeats),
            axes=(1.5, 1, 1),
            **_to_decay(64_000, process),
        )
    ]


# Shape -> packing fractions of `ellipsoids_flat`: 2, 5 and 14 per cent above the transition at this learning rate,
# which BRO has near 0.686 (prolate) and 0.619 (spheres).
FLAT_BODIES = {"prolate 1.5": (0.70, 0.72, 0.78), "sphere": (0.632, 0.65, 0.704)}
FLAT_BODY_RATES = (0.005, 0.01, 0.05, 0.1)  # beside 0.02, at the largest packing fraction


def ellipsoids_flat(repeats=12):
    """Fig. 4 for prolate bodies, 1.5 times as long as wide, and the minima below; spheres beside them.

    As `flat_minima` and those after it have it for 4,000 spheres; here 1,000 particles of either
    shape, with one Monte-Carlo measure of flatness for both.
    """
    descent = mpack.SGD(alpha=0.02, batch_fraction=1.0)
    ends = [*_flat_descents((0.1,)), descent]
    between = [
        *_flat_descents((0.25, 0.5, 0.75)),
        mpack.PairwiseBRO(0.015),
        mpack.IndividualBRO(0.015),
    ]
    densest = FLAT_BODIES["prolate 1.5"][-1]
    rates = [
        kind(alpha=a, batch_fraction=b)
        for a in FLAT_BODY_RATES
        for kind, b in ((mpack.SGD, 0.25), (mpack.RCD, 0.25), (mpack.SGD, 1.0))
    ]
    made = []
    for seed in range(repeats):
        for name, phis in FLAT_BODIES.items():
            for phi in phis:
                states = [_flat_body(name, rule, phi, seed) for rule in ends]
                made += states + [_below_body(state) for state in states]
        body = partial(_flat_body, "prolate 1.5", seed=seed)
        for phi in FLAT_BODIES["prolate 1.5"]:
            made += [body(rule, phi) for rule in between]
            made += [body(rule, phi, path=_FLAT_PATH / 2) for rule in ends]
        states = [body(rule, densest) for rule in ends]
        made += [_below_body(one, QUENCHES[how]) for one in states for how in ("shorter", "longer")]
        made += [body(rule, densest) for rule in rates]
    return made


_FLAT_BODY_SEEN = {"flatness": {"sigmas": (), "sampled": (0.015,), "samples": 500}}


def _flat_body(name, rule, phi, seed, path=_FLAT_PATH):
    shape = {"n": 1_000, "axes": BODIES[name][1]}
    return _flat_state(rule, phi, seed, path, _FLAT_BODY_SEEN, **shape)


def _below_body(state, stages=None):
    near = {"contacts": {"tolerance": 0.001}}
    return _below(state, stages or landscape.quench_stages(), _FLAT_BODY_SEEN | near)


TUNED_PHIS = (0.64, 0.66, 0.68, 0.70, 0.71, 0.72, 0.73)
TUNED_SHAKES = (0.03, 0.06, 0.1, 0.15, 0.2, 0.25)  # rms displacements along each axis
TUNED_RANDOM = {0.1: 0.56, 0.03: 0.605, 0.01: 0.62}  # where random starts come to rest


def tuned_starts():
    """Shaken fcc crystals: at which packing fraction does each rule bring them to rest? Random starts beside them.

    SGD has every shake at the smallest learning rate, other rules and rates have one.
    """
    made = []
    for alpha, below in TUNED_RANDOM.items():
        rules = {rule: push for rule, push in _phi_c_rules(alpha)[:6] if push != 0.6}
        for rule, push in rules.items():
            every_shake = alpha == 0.01 and push == 0.2 and isinstance(rule, mpack.SGD)
            common = {
                "n": 500,
                "record": (mpack.log_spaced(5),),
                "series": "activity",
                "observables": "bond_order",
            }
            made += [
                spec
                for phi in TUNED_PHIS
                for shake in (TUNED_SHAKES if every_shake else TUNED_SHAKES[1:2])
                for seed in range(8)
                for spec in mpack.specs(
                    rule,
                    phi=phi,
                    steps=round(2_000 / push),
                    seed=seed,
                    start=_shaken(phi, shake, seed),
                    **common,
                )
            ]
            made += mpack.specs(
                rule, phi=below, steps=round(20_000 / push), seed=range(8), **common
            )
            if alpha == 0.01:
                made += mpack.specs(
                    rule, phi=0.70, steps=round(2_000 / push), seed=range(8), **common
                )
    return made


def _shaken(phi, shake, seed):
    """The fcc crystal of 500 spheres after one random step: each bond pushes with probability 1/2.

    The force f is that of Lennard-Jones particles at the crystal's distance r. Of twelve bonds,
    each pushing by alpha f with variance 1/4, a sphere gets the variance (alpha f)**2 along each axis.
    """
    repulsion = mpack.LennardJones(cutoff=1.3)  # nearest neighbours alone
    r = (np.pi / 18**0.5 / phi) ** (1 / 3)
    rule = mpack.SGD(
        alpha=float(f"{shake / repulsion.force(r):.3g}"), batch_fraction=0.5, potential=repulsion
    )
    return mpack.Spec(rule, n=500, phi=phi, start="fcc", steps=1, seed=seed)


SMOOTH = {  # potential: (learning rate, packing fractions about its transition, from a pilot)
    "harmonic": (mpack.Harmonic(), 1.0, np.round(np.arange(0.53, 0.615, 0.01), 2)),
    "WCA": (mpack.WCA(), 0.01, np.round(np.arange(0.49, 0.575, 0.01), 2)),
}
SMOOTH_GENTLE = {"harmonic": (0.3, 0.5), "WCA": (0.003, 0.45)}  # learning rate, packing fraction


def smooth_potentials():
    """The absorbing transition of SGD with smooth repulsions, and with Lennard-Jones particles.

    At learning rates at which one push separates two spheres that hardly overlap; at some at which
    none does; and at two low densities with attraction. Starts are relaxed harmonically.
    """
    made = []
    for name, (potential, alpha, phis) in SMOOTH.items():
        made += _smooth(potential, alpha, phis.tolist())
        gentle, phi = SMOOTH_GENTLE[name]
        made += _smooth(potential, gentle, [phi])
    return made + _smooth(mpack.LennardJones(cutoff=1.6), 0.003, [0.02, 0.05])


def _smooth(potential, alpha, phis):
    """SGD at b_f = 1/2 from relaxed starts, 500 particles, eight seeds a packing fraction."""
    relax = mpack.SGD(alpha=0.15, batch_fraction=1.0, potential=mpack.Harmonic())
    rule = mpack.SGD(alpha=alpha, batch_fraction=0.5, potential=potential)
    return [
        mpack.Spec(
            rule,
            n=500,
            phi=phi,
            steps=2_000,
            seed=seed,
            start=mpack.Spec(relax, n=500, phi=phi, steps=300, seed=seed),
            record=(mpack.log_spaced(5),),
            series="activity",
        )
        for phi in phis
        for seed in range(8)
    ]


# Dimension -> (spheres, steps, where the grid of packing fractions begins, spacing, repeats), from
# pilots of one run each. The boxes are 17.8 and 9.0 diameters wide.
HIGH_LADDER = {
    4: (32_000, 4_000, 0.0981, 0.00015, 4),
    5: (16_000, 1_000, 0.045, 0.0003, 2),
}


def ladder_4():
    """How activity decays around the transition of SGD at alpha = 1 in four dimensions."""
    return _high_ladder(4)


def ladder_5():
    """The same in five dimensions: fewer spheres, for less long."""
    return _high_ladder(5)


def _high_ladder(dim):
    n, steps, first, spacing, repeats = HIGH_LADDER[dim]
    return mpack.specs(
        _ladder_rule("SGD", 1.0),
        n=n,
        dim=dim,
        phi=[round(first + spacing * k, 5) for k in range(6)],
        steps=steps,
        record=mpack.log_spaced(20),
        series="activity",
        seed=range(repeats),
    )


CORRELATIONS = (-1.0, -0.99, -0.97, -0.9, -0.75, -0.5, 0.0, 0.5, 1.0)
# Kind of kick -> (its rule, of a correlation; a packing fraction well inside its active phase). In
# pilots of 16,000 spheres with c = -1 and 0 the longest waves are steady after 2500 steps, and 10,000
# steps grow no crystal; at smaller kicks, and 0.56, they do (BRO 0.15, SGD 0.2; SGD 0.4 at 0.46, too).
CORRELATED = {
    "BRO": (partial(mpack.PairwiseBRO, 0.375), 0.42),
    "SGD": (partial(mpack.SGD, 0.5, 0.5), 0.42),
    "RO": (partial(mpack.RandomOrganization, 0.3), 0.4),
}
LOOKED = {"looks": 20, "apart": 50}  # at S(q) from the last step on, so many steps apart
# Kick size and packing fraction of discs; in pilots of 2500 c = -1 alone crystallises.
_DISCS = (0.2, 0.9)


def correlated_noise():
    """S(q) of active packings whose pair noise has a correlation: three kinds of kicks, and antithetic steps.

    And whether discs order over long distances. Larger systems where the plateau ends at small q.
    """
    found = []
    for rule, phi in CORRELATED.values():
        rules = [rule(correlation=c) for c in CORRELATIONS]
        found += _waves_of(rules, 16_000, phi, range(4))
        found += _waves_of(rules[:4], 64_000, phi, range(2), q_max=1.0, steps=10_000)
    for name in ("BRO", "SGD"):
        rule, phi = CORRELATED[name]
        twice = [rule(correlation=c, memory="antithetic") for c in (-1.0, 0.0)]
        found += _waves_of(twice, 16_000, phi, range(4))
    return found + _discs()


def _waves_of(rules, n, phi, seeds, q_max=2.0, steps=4_000):
    """Runs to the steady state, and S(q) at some looks from there."""
    looks = {"q_max": q_max, "per_shell": 200, **LOOKED}
    return mpack.specs(
        rules,
        n=n,
        phi=phi,
        steps=steps,
        record=mpack.every(20),
        series="activity",
        observables={"structure_factors": looks, "bond_order": {}},
        seed=seeds,
    )


def _discs():
    """Order of discs in time, in three sizes: runs of one seed that differ in steps alone are one trajectory."""
    eps, phi = _DISCS
    common = {
        "phi": phi,
        "dim": 2,
        "record": mpack.log_spaced(10),
        "series": "activity",
        "observables": {
            "hexatic_order": {},
            "structure_factor": {"q_max": 1.5, "per_shell": 200},
        },
        "paired": "steps",
    }
    rules = [mpack.PairwiseBRO(eps, correlation=c) for c in (-1.0, 0.0)]
    times = [10_000, 30_000, 100_000]
    return [
        *mpack.specs(rules, n=[1_000, 4_000], steps=[*times, 300_000], seed=range(3), **common),
        *mpack.specs(rules, n=16_000, steps=times, seed=range(3), **common),
    ]


def weak_order(
    n=8_000,
    repeats=40,
    kick_sizes=(0.1, 0.05, 0.025, 0.0125, 0.00625),
    time=0.5,
    phi=0.63,
    phi_dilute=0.1,
    substeps=8,
    seed=0,
):
    """Rules and their stochastic differential equations up to one time, from shared random starts."""
    specs = []
    for number in range(repeats):
        common = {"n": n, "seed": seed + number, "record": (0,), "series": "activity"}
        rule = mpack.PairwiseBRO(eps=0.01)  # of no steps
        starts = {at: mpack.Spec(rule, phi=at, steps=0, **common) for at in (phi, phi_dilute)}
        for eps in kick_sizes:
            for (potential, _), (rule, steps) in _weak_order_cases(eps, time, substeps).items():
                at = phi_dilute if potential == "dilute" else phi
                specs.append(mpack.Spec(rule, phi=at, steps=steps, start=starts[at], **common))
    return specs


def _weak_order_cases(eps, time, substeps):
    """All that `weak_order` runs at one kick size: {(potential, process or equation): (dynamics, steps)}."""
    k, fine = round(time / eps), round(time / eps) * substeps
    matched = {"alpha": eps / 0.75, "batch_fraction": 0.75}
    sgd, rcd = mpack.SGD(**matched), mpack.RCD(**matched)
    soft = mpack.SGD(**matched, potential=mpack.Harmonic())
    inverted = mpack.SGD(alpha=0.75 * eps, batch_fraction=0.75)
    return {
        ("linear", "BRO"): (mpack.PairwiseBRO(eps=eps), k),
        ("linear", "SGD"): (sgd, k),
        ("linear", "pair equation"): (_equation(sgd, substeps), fine),
        ("linear", "individual BRO"): (mpack.IndividualBRO(eps=eps), k),
        ("linear", "RCD"): (rcd, k),
        ("linear", "particle equation"): (_equation(rcd, substeps), fine),
        ("linear", "wrong equation"): (_equation(inverted, substeps), fine),
        ("dilute", "SGD"): (sgd, k),
        ("dilute", "pair equation"): (_equation(sgd, substeps), fine),
        ("harmonic", "SGD"): (soft, k),
        ("harmonic", "pair equation"): (_equation(soft, substeps), fine),
    }


def _equation(rule, m):
    """The equation of SGD or RCD, m Euler steps to one step of the rule."""
    b = rule.batch_fraction
    fraction = b / (b + m * (1 - b))  # noise over drift, squared, is m times as large
    alpha = rule.alpha * b / (m * fraction)  # the drift is divided by m
    euler = type(rule)(alpha=alpha, batch_fraction=fraction, potential=rule.potential)
    return euler.approximation()


WEAK_ORDER = tuple(_weak_order_cases(0.1, 1.0, 1))  # (potential, process or equation), in order


def everything():
    """{name: list of Spec} of all campaigns, in the order of this module."""
    here = {
        name: value
        for name, value in globals().items()
        if getattr(value, "__module__", "") == __name__
    }
    own = {name: value for name, value in here.items() if not name.startswith("_")}
    return {name.replace("_", "-"): make() for name, make in own.items() if name != "everything"}
