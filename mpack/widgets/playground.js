// The playground: a box of discs or spheres, or of ellipses or ellipsoids, stepped by the library's own kernels, and two
// curves.
const kernel = await mpackKernel(KERNEL),
  Runs = mpackRuns(KERNEL, kernel);
const MOST_STEPS = 1000000;
const PARTNER = { PairwiseBRO: "SGD", IndividualBRO: "RCD", SGD: "PairwiseBRO", RCD: "IndividualBRO" };
const TINY = 6, // pixels: smaller discs are dots
  MANY = 1500; // more discs or spheres are stamped pixel by pixel
// In so many dimensions: with fewer the box could be less than two diameters, or two of the longest axes, wide.
const LEAST = { 2: 20, 3: 40 },
  LEAST_LONG = { 2: 40, 3: 300 };
const MATCHED = 0.75; // b_f of the matching rule; alpha = eps / b_f

class Playground {
  constructor(ui) {
    this.ui = ui;
    this.runs = new Runs(ui, { heard: (news) => this.heard(news), most: MOST_STEPS });
    for (const name of ["once", "busy", "advance"]) this[name] = (...given) => this.runs[name](...given);
    this.count = 0;
    const [left, column] = ui.columns();
    this.box = ui.canvas({
      ratio: 1,
      parent: left,
      className: "mpk-framed",
      draw: (g, w, h, colours) => this.drawBox(g, w, h, colours),
      label: () => `The box: ${this.start.n} ${this.word}, ${this.active} of them overlap`,
    });
    this.turner = solid.turner(ui, this.box.holder);
    this.banner = runtime.element("div", { class: "mpk-banner", hidden: true });
    this.box.holder.append(this.banner);
    ui.canvas({
      ratio: 1.9,
      parent: column,
      draw: (g, w, h, colours) => this.drawCurve(g, w, h, colours, "activity"),
      label: () => `Activity against steps, now ${runtime.written(this.activity)}`,
    });
    const energy = ui.canvas({
      ratio: 1.9,
      parent: column,
      draw: (g, w, h, colours) => this.drawCurve(g, w, h, colours, "energy"),
      label: () => `Energy of one against steps, now ${runtime.written(this.energy)}`,
    });
    energy.holder.classList.add("mpk-beyond");
    this.buildControls();
    this.check = new same.Check(ui, {
      step: () => this.step,
      digest: () => this.digest,
      python: () => this.python(),
      known: () => this.known,
    });
  }

  buildControls() {
    const { ui } = this;
    ui.readouts({
      "step *k*": () => runtime.counted(this.step),
      "activity *f*_a": () => this.activity.toFixed(3),
      "energy of one *V*/*N*": () => runtime.written(this.energy),
      "overlap now": () => `${runtime.counted(this.active)} of ${runtime.counted(this.start.n)}`,
    });
    ui.clock();
    ui.transport.append(ui.button("More", () => ui.set({ compact: false }), { class: "mpk-button mpk-all" }));
    ui.lead("phi", "dynamics", "dim", "speed");
    const rule = ui.group("eps", "alpha", "batch_fraction", "batch_size", "approximation");
    this.partner = ui.button("", () => this.takePartner());
    rule.append(this.partner);
    const box = ui.group("n", "size_ratio", "aspect", "shape", "turning", "seed");
    box.append(runtime.element("div", { class: "mpk-row" }, ui.control("arrows"), ui.control("log")));
    ui.group("azimuth", "elevation", "zoom");
  }

  // ------------------------------------------------------------------------------------------------ the run

  restart() {
    const { ui, n } = this,
      { state } = ui,
      rule = same.ruleOf(state),
      known = this.knownDigests();
    this.coming = {
      known,
      phi: state.phi,
      process: same.PROCESS[state.dynamics],
      dash: rule.approximation ? [6, 4] : [],
      name: SCHEMA.state.dynamics.options[state.dynamics].split(",")[0] + (rule.approximation ? ", approximated" : ""),
    };
    const start = { n, phi: state.phi, dim: Number(state.dim), seed: state.seed, ...this.sizes() };
    this.runs.kicks = this.arrows;
    this.runs.begin([{ start, rule, seed: state.seed }], Object.keys(known ?? {}).map(Number));
  }

  /** The axes or the diameters of all, half of them `size_ratio` times as large as the others. */
  sizes() {
    const { size_ratio } = this.ui.state,
      axes = same.axesOf(this.ui.state),
      each = (one, other) => Array.from({ length: this.n }, (_, i) => (i < this.n >> 1 ? one : other));
    if (!axes) return { diameters: size_ratio === 1 ? null : each(1, size_ratio) };
    const larger = axes.map((axis) => axis * size_ratio);
    return { axes: size_ratio === 1 ? axes : each(axes, larger) };
  }

  /** The runs tell: another one has begun, or there are more steps. */
  heard({ facts, step, over, seen, told: [run] }) {
    if (facts) this.beginShown(facts[0]);
    this.seen = seen;
    this.step = step;
    this.absorbed = over;
    this.clipped = run.clipped;
    for (let k = 0; k < run.active.length; k++) this.note(run.active[k], run.energy[k]);
    this.digested = null;
    this.places = solid.shares(seen.fixed);
    this.forms = seen.turns ? shapes.forms(seen.turns, this.start.semi, this.start.box) : null;
    if (facts) this.check.begin();
    else this.check.note();
  }

  /** From here on it is the coming run that is shown; the one before leaves a trace. */
  beginShown(start) {
    if (this.count > 2)
      this.ghost = {
        ...this.series,
        count: this.count,
        name: this.name,
        process: this.process,
        dash: this.dash,
        n: this.start.n,
      };
    this.start = start;
    this.widths = start.diameters.map((diameter) => diameter / start.box);
    Object.assign(this, this.coming);
    this.series = { activity: new Float64Array(1024), energy: new Float64Array(1024), most: 0, least: Infinity };
    this.count = 0;
    this.announced = false;
  }

  /** Fingerprint of what is shown. */
  get digest() {
    return (this.digested ??= kernel.digest({ ...this.start, ...this.seen }));
  }

  get arrows() {
    return this.ui.state.arrows && this.ui.state.dim === "2";
  }

  get n() {
    const { n, dim, aspect } = this.ui.state;
    return Math.max(n, (aspect === 1 ? LEAST : LEAST_LONG)[dim]);
  }

  /** Whether there is nothing to show yet. */
  blank() {
    return !this.start;
  }

  get word() {
    const { dim, semi } = this.start;
    if (semi) return dim === 3 ? "ellipsoids" : "ellipses";
    return dim === 3 ? "spheres" : "discs";
  }

  changed(names) {
    const { state } = this.ui;
    same.showControls(this.ui);
    const partner = PARTNER[state.dynamics],
      matched = partner && (state.dynamics.endsWith("BRO") || (!state.batch_size && state.batch_fraction === MATCHED));
    this.partner.hidden = !matched;
    this.turner.hidden = state.dim === "2";
    for (const name of ["azimuth", "elevation", "zoom"]) this.ui.showControl(name, state.dim === "3");
    this.ui.showControl("arrows", state.dim === "2");
    this.ui.showControl("shape", state.dim === "3");
    this.ui.root.classList.toggle("mpk-compact", state.compact);
    if (names.includes("arrows") && this.arrows && !this.seen?.kicks) this.runs.look(true);
    this.runs.kicks = this.arrows;
    if (matched) this.partner.textContent = `Take its matched partner, ${SCHEMA.state.dynamics.options[partner]}`;
  }

  /** With φ as the only slider, moving it is asking what happens. */
  chosen(names) {
    if (this.ui.state.compact && names.length === 1 && names[0] === "phi" && !runtime.still()) this.ui.run(true);
  }

  takePartner() {
    const { state } = this.ui,
      dynamics = PARTNER[state.dynamics];
    if (state.dynamics.endsWith("BRO"))
      this.ui.set({ dynamics, alpha: state.eps / MATCHED, batch_fraction: MATCHED, batch_size: 0 });
    else this.ui.set({ dynamics, eps: state.alpha * MATCHED });
  }

  /** Note activity and energy of the next step. */
  note(active, sum) {
    const { series } = this,
      { n } = this.start;
    if (this.count === series.activity.length)
      for (const name of ["activity", "energy"]) {
        const longer = new Float64Array(2 * this.count);
        longer.set(series[name]);
        series[name] = longer;
      }
    const energy = sum / n;
    Object.assign(this, { active, activity: active / n, energy, sum });
    series.activity[this.count] = active / n;
    series.energy[this.count++] = energy;
    if (energy > series.most) series.most = energy;
    if (energy > 0 && energy < series.least) series.least = energy;
  }

  moment() {
    return { step: this.step ?? this.ui.state.step };
  }

  end() {
    this.runs.end();
    this.start = this.seen = this.series = this.ghost = null;
  }

  // ------------------------------------------------------------------------------------------------ words

  status() {
    if (this.runs.replays()) return `On the way to step ${runtime.counted(this.runs.target)} …`;
    const { dim, semi } = this.start;
    if (this.n > this.ui.state.n)
      return semi ? `There are at least ${this.n} ${this.word}.` : `In three dimensions there are at least ${LEAST[3]} spheres.`;
    if (this.step >= MOST_STEPS) return "The page stops at a million steps; the library goes on.";
    return dim === 3 && !semi && this.start.n > solid.WHOLE ? "Spheres deep inside, behind others, are not drawn." : "";
  }

  spoken() {
    if (this.absorbed) return `Absorbed at step ${this.step}: no two ${this.word} overlap.`;
    const [step, activity] = [this.step, this.activity].map((value) => Number(value.toPrecision(2)));
    return `${this.ui.running ? "Running" : "Paused"}, step ${step}, activity about ${activity}.`;
  }

  /** After each picture: the banner, the announcement, the digests. */
  shown() {
    const { ui, absorbed, step } = this;
    this.banner.hidden = !absorbed;
    if (absorbed)
      this.banner.textContent = step
        ? `Absorbed after ${runtime.counted(step)} steps`
        : "Nothing overlaps: absorbed from the start";
    if (absorbed && !this.announced) {
      this.announced = true;
      ui.speak();
    }
    this.check.shown();
  }

  python() {
    const { state } = this.ui,
      axes = same.axesOf(state),
      few = this.n >> 1,
      each = (one, other) => (state.size_ratio === 1 ? one : `[${one}] * ${few} + [${other}] * ${this.n - few}`),
      written = (ratio) => (axes ? `(${axes.map((axis) => axis * ratio).join(", ")})` : String(ratio)),
      sizes = `${axes ? "axes" : "diameters"}=${each(written(1), written(state.size_ratio))}`,
      said = axes || state.size_ratio !== 1 ? `, ${sizes}` : "";
    return [
      `start = mpack.Packing.random(n=${this.n}, phi=${state.phi}, dim=${state.dim}, seed=${state.seed}${said})`,
      `dynamics = ${same.inPython(state)}`,
      `run = mpack.simulate(start, dynamics, steps=${this.step}, seed=${state.seed})`,
      "print(run.digest)",
    ].join("\n");
  }

  /** Digests that the library computed of exactly this run, by step; or null. */
  knownDigests() {
    const { state } = this.ui;
    const found = (DATA?.runs ?? []).find((run) =>
      Object.entries(run.state).every(([name, value]) => state[name] === value),
    );
    return found?.digests ?? null;
  }

  table() {
    const { series, count } = this;
    return {
      columns: ["step", "activity", "energy_per_disc"],
      rows: Array.from({ length: count }, (_, k) => [k, series.activity[k], series.energy[k]]),
    };
  }

  report() {
    const { start } = this;
    if (this.blank()) return {};
    return {
      step: this.step,
      digest: this.digest,
      box: start.box,
      active: this.active,
      energy: this.sum,
      absorbed: this.absorbed,
      clipped: this.clipped,
      compared: this.check.compared,
    };
  }

  // ------------------------------------------------------------------------------------------------ pictures

  drawBox(g, width, height, colours) {
    if (this.start.dim === 3) return this.drawSpheres(g, width, height, colours);
    if (this.forms) return this.drawEllipses(g, width, height, colours);
    const { places, start, widths } = this,
      { flags } = this.seen,
      scale = width / start.box;
    if ((g.canvas.width * start.diameters[0]) / start.box < TINY) return this.drawDots(g, colours);
    const tones = [colours.inactive, colours.active],
      many = start.n > MANY,
      zoom = many ? g.canvas.width / width : 1,
      wide = width * zoom,
      high = height * zoom,
      outline = Math.min(1.4, Math.max(0.6, 0.05 * scale));
    const discs = (put) => {
      for (const active of [0, 1])
        for (let i = 0; i < start.n; i++) {
          if (flags[i] !== active) continue;
          const r = 0.5 * widths[i] * width,
            stamp = this.stampOf(r, tones[active], colours.paper, outline);
          for (const x of copies(places[2 * i] * wide, r * zoom, wide))
            for (const y of copies((1 - places[2 * i + 1]) * high, r * zoom, high)) put(stamp, x, y);
        }
    };
    if (!many) discs(({ picture, half }, x, y) => g.drawImage(picture, x - half, y - half, 2 * half, 2 * half));
    else
      solid.stamped(g, (pixels) =>
        discs((stamp, x, y) => {
          stamp.pixels ??= solid.pixelsOf(stamp.picture);
          solid.stamp(pixels, wide, high, stamp.pixels, stamp.picture.width, x, y);
        }),
      );
    if (this.arrows) this.drawArrows(g, width, height, colours, scale);
  }

  /** Ellipses, by the canvas, or, where they are many or small, straight into the picture. */
  drawEllipses(g, width, height, colours) {
    const { start } = this,
      scale = width / start.box,
      dense = g.canvas.width / width,
      small = scale * dense < TINY,
      rim = small ? 0 : Math.min(1.4, Math.max(0.6, 0.05 * scale)),
      tones = [colours.inactive, colours.active],
      bodies = { places: this.places, forms: this.forms, flags: this.seen.flags };
    if (start.n <= MANY && !small)
      shapes.flat({ ...bodies, tones }, width, rim, colours.paper, (...given) => shapes.fill(g, ...given));
    else {
      const [paper, ...pair] = [colours.paper, ...tones].map(solid.pixel),
        { width: wide, height: high } = g.canvas;
      solid.stamped(g, (pixels) =>
        shapes.flat({ ...bodies, tones: pair }, wide, rim * dense, paper, (...given) => shapes.fillPixels(pixels, wide, high, ...given)),
      );
    }
    if (this.arrows && !small) this.drawArrows(g, width, height, colours, scale);
  }

  /** Discs of a few pixels, as many as there may be: straight into the picture. */
  drawDots(g, colours) {
    const { places, start } = this,
      { flags } = this.seen,
      { width, height } = g.canvas,
      scale = width / start.box,
      tones = [colours.inactive, colours.active].map(solid.pixel);
    solid.stamped(g, (pixels) => {
      for (const active of [0, 1])
        for (let i = 0; i < start.n; i++) {
          if (flags[i] !== active) continue;
          const r = 0.5 * start.diameters[i] * scale,
            x = places[2 * i] * width,
            y = (1 - places[2 * i + 1]) * height,
            inside = x > r + 1 && x < width - r - 1 && y > r + 1 && y < height - r - 1;
          for (let row = Math.round(y - r); row < y + r - 0.5; row++) {
            const half = Math.sqrt(Math.max(0, r * r - (row + 0.5 - y) ** 2)),
              first = Math.round(x - half),
              end = x + half - 0.5;
            if (inside) for (let at = row * width + first, k = first; k < end; k++, at++) pixels[at] = tones[active];
            else
              for (let k = first; k < end; k++)
                pixels[((row + height) % height) * width + ((k + width) % width)] = tones[active];
          }
        }
    });
  }

  /** The box in perspective, the nearest spheres drawn last. */
  drawSpheres(g, width, height, colours) {
    const { start, places, widths } = this,
      { flags } = this.seen,
      tones = [colours.inactive, colours.active],
      view = solid.view(this.ui.state, width, height),
      { camera, put, scale } = view;
    solid.edges(g, view, colours, false);
    if (this.forms) this.drawEllipsoids(g, view, width, height, { places, forms: this.forms, flags, tones }, colours);
    else if (start.n > MANY) solid.crowd(g, this.ui.state, { places, widths, flags, tones, phi: this.phi }, colours);
    else {
      const seen = Array.from(flags, (_, i) =>
        camera(places[3 * i] - 0.5, places[3 * i + 1] - 0.5, places[3 * i + 2] - 0.5),
      );
      for (const i of solid.farthestFirst(seen.map((at) => at[2]))) {
        const [x, y, closer] = put(seen[i]),
          r = 0.5 * widths[i] * closer * scale;
        if (x < -r || x > width + r || y < -r || y > height + r) continue;
        g.drawImage(this.ballOf(tones[flags[i]], solid.fogOf(seen[i][2]), colours), x - r, y - r, 2 * r, 2 * r);
      }
    }
    solid.edges(g, view, colours, true);
  }

  drawEllipsoids(g, view, width, height, bodies, colours) {
    if (this.start.n <= MANY) return shapes.solids(g, view, bodies, width, height, colours);
    const { width: wide, height: high } = g.canvas;
    return shapes.crowd(g, solid.view(this.ui.state, wide, high), bodies, colours);
  }

  /** A sphere, drawn once for each colour and distance. */
  ballOf(colour, fog, colours) {
    const key = `${colour} ${colours.paper} ${fog}`;
    this.balls ??= new Map();
    if (!this.balls.has(key)) this.balls.set(key, solid.ball(colour, fog, colours));
    return this.balls.get(key);
  }

  /** A disc, drawn once for each size and colour and stamped from then on. */
  stampOf(r, colour, rim, outline) {
    const dense = Math.min(devicePixelRatio || 1, 3),
      key = `${r.toFixed(3)} ${colour} ${rim} ${dense}`;
    this.stamps ??= new Map();
    if (this.stamps.size > 12) this.stamps.clear();
    let stamp = this.stamps.get(key);
    if (stamp) return stamp;
    const half = Math.ceil((r + 1) * dense) / dense,
      picture = document.createElement("canvas");
    picture.width = picture.height = Math.round(2 * half * dense);
    const g = picture.getContext("2d");
    g.scale(dense, dense);
    g.beginPath();
    g.arc(half, half, r, 0, 2 * Math.PI);
    g.fillStyle = rim;
    g.fill();
    g.beginPath();
    g.arc(half, half, Math.max(r - outline / 2, 0.5 * r), 0, 2 * Math.PI);
    g.fillStyle = colour;
    g.fill();
    stamp = { picture, half };
    this.stamps.set(key, stamp);
    return stamp;
  }

  /** The kicks of the step that comes next, drawn so many times longer that they can be seen. */
  drawArrows(g, width, height, colours, scale) {
    const all = this.seen.kicks ?? [],
      kicks = [];
    let longest = 0;
    for (let i = 0; i < this.start.n; i++) {
      const x = all[2 * i],
        y = all[2 * i + 1];
      if (!x && !y) continue;
      kicks.push([i, x, y]);
      longest = Math.max(longest, Math.hypot(x, y));
    }
    if (!longest) return;
    const rough = 1.2 / longest,
      power = 10 ** Math.floor(Math.log10(rough)),
      longer = Math.max(1, power * [5, 2, 1].find((factor) => factor * power <= rough));
    g.strokeStyle = g.fillStyle = colours.ink;
    g.lineWidth = Math.max(1, 0.07 * scale);
    for (const [i, x, y] of kicks) {
      const x0 = this.places[2 * i] * width,
        y0 = (1 - this.places[2 * i + 1]) * height;
      runtime.arrow(g, x0, y0, x0 + x * scale * longer, y0 - y * scale * longer, Math.max(4, 0.35 * scale));
    }
    const words = longer > 1 ? `arrows ${runtime.written(longer, 1)} times longer` : "arrows to scale";
    const wide = runtime.write(g, words, 0, 0, { size: 12, draw: false });
    g.fillStyle = colours.paper;
    g.globalAlpha = 0.88;
    g.fillRect(6, 6, wide + 14, 24);
    g.globalAlpha = 1;
    runtime.write(g, words, 13, 22, { size: 12, colour: colours.ink });
  }

  drawCurve(g, width, height, colours, name) {
    const { series, count, ghost } = this,
      { log } = this.ui.state,
      values = series[name];
    const last = Math.max(count - 1, ghost ? ghost.count - 1 : 0, log ? 100 : 20);
    const x = {
      log,
      range: log ? [1, 10 ** Math.ceil(Math.log10(last) - 1e-9)] : [0, roundUp(last)],
      label: "steps *k*",
    };
    const y = { log, label: name === "activity" ? "activity *f*_a" : "energy *V*/*N*", range: this.rangeOf(name, log) };
    const frame = runtime.axes(g, width, height, { x, y }, colours),
      least = log ? 0 : -Infinity;
    if (ghost) {
      g.globalAlpha = 0.45;
      runtime.curve(g, frame, this.steps(ghost.count), ghost[name], ghost.count, {
        colour: colours[ghost.process],
        dash: ghost.dash,
        width: 1.4,
        least,
      });
      g.globalAlpha = 1;
    }
    const colour = colours[this.process];
    runtime.curve(g, frame, this.steps(count), values, count, { colour, dash: this.dash, least });
    const now = values[count - 1],
      at = frame.X(Math.max(count - 1, x.range[0]));
    if (now > least && (!log || count > 1)) {
      g.fillStyle = colour;
      g.beginPath();
      g.arc(at, frame.Y(now), 4, 0, 7);
      g.fill();
    }
    if (name !== "activity") return;
    const { inner } = frame,
      low = inner.bottom - 8;
    runtime.write(g, this.name, inner.left + 8, low, { size: 12, bold: true, colour: colours.ink });
    if (ghost)
      runtime.write(g, `faint: ${ghost.name}, the run before`, inner.left + 8, low - 17, {
        size: 12,
        colour: colours.muted,
      });
  }

  /** The range of an axis: fixed for the activity, growing by round factors for the energy. */
  rangeOf(name, log) {
    if (name === "activity") return log ? [Math.min(0.5 / this.start.n, 0.01), 1.3] : [0, 1.02];
    const { series, ghost } = this,
      most = Math.max(series.most, ghost?.most ?? 0),
      least = Math.min(series.least, ghost?.least ?? Infinity);
    if (!most) return log ? [1e-3, 1] : [0, 1];
    if (!log) return [0, roundUp(most)];
    return [
      Math.max(1e-9, 10 ** Math.floor(Math.log10(Math.min(least, most / 10)))),
      10 ** Math.ceil(Math.log10(most)),
    ];
  }

  /** 0, 1, 2, ... as long as a series needs it. */
  steps(count) {
    if (!this.numbers || this.numbers.length < count)
      this.numbers = Float64Array.from({ length: 2 * count }, (_, k) => k);
    return this.numbers;
  }
}

/** Where along an axis a disc is drawn: across a wall once more, on the other side. */
const copies = (x, r, width) => (x < r ? [x, x + width] : x > width - r ? [x, x - width] : [x]);

/** The next of 1, 1.5, 2, 3, 5, 7, 10 times a power of ten. */
function roundUp(x) {
  const power = 10 ** Math.floor(Math.log10(x));
  return power * [1, 1.5, 2, 3, 5, 7, 10].find((factor) => factor * power >= x * (1 - 1e-12));
}

export default runtime.figure((ui) => new Playground(ui));
