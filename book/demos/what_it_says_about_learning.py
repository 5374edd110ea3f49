"""Figures and rows of tables of the chapter on what packings say about learning."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np

from mpack import Packing, figures, manifolds
from mpack.statistics import mean_error, mean_errors

INK, MUTED, INACTIVE = (figures.colour(name) for name in ("ink", "muted", "inactive"))
ACTIVE, ONE = (figures.colour(name) for name in ("active", "series 1"))
GEOMETRY = math.pi / 18**0.5  # the densest packing of all, in three dimensions
METHODS = {
    "nt-xent": "NT-Xent",
    "packing": "packing",
    "untrained": "untrained encoder",
    "attraction": "packing, wrong sign",
}


def picture(packings, errors, seed):
    """Discs strewn with points of their classes, those marked that the nearest centre names wrongly.

    From "before" and "after" to a packing in two dimensions, and to its Bayes error.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.9))
    for ax, (title, packing) in zip(axes, packings.items()):
        figures.draw_packing(ax, packing, colours=[INACTIVE] * packing.n, alpha=0.45)
        where, wrong = _thrown(packing, 2500, seed)
        ax.plot(*where[~wrong].T, ".", markersize=1.6, color=MUTED)
        ax.plot(*where[wrong].T, ".", markersize=3.2, color=ACTIVE)
        ax.set_title(f"{title}: E = {errors[title].value:.3f}")
    return fig


def _thrown(packing, count, seed):
    """Points of the classes of a packing, and which of them the nearest centre names wrongly."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(packing.n, size=count)
    way = rng.normal(size=(count, packing.dim))
    way *= (0.5 * rng.random(count) ** (1 / packing.dim) / np.linalg.norm(way, axis=1))[:, None]
    where = packing.positions[classes] + way
    apart = where[:, None] - packing.positions
    apart -= packing.box * np.round(apart / packing.box)
    return np.mod(where, packing.box), np.argmin((apart**2).sum(axis=2), axis=1) != classes


def two_classes(measured):
    """What two balls confuse against their distance, in several dimensions, and the loss.

    From (dimension, distance) to an estimate by Monte Carlo.
    """
    fine = np.linspace(0, 1.1, 300)
    fig, axes = plt.subplots(1, 2, figsize=(8, 3.5))
    for dim, style in ((2, "-"), (3, "--"), (6, "-."), (64, ":")):
        for ax in axes:
            error = manifolds.two_class_error(fine, dim)
            ax.plot(fine, error, color=INK, linestyle=style, label=f"$d = {dim}$")
    for (dim, distance), found in measured.items():
        if dim != 4:
            axes[0].errorbar(distance, *found, marker="o", markersize=4, color=ONE)
    loss = {"color": figures.colour("series 3"), "linewidth": 1.2, "label": "loss $U$"}
    axes[0].plot(fine, np.maximum(1 - fine, 0) / 2, **loss)
    for ax in axes:
        ax.set(xlabel="distance $r$ (diameters)", ylabel="error $E_2$")
    axes[0].set_ylim(0, 0.52)
    axes[1].set(yscale="log", ylim=(1e-6, 0.7))
    axes[0].legend(loc="upper right")
    return fig


def capacity(n, phis, errors, archive, phi_c):
    """The error through the transition, and how many archived runs come to rest in each box.

    `errors`: from "SGD" and "GD" to an array (phis, runs), of n balls.
    """
    fig, axes = plt.subplots(1, 2, figsize=(8.2, 3.7))
    grid = np.linspace(0.05, max(phis), 200)
    random, bound = manifolds.random_error(n, grid), np.maximum(1 - 1 / grid, 0)
    axes[0].plot(grid, random, color=MUTED, linestyle="--", label="random start, closed form")
    axes[0].plot(grid, bound, color=MUTED, linestyle=":", label="bound $1 - 1/\\phi$")
    for name, found in errors.items():
        style = figures.process_style(name, label=f"after {name}")
        axes[0].errorbar(phis, *mean_errors(found, axis=1), **style)
    axes[0].axvline(phi_c, ymax=0.6, color=INK, linewidth=0.8)
    axes[0].axvline(GEOMETRY, ymax=0.6, color=INK, linewidth=0.8, linestyle=":")
    axes[0].set(xlabel=r"packing fraction $\phi$", ylabel="error $E$", ylim=(-0.01, 0.55))
    axes[0].legend(loc="upper left")
    boxes = list(archive.groupby("box"))
    for (box, some), marker, shade in zip(boxes, "ovs^D", np.linspace(0.35, 1, len(boxes))):
        rest = some.groupby("n").absorbed.agg(["mean", "size"])
        spread = np.sqrt((rest["mean"] * (1 - rest["mean"]) + 0.25 / rest["size"]) / rest["size"])
        look = dict(marker=marker, markersize=4.5, linewidth=1, color=INK, alpha=shade, capsize=0)
        phi = rest.index * math.pi / 6 / box**3
        axes[1].errorbar(phi, rest["mean"], spread, **look, label=f"$L = {box:g}$")
    axes[1].axvline(phi_c, color=INK, linewidth=0.8)
    axes[1].set_xlabel(r"packing fraction $\phi = \frac{\pi}{6} N/L^3$")
    axes[1].set_ylabel("fraction of runs that come to rest")
    axes[1].legend(loc="lower left")
    return fig


def flatness(table, plain):
    """Flatness and errors against the batch fraction, relative to `plain`, for SGD and RCD."""
    fig, axes = plt.subplots(2, 2, figsize=(8, 6), sharex=True)
    panels = (
        ("rise", r"flatness $\Delta V$"),
        ("error", r"error $E$ before the shift"),
        ("gain_refitted_0", r"$\Delta E$, classifier refitted"),
        ("gain_fixed_0", r"$\Delta E$, classifier fixed"),
    )
    for ax, (name, label) in zip(axes.flat, panels):
        base = table[name][plain]
        for rule in ("SGD", "RCD"):
            fractions = sorted(x for one, x in table[name] if one == rule and x < 1)
            less = table[name][[(rule, x) for x in fractions]].sub(base, axis=0)
            value, error = mean_errors(less)
            value, error = np.r_[value / base.mean() + 1, 1.0], np.r_[error / base.mean(), 0.0]
            style = figures.process_style(rule, label=rule)
            ax.errorbar(fractions + [1.0], value, error, **style)
        ax.plot(1.0, 1.0, label="GD", **figures.process_style("GD", linestyle="none"))
        ax.set(title=label, xscale="log", ylim=(0.5, 1.15) if name == "error" else (0.9, 1.15))
    for ax in axes[:, 0]:
        ax.set_ylabel("relative to GD")
    for ax in axes[1]:
        ax.set_xlabel("batch fraction $b_f$")
        ax.set_xticks([0.1, 0.25, 0.5, 1.0], ["0.1", "0.25", "0.5", "1"])
        ax.minorticks_off()
    axes[0, 1].legend(loc="lower right")
    return fig


def rule_name(rule, fraction):
    """A rule of the archive as tables call it."""
    return "GD" if fraction == 1 else f"{rule}, b_f = {fraction:g}"


def changes(settings, change):
    """Rows of a table of changes from gradient descent: change(name, rule, batch fraction) of every setting."""
    columns = {
        "rise": "ΔV, σ = 0.015",
        "gain_refitted_0": "ΔE refitted, 0.015",
        "gain_fixed_0": "ΔE fixed, 0.015",
        "gain_refitted_1": "ΔE refitted, 0.05",
        "gain_fixed_1": "ΔE fixed, 0.05",
        "error": "E before",
        "fixed_1": "E after, fixed, 0.05",
    }
    return [
        {"rule": rule_name(*key)} | {title: change(name, *key) for name, title in columns.items()}
        for key in settings
    ]


def quoted(change, fraction):
    """Changes from gradient descent at one batch fraction, by the names that the chapter records."""
    kinds = {
        "flat": "rise",
        "refitted": "gain_refitted_0",
        "refitted-wide": "gain_refitted_1",
        "before": "error",
        "after": "fixed_1",
    }
    return {
        f"{kind}-{rule.lower()}": change(name, rule, fraction)
        for kind, name in kinds.items()
        for rule in ("SGD", "RCD")
    }


def shifted(packing, width, points, seed, rng):
    """Errors of eight shifts of a packing by Monte Carlo over those of sums over pairs, refitted and fixed."""
    kicks = [width * rng.normal(size=(packing.n, packing.dim)) for _ in range(8)]
    moved = [Packing(packing.positions + kick, box=packing.box) for kick in kicks]
    numbered = list(enumerate(moved, seed))
    refitted = [manifolds.bayes_error(p, points, k).value for k, p in numbered]
    fixed = [manifolds.transfer_error(p, packing, points, k).value for k, p in numbered]
    pairs = manifolds.shifted_error(packing, width)
    return {
        "refitted": mean_error(refitted) / pairs.refitted,
        "fixed": mean_error(fixed) / pairs.fixed,
    }


def views(images, labels, views):
    """Images in a row, and below each its views."""
    fig, axes = plt.subplots(1 + views.shape[1], len(images), figsize=(6.0, 4.5))
    for column, image in enumerate(images):
        for row, shown in enumerate([image, *views[column]]):
            ax = axes[row, column]
            ax.imshow(shown.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            ax.spines[:].set_visible(row == 0)
        axes[0, column].set_title(str(labels[column]))
    axes[0, 0].set_ylabel("image")
    axes[2, 0].set_ylabel("views")
    return fig


def activity(watched, per_epoch):
    """Activity of the batches and mean radius of the balls against epochs, for each scale of the radii."""
    fig, axes = plt.subplots(1, 2, figsize=(8, 3.3))
    for (scale, run), style in zip(watched.items(), (":", "--", "-")):
        for ax, series in zip(axes, (run.activity, run.radius)):
            means = np.r_[series[0], series.reshape(-1, per_epoch).mean(axis=1)]
            look = dict(color=ONE, linestyle=style, label=f"$r_s = {scale:g}$")
            ax.plot(np.arange(len(means)), means, **look)
    axes[0].set(xlabel="epochs", ylabel="activity of the batches", ylim=(0, 1.05))
    axes[1].set(xlabel="epochs", ylabel="mean radius of the balls", ylim=(0, None))
    axes[1].legend(loc="upper right")
    return fig


def setting(loss, parameter, rate):
    """What was chosen for a loss, in words."""
    return f"{'τ' if loss == 'nt-xent' else 'r_s'} = {parameter:g} at a rate of {rate:g}"


def selection(rows, chosen):
    """Rows of a table of validation accuracies in percent, a star at the setting that was chosen."""
    lines = []
    for (loss, parameter), some in rows.groupby(["loss", "parameter"]):
        symbol = "τ" if loss == "nt-xent" else "r_s"
        line = {"loss": METHODS[loss], "its number": f"{symbol} = {parameter:g}"}
        for rate, trained in some.groupby("rate"):
            star = " *" if chosen[loss] == (parameter, rate) else ""
            value, error = 100 * mean_error(trained.validation)
            line[f"rate {rate:g}"] = f"{value:.1f} ± {error:.1f}{star}"
        lines.append(line)
    return lines


def accuracies(fixed, others, pixels):
    """Accuracies of the probe in percent: by the names of records, and as rows of a table.

    Of one split by seed, of others by split, and of raw pixels by split (all labels, ten a class).
    """
    found, rows = {}, []
    for loss, shown in METHODS.items():
        kinds = ("accuracy", "accuracy_few", "accuracy_shuffled")
        mine = {
            f"{kind}-{loss}".replace("_", "-"): 100 * mean_error(fixed[kind][loss])
            for kind in kinds
        }
        elsewhere = others["accuracy"].get(loss)
        elsewhere = None if elsewhere is None else 100 * mean_error(elsewhere)
        rows.append((shown, *mine.values(), elsewhere))
        found |= mine
    elsewhere = 100 * mean_error([pixels[split][0] for split in others.index])
    rows.append(("raw pixels", *(100 * one for one in pixels[0]), None, elsewhere))
    return found, rows


def comparison(fixed, raw):
    """Accuracies of linear probes, a dot a seed, with all labels and with ten a class; raw pixels dashed."""
    fig, axes = plt.subplots(1, 2, figsize=(8.2, 3.6))
    panels = ("accuracy", "all labels"), ("accuracy_few", "ten labels a class")
    for ax, (column, title), pixels in zip(axes, panels, raw):
        seen = 100 * fixed[column]
        for place, loss in enumerate(("nt-xent", "packing", "untrained")):
            spread = place + np.linspace(-0.12, 0.12, len(seen))
            ax.plot(spread, seen[loss], ".", color=INACTIVE, markersize=7)
            ax.errorbar(place, *mean_error(seen[loss]), marker="o", color=INK, zorder=4)
        for a, b in zip(seen["nt-xent"], seen["packing"]):
            ax.plot([0.2, 0.8], [a, b], color=MUTED, linewidth=0.6)
        ax.axhline(100 * pixels, color=INK, linestyle="--", linewidth=1)
        ax.text(2.45, 100 * pixels, "raw pixels", ha="right", va="bottom", fontsize=9)
        ax.set_xticks(range(3), ["NT-Xent", "packing", "untrained"])
        ax.set(title=title, xlim=(-0.4, 2.5))
    axes[0].set_ylabel("accuracy on the test images (%)")
    return fig
