"""More contrast and plain letters: by keys, kept, in both themes, on request of the system, and figures stay whole."""

import functools
import json
import re

import pytest
from bookpages import HTML
from test_pages import PHONE, Visit, check_accessible, cut_off, sideways, without_spans

PAGES = ("book/claims.html", "notebooks/packing_by_descent.html", "book/landing.html")
SWITCHES = ("contrast", "letters")


def state(page):
    """Which of the two the page shows, and what its boxes say."""
    return page.evaluate(
        """names => names.map(name => [document.documentElement.hasAttribute(`data-easy-${name}`),
            document.getElementById(`mpack-easy-${name}`).checked])""",
        SWITCHES,
    )


def complaints(visit):
    """What the page complained of; not that the browser keeps a file, or was reloaded while it asked for its icon."""
    return [
        error
        for error in visit.errors
        if not error.startswith("304:") and not re.match("failed:.*favicon.svg$", error)
    ]


def switched_on(page, *names):
    """Open the sheet by keys and switch on; closed again by Escape."""
    page.locator(".mpack-easy > summary").focus()
    page.keyboard.press("Enter")
    for name in SWITCHES:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == f"mpack-easy-{name}"
        if name in names:
            page.keyboard.press("Space")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.matches('.mpack-easy > summary')")
    assert not page.evaluate("document.querySelector('.mpack-easy').open")


def test_by_keys_alone_and_kept_on_the_next_page(browser, address):
    with Visit(browser, f"{address}/{PAGES[0]}") as visit:
        page = visit.page
        assert state(page) == [[False, False], [False, False]]
        before = page.evaluate("getComputedStyle(document.body).fontFamily")
        switched_on(page, "letters")
        assert state(page) == [[False, False], [True, True]]
        assert page.evaluate("getComputedStyle(document.body).fontFamily") != before
        page.goto(f"{address}/{PAGES[2]}")
        assert state(page) == [[False, False], [True, True]]
        assert json.loads(page.evaluate("localStorage['mpack-easy']")) == {"letters": True}
        switched_on(page, "letters")  # a second time: off
        assert state(page) == [[False, False], [False, False]]
        assert not complaints(visit)


def test_who_asks_the_system_for_contrast_has_it_until_they_choose(browser, address):
    with Visit(browser, f"{address}/{PAGES[0]}") as visit:
        page = visit.page
        page.emulate_media(contrast="more")
        page.wait_for_function("document.documentElement.hasAttribute('data-easy-contrast')")
        switched_on(page, "contrast")  # it was on
        assert state(page)[0] == [False, False]
        page.reload()
        assert state(page)[0] == [False, False]


@pytest.mark.parametrize("kept", ("", "[]", "null", '{"contrast": "yes"}', "{", '{"letters": 1}'))
def test_what_was_kept_by_others_is_nothing(browser, address, kept):
    with Visit(browser, f"{address}/{PAGES[0]}") as visit:
        visit.page.evaluate("kept => localStorage.setItem('mpack-easy', kept)", kept)
        visit.page.reload()
        assert state(visit.page) == [[False, False], [False, False]] and not complaints(visit)


RGB = """() => { const read = text => text.match(/[\\d.]+/g).map(Number);
    const behind = node => { for (let at = node; at; at = at.parentElement) {
        const [r, g, b, a = 1] = read(getComputedStyle(at).backgroundColor); if (a > 0.99) return [r, g, b]; }
        return [255, 255, 255]; };
    return [...document.querySelectorAll('article :is(p, li, td, figcaption, h1, h2, a)')].filter(node =>
        node.offsetParent && node.innerText.trim() && !node.closest('.mpk, .mpack-widget, .admonition, .mpack-claim'))
        .map(node => [read(getComputedStyle(node).color).slice(0, 3), behind(node)]); }"""


def contrast(one, other):
    """WCAG's ratio of two colours, each three numbers up to 255."""
    first, second = (luminance(tuple(c / 255 for c in colour)) for colour in (one, other))
    return (max(first, second) + 0.05) / (min(first, second) + 0.05)


@functools.cache
def luminance(colour):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_with_both_is_whole_in_both_themes(browser, address, name):
    """Text at 7:1, axe finds nothing, nothing is cut off or needs sideways scrolling; and pictures stay as they are."""
    with Visit(browser, f"{address}/{name}") as visit:
        page = visit.page
        page.add_style_tag(content="* { transition: none !important; }")
        sizes = "() => [...document.querySelectorAll('figure img')].map(i => getComputedStyle(i).filter)"
        before = page.evaluate(sizes)
        switched_on(page, *SWITCHES)
        assert page.evaluate(sizes) == before
        without_spans(page)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.wait_for_function(f"document.documentElement.dataset.theme == '{theme}'")
            low = [pair for pair in page.evaluate(RGB) if contrast(*pair) < 7]
            assert low == [], low[:3]
            check_accessible(page)
        assert cut_off(page) == []
        page.set_viewport_size(PHONE)
        scroll, over = sideways(page)
        assert scroll <= 0 and not over, over
        page.locator(".mpack-easy > summary").click()
        sheet = page.locator(".mpack-easy > div").bounding_box()
        assert sheet["x"] >= 0 and sheet["x"] + sheet["width"] <= PHONE["width"]
        assert not complaints(visit)


def test_from_a_file_and_without_scripts_the_page_is_as_it_was(browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((HTML / PAGES[0]).as_uri())
    assert page.locator(".mpack-easy").count() == 0 and page.locator("article h1").is_visible()
    context.close()
    with Visit(browser, (HTML / PAGES[0]).as_uri()) as visit:
        switched_on(visit.page, "contrast")
        assert state(visit.page)[0] == [True, True] and not complaints(visit)
