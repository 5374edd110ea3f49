"""Figures of the chapter on real images and a network, mode by mode."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from book.demos.limiting_dynamics import REAL, SYMBOLS
from mpack import figures, limiting
from mpack.statistics import mean_errors

INK, MUTED, SGD = (figures.colour(name) for name in ("ink", "muted", "SGD"))
COLOURS = [figures.colour(name) for name in figures.SERIES]
LOOKS = dict(zip(("quiet", "heavy", "loud"), zip(COLOURS, "so^")))


def noise(noises, alive, ratios):
    """Noise of single samples over sigma^2 rho, all targets; and measured over expected variances by theory.

    `ratios` is from the name of a theory to (targets, modes).
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.7))
    rho = noises[0].rho[alive]
    for number, one in enumerate(noises):
        label = f"{len(noises)} targets" if number == 0 else None
        left.plot(rho, one.excess[alive], ".", color=SGD, markersize=4, alpha=0.6, label=label)
    left.axhline(1, color=INK, linewidth=1, label=r"$\Sigma=\sigma^2H$")
    left.set(ylabel=r"noise / $\sigma^2\rho_i$", ylim=(0.2, 5), yscale="log")
    left.set(yticks=[0.25, 0.5, 1, 2, 4], yticklabels=["0.25", "0.5", "1", "2", "4"])
    left.minorticks_off()
    left.legend(loc="upper right")
    for (name, ratio), colour, marker in zip(ratios.items(), COLOURS, "^so"):
        value, error = mean_errors(ratio)
        right.errorbar(
            rho, value, error, color=colour, marker=marker, ls="none", ms=3.5, label=name
        )
    right.axhline(1, color=INK, linewidth=1)
    right.set(ylabel=r"$\mathrm{var}\,\theta_i$, measured / expected", ylim=(0.8, 2.6))
    right.legend(loc="upper left")
    for ax in (left, right):
        ax.set(xscale="log", xlabel=r"eigenvalue $\rho_i$ of $H$")
    return fig


def digit_spectra(rule, h, omega, power, modes=(0, 4)):
    """Power spectra of two modes of the regression, in units of their variance, over the theory's.

    power : (targets, modes, frequencies).
    """
    fig, axes = plt.subplots(1, len(modes), figsize=(8.6, 3.5))
    fine = np.linspace(omega[0], omega[-1], 800)
    for ax, i in zip(axes, modes):
        own = power[:, i] / power[:, i].mean(axis=1, keepdims=True)
        value, error = mean_errors(own)
        theory = limiting.position_spectrum(fine, rule["eta"], rule["beta"], h[i])
        ax.plot(fine, theory / theory.mean(), color=INK, linewidth=1, label="recursion")
        ax.errorbar(omega, value, error, **REAL, label=f"real runs, {len(own)} targets")
        langevin = limiting.phase_per_step(rule["eta"], rule["beta"], h[i], form="langevin")
        ax.axvline(langevin, color=MUTED, linestyle="--", label="Langevin frequency")
        ax.set(yscale="log", xlabel=r"frequency $\omega$ (rad a step)", title=f"mode {i + 1}")
        near = limiting.spectral_peak(rule["eta"], rule["beta"], h[i])
        ax.set_xlim(0, min(2.4 * near, np.pi))
    axes[0].set_ylabel("power / mean power")
    axes[1].legend(loc="upper right", fontsize=8)
    return fig


def rings(settings, modes=(0, 3, 7)):
    """Spectra of three modes of the network under heavy momentum; peaks of all modes against curvature."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.8, 3.9))
    heavy = settings["heavy"]
    for i, colour, marker in zip(modes, COLOURS, "os^"):
        value, error = mean_errors(heavy.power[:, i] * 1e3)
        label = rf"mode {i + 1}, $h={heavy.curvature[i]:.2f}$"
        left.plot(heavy.omega, heavy.expected_power[i] * 1e3, color=colour, linewidth=1)
        left.errorbar(
            heavy.omega, value, error, color=colour, marker=marker, ms=3, ls="none", label=label
        )
    left.set(xlabel=r"frequency $\omega$ (rad a step)", ylabel=r"power of $\theta_i$ ($10^{-3}$)")
    left.set(yscale="log")
    left.legend(loc="lower left")
    for name, (colour, marker) in LOOKS.items():
        one = settings[name]
        measured, expected = one.peaks
        h = one.curvature[: len(measured)]
        right.plot(h, expected, color=colour, linewidth=1, label=f"{name}, theory")
        right.plot(h, measured, color=colour, marker=marker, ms=5, ls="none", label=name)
    right.set(xscale="log", yscale="log", xlabel="curvature $h_i$", ylabel=r"peak (rad a step)")
    right.minorticks_off()
    right.set(xticks=[0.5, 1, 1.5], xticklabels=["0.5", "1", "1.5"])
    right.set(yticks=[0.03, 0.1, 0.3], yticklabels=["0.03", "0.1", "0.3"])
    right.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)
    return fig


def isotropy(one, decay):
    """Variances of positions and of velocities along the steepest directions, with theory, isotropy, equilibrium."""
    fig, axes = plt.subplots(1, 2, figsize=(8.6, 3.7))
    own = one.curvature - decay
    for ax, seen, theory, power, letter in (
        (axes[0], one.position, one.expected.position, 0, r"\theta"),
        (axes[1], one.velocity, one.expected.velocity, 1, "v"),
    ):
        value, error = mean_errors(seen)
        middle = np.exp(np.mean(np.log(value)))
        scale = own / np.exp(np.mean(np.log(own)))
        ax.errorbar(own, value, error, **REAL, label=f"network, {len(seen)} runs")
        ax.plot(own, theory, color=INK, linewidth=1, label="theory, measured spectra")
        label = r"isotropic" if power == 0 else r"$\propto$ curvature"
        ax.plot(own, middle * scale**power, color=COLOURS[1], linestyle="--", label=label)
        other, label = (-1, "equilibrium") if power == 0 else (0, "equilibrium")
        ax.plot(own, middle * scale**other, color=MUTED, linestyle=":", label=label)
        ax.set(xscale="log", yscale="log", xlabel=r"curvature without decay $h_i-\lambda$")
        ax.set_ylabel(rf"$\mathrm{{var}}\,{letter}_i$")
    axes[0].legend(loc="lower left", fontsize=8)
    axes[1].legend(loc="upper left", fontsize=8)
    return fig


def sweeps(found):
    """Exponents, and displacements at the longest lag, as one hyperparameter changes.

    From (name, value) to (exponent of the theory, `ExponentFit` of the network, displacement of the
    theory, `Estimate` of the network's).
    """
    names = dict.fromkeys(name for name, _ in found)
    fig, axes = plt.subplots(2, len(names), figsize=(8.8, 5.2), sharex="col", sharey="row")
    for column, name in zip(axes.T, names):
        values = [value for other, value in found if other == name]
        x = np.arange(len(values))
        theory, fits, far, seen = zip(*(found[name, value] for value in values))
        column[0].plot(x, theory, color=INK, label="theory, measured spectra")
        column[0].errorbar(
            x, [f.exponent for f in fits], [f.error for f in fits], **REAL, label="network"
        )
        column[1].plot(x, far, color=INK)
        column[1].errorbar(x, [s.value for s in seen], [s.error for s in seen], **REAL)
        column[1].set(
            yscale="log",
            xticks=x,
            xticklabels=[f"{value:g}".replace("0.", ".") for value in values],
        )
        column[1].tick_params(axis="x", labelsize=8)
        column[1].set_xlabel(f"{SYMBOLS[name]}")
    axes[0, 0].set_ylabel("exponent $c$")
    axes[1, 0].set_ylabel(r"$\langle|\Delta_k|^2\rangle$ at the longest $k$")
    axes[0, 0].legend(loc="lower left", fontsize=8)
    return fig
