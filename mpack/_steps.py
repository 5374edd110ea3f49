"""A step as a linear map of the random numbers it draws: what exact covariances are made of."""

import numpy as np

from mpack import _check
from mpack._pairs import check_packing, contact, directed_pairs
from mpack.dynamics import Dynamics


def moments_of_number(recipe):
    """Mean and variance of one random number of a rule."""
    kind = recipe.pair if recipe.particle == "one" else recipe.particle
    if kind == "batch":
        raise ValueError(
            f"dynamics must draw its numbers independently; batches of exactly {recipe.batch} correlate all of them"
        )
    return {
        "one": (1.0, 0.0),
        "uniform": (0.5, 1.0 / 12.0),
        "bernoulli": (recipe.fraction, recipe.fraction * (1.0 - recipe.fraction)),
        "gaussian": (recipe.mean, recipe.spread**2),
    }[kind]


def pushes_of(packing, dynamics):
    """A step is G w: G (n d, numbers drawn) as CSR, and the mean and variance of every number w.

    Each column holds what one number pushes: both partners of a pair (reciprocal rules), one of
    them, or a particle by the sum of its forces.
    """
    from scipy import sparse

    check_packing(packing)
    recipe = _check.instance(
        "dynamics", dynamics, Dynamics, "a dynamics such as mpack.SGD(...)"
    ).recipe()
    mean, variance = moments_of_number(recipe)
    i, j, r, unit = directed_pairs(
        packing, recipe.potential.reach, 0.0, f"the range of {recipe.potential}"
    )
    push = (recipe.scale * recipe.potential.force(r, contact(packing, i, j)))[:, None] * unit
    n, dim, first = packing.n, packing.dim, np.arange(len(i))
    if recipe.particle != "one":
        numbers, ends, draws = np.concatenate((i, j)), np.concatenate((i, j)), n
    elif recipe.reciprocal:
        numbers, ends, draws = np.concatenate((first, first)), np.concatenate((i, j)), len(i)
    else:
        numbers, ends, draws = (
            np.concatenate((first, first + len(i))),
            np.concatenate((i, j)),
            2 * len(i),
        )
    rows = (dim * ends[:, None] + np.arange(dim)).ravel()
    values = np.concatenate((push, -push)).ravel()
    pushes = sparse.coo_array((values, (rows, np.repeat(numbers, dim))), shape=(n * dim, draws))
    return pushes.tocsr(), mean, variance
