"""Analysis and pictures of the chapter on ellipsoids."""

import dataclasses
import json
import math
from typing import NamedTuple

import numpy as np
from matplotlib import patches, transforms
from matplotlib import pyplot as plt
from scipy import optimize
from scipy.spatial.transform import Rotation

import mpack
from book import archives, campaigns
from book.demos import mixtures
from book.demos.locating_phi_c import by_process
from mpack import critical, ellipsoids, ensemble, figures, scaling
from mpack.statistics import Estimate, mean_error, weighted_mean

SOLID = [name for name, (dim, *_) in campaigns.BODIES.items() if dim == 3]
FLAT = [name for name, (dim, *_) in campaigns.BODIES.items() if dim == 2]
ROUND = {3: "sphere", 2: "disc"}
KINDS = {"prolate": "series 1", "oblate": "series 3", "triaxial": "series 4", "ellipse": "series 2"}
MARKS = {"prolate": "o", "oblate": "s", "triaxial": "^", "ellipse": "D"}
BODIES = 1000  # of most runs


def axes_of(name):
    """Semi-axes of a shape, in diameters of the sphere (disc) of its volume, the longest first."""
    dim, axes, _ = campaigns.BODIES[name]
    given = np.ones(dim) if axes is None else np.sort(np.array(axes, float))[::-1]
    return 0.5 * given / np.prod(given) ** (1 / dim)


def aspect(name):
    """Longest over shortest semi-axis."""
    axes = axes_of(name)
    return round(axes[0] / axes[-1], 6)


def kind(name):
    """The family of a shape: prolate, oblate, triaxial, ellipse, or the round one itself."""
    return name.split()[0]


def slug(name):
    """A shape's name as it stands in the names of claims."""
    return name.replace(" ", "-").replace(".", "")


def by_shape(table):
    """Runs with the name of their shape, and their learning rate: of BRO that of the SGD it matches."""
    names = {
        json.dumps(_relative(name)): name for name in campaigns.BODIES if name not in ROUND.values()
    }
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
    """mu of the first two bodies as the largest (r.n)/(h_A + h_B) over all unit vectors n, by a search."""
    r = packing.separation(0, 1)
    forms = [_form(packing, k) for k in (0, 1)]

    def value(n):
        n = n / np.linalg.norm(n)
        return -(r @ n) / sum(math.sqrt(n @ form @ n) for form in forms)

    found = optimize.minimize(
        value, r, method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-15}
    )
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
    """mu of two prolate bodies, the tip of one on the flank of the other: 1. With `t`: by F at that t."""
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


def openings(packing, rotation=1.0, tolerance=0.01):
    """By how much a kick opens each contact, over what it does between spheres: w (1 + g).

    w = D/(h_A + h_B) is the force; g, half the sum of (l x n).I**-1.(l x n) over both ends, is what
    turning adds. `rotation` None: without. Of all pairs with mu < 1 + tolerance.
    """
    found = ellipsoids.pair_contacts(packing, tolerance)
    gain = np.zeros(len(found.mu))
    for end in (0, 1) if rotation is not None else ():
        arms = _cross(found.levers[:, end], found.normals)
        gain += 0.5 * _against_inertia(packing, found.pairs[:, end], arms, rotation)
    return found.sizes / found.supports.sum(axis=1) * (1.0 + gain)


def kick_at_contact(packing, rotation=1.0):
    """The mean of `openings`, its standard error, and over how many contacts."""
    return mean_error(openings(packing, rotation))


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
            ax.annotate(
                "AB"[k], packing.positions[k], (-3, 6), textcoords="offset points", ha="right"
            )
        ax.set(aspect="equal", xlim=(0.6, 2.95), ylim=(1.0, 2.85))
        ax.set_axis_off()
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
    ax.annotate(
        r"$\mathbf{f}$",
        tip,
        (-2, -4),
        textcoords="offset points",
        color=force,
        ha="right",
        va="top",
    )


# ------------------------------------------------------------------------------------------------
# where the transition lies


def look(name):
    """Marker and colour of a shape, by its family."""
    one = kind(name)
    tint = figures.colour(KINDS.get(one, "ink"))
    return {"marker": MARKS.get(one, "v"), "color": tint, "linestyle": "none", "markersize": 5}


def _aside(ax, points=6):
    """Of what is drawn a little to the right of its place, by `points`: how."""
    shift = transforms.ScaledTranslation(points / 72, 0, ax.figure.dpi_scale_trans)
    return {"transform": ax.transData + shift}


def live(scans, points):
    """Absorption times of spheres and of prolate bodies, with the divergences fitted to them."""
    fig = mixtures.live(scans, points, look)
    fig.axes[0].legend(loc="upper right")
    return fig


def limits(located, ends, shown):
    """phi_c against the learning rate for some shapes, each with the law fitted to it; SGD a little aside."""
    fig, axes = plt.subplots(1, 2, figsize=(7.8, 4.0), width_ratios=[3, 2])
    curve = np.linspace(0, 0.054, 60)
    for ax, dim in zip(axes, (3, 2)):
        for name in shown:
            if campaigns.BODIES[name][0] != dim:
                continue
            hollow = {"markerfacecolor": figures.colour("paper")} | _aside(ax)
            for process, drawn in (("BRO", {}), ("SGD 0.5", hollow)):
                points = located.curve(name, process)
                if not points:
                    continue
                x, y, e = np.transpose([(a, *one.estimate) for a, one in points.items()])
                label = name if process == "BRO" else None
                ax.errorbar(x, y, e, label=label, **look(name), **drawn)
            end, c = ends[name, "BRO"]
            ax.plot(
                curve, end.value / (1 + c.value * curve) ** dim, lw=0.8, color=look(name)["color"]
            )
        ax.set(xlabel=r"learning rate $\alpha$", xlim=(-0.002, 0.056))
        ax.legend(loc="upper right", fontsize=8)
    axes[0].set_ylabel(r"$\phi_c$")
    return fig


def shapes(ends, published):
    """The limit of small kicks against the aspect ratio, in space and in the plane; oblate bodies a little aside."""
    fig, axes = plt.subplots(1, 2, figsize=(7.8, 4.0), width_ratios=[3, 2], layout="constrained")
    for ax, names, dim in zip(axes, (SOLID, FLAT), (3, 2)):
        seen = set()
        ax.set(xscale="log", xlim=(0.95, 3.2))
        for name in names:
            label = None if kind(name) in seen else kind(name)
            seen.add(kind(name))
            drawn = look(name) | (_aside(ax) if kind(name) == "oblate" else {})
            ax.errorbar(aspect(name), *ends[name], label=label, **drawn)
        ax.axhline(ends[ROUND[dim]].value, lw=0.8, ls=":", color=figures.colour("ink"))
        ax.set(xlabel="aspect ratio")
        ax.set_xticks([1, 1.5, 2, 3], ["1", "1.5", "2", "3"])
        ax.minorticks_off()
    for ratio, low, high, tint in published:
        box = {"color": figures.colour(tint), "alpha": 0.25, "lw": 0}
        axes[0].fill_between([ratio / 1.06, ratio * 1.06], low, high, **box)
    axes[0].set_ylabel(r"$\phi_0$, the limit of small kicks")
    for ax in axes:
        ax.legend(loc="upper right", fontsize=8)
    return fig


def budget(found):
    """What moves the end points of some shapes."""
    return mixtures.budgets(found, {name: look(name) for name in found}, "end point")


def by_kicks(ends, widths):
    """The swelling of each shape by the kicks, measured, against what the geometry of its contacts predicts."""
    fig, ax = plt.subplots(figsize=(5.6, 4.2))
    seen, ends_of = set(), [0.25]
    for name, (x, spread) in widths.items():
        c = ends[name, "BRO"][1]
        label = None if kind(name) in seen else kind(name)
        seen.add(kind(name))
        ax.errorbar(x, c.value, c.error, spread, label=label, **look(name))
        ends_of += [x, c.value + c.error]
    edge = [0.9 * min(ends_of), 1.05 * max(ends_of)]
    ax.plot(edge, edge, lw=0.8, color=figures.colour("muted"))
    ax.set(xlabel=r"swelling $c$, predicted from the contacts", ylabel=r"swelling $c$, measured")
    ax.legend(loc="upper left", fontsize=8)
    return fig


def predicted(name, packings, c, rotation=1.0):
    """The swelling of a shape, with the error of c: c of its sphere (disc), times `openings`, times <1/(2a)>."""
    opened = np.mean([openings(one, rotation).mean() for one in packings])
    factor = float(opened * np.mean(0.5 / axes_of(name)))
    return c.value * factor, c.error * factor


def excess(both, widths):
    """{shape: what is predicted of its swelling beyond that of its sphere (disc), over what is measured of it}."""
    found = {}
    for name, (x, _) in widths.items():
        base = both[ROUND[campaigns.BODIES[name][0]], "BRO"][1]
        more = both[name, "BRO"][1].value - base.value
        if more > 0:
            found[name] = (x - base.value) / more
    return found


def capacities(ends, gains):
    """Rows: shape, participation ratio, and how many fit relative to spheres: same volume, longest axis, rms axis."""
    rows = []
    for name in SOLID:
        if name not in ends:
            continue
        a = axes_of(name)
        base = ends["sphere"].value
        ratio = gains.get(name, Estimate(0.0, 0.0)) / base + 1.0
        volume = np.prod(a)
        rank = np.sum(a**2) ** 2 / np.sum(a**4)
        rms = np.mean(a**2) ** 1.5
        rows.append((name, rank, ratio, ratio * (a[0] ** 3 / volume), ratio * (rms / volume)))
    return rows


def capacity(rows):
    """How many bodies fit against their participation ratio, relative to spheres."""
    fig, axes = plt.subplots(1, 2, figsize=(7.8, 3.6), layout="constrained")
    for ax, place, words in zip(axes, (2, 4), ("same volume", "same mean square axis")):
        seen = set()
        for row in rows:
            name, label = row[0], None if kind(row[0]) in seen else kind(row[0])
            seen.add(kind(name))
            ax.errorbar(row[1], row[place].value, row[place].error, label=label, **look(name))
        ax.set(xlabel="participation ratio", title=words, xlim=(1, 3.1))
    axes[0].set_ylabel("capacity, relative to spheres")
    axes[0].legend(loc="upper left", fontsize=8)
    return fig


# ------------------------------------------------------------------------------------------------
# the limit of small kicks


def forms(packing):
    """The matrices A and B of the first two bodies."""
    return _form(packing, 0), _form(packing, 1)


def archive_numbers(table):
    """What the text quotes: runs that are there, and that are asked for; at one place of a scan, the median."""
    each = table.groupby(["shape", "process", "alpha", "n", "phi"]).size()
    numbers = {"archive-runs": len(table), "archive-asked": len(campaigns.ellipsoids())}
    return numbers | {"archive-repeats": int(each.median())}


def beyond_places(table, located):
    """Scans whose phi_c lies above their densest place: how many of all, and by how many per cent at most."""
    keys = ["shape", "process", "alpha"]
    densest = table[table.n == BODIES].groupby(keys).phi.max()
    over = np.array([located[key].estimate.value / densest[key] - 1 for key in located])
    numbers = {"beyond-scans": int((over > 0).sum()), "beyond-all": len(over)}
    return numbers | {"beyond-most": round(100 * float(over.max()), 1)}


def order(table):
    """Nematic order of bodies that came to rest, in space and in the plane, and of as many random directions.

    By the longest axes of prolate bodies and of ellipses, the shortest of oblate ones; of triaxial
    bodies by both.
    """
    table = table[table.absorbed.astype(bool) & (table.n == BODIES)]
    found = {name: _orders(own, kind(name)) for name, own in table.groupby("shape")}
    where = {"": SOLID, "flat-": FLAT}
    numbers = {"order-thin": mean_error(found["oblate 3"].ravel())}
    for word, names in where.items():
        own = [found[name].mean(axis=0) for name in names if name not in ROUND.values()]
        numbers[f"order-{word}mean"] = mean_error(np.concatenate(own))
        numbers[f"order-{word}random"] = mean_error(_random_orders(2 if word else 3))
    most = max((name for name in found if name not in ROUND.values()), key=lambda k: found[k].max())
    return numbers | {"order-most": round(float(found[most].max()), 3), "order-most-shape": most}


def _orders(table, family):
    """Order of each run of one shape: a row for each axis that tells it."""
    axes = {"oblate": ("shortest",), "triaxial": ("longest", "shortest")}.get(family, ("longest",))
    return np.array([table[f"nematic_{axis}"] for axis in axes])


def _random_orders(dim, many=50):
    bodies = {"n": BODIES, "phi": 0.3, "dim": dim, "axes": (1.5, 1, 1)[:dim]}
    packings = [mpack.Packing.random(seed=k, **bodies) for k in range(many)]
    return [ellipsoids.nematic_order(one) for one in packings]


def small_kicks(located, largest=None):
    """{(shape, process): (end, c)} of those shapes and processes that have three learning rates or more."""
    found = {}
    for name, (dim, *_) in campaigns.BODIES.items():
        for process in ("BRO", "SGD 0.5"):
            points = located.curve(name, process)
            points = {a: one for a, one in points.items() if largest is None or a <= largest}
            if len(points) > 2:
                one = critical.limit(points, "swollen", dim=dim)
                error = float(one.covariance[1, 1] ** 0.5 * one.spread)
                found[name, process] = one.estimate, Estimate(float(one.coefficients[1]), error)
    return found


def scans(located):
    """{shape: how many scans its end point comes from, and that of its sphere (disc)}."""
    own = dict.fromkeys(campaigns.BODIES, 0)
    for name, *_ in located:
        own[name] += 1
    return {
        name: count + (own[ROUND[campaigns.BODIES[name][0]]] if name not in ROUND.values() else 0)
        for name, count in own.items()
    }


def between_processes(both):
    """End point of BRO less that of SGD, mean over the shapes."""
    gaps = (_gap_of(both, name) for name in campaigns.BODIES)
    return mean_error([gap.value for gap in gaps if gap is not None])


def process_gaps(both, variants):
    """{shape: end point of BRO less that of SGD}, with what each choice changes in it."""
    found = {}
    for name in campaigns.BODIES:
        gap = _gap_of(both, name)
        if gap is None:
            continue
        budget = critical.Budget(gap)
        for what, variant in variants.items():
            moved = _gap_of(variant, name)
            if moved is not None:
                budget.add(what, moved.value - gap.value)
        found[name] = budget.estimate
    return found


def widest(gaps):
    """Of `process_gaps`, or of any estimates by name, the name of the one that is most errors from zero."""
    return max(gaps, key=lambda name: abs(gaps[name].value) / gaps[name].error)


def _less(one, other):
    """The difference of two ends; n is how many scans it comes from."""
    return dataclasses.replace(one - other, n=one.n + other.n)


def _gap_of(both, name):
    """End point of BRO less that of SGD for a shape; None where one is missing."""
    keys = (name, "BRO"), (name, "SGD 0.5")
    return _less(*(both[key][0] for key in keys)) if both.keys() >= set(keys) else None


def _half_gap(both, name):
    """Half of BRO less SGD: the mean of both is no closer than that to either. 0 where one is missing."""
    gap = _gap_of(both, name)
    return 0.0 if gap is None else 0.5 * gap.value


def known_sphere(located, alpha=0.05):
    """phi_c of spheres under BRO here less that in the archive of the chapter on phi_c."""
    there = by_process(archives.load("phi-c"))
    own = there[(there.process == "BRO") & (there.alpha == alpha) & (there.n == BODIES)]
    here, known = located["sphere", "BRO", alpha], critical.locate(own, "alpha")[alpha]
    return *(here.estimate - known.estimate), here.points + known.points


def size_shift(larger, located, alpha=0.02):
    """{shape: phi_c of 4,000 over that of 1,000 bodies, less one}, under BRO."""
    found = {}
    for name, process, a in larger:
        key = name, process, a
        if process == "BRO" and a == alpha and key in located:
            before = located[key].estimate
            found[name] = (larger[key].estimate - before) / before.value
    return found


def _mean(both, name):
    """The end point of a shape: mean of its processes."""
    some = [end for (one, _), (end, _) in both.items() if one == name]
    return weighted_mean(*np.transpose([tuple(end) for end in some])).estimate


def _moved(both, variant, name):
    """By how much a shape's end point is another in a variant, mean of the processes that both have."""
    shared = [key for key in variant if key[0] == name and key in both]
    moves = [variant[key][0].value - both[key][0].value for key in shared]
    return float(np.mean(moves)) if moves else None


def _beyond(name):
    """What is left from 4,000 bodies to infinitely many, for each shift from 1,000 to 4,000."""
    dim = campaigns.BODIES[name][0]
    return critical.finite_size_factor(4, dim=dim, nu_perp=scaling.exponents("Manna", dim).nu_perp)


def budgets(both, variants, shifts):
    """{shape: Budget of its end point}."""
    found = {}
    for name in dict.fromkeys(name for name, _ in both):
        one = found[name] = critical.Budget(_mean(both, name))
        for what, variant in variants.items():
            moved = _moved(both, variant, name)
            if moved is not None:
                one.add(what, moved)
        one.add("process", _half_gap(both, name))
        if len(shifts) > 1:
            mean = mean_error([shift.value for shift in shifts.values()])
            one.add("size", _beyond(name) * one.result.value * (abs(mean.value) + mean.error))
    return found


def _gain(both, name):
    """End point of a shape less that of spheres (discs); None without either."""
    base = ROUND[campaigns.BODIES[name][0]]
    if {name, base} <= {one for one, _ in both}:
        return _mean(both, name) - _mean(both, base)
    return None


def _of_size(both, shifts, dim):
    """Standard error of a gain by the size of the systems: the scatter of how phi_c of several shapes moves with it."""
    if len(shifts) < 2:
        return 0.0
    spread = 2**0.5 * np.std([shift.value for shift in shifts.values()], ddof=1)
    return _beyond(ROUND[dim]) * _mean(both, ROUND[dim]).value * spread


def _gain_moved(both, variant, name):
    """By how much a gain is another in a variant."""
    moves = [_moved(both, variant, one) for one in (name, ROUND[campaigns.BODIES[name][0]])]
    return None if None in moves else moves[0] - moves[1]


def gains(both, variants, shifts):
    """{shape: end point less that of spheres (discs)}: what moves both alike drops out of the error."""
    found = {}
    for name in dict.fromkeys(name for name, _ in both):
        dim = campaigns.BODIES[name][0]
        gain = _gain(both, name)
        if name == ROUND[dim] or gain is None:
            continue
        budget = critical.Budget(gain)
        for what, variant in variants.items():
            moved = _gain_moved(both, variant, name)
            if moved is not None:
                budget.add(what, moved)
        budget.add("process", _half_gap(both, name) - _half_gap(both, ROUND[dim]))
        budget.add("size", _of_size(both, shifts, dim))
        found[name] = budget.estimate
    return found


def end_rows(ends, gains, both):
    """Rows of the table of end points: shape, aspect, end, gain, swelling."""
    return [
        {
            "shape": name,
            "aspect ratio": f"{aspect(name):g}",
            "φ₀": end,
            "gain": gains.get(name, ""),
            "swelling c": both[name, "BRO"][1] if (name, "BRO") in both else "",
        }
        for name, end in ends.items()
    ]


def size_numbers(table, shifts):
    """What the text quotes of larger systems: runs, and by how much phi_c is another, in per cent."""
    numbers = {"size-runs": int((table.n > BODIES).sum())}
    return numbers | {f"size-{kind(name)}": 100 * shift for name, shift in shifts.items()}


def end_numbers(ends, gains, both):
    """What the text quotes of the end points."""
    pairs = sum((name, "SGD 0.5") in both and (name, "BRO") in both for name in campaigns.BODIES)
    quoted = {"prolate": "prolate 1.5", "oblate": "oblate 1.5", "triaxial": "triaxial 1.25"}
    numbers = {f"gain-{word}": gains[name] for word, name in quoted.items() if name in gains}
    sure = sum(gain.value > 3 * gain.error for gain in gains.values())
    numbers |= {"gain-least": gains["prolate 1.05"], "denser-agree": sure}
    numbers |= {"both-shapes": pairs, "denser-all": len(gains)}
    return numbers | {"end-sphere": ends["sphere"]}


def budget_numbers(budgets, quoted="prolate 1.5"):
    """What the text quotes of budgets: errors of the end points, scatter alone, and the parts of one shape."""
    parts = budgets[quoted].parts
    first = next(what for what in parts if what.startswith("exponent"))
    each = {"error": [one.estimate.error for one in budgets.values()]}
    each["scatter"] = [one.parts["statistics"] for one in budgets.values()]
    numbers = {f"budget-{word}": parts[word] for word in ("statistics", "size")}
    numbers |= {"budget-exponent": parts[first], "budget-time": parts["time: half of it"]}
    for word, values in each.items():
        numbers |= {f"budget-{word}-least": min(values), f"budget-{word}-most": max(values)}
    numbers = {name: round(float(value), 4) for name, value in numbers.items()}
    led = sum(max(one.parts, key=one.parts.get) == first for one in budgets.values())
    return numbers | {"budget-led": led, "budget-shapes": len(budgets)}


class Cusp(NamedTuple):
    """How a gain begins: its slope at an aspect ratio of 1.05, and the power by which it grows to 1.1."""

    slope: Estimate
    power: Estimate


def cusp(family, gains, both, variants, shifts):
    """See `Cusp`; every choice is carried through to the power: what moves both gains by one factor drops out."""
    names = [f"{family} {aspect}" for aspect in ("1.05", "1.1")]
    few, more = (_gain(both, name) for name in names)
    power = critical.Budget(_power(few, more))
    for what, variant in variants.items():
        moved = [_gain_moved(both, variant, name) for name in names]
        if None not in moved:
            other = _power(few + moved[0], more + moved[1])
            power.add(what, other.value - power.result.value)
    halves = [_half_gap(both, name) - _half_gap(both, "sphere") for name in names]
    power.add("process", _power(few + halves[0], more + halves[1]).value - power.result.value)
    size = _of_size(both, shifts, 3)
    power.add("size", float(np.hypot(size / few.value, size / more.value) / np.log(2.0)))
    return Cusp(gains[names[0]] / 0.05, power.estimate)


def _power(few, more):
    """The power of w - 1 by which a gain grows from an aspect ratio of 1.05 to 1.1."""
    error = np.hypot(few.error / few.value, more.error / more.value) / np.log(2.0)
    value = np.log(more.value / few.value) / np.log(2.0)
    return Estimate(float(value), float(error), min(few.n, more.n))


def turning(table, plain):
    """{kappa: runs} of prolate bodies under BRO, infinite where they do not turn; and "sphere": of spheres.

    All at the same learning rates, so that the law of small kicks leaves out as much for each.
    """
    table = by_shape(table)
    found = {float(kappa): own for kappa, own in table.groupby("rotation")}
    alike = (plain.process == "BRO") & (plain.n == BODIES) & (plain.alpha >= table.alpha.min())
    for key, name in ((1.0, "prolate 1.5"), ("sphere", "sphere")):
        found[key] = plain[alike & (plain["shape"] == name)]
    return found


def turning_ends(turned, **how):
    """{kappa, or "sphere": limit of small kicks}."""
    return {key: critical.limit(_alone(some, **how), "swollen") for key, some in turned.items()}


def _alone(table, **how):
    """phi_c of one shape at each learning rate, its scatter its own."""
    return critical.locate(table, "alpha", pool=[], relative=True, **how)


def turning_gap(ends, variants, one, other):
    """End point of one less that of another, with what each choice changes in it; n is how many scans it comes from."""
    gap = _less(ends[one].estimate, ends[other].estimate)
    budget = critical.Budget(gap)
    for what, moved in variants.items():
        change = moved[one].estimate.value - moved[other].estimate.value - gap.value
        budget.add(what, change)
    return budget.estimate


# ------------------------------------------------------------------------------------------------
# contacts


def last_dead(table, alpha=0.005):
    """{shape: the densest packings at rest that the archive keeps}, those of one packing fraction."""
    kept = [arrays is not None and "packing" in arrays for arrays in table.arrays]
    table = table[np.array(kept) & table.absorbed.astype(bool) & (table.alpha == alpha)]
    found = {}
    for name in campaigns.BODIES:
        own = table[table["shape"] == name]
        if len(own):
            last = own[own.phi == own.phi.max()]
            found[name] = [ensemble.resume(row).final for _, row in last.iterrows()]
    return found


def turning_rows(by_kappa, turned):
    """Rows of the table on turning: kappa, end, swelling, runs."""
    return [
        {
            "turns": "not at all" if math.isinf(kappa) else f"κ = {kappa:g}",
            "φ₀": one.estimate,
            "swelling c": f"{one.coefficients[1]:.2f}",
            "runs": len(turned[kappa]),
        }
        for kappa, one in sorted((key, one) for key, one in by_kappa.items() if key != "sphere")
    ]


def turning_numbers(turned, reach, alpha=0.05):
    """phi_c at the largest kicks, for each kappa."""
    words = {0.5: "half", 1.0: "one", 2.0: "two", math.inf: "none"}
    found = {word: _alone(turned[kappa], reach=reach)[alpha] for kappa, word in words.items()}
    return {f"still-05-{word}": one.estimate for word, one in found.items()}
