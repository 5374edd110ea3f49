// The step in two dimensions once more, written by hand: it shares nothing with the kernels but the noise, which is
// mpack/widgets/_exact.js and has to stand before it. Pages ran it before they had the kernels themselves; now it is a
// cross-check of them (tests/test_wasm.py), for one release more.
//
// A coordinate is a 64-bit integer, the fraction of the box in units of 2**-64, kept as two 32-bit halves. Neighbours
// are found in another way than the library's: that changes no bit, because pushes are integers and each random number
// belongs to its labels, not to an order of visits.
const twin = (() => {
  const TWO32 = 2 ** 32,
    TWO64 = 2 ** 64;
  const LIMIT = 2 ** 63 - 1024; // the largest double below half the box, in units of the coordinates
  const STREAM = 1,
    FORMAT = 1; // versions of the noise and of the layout, part of every digest
  const START = 1,
    PAIR = 2,
    PAIR_REVERSE = 3,
    PARTICLE = 4,
    BATCH = 5; // purposes of the noise
  const { bits, uniform, gaussian, words } = exact;

  // ---------------------------------------------------------------------------------------------- sizes and box

  const raw = new DataView(new ArrayBuffer(8));

  /** A double >= 0 as [integer, power of two], exactly. */
  function parts(x) {
    raw.setFloat64(0, x);
    const all = raw.getBigUint64(0),
      e = Number(all >> 52n);
    return [(all & 0xfffffffffffffn) + (e ? 1n << 52n : 0n), (e || 1) - 1075];
  }

  /** numerator / denominator, correctly rounded: a double with 53 bits, ties to even. */
  function quotient(numerator, denominator) {
    if (!numerator) return 0;
    const shift = 66 - (numerator.toString(2).length - denominator.toString(2).length);
    if (shift >= 0) numerator <<= BigInt(shift);
    else denominator <<= BigInt(-shift);
    let q = numerator / denominator;
    if (numerator % denominator) q |= 1n; // sticky: q has some 66 bits, so that its last one only breaks ties
    return Number(q) * 2 ** -shift;
  }

  /** The sum of count[k] times the double value[k], correctly rounded (as Python's math.fsum). */
  function exactSum(values, counts) {
    let total = 0n;
    values.forEach((value, k) => {
      const [m, e] = parts(value);
      total += BigInt(counts[k]) * (m << BigInt(e + 1100));
    });
    return quotient(total, 1n << 1100n);
  }

  function squareRoot(n) {
    let x = 1n << BigInt((n.toString(2).length + 1) >> 1),
      y = (x + n / x) >> 1n;
    while (y < x) {
      x = y;
      y = (x + n / x) >> 1n;
    }
    return x;
  }

  const PI = 31415926535897932384626433832795028841971693993751n,
    PI_UNIT = 10n ** 49n; // 50 digits

  /** Edge of the square at packing fraction phi: sqrt(sum of D**2 pi/4 / phi), correctly rounded. */
  function boxFor(phi, squares) {
    const [s, es] = parts(squares),
      [p, ep] = parts(phi);
    let above = (s * PI) << 400n,
      below = 4n * PI_UNIT * p;
    if (es >= ep) above <<= BigInt(es - ep);
    else below <<= BigInt(ep - es);
    return quotient(squareRoot(above / below), 1n << 200n);
  }

  /** The nearest integer, ties to even. */
  function nearest(x) {
    const down = Math.floor(x),
      rest = x - down;
    return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
  }

  /** Diameters of n discs, the first half `ratio` times smaller than the rest, divided by their mean. */
  function diametersOf(n, ratio) {
    if (ratio === 1) return new Float64Array(n).fill(1);
    const few = n >> 1,
      small = 1 / ratio;
    const mean = exactSum([small, 1], [few, n - few]) / n;
    return new Float64Array(n).fill(small / mean, 0, few).fill(1 / mean, few);
  }

  // ---------------------------------------------------------------------------------------------- digest

  const SIGMA = [
    "0123456789abcdef",
    "ea489fd61c02b753",
    "b8c052fdae367194",
    "7931dcbe265a40f8",
    "905724afe1bc683d",
    "2c6a0b834d75fe19",
    "c51fed4a0763928b",
    "db7ec13950f4862a",
    "6fe9b308c2d714a5",
    "a2847615fb9e3cd0",
    "0123456789abcdef",
    "ea489fd61c02b753",
  ].map((row) => [...row].map((digit) => parseInt(digit, 16)));
  const IV = Uint32Array.of(
    // lower half, upper half of each word
    0xf3bcc908,
    0x6a09e667,
    0x84caa73b,
    0xbb67ae85,
    0xfe94f82b,
    0x3c6ef372,
    0x5f1d36f1,
    0xa54ff53a,
    0xade682d1,
    0x510e527f,
    0x2b3e6c1f,
    0x9b05688c,
    0xfb41bd6b,
    0x1f83d9ab,
    0x137e2179,
    0x5be0cd19,
  );
  const v = new Uint32Array(32),
    m = new Uint32Array(32);

  function plus(a, lower, upper) {
    const sum = v[a] + lower;
    v[a + 1] = v[a + 1] + upper + (sum >= TWO32 ? 1 : 0);
    v[a] = sum;
  }

  /** v[a] = (v[a] ^ v[b]) rotated right by `by` (below 32, or 32, or 63). */
  function turn(a, b, by) {
    const x = v[a] ^ v[b],
      y = v[a + 1] ^ v[b + 1];
    if (by === 32) {
      v[a] = y;
      v[a + 1] = x;
    } else if (by === 63) {
      v[a] = (x << 1) | (y >>> 31);
      v[a + 1] = (y << 1) | (x >>> 31);
    } else {
      v[a] = (x >>> by) | (y << (32 - by));
      v[a + 1] = (y >>> by) | (x << (32 - by));
    }
  }

  function mix(a, b, c, d, x, y) {
    plus(a, v[b], v[b + 1]);
    plus(a, m[2 * x], m[2 * x + 1]);
    turn(d, a, 32);
    plus(c, v[d], v[d + 1]);
    turn(b, c, 24);
    plus(a, v[b], v[b + 1]);
    plus(a, m[2 * y], m[2 * y + 1]);
    turn(d, a, 16);
    plus(c, v[d], v[d + 1]);
    turn(b, c, 63);
  }

  /** BLAKE2b (RFC 7693) of some bytes, as hexadecimal. */
  function blake2b(bytes, size) {
    const h = IV.slice(),
      view = new DataView(new ArrayBuffer(128));
    h[0] ^= 0x01010000 ^ size;
    const blocks = Math.max(1, Math.ceil(bytes.length / 128));
    for (let block = 0; block < blocks; block++) {
      const end = Math.min(bytes.length, 128 * (block + 1));
      new Uint8Array(view.buffer).fill(0).set(bytes.subarray(128 * block, end));
      for (let k = 0; k < 32; k++) m[k] = view.getUint32(4 * k, true);
      v.set(h);
      v.set(IV, 16);
      v[24] ^= end; // lengths stay below 2**32
      if (block === blocks - 1) {
        v[28] = ~v[28];
        v[29] = ~v[29];
      }
      for (const s of SIGMA) {
        mix(0, 8, 16, 24, s[0], s[1]);
        mix(2, 10, 18, 26, s[2], s[3]);
        mix(4, 12, 20, 28, s[4], s[5]);
        mix(6, 14, 22, 30, s[6], s[7]);
        mix(0, 10, 20, 30, s[8], s[9]);
        mix(2, 12, 22, 24, s[10], s[11]);
        mix(4, 14, 16, 26, s[12], s[13]);
        mix(6, 8, 18, 28, s[14], s[15]);
      }
      for (let k = 0; k < 16; k++) h[k] ^= v[k] ^ v[k + 16];
    }
    return [...new Uint8Array(h.buffer, 0, size)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // ---------------------------------------------------------------------------------------------- the rules

  /** A rule as the step takes it: push = scale * (1/2) * (number of the pair) * (number of the particle). */
  function recipe({ dynamics, approximation, eps, alpha, batch_fraction, batch_size }) {
    const organization = dynamics.endsWith("BRO"),
      single = dynamics === "IndividualBRO" || dynamics === "RCD";
    const rule = {
      scale: organization ? 2 * eps : alpha,
      pair: "one",
      particle: "one",
      mean: 0,
      spread: 0,
      fraction: batch_fraction,
      batch: batch_size,
      reciprocal: dynamics !== "NonreciprocalBRO",
    };
    let kind = approximation ? "gaussian" : organization ? "uniform" : "bernoulli";
    if (organization) {
      rule.mean = 0.5;
      rule.spread = Math.sqrt(1 / 12);
    } else if (dynamics === "GD" || (!batch_size && batch_fraction === 1)) kind = "one";
    else if (batch_size)
      kind = "batch"; // exactly B have no approximation by independent Gaussians
    else {
      rule.mean = batch_fraction;
      rule.spread = Math.sqrt(batch_fraction - batch_fraction * batch_fraction);
    }
    rule[single ? "particle" : "pair"] = kind;
    return rule;
  }

  // ---------------------------------------------------------------------------------------------- discs

  /**
   * Discs in a periodic square: `new Discs({ n, phi, ratio, seed })` is Packing.random(n, phi, 2, seed, ...), and
   * `new Discs({ positions, box, seed })` is Packing(positions, box), equal discs.
   */
  class Discs {
    constructor({ positions, n = positions.length, phi = 1, ratio = 1, box, seed }) {
      this.n = n;
      this.diameters = diametersOf(n, ratio);
      this.radius = this.diameters.map((diameter) => 0.5 * diameter);
      this.largest = Math.max(this.diameters[0], this.diameters[n - 1]);
      const few = n >> 1,
        ends = [this.diameters[0], this.diameters[n - 1]];
      const squares = ends.map((d) => d * d);
      this.box = box ?? boxFor(phi, exactSum(squares, [few, n - few]));
      this.xh = new Int32Array(n);
      this.xl = new Int32Array(n);
      this.yh = new Int32Array(n);
      this.yl = new Int32Array(n);
      for (let i = 0; i < n; i++) {
        if (positions) this.place(i, positions[i]);
        else {
          bits(seed, START, 0, i, 0);
          [this.xl[i], this.xh[i], this.yl[i], this.yh[i]] = words();
        }
      }
      this.seed = seed;
      this.step = 0;
      this.clipped = 0; // pushes cut to half the box: 0 unless the parameters are absurd
      for (const name of ["pxh", "pxl", "pxb", "pyh", "pyl", "pyb", "anchorX", "anchorY"])
        this[name] = new Int32Array(n);
      this.active = new Uint8Array(n);
      this.skin = 0.25;
      this.listed = false;
      this.rooms(6 * n);
      this.look();
    }

    /** Put disc i at [x, y], in mean diameters. */
    place(i, [x, y]) {
      for (const [value, high, low] of [
        [x, this.xh, this.xl],
        [y, this.yh, this.yl],
      ]) {
        const fraction = value / this.box,
          units = nearest((fraction - nearest(fraction)) * TWO64),
          upper = Math.floor(units / TWO32);
        high[i] = upper;
        low[i] = units - upper * TWO32;
      }
    }

    /** Room for pairs in the neighbour list, and for contacts. */
    rooms(pairs) {
      this.front = new Uint16Array(pairs);
      this.back = new Uint16Array(pairs);
      this.ci = new Uint16Array(pairs);
      this.cj = new Uint16Array(pairs);
      this.cx = new Float64Array(pairs);
      this.cy = new Float64Array(pairs);
      this.slope = new Float64Array(pairs);
    }

    /** List every pair closer than its contact distance and the skin, from a grid of cells. */
    list() {
      const { n, box, xh, yh, radius, largest } = this;
      const skin = Math.min(this.skin, box / 8),
        reach = largest + skin,
        unit = box / TWO32;
      const cells = Math.max(1, Math.min(Math.floor(box / reach), 256)),
        grid = cells < 3 ? 1 : cells;
      const cellOf = (i) =>
        grid === 1 ? 0 : Math.floor(((xh[i] >>> 0) * grid) / TWO32) * grid + Math.floor(((yh[i] >>> 0) * grid) / TWO32);
      const first = new Int32Array(grid * grid + 1),
        next = new Int32Array(n);
      first.fill(-1);
      for (let i = n - 1; i >= 0; i--) {
        const c = cellOf(i);
        next[i] = first[c];
        first[c] = i;
      }
      let count = 0;
      const around =
        grid === 1
          ? [[0, 0]]
          : [
              [0, 0],
              [0, 1],
              [1, -1],
              [1, 0],
              [1, 1],
            ];
      for (let cx = 0; cx < grid; cx++)
        for (let cy = 0; cy < grid; cy++) {
          for (const [ox, oy] of around) {
            const other = ((cx + ox) % grid) * grid + ((cy + oy + grid) % grid),
              same = !ox && !oy;
            for (let i = first[cx * grid + cy]; i >= 0; i = next[i]) {
              for (let j = same ? next[i] : first[other]; j >= 0; j = next[j]) {
                const dx = ((xh[i] - xh[j]) | 0) * unit,
                  dy = ((yh[i] - yh[j]) | 0) * unit;
                const cut = radius[i] + radius[j] + skin;
                if (dx * dx + dy * dy < cut * cut) {
                  if (count === this.front.length) return (this.rooms(2 * count), this.list());
                  this.front[count] = i;
                  this.back[count++] = j;
                }
              }
            }
          }
        }
      this.pairs = count;
      this.anchorX.set(xh);
      this.anchorY.set(yh);
      const half = (0.5 * skin) / unit - 4;
      this.far = half * half; // beyond this squared displacement of one disc the list is stale
      this.listed = true;
    }

    /** Find the contacts: who is active, the energy. */
    look() {
      if (!this.listed) this.list();
      const { box, xh, xl, yh, yl, radius, active, front, back, ci, cj, cx, cy, slope } = this;
      const length = box / TWO64,
        unit = TWO32 / box;
      const same = this.diameters[0] === this.diameters[this.n - 1] ? this.radius[0] + this.radius[0] : 0;
      let count = 0,
        upper = 0,
        lower = 0;
      active.fill(0);
      for (let p = 0; p < this.pairs; p++) {
        const i = front[p],
          j = back[p];
        const hx = (xh[i] - xh[j]) | 0,
          hy = (yh[i] - yh[j]) | 0;
        const touch = same || radius[i] + radius[j],
          near = touch * unit + 8;
        if (hx * hx + hy * hy > near * near) continue; // the upper halves alone say no
        const ax = xl[i] >>> 0,
          bx = xl[j] >>> 0,
          ay = yl[i] >>> 0,
          by = yl[j] >>> 0;
        let dx = (((hx - (ax < bx ? 1 : 0)) | 0) * TWO32 + ((ax - bx) >>> 0)) * length;
        const dy = (((hy - (ay < by ? 1 : 0)) | 0) * TWO32 + ((ay - by) >>> 0)) * length;
        let square = dx * dx + dy * dy;
        if (square === 0) {
          dx = i < j ? length : -length;
          square = dx * dx;
        }
        if (square < touch * touch) {
          active[i] = active[j] = 1;
          const r = Math.sqrt(square),
            units = Math.trunc(0.5 * (touch - r) * 2 ** 56); // energy in units of 2**-56
          const whole = Math.floor(units / 2 ** 28);
          upper += whole;
          lower += units - whole * 2 ** 28;
          ci[count] = i;
          cj[count] = j;
          cx[count] = dx;
          cy[count] = dy;
          slope[count++] = r;
        }
      }
      this.contacts = count;
      this.energy = (upper * 2 ** 28 + lower) / 2 ** 56;
      let moving = 0;
      for (let i = 0; i < this.n; i++) moving += active[i];
      this.activeCount = moving;
      this.activity = moving / this.n;
      this.absorbed = moving === 0;
    }

    /** One number for each label pair a < b (particle: b = 0) at this step. */
    number(kind, purpose, rule, a, b) {
      if (kind === "one") return 1;
      bits(this.seed, kind === "batch" ? BATCH : purpose, this.step, a, b);
      if (kind === "uniform") return uniform();
      if (kind === "bernoulli") return uniform() < rule.fraction ? 1 : 0;
      if (kind === "gaussian") return rule.mean + rule.spread * gaussian();
      const [w0, w1] = words();
      return w1 < this.keyHigh || (w1 === this.keyHigh && w0 <= this.keyLow) ? 1 : 0;
    }

    /** The largest key in a batch of exactly `size` among label pairs; all are in where there are fewer. */
    settleBatch(size, labels) {
      this.keyHigh = this.keyLow = TWO32 - 1;
      if (labels.length <= size) return;
      const keys = labels.map(([a, b]) => {
        bits(this.seed, BATCH, this.step, a, b);
        return words().slice(0, 2).reverse();
      });
      keys.sort((x, y) => x[0] - y[0] || x[1] - y[1]);
      [this.keyHigh, this.keyLow] = keys[size - 1];
    }

    /** Add a push of disc i along one axis, in units of the coordinates, cut and truncated as in the library.
     *  Whole boxes among all its pushes are counted apart. */
    push(high, low, boxes, i, value) {
      const cut = Math.min(Math.max(value, -LIMIT), LIMIT),
        whole = Math.trunc(cut),
        upper = Math.floor(whole / TWO32);
      if (cut !== value) this.clipped++;
      const sum = (low[i] >>> 0) + (whole - upper * TWO32);
      const above = high[i] + upper + (sum >= TWO32 ? 1 : 0);
      high[i] = above;
      low[i] = sum;
      boxes[i] += (above - (above | 0)) / TWO32;
    }

    /** Multiply the push of disc i along one axis by a number: whole boxes and all, then modulo the box. */
    scale(high, low, boxes, i, factor) {
      const value = (high[i] * TWO32 + (low[i] >>> 0) + boxes[i] * TWO64) * factor;
      let rest = value;
      if (Math.abs(value) >= TWO64 / 2) {
        rest -= Math.floor(value / TWO64 + 0.5) * TWO64;
        if (rest >= TWO64 / 2) rest -= TWO64; // the sum above was rounded
        if (rest < -TWO64 / 2) rest += TWO64;
        if (rest !== value) this.clipped++;
      }
      const whole = Math.trunc(rest),
        upper = Math.floor(whole / TWO32);
      high[i] = upper;
      low[i] = whole - upper * TWO32;
    }

    /** One step under a rule; false if the packing is absorbed (then nothing changes). */
    advance(rule) {
      if (this.absorbed) return false;
      this.drawPushes(rule);
      this.move();
      this.step++;
      this.look();
      return true;
    }

    /** The pushes of this step, not yet carried out. */
    drawPushes(rule) {
      const { pxh, pxl, pxb, pyh, pyl, pyb, ci, cj, cx, cy, slope } = this;
      for (const part of [pxh, pxl, pxb, pyh, pyl, pyb]) part.fill(0);
      const scale = rule.scale * (TWO64 / this.box),
        half = 0.5 * scale;
      if (rule.pair === "batch")
        this.settleBatch(
          rule.batch,
          Array.from({ length: this.contacts }, (_, c) => [Math.min(ci[c], cj[c]), Math.max(ci[c], cj[c])]),
        );
      for (let c = 0; c < this.contacts; c++) {
        const i = ci[c],
          j = cj[c],
          a = i < j ? i : j,
          b = i < j ? j : i,
          steep = half / slope[c];
        const forth = this.number(rule.pair, PAIR, rule, a, b) * steep;
        const back = rule.reciprocal ? forth : this.number(rule.pair, PAIR_REVERSE, rule, a, b) * steep;
        const onI = i < j ? forth : back,
          onJ = i < j ? back : forth;
        this.push(pxh, pxl, pxb, i, onI * cx[c]);
        this.push(pyh, pyl, pyb, i, onI * cy[c]);
        this.push(pxh, pxl, pxb, j, -(onJ * cx[c]));
        this.push(pyh, pyl, pyb, j, -(onJ * cy[c]));
      }
      if (rule.particle !== "one") this.scalePushes(rule);
    }

    /** Particle-wise noise: multiply the whole push of each active disc by its number. */
    scalePushes(rule) {
      const { n, active, pxh, pxl, pxb, pyh, pyl, pyb } = this;
      if (rule.particle === "batch") {
        const labels = [];
        for (let i = 0; i < n; i++) if (active[i]) labels.push([i, 0]);
        this.settleBatch(rule.batch, labels);
      }
      for (let i = 0; i < n; i++) {
        if (!active[i]) continue;
        const factor = this.number(rule.particle, PARTICLE, rule, i, 0);
        if (factor === 1) continue; // the whole gradient, which a float would round
        this.scale(pxh, pxl, pxb, i, factor);
        this.scale(pyh, pyl, pyb, i, factor);
      }
    }

    move() {
      const { n, active, xh, xl, yh, yl, pxh, pxl, pyh, pyl, anchorX, anchorY, far } = this;
      for (let i = 0; i < n; i++) {
        if (!active[i]) continue;
        const x = (xl[i] >>> 0) + (pxl[i] >>> 0),
          y = (yl[i] >>> 0) + (pyl[i] >>> 0);
        xl[i] = x;
        xh[i] = xh[i] + pxh[i] + (x >= TWO32 ? 1 : 0);
        yl[i] = y;
        yh[i] = yh[i] + pyh[i] + (y >= TWO32 ? 1 : 0);
        const dx = (xh[i] - anchorX[i]) | 0,
          dy = (yh[i] - anchorY[i]) | 0;
        if (dx * dx + dy * dy >= far) this.listed = false;
      }
    }

    /** The library's digest of this packing. */
    digest() {
      const head = new TextEncoder().encode(`mpack stream ${STREAM} format ${FORMAT} n ${this.n} d 2\n`);
      const bytes = new Uint8Array(head.length + 16 * this.n),
        view = new DataView(bytes.buffer);
      bytes.set(head);
      for (let i = 0, at = head.length; i < this.n; i++, at += 16) {
        view.setInt32(at, this.xl[i], true);
        view.setInt32(at + 4, this.xh[i], true);
        view.setInt32(at + 8, this.yl[i], true);
        view.setInt32(at + 12, this.yh[i], true);
      }
      return blake2b(bytes, 16);
    }
  }

  return { Discs, recipe };
})();
