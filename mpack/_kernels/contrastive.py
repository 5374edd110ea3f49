"""Self-supervised training of a small encoder: views of images, two losses, SGD with momentum. Arrays in, arrays out.

Parameters lie in one flat array: W1 (pixels, hidden), b1, W2 (hidden, features), b2, W3 (features,
out), b3. The features are relu(relu(x W1 + b1) W2 + b2), the embedding is features W3 + b3. Row m
of a batch is view m % views of image m // views. All is IEEE + - * / and square roots in a fixed
order, so that a run has the same bits on every machine.

Noise: purpose `CONTRASTIVE`. Views: step = the step of the run, label a = the image, label b = (view,
16 bits) (word). Order of an epoch: step = the epoch, label a = place, label b = 2**31 + 1. Starts
use the block 2**31, as in `network`.
"""

import math

import numpy as np

from mpack._kernels._jit import njit
from mpack._kernels.network import exp
from mpack._kernels.noise import CONTRASTIVE, bits, gaussian, uniform
from mpack._kernels.noise import _log as log

NT_XENT, PACKING, ATTRACTION = (
    0,
    1,
    2,
)  # kinds of loss; the last is the packing loss with its sign turned
TINY = 1e-6  # added to the energy of a packing before its logarithm is taken
_ORDER = np.uint64(2**31 + 1)


@njit
def view_of(image, side, seed, step, label, view, shift, turn, grain, out):
    """One view of an image (side**2 pixels): turned, shifted, sampled by bilinear interpolation, and made grainy.

    A pixel at (x, y) from the middle takes what the image has at R (x, y) + (dx, dy), zero outside.
    dx, dy are uniform in [-shift, shift]; R turns by 2 arctan t, t uniform in [-turn, turn]; each
    pixel gets a Gaussian of width grain.
    """
    block = np.uint64(view) << np.uint64(16)
    w0, w1 = bits(seed, CONTRASTIVE, np.uint64(step), np.uint64(label), block)
    w2, _ = bits(seed, CONTRASTIVE, np.uint64(step), np.uint64(label), block + np.uint64(1))
    dx, dy = shift * (2.0 * uniform(w0) - 1.0), shift * (2.0 * uniform(w1) - 1.0)
    t = turn * (2.0 * uniform(w2) - 1.0)
    cosine, sine, middle = (1.0 - t * t) / (1.0 + t * t), 2.0 * t / (1.0 + t * t), 0.5 * (side - 1)
    for row in range(side):
        for column in range(side):
            x, y = column - middle, row - middle
            from_x, from_y = (
                cosine * x - sine * y + dx + middle,
                sine * x + cosine * y + dy + middle,
            )
            i, j = math.floor(from_y), math.floor(from_x)
            down, right = from_y - i, from_x - j
            value = 0.0
            for k in range(2):
                for m in range(2):
                    if 0 <= i + k < side and 0 <= j + m < side:
                        weight = (down if k else 1.0 - down) * (right if m else 1.0 - right)
                        value += weight * image[int(i + k) * side + int(j + m)]
            out[row * side + column] = value
    if grain > 0.0:
        for k in range(side * side):
            a, b = bits(
                seed, CONTRASTIVE, np.uint64(step), np.uint64(label), block + np.uint64(2 + k)
            )
            out[k] += grain * gaussian(a, b)


@njit
def views_of(images, labels, views, side, seed, step, shift, turn, grain, out):
    """Fill out (len(labels) * views, pixels) with views of the images that are labelled."""
    for m in range(labels.shape[0]):
        for view in range(views):
            row = out[m * views + view]
            view_of(images[labels[m]], side, seed, step, labels[m], view, shift, turn, grain, row)


@njit
def forward(X, W, b, relu, Y):
    """Y = X W + b, negative entries set to zero if `relu`."""
    rows, columns = W.shape
    for m in range(X.shape[0]):
        for j in range(columns):
            Y[m, j] = b[j]
        for i in range(rows):
            x = X[m, i]
            if x != 0.0:
                for j in range(columns):
                    Y[m, j] += x * W[i, j]
        if relu:
            for j in range(columns):
                Y[m, j] = max(Y[m, j], 0.0)


@njit
def backward(X, W, Y, relu, dY, dW, db, dX):
    """dW = X^T dY, db = sum of dY and dX = dY W^T, after dY has been set to zero where `relu` did so to Y.

    dX of no rows is left out.
    """
    rows, columns = W.shape
    transposed = W.T.copy()  # a loop along memory runs abreast
    dW[:] = 0.0
    db[:] = 0.0
    for m in range(X.shape[0]):
        for j in range(columns):
            if relu and Y[m, j] <= 0.0:
                dY[m, j] = 0.0
            db[j] += dY[m, j]
        for i in range(rows):
            x = X[m, i]
            if x != 0.0:
                for j in range(columns):
                    dW[i, j] += x * dY[m, j]
    for m in range(dX.shape[0]):
        for i in range(rows):
            dX[m, i] = 0.0
        for j in range(columns):
            g = dY[m, j]
            if g != 0.0:
                for i in range(rows):
                    dX[m, i] += g * transposed[j, i]


@njit
def onto_sphere(Z, U, norm):
    """Rows of Z divided by their lengths, which are kept in `norm`."""
    for m in range(Z.shape[0]):
        square = 1e-24
        for k in range(Z.shape[1]):
            square += Z[m, k] * Z[m, k]
        norm[m] = math.sqrt(square)
        for k in range(Z.shape[1]):
            U[m, k] = Z[m, k] / norm[m]


@njit
def off_sphere(U, norm, dU, dZ):
    """Gradient in Z from that in U = Z/|Z|: the part along U is lost, the rest is divided by the length."""
    for m in range(U.shape[0]):
        along = 0.0
        for k in range(U.shape[1]):
            along += U[m, k] * dU[m, k]
        for k in range(U.shape[1]):
            dZ[m, k] = (dU[m, k] - along * U[m, k]) / norm[m]


@njit
def nt_xent(Z, views, temperature, dZ):
    """Normalised-temperature cross-entropy of a batch of embeddings; dZ is filled with its gradient.

    With s = u.u'/temperature: mean over rows of ln(sum over all other rows of e^s) - mean of s over
    the other views.
    """
    M, out = Z.shape
    U, dU, norm = np.empty_like(Z), np.zeros_like(Z), np.empty(M)
    onto_sphere(Z, U, norm)
    columns = U.T.copy()
    weight, total = np.zeros((M, M)), np.zeros(M)
    similar = np.empty(M)
    loss = 0.0
    for a in range(M):
        for b in range(a):
            similar[b] = 0.0
        for k in range(out):
            for b in range(a):
                similar[b] += U[a, k] * columns[k, b]
        for b in range(a):
            weight[a, b] = exp((similar[b] - 1.0) / temperature)
            total[a] += weight[a, b]
            total[b] += weight[a, b]
            if a // views == b // views:
                loss -= 2.0 * similar[b] / (temperature * (views - 1))
    for a in range(M):
        loss += log(total[a]) + 1.0 / temperature
        for b in range(a):
            g = weight[a, b] * (1.0 / total[a] + 1.0 / total[b])
            if a // views == b // views:
                g -= 2.0 / (views - 1)
            g /= temperature * M
            for k in range(out):
                dU[a, k] += g * U[b, k]
            for k in range(out):
                dU[b, k] += g * U[a, k]
    off_sphere(U, norm, dU, dZ)
    return loss / M


@njit
def balls_of(U, views, scale, centre, radius, spread):
    """Centre and radius of each image's views on the sphere; spread = their summed variance."""
    out = U.shape[1]
    for i in range(centre.shape[0]):
        centre[i] = 0.0
        for v in range(views):
            for k in range(out):
                centre[i, k] += U[i * views + v, k]
        square = 0.0
        for k in range(out):
            centre[i, k] /= views
        for v in range(views):
            for k in range(out):
                square += (U[i * views + v, k] - centre[i, k]) ** 2
        spread[i] = square / (views - 1) + 1e-12
        radius[i] = scale * math.sqrt(spread[i] / min(out, views))


@njit
def energy_of(centre, radius, power, d_centre, d_radius, active):
    """E = sum over overlapping pairs of (1 - d/(R_i + R_j))**power, its gradients, and who overlaps; power is 1 or
    2.
    """
    count, out = centre.shape
    energy = 0.0
    d_centre[:] = 0.0
    d_radius[:] = 0.0
    active[:] = False
    for i in range(count):
        for j in range(i):
            square = 1e-12
            for k in range(out):
                square += (centre[i, k] - centre[j, k]) ** 2
            d, reach = math.sqrt(square), radius[i] + radius[j]
            if d < reach:
                depth = 1.0 - d / reach
                slope = 2.0 * depth if power == 2 else 1.0
                energy += depth * depth if power == 2 else depth
                active[i] = active[j] = True
                for k in range(out):
                    g = -slope / reach * (centre[i, k] - centre[j, k]) / d
                    d_centre[i, k] += g
                    d_centre[j, k] -= g
                swell = slope * d / (reach * reach)
                d_radius[i] += swell
                d_radius[j] += swell
    return energy


@njit
def packing(Z, views, scale, power, sign, dZ):
    """ln of the packing energy of a batch of embeddings, the active fraction and the mean radius; dZ: `sign` times
    its gradient.

    The mean of the batch is taken off, rows go to the unit sphere, views of an image become a ball.
    """
    M, out = Z.shape
    count = M // views
    Y, U, dU, norm = np.empty_like(Z), np.empty_like(Z), np.empty_like(Z), np.empty(M)
    centre, d_centre = np.empty((count, out)), np.empty((count, out))
    radius, spread, d_radius = np.empty(count), np.empty(count), np.empty(count)
    active = np.empty(count, np.bool_)
    without_mean(Z, Y)
    onto_sphere(Y, U, norm)
    balls_of(U, views, scale, centre, radius, spread)
    energy = energy_of(centre, radius, power, d_centre, d_radius, active)
    factor = sign / (energy + TINY)
    for i in range(count):
        swell = d_radius[i] * radius[i] / (spread[i] * (views - 1))
        for v in range(views):
            for k in range(out):
                away = U[i * views + v, k] - centre[i, k]
                dU[i * views + v, k] = factor * (d_centre[i, k] / views + swell * away)
    off_sphere(U, norm, dU, Y)
    without_mean(Y, dZ)
    return log(energy + TINY), active.sum() / count, radius.sum() / count


@njit
def without_mean(Z, Y):
    """Y = Z minus the mean of its rows."""
    M, out = Z.shape
    mean = np.zeros(out)
    for m in range(M):
        for k in range(out):
            mean[k] += Z[m, k]
    for m in range(M):
        for k in range(out):
            Y[m, k] = Z[m, k] - mean[k] / M


@njit
def loss_of(kind, Z, views, parameter, power, dZ, told):
    """The loss of a kind, with its gradient; told = loss, active fraction, mean radius (zero where there is none)."""
    if kind == NT_XENT:
        told[0], told[1], told[2] = nt_xent(Z, views, parameter, dZ), 0.0, 0.0
    else:
        told[0], told[1], told[2] = packing(
            Z, views, parameter, power, 1.0 if kind == PACKING else -1.0, dZ
        )


@njit
def split(theta, pixels, hidden, features, out):
    """Views W1, b1, W2, b2, W3, b3 of a flat array of parameters."""
    n1 = pixels * hidden
    n2 = n1 + hidden
    n3 = n2 + hidden * features
    n4 = n3 + features
    n5 = n4 + features * out
    return (
        theta[:n1].reshape((pixels, hidden)),
        theta[n1:n2],
        theta[n2:n3].reshape((hidden, features)),
        theta[n3:n4],
        theta[n4:n5].reshape((features, out)),
        theta[n5:],
    )


@njit
def order_of(seed, epoch, order):
    """Shuffle `order` in place, from its last place to its first."""
    for i in range(order.shape[0] - 1, 0, -1):
        word, _ = bits(seed, CONTRASTIVE, np.uint64(epoch), np.uint64(i), _ORDER)
        j = int(uniform(word) * (i + 1))
        order[i], order[j] = order[j], order[i]


@njit
def train(images, side, theta, hidden, features, kind, parameter, power, views, size, epochs, rate, momentum,
          seed, shift, turn, grain, told):  # fmt: skip
    """Train theta in place: v' = momentum v - g, theta' = theta + rate (1 - k/steps) v'.

    An epoch takes len(images) // size batches of images in a fresh order, and leaves the rest out.
    told (steps, 3): see `loss_of`.
    """
    n, pixels = images.shape
    out = (theta.shape[0] - pixels * hidden - hidden - hidden * features - features) // (
        features + 1
    )
    W1, b1, W2, b2, W3, b3 = split(theta, pixels, hidden, features, out)
    gradient, v = np.empty_like(theta), np.zeros_like(theta)
    G1, g1, G2, g2, G3, g3 = split(gradient, pixels, hidden, features, out)
    M, batches = size * views, n // size
    X, A, F, Z = (
        np.empty((M, pixels)),
        np.empty((M, hidden)),
        np.empty((M, features)),
        np.empty((M, out)),
    )
    nothing, dA, dF, dZ = (
        np.empty((0, pixels)),
        np.empty_like(A),
        np.empty_like(F),
        np.empty_like(Z),
    )
    order = np.arange(n)
    for k in range(batches * epochs):
        if k % batches == 0:
            order_of(seed, k // batches, order)
        first = (k % batches) * size
        views_of(images, order[first : first + size], views, side, seed, k, shift, turn, grain, X)
        forward(X, W1, b1, True, A)
        forward(A, W2, b2, True, F)
        forward(F, W3, b3, False, Z)
        loss_of(kind, Z, views, parameter, power, dZ, told[k])
        backward(F, W3, Z, False, dZ, G3, g3, dF)
        backward(A, W2, F, True, dF, G2, g2, dA)
        backward(X, W1, A, True, dA, G1, g1, nothing)
        now = rate * (1.0 - k / (batches * epochs))
        for p in range(theta.shape[0]):
            v[p] = momentum * v[p] - gradient[p]
            theta[p] += now * v[p]
