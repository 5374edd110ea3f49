"""Make a virtual environment from pinned lists, or find that it is already there.

    python3 environment.py DIRECTORY LIST [LIST ...]
    python3 environment.py --clean

Runs on the machine's own Python with nothing but the standard library. A stamp inside the
environment is written last, and says which lists, which Python and which place it was made for; an
environment whose stamp is missing or says something else (half-made, outdated, moved) is made anew
from nothing. When the stamp fits, no network is used and nothing is changed. With --clean what was
built is removed, once no `make` is at work on it.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STAMP = "made-for.txt"
OLDEST = (3, 11)
MAKE = ROOT / "_build" / "make.lock"  # whoever works on what is built holds it
WAITING = "Another `make` is at work in this tree: waiting until it is done ..."


def interpreter(folder):
    """The path of the environment's Python."""
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def purpose(folder, lists):
    """What the stamp has to say: the lists, the place, the Python."""
    digest = hashlib.sha256()
    for name in lists:
        digest.update(name.read_bytes())
    return (
        f"{digest.hexdigest()}\n{folder.resolve()}\n{sys.version_info[0]}.{sys.version_info[1]}\n"
    )


def is_ready(folder, wanted):
    """True if the environment is complete, was made for `wanted`, and its Python still starts."""
    try:
        if (folder / STAMP).read_text() != wanted:
            return False
        probe = (
            "import sys; from importlib.util import find_spec as find; "
            "sys.exit(not (find('mpack') and find('book')))"
        )
        return (
            subprocess.run(
                [str(interpreter(folder)), "-c", probe],
                capture_output=True,
                cwd=str(folder),
                check=False,
            ).returncode
            == 0
        )
    except OSError:
        return False


def run(*command):
    """Run one step; its output is the progress the user sees."""
    done = subprocess.run([str(part) for part in command], cwd=str(ROOT), check=False)
    if done.returncode:
        raise SystemExit(f"setting up failed at: {' '.join(str(part) for part in command)}")


def make_with_uv(folder, lists):
    """uv: seconds rather than a minute; compiled at once, since that halves every kernel's start."""
    run("uv", "venv", "--quiet", "--python", sys.executable, folder)
    install = ["uv", "pip", "install", "--python", interpreter(folder)]
    for name in lists:
        install += ["-r", name]
    run(*install, "--only-binary", ":all:", "--compile-bytecode")
    run(*install[:3], "--quiet", *install[3:5], "--no-deps", "--no-build-isolation", "-e", ".")


def make_with_pip(folder, lists):
    """The standard library's way."""
    try:
        import ensurepip  # noqa: F401  (Debian ships it apart)
    except ImportError:
        raise SystemExit(
            "This Python has no ensurepip: install the package python3-venv, or uv."
        ) from None
    run(sys.executable, "-m", "venv", folder)
    install = [interpreter(folder), "-m", "pip", "install", "--disable-pip-version-check"]
    lines = [word for name in lists for word in ("-r", name)]
    run(*install, *lines, "--only-binary", ":all:", "--progress-bar", "off", "--no-compile")
    # On all cores, which pip would not; a file for another version of Python fails, and nobody imports it.
    compiled = [interpreter(folder), "-m", "compileall", "-qq", "-j", "0", folder / "lib"]
    subprocess.run([str(part) for part in compiled], stdout=subprocess.DEVNULL, check=False)
    run(*install, "--quiet", "--no-deps", "--no-build-isolation", "-e", ".")


def put_tree_on_path(folder):
    """Let the environment's Python find the book's own machinery, from whatever folder it is started in."""
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    asked = [str(interpreter(folder)), "-c", where]
    site = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    (Path(site) / "book-of-this-tree.pth").write_text(f"{ROOT}\n", encoding="utf8")


@contextlib.contextmanager
def alone(lock, waiting=None):
    """Hold the lock on this file, with its folder; a second one waits, and says `waiting` first.

    A process loses it with its life, however it ends. Whoever had it may have removed the file: then
    it was the lock on nothing, and the one of that name is asked for anew.
    """
    with contextlib.ExitStack() as stack:
        while True:
            lock.parent.mkdir(parents=True, exist_ok=True)
            handle = stack.enter_context(open(lock, "a"))
            try:
                import fcntl
            except ImportError:  # on Windows nobody waits
                break
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waiting:
                    print(waiting, flush=True)
                    waiting = None
                fcntl.flock(handle, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle.fileno()), os.stat(lock)):
                    break
        yield


def main(arguments):
    if sys.version_info < OLDEST:
        raise SystemExit(
            f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; this is {sys.version.split()[0]}."
        )
    if arguments == ["--clean"]:
        with alone(MAKE, WAITING):
            for name in ("_build", ".pytest_cache", ".hypothesis"):
                shutil.rmtree(ROOT / name, ignore_errors=True)
        return
    folder, lists = ROOT / arguments[0], [ROOT / name for name in arguments[1:]]
    with alone(ROOT / "_build" / f"{folder.name.lstrip('.')}.lock"):
        wanted = purpose(folder, lists)
        if is_ready(folder, wanted):
            return
        fast = shutil.which("uv") is not None and not os.environ.get("MPACK_NO_UV")
        print(
            f"Setting up {folder.name} with {'uv' if fast else 'pip'} from "
            f"{' and '.join(name.name for name in lists)} ...",
            flush=True,
        )
        shutil.rmtree(folder, ignore_errors=True)
        (make_with_uv if fast else make_with_pip)(folder, lists)
        put_tree_on_path(folder)
        (folder / STAMP).write_text(wanted)
        print(f"Made {folder.name} (Python {sys.version.split()[0]}).", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
