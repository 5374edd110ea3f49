"""How many contacts hold ellipsoids at rest, beside those that their freedoms take."""

import math
from typing import NamedTuple

import pandas as pd

from book.chapters import above, below, consistent, control
from book.demos.beyond_spheres import aspect, slug
from mpack import ellipsoids, observables
from mpack.statistics import Estimate

KICK = 0.75 * 0.005  # of BRO in the packings that are kept
NEAR, WIDE = 2, 3  # kicks within which a pair is said to touch
# aspect ratio up to which bodies are expected to have fewer contacts than freedoms take
SLIGHT = 1.25


class Touching(NamedTuple):
    """Pairs of a held body that touch within NEAR and within WIDE kicks, 2f, and the share of rattlers (WIDE)."""

    near: Estimate
    wide: Estimate
    isostatic: float
    rattlers: float


def counted(packings):
    """{shape: Touching} of {shape: packings}.

    Errors are the scatter of the packings of a shape, as if it were the same for all shapes of one
    dimension: there are two packings of each at most. A dimension without any two is left out.
    """
    seen = pd.DataFrame(
        [_seen(name, packing) for name, some in packings.items() for packing in some]
    )
    scatter = seen.groupby("dim")[["shape", "near", "wide"]].apply(pooled)
    found = {}
    for name, own in seen.groupby("shape", sort=False):
        pool = scatter.loc[own.dim.iloc[0]]
        if not pool.freedom:
            continue
        near, wide = (
            Estimate(own[k].mean(), (pool[k] / len(own)) ** 0.5, len(own), dof=pool.freedom)
            for k in ("near", "wide")
        )
        found[name] = Touching(near, wide, own.held.iloc[0], own.rattlers.mean())
    return found


def _seen(name, packing):
    touching = observables.touching(packing, [KICK * NEAR, KICK * WIDE])
    near, wide = touching.touching + touching.overlapping
    held = 2.0 * float(ellipsoids.freedoms(packing).mean())
    rattlers = touching.rattlers[-1] / packing.n
    row = {"shape": name, "dim": packing.dim, "near": near, "wide": wide}
    return row | {"held": held, "rattlers": rattlers}


def pooled(seen):
    """Variances of what is seen of packings of one shape, pooled over shapes, and their degrees of freedom."""
    groups, values = seen.groupby("shape"), seen.drop(columns="shape")
    freedom = len(seen) - groups.ngroups
    squares = ((values - groups.transform("mean")) ** 2).sum()
    return pd.concat([squares / max(freedom, 1), pd.Series({"freedom": freedom})])


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
    """Even within the wider window slightly deformed bodies have fewer contacts than freedoms take; spheres do not."""
    text = "{}: touching pairs of a held body within three kicks, less 2f."
    fewer = [
        (f"bodies-fewer-{slug(name)}", text.format(name), one.wide - one.isostatic, below(0.0))
        for name, one in counted.items()
        if name == "triaxial 1.25" or 1.0 < aspect(name) <= SLIGHT
    ]
    ball = counted["sphere"].wide - counted["sphere"].isostatic
    fewer.append(("bodies-enough-sphere", text.format("sphere"), ball, above(0.0)))
    near, wide, *_ = counted["prolate 1.5"]
    window = Estimate(0.0, abs(near.value - wide.value), dof=math.inf)
    text = "prolate 1.5: touching pairs of a held body; error: with the width of the window."
    long = "bodies-contacts-prolate-15", text, wide + window, consistent(10.0, 1.0)
    slight = counted["prolate 1.05"]
    isostatic = control(consistent(slight.isostatic, 0.5))
    text = "prolate 1.05: touching pairs within three kicks, were the packing isostatic."
    wrong = "control-bodies-isostatic", text, slight.wide, isostatic, "wrong on purpose"
    return [*((*one, "Donev et al. 2007") for one in [*fewer, long]), wrong]
