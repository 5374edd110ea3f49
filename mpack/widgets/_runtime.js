// What every interactive figure shares: its frame, controls, canvases, axes, sharing, and how it behaves in a page.
//
// A figure is one module: the constants SCHEMA, COLOURS, TEMPLATE and DATA, this file, the parts it asks for, and
// its own file, joined by mpack/widgets/_sources.py. It exports what anywidget expects, { render({ model, el }) }, and
// `runtime.figure(build)` makes that from a function of `ui`. How to write one: mpack/widgets/ADDING.md.
const runtime = (() => {
  // ---------------------------------------------------------------------------------------------- numbers and words

  const UP = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
  const raised = (n) => [...String(n)].map((digit) => UP[digit]).join("");

  /** A number as people write it, to so many significant digits: 0.0123, 1,234, 1.2 × 10⁻⁷. */
  function written(x, digits = 3) {
    if (typeof x !== "number" || !Number.isFinite(x)) return "–";
    if (x === 0) return "0";
    const power = Math.floor(Math.log10(Math.abs(x)));
    if (power < -4 || power > 6) {
      const [head, tail] = x.toExponential(digits - 1).split("e");
      return `${head.replace("-", "−")} × 10${raised(Number(tail))}`;
    }
    const places = Math.max(0, Math.min(12, digits - 1 - power));
    return x
      .toFixed(places)
      .replace("-", "−")
      .replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ",");
  }

  /** A count: 12,345. */
  const counted = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

  /** Text with *italics* and _subscripts (one letter, or {several}) as pieces [text, italic, lowered]. */
  const pieces = (text) =>
    [...text.matchAll(/\*([^*]+)\*|_\{([^}]+)\}|_(.)|([^*_]+)/g)].map((m) =>
      m[1] ? [m[1], true, false] : m[2] || m[3] ? [m[2] || m[3], false, true] : [m[4], false, false],
    );

  /** The same as elements; and as plain words, for labels that are spoken. */
  const marked = (text) =>
    pieces(text).map(([piece, italic, lowered]) =>
      italic ? element("i", {}, piece) : lowered ? element("sub", {}, piece) : piece,
    );
  const plain = (text) =>
    pieces(text)
      .map(([piece]) => piece)
      .join("");

  /** Bytes that travel in base 64. */
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  // ---------------------------------------------------------------------------------------------- elements

  /** An element with attributes (functions are listeners, without "on") and children. */
  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") made.addEventListener(name, value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value != null) made.setAttribute(name, value);
    }
    made.append(...children.flat().filter((child) => child != null));
    return made;
  }

  const PATIENCE = 5000, // milliseconds without an answer of the kernel before the reader is told
    SILENT = "The kernel does not answer: it is busy, or gone.",
    GONE = "The kernel is gone: run the cell again, or reload the page, to have the figure with a new one.";

  let made = 0; // how many identifiers this module has given
  const unique = () => `mpk-${SCHEMA.name}-${++made}-${Math.random().toString(36).slice(2, 7)}`;

  // ---------------------------------------------------------------------------------------------- in other pages

  const attribute = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

  const RIM = 24; // pixels around a figure in a page of its own, both sides together
  // In the page around a frame: a frame of ours that says how high it is becomes so, within bounds.
  const LISTENER =
    'addEventListener("message",({source,data})=>{const h=data&&data.mpackHeight;' +
    "if(Number.isFinite(h)&&h>=100&&h<=6000)" +
    'for(const f of document.querySelectorAll("iframe.mpack-embed"))if(f.contentWindow===source)f.height=h})';

  /** What must be said of an address of this page that nobody else can open; "" of any other. */
  function onlyHere() {
    const file = location.protocol === "file:";
    if (!file && !/^(localhost|127[.\d]+|\[::1\])$/.test(location.hostname)) return "";
    const why = file ? "this page was opened from a file" : "this page comes from a server for this computer alone";
    return (
      `, but it works on this computer only: ${why}. For others, open the book over http, at an address that they ` +
      "can reach, and copy again; or use “Save as a page”, one file that can be sent and uploaded"
    );
  }

  // ---------------------------------------------------------------------------------------------- state

  const FALSE = new Set([false, 0, "0", "false", "no"]),
    TRUE = new Set([true, 1, "1", "true", "yes"]);

  /** A raw value (from an address, an attribute, a kernel) as the schema wants it, or a sentence that says why not. */
  function accept(name, raw) {
    const field = SCHEMA.state[name],
      label = `${plain(field.label)} (${name})`;
    if (field.kind === "flag") {
      if (TRUE.has(raw) || FALSE.has(raw)) return { value: TRUE.has(raw) };
      return { complaint: `${label} must be 0 or 1; got “${brief(raw)}”` };
    }
    if (field.kind === "choice") {
      if (Object.hasOwn(field.options, raw)) return { value: raw };
      return { complaint: `${label} must be one of ${Object.keys(field.options).join(", ")}; got “${brief(raw)}”` };
    }
    const value = typeof raw === "number" ? raw : String(raw).trim() === "" ? NaN : Number(raw);
    const whole = field.kind === "integer" ? "a whole number" : "a number";
    if (
      Number.isFinite(value) &&
      value >= field.min &&
      value <= field.max &&
      (field.kind !== "integer" || Number.isInteger(value)) &&
      (!field.values || field.values.includes(value))
    )
      return { value };
    if (field.values) return { complaint: `${label} must be one of ${field.values.join(", ")}; got “${brief(raw)}”` };
    return { complaint: `${label} must be ${whole} from ${field.min} to ${field.max}; got “${brief(raw)}”` };
  }

  const brief = (raw) => String(raw).slice(0, 40);

  /** State as the text of an address: all of it, with the version, so that a link means the same for ever. */
  function query(state) {
    const entries = Object.entries(state).map(([name, value]) => [
      name,
      value === true ? 1 : value === false ? 0 : value,
    ]);
    return new URLSearchParams([["v", SCHEMA.version], ...entries]).toString();
  }

  // ---------------------------------------------------------------------------------------------- drawing

  const FONT = '-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Noto Sans", "Liberation Sans", sans-serif';

  /** Draw marked text on a canvas; returns its width. `align`: 0 left, 0.5 centred, 1 right. */
  function write(g, text, x, y, { size = 12, align = 0, colour = null, bold = false, draw = true } = {}) {
    const font = (italic, lowered) =>
      `${italic ? "italic " : ""}${bold ? "600 " : ""}${lowered ? 0.78 * size : size}px ${FONT}`;
    const set = pieces(text).map(([piece, italic, lowered]) => {
      g.font = font(italic, lowered);
      return [piece, g.font, lowered ? 0.22 * size : 0, g.measureText(piece).width];
    });
    const width = set.reduce((sum, [, , , wide]) => sum + wide, 0);
    if (!draw) return width;
    if (colour) g.fillStyle = colour;
    g.textAlign = "left";
    let at = x - align * width;
    for (const [piece, style, down, wide] of set) {
      g.font = style;
      g.fillText(piece, at, y + down);
      at += wide;
    }
    return width;
  }

  /** Round numbers that divide [low, high] into about `count` parts. */
  function ticks(low, high, count) {
    const rough = (high - low) / Math.max(count, 1),
      power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(k * step);
    return { found, places: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
  }

  /** The ticks of one axis: [value, label or ""]. */
  function marks({ log, range: [low, high] }, pixels, apart) {
    if (!log) {
      const { found, places } = ticks(low, high, pixels / apart);
      return found.map((value) => [value, (Math.abs(value) < 1e-12 ? 0 : value).toFixed(places).replace("-", "−")]);
    }
    const first = Math.floor(Math.log10(low) + 1e-9),
      last = Math.ceil(Math.log10(high) - 1e-9),
      list = [];
    const every = Math.max(1, Math.ceil(((last - first) * 34) / pixels));
    for (let power = first; power <= last; power++) {
      const label = (power - first) % every ? "" : power === 0 ? "1" : power === 1 ? "10" : `10${raised(power)}`;
      list.push([10 ** power, label]);
    }
    return list.filter(([value]) => value >= low * 0.999 && value <= high * 1.001);
  }

  /**
   * Draw axes with grid, ticks and labels, below a head of so many pixels; returns X, Y (from values to pixels) and
   * the inner rectangle.
   */
  function axes(g, width, height, { x, y, size = 12, head = 0 }, colours) {
    const inner = {
      left: y.label ? 4.3 * size : 3.2 * size,
      top: 0.8 * size + head,
      right: width - 1.1 * size,
      bottom: height - (x.label ? 3.1 : 1.7) * size,
    };
    const along = ({ log, range: [low, high] }, from, to) => {
      const [a, b] = log ? [Math.log10(low), Math.log10(high)] : [low, high];
      return (value) => from + ((to - from) * ((log ? Math.log10(value) : value) - a)) / (b - a || 1);
    };
    const X = along(x, inner.left, inner.right),
      Y = along(y, inner.bottom, inner.top);
    g.lineWidth = 1;
    g.textBaseline = "alphabetic";
    for (const [value, label] of marks(x, inner.right - inner.left, 4.6 * size)) {
      line(g, X(value), inner.top, X(value), inner.bottom, colours.grid);
      write(g, label, X(value), inner.bottom + 1.4 * size, { size, align: 0.5, colour: colours.ink });
    }
    for (const [value, label] of marks(y, inner.bottom - inner.top, 3.4 * size)) {
      line(g, inner.left, Y(value), inner.right, Y(value), colours.grid);
      write(g, label, inner.left - 0.5 * size, Y(value) + 0.35 * size, { size, align: 1, colour: colours.ink });
    }
    line(g, inner.left, inner.bottom, inner.right, inner.bottom, colours.muted);
    line(g, inner.left, inner.top, inner.left, inner.bottom, colours.muted);
    if (x.label)
      write(g, x.label, (inner.left + inner.right) / 2, height - 0.4 * size, {
        size: size * 1.05,
        align: 0.5,
        colour: colours.ink,
      });
    if (y.label) {
      g.save();
      g.translate(1.05 * size, (inner.top + inner.bottom) / 2);
      g.rotate(-Math.PI / 2);
      write(g, y.label, 0, 0, { size: size * 1.05, align: 0.5, colour: colours.ink });
      g.restore();
    }
    return { X, Y, inner };
  }

  function line(g, x0, y0, x1, y1, colour) {
    g.strokeStyle = colour;
    g.beginPath();
    g.moveTo(x0, y0);
    g.lineTo(x1, y1);
    g.stroke();
  }

  /** Draw what `paint` draws inside a rectangle only. */
  function clipped(g, { left, top, right, bottom }, paint) {
    g.save();
    g.beginPath();
    g.rect(left, top, right - left, bottom - top);
    g.clip();
    paint();
    g.restore();
  }

  /** A line through points (arrays of values), not more of them than there are pixels. */
  function curve(g, { X, Y, inner }, xs, ys, count, { colour, width = 1.8, dash = [], least = -Infinity } = {}) {
    clipped(g, inner, () => {
      g.strokeStyle = colour;
      g.lineWidth = width;
      g.setLineDash(dash);
      g.lineJoin = "round";
      g.beginPath();
      let last = -Infinity,
        pen = false;
      for (let k = 0; k < count; k++) {
        if (!(ys[k] > least)) {
          pen = false;
          continue;
        }
        const x = X(xs[k]);
        if (x - last < 0.7 && k < count - 1) continue;
        g[pen ? "lineTo" : "moveTo"](x, Y(ys[k]));
        pen = true;
        last = x;
      }
      g.stroke();
      g.setLineDash([]);
    });
  }

  /** An arrow with a filled head. */
  function arrow(g, x0, y0, x1, y1, head = 6) {
    const length = Math.hypot(x1 - x0, y1 - y0);
    if (length < 0.5) return;
    const size = Math.min(head, 0.6 * length),
      ux = (x1 - x0) / length,
      uy = (y1 - y0) / length;
    g.beginPath();
    g.moveTo(x0, y0);
    g.lineTo(x1 - 0.8 * size * ux, y1 - 0.8 * size * uy);
    g.stroke();
    g.beginPath();
    g.moveTo(x1, y1);
    g.lineTo(x1 - size * ux - 0.5 * size * uy, y1 - size * uy + 0.5 * size * ux);
    g.lineTo(x1 - size * ux + 0.5 * size * uy, y1 - size * uy - 0.5 * size * ux);
    g.closePath();
    g.fill();
  }

  /** One point [x, y, dy] with its error bar; `shape` counts disc, square, triangle, rhombus, triangle, pentagon. */
  function mark(g, { X, Y }, [x, y, dy], shape, colour, hollow = false) {
    const [cx, cy, r] = [X(x), Y(y), 4];
    g.strokeStyle = g.fillStyle = colour;
    g.lineWidth = 1.2;
    if (dy) line(g, cx, Y(Math.max(y - dy, y / 100)), cx, Y(y + dy), colour);
    g.beginPath();
    const corners = [0, 4, 3, 4, 3, 5][shape % 6],
      turn = [0, Math.PI / 4, -Math.PI / 2, 0, Math.PI / 2, -Math.PI / 2][shape % 6];
    if (!corners) g.arc(cx, cy, r, 0, 2 * Math.PI);
    for (let c = 0; c < corners; c++) {
      const angle = turn + (2 * Math.PI * c) / corners;
      g.lineTo(cx + 1.25 * r * Math.cos(angle), cy + 1.25 * r * Math.sin(angle));
    }
    g.closePath();
    hollow ? g.stroke() : g.fill();
  }

  /** A ring around the point where the reader is. */
  function ring(g, x, y, colour) {
    g.strokeStyle = colour;
    g.lineWidth = 1.6;
    g.beginPath();
    g.arc(x, y, 9, 0, 2 * Math.PI);
    g.stroke();
  }

  /** A range that holds low and high, and two powers of ten or more, so that the axis has labels. */
  function decades(low, high) {
    const inside = Math.floor(Math.log10(high)) - Math.ceil(Math.log10(low));
    if (inside >= 1) return [low, high];
    return [10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(high))];
  }

  // ---------------------------------------------------------------------------------------------- themes

  /** "light" or "dark": as the book, JupyterLab or Voilà says, or as the reader's system prefers. */
  function themeOf() {
    const book = document.documentElement.dataset.theme,
      lab = document.body.dataset.jpThemeLight;
    if (book === "light" || book === "dark") return book;
    if (lab) return lab === "false" ? "dark" : "light";
    return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }

  /** Whether the reader asked for reduced motion. */
  const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  // ---------------------------------------------------------------------------------------------- the frame

  class Ui {
    constructor(model, el) {
      this.model = model;
      this.host = model.host; // of the static page; undefined where a kernel is there
      this.ending = new AbortController();
      this.observers = [];
      this.canvases = [];
      this.controls = {};
      this.state = {};
      this.complaints = [];
      this.running = false;
      this.seen = true;
      this.frame = 0;
      this.frames = 0;
      this.el = el;
      this.build();
      this.watch();
    }

    build() {
      const id = unique(),
        summary = `${id}-summary`;
      this.root = element(
        "div",
        { class: "mpk", role: "group", "aria-label": SCHEMA.title, "aria-describedby": summary },
        element("style", {}, CSS),
        element(
          "div",
          { class: "mpk-head" },
          element("p", { class: "mpk-title" }, SCHEMA.title),
          element(
            "div",
            { class: "mpk-tools" },
            (this.tourButton = this.button("Tour", () => (this.guide.hidden ? this.visit(0) : this.leave()), {
              "aria-expanded": "false",
              "aria-controls": `${id}-tour`,
              hidden: true,
            })),
            (this.screenButton = this.button("Full screen", () => this.enlarge(), {
              "aria-pressed": "false",
              hidden: !document.fullscreenEnabled,
            })),
            (this.shareButton = this.button("Share", () => this.share(), {
              "aria-expanded": "false",
              "aria-controls": `${id}-share`,
            })),
          ),
        ),
        (this.sharing = element("div", { class: "mpk-share", id: `${id}-share`, hidden: true })),
        (this.notice = element("div", { class: "mpk-notice", role: "status", hidden: true })),
        (this.apart = element("div", { class: "mpk-apart", role: "status", hidden: true })),
        (this.guide = element("div", { class: "mpk-tour", id: `${id}-tour`, role: "group", "aria-label": "Tour", hidden: true })),
        (this.body = element(
          "div",
          { class: "mpk-body" },
          (this.stage = element("div", { class: "mpk-stage" })),
          (this.foot = element(
            "div",
            { class: "mpk-foot" },
            (this.numbersShown = element("dl", { class: "mpk-readouts", hidden: true })),
            (this.status = element("p", { class: "mpk-status" })),
          )),
          (this.more = element(
            "details",
            { class: "mpk-details mpk-more", hidden: true },
            element("summary", {}, "More settings"),
            (this.panel = element("div", { class: "mpk-panel" })),
          )),
          (this.below = element("div", { class: "mpk-below" })),
          element("p", { class: "mpk-try" }, element("strong", {}, "Try. "), SCHEMA.try),
        )),
        element("p", { class: "mpk-hidden", id: summary }, SCHEMA.summary),
        (this.voice = element("p", { class: "mpk-hidden", "aria-live": "polite" })),
      );
      this.front = element(
        "div",
        { class: "mpk-front" },
        (this.transport = element("div", { class: "mpk-transport", hidden: true })),
      );
      this.el.replaceChildren(this.root);
      this.root.mpackFigure = this; // for tests and for the curious
    }

    /** What stands where, once the figure has made its parts: controls that matter follow the first picture. */
    arrange() {
      this.stage.firstElementChild?.after(this.front);
      if (this.stage.classList.contains("mpk-side")) this.stage.firstElementChild.append(this.foot);
    }

    /** Listen until the figure ends. */
    listen(target, type, handler, options = {}) {
      target.addEventListener(type, (event) => this.guarded(() => handler(event)), {
        ...options,
        signal: this.ending.signal,
      });
    }

    /** Hear an event of the model until the figure ends: "change:name", or "msg:custom" from a kernel. */
    hear(event, handler) {
      const guarded = (...given) => this.guarded(() => handler(...given));
      (this.hears ??= []).push([event, guarded]);
      this.model.on(event, guarded);
    }

    watch() {
      const repaint = () => {
        this.paint();
        this.redraw();
      };
      const themes = new MutationObserver(repaint);
      themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
      themes.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
      const sight = new IntersectionObserver(
        (entries) => {
          this.seen = entries[entries.length - 1].isIntersecting;
          if (this.seen) this.wake();
        },
        { rootMargin: "40px" },
      );
      sight.observe(this.root);
      this.sizes = new ResizeObserver(() => this.redraw());
      this.observers.push(themes, sight, this.sizes);
      this.listen(matchMedia("(prefers-color-scheme: dark)"), "change", repaint);
      this.listen(document, "visibilitychange", () => this.wake());
      this.listen(document, "fullscreenchange", () => {
        const full = document.fullscreenElement === this.root;
        this.screenButton.textContent = full ? "Leave full screen" : "Full screen";
        this.screenButton.setAttribute("aria-pressed", String(full));
      });
      this.listen(this.root, "focusin", ({ target }) => {
        target.dataset.lmSuppressShortcuts = "true"; // keys pressed in a figure are its own, not JupyterLab's
      });
      this.paint();
    }

    /** Take the colours of the page's theme. */
    paint() {
      this.theme = themeOf();
      const place = this.theme === "dark" ? 1 : 0;
      this.colours = Object.fromEntries(Object.entries(COLOURS).map(([name, pair]) => [name, pair[place]]));
      this.root.dataset.theme = this.theme;
      for (const name of ["ink", "muted", "grid", "paper", "card", "line", "good", "bad"])
        this.root.style.setProperty(`--mpk-${name}`, this.colours[name]);
    }

    /** Run something; what it throws is shown in the figure and nothing worse. */
    guarded(action) {
      try {
        return action();
      } catch (error) {
        this.fail(error);
        return undefined;
      }
    }

    fail(error) {
      if (this.failed) return;
      this.failed = error;
      this.running = false;
      this.body.hidden = true;
      this.say(
        [`This figure has stopped: ${error.message}. Reload the page to start it again.`],
        this.button("Copy report", () => this.copy(JSON.stringify(this.report(), null, 1))),
      );
    }

    /** Sentences at the top of the figure, with what can be done about them. */
    say(sentences, ...more) {
      this.notice.replaceChildren(...sentences.map((text) => element("p", {}, text)), ...more);
      this.notice.hidden = !sentences.length;
    }

    // -------------------------------------------------------------------------------------------- state

    /** Read the whole state from the model; what is wrong is said, and replaced by the default. */
    read() {
      const complaints = [],
        version = Number(this.model.get("v") ?? SCHEMA.version);
      if (version > SCHEMA.version) complaints.push("This link was made by a newer version of the figure");
      for (const [name, field] of Object.entries(SCHEMA.state)) {
        const raw = this.model.get(name),
          { value, complaint } = raw === undefined ? {} : accept(name, raw);
        if (complaint) complaints.push(`${complaint}; the figure uses ${field.default}`);
        this.state[name] = value ?? field.default;
      }
      for (const name of this.host?.unknown?.(Object.keys(SCHEMA.state)) ?? [])
        complaints.push(`This figure has nothing called “${brief(name)}”`);
      this.complaints = complaints;
      this.say(complaints.map((text) => `${text}.`));
    }

    /** Change state as the reader does: shown, told to the model, and acted upon. */
    set(changes, { remember = true } = {}) {
      const real = Object.entries(changes).filter(([name, value]) => this.state[name] !== value);
      const anew = real.some(([name]) => (SCHEMA.state[name].effect ?? "restart") === "restart");
      if (anew && this.state.step && !("step" in changes)) real.push(["step", 0]); // another run
      for (const [name, value] of real) {
        const { value: accepted, complaint } = accept(name, value);
        if (complaint) {
          this.say([`${complaint}.`]);
          continue;
        }
        this.state[name] = accepted;
      }
      if (!real.length) return;
      this.tell(real.map(([name]) => name));
      this.settle(real.map(([name]) => name));
      this.guarded(() => this.figure.chosen?.(Object.keys(changes)));
      if (remember) this.remember();
    }

    /** What follows from changed names: controls show it, the figure begins anew or is drawn again. */
    settle(names) {
      for (const name of names) this.controls[name]?.show();
      if (names.includes("running") && this.state.running !== this.running) this.run(this.state.running);
      const effects = names.map((name) => SCHEMA.state[name].effect ?? "restart");
      if (effects.includes("restart")) this.guarded(() => this.figure.restart?.(names));
      this.guarded(() => this.figure.changed?.(names));
      this.redraw();
    }

    /** The model changed from outside: a kernel, a link in the text, the address. */
    heed(name) {
      this.heard = [...(this.heard ?? []), name];
      if (this.heard.length > 1) return;
      queueMicrotask(() => {
        const names = this.heard;
        this.heard = null;
        if (this.ending.signal.aborted || this.failed) return;
        const before = { ...this.state };
        this.read();
        const changed = names.filter((one) => this.state[one] !== before[one]);
        if (this.heardOn?.(before, names)) return;
        if (changed.length) this.settle(changed);
      });
    }

    /** The state of this very moment, as links keep it: paused, at the step reached. */
    moment() {
      return { ...this.state, ...("running" in this.state ? { running: false } : {}), ...this.figure.moment?.() };
    }

    remember() {
      clearTimeout(this.remembering);
      const since = performance.now();
      this.remembering = setTimeout(() => this.host?.remember?.(query(this.moment()), since), 400);
    }

    // -------------------------------------------------------------------------------------------- the kernel

    /** Tell the model these entries of the state, and through it a kernel, where there is one. */
    tell(names) {
      for (const name of names) this.model.set(name, this.state[name]);
      if (!this.waiting) this.ask(); // first: it finds a lost kernel without a word on the console
      if (!this.lost) this.reach(() => this.model.save_changes());
    }

    /** Send the kernel something that it answers; when no answer comes, the reader is told. */
    ask(content = { ask: true }) {
      if (!this.model.send || this.lost) return; // in a page there is none
      if (this.reach(() => this.model.send(content))) this.waiting ??= setTimeout(() => this.cut(SILENT), PATIENCE);
    }

    /** Do what needs the kernel; one that is gone does the figure no harm. True if it went well. */
    reach(action) {
      try {
        action();
        return true;
      } catch {
        this.lose();
        return false;
      }
    }

    /** The kernel has spoken. A figure that awaits more of it asks when nothing comes. */
    answered() {
      clearTimeout(this.waiting);
      clearTimeout(this.asking);
      this.waiting = undefined;
      this.apart.hidden = true;
      if (this.figure?.awaits?.()) this.asking = setTimeout(() => this.ask(), PATIENCE);
    }

    lose() {
      if (this.ending.signal.aborted) return;
      this.lost = true;
      clearTimeout(this.waiting);
      this.cut(GONE);
      this.figure?.parted?.();
    }

    cut(words) {
      this.apart.textContent = `${words} ${this.figure?.without ?? "The figure goes on by itself."}`;
      this.apart.hidden = false;
    }

    /** Hear the kernel, and when the notebook says that it has lost it or found it again. */
    attend() {
      if (!this.model.send) return;
      this.hear("msg:custom", () => this.answered());
      this.hear("comm_live_update", () => {
        this.lost = false;
        this.ask(this.figure?.greeting);
      });
    }

    // -------------------------------------------------------------------------------------------- the screen

    /** Fill the screen with the figure, or give it back. */
    enlarge() {
      const refused = () => this.say(["This page may not fill the screen."]);
      if (document.fullscreenElement) document.exitFullscreen().catch(refused);
      else this.root.requestFullscreen().catch(refused);
    }

    // -------------------------------------------------------------------------------------------- a tour

    /** The page tells of states one after another: its paragraphs can be read in the figure, beside the picture. */
    offer(stops) {
      if (!stops.length) return;
      this.stops = stops;
      this.tourButton.hidden = false;
      this.host.followed = (link) => this.stop(stops.findIndex((stop) => stop.contains(link)));
    }

    /** Go to a stop: show what the page says of it, and set the figure to its first state. */
    visit(place) {
      this.stop(place);
      this.stops[place].querySelector("a.mpack-set").click();
    }

    /** Show what the page says of a stop. */
    stop(place) {
      if (place < 0) return;
      const words = element("div", { class: "mpk-words", "aria-live": "polite", tabindex: 0 }),
        told = this.stops[place].cloneNode(true),
        last = this.stops.length - 1;
      for (const named of told.querySelectorAll("[id]")) named.removeAttribute("id");
      words.append(...told.childNodes);
      const had = this.guide.contains(document.activeElement) ? document.activeElement.textContent : null;
      const buttons = [
        this.button("Back", () => this.visit(place - 1), { disabled: place === 0 }),
        this.button("Next", () => this.visit(place + 1), { class: "mpk-button mpk-main", disabled: place === last }),
        this.button("End", () => this.leave(), { "aria-label": "End the tour" }),
      ];
      const count = element("span", { class: "mpk-count" }, `${place + 1} of ${last + 1}`);
      this.guide.replaceChildren(words, element("div", { class: "mpk-items mpk-middle" }, buttons, count));
      this.tourState(true);
      if (had) (buttons.find((one) => one.textContent === had && !one.disabled) ?? buttons[2]).focus();
    }

    leave() {
      this.tourState(false);
      this.tourButton.focus();
    }

    tourState(open) {
      this.guide.hidden = !open;
      this.root.classList.toggle("mpk-touring", open);
      this.tourButton.setAttribute("aria-expanded", String(open));
    }

    // -------------------------------------------------------------------------------------------- time

    run(on) {
      this.running = on;
      this.root.classList.toggle("mpk-running", on);
      if (this.runButton) {
        this.runButton.textContent = on ? "Pause" : "Run";
        this.runButton.setAttribute("aria-pressed", String(on));
      }
      if ("running" in SCHEMA.state && this.state.running !== on) {
        this.state.running = on;
        this.tell(["running"]);
      }
      this.then = undefined;
      if (!on && this.begun) {
        this.speak();
        this.remember();
      }
      this.wake();
    }

    /** Ask for a frame; the loop goes on by itself while the figure runs and can be seen. */
    wake() {
      if (this.frame || this.ending.signal.aborted || this.failed || !this.seen || document.hidden) return;
      if (!this.running && !this.dirty && !this.figure?.busy?.()) {
        this.then = undefined;
        return;
      }
      this.frame = requestAnimationFrame((now) => {
        this.frame = 0;
        this.guarded(() => this.tick(now));
        this.wake();
      });
    }

    tick(now) {
      const elapsed = Math.min(0.1, Math.max(0, (now - (this.then ?? now - 16)) / 1000));
      this.then = now;
      if (this.running || this.figure.busy?.()) {
        if (this.figure.advance(elapsed, this.running) !== false) this.dirty = true;
      }
      if (!this.dirty) return;
      this.dirty = false;
      this.draw();
      this.frames++;
    }

    redraw() {
      this.dirty = true;
      this.wake();
    }

    draw() {
      if (this.figure.blank?.()) return;
      for (const canvas of this.canvases) canvas.render();
      this.figure.shown?.();
      for (const { node, read } of this.readings ?? []) {
        const text = read();
        if (text !== node.textContent) node.textContent = text;
      }
      const words = this.figure.status?.() ?? "";
      if (words !== this.status.textContent) this.status.textContent = words;
      if (this.running) this.speak(4000);
    }

    /** Tell screen readers the rounded state, when it is another than they heard, and not too often. */
    speak(apart = 0, words = this.figure?.blank?.() ? "" : this.figure?.spoken?.()) {
      const now = performance.now();
      if (!words || words === this.voice.textContent || now - (this.spokeAt ?? -Infinity) < apart) return;
      this.spokeAt = now;
      this.voice.textContent = words;
    }

    // -------------------------------------------------------------------------------------------- parts for figures

    /** A canvas: `draw(g, width, height)` in CSS pixels; `label()` says what it shows. */
    canvas({ ratio = 1, className = "", label, draw, parent = this.stage }) {
      const node = element("canvas", { class: `mpk-canvas ${className}`, role: "img", "aria-label": "" });
      node.style.aspectRatio = String(ratio);
      const holder = element("div", { class: "mpk-pane" }, node);
      holder.style.setProperty("--mpk-ratio", ratio);
      parent.append(holder);
      this.sizes.observe(node);
      const context = node.getContext("2d");
      const render = () => {
        const { width, height } = node.getBoundingClientRect(),
          dense = Math.min(devicePixelRatio || 1, 3);
        if (width < 2 || height < 2) return;
        const [w, h] = [Math.round(width * dense), Math.round(height * dense)];
        if (node.width !== w || node.height !== h) {
          node.width = w;
          node.height = h;
        }
        context.setTransform(w / width, 0, 0, h / height, 0, 0);
        context.clearRect(0, 0, width, height);
        draw(context, width, height, this.colours);
        const words = label?.();
        if (words && words !== node.getAttribute("aria-label")) node.setAttribute("aria-label", words);
      };
      const made = { node, holder, render };
      this.canvases.push(made);
      return made;
    }

    button(text, action, attributes = {}) {
      return element(
        "button",
        { type: "button", class: "mpk-button", click: () => this.guarded(action), ...attributes },
        text,
      );
    }

    /** Run, one step, reset, and the speed. The figure gives `once()` and `restart()`. */
    clock() {
      this.transport.hidden = false;
      this.runButton = this.button("Run", () => this.run(!this.running), {
        class: "mpk-button mpk-main",
        "aria-pressed": "false",
      });
      this.transport.append(
        this.runButton,
        this.button(
          "One step",
          () => {
            this.run(false);
            this.figure.once();
            this.redraw();
            this.speak();
            this.remember();
          },
          { class: "mpk-button mpk-once" },
        ),
        this.button("Reset", () => this.reset()),
      );
    }

    /** A wide column beside a narrow one: the first canvas in the left one, controls above what is in the right. */
    columns() {
      const made = [0, 1].map(() => element("div", { class: "mpk-column" }));
      this.stage.classList.add("mpk-side");
      this.stage.append(...made);
      return made;
    }

    /** Controls that matter: they stay in view with the picture. */
    lead(...names) {
      this.front.append(...names.map((name) => this.control(name)));
    }

    /** Back to the paused start. */
    reset() {
      this.run(false);
      if ("step" in this.state) {
        this.state.step = 0;
        this.tell(["step"]);
      }
      this.figure.restart([]);
      this.redraw();
      this.speak();
      this.remember();
    }

    /** Large numbers under the pictures: {label: () => text}. */
    readouts(entries) {
      this.numbersShown.hidden = false;
      this.readings = Object.entries(entries).map(([label, read]) => {
        const node = element("dd", {});
        this.numbersShown.append(element("div", {}, element("dt", {}, marked(label)), node));
        return { label: plain(label), node, read };
      });
    }

    /** The readouts and the status as one sentence. */
    words() {
      if (this.figure.blank?.()) return "";
      const numbers = (this.readings ?? []).map(({ label, read }) => `${label} ${read()}`).join(", ");
      return [numbers, this.figure.status?.()].filter(Boolean).join(". ");
    }

    /** Controls for these names, in a group of their own, folded away at first. */
    group(...names) {
      const group = element(
        "div",
        { class: "mpk-group" },
        names.map((name) => this.control(name)),
      );
      this.panel.append(group);
      this.more.hidden = false;
      return group;
    }

    control(name) {
      const field = SCHEMA.state[name];
      const made =
        { flag: flagControl, choice: choiceControl }[field.kind]?.(this, name, field) ??
        (field.slider === false ? fieldControl : sliderControl)(this, name, field);
      this.controls[name] = made;
      made.node.dataset.control = name;
      return made.node;
    }

    showControl(name, visible) {
      this.controls[name].node.hidden = !visible;
    }

    // -------------------------------------------------------------------------------------------- sharing

    share() {
      const open = this.sharing.hidden;
      this.sharing.hidden = !open;
      this.shareButton.setAttribute("aria-expanded", String(open));
      if (!open) return;
      const said = element("p", { class: "mpk-said", role: "status" });
      const field = element("textarea", {
        class: "mpk-copied",
        readonly: true,
        hidden: true,
        "aria-label": "Copied text",
        rows: 3,
      });
      const copying = (text, but = () => "") => async () => {
        field.value = text();
        field.hidden = false;
        const done = (await this.copy(field.value, field)) ? "Copied" : "Select the text below and copy it";
        said.textContent = `${done}${but()}.`;
      };
      const items = [];
      if (this.host?.link) items.push(["Copy link", copying(() => this.host.link(query(this.moment())), onlyHere)]);
      items.push(["Save picture", () => this.picture()], ["Save numbers", () => this.numbers()]);
      if (this.host?.page) items.push(["Copy embed code", copying(() => this.embed(), onlyHere)]);
      items.push(
        ...(this.model.get("driven") ? [] : [["Save as a page", () => this.standalone()]]), // a page has no kernel
        ["Copy as Python", copying(() => this.python())],
        ["Copy report", copying(() => JSON.stringify(this.report(), null, 1))],
      );
      this.sharing.replaceChildren(
        element(
          "div",
          { class: "mpk-items" },
          items.map(([text, action]) => this.button(text, action)),
        ),
        said,
        field,
      );
    }

    /** A frame for somebody's page. Its height is enough in any column; where scripts may run, it is that of the figure. */
    embed() {
      const address = attribute(this.host.page(query(this.moment()))),
        title = attribute(`${SCHEMA.title} (interactive figure)`);
      return (
        `<iframe class="mpack-embed" src="${address}" title="${title}" width="100%" height="${this.tallest()}" ` +
        `style="border:0" allow="fullscreen; clipboard-write" loading="lazy"></iframe>\n<script>${LISTENER}<\/script>`
      );
    }

    /** How high this figure is at most, alone in a frame from 360 pixels wide: tried on a copy that nobody sees. */
    tallest() {
      const copy = this.root.cloneNode(true),
        holder = element("div", { class: "mpk-inside", style: "position:absolute;visibility:hidden", inert: true }, copy);
      copy.classList.remove("mpk-touring");
      for (const part of copy.querySelectorAll(".mpk-share, .mpk-notice, .mpk-apart, .mpk-tour")) part.hidden = true;
      for (const fold of copy.querySelectorAll("details")) fold.open = false;
      this.el.append(holder);
      // The narrowest frame, the widest that has one column (597: _figure.css puts picture and controls side by side
      // beyond 540 within), the widest figure (1100, and the rim); and some between, as pictures grow with the
      // width and words wrap less.
      const heights = [360, 430, 500, 570, 597, 700, 900, 1124].map((width) => {
        holder.style.width = `${width - RIM}px`;
        return copy.offsetHeight;
      });
      holder.remove();
      return Math.max(...heights) + RIM + 20; // a line of words more
    }

    async copy(text, field) {
      try {
        await navigator.clipboard.writeText(text);
        return true;
      } catch {
        field?.select();
        return field ? document.execCommand("copy") : false;
      }
    }

    save(name, blob) {
      const address = URL.createObjectURL(blob),
        link = element("a", { href: address, download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(address), 10000);
    }

    /** All canvases as they stand, on paper, with the title and the state below. */
    picture() {
      this.front.hidden = this.foot.hidden = true; // pictures alone
      const box = this.stage.getBoundingClientRect(),
        dense = Math.max(2, devicePixelRatio || 1),
        foot = 54,
        rim = 16;
      const sheet = element("canvas", {
        width: Math.round((box.width + 2 * rim) * dense),
        height: Math.round((box.height + foot + 2 * rim) * dense),
      });
      const g = sheet.getContext("2d");
      g.scale(dense, dense);
      g.fillStyle = this.colours.paper;
      g.fillRect(0, 0, box.width + 2 * rim, box.height + foot + 2 * rim);
      this.draw();
      for (const { node } of this.canvases) {
        const place = node.getBoundingClientRect();
        if (place.width)
          g.drawImage(node, place.left - box.left + rim, place.top - box.top + rim, place.width, place.height);
      }
      write(g, SCHEMA.title, rim, box.height + rim + 24, { size: 14, bold: true, colour: this.colours.ink });
      write(g, this.words(), rim, box.height + rim + 44, { size: 12, colour: this.colours.muted });
      this.front.hidden = this.foot.hidden = false;
      this.redraw();
      sheet.toBlob((blob) => this.save(`${SCHEMA.name}.png`, blob), "image/png");
    }

    /** What is plotted, as comma-separated values under a head that says what it is. */
    csv() {
      const { columns, rows } = this.figure.table();
      const head = [`# ${SCHEMA.title}`, `# ${query(this.moment())}`];
      return [...head, columns.join(","), ...Array.from(rows, (row) => row.join(","))].join("\n") + "\n";
    }

    numbers() {
      this.save(`${SCHEMA.name}.csv`, new Blob([this.csv()], { type: "text/csv" }));
    }

    /** A page of its own: this figure in this state, needing nothing else. */
    page() {
      const state = JSON.stringify(this.moment()),
        figures = JSON.stringify({ [SCHEMA.name]: [this.model.get("_esm")] }),
        script = `globalThis.mpackFigures = (${mpackPage})(${figures});`;
      const parts = {
        TITLE: attribute(SCHEMA.title),
        NAME: SCHEMA.name,
        STATE: attribute(state),
        SCRIPT: script.replaceAll("</script", "<\\/script"),
      };
      return TEMPLATE.replace(/%(TITLE|NAME|STATE|SCRIPT)%/g, (_, part) => parts[part]);
    }

    standalone() {
      this.save(`${SCHEMA.name}.html`, new Blob([this.page()], { type: "text/html" }));
    }

    python() {
      const shown = (value) => (value === true ? "True" : value === false ? "False" : JSON.stringify(value));
      const changed = Object.entries(this.moment()).filter(([name, value]) => value !== SCHEMA.state[name].default);
      const given = changed.map(([name, value]) => `${name}=${shown(value)}`).join(", ");
      const call = `mpack.widgets.${SCHEMA.class}(${given})`;
      return ["import mpack", "", call, ...(this.figure.python ? ["", this.figure.python()] : [])].join("\n") + "\n";
    }

    /** All that helps to find out what went wrong. */
    report() {
      let numbers;
      try {
        numbers = this.figure?.report?.();
      } catch (error) {
        numbers = { error: error.message };
      }
      return {
        figure: SCHEMA.name,
        version: SCHEMA.version,
        state: this.figure ? this.moment() : this.state,
        numbers,
        complaints: this.complaints,
        error: this.failed ? `${this.failed.message}\n${this.failed.stack}` : null,
        theme: this.theme,
        width: Math.round(this.root.getBoundingClientRect().width),
        dense: devicePixelRatio,
        frames: this.frames,
        browser: navigator.userAgent,
      };
    }

    // -------------------------------------------------------------------------------------------- life

    start(build) {
      this.read();
      const begins = this.state.running;
      if ("running" in SCHEMA.state) this.state.running = false;
      this.figure = build(this);
      this.arrange();
      this.offer(this.host?.stops?.() ?? []);
      this.attend();
      this.hear("change:*", () => this.heed("*")); // an address has spoken
      for (const name of Object.keys(SCHEMA.state)) {
        this.controls[name]?.show();
        this.hear(`change:${name}`, () => {
          if (this.model.get(name) !== this.state[name]) this.heed(name);
        });
      }
      this.figure.restart([]);
      this.figure.changed?.(Object.keys(SCHEMA.state));
      if (begins && still())
        this.say([
          ...this.complaints.map((text) => `${text}.`),
          "You asked for reduced motion, so the figure waits: press Run.",
        ]);
      if ("running" in SCHEMA.state) this.run(Boolean(begins && !still()));
      this.begun = true; // from here on what happens is the reader's doing, and goes to the address
      this.redraw();
    }

    end() {
      this.ending.abort();
      cancelAnimationFrame(this.frame);
      for (const timer of [this.remembering, this.waiting, this.asking]) clearTimeout(timer);
      for (const observer of this.observers) observer.disconnect();
      for (const [event, heed] of this.hears ?? []) this.model.off(event, heed);
      this.figure?.end?.();
      this.root.mpackFigure = null;
      this.root.remove();
    }
  }

  // ---------------------------------------------------------------------------------------------- controls

  /** Positions of a slider for a field: listed, linear in steps, or logarithmic with two significant digits. */
  function scaleOf({ kind, scale, min, max, step, values }) {
    if (values) return { steps: values.length - 1, at: (value) => values.indexOf(value), value: (k) => values[k] };
    if (scale !== "log")
      return {
        steps: Math.round((max - min) / step),
        at: (value) => Math.round((value - min) / step),
        value: (k) => (kind === "integer" ? Math.round(min + k * step) : Number((min + k * step).toPrecision(10))),
      };
    const steps = Math.round(20 * Math.log10(max / min)),
      ratio = Math.log(max / min) / steps;
    const rounded = (x) => (kind === "integer" ? Math.round(Number(x.toPrecision(2))) : Number(x.toPrecision(2)));
    return {
      steps,
      at: (value) => Math.round(Math.log(Math.max(value, min) / min) / ratio),
      value: (k) => Math.min(max, Math.max(min, rounded(min * Math.exp(ratio * k)))),
    };
  }

  function sliderControl(ui, name, field) {
    const id = unique(),
      scale = scaleOf(field);
    const slider = element("input", {
      type: "range",
      id,
      min: 0,
      max: scale.steps,
      step: 1,
      input: () => ui.guarded(() => ui.set({ [name]: scale.value(Number(slider.value)) })),
    });
    const number = numberField(ui, name, field, `${plain(field.label)}, as a number`);
    const node = element(
      "div",
      { class: "mpk-control mpk-slider" },
      element("label", { for: id }, marked(field.label)),
      slider,
      number,
    );
    const show = () => {
      const value = ui.state[name],
        at = scale.at(value);
      slider.value = at;
      slider.setAttribute("aria-valuetext", `${value}${field.unit ? ` ${field.unit}` : ""}`);
      slider.style.setProperty("--mpk-fill", `${(100 * at) / scale.steps}%`);
      if (number !== document.activeElement) number.value = value;
    };
    return { node, show };
  }

  function numberField(ui, name, field, label) {
    const number = element("input", {
      type: "number",
      class: "mpk-number",
      "aria-label": label,
      min: field.min,
      max: field.max,
      step: "any",
      inputmode: field.kind === "integer" ? "numeric" : "decimal",
      change: () =>
        ui.guarded(() => {
          if (number.value !== "") ui.set({ [name]: Number(number.value) });
          else ui.say([`${plain(field.label)} needs a number from ${field.min} to ${field.max}.`]);
          number.value = ui.state[name];
        }),
    });
    return number;
  }

  /** A number without a slider, and a button that draws another. */
  function fieldControl(ui, name, field) {
    const number = numberField(ui, name, field, null),
      id = unique();
    number.id = id;
    number.removeAttribute("aria-label");
    const another =
      field.another &&
      ui.button("Another", () => ui.set({ [name]: 1 + Math.floor(Math.random() * 9999) }), {
        "aria-label": `Another ${plain(field.label).toLowerCase()}`,
      });
    const node = element(
      "div",
      { class: "mpk-control mpk-field" },
      element("label", { for: id }, marked(field.label)),
      element("span", { class: "mpk-pair" }, number, another || null),
    );
    return {
      node,
      show: () => {
        number.value = ui.state[name];
      },
    };
  }

  function choiceControl(ui, name, field) {
    const id = unique(),
      options = Object.entries(field.options).map(([value, text]) => element("option", { value }, text));
    const select = element("select", { id, change: () => ui.guarded(() => ui.set({ [name]: select.value })) }, options);
    const node = element(
      "div",
      { class: "mpk-control mpk-choice" },
      element("label", { for: id }, marked(field.label)),
      select,
    );
    return {
      node,
      show: () => {
        select.value = ui.state[name];
      },
    };
  }

  function flagControl(ui, name, field) {
    const box = element("input", { type: "checkbox", change: () => ui.guarded(() => ui.set({ [name]: box.checked })) });
    const node = element("label", { class: "mpk-control mpk-flag" }, box, element("span", {}, marked(field.label)));
    return {
      node,
      show: () => {
        box.checked = ui.state[name];
      },
    };
  }

  // ---------------------------------------------------------------------------------------------- pace

  /**
   * The steps of a figure with a clock: as many a frame as its speed asks for, or as fit into one while it is on the
   * way to the step that a link asked for (`busy`). `rewind()` when it restarts. `done()`: steps so far; `over()`: no
   * more to come; `once()`: one more.
   */
  function pace(ui, { done, over, once }) {
    let debt = 0,
      target = 0;
    const busy = () => done() < target && !over();
    const advance = (elapsed, running) => {
      const replaying = busy(),
        { speed } = ui.state,
        stop = performance.now() + (replaying ? 24 : 12);
      debt = replaying ? target - done() : Math.min(debt + elapsed * speed, speed);
      for (; debt >= 1 && !over(); debt--) {
        once();
        if (performance.now() > stop) {
          if (!replaying) debt = 0;
          break;
        }
      }
      if (running && !busy() && over()) ui.run(false);
    };
    const rewind = () => {
      debt = 0;
      target = ui.state.step;
    };
    return { busy, advance, rewind, target: () => target };
  }

  // ---------------------------------------------------------------------------------------------- anywidget's form

  function figure(build) {
    return {
      render({ model, el }) {
        const ui = new Ui(model, el);
        ui.guarded(() => ui.start(build));
        return () => ui.end();
      },
    };
  }

  return { figure, pace, still, element, written, counted, marked, plain, write, axes, line, clipped, curve, arrow, mark, ring, bytes, decades, ticks };
})();
