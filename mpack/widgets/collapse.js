// Collapse: archived activities and relaxation times of several sizes, scaled by exponents that the reader sets, with
// the quality S of J. Houdayer and A. K. Hartmann, Phys. Rev. B 70, 014418 (2004), as mpack.scaling computes it.
// DATA: {points: {process: {f, tau: [{n, fitted, "left out": [[phi, mean, error]]}]}}, classes: {name: exponents}}.
const PARTS = ["f", "tau"],
  SETTINGS = ["phi_c", "beta", "nu_perp", "nu_par"],
  NAMES = { f: "activity", tau: "relaxation time" };

/** Points of one size, [x, y, dy] each, scaled: x = l^(1/nu) (phi - phi_c), y = l^(-zeta/nu) a, with l = n^(1/3). */
function scaled({ n }, points, part, { phi_c, beta, nu_perp, nu_par }) {
  const log = Math.log(Math.cbrt(n)),
    stretch = Math.exp(log / nu_perp),
    factor = Math.exp((-(part === "f" ? -beta : nu_par) / nu_perp) * log);
  return points.map(([phi, a, da]) => [stretch * (phi - phi_c), a * factor, da * factor]);
}

/** The two neighbouring points of a size (x increasing) that bracket x, or nothing. */
function bracket(points, x) {
  const last = points.length - 1;
  if (last < 1 || x < points[0][0] || x > points[last][0]) return [];
  let q = 0;
  while (q + 2 <= last && points[q + 1][0] <= x) q++;
  return [points[q], points[q + 1]];
}

/** Squared deviation of a point from the line through its neighbours of every other size, over its variance. */
function deviation([x, y, dy], others) {
  let k = 0,
    kx = 0,
    ky = 0,
    kxx = 0,
    kxy = 0;
  for (const [xt, yt, dyt] of others.flatMap((points) => bracket(points, x))) {
    const w = 1 / (dyt * dyt),
      u = xt - x;
    k += w;
    kx += w * u;
    ky += w * yt;
    kxx += w * u * u;
    kxy += w * u * yt;
  }
  const delta = k * kxx - kx * kx;
  return delta > 0 ? (y - (kxx * ky - kx * kxy) / delta) ** 2 / (dy * dy + kxx / delta) : null;
}

/** For each size with bracketed points: their mean squared deviation, and how many they are. */
function misfits(sizes) {
  return sizes
    .map((points, i) => {
      const others = sizes.filter((_, m) => m !== i);
      return points.map((point) => deviation(point, others)).filter((d) => d !== null);
    })
    .filter((list) => list.length)
    .map((list) => ({ mean: list.reduce((sum, d) => sum + d, 0) / list.length, count: list.length }));
}

const mean = (found) => (found.length ? found.reduce((sum, one) => sum + one.mean, 0) / found.length : Infinity);

/** S of each observable and of both together (over all sizes of both), and how many points took part. */
function quality(process, settings) {
  const found = {};
  for (const part of PARTS) {
    const own = DATA.points[process][part].filter((size) => size.fitted.length);
    found[part] = misfits(own.map((size) => scaled(size, size.fitted, part, settings)));
  }
  const both = [...found.f, ...found.tau];
  const used = both.reduce((sum, { count }) => sum + count, 0);
  return { S: mean(both), f: mean(found.f), tau: mean(found.tau), used };
}

class Collapse {
  constructor(ui) {
    this.ui = ui;
    ui.stage.classList.add("mpk-halves");
    for (const part of PARTS)
      ui.canvas({
        ratio: 1,
        draw: (g, width, height, colours) => this.drawPart(part, g, width, height, colours),
        label: () => {
          const S = runtime.written(this.found()[part], 2);
          return `${ui.state.raw ? "Measured" : "Scaled"} ${NAMES[part]} of all sizes, S ${S}`;
        },
      });
    this.valley = ui.canvas({
      ratio: 2.6,
      draw: (g, width, height, colours) => this.drawValley(g, width, height, colours),
      label: () => {
        const [phi_c, S] = this.lowest();
        return `S against the critical packing fraction at these exponents: least ${runtime.written(S)} at ${phi_c}`;
      },
    });
    this.valley.holder.style.gridColumn = "1 / -1";
    ui.readouts({
      "quality *S*": () => runtime.written(this.found().S),
      "of the activity": () => runtime.written(this.found().f),
      "of the relaxation time": () => runtime.written(this.found().tau),
      "points in *S*": () => `${this.found().used} of ${this.count()}`,
    });
    ui.lead("phi_c", "beta", "nu_perp", "nu_par");
    const other = ui.group("process", "raw", "valley");
    const presets = Object.entries(DATA.classes).map(([name, exponents]) =>
      ui.button(name[0].toUpperCase() + name.slice(1), () => this.put(exponents)),
    );
    other.append(
      runtime.element("div", { class: "mpk-items", role: "group", "aria-label": "Exponents of a class" }, presets),
      runtime.element(
        "div",
        { class: "mpk-items" },
        ui.button("Best φ for these exponents", () => this.put({ phi_c: this.lowest()[0] })),
        ui.button("Best fit from here", () => this.put(this.descend())),
        ui.button("Reset", () => this.put(Object.fromEntries(SETTINGS.map((key) => [key, SCHEMA.state[key].default])))),
      ),
    );
  }

  restart() {}

  changed() {
    this.valley.holder.hidden = !this.ui.state.valley;
  }

  put(settings) {
    this.ui.set(settings);
    this.ui.speak();
  }

  count() {
    const sizes = PARTS.flatMap((part) => DATA.points[this.ui.state.process][part]);
    return sizes.reduce((sum, { fitted }) => sum + fitted.length, 0);
  }

  /** S at the state, computed once for each. */
  found() {
    const { state } = this.ui,
      key = [state.process, ...SETTINGS.map((name) => state[name])].join();
    if (key !== this.key) [this.key, this.kept] = [key, quality(state.process, state)];
    return this.kept;
  }

  /** [phi_c, S] at every place of the slider, exponents as they are. */
  along() {
    const { state } = this.ui,
      { min, max, step } = SCHEMA.state.phi_c,
      key = [state.process, state.beta, state.nu_perp, state.nu_par].join();
    if (key !== this.alongKey) {
      const places = Array.from({ length: Math.round((max - min) / step) + 1 }, (_, k) =>
        Number((min + k * step).toFixed(4)),
      );
      this.alongKey = key;
      this.alongKept = places.map((phi_c) => [phi_c, quality(state.process, { ...state, phi_c })]);
      // A place at which few points can be compared has a small S for nothing.
      const most = Math.max(...this.alongKept.map(([, { used }]) => used));
      this.alongKept = this.alongKept.map(([phi_c, { S, used }]) => [phi_c, used >= most / 2 ? S : NaN]);
    }
    return this.alongKept;
  }

  lowest() {
    const list = this.along().filter(([, S]) => Number.isFinite(S));
    return list.reduce((best, one) => (one[1] < best[1] ? one : best), list[0] ?? [this.ui.state.phi_c, Infinity]);
  }

  /** Steps of the sliders that lower S, the size of the steps halved where none does, to the nearest minimum. */
  descend() {
    const { state } = this.ui,
      half = this.count() / 2,
      steps = { phi_c: 0.0016, beta: 0.064, nu_perp: 0.064, nu_par: 0.064 };
    const at = (settings) => {
      const { S, used } = quality(state.process, settings);
      return used >= half ? S : Infinity;
    };
    let best = Object.fromEntries(SETTINGS.map((key) => [key, state[key]])),
      least = at(best);
    for (let scale = 1, turns = 0; scale >= 1 / 64 && turns < 400; turns++) {
      let better = null;
      // Directions along one exponent and along two at once: the valley of S is oblique.
      for (const move of moves()) {
        const next = { ...best };
        for (const [key, sign] of move) {
          const { min, max } = SCHEMA.state[key];
          next[key] = Number(Math.min(max, Math.max(min, best[key] + sign * scale * steps[key])).toFixed(6));
        }
        const S = at(next);
        if (S < (better?.S ?? least) - 1e-9) better = { S, next };
      }
      if (better) [best, least] = [better.next, better.S];
      else scale /= 2;
    }
    return Object.fromEntries(Object.entries(best).map(([key, value]) => [key, Number(value.toFixed(4))]));
  }

  status() {
    const { S, used } = this.found();
    if (!Number.isFinite(S)) return "No point lies between points of another size: there is nothing to compare.";
    if (used < this.count() / 2)
      return "Less than half of the points can be compared here: a small S says little when so few take part.";
    if (S < 1.5) return "The sizes agree as well as their errors ask.";
    const times = runtime.written(Math.sqrt(S), 2);
    return `Points differ from the curve of the other sizes by ${times} times what their errors allow.`;
  }

  spoken() {
    const { S, used } = this.found();
    return `Quality S ${runtime.written(S, 2)}, ${used} of ${this.count()} points compared.`;
  }

  table() {
    const { state } = this.ui,
      rows = [];
    for (const part of PARTS)
      for (const size of DATA.points[state.process][part])
        for (const which of ["fitted", "left out"])
          scaled(size, size[which], part, state).forEach((point, k) =>
            rows.push([part, size.n, which, ...size[which][k], ...point]),
          );
    return { columns: ["observable", "N", "points", "phi", "a", "da", "x", "y", "dy"], rows };
  }

  report() {
    const finite = Object.entries(this.found()).map(([key, x]) => [key, Number.isFinite(x) ? x : null]);
    return Object.fromEntries(finite);
  }

  /** S from the library: the same points, the same number. */
  python() {
    const { process, phi_c, beta, nu_perp, nu_par } = this.ui.state;
    return [
      "import json",
      "from pathlib import Path",
      "import pandas as pd",
      "",
      'file = Path(mpack.__file__).parent / "widgets" / "collapse.data.json"',
      `points = json.loads(file.read_text(encoding="utf8"))["points"]["${process}"]`,
      "data = {}",
      "for name, sizes in points.items():",
      '    rows = [[size["n"], *row] for size in sizes for row in size["fitted"]]',
      '    table = pd.DataFrame(rows, columns=["n", "phi", "a", "da"])',
      '    data[name] = mpack.scaling.Data.from_table(table, rho="phi", a="a", da="da", n="n", dim=3)',
      `fixed = {"rho_c": ${phi_c}, "nu": ${nu_perp}, "zeta_f": ${-beta}, "zeta_tau": ${nu_par}}`,
      "S = mpack.scaling.collapse(data, {}, fixed=fixed).quality",
    ].join("\n");
  }

  // ------------------------------------------------------------------------------------------------ pictures

  drawPart(part, g, width, height, colours) {
    const { state } = this.ui,
      sizes = DATA.points[state.process][part],
      place = (size, which) => (state.raw ? size[which] : scaled(size, size[which], part, state));
    const shown = sizes.map((size) => ({ n: size.n, fitted: place(size, "fitted"), rest: place(size, "left out") }));
    // The window of the points in S; those left out are drawn where they fall inside it.
    const all = shown.flatMap(({ fitted }) => fitted),
      xs = all.map(([x]) => x),
      low = Math.min(...all.map(([, y]) => y)),
      high = Math.max(...all.map(([, y]) => y)),
      margin = 0.12 * (Math.max(...xs) - Math.min(...xs));
    const log = part === "tau",
      labels = state.raw
        ? { x: "packing fraction *φ*", y: log ? "relaxation time *τ*_r (steps)" : "steady activity *f*_∞" }
        : { x: "scaled distance *x*", y: log ? "scaled relaxation time" : "scaled activity" };
    const frame = runtime.axes(
      g,
      width,
      height,
      {
        x: { range: [Math.min(...xs) - margin, Math.max(...xs) + margin], label: labels.x },
        y: { log, range: log ? runtime.decades(low / 1.5, high * 1.5) : [0, 1.15 * high], label: labels.y },
      },
      colours,
    );
    const both = PARTS.flatMap((one) => DATA.points[state.process][one].map(({ n }) => n)),
      known = [...new Set(both)].sort((a, b) => a - b);
    runtime.clipped(g, frame.inner, () => {
      for (const { n, fitted, rest } of shown) {
        const k = known.indexOf(n),
          colour = colours[state.process];
        g.globalAlpha = 0.3 + (0.7 * k) / (known.length - 1);
        for (const point of rest) runtime.mark(g, frame, point, k, colours.muted, true);
        g.strokeStyle = colour;
        g.lineWidth = 1;
        g.beginPath();
        for (const [x, y] of fitted) g.lineTo(frame.X(x), frame.Y(y));
        g.stroke();
        for (const point of fitted) runtime.mark(g, frame, point, k, colour, false);
        g.globalAlpha = 1;
      }
    });
    if (part === "f") this.legend(g, frame, known, colours);
  }

  legend(g, { inner }, known, colours) {
    const at = { X: (x) => x, Y: (y) => y },
      left = inner.right - 84; // the activity rises to the right, and leaves the corner below it free
    known.forEach((n, k) => {
      const y = inner.bottom - 14 - 16 * (known.length - 1 - k);
      g.globalAlpha = 0.3 + (0.7 * k) / (known.length - 1);
      runtime.mark(g, at, [left, y, 0], k, colours[this.ui.state.process], false);
      g.globalAlpha = 1;
      runtime.write(g, `*N* = ${runtime.counted(n)}`, left + 10, y + 4, { size: 11, colour: colours.ink });
    });
  }

  drawValley(g, width, height, colours) {
    const { state } = this.ui,
      list = this.along(),
      values = list.map(([, S]) => S).filter(Number.isFinite);
    const high = Math.min(Math.max(...values, 10), 1e4),
      { min, max } = SCHEMA.state.phi_c;
    const frame = runtime.axes(
      g,
      width,
      height,
      {
        x: { range: [min, max + 0.0015], label: "critical packing fraction *φ*_c" },
        y: { log: true, range: runtime.decades(Math.min(1, ...values), high), label: "quality *S*" },
      },
      colours,
    );
    const ys = list.map(([, S]) => (S > 0 ? S : NaN));
    runtime.curve(g, frame, list.map(([x]) => x), ys, list.length, { colour: colours[state.process] });
    runtime.clipped(g, frame.inner, () => {
      g.setLineDash([2, 4]);
      runtime.line(g, frame.inner.left, frame.Y(1), frame.inner.right, frame.Y(1), colours.ink);
      g.setLineDash([]);
      g.fillStyle = colours.ink;
      g.beginPath();
      const { S } = this.found();
      if (Number.isFinite(S)) g.arc(frame.X(state.phi_c), frame.Y(Math.max(S, 1e-3)), 5, 0, 2 * Math.PI);
      g.fill();
    });
  }
}

/** Signs of one or two settings to move at once. */
function moves() {
  const list = [];
  SETTINGS.forEach((one, i) => {
    for (const a of [-1, 1]) {
      list.push([[one, a]]);
      for (const other of SETTINGS.slice(i + 1))
        for (const b of [-1, 1])
          list.push([
            [one, a],
            [other, b],
          ]);
    }
  });
  return list;
}

export default runtime.figure((ui) => new Collapse(ui));
