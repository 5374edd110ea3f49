"""The walks of a small network about its minimum, one run a row, and their archive.

The network of the chapter on limiting dynamics: digits of 8 x 8 pixels, one hidden layer, weight
decay. Four studies, each a list of specifications (plain dictionaries) and a function from one of
them to its results:

    minima       where the loss is least, at several weight decays
    sweeps       squared displacements, as one hyperparameter changes
    projections  power spectra and moments along the eigenvectors of the Hessian
    felt         the curvature along these eigenvectors where the walk has come to

`python -m book._tools.walks` runs them into `book/results/walks/`. A row is a function of its
specification alone, and `digest` is that of its last parameters, so that any row can be computed
again and compared bit for bit.
"""

import dataclasses
import functools

import numpy as np

from book import RESULTS, tables
from book.studies import digest_of
from mpack import _check, limiting
from mpack.network import SmallNetwork
from mpack.statistics import jackknife, power_law

FOLDER = RESULTS / "walks"
IMAGES, HIDDEN, SEED = 1000, 8, 1  # as in the chapter on limiting dynamics
STARTS = (1, 2, 3, 4)  # networks, by the seed of their start; the first is that chapter's
QUIET = {"weight_decay": 0.002, "eta": 0.02, "beta": 0.9, "batch_size": 64}
DECAYS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02)
SWEEPS = {"eta": (0.005, 0.1), "beta": (0.0, 0.97), "weight_decay": DECAYS}
SETTINGS = {  # of the projections: hyperparameters, steps, and steps of a segment
    "quiet": (QUIET, 12_000, 512),
    "heavy": (QUIET | {"eta": 0.002, "beta": 0.99}, 40_000, 4096),
    "loud": (QUIET | {"eta": 0.1, "batch_size": 32}, 12_000, 512),
    "plain": (QUIET | {"eta": 0.2, "beta": 0.0}, 12_000, 512),
}
RUNS = 16  # of each setting
LAGS = np.unique(np.geomspace(1, 1000, 26).astype(int))
ORIGINS = 1500 + np.linspace(0, 1000, 6).astype(int)
SETTLED = 3000  # steps before the projections are looked at
PEAKED, MODES = 8, 100  # steepest eigenvectors that have a spectrum, and that have moments
BINS = np.arange(2, 49)  # frequencies of a spectrum, in units of 2 pi over the segment
CHUNK = 2000  # steps of which all parameters are kept at once


@functools.cache
def network(weight_decay):
    """The network on the first IMAGES digits of scikit-learn, at one weight decay."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images, labels = digits.data[:IMAGES] / 16.0, digits.target[:IMAGES]
    return SmallNetwork(images, labels, hidden=HIDDEN, weight_decay=weight_decay)


@functools.cache
def minimum(weight_decay, start=1):
    """Where the loss of a network is least, (P,), from the archive: four decimals."""
    rows = archived("minima").set_index(["weight_decay", "start"])
    return tables.numbers(rows.loc[[(weight_decay, start)], "theta"])[0] / 1e4


@functools.cache
def spectra(weight_decay, start=1):
    """Curvatures, largest first, and variances of one sample's gradient along the eigenvectors at the minimum, (P,)
    each, from the archive: five digits.
    """
    rows = archived("minima").set_index(["weight_decay", "start"]).loc[[(weight_decay, start)]]
    return tables.numbers(rows["curvature"])[0], tables.numbers(rows["variance"])[0]


@functools.cache
def directions(weight_decay, start=1):
    """The MODES steepest eigenvectors of the Hessian at the minimum, as columns (P, MODES).

    The sign of each is that which makes its largest component positive.
    """
    E = np.linalg.eigh(network(weight_decay).hessian(minimum(weight_decay, start)))[1][
        :, : -MODES - 1 : -1
    ]
    return E * np.sign(E[np.abs(E).argmax(axis=0), np.arange(MODES)])


# ---------------------------------------------------------------------------------------------------------
# rows


def minima_specs():
    """The first network at each weight decay, and the others at that of QUIET."""
    others = [(QUIET["weight_decay"], start) for start in STARTS[1:]]
    return [
        {"weight_decay": decay, "start": start}
        for decay, start in [(decay, 1) for decay in DECAYS] + others
    ]


def minima_row(weight_decay, start):
    """The minimum below the end of a training of 8000 steps, rounded to units of 1e-4: the same bits everywhere.

    And its `spectra`.
    """
    net = network(weight_decay)
    trained = net.train(
        [net.start(start)], eta=0.1, beta=0.9, batch_size=32, record=[0, 8000], seed=start
    )
    bottom = np.round(net.minimum(trained.theta[0, -1], tolerance=1e-12) * 1e4).astype(int)
    spectra = dict(zip(("curvature", "variance"), map(tables.cell, net.spectra(bottom / 1e4))))
    return {"theta": " ".join(map(str, bottom))} | spectra | {"digest": digest_of(bottom / 1e4)}


def sweeps_specs(runs=RUNS):
    """QUIET, and every value of SWEEPS in its place, `runs` times."""
    changed = [QUIET] + [QUIET | {name: x} for name in SWEEPS for x in SWEEPS[name]]
    settings = [one for i, one in enumerate(changed) if one not in changed[:i]]
    return [setting | {"run": run} for setting in settings for run in range(runs)]


def sweeps_row(weight_decay, eta, beta, batch_size, run):
    """Squared displacement at each of LAGS, the mean over ORIGINS, and that of one step over all steps."""
    got = network(weight_decay).walk(
        [minimum(weight_decay)], eta=eta, beta=beta, batch_size=batch_size, lags=LAGS,
        origins=ORIGINS, seed=SEED, first_run=run,
    )  # fmt: skip
    far = tables.cell(got.displacement[0])
    return {"local": got.local[0], "displacement": far, "digest": digest_of(got.theta[0])}


def projections_specs(runs=RUNS):
    """The first network in every one of SETTINGS, `runs` times, and the others under heavy momentum, half as often."""
    first = [(name, 1, run) for name in SETTINGS for run in range(runs)]
    others = [("heavy", start, run) for start in STARTS[1:] for run in range(runs // 2)]
    return [dict(zip(SPECIFIED["projections"], spec)) for spec in first + others]


def projections_row(setting, start, run):
    """Along the steepest eigenvectors, from the minimum: the mean of the position, the mean squares of position and
    velocity (MODES numbers each), and the power spectrum at BINS of each of the first PEAKED.
    """
    rule, steps, segment = SETTINGS[_check.choice("setting", setting, tuple(SETTINGS))]
    walk, end = projected(**rule, steps=steps, start=start, run=run)
    speed = np.diff(walk, axis=0) / rule["eta"]
    out = {
        "mean": tables.cell(walk.mean(axis=0)),
        "position": tables.cell((walk**2).mean(axis=0)),
        "velocity": tables.cell((speed**2).mean(axis=0)),
    }
    power = limiting.measured_spectrum(walk[:, :PEAKED], segment)[1][:, BINS - BINS[0]]
    out |= {f"spectrum_{i}": tables.cell(row) for i, row in enumerate(power)}
    return out | {"digest": digest_of(end)}


def felt_specs(runs=RUNS):
    """The first network at its coldest and its hottest."""
    return [{"setting": name, "run": run} for name in ("heavy", "loud") for run in range(runs)]


def felt_row(setting, run):
    """Curvature along the PEAKED steepest eigenvectors of the minimum, SETTLED steps later: where the row of
    `projections` of the same run begins.
    """
    rule = dict(SETTINGS[_check.choice("setting", setting, tuple(SETTINGS))][0])
    decay = rule.pop("weight_decay")
    net, E = network(decay), directions(decay)[:, :PEAKED]
    got = net.train([minimum(decay)], **rule, record=[0, SETTLED], seed=SEED, first_run=run)
    theta = got.theta[0, -1]
    along = np.einsum("pi,pi->i", E, net.hessian(theta) @ E)
    return {"curvature": tables.cell(along), "digest": digest_of(theta)}


def projected(weight_decay, eta, beta, batch_size, steps, run, start=1, settled=SETTLED):
    """Positions along `directions` after every step, (steps, MODES), and the last parameters.

    The run starts at the minimum; the first `settled` steps are not looked at.
    """
    net, bottom = network(weight_decay), minimum(weight_decay, start)
    E = directions(weight_decay, start)
    how = dict(eta=eta, beta=beta, batch_size=batch_size, seed=start, first_run=run)
    theta, v, parts = bottom[None], np.zeros((1, net.size)), []
    edges = np.r_[0, np.arange(settled, settled + steps, CHUNK), settled + steps]
    for first, last in zip(edges[:-1], edges[1:]):
        record = np.arange(first, last + 1) if first >= settled else np.array([first, last])
        got = net.train(theta, v=v, record=record, **how)
        theta, v = got.theta[:, -1], got.v
        if first >= settled:
            parts.append((got.theta[0, 1:] - bottom) @ E)
    return np.concatenate(parts), theta[0]


# ---------------------------------------------------------------------------------------------------------
# what the archive says


@dataclasses.dataclass(frozen=True)
class Projections:
    """Runs of one network in one setting along the MODES steepest eigenvectors, beside the linear theory.

    Attributes
    ----------
    rule : dict
        Hyperparameters.
    curvature, noise : ndarray, shape (MODES,)
        At the minimum: curvature h, and variance of the mini-batch gradient.
    omega : ndarray, shape (m,)
        Angles a step.
    power, expected_power : ndarray, shapes (runs, PEAKED, m), (PEAKED, m)
        Power spectra of the position.
    position, velocity : ndarray, shape (runs, MODES)
        Mean squares, of the position about the mean over all runs.
    expected : mpack.limiting.Stationary
        The same in theory.
    """

    rule: dict
    curvature: np.ndarray
    noise: np.ndarray
    omega: np.ndarray
    power: np.ndarray
    expected_power: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    expected: limiting.Stationary

    @property
    def peaks(self):
        """Where the measured spectra and the expected ones peak, by one rule (`mpack.limiting.highest`): two arrays."""
        return highest(self.omega, self.power), highest(self.omega, self.expected_power[None])

    @property
    def ring(self):
        """Measured over expected peak, the mean of the modes; its error is a jackknife over runs."""
        expected = self.peaks[1]
        return jackknife(lambda p: np.mean(highest(self.omega, p) / expected), self.power)

    @property
    def steepness(self):
        """Exponent of the peak's frequency against curvature: measured, and expected."""
        h = self.curvature[:PEAKED]
        fitted = jackknife(
            lambda p: power_law(h, highest(self.omega, p)).exponent.value, self.power
        )
        return fitted, power_law(h, self.peaks[1]).exponent.value

    def rise(self, like):
        """Power where the modes of `like` are expected to peak over that at the lowest frequency, their mean:
        measured, and expected.

        Parameters
        ----------
        like : Projections
            With the same frequencies.
        """
        at = np.abs(like.omega[:, None] - like.peaks[1]).argmin(axis=0)

        def of(power):
            mean = power.mean(axis=0)
            return float(np.mean(mean[np.arange(PEAKED), at] / mean[:, 0]))

        return jackknife(of, self.power), of(self.expected_power[None])

    def ring_with(self, curvature):
        """`ring`, over the theory with the curvatures that the runs felt, (runs, PEAKED), in the place of those at the
        minimum; the jackknife leaves out power and curvature of a run together.
        """
        eta, beta = self.rule["eta"], self.rule["beta"]

        def of(both):
            felt = both[:, :, -1].mean(axis=0)
            theory = limiting.position_spectrum(self.omega, eta, beta, felt)
            seen = highest(self.omega, both[:, :, :-1])
            return np.mean(seen / highest(self.omega, theory[None]))

        return jackknife(of, np.concatenate([self.power, curvature[:, :, None]], axis=2))

    def slope(self, samples):
        """Exponent of mean squares (runs, MODES) against curvature without weight decay, with a jackknife error."""
        own = self.curvature - self.rule["weight_decay"]
        return jackknife(lambda x: power_law(own, x.mean(axis=0)).exponent.value, samples)


def highest(omega, power):
    """Where the mean over runs of power spectra (runs, modes, m) peaks, (modes,)."""
    return np.array([limiting.highest(omega, one) for one in power.mean(axis=0)])


def projections(setting, start=1):
    """The archived `Projections` of one network in one of SETTINGS."""
    rule, _, segment = SETTINGS[_check.choice("setting", setting, tuple(SETTINGS))]
    rows = archived("projections").query("setting == @setting and start == @start")
    eta, beta, decay = rule["eta"], rule["beta"], rule["weight_decay"]
    h, noise = (one[:MODES] for one in spectra(decay, start))
    noise = noise / rule["batch_size"]
    omega = 2.0 * np.pi * BINS / segment
    power = np.stack([tables.numbers(rows[f"spectrum_{i}"]) for i in range(PEAKED)], axis=1)
    expected = limiting.position_spectrum(omega, eta, beta, h[:PEAKED], noise[:PEAKED])
    position = tables.numbers(rows["position"]) - tables.numbers(rows["mean"]).mean(axis=0) ** 2
    moments = limiting.linear_moments(eta, beta, h, noise)
    velocity = tables.numbers(rows["velocity"])
    return Projections(rule, h, noise, omega, power, expected, position, velocity, moments)


def felt(setting):
    """Curvatures along the steepest eigenvectors where the walks have come to, (runs, PEAKED), from the archive."""
    return tables.numbers(archived("felt").query("setting == @setting")["curvature"])


def sweep(**changed):
    """Squared displacements at one setting of the sweeps: measured (runs, LAGS), and expected (LAGS,).

    The setting is QUIET with what is given in its place. The theory is the mean over three ages, as
    in the chapter on limiting dynamics.
    """
    setting = QUIET | changed
    rows = archived("sweeps")
    rows = rows[np.all([rows[name] == value for name, value in setting.items()], axis=0)]
    if rows.empty:
        raise ValueError(f"no such setting in the archive: {setting}")
    h, noise = spectra(setting["weight_decay"])
    rule = setting["eta"], setting["beta"], h, noise / setting["batch_size"]
    theory = [limiting.linear_displacement(LAGS, *rule, age=int(age)) for age in ORIGINS[::2]]
    return tables.numbers(rows["displacement"]), np.mean(theory, axis=0)


# ---------------------------------------------------------------------------------------------------------
# archive

ROWS = {
    "minima": minima_row,
    "sweeps": sweeps_row,
    "projections": projections_row,
    "felt": felt_row,
}
SPECIFIED = {
    "minima": ("weight_decay", "start"),
    "sweeps": ("weight_decay", "eta", "beta", "batch_size", "run"),
    "projections": ("setting", "start", "run"),
    "felt": ("setting", "run"),
}


def row(study, spec):
    """Specification and results of one row, together."""
    return dict(spec) | ROWS[_check.choice("study", study, tuple(ROWS))](**spec)


def archived(study, folder=None):
    """The archived rows of a study, as a DataFrame; see `book.tables.load` for what it raises."""
    return tables.load(folder or FOLDER, _check.choice("study", study, tuple(ROWS)))


def again(study, rows):
    """Compute archived rows anew: the number of rows, and how many have the archived digest and numbers.

    Numbers are compared to a thousandth: projections use the machine's linear algebra.

    Parameters
    ----------
    study : str
    rows : pandas.DataFrame
        Some rows of `archived(study)`.
    """
    same = 0
    for record in rows.to_dict("records"):
        fresh = row(study, {name: record[name] for name in SPECIFIED[study]})
        near = [
            np.allclose(*tables.numbers([str(fresh[name]), str(record[name])]), rtol=1e-3)
            for name in fresh
            if name not in ("digest", "setting")
        ]
        same += fresh["digest"] == record["digest"] and all(near)
    return len(rows), same
