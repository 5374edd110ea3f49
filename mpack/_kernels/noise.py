"""Counter-based noise: Philox4x32-10 and what is made of it.

A random number is a function of (seed, purpose, step, labels) and of nothing else: not of the order
of visits, the number of threads or what was drawn before. The seed is the 64-bit key; the 128-bit
counter is

    word 0, word 1   two 32-bit labels (of a pair: lower, higher; of a particle: label, block)
    word 2           low 32 bits of the step
    word 3           purpose in the top 8 bits, bits 32 to 55 of the step below

so that two uses with different purposes can never meet, whatever seed they share.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11 (2011); the
known-answer vectors of their library Random123 are in the tests.

32-bit words travel in 64-bit lanes: a 32 x 32 -> 64 bit product is then one vector multiply, and
garbage in the upper half of a lane never matters, because the multiply reads the lower half only.
"""

import math

import numpy as np

from mpack._kernels._jit import njit

STREAM_VERSION = (
    1  # changes with any change of the numbers drawn; part of every digest and specification
)

# Every use of the generator has its own number, and every name one user. Never renumber; add at the
# end. The one number that two uses share is in SHARED.
PURPOSES = {
    "start": 1,  # Packing.random: centres
    "pair": 2,  # one number a pair and step: kick, batch membership, Gaussian
    "pair_reverse": 3,  # the higher label's own number in non-reciprocal dynamics
    "particle": 4,  # one number a particle and step
    "batch": 5,  # order of pairs or particles when exactly B are drawn
    "flatness": 6,  # Monte-Carlo perturbations of a configuration
    "sizes": 7,  # diameters drawn from a distribution
    "regression": 8,  # mini-batches and starts of linear regression
    "network": 9,  # mini-batches and starts of neural networks
    "bootstrap": 10,  # resampling of runs
    "known_answers": 11,  # lattice models and synthetic data that the scaling tool is tested on
    "class_points": 12,  # points drawn from classes that are balls
    "metropolis": 13,  # proposals of a chain that samples a posterior
    "pair_tie": 14,  # whether the higher label's number is made of the lower one's
    "kick": 15,  # how far a kick in a random direction goes
    "direction": 16,  # where it goes: the first two coordinates of a Gaussian vector
    "direction_middle": 17,  # the next two
    "direction_last": 18,  # and those in five and six dimensions
    "orientation": 19,  # Packing.random: how bodies are turned
    "contrastive": 9,  # views, orders and starts of contrastive training: see SHARED
}
# name: whose number it has. Contrastive training drew as "network" when results of it were archived,
# and a row of an archive must come out again; the two never meet in one study.
SHARED = {"contrastive": "network"}
(
    START,
    PAIR,
    PAIR_REVERSE,
    PARTICLE,
    BATCH,
    FLATNESS,
    SIZES,
    REGRESSION,
    NETWORK,
    BOOTSTRAP,
    KNOWN_ANSWERS,
    CLASS_POINTS,
    METROPOLIS,
    PAIR_TIE,
    KICK,
    DIRECTION,
    DIRECTION_MIDDLE,
    DIRECTION_LAST,
    ORIENTATION,
    CONTRASTIVE,
) = (np.uint64(number) for number in PURPOSES.values())

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_32, _24, _12, _11 = np.uint64(32), np.uint64(24), np.uint64(12), np.uint64(11)
LAST = 1.0 - 2.0**-53  # the largest uniform number; LAST - u has the law of u, to the bit


@njit(forceinline=True)
def philox(c0, c1, c2, c3, k0, k1):
    """Philox4x32-10 of a counter (four words) under a key (two words); words are uint64 holding 32 bits."""
    for _ in range(10):
        p0 = _M0 * (c0 & _LOW)
        p1 = _M1 * (c2 & _LOW)
        c0 = (p1 >> _32) ^ c1 ^ k0
        c2 = (p0 >> _32) ^ c3 ^ k1
        c1 = p1
        c3 = p0
        k0 = k0 + _W0
        k1 = k1 + _W1
    return c0 & _LOW, c1 & _LOW, c2 & _LOW, c3 & _LOW


@njit(forceinline=True)
def bits(seed, purpose, step, a, b):
    """Two independent 64-bit words for (seed, purpose, step, labels a and b), all uint64."""
    top = ((step >> _32) & np.uint64(0xFFFFFF)) | (purpose << _24)
    r0, r1, r2, r3 = philox(a, b, step & _LOW, top, seed & _LOW, seed >> _32)
    return r0 | (r1 << _32), r2 | (r3 << _32)


@njit(forceinline=True)
def uniform(word):
    """U[0, 1) with 53 bits from a 64-bit word."""
    return float(np.int64(word >> _11)) * 2.0**-53


@njit(forceinline=True)
def _log(x):
    """Natural logarithm of a normal double x > 0, to about 1e-16 relative, by IEEE + - * / alone.

    x = m 2**e with m in [0.707, 1.414); ln m = 2 artanh s, s = (m - 1)/(m + 1), |s| < 0.172, as its
    Taylor series.
    """
    raw = np.float64(x).view(np.int64)
    shifted = raw - np.int64(
        0x3FE6A09E667F3BCD
    )  # bits of sqrt(1/2): exponent then rounds to nearest
    e = shifted >> np.int64(52)
    m = np.int64(raw - (e << np.int64(52))).view(np.float64)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 1.0 / 21.0
    p = p * z + 1.0 / 19.0
    p = p * z + 1.0 / 17.0
    p = p * z + 1.0 / 15.0
    p = p * z + 1.0 / 13.0
    p = p * z + 1.0 / 11.0
    p = p * z + 1.0 / 9.0
    p = p * z + 1.0 / 7.0
    p = p * z + 1.0 / 5.0
    p = p * z + 1.0 / 3.0
    return float(e) * 0.6931471805599453 + (2.0 * s + 2.0 * s * (z * p))


@njit(forceinline=True)
def _sin_pi(t):
    """sin(pi t) for |t| <= 1/2 by its Taylor series, to about 2e-16."""
    x = 3.141592653589793 * t
    z = x * x
    p = -1.0 / 25852016738884976640000.0
    p = p * z + 1.0 / 51090942171709440000.0
    p = p * z - 1.0 / 121645100408832000.0
    p = p * z + 1.0 / 355687428096000.0
    p = p * z - 1.0 / 1307674368000.0
    p = p * z + 1.0 / 6227020800.0
    p = p * z - 1.0 / 39916800.0
    p = p * z + 1.0 / 362880.0
    p = p * z - 1.0 / 5040.0
    p = p * z + 1.0 / 120.0
    p = p * z - 1.0 / 6.0
    return x + x * (z * p)


@njit(forceinline=True)
def gaussian(word_a, word_b):
    """One standard Gaussian from two 64-bit words (Box and Muller, Ann. Math. Stat. 29, 610 (1958)), without libm.

    sqrt(-2 ln u) sin(pi t), u uniform on (0, 1], t on [-1/2, 1/2): sin(pi t) has the law of the
    cosine of a uniform angle. |value| <= 8.6, the cut at 2**-53 of the tail.
    """
    u = (float(np.int64(word_a >> _11)) + 1.0) * 2.0**-53
    t = (float(np.int64(word_b >> _11)) + 0.5) * 2.0**-53 - 0.5
    return math.sqrt(-2.0 * _log(u)) * _sin_pi(t)


@njit(forceinline=True)
def gaussian_pair(word_a, word_b):
    """Two independent standard Gaussians from two 64-bit words (Box and Muller), which are never both zero.

    sqrt(-2 ln u) (sin(pi t), +-cos(pi t)), u uniform on (0, 1), t on [-1/2, 1/2]; the sign is the
    lowest bit of the second word, which t has no use for.
    """
    u = (float(np.int64(word_a >> _12)) + 0.5) * 2.0**-52
    t = (float(np.int64(word_b >> _11)) + 0.5) * 2.0**-53 - 0.5
    radius = math.sqrt(-2.0 * _log(u))
    cosine = _sin_pi(0.5 - (t if t > 0.0 else -t))
    return radius * _sin_pi(t), radius * (cosine if word_b & np.uint64(1) else -cosine)


@njit
def fill_bits(seed, purpose, step, a, b, out):
    """out[m] = the two words of (seed, purpose, step, a[m], b[m]); a, b uint64 (M,), out uint64 (M, 2)."""
    for m in range(a.shape[0]):
        out[m, 0], out[m, 1] = bits(seed, purpose, step, a[m], b[m])


@njit
def fill_uniform(seed, purpose, step, a, b, out):
    """out[m] = U[0, 1) of (seed, purpose, step, a[m], b[m]); from the first word."""
    for m in range(a.shape[0]):
        out[m] = uniform(bits(seed, purpose, step, a[m], b[m])[0])


@njit
def fill_gaussian(seed, purpose, step, a, b, out):
    """out[m] = standard Gaussian of (seed, purpose, step, a[m], b[m])."""
    for m in range(a.shape[0]):
        word_a, word_b = bits(seed, purpose, step, a[m], b[m])
        out[m] = gaussian(word_a, word_b)


@njit
def fill_gaussian_pair(seed, purpose, step, a, b, out):
    """out[m] = two standard Gaussians of (seed, purpose, step, a[m], b[m]); out (M, 2)."""
    for m in range(a.shape[0]):
        word_a, word_b = bits(seed, purpose, step, a[m], b[m])
        out[m, 0], out[m, 1] = gaussian_pair(word_a, word_b)
