import numpy as np

n, phi, alpha, batch, seed, steps = 64, 0.7, 0.1, 0.5, 1, 100
box = np.sqrt(n * np.pi / 4 / phi)


def noise(purpose, step, i, j):
    a, b, c, d = (np.uint64(word) for word in (i, j, step, purpose << 24))
    k, m, low = seed % 2**32, seed >> 32, 2**32 - 1
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = q >> 32 ^ b ^ k, q & low, p >> 32 ^ d ^ m, p & low
        k, m = k + 0x9E3779B9 & low, m + 0xBB67AE85 & low
    return a | b << 32, c | d << 32


x = np.stack(noise(1, 0, np.arange(n), 0), axis=1).view(np.int64)
i, j = np.triu_indices(n, 1)
for step in range(steps):
    d = (x[i] - x[j]) * (box / 2**64)
    r = np.sqrt((d * d).sum(axis=1))
    near = r < 1
    active = np.unique((i[near], j[near]))
    near &= (noise(2, step, i, j)[0] >> 11) / 2**53 < batch
    kick = (alpha * (2**64 / box) / 2 / r[near, None] * d[near]).astype(np.int64)
    np.add.at(x, i[near], kick)
    np.subtract.at(x, j[near], kick)
    if step % 10 == 0:
        print(step, len(active) / n)
