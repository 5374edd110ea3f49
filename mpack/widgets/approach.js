// Approach to phi_c: the archived scans of seven processes at eight learning rates, the times to absorption with the
// fits of the chapter (mpack.critical.divergence), and the straight line to a learning rate of zero. The run chosen is
// done again in the page, by the library's kernels, and has to arrive at the digest of the archive.
// DATA: {nu, reach, end: [phi_0, error], scans: [{process, alpha, n, phi, steps, absorbed, activity, fit, again}]}.
const kernel = await mpackKernel(KERNEL);
const LONG = 40000, // steps: longer runs are done again when asked for
  FRAME = 12, // milliseconds of computing between two pictures
  STRIDE = 25; // steps between two looks at the clock
const COLOUR = { "SGD 0.2": "SGD", "SGD 0.6": "SGD", "RCD 0.2": "RCD", "RCD 0.6": "RCD" }, // others: their own name
  SHAPE = { SGD: 1, RCD: 2, GD: 4, BRO: 0, "individual BRO": 3 },
  USED = 3, // learning rates that the straight line goes through
  SMALL = 1000; // spheres in the runs that are fitted
const colourOf = (process) => COLOUR[process] ?? process;
const scanOf = (process, alpha, n) =>
  DATA.scans.find((scan) => scan.process === process && scan.alpha === alpha && scan.n === n);

/** Where the scans of a learning rate begin: their highest packing fraction less the width that all but a few have. */
const firstPhi = (alpha) =>
  Math.max(...DATA.scans.filter((scan) => scan.alpha === alpha).flatMap(({ phi }) => phi)) - SCHEMA.state.above.max;

/** The run of a scan at a packing fraction: its place, or -1. */
const placeOf = (scan, phi) => (scan ? scan.phi.findIndex((value) => Math.abs(value - phi) < 1e-6) : -1);

/** Steps and activities of a run: five a decade and the last. An absorbed run ends with activity 0. */
function curveOf(scan, place) {
  const end = scan.steps[place],
    bytes = runtime.bytes(scan.activity[place]),
    values = [];
  for (let k = 0; k < bytes.length; k += 2) values.push((bytes[k] + 256 * bytes[k + 1]) / scan.n);
  const steps = [...new Set(Array.from({ length: 40 }, (_, k) => Math.round(10 ** (k / 5))))].filter((k) => k < end);
  return { steps: [...steps, end], values };
}

/** What it takes to do a run of a scan again: seeds of its start and its noise, and the digest that it ends with. */
function againOf(scan, place) {
  const view = new DataView(runtime.bytes(scan.again[place]).buffer),
    [start, noise] = [0, 8].map((at) => view.getBigUint64(at, true)),
    digest = Array.from({ length: 16 }, (_, k) => view.getUint8(16 + k).toString(16).padStart(2, "0")).join("");
  return { start, noise, digest };
}

/** The rule of a process at a learning rate. */
function ruleOf(process, alpha) {
  const [kind, batch_fraction] = process.split(/ (?=\d)/),
    name = { BRO: "PairwiseBRO", "individual BRO": "IndividualBRO" }[kind];
  return name ? { dynamics: name, eps: 0.75 * alpha } : { dynamics: kind, alpha, batch_fraction: Number(batch_fraction) };
}

/** [alpha, phi_c, error] of a process at every learning rate at which it was found, smallest first. */
const pointsOf = (process) =>
  DATA.scans
    .filter((scan) => scan.process === process && scan.n === SMALL && scan.fit)
    .map(({ alpha, fit }) => [alpha, fit[0], fit[1]])
    .sort(([a], [b]) => a - b);

/** The straight line through points [x, y, dy] by weighted least squares: value and error at x = 0, slope, points. */
function line(points) {
  let w = 0,
    wx = 0,
    wy = 0,
    wxx = 0,
    wxy = 0;
  for (const [x, y, dy] of points) {
    const one = 1 / (dy * dy);
    w += one;
    wx += one * x;
    wy += one * y;
    wxx += one * x * x;
    wxy += one * x * y;
  }
  const det = w * wxx - wx * wx;
  return {
    value: (wxx * wy - wx * wxy) / det,
    error: Math.sqrt(wxx / det),
    slope: (w * wxy - wx * wy) / det,
    points,
  };
}

class Approach {
  constructor(ui) {
    this.ui = ui;
    ui.stage.classList.add("mpk-halves");
    const pane = (draw, label) => ui.canvas({ ratio: 1.3, draw: (...all) => this[draw](...all), label });
    pane("drawCurves", () => `Activity against steps of the runs of this scan. ${this.status()}`);
    pane("drawTimes", () => `Time to absorption against packing fraction; it diverges at ${this.fitWords()}`);
    pane("drawSlice", () => this.sliceWords());
    pane("drawLimit", () => `Critical packing fraction against learning rate; the straight line meets zero at ${this.limitWords()}`);
    ui.readouts({
      "packing fraction *φ*": () => this.phi.toFixed(3),
      "steps to absorption": () => this.timeWords(),
      "*φ*_c at this *α*": () => this.fitWords(),
      "line to *α* = 0": () => this.limitWords(),
    });
    ui.transport.hidden = false;
    this.button = ui.button("", () => this.press(), { class: "mpk-button mpk-main" });
    ui.transport.append(this.button);
    ui.lead("above", "alpha", "process");
    ui.group("straight", "all");
    this.check = new same.Check(ui, {
      step: () => this.engine.step,
      digest: () => this.engine.digest(),
      python: () => [...this.inPython(), "print(run.digest)"].join("\n"),
      known: () => ({ [this.last]: this.again.digest }),
    });
  }

  // ------------------------------------------------------------------------------------------------ the run, again

  restart() {
    this.begin();
    this.going = this.engine !== null && this.last <= LONG;
  }

  /** The run chosen, at its start. */
  begin() {
    const { scan, place, phi } = this,
      { process, alpha } = this.ui.state;
    this.check.fold.hidden = this.button.hidden = place < 0;
    this.going = false;
    this.last = place < 0 ? 0 : scan.steps[place];
    if (place < 0) {
      this.engine = null;
      return;
    }
    this.again = againOf(scan, place);
    const start = kernel.random({ n: SMALL, phi, dim: 3, seed: this.again.start });
    this.engine = new kernel.Engine(start, kernel.recipe(ruleOf(process, alpha)), this.again.noise, this.spent);
    this.spent = this.engine; // its memory serves the next one
    this.look();
    this.check.begin();
  }

  look() {
    this.seen = this.engine.look();
    this.places = null;
  }

  /** Compute on, stop, or begin again. */
  press() {
    if (this.done) this.begin();
    this.going = !this.going;
    this.ui.redraw();
  }

  get done() {
    return this.engine.step >= this.last;
  }

  busy() {
    return this.going;
  }

  advance() {
    const until = performance.now() + FRAME;
    do this.engine.advance(Math.min(this.last, this.engine.step + STRIDE));
    while (!this.done && performance.now() < until);
    this.look();
    this.check.note();
    if (!this.done) return;
    this.going = false;
    this.ui.speak();
  }

  /** After each picture: what the button does, and the check. */
  shown() {
    if (!this.engine) return;
    const words = this.going ? "Stop" : this.done ? "Compute again" : "Compute this run";
    if (words !== this.button.textContent) this.button.textContent = words;
    this.check.shown();
  }

  end() {
    this.engine = this.spent = null;
  }

  get scan() {
    const { process, alpha } = this.ui.state;
    return scanOf(process, alpha, SMALL);
  }

  get phi() {
    const { alpha, above } = this.ui.state;
    return Number((firstPhi(alpha) + above).toFixed(4));
  }

  get place() {
    return placeOf(this.scan, this.phi);
  }

  /** The line through this learning rate and the next larger ones; through the largest where there are too few. */
  get limit() {
    const points = pointsOf(this.ui.state.process),
      from = points.findIndex(([alpha]) => alpha >= this.ui.state.alpha),
      first = Math.max(0, Math.min(from, points.length - USED));
    return line(points.slice(first, first + USED));
  }

  // ------------------------------------------------------------------------------------------------ words

  timeWords() {
    const { scan, place } = this;
    if (place < 0) return "–";
    return `${scan.absorbed[place] ? "" : "> "}${runtime.counted(scan.steps[place])}`;
  }

  fitWords() {
    const fit = this.scan?.fit;
    return fit ? `${fit[0].toFixed(4)} ± ${fit[1].toFixed(4)}` : "–";
  }

  limitWords() {
    const { value, error } = this.limit;
    return `${value.toFixed(4)} ± ${error.toFixed(4)}`;
  }

  sliceWords() {
    if (!this.engine) return "No picture: there is no run here";
    const slice = this.slice(),
      moving = slice.filter(({ active }) => active).length;
    return `Slice through the run at step ${this.engine.step}: ${slice.length} spheres are cut, ${moving} of them overlap another`;
  }

  status() {
    const { scan, place } = this;
    if (place < 0) return "The archive has no run of this process here.";
    const steps = runtime.counted(scan.steps[place]),
      last = () => {
        const { values } = curveOf(scan, place);
        return values[values.length - 1].toFixed(2);
      };
    const ended = scan.absorbed[place]
      ? `Absorbed after ${steps} steps.`
      : `Still active when it was stopped after ${steps} steps, with an activity of ${last()}: its time is longer.`;
    return `${ended} ${this.againWords()}`;
  }

  /** How far the page has come with the run. */
  againWords() {
    const step = runtime.counted(this.engine.step);
    if (this.going) return `Doing it again in this page: step ${step} …`;
    if (!this.engine.step) return "So long a run is done again in this page when you ask for it.";
    if (!this.done) return `Done again in this page as far as step ${step}.`;
    const { compared } = this.check;
    if (compared.page !== compared.library) return "Done again in this page it ended otherwise, which is a defect. Please report it.";
    return "Done again in this page: the same to the last bit.";
  }

  spoken() {
    const { alpha } = this.ui.state;
    return `Learning rate ${alpha}, packing fraction ${this.phi.toFixed(3)}. ${this.status()} The line to zero meets ${this.limit.value.toFixed(3)}.`;
  }

  table() {
    const { process } = this.ui.state,
      rows = [];
    for (const scan of DATA.scans.filter((one) => one.process === process))
      scan.phi.forEach((phi, k) => rows.push(["run", scan.alpha, scan.n, phi, scan.steps[k], scan.absorbed[k]]));
    for (const [alpha, value, error] of pointsOf(process)) rows.push(["phi_c", alpha, SMALL, value, error, ""]);
    return { columns: ["what", "alpha", "n", "phi", "steps_or_error", "absorbed"], rows };
  }

  report() {
    const { scan, place, limit } = this;
    return {
      phi: this.phi,
      steps: place < 0 ? null : scan.steps[place],
      absorbed: place < 0 ? null : scan.absorbed[place] === 1,
      fit: scan?.fit ?? null,
      limit: { value: limit.value, error: limit.error, alphas: limit.points.map(([alpha]) => alpha) },
      page: this.engine && { step: this.engine.step, digest: this.engine.digest(), active: this.seen.active },
    };
  }

  /** As far as the page has come, by the library. */
  inPython() {
    const { process, alpha } = this.ui.state,
      { start, noise } = this.again;
    return [
      `start = mpack.Packing.random(n=${SMALL}, phi=${this.phi}, dim=3, seed=${start})`,
      `dynamics = ${same.inPython(ruleOf(process, alpha))}`,
      `run = mpack.simulate(start, dynamics, steps=${this.engine.step}, seed=${noise})`,
    ];
  }

  /** The run; and the same from the archive. */
  python() {
    const { process, alpha } = this.ui.state,
      { dynamics, batch_fraction } = ruleOf(process, alpha),
      rule = dynamics === "GD" ? "SGD" : dynamics;
    const rows = rule.endsWith("BRO")
      ? `(table.rule == "${rule}") & ((table.eps / 0.75).round(6) == ${alpha})`
      : `(table.rule == "${rule}") & (table.batch_fraction == ${batch_fraction || "1.0"}) & (table.alpha == ${alpha})`;
    return [
      'table = mpack.ensemble.load_archive("book/results/phi-c")',
      `rows = table[${rows} & (table.n == ${SMALL})]`,
      `runs = rows[(rows.phi - ${this.phi}).abs() < 1e-6]`,
      ...(this.engine ? ["", "# as far as the page has done it again", ...this.inPython()] : []),
    ].join("\n");
  }

  // ------------------------------------------------------------------------------------------------ pictures

  drawCurves(g, width, height, colours) {
    const { process, alpha } = this.ui.state,
      { scan, place, phi } = this,
      longest = Math.max(...(scan?.steps ?? [1000]), 1000);
    const frame = runtime.axes(
      g,
      width,
      height,
      {
        x: { log: true, range: [1, 1.6 * longest], label: "steps *k*" },
        y: { range: [0, 1.08], label: "activity *f*_a" },
      },
      colours,
    );
    const draw = (from, at, look) => {
      const { steps, values } = curveOf(from, at);
      runtime.curve(g, frame, steps, values, steps.length, look);
    };
    scan?.phi.forEach((_, k) => draw(scan, k, { colour: colours.inactive, width: 1.1 }));
    const large = scanOf(process, alpha, 4000),
      twin = placeOf(large, phi);
    if (twin >= 0) draw(large, twin, { colour: colours.ink, width: 1.4, dash: [5, 4] });
    if (place >= 0) {
      draw(scan, place, { colour: colours[colourOf(process)], width: 2.6 });
      runtime.mark(g, frame, [Math.max(1, this.engine.step), this.seen.active / SMALL, 0], 0, colours.ink);
    }
    const lines = [`strong: *φ* = ${phi.toFixed(3)}`, ...(twin >= 0 ? ["dashed: *N* = 4,000"] : [])];
    lines.forEach((text, k) =>
      runtime.write(g, text, frame.inner.left + 8, frame.inner.bottom - 10 - 16 * (lines.length - 1 - k), {
        size: 11,
        colour: colours.ink,
      }),
    );
  }

  drawTimes(g, width, height, colours) {
    const { process, alpha, straight } = this.ui.state,
      { scan, phi } = this,
      first = firstPhi(alpha),
      last = first + SCHEMA.state.above.max,
      colour = colours[colourOf(process)],
      up = (steps) => (straight ? 1e4 * steps ** (-1 / DATA.nu) : steps);
    const times = (scan?.steps ?? [100, 1000]).map(up),
      low = Math.min(...times),
      high = Math.max(...times);
    const frame = runtime.axes(
      g,
      width,
      height,
      {
        x: { range: [first - 0.004, last + 0.004], label: "packing fraction *φ*" },
        y: straight
          ? { range: [0, 1.12 * high], label: "10⁴ *τ* to the power −1/*ν*_∥" }
          : { log: true, range: runtime.decades(low / 2, 4 * high), label: "steps to absorption *τ*" },
      },
      colours,
    );
    if (!scan) return;
    const { X, Y, inner } = frame;
    if (scan.fit) {
      const [centre, error, amplitude] = scan.fit;
      runtime.clipped(g, inner, () => {
        g.fillStyle = colours.grid;
        g.fillRect(X(centre - error), inner.top, X(centre + error) - X(centre - error), inner.bottom - inner.top);
      });
      const xs = Array.from({ length: 120 }, (_, k) => centre - DATA.reach * (1 - k / 119) ** 2 - 1e-7),
        ys = xs.map((x) => up(amplitude * (centre - x) ** -DATA.nu));
      runtime.curve(g, frame, xs, ys, xs.length, { colour: colours.ink, width: 1.4 });
    }
    scan.phi.forEach((value, k) =>
      runtime.mark(g, frame, [value, up(scan.steps[k]), 0], scan.absorbed[k] ? 0 : 2, colour, !scan.absorbed[k]),
    );
    if (this.place >= 0) runtime.ring(g, X(phi), Y(up(scan.steps[this.place])), colours.ink);
    runtime.write(g, "hollow: still active", straight ? inner.right : inner.left + 8, inner.top + 14, {
      size: 11,
      align: straight ? 1 : 0,
      colour: colours.ink,
    });
  }

  /** The spheres cut by the plane z = 0: [x, y] as shares of the box, height above the plane, whether it overlaps. */
  slice() {
    this.places ??= this.engine.coarse();
    const { places, seen, engine } = this,
      unit = 2 ** -32,
      slice = [];
    for (let i = 0; i < SMALL; i++) {
      const z = (places[3 * i + 2] | 0) * unit * engine.box; // signed: the nearest image
      if (Math.abs(z) >= 0.5) continue;
      slice.push({ x: places[3 * i] * unit, y: places[3 * i + 1] * unit, z, active: seen.flags[i] === 1 });
    }
    return slice;
  }

  drawSlice(g, width, height, colours) {
    if (!this.engine || (this.going && runtime.still())) {
      const text = this.engine ? "Computing …" : "No run here";
      runtime.write(g, text, width / 2, height / 2, { size: 13, align: 0.5, colour: colours.ink });
      return;
    }
    const side = Math.min(width, height - 24),
      left = (width - side) / 2,
      unit = side / this.engine.box,
      slice = this.slice();
    runtime.clipped(g, { left, top: 0, right: left + side, bottom: side }, () => {
      g.fillStyle = colours.paper;
      g.fillRect(left, 0, side, side);
      g.lineWidth = 0.8;
      g.strokeStyle = colours.paper;
      for (const { x, y, z, active } of slice) {
        const radius = unit * Math.sqrt(0.25 - z * z);
        g.fillStyle = active ? colours.active : colours.inactive;
        for (const ox of [-1, 0, 1])
          for (const oy of [-1, 0, 1]) {
            const [cx, cy] = [left + side * (x + ox), side * (y + oy)];
            if (cx < left - radius || cx > left + side + radius || cy < -radius || cy > side + radius) continue;
            g.beginPath();
            g.arc(cx, cy, radius, 0, 2 * Math.PI);
            g.fill();
            g.stroke();
          }
      }
    });
    g.strokeStyle = colours.line;
    g.strokeRect(left + 0.5, 0.5, side - 1, side - 1);
    const who = slice.some(({ active }) => active) ? "amber: overlaps another" : "none overlaps",
      words = `a slice at step ${runtime.counted(this.engine.step)}; ${who}`;
    runtime.write(g, words, width / 2, side + 17, { size: 11, align: 0.5, colour: colours.ink });
  }

  drawLimit(g, width, height, colours) {
    const { process, alpha, all } = this.ui.state,
      { limit } = this,
      others = Object.keys(SCHEMA.state.process.options).filter((name) => name !== process),
      own = pointsOf(process),
      widest = all ? SCHEMA.state.alpha.max : Math.max(...limit.points.map(([x]) => x)),
      inside = (all ? [process, ...others] : [process]).flatMap(pointsOf).filter(([x]) => x <= widest),
      ys = [...inside.map(([, y]) => y), limit.value, DATA.end[0]],
      room = 0.12 * (Math.max(...ys) - Math.min(...ys));
    const frame = runtime.axes(
      g,
      width,
      height,
      {
        x: { range: [-0.06 * widest, 1.06 * widest], label: "learning rate *α*" },
        y: { range: [Math.min(...ys) - room, Math.max(...ys) + room], label: "*φ*_c" },
      },
      colours,
    );
    const { X, Y, inner } = frame,
      [end] = DATA.end;
    g.setLineDash([2, 4]);
    runtime.line(g, inner.left, Y(end), inner.right, Y(end), colours.ink);
    g.setLineDash([]);
    runtime.write(g, "*φ*_0 of the chapter", inner.right, Y(end) - 6, { size: 11, align: 1, colour: colours.ink });
    runtime.clipped(g, inner, () => {
      if (all)
        for (const name of others)
          for (const point of pointsOf(name))
            runtime.mark(g, frame, point, SHAPE[colourOf(name)], colours[colourOf(name)], true);
      for (const point of own)
        // What has not been reached yet is not shown: the limit emerges.
        if (all || point[0] >= alpha)
          runtime.mark(g, frame, point, SHAPE[colourOf(process)], colours[colourOf(process)]);
      const far = Math.max(...limit.points.map(([x]) => x));
      runtime.line(g, X(0), Y(limit.value), X(far), Y(limit.value + limit.slope * far), colours.ink);
      runtime.mark(g, frame, [0, limit.value, limit.error], 0, colours.ink, true);
      const here = own.find(([x]) => x === alpha);
      if (here) runtime.ring(g, X(here[0]), Y(here[1]), colours.ink);
    });
  }
}

export default runtime.figure((ui) => new Approach(ui));
