"""*The model in twenty lines* in a browser: Python in the page, the library's digest, and who is asked for what.

Python itself (Pyodide) is there only where `make pyodide` has fetched it; what a page without it
does is tested always.
"""

import contextlib
import io
import json
import re
from urllib.parse import urlsplit

import pytest
from bookpages import HTML, require_book

import mpack
from book._tools import program, pyodide
from tests.browser.test_pages import PHONE, WIDE, Visit, check_accessible

PAGE = "book/twenty_lines.html"
TEXT = program.text_of("twenty_lines.py").rstrip()
OWN = program.digest(program.run(TEXT)[0])
STATUS = ".mpack-status"
ENDED = (
    "() => /Done|Line|could not|Stopped/.test(document.querySelector('.mpack-status').textContent)"
)
fetched = pytest.mark.skipif(
    not pyodide.has(pyodide.KEPT, pyodide.FILES), reason="no Pyodide here: run `make pyodide` once"
)


class Bench:
    """The page of the program, with what it carries said anew: Python, or nothing."""

    def __init__(self, browser, address, carried, query="", **options):
        require_book()
        self.visit = Visit(browser, "about:blank", **options)
        self.page, self.own = self.visit.page, urlsplit(address).netloc
        folder = f"{address}/_static/{program.FOLDER}/"
        told = json.loads((HTML / "_static" / program.FOLDER / pyodide.MANIFEST).read_text())
        told["carried"] = {"numpy": False} if carried else None
        self.page.context.route(
            f"{folder}{pyodide.MANIFEST}", lambda route: route.fulfill(json=told)
        )
        if carried:
            self.provide(f"{folder}pyodide/")
        self.page.goto(f"{address}/{PAGE}{query}")
        self.page.wait_for_selector(".mpack-bar")
        self.page.wait_for_function(f"() => document.querySelector('{STATUS}').textContent"
                                    " || !document.querySelector('.mpack-consent').hidden")  # fmt: skip

    def provide(self, at, spoilt=None):
        """Give Pyodide's files at an address, one of them with a byte too many."""

        def give(route):
            name = route.request.url.removeprefix(at)
            content = (pyodide.KEPT / name).read_bytes() + (b" " if name == spoilt else b"")
            route.fulfill(body=content, headers={"Access-Control-Allow-Origin": "*"})

        self.page.context.route(re.compile(re.escape(at) + f"({'|'.join(pyodide.FILES)})$"), give)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.visit.context.close()

    def button(self, name):
        return self.page.get_by_role("button", name=name)

    def run(self, text=None):
        """Run a program; what the status says then."""
        if text is not None:
            self.page.locator("textarea").fill(text)
        self.page.get_by_role("button", name="Run", exact=True).click()
        self.page.wait_for_function(ENDED, timeout=90_000)
        return self.page.locator(STATUS).inner_text()

    def whole(self, *others):
        """Nothing on the console, and nobody asked but the book's own host and those named."""
        assert not self.visit.errors, self.visit.errors
        assert self.visit.hosts - {""} == {self.own, *others}


@pytest.fixture(scope="module")
def bench(browser, address):
    """One page, and one Python, for the programs of this module."""
    with Bench(browser, address, True) as bench:
        yield bench


def changed(*changes):
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


# ------------------------------------------------------------------------------------------------
# with Python


@fetched
def test_the_program_runs_and_has_the_kernel_s_digest(bench):
    assert "13.5 MB from this copy of the book" in bench.page.locator(STATUS).inner_text()
    assert bench.visit.hosts - {""} == {bench.own}
    assert "are equal" in bench.run()
    assert bench.page.locator(".mpack-digests td code").all_inner_texts() == [OWN, OWN]
    assert bench.page.locator(".mpack-equal").inner_text().split() == ["They", "are", "equal"]
    printed = bench.page.locator(".mpack-output").inner_text().split()
    assert printed == program.run(TEXT)[1].split()
    assert "64 discs, 28 of them overlap" in bench.page.locator("canvas").get_attribute(
        "aria-label"
    )
    assert not bench.page.locator(".mpack-made").is_visible()
    for theme in ("light", "dark"):
        bench.page.emulate_media(color_scheme=theme)
        bench.page.wait_for_function(f"document.documentElement.dataset.theme == '{theme}'")
        check_accessible(bench.page, ".mpack-program")
    # other numbers: another digest, the same for both
    text = changed(("64, 0.7, 0.1, 0.5, 1, 100", "30, 0.9, 0.3, 1, 2**64 - 1, 30"))
    wanted = program.digest(program.run(text)[0])
    assert "After 30 steps the digests are equal" in bench.run(text)
    assert bench.page.locator(".mpack-digests td code").all_inner_texts() == [wanted, wanted]
    # the lines of Python that it shows, also where floats round the box otherwise than the library
    for numbers in ("64, 0.7, 0.1, 0.5, 2, 50", "64, 0.5, 0.1, 0.5, 7, 50"):
        assert "are equal" in bench.run(changed(("64, 0.7, 0.1, 0.5, 1, 100", numbers)))
        lines = bench.page.locator(".mpack-digests pre").text_content()
        assert ("from_fixed" in lines) == (numbers[4:7] == "0.5")
        with contextlib.redirect_stdout(io.StringIO()) as told:
            exec(lines, {"mpack": mpack})
        assert (
            told.getvalue().strip()
            == bench.page.locator(".mpack-digests td code").nth(1).inner_text()
        )
    # another rule
    assert "differ" in bench.run(changed(("r < 1:", "r < 1.01:")))
    mine, kernel = bench.page.locator(".mpack-digests td code").all_inner_texts()
    assert kernel == OWN != mine
    bench.whole()


@fetched
def test_what_goes_wrong_in_a_program_is_said(bench):
    said = bench.run(changed(("push[j][axis] -= kick", "push[j][axes] -= kick")))
    assert said == "Line 33: NameError: name 'axes' is not defined. Did you mean: 'axis'?"
    assert bench.page.locator(".mpack-wrong").inner_text().strip() == "33"
    assert bench.page.locator(".mpack-digests").is_hidden()
    assert "Line 2: SyntaxError" in bench.run("x = 1\ny = (")
    assert "no x" in bench.run("print('<b>hello</b>')")
    assert bench.page.locator(".mpack-output").inner_text() == "<b>hello</b>\n"
    said = bench.run("n, x = 1, [[0, 0]]")
    assert "Nothing to compare it with: the program has no number called steps" in said
    said = bench.run("for k in range(5000): print(k)")
    lines = bench.page.locator(".mpack-output").inner_text().split("\n")
    assert lines[1999] == "1999" and lines[2000] == "(3000 more lines are not shown)"
    bench.whole()


@fetched
def test_a_program_without_end_is_stopped_and_another_one_runs(bench):
    bench.page.locator("textarea").fill("print('on its way', flush=True)\nwhile True: pass")
    bench.page.keyboard.press("Control+Enter")
    bench.page.wait_for_function("() => document.querySelector('.mpack-status').textContent === 'Running …'",
                                 timeout=60_000)  # fmt: skip
    bench.page.wait_for_function(
        "() => document.querySelector('.mpack-output').textContent === 'on its way\\n'"
    )
    bench.button("Stop").click()
    assert bench.page.locator(STATUS).inner_text() == "Stopped."
    bench.button("As it was").click()
    assert bench.page.locator("textarea").input_value() == TEXT
    assert "are equal" in bench.run()


@fetched
def test_numpy_is_asked_for_by_name_and_weight_and_by_nobody_else(bench):
    bench.page.locator("textarea").fill("import numpy as np")
    bench.page.get_by_role("button", name="Run", exact=True).click()
    bench.whole()
    assert bench.button(f"Fetch NumPy from {pyodide.HOST} (3.0 MB)").is_visible()
    bench.button("Fetch NumPy").click()  # where no other host can be reached
    bench.page.wait_for_function(
        "() => /could not be had/.test(document.querySelector('.mpack-status').textContent)"
    )
    assert bench.visit.hosts - {""} == {bench.own, pyodide.HOST}


@fetched
@pytest.mark.parametrize("spoilt", (None, "pyodide.mjs", "python_stdlib.zip"))
def test_from_another_host_only_what_was_pinned(browser, address, spoilt):
    with Bench(browser, address, False) as bench:
        bench.provide(pyodide.CORE_AT, spoilt)
        bench.button("Fetch Python").click()
        said = bench.run()
        if spoilt is None:
            assert "are equal" in said
            bench.whole(pyodide.HOST)
        else:
            assert f"could not be started from {pyodide.HOST}" in said


# ------------------------------------------------------------------------------------------------
# without


def test_without_python_in_the_book_the_reader_is_asked_first(browser, address):
    with Bench(browser, address, False, size=PHONE) as bench:
        ask = bench.button(f"Fetch Python from {pyodide.HOST} (13.5 MB)")
        assert (
            ask.is_visible()
            and bench.page.get_by_role("button", name="Run", exact=True).is_disabled()
        )
        assert OWN in bench.page.locator(".mpack-made").inner_text()
        check_accessible(bench.page, ".mpack-program")
        bench.page.locator("textarea").focus()
        bench.page.keyboard.press("Control+Enter")  # not by this way either
        bench.page.wait_for_timeout(300)
        bench.whole()
        ask.click()
        said = bench.run()  # where no other host can be reached
        assert f"Python could not be started from {pyodide.HOST}" in said
        assert bench.visit.hosts - {""} == {bench.own, pyodide.HOST}


def test_the_editor_is_left_by_tab_and_marks_its_lines(browser, address):
    with Bench(browser, address, False, size=WIDE) as bench:
        editor = bench.page.locator("textarea")
        assert editor.input_value() == TEXT
        editor.focus()
        bench.page.keyboard.press("Tab")
        assert bench.page.evaluate("document.activeElement.tagName") != "TEXTAREA"
        editor.fill("a\nb\nc")
        assert bench.page.locator(".mpack-lines").inner_text().split() == ["1", "2", "3"]
        bench.page.locator(".mpack-bar select").select_option("With NumPy")
        assert editor.input_value() == program.text_of("twenty_lines_numpy.py").rstrip()


def test_nothing_of_an_address_gets_into_the_editor(browser, address):
    query = (
        "?program=evil()&text=evil()#twenty-lines?program=evil()&data-programs=evil()&text=evil()"
    )
    with Bench(browser, address, False, query) as bench:
        assert bench.page.locator("textarea").input_value() == TEXT
        assert "evil" not in bench.page.locator(".mpack-program").inner_text()


def test_from_a_file_it_is_as_it_was_made(browser):
    require_book()
    with Visit(browser, (HTML / PAGE).as_uri()) as visit:
        visit.page.wait_for_selector(STATUS)
        assert "make serve" in visit.page.locator(STATUS).inner_text()
        assert visit.page.locator("textarea").count() == 0
        assert visit.page.locator(".mpack-program .highlight").first.is_visible()
        assert OWN in visit.page.locator(".mpack-made").inner_text()
        assert not visit.errors and visit.hosts <= {""}


def test_without_scripts_it_is_as_it_was_made(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/{PAGE}")
    assert "def noise" in page.locator(".mpack-program").inner_text()
    assert OWN in page.locator(".mpack-made").inner_text()
    context.close()


def test_no_other_page_carries_any_of_it():
    require_book()
    loading = [path.relative_to(HTML).as_posix() for path in HTML.rglob("*.html")
               if re.search(r"mpack-program/|program\.css", path.read_text(encoding="utf8"))]  # fmt: skip
    assert loading == [PAGE]
    scripts = HTML / "_static" / program.FOLDER
    own = sum(path.stat().st_size for path in scripts.iterdir() if path.is_file())
    assert own < 30_000
    kept = scripts / "pyodide"
    assert not kept.exists() or sum(path.stat().st_size for path in kept.iterdir()) < 20e6
