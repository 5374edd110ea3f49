"""Spheres driven by the library, with a front end that is made up: frames, back pressure, stop, errors."""

import time

import numpy as np
import pytest

import mpack
from mpack.widgets import _driven

START = mpack.Packing.random(n=80, phi=0.62, dim=3, seed=3)
RULE = mpack.PairwiseBRO(eps=0.05)


class Page:
    """A front end: notes what it is sent, and says that it has drawn when it is told to."""

    def __init__(self, figure):
        self.figure, self.frames, self.told = figure, [], {}
        figure.send = self.receive
        self.say(hello=True)

    def receive(self, content, buffers=None):
        if "frame" in content:
            self.frames.append((content, np.frombuffer(buffers[0], np.float32)))
        else:
            self.told |= content

    def say(self, **content):
        self.figure._heard(self.figure, content, [])

    def draw(self):
        self.say(drawn=self.frames[-1][0]["frame"])

    def wait(self, count):
        """Until there are so many frames."""
        until = time.monotonic() + 60
        while len(self.frames) < count:
            assert time.monotonic() < until, "no frame came"
            time.sleep(0.002)


@pytest.fixture
def page():
    figure = mpack.widgets.drive(START, RULE, seed=7, stride=3)
    yield Page(figure)
    figure.close()
    assert figure.wait(30)


@pytest.mark.parametrize("dim", (2, 3))
def test_a_frame_of_bodies_says_how_they_are_turned(dim):
    start = mpack.Packing.random(n=60, phi=0.4, dim=dim, seed=3, axes=(2.0, 1.0, 0.7)[:dim])
    figure = mpack.widgets.drive(start, RULE, seed=7)
    page = Page(figure)
    page.draw()
    page.say(once=True)
    page.wait(3)
    for (about, numbers), packing in zip(
        (page.frames[0], page.frames[-1]), (start, figure.trajectory.final)
    ):
        assert about["bodies"] and len(numbers) == 12 * 60
        places, turns = numbers[:180].reshape(60, 3), numbers[300:540].reshape(60, 4)
        assert np.allclose(places[:, :dim], packing.positions / packing.box, atol=1e-6)
        assert np.allclose(turns, packing.orientations, atol=1e-6)
        assert np.allclose(numbers[540:].reshape(60, 3)[:, :dim], packing.axes, atol=1e-6)
    assert not np.array_equal(page.frames[0][1][300:540], page.frames[-1][1][300:540])
    figure.close()


def test_a_frame_is_the_run(page):
    first, numbers = page.frames[0]
    assert (first["steps"], first["n"], first["dim"], first["series"]) == (
        0,
        80,
        3,
        [(0, mpack.activity(START))],
    )
    assert page.told == {"going": False, "here": True} and len(numbers) == 4 * 80
    page.say(go=True)
    page.draw()
    for count in range(2, 6):
        page.wait(count)
        page.draw()
    page.say(go=False)
    assert page.figure.wait(30)
    about, numbers = page.frames[3]
    run, before = (mpack.simulate(START, RULE, steps=steps, seed=7) for steps in (9, 6))
    assert (about["steps"], about["digest"], about["activity"]) == (9, run.digest, run.activity[-1])
    np.testing.assert_array_equal(
        numbers[: 3 * 80].reshape(80, 3), (run.final.positions / run.final.box).astype("f4")
    )
    moved = run.final.positions - before.final.positions
    moved -= START.box * np.round(moved / START.box)
    np.testing.assert_allclose(numbers[3 * 80 :], np.linalg.norm(moved, axis=1), atol=1e-6)
    again = eval(about["python"], {"mpack": mpack, "packing": START})
    assert again.digest == about["digest"]


def test_the_next_frame_waits_until_this_one_is_drawn(page):
    page.say(go=True)
    page.draw()
    page.wait(2)
    time.sleep(0.1)  # one more has been computed meanwhile, and none sent
    assert len(page.frames) == 2 and page.figure.trajectory.steps == 6 and page.figure.running
    page.draw()
    page.wait(3)
    assert page.frames[2][0]["steps"] == 6
    page.say(stride=50)
    page.draw()
    page.wait(4)
    page.draw()
    page.wait(5)
    assert page.frames[4][0]["steps"] - page.frames[3][0]["steps"] in (
        3,
        50,
    )  # from then on, or the one after


def test_stop_stops_also_in_the_midst_of_a_frame_and_go_goes_on(page):
    page.say(stride=1_000_000)
    dense = mpack.Packing.random(n=80, phi=0.9, dim=3, seed=3)
    page.figure.trajectory = mpack.simulate(dense, RULE, steps=0, seed=7)
    page.say(go=True)
    time.sleep(0.05)
    page.say(go=False)
    assert page.figure.wait(30) and not page.figure.running
    stopped = page.figure.trajectory
    assert stopped.steps < 1_000_000 and page.told["going"] is False
    assert page.frames[-1][0]["steps"] == stopped.steps  # the last thing shown is where it stands
    page.say(stride=2)
    page.say(once=True)
    page.draw()
    assert page.figure.wait(30)
    whole = page.figure.trajectory
    assert whole.steps == stopped.steps + 2
    assert whole.digest == mpack.simulate(dense, RULE, steps=whole.steps, seed=7).digest


def test_an_error_of_the_library_is_shown(page, monkeypatch):
    def broken(*_, **__):
        raise MemoryError("no room for the lists")

    monkeypatch.setattr(_driven.simulation, "simulate", broken)
    page.say(go=True)
    assert page.figure.wait(30)
    assert (
        page.told["error"] == "MemoryError: no room for the lists" and page.told["going"] is False
    )
    monkeypatch.undo()
    page.told.clear()
    page.say(once=True)
    page.draw()
    assert page.figure.wait(30) and "error" not in page.told and page.figure.trajectory.steps == 3


def test_a_run_at_rest_says_so_and_does_not_go_on():
    loose = mpack.Packing.random(n=60, phi=0.3, dim=2, seed=3)
    figure = mpack.widgets.drive(loose, RULE, seed=7, stride=1000, azimuth=10)
    page = Page(figure)
    page.say(go=True)
    assert figure.wait(30)
    about, numbers = page.frames[-1]
    assert about["absorbed"] and about["dim"] == 2 and figure.azimuth == 10
    assert np.all(numbers[: 3 * 60].reshape(60, 3)[:, 2] == 0)
    page.say(go=True)
    assert not figure.running
    page.say(hello=True)  # a second view of it
    assert page.frames[-1][0]["series"][-1] == (about["steps"], 0.0)
    data, _ = figure._repr_mimebundle_()
    assert "text/html" not in data and figure.driven
    figure.close()


def test_spheres_of_several_sizes_bring_their_diameters():
    mixed = mpack.Packing.random(
        n=40, phi=0.4, dim=3, seed=3, diameters=np.where(np.arange(40) < 20, 1.0, 1.4)
    )
    numbers = Page(mpack.widgets.drive(mixed, RULE)).frames[0][1]
    np.testing.assert_array_equal(numbers[4 * 40 :], mixed.diameters.astype("f4"))


def test_the_curve_of_a_long_run_is_thinned(page):
    for step in range(1, 10_000):
        page.figure._note(type("Run", (), {"steps": step, "activity": [0.5]}))
    curve = page.figure._curve
    assert len(curve) <= _driven.MOST_POINTS and curve[0][0] == 0 and curve[-1][0] == 9_999
    assert all(one[0] < other[0] for one, other in zip(curve, curve[1:]))


@pytest.mark.parametrize("arguments,sentence", [
    ({"packing": mpack.Packing.random(n=40, phi=0.2, dim=4, seed=1)}, "dim 2 or 3"),
    ({"packing": 3}, "packing must be a Packing"),
    ({"stride": 0}, "stride must be"),
    ({"threads": 0}, "threads must be"),
    ({"zoom": 100.0}, "zoom must be"),
    ({"dynamics": mpack.SGD(alpha=0.1, batch_fraction=0.5, potential=mpack.LennardJones())}, "box must be at least"),
])  # fmt: skip
def test_what_cannot_be_driven(arguments, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        mpack.widgets.drive(**({"packing": START, "dynamics": RULE} | arguments))
