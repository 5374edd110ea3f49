"""The kernels of the pages: WebAssembly in node and in Chromium, and the JavaScript that was written by hand before."""

import json
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

from benchmarks.contenders import OfStretch
from book._tools.browser import NAMES, started
from book._tools.places import ROOT
from mpack.widgets import _same, _sources

TURN = """
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
let engine = null;

/** The twin with the face of an engine. */
function twinOf(start, rule, seed) {
  const places = Array.from({ length: start.n }, () => [0, 0]),
    discs = new twin.Discs({ positions: places, box: start.box, seed }),
    halves = new Int32Array(start.fixed.buffer),
    recipe = twin.recipe(rule);
  for (let i = 0; i < start.n; i++)
    [discs.xl[i], discs.xh[i], discs.yl[i], discs.yh[i]] = halves.subarray(4 * i, 4 * i + 4);
  discs.listed = false;
  discs.look();
  return {
    get step() { return discs.step; },
    advance(until) { while (discs.step < until && discs.advance(recipe)); },
    digest: () => discs.digest(),
  };
}

function ready({ twin, start, rule, seed, warm }) {
  const fixed = new BigInt64Array(bytes(start.fixed)), diameters = new Float64Array(bytes(start.diameters)),
    made = { ...start, fixed, diameters }, spent = engine?.memory ? engine : null;
  engine = twin ? twinOf(made, rule, seed) : new kernel.Engine(made, kernel.recipe(rule), seed, spent);
  engine.advance(warm);
}

/** Seconds of the clock. */
function go({ warm, steps }) {
  const began = performance.now();
  engine.advance(warm + steps);
  return (performance.now() - began) / 1e3;
}
"""
NODE = """
const { createInterface } = await import("node:readline");
for await (const line of createInterface({ input: process.stdin })) {
  const told = JSON.parse(line);
  ready(told);
  const before = process.cpuUsage(), seconds = go(told), { user, system } = process.cpuUsage(before);
  const found = { seconds, cpu: (user + system) / 1e6, done: engine.step - told.warm, digest: engine.digest() };
  console.log(JSON.stringify(found));
}
"""
PAGE = """<!doctype html><meta charset=utf8><script type=module>{script}
globalThis.kernels = {{ ready, go, end: ({{ warm }}) => ({{ done: engine.step - warm, digest: engine.digest() }}) }};
</script>"""


def script():
    """A module that has `engine`, `ready` and `go`."""
    files = [_sources.FOLDER / name for name in (*_sources.HOST, "_kernel.js", "_exact.js")]
    parts = [path.read_text(encoding="utf8") for path in (*files, ROOT / "tests" / "twin.js")]
    known = f"const kernel = await mpackKernel({json.dumps(_sources.kernel())});"
    return "\n".join([*parts, known, TURN])


def in_node(stack):
    """ask(told): a turn in node."""
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    path = Path(folder, "turns.mjs")
    path.write_text(script() + NODE, encoding="utf8")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    node = stack.enter_context(subprocess.Popen(["node", str(path)], **pipes))
    stack.callback(node.stdin.close)

    def ask(told):
        node.stdin.write(json.dumps(told) + "\n")
        node.stdin.flush()
        return json.loads(node.stdout.readline())

    return ask


def in_chromium(stack):
    """ask(told): a turn in a page without a server."""
    browser = stack.enter_context(started())
    path = Path(stack.enter_context(tempfile.TemporaryDirectory()), "page.html")
    path.write_text(PAGE.format(script=script()), encoding="utf8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_function("() => globalThis.kernels")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def processor():
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(one["value"] for one in metrics if one["name"] == "TaskDuration")

    def ask(told):
        def call(name):
            return page.evaluate(f"told => kernels.{name}(told)", told)

        call("ready")
        before = processor()
        seconds = call("go")
        cpu = processor() - before
        return call("end") | {"seconds": seconds, "cpu": min(cpu, seconds)}

    return ask


class Host:
    """A place where turns are done, opened when it is first asked."""

    def __init__(self, opened):
        self.opened, self.stack, self._ask = opened, ExitStack(), None

    def ask(self, told):
        self._ask = self._ask or self.opened(self.stack)
        return self._ask(told)

    def close(self):
        self.stack.close()
        self._ask = None


def hosts():
    """{where: host} of what this machine has."""
    found = {"node": Host(in_node)} if shutil.which("node") else {}
    if find_spec("playwright") and any(map(shutil.which, NAMES)):
        found["Chromium"] = Host(in_chromium)
    return found


class Hosted(OfStretch):
    """The steps of a stretch in one of the hosts: by the kernels, or by the twin."""

    def __init__(self, stretch, host, twin=False):
        super().__init__(stretch)
        self.host, self.twin = host, twin
        self.code = "JavaScript" if twin else "WebAssembly"

    def prepare(self):
        """Look whether the bits are those of the public door."""
        base = self.stretch.base
        self.told = {
            "twin": self.twin,
            "start": _same.packing_of(base.final),
            "rule": {"batch_size": 0} | _same.rule_of(base.dynamics),
            "seed": base.seed,
            "warm": self.stretch.warm,
            "steps": self.stretch.steps,
        }
        if self.host.ask(self.told)["digest"] != self.stretch.digest:
            self.flags.append("other bits than the public door")

    def turn(self):
        found = self.host.ask(self.told)
        return self._turn(found["done"], found["seconds"], found["cpu"])

    def close(self):
        """End the host."""
        self.host.close()
