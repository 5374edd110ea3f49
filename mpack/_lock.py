"""One writer of a file at a time: SQLite's lock, which stores have on themselves, on an empty file beside it.

A process loses the lock with its life, however it ends; processes on other machines see it where
their file system has locks.
"""

import contextlib
import hashlib
import os
import sqlite3
from pathlib import Path

_ours: dict = {}  # locks that this process has: see `only_writer`


class Taken(Exception):
    """Another writer, in this process or another one, has the file."""


@contextlib.contextmanager
def only_writer(path):
    """Hold the file of this name, which need not be there, until the block ends.

    Links lead to the same lock. What a killed writer leaves is an empty file, `path` with .lock at
    its end, which the next writer takes over and removes.

    Raises
    ------
    Taken
        At once, if another writer holds it.
    sqlite3.Error, OSError
        If it cannot be locked, as in a folder in which nothing may be made.
    """
    lock = _beside(Path(os.path.realpath(path)))
    # POSIX takes all locks of a process on a file from it as soon as it closes the file once:
    # where this process has the lock, its file is not opened.
    name, own = (os.getpid(), lock), object()
    if _ours.setdefault(name, own) is not own:
        raise Taken
    try:
        with _held(lock) as held:
            try:
                yield
            finally:
                if os.name == "nt":
                    held.close()  # there a file that is open cannot be removed
                with contextlib.suppress(OSError):
                    lock.unlink()
    finally:
        del _ours[name]


def in_use(error):
    """Whether an error of SQLite says that another one has the lock."""
    return "locked" in str(error) or "busy" in str(error)


def _beside(path):
    name = path.name
    if len(os.fsencode(name)) > 250:  # no room for an ending
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return path.with_name(f"{name}.lock")


def _held(lock):
    """What has the lock as long as it is open: an exit stack.

    The writer before may have removed the file just after it was opened here, and yet another one
    may have made it anew: then again. While `file` is open, no other file has its number.
    """
    while True:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(open(lock, "ab"))
            ask = sqlite3.connect(lock, timeout=0, isolation_level=None, check_same_thread=False)
            stack.callback(ask.close)
            failure = None
            try:
                ask.execute("BEGIN EXCLUSIVE")
            except sqlite3.Error as error:
                failure = error
            if not _leads_to(lock, file):
                continue
            if failure is None:
                return stack.pop_all()
            raise Taken() if in_use(failure) else failure


def _leads_to(path, file):
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
