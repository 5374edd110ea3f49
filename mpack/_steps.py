"""A step as a linear map of the random numbers it draws: what exact covariances are made of."""

import numpy as np

from mpack import _check
from mpack._pairs import check_packing, contact, directed_pairs
from mpack.dynamics import Dynamics


def moments_of_number(recipe):
    """Mean and variance of one random number of a rule; of a kick, of u e sqrt(d) along one axis."""
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
        "kick": (0.0, 1.0 / 3.0),
        "gaussian kick": (0.0, recipe.spread**2),
    }[kind]


def pushes_of(packing, dynamics):
    """A step is G w: G (n d, numbers) as CSR, and the means and variances of the uncorrelated numbers w.

    Each column holds what one number pushes: both partners of a pair oppositely (reciprocal rules),
    or a particle by the sum of its forces. Ends of a pair that have numbers of their own, of
    variance v and correlated by -c, are pushed by two numbers that are not: their mean oppositely,
    with variance v (1 - c)/2, and half their difference alike, with v (1 + c)/2. Kicks have that
    for each axis.
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
    n, dim = packing.n, packing.dim
    if recipe.is_kick:  # one column for each pair and axis
        i, j = np.repeat(i, dim), np.repeat(j, dim)
        push = np.tile(recipe.scale / dim**0.5 * np.eye(dim), (len(i) // dim, 1))
    else:
        push = (recipe.scale * recipe.potential.force(r, contact(packing, i, j)))[:, None] * unit
    first, both, signs = np.arange(len(i)), np.concatenate((i, j)), (1.0, -1.0)
    if recipe.particle != "one":
        numbers, draws = both, n
    else:
        numbers, draws = np.concatenate((first, first)), len(i)
    means, variances = np.full(draws, mean), np.full(draws, variance)
    pushes = _columns(both, numbers, push, signs, (n * dim, draws))
    if recipe.reciprocal:
        return pushes, means, variances
    alike = _columns(both, numbers, push, (1.0, 1.0), (n * dim, draws))
    c = recipe.correlation
    return (
        sparse.hstack((pushes, alike), format="csr"),
        np.concatenate((means, np.zeros(draws))),
        np.concatenate((variances * (0.5 * (1.0 - c)), variances * (0.5 * (1.0 + c)))),
    )


def _columns(ends, numbers, push, signs, shape):
    """Sparse matrix of pushes, +-`push` on the two ends of each pair, in the columns `numbers`."""
    from scipy import sparse

    dim = push.shape[1]
    rows = (dim * ends[:, None] + np.arange(dim)).ravel()
    values = np.concatenate([sign * push for sign in signs]).ravel()
    return sparse.coo_array((values, (rows, np.repeat(numbers, dim))), shape=shape).tocsr()
