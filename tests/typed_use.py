"""The README's example and some more, for a type checker: `tests/test_types.py` has it checked strictly, never run."""

from __future__ import annotations

from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import mpack
from mpack import ellipsoids, landscape, limiting, network, scaling


def first_example() -> str:
    p = mpack.Packing.random(n=1000, phi=0.62, dim=3, seed=1)
    d = mpack.PairwiseBRO(eps=0.01)
    run = mpack.simulate(p, d, steps=10_000, seed=2, record=mpack.every(100))
    assert_type(run, mpack.Run)
    assert_type(run.absorbed, bool)
    run = mpack.simulate(run, steps=5_000)
    run.final.save("end.gsd")
    assert_type(p.positions, NDArray[np.float64])
    assert_type(mpack.Packing.load("end.gsd"), mpack.Packing)
    assert_type(mpack.Packing.load("a.xyz", frame=0, diameters={"A": 1.4}), mpack.Packing)
    assert_type(mpack.Packing.from_table("a.csv", box=9, diameters=[1.0, 1.4]), mpack.Packing)
    return run.digest


def sweep_of_runs() -> list[str]:
    d = mpack.PairwiseBRO(eps=0.01)
    specs = mpack.specs(
        [d, mpack.matched(d)],
        n=[500, 1000],
        phi=[0.62, 0.63, 0.64],
        steps=10_000,
        seed=range(4),
    )
    assert_type(specs, list[mpack.Spec])
    table = mpack.sweep(specs, store="runs.sqlite")
    return [str(digest) for digest in table.digest]


def looks(p: mpack.Packing, rule: mpack.SGD) -> list[float]:
    runs = mpack.snapshots(p, rule, at=[0, 10, 20], seed=2)
    return [mpack.activity(run.final) for run in runs]


def watched(p: mpack.Packing, d: mpack.RCD) -> list[float]:
    def pairs(packing: mpack.Packing) -> int:
        return len(packing.overlaps()[0])

    how = mpack.every(10)
    run = mpack.simulate(
        p, d, steps=10, seed=1, watch={"pairs": pairs}, frames=how, trajectory="run.gsd"
    )
    assert_type(run.watched, dict[str, NDArray[np.float64]])
    passed = mpack.frames("run.gsd")
    assert_type(passed[0], mpack.Packing)
    assert_type(passed[::2], mpack.trajectory.Trajectory)
    return [mpack.activity(packing) for packing in passed]


def measured_bodies(d: mpack.SGD) -> list[float]:
    p = mpack.Packing.random(n=500, phi=0.6, dim=3, seed=1, axes=(1.5, 1, 1))
    run = mpack.simulate(p, d, steps=10, seed=2)
    found = ellipsoids.contact_correlation(run.final, mu_max=1.5)
    assert_type(found, ellipsoids.ContactCorrelation)
    assert_type(ellipsoids.freedoms(p), NDArray[np.int64])
    assert_type(ellipsoids.excluded_volume((1.5, 1, 1)), float)
    turned = ellipsoids.turnings(look.final for look in mpack.snapshots(run, at=[10, 20]))
    flat = mpack.flatness(run.final, 0.01, samples=100, seed=1, rotation=None)
    since = ellipsoids.turning(p, run.final, axis="shortest")
    far = ellipsoids.contacts_of(p, [[0, 1], [0, 2]])
    return [float(turned.c2[-1]), flat.delta_v, since.c1, mpack.contacts(p).isostatic, far.mu[0]]


def listed_input() -> float:
    p = mpack.Packing([[0.0, 1.0], [0.8, 1.0]], box=4.0)
    pairs, distances = p.overlaps()
    assert_type(pairs, NDArray[np.int64])
    modes = landscape.modes(landscape.hessian(p, mpack.Harmonic()), dim=2)
    net = network.SmallNetwork([[1.0, 0.0], [0.0, 1.0]], [0, 1], hidden=1)
    model = limiting.LinearRegressionSGD(eta=0.5, beta=0.0, batch_size=1, spectrum=[1.0])
    later = model.autocorrelation([0, 1, 2])
    assert_type(net.loss(net.start(1)), float)
    data = scaling.Data([8, 16], [0.5, 0.6], [[0.2, 0.4], [0.1, 0.3]], np.full((2, 2), 0.01))
    fit = scaling.collapse(data, {"rho_c": 0.55}, fixed={"nu": 1.0, "zeta": -1.0})
    return float(distances[0] + modes.residual + later[0, 0] + fit.quality)


def refused(p: mpack.Packing, d: mpack.RCD) -> None:
    mpack.simulate(p, d, steps=10)  # type: ignore[call-overload]  # no seed
    mpack.simulate(p, steps=10, seed=1)  # type: ignore[call-overload]  # no rule
    mpack.PairwiseBRO(eps="small")  # type: ignore[arg-type]
    mpack.Paking  # type: ignore[attr-defined]
