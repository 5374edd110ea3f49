"""Every page in a real browser: no error, no request elsewhere, formulas, two themes, phone width, axe."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bookpages import HTML, pages, require_book
from claimsseen import check_claims

WIDE, PHONE = {"width": 1300, "height": 900}, {"width": 360, "height": 740}
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
        const inside = 'pre, table, .math, mjx-container, .highlight';  // these scroll in their own box
        const over = [...document.querySelectorAll('article *')].filter(e => !e.closest(inside)
            && e.getBoundingClientRect().right > width + 1).map(e => e.outerHTML.slice(0, 80));
        return [document.documentElement.scrollWidth - width, over]; }""")


def cut_code(page):
    """Lines of code that are wider than their box, so that one would have to scroll sideways."""
    return page.evaluate("""() => [...document.querySelectorAll('div.cell_input pre')].filter(pre => {
        const folded = pre.closest('details'); if (folded) folded.open = true;
        return pre.scrollWidth > pre.clientWidth + 1; }).map(pre => pre.innerText.slice(0, 80))""")


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


@pytest.mark.parametrize("name", ALL)
def test_page(browser, address, name):
    """As it opens, then dark, then as narrow as a phone."""
    with Visit(browser, f"{address}/{name}") as visit:
        page = visit.page
        page.add_style_tag(content="* { transition: none !important; }")  # colours are read at once
        check_whole(visit, {urlsplit(address).netloc})
        assert cut_code(page) == []
        check_claims(page, name)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.wait_for_function(f"document.documentElement.dataset.theme == '{theme}'")
            for shown in pictures(page):
                assert f"mpack-{theme}" in shown and " and " not in shown, shown
        page.set_viewport_size(PHONE)
        scroll, over = sideways(page)
        assert scroll <= 0 and not over, over
        page.set_viewport_size(WIDE)
        if name != WITH_CODE:
            without_spans(page)
        check_accessible(page, runOnly=["color-contrast"])
        page.emulate_media(color_scheme="light")
        page.wait_for_function("document.documentElement.dataset.theme == 'light'")
        check_accessible(page)
        assert not visit.errors


def test_from_a_file_without_a_server(browser):
    require_book()
    with Visit(browser, Path(HTML / WITH_CODE).as_uri()) as visit:
        check_whole(visit, {""})
        visit.page.evaluate("""() => Promise.all([...document.images].map(image => {
            image.loading = 'eager'; return image.decode(); }))""")  # rejects if a picture cannot be read


def test_the_first_page_leads_to_the_preface(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/index.html")
    page.wait_for_url(f"{address}/{pages()[0]}")
    page.close()
