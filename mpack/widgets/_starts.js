// Starts and rules for `_kernel.js`, of which this is the front part: what mpack/packing.py and mpack/dynamics.py make of
// their arguments, to the same bits. KNOWN is _kernel.json.
function mpackStarts(KNOWN) {
  // ---------------------------------------------------------------------------------------------- exact numbers

  const raw = new DataView(new ArrayBuffer(8));

  /** A double >= 0 as [integer, power of two], exactly. */
  function parts(x) {
    raw.setFloat64(0, x);
    const all = raw.getBigUint64(0),
      e = Number(all >> 52n);
    return [(all & 0xfffffffffffffn) + (e ? 1n << 52n : 0n), (e || 1) - 1075];
  }

  const shifted = (m, power) => (power >= 0 ? m << BigInt(power) : m >> BigInt(-power));
  const bitsOf = (m) => m.toString(2).length;

  /** The double nearest to a quotient of integers, ties to even; not for results below 2**-1000. */
  function quotient(numerator, denominator) {
    const shift = 66 - (bitsOf(numerator) - bitsOf(denominator));
    const above = shift > 0 ? numerator << BigInt(shift) : numerator,
      below = shift < 0 ? denominator << BigInt(-shift) : denominator;
    const whole = above / below; // of some 66 bits, so that the last one only breaks ties
    return Number(above % below ? whole | 1n : whole) * 2 ** -shift;
  }

  /** The sum of doubles >= 0, correctly rounded, as Python's math.fsum. */
  function exactSum(values) {
    const counts = new Map();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    let total = 0n;
    for (const [value, count] of counts) {
      const [m, e] = parts(value);
      total += BigInt(count) * (m << BigInt(e + 1100));
    }
    return total ? quotient(total, 1n << 1100n) : 0;
  }

  /** The largest integer whose power is at most n. */
  function root(n, power) {
    const p = BigInt(power);
    let x = 1n << BigInt(Math.ceil(bitsOf(n) / power));
    for (;;) {
      const y = ((p - 1n) * x + n / x ** (p - 1n)) / p;
      if (y >= x) return x;
      x = y;
    }
  }

  /** The nearest integer, ties to even. */
  function nearest(x) {
    const down = Math.floor(x),
      rest = x - down;
    return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
  }

  // ---------------------------------------------------------------------------------------------- starts

  const PI = 31415926535897932384626433832795028841971693993751n,
    PI_UNIT = 10n ** 49n;
  const BALL = { 2: [1n, 4n], 3: [1n, 6n] }; // volume of a ball of diameter 1, over pi

  /** Edge of the box at packing fraction phi, correctly rounded; it has room for the `extents` of all. */
  function boxFor(phi, diameters, dim, extents = diameters) {
    const [volume, ev] = parts(exactSum(diameters.map((d) => (dim === 2 ? d * d : d * d * d)))),
      [p, ep] = parts(phi),
      [share, whole] = BALL[dim];
    const above = shifted(volume * PI * share, Math.max(ev - ep, 0) + 200 * dim),
      below = shifted(p * PI_UNIT * whole, Math.max(ep - ev, 0));
    const box = quotient(root(above / below, dim), 1n << 200n);
    if (!(box >= 2 * extents.reduce((a, b) => Math.max(a, b)) && box <= 1e9))
      throw new RangeError(`at phi = ${phi} the box must be two largest diameters wide, and at most 1e9; it is ${box}`);
    return box;
  }

  const alike = (values) => values.every((value) => value === values[0]);

  /** The mean, from the exact sum; of equal numbers their value. */
  const mean = (values) => (alike(values) ? values[0] : exactSum(values) / values.length);

  /** Relative sizes (or none: equal spheres) divided by their mean. */
  function normalised(sizes, n) {
    if (!sizes || alike(sizes)) return new Float64Array(n).fill(1);
    const most = sizes.reduce((a, b) => Math.max(a, b)),
      scaled = Float64Array.from(sizes, (size) => size / most);
    const unit = mean(scaled);
    return scaled.map((size) => size / unit);
  }

  /** The radius of the sphere (disc) as large as a body with these semi-axes, correctly rounded. */
  function equalRadius(row) {
    const dim = row.length,
      all = Array.from(row, parts),
      power = all.reduce((sum, [, e]) => sum + e, 0),
      shift = 200 * dim + (((power % dim) + dim) % dim),
      product = all.reduce((whole, [m]) => whole * m, 1n);
    return quotient(root(product << BigInt(shift), dim), 1n) * 2 ** ((power - shift) / dim);
  }

  /** Those of all bodies, of their semi-axes, three each. */
  function equalRadii(semi, dim) {
    const known = new Map();
    return Float64Array.from({ length: semi.length / 3 }, (_, i) => {
      const row = semi.subarray(3 * i, 3 * i + dim),
        key = row.join();
      if (!known.has(key)) known.set(key, equalRadius(row));
      return known.get(key);
    });
  }

  /**
   * Bodies with these relative semi-axes, of all alike or a list of those of each: { semi (three each, of an ellipse its
   * shorter one twice), radii, diameters (of spheres as large), extents }. Spheres, if they are such: { diameters }.
   */
  function bodiesOf(axes, n, dim) {
    const rows = typeof axes[0] === "number" ? Array(n).fill(axes) : axes,
      given = new Float64Array(3 * n);
    rows.forEach((row, i) => given.set(dim === 2 ? [...row, Math.min(...row)] : row, 3 * i));
    const of = (semi, pick) => Float64Array.from({ length: n }, (_, i) => pick(...semi.subarray(3 * i, 3 * i + 3)));
    if (!of(given, (...row) => Math.min(...row) > 0 && Math.max(...row) / Math.min(...row) <= KNOWN.aspect).every(Boolean))
      throw new RangeError(`the semi-axes of a body must be positive, and within a factor of ${KNOWN.aspect} of each other`);
    const unit = 2 * mean(equalRadii(given, dim)),
      semi = given.map((a) => a / unit);
    if (of(semi, (a, b, c) => a === b && (dim === 2 || a === c)).every(Boolean)) {
      const diameters = of(semi, (a) => 2 * a);
      return { diameters: alike(diameters) ? diameters.fill(1) : diameters };
    }
    let radii = equalRadii(semi, dim);
    if (alike(radii)) radii = radii.fill(0.5);
    return { semi, radii, diameters: radii.map((r) => 2 * r), extents: of(semi, (...row) => 2 * Math.max(...row)) };
  }

  /** Packing.lattice(name, cells, phi, dim). */
  function lattice({ name, cells, phi, dim }) {
    const basis = KNOWN.lattices[dim][name],
      n = basis.length * cells ** dim,
      parts = BigInt(2 * cells);
    const place = Array.from({ length: 2 * cells }, (_, k) =>
      BigInt.asIntN(64, ((BigInt(k) << 65n) + parts) / (2n * parts)),
    );
    const fixed = new BigInt64Array(n * dim);
    for (let i = 0; i < n; i++) {
      const point = basis[i % basis.length];
      let corner = Math.floor(i / basis.length);
      for (let axis = dim - 1; axis >= 0; axis--) {
        fixed[i * dim + axis] = place[2 * (corner % cells) + point[axis]];
        corner = Math.floor(corner / cells);
      }
    }
    const diameters = new Float64Array(n).fill(1);
    return { n, dim, box: boxFor(phi, diameters, dim), diameters, fixed };
  }

  /** Packing(positions, box), of equal spheres; positions: a list of [x, y] or [x, y, z], in mean diameters. */
  function packing({ positions, box }) {
    const n = positions.length,
      dim = positions[0].length;
    const fixed = BigInt64Array.from(positions.flat(), (value) => {
      const fraction = value / box;
      return BigInt.asIntN(64, BigInt(nearest((fraction - nearest(fraction)) * 2 ** 64)));
    });
    return { n, dim, box, diameters: new Float64Array(n).fill(1), fixed };
  }

  // ---------------------------------------------------------------------------------------------- rules

  /** The largest correlation of SGD at a batch fraction, see mpack/dynamics.py. */
  function largestCorrelation(b) {
    const most = b <= 0.5 ? b / (1 - b) : (1 - b) / b;
    return Math.max(most, Number(most.toFixed(15)));
  }

  /** A potential as the kernels take it: { name, its numbers } or { name: "Tabulated", table }, as Python's `.table`. */
  function potentialOf({ name = "Linear", table = [0], ...given } = {}) {
    const { kind, given: defaults } = KNOWN.potentials[name];
    let [a = 0, b = 0] = Object.entries(defaults).map(([key, value]) => given[key] ?? value);
    let reach = name === "LennardJones" ? b : 1,
      steepest = { Linear: 0.5, Harmonic: a, Hertzian: a }[name] ?? Infinity;
    if (name === "Tabulated") {
      a = table.length / 5;
      b = reach = table[table.length - 5];
      steepest = 0;
      for (let at = 0; at + 5 < table.length; at += 5) {
        const h = table[at + 5] - table[at],
          [c1, c2, c3] = [2, 3, 4].map((k) => Math.abs(table[at + k]));
        steepest = Math.max(steepest, c1 + 2 * c2 * h + 3 * c3 * h * h);
      }
    }
    return { name, kind, a, b, reach, steepest, table };
  }

  /** The number that a rule draws: how, and what of. */
  function noiseOf({ dynamics, approximation, batch_fraction, batch_size }) {
    if (dynamics.endsWith("BRO"))
      return approximation ? ["gaussian", { mean: 0.5, spread: Math.sqrt(1 / 12) }] : ["uniform", {}];
    if (dynamics === "RandomOrganization")
      return approximation ? ["gaussian kick", { spread: Math.sqrt(1 / 3) }] : ["kick", {}];
    if (dynamics === "GD") return ["one", {}];
    if (batch_size) return ["batch", { batch: batch_size }];
    if (batch_fraction === 1) return ["one", {}];
    const b = batch_fraction;
    return approximation ? ["gaussian", { mean: b, spread: Math.sqrt(b - b * b) }] : ["bernoulli", { fraction: b }];
  }

  /**
   * The recipe of a rule: { dynamics, eps or alpha, batch_fraction or batch_size, correlation, memory, rotation,
   * approximation, potential }, named as in mpack.dynamics; "GD" is SGD with the whole batch.
   */
  function recipe(rule) {
    const { dynamics, eps, alpha, memory = null, rotation = 1, potential } = rule,
      [kind, drawn] = noiseOf(rule),
      single = dynamics === "IndividualBRO" || dynamics === "RCD",
      ends = ["PairwiseBRO", "SGD", "RandomOrganization"].includes(dynamics) && kind !== "one" && kind !== "batch";
    const made = { pair: "one", particle: "one", mean: 0, spread: 0, fraction: 1, batch: 0, ...drawn };
    made[single ? "particle" : "pair"] = kind;
    made.potential = potentialOf(potential);
    made.rotation = rotation;
    made.scale = dynamics.endsWith("BRO") ? 2 * eps : dynamics === "RandomOrganization" ? eps : alpha;
    const c = (made.correlation = dynamics === "NonreciprocalBRO" ? 0 : ends ? (rule.correlation ?? -1) : -1);
    made.memory = ends && memory ? 1 : 0;
    made.tied = c === -1 ? 0 : Math.abs(c);
    if (kind === "bernoulli" && c > 0) made.tied = Math.min(1, c / largestCorrelation(made.fraction));
    return made;
  }

  /** A bound on the push of one contact, in boxes. */
  function strongestOf({ pair, scale, mean, spread, tied, potential }, { box, diameters }) {
    const most = tied === 0 ? 9 : 13; // Gaussian numbers end at 8.6, a sum of two at 12.2
    if (pair.endsWith("kick")) return (scale * Math.max(1, most * spread)) / box;
    let force = potential.steepest;
    if (potential.name !== "Linear") force /= diameters.reduce((a, b) => Math.min(a, b));
    return (scale * force * (pair === "gaussian" ? Math.abs(mean) + most * spread : 1)) / box;
  }

  return { alike, normalised, bodiesOf, boxFor, lattice, packing, recipe, strongestOf };
}
