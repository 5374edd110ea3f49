// Spheres: a packing of spheres or ellipsoids in perspective, a plane through it, a histogram of what its colours mean, and
// the activity of the run that it is a moment of. The library's kernels compute that run here. With a kernel of Python's that
// drives it (mpack/widgets/_driven.py) it shows that one's frames instead.
const kernel = await mpackKernel(KERNEL);
const FARTHEST = 0.1, // the largest gap that can count as a contact
  MOST_CONTACTS = 12, // from here on all have one colour
  BINS = 24, // of a histogram of lengths, and shades of their colour
  AXES = { x: 0, y: 1, z: 2 },
  LEAST_LONG = 200, // ellipsoids: with fewer the box could be too narrow for those that nearly touch
  MANY = 30000, // spheres: from here on contacts are counted only where they are looked at
  MOST_STEPS = 1000000,
  MEANS = { contacts: "contacts", overlap: "deepest overlap, diameters", kick: "next kick, diameters" };

// Moments of two runs of BRO: packing fraction, and the step.
const RUN = { n: 600, seed: 1, dynamics: "PairwiseBRO", eps: 0.01, aspect: 1, turning: true },
  MOMENTS = { start: [0.62, 0], late: [0.62, 11900], rest: [0.62, 12199], active: [0.66, 4000] };
const RECORDED = [
  ...new Set([0, ...Array.from({ length: 20 * Math.log10(MOST_STEPS) + 1 }, (_, k) => Math.round(10 ** (k / 20)))]),
];

const NOTHING = {
  ...{ dim: 3, box: 1, phi: NaN, steps: 0, activity: 0 },
  ...{ places: new Float32Array(0), kicks: new Float32Array(0), near: () => ({ i: [], j: [], r: [] }) },
};

// -------------------------------------------------------------------------------------------------- frames

/**
 * What an engine has come to: places as shares of the box, [x0, y0, z0, x1, ...]; `kicks`, how far the next step moves
 * each sphere, in diameters; `near()`, pairs with gaps below FARTHEST. The last two while the engine stands there.
 */
function frameOf(engine, phi) {
  const { n, box, semi = null } = engine,
    { active } = engine.look();
  let kicks = null;
  return {
    ...{ dim: 3, box, phi, steps: engine.step, activity: active / n, absorbed: !active },
    places: Float64Array.from(engine.coarse(), (units) => units / 2 ** 32),
    ...(semi ? bodiesOf(engine.turns().slice(), semi) : {}),
    get kicks() {
      if (kicks) return kicks;
      const all = engine.kicks();
      kicks = Float64Array.from({ length: n }, (_, i) => Math.hypot(all[3 * i], all[3 * i + 1], all[3 * i + 2]));
      return kicks;
    },
    near: () => engine.pairs(1 + FARTHEST),
  };
}

/** What a frame of ellipsoids has besides: orientations by label, semi-axes, and the extent of the longest. */
const bodiesOf = (turns, semi) => ({ turns, semi, widest: 2 * semi.reduce((most, axis) => Math.max(most, axis), 0) });

/** Pairs of a frame that came from Python with gaps below FARTHEST: { i, j, r }, r over the contact distance. */
function pairsOf({ places, box, dim, sizes, widest, semi, turns }) {
  const n = places.length / 3,
    units = new Uint32Array(2 * n * dim), // lower half, upper half, ...
    diameters = sizes ?? new Float32Array(n).fill(1);
  for (let k = 0; k < n * dim; k++) {
    const place = places[3 * Math.floor(k / dim) + (k % dim)] * 2 ** 32,
      upper = Math.floor(place);
    units[2 * k] = (place - upper) * 2 ** 32;
    units[2 * k + 1] = upper;
  }
  const factor = Math.min(1 + FARTHEST, box / (2 * widest)),
    found = kernel.pairs({ n, dim, box, diameters, fixed: new BigInt64Array(units.buffer), semi, turns }, factor);
  if (semi) return found;
  return { ...found, r: found.r.map((r, p) => (2 * r) / (diameters[found.i[p]] + diameters[found.j[p]])) };
}

// -------------------------------------------------------------------------------------------------- the figure

class Spheres {
  constructor(ui) {
    this.ui = ui;
    this.stamps = new Map();
    const [left, column] = ui.columns();
    this.view = ui.canvas({
      ratio: 0.9,
      className: "mpk-framed",
      parent: left,
      draw: (g, width, height, colours) => this.drawView(g, width, height, colours),
      label: () => this.seen(),
    });
    solid.turner(ui, this.view.holder);
    this.cut = ui.canvas({
      ratio: 1,
      className: "mpk-framed",
      parent: column,
      draw: (g, width, height, colours) => this.drawCut(g, width, height, colours),
      label: () => `What the plane at ${ui.state.place} of the box cuts out: ${this.discs().length} ${this.forms ? "ellipses" : "discs"}`,
    });
    this.cut.holder.classList.add("mpk-small");
    ui.canvas({
      ratio: 1.9,
      parent: column,
      draw: (g, width, height, colours) => this.drawHistogram(g, width, height, colours),
      label: () => `Histogram: ${this.meaning()}, mean ${runtime.written(this.mean())}`,
    });
    const curve = ui.canvas({
      ratio: 2.6,
      parent: left,
      draw: (g, width, height, colours) => this.drawActivity(g, width, height, colours),
      label: () => `Activity against steps, now ${runtime.written(this.activity)}`,
    });
    curve.holder.classList.add("mpk-later"); // than the controls, where there is one column
    ui.readouts({
      "step *k*": () => runtime.counted(this.frame.steps),
      "packing fraction *φ*": () => runtime.written(this.frame.phi),
      "activity *f*_a": () => this.activity.toFixed(3),
      "contacts of one *Z*": () => (this.counted ? runtime.written((2 * this.contactPairs) / this.n) : "–"),
      "held by too few": () => (this.counted ? runtime.counted(this.loose) : "–"),
    });
    if (ui.model.get("driven")) this.drive();
    else this.compute();
    ui.lead("packing", "colour", "slab");
    ui.group("speed");
    ui.group("phi", "dynamics", "eps", "alpha", "batch_fraction");
    ui.group("n", "aspect", "shape", "turning", "seed");
    ui.group("gap", "bonds", "axis", "place");
    ui.group("azimuth", "elevation", "zoom");
  }

  // ------------------------------------------------------------------------------------------------ the page computes

  compute() {
    const { ui } = this;
    ui.clock();
    this.pace = runtime.pace(ui, {
      done: () => this.engine.step - this.run.from,
      over: () => this.rested || this.engine.step >= MOST_STEPS,
      once: () => this.stride(),
    });
    this.check = new same.Check(ui, {
      step: () => this.engine.step,
      digest: () => this.engine.digest(),
      python: () => this.inPython().concat("print(run.digest)").join("\n"),
    });
  }

  /** The run of which a moment is shown, and the step of that moment. */
  chosenRun() {
    const { state } = this.ui,
      [phi, from] = MOMENTS[state.packing] ?? [state.phi, 0],
      run = state.packing === "own" ? state : { ...state, ...RUN };
    return { ...run, n: Math.max(run.n, run.aspect > 1 ? LEAST_LONG : 0), phi, from };
  }

  stride() {
    this.rested = this.engine.advance(this.engine.step + 1);
  }

  /** Show what the run has come to. */
  arrive() {
    this.take(frameOf(this.engine, this.run.phi));
    this.rested ||= this.frame.absorbed;
    this.check.note();
  }

  busy() {
    return Boolean(this.pace?.busy());
  }

  advance(elapsed, running) {
    if (this.driven) return this.ui.run(false);
    this.pace.advance(elapsed, running);
    return this.arrive();
  }

  once() {
    if (this.rested || this.engine.step >= MOST_STEPS) return;
    this.stride();
    this.arrive();
  }

  moment() {
    return this.driven ? {} : { step: Math.max(0, this.engine.step - this.run.from) };
  }

  /** [step, activity] at the steps recorded so far, and now. */
  points() {
    if (this.driven) return this.driven.curve;
    const records = this.engine.records(),
      last = [this.frame.steps, this.activity];
    return [...records.map(({ active }, k) => [RECORDED[k], active / this.n]), last];
  }

  end() {
    this.engine = null;
  }

  // ------------------------------------------------------------------------------------------------ the library drives

  drive() {
    const { ui } = this,
      stride = runtime.element("input", {
        type: "number",
        class: "mpk-number",
        min: 1,
        max: 1000000,
        value: 1,
        "aria-label": "Steps from one frame to the next",
        change: () => ui.ask({ stride: Math.max(1, Math.round(Number(stride.value)) || 1) }),
      });
    this.driven = { curve: [], stride };
    this.without = "Without it nothing moves.";
    this.greeting = { hello: true };
    this.goButton = ui.button("Run", () => ui.ask({ go: !this.driven.going }), { class: "mpk-button mpk-main" });
    ui.transport.hidden = false;
    ui.transport.append(
      this.goButton,
      ui.button("One frame", () => ui.ask({ once: true })),
      runtime.element("label", { class: "mpk-row mpk-middle" }, "Steps a frame", stride),
    );
    ui.root.querySelector(".mpk-try").textContent =
      "The library computes these steps in the kernel, in the background, and sends a frame when the one before is drawn.";
    ui.hear("msg:custom", (content, buffers) => this.hear(content, buffers));
    ui.ask(this.greeting);
  }

  /** Whether the kernel has something to say, sooner or later. */
  awaits() {
    return Boolean(this.driven?.going);
  }

  /** The kernel is gone. */
  parted() {
    if (!this.driven) return;
    this.driven.going = false;
    this.goButton.textContent = "Run";
    this.ui.redraw();
  }

  /** A message of the kernel: a frame, whether it runs, what went wrong. */
  hear(content, buffers) {
    const { ui, driven } = this;
    if ("going" in content) {
      driven.going = content.going;
      this.goButton.textContent = content.going ? "Stop" : "Run";
      ui.speak(0);
    }
    if ("error" in content) ui.say([`The library has stopped: ${content.error}`]);
    else if (content.going) ui.say([]);
    if (!("frame" in content)) return ui.redraw();
    const { n } = content,
      bytes = buffers[0],
      numbers = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)),
      sizes = numbers.length > 4 * n ? numbers.subarray(4 * n, 5 * n) : null,
      bodies = content.bodies ? bodiesOf(numbers.subarray(5 * n, 9 * n), numbers.subarray(9 * n)) : {};
    driven.curve = content.series ?? [...driven.curve, [content.steps, content.activity]];
    if (driven.curve.length > 4000) driven.curve = driven.curve.filter((_, k) => k % 2 === 0);
    if (document.activeElement !== driven.stride) driven.stride.value = content.stride;
    this.take({
      ...content,
      places: numbers.subarray(0, 3 * n),
      kicks: numbers.subarray(3 * n, 4 * n),
      sizes,
      widest: sizes ? sizes.reduce((most, size) => Math.max(most, size), 0) : 1,
      ...bodies,
      near() {
        return pairsOf(this);
      },
    });
    driven.owed = content.frame;
    const flat = content.dim === 2;
    this.cut.holder.hidden = flat;
    this.view.holder.querySelector(".mpk-turner").hidden = flat;
    for (const name of ["azimuth", "elevation", "zoom", "axis", "place", "slab", "bonds"]) ui.showControl(name, !flat);
    return ui.redraw();
  }

  /** After each picture: the check of the bits; or the kernel may send the next frame. */
  shown() {
    this.check?.shown();
    if (!this.driven?.owed) return;
    this.ui.reach(() => this.ui.model.send({ drawn: this.driven.owed }));
    this.driven.owed = 0;
  }

  // ------------------------------------------------------------------------------------------------ what is shown

  restart() {
    if (this.driven) {
      if (!this.frame) this.take({ ...NOTHING });
      return;
    }
    this.run = this.chosenRun();
    const { n, phi, seed } = this.run,
      start = kernel.random({ n, phi, dim: 3, seed, axes: same.axesOf(this.run) });
    this.engine = new kernel.Engine(start, kernel.recipe(same.ruleOf(this.run)), seed, this.engine);
    this.engine.schedule(RECORDED);
    this.rested = false;
    this.pace.rewind();
    this.check.begin();
    this.arrive();
  }

  /** Show a packing. */
  take(frame) {
    this.frame = frame;
    this.n = frame.places.length / 3;
    this.forms = frame.turns ? shapes.forms(frame.turns, frame.semi, frame.box) : null;
    this.pairs = this.counted = null;
    this.activity = frame.activity;
    this.process = this.run && same.PROCESS[this.run.dynamics];
    this.count();
  }

  /** Overlaps and contacts at the gap that counts as one; of many spheres, only where they are looked at. */
  count() {
    const { gap, colour, bonds } = this.ui.state,
      { n } = this;
    if (this.counted === gap || (n > MANY && colour === "kick" && !bonds)) return;
    if (!this.pairs) this.overlap();
    this.counted = gap;
    const { i, j, r } = this.pairs;
    this.contacts = new Float64Array(n);
    this.contactPairs = 0;
    for (let p = 0; p < r.length; p++)
      if (r[p] < 1 + gap) {
        this.contacts[i[p]]++;
        this.contacts[j[p]]++;
        this.contactPairs++;
      }
    this.loose = this.contacts.reduce((count, z) => count + (z <= this.frame.dim), 0); // d + 1 contacts hold a sphere
  }

  overlap() {
    this.pairs = this.frame.near();
    this.overlaps = new Float64Array(this.n);
    const { i, j, r } = this.pairs;
    for (let p = 0; p < r.length; p++) {
      if (r[p] >= 1) continue;
      for (const end of [i[p], j[p]]) this.overlaps[end] = Math.max(this.overlaps[end], 1 - r[p]);
    }
  }

  changed() {
    const { ui } = this,
      own = !this.driven && ui.state.packing === "own";
    ui.showControl("packing", !this.driven);
    ui.showControl("speed", !this.driven);
    for (const name of ["phi", "n", "seed", "aspect", "shape", "turning"]) ui.showControl(name, own);
    same.showControls(ui, own);
    if (this.driven) ui.controls.colour.node.querySelector("[value=kick]").textContent = "Moved since the last frame";
    this.count();
  }

  /** A run of the reader's own: its settings are shown. */
  chosen(names) {
    if (names.includes("packing") && this.ui.state.packing === "own") this.ui.more.open = true;
  }

  values() {
    return { contacts: this.contacts, overlap: this.overlaps, kick: this.frame.kicks }[this.ui.state.colour];
  }

  mean() {
    return this.values().reduce((sum, value) => sum + value, 0) / this.n;
  }

  meaning() {
    const { colour } = this.ui.state;
    return this.driven && colour === "kick" ? "moved since the last frame, diameters" : MEANS[colour];
  }

  /** The range of the colours: contacts to MOST_CONTACTS, lengths to the largest. */
  most() {
    if (this.ui.state.colour === "contacts") return MOST_CONTACTS;
    return this.values().reduce((most, value) => Math.max(most, value), 0) || 1;
  }

  /** The shade, 0 ... of a value. */
  shadeOf(value, most) {
    if (this.ui.state.colour === "contacts") return Math.min(MOST_CONTACTS, value);
    return value > 0 ? Math.max(1, Math.min(BINS, Math.ceil((BINS * value) / most))) : 0;
  }

  colourOf(shade, colours) {
    if (this.ui.state.colour === "contacts") return solid.mixed(colours.inactive, colours.ink, 0.9 * (shade / MOST_CONTACTS) ** 1.6);
    return shade ? solid.mixed(colours.inactive, colours.active, 0.4 + (0.6 * shade) / BINS) : colours.inactive;
  }

  /** Which spheres stand in the slab. */
  inSlab() {
    const { axis, place, slab } = this.ui.state,
      k = AXES[axis],
      { places } = this.frame,
      list = [];
    for (let i = 0; i < this.n; i++) {
      const away = places[3 * i + k] - place;
      if (slab >= 1 || Math.abs(away - Math.round(away)) <= slab / 2) list.push(i);
    }
    return list;
  }

  /** Those of them that can be seen. */
  visible(list, camera) {
    if (this.ui.state.slab < 1 || this.ui.state.bonds) return list;
    const { places, box, widest = 1 } = this.frame;
    return solid.front(list, places, widest / box, camera);
  }

  get word() {
    if (this.frame.dim === 2) return this.forms ? "ellipses" : "discs";
    return this.forms ? "ellipsoids" : "spheres";
  }

  size(i) {
    return this.frame.sizes ? this.frame.sizes[i] : 1;
  }

  /** The ellipses, discs of spheres, that the plane cuts: [particle, x, y, xx, yy, xy] in boxes, see `shapes.cut`. */
  discs() {
    const { axis, place } = this.ui.state,
      { places, box, dim } = this.frame,
      k = dim === 2 ? 2 : AXES[axis],
      [a, b] = [0, 1, 2].filter((other) => other !== k),
      list = [];
    for (let i = 0; i < this.n; i++) {
      const round = (this.size(i) / (2 * box)) ** 2,
        away = dim === 2 ? 0 : places[3 * i + k] - place - Math.round(places[3 * i + k] - place),
        sphere = round > away * away ? [0, 0, round - away * away, round - away * away, 0] : null,
        found = this.forms ? shapes.cut(this.forms, i, k, away) : sphere;
      if (found) list.push([i, places[3 * i + a] + found[0], places[3 * i + b] + found[1], ...found.slice(2)]);
    }
    return list;
  }

  // ------------------------------------------------------------------------------------------------ pictures

  drawView(g, width, height, colours) {
    if (this.frame.dim === 2) {
      this.drawCut(g, width, width, colours);
      this.drawLegend(g, width, height, colours, this.most());
      return;
    }
    const view = solid.view(this.ui.state, width, height),
      { camera, put, scale } = view;
    solid.edges(g, view, colours, false);
    const { places, box } = this.frame,
      most = this.most(),
      values = this.values(),
      list = this.visible(this.inSlab(), camera),
      eye = this.forms && shapes.eye({ places, forms: this.forms }, view),
      slim = this.ui.state.bonds ? 0.35 : 1,
      items = list.map((i) => {
        const seen = camera(places[3 * i] - 0.5, places[3 * i + 1] - 0.5, places[3 * i + 2] - 0.5);
        return { i, near: seen[2], seen };
      });
    if (this.ui.state.bonds) this.addBonds(items, list);
    items.sort((one, other) => one.near - other.near);
    for (const { i, near, seen, to } of items) {
      const [x, y, closer] = put(seen),
        fog = solid.fogOf(near);
      if (to) {
        const [x1, y1] = put(to);
        g.strokeStyle = solid.mixed(colours.paper, colours.ink, 0.25 + (0.6 * fog) / (solid.FOG - 1));
        g.lineWidth = Math.max(1, ((0.1 * scale) / box) * closer);
        g.beginPath();
        g.moveTo(x, y);
        g.lineTo(x1, y1);
        g.stroke();
        continue;
      }
      if (eye) {
        const body = eye(i);
        if (shapes.inSight(body, width, height))
          shapes.body(g, body, this.colourOf(this.shadeOf(values[i], most), colours), colours, slim);
        continue;
      }
      const r = (slim * this.size(i) * closer * scale) / (2 * box);
      if (x < -r || x > width + r || y < -r || y > height + r) continue;
      g.drawImage(this.stampOf(this.shadeOf(values[i], most), fog, colours), x - r, y - r, 2 * r, 2 * r);
    }
    solid.edges(g, view, colours, true);
    this.drawPlane(g, view, colours);
    this.drawLegend(g, width, height, colours, most);
  }

  /** Contacts between spheres that are shown, those through a wall left out. */
  addBonds(items, list) {
    const where = new Map(list.map((i, k) => [i, items[k].seen])),
      { i, j, r } = this.pairs,
      { places } = this.frame,
      direct = (p) => [0, 1, 2].every((k) => Math.abs(places[3 * i[p] + k] - places[3 * j[p] + k]) < 0.5);
    for (let p = 0; p < r.length; p++) {
      const from = where.get(i[p]),
        to = where.get(j[p]);
      if (from && to && r[p] < 1 + this.ui.state.gap && direct(p))
        items.push({ near: (from[2] + to[2]) / 2 - 1e-3, seen: from, to });
    }
  }

  /** A shaded sphere, drawn once for each colour and distance and stamped from then on. */
  stampOf(shade, fog, colours) {
    const key = `${this.ui.theme} ${this.ui.state.colour === "contacts"} ${shade} ${fog}`;
    let stamp = this.stamps.get(key);
    if (stamp) return stamp;
    if (this.stamps.size > 600) this.stamps.clear();
    stamp = solid.ball(this.colourOf(shade, colours), fog, colours);
    this.stamps.set(key, stamp);
    return stamp;
  }

  /** Where the plane cuts the box. */
  drawPlane(g, { camera, put }, colours) {
    const k = AXES[this.ui.state.axis];
    g.setLineDash([5, 5]);
    g.strokeStyle = colours.ink;
    g.beginPath();
    for (const [a, b] of [
      [-0.5, -0.5],
      [0.5, -0.5],
      [0.5, 0.5],
      [-0.5, 0.5],
    ]) {
      const place = [a, b];
      place.splice(k, 0, this.ui.state.place - 0.5);
      const [x, y] = put(camera(...place));
      g.lineTo(x, y);
    }
    g.closePath();
    g.stroke();
    g.setLineDash([]);
  }

  drawLegend(g, width, height, colours, most) {
    const contacts = this.ui.state.colour === "contacts",
      shades = contacts ? MOST_CONTACTS : BINS,
      [left, top, long] = [12, height - 22, Math.min(120, 0.3 * width)],
      end = contacts ? `${MOST_CONTACTS} ${MEANS.contacts}` : `${runtime.written(most, 2)} ${this.meaning()}`;
    const wide = runtime.write(g, end, 0, 0, { size: 12, draw: false });
    g.globalAlpha = 0.85;
    g.fillStyle = colours.paper;
    g.fillRect(left - 6, top - 7, long + wide + 42, 24);
    g.globalAlpha = 1;
    for (let shade = 0; shade <= shades; shade++) {
      g.fillStyle = this.colourOf(shade, colours);
      g.fillRect(left + 14 + (long * shade) / (shades + 1), top, long / (shades + 1) + 0.5, 10);
    }
    runtime.write(g, "0", left, top + 9, { size: 12, colour: colours.ink });
    runtime.write(g, end, left + long + 20, top + 9, { size: 12, colour: colours.ink });
  }

  drawCut(g, width, height, colours) {
    const values = this.values(),
      most = this.most();
    for (const [i, a, b, xx, yy, xy] of this.discs()) {
      const [long, short, turn] = shapes.ellipse(xx, yy, -xy),
        [wide, high] = [long, short].map((half) => Math.max(0.5, half * width - 0.4));
      g.fillStyle = this.colourOf(this.shadeOf(values[i], most), colours);
      for (const x of [a - 1, a, a + 1])
        for (const y of [b - 1, b, b + 1]) {
          if (x < -long || x > 1 + long || y < -long || y > 1 + long) continue;
          g.beginPath();
          g.ellipse(x * width, height - y * height, wide, high, turn, 0, 2 * Math.PI);
          g.fill();
        }
    }
  }

  drawHistogram(g, width, height, colours) {
    const contacts = this.ui.state.colour === "contacts",
      most = contacts ? 15 : this.most(),
      bins = contacts ? 16 : BINS,
      values = this.values(),
      counts = new Float64Array(bins);
    for (const value of values)
      if (contacts) counts[Math.min(15, value)]++;
      else if (value > 0) counts[Math.min(BINS - 1, Math.floor((BINS * value) / most))]++; // the others are at rest
    const step = contacts ? 1 : most / BINS,
      first = contacts ? -0.5 : 0,
      highest = Math.max(...counts);
    const x = { range: [first, first + bins * step], label: this.meaning() },
      y = { range: [0, 1.08 * highest || 1], label: this.word };
    const { X, Y } = runtime.axes(g, width, height, { x, y }, colours);
    counts.forEach((count, k) => {
      if (!count) return;
      const middle = contacts ? k : (k + 0.5) * step;
      g.fillStyle = this.colourOf(this.shadeOf(middle, contacts ? MOST_CONTACTS : most), colours);
      const [low, high] = [X(first + k * step), X(first + (k + 1) * step)];
      g.fillRect(low + 0.5, Y(count), Math.max(1, high - low - 1), Y(0) - Y(count));
    });
  }

  /** Activity against steps; steps on a logarithmic axis, since a run slows down, but for runs that Python drives. */
  drawActivity(g, width, height, colours) {
    const log = !this.driven,
      points = this.points().filter(([step]) => !log || step > 0),
      [last, now] = points[points.length - 1] ?? [1, 1],
      x = { log, range: log ? [1, runtime.decades(1, Math.max(100, last))[1]] : [0, Math.max(10, last)], label: "steps *k*" },
      y = { range: [0, 1.05], label: "activity *f*_a" },
      frame = runtime.axes(g, width, height, { x, y }, colours);
    const [steps, values] = [0, 1].map((k) => points.map((point) => point[k]));
    runtime.curve(g, frame, steps, values, points.length, { colour: this.driven ? colours.ink : colours[this.process] });
    if (points.length) runtime.mark(g, frame, [last, now, 0], 0, colours.ink);
  }

  // ------------------------------------------------------------------------------------------------ words

  seen() {
    const { azimuth, elevation } = this.ui.state,
      which = `after ${runtime.counted(this.frame.steps)} steps`;
    if (this.frame.dim === 2) return `${this.n} ${this.word} in a square, ${which}, coloured by ${this.meaning()}`;
    return (
      `${this.n} ${this.word} in a cube, ${which}, turned by ${azimuth} degrees and seen from ${elevation} degrees above, ` +
      `coloured by ${this.meaning()}`
    );
  }

  status() {
    if (this.ui.lost) return "The kernel is gone."; // said beside the buttons as well
    if (this.driven && !this.n) return "Waiting for the kernel …";
    if (this.busy()) return `On the way to step ${runtime.counted(this.run.from + this.pace.target())} …`;
    const count = this.inSlab().length,
      steps = runtime.counted(this.frame.steps),
      sentences = [
        !this.driven && this.n > this.ui.state.n && this.forms ? `There are at least ${LEAST_LONG} ellipsoids.` : "",
        this.frame.absorbed && this.n ? `Absorbed after ${steps} steps: no two overlap, and nothing moves any more.` : "",
        !this.driven && this.frame.steps >= MOST_STEPS ? "The page stops at a million steps; the library goes on." : "",
        count < this.n ? `The slab shows ${runtime.counted(count)} of ${runtime.counted(this.n)} ${this.word}.` : "",
      ];
    return sentences.filter(Boolean).join(" ");
  }

  spoken() {
    const [step, activity] = [this.frame.steps, this.activity].map((value) => Number(value.toPrecision(2))),
      moves = this.driven ? this.driven.going : this.ui.running,
      how = `${moves ? "Running" : this.driven ? "Stopped" : "Paused"}, step ${step}, activity about ${activity}.`;
    if (this.driven || moves) return how;
    const { azimuth, elevation, zoom } = this.ui.state;
    return `${how} Turned by ${azimuth} degrees, seen from ${elevation} degrees above, zoom ${zoom}.`;
  }

  table() {
    const { places, box, kicks } = this.frame;
    if (!this.pairs) this.overlap();
    const place = (k) => Number((places[k] * box).toPrecision(9)),
      ways = this.forms ? ["q_w", "q_x", "q_y", "q_z"] : []; // quaternions
    return {
      columns: [this.forms ? "ellipsoid" : "sphere", "x", "y", "z", "contacts", "deepest_overlap", "next_kick", ...ways],
      rows: Array.from({ length: this.n }, (_, i) => [
        i,
        place(3 * i),
        place(3 * i + 1),
        place(3 * i + 2),
        this.counted ? this.contacts[i] : "",
        this.overlaps[i],
        kicks[i],
        ...ways.map((_, k) => this.frame.turns[4 * i + k]),
      ]),
    };
  }

  report() {
    return {
      digest: this.driven ? this.frame.digest : this.engine.digest(),
      step: this.frame.steps,
      spheres: this.n,
      shown: this.inSlab().length,
      discs: this.discs().length,
      activity: this.activity,
      pairs: this.contactPairs,
      contacts: (2 * this.contactPairs) / this.n,
      loose: this.loose,
      overlap: this.pairs ? this.overlaps.reduce((most, depth) => Math.max(most, depth), 0) : null,
      kick: this.frame.kicks.reduce((sum, kick) => sum + kick, 0) / this.n,
      ...(this.driven ? { going: this.driven.going, points: this.driven.curve.length } : { absorbed: this.frame.absorbed }),
    };
  }

  /** The run shown, by the library. */
  inPython() {
    const { n, phi, seed } = this.run,
      axes = same.axesOf(this.run),
      said = axes ? `, axes=(${axes.join(", ")})` : "";
    return [
      `start = mpack.Packing.random(n=${n}, phi=${phi}, dim=3, seed=${seed}${said})`,
      `run = mpack.simulate(start, ${same.inPython(this.run)}, steps=${this.frame.steps}, seed=${seed})`,
    ];
  }

  python() {
    if (this.driven) return `run = ${this.frame.python}\nprint(run.digest)`;
    const contacts = `contacts = mpack.contacts(run.final, tolerance=${this.ui.state.gap})`;
    return [...this.inPython(), contacts, "print(run.digest, contacts.mean)"].join("\n");
  }
}

export default runtime.figure((ui) => new Spheres(ui));
