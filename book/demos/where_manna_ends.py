"""Tables and figures of the chapter on how activity decays, from large kicks to small."""

import json
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from book import campaigns
from book.chapters import above, below, consistent, control
from book.demos import decay_collapse
from mpack import critical, figures, known_answers, scaling
from mpack.statistics import Estimate, PowerLaw, mean_error, power_law

PROCESSES = ("SGD", "RCD", "GD", "BRO")
PUSH = {"SGD": 0.2, "RCD": 0.2, "GD": 1.0, "BRO": 0.75}  # mean push: b_f
NEAR = 0.04  # relative distance from the pilot's phi_c within which runs of `manna` are taken
STEPS = "steps $k$"
DELTA = r"local exponent $\delta$"
_PILOT = {process: centre for process, (_, centre) in campaigns.MANNA_RULES.items()}


class Known(NamedTuple):
    """A model with a known answer: its relaxation curves, the edges of the windows, and what is known."""

    curves: dict
    edges: np.ndarray
    place: float
    delta: Estimate


def windows(first, last, per_decade=2):
    """Edges of windows of time from `first` to `last`, about so many a decade, evenly in the logarithm."""
    return np.geomspace(first, last, max(2, round(per_decade * np.log10(last / first))) + 1)


def ring(sites, steps, runs, seed):
    """Directed percolation on a ring at five places about its transition."""
    places = known_answers.DIRECTED_P_C + 0.0024 * np.array([-1.5, -0.8, -0.1, 0.6, 1.3])
    made = {p: known_answers.directed_percolation(sites, p, steps, runs, seed) for p in places}
    known = Estimate(0.159464, 0.000006, None, "Jensen 1999", np.inf)
    edges = windows(30, steps - 1)
    return Known(_recorded(made, steps), edges, known_answers.DIRECTED_P_C, known)


def pile(edge, steps, runs, seed):
    """The Manna sandpile in two dimensions at five densities about its transition."""
    grains = [round(rho * edge**2) for rho in (0.71, 0.713, 0.716, 0.719, 0.722)]
    made = {g / edge**2: known_answers.sandpile(edge, g, steps, runs, seed) for g in grains}
    known = scaling.exponents("Manna", 2).decay()
    edges = windows(30, steps - 1)
    return Known(_recorded(made, steps), edges, known_answers.SANDPILE_RHO_C, known)


def _recorded(made, steps):
    """(times, activity) of each run at some sixty times, evenly in the logarithm."""
    times = np.unique(np.geomspace(1, steps - 1, 60).round()).astype(int)
    return {place: [(times, run[times]) for run in runs] for place, runs in made.items()}


def rungs(ladder, manna, n=16_000):
    """{(alpha, process): {phi: [(times, activity), ...]}}: the relaxation curves of every rung, alpha falling.

    At alpha = 0.2 the systems of n spheres of the campaign `manna` serve, too. For BRO alpha is
    that of the SGD it matches.
    """
    pilot = manna.process.map(_PILOT)
    near = manna[(manna.n == n) & (abs(manna.phi / pilot - 1) < NEAR)]
    return by_rung(pd.concat([ladder, near]))


def by_rung(table):
    """{(alpha, process): {phi: [(times, activity), ...]}} of a table of runs, alpha falling."""
    rate = table.alpha.fillna(table.eps / 0.75).round(6)
    found = {}
    for (alpha, process), own in table.groupby([rate, "process"]):
        curves = relaxations(own)
        if len(curves) > 2 and longest(curves):  # else its runs are still to come
            found[float(alpha), process] = curves
    order = sorted(found, key=lambda key: (-key[0], PROCESSES.index(key[1])))
    return {key: found[key] for key in order}


def relaxations(table):
    """{phi: [(times, activity), ...]} of the runs of a campaign, where there are two or more."""
    groups = table.groupby("phi")
    found = {phi: [(one.times, one.activity) for one in own.series] for phi, own in groups}
    return {float(phi): runs for phi, runs in found.items() if len(runs) > 1}


def longest(curves):
    """The last step that all curves have which are still active at their end; 0 if all died."""
    return min((t[-1] for runs in curves.values() for t, f in runs if f[-1] > 0), default=0)


def rung_rows(rungs, crossed):
    """For each rung: runs, the last crossing and how far it moved since the one before; or that there is none."""
    rows = []
    for key, curves in rungs.items():
        row = {"α": key[0], "process": key[1], "runs": sum(len(runs) for runs in curves.values())}
        if key not in crossed:
            rows.append(row | {"φ_c": f"none up to {max(curves):g}"})
            continue
        found = crossed[key]
        last = found[-1]
        row |= {"φ_c": last.phi, "δ": last.delta, "at step": f"{last.time:,.0f}"}
        rows.append(row | {"moved since the first": moved(found) if len(found) > 1 else ""})
    return rows


def fan(ax, curves, edges, colour):
    """Local exponents against time, a line a packing fraction, denser in stronger colour."""
    for place, (phi, runs) in enumerate(curves.items()):
        found = critical.local_exponents(runs, edges)
        shade = 0.25 + 0.75 * place / max(len(curves) - 1, 1)
        look = {"color": colour, "alpha": shade, "label": rf"$\phi={phi:g}$"}
        ax.errorbar(found.time, found.mean, found.error, marker="o", ms=3, lw=1, **look)


def local(rungs, shown, edges, manna):
    """Local exponents against time at all packing fractions, a panel a rung of `shown`."""
    fig, axes = plt.subplots(2, 2, figsize=(7.8, 5.6), sharey=True)
    for ax, key in zip(axes.flat, shown):
        fan(ax, rungs[key], edges[key], figures.colour(key[1]))
        ax.axhspan(*_band(manna), color=figures.colour("muted"), alpha=0.35, lw=0, label="Manna")
        ax.set(
            xscale="log", xlabel=STEPS, title=rf"{key[1]}, $\alpha={key[0]:g}$", ylim=(-0.1, 1.5)
        )
    for ax in axes[:, 0]:
        ax.set_ylabel(DELTA)
    return fig


def moving(crossed, manna):
    """Exponent at the crossing of successive windows against time, a panel a process, a line a rung."""
    fig, axes = plt.subplots(2, 2, figsize=(7.8, 5.4), sharey=True, sharex=True)
    rates = sorted({alpha for alpha, _ in crossed}, reverse=True)
    for ax, process in zip(axes.flat, PROCESSES):
        ax.axhspan(*_band(manna), color=figures.colour("muted"), alpha=0.35, lw=0)
        for place, alpha in enumerate(rates):
            found = crossed.get((alpha, process), [])
            if found:
                time, value, error = zip(*((c.time, c.delta.value, c.delta.error) for c in found))
                ax.errorbar(
                    time,
                    value,
                    error,
                    marker="osv^Dp"[place],
                    ms=4,
                    lw=1,
                    color=figures.colour(process),
                    alpha=1 - 0.65 * place / max(len(rates) - 1, 1),
                    label=rf"$\alpha={alpha:g}$",
                )
        ax.set(xscale="log", title=process, ylim=(0, 1.1))
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    for ax in axes[1]:
        ax.set_xlabel(STEPS)
    for ax in axes[:, 0]:
        ax.set_ylabel(r"$\delta$ where windows cross")
    return fig


def ladder(crossed, manna):
    """The decay exponent against the learning rate: the figure that the chapter is for."""
    fig, ax = plt.subplots(figsize=(6.4, 3.8))
    ax.axhspan(*_band(manna), color=figures.colour("muted"), alpha=0.35, lw=0, label="Manna, $d=3$")
    ax.axhline(1, color=figures.colour("ink"), lw=0.9, ls=":", label="mean field")
    for place, process in enumerate(PROCESSES):
        own = [
            (alpha, found[-1].delta) for (alpha, name), found in crossed.items() if name == process
        ]
        if own:
            alpha, delta = zip(*own)
            style = figures.process_style(process, linestyle="none", ms=5)
            shift = 1.03 ** (place - 1.5)
            ax.errorbar(
                np.array(alpha) * shift,
                [one.value for one in delta],
                [one.reach(1.0) for one in delta],
                label=process,
                **style,
            )
    ax.set(xscale="log", xlabel=r"learning rate $\alpha$ (mean diameters)", ylim=(0, 1.1))
    rates = sorted({alpha for alpha, _ in crossed})
    ax.set_xticks(rates, [f"{alpha:g}" for alpha in rates])
    ax.set_xticks([], minor=True)
    ax.set_ylabel(r"decay exponent $\delta$ at the transition")
    ax.legend(fontsize=8.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return fig


def _band(estimate):
    return estimate.value - estimate.error, estimate.value + estimate.error


def known_rows(models, answers):
    """Measured and known place, exponent and nu_parallel of the models with known answers."""
    return [
        {
            "model": name,
            "place": answers[name].phi_c,
            "known": f"{model.place:.5f}",
            "δ": answers[name].delta,
            "known δ": model.delta,
            "ν∥": answers[name].nu_parallel,
        }
        for name, model in models.items()
    ]


def known_numbers(answers):
    """What the text quotes of the models with known answers."""
    ring, pile = answers["ring"], answers["sandpile"]
    return {
        "ends-ring-p": ring.phi_c,
        "ends-ring-d": ring.delta,
        "ends-pile-rho": pile.phi_c,
        "ends-pile-d": pile.delta,
    }


def rung_numbers(ladder, crossed):
    """What the text quotes: runs in the archive; exponent, place and time of the last crossing of each rung."""
    numbers = {"ends-runs": len(ladder), "ends-asked": len(campaigns.ladder())}
    for (alpha, process), found in crossed.items():
        name = tag(alpha, process)
        numbers[f"ends-d-{name}"] = found[-1].delta
        numbers[f"ends-phi-{name}"] = found[-1].phi
        numbers[f"ends-time-{name}"] = round(found[-1].time, -2)
        if len(found) > 1:
            numbers[f"ends-moved-{name}"] = moved(found)
    return numbers


def rung_claims(crossed, manna):
    """Each rung decays as the class does; the smaller the kicks, the slower; where the exponent still moves."""
    delta = [
        _as_manna(f"delta-{tag(*key)}", "{1} at α = {0:g}".format(*key), found, manna)
        for key, found in crossed.items()
    ]
    falls = [
        (
            f"ends-falls-{process.lower()}",
            f"{process}: δ of the last crossing at α = 1 less that at α = 0.1.",
            crossed[1.0, process][-1].delta - crossed[0.1, process][-1].delta,
            above(0.0),
            "this chapter",
        )
        for process in ("SGD", "GD", "BRO")
    ]
    moves = [
        (
            f"ends-moves-02-{process.lower()}",
            f"{process} at α = 0.2: the exponent rises from the first crossing to the last.",
            moved(crossed[0.2, process]),
            above(0.0),
            "this chapter",
        )
        for process in ("RCD", "GD")
    ]
    text = "SGD at α = 0.2 decays as mean field does (δ of the last crossing)."
    field = crossed[0.2, "SGD"][-1].delta, control(consistent(1.0, 0.2)), "negative control"
    return [*delta, *falls, *moves, ("ends-control-field", text, *field)]


def _as_manna(name, what, found, manna):
    """The claim that activity decays as in the Manna class, by the last of some crossings."""
    text = f"{what} decays as the Manna class does (δ of the last crossing less the measured one)."
    value = found[-1].delta - manna
    return f"ends-{name}", text, value, consistent(0.0, 0.2), "Lübeck 2004"


def tag(alpha, process):
    """A rung in the name of a claim or a number: 10-sgd at alpha = 1, 005-sgd at 0.05."""
    return f"{float(alpha)}-{process.lower()}".replace(".", "")


OMEGAS = (0.25, 0.5)  # of the corrections to scaling that are tried


def collapsed(rungs, edges, crossed):
    """{(alpha, process): Collapse} of each rung, in a collapse in which time takes the place of the size."""
    found = {}
    for key in crossed:
        try:
            place = crossed[key][-1].phi.value
            found[key] = decay_collapse.collapse(rungs[key], edges[key], place)
        except scaling.TooLittleData:  # no place beside these curves makes them one
            continue
    return found


def collapses(one, shown):
    """Curves of the rungs `shown` with Manna's exponents, a panel a rung, the later the stronger."""
    fig, axes = plt.subplots(2, len(shown) // 2, figsize=(7.8, 5.8), squeeze=False)
    for ax, key in zip(axes.flat, [key for key in shown if key in one]):
        decay_collapse.draw(ax, one[key], key[1])
        S = decay_collapse.rounded(one[key].held["Manna"], 1)
        ax.set_title(rf"{key[1]}, $\alpha={key[0]:g}$: $S=${S}")
    for ax in axes[1]:
        ax.set_xlabel(r"$(\phi/\phi_c-1)\,k^{1/\nu_\parallel}$")
    for ax in axes[:, 0]:
        ax.set_ylabel(r"activity $\times\ k^\delta$")
    return fig


def collapsed_rows(collapsed, spheres=""):
    """Exponents of each rung whose curves are one, and S: with them, and with those of each class held."""
    made = [
        {"α": alpha, "process": process} | decay_collapse.row(one)
        for (alpha, process), one in collapsed.items()
    ]
    return [row | ({"spheres": spheres} if spheres else {}) for row in made]


def collapsed_numbers(collapsed, which=""):
    """What the text quotes: S with Manna's exponents and with mean field's, the exponents, and how it was done."""
    delta, nu = decay_collapse.WIDTH
    numbers = {"ends-a-decade": decay_collapse.A_DECADE, "ends-fewest": decay_collapse.FEWEST}
    numbers |= {"ends-width-delta": delta, "ends-width-nu": nu}
    for key, one in collapsed.items():
        name = f"{which}{tag(*key)}"
        numbers[f"ends-s-{name}"] = round(one.held["Manna"].quality, 1)
        numbers[f"ends-s-field-{name}"] = round(one.held["mean field"].quality, 1)
        if one.delta:
            numbers |= {f"ends-one-{name}": one.delta, f"ends-nu-{name}": one.nu_parallel}
    return numbers


def collapsed_claims(collapsed, manna, which="", least=0.3):
    """Where curves are one from alpha = `least` on: their exponents are those of the Manna class."""
    text = "{1} at α = {0:g}, {2}all curves as one: {3} less that of the Manna class."
    nu = decay_collapse.NU_PARALLEL
    return [
        (
            f"ends-{name}-{which}{tag(*key)}",
            text.format(*key, "256,000 spheres, " if which else "", sign),
            value,
            consistent(0.0, 0.2),
            source,
        )
        for key, one in collapsed.items()
        if key[0] >= least and one.delta
        for name, sign, value, source in (
            ("one", "δ", one.delta - manna, "Lübeck 2004"),
            ("nu", "ν∥", one.nu_parallel - nu, "Lübeck 2004"),
        )
    ]


def joint_claims(collapsed, which="", least=0.3):
    """From alpha = `least` on: the curves of each rung are one with Manna's exponents."""
    text = "{1} at α = {0:g}, {2}all curves as one with the exponents of Manna (quality S)."
    return [
        (
            f"ends-joint-{which}{tag(*key)}",
            text.format(*key, "256,000 spheres, " if which else ""),
            decay_collapse.quality(one.held["Manna"]),
            below(decay_collapse.ONE),
            "this chapter",
        )
        for key, one in collapsed.items()
        if key[0] >= least
    ]


def field_control(collapsed):
    """The same with mean field's exponents, for SGD at the largest kicks."""
    value = decay_collapse.quality(collapsed[1.0, "SGD"].held["mean field"])
    text = "SGD at α = 1, all curves as one with the exponents of mean field (quality S)."
    rule = control(below(decay_collapse.ONE))
    return "ends-control-joint", text, value, rule, "negative control"


def corrected(rungs, edges, crossed, manna):
    """The same with a correction to scaling: {key: [with each of OMEGAS, with the first and Manna's delta held]}."""
    cases = [{"correction": omega} for omega in OMEGAS]
    cases.append({"correction": OMEGAS[0], "delta": manna.value})
    return {
        key: [_fitted(rungs[key], edges[key], start=_start(found[-1]), **case) for case in cases]
        for key, found in crossed.items()
    }


def _start(crossing):
    return crossing.phi.value, crossing.delta.value


def _fitted(curves, edges, **options):
    try:
        return critical.decay(curves, edges, **options)
    except critical.Undetermined as reason:
        return reason


def _chi2(one):
    return f"{one.chi2:.0f} of {one.dof}" if isinstance(one, critical.Decay) else "no fit"


def corrected_rows(corrected):
    """delta and chi^2 of each rung with corrections t^-omega, and chi^2 with one and Manna's delta held."""
    rows = []
    for key, (*free, held) in corrected.items():
        row = {"α": key[0], "process": key[1]}
        for omega, one in zip(OMEGAS, free):
            row[f"δ, ω = {omega:g}"] = one.delta if isinstance(one, critical.Decay) else ""
            row[f"χ², ω = {omega:g}"] = _chi2(one)
        rows.append(row | {"χ², Manna's δ held": _chi2(held)})
    return rows


def corrected_numbers(corrected):
    """What the text quotes: delta of each rung with each correction, chi^2 per degree of freedom of all fits."""
    numbers = {}
    for (alpha, process), fits in corrected.items():
        for name, one in zip(("quarter", "half", "held"), fits):
            if isinstance(one, critical.Decay):
                numbers[f"ends-{name}-{tag(alpha, process)}"] = one.delta
                numbers[f"ends-{name}-chi-{tag(alpha, process)}"] = round(one.chi2 / one.dof, 1)
    return numbers


def size_rows(sizes):
    """The crossings of two sizes side by side, where both have one: {process: (of 16,000, of 8,000)}."""
    return [
        {
            "process": process,
            "step": round(one.time),
            "δ, 16,000 spheres": one.delta,
            "δ, 8,000": other.delta,
            "φ_c, 16,000 spheres": one.phi,
            "φ_c, 8,000": other.phi,
        }
        for process, found in sizes.items()
        for one, other in same_time(*found)
    ]


def wide(rungs, edges):
    """{(alpha, process): crossings of the larger systems, between the windows of the rung}."""
    found = {key: critical.crossings(own, edges[key]) for key, own in rungs.items()}
    return {key: crossed for key, crossed in found.items() if crossed}


def larger(wide, crossed):
    """{(alpha, process): (larger systems, the rung)}: the last crossings that both have between the same windows."""
    both = {key: same_time(found, crossed.get(key, [])) for key, found in wide.items()}
    return {key: pairs[-1] for key, pairs in both.items() if pairs}


def larger_claims(pairs, wide, manna):
    """The exponent does not depend on the size of the box; the larger ones decay as the class does."""
    size = [
        (
            f"ends-large-{tag(alpha, process)}",
            (
                f"{process} at α = {alpha:g}: exponent of 256,000 spheres less that of the rung, at "
                "the last crossing that both have."
            ),
            many.delta - few.delta,
            consistent(0.0, 0.2),
            "this chapter",
        )
        for (alpha, process), (many, few) in pairs.items()
    ]
    return size + [
        _as_manna(
            f"wide-{tag(*key)}", "{1} at α = {0:g}, 256,000 spheres:".format(*key), found, manna
        )
        for key, found in wide.items()
    ]


def larger_numbers(wide):
    """The exponent of the last crossing of each larger system, which the text quotes."""
    return {f"ends-wide-{tag(*key)}": found[-1].delta for key, found in wide.items()}


def larger_rows(rungs, pairs):
    """Exponents and places of the larger systems and of the rung, where both cross between the same windows."""
    runs = {key: sum(map(len, curves.values())) for key, curves in rungs.items()}
    return [
        {
            "α": key[0],
            "process": key[1],
            "runs": runs[key],
            "step": f"{large.time:,.0f}",
            "δ, 256,000 spheres": large.delta,
            "δ of the rung": small.delta,
            "φ_c, 256,000 spheres": large.phi,
            "φ_c of the rung": small.phi,
        }
        for key, (large, small) in pairs.items()
    ]


SLUGS = {"diameters 1 and 1.4": "mixture", "natural start": "natural"}


def controls(table, edges):
    """{(alpha, which of SLUGS): crossings of SGD, between the windows of its rung}, alpha falling."""
    found = {}
    for (alpha, which), own in _controlled(table):
        crossed = critical.crossings(relaxations(own), edges[float(alpha), "SGD"])
        if crossed:
            found[float(alpha), which] = crossed
    return found


def _controlled(table):
    which = np.where(table.start == "random", *SLUGS)
    return sorted(
        table.groupby([table.alpha, which]), key=lambda group: (-group[0][0], group[0][1])
    )


def control_numbers(table, controlled):
    """What the text quotes of the controls: runs, exponents, and the highest order of bonds at the end of a run."""
    numbers = {"ends-controls": len(table), "ends-controls-asked": len(campaigns.ladder_controls())}
    numbers["ends-controls-q6"] = round(table.q6.max(), 3)
    slow = table[table.alpha == 0.2]
    for spheres, own in slow.groupby(_spheres(slow)):
        numbers[f"ends-coherence-{spheres}"] = round(float(own.coherence.mean()), 2)
    for alpha, own in table[table.start != "random"].groupby("alpha"):
        walked = own[own.activity > 0].msd.max() ** 0.5
        numbers[f"ends-walked-{tag(alpha, 'SGD')}"] = round(float(walked), 2)
    for (alpha, which), found in controlled.items():
        numbers[f"ends-d-{SLUGS[which]}-{tag(alpha, 'SGD')}"] = found[-1].delta
        numbers[f"ends-first-{SLUGS[which]}-{tag(alpha, 'SGD')}"] = found[0].delta
    aged = natural(table, 0.2)
    last = {phi: [activity[-1] for _, activity in runs] for phi, runs in aged.items()}
    numbers["ends-natural-dead"] = max(phi for phi, ends in last.items() if not any(ends))
    numbers["ends-natural-level"] = round(float(np.mean(last[0.5225])), 2)
    return numbers


def control_rows(table, controlled, crossed):
    """The last crossings of SGD: equal spheres from random starts, and the two controls; order of bonds at the end."""
    rows = []
    for (alpha, which), own in _controlled(table):
        row = {"α": alpha, "control": which, "runs": len(own), "φ_c": "no crossing"}
        if (alpha, which) in controlled:
            last = controlled[alpha, which][-1]
            row |= {"φ_c": last.phi, "δ": last.delta, "at step": f"{last.time:,.0f}"}
        row |= {"δ of the rung": crossed[alpha, "SGD"][-1].delta}
        rows.append(row | {"highest Q₆": f"{own.q6.max():.3f}"})
    return rows


def control_claims(controlled, memory, manna):
    """The controls decay as the class does; a random start is remembered."""
    made = [
        _as_manna(
            f"{SLUGS[which]}-{tag(alpha, 'SGD')}", f"SGD at α = {alpha:g}, {which}:", found, manna
        )
        for (alpha, which), found in controlled.items()
    ]
    text = (
        "SGD at α = 0.2, 30,000 steps after the start: ln of activity from random starts over that "
        "from natural ones, mean over packing fractions."
    )
    return [*made, ("ends-memory", text, memory, above(0.0), "this chapter")]


def natural(table, alpha):
    """{phi: [(times, activity), ...]}: the relaxation curves of SGD from natural starts."""
    in_order = table.sort_values("seed")  # at each place the runs of the same packings
    groups = dict(_controlled(in_order))
    return relaxations(groups[alpha, "natural start"])


def later(random, aged, steps):
    """ln of activity from random starts over that from natural ones, `steps` after both: a mean over places.

    Over those that both kinds of start have, and where all runs are alive then. Random starts at
    different places are independent; natural ones are as many packings as there are runs of one
    place, expanded, and so each is averaged over places first.
    """
    logs = [
        [[_alive(run, steps) for run in some[phi]] for some in (random, aged)]
        for phi in sorted(set(random) & set(aged))
    ]
    logs = [both for both in logs if all(np.isfinite(own).all() for own in both)]
    thrown = [mean_error(own) for own, _ in logs]
    error = np.sqrt(sum(one.error**2 for one in thrown)) / len(logs)
    runs = sum(one.n for one in thrown)
    centre = float(np.mean([one.value for one in thrown]))
    stirred = mean_error(np.mean([own for _, own in logs], axis=0))
    return Estimate(centre, float(error), runs, dof=runs - len(logs)) - stirred


def _alive(run, steps):
    times, activity = run
    found = activity[np.searchsorted(times, steps)] if times[-1] >= steps else 0.0
    return np.log(found) if found > 0 else -np.inf


def starts(rungs, aged, shown):
    """Activity against time from random and from natural starts, a panel a learning rate of `shown`."""
    fig, axes = plt.subplots(1, len(shown), figsize=(7.8, 3.4), sharey=True)
    for ax, (alpha, places) in zip(axes, shown.items()):
        for place, phi in enumerate(places):
            shade = 0.35 + 0.65 * place / (len(places) - 1)
            kinds = (
                (rungs[alpha, "SGD"], "-", figures.colour("SGD")),
                (aged[alpha], "--", figures.colour("ink")),
            )
            for curves, line, colour in kinds:
                label = rf"$\phi={phi:g}$" if line == "-" else None
                for run in curves[phi][:2]:
                    ax.plot(*run, line, color=colour, alpha=shade, lw=1.2, label=label)
                    label = None
        title = rf"SGD, $\alpha={alpha:g}$"
        ax.set(xscale="log", yscale="log", xlabel=STEPS, ylim=(3e-3, 1.2), title=title)
        ax.legend(loc="lower left")
    axes[0].set_ylabel("activity $f$")
    return fig


def stirred(table):
    """{(process, alpha, spheres): {age: {phi: {seed: (times, activity)}}}} of the campaign `ladder_aged`."""
    ages = [json.loads(spec)["start"]["steps"] for spec in table.spec]
    rate = table.alpha.fillna(table.eps / 0.75).round(6)
    found = {key: {} for key in campaigns.AGED}
    for (*key, age), own in table.groupby(["process", rate, _spheres(table), ages]):
        runs = found[tuple(key)].setdefault(int(age), {})
        for one in own.itertuples():
            curve = one.series.times, one.series.activity
            runs.setdefault(float(one.phi), {})[int(one.seed)] = curve
    return {key: found[key] for key in found if len(found[key]) == len(campaigns.AGES)}


def _spheres(table):
    return np.where(table.sizes == "", "equal", "mixture")


def places(stirred, level=critical.CRITERION):
    """{(process, alpha, spheres): {age: [phi of each seed]}}: where the last octave's mean activity is `level`.

    By linear interpolation between the densest packing that has less and the next; nan where the
    grid does not reach.
    """
    return {
        key: {age: _place(runs, level) for age, runs in ages.items()}
        for key, ages in stirred.items()
    }


def _place(runs, level):
    phis = np.array(sorted(runs))
    seeds = sorted(set.intersection(*(set(own) for own in runs.values())))
    found = []
    for seed in seeds:
        ends = np.array([_late(*runs[phi][seed]) for phi in phis])
        less = np.flatnonzero(ends < level)
        k = less[-1] if len(less) else -1
        inside = 0 <= k < len(phis) - 1
        share = (level - ends[k]) / (ends[k + 1] - ends[k]) if inside else np.nan
        found.append(phis[k] + share * (phis[k + 1] - phis[k]) if inside else np.nan)
    return np.array(found)


def _late(times, activity):
    return critical.octaves(times, activity, 1)[0] if activity[-1] > 0 else 0.0


def shifts(places):
    """{(process, alpha, spheres): relative change of the place by a tenfold age}, from the least age to the largest.

    A number for each seed, whose packings are one run looked at at three ages; the error is the
    scatter about their mean, pooled over all systems.
    """
    each = {}
    for key, ages in places.items():
        first, last = min(ages), max(ages)
        each[key] = (ages[last] / ages[first] - 1) / np.log10(last / first)
    freedom = sum(len(own) - 1 for own in each.values())
    scatter = np.sqrt(sum(np.sum((own - own.mean()) ** 2) for own in each.values()) / freedom)
    return {
        key: Estimate(own.mean(), scatter / np.sqrt(len(own)), len(own), dof=freedom)
        for key, own in each.items()
    }


def pooled(places):
    """{(process, alpha, spheres): {age: place}}, with the relative scatter over seeds of all systems as errors."""
    cells = [own for ages in places.values() for own in ages.values()]
    freedom = sum(len(own) - 1 for own in cells)
    scatter = np.sqrt(sum(np.sum((own / own.mean() - 1) ** 2) for own in cells) / freedom)

    def place(own):
        return Estimate(own.mean(), own.mean() * scatter / np.sqrt(len(own)), len(own), dof=freedom)

    return {key: {age: place(own) for age, own in ages.items()} for key, ages in places.items()}


def ageing(stirred, places, shifts, shown):
    """Where packings of each age have the activity of the criterion, since the least age; activity from all ages."""
    fig, axes = plt.subplot_mosaic("ab;cc", figsize=(7.8, 6.2))
    _rises(axes["a"], places)
    _slopes(axes["b"], shifts)
    key, phi = shown
    below = axes["c"]
    for shade, (age, runs) in zip((0.4, 0.7, 1.0), stirred[key].items()):
        for seed, run in runs[phi].items():
            label = f"age {age:,}" if seed == 0 else None
            below.plot(*run, color=figures.colour(key[0]), alpha=shade, lw=1.2, label=label)
    below.set(xscale="log", yscale="log", xlabel=STEPS, ylabel="activity $f$")
    process, alpha, spheres = key
    below.set_title(rf"{process}, $\alpha={alpha:g}$, {spheres}, $\phi={phi:g}$")
    below.legend(loc="lower left")
    return fig


def _rises(ax, places):
    """Rise of the place since the least age, for SGD: a line for each learning rate."""
    own = {key: ages for key, ages in pooled(places).items() if key[0] == "SGD"}
    for place, ((_, alpha, spheres), ages) in enumerate(own.items()):
        first, *_ = found = list(ages.values())
        equal = spheres == "equal"
        ax.errorbar(
            np.array(list(ages)) * 1.03 ** (place - len(own) / 2),
            [100 * (one.value / first.value - 1) for one in found],
            [100 * one.error / first.value for one in found],
            color=figures.colour("SGD" if equal else "ink"),
            alpha=0.4 + 0.6 * place / (len(own) - 1) if equal else 1.0,
            ls="-" if equal else "--",
            **{"marker": "osDv^<>"[place], "ms": 4.5, "lw": 1.2},
            label=rf"$\alpha={alpha:g}$" + ("" if equal else ", mixture"),
        )
    ax.set(xscale="log", xlabel="age (steps stirred before)", title="SGD")
    ax.set_ylabel("place where $f=0.1$,\nrise since the least age (%)")
    ax.legend(loc="upper left", fontsize=8)


def _slopes(ax, shifts):
    """Change of the place by a tenfold age against the learning rate, a colour for each process, equal spheres."""
    for place, process in enumerate(PROCESSES):
        own = {
            key[1]: 100 * one
            for key, one in shifts.items()
            if key[0] == process and key[2] == "equal"
        }
        ax.errorbar(
            np.array(list(own)) * 1.05 ** (place - 1.5),
            [one.value for one in own.values()],
            [one.error for one in own.values()],
            **figures.process_style(process, linestyle="-" if len(own) > 1 else "none", ms=5),
            label=process,
        )
    ax.axhline(0.0, color=figures.colour("ink"), lw=0.8, ls=":")
    ax.set(xscale="log", xlabel=r"learning rate $\alpha$ (diameters)")
    rates = sorted({key[1] for key in shifts})
    ax.set_xticks(rates, [f"{alpha:g}" for alpha in rates])
    ax.set_xticks([], minor=True)
    ax.set_ylabel("rise by a tenfold age (%)")
    ax.legend(loc="upper right")


def ageing_numbers(stirred, places, shifts):
    """What the text quotes: runs; the place at each age; its relative change by a tenfold age, in per cent."""
    runs = [
        len(own) for ages in stirred.values() for grid in ages.values() for own in grid.values()
    ]
    numbers = {"ends-aged": sum(runs), "ends-aged-asked": len(campaigns.ladder_aged())}
    for key, ages in pooled(places).items():
        name = _aged_tag(*key)
        numbers[f"ends-shift-{name}"] = 100 * shifts[key]
        numbers |= {f"ends-place-{name}-{age}": place for age, place in ages.items()}
    above = [
        100 * (stirred_at / places[key][max(places[key])].mean() - 1)
        for key, (_, stirred_at) in campaigns.AGED.items()
        if key in places
    ]
    numbers |= {"ends-above-least": round(min(above), 1), "ends-above-most": round(max(above), 1)}
    numbers["ends-shift-power"] = round(100 * shifts["SGD", 1.0, "equal"].reach(), 2)
    return numbers


def ageing_rows(places, shifts):
    """Where packings have the activity of the criterion, by age, and how far a tenfold age moves that."""
    return [
        {"process": process, "α": alpha, "spheres": spheres}
        | {f"age {age:,}": place for age, place in ages.items()}
        | {"a tenfold age, %": 100 * shifts[process, alpha, spheres]}
        for (process, alpha, spheres), ages in pooled(places).items()
    ]


# Where decay is as in the Manna class: the place stays. What would be noticed; that of RCD was set before its runs.
STAYS = {("SGD", 1.0, "equal"): 0.003, ("RCD", 0.5, "equal"): 0.001}


def ageing_claims(shifts):
    """At small kicks the place of the transition rises with the age of the packing; at large ones it stays."""
    text = (
        "{} at α = {:g}, {} spheres: relative change by a tenfold age of the packing fraction "
        "where activity is 0.1."
    )
    return [
        (
            f"ends-shift-{_aged_tag(*key)}",
            text.format(*key),
            shift,
            consistent(0.0, STAYS[key]) if key in STAYS else above(0.0),
            "this chapter",
        )
        for key, shift in shifts.items()
    ]


def _aged_tag(process, alpha, spheres):
    return f"{float(alpha)}-{spheres if process == 'SGD' else process.lower()}".replace(".", "")


class Small(NamedTuple):
    """Small systems at one packing fraction: {N: mean lifetime}, {N: moment ratio}, and the power of life in width."""

    life: dict
    ratio: dict
    z: PowerLaw


def small_systems(table):
    """{(alpha, process, phi): Small} of the campaign `ladder_sizes`, where three sizes or more have died.

    A size needs four deaths: the error of fewer is no weight. Ratios are of the survivors later
    than the mean lifetime, where two or more survive.
    """
    rate = table.alpha.fillna(table.eps / 0.75).round(6)
    found = {}
    for (alpha, process, phi), own in table.groupby([rate, "process", "phi"]):
        lives = critical.lifetimes(own, "n")
        lives = lives[(lives.deaths >= 4) & (lives.error > 0)]
        if len(lives) < 3:
            continue
        life = {n: Estimate(one.life, one.error, int(one.deaths)) for n, one in lives.iterrows()}
        ratio = {n: _ratio(own[own.n == n], one.value) for n, one in life.items()}
        z = power_law(lives.index ** (1 / 3), lives.life, lives.error)
        found[float(alpha), process, float(phi)] = Small(life, ratio, z)
    return found


def _ratio(own, begin):
    histories = [(one.times, one.activity) for one in own.series]
    try:
        return critical.moment_ratio(histories, begin)
    except critical.Undetermined:
        return None


def middles(small, alpha):
    """(process, packing fraction) where the ladder's windows cross on one rung, if lives were measured there."""
    places = [
        (process, phis[(len(phis) - 1) // 2])
        for (rate, process), phis in campaigns.CROSSINGS.items()
        if rate == alpha
    ]
    return [(process, phi) for process, phi in places if (alpha, process, phi) in small]


def z_of(small, alpha, process):
    """z where the windows of a rung cross, with what the error of phi_c adds: places beside lie two of it away."""
    places = {phi: one for (*key, phi), one in small.items() if key == [alpha, process]}
    centre = dict(middles(small, alpha))[process]
    deaths = sum(life.n for life in places[centre].life.values())
    z = places[centre].z.exponent
    own = Estimate(z.value, z.error, deaths, dof=deaths - len(places[centre].life))
    below = [phi for phi in sorted(places) if phi < centre][-1:] or [centre]
    above_ = [phi for phi in sorted(places) if phi > centre][:1] or [centre]
    sides = (below[0] < centre) + (above_[0] > centre)
    if not sides:
        return own
    moved = places[above_[0]].z.exponent.value - places[below[0]].z.exponent.value
    return own + Estimate(
        0.0, abs(moved) / (2 * sides), dof=12
    )  # as of phi_c: four runs at each place


def small_numbers(table, small):
    """What the text quotes: runs; z and the moment ratio of the largest systems, in the middle of each rung."""
    numbers = {"ends-small-runs": len(table), "ends-small-asked": len(campaigns.ladder_sizes())}
    for alpha in sorted({key[0] for key in small}):
        for process, phi in middles(small, alpha):
            one = small[alpha, process, phi]
            numbers[f"ends-z-{tag(alpha, process)}"] = z_of(small, alpha, process)
            ratios = [ratio for ratio in one.ratio.values() if ratio]
            if ratios:
                numbers[f"ends-ratio-{tag(alpha, process)}"] = ratios[-1]
    rate = table.alpha.fillna(table.eps / 0.75).round(6)
    middle = table[rate.isin([0.5, 0.3]) & (table.n <= 2_000)]
    numbers["ends-small-each"] = int(middle.groupby([rate, "process", "phi", "n"]).size().median())
    for process in ("SGD", "GD"):  # at 0.2, where hardly any of 500 spheres or more die
        own = table[(table.alpha == 0.2) & (table.process == process) & (table.n >= 500)]
        numbers[f"ends-held-{process.lower()}"] = len(own)
        numbers[f"ends-died-{process.lower()}"] = int((own.steps < own.steps_asked).sum())
    return numbers


def small_rows(small):
    """Lifetimes of the smallest and the largest systems, their moment ratios, and z."""
    rows = []
    for (alpha, process, phi), one in small.items():
        row = {"α": alpha, "process": process, "φ": f"{phi:g}"}
        small, large = min(one.life), max(one.life)
        row |= {f"life, N = {small:,}": one.life[small], "largest N": f"{large:,}"}
        row |= {"its life": one.life[large]}
        rows.append(row | {"z": one.z.exponent, "χ²": f"{one.z.chi2:.1f} of {one.z.freedom}"})
    return rows


def same_time(large, small):
    """Pairs of crossings of two sizes between the same windows."""
    return [(a, b) for a in large for b in small if abs(a.time / b.time - 1) < 0.1]


def moved(found):
    """How far the exponent moved from the first crossing to the last."""
    return found[-1].delta - found[0].delta
