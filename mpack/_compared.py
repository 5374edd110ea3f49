"""Numbers that were stored beside the same ones made anew."""

import math

CLOSE = 1e-9  # relative, for what goes through libm or FFT: derived numbers and observables


def differences(stored, again):
    """A sentence for each number that is not the same, to what libm leaves open."""
    return [
        f"{name} is stored as {value!r}, done again {again.get(name)!r}"
        for name, value in stored.items()
        if name not in again or not _close(value, again[name])
    ]


def _close(one, other):
    return (
        one == other or (one != one and other != other) or math.isclose(one, other, rel_tol=CLOSE)
    )
