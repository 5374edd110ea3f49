"""Packings: exact coordinates, boxes, starts and lattices; files that keep every bit; one sentence for bad
input.

Statistical assertions fail by chance with probability 1e-6 or less each.
"""

import hashlib
import io
import itertools
import math
import os
import pickle
import random
import stat
import struct
import subprocess
import sys
import warnings
import zipfile
from fractions import Fraction

import gsd.hoomd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import mpack
from mpack import Packing
from mpack._kernels import noise
from mpack.packing import digest_of, unit_ball_volume

DIMS = range(2, 7)
BALL = {
    2: math.pi,
    3: 4 * math.pi / 3,
    4: math.pi**2 / 2,
    5: 8 * math.pi**2 / 15,
    6: math.pi**3 / 6,
}


def some_packing(dim=3, n=40, seed=1, box=4.5):
    """A polydisperse packing with overlaps."""
    random = np.random.default_rng(seed)
    diameters = random.uniform(0.6, 1.4, n)
    return Packing(random.uniform(-box, 2 * box, (n, dim)), box, diameters / diameters.mean())


def distances(packing):
    """All separations (n, n) from exact fractions of the box."""
    x = [[Fraction(int(k), 2**64) for k in row] for row in packing.fixed]
    out = np.zeros((packing.n, packing.n))
    for i, j in itertools.combinations(range(packing.n), 2):
        gaps = [a - b - round(a - b) for a, b in zip(x[i], x[j])]
        out[i, j] = math.sqrt(sum(g * g for g in gaps)) * packing.box
    return out


# Coordinates


def exact_fixed(x, box):
    """Integer coordinate nearest to the image in [-1/2, 1/2) of the double x/box."""
    fraction = Fraction(x / box)
    value = round((fraction - math.floor(fraction)) * 2**64) % 2**64
    return value - 2**64 if value >= 2**63 else value


coordinate = st.floats(-1e5, 1e5) | st.sampled_from(
    [0.0, -0.0, 2.5, 5.0, -5.0, 1e-300, 7.5, 12.5, -2.5]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=5))
def test_integer_coordinates_are_the_nearest(points):
    packing = Packing(points, box=5.0)
    for row, point in zip(packing.fixed, points):
        assert [int(k) for k in row] == [exact_fixed(x, 5.0) for x in point]


@settings(max_examples=300, deadline=None)
@given(st.floats(2.0, 1e9), st.lists(st.tuples(*[st.floats(-3, 3)] * 3), min_size=1, max_size=5))
def test_positions_come_back_to_rounding(box, fractions):
    points = np.array(fractions) * box
    packing = Packing(points, box)
    again = Packing(packing.positions, box)
    assert np.all((packing.positions >= 0) & (packing.positions < box))
    gap = packing.positions - points
    gap -= np.rint(gap / box) * box
    assert np.abs(gap).max() <= 4 * box * 2.0**-52
    assert np.abs((again.fixed - packing.fixed).astype(float)).max() <= 4 * 2.0**12


def test_positions_stay_below_the_box_edge():
    for box in (2.0, 9.452259677016102, 3.0000000000000004, 1e9, np.nextafter(4.0, 0)):
        packing = Packing.from_fixed(np.array([[-1, 2**63 - 1], [-(2**63), -(2**10)]]), box)
        assert np.all(packing.positions < box)
    assert Packing.from_fixed(np.array([[-(2**63), 0]]), 4.0).positions.tolist() == [[2.0, 0.0]]


@pytest.mark.parametrize("dim", DIMS)
def test_any_image_is_the_same_packing(dim):
    start = Packing(np.random.default_rng(3).integers(0, 64, (20, dim)) / 16, box=4.0)
    shift = np.random.default_rng(4).integers(-1000, 1000, (20, dim)) * 4.0
    assert Packing(start.positions + shift, box=4.0) == start


def test_arrays_are_read_only_and_independent_of_their_source():
    positions, diameters = np.zeros((3, 2)), np.ones(3)
    fixed = np.zeros((3, 2), dtype=np.int64)
    packing, other = Packing(positions, 3.0, diameters), Packing.from_fixed(fixed, 3.0, diameters)
    positions[:], diameters[:], fixed[:] = 1.0, 2.0, 9
    assert (
        not packing.fixed.any()
        and not other.fixed.any()
        and packing.diameters.tolist() == [1, 1, 1]
    )
    for array in (packing.fixed, packing.positions, packing.diameters):
        assert not array.flags.writeable
        with pytest.raises(ValueError):
            array[0] = 0
    assert packing.fixed.dtype == np.int64 and packing.fixed.flags.c_contiguous
    with pytest.raises(AttributeError):
        packing.box = 4.0


def test_two_at_the_same_point_overlap():
    pairs, r = Packing([[1.0, 1.0], [1.0, 1.0], [2.5, 1.0]], box=4.0).overlaps()
    assert pairs.tolist() == [[0, 1]] and r.tolist() == [0.0]


# Overlaps


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("box", [3.0, 4.5, 7.0])
def test_overlaps_against_exact_fractions(dim, box):
    packing = some_packing(dim, n=50, seed=dim, box=box)
    contact = 0.5 * (packing.diameters[:, None] + packing.diameters)
    separations = distances(packing)
    expected = np.argwhere(np.triu(separations < contact, 1))
    pairs, r = packing.overlaps()
    assert np.array_equal(pairs, expected)
    assert np.allclose(r, separations[tuple(pairs.T)], rtol=4e-16, atol=0)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 6),
    st.integers(1, 60),
    st.integers(0, 2**32),
    st.sampled_from(
        [2.8, 3.0, np.nextafter(3.0, 0), np.nextafter(3.0, 4), 4.0, 5 - 1e-9, 5.0, 6.9999, 11.0]
    ),
)
def test_no_pair_is_missed_whatever_the_cells(dim, n, seed, box):
    """Boxes just under and over a whole number of cells; coordinates on cell borders among them."""
    random = np.random.default_rng(seed)
    borders = random.integers(0, 12, (n, dim)) / 12
    points = box * np.where(random.random((n, dim)) < 0.3, borders, random.random((n, dim)))
    diameters = random.uniform(0.9, 1.1, n) if seed % 2 else np.ones(n)
    packing = Packing(points, box, diameters / diameters.mean())
    gaps = (packing.fixed[:, None] - packing.fixed).astype(float) * (box * 2.0**-64)
    square = np.zeros((n, n))
    for c in range(dim):
        square += gaps[:, :, c] ** 2
    contact = 0.5 * (packing.diameters[:, None] + packing.diameters)
    expected = np.argwhere(np.triu(square < contact * contact, 1))
    assert np.array_equal(packing.overlaps()[0], expected)


def test_touching_is_not_overlapping():
    box = 4.0
    one = 2**62  # a quarter of the box: a distance of exactly 1
    touching = Packing.from_fixed(np.array([[0, 0], [one, 0]]), box)
    closer = Packing.from_fixed(np.array([[0, 0], [one - 2**12, 0]]), box)
    assert len(touching.overlaps()[1]) == 0 and len(closer.overlaps()[1]) == 1
    across = Packing.from_fixed(np.array([[-1, 0], [one - 2**12, 0]]), box)
    assert len(across.overlaps()[1]) == 1


@pytest.mark.parametrize("dim", DIMS)
def test_overlaps_do_not_move_with_the_packing(dim):
    packing = some_packing(dim)
    shift = np.random.default_rng(5).integers(-(2**63), 2**63, dim)
    moved = Packing.from_fixed(packing.fixed + shift, packing.box, packing.diameters)
    mirrored = Packing.from_fixed(-packing.fixed, packing.box, packing.diameters)
    for other in (moved, mirrored):
        assert all(np.array_equal(a, b) for a, b in zip(packing.overlaps(), other.overlaps()))


# Starts


@pytest.mark.parametrize("dim", DIMS)
def test_random_coordinates_are_philox_words(dim):
    packing = Packing.random(n=9, phi=1e-3, dim=dim, seed=77)
    for i in range(9):
        words = []
        for block in range(3):
            words += noise.bits(
                np.uint64(77), noise.START, np.uint64(0), np.uint64(i), np.uint64(block)
            )
        signed = [int(word) - 2**64 if int(word) >= 2**63 else int(word) for word in words]
        assert packing.fixed[i].tolist() == signed[:dim]


def test_starts_of_different_seeds_and_sizes():
    a, b = (Packing.random(n=50, phi=0.3, dim=3, seed=seed) for seed in (1, 2))
    assert not np.any(a.fixed == b.fixed)
    assert np.array_equal(Packing.random(n=70, phi=0.3, dim=3, seed=1).fixed[:50], a.fixed)
    assert Packing.random(n=50, phi=0.3, dim=3, seed=2**64 - 1).n == 50


@pytest.mark.parametrize("dim", DIMS)
def test_centres_are_uniform_and_independent(seed, dim):
    packing = Packing.random(n=100_000, phi=0.2, dim=dim, seed=seed)
    fraction = packing.positions / packing.box
    for c in range(dim):
        assert stats.kstest(fraction[:, c], "uniform").pvalue > 1e-7
    cells = np.ravel_multi_index((fraction[:, :2] * 20).astype(int).T, (20, 20))
    assert stats.chisquare(np.bincount(cells, minlength=400)).pvalue > 1e-7
    correlation = np.corrcoef(fraction.T)[np.triu_indices(dim, 1)]
    assert np.abs(correlation).max() < 5.6 / math.sqrt(packing.n)


# Golden values: start and box of every dimension, the same on every machine.
GOLDEN = {
    2: ("506c3ae0a86a26956e3dbd92ee7c2a0f", "0x1.2170c4ba3ceeap+6"),
    3: ("7e818efe667437628e60b893dda1caee", "0x1.e56bee1fd2fc9p+3"),
    4: ("5455d3007a386b5274a4683d86472bb8", "0x1.aef7b35072d67p+2"),
    5: ("567d7be678b95f0de32f805a3d8dfda4", "0x1.03884508d3f28p+2"),
    6: ("935c62c3f1504f7aa81dbbd43837bd8f", "0x1.6d12ffaef9bb5p+1"),
}


@pytest.mark.parametrize("dim", DIMS)
def test_golden_starts(dim):
    packing = Packing.random(n=1000, phi=0.15, dim=dim, seed=1)
    assert (packing.digest, packing.box.hex()) == GOLDEN[dim]


def test_golden_polydisperse_box():
    sizes = 1 + 0.4 * (np.arange(1000) % 7) / 6
    assert (
        Packing.random(n=1000, phi=0.6, dim=3, seed=1, diameters=sizes).box.hex()
        == "0x1.3585d6939217dp+3"
    )


@pytest.mark.parametrize("dim", DIMS)
def test_volume_of_the_unit_ball(dim):
    assert unit_ball_volume(dim) == pytest.approx(BALL[dim], rel=4e-16)
    assert unit_ball_volume(dim) == pytest.approx(
        math.pi ** (dim / 2) / math.gamma(dim / 2 + 1), rel=1e-15
    )


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 6), st.floats(1e-6, 0.6), st.integers(0, 2**31))
def test_packing_fraction_comes_back(dim, phi, seed):
    sizes = np.random.default_rng(seed).uniform(0.5, 1.5, 3000)
    packing = Packing.random(n=3000, phi=min(phi, 0.1), dim=dim, seed=seed, diameters=sizes)
    assert packing.phi == pytest.approx(min(phi, 0.1), rel=2e-15)
    volume = BALL[dim] * np.sum((packing.diameters / 2) ** dim)
    assert packing.phi == pytest.approx(volume / packing.box**dim, rel=1e-13)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20_000), st.floats(1e-12, 1e12))
def test_equal_spheres_in_any_unit_are_exactly_equal(n, unit):
    """A mean of equal numbers need not be one of them, and then no quotient is 1."""
    diameters = np.full(n, unit)
    packing = Packing(np.zeros((n, 3)), 30.0, diameters / diameters.mean())
    assert packing.monodisperse and packing == Packing(np.zeros((n, 3)), 30.0)
    again = Packing.from_fixed(packing.fixed, 30.0, diameters / diameters.mean())
    assert again == packing and np.all(again.diameters == 1.0)
    assert mpack.sizes.polydispersity_of(diameters) == mpack.sizes.skewness_of(diameters) == 0.0


def test_equal_is_not_nearly_equal():
    d = np.full(10_000, 0.7)
    assert d.mean() != 0.7  # the example is one: a mean by pairwise sums
    x = np.random.default_rng(0).uniform(0, 30, (10_000, 3))
    assert Packing(x / d.mean(), 30 / d.mean(), d / d.mean()).monodisperse
    d[0] = np.nextafter(0.7, 1)
    other = Packing(x / d.mean(), 30 / d.mean(), d / d.mean())
    assert not other.monodisperse and np.ptp(other.diameters) > 0


def test_relative_sizes_are_normalised():
    packing = Packing.random(n=4, phi=0.05, dim=3, seed=1, diameters=[14, 10, 10, 14])
    assert packing.diameters == pytest.approx([14 / 12, 10 / 12, 10 / 12, 14 / 12], rel=1e-15)
    assert not packing.monodisperse
    huge = Packing.random(n=4, phi=0.05, dim=3, seed=1, diameters=[1.4e308, 1e308, 1e308, 1.4e308])
    assert huge.diameters == pytest.approx(packing.diameters, rel=1e-15)
    assert Packing.random(n=4, phi=0.05, dim=3, seed=1, diameters=7.0).monodisperse


# Lattices


def neighbours(packing, cutoff):
    gaps = (packing.fixed[:, None] - packing.fixed).astype(float) * (packing.box * 2.0**-64)
    r = np.sqrt((gaps**2).sum(axis=-1))
    np.fill_diagonal(r, np.inf)
    return (r < cutoff).sum(axis=1), r.min()


@pytest.mark.parametrize(
    "name, dim, cells, close, count",
    [
        ("square", 2, 5, math.pi / 4, 4),
        ("sc", 3, 4, math.pi / 6, 6),
        ("bcc", 3, 4, math.pi * math.sqrt(3) / 8, 8),
        ("fcc", 3, 3, math.pi / math.sqrt(18), 12),
        ("hypercubic", 4, 3, math.pi**2 / 32, 8),
        ("hypercubic", 6, 3, math.pi**3 / 384, 12),
        ("checkerboard", 2, 4, math.pi / 4, 4),
        ("checkerboard", 3, 3, math.pi / math.sqrt(18), 12),
        ("checkerboard", 4, 3, math.pi**2 / 16, 24),
        ("checkerboard", 5, 2, math.pi**2 / (15 * math.sqrt(2)), 40),
    ],
)
def test_lattices_touch_at_their_known_density(name, dim, cells, close, count):
    packing = Packing.lattice(name, cells, phi=close, dim=dim)
    assert packing.phi == pytest.approx(close, rel=1e-15)
    number, nearest = neighbours(packing, 1 + 1e-9)
    assert nearest == pytest.approx(1.0, rel=1e-14)
    assert np.all(number == count)
    assert len(np.unique(packing.fixed, axis=0)) == packing.n


def test_lattices_are_exact_where_a_half_cell_is():
    packing = Packing.lattice("fcc", 4, phi=0.5)
    assert np.all(packing.fixed % 2**61 == 0) and packing.n == 256
    assert Packing.lattice("checkerboard", 4, phi=0.5, dim=3) == packing


# Identity


def test_equality_hash_pickle_and_repr():
    a, b = some_packing(seed=1), some_packing(seed=1)
    assert a == b and hash(a) == hash(b) and a != some_packing(seed=2)
    assert a != Packing.from_fixed(a.fixed, a.box * 1.5, a.diameters)
    assert a != Packing.from_fixed(a.fixed, a.box, a.diameters[::-1])
    assert a != "a packing"
    copy = pickle.loads(pickle.dumps(a))
    assert copy == a and not copy.fixed.flags.writeable
    assert repr(a).startswith("<Packing n=40, dim=3, phi=0.") and "diameters" in repr(a)
    assert repr(Packing.random(5, 0.05, 3, 1)) == "<Packing n=5, dim=3, phi=0.05, box=3.7411>"


def test_digest_is_that_of_the_documented_bytes():
    fixed = np.array([[1, -2, 3], [4, 5, -(2**63)]])
    header = f"mpack stream {noise.STREAM_VERSION} format 1 n 2 d 3\n".encode()
    body = b"".join(int(k).to_bytes(8, "little", signed=True) for k in fixed.ravel())
    assert digest_of(fixed) == hashlib.blake2b(header + body, digest_size=16).hexdigest()
    assert digest_of(np.asfortranarray(fixed)) == digest_of(fixed)
    assert digest_of(fixed.reshape(3, 2)) != digest_of(fixed)
    packing = Packing.from_fixed(fixed, 3.0)
    assert packing.digest == digest_of(fixed)
    assert packing.digest == Packing.from_fixed(fixed, 5.0).digest  # coordinates only


# Files


@pytest.mark.parametrize(
    "dim, ending", [(2, ".gsd"), (3, ".gsd"), *((dim, ".npz") for dim in DIMS)]
)
def test_files_keep_every_bit(tmp_path, dim, ending):
    packing, path = some_packing(dim), tmp_path / f"start{ending}"
    packing.save(path)
    assert Packing.load(path) == packing
    assert Packing.load(str(path)).digest == packing.digest
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", [".npz", ".gsd"])
def test_files_of_what_gsd_leaves_out(tmp_path, ending):
    """Everything at the origin, one particle, diameters of 1: all defaults that GSD does not write."""
    for n in (1, 5):
        packing = Packing(np.zeros((n, 3)), 3.0)
        packing.save(tmp_path / f"zero{ending}")
        assert Packing.load(tmp_path / f"zero{ending}") == packing


@pytest.mark.parametrize("dim", [4, 5, 6])
def test_gsd_has_no_room_for_more_than_three_dimensions(tmp_path, dim):
    with pytest.raises(ValueError, match=f"dim 2 and 3; save dim = {dim} to .npz"):
        some_packing(dim).save(tmp_path / "start.gsd")
    assert list(tmp_path.iterdir()) == []


def test_saving_twice_gives_the_same_bytes(tmp_path):
    packing = some_packing()
    for name in ("a.npz", "b.npz"):
        packing.save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    old, path = some_packing(seed=1), tmp_path / "start.npz"
    old.save(path)

    def half(file, **content):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(OSError, match="disk full"):
        some_packing(seed=2).save(path)
    assert Packing.load(path) == old
    assert [file.name for file in tmp_path.iterdir()] == ["start.npz"]


@pytest.mark.parametrize("ending", [".npz", ".gsd"])
def test_saving_through_links_replaces_what_they_lead_to(tmp_path, ending):
    (tmp_path / "far").mkdir()
    real, link, chain = (tmp_path / f"{name}{ending}" for name in ("far/real", "link", "chain"))
    link.symlink_to(f"far/real{ending}")
    chain.symlink_to(link)
    for seed in (1, 2):  # one that leads nowhere yet, and one that leads to a file
        some_packing(seed=seed).save(chain)
        assert link.is_symlink() and chain.is_symlink() and not real.is_symlink()
        assert Packing.load(real) == Packing.load(link) == some_packing(seed=seed)
    assert [path.name for path in real.parent.iterdir()] == [real.name]
    link.unlink()
    link.symlink_to(chain)
    with pytest.raises(OSError, match=r"symbolic links"):
        some_packing().save(link)
    assert link.is_symlink() and chain.is_symlink()


@pytest.mark.parametrize("ending", [".npz", ".gsd"])
def test_a_file_keeps_its_mode_and_a_new_one_has_that_of_the_process(tmp_path, ending):
    path, plain = tmp_path / f"start{ending}", tmp_path / "plain"
    plain.touch()
    some_packing(seed=1).save(path)
    assert path.stat().st_mode == plain.stat().st_mode
    for mode in (0o600, 0o664, 0o444):
        path.chmod(mode)
        some_packing(seed=mode).save(path)
        assert stat.S_IMODE(path.stat().st_mode) == mode
        assert Packing.load(path) == some_packing(seed=mode)


@pytest.mark.parametrize("ending", [".npz", ".gsd"])
def test_names_as_long_as_they_get(tmp_path, ending):
    longest = os.pathconf(tmp_path, "PC_NAME_MAX") if hasattr(os, "pathconf") else 255
    path = tmp_path / ("x" * (longest - len(ending)) + ending)
    some_packing().save(path)
    assert Packing.load(path) == some_packing()
    with pytest.raises(OSError, match=r"too long"):
        some_packing().save(tmp_path / f"x{path.name}")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="there are no devices as files")
@pytest.mark.parametrize("ending", [".npz", ".gsd"])
def test_what_is_no_file_is_neither_read_nor_replaced(tmp_path, ending):
    device, pipe, folder = (tmp_path / f"{name}{ending}" for name in ("device", "pipe", "folder"))
    device.symlink_to("/dev/zero")
    os.mkfifo(pipe)
    folder.mkdir()
    for call in (Packing.load, some_packing().save):
        with pytest.raises(ValueError, match=r"path must be the name of a file; .* is a device"):
            call(device)
        with pytest.raises(ValueError, match=r"path must be the name of a file; .* is a pipe"):
            call(pipe)
        with pytest.raises(IsADirectoryError):
            call(folder)
    assert stat.S_ISCHR(os.stat("/dev/zero").st_mode) and stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("dim", [2, 3])
def test_gsd_is_what_viewers_expect(tmp_path, dim):
    packing, path = some_packing(dim), tmp_path / "start.gsd"
    packing.save(path)
    with gsd.hoomd.open(path, "r") as file:
        frame = file[0]
    half = packing.box / 2
    assert frame.configuration.dimensions == dim
    assert frame.configuration.box[:dim] == pytest.approx([packing.box] * dim, rel=1e-7)
    assert np.all(frame.configuration.box[3:] == 0)
    assert np.abs(frame.particles.position).max() <= half * (1 + 1e-6)
    gap = frame.particles.position[:, :dim] - packing.positions
    assert np.abs(gap - np.rint(gap / packing.box) * packing.box).max() < 1e-6
    assert frame.particles.diameter == pytest.approx(packing.diameters, rel=1e-7)
    if dim == 2:
        assert not frame.particles.position[:, 2].any()


@pytest.mark.parametrize("dim", [2, 3])
def test_foreign_gsd(tmp_path, dim):
    """Without our chunks, in another unit of length, several frames: the last counts, lengths become
    diameters.
    """
    packing, path = some_packing(dim), tmp_path / "foreign.gsd"
    frame = gsd.hoomd.Frame()
    frame.configuration.box = [3 * packing.box] * dim + [0] * (6 - dim)
    frame.particles.N = packing.n
    frame.particles.position = 3 * packing.centred()
    frame.particles.diameter = 3 * packing.diameters
    early = gsd.hoomd.Frame()
    early.configuration.box = frame.configuration.box
    early.particles.N = 1
    with gsd.hoomd.open(path, "w") as file:
        file.extend([early, frame])
    read = Packing.load(path)
    assert (read.n, read.dim) == (packing.n, packing.dim)
    assert read.box == pytest.approx(packing.box, rel=1e-6)
    assert read.diameters == pytest.approx(packing.diameters, rel=1e-6)
    gap = (read.fixed - packing.fixed).astype(float) * 2.0**-64
    assert np.abs(gap).max() < 1e-6


def write_gsd(path, **change):
    packing = some_packing(3)
    packing.save(path)
    with gsd.hoomd.open(path, "r") as file:
        frame = file[0]
    for name, value in change.items():
        if name == "log":
            frame.log = {**frame.log, **value}
        elif name == "no_log":
            frame.log = {}
        else:
            part, _, field = name.partition("_")
            setattr(getattr(frame, part), field, value)
    with gsd.hoomd.open(path, "w") as file:
        file.append(frame)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"no_log": True, "configuration_box": [5, 5, 6, 0, 0, 0]}, "neither a square nor a cube"),
        (
            {"no_log": True, "configuration_box": [5, 5, 5, 0.1, 0, 0]},
            "neither a square nor a cube",
        ),
        ({"no_log": True, "configuration_box": [0, 0, 0, 0, 0, 0]}, "box"),
        ({"no_log": True, "configuration_box": [math.nan] * 3 + [0] * 3}, "box"),
        ({"no_log": True, "configuration_box": [1, 1, 1, 0, 0, 0]}, "box must be in"),
        ({"no_log": True, "particles_diameter": np.zeros(40)}, "diameters"),
        (
            {"no_log": True, "particles_position": np.full((40, 3), math.nan)},
            "positions must be finite",
        ),
        ({"particles_position": np.zeros((40, 3))}, "another program"),
        ({"log": {"mpack/fixed": np.zeros((39, 3), dtype=np.int64)}}, "checksum"),
        ({"log": {"mpack/checksum": np.zeros(16, dtype=np.uint8)}}, "checksum"),
        ({"log": {"mpack/fixed": np.zeros((40, 3))}}, "fixed is not an array of i8"),
        ({"log": {"mpack/box": np.array([math.inf])}}, "checksum"),
        ({"log": {"mpack/box": np.array([5.0, 5.0])}}, "box has 2 values"),
        ({"log": {"mpack/format": np.array([99])}}, "format"),
        ({"log": {"mpack/diameters": np.full(40, 2.0)}}, "checksum"),
    ],
)
def test_hostile_gsd(tmp_path, change, words):
    path = tmp_path / "bad.gsd"
    write_gsd(path, **change)
    with pytest.raises(ValueError, match="holds no packing that can be read") as caught:
        Packing.load(path)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_gsd_without_frames_or_with_another_schema(tmp_path):
    import gsd.fl

    with gsd.hoomd.open(tmp_path / "empty.gsd", "w"):
        pass
    with gsd.fl.open(
        tmp_path / "other.gsd", "w", application="x", schema="x", schema_version=[1, 0]
    ) as file:
        file.write_chunk("a", np.zeros(3))
        file.end_frame()
    for name in ("empty.gsd", "other.gsd"):
        with pytest.raises(ValueError, match="holds no packing"):
            Packing.load(tmp_path / name)


@pytest.mark.parametrize("ending", [".npz", ".gsd"])
def test_truncated_and_damaged_files(tmp_path, ending):
    """Cut anywhere: refused. Garbage: refused."""
    whole = tmp_path / f"whole{ending}"
    some_packing(3).save(whole)
    data, path = whole.read_bytes(), tmp_path / f"cut{ending}"
    for length in sorted({0, 1, 10, 100, 255, 256, len(data) // 2, len(data) - 200, len(data) - 1}):
        path.write_bytes(data[:length])
        if ending == ".gsd" and length >= len(data) - 200:
            continue  # gsd pads its index: what is cut there may hold nothing
        with pytest.raises(ValueError, match="holds no packing"):
            Packing.load(path)
    path.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(ValueError, match="holds no packing"):
        Packing.load(path)


@pytest.mark.parametrize("table", [8, 24])
@pytest.mark.parametrize(
    "place, entries", [(256, 2**63), (256, 2**59 + 7), (2**64 - 32, 1), (256, 0), (10**6, 128)]
)
def test_a_gsd_header_that_points_out_of_the_file(tmp_path, table, place, entries):
    """Index (at 8) or list of names (at 24): 2**59 entries of 32 bytes are none in 64 bits, and gsd would crash."""
    path = tmp_path / "bad.gsd"
    some_packing(3).save(path)
    data = bytearray(path.read_bytes())
    data[table : table + 16] = struct.pack("<QQ", place, entries)
    path.write_bytes(data)
    with pytest.raises(
        ValueError, match="holds no packing that can be read: its header points beyond its end"
    ):
        Packing.load(path)


@pytest.mark.parametrize("ending, ours", [(".npz", True), (".gsd", True), (".gsd", False)])
def test_any_damage_is_noticed_or_harmless(tmp_path, ending, ours, seed):
    """60 files with bytes changed, cut or added: the same packing (damage in what is not read) or one sentence.

    In a foreign file, without checksum, there may be another packing; but no crash, warning or
    other error.
    """
    path, draw, packing = tmp_path / f"file{ending}", random.Random(seed), some_packing(3)
    packing.save(path)
    if not ours:
        write_gsd(path, no_log=True)
    data = path.read_bytes()
    for _ in range(60):
        bad = bytearray(data)
        for _ in range(draw.randint(1, 4)):
            at, width = (
                draw.choice([draw.randrange(48), draw.randrange(len(data))]),
                draw.choice([1, 2, 4, 8]),
            )
            bad[at : at + width] = draw.choice(
                [draw.randbytes(width), b"\xff" * width, bytes(width)]
            )
        if draw.random() < 0.2:
            bad = bad[: draw.randrange(len(bad))]
        path.write_bytes(bad)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                read = Packing.load(path)
            except ValueError as refusal:
                assert "holds no packing that can be read: " in str(refusal) and "\n" not in str(
                    refusal
                )
            else:
                assert read == packing or not ours


def test_a_flipped_bit_in_npz_is_noticed(tmp_path):
    whole, path = tmp_path / "whole.npz", tmp_path / "flipped.npz"
    packing = some_packing(3)
    packing.save(whole)
    data = whole.read_bytes()
    where = data.index(packing.fixed.tobytes()) + 100
    path.write_bytes(data[:where] + bytes([data[where] ^ 1]) + data[where + 1 :])
    with pytest.raises(ValueError, match="holds no packing"):
        Packing.load(path)


def npz_content(**change):
    """What a file holds, with changes and a checksum that fits them where there can be one."""
    packing = some_packing(3)
    content = {"format": np.array([1]), "fixed": packing.fixed, "box": np.array([packing.box])}
    content |= {"diameters": packing.diameters} | change
    body = b"".join(
        np.ascontiguousarray(content[name]).tobytes() for name in ("fixed", "box", "diameters")
    )
    checksum = np.frombuffer(hashlib.blake2b(body, digest_size=16).digest(), dtype=np.uint8)
    return {"checksum": checksum} | content


class Evil:
    """Unpickling it would be seen."""

    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


@pytest.mark.parametrize(
    "change, words",
    [
        ({"fixed": np.array([[Evil()] * 3] * 40, dtype=object)}, "pickle"),
        ({"diameters": np.array([Evil()] * 40, dtype=object)}, "pickle"),
        ({"fixed": np.zeros((40, 3))}, "fixed is not an array of i8"),
        ({"fixed": np.zeros((40, 3), dtype=np.uint64)}, "fixed is not an array of i8"),
        ({"fixed": np.zeros((40, 7), dtype=np.int64)}, "shape (n, d)"),
        ({"fixed": np.zeros((0, 3), dtype=np.int64)}, "shape (n, d)"),
        ({"fixed": np.zeros(40, dtype=np.int64)}, "fixed is not an array of i8 with 2 axes"),
        ({"diameters": np.ones(39)}, "diameters must have shape (40,)"),
        ({"diameters": np.full(40, math.nan)}, "diameters must be finite"),
        ({"diameters": np.full(40, 3.0)}, "mean 1"),
        ({"diameters": np.array([-1.0] * 20 + [3.0] * 20)}, "diameters must be > 0"),
        ({"box": np.array([math.nan])}, "box must be a finite number"),
        ({"box": np.array([0.5])}, "box must be in"),
        ({"box": np.array([5.0, 5.0])}, "box has 2 values"),
        ({"format": np.array([2])}, "this version reads [1]"),
        ({"format": np.array(["one"])}, "format is not"),
        ({"checksum": np.zeros(16, dtype=np.uint8)}, "checksum"),
    ],
)
def test_hostile_npz(tmp_path, change, words):
    path = tmp_path / "bad.npz"
    np.savez(path, **npz_content(**change))
    with pytest.raises(ValueError, match="holds no packing that can be read") as caught:
        Packing.load(path)
    assert words in str(caught.value), str(caught.value)


def test_npz_without_a_member_compressed_or_with_a_boastful_header(tmp_path):
    content = npz_content()
    np.savez(tmp_path / "less.npz", **{name: content[name] for name in content if name != "box"})
    np.savez_compressed(tmp_path / "bomb.npz", **content)
    boast = io.BytesIO()
    header = {"descr": "<i8", "fortran_order": False, "shape": (10**13, 3)}
    np.lib.format.write_array_header_1_0(boast, header)
    np.savez(tmp_path / "boast.npz", **{name: content[name] for name in content if name != "fixed"})
    with zipfile.ZipFile(tmp_path / "boast.npz", "a") as archive:
        archive.writestr("fixed.npy", boast.getvalue() + bytes(960))
    for name, words in (("less", "has no box"), ("bomb", "compressed"), ("boast", "")):
        with pytest.raises(ValueError, match="holds no packing") as caught:
            Packing.load(tmp_path / f"{name}.npz")
        assert words in str(caught.value)


def test_big_endian_npz_reads_the_same(tmp_path):
    content = npz_content()
    swapped = {name: value.astype(value.dtype.newbyteorder(">")) for name, value in content.items()}
    np.savez(tmp_path / "big.npz", **swapped)
    assert Packing.load(tmp_path / "big.npz") == some_packing(3)


def test_paths(tmp_path):
    with pytest.raises(FileNotFoundError):
        Packing.load(tmp_path / "none.npz")
    with pytest.raises(FileNotFoundError):
        some_packing().save(tmp_path / "no" / "folder.npz")
    for call, ending, words in (
        (Packing.load, "pdb", "path must end in .npz, .gsd, .* or format= say what it is"),
        (some_packing().save, "xyz", "path must end in .npz or .gsd"),
    ):
        with pytest.raises(ValueError, match=rf"{words}; got .*start.{ending}"):
            call(tmp_path / f"start.{ending}")
        with pytest.raises(TypeError, match="path must be the name of a file; got int"):
            call(7)
    some_packing().save(os.fsencode(tmp_path / "bytes.npz"))
    assert Packing.load(tmp_path / "bytes.npz") == some_packing()


# freud


@pytest.mark.parametrize("dim", [2, 3])
def test_freud_takes_a_packing_as_it_is(dim):
    import freud

    packing = Packing.random(n=300, phi=0.5, dim=dim, seed=3)
    box, points = packing.to_freud()
    assert box.is2D == (dim == 2) and box.Lx == pytest.approx(packing.box, rel=1e-7)
    found = (
        freud.AABBQuery(box, points)
        .query(points, {"r_max": 1.0, "exclude_ii": True})
        .toNeighborList()
    )
    theirs = {(i, j) for i, j in found[:].tolist() if i < j}
    ours, r = packing.overlaps()
    sure = {(i, j) for (i, j), s in zip(ours.tolist(), r) if s < 1 - 1e-5}
    assert sure <= theirs <= {(i, j) for i, j in ours.tolist()} | (theirs - sure)
    assert len(theirs) == len(r)
    if dim == 3:
        direct = freud.AABBQuery(freud.box.Box.cube(packing.box), packing.positions)
        again = direct.query(packing.positions, {"r_max": 1.0, "exclude_ii": True}).toNeighborList()
        assert {(i, j) for i, j in again[:].tolist() if i < j} == theirs


def test_freud_and_viewers_know_two_and_three_dimensions():
    for call in (some_packing(4).to_freud, some_packing(4).centred):
        with pytest.raises(ValueError, match="dim 2 and 3; got dim = 4"):
            call()


# Bad input

UNIT = np.zeros((2, 3))


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: Packing(np.zeros((0, 3)), 3.0), ValueError, ["positions", "n >= 1", "(0, 3)"]),
        (lambda: Packing(np.zeros((5, 7)), 3.0), ValueError, ["positions", "2 to 6", "(5, 7)"]),
        (lambda: Packing(np.zeros((5, 1)), 3.0), ValueError, ["positions", "2 to 6", "(5, 1)"]),
        (lambda: Packing(np.zeros(5), 3.0), ValueError, ["positions", "(5,)"]),
        (
            lambda: Packing([[0, math.nan]], 3.0),
            ValueError,
            ["positions", "finite", "[0, 1]", "nan"],
        ),
        (
            lambda: Packing([[0, 3e7]], 3.0),
            ValueError,
            ["positions[0, 1]", "1048576", "30000000.0"],
        ),
        (lambda: Packing("abc", 3.0), TypeError, ["positions", "array"]),
        (lambda: Packing([[0, 1], [2]], 3.0), TypeError, ["positions", "array"]),
        (lambda: Packing([["0", "1"]], 3.0), TypeError, ["positions", "real numbers", "str"]),
        (lambda: Packing([[0, 1j]], 3.0), TypeError, ["positions", "real numbers", "complex"]),
        (lambda: Packing([[0, None]], 3.0), TypeError, ["positions", "real numbers"]),
        (lambda: Packing([[0, 10**400]], 3.0), TypeError, ["positions", "too large"]),
        (
            lambda: Packing(np.ma.array(UNIT, mask=UNIT == 0), 3.0),
            ValueError,
            ["positions", "masked"],
        ),
        (lambda: Packing(UNIT, 10**400), ValueError, ["box", "finite", "inf"]),
        (lambda: Packing(UNIT, 1.9), ValueError, ["box", "[2, 1e+09]", "1.9"]),
        (lambda: Packing(UNIT, 2e9), ValueError, ["box", "1e+09", "2000000000.0"]),
        (lambda: Packing(UNIT, math.nan), ValueError, ["box", "finite", "nan"]),
        (lambda: Packing(UNIT, "3"), TypeError, ["box", "'3'"]),
        (lambda: Packing(UNIT, 2.3, [0.8, 1.2]), ValueError, ["box", "[2.4,", "2.3"]),
        (lambda: Packing(UNIT, 9.0, 2.0), ValueError, ["diameters", "mean 1", "divide", "2.0"]),
        (
            lambda: Packing(UNIT, 9.0, [1, 1 + 4e-9]),
            ValueError,
            ["diameters", "1e-9", "1.000000002"],
        ),
        (lambda: Packing(UNIT, 9.0, [1, 1, 1]), ValueError, ["diameters", "(2,)", "(3,)"]),
        (
            lambda: Packing(UNIT, 9.0, [2, 0]),
            ValueError,
            ["diameters", "> 0", "diameters[1] is 0.0"],
        ),
        (lambda: Packing(UNIT, 9.0, 0.0), ValueError, ["diameters", "> 0", "0.0"]),
        (
            lambda: Packing.from_fixed(np.zeros((2, 3)), 3.0),
            TypeError,
            ["fixed", "int64", "float64"],
        ),
        (
            lambda: Packing.from_fixed(np.zeros((2, 9), np.int64), 3.0),
            ValueError,
            ["fixed", "(2, 9)"],
        ),
        (lambda: Packing.from_fixed([[1, 2], [3]], 3.0), TypeError, ["fixed", "int64", "list"]),
        (lambda: Packing.random(0, 0.3, 3, 1), ValueError, ["n must be", "0"]),
        (lambda: Packing.random(2.0, 0.3, 3, 1), TypeError, ["n must be", "2.0"]),
        (lambda: Packing.random(2**33, 0.3, 3, 1), ValueError, ["n must be", "4294967295"]),
        (lambda: Packing.random(100, 0, 3, 1), ValueError, ["phi", "0"]),
        (lambda: Packing.random(100, -0.1, 3, 1), ValueError, ["phi", "-0.1"]),
        (lambda: Packing.random(100, math.inf, 3, 1), ValueError, ["phi", "inf"]),
        (lambda: Packing.random(2, 0.62, 3, 1), ValueError, ["phi", "0.1309]", "n = 2", "0.62"]),
        (lambda: Packing.random(2, 1e-300, 3, 1), ValueError, ["phi", "1e-300"]),
        (lambda: Packing.random(100, 0.3, 1, 1), ValueError, ["dim", "[2, 6]", "1"]),
        (lambda: Packing.random(100, 0.3, 7, 1), ValueError, ["dim", "[2, 6]", "7"]),
        (lambda: Packing.random(100, 0.3, 3, -1), ValueError, ["seed", "-1"]),
        (lambda: Packing.random(100, 0.3, 3, 2**64), ValueError, ["seed", str(2**64)]),
        (lambda: Packing.random(100, 0.3, 3, None), TypeError, ["seed", "None"]),
        (
            lambda: Packing.random(2, 0.1, 3, 1, diameters=[1, -1]),
            ValueError,
            ["diameters[1]", "-1.0"],
        ),
        (
            lambda: Packing.random(2, 0.1, 3, 1, diameters=[1]),
            ValueError,
            ["diameters", "(2,)", "(1,)"],
        ),
        (lambda: Packing.lattice("hexagonal", 4, 0.5), ValueError, ["hexagonal", "square"]),
        (lambda: Packing.lattice("diamond", 4, 0.5), ValueError, ["name", "'fcc'", "'diamond'"]),
        (lambda: Packing.lattice(np.array(["fcc", "sc"]), 4, 0.5), ValueError, ["name", "'fcc'"]),
        (lambda: Packing.lattice("fcc", 0, 0.5), ValueError, ["cells", "0"]),
        (
            lambda: Packing.lattice("hypercubic", 2**16, 0.5, dim=6),
            ValueError,
            ["cells", "[1, 31]", "65536"],
        ),
        (lambda: Packing.lattice("fcc", 4, 0.5, dim=2), ValueError, ["dim must be 3", "got 2"]),
        (lambda: Packing.lattice("hypercubic", 4, 0.5), TypeError, ["dim", "None"]),
        (lambda: Packing.lattice("fcc", 1, 0.7), ValueError, ["phi", "0.7"]),
    ],
)
def test_bad_input(make, error, words):
    with pytest.raises(error) as caught:
        make()
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_one_particle_is_a_packing():
    packing = Packing.random(n=1, phi=0.01, dim=3, seed=1)
    assert packing.n == 1 and packing.overlaps()[0].shape == (0, 2)


def test_importing_packings_loads_nothing_heavy():
    code = (
        "import sys, mpack.packing, mpack.potentials, mpack.observables;"
        "print([m for m in ('numba', 'scipy', 'gsd', 'freud', 'pandas') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
    assert mpack.Packing is Packing
