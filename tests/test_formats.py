"""Packings in text files and tables of other programs: what their writers write is read, the rest refused in words.

Writers are those of ASE, lammpsio and pandas; what LAMMPS itself wrote (22 Jul 2025) stands in the text.
"""

import builtins
import io

import ase
import ase.io
import lammpsio
import numpy as np
import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mpack
from mpack import Packing

LAMMPS_DUMP = """\
ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
4
ITEM: BOX BOUNDS pp pp pp
-6.0000000000000000e+00 6.0000000000000000e+00
-6.0000000000000000e+00 6.0000000000000000e+00
-6.0000000000000000e+00 6.0000000000000000e+00
ITEM: ATOMS id type x y z radius
3 1 5.0861995905107822 -4.2434822852925782 -4.2067689123594985 0.625
1 2 4.1723991810215626 -2.486964570585156 -2.4135378247189978 0.875
2 2 -4.3302200521948837 1.991582760583416 4.5314571254567504 0.875
4 1 0.83488997390255726 3.9957913802917062 5.265728562728377 0.625
ITEM: TIMESTEP
5
ITEM: NUMBER OF ATOMS
4
ITEM: BOX BOUNDS pp pp pp
-6.0000000000000000e+00 6.0000000000000000e+00
-6.0000000000000000e+00 6.0000000000000000e+00
-6.0000000000000000e+00 6.0000000000000000e+00
ITEM: ATOMS id type x y z radius
3 1 4.4777550352747344 -5.6570216986894231 -2.1186374640207148 0.625
1 2 -1.9478679108387507 3.1113906236348257 0.78025209534083995 0.875
2 2 5.7068780869399802 1.2725689922112651 -5.2808401521819626 0.875
4 1 -2.4734965181359452 0.52998936784072104 -2.2038955280315298 0.625
"""
SECOND = [
    [-1.9478679108387507, 3.1113906236348257, 0.78025209534083995],
    [5.7068780869399802, 1.2725689922112651, -5.2808401521819626],
    [4.4777550352747344, -5.6570216986894231, -2.1186374640207148],
    [-2.4734965181359452, 0.52998936784072104, -2.2038955280315298],
]
LAMMPS_FLAT_DUMP = """\
ITEM: UNITS
lj
ITEM: TIME
0
ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
4
ITEM: BOX BOUNDS pp pp pp
-6.0000000000000000e+00 6.0000000000000000e+00
-6.0000000000000000e+00 6.0000000000000000e+00
-5.0000000000000000e-01 5.0000000000000000e-01
ITEM: ATOMS id type xs ys zs
3 1 0.92385 0.146376 0.5
1 2 0.937379 0.530555 0.5
4 1 0.569574 0.832983 0.5
2 2 0.0916838 0.929883 0.5
ITEM: TIME
5
ITEM: TIMESTEP
5
ITEM: NUMBER OF ATOMS
4
ITEM: BOX BOUNDS pp pp pp
-6.0000000000000000e+00 6.0000000000000000e+00
-6.0000000000000000e+00 6.0000000000000000e+00
-5.0000000000000000e-01 5.0000000000000000e-01
ITEM: ATOMS id type xs ys zs
3 1 0.854065 0.0309492 0.5
1 2 0.437608 0.00780741 0.5
4 1 0.299417 0.529871 0.5
2 2 0.931397 0.87117 0.5
"""
LAMMPS_DATA = """\
LAMMPS data file via write_data, version 22 Jul 2025, timestep = 0, units = lj

4 atoms
2 atom types

-6 6 xlo xhi
-6 6 ylo yhi
-0.5 0.5 zlo zhi

Atoms # sphere

3 1 1.25 0.512 5.086199590510782 -4.243482285292578 0 0 0 0
1 2 1.75 0.1865889212827988 5.248549215145665 0.36665895318922637 0 0 0 0
2 2 1.75 0.1865889212827988 -4.8997942166867645 5.158600145559106 0 1 0 0
4 1 1.25 0.512 0.8348899739025573 3.995791380291706 0 0 0 0

Velocities

1 0 0 0 0 0 0
2 0 0 0 0 0 0
3 0 0 0 0 0 0
4 0 0 0 0 0 0
"""
FLAT = [
    [5.248549215145665, 0.36665895318922637],
    [-4.8997942166867645, 5.158600145559106],
    [5.086199590510782, -4.243482285292578],
    [0.8348899739025573, 3.995791380291706],
]
SIZES = [1.75, 1.75, 1.25, 1.25]


def put(folder, name, text):
    path = folder / name
    path.write_text(text, newline="")
    return path


def packing_of(x, box, diameters):
    """The packing that a file in another unit states."""
    unit = np.mean(diameters)
    return Packing(np.asarray(x) / unit, box / unit, np.asarray(diameters) / unit)


def close(a, b, within=1e-13):
    """Whether packings are the same but for rounding and a shift of all spheres."""
    assert (a.n, a.dim) == (b.n, b.dim) and a.box == pytest.approx(b.box, rel=1e-6)
    assert a.diameters == pytest.approx(b.diameters, rel=1e-9)
    gap = ((a.fixed - a.fixed[0]) - (b.fixed - b.fixed[0])).astype(float) * 2.0**-64
    assert np.abs(gap).max() < within
    return True


def refused(path, *words, **asked):
    with pytest.raises(ValueError) as caught:
        Packing.load(path, **asked)
    message = str(caught.value)
    assert all(word in message for word in words) and "\n" not in message, message
    assert str(path) in message


def atoms_of(packing, symbols="Ar", unit=1.0, **arrays):
    """ASE's Atoms of a packing, in another unit of length; flat ones lie in a thin box."""
    flat = packing.dim == 2
    cell = [packing.box * unit, packing.box * unit, unit if flat else packing.box * unit]
    atoms = ase.Atoms(
        [symbols] * packing.n if isinstance(symbols, str) else symbols,
        positions=packing.centred() * unit,
        cell=cell,
        pbc=(True, True, not flat),
    )
    for name, values in arrays.items():
        atoms.set_array(name, np.asarray(values))
    return atoms


# xyz


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from([2, 3]),
    st.integers(1, 30),
    st.floats(0.1, 50),
    st.integers(0, 2**32),
    st.sampled_from(["diameter", "radius", "Radius"]),
)
def test_extended_xyz_by_ase(tmp_path, dim, n, unit, seed, column):
    """ASE writes eight decimals."""
    sizes = mpack.sizes.uniform(n, 0.3, seed=seed)
    packing = Packing.random(n, 0.02, dim, seed, diameters=sizes)
    told = sizes * unit if column == "diameter" else 0.5 * sizes * unit
    path = tmp_path / "a.xyz"
    ase.io.write(path, atoms_of(packing, unit=unit, **{column: told}), format="extxyz")
    read = Packing.load(path, dim=dim)
    assert (read.n, read.dim) == (n, dim) and read.box == pytest.approx(packing.box, rel=1e-6)
    assert read.diameters == pytest.approx(sizes, abs=2e-8 * max(1, 2 / unit))
    gap = (read.fixed - packing.fixed).astype(float) * 2.0**-64 * packing.box
    assert np.abs(gap).max() < 1e-6 * max(1, 1 / unit)


def test_the_frames_of_an_xyz_file(tmp_path):
    """Of any number of particles each, with blank lines at the end."""
    packings = [Packing.random(n, 0.05, 3, seed=n) for n in (5, 3, 8)]
    path = tmp_path / "a.extxyz"
    ase.io.write(path, [atoms_of(one) for one in packings], format="extxyz")
    path.write_text(path.read_text() + "\n \n")
    for k in range(-3, 3):
        close(Packing.load(path, frame=k, diameters=1.0), packings[k], within=1e-7)
    refused(path, "frame", "[-3, 2]", "got 3", frame=3, diameters=1.0)


def test_types_of_an_xyz_file_need_not_be_elements(tmp_path):
    text = "3\nKob and Andersen, it's = a comment\nA 1 1 1\nB 2 2 3\nA 3 3 4\n"
    path = put(tmp_path, "a.xyz", text)
    refused(path, "states no box", "box=", diameters=1.0)
    refused(path, "2 types", "'A', 'B'", "diameters=", box=10)
    read = Packing.load(path, box=10, diameters={"A": 2.0, "B": 1.4})
    assert read == packing_of([[1, 1, 1], [2, 2, 3], [3, 3, 4]], 10.0, [2.0, 1.4, 2.0])
    for comment in ("", " ", "Lattice", "Properties of = a glass"):
        put(tmp_path, "a.xyz", text.replace("Kob and Andersen, it's = a comment", comment))
        assert Packing.load(path, box=10, diameters={"A": 2.0, "B": 1.4}) == read
    put(tmp_path, "a.xyz", text.replace("\n", "\r\n"))
    assert Packing.load(path, box=10, diameters={"A": 2.0, "B": 1.4}) == read
    put(tmp_path, "a.xyz", text.replace("B", "A"))
    refused(path, "states no sizes", "diameters=1.0", box=10)
    assert Packing.load(path, box=10, diameters=1).box == 10.0
    assert Packing.load(path, box=10, diameters={"A": 1, "B": 2}).box == 10.0  # no B in this frame
    lattice = 'Lattice="10 0 0 0 10 0 0 0 10" Properties=id:I:1:species:S:1:pos:R:3:Radius:R:1'
    path = put(tmp_path, "b.xyz", f"2\n{lattice}\n7 big 1 1 1 1.0\n8 small 5 5 5 0.7\n")
    assert Packing.load(path) == packing_of([[1, 1, 1], [5, 5, 5]], 10.0, [2.0, 1.4])
    by_name = Packing.load(path, diameters={"big": 2, "small": 1.4})
    assert by_name == Packing.load(path)
    path = put(tmp_path, "c.xyz", path.read_text().replace("species:S", "type:S"))
    assert Packing.load(path, diameters={"big": 2, "small": 1.4}) == by_name


def test_what_mdanalysis_writes(tmp_path):
    """MDAnalysis 2.11: xyz without a box, with any names; data files that do not say what their columns are."""
    text = (
        "2\nframe 0 | Written by MDAnalysis XYZWriter (release 2.11.0)\n"
        "       A     1.00000    2.00000    3.00000\n       B     4.00000    5.00000    6.00000\n"
    )
    expected = Packing([[1, 2, 3], [4, 5, 6]], 9.0)
    assert Packing.load(put(tmp_path, "a.xyz", text), box=9, diameters={"A": 1, "B": 1}) == expected
    text = (
        "LAMMPS data file via MDAnalysis\n\n           2  atoms\n\n           2  atom types\n\n"
        "0.000000 9.000000 xlo xhi\n0.000000 9.000000 ylo yhi\n0.000000 9.000000 zlo zhi\n\n\n"
        "Masses\n\n1 1.000000\n2 1.000000\n\nAtoms\n\n"
        "1 0 1 1.0000000000 2.0000000000 3.0000000000\n2 0 2 4.0000000000 5.0000000000 6.0000000000\n"
    )
    path = put(tmp_path, "a.data", text)
    refused(path, "has 6 columns and does not say of which style", diameters=1.0)
    path.write_text(text.replace("Atoms", "Atoms # molecular"))
    assert Packing.load(path, diameters=1.0) == expected


def test_what_ovito_writes(tmp_path):
    """OVITO 3.17: an origin in xyz, general boxes in LAMMPS's formats, types that begin with 0."""
    box = "{} 0.0 0.0 -3.0\n0.0 {} 0.0 -3.0\n0.0 0.0 {} -3.0\n".format(*["6.0"] * 3)
    texts = {
        "a.xyz": '2\nLattice="6.0 0.0 0.0 0.0 6.0 0.0 0.0 0.0 6.0" Origin="-3.0 -3.0 -3.0" pbc="T T T"'
        " Properties=species:S:1:pos:R:3:radius:R:1\n"
        "sphere -2.1782298088 1.618720293 0.2458411455 0.4166666496\n"
        "sphere 0.0991658121 -1.1203786135 -0.5234665275 0.5833333135\n",
        "a.dump": "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS abc origin pp pp pp\n"
        f"{box}ITEM: ATOMS id type x y z radius\n"
        "1 0 -2.1782298088 1.618720293 0.2458411455 0.4166666496\n"
        "2 0 0.0991658121 -1.1203786135 -0.5234665275 0.5833333135\n",
        "a.data": "# LAMMPS data file written by OVITO Pro 3.17.2\n\n2 atoms\n1 atom types\n\n"
        "6.0 0.0 0.0 avec\n0.0 6.0 0.0 bvec\n0.0 0.0 6.0 cvec\n-3.0 -3.0 -3.0 abc origin\n\n"
        "Atoms  # sphere\n\n"
        "1 1 0.8333332992 0.0 -2.1782298088 1.618720293 0.2458411455\n"
        "2 1 1.166666627 0.0 0.0991658121 -1.1203786135 -0.5234665275\n",
    }
    x = [[-2.1782298088, 1.618720293, 0.2458411455], [0.0991658121, -1.1203786135, -0.5234665275]]
    for name, text in texts.items():
        read = Packing.load(put(tmp_path, name, text))
        assert close(read, packing_of(x, 6.0, [0.8333332992, 1.166666627]))


@pytest.mark.parametrize(
    "cell, pbc, words",
    [
        ([9, 9, 8], True, ["9 x 9 x 8", "neither a square nor a cube"]),
        ([9, 8, 9], True, ["9 x 8 x 9", "neither a square nor a cube"]),
        ([9, 9, 9, 90, 90, 60], True, ["9 x 9 x 9", "tilted", "neither"]),
        ([[0, 4.5, 4.5], [4.5, 0, 4.5], [4.5, 4.5, 0]], True, ["6.36396 x 6.36396", "tilted"]),
        ([9, 9, 9], (True, False, True), ["not periodic along y"]),
        ([9, 9, 9], False, ["not periodic along x, y, z"]),
        (None, False, ["states no box", "box="]),
    ],
)
def test_boxes_of_xyz_files_that_are_refused(tmp_path, cell, pbc, words):
    atoms = ase.Atoms("Ar2", positions=[[1, 2, 3], [4, 5, 7]], cell=cell, pbc=pbc)
    path = tmp_path / "a.xyz"
    ase.io.write(path, atoms, format="extxyz")
    refused(path, *words, diameters=1.0)


def test_a_flat_layer_in_a_cube_may_be_either(tmp_path):
    atoms = ase.Atoms("Ar2", positions=[[1, 2, 0], [4, 5, 0]], cell=[9, 9, 9], pbc=True)
    path = tmp_path / "a.xyz"
    ase.io.write(path, atoms, format="extxyz")
    refused(path, "all its z are 0", "9 x 9 x 9", "dim=2 or dim=3", diameters=1.0)
    flat = Packing.load(path, diameters=1.0, dim=2)
    assert flat == Packing([[1, 2], [4, 5]], 9.0)
    assert Packing.load(path, diameters=1.0, dim=3) == Packing([[1, 2, 0], [4, 5, 0]], 9.0)
    atoms.positions[0, 2] = 0.5
    ase.io.write(path, atoms, format="extxyz")
    assert Packing.load(path, diameters=1.0).dim == 3
    refused(path, "2 dimensions", "z are 0 to 0.5", diameters=1.0, dim=2)


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "it has no frame"),
        ("\n\n", "it has no frame"),
        ("two\n\nA 1 1 1\n", "begins with 'two"),
        ("-1\n\nA 1 1 1\n", "begins with '-1"),
        ("2\n\nA 1 1 1\n", "frame 0 has fewer than its 2 particles"),
        ("1\n\nA 1 1 1\n3\n\nA 1 1 1\n", "frame 1 has fewer than its 3 particles"),
        ("999999999999999\n\nA 1 1 1\n", "cut off"),
        ("9" * 5000 + "\n\nA 1 1 1\n", ""),
        ("0\n\n", "no particles"),
        ("1\n\nA 1 1\n", ""),
        ("1\n\nA 1 1 one\n", "one"),
        (
            "1\nProperties=species:S:1:pos:R:3:radius:R:1\nA 1 1 nan 1\n",
            "positions must be finite",
        ),
        ("1\nProperties=pos:Q:3\n1 1 1\n", "Q"),
        ("1\nProperties=pos:R:3:radius:R:99999999999\n1 1 1 1\n", "4 columns"),
        ("1\nProperties=species:S:1:pos:R:3:radius:R:1\nA 1 1 1 0\n", "positive"),
        ("1\nProperties=species:S:1:pos:R:3:radius:R:1\nA 1 1 1 nan\n", "positive"),
        (
            "1\nProperties=species:S:1:pos:R:3:radius:R:1:diameter:R:1\nA 1 1 1 1 1\n",
            "different sizes",
        ),
        ("1\n" + "x" * 2**21 + "\nA 1 1 1\n", "no text"),
    ],
)
def test_xyz_files_that_are_none(tmp_path, text, words):
    refused(put(tmp_path, "a.xyz", text), "holds no packing", words, box=9.0, dim=3)


# LAMMPS


@pytest.mark.parametrize("name", ["a.dump", "a.lammpstrj", "dump.spheres", "DUMP.1"])
def test_a_dump_by_lammps(tmp_path, name):
    """In the order of the ids, with sizes from radii; each frame."""
    path = put(tmp_path, name, LAMMPS_DUMP)
    assert Packing.load(path) == packing_of(SECOND, 12.0, SIZES)
    first = Packing.load(path, frame=0)
    assert Packing.load(path, frame=-2) == first != Packing.load(path)
    assert first.positions[0] * 1.5 % 12 == pytest.approx(
        [4.1723991810215626, 9.513035429414844, 9.586462175281002]
    )
    refused(path, "[-2, 1]", "got 2", frame=2)


def test_a_flat_dump_by_lammps(tmp_path):
    """Coordinates in units of the box, units and times between the frames, no sizes."""
    path = put(tmp_path, "a.dump", LAMMPS_FLAT_DUMP)
    refused(path, "'1', '2'", "diameters=")
    for sizes in ({1: 1.25, 2: 1.75}, {"1": 1.25, "2": 1.75}, SIZES):
        close(Packing.load(path, frame=0, diameters=sizes), packing_of(FLAT, 12.0, SIZES), 1e-6)
    assert Packing.load(path, diameters=SIZES) != Packing.load(path, frame=0, diameters=SIZES)


@pytest.mark.parametrize(
    "old, new, sizes",
    [
        ("x y z radius", "xu yu zu radius", None),
        ("id type x y z radius", "id element x y z radius", None),
        ("id type x y z radius", "id mol x y z radius", None),
        ("x y z radius", "x y z v_r", SIZES),
        ("ITEM: BOX BOUNDS pp pp pp", "ITEM: BOX BOUNDS xy xz yz pp pp pp", None),
    ],
)
def test_other_columns_of_a_dump(tmp_path, old, new, sizes):
    text = LAMMPS_DUMP.replace(old, new)
    if "xy" in new:
        text = text.replace("6.0000000000000000e+00\n", "6.0000000000000000e+00 0.0\n")
    path = put(tmp_path, "a.dump", text)
    assert Packing.load(path, diameters=sizes) == packing_of(SECOND, 12.0, SIZES)


def test_a_dump_of_elements_and_other_texts(tmp_path):
    head, _, rows = LAMMPS_DUMP.partition("ITEM: ATOMS id type x y z radius\n")
    rows = rows.partition("ITEM")[0]
    for label, row in {"B": "1", "A": "2"}.items():
        rows = rows.replace(f" {row} ", f" {label} ", 1).replace(f" {row} ", f" {label} ", 1)
    path = put(tmp_path, "a.dump", f"{head}ITEM: ATOMS id element x y z c_text\n{rows}")
    refused(path, "'A', 'B'", "diameters=")
    read = Packing.load(path, diameters={"A": 1.75, "B": 1.25})
    assert read == Packing.load(put(tmp_path, "b.dump", LAMMPS_DUMP), frame=0)


def test_a_dump_without_z(tmp_path):
    rows = "".join(f"{k} {x} {y}\n" for k, (x, y) in enumerate(FLAT, 1))
    head = LAMMPS_FLAT_DUMP.partition("ITEM: ATOMS")[0]
    path = put(tmp_path, "a.dump", f"{head}ITEM: ATOMS id x y\n{rows}")
    assert Packing.load(path, diameters=SIZES) == packing_of(FLAT, 12.0, SIZES)
    path = put(tmp_path, "a.dump", path.read_text().replace("5.0000000000000000e-01", "6"))
    refused(path, "states no z", "12 x 12 x 12", "dim=2", diameters=SIZES)
    refused(path, "states no z", "dim=2", diameters=SIZES, dim=3)
    assert Packing.load(path, diameters=SIZES, dim=2) == packing_of(FLAT, 12.0, SIZES)


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("pp pp pp", "pp ff pp", "not periodic along y"),
        ("pp pp pp", "", "does not say what is periodic"),
        ("ITEM: BOX BOUNDS pp pp pp", "ITEM: BOX", "states no box"),
        ("x y z radius", "mass y z radius", "x y z, xs ys zs"),
        ("x y z radius", "x y z", "have not the columns"),
        ("ITEM: ATOMS id type x y z radius", "ITEM: ATOMS", "have not the columns"),
        ("ITEM: ATOMS", "ITEM: NONE", "cut off"),
        ("\n4\n", "\n5\n", "cut off: a frame of [5] particles has 4"),
        ("\n4\n", "\n999999999999999999\n", "cut off"),
        ("\n4\n", "\nfour\n", "four"),
        ("0.625", "-0.625", "positive"),
        ("0.625", "nan", "positive"),
        ("0.625", "half", "half"),
        ("4.4777550352747344", "inf", "finite"),
        ("ITEM: TIMESTEP", "ITEM: STEP", "no frame"),
        ("-6.0000000000000000e+00 6", "-6.0000000000000000e+00 7", ""),
        (
            "-6.0000000000000000e+00 6.0000000000000000e+00\nITEM: ATOMS",
            "-6.0000000000000000e+00 7.0000000000000000e+00\nITEM: ATOMS",
            "12 x 12 x 13",
        ),
    ],
)
def test_dumps_that_are_refused(tmp_path, old, new, words):
    if words:
        refused(put(tmp_path, "a.dump", LAMMPS_DUMP.replace(old, new)), "holds no packing", words)
    else:
        cube = Packing.load(put(tmp_path, "a.dump", LAMMPS_DUMP.replace(old, new)))
        assert cube.box == pytest.approx(13 / 1.5)


def test_a_tilted_dump_by_lammpsio(tmp_path):
    snapshot = lammpsio.Snapshot(2, lammpsio.Box([-4, -4, -4], [4, 4, 4], [1.0, 0, 0]), step=0)
    snapshot.position = [[1, 2, 3], [3, 2, 1]]
    schema = {"id": 0, "typeid": 1, "position": (2, 3, 4)}
    lammpsio.DumpFile.create(str(tmp_path / "a.dump"), schema, snapshot)
    refused(tmp_path / "a.dump", "8 x 8.06226 x 8", "tilted by 0.124", diameters=1.0)


@pytest.mark.parametrize("dim", [2, 3])
def test_dumps_and_data_by_lammpsio(tmp_path, dim):
    """Eight decimals; ids in no order; images that do not matter."""
    sizes = np.array([1.0, 1.4, 1.0, 1.4, 1.4])
    packing = Packing.random(5, 0.1, dim, seed=3, diameters=sizes)
    half = packing.box / 2
    thin = half if dim == 3 else 0.5
    box = lammpsio.Box([-half, -half, -thin], [half, half, thin])
    order = np.array([4, 2, 0, 1, 3])
    snapshot = lammpsio.Snapshot(5, box, step=7)
    snapshot.id, snapshot.typeid = order + 1, np.where(sizes > 1.2, 2, 1)[order]
    snapshot.position, snapshot.mass = packing.centred()[order], np.ones(5)
    snapshot.image = np.arange(15).reshape(5, 3) * [1, 1, dim - 2]
    schema = {"id": 0, "position": (1, 2, 3), "typeid": 4, "image": (5, 6, 7)}
    lammpsio.DumpFile.create(str(tmp_path / "a.lammpstrj"), schema, [snapshot, snapshot])
    lammpsio.DataFile.create(str(tmp_path / "a.data"), snapshot)
    lammpsio.DataFile.create(str(tmp_path / "data.charged"), snapshot, atom_style="charge")
    ratio = {1: packing.diameters[0], 2: packing.diameters[1]}
    for name in ("a.lammpstrj", "a.data", "data.charged"):
        close(Packing.load(tmp_path / name, diameters=ratio), packing, within=1e-6)
        refused(tmp_path / name, "'1', '2'", "diameters=")


@pytest.mark.parametrize("name", ["a.data", "a.lmp", "data.spheres"])
def test_spheres_in_a_data_file_by_lammps(tmp_path, name):
    """Style sphere, which ASE does not read, in the order of the ids."""
    path = put(tmp_path, name, LAMMPS_DATA)
    assert Packing.load(path) == packing_of(FLAT, 12.0, SIZES)
    assert Packing.load(path, diameters=1.25).monodisperse
    refused(path, "[-1, 0]", "1 frame", frame=1)


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("style", ["atomic", "charge", "full"])
def test_data_files_by_ase(tmp_path, style, labels):
    """Seventeen digits: the packing itself, and equal spheres exactly equal."""
    packing = Packing.random(9, 0.05, 3, seed=4)
    atoms = atoms_of(packing, ["H"] * 4 + ["He"] * 5, unit=0.7)
    path = tmp_path / "a.data"
    ase.io.write(
        path, atoms, format="lammps-data", atom_style=style, masses=True, atom_type_labels=labels
    )
    refused(path, "'1', '2'", "diameters=")
    for sizes in (0.7, {1: 0.7, 2: 0.7}, np.full(9, 0.7)):
        read = Packing.load(path, diameters=sizes)
        assert close(read, packing) and read.monodisperse and read.box == pytest.approx(packing.box)


def test_tilted_data_by_ase(tmp_path):
    atoms = ase.Atoms("Ar2", positions=[[1, 2, 3], [1, 2, 5]], cell=[9, 9, 9, 90, 90, 60], pbc=True)
    ase.io.write(tmp_path / "a.data", atoms, format="lammps-data")
    refused(tmp_path / "a.data", "9 x 9 x 9", "tilted by 0.5", diameters=1.0)


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("-6 6 ylo yhi\n", "", "no ylo yhi"),
        ("-0.5 0.5 zlo zhi\n", "", "no zlo zhi"),
        ("-6 6 ylo yhi\n", "-6 5 ylo yhi\n", "12 x 11 x 1"),
        (
            "-0.5 0.5 zlo zhi\n",
            "-0.5 0.5 zlo zhi\n3 0 0 xy xz yz\n",
            "12 x 12.3693 x 1, tilted by 0.24",
        ),
        ("4 atoms\n", "5 atoms\n", "has 4 particles, and its header says 5"),
        ("4 atoms\n", "3 atoms\n", "has 4 particles, and its header says 3"),
        ("4 atoms\n", "", "says nothing of them"),
        ("Atoms # sphere", "Atoms", "has 10 columns and does not say of which style"),
        ("Atoms # sphere", "Atoms # ellipsoid", "ellipsoid"),
        ("Atoms # sphere", "Particles", "no section Atoms"),
        ("1 2 1.75 0.18", "1 2 0 0.18", "positive"),
        ("1 2 1.75 0.18", "1 2 wide 0.18", "wide"),
        ("5.248549215145665", "nan", "finite"),
        (" 0 0 0 0\n1 2", " 0.25 0 0 0\n1 2", "12 x 12 x 1"),
    ],
)
def test_data_files_that_are_refused(tmp_path, old, new, words):
    assert old in LAMMPS_DATA
    refused(put(tmp_path, "a.data", LAMMPS_DATA.replace(old, new)), "holds no packing", words)


SHAPED = "Properties=species:S:1:pos:R:3:radius:R:1:aspherical_shape:R:3:orientation:R:4"


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("a.dump", LAMMPS_DUMP.replace("z radius", "z shapex"), "shapex"),
        ("a.dump", LAMMPS_DUMP.replace("z radius", "radius quatw"), "quatw"),
        ("a.xyz", f"1\n{SHAPED}\nA 1 1 1 1 2 1 1 0 0 0 1\n", "aspherical_shape, orientation"),
        ("a.csv", "x,y,radius,qw,qx\n1,2,1,1,0\n", "qw, qx"),
    ],
)
def test_ellipsoids_of_other_programs_are_not_taken_for_spheres(tmp_path, name, text, words):
    refused(put(tmp_path, name, text), words, "state shapes or orientations", box=9.0)


# Tables


def test_tables(tmp_path):
    """Columns by name, in any order, among others; a CSV file keeps every bit."""
    sizes = mpack.sizes.lognormal(50, 0.2, seed=1)
    random = np.random.default_rng(5)
    x = random.uniform(-3, 30, (50, 3))
    for dim in (2, 3):
        expected = packing_of(x[:, :dim], 30.0, sizes * 0.7)
        table = pandas.DataFrame(x[:, :dim][:, ::-1], columns=list("zyx")[3 - dim :])
        table["name"], table["diameter"] = "sphere", sizes * 0.7
        read = Packing.from_table(table, box=30.0)
        assert close(read, expected) and Packing.from_table(table[::-1], 30).n == 50
        path = tmp_path / f"{dim}.csv"
        table.to_csv(path, index=dim == 2)
        assert Packing.from_table(path, 30.0) == Packing.load(path, box=30.0) == read
        assert Packing.from_table(str(path), 30.0, diameters=table["diameter"]) == read
        table["radius"] = 0.5 * table.pop("diameter")
        assert Packing.from_table(table, box=30.0) == read
        equal = table.drop(columns="radius")
        assert Packing.from_table(equal, 30.0) == Packing(x[:, :dim], 30.0)
        assert Packing.from_table(equal, 30.0, diameters=0.7).box == 30.0 / 0.7


def test_types_in_a_table():
    table = pandas.DataFrame({"x": [1.0, 2, 3], "y": [1.0, 2, 3], "type": ["A", "B", "A"]})
    with pytest.raises(ValueError, match=r"2 types, 'A', 'B', .* diameters="):
        Packing.from_table(table, 9.0)
    read = Packing.from_table(table, 9.0, diameters={"A": 1.0, "B": 1.75})
    assert read == packing_of(table[["x", "y"]], 9.0, [1.0, 1.75, 1.0])
    with pytest.raises(ValueError, match=r"must name all types of the file, 'A', 'B'; got 'A'"):
        Packing.from_table(table, 9.0, diameters={"A": 1.0})


def test_a_table_whose_z_are_all_alike():
    table = pandas.DataFrame({"x": [1.0, 2.0], "y": [1.0, 3.0], "z": [0.0, 0.0]})
    with pytest.raises(ValueError, match="all its z are 0 .* dim=2 or dim=3"):
        Packing.from_table(table, 9.0)
    assert Packing.from_table(table, 9.0, dim=2) == Packing([[1, 1], [2, 3]], 9.0)
    assert Packing.from_table(table, 9.0, dim=3).dim == 3


XY = {"x": [1.0, 2.0], "y": [1.0, 3.0]}


@pytest.mark.parametrize(
    "table, box, error, words",
    [
        ({"x": [1.0]}, 9, ValueError, ["one column x and one y", "columns are x"]),
        ({"X": [1.0], "Y": [1.0]}, 9, ValueError, ["one column x and one y", "columns are X, Y"]),
        ({}, 9, ValueError, ["columns are none"]),
        (XY | {"x": [1.0, np.nan]}, 9, ValueError, ["table['x'][1] is nan"]),
        (XY | {"y": [np.inf, 1.0]}, 9, ValueError, ["table['y'][0] is inf"]),
        (XY | {"x": [1.0, None]}, 9, ValueError, ["table['x'][1] is nan"]),
        (XY | {"x": ["1", "2"]}, 9, TypeError, ["table['x']", "real numbers"]),
        (XY | {"x": [[1.0], [2.0]]}, 9, TypeError, ["table['x']"]),
        (XY | {"diameter": [1.0, np.nan]}, 9, ValueError, ["table['diameter'][1] is nan"]),
        (XY | {"diameter": [1.0, 0.0]}, 9, ValueError, ["particle 1 is 0"]),
        (XY | {"radius": [1.0, -1.0]}, 9, ValueError, ["particle 1 is -2"]),
        (XY | {"radius": [1.0, 1.0], "diameter": [1, 1]}, 9, ValueError, ["different sizes"]),
        (XY, 1.5, ValueError, ["box must be in [2,", "1.5"]),
        (XY, "9", TypeError, ["box", "'9'"]),
        (XY, [9, 9], TypeError, ["box", "[9, 9]"]),
        (XY, None, ValueError, ["no box", "box="]),
        ({"x": [], "y": []}, 9, ValueError, ["no particles"]),
    ],
)
def test_tables_that_are_refused(table, box, error, words):
    with pytest.raises(error) as caught:
        Packing.from_table(pandas.DataFrame(table), box)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_no_tables(tmp_path):
    for table in (None, [[1, 2]], {"x": [1]}, np.zeros((2, 2))):
        with pytest.raises(
            TypeError, match=r"table must be a pandas.DataFrame or the name of a CSV"
        ):
            Packing.from_table(table, 9.0)
    twice = pandas.DataFrame([[1.0, 2.0, 3.0]], columns=["x", "y", "x"])
    with pytest.raises(ValueError, match="columns are x, y, x"):
        Packing.from_table(twice, 9.0)
    path = put(tmp_path, "a.csv", "x;y\n1;2\n")
    refused(path, "one column x and one y", "columns are x;y", box=9)
    refused(put(tmp_path, "b.csv", "x, y\n1, 2\n"), "states no box", "box=")
    assert Packing.load(tmp_path / "b.csv", box=9) == Packing([[1, 2]], 9.0)
    refused(put(tmp_path, "c.csv", ""), "holds no packing", box=9)
    refused(put(tmp_path, "d.csv", "x,y\n1,two\n"), "table['y'][0] is 'two'", box=9)
    refused(put(tmp_path, "d.csv", "x,y\n1,2\n,3\n"), "table['x'][1] is ''", box=9)
    (tmp_path / "e.csv").write_bytes(b"x,y\n1,\xff\n")
    refused(tmp_path / "e.csv", "utf-8", box=9)
    with open(tmp_path / "huge.csv", "wb") as file:
        file.truncate(2**40)  # a file of zeros that takes no room
    refused(tmp_path / "huge.csv", "no text", box=9)


# Which format


def test_the_format_can_be_said(tmp_path):
    path = put(tmp_path, "final", LAMMPS_DUMP)
    with pytest.raises(ValueError, match=r"path must end in .npz, .gsd, .*.csv, or format= say"):
        Packing.load(path)
    assert Packing.load(path, format="lammps-dump") == packing_of(SECOND, 12.0, SIZES)
    with pytest.raises(ValueError, match=r"format must be one of 'csv', .* got 'pdb'"):
        Packing.load(path, format="pdb")
    refused(path, "begins with 'ITEM: TIMESTEP", format="xyz")
    refused(path, "no section Atoms", format="lammps-data")
    refused(path, "holds no packing", format="gsd")
    saved = tmp_path / "saved.gsd"
    Packing.random(5, 0.1, 3, seed=1).save(saved)
    for format in ("xyz", "lammps-dump", "lammps-data", "csv"):
        refused(saved, "holds no packing", format=format)


def test_without_ase_the_extra_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def missing(name, *rest, **more):
        if name.partition(".")[0] == "ase":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    for name, text in {
        "a.xyz": "1\n\nA 1 1 1\n",
        "a.dump": LAMMPS_DUMP,
        "a.data": LAMMPS_DATA,
    }.items():
        with pytest.raises(
            ModuleNotFoundError, match=r"needs the package ase.*mpack-sgd\[formats\]"
        ):
            Packing.load(put(tmp_path, name, text), box=9)
    assert Packing.load(put(tmp_path, "a.csv", "x,y\n1,2\n"), box=9).n == 1


def test_any_damage_gives_a_packing_or_one_sentence(tmp_path, seed):
    """Bytes changed, cut or doubled: no other error, no crash, no waiting."""
    draw = np.random.default_rng(seed)
    stream = io.StringIO()
    ase.io.write(stream, atoms_of(Packing.random(9, 0.05, 3, 1), radius=np.full(9, 0.5)), "extxyz")
    texts = {"a.dump": LAMMPS_DUMP, "a.data": LAMMPS_DATA, "a.xyz": stream.getvalue()}
    for name, text in texts.items():
        for _ in range(40):
            bad = bytearray(text.encode())
            for _ in range(draw.integers(1, 4)):
                at, width = draw.integers(len(bad)), draw.integers(1, 9)
                bad[at : at + width] = draw.choice(
                    [draw.bytes(width), bytes(bad[at : at + 2 * width]), b"\n", b"-1e999 ", b""]
                )
            path = tmp_path / name
            path.write_bytes(bad)
            try:
                assert Packing.load(path).n < 100
            except ValueError as refusal:
                assert str(path) in str(refusal) and "\n" not in str(refusal)
