"""The explorer without a browser: the same bits as `simulate`, stop and go on, what is refused and what is shown."""

import asyncio
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import mpack
from book import chapters
from book._tools import interactive
from mpack.widgets._background import Background, chunks

START = mpack.Packing.random(n=60, phi=0.75, dim=2, seed=3)
RULES = [
    mpack.SGD(alpha=0.2, batch_fraction=0.6),
    mpack.PairwiseBRO(eps=0.1).approximation(),
    mpack.RCD(alpha=0.1, batch_size=7, potential=mpack.Harmonic()),
    mpack.SGD(alpha=0.2, batch_fraction=0.6, correlation=0.2, memory="antithetic"),
]


@pytest.fixture
def unseen(monkeypatch):
    """Nothing is drawn: pictures are what takes time."""
    monkeypatch.setattr("mpack.widgets._explorer.Explorer._draw", lambda _: None)


def same(one, other):
    assert (one.digest, one.steps, one.absorbed) == (other.digest, other.steps, other.absorbed)
    for name in ("times", "activity", "energy", "msd"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_run_by_the_explorer_is_simulate_s(rule, unseen):
    record = mpack.every(7)
    explorer = mpack.widgets.explore(START, rule, steps=150, seed=5, record=record)
    assert explorer.dynamics == rule and explorer.start_packing is START
    same(explorer.run(), mpack.simulate(START, rule, steps=150, seed=5, record=record))
    assert explorer.trajectory.digest in explorer._status.value
    explorer.controls["phi"].value = 0.8  # squeezed: what `random` makes there
    explorer.controls["seed"].value = 6
    explorer.controls["steps"].value = 90
    denser = mpack.Packing.random(n=60, phi=0.8, dim=2, seed=3)
    same(explorer.run(), mpack.simulate(denser, rule, steps=90, seed=6, record=record))
    again = eval(explorer.python(), {"mpack": mpack, "packing": START})
    assert again.digest == explorer.trajectory.digest


def test_the_controls_choose_the_dynamics(unseen):
    explorer = mpack.widgets.explore(START, mpack.PairwiseBRO(eps=0.15))
    shown = {
        name: explorer.controls[name].layout.display != "none"
        for name in ("eps", "alpha", "batch_fraction")
    }
    assert shown == {"eps": True, "alpha": False, "batch_fraction": False}
    explorer.controls["rule"].value = "SGD"  # its matched partner, to begin with
    assert explorer.dynamics == mpack.matched(mpack.PairwiseBRO(eps=0.15))
    explorer.controls["batch_fraction"].value, explorer.controls["approximation"].value = 0.5, True
    assert explorer.dynamics == mpack.SGD(alpha=0.15 / 0.75, batch_fraction=0.5).approximation()
    for name in ("eps", "alpha", "batch_fraction", "phi"):
        slider = explorer.controls[name]
        slider.value = 1e9
        assert slider.value < 3  # held in its range


def busy():
    """An explorer of a run that would take for ever."""
    start = mpack.Packing.random(n=60, phi=1.0, dim=2, seed=3)
    return mpack.widgets.explore(start, RULES[0], steps=10_000_000, seed=5)


def test_stop_stops_and_go_on_takes_it_up(unseen):
    explorer = busy()
    explorer.start()
    clock = time.monotonic()
    while explorer.trajectory.steps == 0 and time.monotonic() - clock < 60:
        time.sleep(0.01)
    assert explorer.running and explorer._run.description == "Stop"
    explorer._run.click()
    stopped = explorer.wait()
    assert not explorer.running and stopped.interrupted and 0 < stopped.steps < 10_000_000
    assert explorer._run.description == "Run" and "stopped" in explorer._status.value
    explorer.controls["steps"].value = 40
    assert not explorer._more.disabled
    explorer._more.click()
    whole = explorer.wait()
    straight = mpack.simulate(
        stopped.start, stopped.dynamics, steps=whole.steps, seed=5, record=stopped.record
    )
    assert whole.steps == stopped.steps + 40
    same(whole, straight)


def test_what_cannot_run_is_said_in_the_widget(monkeypatch, unseen):
    explorer = mpack.widgets.explore(START, RULES[0], steps=10)
    explorer._given = mpack.SGD(
        alpha=0.1, batch_fraction=0.5, potential=mpack.LennardJones(cutoff=4.0)
    )
    explorer._run.click()
    assert "box must be at least" in explorer._status.value and isinstance(
        explorer.error, ValueError
    )
    assert explorer._run.description == "Run"
    explorer._given = RULES[0]

    def broken(*_, **__):
        raise OSError("the disk is full")

    monkeypatch.setattr("mpack.widgets._explorer.chunks", broken)
    explorer._run.click()
    with pytest.raises(OSError):
        explorer.wait()
    assert "OSError: the disk is full" in explorer._status.value
    monkeypatch.undo()
    assert explorer.run().steps == 10 and explorer.error is None  # and it can go on


@pytest.mark.parametrize("arguments,sentence", [
    ({"packing": 3}, "packing must be a Packing"),
    ({"dynamics": "SGD"}, "dynamics must be a dynamics"),
    ({"steps": 0}, "steps must be an integer"),
    ({"seed": 2**60}, "seed must be an integer"),
    ({"threads": 0}, "threads must be"),
    ({"record": 3.5}, "record must be"),
])  # fmt: skip
def test_what_the_explorer_refuses(arguments, sentence, unseen):
    with pytest.raises((ValueError, TypeError), match=sentence):
        mpack.widgets.explore(**({"packing": START, "dynamics": RULES[0]} | arguments))


@pytest.mark.parametrize("dim,third", [(2, "the packing"), (3, "slice"), (4, "4 dimensions")])
def test_the_plots_say_what_they_show(dim, third):
    start = mpack.Packing.random(n=80, phi={2: 0.6, 3: 0.4, 4: 0.2}[dim], dim=dim, seed=1)
    explorer = mpack.widgets.explore(start, RULES[0], steps=20)
    assert 'alt="Four plots, empty' in explorer._image.value and "base64" in explorer._image.value
    first = explorer.run()
    explorer.controls["log"].value = False
    explorer.controls["rule"].value = "BRO"
    explorer.run()
    activity, picture, energy, correlation = explorer.figure().axes
    assert explorer.before is first and len(activity.lines) == 3  # faint, this one, its end
    np.testing.assert_array_equal(activity.lines[1].get_ydata(), explorer.trajectory.activity)
    np.testing.assert_array_equal(energy.lines[1].get_ydata(), explorer.trajectory.energy / 80)
    assert picture.get_title(loc="left").startswith(third)
    g = mpack.pair_correlation(explorer.trajectory.final, bins=150).g
    np.testing.assert_array_equal(correlation.lines[0].get_ydata(), g)
    assert all(ax.get_xlabel() for ax in (activity, energy, correlation))
    assert "activity against steps" in re.search('alt="([^"]*)"', explorer._image.value)[1]


def test_the_last_picture_is_of_the_end_although_one_is_under_way(monkeypatch):
    """The run ends while the picture of its first step is drawn: the picture of its end follows."""
    drawing, shown = threading.Event(), []

    def pieces(run, steps, **_):
        """The first step, then, once that is being drawn, all others."""
        first = mpack.simulate(run, steps=1)
        yield first
        assert drawing.wait(60)
        yield mpack.simulate(first, steps=steps - 1)

    def slow(run, before, log, over):
        shown.append((run.steps, over))
        if run.steps == 1:
            drawing.set()
            assert explorer._background.wait(60)
        return explorer._plots.made

    async def notebook():
        nonlocal explorer
        explorer = mpack.widgets.explore(START, RULES[0], steps=20, seed=5)
        explorer._plots.made = explorer.figure()
        monkeypatch.setattr(explorer._plots, "draw", slow)
        explorer.start()
        while not drawing.is_set():
            await asyncio.sleep(0.001)
        for _ in range(3):  # whatever the run has asked for until it ended
            await asyncio.sleep(0)

    explorer = None
    monkeypatch.setattr("mpack.widgets._explorer.chunks", pieces)
    monkeypatch.setattr("mpack.widgets._explorer.APART", 0.0)
    # A thread of its own: a browser that other tests hold open has its loop in this one.
    with ThreadPoolExecutor(1) as kernel:
        kernel.submit(asyncio.run, notebook()).result()
    assert explorer.trajectory.steps == 20 and shown == [(1, False), (20, True)]


def test_a_slice_cuts_spheres_where_they_are():
    from mpack.widgets._plots import slice_of

    packing = mpack.Packing([[1.0, 1, 1.9], [3, 3, 0.1], [0.1, 2, 1.5]], box=4.0)
    which, centres, across = slice_of(packing, 1.5)
    assert sorted(which) == [0, 2, 2]  # the third reaches over a wall
    assert across[which == 0] == pytest.approx(2 * (0.25 - 0.16) ** 0.5)
    assert across[which == 2] == pytest.approx(1.0)
    assert slice_of(packing, -0.1)[0].tolist() == [1]


def test_the_page_shows_an_explorer_as_a_figure_with_its_settings(monkeypatch, unseen):
    published = []
    monkeypatch.setattr(chapters, "_display", published.append)
    explorer = mpack.widgets.explore(START, RULES[0], steps=30, seed=5)
    explorer.run()
    chapters.show(explorer, "x")
    bundle = json.loads(json.dumps(published[0]))
    assert {interactive.VIEW, chapters.FIGURE} <= set(bundle)
    states = {}
    widgets = [explorer._top, *explorer.controls.values(), explorer._top.children[0], explorer]
    for widget in widgets + [widget.layout for widget in widgets]:
        states[widget.model_id] = {"state": json.loads(json.dumps(widget.get_state(), default=str))}
    output = {"output_type": "display_data", "data": bundle}
    notebook = {
        "cells": [{"outputs": [output]}],
        "metadata": {"widgets": {interactive.STATE: {"state": states}}},
    }
    interactive.freeze(notebook)
    note, shown = notebook["cells"][0]["outputs"]
    text = note["data"]["text/html"]
    assert "dynamics SGD" in text and "steps 30" in text and "make lab" in text
    assert "kick size" not in text  # SGD has none
    assert shown["data"][chapters.FIGURE]["name"] == "x" and interactive.VIEW not in shown["data"]


# In the background
# ---------------------------------------------------------------------------------------------


def test_chunks_are_the_run_in_pieces():
    begun = mpack.simulate(START, RULES[0], steps=0, seed=1)
    pieces = list(chunks(begun, 50, seconds=1e-9))
    assert [run.steps for run in pieces] == list(range(1, 51))
    assert pieces[-1].digest == mpack.simulate(START, RULES[0], steps=50, seed=1).digest


def test_the_background_waits_wakes_and_stops():
    seen = []

    def work(background):
        seen.append(background.pause(lambda: "go" in seen))
        seen.append(background.pause(lambda: "never" in seen))

    ended = []
    background = Background(work, lambda: ended.append(True))
    background.start()
    seen.append("go")
    background.wake()
    background.stop()
    assert background.wait(30) and ended == [True] and seen == ["go", True, False]
    assert background.error is None
