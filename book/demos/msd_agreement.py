"""Tables of runs and figures of the chapter on mean square displacements."""

import numpy as np
from matplotlib import pyplot as plt
from scipy import stats

from book import campaigns
from mpack import figures
from mpack.dynamics import matched_processes
from mpack.statistics import Estimate, log_means, mean_error, weighted_mean

NAMES = tuple(matched_processes(0.01))  # four rules, matched, and their approximations
PAIRWISE = tuple(name for name in NAMES if "individual" not in name and "RCD" not in name)
PARTICLEWISE = tuple(name for name in NAMES if name not in PAIRWISE)
OWN = {  # the rule of each approximation
    name: name.removesuffix(" approximation") for name in NAMES if name.endswith("approximation")
}
COUPLES = {"SGD": "BRO", "RCD": "individual BRO"} | OWN  # what is compared with what


def slug(name):
    """A name as part of the name of a claim."""
    return name.lower().replace(" ", "-")


def whole_repeats(table):
    """The recorded series of those repeats of `campaigns.msd` that a table holds entirely."""
    stored, series = table.set_index("key").series, []
    specs = campaigns.msd()
    for number in sorted({spec.seed for spec in specs}):
        keys = [spec.key for spec in specs if spec.seed == number]
        if not all(key in stored.index for key in keys):
            break
        series += [stored[key] for key in keys]
    return series


class Agreement:
    """MSDs of all processes at every kick size and moment, as `mpack.statistics.log_means` pools them.

    `mean` has the shape (kick sizes, processes, moments), `scatter` and `error` (of the logarithm
    of a ratio) (kick sizes, moments).
    """

    def __init__(self, series, kick_sizes, n):
        self.n, self.kick = n, np.array(kick_sizes)
        self.moments = max((one.times for one in series), key=len)[1:]  # from the first step on
        msd = [np.interp(self.moments, one.times, one.msd) for one in series]  # constant at rest
        shape = -1, len(kick_sizes), len(NAMES), len(self.moments)
        self.logs = log_means(np.reshape(msd, shape), pooled=2)
        self.mean, self.scatter, self.repeats = self.logs.mean, self.logs.scatter, self.logs.repeats
        self.error = self.logs.ratio_error

    def when(self, steps):
        """The place among the moments of that nearest to a number of steps."""
        return int(np.argmin(np.abs(self.moments - steps)))

    def log_ratio(self, name, reference, when=-1):
        """ln of the ratio of two processes' MSD at every kick size, at one of the moments."""
        return self.mean[:, NAMES.index(name), when] - self.mean[:, NAMES.index(reference), when]

    def ratio(self, name, reference, place, when=-1):
        """Ratio of two processes' MSD at one of the kick sizes and moments."""
        value = np.exp(self.log_ratio(name, reference, when)[place])
        error = value * self.error[place, when]
        return Estimate(value, error, self.repeats, dof=self.logs.freedom)

    def pooled_ratio(self, name, reference, small, when=-1):
        """Mean ratio over the kick sizes up to `small`, weighted with its inverse variances."""
        little = self.kick <= small
        ratios, errors = self.log_ratio(name, reference, when)[little], self.error[little, when]
        mean = weighted_mean(ratios, errors)
        value = np.exp(mean.value)
        many = int(little.sum()) * self.repeats
        return Estimate(
            value, value * mean.statistical, many, dof=self.logs.freedom
        )  # at the least

    def ratio_of(self, msd, name, place, when):
        """MSD of some other runs over that of a process."""
        logs, theirs = np.log(msd), self.mean[place, NAMES.index(name), when]
        own, pooled = mean_error(logs), self.scatter[place, when] / self.repeats**0.5
        value = np.exp(logs.mean() - theirs)
        noise = logs.var(ddof=1) / len(logs) + self.scatter[place, when] ** 2 / self.repeats
        apart = own - Estimate(theirs, pooled, self.repeats, dof=self.logs.freedom)
        return Estimate(value, value * noise**0.5, len(logs), dof=apart.freedom)

    def detectable(self, place):
        """The smallest deviation of a ratio from one found with power 95 % at a false-alarm rate of 5 %."""
        return (stats.norm.ppf(0.975) + stats.norm.ppf(0.95)) * self.error[place, -1]


def ratio_between(msd, others):
    """MSD of some runs over that of others, both with noise of their own."""
    apart = mean_error(np.log(msd)) - mean_error(np.log(others))
    value = np.exp(apart.value)
    return Estimate(value, value * apart.error, len(msd), dof=apart.freedom)


def pooled(ratios):
    """Weighted mean of ratios; its error is as well known as that of the poorest of them."""
    mean = weighted_mean(*zip(*ratios))
    many, dof = sum(one.n for one in ratios), min(one.freedom for one in ratios)
    return Estimate(mean.value, mean.statistical, many, dof=dof)


def ratios(found):
    """Rows of a table, one a kick size: ratios after all steps, and the smallest that can be detected."""
    rows = []
    for place, eps in enumerate(found.kick):
        row = {"kick size": f"{eps:g}"}
        for name, reference in COUPLES.items():
            short = name.replace("approximation", "approx.")
            head = f"{short} / {'own rule' if name in OWN else reference}"
            row[head] = found.ratio(name, reference, place)
        rows.append(row | {"detectable": f"{found.detectable(place):.1%}"})
    return rows


def off_by_five(c):
    """Kick size at which an approximation is off by 5 %; a lower bound, a mere number, if c cannot be told from 0."""
    size = abs(c.value)
    if size > 2 * c.error:
        eps = (np.log(1.05) / size) ** 0.5
        return Estimate(eps, eps * c.error / size / 2, c.n)
    return (np.log(1.05) / (size + 2 * c.error)) ** 0.5


def kicks(found):
    """MSD after all steps against kick size, and its ratios to BRO and individual BRO with their 95 % band."""
    fig, axes = plt.subplots(
        2, 2, figsize=(7.6, 5.6), sharex=True, sharey="row", height_ratios=[3, 2]
    )
    families = (PAIRWISE, "BRO"), (PARTICLEWISE, "individual BRO")
    for (top, bottom), (family, reference) in zip(axes.T, families, strict=True):
        for shift, name in enumerate(family):
            place = found.kick * 1.05 ** (shift - 1.5)  # side by side
            look = figures.process_style(name, linestyle="none", markersize=5)
            middle = np.exp(found.mean[:, NAMES.index(name), -1])
            top.errorbar(place, middle, middle * found.logs.error[:, -1], label=name, **look)
            if name != reference:
                ratio = np.exp(found.log_ratio(name, reference))
                bottom.errorbar(place, ratio, ratio * found.error[:, -1], **look)
        band = stats.t.ppf(0.975, found.logs.freedom) * found.error[:, -1]
        look = {"color": figures.colour("grid"), "zorder": 0}
        bottom.fill_between(found.kick, np.exp(-band), np.exp(band), **look)
        bottom.axhline(1, color=figures.colour(reference), linewidth=1.2)
        title = f"numbers for {'pairs' if family is PAIRWISE else 'particles'}"
        top.set(xscale="log", yscale="log", title=title)
        top.legend(fontsize=8.5)
        bottom.set(xlabel=r"kick size $\epsilon$", ylabel=f"ratio to {reference}")
        bottom.yaxis.set_tick_params(labelleft=True)
    ratios = [line.get_ydata() for ax in axes[1] for line in ax.lines]
    farthest = max(np.abs(np.array(one) - 1).max() for one in ratios)
    axes[1, 0].set_ylim(1 - 1.3 * farthest, 1 + 1.3 * farthest)
    axes[0, 0].set_ylabel(rf"MSD after {found.moments[-1]} steps (squared diameters)")
    return fig


def steps(found, shown):
    """MSD against steps at three kick sizes, with guide lines of slopes two and one."""
    fig, axes = plt.subplots(1, 3, figsize=(8.0, 3.3), sharey=True)
    nearest = [int(np.argmin(np.abs(found.kick - eps))) for eps in shown]
    for ax, eps, place in zip(axes, shown, nearest, strict=True):
        for name in NAMES:
            middle = np.exp(found.mean[place, NAMES.index(name)])
            if name in OWN:
                thin = {"markersize": 3.5, "markeredgewidth": 0.8, "elinewidth": 0.8}
                look = figures.process_style(name, linestyle="none", **thin)
                ax.errorbar(found.moments, middle, middle * found.logs.error[place], **look)
            else:
                look = {"color": figures.colour(name), "linewidth": 1.4}
                ax.plot(found.moments, middle, label=name, **look)
        ax.set(xscale="log", yscale="log", xlabel="steps $k$", title=rf"$\epsilon = {eps:g}$")
    axes[0].set_ylabel("MSD (squared diameters)")
    axes[0].legend(fontsize=8)
    late = found.moments[found.moments > found.moments[-1] / 50]
    level, middle = np.exp(found.mean[-1, 0, -1]) / found.moments[-1], late[len(late) // 2]
    axes[2].plot(late, 0.4 * level * late, ":", color=figures.colour("ink"))
    axes[2].annotate(r"$\propto k$", (middle, 0.12 * level * middle))
    early, level = found.moments[:5], np.exp(found.mean[nearest[0], 0, 0])
    axes[0].plot(early, 0.4 * level * early**2.0, ":", color=figures.colour("ink"))
    axes[0].annotate(r"$\propto k^2$", (early[-1], 0.15 * level * early[-1] ** 2.0))
    return fig


def apart(moments, msd, distance):
    """MSD of a run of BRO, and mean square distances from it of other runs, {what they are: distances}."""
    fig, ax = plt.subplots(figsize=(5.8, 3.8))
    ax.plot(moments, msd, color=figures.colour("ink"), label="MSD of BRO")
    looks = {
        "BRO, other noise": figures.process_style("BRO", linestyle="none"),
        "SGD": figures.process_style("SGD", linestyle="none", markersize=4.5),
        "BRO approximation": figures.process_style(
            "BRO approximation", linestyle="none", marker="d"
        ),
        "BRO, same noise, nudged": {"color": figures.colour("series 3"), "marker": "."},
    }
    for name, d in distance.items():
        ax.plot(moments, d, label=f"to {name}", **looks[name])
    ax.set(xscale="log", yscale="log", xlabel="steps $k$", ylabel="squared diameters")
    ax.set_ylim(1e-22, 3)
    ax.legend(fontsize=8.5, loc="center left", title="distance", title_fontsize=8.5)
    return fig
