"""What the columns of an archive of runs mean, in a sentence each: for its crate."""

import csv
import lzma

from mpack._archive_files import ARRAYS, RUNS, SERIES, header

LENGTH = "in mean diameters"
OF_RUNS = {
    "rule": "name of the dynamics, a class of mpack",
    "approximation": "whether it is the stochastic approximation of that dynamics",
    "eps": f"kick size of biased random organization, {LENGTH}",
    "alpha": "learning rate of stochastic gradient descent",
    "batch_fraction": "probability of a pair or a particle to be in a batch",
    "batch_size": "pairs or particles in each batch, where their number is fixed",
    "potential": "name of the potential",
    "n": "particles",
    "phi": "packing fraction",
    "dim": "dimension of space",
    "sizes": "distribution of diameters, as JSON; empty where all are equal",
    "start": "how particles are placed at step 0",
    "steps_asked": "steps after which a run ends that is still active",
    "seed": "number of the repeat",
    "paired": "fields of the specification on which noise and start do not depend",
    "steps": "steps done",
    "absorbed": "whether nothing moved any more at the end",
    "overflows": "pushes that were cut, being too large to be represented",
    "activity": "share of particles that move, at the end",
    "energy": "energy of all pairs, in the potential's unit, at the end",
    "msd": "mean square displacement since step 0, at the end, in squared mean diameters",
    "digest": "BLAKE2b digest of the last packing, in hexadecimal digits",
    "chain": "digest that vouches for all records and marks of the run",
    "wall": "seconds that the run took",
    "version": "version of the library",
    "commit": "commit of the library; with + where it was changed since",
    "cpu": "processor",
    "finished": "when the run ended, in universal time",
    "f_inf": "steady activity, the mean of the second half; 0 of a run that was absorbed",
    "f_inf_error": "standard error of f_inf",
    "tau_f": "autocorrelation time of the activity, in steps",
    "lengths": "autocorrelation times in the averaged half",
    "drift": "second part of that half minus its first, in standard errors",
    "reliable": "whether f_inf can be trusted",
    "tau_r": "relaxation time, in steps",
    "tau_r_after": "last recorded step before the relaxation time",
    "marks": "step:digest, digests of the packing on the way, the first 16 hexadecimal digits",
    "spec": "the whole specification as canonical JSON; its SHA-256 is the key of the run",
}
OF_SERIES = {
    "run": "line of runs.csv.xz, counted from 0",
    "step": "step of the record",
    "active": "particles that move, so that active / n is the activity",
    "energy": OF_RUNS["energy"].replace(", at the end", ""),
    "msd": OF_RUNS["msd"].replace(", at the end", ""),
}
OF_ARRAYS = {
    "run": OF_SERIES["run"],
    "kept": "what was kept: an observable, the last packing, a checkpoint, watched values",
    "array": "which array of it",
    "type": "NumPy's name of the type",
    "shape": "length along each axis",
    "values": "all values, in C order, parted by spaces",
}
OBSERVED = {  # by the beginning of the name
    "z_without_rattlers": "mean contacts of a particle that is no rattler",
    "z": "mean contacts of a particle",
    "rattlers": "particles that nothing holds",
    "flatness_sampled_": "mean rise of the energy under Gaussian displacement of this size, by Monte Carlo",
    "flatness_error_": "standard error of that",
    "flatness_": "mean rise of the energy under Gaussian displacement of this size, in closed form",
    "trace": "trace of the Hessian",
    "q6": "bond order Q_6 of all bonds",
    "coherence": "mean coherence of the bonds of neighbours",
    "hexatic_local": "mean local hexatic order",
    "hexatic": "hexatic order of all discs",
    "bragg": "highest peak of the structure factor per disc",
    "nematic_": "nematic order of this axis of bodies",
    "turned_c": "correlation of an axis of bodies with that at the start",
    "turned": "mean square angle by which bodies have turned, in squared radians",
}


def described(path, manifest):
    """(table, column, what it is) for each column of a file of an archive of runs."""
    if path.name == RUNS:
        names, told = header(manifest["numbers"]), OF_RUNS
    elif path.name in (SERIES, ARRAYS):
        with lzma.open(path, "rt") as file:
            names = next(csv.reader(file))
        told = OF_SERIES if path.name == SERIES else OF_ARRAYS
    else:
        names, told = [], {}
    table = path.name.split(".")[0]
    return [(table, name, told.get(name) or _observed(name)) for name in names]


def _observed(name):
    found = [said for start, said in OBSERVED.items() if name.startswith(start)]
    return found[0] if found else "a number that the specification has watched"
