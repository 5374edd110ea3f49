"""Results print as one short line, however large they are."""

import dataclasses
import importlib
import pkgutil

import numpy as np
import pytest

import mpack
from mpack import ellipsoids, kicks, landscape, limiting, observables, structure
from mpack._repr import short_repr

PACKING = mpack.Packing.random(n=500, phi=0.6, dim=3, seed=1)


def made():
    """Objects that hold long arrays."""
    some = mpack.Packing.random(n=60, phi=0.6, dim=3, seed=1)
    harmonic = mpack.Harmonic()
    model = limiting.LinearRegressionSGD(
        eta=0.1, beta=0.9, batch_size=8, spectrum=np.arange(1, 301.0) ** -1.5
    )
    bodies = mpack.Packing.random(n=300, phi=0.4, dim=3, seed=1, axes=(1.5, 1, 1))
    rule = mpack.PairwiseBRO(0.1)
    drawn = kicks.draw(np.zeros((2, 3)) + [[0.0], [0.4]], rule, 100, 1)
    moments = kicks.moments(np.zeros((2, 3)) + [[0.0], [0.4]], rule)
    return [
        *(PACKING, mpack.contacts(PACKING), observables.gaps(PACKING)),
        *(mpack.pair_correlation(PACKING), mpack.structure_factor(PACKING, q_max=3.0)),
        *(ellipsoids.pair_contacts(bodies), ellipsoids.contact_correlation(bodies)),
        *(ellipsoids.turning(bodies, bodies), ellipsoids.turnings([bodies] * 99)),
        *(structure.wave_parts([PACKING, PACKING]), mpack.flatness(PACKING)),
        structure.count_variance(PACKING, np.linspace(0.5, 2.0, 9), balls=10, seed=1),
        landscape.modes(landscape.hessian(some, harmonic), 3),
        mpack.simulate(PACKING, rule, steps=5, seed=1, record=range(5)),
        mpack.Spec(rule, n=10, phi=0.3, steps=1000, record=range(900)),
        *(model, model.stationary(), kicks.entrywise(drawn, *moments, 0.01, 0.9)),
    ]


@pytest.mark.parametrize("result", made(), ids=lambda result: type(result).__name__)
def test_a_result_prints_as_one_line(result):
    said = repr(result)
    assert type(result).__name__ in said and "\n" not in said and len(said) < 600, said


def test_numbers_are_told_and_arrays_by_their_shape():
    found = mpack.contacts(PACKING)
    assert f"mean={found.mean:.6g}" in repr(found) and "counts=<(500,) int64>" in repr(found)


def test_every_dataclass_with_arrays_is_short():
    checked = 0
    for name in (one.name for one in pkgutil.iter_modules(mpack.__path__) if one.name[0] != "_"):
        module = importlib.import_module(f"mpack.{name}")
        for kind in vars(module).values():
            if not dataclasses.is_dataclass(kind) or kind.__module__ != module.__name__:
                continue
            shown = [field for field in dataclasses.fields(kind) if field.repr]
            if any("ndarray" in str(field.type) for field in shown) and kind.__name__[0] != "_":
                assert kind.__repr__ is short_repr, kind
                checked += 1
    assert checked >= 10
