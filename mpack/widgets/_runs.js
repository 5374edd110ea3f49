// Runs that go on beside the page, which need not wait for a step: in a worker where the page may have one, and where it
// may not, a slice between two pictures. The steps are those of `kernel.Engine` either way, to the same bits:
// tests/browser/test_runs.py compares. The worker is made of the text of these functions and of KERNEL, which the page
// has already, so nothing is fetched. A figure asks for the parts "_kernel.js" and "_runs.js":
//
//     const kernel = await mpackKernel(KERNEL), Runs = mpackRuns(KERNEL, kernel);
//     const runs = new Runs(ui, { heard: (news) => ... });
//     runs.begin([{ start: { n: 1000, phi: 0.62, dim: 3, seed: 1 }, rule: { dynamics: "PairwiseBRO", eps: 0.1 }, seed: 2 }]);
//
// and hands on `busy`, `advance` and `once` of it. What `heard` is told: `mpackServer`.

/**
 * What does the work, here or in the worker: serve(order) gives [the news, buffers of it that can be handed over].
 *
 * An order is { id, begin, until, patience, see, kicks, digests }: begin these runs (if any), go on to step `until` but
 * for no more than so many milliseconds, and tell. The news: { id, step, over, told } with one entry of `told` a run,
 * { step, over, clipped, active, energy }, the last two with a value for every step since the news before; on beginning
 * `facts`, { n, dim, box, diameters } a run, of bodies also their axes `semi`; and of run number `see`, unless it is
 * null, `seen`: its coordinates `fixed`, of bodies `turns`, `flags`, `kicks` as the engine has them.
 */
function mpackServer(kernel) {
  let engines = [],
    over = [],
    step = 0,
    chunk = 1; // steps between two looks at the clock

  const made = (start) =>
    start.name ? kernel.lattice(start) : start.positions ? kernel.packing(start) : kernel.random(start);

  function begin(runs) {
    const [spent] = engines;
    engines = [];
    for (const { start, rule, seed } of runs)
      engines.push(new kernel.Engine(made(start), kernel.recipe(rule), seed, spent, engines[0]));
    step = 0;
    chunk = 1;
    const looks = engines.map((engine) => engine.look());
    over = looks.map(({ active }) => active === 0);
    return looks.map((look) => [look]);
  }

  /** Take one run to a step, recording each on the way; true once nothing overlaps any more. */
  function onward(engine, to, rows) {
    const first = engine.step + 1;
    engine.schedule(Array.from({ length: to + 1 - first }, (_, k) => first + k));
    const absorbed = engine.advance(to),
      records = engine.records();
    for (const record of records) rows.push(record);
    return absorbed || records[records.length - 1].active === 0;
  }

  const ended = () => over.every(Boolean);

  /** Take all runs on together, as far as `patience` lasts. */
  function goOn(until, patience, rows) {
    const end = performance.now() + patience;
    for (let now = 0; step < until && now < end && !ended(); ) {
      const to = Math.min(until, step + chunk),
        began = performance.now();
      engines.forEach((engine, k) => {
        over[k] ||= onward(engine, to, rows[k]);
      });
      step = ended() ? Math.max(...engines.map((engine) => engine.step)) : to;
      now = performance.now();
      if (now - began < patience / 8) chunk = Math.min(2 * chunk, 1024);
      else if (now - began > patience / 3) chunk = Math.max(1, chunk >> 1);
    }
  }

  function looked(engine, kicks) {
    const seen = { fixed: engine.fixed().slice(), flags: engine.look().flags },
      turns = engine.turns();
    if (turns) seen.turns = turns.slice();
    return kicks ? { ...seen, kicks: engine.kicks() } : seen;
  }

  return ({ id, begin: fresh, until, patience, see, kicks, digests }) => {
    const rows = fresh ? begin(fresh) : engines.map(() => []);
    goOn(until, patience, rows);
    const told = engines.map((engine, k) => ({
      step: engine.step,
      over: over[k],
      clipped: engine.clipped,
      active: Float64Array.from(rows[k], (row) => row.active),
      energy: Float64Array.from(rows[k], (row) => row.energy),
      ...(digests ? { digest: engine.digest() } : {}),
    }));
    const news = { id, step, over: ended(), told };
    if (fresh) news.facts = engines.map(({ n, dim, box, diameters, semi = null }) => ({ n, dim, box, diameters, semi }));
    if (see != null) news.seen = looked(engines[see], kicks);
    const arrays = [...told.flatMap(({ active, energy }) => [active, energy]), ...Object.values(news.seen ?? {})];
    return [news, arrays.map((array) => array.buffer)];
  };
}

function mpackRuns(KERNEL, kernel) {
  const PATIENCE = 12, // milliseconds of an answer: less than a frame
    REPLAY = 24, // of one on the way to the step that a link asked for
    LATE = 10000; // milliseconds after which a worker that says nothing is given up
  let allowed = typeof Worker !== "undefined", // whether this page may have workers, as far as is known
    address = null;

  /** What the worker is made of besides. */
  function attend(constants) {
    const serving = mpackKernel(constants).then(mpackServer);
    serving.then(
      () => postMessage({ ready: true }),
      () => postMessage({ ready: false }),
    );
    globalThis.onmessage = async ({ data }) => postMessage(...answered(await serving, data));
  }

  /** What `serve` answers; what it throws is told like any news. */
  function answered(serve, order) {
    try {
      return serve(order);
    } catch (error) {
      return [{ id: order.id, error: error.message }, []];
    }
  }

  const text = () =>
    [mpackStarts, mpackBodies, mpackKernel, mpackServer, answered, `(${attend})(${JSON.stringify(KERNEL)});`].join("\n");

  /**
   * Runs of a figure with a clock, as many steps a second as its `speed`. `heard(news)` is told what came; `most` is
   * the last step; `see` the number of the run whose spheres are shown, or null; `digests`: whether each run's is
   * wanted. The orders are given one at a time, and what is no longer wanted when it comes is dropped.
   */
  class Runs {
    constructor(ui, { heard, most = Infinity, see = 0, digests = false }) {
      Object.assign(this, { ui, heard, most, see, digests, kicks: false });
      Object.assign(this, { id: 0, step: 0, over: false, begun: false, target: 0, debt: 0, stops: [] });
      this.open = this.fresh = this.worker = null; // the order that is under way; runs that wait to begin
      if (allowed) this.hire();
    }

    hire() {
      try {
        address ??= URL.createObjectURL(new Blob([text()], { type: "text/javascript" }));
        this.worker = new Worker(address);
      } catch {
        return this.dismiss();
      }
      const { ui } = this;
      ui.listen(this.worker, "message", ({ data }) => {
        if (!("ready" in data)) this.take(data);
        else if (data.ready) this.settled();
        else this.dismiss();
      });
      ui.listen(this.worker, "error", (event) => {
        event.preventDefault();
        if (this.late === null) throw new Error(`its worker has ended (${event.message})`);
        this.dismiss();
      });
      this.late = setTimeout(() => this.dismiss(), LATE);
    }

    settled() {
      clearTimeout(this.late);
      this.late = null;
    }

    /** This page may have no worker: it computes by itself, first of all what the worker was asked for. */
    dismiss() {
      allowed = false;
      this.end();
      if (this.open) this.post(this.open);
    }

    end() {
      clearTimeout(this.late);
      cancelAnimationFrame(this.frame);
      this.worker?.terminate();
      this.worker = this.serve = null;
    }

    // ------------------------------------------------------------------------------------------ orders

    /** Begin these runs, and none of before: of each its start, its rule and its seed; halt at `stops` on the way. */
    begin(runs, stops = []) {
      Object.assign(this, { fresh: runs, stops, begun: false, debt: 0, target: this.ui.state.step });
      this.id++;
      this.feed();
    }

    /** One step more. */
    once() {
      this.target = Math.max(this.step, this.target) + 1;
      this.asked = true;
      this.feed();
    }

    /** Tell of this step again, with the kicks that come next or without. */
    look(kicks) {
      this.kicks = kicks;
      this.again = true;
      this.feed();
    }

    /** Whether something is to come before the figure shows what its state says. */
    busy() {
      return !this.begun || (this.step < this.target && !this.over) || Boolean(this.open && !this.ui.running);
    }

    /** Whether it is on the way to the step that a link asked for. */
    replays() {
      return this.begun && this.step + 1 < this.target && !this.over;
    }

    /** Called in each frame of a figure that runs or is busy. There is nothing to draw before there are news. */
    advance(elapsed, running) {
      const { speed } = this.ui.state;
      if (running && this.begun && this.step >= this.target) this.debt = Math.min(this.debt + elapsed * speed, speed);
      this.feed();
      if (running && this.over && !this.busy()) {
        this.ui.run(false);
        this.ui.redraw();
      }
      return false;
    }

    /** Give the next order, if none is under way and there is one to give. */
    feed() {
      const { ui, step, target, over } = this;
      if (this.open || ui.failed || ui.ending.signal.aborted) return;
      if (this.fresh) return void this.order(0);
      if (!ui.seen || document.hidden) return;
      const wanted = step < target ? target : ui.running ? step + Math.floor(this.debt) : step,
        until = over ? step : Math.min(wanted, this.most, ...this.stops.filter((stop) => stop > step));
      if (until > step || this.again) this.order(until);
    }

    order(until) {
      const { id, fresh, see, kicks, digests, ui } = this,
        patience = this.replays() ? REPLAY : PATIENCE,
        reader = ui.running || Boolean(this.asked); // by the reader, not by a link
      this.fresh = null;
      this.asked = this.again = false;
      this.post({ id, begin: fresh, until, patience, see, kicks, digests, reader });
    }

    post(order) {
      this.open = order;
      if (this.worker) return void this.worker.postMessage(order);
      this.serve ??= mpackServer(kernel);
      this.frame = requestAnimationFrame(() => this.ui.guarded(() => this.take(answered(this.serve, order)[0])));
    }

    take(news) {
      const { ui, open } = this;
      this.open = null;
      if (news.id === this.id) {
        if (news.error) throw new Error(news.error);
        const done = news.facts ? 0 : news.step - this.step,
          most = news.step < open.until ? ui.state.speed / 30 : Infinity; // it cannot keep up: no more than a frame's
        this.debt = Math.max(0, Math.min(this.debt - done, most));
        this.step = news.step;
        this.over = news.over || news.step >= this.most;
        this.begun = true;
        this.heard(news);
        ui.redraw();
        if (open.reader && !ui.running) {
          ui.speak();
          ui.remember();
        }
      }
      this.feed();
    }
  }

  return Runs;
}
