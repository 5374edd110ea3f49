"""Gradient descent by jax-md on the CPU: cell lists and a neighbour list, float64, whole blocks of steps jitted.

The neighbour list and the loop are what jax-md's documentation shows; the list is made anew, with
more room, when it overflows, and the block of steps in which that happened is done again. XLA fixes
the size of its thread pool when it starts, so the first call decides for the process: with
`threads=1` all work stays on one thread.
"""

import functools
import importlib.util
import os
import time

import numpy as np

name = "jax-md"
SKIN = 0.3  # twice the distance a particle may go before the list is made anew, in diameters
BLOCK = 100  # steps between two looks at the overflow flag
_started = []


def available():
    """True if jax and jax-md are installed (looked for, not imported)."""
    return all(importlib.util.find_spec(module) is not None for module in ("jax", "jax_md"))


def _start(threads):
    """Import jax in double precision, with a pool of `threads` threads."""
    if not _started:
        before = os.environ.get("NPROC")
        os.environ["NPROC"] = str(threads)  # read once, when XLA makes its pool
        import jax

        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_enable_x64", True)
        jax.devices()
        _started.append(threads)
        if before is None:
            del os.environ["NPROC"]
        else:
            os.environ["NPROC"] = before
    if _started[0] != threads:
        raise ValueError(
            f"threads is {threads}, but XLA started with {_started[0]} in this process"
        )


@functools.cache
def _tools(box, alpha):
    """The neighbour-list functions of this box, and jitted `block(x, list, steps)`."""
    import jax
    import jax.numpy as jnp
    from jax_md import partition, space

    displacement, shift = space.periodic(box)
    # jax-md rounds the box of its cells to single precision; rounded up, every particle lies in a
    # cell.
    outer = float(np.nextafter(np.float32(box), np.float32(np.inf)))
    lists = partition.neighbor_list(
        displacement,
        outer,
        1.0,
        dr_threshold=SKIN,
        capacity_multiplier=1.25,
        format=partition.Dense,
    )
    between = space.map_neighbor(displacement)

    def step(_, state):
        x, near = state
        near = near.update(x)
        delta = -between(
            x, x[near.idx]
        )  # map_neighbor's vectors point at the neighbour; ours point away from it
        r2 = jnp.sum(delta * delta, axis=-1)
        push = (near.idx < len(x)) & (r2 < 1.0) & (r2 > 0.0)
        weight = jnp.where(push, 0.5 * alpha / jnp.sqrt(jnp.where(push, r2, 1.0)), 0.0)
        return shift(x, jnp.sum(weight[..., None] * delta, axis=1)), near

    @jax.jit
    def block(x, near, steps):
        return jax.lax.fori_loop(0, steps, step, (x, near))

    return lists, block


def gradient_descent(positions, box, alpha, steps, threads=1):
    """Move every sphere by alpha times the sum of n_ij / 2 over its overlaps, `steps` times, all at once.

    Parameters
    ----------
    positions : float array (n, 3)
        Centres, in diameters.
    box : float
        Side of the periodic cube.
    alpha : float
        Step size.
    steps : int
        Steps to do.
    threads : int
        Threads of XLA's pool; every call of one process must ask for the same number.

    Returns
    -------
    seconds : float
        Time of the steps, without compiling and without making the first list.
    positions : float array (n, 3)
        The centres afterwards, in [0, box).
    """
    _start(threads)
    import jax.numpy as jnp

    lists, block = _tools(float(box), float(alpha))
    x = jnp.asarray(np.mod(positions, box))
    near = lists.allocate(x)
    block(x, near, 0)[0].block_until_ready()
    seconds, done = 0.0, 0
    while done < steps:
        count = min(BLOCK, steps - done)
        clock = time.perf_counter()
        moved, after = block(x, near, count)
        overflowed = bool(after.did_buffer_overflow)
        moved.block_until_ready()
        seconds += time.perf_counter() - clock
        if overflowed:
            near = lists.allocate(x, extra_capacity=4)
            block(x, near, 0)[0].block_until_ready()
        else:
            x, near, done = moved, after, done + count
    return seconds, np.asarray(x)
