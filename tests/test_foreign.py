"""Packings of other programs in GSD files: what HOOMD's schema states is read, what it leaves open is asked for.

Files are made by gsd's own writer, in the forms of HOOMD 3 (diameters) and HOOMD 4 (shapes of types).
"""

import json
import math

import gsd.fl
import gsd.hoomd
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mpack
from mpack import Packing

SPHERES = [{"type": "Sphere", "diameter": 2.0}, {"type": "Sphere", "diameter": 3.0}]


def frame_of(positions, box, dim=3, **particles):
    """A frame with a box (a number or six) and these quantities of the particles."""
    positions = np.asarray(positions, dtype=float)
    frame = gsd.hoomd.Frame()
    frame.configuration.box = box if np.ndim(box) else [box] * dim + [0] * (6 - dim)
    frame.configuration.dimensions = dim
    frame.particles.N = len(positions)
    frame.particles.position = np.pad(positions, ((0, 0), (0, 3 - positions.shape[1])))
    for name, value in particles.items():
        setattr(frame.particles, name, value)
    return frame


def write(path, *frames, mode="w", **options):
    with gsd.hoomd.open(path, mode, **options) as file:
        file.extend(frames)
    return path


def two(**particles):
    """Two particles of two types."""
    return frame_of([[-2, 0, 0], [2, 0, 0]], 10, types=["A", "B"], typeid=[0, 1], **particles)


def refused(path, *words, **asked):
    with pytest.raises(ValueError) as caught:
        Packing.load(path, **asked)
    message = str(caught.value)
    assert all(word in message for word in words) and "\n" not in message, message
    assert str(path) in message


# Sizes


def test_spheres_by_type(tmp_path):
    packing = Packing.load(write(tmp_path / "a.gsd", two(type_shapes=SPHERES)))
    assert packing.diameters.tolist() == [0.8, 1.2] and packing.box == 4.0
    assert packing.phi == pytest.approx(math.pi / 6 * (0.8**3 + 1.2**3) / 64, rel=1e-14)
    assert packing.phi == pytest.approx(0.0183, abs=5e-5)
    assert packing.separation(0, 1).tolist() == [-1.6, 0.0, 0.0]  # 2.4 the other way


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("unit", [0.7, 1 / 3, 2.0, 1e-3, 1e3])
def test_a_crystal_in_another_unit_has_its_contacts(tmp_path, unit, double):
    """Spheres of HOOMD 4 on the fcc lattice, a hair's breadth closer than touching: twelve neighbours each."""
    crystal = Packing.from_fixed(Packing.lattice("fcc", cells=4, phi=0.7).fixed, box=5.625)
    options = {"precision": "double"} if double else {}
    try:
        path = write(
            tmp_path / "fcc.gsd",
            frame_of(
                crystal.centred() * unit,
                crystal.box * unit,
                types=["colloid"],
                type_shapes=[{"type": "Sphere", "diameter": unit}],
            ),
            **options,
        )
    except TypeError:
        pytest.skip("this gsd writes single precision only")
    read = Packing.load(path)
    assert read.monodisperse and read.phi == pytest.approx(crystal.phi, rel=1e-6)
    assert mpack.contacts(read).mean == 12
    if double and unit == 2.0:  # gsd rounds the box to single precision in any case
        assert read == crystal


@pytest.mark.parametrize("unit", [0.7, 0.1, 1.0, 1e5])
def test_equal_spheres_are_equal_however_they_are_stated(tmp_path, unit):
    x = np.random.default_rng(1).uniform(-10 * unit, 10 * unit, (1000, 3))
    types = {"types": ["A", "B"], "typeid": np.arange(1000) % 2}
    shapes = [{"type": "Sphere", "diameter": unit}] * 2
    for name, more in {
        "each": {"diameter": np.full(1000, unit)},
        "type": {**types, "type_shapes": shapes},
        "both": {**types, "type_shapes": shapes, "diameter": np.full(1000, unit)},
    }.items():
        read = Packing.load(write(tmp_path / f"{name}.gsd", frame_of(x, 20 * unit, **more)))
        assert read.monodisperse and read.diameters.tolist() == [1.0] * 1000
        assert read.box == pytest.approx(20.0, rel=2e-7)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_against_gsd_s_own_reader(tmp_path, data):
    """Any types and spheres, one frame or several: as computed from what gsd.hoomd says of the frame."""
    kinds = data.draw(st.integers(1, 4))
    sizes = data.draw(st.lists(st.floats(0.25, 4.0), min_size=kinds, max_size=kinds))
    counts = data.draw(st.lists(st.integers(1, 12), min_size=1, max_size=4))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    frames = [
        frame_of(
            random.uniform(-10, 10, (n, 3)),
            20,
            types=[f"type {k}" for k in range(kinds)],
            typeid=random.integers(0, kinds, n),
            type_shapes=[{"type": "Sphere", "diameter": size} for size in sizes],
        )
        for n in counts
    ]
    path = write(tmp_path / "any.gsd", *frames)
    place = data.draw(st.integers(-len(counts), len(counts) - 1))
    read = Packing.load(path, frame=place)
    with gsd.hoomd.open(path, "r") as file:
        frame = file[place % len(counts)]
    diameters = np.array(
        [frame.particles.type_shapes[k]["diameter"] for k in frame.particles.typeid]
    )
    unit = math.fsum(diameters) / len(diameters)
    assert read.n == counts[place] and read.box == pytest.approx(20 / unit, rel=1e-15)
    assert read.diameters == pytest.approx(diameters / unit, rel=1e-15)
    gap = read.positions - frame.particles.position.astype(float) / unit
    assert np.abs(gap - np.rint(gap / read.box) * read.box).max() < 1e-13 * read.box


@pytest.mark.parametrize(
    "shapes",
    [
        None,
        [],
        [{}],
        [{}, {}],
        [SPHERES[0]],
        [SPHERES[0], {}],
    ],
)
def test_several_types_without_a_size_of_each_are_asked_for(tmp_path, shapes):
    path = write(tmp_path / "a.gsd", two(type_shapes=shapes))
    refused(path, "2 types", "'A', 'B'", "diameters=", "each of the 2 particles")
    for given_by in (
        {"A": 2.0, "B": 3.0},
        [2.0, 3.0],
        np.array([2, 3]),
        (2.0, 3.0),
    ):
        read = Packing.load(path, diameters=given_by)
        assert read.diameters.tolist() == [0.8, 1.2] and read.box == 4.0
    assert Packing.load(path, diameters=2.0).monodisperse
    assert Packing.load(path, diameters=2.0).box == 5.0


def test_types_that_no_particle_has_need_no_size(tmp_path):
    cube = {"type": "ConvexPolyhedron", "vertices": [[1, 0, 0]]}
    frame = frame_of([[0, 0, 0], [3, 0, 0]], 10, types=["A", "B", "C"], typeid=[1, 1])
    assert Packing.load(write(tmp_path / "one.gsd", frame)).box == 10.0
    frame.particles.type_shapes = [cube, SPHERES[0], {}]
    path = write(tmp_path / "sphere.gsd", frame)
    assert Packing.load(path).box == 5.0
    assert Packing.load(path, diameters={"B": 4.0}).box == 2.5
    assert Packing.load(path, diameters={"A": 1.0, "B": 4.0}).box == 2.5


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "Polygon", "rounding_radius": 0, "vertices": [[0, 0], [1, 0], [0, 1]]},
        {"type": "ConvexPolyhedron", "rounding_radius": 0, "vertices": [[0, 0, 0], [1, 0, 0]]},
        {"type": "SphereUnion", "centers": [[0, 0, 0]], "diameters": [1.0]},
        {"type": "Mesh", "vertices": [], "indices": []},
        {"diameter": 2.0},
    ],
)
def test_other_shapes_are_refused(tmp_path, shape):
    path = write(tmp_path / "a.gsd", two(type_shapes=[SPHERES[0], shape], diameter=[1.0, 2.0]))
    for asked in ({}, {"diameters": 2.0}):
        refused(path, "type 'B'", repr(shape.get("type")), "only spheres", **asked)


@pytest.mark.parametrize("value", [0, -1.0, "2", None, True, [1.0], math.inf, math.nan])
def test_spheres_without_a_proper_diameter_are_refused(tmp_path, value):
    shapes = [SPHERES[0], {"type": "Sphere", "diameter": value}]
    refused(write(tmp_path / "a.gsd", two(type_shapes=shapes)), "type 'B'", "no positive number")


def test_sizes_of_particles_and_of_types_that_disagree(tmp_path):
    """Of two statements of one frame neither is believed; of two frames the frame's own is."""
    path = write(tmp_path / "a.gsd", two(type_shapes=SPHERES, diameter=[2.0, 2.5]))
    refused(path, "diameters of its particles are not those of the shapes", "diameters=")
    assert Packing.load(path, diameters=[2.0, 3.0]).diameters.tolist() == [0.8, 1.2]
    first = two(diameter=[1.0, 4.0])
    second = two(type_shapes=SPHERES)
    second.configuration.step = 1
    write(path, first, second)
    assert Packing.load(path).diameters.tolist() == [0.8, 1.2]
    assert Packing.load(path, frame=0).diameters.tolist() == [0.4, 1.6]
    write(path, second, first)
    assert Packing.load(path).diameters.tolist() == [0.4, 1.6]


def test_diameters_of_frame_0_are_those_of_as_many_particles(tmp_path):
    x = np.random.default_rng(1).uniform(-5, 5, (5, 3))
    first = frame_of(x[:3], 10, diameter=[0.5, 1.0, 3.0])
    path = write(tmp_path / "a.gsd", first, frame_of(x[1:4], 10), frame_of(x, 10))
    assert Packing.load(path, frame=0).diameters == pytest.approx([1 / 3, 2 / 3, 2])
    assert Packing.load(path, frame=1).diameters == pytest.approx([1 / 3, 2 / 3, 2])
    assert Packing.load(path).monodisperse and Packing.load(path).n == 5
    types = {"types": ["A", "B"], "typeid": [0, 1, 0, 1, 0]}
    write(path, first, frame_of(x, 10, **types))
    refused(path, "2 types", "diameters=")


@pytest.mark.parametrize(
    "asked, error, words",
    [
        ({"A": 1.0}, ValueError, ["all types of the file, 'A', 'B'", "got 'A'"]),
        ({"A": 1.0, "b": 2.0}, ValueError, ["all types of the file, 'A', 'B'", "got 'A', 'b'"]),
        ({}, ValueError, ["'A', 'B'", "got none"]),
        ({"A": 1.0, "B": 0.0}, ValueError, ["diameters['B']", "> 0"]),
        ({"A": 1.0, "B": "2"}, TypeError, ["diameters['B']", "'2'"]),
        ([1.0], ValueError, ["(2,)", "(1,)"]),
        ([1.0, 2.0, 3.0], ValueError, ["(2,)", "(3,)"]),
        ([1.0, -2.0], ValueError, ["diameters[1]", "-2.0"]),
        ([1.0, math.nan], ValueError, ["diameters[1]", "nan"]),
        ([[1.0, 2.0]], ValueError, ["diameters must have shape", "(1, 2)"]),
        (0.0, ValueError, ["diameters", "> 0"]),
        (math.inf, ValueError, ["diameters", "finite"]),
        ("AB", TypeError, ["diameters", "{type: number}", "str"]),
        ([[1.0], [1.0, 2.0]], TypeError, ["diameters", "{type: number}", "inhomogeneous"]),
        ([1.0, None], TypeError, ["diameters", "{type: number}"]),
        (True, TypeError, ["diameters", "True"]),
    ],
)
def test_diameters_that_do_not_fit(tmp_path, asked, error, words):
    path = write(tmp_path / "a.gsd", two())
    with pytest.raises(error) as caught:
        Packing.load(path, diameters=asked)
    message = str(caught.value)
    assert all(word in message for word in words) and "\n" not in message, message
    assert "holds no packing" not in message


# Frames


def test_frames_are_chosen_and_counted_from_either_end(tmp_path):
    frames = [frame_of([[k, 0, 0]], 20 + k) for k in range(3)]
    path = write(tmp_path / "a.gsd", *frames)
    assert [Packing.load(path, frame=k).box for k in range(-3, 3)] == [20, 21, 22] * 2
    assert Packing.load(path, frame=np.int64(1)).box == 21
    for k in (3, -4, 10**30):
        refused(path, "frame", "[-3, 2]", "3 frames", f"got {k}", frame=k)
    for k in (1.0, "1", None, True):
        with pytest.raises(TypeError, match="frame must be an integer"):
            Packing.load(path, frame=k)


def test_one_frame_of_our_own(tmp_path):
    packing = Packing.random(20, 0.1, 3, seed=1)
    for ending in ("gsd", "npz"):
        path = tmp_path / f"a.{ending}"
        packing.save(path)
        for k in (0, -1):
            assert Packing.load(path, frame=k) == packing
        refused(path, "frame", "[-1, 0]", "1 frame;", frame=1)
        for name, value in {"diameters": 1.0, "box": 5.0, "dim": 3}.items():
            refused(path, f"{name} must be left out", "Packing.save", **{name: value})


@pytest.mark.parametrize("dim", [2, 3])
def test_frames_of_our_own_and_others_in_one_file(tmp_path, dim):
    """Each of our own is exact, whatever it shares with frame 0; each of the others is foreign."""
    own, frames = [], []
    for seed in (1, 1, 2, 3):
        packing = Packing.random(20, 0.1, dim, seed, diameters=mpack.sizes.bidisperse(20, 1.4))
        packing.save(tmp_path / "one.gsd")
        with gsd.hoomd.open(tmp_path / "one.gsd", "r") as file:
            frames.append(file[0])
        own.append(packing)
    other = frame_of(own[3].centred(), own[3].box, dim, diameter=own[3].diameters)
    path = write(tmp_path / "a.gsd", *frames[:3], other, frames[3], other)
    assert [Packing.load(path, frame=k) for k in (0, 1, 2, 4)] == own
    for k in (3, 5):
        read = Packing.load(path, frame=k)
        assert read != own[3] and read.box == pytest.approx(own[3].box, rel=1e-6)
        gap = (read.fixed - own[3].fixed).astype(float) * 2.0**-64
        assert 0 < np.abs(gap).max() < 1e-6


@pytest.mark.parametrize("dim", [2, 3])
def test_a_foreign_frame_behind_our_own_is_foreign(tmp_path, dim):
    """Whatever it has from frame 0: other places, another number, or all the same."""
    sizes = mpack.sizes.bidisperse(20, 1.4)
    packing = Packing.random(20, 0.1, dim, seed=1, diameters=sizes)
    other = Packing.random(20, 0.1, dim, seed=2, diameters=sizes)
    path = tmp_path / "a.gsd"
    packing.save(path)
    write(path, frame_of(other.centred(), packing.box, dim), mode="r+")
    assert Packing.load(path, frame=0) == packing
    read = Packing.load(path)
    assert read.diameters == pytest.approx(sizes, rel=1e-6)
    gap = (read.fixed - other.fixed).astype(float) * 2.0**-64
    assert 0 < np.abs(gap).max() < 1e-6
    write(path, frame_of(other.centred()[:7], packing.box, dim), mode="r+")
    assert Packing.load(path).n == 7 and Packing.load(path).monodisperse
    spheres = [{"type": "Sphere", "diameter": 1.5}]
    write(path, frame_of(other.centred(), packing.box, dim, type_shapes=spheres), mode="r+")
    assert Packing.load(path).monodisperse
    assert Packing.load(path).box == pytest.approx(packing.box / 1.5, rel=1e-6)
    again = frame_of(packing.centred(), packing.box, dim)
    again.configuration.step = 4  # gsd 3 does not count a frame that has nothing of its own
    write(path, again, mode="r+")
    same = Packing.load(path)
    assert same != packing
    assert np.abs((same.fixed - packing.fixed).astype(float)).max() < 1e-6 * 2.0**64
    assert Packing.load(path, frame=0) == packing


@pytest.mark.parametrize(
    "name, value",
    [
        ("position", np.full((20, 3), 0.5)),
        ("diameter", np.full(20, 1.2)),
        ("box", [30, 30, 30, 0, 0, 0]),
    ],
)
def test_our_own_frame_that_another_program_changed(tmp_path, name, value):
    """Its log went along: neither what is shown nor the exact numbers can be believed."""
    path = tmp_path / "a.gsd"
    Packing.random(20, 0.1, 3, seed=1).save(path)
    with gsd.hoomd.open(path, "r") as file:
        frame = file[0]
    setattr(frame.configuration if name == "box" else frame.particles, name, value)
    write(path, frame)
    refused(path, name, "another program changed some", "log chunks mpack/*")
    frame.log = {}
    write(path, frame)
    assert Packing.load(path).n == 20


# Two dimensions


@pytest.mark.parametrize("height", [0, 1, 7.5])
def test_two_dimensions_whatever_the_height(tmp_path, height):
    path = write(tmp_path / "a.gsd", frame_of([[1, 2], [3, -4]], [9, 9, height, 0, 0, 0], dim=2))
    read = Packing.load(path)
    assert (read.dim, read.box) == (2, 9.0) and read == Packing([[1, 2], [3, -4]], 9.0)
    assert Packing.load(path, dim=2) == read
    refused(path, "it is to have 3 dimensions", "9 x 9", "dim=2", dim=3)


def test_what_is_not_flat_is_not_two_dimensional(tmp_path):
    path = write(
        tmp_path / "a.gsd", frame_of([[1, 2, 0], [3, -4, 0.25]], [9, 9, 1, 0, 0, 0], dim=2)
    )
    refused(path, "2 dimensions", "z are 0 to 0.25", "must be 0")
    write(path, frame_of([[1, 2, 0.25], [3, -4, 0.25]], [9, 9, 1, 0, 0, 0], dim=2))
    refused(path, "z are 0.25 to 0.25", "must be 0")


@pytest.mark.parametrize("height", [0, 1])
def test_what_is_flat_is_not_three_dimensional(tmp_path, height):
    path = write(tmp_path / "a.gsd", frame_of([[1, 2], [3, -4]], [9, 9, height, 0, 0, 0], dim=3))
    refused(
        path, "it says that it has 3 dimensions", "all its z are 0", f"9 x 9 x {height}", "dim=2"
    )
    assert Packing.load(path, dim=2) == Packing([[1, 2], [3, -4]], 9.0)


def test_a_flat_layer_in_a_cube_is_three_dimensional(tmp_path):
    path = write(tmp_path / "a.gsd", frame_of([[1, 2], [3, -4]], 9, dim=3))
    assert Packing.load(path) == Packing([[1, 2, 0], [3, -4, 0]], 9.0)


@pytest.mark.parametrize(
    "box, dim, words",
    [
        ([9, 9, 8, 0, 0, 0], 3, "9 x 9 x 8"),
        ([9, 8, 9, 0, 0, 0], 3, "9 x 8 x 9"),
        ([9, 8, 0, 0, 0, 0], 2, "9 x 8 x 0"),
        ([9, 9, 0, 0.5, 0, 0], 2, "tilted by 0.5, 0, 0"),
        ([9, 9, 9, 0, 0, -0.25], 3, "tilted by 0, 0, -0.25"),
    ],
)
def test_boxes_that_are_no_cubes_are_told(tmp_path, box, dim, words):
    x = [[1, 2], [3, 4]] if dim == 2 else [[1, 2, 3], [3, 4, 2]]
    path = write(tmp_path / "a.gsd", frame_of(x, box, dim))
    refused(path, words, "neither a square nor a cube")


def test_a_box_that_the_file_states_is_not_given(tmp_path):
    path = write(tmp_path / "a.gsd", frame_of([[1, 2, 3]], 9))
    refused(path, "box must be left out", "9 x 9 x 9", "got 5.0", box=5)
    for box, error in ((0, ValueError), (math.nan, ValueError), ("9", TypeError)):
        with pytest.raises(error, match="box must be a"):
            Packing.load(path, box=box)
    for dim, error in ((1, ValueError), (4, ValueError), (2.0, TypeError)):
        with pytest.raises(error, match="dim must be an integer in"):
            Packing.load(path, dim=dim)


# Chunks that no proper writer makes


def write_chunks(path, frames):
    with gsd.fl.open(path, "w", application="x", schema="hoomd", schema_version=[1, 4]) as file:
        for chunks in frames:
            for name, value in chunks.items():
                file.write_chunk(name, np.asarray(value))
            file.end_frame()
    return path


def rows(*texts):
    width = max(len(text) for text in texts) + 1
    return (
        np.array([text.encode() for text in texts], dtype=f"S{width}")
        .view(np.int8)
        .reshape(-1, width)
    )


WHOLE = {
    "configuration/box": np.array([9, 9, 9, 0, 0, 0], dtype=np.float32),
    "particles/N": np.array([2], dtype=np.uint32),
    "particles/position": np.array([[1, 2, 3], [3, 2, 1]], dtype=np.float32),
}


def test_one_particle_at_the_origin_needs_no_position(tmp_path):
    """gsd leaves out what is 0; of several particles it is more likely that something went wrong."""
    write(tmp_path / "one.gsd", frame_of([[0, 0, 0]], 9))
    assert Packing.load(tmp_path / "one.gsd") == Packing([[0.0, 0.0, 0.0]], 9.0)
    write(tmp_path / "two.gsd", frame_of([[0, 0, 0], [0, 0, 0]], 9))
    refused(tmp_path / "two.gsd", "no positions of its 2 particles")


def test_the_unit_box_is_a_default_that_may_be_meant(tmp_path):
    frame = frame_of([[0.1, 0.2, 0.3], [0.2, 0, 0]], 1, diameter=[0.25, 0.25])
    assert Packing.load(write(tmp_path / "a.gsd", frame)).box == 4.0
    frame.particles.diameter = None
    refused(write(tmp_path / "a.gsd", frame), "box must be in [2, ")


@pytest.mark.parametrize(
    "change, words",
    [
        ({"particles/N": np.array([3], dtype=np.uint32)}, "it has 3 particles"),
        ({"particles/N": np.array([2**32 - 1], dtype=np.uint32)}, "it has 4294967295 particles"),
        ({"particles/N": np.array([], dtype=np.uint32)}, ""),
        ({"particles/position": np.zeros((2, 2), dtype=np.float32)}, "shape (2, 2)"),
        ({"particles/position": np.zeros((2, 3), dtype=np.int32)}, "int32"),
        ({"configuration/box": np.zeros(5, dtype=np.float32)}, "5 numbers instead of 6"),
        ({"configuration/dimensions": np.array([7], dtype=np.uint8)}, "7 dimensions"),
        ({"particles/typeid": np.array([0, 1], dtype=np.uint32)}, "types up to 1, and it names 1"),
        ({"particles/typeid": np.array([0], dtype=np.uint32)}, "for 2 particles"),
        ({"particles/typeid": np.array([0.0, 0.0])}, "float64"),
        ({"particles/types": np.array([1, 2, 3])}, "for text"),
        ({"particles/types": np.array([[-1, -1]], dtype=np.int8)}, "utf-8"),
        ({"particles/type_shapes": rows("{")}, ""),
        ({"particles/type_shapes": rows("[" * 100_000)}, ""),
        ({"particles/type_shapes": rows("[1]")}, "no dicts"),
        (
            {"particles/type_shapes": rows(json.dumps({"type": "Sphere", "diameter": 10**400}))},
            "large",
        ),
        ({"particles/diameter": np.array([1.0], dtype=np.float32)}, "shape (1,), where (2,)"),
        ({"particles/diameter": np.array([1.0, math.nan], dtype=np.float32)}, "particle 1 is nan"),
        ({"particles/diameter": np.array([1.0, -1.0], dtype=np.float32)}, "particle 1 is -1"),
    ],
)
def test_chunks_that_make_no_sense(tmp_path, change, words):
    refused(write_chunks(tmp_path / "a.gsd", [WHOLE | change]), "holds no packing", words)


def test_chunks_of_two_frames(tmp_path):
    """What a frame leaves out is frame 0's, but for quantities of another number of particles."""
    three = {
        "particles/N": np.array([3], dtype=np.uint32),
        "particles/position": np.array([[1, 2, 3], [3, 2, 1], [4, 4, 4]], dtype=np.float32),
    }
    path = write_chunks(
        tmp_path / "a.gsd", [WHOLE, {}, three, {"particles/N": three["particles/N"]}]
    )
    assert Packing.load(path, frame=1) == Packing.load(path, frame=0)
    assert Packing.load(path, frame=2).n == 3
    refused(path, "no positions of its 3 particles")
