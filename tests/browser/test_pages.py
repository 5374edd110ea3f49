"""Every page in a real browser: no error, no request elsewhere, formulas, two themes, phone width, axe.

Links land on their targets, equations and tables fit their column on a screen and on paper.
"""

import functools
import re
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from bookpages import HTML, pages, require_book
from claimsseen import check_claims

WIDE, PHONE = {"width": 1300, "height": 900}, {"width": 360, "height": 740}
SHEET = {"width": 717, "height": 1045}  # of A4 paper, without the margins that browsers leave
NEAR = 100  # pixels: how far from its place a link may end
ALL = [*pages(), "search.html", "genindex.html"]
WITH_CODE = next(page for page in pages() if page.startswith("notebooks/"))


class Visit:
    """One page, opened once, with all that it complained about."""

    def __init__(self, browser, url, theme="light", size=WIDE):
        self.context = browser.new_context(viewport=size, color_scheme=theme)
        self.page = self.context.new_page()
        self.errors, self.hosts = [], set()
        self.page.on(
            "console",
            lambda message: (
                message.type in ("error", "warning") and self.errors.append(message.text)
            ),
        )
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "response", lambda reply: reply.ok or self.errors.append(f"{reply.status}: {reply.url}")
        )
        self.page.on("requestfailed", lambda request: self.errors.append(f"failed: {request.url}"))
        self.page.on("request", self.note_host)
        self.page.goto(url, wait_until="load")
        self.page.wait_for_function("!window.MathJax || MathJax.startup?.promise?.then(() => true)")

    def note_host(self, request):
        if not request.url.startswith(("blob:", "data:")):  # made by the page itself
            self.hosts.add(urlsplit(request.url).netloc)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


def formulas(page):
    """(formulas in the source, formulas typeset, formulas with an error)."""
    return page.evaluate("""() => [document.querySelectorAll('.math').length,
        document.querySelectorAll('mjx-container').length, document.querySelectorAll('mjx-merror').length]""")


def sideways(page):
    """How many pixels the page can be scrolled sideways, and what reaches over its edge."""
    return page.evaluate("""() => { const width = document.documentElement.clientWidth;
        const inside = 'pre, table, .math, mjx-container, .highlight, summary';  // scroll or end in their own box
        const over = [...document.querySelectorAll('article *')].filter(e => !e.closest(inside)
            && e.getBoundingClientRect().right > width + 1).map(e => e.outerHTML.slice(0, 80));
        return [document.documentElement.scrollWidth - width, over]; }""")


def cut_code(page):
    """Lines of code that are wider than their box, so that one would have to scroll sideways."""
    return page.evaluate("""() => [...document.querySelectorAll('div.cell_input pre')].filter(pre => {
        const folded = pre.closest('details'); if (folded) folded.open = true;
        return pre.scrollWidth > pre.clientWidth + 1; }).map(pre => pre.innerText.slice(0, 80))""")


@functools.cache
def targets():
    """{page: what links of the book lead to on it, in the order in which it stands there}."""
    texts = {name: (HTML / name).read_text(encoding="utf8") for name in pages()}
    wanted = {name: set() for name in texts}
    for page, text in texts.items():
        for link in re.findall(r'<a\b[^>]*\bhref="([^"]*#[^"]+)"', text):
            to = urlsplit(urljoin(page, link.replace("&amp;", "&")))
            if to.path in wanted and not to.netloc:
                wanted[to.path].add(unquote(to.fragment))
    return {
        name: [one for one in re.findall(r'\bid="([^"]+)"', texts[name]) if one in found]
        for name, found in wanted.items()
    }


# How many pixels an element lies from where a link to it should lead: below what covers the top of the page, or, at the
# end of the page, in sight.
MISS = """id => { const target = document.getElementById(id), root = document.documentElement;
    const top = target.getBoundingClientRect().top, style = name => parseFloat(name) || 0;
    const place = style(getComputedStyle(root).scrollPaddingTop) + style(getComputedStyle(target).scrollMarginTop);
    const ended = scrollY + innerHeight >= root.scrollHeight - 2 && top >= 0 && top < innerHeight;
    return ended ? 0 : Math.abs(top - place); }"""


def opened_at(page, target):
    """How far a page that was opened at a target lies from it, once it is quiet."""
    page.wait_for_function(f"id => ({MISS})(id) <= {NEAR}", arg=target, timeout=20_000)
    page.wait_for_timeout(300)
    return page.evaluate(MISS, target)


def astray(page, wanted):
    """Targets that a click on a link to them does not reach, each with the pixels by which it misses."""
    return page.evaluate(
        f"""async ([wanted, near]) => {{ const missed = [], miss = {MISS};"""
        """
        const wait = time => new Promise(done => setTimeout(done, time));
        for (const id of wanted) {
            const link = [...document.querySelectorAll('.bd-toc-nav a, article a')].find(a => a.offsetParent
                && a.getAttribute('href') === '#' + id) ?? Object.assign(document.createElement('a'), {href: '#' + id});
            if (!link.isConnected) { document.body.append(link); link.click(); link.remove(); } else link.click();
            for (const more of [20, 100, 300, 1000]) { await wait(more); if (miss(id) <= near) break; }
            if (miss(id) > near) missed.push([id, Math.round(miss(id))]);
        }
        return missed; }""",
        [wanted, NEAR],
    )


# The boxes in which equations and tables scroll, or would be cut, because they are wider.
OVERFLOWING = """() => [...new Set([...document.querySelectorAll(
    "article mjx-container[display='true'], article table")].filter(shown => shown.offsetParent).map(shown => {
        let box = shown;
        while (getComputedStyle(box).overflowX === 'visible' && box.tagName !== 'ARTICLE') box = box.parentElement;
        return box; }))].filter(box => box.scrollWidth > box.clientWidth + 1)"""


def cut_off(page):
    """Equations and tables of which a part is out of sight, with the pixels that are."""
    return page.evaluate(
        f"() => ({OVERFLOWING})().map(e => [e.scrollWidth - e.clientWidth, e.innerText.slice(0, 80)])"
    )


def unmarked(page):
    """What scrolls sideways without showing it, or without taking the focus."""
    return page.evaluate(
        f"""() => ({OVERFLOWING})().filter(e => !(e.tabIndex >= 0 && e.classList.contains('mpack-wide')
            && getComputedStyle(e).maskImage.includes('gradient'))).map(e => e.outerHTML.slice(0, 80))"""
    )


def pale_captions(page):
    """Captions that are not in the weight and colour of text, in a face that is named."""
    return page.evaluate("""() => [...document.querySelectorAll('article figcaption')].filter(caption => {
        const style = getComputedStyle(caption), text = getComputedStyle(document.querySelector('article'));
        return style.fontWeight !== '400' || style.color !== text.color || /system-ui/.test(style.fontFamily)
        }).map(caption => caption.innerText.slice(0, 60))""")


def check_whole(visit, hosts):
    """What holds for every page, however it is opened."""
    source, typeset, wrong = formulas(visit.page)
    assert not visit.errors
    assert visit.hosts <= hosts
    assert (typeset, wrong) == (source, 0)


def pictures(page):
    """The classes of the pictures that show, figure by figure."""
    return page.evaluate("""() => [...document.querySelectorAll('figure:not(.mpack-interactive)')].map(figure =>
        [...figure.querySelectorAll('img')].filter(i => i.offsetParent).map(i => i.className).join(' and ')
        )""")


def without_spans(page):
    """Replace coloured code and typeset formulas by plain text.

    Nine tenths of a chapter's elements are the spans of these two, alike on every page, and axe
    takes half a minute over them. It does so once, on the first chapter; elsewhere it looks at
    everything else.
    """
    page.evaluate("""() => {
        for (const code of document.querySelectorAll('pre')) code.textContent = code.textContent;
        for (const formula of document.querySelectorAll('mjx-container')) formula.replaceWith('x'); }""")


def check_accessible(page, within=None, **options):
    """No violation found by axe, in the page or in what a selector names."""
    from axe_playwright_python.sync_playwright import Axe

    # Without `preload`: axe would fetch the style sheets again, and @import from the wrong folder.
    context = {"include": [[within]]} if within else None
    found = Axe().run(
        page, context=context, options={"resultTypes": ["violations"], "preload": False, **options}
    )
    assert found.violations_count == 0, found.generate_report()


FIRST = {  # pages that open with a figure, and within how many windows of their top it stands with its controls
    "book/landing.html": 1,
    "notebooks/packing_by_descent.html": 2,
}


def check_first_figure(page, windows):
    """It runs, or waits for those who asked for reduced motion; picture, Run and slider stand near the page's top."""
    page.wait_for_function("() => document.querySelector('.mpack-widget[data-live]')")
    height, ends = (
        page.evaluate("""() => [innerHeight, [...document.querySelector('.mpk').querySelectorAll(
        'canvas, .mpk-main, [type=range]')].slice(0, 3).map(n => n.getBoundingClientRect().bottom + scrollY)]""")
    )
    assert len(ends) == 3 and max(ends) <= windows * height
    assert page.evaluate(
        "() => document.querySelector('.mpk').mpackFigure.figure.report().step > 0"
    )


@pytest.mark.parametrize("name", ALL)
def test_page(browser, address, name):
    """As it opens, at the last of its targets; then dark, as narrow as a phone, and on paper."""
    wanted = targets().get(name, [])
    with Visit(browser, f"{address}/{name}#{wanted[-1] if wanted else ''}") as visit:
        page = visit.page
        assert not wanted or opened_at(page, wanted[-1]) <= NEAR, wanted[-1]
        assert astray(page, wanted) == []
        page.add_style_tag(content="* { transition: none !important; }")  # colours are read at once
        check_whole(visit, {urlsplit(address).netloc})
        assert cut_code(page) == []
        assert cut_off(page) == []
        assert pale_captions(page) == []
        page.set_viewport_size(SHEET)
        page.emulate_media(media="print")
        assert cut_off(page) == []
        page.emulate_media(media="screen")
        page.set_viewport_size(WIDE)
        if name in FIRST:
            check_first_figure(page, FIRST[name])
        check_claims(page, name)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.wait_for_function(f"document.documentElement.dataset.theme == '{theme}'")
            for shown in pictures(page):
                assert f"mpack-{theme}" in shown and " and " not in shown, shown
        page.set_viewport_size(PHONE)
        if name in FIRST:
            check_first_figure(page, FIRST[name])
        scroll, over = sideways(page)
        assert scroll <= 0 and not over, over
        assert unmarked(page) == []
        page.set_viewport_size(WIDE)
        if name != WITH_CODE:
            without_spans(page)
        check_accessible(page, runOnly=["color-contrast"])
        page.emulate_media(color_scheme="light")
        page.wait_for_function("document.documentElement.dataset.theme == 'light'")
        check_accessible(page)
        assert not visit.errors


@pytest.mark.parametrize("name", [page for page in pages() if page.startswith("notebooks/")])
def test_a_chapter_from_a_file_opens_where_a_link_leads(browser, name):
    """Cold, at its last target: all that may still grow stands above it."""
    require_book()
    wanted = targets()[name]
    with Visit(browser, f"{Path(HTML / name).as_uri()}#{wanted[-1]}") as visit:
        assert opened_at(visit.page, wanted[-1]) <= NEAR


def test_what_is_folded_around_a_target_opens(browser):
    require_book()
    with Visit(browser, Path(HTML / WITH_CODE).as_uri()) as visit:
        visit.page.evaluate("""() => document.querySelector('article section').insertAdjacentHTML('beforeend',
            '<details><summary>More</summary><p style="height: 3000px">x</p><p id="deep">y</p></details>')""")
        assert astray(visit.page, ["deep"]) == []
        assert visit.page.evaluate("document.getElementById('deep').closest('details').open")


def test_a_reader_who_scrolls_is_left_alone(browser):
    require_book()
    with Visit(browser, f"{Path(HTML / WITH_CODE).as_uri()}#{targets()[WITH_CODE][-1]}") as visit:
        opened_at(visit.page, targets()[WITH_CODE][-1])
        visit.page.mouse.wheel(0, -2000)
        visit.page.wait_for_timeout(200)
        before = visit.page.evaluate("scrollY")
        visit.page.evaluate("document.querySelector('article').style.paddingBottom = '500px'")
        visit.page.wait_for_timeout(200)
        assert visit.page.evaluate("scrollY") == before


def test_a_figure_opens_large_and_closes(browser):
    require_book()
    with Visit(browser, Path(HTML / WITH_CODE).as_uri(), size=PHONE) as visit:
        page = visit.page
        button = page.locator("button.mpack-enlarge").first
        button.focus()
        page.keyboard.press("Enter")
        large = page.locator("dialog.mpack-large")
        assert large.is_visible() and large.locator("img:visible").count() == 1
        small = page.locator("figure.mpack-enlargeable img:visible").first
        meant = small.evaluate("image => parseFloat(image.style.width)")
        assert large.locator("img:visible").bounding_box()["width"] >= meant - 1
        assert len(large.locator(".mpack-words").inner_text()) > 40
        check_accessible(page, within="dialog.mpack-large")
        page.keyboard.press("Escape")
        assert not large.is_visible()
        assert button.evaluate("button => button === document.activeElement")
        small.click()
        assert large.is_visible()
        large.locator("button").click()
        assert not large.is_visible()
        data = button.evaluate(
            "button => button.closest('figure').querySelector('.mpack-data a').href"
        )
        assert Path(unquote(urlsplit(data).path)).read_text(encoding="utf8").count("\n") > 2
        assert not visit.errors


def test_a_note_tells_what_a_link_leads_to(browser):
    require_book()
    with Visit(browser, Path(HTML / WITH_CODE).as_uri()) as visit:
        page, note = visit.page, visit.page.locator("#mpack-note")
        for kind in ("#equation-", "#term-", "#fig-", "bibliography.html#"):
            link = page.locator(f"article section > p a.internal[href*='{kind}']").first
            page.mouse.move(0, 0)
            link.hover()
            note.wait_for(state="visible")
            assert link.get_attribute("aria-describedby") == "mpack-note"
            page.wait_for_function(
                "() => { const n = document.getElementById('mpack-note'), pictures = [...n.querySelectorAll('img')];"
                "return (n.innerText.trim() || pictures.length) && n.querySelectorAll('.math').length"
                " === n.querySelectorAll('mjx-container').length; }"
            )
            place = note.bounding_box()
            assert place["x"] >= 0 and place["x"] + place["width"] <= WIDE["width"]
            assert place["y"] >= 0 and place["y"] + place["height"] <= WIDE["height"]
            page.keyboard.press("Escape")
            assert note.is_hidden() and link.get_attribute("aria-describedby") is None
        page.keyboard.press("Tab")  # from here on the focus is one by keys
        link.focus()
        assert note.is_visible()
        check_accessible(page, within="#mpack-note")
        link.blur()
        assert note.is_hidden()
        assert not visit.errors


@pytest.mark.parametrize("served", [False, True], ids=["file", "http"])
def test_the_search_shows_lines_of_context(browser, address, served):
    require_book()
    base = address if served else HTML.as_uri()
    with Visit(browser, f"{base}/search.html?q=absorbing") as visit:
        visit.page.locator(".search-summary", has_text="found").wait_for(timeout=20_000)
        shown = visit.page.evaluate("""() => [...document.querySelectorAll('ul.search li')].filter(
            item => !item.querySelector(':scope > span')).map(item => item.querySelector('.context')?.innerText)""")
        assert len(shown) > 3 and all(len(text or "") > 20 for text in shown)
        assert sum("absorbing" in text.lower() for text in shown) > len(shown) / 2
        assert not visit.errors


def test_from_a_file_without_a_server(browser):
    require_book()
    with Visit(browser, Path(HTML / WITH_CODE).as_uri()) as visit:
        check_whole(visit, {""})
        visit.page.evaluate("""() => Promise.all([...document.images].map(image => {
            image.loading = 'eager'; return image.decode(); }))""")  # rejects if a picture cannot be read


def test_the_first_page_leads_to_the_landing_page(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/index.html")
    page.wait_for_url(f"{address}/{pages()[0]}")
    page.close()
