"""Labels of classes at the door."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def labelled(name: str, value: Any, count: int) -> tuple[NDArray, NDArray]:
    """(labels (count,), the different ones in order) of labels that are numbers or text."""
    try:
        labels = np.asarray(value)
        kinds = np.unique(labels)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be an array of labels of one kind; {error}") from None
    if labels.shape != (count,):
        raise ValueError(f"{name} must be {count} labels, one a row; got shape {labels.shape}")
    if labels.dtype.kind not in "biufSU" or (labels.dtype.kind == "f" and np.isnan(labels).any()):
        raise TypeError(f"{name} must be numbers or text; got {labels.dtype}")
    return labels, kinds
