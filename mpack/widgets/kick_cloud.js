// The kick cloud: one step of a dynamics from one place, drawn many times by the library's kernels, beside its exact
// moments.
const kernel = await mpackKernel(KERNEL);
const BOX = 8,
  REACH = 1.7; // half the window, in mean diameters

/** Mean and covariance [xx, yy, xy] of each disc's displacement in one step: G E[w] and G Cov(w) G^T, in closed form. */
function moments(places, rule) {
  const pushes = []; // [disc, other, x, y]: what one random number multiplies, for both ends of each pair
  for (let i = 0; i < 3; i++)
    for (let j = i + 1; j < 3; j++) {
      const dx = places[i][0] - places[j][0],
        dy = places[i][1] - places[j][1],
        r = Math.hypot(dx, dy);
      if (r >= 1 || r === 0) continue;
      const size = (0.5 * rule.scale) / r;
      pushes.push([i, j, size * dx, size * dy], [j, i, -size * dx, -size * dy]);
    }
  const single = rule.particle !== "one",
    drawn = single ? new Set(pushes.map(([disc]) => disc)).size : pushes.length / 2;
  const [mean, variance, shared] = spreadOf(rule, single ? rule.particle : rule.pair, drawn);
  return places.map((_, disc) => {
    const own = pushes.filter(([to]) => to === disc);
    const total = own.reduce(([x, y], [, , px, py]) => [x + px, y + py], [0, 0]);
    const columns = single ? [total] : own.map(([, , x, y]) => [x, y]);
    const [xx, yy, xy] = [
      [0, 0],
      [1, 1],
      [0, 1],
    ].map(([a, b]) => {
      const each = columns.reduce((sum, column) => sum + column[a] * column[b], 0);
      return (variance - shared) * each + (single ? shared * each : shared * total[a] * total[b]);
    });
    return { mean: total.map((component) => mean * component), covariance: [xx, yy, xy] };
  });
}

/** Mean, variance and mutual covariance of the random numbers that a step draws. */
function spreadOf(rule, kind, count) {
  if (kind === "batch") {
    const p = Math.min(1, rule.batch / Math.max(count, 1));
    return [p, p * (1 - p), count > 1 ? (-p * (1 - p)) / (count - 1) : 0];
  }
  const b = rule.fraction;
  return {
    one: [1, 0, 0],
    uniform: [1 / 2, 1 / 12, 0],
    bernoulli: [b, b * (1 - b), 0],
    gaussian: [rule.mean, rule.spread ** 2, 0],
  }[kind];
}

class KickCloud {
  constructor(ui) {
    this.ui = ui;
    this.room = ui.canvas({
      ratio: 1,
      className: "mpk-framed",
      draw: (g, width, height, colours) => this.drawDiscs(g, width, height, colours),
      label: () => `Three discs at ${this.places.map((place) => place.map((x) => x.toFixed(2)).join(", ")).join("; ")}`,
    });
    this.cloud = ui.canvas({
      ratio: 1,
      draw: (g, width, height, colours) => this.drawCloud(g, width, height, colours),
      label: () => `Cloud of ${this.count} kicks of disc ${ui.state.disc}; the table below gives its moments`,
    });
    ui.stage.classList.add("mpk-halves");
    this.handles = [0, 1, 2].map((disc) => this.handle(disc));
    this.table_ = runtime.element("table", { class: "mpk-table" });
    ui.numbersShown.after(this.table_);
    ui.lead("dynamics", "eps", "alpha", "batch_fraction");
    const rule = ui.group("batch_size", "approximation");
    rule.classList.add("mpk-rule");
    ui.group("disc", "samples", "seed");
    const places = runtime.element(
      "details",
      { class: "mpk-details" },
      runtime.element("summary", {}, "Places in numbers"),
    );
    const grid = runtime.element("div", { class: "mpk-panel" });
    grid.append(...["x1", "y1", "x2", "y2", "x3", "y3"].map((name) => ui.control(name)));
    places.append(grid);
    ui.below.append(places);
    this.check = new same.Check(ui, {
      step: () => this.engine.step,
      digest: () => this.engine.digest(),
      python: () => [...this.inPython(), "print(run.digest)"].join("\n"),
    });
  }

  /** What a disc is dragged by: a button over the canvas, for pointers and arrow keys. */
  handle(disc) {
    const { ui } = this;
    const move = (dx, dy) => {
      const clip = (value) => Math.min(1.5, Math.max(-1.5, Number(value.toFixed(3))));
      const [x, y] = this.places[disc];
      ui.set({ [`x${disc + 1}`]: clip(x + dx), [`y${disc + 1}`]: clip(y + dy) });
    };
    const node = runtime.element("button", { type: "button", class: "mpk-handle" });
    ui.listen(node, "keydown", (event) => {
      const step = event.shiftKey ? 0.1 : 0.02;
      const to = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
      if (!to) return;
      event.preventDefault();
      move(...to);
      ui.speak(0, this.spoken());
    });
    let from = null;
    ui.listen(node, "pointerdown", (event) => {
      from = [event.clientX, event.clientY];
      try {
        node.setPointerCapture(event.pointerId);
      } catch {
        // a pointer that is no longer down
      }
    });
    ui.listen(node, "pointermove", (event) => {
      if (!from) return;
      const scale = (2 * REACH) / this.room.node.getBoundingClientRect().width;
      move((event.clientX - from[0]) * scale, (from[1] - event.clientY) * scale);
      from = [event.clientX, event.clientY];
    });
    for (const type of ["pointerup", "pointercancel"]) ui.listen(node, type, () => (from = null));
    this.room.holder.append(node);
    return node;
  }

  get places() {
    const { state } = this.ui;
    return [1, 2, 3].map((disc) => [state[`x${disc}`], state[`y${disc}`]]);
  }

  restart() {
    const { state } = this.ui;
    const start = kernel.packing({ positions: this.places, box: BOX }),
      rule = kernel.recipe(same.ruleOf(state));
    this.exactly = moments(this.places, rule);
    this.engine = new kernel.Engine(start, rule, state.seed, this.engine);
    this.active = this.engine.look().flags;
    this.contacts = this.engine.pairs(1).r.length;
    this.count = state.samples;
    this.kicks = [0, 1, 2].map(() => [new Float64Array(this.count), new Float64Array(this.count)]);
    for (let k = 0; k < this.count; k++) {
      const drawn = this.engine.kicks(k); // as in step k, from these places
      for (let disc = 0; disc < 3; disc++)
        for (const axis of [0, 1]) this.kicks[disc][axis][k] = drawn[2 * disc + axis];
    }
    this.engine.advance(1); // the first of them is made: its digest is below
    this.sampled = this.kicks.map((kick) => this.statistics(kick));
    this.check.begin();
  }

  /** Mean and covariance of drawn kicks, with standard errors. */
  statistics([xs, ys]) {
    const n = xs.length,
      average = (f) => {
        let sum = 0;
        for (let k = 0; k < n; k++) sum += f(k);
        return sum / n;
      };
    const mean = [average((k) => xs[k]), average((k) => ys[k])];
    const products = [
      (k) => (xs[k] - mean[0]) ** 2,
      (k) => (ys[k] - mean[1]) ** 2,
      (k) => (xs[k] - mean[0]) * (ys[k] - mean[1]),
    ];
    const covariance = products.map((product) => (average(product) * n) / (n - 1));
    const errors = [
      ...covariance.slice(0, 2).map((variance) => Math.sqrt(variance / n)),
      ...products.map((product, which) =>
        Math.sqrt(Math.max(0, average((k) => product(k) ** 2) - covariance[which] ** 2) / n),
      ),
    ];
    return { mean, covariance, errors };
  }

  changed() {
    same.showControls(this.ui);
  }

  /** After each picture: handles where the discs are, the table, the check. */
  shown() {
    this.check.shown();
    const { element, written } = runtime,
      which = Number(this.ui.state.disc) - 1;
    this.handles.forEach((node, disc) => {
      const [x, y] = this.places[disc];
      node.style.left = `${(50 * (x + REACH)) / REACH}%`;
      node.style.top = `${(50 * (REACH - y)) / REACH}%`;
      const label = `Disc ${disc + 1} at ${x.toFixed(2)}, ${y.toFixed(2)}. Arrow keys move it, with Shift farther.`;
      if (node.getAttribute("aria-label") !== label) node.setAttribute("aria-label", label);
    });
    const { mean, covariance } = this.exactly[which],
      sample = this.sampled[which];
    const names = ["mean, *x*", "mean, *y*", "variance, *x*", "variance, *y*", "covariance"];
    const rows = names.map((name, row) => {
      const value = row < 2 ? mean[row] : covariance[row - 2],
        found = row < 2 ? sample.mean[row] : sample.covariance[row - 2];
      const cells = [written(value), written(found), `± ${written(sample.errors[row], 2)}`];
      return element(
        "tr",
        {},
        element("th", { scope: "row" }, runtime.marked(name)),
        cells.map((cell) => element("td", {}, cell)),
      );
    });
    const head = ["", "exact", "drawn", "error"].map((text) =>
      text ? element("th", { scope: "col" }, text) : element("td", {}),
    );
    this.table_.replaceChildren(element("thead", {}, element("tr", {}, head)), element("tbody", {}, rows));
  }

  status() {
    const { contacts } = this,
      still = this.centre() < 1e-12;
    if (!contacts) return "No two discs overlap: nothing is kicked.";
    const pairs = contacts === 1 ? "One pair overlaps" : `${contacts} pairs overlap`;
    return `${pairs}. The centre of mass ${still ? "stays where it is in every draw" : "moves"}.`;
  }

  spoken() {
    const { mean, covariance } = this.exactly[Number(this.ui.state.disc) - 1],
      two = (value) => Number(value.toPrecision(2));
    return `${this.contacts} pairs overlap. Disc ${this.ui.state.disc}: mean kick ${two(mean[0])}, ${two(mean[1])}; variances ${two(covariance[0])}, ${two(covariance[1])}.`;
  }

  /** The largest shift of the centre of mass in a draw. */
  centre() {
    let most = 0;
    for (let k = 0; k < this.count; k++)
      for (const axis of [0, 1])
        most = Math.max(most, Math.abs(this.kicks[0][axis][k] + this.kicks[1][axis][k] + this.kicks[2][axis][k]));
    return most;
  }

  table() {
    const columns = [1, 2, 3].flatMap((disc) => [`kick_x${disc}`, `kick_y${disc}`]);
    const rows = Array.from({ length: this.count }, (_, k) => [k, ...this.kicks.flatMap(([xs, ys]) => [xs[k], ys[k]])]);
    return { columns: ["draw", ...columns], rows };
  }

  /** The first draw, by the library. */
  inPython() {
    const { state } = this.ui;
    return [
      `places = ${JSON.stringify(this.places).replaceAll(",", ", ")}`,
      `dynamics = ${same.inPython(state)}`,
      `run = mpack.simulate(mpack.Packing(places, box=${BOX}), dynamics, steps=1, seed=${state.seed})`,
    ];
  }

  python() {
    const lines = ["mean, covariance = mpack.kicks.moments(places, dynamics)", "print(mean, covariance, run.digest)"];
    return [...this.inPython(), ...lines].join("\n");
  }

  end() {
    this.engine = null;
  }

  report() {
    const first = this.kicks.map(([xs, ys]) => [xs[0], ys[0]]);
    return { exact: this.exactly, sampled: this.sampled, contacts: this.contacts, centre: this.centre(), first, digest: this.engine.digest() };
  }

  // ------------------------------------------------------------------------------------------------ pictures

  drawDiscs(g, width, height, colours) {
    const unit = width / (2 * REACH),
      X = (x) => (x + REACH) * unit,
      Y = (y) => (REACH - y) * unit,
      chosen = Number(this.ui.state.disc) - 1;
    const longest = Math.max(...this.exactly.map(({ mean }) => Math.hypot(...mean)), 1e-12),
      longer = 0.55 / longest;
    this.places.forEach(([x, y], disc) => {
      g.globalAlpha = 0.8;
      g.fillStyle = this.active[disc] ? colours.active : colours.inactive;
      g.beginPath();
      g.arc(X(x), Y(y), unit / 2, 0, 2 * Math.PI);
      g.fill();
      g.globalAlpha = 1;
      g.lineWidth = disc === chosen ? 3 : 1;
      g.strokeStyle = disc === chosen ? colours.ink : colours.paper;
      g.stroke();
    });
    this.places.forEach(([x, y], disc) => {
      const [mx, my] = this.exactly[disc].mean;
      g.strokeStyle = g.fillStyle = colours.ink;
      g.lineWidth = 2.2;
      runtime.arrow(g, X(x), Y(y), X(x + longer * mx), Y(y + longer * my), 9);
      runtime.write(g, String(disc + 1), X(x) - 0.36 * unit, Y(y) + 5, { size: 14, bold: true, colour: colours.ink });
    });
    runtime.write(g, "arrows: mean kicks, magnified", 12, height - 12, { size: 12, colour: colours.muted });
  }

  drawCloud(g, width, height, colours) {
    const which = Number(this.ui.state.disc) - 1,
      [xs, ys] = this.kicks[which],
      { state } = this.ui,
      colour = colours[same.PROCESS[state.dynamics]];
    const { mean, covariance } = this.exactly[which],
      sample = this.sampled[which];
    let most = 1e-6;
    for (let k = 0; k < this.count; k++) most = Math.max(most, Math.abs(xs[k]), Math.abs(ys[k]));
    const range = [-1.15 * most, 1.15 * most],
      frame = runtime.axes(
        g,
        width,
        height,
        { x: { range, label: "kick in *x*, diameters" }, y: { range, label: "kick in *y*, diameters" } },
        colours,
      ),
      { X, Y, inner } = frame;
    runtime.line(g, X(0), inner.top, X(0), inner.bottom, colours.muted);
    runtime.line(g, inner.left, Y(0), inner.right, Y(0), colours.muted);
    runtime.clipped(g, inner, () => {
      g.fillStyle = colour;
      for (const [x, y, share] of this.atoms(xs, ys)) {
        g.globalAlpha = share ? 0.75 : 0.35;
        g.beginPath();
        g.arc(X(x), Y(y), share ? 3 + 14 * Math.sqrt(share) : 2, 0, 2 * Math.PI);
        g.fill();
      }
      g.globalAlpha = 1;
      this.ellipse(g, X, Y, sample.mean, sample.covariance, colours.paper, 5, []);
      this.ellipse(g, X, Y, mean, covariance, colours.paper, 5, []);
      this.ellipse(g, X, Y, mean, covariance, colours.ink, 2.2, []);
      this.ellipse(g, X, Y, sample.mean, sample.covariance, colour, 2.2, [5, 4]);
    });
    const words = "line: exact, dashed: drawn";
    const wide = runtime.write(g, words, 0, 0, { size: 11, draw: false });
    g.globalAlpha = 0.85;
    g.fillStyle = colours.card;
    const top = mean[1] >= 0 ? inner.bottom - 22 : inner.top; // away from the cloud
    g.fillRect(inner.left + 2, top, wide + 10, 20);
    g.globalAlpha = 1;
    runtime.write(g, words, inner.left + 6, top + 14, { size: 11, colour: colours.ink });
  }

  /** [x, y, share] where many draws fall on few points; else [x, y] of each draw. */
  atoms(xs, ys) {
    const found = new Map();
    for (let k = 0; k < this.count && found.size <= 8; k++) {
      const key = `${xs[k].toFixed(9)} ${ys[k].toFixed(9)}`,
        atom = found.get(key) ?? [xs[k], ys[k], 0];
      atom[2] += 1 / this.count;
      found.set(key, atom);
    }
    return found.size <= 8 ? [...found.values()] : Array.from(xs, (x, k) => [x, ys[k]]);
  }

  /** One standard deviation of a covariance around its mean, and a cross on the mean. */
  ellipse(g, X, Y, [mx, my], [xx, yy, xy], colour, width, dash) {
    const middle = (xx + yy) / 2,
      half = Math.hypot((xx - yy) / 2, xy),
      angle = 0.5 * Math.atan2(2 * xy, xx - yy);
    const a = Math.sqrt(Math.max(0, middle + half)),
      b = Math.sqrt(Math.max(0, middle - half));
    g.strokeStyle = colour;
    g.lineWidth = width;
    g.setLineDash(dash);
    g.beginPath();
    for (let k = 0; k <= 72; k++) {
      const t = (2 * Math.PI * k) / 72,
        u = a * Math.cos(t),
        v = b * Math.sin(t);
      g.lineTo(X(mx + u * Math.cos(angle) - v * Math.sin(angle)), Y(my + u * Math.sin(angle) + v * Math.cos(angle)));
    }
    g.stroke();
    g.setLineDash([]);
    g.beginPath();
    g.moveTo(X(mx) - 7, Y(my));
    g.lineTo(X(mx) + 7, Y(my));
    g.moveTo(X(mx), Y(my) - 7);
    g.lineTo(X(mx), Y(my) + 7);
    g.stroke();
  }
}

export default runtime.figure((ui) => new KickCloud(ui));
