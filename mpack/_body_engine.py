"""From a packing of ellipsoids and a dynamics to the arrays of `_kernels.bodies`, and back."""

import numpy as np

from mpack import _engine
from mpack._bodies import check
from mpack._kernels import bodies, ellipsoids, state

_FIRST_SKIN = 0.4  # mean diameters


class BodyEngine(_engine.Progress):
    """A run of bodies in progress, with the face of `_engine.Engine`. It works alone, however many threads may.

    Parameters
    ----------
    packing : Packing
        Of ellipsoids or ellipses.
    recipe, seed, step, origin, wraps, skin
        As for `_engine.Engine`.
    """

    threads = 1

    def __init__(
        self, packing, recipe, seed, step=0, origin=None, wraps=None, threads=1, skin=None
    ):
        check(recipe.potential)
        self.n, self.dim = packing.n, packing.dim
        self.axes = (0,) * packing.dim
        self.rule = _engine.rule_of(packing, recipe, seed)
        self.space = _space(packing, recipe, self.rule, origin, wraps)
        self.near = _near(packing)
        self.shared = _engine.shared_of(self.n, self.dim, 1, recipe)
        self.chunk = _engine.chunk_of(self.dim)
        self.shared["step"] = step
        self.shared["tuned"] = skin is None
        self.shared["skin"] = _FIRST_SKIN if skin is None else skin

    def share(self, threads):
        """Nothing: bodies are moved by one thread."""

    def advance(self, until):
        """Run to step `until`; True if the run got absorbed before."""
        while True:
            groups = (self.space, self.near, self.rule, self.shared, self.chunk)
            bodies.advance_bodies(self.axes, *(group.record for group in groups), until)
            status = int(self.shared["status"])
            if status in (state.PAUSED, state.ABSORBED):
                return status == state.ABSORBED
            self._grow(status)

    def _grow(self, status):
        if status == state.GROW_KEYS:
            room = _engine.enlarged(self.shared["keys_room"])
            self.shared["keys"] = np.zeros(room, dtype=np.uint64)
            self.shared["keys_room"] = room
        else:
            _make_rows(
                self.near, self.n, 2 * int(self.near["row"]), 2 * int(self.near["cell_room"])
            )
            _make_found(self.near, _engine.enlarged(self.near["found_room"]))
            self.shared["stale"] = 1

    def snapshot(self):
        """(fixed, wraps, turns) by label: coordinates, boxes crossed since step 0, quaternions."""
        return _engine.settled(self.held())

    def held(self):
        """Copies of what the present state is made of, see `_engine.settled`."""
        return {name: self.space[name].copy() for name in ("label", "fixed", "wraps", "turns")}

    @property
    def nbytes(self):
        """Bytes held by the arrays."""
        groups = (self.space, self.near, self.shared, self.chunk)
        return sum(array.nbytes for group in groups for array in group.arrays.values())


def _space(packing, recipe, rule, origin, wraps):
    n, dim = packing.n, packing.dim
    semi, kappa = packing.bodies.semi, recipe.rotation
    shapes = np.empty(ellipsoids.WIDTH * n)
    turns = np.array(packing.orientations).ravel()
    ellipsoids.fill_shapes(turns, semi.ravel(), shapes)
    swings = semi.max(axis=1) - semi.min(axis=1)
    return _engine.Group(
        bodies.BODIES,
        n=n,
        over=0.0 if kappa is None else 1.0 / (kappa * kappa),  # ** is the machine's own pow
        spin_unit=_spin_unit(packing, rule, swings),
        top=float(semi.max()),
        fixed=packing.fixed.ravel().copy(),
        wraps=np.zeros(n * dim, np.int32) if wraps is None else wraps.ravel().copy(),
        push=np.zeros(n * dim, np.int64),
        carry=np.zeros(n * dim, np.int64),
        spin=np.zeros(n * 3, np.int64),
        turns=turns,
        semi=semi.ravel().copy(),
        shapes=shapes,
        radii=packing.bodies.radii.copy(),
        bounds=semi.max(axis=1),
        swings=swings,
        label=np.arange(n, dtype=np.uint32),
        origin=(packing.fixed if origin is None else origin).ravel().copy(),
        active=np.zeros(n, np.uint8),
    )


def _spin_unit(packing, rule, swings):
    """The strongest torque of one contact times 2**-48, squared lengths: what torques are counted in."""
    semi, radii = packing.bodies.semi, packing.bodies.radii
    weight = float(radii.max()) / float(semi.min())  # a bound on D/(h_A + h_B)
    lever = float(semi.max()) if rule["pair"] >= state.KICK else float(swings.max())
    push = float(rule["strongest"]) * packing.box
    return push * (1.0 if rule["pair"] >= state.KICK else weight) * lever * 2.0**-48


def _near(packing):
    n, dim = packing.n, packing.dim
    most = max(int((2.0 * n) ** (1 / dim)), 1) + 1
    near = _engine.Group(
        bodies.NEAR,
        most=most,
        counts=np.zeros(n, np.int64),
        uppers=np.zeros(n, np.int64),
        coarse=np.zeros(4 * n, np.int32),
        ways=np.zeros(n),
        known_to=np.zeros(n, np.uint8),
        home=np.zeros(n * dim, np.int64),
        stance=np.zeros(n * 4),
        outline=np.zeros(n * ellipsoids.WIDTH),
        cell=np.zeros(n, np.int64),
        place=np.zeros(n, np.int64),
        lodged=np.zeros(most**dim, np.int64),
        moved=np.zeros(n, np.uint32),
        order=np.zeros(n, np.uint32),
        block_i=np.zeros(ellipsoids.BLOCK, np.uint32),
        block_j=np.zeros(ellipsoids.BLOCK, np.uint32),
        block_at=np.zeros(ellipsoids.BLOCK, np.int64),
        block=np.zeros(ellipsoids.ROWS * ellipsoids.BLOCK),
        scratch=np.zeros(n * ellipsoids.WIDTH, np.int64),
    )
    _make_rows(near, n, 32, 16)
    _make_found(near, 3 * n + 64)
    return near


def _make_rows(near, n, row, cell_room):
    """Room for the neighbours of each body, and for bodies in each cell."""
    near["row"], near["cell_room"] = min(row, n), min(cell_room, n)
    near["rows"] = np.zeros(n * int(near["row"]), np.uint32)
    near["planes"] = np.zeros(n * int(near["row"]) * 4, np.float32)
    beds = len(near.arrays["lodged"]) * int(near["cell_room"])
    near["lodgers"], near["doors"] = np.zeros(beds, np.uint32), np.zeros(3 * beds, np.int32)
    near["doors_apart"] = beds
    near["around"] = np.zeros(27 * int(near["cell_room"]), np.uint32)
    near["squares"] = np.zeros(27 * int(near["cell_room"]), np.float32)


def _make_found(near, room):
    """Room for contacts."""
    near["found_room"] = room
    near["found_i"], near["found_j"] = np.zeros((2, room), np.uint32)
    near["contacts"] = np.zeros(room * ellipsoids.CONTACT)
