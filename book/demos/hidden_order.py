"""Figures of the chapter on hidden order."""

import json
from typing import NamedTuple

import numpy as np
from matplotlib import pyplot as plt

from book import tables, waves
from book.campaigns import TUNED_RANDOM
from book.chapters import above, below, consistent, control, within
from mpack import LennardJones, Packing, critical, figures, structure
from mpack.statistics import Estimate, mean_error, share

WAVES = "wave number $q$ (1/diameter)"
SIZES = (4_000, 16_000, 64_000)  # numbers of spheres in the archive


def round_ticks(ax, y):
    """Plain numbers on both logarithmic axes."""
    ax.minorticks_off()
    x = (0.2, 0.3, 0.5, 1, 2, 3)
    ax.set_xticks(x, [f"{tick:g}" for tick in x])
    ax.set_yticks(y, [f"{tick:g}" for tick in y])


class Waves(NamedTuple):
    """What the archive `waves` has of a process; arrays (runs, shells) but for the last two, (runs,)."""

    q: np.ndarray  # (shells,)
    counts: np.ndarray  # (shells,), wave vectors
    moving: np.ndarray
    frozen: np.ndarray
    early: np.ndarray
    late: np.ndarray
    moved: np.ndarray
    crept: np.ndarray

    def slopes(self, q_max):
        """Slope of what fluctuates in every run, by a line through the logarithms up to q_max."""
        use = self.q <= q_max
        x, weight = np.log(self.q[use]), self.counts[use] ** 0.5
        return [np.polyfit(x, np.log(one[use]), 1, w=weight)[0] for one in self.moving]

    def settled(self, q_max):
        """ln of S in the second half of the looks over S in the first, long waves, of every run."""
        use = self.q <= q_max
        change = np.log(self.late[:, use] / self.early[:, use])
        return np.average(change, axis=1, weights=self.counts[use])


def waves_of(rows):
    """{process: Waves} of a table of the archive `waves`."""
    found = {}
    for process, own in rows.groupby("process", sort=False):
        q, counts = (tables.numbers(own[name])[0] for name in ("q", "counts"))
        parts = [tables.numbers(own[name]) for name in ("moving", "frozen", "early", "late")]
        found[process] = Waves(q, counts, *parts, own.moved.to_numpy(), own.crept.to_numpy())
    return found


def over(a, b):
    """Mean of some runs over that of others, by their logarithms."""
    gap = mean_error(np.log(a)) - mean_error(np.log(b))
    value = float(np.exp(gap.value))
    return Estimate(value, value * gap.error, gap.n, dof=gap.freedom)


def parts(found):
    """Fluctuating and frozen part of S(q) of every process, {process: Waves}; errors over runs."""
    fig, axes = plt.subplots(1, 2, figsize=(8.0, 3.9), sharey=True)
    for process, one in found.items():
        look = figures.process_style(process, linestyle="none", markersize=4.5, elinewidth=0.8)
        for ax, values in zip(axes, (one.moving, one.frozen)):
            error = values.std(axis=0, ddof=1) * len(values) ** -0.5
            ax.errorbar(one.q, values.mean(axis=0), error, label=process, **look)
    line = np.array([0.45, 1.0])
    axes[0].plot(line, 0.0025 * line**2, ":", color=figures.colour("ink"))
    axes[0].annotate("$q^2$", (0.75, 0.0009), color=figures.colour("ink"))
    for ax, part in zip(axes, ("fluctuating", "frozen")):
        ax.set(xscale="log", yscale="log", xlabel=WAVES, title=part, ylim=(2e-4, 0.04))
        round_ticks(ax, (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02))
    axes[0].set_ylabel("part of the structure factor $S(q)$")
    axes[0].legend(fontsize=8, loc="upper left")
    return fig


def shells(ax, group, **look):
    """S of the shells of independent runs, (q, s, counts), with its error."""
    q, s, counts = group
    mean = s.mean(axis=0)
    ax.errorbar(q, mean, mean * (counts * len(s)) ** -0.5, elinewidth=0.8, capsize=0, **look)


def curves(table, rules, phis):
    """{phi: {rule: {size: q, S of every run, wave vectors of each shell}}} of a table of runs."""
    found = {phi: {name: {} for name in rules} for phi in phis}
    for (phi, name, size), rows in table[table.phi.isin(phis)].groupby(["phi", "process", "n"]):
        found[phi][name][int(size)] = structure.shells_of(rows)
    return found


def panels(curves, width, height, symbols):
    """S(q) against q, {phi: {rule: {size: (q, s, counts)}}}: a panel for each phi, a symbol size for each n."""
    symbols = dict(zip(SIZES, symbols))
    size = (width[0] + width[1] * len(curves), height)
    fig, axes = plt.subplots(1, len(curves), figsize=size, sharey=True, squeeze=False)
    for ax, (phi, rules) in zip(axes[0], curves.items()):
        for process, sizes in rules.items():
            for n, group in sorted(sizes.items()):
                look = {"linestyle": "none", "markersize": symbols[n]}
                look["label"] = process if n == SIZES[0] else None
                shells(ax, group, **figures.process_style(process, **look))
        ax.set(xscale="log", yscale="log", xlabel=WAVES, title=rf"$\phi={phi:g}$")
    axes[0, 0].set_ylabel("structure factor $S(q)$")
    return fig, axes[0]


def active(curves):
    """Structure factors in the active phase; a guide of slope 2."""
    fig, axes = panels(curves, (2.6, 2.8), 4.0, (3, 4.5, 6))
    line = np.array([0.3, 0.8])
    for ax, phi in zip(axes, curves):
        ax.plot(line, 0.006 * line**2, ":", color=figures.colour("ink"))
        ax.annotate("$q^2$", (0.42, 0.0006), color=figures.colour("ink"))
        ax.set_title(rf"active, $\phi={phi:g}$")
        round_ticks(ax, (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05))
    axes[-1].legend(fontsize=8, loc="lower right")
    return fig


def near(curves):
    """Structure factors below the transition; a guide of slope one quarter."""
    fig, axes = panels(curves, (2.4, 2.2), 4.1, (3, 4, 5.5))
    line = np.array([0.3, 1.2])
    for ax in axes:
        ax.plot(line, 0.0045 * line**0.25, color=figures.colour("ink"), linewidth=1.2)
        ax.set_ylim(0.002, 0.04)
        round_ticks(ax, (0.002, 0.005, 0.01, 0.02, 0.04))
    names = axes[0].get_legend_handles_labels()
    axes[0].figure.legend(*names, loc="outside upper center", ncols=len(names[1]), fontsize=8.5)
    return fig


SCAN = 6_000  # steps of the relaxation curves that place the transitions
PROCESSES = ("BRO", "individual BRO", "non-reciprocal BRO", "SGD", "RCD", "GD")


def transitions(order, distances, manna):
    """Where each process has its transition, {process: critical.Crossing}, all from windows of the same times.

    From relaxation curves: those of `hidden-order`, of 8000 spheres of `hidden-distances`, and of
    GD in `manna`, 16,000 spheres.
    """
    few = order[(order.n >= 16_000) & (order.phi < 0.54)]
    sources = (
        few,
        distances[distances.n == 8_000],
        manna[(manna.process == "GD") & (manna.n == 16_000)],
    )
    edges, found = np.geomspace(30, SCAN, 6), {}
    for process in PROCESSES:
        curves = {}
        for table in sources:
            for phi, own in table[table.process == process].groupby("phi"):
                runs = [(one.times, one.activity) for one in own.series]
                curves[float(phi)] = [r for r in runs if r[0][-1] >= SCAN or r[1][-1] == 0]
        curves = {phi: runs for phi, runs in curves.items() if len(runs) > 1}
        found[process] = critical.crossings(curves, edges)[-1]
    return found


def distance(phi, place):
    """(phi - phi_c)/phi_c in per cent, with the error of phi_c."""
    return (phi / place.phi.value - 1) * 100, 100 * phi / place.phi.value**2 * place.phi.error


def level(a, b, q_max):
    """ln S of one process less that of another up to q_max, run by run and shell by shell: an Estimate.

    Each (run, shell) is a sample with a weight, its number of waves; the error is their scatter.
    """
    runs = min(len(a[1]), len(b[1]))
    use = (a[0] <= q_max) & (b[0] <= q_max)
    gap = np.log(a[1][:runs, use] / b[1][:runs, use])
    weight = np.broadcast_to(a[2][use], gap.shape)
    mean = np.average(gap, weights=weight)
    dof = gap.size - 1
    scatter = np.sum(weight * (gap - mean) ** 2) / dof
    return Estimate(mean, (scatter / weight.sum()) ** 0.5, runs, dof=dof)


def band(group, q_max):
    """ln of the mean S of all waves up to q_max, all runs."""
    q, values, counts = group
    use = q <= q_max
    return np.log(np.average(values.mean(axis=0)[use], weights=counts[use]))


def at_rest(order, distances, places):
    """Groups of packings that came to rest: rows (process, distance and its error in per cent, groups of sizes).

    Those of `hidden-order` of up to 16,000 spheres, and of 64,000 from both archives.
    """
    rows = []
    both = (order[order.phi < 0.525], distances[distances.n == 64_000])
    for table in both:
        for (process, phi), own in table.groupby(["process", "phi"]):
            if own.absorbed.all():
                sizes = [structure.shells_of(one) for _, one in own.groupby("n")]
                rows.append((process, *distance(phi, places[process]), sizes))
    return sorted(rows, key=lambda row: (PROCESSES.index(row[0]), row[1]))


def steepness(equal, rows, places, q_max=1.0):
    """How ln S of BRO, q <= q_max, changes with a per cent of distance, from its farthest packings to `equal`."""
    phi, group = equal["BRO"]
    far = next(row for row in rows if row[0] == "BRO")
    change = band(group, q_max) - band(far[3][-1], q_max)
    return change / (distance(phi, places["BRO"])[0] - far[1])


def alike(equal, slope, places, q_max=1.0):
    """ln S of each process less that of BRO up to q_max, brought to the same distance: {process: Estimate}.

    `equal` is {process: (phi, group)}. `slope`, how ln S of BRO changes with a per cent of distance,
    brings both to the same place; the errors of both phi_c, times it, are in the error.
    """
    found, (phi, bro) = {}, equal["BRO"]
    zero = distance(phi, places["BRO"])
    for process, (phi, group) in equal.items():
        if process != "BRO":
            here, gap = distance(phi, places[process]), level(group, bro, q_max)
            for place, error in ((process, here[1]), ("BRO", zero[1])):
                dof = places[place].phi.freedom
                gap = gap + Estimate(0.0, abs(slope) * error, gap.n, dof=dof)
            found[process] = gap - slope * (here[0] - zero[0])
    return found


BELOW, NEARER = (
    min(waves.PLACES),
    max(waves.PLACES),
)  # where packings from natural starts are at rest


def natural_of(rows):
    """What the study `natural` has: {distance: {process: (phi, group)}}, the aged packings at `waves.AGED_AT`.

    And {process: group} of the same packings at half of that age.
    """
    columns = {waves.AGED_AT: ("phi", "q", "aged")}
    columns |= {d: (f"phi_{k}", f"q_{k}", f"rest_{k}") for k, d in enumerate(waves.PLACES)}
    found, half = {d: {} for d in columns}, {}
    for process, own in rows.groupby("process", sort=False):
        counts = tables.numbers(own.counts)[0]
        for d, (phi, q, s) in columns.items():
            group = tables.numbers(own[q])[0], tables.numbers(own[s]), counts
            found[d][process] = (float(own[phi].iloc[0]), group)
        half[process] = (tables.numbers(own.q)[0], tables.numbers(own.half), counts)
    return found, half


def slope_between(one, other, place, q_max=1.0):
    """How ln S up to q_max changes with a per cent of distance, from one (phi, group) to another."""
    far, near = (distance(phi, place)[0] for phi, _ in (one, other))
    return (band(other[1], q_max) - band(one[1], q_max)) / (near - far)


def natural_gaps(found, denser, places):
    """ln S less BRO's, q <= 1, from natural starts at rest at `BELOW` and, second, aged: {process: Estimate} each.

    BRO at `NEARER`, and `denser`, a (phi, group) of it farther in its active phase, say how ln S
    changes with distance.
    """
    rest, busy = found[BELOW], found[waves.AGED_AT]
    down = slope_between(rest["BRO"], found[NEARER]["BRO"], places["BRO"])
    up = slope_between(busy["BRO"], denser, places["BRO"])
    return alike(rest, down, places), alike(busy, up, places)


def natural_claims(slug, kicks, gaps, found, half, random, fits):
    """The claims on packings from natural starts: whether processes are alike at rest and in the active phase.

    `found` and `half` are those of `natural_of`, `gaps` those of `natural_gaps`; `random` is
    {process: (phi, group)} at `BELOW` from random starts, `fits` are the exponents at `NEARER`.
    """
    made, said, theirs = [], "difference of ln S, q ≤ 1.", "Anand, Zhang and Martiniani 2025"
    for name, gap in gaps[0].items():
        text = f"{name} against BRO, natural starts, 2 % below their transitions: {said}"
        made.append((f"hidden-natural-{slug[name]}", text, gap, consistent(0.0, 0.2), SAID))
    for name, gap in gaps[1].items():
        text = f"{name} against BRO, active, 64,000 spheres, 2 % above their transitions: {said}"
        rule = consistent(0.0, 0.2) if kicks[name] == "opposite" else above(0.0)
        made.append((f"hidden-busy-{slug[name]}", text, gap, rule, theirs))
    text = "2 % below: ln S from natural starts less that from random ones, q ≤ 1, six processes."
    made.append(("hidden-history", text, history(found, random), below(0.0), "this book"))
    text = "1 % below, natural starts: exponent of S(q), mean of six processes."
    exponents = mean_error([one.value for one in fits.values()])
    made.append(("hidden-aged-lambda", text, exponents, within(0.25, 0.1), SAID))
    text = "ln of S of the aged packings over S at half their age, q ≤ 1, mean of six processes."
    steady = mean_error([level(found[waves.AGED_AT][k][1], half[k], 1.0).value for k in half])
    return [*made, ("hidden-aged-steady", text, steady, consistent(0.0, 0.1), "a steady state")]


def history(found, random):
    """ln S at `BELOW` from natural starts less that from random ones, q <= 1: mean of the processes, an Estimate."""
    rest = found[BELOW]
    return mean_error([level(rest[name][1], random[name][1], 1.0).value for name in rest])


def natural_numbers(rows, found, random, gaps):
    """What the text quotes of the study `natural`: how many, how long, how active, what the start and SGD change."""
    places = range(len(waves.PLACES))
    ends = rows[[f"steps_{k}" for k in places]]
    return {
        "natural-n": waves.NATURAL_N,
        "natural-age": waves.AGE,
        "natural-runs": waves.NATURAL_RUNS,
        "natural-active": round(float(rows.activity.mean()), 2),
        "natural-rested": int(sum(rows[f"absorbed_{k}"].sum() for k in places)),
        "natural-longest": int(ends.to_numpy().max()),
        "natural-steps": int(ends[f"steps_{waves.PLACES.index(BELOW)}"].median()),
        "natural-history": -1.0 * history(found, random),
        "natural-lower-sgd": -1.0 * gaps["SGD"],
        "natural-power-least": round(min(one.reach() for one in gaps.values()), 2),
        "natural-power-most": round(max(one.reach() for one in gaps.values()), 2),
    }


def natural(found, random):
    """S(q) of the packings of `natural_of`, in the active phase and at rest; dotted, at rest from random starts."""
    fig, axes = plt.subplots(1, 3, figsize=(9.6, 3.9), sharey=True)
    for ax, (d, groups) in zip(axes, sorted(found.items(), reverse=True)):
        for process, (_, group) in groups.items():
            look = figures.process_style(process, linestyle="none", markersize=4.5)
            shells(ax, group, label=process, **look)
            if d == BELOW:
                q, s, _ = random[process][1]
                ax.plot(q, s.mean(axis=0), ":", color=look["color"], linewidth=1.2)
        phase = "active" if d > 0 else "at rest"
        where = "above" if d > 0 else "below"
        ax.set(xscale="log", yscale="log", xlabel=WAVES, ylim=(6e-4, 0.05))
        ax.set_title(f"{phase}, {abs(100 * d):g} % {where}")
        round_ticks(ax, (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05))
    axes[0].set_ylabel("structure factor $S(q)$")
    axes[0].legend(fontsize=8, loc="upper left", ncols=2)
    return fig


def at_distance(groups, rows):
    """Left, S(q) at one distance below each transition; right, exponents against distance.

    `groups` is {process: (phi, (q, s, counts))}, `rows` a list of (process, distance, its error, exponent).
    """
    fig, axes = plt.subplots(1, 2, figsize=(8.4, 4.0))
    for process, (_, group) in groups.items():
        look = figures.process_style(process, linestyle="none", markersize=4.5)
        shells(axes[0], group, label=process, **look)
    line = np.array([0.25, 1.5])
    axes[0].plot(line, 0.0075 * line**0.25, color=figures.colour("ink"), linewidth=1.2)
    axes[0].annotate(r"$q^{1/4}$", (0.55, 0.0047), color=figures.colour("ink"))
    axes[0].set(xscale="log", yscale="log", xlabel=WAVES, ylabel="structure factor $S(q)$")
    axes[0].set_ylim(0.003, 0.05)
    round_ticks(axes[0], (0.005, 0.01, 0.02, 0.05))
    axes[0].legend(fontsize=8, loc="upper left", ncols=2)
    for process in groups:
        own = [row[1:] for row in rows if row[0] == process]
        x, dx, fits = zip(*own)
        look = figures.process_style(process, linestyle="none", markersize=4.5, elinewidth=0.8)
        y, dy = zip(*((one.estimate.value, one.estimate.error) for one in fits))
        axes[1].errorbar(x, y, dy, dx, **look)
    axes[1].axhline(0.25, linestyle=":", color=figures.colour("ink"))
    axes[1].annotate(r"$\frac{1}{4}$", (-4.6, 0.3), color=figures.colour("ink"))
    axes[1].set(xlabel=r"distance $(\phi-\phi_c)/\phi_c$ (per cent)")
    axes[1].set_ylabel(r"exponent $\lambda$, with a bend, $q\leq2$")
    axes[1].set_xticks([-5, -4, -3, -2, -1, 0])
    return fig


def published(groups):
    """Structure factors at the parameters of the published figure, {process: (q, s, counts)}."""
    fig, ax = plt.subplots(figsize=(6.0, 3.8))
    for process, group in groups.items():
        shells(ax, group, label=process, **figures.process_style(process, linestyle="none"))
    line = np.array([group[0][0], 2.0])
    ax.plot(line, 0.012 * line**0.25, color=figures.colour("ink"), linewidth=1.2)
    ax.annotate(r"$q^{1/4}$", (1.0, 0.0126), color=figures.colour("ink"))
    ax.set(xscale="log", yscale="log", xlabel=WAVES, ylabel="structure factor $S(q)$")
    round_ticks(ax, (0.002, 0.005, 0.01, 0.02))
    ax.legend(fontsize=8.5, loc="lower right")
    return fig


def variance(radii, curves, exact):
    """Variance of counts over their mean, {kind: (runs, radii)}, kinds named after a rule and a phase; binomial."""
    fig, ax = plt.subplots(figsize=(6.2, 3.9))
    ax.plot(radii, exact, ":", color=figures.colour("ink"))
    for kind, values in curves.items():
        process, _, phase = kind.partition(", ")
        if not phase:
            look = {"color": figures.colour("ink"), "marker": "o", "linestyle": "none"}
        elif phase == "active":
            look = figures.process_style(process)
        else:
            open_ = {"linestyle": "--", "markerfacecolor": figures.colour("paper")}
            look = figures.process_style(process, **open_)
        error = values.std(axis=0, ddof=1) / len(values) ** 0.5
        label = kind.replace("φ_c", r"$\phi_c$")
        ax.errorbar(radii, values.mean(axis=0), error, label=label, **look)
    ax.set(xscale="log", yscale="log", xlabel="radius $R$ (diameters)", ylim=(0.006, 2.2))
    ax.set(ylabel=r"$\sigma^2(R)/\langle N_R\rangle$", xticks=radii)
    ax.minorticks_off()
    ax.set_xticklabels([f"{R:g}" for R in radii])
    ax.legend(fontsize=8, loc="lower left")
    return fig


RULES = ("SGD", "RCD", "GD", "BRO")  # of the campaign `tuned_starts`
RATES = (0.01, 0.03, 0.1)
SHAKE = 0.06  # that every rule has, in diameters along each axis


def tuned(table):
    """The runs from shaken crystals, with their `shake` and learning `rate`, and those from random starts.

    The shake is the learning rate of the step that made it, times the force between neighbours.
    """
    table = table.assign(rate=table.alpha.fillna(table.eps / 0.75).round(4))
    crystals = table[table.start != "random"].copy()
    force = LennardJones(cutoff=1.3).force
    pushes = [json.loads(spec)["start"]["dynamics"]["alpha"] for spec in crystals.spec]
    apart = (np.pi / 18**0.5 / crystals.phi.to_numpy()) ** (1 / 3)
    crystals["shake"] = np.round(np.array(pushes) * force(apart), 2)
    return crystals, table[table.start == "random"]


def kept(crystals):
    """Up to which packing fraction shaken crystals come to rest, by rule and rate; and by shake, under SGD."""
    fig, axes = plt.subplots(1, 2, figsize=(8.0, 3.7))
    close = np.pi / 18**0.5
    for k, rule in enumerate(RULES):
        low = np.array([densest(crystals, rule, rate).value for rate in RATES])
        phis = np.array([*sorted(crystals.phi.unique()), close])
        high = np.array([phis[phis > one + 1e-9].min() for one in low])
        look = figures.process_style(rule, linestyle="none", markersize=4.5)
        places = np.array(RATES) * 1.12 ** (k - 1.5)
        axes[0].errorbar(places, (low + high) / 2, (high - low) / 2, label=rule, **look)
    random = [TUNED_RANDOM[rate] for rate in RATES]
    look = {"color": figures.colour("ink"), "marker": "^", "linestyle": "none"}
    axes[0].plot(RATES, random, label="random starts, at least", markerfacecolor="none", **look)
    axes[0].axhline(close, linestyle=":", color=figures.colour("ink"))
    axes[0].annotate("fcc, touching", (0.09, close + 0.004), ha="center", fontsize=8)
    axes[0].set(xscale="log", xlabel=r"learning rate $\alpha$", ylim=(0.46, 0.765))
    axes[0].set_xticks(RATES, [f"{rate:g}" for rate in RATES])
    axes[0].minorticks_off()
    axes[0].set_ylabel(r"densest $\phi$ that comes to rest")
    axes[0].legend(loc="lower left", fontsize=8)
    sgd = crystals[(crystals.process == "SGD") & (crystals.rate == RATES[0])]
    for phi, name in zip((0.64, 0.68, 0.71, 0.73), figures.SERIES, strict=True):
        own = sgd[sgd.phi == phi].groupby("shake").absorbed.mean()
        look = {"color": figures.colour(name), "marker": "o", "markersize": 4.5}
        axes[1].plot(own.index, own, label=rf"$\phi={phi:g}$", **look)
    axes[1].set_title(r"SGD, $\alpha=0.01$", fontsize=9.5)
    axes[1].legend(loc="lower left", fontsize=8)
    axes[1].set(xlabel="shake along each axis (diameters)", ylim=(-0.05, 1.05))
    axes[1].set_ylabel("share of runs that come to rest")
    axes[1].set_xticks((0.05, 0.1, 0.15, 0.2, 0.25))
    return fig


def densest(crystals, rule, rate):
    """The densest packing fraction at which every crystal shaken by `SHAKE` came to rest."""
    own = crystals[(crystals.process == rule) & (crystals.rate == rate)]
    shaken = own[own["shake"] == SHAKE].groupby("phi").absorbed
    most = shaken.all().index[shaken.all()].max()
    return Estimate(most, 0.01 / 12**0.5, int(shaken.size()[most]), dof=np.inf)


def tuned_numbers(crystals, unordered):
    """What the text quotes of them."""
    rested = unordered[unordered.absorbed]
    found = {
        f"tuned-densest-{rule.lower()}-{1000 * rate:.0f}": float(
            densest(crystals, rule, rate).value
        )
        for rule in RULES
        for rate in RATES
    }
    return found | {
        "tuned-runs": len(crystals) + len(unordered),
        "tuned-random-rested": len(rested),
        "tuned-random-coherence": float(rested.coherence.max()),
        "tuned-crystal-coherence": float(crystals[crystals.absorbed].coherence.median()),
        "tuned-fcc": structure.bond_order(Packing.lattice("fcc", 5, 0.7)).total,
    }


def tuned_claims(crystals, unordered):
    """The claims that tuned starts pack denser, and that random ones do not end as crystals."""
    paper, rate = "arXiv:2411.11834", RATES[0]
    at = crystals[(crystals.phi == 0.70) & (crystals.rate == rate) & (crystals["shake"] == SHAKE)]
    text = "Fcc crystals shaken by 0.06, φ = 0.70, α = 0.01, all rules: share that comes to rest."
    made = [("tuned-crystals-rest", text, share(at.absorbed), above(0.8), paper)]
    text = "Random starts at the same φ and α, all rules: share that comes to rest."
    few = share(unordered.absorbed[unordered.phi == 0.70])
    made.append(("tuned-random-active", text, few, below(0.2), paper))
    for rule in RULES:
        text = f"{rule}, α = 0.01: densest φ at which every shaken crystal rests, less 0.64."
        gain = densest(crystals, rule, rate) - 0.64
        made.append((f"tuned-gain-{rule.lower()}", text, gain, above(0.0), paper))
    rested, same = unordered[unordered.absorbed], crystals[crystals.absorbed]
    text = "Packings at rest from random starts, α ≤ 0.1: largest order Q6 of their bonds."
    most, few = (rested.q6.max(), 0.0, len(rested)), below(0.2)
    made.append(("tuned-no-crystal", text, most, few, paper))
    text = "The same of shaken crystals (at φ = 0.70) that came to rest: they are no crystals."
    least = same[(same.phi == 0.70) & (same["shake"] == SHAKE)].q6
    return [*made, ("control-tuned-crystal", text, (least.min(), 0.0, len(least)), control(few))]


def densest_at_rest(table, rules):
    """The densest packing fraction of a table at which every run of a rule came to rest, {rule: phi}."""
    dead = table.groupby(["process", "phi"]).absorbed.all()
    return {name: float(dead[name].index[dead[name]].max()) for name in rules}


def near_numbers(slug, best, far, runs):
    """What the text quotes of the exponents there, and how far from the transition they are."""
    found = {f"near-{slug[name]}": (*fit.estimate, runs[name]) for name, fit in best.items()}
    return found | {f"near-distance-{slug[name]}": (*far[name], runs[name]) for name in best}


def near_claims(slug, best, runs, last):
    """The claims on the exponent of each rule where its densest packings died: its fit, runs and packing fraction."""
    drawn, theirs, made = "Zhang and Martiniani 2024, Fig. S2; ", "Hexner and Levine 2015", []
    for name, fit in best.items():
        where = f"at the densest phi of the archive where every run died ({last[name]:g})"
        text, measured = f"{name}, {where}: exponent of S(q).", (*fit.estimate, runs[name])
        source = (drawn if name in ("BRO", "SGD", "RCD") else "") + theirs
        rule = within(0.25, 0.1)
        made.append((f"hidden-exponent-{slug[name]}", text, measured, rule, source))
    return made


def published_claim(slug, name, fit, runs):
    """The claim on S(q) at the parameters of the published figure."""
    text = f"{name} at the parameters of Fig. S2: exponent of S(q) after 100,000 steps."
    measured = (*fit.estimate, runs)
    source = "Zhang and Martiniani 2024, Fig. S2"
    return f"hidden-published-{slug}", text, measured, within(0.25, 0.1), source


def active_claim(slug, name, kick, measured):
    """The claim on what fluctuates in the active phase: exponent 2 of opposite kicks, 0 of independent ones."""
    target = 2.0 if kick == "opposite" else 0.0
    text = f"{name}, {kick} kicks, active phase: exponent of the fluctuating part of S(q), q ≤ 1.2."
    source = "Anand, Zhang and Martiniani 2025"
    return f"hidden-active-{slug}", text, measured, within(target, 0.5), source


SAID = "Zhang and Martiniani 2024, Fig. S2"


def alike_claims(slug, gaps, fits, runs):
    """The claims that S(q) of the processes is alike, and their exponents where all packings are at rest."""
    made = []
    for name, gap in gaps.items():
        text = f"{name} against BRO, 2 % below their transitions: difference of ln S, q ≤ 1."
        made.append((f"hidden-alike-{slug[name]}", text, gap, consistent(0.0, 0.2), SAID))
    bro = Estimate(*fits["BRO"].estimate, runs["BRO"])
    for name, fit in fits.items():
        if name != "BRO":
            text = f"{name} against BRO, where the densest packings died: difference of exponents."
            gap = Estimate(*fit.estimate, runs[name]) - bro
            made.append((f"hidden-apart-{slug[name]}", text, gap, consistent(0.0, 0.1), SAID))
    return made


def plateau_claims(at_two, active, rise):
    """That packings 2 % below have a plateau, and packings at rest a larger exponent the nearer they are."""
    flat = consistent(0.0, 0.125)  # half of the distance to 1/4
    text = "2 % below their transitions: exponent of S(q) for q ≤ 0.7, mean of six processes."
    made = [("hidden-plateau", text, mean_error(at_two), flat, "a random start")]
    text = "BRO, active, φ = 0.56, has such a plateau, too: exponent of S(q) for q ≤ 0.7."
    made.append(("hidden-control-plateau", text, active, control(flat), "negative control"))
    text = "Exponent near the transition less that at φ = 0.5, mean of five rules: it rises."
    return [*made, ("hidden-rises", text, mean_error(rise), above(0.0), "this book")]
