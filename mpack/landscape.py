"""The landscape around a packing: Hessian, its trace and modes, and how a run fluctuates along them.

For a pair potential U the energy V = sum over pairs of U(r_ij) has, with n the unit vector from j
to i,

    K_ij = U''(r) n n^T + (U'(r)/r) (I - n n^T),
    d2V/dx_i dx_j = -K_ij  (i != j),        d2V/dx_i dx_i = + sum_j K_ij.

The signs in words: along a mode with a *positive* eigenvalue V rises in both directions. A
repelling pair has U' < 0 and so adds *negative* curvature, -|U'|/r, in the d - 1 directions across
its line: turning the pair moves it apart. The linear potential has U'' = 0 inside its range, hence
negative curvature only. What holds its packings together sits in the kinks, U'' = (1/2) delta(r -
d), which a Hessian at one point cannot see. `sigma` makes them visible: it asks for the Hessian of
the energy averaged over Gaussian displacements, V_s(X) = <V(X + dX)>, the very function whose rise
above V is the flatness. The two are tied by the heat equation, dV_s/d(sigma**2) = (1/2) Tr H_s,

    flatness(sigma) = (1/2) int_0^{sigma**2} Tr H_s d(s**2).

Lengths are in mean diameters; the Hessian is in energies per squared diameter.

Source: Alexander, Phys. Rep. 296, 65 (1998), for the stress term; the averaged Hessian: this book.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack._averages import density, lifted, shell_average
from mpack._pairs import (
    check_packing,
    contact,
    directed_pairs,
    exact_sum,
)
from mpack._repr import short_repr
from mpack._steps import moments_of_number, pushes_of
from mpack._types import FloatOrArray
from mpack.dynamics import SGD, Dynamics
from mpack.observables import REACH, displacements, energy, flatness
from mpack.packing import Packing
from mpack.potentials import Linear, Potential, checked, separations
from mpack.simulation import Run, simulate, snapshots

if TYPE_CHECKING:
    from scipy.sparse import csr_array

DENSE_UP_TO = (
    1500  # coordinates up to which `modes` takes the dense solver, however few modes are asked for
)
RESIDUAL = 1e-7  # |H e - value e| of a mode, relative to the largest entry of H


def hessian(
    packing: Packing,
    potential: Potential = Linear(),
    *,
    sigma: float | None = None,
    stress: bool = True,
) -> csr_array:
    """Hessian of the energy, H[d i + a, d j + b] = d2V/dx_ia dx_jb, as a sparse matrix.

    Signs as in this module's head: off-diagonal blocks are -K_ij, diagonal blocks the sums of K_ij,
    so that each row of blocks adds up to zero (moving everything alike costs nothing).

    Parameters
    ----------
    packing : Packing
    potential : potential
        Linear repulsion if left out.
    sigma : float, optional
        If given, the Hessian of the energy averaged over Gaussian displacements with this standard
        deviation on every axis; for the linear potential, whose kinks a Hessian at one point does
        not see.
    stress : bool
        False leaves out the terms with U' (the Hessian of the network of unstressed springs).

    Returns
    -------
    scipy.sparse.csr_array, shape (n d, n d)
        Symmetric to the bit. Energies per squared diameter.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range, `sigma` is given for another
        potential than the linear one, or two interacting particles stand at the same point, where
        the direction of a pair is undefined.

    Examples
    --------
    >>> from mpack import Harmonic
    >>> pair = Packing([[0.0, 0.0], [0.9, 0.0]], box=4.0)
    >>> hessian(pair, Harmonic()).toarray()[0, ::2].round(9).tolist()  # U'' = 1 along the pair's line
    [1.0, -1.0]
    """
    from scipy import sparse

    stress = _check.flag("stress", stress)
    n, dim = check_packing(packing).n, packing.dim
    i, j, unit, along, across = _stiffness(packing, potential, sigma)
    across = across if stress else np.zeros_like(across)
    outer = unit[:, :, None] * unit[:, None, :]
    blocks = (along - across)[:, None, None] * outer + across[:, None, None] * np.eye(dim)
    diagonal = _diagonal_blocks(n, dim, i, j, blocks)
    own = np.arange(n)
    rows, columns = np.concatenate((i, j, own)), np.concatenate((j, i, own))
    values = np.concatenate((-blocks, -blocks, diagonal))
    axis = np.arange(dim)
    where_row = np.broadcast_to(dim * rows[:, None, None] + axis[:, None], values.shape)
    where_column = np.broadcast_to(dim * columns[:, None, None] + axis, values.shape)
    matrix = sparse.coo_array(
        (values.ravel(), (where_row.ravel(), where_column.ravel())), shape=(n * dim, n * dim)
    )
    return matrix.tocsr()


def trace(
    packing: Packing, potential: Potential = Linear(), *, sigma: float | None = None
) -> float:
    """Tr H = 2 sum over pairs of U'' + (d - 1) U'/r, exactly rounded: without a matrix, for any size.

    Arguments and errors as for `hessian`. For a smooth potential flatness(sigma) = (sigma**2/2) Tr
    H + O(sigma**4); for the linear one without `sigma` it is minus (d - 1) times the sum of 1/r
    over overlapping pairs: negative.

    Examples
    --------
    >>> pair = Packing([[0.0, 0.0], [0.9, 0.0]], box=4.0)
    >>> round(trace(pair), 6), round(-1 / 0.9, 6)
    (-1.111111, -1.111111)
    """
    _, _, _, along, across = _stiffness(check_packing(packing), potential, sigma)
    return 2.0 * exact_sum([along, (packing.dim - 1) * across])


def kick_covariance(packing: Packing, dynamics: Dynamics) -> csr_array:
    """Covariance of the displacement of one step from a packing, in closed form, as a sparse matrix.

    Each random number w multiplies a push g, so the covariance is the sum of Var(w) g g^T: over
    pairs (both partners, opposite pushes) for `PairwiseBRO` and `SGD`, over pairs with two numbers,
    one that pushes both oppositely and one that pushes them alike, where the ends have another
    correlation, and over particles (the sum of a particle's pushes) for `IndividualBRO` and `RCD`.
    `mpack.kicks.moments` has the same for small clusters, dense.

    Parameters
    ----------
    packing : Packing
    dynamics : Dynamics
        The rule or its approximation; no batches of exactly B, whose pushes are all correlated.

    Returns
    -------
    scipy.sparse.csr_array, shape (n d, n d)
        In squared mean diameters.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, the rule draws exactly B, or two particles stand at the
        same point.

    Examples
    --------
    >>> from mpack import PairwiseBRO
    >>> pair = Packing([[0.0, 0.0], [0.9, 0.0]], box=4.0)
    >>> found = kick_covariance(pair, PairwiseBRO(eps=0.1)).toarray()
    >>> (12 * found[0, ::2]).round(6).tolist()  # eps**2 times the variance of u, 1/12
    [0.01, -0.01]
    """
    pushes, _, variance = pushes_of(packing, dynamics)
    return ((pushes * variance) @ pushes.T).tocsr()


def drift_rate(dynamics: Dynamics) -> float:
    """What multiplies the gradient in the mean step, alpha b_f for SGD and RCD and eps for BRO: the path of a step.

    BRO moves a pair apart by eps <u> = eps/2 each, where the linear potential's force is 1/2. Runs
    of different rules are comparable at equal path, steps times this. ValueError for batches of
    exactly B, whose fraction varies, and for random organization, which has no mean push.

    Examples
    --------
    >>> from mpack import PairwiseBRO
    >>> round(drift_rate(SGD(alpha=0.02, batch_fraction=0.25)), 9), drift_rate(PairwiseBRO(eps=0.1))
    (0.005, 0.1)
    """
    recipe = _check.instance(
        "dynamics", dynamics, Dynamics, "a dynamics such as mpack.SGD(...)"
    ).recipe()
    if recipe.is_kick:
        raise ValueError(
            f"dynamics must push along the force; got {dynamics!r}, which has no drift"
        )
    return recipe.scale * moments_of_number(recipe)[0]


def steps_of_path(dynamics: Dynamics, path: float) -> int:
    """How many steps make a path, path / `drift_rate`, to the nearest: the clock that rules share.

    Parameters
    ----------
    dynamics : Dynamics
        Not a rule with batches of exactly B.
    path : float
        In mean diameters, >= 0.

    Returns
    -------
    int

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Examples
    --------
    >>> from mpack import SGD, PairwiseBRO
    >>> steps_of_path(SGD(alpha=0.02, batch_fraction=0.25), 20), steps_of_path(PairwiseBRO(0.1), 20)
    (4000, 200)
    """
    return round(_check.number("path", path, 0) / drift_rate(dynamics))


def coarse_start(packing: Packing, seed: int, *, alpha: float = 0.1, steps: int = 1000) -> Packing:
    """What coarse gradient descent of the linear potential makes of a packing: a start that rules can share.

    Parameters
    ----------
    packing : Packing
        E.g. of random centres.
    seed : int
        In [0, 2**64); descent draws nothing, and no bit depends on it.
    alpha : float
        Learning rate, in mean diameters, > 0.
    steps : int
        >= 0.

    Returns
    -------
    Packing

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Examples
    --------
    >>> random = Packing.random(n=100, phi=0.7, dim=3, seed=1)
    >>> energy(coarse_start(random, seed=1)) < 0.2 * energy(random)
    True
    """
    rule = SGD(alpha=alpha, batch_fraction=1.0)
    return simulate(check_packing(packing, centres=True), rule, steps=steps, seed=seed).final


def quench_stages(
    path: float = 8.0, *, first: float = 0.004, last: float = 6.25e-5, settle: int = 400
) -> tuple[tuple[SGD, int], ...]:
    """Gradient descent with a falling learning rate, stage by stage: what leads to the minimum below a state.

    At a fixed learning rate alpha descent of the linear potential never stops: its forces do not
    fade as an overlap shrinks, and every contact chatters within about alpha. So a first stage goes
    `path` (alpha times steps, see `steps_of_path`) at the rate `first`, and then the rate falls by
    four from stage to stage, each of `settle` steps, until it is `last` or less.

    Parameters
    ----------
    path : float
        Of the first stage, in mean diameters, >= 0; what is still unrelaxed afterwards depends on it.
    first, last : float
        Learning rates, in mean diameters, > 0, `last` <= `first`.
    settle : int
        Steps of every other stage, >= 1. A stage finds contacts spread over some four times its own
        rate, and so needs more than a handful.

    Returns
    -------
    tuple
        Of (rule, steps), in order.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Examples
    --------
    >>> [(rule.alpha, steps) for rule, steps in quench_stages()]
    [(0.004, 2000), (0.001, 400), (0.00025, 400), (6.25e-05, 400)]
    """
    first = _check.number("first", first, 0, open_low=True)
    last = _check.number("last", last, 0, first, open_low=True)
    settle = _check.integer("settle", settle, 1)
    begin = SGD(alpha=first, batch_fraction=1.0)
    stages = [(begin, steps_of_path(begin, path))]
    while stages[-1][0].alpha > last:
        stages.append((SGD(alpha=stages[-1][0].alpha / 4, batch_fraction=1.0), settle))
    return tuple(stages)


def quench(packing: Packing, stages: tuple[tuple[SGD, int], ...] = quench_stages()) -> Packing:
    """What lies below a packing: the end of gradient descent of the linear potential with a falling learning rate.

    Nothing is drawn: the end is a function of the packing, to the bit. What a state owes to the
    noise that shakes it, its *dressing*, is gone; what is left is the place that was selected.

    Parameters
    ----------
    packing : Packing
    stages : tuple
        Of (rule, steps), as `quench_stages` makes them; any rule without noise.

    Returns
    -------
    Packing

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Examples
    --------
    >>> pair = Packing([[1.0, 1.0], [1.9, 1.0]], box=4.0)
    >>> apart = float(quench(pair).positions[:, 0] @ [-1.0, 1.0])
    >>> 1.0 <= apart < 1.005  # apart, and hardly farther than one push of 0.004 carries them
    True
    """
    for rule, steps in stages:
        packing = simulate(packing, rule, steps=steps, seed=0, record=()).final
    return packing


def inflated(packing: Packing, *, reach: float = 0.02, rounds: int = 3) -> Packing:
    """A packing without overlaps whose spheres have grown as far as their neighbours let them: hard spheres, jammed.

    Each round is a linear program: the growth g is made as large as it gets while every pair stays
    apart to first order and no coordinate moves farther than `reach`, half as much in every round
    after the first,

        max g,    r_ij + n_ij.(dx_i - dx_j) >= (1 + g) d_ij,    |dx_ia| <= reach .

    A distance is never less than its first order, so the result has no overlaps. The box shrinks
    rather than the spheres growing. A round leaves gaps of some reach**2 at what it brings into
    contact, so the last one decides how sharp the contacts are.

    Parameters
    ----------
    packing : Packing
        Overlaps, if there are any, make the first growth negative.
    reach : float
        Most that a coordinate moves in the first round, in mean diameters, in (0, 0.1].
    rounds : int
        >= 1. A thousand spheres take two seconds a round.

    Returns
    -------
    Packing

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range, or the box is too small for the
        pairs that could meet.
    RuntimeError
        If a linear program has no solution.

    Notes
    -----
    S. Torquato and Y. Jiao, Phys. Rev. E 82, 061302 (2010), in a box that stays a cube.

    Examples
    --------
    >>> crystal = Packing.lattice("fcc", 3, phi=0.73)
    >>> round(inflated(crystal, rounds=1).phi, 4)  # pi/sqrt(18)
    0.7405
    """
    reach = _check.number("reach", reach, 0, 0.1, open_low=True)
    for _ in range(_check.integer("rounds", rounds, 1)):
        packing, reach = _grown(check_packing(packing), reach), 0.5 * reach
    return packing


def _grown(packing, reach):
    """One round of `inflated`."""
    from scipy import sparse
    from scipy.optimize import linprog

    size, dim = packing.n * packing.dim, packing.dim
    far = 2.0 * math.sqrt(dim) * reach  # what two particles can come nearer
    i, j, r, unit = directed_pairs(packing, 1.0, far, f"reach {reach:g}")
    d, axis = contact(packing, i, j), np.arange(dim)
    columns = np.concatenate([(dim * end[:, None] + axis).ravel() for end in (i, j)])
    rows = np.tile(np.repeat(np.arange(len(i)), dim), 2)
    apart = sparse.coo_array(
        (np.concatenate([-unit.ravel(), unit.ravel()]), (rows, columns)), shape=(len(i), size)
    )
    fine = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    for method in ("highs-ipm", "highs-ds"):  # the second is slow, and stands what is degenerate
        found = linprog(
            np.append(np.zeros(size), -1.0),
            A_ub=sparse.hstack([apart, sparse.csr_array(d[:, None])]).tocsr(),
            b_ub=r - d,
            bounds=[(-reach, reach)] * size + [(None, reach)],
            method=method,
            options=fine,
        )
        if found.x is not None:
            break
    else:
        raise RuntimeError(f"the linear program of {packing!r} has no solution: {found.message}")
    moved = packing.positions + found.x[:-1].reshape(-1, dim)
    loose = Packing(moved, packing.box, packing.diameters)
    i, j, r, _ = directed_pairs(loose, 1.0, far, f"reach {reach:g}")
    least = float(np.min(r / contact(loose, i, j)))
    return Packing(loose.positions / least, loose.box / least, loose.diameters)


@dataclass(frozen=True, eq=False)
class Settling:
    """Flatness and energy along a run; see `settling`.

    Examples
    --------
    >>> found = settling(Packing.random(n=50, phi=0.7, dim=3, seed=1), SGD(0.1, 0.5), [0.0, 1.0], seed=1)
    >>> found.path.tolist(), bool(found.energy[1] < found.energy[0]), found.final.n
    ([0.0, 1.0], True, 50)
    """

    path: np.ndarray  #: (m,) path lengths, in mean diameters
    flatness: np.ndarray  #: (m,) delta V/U0
    energy: np.ndarray  #: (m,) V/n
    final: Packing  #: the last packing

    __repr__ = short_repr


def settling(
    start: Packing, dynamics: Dynamics, paths: ArrayLike, sigma: float = 0.015, *, seed: int
) -> Settling:
    """How flatness and energy settle along a run, looked at after chosen path lengths.

    Parameters
    ----------
    start : Packing
        Of spheres (the flatness of bodies is sampled: `mpack.flatness`).
    dynamics : Dynamics
        Not a rule with batches of exactly B.
    paths : array (m,)
        Path lengths, in mean diameters, none lower than the one before: see `steps_of_path`.
    sigma : float
        Of the flatness for the linear potential; see `mpack.flatness`.
    seed : int
        In [0, 2**64).

    Returns
    -------
    Settling

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Examples
    --------
    >>> from mpack import SGD
    >>> random = Packing.random(n=200, phi=0.7, dim=3, seed=1)
    >>> found = settling(random, SGD(alpha=0.1, batch_fraction=0.5), [0.0, 1.0, 20.0], seed=1)
    >>> found.flatness.shape, bool(np.all(np.diff(found.energy) < 0))
    ((3,), True)
    """
    check_packing(start)
    paths = _check.array("paths", paths, ("m",))
    if not len(paths):
        raise ValueError("paths must hold one path length at least; got none")
    at = [steps_of_path(dynamics, path) for path in paths]
    found = []
    for run in snapshots(start, dynamics, at=at, seed=seed, record=()):
        packing = run.final
        found.append((flatness(packing, sigma).delta_v_over_u0, energy(packing) / packing.n))
    flat, height = np.array(found).T
    return Settling(paths, flat, height, packing)


def agitation(packing: Packing, dynamics: Dynamics, width: float = 0.03) -> tuple[float, float]:
    """How much one step shakes the gaps of pairs near contact: their mean square change over the path of the step.

    With D the displacement of a step, n the unit vector and h = r - d_ij the gap of a pair,

        A = < (n.(D_i - D_j))**2 > / rate,    over the noise, and over pairs with |h| < width,

    to first order in D, in closed form: squared mean plus variance. A length: with it, gaps near
    contact diffuse by A times the path while they drift.

    Parameters
    ----------
    packing : Packing
    dynamics : Dynamics
        Not a rule with batches of exactly B.
    width : float
        Largest |gap| of the pairs looked at, in mean diameters, > 0.

    Returns
    -------
    mean, error : floats
        In mean diameters; the error is that of a mean over independent pairs.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range, or fewer than two pairs are that
        near to contact.

    Examples
    --------
    >>> from mpack import PairwiseBRO
    >>> row = Packing([[0.0, 1.0], [0.99, 1.0], [1.98, 1.0]], box=4.0)
    >>> mean, error = agitation(row, PairwiseBRO(eps=0.1))
    >>> round(mean / 0.1, 6), round(error, 6)  # eps times (1 - 1/2)**2 + (4 + 1)/12
    (0.666667, 0.0)
    """
    from scipy import sparse

    width = _check.number("width", width, 0, open_low=True)
    rate = drift_rate(dynamics)
    pushes, mean, variance = pushes_of(check_packing(packing), dynamics)
    i, j, r, unit = directed_pairs(packing, 1.0, width, f"width {width:g}")
    near = np.abs(r - contact(packing, i, j)) < width
    i, j, unit, count = i[near], j[near], unit[near], np.count_nonzero(near)
    if count < 2:
        raise ValueError(
            f"packing must have at least two pairs with |gap| < width = {width:g}; it has {count}"
        )
    dim = packing.dim
    columns = (dim * np.concatenate((i, j))[:, None] + np.arange(dim)).ravel()
    rows = np.repeat(np.tile(np.arange(count), 2), dim)
    values = np.concatenate((unit, -unit)).ravel()
    stretch = (
        sparse.coo_array((values, (rows, columns)), shape=(count, packing.n * dim)).tocsr() @ pushes
    )
    square = ((stretch @ mean) ** 2 + stretch.power(2) @ variance) / rate
    return float(square.mean()), float(square.std(ddof=1) / math.sqrt(count))


@dataclass(frozen=True, eq=False)
class Modes:
    """Eigenvalues and eigenvectors of a Hessian; see `modes`.

    Examples
    --------
    >>> from mpack import Harmonic
    >>> pair = Packing([[0.0, 0.0], [0.9, 0.0]], box=4.0)
    >>> found = modes(hessian(pair, Harmonic()), dim=2)
    >>> found.participation.round(9).tolist(), found.free  # both spheres move alike
    ([1.0, 1.0], 0)
    """

    values: np.ndarray  #: (m,) eigenvalues, ascending
    vectors: np.ndarray  #: (m, n, d) unit vectors, orthogonal to each other and to translations
    residual: float  #: largest |H e - value e|, over the largest entry of H
    free: int  #: particles that interact with none and are left out

    __repr__ = short_repr

    @property
    def participation(self) -> NDArray[np.float64]:
        """(m,) participation ratio (sum_i e_i**2)**2 / (n sum_i e_i**4): 1 if all move alike, 1/n if one does."""
        squares = np.sum(self.vectors**2, axis=2)
        return 1.0 / (squares.shape[1] * np.sum(squares**2, axis=1))


def modes(
    matrix: csr_array, dim: int, count: int | None = None, *, near: float | None = None
) -> Modes:
    """Modes of a Hessian: all, or the lowest, or those nearest to a value.

    Two sets of trivial zeros are taken out before: the d translations, and all d coordinates of
    each particle that interacts with no other (an all-zero row of blocks). Zeros that are left are
    real: floppy clusters, rattlers that lean on something.

    Few modes of a large matrix come from ARPACK in shift-invert mode (a sparse LU factorisation
    about a shift just below the lowest eigenvalue, or at `near`), everything else from LAPACK. The
    start vector is fixed, so that the same matrix gives the same modes.

    Parameters
    ----------
    matrix : sparse array, shape (n d, n d)
        From `hessian`.
    dim : int
        Dimension d, 2 to 6.
    count : int, optional
        How many, >= 1; all if left out.
    near : float, optional
        Take the `count` eigenvalues nearest to it instead of the lowest.

    Returns
    -------
    Modes

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range, or the matrix is not square and
        symmetric, not a multiple of `dim` wide, or holds fewer than `count` modes.
    RuntimeError
        If a mode's residual exceeds 1e-7 of the largest entry: the solver has not converged.

    Examples
    --------
    >>> from mpack import Harmonic
    >>> pair = Packing([[0.0, 0.0], [0.9, 0.0]], box=4.0)
    >>> modes(hessian(pair, Harmonic()), dim=2).values.round(6).tolist()  # turn it, stretch it
    [-0.222222, 2.0]
    """
    matrix, dim = _check_matrix(matrix, dim)
    kept = _coupled(matrix, dim)
    inner = matrix[kept][:, kept].tocsc()
    size = inner.shape[0] - dim
    count = size if count is None else _check.integer("count", count, 1)
    if size < 1:
        raise ValueError("matrix must couple particles: without contacts there are no modes")
    if not 0 < count <= size:
        raise ValueError(
            f"count must be at most {size}, the modes of interacting particles; got {count}"
        )
    near = None if near is None else _check.number("near", near)
    largest = float(np.abs(inner.data).max())
    if inner.shape[0] <= DENSE_UP_TO or count > size // 3:
        values, vectors = _dense_modes(inner, dim, count, near, largest)
    else:
        values, vectors = _sparse_modes(inner, dim, count, near, largest)
    residual = float(np.max(np.linalg.norm(inner @ vectors - vectors * values, axis=0))) / largest
    if residual > RESIDUAL:
        raise RuntimeError(
            f"modes did not converge: residual {residual:.2g} of the largest entry, over {RESIDUAL:g}"
        )
    full = np.zeros((count, matrix.shape[0]))
    full[:, kept] = vectors.T
    free = (matrix.shape[0] - inner.shape[0]) // dim
    return Modes(values, full.reshape(count, -1, dim), residual, free)


def largest_curvature(packing: Packing, potential: Potential = Linear()) -> float:
    """The largest eigenvalue of the Hessian, to a relative accuracy of 1e-3: alpha times it bounds a stable descent.

    Gradient descent with learning rate alpha is stable where alpha times the largest curvature is
    below 2.

    Parameters
    ----------
    packing : Packing
    potential : potential
        Linear repulsion if left out.

    Returns
    -------
    float
        In energies per squared diameter.

    Raises
    ------
    TypeError, ValueError
        As for `hessian`.
    scipy.sparse.linalg.ArpackNoConvergence
        If the solver does not converge.

    Examples
    --------
    >>> from mpack import Harmonic
    >>> pair = Packing([[0.0, 0.0], [0.9, 0.0]], box=4.0)
    >>> round(largest_curvature(pair, Harmonic()), 3)  # both move: twice U'' = 1
    2.0
    """
    from scipy.sparse.linalg import eigsh

    matrix = hessian(packing, potential)
    first = np.ones(matrix.shape[0]) + np.arange(matrix.shape[0]) % 7
    found = eigsh(matrix, k=1, which="LA", v0=first, tol=1e-3, return_eigenvectors=False)
    return float(found[0])


def trajectory(
    run: Run, samples: int, every: int, threads: int = 1
) -> tuple[NDArray[np.float64], Packing, Run]:
    """Go on with a run and watch where its particles are.

    Parameters
    ----------
    run : Run
        From `mpack.simulate`, of spheres; in its steady state, if fluctuations are to be read off.
    samples : int
        Times to look, >= 2.
    every : int
        Steps between two looks, >= 1.
    threads : int
        As for `mpack.simulate`.

    Returns
    -------
    places : array (samples, n, d)
        Unwrapped displacements of all particles from `run.final`, in mean diameters; the mean over
        particles is taken out of each (rules that are not reciprocal let the centre of mass
        wander).
    centre : Packing
        The mean configuration.
    run : Run
        What has become of the run.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Examples
    --------
    >>> random = Packing.random(n=50, phi=0.9, dim=2, seed=1)
    >>> begun = simulate(random, SGD(0.1, 0.5), steps=10, seed=1)
    >>> places, centre, run = trajectory(begun, samples=3, every=5)
    >>> places.shape, centre.n, run.steps
    ((3, 50, 2), 50, 25)
    """
    _check.instance("run", run, Run, "a Run of mpack.simulate")
    samples = _check.integer("samples", samples, 2)
    every = _check.integer("every", every, 1)
    start, origin = check_packing(run.final), displacements(run)
    places = np.empty((samples, *start.positions.shape))
    at = run.steps + every * np.arange(1, samples + 1)
    looks = snapshots(run, at=at, record=(), threads=threads)
    for place, run in zip(places, looks, strict=True):
        place[:] = displacements(run) - origin
    places -= places.mean(axis=1, keepdims=True)
    centre = Packing(start.positions + places.mean(axis=0), start.box, start.diameters)
    return places, centre, run


def variance_along(
    places: ArrayLike, vectors: ArrayLike, blocks: int = 8
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variance of the fluctuations along modes, about their mean over time.

    Parameters
    ----------
    places : array (samples, n, d)
        From `trajectory`.
    vectors : array (m, n, d)
        From `modes`.
    blocks : int
        Stretches of time whose scatter gives the error, >= 4; `samples` should be a multiple of it.

    Returns
    -------
    variance, error : arrays (m,)
        In squared mean diameters; the error by the jackknife over blocks, valid if a block is
        longer than the memory of the mode (then the value falls short by about memory/samples,
        which the error covers).

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, or there are fewer than 2 samples a block.

    Examples
    --------
    >>> places = np.resize([-1.0, 1.0], (8, 1, 1))  # eight looks at one sphere on a line
    >>> variance, error = variance_along(places, [[[1.0]]], blocks=4)
    >>> round(float(variance[0]) * 7, 9), float(error[0])
    (8.0, 0.0)
    """
    places = _check.array("places", places, ("samples", "n", "d"))
    vectors = _check.array("vectors", vectors, ("m", *places.shape[1:]))
    blocks = _check.integer("blocks", blocks, 4, len(places) // 2)
    along = places.reshape(len(places), -1) @ vectors.reshape(len(vectors), -1).T
    parts = np.array_split(along, blocks)
    left_out = np.array(
        [np.var(np.concatenate(parts[:k] + parts[k + 1 :]), axis=0, ddof=1) for k in range(blocks)]
    )
    return along.var(axis=0, ddof=1), left_out.std(axis=0) * math.sqrt(blocks - 1)


@dataclass(frozen=True, eq=False)
class Fluctuations:
    """Fluctuations along the modes about a run's mean configuration; see `fluctuations`.

    Examples
    --------
    >>> from mpack import Harmonic
    >>> start = Packing.random(n=20, phi=0.9, dim=3, seed=1)
    >>> rule = SGD(alpha=0.1, batch_fraction=0.5, potential=Harmonic())
    >>> found = fluctuations(start, rule, looks=16, every=1, seed=1)
    >>> found.variance.shape, found.predicted.shape, bool(np.all(np.diff(found.curvature) >= 0))
    ((57,), (57,), True)
    """

    curvature: np.ndarray  #: (m,) eigenvalues of the Hessian there, ascending
    variance: np.ndarray  #: (m,) measured, in squared mean diameters
    error: np.ndarray  #: (m,) of the variance
    predicted: np.ndarray  #: (m,) by `linear_variance`

    __repr__ = short_repr


def fluctuations(
    start: Packing,
    dynamics: Dynamics,
    looks: int,
    every: int,
    *,
    sigma: float | None = None,
    seed: int,
) -> Fluctuations:
    """Variance of a run along the modes about its mean configuration, measured and as linear theory has it.

    The chain `trajectory`, `hessian` and `modes` of its mean configuration, `variance_along`, and
    `linear_variance` with the `kick_covariance` there.

    Parameters
    ----------
    start : Packing
        Of spheres, in the steady state of the rule.
    dynamics : Dynamics
        Not a rule with batches of exactly B; its potential is that of the Hessian.
    looks, every : int
        How often to look, >= 16, and steps from one look to the next, >= 1.
    sigma : float, optional
        Of the averaged Hessian; needed for the linear potential, whose own has no positive mode.
    seed : int
        In [0, 2**64).

    Returns
    -------
    Fluctuations

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As for the functions named above.

    Examples
    --------
    >>> from mpack import Harmonic, SGD
    >>> random = Packing.random(n=40, phi=0.9, dim=3, seed=1)
    >>> rule = SGD(alpha=0.1, batch_fraction=0.5, potential=Harmonic())
    >>> start = simulate(random, rule, steps=2000, seed=1).final
    >>> fluctuations(start, rule, looks=16, every=10, seed=1)
    Fluctuations(curvature=<(117,) float64>, variance=<(117,) float64>, error=<(117,) float64>, \
    predicted=<(117,) float64>)
    """
    looks = _check.integer(
        "looks", looks, 16
    )  # two a block of `variance_along`: told before the run
    run = simulate(check_packing(start), dynamics, steps=0, seed=seed)
    places, centre, _ = trajectory(run, looks, every)
    potential = dynamics.recipe().potential
    found = modes(hessian(centre, potential, sigma=sigma), centre.dim)
    variance, error = variance_along(places, found.vectors)
    covariance = kick_covariance(centre, dynamics)
    predicted = linear_variance(found, covariance, drift_rate(dynamics))
    return Fluctuations(found.values, variance, error, predicted)


def banded(
    values: ArrayLike, *columns: ArrayLike, bands: int = 12
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Geometric means of columns over bands of modes, equally many in each, by ascending curvature.

    Modes with a curvature of at most a thousandth of the largest are left out, and those whose last
    column is not finite.

    Parameters
    ----------
    values : array (m,)
        Curvatures.
    *columns : arrays (m,)
        One at least, > 0: e.g. measured and predicted variances.
    bands : int
        >= 1; at least 2 modes must fall to each.

    Returns
    -------
    means : array (1 + number of columns, bands)
        Of `values` and of each column.
    scatter : array (bands,)
        Relative standard error of the first column's mean.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, lengths differ, or too few modes are left.

    Examples
    --------
    >>> means, scatter = banded([1.0, 2.0, 4.0, 8.0], [1.0, 4.0, 9.0, 9.0], bands=2)
    >>> means[1].round(6).tolist(), float(scatter[1])
    ([2.0, 9.0], 0.0)
    """
    values = _check.array("values", values, ("m",))
    arrays = [np.asarray(column, dtype=float) for column in columns]
    if not arrays or any(column.shape != values.shape for column in arrays):
        raise ValueError(
            f"columns must be one at least, each of shape {values.shape}; "
            f"got {[column.shape for column in arrays]}"
        )
    keep = (values > 1e-3 * values.max(initial=0.0)) & np.isfinite(arrays[-1])
    bands = _check.integer("bands", bands, 1)
    if np.count_nonzero(keep) < 2 * bands:
        raise ValueError(
            f"bands must be at most {np.count_nonzero(keep) // 2}, half of the modes that are left; "
            f"got {bands}"
        )
    parts = np.array_split(np.argsort(values[keep]), bands)
    means = [
        [np.exp(np.log(column[keep][part]).mean()) for part in parts]
        for column in (values, *arrays)
    ]
    logs = np.log(arrays[0][keep])
    scatter = [logs[part].std(ddof=1) / len(part) ** 0.5 for part in parts]
    return np.array(means), np.array(scatter)


def linear_variance(modes: Modes, covariance: csr_array, rate: float) -> NDArray[np.float64]:
    """Stationary variance along modes of the linear process x' = x - rate H x + kick, kick with a given covariance.

    With Q = e^T C e the variance of the kick along a mode e of curvature h, and a = rate h,

        Var = Q / (a (2 - a)),     0 < a < 2,

    because (1 - a)**2 Var + Q = Var. It is inf or nan for other a, where there is no stationary
    state. Modes decouple on the diagonal even if the kicks are correlated across modes.

    Parameters
    ----------
    modes : Modes
    covariance : sparse array, shape (n d, n d)
        Of one step's kick, from `kick_covariance`.
    rate : float
        What multiplies the gradient in the mean step: see `drift_rate`.

    Returns
    -------
    array (m,)
        In squared mean diameters.

    Examples
    --------
    >>> from mpack import Harmonic, PairwiseBRO
    >>> pair = Packing([[0.0, 0.0], [0.9, 0.0]], box=4.0)
    >>> found, kick = modes(hessian(pair, Harmonic()), 2), kick_covariance(pair, PairwiseBRO(0.1))
    >>> linear_variance(found, kick, rate=0.1).round(6).tolist(), round(0.01 / 6 / (0.2 * 1.8), 6)
    ([nan, 0.00463], 0.00463)
    """
    _check.instance("modes", modes, Modes, "Modes of mpack.landscape.modes")
    rate = _check.number("rate", rate, 0, open_low=True)
    flat = modes.vectors.reshape(len(modes.values), -1)
    if covariance.shape != (flat.shape[1],) * 2:
        raise ValueError(
            f"covariance must have shape {(flat.shape[1],) * 2}; got {covariance.shape}"
        )
    kicks = np.einsum("mk,mk->m", flat, (covariance @ flat.T).T)
    a = rate * modes.values
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((a > 0) & (a < 2), kicks / (a * (2 - a)), np.where(a == 0, np.inf, np.nan))


@_check.sound
def averaged_slopes(
    r: ArrayLike, sigma: float, dim: int, d: ArrayLike = 1.0
) -> tuple[FloatOrArray, FloatOrArray]:
    """First and second derivative of the averaged linear potential u(r) = <U(|r e + dx_i - dx_j|)>, as u'' and u'/r.

    Averaging in `dim` dimensions and differentiating commute if the dimension is raised: (1/r) d/dr
    of an average in `dim` dimensions is the average of (1/rho) d/d rho in dim + 2, because both are
    the same Fourier transform. With U'(rho)/rho = -1/(2 rho) for rho < d, E_k the average and p_k
    the density of rho in k dimensions,

        u'/r      = -E_{dim+2}[1/(2 rho); rho < d],
        (u'/r)'/r =  E_{dim+4}[1/(2 rho**3); rho < d] + p_{dim+4}(d)/(2 d**2),
        u''       =  u'/r + r**2 (u'/r)'/r.

    The last term of the second line is the kink. In three dimensions and for r > 12 s, with h = r -
    d, s = sqrt(2) sigma and phi, Phi the standard normal density and distribution at h/s and -h/s,

        u'  = -Phi/2 + (s/(2 r)) phi + (s**2/(2 r**2)) Phi,
        u'' = phi [1/(2 s) - s/r**2 - h/(2 s r)] - (s**2/r**3) Phi.

    Parameters
    ----------
    r, d : float or array
        Separation >= 0 and contact distance > 0.
    sigma : float
        Standard deviation of each particle on every axis, > 0.
    dim : int
        Dimension, 2 to 6.

    Returns
    -------
    along, across : floats or arrays
        u'' and u'/r: the curvature along the pair's line and across it.

    Examples
    --------
    >>> along, across = averaged_slopes([0.5, 1.0], sigma=0.01, dim=3)
    >>> across.round(2).tolist()  # -1/(2 r) of the force 1/2 inside the range, half of it at contact
    [-1.0, -0.25]
    >>> round(float(along[1]) * 2**0.5 * 0.01, 2)  # the kink: phi(0)/2, sharper for smaller sigma
    0.2
    """
    sigma = _check.number("sigma", sigma, 0, open_low=True)
    dim = _check.integer("dim", dim, 2, 6)
    r, d = separations(r, d)
    s = math.sqrt(2.0) * sigma
    flat_r, flat_d = r.ravel(), d.ravel()
    along, across = np.empty(flat_r.size), np.empty(flat_r.size)
    far = (flat_r > 12.0 * s) & (dim == 3)
    along[far], across[far] = _slopes_in_space(flat_r[far], flat_d[far], s)
    rest = np.flatnonzero(~far)
    for part in np.array_split(rest, len(rest) // 4096 + 1):
        along[part], across[part] = _slopes_by_quadrature(flat_r[part], flat_d[part], s, dim)
    return along.reshape(r.shape)[()], across.reshape(r.shape)[()]


def _slopes_in_space(r, d, s):
    """u'' and u'/r in three dimensions, for r well above s."""
    from scipy.special import ndtr

    x = (r - d) / s
    inside, density = ndtr(-x), np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
    slope = -0.5 * inside + 0.5 * s / r * density + 0.5 * (s / r) ** 2 * inside
    return density * (0.5 / s - s / r**2 - 0.5 * x / r) - s * s / r**3 * inside, slope / r


def _slopes_by_quadrature(r, d, s, dim):
    """u'' and u'/r in any dimension."""
    start = lifted(r, s)

    def beyond(power):
        def value(u):
            rho = start[:, None] + s * u
            return np.where(rho < d[:, None], 0.5 * np.maximum(rho, 1e-300) ** -power, 0.0)

        return value

    across = -shell_average(beyond(1), start, d, s, dim + 2)
    kink = density((d - start) / s, start / s, dim + 4) / (2.0 * s * d * d)
    further = shell_average(beyond(3), start, d, s, dim + 4) + kink
    return across + r * r * further, across


def _stiffness(packing, potential, sigma):
    """All pairs (i, j, unit vector from j to i, U'', U'/r), averaged over displacements if `sigma` is given."""
    checked(potential)
    if sigma is None:
        i, j, r, unit = directed_pairs(packing, potential.reach, 0.0, f"the range of {potential}")
        d = contact(packing, i, j)
        if np.any(r == 0):
            k = int(np.argmin(r))
            raise ValueError(
                f"packing must not hold two interacting particles at one point, where the Hessian is undefined;"
                f" {int(i[k])} and {int(j[k])} are"
            )
        return i, j, unit, potential.curvature(r, d), -potential.force(r, d) / r
    sigma = _check.number("sigma", sigma, 0, open_low=True)
    if not isinstance(potential, Linear):
        raise ValueError(
            f"sigma is for the linear potential, whose kinks need it; got sigma={sigma:g} for {potential}"
        )
    i, j, r, unit = directed_pairs(packing, 1.0, REACH * math.sqrt(2.0) * sigma, f"sigma {sigma:g}")
    return i, j, unit, *averaged_slopes(r, sigma, packing.dim, contact(packing, i, j))


def _diagonal_blocks(n, dim, i, j, blocks):
    """(n, d, d): the sum of the blocks of each particle's pairs, symmetric to the bit."""
    out = np.empty((n, dim, dim))
    for a in range(dim):
        for b in range(a, dim):
            out[:, a, b] = np.bincount(i, blocks[:, a, b], n) + np.bincount(j, blocks[:, a, b], n)
            out[:, b, a] = out[:, a, b]
    return out


def _check_matrix(matrix, dim):
    """The matrix as CSR, if it can be a Hessian in `dim` dimensions."""
    from scipy import sparse

    dim = _check.integer("dim", dim, 2, 6)
    if not sparse.issparse(matrix):
        raise TypeError(
            f"matrix must be a sparse matrix, as from mpack.landscape.hessian; got {type(matrix).__name__}"
        )
    rows, columns = matrix.shape
    if rows != columns or rows % dim or rows == 0:
        raise ValueError(
            f"matrix must be square and a multiple of dim = {dim} wide; got shape {matrix.shape}"
        )
    matrix = sparse.csr_array(matrix, dtype=float)
    if not np.all(np.isfinite(matrix.data)):
        raise ValueError("matrix must be finite; it holds an infinity or nan")
    skew = abs(matrix - matrix.T)
    if skew.nnz and skew.max() > 1e-12 * abs(matrix).max():
        raise ValueError(
            f"matrix must be symmetric; it differs from its transpose by {skew.max():.3g}"
        )
    return matrix, dim


def _coupled(matrix, dim):
    """Indices of all coordinates of particles that have a non-zero entry in their rows."""
    used = np.asarray(abs(matrix).sum(axis=1)).reshape(-1, dim).any(axis=1)
    return np.flatnonzero(np.repeat(used, dim))


def _translations(size, dim):
    """(size, dim) orthonormal: every particle moved alike along each axis."""
    return np.tile(np.eye(dim), (size // dim, 1)) / math.sqrt(size / dim)


def _dense_modes(inner, dim, count, near, largest):
    """By LAPACK; translations are lifted above all other modes and dropped."""
    from scipy import linalg

    move = _translations(inner.shape[0], dim)
    bound = 4.0 * float(abs(inner).sum(axis=1).max()) + largest
    raised = inner.toarray() + bound * (move @ move.T)
    values, vectors = linalg.eigh(raised, driver="evd", overwrite_a=True, check_finite=False)
    chosen = _nearest(values[:-dim], count, near)
    return values[chosen], vectors[:, chosen]


def _nearest(values, count, near):
    """Indices, ascending, of the `count` lowest of ascending values, or of those nearest to `near`."""
    if near is None:
        return np.arange(count)
    return np.sort(np.argsort(np.abs(values - near), kind="stable")[:count])


def _sparse_modes(inner, dim, count, near, largest):
    """By ARPACK about a shift; d more than asked for, so that translations can be taken out of the span."""
    from scipy.sparse import linalg as sparse_linalg

    size = inner.shape[0]
    move = _translations(size, dim)
    first = np.random.default_rng(0).standard_normal(size)
    if near is None:
        edge = sparse_linalg.eigsh(
            inner, k=1, which="SA", v0=first, tol=1e-2, return_eigenvectors=False
        )[0]
        shift = min(edge, 0.0) - 0.02 * largest
    else:
        shift = near + 1e-9 * largest  # not on an eigenvalue: zero is one
    wanted = min(count + dim + 2, size - 1)
    found = sparse_linalg.eigsh(
        inner, k=wanted, sigma=shift, OPinv=_inverse(inner, shift), v0=first
    )[1]
    span, rank, _ = np.linalg.svd(found - move @ (move.T @ found), full_matrices=False)
    span = span[:, rank > 1e-6]
    values, turn = np.linalg.eigh(span.T @ (inner @ span))
    chosen = _nearest(values, count, near)
    return values[chosen], (span @ turn)[:, chosen]


def _inverse(inner, shift):
    """(H - shift)^-1 as an operator, by one sparse factorisation."""
    from scipy import sparse
    from scipy.sparse import linalg as sparse_linalg

    shifted = (inner - shift * sparse.eye_array(inner.shape[0], format="csc")).tocsc()
    symmetric = {
        "permc_spec": "MMD_AT_PLUS_A",
        "options": {"SymmetricMode": True},
        "diag_pivot_thresh": 0.1,
    }
    factors = sparse_linalg.splu(shifted, **symmetric)
    return sparse_linalg.LinearOperator(inner.shape, matvec=factors.solve, dtype=float)
