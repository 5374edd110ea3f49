"""Runs beside the page: in a worker, or, where a page may have none, between its pictures; the same bits either way."""

import random

import numpy as np
import pytest

import mpack
from mpack.widgets import _same, _sources
from tests.browser.test_widgets import Figure, query_of

# Pages without workers, each in its own way: none at all, forbidden, one that does not start, one that is silent.
ALONE = {
    "none": "<script>delete globalThis.Worker;</script>",
    "forbidden": "<meta http-equiv='Content-Security-Policy' content=\"worker-src 'none'\">",
    "broken": "<script>globalThis.Worker = class extends EventTarget { terminate() {} postMessage() {}"
    " constructor() { super(); setTimeout(() => this.dispatchEvent(new Event('error'))); } };</script>",
    "silent": "<script>globalThis.Worker = class extends EventTarget { terminate() {} postMessage() {} };"
    " const wait = setTimeout; globalThis.setTimeout = (what, how) => wait(what, how === 10000 ? 50 : how);</script>",
}
FRAMES = "for (let k = 0; k < 20; k++) await new Promise(done => requestAnimationFrame(done));"
# An order that would go on for days, given in the name of the figure.
LONG = "figure.figure.runs.post({ id: 0, begin: null, until: 1e6, patience: 1e12, see: 0, kicks: false });"


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """{what a page may have: the address of its folder}, pages of the playground in files."""
    found = {}
    for kind, head in {"worker": "", **ALONE}.items():
        folder = tmp_path_factory.mktemp(kind)
        page = _sources.standalone("playground").replace("<title>", head + "<title>", 1)
        (folder / "playground.html").write_text(page, encoding="utf8")
        found[kind] = folder.as_uri()
    return found


def opened(browser, bases, kind, state):
    return Figure(browser, bases[kind], "playground", query_of(state))


def whole(figure, kind):
    """The figure's report; what it may not do is said on the console by some browsers, and nothing else is."""
    complaints = figure.visit.errors
    assert not complaints or (kind == "forbidden" and all("worker" in one for one in complaints))
    report = figure.report()
    assert report["error"] is None and not figure.within(".mpk-notice").is_visible()
    return report["numbers"]


def random_run(rng):
    rule = rng.choice(["PairwiseBRO", "NonreciprocalBRO", "IndividualBRO", "SGD", "RCD", "GD"])
    return {
        "dynamics": rule,
        "dim": rng.choice("23"),
        "n": rng.choice([40, 130, 600]),
        "phi": round(rng.uniform(0.2, 1.0), 3),
        "eps": round(rng.uniform(0.02, 0.5), 3),
        "alpha": round(rng.uniform(0.02, 0.5), 3),
        "size_ratio": rng.choice([1, 1.4]),
        "aspect": rng.choice([1, 1, 1.5, 2.75]),
        "shape": rng.choice(["prolate", "oblate", "triaxial"]),
        "turning": rng.random() < 0.7,
        "seed": rng.randrange(2**50),
        "step": rng.choice([1, 90, 700]),
    }


def library(state):
    """(digest, steps, rows of the figure's table) of the run of a state."""
    begun = _same.whole({**state, "step": 0})
    start, rule = _same.start_of(begun), _same.dynamics_of(begun)
    run = mpack.simulate(
        start, rule, steps=state["step"], seed=state["seed"], record=mpack.every(1)
    )
    return run.digest, run.steps, np.c_[run.times, run.activity, run.energy / start.n]


def test_with_and_without_a_worker_the_records_are_the_library_s(browser, bases, seed):
    """Digest, and activity and energy of every step, of random runs in each kind of page; another seed has others."""
    rng = random.Random(f"runs {seed}")
    states = [random_run(rng) for _ in range(5)]
    wanted = [library(state) for state in states]
    assert library({**states[0], "seed": states[0]["seed"] + 1})[0] != wanted[0][0]
    for kind in bases:
        with opened(browser, bases, kind, {"n": 25}) as figure:
            for state, (digest, steps, rows) in zip(states, wanted):
                figure.go(query_of(state))
                found = whole(figure, kind)
                assert (found["digest"], found["step"]) == (digest, steps), (kind, state)
                assert np.array_equal(figure.call("return figure.figure.table().rows;"), rows)
            assert len(figure.page.workers) == (kind == "worker")
            assert figure.call("return Boolean(figure.figure.runs.worker);") == (kind == "worker")


def test_a_step_however_long_holds_no_picture(browser, bases):
    """While the worker is at an order without end, frames come and the reader turns the box; and leaves it."""
    with opened(browser, bases, "worker", {"dim": "3", "n": 500, "phi": 0.9}) as figure:
        figure.call(LONG)
        for azimuth in (10, 50, 90):
            before = figure.call("return figure.frames;")
            figure.page.evaluate(f"async () => {{ {FRAMES} }}")
            figure.call(f"figure.set({{ azimuth: {azimuth} }});")
            figure.wait(f"figure.frames > {before}")
        assert figure.call("return Boolean(figure.figure.runs.open) && figure.figure.step === 0;")
        figure.page.evaluate("mpackFigures.unmount(document.querySelector('.mpack-widget'))")
        figure.page.wait_for_function("() => !document.querySelector('.mpk')")
        for _ in range(100):
            if not figure.page.workers:
                break
            figure.page.wait_for_timeout(50)
        assert not figure.page.workers


def test_mounted_again_and_again_there_is_one_worker(browser, bases):
    with opened(browser, bases, "worker", {"n": 100}) as figure:
        figure.page.evaluate(
            """async () => { const node = document.querySelector('.mpack-widget');
            for (let k = 0; k < 20; k++) { mpackFigures.unmount(node); await mpackFigures.mount(node); } }"""
        )
        figure.wait("figure.figure.report().step === 0")
        for _ in range(100):
            if len(figure.page.workers) == 1:
                break
            figure.page.wait_for_timeout(50)
        assert len(figure.page.workers) == 1
        whole(figure, "worker")


@pytest.mark.parametrize("kind", ("worker", "none"))
def test_of_many_wishes_the_last_is_granted(browser, bases, kind):
    """Thirty changes at once make no thirty runs, and a run that is wanted no more says nothing."""
    with opened(browser, bases, kind, {"n": 300, "step": 20}) as figure:
        asked = figure.call("""const { runs } = figure.figure, first = runs.post.bind(runs); let begun = 0;
            runs.post = (order) => { begun += Boolean(order.begin); first(order); };
            figure.run(true);
            for (let k = 0; k < 30; k++) figure.set({ phi: 0.5 + 0.01 * k });
            figure.run(false); figure.set({ eps: 0.21, phi: 0.71 });
            return new Promise(done => { const look = () => figure.figure.busy() ? setTimeout(look, 20) : done(begun);
                look(); });""")
        assert 1 <= asked <= 3
        run = mpack.simulate(
            mpack.Packing.random(n=300, phi=0.71, dim=2, seed=1),
            mpack.PairwiseBRO(eps=0.21),
            steps=0,
            seed=1,
        )
        assert whole(figure, kind)["digest"] == run.digest


@pytest.mark.parametrize("kind", ("worker", "none"))
def test_a_page_that_nobody_looks_at_computes_nothing(browser, bases, kind):
    hide = """hidden => { Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true });
        document.dispatchEvent(new Event('visibilitychange')); }"""
    with opened(browser, bases, kind, {"n": 200, "phi": 0.9, "speed": 500}) as figure:
        figure.call("figure.run(true);")
        figure.wait("figure.figure.step > 20")
        figure.page.evaluate(hide, True)
        figure.wait("!figure.figure.runs.open")
        step = figure.call("return figure.figure.step;")
        figure.page.evaluate(f"async () => {{ {FRAMES} }}")
        assert figure.call("return figure.running && figure.figure.step;") == step
        figure.page.evaluate(hide, False)
        figure.wait(f"figure.figure.step > {step + 20}")
        whole(figure, kind)


@pytest.mark.parametrize("kind", ("worker", "none"))
def test_what_goes_wrong_there_is_said_here(browser, bases, kind):
    with opened(browser, bases, kind, {"n": 100}) as figure:
        figure.call(
            "figure.figure.runs.begin([{ start: { n: 2, phi: 1.2, dim: 3, seed: 1 },"
            " rule: { dynamics: 'PairwiseBRO', eps: 0.1 }, seed: 1 }]);"
        )
        figure.wait("figure.failed")
        assert "two largest diameters wide" in figure.notice()


@pytest.mark.parametrize("kind", ("worker", "none"))
def test_several_runs_go_on_together(browser, bases, kind, seed):
    """Of different sizes and rules, in one memory: each with its own bits, absorbed or not."""
    runs = [
        {"n": n, "phi": phi, "dim": dim, "eps": eps, "seed": str(seed + place)}
        for place, (n, phi, dim, eps) in enumerate(
            [(60, 0.3, 2, 0.3), (300, 0.9, 2, 0.1), (80, 0.7, 3, 0.1), (50, 0.2, 3, 0.2)]
        )
    ]
    with opened(browser, bases, kind, {"n": 100}) as figure:
        told = figure.page.evaluate(
            """async runs => { const ui = document.querySelector('.mpk').mpackFigure, { runs: own } = ui.figure;
                ui.figure.heard = () => {};
                const all = runs.map(() => []), step = 0;
                own.digests = true; own.see = null;
                const ends = await new Promise(done => {
                    own.heard = news => { news.told.forEach(({ active }, k) => all[k].push(...active));
                        if (news.over || news.step >= 400) done(news.told.map(one => [one.step, one.digest])); };
                    own.begin(runs.map(({ n, phi, dim, eps, seed }) => ({ start: { n, phi, dim, seed: BigInt(seed) },
                        rule: { dynamics: 'PairwiseBRO', eps }, seed: BigInt(seed) })));
                    own.target = 400; });
                return [ends, all]; }""",
            runs,
        )
        for given, (step, digest), active in zip(runs, *told, strict=True):
            start = mpack.Packing.random(
                n=given["n"], phi=given["phi"], dim=given["dim"], seed=int(given["seed"])
            )
            run = mpack.simulate(
                start,
                mpack.PairwiseBRO(eps=given["eps"]),
                steps=400,
                seed=int(given["seed"]),
                record=mpack.every(1),
            )
            assert (step, digest) == (run.steps, run.digest)
            assert np.array_equal(np.array(active) / given["n"], run.activity)
        assert not all(step == 400 for step, _ in told[0])  # one came to rest
