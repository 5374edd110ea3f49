"""mpack: stochastic gradient descent and biased random organization of spheres and ellipsoids, exact to the bit.

Reads in the order packing -> dynamics -> simulation -> observables -> structure -> ensemble
-> critical -> scaling. Lengths are in mean diameters.

>>> import mpack
>>> packing = mpack.Packing.random(n=1000, phi=0.62, dim=3, seed=1)
>>> rule = mpack.PairwiseBRO(eps=0.01)
>>> run = mpack.simulate(packing, rule, steps=100, seed=2, record=mpack.every(10))
>>> run.times.tolist()
[0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
>>> run.digest
'bb998d1bb944e27e6a3c219b05dfd476'
"""

import importlib
import os

TYPE_CHECKING = False  # `typing` itself is costly to import; checkers know the name

__version__ = "0.1.0"

# Where each public name lives; modules are imported when first used, so that `import mpack` stays
# quick.
_HOME = {
    "packing": ("Packing",),
    "potentials": ("Linear", "Harmonic", "Hertzian", "WCA", "LennardJones", "Tabulated"),
    "dynamics": (
        *("PairwiseBRO", "NonreciprocalBRO", "IndividualBRO", "RandomOrganization"),
        *("SGD", "RCD", "matched"),
    ),
    "simulation": ("simulate", "snapshots", "Run", "every", "log_spaced"),
    "trajectory": ("frames",),
    "observables": ("activity", "energy", "contacts", "flatness"),
    "structure": ("structure_factor", "pair_correlation"),
    "specification": ("Spec", "specs"),
    "ensemble": ("sweep", "together"),
}
_NAMES = {name: module for module, names in _HOME.items() for name in names}
__all__ = ["__version__", *sorted(_NAMES)]  # noqa: PLE0604

if os.path.exists(f"{__path__[0]}/asyncio.py"):  # of another distribution with the same import name
    importlib.import_module("mpack._namesake").warn()

if TYPE_CHECKING:  # what `__getattr__` gives, for type checkers
    from mpack import contrastive as contrastive
    from mpack import critical as critical
    from mpack import dynamics as dynamics
    from mpack import ellipsoids as ellipsoids
    from mpack import ensemble as ensemble
    from mpack import figures as figures
    from mpack import kicks as kicks
    from mpack import known_answers as known_answers
    from mpack import landscape as landscape
    from mpack import limiting as limiting
    from mpack import manifolds as manifolds
    from mpack import network as network
    from mpack import observables as observables
    from mpack import packing as packing
    from mpack import potentials as potentials
    from mpack import scaling as scaling
    from mpack import simulation as simulation
    from mpack import sizes as sizes
    from mpack import specification as specification
    from mpack import statistics as statistics
    from mpack import structure as structure
    from mpack import trajectory as trajectory
    from mpack import two_spheres as two_spheres
    from mpack import widgets as widgets
    from mpack.dynamics import RCD as RCD
    from mpack.dynamics import SGD as SGD
    from mpack.dynamics import IndividualBRO as IndividualBRO
    from mpack.dynamics import NonreciprocalBRO as NonreciprocalBRO
    from mpack.dynamics import PairwiseBRO as PairwiseBRO
    from mpack.dynamics import RandomOrganization as RandomOrganization
    from mpack.dynamics import matched as matched
    from mpack.ensemble import sweep as sweep
    from mpack.ensemble import together as together
    from mpack.observables import activity as activity
    from mpack.observables import contacts as contacts
    from mpack.observables import energy as energy
    from mpack.observables import flatness as flatness
    from mpack.packing import Packing as Packing
    from mpack.potentials import WCA as WCA
    from mpack.potentials import Harmonic as Harmonic
    from mpack.potentials import Hertzian as Hertzian
    from mpack.potentials import LennardJones as LennardJones
    from mpack.potentials import Linear as Linear
    from mpack.potentials import Tabulated as Tabulated
    from mpack.simulation import Run as Run
    from mpack.simulation import every as every
    from mpack.simulation import log_spaced as log_spaced
    from mpack.simulation import simulate as simulate
    from mpack.simulation import snapshots as snapshots
    from mpack.specification import Spec as Spec
    from mpack.specification import specs as specs
    from mpack.structure import pair_correlation as pair_correlation
    from mpack.structure import structure_factor as structure_factor
    from mpack.trajectory import frames as frames
else:

    def __getattr__(name):
        if name in _NAMES:
            value = getattr(importlib.import_module(f"mpack.{_NAMES[name]}"), name)
            globals()[name] = value
            return value
        if name in _modules():
            return importlib.import_module(f"mpack.{name}")
        raise AttributeError(f"module 'mpack' has no attribute {name!r}")


def _modules() -> set[str]:
    import pkgutil

    return {module.name for module in pkgutil.iter_modules(__path__) if module.name[0] != "_"}


def __dir__() -> list[str]:
    return sorted(set(__all__) | _modules())
