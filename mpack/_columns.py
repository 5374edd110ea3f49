"""Columns of every table of runs: their names, and the type that their text in an archive is read as."""

# All but those of the observables asked for.
SPECIFIED = {
    **{"rule": str, "approximation": bool, "eps": float, "alpha": float, "batch_fraction": float},
    **{
        "batch_size": float,
        "potential": str,
        "n": int,
        "phi": float,
        "dim": int,
        "sizes": str,
        "start": str,
    },
    **{"steps_asked": int, "seed": int, "paired": str},
}
# What an archive has in the text of a specification alone: columns that joined after the first of them.
OPTIONAL = {"correlation": float, "memory": str, "axes": str, "rotation": float}
MEASURED = {
    **{
        "steps": int,
        "absorbed": bool,
        "overflows": int,
        "activity": float,
        "energy": float,
        "msd": float,
    },
    **{
        "digest": str,
        "chain": str,
        "wall": float,
        "version": str,
        "commit": str,
        "cpu": str,
        "finished": str,
    },
}
DERIVED = {
    **{
        "f_inf": float,
        "f_inf_error": float,
        "tau_f": float,
        "lengths": float,
        "drift": float,
        "reliable": bool,
    },
    **{"tau_r": float, "tau_r_after": float},
}
KNOWN = {"process", *SPECIFIED, *OPTIONAL, *MEASURED, *DERIVED, "key", "spec", "series", "arrays"}
