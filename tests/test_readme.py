"""The README says what is there: its map of the tree is complete, and its example runs."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import pytest

import mpack
from mpack import _command

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf8")
EXAMPLES = [part.partition("```")[0] for part in README.split("```python\n")[1:]]
MAP = README.partition("## The tree in ten minutes")[2].partition("\n## ")[0]
TABLE = "\n".join(line for line in MAP.splitlines() if line.startswith("|"))
NAMED = [name for name in re.findall(r"`([\w./-]+)`", TABLE) if name != "make"]
UNSAID = {"README.md", "LICENSE", "CITATION.cff", ".gitignore", ".git-blame-ignore-revs"}
UNSAID |= {".pre-commit-config.yaml"}


def tracked(pattern=""):
    """Files of the tree that git knows, or all files where there is no git."""
    try:
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern or "."]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the list of files comes from git")
    return done.stdout.splitlines()


def exists(name):
    """Whether a name in the map is a path of the tree, or a module or page of a folder the map speaks of."""
    return any(
        (folder / name).exists() for folder in (ROOT, *(ROOT / top for top in ("mpack", "book")))
    )


@pytest.mark.parametrize("name", sorted(set(NAMED)))
def test_what_the_map_names_is_there(name):
    if name in ("ADDING.md",):
        assert (ROOT / "mpack" / "widgets" / name).exists()
    else:
        assert exists(name)


def test_the_map_names_every_folder_file_and_module():
    top = {path.partition("/")[0] for path in tracked()}
    said = {name.strip("/").partition("/")[0] for name in NAMED}
    assert top - UNSAID - said == set()
    for package in ("mpack", "book"):
        modules = {path.split("/")[1] for path in tracked(package) if path.endswith(".py")}
        public = {name for name in modules if not name.startswith("_")}
        assert {
            name for name in public if name not in {n.strip("/") for n in NAMED} | parts(package)
        } == set()


def parts(package):
    """Folders of a package that the map names by their path: `book/demos/`."""
    return {
        name.strip("/").split("/")[1]
        for name in NAMED
        if name.startswith(f"{package}/") and name.count("/") > 1
    }


def test_the_list_of_extras_is_the_project_s():
    (line,) = re.findall("^Extras, by .*", README, re.MULTILINE)
    named = re.findall(r"`(\w+)`", line)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    assert sorted(named) == sorted(extras["optional-dependencies"])


@pytest.mark.slow
def test_the_library_s_example_runs(tmp_path, monkeypatch):
    """All lines but the one that wants a cluster, with fewer steps and sizes."""
    lines = [line for line in EXAMPLES[0].splitlines() if "client" not in line]
    code = "\n".join(lines).replace("steps=10_000, seed=range(4)", "steps=50, seed=range(1)")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code, names)
    run = names["run"]
    assert len(names["table"]) == 12 and (run.absorbed or run.steps == 15_000)
    assert (tmp_path / "end.gsd").exists() and (tmp_path / "runs.sqlite").exists()


def test_the_example_of_other_programs_files_runs(tmp_path, monkeypatch):
    """Each line reads a small file of its kind; the comments are true of it."""
    import gsd.hoomd
    import pandas

    import mpack

    code = next(block for block in EXAMPLES if "hoomd.gsd" in block)
    frame = gsd.hoomd.Frame()
    frame.configuration.box = [9, 9, 9, 0, 0, 0]
    frame.particles.N, frame.particles.position = 2, [[-2, 0, 0], [2, 1, 0]]
    frame.particles.types, frame.particles.typeid = ["A", "B"], [0, 1]
    with gsd.hoomd.open(tmp_path / "types.gsd", "w") as file:
        file.append(frame)
    spheres = [{"type": "Sphere", "diameter": diameter} for diameter in (2.0, 3.0)]
    frame.particles.type_shapes = spheres
    with gsd.hoomd.open(tmp_path / "hoomd.gsd", "w") as file:
        file.append(frame)
    (tmp_path / "glass.xyz").write_text("2\n\nA 1 2 3\nB 4 5 7\n")
    (tmp_path / "dump.spheres").write_text(
        "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n"
        "0 9\n0 9\n0 9\nITEM: ATOMS id type x y z radius\n1 1 1 2 3 0.5\n2 1 4 5 7 0.7\n"
    )
    (tmp_path / "tracks.csv").write_text("frame,x,y,diameter\n0,100.5,30,40\n0,512,77,60\n")
    monkeypatch.chdir(tmp_path)
    read, names = [], {"mpack": mpack, "pandas": pandas}
    for line in code.strip().splitlines():
        exec(line, names)
        read.append(names["p"])
    ratios = [float(p.diameters[0] / p.diameters[1]) for p in read]
    assert ratios == pytest.approx([2 / 3, 1 / 1.4, 1 / 0.88, 0.5 / 0.7, 2 / 3])
    assert [p.dim for p in read] == [3, 3, 3, 3, 2]


@pytest.mark.slow
def test_the_movie_s_example_runs(tmp_path, monkeypatch):
    """With fewer spheres and frames, and without the lines for OVITO, which needs a graphics driver."""
    pytest.importorskip("freud")
    code = next(block for block in EXAMPLES if "render_anim" in block)
    code = code.replace("n=2000", "n=200").replace("steps=2000", "steps=100")
    lines = [line for line in code.splitlines() if not re.match(r"(from ovito|io|vis)\b", line)]
    assert len(code.splitlines()) - len(lines) == 3
    assert len([line for line in code.splitlines() if line]) == 10
    monkeypatch.chdir(tmp_path)
    names = {}
    exec("\n".join(lines), names)
    assert len(mpack.frames("run.gsd")) == 6 and names["s"].S_k.shape == (100,)
    whole = mpack.structure_factor(mpack.frames("run.gsd")[-1], q_max=15.0)
    assert np.nanmean(names["s"].S_k) == pytest.approx(np.nanmean(whole.shell_s), rel=0.3)


def test_the_commands_of_a_shell_are_understood():
    lines = README.partition("The same from a shell")[2].partition("```")[2].partition("```")[0]
    commands = [line for line in lines.splitlines() if line]
    assert len(commands) == 5
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "mpack"
        _command.parser().parse_args(arguments)
