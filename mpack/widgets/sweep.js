// A sweep of twenty runs across packing fractions, as mpack.sweep makes it: the same starts, noise, activities, digests.
const kernel = await mpackKernel(KERNEL),
  Runs = mpackRuns(KERNEL, kernel);
const COUNT = 20,
  NARROWEST = 0.02, // range of packing fractions
  MATCHED = 0.75, // b_f of the matching rule; alpha = eps / b_f
  [FEWEST, TRUSTED, WINDOW, SIGMAS] = [8, 50, 5, 3]; // of mpack.critical.steady_activity

// -------------------------------------------------------------------------------------------------- specifications

/** SHA-256 of a text of plain letters: 32 bytes. */
function sha256(text) {
  const primes = [];
  for (let p = 2; primes.length < 64; p++) if (primes.every((q) => p % q)) primes.push(p);
  const fraction = (x) => Math.floor((x % 1) * 2 ** 32),
    rounds = primes.map((p) => fraction(Math.cbrt(p))),
    state = Uint32Array.from(primes.slice(0, 8), (p) => fraction(Math.sqrt(p))),
    message = new DataView(new ArrayBuffer(64 * Math.ceil((text.length + 9) / 64))),
    words = new Uint32Array(64);
  for (let k = 0; k < text.length; k++) message.setUint8(k, text.charCodeAt(k));
  message.setUint8(text.length, 0x80);
  message.setUint32(message.byteLength - 4, 8 * text.length);
  const turned = (x, by) => (x >>> by) | (x << (32 - by));
  for (let at = 0; at < message.byteLength; at += 64) {
    for (let k = 0; k < 16; k++) words[k] = message.getUint32(at + 4 * k);
    for (let k = 16; k < 64; k++) {
      const [x, y] = [words[k - 15], words[k - 2]];
      words[k] =
        words[k - 16] + (turned(x, 7) ^ turned(x, 18) ^ (x >>> 3)) + words[k - 7] + (turned(y, 17) ^ turned(y, 19) ^ (y >>> 10));
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let k = 0; k < 64; k++) {
      const one = h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + rounds[k] + words[k],
        two = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((value, k) => {
      state[k] += value;
    });
  }
  const bytes = new DataView(new ArrayBuffer(32));
  state.forEach((value, k) => bytes.setUint32(4 * k, value));
  return bytes;
}

/** A number as Python writes a float. */
const floating = (x) => (Number.isInteger(x) ? `${x}.0` : String(x));

/** The canonical text of a run's specification, see mpack/specification.py. */
function textOf({ dim, n, steps, seed, rule }, phi) {
  const numbers =
    "eps" in rule
      ? `"eps":${floating(rule.eps)},"name":"${rule.dynamics}"`
      : `"alpha":${floating(rule.alpha)},"batch_fraction":${floating(rule.batch_fraction)},` +
        `"name":"${rule.dynamics}","potential":{"name":"Linear"}`;
  return (
    `{"dim":${dim},"dynamics":{${numbers}},"mpack":1,"n":${n},"phi":${floating(phi)},` +
    `"record":{"every":1},"seed":${seed},"steps":${steps},"stream":${KERNEL.stream}}`
  );
}

/** A seed that is derived from a specification. */
const seedOf = (purpose, text) => sha256(`mpack ${purpose} seed\n${text}`).getBigUint64(0, true);

// -------------------------------------------------------------------------------------------------- steady activity

/** Integrated autocorrelation time, cut where the lag reaches five of it. */
function memoryOf(x) {
  const n = x.length,
    mean = x.reduce((sum, one) => sum + one, 0) / n,
    away = Float64Array.from(x, (one) => one - mean),
    product = (lag) => {
      let sum = 0;
      for (let k = lag; k < n; k++) sum += away[k] * away[k - lag];
      return sum;
    };
  const [least, most] = [Math.min(...x), Math.max(...x)],
    all = product(0);
  if (most === 0 || (most - least) / most <= 1e-14) return 1;
  let tau = 1;
  for (let lag = 1; lag < n && lag - 1 < WINDOW * tau; lag++) tau += (2 * product(lag)) / all;
  return Math.max(1, Math.min(n, tau));
}

/** How sure a steady activity is: { error, tau, reliable } of its records. */
function surety(x) {
  const n = x.length,
    mean = (from, to) => x.subarray(from, to).reduce((sum, one) => sum + one, 0) / (to - from),
    middle = mean(0, n),
    variance = x.reduce((sum, one) => sum + (one - middle) ** 2, 0) / n,
    tau = memoryOf(x),
    error = Math.sqrt(((variance * tau) / n) * (1 + (2 * WINDOW * tau + 1) / n)),
    half = n >> 1,
    drift = error > 0 ? (mean(n - half, n) - mean(0, half)) / (2 * error) : 0;
  return { error, tau, reliable: n >= TRUSTED * tau && Math.abs(drift) <= SIGMAS };
}

/** One run of the sweep, as far as it has come. */
class Run {
  constructor(phi, n, steps) {
    Object.assign(this, { phi, n, step: 0, over: false, digest: null });
    this.activity = new Float64Array(steps + 1);
    this.sums = new Float64Array(steps + 2); // of active spheres, before each step
    this.count = 0;
  }

  take({ step, over, digest, active }) {
    Object.assign(this, { step, over, digest });
    for (const number of active) {
      this.activity[this.count] = number / this.n;
      this.sums[this.count + 1] = this.sums[this.count] + number;
      this.count++;
    }
  }

  /** Mean activity over the second half of the first k steps; 0 if it has come to rest by then. */
  steadyAt(k) {
    if (this.over && k >= this.step) return 0;
    const first = Math.ceil(k / 2);
    return (this.sums[k + 1] - this.sums[first]) / (k + 1 - first) / this.n;
  }

  /** The same now, and how sure that is. */
  steady() {
    const k = this.step,
      first = Math.ceil(k / 2);
    if (this.over) return { value: 0, error: 0, reliable: true };
    if (this.known?.step === k) return this.known;
    const value = this.steadyAt(k);
    if (k + 1 - first < FEWEST) return { value, error: null, reliable: false };
    return (this.known = { step: k, value, ...surety(this.activity.subarray(first, k + 1)) });
  }
}

// -------------------------------------------------------------------------------------------------- the figure

class Sweep {
  constructor(ui) {
    this.ui = ui;
    this.going = new Runs(ui, { heard: (news) => this.heard(news), see: null, digests: true });
    for (const name of ["once", "busy", "advance"]) this[name] = (...given) => this.going[name](...given);
    ui.stage.classList.add("mpk-halves");
    const curve = ui.canvas({
      ratio: 1,
      draw: (g, width, height, colours) => this.drawCurve(g, width, height, colours),
      label: () => `Steady activity against packing fraction; ${this.words()}`,
    });
    this.picker(curve.holder);
    ui.canvas({
      ratio: 1,
      draw: (g, width, height, colours) => this.drawSeries(g, width, height, colours),
      label: () => `Activity against steps; strong, run ${ui.state.shown} at φ = ${this.chosenRun.phi}`,
    });
    ui.readouts({
      "step *k*": () => runtime.counted(this.step),
      "at rest": () => `${this.dead} of ${COUNT}`,
      "*φ* of the run shown": () => String(this.chosenRun.phi),
      "its *f*_∞": () => this.written(this.chosenRun),
    });
    ui.clock();
    ui.lead("dynamics", "shown", "speed");
    ui.group("eps", "low", "high", "earlier");
    ui.group("n", "dim", "steps", "seed");
    this.check = new same.Check(ui, {
      step: () => this.chosenRun.step,
      digest: () => this.chosenRun.digest,
      python: () => this.oneInPython(),
    });
  }

  /** A point is chosen by a click, or with the arrow keys. */
  picker(holder) {
    const { ui } = this,
      choose = (shown) => ui.set({ shown: Math.max(1, Math.min(COUNT, shown)) });
    const node = runtime.element("button", {
      type: "button",
      class: "mpk-turner mpk-picker",
      "aria-label": "Choose a run with the arrow keys",
    });
    ui.listen(node, "click", (event) => {
      if (!event.detail || !this.frame) return; // pressed by a key
      const x = event.clientX - node.getBoundingClientRect().left,
        away = this.list.map(({ phi }) => Math.abs(this.frame.X(phi) - x));
      choose(1 + away.indexOf(Math.min(...away)));
      ui.speak(0);
    });
    ui.listen(node, "keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      choose(ui.state.shown + by * (event.shiftKey ? 5 : 1));
      ui.speak(0);
    });
    holder.append(node);
  }

  // ------------------------------------------------------------------------------------------------ the runs

  restart() {
    const { state } = this.ui,
      { dynamics, eps, n, steps, seed } = state,
      alpha = eps / MATCHED,
      dim = Number(state.dim),
      rule = dynamics.endsWith("BRO")
        ? { dynamics, eps }
        : { dynamics: dynamics === "GD" ? "SGD" : dynamics, alpha, batch_fraction: dynamics === "GD" ? 1 : MATCHED };
    this.phis = this.phisOf(state);
    const about = { dim, n, steps, seed, rule },
      texts = this.phis.map((phi) => textOf(about, phi));
    this.coming = { process: same.PROCESS[dynamics], phis: this.phis, n, steps };
    this.going.most = steps;
    this.going.begin(
      texts.map((text, k) => ({
        start: { n, phi: this.phis[k], dim, seed: seedOf("start", text) },
        rule,
        seed: seedOf("noise", text),
      })),
    );
  }

  /** The packing fractions, to four places; the ends of the range in either order. */
  phisOf({ low, high }) {
    const first = Math.min(low, high),
      last = Math.max(low, high, first + NARROWEST);
    return Array.from({ length: COUNT }, (_, k) => Math.round((first + ((last - first) * k) / (COUNT - 1)) * 1e4) / 1e4);
  }

  heard({ facts, step, told }) {
    if (facts) {
      const { phis, n, steps, process } = this.coming;
      this.list = phis.map((phi) => new Run(phi, n, steps));
      this.process = process;
      this.steps = steps;
    }
    this.step = step;
    told.forEach((one, k) => this.list[k].take(one));
    if (facts) this.check.begin();
  }

  blank() {
    return !this.list;
  }

  get over() {
    return this.dead === COUNT || this.step >= this.steps;
  }

  get dead() {
    return this.list.filter(({ over }) => over).length;
  }

  get chosenRun() {
    return this.list[this.ui.state.shown - 1];
  }

  moment() {
    return { step: this.step ?? this.ui.state.step };
  }

  end() {
    this.going.end();
    this.list = null;
  }

  // ------------------------------------------------------------------------------------------------ words

  written(run) {
    const { value, error } = this.ui.running ? { value: run.steadyAt(run.step) } : run.steady();
    return error ? `${value.toFixed(3)} ± ${error.toFixed(3)}` : value.toFixed(3);
  }

  words() {
    return `${this.dead} of ${COUNT} runs have come to rest after ${runtime.counted(this.step)} steps`;
  }

  status() {
    if (this.going.replays()) return `On the way to step ${runtime.counted(this.going.target)} …`;
    if (this.ui.running || this.step < 2 * FEWEST) return "";
    const doubted = this.list.filter((run) => !run.over && !run.steady().reliable).length;
    return doubted ? `Hollow: ${doubted} whose mean is not to be trusted, for the run is too short or still changes.` : "";
  }

  spoken() {
    const { phi, over, step } = this.chosenRun,
      fate = over ? `came to rest at step ${step}` : `has activity ${this.written(this.chosenRun)}`;
    return `Step ${this.ui.running ? Number(this.step.toPrecision(1)) : this.step}: ${this.dead} of ${COUNT} at rest. The run at ${phi} ${fate}.`;
  }

  shown() {
    this.check.shown();
  }

  /** The rule in Python; that of a learning rate is named by its kick size. */
  get rule() {
    const { dynamics, eps } = this.ui.state,
      bro = (name) => `mpack.${name}(eps=${eps})`,
      matched = {
        SGD: `mpack.matched(${bro("PairwiseBRO")})`,
        RCD: `mpack.matched(${bro("IndividualBRO")})`,
        GD: `mpack.SGD(alpha=${eps} / ${MATCHED}, batch_fraction=1)`,
      };
    return matched[dynamics] ?? bro(dynamics);
  }

  /** The runs' specifications in Python: one, or of a list. */
  specified(what, phi) {
    const { n, dim, steps, seed } = this.ui.state,
      options = `n=${n}, dim=${dim}, phi=${phi}, steps=${steps}, seed=${seed}, record=mpack.every(1)`;
    return [`rule = ${this.rule}`, `${what} = mpack.${what === "spec" ? "Spec" : what}(rule, ${options})`];
  }

  /** The run shown, as far as it has come. */
  oneInPython() {
    const { phi, step } = this.chosenRun;
    return [...this.specified("spec", phi), `run = spec.run(steps=${step})`, "print(run.digest)"].join("\n");
  }

  python() {
    const lines = [0, 10].map((k) => `    ${this.phis.slice(k, k + 10).join(", ")},`);
    return [
      "import mpack",
      "",
      `phis = [\n${lines.join("\n")}\n]`,
      ...this.specified("specs", "phis"),
      "table = mpack.sweep(specs, progress=False)",
      'print(table[["phi", "steps", "absorbed", "f_inf", "f_inf_error", "reliable", "digest"]])',
    ].join("\n");
  }

  table() {
    const columns = ["phi", "steps", "absorbed", "f_inf", "f_inf_error", "reliable", "digest"];
    return { columns, rows: this.points().map((point) => columns.map((name) => point[name])) };
  }

  points() {
    return (this.list ?? []).map((run) => {
      const { value, error, reliable } = run.steady();
      const { phi, step, over, digest } = run;
      return { phi, steps: step, absorbed: over, f_inf: value, f_inf_error: error, reliable, digest };
    });
  }

  report() {
    return this.blank() ? {} : { step: this.step, over: this.over, dead: this.dead, points: this.points() };
  }

  // ------------------------------------------------------------------------------------------------ pictures

  drawCurve(g, width, height, colours) {
    const { list, step, ui } = this,
      phis = list.map(({ phi }) => phi),
      edge = 0.04 * (phis[COUNT - 1] - phis[0]),
      axes = {
        x: { range: [phis[0] - edge, phis[COUNT - 1] + edge], label: "packing fraction *φ*" },
        y: { range: [-0.03, 1.03], label: "steady activity *f*_∞" },
      };
    const frame = (this.frame = runtime.axes(g, width, height, axes, colours)),
      colour = colours[this.process],
      curve = (k, look) =>
        runtime.curve(
          g,
          frame,
          phis,
          list.map((run) => run.steadyAt(k)),
          COUNT,
          { colour, ...look },
        );
    const before = [];
    for (let k = 16; k < step; k *= 2) before.push(k);
    if (ui.state.earlier)
      before.forEach((k, place) => {
        g.globalAlpha = 0.15 + (0.4 * place) / before.length;
        curve(k, { width: 1.1 });
      });
    g.globalAlpha = 1;
    curve(step, { width: 1.4 });
    list.forEach((run) => {
      const { value, error, reliable } = ui.running ? { value: run.steadyAt(step), reliable: true } : run.steady();
      runtime.mark(g, frame, [run.phi, value, error], 0, run.over ? colours.inactive : colour, !reliable);
    });
    const run = this.chosenRun;
    runtime.ring(g, frame.X(run.phi), frame.Y(run.steadyAt(step)), colours.ink);
    const { right, bottom } = frame.inner,
      lines = [[`*k* = ${runtime.counted(step)}`, { size: 13, bold: true, colour: colours.ink }]];
    if (ui.state.earlier && before.length > 1)
      lines.push([`faint: after 16 … ${runtime.counted(before[before.length - 1])}`, { size: 12, colour: colours.muted }]);
    lines.forEach(([text, look], row) => {
      const wide = runtime.write(g, text, 0, 0, { ...look, draw: false }),
        y = bottom - 46 + 18 * row;
      g.globalAlpha = 0.8;
      g.fillStyle = colours.card;
      g.fillRect(right - wide - 12, y - 13, wide + 8, 17);
      g.globalAlpha = 1;
      runtime.write(g, text, right - 8, y, { ...look, align: 1 });
    });
  }

  drawSeries(g, width, height, colours) {
    const { list, chosenRun } = this,
      axes = {
        x: { log: true, range: [1, 10 ** Math.ceil(Math.log10(this.steps))], label: "steps *k*" },
        y: { range: [-0.03, 1.03], label: "activity *f*_a" },
      },
      frame = runtime.axes(g, width, height, axes, colours),
      draw = (run, look) => runtime.curve(g, frame, this.numbers(run.count), run.activity, run.count, look);
    g.globalAlpha = 0.4;
    for (const run of list) draw(run, { colour: run.over ? colours.inactive : colours[this.process], width: 0.9 });
    g.globalAlpha = 1;
    const colour = chosenRun.over ? colours.muted : colours[this.process];
    draw(chosenRun, { colour, width: 2.2 });
    if (chosenRun.over) {
      const [x, y] = [frame.X(Math.max(1, chosenRun.step)), frame.Y(0)];
      g.lineWidth = 2;
      for (const side of [-4, 4]) runtime.line(g, x - 4, y - side, x + 4, y + side, colour);
    }
    const { left, bottom } = frame.inner;
    runtime.write(g, `*φ* = ${chosenRun.phi}`, left + 8, bottom - 24, { size: 12, bold: true, colour: colours.ink });
  }

  /** 0, 1, 2, ...: steps of a series; step 0 stands at 1/2, left of the axis. */
  numbers(count) {
    if (!this.counted || this.counted.length < count)
      this.counted = Float64Array.from({ length: 2 * count + 64 }, (_, k) => k || 0.5);
    return this.counted;
  }
}

export default runtime.figure((ui) => new Sweep(ui));
