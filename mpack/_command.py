"""The command line: `mpack run | sweep | info | audit`, a thin layer over the library.

Each command is a function of the parsed arguments; it prints what it found and returns the exit
status. What the library refuses is one sentence on the standard error, and status 2.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import mpack
from mpack import _bodies, ellipsoids, ensemble
from mpack._archive import read_manifest
from mpack._expressions import dynamics_of
from mpack.dynamics import OPTIONS, Approximation
from mpack.ensemble import StoreError, SweepError
from mpack.simulation import MOST_STEPS

FINE, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130
_RUN = """examples:
  mpack run "PairwiseBRO(eps=0.01)" --n 1000 --phi 0.62 --steps 10_000
  mpack run "SGD(alpha=0.02, batch_fraction=0.75)" --start end.gsd --steps 1000 --series run.csv
  mpack run "PairwiseBRO(eps=0.1)" --n 500 --phi 0.7 --dim 2 --steps 5000 \\
      --frames 100 --trajectory run.gsd
  mpack run "SGD(alpha=0.02, batch_fraction=0.75)" --n 500 --phi 0.6 --axes 1.5,1,1 \\
      --rotation 2 --steps 1000
begun again after a kill, a run with a trajectory writes only the frames that are missing"""
_SWEEP = """examples:
  mpack sweep "PairwiseBRO(eps=0.1)" --n 500 1000 --phi 0.62 0.64 --steps 1000 --repeats 4 \\
      --store runs.sqlite --table runs.csv
  mpack sweep "PairwiseBRO(eps=0.1)" --n 500 --phi 0.6 --axes 1.5,1,1 1,1,1 --steps 1000 \\
      --observables contacts nematic --store ellipsoids.sqlite
  mpack sweep --specs specifications.txt --store runs.sqlite
killed and begun again, a sweep does what is missing in its store"""
_INFO = """examples:
  mpack info end.npz        a packing, in any format that Packing.load reads as it is
  mpack info run.gsd        a packing, or the frames of a run
  mpack info runs.sqlite    the store of a sweep
  mpack info book/results/manna        an archive"""
_AUDIT = """examples:
  mpack audit book/results/manna --seconds 60
  mpack audit archive other_archive
exit status 1 if a bit differs"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments (those of the process if left out) say; the exit status."""
    given = parser().parse_args(arguments)
    try:
        return given.command(given)
    except SweepError as error:
        return _told(given, error, FAILED)
    except (ValueError, TypeError, OSError, StoreError, MemoryError) as error:
        return _told(given, error, REFUSED)
    except KeyboardInterrupt as stop:
        for note in getattr(stop, "__notes__", ()):
            print(f"mpack {given.name}: {note}", file=sys.stderr)
        return INTERRUPTED


def _told(given, error, status):
    said = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.filename is not None:
        said = f"{error.filename}: {error.strerror}"
    print(f"mpack {given.name}: {said}", file=sys.stderr)
    return status


# ------------------------------------------------------------------------------------------------
# the commands


def _run(given):
    run = mpack.simulate(
        _start(given),
        _rule(given.dynamics, given),
        steps=given.steps,
        seed=given.seed,
        record=given.record,
        watch=_watched(given.watch),
        frames=given.frames,
        trajectory=given.trajectory,
        threads=given.threads,
        progress=not given.quiet,
    )
    last = {name: values[-1] for name, values in run.watched.items()}
    if not run.final.spherical:
        last["turned"] = ellipsoids.turning(run.start, run.final).mean_square
    _say(
        {
            "steps": run.steps,
            "absorbed": run.absorbed,
            "activity": run.activity[-1],
            "energy": run.energy[-1],
            "msd": run.msd[-1],
            **last,
            "digest": run.digest,
        }
    )
    if given.series is not None:
        run.to_frame().to_csv(given.series)
    if given.save is not None:
        run.final.save(given.save)
    return INTERRUPTED if run.interrupted else FINE


def _sweep(given):
    table = mpack.sweep(
        _specs(given),
        store=given.store,
        workers=given.workers,
        threads=given.threads,
        progress=not given.quiet,
    )
    plain = table.drop(columns=["series", "arrays"])
    if given.table is not None:
        plain.to_csv(given.table, index=False)
    shown = ["process", "n", "phi", "seed", "steps", "absorbed", "f_inf", "activity", "digest"]
    print(plain[shown].to_string(index=False, max_rows=40))
    return FINE


def _info(given):
    path = Path(given.file)
    if path.is_dir():
        _say(_of_archive(path))
    elif not path.stat().st_size:
        raise ValueError(f"{path} is empty")
    else:
        _say(_of_store(path) if _is_store(path) else _of_packings(path))
    return FINE


def _is_store(path):
    """Whether SQLite wrote a file, or its name says so; other files are packings, in whatever format."""
    with path.open("rb") as file:
        written = file.read(16) == b"SQLite format 3\0"
    return written or path.suffix.lower() in (".sqlite", ".sqlite3", ".db")


def _audit(given):
    status = FINE
    for folder in given.folder:
        how = {"seconds": given.seconds, "most": given.most, "whole": given.whole}
        found = ensemble.audit(folder, **how)
        print(found)
        for sentence in found.untrue:
            print(f"  {sentence}")
        for replay in found.replays:
            if not given.quiet or replay.wrong:
                print(f"  {replay}")
        status = status if found.ok else FAILED
    return status


# ------------------------------------------------------------------------------------------------
# what a file holds


def _of_packings(path):
    """A packing, and how many more a GSD file holds."""
    frames = {}
    if path.suffix.lower() == ".gsd":
        frames = _of_frames(path)
    packing = mpack.Packing.load(path)
    sizes, bodies = "equal" if np.ptp(packing.diameters) == 0 else _span(packing.diameters), {}
    if not packing.spherical:
        order = ellipsoids.nematic_order(packing)
        bodies = {"axes": _bodies.aspects(packing.axes), "nematic order": order}
    return frames | {
        "n": packing.n,
        "dim": packing.dim,
        "phi": packing.phi,
        "box": packing.box,
        "diameters": sizes,
        **bodies,
        "activity": mpack.activity(packing),
        "digest": packing.digest,
    }


def _of_frames(path):
    try:
        passed = mpack.frames(path)
    except ValueError:
        return {"written by": "another program"}
    with passed:
        told = {"frames": len(passed)}
        if passed.run is not None and len(passed):
            told |= {"dynamics": passed.run["dynamics"], "seed": passed.run["seed"]}
            told["steps"] = _span(passed.steps)
        return told


def _of_store(path):
    runs = ensemble.load(path)  # also while a sweep writes it
    told = {"runs": len(runs), "absorbed": int(runs.absorbed.sum())}
    return told | ({"steps": _span(runs.steps)} if len(runs) else {})


def _of_archive(path):
    manifest = read_manifest(path)
    varied = {
        name: ", ".join("none" if value is None else f"{value}" for value in values)
        for name, values in manifest["specifications"].items()
        if 1 < len(values) <= 12
    }
    names = ("archive", "runs", "particle steps", "core hours")
    return {name: manifest[name] for name in names} | varied


def _span(values):
    low, high = np.min(values), np.max(values)
    return f"{low:.10g} to {high:.10g}"


def _say(facts):
    """One fact a line."""
    wide = max(map(len, facts)) + 2
    for name, value in facts.items():
        said = f"{value:.10g}" if isinstance(value, (float, np.floating)) else f"{value}"
        print(f"{name + ':':<{wide}}{said}")


# ------------------------------------------------------------------------------------------------
# arguments


def _start(given):
    if given.start is not None:
        for name in ("n", "phi", "sizes", "axes", "aligned"):
            if getattr(given, name) is not None:
                raise ValueError(
                    f"--{name} must be left out with --start, whose packing has its own"
                )
        return mpack.Packing.load(given.start)
    for name in ("n", "phi"):
        if getattr(given, name) is None:
            raise ValueError(f"--{name} must be given, or --start FILE")
    sizes = None if given.sizes is None else np.resize(np.array(given.sizes), given.n)
    seed = given.seed if given.start_seed is None else given.start_seed
    place = given.n, given.phi, given.dim, seed, sizes
    return mpack.Packing.random(*place, **_shapes(given, given.n))


def _shapes(given, n):
    """The semi-axes of n bodies, dealt out in turn, and whether they are upright; none for spheres."""
    if given.axes is None:
        if given.aligned:
            raise ValueError("--aligned must stand with --axes: spheres point nowhere")
        return {}
    if len({len(kind) for kind in given.axes}) > 1:
        raise ValueError("--axes must have as many numbers for one kind of body as for another")
    axes = np.array(given.axes)
    return {"axes": np.resize(axes, (n, axes.shape[1])), "aligned": given.aligned is not None}


def _rule(text, given):
    """The dynamics of a text, with --rotation if it is given."""
    rule = dynamics_of(text)
    if given.rotation is None:
        return rule
    if given.axes is None and getattr(given, "start", None) is None:
        raise ValueError("--rotation must stand with --axes or --start: spheres do not turn")
    if rule.recipe().rotation != OPTIONS["rotation"]:
        raise ValueError(f"--rotation must be left out where the rule says it; got {text!r}")
    kappa = None if given.rotation == "none" else given.rotation
    if isinstance(rule, Approximation):
        return dataclasses.replace(rule.of, rotation=kappa).approximation()
    return dataclasses.replace(rule, rotation=kappa)


def _specs(given):
    if given.specs is not None:
        if given.dynamics or given.n or given.phi or given.steps is not None:
            raise ValueError("--specs must stand without dynamics, --n, --phi and --steps")
        lines = Path(given.specs).read_text(encoding="utf8").split("\n")
        return [ensemble.from_text(line) for line in lines if line.strip()]
    for name in ("dynamics", "n", "phi", "steps"):
        if not getattr(given, name) and getattr(given, name) != 0:
            raise ValueError(f"{name} must be given, or --specs FILE")
    fields = {} if given.sizes is None else {"sizes": tuple(given.sizes)}
    shapes = _shapes(given, len(given.axes or ()))
    if shapes:
        kinds = tuple(map(tuple, shapes["axes"].tolist()))
        fields["axes"] = kinds if len(kinds) > 1 else kinds[0]
        fields["start"] = "aligned" if shapes["aligned"] else "random"
    return mpack.specs(
        [_rule(text, given) for text in given.dynamics],
        n=given.n,
        phi=given.phi,
        dim=given.dim,
        steps=given.steps,
        seed=range(given.repeats),
        observables=tuple(given.observables),
        watch=_places(given.watch),
        **fields,
    )


def _places(words):
    """{name: "module:function"} from "name=module:function"."""
    found = dict(word.partition("=")[::2] for word in words)
    if not all(found.values()):
        raise ValueError(f'--watch must be "name=module:function"; got {" ".join(words)!r}')
    if found and os.getcwd() not in sys.path:  # where `python` itself would look for modules
        sys.path.append(os.getcwd())
    return found


def _watched(words):
    from mpack import _watching

    return _watching.imported(_watching.places(_places(words)))


def _whole(text):
    """An integer, also as 10_000 or 1e4."""
    try:
        return int(text)
    except ValueError:
        number = float(text)
        if not number.is_integer():
            raise ValueError from None
        return int(number)


def _schedule(text):
    """A schedule: "100" is every 100 steps, "log:10" ten points a decade, "0,10,500" these steps."""
    if text.startswith("log:"):
        return mpack.log_spaced(_whole(text.removeprefix("log:")))
    if "," in text:
        return [_whole(part) for part in text.split(",") if part]
    return mpack.every(_whole(text))


def _body(text):
    """The semi-axes of a kind of body, "1.5,1,1"."""
    axes = tuple(float(part) for part in text.split(","))
    if len(axes) not in (2, 3):
        raise ValueError
    return axes


def _kappa(text):
    """A number, or "none"."""
    return text if text == "none" else float(text)


_whole.__name__, _schedule.__name__ = "whole number", "schedule"  # in argparse's messages
_body.__name__, _kappa.__name__ = "a,b,c of a body", "rotation"


def parser() -> argparse.ArgumentParser:
    """What reads the arguments."""
    made = argparse.ArgumentParser(
        prog="mpack",
        description="Dynamics of spheres and ellipsoids, exact to the bit. Lengths are in mean diameters.",
        epilog="exit status: 0 fine; 1 an audit found a difference, or runs of a sweep failed; "
        "2 an argument or a file is refused; 130 ended by Ctrl-C",
    )
    made.add_argument("--version", action="version", version=f"mpack {mpack.__version__}")
    commands = made.add_subparsers(dest="name", required=True, metavar="COMMAND")
    _add_run(_command(commands, "run", _run, "simulate one run and say how it ended", _RUN))
    _add_sweep(
        _command(commands, "sweep", _sweep, "do many runs, and keep them in a store", _SWEEP)
    )
    info = _command(commands, "info", _info, "say what a file holds", _INFO)
    info.add_argument("file", metavar="FILE")
    audit = _command(
        commands, "audit", _audit, "do a part of an archive again, compare bits", _AUDIT
    )
    audit.add_argument("folder", metavar="FOLDER", nargs="+")
    audit.add_argument("--seconds", type=float, default=5.0, help="of time for each (5)")
    audit.add_argument("--most", type=_whole, default=200, help="rows of each (200)")
    audit.add_argument("--whole", action="store_true", help="do rows to their end, also long ones")
    audit.add_argument("--quiet", action="store_true", help="name only rows that differ")
    return made


def _command(commands, name, function, text, examples):
    shown = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=examples,
        formatter_class=shown,
    )
    parser.set_defaults(command=function)
    return parser


def _add_run(parser):
    add = parser.add_argument
    add("dynamics", metavar="DYNAMICS", help='as in Python: "PairwiseBRO(eps=0.01)"')
    add(
        "--start",
        metavar="FILE",
        help="a packing, in any format that Packing.load reads as it is; random if left out",
    )
    add("--n", type=_whole, help="spheres or bodies")
    add("--phi", type=float, help="packing fraction")
    add("--dim", type=_whole, default=3, help="dimension (3)")
    add("--sizes", type=float, nargs="+", metavar="D", help="relative diameters, dealt out in turn")
    _add_shapes(add)
    add("--start-seed", type=_whole, metavar="SEED", help="of the random start (that of the noise)")
    add("--steps", type=_whole, required=True, help=f"0 to {MOST_STEPS}")
    add("--seed", type=_whole, default=0, help="of the noise (0)")
    add("--record", type=_schedule, metavar="WHEN", help="100, log:10 or 0,10,500 (first and last)")
    add("--series", metavar="FILE", help="write what was recorded as CSV")
    add("--watch", nargs="+", default=[], metavar="NAME=MODULE:FUNCTION", help="record that, too")
    add("--frames", type=_schedule, metavar="WHEN", help="when to write a frame, as --record")
    add("--trajectory", metavar="FILE", help="the GSD file of frames")
    add("--save", metavar="FILE", help="write the last packing, .npz or .gsd")
    add("--threads", type=_whole, default=1, help="that share each step (1)")
    add("--quiet", action="store_true", help="no progress bar")


def _add_shapes(add):
    shown = (
        "ellipsoids by relative semi-axes, or ellipses (a,b); several kinds are dealt out in turn"
    )
    add("--axes", type=_body, nargs="+", metavar="A,B,C", help=shown)
    add(
        "--aligned",
        action="store_const",
        const=True,
        help="all upright; turned at random if left out",
    )
    weighed = "how their turning is weighed against moving; none: they do not turn (1)"
    add("--rotation", type=_kappa, metavar="KAPPA", help=weighed)


def _add_sweep(parser):
    add = parser.add_argument
    add("dynamics", metavar="DYNAMICS", nargs="*", help='as in Python: "PairwiseBRO(eps=0.01)"')
    add("--specs", metavar="FILE", help="instead: specifications (mpack.Spec.text), one a line")
    add("--n", type=_whole, nargs="+", help="spheres or bodies")
    add("--phi", type=float, nargs="+", help="packing fractions")
    add("--dim", type=_whole, nargs="+", default=[3], help="dimensions (3)")
    add("--sizes", type=float, nargs="+", metavar="D", help="relative diameters, dealt out in turn")
    _add_shapes(add)
    add("--steps", type=_whole, help="of each run")
    add("--repeats", type=_whole, default=1, help="of each, with other noise (1)")
    add("--observables", nargs="+", default=[], metavar="NAME", choices=[*ensemble.OBSERVABLES])
    add("--watch", nargs="+", default=[], metavar="NAME=MODULE:FUNCTION", help="record that, too")
    add("--store", metavar="FILE", help="where runs are kept (SQLite); nowhere if left out")
    add("--table", metavar="FILE", help="write the table as CSV")
    add("--workers", type=_whole, help="runs at a time (as many as there are processors)")
    add("--threads", type=_whole, default=1, help="that share each run (1)")
    add("--quiet", action="store_true", help="no progress bar")
