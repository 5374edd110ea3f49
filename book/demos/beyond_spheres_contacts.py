"""How many contacts hold ellipsoids at rest, beside those that their freedoms take."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from book.chapters import below, consistent, control
from book.demos.beyond_spheres import BODIES, aspect, slug
from mpack import critical, ellipsoids, observables
from mpack.statistics import Estimate

KICK = 0.75 * 0.005  # of BRO in the packings that are kept
NEAR, WIDE = 2, 3  # kicks within which a pair is said to touch
SLIGHT = (
    1.25  # aspect ratio up to which bodies are expected to have fewer contacts than freedoms take
)


class Touching(NamedTuple):
    """Pairs of a held body that touch within NEAR and within WIDE kicks, 2f, and the share of rattlers (WIDE)."""

    near: Estimate
    wide: Estimate
    isostatic: float
    rattlers: float


def counted(packings):
    """{shape: Touching}; errors by the scatter of packings of one shape and packing fraction, pooled over all."""
    seen = {
        name: [observables.touching(one, [KICK * NEAR, KICK * WIDE]) for one in some]
        for name, some in packings.items()
    }
    pairs = pd.DataFrame(
        [
            (name, packing.phi, *(one.touching + one.overlapping))
            for name, some in packings.items()
            for packing, one in zip(some, seen[name], strict=True)
        ],
        columns=["shape", "phi", "near", "wide"],
    )
    cells = pairs.groupby(["shape", "phi"])
    freedom = len(pairs) - cells.ngroups
    both = ["near", "wide"]
    scatter = ((pairs[both] - cells[both].transform("mean")) ** 2).sum() / freedom
    found = {}
    for name, own in pairs.groupby("shape"):
        near, wide = (
            Estimate(own[k].mean(), (scatter[k] / len(own)) ** 0.5, len(own), dof=freedom)
            for k in both
        )
        held = 2.0 * float(ellipsoids.freedoms(packings[name][0]).mean())
        rattlers = np.mean([one.rattlers[-1] / BODIES for one in seen[name]])
        found[name] = Touching(near, wide, held, float(rattlers))
    return {name: found[name] for name in packings}


def rows(counted):
    """Rows of the table of contacts."""
    return [
        {
            "shape": name,
            "packings": one.wide.n,
            "isostatic, 2f": f"{one.isostatic:g}",
            f"within {NEAR} kicks": one.near,
            f"within {WIDE} kicks": one.wide,
            "rattlers": f"{100 * one.rattlers:.1f} %",
        }
        for name, one in counted.items()
    ]


def numbers(counted):
    """What the text quotes of `counted`, within the wider window."""
    quoted = ("sphere", "prolate 1.05", "prolate 1.1", "prolate 1.5", "triaxial 1.25")
    return {f"touching-{slug(name)}": counted[name].wide for name in quoted}


def claims(counted):
    """Even within the wider window slightly deformed bodies have fewer contacts than freedoms take."""
    text = "{}: touching pairs of a held body within three kicks, less 2f."
    fewer = [
        (f"bodies-fewer-{slug(name)}", text.format(name), one.wide - one.isostatic, below(0.0))
        for name, one in counted.items()
        if name == "triaxial 1.25" or 1.0 < aspect(name) <= SLIGHT
    ]
    slight = counted["prolate 1.05"]
    isostatic = control(consistent(slight.isostatic, 0.5))
    text = "prolate 1.05: touching pairs within three kicks, were the packing isostatic."
    wrong = "control-bodies-isostatic", text, slight.wide, isostatic, "wrong on purpose"
    budget = critical.Budget(counted["prolate 1.5"].wide)
    budget.add("window", counted["prolate 1.5"].near.value - budget.result.value)
    text = "prolate 1.5: touching pairs of a held body; error: with the width of the window."
    long = "bodies-contacts-prolate-15", text, budget.estimate, consistent(10.0, 1.0)
    return [*((*one, "Donev et al. 2007") for one in [*fewer, long]), wrong]
