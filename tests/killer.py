"""Kills sweeps at random moments; run as a program by test_ensemble_store.py, so that imports are paid once.

    python killer.py STORE ROUNDS SEED

A child is forked for each round, before any thread is started here, and sweeps. It gets SIGKILL at
a random moment: a random time after it was forked, or after it began a random number of runs, so
that a slow machine gets as far as a fast one. Every run that it begins is logged, at once, in a
file. Then the store is read, as the next driver would. One line of JSON at the end says what was
seen.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path

import mpack
from mpack import ensemble
from mpack.ensemble import Store

WORKERS = 2
produce = ensemble.produce


def some():
    """300 quick runs."""
    rule = mpack.PairwiseBRO(eps=0.2)
    return mpack.specs(rule, n=20, phi=[0.2, 0.3, 0.4], steps=4, dim=2, seed=range(100), record=())


def child(store, log, specs):
    """Sweep, logging each run that begins."""

    def logged(text, *more, **how):
        key = ensemble.from_text(text).key
        os.write(log, f"{key}\n".encode())  # one write, at once: no kill can halve it
        return produce(text, *more, **how)

    ensemble.produce = logged
    try:
        mpack.sweep(specs, store=store, progress=False, workers=WORKERS)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def dead(process):
    """True if a child has ended; it is still to be waited for."""
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def hot(journal):
    """True if the journal is of a transaction that was cut short, and is to be rolled back."""
    return Path(journal).exists() and Path(journal).read_bytes()[:8] == bytes.fromhex(
        "d9d505f920a163d7"
    )


def stored(path):
    """The keys in the store, opened as the next driver opens it: that checks every row."""
    with Store(path) as store:
        return set(store.keys())


def main(path, rounds, seed):
    chance, specs = random.Random(seed), some()
    produce(specs[0].text)  # compile, and load what is to be loaded, before the forks
    stored(path)
    log_path = Path(f"{path}.log")
    before, seen = (
        set(),
        {"killed": 0, "amid a write": 0, "again": 0, "lost": 0, "most_lost": 0, "vanished": 0},
    )
    for _ in range(rounds):
        log_path.write_bytes(b"")
        log = os.open(log_path, os.O_WRONLY | os.O_APPEND)
        process = os.fork()
        if process == 0:
            child(path, log, specs)
        os.close(log)
        begin = chance.choice([0, 1, 2, 4, 8])
        while log_path.read_bytes().count(b"\n") < begin and not dead(process):
            time.sleep(0.001)
        time.sleep(chance.uniform(0.0, 0.03))
        os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        seen["amid a write"] += hot(f"{path}-journal")
        begun = log_path.read_text().split()
        after = stored(path)
        seen["killed"] += os.WIFSIGNALED(status)
        seen["again"] += len(set(begun) & before) + len(begun) - len(set(begun))
        seen["vanished"] += len(before - after)
        lost = len(set(begun) - after)
        seen["lost"] += lost
        seen["most_lost"] = max(seen["most_lost"], lost)
        before = after
    seen["rows"] = len(before)
    return seen


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
