"""Ellipses and ellipsoids as figures draw them: outlines against rays, and pixel by pixel against the browser's own."""

import base64
import io

import numpy as np
import pytest
from matplotlib import image

from mpack.widgets import _sources
from tests.slow_bodies import matrices

WIDE = 420
TONES = ["#a9b6cc", "#dba400"]
DRAWING = """([given, how]) => {
    const element = (tag, given) => Object.assign(document.createElement(tag), given),
        [solid, shapes] = new Function('runtime', given.code + '; return [solid, shapes];')({ element }),
        w = given.wide, node = element('canvas', { width: w, height: w }), g = node.getContext('2d'),
        colours = { paper: '#ffffff' }, view = solid.view(given.state, w, w),
        bodies = { ...given, forms: shapes.forms(Float64Array.from(given.turns), Float64Array.from(given.semi), 1) },
        flat = (tones, paper, put) => shapes.flat({ ...bodies, tones }, w, given.rim, paper, put);
    g.fillStyle = '#ffffff'; g.fillRect(0, 0, w, w);
    ({ solids: () => shapes.solids(g, view, bodies, w, w, colours),
       crowd: () => shapes.crowd(g, view, bodies, colours),
       fill: () => flat(given.tones, '#ffffff', (...one) => shapes.fill(g, ...one)),
       pixels: () => solid.stamped(g, pixels => flat(given.tones.map(solid.pixel), solid.pixel('#ffffff'),
           (...one) => shapes.fillPixels(pixels, w, w, ...one))),
       balls: () => { const { camera, put, scale } = view, n = given.flags.length,
           at = Array.from({ length: n }, (_, i) => camera(...[0, 1, 2].map(k => given.places[3 * i + k] - 0.5)));
           for (const i of solid.farthestFirst(at.map(one => one[2]))) {
               const [x, y, closer] = put(at[i]), r = given.semi[3 * i] * closer * scale;
               g.drawImage(solid.ball(given.tones[given.flags[i]], solid.fogOf(at[i][2]), colours),
                   x - r, y - r, 2 * r, 2 * r); } },
       nothing: () => {} })[how]();
    return node.toDataURL().split(',')[1]; }"""


@pytest.fixture(scope="module")
def drawn(browser):
    """drawn(bodies, how): their picture, an array (WIDE, WIDE, 3) of colours."""
    files = (_sources.FOLDER / name for name in ("_solid.js", "_shapes.js"))
    code = "\n".join(path.read_text(encoding="utf8") for path in files)
    page = browser.new_page()

    def picture(bodies, how):
        given = {name: np.asarray(one).ravel().tolist() for name, one in bodies.items()}
        given |= {"code": code, "wide": WIDE, "tones": TONES, "rim": 1.0}
        given["state"] = {"azimuth": 35, "elevation": 22, "zoom": 1}
        found = base64.b64decode(page.evaluate(DRAWING, [given, how]))
        return 255.0 * image.imread(io.BytesIO(found))[:, :, :3]

    yield picture
    page.close()


def some(rng, n, dim, sizes=(0.02, 0.07)):
    """Random bodies: places and semi-axes in boxes."""
    turns = rng.normal(size=(n, 4)) * ([1, 0, 0, 1] if dim == 2 else 1)
    turns /= np.linalg.norm(turns, axis=1, keepdims=True)
    semi, flags = rng.uniform(*sizes, size=(n, 3)), rng.integers(0, 2, n)
    return {"places": rng.random((n, dim)), "turns": turns, "semi": semi, "flags": flags}


def apart(one, other):
    """Mean difference of a channel."""
    return np.abs(one - other).mean()


def hit(bodies, right, up, near, scale):
    """Which pixels' rays, along the view, hit the first body, and where it faces the light, in pixels."""
    (frame,) = matrices(bodies["turns"])
    place, (semi,) = bodies["places"][0] - 0.5, bodies["semi"]
    size = scale * 4 / (4 - near @ place)
    middle = np.array([WIDE / 2 + size * (right @ place), WIDE / 2 - size * (up @ place)])
    y, x = np.mgrid[:WIDE, :WIDE] + 0.5
    start = ((x - middle[0])[..., None] * right - (y - middle[1])[..., None] * up) / size
    a, b = start @ frame / semi, near @ frame / semi  # |a + s b| = 1 has a solution s
    inside = (a @ b) ** 2 - (b @ b) * (np.sum(a * a, axis=-1) - 1) > 0
    light = np.array([-0.25, 1 / 3, np.sqrt(1 - 1 / 16 - 1 / 9)]) @ np.stack([right, up, near])
    form = frame @ np.diag(semi**2) @ frame.T
    spot = form @ light / np.sqrt(light @ form @ light)
    return inside, middle + size * np.array([right @ spot, -(up @ spot)])


def edge(inside):
    """Pixels beside one that is on the other side of an outline."""
    turns = [np.roll(inside, way, axis) for way in (-1, 1) for axis in (0, 1)]
    return np.any([turned != inside for turned in turns], axis=0)


@pytest.mark.parametrize("how", ("solids", "crowd"))
def test_an_ellipsoid_has_the_outline_that_rays_find(drawn, how, seed):
    """And its bright spot where its surface faces the light; that of the body upright is another."""
    rng = np.random.default_rng([seed, len(how)])
    a, e = np.radians([35, 22])
    right, up = (
        np.array([-np.sin(a), np.cos(a), 0]),
        np.array([-np.sin(e) * np.cos(a), -np.sin(e) * np.sin(a), np.cos(e)]),
    )
    near = np.cross(right, up)
    for _ in range(4):
        one = some(rng, 1, 3, sizes=(0.1, 0.3))
        one["places"] = rng.uniform(0.3, 0.7, (1, 3))
        found = drawn(one, how)
        covered = found.min(axis=2) < 250
        inside, spot = hit(one, right, up, near, WIDE / 1.95)
        assert not np.any((covered != inside) & ~edge(inside))
        deep, _ = hit({**one, "semi": 0.9 * one["semi"]}, right, up, near, WIDE / 1.95)
        bright = np.where(deep, found.sum(axis=2), 0)  # not on the edge, which is half paper
        y, x = np.argwhere(bright > bright.max() - 5).mean(axis=0) + 0.5
        assert np.hypot(x - spot[0], y - spot[1]) < 0.12 * np.sqrt(np.count_nonzero(inside))
        upright, _ = hit({**one, "turns": np.array([[1.0, 0, 0, 0]])}, right, up, near, WIDE / 1.95)
        assert np.any((covered != upright) & ~edge(upright))


def test_round_ones_are_the_balls_of_spheres(drawn, seed):
    rng = np.random.default_rng([seed, 1])
    bodies = some(rng, 100, 3)
    bodies["semi"][:] = bodies["semi"][:, :1]
    balls = drawn(bodies, "balls")
    for how in ("solids", "crowd"):
        assert 5 * apart(drawn(bodies, how), balls) < apart(drawn(bodies, "nothing"), balls)


def test_a_crowd_is_the_picture_that_the_browser_draws(drawn, seed):
    """But for edges: against swapped colours, turned bodies, and blank paper."""
    rng = np.random.default_rng([seed, 2])
    bodies = some(rng, 300, 3)
    laid = drawn(bodies, "solids")
    wrong = [
        drawn({**bodies, "flags": 1 - bodies["flags"]}, "crowd"),
        drawn({**bodies, "turns": bodies["turns"][::-1]}, "crowd"),
        drawn(bodies, "nothing"),
    ]
    assert min(apart(one, laid) for one in wrong) > 4 * apart(drawn(bodies, "crowd"), laid)


def test_ellipses_through_a_wall_come_in_on_the_other_side(drawn, seed):
    """By the browser and pixel by pixel; and the square is covered as far as the areas say, whatever the walls."""
    rng = np.random.default_rng([seed, 3])
    bodies = some(rng, 60, 2)
    laid, stamped = drawn(bodies, "fill"), drawn(bodies, "pixels")
    other = drawn({**bodies, "turns": bodies["turns"] * [1, 1, 1, -1]}, "pixels")
    assert 3 * apart(stamped, laid) < apart(other, laid)
    one = {name: values[:1] for name, values in bodies.items()}
    a, b, _ = one["semi"][0]
    for place in ([0.5, 0.5], [0.0, 0.01], [0.99, 0.3]):
        for how in ("fill", "pixels"):
            covered = np.any(drawn({**one, "places": [place]}, how) < 250, axis=2).mean()
            assert covered == pytest.approx(np.pi * a * b, rel=0.12), (place, how)
