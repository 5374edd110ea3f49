"""What a program may meet: a full disk, a tree that is read-only, no home, text that is ASCII, a clock gone astray."""

import contextlib
import os
import signal
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent
UNSET = ("HOME", "LANG", "LANGUAGE", "LC_CTYPE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPACK_MAKE")
MAY_WRITE_ANYWHERE = (
    1  # Linux's number of the capability CAP_DAC_OVERRIDE, of the call PR_CAPBSET_DROP,
)
DROP, CAPABILITIES = 24, 0x20080522  # and of the form in which capabilities are told


def environment(**more):
    """Without a home, with ASCII for text, and with `odd_clock`: 1970, and going back time and again."""
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    ascii_text = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    return {**kept, **ascii_text, "PYTHONPATH": str(TESTS / "odd_clock"), **more}


def room_for(size):
    """What a child does before it begins, so that no file of its grows beyond `size` bytes."""

    def limit():
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@contextlib.contextmanager
def read_only(*folders):
    """Folders in which nothing may be made; gives what a child of root has to do to heed that."""

    def as_anyone():
        if os.geteuid() == 0 and sys.platform == "linux":
            import ctypes

            system = ctypes.CDLL(None)
            system.prctl(DROP, MAY_WRITE_ANYWHERE, 0, 0, 0)  # of what the child may yet start
            head, own = (ctypes.c_uint32 * 2)(CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
            assert system.capget(head, own) == 0
            own[0] &= ~(1 << MAY_WRITE_ANYWHERE)  # of those in effect
            assert system.capset(head, own) == 0

    modes = {folder: folder.stat().st_mode for folder in folders}
    try:
        for folder in folders:
            folder.chmod(0o555)
        yield as_anyone
    finally:
        for folder, mode in modes.items():
            folder.chmod(mode)
