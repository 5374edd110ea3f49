"""The README says what is there: its map of the tree is complete, and its example runs."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf8")
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


@pytest.mark.slow
def test_the_library_s_example_runs(tmp_path, monkeypatch):
    """All lines but the one that wants a cluster, with fewer steps and sizes."""
    code = README.partition("```python\n")[2].partition("```")[0]
    lines = [line for line in code.splitlines() if "client" not in line]
    code = "\n".join(lines).replace("steps=10_000, seed=range(4)", "steps=50, seed=range(1)")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code, names)
    run = names["run"]
    assert len(names["table"]) == 12 and (run.absorbed or run.steps == 15_000)
    assert (tmp_path / "end.gsd").exists() and (tmp_path / "runs.sqlite").exists()
