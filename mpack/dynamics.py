"""The rules: biased random organization, stochastic gradient descent, and their stochastic approximations.

In a step every active particle i (one with at least one overlap) is displaced, all from the same
configuration. With n_ij the unit vector from j to i, U the pair potential, r_ij the separation and
all lengths in mean diameters:

    PairwiseBRO       eps sum_j u_ij n_ij                u_ij = u_ji ~ U[0, 1]
    NonreciprocalBRO  the same                           u_ij and u_ji independent
    IndividualBRO     eps u_i sum_j n_ij                 u_i ~ U[0, 1]
    SGD               -alpha sum_j theta_ij dU_ij/dx_i   theta_ij = theta_ji ~ Bernoulli(b_f)
    RCD               -alpha theta_i sum_j dU_ij/dx_i    theta_i ~ Bernoulli(b_f)
    RandomOrganization  eps sum_j u_ij e_ij              e_ij = -e_ji a random direction

Gradient descent is SGD (or RCD: the same process, bit for bit) at b_f = 1. With `batch_size=B`
exactly B of the active pairs (SGD) or active particles (RCD) are drawn without replacement.

Correlated ends. `correlation=c` in [-1, 1] is that of the fluctuations of the two displacements
that one pair causes: -1 opposite ones (as above), 0 independent ones (`NonreciprocalBRO`), +1 equal
ones. With chance |c| the number of the higher label is made of the lower one's, else it is drawn by
itself. Made of u it is u for c < 0 and 1 - u for c > 0, so that the law of each end never changes;
theta is 1 where u < b_f. With v the variance of the number and n the unit vector from j to i,

    Cov(dx_i) = Cov(dx_j) = v eps**2 n n^T,     Cov(dx_i, dx_j) = c v eps**2 n n^T.

Memory. With `memory="antithetic"` steps 2m and 2m + 1 use u and 1 - u for the same pair.

Bodies that turn. Of ellipsoids the linear potential is U = (D/2)(1 - mu), mu the factor by which two
bodies that overlap would have to be scaled to touch, D the sum of their radii (of spheres of the same
volumes). Its force f_ij on body i lies along the common normal, (D/2)/(h_i + h_j) long, h the distance
from centre to tangent plane. It acts at the lever l_ij from the centre, so it turns the body as well.
With u_ij the number of the pair and u_i that of the particle,

    dx_i = s u_i sum_j u_ij f_ij,     domega_i = s u_i I_i**-1 sum_j u_ij l_ij x f_ij,

s = 2 eps or alpha, and I = rotation**2 times the tensor of inertia of the solid body of mass 1.
`rotation=kappa` says how turning and moving are weighed against each other, None that nothing turns;
spheres never do. So a kick of a body is not eps u long but eps u D/(h_i + h_j).

Source: Zhang and Martiniani, "Absorbing state dynamics of stochastic gradient descent",
arXiv:2411.11834, Eqs. 1-6 and A1-A13 (names of version 2). Random organization: Corte, Chaikin,
Gollub and Pine, Nature Physics 4, 420 (2008); Hexner and Levine, Phys. Rev. Lett. 114, 110602
(2015). The law of correlated draws: this book.
"""

from __future__ import annotations

import difflib
import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field, fields
from typing import ClassVar, TypeVar

from mpack import _check
from mpack.potentials import Linear, Potential, checked

_Rule = TypeVar("_Rule", bound="Dynamics")
LARGEST_STEP = 1e9  # mean diameters; far beyond sense, and well inside what the arithmetic holds


@dataclass(frozen=True)
class Recipe:
    """A rule as the step kernel takes it: push = scale * force * (number of the pair) * (number of the particle).

    `pair` and `particle` say how those numbers are drawn: "one", "uniform", "bernoulli", "gaussian"
    or "batch". A `pair` that is "kick" or "gaussian kick" has random vectors in the place of force
    and number. `correlation` is that of the two ends of a pair: at -1, `reciprocal`, one number
    pushes both. `antithetic` rules take the complements of their numbers in odd steps. `rotation` is
    None where nothing turns.

    Examples
    --------
    >>> import mpack
    >>> recipe = mpack.PairwiseBRO(eps=0.25).recipe()
    >>> recipe.scale, recipe.potential, recipe.pair, recipe.particle
    (0.5, Linear(), 'uniform', 'one')
    """

    scale: float
    potential: Potential = Linear()
    pair: str = "one"
    particle: str = "one"
    correlation: float = -1.0
    mean: float = 0.0
    spread: float = 0.0
    fraction: float = 1.0
    batch: int = 0
    antithetic: bool = False
    rotation: float | None = 1.0

    @property
    def reciprocal(self) -> bool:
        """Whether one number pushes both ends of a pair, oppositely."""
        return self.correlation == -1.0

    @property
    def is_kick(self) -> bool:
        """Whether pairs are kicked in random directions, and not along the force."""
        return self.pair in ("kick", "gaussian kick")

    @property
    def tied(self) -> float:
        """Chance that the second end's number is made of the first's; 0 where one number pushes both.

        Numbers 0 and 1 are at most so much anticorrelated as `largest_correlation` says, which is
        what 1 - u in the place of u gives.
        """
        if self.reciprocal:
            return 0.0
        if self.pair == "bernoulli" and self.correlation > 0.0:
            return min(1.0, self.correlation / largest_correlation(self.fraction))
        return abs(self.correlation)


def _telling(rule: type[_Rule]) -> type[_Rule]:
    """A rule that says what it takes where it is given something else; where it is not, nothing is asked."""
    made: Callable[..., None] = rule.__init__
    takes = [one.name for one in fields(rule)]  # type: ignore[arg-type]  # a dataclass

    @functools.wraps(made)
    def __init__(self, *values, **named):
        try:
            made(self, *values, **named)
        except TypeError:
            for name in named:
                if name not in takes:
                    raise TypeError(_taken(rule, takes, name)) from None
            raise

    rule.__init__ = __init__  # type: ignore[method-assign]
    return rule


def _taken(rule, takes, name):
    """What a rule takes, said to who gave it a name that it has not."""
    near = difflib.get_close_matches(name, takes, 1)
    said = f"{rule.__name__} takes {', '.join(takes)}; "
    if name in rule._without:
        return f"{said}{rule._without[name]}"
    return f"{said}got {name!r}{f' (did you mean {near[0]}?)' if near else ''}"


class Dynamics:
    """What all dynamics share: a name, `approximation()` and the recipe of the step.

    Examples
    --------
    >>> import mpack
    >>> mpack.SGD(alpha=0.1, batch_fraction=0.5).label
    'SGD'
    """

    _without: ClassVar[Mapping[str, str]] = {}  # what others take, and why this one has none

    @property
    def label(self) -> str:
        """The process in the words of the book: "SGD", "GD" (b_f = 1), "BRO", "individual BRO approximation"."""
        return process_label(
            type(self).__name__,
            batch_fraction=getattr(self, "batch_fraction", None),
            correlation=getattr(self, "correlation", None),
            memory=getattr(self, "memory", None),
        )

    def approximation(self) -> Approximation:
        """The stochastic approximation: Gaussian noise with the mean and variance of this rule's own.

        Returns
        -------
        Approximation
            A dynamics like any other.

        Raises
        ------
        ValueError
            For batches of exactly B: what the others draw then matters to each pair, and no
            independent Gaussian a pair (or particle) has that covariance. And for antithetic SGD
            but at b_f = 1/2, where alone the two steps of a couple are wholly anticorrelated.

        Examples
        --------
        >>> import mpack
        >>> mpack.RCD(alpha=0.1, batch_fraction=0.5).approximation().recipe().particle
        'gaussian'
        """
        return Approximation(self)

    def recipe(self, gaussian: bool = False) -> Recipe:
        """The rule as the step kernel takes it, or (gaussian) that of its approximation.

        Examples
        --------
        >>> import mpack
        >>> recipe = mpack.SGD(alpha=0.1, batch_fraction=0.5).recipe()
        >>> recipe.scale, recipe.pair, recipe.fraction
        (0.1, 'bernoulli', 0.5)
        """
        raise TypeError(
            f"{type(self).__name__} is no dynamics of its own; use PairwiseBRO, SGD, RCD, ..."
        )


@dataclass(frozen=True)
class _BRO(Dynamics):
    _without = {"potential": "its push is the same at any overlap, so it has no potential"}

    eps: float

    def __post_init__(self):
        object.__setattr__(
            self, "eps", _check.number("eps", self.eps, 0, LARGEST_STEP, open_low=True)
        )

    def _noise(self, gaussian):
        # The linear potential's force is 1/2, hence the scale 2 eps. U[0, 1] has mean 1/2 and
        # variance 1/12.
        if gaussian:
            return "gaussian", {"mean": 0.5, "spread": math.sqrt(1.0 / 12.0)}
        return "uniform", {}


# Fields that are told, in words and in specifications, only where they are not this.
OPTIONS: dict[str, float | str | None] = {"correlation": -1.0, "memory": None, "rotation": 1.0}
_OF_PAIRS = ("correlation", "memory")  # those that say how the numbers of a pair hang together


def largest_correlation(batch_fraction: float) -> float:
    """Largest correlation of the two displacements that a pair of SGD can cause: b/(1 - b) or its inverse.

    Two numbers that are 1 with chance b and 0 else are at most so much anticorrelated that they are
    never both 1 (b <= 1/2) or never both 0 (b >= 1/2): by -b/(1 - b) or -(1 - b)/b.

    Parameters
    ----------
    batch_fraction : float
        b_f in (0, 1].

    Returns
    -------
    float
        In [0, 1]; 1 at b_f = 1/2 alone.

    Raises
    ------
    ValueError, TypeError
        If `batch_fraction` is no number in (0, 1].

    Examples
    --------
    >>> largest_correlation(0.5), largest_correlation(0.2), largest_correlation(0.8)
    (1.0, 0.25, 0.25)
    """
    b = _check.number("batch_fraction", batch_fraction, 0, 1, open_low=True)
    most = b / (1.0 - b) if b <= 0.5 else (1.0 - b) / b
    return max(most, round(most, 15))  # 0.25 for 0.8, as for 0.2; and 1/3 for 3/4, no digit less


class _Options:
    """The fields of `OPTIONS` that a rule has: their check, and a repr that tells them where they say something."""

    rotation: float | None

    def _check_options(self):
        if hasattr(self, "correlation"):
            c = _check.number("correlation", self.correlation, -1, 1) + 0.0  # no -0.0
            object.__setattr__(self, "correlation", c)
        if getattr(self, "memory", None) is not None:
            _check.choice("memory", self.memory, ("antithetic",))
        if self.rotation is not None:
            kappa = _check.number("rotation", self.rotation, 1e-3, 1e3)
            object.__setattr__(self, "rotation", kappa)

    def __repr__(self) -> str:
        told = []
        for one in fields(self):  # type: ignore[arg-type]  # all that have it are dataclasses
            value = getattr(self, one.name)
            if one.name not in OPTIONS or value != OPTIONS[one.name]:
                told.append(f"{one.name}={value!r}")
        return f"{type(self).__name__}({', '.join(told)})"


@_telling
@dataclass(frozen=True, repr=False)
class PairwiseBRO(_Options, _BRO):
    """Pairwise biased random organization: x_i += eps sum_j u_ij n_ij, u_ij = u_ji ~ U[0, 1] (Eq. 1).

    Each overlapping pair is pushed apart along its centre line (bodies along their common normal, and
    turned: see the module), both ends by the same random amount, so the centre of mass never moves.
    With another `correlation` the two amounts differ: u_ji = u_ij with chance |c| for c < 0,
    u_ji = 1 - u_ij with chance c for c > 0, and a number of its own else.

    Parameters
    ----------
    eps : float
        Kick size, in mean diameters; > 0.
    correlation : float
        c in [-1, 1], of the fluctuations of the two displacements: -1 opposite, 0 independent
        (`NonreciprocalBRO`, bit for bit), +1 equal.
    memory : None or "antithetic"
        "antithetic": steps 2m and 2m + 1 use u and 1 - u for the same pair, so that over both
        the noise of a contact that lasts cancels.
    rotation : float or None
        kappa in [1e-3, 1e3], for particles that are no spheres: how turning is weighed against
        moving, see the module; None: nothing turns.

    Raises
    ------
    ValueError, TypeError
        If `eps` is no finite number in (0, 1e9], `correlation` none in [-1, 1], `memory` neither
        None nor "antithetic", or `rotation` neither None nor in [1e-3, 1e3].

    Examples
    --------
    >>> import mpack
    >>> packing = mpack.Packing.random(n=100, phi=0.5, dim=2, seed=1)
    >>> run = mpack.simulate(packing, mpack.PairwiseBRO(eps=0.1), steps=10, seed=2)
    >>> run.digest
    'f9949eb5bb25787adbf35158b3d9bffd'
    >>> mpack.PairwiseBRO(eps=0.1, correlation=0.5).approximation()
    Approximation(of=PairwiseBRO(eps=0.1, correlation=0.5))
    """

    _: KW_ONLY
    correlation: float = -1.0
    memory: str | None = None
    rotation: float | None = 1.0

    def __post_init__(self):
        super().__post_init__()
        self._check_options()

    def recipe(self, gaussian: bool = False) -> Recipe:
        """The step: 2 eps times the linear force, one number a pair for both partners, or one for each.

        Examples
        --------
        >>> import mpack
        >>> recipe = mpack.PairwiseBRO(eps=0.1).recipe()
        >>> recipe.scale, recipe.pair, recipe.reciprocal
        (0.2, 'uniform', True)
        """
        pair, parameters = self._noise(gaussian)
        parameters |= {"correlation": self.correlation, "antithetic": self.memory is not None}
        return Recipe(2.0 * self.eps, pair=pair, rotation=self.rotation, **parameters)


@_telling
@dataclass(frozen=True, repr=False)
class NonreciprocalBRO(_Options, _BRO):
    """Pairwise biased random organization with independent kicks at the two ends: u_ij and u_ji ~ U[0, 1] apart.

    The mean and covariance of a particle's displacement are those of `PairwiseBRO`; the centre of
    mass wanders.

    Parameters
    ----------
    eps : float
        Kick size, in mean diameters; > 0.
    rotation : float or None
        kappa in [1e-3, 1e3], for particles that are no spheres: how turning is weighed against
        moving, see the module; None: nothing turns.

    Raises
    ------
    ValueError, TypeError
        If `eps` is no finite number in (0, 1e9], or `rotation` neither None nor in [1e-3, 1e3].

    Examples
    --------
    >>> import mpack
    >>> mpack.NonreciprocalBRO(eps=0.1).recipe().reciprocal
    False
    """

    _: KW_ONLY
    rotation: float | None = 1.0

    def __post_init__(self):
        super().__post_init__()
        self._check_options()

    def recipe(self, gaussian: bool = False) -> Recipe:
        """The step: 2 eps times the linear force, a number a pair for each partner."""
        pair, parameters = self._noise(gaussian)
        parameters |= {"correlation": 0.0, "rotation": self.rotation}
        return Recipe(scale=2.0 * self.eps, pair=pair, **parameters)


@_telling
@dataclass(frozen=True, repr=False)
class IndividualBRO(_Options, _BRO):
    """Individual-particle biased random organization: x_i += eps u_i sum_j n_ij, u_i ~ U[0, 1] (Eq. A1).

    One random number scales the whole push of a particle, so the noise points along the net push
    alone.

    Parameters
    ----------
    eps : float
        Kick size, in mean diameters; > 0.
    rotation : float or None
        kappa in [1e-3, 1e3], for particles that are no spheres: how turning is weighed against
        moving, see the module; None: nothing turns.

    Raises
    ------
    ValueError, TypeError
        If `eps` is no finite number in (0, 1e9], or `rotation` neither None nor in [1e-3, 1e3].

    Examples
    --------
    >>> import mpack
    >>> mpack.IndividualBRO(eps=0.1).recipe().particle
    'uniform'
    """

    _: KW_ONLY
    rotation: float | None = 1.0

    def __post_init__(self):
        super().__post_init__()
        self._check_options()

    def recipe(self, gaussian: bool = False) -> Recipe:
        """The step: 2 eps times the linear force, one number a particle."""
        particle, parameters = self._noise(gaussian)
        return Recipe(2.0 * self.eps, particle=particle, rotation=self.rotation, **parameters)


@_telling
@dataclass(frozen=True, repr=False)
class RandomOrganization(_Options, Dynamics):
    """Random organization without bias: each active pair kicks its two ends by eps u e, u ~ U[0, 1].

    e is a unit vector in a direction drawn evenly, a Gaussian vector over its norm. There is no
    mean push: what touches goes on until chance has parted it. The model that the biased rules come
    from.

    Parameters
    ----------
    eps : float
        Largest kick, in mean diameters; > 0.
    correlation : float
        c in [-1, 1]: with chance |c| the second end has the kick of the first, opposite for c < 0
        and equal for c > 0, else one of its own. At -1 (unless said) the centre of mass never
        moves; 0 is the model as it was first.
    rotation : float or None
        kappa in [1e-3, 1e3], for particles that are no spheres: how turning is weighed against
        moving, see the module; None: nothing turns.

    Raises
    ------
    ValueError, TypeError
        If `eps` is no finite number in (0, 1e9], `correlation` none in [-1, 1], or `rotation` neither
        None nor in [1e-3, 1e3].

    Notes
    -----
    Cov(dx_i) = Cov(dx_j) = (eps**2/(3 d)) 1 and Cov(dx_i, dx_j) = c times that, for one pair in d
    dimensions. Source: Corte, Chaikin, Gollub and Pine, Nature Physics 4, 420 (2008); with opposite
    kicks Hexner and Levine, Phys. Rev. Lett. 118, 020601 (2017).

    Examples
    --------
    >>> import mpack
    >>> start = mpack.Packing.random(n=100, phi=0.3, dim=2, seed=1)
    >>> run = mpack.simulate(start, mpack.RandomOrganization(eps=0.5), steps=1000, seed=2)
    >>> run.absorbed
    True
    """

    _without = {"potential": "its kicks are the same at any overlap, so it has no potential"}

    eps: float
    _: KW_ONLY
    correlation: float = -1.0
    rotation: float | None = 1.0

    def __post_init__(self):
        object.__setattr__(
            self, "eps", _check.number("eps", self.eps, 0, LARGEST_STEP, open_low=True)
        )
        self._check_options()

    def recipe(self, gaussian: bool = False) -> Recipe:
        """The step: eps times a random vector for each end of a pair, of second moment 1/3.

        Examples
        --------
        >>> import mpack
        >>> recipe = mpack.RandomOrganization(eps=0.1, correlation=0).recipe()
        >>> recipe.scale, recipe.pair, recipe.reciprocal
        (0.1, 'kick', False)
        """
        return Recipe(
            scale=self.eps,
            pair="gaussian kick" if gaussian else "kick",
            correlation=self.correlation,
            spread=math.sqrt(1.0 / 3.0) if gaussian else 0.0,
            rotation=self.rotation,
        )


@dataclass(frozen=True)
class _Descent(Dynamics):
    alpha: float
    batch_fraction: float | None = None
    batch_size: int | None = None
    potential: Potential = field(default_factory=Linear)

    def __post_init__(self):
        object.__setattr__(
            self, "alpha", _check.number("alpha", self.alpha, 0, LARGEST_STEP, open_low=True)
        )
        if (self.batch_fraction is None) == (self.batch_size is None):
            raise ValueError(
                "give either batch_fraction in (0, 1] or batch_size >= 1; "
                f"got batch_fraction={self.batch_fraction!r} and batch_size={self.batch_size!r}"
            )
        if self.batch_size is None:
            fraction = _check.number("batch_fraction", self.batch_fraction, 0, 1, open_low=True)
            object.__setattr__(self, "batch_fraction", fraction)
        else:
            object.__setattr__(
                self, "batch_size", _check.integer("batch_size", self.batch_size, 1, 2**62)
            )
        checked(self.potential)

    def _noise(self, gaussian):
        fraction = self.batch_fraction
        if self.batch_size is not None:
            if gaussian:
                raise ValueError(
                    f"batches of exactly batch_size={self.batch_size} have no approximation by independent Gaussians; "
                    "use batch_fraction in (0, 1] instead"
                )
            return "batch", {"batch": self.batch_size}
        if fraction == 1.0:  # gradient descent: nothing to draw
            return "one", {}
        if gaussian:
            return "gaussian", {
                "mean": fraction,
                "spread": math.sqrt(fraction - fraction * fraction),
            }
        return "bernoulli", {"fraction": fraction}


@_telling
@dataclass(frozen=True, repr=False)
class SGD(_Options, _Descent):
    """Stochastic gradient descent on the pair energy, a batch of pairs a step (Eqs. 2, A10).

    x_i -= alpha sum_j theta_ij dU_ij/dx_i, theta_ij = theta_ji ~ Bernoulli(b_f) for each
    interacting pair. The centre of mass never moves. Gradient descent is `batch_fraction=1`. With
    another `correlation` a pair may be in the batch for one of its ends alone.

    Parameters
    ----------
    alpha : float
        Learning rate, in mean diameters (the linear potential's force is 1/2); > 0.
    batch_fraction : float
        b_f in (0, 1]: the chance of each pair to be in the batch. Or instead
    batch_size : int
        B >= 1: exactly B of the interacting pairs, drawn without replacement (all, where there are
        fewer).
    potential : Potential
        Linear() unless said; Harmonic, Hertzian, WCA, LennardJones, Tabulated.
    correlation : float
        c of the fluctuations of the two displacements that a pair causes, from -1 (opposite) over 0
        (independent) to `largest_correlation(batch_fraction)`. Only with `batch_fraction`.
    memory : None or "antithetic"
        "antithetic": steps 2m and 2m + 1 use u and 1 - u for the same pair, which is in the batch
        where that is below b_f. At b_f = 1/2 each pair is in exactly one of the two batches: an
        epoch of two. At other b_f the two are anticorrelated by `largest_correlation`. Only with
        `batch_fraction`.
    rotation : float or None
        kappa in [1e-3, 1e3], for particles that are no spheres: how turning is weighed against
        moving, see the module; None: nothing turns.

    Raises
    ------
    ValueError, TypeError
        If a number is out of range, if both or neither of batch_fraction and batch_size are given,
        if the potential is none, or if there is no such correlation.

    Examples
    --------
    >>> import mpack
    >>> mpack.SGD(alpha=0.1, batch_fraction=0.5)
    SGD(alpha=0.1, batch_fraction=0.5, batch_size=None, potential=Linear())
    >>> mpack.SGD(alpha=0.1, batch_size=8, potential=mpack.Harmonic()).recipe().batch
    8
    """

    _: KW_ONLY
    correlation: float = -1.0
    memory: str | None = None
    rotation: float | None = 1.0

    def __post_init__(self):
        super().__post_init__()
        self._check_options()
        if self.batch_size is not None:
            for name in _OF_PAIRS:
                if getattr(self, name) != (least := OPTIONS[name]):
                    raise ValueError(
                        f"{name} must be {least!r} with batch_size, where exactly so many pairs are drawn and "
                        f"both ends of each move; use batch_fraction; got {getattr(self, name)!r}"
                    )
        elif self.correlation > (largest := largest_correlation(self.batch_fraction)):
            raise ValueError(
                f"correlation must be at most {largest:.6g} at batch_fraction {self.batch_fraction!r}, as two numbers "
                f"0 and 1 can be anticorrelated only so far: b_f/(1 - b_f) for b_f <= 1/2, (1 - b_f)/b_f above; "
                f"got {self.correlation!r}"
            )

    def recipe(self, gaussian: bool = False) -> Recipe:
        """The step: alpha times the force, a batch of pairs."""
        pair, parameters = self._noise(gaussian)
        if pair in ("bernoulli", "gaussian"):  # else nothing is drawn, or exactly B
            parameters |= {"correlation": self.correlation, "antithetic": self.memory is not None}
        if gaussian and parameters.get("antithetic") and self.batch_fraction != 0.5:
            raise ValueError(
                "antithetic steps have an approximation at batch_fraction 0.5 alone: elsewhere the two steps of a "
                f"couple are not wholly anticorrelated; got batch_fraction={self.batch_fraction!r}"
            )
        parameters |= {"potential": self.potential, "rotation": self.rotation}
        return Recipe(scale=self.alpha, pair=pair, **parameters)


@_telling
@dataclass(frozen=True, repr=False)
class RCD(_Options, _Descent):
    """Random coordinate descent: a batch of particles a step (Eqs. A5, A6).

    x_i -= alpha theta_i sum_j dU_ij/dx_i, theta_i ~ Bernoulli(b_f) for each active particle, which
    then feels the whole gradient. The centre of mass wanders. Gradient descent is
    `batch_fraction=1`.

    Parameters
    ----------
    alpha : float
        Learning rate, in mean diameters (the linear potential's force is 1/2); > 0.
    batch_fraction : float
        b_f in (0, 1]: the chance of each particle to be in the batch. Or instead
    batch_size : int
        B >= 1: exactly B of the active particles, drawn without replacement (all, where there are
        fewer).
    potential : Potential
        Linear() unless said; Harmonic, Hertzian, WCA, LennardJones, Tabulated.
    rotation : float or None
        kappa in [1e-3, 1e3], for particles that are no spheres: how turning is weighed against
        moving, see the module; None: nothing turns.

    Raises
    ------
    ValueError, TypeError
        If a number is out of range, if both or neither of batch_fraction and batch_size are given,
        or if the potential is none.

    Examples
    --------
    >>> import mpack
    >>> mpack.RCD(alpha=0.1, batch_fraction=0.5).recipe().particle
    'bernoulli'
    """

    _: KW_ONLY
    rotation: float | None = 1.0

    def __post_init__(self):
        super().__post_init__()
        self._check_options()

    def recipe(self, gaussian: bool = False) -> Recipe:
        """The step: alpha times the force, a batch of particles."""
        particle, parameters = self._noise(gaussian)
        parameters |= {"potential": self.potential, "rotation": self.rotation}
        return Recipe(scale=self.alpha, particle=particle, **parameters)


@_telling
@dataclass(frozen=True)
class Approximation(Dynamics):
    """The stochastic approximation of a dynamics: its random numbers replaced by Gaussians of like mean and variance.

    PairwiseBRO    x_i += eps sum_j (1/2) n_ij (1 + xi_ij / sqrt 3)                            (Eq. 4)
    IndividualBRO  x_i += eps (1/2) sum_j n_ij (1 + xi_i / sqrt 3)                             (Eq. A3)
    SGD            x_i -= alpha sum_j dU_ij/dx_i (b_f + sqrt(b_f - b_f**2) xi_ij)              (Eqs. 6, A13)
    RCD            x_i -= alpha sum_j dU_ij/dx_i (b_f + sqrt(b_f - b_f**2) xi_i)               (Eq. A8)

    RandomOrganization  x_i += eps sum_j xi_ij / sqrt(3 d), a Gaussian vector

    with one standard Gaussian xi a pair or a particle. xi_ij = xi_ji; with another correlation c of
    the ends xi_ji = -c xi_ij + sqrt(1 - c**2) xi', xi' of its own (NonreciprocalBRO: c = 0). In odd
    steps of antithetic rules xi is minus that of the step before.

    Parameters
    ----------
    of : Dynamics
        The dynamics approximated; not itself an approximation.

    Raises
    ------
    ValueError, TypeError
        If `of` is no dynamics, an approximation already, draws batches of exactly B, or is
        antithetic SGD at another b_f than 1/2.

    Examples
    --------
    >>> import mpack
    >>> rule = mpack.dynamics.Approximation(mpack.PairwiseBRO(eps=0.1))
    >>> rule.recipe().pair, rule.approximation() is rule
    ('gaussian', True)
    """

    of: Dynamics

    def __post_init__(self):
        _check.instance("of", self.of, Dynamics, "a dynamics such as mpack.SGD(...)")
        if isinstance(self.of, Approximation):
            raise ValueError(
                f"of must be a dynamics that is no approximation itself; got {self.of!r}"
            )
        self.of.recipe(gaussian=True)  # refuses what has no approximation

    @property
    def label(self) -> str:
        """The process in the words of the book: "SGD approximation"."""
        return f"{self.of.label} approximation"

    def approximation(self) -> Approximation:
        """An approximation approximates itself."""
        return self

    def recipe(self, gaussian: bool = False) -> Recipe:
        """The step of what is approximated, with Gaussian numbers."""
        return self.of.recipe(gaussian=True)


_LABELS = {
    "PairwiseBRO": "BRO",
    "NonreciprocalBRO": "non-reciprocal BRO",
    "IndividualBRO": "individual BRO",
    "SGD": "SGD",
    "RCD": "RCD",
    "RandomOrganization": "RO",
}


def process_label(
    rule: str,
    approximation: bool = False,
    batch_fraction: float | None = None,
    correlation: float | None = None,
    memory: str | None = None,
) -> str:
    """The name that the book gives a process, from what a sweep's table says of its dynamics.

    Parameters
    ----------
    rule : str
        Name of a class of this module: "PairwiseBRO", "NonreciprocalBRO", "IndividualBRO", "SGD",
        "RCD", "RandomOrganization".
    approximation : bool
        True for its stochastic approximation.
    batch_fraction : float, optional
        b_f of SGD and RCD: at 1 both are gradient descent, "GD".
    correlation : float, optional
        c of the two ends of a pair, of rules that have it; told unless it is -1.
    memory : str, optional
        "antithetic", or nothing.

    Returns
    -------
    str
        What `Dynamics.label` says of the dynamics itself.

    Raises
    ------
    ValueError
        If `rule` is none of them.

    Examples
    --------
    >>> process_label("IndividualBRO", approximation=True)
    'individual BRO approximation'
    >>> process_label("RCD", batch_fraction=1.0), RCD(alpha=0.1, batch_fraction=1).label
    ('GD', 'GD')
    >>> PairwiseBRO(eps=0.1, correlation=0).label, RandomOrganization(eps=0.1, correlation=0.5).label
    ('non-reciprocal BRO', 'RO, c = 0.5')
    """
    name = _LABELS[_check.choice("rule", rule, tuple(_LABELS))]
    if batch_fraction == 1:
        name = "GD"
    elif rule == "PairwiseBRO" and correlation == 0:
        name = _LABELS["NonreciprocalBRO"]
    elif rule in CORRELATED and correlation is not None and correlation > -1:
        name += f", c = {correlation:.12g}"
    if memory and name != "GD":
        name = f"{memory} {name}"
    return f"{name} approximation" if approximation else name


CORRELATED = ("PairwiseBRO", "SGD", "RandomOrganization")  # rules whose ends have a correlation c


MATCHED_FRACTION = (
    0.75  # b_f at which Bernoulli noise has the ratio of variance to squared mean of U[0, 1]: 1/3
)


def matched(dynamics: Dynamics) -> Dynamics:
    """The partner whose stochastic approximation is the same process: b_f = 3/4 and alpha = eps / b_f = 4 eps / 3.

    PairwiseBRO(eps) <-> SGD(4 eps / 3, 3/4) and IndividualBRO(eps) <-> RCD(4 eps / 3, 3/4);
    approximations likewise. Mean: alpha b_f / 2 = eps / 2. Variance over squared mean: (1 - b_f) /
    b_f = 1/3, that of U[0, 1]. Both have the same correlation c of the two ends of a pair, and so
    the same covariance; NonreciprocalBRO counts as PairwiseBRO with c = 0.

    Parameters
    ----------
    dynamics : PairwiseBRO, NonreciprocalBRO, IndividualBRO, SGD or RCD, or an approximation of one
        SGD and RCD need batch_fraction 3/4 and the linear potential.

    Returns
    -------
    Dynamics

    Raises
    ------
    ValueError
        If there is no partner: RandomOrganization, another b_f or potential, a batch of exactly B, a
        correlation above 1/3, which SGD has not at b_f = 3/4, or antithetic steps, whose couples
        are less anticorrelated there.
    TypeError
        If `dynamics` is none.

    References
    ----------
    arXiv:2411.11834; the caption of Fig. 5 in version 1 has the rule upside down.

    Examples
    --------
    >>> import mpack
    >>> mpack.matched(mpack.PairwiseBRO(eps=0.75))
    SGD(alpha=1.0, batch_fraction=0.75, batch_size=None, potential=Linear())
    >>> mpack.matched(mpack.matched(mpack.IndividualBRO(eps=0.75)))
    IndividualBRO(eps=0.75)
    """
    _check.instance("dynamics", dynamics, Dynamics, "a dynamics such as mpack.PairwiseBRO(...)")
    if isinstance(dynamics, Approximation):
        return matched(dynamics.of).approximation()
    if getattr(dynamics, "memory", None) is not None:
        raise ValueError(f"dynamics has no partner unless memory is None; got {dynamics!r}")
    if isinstance(dynamics, NonreciprocalBRO):
        dynamics = PairwiseBRO(eps=dynamics.eps, correlation=0.0, rotation=dynamics.rotation)
    ends = {
        name: getattr(dynamics, name)
        for name in ("correlation", "rotation")
        if hasattr(dynamics, name)
    }
    descents = {PairwiseBRO: SGD, IndividualBRO: RCD}
    organizations = {descent: organization for organization, descent in descents.items()}
    if isinstance(dynamics, _BRO) and type(dynamics) in descents:
        alpha = dynamics.eps / MATCHED_FRACTION
        return descents[type(dynamics)](alpha=alpha, batch_fraction=MATCHED_FRACTION, **ends)
    if isinstance(dynamics, _Descent) and type(dynamics) in organizations:
        if dynamics.batch_fraction == MATCHED_FRACTION and dynamics.potential == Linear():
            return organizations[type(dynamics)](eps=dynamics.alpha * MATCHED_FRACTION, **ends)
        raise ValueError(
            f"only batch_fraction 0.75 with the linear potential has a partner; got {dynamics!r}"
        )
    raise ValueError(f"dynamics has no partner among SGD and RCD; got {dynamics!r}")


def matched_processes(eps: float) -> dict[str, Dynamics]:
    """Eight processes at one kick size: two rules of random organization, their matched descents, the approximations.

    Parameters
    ----------
    eps : float
        Kick size, in mean diameters; > 0.

    Returns
    -------
    dict
        From the names that the book uses ("BRO", "SGD", "individual BRO", "RCD", each also with "
        approximation") to dynamics. The first two and their approximations draw a number for each
        pair, the others one for each particle.

    Raises
    ------
    ValueError, TypeError
        If `eps` is no finite number in (0, 1e9].

    Examples
    --------
    >>> import mpack
    >>> mpack.dynamics.matched_processes(0.75)["RCD"].alpha
    1.0
    """
    pairwise, individual = PairwiseBRO(eps=eps), IndividualBRO(eps=eps)
    rules = [pairwise, matched(pairwise), individual, matched(individual)]
    return {rule.label: rule for rule in [*rules, *(rule.approximation() for rule in rules)]}
