"""Whether ellipsoids that touch are parallel: the order of pairs, which that of the whole box cannot see."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

import mpack
from book.chapters import consistent
from book.demos.beyond_spheres import ROUND, kind, slug
from book.demos.beyond_spheres_contacts import KICK, WIDE, pooled
from mpack import ellipsoids
from mpack.statistics import Estimate, mean_error

STARTS = 24  # random ones, in which bodies are independent of each other
WIDER = 2 * WIDE  # kicks: a second window
SIZES = (1.0, 1.4)  # of discs and ellipses, so that they do not order


class Order(NamedTuple):
    """<P_2> of the axes of pairs at rest, within WIDE and WIDER kicks, and of pairs that overlap in random starts."""

    touching: Estimate
    wider: Estimate
    independent: Estimate


def axes_of(packing, family):
    """The axis that tells a body, (n, d): the shortest of oblate ones, of others the longest."""
    semi = packing.axes
    own = semi.argmin(axis=1) if family == "oblate" else semi.argmax(axis=1)
    turns = Rotation.from_quat(packing.orientations, scalar_first=True)
    return turns.apply(np.eye(3)[own])[:, : packing.dim]


def pair_order(packing, family, within=0.0):
    """<P_2(u_i . u_j)> over pairs with gaps below `within`; P_2(x) = (d x**2 - 1)/(d - 1)."""
    tolerance = 2.0 * within / float(packing.diameters.min())
    found = ellipsoids.pair_contacts(packing, tolerance=tolerance)
    i, j = found.pairs[found.sizes * (found.mu - 1.0) < within].T
    axes = axes_of(packing, family)
    square = np.einsum("pk,pk->p", axes[i], axes[j]) ** 2
    return float(np.mean(packing.dim * square - 1.0) / (packing.dim - 1.0))


def pairs_at_rest(packings):
    """{shape: Order} of {shape: packings}; errors as of contacts, see `beyond_spheres_contacts.counted`."""
    bodies = {name: some for name, some in packings.items() if name not in ROUND.values()}
    seen = pd.DataFrame([_seen(name, one) for name, some in bodies.items() for one in some])
    scatter = seen.groupby("dim")[["shape", "touching", "wider"]].apply(pooled)
    found = {}
    for place, (name, own) in enumerate(seen.groupby("shape", sort=False)):
        pool = scatter.loc[own.dim.iloc[0]]
        if not pool.freedom:
            continue
        touching, wider = (
            Estimate(own[k].mean(), (pool[k] / len(own)) ** 0.5, len(own), dof=pool.freedom)
            for k in ("touching", "wider")
        )
        found[name] = Order(touching, wider, _independent(bodies[name][0], kind(name), place))
    return found


def _seen(name, packing):
    near, wide = (pair_order(packing, kind(name), KICK * kicks) for kicks in (WIDE, WIDER))
    return {"shape": name, "dim": packing.dim, "touching": near, "wider": wide}


def _independent(packing, family, place):
    """The same of pairs that overlap in random starts, weighed by the room that each excludes."""
    where = packing.n, 0.3, packing.dim
    seeds = range(STARTS * place, STARTS * (place + 1))  # of each shape its own
    starts = (mpack.Packing.random(*where, seed=k, axes=packing.axes) for k in seeds)
    return mean_error([pair_order(one, family) for one in starts])


def by_excluded_area(aspect, sizes=(1.0,), angles=720):
    """<cos 2 theta> of ellipses, weighed by the area that a pair at an angle theta excludes; a sum over `angles`.

    A = A_1 + A_2 + integral of h_1 h_2 - h_1' h_2' over directions, h the supports (twice the mixed
    area); its mean over pairs of `sizes`, all as frequent.
    """
    way = 2.0 * np.pi * np.arange(angles) / angles
    support = np.hypot(aspect * np.cos(way), np.sin(way))
    slope = (1.0 - aspect**2) * np.cos(way) * np.sin(way) / support
    mixed = [support @ np.roll(support, k) - slope @ np.roll(slope, k) for k in range(angles)]
    own, both = 2.0 * np.mean(np.square(sizes)), np.mean(sizes) ** 2
    room = own * np.pi * aspect + both * 2.0 * np.pi / angles * np.array(mixed)
    return float(np.cos(2.0 * way) @ room / room.sum())


def claims(found):
    """What pairs say that know nothing of each other."""
    chance = found["ellipse 3"].independent - by_excluded_area(3.0, SIZES)
    text = "Ellipses of 3 in random starts: ⟨P₂⟩ of overlapping pairs less that by excluded areas."
    return [("bodies-pairs-chance", text, chance, consistent(0.0, 0.03), "closed form")]


def rows(found):
    """Rows of the table."""
    return [
        {
            "shape": name,
            f"within {WIDE} kicks": one.touching,
            f"within {WIDER} kicks": one.wider,
            "by chance": one.independent,
        }
        for name, one in found.items()
    ]


def numbers(found):
    """What the text quotes."""
    quoted = ("prolate 1.5", "oblate 3", "ellipse 3")
    own = {f"aligned-{slug(name)}": found[name].touching for name in quoted}
    return own | {f"independent-{slug(name)}": found[name].independent for name in quoted}
