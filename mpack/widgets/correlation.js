// Correlation: S(q; c) of active packings, S = A(c) E(q) [1 + c g(q) + chi (1 - g(q))], beside archived runs.
// DATA: {kicks: {c: [nine], levels: [A of each], chi, q: [grid], g: [on it], envelope: [E on it], shells: [q of the
// shells], places: [their places in the grid], points: [[S of each shell] of each c], errors: the same}}.

/** Between points, in a straight line; x within them. */
function between(xs, ys, x) {
  let k = 0;
  while (k < xs.length - 2 && xs[k + 1] < x) k++;
  return ys[k] + ((ys[k + 1] - ys[k]) * (x - xs[k])) / (xs[k + 1] - xs[k]);
}

/** S at a place of the grid of wave numbers. */
function structure(own, k, c) {
  const shape = 1 + c * own.g[k] + own.chi * (1 - own.g[k]);
  return between(own.c, own.levels, c) * own.envelope[k] * shape;
}

class Correlation {
  constructor(ui) {
    this.ui = ui;
    ui.stage.classList.add("mpk-halves");
    ui.canvas({
      ratio: 1,
      draw: (g, width, height, colours) => this.drawWaves(g, width, height, colours),
      label: () => `Structure factor against wave number at correlation ${ui.state.c}, ${this.words()}`,
    });
    ui.canvas({
      ratio: 1,
      draw: (g, width, height, colours) => this.drawLines(g, width, height, colours),
      label: () => `Structure factor at three wave numbers against the correlation, now ${ui.state.c}`,
    });
    ui.readouts({
      "*S* of the longest wave": () => runtime.written(this.longest(ui.state.c)),
      "over that at *c* = 0": () => runtime.written(this.longest(ui.state.c) / this.longest(0), 2),
      "points of *c*": () => String(this.own.c[this.nearest()]).replace("-", "−"),
    });
    ui.lead("c", "kicks");
    ui.group("others");
  }

  restart() {}

  get own() {
    return DATA[this.ui.state.kicks];
  }

  /** Which of the correlations that were run is nearest. */
  nearest() {
    const { c } = this.own,
      away = c.map((one) => Math.abs(one - this.ui.state.c));
    return away.indexOf(Math.min(...away));
  }

  longest(c) {
    return structure(this.own, this.own.places[0], c);
  }

  words() {
    const share = runtime.written(this.longest(this.ui.state.c) / this.longest(0), 2);
    return `the longest wave ${share} of what it is for independent kicks`;
  }

  spoken() {
    return `Correlation ${this.ui.state.c}, ${this.words()}.`;
  }

  table() {
    const rows = [];
    for (const [kicks, own] of Object.entries(DATA))
      own.c.forEach((c, row) =>
        own.shells.forEach((q, k) =>
          rows.push([kicks, c, q, own.points[row][k], own.errors[row][k], structure(own, own.places[k], c)]),
        ),
      );
    return { columns: ["kicks", "c", "q", "S", "error", "theory"], rows };
  }

  report() {
    const { c } = this.ui.state;
    return { longest: this.longest(c), curve: this.own.places.map((k) => structure(this.own, k, c)) };
  }

  // ------------------------------------------------------------------------------------------------ pictures

  drawWaves(g, width, height, colours) {
    const { own } = this,
      { kicks, c, others } = this.ui.state,
      row = this.nearest();
    const values = own.points.flat();
    const frame = runtime.axes(
      g,
      width,
      height,
      {
        x: { range: [0, 2.1], label: "wave number *q* (1/diameter)" },
        y: { log: true, range: [Math.min(...values) / 2, Math.max(...values) * 1.5], label: "structure factor *S*" },
      },
      colours,
    );
    const draw = (at, look) => {
      const ys = own.q.map((_, k) => structure(own, k, at));
      runtime.curve(g, frame, own.q, ys, ys.length, { least: 0, ...look });
    };
    g.globalAlpha = 0.45;
    if (others) for (const one of own.c) draw(one, { colour: colours.muted, width: 0.8 });
    g.globalAlpha = 1;
    draw(c, { colour: colours[kicks], width: 2.2 });
    runtime.clipped(g, frame.inner, () =>
      own.shells.forEach((q, k) =>
        runtime.mark(g, frame, [q, own.points[row][k], own.errors[row][k]], 0, colours[kicks], own.c[row] !== c),
      ),
    );
  }

  drawLines(g, width, height, colours) {
    const { own } = this,
      { kicks, c } = this.ui.state,
      chosen = [0, own.shells.length >> 1, own.shells.length - 1],
      values = chosen.flatMap((k) => own.points.map((row) => row[k]));
    const frame = runtime.axes(
      g,
      width,
      height,
      {
        x: { range: [-1.06, 1.06], label: "correlation *c*" },
        y: { range: [0, 1.12 * Math.max(...values)], label: "structure factor *S*" },
      },
      colours,
    );
    runtime.clipped(g, frame.inner, () => {
      g.setLineDash([2, 4]);
      runtime.line(g, frame.X(c), frame.inner.top, frame.X(c), frame.inner.bottom, colours.ink);
      g.setLineDash([]);
      chosen.forEach((k, shape) => {
        const ys = own.c.map((one) => structure(own, own.places[k], one));
        g.globalAlpha = 1 - 0.3 * shape;
        runtime.curve(g, frame, own.c, ys, ys.length, { colour: colours[kicks], width: 1.2 });
        own.c.forEach((one, row) =>
          runtime.mark(g, frame, [one, own.points[row][k], own.errors[row][k]], shape, colours[kicks]),
        );
        g.globalAlpha = 1;
      });
    });
    // A corner that the points leave free: without a mean push S rises with c at every q.
    const left = frame.inner.right - 74,
      top = kicks === "RO" ? frame.inner.bottom - 46 : frame.inner.top + 10,
      at = { X: (x) => x, Y: (value) => value };
    chosen.forEach((k, shape) => {
      const y = top + 16 * shape;
      runtime.mark(g, at, [left, y, 0], shape, colours[kicks]);
      runtime.write(g, `*q* = ${own.shells[k].toFixed(2)}`, left + 10, y + 4, { size: 11, colour: colours.ink });
    });
  }
}

export default runtime.figure((ui) => new Correlation(ui));
