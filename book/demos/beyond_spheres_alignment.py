"""Whether ellipsoids that touch lie side by side: the order of pairs, which that of the whole box cannot see."""

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


class SideBySide(NamedTuple):
    """<P_2> of the axes of pairs that touch at rest, and of pairs that overlap in random starts."""

    touching: Estimate
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
    """{shape: SideBySide} of {shape: packings}; errors as of contacts, see `beyond_spheres_contacts.counted`."""
    seen = pd.DataFrame(
        {"shape": name, "dim": one.dim, "order": pair_order(one, kind(name), KICK * WIDE)}
        for name, some in packings.items()
        if name not in ROUND.values()
        for one in some
    )
    scatter = seen.groupby("dim")[["shape", "order"]].apply(pooled)
    found = {}
    for name, own in seen.groupby("shape", sort=False):
        pool = scatter.loc[own.dim.iloc[0]]
        error = (pool.order / len(own)) ** 0.5
        at_rest = Estimate(own.order.mean(), error, len(own), dof=pool.freedom)
        found[name] = SideBySide(at_rest, _independent(packings[name][0], kind(name)))
    return found


def _independent(packing, family):
    """The same of pairs that overlap in random starts, weighed by the room that each excludes."""
    place = packing.n, 0.3, packing.dim
    starts = (mpack.Packing.random(*place, seed=k, axes=packing.axes) for k in range(STARTS))
    return mean_error([pair_order(one, family) for one in starts])


def by_excluded_area(aspect, angles=720):
    """The same of ellipses from the area that a pair at an angle excludes, a sum over `angles`.

    A = A_1 + A_2 + integral of h_1 h_2 - h_1' h_2' over directions, h the supports (mixed area); by
    this the cosine of twice the angle is weighed.
    """
    way = 2.0 * np.pi * np.arange(angles) / angles
    support = np.hypot(aspect * np.cos(way), np.sin(way))
    slope = (1.0 - aspect**2) * np.cos(way) * np.sin(way) / support
    mixed = [support @ np.roll(support, k) - slope @ np.roll(slope, k) for k in range(angles)]
    room = 2.0 * np.pi * aspect + 2.0 * np.pi / angles * np.array(mixed)
    return float(np.cos(2.0 * way) @ room / room.sum())


def claims(found):
    """What pairs say that know nothing of each other."""
    chance = found["ellipse 3"].independent - by_excluded_area(3.0)
    text = "Ellipses of 3 in random starts: ⟨P₂⟩ of overlapping pairs less that by excluded areas."
    return [("bodies-pairs-chance", text, chance, consistent(0.0, 0.03), "closed form")]


def rows(found):
    """Rows of the table."""
    return [
        {"shape": name, "touching": one.touching, "independent": one.independent}
        for name, one in found.items()
    ]


def numbers(found):
    """What the text quotes."""
    quoted = ("prolate 1.5", "oblate 3", "ellipse 3")
    own = {f"aligned-{slug(name)}": found[name].touching for name in quoted}
    return own | {f"independent-{slug(name)}": found[name].independent for name in quoted}
