"""Critical exponents of universality classes, from the literature."""

import dataclasses

from mpack import _check


@dataclasses.dataclass(frozen=True)
class Exponents:
    """Critical exponents of a universality class in `dim` dimensions, each with its standard error (0: exact).

    beta of the order parameter, nu_perp of the correlation length, nu_parallel of the correlation
    time (None where there is no time).
    """

    name: str
    dim: int
    beta: float
    dbeta: float
    nu_perp: float
    dnu_perp: float
    nu_parallel: float | None
    dnu_parallel: float | None
    source: str


_MEAN_FIELD = "mean-field theory, exact from four dimensions on"
_MANNA = "S. Luebeck, Int. J. Mod. Phys. B 18, 3977 (2004), arXiv:cond-mat/0501259"
_EXPONENTS = {
    "Manna": {
        1: (0.382, 0.019, 1.347, 0.091, 1.876, 0.135, _MANNA),
        2: (0.639, 0.009, 0.799, 0.014, 1.225, 0.029, _MANNA),
        3: (0.840, 0.012, 0.593, 0.013, 1.081, 0.027, _MANNA),
        4: (1.0, 0.0, 0.5, 0.0, 1.0, 0.0, _MEAN_FIELD),
    },
    "directed percolation": {
        1: (
            0.276486,
            8e-6,
            1.096854,
            4e-6,
            1.733847,
            6e-6,
            "I. Jensen, J. Phys. A 32, 5233 (1999)",
        ),
        2: (
            0.5834,
            0.0030,
            0.7333,
            0.0075,
            1.2950,
            0.0060,
            "C. A. Voigt, R. M. Ziff, Phys. Rev. E 56, R6241 (1997)",
        ),
        3: (0.813, 0.009, 0.584, 0.005, 1.110, 0.010, "I. Jensen, Phys. Rev. A 45, R563 (1992)"),
        4: (1.0, 0.0, 0.5, 0.0, 1.0, 0.0, _MEAN_FIELD),
    },
    "mean field": {1: (1.0, 0.0, 0.5, 0.0, 1.0, 0.0, "mean-field theory")},
    "percolation": {
        2: (
            5 / 36,
            0.0,
            4 / 3,
            0.0,
            None,
            None,
            "exact: D. Stauffer, A. Aharony, Introduction to Percolation Theory",
        ),
    },
}


def exponents(name, dim):
    """`Exponents` of "Manna", "directed percolation", "mean field" (any dim) or "percolation" (dim 2)."""
    table = _EXPONENTS[_check.choice("name", name, tuple(_EXPONENTS))]
    dim = _check.integer("dim", dim, 1)
    known = 1 if name == "mean field" else min(dim, 4) if name != "percolation" else dim
    if known not in table:
        raise ValueError(f"dim must be {' or '.join(map(str, table))} for {name}; got {dim}")
    return Exponents(name, dim, *table[known])
