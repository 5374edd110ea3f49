"""`make pins`: requirements*.txt, every package pinned with the hashes of its files, from the lists of direct ones.

    python -m book._tools.pins [--keep]

Each list in `book/_tools/requirements*.in` becomes the file of its name at the top of the tree. What
an environment adds to the book's (live, bench, torch) is resolved together with it, and only what
is not there already is written. uv and pip then take no file whose hash is another. With --keep
versions that are pinned stay, and only what changed in the lists is resolved anew.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .places import ROOT, relative, say

LISTS = ROOT / "book" / "_tools"
BASE = "requirements"
PYTHON = "3.11"
COMPILE = ("uv", "pip", "compile", "--quiet", "--universal", "--python-version", PYTHON)
COMPILE += ("--only-binary", ":all:", "--no-header", "--no-annotate", "--generate-hashes")


def entries(text):
    """{first line: whole entry} of a list of pins: a requirement, and the hashes of its files below it."""
    found = re.findall(r"^(?![\s#])(.+?)[ \\]*\n((?:[ \t]+.*\n)*)", text, re.MULTILINE)
    return {first: f"{first} \\\n{rest}" if rest else f"{first}\n" for first, rest in found}


def compiled(lists, kept):
    """What uv makes of lists of direct packages, as `entries` has it."""
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "kept.txt"
        constraints.write_text("\n".join(kept), encoding="utf8")
        command = [*COMPILE, "-c", str(constraints), *map(str, lists)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return entries(done.stdout)


def written(path, source, pins):
    """Write a file of pins: what it is for, as its list says, where it is from, and the pins."""
    lines = source.read_text(encoding="utf8").splitlines()
    intent = next(n for n, line in enumerate(lines) if not line.startswith("#"))
    head = [*lines[:intent], f"# Made by `make pins` from {relative(source)}; edit that list."]
    path.write_text("\n".join(head) + "\n" + "".join(pins), encoding="utf8")
    say(f"Wrote {path.name}: {len(pins)} pins.")


def main(arguments):
    """Renew all files; the exit status."""
    if not shutil.which("uv"):
        raise SystemExit("`make pins` needs uv: pip install uv")
    base = LISTS / f"{BASE}.in"
    kept = ()
    if "--keep" in arguments:
        kept = [*entries((ROOT / f"{BASE}.txt").read_text(encoding="utf8"))]
    pins = compiled([base], kept)
    written(ROOT / f"{BASE}.txt", base, [*pins.values()])
    for more in sorted(LISTS.glob(f"{BASE}-*.in")):
        path = ROOT / more.with_suffix(".txt").name
        known = entries(path.read_text(encoding="utf8")) if path.exists() and kept else {}
        # The book's own versions are no question here: with other ones it would be another book.
        every = compiled([base, more], [*pins, *known])
        written(path, more, [entry for first, entry in every.items() if first not in pins])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
