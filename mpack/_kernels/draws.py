"""The random numbers of a step: of pairs and particles, of both ends of a pair, and which are in a batch of exactly B.

Numbers are drawn for a chunk of contacts at a time, of their labels alone (see `noise`).
"""

import math

import numpy as np

from mpack._kernels._jit import bare
from mpack._kernels.machine import as_float64, as_int64, as_uint64
from mpack._kernels.noise import BATCH as BATCH_PURPOSE
from mpack._kernels.noise import DIRECTION as DIRECTION_PURPOSE
from mpack._kernels.noise import KICK as KICK_PURPOSE
from mpack._kernels.noise import (
    LAST,
    PAIR,
    PAIR_REVERSE,
    PAIR_TIE,
    bits,
    gaussian,
    gaussian_pair,
    uniform,
)
from mpack._kernels.records import own_of
from mpack._kernels.state import (
    BERNOULLI,
    CHUNK,
    GAUSSIAN,
    GAUSSIAN_KICK,
    KEYS,
    ONE,
    UNIFORM,
    share_of,
)

_U = np.uint64
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@bare
def draw(kind, rule, purpose, step, threshold, a, b, count, out):
    """out[k] = the number of the labels a[k], b[k] at this step."""
    seed, mean, spread, fraction = rule.seed, rule.mean, rule.spread, rule.fraction
    if kind == ONE:
        for k in range(count):
            out[k] = 1.0
    elif kind == UNIFORM:
        for k in range(count):
            out[k] = uniform(bits(seed, purpose, step, a[k], b[k])[0])
    elif kind == BERNOULLI:
        for k in range(count):
            out[k] = 1.0 if uniform(bits(seed, purpose, step, a[k], b[k])[0]) < fraction else 0.0
    elif kind == GAUSSIAN:
        for k in range(count):
            first, second = bits(seed, purpose, step, a[k], b[k])
            out[k] = mean + spread * gaussian(first, second)
    else:
        for k in range(count):
            out[k] = 1.0 if bits(seed, BATCH_PURPOSE, step, a[k], b[k])[0] <= threshold else 0.0


@bare
def remember(rule, purpose, step, a, b, count, out):
    """`draw` of pairs for rules whose ends or steps are correlated; of zeros and ones, what they are made of.

    In odd steps of rules with a memory it is the complement of that of the step before.
    """
    odd = step & _U(rule.memory)
    kind = GAUSSIAN if rule.pair == GAUSSIAN else UNIFORM
    draw(kind, rule, purpose, step - odd, ALL, a, b, count, out)
    if odd:
        twice = 2.0 * rule.mean if kind == GAUSSIAN else LAST
        for k in range(count):
            out[k] = twice - out[k]


@bare
def tie(rule, step, a, b, count, w, v, chance):
    """Make the second ends' numbers v depend on those of the first ends, w, as the correlation says.

    `chance` is scratch.
    """
    c, mean = rule.correlation, rule.mean
    if rule.pair == GAUSSIAN:
        own = math.sqrt(1.0 - c * c)
        for k in range(count):
            v[k] = mean + own * (v[k] - mean) - c * (w[k] - mean)
    else:
        drawn = step - (step & _U(rule.memory))
        draw(UNIFORM, rule, PAIR_TIE, drawn, ALL, a, b, count, chance)
        for k in range(count):
            if chance[k] < rule.tied:
                v[k] = w[k] if c < 0.0 else LAST - w[k]


@bare
def draw_ends(rule, shared, chunk, count, step):
    """The numbers of the pairs: chunk.w of the lower label, and .v of the higher one where it has its own."""
    a, b, w, v = (
        as_uint64(chunk.a),
        as_uint64(chunk.b),
        as_float64(chunk.w),
        as_float64(chunk.v),
    )
    if rule.memory == 0 and rule.tied == 0.0:
        draw(rule.pair, rule, PAIR, step, shared.threshold, a, b, count, w)
        if not rule.reciprocal:
            draw(rule.pair, rule, PAIR_REVERSE, step, shared.threshold, a, b, count, v)
        return
    remember(rule, PAIR, step, a, b, count, w)
    if not rule.reciprocal:
        remember(rule, PAIR_REVERSE, step, a, b, count, v)
        if rule.tied != 0.0:
            tie(rule, step, a, b, count, w, v, as_float64(chunk.touch))
    if rule.pair == BERNOULLI:
        for k in range(count):
            w[k] = 1.0 if w[k] < rule.fraction else 0.0
            v[k] = 1.0 if v[k] < rule.fraction else 0.0


@bare
def kicks(axes, rule, step, a, b, count, square, u, out):
    """out[:, k] = a kick in a random direction, of the labels a[k], b[k] in this order, in units of the coordinates.

    A Gaussian vector, over its norm and times u, for which `square` and `u` are scratch. Of an odd
    number of coordinates the last is one of a pair: the other is written down beyond, and not used.
    """
    seed, scale = rule.seed, rule.scale * (2.0**64 / rule.box)
    for k in range(count):
        square[k] = 0.0
    for block in range((len(axes) + 1) // 2):
        purpose, at = DIRECTION_PURPOSE + _U(block), 2 * block * CHUNK
        both = 1.0 if 2 * block + 1 < len(axes) else 0.0
        for k in range(count):
            first, second = bits(seed, purpose, step, a[k], b[k])
            x, y = gaussian_pair(first, second)
            out[at + k] = x
            out[at + CHUNK + k] = y
            square[k] += x * x + both * (y * y)
    if rule.pair == GAUSSIAN_KICK:
        far = scale * rule.spread / math.sqrt(float(len(axes)))
        for k in range(count):
            square[k] = far
    else:
        draw(UNIFORM, rule, KICK_PURPOSE, step, ALL, a, b, count, u)
        for k in range(count):
            square[k] = scale * u[k] / math.sqrt(square[k])
    for axis in range(len(axes)):
        for k in range(count):
            out[axis * CHUNK + k] *= square[k]


@bare
def tie_kicks(axes, rule, step, a, b, count, first, second, chance):
    """Make the higher labels' kicks depend on those of the lower ones, as the correlation says; `chance` is scratch."""
    c, gaussians = rule.correlation, rule.pair == GAUSSIAN_KICK
    own, sign = math.sqrt(1.0 - c * c), -1.0 if c < 0.0 else 1.0
    if not gaussians:
        draw(UNIFORM, rule, PAIR_TIE, step, ALL, a, b, count, chance)
    for axis in range(len(axes)):
        for k in range(count):
            at = axis * CHUNK + k
            if gaussians:
                second[at] = own * second[at] + c * first[at]
            elif chance[k] < rule.tied:
                second[at] = sign * first[at]


@bare
def of_rank(keys, count, rank):
    """The key of that rank (0: smallest) among keys[:count], which it reorders (Hoare's selection)."""
    low, high = np.int64(0), count - 1
    while low < high:
        pivot = keys[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while keys[i] < pivot:
                i += 1
            while keys[j] > pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            break
    return keys[rank]


@bare
def set_threshold(rule, shared):
    """The largest key that is still drawn: the batch is the B smallest keys, or all where there are fewer."""
    keys, count = as_uint64(shared.keys), np.int64(0)
    for thread in range(shared.threads):
        begin = share_of(shared.keys_room, thread, shared.threads)[0]
        for k in range(as_int64(own_of(shared, thread))[KEYS]):
            keys[count] = keys[begin + k]
            count += 1
    shared.threshold = ALL if count <= rule.batch else of_rank(keys, count, rule.batch - 1)
