"""What a Python user would write: SciPy's cKDTree for the pairs, NumPy for the rest."""

import numpy as np
from scipy.spatial import cKDTree


def run(x, box, steps, scale, kind, fraction, seed):
    """Steps from x (n, 3) in place, kinds as in `benchmarks.plain`; returns (steps, active particles in all)."""
    rng, total = np.random.default_rng(seed), 0
    for k in range(steps):
        x %= box
        pairs = cKDTree(x, boxsize=box).query_pairs(1.0, output_type="ndarray")
        if not len(pairs):
            return k, total
        active = np.zeros(len(x), dtype=bool)
        active[pairs] = True
        total += np.count_nonzero(active)
        i, j = pairs.T
        delta = x[i] - x[j]
        delta -= box * np.rint(delta / box)
        weight = scale / np.linalg.norm(delta, axis=1)
        if kind == 0:
            weight *= rng.random(len(pairs))
        elif kind == 1:
            weight *= rng.random(len(pairs)) < fraction
        push = weight[:, None] * delta
        for axis in range(3):
            x[:, axis] += np.bincount(i, push[:, axis], len(x)) - np.bincount(
                j, push[:, axis], len(x)
            )
    return steps, total
