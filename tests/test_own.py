"""The page on one's own packing, potential and observable: its blocks run in order and print what it says."""

import contextlib
import io
import re
import sys
import textwrap

import pytest

from book._tools import places

PAGE = (places.ROOT / "book" / "own.md").read_text(encoding="utf8")
BLOCKS = re.findall(
    r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", PAGE, re.MULTILINE | re.DOTALL
)


def printed(code, names):
    """What a block prints; its error, if it ends in one, as Python says it, in lines of a page."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            exec(compile(code, "own.md", "exec"), names)
        except ValueError as error:
            print(textwrap.fill(f"{type(error).__name__}: {error}", 92))
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def test_the_blocks_of_the_page_print_what_it_says(tmp_path, monkeypatch):
    pytest.importorskip("ase")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")  # as where one works
    names = {"__name__": "own"}
    try:
        for code, said in BLOCKS:
            assert printed(code, names) == said
    finally:
        sys.modules.pop("measures", None)


def test_every_block_of_the_page_is_run_or_compared():
    fences = re.findall(r"^```(\w+)$", PAGE, re.MULTILINE)
    assert set(fences) == {"python", "text"} and fences.count("python") == len(BLOCKS) == 7
    assert fences.count("text") == sum(bool(said) for _, said in BLOCKS)
