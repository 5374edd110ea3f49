"""Critical exponents of universality classes, from the literature."""

from __future__ import annotations

import dataclasses
import math

from mpack import _check
from mpack.statistics import Estimate


@dataclasses.dataclass(frozen=True)
class Exponents:
    """Critical exponents of a universality class in `dim` dimensions, each with its standard error (0: exact).

    beta of the order parameter, nu_perp of the correlation length, nu_parallel of the correlation
    time (None where there is no time).

    Examples
    --------
    >>> exponents("Manna", 3).nu_perp
    0.593
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

    def parameters(self, order: str | None = None, time: str | None = None) -> dict[str, float]:
        """As the parameters nu, zeta of a fit: zeta = -beta of an order parameter, nu_parallel of a time.

        Parameters
        ----------
        order, time : str, optional
            Names in a joint fit of the observable that is an order parameter and of the one that is
            a time; with neither, zeta is that of an order parameter which is fitted alone.

        Returns
        -------
        dict of str to float
            For `fixed` of `mpack.scaling.collapse`.

        Raises
        ------
        ValueError
            A time of a class that has none.

        Examples
        --------
        >>> exponents("mean field", 3).parameters(order="f", time="tau")
        {'nu': 0.5, 'zeta_f': -1.0, 'zeta_tau': 1.0}
        """
        return self._named(order, time, self.nu_perp, -self.beta, self.nu_parallel)

    def errors(self, order: str | None = None, time: str | None = None) -> dict[str, float]:
        """Standard errors of what `parameters` returns, under the same names.

        Examples
        --------
        >>> exponents("Manna", 3).errors(order="f")
        {'nu': 0.013, 'zeta_f': 0.012}
        """
        return self._named(order, time, self.dnu_perp, self.dbeta, self.dnu_parallel)

    def decay(self) -> Estimate:
        """Exponent delta of the decay of activity at the transition, f ~ t**-delta, from a random start.

        delta = beta/nu_parallel if one time and one length rule everything. In the Manna class a
        random start has fluctuations of the conserved density that only diffusion removes, and there
        delta is what was measured, in less than four dimensions.

        Returns
        -------
        Estimate
            With the published standard error; that of a ratio takes both exponents as independent.

        Raises
        ------
        ValueError
            A class that has no time.

        Examples
        --------
        >>> exponents("Manna", 3).decay().value
        0.745
        >>> exponents("mean field", 3).decay().value
        1.0
        """
        if self.nu_parallel is None or self.dnu_parallel is None:
            raise ValueError(f"decay needs a class that has a time; {self.name} has none")
        if (self.name, self.dim) in _DECAYS:
            value, error = _DECAYS[self.name, self.dim]
            return Estimate(value, error, source=self.source, dof=math.inf)
        value = self.beta / self.nu_parallel
        error = value * math.hypot(self.dbeta / self.beta, self.dnu_parallel / self.nu_parallel)
        return Estimate(value, error, source=self.source, dof=math.inf)

    def _named(self, order, time, nu, zeta_order, zeta_time):
        named = {"nu": nu}
        if order is not None or time is None:
            named["zeta" if order is None else f"zeta_{order}"] = zeta_order
        if time is not None:
            if zeta_time is None:
                raise ValueError(
                    f"time must be left out for {self.name}, which has none; got {time!r}"
                )
            named[f"zeta_{time}"] = zeta_time
        return named


_MEAN_FIELD = "mean-field theory, exact from four dimensions on"
_MANNA = "S. Luebeck, Int. J. Mod. Phys. B 18, 3977 (2004), arXiv:cond-mat/0501259"
_DECAYS = {  # from random starts, measured by the author of the exponents
    ("Manna", 1): (0.141, 0.024),
    ("Manna", 2): (0.419, 0.015),
    ("Manna", 3): (0.745, 0.017),
}
_EXPONENTS: dict[str, dict[int, tuple]] = {
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


def exponents(name: str, dim: int) -> Exponents:
    """Exponents of a universality class as published, each with its error.

    Parameters
    ----------
    name : str
        "Manna", "directed percolation", "mean field" (any dim) or "percolation" (dim 2).
    dim : int
        Dimension of space, >= 1; from the upper critical dimension 4 on, those of mean field.

    Returns
    -------
    Exponents

    Raises
    ------
    ValueError, TypeError
        No such class, or not in this dimension.

    Examples
    --------
    >>> e = exponents("percolation", 2)
    >>> e.beta == 5 / 36, e.nu_parallel
    (True, None)
    """
    table = _EXPONENTS[_check.choice("name", name, tuple(_EXPONENTS))]
    dim = _check.integer("dim", dim, 1)
    known = 1 if name == "mean field" else min(dim, 4) if name != "percolation" else dim
    if known not in table:
        raise ValueError(f"dim must be {' or '.join(map(str, table))} for {name}; got {dim}")
    return Exponents(name, dim, *table[known])
