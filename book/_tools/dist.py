"""`make dist`: wheel and sdist in `_build/dist`, the same bytes each time, tried where nothing else is.

    python -m book._tools.dist [--quick]

Both are built from the files that git knows, dated with the last commit (SOURCE_DATE_EPOCH, if it
is set, goes before): twice, and the wheel a third time from the sdist, and all have to be equal.
Then the metadata are checked, and the wheel is installed with its pinned requirements into an
environment of its own, where a run has to end with the digest that it has here (--quick leaves
that out: it needs a registry). `SHA256SUMS` beside them is what a release states.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

from packaging.metadata import Metadata

from . import environment, places, together
from .pins import entries
from .places import ROOT, say

FOLDER = places.BUILD / "dist"
SUMS = "SHA256SUMS"
MADE = ("_build", "_archive", ".git/", ".venv")  # in no copy
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "mpack")
RUN = """
import mpack
assert mpack.__file__.startswith({home!r}), mpack.__file__
packing = mpack.Packing.random(n=100, phi=0.62, dim=3, seed=1)
print(mpack.simulate(packing, mpack.PairwiseBRO(eps=0.01), steps=20, seed=2).digest)
"""


def date():
    """SOURCE_DATE_EPOCH: that of the environment, of the last commit, or, without git, of today."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return os.environ["SOURCE_DATE_EPOCH"]
    told = _git("log", "-1", "--format=%ct")
    return told.strip() or str(int(time.time()) // 86400 * 86400)


def _git(*arguments):
    try:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def source(folder, what=BUILT_FROM):
    """A copy of what is built from, or of other parts: files that git knows, or, without git, all but caches."""
    names = [name for name in _git("ls-files", "-z", "--", *what).split("\0") if name]
    if not names:
        paths = [p for top in what for p in (ROOT / top, *(ROOT / top).rglob("*"))]
        names = [places.relative(p) for p in paths if p.suffix != ".pyc"]
        names = [name for name in names if not name.startswith(MADE)]
    for name in (name for name in names if (ROOT / name).is_file()):  # git knows what is deleted
        target = Path(folder) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    return Path(folder)


def build(tree, folder, kinds=("sdist", "wheel")):
    """Build from a tree into a folder; the paths of what was made."""
    made = []
    with dated(date()), contextlib.chdir(tree):
        from flit_core import buildapi

        for kind in kinds:
            made.append(Path(folder) / getattr(buildapi, f"build_{kind}")(str(folder)))
    return made


@contextlib.contextmanager
def dated(epoch):
    """SOURCE_DATE_EPOCH for a while."""
    before = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = epoch
    try:
        yield
    finally:
        del os.environ["SOURCE_DATE_EPOCH"]
        if before is not None:
            os.environ["SOURCE_DATE_EPOCH"] = before


def twice(folder):
    """Build sdist and wheel into a folder, and again elsewhere; ValueError unless all bytes are equal."""
    with tempfile.TemporaryDirectory() as there:
        one, two, three, unpacked = (Path(there) / name for name in "1234")
        for place in (one, two, three, unpacked):
            place.mkdir()
        (one / "deeper").mkdir()  # nothing of a build depends on where it is done, or on a umask
        sdist, wheel = build(source(one / "deeper"), folder)
        before = os.umask(0o077)
        try:
            again = build(source(two), three)
        finally:
            os.umask(before)
        with tarfile.open(sdist) as archive:
            archive.extractall(unpacked, filter="data")
        (inside,) = unpacked.iterdir()
        from_sdist = build(inside, unpacked, ("wheel",))
        for first, second in zip((sdist, wheel, wheel), (*again, *from_sdist), strict=True):
            if first.read_bytes() != second.read_bytes():
                raise ValueError(f"{first.name} has other bytes when it is built again")
    return sdist, wheel


def checked(sdist, wheel):
    """The metadata of both, as a registry would read them; an exception group where they are wrong."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [one for one in archive.namelist() if one.endswith(".dist-info/METADATA")]
        in_wheel = archive.read(name)
        broken = archive.testzip()
    if broken:
        raise ValueError(f"{wheel.name}: {broken} is damaged")
    with tarfile.open(sdist) as archive:
        inside = sdist.name.removesuffix(".tar.gz")
        in_sdist = archive.extractfile(f"{inside}/PKG-INFO").read()
    of_wheel, of_sdist = (Metadata.from_email(one, validate=True) for one in (in_wheel, in_sdist))
    if (of_wheel.name, of_wheel.version) != (of_sdist.name, of_sdist.version):
        raise ValueError(f"{wheel.name} and {sdist.name} have names or versions of their own")
    return of_wheel


def installed(wheel, folder):
    """Install the wheel with pinned requirements into an environment made for it; the digest of a run."""
    shutil.rmtree(folder, ignore_errors=True)
    pins = folder.with_suffix(".txt")
    pins.write_text("".join(constraints()), encoding="utf8")
    python = environment.interpreter(folder)
    if shutil.which("uv"):
        _step("uv", "venv", "--quiet", "--python", sys.executable, folder)
        install = ("uv", "pip", "install", "--quiet", "--python", python)
    else:
        _step(sys.executable, "-m", "venv", folder)
        install = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _step(*install, "--only-binary", ":all:", "-c", pins, wheel)
    with tempfile.TemporaryDirectory() as empty:
        code = RUN.format(home=str(folder))
        told = _step(python, "-I", "-c", code, cwd=empty, capture_output=True, text=True)
        version = _step(python.with_name("mpack"), "--version", cwd=empty, capture_output=True)
        say(f"  {version.stdout.decode().strip()}, from an empty folder")
    return told.stdout.strip()


def constraints():
    """The lines of requirements.txt as constraints: without hashes, which those may not have."""
    return [f"{line}\n" for line in entries((ROOT / "requirements.txt").read_text(encoding="utf8"))]


def _step(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, **options)


def sums(paths):
    """Lines as `sha256sum --check` reads them."""
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in paths)
    return "".join(lines)


def main(arguments):
    """Build, compare, check, install; the exit status."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    if _git("status", "--porcelain", "--", *BUILT_FROM):
        say("The tree has changes that are not committed; what is built has them, too.")
    made = twice(FOLDER)
    about = checked(*made)
    say(f"Built {about.name} {about.version} twice, with equal bytes:")
    if "--quick" not in arguments:
        import mpack

        packing = mpack.Packing.random(n=100, phi=0.62, dim=3, seed=1)
        here = mpack.simulate(packing, mpack.PairwiseBRO(eps=0.01), steps=20, seed=2).digest
        if installed(made[1], FOLDER / "environment") != here:
            say("  WRONG: the installed library has another digest than the tree")
            return 1
        shutil.rmtree(FOLDER / "environment")
        (FOLDER / "environment.txt").unlink()
    (FOLDER / SUMS).write_text(sums(made), encoding="utf8")
    for line in sums(made).splitlines():
        say(f"  {line}")
    say(f"They are in {places.relative(FOLDER)}/, with {SUMS}.")
    return 0


if __name__ == "__main__":
    with together.alone():
        sys.exit(main(sys.argv[1:]))
