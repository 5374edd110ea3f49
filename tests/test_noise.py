"""The noise: published vectors, an independent generator in plain Python, and laws at a stated rate.

Every statistical assertion fails for a correct generator with probability 1e-6 or less (|z| < 4.9,
p > 1e-6).
"""

import ast
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mpack._kernels import noise

Z_MAX = 4.9  # two-sided probability 9.6e-7
P_MIN = 1e-6

# Known-answer vectors of Random123 for philox4x32, 10 rounds: counter, key, result.
KNOWN = [
    (
        "00000000 00000000 00000000 00000000",
        "00000000 00000000",
        "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    ),
    (
        "ffffffff ffffffff ffffffff ffffffff",
        "ffffffff ffffffff",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ),
    (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


def words(text):
    return [int(word, 16) for word in text.split()]


def plain_philox(counter, key, rounds=10):
    """Philox4x32 in plain Python integers, written from the paper's definition."""
    x, k = list(counter), list(key)
    for _ in range(rounds):
        high0, low0 = divmod(0xD2511F53 * x[0], 2**32)
        high1, low1 = divmod(0xCD9E8D57 * x[2], 2**32)
        x = [high1 ^ x[1] ^ k[0], low1, high0 ^ x[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return x


def drawn_bits(seed, purpose, step, a, b):
    a, b = np.broadcast_arrays(np.asarray(a, dtype=np.uint64), np.asarray(b, dtype=np.uint64))
    out = np.empty((a.size, 2), dtype=np.uint64)
    key = (np.uint64(seed), np.uint64(purpose), np.uint64(step))
    noise.fill_bits(*key, a.ravel().copy(), b.ravel().copy(), out)
    return out


def drawn(kernel, seed, purpose, step, count):
    out = np.empty(count)
    labels = np.arange(count, dtype=np.uint64)
    kernel(np.uint64(seed), np.uint64(purpose), np.uint64(step), labels, labels + np.uint64(7), out)
    return out


@pytest.mark.parametrize("counter, key, result", KNOWN)
def test_known_answers(counter, key, result):
    arguments = [np.uint64(word) for word in words(counter) + words(key)]
    assert [int(word) for word in noise.philox(*arguments)] == words(result)


@pytest.mark.parametrize("counter, key, result", KNOWN)
def test_the_oracle_itself(counter, key, result):
    assert plain_philox(words(counter), words(key)) == words(result)


word32 = st.integers(0, 2**32 - 1)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(1, 255), st.integers(0, 2**56 - 1), word32, word32)
def test_counter_layout(seed, purpose, step, a, b):
    counter = [a, b, step % 2**32, (step >> 32) | (purpose << 24)]
    r = plain_philox(counter, [seed % 2**32, seed >> 32])
    got = drawn_bits(seed, purpose, step, [a], [b])[0]
    assert [int(word) for word in got] == [r[0] | (r[1] << 32), r[2] | (r[3] << 32)]


def test_garbage_in_upper_halves_does_not_matter():
    clean = [
        np.uint64(word) for word in words("243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0")
    ]
    dirty = [
        word | np.uint64(0xDEADBEEF << 32) if k in (0, 2) else word for k, word in enumerate(clean)
    ]
    assert noise.philox(*clean) == noise.philox(*dirty)


def test_purposes_are_unique_and_fit():
    own = {name: number for name, number in noise.PURPOSES.items() if name not in noise.SHARED}
    numbers = list(own.values())
    assert len(set(numbers)) == len(numbers)
    assert noise.SHARED == {"contrastive": "network"}  # and no other, ever
    assert all(noise.PURPOSES[name] == own[whose] for name, whose in noise.SHARED.items())
    assert all(1 <= number <= 255 for number in numbers)
    for name, number in noise.PURPOSES.items():
        assert int(getattr(noise, name.upper())) == number


def test_purposes_draw_disjoint_numbers():
    labels = np.arange(500)
    numbers = sorted(set(noise.PURPOSES.values()))
    everything = [drawn_bits(1, number, 3, labels, 0).ravel() for number in numbers]
    assert len(np.unique(np.concatenate(everything))) == 1000 * len(everything)


# name: who draws with it. Where two modules are named they are the two halves of one thing: the
# kernel and what calls it, or two ways to one packing's diameters or, of spheres or bodies, to its
# flatness, of which it has one.
USERS = {
    "start": {"packing", "_kernels.page"},
    "pair": {"_kernels.draws"},
    "pair_reverse": {"_kernels.draws"},
    "particle": {"_kernels.steps", "_kernels.bodies"},
    "batch": {"_kernels.draws", "_kernels.steps", "_kernels.bodies"},
    "flatness": {"_kernels.observe", "_kernels.measured_bodies"},
    "sizes": {"sizes", "specification"},
    "regression": {"_kernels.regression", "limiting.runs"},
    "network": {"_kernels.network", "network"},
    "bootstrap": {"scaling"},
    "known_answers": {"_kernels.known_answers"},
    "class_points": {"manifolds"},
    "metropolis": {"scaling"},
    **dict.fromkeys(("pair_tie", "kick"), {"_kernels.draws"}),
    **dict.fromkeys(("direction", "direction_middle", "direction_last"), {"_kernels.draws"}),
    "orientation": {"_bodies", "_kernels.page"},
    "contrastive": {"_kernels.contrastive", "contrastive"},
}


def users():
    """{name: modules of the library that name it}, from their syntax trees."""
    root, found = Path(noise.__file__).parents[1], {name: set() for name in noise.PURPOSES}
    for path in root.rglob("*.py"):
        if path.samefile(noise.__file__):
            continue
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
            named = [node.attr] if isinstance(node, ast.Attribute) else []
            if isinstance(node, ast.ImportFrom) and node.module == "mpack._kernels.noise":
                named = [alias.name for alias in node.names]
            elif named and getattr(node.value, "id", None) != "noise":
                continue
            for name in named:
                if name.lower() in found and name.isupper():
                    found[name.lower()].add(module)
    return found


@pytest.mark.slow
def test_every_purpose_has_one_user():
    found = users()
    assert {"class_points": {"manifolds"}}.items() <= found.items()  # they are found at all
    for name, modules in found.items():
        allowed = [(user, f"{user}.") for user in USERS[name]]  # a module, or one in a package
        strangers = [m for m in modules if not any(m == u or m.startswith(p) for u, p in allowed)]
        assert strangers == [], name


def test_steps_beyond_32_bits_do_not_repeat():
    first = drawn_bits(1, 2, 5, [1], [2])
    later = [drawn_bits(1, 2, 5 + (1 << shift), [1], [2]) for shift in range(20, 56)]
    assert all(not np.array_equal(first, other) for other in later)


def ulps(value, exact):
    return abs(value - exact) / math.ulp(exact) if exact else abs(value) / math.ulp(0.0)


def test_log_is_close_to_libm(seed):
    random = np.random.default_rng(seed)
    points = np.concatenate(
        [
            random.random(20_000),
            2.0 ** random.uniform(-1000, 1000, 20_000),
            1 + random.uniform(-0.3, 0.4, 20_000),
        ]
    )
    for x in points.tolist():
        exact = math.log(x)
        assert abs(noise._log(x) - exact) <= 3 * math.ulp(exact), x
    assert noise._log(1.0) == 0.0


def test_log_at_the_smallest_uniform():
    assert ulps(noise._log(2.0**-53), math.log(2.0**-53)) <= 2


def test_sine_is_close_to_libm(seed):
    points = np.random.default_rng(seed).uniform(-0.5, 0.5, 50_000)
    for t in points.tolist():
        exact = math.sin(math.pi * t)
        assert ulps(noise._sin_pi(t), exact) <= 3, t
    assert noise._sin_pi(0.5) == 1.0
    assert noise._sin_pi(-0.25) == -noise._sin_pi(0.25)


def test_uniform_covers_its_range_and_no_more():
    assert noise.uniform(np.uint64(0)) == 0.0
    assert noise.uniform(np.uint64(2**64 - 1)) == 1.0 - 2.0**-53
    assert noise.uniform(np.uint64(1 << 11)) == 2.0**-53


def test_gaussian_is_finite_at_the_extremes():
    ends = [np.uint64(0), np.uint64(2**64 - 1), np.uint64(2**63)]
    values = [noise.gaussian(a, b) for a in ends for b in ends]
    assert all(math.isfinite(value) and abs(value) < 8.6 for value in values)
    assert noise.gaussian(np.uint64(0), np.uint64(2**64 - 1)) == pytest.approx(
        math.sqrt(106 * math.log(2))
    )


def test_uniform_law(seed):
    sample = drawn(noise.fill_uniform, seed, 2, 11, 1_000_000)
    assert sample.min() >= 0 and sample.max() < 1
    assert stats.chisquare(np.bincount((sample * 1000).astype(int), minlength=1000)).pvalue > P_MIN
    assert stats.kstest(sample[:200_000], "uniform").pvalue > P_MIN


def test_every_bit_is_fair(seed):
    sample = drawn_bits(seed, 4, 3, np.arange(100_000), 1)
    ones = ((sample[:, :, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)).sum(axis=0)
    z = (ones.astype(float) - 50_000) / math.sqrt(25_000)
    assert np.abs(z).max() < stats.norm.isf(P_MIN / 2 / z.size)


def test_gaussian_law(seed):
    sample = drawn(noise.fill_gaussian, seed, 2, 12, 1_000_000)
    n = sample.size
    assert stats.kstest(sample[:200_000], "norm").pvalue > P_MIN
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(sample**power) - mean) < Z_MAX * math.sqrt(variance / n), power
    beyond = np.count_nonzero(np.abs(sample) > 4)
    assert stats.binomtest(beyond, n, 2 * stats.norm.sf(4)).pvalue > P_MIN


@pytest.mark.parametrize("shift", ["label a", "label b", "step", "purpose", "seed"])
def test_neighbouring_counters_are_uncorrelated(seed, shift):
    def gaussians(seed, purpose, step, a, b):
        out = np.empty(a.size)
        noise.fill_gaussian(np.uint64(seed), np.uint64(purpose), np.uint64(step), a, b, out)
        return out

    a, b = np.arange(200_000, dtype=np.uint64), np.full(200_000, 3, dtype=np.uint64)
    base = {"seed": seed, "purpose": 2, "step": 9, "a": a, "b": b}
    name = shift.removeprefix("label ")
    moved = base | {name: base[name] + (np.uint64(1) if name in "ab" else 1)}
    product = np.mean(gaussians(**base) * gaussians(**moved))
    assert abs(product) < Z_MAX / math.sqrt(a.size)


def test_the_statistics_would_notice(seed):
    """Power: a uniform law squeezed by 1 %, a Gaussian 1 % too wide, a bit set in 52 % of draws: all fail."""
    uniform = drawn(noise.fill_uniform, seed, 2, 11, 1_000_000) * 0.99
    assert stats.chisquare(np.bincount((uniform * 1000).astype(int), minlength=1000)).pvalue < P_MIN
    wide = drawn(noise.fill_gaussian, seed, 2, 12, 1_000_000) * 1.01
    assert abs(np.mean(wide**2) - 1) > Z_MAX * math.sqrt(2e-6)
    assert (0.52 - 0.5) / math.sqrt(0.25 / 100_000) > Z_MAX
