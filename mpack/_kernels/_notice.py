"""A word to whoever waits for a kernel to be compiled: one line, to a terminal or a notebook and nowhere else.

MPACK_QUIET=1         says nothing there, either
"""

import contextlib
import math
import multiprocessing
import os
import sys
import threading
import time

PATIENCE = 1.5  # seconds of silence: what takes less needs no word
ENOUGH = 60.0  # seconds in which one word is enough
_SILENT = ("MPACK_QUIET", "CI", "PYTEST_CURRENT_TEST")  # environment variables


class Notice:
    """Told when a compilation begins and ends, it says so if that takes long and somebody looks on.

    Compilations may be nested: a kernel compiles those that it calls.
    """

    def __init__(self, say=None):
        self._say = _to_stderr if say is None else say
        self._lock, self._depth, self._timer = threading.Lock(), 0, None
        self._spoken = -math.inf

    def begin(self, kept):
        """A compilation begins; `kept` says if its result goes to disk."""
        with self._lock:
            self._depth += 1
            lately = time.monotonic() < self._spoken + ENOUGH
            if self._depth > 1 or lately or not somebody_looks_on():
                return
            self._timer = threading.Timer(PATIENCE, self._speak, [kept])
            self._timer.daemon = True
            self._timer.start()

    def end(self):
        """It has ended, well or not."""
        with self._lock:
            self._depth -= 1
            if self._depth == 0 and self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _speak(self, kept):
        self._spoken = time.monotonic()
        after = (
            "later starts find them on disk"
            if kept
            else "at every start: no folder for them can be written (NUMBA_CACHE_DIR names another)"
        )
        self._say(f"mpack compiles kernels for this machine, which can take half a minute; {after}")


def somebody_looks_on():
    """True in a terminal or a notebook, False in a worker process, a test, a log."""
    if any(os.environ.get(name, "0") not in ("", "0") for name in _SILENT):
        return False
    if multiprocessing.parent_process() is not None:
        return False
    try:
        if sys.stderr.isatty():
            return True
    except (AttributeError, ValueError):  # none at all, or closed
        return False
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


def _to_stderr(line):
    with contextlib.suppress(AttributeError, ValueError, OSError):  # nobody looks on any more
        print(line, file=sys.stderr, flush=True)
