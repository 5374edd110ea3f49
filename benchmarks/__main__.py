"""The benchmark: what a step costs, by which door, in which state, beside what it is compared with.

    python -m benchmarks [--quick] [--to FOLDER] [--only GROUP ...]
    python -m benchmarks --render

Contenders take turns, so that whatever else slows the machine slows them alike. A full run, a
quarter of an hour, writes benchmarks/RESULTS.md and results.json; a quick one, with systems up to
10,000 and three turns, _build/benchmarks/. `--render` writes the page anew from the numbers that
are there.
"""

import argparse
import time
from pathlib import Path

from benchmarks import figures, groups, report


def parser():
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    add = made.add_argument
    add("--quick", action="store_true", help="small systems, three turns: some minutes")
    add("--render", action="store_true", help="measure nothing: write the page from its numbers")
    add("--to", type=Path, help="folder for RESULTS.md and results.json")
    names = [make.__name__ for make in groups.ALL]
    add("--only", nargs="+", choices=names, metavar="GROUP", help=f"some of: {', '.join(names)}")
    return made


def measured(scale, chosen, tell):
    """All that a run has to say."""
    clock, before = time.perf_counter(), report.load_average()
    made = [make(scale) for make in chosen]
    rows = [row for group in made for row in groups.measured(group, scale.turns, tell)]
    frames = figures.frame_rates()
    seconds, load = time.perf_counter() - clock, [before, report.load_average()]
    return {
        "about": report.about(scale, seconds, load),
        "groups": [(group.name, group.title, group.words) for group in made],
        "frames": frames,
        "rows": rows,
    }


def main(arguments=None):
    """Measure, write, say where; the exit status is 1 if a row is flagged."""
    options = parser().parse_args(arguments)
    scale = groups.QUICK if options.quick else groups.FULL
    whole = not options.quick and not options.only
    folder = options.to or (report.HERE if whole or options.render else Path("_build/benchmarks"))
    if options.render:
        data = report.read(folder / report.DATA.name)
    else:
        chosen = groups.ALL
        if options.only:
            chosen = [make for make in groups.ALL if make.__name__ in options.only]
        data = measured(scale, chosen, lambda text: print(text, flush=True))
    report.write(data, folder)
    flagged = [row for row in data["rows"] if row.flags]
    for row in flagged:
        print(f"Flagged: {row.group}, {row.name}: {'; '.join(row.flags)}")
    print(f"Wrote {folder / report.RESULTS.name} and {report.DATA.name} beside it.")
    return 1 if flagged else 0


if __name__ == "__main__":
    raise SystemExit(main())
