// What figures that run the dynamics share: the controls of a rule, the lines of Python that do the same, and the check
// of their bits, which shows the digest of the page and those lines, whose digest it must be.
const same = (() => {
  const { element, counted } = runtime;
  const PROCESS = {
    PairwiseBRO: "BRO",
    NonreciprocalBRO: "non-reciprocal BRO",
    IndividualBRO: "individual BRO",
    SGD: "SGD",
    RCD: "RCD",
    GD: "GD",
  };
  const organization = ({ dynamics }) => dynamics.endsWith("BRO"),
    drawn = (state) => !organization(state) && state.dynamics !== "GD";

  /** Whether a state's rule has an approximation by independent Gaussians; a batch of exactly B has none. */
  const approximable = (state) => organization(state) || (drawn(state) && !state.batch_size);

  /** The state as `kernel.recipe` takes it; bodies that do not turn are those of `turning: false`. */
  const ruleOf = (state) => ({
    ...state,
    rotation: state.turning === false ? null : 1,
    approximation: Boolean(state.approximation) && approximable(state),
  });

  /** Relative semi-axes of a state's ellipses or ellipsoids, the longest `aspect` times the shortest; null of spheres. */
  function axesOf({ aspect = 1, shape, dim }) {
    if (aspect === 1) return null;
    if (String(dim) === "2") return [aspect, 1];
    return { prolate: [aspect, 1, 1], oblate: [aspect, aspect, 1], triaxial: [aspect, Math.sqrt(aspect), 1] }[shape];
  }

  /** The controls of a rule that mean something, where the figure has them. */
  function showControls(ui, among = true) {
    const { state } = ui,
      wanted = {
        dynamics: true,
        eps: organization(state),
        alpha: !organization(state),
        batch_fraction: drawn(state) && !state.batch_size,
        batch_size: drawn(state),
        approximation: approximable(state),
      };
    for (const [name, visible] of Object.entries(wanted)) if (name in ui.controls) ui.showControl(name, among && visible);
  }

  /** The rule in Python: mpack.SGD(alpha=0.1, batch_fraction=0.5). */
  function inPython(state) {
    const { dynamics, eps, alpha, batch_fraction, batch_size } = state,
      name = dynamics === "GD" ? "SGD" : dynamics,
      batch = dynamics === "GD" ? "batch_fraction=1" : batch_size ? `batch_size=${batch_size}` : `batch_fraction=${batch_fraction}`;
    const size = organization(state) ? `eps=${eps}` : `alpha=${alpha}, ${batch}`,
      still = axesOf(state) && state.turning === false ? ", rotation=None" : "";
    return `mpack.${name}(${size}${still})${ruleOf(state).approximation ? ".approximation()" : ""}`;
  }

  /**
   * The check below a figure. `of`: { step(), digest(), python(), known() }, the page's step and its digest there, the
   * lines that give the same digest (all but `import mpack`), and digests that the library gave of this run, by step, or
   * null. The figure calls `begin()` when a run begins, `note()` after each step, `shown()` after each picture.
   */
  class Check {
    constructor(ui, of) {
      Object.assign(this, { ui, of });
      this.words = element("div", { class: "mpk-checked" });
      this.code = element("pre", { class: "mpk-code" });
      this.fold = element(
        "details",
        { class: "mpk-details", toggle: () => this.again() },
        element("summary", {}, "The same bits as the library"),
        this.words,
        this.code,
      );
      ui.below.append(this.fold);
    }

    begin() {
      this.compared = this.stamp = null;
      this.known = this.of.known?.() ?? null;
      this.note();
    }

    /** Compare where the library's digest is known. */
    note() {
      const step = this.of.step(),
        library = this.known?.[step];
      if (library) this.compared = { step, page: this.of.digest(), library };
    }

    again() {
      this.stamp = null;
      this.ui.redraw();
    }

    /** Write it, if it is unfolded, something is new, and not too often. */
    shown() {
      if (!this.fold.open || (this.ui.running && performance.now() - (this.at ?? 0) < 300)) return;
      const lines = `import mpack\n\n${this.of.python()}`,
        stamp = `${this.of.step()} ${this.compared?.step} ${lines}`;
      if (stamp === this.stamp) return;
      this.at = performance.now();
      this.stamp = stamp;
      this.words.replaceChildren(...this.sentences());
      this.code.textContent = lines;
    }

    sentences() {
      const { compared } = this,
        digest = (text) => element("span", { class: "mpk-digest" }, text),
        said = (...parts) => element("p", {}, ...parts);
      const here = said(`Digest in this page at step ${counted(this.of.step())}: `, digest(this.of.digest()));
      if (!compared && !this.known)
        return [here, said("These lines compute the library’s digest of this run, which is the same on any machine:")];
      if (!compared)
        return [here, said(`The library’s digest of this run is kept for steps ${Object.keys(this.known).join(", ")}.`)];
      const verdict =
        compared.page === compared.library
          ? ". The page had the same."
          : `. The page had ${compared.page}: they differ, which is a defect. Please report it.`;
      return [here, said(`Digest of the library at step ${counted(compared.step)}: `, digest(compared.library), verdict)];
    }
  }

  return { PROCESS, approximable, ruleOf, axesOf, showControls, inPython, Check };
})();
