"""Two spheres alone: the closed forms of rule and equation against the engine, the waiting time and each other."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import mpack
from mpack import kicks, two_spheres

GAP = 0.28
gaps = st.floats(0.05, 1.0)
fractions = st.floats(0.02, 0.9)  # of the gap: kick sizes


@pytest.mark.parametrize("steps", [0, 1, 4, 7, 12])
def test_the_rule_is_what_the_engine_does(seed, steps):
    """Each average of 8,000 pairs within five standard errors: a false alarm in 10^5 runs or so."""
    start = kicks.copies(np.array([[0.0, 0.0, 0.0], [1 - GAP, 0.0, 0.0]]), 8_000, spacing=2.5)
    run = mpack.simulate(start, mpack.PairwiseBRO(eps=0.05), steps=steps, seed=seed)
    count = start.n // 2
    exact = two_spheres.bro(0.05, GAP, steps)
    way = 2 * np.linalg.norm(mpack.observables.displacements(run), axis=1)[::2]
    left = np.maximum(GAP - way, 0)
    for measured, expected in zip((left > 0, left / 2, way**2 / 4), exact, strict=True):
        error = measured.std() / count**0.5
        assert measured.mean() == pytest.approx(expected, abs=5 * error + 1e-12)
    assert run.activity[-1] == pytest.approx((left > 0).mean())
    assert run.msd[-1] == pytest.approx((way**2 / 4).mean())


@settings(max_examples=30)
@given(gaps, fractions, st.floats(0.01, 5.0))
def test_the_survival_is_that_of_the_inverse_gaussian(gap, fraction, time):
    eps = fraction * gap
    waiting = stats.invgauss(eps / 3 / gap, scale=gap**2 / (eps / 3))
    assert two_spheres.diffusion(eps, gap, time).activity == pytest.approx(
        waiting.sf(time), abs=1e-8
    )


@pytest.mark.slow
@pytest.mark.parametrize(("gap", "fraction"), [(1.0, 0.9), (0.3, 0.3), (0.28, 0.08)])
def test_all_is_over_in_the_end(gap, fraction):
    """The equation stops on the border, the rule beyond it, on average by 2 eps/3."""
    eps = fraction * gap
    end = two_spheres.diffusion(eps, gap, 100.0)
    assert (end.activity, end.energy) == pytest.approx((0, 0), abs=1e-12)
    assert end.msd == pytest.approx(gap**2 / 4)
    over = two_spheres.bro(eps, gap, math.ceil(2 * gap / eps) + 25)
    assert over.activity < 1e-9
    assert gap**2 / 4 < over.msd < (gap + 2 * eps) ** 2 / 4
    if fraction < 0.1:
        assert over.msd == pytest.approx((gap + 2 * eps / 3) ** 2 / 4, rel=2 * fraction**2)


@pytest.mark.parametrize(("gap", "fraction"), [(1.0, 0.9), (0.3, 0.3), (0.28, 0.03)])
def test_wald_for_the_equation(gap, fraction):
    """2 <U> = g - <min(t, tau)>, the integral of the survival: drift one, and no overshoot."""
    eps = fraction * gap
    times = np.linspace(0, gap, 200)[1:]
    survival = [1.0, *(two_spheres.diffusion(eps, gap, time).activity for time in times)]
    spent = np.trapezoid(survival, [0.0, *times])
    assert 2 * two_spheres.diffusion(eps, gap, gap).energy == pytest.approx(gap - spent, abs=2e-3)


@pytest.mark.slow
def test_the_kink_costs_the_activity_half_an_order():
    steps = np.array([28, 56])
    errors = np.array(
        [
            np.subtract(
                two_spheres.bro(GAP / k, GAP, int(k)), two_spheres.diffusion(GAP / k, GAP, GAP)
            )
            for k in steps
        ]
    )
    orders = np.log2(np.abs(errors[0] / errors[1]))
    assert orders == pytest.approx([0.5, 1.5, 1.0], abs=0.02)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: two_spheres.bro(0.3, 0.28, 4), "eps"),
        (lambda: two_spheres.bro(1e-5, 0.28, 4), "eps"),
        (lambda: two_spheres.bro(0.05, 0.0, 4), "gap"),
        (lambda: two_spheres.bro(0.05, 1.5, 4), "gap"),
        (lambda: two_spheres.bro(0.05, 0.28, 1001), "steps"),
        (lambda: two_spheres.bro(0.05, 0.28, -1), "steps"),
        (lambda: two_spheres.diffusion(math.nan, 0.28, 0.28), "eps"),
        (lambda: two_spheres.diffusion(0.05, 0.28, 0.0), "time"),
        (lambda: two_spheres.diffusion(0.05, 0.28, 101.0), "time"),
    ],
)
def test_refusals_name_the_argument(call, said):
    with pytest.raises(ValueError, match=f"^{said} must be"):
        call()
