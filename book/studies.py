"""The experiments behind the chapter on learning, one row at a time, and their archive.

Five studies, each a list of specifications (plain dictionaries) and a function from one of them to
its results:

    capacity     how many balls SGD fits into a box
    robustness   what a shift of all balls costs, in the steady state of SGD, RCD and GD
    selection    which learning rate and which temperature or scale each loss of the digits gets, by validation
    comparison   what is learnt by either loss, and by none
    minima       loss and sharpness of a small network after training with batches of one size, and of what lies below

`python -m book._tools.learning` runs them into `book/results/learning/`; a row is a function of its
specification alone, and `digest` is that of its last packing or parameters, so that any row can be
computed again and compared bit for bit.
"""

import functools
import hashlib
import math

import numpy as np

from book import RESULTS, tables
from mpack import _check, contrastive, manifolds, network, observables
from mpack.dynamics import RCD, SGD
from mpack.packing import Packing
from mpack.simulation import every, simulate

FOLDER = RESULTS / "learning"
SIGMAS = (0.015, 0.05)  # shifts of the classes, in mean diameters
KEPT = 10  # packings of each run's second part that are averaged
TEST, VALIDATION = 0.3, 0.25  # parts of the digits, and of what is left for training
PER_CLASS = 10  # labelled images of each class in the probe with few labels
EPOCHS = 40
RATES = (0.003, 0.01, 0.03, 0.1, 0.3)
PARAMETERS = {"nt-xent": (0.05, 0.1, 0.2, 0.5, 1.0), "packing": (1.5, 2.0, 3.0, 4.5, 6.5)}
TRAINED = 1000  # digits that the network of the study `minima` is trained on
SLOW = 0.1, 4000  # rate and steps of its slow descent
SHUFFLE = 2**32  # seeds from here on are those of shuffled labels


# -------------------------------------------------------------------------------------------------------
# packings


def capacity_specs(
    boxes=(4, 5, 6, 7, 8), phis=None, runs=12, alpha=0.03, batch_fraction=0.5, steps=20_000
):
    """Numbers of balls n around capacity for every box, each with `runs` starts; phis are packing fractions,
    rounded to n.
    """
    phis = np.linspace(0.59, 0.64, 11) if phis is None else np.asarray(phis, dtype=float)
    return [
        {
            "box": box,
            "n": int(n),
            "run": run,
            "alpha": alpha,
            "batch_fraction": batch_fraction,
            "steps": steps,
        }
        for box in boxes
        for n in np.unique(np.rint(phis * box**3 * 6.0 / math.pi).astype(int))
        for run in range(runs)
    ]


def capacity_row(box, n, run, alpha, batch_fraction, steps):
    """Whether n balls of diameter 1 find room in a cube of edge `box` within so many steps of SGD."""
    seed = _seed("capacity", box, n, run)
    start = Packing.random(n=n, phi=n * math.pi / 6.0 / box**3, dim=3, seed=seed)
    rule = SGD(alpha=alpha, batch_fraction=batch_fraction)
    end = simulate(start, rule, steps=steps, seed=seed, record=every(steps))
    return {"absorbed": int(end.absorbed), "steps_done": int(end.steps), "digest": end.digest}


def robustness_specs(runs=12, n=500, phi=0.66, alpha=0.02, fractions=(0.1, 0.25, 0.5, 1.0)):
    """SGD and RCD at several batch fractions; a run has the same start under every rule, and GD is there once."""
    return [
        {"rule": rule, "batch_fraction": fraction, "run": run, "n": n, "phi": phi, "alpha": alpha}
        for rule in ("SGD", "RCD")
        for fraction in fractions
        for run in range(runs)
        if not (rule == "RCD" and fraction == 1.0)
    ]


def robustness_row(rule, batch_fraction, run, n, phi, alpha):
    """Flatness and errors in the steady state: means over packings of the second part of a run.

    Time is counted in units of 20/(alpha b_f) steps, in which a ball that one neighbour pushed all
    the time would go ten diameters. 20 units pass before the measurement, KEPT during it.
    """
    seed = _seed("robustness", run)
    dynamics = {"SGD": SGD, "RCD": RCD}[rule](alpha=alpha, batch_fraction=batch_fraction)
    unit = round(20.0 / (alpha * batch_fraction))
    start = Packing.random(n=n, phi=phi, dim=3, seed=seed)
    run = simulate(start, dynamics, steps=20 * unit, seed=seed, record=every(unit))
    kept = []
    for _ in range(KEPT):
        run = simulate(run, steps=unit)
        kept.append(_measured(run.final))
    means = {name: float(np.mean([one[name] for one in kept])) for name in kept[0]}
    halves = [
        float(np.mean([one["error"] for one in half]))
        for half in (kept[: KEPT // 2], kept[KEPT // 2 :])
    ]
    means |= {"error_early": halves[0], "error_late": halves[1]}
    return means | {"steps_done": int(run.steps), "digest": run.digest}


def _measured(packing):
    """What is read off one packing, per ball where it is a sum."""
    r = packing.overlaps()[1]
    out = {
        "activity": observables.activity(packing),
        "energy": observables.energy(packing) / packing.n,
        "overlaps": 2.0 * r.size / packing.n,
    }
    for number, sigma in enumerate(SIGMAS):
        out[f"flatness_{number}"] = (
            observables.flatness(packing, sigma=sigma).delta_v_over_u0 / packing.n
        )
        shifted = manifolds.shifted_error(packing, sigma)
        out["error"] = shifted.before
        out[f"refitted_{number}"], out[f"fixed_{number}"] = shifted.refitted, shifted.fixed
    return out


def by_rule(rows):
    """The study `robustness`, a row a run: columns by what was measured, rule and batch fraction.

    Beside the archived columns: `rise`, the flatness at the smaller of SIGMAS, and `gain_refitted_0`
    and so on, what a shift adds to the error.

    Parameters
    ----------
    rows : pandas.DataFrame
        The study `robustness`.

    Returns
    -------
    pandas.DataFrame
    """
    more = {"rise": rows.flatness_0}
    for kind in ("refitted", "fixed"):
        for number in range(len(SIGMAS)):
            more[f"gain_{kind}_{number}"] = rows[f"{kind}_{number}"] - rows.error
    table = rows.drop(columns="digest").assign(**more)
    return table.pivot(index="run", columns=["rule", "batch_fraction"])


# ---------------------------------------------------------------------------------------------------------
# digits


@functools.cache
def digits(split=0):
    """scikit-learn's digits, images (n, 64) in [0, 1] and labels, split by a numbered random split that keeps the
    classes' shares.

    Returns
    -------
    tuple
        Training images and labels, test images and labels; split 0 is the one of the book.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    X, y = load_digits(return_X_y=True)
    parts = train_test_split(
        X / 16.0, y, test_size=TEST, stratify=y, random_state=_check.integer("split", split, 0)
    )
    return parts[0], parts[2], parts[1], parts[3]


@functools.cache
def validation():
    """The training part of split 0, split once more: images and labels to fit on, and to choose by."""
    from sklearn.model_selection import train_test_split

    X, y = digits(0)[:2]
    parts = train_test_split(X, y, test_size=VALIDATION, stratify=y, random_state=0)
    return parts[0], parts[2], parts[1], parts[3]


def pixels(split):
    """Accuracy of the linear probe on raw pixels: with all labels, and with PER_CLASS of each class."""
    return tuple(
        contrastive.linear_probe(*digits(split), per_class=few) for few in (None, PER_CLASS)
    )


def loss_named(name, parameter):
    """The loss that a row of the archive names."""
    if name == "nt-xent":
        return contrastive.NTXent(parameter)
    return contrastive.PackingLoss(parameter, attract=name == "attraction")


def selection_specs(seeds=3):
    """The same number of settings, seeds and steps for both losses; seeds that the comparison does not use."""
    return [
        {"loss": name, "parameter": parameter, "rate": rate, "seed": 1000 + seed, "epochs": EPOCHS}
        for name, parameters in PARAMETERS.items()
        for parameter in parameters
        for rate in RATES
        for seed in range(seeds)
    ]


def selection_row(loss, parameter, rate, seed, epochs):
    """Validation accuracy of one setting; the test set is not looked at."""
    X, y, V, z = validation()
    encoder = contrastive.Encoder()
    trained = contrastive.train(
        encoder, X, loss_named(loss, parameter), rate=rate, epochs=epochs, seed=seed
    )
    features, others = (encoder.features_of(trained.theta, images) for images in (X, V))
    return {
        "validation": contrastive.linear_probe(features, y, others, z),
        "validation_few": contrastive.linear_probe(features, y, others, z, per_class=PER_CLASS),
        "digest": trained.digest,
    }


def selected(rows):
    """The rule: for each loss the (parameter, rate) with the highest mean validation accuracy; of equals, the
    smaller rate.

    Parameters
    ----------
    rows : pandas.DataFrame
        The study `selection`.

    Returns
    -------
    dict
        loss -> (parameter, rate)
    """
    mean = rows.groupby(["loss", "parameter", "rate"])["validation"].mean().reset_index()
    mean = mean.sort_values(["validation", "rate", "parameter"], ascending=[False, True, True])
    best = mean.groupby("loss").first()
    return {loss: (float(row.parameter), float(row.rate)) for loss, row in best.iterrows()}


def comparison_specs(chosen, seeds=12, splits=8):
    """Both losses with what was selected: `seeds` seeds on split 0, one seed on each of `splits` others; the wrong
    sign on split 0; and what is not trained.
    """
    kinds = {name: chosen[name] for name in PARAMETERS} | {
        "attraction": chosen["packing"],
        "untrained": (0.0, 0.0),
    }
    cases = [(0, seed) for seed in range(seeds)]
    return [
        {
            "loss": name,
            "parameter": kind[0],
            "rate": kind[1],
            "split": split,
            "seed": seed,
            "epochs": EPOCHS,
        }
        for name, kind in kinds.items()
        for split, seed in cases
        + [(split, 100 + split) for split in range(1, splits + 1) if name != "attraction"]
    ]


def comparison_row(loss, parameter, rate, split, seed, epochs):
    """What a linear probe finds in the features after training, on the test set, and how far apart the classes are."""
    X, y, T, z = digits(split)
    encoder = contrastive.Encoder()
    if loss == "untrained":
        theta, told = (
            encoder.start(seed),
            {"activity": math.nan, "digest": digest_of(encoder.start(seed))},
        )
    else:
        trained = contrastive.train(
            encoder, X, loss_named(loss, parameter), rate=rate, epochs=epochs, seed=seed
        )
        theta, told = (
            trained.theta,
            {"activity": float(trained.activity[-19:].mean()), "digest": trained.digest},
        )
    features, others = encoder.features_of(theta, X), encoder.features_of(theta, T)
    shuffled = np.random.default_rng(SHUFFLE + seed).permutation(y)
    apart = manifolds.class_separation(others, z)
    return {
        "accuracy": contrastive.linear_probe(features, y, others, z),
        "accuracy_few": contrastive.linear_probe(features, y, others, z, per_class=PER_CLASS),
        "accuracy_shuffled": contrastive.linear_probe(features, shuffled, others, z),
        "separation": float(apart.mean()),
        "separated": float(np.mean(apart > 1.0)),
        **told,
    }


def by_loss(rows):
    """The study `comparison`, a row a run: columns by what was measured and by loss.

    Parameters
    ----------
    rows : pandas.DataFrame
        The study `comparison`.

    Returns
    -------
    tuple of pandas.DataFrame
        Of split 0 by seed, and of the other splits, one seed each, by split.
    """
    first = rows.split == 0
    return tuple(
        some.pivot(index=index, columns="loss")
        for some, index in ((rows[first], "seed"), (rows[~first], "split"))
    )


# ---------------------------------------------------------------------------------------------------------
# what lies below a trained network


@functools.cache
def _network(hidden, weight_decay):
    """The network of the chapter on limiting dynamics, its training images, and those it does not see."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    net = network.SmallNetwork(
        X[:TRAINED] / 16.0, y[:TRAINED], hidden=hidden, weight_decay=weight_decay
    )
    return net, X[TRAINED:] / 16.0, y[TRAINED:]


def minima_specs(batches=(8, 16, 32, 64, 256), runs=12, slow_runs=3):
    """One network trained with batches of several sizes, from shared starts; batch size 0 is descent alone.

    With `slow` the descent to the minimum begins with small steps that follow the gradient.
    """
    how = {"eta": 0.1, "beta": 0.9, "steps": 10_000, "hidden": 8, "weight_decay": 0.002}
    return [
        {"batch_size": size, "run": run, "slow": slow, **how}
        for slow, some in ((0, runs), (1, slow_runs))
        for size in (batches[:2] if slow else (0, *batches))
        for run in range(some)
    ]


def minima_row(batch_size, run, slow, eta, beta, steps, hidden, weight_decay):
    """A network where training leaves it, and in the minimum below: loss, largest curvature, trace, accuracy."""
    net, images, labels = _network(hidden, weight_decay)
    theta = net.start(_seed("minima", run))
    if batch_size:
        seed = _seed("minima", batch_size, run)
        how = {"eta": eta, "beta": beta, "batch_size": batch_size, "seed": seed}
        theta = net.train([theta], record=[0, steps], **how).theta[0, -1]
    below = net.minimum(net.descend(theta, *SLOW) if slow else theta)
    out = {}
    for where, place in (("above", theta), ("below", below)):
        out[f"loss_{where}"] = net.loss(place)
        out[f"largest_{where}"], out[f"trace_{where}"] = net.sharpness(place)
        out[f"accuracy_{where}"] = net.accuracy(place, images, labels)
    out["least_below"] = float(np.linalg.eigvalsh(net.hessian(below))[0])
    out["fallen"] = float(np.linalg.norm(below - theta))
    return out | {"digest": digest_of(np.append(theta, slow))}


def digest_of(theta):
    """Digest of the bits of an array of floats."""
    return hashlib.blake2b(np.asarray(theta).astype("<f8").tobytes(), digest_size=16).hexdigest()


# --------------------------------------------------------------------------------------------------------
# archive

ROWS = {
    "capacity": capacity_row,
    "robustness": robustness_row,
    "selection": selection_row,
    "comparison": comparison_row,
    "minima": minima_row,
}
SPECIFIED = {
    "capacity": ("box", "n", "run", "alpha", "batch_fraction", "steps"),
    "robustness": ("rule", "batch_fraction", "run", "n", "phi", "alpha"),
    "selection": ("loss", "parameter", "rate", "seed", "epochs"),
    "comparison": ("loss", "parameter", "rate", "split", "seed", "epochs"),
    "minima": ("batch_size", "run", "slow", "eta", "beta", "steps", "hidden", "weight_decay"),
}


def row(study, spec):
    """Specification and results of one row, together."""
    return dict(spec) | ROWS[_check.choice("study", study, tuple(ROWS))](**spec)


def archived(study, folder=FOLDER):
    """The archived rows of a study, as a DataFrame; see `book.tables.load` for what it raises."""
    return tables.load(folder, _check.choice("study", study, tuple(ROWS)))


def again(study, rows):
    """Compute archived rows anew: the number of rows, how many have the archived digest, and the largest difference
    of any other number (probes and sums may depend on the machine's linear algebra in their last
    digits).

    Parameters
    ----------
    study : str
    rows : pandas.DataFrame
        Some rows of `archived(study)`.
    """
    same, apart = 0, 0.0
    for record in rows.to_dict("records"):
        fresh = row(study, {name: record[name] for name in SPECIFIED[study]})
        same += fresh["digest"] == record["digest"]
        for name, value in fresh.items():
            if isinstance(value, float) and math.isfinite(value):
                apart = max(apart, abs(value - record[name]))
    return len(rows), same, apart


def audited(counts, seed):
    """Some rows of every study computed again: a DataFrame with what `again` returns, a row a study.

    Parameters
    ----------
    counts : sequence of five ints
        How many rows of each study in ROWS, drawn by `seed`; studies with 0 are left out.
    """
    import pandas as pd

    if len(counts) != len(ROWS):
        raise ValueError(f"counts must be {len(ROWS)} numbers of rows, one a study; got {counts}")
    outcomes = []
    for study, count in zip(ROWS, counts):
        if count:
            rows = archived(study)
            some = rows.sample(min(count, len(rows)), random_state=seed)
            outcomes.append((study, *again(study, some)))
    columns = ["study", "rows", "same bits", "largest difference of other numbers"]
    return pd.DataFrame(outcomes, columns=columns)


def _seed(*what):
    """An independent seed for every run: from a digest of what names it."""
    return int.from_bytes(hashlib.blake2b(repr(what).encode(), digest_size=6).digest(), "little")
