"""Packings in text files of other programs, read through ASE, and in tables.

ASE knows how (ext)xyz, LAMMPS dumps and LAMMPS data files put down positions and boxes. It keeps
neither sizes nor types that are no chemical elements, and takes a file that is cut off for a shorter
one. So a frame is found and counted here, and those columns go through ASE under names that it keeps.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import re
import reprlib
from numbers import Real

import numpy as np

from mpack import _check
from mpack._extras import from_extra
from mpack._foreign import SAME, Stated

KINDS = ("xyz", "lammps-dump", "lammps-data", "csv")
_LONGEST = 2**20  # bytes of a line: what has a longer one is no text
_SIZES = ("diameter", "radius")
# Of ellipsoids, as LAMMPS (compute property/atom) and OVITO name them, and quaternions.
_SHAPES = re.compile(r"shape[xyz]|quat[wijk]|aspherical_?shape|orientation|q[wxyzijk]")
_PLACES = (("x", "y", "z"), ("xs", "ys", "zs"), ("xu", "yu", "zu"), ("xsu", "ysu", "zsu"))


def stated(path, kind, asked):
    """A `Stated` of the frame asked for of a file of one of `KINDS`."""
    frames, read = {
        "xyz": (_xyz_frames, _xyz),
        "lammps-dump": (_dump_frames, _dump),
        "lammps-data": (_one_frame, _data),
        "csv": (_one_frame, _csv),
    }[kind]
    with open(path, "rb") as file:
        found = list(frames(file))
        start, end = found[asked.place(len(found))]
        file.seek(start)
        text = file.read(end - start).decode()
    return read(text)


# Where frames are: (first byte, one behind the last) of each


def _line(file):
    line = file.readline(_LONGEST)
    if len(line) == _LONGEST:
        raise ValueError(f"it has a line of more than {_LONGEST} bytes: it is no text")
    return line


def _one_frame(file):
    for _ in iter(lambda: _line(file), b""):
        pass
    yield 0, file.tell()


def _xyz_frames(file):
    for k in itertools.count():
        start, line = file.tell(), _line(file)
        while line.isspace():
            start, line = file.tell(), _line(file)
        if not line:
            return
        if not line.strip().isdigit():
            raise ValueError(
                f"frame {k} begins with {_check.short(line.decode(errors='replace'))}"
                " instead of its number of particles"
            )
        n = int(line)
        if not all(_line(file) for _ in range(n + 1)):
            raise ValueError(f"it is cut off: frame {k} has fewer than its {n} particles")
        yield start, file.tell()


def _dump_frames(file):
    starts, at = [], 0
    for line in iter(lambda: _line(file), b""):
        if line.startswith(b"ITEM: TIMESTEP"):
            starts.append(at)
        at += len(line)
    return zip(starts, [*starts[1:], at])


# What ASE makes of the text of a frame


@contextlib.contextmanager
def _told(what):
    """Around a call of ASE: whatever it stumbles over is the file's fault, and told as such."""
    try:
        yield
    except Exception as error:
        raise ValueError(
            f"it is not as {what} are written; ASE says {type(error).__name__}: {error}"
        ) from None


def _stated(atoms, diameters, labels):
    """A `Stated` of what ASE read, with sizes (n,) or None and the types (n,) of the particles."""
    cell = np.asarray(atoms.cell)
    lengths = np.sqrt((cell**2).sum(axis=1))
    slant = np.abs(cell - np.diag(np.diag(cell))) / max(lengths.max(), np.finfo(float).tiny)
    names, types = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    boxed = bool(np.any(lengths))
    return Stated(
        positions=atoms.positions,
        lengths=lengths if boxed else None,
        tilts=[max(slant[j, i], slant[i, j]) for i, j in ((0, 1), (0, 2), (1, 2))],
        periodic=atoms.pbc if boxed else (True, True, True),
        diameters=diameters,
        names=names.tolist(),
        types=types,
    )


def _sizes(columns):
    """(n,) diameters from columns that may hold them or radii; None if none does."""
    found = [
        np.asarray(values, dtype=float) * (2.0 if name == "radius" else 1.0)
        for name, values in columns.items()
        if name in _SIZES
    ]
    if len(found) == 2 and not np.all(np.abs(found[0] - found[1]) <= SAME * np.abs(found[0])):
        raise ValueError("its columns diameter and radius state different sizes")
    return found[0] if found else None


def _spheres(names):
    """ValueError if columns of these names make particles something else than spheres."""
    found = [str(name) for name in names if _SHAPES.fullmatch(str(name).lower())]
    if found:
        raise ValueError(
            f"its columns {', '.join(found)} state shapes or orientations: particles have to be spheres here, "
            "as ellipsoids are read from GSD and NPZ alone; without these columns they are taken for spheres"
        )


def _xyz(text):
    with from_extra("formats", "reading xyz files"):
        from ase.io.extxyz import key_val_str_to_dict, read_xyz

    def said(comment):
        """What the second line says, with types under a name that ASE does not take for elements."""
        extended = re.search(r"\b(Lattice|Properties)=", comment)
        told = key_val_str_to_dict(comment) if extended else {}
        columns = str(told.get("Properties", "species:S:1:pos:R:3")).split(":")
        columns[::3] = ["label" if name == "species" else name for name in columns[::3]]
        if sum(map(int, columns[2::3])) > width:  # ASE would make room for any number of columns
            raise ValueError(f"a particle has {width} columns, and Properties tells of more")
        return {**told, "Properties": ":".join(columns)}

    number, _, rest = text.partition("\n")
    comment, _, rows = rest.partition("\n")
    if int(number) == 0:
        raise ValueError("it has no particles")
    width = len(rows.partition("\n")[0].split())
    text = f"{number}\n{comment.strip() or 'none'}\n{rows}"  # ASE asks `said` only if there is any
    with _told("xyz files"):
        atoms = next(read_xyz(io.StringIO(text), index=0, properties_parser=said))
    columns = {name.lower(): values for name, values in atoms.arrays.items()}
    _spheres(columns)
    labels = next((columns[name] for name in ("label", "type") if name in columns), atoms.numbers)
    return _stated(atoms, _sizes(columns), labels)


def _dump(text):
    with from_extra("formats", "reading LAMMPS dumps"):
        from ase.io.lammpsrun import read_lammps_dump_text

    head, columns, rows = _dump_table(text.splitlines())
    _spheres(columns)
    labels = dict.fromkeys(columns.get("element", ())) if "type" not in columns else {}
    if labels:
        order = {label: str(k) for k, label in enumerate(labels)}
        columns["type"] = [order[label] for label in columns["element"]]
    columns.setdefault("type", ["1"] * rows)
    dim = 3 if {"z", "zs", "zu", "zsu"} & columns.keys() else 2
    kept = _kept(columns)
    body = map(" ".join, zip(*kept.values()))
    text = "\n".join([*head, f"ITEM: ATOMS {' '.join(kept)}", *body, ""])
    with _told("LAMMPS dumps"):
        atoms = read_lammps_dump_text(io.StringIO(text), index=-1)
    sizes = _sizes({name: atoms.arrays[f"v_{name}"] for name in _SIZES if f"v_{name}" in kept})
    types = atoms.arrays["type"]
    found = _stated(atoms, sizes, np.array(list(labels))[types] if labels else types)
    return dataclasses.replace(found, positions=found.positions[:, :dim])


def _dump_table(lines):
    """The lines before the table of particles, its columns {name: texts}, and its number of rows."""
    at = next((k for k, line in enumerate(lines) if line.startswith("ITEM: ATOMS")), len(lines))
    head, names = lines[:at], " ".join(lines[at : at + 1]).split()[2:]
    bounds = [line.split()[3:] for line in head if line.startswith("ITEM: BOX BOUNDS")]
    if not bounds:
        raise ValueError("it states no box: a frame has no ITEM: BOX BOUNDS before its ITEM: ATOMS")
    if not bounds[0]:
        raise ValueError("its ITEM: BOX BOUNDS does not say what is periodic: pp pp pp is needed")
    inside = itertools.takewhile(lambda line: not line.startswith("ITEM:"), lines[at + 1 :])
    rows = [line.split() for line in inside if line.strip()]
    n = [int(after) for line, after in zip(head, head[1:]) if line == "ITEM: NUMBER OF ATOMS"]
    if [len(rows)] != n:
        raise ValueError(f"it is cut off: a frame of {n} particles has {len(rows)}")
    if not all(len(row) == len(names) for row in rows):
        raise ValueError(f"some of its particles have not the columns {' '.join(names)}")
    return head, dict(zip(names, map(list, zip(*rows)))), len(rows)


def _kept(columns):
    """The columns that ASE needs, and sizes under names that it keeps."""
    for x, y, z in _PLACES:
        if x in columns and y in columns:
            kept = {name: columns[name] for name in ("id", "type", x, y, z) if name in columns}
            sizes = {f"v_{name}": columns[name] for name in _SIZES if name in columns}
            return {z: ["0"] * len(columns[x]), **kept, **sizes}
    raise ValueError(
        f"its columns are {' '.join(columns) or 'none'}: x y z, xs ys zs, xu yu zu or xsu ysu zsu are needed"
    )


def _data(text):
    with from_extra("formats", "reading LAMMPS data files"):
        from ase.io.lammpsdata import read_lammps_data

    lines = text.splitlines()
    at, style, rows = _atoms_section(lines)
    diameters = None
    if style == "sphere":  # id type diameter density x y z, and images; ASE knows no such style
        order = np.argsort([int(row[0]) for row in rows])
        diameters = np.array([float(row[2]) for row in rows])[order]
        style, rows = "atomic", [[*row[:2], *row[4:]] for row in rows]
    body = [f"Atoms # {style}", "", *map(" ".join, rows), ""]
    lines[at[0] : at[1]] = body
    with _told("LAMMPS data files"):
        atoms = read_lammps_data(io.StringIO("\n".join([*lines, ""])), read_image_flags=False)
    return _stated(atoms, diameters, atoms.arrays["type"])


def _atoms_section(lines):
    """Where the section Atoms lies in a data file, its style and its rows; what has to be there is."""
    titles = [k for k, line in enumerate(lines) if re.match(r"\s*Atoms\s*(#|$)", line)]
    if not titles:
        raise ValueError("it has no section Atoms")
    header = "\n".join(lines[: titles[0]])
    for side in (r"xlo\s+xhi", r"ylo\s+yhi", r"zlo\s+zhi"):
        if not re.search(side, header) and "avec" not in header:
            raise ValueError(
                f"it states no box: its header has no {side.replace(chr(92) + 's+', ' ')}"
            )
    first = titles[0] + 1
    while first < len(lines) and not lines[first].strip():
        first += 1
    rows = [
        line.partition("#")[0].split() for line in itertools.takewhile(str.strip, lines[first:])
    ]
    n = re.search(r"^\s*(\d+)\s+atoms\b", header, re.MULTILINE)
    if n is None or int(n[1]) != len(rows):
        raise ValueError(
            f"it has {len(rows)} particles, and its header says {n[1] if n else 'nothing of them'}"
        )
    style = lines[titles[0]].partition("#")[2].strip()
    if not style and len(rows[0]) not in (5, 8):
        raise ValueError(
            f"its section Atoms has {len(rows[0])} columns and does not say of which style"
            " they are: Atoms # sphere, for instance"
        )
    return (titles[0], first + len(rows)), style or "atomic", rows


# Tables


def _csv(text):
    import pandas

    table = pandas.read_csv(
        io.StringIO(text), dtype=str, keep_default_na=False, skipinitialspace=True
    ).rename(columns=str.strip)
    for name in {"x", "y", "z", *_SIZES} & set(table.columns):
        table[name] = [_number(f"table[{name!r}][{k}]", said) for k, said in enumerate(table[name])]
    return stated_table(table)


def _number(name, said):
    """A float to the last bit, which pandas' own parsers do not all give."""
    try:
        return float(said)
    except ValueError:
        raise ValueError(f"{name} is {_check.short(said)} and no number") from None


def stated_table(table):
    """A `Stated` of a pandas.DataFrame: columns x, y, and z, diameter or radius, type where they are there."""
    columns = [name for name in ("x", "y", "z", *_SIZES, "type") if name in table.columns]
    twice = [name for name in columns if list(table.columns).count(name) > 1]
    if "x" not in columns or "y" not in columns or twice:
        found = ", ".join(map(str, table.columns)) or "none"
        raise ValueError(
            f"table must have one column x and one y, z in three dimensions, and diameter or radius"
            f" where sizes differ; its columns are {found if len(found) < 200 else found[:150] + ' ...'}"
        )
    _spheres(table.columns)
    numbers = {name: _column(name, table[name]) for name in columns if name != "type"}
    labels = table["type"].astype(str) if "type" in columns else ["A"] * len(table)
    names, types = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    return Stated(
        positions=np.column_stack([numbers[name] for name in "xyz" if name in numbers]),
        lengths=None,
        diameters=_sizes(numbers),
        names=names.tolist(),
        types=types,
        unit=1.0,
    )


def _column(name, values):
    if (
        values.dtype.kind not in "biuf"
    ):  # texts that look like numbers are none, and neither are lists
        other = [(row, one) for row, one in values.items() if not isinstance(one, Real)]
        first = f"; row {other[0][0]!r} has {reprlib.repr(other[0][1])}" if other else ""
        raise TypeError(f"table[{name!r}] must be real numbers; its type is {values.dtype}{first}")
    return _check.array(f"table[{name!r}]", values, ("n",))
