"""Mini-batch SGD with momentum on a network with one hidden layer, many runs at once. Arrays in, arrays out.

Parameters lie in one flat array: W1 (inputs, hidden), b1 (hidden), W2 (hidden, classes), b2
(classes). Hidden units are tanh, the loss is the cross-entropy of a softmax. exp is made from IEEE
+ - * / alone, so that a run has the same bits on every machine.

Noise: purpose `NETWORK`, otherwise as in `regression`.
"""

import math

import numpy as np

from mpack._kernels._jit import njit
from mpack._kernels.noise import NETWORK
from mpack._kernels.regression import draw_batch


@njit(forceinline=True)
def exp(x):
    """e**x to about 2e-16 relative for -700 <= x <= 700: x = n ln 2 + r, |r| <= ln(2)/2, Taylor series in
    r.
    """
    x = min(max(x, -700.0), 700.0)
    n = math.floor(x * 1.4426950408889634 + 0.5)
    r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    power = (np.int64(n) + np.int64(1023)) << np.int64(52)
    return p * np.int64(power).view(np.float64)


@njit(forceinline=True)
def tanh(x):
    """Hyperbolic tangent from `exp`, to about 2e-16 absolute."""
    e = exp(-2.0 * abs(x))
    t = (1.0 - e) / (1.0 + e)
    return t if x >= 0.0 else -t


@njit
def forward(x, W1, b1, W2, b2, a, p):
    """Hidden activities a = tanh(x W1 + b1) and class probabilities p = softmax(a W2 + b2) of one image."""
    hidden, classes = a.shape[0], p.shape[0]
    for j in range(hidden):
        a[j] = b1[j]
    for i in range(x.shape[0]):
        if x[i] != 0.0:  # half the pixels of a digit are blank
            for j in range(hidden):
                a[j] += x[i] * W1[i, j]
    for j in range(hidden):
        a[j] = tanh(a[j])
    for c in range(classes):
        p[c] = b2[c]
    for j in range(hidden):
        for c in range(classes):
            p[c] += a[j] * W2[j, c]
    top = p[0]
    for c in range(1, classes):
        top = max(top, p[c])
    total = 0.0
    for c in range(classes):
        p[c] = exp(p[c] - top)
        total += p[c]
    for c in range(classes):
        p[c] /= total


@njit
def backward(x, label, W2, a, p, back, G1, g1, G2, g2):
    """Add one image's gradient of -ln p[label] to G1, g1, G2, g2; p is overwritten by the error p -
    onehot.
    """
    hidden, classes = a.shape[0], p.shape[0]
    p[label] -= 1.0
    for c in range(classes):
        g2[c] += p[c]
    for j in range(hidden):
        s = 0.0
        for c in range(classes):
            G2[j, c] += a[j] * p[c]
            s += W2[j, c] * p[c]
        back[j] = s * (1.0 - a[j] * a[j])
        g1[j] += back[j]
    for i in range(x.shape[0]):
        if x[i] != 0.0:
            for j in range(hidden):
                G1[i, j] += x[i] * back[j]


@njit
def split(theta, inputs, hidden, classes):
    """Views W1, b1, W2, b2 of a flat array of parameters."""
    n1 = inputs * hidden
    n2 = n1 + hidden
    n3 = n2 + hidden * classes
    return (
        theta[:n1].reshape((inputs, hidden)),
        theta[n1:n2],
        theta[n2:n3].reshape((hidden, classes)),
        theta[n3:],
    )


@njit
def sgd_runs(
    X,
    labels,
    hidden,
    classes,
    theta,
    v,
    eta,
    beta,
    weight_decay,
    size,
    seed,
    first_run,
    record,
    out_theta,
    out_v2,
):
    """Run every row of theta, v (runs, parameters; changed in place) to step record[-1].

    X (n, inputs), labels (n,) int64. record (m,): increasing steps counted from the start of the
    run, whose first entry is the step the rows are at. out_theta (runs, m, parameters). out_v2
    (runs, m): the mean of
    |v|^2 over the steps since the record before (0 for the first).
    """
    inputs = X.shape[1]
    batch = np.empty(size, np.int64)
    a, back, p = np.empty(hidden), np.empty(hidden), np.empty(classes)
    g = np.empty(theta.shape[1])
    for r in range(theta.shape[0]):
        th, ve = theta[r], v[r]
        W1, b1, W2, b2 = split(th, inputs, hidden, classes)
        G1, g1, G2, g2 = split(g, inputs, hidden, classes)
        k = record[0]
        for m in range(record.shape[0]):
            total, first = 0.0, k
            while k < record[m]:
                draw_batch(seed, NETWORK, k, first_run + r, X.shape[0], batch)
                g[:] = 0.0
                for i in batch:
                    forward(X[i], W1, b1, W2, b2, a, p)
                    backward(X[i], labels[i], W2, a, p, back, G1, g1, G2, g2)
                for q in range(g.shape[0]):
                    ve[q] = beta * ve[q] - (g[q] / size + weight_decay * th[q])
                    th[q] += eta * ve[q]
                    total += ve[q] * ve[q]
                k += 1
            out_theta[r, m, :] = th
            out_v2[r, m] = total / (k - first) if k > first else 0.0
