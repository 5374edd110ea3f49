"""mpack: stochastic gradient descent and biased random organization of spheres, exact to the bit.

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
import pkgutil

__version__ = "0.1.0"

# Where each public name lives; modules are imported when first used, so that `import mpack` stays
# quick.
_HOME = {
    "packing": ("Packing",),
    "potentials": ("Linear", "Harmonic", "Hertzian", "WCA", "LennardJones"),
    "dynamics": ("PairwiseBRO", "NonreciprocalBRO", "IndividualBRO", "SGD", "RCD", "matched"),
    "simulation": ("simulate", "snapshots", "Run", "every", "log_spaced"),
    "observables": ("activity", "energy", "contacts", "flatness"),
    "structure": ("structure_factor", "pair_correlation"),
    "specification": ("Spec", "specs"),
    "ensemble": ("sweep", "together"),
}
_NAMES = {name: module for module, names in _HOME.items() for name in names}
_MODULES = {module.name for module in pkgutil.iter_modules(__path__) if module.name[0] != "_"}
__all__ = ["__version__", *sorted(_NAMES)]  # noqa: PLE0604


def __getattr__(name):
    if name in _NAMES:
        value = getattr(importlib.import_module(f"mpack.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f"mpack.{name}")
    raise AttributeError(f"module 'mpack' has no attribute {name!r}")


def __dir__():
    return sorted(set(__all__) | _MODULES)
