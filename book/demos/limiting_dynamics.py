"""Figures of the chapter on the limiting dynamics of SGD."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from book.chapters import below, control, within
from mpack import figures, limiting
from mpack.statistics import jackknife, mean_error, mean_errors, paired

INK, MUTED, SGD = (figures.colour(name) for name in ("ink", "muted", "SGD"))
REAL = dict(color=SGD, marker="s", linestyle="none", markersize=4)  # real mini-batch runs
LABELS = {
    "eta": r"learning rate $\eta$",
    "beta": r"momentum $\beta$",
    "batch_size": "batch size $S$",
    "weight_decay": r"weight decay $\lambda$",
}
SYMBOLS = {"eta": "η", "beta": "β", "batch_size": "S", "weight_decay": "λ"}


def transient(model, runs, start):
    """Mean and variance of two modes from a known start: Langevin equation, recursion and real runs."""
    every, grid = np.arange(301), np.linspace(0, 300, 1201)
    path = model.mean(model.eta * (grid + 0.5), start)  # positions half a step later
    exact = model.discrete_mean(every, start)
    fig, axes = plt.subplots(2, 2, figsize=(8, 5.6), sharex=True)
    mean, error = mean_errors(runs.theta)
    for i, ax in enumerate(axes[0]):
        ax.axhline(0, color=MUTED, linewidth=0.6)
        ax.plot(grid, path[:, i], color=MUTED, linestyle="--", label="Langevin")
        ax.plot(every, exact[:, i], color=INK, linewidth=1, label="recursion")
        label = f"{len(runs.theta)} real runs"
        ax.errorbar(runs.steps, mean[:, i], error[:, i], **REAL, label=label)
        ax.set(
            title=rf"mode $\rho_{i + 1}={model.rho[i]:g}$",
            ylabel=r"mean position $\langle\theta\rangle$",
        )
    _spread(axes[1], model, runs, grid, model.discrete_mean(runs.steps, start)[:, :2])
    axes[0, 1].legend(loc="lower right")
    return fig


def _spread(axes, model, runs, grid, centre):
    """Variance of two modes against steps, in thousandths."""
    every = np.unique(np.r_[0:60, 60:301:10])
    langevin = np.einsum("tii->ti", model.covariance(model.eta * grid))
    exact = np.einsum("kii->ki", model.discrete_covariance(every))
    spread, error = mean_errors((runs.theta - centre) ** 2)
    for i, ax in enumerate(axes):
        ax.plot(grid, langevin[:, i] * 1e3, color=MUTED, linestyle="--")
        ax.plot(every, exact[:, i] * 1e3, color=INK, linewidth=1)
        ax.errorbar(runs.steps, spread[:, i] * 1e3, error[:, i] * 1e3, **REAL)
        ax.set(xlabel="steps $k$", ylabel=r"variance of $\theta$ ($10^{-3}$)")


def stationary(model, seen):
    """Stationary variances of positions and velocities over their Langevin values, mode by mode."""
    langevin, discrete = model.stationary(discrete=False), model.stationary()
    correction = discrete.position / langevin.position
    x = model.eta * model.h
    fig, axes = plt.subplots(1, 2, figsize=(8, 3.6), sharey=True)
    for ax, samples, theory, name in (
        (axes[0], seen.position, langevin.position, r"$\mathrm{var}\,\theta_i$"),
        (axes[1], seen.velocity, langevin.velocity, r"$\mathrm{var}\,v_i$"),
    ):
        value, error = mean_errors(samples / theory)
        both = discrete.position * model.minibatch_factor() / langevin.position
        ax.axhline(1, color=MUTED, linestyle="--", label="Langevin")
        ax.plot(x, correction, color=MUTED, label="discrete")
        ax.plot(x, both, color=INK, label="discrete × mini-batch")
        ax.errorbar(x, value, error, **REAL, label=f"{len(samples)} real runs")
        ax.set(xscale="log", xlabel=r"$\eta h_i$", title=name)
    axes[0].set_ylabel("variance / Langevin value")
    axes[0].legend(loc="upper left")
    return fig


def modified_loss(cases):
    """Where real runs are found, on contours of the training loss and of the modified loss.

    From a weight decay to its model in two dimensions, its runs, and anything more.
    """
    fig, axes = plt.subplots(1, 2, figsize=(8, 4), sharex=True, sharey=True)
    reach = 4 * np.sqrt(next(iter(cases.values()))[0].stationary().position.max())
    x = np.linspace(-reach, reach, 121)
    plane = np.stack(np.meshgrid(x, x), -1)
    z = np.concatenate([plane, np.zeros_like(plane)], -1)
    for ax, (decay, (case, runs, *_)) in zip(axes, cases.items()):
        loss = case.loss(plane)
        levels = loss.max() * np.array([0.02, 0.08, 0.2, 0.4])
        ax.plot(*runs.theta[:1500, -1].T, ".", color=SGD, markersize=2, alpha=0.5)
        ax.contour(x, x, loss, levels=levels, colors=MUTED, linewidths=0.9)
        phi = case.kappa * case.modified_loss(z)
        ax.contour(x, x, phi, levels=[0.5, 2.0, 4.5], colors=INK, linewidths=1.2)
        ax.set(title=rf"weight decay $\lambda={decay:g}$", xlabel=r"$\theta_1$", aspect="equal")
        ax.grid(False)
    axes[0].set_ylabel(r"$\theta_2$")
    return fig


def currents(damping):
    """Phase planes with their currents, and correlations of the position, of one mode at three momenta."""
    fig, axes = plt.subplots(2, 3, figsize=(8.4, 5.6))
    for (top, low), (name, (one, runs)) in zip(axes.T, damping.items()):
        _phase_plane(top, one, runs)
        top.set_title(rf"{name}, $\beta={one.beta:.3g}$")
        lag = np.arange(121)
        value, error = mean_errors(runs.autocorrelation(lag[::6])[..., 0])
        low.axhline(0, color=MUTED, linewidth=0.6)
        low.plot(lag, one.autocorrelation(lag)[:, 0], color=INK, linewidth=1)
        low.errorbar(lag[::6], value, error, **REAL)
        low.set(xlabel="lag $l$ (steps)", ylim=(-1, 1.15))
    axes[0, 0].set_ylabel("$v$ / s.d.")
    axes[1, 0].set_ylabel(r"correlation of $\theta$")
    return fig


def _phase_plane(ax, one, runs):
    """Runs, current and mean path in units of the stationary widths."""
    s = np.sqrt([one.stationary().position[0], one.stationary().velocity[0]])
    theta, v = runs.theta[:700, -1, 0] / s[0], runs.v[:700, -1, 0] / s[1]
    ax.plot(theta, v, ".", color=SGD, markersize=2, alpha=0.5)
    x = np.linspace(-2.4, 2.4, 9)
    points = np.stack(np.meshgrid(x, x), -1)
    J = one.current(points * s) / s
    arrows = points[..., 0], points[..., 1], J[..., 0], J[..., 1]
    ax.quiver(*arrows, color=INK, pivot="mid", width=0.007)
    path = one.discrete_mean(np.arange(400), [2.8 * s[0]])
    ax.plot(path[:, 0] / s[0], path[:, 1] / s[1], color=MUTED, linewidth=1.4)
    ax.set(xlabel=r"$\theta$ / s.d.", xlim=(-3.2, 3.2), ylim=(-3.2, 3.2))


def boundary(damping):
    """Which modes oscillate: momentum against learning rate times curvature, with the three modes of `damping`."""
    beta = np.linspace(0, 0.999, 400)
    lower, upper = (1 - np.sqrt(beta)) ** 2, (1 + np.sqrt(beta)) ** 2
    langevin = (1 - beta) ** 2 / (2 * (1 + beta))
    fig, ax = plt.subplots(figsize=(6.2, 3.8))
    ax.fill_between(beta, lower, upper, color=SGD, alpha=0.18, linewidth=0)
    ax.plot(beta, lower, color=INK, label="recursion")
    ax.plot(beta, upper, color=INK)
    ax.plot(beta, langevin, color=MUTED, linestyle="--", label="Langevin")
    ax.plot(beta, 2 * (1 + beta), color=INK, linestyle=":", label="stability limit")
    for name, (one, *_) in damping.items():
        place = one.beta, one.eta * one.h[0]
        ax.plot(*place, **REAL)
        ax.annotate(name, place, xytext=(4, -15), textcoords="offset points", ha="right")
    ax.text(0.55, 0.7, "oscillates")
    ax.set(yscale="log", ylim=(1e-3, 8), xlabel=r"momentum $\beta$", ylabel=r"$\eta h$")
    ax.legend(loc="lower left")
    return fig


def displacement(lags, walks):
    """Mean-square displacements without and with momentum, and their ratios to the recursion.

    From a momentum to its model, the squared displacements (runs, lags), and the exact ones.
    """
    fig, axes = plt.subplots(2, 2, figsize=(8.2, 6), sharex=True, height_ratios=[2, 1])
    fine = np.unique(np.geomspace(1, lags[-1], 60).astype(int))
    for (top, low), (beta, (model, moved, exact)) in zip(axes.T, walks.items()):
        value, error = mean_errors(moved)
        summed, path, recursion = (
            model.global_displacement(fine, form=form, per_mode=True) @ model.minibatch_factor()
            for form in ("kunin", "langevin", "discrete")
        )
        top.plot(fine, summed, color=MUTED, linestyle=":", label="sum over Langevin velocities")
        top.plot(fine, path, color=MUTED, linestyle="--", label="Langevin path")
        top.plot(fine, recursion, color=INK, linewidth=1, label="recursion")
        top.errorbar(lags, value, error, **REAL, label=f"{len(moved)} real runs")
        top.plot(fine[fine < 30], value[0] * fine[fine < 30], color=MUTED, linewidth=0.7)
        top.set(xscale="log", yscale="log", title=rf"$\beta={beta:g}$")
        top.minorticks_off()  # decades are enough, and quickly drawn
        low.axhline(1, color=INK, linewidth=1)
        low.plot(fine, summed / recursion, color=MUTED, linestyle=":")
        low.plot(fine, path / recursion, color=MUTED, linestyle="--")
        low.errorbar(lags, value / exact, error / exact, **REAL)
        low.set(xlabel="steps $k$", ylim=(0.4, 1.6))
    axes[0, 0].set_ylabel(r"$\langle|\Delta_k|^2\rangle$")
    axes[1, 0].set_ylabel("ratio to recursion")
    axes[0, 1].legend(loc="lower right")
    return fig


def exponent(exponents, ideal, finite, fits):
    """Left: relaxed modes against rescaled time; right: anomalous exponents against the spectrum's."""
    fig, axes = plt.subplots(1, 2, figsize=(8.2, 3.6))
    tau, i = np.geomspace(1, 3000, 60), np.arange(1, 100_001.0)
    for a, style in ((1.5, "-"), (2.0, "--"), (3.0, ":")):
        total = -np.expm1(-tau[:, None] * i**-a).sum(axis=1)
        axes[0].plot(tau, total, color=INK, linestyle=style, label=f"sum, $a={a:g}$")
        law = limiting.power_law_displacement(tau, a)
        axes[0].plot(tau, law, color=SGD, linewidth=4, alpha=0.35)
    ylabel = r"$\langle|\Delta|^2\rangle\;/\;2\,\mathrm{var}\,\theta$"
    axes[0].set(xscale="log", yscale="log", xlabel=r"$\tau=\eta k/(1-\beta)$", ylabel=ylabel)
    axes[0].minorticks_off()
    axes[0].legend(loc="upper left")
    grid, right = np.linspace(1.2, 4.2, 100), axes[1]
    right.plot(grid, 1 / grid, color=INK, label="$1/a$")
    hollow = dict(color=INK, markerfacecolor="none", label="closed form, 100 000 modes")
    right.plot(exponents, ideal, "o", **hollow)
    right.plot(exponents, finite, "_", color=MUTED, markersize=14, label="recursion, 50 modes")
    fitted, error = np.transpose([(m.exponent, m.error) for m in fits])
    right.errorbar(exponents, fitted, error, **REAL, label="real runs, 50 modes")
    right.set(xlabel="exponent $a$ of the spectrum", ylabel="anomalous exponent $c$", ylim=(0, 0.9))
    right.legend(loc="upper right")
    return fig


def sweeps(results):
    """The exponent against each hyperparameter: from its (name, value) to (theory, fit to runs)."""
    names = dict.fromkeys(name for name, _ in results)
    fig, axes = plt.subplots(1, len(names), figsize=(9.2, 3), sharey=True)
    for ax, name in zip(axes, names):
        _sweep(ax, name, results)
        ax.set_ylim(0, 1)
        ax.tick_params(axis="x", labelsize=8)
    axes[0].set_ylabel("exponent $c$")
    return fig


def _sweep(ax, name, results):
    """Exponents of theory and runs at each value of one hyperparameter, evenly spaced."""
    found = {value: one for (other, value), one in results.items() if other == name}
    x = np.arange(len(found))
    theory, fits = zip(*(one[:2] for one in found.values()))
    ax.plot(x, theory, color=INK)
    ax.errorbar(x, [m.exponent for m in fits], [m.error for m in fits], **REAL)
    ax.set(xlabel=LABELS[name], xticks=x, xticklabels=[f"{value:g}" for value in found])


def network_spectra(net, training, bottom, curvature, variance, law):
    """The loss in training; curvature and noise at the minimum; noise against curvature with its power law."""
    fig, axes = plt.subplots(1, 3, figsize=(9.2, 3.3))
    least = net.loss(bottom)
    losses = [net.loss(theta) for theta in training.theta[0]]
    axes[0].plot(np.maximum(training.steps, 0.7), losses, color=SGD)
    axes[0].axhline(least, color=INK, linestyle="--", linewidth=1)
    axes[0].text(1, least * 0.85, "minimum", va="top")
    axes[0].set(xlabel="steps $k$", ylabel="training loss", ylim=(0.15, 4))
    index, noise = np.arange(1, net.size + 1), r"noise $e_i^{\mathsf{T}}\Sigma e_i$"
    axes[1].plot(index, curvature, color=INK, label="curvature $h_i$")
    axes[1].plot(index, variance, ".", color=SGD, markersize=3, label=noise)
    axes[1].axhline(net.weight_decay, color=MUTED, linestyle=":", linewidth=1)
    axes[1].set(xlabel="index $i$", ylim=(1e-8, 8))
    own = curvature - net.weight_decay
    steep = own > 1e-3
    axes[2].plot(own[steep], variance[steep], ".", color=SGD, markersize=3)
    x = np.geomspace(1e-3, own[0], 30)
    axes[2].plot(x, law.amplitude.value * x**law.exponent.value, color=INK, linewidth=1)
    axes[2].set(xlabel=r"curvature without decay $h_i-\lambda$", ylabel="noise")
    for ax in axes:
        ax.set(xscale="log", yscale="log")
        ax.minorticks_off()
    axes[0].set_yticks([0.2, 0.5, 1, 2], ["0.2", "0.5", "1", "2"])
    axes[0].minorticks_off()
    axes[1].legend(loc="lower left")
    return fig


def network_displacement(settings, results):
    """The network's walk at two settings, and the linear theory with measured spectra.

    From the name of a setting to its hyperparameters, and to its `NetworkWalk` and the theory.
    """
    fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.8))
    for ax, (name, (walk, theory)) in zip(axes, results.items()):
        value, error = mean_errors(walk.displacement)
        label = f"network, {len(walk.local)} runs"
        ax.plot(walk.lags, theory, color=INK, label="theory, measured spectra")
        line = theory[0] * walk.lags
        ax.plot(walk.lags, line, color=MUTED, linewidth=0.8, label="ordinary diffusion")
        ax.errorbar(walk.lags, value, error, **REAL, label=label)
        ax.plot(0.75, walk.local.mean(), marker="D", color=SGD, markerfacecolor="none")
        title = rf"{name}: $\eta={{eta}}$, $\beta={{beta}}$, $S={{batch_size}}$"
        ax.set(xscale="log", yscale="log", xlabel="steps $k$", title=title.format(**settings[name]))
    axes[0].set_ylabel(r"$\langle|\Delta_k|^2\rangle$")
    axes[0].legend(loc="upper left")
    return fig


def network_sweeps(results):
    """The network's exponent against each hyperparameter, and its mean step against the temperature.

    From a hyperparameter's (name, value) to (theory, fit, local over theory, temperature).
    """
    fig, axes = plt.subplots(1, 4, figsize=(9.4, 3.1))
    for ax, name in zip(axes, dict.fromkeys(name for name, _ in results)):
        _sweep(ax, name, results)
        ax.set_ylim(0.2, 0.9)
    axes[0].set_ylabel("exponent $c$")
    ratio, heat = zip(*(one[2:] for one in results.values()))
    axes[3].axhline(1, color=INK, linewidth=1)
    axes[3].errorbar(heat, [r.value for r in ratio], [r.error for r in ratio], **REAL)
    axes[3].set(xscale="log", xlabel=r"$\eta/[S(1-\beta)]$", ylabel="local / theory")
    return fig


LARGEST_BATCH = 256  # whose states and minima the others are compared with


def by_batch(rows, column, slow=0):
    """A column of the study `minima`: rows are runs, that is starts, columns batch sizes (0: descent alone)."""
    return rows[rows.slow == slow].pivot(index="run", columns="batch_size", values=column)


def selected(rows, column, batch=8):
    """A quantity at a batch size less that at LARGEST_BATCH: where training ends, in the minima below, and the
    second over the first, from pairs of runs with one start.
    """
    gaps = [
        by_batch(rows, f"{column}_{where}")[batch]
        - by_batch(rows, f"{column}_{where}")[LARGEST_BATCH]
        for where in ("above", "below")
    ]
    both = np.column_stack(gaps)
    share = jackknife(lambda some: some[:, 1].mean() / some[:, 0].mean(), both)
    return mean_error(both[:, 0]), mean_error(both[:, 1]), share


def minima_table(rows):
    """Rows of a table, one a batch size: loss, trace and largest curvature, above and below."""
    found = []
    for batch in sorted(rows.batch_size.unique()):
        row = {"batch": batch or "descent alone"}
        for column, name in (("loss", "loss"), ("trace", "Tr H"), ("largest", "largest h")):
            for where in ("above", "below"):
                values = by_batch(rows, f"{column}_{where}")[batch]
                known = batch or where == "below"
                row[f"{name}, {where}"] = mean_error(values) if known else None
        found.append(row)
    return found


def minima_numbers(rows):
    """What the text says of the minima below the trained network."""
    state, left, share = selected(rows, "trace")
    top_state, top_left, _ = selected(rows, "largest")
    slow = rows[rows.slow == 1].set_index(["batch_size", "run"])
    quick = rows[rows.slow == 0].set_index(["batch_size", "run"]).loc[slow.index]
    far = (slow.loss_below - quick.loss_below).abs()
    alone = by_batch(rows, "trace_below")
    return {
        "minima-runs": rows[rows.slow == 0].run.nunique(),
        "minima-trace-state": state,
        "minima-trace-left": left,
        "minima-trace-share": share,
        "minima-largest-state": top_state,
        "minima-largest-left": top_left,
        "minima-loss-left": selected(rows, "loss")[1],
        "minima-trace-alone": paired(alone[8], alone[0]),
        "minima-trace-level": mean_error(alone[LARGEST_BATCH]),
        "minima-slow-same": int((far < 1e-8).sum()),
        "minima-slow": len(far),
        "minima-least": float(rows.least_below.min()),
        "minima-accuracy-left": selected(rows, "accuracy")[1],
    }


def minima_claims(rows):
    """The claims on the minima below the trained network, as rows for `chapters.claims`."""
    state, left, share = selected(rows, "trace")
    level = by_batch(rows, "trace_below")[LARGEST_BATCH].mean()
    ratio = mean_error((by_batch(rows, "trace_above") / by_batch(rows, "trace_below"))[8])
    both = "batches of 8 less batches of 256"
    return (
        ("limiting-state-flatter", f"Trace of the Hessian where training ends: {both}.", state,
         below(0.0), "flat minima"),
        ("limiting-minima-share",
         f"Trace of the Hessian, {both}: the share of the difference that is left in the minima below.",
         share, within(0.0, 0.25), "this book"),
        ("limiting-minima-trace",
         f"Trace of the Hessian in the minima below, {both}, relative.", left / level,
         within(0.0, 0.05), "this book"),
        ("limiting-minima-loss", f"Loss of the minima below, {both}.", selected(rows, "loss")[1],
         below(0.0), "as for spheres: lower"),
        ("control-limiting-unquenched",
         "Negative control: the trace where training with batches of 8 ends over that in the minima.",
         ratio, control(within(1.0, 0.1))),
    )  # fmt: skip


def minima(rows):
    """Loss, trace and largest curvature against batch size, where training ends and in the minima below."""
    fig, axes = plt.subplots(1, 3, figsize=(9.2, 3.4))
    names = {
        "loss": "training loss",
        "trace": "trace of the Hessian",
        "largest": "largest curvature",
    }
    for ax, (column, label) in zip(axes, names.items()):
        for where, face, look in (("above", "none", "--"), ("below", SGD, "-")):
            values = by_batch(rows, f"{column}_{where}")
            batches = [batch for batch in values if batch]
            mean, error = mean_errors(values[batches].to_numpy())
            name = "after training" if where == "above" else "minimum below"
            style = dict(color=SGD, marker="s", markersize=4, markerfacecolor=face, linestyle=look)
            ax.errorbar(batches, mean, error, label=name, **style)
        alone = mean_error(by_batch(rows, f"{column}_below")[0]).value
        ax.axhline(alone, color=INK, linewidth=0.9, linestyle=":", label="descent alone")
        ax.set(xscale="log", xlabel="batch size $S$", ylabel=label)
        ax.set_xticks(batches, [f"{batch}" for batch in batches], minor=False)
        ax.minorticks_off()
    axes[0].legend(loc="upper right")
    return fig
