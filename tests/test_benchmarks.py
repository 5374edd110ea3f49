"""The benchmark tells what it measured, and flags what may not be compared. No clock decides."""

import dataclasses
import io
import itertools
import json
import math
import re

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import mpack
from benchmarks import __main__ as command
from benchmarks import (
    aims,
    contenders,
    figures,
    groups,
    kdtree_bodies,
    lammps_bodies,
    pages,
    report,
    rows,
    states,
)
from benchmarks.groups import Entry, Group
from benchmarks.states import State, Stretch, Unreached
from mpack.widgets import _sources

SMALL = State(n=200, phi=0.7, until=("steps", 20))
DYING = State(n=200, phi=0.3, until=("steps", 2), band=(0.0, 1.0))
NARROW = State(n=200, phi=0.3, until=("steps", 2), band=(0.8, 1.0))


def made(*entries, name="size"):
    group = Group(name, "A title", "Some words.", (tuple(entries),))
    return groups.measured(group, 2)


def entry(state, steps, kind=contenders.Kernel, *more, name="a row"):
    return Entry(name, lambda: kind(Stretch(state, steps, 3), *more), state)


def sound(row):
    """What every row must be, flagged or not."""
    assert row.unit in rows.UNITS and row.threads >= 1 and isinstance(row.flags, list)
    assert len(row.seconds) == len(row.cpu) == len(row.counts)
    numbers = [*row.values, *row.active_values, *row.seconds, *row.counts, *row.contacts]
    assert all(math.isfinite(x) and x >= 0.0 for x in numbers)
    if row.state:
        slack = 1e-12  # a mean of equal numbers is equal to rounding
        assert row.flags or 0.0 <= row.lowest <= row.activity * (1 + slack)
        assert row.flags or row.activity * (1 - slack) <= row.highest <= 1.0
        assert {"rule", "n", "phi", "dim", "sizes", "protocol", "band", "warm"} <= row.state.keys()
    assert row.flags or (row.values and min(row.values) > 0.0)
    return True


RATES = {"frames": 60.0, "pictures": 30.0, "steps": None}


def data(found):
    about = report.about(groups.QUICK, 60.0, [0.0, 0.0])
    return {"about": about, "groups": [["size", "T", "W"]], "frames": {"a": RATES}, "rows": found}


def test_the_activity_is_that_of_the_very_steps():
    stretch = Stretch(SMALL, 12, 3)
    start = SMALL.reach()
    looks = mpack.snapshots(start, SMALL.dynamics, at=range(3, 16), seed=3)
    seen = [mpack.activity(run.final) for run in looks]
    assert stretch.activity == pytest.approx(np.mean(seen[:-1]), rel=1e-12)
    assert (stretch.lowest, stretch.highest) == (min(seen), max(seen))
    assert stretch.flags == []


def test_rows_of_both_doors_threads_and_codes_are_well_formed():
    kinds = [(contenders.Kernel, 1), (contenders.Kernel, 2), (contenders.Public, 1)]
    kinds += [(contenders.Public, 2), (contenders.PlainNumba,), (contenders.KDTree,)]
    kinds += [(contenders.Trajectory, 5), (contenders.Call,)]
    stretch = Stretch(SMALL, 20, 0)
    entries = [
        Entry(str(place), lambda kind=kind, more=more: kind(stretch, *more), SMALL)
        for place, (kind, *more) in enumerate(kinds)
    ]
    found = made(*entries)
    assert [row.name for row in found] == [str(place) for place in range(len(kinds))]
    assert all(sound(row) and row.flags == [] and len(row.values) == 2 for row in found)
    assert {row.code for row in found} == {"mpack", "plain numba", "cKDTree + NumPy"}
    ours = [row for row in found if row.code == "mpack"]
    assert len({row.activity for row in ours}) == 1
    theirs = [row.activity for row in found if row.code != "mpack"]
    assert all(abs(value - ours[0].activity) < 0.05 for value in theirs)


def test_a_row_divides_by_particles_and_by_active_ones():
    row = rows.Row(
        "g", "r", seconds=[2e-3, 4e-3], cpu=[2e-3, 2e-3], counts=[1e5, 1e5], activity=0.5
    )
    assert row.values == pytest.approx([20.0, 40.0])
    assert row.active_values == pytest.approx([40.0, 80.0])
    assert row.core == pytest.approx(0.75) and row.disturbed
    calls = dataclasses.replace(row, unit="ms", counts=[1.0, 1.0])
    assert calls.values == pytest.approx([2.0, 4.0])
    assert calls.active_values == [] and calls.disturbed
    assert not dataclasses.replace(calls, waits=True).disturbed
    two = dataclasses.replace(row, threads=2)
    assert not two.disturbed and dataclasses.replace(two, door="kernel").disturbed


def test_a_run_that_dies_is_flagged_and_never_infinite():
    found = made(entry(SMALL, 20, name="alive"), entry(DYING, 5_000, name="dead"))
    assert all(map(sound, found)) and found[0].flags == []
    assert len(found[1].flags) == 1 and found[1].flags[0].startswith("died at step")
    assert found[1].values == [] and rows.ratios(*found[::-1]) == []
    text = report.page(data(found))
    assert "died at step" in text and "inf" not in text and "nan" not in text
    plain = made(entry(DYING, 5_000, contenders.PlainNumba))[0]
    assert plain.flags and plain.values == []


def test_another_code_that_dies_by_itself_is_flagged():
    row = rows.Row("g", "r", state={"band": (0.0, 1.0)})
    rows.finish(row, [rows.Turn(1.0, 1.0, 10.0, 0.5), rows.Turn(1.0, 1.0, 5.0, 0.4, died=True)])
    assert row.flags == ["died on the way"] and row.values == []


def test_a_stretch_that_leaves_its_band_is_flagged():
    row = made(entry(NARROW, 40))[0]
    assert row.flags[0].startswith("left its band: f_a ") and row.values == []
    other = rows.Row("g", "r", state={"band": (0.4, 0.6)})
    rows.finish(other, [rows.Turn(1.0, 1.0, 1.0, 0.5), rows.Turn(1.0, 1.0, 1.0, 0.7)])
    assert other.flags[0].startswith("left its band: mean f_a")


def test_a_state_that_is_not_reached_gives_a_flagged_row():
    never = State(n=200, phi=0.3, until=("activity", 0.0))
    outside = State(n=200, phi=0.7, until=("steps", 0), band=(0.0, 0.1))
    late = State(n=200, phi=0.3, until=("steps", 5_000))
    for state in (never, outside, late):
        with pytest.raises(Unreached):
            state.reach()
    found = made(entry(SMALL, 20), entry(never, 20))
    assert sound(found[0]) and sound(found[1])
    assert "absorbed" in found[1].flags[0] and found[1].seconds == []


def test_other_bits_are_flagged():
    stretch = Stretch(SMALL, 10, 3)
    stretch.digest = "0" * 32
    for kind in (contenders.Kernel, contenders.Public):
        row = made(Entry("a row", lambda kind=kind: kind(stretch), SMALL))[0]
        assert row.flags and row.flags[0].startswith("other bits")


def test_the_hosts_of_the_pages_are_rows_with_the_library_s_bits():
    """In node: by the kernels, and of discs by the twin; with another seed they are flagged."""
    host = pages.hosts().get("node") or pytest.skip("node is not installed")
    flat = State(n=200, phi=0.9, dim=2, until=("steps", 20), band=(0.0, 1.0))
    for state, twin in ((SMALL, False), (flat, False), (flat, True)):
        right, wrong = Stretch(state, 10, 3), Stretch(state, 10, 3)
        wrong.digest = "0" * 32
        found = made(
            Entry("native", lambda right=right: contenders.Kernel(right), state),
            Entry("hosted", lambda right=right, twin=twin: pages.Hosted(right, host, twin), state),
            Entry("wrong", lambda wrong=wrong, twin=twin: pages.Hosted(wrong, host, twin), state),
        )
        assert all(sound(row) for row in found) and found[1].flags == []
        assert found[2].flags[0].startswith("other bits")


def test_quiet_states_are_taken_where_their_protocol_says():
    state = State(n=500, phi=0.5, until=("activity", 0.3), band=(0.0, 0.3))
    assert 0.0 < mpack.activity(state.reach()) <= 0.3
    contacts = State(n=500, phi=0.5, until=("contacts", 1.0), band=(0.0, 1.0))
    assert 0.0 < states.contacts_of(contacts.reach()) <= 1.0
    assert "f_a ≤ 0.3" in state.protocol and "z ≤ 1" in contacts.protocol


class Counted:
    """A contender that writes down when it was asked."""

    def __init__(self, name, log):
        self.name, self.log = name, log

    def turn(self):
        self.log.append(self.name)
        return rows.Turn(1.0, 1.0, 1.0)


def test_contenders_take_turns_and_none_is_always_first():
    log = []
    taken = rows.take_turns([Counted(name, log) for name in "abc"], 3)
    assert "".join(log) == "abcbcacab" and [len(turns) for turns in taken] == [3, 3, 3]


def test_ratios_are_taken_turn_by_turn_within_a_block():
    slow = rows.Row("g", "slow", seconds=[2.0, 9.0], cpu=[2.0, 9.0], counts=[1.0, 1.0])
    quick = rows.Row("g", "quick", seconds=[1.0, 3.0], cpu=[1.0, 3.0], counts=[1.0, 1.0])
    assert rows.ratios(slow, quick) == [2.0, 3.0]
    with pytest.raises(ValueError, match="did not take turns"):
        rows.ratios(slow, dataclasses.replace(quick, block=1))
    assert rows.spread([1.0, 2.0, 3.0, 4.0, 5.0]) == (3.0, 2.0, 4.0)
    assert rows.spread([]) is None


@pytest.mark.parametrize(
    "most, middle, low, high, said",
    [
        (True, 1.4, 1.3, 1.45, "met"),
        (True, 1.6, 1.55, 1.7, "missed by a factor of 1.07"),
        (True, 1.45, 1.4, 1.6, "undecided"),
        (False, 1.6, 1.55, 1.7, "met"),
        (False, 1.2, 1.1, 1.3, "missed by a factor of 1.25"),
        (False, 1.6, 1.4, 1.7, "undecided"),
    ],
)
def test_verdicts(most, middle, low, high, said):
    aim = aims.Aim("a", "g", "r", 1.5, most)
    assert aims.verdict(aim, (middle, low, high)) == said


def test_aims_heed_flags_and_disturbance():
    times = {"seconds": [2e-5] * 3, "counts": [1e3] * 3, "activity": 1.0}
    row = rows.Row("size", "N = 10,000, kernel", **times, cpu=[2e-5] * 3)
    large = rows.Row("size", "N = 1,000,000, kernel", **times, cpu=[2e-5] * 3)

    def said(*found):
        return {aim.text: words for aim, _, words in aims.judged(found)}

    quietly = said(row, large)
    assert quietly["N = 10⁶ over 10⁴"] == "met"
    assert quietly["dense, N = 10⁴"] == "missed by a factor of 1.43"
    two = [
        rows.Row("threads", f"dense, N = 10,000, kernel, {count} thread{s}", threads=count, **times)
        for count, s in ((1, ""), (2, "s"))
    ]
    for one, cores in zip(two, (1, 2)):
        one.door, one.cpu = "kernel", [cores * 2e-5] * 3
    gain = "one thread over two, `kernel`: dense, N = 10,000"
    assert said(*two)[gain] == "missed by a factor of 1.80"
    two[0].cpu = [1e-5] * 3
    assert said(*two)[gain] == "disturbed: no verdict"
    busy = said(row, dataclasses.replace(large, cpu=[1e-5] * 3))
    assert busy["N = 10⁶ over 10⁴"] == "met, disturbed"
    assert busy["dense, N = 10⁴"] == "disturbed: no verdict"
    dead = said(row, dataclasses.replace(large, flags=["died"]))
    assert dead["N = 10⁶ over 10⁴"] == "flagged: no verdict"
    assert said(row)["N = 10⁶ over 10⁴"] == "not in this run"


def entries_of(scale):
    for group in (make(scale) for make in groups.ALL):
        for place, block in enumerate(group.blocks):
            for one in block:
                yield group.name, place, one


def test_every_aim_and_reference_names_rows_of_a_full_run(monkeypatch):
    monkeypatch.setattr(groups, "threads_here", lambda: (1, 2))
    found = {(group, one.name): place for group, place, one in entries_of(groups.FULL)}
    assert len(found) == sum(1 for _ in entries_of(groups.FULL))  # no name twice
    for aim in aims.AIMS:
        if not any(program in aim.row for program in ("LAMMPS", "jax-md")):
            assert (aim.group, aim.row) in found
            assert not aim.over or found[aim.group, aim.over] == found[aim.group, aim.row]
    for group, place, one in entries_of(groups.FULL):
        assert not one.reference or found[group, one.reference] == place
    assert {one.name for *_, one in entries_of(groups.QUICK)} < {name for _, name in found}


def test_every_rule_has_a_row():
    ruled = {one.state.rule for group, _, one in entries_of(groups.FULL) if group == "rules"}
    names = {type(State(rule).dynamics).__name__ for rule in ruled}
    known = {"PairwiseBRO", "NonreciprocalBRO", "IndividualBRO", "RandomOrganization", "SGD", "RCD"}
    assert names == known | {"Approximation"}


def test_sweeps_and_processes_are_rows_like_any_other():
    small = State(n=50, until=("steps", 0))
    sweeps = [
        Entry(door, lambda door=door: contenders.Sweep(door, 3, small, 5), small)
        for door in ("loop", "sweep", "sweep with a store")
    ]
    bare = Entry("Python", lambda: contenders.Process("pass"))
    found = [*made(*sweeps), *made(bare)]
    assert all(sound(row) and row.flags == [] for row in found)
    assert [row.unit for row in found] == ["ms"] * 3 + ["s"]


def test_the_committed_page_is_what_the_script_writes_from_its_numbers():
    kept = report.read(report.DATA)
    assert report.RESULTS.read_text(encoding="utf8") == report.page(kept)
    assert all(sound(row) for row in kept["rows"])
    ours = {group.name for group in (make(groups.FULL) for make in groups.ALL)}
    assert {name for name, *_ in kept["groups"]} == ours
    for name, title, _ in kept["groups"]:
        assert f"\n## {title}\n" in report.page(kept) and name in {r.group for r in kept["rows"]}
    assert {"processor", "compiled_for", "cores", "date", "commit", "packages", "load"} <= kept[
        "about"
    ].keys()


def test_every_table_of_the_page_has_as_many_cells_in_every_line():
    lines = report.RESULTS.read_text(encoding="utf8").splitlines()
    for table, block in itertools.groupby(lines, lambda line: line.startswith("|")):
        if table:
            assert len({line.count("|") for line in block}) == 1


def test_rates_of_figures_are_held_against_their_aims():
    """Each aim is of a load, each load is of a figure and of its state; what falls short of one is named."""
    assert set(figures.AIMS) <= set(figures.LOADS)
    for name, query in figures.LOADS.values():
        given = dict(one.split("=") for one in query.split("&"))
        assert _sources.from_text(name, ", ".join(f"{k}={v}" for k, v in given.items()))
    for label, aim in figures.AIMS.items():
        good = {"frames": 60.0, "pictures": 60.0, "steps": 60.0}
        assert figures.verdict(label, good)[1] == "met"
        for kind, least in aim.items():
            assert figures.verdict(label, {**good, kind: least - 0.1})[1] == f"missed: {kind}"
            assert figures.verdict(label, {**good, kind: None})[1] == f"missed: {kind}"
    assert figures.verdict("valley", RATES) == ("", "")
    assert "| a | 60 | 30 | – |" in report.page(data([]))


def test_the_page_can_be_written_anew_and_follows_the_numbers(tmp_path, capsys):
    (tmp_path / report.DATA.name).write_text(
        report.DATA.read_text(encoding="utf8"), encoding="utf8"
    )
    command.main(["--render", "--to", str(tmp_path)])
    assert "Wrote" in capsys.readouterr().out
    page = (tmp_path / report.RESULTS.name).read_text(encoding="utf8")
    assert page == report.RESULTS.read_text(encoding="utf8")
    changed = json.loads(report.DATA.read_text(encoding="utf8"))
    changed["rows"][0]["seconds"] = [7.0 * s for s in changed["rows"][0]["seconds"]]
    (tmp_path / report.DATA.name).write_text(json.dumps(changed), encoding="utf8")
    command.main(["--render", "--to", str(tmp_path)])
    assert (tmp_path / report.RESULTS.name).read_text(encoding="utf8") != page


def test_a_run_measures_writes_and_says_what_is_flagged(tmp_path, capsys, monkeypatch):
    def sizes(scale):
        block = entry(SMALL, 10, name="alive"), entry(DYING, 5_000, name="dead")
        return Group("size", "Sizes", "Words.", (block,))

    monkeypatch.setattr(groups, "ALL", (sizes,))
    monkeypatch.setattr(command.figures, "frame_rates", dict)
    assert command.main(["--quick", "--to", str(tmp_path)]) == 1
    assert "Flagged: size, dead: died" in capsys.readouterr().out
    kept = report.read(tmp_path / report.DATA.name)
    assert [row.name for row in kept["rows"]] == ["alive", "dead"]
    assert (tmp_path / report.RESULTS.name).read_text(encoding="utf8") == report.page(kept)


def test_lammps_is_given_the_places_shapes_and_turns_of_bodies():
    packing = mpack.Packing.random(n=7, phi=0.1, dim=3, seed=3, axes=(1.5, 1.2, 1.0))
    head, atoms, bodies = re.split("Atoms # ellipsoid|Ellipsoids", lammps_bodies.data_file(packing))
    assert head.count(f"0 {packing.box:.17g} ") == 3 and "7 ellipsoids" in head
    atoms, bodies = np.loadtxt(io.StringIO(atoms)), np.loadtxt(io.StringIO(bodies))
    assert np.array_equal(atoms[:, 4:], np.mod(packing.positions, packing.box))
    assert np.array_equal(bodies[:, 1:4], 2 * packing.axes)
    assert np.array_equal(bodies[:, 4:], packing.orientations)


def test_the_plain_step_of_bodies_is_the_library_s():
    """Its turn is by the vector omega, ours by Cayley's rotation: alike to the third order."""
    packing = mpack.Packing.random(n=200, phi=0.7, dim=3, seed=4, axes=(1.5, 1.2, 1.0))
    ours = mpack.simulate(packing, mpack.SGD(alpha=1e-3, batch_fraction=1.0), steps=1, seed=1)
    x = packing.positions.copy()
    turns = Rotation.from_quat(np.roll(packing.orientations, -1, 1))
    args = packing.axes, packing.box, 0.5e-3, np.ones
    turns, active = kdtree_bodies.step(x, turns, *args)
    gap = x - ours.final.positions
    assert np.abs(gap - packing.box * np.rint(gap / packing.box)).max() < 1e-13
    before = Rotation.from_quat(np.roll(ours.final.orientations, -1, 1))
    assert (turns * before.inv()).magnitude().max() < 1e-8
    assert np.mean(active) == ours.activity[0]
