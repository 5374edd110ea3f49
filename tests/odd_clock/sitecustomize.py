"""A clock that begins in 1970 and jumps back by a day time and again, for programs started with this on their path.

Only the time of day goes astray: no system promises more than that `time.monotonic` does not.
"""

import itertools
import time

_looks, _begin = itertools.count(), time.monotonic()


def _now():
    return 5e5 + time.monotonic() - _begin - 86400.0 * (next(_looks) // 4 % 3)


time.time = _now
time.time_ns = lambda: int(_now() * 1e9)
_localtime, _gmtime = time.localtime, time.gmtime
time.localtime = lambda seconds=None: _localtime(_now() if seconds is None else seconds)
time.gmtime = lambda seconds=None: _gmtime(_now() if seconds is None else seconds)
