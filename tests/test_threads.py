"""Threads that share a step have equal parts of it."""

import pytest

import mpack
from mpack._engine import Engine
from mpack._kernels import state
from mpack._kernels.neighbours import SPARE


@pytest.mark.parametrize("n, most", [(2_000, 0.53), (16_000, 0.52)])
def test_threads_list_as_many_pairs_each(n, most):
    """The slabs of two threads meet twice, and each lists the pairs across one of the two borders."""
    packing = mpack.Packing.random(n=n, phi=0.64, dim=3, seed=1)
    engine = Engine(packing, mpack.PairwiseBRO(eps=0.01).recipe(), 3, threads=2)
    engine.advance(30)
    own, room = engine.shared["threads_own"], int(engine.lists["pairs_room"]) - SPARE
    pairs = own[:, state.PAIRS] - [0, room // 2]
    written = own[:, state.OUT]
    assert not engine.shared["sparse"] and pairs.max() / pairs.sum() < most
    assert 0.4 < written[0] / written.sum() < 0.6
