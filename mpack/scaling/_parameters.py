"""The parameters of the scaling law: which there are, which observables share them, what they are if nobody says.

One observable has rho_c, nu, zeta, b, c and omega. Several that are fitted together share rho_c, nu
and omega; the others are then called zeta_NAME, b_NAME, c_NAME.
"""

import functools
from typing import NamedTuple

import numpy as np

from mpack import _check


class Parameter(NamedTuple):
    """One parameter of the law a = l^(zeta/nu) (1 + b l^-omega) F(l^(1/nu) (rho - rho_c) + c l^-omega)."""

    name: str
    shared: bool = False  # one for all observables of a joint fit
    default: float | None = None  # None: it has to be given
    positive: bool = False
    correction: bool = False  # amplitude of a correction to scaling: 0 is its absence

    def of(self, observable):
        """Its full name for an observable, None being the only one."""
        return self.name if self.shared or observable is None else f"{self.name}_{observable}"


PARAMETERS = (
    Parameter("rho_c", shared=True),
    Parameter("nu", shared=True, positive=True),
    Parameter("zeta"),
    Parameter("b", default=0.0, correction=True),
    Parameter("c", default=0.0, correction=True),
    Parameter("omega", shared=True, default=1.0, positive=True),
)
ZETA = PARAMETERS[2]


def declared(observables):
    """{full name: Parameter} of everything that a fit of these observables has, in the order of PARAMETERS."""
    return {one.of(observable): one for one in PARAMETERS for observable in observables}


def checked(known, given):
    """The given values as floats; ValueError or TypeError for one that is no number, or not > 0 where it has to be."""
    values = {key: _check.number(key, value) for key, value in given.items()}
    for key, value in values.items():
        if known[key].positive and value <= 0.0:
            raise ValueError(f"{key} must be > 0; got {value:.6g}")
    return values


def shared_out(known, start, fixed):
    """(start, fixed) with a value for every known parameter once, in one of the two: floats, start in order."""
    for what, given in (("start", start), ("fixed", fixed)):
        for key in given:
            if key not in known:
                raise ValueError(
                    f"{what} must name parameters among {', '.join(known)}; got {key!r}"
                )
    for key in start:
        if key in fixed:
            raise ValueError(f"{key} must be in start or in fixed, not in both")
    for key, one in known.items():
        if key not in start and key not in fixed and one.default is None:
            raise ValueError(f"{key} must be given, in start or in fixed")
    start = {key: start[key] for key in known if key in start}
    left_out = {key: one.default for key, one in known.items() if key not in start | fixed}
    return checked(known, start), checked(known, fixed | left_out)


@functools.cache
def _places(observable):
    """(name, full name, default) of each parameter of an observable."""
    return tuple((one.name, one.of(observable), one.default) for one in PARAMETERS)


def of_observable(values, observable):
    """The parameters of one observable among those of a fit: zeta from zeta_NAME, and so on."""
    return {name: values.get(full, default) for name, full, default in _places(observable)}


def _present(coefficient):
    """Whether a correction, or one of several, is not zero; most fits have none, and ask for it all the time."""
    return bool(coefficient) if isinstance(coefficient, float) else np.any(coefficient)


def stretches(log_l, nu, zeta):
    """What turns rho - rho_c into x, and a into y, without corrections."""
    return np.exp(log_l / nu), np.exp(-zeta / nu * log_l)


def transformation(log_l, rho, values):
    """x, and the factor that turns a into y."""
    stretch, factor = stretches(log_l, values["nu"], values["zeta"])
    x = stretch * (rho - values["rho_c"])
    if _present(values["b"]) or _present(values["c"]):
        small = np.exp(-values["omega"] * log_l)
        x, factor = x + values["c"] * small, factor / (1.0 + values["b"] * small)
    return x, factor
