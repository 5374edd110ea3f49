"""A packing: where the spheres or ellipsoids are, how large they are, and the periodic box they live in.

The truth is a table of 64-bit integers. A coordinate is the fraction of the box edge in units of
2**-64, and one wrap of the integer is one wrap of the box: the nearest image of a separation is the
plain wrapped difference, without a branch and without rounding. Floating-point positions are
derived from it.

Lengths are in mean diameters.
"""

from __future__ import annotations

import decimal
import functools
import hashlib
import itertools
import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _bodies, _check
from mpack._bodies import Bodies
from mpack._box import (
    DIGITS,
    box_for,
    check_box,
    check_diameters,
    nearest,
    normalised,
    sphere_volume,
    unit_ball,
)
from mpack._types import AnyPath

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

DIMENSIONS = (2, 6)
LARGEST_N = 2**32 - 1  # labels are 32-bit words of the noise generator's counter
LARGEST_LATTICE = 10**9
FORMAT_VERSION = 1  # of the layout that digests and files are made from


class Packing:
    """Spheres in a periodic square, cube or hypercube; or ellipses in a square, ellipsoids in a cube.

    Parameters
    ----------
    positions : array, shape (n, d)
        Centres, any periodic image, d from 2 to 6. Each coordinate is divided by `box` (one
        rounding), reduced to the nearest image of the origin (exactly) and rounded to the nearest
        multiple of 2**-64 of the box edge. Coordinates more than 2**20 boxes from the origin are
        refused: their image has lost its precision.
    box : float
        Edge length L, at least two largest diameters (else the nearest image of a pair is not
        unique), at most 1e9.
    diameters : float or array, shape (n,)
        Diameters; their mean must be 1 to 1e-9, because it is the unit of length. Equal ones become
        exactly 1: a mean, and a division by it, are rounded.
    axes : array, shape (d,) or (n, d), optional
        Semi-axes of ellipsoids (d = 3) or ellipses (d = 2), of all alike or of each, in the place of
        `diameters`; spheres may be among them. The longest of a body is at most ten times its
        shortest. The unit of length is the mean of 2 R_eq, R_eq = (a b c)**(1/3) or (a b)**(1/2) the
        radius of the sphere of the same volume: their mean must be 1/2 to 1e-9.
    orientations : array, shape (n, 4), optional
        Unit quaternions (w, x, y, z), of the rotation from the body's own axes to those of the box;
        in two dimensions turns about z, or angles (n,). Upright if left out.

    Raises
    ------
    ValueError, TypeError
        With the name, the value and the allowed range.

    Notes
    -----
    A packing never changes: its arrays are read-only. Two packings are equal when their integer
    coordinates, box and diameters, shapes and orientations are. Overlaps are allowed, and so are two
    particles at exactly the same point. Ellipsoids that are all spheres are a packing of spheres.

    Examples
    --------
    >>> import mpack
    >>> packing = mpack.Packing([[0.2, 0.2], [0.9, 0.2], [2.0, 2.0]], box=4.0)
    >>> packing
    <Packing n=3, dim=2, phi=0.147262, box=4>
    >>> packing.overlaps()[0].tolist()
    [[0, 1]]
    """

    _fixed: NDArray[np.int64]
    _box: float
    _diameters: NDArray[np.float64]
    _bodies: Bodies | None

    def __init__(
        self,
        positions: ArrayLike,
        box: float,
        diameters: ArrayLike = 1.0,
        *,
        axes: ArrayLike | None = None,
        orientations: ArrayLike | None = None,
    ) -> None:
        positions = _check.array("positions", positions, ("n", "d"))
        _check_shape("positions", positions.shape)
        diameters, bodies = _sized(
            len(positions), positions.shape[1], diameters, axes, orientations
        )
        box = check_box(box, _longest(diameters, bodies))
        self._assign(_to_fixed(positions, box), box, diameters, bodies)

    @classmethod
    def from_fixed(
        cls,
        fixed: NDArray[np.int64],
        box: float,
        diameters: ArrayLike = 1.0,
        *,
        axes: ArrayLike | None = None,
        orientations: ArrayLike | None = None,
    ) -> Self:
        """A packing from integer coordinates: `fixed` (n, d) int64, the fraction of the box in units of
        2**-64. Other arguments and errors as for `Packing`.

        Examples
        --------
        >>> import mpack
        >>> packing = mpack.Packing.random(n=8, phi=0.3, dim=2, seed=1)
        >>> mpack.Packing.from_fixed(packing.fixed, packing.box) == packing
        True
        """
        _check_fixed(fixed)
        diameters, bodies = _sized(len(fixed), fixed.shape[1], diameters, axes, orientations)
        box = check_box(box, _longest(diameters, bodies))
        packing = cls.__new__(cls)
        packing._assign(np.array(fixed, order="C"), box, diameters, bodies)
        return packing

    def moved(self, fixed: NDArray[np.int64], orientations: ArrayLike | None = None) -> Self:
        """The same particles in the same box at other integer coordinates, `fixed` (n, d) int64, and with other
        `orientations`, if such are given.

        Raises
        ------
        TypeError, ValueError
            If `fixed` is of another type or shape; if `orientations` are none, or given to spheres.

        Examples
        --------
        >>> import mpack
        >>> packing = mpack.Packing([[0.0, 1.0], [3.0, 1.0]], box=4.0)
        >>> packing.moved(packing.fixed + 2**62).positions.tolist()  # by a quarter of the box
        [[1.0, 2.0], [0.0, 2.0]]
        """
        _check_fixed(fixed)
        if fixed.shape != self._fixed.shape:
            raise ValueError(f"fixed must have shape {self._fixed.shape}; got {fixed.shape}")
        bodies = self._bodies
        if orientations is not None:
            if bodies is None:
                raise ValueError("orientations must be None for a packing of spheres")
            bodies = bodies.turned(_bodies.quaternions(orientations, self.n, self.dim))
        packing = type(self).__new__(type(self))
        packing._assign(np.array(fixed, order="C"), self._box, self._diameters, bodies)
        return packing

    @classmethod
    def random(
        cls,
        n: int,
        phi: float,
        dim: int,
        seed: int,
        diameters: ArrayLike | None = None,
        *,
        axes: ArrayLike | None = None,
        aligned: bool = False,
    ) -> Self:
        """Centres independent and uniform in the box, and orientations likewise: the start of every run.

        Parameters
        ----------
        n : int
            Number of spheres, >= 1.
        phi : float
            Packing fraction n v_d <(D/2)**d> / L**d, > 0, v_d the volume of the unit ball; it fixes
            the box.
        dim : int
            Dimension d, 2 to 6.
        seed : int
            In [0, 2**64). The integer coordinates are Philox words with purpose "start", labels
            (particle, block).
        diameters : array, shape (n,), optional
            Relative sizes, > 0; they are divided by their mean. Equal spheres if left out.
        axes : array, shape (d,) or (n, d), optional
            Relative semi-axes of ellipsoids or ellipses, in the place of `diameters`; they are
            divided by the mean of 2 R_eq, see `Packing`. Quaternions are made of Gaussian noise with
            purpose "orientation", labels (particle, block).
        aligned : bool
            All upright instead.

        Raises
        ------
        ValueError, TypeError
            If an argument is outside its range, or phi so large that the box is less than two
            diameters wide.

        Examples
        --------
        >>> import mpack
        >>> packing = mpack.Packing.random(n=1000, phi=0.62, dim=3, seed=1)
        >>> packing
        <Packing n=1000, dim=3, phi=0.62, box=9.45226>
        >>> packing.digest
        '7e818efe667437628e60b893dda1caee'
        """
        n = _check.integer("n", n, 1, LARGEST_N)
        dim = _check.integer("dim", dim, *DIMENSIONS)
        seed = _check.seed("seed", seed)
        aligned = _check.flag("aligned", aligned)
        if axes is not None:
            return cls._random_bodies(n, phi, dim, seed, diameters, axes, aligned)
        if aligned:
            raise ValueError("aligned needs axes: spheres have no orientations; got aligned=True")
        diameters = np.ones(n) if diameters is None else normalised("diameters", diameters, n)
        box = box_for(phi, diameters, dim)
        return cls.from_fixed(_uniform_words(n, dim, seed), box, diameters)

    @classmethod
    def _random_bodies(cls, n, phi, dim, seed, diameters, axes, aligned):
        _no_diameters(diameters, None)
        semi = _bodies.normalised("axes", axes, n, dim)
        turns = None if aligned else _bodies.random_turns(n, dim, seed)
        diameters, bodies = _sized(n, dim, 1.0, semi[:, :dim], turns)
        box = box_for(phi, diameters, dim, _longest(diameters, bodies))
        packing = cls.__new__(cls)
        packing._assign(_uniform_words(n, dim, seed), box, diameters, bodies)
        return packing

    @classmethod
    def lattice(cls, name: str, cells: int, phi: float, dim: int | None = None) -> Self:
        """Equal spheres on a lattice that fits a periodic cube.

        Parameters
        ----------
        name : str
            "square" (d = 2), "sc", "bcc", "fcc" (d = 3), "hypercubic" or "checkerboard" (any d,
            `dim` needed). The checkerboard lattice D_d takes every second point of the hypercubic
            one; D_3 is fcc.
        cells : int
            Conventional cells along an edge, >= 1; a cell holds 1, 1, 2, 4, 1 and 2**(d-1) spheres,
            and there is room for 10**9 in all.
        phi : float
            Packing fraction, > 0.
        dim : int, optional
            Dimension; needed for "hypercubic" and "checkerboard", implied by the other names.

        Raises
        ------
        ValueError, TypeError
            If an argument is outside its range. "hexagonal" is refused: it fits no periodic square.

        Notes
        -----
        Coordinates are multiples of half a cell, rounded to 2**-64 of the box; exact if `cells` is
        a power of 2.

        Examples
        --------
        >>> import mpack
        >>> mpack.Packing.lattice("fcc", cells=3, phi=0.5).n
        108
        """
        dim = _lattice_dim(name, dim)
        cells = _check.integer("cells", cells, 1, _most_cells(name, dim))
        steps = _lattice_steps(name, cells, dim)
        fixed = np.array([_fraction(k, 2 * cells) for k in range(2 * cells)], dtype=np.int64)[steps]
        diameters = np.ones(len(fixed))
        return cls.from_fixed(fixed, box_for(phi, diameters, dim), diameters)

    @classmethod
    def load(
        cls,
        path: AnyPath,
        *,
        frame: int = -1,
        diameters: ArrayLike | Mapping[Any, float] | None = None,
        box: float | None = None,
        dim: int | None = None,
        format: str | None = None,
    ) -> Self:
        """A packing from a file that `save` or another program wrote.

        ============================= =============== ==============================================
        name                          `format`        read
        ============================= =============== ==============================================
        `.npz`                        "npz"           exactly, as `save` wrote it
        `.gsd`                        "gsd"           exactly, where `save` wrote the frame; else by
                                                      HOOMD's schema
        `.xyz`, `.extxyz`             "xyz"           by ASE
        `.dump`, `.lammpstrj`, dump.* "lammps-dump"   by ASE
        `.data`, `.lmp`, data.*       "lammps-data"   by ASE
        `.csv`                        "csv"           see `from_table`
        ============================= =============== ==============================================

        Another program's lengths are divided by the mean diameter. In GSD, diameters are those of the
        particles, or of the spheres that are the shapes of their types (HOOMD 4 and newer); without
        any, particles of one type have diameter 1, and what a frame leaves out is as in the first.
        In text, they are a column `diameter` or `radius` (of a data file, those of atom style
        sphere), and LAMMPS's particles come in the order of their ids. Nothing in a file is ever
        executed.

        Parameters
        ----------
        path : str or path
            Name of the file.
        frame : int
            Which frame of a trajectory, from 0; negative ones count from the end. The last if left
            out.
        diameters : float, array (n,) or dict {type: float}, optional
            Diameters in the file's unit of length, of all particles alike, of each, or by the names
            of their types; needed where the file does not state them; where given, the file's
            own do not count.
        box : float, optional
            Edge length in the file's unit of length; needed where the file states no box.
        dim : int, optional
            2 or 3; needed where the file does not tell whether a flat layer is meant to be
            two-dimensional.
        format : str, optional
            One of the table, where the name does not say it.

        Raises
        ------
        ValueError
            If the file is truncated, foreign, or does not hold a packing, or is a device or a pipe:
            a sentence with what was found and what is needed. Boxes have to be squares or cubes to
            1e-6, periodic, and particles spheres, but for the ellipsoids of NPZ and of our own GSD;
            z is 0 in two dimensions.
        TypeError
            If an argument is of another kind.
        ModuleNotFoundError
            If ASE is needed and not installed; the sentence says what brings it.
        FileNotFoundError
            If there is no such file.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import mpack
        >>> packing = mpack.Packing.random(n=8, phi=0.3, dim=2, seed=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "spheres.npz"
        ...     packing.save(path)
        ...     again = mpack.Packing.load(path)
        >>> again == packing
        True
        """
        from mpack import _files

        return _files.load(path, cls, format, frame=frame, diameters=diameters, box=box, dim=dim)

    @classmethod
    def from_table(
        cls,
        table: pandas.DataFrame | AnyPath,
        box: float,
        *,
        diameters: ArrayLike | Mapping[Any, float] | None = None,
        dim: int | None = None,
    ) -> Self:
        """A packing from a table with a row for each particle; all lengths are divided by the mean diameter.

        Parameters
        ----------
        table : pandas.DataFrame or path
            Columns x, y, in three dimensions z, and where sizes differ diameter or radius; a column
            type, if there are types; others do not matter, unless they state shapes or orientations,
            which are refused. Or the name of a CSV file with such a table, numbers read to the last
            bit.
        box : float
            Edge length of the square or cube, in the table's unit of length.
        diameters, dim
            As for `load`. Where the table says nothing of sizes, particles of one type have
            diameter 1.

        Raises
        ------
        ValueError, TypeError
            If columns are missing or hold something else than finite numbers (column and row are
            named), if sizes are missing, or `Packing` refuses the numbers.

        Examples
        --------
        >>> import mpack, pandas
        >>> table = pandas.DataFrame({"x": [1.0, 5.0], "y": [2.0, 2.0], "radius": [1.0, 1.5]})
        >>> packing = mpack.Packing.from_table(table, box=10.0)
        >>> packing.box, packing.diameters.tolist()
        (4.0, [0.8, 1.2])
        """
        import pandas

        from mpack import _files, _foreign, _formats

        if isinstance(table, (str, os.PathLike)):
            return _files.load(table, cls, "csv", diameters=diameters, box=box, dim=dim)
        _check.instance(
            "table", table, pandas.DataFrame, "a pandas.DataFrame or the name of a CSV file"
        )
        asked = _foreign.Asked.checked(diameters=diameters, box=box, dim=dim)
        return cls(**_foreign.arguments(_formats.stated_table(table), asked))

    def save(self, path: AnyPath) -> None:
        """Write the packing to `path`: exactly to `.npz` or `.gsd`, by the ending. A file appears whole or
        not at all; one that was there keeps its mode, and a link stays a link.

        NPZ holds the integer coordinates, box and diameters, of bodies axes and orientations. GSD
        (d = 2 and 3, for OVITO and freud) holds float32 positions centred on the origin for viewing,
        and the exact numbers in log chunks that `load` prefers.

        Raises
        ------
        ValueError
            If the ending is another, if `path` is a device or a pipe, or if d > 3 is to go to GSD,
            which has no room for it.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import mpack
        >>> packing = mpack.Packing.lattice("square", cells=4, phi=0.5)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "square.gsd"
        ...     packing.save(path)
        ...     path.exists()
        True
        """
        from mpack import _files

        _files.save(self, path)

    @property
    def n(self) -> int:
        """Number of particles."""
        return self._fixed.shape[0]

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self._fixed.shape[1]

    @property
    def box(self) -> float:
        """Edge length of the box, in mean diameters."""
        return self._box

    @property
    def fixed(self) -> NDArray[np.int64]:
        """Integer coordinates (n, d), int64, read-only: fractions of the box in units of 2**-64."""
        return self._fixed

    @property
    def diameters(self) -> NDArray[np.float64]:
        """Diameters (n,), float64, read-only; their mean is 1. Of ellipsoids, those of spheres of the same volume."""
        return self._diameters

    @property
    def spherical(self) -> bool:
        """True if all particles are spheres (discs)."""
        return self._bodies is None

    @property
    def bodies(self) -> Bodies | None:
        """What particles that are no spheres are made of; None for spheres."""
        return self._bodies

    @functools.cached_property
    def axes(self) -> NDArray[np.float64]:
        """Semi-axes (n, d), float64, read-only, in mean diameters; of spheres their radii."""
        if self._bodies is None:
            return _read_only(np.repeat(0.5 * self._diameters[:, None], self.dim, axis=1))
        return self._bodies.semi[:, : self.dim]

    @functools.cached_property
    def orientations(self) -> NDArray[np.float64]:
        """Unit quaternions (n, 4), (w, x, y, z), float64, read-only; of spheres (1, 0, 0, 0)."""
        if self._bodies is None:
            return _read_only(_bodies.quaternions(None, self.n, self.dim))
        return self._bodies.turns

    @functools.cached_property
    def positions(self) -> NDArray[np.float64]:
        """Centres (n, d), float64 in [0, box), read-only."""
        fraction = self._fixed.view(np.uint64).astype(np.float64) * 2.0**-64
        positions = np.minimum(fraction * self._box, np.nextafter(self._box, 0.0))
        return _read_only(positions)

    @functools.cached_property
    def phi(self) -> float:
        """Packing fraction: the volumes of all particles, overlaps counted twice, over that of the box."""
        with decimal.localcontext(DIGITS):
            return float(
                sphere_volume(self._diameters, self.dim) / decimal.Decimal(self._box) ** self.dim
            )

    @functools.cached_property
    def monodisperse(self) -> bool:
        """True if all particles are spheres of diameter exactly 1."""
        return self._bodies is None and bool(np.all(self._diameters == 1.0))

    @functools.cached_property
    def digest(self) -> str:
        """Hexadecimal digest of the integer coordinates, and of orientations where there are such."""
        return digest_of(self._fixed, None if self._bodies is None else self._bodies.turns)

    def overlaps(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Overlapping pairs: spheres with r < R_i + R_j, bodies with mu < 1 (see `mpack.ellipsoids`).

        Returns
        -------
        pairs : array, shape (m, 2), int64
            Particle numbers, the lower first, in lexicographic order.
        distances : array, shape (m,)
            Separations r of their centres.

        Examples
        --------
        >>> import mpack
        >>> packing = mpack.Packing([[1.0, 1.0], [1.6, 1.8], [3.0, 3.0], [3.0, 3.5]], box=5.0)
        >>> pairs, distances = packing.overlaps()
        >>> pairs.tolist(), distances.round(6).tolist()
        ([[0, 1], [2, 3]], [1.0, 0.5])
        """
        if self._bodies is not None:
            from mpack import ellipsoids

            found = ellipsoids.pair_contacts(self).pairs
            return found, np.sqrt(np.sum(self.separation(*found.T) ** 2, axis=1))
        from mpack._kernels import pairs

        return pairs.sorted_pairs(self._fixed, self._box, self._diameters, 1.0, 0.0)

    def separation(self, i: ArrayLike, j: ArrayLike) -> NDArray[np.float64]:
        """Nearest-image separations x_i - x_j, exact up to one rounding each: from j to i, the shortest way.

        The wrapped difference of two integer coordinates is the nearest image itself, so that
        nothing is searched or rounded before it is turned into a length.

        Parameters
        ----------
        i, j : int or array of int
            Particle numbers in [0, n), broadcast against each other.

        Returns
        -------
        array, shape (..., d)
            In mean diameters, each component in [-box/2, box/2).

        Raises
        ------
        TypeError, ValueError
            If they are no integers, outside their range, or do not broadcast.

        Examples
        --------
        >>> packing = Packing([[0.25, 1.0], [3.75, 1.0]], box=4.0)
        >>> packing.separation(0, 1)  # through the wall
        array([0.5, 0. ])
        """
        i, j = _check.indices("i", i, self.n), _check.indices("j", j, self.n)
        try:
            gap = nearest(self._fixed[i], self._fixed[j])
        except ValueError:
            raise ValueError(
                f"i and j must broadcast against each other; got shapes {i.shape} and {j.shape}"
            ) from None
        return gap * (self._box * 2.0**-64)

    def plot(
        self, ax: Axes | None = None, colours: ArrayLike | None = None, **changes: Any
    ) -> Axes:
        """Draw the packing in its box, d = 2 and 3: particles that overlap another one in one colour, others in a
        second one.

        In two dimensions discs that reach over a wall are repeated on the other side; three are
        seen from far away, see `mpack.figures.draw_spheres`.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure in the house style if left out.
        colours : sequence of n colours, optional
            Instead of the two.
        **changes
            For `mpack.figures.draw_packing` or `draw_spheres`, e.g. azimuth and elevation.

        Returns
        -------
        matplotlib.axes.Axes
            Its scales are in mean diameters.

        Raises
        ------
        ValueError
            If d > 3.
        ModuleNotFoundError
            If matplotlib is missing, which the extra "book" brings.

        Examples
        --------
        >>> import mpack
        >>> ax = mpack.Packing.random(n=50, phi=0.7, dim=2, seed=1).plot()
        >>> ax.get_xlabel(), [text.get_text() for text in ax.get_legend().get_texts()]
        ('$x$ (mean diameters)', ['active', 'inactive'])
        """
        if self.dim > 3:
            raise ValueError(f"plot draws packings of dim 2 and 3; got dim = {self.dim}")
        from mpack import figures

        return figures.plot_packing(self, ax, colours, **changes)

    def to_freud(self) -> tuple[Any, NDArray[np.float64]]:
        """(box, points) for freud: a `freud.box.Box` and centred points (n, 3), z = 0 in two dimensions; d <=
        3, else ValueError.

        Examples
        --------
        >>> import mpack
        >>> box, points = mpack.Packing.lattice("square", cells=3, phi=0.5).to_freud()
        >>> box.is2D, points.shape
        (True, (9, 3))
        """
        if self.dim > 3:
            raise ValueError(f"freud knows dim 2 and 3; got dim = {self.dim}")
        import freud

        box = freud.box.Box.square(self._box) if self.dim == 2 else freud.box.Box.cube(self._box)
        return box, self.centred()

    def centred(self) -> NDArray[np.float64]:
        """Centres (n, 3) for viewers, float64 in [-box/2, box/2], the origin in the middle, z = 0 if d = 2; d
        <= 3, else ValueError.

        Examples
        --------
        >>> import mpack
        >>> mpack.Packing([[0.5, 3.5], [1.0, 1.0]], box=4.0).centred().tolist()
        [[0.5, -0.5, 0.0], [1.0, 1.0, 0.0]]
        """
        if self.dim > 3:
            raise ValueError(f"viewers know dim 2 and 3; got dim = {self.dim}")
        points = np.zeros((self.n, 3))
        points[:, : self.dim] = self._fixed.astype(np.float64) * 2.0**-64 * self._box
        return points

    def _assign(
        self,
        fixed: NDArray[np.int64],
        box: float,
        diameters: NDArray[np.float64],
        bodies: Bodies | None = None,
    ) -> None:
        self._fixed, self._box, self._diameters = _read_only(fixed), box, _read_only(diameters)
        self._bodies = bodies

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Packing):
            return NotImplemented
        return (
            self._box == other._box
            and np.array_equal(self._fixed, other._fixed)
            and np.array_equal(self._diameters, other._diameters)
            and self._bodies == other._bodies
        )

    def __hash__(self) -> int:
        return hash((self._box, self._fixed.tobytes(), self._diameters.tobytes(), self._bodies))

    def __reduce__(self):
        return _rebuilt, (type(self), self._fixed, self._box, self._diameters, self._bodies)

    def __repr__(self) -> str:
        least, most = self._diameters.min(), self._diameters.max()
        sizes = "" if least == most == 1.0 else f", diameters {least:.4g} to {most:.4g}"
        if self._bodies is not None:
            sizes += f", axes {_bodies.aspects(self.axes)}"
        return (
            f"<Packing n={self.n}, dim={self.dim}, phi={self.phi:.6g}, box={self._box:.6g}{sizes}>"
        )


def digest_of(fixed: NDArray[np.int64], orientations: NDArray[np.float64] | None = None) -> str:
    """Hexadecimal digest (BLAKE2b, 128 bits) of integer coordinates (n, d) int64, and of quaternions (n, 4).

    It covers the version of the noise stream, the version of the layout, n, d and the little-endian
    coordinates row by row, then the quaternions likewise where particles have such, so that it means
    the same on every machine.

    Examples
    --------
    >>> import mpack
    >>> packing = mpack.Packing.lattice("square", cells=2, phi=0.5)
    >>> mpack.packing.digest_of(packing.fixed) == packing.digest
    True
    """
    from mpack._kernels.noise import STREAM_VERSION

    rows, columns = fixed.shape
    digest = hashlib.blake2b(digest_size=16)
    digest.update(
        f"mpack stream {STREAM_VERSION} format {FORMAT_VERSION} n {rows} d {columns}\n".encode()
    )
    digest.update(np.ascontiguousarray(fixed, dtype="<i8").data)
    if orientations is not None:
        digest.update(b"orientations\n")
        digest.update(np.ascontiguousarray(orientations, dtype="<f8").data)
    return digest.hexdigest()


def unit_ball_volume(dim: int) -> float:
    """Volume v_d of the unit ball in `dim` dimensions, correctly rounded.

    Examples
    --------
    >>> from mpack.packing import unit_ball_volume
    >>> [unit_ball_volume(dim) for dim in (1, 2, 3)]
    [2.0, 3.141592653589793, 4.188790204786391]
    """
    with decimal.localcontext(DIGITS):
        return float(unit_ball(dim))


def _sized(
    n: int, dim: int, diameters: ArrayLike, axes: ArrayLike | None, orientations: ArrayLike | None
) -> tuple[NDArray[np.float64], Bodies | None]:
    """Checked diameters, and the bodies where particles are no spheres."""
    if axes is None:
        if orientations is not None:
            raise ValueError("orientations need axes: spheres have none")
        return check_diameters(diameters, n), None
    _no_diameters(diameters, 1.0)
    semi = _bodies.semi_axes("axes", axes, n, dim)
    turns = _bodies.quaternions(orientations, n, dim)
    if _bodies.are_spheres(semi, dim):
        return check_diameters(2.0 * semi[:, 0], n), None
    found = _bodies.bodies(semi, turns, dim)
    return 2.0 * found.radii, found


def _no_diameters(diameters: Any, usual: float | None) -> None:
    if np.ndim(diameters) > 0 or diameters != usual:
        raise ValueError(
            "diameters and axes do not go together: the axes of a body say how large it is"
        )


def _longest(diameters, bodies):
    """The extent of each particle along its longest axis."""
    return diameters if bodies is None else 2.0 * bodies.semi.max(axis=1)


def _rebuilt(cls, fixed, box, diameters, bodies):
    """A packing from what one was made of, unpickled."""
    made = _bodies.arguments(bodies, fixed.shape[1])
    return cls.from_fixed(fixed, box, **(made or {"diameters": diameters}))


def _check_fixed(fixed):
    if not isinstance(fixed, np.ndarray) or fixed.dtype != np.int64:
        raise TypeError(
            f"fixed must be an array of int64; got {getattr(fixed, 'dtype', type(fixed).__name__)}"
        )
    _check_shape("fixed", fixed.shape)


def _check_shape(name, shape):
    if (
        len(shape) != 2
        or not DIMENSIONS[0] <= shape[1] <= DIMENSIONS[1]
        or not 1 <= shape[0] <= LARGEST_N
    ):
        raise ValueError(
            f"{name} must have shape (n, d) with n >= 1 and d from {DIMENSIONS[0]} to {DIMENSIONS[1]};"
            f" got {shape}"
        )


def _to_fixed(positions, box):
    """Integer coordinates of float positions: one rounding in the division, one in the last bit of the
    integer.
    """
    fraction = positions / box
    far = np.abs(fraction) > 2.0**20
    if np.any(far):
        where = [int(k) for k in np.argwhere(far)[0]]
        raise ValueError(
            f"positions must be within {2**20} boxes of the origin;"
            f" positions{where} is {positions[tuple(where)]}"
        )
    scaled = np.rint((fraction - np.rint(fraction)) * 2.0**64)
    scaled[scaled == 2.0**63] = -(2.0**63)
    return scaled.astype(np.int64)


def _uniform_words(n, dim, seed):
    """(n, dim) Philox words as int64: two to a block, labels (particle, block)."""
    from mpack._kernels import noise

    blocks = (dim + 1) // 2
    particle = np.repeat(np.arange(n, dtype=np.uint64), blocks)
    block = np.tile(np.arange(blocks, dtype=np.uint64), n)
    words = np.empty((n * blocks, 2), dtype=np.uint64)
    noise.fill_bits(np.uint64(seed), noise.START, np.uint64(0), particle, block, words)
    return np.ascontiguousarray(words.reshape(n, 2 * blocks)[:, :dim]).view(np.int64)


LATTICES = {"square": 2, "sc": 3, "bcc": 3, "fcc": 3, "hypercubic": None, "checkerboard": None}


def _lattice_dim(name, dim):
    if isinstance(name, str) and name == "hexagonal":
        raise ValueError(
            "name must not be 'hexagonal': that lattice does not fit a periodic square box"
        )
    implied = LATTICES[_check.choice("name", name, tuple(LATTICES))]
    if implied is None:
        return _check.integer("dim", dim, *DIMENSIONS)
    if dim is not None and _check.integer("dim", dim, *DIMENSIONS) != implied:
        raise ValueError(f"dim must be {implied} for the lattice {name!r}; got {dim}")
    return implied


def lattice_basis(name: str, dim: int) -> list[tuple[int, ...]]:
    """The points of one cell of a lattice, in half cells.

    Parameters
    ----------
    name : str
        One of `LATTICES`.
    dim : int

    Returns
    -------
    list of tuples of int, length dim

    Examples
    --------
    >>> from mpack.packing import lattice_basis
    >>> lattice_basis("bcc", 3), len(lattice_basis("fcc", 3))
    ([(0, 0, 0), (1, 1, 1)], 4)
    """
    if name == "bcc":
        return [(0,) * dim, (1,) * dim]
    if name in ("fcc", "checkerboard"):
        return [point for point in itertools.product((0, 1), repeat=dim) if sum(point) % 2 == 0]
    return [(0,) * dim]


def _most_cells(name, dim):
    """Cells along an edge so that the spheres are at most `LARGEST_LATTICE`."""
    return math.floor((LARGEST_LATTICE / len(lattice_basis(name, dim))) ** (1.0 / dim))


def _lattice_steps(name, cells, dim):
    """(n, dim) lattice points in half cells."""
    basis = lattice_basis(name, dim)
    corners = np.indices((cells,) * dim).reshape(dim, -1).T
    return (2 * corners[:, None, :] + np.array(basis)[None, :, :]).reshape(-1, dim)


def _fraction(k, parts):
    """k/parts of the box in units of 2**-64, to the nearest, as a signed integer."""
    value = ((k << 65) + parts) // (2 * parts) % 2**64
    return value - 2**64 if value >= 2**63 else value


def _read_only(array):
    array.flags.writeable = False
    return array
