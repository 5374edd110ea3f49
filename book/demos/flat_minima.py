"""Tables of runs and figures of the chapter on flat minima."""

from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from scipy import stats

from book import campaigns
from book.chapters import above, below, control, within
from mpack import Spec, figures, landscape
from mpack.observables import pair_flatness
from mpack.specification import from_text
from mpack.statistics import Estimate, jackknife, mean_error, mean_errors, paired

KINDS = {"SGD": 0.25, "RCD": 0.25, "GD": 1.0}  # batch fractions, where the learning rate varies
_FRACTIONS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
_PILOT = {"SGD": (15.0, 15.5, 16.3, 16.8, 17.3, 18.0), "RCD": (19.6, 19.8, 19.7, 19.2, 18.7, 18.0)}
PILOT = {  # (process, batch fraction): flatness of a thousand spheres in U0, by another code
    (name, b): value
    for name, values in _PILOT.items()
    for b, value in zip(_FRACTIONS, values, strict=True)
}
PER_THOUSAND = r"$\Delta\tilde V$ per thousand"


BELOW = ("SGD 0.1", "SGD 0.25", "SGD 0.5", "RCD 0.5", "RCD 0.25", "RCD 0.1", "BRO")
EXTREMES = "SGD 0.1", "RCD 0.1"
KINDS_OF_QUENCH = {
    "shorter": "first stage of path 1",
    "main": "as above, path 8",
    "longer": "path 16, other stages twice as long",
    "deeper": "one stage more, to a quarter of the last rate",
    "finer": "path 8 at a quarter of the first rate",
}
QUENCHES = {  # (rates, steps) of each stage: what the quench is called
    tuple((rule.alpha, steps) for rule, steps in stages): name
    for name, stages in {"main": landscape.quench_stages(), **campaigns.QUENCHES}.items()
}


def joined(parts):
    """Runs of 4000 spheres of several archives, with their flatness in U0 per thousand spheres and their path."""
    table = pd.concat(parts, ignore_index=True).drop_duplicates("key")
    table = table[table.n == 4000].copy()
    table["flat"] = table["flatness_0.015"] / 4  # of 4000 spheres; U0 is 1/2
    table["alpha"] = table.alpha.round(6)  # 0.005/0.05 is 0.1
    push = (table.alpha * table.batch_fraction).fillna(table.eps)  # the path of one step
    table["path"] = push * table.steps_asked
    return table


def runs_of(rows, process, b, phi):
    """The rows of one process, batch fraction (None for BRO) and packing fraction."""
    batch = rows.batch_fraction.isna() if b is None else rows.batch_fraction == b
    return rows[(rows.process == process) & batch & (rows.phi == phi)]


def difference(a, b, relative_to=None):
    """Mean difference of the flatness of runs a and b from the same starts; relative to the mean of one of them."""
    gap = paired(a.set_index("seed").flat, b.set_index("seed").flat)
    return gap if relative_to is None else gap / (a, b)[relative_to].flat.mean()


def differences(a, b, couples, relative_to=None):
    """{(process, packing fraction): `difference`} of couples (process, batch fraction) of a and of b, four items."""
    return {
        (name, phi): difference(
            runs_of(a, name, own, phi), runs_of(b, other, its, phi), relative_to
        )
        for phi in sorted(a.phi.unique())
        for name, own, other, its in couples
    }


def by_density(estimates, factor=1):
    """Rows of a table, one a packing fraction, of {(name, packing fraction): estimate}."""
    names, densities = (dict.fromkeys(part) for part in zip(*estimates, strict=True))
    return [
        {"φ": f"{where:.2f}"} | {name: factor * estimates[name, where] for name in names}
        for where in densities
    ]


def magnitude(estimate):
    """The absolute value of an estimate, with its error and number of samples."""
    return abs(estimate.value), estimate.error, estimate.n


def over_densities(estimates, name):
    """The weighted mean of one process's estimates over all packing fractions."""
    own = [estimate for (process, _), estimate in estimates.items() if process == name]
    values, errors = np.array([tuple(estimate) for estimate in own]).T
    weight = errors**-2 / np.sum(errors**-2)
    return Estimate(weight @ values, np.sum(errors**-2) ** -0.5, own[0].n * len(own))


def closest(rows):
    """RCD above gradient descent above SGD: the smallest difference at any learning rate, in standard errors."""
    gaps = []
    for _, own in rows.groupby("alpha"):
        sgd, rcd, gd = (runs_of(own, name, b, 0.70) for name, b in KINDS.items())
        gaps += [difference(rcd, gd), difference(gd, sgd)]
    return min(gap.value / gap.error for gap in gaps)


def beside_pilot(ours):
    """Rows of a table of flatness, one a batch fraction: {(process, batch fraction): estimate} and the pilot's."""
    rows = {}
    for (name, b), value in PILOT.items():
        row = rows.setdefault(b, {"batch fraction": b})
        row |= {f"{name}, here": ours[name, b], f"{name}, pilot": value}
    return list(rows.values())


def is_pilot(n, phi, alpha, sigma):
    """Whether runs are those that the pilot's numbers are of."""
    return (n, phi, alpha, sigma) == (1000, 0.70, 0.02, 0.015)


def gap_density(rows):
    """Mean density of gaps over rows of the archive: the middles of the bins, and rho(h)."""
    low, high = rows.iloc[0].arrays["gaps"]["edges"]
    counts = np.array([row["gaps"]["counts"] for row in rows.arrays])
    edges = np.linspace(low, high, counts.shape[1] + 1)
    return 0.5 * (edges[1:] + edges[:-1]), 2 * counts.mean(axis=0) / (4000 * np.diff(edges))


def origin(text):
    """The run at whose end a quench began, and the rates and steps of the quench, of a specification's text.

    What records nothing on its way, and has another run for its start, is a stage of a quench.
    """
    spec, stages = from_text(text), []
    while isinstance(spec.start, Spec) and getattr(spec.record[-1], "steps", None) == (0,):
        stages.insert(0, (spec.dynamics.alpha, spec.steps))
        spec = spec.start
    return spec, tuple(stages)


def quenched(runs, before):
    """States and the minima below them: one row each, from the campaign of quenches and the table of steady states.

    Columns: rule ("SGD 0.1", "GD", ..., "start"), phi, seed, quench ("" for a state, else a name of
    QUENCHES), flat_SIGMA and flat, the flatness in U0 per thousand spheres (flat is that at 0.015),
    energy in thousandths a sphere, touching and overlapping, neighbours a sphere with a gap within
    0.001 of contact and below that, and force, the net force a sphere that the last stage still
    follows.
    """
    states = before[before.phi.isin(campaigns.QUENCH_PHIS)]
    rows = pd.concat((runs, states), ignore_index=True).drop_duplicates("key")
    return pd.DataFrame([_row(run) for run in rows.to_dict("records")])


def _row(run):
    """One row of `quenched`."""
    spec, stages = origin(run["spec"])
    batch, name = getattr(spec.dynamics, "batch_fraction", 1.0), spec.dynamics.label
    name = name if batch == 1.0 else f"{name} {batch:g}"
    name = "start" if getattr(spec.dynamics, "alpha", 0.0) == 0.1 else name
    row = {"rule": name, "phi": spec.phi, "seed": spec.seed}
    row |= {"quench": QUENCHES[stages] if stages else "", "energy": 1e3 * run["energy"] / spec.n}
    row |= {f"flat_{width!r}": run[f"flatness_{width!r}"] / 4 for width in campaigns.FLAT_SIGMAS}
    row["flat"] = row["flat_0.015"]
    if stages:
        counts = np.array(run["arrays"]["gaps"]["counts"], dtype=float)
        middle = len(counts) // 2
        row["touching"] = 2 * counts[middle - 1 : middle + 1].sum() / spec.n
        row["overlapping"] = run["z"] - row["touching"]
        row["force"] = run["msd"] ** 0.5 / (stages[-1][0] * stages[-1][1])
    return row


def against(rows, rule, phi, column="flat", quench="main", other="GD"):
    """A column of the runs of a rule, and that of the other's, by seed: before the quench ("") or after it."""
    own = rows[(rows.phi == phi) & (rows.quench == quench)].set_index("seed")[["rule", column]]
    one, two = (own[own.rule == name][column] for name in (rule, other))
    common = one.index.intersection(two.index).sort_values()
    return one.loc[common], two.loc[common]


def parted(rows, rule, phi, quench="main"):
    """The flatness of a rule less that of gradient descent, taken apart over pairs of runs from one start.

    Four estimates: "states", the difference in the steady states; "minima", that in the minima
    below, which is selection; "dressing", what goes with the quench; and "share", the second over
    the first, with a jackknife's error.
    """
    gaps = [pd.Series(np.subtract(*against(rows, rule, phi, quench=w))) for w in ("", quench)]
    both = pd.concat(gaps, axis=1).dropna().to_numpy()
    return {
        "states": mean_error(both[:, 0]),
        "minima": mean_error(both[:, 1]),
        "dressing": mean_error(both[:, 0] - both[:, 1]),
        "share": jackknife(lambda some: some[:, 1].mean() / some[:, 0].mean(), both),
    }


def relative(rows, rule, phi, column, quench="main", other="GD"):
    """A column of a rule's minima less that of the other's, over pairs of runs, in per cent of the latter."""
    own, other = against(rows, rule, phi, column, quench, other)
    return 100 * paired(own, other) / other.mean()


def selection(rows):
    """{(rule, phi): `parted`} of all rules and densities."""
    return {(rule, phi): parted(rows, rule, phi) for rule in BELOW for phi in campaigns.QUENCH_PHIS}


def part(parts, name):
    """One of the four parts of all rules and densities."""
    return {which: own[name] for which, own in parts.items()}


def numbers_below(rows, parts):
    """What the text says of the minima: runs a point, flatness and contacts at packing fraction 0.70."""
    found = {"flat-below-runs": min(own["minima"].n for own in parts.values())}
    for rule in EXTREMES:
        slug = rule[:3].lower()
        found[f"flat-selected-{slug}"] = parts[rule, 0.70]["minima"]
        found[f"flat-dressing-{slug}"] = parts[rule, 0.70]["dressing"]
        found[f"flat-touching-{slug}"] = mean_error(against(rows, rule, 0.70, "touching")[0])
        found[f"flat-overlapping-{slug}"] = mean_error(against(rows, rule, 0.70, "overlapping")[0])
    found["flat-touching-gd"] = mean_error(against(rows, "GD", 0.70, "touching")[1])
    found["flat-overlapping-gd"] = mean_error(against(rows, "GD", 0.70, "overlapping")[1])
    for where, kind in (("below", "main"), ("above", "")):
        found[f"flat-{where}-gd"] = mean_error(against(rows, "GD", 0.70, quench=kind)[1])
    return found


def energies_below(rows):
    """What the text says in per cent: minima against gradient descent's."""
    left = [relative(rows, rule, phi, "flat") for rule in EXTREMES for phi in campaigns.QUENCH_PHIS]
    return {
        "flat-deeper-sgd": relative(rows, "SGD 0.1", 0.70, "energy"),
        "flat-deeper-rcd": relative(rows, "RCD 0.1", 0.70, "energy"),
        "flat-deeper-sgd-65": relative(rows, "SGD 0.1", 0.65, "energy"),
        "flat-deeper-sgd-90": relative(rows, "SGD 0.1", 0.90, "energy"),
        "flat-left-most": max(left, key=lambda one: abs(one.value)),
        "flat-left-hasty": 100 * parted(rows, "SGD 0.1", 0.70, "shorter")["share"],
        "flat-start-below": relative(rows, "start", 0.70, "flat"),
        "flat-start-energy": relative(rows, "start", 0.70, "energy"),
    }


def moved(state, below):
    """Root mean square displacement on an axis from a packing to what lies below it, in mean diameters."""
    way = below.positions - state.positions
    way -= state.box * np.round(way / state.box)
    return float(np.sqrt(np.mean(way**2)))


def energy_table(rows):
    """Energy of the minima less that of gradient descent's, in per cent, one row a packing fraction."""
    every = ((rule, phi) for rule in BELOW for phi in campaigns.QUENCH_PHIS)
    return by_density({which: relative(rows, *which, "energy") for which in every})


def other_quenches(rows):
    """Rows of a table: what quenches of other kinds find at packing fraction 0.70, for SGD 0.1 and gradient descent."""
    found = []
    for name, what in KINDS_OF_QUENCH.items():
        level = mean_error(against(rows, "SGD 0.1", 0.70, quench=name)[1][:8])
        parts = parted(rows, "SGD 0.1", 0.70, name)
        found.append(
            {
                "quench": what,
                "GD's minima": level,
                "SGD's less GD's": parts["minima"],
                "share left": parts["share"],
                "energy, %": relative(rows, "SGD 0.1", 0.70, "energy", name),
            }
        )
    return found


def batch_claims(gaps):
    """The claims on the paper's Fig. 4, from {(process, packing fraction): difference from gradient descent}."""
    signs = {"SGD": below(0.0), "RCD": above(0.0)}
    text = (
        "Flatness at batch fraction 0.1 less that of gradient descent, {}, packing fraction {:.2f}."
    )
    return [
        (
            f"flat-{name.lower()}-{100 * where:.0f}",
            text.format(name, where),
            gap,
            signs[name],
            "arXiv:2411.11834, Fig. 4",
        )
        for (name, where), gap in gaps.items()
    ]


def steps_in_batch(rows):
    """{(process, batch fraction, next larger one): relative rise of the flatness between them}.

    Of runs from one start, averaged over all packing fractions; and numbers to record: how
    many of the single differences, at one packing fraction, have the other sign by three errors.
    """
    fractions = sorted(rows[rows.process == "SGD"].batch_fraction.unique()) + [1.0]
    found, against = {}, 0
    for name, sign in (("SGD", 1), ("RCD", -1)):
        for a, b in pairwise(fractions):
            own = {}
            for phi in sorted(rows.phi.unique()):
                low = runs_of(rows, name, a, phi).set_index("seed").flat
                high = runs_of(rows, name if b < 1 else "GD", b, phi).set_index("seed").flat
                own[phi] = (high - low) / high.mean()
                single = mean_error(own[phi].dropna())
                against += sign * single.value < -3 * single.error
            found[name, a, b] = mean_error(pd.DataFrame(own).dropna().mean(axis=1))
    counted = {
        "flat-steps-against": int(against),
        "flat-steps-in-all": len(found) * rows.phi.nunique(),
    }
    return found, counted


def monotonic_claims(steps):
    """The claims that flatness is monotonic in the batch fraction, of `steps_in_batch`."""
    signs = {"SGD": above(0.0), "RCD": below(0.0)}
    text = "{}: relative rise of the flatness from batch fraction {:g} to {:g}, all densities."
    return [
        (
            f"flat-step-{name.lower()}-{100 * a:03.0f}",
            text.format(name, a, b),
            rise,
            signs[name],
            "arXiv:2411.11834, Fig. 4",
        )
        for (name, a, b), rise in steps.items()
    ]


def rebuilt_claims(shown, rebuilt):
    """The claims that flatness is rebuilt from gaps, from {process: runs} and {process: flatness}."""
    made = []
    for name, rows in shown.items():
        batch = "" if name == "GD" else ", b_f=0.1"
        text = f"{name}{batch}: flatness rebuilt from the density of gaps over the flatness itself."
        ratio = rebuilt[name] / rows.flat.mean(), 0.0, len(rows)
        slug = f"flat-from-gaps-{name.lower()}"
        made.append((slug, text, ratio, within(1.0, 0.005), "closed form"))
    return made


def peaks(shown, rho, width):
    """Height of the density of gaps at its peak, with the error of its count, for each process."""
    found = {}
    for name, rows in shown.items():
        peak = rho[name].max()
        error = (2 * peak / (4000 * width * len(rows))) ** 0.5
        found[f"flat-peak-{name.lower()}"] = peak, error, len(rows)
    return found


def matched_claims(off, matched):
    """The claims on BRO and individual BRO against the rules they match, from their relative differences."""
    made = []
    for name, match in matched.items():
        if name != "non-reciprocal BRO":
            text = f"Flatness of {name} less that of the matched {match}, relative to it, over all densities."
            found, slug = over_densities(off, name), f"flat-{name.lower().replace(' ', '-')}"
            made.append((slug, text, found, within(0.0, 0.04), "the matching rule"))
    return made


def below_claims(rows, parts):
    """The claims on what lies below, as rows for `chapters.claims`."""
    made = []
    for rule in EXTREMES:
        slug = rule[:3].lower()
        for phi in campaigns.QUENCH_PHIS:
            at, own = f"{100 * phi:.0f}", parts[rule, phi]
            text = (
                f"Of the difference in flatness between {rule[:3]} at b_f = 0.1 and gradient descent, the "
                f"share that is still there in the minima below, packing fraction {phi:.2f}."
            )
            made.append((f"flat-share-{slug}-{at}", text, own["share"], within(0.0, 0.2)))
            text = (
                f"Flatness of the minima below {rule[:3]} at b_f = 0.1 less that of gradient descent's, "
                f"relative, packing fraction {phi:.2f}."
            )
            level = relative(rows, rule, phi, "flat") / 100
            made.append((f"flat-minima-{slug}-{at}", text, level, within(0.0, 0.01)))
    for phi in campaigns.QUENCH_PHIS:
        text = (
            "Energy of the minima below SGD at b_f = 0.1 less that of gradient descent's, in per cent, "
            f"packing fraction {phi:.2f}."
        )
        found = relative(rows, "SGD 0.1", phi, "energy")
        made.append((f"flat-lower-{100 * phi:.0f}", text, found, below(0.0), "this book", "%"))
    return made


def quench_claims(rows):
    """The claims on the quench itself at packing fraction 0.70, and negative controls."""
    made = []
    text = (
        "Flatness of gradient descent's steady states over that of the minima below them, packing "
        "fraction 0.70: near enough to a minimum to have its flatness, to a tenth."
    )
    state, minimum = (against(rows, "GD", 0.70, quench=which)[1] for which in ("", "main"))
    ratio = mean_error((state / minimum).dropna())
    made.append(("flat-near-minimum", text, ratio, within(1.0, 0.1), "arXiv:2411.11834"))
    for name in ("longer", "deeper", "finer"):
        pairs = [
            pd.Series(np.subtract(*against(rows, "SGD 0.1", 0.70, quench=which)))
            for which in (name, "main")
        ]
        whole = abs(parted(rows, "SGD 0.1", 0.70)["states"].value)
        text = (
            f"SGD at b_f = 0.1 less gradient descent in the minima: what a {name} quench changes, in units "
            "of the difference between the steady states."
        )
        made.append((f"flat-quench-{name}", text, paired(*pairs) / whole, within(0.0, 0.1)))
    text = (
        "Negative control: the share that a hasty quench, an eighth as long, takes for selection."
    )
    hasty = parted(rows, "SGD 0.1", 0.70, "shorter")["share"]
    made.append(("control-flat-hasty", text, hasty, control(within(0.0, 0.05))))
    text = (
        "Negative control: the same comparison for the coarse start, quenched at once, which is "
        "another place: its flatness less that of gradient descent's minima, relative."
    )
    start = relative(rows, "start", 0.70, "flat") / 100
    made.append(("control-flat-start", text, start, control(within(0.0, 0.01))))
    return made


def pair(sigma, gaps, drawn, errors):
    """Energy change of one pair against its gap, closed form and drawn; its size against the width."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.0, 3.3))
    h, ink = np.linspace(-0.12, 0.08, 401), figures.colour("ink")
    for width, look in ((0.5 * sigma, ":"), (sigma, "-"), (2 * sigma, "--")):
        label = rf"$\sigma = {width:g}$"
        left.plot(h, 1e3 * pair_flatness(1 + h, width, 3), look, color=ink, label=label)
    look = {"fmt": "o", "color": figures.colour("active"), "label": "drawn"}
    left.errorbar(gaps, 1e3 * drawn, 1e3 * errors, **look)
    left.set(xlabel="gap $h$ (mean diameters)", ylabel=r"$10^3\,\Delta u$", title="One pair")
    width = np.geomspace(2e-4, 0.1, 60)
    for gap, name, look in ((0.0, "contact", "-"), (-0.1, "overlap 0.1, sign turned", "--")):
        value = np.array([pair_flatness(1 + gap, w, 3) for w in width])
        right.plot(width, np.abs(value), look, color=ink, label=name)
    right.set(xscale="log", yscale="log", title="Linear and quadratic")
    right.set(xlabel=r"$\sigma$ (mean diameters)", ylabel=r"$|\Delta u|$")
    left.legend()
    right.legend()
    return fig


def curvature(bare, blurred, sigma):
    """Histograms of the eigenvalues of the Hessian at a point and seen through a blur."""
    fig, axes = plt.subplots(1, 2, figsize=(8.0, 3.0))
    axes[0].hist(bare.values, bins=60, color=figures.colour("inactive"))
    axes[0].set(title=r"Hessian at a point, $\sigma=0$", ylabel="modes")
    axes[1].hist(blurred.values, bins=60, color=figures.colour("SGD"))
    axes[1].set_title(rf"seen through a blur, $\sigma={sigma:g}$")
    for ax in axes:
        ax.set_xlabel("eigenvalue (energy per squared diameter)")
        ax.axvline(0, color=figures.colour("ink"), linewidth=0.8)
    return fig


def settling(from_random, from_calm, per_thousand):
    """Flatness and energy against path from two starts: {process: `mpack.landscape.Settling` of all runs} of each."""
    fig, axes = plt.subplots(1, 2, figsize=(8.0, 3.5))
    for ax, column, unit in zip(axes, ("flatness", "energy"), (per_thousand, 1), strict=True):
        for name in from_calm:
            for runs, look in ((from_random[name], "--"), (from_calm[name], "-")):
                mean, error = mean_errors([unit * getattr(one, column) for one in runs])
                style = figures.process_style(name, linestyle=look, markersize=3.5)
                label = name if look == "-" else None
                ax.errorbar(runs[0].path, mean, error, label=label, **style)
        ax.set(xscale="log", xlabel=r"path $\alpha b_f k$ (mean diameters)")
    axes[0].set(ylabel=f"{PER_THOUSAND} spheres", title="Flatness")
    axes[1].set(ylabel="energy per sphere", title="Energy", yscale="log")
    axes[0].legend()
    return fig


def monte_carlo(z):
    """Sorted deviations, in standard errors, against the quantiles of the normal law."""
    fig, ax = plt.subplots(figsize=(5.6, 3.2))
    expected = stats.norm.ppf((np.arange(len(z)) + 0.5) / len(z))
    ax.plot(expected, expected, color=figures.colour("muted"))
    ax.plot(expected, np.sort(z), "o", color=figures.colour("series 1"), markersize=4)
    ax.set(xlabel="quantiles of the standard normal law", ylabel="(drawn − exact)/error")
    return fig


def batch(rows):
    """Flatness against batch fraction, a panel for each packing fraction."""
    fig, axes = plt.subplots(2, 3, figsize=(8.2, 5.0), sharex=True, sharey=True)
    for ax, where in zip(axes.flat, sorted(rows.phi.unique()), strict=True):
        level = runs_of(rows, "GD", 1.0, where).flat
        ax.axhline(level.mean(), color=figures.colour("GD"), linewidth=0.9, linestyle=":")
        for name in ("SGD", "RCD"):
            own = rows[(rows.process == name) & (rows.phi == where)].groupby("batch_fraction")
            line = own.flat.agg(["mean", "sem"])
            line.loc[1.0] = level.mean(), level.sem()
            style = figures.process_style(name)
            ax.errorbar(line.index, line["mean"], line["sem"], label=name, **style)
        for name, b, place in (
            ("GD", 1.0, 1.0),
            ("BRO", None, 0.75),
            ("individual BRO", None, 0.75),
        ):
            level = runs_of(rows, name, b, where).flat
            style = figures.process_style(name, linestyle="none")
            ax.errorbar([place], level.mean(), level.sem(), label=name, **style)
        ax.set_title(rf"$\phi = {where:.2f}$")
    for ax in axes[1]:
        ax.set_xlabel("batch fraction $b_f$")
    for ax in axes[:, 0]:
        ax.set_ylabel(PER_THOUSAND)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=5)
    return fig


def rates(rows, same, product):
    """Flatness against learning rate at fixed batch fraction, and against batch fraction at fixed mean step."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.5))

    def draw(ax, own, by, label, name):
        line = own.groupby(by).flat.agg(["mean", "sem"])
        style = figures.process_style(name)
        ax.errorbar(line.index, line["mean"], line["sem"], label=label, **style)

    for name, b in KINDS.items():
        own = rows[(rows.process == name) & (rows.batch_fraction == b)]
        draw(left, own, "alpha", name if b == 1 else f"{name}, $b_f={b:g}$", name)
    left.set(xscale="log", xlabel=r"learning rate $\alpha$", ylabel=PER_THOUSAND)
    left.set_title("Fixed batch fraction")
    for name in ("SGD", "RCD"):
        draw(right, same[same.process.isin((name, "GD"))], "batch_fraction", name, name)
    right.set(xscale="log", xlabel="batch fraction $b_f$")
    right.set_title(rf"Fixed mean step $\alpha b_f = {product:g}$")
    left.legend()
    right.legend()
    return fig


def minima(rows, parts):
    """Flatness of states and minima less gradient descent's; the length of the quench; energy of the minima."""
    fig, axes = plt.subplots(1, 3, figsize=(9.6, 3.7))
    phis, zero = campaigns.QUENCH_PHIS, {"color": figures.colour("muted"), "linewidth": 0.8}
    for rule in EXTREMES:
        for part, face, look, label in (
            ("states", figures.colour("paper"), "--", "steady states"),
            ("minima", figures.colour(rule[:3]), "-", "minima below"),
        ):
            mean, error = np.array([tuple(parts[rule, phi][part]) for phi in phis]).T
            style = figures.process_style(rule[:3], linestyle=look) | {"markerfacecolor": face}
            axes[0].errorbar(phis, mean, error, label=f"{rule[:3]}, {label}", **style)
    axes[0].set(xlabel=r"packing fraction $\phi$", ylabel=f"{PER_THOUSAND} less GD's")
    axes[0].set_title("$b_f = 0.1$")
    paths = {"shorter": 1.0, "main": 8.0, "longer": 16.0}
    left = [parted(rows, "SGD 0.1", 0.70, name) for name in paths]
    mean, error = np.array([tuple(left[0]["states"]), *(tuple(one["minima"]) for one in left)]).T
    style = figures.process_style("SGD", label="SGD, quenched longer and longer")
    axes[1].errorbar([0.0, *paths.values()], mean, error, **style)
    axes[1].set(xlabel="path of the quench (mean diameters)", ylabel=f"{PER_THOUSAND} less GD's")
    axes[1].set_title(r"Quenched, $\phi = 0.70$")
    batches, markers = (0.1, 0.25, 0.5), ("o", "s", "^", "D")
    for phi, marker, series in zip(phis, markers, figures.SERIES, strict=True):
        found = [tuple(relative(rows, f"SGD {b:g}", phi, "energy")) for b in batches]
        mean, error = np.array([*found, (0.0, 0.0)]).T
        style = {"marker": marker, "color": figures.colour(series), "markersize": 4.5}
        axes[2].errorbar([*batches, 1.0], mean, error, label=rf"$\phi = {phi:.2f}$", **style)
    axes[2].set(xlabel="batch fraction $b_f$ of SGD", ylabel="energy of the minima less GD's, %")
    axes[2].set_title("Lower, not flatter")
    for ax in axes:
        ax.axhline(0, **zero)
    axes[2].legend(fontsize=8)
    fig.legend(
        *axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=4, fontsize=8.5
    )
    return fig


def widths(sigmas, flatness):
    """Flatness against the width of the perturbations, {process: runs, a column each sigma}, and its local exponent."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.5))
    for name, values in flatness.items():
        style = figures.process_style(name)
        left.errorbar(sigmas, values.mean(), values.sem(), label=name, **style)
        slope = np.diff(np.log(values.mean())) / np.diff(np.log(sigmas))
        right.plot(np.sqrt(np.multiply(sigmas[1:], sigmas[:-1])), slope, label=name, **style)
    left.set(xscale="log", yscale="log", xlabel=r"$\sigma$ (mean diameters)", ylabel=PER_THOUSAND)
    left.legend()
    right.set(xscale="log", xlabel=r"$\sigma$ (mean diameters)")
    right.set(ylabel="local exponent", ylim=(0.8, 2.2))
    return fig


def mechanism(h, densities, weight):
    """Densities of gaps {process: rho}, their differences from gradient descent, and these summed with the weight."""
    fig, axes = plt.subplots(1, 3, figsize=(9.0, 3.4))
    base, width = densities["GD"], h[1] - h[0]
    for name, rho in densities.items():
        style = figures.process_style(name, marker="")
        axes[0].plot(h, rho, label=name if name == "GD" else f"{name}, $b_f=0.1$", **style)
        if name != "GD":
            axes[1].plot(h, rho - base, **style)
            axes[2].plot(h, np.cumsum((rho - base) * weight) * width * 1000, **style)
    look = {"color": figures.colour("inactive"), "alpha": 0.5, "linewidth": 0}
    axes[0].fill_between(h, 80 * weight / weight.max(), **look)
    axes[0].set(ylabel=r"density of gaps $\rho(h)$", title="Contacts")
    axes[1].set(title="less those of GD")
    axes[2].set(title=r"summed with $\Delta u$", ylabel=r"$\Delta\tilde V$ less GD, up to $h$")
    axes[0].legend(fontsize=8, loc="upper left")
    for ax in axes:
        ax.set(xlabel="gap $h$", xlim=(-0.08, 0.08))
    return fig


def agitation(shaken):
    """Flatness against agitation, one point a rule; open where the learning rate is another one."""
    fig, ax = plt.subplots(figsize=(5.8, 4.0))
    for (name, other), rows in shaken.groupby(["name", "other rate"]):
        face = {"markerfacecolor": figures.colour("paper")} if other else {}
        style = figures.process_style(name, linestyle="none") | face
        label = None if other else name
        ax.errorbar(rows.agitation, rows.flat, xerr=rows.error, label=label, **style)
    ax.set(xscale="log", xlabel="agitation $A$ (mean diameters)", ylabel=PER_THOUSAND)
    ax.legend()
    return fig
