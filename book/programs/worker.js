// Python for a page, in a worker of its own: Pyodide, and the programs that a reader runs. It takes { from, files,
// packages, watched, program, numpy }, of which the first four count once, and posts { ready }, { lines }, { done }, or
// { failed, begun }.
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

/** A file, once it is known to be the one that was pinned; of the kind that its name says, whatever the server says. */
async function fetched(address, integrity) {
  const name = address.replace(/.*\//, ""),
    type = { mjs: "text/javascript", wasm: "application/wasm" }[name.replace(/.*\./, "")] ?? "application/octet-stream";
  const reply = await fetch(address, { integrity }).catch((error) => {
    throw new Error(`${name} could not be fetched, or is not the file that it should be (${error.message}).`);
  });
  if (!reply.ok) throw new Error(`${name} could not be fetched: the answer was ${reply.status}.`);
  return new Blob([await reply.arrayBuffer()], { type });
}

async function started({ from, files, packages, watched }) {
  const have = new Map();
  await Promise.all(
    Object.entries(files).map(async ([name, integrity]) => have.set(from + name, await fetched(from + name, integrity))),
  );
  const plain = globalThis.fetch; // Pyodide asks for its files once more: here they are
  globalThis.fetch = async (what, options) => {
    const file = have.get(String(what.url ?? what));
    return file ? new Response(file, { headers: { "Content-Type": file.type } }) : plain(what, options);
  };
  const module = (name) => import(URL.createObjectURL(have.get(from + name)));
  const [{ loadPyodide }, { default: createPyodideModule }] = await Promise.all(
    ["pyodide.mjs", "pyodide.asm.mjs"].map(module),
  );
  const made = await loadPyodide({ indexURL: from, packageBaseUrl: packages, createPyodideModule });
  globalThis.fetch = plain;
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

onmessage = ({ data }) => answer(data).catch((error) => postMessage({ failed: error.message, begun: Boolean(python) }));
