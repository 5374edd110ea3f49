"""Make a running Colab ready for the book's chapters, and upgrade nothing that it brings.

    !git clone --depth 1 REPOSITORY book-of-spheres
    %cd book-of-spheres/notebooks
    !python ../binder/colab.py

Every package that is installed keeps its version: they all are constraints of the one installation
that follows, so that pip adds what is missing or says why it cannot, and the library itself is
installed without dependencies. At the end both lists are compared.
"""

import importlib.metadata
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What chapters import beside the library's own requirements.
CHAPTERS = (
    "matplotlib",
    "anywidget",
    "pyyaml",
    "threadpoolctl",
    "filelock",
    "nbformat",
    "papermill",
)
CHAPTERS += ("pillow", "sympy", "scikit-learn", "markdown-it-py", "mdit-py-plugins")


def installed():
    """{name: version} of every distribution here."""
    return {
        re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower(): found.version
        for found in importlib.metadata.distributions()
        if found.metadata["Name"]
    }


def wanted():
    """Names that the library and the chapters need; which versions is for Colab to say."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    return [re.match(r"[\w.-]+", line)[0].lower() for line in project["dependencies"]] + [*CHAPTERS]


def pip(*words):
    """One call of pip; what it says is the progress that a reader sees."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *map(str, words)], check=True)


def main():
    """Install what is missing; the exit status is 1 if anything that was there is another version now."""
    before = installed()
    missing = [name for name in wanted() if name not in before]
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "as-they-are.txt"
        lines = (f"{name}=={version}\n" for name, version in before.items() if name != "mpack-sgd")
        constraints.write_text("".join(lines), encoding="utf8")
        if missing:
            pip("--only-binary", ":all:", "-c", constraints, *missing)
    pip("--no-deps", "-e", ROOT)
    after = installed()
    changed = {
        name: (version, after.get(name))
        for name, version in before.items()
        if after.get(name) != version and name != "mpack-sgd"
    }
    for name, (old, new) in changed.items():
        print(f"{name} was {old} and is {new or 'gone'}: this should not have happened")
    added = sorted(set(after) - set(before))
    print(f"Ready: {len(added)} packages added ({', '.join(added)}), {len(changed)} changed.")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
