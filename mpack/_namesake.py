"""The other distribution that is imported as `mpack`, a binding of libmpack: what who has both is told.

Both are installed into one folder, where each overwrites files of the other. Which of the two
`__init__.py` is left depends on which came last, so each order has a place that notices: ours looks
for a file of theirs (`asyncio.py`), and theirs imports `mpack._mpack`, which is ours to find first.
"""

from __future__ import annotations

import warnings
from pathlib import Path


def sentence() -> str:
    """What is the matter, and how to get out of it."""
    return (
        "two distributions are imported as mpack, and both came to this folder: mpack-sgd (spheres "
        "and stochastic gradient descent) and mpack (a binding of libmpack); each overwrites "
        f"files of the other, in {Path(__file__).parent}. Keep them in two environments; here, "
        "`pip uninstall mpack`, then `pip install --force-reinstall --no-deps mpack-sgd` makes "
        "mpack-sgd whole"
    )


def warn() -> None:
    """Say so, once a process."""
    warnings.warn(sentence(), UserWarning, stacklevel=2)
