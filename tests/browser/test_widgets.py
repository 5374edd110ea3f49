"""The interactive figures in a real browser: alive over http and from a file, by pointer and by keyboard, restored from
their addresses, unharmed by bad input, and, for the playground, bit for bit what the library
computes.

`report()` of a figure (also behind *Copy report*) says what state it is in and which numbers it
shows.
"""

import json
import math
import random
import re
import shutil
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import numpy as np
import pandas as pd
import pytest
from bookpages import HTML, ROOT
from scipy.sparse.csgraph import connected_components

import mpack
from mpack.observables import nearest_displacements
from mpack.widgets import _same, _sources
from tests.browser.test_pages import Visit, check_accessible
from tests.slow_bodies import matrices

FIGURES = _sources.names()
RUNNING = [name for name in FIGURES if "running" in _sources.schema(name)["state"]]
# What lets a figure run whose clock is hidden, or where nothing moves.
MOVING = {"spheres": {"packing": "own"}, "playground": {"compact": False}}
COMPUTING = [name for name in FIGURES if "_same.js" in _sources.schema(name).get("parts", ())]
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
PAGES = "_static/mpack-figures"
FUZZ = (
    Path(__file__)
    .with_name("fuzz.js")
    .read_text(encoding="utf8")
    .partition("\n")[2]
    .rstrip()
    .rstrip(";")
)
UNFOLD = "for (const fold of figure.root.querySelectorAll('details')) fold.open = true;"
# Links as readers may have kept them. They must mean the same for ever: add, never change.
OLD_LINKS = {
    "playground": {
        "v=1&dynamics=SGD&approximation=1&phi=0.7&eps=0.1&alpha=0.2&batch_fraction=0.5&batch_size=0&size_ratio=1.4"
        "&n=100&seed=3&speed=10&arrows=1&log=0&step=25&running=0": {
            "step": 25,
            "active": 68,
            "digest": "e19a0f2014fd5f6ea189afbe8a9246cd",
        },
    },
    "spheres": {  # from when they were kept, and not computed
        f"v=1&packing={packing}&colour=kick&gap=0.02&bonds=0&azimuth=15&elevation=22&zoom=1&axis=x"
        "&place=0.5&slab=0.2": {"digest": digest, "spheres": 600}
        for packing, digest in {
            "start": "badc33421fad826f1763389f60687d4b",
            "late": "e8d11471fed808541f9089e0a19c78d7",
            "rest": "fc9887d893b5f1c75861175dbb7765a0",
            "active": "8e90c7d814c4a579386d0a1648e980bc",
        }.items()
    },
    "approach": {
        "v=1&alpha=0.01&above=0.025&process=SGD+0.6&straight=1&all=0": {
            "phi": 0.62,
            "steps": 9999,
            "absorbed": True,
            "fit": [0.63061, 0.00015, 74.19],
        },
    },
}


class Shown:
    """A figure in a page, the one at `place` of those that it shows, and what the page complains about."""

    def __init__(self, visit, name, place=0):
        self.name, self.fields = name, _sources.schema(name)["state"]
        self.visit, self.page, self.place = visit, visit.page, place
        self.node = f"document.querySelectorAll('.mpk')[{place}]"
        self.wait(f"{self.node}?.mpackFigure")
        self.settle()

    def call(self, code):
        """Evaluate `code` with `figure`, the figure's frame."""
        return self.page.evaluate(f"() => {{ const figure = {self.node}.mpackFigure; {code} }}")

    def wait(self, condition, seconds=30):
        """Wait until an expression in `figure` holds."""
        code = f"() => {{ const figure = {self.node}?.mpackFigure; return {condition}; }}"
        self.page.wait_for_function(code, timeout=1000 * seconds)

    def within(self, selector):
        """Elements of the figure."""
        return self.page.locator(".mpk").nth(self.place).locator(selector)

    def settle(self):
        """Wait until the figure has reached the step that its address asked for, and a frame more."""
        self.wait("figure.failed || !figure.figure.busy?.()")
        self.call(
            "return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));"
        )

    def report(self):
        return self.call("return figure.report();")

    def state(self):
        return self.report()["state"]

    def press(self, text):
        self.page.locator(".mpk").nth(self.place).get_by_role(
            "button", name=text, exact=True
        ).click()

    def whole(self):
        """It stands: no failure, nothing on the console, nobody asked but its own host."""
        report = self.report()
        assert report["error"] is None, report["error"]
        assert not self.visit.errors, self.visit.errors
        assert self.within(".mpk-body").is_visible()
        return report

    def notice(self):
        return self.within(".mpk-notice").inner_text()

    def status(self):
        return self.within(".mpk-status").inner_text()


class Figure(Shown):
    """A page of one figure, by itself."""

    def __init__(self, browser, base, name, query="", **options):
        address = f"{base}/{name}.html" + (f"#{name}?{query}" if query else "")
        visit = Visit(browser, address, **options)
        visit.page.wait_for_selector("[data-live]")
        super().__init__(visit, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.visit.context.close()

    def go(self, query):
        """Another address in the page that is open."""
        self.page.evaluate(
            """address => new Promise(done => {
                addEventListener('hashchange', () => setTimeout(done), { once: true }); location.hash = address; })""",
            f"#{self.name}?{query}",
        )
        self.settle()


@pytest.fixture(scope="session")
def pages(address):
    """Where the figures' own pages are, over http."""
    return f"{address}/{PAGES}"


def random_value(field, rng):
    """Some value that a field allows, and that is quick to show."""
    if field["kind"] == "flag":
        return rng.random() < 0.5
    if field["kind"] == "choice":
        return rng.choice(list(field["options"]))
    if "values" in field:
        return rng.choice(field["values"])
    low, high = field["min"], min(field["max"], field.get("quick", field["max"]))
    if field["kind"] == "integer":
        return rng.randint(low, min(high, low + 300))
    return round(rng.uniform(low, high), 3)


def random_state(name, seed):
    rng = random.Random(f"{name} {seed}")
    return {
        key: random_value(field, rng)
        for key, field in _sources.schema(name)["state"].items()
        if key != "running"
    }


def query_of(state):
    plain = {key: int(value) if isinstance(value, bool) else value for key, value in state.items()}
    return urlencode({"v": 1} | plain)


# ------------------------------------------------------------------------------------------------
# alive


def painted(figure):
    """For each canvas that the figure does not hide on purpose: how many colours it shows."""
    return figure.call("""figure.draw();
        return figure.canvases.filter(({ holder }) => !holder.hidden).map(({ node }) => {
        const copy = new OffscreenCanvas(node.width, node.height).getContext('2d', { willReadFrequently: true });
        copy.drawImage(node, 0, 0);
        const data = copy.getImageData(0, 0, node.width, node.height).data, seen = new Set();
        const pixels = new Uint32Array(data.buffer);
        for (let k = 0; k < pixels.length; k += 7) seen.add(pixels[k]);
        return seen.size; });""")


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("scheme", ("http", "file"))
def test_a_figure_comes_alive_by_itself(browser, pages, name, scheme):
    base = pages if scheme == "http" else (HTML / PAGES).as_uri()
    with Figure(browser, base, name) as figure:
        figure.whole()
        assert figure.visit.hosts <= {urlsplit(pages).netloc if scheme == "http" else "", ""}
        assert min(painted(figure)) > 5
        assert not figure.notice() if figure.page.locator(".mpk-notice").is_visible() else True


def test_the_figures_of_the_book_come_alive_where_they_stand(browser, address):
    with Visit(browser, f"{address}/book/playground.html") as visit:
        live = visit.page.locator(".mpack-interactive > .mpack-widget")
        visit.page.wait_for_function(
            "() => !document.querySelector('.mpack-widget:not([data-live])')"
        )
        assert live.count() >= 1
        stills = visit.page.locator(".mpack-interactive > img")
        assert stills.count() == 2 * live.count()
        assert not any(still.is_visible() for still in stills.all())
        visit.page.emulate_media(media="print")
        assert visit.page.locator(".mpack-interactive > img.mpack-light").first.is_visible()
        assert not live.first.is_visible()
        assert not visit.errors


def test_without_scripts_there_is_a_still(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/book/playground.html")
    assert page.locator(".mpack-interactive > img.mpack-light").first.is_visible()
    context.close()


def out_of_sight(figure):
    """What of the first picture and of the controls that matter does not fit into the window with the figure's top."""
    return figure.call("""const top = Math.min(0, figure.root.getBoundingClientRect().top);
        const front = [...figure.front.querySelectorAll('button, input, select')].filter(node => node.offsetParent);
        if (!front.length) return ['no controls'];
        return [figure.canvases[0].node, ...front].filter(node => {
            const box = node.getBoundingClientRect(); return box.top < top || box.bottom - top > innerHeight;
        }).map(node => node.outerHTML.slice(0, 80));""")


@pytest.mark.parametrize("name", FIGURES)
def test_axe_finds_nothing_in_either_theme_or_width(browser, pages, name):
    """And the first picture and the controls that matter are in view together."""
    for theme in ("light", "dark"):
        for size in (WIDE, PHONE):
            with Figure(browser, pages, name, theme=theme, size=size) as figure:
                assert not out_of_sight(figure)
                widest = max(figure.call("return figure.canvases.map(c => c.node.clientWidth);"))
                assert widest >= (440 if size is WIDE else 0.85 * size["width"])
                figure.press("Share")
                for details in figure.page.locator(".mpk details").all():
                    details.locator("summary").click()
                assert figure.report()["theme"] == theme
                check_accessible(figure.page)
                assert (
                    figure.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
                )
                figure.whole()


@pytest.mark.parametrize("name", FIGURES)
def test_targets_are_large_and_sliders_leave_scrolling_alone(browser, pages, name):
    with Figure(browser, pages, name, size=PHONE) as figure:
        figure.press("Share")
        figure.call(UNFOLD)
        small = figure.call("""return [...document.querySelectorAll(
                '.mpk :is(button, select, input, summary, [tabindex="0"])')]
            .filter(node => node.offsetParent && node.getBoundingClientRect().height)
            .map(node => node.type === 'checkbox' ? node.closest('label') : node)
            .filter(node => { const box = node.getBoundingClientRect(); return box.height < 43.9 || box.width < 43.9; })
            .map(node => node.outerHTML.slice(0, 100));""")
        assert not small
        touch = figure.call(
            "return [...document.querySelectorAll('.mpk [type=range]')].map(s => getComputedStyle(s).touchAction);"
        )
        assert set(touch) <= {"pan-y"}


def test_a_figure_follows_the_theme_of_its_page(browser, pages):
    with Figure(browser, pages, "playground") as figure:
        corner = """figure.draw(); const { node } = figure.canvases[0];
            return node.getContext('2d').getImageData(0, 0, node.width, 30).data.join();"""
        light = figure.call(corner)
        figure.page.evaluate("document.documentElement.dataset.theme = 'dark'")
        figure.settle()
        assert figure.report()["theme"] == "dark"
        assert figure.call(corner) != light


def test_a_figure_fills_the_screen_and_gives_it_back(browser, pages):
    with Figure(browser, pages, "playground", size=WIDE) as figure:
        assert figure.within(".mpk-tools").inner_text().split("\n")[0] == "Full screen"
        figure.press("Full screen")
        figure.wait("document.fullscreenElement === figure.root")
        figure.settle()
        assert not out_of_sight(figure)
        figure.press("Leave full screen")
        figure.wait("!document.fullscreenElement")
        figure.whole()


def test_an_address_that_nobody_can_decode_asks_for_nothing(browser, pages, seed):
    """The figure stands, with a fragment that is no percent-encoding at first, and with random ones later."""
    rng = np.random.default_rng(seed)
    with Figure(browser, pages, "playground", "%") as figure:
        for fragment in ("100%", "%E0%A4%A", "?%", "playground%?phi=%zz"):
            figure.page.evaluate("text => { location.hash = text; }", f"#{fragment}")
        for _ in range(200):
            text = "".join(rng.choice([*"%?&=#aZ09é/ ", "playground"], 8))
            figure.page.evaluate("text => { location.hash = text; }", f"#{text}")
        figure.page.wait_for_timeout(200)
        figure.whole()
    with Visit(browser, f"{pages}/playground.html#100%") as visit:
        visit.page.wait_for_selector("[data-live]")
        assert not visit.errors, visit.errors


def test_with_one_slider_moving_it_runs(browser, pages):
    """Nothing but Run, Reset, a way to all controls, packing fraction and dimension; with reduced motion it waits."""
    query = query_of({"compact": True, "phi": 0.6})
    with Figure(browser, pages, "playground", query, size=PHONE) as figure:
        shown = "return [...figure.root.querySelectorAll('button, input, select, summary')].filter(n => n.offsetParent)"
        assert figure.call(f"{shown}.map(n => n.type);") == [
            *["button"] * 3,
            "range",
            "number",
            "select-one",
        ]
        assert not out_of_sight(figure)
        check_accessible(figure.page)
        figure.within("[data-control=phi] [type=range]").focus()
        figure.page.keyboard.press("ArrowRight")
        figure.wait("figure.running && figure.figure.report().step > 2")
        assert figure.state()["phi"] == 0.605
        figure.press("More")
        assert figure.call(f"{shown}.length;") > 10 and not figure.state()["compact"]
        figure.press("Reset")
        figure.page.emulate_media(reduced_motion="reduce")
        figure.call("figure.set({ compact: true }); figure.set({ phi: 0.7 });")
        assert not figure.whole()["state"]["running"] and not figure.call("return figure.running;")


# ------------------------------------------------------------------------------------------------
# controls


@pytest.mark.parametrize("name", FIGURES)
def test_every_control_answers_the_keyboard(browser, pages, name):
    with Figure(browser, pages, name) as figure:
        by_keyboard(figure)


def by_keyboard(figure):
    """Move every control by keys alone, and see the state follow."""
    # Whatever hides some controls (a dynamics without a batch, say) is moved along, until each has
    # been seen.
    figure.call(UNFOLD)
    unseen = {key for key in figure.fields if figure.within(f"[data-control={key}]").count()}
    choices = [
        key for key, field in figure.fields.items() if field["kind"] == "choice" and key in unseen
    ]
    turns = [[]] + [[key, option] for key in choices for option in figure.fields[key]["options"]]
    for turn in turns:
        if turn:
            figure.within(f"[data-control={turn[0]}] select").select_option(turn[1])
            assert figure.state()[turn[0]] == turn[1]
            unseen.discard(turn[0])
        for key in sorted(unseen):
            control = figure.within(f"[data-control={key}]")
            if control.is_visible():
                move(figure, key, control)
                unseen.discard(key)
    assert not unseen
    figure.whole()


def move(figure, key, control):
    """Change one control by keys alone, and see the state follow."""
    field, before = figure.fields[key], figure.state()[key]
    if field["kind"] == "flag":
        control.locator("input").focus()
        figure.page.keyboard.press("Space")
        assert figure.state()[key] is not before
        return
    if field["kind"] == "choice":
        control.locator("select").focus()
        figure.page.keyboard.press(
            "ArrowUp" if before == list(field["options"])[-1] else "ArrowDown"
        )
        assert figure.state()[key] != before
        return
    number = control.locator("input[type=number]")
    if control.locator("input[type=range]").count():
        control.locator("input[type=range]").focus()
        keys = ("ArrowRight", "ArrowLeft") if before < field["max"] else ("ArrowLeft", "ArrowRight")
        figure.page.keyboard.press(keys[0])
        moved = figure.state()[key]
        assert moved != before
        assert float(number.input_value()) == pytest.approx(moved)
    number.focus()
    number.fill(str(field["min"]))
    figure.page.keyboard.press("Enter")
    figure.page.keyboard.press("Tab")
    assert figure.state()[key] == field["min"]
    number.fill("-99999")
    figure.page.keyboard.press("Tab")
    assert figure.state()[key] == field["min"]
    assert "-99999" in figure.notice()
    number.fill(str(before))
    figure.page.keyboard.press("Tab")


@pytest.mark.parametrize("name", RUNNING)
def test_run_pause_step_and_reset(browser, pages, name):
    with Figure(browser, pages, name) as figure:
        by_the_clock(figure)


def by_the_clock(figure):
    """Run, pause, one step, and reset to the paused start."""
    if figure.name in MOVING:
        figure.call(f"figure.set({json.dumps(MOVING[figure.name])});")
        figure.settle()
    start = figure.report()
    assert start["state"]["running"] is False
    figure.press("Run")
    figure.wait("figure.figure.report().step >= 3")
    figure.press("Pause")
    figure.settle()  # a worker ends what it is at
    paused = figure.report()["numbers"]["step"]
    figure.settle()
    assert figure.report()["numbers"]["step"] == paused
    figure.press("One step")
    figure.settle()
    assert figure.report()["numbers"]["step"] == paused + 1
    figure.press("Reset")
    figure.settle()
    again = figure.report()
    assert again["state"]["running"] is False
    assert again["numbers"] == start["numbers"]
    assert figure.within("[aria-live=polite]").inner_text()
    figure.whole()


@pytest.mark.parametrize("name", RUNNING)
def test_a_figure_out_of_sight_rests(browser, pages, name):
    with Figure(browser, pages, name) as figure:
        figure.page.evaluate("document.body.style.paddingBottom = '5000px'")
        figure.call(f"figure.set({json.dumps({'speed': 5} | MOVING.get(name, {}))});")
        figure.press("Run")
        figure.page.evaluate("scrollTo(0, 4500)")
        figure.wait("!figure.seen")
        step = figure.report()["numbers"]["step"]
        figure.page.wait_for_timeout(600)
        assert figure.report()["numbers"]["step"] == step
        figure.page.evaluate("scrollTo(0, 0)")
        figure.wait(f"figure.figure.report().step > {step}")


@pytest.mark.parametrize("name", RUNNING)
def test_reduced_motion_starts_paused_and_says_so(browser, pages, name):
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{pages}/{name}.html#{name}?v=1&running=1")
    page.wait_for_selector(".mpk-notice")
    page.wait_for_function("() => document.querySelector('.mpack-widget[data-live]')")
    assert "reduced motion" in page.locator(".mpk-notice").inner_text()
    assert page.evaluate("document.querySelector('.mpk').mpackFigure.running") is False
    context.close()


# ------------------------------------------------------------------------------------------------
# addresses and sharing


@pytest.mark.parametrize("name", FIGURES)
def test_a_link_restores_this_exact_situation(browser, pages, name, seed):
    """The link of three situations, opened in a page of its own and put into the address of one that is open."""
    links = []
    with Figure(browser, pages, name) as figure:
        for trial in range(3):
            state = random_state(name, 3 * seed + trial)
            figure.go(query_of(state))
            first = figure.whole()
            for key, value in state.items():
                if key != "step":  # the run may have ended before
                    assert first["state"][key] == value, key
            link = figure.call(
                "return figure.host.link(new URLSearchParams(Object.entries(figure.moment()).map("
                "([k, v]) => [k, v === true ? 1 : v === false ? 0 : v])).toString());"
            )
            links.append((link.split("?", 1)[1], (first["state"], first["numbers"])))
        figure.go(links[0][0])
        again = figure.whole()
        assert (again["state"], again["numbers"]) == links[0][1]
    for link, situation in links[1:]:
        with Figure(browser, pages, name, link) as figure:
            second = figure.whole()
            assert (second["state"], second["numbers"]) == situation


@pytest.mark.parametrize("name", FIGURES)
def test_the_address_follows_the_reader(browser, pages, name):
    with Figure(browser, pages, name) as figure:
        state = {key: value for key, value in random_state(name, 1).items() if key != "step"}
        figure.call(f"figure.set({json.dumps(state)});")
        figure.page.wait_for_function(f"() => location.hash.startsWith('#{name}?v=1&')")
        figure.settle()
        before = figure.report()
        figure.page.reload()
        figure.page.wait_for_function("() => document.querySelector('.mpack-widget[data-live]')")
        figure.settle()
        assert figure.report()["state"] == before["state"]


@pytest.mark.parametrize(
    "name,query", [(name, query) for name, links in OLD_LINKS.items() for query in links]
)
def test_old_links_mean_what_they_meant(browser, pages, name, query):
    with Figure(browser, pages, name, query) as figure:
        report = figure.whole()
        assert not report["complaints"]
        assert OLD_LINKS[name][query].items() <= report["numbers"].items()


BAD_ADDRESSES = (
    "__proto__=1&constructor=2&toString=3", "{all}=NaN", "v=1&" + "x" * 3000, "v=99&running=perhaps", "&&&===%%%&v=",
    "{all}=1e999", "{all}=-1", "{all}=%3Cscript%3Ealert(1)%3C/script%3E", "{all}=",
)  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_a_bad_address_gives_a_sentence_and_nothing_worse(browser, pages, name):
    """Two when the page opens; the others typed into the page that is open."""
    keys = _sources.schema(name)["state"]
    defaults = {key: field["default"] for key, field in keys.items()}
    texts = [
        "&".join(query.format(all=key) for key in keys) if "{all}" in query else query
        for query in BAD_ADDRESSES
    ]

    def check(figure, query):
        report = figure.whole()
        assert report["complaints"], query
        assert report["complaints"][0][:30] in figure.notice()
        assert "<script" not in figure.page.locator(".mpk").inner_html().replace("&lt;", "")
        if "{all}" in query:
            named = [
                key
                for key in keys
                if any(f"({key})" in complaint for complaint in report["complaints"])
            ]
            assert {key: report["state"][key] for key in named} == {
                key: defaults[key] for key in named
            }

    for query, text in list(zip(BAD_ADDRESSES, texts, strict=True))[:2]:
        with Figure(browser, pages, name, text) as figure:
            check(figure, query)
    with Figure(browser, pages, name) as figure:
        for query, text in zip(BAD_ADDRESSES, texts, strict=True):
            figure.go("v=1")
            assert not figure.report()["complaints"]
            figure.go(text)
            check(figure, query)


@pytest.mark.parametrize("name", FIGURES)
def test_what_is_shared(browser, pages, name, tmp_path):
    state = random_state(name, 5)
    state |= {"compact": False} if "compact" in state else {}  # which hides the button
    with Figure(
        browser, pages, name, query_of(state), size={"width": 900, "height": 900}
    ) as figure:
        before = figure.whole()
        figure.press("Share")
        saved = {}
        for text, ending in (
            ("Save picture", "png"),
            ("Save numbers", "csv"),
            ("Save as a page", "html"),
        ):
            with figure.page.expect_download() as download:
                figure.press(text)
            saved[ending] = tmp_path / download.value.suggested_filename
            download.value.save_as(saved[ending])
            assert saved[ending].name == f"{name}.{ending}"
        assert (
            saved["png"].read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
            and saved["png"].stat().st_size > 10_000
        )
        lines = [line for line in saved["csv"].read_text().splitlines() if not line.startswith("#")]
        widths = {len(line.split(",")) for line in lines}
        assert len(lines) > 1 and len(widths) == 1
        copies = {
            "Copy link": f"#{name}?v=1&",
            "Copy embed code": "<iframe",
            "Copy as Python": f"mpack.widgets.{_sources.class_name(name)}(",
            "Copy report": '"figure"',
        }
        for text, part in copies.items():
            figure.press(text)
            figure.page.wait_for_function(
                f"() => document.querySelector('.mpk-copied').value.includes({json.dumps(part)})"
            )
        code = figure.call("return figure.python();")
        compile(code, "copied", "exec")
        assert not figure.visit.errors
    with Figure(browser, tmp_path.as_uri(), name) as alone:
        after = alone.whole()
        assert (after["state"], after["numbers"]) == (before["state"], before["numbers"])
        with alone.page.expect_download() as download:  # a saved page can be saved again
            alone.press("Share"), alone.press("Save as a page")
        assert download.value.suggested_filename == f"{name}.html"


def pages_with_links():
    sources = [*sorted((ROOT / "book").glob("*.md")), *sorted((ROOT / "notebooks").glob("*.ipynb"))]
    return [
        path.relative_to(ROOT).with_suffix(".html").as_posix()
        for path in sources
        if "{mpack-set}" in path.read_text(encoding="utf8")
    ]


def told_beside_the_picture(page, figure):
    """The words of a tour in its figure, once they and the first picture are in the window together."""
    page.wait_for_function(
        """id => { const words = document.getElementById(id).querySelector('.mpk-words');
            const canvas = document.getElementById(id).querySelector('canvas').getBoundingClientRect();
            return words.getBoundingClientRect().top >= 0 && canvas.bottom <= innerHeight; }""",
        arg=figure,
    )
    return page.locator(f"[id={figure}] .mpk-words").text_content().strip()


@pytest.mark.parametrize("where", pages_with_links())
def test_links_in_the_text_set_the_figure(browser, address, where):
    with Visit(browser, f"{address}/{where}") as visit:
        page = visit.page
        page.wait_for_function("() => !document.querySelector('.mpack-widget:not([data-live])')")
        page.evaluate(
            """for (const fold of document.querySelectorAll('.dropdown, details')) {
                fold.classList.remove('toggle-hidden'); fold.open = true; }"""
        )
        for link in page.locator("a.mpack-set:not(.mpk a)").all():
            figure, wanted = (
                link.get_attribute("data-figure"),
                json.loads(link.get_attribute("data-state")),
            )
            link.evaluate("link => link.click()")
            page.wait_for_function(
                "([id, wanted]) => { const { state } = document.getElementById(id).querySelector('.mpk').mpackFigure;"
                "return Object.entries(wanted).every(([key, value]) => state[key] === value || key === 'running'); }",
                arg=[figure, wanted],
            )
            assert page.evaluate("location.hash").startswith(f"#{figure}?")
            if link.evaluate("link => Boolean(link.closest('.mpack-tour'))"):
                assert told_beside_the_picture(page, figure) == link.evaluate(
                    "link => link.closest('.mpack-tour > li').textContent.trim()"
                )
            assert page.locator(f"[id={figure}] .mpk-notice").is_hidden()
            page.evaluate(
                "id => document.getElementById(id).querySelector('.mpk').mpackFigure.run(false)",
                figure,
            )
        assert not visit.errors


# ------------------------------------------------------------------------------------------------
# hard use


@pytest.mark.parametrize("name", FIGURES)
def test_whatever_is_pressed_the_figure_stands(browser, pages, name, seed):
    rng = random.Random(f"fuzz {name} {seed}")
    with Figure(browser, pages, name) as figure:
        found = []
        figure.call(UNFOLD)
        for _ in range(120):
            act = rng.choice(("slider", "number", "select", "box", "button", "text", "drag", "key"))
            found.append(act)
            figure.page.evaluate(FUZZ, [act, rng.random(), rng.random()])
            if rng.random() < 0.2:
                figure.page.wait_for_timeout(30)
        figure.whole()


@pytest.mark.parametrize("name", FIGURES)
def test_fifty_times_mounted_and_unmounted_nothing_is_left(browser, pages, name):
    with Figure(browser, pages, name) as figure:
        client = figure.visit.context.new_cdp_session(figure.page)

        def again(times):
            figure.page.evaluate(
                """async (times) => { const node = document.querySelector('.mpack-widget');
                for (let k = 0; k < times; k++) { mpackFigures.unmount(node); await mpackFigures.mount(node);
                    await new Promise(done => requestAnimationFrame(done)); } }""",
                times,
            )
            client.send("HeapProfiler.collectGarbage")
            client.send("HeapProfiler.collectGarbage")
            counters = client.send("Memory.getDOMCounters")
            heap = figure.page.evaluate("performance.memory.usedJSHeapSize")
            return counters["nodes"], counters["jsEventListeners"], heap

        nodes, listeners, heap = again(5)
        after = again(50)
        assert after[0] <= nodes + 60, "elements are left behind"
        assert after[1] <= listeners + 20, "listeners are left behind"
        assert after[2] <= heap + 4_000_000, "memory is left behind"
        figure.whole()


# ------------------------------------------------------------------------------------------------
# the same bits


RULES = [
    {"dynamics": name, "approximation": approximation, **extra}
    for name in ("PairwiseBRO", "NonreciprocalBRO", "IndividualBRO", "SGD", "RCD")
    for approximation in (False, True)
    for extra in ({"eps": 0.2, "alpha": 0.25, "batch_fraction": 0.6},)
] + [
    {"dynamics": "GD", "alpha": 0.05},
    {"dynamics": "SGD", "alpha": 0.25, "batch_size": 20},
    {"dynamics": "RCD", "alpha": 0.25, "batch_size": 20},
]


@pytest.fixture(scope="module")
def playground(browser, pages):
    with Figure(browser, pages, "playground") as figure:
        yield figure


def rule_name(rule):
    return "-".join(
        [rule["dynamics"], *(key for key in ("approximation", "batch_size") if rule.get(key))]
    )


@pytest.mark.parametrize("rule", RULES, ids=rule_name)
def test_the_page_computes_what_the_library_computes(playground, rule, seed):
    """Digest, number of steps, active particles, energy after 500 steps: dense and dilute, of all sizes and shapes."""
    for dim, phi, ratio, n, *shape in (
        ("2", 1.1, 1, 150),
        ("2", 1.1, 1.4, 120),
        ("2", 0.3, 1, 150),
        ("2", 0.35, 2.0, 101),
        ("3", 0.8, 1, 150),
        ("3", 0.3, 1.4, 20),
        ("2", 0.9, 1, 150, 1.7),
        ("2", 0.4, 2.0, 20, 3),
        ("3", 0.7, 1, 300, 1.5, "prolate"),
        ("3", 0.3, 1.4, 40, 2.15, "oblate"),
        ("3", 0.6, 1, 301, 2.5, "triaxial", False),
    ):
        state = {"n": n, "phi": phi, "dim": dim, "size_ratio": ratio, "seed": seed, "step": 500}
        state |= dict(
            zip(("aspect", "shape", "turning"), [*shape, *(1, "prolate", True)[len(shape) :]])
        )
        state |= rule
        run = list(_same.runs({**state, "step": 0}, [500]))[-1]
        playground.call(f"figure.model.replace({json.dumps(state)}); return Promise.resolve();")
        playground.settle()
        page = playground.whole()["numbers"]
        assert page["box"] == run.start.box
        assert (page["step"], page["digest"]) == (run.steps, run.digest)
        assert page["active"] == round(run.activity[-1] * run.final.n)
        assert page["energy"] == run.energy[-1]
        assert page["absorbed"] == run.absorbed and page["clipped"] == run.overflows == 0


def test_absurd_kicks_are_cut_as_the_library_cuts_them(browser, pages):
    """The largest learning rate in the smallest box: pushes of half the box and more."""
    state = {
        "dynamics": "RCD",
        "approximation": True,
        "alpha": 2,
        "batch_fraction": 0.5,
        "n": 20,
        "phi": 1.2,
        "seed": 5,
    }
    with pytest.warns(RuntimeWarning, match="reached half the box"):
        run = list(_same.runs(state, [200]))[-1]
    with Figure(browser, pages, "playground", query_of(state | {"step": 200})) as figure:
        assert figure.whole()["numbers"]["digest"] == run.digest


@pytest.mark.parametrize("dim", ("2", "3"))
def test_a_hundred_thousand_are_stepped(browser, pages, dim):
    state = {"dim": dim, "n": 100_000, "phi": 0.6, "eps": 0.3, "step": 3}
    (run,) = _same.runs({**state, "step": 0}, [3])
    with Figure(browser, pages, "playground", query_of(state)) as figure:
        assert figure.whole()["numbers"]["digest"] == run.digest
        assert min(painted(figure)) > 1


@pytest.mark.parametrize("name", COMPUTING)
def test_the_line_beside_a_digest_gives_it(browser, pages, name, seed):
    """What is written below a figure in some state, run by Python; and what it copies as Python."""
    for trial in range(2):
        state = random_state(name, 1000 + 2 * seed + trial)
        if "compact" in state:
            state["compact"] = False  # else the check is out of sight
        with Figure(browser, pages, name, query_of(state)) as figure:
            figure.call(UNFOLD)
            figure.settle()
            if not figure.within(".mpk-checked").is_visible():  # no run here
                assert figure.within(".mpk-status").inner_text()
                continue
            figure.wait("figure.root.querySelector('.mpk-digest')")
            figure.settle()
            code = figure.within(".mpk-code").inner_text()
            shown = figure.within(".mpk-digest").first.inner_text()
            names = {}
            exec(code, names)
            assert names["run"].digest == shown, state
            assert (
                len(names["run"].digest) == 32
                and shown in figure.within(".mpk-checked").inner_text()
            )
            numbers = figure.whole()["numbers"]
            assert numbers.get("digest", shown) == shown
            copied = figure.call("return figure.python();")
            assert name == "sweep" or code.splitlines()[-2] in copied  # which copies all of it


CROWD = """([code, seed]) => {
    const element = (tag, given) => Object.assign(document.createElement(tag), given),
        solid = new Function('runtime', code + '; return solid;')({ element }), colours = { paper: '#ffffff' },
        tones = ['#a9b6cc', '#dba400'], n = 400, state = { azimuth: 35, elevation: 22, zoom: 1 }, w = 420;
    let word = seed;
    const random = () => { word = (Math.imul(word, 1664525) + 1013904223) >>> 0; return word / 2 ** 32; };
    const places = Float64Array.from({ length: 3 * n }, random),
        flags = Uint8Array.from({ length: n }, () => random() > 0.5),
        widths = Float64Array.from({ length: n }, () => 0.04 + 0.08 * random());
    const picture = (paint) => { const node = element('canvas', { width: w, height: w }), g = node.getContext('2d');
        g.fillStyle = '#ffffff'; g.fillRect(0, 0, w, w); paint(g); return g.getImageData(0, 0, w, w).data; };
    const stamped = (flags) => picture(g => solid.crowd(g, state, { places, widths, flags, tones, phi: 0.6 }, colours));
    const laid = picture((g) => {
        const { camera, put, scale } = solid.view(state, w, w), seen = Array.from({ length: n }, (_, i) =>
            camera(places[3 * i] - 0.5, places[3 * i + 1] - 0.5, places[3 * i + 2] - 0.5));
        for (const i of solid.farthestFirst(seen.map(at => at[2]))) {
            const [x, y, closer] = put(seen[i]), r = widths[i] * closer * scale / 2,
                ball = solid.ball(tones[flags[i]], solid.fogOf(seen[i][2]), colours);
            g.drawImage(ball, x - r, y - r, 2 * r, 2 * r); } });
    const apart = (one) => { let sum = 0; for (let k = 0; k < one.length; k++) sum += Math.abs(one[k] - laid[k]);
        return sum / one.length; };
    return [apart(stamped(flags)), apart(stamped(flags.map(one => 1 - one))), apart(picture(() => {}))]; }"""


def test_a_crowd_drawn_pixel_by_pixel_is_the_picture_that_the_browser_draws(playground, seed):
    """But for edges: the mean difference of a channel, against that of swapped colours and of blank paper."""
    code = (_sources.FOLDER / "_solid.js").read_text(encoding="utf8")
    same, swapped, blank = playground.page.evaluate(CROWD, [code, seed])
    assert same < 3 and swapped > 4 * same and blank > 7 * same


def test_the_reader_sees_both_digests(browser, pages):
    known = json.loads((_sources.FOLDER / "playground.data.json").read_text(encoding="utf8"))[
        "runs"
    ][0]
    with Figure(browser, pages, "playground", query_of(known["state"] | {"step": 100})) as figure:
        figure.page.get_by_text("The same bits as the library").click()
        figure.page.wait_for_function(
            "() => document.querySelector('.mpk-checked').textContent.includes('Digest of the library')"
        )
        text = figure.page.locator(".mpk-checked").inner_text()
        assert text.count(known["digests"]["100"]) == 2 and "had the same" in text
        figure.call(
            "figure.figure.check.compared.page = 'f'.repeat(32); figure.figure.check.again();"
        )
        figure.page.wait_for_function(
            "() => document.querySelector('.mpk-checked').textContent.includes('defect')"
        )


# ------------------------------------------------------------------------------------------------
# the sweep


@pytest.fixture(scope="module")
def sweep(browser, pages):
    with Figure(browser, pages, "sweep") as figure:
        yield figure


SWEEPS = (
    {"dynamics": "PairwiseBRO", "dim": "3", "low": 0.5, "high": 0.65},
    {"dynamics": "SGD", "dim": "2", "low": 1.0, "high": 0.31},  # the ends in either order
    {"dynamics": "IndividualBRO", "dim": "3", "low": 0.6, "high": 0.6},  # a range too narrow
    {"dynamics": "RCD", "dim": "2", "low": 0.5, "high": 0.9},
    {"dynamics": "GD", "dim": "3", "low": 0.4, "high": 1.2, "eps": 0.3},  # alpha without an end
)


def swept(figure):
    """The table that the figure's own lines of Python make."""
    names, code = {}, figure.call("return figure.python();")
    exec(code[code.rindex("import mpack") :].replace("print(", "("), names)
    return names["table"]


@pytest.mark.parametrize("state", SWEEPS, ids=[state["dynamics"] for state in SWEEPS])
def test_the_sweep_is_the_library_s(sweep, state, seed):
    """By the lines it shows: every activity to the bit, digests, and what `mpack.critical` makes of them."""
    given = {"n": 60, "eps": 0.1, "steps": 500, "seed": seed, **state, "step": 500}
    sweep.go(query_of(given))
    numbers, table = sweep.whole()["numbers"], swept(sweep)
    points = pd.DataFrame(numbers["points"])
    assert list(points.phi) == list(table.phi) and len(points) == 20
    assert list(points.digest) == list(table.digest)
    assert list(points.steps) == list(table.steps)
    assert list(points.absorbed) == list(table.absorbed) and numbers["dead"] == sum(table.absorbed)
    series = sweep.call(
        "return figure.figure.list.map(run => [...run.activity.subarray(0, run.count)]);"
    )
    assert all(ours == row.activity.tolist() for ours, row in zip(series, table.series))
    assert points.f_inf.tolist() == pytest.approx(table.f_inf.tolist(), rel=1e-12)
    assert points.f_inf_error.tolist() == pytest.approx(table.f_inf_error.tolist(), rel=1e-6)
    assert list(points.reliable) == list(table.reliable)
    assert 0 < numbers["dead"] < 20 or state["dynamics"] != "PairwiseBRO"  # both fates are compared
    sweep.go(query_of({**given, "seed": seed + 1}))
    assert set(pd.DataFrame(sweep.whole()["numbers"]["points"]).digest).isdisjoint(points.digest)


def test_a_sweep_that_is_stopped_shows_what_one_saw_then(sweep):
    """At each moment, and on the curves of moments before, the value is `steady_activity` of the records so far."""
    sweep.go(query_of({"n": 60, "eps": 0.1, "steps": 500, "step": 120}))
    points, table = sweep.whole()["numbers"]["points"], swept(sweep)
    for k in (16, 33, 120):
        found = sweep.call(f"return figure.figure.list.map(run => run.steadyAt({k}));")
        for value, row in zip(found, table.series, strict=True):
            wanted = mpack.critical.steady_activity(row.times[: k + 1], row.activity[: k + 1])
            assert value == pytest.approx(wanted.value, rel=1e-12)
    found = mpack.critical.steady_activity(*(part[:121] for part in (row.times, row.activity)))
    last = points[-1]
    assert (last["f_inf_error"], last["reliable"]) == (pytest.approx(found.error), found.reliable)


def test_a_run_of_the_sweep_is_chosen_by_pointer_and_keys(browser, pages):
    with Figure(browser, pages, "sweep", query_of({"n": 60, "step": 40})) as figure:
        picker = figure.page.get_by_role("button", name="Choose a run")
        picker.focus()
        for key, shown in (("ArrowRight", 12), ("Shift+ArrowRight", 17), ("ArrowLeft", 16)):
            figure.page.keyboard.press(key)
            assert figure.state()["shown"] == shown
        for _ in range(3):
            figure.page.keyboard.press("Shift+ArrowRight")
        assert figure.state()["shown"] == 20
        assert "The run at 0.65" in figure.page.locator("[aria-live=polite]").inner_text()
        at = figure.call("return figure.figure.frame.X(figure.figure.list[4].phi);")
        picker.click(position={"x": at + 3, "y": 60})
        assert figure.state()["shown"] == 5
        figure.page.get_by_text("The same bits as the library").click()
        figure.settle()
        shown = figure.page.locator(".mpk-digest").inner_text()
        assert shown == figure.report()["numbers"]["points"][4]["digest"]
        figure.whole()


# ------------------------------------------------------------------------------------------------
# the kick cloud


@pytest.fixture(scope="module")
def cloud(browser, pages):
    with Figure(browser, pages, "kick_cloud") as figure:
        yield figure


def three_discs(rng):
    """Places of three discs of which at least two overlap."""
    while True:
        places = [[round(rng.uniform(-0.8, 0.8), 3) for _ in "xy"] for _ in range(3)]
        if any(0 < math.dist(places[i], places[j]) < 1 for i, j in ((0, 1), (0, 2), (1, 2))):
            return places


def kick_state(rule, places, seed):
    named = {
        f"{axis}{disc + 1}": place[k]
        for disc, place in enumerate(places)
        for k, axis in enumerate("xy")
    }
    return {
        "samples": 4000,
        "seed": seed,
        **named,
        **{"eps": 0.2, "alpha": 0.25, "batch_fraction": 0.6},
        **rule,
    }


@pytest.mark.parametrize(
    "rule",
    [rule | {"batch_size": min(2, rule.get("batch_size", 0))} for rule in RULES],
    ids=rule_name,
)
def test_the_cloud_s_moments_are_the_library_s(cloud, rule, seed):
    """Exact moments to rounding; the first draw to the bit; sampled means within 5 standard errors.

    18 means a rule, 13 rules, 2 places: a false alarm of all in some 4 in 10,000 runs.
    """
    rng = random.Random(f"{rule} {seed}")
    for trial in range(2):
        places = three_discs(rng)
        state = kick_state(rule, places, seed + trial)
        cloud.call(f"figure.model.replace({json.dumps(state)}); return Promise.resolve();")
        numbers = cloud.whole()["numbers"]
        playground = _sources.schema("playground")["state"]
        dynamics = _same.dynamics_of(
            _same.whole({key: state[key] for key in state if key in playground})
        )
        mean, covariance = mpack.kicks.moments(places, dynamics)
        for disc, exactly in enumerate(numbers["exact"]):
            own = covariance[2 * disc : 2 * disc + 2, 2 * disc : 2 * disc + 2]
            assert exactly["mean"] == pytest.approx(mean[disc], abs=1e-14)
            assert exactly["covariance"] == pytest.approx(
                [own[0, 0], own[1, 1], own[0, 1]], abs=1e-15
            )
            drawn = numbers["sampled"][disc]
            for found, true, error in zip(
                drawn["mean"], mean[disc], drawn["errors"][:2], strict=True
            ):
                assert abs(found - true) <= 5 * error + 1e-12
        start = mpack.Packing(places, box=8)
        run = mpack.simulate(start, dynamics, steps=1, seed=seed + trial)
        moved = (run.final.fixed - start.fixed) * (8 / 2**64)
        assert numbers["first"] == moved.tolist()
        assert numbers["digest"] == run.digest


def test_discs_are_dragged_and_walked(browser, pages):
    with Figure(browser, pages, "kick_cloud", size={"width": 900, "height": 900}) as figure:
        before = figure.state()
        handle = figure.page.get_by_role("button", name="Disc 2 at")
        box = handle.bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        figure.page.mouse.move(*middle)
        figure.page.mouse.down()
        figure.page.mouse.move(middle[0] + 40, middle[1] - 30, steps=4)
        figure.page.mouse.up()
        dragged = figure.state()
        assert dragged["x2"] > before["x2"] + 0.1 and dragged["y2"] > before["y2"] + 0.1
        handle.focus()
        for key, name, by in (("ArrowLeft", "x2", -0.02), ("Shift+ArrowDown", "y2", -0.1)):
            now = figure.state()[name]
            figure.page.keyboard.press(key)
            assert figure.state()[name] == pytest.approx(now + by)
        assert "mean kick" in figure.page.locator("[aria-live=polite]").inner_text()
        figure.whole()


# ------------------------------------------------------------------------------------------------
# phase space

PHASES = (
    {"eta": 0.05, "beta": 0.5, "batch_size": 16},
    {"eta": 0.1, "beta": 0.9, "batch_size": 5, "weight_decay": 0.3, "flat": 0.05},
    {"eta": 0.3, "beta": 0.0, "batch_size": 64, "flat": 1.0, "distance": 0},
)


@pytest.fixture(scope="module")
def phase(browser, pages):
    with Figure(browser, pages, "phase_space") as figure:
        yield figure


@pytest.mark.parametrize("state", PHASES)
def test_the_path_in_phase_space_is_the_library_s(phase, state, seed):
    """The same data, batches and recursion: after 300 steps the same point; and the same theory of each mode."""
    phase.call(
        f"figure.model.replace({json.dumps(state | {'step': 300, 'seed': seed})}); return Promise.resolve();"
    )
    phase.settle()
    page = phase.whole()["numbers"]
    fields = _sources.schema("phase_space")["state"]
    whole = {name: field["default"] for name, field in fields.items()} | state
    spectrum = [1.0, whole["flat"]]
    hyper = {name: whole[name] for name in ("eta", "beta", "batch_size", "weight_decay")}
    model = mpack.limiting.LinearRegressionSGD(spectrum=spectrum, **hyper)
    stationary = model.stationary()
    start = whole["distance"] * np.sqrt(stationary.position)
    assert page["start"] == pytest.approx(list(start), rel=1e-12)
    X, y = mpack.limiting.regression_data(spectrum, 1000, seed=seed)
    run = mpack.limiting.run_regression(model, X, y, record=[300], runs=1, seed=seed, start=start)
    assert page["step"] == 300
    assert page["theta"] == pytest.approx(list(run.theta[0, 0]), rel=1e-9, abs=1e-11)
    assert page["v"] == pytest.approx(list(run.v[0, 0]), rel=1e-9, abs=1e-11)
    for mode, theory in enumerate(page["theory"]):
        assert theory["position"] == pytest.approx(stationary.position[mode], rel=1e-12)
        assert theory["velocity"] == pytest.approx(stationary.velocity[mode], rel=1e-12)
        assert theory["factor"] == pytest.approx(model.minibatch_factor()[mode], rel=1e-10)
        assert theory["oscillates"] == model.oscillates()[mode]
        values = np.linalg.eigvals(mpack.limiting.step_matrix(model.eta, model.beta, model.h[mode]))
        if theory["oscillates"]:
            period = 2 * math.pi / np.angle(values).max()
            assert theory["period"] == pytest.approx(period, rel=1e-9)
        eigen = np.abs(values).max()
        assert theory["memory"] == pytest.approx(-1 / math.log(max(eigen, 1e-9)), rel=1e-6)


def test_a_path_that_runs_away_is_said_to(browser, pages):
    with Figure(
        browser, pages, "phase_space", "v=1&eta=1&batch_size=1&beta=0.9&step=5000"
    ) as figure:
        assert figure.whole()["numbers"]["lost"]
        assert "run away" in figure.page.locator(".mpk-status").inner_text()


# ------------------------------------------------------------------------------------------------
# the correlation


@pytest.fixture(scope="module")
def correlation(browser, pages):
    with Figure(browser, pages, "correlation") as figure:
        yield figure


@pytest.mark.parametrize("kicks", ("BRO", "SGD", "RO"))
def test_the_curve_in_the_page_is_that_of_the_formula(correlation, kicks, seed):
    """S = A(c) E(q) [1 + c g + chi (1 - g)] at the shells, at random c; another sign of c is another curve."""
    rng = random.Random(f"{kicks} {seed}")
    data = json.loads((_sources.FOLDER / "correlation.data.json").read_text(encoding="utf8"))[kicks]
    g, envelope = (np.array(data[name])[data["places"]] for name in ("g", "envelope"))
    for c in (-1.0, 0.0, 1.0, *(round(rng.uniform(-1, 1), 2) for _ in range(10))):
        correlation.call(f"figure.set({json.dumps({'kicks': kicks, 'c': c})});")
        found = correlation.report()["numbers"]
        level = np.interp(c, data["c"], data["levels"])
        curve = level * envelope * (1 + c * g + data["chi"] * (1 - g))
        assert found["curve"] == pytest.approx(curve.tolist(), rel=1e-9)
        assert found["longest"] == found["curve"][0]
        if abs(c) > 0.1:
            other = level * envelope * (1 - c * g + data["chi"] * (1 - g))
            assert found["curve"][0] != pytest.approx(other[0], rel=0.05)
    correlation.whole()


# ------------------------------------------------------------------------------------------------
# the collapse


@pytest.fixture(scope="module")
def collapse(browser, pages):
    with Figure(browser, pages, "collapse") as figure:
        yield figure


def collapse_points(process):
    """The figure's points as `mpack.scaling` takes them."""
    points = json.loads((_sources.FOLDER / "collapse.data.json").read_text(encoding="utf8"))[
        "points"
    ][process]
    found = {}
    for name, sizes in points.items():
        rows = [[size["n"], *row] for size in sizes for row in size["fitted"]]
        table = pd.DataFrame(rows, columns=["n", "phi", "a", "da"])
        found[name] = mpack.scaling.Data.from_table(table, rho="phi", a="a", da="da", n="n", dim=3)
    return found


def exponents_of(state):
    return {
        "rho_c": state["phi_c"],
        "nu": state["nu_perp"],
        "zeta_f": -state["beta"],
        "zeta_tau": state["nu_par"],
    }


@pytest.mark.parametrize("process", ("SGD", "RCD", "GD"))
def test_the_quality_in_the_page_is_the_library_s(collapse, process, seed):
    """S at the presets and at random settings, to rounding; it answers a wrong sign of beta, so the test can fail."""
    rng, data = random.Random(f"{process} {seed}"), collapse_points(process)
    classes = json.loads((_sources.FOLDER / "collapse.data.json").read_text(encoding="utf8"))[
        "classes"
    ]
    for name, values in classes.items():
        known = mpack.scaling.exponents(name, 3)
        assert values == {"beta": known.beta, "nu_perp": known.nu_perp, "nu_par": known.nu_parallel}
    settings = [{"phi_c": 0.5175} | values for values in classes.values()]
    settings += [
        {
            "phi_c": round(rng.uniform(0.505, 0.525), 7),  # never on a tie of two points
            "beta": rng.uniform(0.2, 1.2),
            "nu_perp": rng.uniform(0.4, 1.4),
            "nu_par": rng.uniform(0.2, 2.0),
        }
        for _ in range(20)
    ]
    for state in settings:
        collapse.call(f"figure.set({json.dumps({'process': process} | state)});")
        found = collapse.report()["numbers"]
        library = mpack.scaling.collapse(data, {}, fixed=exponents_of(state)).quality
        assert found["S"] == pytest.approx(library, rel=1e-9), state
        wrong = mpack.scaling.collapse(
            data, {}, fixed=exponents_of(state | {"beta": -state["beta"]})
        ).quality
        assert found["S"] != pytest.approx(wrong, rel=1e-3)
    collapse.whole()


def test_buttons_of_the_collapse_go_where_they_say(collapse):
    collapse.call("figure.set({ process: 'SGD', phi_c: 0.507, valley: false });")
    canvases = collapse.page.locator(".mpk-canvas:visible")
    assert canvases.count() == 2
    collapse.call("figure.set({ valley: true });")
    assert canvases.count() == 3
    shown = painted(collapse)
    assert len(shown) == 3 and min(shown) > 5
    collapse.call(UNFOLD)
    collapse.press("Manna")
    known = mpack.scaling.exponents("Manna", 3)
    state = collapse.state()
    assert (state["beta"], state["nu_perp"], state["nu_par"]) == (
        known.beta,
        known.nu_perp,
        known.nu_parallel,
    )
    assert state["phi_c"] == 0.507  # a class says nothing of the place
    collapse.press("Best φ for these exponents")
    lowest = collapse.report()
    fixed = {key: value for key, value in exponents_of(state).items() if key != "rho_c"}
    fit = mpack.scaling.collapse(
        collapse_points("SGD"), {"rho_c": 0.5175}, fixed=fixed, errors="none"
    )
    assert lowest["state"]["phi_c"] == pytest.approx(fit.rho_c, abs=2e-4)
    collapse.press("Best fit from here")
    best = collapse.report()
    assert best["numbers"]["S"] < lowest["numbers"]["S"] and best["numbers"]["used"] > 15
    assert "S" in collapse.page.locator("[aria-live=polite]").inner_text()
    names = {}
    exec(
        collapse.call("return figure.python();").replace("mpack.widgets.Collapse(", "dict("), names
    )
    assert names["S"] == pytest.approx(best["numbers"]["S"], rel=1e-9)
    collapse.press("Reset")
    defaults = {key: field["default"] for key, field in collapse.fields.items()}
    assert all(
        collapse.state()[key] == defaults[key] for key in ("phi_c", "beta", "nu_perp", "nu_par")
    )
    collapse.whole()


# ------------------------------------------------------------------------------------------------
# the valley


@pytest.fixture(scope="module")
def valley(browser, pages):
    with Figure(browser, pages, "valley") as figure:
        yield figure


@pytest.mark.parametrize("rule,fraction", (("SGD", "0.1"), ("RCD", "0.5"), ("RCD", "1.0")))
def test_the_rise_in_the_valley_is_the_library_s(valley, rule, fraction, seed):
    """Closed form and drawn mean and error, to rounding, at a random width; and of all states."""
    rng = random.Random(f"{rule} {fraction} {seed}")
    sigma, start, draws = (
        round(math.exp(rng.uniform(math.log(6e-4), math.log(0.06))), 6),
        rng.choice("123"),
        60,
    )
    state = {
        "rule": rule,
        "batch_fraction": fraction,
        "start": start,
        "sigma": sigma,
        "seed": seed,
        "step": draws,
    }
    valley.go(query_of(state))
    page = valley.whole()["numbers"]
    names = {}
    exec(valley.call("return figure.python();").replace("mpack.widgets.Valley(", "dict("), names)
    assert names["drawn"].samples == page["step"] == draws
    assert page["exact"] == pytest.approx(names["exact"], rel=1e-11)
    assert page["mean"] == pytest.approx(names["mean"], rel=1e-9)
    assert page["error"] == pytest.approx(names["error"], rel=1e-9)
    assert page["exact"] != pytest.approx(
        names["exact"] * 1.001, rel=1e-4
    )  # the comparison can fail
    data = json.loads((_sources.FOLDER / "valley.data.json").read_text(encoding="utf8"))
    kept = {(one["rule"], one["batch_fraction"]) for one in data["states"]}
    assert {(name, b) for name, points in page["levels"].items() for b, *_ in points} == kept
    for b, mean, error in page["levels"]["GD" if fraction == "1.0" else rule]:
        name = "GD" if b == 1 else rule
        found = [
            mpack.flatness(_same.settled(name, b, k), sigma).delta_v_over_u0 / 0.3
            for k in (1, 2, 3)
        ]
        assert (mean, error) == pytest.approx(
            (np.mean(found), np.std(found, ddof=1) / 3**0.5), rel=1e-9
        )


def test_a_draw_in_the_valley_is_a_displaced_packing(valley):
    """One draw alone, not averaged with its opposite: the library's energy of the displaced spheres."""
    valley.go(
        query_of({"rule": "SGD", "batch_fraction": "0.25", "sigma": 0.02, "paired": 0, "step": 3})
    )
    shift, forth, back = valley.call(
        "const { shift, values } = figure.figure; return [[...shift], values.forth[2], values.back[2]];"
    )
    packing = _same.settled("SGD", 0.25, 1)
    shift = np.reshape(shift, (-1, 3))
    assert np.std(shift) == pytest.approx(0.02, rel=0.12)  # 900 numbers: five standard errors
    for sign, found in ((1, forth), (-1, back)):
        moved = mpack.Packing(packing.positions + sign * shift, box=packing.box)
        rise = (mpack.energy(moved) - mpack.energy(packing)) / 0.5 / 0.3
        assert found == pytest.approx(rise, rel=1e-9)


def test_what_the_text_says_of_the_valley(valley):
    """SGD, gradient descent and RCD lie apart by more than draws scatter; the outline of the state before stays."""
    found = {}
    for rule, fraction in (("SGD", "1.0"), ("SGD", "0.1"), ("RCD", "0.1")):
        valley.go(query_of({"rule": rule, "batch_fraction": fraction, "step": 200}))
        page = valley.whole()["numbers"]
        found[page["rule"]] = page["exact"], page["error"] * 200**0.5
    spread = max(scatter for _, scatter in found.values())
    assert found["SGD"][0] + 2 * spread < found["GD"][0] < found["RCD"][0] - 2 * spread
    assert valley.call("return figure.figure.ghost?.rule;") == "SGD"
    valley.call("figure.set({ levels: true });")
    shown = painted(valley)
    assert len(shown) == 3 and min(shown) > 5
    valley.go(query_of({"sigma": 0.0015, "paired": 0, "step": 300}))
    alone = valley.report()["numbers"]["error"]
    assert valley.call("return Math.min(...figure.figure.values.forth);") < 0
    valley.call("figure.set({ paired: true });")
    assert valley.whole()["numbers"]["error"] < 0.5 * alone
    assert "closed form" in valley.page.locator(".mpk-status").inner_text()


# ------------------------------------------------------------------------------------------------
# spheres


@pytest.fixture(scope="module")
def spheres(browser, pages):
    with Figure(browser, pages, "spheres") as figure:
        yield figure


MOMENTS = [{"packing": name} for name in ("start", "late", "rest", "active")]
OWN = [
    {"dynamics": "SGD", "alpha": 0.2, "batch_fraction": 0.5, "phi": 0.6, "n": 200, "step": 300},
    {"dynamics": "IndividualBRO", "eps": 0.05, "phi": 0.3, "n": 40, "step": 100_000},
    {"dynamics": "GD", "alpha": 0.05, "phi": 0.7, "n": 1000, "seed": 2**53 - 1, "step": 1},
    {"eps": 0.05, "phi": 0.62, "n": 250, "aspect": 2, "shape": "oblate", "step": 60},
    {
        "dynamics": "RCD",
        "phi": 0.5,
        "aspect": 1.5,
        "shape": "triaxial",
        "turning": False,
        "step": 9,
    },
    {"dynamics": "SGD", "phi": 0.8, "n": 40, "aspect": 3, "step": 20},  # which become 200
]


def check_cuts(cuts, packing, place, axis):
    """Ten points on the edge of each ellipse are on the surface of its particle, and in the plane."""
    others = [other for other in range(3) if other != axis]
    turns = matrices(packing.orientations)
    for i, x, y, xx, yy, xy in cuts:
        edge = np.linalg.cholesky([[xx, xy], [xy, yy]]) @ [np.cos(range(10)), np.sin(range(10))]
        point = np.full((10, 3), place)
        point[:, others] = edge.T + [x, y]
        gap = point - packing.positions[i] / packing.box
        own = (gap - np.round(gap)) * packing.box @ turns[i] / packing.axes[i]
        assert np.sum(own**2, axis=1) == pytest.approx(np.ones(10), rel=1e-6)


@pytest.mark.parametrize("state", [*MOMENTS, *({"packing": "own"} | one for one in OWN)], ids=str)
def test_the_spheres_are_the_library_s(spheres, state, seed):
    """Digest, activity, contacts at a random gap, overlaps, kicks, and what a plane cuts."""
    rng = random.Random(f"{state} {seed}")
    gap, place, axis = (
        round(math.exp(rng.uniform(math.log(1e-3), math.log(0.1))), 5),
        rng.random(),
        rng.choice("xyz"),
    )
    look = {"gap": gap, "place": round(place, 3), "axis": axis, "slab": 0.3}
    spheres.go(query_of(state | look))
    page, names = spheres.whole()["numbers"], {}
    exec(spheres.call("return figure.python().replace(/^mpack.widgets.*$/m, '');"), names)
    run, contacts = names["run"], names["contacts"]
    final, depths = run.final, 1 - mpack.ellipsoids.pair_contacts(run.final).mu
    assert (page["digest"], page["spheres"], page["step"]) == (run.digest, final.n, run.steps)
    assert (page["activity"], page["absorbed"]) == (run.activity[-1], run.absorbed)
    assert (page["pairs"], page["contacts"]) == (contacts.pairs, contacts.mean)
    assert page["loose"] == np.count_nonzero(contacts.counts <= 3)
    assert page["overlap"] == depths.max(initial=0)
    kicks = nearest_displacements(final, mpack.simulate(run, steps=1).final)
    assert page["kick"] == pytest.approx(np.linalg.norm(kicks, axis=1).mean(), rel=1e-9)
    away = final.positions[:, "xyz".index(axis)] / final.box - round(place, 3)
    away = np.abs(away - np.round(away))
    assert page["shown"] == np.count_nonzero(away <= 0.15)
    spans = np.sqrt(
        np.sum((matrices(final.orientations)[:, "xyz".index(axis)] * final.axes) ** 2, axis=1)
    )
    assert page["discs"] == np.count_nonzero(away * final.box < spans)
    check_cuts(
        spheres.call("return figure.figure.discs();"), final, round(place, 3), "xyz".index(axis)
    )
    points = dict(spheres.call("return figure.figure.points();"))
    options = {"steps": run.steps, "seed": run.seed, "record": sorted(points)}
    again = mpack.simulate(run.start, run.dynamics, **options)
    assert list(points.values()) == again.activity.tolist()
    if state["packing"] == "rest":
        assert run.absorbed and "nothing moves any more" in spheres.status()
    if state["packing"] == "active":  # what the text says of it
        assert page["activity"] > 0.9 and np.median(depths) < 0.01 < 0.3 < depths.max()
    if state["packing"] == "late":
        moving = np.flatnonzero(kicks.any(axis=1))
        near = final.positions[moving][:, None] - final.positions[moving]
        near = np.linalg.norm(near - final.box * np.round(near / final.box), axis=2) < 1.2
        knots = connected_components(near)[1]
        assert (
            len(moving) < final.n / 10
            and len(set(knots)) < 12
            and np.bincount(knots).max() > len(moving) / 2
        )


def test_a_moment_goes_on_as_its_run_does(spheres):
    """Steps counted from there, in links too; at rest nothing happens."""
    spheres.go(query_of({"packing": "late", "step": 250}))
    assert spheres.whole()["numbers"]["step"] == 12_150
    for _ in range(3):
        spheres.press("One step")
    assert spheres.state()["step"] == 253
    start = mpack.Packing.random(n=600, phi=0.62, dim=3, seed=1)
    run = mpack.simulate(start, mpack.PairwiseBRO(eps=0.01), steps=12_153, seed=1)
    assert spheres.report()["numbers"]["digest"] == run.digest
    spheres.call("figure.set({ speed: 10000 });")
    spheres.press("Run")
    spheres.wait("!figure.running")  # it stops by itself where nothing overlaps
    assert spheres.whole()["numbers"]["step"] == 12_199
    spheres.press("Run")
    spheres.wait("!figure.running")
    assert spheres.state()["step"] == 299
    spheres.call("figure.set({ packing: 'own', phi: 0.3 });")
    spheres.settle()
    assert spheres.report()["numbers"]["step"] == 0
    assert spheres.within("[data-control=phi]").is_visible()


def test_spheres_are_turned_by_pointer_and_keys(spheres):
    spheres.go(query_of({"azimuth": 170, "elevation": 80, "zoom": 1}))
    before = painted(spheres)
    turner = spheres.page.get_by_role("button", name="Turn the packing")
    turner.focus()
    for key in ("ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowUp", "+"):
        spheres.page.keyboard.press(key)
    state = spheres.state()
    assert (state["azimuth"], state["elevation"], state["zoom"]) == (170 + 18 - 360, 90, 1.1)
    assert "Turned by -172 degrees" in spheres.page.locator("[aria-live=polite]").inner_text()
    box = turner.bounding_box()
    spheres.page.mouse.move(box["x"] + 50, box["y"] + 50)
    spheres.page.mouse.down()
    spheres.page.mouse.move(box["x"] + 10, box["y"] + 20, steps=3)
    spheres.page.mouse.up()
    dragged = spheres.state()
    assert (dragged["azimuth"], dragged["elevation"]) == (-152, 75)
    spheres.page.mouse.wheel(0, 100)  # by itself it scrolls the page
    assert spheres.state()["zoom"] == 1.1
    assert (
        min(before) > 5
        and spheres.call(
            "return getComputedStyle(document.querySelector('.mpk-turner')).touchAction;"
        )
        == "pan-y"
    )
    spheres.whole()


# ------------------------------------------------------------------------------------------------
# the approach


@pytest.fixture(scope="module")
def approach(browser, pages):
    with Figure(browser, pages, "approach") as figure:
        yield figure


def test_the_line_to_zero_is_the_library_s(approach):
    """Value and error at zero of every line, and the runs from the archive that the figure points to."""
    data = json.loads((_sources.FOLDER / "approach.data.json").read_text(encoding="utf8"))
    assert {scan["alpha"] for scan in data["scans"]} == set(approach.fields["alpha"]["values"])
    assert {scan["process"] for scan in data["scans"]} == set(approach.fields["process"]["options"])
    ends = {}
    for process in approach.fields["process"]["options"]:
        fits = {
            scan["alpha"]: scan["fit"]
            for scan in data["scans"]
            if scan["process"] == process and scan.get("fit")
        }
        for alpha in approach.fields["alpha"]["values"]:
            approach.call(
                f"figure.set({json.dumps({'process': process, 'alpha': alpha, 'above': 0.03})});"
            )
            limit = approach.report()["numbers"]["limit"]
            above = [a for a in sorted(fits) if a >= alpha][:3]
            used = above if len(above) == 3 else sorted(fits)[-3:]
            assert limit["alphas"] == used
            library = mpack.critical.to_zero(used, *np.array([fits[a][:2] for a in used]).T)
            assert (limit["value"], limit["error"]) == pytest.approx(
                (library.value, library.error), rel=1e-9
            )
            ends[process, alpha] = limit["value"]
        assert ends[process, 0.1] < ends[process, 0.003] + 0.003
    # What the text says: the line of the first process moves up, and all meet in one point.
    assert ends["SGD 0.6", 0.1] < ends["SGD 0.6", 0.03] < ends["SGD 0.6", 0.003]
    assert (
        np.ptp([ends[process, 0.003] for process in approach.fields["process"]["options"]]) < 0.005
    )
    approach.whole()


APPROACHES = (
    ("SGD 0.6", 0.1, 0.02),
    ("BRO", 0.1, 0.03),
    ("RCD 0.2", 0.3, 0.01),
    ("GD", 0.05, 0.03),
    ("individual BRO", 0.2, 0.0),
    ("RCD 0.2", 0.001, 0),
)


@pytest.mark.parametrize("process,alpha,above", APPROACHES)
def test_a_run_of_the_approach_is_the_archive_s(approach, process, alpha, above):
    """What the archive says of it; and the page, which does it again, arrives where the archive did."""
    approach.go(query_of({"process": process, "alpha": alpha, "above": above}))
    page = approach.whole()["numbers"]
    code = approach.call("return figure.python();").replace("mpack.widgets.Approach(", "dict(")
    names = {}
    exec(code, names)
    runs = names["runs"]
    assert len(painted(approach)) == 4
    if page["steps"] is None:  # where no run is, the figure says so
        assert page["page"] is None and not len(runs) and "no run" in approach.status()
        return
    (row,) = runs[runs.seed == 0].itertuples()
    assert (page["steps"], page["absorbed"]) == (row.steps, row.absorbed)
    assert ("Absorbed after" if page["absorbed"] else "Still active") in approach.status()
    assert (page["page"]["step"], page["page"]["digest"]) == (row.steps, row.digest)
    assert page["page"]["active"] == round(row.activity * row.n)
    assert names["run"].digest == row.digest and "the same to the last bit" in approach.status()
    slices = approach.call("return figure.figure.slice();")
    final = names["run"].final
    height = final.box * 2.0**-64 * final.fixed[:, 2]
    cut = np.abs(height) < 0.5
    assert [one["z"] for one in slices] == pytest.approx(height[cut].tolist(), abs=1e-8)
    active = np.isin(np.flatnonzero(cut), final.overlaps()[0])
    assert [one["active"] for one in slices] == active.tolist()


def test_a_long_run_of_the_approach_waits_until_it_is_asked_for(approach):
    approach.go(query_of({"process": "SGD 0.2", "alpha": 0.003, "above": 0.04}))
    assert approach.whole()["numbers"]["page"]["step"] == 0
    approach.press("Compute this run")
    approach.wait("figure.figure.engine.step > 200")
    approach.press("Stop")
    approach.settle()
    page = approach.whole()["numbers"]["page"]
    assert 200 < page["step"] < 200_000 and "as far as step" in approach.status()
    names = {}
    exec(approach.call("return figure.figure.inPython().join('\\n');"), {"mpack": mpack}, names)
    assert names["run"].digest == page["digest"]
    end = "figure.figure.last = figure.figure.engine.step; figure.figure.check.begin();"
    approach.call(f"{end} figure.redraw();")
    approach.settle()
    assert "a defect" in approach.status()  # another end than the archive's would be told


KERNEL = """async ([messages, bytes]) => {
    const own = document.querySelector('.mpk').mpackFigure.model, heard = {}, sent = [];
    const model = { get: name => name === 'driven' ? true : name === 'colour' ? 'kick' : undefined, set() {},
        save_changes() {}, send: content => sent.push(content), off() {},
        on: (event, handler) => (heard[event] ??= []).push(handler) };
    const module = await import(URL.createObjectURL(new Blob([own.get('_esm')], { type: 'text/javascript' })));
    const el = document.body.appendChild(document.createElement('div')), end = module.default.render({ model, el });
    const rest = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    const kept = document.querySelectorAll('.mpk'), ui = kept[kept.length - 1].mpackFigure, seen = [];
    for (const [k, content] of messages.entries()) {
        el.scrollIntoView();  // each time: it grows, and rests where it is out of sight
        const odd = new Uint8Array([0, ...(bytes[k] ?? [])]);  // as it comes: not on a whole number of floats
        for (const handler of heard['msg:custom']) handler(content, [new DataView(odd.buffer, 1)]);
        await rest();
        for (let k = 0; k < 100 && content.frame && !sent.some(one => one.drawn === content.frame); k++) await rest();
        seen.push([el.querySelector('.mpk-notice').textContent, el.querySelector('.mpk-status').textContent,
            el.querySelector('.mpk-main').textContent, ui.report().numbers]);
    }
    el.querySelector('.mpk-main').click();
    const failed = ui.failed?.stack ?? null, csv = ui.csv();
    end(); el.remove();
    return { sent, seen, failed, csv };
}"""


@pytest.mark.parametrize("axes", (None, (2.0, 1.0, 0.8)))
@pytest.mark.parametrize("dim", (2, 3))
def test_spheres_that_a_kernel_drives(spheres, dim, axes):
    """Its messages, as `mpack.widgets.drive` writes them; what the figure shows, and answers."""
    given = {} if axes is None else {"axes": axes[:dim]}
    packing = mpack.Packing.random(n=300, phi={2: 0.6, 3: 0.5}[dim], dim=dim, seed=1, **given)
    driven = mpack.widgets.drive(packing, mpack.PairwiseBRO(eps=0.1), stride=4)
    messages = []
    driven.send = lambda content, buffers=None: messages.append(
        (content, list(buffers[0]) if buffers else None)
    )
    driven._heard(driven, {"hello": True}, [])
    driven._heard(driven, {"drawn": 1}, [])
    driven._heard(driven, {"once": True}, [])
    assert driven.wait(60)
    driven.error = ValueError("the box is on fire")
    messages.append(({"going": False, **driven._said()}, None))
    found = spheres.page.evaluate(
        KERNEL, [[content for content, _ in messages], [data for _, data in messages]]
    )
    assert found["failed"] is None
    shown = [numbers for *_, numbers in found["seen"]]
    assert (
        shown[0]["step"] == 0
        and shown[-1]["step"] == 4
        and shown[-1]["digest"] == driven.trajectory.digest
    )
    assert shown[-1]["activity"] == driven.trajectory.activity[-1]
    contacts = mpack.contacts(driven.trajectory.final, tolerance=0.02)
    assert shown[-1]["pairs"] == pytest.approx(contacts.pairs, abs=2)  # places come as float32
    notice, _, button, _ = found["seen"][-1]
    assert (
        "the box is on fire" in notice
        and button == "Run"
        and "Stop" in [one[2] for one in found["seen"]]
    )
    frames = [content["frame"] for content, _ in messages if "frame" in content]
    assert found["sent"] == [
        {"hello": True},
        *({"drawn": number} for number in frames),
        {"go": True},
    ]
    assert len(found["csv"].splitlines()) == 300 + 3
    assert ("q_w" in found["csv"]) == (axes is not None)
    spheres.whole()
    driven.close()


# ------------------------------------------------------------------------------------------------
# an eighth figure


def test_a_figure_added_by_the_description_works(browser, tmp_path, monkeypatch):
    """The two files that ADDING.md spells out, in a copy of the folder, and nothing more."""
    folder = shutil.copytree(
        _sources.FOLDER, tmp_path / "widgets", ignore=shutil.ignore_patterns("__pycache__")
    )
    text = (folder / "ADDING.md").read_text(encoding="utf8")
    for ending in ("json", "js"):
        (folder / f"last_pair.{ending}").write_text(
            re.search(rf"```{ending}\n(.*?)```", text, re.DOTALL)[1], encoding="utf8"
        )
    monkeypatch.setattr(_sources, "FOLDER", folder)
    _sources.schema.cache_clear()
    try:
        assert "last_pair" in _sources.names() and _sources.class_name("last_pair") == "LastPair"
        assert _sources.from_text("last_pair", _sources.schema("last_pair")["still"]) == {"step": 5}
        (tmp_path / "last_pair.html").write_text(_sources.standalone("last_pair"), encoding="utf8")
        base = tmp_path.as_uri()
        test_run_pause_step_and_reset(browser, base, "last_pair")
        test_every_control_answers_the_keyboard(browser, base, "last_pair")
        test_axe_finds_nothing_in_either_theme_or_width(browser, base, "last_pair")
        test_what_is_shared(browser, base, "last_pair", tmp_path)
        test_whatever_is_pressed_the_figure_stands(browser, base, "last_pair", 1)
        with Figure(browser, base, "last_pair", "v=1&eps=1&step=3") as figure:
            assert figure.whole()["numbers"]["step"] <= 3
    finally:
        _sources.schema.cache_clear()
