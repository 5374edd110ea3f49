"""Measurements, figures and claims of the chapter on kicks with a correlation."""

from typing import NamedTuple

import numpy as np
from matplotlib import pyplot as plt
from scipy import optimize
from scipy.spatial import cKDTree

import mpack
from book.campaigns import CORRELATED, LOOKED
from book.chapters import below, consistent, control, within
from mpack import figures, structure
from mpack.statistics import Estimate, largest_deviation, line, mean_error, power_law

KINDS = tuple(CORRELATED)  # BRO, SGD, RO
RULES = {"PairwiseBRO": "BRO", "NonreciprocalBRO": "BRO", "SGD": "SGD", "RandomOrganization": "RO"}
BIASED = {"BRO": True, "SGD": True, "RO": False}  # whether the kicks are along the contact
PUSH = {"BRO": 3.0, "SGD": 1.0, "RO": 0.0}  # squared mean of a kick over its variance
WAVES = "wave number $q$ (1/diameter)"
SMALL, LARGE = 16_000, 64_000  # spheres
ENDS = {"−1": -1.0, "0": 0.0, "1": 1.0}  # correlations in the tables
DRAWN = 60  # times that S is drawn anew within its errors
GALLIANO = "Galliano, Cates and Berthier 2023"
SEEN = "Anand, Zhang and Martiniani 2025"


# One step


def settled(kind, c, *, n, steps, seed):
    """An active packing under a kind of kick of correlation c."""
    rule, phi = CORRELATED[kind]
    start = mpack.Packing.random(n=n, phi=phi, dim=3, seed=seed)
    return mpack.simulate(start, rule(correlation=c), steps=steps, seed=seed).final


def steps_noise(packing, rule, vectors, *, draws, seed, steps=1):
    """Variance over `draws` repeats of what some steps of a rule add to the waves of a packing."""
    after = []
    for k in range(draws):
        end = mpack.simulate(packing, rule, steps=steps, seed=seed + k).final
        after.append(structure.density_waves(end, vectors))
    return np.var(after, axis=0, ddof=1)


def pair_closed(packing, vectors, eps, c):
    """2 v eps^2 (q.n)^2 [1 + c cos q.r] of the one pair of a packing of two, v = 1/12."""
    r = packing.separation(0, 1)
    q = 2 * np.pi / packing.box * np.asarray(vectors, dtype=float)
    along = q @ (r / np.linalg.norm(r))
    return eps**2 / 6 * along**2 * (1 + c * np.cos(q @ r))


def most(measured, predicted, draws):
    """Largest relative deviation of variances of `draws` samples, over the threshold of a test at 0.001."""
    z = (np.asarray(measured) / np.asarray(predicted) - 1) * draws**0.5
    found = largest_deviation(z.ravel(), rate=1e-3)
    return (*found, draws)


# The archive


def spheres(table):
    """The runs of spheres, with the kind of their kicks."""
    own = table[table.dim == 3]
    return own.assign(kind=own.rule.map(RULES), memory=own.memory.fillna(""))


def groups(table, kind, n=SMALL, memory="", half=None):
    """{c: (q, S of every run, counts)} of a kind of kick; half: of the looks."""
    own = table[(table.kind == kind) & (table.n == n) & (table.memory == memory)]
    found = {}
    for c, rows in own.groupby("correlation"):
        parts = [row["structure_factors"] for row in rows.arrays]
        q, counts = (np.asarray(parts[0][name], float) for name in ("q", "counts"))
        s = [np.asarray(one["s"], float) for one in parts]
        if half is not None:
            s = [np.array_split(one, 2)[half] for one in s]
        found[float(c)] = q, np.array([one.mean(axis=0) for one in s]), counts.astype(int)
    return found


def means(groups_):
    """{c: (S, its standard error)} of {c: group}, errors by `structure.run_scatter`."""
    relative, _ = structure.run_scatter(groups_.values())
    return {
        c: (s.mean(axis=0), s.mean(axis=0) * np.sqrt(relative / len(s)))
        for c, (_, s, _) in groups_.items()
    }


def frozen_share(table, kind, c):
    """Share of S of the longest waves that does not change over the looks, mean of the runs."""
    own = table[(table.kind == kind) & (table.n == SMALL) & (table.memory == "")]
    parts = [row["structure_factors"] for row in own[own.correlation == c].arrays]
    still = [float(one["frozen"][0]) / np.asarray(one["s"], float)[:, 0].mean() for one in parts]
    return float(np.mean(still))


def steadiness(table, kind):
    """ln of S in the later ten looks over the earlier ten, longest waves (two shells), all runs of a kind."""
    early, late = (groups(table, kind, half=half) for half in (0, 1))
    gaps = [np.log(late[c][1][:, :2] / early[c][1][:, :2]).mean(axis=1) for c in early]
    return mean_error(np.concatenate(gaps))


def theory(kind, q, c, apart, chi=None):
    """S(q; c) over its plateau at c = 0; chi left out: of pushes as fresh in each step as the noise."""
    chi = PUSH[kind] if chi is None else chi
    return structure.correlated_waves(q, c, plateau=1, chi=chi, biased=BIASED[kind], r=apart)


def ratio(kind, q, apart, chi=None):
    """Slope over intercept of S in c by the same theory."""
    plain = theory(kind, q, 0.0, apart, chi)
    return (theory(kind, q, 1.0, apart, chi) - plain) / plain


class Shape(NamedTuple):
    """S(q; c) = A(c) E(q) [1 + c g + chi (1 - g)], the mean of ln A being 0: what the theory leaves open, fitted."""

    chi: Estimate  # noise of the pushes over that of the kicks; its error from S drawn anew
    levels: dict  # {c: A}
    envelope: np.ndarray  # E, (shells,)
    miss: float  # root mean square relative deviation


class Found(NamedTuple):
    """What S as a function of c says of a kind of kick; see `of_kind`."""

    every: structure.CorrelationLines  # all correlations
    lines: structure.CorrelationLines  # those up to 0
    bend: Estimate  # coefficient of c^2 over S at c = 0, all correlations
    gaps: dict  # {theory: measured less expected ratio of slope to intercept, mean over the shells}
    shape: Shape  # what is left when every c has a level, and every q an envelope


def of_kind(kind, groups_, apart):
    """The lines of {c: group}, and what they miss of theories that are right and wrong: a `Found`."""
    every = structure.correlation_lines(groups_)
    lines = structure.correlation_lines({c: own for c, own in groups_.items() if c <= 0})
    runs = min(len(s) for _, s, _ in groups_.values())
    g = structure.pair_factor(lines.q, biased=BIASED[kind], r=apart)
    other = structure.pair_factor(lines.q, biased=not BIASED[kind], r=apart)
    theories = {
        "fresh": ratio(kind, lines.q, apart),
        "noise": g,
        "other": other / (1 + PUSH[kind] * (1 - g)),
        "one": np.ones_like(g),
    }
    gaps = {
        name: _mean(lines.ratio - one, lines.error, lines.dof, runs)
        for name, one in theories.items()
    }
    return Found(every, lines, _bend(groups_, every.dof, runs), gaps, _shape(groups_, g))


def _shape(groups_, g):
    """The `Shape` of {c: group}: least squares of ln S, each shell weighted by its number of waves."""
    c = np.array(list(groups_))[:, None]
    counts = next(iter(groups_.values()))[2]

    def parts(chi, values):
        logs = np.log(values / (1 + c * g + chi * (1 - g)))
        envelope = logs.mean(axis=0)
        levels = np.average(logs - envelope, axis=1, weights=counts)
        return logs - envelope - levels[:, None], levels, envelope

    def fit(values):
        def total(chi):
            return np.sum(counts * parts(chi, values)[0] ** 2)

        return float(optimize.minimize_scalar(total, bounds=(-0.5, 40.0), method="bounded").x)

    values = means(groups_)
    best, error = np.swapaxes(list(values.values()), 0, 1)
    rng = np.random.default_rng(1)
    drawn = [
        fit(best * np.exp(error / best * rng.standard_normal(best.shape))) for _ in range(DRAWN)
    ]
    chi = fit(best)
    rest, levels, envelope = parts(chi, best)
    miss = float(np.average(rest**2, axis=1, weights=counts).mean() ** 0.5)
    made = dict(zip(groups_, np.exp(levels).tolist()))
    runs = min(len(s) for _, s, _ in groups_.values())
    _, dof = structure.run_scatter(groups_.values())
    found = Estimate(chi, float(np.std(drawn, ddof=1)), runs, dof=dof)
    return Shape(found, made, np.exp(envelope), miss)


def _mean(values, errors, dof, runs):
    """Mean over the shells, each of the same weight: else the longest waves, best known, were all of it."""
    error = float(np.linalg.norm(errors)) / len(values)
    return Estimate(float(np.mean(values)), error, runs, dof=dof)


def _bend(groups_, dof, runs):
    """Coefficient of c^2 over S at c = 0: parabolas in c, one a shell, and the mean over the shells."""
    c = np.array(list(groups_))
    values, error = np.swapaxes(list(means(groups_).values()), 0, 1)
    bends, errors = [], []
    for y, dy in zip(values.T, error.T):
        (a, _, e), covariance = _fitted([np.ones_like(c), c, c**2], y, dy)
        bends.append(e / a)
        errors.append(covariance[2, 2] ** 0.5 / a)
    return _mean(bends, errors, dof, runs)


def _fitted(terms, y, error):
    """Coefficients of a weighted sum of terms, by least squares, and their covariance."""
    x = np.stack(terms, axis=1) / error[:, None]
    covariance = np.linalg.inv(x.T @ x)
    return covariance @ x.T @ (y / error), covariance


def long_waves(table, kind, q_max):
    """{c: `structure.LongWaves`}: boxes of both sizes together, errors pooled over c as those of `means`."""
    parts = {n: some for n in (SMALL, LARGE) if (some := groups(table, kind, n))}
    scatter = {n: structure.run_scatter(some.values()) for n, some in parts.items()}
    found = {}
    for c in sorted(set().union(*parts.values())):
        boxes = [(some[c], scatter[n]) for n, some in parts.items() if c in some]
        found[c] = structure.long_waves(
            [box for box, _ in boxes], q_max, scatter=[known for _, known in boxes]
        )
    return found


def plateau_line(long):
    """The line S(0) = A + B (1 + c) of long waves, c <= -0.5: A over its A + B (an Estimate), B, chi^2/dof."""
    long = {c: one for c, one in long.items() if c <= -0.5}
    c = np.array(list(long))
    y, dy = np.transpose([tuple(one.plateau) for one in long.values()])
    (a, b), covariance = _fitted([np.ones_like(c), 1 + c], y, dy)
    slopes = np.array([b, -a]) / (a + b) ** 2
    error = float(slopes @ covariance @ slopes) ** 0.5
    chi2 = float(np.sum(((y - a - b * (1 + c)) / dy) ** 2)) / (len(c) - 2)
    few = min((one.plateau for one in long.values()), key=lambda one: one.freedom)
    return Estimate(a / (a + b), error, few.n, dof=few.dof), b, chi2


def crossing_power(long):
    """Exponent of q* in 1 + c, from -1 < c <= -0.9: an Estimate; None with fewer than two such c."""
    own = {c: one.crossover for c, one in long.items() if -1 < c <= -0.9 and one.crossover}
    if len(own) < 2:
        return None
    fit = power_law(1 + np.array(list(own)), *np.transpose([*map(tuple, own.values())]))
    few = min(own.values(), key=lambda one: one.freedom)
    return Estimate(fit.exponent.value, fit.exponent.error, few.n, dof=few.dof)


# Antithetic steps


def couples(kind, c, packing, *, draws, seed, q_most=3):
    """Noise that a couple of antithetic steps adds to long waves, over that of two steps that are not."""
    rule = CORRELATED[kind][0]
    span = range(-1, 2)
    vectors = [[i, j, k] for i in span for j in span for k in span if (i, j, k) > (0, 0, 0)]
    found = []
    for memory in ("antithetic", ""):
        extra = {"memory": memory} if memory else {}
        own = rule(correlation=c, **extra)
        found.append(steps_noise(packing, own, vectors, draws=draws, seed=seed, steps=2))
    value = float(np.log(found[0] / found[1]).mean())
    error = (2 / draws / len(vectors)) ** 0.5
    return Estimate(float(np.exp(value)), float(np.exp(value)) * error, draws, dof=np.inf)


def kept(kind, packing, seed, steps=1):
    """Share of the contacts of a packing that are contacts so many steps later, too; c = 0."""
    before, later = (_closer(one, 1.0) for one in (packing, _later(kind, packing, seed, steps)))
    return len(before & later) / len(before)


def met(kind, packing, seed, *, steps, within):
    """Share of the pairs closer than `within` that do not touch, but do so many steps later; c = 0."""
    before, later = (_closer(one, 1.0) for one in (packing, _later(kind, packing, seed, steps)))
    near = _closer(packing, within) - before
    return len(near & later) / len(near)


def _later(kind, packing, seed, steps):
    rule = CORRELATED[kind][0](correlation=0.0)
    return mpack.simulate(packing, rule, steps=steps, seed=seed).final


def _closer(packing, distance):
    """Pairs (i, j), i < j, that are closer than a distance."""
    return cKDTree(packing.positions, boxsize=packing.box).query_pairs(distance)


def twice(table, kind, c, q_max):
    """S with antithetic steps over S without, waves up to q_max: an Estimate."""
    both = [groups(table, kind, memory=memory) for memory in ("antithetic", "")]
    relative, dof = structure.run_scatter([own[c] for own in both for c in own if c in (-1.0, 0.0)])
    (q, with_, counts), (_, without, _) = (own[c] for own in both)
    weight = np.where(q <= q_max, counts, 0) / counts[q <= q_max].sum()
    value = float(np.exp(weight @ np.log(with_.mean(axis=0) / without.mean(axis=0))))
    runs = len(with_), len(without)
    error = float(np.sqrt(weight**2 @ relative * sum(1 / many for many in runs)))
    return Estimate(value, value * error, min(runs), dof=dof)


# Discs


def discs(table):
    """{(n, c): {steps: (psi_6 of the box, peak, single discs), arrays over runs}}."""
    own, found = table[table.dim == 2], {}
    for (n, c, steps), rows in own.groupby(["n", "correlation", "steps"]):
        values = rows[["hexatic", "bragg", "hexatic_local"]].to_numpy(float).T
        found.setdefault((int(n), float(c)), {})[int(steps)] = values
    return found


def size_power(found, c, what, steps):
    """Exponent of psi_6 (what = 0) or the peak (1) of the box in the number of discs, after so many steps.

    A line through the logarithms of all runs, one by one.
    """
    n, value = [], []
    for (size, own), times in found.items():
        if own == c and steps in times:
            n += [size] * times[steps].shape[1]
            value += times[steps][what].tolist()
    return line(np.log(n), np.log(value)).slope


def settled_power(found, c, what, steps):
    """The `size_power`, with what it moved since the time before in its error: order that grows is not settled."""
    now, sizes = (
        size_power(found, c, what, steps),
        {n for (n, own), t in found.items() if steps in t},
    )
    earlier = [
        t
        for t in found[min(sizes), c]
        if t < steps and all(t in found.get((n, c), ()) for n in sizes)
    ]
    if not earlier:
        return now
    moved = now.value - size_power(found, c, what, max(earlier)).value
    return Estimate(now.value, float(np.hypot(now.error, moved)), now.n, dof=now.freedom)


def _of_runs(values):
    """Mean of some runs with its error; of one alone without."""
    return mean_error(values) if len(values) > 1 else Estimate(float(values[0]), 0.0, 1)


# Figures


def _ticks(ax, x=(0.2, 0.5, 1, 2)):
    ax.minorticks_off()
    ax.set_xticks(x, [f"{tick:g}" for tick in x])


def waves(found, lines, apart):
    """S(q) for every c, a panel a kind of kick, {kind: {c: group}}; lines: the shapes of the theory."""
    fig, axes = plt.subplots(1, len(found), figsize=(9.4, 4.0), sharey=True)
    for ax, (kind, some) in zip(axes, found.items()):
        values = means(some)
        for place, (c, (q, _, _)) in enumerate(some.items()):
            strength = 0.3 + 0.7 * place / max(len(some) - 1, 1)
            mean, error = values[c]
            style = {"color": figures.colour(kind), "alpha": strength, "lw": 0.9}
            drawn = {"marker": "osv^D<P>X"[place], "ms": 4, "linestyle": "none"}
            ax.errorbar(q, mean, error, label=f"$c={c:g}$", **style, **drawn)
            shape = lines[kind].shape
            drawn_ = theory(kind, q, c, apart[kind], shape.chi.value)
            ax.plot(
                q, shape.levels[c] * shape.envelope * drawn_, label=f"theory, $c={c:g}$", **style
            )
        ax.set(xscale="log", yscale="log", xlabel=WAVES, title=kind)
        _ticks(ax, (0.3, 0.5, 1, 2))
    axes[0].set_ylabel("structure factor $S(q)$")
    names = zip(*axes[-1].get_legend_handles_labels())
    shown = [pair for pair in names if not pair[1].startswith("theory")]
    axes[-1].legend(*zip(*shown), fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return fig


def straight(found, lines):
    """S over its value at c = 0 on the line, against c, at three wave numbers; a panel a kind."""
    fig, axes = plt.subplots(1, len(found), figsize=(9.0, 3.6), sharey=True)
    for ax, (kind, some) in zip(axes, found.items()):
        own = lines[kind].every
        c = np.array(list(some))
        for place, k in enumerate((0, len(own.q) // 2, len(own.q) - 1)):
            s, error = np.transpose([(one[k], d[k]) for one, d in means(some).values()])
            style = {"color": figures.colour(f"series {(1, 3, 4)[place]}"), "lw": 0.9}
            points = {"marker": "os^"[place], "ms": 4, "linestyle": "none"}
            a = own.intercept[k]
            label = f"$q={own.q[k]:.2f}$"
            ax.errorbar(c, s / a, error / a, label=label, **points, **style)
            ax.plot(c, 1 + own.ratio[k] * c, label=f"line, {label}", **style)
        ax.set(xlabel="correlation $c$", title=kind)
        names = ax.get_legend_handles_labels()
        shown = [pair for pair in zip(*names) if not pair[1].startswith("line")]
        ax.legend(*zip(*shown), fontsize=8, loc="upper left")
    axes[0].set_ylabel("$S(q;c)$ over $S(q;0)$")
    return fig


def ratios(lines, apart):
    """Slope over intercept against q, three kinds, with the theory that has no parameter and without the pushes."""
    fig, axes = plt.subplots(1, len(lines), figsize=(9.0, 3.6), sharey=True)
    for ax, (kind, one) in zip(axes, lines.items()):
        q = np.linspace(0.05, 2.1, 80)
        ink = figures.colour("ink")
        style = figures.process_style(kind, linestyle="none", markersize=5)
        ax.errorbar(one.lines.q, one.lines.ratio, one.lines.error, label="measured", **style)
        ax.plot(q, ratio(kind, q, apart[kind]), color=ink, lw=1.2, label="theory")
        if PUSH[kind]:
            fitted = ratio(kind, q, apart[kind], one.shape.chi.value)
            ax.plot(q, fitted, "-.", color=ink, lw=0.9, label="χ that fits")
            alone = ratio(kind, q, apart[kind], 0.0)
            ax.plot(q, alone, "--", color=ink, lw=0.9, label="noise alone")
        other = structure.pair_factor(q, biased=not BIASED[kind], r=apart[kind])
        look = {"color": figures.colour("muted"), "lw": 0.9, "label": "other kind of kick"}
        ax.plot(q, other, ":", **look)
        ax.set(xlabel=WAVES, title=kind, ylim=(-0.45, 1.1))
        ax.legend(fontsize=8, loc="lower left")
    axes[0].set_ylabel("slope over intercept of $S$ in $c$")
    return fig


def plateaus(long):
    """Left, S(q -> 0) over its line at c = 0 against 1 + c; right, q* against 1 + c, with slope 1/2."""
    fig, axes = plt.subplots(1, 2, figsize=(8.2, 3.8))
    for kind, own in long.items():
        a, b, _ = plateau_line(own)
        c = np.array(list(own))
        scale = b / (1 - a.value)
        y, dy = np.transpose([tuple(one.plateau) for one in own.values()]) / scale
        style = figures.process_style(kind, linestyle="none", markersize=4.5)
        axes[0].errorbar(1 + c, y, dy, label=kind, **style)
        near = {c: one.crossover for c, one in own.items() if -1 < c <= -0.9 and one.crossover}
        if near:
            q, error = np.transpose([*map(tuple, near.values())])
            axes[1].errorbar(1 + np.array(list(near)), q, error, label=kind, **style)
    x = np.array([0.0, 2.0])
    axes[0].plot(x, x, color=figures.colour("ink"), lw=0.9, label="$1+c$")
    axes[0].set(xlabel="$1+c$", ylabel=r"plateau $S(q\to0)$ over that at $c=0$")
    axes[0].legend(fontsize=8.5)
    x = np.array([0.009, 0.11])
    axes[1].plot(x, 1.4 * x**0.5, ":", color=figures.colour("ink"), label=r"slope $\frac{1}{2}$")
    axes[1].set(xscale="log", yscale="log", xlabel="$1+c$", ylim=(0.04, 2))
    axes[1].set_ylabel("crossover $q^*$ (1/diameter)")
    axes[1].minorticks_off()
    axes[1].set_xticks([0.01, 0.03, 0.1], ["0.01", "0.03", "0.1"])
    axes[1].set_yticks([0.1, 0.2, 0.5, 1], ["0.1", "0.2", "0.5", "1"])
    axes[1].legend(fontsize=8.5)
    return fig


def twice_figure(table):
    """S(q) with and without antithetic steps, c = -1 and 0; a panel a rule."""
    fig, axes = plt.subplots(1, 2, figsize=(8.2, 3.8), sharey=True)
    for ax, kind in zip(axes, ("BRO", "SGD")):
        for memory, filled in (("", True), ("antithetic", False)):
            some = groups(table, kind, memory=memory)
            for c, (s, error) in means(some).items():
                if c in (-1.0, 0.0):
                    q = some[c][0]
                    face = {} if filled else {"markerfacecolor": figures.colour("paper")}
                    style = figures.process_style(kind, linestyle="none", markersize=5, **face)
                    style |= {"marker": "o" if c else "s", "color": figures.colour(kind)}
                    label = f"$c={c:g}${', antithetic' if memory else ''}"
                    ax.errorbar(q, s, error, label=label, **style)
        ax.set(xscale="log", yscale="log", xlabel=WAVES, title=kind)
        _ticks(ax, (0.3, 0.5, 1, 2))
        ax.legend(fontsize=8, loc="lower right")
    axes[0].set_ylabel("structure factor $S(q)$")
    return fig


def disc_figure(found):
    """psi_6 of the box and the height of the first peak against steps; a shape for each size."""
    fig, axes = plt.subplots(1, 2, figsize=(8.6, 3.9), sharex=True)
    names = {-1.0: "BRO", 0.0: "non-reciprocal BRO"}
    for place, n in enumerate(sorted({n for n, _ in found})):
        for c, name in names.items():
            times = found.get((n, c), {})
            steps = sorted(times)
            for what, ax in enumerate(axes):
                if steps:
                    own = [_of_runs(times[t][what]) for t in steps]
                    style = {"marker": "os^"[place], "ms": 4.5, "lw": 0.9}
                    style |= {"color": figures.colour(name), "label": f"$c={c:g}$, $N={n}$"}
                    ax.errorbar(steps, [e.value for e in own], [e.error for e in own], **style)
    for ax, word in zip(axes, (r"$|\psi_6|$ of the box", "first peak, $S(q_1)/N$")):
        ax.set(xscale="log", yscale="log", xlabel="steps", ylabel=word)
        ax.minorticks_off()
    for ax, ticks in zip(axes, ((0.1, 0.2, 0.5, 1), (0.01, 0.03, 0.1, 0.3, 1))):
        ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes[1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return fig


# Numbers, tables and claims


def line_rows(table, found):
    """For each kind: activity at three correlations, bend, chi^2 of the lines, and what their ratios miss."""
    rows = []
    for kind, one in found.items():
        own = table[(table.kind == kind) & (table.n == SMALL) & (table.memory == "")]
        busy = own.groupby("correlation").activity.mean()
        rows.append(
            {
                "kicks": kind,
                "runs": len(own),
                **{f"activity, c = {name}": busy.get(c, np.nan) for name, c in ENDS.items()},
                "bend": one.bend,
                "χ²/dof": float(np.mean(one.every.misfit)),
            }
        )
    return rows


def ratio_rows(found, again):
    """For each kind: what the ratios miss of the theories, what fits, and contacts kept for ten steps."""
    return [
        {
            "kicks": kind,
            "less theory": one.gaps["fresh"],
            "noise alone": one.gaps["noise"] if PUSH[kind] else None,
            "χ, theory": PUSH[kind],
            "χ that fits": one.shape.chi,
            "misfit": f"{100 * one.shape.miss:.1f} %",
            **{f"A({name})": one.shape.levels.get(c) for name, c in ENDS.items()},
            "kept": again[kind],
        }
        for kind, one in found.items()
    ]


def noise_claims(found, wrong):
    """Of {what: largest deviation}: the noise of one step; `wrong`, that for the sign of c turned."""
    said = (
        "noise added to a wave in one step, measured over predicted: largest deviation over the "
        "threshold of a test with false-alarm rate 0.001."
    )
    made = [
        (f"corr-noise-{what.lower()}", f"{what}: {said}", one, below(1.0), "closed form")
        for what, one in found.items()
    ]
    text = "BRO: the noise of c is that of another correlation (the same test)."
    return [*made, ("corr-control-sign", text, wrong, control(below(1.0)), "negative control")]


def look_numbers(table):
    """How many runs of spheres there are, and when they are looked at: in boxes of both sizes."""
    steps = {n: own.max() for n, own in table.groupby("n").steps}
    return {
        "corr-runs": len(table),
        "corr-looks": LOOKED["looks"],
        "corr-looks-apart": LOOKED["apart"],
        "corr-looks-span": LOOKED["apart"] * (LOOKED["looks"] - 1),
        "corr-looks-from": int(steps[SMALL]),
        "corr-looks-from-large": int(steps[LARGE]),
    }


def line_numbers(table, found, apart):
    """What the text says of S against c."""
    numbers = look_numbers(table)
    for kind, one in found.items():
        name, own = kind.lower(), table[(table.kind == kind) & (table.n == SMALL)]
        busy = own[own.memory == ""].groupby("correlation").activity.mean()
        numbers |= {
            f"corr-apart-{name}": round(float(np.mean(apart[kind])), 2),
            f"corr-bend-{name}": one.bend,
            f"corr-gap-{name}": one.gaps["fresh"],
            f"corr-chi-{name}": one.shape.chi,
            f"corr-miss-{name}": round(100 * one.shape.miss, 1),
            f"corr-busy-opposite-{name}": round(float(busy[-1.0]), 2),
            f"corr-busy-equal-{name}": round(float(busy[1.0]), 2),
        }
    return numbers


def bend_claims(found):
    """S is a straight line in c."""
    text = "coefficient of c² of S(q; c) over S(q; 0), mean of the shells, all correlations."
    rule = within(0.0, 0.1)
    return [
        (f"corr-bend-{kind.lower()}", f"{kind}: {text}", one.bend, rule, "linear response")
        for kind, one in found.items()
    ]


def ratio_claims(found):
    """The slope of S in c over its intercept is that of the theory, and not of others."""
    made, mean = [], "slope over intercept of S(q) in c ≤ 0, mean of the shells to q = 2, less"
    right, wrong = within(0.0, 0.05), control(within(0.0, 0.05))
    for kind, one in found.items():
        name, gap = kind.lower(), one.gaps["fresh"]
        text = f"{kind}: {mean} that of the theory without a free number."
        made.append((f"corr-ratio-{name}", text, gap, right, "linear response"))
    theories = {
        "kind": ("RO kicks along the contact", found["RO"].gaps["other"]),
        "one": ("The two ends of a contact are at one place (g = 1), RO", found["RO"].gaps["one"]),
        "quiet": ("The pushes of BRO make no noise", found["BRO"].gaps["noise"]),
    }
    for name, (text, gap) in theories.items():
        row = (f"corr-control-{name}", f"{text}: {mean} theirs.", gap, wrong, "negative control")
        made.append(row)
    return made


def long_rows(long):
    """For each kind and c: plateau, curvature and q*."""
    rows = []
    for kind, own in long.items():
        for c, one in own.items():
            if c <= -0.75:
                row = {"kicks": kind, "c": c, "S(q → 0)": tuple(one.plateau)}
                row |= {"coefficient of q²": tuple(one.curvature)}
                if -1 < c <= -0.9 and one.crossover:
                    row["q*"] = tuple(one.crossover)
                rows.append(row)
    return rows


def long_claims(long):
    """The plateau vanishes with 1 + c, in proportion to it; the crossover with its square root."""
    made = []
    for kind, own in long.items():
        name, (rest, *_) = kind.lower(), plateau_line(own)
        text = f"{kind}: S(q → 0) at c = -1 over that at c = 0, of a straight line up to c = -0.5."
        made.append((f"corr-plateau-{name}", text, rest, consistent(0.0, 0.02), SEEN))
        power = crossing_power(own)
        if power is not None:
            text = f"{kind}: exponent of the crossover q* in 1 + c, c from -0.99 to -0.9."
            rule = consistent(0.5, 0.1)
            made.append((f"corr-crossover-{name}", text, power, rule, "linear response"))
    near, far = (long["RO"][c].plateau for c in (-0.9, 0.0))
    value = near.value / far.value
    error = value * float(np.hypot(near.error / near.value, far.error / far.value))
    same = Estimate(value, error, far.n, dof=far.dof)
    text = "RO: the plateau at c = -0.9 is that at c = 0 (their ratio)."
    rule = control(consistent(1.0, 0.1))
    made.append(("corr-control-plateau", text, same, rule, "negative control"))
    return made


def state_claims(table):
    """The long waves are steady, and no crystal grows."""
    made = []
    for kind in KINDS:
        text = f"{kind}: ln of S of the longest waves in the last ten looks over the first ten."
        rule = consistent(0.0, 0.1)
        made.append((f"corr-steady-{kind.lower()}", text, steadiness(table, kind), rule, "itself"))
    order = Estimate(float(table.coherence.max()), 0.0, len(table))
    text = (
        "Largest coherence of the bonds of neighbours in any packing of spheres; a crystal has 1."
    )
    made.append(("corr-no-crystal", text, order, below(0.3), "this chapter"))
    return made


def no_order(n, seed, packings=8):
    """Mean coherence of bonds where centres are independent, over some packings."""
    _, phi = CORRELATED["BRO"]
    thrown = [mpack.Packing.random(n=n, phi=phi, dim=3, seed=seed + k) for k in range(packings)]
    return mean_error([structure.bond_order(one).coherence.mean() for one in thrown])


def state_rows(table):
    """For each kind: change of the longest waves over the looks, what is frozen, and the order of bonds."""
    rows = []
    for kind in KINDS:
        own = table[table.kind == kind]
        rows.append(
            {
                "kicks": kind,
                "ln of late over early": steadiness(table, kind),
                "frozen, longest waves, c = −1": frozen_share(table, kind, -1.0),
                "c = 0": frozen_share(table, kind, 0.0),
                "largest coherence": float(own.coherence.max()),
                "largest Q6": float(own.q6.max()),
            }
        )
    return rows


def twice_numbers(rows, found):
    """What the text says of antithetic steps, from the rows of the table and `of_kind` of each kind."""
    numbers = {}
    for kind, kept_, couple, zero, opposite in rows:
        name, chi = kind.lower(), found[kind].shape.chi.value
        only = (couple.value + chi) / (1 + chi)  # at c = -1, if the noise of the kicks alone shrank
        numbers[f"corr-twice-only-{name}"] = round(only, 2)
        numbers |= {f"corr-kept-{name}": round(kept_, 2), f"corr-couple-{name}": couple}
        numbers |= {f"corr-twice-0-{name}": zero, f"corr-twice-1-{name}": opposite}
    return numbers


def twice_claims(ratios_, couples_):
    """Antithetic steps suppress long waves by what a couple of steps adds less."""
    return [
        (
            f"corr-twice-{kind.lower()}",
            f"{kind}, c = 0: S of long waves, antithetic steps over plain ones, less that of noise.",
            ratios_[kind] - couples_[kind],
            consistent(0.0, 0.1),
            "this chapter",
        )
        for kind in ratios_
    ]


def disc_claims(found, steps):
    """Whether the order of discs depends on the size of the box."""
    text = "exponent of {} in the number of discs, after {:,} steps."
    what = ("ψ6 of the box", "the first peak of S(q)/N")
    rows = [
        ("corr-discs-bonds", "c = -1: ", -1.0, 0, consistent(0.0, 0.1), GALLIANO),
        ("corr-discs-places", "c = -1: ", -1.0, 1, consistent(0.0, 0.1), GALLIANO),
        ("corr-discs-none", "c = 0: ", 0.0, 1, below(-0.5), "no order over long distances"),
    ]
    return [
        (id_, start + text.format(what[k], steps), settled_power(found, c, k, steps), rule, source)
        for id_, start, c, k, rule, source in rows
    ]


def latest(found):
    """The last time that most sizes have reached under both correlations."""
    seen = {(steps, n, c) for (n, c), times in found.items() for steps in times}
    sizes = {}
    for steps, n in {(steps, n) for steps, n, _ in seen}:
        if {(steps, n, -1.0), (steps, n, 0.0)} <= seen:
            sizes.setdefault(steps, set()).add(n)
    return max(sizes, key=lambda steps: (len(sizes[steps]), steps))


def disc_rows(found):
    """Each size, correlation and time: bond order of the box and of single discs, and the first peak."""
    rows = []
    for (n, c), times in sorted(found.items()):
        for steps, values in sorted(times.items()):
            bonds, peak, single = (_of_runs(one) for one in values)
            row = {"N": n, "c": c, "steps": steps, "runs": values.shape[1]}
            rows.append(row | {"ψ6, box": bonds, "ψ6, disc": single, "first peak": peak})
    return rows


def disc_numbers(found, steps):
    """What the text says of discs: exponents in N at the last common time, and how long that is."""
    numbers = {"corr-discs-steps": steps}
    least = min(n for n, _ in found)
    for c, name in ((-1.0, "opposite"), (0.0, "independent")):
        for k, what in enumerate(("bonds", "places")):
            numbers[f"corr-{what}-{name}"] = settled_power(found, c, k, steps)
        last = max(found[least, c])
        numbers[f"corr-small-{name}"] = _of_runs(found[least, c][last][0])
    return numbers


def long_numbers(long, wide):
    """What the text says of long waves; `wide` is fitted to more of them."""
    numbers = {f"corr-wide-{kind.lower()}": plateau_line(own)[0] for kind, own in wide.items()}
    for kind, own in long.items():
        rest, _, chi2 = plateau_line(own)
        numbers |= {f"corr-rest-{kind.lower()}": rest, f"corr-rest-chi-{kind.lower()}": chi2}
        if (power := crossing_power(own)) is not None:
            numbers[f"corr-power-{kind.lower()}"] = power
    return numbers
