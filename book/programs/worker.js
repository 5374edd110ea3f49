// Python for a page, in a worker of its own: Pyodide, and the programs that a reader runs. It takes { from, files,
// packages, watched } once, then { program, numpy }, and posts { ready }, { lines }, { done }, or { failed }.
//
// Every file is held against its SHA-256 (`files`), also those from the reader's own copy of the book.
let python, space;

const MOST = 2000, // lines of output
  PAUSE = 60; // milliseconds between two messages
let lines = [],
  count = 0,
  sent = 0;

function write(line) {
  if (++count > MOST) return;
  lines.push(line);
  if (performance.now() - sent > PAUSE) flush();
}

function flush() {
  if (count > MOST) lines.push(`(${count - MOST} more lines are not shown)`);
  if (lines.length) postMessage({ lines });
  lines = [];
  sent = performance.now();
}

async function started({ from, files, packages, watched }) {
  const plain = globalThis.fetch;
  globalThis.fetch = (what, options = {}) => {
    const known = files[String(what.url ?? what).replace(from, "")];
    return plain(what, known ? { ...options, integrity: known.integrity } : options);
  };
  const module = async (name) => {
    const reply = await fetch(from + name);
    if (!reply.ok) throw new Error(`${name}: ${reply.status}`);
    const text = new Blob([await reply.text()], { type: "text/javascript" });
    return import(URL.createObjectURL(text));
  };
  const [{ loadPyodide }, { default: createPyodideModule }] = await Promise.all(
    ["pyodide.mjs", "pyodide.asm.mjs"].map(module),
  );
  const made = await loadPyodide({ indexURL: from, packageBaseUrl: packages, createPyodideModule });
  made.setStdout({ batched: write });
  made.setStderr({ batched: write });
  space = made.toPy({});
  made.runPython(watched, { globals: space });
  return made;
}

async function answer({ program, numpy, ...place }) {
  if (!python) {
    python = await started(place);
    postMessage({ ready: true });
  }
  if (program === undefined) return;
  if (numpy) {
    let problem = "";
    const quiet = { messageCallback() {}, errorCallback: (text) => (problem = text) };
    await python.loadPackage("numpy", quiet).catch((error) => (problem = error.message));
    if (!python.loadedPackages.numpy) throw new Error(`NumPy could not be had. ${problem}`);
  }
  [lines, count] = [[], 0];
  const told = JSON.parse(space.get("run")(program));
  flush();
  postMessage({ done: told });
}

onmessage = ({ data }) => answer(data).catch((error) => postMessage({ failed: error.message }));
