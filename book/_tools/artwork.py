"""Draws the cover, the logo and the favicon from one run: `python -m book._tools.artwork`.

Two-dimensional discs go from a random start to a packing under biased random organization. On the
cover time runs from left to right: each disc stands where it was when its column's time had come,
amber while it overlaps another. The logo is the end of the same run, the last discs that still
overlap and those around them. The pictures are kept in `book/_static`, and a test draws them again.
"""

import numpy as np

import mpack
from mpack.figures import COLOURS, active_discs, periodic_images

from .places import ROOT, relative, say

STATIC = ROOT / "book" / "_static"
BOX, PHI, EPS, SEED = 42.0, 0.74, 0.1, 4
BAND = 14.0  # height of the part of the box that the cover shows
COLUMNS = 14
MOST_STEPS = 100_000
LIGHT, DARK = 0, 1


def story():
    """The packings of a run at log-spaced times, the last one absorbed, and the last one that was not."""
    n = round(PHI * BOX**2 / (np.pi / 4))
    packing = mpack.Packing.random(n=n, phi=n * np.pi / 4 / BOX**2, dim=2, seed=SEED)
    dynamics = mpack.PairwiseBRO(eps=EPS)
    whole = mpack.simulate(packing, dynamics, steps=MOST_STEPS, seed=SEED)
    if not whole.absorbed:
        raise RuntimeError(f"the run was to be absorbed within {MOST_STEPS} steps")
    times = np.unique(np.geomspace(1, whole.steps, COLUMNS - 1).round().astype(int))
    moments = [packing] + [
        mpack.simulate(packing, dynamics, steps=int(t), seed=SEED).final for t in times
    ]
    before = mpack.simulate(packing, dynamics, steps=whole.steps - 1, seed=SEED).final
    return moments, before


def cover(moments):
    """The band of discs, time running to the right."""
    scale = 1200 / BOX
    width = BOX / len(moments)
    shown = []  # (centre, moves) of the discs so far
    for column, packing in enumerate(moments):
        which, centres = periodic_images(packing.positions, packing.diameters, packing.box)
        active = active_discs(packing)[which]
        inside = (centres[:, 0] // width == column) & (
            np.abs(centres[:, 1] - BAND / 2) < BAND / 2 + 0.5
        )
        # A disc may have crossed into the next column, and be there already when its turn comes.
        before = np.array([centre for centre, _ in shown] or [[-9.0, -9.0]])
        for centre, moves in zip(centres[inside], active[inside], strict=True):
            if column == 0 or np.min(np.linalg.norm(before - centre, axis=1)) > 0.85:
                shown.append((centre, moves))
    look = f'stroke="{COLOURS["paper"][DARK]}" stroke-width="1.5"'
    circles = [
        circle(*(c * scale), 0.5 * scale, COLOURS[state(moves)][DARK], look) for c, moves in shown
    ]
    return svg(1200, round(BAND * scale), circles, paper=COLOURS["paper"][DARK])


def emblem(packing, reach, size):
    """The last overlap and what surrounds it, within `reach` diameters, centred on an overlapping pair."""
    (pair, *_), _ = packing.overlaps()
    one, other = packing.positions[pair]
    apart = other - one - packing.box * np.round((other - one) / packing.box)
    moved = packing.positions - (one + apart / 2)
    moved -= packing.box * np.round(moved / packing.box)
    near = np.flatnonzero(np.linalg.norm(moved, axis=1) < reach)
    active = active_discs(packing)
    scale = size / (2 * np.abs(moved[near]).max() + 1)
    near = sorted(near, key=lambda number: (active[number], number))  # active ones on top
    drawn = [
        circle(*(moved[number] * scale + size / 2), 0.47 * scale, MIDDLE[state(active[number])])
        for number in near
    ]
    return svg(size, size, drawn)


# The emblem stands on light and dark pages alike, so it takes shades between the two themes.
MIDDLE = {"active": "#e3ac10", "inactive": "#8294b1"}


def state(moves):
    return "active" if moves else "inactive"


def circle(x, y, r, fill, look=""):
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="{fill}" {look}/>'


def svg(width, height, shapes, paper=None):
    """An SVG document of so many units."""
    back = [f'<rect width="{width}" height="{height}" fill="{paper}"/>'] if paper else []
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
    return "\n".join([head, *back, *shapes, "</svg>"]) + "\n"


def drawings():
    """What each picture file has to contain: {path: text}."""
    moments, before = story()
    return {
        STATIC / "cover.svg": cover(moments),
        STATIC / "logo.svg": emblem(before, 2.45, 200),
        STATIC / "favicon.svg": emblem(before, 1.45, 64),
    }


def main():
    for path, drawing in drawings().items():
        path.write_text(drawing, encoding="utf8")
        say(f"Wrote {relative(path)} ({len(drawing) / 1000:.0f} kB)")


if __name__ == "__main__":
    main()
