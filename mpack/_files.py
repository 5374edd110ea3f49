"""Packings in files: exact NPZ, and GSD that carries the exact numbers beside what viewers read.

What other programs write is read by `_hoomd` (GSD) and `_formats` (text), and becomes a packing in
`_foreign`.
"""

import contextlib
import errno
import hashlib
import io
import os
import secrets
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np

from mpack import _bodies, _check, _formats, _hoomd
from mpack._foreign import SAME, Asked, BadArgument, arguments

_FORMAT = 1
_MEMBERS = {  # name: (type, number of axes)
    "format": ("i8", 1),
    "fixed": ("i8", 2),
    "box": ("f8", 1),
    "diameters": ("f8", 1),
    "checksum": ("u1", 1),
}
_OF_BODIES = {"axes": ("f8", 2), "orientations": ("f8", 2)}  # and of particles that are no spheres
_OURS = {".npz": "npz", ".gsd": "gsd"}
_ENDINGS = {  # and what LAMMPS's users begin names with
    **_OURS,
    **{".xyz": "xyz", ".extxyz": "xyz", ".dump": "lammps-dump", ".lammpstrj": "lammps-dump"},
    **{".data": "lammps-data", ".lmp": "lammps-data", ".csv": "csv"},
    **{"dump.": "lammps-dump", "data.": "lammps-data"},
}


def save(packing, path):
    """Write `packing` whole or not at all."""
    path, kind = _kind(path, None, _OURS)
    if kind == "gsd" and packing.dim > 3:
        raise ValueError(
            f"GSD files hold packings of dim 2 and 3; save dim = {packing.dim} to .npz"
        )
    content = exact_content(packing)
    with replacing(path) as temporary:
        if kind == "npz":
            with open(temporary, "xb") as file:
                np.savez(file, **content)
        else:
            _write_gsd(temporary, packing, content)


def exact_content(packing):
    """What a file keeps of a packing, by name: the numbers, bit for bit, and their checksum."""
    content = {
        "format": np.array([_FORMAT], dtype=np.int64),
        "fixed": packing.fixed,
        "box": np.array([packing.box]),
        "diameters": packing.diameters,
        **_bodies.arguments(packing.bodies, packing.dim),
    }
    content["checksum"] = _checksum(content)
    return content


def load(path, packing_class, format=None, **asked):
    """A packing from `path`; ValueError with one sentence for anything that is not one."""
    asked = Asked.checked(**asked)
    path, kind = _kind(path, format, _ENDINGS)
    check_file(path)
    with open(path, "rb"):
        pass  # a missing or unreadable file speaks for itself
    try:
        with np.errstate(all="ignore"):  # whatever numbers a file holds, `Packing` looks at them
            content = _read(path, kind, asked)
            return (
                packing_class(**content)
                if "positions" in content
                else packing_class.from_fixed(**content)
            )
    except ModuleNotFoundError:  # an extra that is not installed
        raise
    except BadArgument as error:
        raise ValueError(f"{error} ({path})") from None
    except Exception as error:  # whatever a foreign or hostile file provokes in NumPy, gsd or ASE
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path} holds no packing that can be read: {reason}") from None


def _read(path, kind, asked):
    """Arguments of `Packing`, or of `Packing.from_fixed`, from a file of this kind."""
    if kind == "npz":
        return _read_npz(path, asked)
    if kind == "gsd":
        return _read_gsd(path, asked)
    return arguments(_formats.stated(path, kind, asked), asked)


def _kind(path, format, endings):
    """The path, and the kind of file that `format` says or, without it, the name."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(f"path must be the name of a file; got {type(path).__name__}")
    path = Path(os.fsdecode(path))
    if format is not None:
        return path, _check.choice("format", format, sorted(set(endings.values())))
    kind = endings.get(path.suffix.lower()) or endings.get(
        f"{path.name.lower().partition('.')[0]}."
    )
    if kind is None:
        *most, last = [ending for ending in endings if ending[0] == "."]
        raise ValueError(
            f"path must end in {', '.join(most)} or {last}{'' if endings is _OURS else ', or format= say what it is'};"
            f" got {str(path)!r}"
        )
    return path, kind


@contextlib.contextmanager
def replacing(path):
    """A temporary name beside `path` that takes its place on success and vanishes on failure.

    A link stays one: the file that it leads to is replaced, by one of the same mode and owner.
    """
    check_file(path)
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")  # fits where a long name does
    try:
        like = _example(target, temporary)
        yield temporary
        descriptor = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        with contextlib.suppress(AttributeError, PermissionError):  # Windows has no owners
            os.chown(temporary, like.st_uid, like.st_gid)
        with contextlib.suppress(PermissionError):  # and some disks have no modes
            os.chmod(temporary, stat.S_IMODE(like.st_mode))
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _example(path, spare):
    """The mode and the owner of the file at `path` or, if there is none, of a new one: gsd allows less."""
    with contextlib.suppress(FileNotFoundError):
        return os.stat(path)
    with open(spare, "xb") as file:
        like = os.fstat(file.fileno())
    spare.unlink()
    return like


_NO_FILES = {  # a pipe would be waited for, and a device may never end
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
}


def check_file(path):
    """Refuse what is there, at `path` or at the end of its links, and is no file."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    for is_one, said in _NO_FILES.items():
        if is_one(mode):
            raise ValueError(f"path must be the name of a file; {path} is {said}")


def _read_npz(path, asked):
    """Members of an NPZ archive: stored, not compressed, so that no file unpacks to more than its own
    size.
    """
    asked.place(1)
    asked.refuse_all()
    with zipfile.ZipFile(path) as archive:
        found = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        missing = [name for name in _MEMBERS if name not in found]
        if missing:
            raise ValueError(f"it has no {', '.join(missing)}, which Packing.save writes")
        content = {
            name: _read_member(archive, found[name], path.stat().st_size)
            for name in (*_MEMBERS, *_OF_BODIES)
            if name in found
        }
    return _unpack(content)


def _read_member(archive, info, limit):
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > limit:
        raise ValueError(f"{info.filename} is compressed, which Packing.save never does")
    return np.load(io.BytesIO(archive.read(info)), allow_pickle=False)


def _unpack(content):
    """Checked arguments of `Packing.from_fixed`."""
    members = _MEMBERS | {name: kind for name, kind in _OF_BODIES.items() if name in content}
    if not set(_OF_BODIES) <= set(members) and set(_OF_BODIES) & set(members):
        raise ValueError("it has only one of axes and orientations")
    for name, (dtype, ndim) in members.items():
        value = content.get(name)
        if (
            not isinstance(value, np.ndarray)
            or value.dtype.newbyteorder("=") != dtype
            or value.ndim != ndim
        ):
            raise ValueError(f"{name} is not an array of {dtype} with {ndim} axes")
    if content["format"].tolist() != [_FORMAT]:
        raise ValueError(
            f"its format is {content['format'].tolist()}, and this version reads [{_FORMAT}]"
        )
    if content["box"].size != 1:
        raise ValueError(f"box has {content['box'].size} values instead of 1")
    if not np.array_equal(content["checksum"], _checksum(content)):
        raise ValueError("its checksum is wrong: it is damaged")
    exact = {"fixed": content["fixed"].astype(np.int64), "box": float(content["box"][0])}
    if "axes" in members:
        return exact | {name: content[name].astype(np.float64) for name in _OF_BODIES}
    return exact | {"diameters": content["diameters"].astype(np.float64)}


def _checksum(content):
    """BLAKE2b of the numbers, as 16 bytes: GSD has no checksum of its own."""
    digest = hashlib.blake2b(digest_size=16)
    for name in ("fixed", "box", "diameters", *_OF_BODIES):
        if name in content:
            dtype = "<i8" if name == "fixed" else "<f8"
            digest.update(np.ascontiguousarray(content[name], dtype=dtype).data)
    return np.frombuffer(digest.digest(), dtype=np.uint8)


def _write_gsd(path, packing, content):
    import gsd.hoomd

    with gsd.hoomd.open(path, "x") as file:
        file.append(gsd_frame(packing, content))


def gsd_frame(packing, content):
    """A frame that viewers show, with the exact numbers, `content`, in its log."""
    import gsd.hoomd

    frame = gsd.hoomd.Frame()
    flat = packing.dim == 2
    frame.configuration.step = 0
    frame.configuration.box = [packing.box, packing.box, 1.0 if flat else packing.box, 0, 0, 0]
    frame.configuration.dimensions = packing.dim
    frame.particles.N = packing.n
    frame.particles.position = packing.centred()
    frame.particles.diameter = packing.diameters
    if packing.spherical:
        frame.particles.types = ["sphere"]
        frame.particles.type_shapes = [
            {"type": "Sphere", "diameter": 1.0}
        ]  # a file leaves out diameters of 1
    else:
        _show_bodies(frame.particles, packing)
    frame.log = {  # in one piece each: of others, as axes that all share, gsd logs a warning
        f"mpack/{name}": np.ascontiguousarray(value) for name, value in content.items()
    }
    return frame


def _show_bodies(particles, packing):
    """Types, shapes and orientations of bodies, as HOOMD has them: a type for each shape."""
    kinds, particles.typeid = np.unique(packing.axes, axis=0, return_inverse=True)
    particles.types = [f"ellipsoid {k}" for k in range(len(kinds))]
    particles.type_shapes = [
        {"type": "Ellipsoid", **dict(zip("abc", kind))} for kind in kinds.tolist()
    ]
    particles.orientation = packing.orientations


_GSD_HEADER = struct.Struct(
    "<QQQQQ"
)  # magic; place and entries of the index; place and entries of the list of names
_GSD_ENTRIES = (32, 64)  # bytes of one entry of each


def _check_gsd_header(path):
    """Refuse tables that do not lie within the file: the gsd library multiplies without looking for an overflow."""
    with open(path, "rb") as file:
        header = file.read(_GSD_HEADER.size)
    if len(header) < _GSD_HEADER.size:
        raise ValueError("it is cut off in its header")
    _, *tables = _GSD_HEADER.unpack(header)
    for place, entries, width in zip(tables[::2], tables[1::2], _GSD_ENTRIES):
        if not (entries > 0 and place + entries * width <= path.stat().st_size):
            raise ValueError("its header points beyond its end")


def _read_gsd(path, asked):
    """A frame of a GSD file, chunk by chunk: nothing is believed about sizes but what a chunk holds."""
    import gsd.fl

    _check_gsd_header(path)
    with gsd.fl.open(path, "r") as file:
        if file.schema != "hoomd":
            raise ValueError(f"its schema is {file.schema!r} instead of 'hoomd'")
        place = asked.place(file.nframes)
        if not _is_own(file, place):
            return arguments(_hoomd.stated(file, place), asked)
        asked.refuse_all()
        exact = _unpack(_exact_chunks(file, place))
        _check_agreement(exact, _shown(file, place, exact))
    return exact


def _exact_chunks(file, place):
    """The exact numbers of a frame, those that it has."""
    names = [f"log/mpack/{name}" for name in (*_MEMBERS, *_OF_BODIES)]
    found = {name: _hoomd.chunk(file, place, name) for name in names}
    return {name.rpartition("/")[2]: value for name, value in found.items() if value is not None}


def _is_own(file, place):
    """Whether `Packing.save` wrote a frame: the numbers of frame 0 are not those of one that was appended."""
    return any(file.chunk_exists(place, f"log/mpack/{name}") for name in _MEMBERS)


def _shown(file, place, exact):
    """What a frame shows of the exact numbers, by name."""
    return {
        "positions": _hoomd.chunk(
            file, place, "particles/position", np.zeros((len(exact["fixed"]), 3))
        ),
        "box": _hoomd.chunk(file, place, "configuration/box", np.zeros(6))[
            : exact["fixed"].shape[1]
        ],
        "diameters": _hoomd.chunk(file, place, "particles/diameter", np.ones(len(exact["fixed"]))),
        "orientations": _hoomd.orientations(file, place, len(exact["fixed"])),
    }


def _check_agreement(exact, shown):
    """Refuse a frame of which another program changed what is shown, after the exact numbers had been written."""
    rows, dim = exact["fixed"].shape
    positions = np.zeros((rows, 3))
    positions[:, :dim] = exact["fixed"].astype(float) * 2.0**-64 * exact["box"]
    meant = {
        "positions": (positions, exact["box"]),
        "box": (np.full(dim, exact["box"]), exact["box"]),
    }
    if "axes" in exact:
        meant["orientations"] = exact["orientations"], 1.0
    else:
        meant["diameters"] = exact["diameters"].astype(np.float32), exact["diameters"]
    for name, (value, unit) in meant.items():
        found = shown[name]
        if found.shape != value.shape or not np.all(np.abs(found - value) <= SAME * unit):
            raise ValueError(
                f"its {name} differ from its exact numbers: another program changed some;"
                " without the log chunks mpack/* it is read as that program's own"
            )


# ------------------------------------------------------------------------------------------------
# frames that `Packing.save` and trajectories wrote


EXACT = tuple(_MEMBERS)  # names of the exact numbers


def open_own(path):
    """A GSD file of frames with exact numbers, open for reading; ValueError with one sentence for another."""
    import gsd.fl

    _check_gsd_header(path)
    file = gsd.fl.open(path, "r")
    if file.schema != "hoomd":
        schema = file.schema
        file.close()
        raise ValueError(f"its schema is {schema!r} instead of 'hoomd'")
    return file


def has_exact(file, place):
    """Whether a frame has all exact numbers: one of another program has none."""
    return all(file.chunk_exists(place, f"log/mpack/{name}") for name in EXACT)


def read_own(file, place):
    """Arguments of `Packing.from_fixed` from the exact numbers of one frame, checked."""
    if not has_exact(file, place):
        raise ValueError("another program wrote it")
    exact = _unpack(_exact_chunks(file, place))
    _check_agreement(exact, _shown(file, place, exact))
    return exact
