"""What several `make` in one tree, and the processes of one, have to do with each other.

Two at once would take each other's pages away, so that the second waits for the first; and what one
has started ends with it, so that nothing goes on writing after a kill.
"""

import contextlib
import importlib
import multiprocessing
import os
import sys
import threading
import time

from . import environment
from .places import ROOT

HELD = "MPACK_MAKE"  # names the tree whose lock a process that started this one has
PATIENCE = 0.5  # seconds between two looks at the parent


@contextlib.contextmanager
def alone():
    """Be the only one at work on `_build` of this tree until the block ends; wait for others before.

    Blocks may be nested, also across processes that are started in one.
    """
    if os.environ.get(HELD) == str(ROOT):
        yield
        return
    with environment.alone(environment.MAKE, environment.WAITING):
        os.environ[HELD] = str(ROOT)
        try:
            yield
        finally:
            del os.environ[HELD]


def end_with_parent():
    """End this process at once when the one that started it is gone; on Windows it goes on."""
    started_by = multiprocessing.parent_process()
    parent = started_by.pid if started_by else os.getppid()

    def watch():
        while os.getppid() == parent:
            time.sleep(PATIENCE)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":  # `main` of another module, alone: MODULE ARGUMENTS
    with alone():
        module = sys.argv.pop(1)
        sys.exit(importlib.import_module(module).main())
