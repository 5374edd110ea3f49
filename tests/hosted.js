// One run by `_kernel.js`, as `tests/kernelcases.py` describes it, and what came of it. Evaluates to a function.
(kernel, { start, rule, seed, steps, times, looks }) => {
  const made = start.name ? kernel.lattice(start) : start.positions ? kernel.packing(start) : kernel.random(start);
  const engine = new kernel.Engine(made, kernel.recipe(rule), BigInt(seed)),
    told = { box: made.box, start: kernel.digest(made), looks: [] };
  engine.schedule(times);
  for (const until of [...looks, steps]) {
    told.absorbed = engine.advance(until);
    const { flags, ...seen } = engine.look(); // between two calls, and of no consequence to what follows
    const kicks = engine.kicks();
    told.looks.push({ ...seen, flags: [...flags], kicks: [...kicks], step: engine.step });
    if (told.absorbed) break;
  }
  const records = engine.records();
  return { ...told, records, digest: engine.digest(), steps: engine.step, clipped: engine.clipped };
};
