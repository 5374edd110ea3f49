// A program that the reader edits and runs in the page, beside the library's kernel: the live part of the directive
// `mpack-program`. The programs stand in the page itself; nothing of an address is ever run. Python (Pyodide, in
// `worker.js`) comes with the reader's copy of the book, or from the host that the reader allows.
const kernel = await mpackKernel(KERNEL),
  MOST = 2e7, // particles times steps that the kernel does while a reader waits
  TOGETHER = 3000; // particles that are drawn

const element = (tag, { on = {}, ...attributes } = {}, ...content) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) node.setAttribute(name, value);
  for (const [event, heed] of Object.entries(on)) node.addEventListener(event, heed);
  node.append(...content);
  return node;
};
const marked = (words) => words.split("`").map((part, k) => (k % 2 ? element("code", {}, part) : part));
const megabytes = (files) => `${(files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6).toFixed(1)} MB`;
const counted = (number, one) => `${number} ${one}${number === 1 ? "" : "s"}`;

// ---------------------------------------------------------------------------------------------- the kernel beside it

/** The number of a name that the program left, checked. */
function number(numbers, name, low, high, whole) {
  if (!(name in numbers)) throw new Error(`the program has no number called ${name}`);
  const value = whole ? (/^-?\d+$/.test(numbers[name]) ? BigInt(numbers[name]) : null) : Number(numbers[name]);
  if (value === null || !(value >= low && value <= high))
    throw new Error(`${name} is ${numbers[name]}, and should be ${whole ? "a whole number " : ""}from ${low} to ${high}`);
  return value;
}

/** What the library makes of the numbers of a program: { digest, python }. */
function library({ numbers, x }) {
  const n = Number(number(numbers, "n", 1, 100000, true)),
    steps = Number(number(numbers, "steps", 0, 10000000, true)),
    seed = number(numbers, "seed", 0n, 2n ** 64n - 1n, true),
    box = number(numbers, "box", 2, 1e9),
    alpha = number(numbers, "alpha", Number.MIN_VALUE, 1e6),
    batch = number(numbers, "batch", Number.MIN_VALUE, 1),
    dim = x[0].length;
  if (n * steps > MOST) throw new Error(`${n} particles and ${steps} steps are more than the page computes beside them`);
  const phi = Number(numbers.phi) > 0 && Number(numbers.phi) < 1.5 ? numbers.phi : "0.1",
    scattered = kernel.random({ n, phi: Number(phi), dim, seed }); // alike whatever the box
  const engine = new kernel.Engine(
    { ...scattered, box },
    kernel.recipe({ dynamics: "SGD", alpha, batch_fraction: batch }),
    seed,
  );
  engine.advance(steps);
  const python = [
    `start = mpack.Packing.random(n=${n}, phi=${phi}, dim=${dim}, seed=${seed})`,
    // another edge than the library's for this phi, be it by a rounding
    ...(box === scattered.box ? [] : [`start = mpack.Packing.from_fixed(start.fixed, box=${numbers.box})`]),
    `rule = mpack.SGD(alpha=${numbers.alpha}, batch_fraction=${numbers.batch})`,
    `print(mpack.simulate(start, rule, steps=${steps}, seed=${seed}).digest)`,
  ].join("\n");
  return { digest: engine.digest(), steps, python };
}

const packing = (x) => ({ n: x.length, dim: x[0].length, fixed: BigInt64Array.from(x.flat(), BigInt) });

// ---------------------------------------------------------------------------------------------- the picture

/** Discs at the coordinates `x` in a box of edge `box`, those that overlap in the colour of the active ones. */
function draw(canvas, x, box) {
  const g = canvas.getContext("2d"),
    dark = document.documentElement.dataset.theme === "dark" ? 1 : 0,
    edge = canvas.width,
    places = x.map((row) => row.map((u) => (Number(u) / 2 ** 64 + 1) % 1)),
    near = (d) => d - Math.round(d);
  const active = places.map((a, i) =>
    places.some((b, j) => i !== j && Math.hypot(...a.map((u, axis) => near(u - b[axis]))) * box < 1),
  );
  g.fillStyle = COLOURS.card[dark];
  g.fillRect(0, 0, edge, edge);
  g.strokeStyle = COLOURS.card[dark];
  g.lineWidth = 2;
  places.forEach(([px, py], i) => {
    g.fillStyle = active[i] ? COLOURS.active[dark] : COLOURS.inactive[dark];
    for (const sx of [-1, 0, 1])
      for (const sy of [-1, 0, 1]) {
        g.beginPath();
        g.arc((px + sx) * edge, (1 - py + sy) * edge, (edge / box) * 0.5, 0, 2 * Math.PI);
        g.fill();
        g.stroke();
      }
  });
  return active.filter(Boolean).length;
}

// ---------------------------------------------------------------------------------------------- the editor

class Program {
  constructor(root) {
    this.root = root;
    this.programs = JSON.parse(root.dataset.programs); // [title, text] each
    this.watched = root.dataset.watched;
    this.base = root.dataset.base;
    this.box = root.closest(".mpack-program"); // which holds the program as it stands in the page, too
    this.worker = this.packages = this.python = this.numpy = null;
    this.status = element("p", { class: "mpack-status", role: "status" });
    if (!/^https?:$/.test(location.protocol)) {
      root.append(this.status);
      return this.say("This page was opened from a file, and browsers start no Python there. Run `make serve` in the "
        + "book's folder and open the address that it names, or take the program to any Python.");
    }
    this.build();
    this.choose(0);
    this.box.classList.add("mpack-edits");
    this.find().catch((error) => this.say(`The list of what this copy of the book carries could not be read: ${error.message}`));
  }

  build() {
    const button = (text, act, more = {}) => element("button", { type: "button", on: { click: act }, ...more }, text);
    this.choice = element("select", { on: { change: () => this.choose(Number(this.choice.value)) } });
    this.programs.forEach(([title], place) => this.choice.append(element("option", { value: place }, title)));
    this.runs = button("Run", () => this.run(), { class: "mpack-main", disabled: "" });
    this.stops = button("Stop", () => this.stop("Stopped."), { disabled: "" });
    this.numbers = element("pre", { class: "mpack-lines", "aria-hidden": "true" });
    this.text = element("textarea", {
      spellcheck: "false", autocapitalize: "off", autocomplete: "off", wrap: "off", "aria-label": "The program",
      on: {
        input: () => this.lined(),
        scroll: () => (this.numbers.scrollTop = this.text.scrollTop),
        keydown: (event) => (event.ctrlKey || event.metaKey) && event.key === "Enter" && this.run(),
      },
    });
    this.consent = element("div", { class: "mpack-consent", hidden: "" });
    this.output = element("pre", { class: "mpack-output", tabindex: "0", role: "region", "aria-label": "What it prints" });
    this.canvas = element("canvas", { width: "640", height: "640", role: "img" });
    this.digests = element("div", { class: "mpack-digests", hidden: "" });
    this.results = element("div", { class: "mpack-results", hidden: "" }, this.output, this.canvas);
    this.root.append(
      element("div", { class: "mpack-bar" }, element("label", {}, "Program ", this.choice), this.runs, this.stops,
        button("As it was", () => this.choose(Number(this.choice.value)))),
      element("div", { class: "mpack-editor" }, this.numbers, this.text),
      this.consent, this.status, this.digests, this.results,
    );
  }

  choose(place) {
    this.text.value = this.programs[place][1];
    this.lined();
    this.text.scrollTop = this.text.scrollLeft = 0;
  }

  /** Number the lines, and mark one. */
  lined(wrong = null) {
    const many = this.text.value.split("\n").length;
    this.text.rows = Math.min(Math.max(many, 8), 48);
    this.numbers.replaceChildren(
      ...Array.from({ length: many }, (_, k) =>
        element("span", { class: k + 1 === wrong ? "mpack-wrong" : null }, `${k + 1}\n`),
      ),
    );
    this.numbers.scrollTop = this.text.scrollTop;
  }

  say(words) {
    this.status.replaceChildren(...marked(words));
  }

  // -------------------------------------------------------------------------------------------- where Python is

  async find() {
    const reply = await fetch(`${this.base}pyodide.json`);
    if (!reply.ok) throw new Error(`the answer was ${reply.status}`);
    this.packages = await reply.json();
    const { files, carried } = this.packages;
    this.core = Object.values(files).filter(({ numpy }) => !numpy);
    this.extra = Object.values(files).filter(({ numpy }) => numpy);
    if (!carried) return this.ask(this.core, "Python", "python");
    this.python = `${this.base}pyodide/`;
    if (carried.numpy) this.numpy = this.python;
    this.runs.disabled = false;
    this.say(`Run starts Python: ${megabytes(this.core)} from this copy of the book, once, and from nowhere else.`);
  }

  /** Nothing is asked of another host before the reader has said so here. */
  ask(files, what, field, then = () => this.say(`${what} comes from ${this.packages.host} when the program runs.`)) {
    const { host } = this.packages;
    const allow = element("button", { type: "button", on: { click: () => {
      this[field] = this.packages[field];
      this.consent.hidden = true;
      this.runs.disabled = false;
      then();
    } } }, `Fetch ${what} from ${host} (${megabytes(files)})`);
    this.consent.replaceChildren(
      element("p", {}, ...marked(`This copy of the book carries no ${what}: \`make pyodide\` adds it. Or this page fetches `
        + "it, from another host, which then learns your address and that you are here.")),
      allow,
    );
    this.consent.hidden = false;
  }

  // -------------------------------------------------------------------------------------------- running

  run() {
    if (this.runs.disabled) return;
    const program = this.text.value,
      numpy = /^\s*(import|from)\s+numpy\b/m.test(program);
    if (numpy && !this.numpy) {
      this.say("This program needs NumPy.");
      return this.ask(this.extra, "NumPy", "numpy", () => this.run());
    }
    this.box.classList.add("mpack-ran");
    this.begun = performance.now();
    this.consent.hidden = true;
    this.runs.disabled = true;
    this.stops.disabled = false;
    this.output.textContent = "";
    this.results.hidden = this.digests.hidden = this.canvas.hidden = true;
    this.lined();
    this.say(this.worker ? "Running …" : "Starting Python …");
    if (!this.worker) this.start();
    this.worker.postMessage({ program, numpy, ...this.place() });
  }

  /** What the worker needs to know when it starts. */
  place() {
    const integrity = (hex) => `sha256-${btoa(String.fromCharCode(...hex.match(/../g).map((two) => parseInt(two, 16))))}`;
    const files = Object.entries(this.packages.files)
      .filter(([, { numpy }]) => !numpy) // which Pyodide holds against its own list
      .map(([name, { sha256 }]) => [name, integrity(sha256)]);
    return {
      from: this.python,
      files: Object.fromEntries(files),
      packages: this.numpy ?? this.packages.numpy,
      watched: this.watched,
    };
  }

  start() {
    this.worker = new Worker(`${this.base}worker.js`, { type: "module" });
    this.worker.onmessage = ({ data }) => this.heard(data);
    this.worker.onerror = () => this.broke("Its worker could not start.");
  }

  heard({ ready, lines, done, failed, begun }) {
    if (ready) this.say("Running …");
    if (failed && begun) this.stop(failed);
    else if (failed) this.broke(failed);
    if (lines) {
      this.results.hidden = false;
      this.output.append(`${lines.join("\n")}\n`);
    }
    if (done) this.ended(done);
  }

  /** Python itself could not be had. */
  broke(why) {
    const host = this.python.startsWith(this.base) ? "this copy of the book" : this.packages.host;
    this.stop(`Python could not be started from ${host}. ${why}`);
  }

  stop(words) {
    this.worker?.terminate();
    this.worker = null;
    this.idle();
    this.say(words);
  }

  idle() {
    this.runs.disabled = false;
    this.stops.disabled = true;
  }

  ended({ error, ...left }) {
    this.idle();
    const seconds = `${((performance.now() - this.begun) / 1000).toFixed(1)} s`;
    if (error) {
      this.lined(error.line);
      this.say(`${error.line ? `Line ${error.line}: ` : ""}${error.says}`);
      this.output.append(error.trace);
      this.results.hidden = false;
      return;
    }
    this.compare(left, seconds);
    if (left.x && left.x.length <= TOGETHER && left.x[0].length === 2 && Number(left.numbers.box) > 0) {
      const active = draw(this.canvas, left.x, Number(left.numbers.box));
      this.canvas.setAttribute("aria-label", `The packing at the end: ${counted(left.x.length, "disc")}, ${active} of them overlap another.`);
      this.results.hidden = this.canvas.hidden = false;
    }
  }

  /** The digest of the program's coordinates beside that of the library's. */
  compare(left, seconds) {
    if (!left.x) return this.say(`Done in ${seconds}. ${left.lacks}`);
    const own = kernel.digest(packing(left.x));
    let beside;
    try {
      beside = library(left);
    } catch (error) {
      return this.say(`Done in ${seconds}. Its digest is ${own}. Nothing to compare it with: ${error.message}.`);
    }
    const equal = own === beside.digest,
      row = (title, digest) => element("tr", {}, element("th", { scope: "row" }, title), element("td", {}, element("code", {}, digest)));
    this.say(`Done in ${seconds}. After ${counted(beside.steps, "step")} the digests ${equal ? "are equal: the same coordinates, to the last bit" : "differ: this is not the library's SGD"}.`);
    this.digests.replaceChildren(
      element("table", {}, row("This program", own), row("The library's kernel, in this page", beside.digest),
        element("tr", { class: equal ? "mpack-equal" : "mpack-differs" }, element("th", { scope: "row" }, "They are"), element("td", {}, equal ? "equal" : "different"))),
      element("details", {}, element("summary", {}, "The library’s run"), element("pre", {}, beside.python)),
    );
    this.digests.hidden = false;
  }

  end() {
    this.worker?.terminate();
    this.box.classList.remove("mpack-edits", "mpack-ran");
    this.root.replaceChildren();
  }
}

export default {
  render({ el }) {
    const program = new Program(el);
    return () => program.end();
  },
};
