"""A sweep on a Dask cluster of this machine's cores: two processes, one thread each."""

from distributed import Client, LocalCluster

import mpack

if __name__ == "__main__":  # the workers are Pythons of their own, which read this file, too
    rule = mpack.PairwiseBRO(eps=0.1)
    specs = mpack.specs([rule, mpack.matched(rule)], n=200, phi=[0.5, 0.6], steps=300, seed=[1, 2])
    with LocalCluster(n_workers=2, threads_per_worker=1) as cluster, Client(cluster) as client:
        table = mpack.sweep(specs, store="local.sqlite", executor=client.get_executor())
    print(table[["process", "phi", "seed", "activity", "digest"]].to_string(index=False))
