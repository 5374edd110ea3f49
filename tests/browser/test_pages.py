"""Every page in a real browser: no error, no request elsewhere, formulas typeset, two themes, phone width,
axe."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bookpages import HTML, pages, require_book

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
ALL = [*pages(), "search.html", "genindex.html"]


class Visit:
    """One page, opened once, with all that it complained about."""

    def __init__(self, browser, url, theme="light", size=WIDE):
        self.context = browser.new_context(viewport=size, color_scheme=theme)
        self.page = self.context.new_page()
        self.errors, self.hosts = [], set()
        self.page.on(
            "console",
            lambda message: message.type in ("error", "warning") and self.errors.append(message.text),
        )
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("requestfailed", lambda request: self.errors.append(f"failed: {request.url}"))
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.goto(url, wait_until="load")
        self.page.wait_for_function("!window.MathJax || (MathJax.startup && MathJax.startup.promise)")
        self.page.evaluate("window.MathJax ? MathJax.startup.promise.then(() => null) : null")

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
        const over = [...document.querySelectorAll('article *')].filter(e => e.getBoundingClientRect().right
        > width + 1
            && !e.closest('pre, table, .math, mjx-container, .highlight')).map(e => e.outerHTML.slice(0, 80));
        return [document.documentElement.scrollWidth - width, over]; }""")


def check_whole(visit, hosts):
    """What holds for every page, however it is opened."""
    source, typeset, wrong = formulas(visit.page)
    assert not visit.errors
    assert visit.hosts <= hosts
    assert (typeset, wrong) == (source, 0)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ALL)
def test_page(browser, address, name, theme):
    """As it opens on a wide screen, then as narrow as a phone's."""
    from axe_playwright_python.sync_playwright import Axe

    with Visit(browser, f"{address}/{name}", theme) as visit:
        check_whole(visit, {urlsplit(address).netloc})
        assert visit.page.evaluate("document.documentElement.dataset.theme") == theme
        found = Axe().run(visit.page)
        assert found.violations_count == 0, found.generate_report()
        visit.page.set_viewport_size(PHONE)
        scroll, over = sideways(visit.page)
        assert scroll <= 0 and not over, over


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_one_picture_of_each_figure_shows(browser, address, theme):
    for name in pages():
        if name.startswith("notebooks/"):
            with Visit(browser, f"{address}/{name}", theme) as visit:
                shown = visit.page.evaluate("""() => [...document.querySelectorAll('figure')].map(
                    f => [...f.querySelectorAll('img')].filter(i => i.offsetParent).map(i =>
                    i.className).join())""")
                assert shown and all(
                    f"mpack-{theme}" in classes and "," not in classes for classes in shown
                ), name


def test_from_a_file_without_a_server(browser):
    require_book()
    name = next((page for page in pages() if page.startswith("notebooks/")), pages()[0])
    with Visit(browser, Path(HTML / name).as_uri()) as visit:
        check_whole(visit, {""})
        visit.page.evaluate("""() => Promise.all([...document.images].map(image => {
            image.loading = 'eager'; return image.decode(); }))""")  # rejects if a picture cannot be read


def test_the_first_page_leads_to_the_preface(browser, address):
    with Visit(browser, f"{address}/index.html") as visit:
        visit.page.wait_for_url(f"{address}/{pages()[0]}")
