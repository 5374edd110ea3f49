"""The runs behind the book's large figures: each function is a campaign, a list of specifications.

`make archive` does what is missing of every campaign and keeps it in `book/results/NAME`, NAME being the function's
with hyphens; a chapter reads it by `mpack.ensemble.load_archive("NAME")`. To add a campaign, add a function (a name that begins with _ is none):

    def my_transition():
        "One line that says what it is for."
        rules = [mpack.SGD(alpha=0.02, batch_fraction=0.2), mpack.RCD(alpha=0.02, batch_fraction=0.2)]
        return mpack.specs(rules, n=[1000, 4000], phi=[0.61, 0.62, 0.63], steps=100_000, seed=range(16))

Campaigns advance together, repeat by repeat: all runs with seed 0 come first, the cheap ones before the dear ones, then
all with seed 1. So stop at any moment, and what is there covers every point. A list may grow at any time: what it has
already is not done again; a changed specification is another run, and the rows of the old one stay in the archive until
it is removed.

What a row costs in the archive, which is to stay below 30 MB in all: some 350 bytes, 1 to 2 bytes a record of the
activity, 13 bytes a record where energy and msd are kept too (series="activity" keeps the activity alone), and a
checkpoint or a last packing 8 bytes a coordinate.
"""

import numpy as np

import mpack
from mpack.dynamics import matched_processes


def msd(
    n=8_000, repeats=10, kick_sizes=(0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3), steps=10_000, phi=0.63, seed=0
):
    """Mean square displacements of eight matched processes from one shared start, each with noise of its own."""
    start = mpack.Spec(mpack.PairwiseBRO(eps=0.01), n=n, phi=phi, steps=0, seed=seed)
    moments = np.unique(np.r_[0, np.geomspace(1, steps, 25).round().astype(int)])
    return [
        mpack.Spec(rule, n=n, phi=phi, steps=steps, seed=seed + number, start=start, record=tuple(moments.tolist()))
        for number in range(repeats)
        for eps in kick_sizes
        for rule in matched_processes(eps).values()
    ]


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


# Learning rate -> (a packing fraction near the transition, longest run in steps times mean push), both from a pilot of
# 300 spheres. The scan is the same for all processes and wide enough for each.
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

    `mpack.matched` gives a BRO of kick size eps the SGD of b_f = 3/4 and alpha = 4 eps/3: so eps = 3 alpha/4.
    """
    batches = [(rule(alpha=alpha, batch_fraction=b), b) for b in (0.2, 0.6) for rule in (mpack.SGD, mpack.RCD)]
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


def _scan(rule, alpha, centre, steps):
    """One process at one learning rate: packing fractions 0.005 apart about `centre`."""
    common = {"steps": steps, "record": (mpack.log_spaced(10), mpack.every(-(-steps // 400))), "series": "activity"}
    near = [round(centre + 0.005 * k, 4) for k in range(-1, 2)]
    wide = [round(centre + 0.005 * k, 4) for k in (*range(-6, -1), 2)]
    if alpha == 0.001:  # the end point: keep the packings
        kept = mpack.specs(rule, n=1000, phi=near, seed=range(2), observables=("contacts", "packing"), **common)
        return kept + mpack.specs(rule, n=1000, phi=wide, seed=range(2), observables="contacts", **common)
    small = mpack.specs(rule, n=1000, phi=near + wide, seed=range(2 if alpha < 0.01 else 4), **common)
    if alpha not in (0.3, 0.1, 0.05, 0.01):
        return small
    shifts = [round(centre + 0.005 * k, 4) for k in range(-4, 2)]
    return small + mpack.specs(rule, n=4000, phi=shifts, seed=range(2), **common)


def everything():
    """{name: list of Spec} of all campaigns, in the order of this module."""
    here = {name: value for name, value in globals().items() if getattr(value, "__module__", "") == __name__}
    own = {name: value for name, value in here.items() if not name.startswith("_")}
    return {name.replace("_", "-"): make() for name, make in own.items() if name != "everything"}
