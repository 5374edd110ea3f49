"""`make pyodide`: Python for the pages with a program, beside the built book: pinned, checked, and kept out of git.

Pyodide itself comes from npm, by npm. NumPy for it is in no package registry; it comes from the
host that Pyodide's authors publish on, and where that cannot be reached the pages do without: the
program in plain Python runs all the same, and a page asks its reader before it fetches NumPy.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from . import places, together
from .places import relative, say

VERSION = "314.0.7"
# Of Pyodide's package in npm; NumPy's is the one that its pyodide-lock.json names.
FILES = {
    "pyodide.mjs": (17_931, "6f1d60f7bf529beb300f0f47983c921d3982363640ba20af0e38efdddbc66109"),
    "pyodide.asm.mjs": (
        1_250_344,
        "f7cdc8ece80678ceb712f8e65ebe6d3a83203a180c399865f49612a051693635",
    ),
    "pyodide.asm.wasm": (
        9_598_218,
        "cc36e3cab04fdfc9a63ff13eb52eae2b911bf46c025cc7b281f394bd3de1d5e6",
    ),
    "python_stdlib.zip": (
        2_545_637,
        "fa1957e5777068fc4f7437f96d860ae2fbe9c19732ba06c84e004ec16dd7dd7a",
    ),
    "pyodide-lock.json": (
        119_077,
        "5dc2fc119108bc148c7457dc86e7675b5c87e1cafd420b9c34c1eaef7b36c010",
    ),
}
NUMPY = "numpy-2.4.6-cp314-cp314-pyemscripten_2026_0_wasm32.whl"
EXTRA = {
    NUMPY: (2_960_568, "a292c1f5d7d8a2208cd5e94fc467604c131cabcd2fc14fed6eefde121e7fabdf"),
}
HOST = "cdn.jsdelivr.net"
CORE_AT = f"https://{HOST}/npm/pyodide@{VERSION}/"  # the files of the package in npm
NUMPY_AT = f"https://{HOST}/pyodide/v{VERSION}/full/"
KEPT = places.BUILD / "pyodide"
MANIFEST = "pyodide.json"
PATIENCE = 60  # seconds without a byte


def fits(path, known):
    """Whether a file is the one that was pinned."""
    size, digest = known
    return path.is_file() and path.stat().st_size == size and places.sha256(path) == digest


def has(folder, files):
    """Whether a folder has all of these files, byte for byte."""
    return all(fits(folder / name, known) for name, known in files.items())


def take(content, name, known, folder):
    """Put a file into a folder, if it is the one that was pinned. Raises ValueError."""
    size, digest = known
    found = hashlib.sha256(content).hexdigest()
    if (len(content), found) != known:
        raise ValueError(
            f"{name} has {len(content)} bytes, SHA-256 {found}; {size}, {digest} wanted"
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def fetch_core(folder=KEPT):
    """Pyodide from npm. Raises SystemExit, in words."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm was not found (Debian: the package npm); it fetches Pyodide.")
    with tempfile.TemporaryDirectory() as place:
        command = [npm, "pack", "--silent", f"pyodide@{VERSION}", "--pack-destination", place]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        packed = next(Path(place).glob("*.tgz"), None)
        if done.returncode or packed is None:
            raise SystemExit(f"npm could not fetch pyodide {VERSION}:\n{done.stderr.strip()}")
        with tarfile.open(packed) as archive:
            for name, known in FILES.items():
                take(archive.extractfile(f"package/{name}").read(), name, known, folder)


def fetch_numpy(folder=KEPT, at=NUMPY_AT):
    """NumPy from where Pyodide's authors publish it; False, and a sentence, where that cannot be reached."""
    for name, known in EXTRA.items():
        try:
            with urllib.request.urlopen(f"{at}{name}", timeout=PATIENCE) as reply:
                take(reply.read(known[0] + 1), name, known, folder)
        except (OSError, urllib.error.URLError) as error:
            say(f"NumPy could not be fetched from {HOST} ({error}): the pages ask before they do.")
            return False
    return True


def place(folder, kept=KEPT):
    """Put what was fetched beside a page's scripts, with a list of what is there and where the rest is."""
    carried = None
    if has(kept, FILES):
        extra = EXTRA if has(kept, EXTRA) else {}
        carried = {"numpy": bool(extra)}
        (folder / "pyodide").mkdir(exist_ok=True)
        for name, known in (FILES | extra).items():
            if not fits(folder / "pyodide" / name, known):
                shutil.copyfile(kept / name, folder / "pyodide" / name)
    files = {
        name: {"bytes": size, "sha256": digest, **({"numpy": True} if name in EXTRA else {})}
        for name, (size, digest) in (FILES | EXTRA).items()
    }
    told = {"version": VERSION, "carried": carried, "files": files}
    told |= {"host": HOST, "python": CORE_AT, "numpy": NUMPY_AT}
    (folder / MANIFEST).write_text(json.dumps(told, indent=1) + "\n", encoding="utf8")
    return carried


def main():
    with together.alone():
        return fetch()


def fetch():
    """Get what is missing, and put it where the pages look for it."""
    if not has(KEPT, FILES):
        fetch_core()
    if not has(KEPT, EXTRA):
        fetch_numpy()
    size = sum(path.stat().st_size for path in KEPT.iterdir()) / 1e6
    say(f"Pyodide {VERSION} is in {relative(KEPT)}/ ({size:.1f} MB).")
    beside = places.HTML / "_static" / "mpack-program"
    if not beside.exists():
        say("`make book` will put it beside the pages.")
        return 0
    place(beside)
    say(f"It is in the built book, too: {relative(beside)}/. `make serve` shows it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
