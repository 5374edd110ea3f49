"""Packings in files: exact NPZ, and GSD that carries the exact numbers beside what viewers read."""

import contextlib
import io
import os
import secrets
import zipfile
from pathlib import Path

import numpy as np

_FORMAT = 1
_MEMBERS = {"format": ("i8", 1), "fixed": ("i8", 2), "box": ("f8", 1), "diameters": ("f8", 1)}  # type, axes
_CHUNK = "mpack/"  # GSD: log/mpack/fixed and so on


def save(packing, path):
    """Write `packing` whole or not at all."""
    path, kind = _kind(path)
    if kind == ".gsd" and packing.dim > 3:
        raise ValueError(f"GSD files hold packings of dim 2 and 3; save dim = {packing.dim} to .npz")
    content = {
        "format": np.array([_FORMAT], dtype=np.int64),
        "fixed": packing.fixed,
        "box": np.array([packing.box]),
        "diameters": packing.diameters,
    }
    with _replacing(path) as temporary:
        if kind == ".npz":
            with open(temporary, "xb") as file:
                np.savez(file, **content)
        else:
            _write_gsd(temporary, packing, content)


def load(path, packing_class):
    """A packing from `path`; ValueError with one sentence for anything that is not one."""
    path, kind = _kind(path)
    with open(path, "rb"):
        pass  # a missing or unreadable file speaks for itself
    try:
        content = _read_npz(path) if kind == ".npz" else _read_gsd(path)
        return packing_class(**content) if "positions" in content else packing_class.from_fixed(**content)
    except Exception as error:  # whatever a foreign or hostile file provokes in zipfile, NumPy or gsd
        reason = str(error) or type(error).__name__
        raise ValueError(f"{path} holds no packing that can be read: {reason}") from None


def _kind(path):
    path = Path(os.fspath(path))
    kind = path.suffix.lower()
    if kind not in (".npz", ".gsd"):
        raise ValueError(f"path must end in .npz or .gsd; got {str(path)!r}")
    return path, kind


@contextlib.contextmanager
def _replacing(path):
    """A temporary name beside `path` that takes its place on success and vanishes on failure."""
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(8)}{path.suffix}")
    try:
        yield temporary
        descriptor = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _read_npz(path):
    """Members of an NPZ archive: stored, not compressed, so that no file unpacks to more than its own
    size."""
    with zipfile.ZipFile(path) as archive:
        found = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        missing = [name for name in _MEMBERS if name not in found]
        if missing:
            raise ValueError(f"it has no {', '.join(missing)}, which Packing.save writes")
        content = {name: _read_member(archive, found[name], path.stat().st_size) for name in _MEMBERS}
    return _unpack(content)


def _read_member(archive, info, limit):
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > limit:
        raise ValueError(f"{info.filename} is compressed, which Packing.save never does")
    return np.load(io.BytesIO(archive.read(info)), allow_pickle=False)


def _unpack(content):
    """Checked arguments of `Packing.from_fixed`."""
    for name, (dtype, ndim) in _MEMBERS.items():
        value = content[name]
        if not isinstance(value, np.ndarray) or value.dtype.newbyteorder("=") != dtype or value.ndim != ndim:
            raise ValueError(f"{name} is not an array of {dtype} with {ndim} axes")
    if content["format"].tolist() != [_FORMAT]:
        raise ValueError(f"its format is {content['format'].tolist()}, and this version reads [{_FORMAT}]")
    if content["box"].size != 1:
        raise ValueError(f"box has {content['box'].size} values instead of 1")
    return {
        "fixed": content["fixed"].astype(np.int64),
        "box": float(content["box"][0]),
        "diameters": content["diameters"].astype(np.float64),
    }


def _write_gsd(path, packing, content):
    import gsd.hoomd

    frame = gsd.hoomd.Frame()
    flat = packing.dim == 2
    frame.configuration.step = 0
    frame.configuration.box = [packing.box, packing.box, 1.0 if flat else packing.box, 0, 0, 0]
    frame.configuration.dimensions = packing.dim
    frame.particles.N = packing.n
    frame.particles.position = packing.centred()
    frame.particles.diameter = packing.diameters
    frame.particles.types = ["sphere"]
    frame.particles.type_shapes = [{"type": "Sphere", "diameter": 1.0}]  # a file leaves out diameters of 1
    frame.log = {_CHUNK + name: value for name, value in content.items()}
    with gsd.hoomd.open(path, "x") as file:
        file.append(frame)


def _read_gsd(path):
    import gsd.hoomd

    with gsd.hoomd.open(path, "r") as file:
        if len(file) == 0:
            raise ValueError("it has no frame")
        frame = file[len(file) - 1]
    floats = _foreign(frame)
    if _CHUNK + "fixed" not in frame.log:
        return floats
    content = {name: frame.log.get(_CHUNK + name) for name in _MEMBERS}
    exact = _unpack(content)
    _check_agreement(exact, frame)
    return exact


def _foreign(frame):
    """Arguments of `Packing` from what every GSD file has; lengths become mean diameters."""
    dim = int(frame.configuration.dimensions)
    edges = np.asarray(frame.configuration.box, dtype=float)
    if dim not in (2, 3) or edges.shape != (6,):
        raise ValueError(f"its box {edges.tolist()} in {dim} dimensions is neither a square nor a cube")
    if np.any(edges[:dim] != edges[0]) or np.any(edges[3:] != 0):
        raise ValueError(f"its box {edges.tolist()} is not {'a square' if dim == 2 else 'a cube'}")
    diameters = np.asarray(frame.particles.diameter, dtype=float)
    if not (diameters.size and np.all(np.isfinite(diameters)) and np.all(diameters > 0)):
        raise ValueError("its diameters are not all positive, or it has no particles")
    unit = float(np.mean(diameters))
    positions = np.asarray(frame.particles.position, dtype=float)[:, :dim]
    return {"positions": positions / unit, "box": edges[0] / unit, "diameters": diameters / unit}


def _check_agreement(exact, frame):
    """Refuse a file whose float positions were changed after the integer ones had been written."""
    shown = np.asarray(frame.particles.position, dtype=float)[:, : exact["fixed"].shape[1]]
    meant = exact["fixed"].astype(float) * 2.0**-64 * exact["box"]
    if shown.shape != meant.shape or not np.all(np.abs(shown - meant) <= 1e-6 * exact["box"]):
        raise ValueError("its positions differ from its integer coordinates: another program changed some")
