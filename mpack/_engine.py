"""From a packing and a dynamics to the arrays of the step kernels, and back: memory, threads, growth."""

import contextlib
import contextvars
import math
import threading

import numpy as np

from mpack._kernels import memory, state, sums
from mpack._kernels._jit import INTERPRETED, WATCHED
from mpack._kernels.cells import tiers
from mpack._kernels.machine import FAILED
from mpack._kernels.neighbours import drop_anchor, settle_wraps
from mpack._kernels.steps import advance
from mpack.potentials import Linear

DRAWS = {
    "one": state.ONE,
    "uniform": state.UNIFORM,
    "bernoulli": state.BERNOULLI,
    "gaussian": state.GAUSSIAN,
    "batch": state.BATCH,
    "kick": state.KICK,
    "gaussian kick": state.GAUSSIAN_KICK,
}
_FIRST_SKIN = 0.1
_cut: contextvars.ContextVar[bool] = contextvars.ContextVar("cut", default=False)


class Group:
    """A record for the kernels: its numbers, and the arrays whose addresses it holds."""

    def __init__(self, dtype, **fields):
        self.arrays = {}
        table = np.zeros(1, dtype=dtype)
        self.record = table.view(np.recarray)[0] if INTERPRETED else table[0]
        for name, value in fields.items():
            self[name] = value

    def __getitem__(self, name):
        return self.arrays[name] if name in self.arrays else self.record[name]

    def __setitem__(self, name, value):
        if isinstance(value, np.ndarray):
            self.arrays[name] = np.ascontiguousarray(value)
            if WATCHED:
                memory.enter(self.arrays[name])
            value = self.arrays[name].__array_interface__["data"][0]  # quicker than ctypes
        self.record[name] = value


class Progress:
    """What engines of all particles tell from the record `shared`: steps done, what was cut, what is recorded."""

    @property
    def step(self):
        """Steps done."""
        return int(self.shared["step"])

    @property
    def clipped(self):
        """Pushes cut to half the box, and displacements of half the box or more, so far in this engine."""
        return int(self.shared["threads_own"][:, state.CLIPPED].sum())

    @property
    def recorded(self):
        """How many of the scheduled steps have been recorded."""
        return int(self.shared["next"])

    def schedule(self, steps):
        """Record at these steps (increasing) from now on; returns the table the records will stand in.

        A row: active particles; energy and sum of squared displacements as exact sums, see `exact`.
        """
        self.shared["schedule"] = np.array(steps, dtype=np.int64)
        self.shared["record"] = np.zeros((len(steps), 1 + 2 * state.LIMBS), dtype=np.int64)
        self.shared["scheduled"], self.shared["next"] = len(steps), 0
        return self.shared["record"]


class Engine(Progress):
    """A run in progress: slots, lists, shared scratch. Everything a stop and resume needs is in `snapshot()`.

    Parameters
    ----------
    packing : Packing
        Where the particles are now.
    recipe : Recipe
        The rule.
    seed, step : int
        Key of the noise; steps done so far.
    origin, wraps : arrays (n, d), optional
        Coordinates at step 0 and boxes crossed since, for the unwrapped displacement; the present
        ones and zero.
    threads : int
        How many work on each step; `share` lets fewer do so.
    skin : float, optional
        Fixed skin of the neighbour list, mean diameters; tuned while running if left out. Spheres
        larger than the median have a wider one.
    labels : uint32 array (n,), optional
        Labels that the noise is keyed by: 0 ... n - 1 unless said.
    """

    def __init__(
        self,
        packing,
        recipe,
        seed,
        step=0,
        origin=None,
        wraps=None,
        threads=1,
        skin=None,
        labels=None,
    ):
        self.n, self.dim, self.threads, self.most = packing.n, packing.dim, threads, threads
        self.axes = (0,) * packing.dim
        self.rule = rule_of(packing, recipe, seed)
        order, begin = tiers(packing.diameters)
        self.space = _space(packing, self.rule, order, labels, origin, wraps)
        self.lists = _lists(packing, self.rule, order, begin, threads, self.space["anchor"].base)
        self.shared = shared_of(self.n, self.dim, threads, recipe)
        self.chunks = [chunk_of(self.dim) for _ in range(threads)]
        self.shared["step"] = step
        self.shared["tuned"] = skin is None
        self.shared["skin"] = _FIRST_SKIN if skin is None else skin / self.rule["grain"]

    def share(self, threads):
        """Let so many threads work on each step from now on, at most as many as the engine was made for.

        No bit depends on it. The lists, which each thread has a part of, are made anew.
        """
        if threads != self.threads:
            self.threads = self.shared["threads"] = threads
            self.shared["stale"], self.shared["sorted"] = 1, 0
            self.shared["life"] = 0  # that of a list that was cut short says nothing of its skin

    def advance(self, until):
        """Run to step `until`; True if the run got absorbed before."""
        while True:
            self._advance_all(until)
            status = int(self.shared["status"])
            if status in (state.PAUSED, state.ABSORBED):
                return status == state.ABSORBED
            self._grow(status)

    def _advance_all(self, until):
        failed = []

        def work(thread):
            groups = (self.space, self.lists, self.rule, self.shared, self.chunks[thread])
            try:
                advance(self.axes, *(group.record for group in groups), until, thread)
            except Exception as error:  # the others wait for this thread at a barrier
                self.shared["gate"][FAILED] = 1
                failed.append(error)

        if self.threads == 1:
            work(0)
        else:
            workers = [
                threading.Thread(target=work, args=(thread,)) for thread in range(self.threads)
            ]
            for worker in workers:
                worker.start()
            _join(workers)
        if failed:
            raise failed[0]

    def _grow(self, status):
        if status == state.GROW_LIST:
            _make_lists(
                self.lists, enlarged(self.lists["rows_room"]), enlarged(self.lists["pairs_room"])
            )
            room = enlarged(self.lists["found_room"])
            self.lists["found_i"], self.lists["found_j"] = np.zeros((2, room), dtype=np.uint32)
            self.lists["found_room"] = room
            _make_halo(
                self.lists,
                enlarged(self.lists["halo_room"]),
                self.most,
                4 if self.dim <= 4 else 8,
            )
            self.shared["stale"], self.shared["sorted"] = 1, 0
        elif status == state.GROW_OUT:
            room = enlarged(self.shared["out_room"])
            self.shared["out_slot"] = np.zeros(room, dtype=np.uint32)
            self.shared["out_push"] = np.zeros(room * self.dim, dtype=np.int64)
            self.shared["out_room"] = room
        elif status == state.GROW_KEYS:
            room = enlarged(self.shared["keys_room"])
            self.shared["keys"] = np.zeros(room, dtype=np.uint64)
            self.shared["keys_room"] = room
        elif status == state.GROW_CARRY:
            self.space["carry"] = np.zeros(self.n * self.dim, dtype=np.int64)
            self.space["carries"] = 1

    def snapshot(self):
        """(fixed, wraps, None) by label, both (n, d): coordinates now and boxes crossed since step 0."""
        settle_wraps(self.axes, self.space.record, 0, self.n)
        drop_anchor(self.axes, self.space.record, 0, self.n)
        self.shared["stale"], self.shared["sorted"] = 1, 0
        fixed = np.empty((self.n, self.dim), dtype=np.int64)
        wraps = np.empty((self.n, self.dim), dtype=np.int32)
        fixed[self.space["label"]] = self.space["fixed"].reshape(self.n, self.dim)
        wraps[self.space["label"]] = self.space["wraps"].reshape(self.n, self.dim)
        return fixed, wraps, None

    def held(self):
        """Copies of what the present coordinates and wraps are made of, see `settled`.

        Quick, and nothing in the engine changes, as it does by `snapshot`.
        """
        return {
            name: self.space[name].copy()
            for name in ("label", "fixed", "wraps", "anchor", "coarse")
        }

    @property
    def nbytes(self):
        """Bytes held by the arrays."""
        groups = (self.space, self.lists, self.shared, *self.chunks)
        arrays = [array for group in groups for array in group.arrays.values()]
        owners = [array if array.base is None else array.base for array in arrays]
        return sum({id(owner): owner.nbytes for owner in owners}.values())


@contextlib.contextmanager
def cut_sums():
    """While the block runs, sums are those of up to version 0.1, every term cut to units of 2**-56: for audits."""
    token = _cut.set(True)
    try:
        yield
    finally:
        _cut.reset(token)


def exact(limbs):
    """The value of an exact sum in a record, LIMBS integers (see `_kernels.sums.close`), correctly rounded."""
    usual, (place, *rest) = limbs[: sums.USUAL].tolist(), limbs[sums.USUAL :].tolist()
    if place < 0 or _cut.get():
        return _joined(usual) / 2**56
    value, power = _joined(rest), sums.BITS * (place - sums.BELOW) - 56
    return float(value << power) if power > 0 else value / (1 << -power)


def _joined(limbs):
    return sum(limb << (sums.BITS * place) for place, limb in enumerate(limbs))


def settled(held):
    """(fixed, wraps, turns) by label, from what an engine held: what `snapshot` would have given.

    Coordinates and boxes crossed are (n, d), quaternions (n, 4), or None of spheres.
    """
    label = held["label"]
    n = len(label)
    if "turns" in held:
        return tuple(_by_label(label, held[name]) for name in ("fixed", "wraps", "turns"))
    moved = held["fixed"].reshape(n, -1)
    dim = moved.shape[1]
    before, after = held["anchor"].reshape(n, -1)[:, :dim], held["coarse"][:n, :dim]
    way = after - before  # of 32 bits: where it wraps, a particle has left the box
    left = (way - np.subtract(after, before, dtype=np.int64)) >> 32
    fixed = np.empty((n, dim), dtype=np.int64)
    wraps = np.empty((n, dim), dtype=np.int32)
    fixed[label] = moved
    wraps[label] = held["wraps"].reshape(n, dim) + left
    return fixed, wraps, None


def _by_label(label, values):
    rows = values.reshape(len(label), -1)
    out = np.empty_like(rows)
    out[label] = rows
    return out


def energy_of(row):
    """The energy in a row of the record."""
    return exact(row[1 : 1 + state.LIMBS])


def _join(workers):
    """Wait for threads; an interrupt meanwhile is raised only once all have ended, with all arrays in order."""
    interrupted = None
    for worker in workers:
        while worker.is_alive():
            try:
                worker.join()
            except KeyboardInterrupt as interrupt:
                interrupted = interrupt
    if interrupted is not None:
        raise interrupted


def enlarged(room):
    """A quarter more: most lists that outgrow their room do so by little, and memory is what they cost."""
    return int(room) * 5 // 4 + 1024


def rule_of(packing, recipe, seed):
    potential = recipe.potential
    a, b = potential.parameters
    return Group(
        state.RULE,
        seed=np.uint64(seed),
        pair=DRAWS[recipe.pair],
        particle=DRAWS[recipe.particle],
        reciprocal=recipe.reciprocal,
        correlation=recipe.correlation,
        tied=recipe.tied,
        memory=recipe.antithetic,
        scale=recipe.scale,
        mean=recipe.mean,
        spread=recipe.spread,
        fraction=recipe.fraction,
        batch=recipe.batch,
        kind=potential.kind,
        a=a,
        b=b,
        reach=potential.range(1.0),
        touch=potential.range(float(packing.diameters[0])),
        grain=float(np.median(packing.diameters)),
        strongest=_strongest(packing, recipe),
        box=packing.box,
        table=potential.table,
    )


def _strongest(packing, recipe):
    """A bound on the push of one contact, in boxes: infinite where the force has none."""
    most = 9.0 if recipe.tied == 0.0 else 13.0  # Gaussian numbers end at 8.6, a sum of two at 12.2
    if recipe.is_kick:
        return recipe.scale * max(1.0, most * recipe.spread) / packing.box
    force = recipe.potential.steepest
    if not isinstance(recipe.potential, Linear):  # whose force is 1/2 at all diameters
        force /= float(packing.diameters.min())
    drawn = abs(recipe.mean) + most * recipe.spread if recipe.pair == "gaussian" else 1.0
    return recipe.scale * force * drawn / packing.box


def _space(packing, rule, order, labels, origin, wraps):
    n, dim = packing.n, packing.dim
    labels = np.arange(n, dtype=np.uint32) if labels is None else np.array(labels, dtype=np.uint32)
    wraps = np.zeros((n, dim), dtype=np.int32) if wraps is None else wraps
    if origin is None:
        origin = np.empty((n, dim), dtype=np.int64)
        origin[labels] = packing.fixed
    stride = 4 if dim <= 4 else 8
    fixed = packing.fixed[order]
    coarse = np.zeros((n + 4, stride), dtype=np.int32)
    coarse[:n, :dim] = fixed >> 32
    places = np.stack(
        [coarse[:n], coarse[:n]]
    )  # in one piece: while slots are sorted nobody asks where they were
    group = Group(
        state.SPACE,
        n=n,
        poly=not packing.monodisperse,
        fixed=fixed,
        wraps=np.array(wraps, dtype=np.int32)[order],
        coarse=coarse,
        home=places[0],
        anchor=places[1],
        push=np.zeros(n * dim, dtype=np.int64),
        label=labels[order],
        origin=np.array(origin),
        active=np.zeros(n, dtype=np.uint8),
    )
    if group["poly"]:
        group["radius"] = 0.5 * rule["reach"] * packing.diameters[order]
        group["radius32"] = np.zeros(n + 4, dtype=np.float32)
        group["bound32"] = np.zeros(n + 4, dtype=np.float32)
    if math.isinf(rule["strongest"]):
        group["carry"], group["carries"] = np.zeros(n * dim, dtype=np.int64), 1
    return group


def _lists(packing, rule, order, begin, threads, scratch):
    n, dim = packing.n, packing.dim
    tops = 0.5 * rule["reach"] * np.maximum.reduceat(packing.diameters[order], begin[:-1])
    room = np.minimum(packing.box / (2.0 * tops), (2.0 * np.diff(begin) + 64.0) ** (1 / dim))
    most = np.maximum(room.astype(np.int64), 1)
    found_room, runs_room = 2 * n + 64 * threads, 8 + 6 * 3 ** (dim - 1)
    group = Group(
        state.LIST,
        found_room=found_room,
        tiers=len(tops),
        runs_room=runs_room,
        first=np.zeros(n, dtype=np.uint32),
        last=np.zeros(n, dtype=np.uint32),
        cell=np.zeros(n, dtype=np.uint32),
        start=np.zeros(int(np.sum(most**dim)) + 1, dtype=np.uint32),
        tops=tops,
        most=most,
        edge=np.ones(len(tops), dtype=np.int64),
        offset=np.arange(len(tops) + 1, dtype=np.int64),
        begin=begin,
        window=np.zeros(threads * 3 * dim, dtype=np.int64),
        runs=np.zeros(threads * runs_room, dtype=np.int64),
        found_i=np.zeros(found_room, dtype=np.uint32),
        found_j=np.zeros(found_room, dtype=np.uint32),
        moved=np.zeros(n + threads, dtype=np.uint32),
        scratch=scratch,
    )
    _make_lists(group, 18 * n + 4096 * threads, 6 * n + 1024 * threads)
    _make_halo(group, min(n, 4096), threads, stride=4 if dim <= 4 else 8)
    return group


def _make_lists(lists, rows_room, pairs_room):
    """Room for the wide list and the one that steps look at."""
    if rows_room > 2**32:
        raise MemoryError(
            f"a neighbour list of {rows_room} entries: its places are 32-bit numbers, and end at {2**32}"
        )
    lists["rows_room"], lists["pairs_room"] = rows_room, pairs_room
    lists["wide_i"] = np.zeros(rows_room // 2, dtype=np.uint32)
    lists["rows"] = np.zeros(rows_room, dtype=np.uint32)
    lists["front"] = np.zeros(pairs_room, dtype=np.uint32)
    lists["back"] = np.zeros(pairs_room, dtype=np.uint32)


def _make_halo(lists, room, threads, stride):
    """Room for the slots around one cell, for each thread."""
    lists["halo_room"] = room
    lists["halo"] = np.zeros((threads, room + 4, stride), dtype=np.int32)
    lists["halo_slot"] = np.zeros((threads, room + 4), dtype=np.uint32)
    lists["halo_radius"] = np.zeros((threads, room + 4), dtype=np.float32)


def shared_of(n, dim, threads, recipe):
    out_room = n // 2 + 4096 if threads > 1 else 0
    most_keys = {
        "pair": 4 * n,
        "particle": n,
    }  # those of contacts may need more, those of particles never do
    keys_room = sum(
        room + 64 * threads for name, room in most_keys.items() if getattr(recipe, name) == "batch"
    )
    return Group(
        state.SHARED,
        threads=threads,
        stale=1,
        out_room=out_room,
        keys_room=keys_room,
        gate=np.zeros(16, dtype=np.int64),
        threads_own=np.zeros((threads, state.THREAD_COLUMNS), dtype=np.int64),
        out_slot=np.zeros(out_room, dtype=np.uint32),
        out_push=np.zeros(out_room * dim, dtype=np.int64),
        keys=np.zeros(keys_room, dtype=np.uint64),
        schedule=np.zeros(0, dtype=np.int64),
        record=np.zeros((0, 1 + 2 * state.LIMBS), dtype=np.int64),
    )


def chunk_of(dim):
    room = state.CHUNK + 8
    return Group(
        state.CHUNK_RECORD,
        i=np.zeros(room, dtype=np.uint32),
        j=np.zeros(room, dtype=np.uint32),
        a=np.zeros(room, dtype=np.uint64),
        b=np.zeros(room, dtype=np.uint64),
        dx=np.zeros((dim + dim % 2) * state.CHUNK + 8),
        dy=np.zeros((dim + dim % 2) * state.CHUNK + 8),
        r2=np.zeros(room),
        touch=np.zeros(room),
        w=np.zeros(room),
        v=np.zeros(room),
    )
