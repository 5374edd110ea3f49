// The library's noise once more, bit for bit, for figures that draw numbers and run no dynamics: counter-based, by IEEE
// arithmetic alone. What each line must reproduce stands in mpack/_kernels/noise.py. `exact.bits(seed, purpose, step, a, b)`
// draws; `words()`, `uniform()` and `gaussian()` say what.
const exact = (() => {
  const TWO32 = 2 ** 32;

  /** The upper half of the 64-bit product of two 32-bit words. */
  function high(a, b) {
    const al = a & 0xffff,
      ah = a >>> 16,
      bl = b & 0xffff,
      bh = b >>> 16;
    const t = (Math.imul(ah, bl) + (Math.imul(al, bl) >>> 16)) | 0;
    const u = (Math.imul(al, bh) + (t & 0xffff)) | 0;
    return (Math.imul(ah, bh) + (t >>> 16) + (u >>> 16)) | 0;
  }

  let w0 = 0,
    w1 = 0,
    w2 = 0,
    w3 = 0; // the four 32-bit words of the last call of `philox`

  /** Philox4x32-10 (Salmon et al. 2011) of a counter of four words under a key of two. */
  function philox(c0, c1, c2, c3, k0, k1) {
    for (let round = 0; round < 10; round++) {
      const p0 = Math.imul(0xd2511f53, c0),
        p1 = Math.imul(0xcd9e8d57, c2);
      const h0 = high(0xd2511f53, c0),
        h1 = high(0xcd9e8d57, c2);
      c0 = h1 ^ c1 ^ k0;
      c2 = h0 ^ c3 ^ k1;
      c1 = p1;
      c3 = p0;
      k0 = (k0 + 0x9e3779b9) | 0;
      k1 = (k1 + 0xbb67ae85) | 0;
    }
    w0 = c0 >>> 0;
    w1 = c1 >>> 0;
    w2 = c2 >>> 0;
    w3 = c3 >>> 0;
  }

  /** The noise of (seed, purpose, step, labels): seed and step are integers below 2**53. */
  function bits(seed, purpose, step, a, b) {
    const top = (Math.floor(step / TWO32) & 0xffffff) | (purpose << 24);
    philox(a | 0, b | 0, step | 0, top, seed | 0, Math.floor(seed / TWO32) | 0);
  }

  const first53 = () => w1 * 2 ** 21 + (w0 >>> 11),
    second53 = () => w3 * 2 ** 21 + (w2 >>> 11);
  /** U[0, 1) from the first 64-bit word. */
  const uniform = () => first53() * 2 ** -53;

  const raw = new Float64Array(1),
    halves = new Int32Array(raw.buffer);
  raw[0] = 1;
  const TOP = halves[1] === 0x3ff00000 ? 1 : 0; // where the upper half of a double lies on this machine

  /** Natural logarithm by IEEE + - * / alone: the library's series, in its order of operations. */
  function log(x) {
    raw[0] = x;
    const upper = halves[TOP],
      lower = halves[1 - TOP] >>> 0;
    const e = (upper - 0x3fe6a09e - (lower < 0x667f3bcd ? 1 : 0)) >> 20;
    halves[TOP] = upper - (e << 20);
    const m = raw[0],
      s = (m - 1) / (m + 1),
      z = s * s;
    let p = 1 / 21;
    for (let odd = 19; odd > 1; odd -= 2) p = p * z + 1 / odd;
    return e * 0.6931471805599453 + (2 * s + 2 * s * (z * p));
  }

  /** sin(pi t) for |t| <= 1/2, likewise. */
  function sinPi(t) {
    const x = 3.141592653589793 * t,
      z = x * x;
    let p = -1 / 25852016738884976640000;
    p = p * z + 1 / 51090942171709440000;
    p = p * z - 1 / 121645100408832000;
    p = p * z + 1 / 355687428096000;
    p = p * z - 1 / 1307674368000;
    p = p * z + 1 / 6227020800;
    p = p * z - 1 / 39916800;
    p = p * z + 1 / 362880;
    p = p * z - 1 / 5040;
    p = p * z + 1 / 120;
    p = p * z - 1 / 6;
    return x + x * (z * p);
  }

  /** A standard Gaussian from both words (Box and Muller). */
  function gaussian() {
    const u = (first53() + 1) * 2 ** -53,
      t = (second53() + 0.5) * 2 ** -53 - 0.5;
    return Math.sqrt(-2 * log(u)) * sinPi(t);
  }

  return { bits, uniform, gaussian, words: () => [w0, w1, w2, w3] };
})();
