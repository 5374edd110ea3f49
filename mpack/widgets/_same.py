"""What figures compute, by the library itself: the playground's runs, bit for bit, and the states in the valley."""

import base64
import dataclasses
import functools
import json
import math

import numpy as np

import mpack
from mpack.widgets import _sources

STEPS = (0, 100, 500, 1000, 5000)  # at which digests are kept beside the figure


def whole(state):
    """A playground's whole state: `state` over the defaults."""
    fields = _sources.schema("playground")["state"]
    return {name: field["default"] for name, field in fields.items()} | _sources.checked(
        "playground", state
    )


def dynamics_of(state):
    """The dynamics of a (whole) state; the approximation of a batch of exactly B does not exist, and is not taken."""
    name = state["dynamics"]
    turning = {} if state.get("turning", True) else {"rotation": None}
    if name.endswith("BRO"):
        rule = getattr(mpack, name)(eps=state["eps"], **turning)
    elif name == "GD":
        return mpack.SGD(alpha=state["alpha"], batch_fraction=1, **turning)
    elif state["batch_size"]:
        return getattr(mpack, name)(alpha=state["alpha"], batch_size=state["batch_size"], **turning)
    else:
        sizes = {"alpha": state["alpha"], "batch_fraction": state["batch_fraction"]}
        rule = getattr(mpack, name)(**sizes, **turning)
    return rule.approximation() if state["approximation"] else rule


def axes_of(state):
    """Relative semi-axes of the bodies of a (whole) state; None of spheres."""
    aspect = state["aspect"]
    if aspect == 1:
        return None
    if state["dim"] == "2":
        return (aspect, 1.0)
    middle = {"prolate": 1.0, "oblate": aspect, "triaxial": math.sqrt(aspect)}[state["shape"]]
    return (aspect, middle, 1.0)


def start_of(state):
    """The start of a (whole) state: half of the particles `size_ratio` times smaller than the others."""
    axes, dim = axes_of(state), int(state["dim"])
    n = max(state["n"], ({2: 20, 3: 40} if axes is None else {2: 40, 3: 300})[dim])
    given = {"n": n, "phi": state["phi"], "dim": dim, "seed": state["seed"]}
    sizes = np.where(np.arange(n) < n // 2, 1.0, state["size_ratio"])
    if axes is not None:
        return mpack.Packing.random(**given, axes=sizes[:, None] * np.array(axes))
    return mpack.Packing.random(**given, diameters=None if state["size_ratio"] == 1 else sizes)


def runs(state, steps):
    """Yield the library's run of a playground's state up to each of `steps` (increasing), until it is absorbed."""
    state = whole(state)
    run = mpack.simulate(start_of(state), dynamics_of(state), steps=0, seed=state["seed"])
    for step in steps:
        run = mpack.simulate(run, steps=step - run.steps)
        yield run
        if run.absorbed:
            return


def digests(state, steps=STEPS):
    """{step: digest} of the library's run, at `steps` or at its end."""
    return {str(run.steps): run.digest for run in runs(state, steps)}


def key(state):
    """Those entries of a state that its run depends on."""
    state = whole(state)
    names = ["dynamics", "phi", "dim", "n", "size_ratio", "aspect", "seed"]
    if state["aspect"] != 1:
        names += ["turning", "shape"] if state["dim"] == "3" else ["turning"]
    if state["dynamics"].endswith("BRO"):
        names += ["eps", "approximation"]
    else:
        names += ["alpha"]
        if state["dynamics"] != "GD":
            names += ["batch_size"] + (
                [] if state["batch_size"] else ["batch_fraction", "approximation"]
            )
    return {name: state[name] for name in sorted(names)}


# What the kernels in a page are told
# -----------------------------------------------------------------------------------


def rule_of(dynamics):
    """A dynamics as `recipe` of `_kernel.js` takes it."""
    if isinstance(dynamics, mpack.dynamics.Approximation):
        return {**rule_of(dynamics.of), "approximation": True}
    rule = _fields(dynamics)
    if "potential" in rule:
        potential = rule["potential"]
        table = {"table": potential.table.tolist()}
        given = table if isinstance(potential, mpack.Tabulated) else _fields(potential)
        rule["potential"] = {"name": type(potential).__name__, **given}
    return {"dynamics": type(dynamics).__name__, **rule}


def packing_of(packing):
    """A packing as `Engine` of `_kernel.js` takes it, but for its arrays: they are bytes in base 64."""
    coded = {
        name: base64.b64encode(getattr(packing, name).tobytes()).decode()
        for name in ("fixed", "diameters")
    }
    return {"n": packing.n, "dim": packing.dim, "box": packing.box, **coded}


def _fields(one):
    return {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}


# The valley's steady states
# -----------------------------------------------------------------------------------

BITS = 24  # of a coordinate that travel in its data: the fraction of the box, rounded to 6e-8


def packed(packing):
    """The coordinates of a packing as text: `BITS` of each, the highest byte first, in base 64."""
    kept = (packing.fixed.view(np.uint64) + np.uint64(1 << (63 - BITS))) >> np.uint64(64 - BITS)
    return base64.b64encode(
        kept.astype(">u4").reshape(-1, 1).view(np.uint8)[:, 1:].tobytes()
    ).decode()


def settled(rule, batch_fraction, start):
    """The packing that the valley shows: of equal spheres in three dimensions.

    Parameters
    ----------
    rule : str
        "SGD", "RCD" or, with a batch fraction of 1, "GD".
    batch_fraction : float
    start : int
        Which of the independent starts, from 1.

    Raises
    ------
    ValueError
        If no such state is kept.
    """
    data = _valley()
    for one in data["states"]:
        if (one["rule"], one["batch_fraction"], one["start"]) == (rule, batch_fraction, start):
            octets = np.frombuffer(base64.b64decode(one["positions"]), dtype=np.uint8).reshape(
                -1, 3, BITS // 8
            )
            fixed = np.zeros(octets.shape[:2], dtype=np.uint64)
            for place in range(BITS // 8):
                fixed |= octets[:, :, place].astype(np.uint64) << np.uint64(56 - 8 * place)
            return mpack.Packing.from_fixed(fixed.view(np.int64), data["box"])
    raise ValueError(
        f"no steady state of {rule} at batch fraction {batch_fraction} from start {start} is kept"
    )


@functools.cache
def _valley():
    return json.loads((_sources.FOLDER / "valley.data.json").read_text(encoding="utf8"))
