"""The limiting dynamics of SGD: what stochastic gradient descent does after it has converged.

Stochastic gradient descent with momentum on linear regression, as an underdamped Langevin equation
and as the exact recursion it is. Source: Kunin, Sagastuy-Brena, Gillespie, Margalit, Tanaka,
Ganguli, Yamins, "The limiting dynamics of SGD: modified loss, phase-space oscillations, and
anomalous diffusion", Neural Computation 36, 151 (2024), arXiv:2107.09133; the discrete results are
derived in the chapter and checked in the tests.

Convention (Kunin et al.): v' = beta v - g_B(theta), theta' = theta + eta v', time t = eta k after k
steps. Parameters, losses and gradients are dimensionless. One mode is an eigenvector of the Hessian
H.

    LinearRegressionSGD     everything known in closed form about one choice of hyperparameters
    regression_data         a data set whose Hessian and gradient noise are known to rounding
    run_regression          an ensemble of real mini-batch runs
    linear_displacement     mean-square displacement for measured curvatures and noise (a network)
    linear_moments          stationary moments for the same
    anomalous_exponent      the exponent of a mean-square displacement, with its error
    autoregression          momentum and curvature read off a stationary run
    discriminant            whether a mode oscillates, measured
    phase_per_step          how fast it does, in theory
    position_spectrum       the power spectrum of a mode, and where it peaks: spectral_peak
    measured_spectrum       the same of runs, and where that peaks: highest
    gradient_noise          the Hessian and the noise of given data
    data_covariance         the stationary state on given data, whatever the shape of the noise
"""

from mpack.limiting.data import GradientNoise, data_covariance, gradient_noise
from mpack.limiting.displacement import (
    ExponentFit,
    anomalous_exponent,
    autoregression,
    discriminant,
    linear_displacement,
    linear_moments,
    power_law_displacement,
)
from mpack.limiting.model import LinearRegressionSGD, Stationary
from mpack.limiting.modes import propagator, step_matrix
from mpack.limiting.runs import RegressionRuns, regression_data, run_regression
from mpack.limiting.spectra import (
    highest,
    measured_spectrum,
    phase_per_step,
    position_spectrum,
    spectral_peak,
)

__all__ = [
    "ExponentFit",
    "GradientNoise",
    "LinearRegressionSGD",
    "RegressionRuns",
    "Stationary",
    "anomalous_exponent",
    "autoregression",
    "data_covariance",
    "discriminant",
    "gradient_noise",
    "highest",
    "linear_displacement",
    "linear_moments",
    "measured_spectrum",
    "phase_per_step",
    "position_spectrum",
    "power_law_displacement",
    "propagator",
    "regression_data",
    "run_regression",
    "spectral_peak",
    "step_matrix",
]
