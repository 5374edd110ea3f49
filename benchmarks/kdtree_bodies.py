"""What a Python user would write for ellipsoids: SciPy's cKDTree and rotations, NumPy for the rest.

Bodies overlap if mu < 1, with mu (h_A + h_B) = r . n along the normal n of both surfaces where the
two, scaled by mu, would touch: n is along (A + t B)**-1 r with t = h_A/h_B, found by going round
until t stays. Force, torque and turn are those of `mpack.ellipsoids`.
"""

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

ROUNDS = 100  # at most


def touch(a, b, r):
    """mu, n, h_A and h_B of pairs with matrices a, b (pairs, 3, 3) and separations r (pairs, 3)."""
    t = np.ones(len(r))
    for _ in range(ROUNDS):
        n = np.linalg.solve(a + t[:, None, None] * b, r[:, :, None])[:, :, 0]
        n /= np.linalg.norm(n, axis=1)[:, None]
        reach = [np.sqrt(np.einsum("pi,pij,pj->p", n, form, n)) for form in (a, b)]
        before, t = t, reach[0] / reach[1]
        if np.allclose(t, before, rtol=1e-13, atol=0.0):
            break
    return np.sum(n * r, axis=1) / (reach[0] + reach[1]), n, *reach


def step(x, turns, axes, box, scale, weigh):
    """One step from x (n, 3) and rotations, in place of x; returns the rotations after it and who was active."""
    frames = turns.as_matrix()
    forms = np.einsum("nij,nj,nkj->nik", frames, axes**2, frames)
    x %= box
    i, j = cKDTree(x, boxsize=box).query_pairs(2.0 * axes.max(), output_type="ndarray").T
    r = x[i] - x[j]
    r -= box * np.rint(r / box)
    mu, n, h_a, h_b = touch(forms[i], forms[j], r)
    near = mu < 1.0
    i, j, mu, n, h_a, h_b = i[near], j[near], mu[near], n[near], h_a[near], h_b[near]
    radius = np.prod(axes, axis=1) ** (1 / 3)
    push = (weigh(len(i)) * scale * (radius[i] + radius[j]) / (h_a + h_b))[:, None] * n
    at_a = -(mu / h_a)[:, None] * np.einsum("pij,pj->pi", forms[i], n)
    at_b = (mu / h_b)[:, None] * np.einsum("pij,pj->pi", forms[j], n)
    moves, twists = np.zeros_like(x), np.zeros_like(x)
    for ends, sign, lever in ((i, 1.0, at_a), (j, -1.0, at_b)):
        np.add.at(moves, ends, sign * push)
        np.add.at(twists, ends, sign * np.cross(lever, push))
    x += moves
    square = axes**2
    inertia = (square.sum(axis=1)[:, None] - square) / 5.0
    omega = np.einsum("nij,nj->ni", frames, np.einsum("nji,nj->ni", frames, twists) / inertia)
    active = np.zeros(len(x), dtype=bool)
    active[i] = active[j] = True
    return Rotation.from_rotvec(omega) * turns, active


def run(packing, steps, scale, kind, fraction, seed):
    """Steps of a packing, kinds as in `benchmarks.plain`; returns (steps, active bodies in all)."""
    rng, total = np.random.default_rng(seed), 0
    weigh = {
        0: rng.random,
        1: lambda count: rng.random(count) < fraction,
        2: np.ones,
    }[kind]
    x, turns = packing.positions.copy(), Rotation.from_quat(np.roll(packing.orientations, -1, 1))
    for k in range(steps):
        turns, active = step(x, turns, packing.axes, packing.box, scale, weigh)
        if not active.any():
            return k, total
        total += np.count_nonzero(active)
    return steps, total
