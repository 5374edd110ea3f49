"""A sweep on a SLURM cluster: jobs come and go as there is work, each with eight processes."""

from dask_jobqueue import SLURMCluster
from distributed import Client

import mpack


def slurm():
    """The cluster. Queue and account are those of your site."""
    return SLURMCluster(
        queue="normal",
        account="your-account",
        cores=8,
        processes=8,  # one run in each, on one thread
        memory="16GB",
        walltime="04:00:00",
        log_directory="logs",
        job_script_prologue=[
            "export OMP_NUM_THREADS=1",
            "export NUMBA_CACHE_DIR=$HOME/.cache/mpack-numba",  # compiled once for all jobs
        ],
    )


if __name__ == "__main__":
    rules = [mpack.SGD(alpha=alpha, batch_fraction=0.75) for alpha in (0.1, 0.2)]
    phi = [0.60 + 0.002 * k for k in range(20)]
    specs = mpack.specs(rules, n=8000, phi=phi, steps=1_000_000, seed=range(8))
    with slurm() as cluster, Client(cluster) as client:
        cluster.adapt(maximum_jobs=20)
        table = mpack.sweep(specs, store="slurm.sqlite", executor=client.get_executor())
    table.drop(columns=["series", "arrays"]).to_csv("slurm.csv", index=False)
