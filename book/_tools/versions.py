"""`make versions`: the library's tests on the oldest and the newest packages that are allowed, on several Pythons.

    python -m book._tools.versions [--python 3.12 ...] [--side oldest|newest] [pytest arguments]

Each environment holds the built library without any extra, pytest, hypothesis, and freud where it
has a wheel; the tests are those modules in `tests/` that import neither the book nor an extra,
copied beside it, so that nothing of the tree can stand in for what was installed. All is made under
_build/versions/ and kept there; the last lines are a table.
"""

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from . import dist, places

FOLDER = places.BUILD / "versions"
PYTHONS = ("3.11", "3.12", "3.13")
RESOLUTION = {"oldest": "lowest-direct", "newest": "highest"}
EXTRAS = {"book", "benchmarks", "matplotlib", "IPython", "ipywidgets", "anywidget", "nbformat"}
EXTRAS |= {"papermill", "sklearn", "playwright", "yaml", "mpack.widgets", "mpack.figures"}
EXTRAS |= {"ase", "lammpsio"}
NEEDED_TO_TEST = ("pytest", "hypothesis", "freud-analysis")
TOLD = ("numpy", "numba", "scipy", "pandas", "gsd", "tqdm", "emcee")


def imported(path):
    """The dotted names that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def needs(path, folder):
    """All that a module imports, also through other modules in its folder: packages, and their modules."""
    found, waiting, seen = set(), [path], {path}
    while waiting:
        for name in imported(waiting.pop()):
            package, *rest = name.split(".")
            beside = folder / f"{package}.py"
            if beside.exists() and beside not in seen:
                waiting.append(beside)
                seen.add(beside)
            found |= {package, ".".join([package, *rest[:1]])}
    return found


def library_tests(folder=places.ROOT / "tests"):
    """The test modules that need the library alone, by what they import."""
    needed = {path: needs(path, folder) for path in sorted(folder.glob("test_*.py"))}
    return [path for path, names in needed.items() if "mpack" in names and not names & EXTRAS]


def interpreters(wanted):
    """{version: command} of the Pythons that are here and start: on PATH, or known to pyenv or uv."""
    homes = sorted((Path.home() / ".pyenv" / "versions").glob("*/bin"))
    found = {}
    for version in wanted:
        name = f"python{version}"
        for command in (shutil.which(name), *(str(home / name) for home in reversed(homes))):
            if command and os.path.exists(command) and _starts(command, version):
                found[version] = command
                break
    return found


def _starts(command, version):
    probe = "import sys; print('%d.%d' % sys.version_info[:2])"
    told = subprocess.run([command, "-c", probe], capture_output=True, text=True, check=False)
    return told.returncode == 0 and told.stdout.strip() == version


def requirements(side):
    """What is asked of the resolver: the library's own ranges, and what tests need."""
    project = tomllib.loads((places.ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    extra = {_name(line): line for line in project["optional-dependencies"]["test"]}
    asked = [*project["dependencies"], *(extra[name] for name in NEEDED_TO_TEST)]
    # pip has no resolution by the lowest versions: the floors themselves are pinned.
    pinned = [re.sub(r">=([^,]+).*", r"==\1", line) for line in asked]
    return asked, pinned if side == "oldest" else asked


def _name(requirement):
    return re.match(r"[\w.-]+", requirement)[0]


def _run(*command, **options):
    return subprocess.run([str(part) for part in command], check=False, **options)


def make(folder, command, side):
    """An environment of the library alone; False, with the resolver's words, where there is none."""
    shutil.rmtree(folder, ignore_errors=True)
    asked, for_pip = requirements(side)
    python = folder / "bin" / "python"
    built_from = folder.with_name(f"{folder.name}-source")
    shutil.rmtree(built_from, ignore_errors=True)
    dist.source(built_from)
    if shutil.which("uv"):
        install = ["uv", "pip", "install", "--quiet", "--python", python]
        steps = [
            ["uv", "venv", "--quiet", "--python", command, folder],
            [*install, "--only-binary", ":all:", "--resolution", RESOLUTION[side], *asked],
            [*install, "--no-deps", built_from],
        ]
    else:
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        steps = [
            [command, "-m", "venv", folder],
            [*install, "--only-binary", ":all:", *for_pip],
            [*install, "--no-deps", built_from],
        ]
    return all(_run(*step).returncode == 0 for step in steps)


def packages(folder):
    """The versions of what is told in the table."""
    probe = (
        "import importlib.metadata as m, sys; print(*(m.version(name) for name in sys.argv[1:]))"
    )
    done = _run(folder / "bin" / "python", "-c", probe, *TOLD, capture_output=True, text=True)
    return done.stdout.split()


def test(folder, tests, arguments):
    """Run the copied tests with the installed library; pytest's last line."""
    copy = folder / "tests"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for path in (places.ROOT / "tests").iterdir():
        if path in tests or (path.is_file() and not path.name.startswith("test_")):
            shutil.copy(path, copy)
    shutil.copytree(places.ROOT / "tests" / "odd_clock", copy / "odd_clock")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(FOLDER / "kernels" / folder.name)}
    environment.pop("PYTHONPATH", None)
    (copy / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    command = [folder / "bin" / "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    with open(folder / "log.txt", "w", encoding="utf8") as log:
        _run(*command, cwd=copy, env=environment, stdout=log, stderr=subprocess.STDOUT)
    lines = (folder / "log.txt").read_text(encoding="utf8").strip().splitlines()
    return lines[-1].strip("= ") if lines else "nothing was said"


def main(arguments):
    parser = argparse.ArgumentParser(prog="make versions")
    parser.add_argument("--python", action="append", choices=PYTHONS)
    parser.add_argument("--side", action="append", choices=tuple(RESOLUTION))
    chosen, rest = parser.parse_known_args(arguments)
    tests, rows = library_tests(), []
    for version, command in interpreters(chosen.python or PYTHONS).items():
        for side in chosen.side or RESOLUTION:
            folder = FOLDER / f"{version}-{side}"
            places.say(f"Python {version}, {side} packages ...")
            if make(folder, command, side):
                rows.append([version, side, *packages(folder), test(folder, tests, rest)])
            else:
                rows.append([version, side, *("-" for _ in TOLD), "no environment: see above"])
            places.say(f"  {rows[-1][-1]}")
    if not rows:
        places.say(f"None of Python {', '.join(PYTHONS)} was found.")
        return 1
    places.say(_table([["Python", "packages", *TOLD, f"{len(tests)} modules"], *rows]))
    return int(not all(re.match(r"\d+ passed", row[-1]) for row in rows))


def _table(rows):
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
