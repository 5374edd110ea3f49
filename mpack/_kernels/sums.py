"""Sums whose terms may come in any order: integers in units of powers of two, wide enough for every double of a run.

A sum is SPAN integers (*limbs*) of 36 bits, in units of 2**-1064, 2**-1028, ..., 2**664; with the
bits above, each has room for 2**27 terms. The five from 2**-56 to 2**88 on came first: up to
version 0.1 a term was cut to units of 2**-56 and at 2**120, and what is archived is what those five
hold. So theirs is the sum as long as what was cut off is less than a share of 2**-28 (4e-9) of it;
else it is the sum of all, correctly rounded. Which of the two follows from integers alone.
"""

import numpy as np

from mpack._kernels._jit import bare
from mpack._kernels.state import SPAN

BELOW = 28  # limbs of units less than 2**-56
USUAL = 5  # those of 2**-56 to 2**88
BITS = 36
TOLD_APART = 2.0**-28
_LIMB = 2.0**BITS
_LOWEST = 2.0**-1064
_MOST_USUAL = 2.0**120
_LARGEST = 2.0**690  # a single term is cut to this: forces and energies are, at 1e200


@bare(forceinline=True)
def tally(sums, at, value):
    """Add `value` to an exact sum, SPAN integers from sums[at] on."""
    if abs(value) > _MOST_USUAL:
        value = _tally_high(sums, at, value)
    unit = 2.0**88
    for limb in range(BELOW + USUAL - 1, BELOW - 1, -1):
        whole = np.int64(value / unit)
        sums[at + limb] += whole
        value -= float(whole) * unit
        unit /= _LIMB
    if value != 0.0:
        _tally_low(sums, at, value)


@bare
def _tally_high(sums, at, value):
    """Add what of a value is beyond the usual limbs; returns the rest."""
    value = min(max(value, -_LARGEST), _LARGEST)
    unit = 2.0**664
    for limb in range(SPAN - 1, BELOW + USUAL - 1, -1):
        whole = np.int64(value / unit)
        sums[at + limb] += whole
        value -= float(whole) * unit
        unit /= _LIMB
    return value


@bare
def _tally_low(sums, at, value):
    """Add a value below 2**-56."""
    unit, limb = 2.0**-92, BELOW - 1
    while value != 0.0 and limb >= 0:
        whole = np.int64(value / unit)
        sums[at + limb] += whole
        value -= float(whole) * unit
        unit /= _LIMB
        limb -= 1


@bare
def _worth(sums, first, last, unit):
    """The value of limbs first to last, by doubles; `unit` is that of the first."""
    total = 0.0
    for limb in range(first, last):
        total += float(sums[limb]) * unit
        unit *= _LIMB
    return total


@bare
def close(sums, at, row, to):
    """Write an exact sum as LIMBS integers from row[to] on, which `mpack._engine.exact` reads; uses it up.

    The usual limbs; then -1 where they are all that counts, else the place of the lowest of three
    limbs, and these three. The lowest bit is set if anything is left below.
    """
    high = False
    for limb in range(at + BELOW + USUAL, at + SPAN):
        high |= sums[limb] != 0
    low = _worth(sums, at, at + BELOW, _LOWEST)
    usual = _worth(sums, at + BELOW, at + BELOW + USUAL, 2.0**-56)
    for limb in range(USUAL):
        row[to + limb] = sums[at + BELOW + limb]
    row[to + USUAL] = -1
    if not high and abs(low) <= TOLD_APART * abs(usual):
        return
    sign = np.int64(-1) if _carry(sums, at) < 0 else np.int64(1)
    if sign < 0:
        for limb in range(at, at + SPAN):
            sums[limb] = -sums[limb]
        _carry(sums, at)
    top = SPAN - 1
    while top > 2 and sums[at + top] == 0:
        top -= 1
    left = False
    for limb in range(at, at + top - 2):
        left |= sums[limb] != 0
    row[to + USUAL] = top - 2
    row[to + USUAL + 1] = sign * (sums[at + top - 2] | np.int64(left))
    row[to + USUAL + 2] = sign * sums[at + top - 1]
    row[to + USUAL + 3] = sign * sums[at + top]


@bare
def _carry(sums, at):
    """Bring all limbs but the highest into [0, 2**36); returns the highest, which has the sign."""
    for limb in range(at, at + SPAN - 1):
        over = sums[limb] >> BITS
        sums[limb] -= over << BITS
        sums[limb + 1] += over
    return sums[at + SPAN - 1]
