"""What one frame of a GSD file states by HOOMD's schema, as other programs write it.

Chunks that a frame leaves out are as in frame 0, those of each particle only where frame 0 has as many;
else they have the schema's default (https://gsd.readthedocs.io/en/stable/schema-hoomd.html). Writers
leave out what equals it, so a default may be data: the unit box is, and spheres of diameter 1 are where
there is one type. Where it can hardly be meant, as positions that are all 0, the frame is refused.
"""

import json

import numpy as np

from mpack._foreign import SAME, Stated

_WHOLE = {
    "particles/N",
    "particles/types",
    "particles/type_shapes",
}  # not one value for each particle
_UNIT_BOX = (1.0, 1.0, 1.0, 0.0, 0.0, 0.0)
_SAVED = (
    ["sphere"],
    [{"type": "Sphere", "diameter": 1.0}],
)  # what Packing.save says of its one type


def chunk(file, place, name, missing=None):
    """The data that count for frame `place`, or `missing`."""
    found = where(file, place, name)
    return missing if found is None else file.read_chunk(found, name)


def where(file, place, name):
    """The frame whose data count for frame `place`: itself, 0, or None where the schema's default does."""
    if file.chunk_exists(place, name):
        return place
    each = name.startswith("particles/") and name not in _WHOLE
    if file.chunk_exists(0, name) and not (each and _count(file, place) != _count(file, 0)):
        return 0
    return None


def _count(file, place):
    return int(chunk(file, place, "particles/N", [0])[0])


def stated(file, place):
    """A `Stated` of frame `place`."""
    n = _count(file, place)
    box = np.asarray(chunk(file, place, "configuration/box", _UNIT_BOX), dtype=float)
    if box.shape != (6,):
        raise ValueError(f"its box has {box.size} numbers instead of 6")
    positions = _positions(file, place, n)
    names, types = _types(file, place, n)
    axes = _axes(file, place, names, types)
    diameters, doubt = (None, None) if axes is not None else _sizes(file, place, names, types)
    return Stated(
        axes=axes,
        orientations=None if axes is None else orientations(file, place, n),
        positions=positions,
        lengths=box[:3],
        tilts=box[3:],
        dim=_dimensions(file, place),
        diameters=diameters,
        doubt=doubt,
        names=names,
        types=types,
        unit=1.0,
    )


def _dimensions(file, place):
    dim = int(chunk(file, place, "configuration/dimensions", [3])[0])
    if dim not in (2, 3):
        raise ValueError(f"it says that it has {dim} dimensions")
    return dim


def _positions(file, place, n):
    found = chunk(file, place, "particles/position", np.zeros((1, 3)) if n == 1 else None)
    if found is None:
        raise ValueError(f"it has no positions of its {n} particles")
    if found.shape != (n, 3) or found.dtype.kind != "f":
        raise ValueError(
            f"its positions are {found.dtype} of shape {found.shape}, and it says that it has {n} particles"
        )
    return found.astype(float)


def _types(file, place, n):
    """Names of the types, and the type of each particle."""
    names = _texts(chunk(file, place, "particles/types", np.array([[65, 0]], dtype=np.int8)))
    types = np.asarray(chunk(file, place, "particles/typeid", np.zeros(n, dtype=np.uint32)))
    if types.shape != (n,) or types.dtype.kind not in "iu":
        raise ValueError(f"its types are {types.dtype} of shape {types.shape} for {n} particles")
    if not np.all((types >= 0) & (types < len(names))):
        raise ValueError(
            f"its particles are of types up to {types.max()}, and it names {len(names)}"
        )
    return names, types.astype(np.int64)


def _texts(rows):
    """Strings from a chunk of bytes (m, width): each ends at its first zero."""
    if rows.ndim != 2 or rows.dtype.itemsize != 1:
        raise ValueError(f"what it has for text is {rows.dtype} of shape {rows.shape}")
    return [bytes(row).partition(b"\0")[0].decode() for row in rows.view(np.uint8)]


def _sizes(file, place, names, types):
    """(n,) diameters, None if there are none, and what speaks against them, None if nothing does.

    Sizes are those of the particles or of the spheres of their types. Where a file has both, what
    frame `place` itself says stands before what it has from frame 0, and two numbers of one frame
    have to agree.
    """
    here, there = (where(file, place, f"particles/{name}") for name in ("diameter", "type_shapes"))
    each = None if here is None else np.asarray(file.read_chunk(here, "particles/diameter"), float)
    shapes = [] if there is None else _shapes(file.read_chunk(there, "particles/type_shapes"))
    by_type = _spheres(shapes, names, np.unique(types))[types]
    if not np.all(np.isfinite(by_type)) or (each is not None and (names, shapes) == _SAVED):
        return each, None
    if each is None or here != there:
        return (by_type if each is None or there == place else each), None
    if each.shape == by_type.shape and np.all(np.abs(each - by_type) <= SAME * by_type):
        return by_type, None
    return None, "the diameters of its particles are not those of the shapes of their types"


def orientations(file, place, n):
    """Quaternions (n, 4) of the particles, upright where none are stated."""
    found = chunk(file, place, "particles/orientation", np.tile([1.0, 0.0, 0.0, 0.0], (n, 1)))
    if found.shape != (n, 4) or found.dtype.kind != "f":
        raise ValueError(f"its orientations are {found.dtype} of shape {found.shape}")
    return found.astype(float)


def _axes(file, place, names, types):
    """Semi-axes (n, 3) if particles are ellipsoids, spheres of known diameter among them; None if none is one."""
    there = where(file, place, "particles/type_shapes")
    shapes = [] if there is None else _shapes(file.read_chunk(there, "particles/type_shapes"))
    present = np.unique(types).tolist()
    kinds = {k: shapes[k] if k < len(shapes) else {} for k in present}
    if not any(shape.get("type") == "Ellipsoid" for shape in kinds.values()):
        return None
    axes = np.full((len(names), 3), np.nan)
    for k, shape in kinds.items():
        if shape.get("type") == "Ellipsoid":
            axes[k] = [_length(names[k], {"c": 1.0} | shape, name) for name in "abc"]
        elif shape.get("type") == "Sphere":
            axes[k] = 0.5 * _length(names[k], shape, "diameter")
        else:
            raise ValueError(
                f"its particles of type {names[k]!r} are of shape {shape.get('type')!r} among ellipsoids: "
                "only spheres and ellipsoids can be read"
            )
    return axes[types]


def _shapes(rows):
    shapes = [json.loads(text) for text in _texts(rows)]
    if not all(isinstance(shape, dict) for shape in shapes):
        raise ValueError("the shapes of its types are no dicts")
    return shapes


def _spheres(shapes, names, present):
    """Diameter of each type, nan where none is stated; refuses shapes of particles that are no spheres."""
    diameters = np.full(len(names), np.nan)
    for k in present.tolist():
        shape = shapes[k] if k < len(shapes) else {}
        if shape and shape.get("type") != "Sphere":
            raise ValueError(
                f"its particles of type {names[k]!r} are of shape {shape.get('type')!r}: only spheres "
                "and ellipsoids can be read"
            )
        if shape:
            diameters[k] = _length(names[k], shape, "diameter")
    return diameters


def _length(name, shape, what):
    value = shape.get(what)
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not 0 < value < float("inf")
    ):
        raise ValueError(
            f"its particles of type {name!r} have the {what} {value!r}, which is no positive number"
        )
    return float(value)
