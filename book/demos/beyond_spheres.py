"""Analysis and pictures of the chapter on ellipsoids."""

import json
import math

import numpy as np
from matplotlib import patches
from matplotlib import pyplot as plt
from scipy import optimize
from scipy.spatial.transform import Rotation

import mpack
from book import campaigns
from book.chapters import above, within
from book.demos.locating_phi_c import by_process
from book.demos.where_manna_ends import relaxations, windows
from mpack import critical, ellipsoids, figures
from mpack.statistics import Estimate, mean_error, weighted_mean

SOLID = [name for name, (dim, *_) in campaigns.BODIES.items() if dim == 3]
FLAT = [name for name, (dim, *_) in campaigns.BODIES.items() if dim == 2]
ROUND = {3: "sphere", 2: "disc"}
KINDS = {"prolate": "series 1", "oblate": "series 3", "triaxial": "series 4", "ellipse": "series 5"}
MARKS = {"prolate": "o", "oblate": "s", "triaxial": "^", "ellipse": "D"}
LENGTH = 1000  # bodies of most runs


def axes_of(name):
    """Semi-axes of a shape, in diameters of the sphere (disc) of its volume, the longest first."""
    dim, axes, _ = campaigns.BODIES[name]
    given = np.ones(dim) if axes is None else np.sort(np.array(axes, float))[::-1]
    return 0.5 * given / np.prod(given) ** (1 / dim)


def aspect(name):
    """Longest over shortest semi-axis, but of triaxial shapes, which go by a : 1 : 1/a, its root."""
    axes = axes_of(name)
    ratio = axes[0] / axes[-1]
    return round(math.sqrt(ratio) if name.startswith("triaxial") else ratio, 6)


def kind(name):
    """The family of a shape: prolate, oblate, triaxial, ellipse, or the round one itself."""
    return name.split()[0]


def slug(name):
    """A shape's name as it stands in the names of claims."""
    return name.replace(" ", "-").replace(".", "")


def by_shape(table):
    """Runs with the name of their shape, and their learning rate: of BRO that of the SGD it matches."""
    names = {json.dumps(_relative(name)): name for name in campaigns.BODIES if name not in ROUND.values()}
    found = table["axes"].map(names).fillna(table.dim.map(ROUND))
    return by_process(table).assign(shape=found)


def _relative(name):
    """Relative semi-axes as the campaign gives them: in the plane of small and large ones."""
    dim, axes, _ = campaigns.BODIES[name]
    given = [float(a) for a in axes]
    return given if dim == 3 else [[size * a for a in given] for size in (1.0, 1.4)]


# ------------------------------------------------------------------------------------------------
# two bodies


def pair(seed):
    """Two bodies of different shapes that overlap, turned at random, and their contact."""
    rng = np.random.default_rng(seed)
    while True:
        axes = rng.uniform(0.7, 2.0, (2, 3))
        axes /= np.mean(2 * np.prod(axes, axis=1) ** (1 / 3))
        turns = Rotation.random(2, rng).as_quat()
        places = 5.0 + np.array([np.zeros(3), rng.uniform(-0.6, 0.6, 3)])
        packing = mpack.Packing(places, box=12.0, axes=axes, orientations=turns)
        found = ellipsoids.pair_contacts(packing)
        if len(found.mu) and found.mu[0] > 0.3:
            return packing, found


def by_optimiser(packing):
    """mu of the first two bodies as the largest (r.n)/(h_A + h_B) over all unit vectors n, by SciPy: no formula for it."""
    r = packing.separation(0, 1)
    forms = [_form(packing, k) for k in (0, 1)]

    def value(n):
        n = n / np.linalg.norm(n)
        return -(r @ n) / sum(math.sqrt(n @ form @ n) for form in forms)

    found = optimize.minimize(value, r, method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-15})
    return -found.fun


def _form(packing, k):
    """A = R diag(a**2) R^T of one body in space."""
    w, *v = packing.orientations[k]
    frame = Rotation.from_quat([*v, w]).as_matrix()
    return frame @ np.diag(packing.axes[k] ** 2) @ frame.T


def energy(packing):
    """Energy of the first pair, of any overlap."""
    found = ellipsoids.pair_contacts(packing, 0.5)
    return 0.5 * found.sizes[0] * (1.0 - found.mu[0])


def gradient_misses(packing, found, step=1e-5):
    """Force and torque on the first body less minus the differences of the energy, as it is moved and turned."""
    misses = []
    for axis in np.eye(3):
        ends = [_shifted(packing, sign * step * axis) for sign in (1, -1)]
        misses.append(found.forces[0] @ axis + _slope(ends, step))
        ends = [_turned(packing, sign * step * axis) for sign in (1, -1)]
        misses.append(found.torques[0, 0] @ axis + _slope(ends, step))
    return np.abs(misses)


def _slope(ends, step):
    return (energy(ends[0]) - energy(ends[1])) / (2 * step)


def _shifted(packing, by):
    places = np.array(packing.positions)
    places[0] += by
    return _with(packing, positions=places)


def _turned(packing, by):
    turns = np.array(packing.orientations)
    x, y, z, w = (Rotation.from_rotvec(by) * Rotation.from_quat(np.roll(turns[0], -1))).as_quat()
    turns[0] = w, x, y, z
    return _with(packing, orientations=turns)


def _with(packing, **changes):
    parts = {name: getattr(packing, name) for name in ("positions", "axes", "orientations")}
    parts |= changes
    return mpack.Packing(parts.pop("positions"), box=packing.box, **parts)


def imbalance(packing, found, levers=1.0):
    """|tau_A + tau_B + r x f| of the first pair; `levers`: a factor that all levers get."""
    r = packing.separation(0, 1)
    total = levers * found.torques[0].sum(axis=0) + np.cross(r, found.forces[0])
    return float(np.linalg.norm(total))


def t_contact(t=None):
    """mu of two prolate bodies, the tip of one on the flank of the other: 1. With `t`: by F at that t, not its maximum."""
    a, b = axes_of("prolate 1.5")[:2]
    across = np.array([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)])  # by a right angle about z
    packing = mpack.Packing(
        [[5.0, 5.0, 5.0], [5.0 + a + b, 5.0, 5.0]],
        box=12.0,
        axes=np.array([[a, b, b]] * 2),
        orientations=[[1.0, 0.0, 0.0, 0.0], across],
    )
    if t is None:
        return float(ellipsoids.pair_contacts(packing, 0.1).mu[0])
    r, forms = packing.separation(0, 1), [_form(packing, k) for k in (0, 1)]
    return math.sqrt(t / (1 + t) * r @ np.linalg.solve(forms[0] + t * forms[1], r))


def kick_at_contact(packing, rotation=1.0, tolerance=0.01):
    """How much wider a kick opens a contact than one of spheres, mean over the pairs that touch; and how many.

    w (1 + g): w = D/(h_A + h_B) is the force, g half the sum of (l x n).I**-1.(l x n) over both
    ends what turning adds. `rotation` None: without.
    """
    found = ellipsoids.pair_contacts(packing, tolerance)
    weight = found.sizes / found.supports.sum(axis=1)
    gain = np.zeros(len(weight))
    for end in (0, 1) if rotation is not None else ():
        which = found.pairs[:, end]
        arms = _cross(found.levers[:, end] / found.mu[:, None], found.normals)
        gain += 0.5 * _against_inertia(packing, which, arms, rotation)
    return mean_error(weight * (1.0 + gain))


def _cross(lever, normal):
    if lever.shape[1] == 2:
        return lever[:, :1] * normal[:, 1:] - lever[:, 1:] * normal[:, :1]
    return np.cross(lever, normal)


def _against_inertia(packing, which, arms, rotation):
    """arms . I**-1 . arms of bodies."""
    moments = ellipsoids.inertia(packing.axes, rotation)[which]
    if packing.dim == 3:
        turns = np.roll(packing.orientations[which], -1, axis=1)
        arms = Rotation.from_quat(turns).inv().apply(arms)
    return np.sum(arms**2 / moments, axis=1)


def picture():
    """Two ellipses that overlap: scaled down until they touch, the normal there, and the levers."""
    axes = np.array([[1.15, 0.6], [0.95, 0.5]])
    unit = np.mean(2 * np.sqrt(np.prod(axes, axis=1)))
    places = np.array([[2.2, 2.6], [3.35, 3.2]]) / unit
    packing = mpack.Packing(places, box=6.4 / unit, axes=axes / unit, orientations=[0.35, -0.95])
    found = ellipsoids.pair_contacts(packing)
    mu, ink = found.mu[0], figures.colour("ink")
    place = packing.positions[0] + found.levers[0, 0]
    fig, panels = plt.subplots(1, 2, figsize=(7.6, 3.6))
    for ax, scale in zip(panels, (1.0, mu)):
        for k, tint in ((0, "series 1"), (1, "series 4")):
            w, x, y, z = packing.orientations[k]
            angle = np.degrees(2 * np.arctan2(z, w))
            size = 2 * scale * packing.axes[k]
            look = {"facecolor": figures.colour(tint), "alpha": 0.35, "edgecolor": ink}
            ax.add_patch(patches.Ellipse(packing.positions[k], *size, angle=angle, **look))
            ax.plot(*packing.positions[k], ".", color=ink)
            ax.annotate("AB"[k], packing.positions[k], (-3, 6), textcoords="offset points", ha="right")
        ax.set(aspect="equal", xlim=(0.6, 2.95), ylim=(1.0, 2.85), xticks=[], yticks=[])
    panels[0].set_title("as they are")
    panels[1].set_title(rf"scaled by $\mu={mu:.2f}$: they touch")
    _arrows(panels[1], packing, found, place)
    return fig


def _arrows(ax, packing, found, place):
    """The point of contact, the levers to it, and the force on A."""
    ink, force = figures.colour("ink"), figures.colour("series 3")
    for k in (0, 1):
        ends = np.transpose([packing.positions[k], place])
        ax.plot(*ends, color=ink, lw=1.0, ls="--")
    tip = place + 0.75 * found.normals[0]
    ax.annotate("", tip, place, arrowprops={"arrowstyle": "-|>", "color": force, "lw": 1.6})
    ax.annotate(r"$\mathbf{f}$", tip, (-2, -4), textcoords="offset points", color=force, ha="right", va="top")
