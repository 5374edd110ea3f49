"""The command line: what it prints and writes is the library's, and what it refuses is one sentence."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mpack
from mpack import _command, ellipsoids, ensemble, simulation
from mpack._command import main
from mpack._expressions import dynamics_of

ROOT = Path(mpack.__file__).resolve().parents[1]
SMALL = ["--n", "40", "--phi", "0.7", "--dim", "2"]
RULE = "PairwiseBRO(eps=0.1)"
BODIES = [*SMALL, "--steps", "1", "--axes", "2,1"]


def facts(text):
    """What a command printed, one fact a line."""
    return dict(re.split(r":\s+", line, maxsplit=1) for line in text.splitlines())


def start(seed=5):
    return mpack.Packing.random(n=40, phi=0.7, dim=2, seed=seed)


def test_a_run_is_that_of_the_library(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = shlex.split(
        "--steps 1e2 --seed 5 --record 10 --series run.csv --save end.npz --quiet"
    )
    frames = shlex.split("--frames log:5 --trajectory run.gsd --watch a=mpack.observables:activity")
    assert main(["run", RULE, *SMALL, *options, *frames]) == 0
    said, how = facts(capsys.readouterr().out), dict(seed=5, record=mpack.every(10))
    run = mpack.simulate(start(), mpack.PairwiseBRO(eps=0.1), steps=100, **how)
    assert said["digest"] == run.digest and said["steps"] == str(run.steps)
    assert said["a"] == said["activity"] == f"{run.activity[-1]:.10g}"
    assert mpack.Packing.load("end.npz") == run.final
    table = pd.read_csv("run.csv", index_col="step")
    assert table.energy.tolist() == run.energy.tolist() and list(table)[-1] == "a"
    steps = [0, 1, 2, 3, 4, 6, 10, 16, 25, 40, 63, run.steps]  # it came to rest before step 100
    assert run.absorbed and mpack.frames("run.gsd").steps.tolist() == steps
    assert main(["run", RULE, "--start", "end.npz", "--steps", "0", "--quiet"]) == 0
    assert facts(capsys.readouterr().out)["digest"] == run.digest


def test_a_sweep_is_that_of_the_library(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rules = [mpack.PairwiseBRO(eps=0.1), mpack.SGD(alpha=0.1, batch_fraction=0.5)]
    specs = mpack.specs(rules, n=[40], phi=[0.2, 0.7], dim=2, steps=50, seed=range(2))
    many = ["sweep", *map(repr, rules), "--n", "40", "--phi", "0.2", "0.7", "--dim", "2"]
    more = shlex.split("--steps 50 --repeats 2 --store runs.sqlite --table runs.csv --quiet")
    assert main([*many, *more]) == 0
    assert capsys.readouterr().out.count("\n") == 9
    table = mpack.sweep(specs, "runs.sqlite", progress=False)
    assert pd.read_csv("runs.csv").digest.tolist() == table.digest.tolist()
    Path("specs.txt").write_text("".join(f"{spec.text}\n" for spec in specs[:3]))
    assert main(shlex.split("sweep --specs specs.txt --table again.csv --quiet")) == 0
    assert pd.read_csv("again.csv").digest.tolist() == table.digest.tolist()[:3]


def test_runs_of_bodies_are_those_of_the_library(tmp_path, monkeypatch, capsys):
    """Kinds dealt out in turn, turned at random or upright, weighed by --rotation; a start of bodies; a sweep."""
    monkeypatch.chdir(tmp_path)
    bodies = [*SMALL, "--axes", "1.5,1", "1,1", "--steps", "20", "--quiet"]
    axes, rule = np.resize([(1.5, 1), (1, 1)], (40, 2)), mpack.PairwiseBRO(eps=0.1, rotation=2.0)
    for more, aligned in (([], False), (["--aligned"], True)):
        place = mpack.Packing.random(40, 0.7, 2, 0, axes=axes, aligned=aligned)
        run = mpack.simulate(place, rule, steps=20, seed=0)
        saved = ["--rotation", "2", "--save", "end.npz"]
        assert main(["run", RULE, *bodies, *saved, *more]) == 0
        said = facts(capsys.readouterr().out)
        assert said["digest"] == run.digest
        turned = ellipsoids.turning(run.start, run.final).mean_square
        assert said["turned"] == f"{turned:.10g}" and turned > 0
    assert main(["info", "end.npz"]) == 0
    said = facts(capsys.readouterr().out)
    assert said["axes"] == "1.5 : 1 and 1 more" and 0 < float(said["nematic order"]) < 1
    still = mpack.PairwiseBRO(eps=0.1, rotation=None)
    further = ["--start", "end.npz", "--rotation", "none", "--steps", "5", "--quiet"]
    assert main(["run", RULE, *further]) == 0
    digest = mpack.simulate(run.final, still, steps=5, seed=0).digest
    assert facts(capsys.readouterr().out)["digest"] == digest
    swept = ["--axes", "1.5,1", "--aligned", "--rotation", "none", "--steps", "5", "--quiet"]
    observed = ["--observables", "nematic", "turning", "--table", "runs.csv"]
    assert main(["sweep", f"{RULE}.approximation()", *SMALL, *swept, *observed]) == 0
    how = {"n": 40, "phi": 0.7, "dim": 2, "steps": 5, "axes": (1.5, 1.0), "start": "aligned"}
    spec = mpack.Spec(still.approximation(), **how, observables=("nematic", "turning"))
    table = pd.read_csv("runs.csv")
    assert table.key[0] == spec.key and table.turned[0] == 0 and table.nematic_longest[0] == 1


def test_what_files_hold(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    start().save("one.npz")
    spec = mpack.Spec(mpack.PairwiseBRO(eps=0.1), n=40, phi=0.2, dim=2, steps=500)
    with ensemble.Store("runs.sqlite") as store:
        mpack.sweep([spec], store, progress=False)
        ensemble.export(store, "dilute")
    frames = ["--frames", "4", "--trajectory", "run.gsd", "--steps", "10", "--quiet"]
    assert main(["run", RULE, *SMALL, *frames]) == 0
    capsys.readouterr()
    expected = {
        "one.npz": {"n": "40", "phi": "0.7", "diameters": "equal", "digest": start().digest},
        "run.gsd": {"frames": "3", "steps": "0 to 8", "seed": "0", "dynamics": RULE, "dim": "2"},
        "runs.sqlite": {"runs": "1", "absorbed": "1"},
        "dilute": {"archive": "dilute", "runs": "1"},
    }
    for name, wanted in expected.items():
        assert main(["info", name]) == 0
        assert wanted.items() <= facts(capsys.readouterr().out).items()


def test_an_audit_has_a_status(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    spec = mpack.Spec(mpack.PairwiseBRO(eps=0.1), n=40, phi=0.7, dim=2, steps=50)
    with ensemble.Store("runs.sqlite") as store:
        mpack.sweep([spec], store, progress=False)
        ensemble.export(store, "true")
        result = store.get(spec.key)
    with ensemble.Store(":memory:") as store:
        store.put(result | {"energy": result["energy"] + 1.0})
        ensemble.export(store, "false")
    assert main(["audit", "true"]) == 0
    assert "every bit as stored" in capsys.readouterr().out
    assert main(["audit", "true", "false", "--quiet"]) == 1
    assert "energy is stored as" in capsys.readouterr().out


def test_a_packing_of_another_format_is_looked_at_too(tmp_path, monkeypatch, capsys):
    pytest.importorskip("ase")
    monkeypatch.chdir(tmp_path)
    first = 'Lattice="8 0 0 0 8 0 0 0 8" Properties=species:S:1:pos:R:3:radius:R:1 pbc="T T T"'
    Path("two.xyz").write_text(f"2\n{first}\nA 0 0 0 0.5\nA 2 2 2 0.5\n")
    assert main(["info", "two.xyz"]) == 0
    told = capsys.readouterr().out
    assert "equal" in told and "digest" in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", RULE, "--phi", "0.7", "--steps", "1"], "--n must be given, or --start FILE"),
        (["run", "PairwiseBRO(eps=-1)", *SMALL, "--steps", "1"], "eps must be a finite number"),
        (["run", "exec('1')", *SMALL, "--steps", "1"], "dynamics must be a rule as in Python"),
        (["run", "Linear()", *SMALL, "--steps", "1"], "dynamics must be a rule as in Python"),
        (["run", "PairwiseBRO(eps=", *SMALL, "--steps", "1"], "dynamics must be a rule"),
        (["run", "PairwiseBRO(" * 900, *SMALL, "--steps", "1"], "dynamics must be a rule"),
        (["run", "PairwiseBRO(epz=1)", *SMALL, "--steps", "1"], "got 'epz' (did you mean eps?)"),
        (
            ["sweep", "PairwiseBRO(eps=1, potential=Linear())", *SMALL, "--steps", "1"],
            "mpack sweep: PairwiseBRO takes eps, correlation, memory, rotation; its push is the same",
        ),
        (["run", RULE, *SMALL, "--steps", "-1"], "steps must be an integer in"),
        (["run", RULE, *SMALL, "--steps", "1", "--frames", "5"], "go together"),
        (["run", RULE, *SMALL, "--steps", "1", "--watch", "a"], '"name=module:function"; got'),
        (["run", RULE, *SMALL, "--steps", "1", "--watch", "a=no.such:f"], "cannot: No module"),
        (["run", RULE, "--start", "none.gsd", "--steps", "1"], "none.gsd: No such file"),
        (["run", RULE, *SMALL, "--steps", "1", "--start", "x.gsd"], "--n must be left out"),
        (["run", RULE, *SMALL, "--steps", "1", "--axes", "2,1", "1,1,1"], "as many numbers"),
        (["run", RULE, *SMALL, "--steps", "1", "--axes", "2,1,1"], "axes must have shape"),
        (["run", RULE, *SMALL, "--steps", "1", "--axes", "20,1"], "ratio of 10 at most"),
        (["run", RULE, *SMALL, "--steps", "1", "--axes", "2,1", "--sizes", "1"], "go together"),
        (["run", RULE, *SMALL, "--steps", "1", "--aligned"], "--aligned must stand with --axes"),
        (["run", RULE, *SMALL, "--steps", "1", "--rotation", "2"], "--rotation must stand with"),
        (["run", RULE, *BODIES, "--rotation", "0"], "rotation must be a finite number"),
        (["run", f"{RULE[:-1]}, rotation=2)", *BODIES, "--rotation", "2"], "where the rule says"),
        (["run", RULE, "--start", "x.npz", "--steps", "1", "--axes", "2,1"], "--axes must be left"),
        (["run", RULE, "--start", "x.npz", "--steps", "1", "--aligned"], "--aligned must be left"),
        (["sweep", RULE, *SMALL, "--steps", "1", "--aligned"], "--aligned must stand with --axes"),
        (["sweep", RULE, "--n", "40", "--steps", "1"], "phi must be given, or --specs FILE"),
        (["sweep", "--specs", "text.txt"], "text is no specification"),
        (["sweep", RULE, "--specs", "text.txt"], "--specs must stand without"),
        (["info", "none.npz"], "none.npz: No such file"),
        (["info", "none"], "none: No such file"),
        (["info", "text.txt"], "text.txt"),
        (["info", "text.sqlite"], "damaged"),
        (["info", "empty"], "empty is empty"),
        (["audit", "none"], "there is no archive in none"),
        (["audit", "."], "there is no archive in ."),
    ],
)
def test_what_is_refused_is_one_sentence(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("nothing of that kind\n" * 40)
    Path("text.sqlite").write_text("nothing of that kind\n" * 40)
    Path("empty").touch()
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert words in said.err and said.err.count("\n") == 1 and said.out == ""
    assert said.err.startswith(f"mpack {arguments[0]}: ")
    assert (
        sorted(os.listdir()) == ["empty", "text.sqlite", "text.txt"]
        and not Path("empty").stat().st_size
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required: COMMAND"),
        (["walk"], "invalid choice"),
        (["run", RULE, "--steps", "many"], "invalid whole number value: 'many'"),
        (["run", RULE, "--steps", "1.5"], "invalid whole number value: '1.5'"),
        (["run", RULE, "--steps", "1", "--record", "log:x"], "invalid schedule value"),
        (["run", RULE, "--steps", "1", "--axes", "1"], "invalid a,b,c of a body value: '1'"),
        (["run", RULE, "--steps", "1", "--axes", "1,b"], "invalid a,b,c of a body value: '1,b'"),
        (["run", RULE, "--steps", "1", "--rotation", "no"], "invalid rotation value: 'no'"),
        (["sweep", RULE, "--observables", "colour"], "invalid choice: 'colour'"),
    ],
)
def test_usage_has_its_status(capsys, arguments, words):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and words in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["run"], ["sweep"], ["info"], ["audit"]])
def test_help_has_examples(capsys, command):
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0 and (
        not command or f"mpack {command[0]} " in said.split("examples:")[1]
    )


def test_examples_in_the_help_are_understood():
    shown = [_command._RUN, _command._SWEEP, _command._INFO, _command._AUDIT]
    lines = "\n".join(shown).replace("\\\n", " ").splitlines()
    examples = [
        re.sub(r"\s{2,}(a |the |an ).*", "", line).strip() for line in lines if "  mpack " in line
    ]
    assert len(examples) == 13
    for example in examples:
        given = _command.parser().parse_args(shlex.split(example)[1:])
        rules = getattr(given, "dynamics", None) or []
        for text in [rules] if isinstance(rules, str) else rules:
            assert dynamics_of(text).recipe()


def test_rules_are_read_as_python_writes_them():
    for rule in (
        mpack.RCD(alpha=0.1, batch_size=3),
        mpack.SGD(alpha=0.1, batch_fraction=0.5, potential=mpack.Hertzian(stiffness=2.0)),
        mpack.NonreciprocalBRO(eps=0.1).approximation(),
    ):
        text = repr(rule)
        assert dynamics_of(text) == rule
    assert dynamics_of("IndividualBRO(0.1)") == mpack.IndividualBRO(eps=0.1)


@pytest.mark.slow
def test_the_command_of_a_shell(tmp_path):
    """Another process: its status, its progress on the standard error, no traceback, and Ctrl-C."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}

    def shell(*arguments):
        command = [sys.executable, "-m", "mpack", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    (tmp_path / "mine.py").write_text(
        "def pairs(packing):\n    return len(packing.overlaps()[0])\n"
    )
    done = shell("run", RULE, *SMALL, "--steps", "50", "--watch", "pairs=mine:pairs")
    assert done.returncode == 0 and int(facts(done.stdout)["pairs"]) >= 0, done.stderr
    assert "50.0/50.0" in done.stderr
    done = shell("run", RULE, *SMALL, "--steps", "50", "--trajectory", "run.xyz", "--frames", "5")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "mpack run: trajectory must end in .gsd; got 'run.xyz'\n"


def test_an_interrupted_run_says_what_it_did(capsys):
    with simulation.stoppable(["now"]):
        assert (
            main(["run", RULE, "--n", "40", "--phi", "1.2", "--dim", "2", "--steps", "1e9"]) == 130
        )
    assert int(facts(capsys.readouterr().out)["steps"]) < 10**9


def test_who_stops_a_sweep_hears_what_is_kept(tmp_path, monkeypatch, capsys):
    put = ensemble.Store.put

    def stopped(store, result):
        put(store, result)
        raise KeyboardInterrupt

    monkeypatch.setattr(ensemble.Store, "put", stopped)
    path = tmp_path / "s.sqlite"
    asked = ["sweep", RULE, *SMALL, "--steps", "10", "--repeats", "3", "--store", str(path)]
    assert main([*asked, "--quiet"]) == _command.INTERRUPTED
    said = f"mpack sweep: 1 of 3 runs kept in {path}; the same call does the others\n"
    assert capsys.readouterr().err == said
