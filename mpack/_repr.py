"""Results in one line each: numbers as they are, arrays by their shape."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

FEW = 4  # entries of an array that are told one by one


def short_repr(result: Any) -> str:
    """`repr` of a dataclass whose arrays may be long: `Gaps(h=<(600,) float64>, ...)`."""
    told = (
        f"{field.name}={_told(getattr(result, field.name))}"
        for field in dataclasses.fields(result)
        if field.repr
    )
    return f"{type(result).__name__}({', '.join(told)})"


def _told(value):
    if isinstance(value, np.ndarray) and (value.size > FEW or value.ndim > 1):
        return f"<{value.shape} {value.dtype}>"
    if isinstance(value, np.ndarray):
        return f"[{', '.join(_told(entry) for entry in value.tolist())}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name!r}: {_told(entry)}' for name, entry in value.items())}}}"
    if isinstance(value, (list, tuple)) and len(value) > FEW:
        return f"<{len(value)} entries>"
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    return repr(value)
