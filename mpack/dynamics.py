"""The rules: biased random organization, stochastic gradient descent, and their stochastic approximations.

In a step every active particle i (one with at least one overlap) is displaced, all from the same
configuration. With n_ij the unit vector from j to i, U the pair potential, r_ij the separation and
all lengths in mean diameters:

    PairwiseBRO       eps sum_j u_ij n_ij                u_ij = u_ji ~ U[0, 1]
    NonreciprocalBRO  the same                           u_ij and u_ji independent
    IndividualBRO     eps u_i sum_j n_ij                 u_i ~ U[0, 1]
    SGD               -alpha sum_j theta_ij dU_ij/dx_i   theta_ij = theta_ji ~ Bernoulli(b_f)
    RCD               -alpha theta_i sum_j dU_ij/dx_i    theta_i ~ Bernoulli(b_f)

Gradient descent is SGD (or RCD: the same process, bit for bit) at b_f = 1. With `batch_size=B`
exactly B of the active pairs (SGD) or active particles (RCD) are drawn without replacement.

Source: Zhang and Martiniani, "Absorbing state dynamics of stochastic gradient descent",
arXiv:2411.11834, Eqs. 1-6 and A1-A13 (names of version 2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from mpack import _check
from mpack.potentials import Linear, Potential

LARGEST_STEP = 1e9  # mean diameters; far beyond sense, and well inside what the arithmetic holds


@dataclass(frozen=True)
class Recipe:
    """A rule as the step kernel takes it: push = scale * force * (number of the pair) * (number of the particle).

    `pair` and `particle` say how those numbers are drawn: "one", "uniform", "bernoulli", "gaussian"
    or "batch".

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
    reciprocal: bool = True
    mean: float = 0.0
    spread: float = 0.0
    fraction: float = 1.0
    batch: int = 0


class Dynamics:
    """What all dynamics share: a name, `approximation()` and the recipe of the step.

    Examples
    --------
    >>> import mpack
    >>> mpack.SGD(alpha=0.1, batch_fraction=0.5).label
    'SGD'
    """

    @property
    def label(self) -> str:
        """The process in the words of the book: "SGD", "GD" (b_f = 1), "BRO", "individual BRO approximation"."""
        return process_label(
            type(self).__name__, batch_fraction=getattr(self, "batch_fraction", None)
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
            independent Gaussian a pair (or particle) has that covariance.

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


@dataclass(frozen=True)
class PairwiseBRO(_BRO):
    """Pairwise biased random organization: x_i += eps sum_j u_ij n_ij, u_ij = u_ji ~ U[0, 1] (Eq. 1).

    Each overlapping pair is pushed apart along its centre line, both ends by the same random
    amount, so the centre of mass never moves.

    Parameters
    ----------
    eps : float
        Kick size, in mean diameters; > 0.

    Raises
    ------
    ValueError, TypeError
        If `eps` is no finite number in (0, 1e9].

    Examples
    --------
    >>> import mpack
    >>> packing = mpack.Packing.random(n=100, phi=0.5, dim=2, seed=1)
    >>> run = mpack.simulate(packing, mpack.PairwiseBRO(eps=0.1), steps=10, seed=2)
    >>> run.digest
    'f9949eb5bb25787adbf35158b3d9bffd'
    """

    def recipe(self, gaussian: bool = False) -> Recipe:
        """The step: 2 eps times the linear force, one number a pair for both partners.

        Examples
        --------
        >>> import mpack
        >>> recipe = mpack.PairwiseBRO(eps=0.1).recipe()
        >>> recipe.scale, recipe.pair, recipe.reciprocal
        (0.2, 'uniform', True)
        """
        pair, parameters = self._noise(gaussian)
        return Recipe(scale=2.0 * self.eps, pair=pair, **parameters)


@dataclass(frozen=True)
class NonreciprocalBRO(_BRO):
    """Pairwise biased random organization with independent kicks at the two ends: u_ij and u_ji ~ U[0, 1] apart.

    The mean and covariance of a particle's displacement are those of `PairwiseBRO`; the centre of
    mass wanders.

    Parameters
    ----------
    eps : float
        Kick size, in mean diameters; > 0.

    Raises
    ------
    ValueError, TypeError
        If `eps` is no finite number in (0, 1e9].

    Examples
    --------
    >>> import mpack
    >>> mpack.NonreciprocalBRO(eps=0.1).recipe().reciprocal
    False
    """

    def recipe(self, gaussian: bool = False) -> Recipe:
        """The step: 2 eps times the linear force, a number a pair for each partner."""
        pair, parameters = self._noise(gaussian)
        return Recipe(scale=2.0 * self.eps, pair=pair, reciprocal=False, **parameters)


@dataclass(frozen=True)
class IndividualBRO(_BRO):
    """Individual-particle biased random organization: x_i += eps u_i sum_j n_ij, u_i ~ U[0, 1] (Eq. A1).

    One random number scales the whole push of a particle, so the noise points along the net push
    alone.

    Parameters
    ----------
    eps : float
        Kick size, in mean diameters; > 0.

    Raises
    ------
    ValueError, TypeError
        If `eps` is no finite number in (0, 1e9].

    Examples
    --------
    >>> import mpack
    >>> mpack.IndividualBRO(eps=0.1).recipe().particle
    'uniform'
    """

    def recipe(self, gaussian: bool = False) -> Recipe:
        """The step: 2 eps times the linear force, one number a particle."""
        particle, parameters = self._noise(gaussian)
        return Recipe(scale=2.0 * self.eps, particle=particle, **parameters)


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
        _check.instance(
            "potential", self.potential, Potential, "a potential such as mpack.Harmonic()"
        )

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


@dataclass(frozen=True)
class SGD(_Descent):
    """Stochastic gradient descent on the pair energy, a batch of pairs a step (Eqs. 2, A10).

    x_i -= alpha sum_j theta_ij dU_ij/dx_i, theta_ij = theta_ji ~ Bernoulli(b_f) for each
    interacting pair. The centre of mass never moves. Gradient descent is `batch_fraction=1`.

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

    Raises
    ------
    ValueError, TypeError
        If a number is out of range, if both or neither of batch_fraction and batch_size are given,
        or if the potential is none.

    Examples
    --------
    >>> import mpack
    >>> mpack.SGD(alpha=0.1, batch_fraction=0.5)
    SGD(alpha=0.1, batch_fraction=0.5, batch_size=None, potential=Linear())
    >>> mpack.SGD(alpha=0.1, batch_size=8, potential=mpack.Harmonic()).recipe().batch
    8
    """

    def recipe(self, gaussian: bool = False) -> Recipe:
        """The step: alpha times the force, a batch of pairs."""
        pair, parameters = self._noise(gaussian)
        return Recipe(scale=self.alpha, potential=self.potential, pair=pair, **parameters)


@dataclass(frozen=True)
class RCD(_Descent):
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

    def recipe(self, gaussian: bool = False) -> Recipe:
        """The step: alpha times the force, a batch of particles."""
        particle, parameters = self._noise(gaussian)
        return Recipe(scale=self.alpha, potential=self.potential, particle=particle, **parameters)


@dataclass(frozen=True)
class Approximation(Dynamics):
    """The stochastic approximation of a dynamics: its random numbers replaced by Gaussians of like mean and variance.

    PairwiseBRO    x_i += eps sum_j (1/2) n_ij (1 + xi_ij / sqrt 3)                            (Eq. 4)
    IndividualBRO  x_i += eps (1/2) sum_j n_ij (1 + xi_i / sqrt 3)                             (Eq. A3)
    SGD            x_i -= alpha sum_j dU_ij/dx_i (b_f + sqrt(b_f - b_f**2) xi_ij)              (Eqs. 6, A13)
    RCD            x_i -= alpha sum_j dU_ij/dx_i (b_f + sqrt(b_f - b_f**2) xi_i)               (Eq. A8)

    with one standard Gaussian xi a pair (xi_ij = xi_ji, but independent for NonreciprocalBRO) or a
    particle.

    Parameters
    ----------
    of : Dynamics
        The dynamics approximated; not itself an approximation.

    Raises
    ------
    ValueError, TypeError
        If `of` is no dynamics, an approximation already, or draws batches of exactly B.

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
}


def process_label(
    rule: str, approximation: bool = False, batch_fraction: float | None = None
) -> str:
    """The name that the book gives a process, from what a sweep's table says of its dynamics.

    Parameters
    ----------
    rule : str
        Name of a class of this module: "PairwiseBRO", "NonreciprocalBRO", "IndividualBRO", "SGD",
        "RCD".
    approximation : bool
        True for its stochastic approximation.
    batch_fraction : float, optional
        b_f of SGD and RCD: at 1 both are gradient descent, "GD".

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
    """
    name = "GD" if batch_fraction == 1 else _LABELS[_check.choice("rule", rule, tuple(_LABELS))]
    return f"{name} approximation" if approximation else name


MATCHED_FRACTION = (
    0.75  # b_f at which Bernoulli noise has the ratio of variance to squared mean of U[0, 1]: 1/3
)


def matched(dynamics: Dynamics) -> Dynamics:
    """The partner whose stochastic approximation is the same process: b_f = 3/4 and alpha = eps / b_f = 4 eps / 3.

    PairwiseBRO(eps) <-> SGD(4 eps / 3, 3/4) and IndividualBRO(eps) <-> RCD(4 eps / 3, 3/4);
    approximations likewise. Mean: alpha b_f / 2 = eps / 2. Variance over squared mean: (1 - b_f) /
    b_f = 1/3, that of U[0, 1].

    Parameters
    ----------
    dynamics : PairwiseBRO, IndividualBRO, SGD or RCD, or an approximation of one of them
        SGD and RCD need batch_fraction 3/4 and the linear potential.

    Returns
    -------
    Dynamics

    Raises
    ------
    ValueError
        If there is no partner: NonreciprocalBRO, another b_f or potential, a batch of exactly B.
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
    descents = {PairwiseBRO: SGD, IndividualBRO: RCD}
    organizations = {descent: organization for organization, descent in descents.items()}
    if isinstance(dynamics, _BRO) and type(dynamics) in descents:
        alpha = dynamics.eps / MATCHED_FRACTION
        return descents[type(dynamics)](alpha=alpha, batch_fraction=MATCHED_FRACTION)
    if isinstance(dynamics, _Descent) and type(dynamics) in organizations:
        if dynamics.batch_fraction == MATCHED_FRACTION and dynamics.potential == Linear():
            return organizations[type(dynamics)](eps=dynamics.alpha * MATCHED_FRACTION)
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
