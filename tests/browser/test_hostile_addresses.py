"""Nobody's code runs: not what an address says, not what a visitor types. book/hostile.yaml counts the ways.

Whatever would run sets `hacked` in its window. Addresses are tried in pages that are open, as a link
would change them, some thousand in all; and the worst when a page opens.
"""

from urllib.parse import quote

import numpy as np
import pytest
import yaml

from book._tools import places
from mpack.widgets import _sources
from tests.browser.test_pages import Visit
from tests.browser.test_widgets import FIGURES, PAGES, Figure, pages  # noqa: F401

CODE = "globalThis.hacked=1"
RANDOM = 100  # fragments a page
PAYLOADS = (
    f"<script>{CODE}</script>",
    f"<img src=x onerror={CODE}>",
    f"<svg onload={CODE}>",
    f"\"><img src=x onerror='{CODE}'>",
    f"'-({CODE})-'",
    f"javascript:{CODE}",
    f"</script><script>{CODE}</script>",
    f"${{{CODE}}}",
    f"{{{{constructor.constructor('{CODE}')()}}}}",
    f"');{CODE};//",
    f"<a href='javascript:{CODE}' autofocus onfocus={CODE}>",
    f"<iframe srcdoc='<script>parent.{CODE}</script>'>",
    f"data:text/html,<script>{CODE}</script>",
    f"__proto__[x]={CODE}",
    f"\\x3cscript\\x3e{CODE}",
)
WAYS = yaml.safe_load((places.ROOT / "book/hostile.yaml").read_text(encoding="utf8"))
CLEAN = "globalThis.hacked === undefined && ({}).x === undefined"
FRAGMENTS = [
    *"%?&=#aZ09é/ <>\"'",
    "%E0",
    "%zz",
    "%00",
    "playground",
    "collapse",
    "v=1&",
    "phi=",
    "__proto__",
]
ASK = """async texts => { for (const text of texts) {
    history.replaceState(null, "", text);
    dispatchEvent(new HashChangeEvent("hashchange"));
    await new Promise(done => setTimeout(done)); } }"""
OTHERS = {  # pages that look at their addresses without being figures
    "notebooks/packing_by_descent.html": ("#{}", "?x={}#{}"),
    "book/claims.html": ("?verdict={}&chapter={}", "#{}", "?{}={}"),
    "search.html": ("?q={}&highlight={}",),
    "book/playground.html": ("#playground?{}={}", "?{}", "#{}"),
    "book/twenty_lines.html": ("?program={}&text={}#{}",),
    "genindex.html": ("?highlight={}#{}",),
}


MESSAGES = (  # to a figure's page, from the page around it
    *PAYLOADS,
    *({"mpackHeight": one} for one in (1, 1e9, PAYLOADS[1])),
    {"ready": True},
    {"ready": False},
    {"order": PAYLOADS[0], "program": CODE},
    {"method": "update", "state": {"phi": 0.9, "running": True}},
    {"method": "custom", "content": {"code": CODE}},
    {"type": "change:*", "state": PAYLOADS[1], "_esm": f"export default {CODE}"},
    [CODE],
    None,
)
HEIGHTS = (  # in JavaScript, to the page around a figure, from its frame: no number, or out of bounds
    *(
        "-1",
        "0",
        "99",
        "6001",
        "1e9",
        "NaN",
        "Infinity",
        "null",
        "undefined",
        "true",
        "{}",
        "[500]",
    ),
    *("'500'", "'500px'", "new Date(500)", "500n", *(repr(payload) for payload in PAYLOADS)),
)


def filled(pattern, text):
    return pattern.replace("{}", quote(text, safe=""))


def addresses(name):
    """Of one figure: each payload as the value of every control, as a control, and as the figure."""
    keys = list(_sources.schema(name)["state"])
    for payload in PAYLOADS:
        text = quote(payload, safe="")
        yield f"#{name}?" + "&".join(f"{key}={text}" for key in keys)
        yield f"#{name}?v={text}&{text}={text}"
        yield f"#{text}?{keys[0]}={text}"
        yield f"#{name}?{payload}"  # as somebody may have typed it


def random_fragments(seed, count):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield "#" + "".join(rng.choice(FRAGMENTS, rng.integers(1, 12)))


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_runs_nothing_that_an_address_brings(browser, pages, name, seed):  # noqa: F811
    first, *more = addresses(name)
    with Figure(browser, pages, name, first.partition("?")[2]) as figure:
        figure.page.evaluate(ASK, [*more, *random_fragments(seed, RANDOM)])
        figure.page.evaluate(ASK, [f"#{name}?v=1"])
        figure.settle()
        figure.whole()
        assert figure.page.evaluate(CLEAN)
        typed = figure.page.locator(".mpk input[type=text], .mpk input[type=search], .mpk textarea")
        for field in typed.all():
            if field.is_editable() and field.is_visible():
                for payload in PAYLOADS[:4]:
                    field.fill(payload)
                    field.press("Enter")
        assert figure.page.evaluate(CLEAN) and not figure.visit.errors, figure.visit.errors


def opened(page):
    """Addresses to open a page at: a picture that is none, and would run code; and one that is no encoding."""
    worst = filled(OTHERS[page][0], PAYLOADS[1])
    return [worst, "#100%"] if "playground" in page else [worst]


def asked(page, seed):
    """Addresses for a page that is open: each payload in each form, encoded and not, and random ones."""
    texts = [filled(pattern, one) for one in PAYLOADS for pattern in OTHERS[page]]
    texts += [pattern.replace("{}", one) for one in PAYLOADS for pattern in OTHERS[page]]
    return [*texts, *random_fragments(seed, RANDOM)]


@pytest.mark.parametrize("page", OTHERS)
def test_a_page_runs_nothing_that_an_address_brings(browser, address, page, seed):
    """When it opens, and while it is open: fragments that are code, or nothing that anybody could decode."""
    for first in opened(page):
        with Visit(browser, f"{address}/{page}{first}") as visit:
            if first == opened(page)[0]:
                visit.page.evaluate(ASK, asked(page, seed))
            visit.page.wait_for_timeout(200)
            assert visit.page.evaluate(CLEAN), first
            assert not visit.errors, (first, visit.errors)


def test_what_is_typed_into_the_pages_is_no_code(browser, address):
    with Visit(browser, f"{address}/book/claims.html") as visit:
        words = visit.page.locator("form.mpack-filter [name=words]")
        for payload in PAYLOADS:
            words.fill(payload)
        assert visit.page.evaluate(CLEAN) and not visit.errors
    for payload in PAYLOADS[:1]:
        with Visit(browser, f"{address}/search.html?q={quote(payload, safe='')}") as visit:
            visit.page.wait_for_timeout(300)
            assert visit.page.evaluate(CLEAN) and not visit.errors, visit.errors


def framed(visit, code):
    """The page around a figure, in the place of a page of the book, and its frame, which has come to its step."""
    page = visit.page
    page.evaluate("document.body.innerHTML = ''")
    page.evaluate(
        "code => document.body.append(document.createRange().createContextualFragment(code))", code
    )
    frame = page.query_selector("iframe").content_frame()
    frame.wait_for_selector("[data-live]")
    frame.wait_for_function(
        "() => { const shown = document.querySelector('.mpk')?.mpackFigure;"
        "return shown?.frames && !shown.figure.busy?.(); }"
    )
    return page, frame


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_hears_no_message(browser, address, name):
    """The page around it can show it, and nothing else: its state and its numbers stay."""
    read = "() => { const { frames, ...rest } = document.querySelector('.mpk').mpackFigure.report(); return rest; }"
    with Visit(browser, f"{address}/genindex.html") as visit:
        code = f"<iframe src='{address}/{PAGES}/{name}.html' width=900 height=900></iframe>"
        page, frame = framed(visit, code)
        before = frame.evaluate(read)
        frame.evaluate(
            "() => { globalThis.heard = 0; addEventListener('message', () => heard++); }"
        )
        page.evaluate(
            "messages => { for (const one of messages) frames[0].postMessage(one, '*'); }", MESSAGES
        )
        frame.wait_for_function(f"heard === {len(MESSAGES)}")
        assert frame.evaluate(read) == before and before["error"] is None
        assert frame.evaluate(CLEAN) and page.evaluate(CLEAN) and not visit.errors, visit.errors


def test_the_page_around_a_figure_takes_a_height_from_it_and_nothing_else(
    browser,
    address,
    pages,  # noqa: F811
):
    """From its own frame a number within bounds; from any other window not even that."""
    with Figure(browser, pages, "playground") as figure:
        code = figure.call("return figure.embed();")
    height = "document.querySelector('iframe.mpack-embed').height"
    sent = "({{ mpackHeight: {}, ours: 1 }}, '*')"
    with Visit(browser, f"{address}/genindex.html") as visit:
        page, frame = framed(visit, code)
        frame.wait_for_function(
            "innerHeight === Math.ceil(document.body.getBoundingClientRect().height)"
        )
        before = page.evaluate(height)
        page.evaluate(
            "() => { globalThis.heard = 0;"
            "addEventListener('message', ({ data }) => { heard += data.ours ?? 0; }); }"
        )
        for value in HEIGHTS:
            frame.evaluate("parent.postMessage" + sent.format(value))
        page.evaluate("postMessage" + sent.format(500))
        page.evaluate(
            "text => { const other = document.createElement('iframe'); other.className = 'other';"
            "other.srcdoc = text; document.body.append(other); }",
            f"<script>parent.postMessage{sent.format(500)}</script>",
        )
        page.wait_for_function(f"heard === {len(HEIGHTS) + 2}")
        assert page.evaluate(height) == before
        assert page.evaluate("document.querySelector('.other').height") == ""
        assert page.evaluate(CLEAN) and not visit.errors
        frame.evaluate("parent.postMessage" + sent.format(500))
        page.wait_for_function(f"{height} === '500'")


def test_code_that_ran_would_be_seen(browser, address):
    """Negative control: in frames that hold them as they stand, a third of these ways work."""
    with Visit(browser, f"{address}/genindex.html") as visit:
        ran = visit.page.evaluate(
            """async texts => { let ran = 0; for (const text of texts) {
            const frame = document.createElement("iframe");
            frame.srcdoc = text;
            document.body.append(frame);
            await new Promise(done => setTimeout(done, 100));
            ran += frame.contentWindow.hacked === 1; }
            return ran; }""",
            PAYLOADS,
        )
    assert ran >= len(PAYLOADS) // 3, ran


def test_the_list_counts_these_ways():
    """A number there is that of what is tried here, whatever the seed."""
    for test, count in {
        "test_a_figure_runs_nothing_that_an_address_brings": sum(
            len(list(addresses(name))) + RANDOM for name in FIGURES
        ),
        "test_a_page_runs_nothing_that_an_address_brings": sum(
            len(opened(page)) + len(asked(page, 1)) for page in OTHERS
        ),
        "test_what_is_typed_into_the_pages_is_no_code": len(PAYLOADS) + 1,
        "test_a_figure_hears_no_message": len(FIGURES) * len(MESSAGES),
        "test_the_page_around_a_figure_takes_a_height_from_it_and_nothing_else": len(HEIGHTS) + 2,
    }.items():
        (way,) = [
            one
            for one in WAYS
            if f"tests/browser/test_hostile_addresses.py::{test}" in one["tests"]
        ]
        assert way["count"] == count, (test, count)
