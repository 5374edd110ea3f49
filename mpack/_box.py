"""How large spheres are and the box that holds them: volumes in decimal arithmetic, and the checks of both.

Decimal arithmetic gives the same box to the last bit on every machine, which powers and logarithms
of a machine's own libm do not.
"""

from __future__ import annotations

import decimal
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check

LARGEST_BOX = 1e9
DIGITS = decimal.Context(prec=50, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)
_PI = decimal.Decimal("3.14159265358979323846264338327950288419716939937510582097494")


def unit_ball(dim):
    """v_d = 2 pi v_{d-2} / d, as a Decimal."""
    return decimal.Decimal(1 + dim) if dim < 2 else 2 * _PI * unit_ball(dim - 2) / dim


def sphere_volume(diameters, dim):
    """Sum of the volumes of spheres with these diameters, as a Decimal; the sum is exact, so any order gives
    it.
    """
    power = diameters
    for _ in range(dim - 1):
        power = power * diameters
    return decimal.Decimal(math.fsum(power.tolist())) * unit_ball(dim) / 2**dim


def nearest(after, before):
    """Integer coordinates `after` less `before`, the nearest way: int64, in units of 2**-64 of the box, exact."""
    return (after.view(np.uint64) - before.view(np.uint64)).view(np.int64)


def box_for(phi, diameters, dim, extents=None):
    """Edge length at packing fraction phi: the same on every machine, because decimal arithmetic is.

    extents: of the particles along their longest axes, where they are no spheres.
    """
    phi = _check.number("phi", phi, 0, open_low=True)
    with decimal.localcontext(DIGITS):
        volume = sphere_volume(diameters, dim)
        box = float(((volume / decimal.Decimal(phi)).ln() / dim).exp())
        smallest = 2.0 * float((diameters if extents is None else extents).max())
        largest_phi = float(volume / decimal.Decimal(smallest) ** dim)
        smallest_phi = float(volume / decimal.Decimal(LARGEST_BOX) ** dim)
    if not smallest <= box <= LARGEST_BOX:
        raise ValueError(
            f"phi must be in [{smallest_phi:.6g}, {largest_phi:.6g}] for n = {len(diameters)} in dim = {dim},"
            f" so that the box is at least two largest diameters wide and at most {LARGEST_BOX:g};"
            f" got {phi!r}"
        )
    return box


def check_box(box: float, diameters: NDArray[np.float64]) -> float:
    """`box` as a float, if the nearest image of every pair is unique in it."""
    box = _check.number("box", box)
    smallest = 2.0 * float(diameters.max())
    if not smallest <= box <= LARGEST_BOX:
        raise ValueError(
            f"box must be in [{smallest:.6g}, {LARGEST_BOX:g}], at least two largest diameters wide so that"
            f" the nearest image of a pair is unique; got {box!r}"
        )
    return box


def check_diameters(diameters: ArrayLike, n: int) -> NDArray[np.float64]:
    result = sizes("diameters", diameters, n)
    found = mean(result)
    if not abs(found - 1.0) <= 1e-9:
        raise ValueError(
            "diameters must have mean 1 to 1e-9, because lengths are in mean diameters: divide diameters, box"
            f" and positions by {found!r}"
        )
    return np.ones(n) if all_equal(result) else result


def all_equal(values: NDArray[np.float64]) -> bool:
    """Whether numbers are the same to the last bit: what was equal stays so under any division, and its mean
    need not come out as its value.
    """
    return bool(np.all(values == values[:1]))


def normalised(name: str, diameters: ArrayLike, n: int) -> NDArray[np.float64]:
    """Relative sizes divided by their mean."""
    given = sizes(name, diameters, n)
    scaled = given / float(given.max())  # no overflow in the sum, whatever the unit
    result = scaled / mean(scaled)
    if np.any(result == 0):
        raise ValueError(
            f"{name} must be within a factor of 1e300 of each other; got a ratio beyond it"
        )
    return result


def sizes(name: str, diameters: ArrayLike, n: int) -> NDArray[np.float64]:
    """Diameters as an (n,) array of positive floats."""
    if np.ndim(diameters) == 0:
        return np.full(n, _check.number(name, diameters, 0, open_low=True))
    result = _check.array(name, diameters, (n,))
    if np.any(result <= 0):
        k = int(np.argmax(result <= 0))
        raise ValueError(f"{name} must be > 0; {name}[{k}] is {result[k]}")
    return result


def mean(values: NDArray[np.float64]) -> float:
    """The mean, from the exact sum; of equal numbers their value."""
    return float(values[0] if all_equal(values) else math.fsum(values.tolist()) / len(values))
