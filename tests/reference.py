"""The rules once more, in plain NumPy: floats, all pairs, minimum images. Slow, short, and written from the
formulas.

It shares with the library the noise alone (`mpack._kernels.noise`, checked in test_noise.py against
published vectors). The golden digests live here too. They change only together with the version of
the noise stream; then

    python -m tests.reference --golden

writes tests/golden.json anew.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
from scipy import interpolate

import mpack
from mpack._kernels import noise
from mpack.dynamics import Approximation

GOLDEN = Path(__file__).with_name("golden.json")

# ---------------------------------------------------------------------------------------------------
# one step


def step(x, box, diameters, dynamics, seed, number):
    """One step of `dynamics` from float positions x (n, d).

    Returns
    -------
    displacement : array (n, d)
    active : bool array (n,)
        Who is in range of another particle.
    """
    i, j, unit, r, contact = contacts(x, box, diameters, potential_of(dynamics))
    active = np.zeros(len(x), dtype=bool)
    active[i] = active[j] = True
    total = np.zeros_like(x)
    rule = dynamics.of if isinstance(dynamics, Approximation) else dynamics
    if isinstance(rule, mpack.RandomOrganization):
        for end, kick in zip(
            (i, j), kicks(rule, rule is not dynamics, i, j, x.shape[1], seed, number)
        ):
            np.add.at(total, end, kick)
        return total, active
    push = (
        force(potential_of(dynamics), r, contact)[:, None] * unit
    )  # on i, the lower label; minus that on j
    on_i, on_j, on_all = weights(dynamics, i, j, active, seed, number)
    np.add.at(total, i, on_i[:, None] * push)
    np.subtract.at(total, j, on_j[:, None] * push)
    return on_all[:, None] * total, active


def contacts(x, box, diameters, potential):
    """Pairs i < j in range of each other: i, j, unit vectors from j to i, separations, contact distances.

    Two particles at the same point count as 2**-64 of the box apart, the lower one on the positive
    side.
    """
    i, j = np.triu_indices(len(x), 1)
    gap = x[i] - x[j]
    gap -= box * np.rint(gap / box)
    same = np.all(gap == 0.0, axis=1)
    gap[same, 0] = box * 2.0**-64
    r = np.sqrt(np.sum(gap**2, axis=1))
    contact = 0.5 * (diameters[i] + diameters[j])
    near = r < potential.range(contact)
    return i[near], j[near], gap[near] / r[near, None], r[near], contact[near]


def force(potential, r, contact):
    """-dU/dr inside the range, from the definitions in `mpack.potentials`."""
    name, x = type(potential).__name__, 1.0 - r / contact
    if name == "Linear":
        return np.full_like(r, 0.5)
    if name == "Harmonic":
        return potential.stiffness * x / contact
    if name == "Hertzian":
        return potential.stiffness * x**1.5 / contact
    if name == "Tabulated":
        return -tabulated(potential)(r / contact, 1) / contact
    sixth = (contact / r) ** 6
    if name == "WCA":
        return 12.0 * potential.epsilon * sixth * (sixth - 1.0) / r
    return 24.0 * potential.epsilon * sixth * (2.0 * sixth - 1.0) / r


def tabulated(potential):
    """U and its derivatives in r/d: SciPy's spline, and its tangent below the first point."""
    spline, low = interpolate.CubicSpline(potential.r, potential.energies), potential.r[0]

    def value(x, order=0):
        tangent = spline(low, 1) if order else spline(low) + spline(low, 1) * (x - low)
        return np.where(x < low, tangent, spline(x, order))

    return value


def energy(x, box, diameters, potential):
    """Sum of the pair energies."""
    _, _, _, r, contact = contacts(x, box, diameters, potential)
    name, x = type(potential).__name__, 1.0 - r / contact
    if name == "Linear":
        return np.sum(0.5 * (contact - r))
    if name in ("Harmonic", "Hertzian"):
        return np.sum(
            0.5 * potential.stiffness * x**2
            if name == "Harmonic"
            else 0.4 * potential.stiffness * x**2.5
        )
    if name == "Tabulated":
        return np.sum(tabulated(potential)(r / contact))
    sixth = (contact / r) ** 6
    if name == "WCA":
        return np.sum(potential.epsilon * (sixth - 1.0) ** 2)
    cut = potential.cutoff**-6.0
    return np.sum(4.0 * potential.epsilon * (sixth**2 - sixth - cut**2 + cut))


def potential_of(dynamics):
    rule = dynamics.of if isinstance(dynamics, Approximation) else dynamics
    return getattr(rule, "potential", mpack.Linear())


# ------------------------------------------------------------------------------------------------
# its numbers


def weights(dynamics, i, j, active, seed, number):
    """What multiplies the force of each pair on i, on j, and the whole push of each particle."""
    rule = dynamics.of if isinstance(dynamics, Approximation) else dynamics
    gaussian = rule is not dynamics
    name = type(rule).__name__
    n, ones = len(active), np.ones(len(i))
    key = (rule, gaussian, seed, number)
    if name in ("PairwiseBRO", "SGD"):
        if rule.correlation == -1 and rule.memory is None:
            both = pair_numbers(*key, noise.PAIR, i, j)
            return both, both, np.ones(n)
        return *ends(*key, i, j), np.ones(n)
    if name == "NonreciprocalBRO":
        return (
            pair_numbers(*key, noise.PAIR, i, j),
            pair_numbers(*key, noise.PAIR_REVERSE, i, j),
            np.ones(n),
        )
    everyone = np.flatnonzero(active)
    own = np.ones(n)
    own[everyone] = pair_numbers(*key, noise.PARTICLE, everyone, np.zeros_like(everyone))
    return ones, ones, own


def pair_numbers(rule, gaussian, seed, number, purpose, a, b):
    """The numbers of pairs (labels a < b) or particles (b = 0), step size included."""
    arguments = (
        np.uint64(seed),
        np.uint64(purpose),
        np.uint64(number),
        a.astype(np.uint64),
        b.astype(np.uint64),
    )
    out = np.empty(len(a))
    if hasattr(rule, "eps"):
        return 2.0 * rule.eps * bro_numbers(gaussian, arguments, out)
    if rule.batch_size is not None:
        words = np.empty((len(a), 2), dtype=np.uint64)
        noise.fill_bits(arguments[0], noise.BATCH, *arguments[2:], words)
        drawn = np.zeros(len(a))
        drawn[np.argsort(words[:, 0])[: rule.batch_size]] = 1.0
        return rule.alpha * drawn
    fraction = rule.batch_fraction
    if fraction == 1.0:
        return np.full(len(a), rule.alpha)
    if gaussian:
        noise.fill_gaussian(*arguments, out)
        return rule.alpha * (fraction + np.sqrt(fraction - fraction**2) * out)
    noise.fill_uniform(*arguments, out)
    return rule.alpha * (out < fraction)


def ends(rule, gaussian, seed, number, i, j):
    """The numbers of both ends of pairs i < j where they, or two steps, are correlated; step size included."""
    odd = number % 2 if rule.memory else 0
    key, c = (
        (np.uint64(seed), np.uint64(number - odd), i.astype(np.uint64), j.astype(np.uint64)),
        rule.correlation,
    )
    if gaussian:
        low, high = (
            drawn(noise.fill_gaussian, purpose, *key)
            for purpose in (noise.PAIR, noise.PAIR_REVERSE)
        )
        high = np.sqrt(1 - c**2) * high - c * low
        low, high = (-low, -high) if odd else (low, high)
    else:
        low, high, chance = (
            drawn(noise.fill_uniform, purpose, *key)
            for purpose in (noise.PAIR, noise.PAIR_REVERSE, noise.PAIR_TIE)
        )
        tied = chance < share_tied(rule)
        high = np.where(tied, low if c < 0 else 1 - 2.0**-53 - low, high)
        if odd:
            low, high = 1 - 2.0**-53 - low, 1 - 2.0**-53 - high
    if hasattr(rule, "eps"):
        return tuple(
            2 * rule.eps * (0.5 * (1 + u / np.sqrt(3)) if gaussian else u) for u in (low, high)
        )
    b = rule.batch_fraction
    return tuple(
        rule.alpha * (b + np.sqrt(b - b**2) * u if gaussian else u < b) for u in (low, high)
    )


def share_tied(rule):
    """Chance that the second end goes with the first, so that the correlation is what it shall be."""
    b, c = getattr(rule, "batch_fraction", 0.5), rule.correlation
    return -c if c < 0 else c * max(1 - b, b) / min(1 - b, b)


def drawn(kernel, purpose, seed, number, a, b, *shape):
    """What a kernel fills for the labels a, b."""
    out = np.empty((len(a), *shape))
    kernel(seed, np.uint64(purpose), number, a, b, out)
    return out


def kicks(rule, gaussian, i, j, dim, seed, number):
    """Kicks (pairs, d) of both ends of pairs i < j: a Gaussian vector over its norm, times eps u."""
    key, c = (np.uint64(seed), np.uint64(number)), rule.correlation
    low, high = i.astype(np.uint64), j.astype(np.uint64)
    found = []
    for labels in ((low, high), (high, low)):
        blocks = [
            drawn(noise.fill_gaussian_pair, noise.DIRECTION + np.uint64(block), *key, *labels, 2)
            for block in range(3)
        ]
        vector = np.concatenate(blocks, axis=1)[:, :dim]
        u = drawn(noise.fill_uniform, noise.KICK, *key, *labels)
        size = (
            u / np.linalg.norm(vector, axis=1)
            if not gaussian
            else np.full(len(i), (3 * dim) ** -0.5)
        )
        found.append(rule.eps * size[:, None] * vector)
    if gaussian:
        return found[0], c * found[0] + np.sqrt(1 - c**2) * found[1]
    tied = drawn(noise.fill_uniform, noise.PAIR_TIE, *key, low, high) < abs(c)
    return found[0], np.where(tied[:, None], np.sign(c) * found[0], found[1])


def bro_numbers(gaussian, arguments, out):
    if gaussian:
        noise.fill_gaussian(*arguments, out)
        return 0.5 * (1.0 + out / np.sqrt(3.0))
    noise.fill_uniform(*arguments, out)
    return out


# ------------------------------------------------------------------------------------------------------
# a run


def run(packing, dynamics, seed, steps, first=0):
    """(x, unwrapped displacements, activities before each step) after `steps` steps, in floats."""
    x, moved, activity = packing.positions.copy(), np.zeros((packing.n, packing.dim)), []
    for number in range(first, first + steps):
        displacement, active = step(x, packing.box, packing.diameters, dynamics, seed, number)
        activity.append(np.count_nonzero(active))
        x, moved = x + displacement, moved + displacement
    return x, moved, activity


# ---------------------------------------------------------------------------------------------
# golden digests

RULES = {
    "PairwiseBRO": mpack.PairwiseBRO(eps=0.05),
    "NonreciprocalBRO": mpack.NonreciprocalBRO(eps=0.05),
    "IndividualBRO": mpack.IndividualBRO(eps=0.05),
    "SGD": mpack.SGD(alpha=0.08, batch_fraction=0.3),
    "RCD": mpack.RCD(alpha=0.08, batch_fraction=0.3),
}
DYNAMICS = (
    RULES
    | {f"{name} approximation": rule.approximation() for name, rule in RULES.items()}
    | {
        "gradient descent": mpack.SGD(alpha=0.05, batch_fraction=1),
        "SGD, B = 40": mpack.SGD(alpha=0.08, batch_size=40),
        "RCD, B = 40": mpack.RCD(alpha=0.08, batch_size=40),
        "SGD harmonic": mpack.SGD(
            alpha=0.1, batch_fraction=0.5, potential=mpack.Harmonic(stiffness=1.5)
        ),
        "SGD Hertzian": mpack.SGD(
            alpha=0.1, batch_fraction=0.5, potential=mpack.Hertzian(stiffness=1.5)
        ),
        "RCD harmonic": mpack.RCD(alpha=0.1, batch_fraction=0.5, potential=mpack.Harmonic()),
        "SGD tabulated": mpack.SGD(
            alpha=0.05,
            batch_fraction=0.5,
            potential=mpack.Tabulated(
                (0.2, 0.4, 0.6, 0.8, 0.9, 1.0), (0.3, 0.22, 0.12, 0.03, 0.01, 0.0)
            ),
        ),
        "SGD harmonic approximation": mpack.SGD(
            0.1, 0.5, potential=mpack.Harmonic()
        ).approximation(),
    }
)
CORRELATED = {
    "PairwiseBRO, c = -0.6": mpack.PairwiseBRO(eps=0.05, correlation=-0.6),
    "PairwiseBRO, c = 1": mpack.PairwiseBRO(eps=0.05, correlation=1),
    "SGD, c = 0": mpack.SGD(alpha=0.08, batch_fraction=0.3, correlation=0),
    "SGD, c = 0.4": mpack.SGD(alpha=0.08, batch_fraction=0.7, correlation=0.4),
    "SGD harmonic, c = -0.3": mpack.SGD(
        0.1, 0.5, potential=mpack.Harmonic(), correlation=-0.3, memory="antithetic"
    ),
    "PairwiseBRO antithetic": mpack.PairwiseBRO(eps=0.05, memory="antithetic"),
    "PairwiseBRO antithetic, c = 0.5": mpack.PairwiseBRO(
        eps=0.05, correlation=0.5, memory="antithetic"
    ),
    "SGD antithetic": mpack.SGD(alpha=0.08, batch_fraction=0.5, memory="antithetic"),
    "PairwiseBRO approximation, c = 0.3": mpack.PairwiseBRO(
        eps=0.05, correlation=0.3
    ).approximation(),
    "SGD antithetic approximation": mpack.SGD(
        alpha=0.08, batch_fraction=0.5, correlation=-0.5, memory="antithetic"
    ).approximation(),
}
KICKED = {  # in directions that do not turn with the packing
    "RandomOrganization": mpack.RandomOrganization(eps=0.15),
    "RandomOrganization, c = 0": mpack.RandomOrganization(eps=0.15, correlation=0),
    "RandomOrganization, c = 0.7": mpack.RandomOrganization(eps=0.15, correlation=0.7),
    "RandomOrganization approximation, c = -0.5": mpack.RandomOrganization(
        eps=0.15, correlation=-0.5
    ).approximation(),
}
DYNAMICS |= CORRELATED | KICKED
OVERFLOWING = {
    "SGD WCA from a random start": mpack.SGD(alpha=1e-4, batch_fraction=0.5, potential=mpack.WCA()),
    "SGD Lennard-Jones from a random start": mpack.SGD(
        alpha=1e-4, batch_fraction=0.5, potential=mpack.LennardJones(cutoff=2)
    ),
    "RCD Lennard-Jones from a random start": mpack.RCD(
        alpha=1e-4, batch_fraction=0.5, potential=mpack.LennardJones(cutoff=2)
    ),
    "PairwiseBRO, eps far too large": mpack.PairwiseBRO(eps=30.0),
    "NonreciprocalBRO, eps far too large": mpack.NonreciprocalBRO(eps=30.0),
    "RCD, alpha far too large": mpack.RCD(alpha=30.0, batch_fraction=0.5),
    "PairwiseBRO approximation, eps far too large": mpack.PairwiseBRO(eps=30.0).approximation(),
    "RandomOrganization, eps far too large": mpack.RandomOrganization(eps=30.0),
    "RandomOrganization, c = 0, eps far too large": mpack.RandomOrganization(30.0, correlation=0),
}
GOLDEN_STEPS = 100
GOLDEN_SIZES = 1.0 + 0.3 * np.arange(-100.0, 100.0) / 100.0


def golden_start(dim, poly, dilute=False):
    """200 particles, dense enough to stay active for 100 steps under every rule; or dilute, a few active."""
    diameters = GOLDEN_SIZES if poly else None
    phi = {2: 0.45, 3: 0.25}[dim] if dilute else {2: 1.1, 3: 0.9}[dim]
    return mpack.Packing.random(n=200, phi=phi, dim=dim, seed=11, diameters=diameters)


def golden_cases():
    """Yield (name, start, dynamics) of every committed digest."""
    for dim in (2, 3):
        for name, dynamics in (DYNAMICS | OVERFLOWING).items():
            yield f"{name}, d = {dim}", golden_start(dim, False), dynamics
        for name in (
            *("PairwiseBRO", "NonreciprocalBRO", "RCD", "SGD, B = 40"),
            *("SGD, c = 0.4", "PairwiseBRO antithetic", "RandomOrganization, c = 0.7"),
        ):
            yield (
                f"{name}, dilute, d = {dim}",
                golden_start(dim, False, dilute=True),
                DYNAMICS[name],
            )
        for name in ("PairwiseBRO", "RCD", "SGD harmonic"):
            yield f"{name}, polydisperse, d = {dim}", golden_start(dim, True), DYNAMICS[name]


def golden_entry(run):
    """What is committed of a run: every bit of its end and of its last record."""
    return {
        "digest": run.digest,
        "steps": run.steps,
        "active": round(float(run.activity[-1]) * run.final.n),
        "energy": float(run.energy[-1]).hex(),
        "msd": float(run.msd[-1]).hex(),
        "overflows": run.overflows,
    }


def write_golden():
    entries = {}
    for name, start, dynamics in golden_cases():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            entries[name] = golden_entry(
                mpack.simulate(start, dynamics, steps=GOLDEN_STEPS, seed=12)
            )
        print(f"{name:60} {entries[name]}")
    text = json.dumps({"stream_version": noise.STREAM_VERSION, "runs": entries}, indent=1)
    GOLDEN.write_text(text + "\n")
    print(f"{len(entries)} digests in {GOLDEN}")


if __name__ == "__main__":
    if sys.argv[1:] != ["--golden"]:
        sys.exit("usage: python -m tests.reference --golden")
    write_golden()
