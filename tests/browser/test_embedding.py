"""A figure in somebody else's page: as its embed code puts it there, with the script and where it is stripped.

The book is at one host here and the page around the figure at another, both made up.
"""

import contextlib
import mimetypes
import re

import pytest
from bookpages import HTML, ROOT, require_book

from mpack.widgets import _sources
from tests.browser.test_widgets import FIGURES, PAGES, Figure, pages  # noqa: F401

BOOK, COURSE = "http://book.example", "http://course.example"
COLUMNS = (1200, 640, 590, 390)
SHOWN = """() => { const { scrollHeight, clientHeight } = document.documentElement;
    const own = Math.ceil(document.body.getBoundingClientRect().height);
    return [innerHeight, scrollHeight - clientHeight, own]; }"""
KEPT = "it works on this computer only"


@contextlib.contextmanager
def hosts(browser, around="", beside=""):
    """A page on two made-up hosts: the built book, and a page that holds `around`, with a file beside it."""

    def give(route):
        path = HTML / route.request.url.removeprefix(f"{BOOK}/").partition("?")[0]
        kind = mimetypes.guess_type(path.name)[0]
        route.fulfill(body=path.read_bytes(), content_type=kind) if path.exists() else route.abort()

    require_book()
    context = browser.new_context(viewport={"width": 1300, "height": 800})
    context.route(f"{BOOK}/**", give)
    page = f"<!doctype html><title>Course</title><body style='margin:0'><main>{around}</main>"
    context.route(f"{COURSE}/", lambda route: route.fulfill(body=page, content_type="text/html"))
    context.route(
        f"{COURSE}/*.html", lambda route: route.fulfill(body=beside, content_type="text/html")
    )
    try:
        yield context.new_page()
    finally:
        context.close()


def copied(page, address, name, button="Copy embed code"):
    """What a button of a figure's Share copies, and what the figure says of it."""
    page.goto(address)
    page.wait_for_selector("[data-live]")
    figure = page.locator(f".mpack-widget[data-module={name}] .mpk").first
    for words in ("Share", button):
        figure.get_by_role("button", name=words, exact=True).click()
    page.wait_for_function("() => document.querySelector('.mpk-said')?.textContent")
    return figure.locator(".mpk-copied").input_value(), figure.locator(".mpk-said").inner_text()


def inside(page):
    """The frame of the figure, alive."""
    frame = page.query_selector("iframe").content_frame()
    frame.wait_for_selector("[data-live]")
    return frame


def in_columns(page, settled):
    """[(width, height of the frame, hidden pixels, height of the figure)] in several columns.

    All three are of one moment: a line that the figure writes when its run ends makes it higher. With `settled`
    the script has up to ten seconds to follow.
    """
    page.goto(f"{COURSE}/")
    frame, found = inside(page), []
    for width in COLUMNS:
        page.evaluate("width => document.querySelector('main').style.width = `${width}px`", width)
        frame.wait_for_function("width => innerWidth === width", arg=width)
        for _ in range(100 if settled else 1):
            page.wait_for_timeout(100)
            height, hidden, own = frame.evaluate(SHOWN)
            if (hidden, height) == (0, own):
                break
        found.append((width, height, hidden, own))
    return found


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_of_an_embedded_figure_is_hidden(browser, name):
    """Where the script runs the frame is as high as the figure; where it is stripped, high enough in any column."""
    with hosts(browser) as page:
        code, said = copied(page, f"{BOOK}/{PAGES}/{name}.html", name)
    assert said == "Copied."
    frame, script = re.fullmatch(r"(<iframe [^>]*></iframe>)\n(<script>.*</script>)", code).groups()
    assert f'src="{BOOK}/{PAGES}/{name}.html#{name}?v=' in frame
    with hosts(browser, frame + script) as page:
        for width, height, hidden, own in in_columns(page, settled=True):
            assert (hidden, height) == (0, own), width
    with hosts(browser, frame) as page:
        stripped = in_columns(page, settled=False)
    assert not any(hidden for *_, hidden, _ in stripped)
    assert max(own for *_, own in stripped) >= stripped[0][1] - 120, "far higher than it need be"
    for width, *_, own in stripped:  # as the teacher's guide says
        assert own <= (1300 if width >= 600 else 2500)


def test_the_line_of_the_guide_shows_a_saved_page(browser):
    """As it is copied from there, without a script; the figure's one file stands beside the page."""
    guide = (ROOT / "book/teaching.md").read_text(encoding="utf8")
    (frame,) = re.findall("```html\n(<iframe .*?)```", guide, re.DOTALL)
    with hosts(browser, frame, _sources.standalone("playground")) as page:
        assert not any(hidden for *_, hidden, _ in in_columns(page, settled=False))
    assert "no more than 1,300 pixels" in guide and "up to 2,500" in guide
    assert "less than half a megabyte" in guide
    assert all(len(_sources.standalone(name).encode()) < 500_000 for name in FIGURES)


def test_a_frame_that_is_too_low_would_be_seen(browser):
    """Negative control: the height of a wide column, where scripts are stripped, hides a third in a narrow one."""
    frame = f'<iframe src="{BOOK}/{PAGES}/playground.html" width="100%" height="1040"></iframe>'
    with hosts(browser, frame) as page:
        hidden = {row[0]: row[2] for row in in_columns(page, settled=False)}
    assert hidden[640] == 0 and hidden[590] > 400, hidden


def test_a_page_of_the_book_gives_the_same_height(browser):
    """Its style is not that of the figure's own page; its tour and open settings are not embedded."""
    heights = []
    with hosts(browser) as page:
        for where in ("book/playground.html", f"{PAGES}/playground.html"):
            code, _ = copied(page, f"{BOOK}/{where}", "playground")
            heights.append(int(re.search(r'height="(\d+)"', code)[1]))
    assert abs(heights[0] - heights[1]) < 60, heights


@pytest.mark.parametrize("where", ["embed code", "guide"])
def test_an_embedded_figure_may_fill_the_screen_and_copy(browser, where):
    """In a frame of another host: by what the frame allows, and (control) not without it."""
    if where == "guide":
        guide = (ROOT / "book/teaching.md").read_text(encoding="utf8")
        (code,) = re.findall("```html\n(<iframe .*?)```", guide, re.DOTALL)
        code = code.replace('src="', f'src="{BOOK}/{PAGES}/')
    else:
        with hosts(browser) as page:
            code, _ = copied(page, f"{BOOK}/{PAGES}/playground.html", "playground")
    allow = ' allow="fullscreen; clipboard-write"'
    assert code.count(allow.strip()) == 1
    for frame, may in ((code, True), (code.replace(allow, ""), False)):
        with hosts(browser, frame) as page:
            page.goto(f"{COURSE}/")
            figure = inside(page)
            allowed = "document.featurePolicy.allowsFeature('clipboard-write')"
            assert figure.evaluate(f"[document.fullscreenEnabled, {allowed}]") == [may, may]
            assert figure.get_by_role("button", name="Full screen").is_visible() == may


@pytest.mark.parametrize("button", ["Copy link", "Copy embed code"])
def test_an_address_of_this_computer_is_said_to_be_one(browser, pages, tmp_path, button):  # noqa: F811
    """From a file, from a page that was saved, and from `make serve`; what to do instead is said as well."""
    with Figure(browser, pages, "playground") as figure:
        figure.press("Share")
        with figure.page.expect_download() as download:
            figure.press("Save as a page")
        download.value.save_as(tmp_path / "saved.html")
    for address in (
        (HTML / PAGES / "playground.html").as_uri(),
        (tmp_path / "saved.html").as_uri(),
        f"{pages}/playground.html",
    ):
        with hosts(browser) as page:
            text, said = copied(page, address, "playground", button)
        assert address in text
        assert KEPT in said and "over http" in said and "Save as a page" in said, said
    with hosts(browser) as page:
        _, said = copied(page, f"{BOOK}/{PAGES}/playground.html", "playground", button)
    assert said == "Copied."
