"""Calls of the functions beside the main road, each with arguments that are right, and values that may be none."""

import dataclasses

import numpy as np

import mpack
from mpack import (
    contrastive,
    critical,
    ellipsoids,
    kicks,
    known_answers,
    landscape,
    limiting,
    manifolds,
    observables,
    sizes,
    structure,
)

PACKING = mpack.Packing.random(n=12, phi=0.4, dim=2, seed=1)
BODIES = mpack.Packing.random(n=12, phi=0.3, dim=2, seed=1, axes=(1.5, 1.0))
RULE = mpack.PairwiseBRO(eps=0.1)
CLUSTER = [[0.0, 0.0], [0.5, 0.0], [0.2, 0.6]]
DRAWN = kicks.draw(CLUSTER, RULE, 50, 1)
MEAN, COVARIANCE = kicks.moments(CLUSTER, RULE)
RNG = np.random.default_rng(1)
X, Y = RNG.normal(size=(40, 2)), RNG.normal(size=40)
MODEL = limiting.LinearRegressionSGD(eta=0.1, beta=0.5, batch_size=8, spectrum=[1.0, 2.0])
TIMES, ACTIVITY = np.arange(200), 0.3 + 0.01 * RNG.normal(size=200)
PHI = np.linspace(0.60, 0.66, 7)
WAVES = np.linspace(0.3, 0.9, 5)
THETA = RNG.normal(size=(24, 30))
IMAGES, VIEWS = RNG.random((4, 16)), RNG.normal(size=(5, 2, 3))
SGD = {"eta": 0.1, "beta": 0.5}

# name -> (function, arguments); those with an underscore in front are left alone
CALLS = {
    "kicks.draw": (kicks.draw, dict(positions=CLUSTER, dynamics=RULE, samples=3, seed=1)),
    "kicks.copies": (kicks.copies, dict(positions=CLUSTER, count=3, spacing=4.0, diameters=1.0)),
    "kicks.moments": (kicks.moments, dict(positions=CLUSTER, dynamics=RULE, diameters=1.0)),
    "kicks.push_matrix": (kicks.push_matrix, dict(positions=CLUSTER, dynamics=RULE)),
    "kicks.numbers": (kicks.numbers, dict(dynamics=RULE, count=3)),
    "kicks.entrywise": (
        kicks.entrywise,
        dict(samples=DRAWN, mean=MEAN, covariance=COVARIANCE, false_alarm=0.01, power=0.9),
    ),
    "kicks.threshold": (kicks.threshold, dict(false_alarm=0.01, entries=3)),
    "kicks.detectable": (kicks.detectable, dict(limit=3.0, power=0.9)),
    "sizes.bidisperse": (sizes.bidisperse, dict(n=10, ratio=1.4, fraction=0.5)),
    "sizes.uniform": (sizes.uniform, dict(n=10, polydispersity=0.1, seed=1)),
    "sizes.lognormal": (sizes.lognormal, dict(n=10, polydispersity=0.1, seed=1)),
    "sizes.polydispersity_of": (sizes.polydispersity_of, dict(diameters=[1.0, 1.2])),
    "sizes.skewness_of": (sizes.skewness_of, dict(diameters=[1.0, 1.2, 0.7])),
    "manifolds.cap_fraction": (manifolds.cap_fraction, dict(h=0.3, dim=3)),
    "manifolds.overlap_volume": (manifolds.overlap_volume, dict(r=0.7, dim=3, a=1.0, b=0.8)),
    "manifolds.two_class_error": (manifolds.two_class_error, dict(r=0.7, dim=3, a=1.0, b=0.8)),
    "manifolds.random_error": (manifolds.random_error, dict(n=10, phi=0.4)),
    "manifolds.pair_error": (manifolds.pair_error, dict(packing=PACKING)),
    "manifolds.bayes_error": (manifolds.bayes_error, dict(packing=PACKING, samples=50, seed=1)),
    "manifolds.transfer_error": (
        manifolds.transfer_error, dict(packing=PACKING, trained=PACKING, samples=50, seed=1),
    ),
    "manifolds.shifted_error": (manifolds.shifted_error, dict(packing=PACKING, sigma=0.1)),
    "manifolds.half_point": (
        manifolds.half_point, dict(n=[10, 20, 30, 40, 50], absorbed=[1, 1, 0, 1, 0], box=20.0),
    ),
    "manifolds.class_separation": (
        manifolds.class_separation, dict(features=IMAGES, labels=[0, 0, 1, 1]),
    ),
    "manifolds.mean_refitted": (manifolds.mean_refitted, dict(r=[0.3, 0.9], sigma=0.1, dim=3)),
    "manifolds.mean_fixed": (manifolds.mean_fixed, dict(r=[0.3, 0.9], sigma=0.1, dim=3)),
    "known_answers.percolation": (known_answers.percolation, dict(edge=4, p=0.5, runs=2, seed=1)),
    "known_answers.sandpile": (
        known_answers.sandpile, dict(edge=4, grains=20, steps=5, runs=2, seed=1),
    ),
    "known_answers.directed_percolation": (
        known_answers.directed_percolation, dict(edge=4, p=0.4, steps=5, runs=2, seed=1),
    ),
    "known_answers.mari_kurchan": (
        known_answers.mari_kurchan,
        dict(spheres=6, phi=0.3, steps=3, runs=2, seed=1, alpha=1.0, batch_fraction=0.2),
    ),
    "known_answers.contact_process": (
        known_answers.contact_process, dict(sites=8, rate=1.5, steps=5, runs=2, rng=1, rest=0.1),
    ),
    "known_answers.absorbed_after": (known_answers.absorbed_after, dict(activity=[[0.1, 0.0]])),
    "known_answers.CompleteGraph": (known_answers.CompleteGraph, dict(sites=20, rate=1.5)),
    "contrastive.Augmentation": (contrastive.Augmentation, dict(shift=1.0, turn=0.1, grain=0.1)),
    "contrastive.views": (
        contrastive.Augmentation().views, dict(images=IMAGES, count=2, seed=1, step=0),
    ),
    "contrastive.NTXent": (contrastive.NTXent, dict(temperature=0.5)),
    "contrastive.NTXent.value": (contrastive.NTXent().value_and_gradient, dict(Z=VIEWS)),
    "contrastive.PackingLoss.value": (contrastive.PackingLoss().value_and_gradient, dict(Z=VIEWS)),
    "contrastive.linear_probe": (
        contrastive.linear_probe,
        dict(features=IMAGES, labels=[0, 0, 1, 1], test_features=IMAGES, test_labels=[0, 0, 1, 1]),
    ),
    "limiting.LinearRegressionSGD": (
        limiting.LinearRegressionSGD,
        dict(**SGD, batch_size=8, spectrum=[1.0, 2.0], sigma=1.0, weight_decay=0.1, optimum=[1, 2]),
    ),
    "limiting.mean": (MODEL.mean, dict(t=[0.0, 2.0], theta0=[1.0, 1.0])),
    "limiting.discrete_mean": (MODEL.discrete_mean, dict(k=[0, 2], theta0=[1.0, 1.0])),
    "limiting.covariance": (MODEL.covariance, dict(t=[0.0, 2.0])),
    "limiting.discrete_covariance": (MODEL.discrete_covariance, dict(k=[0, 2])),
    "limiting.autocorrelation": (MODEL.autocorrelation, dict(k=[0, 2])),
    "limiting.slope": (MODEL.slope, dict(k=[1, 2])),
    "limiting.loss": (MODEL.loss, dict(theta=[1.0, 2.0])),
    "limiting.density": (MODEL.density, dict(z=[1.0, 2.0, 0.0, 0.0])),
    "limiting.current": (MODEL.current, dict(z=[1.0, 2.0, 0.0, 0.0])),
    "limiting.global_displacement": (MODEL.global_displacement, dict(k=[1, 2])),
    "limiting.gradient_noise": (limiting.gradient_noise, dict(X=X, y=Y, weight_decay=0.1)),
    "limiting.data_covariance": (
        limiting.data_covariance, dict(X=X, y=Y, **SGD, batch_size=8, weight_decay=0.1),
    ),
    "limiting.linear_displacement": (
        limiting.linear_displacement,
        dict(k=[1, 2], **SGD, curvature=[1.0, 2.0], noise_variance=[1.0, 1.0], age=None),
    ),
    "limiting.linear_displacement with an age": (
        limiting.linear_displacement,
        dict(k=[1, 2], **SGD, curvature=[-1.0, 2.0], noise_variance=[1.0, 1.0], age=3),
    ),
    "limiting.linear_moments": (
        limiting.linear_moments, dict(**SGD, curvature=[1.0, 2.0], noise_variance=[1.0, 1.0]),
    ),
    "limiting.power_law_displacement": (limiting.power_law_displacement, dict(tau=10.0, a=2.0)),
    "limiting.anomalous_exponent": (
        limiting.anomalous_exponent,
        dict(k=np.arange(1, 30), displacement=np.arange(1, 30) ** 1.5, window=0.6),
    ),
    "limiting.autoregression": (limiting.autoregression, dict(theta=THETA)),
    "limiting.discriminant": (limiting.discriminant, dict(theta=THETA, blocks=4)),
    "limiting.propagator": (limiting.propagator, dict(t=[0.0, 1.0], gamma=1.0, omega2=[1.0, 2.0])),
    "limiting.step_matrix": (limiting.step_matrix, dict(**SGD, h=[1.0, 2.0])),
    "limiting.phase_per_step": (limiting.phase_per_step, dict(**SGD, h=[1.0, 20.0])),
    "limiting.position_spectrum": (
        limiting.position_spectrum,
        dict(omega=[0.1, 1.0], **SGD, h=1.0, noise_variance=1.0),
    ),
    "limiting.spectral_peak": (limiting.spectral_peak, dict(**SGD, h=[1.0, 20.0])),
    "limiting.measured_spectrum": (limiting.measured_spectrum, dict(walk=THETA, segment=8)),
    "limiting.highest": (limiting.highest, dict(omega=np.arange(1.0, 9.0), power=[1, 2, 3, 4, 3, 2, 1, 0.5])),
    "limiting.regression_data": (limiting.regression_data, dict(n=20, spectrum=[1.0, 2.0], seed=1)),
    "limiting.run_regression": (
        limiting.run_regression,
        dict(model=MODEL, X=X, y=Y, record=[0, 1, 3], runs=3, seed=1),
    ),
    "critical.steady_activity": (critical.steady_activity, dict(times=TIMES, activity=ACTIVITY)),
    "critical.autocorrelation_time": (critical.autocorrelation_time, dict(x=ACTIVITY)),
    "critical.late_activity": (critical.late_activity, dict(times=TIMES, activity=ACTIVITY)),
    "critical.activity_until": (
        critical.activity_until, dict(times=TIMES, activity=ACTIVITY, until=100.0),
    ),
    "critical.relaxation_time": (
        critical.relaxation_time, dict(times=TIMES, activity=ACTIVITY, f_inf=0.3),
    ),
    "critical.octaves": (critical.octaves, dict(times=TIMES, activity=ACTIVITY, count=3)),
    "critical.octave_limit": (critical.octave_limit, dict(m=[0.3, 0.2, 0.15], ratio=0.5)),
    "critical.last_quiet": (
        critical.last_quiet, dict(phi=PHI, activity=[0, 0, 0, 0.1, 0.2, 0.3, 0.4], threshold=0.1),
    ),
    "critical.divergence": (
        critical.divergence,
        dict(phi=PHI, steps=[10, 20, 40, 90, 200, 500, 600], absorbed=[True] * 6 + [False], reach=0.1),
    ),
    "critical.onset": (
        critical.onset,
        dict(phi=PHI, activity=[0.05, 0.1, 0.14, 0.18, 0.22, 0.25, 0.28], error=[0.01] * 7, beta=0.8),
    ),
    "critical.to_zero": (
        critical.to_zero, dict(x=[1.0, 2.0, 3.0, 4.0], y=[1.0, 1.1, 1.3, 1.5], error=[0.1] * 4, degree=1),
    ),
    "critical.swollen": (critical.swollen, dict(kick=0.01, end=0.64, c=0.3, dim=3)),
    "critical.shrinkage": (
        critical.shrinkage, dict(diameters=[1.0, 1.2], kick=[0.01, 0.02], c=0.3, dim=3),
    ),
    "critical.lineages": (critical.lineages, dict(times=3.0, sizes=2.0, distance=0.1, p=2.0)),
    "critical.finite_size_factor": (critical.finite_size_factor, dict(ratio=2.0, dim=3, nu_perp=0.6)),
    "critical.survival": (critical.survival, dict(steps=[5, 15, 30], absorbed=[True, True, False], at=[10.0, 20.0])),
    "critical.onset_exponent": (
        critical.onset_exponent,
        dict(phi=PHI, activity=[0.05, 0.1, 0.14, 0.18, 0.22, 0.25, 0.28], error=[0.01] * 7),
    ),
    "landscape.averaged_slopes": (landscape.averaged_slopes, dict(r=0.7, sigma=0.1, dim=3)),
    "ellipsoids.pair_contacts": (ellipsoids.pair_contacts, dict(packing=BODIES, tolerance=0.1)),
    "ellipsoids.inertia": (ellipsoids.inertia, dict(axes=[0.6, 0.5, 0.4], rotation=1.0)),
    "ellipsoids.nematic_order": (
        ellipsoids.nematic_order,
        dict(packing=BODIES, axis="longest"),
    ),
    "ellipsoids.freedoms": (ellipsoids.freedoms, dict(packing=BODIES)),
    "ellipsoids.excluded_volume": (
        ellipsoids.excluded_volume, dict(axes=[0.6, 0.5, 0.4], other=[0.5, 0.5, 0.5]),
    ),
    "ellipsoids.contact_correlation": (
        ellipsoids.contact_correlation, dict(packing=BODIES, mu_max=1.1, bins=10),
    ),
    "observables.contacts of bodies": (mpack.contacts, dict(packing=BODIES, tolerance=0.6)),
    "observables.gaps of bodies": (
        observables.gaps, dict(packing=BODIES, low=-0.3, high=0.1, bins=10),
    ),
    "observables.touching of bodies": (
        observables.touching, dict(packing=BODIES, windows=[0.0, 0.1]),
    ),
    "observables.flatness of bodies": (
        mpack.flatness, dict(packing=BODIES, sigma=0.01, samples=5, seed=1, rotation=0.5),
    ),
    "ellipsoids.contacts_of": (ellipsoids.contacts_of, dict(packing=BODIES, pairs=[[0, 1], [1, 5]])),
    "observables.held_gaps of bodies": (
        observables.held_gaps, dict(packing=BODIES, window=0.05, high=0.1),
    ),
    "ellipsoids.turning": (
        ellipsoids.turning, dict(before=BODIES, after=BODIES, axis="shortest"),
    ),
    "ellipsoids.turnings": (
        ellipsoids.turnings, dict(packings=[BODIES, BODIES], axis="longest"),
    ),
    "ellipsoids.turned_by": (ellipsoids.turned_by, dict(before=BODIES, after=BODIES)),
    "structure.pair_correlation": (mpack.pair_correlation, dict(packing=PACKING, r_max=1.5, bins=10)),
    "structure.structure_factor": (mpack.structure_factor, dict(packing=PACKING, q_max=6.0)),
    "structure.correlated_waves": (
        structure.correlated_waves,
        dict(q=[0.1, 0.5], correlation=-0.5, plateau=0.02, chi=1.0, dim=3, biased=True, r=0.9),
    ),
    "structure.long_waves": (
        structure.long_waves,
        dict(groups=[(WAVES, 0.01 + WAVES**2 + RNG.random((3, 5)), [9] * 5)], q_max=0.9, q_min=0.1, scatter=None),
    ),
}  # fmt: skip

BAD = [
    *(None, True, "x", b"x", [], {}, object(), print, 1j, float("nan"), float("inf"), -float("inf")),
    *(0, -1, 1, 2, 0.5, -0.5, 1e-300, 5e-324, 1e300, 1e200, -1e300, 10**30, 2**63, 2**64, 1e-120),
    *(np.float64("nan"), np.array(3.0), np.array([]), np.array([1.0]), np.array([1.0, np.nan])),
    *([1.0, 1.0], [0.0, 0.0], [1e300, -1e300], [[1.0]], [[]], [None, 1.0], ["a"], np.ones((2, 2, 2))),
    *(np.array([1, 2, 3]), np.array([0.3, 0.2, 0.1]), PACKING, RULE, np.zeros((3, 2)), [1e200] * 7),
    *([0.0] * 7, [1e-300] * 7, np.zeros(200), np.full(200, 0.3), [5] * 7, np.zeros((24, 30))),
    *(np.zeros((4, 16)), np.zeros((5, 2, 3)), np.full((5, 2, 3), 1e200), np.zeros((40, 2))),
]  # fmt: skip

# What has a place for "none" in its answer, and says so: no oscillation, no relaxation, no bracket,
# no particle that is held.
WITHOUT = {
    "limiting.anomalous_exponent": "error",
    "limiting.phase_per_step": "",
    "critical.steady_activity": "tau",
    "critical.relaxation_time": "steps",
    "critical.last_quiet": "low",
    "critical.survival": "",
    "observables.contacts of bodies": "",
    "observables.touching of bodies": "",
}
WORDS = ("must", "give", "need", "hold", "vanish", "moves", "do not", "no stationary")


def finite(answer, depth=0):
    if isinstance(answer, (float, np.floating)):
        return bool(np.isfinite(answer))
    if isinstance(answer, np.ndarray):
        return answer.dtype.kind not in "fc" or bool(np.isfinite(answer).all())
    if isinstance(answer, (tuple, list)):
        return all(finite(one, depth + 1) for one in answer)
    if dataclasses.is_dataclass(answer) and depth < 2:
        values = [getattr(answer, field.name, 0) for field in dataclasses.fields(answer)]
        return all(finite(value, depth + 1) for value in values)
    return True
