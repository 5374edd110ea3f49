"""Functions beside the main road: whatever they are given, a finite answer, or a refusal in words that names it."""

import warnings

import doors
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mpack
from mpack import kicks, sizes
from mpack._check import sound


@pytest.mark.parametrize("name", doors.CALLS)
def test_what_is_right_has_an_answer(name):
    function, arguments = doors.CALLS[name]
    assert doors.finite(function(**arguments)) or name in doors.WITHOUT


@pytest.mark.slow
@pytest.mark.parametrize("name", doors.CALLS)
@given(st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_what_is_wrong_is_refused(name, data):
    """One or two arguments are anything. Warnings are errors here: nothing overflows on the quiet."""
    function, arguments = doors.CALLS[name]
    keys = data.draw(st.lists(st.sampled_from(sorted(arguments)), min_size=1, max_size=2))
    changed = {key: doors.BAD[data.draw(st.integers(0, len(doors.BAD) - 1))] for key in keys}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            answer = function(**{**arguments, **changed})
        except (ValueError, TypeError) as refusal:
            assert any(word in str(refusal) for word in doors.WORDS), refusal
        else:
            assert doors.finite(answer) or name in doors.WITHOUT


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("limiting.gradient_noise", {"X": [[]], "y": [1.0]}, "X must hold"),
        ("limiting.data_covariance", {"X": [[]], "y": [1.0]}, "X must hold"),
        ("limiting.linear_moments", {"curvature": [], "noise_variance": []}, "curvature must hold"),
        ("limiting.linear_displacement", {"curvature": [], "noise_variance": []}, "must hold"),
        ("limiting.position_spectrum", {"h": [], "noise_variance": [1.0, 1.0]}, "h must hold"),
        ("limiting.position_spectrum", {"noise_variance": [1.0] * 9}, "have the shape of h"),
        ("limiting.position_spectrum", {"omega": np.ones((2, 2, 2))}, "omega must have shape"),
        ("limiting.spectral_peak", {"eta": 10**30, "h": 1e300}, "h must be finite"),
    ],
)
def test_two_wrong_ones_are_refused_in_words(name, wrong, said):
    """Pairs of wrong arguments that once were refused in numpy's words, or not at all."""
    function, arguments = doors.CALLS[name]
    with pytest.raises(ValueError, match=said):
        function(**{**arguments, **wrong})


def test_balls_as_large_as_the_box_together():
    """phi = n: one ball would cover it, and independent ones miss no point; the limit of phi < n."""
    from mpack import manifolds

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert manifolds.random_error(n=2, phi=2.0) == 0.5
        assert abs(manifolds.random_error(n=2, phi=2.0 - 1e-9) - 0.5) < 1e-9


def test_nothing_leaves_a_checked_exit_that_is_no_number():
    assert sound(lambda x: x)(3.0) == 3.0
    for wrong in (lambda x: x / 0, lambda x: x * np.inf, lambda x: (1.0, np.array([x, np.nan]))):
        with pytest.raises(ValueError, match="^x must be such that .* has a finite value"):
            sound(wrong)(2.0)
    with pytest.raises(KeyError):
        sound({}.__getitem__)(1)


# ------------------------------------------------------------------------------------------------
# single ones

APART = [[0.0, 0.0], [5.0, 5.0]]


@pytest.mark.parametrize(
    "rule",
    [
        *(
            mpack.PairwiseBRO(eps=0.1),
            mpack.NonreciprocalBRO(eps=0.1),
            mpack.IndividualBRO(eps=0.1),
        ),
        *(mpack.SGD(alpha=0.1, batch_size=2), mpack.RCD(alpha=0.1, batch_size=2)),
        *(mpack.SGD(alpha=0.1, batch_fraction=0.5), mpack.RCD(alpha=0.1, batch_fraction=0.5)),
    ],
    ids=str,
)
def test_spheres_that_do_not_touch_do_not_move(rule):
    mean, covariance = kicks.moments(APART, rule)
    assert mean.shape == (2, 2) and not mean.any()
    assert covariance.shape == (4, 4) and not covariance.any()
    assert kicks.push_matrix(APART, rule).shape == (4, 0)
    assert not kicks.draw(APART, rule, 3, 1).any()
    assert kicks.compare(APART, rule, 3, 1).agrees


def test_as_many_draws_as_memory_holds():
    with pytest.raises(ValueError, match=r"samples must be an integer in \[1, 250000000\]"):
        kicks.draw(APART, mpack.PairwiseBRO(eps=0.1), 10**12, 1)
    with pytest.raises(ValueError, match="positions must differ"):
        kicks.moments([[1.0, 1.0], [1.0, 1.0]], mpack.PairwiseBRO(eps=0.1))


@pytest.mark.parametrize("of", [sizes.polydispersity_of, sizes.skewness_of])
def test_sizes_of_nothing_have_no_spread(of):
    for none in ([], [0.0, 1.0], [-1.0, 1.0]):
        with pytest.raises(ValueError, match="diameters must be at least one, all > 0"):
            of(none)
