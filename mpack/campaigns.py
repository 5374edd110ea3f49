"""The runs behind the book's large figures: each function is a campaign, a list of specifications.

`make archive` does what is missing of every campaign and keeps it in `book/results/NAME`, NAME being the function's
with hyphens; a chapter reads it by `mpack.ensemble.load_archive("NAME")`. To add a campaign, add a function:

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


def everything():
    """{name: list of Spec} of all campaigns, in the order of this module."""
    own = {name: value for name, value in globals().items() if getattr(value, "__module__", "") == __name__}
    return {name.replace("_", "-"): make() for name, make in own.items() if make is not everything}
