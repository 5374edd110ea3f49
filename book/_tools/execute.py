"""Run the chapters that are out of date, two at a time, and nothing else.

    python -m book._tools.execute

papermill runs `notebooks/X.ipynb` into `_build/executed/notebooks/X.ipynb`; beside it,
`X.made.json` says what the copy was made from: the notebook, the pinned packages, every file of the
tree it imported or read (see `kernelwatch`), each with its digest, and the digest of the copy
itself; and what it took, in seconds and bytes. A chapter is out of date when any of the digests
differs, when the record is missing, or when the last run failed: decided by content alone, never by
dates.
"""

import concurrent.futures
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from . import places, together
from .places import EXECUTED, FAILED, ROOT, relative, say, sha256

RECORD_FORMAT = 1
AT_ONCE = 2
CELL_LIMIT = 900  # seconds
KERNEL_ARGUMENTS = ["--ext=book._tools.kernelwatch", "--log-level=CRITICAL"]
ANSI = re.compile(r"\x1b\[[0-9;]*m")
FIRST_STEP = (  # spheres that overlap: at rest they would need no kernel
    "from book._tools.together import end_with_parent; end_with_parent();"
    "import mpack as m; m.simulate(m.Packing.random(8, 0.5, {}, seed=1), m.PairwiseBRO(eps=0.1), steps=1, seed=1)"
)
DATA_NAME = re.compile(r"book/results/[\w.+/-]*\w")


class ChapterFailed(Exception):
    """A chapter that raised, or that warned; the message is for the reader."""


def paths(chapter):
    """The executed copy, its record, and where a failed run is left."""
    copy = EXECUTED / chapter
    return copy, copy.with_suffix(".made.json"), FAILED / chapter


def digest_of(name):
    """What a dependency's content is: a file's digest, a folder's list of names, or that it is missing."""
    path = ROOT / name
    if path.is_dir():
        return "folder: " + " ".join(sorted(child.name for child in path.iterdir()))
    return sha256(path) if path.exists() else "missing"


def always(chapter):
    """What every chapter depends on: itself, the pinned packages, and data its text names."""
    named = DATA_NAME.findall((ROOT / chapter).read_text(encoding="utf8"))
    return {chapter, "requirements.txt", *named}


def snapshot(chapter):
    """Digests of all that the chapter may come to read; taken before it runs, so that no edit is missed."""
    library = [
        relative(path)
        for folder in ("mpack", "book")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    return {name: digest_of(name) for name in always(chapter) | set(library)}


def circumstances():
    """What else a run depends on."""
    return {"format": RECORD_FORMAT, "python": f"{sys.version_info[0]}.{sys.version_info[1]}"}


def reason_to_run(chapter):
    """Why the chapter has to be run, in a few words, or None if its executed copy is good."""
    copy, record, _ = paths(chapter)
    if not copy.exists():
        return "not run yet"
    try:
        made = json.loads(record.read_text(encoding="utf8"))
        files, known = made["files"], {name: made[name] for name in circumstances()}
    except (OSError, ValueError, KeyError):
        return "no record of how it was made"
    if known != circumstances():
        return "made by another Python or another version of these tools"
    if made.get("copy") != sha256(copy):
        return "the executed copy is not the one that was made"
    for name in sorted(always(chapter) | set(files)):
        if files.get(name) != digest_of(name):
            return f"{name} changed"
    return None


def complaints(notebook):
    """What the chapter wrote to the error stream, by cell: warnings are errors here."""
    found = []
    for number, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", []):
            if output.get("output_type") == "stream" and output.get("name") == "stderr":
                text = output["text"]
                found.append(
                    f"cell {number} warned:\n{text if isinstance(text, str) else ''.join(text)}"
                )
    return found


def run(chapter, settings, parameters=None):
    """Run one chapter (in a process of its own); returns the seconds it took. Raises ChapterFailed.

    With `parameters`, a dict, it is a reader's run with other numbers: that may take as long as it
    takes, and what it warns of is for the reader to judge.
    """
    import papermill

    copy, record, failed = paths(chapter)
    for path in (copy, record, failed):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
    watched = failed.with_suffix(".files.json")
    os.environ.update(settings, MPACK_WATCH=str(watched), MPACK_QUIET="1")
    before = snapshot(chapter)
    started = time.monotonic()
    try:
        executed = papermill.execute_notebook(
            str(ROOT / chapter),
            str(failed),
            parameters=parameters,
            cwd=str(ROOT / "notebooks"),
            progress_bar=False,
            execution_timeout=CELL_LIMIT if parameters is None else None,
            extra_arguments=KERNEL_ARGUMENTS,
        )
    except papermill.PapermillExecutionError as error:
        trace = ANSI.sub("", "\n".join(error.traceback))
        raise ChapterFailed(
            f"{trace}\n(cell {error.cell_index} raised {error.ename}: {error.evalue})"
        ) from None
    except Exception as error:  # a kernel that died, a notebook that is none: said, not dropped
        raise ChapterFailed(f"{type(error).__name__}: {error}") from None
    if (warned := complaints(executed)) and parameters is None:
        raise ChapterFailed("\n".join(warned))
    seconds = time.monotonic() - started
    _keep(chapter, watched, before, seconds)
    return seconds


def _keep(chapter, watched, before, seconds):
    """Move the finished copy to its place; the record goes last, and vouches for it."""
    copy, record, failed = paths(chapter)
    noted = json.loads(watched.read_text(encoding="utf8"))
    names = set(noted["files"]) | always(chapter)
    files = {name: before[name] if name in before else digest_of(name) for name in sorted(names)}
    os.replace(failed, copy)
    made = {**circumstances(), "chapter": chapter, "copy": sha256(copy), "files": files}
    made |= {"seconds": round(seconds, 1), "peak memory": noted["peak memory"]}
    record.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n", encoding="utf8")
    watched.unlink()


def drop_strangers(wanted):
    """Remove executed copies of chapters that are no longer in the book."""
    keep = {path for chapter in wanted for path in paths(chapter)[:2]}
    for path in EXECUTED.rglob("*"):
        if path.is_file() and path not in keep:
            path.unlink()


def compile_kernels(settings):
    """Compile what nearly every chapter needs, two and three dimensions side by side, into numba's cache.

    Otherwise the first chapters, run at once, would each compile both. What goes wrong here, they
    will say.
    """
    environment = {**os.environ, **settings}
    commands = [[sys.executable, "-c", FIRST_STEP.format(dim)] for dim in (2, 3)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for job in [
        subprocess.Popen(command, cwd=ROOT, env=environment, **quiet) for command in commands
    ]:
        job.wait()


def execute(wanted=None, at_once=AT_ONCE):
    """Bring every chapter (or those `wanted`) up to date; True if all are. Says what is run, and why."""
    everything = places.chapters()
    if wanted is None:
        drop_strangers(everything)
        shutil.rmtree(FAILED, ignore_errors=True)
    wanted = everything if wanted is None else wanted
    due = {chapter: why for chapter in wanted if (why := reason_to_run(chapter))}
    due = dict(
        sorted(due.items(), key=lambda item: -(ROOT / item[0]).stat().st_size)
    )  # no long one alone at the end
    fresh = len(wanted) - len(due)
    if fresh:
        say(f"{fresh} of {len(wanted)} chapters are up to date.")
    if not due:
        return True
    settings = places.settings()
    compile_kernels(settings)
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        min(at_once, len(due)), mp_context=context, initializer=_as_a_worker
    ) as pool:
        try:
            return _run_all(pool, due, settings)
        except (
            BaseException
        ):  # Ctrl-C above all: else all chapters that are left would be run first
            for worker in multiprocessing.active_children():
                worker.kill()
            raise


def _as_a_worker():
    """Leave Ctrl-C to the process that started this one, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    together.end_with_parent()


def _run_all(pool, due, settings):
    """Run chapters in a pool, telling of each; True if all went well."""
    failures = 0
    jobs = {pool.submit(run, chapter, settings): chapter for chapter in due}
    for chapter, why in due.items():
        say(f"  to run  {chapter}  ({why})")
    for number, job in enumerate(concurrent.futures.as_completed(jobs), 1):
        failures += not _tell(jobs[job], job, f"[{number}/{len(due)}]")
    return failures == 0


def _tell(chapter, job, place):
    """Say how one chapter went; True if well."""
    try:
        say(f"  {place} ran {chapter} in {job.result():.1f} s")
        return True
    except ChapterFailed as error:
        say(f"  {place} FAILED {chapter}\n{error}")
    except concurrent.futures.process.BrokenProcessPool:
        say(f"  {place} FAILED {chapter}: the process that ran it was ended")
    partial = paths(chapter)[2]
    if partial.exists():
        say(f"What it got to: {relative(partial)}")
    return False


if __name__ == "__main__":
    names = [Path(name).as_posix() for name in sys.argv[1:]] or None
    strangers = sorted({*(names or ())} - {*places.chapters()})
    if strangers:
        sys.exit(
            f"No such chapter: {', '.join(strangers)}. There are {', '.join(places.chapters())}."
        )
    with together.alone():
        sys.exit(0 if execute(names) else 1)
