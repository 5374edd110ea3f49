// Phase space: mini-batch SGD with momentum on a linear regression of two parameters, beside its theory (Kunin et al.,
// Neural Computation 36, 151 (2024); mpack/limiting.py). Data and batches are those of mpack.limiting for the same
// seed, so that the path is run_regression's own, to rounding.
const SAMPLES = 1000, // of the data set, in pairs of one input and two labels
  REGRESSION = 8, // purpose of the noise
  DATA_BLOCK = 2 ** 31, // noise blocks from here on never meet a batch
  KEPT = 4000, // steps of the path that are drawn
  HEAD = 14, // pixels above the axes, for what the lines mean
  LOST = 1e8; // beyond this the path has left for good

/** A data set X (n rows of 2), y with <x x^T> = diag(rho) and residuals +-1 around the optimum 0. */
function regressionData(seed, rho) {
  const half = SAMPLES / 2,
    gaussian = (row, column) => {
      exact.bits(seed, REGRESSION, 0, row, DATA_BLOCK + column);
      return exact.gaussian();
    };
  const z = Array.from({ length: half }, (_, row) => [gaussian(row, 0), gaussian(row, 1)]);
  const mean = (f) => z.reduce((sum, row) => sum + f(row), 0) / half;
  const [a, b, c] = [mean(([x]) => x * x), mean(([, y]) => y * y), mean(([x, y]) => x * y)];
  // The inverse square root of [[a, c], [c, b]] in closed form.
  const root = Math.sqrt(a * b - c * c),
    trace = Math.sqrt(a + b + 2 * root),
    [p, q, r] = [(b + root) / (root * trace), (a + root) / (root * trace), -c / (root * trace)];
  const x1 = new Float64Array(SAMPLES),
    x2 = new Float64Array(SAMPLES),
    y = new Float64Array(SAMPLES);
  z.forEach(([u, v], row) => {
    for (const [at, label] of [
      [row, 1],
      [row + half, -1],
    ]) {
      x1[at] = (p * u + r * v) * Math.sqrt(rho[0]);
      x2[at] = (r * u + q * v) * Math.sqrt(rho[1]);
      y[at] = label;
    }
  });
  return { x1, x2, y };
}

/** What theory says of each mode; sigma = 1. */
function theoryOf({ eta, beta, batch_size: size, weight_decay: decay }, rho) {
  const modes = rho.map((own) => {
    const h = own + decay,
      boost = 1 / (1 - (eta * h) / (2 * (1 + beta)));
    const position = (eta * own) / (2 * size * (1 - beta) * h),
      velocity = own / (size * (1 - beta * beta));
    const sum = 1 + beta - eta * h,
      oscillates = Math.abs(sum) < 2 * Math.sqrt(beta);
    const root = oscillates ? Math.sqrt(beta) : (Math.abs(sum) + Math.sqrt(Math.max(0, sum * sum - 4 * beta))) / 2;
    return {
      h,
      langevin: { position, velocity },
      position: position * boost,
      velocity: velocity * boost,
      oscillates,
      period: oscillates ? (2 * Math.PI) / Math.acos(sum / (2 * Math.sqrt(beta))) : Infinity,
      memory: root < 1 ? -1 / Math.log(Math.max(root, 1e-9)) : Infinity, // steps after which a deviation has fallen to 1/e
    };
  });
  // Real mini-batches: the noise grows with the distance from the optimum (LinearRegressionSGD.minibatch_factor).
  const own = modes.map((mode, i) => 1 - mode.position * rho[i]);
  const total = modes.reduce((sum, mode, i) => sum + (mode.position * rho[i]) / own[i], 0);
  const settles = modes.every((mode, i) => mode.position > 0 && own[i] > 0) && total < 1;
  modes.forEach((mode, i) => (mode.factor = settles ? (1 + total / (1 - total)) / own[i] : Infinity));
  return modes;
}

class PhaseSpace {
  constructor(ui) {
    this.ui = ui;
    Object.assign(
      this,
      runtime.pace(ui, {
        done: () => this.steps,
        over: () => this.lost || this.steps >= 1e6,
        once: () => this.once(),
      }),
    ); // busy, advance, rewind, target
    ui.stage.classList.add("mpk-halves");
    ui.canvas({
      ratio: 1,
      draw: (g, width, height, colours) => this.drawPlane(g, width, height, colours),
      label: () => `Path of the two parameters, now at ${this.theta.map((x) => runtime.written(x, 2)).join(", ")}`,
    });
    ui.canvas({
      ratio: 1,
      draw: (g, width, height, colours) => this.drawPhase(g, width, height, colours),
      label: () => `Phase plane of mode ${ui.state.mode}: its parameter against its velocity`,
    });
    ui.readouts({
      "step *k*": () => runtime.counted(this.steps),
      "loss above its least": () => runtime.written(this.loss()),
      "mode 1": () => this.dampedWords(0),
      "mode 2": () => this.dampedWords(1),
    });
    this.moments = runtime.element("table", { class: "mpk-table" });
    ui.numbersShown.after(this.moments);
    ui.clock();
    ui.lead("beta", "eta", "speed");
    ui.group("batch_size", "weight_decay", "flat", "distance");
    const other = ui.group("mode", "seed");
    other.append(ui.control("zoom"));
  }

  dampedWords(mode) {
    const { oscillates, period } = this.theory[mode];
    return oscillates ? `turns in ${runtime.written(period, 2)} steps` : "overdamped";
  }

  restart() {
    const { state } = this.ui;
    this.rho = [1, state.flat];
    this.theory = theoryOf(state, this.rho);
    this.data = regressionData(state.seed, this.rho);
    this.theta = this.theory.map((mode) => state.distance * Math.sqrt(Math.max(mode.position, 0)));
    this.v = [0, 0];
    this.start = [...this.theta];
    this.steps = 0;
    this.lost = false;
    this.rewind();
    this.settled = 10 * Math.max(...this.theory.map((mode) => mode.memory)); // steps left out of the averages
    this.sums = [0, 0, 0, 0];
    this.counted = 0;
    this.path = [0, 1, 2, 3].map(() => new Float64Array(KEPT));
    this.note();
  }

  note() {
    const now = [...this.theta, ...this.v];
    now.forEach((value, which) => (this.path[which][this.steps % KEPT] = value));
    if (this.steps < this.settled) return;
    this.counted++;
    now.forEach((value, which) => (this.sums[which] += value * value));
  }

  /** The physics: draw a batch, add its gradients, kick the velocity and move. */
  once() {
    if (this.lost) return;
    const { eta, beta, batch_size: size, weight_decay: decay, seed } = this.ui.state,
      { x1, x2, y } = this.data,
      [t1, t2] = this.theta;
    let g1 = 0,
      g2 = 0;
    for (let m = 0; m < size; m += 4) {
      exact.bits(seed, REGRESSION, this.steps, 0, m >> 2);
      const words = exact.words();
      for (let k = 0; k < 4 && m + k < size; k++) {
        const i = Math.floor((words[k] * SAMPLES) / 2 ** 32),
          residual = x1[i] * t1 + x2[i] * t2 - y[i];
        g1 += x1[i] * residual;
        g2 += x2[i] * residual;
      }
    }
    this.v = [beta * this.v[0] - (g1 / size + decay * t1), beta * this.v[1] - (g2 / size + decay * t2)];
    this.theta = [t1 + eta * this.v[0], t2 + eta * this.v[1]];
    this.steps++;
    if (!(Math.hypot(...this.theta, ...this.v) < LOST)) this.lost = true;
    this.note();
  }

  moment() {
    return { step: this.steps };
  }

  loss() {
    return 0.5 * this.theory.reduce((sum, mode, i) => sum + mode.h * this.theta[i] ** 2, 0);
  }

  status() {
    const { state } = this.ui;
    if (this.lost) return "The path has run away: at this learning rate and batch size the noise feeds on itself.";
    if (!this.theory.every((mode) => Number.isFinite(mode.factor)))
      return "No stationary state: the learning rate is too large for this batch size and momentum.";
    const limit = (1 - Math.sqrt(state.beta)) ** 2;
    return `A mode of curvature h oscillates beyond ηh = (1 − √β)² = ${runtime.written(limit, 2)}; here ηh is ${this.theory
      .map((mode) => runtime.written(state.eta * mode.h, 2))
      .join(" and ")}.`;
  }

  spoken() {
    const modes = this.theory.map((mode, i) => `mode ${i + 1} ${mode.oscillates ? "oscillates" : "is overdamped"}`);
    if (this.lost) return this.status();
    return `${this.ui.running ? "Running" : "Paused"}, step ${Number(this.steps.toPrecision(2))}; ${modes.join(", ")}.`;
  }

  /** [name, predicted, measured, standard error] of the four variances. */
  variances() {
    return ["position", "velocity"].flatMap((what, kind) =>
      this.theory.map((mode, i) => {
        const predicted = mode[what] * mode.factor,
          measured = this.counted ? this.sums[2 * kind + i] / this.counted : NaN;
        const error = measured * Math.sqrt((2 * Math.max(1, mode.memory)) / Math.max(1, this.counted));
        return [`variance of *${kind ? "v" : "θ"}*_${i + 1}`, predicted, measured, error];
      }),
    );
  }

  shown() {
    const { element, written } = runtime,
      enough = this.counted > 20;
    const rows = this.variances().map(([name, predicted, measured, error]) => {
      const cells = [written(predicted), enough ? written(measured) : "–", enough ? `± ${written(error, 2)}` : "–"];
      return element(
        "tr",
        {},
        element("th", { scope: "row" }, runtime.marked(name)),
        cells.map((cell) => element("td", {}, cell)),
      );
    });
    const head = ["", "predicted", "measured", "error"].map((text) =>
      text ? element("th", { scope: "col" }, text) : element("td", {}),
    );
    this.moments.replaceChildren(element("thead", {}, element("tr", {}, head)), element("tbody", {}, rows));
  }

  /** The steps whose path is kept, oldest first. */
  kept() {
    const first = Math.max(0, this.steps - KEPT + 1);
    return Array.from({ length: this.steps - first + 1 }, (_, k) => first + k);
  }

  table() {
    const rows = this.kept().map((step) => [step, ...this.path.map((values) => values[step % KEPT])]);
    return { columns: ["step", "theta_1", "theta_2", "v_1", "v_2"], rows };
  }

  report() {
    const theory = this.theory.map(({ position, velocity, factor, oscillates, period, memory }) => ({
      position,
      velocity,
      factor: Number.isFinite(factor) ? factor : null,
      oscillates,
      period: Number.isFinite(period) ? period : null,
      memory: Number.isFinite(memory) ? memory : null,
    }));
    const measured = this.counted ? this.sums.map((sum) => sum / this.counted) : null;
    return {
      step: this.steps,
      theta: this.theta,
      v: this.v,
      start: this.start,
      theory,
      measured,
      counted: this.counted,
      lost: this.lost,
    };
  }

  // ------------------------------------------------------------------------------------------------ pictures

  /** Half the width of a window for standard deviations `sd` and a start. */
  reach(sd, start) {
    const { zoom } = this.ui.state;
    return 1.15 * Math.max(...sd.map((x) => 3.4 * x), ...(zoom ? [] : start.map(Math.abs)), 1e-9);
  }

  drawPlane(g, width, height, colours) {
    const sd = this.theory.map((mode) => Math.sqrt(Math.max(mode.langevin.position, 0))),
      reach = this.reach(sd, this.start),
      range = [-reach, reach];
    const frame = runtime.axes(
      g,
      width,
      height,
      { x: { range, label: "steep parameter *θ*_1" }, y: { range, label: "flat parameter *θ*_2" }, head: HEAD },
      colours,
    );
    const steep = this.theory[0].h,
      flat = this.theory[1].h;
    runtime.clipped(g, frame.inner, () => {
      for (const level of [1, 2, 3]) {
        const size = level * sd[0];
        ring(g, frame, size, size * Math.sqrt(steep / flat), colours.muted, 1.2, [2, 4]);
      }
    });
    this.drawPath(g, frame, 0, 1, colours);
    runtime.clipped(g, frame.inner, () => {
      for (const level of [1, 2, 3]) ring(g, frame, level * sd[0], level * sd[1], colours.ink, 1.5, []);
    });
    this.legend(g, frame, "dotted: the loss; lines: the modified loss", colours);
  }

  drawPhase(g, width, height, colours) {
    const which = Number(this.ui.state.mode) - 1,
      mode = this.theory[which],
      sd = [mode.langevin.position, mode.langevin.velocity].map((x) => Math.sqrt(Math.max(x, 0)));
    const mean = this.meanPath(which),
      fastest = mean.reduce((most, [, v]) => Math.max(most, Math.abs(v)), 0);
    const across = this.reach([sd[0]], [this.start[which]]),
      up = this.reach([sd[1]], [fastest]);
    const frame = runtime.axes(
      g,
      width,
      height,
      {
        x: { range: [-across, across], label: `parameter *θ*_${which + 1}` },
        y: { range: [-up, up], label: `velocity *v*_${which + 1}` },
        head: HEAD,
      },
      colours,
    );
    this.drawPath(g, frame, which, 2 + which, colours);
    runtime.clipped(g, frame.inner, () => {
      for (const level of [1, 2, 3]) ring(g, frame, level * sd[0], level * sd[1], colours.ink, 1.5, []);
      g.strokeStyle = colours.ink;
      g.lineWidth = 2;
      g.setLineDash([6, 4]);
      g.beginPath();
      for (const [x, v] of mean) g.lineTo(frame.X(x), frame.Y(v));
      g.stroke();
      g.setLineDash([]);
    });
    this.legend(g, frame, "lines: the modified loss; dashed: the mean path", colours);
  }

  /** The mean of the recursion from the start: [theta, v] of each step, until it has died out. */
  meanPath(which) {
    const { eta, beta } = this.ui.state,
      { h } = this.theory[which],
      list = [];
    let x = this.start[which],
      v = 0;
    for (let k = 0; k < 3000 && Math.abs(x) < LOST; k++) {
      list.push([x, v]);
      v = beta * v - h * x;
      x += eta * v;
      if (Math.abs(x) < 1e-3 * Math.abs(this.start[which]) && k > 8 * this.theory[which].memory) break;
    }
    return list;
  }

  drawPath(g, { X, Y, inner }, first, second, colours) {
    const xs = this.path[first],
      ys = this.path[second],
      steps = this.kept();
    runtime.clipped(g, inner, () => {
      g.strokeStyle = colours.SGD;
      g.lineJoin = "round";
      const parts = 8,
        size = Math.ceil(steps.length / parts);
      for (let part = 0; part < parts; part++) {
        g.globalAlpha = 0.12 + 0.5 * ((part + 1) / parts) ** 2;
        g.lineWidth = 1.1;
        g.beginPath();
        for (const step of steps.slice(part * size, (part + 1) * size + 1))
          g.lineTo(X(xs[step % KEPT]), Y(ys[step % KEPT]));
        g.stroke();
      }
      g.globalAlpha = 1;
      g.fillStyle = colours.SGD;
      g.beginPath();
      g.arc(X(xs[this.steps % KEPT]), Y(ys[this.steps % KEPT]), 5, 0, 2 * Math.PI);
      g.fill();
      g.strokeStyle = colours.paper;
      g.lineWidth = 1.5;
      g.stroke();
    });
  }

  /** What the lines mean: above the axes, where no path goes. */
  legend(g, { inner }, text, colours) {
    runtime.write(g, text, inner.left, inner.top - 8, { size: 11.5, colour: colours.ink });
  }
}

/** An ellipse with its axes along the coordinates, around the origin. */
function ring(g, { X, Y }, a, b, colour, width, dash) {
  g.strokeStyle = colour;
  g.lineWidth = width;
  g.setLineDash(dash);
  g.beginPath();
  g.ellipse(X(0), Y(0), Math.abs(X(a) - X(0)), Math.abs(Y(b) - Y(0)), 0, 0, 2 * Math.PI);
  g.stroke();
  g.setLineDash([]);
}

export default runtime.figure((ui) => new PhaseSpace(ui));
