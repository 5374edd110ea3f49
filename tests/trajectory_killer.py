"""Kills runs that write a trajectory at random moments; run as a program by test_trajectory.py.

    python trajectory_killer.py FILE ROUNDS SEED

A child is forked for each round and begins the run anew, with the same file. It gets SIGKILL at a
random moment, mostly after it has written something new, so that a slow machine gets as far as a
fast one. Then the file is read, as anyone would. One line of JSON at the end says what was seen.
"""

import json
import os
import random
import signal
import sys
import time
import traceback

from killer import dead

import mpack
from mpack import _writer

STEPS = 4000
START = mpack.Packing.random(n=150, phi=0.7, dim=3, seed=1)
RULE = mpack.SGD(alpha=0.5, batch_fraction=0.5)


def run(path, steps=STEPS):
    """The run whose frames are written."""
    how = {"record": mpack.every(400), "watch": {"first": lambda packing: packing.positions[0, 0]}}
    frames = {"frames": mpack.every(20), "trajectory": path}
    return mpack.simulate(START, RULE, steps=steps, seed=3, **how, **frames)


def child(path):
    """Run to the end, handing frames to the disk as often as can be, so that kills fall into writes."""
    _writer._SECONDS, _writer._SHARE = 0.0, float("inf")
    try:
        run(path)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def size(path):
    """Bytes of a file, 0 if there is none."""
    return os.path.getsize(path) if os.path.exists(path) else 0


def main(path, rounds, seed):
    chance = random.Random(seed)
    run(f"{path}.first.gsd", steps=20)  # load what is to be loaded, before the forks
    seen = {"killed": 0, "failed": 0, "frames": []}
    for _ in range(rounds):
        process = os.fork()
        if process == 0:
            child(path)
        before, grow = size(path), chance.random() < 0.8
        while grow and size(path) == before and not dead(process):
            time.sleep(0.001)
        time.sleep(chance.uniform(0.0, 0.03))
        os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        seen["killed"] += os.WIFSIGNALED(status)
        seen["failed"] += os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0
        if os.path.exists(path):
            with mpack.frames(path) as passed:
                assert all(packing.n == START.n for packing in passed)  # each is whole
                assert passed.log.notna().all(axis=None)
                assert passed.steps.tolist() == list(range(0, 20 * len(passed), 20))
                seen["frames"].append(len(passed))
    return seen


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
