"""Two ellipsoids: whether they overlap, how deeply, and along which line they push; and how a body turns.

A body has semi-axes a and a unit quaternion q; its *shape* is A = R diag(a**2) R^T, kept beside its
adjugate C. Of a pair the body with the lower label is A, and r = x_A - x_B (nearest image): so that
rounding does not depend on who found whom. Two bodies scaled by mu = sqrt(F) about their centres
touch, where (Perram and Wertheim, J. Comput. Phys. 58, 409 (1985))

    F = max over t > 0 of t p(t) / ((1 + t) q(t)),   p = r . adj(A + t B) . r,   q = det(A + t B).

The coefficients of p and q are mixed discriminants, none negative, so nothing cancels. With
s = (A + t B)**-1 r at the maximum, n = s/|s| is the normal, pointing from B to A, and
h = sqrt(n . A . n) the support of a body along it: r . n = mu (h_A + h_B), t = h_A/h_B.

Two dimensions are three of which the third is apart: r_z = 0, turns about z, and the third
semi-axis cancels.

Pairs are worked on in blocks, coefficient by coefficient, so that the iterations of many pairs run
in the lanes of one vector. All of it is IEEE + - * / and square roots, in a fixed order.
"""

import math

import numpy as np

from mpack._kernels._jit import bare, njit
from mpack._kernels.machine import transpose

_U = np.uint64
BLOCK = 64  # pairs worked on at a time
ITERATIONS = (
    6  # Newton's: three reach rounding up to an aspect ratio of 2, five up to 4, six up to 10
)
WIDTH = 12  # numbers of a shape: A, then C, each as xx, yy, zz, xy, xz, yz
# numbers of a contact: normal (3), D/(h_A + h_B), mu, lever of A (3), lever of B (3), D
CONTACT = 12
NORMAL, WEIGHT, DEPTH, LEVER_A, LEVER_B, SIZE = 0, 3, 4, 5, 8, 11
# rows of a block's scratch: A, C, B, its C, separation, p, q, t, F, h_A + h_B, contact
_A, _B, _R, _P, _Q, _T, _F, _H, _C, ROWS = 0, 12, 24, 27, 30, 34, 35, 36, 37, 49
GAP_AT, T_AT, F_AT, SUPPORTS_AT, CONTACT_AT = (BLOCK * row for row in (_R, _T, _F, _H, _C))


@bare(forceinline=True)
def _rotation(w, x, y, z):
    """The rotation matrix of a quaternion, row by row."""
    return (
        1.0 - 2.0 * (y * y + z * z),
        2.0 * (x * y - w * z),
        2.0 * (x * z + w * y),
        2.0 * (x * y + w * z),
        1.0 - 2.0 * (x * x + z * z),
        2.0 * (y * z - w * x),
        2.0 * (x * z - w * y),
        2.0 * (y * z + w * x),
        1.0 - 2.0 * (x * x + y * y),
    )


@bare(forceinline=True)
def _compose(frame, a, b, c, out, at, apart):
    """Six numbers of out from `at` on, `apart`: a 1 + (b - a) e_1 e_1^T + (c - a) e_2 e_2^T.

    Exactly isotropic where a = b = c.
    """
    _, e1, f1, _, e2, f2, _, e3, f3 = frame
    b, c = b - a, c - a
    out[at] = a + b * (e1 * e1) + c * (f1 * f1)
    out[at + apart] = a + b * (e2 * e2) + c * (f2 * f2)
    out[at + 2 * apart] = a + b * (e3 * e3) + c * (f3 * f3)
    out[at + 3 * apart] = b * (e1 * e2) + c * (f1 * f2)
    out[at + 4 * apart] = b * (e1 * e3) + c * (f1 * f3)
    out[at + 5 * apart] = b * (e2 * e3) + c * (f2 * f3)


@bare(forceinline=True)
def along(form, at, x, y, z):
    """v . M . v of a symmetric matrix form[at : at + 6]."""
    squares = form[at] * x * x + form[at + _U(1)] * y * y + form[at + _U(2)] * z * z
    mixed = form[at + _U(3)] * x * y + form[at + _U(4)] * x * z + form[at + _U(5)] * y * z
    return squares + 2.0 * mixed


@bare(forceinline=True)
def _along(s, at, x, y, z):
    """`along` of the matrix in six rows of a block's scratch from s[at] on."""
    squares = s[at] * x * x + s[at + BLOCK] * y * y + s[at + 2 * BLOCK] * z * z
    mixed = s[at + 3 * BLOCK] * x * y + s[at + 4 * BLOCK] * x * z + s[at + 5 * BLOCK] * y * z
    return squares + 2.0 * mixed


@bare(forceinline=True)
def _scatter(shapes, a, b, c, d, s, at):
    """Copy four shapes to four lanes of the scratch of a block."""
    apart = _U(BLOCK)
    for row in range(0, WIDTH, 4):
        to, k = at + _U(row * BLOCK), _U(row)
        transpose(
            *(shapes, a + k, b + k, c + k, d + k),
            *(s, to, to + apart, to + _U(2) * apart, to + _U(3) * apart),
        )


@bare
def _load(shapes, i, j, count, s):
    """Copy the shapes of `count` pairs of slots into the scratch of a block, lane by lane."""
    wide, last = _U(WIDTH), _U(count - 1)
    for k in range(_U(0), _U(count), _U(4)):
        k1, k2, k3 = min(k + _U(1), last), min(k + _U(2), last), min(k + _U(3), last)
        a, b, c, d = wide * _U(i[k]), wide * _U(i[k1]), wide * _U(i[k2]), wide * _U(i[k3])
        _scatter(shapes, a, b, c, d, s, _U(_A * BLOCK) + k)
        a, b, c, d = wide * _U(j[k]), wide * _U(j[k1]), wide * _U(j[k2]), wide * _U(j[k3])
        _scatter(shapes, a, b, c, d, s, _U(_B * BLOCK) + k)


@bare
def _coefficients(s, lanes):
    """The polynomials p and q of each pair, and the first guess of t: exact for spheres."""
    for k in range(lanes):
        x, y, z = s[_R * BLOCK + k], s[(_R + 1) * BLOCK + k], s[(_R + 2) * BLOCK + k]
        a0, a1 = s[(_A + 0) * BLOCK + k], s[(_A + 1) * BLOCK + k]
        a2, a3 = s[(_A + 2) * BLOCK + k], s[(_A + 3) * BLOCK + k]
        a4, a5 = s[(_A + 4) * BLOCK + k], s[(_A + 5) * BLOCK + k]
        c0, c1 = s[(_A + 6) * BLOCK + k], s[(_A + 7) * BLOCK + k]
        c2, c3 = s[(_A + 8) * BLOCK + k], s[(_A + 9) * BLOCK + k]
        c4, c5 = s[(_A + 10) * BLOCK + k], s[(_A + 11) * BLOCK + k]
        b0, b1 = s[(_B + 0) * BLOCK + k], s[(_B + 1) * BLOCK + k]
        b2, b3 = s[(_B + 2) * BLOCK + k], s[(_B + 3) * BLOCK + k]
        b4, b5 = s[(_B + 4) * BLOCK + k], s[(_B + 5) * BLOCK + k]
        d0, d1 = s[(_B + 6) * BLOCK + k], s[(_B + 7) * BLOCK + k]
        d2, d3 = s[(_B + 8) * BLOCK + k], s[(_B + 9) * BLOCK + k]
        d4, d5 = s[(_B + 10) * BLOCK + k], s[(_B + 11) * BLOCK + k]
        xx, yy, zz, xy, xz, yz = x * x, y * y, z * z, x * y, x * z, y * z
        p0 = c0 * xx + c1 * yy + c2 * zz + 2.0 * (c3 * xy + c4 * xz + c5 * yz)
        p2 = d0 * xx + d1 * yy + d2 * zz + 2.0 * (d3 * xy + d4 * xz + d5 * yz)
        m0 = a1 * b2 + a2 * b1 - 2.0 * (a5 * b5)
        m1 = a0 * b2 + a2 * b0 - 2.0 * (a4 * b4)
        m2 = a0 * b1 + a1 * b0 - 2.0 * (a3 * b3)
        m3 = a4 * b5 + a5 * b4 - a3 * b2 - a2 * b3
        m4 = a3 * b5 + a5 * b3 - a4 * b1 - a1 * b4
        m5 = a3 * b4 + a4 * b3 - a5 * b0 - a0 * b5
        p1 = m0 * xx + m1 * yy + m2 * zz + 2.0 * (m3 * xy + m4 * xz + m5 * yz)
        q0 = c0 * a0 + c3 * a3 + c4 * a4
        q1 = c0 * b0 + c1 * b1 + c2 * b2 + 2.0 * (c3 * b3 + c4 * b4 + c5 * b5)
        q2 = a0 * d0 + a1 * d1 + a2 * d2 + 2.0 * (a3 * d3 + a4 * d4 + a5 * d5)
        q3 = d0 * b0 + d3 * b3 + d4 * b4
        s[_P * BLOCK + k], s[(_P + 1) * BLOCK + k], s[(_P + 2) * BLOCK + k] = p0, p1, p2
        s[_Q * BLOCK + k], s[(_Q + 1) * BLOCK + k] = q0, q1
        s[(_Q + 2) * BLOCK + k], s[(_Q + 3) * BLOCK + k] = q2, q3
        s[_T * BLOCK + k] = math.sqrt((p2 * q0) / (p0 * q3))


@bare
def _rule_out(s, lanes, least):
    """F is `least` where the first guess shows that it is one or more, or a plane across r parts the two; else 0.

    Any t bounds F from below. Of two that touch to the last digit this may say that they are apart,
    and `_values` that F is 1 - 1e-16: so all ask here first, or they would not agree on who overlaps.
    """
    for k in range(lanes):
        x, y, z = s[_R * BLOCK + k], s[(_R + 1) * BLOCK + k], s[(_R + 2) * BLOCK + k]
        a = _along(s, _A * BLOCK + k, x, y, z)
        b = _along(s, _B * BLOCK + k, x, y, z)
        beyond = math.sqrt(a) + math.sqrt(b) - (x * x + y * y + z * z)
        p0, p1, p2 = s[_P * BLOCK + k], s[(_P + 1) * BLOCK + k], s[(_P + 2) * BLOCK + k]
        q0, q1 = s[_Q * BLOCK + k], s[(_Q + 1) * BLOCK + k]
        q2, q3, t = s[(_Q + 2) * BLOCK + k], s[(_Q + 3) * BLOCK + k], s[_T * BLOCK + k]
        over = t * (p0 + t * (p1 + t * p2))
        under = (1.0 + t) * (q0 + t * (q1 + t * (q2 + t * q3)))
        near = 0.0 if over < under else least
        s[_F * BLOCK + k] = near if beyond > 0.0 else least


@bare
def _iterate(s, lanes):
    """One of Newton's iterations in ln t for d ln f/d ln t = 0, with exp(d) as (2 + d)/(2 - d)."""
    for k in range(lanes):
        p0, p1, p2 = s[_P * BLOCK + k], s[(_P + 1) * BLOCK + k], s[(_P + 2) * BLOCK + k]
        q0, q1 = s[_Q * BLOCK + k], s[(_Q + 1) * BLOCK + k]
        q2, q3, t = s[(_Q + 2) * BLOCK + k], s[(_Q + 3) * BLOCK + k], s[_T * BLOCK + k]
        tp = t / (p0 + t * (p1 + t * p2))
        tq = t / (q0 + t * (q1 + t * (q2 + t * q3)))
        tk = 1.0 / (1.0 + t)
        u, v = tp * (p1 + 2.0 * t * p2), tq * (q1 + t * (2.0 * q2 + 3.0 * t * q3))
        g = tk + (u - v)
        curve = (2.0 * t * p2 * tp - u * u) - (t * tq * (2.0 * q2 + 6.0 * t * q3) - v * v)
        bend = (u - v) - t * tk * tk + curve
        step = -g / bend if bend < 0.0 else g
        step = step if step < 1.0 else 1.0
        step = step if step > -1.0 else -1.0
        s[_T * BLOCK + k] = t * (2.0 + step) / (2.0 - step)


@bare
def _values(s, lanes):
    """F, but no less than stands in its place."""
    for k in range(lanes):
        t = s[_T * BLOCK + k]
        over = s[(_P + 1) * BLOCK + k] + t * s[(_P + 2) * BLOCK + k]
        over = t * (s[_P * BLOCK + k] + t * over)
        under = s[(_Q + 2) * BLOCK + k] + t * s[(_Q + 3) * BLOCK + k]
        under = s[_Q * BLOCK + k] + t * (s[(_Q + 1) * BLOCK + k] + t * under)
        value, least = over / ((1.0 + t) * under), s[_F * BLOCK + k]
        s[_F * BLOCK + k] = least if value < least else value


@bare(forceinline=True)
def _normal(s, k, t, x, y, z):
    """The direction of (A + t B)**-1 r: adj(A + t B) r, normalised."""
    a, b = _A * BLOCK + k, _B * BLOCK + k
    y0, y1 = s[a] + t * s[b], s[a + BLOCK] + t * s[b + BLOCK]
    y2, y3 = s[a + 2 * BLOCK] + t * s[b + 2 * BLOCK], s[a + 3 * BLOCK] + t * s[b + 3 * BLOCK]
    y4, y5 = s[a + 4 * BLOCK] + t * s[b + 4 * BLOCK], s[a + 5 * BLOCK] + t * s[b + 5 * BLOCK]
    g3, g4, g5 = y4 * y5 - y3 * y2, y3 * y5 - y4 * y1, y3 * y4 - y0 * y5
    sx = (y1 * y2 - y5 * y5) * x + g3 * y + g4 * z
    sy = g3 * x + (y0 * y2 - y4 * y4) * y + g5 * z
    sz = g4 * x + g5 * y + (y0 * y1 - y3 * y3) * z
    length = math.sqrt(sx * sx + sy * sy + sz * sz)
    return sx / length, sy / length, sz / length


@bare(forceinline=True)
def _turned(s, at, x, y, z):
    """M v of the symmetric matrix in six rows from s[at] on."""
    xy, xz, yz = s[at + 3 * BLOCK], s[at + 4 * BLOCK], s[at + 5 * BLOCK]
    return (
        s[at] * x + xy * y + xz * z,
        xy * x + s[at + BLOCK] * y + yz * z,
        xz * x + yz * y + s[at + 2 * BLOCK] * z,
    )


@bare
def _touch(s, lanes):
    """The contact of each pair, and the sum of its supports."""
    for k in range(lanes):
        x, y, z = s[_R * BLOCK + k], s[(_R + 1) * BLOCK + k], s[(_R + 2) * BLOCK + k]
        nx, ny, nz = _normal(s, k, s[_T * BLOCK + k], x, y, z)
        mu, size = math.sqrt(s[_F * BLOCK + k]), s[(_C + SIZE) * BLOCK + k]
        ax, ay, az = _turned(s, _A * BLOCK + k, nx, ny, nz)
        bx, by, bz = _turned(s, _B * BLOCK + k, nx, ny, nz)
        h_a = math.sqrt(nx * ax + ny * ay + nz * az)
        h_b = math.sqrt(nx * bx + ny * by + nz * bz)
        a, b, at = -mu / h_a, mu / h_b, _C * BLOCK + k
        s[at], s[at + BLOCK], s[at + 2 * BLOCK] = nx, ny, nz
        s[_H * BLOCK + k] = h_a + h_b
        s[at + WEIGHT * BLOCK], s[at + DEPTH * BLOCK] = size / (h_a + h_b), mu
        s[at + 5 * BLOCK], s[at + 6 * BLOCK], s[at + 7 * BLOCK] = a * ax, a * ay, a * az
        s[at + 8 * BLOCK], s[at + 9 * BLOCK], s[at + 10 * BLOCK] = b * bx, b * by, b * bz


@bare
def functions(shapes, i, j, count, within, s):
    """F of a block of pairs, whose separations (3, BLOCK) are at s[GAP_AT]; returns how many lanes are filled.

    Of the k-th pair F is at s[F_AT + k], its t at s[T_AT + k]. `within`: of pairs that do not
    overlap F may be infinite.
    """
    _load(shapes, i, j, count, s)
    lanes = (count + 7) & ~7
    for k in range(_U(count), _U(lanes)):  # lanes of the last vector that no pair fills
        for row in range(_P):
            s[_U(row * BLOCK) + k] = s[_U(row * BLOCK)]
    _coefficients(s, lanes)
    _rule_out(s, lanes, math.inf if within else 1.0)
    for _ in range(ITERATIONS):
        _iterate(s, lanes)
    _values(s, lanes)
    return lanes


@bare
def block(shapes, radii, i, j, count, within, s):
    """The contacts of a block of pairs, see `functions`; radii: R_eq of each slot.

    Of the k-th pair h_A + h_B is at s[SUPPORTS_AT + k], number m of its contact at
    s[CONTACT_AT + m * BLOCK + k].
    """
    lanes = functions(shapes, i, j, count, within, s)
    for k in range(_U(lanes)):
        pair = min(k, _U(count - 1))
        s[_U((_C + SIZE) * BLOCK) + k] = radii[_U(i[pair])] + radii[_U(j[pair])]
    _touch(s, lanes)


# rows of the scratch while bodies turn: what pushes them around and then omega, quaternion, squares
# of the semi-axes, shape
_W, _QUAT, _SQUARE, _SHAPE = 0, 3, 7, 10
PUSH_AT, TURN_AT, SQUARE_AT, SHAPE_AT = (BLOCK * row for row in (_W, _QUAT, _SQUARE, _SHAPE))


@bare
def _angular(axes, s, lanes, over):
    """omega = I**-1 w in the place of w."""
    for k in range(lanes):
        wx, wy, wz = s[_W * BLOCK + k], s[(_W + 1) * BLOCK + k], s[(_W + 2) * BLOCK + k]
        a, b = s[_SQUARE * BLOCK + k], s[(_SQUARE + 1) * BLOCK + k]
        c = s[(_SQUARE + 2) * BLOCK + k]
        if len(axes) == 2:
            x, y, z = 0.0, 0.0, 4.0 * over * wz / (a + b)
        else:
            q0, q1 = s[_QUAT * BLOCK + k], s[(_QUAT + 1) * BLOCK + k]
            q2, q3 = s[(_QUAT + 2) * BLOCK + k], s[(_QUAT + 3) * BLOCK + k]
            m0, m1, m2, m3, m4, m5, m6, m7, m8 = _rotation(q0, q1, q2, q3)
            u = 5.0 * over * (m0 * wx + m3 * wy + m6 * wz) / (b + c)
            v = 5.0 * over * (m1 * wx + m4 * wy + m7 * wz) / (a + c)
            w = 5.0 * over * (m2 * wx + m5 * wy + m8 * wz) / (a + b)
            x, y, z = m0 * u + m1 * v + m2 * w, m3 * u + m4 * v + m5 * w, m6 * u + m7 * v + m8 * w
        s[_W * BLOCK + k], s[(_W + 1) * BLOCK + k], s[(_W + 2) * BLOCK + k] = x, y, z


@bare
def _cayley(s, lanes):
    """q <- (1, omega/2) q, normalised: a turn by 2 arctan(|omega|/2)."""
    for k in range(lanes):
        x, y, z = s[_W * BLOCK + k], s[(_W + 1) * BLOCK + k], s[(_W + 2) * BLOCK + k]
        x, y, z = 0.5 * x, 0.5 * y, 0.5 * z
        q0, q1 = s[_QUAT * BLOCK + k], s[(_QUAT + 1) * BLOCK + k]
        q2, q3 = s[(_QUAT + 2) * BLOCK + k], s[(_QUAT + 3) * BLOCK + k]
        n0 = q0 - x * q1 - y * q2 - z * q3
        n1 = q1 + x * q0 + y * q3 - z * q2
        n2 = q2 + y * q0 + z * q1 - x * q3
        n3 = q3 + z * q0 + x * q2 - y * q1
        length = math.sqrt(n0 * n0 + n1 * n1 + n2 * n2 + n3 * n3)
        s[_QUAT * BLOCK + k], s[(_QUAT + 1) * BLOCK + k] = n0 / length, n1 / length
        s[(_QUAT + 2) * BLOCK + k], s[(_QUAT + 3) * BLOCK + k] = n2 / length, n3 / length


@bare
def _shapes_of(s, lanes):
    """The shapes, A and C = adj A, in s[SHAPE_AT + row * BLOCK + k], of the quaternions and squares in the scratch."""
    for k in range(lanes):
        q0, q1 = s[_QUAT * BLOCK + k], s[(_QUAT + 1) * BLOCK + k]
        q2, q3 = s[(_QUAT + 2) * BLOCK + k], s[(_QUAT + 3) * BLOCK + k]
        a, b = s[_SQUARE * BLOCK + k], s[(_SQUARE + 1) * BLOCK + k]
        c = s[(_SQUARE + 2) * BLOCK + k]
        frame = _rotation(q0, q1, q2, q3)
        _compose(frame, a, b, c, s, _SHAPE * BLOCK + k, BLOCK)
        _compose(frame, b * c, a * c, a * b, s, (_SHAPE + 6) * BLOCK + k, BLOCK)


@bare
def turn(axes, s, count, over):
    """Turn a block of bodies by the Cayley rotation of omega = I**-1 w; w: what pushes them around, in the lab's frame.

    I = 1/over times the tensor of inertia of the solid body of mass 1 (in two dimensions the disc's
    about z). From number m of w at s[PUSH_AT + m * BLOCK + k], of the quaternion at TURN_AT, of the
    squares of the semi-axes at SQUARE_AT, likewise, come omega in the place of w, the new quaternion,
    and the shape at SHAPE_AT.
    """
    lanes = (count + 7) & ~7
    for k in range(_U(count), _U(lanes)):  # lanes of the last vector that no body fills
        for row in range(_SHAPE):
            s[_U(row * BLOCK) + k] = s[_U(row * BLOCK)]
    _angular(axes, s, lanes, over)
    _cayley(s, lanes)
    _shapes_of(s, lanes)


@bare
def write_shapes(n, turns, semi, s, shapes):
    """shapes[12 m : 12 m + 12] of every body, from flat arrays; s: a block's scratch."""
    for m in range(_U(n)):
        for axis in range(3):
            length = semi[_U(3) * m + _U(axis)]
            s[_U(SQUARE_AT + axis * BLOCK)] = length * length
        for number in range(4):
            s[_U(TURN_AT + number * BLOCK)] = turns[_U(4) * m + _U(number)]
        _shapes_of(s, 1)
        for number in range(WIDTH):
            shapes[_U(WIDTH) * m + _U(number)] = s[_U(SHAPE_AT + number * BLOCK)]


@njit
def fill_shapes(turns, semi, shapes):
    """`write_shapes` of arrays."""
    write_shapes(shapes.shape[0] // WIDTH, turns, semi, np.empty(ROWS * BLOCK), shapes)


@njit
def fill_contacts(shapes, radii, i, j, gaps, out):
    """F[m] of the pairs i[m], j[m] with gaps (3, m) into out[m, 0], t into out[m, 1], the contact after that."""
    s = np.empty(ROWS * BLOCK)
    for begin in range(0, len(i), BLOCK):
        count = min(BLOCK, len(i) - begin)
        for axis in range(3):
            for k in range(count):
                s[GAP_AT + axis * BLOCK + k] = gaps[axis, begin + k]
        block(shapes, radii, i[begin:], j[begin:], count, False, s)
        for k in range(count):
            out[begin + k, 0], out[begin + k, 1] = s[F_AT + k], s[T_AT + k]
            for number in range(CONTACT):
                out[begin + k, 2 + number] = s[CONTACT_AT + number * BLOCK + k]
