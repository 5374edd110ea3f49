"""Finite-size scaling: whether data of several sizes fall on one curve, and at which exponents.

    a(rho, l) = l^(zeta/nu) F(l^(1/nu) (rho - rho_c))

a is what was measured at the control parameter rho in a system of linear size l (for N particles in
d dimensions l = N^(1/d)); rho_c, nu and zeta are sought, F is any smooth function. zeta = -beta for
an order parameter, zeta = nu_parallel for a relaxation time, with nu = nu_perp.

    scaledata, quality, autoscale    the three verbs of pyfssa (A. Sorge, 2015), which this module succeeds
    measured                         activity and relaxation time of every run of a sweep
    Data                             measurements: means with errors, or single runs; any grid for each size
    collapse                         minimise S; errors by curvature or by a bootstrap over runs; several observables
    gaussian_process                 maximise the marginal likelihood, with F a Gaussian process (Harada 2011)
    centre, windows, best_of         the same fit in a window around its result, in several windows, from several starts
    exponents, compare, apart        Manna, directed percolation, mean field, percolation: which scales the data best
    redrawn, bootstrap               data with their runs drawn anew, and anything computed from them

Which error to trust. The chapter "Testing the tool on known answers" fits 800 synthetic data sets
with known exponents and shows how often intervals cover the truth. Where the
errors of the points are known, those by curvature, by bootstrap and of the Gaussian process all do
as they say. Where each point has the error that the scatter of its own 4 or 8 runs gives, none
does: intervals are too short by up to a factor of two, those of the Gaussian process least. Pool
the scatter over points. All of it is where the model holds: points lie close enough for straight
lines between neighbours, and corrections to scaling are smaller than the errors. Where it does not
hold, no error bar knows of it; `windows` shows.

Sources: J. Houdayer, A. K. Hartmann, Phys. Rev. B 70, 014418 (2004), the quality S; K. Harada,
Phys. Rev. E 84, 056704 (2011), Gaussian processes; W. Spendley, G. R. Hext, F. R. Himsworth,
Technometrics 4, 441 (1962), and J. A. Nelder, R. Mead, Comput. J. 7, 308 (1965), errors from a
simplex.
"""

from mpack.scaling.classes import Exponents, exponents
from mpack.scaling.comparison import Comparison, apart, best_of, centre, compare, windows
from mpack.scaling.data import Data, TooLittleData
from mpack.scaling.fits import autoscale, collapse
from mpack.scaling.gaussian import gaussian_process
from mpack.scaling.law import ScaledData, quality, scaledata
from mpack.scaling.resampling import bootstrap, redrawn
from mpack.scaling.results import Fit
from mpack.scaling.runs import measured

__all__ = [
    "Comparison",
    "Data",
    "Exponents",
    "Fit",
    "ScaledData",
    "TooLittleData",
    "apart",
    "autoscale",
    "best_of",
    "bootstrap",
    "centre",
    "collapse",
    "compare",
    "exponents",
    "gaussian_process",
    "measured",
    "quality",
    "redrawn",
    "scaledata",
    "windows",
]
