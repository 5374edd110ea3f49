"""The walks of a small network about its minimum, one run a row, and their archive.

The network of the chapter on limiting dynamics: digits of 8 x 8 pixels, one hidden layer, weight
decay. Three studies, each a list of specifications (plain dictionaries) and a function from one of
them to its results:

    minima       where the loss is least, at several weight decays
    sweeps       squared displacements, as one hyperparameter changes
    projections  power spectra and moments along the eigenvectors of the Hessian

`python -m book._tools.walks` runs them into `book/results/walks/`. A row is a function of its
specification alone, and `digest` is that of its last parameters, so that any row can be computed
again and compared bit for bit.
"""

import functools

import numpy as np
from scipy import signal

from book import RESULTS, tables
from book.studies import digest_of
from mpack import _check
from mpack.network import SmallNetwork

FOLDER = RESULTS / "walks"
IMAGES, HIDDEN, SEED = 1000, 8, 1  # as in the chapter on limiting dynamics
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
BINS = np.arange(1, 49)  # frequencies of a spectrum, in units of 2 pi over the segment
CHUNK = 2000  # steps of which all parameters are kept at once


@functools.cache
def network(weight_decay):
    """The network on the first IMAGES digits of scikit-learn, at one weight decay."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images, labels = digits.data[:IMAGES] / 16.0, digits.target[:IMAGES]
    return SmallNetwork(images, labels, hidden=HIDDEN, weight_decay=weight_decay)


@functools.cache
def minimum(weight_decay):
    """Where the loss is least, (P,), from the archive: four decimals."""
    rows = archived("minima").set_index("weight_decay")
    return rows.loc[weight_decay].filter(regex=r"^p\d+$").to_numpy(float) / 1e4


@functools.cache
def spectra(weight_decay):
    """Curvatures, largest first, and variances of one sample's gradient along the eigenvectors, at the minimum."""
    return network(weight_decay).spectra(minimum(weight_decay))


@functools.cache
def directions(weight_decay):
    """The MODES steepest eigenvectors of the Hessian at the minimum, as columns (P, MODES).

    The sign of each is that which makes its largest component positive.
    """
    E = np.linalg.eigh(network(weight_decay).hessian(minimum(weight_decay)))[1][
        :, : -MODES - 1 : -1
    ]
    return E * np.sign(E[np.abs(E).argmax(axis=0), np.arange(MODES)])


# ---------------------------------------------------------------------------------------------------------
# rows


def minima_specs():
    """A row for each weight decay."""
    return [{"weight_decay": decay} for decay in DECAYS]


def minima_row(weight_decay):
    """The minimum below the end of a training of 8000 steps, in units of 1e-4, rounded: the same bits everywhere."""
    net = network(weight_decay)
    trained = net.train(
        [net.start(SEED)], eta=0.1, beta=0.9, batch_size=32, record=[0, 8000], seed=SEED
    )
    bottom = np.round(net.minimum(trained.theta[0, -1], tolerance=1e-12) * 1e4).astype(int)
    return {"digest": digest_of(bottom / 1e4)} | {f"p{i}": int(p) for i, p in enumerate(bottom)}


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
    far = {f"k{k}": _short(x) for k, x in zip(got.lags, got.displacement[0])}
    return {"local": _short(got.local[0])} | far | {"digest": digest_of(got.theta[0])}


def projections_specs(runs=RUNS):
    """Every one of SETTINGS, `runs` times."""
    return [{"setting": name, "run": run} for name in SETTINGS for run in range(runs)]


def projections_row(setting, run):
    """Along the eigenvectors, from the minimum: the power spectrum at BINS (`s0_1` is that of mode 0 at bin 1), the
    mean of the position (`m0`), and the mean squares of position and velocity (`x0`, `v0`).
    """
    rule, steps, segment = SETTINGS[_check.choice("setting", setting, tuple(SETTINGS))]
    walk, end = projected(**rule, steps=steps, run=run)
    power = welch(walk[:, :PEAKED], segment)
    speed = np.diff(walk, axis=0) / rule["eta"]
    squares = {"m": walk.mean(axis=0), "x": (walk**2).mean(axis=0), "v": (speed**2).mean(axis=0)}
    out = {f"{name}{i}": _short(x) for name, row in squares.items() for i, x in enumerate(row)}
    out |= {f"s{i}_{k}": _short(power[i, k]) for i in range(PEAKED) for k in BINS}
    return {"digest": digest_of(end)} | out


def projected(weight_decay, eta, beta, batch_size, steps, run, settled=SETTLED):
    """Positions along `directions` after every step, (steps, MODES), and the last parameters.

    The run starts at the minimum; the first `settled` steps are not looked at.
    """
    net, bottom, E = network(weight_decay), minimum(weight_decay), directions(weight_decay)
    how = dict(eta=eta, beta=beta, batch_size=batch_size, seed=SEED, first_run=run)
    theta, v, parts = bottom[None], np.zeros((1, net.size)), []
    edges = np.r_[0, np.arange(settled, settled + steps, CHUNK), settled + steps]
    for first, last in zip(edges[:-1], edges[1:]):
        record = np.arange(first, last + 1) if first >= settled else np.array([first, last])
        got = net.train(theta, v=v, record=record, **how)
        theta, v = got.theta[:, -1], got.v
        if first >= settled:
            parts.append((got.theta[0, 1:] - bottom) @ E)
    return np.concatenate(parts), theta[0]


def welch(walk, segment):
    """Power spectra of the columns of `walk` by Welch's method, (columns, 1 + segment/2), at 2 pi k/segment a step.

    Two-sided: the sum over all frequencies, positive and negative, over their number is the
    variance.
    """
    power = signal.welch(walk, nperseg=segment, axis=0, return_onesided=False)[1]
    return power[: 1 + segment // 2].T


def _short(x):
    """Five digits: far below the scatter of runs."""
    return float(f"{x:.5g}")


# ---------------------------------------------------------------------------------------------------------
# archive

ROWS = {"minima": minima_row, "sweeps": sweeps_row, "projections": projections_row}
SPECIFIED = {
    "minima": ("weight_decay",),
    "sweeps": ("weight_decay", "eta", "beta", "batch_size", "run"),
    "projections": ("setting", "run"),
}


def row(study, spec):
    """Specification and results of one row, together."""
    return dict(spec) | ROWS[_check.choice("study", study, tuple(ROWS))](**spec)


def archived(study, folder=None):
    """The archived rows of a study, as a DataFrame; see `book.tables.load` for what it raises."""
    return tables.load(folder or FOLDER, _check.choice("study", study, tuple(ROWS)))
