"""What the tests of the book share: the chapters, the built pages, and what to do when there are none."""

import os
from pathlib import Path

import pytest

from book._tools import places

ROOT = places.ROOT
HTML = places.HTML
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def require_book():
    """Skip (or fail, under `make test`) unless a finished book lies in _build/html."""
    if not places.COMPLETE.exists():
        sentence = "there is no finished book in _build/html: run `make book`"
        pytest.fail(sentence) if os.environ.get("MPACK_REQUIRE_BOOK") else pytest.skip(sentence)


def pages():
    """Names of the pages that the table of contents lists, from the folder of the book."""
    names = places.pages()
    return [f"{Path(name).as_posix()}.html" for name in names]
