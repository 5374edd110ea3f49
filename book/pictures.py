"""A figure as two pictures: drawn once in the light theme, and again with each colour's dark counterpart."""

import io

import numpy as np

from mpack.figures import COLOURS

RESOLUTIONS = (200, 150, 110)  # of the pictures, in pixels per inch
HEAVY = 150_000  # bytes
NO_LAYOUT = {"figure.constrained_layout.use": False, "figure.autolayout": False}


def of(fig):
    """A figure as two PNG files with transparent paper, for light and for dark pages: (bytes, bytes)."""
    from matplotlib import rc_context

    engine = fig.get_layout_engine()
    for _ in range(2 if engine else 0):  # ticks make room for the layout, and the layout for ticks
        engine.execute(fig)
    with rc_context(NO_LAYOUT):  # else other ticks may come, in the old theme's colours
        for none in ("none", None):  # with "none" alone each picture would be drawn twice
            fig.set_layout_engine(none)
        light = _png(fig)
        exchange(fig, 0, 1)
        try:
            dark = _png(fig)
        finally:
            exchange(fig, 1, 0)
    return light, dark


def _png(fig):
    """A figure as PNG, at the finest of the RESOLUTIONS at which it is lighter than HEAVY (or the last)."""
    for dpi in RESOLUTIONS:
        picture = _at_resolution(fig, dpi)
        if len(picture) < HEAVY:
            break
    return picture


def _at_resolution(fig, dpi):
    """A figure as PNG, its colours reduced to 256 with transparency (about a third of the weight)."""
    from PIL import Image

    raw, small = io.BytesIO(), io.BytesIO()
    paper = fig.get_facecolor()
    how = {"format": "png", "dpi": dpi, "pil_kwargs": {"compress_level": 0}}
    fig.savefig(raw, facecolor=(*paper[:3], 0.0), **how)
    reduced = Image.open(raw).quantize(
        256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
    )
    reduced.save(small, format="png", optimize=True)
    return small.getvalue()


def exchange(fig, old, new):
    """Replace each house colour of theme `old` (0 light, 1 dark) by that of theme `new`, throughout.

    The figure has been drawn, so that its ticks exist.
    """
    from matplotlib.colors import to_rgb
    from matplotlib.text import Annotation

    table = {_key(to_rgb(pair[old])): to_rgb(pair[new]) for pair in COLOURS.values()}
    arrows = [text.arrow_patch for text in fig.findobj(Annotation) if text.arrow_patch is not None]
    for artist in fig.findobj() + arrows:
        for name in ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor"):
            getter, setter = (
                getattr(artist, f"get_{name}", None),
                getattr(artist, f"set_{name}", None),
            )
            if (
                getter is None
                or setter is None
                or (name == "color" and hasattr(artist, "set_facecolor"))
            ):
                continue
            if hasattr(artist, "get_array") and artist.get_array() is not None:
                continue  # coloured by data
            changed = _exchanged(getter(), table)
            if changed is not None:
                setter(changed)


def _key(rgb):
    return tuple(round(255 * float(part)) for part in rgb)


def _exchanged(colours, table):
    """`colours` (one, or rows of RGBA) with house colours replaced; None if there are none."""
    from matplotlib.colors import to_rgba, to_rgba_array

    if isinstance(colours, str) and colours in ("none", "auto"):
        return None
    several = not isinstance(colours, str) and np.ndim(colours) == 2
    rows = to_rgba_array(colours) if several else np.array([to_rgba(colours)])
    found = [table.get(_key(row[:3])) for row in rows]
    if not any(found):
        return None
    fresh = np.array([(*new, row[3]) if new else row for new, row in zip(found, rows)])
    return fresh if several else tuple(fresh[0])
