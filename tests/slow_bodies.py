"""One step of bodies that turn, by SciPy's optimiser, NumPy and rotation matrices: what the kernels are held to.

Nothing here is shared with the library but a packing's own arrays and, by `reference`, the noise. The golden
digests live here too; `python -m tests.slow_bodies --golden` writes tests/golden_bodies.json anew.
"""

import json
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar

import mpack
from tests import reference
from tests.reference import DYNAMICS


def matrices(turns):
    """Rotation matrices by Rodrigues' formula, from angle and axis."""
    out = []
    for w, *v in turns:
        s = np.linalg.norm(v)
        angle, axis = 2.0 * np.arctan2(s, w), np.array(v) / s if s else np.zeros(3)
        k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
        out.append(np.eye(3) + np.sin(angle) * k + (1.0 - np.cos(angle)) * k @ k)
    return np.array(out)


def overlap(a, b, r):
    """(F, lambda) of Perram and Wertheim for matrices a, b: the maximum of l (1-l) r.((1-l) a + l b)^-1.r."""

    def value(x):
        return -x * (1.0 - x) * r @ np.linalg.solve((1.0 - x) * a + x * b, r)

    found = minimize_scalar(
        value, bounds=(1e-6, 1 - 1e-6), method="bounded", options={"xatol": 1e-14}
    )
    return -found.fun, found.x


def shapes(packing):
    """A = R diag(a**2) R^T of all bodies, (n, 3, 3); flat ones are thin along z."""
    axes = np.ones((packing.n, 3))
    axes[:, : packing.dim] = packing.axes
    frames = matrices(packing.orientations)
    return np.einsum("nij,nj,nkj->nik", frames, axes**2, frames)


def contacts(packing, potential):
    """[(i, j, force on i, lever on i, lever on j)] of all overlapping pairs, i < j."""
    found, forms, d = [], shapes(packing), packing.dim
    sizes = np.prod(packing.axes, axis=1) ** (1.0 / d)
    for i in range(packing.n):
        for j in range(i + 1, packing.n):
            r = np.zeros(3)
            r[:d] = packing.separation(i, j)
            if np.linalg.norm(r) >= packing.axes[i].max() + packing.axes[j].max():
                continue
            f, x = overlap(forms[i], forms[j], r)
            if f >= 1.0:
                continue
            s = np.linalg.solve((1.0 - x) * forms[i] + x * forms[j], r)
            n, mu, size = s / np.linalg.norm(s), np.sqrt(f), sizes[i] + sizes[j]
            h = [np.sqrt(n @ form @ n) for form in (forms[i], forms[j])]
            slope = reference.force(potential, np.array([mu * size]), np.array([size]))[0]
            arms = -mu * forms[i] @ n / h[0], mu * forms[j] @ n / h[1]
            found.append((i, j, slope * size / (h[0] + h[1]) * n, *arms))
    return found


def step(packing, dynamics, seed, number=0):
    """(displacements (n, d), turns (n, 3) omega in the lab's frame) of one step; numbers are those of `reference`."""
    n, dim = packing.n, packing.dim
    found = contacts(packing, reference.potential_of(dynamics))
    i, j = np.array([pair[:2] for pair in found]).T
    rule = getattr(dynamics, "of", dynamics)
    scale = np.ones(n)
    if isinstance(rule, mpack.RandomOrganization):
        both = reference.kicks(rule, rule is not dynamics, i, j, dim, seed, number)
        on_i, on_j = (np.pad(kick, ((0, 0), (0, 3 - dim))) for kick in both)
    else:
        active = np.isin(np.arange(n), [i, j])
        one, two, scale = reference.weights(dynamics, i, j, active, seed, number)
        force = np.array([pair[2] for pair in found])
        on_i, on_j = np.multiply(one, force.T).T, -np.multiply(two, force.T).T
    move, torque = np.zeros((2, n, 3))
    for ends, push, place in ((i, on_i, 3), (j, on_j, 4)):
        np.add.at(move, ends, push)
        np.add.at(torque, ends, np.cross([pair[place] for pair in found], push))
    a2 = packing.axes**2
    moments = np.tile(a2.sum(axis=1)[:, None] / 4.0, (1, 3))
    if dim == 3:
        moments = (a2.sum(axis=1)[:, None] - a2) / 5.0
    frames = matrices(packing.orientations)
    inverse = np.einsum("nij,nj,nkj->nik", frames, 1.0 / moments, frames)
    turn = np.einsum("nij,nj->ni", inverse, torque if dim == 3 else torque * [0, 0, 1])
    return scale[:, None] * move[:, :dim], scale[:, None] * turn


def turned(before, after):
    """omega of the Cayley turns, 2 tan(angle/2) along the axis, from one packing's orientations to another's."""
    w, x, y, z = before.orientations.T
    a, b, c, d = after.orientations.T
    scalar = a * w + b * x + c * y + d * z  # q' times the conjugate of q
    vector = np.stack(
        (
            b * w - a * x - c * z + d * y,
            c * w - a * y - d * x + b * z,
            d * w - a * z - b * y + c * x,
        ),
        axis=1,
    )
    return 2.0 * vector / scalar[:, None]


# ------------------------------------------------------------------------------------------------
# golden digests


GOLDEN = Path(__file__).with_name("golden_bodies.json")
SHAPES = {2: (1.7, 1.0), 3: (1.5, 1.0, 0.8)}


GOLDEN_STEPS, GOLDEN_SEED = 60, 12


def golden_cases():
    """Yield (name, start, dynamics) of every committed digest: all rules, mixtures, long bodies, no turning."""
    for name, given, dynamics in golden_given():
        yield name, mpack.Packing.random(**given), dynamics


def golden_given():
    """The same with what `Packing.random` is given for the start."""
    for dim, axes in SHAPES.items():
        mixed = np.ones((150, dim))
        mixed[::3, 0], mixed[1::3] = 2.5, 1.4
        start = {"n": 150, "phi": {2: 0.95, 3: 0.7}[dim], "dim": dim, "seed": 11, "axes": axes}
        starts = {"equal": start, "mixed": {**start, "phi": 0.6, "axes": mixed.tolist()}}
        for name, dynamics in DYNAMICS.items():
            yield f"{name}, d = {dim}", starts["equal"], dynamics
        still = mpack.PairwiseBRO(eps=0.1, rotation=None)
        yield f"nothing turns, d = {dim}", starts["equal"], still
        for name in ("PairwiseBRO", "SGD", "RCD"):
            yield f"{name}, mixed, d = {dim}", starts["mixed"], DYNAMICS[name]


def write_golden():
    """Write the digests anew; they change only with the version of the noise stream."""
    found = {
        name: mpack.simulate(start, dynamics, steps=GOLDEN_STEPS, seed=GOLDEN_SEED).digest
        for name, start, dynamics in golden_cases()
    }
    GOLDEN.write_text(json.dumps(found, indent=1) + "\n")
    print(f"{len(found)} digests in {GOLDEN}")


if __name__ == "__main__":
    if sys.argv[1:] != ["--golden"]:
        sys.exit("usage: python -m tests.slow_bodies --golden")
    write_golden()
