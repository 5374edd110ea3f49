"""The kernels in a browser's page, from a file: every rule and random runs, bit for bit the library's.

`tests/test_wasm.py` has the same in node, and how the module is made.
"""

import pytest

from mpack.widgets import _sources
from tests import kernelcases
from tests.kernelcases import fresh  # noqa: F401


@pytest.fixture(scope="module")
def run(browser, tmp_path_factory):
    """run(told): what the host makes of a run, in a page without a server."""
    with kernelcases.page_of(browser, tmp_path_factory.mktemp("kernels")) as page:
        yield lambda told: page.evaluate("told => run(told)", told)


def test_every_rule_has_its_golden_digest(run):
    for name, kept, told in kernelcases.every_rule():
        found = run(told)
        assert (found["digest"], found["steps"]) == (kept["digest"], kept["steps"]), name


def test_random_runs_have_the_library_s_bits(run, fresh):  # noqa: F811
    for start, rule, told in kernelcases.random_cases(fresh, 24):
        assert not kernelcases.differences(start, rule, told, run(told)), (start, rule, told)


def test_every_rule_of_bodies_has_its_golden_digest(run):
    for name, kept, told in kernelcases.every_rule_of_bodies():
        assert run(told)["digest"] == kept, name


def test_random_runs_of_bodies_have_the_library_s_bits(run, fresh):  # noqa: F811
    for start, rule, told in kernelcases.random_bodies(fresh, 24):
        assert not kernelcases.differences(start, rule, told, run(told)), (start, rule, told)


def test_another_seed_has_other_bits(run):
    for more in ({}, {"axes": [1.8, 1.0]}):
        start, rule, told = kernelcases.moving_case(**more)
        assert not kernelcases.differences(start, rule, told, run(told))
        found = kernelcases.differences(start, rule, told, run({**told, "seed": "4"}))
        assert {"digest", "records"} <= set(found)


@pytest.mark.parametrize(
    "lack", ("WebAssembly.validate = () => false", "delete globalThis.DecompressionStream")
)
def test_a_browser_that_cannot_is_told_so(browser, tmp_path, lack):
    path = tmp_path / "playground.html"
    path.write_text(_sources.standalone("playground"), encoding="utf8")
    page = browser.new_page()
    page.add_init_script(lack)
    page.goto(path.as_uri())
    page.wait_for_selector("[data-error]")
    told = page.locator(".mpack-widget").inner_text()
    assert "could not start: this browser has no WebAssembly" in told and "newer" in told
    page.close()
