"""A thousand random calls of the public API; `make soak` makes ten thousand, for an hour."""

import collections

import doors
import pytest
import soak

import mpack

BLOCKS = 4


@pytest.mark.slow
@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_calls_are_answered_rightly_or_refused_in_words(block, seed, caplog):
    """Never nan, a hang or another exception; most of each kind are answered. `soak.do(seed, number)` is one."""
    found, size = collections.Counter(), 1000 // BLOCKS
    for number in range(block * size, (block + 1) * size):
        road, outcome, what = soak.tried(seed, number)
        assert what is None, f"call {number} of seed {seed}: {what}"
        found[road, outcome] += 1
    assert found.total() == size and not caplog.records
    right = [found[road.__name__, "right"] for road in soak.ROADS]
    assert min(right) >= 2 and sum(right) > size / 2, found


def test_wrong_answers_would_be_seen(monkeypatch):
    """Negative controls: an energy that is off, a run that depends on its threads, nan, a foreign exception."""

    def outcomes():
        return collections.Counter(soak.tried(1, number)[1] for number in range(60))

    assert "wrong" not in outcomes()
    energy, simulate, contacts = mpack.energy, mpack.simulate, doors.CALLS
    with monkeypatch.context() as patch:
        patch.setattr(mpack, "energy", lambda *a: 1e-6 + energy(*a))
        assert outcomes()["wrong"] > 10

    def other_noise(*arguments, threads=1, **options):
        if options.get("seed"):
            options["seed"] += threads - 1
        return simulate(*arguments, threads=threads, **options)

    with monkeypatch.context() as patch:
        patch.setattr(mpack, "simulate", other_noise)
        assert outcomes()["wrong"] > 3
    for answer in (lambda **_: float("nan"), lambda **_: {}["no"]):
        with monkeypatch.context() as patch:
            calls = {name: (answer, {"x": 1}) for name in contacts}
            patch.setattr(doors, "CALLS", calls)
            assert outcomes()["wrong"] > 2
