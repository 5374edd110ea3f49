// Valley: steady states displaced by Gaussian amounts, and how much their energy rises: drawn, with the library's own
// noise (mpack.flatness with samples and seed), and in closed form (mpack.observables.pair_flatness, d = 3).
// DATA: {n, box, bits, phi, alpha, path, states: [{rule, batch_fraction, start, positions}]}.
const FLATNESS = 6, // purpose of the noise
  REACH = 8, // pairs farther from contact than this many standard deviations of a gap do not count
  MOST_DRAWS = 20000,
  DIRECTIONS = 12, // along which the valley is drawn
  ALONG = Array.from({ length: 41 }, (_, k) => (k - 20) / 10), // places on each, in units of the displacement
  SHAPES = { SGD: 1, RCD: 2, GD: 4 },
  PER_THOUSAND = 2000 / DATA.n, // energies in units of U(0) = 1/2, per thousand spheres
  UNITS = "Δ*V*/*U*_0 per thousand spheres";

// -------------------------------------------------------------------------------------------------- the physics

/** Integer coordinates, `bits` of each, three a sphere: [x0, y0, z0, x1, ...]. */
function unpacked({ positions }) {
  const bytes = runtime.bytes(positions);
  return Int32Array.from(
    { length: 3 * DATA.n },
    (_, k) => (bytes[3 * k] << 16) | (bytes[3 * k + 1] << 8) | bytes[3 * k + 2],
  );
}

/** Pairs closer than `cut`: labels, and separation x, y, z, r of the nearest image. */
function pairsWithin(places, cut) {
  const fold = 32 - DATA.bits, // to the sign bit: differences wrap around the box as integers do
    unit = DATA.box / 2 ** DATA.bits,
    list = { i: [], j: [], x: [], y: [], z: [], r: [] };
  for (let i = 0; i < DATA.n; i++)
    for (let j = i + 1; j < DATA.n; j++) {
      const x = (((places[3 * i] - places[3 * j]) << fold) >> fold) * unit,
        y = (((places[3 * i + 1] - places[3 * j + 1]) << fold) >> fold) * unit,
        z = (((places[3 * i + 2] - places[3 * j + 2]) << fold) >> fold) * unit,
        square = x * x + y * y + z * z;
      if (square >= cut * cut) continue;
      list.i.push(3 * i);
      list.j.push(3 * j);
      list.x.push(x);
      list.y.push(y);
      list.z.push(z);
      list.r.push(Math.sqrt(square));
    }
  return Object.fromEntries(Object.entries(list).map(([name, values]) => [name, Float64Array.from(values)]));
}

/** [density, area above x] of the standard normal law, x >= 0, to rounding. */
function normal(x) {
  const density = Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
  if (x > 9) return [density, 0]; // below 1e-18
  let term = x,
    sum = 0;
  for (let odd = 3; sum + term !== sum; odd += 2) {
    sum += term;
    term *= (x * x) / odd;
  }
  return [density, Math.max(0, 0.5 - density * sum)];
}

/** Mean rise of the energy of one pair at distance r: the two lines that the chapter derives. */
function pairRise(r, s) {
  const h = r - 1,
    [density, above] = normal(Math.abs(h) / s);
  const kink = 0.5 * (s * density - Math.abs(h) * above),
    sideways = ((0.5 * s * s) / r) * (h > 0 ? above : 1 - above);
  return kink - sideways;
}

/** Mean rise of the energy over displacements of standard deviation sigma, from the distances of pairs. */
function meanRise(distances, sigma) {
  const s = Math.SQRT2 * sigma,
    cut = 1 + REACH * s;
  let sum = 0;
  for (const r of distances) if (r < cut) sum += pairRise(r, s);
  return sum;
}

/** One draw of all displacements, as the library draws them. */
function displacements(seed, draw, sigma, into) {
  for (let k = 0; k < into.length; k++) {
    exact.bits(seed, FLATNESS, draw, Math.floor(k / 3), k % 3);
    into[k] = sigma * exact.gaussian();
  }
}

/** Rise of the energy when all spheres are displaced by t times `shift`. */
function rise({ i, j, x, y, z, r }, shift, t) {
  let sum = 0;
  for (let p = 0; p < r.length; p++) {
    const a = i[p],
      b = j[p],
      dx = x[p] + t * (shift[a] - shift[b]),
      dy = y[p] + t * (shift[a + 1] - shift[b + 1]),
      dz = z[p] + t * (shift[a + 2] - shift[b + 2]),
      square = dx * dx + dy * dy + dz * dz;
    if (square < 1) sum += 0.5 * (1 - Math.sqrt(square));
    if (r[p] < 1) sum -= 0.5 * (1 - r[p]);
  }
  return sum;
}

// -------------------------------------------------------------------------------------------------- the figure

class Valley {
  constructor(ui) {
    this.ui = ui;
    this.shift = new Float64Array(3 * DATA.n);
    Object.assign(
      this,
      runtime.pace(ui, {
        done: () => this.draws,
        over: () => this.draws >= MOST_DRAWS,
        once: () => this.once(),
      }),
    ); // busy, advance, rewind, target
    ui.stage.classList.add("mpk-halves");
    ui.canvas({
      ratio: 1,
      draw: (g, width, height, colours) => this.drawValley(g, width, height, colours),
      label: () => `Rise of the energy along ${DIRECTIONS} drawn directions, and its mean, ${this.said(this.exact)} at σ`,
    });
    ui.canvas({
      ratio: 1,
      draw: (g, width, height, colours) => this.drawHistogram(g, width, height, colours),
      label: () => `Histogram of ${this.draws} draws, closed form ${this.said(this.exact)}`,
    });
    this.levelsPane = ui.canvas({
      ratio: 2.6,
      draw: (g, width, height, colours) => this.drawLevels(g, width, height, colours),
      label: () => `Closed form of all states at this σ against batch fraction: ${this.levelWords()}`,
    });
    this.levelsPane.holder.style.gridColumn = "1 / -1";
    ui.readouts({
      "closed form": () => this.said(this.exact),
      "mean of the draws": () => (this.draws > 1 ? this.said(this.drawn().mean) : "–"),
      "its standard error": () => (this.draws > 1 ? runtime.written(this.drawn().error, 2) : "–"),
      draws: () => runtime.counted(this.draws),
    });
    ui.clock();
    ui.lead("rule", "batch_fraction", "sigma");
    ui.group("start", "seed", "speed");
    ui.group("paired", "levels");
  }

  said(x) {
    return runtime.written(x);
  }

  /** The name of the shown rule: with the whole batch both are gradient descent. */
  get rule() {
    const { rule, batch_fraction } = this.ui.state;
    return Number(batch_fraction) === 1 ? "GD" : rule;
  }

  /** A kept state as the figure uses it: coordinates, and distances of all pairs that any sigma may reach. */
  kept(rule, fraction, start) {
    const own = DATA.states.find(
      (one) => one.rule === rule && one.batch_fraction === fraction && one.start === start,
    );
    own.places ??= unpacked(own);
    own.distances ??= pairsWithin(own.places, 1 + REACH * Math.SQRT2 * SCHEMA.state.sigma.max).r;
    return own;
  }

  restart(names) {
    const { state } = this.ui;
    const another = names.some((name) => ["rule", "batch_fraction", "start"].includes(name)) && !names.includes("sigma");
    const enough = this.draws > 20;
    this.ghost = another && enough ? { values: this.values, draws: this.draws, name: this.name, rule: this.was } : null;
    this.was = this.rule;
    this.name = this.rule === "GD" ? "GD" : `${this.rule}, *b*_f = ${state.batch_fraction}`;
    const own = this.kept(this.rule, Number(state.batch_fraction), Number(state.start)),
      s = Math.SQRT2 * state.sigma;
    this.pairs = pairsWithin(own.places, 1 + REACH * s);
    this.exact = PER_THOUSAND * meanRise(own.distances, state.sigma);
    this.section(own);
    this.values = { forth: [], back: [] };
    this.draws = 0;
    this.rewind();
  }

  changed() {
    this.levelsPane.holder.hidden = !this.ui.state.levels;
  }

  /** The valley along the first directions of the draws, and its mean. */
  section({ places, distances }) {
    const { sigma, seed } = this.ui.state,
      widest = ALONG[ALONG.length - 1],
      pairs = pairsWithin(places, 1 + widest * REACH * Math.SQRT2 * sigma);
    this.sections = Array.from({ length: DIRECTIONS }, (_, draw) => {
      displacements(seed, draw, sigma, this.shift);
      return ALONG.map((t) => PER_THOUSAND * rise(pairs, this.shift, t));
    });
    const half = ALONG.filter((t) => t > 0).map((t) => PER_THOUSAND * meanRise(distances, t * sigma));
    this.floor = [...half.toReversed(), 0, ...half];
  }

  once() {
    if (this.draws >= MOST_DRAWS) return;
    const { seed, sigma } = this.ui.state;
    displacements(seed, this.draws, sigma, this.shift);
    this.values.forth.push(PER_THOUSAND * rise(this.pairs, this.shift, 1));
    this.values.back.push(PER_THOUSAND * rise(this.pairs, this.shift, -1));
    this.draws++;
  }

  moment() {
    return { step: this.draws };
  }

  /** What is in the histogram: each draw alone, or averaged with its opposite. */
  shownValues({ forth, back } = this.values) {
    return this.ui.state.paired ? forth.map((value, k) => 0.5 * (value + back[k])) : forth;
  }

  /** Mean, standard deviation and standard error of the draws, computed once for each number of them. */
  drawn() {
    const { paired } = this.ui.state;
    if (this.summary?.values !== this.values || this.summary.draws !== this.draws || this.summary.paired !== paired) {
      const values = this.shownValues(),
        count = values.length,
        mean = values.reduce((sum, value) => sum + value, 0) / count,
        spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1));
      this.summary = { values: this.values, draws: this.draws, paired, mean, spread, error: spread / Math.sqrt(count) };
    }
    return this.summary;
  }

  /** {rule: [[b_f, mean over starts, standard error]]} in closed form at this sigma. */
  levels() {
    const { sigma } = this.ui.state;
    if (this.levelsAt !== sigma) {
      const found = {};
      for (const { rule, batch_fraction: fraction } of DATA.states.filter(({ start }) => start === 1)) {
        const values = DATA.states
          .filter((one) => one.rule === rule && one.batch_fraction === fraction)
          .map(({ start }) => PER_THOUSAND * meanRise(this.kept(rule, fraction, start).distances, sigma));
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length,
          squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
        (found[rule] ??= []).push([fraction, mean, Math.sqrt(squares / (values.length - 1) / values.length)]);
      }
      [this.levelsAt, this.levelsKept] = [sigma, found];
    }
    return this.levelsKept;
  }

  levelWords() {
    return Object.entries(this.levels())
      .map(([rule, points]) => {
        const ends = [points[0], points[points.length - 1]].map(([b, mean]) => `${this.said(mean)} at ${b}`);
        return `${rule} ${[...new Set(ends)].join(" and ")}`;
      })
      .join("; ");
  }

  // ------------------------------------------------------------------------------------------------ words

  status() {
    if (this.busy()) return `On the way to draw ${runtime.counted(this.target())} …`;
    if (this.draws < 2) return "The closed form needs no draws. Press Run to see where they lie.";
    const { mean, error, spread } = this.drawn(),
      away = runtime.written(Math.abs(mean - this.exact) / error, 2);
    return (
      `The mean of the draws lies ${away} of its errors from the closed form; ` +
      `single draws scatter by ${runtime.written(spread, 2)}.`
    );
  }

  spoken() {
    const where = `${runtime.plain(this.name)}, closed form ${runtime.written(this.exact, 2)}`;
    if (this.draws < 2) return `${where}, no draws yet.`;
    const rounded = Number(this.draws.toPrecision(1));
    return `${where}, mean of about ${rounded} draws ${runtime.written(this.drawn().mean, 2)}.`;
  }

  table() {
    const { forth, back } = this.values;
    const rows = forth.map((value, draw) => ["draw", draw, "", value, back[draw]]);
    for (const [rule, points] of Object.entries(this.levels()))
      for (const [fraction, mean, error] of points) rows.push(["closed form", rule, fraction, mean, error]);
    return { columns: ["what", "draw_or_rule", "batch_fraction", "rise_or_mean", "rise_back_or_error"], rows };
  }

  report() {
    const { mean = null, error = null } = this.draws > 1 ? this.drawn() : {};
    return { step: this.draws, rule: this.rule, exact: this.exact, mean, error, levels: this.levels() };
  }

  /** The same packing, and the same draws, from the library. */
  python() {
    const { batch_fraction: fraction, start, sigma, seed } = this.ui.state;
    return [
      "from mpack.widgets import _same",
      "",
      `packing = _same.settled("${this.rule}", ${Number(fraction)}, ${start})`,
      "per_thousand = 1000 / packing.n",
      `exact = per_thousand * mpack.flatness(packing, ${sigma}).delta_v_over_u0`,
      `drawn = mpack.flatness(packing, ${sigma}, samples=${Math.max(2, this.draws)}, seed=${seed})`,
      "mean, error = per_thousand * drawn.delta_v_over_u0, 2 * per_thousand * drawn.standard_error",
    ].join("\n");
  }

  // ------------------------------------------------------------------------------------------------ pictures

  drawValley(g, width, height, colours) {
    const all = [...this.sections.flat(), ...this.floor],
      high = Math.max(...all),
      low = Math.min(0, ...all);
    const frame = runtime.axes(
      g,
      width,
      height,
      {
        x: { range: [ALONG[0], -ALONG[0]], label: "displacement (*σ*)" },
        y: { range: [low - 0.04 * high, 1.04 * high], label: UNITS },
      },
      colours,
    );
    g.globalAlpha = 0.45;
    for (const values of this.sections)
      runtime.curve(g, frame, ALONG, values, values.length, { colour: colours[this.rule], width: 1 });
    g.globalAlpha = 1;
    runtime.curve(g, frame, ALONG, this.floor, this.floor.length, { colour: colours.ink, width: 2.4 });
    runtime.clipped(g, frame.inner, () => {
      for (const t of [-1, 1]) runtime.mark(g, frame, [t, this.exact, 0], 0, colours.ink);
    });
    const { left, right, top } = frame.inner;
    for (const [k, text] of [`thin: ${DIRECTIONS} directions`, "line: the mean, exactly"].entries())
      runtime.write(g, text, (left + right) / 2, top + 14 + 16 * k, { size: 11, align: 0.5, colour: colours.ink });
  }

  /** A window that holds all states at this sigma and the scatter of draws, widened by steps while it runs. */
  window() {
    const points = Object.values(this.levels()).flat(),
      spread = this.draws > 10 ? this.drawn().spread : 0.06 * this.exact,
      room = 1.5 ** Math.ceil(Math.log(4 * spread) / Math.log(1.5));
    return [Math.min(...points.map(([, mean]) => mean)) - room, Math.max(...points.map(([, mean]) => mean)) + room];
  }

  drawHistogram(g, width, height, colours) {
    const [low, high] = this.window(),
      bins = 48,
      counts = (values) => {
        const found = new Float64Array(bins);
        for (const value of values) {
          const bin = Math.floor((bins * (value - low)) / (high - low));
          if (bin >= 0 && bin < bins) found[bin] += bins / (high - low) / values.length;
        }
        return found;
      };
    const own = counts(this.shownValues()),
      before = this.ghost && counts(this.shownValues(this.ghost.values)),
      spread = this.draws > 10 ? this.drawn().spread : 0.06 * this.exact,
      most = Math.max(0.48 / spread, ...own, ...(before ?? []));
    const frame = runtime.axes(
      g,
      width,
      height,
      { x: { range: [low, high], label: UNITS }, y: { range: [0, 1.3 * most], label: "density of the draws" } },
      colours,
    );
    const { X, Y, inner } = frame,
      outline = (heights) => {
        g.beginPath();
        g.moveTo(X(low), Y(0));
        heights.forEach((height, k) => {
          g.lineTo(X(low + (k * (high - low)) / bins), Y(height));
          g.lineTo(X(low + ((k + 1) * (high - low)) / bins), Y(height));
        });
        g.lineTo(X(high), Y(0));
      };
    runtime.clipped(g, inner, () => {
      g.fillStyle = colours[this.rule];
      g.globalAlpha = 0.75;
      outline(own);
      g.fill();
      g.globalAlpha = 1;
      if (before) {
        g.strokeStyle = colours[this.ghost.rule];
        g.lineWidth = 1.5;
        outline(before);
        g.stroke();
      }
      g.lineWidth = 2.4;
      runtime.line(g, X(this.exact), inner.top + 44, X(this.exact), inner.bottom, colours.ink);
      if (this.draws > 1) {
        const { mean, error } = this.drawn(),
          y = Y(1.08 * most);
        runtime.line(g, X(mean - error), y, X(mean + error), y, colours.ink);
        g.fillStyle = colours.ink;
        g.beginPath();
        g.arc(X(mean), y, 4, 0, 2 * Math.PI);
        g.fill();
      }
    });
    const lines = [`${this.name}: line closed form, dot drawn`, ...(before ? [`outline: ${this.ghost.name}`] : [])];
    for (const [k, text] of lines.entries())
      runtime.write(g, text, inner.right, inner.top + 14 + 16 * k, { size: 11, align: 1, colour: colours.ink });
  }

  drawLevels(g, width, height, colours) {
    const levels = this.levels(),
      points = Object.values(levels).flat(),
      low = Math.min(...points.map(([, mean, error]) => mean - error)),
      high = Math.max(...points.map(([, mean, error]) => mean + error)),
      room = 0.25 * (high - low);
    const frame = runtime.axes(
      g,
      width,
      height,
      {
        x: { range: [0, 1.08], label: "batch fraction *b*_f" },
        y: { range: [low - room, high + room], label: "Δ*V*/*U*_0, exactly" },
      },
      colours,
    );
    for (const [rule, own] of Object.entries(levels)) {
      const line = rule === "GD" ? own : [...own, ...levels.GD];
      const xs = line.map(([x]) => x),
        ys = line.map(([, y]) => y);
      runtime.curve(g, frame, xs, ys, xs.length, { colour: colours[rule], width: 1.4 });
      for (const point of own) runtime.mark(g, frame, point, SHAPES[rule], colours[rule]);
      const [x, y] = line[0];
      runtime.write(g, rule, frame.X(x), frame.Y(y) + (rule === "SGD" ? 24 : -14), {
        size: 12,
        align: 0.5,
        colour: colours.ink,
      });
    }
    const fraction = Number(this.ui.state.batch_fraction),
      [, mean] = levels[this.rule].find(([b]) => b === fraction);
    runtime.ring(g, frame.X(fraction), frame.Y(mean), colours.ink);
  }
}

export default runtime.figure((ui) => new Valley(ui));
