"""An IPython extension that notes which files of the tree a running chapter depended on, and its peak memory.

Loaded into the kernel by `execute`, before the first cell and without a trace in the notebook. What
counts:

* every module of the tree that was imported (mpack; `sys.modules` at the end of each cell, each path
  once);
* every file of the tree opened for reading, listed folders and SQLite databases included, as Python's
  audit events report them. A file that was looked for and is missing counts as well: it may turn
  up later.

What does not count: a module of the library that was read but not imported (the kernels' cache
hashes all).
"""

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WATCHED = "MPACK_WATCH"  # names the file to write
NOT_SOURCES = {"__pycache__", "_build", ".git", ".ipynb_checkpoints"}


def source(path):
    """`path` from the root of the tree, or None if it is not a source there."""
    try:
        path = Path(os.path.abspath(os.fspath(path)))
    except (TypeError, ValueError):
        return None
    if isinstance(path, bytes) or not path.is_relative_to(ROOT):
        return None
    parts = path.relative_to(ROOT).parts
    if NOT_SOURCES & set(parts) or any(part.startswith(".venv") for part in parts):
        return None
    return "/".join(parts)


class Watch:
    """Collects names of files; `write` leaves them, sorted, with the memory that it took, as JSON."""

    def __init__(self, target):
        self.target = Path(target)
        self.seen, self.looked_at = set(), set()  # sources; paths of modules, sources or not

    def audit(self, event, arguments):
        """The interpreter's audit hook: it must be quick and must never raise."""
        if event in ("open", "sqlite3.connect", "os.listdir", "os.scandir"):
            if event == "open" and _writes(arguments):
                return
            name = arguments[0]
            name = os.fsdecode(name) if isinstance(name, bytes) else name
            if isinstance(name, (str, os.PathLike)):
                found = source(name)
                if found is not None and not _library_at_work(event, found):
                    self.seen.add(found)

    def write(self, *_):
        """Called after every cell, so that nothing is lost however the kernel ends."""
        modules = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
        fresh, self.looked_at = modules - self.looked_at, self.looked_at | modules
        self.seen |= {found for path in fresh if path and (found := source(path))}
        noted = {"files": sorted(self.seen), "peak memory": peak_memory()}
        self.target.write_text(json.dumps(noted), encoding="utf8")


def peak_memory():
    """The most memory that this process has held so far, in bytes; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def _library_at_work(event, name):
    """True if the import system lists a folder, or the library reads a module of its own as text."""
    listed = event.startswith("os.") and not name.startswith("book/")
    return listed or (name.startswith("mpack/") and name.endswith(".py"))


def _writes(arguments):
    """True if an `open` event is for writing only."""
    mode = arguments[1] if len(arguments) > 1 else None
    return isinstance(mode, str) and "r" not in mode and "+" not in mode


def load_ipython_extension(shell):
    """IPython calls this in the kernel."""
    target = os.environ.get(WATCHED)
    if target:
        watch = Watch(target)
        sys.addaudithook(watch.audit)
        shell.events.register("post_run_cell", watch.write)
        watch.write()
