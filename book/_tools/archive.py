"""`make archive`: go on with the long runs behind the book's figures, in the background.

    python -m book._tools.archive [NAME ...] [--minutes M] [--export-every S] [--workers W] [--background]
    python -m book._tools.archive --status | --stop

What to run is in `book.campaigns`. For each campaign NAME the archive `book/results/NAME` is
brought into the store `_archive/NAME.sqlite`, what is missing is done, and every S seconds, and at
the end, the archive is exported anew, and with it the metadata of all (`book._tools.crate`). It may
be stopped, or killed, at any moment: only the runs in flight are lost.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout

from book import RESULTS, campaigns
from mpack import ensemble
from mpack.ensemble import Store

from . import crate, places
from .places import ROOT, relative, say

WORK = ROOT / "_archive"

LOG, LOCK = WORK / "log.txt", WORK / "lock"


def main(arguments=None):
    """Parse the command line; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m book._tools.archive", description=__doc__.splitlines()[0]
    )
    parser.add_argument("names", nargs="*", help="campaigns; all if none is named")
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="start no run after so many minutes"
    )
    parser.add_argument(
        "--export-every", type=float, default=600.0, metavar="S", help="seconds between exports"
    )
    parser.add_argument("--workers", type=int, default=ensemble.processors(), help="runs at a time")
    parser.add_argument(
        "--background", action="store_true", help="go on in the background, at low priority"
    )
    parser.add_argument(
        "--status", action="store_true", help="say whether it is running, and how far it is"
    )
    parser.add_argument("--stop", action="store_true", help="end the one in the background")
    options = parser.parse_args(arguments)
    WORK.mkdir(exist_ok=True)
    if options.status or options.stop:
        return status(options.stop)
    if options.background:
        return detach([*(sys.argv[1:] if arguments is None else arguments)])
    with alone() as first:
        if not first:
            say(
                "The archive is being continued already; `python -m book._tools.archive --status` says how far it is."
            )
            return 1
        return run(options)


@contextlib.contextmanager
def alone():
    """Hold the lock of the archive while the block runs; gives False if another process has it."""
    lock = FileLock(LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        holder().write_text(str(os.getpid()), encoding="utf8")
        yield True
    finally:
        lock.release()


def holder():
    """The file that names the process which has the lock."""
    return LOCK.with_name("process.txt")


def status(stop):
    """Say how far the one in the background is; end it if `stop`."""
    with alone() as idle:
        if idle:
            say("No archive run is going on.")
            return 0
    process = int(holder().read_text(encoding="utf8"))
    if stop:
        os.kill(process, signal.SIGTERM)
        say(f"Asked process {process} to export what it has and end.")
    elif LOG.exists():
        say(f"Process {process} is at work:", *LOG.read_text(encoding="utf8").splitlines()[-1:])
    return 0


def detach(arguments):
    """Start this program anew, on its own, and say how to follow and end it."""
    rest = [word for word in arguments if word != "--background"]
    nice = ["nice", "-n", "15"] if shutil.which("nice") else []
    command = [*nice, sys.executable, "-m", "book._tools.archive", *rest]
    with open(LOG, "w", encoding="utf8") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **places.settings()},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with contextlib.suppress(OSError):  # Linux shares time among sessions, and only then within one
        Path(f"/proc/{process.pid}/autogroup").write_text("15", encoding="ascii")
    say(
        f"The archive goes on in the background (process {process.pid}), exported to {relative(RESULTS)} as it grows."
    )
    say(f"  how far:  tail {relative(LOG)}")
    say(f"  end it:   {relative(sys.executable)} -m book._tools.archive --stop")
    return 0


def run(options):
    """Do what is missing; the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    everything = campaigns.everything()
    unknown = [name for name in options.names if name not in everything]
    if unknown:
        say(f"There is no campaign {unknown[0]!r}; there are {', '.join(everything)}.")
        return 2
    chosen = {
        name: specs for name, specs in everything.items() if name in (options.names or everything)
    }
    with contextlib.ExitStack() as stack:
        work = Work(
            chosen, {name: stack.enter_context(Store(WORK / f"{name}.sqlite")) for name in chosen}
        )
        return work.go(options)


class Work:
    """Campaigns, their stores, and what has been done since the last export."""

    def __init__(self, chosen, stores):
        self.stores, self.unsaved, self.failed = stores, set(), 0
        self.homes, missing = {}, {}
        for name, specs in chosen.items():
            if (RESULTS / name / "manifest.json").exists():
                ensemble.import_archive(RESULTS / name, stores[name])
                if not ensemble.derived_now(RESULTS / name):
                    self.unsaved.add(name)
            for spec in specs:
                self.homes.setdefault(spec.key, []).append(name)
                if spec.key not in stores[name]:
                    missing[spec.key] = spec
            say(
                f"{name}: {len(specs)} runs, {sum(spec.key in stores[name] for spec in specs)} done"
            )
        self.missing = sorted(missing.values(), key=lambda spec: (spec.seed, spec.cost, spec.text))
        self.total = sum(spec.cost for spec in self.missing)

    def go(self, options):
        """Do the missing runs until the time is up; the exit status."""
        started = exported = time.monotonic()
        done, cost = 0, 0
        try:
            due = self.until(started + 60 * options.minutes)
            for spec, outcome in ensemble.results(due, workers=options.workers):
                self.keep(spec, outcome)
                done, cost, now = done + 1, cost + spec.cost, time.monotonic()
                if now - exported >= options.export_every or done in (1, 10):
                    self.export()
                    exported = now
                    say(self.progress(done, cost, now - started))
        finally:
            for store in self.stores.values():
                store.flush()
            self.export()
        say(
            f"{done} runs done in {(time.monotonic() - started) / 60:.1f} min; {len(self.missing) - done} are missing."
        )
        return 1 if self.failed else 0

    def until(self, deadline):
        """The missing runs, one by one, up to the deadline."""
        for spec in self.missing:
            if time.monotonic() >= deadline:
                return
            yield spec

    def keep(self, spec, outcome):
        """Store a run that ended."""
        if isinstance(outcome, Exception):
            self.failed += 1
            say(f"FAILED {spec.text}\n  {type(outcome).__name__}: {outcome}")
            return
        for name in self.homes[spec.key]:
            self.stores[name].put(outcome)
            self.unsaved.add(name)

    def export(self):
        """Export the campaigns that have new runs."""
        for name in sorted(self.unsaved):
            manifest = ensemble.export(self.stores[name], RESULTS / name)
            size = sum(file["bytes"] for file in manifest["files"].values())
            say(f"exported {name}: {manifest['runs']} runs, {size / 1e6:.2f} MB")
        if self.unsaved:
            crate.write(RESULTS)
        self.unsaved.clear()

    def progress(self, done, cost, seconds):
        """A line that says how far it is and how long the rest will take at this pace."""
        left = seconds * (self.total - cost) / cost / 3600
        share = 100 * cost / self.total
        return f"{done} of {len(self.missing)} runs, {share:.1f} % of the work, at most {left:.1f} h to go"


if __name__ == "__main__":
    sys.exit(main())
