// The library's own step kernels in the page, compiled to WebAssembly by book/_tools/wasm.py, and around them what
// mpack/_engine.py does there: memory, growth, schedules, records, digests. Starts and rules come from `_starts.js`, the
// engine of ellipsoids and ellipses from `_bodies.js`. So a figure computes what the library computes, bit for bit:
// tests/test_wasm.py and tests/browser/test_kernel.py compare.
//
// KERNEL is _kernel.json (records, numbers and names of the kernels) and `wasm`, the module: gzipped, in base 64.
// `await mpackKernel(KERNEL)` gives { random, lattice, packing, recipe, Engine, pairs, draw, blake2b, digest }:
//
//     const start = kernel.random({ n: 1000, phi: 0.62, dim: 3, seed: 1 });
//     const rule = kernel.recipe({ dynamics: "SGD", alpha: 0.1, batch_fraction: 0.5 });
//     const engine = new kernel.Engine(start, rule, 2);
//     engine.advance(100);                    // true once nothing overlaps any more
//     engine.look().active, engine.digest();  // as in mpack.simulate(start, ..., steps=100, seed=2)
//
// A start with `axes` (and `aligned`, if they are) is one of bodies that turn, and its engine is theirs.
//
// Integers of 64 bits (coordinates, seeds) are BigInts; seeds and steps may be plain numbers.
async function mpackKernel({ wasm, ...KNOWN }) {
  const PAGE = 65536,
    STACK = 16 * PAGE; // which grows down from here; the module has no data below it
  const KINDS = {
    u8: Uint8Array,
    i32: Int32Array,
    u32: Uint32Array,
    f32: Float32Array,
    i64: BigInt64Array,
    u64: BigUint64Array,
    f64: Float64Array,
  };
  const { alike, normalised, bodiesOf, boxFor, lattice, packing, recipe, strongestOf } = mpackStarts(KNOWN);
  const module = await compiled(wasm);

  async function compiled(text) {
    if (typeof WebAssembly === "undefined" || typeof DecompressionStream === "undefined")
      throw new Error("this browser has no WebAssembly; a newer one has");
    const letters = atob(text),
      packed = new Uint8Array(letters.length); // in a loop, which is several times as quick as Uint8Array.from
    for (let k = 0; k < packed.length; k++) packed[k] = letters.charCodeAt(k);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const bytes = await new Response(stream).arrayBuffer();
    if (!WebAssembly.validate(bytes)) throw new Error("this browser has no WebAssembly with SIMD; a newer one has");
    return WebAssembly.compile(bytes);
  }

  // ---------------------------------------------------------------------------------------------- memory

  /** An instance of the module with a memory of its own. */
  class Memory {
    constructor() {
      this.memory = new WebAssembly.Memory({ initial: STACK / PAGE });
      this.top = STACK;
      const pointer = new WebAssembly.Global({ value: "i32", mutable: true }, STACK);
      const env = { __linear_memory: this.memory, __stack_pointer: pointer };
      this.calls = new WebAssembly.Instance(module, { env }).exports;
      this.answer = this.reserve(64); // where a kernel writes its value and, never, an error
      this.work = this.reserve(8 * 48); // for digests
      this.ground = this.top;
    }

    /** This memory once more, as if it were new. */
    cleared() {
      this.view("u8", this.ground, this.top - this.ground).fill(0);
      this.top = this.ground;
      return this;
    }

    /** The address of so many bytes, zero, in units of 16; they are given back with the whole memory. */
    reserve(bytes) {
      const at = this.top;
      this.top += (bytes + 31) & ~15;
      const missing = this.top - this.memory.buffer.byteLength;
      if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
      return at;
    }

    /** An array in this memory. Not to be kept: memory moves when it grows. */
    view(kind, address, length) {
      return new KINDS[kind](this.memory.buffer, address, length);
    }

    call(name, ...values) {
      this.calls[name](this.answer, this.answer + 16, ...values);
    }

    /** What `use` gives; all that it does to this memory is undone. */
    aside(use) {
      const { ground, top } = this,
        kept = this.view("u8", ground, top - ground).slice();
      try {
        return use();
      } finally {
        this.view("u8", top, this.top - top).fill(0); // what is not reserved is zero
        this.view("u8", ground, top - ground).set(kept);
        this.top = top;
      }
    }
  }

  /** A record: its numbers, and the arrays whose addresses it holds. */
  class Group {
    constructor(memory, name, values = {}) {
      this.memory = memory;
      ({ fields: this.fields, size: this.size } = KNOWN.records[name]);
      this.at = memory.reserve(this.size);
      this.arrays = {};
      for (const [key, value] of Object.entries(values)) this.set(key, value);
    }

    set(name, value) {
      const [offset, sort] = this.fields[name],
        view = new DataView(this.memory.memory.buffer);
      if (sort === "f") view.setFloat64(this.at + offset, value, true);
      else view.setBigUint64(this.at + offset, BigInt.asUintN(64, BigInt(value)), true);
    }

    get(name) {
      const [offset, sort] = this.fields[name],
        view = new DataView(this.memory.memory.buffer);
      return sort === "f" ? view.getFloat64(this.at + offset, true) : Number(view.getBigInt64(this.at + offset, true));
    }

    /** A new array, of zeros or of `from`, or at `address`, which the field then holds. */
    array(name, kind, length, { from, address } = {}) {
      address ??= this.memory.reserve(length * KINDS[kind].BYTES_PER_ELEMENT);
      this.arrays[name] = [kind, address, length];
      this.set(name, address);
      if (from) this.view(name).set(from);
      return address;
    }

    view(name) {
      return this.memory.view(...this.arrays[name]);
    }
  }

  // ---------------------------------------------------------------------------------------------- starts

  const desk = new Memory(); // for what needs no engine

  /** What `use` does with a memory that is free again afterwards. */
  function atDesk(use) {
    try {
      return use();
    } finally {
      desk.top = desk.ground;
    }
  }

  /** Packing.random(n, phi, dim, seed, diameters), or with axes, and orientations at random or `aligned`. */
  function random({ n, phi, dim, seed, diameters, axes, aligned = false }) {
    const { extents, ...made } = axes ? bodiesOf(axes, n, dim) : { diameters: normalised(diameters, n) };
    const drawn = (kind, length, name, ...given) =>
      atDesk(() => {
        const address = desk.reserve(8 * length);
        desk.call(name, ...given, BigInt(n), BigInt(seed), BigInt(address));
        return desk.view(kind, address, length).slice();
      });
    const box = boxFor(phi, made.diameters, dim, extents),
      fixed = drawn("i64", n * dim, `random_start_${dim}`, ...Array(dim).fill(0n)),
      start = { n, dim, box, fixed, ...made };
    if (!made.semi) return start;
    const upright = () => Float64Array.from({ length: 4 * n }, (_, k) => (k % 4 ? 0 : 1));
    return { ...start, turns: aligned ? upright() : drawn("f64", 4 * n, "random_turns", BigInt(dim)) };
  }

  // ---------------------------------------------------------------------------------------------- engine

  /** Spheres in tiers of like size: [the spheres tier after tier, the first place of each tier and the end]. */
  function tiers(diameters) {
    const least = diameters.reduce((a, b) => Math.min(a, b)),
      octave = Array.from(diameters, (d) => Math.floor(Math.log2(d / least))),
      order = Uint32Array.from(octave.keys()).sort((i, j) => octave[i] - octave[j] || i - j),
      begin = [0];
    for (let end = 1; end <= order.length; end++) {
      if (end < order.length && octave[order[end]] === octave[order[end - 1]]) continue;
      if (end - begin[begin.length - 1] >= order.length - end) begin.push(end);
    }
    return [order, begin];
  }

  const median = (values) => {
    const sorted = Float64Array.from(values).sort(),
      middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  };
  const enlarged = (room) => Math.floor((room * 5) / 4) + 1024;

  /** What runs of spheres and of bodies have in common: the rule, the noise, schedule and record. */
  class Run {
    constructor(start, made, seed, spent = null, beside = null) {
      const { n, dim, box, diameters } = start;
      Object.assign(this, { n, dim, box, diameters });
      this.memory = beside ? beside.memory : spent ? spent.memory.cleared() : new Memory();
      this.rule = this.makeRule(start, made, seed);
      this.shared = this.makeShared(made);
      this.chunk = this.makeChunk();
      this.out = this.memory.reserve(128 + 8 * n * dim + (start.turns ? 16 + 32 * n : 0)); // for what is handed out, by label
      this.row = this.memory.reserve(8 * (1 + 2 * KNOWN.LIMBS));
    }

    makeRule({ box, diameters }, made, seed) {
      const { potential } = made;
      const rule = new Group(this.memory, "rule", {
        seed,
        pair: KNOWN.draws[made.pair],
        particle: KNOWN.draws[made.particle],
        reciprocal: made.correlation === -1 ? 1 : 0,
        ...Object.fromEntries(
          ["correlation", "tied", "memory", "scale", "mean", "spread", "fraction", "batch"].map((k) => [k, made[k]]),
        ),
        ...Object.fromEntries(["kind", "a", "b", "reach"].map((k) => [k, potential[k]])),
        touch: potential.reach * diameters[0],
        grain: median(diameters),
        strongest: strongestOf(made, this),
        box,
      });
      rule.array("table", "f64", potential.table.length, { from: potential.table });
      return rule;
    }

    makeShared({ pair, particle }) {
      const keys_room = (pair === "batch" ? 4 * this.n + 64 : 0) + (particle === "batch" ? this.n + 64 : 0);
      const shared = new Group(this.memory, "shared", { threads: 1, stale: 1, tuned: 1, skin: 0.1, keys_room });
      shared.array("gate", "i64", 16);
      shared.array("threads_own", "i64", KNOWN.THREAD_COLUMNS);
      for (const name of ["out_slot", "out_push", "schedule", "record"]) shared.array(name, "i64", 0);
      shared.array("keys", "u64", keys_room);
      return shared;
    }

    makeChunk() {
      const room = KNOWN.CHUNK + 8,
        chunk = new Group(this.memory, "chunk");
      for (const name of ["i", "j"]) chunk.array(name, "u32", room);
      for (const name of ["a", "b"]) chunk.array(name, "u64", room);
      for (const name of ["dx", "dy"]) chunk.array(name, "f64", (this.dim + (this.dim % 2)) * KNOWN.CHUNK + 8);
      for (const name of ["r2", "touch", "w", "v"]) chunk.array(name, "f64", room);
      return chunk;
    }

    call(name, ...values) {
      this.memory.call(`${name}_${this.dim}`, ...Array(this.dim).fill(0n), ...values);
    }

    /** Call a kernel that may ask for room, until it has it; the status that it ends with. */
    run(name, ...values) {
      const groups = this.groups.map((group) => group.at);
      for (;;) {
        this.call(name, ...groups, ...values.map(BigInt));
        const status = this.shared.get("status");
        if (status === KNOWN.PAUSED || status === KNOWN.ABSORBED) return status;
        if (status === KNOWN.GROW_KEYS) this.growKeys();
        else this.grow(status);
      }
    }

    growKeys() {
      const room = enlarged(this.shared.get("keys_room"));
      this.shared.array("keys", "u64", room);
      this.shared.set("keys_room", room);
    }

    /** Steps done. */
    get step() {
      return this.shared.get("step");
    }

    /** Pushes cut to half the box, and displacements of half the box or more: 0 unless the numbers are absurd. */
    get clipped() {
      return Number(this.shared.view("threads_own")[KNOWN.CLIPPED]);
    }

    /** Record at these steps (increasing) from now on. */
    schedule(steps) {
      const { shared } = this;
      if (steps.length > shared.arrays.schedule[2]) {
        shared.array("schedule", "i64", steps.length);
        shared.array("record", "i64", steps.length * (1 + 2 * KNOWN.LIMBS));
      }
      shared.view("schedule").set(steps.map(BigInt));
      shared.set("scheduled", steps.length);
      shared.set("next", 0);
    }

    /** What has been recorded: { active, energy, squares } of each step, see `look`. */
    records() {
      const wide = 1 + 2 * KNOWN.LIMBS,
        table = this.shared.view("record");
      return Array.from({ length: this.shared.get("next") }, (_, k) => told(table.subarray(k * wide, (k + 1) * wide)));
    }

    /** The upper halves of the coordinates by label: fractions of the box in units of 2**-32, unsigned. */
    coarse() {
      const fixed = this.fixed(),
        halves = this.memory.view("u32", fixed.byteOffset, 2 * fixed.length),
        upper = new Uint32Array(fixed.length);
      for (let k = 0; k < upper.length; k++) upper[k] = halves[2 * k + 1];
      return upper;
    }

    /** See `pairs`. */
    pairs(factor) {
      return pairs({ ...this, fixed: this.fixed(), turns: this.turns() }, factor);
    }

    /** The library's digest of the present configuration. */
    digest() {
      return digestOf(this.memory, this.fixed().byteOffset, this.n, this.dim, this.turns());
    }
  }

  class Spheres extends Run {
    constructor(start, ...given) {
      super(start, ...given);
      const [order, begin] = tiers(this.diameters);
      this.stride = this.dim <= 4 ? 4 : 8;
      this.space = this.makeSpace(start, order);
      this.lists = this.makeLists(order, begin);
      this.groups = [this.space, this.lists, this.rule, this.shared, this.chunk];
      this.flags = this.memory.reserve(this.n);
    }

    makeSpace({ fixed, diameters }, order) {
      const { n, dim, stride } = this,
        poly = !alike(diameters);
      const space = new Group(this.memory, "space", { n, poly: poly ? 1 : 0 });
      const halves = new Int32Array(fixed.buffer, fixed.byteOffset, 2 * n * dim),
        sorted = new Int32Array(2 * n * dim), // lower half, upper half, ...
        upper = new Int32Array(n * stride);
      order.forEach((i, slot) => {
        for (let k = 0; k < 2 * dim; k++) sorted[2 * dim * slot + k] = halves[2 * dim * i + k];
        for (let axis = 0; axis < dim; axis++) upper[slot * stride + axis] = halves[2 * (dim * i + axis) + 1];
      });
      space.array("fixed", "i64", n * dim, { from: new BigInt64Array(sorted.buffer) });
      space.array("wraps", "i32", n * dim);
      space.array("coarse", "i32", (n + 4) * stride);
      const home = space.array("home", "i32", 2 * n * stride); // in one piece with `anchor`: see `scratch`
      space.array("anchor", "i32", n * stride, { address: home + 4 * n * stride });
      space.array("push", "i64", n * dim);
      space.array("label", "u32", n, { from: order });
      space.array("origin", "i64", n * dim, { from: fixed });
      space.array("active", "u8", n);
      if (poly) {
        const reach = this.rule.get("reach");
        space.array("radius", "f64", n, { from: Float64Array.from(order, (i) => 0.5 * reach * diameters[i]) });
        space.array("radius32", "f32", n + 4);
        space.array("bound32", "f32", n + 4);
      }
      for (const name of ["coarse", "home", "anchor"]) space.view(name).set(upper);
      if (this.rule.get("strongest") === Infinity) this.carry(space);
      return space;
    }

    carry(space) {
      space.array("carry", "i64", this.n * this.dim);
      space.set("carries", 1);
    }

    makeLists(order, begin) {
      const { n, dim, box } = this,
        reach = this.rule.get("reach"),
        count = begin.length - 1,
        runs_room = 8 + 6 * 3 ** (dim - 1);
      const tops = begin.slice(1).map((end, tier) => {
        const own = order.subarray(begin[tier], end);
        return 0.5 * reach * own.reduce((most, i) => Math.max(most, this.diameters[i]), 0);
      });
      const most = tops.map((top, tier) =>
        Math.max(1, Math.floor(Math.min(box / (2 * top), (2 * (begin[tier + 1] - begin[tier]) + 64) ** (1 / dim)))),
      );
      const lists = new Group(this.memory, "lists", { tiers: count, runs_room });
      for (const name of ["first", "last", "cell"]) lists.array(name, "u32", n);
      lists.array("start", "u32", most.reduce((sum, edge) => sum + edge ** dim, 0) + 1);
      lists.array("tops", "f64", count, { from: tops });
      lists.array("most", "i64", count, { from: most.map(BigInt) });
      lists.array("edge", "i64", count, { from: most.map(() => 1n) });
      lists.array("offset", "i64", count + 1, { from: begin.map((_, tier) => BigInt(tier)) });
      lists.array("begin", "i64", count + 1, { from: begin.map(BigInt) });
      lists.array("window", "i64", 3 * dim);
      lists.array("runs", "i64", runs_room);
      lists.array("moved", "u32", n + 1);
      lists.array("scratch", "i64", n * dim, { address: this.space.arrays.home[1] });
      this.makeRooms(lists, 18 * n + 4096, 6 * n + 1024, 2 * n + 64, Math.min(n, 4096));
      return lists;
    }

    /** Room for the wide list, the one that steps look at, contacts of sparse steps, and slots around a cell. */
    makeRooms(lists, rows_room, pairs_room, found_room, halo_room) {
      for (const [name, room] of Object.entries({ rows_room, pairs_room, found_room, halo_room })) lists.set(name, room);
      lists.array("wide_i", "u32", rows_room >> 1);
      lists.array("rows", "u32", rows_room);
      for (const name of ["front", "back"]) lists.array(name, "u32", pairs_room);
      for (const name of ["found_i", "found_j"]) lists.array(name, "u32", found_room);
      lists.array("halo", "i32", (halo_room + 4) * this.stride);
      lists.array("halo_slot", "u32", halo_room + 4);
      lists.array("halo_radius", "f32", halo_room + 4);
    }

    grow(status) {
      const { lists, shared } = this;
      if (status === KNOWN.GROW_LIST) {
        const rooms = ["rows_room", "pairs_room", "found_room", "halo_room"].map((name) => enlarged(lists.get(name)));
        this.makeRooms(lists, ...rooms);
        shared.set("stale", 1);
        shared.set("sorted", 0);
      } else if (status === KNOWN.GROW_CARRY) this.carry(this.space);
      else throw new Error(`the kernel ended with status ${status}`);
    }

    /** Run to step `until`; true if the run got absorbed before. */
    advance(until) {
      return this.run("advance", until, 0) === KNOWN.ABSORBED;
    }

    /** Active spheres, energy and sum of squared displacements now, and `flags` (1: active) by label. */
    look() {
      this.run("survey", this.flags, this.row, 0);
      const row = told(this.memory.view("i64", this.row, 1 + 2 * KNOWN.LIMBS));
      return { ...row, flags: this.memory.view("u8", this.flags, this.n).slice() };
    }

    /** How far the next step, or one of another number, will move each sphere, by label, in mean diameters; it is not made. */
    kicks(step = this.step) {
      const { n, dim, box, memory, out, shared } = this,
        now = this.step;
      memory.view("i64", out, n * dim).fill(0n);
      shared.set("step", step);
      this.run("foresee", out, 0);
      shared.set("step", now);
      return Float64Array.from(memory.view("i64", out, n * dim), (units) => (Number(units) / 2 ** 64) * box);
    }

    /** The coordinates by label, fractions of the box in units of 2**-64: in this engine's memory, until its next call. */
    fixed() {
      this.call("by_label", this.space.at, BigInt(this.out + 128));
      return this.memory.view("i64", this.out + 128, this.n * this.dim);
    }

    /** The orientations: spheres have none. */
    turns() {
      return null;
    }
  }

  const Bodies = mpackBodies(KNOWN, { Run, Group, told, enlarged, shapesOf });

  /**
   * A run: a start (see `random`), a recipe and a seed; of one thread. Browsers have few memories to give: an engine
   * that has served its time may be handed on as `spent`, and its memory is taken over; engines that live together
   * share the memory of one, `beside`.
   */
  function Engine(start, ...given) {
    return new (start.turns ? Bodies : Spheres)(start, ...given);
  }

  /** A row of a record. */
  function told(row) {
    const energy = exact(row.subarray(1, 1 + KNOWN.LIMBS)),
      squares = exact(row.subarray(1 + KNOWN.LIMBS));
    return { active: Number(row[0]), energy, squares };
  }

  /** The value of an exact sum, see `exact` in mpack/_engine.py. */
  function exact(limbs) {
    const { bits, below, usual } = KNOWN.sums,
      joined = (some) => some.reduce((sum, limb, k) => sum + (limb << BigInt(bits * k)), 0n);
    const place = Number(limbs[usual]);
    if (place < 0) return Number(joined([...limbs.subarray(0, usual)])) / 2 ** 56;
    return Number(joined([...limbs.subarray(usual + 1)])) * 2 ** (bits * (place - below) - 56);
  }

  // ---------------------------------------------------------------------------------------------- pairs

  /**
   * Pairs of a packing nearer than so many contact distances: { i, j, r }, arrays; i < j, in no order. Of bodies (`semi`,
   * `turns`) those that touch when both are so many times as large, and r is the factor at which they do.
   */
  function pairs({ semi, turns, ...packing }, factor) {
    if (!semi) return nearer(packing, factor);
    const diameters = Float64Array.from({ length: packing.n }, (_, i) => 2 * Math.max(...semi.subarray(3 * i, 3 * i + 3))),
      { i, j } = nearer({ ...packing, diameters }, factor),
      r = depths(packing, semi, turns, i, j),
      close = Uint32Array.from(r.keys()).filter((p) => r[p] < factor);
    return { i: Uint32Array.from(close, (p) => i[p]), j: Uint32Array.from(close, (p) => j[p]), r: Float64Array.from(close, (p) => r[p]) };
  }

  /** The shapes of bodies, see mpack/_kernels/ellipsoids.py. */
  function shapesOf(semi, turns) {
    return atDesk(() => {
      const n = semi.length / 3,
        [ways, axes, work, shapes] = [4 * n, 3 * n, KNOWN.work, 12 * n].map((length) => desk.reserve(8 * length));
      desk.view("f64", ways, 4 * n).set(turns);
      desk.view("f64", axes, 3 * n).set(semi);
      desk.call("all_shapes", ...[n, ways, axes, work, shapes].map(BigInt));
      return desk.view("f64", shapes, 12 * n).slice();
    });
  }

  /** The factors at which the bodies of pairs touch. */
  function depths({ n, dim, box, fixed }, semi, turns, i, j) {
    const forms = shapesOf(semi, turns);
    return atDesk(() => {
      const count = i.length,
        lengths = [n * dim, 12 * n, count, KNOWN.work, count],
        [places, shapes, ends, work, mu] = lengths.map((length) => desk.reserve(8 * length));
      desk.view("i64", places, n * dim).set(fixed);
      desk.view("f64", shapes, 12 * n).set(forms);
      const both = desk.view("u32", ends, 2 * count);
      for (let p = 0; p < count; p++) [both[2 * p], both[2 * p + 1]] = [i[p], j[p]];
      const given = [BigInt(count), box, ...[places, shapes, ends, work, mu].map(BigInt)];
      desk.call(`depths_${dim}`, ...Array(dim).fill(0n), ...given);
      return desk.view("f64", mu, count).slice();
    });
  }

  /** The same of spheres. */
  function nearer({ n, dim, box, diameters, fixed }, factor) {
    const reach = (factor * diameters.reduce((most, size) => Math.max(most, size), 0)) / box,
      fitting = Math.floor(Math.min(1 / (reach * (1 + 1e-9) + 2 ** -30), (2 * n) ** (1 / dim) + 1)),
      cells = fitting >= 3 ? fitting : 1;
    if (!(reach <= 0.5)) throw new RangeError("pairs are looked for up to half the box");
    for (let room = 16 * n; ; ) {
      const found = atDesk(() => {
        const [places, sizes, chains, ends, apart] = [8 * n * dim, 8 * n, 4 * (cells ** dim + n), 8 * room, 8 * room].map(
          (bytes) => desk.reserve(bytes),
        );
        desk.view("i64", places, n * dim).set(fixed);
        desk.view("f64", sizes, n).set(diameters);
        const given = [BigInt(n), box, factor, BigInt(cells), ...[places, sizes, chains, ends, apart, room].map(BigInt)];
        desk.call(`near_pairs_${dim}`, ...Array(dim).fill(0n), ...given);
        const count = Number(desk.view("i64", desk.answer, 1)[0]);
        if (count > room) return count;
        const both = desk.view("u32", ends, 2 * count),
          [i, j] = [0, 1].map((end) => Uint32Array.from({ length: count }, (_, p) => both[2 * p + end]));
        return { i, j, r: desk.view("f64", apart, count).slice() };
      });
      if (typeof found === "object") return found;
      room = found;
    }
  }

  // ---------------------------------------------------------------------------------------------- digests and noise

  /** BLAKE2b of bytes that lie in a memory, as hexadecimal. */
  function hashed(memory, address, length, size) {
    memory.call("blake2b", ...[address, length, size, memory.work].map(BigInt));
    return [...memory.view("u8", memory.work, size)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** BLAKE2b of some bytes. */
  function blake2b(bytes, size) {
    return atDesk(() => {
      const address = desk.reserve(bytes.length);
      desk.view("u8", address, bytes.length).set(bytes);
      return hashed(desk, address, bytes.length, size);
    });
  }

  /**
   * The library's digest of coordinates at an address, in front of which there is room for 128 bytes, and of `turns`,
   * unless they are null, for which there is room behind them.
   */
  function digestOf(memory, address, n, dim, turns) {
    const said = (words) => new TextEncoder().encode(words),
      head = said(`mpack stream ${KNOWN.stream} format ${KNOWN.format} n ${n} d ${dim}\n`);
    const parts = [head, null];
    if (turns) parts.push(said("orientations\n"), new Uint8Array(turns.buffer, turns.byteOffset, turns.byteLength));
    let at = address - head.length;
    for (const part of parts) {
      if (part) memory.view("u8", at, part.length).set(part);
      at += part?.length ?? 8 * n * dim;
    }
    return hashed(memory, address - head.length, at - address + head.length, 16);
  }

  /** The digest of a packing. */
  function digest({ n, dim, fixed, turns = null }) {
    return atDesk(() => {
      const address = desk.reserve(128 + 8 * n * dim + (turns ? 16 + 32 * n : 0)) + 128;
      desk.view("i64", address, n * dim).set(fixed);
      return digestOf(desk, address, n, dim, turns);
    });
  }

  /**
   * The library's noise: numbers of (seed, purpose, step, a[m], b[m]). `sort`: "words" (two of 64 bits each, BigInts),
   * "uniforms", "gaussians" or "gaussian_pairs" (two each); `purpose`: a name, see mpack/_kernels/noise.py.
   */
  function draw(sort, { seed, purpose, step = 0, a, b = a.map(() => 0) }) {
    const count = a.length,
      wide = sort === "words" || sort === "gaussian_pairs" ? 2 : 1;
    return atDesk(() => {
      const [first, second, out] = [1, 1, wide].map((each) => desk.reserve(8 * each * count));
      desk.view("u64", first, count).set(a.map(BigInt));
      desk.view("u64", second, count).set(b.map(BigInt));
      const of = [KNOWN.sorts[sort], seed, KNOWN.purposes[purpose], step, count, first, second, out];
      desk.call("draw", ...of.map(BigInt));
      return desk.view(sort === "words" ? "u64" : "f64", out, wide * count).slice();
    });
  }

  return { random, lattice, packing, recipe, Engine, pairs, draw, blake2b, digest };
}
