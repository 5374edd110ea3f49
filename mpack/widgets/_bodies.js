// Ellipsoids and ellipses for `_kernel.js`, of which this is a part: what mpack/_body_engine.py makes of a start, to the
// same bits. Kinds and lengths of all arrays are those that the records in mpack/_kernels/bodies.py state (KNOWN.rooms).
function mpackBodies(KNOWN, { Run, Group, told, enlarged, shapesOf }) {
  const SKIN = 0.4, // mean diameters; tuned while running
    ROW = 32, // neighbours of a body, and
    CELL = 16, // bodies in a cell, that there is room for at first
    LOOKED = ["schedule", "record", "scheduled", "next"]; // what a look at the present step sets aside

  const largest = (values) => values.reduce((most, value) => Math.max(most, value));

  /** A number for each body, of its three semi-axes. */
  const of = (semi, pick) => Float64Array.from({ length: semi.length / 3 }, (_, i) => pick(...semi.subarray(3 * i, 3 * i + 3)));

  /** New arrays of a record, zero; of `names`, if given: those whose length depends on one of these. */
  function furnish(group, name, sizes, names = null) {
    for (const [array, [kind, factors]] of Object.entries(KNOWN.rooms[name])) {
      if (names && !factors.some((factor) => names.includes(factor))) continue;
      const length = factors.reduce((whole, factor) => whole * (typeof factor === "number" ? factor : sizes[factor]), 1);
      if (!Number.isInteger(length)) throw new Error(`the length of ${array} is not known: ${factors.join(" * ")}`);
      group.array(array, kind, length);
    }
  }

  /** A run of bodies that turn; see `Engine`. */
  return class Bodies extends Run {
    constructor(start, made, ...given) {
      super(start, made, ...given);
      if (made.potential.reach !== 1 || made.potential.steepest === Infinity)
        throw new RangeError("the potential of particles that are no spheres must end at contact, and its force be bounded");
      this.semi = start.semi;
      this.space = this.makeSpace(start, made);
      this.near = this.makeNear();
      this.shared.set("skin", SKIN);
      this.groups = [this.space, this.near, this.rule, this.shared, this.chunk];
      this.turned = this.memory.reserve(32 * this.n);
      this.present = this.memory.reserve(8);
    }

    makeSpace({ fixed, semi, radii, turns }, made) {
      const { n, dim } = this,
        bounds = of(semi, Math.max),
        swings = of(semi, (...row) => Math.max(...row) - Math.min(...row)),
        over = made.rotation === null ? 0 : 1 / (made.rotation * made.rotation);
      const space = new Group(this.memory, "bodies", { n, over, top: largest(bounds) });
      space.set("spin_unit", this.spinUnit(made, semi, radii, bounds, swings));
      furnish(space, "bodies", { n, dim });
      for (const [name, values] of Object.entries({ fixed, origin: fixed, turns, semi, radii, bounds, swings }))
        space.view(name).set(values);
      space.view("shapes").set(shapesOf(semi, turns));
      space.view("label").set(Uint32Array.from({ length: n }, (_, i) => i));
      return space;
    }

    /** What torques are counted in: see `_spin_unit` of mpack/_body_engine.py. */
    spinUnit({ pair }, semi, radii, bounds, swings) {
      const kicked = KNOWN.draws[pair] >= KNOWN.draws.kick,
        weight = largest(radii) / semi.reduce((least, a) => Math.min(least, a)),
        lever = largest(kicked ? bounds : swings);
      return this.rule.get("strongest") * this.box * (kicked ? 1 : weight) * lever * 2 ** -48;
    }

    makeNear() {
      const { n, dim } = this,
        most = Math.max(Math.floor((2 * n) ** (1 / dim)), 1) + 1;
      const near = new Group(this.memory, "near", { most });
      this.rooms = { n, dim, cells: most ** dim };
      this.makeRooms(near, { row: Math.min(ROW, n), cell_room: Math.min(CELL, n), found_room: 3 * n + 64 });
      furnish(near, "near", this.rooms);
      return near;
    }

    /** Note how much room there is for the neighbours of a body, for bodies in a cell, and for contacts. */
    makeRooms(near, rooms) {
      Object.assign(this.rooms, rooms);
      for (const [name, room] of Object.entries(rooms)) near.set(name, room);
      near.set("doors_apart", this.rooms.cells * this.rooms.cell_room);
    }

    grow(status) {
      if (status !== KNOWN.GROW_LIST) throw new Error(`the kernel ended with status ${status}`);
      const { row, cell_room, found_room } = this.rooms,
        rooms = { row: Math.min(2 * row, this.n), cell_room: Math.min(2 * cell_room, this.n), found_room: enlarged(found_room) };
      this.makeRooms(this.near, rooms);
      furnish(this.near, "near", this.rooms, Object.keys(rooms));
      this.shared.set("stale", 1);
    }

    /** Run to step `until`; true if the run got absorbed before. */
    advance(until) {
      return this.run("advance_bodies", until) === KNOWN.ABSORBED;
    }

    /** Active bodies, energy and sum of squared displacements now, and `flags` (1: active) by label. */
    look() {
      const { shared, memory, n, step } = this,
        kept = LOOKED.map((name) => shared.get(name));
      memory.view("i64", this.present, 1)[0] = BigInt(step);
      [this.present, this.row, 1, 0].forEach((value, k) => shared.set(LOOKED[k], value));
      this.run("advance_bodies", step);
      kept.forEach((value, k) => shared.set(LOOKED[k], value));
      const label = this.space.view("label"),
        flags = new Uint8Array(n);
      this.space.view("active").forEach((active, slot) => {
        flags[label[slot]] = active;
      });
      return { ...told(memory.view("i64", this.row, 1 + 2 * KNOWN.LIMBS)), flags };
    }

    /** How far the next step, or one of another number, will move the centre of each body, by label; it is undone. */
    kicks(step = this.step) {
      const { n, dim, box, memory, shared, near } = this,
        before = this.fixed().slice(),
        kept = { rooms: { ...this.rooms }, arrays: [near, shared].map((group) => ({ ...group.arrays })) };
      const after = memory.aside(() => {
        shared.set("step", step);
        shared.set("scheduled", 0);
        shared.set("next", 0);
        this.run("advance_bodies", step + 1);
        return this.fixed().slice();
      });
      [near.arrays, shared.arrays] = kept.arrays;
      this.rooms = kept.rooms;
      return Float64Array.from({ length: n * dim }, (_, k) => (Number(BigInt.asIntN(64, after[k] - before[k])) / 2 ** 64) * box);
    }

    /** The coordinates by label, fractions of the box in units of 2**-64: in this engine's memory, until its next call. */
    fixed() {
      this.call("bodies_by_label", this.space.at, BigInt(this.out + 128));
      return this.memory.view("i64", this.out + 128, this.n * this.dim);
    }

    /** The orientations by label, quaternions: likewise. */
    turns() {
      this.memory.call("turns_by_label", this.space.at, BigInt(this.turned));
      return this.memory.view("f64", this.turned, 4 * this.n);
    }
  };
}
