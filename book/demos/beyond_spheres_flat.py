"""Flatness of prolate bodies beside that of spheres, in steady states and in the minima below."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

import mpack
from book import campaigns
from book.chapters import above, below, control, within
from book.demos.flat_minima import (
    PER_THOUSAND,
    QUENCHES,
    against,
    origin,
    over_densities,
    parted,
    relative,
)
from mpack import figures, landscape
from mpack.statistics import mean_error, paired

BODY, BALL = campaigns.FLAT_BODIES
SHARED = 0.02  # learning rate of the runs that are not about it, and of the rules that BRO matches
EXTREMES = "SGD 0.1", "RCD 0.1"
MATCHED = {"BRO": "SGD 0.75", "individual BRO": "RCD 0.75"}


def rows_of(table):
    """States and the minima below them, a row each, of the campaign.

    Columns: shape, rule ("SGD 0.1", "GD", "BRO", ...), batch (its fraction; 3/4 for BRO), alpha, phi,
    seed, path (whole: 20 diameters, or half), quench ("" for a state), flat, the flatness in U0 per
    thousand particles, energy in thousandths a particle, and activity.
    """
    return pd.DataFrame([_row(run) for run in table.to_dict("records")])


def _row(run):
    spec, stages = origin(run["spec"])
    rule, name = spec.dynamics, spec.dynamics.label
    batch = getattr(rule, "batch_fraction", 0.75)
    path = spec.steps * landscape.drift_rate(rule)
    return {
        "shape": BALL if spec.axes is None else BODY,
        "rule": name if batch == 1.0 or "BRO" in name else f"{name} {batch:g}",
        "batch": batch,
        "alpha": getattr(rule, "alpha", SHARED),
        "phi": spec.phi,
        "seed": spec.seed,
        "path": "half" if path < 15 else "whole",
        "quench": QUENCHES[stages] if stages else "",
        "flat": 1e3 * run["flatness_sampled_0.015"] / spec.n,
        "energy": 1e3 * run["energy"] / spec.n,
        "activity": run["activity"],
    }


def chosen(rows, shape=BODY, path="whole", alpha=SHARED):
    """The rows of one shape, path and learning rate."""
    return rows[(rows["shape"] == shape) & (rows.path == path) & np.isclose(rows.alpha, alpha)]


def beyond(shape, phi):
    """How far a packing fraction lies above the transition of its shape, about, in per cent."""
    return 100 * (phi / campaigns.BODIES[shape][2][SHARED] - 1)


def heights(located):
    """How far the packing fractions lie above phi_c, BRO's at the learning rate that runs share, in per cent."""
    found = {}
    for shape, phis in campaigns.FLAT_BODIES.items():
        name, point = "ball" if shape == BALL else "body", located[shape, "BRO", SHARED].estimate
        for word, phi in zip(("low", "middle", "high"), phis, strict=True):
            ratio = phi / point.value
            error = ratio * point.error / point.value
            found[f"flat-above-{name}-{word}"] = 100 * (ratio - 1), 100 * error
    return found


def gaps(rows, column, quench=""):
    """{(shape, rule, phi): a column of a rule less that of gradient descent, in per cent}, for batch fraction 0.1."""
    return {
        (shape, rule, phi): relative(chosen(rows, shape), rule, phi, column, quench)
        for shape, phis in campaigns.FLAT_BODIES.items()
        for rule in EXTREMES
        for phi in phis
    }


def kicks(rows):
    """{rule: flatness at the largest learning rate less that at the smallest, in per cent of the latter}."""
    phi, rates = campaigns.FLAT_BODIES[BODY][-1], campaigns.FLAT_BODY_RATES
    found = {}
    for rule in ("SGD 0.25", "RCD 0.25", "GD"):
        low, high = (_states(chosen(rows, alpha=a), rule, phi) for a in (min(rates), max(rates)))
        found[rule] = 100 * paired(high, low) / low.mean()
    return found


def _states(rows, rule, phi, column="flat"):
    """A column of the steady states of a rule, by seed."""
    own = rows[(rows.rule == rule) & (rows.phi == phi) & (rows.quench == "")]
    return own.set_index("seed")[column]


def matched(rows):
    """{(process, phi): flatness of BRO less that of the SGD, or RCD, that it matches, in per cent}."""
    own = chosen(rows)
    return {
        (name, phi): relative(own, name, phi, "flat", "", other)
        for name, other in MATCHED.items()
        for phi in campaigns.FLAT_BODIES[BODY]
    }


def rises(rows):
    """{(rule, phi): rise of the flatness of bodies in the second half of the path, in per cent}."""
    found = {}
    for rule in (*EXTREMES, "GD"):
        for phi in campaigns.FLAT_BODIES[BODY]:
            early, late = (_states(chosen(rows, path=p), rule, phi) for p in ("half", "whole"))
            found[rule, phi] = 100 * paired(late, early) / early.mean()
    return found


# ------------------------------------------------------------------------------------------------
# what a flatness without turning leaves out


def live_states(n, runs, seed, phi=0.78):
    """States of SGD at batch fraction 1/4, of prolate bodies, made as those of the campaign are."""
    rule = mpack.SGD(alpha=SHARED, batch_fraction=0.25)
    found = []
    for k in range(seed, seed + runs):
        start = mpack.Packing.random(n=n, phi=phi, dim=3, seed=k, axes=campaigns.BODIES[BODY][1])
        calm = landscape.coarse_start(start, seed=k)
        steps = landscape.steps_of_path(rule, 20.0)
        found.append(mpack.simulate(calm, rule, steps=steps, seed=k, record=()).final)
    return found


def with_and_without_turning(packings, sigma, seed, samples=500):
    """Flatness of bodies that are displaced and turned, and of the same displaced alone: two arrays."""
    how = {"samples": samples, "seed": seed}
    return np.array(
        [
            [mpack.flatness(one, sigma, rotation=k, **how).delta_v for one in packings]
            for k in (1.0, None)
        ]
    )


def still_control(turned, still):
    """The negative control: flatness of displaced bodies in the place of that of displaced and turned ones."""
    text = "Negative control: flatness of states whose bodies are displaced alone, over that with turns."
    ratio = mean_error(np.divide(still, turned))
    return "control-bodies-flat-still", text, ratio, control(within(1.0, 0.05)), "wrong on purpose"


# ------------------------------------------------------------------------------------------------
# claims and numbers


def claims(rows):
    """The rows of all claims of the section for `chapters.claims`."""
    return _state_claims(rows) + _kick_claims(rows) + _matched_claims(rows) + _minima_claims(rows)


def _state_claims(rows):
    """The signs of Fig. 4 in the steady states, and of the energy."""
    made = []
    signs = {"SGD 0.1": below(0.0), "RCD 0.1": above(0.0)}
    for (shape, rule, phi), gap in gaps(rows, "flat").items():
        if shape == BODY:
            text = f"{BODY}, φ = {phi:g}: flatness of {rule} less that of gradient descent."
            found = _slug("bodies-flat", rule, phi), text, gap, signs[rule]
            made.append((*found, "arXiv:2411.11834, Fig. 4", "%"))
    opposite = {"SGD 0.1": above(0.0), "RCD 0.1": below(0.0)}  # as spheres have it
    phi = campaigns.FLAT_BODIES[BODY][-1]
    for rule, sign in opposite.items():
        gap = relative(chosen(rows), rule, phi, "energy", "")
        text = f"{BODY}, φ = {phi:g}: energy of the states of {rule} less that of gradient descent."
        made.append((_slug("bodies-flat-energy", rule, phi), text, gap, sign, "as spheres", "%"))
    return made


def _kick_claims(rows):
    """That larger learning rates flatten every rule."""
    low, high = (f(campaigns.FLAT_BODY_RATES) for f in (min, max))
    text = "{}, φ = {:g}: flatness of {} at α = {:g} less that at {:g}."
    phi = campaigns.FLAT_BODIES[BODY][-1]
    return [
        (
            f"bodies-flat-kicks-{rule[:3].lower().strip()}",
            text.format(BODY, phi, rule, high, low),
            found,
            below(0.0),
            "as spheres",
            "%",
        )
        for rule, found in kicks(rows).items()
    ]


def _matched_claims(rows):
    """That the matching rule holds for flatness, as for that of spheres."""
    found = matched(rows)
    text = "{}: flatness of {} less that of the {} it matches, over all packing fractions."
    return [
        (
            f"bodies-flat-matched-{name.split()[0].lower()}",
            text.format(BODY, name, other),
            over_densities(found, name),
            within(0.0, 4.0),
            "the matching rule",
            "%",
        )
        for name, other in MATCHED.items()
    ]


def _minima_claims(rows):
    """What is left in the minima: flatness, the share of it, energy; and what a hasty quench leaves."""
    made, own = [], chosen(rows)
    densest = campaigns.FLAT_BODIES[BODY][-1]
    for phi in campaigns.FLAT_BODIES[BODY]:
        for rule in EXTREMES:
            text = f"{BODY}, φ = {phi:g}: flatness of the minima below {rule} less that of gradient descent's."
            found = relative(own, rule, phi, "flat")
            name = _slug("bodies-flat-minima", rule, phi)
            made.append((name, text, found, within(0.0, 1.0), "as spheres", "%"))
        text = f"{BODY}, φ = {phi:g}: energy of the minima below SGD 0.1 less that of gradient descent's."
        found = relative(own, "SGD 0.1", phi, "energy")
        made.append(
            (f"bodies-flat-lower-{100 * phi:.0f}", text, found, below(0.0), "as spheres", "%")
        )
    for rule in EXTREMES:
        text = f"{BODY}, φ = {densest:g}: share of {rule}'s difference that is left in the minima."
        share = parted(own, rule, densest)["share"]
        made.append((_slug("bodies-flat-share", rule), text, share, within(0.0, 0.2), "as spheres"))
    text = (
        "Negative control: the share that a quench an eighth as long takes for selection, SGD 0.1."
    )
    hasty = parted(own, "SGD 0.1", densest, "shorter")["share"]
    hasty = "control-bodies-flat-hasty", text, hasty, control(within(0.0, 0.05)), "wrong on purpose"
    return [*made, hasty]


def _slug(start, rule, phi=None):
    return f"{start}-{rule[:3].lower()}" + ("" if phi is None else f"-{100 * phi:.0f}")


def numbers(rows):
    """What the text quotes: runs a point, and the level of gradient descent at the largest packing fraction."""
    own, phi = chosen(rows), campaigns.FLAT_BODIES[BODY][-1]
    return {
        "flat-runs": int(own[own.quench == ""].groupby(["rule", "phi"]).seed.nunique().min()),
        "flat-level": mean_error(_states(own, "GD", phi)),
        "flat-level-minima": mean_error(against(own, "GD", phi)[0]),
    }


def changes(rows):
    """What the text quotes in per cent: differences from gradient descent; the largest late rise."""
    late, states = rises(rows), gaps(rows, "flat")
    found = {"flat-late": max(late.values(), key=lambda rise: abs(rise.value))}
    for (shape, rule, phi), gap in states.items():
        name, digits = ("ball", 1e3) if shape == BALL else ("body", 1e2)
        found[f"flat-{name}-{rule[:3].lower()}-{digits * phi:.0f}"] = gap
    return found


def table(rows):
    """Rows of the table: activity and energy of gradient descent, and how much lower or higher others' energies are.

    In thousandths a particle, at batch fraction 0.1: where minima have no energy left, no share says it.
    """
    made = []
    for shape, phis in campaigns.FLAT_BODIES.items():
        own = chosen(rows, shape)
        for phi in phis:
            row = {"shape": shape, "φ": f"{phi:g}"}
            row["activity, GD"] = mean_error(_states(own, "GD", phi, "activity"))
            for quench, where in (("", "states"), ("main", "minima")):
                both = {rule: against(own, rule, phi, "energy", quench) for rule in EXTREMES}
                row[f"GD, {where}"] = mean_error(both["SGD 0.1"][1])
                row |= {f"{rule[:3]}, {where}": paired(*two) for rule, two in both.items()}
            made.append(row)
    return made


# ------------------------------------------------------------------------------------------------
# figure


def picture(rows):
    """Above: Fig. 4 at three packing fractions. Below: beside spheres, states and minima; and the learning rate."""
    fig, axes = plt.subplots(2, 3, figsize=(9.0, 6.0))
    for ax, phi in zip(axes[0], campaigns.FLAT_BODIES[BODY], strict=True):
        _batch(ax, chosen(rows), phi)
        ax.sharey(axes[0, 0])
    axes[0, 0].set_ylabel(f"{PER_THOUSAND} bodies")
    for ax, quench, title in zip(
        axes[1], ("", "main"), ("Steady states", "Minima below"), strict=False
    ):
        _beside(ax, gaps(rows, "flat", quench))
        ax.set_title(f"{title}, $b_f=0.1$")
    axes[1, 1].sharey(axes[1, 0])
    axes[1, 0].set_ylabel(r"$\Delta\tilde V$ less GD's, %")
    _rates(axes[1, 2], rows)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=5)
    axes[1, 1].legend(fontsize=8, loc="upper right")
    return fig


def _batch(ax, rows, phi):
    """Flatness of the states against the batch fraction at one packing fraction."""
    rows = rows[(rows.phi == phi) & (rows.quench == "")]
    whole = rows[rows.rule == "GD"]
    for name in ("SGD", "RCD"):
        line = pd.concat([rows[rows.rule.str.startswith(f"{name} ")], whole])
        line = line.groupby("batch").flat.agg(["mean", "sem"])
        ax.errorbar(
            line.index, line["mean"], line["sem"], label=name, **figures.process_style(name)
        )
    for name in ("GD", "BRO", "individual BRO"):
        own = rows[rows.rule == name]
        style = figures.process_style(name, linestyle="none")
        ax.errorbar(own.batch.iloc[:1], [own.flat.mean()], [own.flat.sem()], label=name, **style)
    ax.set(xlabel="batch fraction $b_f$", title=rf"$\phi = {phi:.2f}$")


def _beside(ax, found):
    """Differences from gradient descent against the distance from the transition: bodies filled, spheres open."""
    ax.axhline(0, color=figures.colour("muted"), linewidth=0.8)
    for shape in campaigns.FLAT_BODIES:
        for rule in EXTREMES:
            own = {phi: gap for (s, r, phi), gap in found.items() if (s, r) == (shape, rule)}
            mean, error = np.array([tuple(gap)[:2] for gap in own.values()]).T
            name = rule[:3]
            style = figures.process_style(name)
            if shape == BALL:
                style |= {"linestyle": "--", "markerfacecolor": figures.colour("paper")}
            label = f"{name}, {'bodies' if shape == BODY else 'spheres'}"
            ax.errorbar([beyond(shape, phi) for phi in own], mean, error, label=label, **style)
    ax.set(xlabel=r"above $\phi_c$, about, %")


def _rates(ax, rows):
    """Flatness of the states against the learning rate, at the largest packing fraction."""
    phi, rates = campaigns.FLAT_BODIES[BODY][-1], sorted((*campaigns.FLAT_BODY_RATES, SHARED))
    for rule in ("SGD 0.25", "RCD 0.25", "GD"):
        own = [_states(chosen(rows, alpha=a), rule, phi) for a in rates]
        mean, error = np.array([tuple(mean_error(one))[:2] for one in own]).T
        name = rule.split()[0]
        label = name if rule == "GD" else f"{name}, $b_f=0.25$"
        ax.errorbar(rates, mean, error, label=label, **figures.process_style(name))
    ax.set(xscale="log", xlabel=r"learning rate $\alpha$ (mean diameters)")
    ax.set(ylabel=f"{PER_THOUSAND} bodies", title=rf"$\phi = {phi:.2f}$")
    ax.legend(fontsize=8)
