from math import pi, sqrt

n, phi, alpha, batch, seed, steps = 64, 0.7, 0.1, 0.5, 1, 100
box = sqrt(n * pi / 4 / phi)  # edge of the square, in diameters of the discs


def noise(purpose, step, i, j):  # Philox: two whole numbers below 2**64 for each question
    a, b, c, d, k, m = i, j, step, purpose << 24, seed % 2**32, seed >> 32
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = q >> 32 ^ b ^ k, q % 2**32, p >> 32 ^ d ^ m, p % 2**32
        k, m = (k + 0x9E3779B9) % 2**32, (m + 0xBB67AE85) % 2**32
    return a | b << 32, c | d << 32


def around(u):  # a coordinate is a whole number; the box is 2**64 wide, and its walls are joined
    return (u + 2**63) % 2**64 - 2**63


x = [[around(u) for u in noise(1, 0, i, 0)] for i in range(n)]
for step in range(steps):
    push, active = [[0, 0] for _ in x], set()
    for j in range(n):
        for i in range(j):
            dx, dy = (around(a - b) * (box / 2**64) for a, b in zip(x[i], x[j]))
            r = sqrt(dx * dx + dy * dy)
            if r < 1:  # overlap
                active |= {i, j}
                if (noise(2, step, i, j)[0] >> 11) / 2**53 < batch:  # pick
                    for axis, d in enumerate((dx, dy)):
                        kick = int(alpha * (2**64 / box) / 2 / r * d)  # push
                        push[i][axis] += kick
                        push[j][axis] -= kick
    x = [[around(u + v) for u, v in zip(*both)] for both in zip(x, push)]
    if step % 10 == 0:
        print(step, len(active) / n)
