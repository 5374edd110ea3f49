"""Takes the stills of the interactive figures: `python -m book._tools.stills [NAME ...]`.

A still stands in for a figure on paper and where no scripts run. Each figure says in its schema
which state its still shows. Needs playwright and a browser, as the tests do; the pictures are kept
in `book/stills`.
"""

import io
import sys
import tempfile
from pathlib import Path

from book.pictures import HEAVY
from mpack.widgets import _sources

from .browser import started
from .places import ROOT, relative, say

STILLS = ROOT / "book" / "stills"
WIDTH, DENSE, SHADES = 736, (2, 1.5, 1.25, 1), 128
# What a reader cannot use on paper is left out.
QUIET = """
.mpk { border: 0 !important; border-radius: 0 !important;
  padding: 8px !important; background: var(--mpk-paper) !important }
.mpk-tools, .mpk-front, .mpk-more, .mpk-below, .mpk-try { display: none !important }
body { padding: 0 !important }
"""


def take(browser, name, theme, dense, folder):
    """One still as PNG bytes, reduced to SHADES colours."""
    from PIL import Image

    path = Path(folder) / f"{name}.html"
    path.write_text(
        _sources.standalone(name, _sources.from_text(name, _sources.schema(name)["still"])),
        encoding="utf8",
    )
    context = browser.new_context(
        viewport={"width": WIDTH, "height": 1200}, color_scheme=theme, device_scale_factor=dense
    )
    page = context.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector(".mpack-widget[data-live]")
    page.add_style_tag(content=QUIET)
    page.wait_for_function(
        "() => !document.querySelector('.mpk').mpackFigure.figure.busy?.()", timeout=60_000
    )
    page.wait_for_timeout(300)
    picture = page.locator(".mpk").screenshot()
    context.close()
    small = io.BytesIO()
    reduced = (
        Image.open(io.BytesIO(picture)).convert("RGB").quantize(SHADES, dither=Image.Dither.NONE)
    )
    reduced.save(small, format="png", optimize=True)
    return small.getvalue()


def main(names):
    STILLS.mkdir(exist_ok=True)
    with started() as browser, tempfile.TemporaryDirectory() as folder:
        for name in names or _sources.names():
            for theme in ("light", "dark"):
                for dense in DENSE:
                    picture = take(browser, name, theme, dense, folder)
                    if len(picture) < HEAVY:
                        break
                path = STILLS / f"{name}-{theme}.png"
                path.write_bytes(picture)
                say(f"Wrote {relative(path)} ({len(picture) / 1000:.0f} kB)")


if __name__ == "__main__":
    main(sys.argv[1:])
