"""Firefox: the kernels of the pages have the library's bits there too, and every figure comes alive."""

import contextlib
import io

import pytest
from bookpages import HTML

import mpack
from book._tools import bidi, program
from mpack.widgets import _sources
from tests import kernelcases
from tests.browser.test_kernel import (
    test_another_seed_has_other_bits,  # noqa: F401
    test_every_rule_has_its_golden_digest,  # noqa: F401
    test_every_rule_of_bodies_has_its_golden_digest,  # noqa: F401
    test_random_runs_have_the_library_s_bits,  # noqa: F401
)
from tests.kernelcases import fresh  # noqa: F401

FIGURES = _sources.names()
FIGURE = "document.querySelector('.mpk')?.mpackFigure"


@pytest.fixture
def page(firefox):
    page = firefox.new_page()
    yield page
    page.close()


@pytest.fixture(scope="module")
def run(firefox, tmp_path_factory):
    """As in `test_kernel.py`, whose tests take it here."""
    with kernelcases.page_of(firefox, tmp_path_factory.mktemp("kernels")) as page:
        yield lambda told: page.evaluate("told => run(told)", told)


def printed(program):
    """What lines of Python print."""
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        exec(program, {"mpack": mpack})
    return told.getvalue()


def opened(page, tmp_path, name, state):
    """A figure from a file of its own, once it stands and has reached its step."""
    path = tmp_path / f"{name}.html"
    path.write_text(_sources.standalone(name, state), encoding="utf8")
    page.goto(path.as_uri())
    page.wait_for_function(
        f"() => Boolean({FIGURE} && ({FIGURE}.failed || !{FIGURE}.figure.busy?.()))"
    )
    return page.evaluate(f"() => {FIGURE}.report()")


def states(name):
    """The figure as it comes, the playground also with spheres and ellipsoids; spheres where they still move."""
    if name == "spheres":
        return [{"packing": "late"}, {"packing": "own", "aspect": 2, "shape": "oblate"}]
    cube = {"dim": "3", "n": 300, "phi": 0.6}
    return [{}, cube, {**cube, "aspect": 1.5}] if name == "playground" else [{}]


@pytest.mark.parametrize(
    "name, state", [(name, state) for name in FIGURES for state in states(name)]
)
def test_a_figure_comes_alive_and_computes_what_the_library_does(page, tmp_path, name, state):
    report = opened(page, tmp_path, name, state)
    assert report["error"] is None and not report["complaints"]
    if "running" in _sources.schema(name)["state"]:
        before = report["numbers"].get("step")
        page.evaluate("() => [...document.querySelectorAll('.mpk button')]"
                      ".find(button => button.textContent.trim() === 'One step').click()")  # fmt: skip
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        if before is not None:  # on a busy machine it may take more than a frame
            page.wait_for_function(
                f"() => {FIGURE}.failed || {FIGURE}.report().numbers.step !== {before}"
            )
        report = page.evaluate(f"() => {FIGURE}.report()")
        assert report["error"] is None
        assert before is None or report["numbers"]["step"] == before + 1
    own = report["numbers"].get("digest")
    if own is not None:
        assert own in printed(page.evaluate(f"() => {FIGURE}.figure.python()"))
    colours = page.evaluate(
        f"""() => {FIGURE}.canvases.filter(({{ holder }}) => !holder.hidden).map(({{ node }}) => {{
            const seen = new OffscreenCanvas(node.width, node.height).getContext('2d');
            seen.drawImage(node, 0, 0);
            const data = seen.getImageData(0, 0, node.width, node.height).data;
            return new Set(new Uint32Array(data.buffer)).size; }})"""
    )
    assert colours and min(colours) > 5
    assert page.errors == [] and page.hosts <= {""}


def test_the_classroom_comes_alive_over_http(page, address):
    page.goto(f"{address}/book/playground.html")
    page.wait_for_function("() => !document.querySelector('.mpack-widget:not([data-live])')")
    live = page.evaluate("() => document.querySelectorAll('.mpack-widget[data-live]').length")
    assert live >= 1 and page.errors == []
    assert page.hosts == {address.removeprefix("http://")}


@pytest.mark.skipif(
    not (HTML / "_static" / program.FOLDER / "pyodide").exists(),
    reason="no Pyodide in the built book: run `make pyodide` once",
)
def test_the_model_in_twenty_lines_runs(page, address):
    page.goto(f"{address}/book/twenty_lines.html")
    run = (
        "[...document.querySelectorAll('.mpack-bar button')].find(one => one.textContent === 'Run')"
    )
    page.wait_for_function(f"() => Boolean({run} && !{run}.disabled)")
    page.evaluate(f"() => {run}.click()")
    page.wait_for_function("() => /Done|could/.test(document.querySelector('.mpack-status').textContent)",
                           timeout=90_000)  # fmt: skip
    assert page.evaluate("() => document.querySelector('.mpack-equal td')?.textContent") == "equal"
    assert page.errors == [] and page.hosts == {address.removeprefix("http://")}


def test_what_goes_wrong_in_a_page_is_noticed(page, tmp_path):
    """A negative control: of the errors, the hosts, and the answers of what drives Firefox."""
    path = tmp_path / "page.html"
    path.write_text("<script>console.error('a'); fetch('http://elsewhere.example/')"
                    ".catch(() => { globalThis.refused = true; }); setTimeout(() => nobody())</script>")  # fmt: skip
    page.goto(path.as_uri())
    page.wait_for_function("() => Boolean(globalThis.refused)")
    assert "a" in page.errors
    assert any("nobody is not defined" in text for text in page.errors)
    assert "elsewhere.example" in page.hosts
    with pytest.raises(bidi.Failed, match="nothing is not defined"):
        page.evaluate("() => nothing")
    with pytest.raises(bidi.Failed, match="not true within 100 ms"):
        page.wait_for_function("() => false", timeout=100)
    assert page.evaluate("x => [x, undefined]", {"a": [1.5, None]}) == [{"a": [1.5, None]}, None]
