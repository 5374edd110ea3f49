"""The last measurement of speed, `benchmarks/results.json`, as parts of a page: `make bench` makes it anew."""

import functools
import math
from html import escape

from . import places

FOLDER = places.ROOT / "benchmarks"
SOURCES = [FOLDER / name for name in ("results.json", "aims.py", "report.py", "rows.py")]
STEPS = ("size", "dimensions", "rules", "bodies")  # groups of rows: what a step costs
COLUMNS = ("row", "rule", "spheres", "φ", "share active", "ns a particle-step")
MET, UNDECIDED, MISSED = "met", "undecided", "missed"
LEFT, RIGHT, WIDTH, LINE = 410, 120, 830, 24  # of the drawing, in pixels
LEAST, MOST = 0.25, 4.0  # of its axis: how many times as good as asked


@functools.cache
def measured():
    """The last measurement, as `benchmarks.report.read` gives it."""
    from benchmarks import report

    return report.read(report.DATA)


@functools.cache
def judged():
    """[(aim, (median, lower and upper quartile) or None, verdict)]."""
    from benchmarks import aims

    return aims.judged(measured()["rows"])


def part(name):
    """A part of the page: Markdown, and HTML of "figure"."""
    return {"about": about, "aims": aims_table, "figure": figure, "steps": steps}[name]()


def about():
    """Where and when it was measured."""
    from benchmarks import report

    return report.head(measured()["about"]).replace("|  |  |", "| what | which |", 1)


def aims_table():
    """Every aim beside what was measured, and what came of it."""
    from benchmarks import report

    return report.verdicts(measured()["rows"])


def steps():
    """What a step costs: by size, dimension, rule and shape."""
    from benchmarks import report

    lines = []
    for row in measured()["rows"]:
        if row.group in STEPS and row.unit == "ns" and not row.flags:
            name, rule, n, phi, active, _, each, *_ = report.line(row, row)
            lines.append((name, rule, n, phi, active, each))
    return report.table(COLUMNS, lines)


# A drawing of the aims
# ------------------------------------------------------------------------------------------------


def figure():
    """How many times as good as asked each aim came out: a drawing that takes the page's colours."""
    shown = [(aim, better(aim, found), said) for aim, found, said in judged() if found]
    height = LINE * (len(shown) + 2)
    marks = "".join(line(number, *one) for number, one in enumerate(shown))
    axis = "".join(
        f'<line class="{"mpack-asked" if at == 1 else "mpack-grid"}" x1="{x(at):.1f}" '
        f'x2="{x(at):.1f}" y1="{LINE}" y2="{height - LINE}"/>'
        f'<text x="{x(at):.1f}" y="{height - 6}" text-anchor="middle">{at:g}</text>'
        for at in (0.25, 0.5, 1, 2, 4)
    )
    words = "; ".join(f"{aim.text.replace('`', '')}: {said}" for aim, _, said in shown)
    return (
        f'<div class="mpack-speed"><svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-label="{escape(words)}">'
        f'<text x="{x(1):.1f}" y="15" text-anchor="middle">times as good as asked</text>'
        f"{axis}{marks}</svg></div>"
    )


def better(aim, found):
    """(median, lowest and highest quartile) of how many times as good as asked."""
    ratios = [aim.aim / one if aim.most else one / aim.aim for one in found]
    return ratios[0], min(ratios[1:]), max(ratios[1:])


def line(number, aim, ratios, said):
    """One aim: its name, its quartiles, its median, and what came of it in a word."""
    y = LINE * (number + 1.5)
    middle, low, high = (x(one) for one in ratios)
    kind = next((word for word in (MET, UNDECIDED, MISSED) if said.startswith(word)), UNDECIDED)
    name = escape(aim.text.replace("`", ""))
    return (
        f'<g class="mpack-{kind}"><text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{name}</text>'
        f'<line class="mpack-band" x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}"/>'
        f'<circle cx="{middle:.1f}" cy="{y}" r="4.5"/>'
        f'<text x="{WIDTH - RIGHT + 14}" y="{y + 4}">{ratios[0]:.2f} {kind}</text></g>'
    )


def x(ratio):
    """Where a ratio lies, on a logarithmic axis that ends at LEAST and MOST."""
    inside = min(max(ratio, LEAST), MOST)
    share = math.log(inside / LEAST) / math.log(MOST / LEAST)
    return LEFT + share * (WIDTH - LEFT - RIGHT)
