"""What the step kernels work on, and the few things done to one number.

Layout. A coordinate is a signed 64-bit integer, the fraction of the box in units of 2**-64: one
wrap of the integer is one wrap of the box, the minimum image of a separation is the plain wrapped
difference, and displacements add up exactly in any order. Particles stand in *slots*, sorted by
tier of size (see `cells`) and cell; `label` says which particle a slot holds. The upper 32 bits of
the coordinates are kept apart (`coarse`), since they decide nearly every question of who may touch
whom.

Kernels get records: numbers, and the addresses of arrays that the engine owns. A function takes the
arrays it needs out of them at its top (`as_int64(space.fixed)`). Passing the arrays themselves
would cost minutes of compile time and reference counts in the inner loops. `axes`, a tuple of `dim`
zeros, goes along everywhere: its length is known when compiling, so that loops over coordinates
unroll.
"""

import math

import numpy as np

from mpack._kernels._jit import bare

CHUNK = 512  # contacts worked on at a time: their scratch stays in the first-level cache
SPAN = 49  # integers of an exact sum, see `sums`
LIMBS = 9  # integers of an exact sum in a record
# How a number of a pair or particle is drawn; the last two are vectors, for each end of a pair.
ONE, UNIFORM, BERNOULLI, GAUSSIAN, BATCH, KICK, GAUSSIAN_KICK = range(7)
RUNNING, PAUSED, ABSORBED, GROW_LIST, GROW_OUT, GROW_KEYS, GROW_CARRY = range(
    7
)  # how a call of `advance` ended


def record(numbers=(), arrays=()):
    """A structured type: `numbers` as (name, type), `arrays` by name, held as addresses."""
    return np.dtype([*numbers, *((name, np.uint64) for name in arrays)], align=True)


SPACE = record(
    [("n", np.int64), ("poly", np.int64), ("carries", np.int64)],
    [
        "fixed",  # int64 (n * dim): coordinates
        "wraps",  # int32 (n * dim): times each coordinate has left the box upwards, as of `anchor`
        "coarse",  # int32 (n + 4, stride): upper halves of the coordinates; stride 4 up to d = 4, else 8
        "anchor",  # int32 (n, stride): `coarse` when the list that steps look at was made
        "home",  # int32 (n, stride): `coarse` when the slots were last sorted and the wide list built
        "push",  # int64 (n * dim): displacement of this step, summed over contacts; zero between steps
        "carry",  # int64 (n * dim, if carries): the pushes' upper halves, where `push` itself could overflow
        "radius",  # float64 (n, if poly): reach of the potential from the centre
        "radius32",  # float32 (n + 4, if poly): the same in units of `coarse`, rounded up
        "bound32",  # float32 (n + 4, if poly): how far a list looks, while it is made; then `limit` of each slot
        "label",  # uint32 (n)
        "origin",  # int64 (n * dim), by label: coordinates at step 0
        "active",  # uint8 (n): 1 where a contact was found this step; zero between steps
    ],
)
LIST = record(
    [
        ("rows_room", np.int64),
        ("pairs_room", np.int64),
        ("found_room", np.int64),
        ("tiers", np.int64),  # of diameters: 1 where they are alike
        ("runs_room", np.int64),
        ("halo_room", np.int64),
    ],
    [
        "wide_i",  # uint32 (rows_room / 2): the wide list's pairs (dense), by thread
        "rows",  # uint32 (rows_room): their second slots, or rows of neighbours (sparse), by thread
        "front",  # uint32 (pairs_room): the pairs that steps look at (dense), by thread
        "back",  # uint32 (pairs_room): their second slots
        "first",  # uint32 (n): where the row of a slot begins
        "last",  # uint32 (n): where it ends; then the pairs a slot is in (dense, several tiers)
        "cell",  # uint32 (n): cell of a slot, then its old place while sorting
        "start",  # uint32 (one more than cells): first slot of each cell, tier after tier
        "tops",  # float64 (tiers): reach of the potential from the centre of a tier's largest sphere
        "most",  # int64 (tiers): most cells to an edge that there is room for
        "edge",  # int64 (tiers): cells to an edge
        "offset",  # int64 (tiers + 1): the first cell of each tier
        "begin",  # int64 (tiers + 1): its first slot
        "window",  # int64 (threads * 3 * dim): cells around a slot
        "runs",  # int64 (threads * runs_room): runs of neighbouring slots of one cell
        "halo",  # int32 (threads, halo_room + 4, stride): `coarse` of the slots around one cell
        "halo_slot",  # uint32 (threads, halo_room + 4): those slots
        "halo_radius",  # float32 (threads, halo_room + 4): their radius32
        "scratch",  # int64 (n * dim): room to permute in
        "found_i",  # uint32 (found_room): contacts known in sparse steps, by thread
        "found_j",  # uint32 (found_room)
        "moved",  # uint32 (n + threads): slots active in a sparse step, by thread
    ],
)
RULE = record(
    [
        ("seed", np.uint64),
        ("pair", np.int64),  # how the number of a pair and step is drawn: ONE, UNIFORM, ...
        ("particle", np.int64),  # likewise the number of a particle and step
        ("reciprocal", np.int64),  # 0: the two ends of a pair draw separately
        ("correlation", np.float64),  # of their displacements, where they do
        ("tied", np.float64),  # chance that the second end's number is made of the first's
        ("memory", np.int64),  # 1: odd steps take the complements of the numbers of the step before
        ("scale", np.float64),  # factor of the force, lengths
        ("mean", np.float64),  # of GAUSSIAN
        ("spread", np.float64),  # of GAUSSIAN
        ("fraction", np.float64),  # of BERNOULLI
        ("batch", np.int64),  # of BATCH: how many are drawn
        ("kind", np.int64),  # potential, and its two numbers
        ("a", np.float64),
        ("b", np.float64),
        ("reach", np.float64),  # range of the potential over the contact distance
        ("touch", np.float64),  # range of the potential for equal spheres
        ("grain", np.float64),  # median diameter: the unit of skins
        (
            "strongest",
            np.float64,
        ),  # bound on the push of one contact, in boxes; infinite where the force has none
        ("box", np.float64),
    ],
    [
        "table",  # float64: what a tabulated potential is made of
    ],
)
CHUNK_RECORD = record(
    [],
    [
        "i",  # uint32: slots of the contacts at work (or places in the list, while they are candidates)
        "j",
        "a",  # uint64: their labels, lower and higher
        "b",
        "dx",  # float64 (dim, CHUNK): separation from j to i, lengths; then, of kicks, that of i
        "dy",  # float64 (dim, CHUNK): minus the kick of j
        "r2",  # float64: its square; then force over separation
        "touch",  # float64: range of the potential for the pair
        "w",  # float64: weight of the push on the lower label
        "v",  # float64: and on the higher one, where not reciprocal
    ],
)
SHARED = record(
    [
        ("threads", np.int64),
        ("step", np.int64),
        ("status", np.int64),
        ("next", np.int64),  # place in `schedule`
        ("scheduled", np.int64),  # its length
        ("stale", np.int64),  # 1: the list must be made anew
        ("sorted", np.int64),  # 1: the wide list is one of pairs, and the slots are where it says
        ("sparse", np.int64),  # 1: sparse steps
        (
            "linked",
            np.int64,
        ),  # 1: sparse steps use linked cells; 0: a list
        ("fullest", np.int64),  # most slots that one of the linked cells has held
        ("crowd", np.int64),  # bound on the contacts of one particle while the wide list lives
        ("life", np.int64),  # steps the list, or the linked cells, have lasted
        ("builds", np.int64),  # wide lists built
        ("prunes", np.int64),  # lists made from a wide one
        ("tuned", np.int64),  # 0: the skin stays as it is
        ("skin", np.float64),  # median diameters
        ("wide", np.float64),  # skin of the wide list
        (
            "limit",
            np.float64,
        ),  # squared distance from an anchor, units of `coarse`, at which the list is stale
        ("out_room", np.int64),
        ("keys_room", np.int64),
        ("threshold", np.uint64),  # largest key in a batch of exactly B
    ],
    [
        "gate",  # int64 (16): the barrier
        "threads_own",  # THREAD records
        "out_slot",  # uint32 (out_room): contacts that reach into another thread's slots, by thread
        "out_push",  # int64 (out_room * dim)
        "keys",  # uint64 (keys_room): what a batch of exactly B is drawn by, by thread
        "schedule",  # int64: steps to record at
        "record",  # int64 (scheduled, 1 + 2 * LIMBS): active particles, energy, square displacement
    ],
)
THREAD_COLUMNS = 128  # int64 numbers of one thread, a few cache lines apart from the next thread's:
ACTIVE, CLIPPED, OUT, OVERFLOW, MISSED, PAIRS, FOUND, MOVED, KEYS, TOO_FAR, WIDE, ROAMED = range(12)
PARTNERS, TALLY = 12, 13


LIMIT = 2.0**63 - 1024.0  # largest double below half the box in units of the coordinates


@bare(forceinline=True)
def crossing(before, after):
    """+1, 0 or -1: whether a 32-bit coordinate that went from `before` to `after`, less than half the box, left it."""
    step = np.int32(after - before)
    return np.int32(step > 0 and after < before) - np.int32(step < 0 and after > before)


@bare(forceinline=True)
def to_integer(value):
    """A push in units of the coordinates, cut to just under half the box; and 1 if it was cut."""
    cut = min(max(value, -LIMIT), LIMIT)
    return np.int64(cut), np.int64(cut != value)


@bare(forceinline=True)
def modulo_box(value):
    """A displacement in units of the coordinates, modulo the box; and 1 if it was half the box or more."""
    if abs(value) < 2.0**63:  # nearly always
        return np.int64(value), np.int64(0)
    boxes = math.floor(value * 2.0**-64 + 0.5)
    rest = value - boxes * 2.0**64
    if rest >= 2.0**63:  # the sum above was rounded
        rest -= 2.0**64
    if rest < -(2.0**63):
        rest += 2.0**64
    return np.int64(rest), np.int64(rest != value)


@bare(forceinline=True)
def share_of(n, thread, threads):
    """The places [begin, end) of n that a thread owns."""
    return n * thread // threads, n * (thread + 1) // threads


@bare(forceinline=True)
def stride_of(axes):
    """Distance in `coarse` from one slot to the next."""
    return np.uint64(4) if len(axes) <= 4 else np.uint64(8)
