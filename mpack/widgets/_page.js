// Brings figures to life in a page without a kernel, over http and from a file: each module is imported from a Blob
// (module scripts with an address are blocked on file://) and given a stand-in for anywidget's model.
//
// It is a function that refers to nothing outside itself, because it also travels, as its own text, in every page
// that a reader saves. `figures`: name -> the module's parts, in order; a part is text, or the name of one in `parts`.
function mpackPage(figures, parts = {}) {
  const here = document.currentScript?.src,
    mounted = new Map(),
    modules = {};
  let claimed = 0; // when an address or a link last set a figure
  const text = (name) => figures[name].map((part) => parts[part] ?? part).join("\n");
  const load = (name) =>
    (modules[name] ??= import(URL.createObjectURL(new Blob([text(name)], { type: "text/javascript" }))));

  /** anywidget's model, as far as figures use it, and what only a page can do. */
  class Model {
    constructor(initial, host) {
      this.initial = initial;
      this.values = { ...initial };
      this.handlers = {};
      this.host = host;
    }
    get(name) {
      return this.values[name];
    }
    set(name, value) {
      if (this.values[name] === value) return;
      this.values[name] = value;
      this.emit(name);
    }
    emit(name) {
      for (const handler of [...(this.handlers[`change:${name}`] ?? [])]) handler();
    }
    on(event, handler) {
      (this.handlers[event] ??= []).push(handler);
    }
    off(event, handler) {
      this.handlers[event] = (this.handlers[event] ?? []).filter((one) => one !== handler);
    }
    save_changes() {}
    /** The state this page gives the figure, changed by what an address or a link says, and by nothing before. */
    replace(changes) {
      const fresh = { ...this.initial, ...changes, _esm: this.values._esm };
      const names = Object.keys({ ...this.values, ...fresh }).filter((name) => this.values[name] !== fresh[name]);
      this.values = fresh;
      for (const name of names) this.emit(name);
      this.emit("*"); // also when no value is another: the address may hold names that mean nothing here
    }
  }

  /** [figure, {name: text}] of the address: #figure?name=value&...; one that nobody can decode asks for nothing. */
  function asked() {
    const [id, query = ""] = location.hash.slice(1).split(/\?(.*)/s);
    try {
      return [decodeURIComponent(id), Object.fromEntries(new URLSearchParams(query))];
    } catch {
      return ["", {}];
    }
  }

  function hostOf(node, name, id) {
    let given = asked()[0] === id ? asked()[1] : {};
    const to = (address, query, figure) => `${address.replace(/#.*/s, "")}#${figure}?${query}`;
    return {
      given: (changes) => {
        given = changes;
      },
      /** What lists of the page tell of this figure, item by item. */
      stops: () =>
        [...document.querySelectorAll(".mpack-tour")]
          .filter((list) => list.querySelector("a.mpack-set")?.dataset.figure === id)
          .flatMap((list) => [...list.children]),
      unknown: (known) => Object.keys(given).filter((one) => one !== "v" && !known.includes(one)),
      link: (query) => to(location.href, query, id),
      page: (query) => (here ? to(new URL(`${name}.html`, here).href, query, name) : to(location.href, query, id)),
      remember: (query, since) => {
        if (since < claimed) return; // a link has spoken since
        try {
          history.replaceState(null, "", to(location.href, query, id));
        } catch {
          /* some readers forbid it */
        }
      },
    };
  }

  async function mount(node) {
    if (mounted.has(node)) return;
    const name = node.dataset.module,
      id = node.dataset.id;
    const model = new Model(JSON.parse(node.dataset.state || "{}"), hostOf(node, name, id));
    mounted.set(node, { model, id });
    try {
      const module = await load(name);
      if (asked()[0] === id) Object.assign(model.values, asked()[1]);
      model.values._esm = text(name);
      const end = module.default.render({ model, el: node });
      mounted.set(node, { model, id, end });
      node.dataset.live = "1";
      document.documentElement.classList.add("mpack-live");
    } catch (error) {
      // the still below it stays
      mounted.delete(node);
      node.textContent = `This interactive figure could not start: ${error.message}`;
      node.dataset.error = error.message;
    }
  }

  function unmount(node) {
    mounted.get(node)?.end?.();
    mounted.delete(node);
    delete node.dataset.live;
  }

  /** Give a figure the state that the address or a link asks for, and show it. */
  function apply(id, changes, link = null) {
    claimed = performance.now();
    for (const [node, { model, id: own }] of mounted) {
      if (own !== id) continue;
      model.host.given(changes);
      model.replace(changes);
      if (link) model.host.followed?.(link);
      const { top, bottom } = node.getBoundingClientRect();
      // An address without a state is a link like any other: the page itself goes there.
      const stated = link || location.hash.includes("?");
      if (stated && (top < 0 || bottom > innerHeight)) show(node);
    }
  }

  /** Bring a figure to the top of the window, and keep it there while pictures above it arrive, or until the reader acts. */
  function show(node) {
    const reader = new AbortController(),
      until = performance.now() + 2000,
      go = () => node.scrollIntoView({ block: "start", behavior: "instant" }),
      place = () => node.getBoundingClientRect().top;
    for (const type of ["wheel", "touchstart", "pointerdown", "keydown", "click"])
      addEventListener(type, () => reader.abort(), { signal: reader.signal, passive: true, capture: true });
    go();
    const wanted = place();
    const hold = () => {
      if (performance.now() > until) reader.abort();
      if (reader.signal.aborted) return;
      if (Math.abs(place() - wanted) > 2) go();
      requestAnimationFrame(hold);
    };
    requestAnimationFrame(hold);
  }

  async function boot() {
    const nodes = [...document.querySelectorAll(".mpack-widget[data-module]")].filter(
      (node) => figures[node.dataset.module],
    );
    nodes.forEach((node, place) => {
      node.dataset.id ||= `figure-${place + 1}`;
    });
    await Promise.all(nodes.map(mount));
    const wanted = nodes.find((node) => node.dataset.id === asked()[0]);
    if (wanted && asked()[0] && location.hash.includes("?")) wanted.scrollIntoView({ block: "start" });
  }

  addEventListener("hashchange", () => apply(...asked()));
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.mpack-set");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    const id = link.dataset.figure,
      query = new URLSearchParams(JSON.parse(link.dataset.state));
    try {
      history.pushState(null, "", `#${id}?${query}`);
    } catch {
      /* the figure is set all the same */
    }
    apply(id, Object.fromEntries(query), link);
  });
  if (document.readyState === "complete") boot();
  else
    for (const [target, event] of [
      [document, "DOMContentLoaded"],
      [globalThis, "load"],
    ])
      target.addEventListener(event, boot);

  return {
    add: (name, list) => {
      figures[name] = list;
    },
    mount,
    unmount,
    mounted,
  };
}
