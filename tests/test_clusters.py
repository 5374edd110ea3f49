"""The programs for clusters that the page on reruns shows: one is run, the jobs of the other are looked at."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mpack
from book._tools import places

PROGRAMS = places.ROOT / "book" / "programs"
LOCAL, SLURM = PROGRAMS / "local_cluster.py", PROGRAMS / "slurm_cluster.py"


@pytest.fixture(scope="module")
def here():
    """The same runs in this process."""
    rule = mpack.PairwiseBRO(eps=0.1)
    specs = mpack.specs([rule, mpack.matched(rule)], n=200, phi=[0.5, 0.6], steps=300, seed=[1, 2])
    return mpack.sweep(specs, progress=False)


def test_the_local_cluster_gives_the_bits_of_this_process(here, tmp_path):
    """The program as it stands, in an empty folder; its store and its table beside a sweep without Dask."""
    pytest.importorskip("distributed")
    done = subprocess.run(
        [sys.executable, str(LOCAL)],
        cwd=tmp_path,
        env={**os.environ, **places.settings()},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    there = mpack.ensemble.load(tmp_path / "local.sqlite")
    assert dict(zip(there.key, there.digest)) == dict(zip(here.key, here.digest))
    printed = re.findall(r"\b[0-9a-f]{32}\b", done.stdout)
    assert sorted(printed) == sorted(here.digest)


def test_the_page_shows_what_the_local_program_prints(here):
    """Its table on the page is that of the library, to the last digit."""
    text = (places.ROOT / "book/rerun.md").read_text(encoding="utf8")
    assert here[["process", "phi", "seed", "activity", "digest"]].to_string(index=False) in text


def test_the_jobs_for_slurm_ask_for_what_the_program_says(tmp_path, monkeypatch):
    """The script that dask-jobqueue would hand to sbatch; there is no SLURM here to take it."""
    pytest.importorskip("dask_jobqueue")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(PROGRAMS))
    import slurm_cluster

    with slurm_cluster.slurm() as cluster:
        script = cluster.job_script()
    for line in ("#SBATCH -p normal", "#SBATCH -A your-account", "#SBATCH --cpus-per-task=8",
                 "#SBATCH --mem=15G", "#SBATCH -t 04:00:00", "export OMP_NUM_THREADS=1",
                 "export NUMBA_CACHE_DIR=$HOME/.cache/mpack-numba"):  # fmt: skip
        assert line in script.splitlines()
    worker = next(line for line in script.splitlines() if "dask_worker" in line)
    assert "--nworkers 8" in worker and "--nthreads 1" in worker and sys.executable in worker
    if bash := shutil.which("bash"):
        done = subprocess.run(
            [bash, "-n"], input=script, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", [LOCAL, SLURM], ids=lambda path: path.stem)
def test_workers_may_read_the_programs(path):
    """Whatever starts work stands below the guard, since each worker imports the file."""
    code = compile(path.read_text(encoding="utf8"), str(path), "exec")
    if path == SLURM:
        pytest.importorskip("dask_jobqueue")
    pytest.importorskip("distributed")
    names = {"__name__": "worker"}
    exec(code, names)
    assert "table" not in names and Path(path).stat().st_size < 2_000
