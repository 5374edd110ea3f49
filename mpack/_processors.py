"""How many processors this process may use: by affinity, and by the quota of its control group."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_GROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def allowed_processors() -> int:
    """At least 1."""
    return max(1, min([_by_affinity(), *_quotas()]))


def _by_affinity():
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas() -> Iterator[int]:
    """What the control group of this process, and each around it, may spend: processors, rounded up."""
    for folder in _folders():
        quota, period = _numbers(folder / "cpu.max")  # version 2
        if quota is None:
            quota, period = (
                _numbers(folder / f"cpu.cfs_{name}_us")[0] for name in ("quota", "period")
            )
        if quota and period and quota > 0:
            yield math.ceil(quota / period)


def _folders():
    """The folders of the groups, from the innermost out; in a container, its own is the root of what it sees."""
    try:
        lines = _OWN.read_text(encoding="utf8").splitlines()
    except (OSError, UnicodeError):
        return
    for line in lines:
        _, controllers, path = (line.split(":", 2) + ["", "", ""])[:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = _GROUPS / controllers if controllers else _GROUPS
        for part in [PurePosixPath(path), *PurePosixPath(path).parents]:
            yield root / part.relative_to(part.anchor)


def _numbers(path):
    """The one or two numbers in a file; None for what is none ("max") or not there."""
    try:
        words = path.read_text(encoding="utf8").split()
    except (OSError, UnicodeError):
        words = []
    numbers = [int(word) if word.lstrip("-").isdigit() else None for word in words]
    return (numbers + [None, None])[:2]
