"""What the threads of a step count, each for itself, and how that becomes a row of the record."""

import numpy as np

from mpack._kernels._jit import bare
from mpack._kernels.machine import as_int64
from mpack._kernels.state import ACTIVE, LIMBS, SPAN, TALLY, THREAD_COLUMNS
from mpack._kernels.sums import close

_U = np.uint64


@bare(forceinline=True)
def own_of(shared, thread):
    """The address of the numbers of one thread."""
    return shared.threads_own + _U(8 * THREAD_COLUMNS * thread)


@bare
def total(shared, column):
    """The sum of a column over the threads."""
    numbers, count = as_int64(shared.threads_own), np.int64(0)
    for thread in range(shared.threads):
        count += numbers[THREAD_COLUMNS * thread + column]
    return count


@bare
def write_record(shared):
    """Add up what the threads have seen, as the next row of the record."""
    row = as_int64(shared.record + _U(8 * (1 + 2 * LIMBS) * shared.next))
    row[0] = total(shared, ACTIVE)
    sums = as_int64(own_of(shared, 0))
    for limb in range(2 * SPAN):
        sums[TALLY + limb] = total(shared, TALLY + limb)
    for which in range(2):
        close(sums, TALLY + which * SPAN, row, 1 + which * LIMBS)
    shared.next += 1
