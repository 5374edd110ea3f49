"""Packages that only some installations have: a sentence for those that lack them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def from_extra(extra: str, what: str) -> Iterator[None]:
    """Around an import: where a package of the extra is missing, say what needs it and how to get it."""
    try:
        yield
    except ModuleNotFoundError as missing:
        name = (missing.name or "").partition(".")[0]
        if name == __name__.partition(".")[0]:  # our own: a broken installation
            raise
        raise ModuleNotFoundError(
            f"{what} needs the package {name}, which a plain installation has not; "
            f"pip install 'mpack-sgd[{extra}]' brings it, in the tree pip install -e '.[{extra}]' "
            f"({missing})",
            name=missing.name,
            path=missing.path,
        ) from None
