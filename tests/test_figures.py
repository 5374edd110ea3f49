"""The house style: colours that can be told apart, figures for both themes, discs at the walls."""

import ast
import io
import itertools
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

import mpack
from book import chapters, pictures
from book.demos import (
    beyond_three_dimensions,
    continuous_time,
    mixtures,
    other_landscapes,
    scaling_known_answers,
)
from mpack import critical, figures, scaling

matplotlib.use("agg")
from matplotlib import pyplot

DEMOS = sorted((Path(__file__).resolve().parents[1] / "book" / "demos").glob("*.py"))
MEANINGS = [*figures.MARKERS, "active", "inactive"]

# Linear RGB as seen without one kind of cone (Machado, Oliveira and Fernandes 2009, severity 1).
EYES = {
    "all three cones": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
DISTANCE = 20  # in CIELAB units; about 2.3 is just noticeable side by side


def linear(colour):
    rgb = np.array(matplotlib.colors.to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIELAB coordinates of linear RGB (D65)."""
    xyz = (
        np.array(
            [
                [0.4124564, 0.3575761, 0.1804375],
                [0.2126729, 0.7151522, 0.0721750],
                [0.0193339, 0.1191920, 0.9503041],
            ]
        )
        @ np.clip(rgb, 0, 1)
        / [0.95047, 1.0, 1.08883]
    )
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(a, b):
    """WCAG contrast ratio of two colours."""
    low, high = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) + 0.05 for colour in (a, b))
    return high / low


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("eyes", EYES)
def test_colours_can_be_told_apart(eyes, theme):
    seen = {
        name: lab(np.array(EYES[eyes]) @ linear(figures.COLOURS[name][theme])) for name in MEANINGS
    }
    for one, other in itertools.combinations(MEANINGS, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > DISTANCE, (one, other)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("eyes", EYES)
def test_what_is_no_process_has_colours_of_its_own(eyes, theme):
    """Apart from each other for all eyes; from processes and states well apart, for others less so.

    Four more that all eyes can tell from eight that all eyes can tell do not exist: beside them,
    their markers help.
    """
    seen = {
        name: lab(np.array(EYES[eyes]) @ linear(figures.COLOURS[name][theme]))
        for name in (*figures.SERIES, *MEANINGS)
    }
    for one, other in itertools.combinations(figures.SERIES, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > DISTANCE, (one, other)
    least = DISTANCE if eyes == "all three cones" else 10
    for one, other in itertools.product(figures.SERIES, MEANINGS):
        assert np.linalg.norm(seen[one] - seen[other]) > least, (one, other)


PROCESSES = {figures.COLOURS[name][0] for name in figures.MARKERS}


def test_mixtures_dimensions_potentials_and_methods_borrow_no_process_colour():
    """A colour means one thing: these figures compare what is no process."""
    for demo in (mixtures, beyond_three_dimensions, other_landscapes):
        assert not PROCESSES & {look["color"] for look in demo.LOOKS.values()}, demo.__name__
    for demo in (continuous_time, scaling_known_answers):
        tints = {tint for look in demo.LOOKS.values() for tint in look if tint in figures.COLOURS}
        assert tints and not tints & set(figures.MARKERS), demo.__name__


COLUMN = 700  # pixels of text beside a chapter's contents at 1300 px: wider figures shrink to it
SMALLEST = 8  # pixels of a letter as shown


def lettering(function):
    """Sizes of letters in points that a drawing function asks for, and its figure's width in inches."""
    numbers = {"fontsize": [], "figsize": []}
    for call in ast.walk(function):
        if not isinstance(call, ast.Call):
            continue
        for word in call.keywords:
            if word.arg in numbers:
                numbers[word.arg] += [
                    node.value for node in ast.walk(word.value) if isinstance(node, ast.Constant)
                ]
    return numbers["fontsize"], numbers["figsize"][0] if numbers["figsize"] else 9.4


@pytest.mark.parametrize("path", DEMOS, ids=lambda path: path.stem)
def test_lettering_can_be_read_at_the_width_shown(path):
    for node in ast.parse(path.read_text(encoding="utf8")).body:
        if isinstance(node, ast.FunctionDef):
            sizes, width = lettering(node)
            shrunk = min(1.0, COLUMN / (width * figures.PIXELS_PER_INCH))
            for points in (*sizes, figures.STYLE["legend.fontsize"]):
                shown = points * figures.PIXELS_PER_INCH / 72 * shrunk
                assert shown >= SMALLEST, f"{node.name}: {points} pt are {shown:.1f} px"


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_lines_and_text_stand_out_from_the_paper(theme):
    paper = figures.COLOURS["paper"][theme]
    for name in (*figures.MARKERS, *figures.SERIES):
        assert contrast(figures.COLOURS[name][theme], paper) >= 3, name
    for name in ("ink", "muted"):
        assert contrast(figures.COLOURS[name][theme], paper) >= 4.5, name


def test_a_correlation_or_a_memory_changes_no_colour():
    rule = mpack.SGD(0.1, 0.5, correlation=0.5, memory="antithetic").approximation()
    assert figures.colour(rule) == figures.colour("SGD")
    assert figures.process_style(rule) == figures.process_style("SGD approximation")
    kicks = mpack.RandomOrganization(0.1, correlation=0)
    assert figures.colour(kicks) == figures.colour("RO")


def test_every_theme_colour_is_used_once():
    for theme in (0, 1):
        colours = [pair[theme] for pair in figures.COLOURS.values()]
        assert len(set(colours)) == len(colours)


def drawn():
    figures.use_style()
    fig, ax = pyplot.subplots(figsize=(4, 3))
    ax.plot([1, 10], [1, 0.1], label="SGD", **figures.process_style("SGD approximation"))
    ax.scatter([1, 2], [3, 4], color=[figures.colour("BRO"), figures.colour("RCD")])
    figures.activity_axes(ax)
    ax.legend()
    figures.draw_kick(ax, (2, 1), (3, 0), meaning="GD")
    return fig


def test_two_themes_from_one_figure_and_the_first_restored():
    fig = drawn()
    light, dark = pictures.of(fig)
    again, _ = pictures.of(fig)
    pyplot.close(fig)
    assert light == again
    for picture, theme in ((light, 0), (dark, 1)):
        pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGBA"))
        assert pixels[0, 0, 3] == 0  # the paper shows through
        opaque = {tuple(rgb) for rgb in pixels[pixels[..., 3] > 250][:, :3]}
        near = [
            min(np.abs(np.subtract(c, rgb)).max() for rgb in opaque)
            for c in (
                255 * np.array(matplotlib.colors.to_rgb(figures.COLOURS[n][theme]))
                for n in ("SGD", "BRO", "GD", "ink")
            )
        ]
        assert max(near) <= 12, near
        assert len(picture) < 150_000


def test_every_tick_of_the_dark_picture_is_dark(monkeypatch):
    """Also where the first layout had fewer: four panels whose height allows two spacings of ticks."""
    figures.use_style()
    fig, axes = pyplot.subplots(2, 2, figsize=(7.8, 5.6), sharey=True)
    for ax in axes.flat:
        ax.set(xscale="log", xlim=(200, 3e4), ylim=(-0.1, 1.5), title="SGD", xlabel="steps $k$")
    axes[0, 0].set_ylabel(r"local exponent $\delta$")
    seen, draw = [], pictures._png

    def drawn_and_seen(fig):
        picture = draw(fig)
        labels = [
            label
            for ax in fig.axes
            for axis in (ax.xaxis, ax.yaxis)
            for label in axis.get_ticklabels(which="both")
        ]
        seen.append({matplotlib.colors.to_hex(label.get_color()) for label in labels})
        return picture

    monkeypatch.setattr(pictures, "_png", drawn_and_seen)
    pictures.of(fig)
    pyplot.close(fig)
    assert seen == [{colour} for colour in figures.COLOURS["ink"]]


def test_approximations_are_dashed_and_open():
    style = figures.process_style("SGD approximation")
    assert (style["linestyle"], style["color"]) == ("--", figures.colour("SGD"))
    assert style["markerfacecolor"] == figures.colour("paper")
    assert figures.process_style("SGD")["linestyle"] == "-"


def test_a_dynamics_has_the_colour_of_its_name():
    for dynamics, name in (
        (mpack.PairwiseBRO(eps=0.1), "BRO"),
        (mpack.RCD(alpha=0.1, batch_fraction=0.5), "RCD"),
        (mpack.SGD(alpha=0.1, batch_fraction=1), "GD"),
        (mpack.IndividualBRO(eps=0.1).approximation(), "individual BRO approximation"),
    ):
        assert figures.process_style(dynamics) == figures.process_style(name)


def test_unknown_meanings_are_refused():
    with pytest.raises(ValueError, match="must be one of"):
        figures.colour("mauve")
    with pytest.raises(ValueError, match="dynamics must be one of"):
        figures.process_style("active")


def test_discs_are_repeated_at_the_walls():
    which, centres = figures.periodic_images(np.array([[0.2, 0.2], [5.0, 5.0]]), 1.0, 10.0)
    images = {tuple(np.round(centre, 6)) for number, centre in zip(which, centres) if number == 0}
    assert images == {(0.2, 0.2), (10.2, 0.2), (0.2, 10.2), (10.2, 10.2)}
    assert np.count_nonzero(which == 1) == 1


def test_active_discs_by_brute_force():
    rng = np.random.default_rng(1)
    for across in (np.ones(60), rng.uniform(0.5, 1.5, 60)):
        p = mpack.Packing(rng.uniform(0, 9, (60, 2)), 9.0, across / across.mean())
        apart = p.positions[:, None] - p.positions[None]
        apart -= p.box * np.round(apart / p.box)
        reach = (p.diameters[:, None] + p.diameters[None]) / 2
        overlaps = (np.linalg.norm(apart, axis=-1) < reach) & ~np.eye(60, dtype=bool)
        assert np.array_equal(figures.active_discs(p), overlaps.any(axis=1))


def test_only_discs_are_drawn():
    _, ax = pyplot.subplots()
    with pytest.raises(ValueError, match="dim 2"):
        figures.draw_packing(ax, mpack.Packing([[1.0, 1, 1], [2, 2, 2]], 5.0))
    discs = figures.draw_packing(ax, mpack.Packing([[1.0, 1], [1.5, 1]], 5.0))
    pyplot.close("all")
    assert len(discs.get_offsets()) == 2


def pixels(ax):
    """What a figure shows: RGB from 0 to 255, shape (height, width, 3), top row first."""
    ax.figure.canvas.draw()
    return np.asarray(ax.figure.canvas.buffer_rgba())[..., :3].astype(int)


def pixel(ax, place):
    """Row and column of a place in data coordinates."""
    x, y = ax.transData.transform(place)
    return round(ax.figure.bbox.height - y), round(x)


def covered(image, colour):
    """How many pixels have this colour."""
    wanted = np.rint(255 * np.array(matplotlib.colors.to_rgb(colour)))
    return int(np.sum(np.all(image == wanted, axis=-1)))


def test_a_picture_of_discs_has_their_areas_and_scales():
    packing = mpack.Packing([[1.0, 1.0], [1.6, 1.0], [4.0, 4.0]], box=6.0)
    ax = packing.plot()
    image, side = pixels(ax), np.ptp(ax.transData.transform([[0, 0], [1, 0]])[:, 0])
    places = {"active": [0.7, 1.2], "inactive": [4.0, 4.0], "paper": [3.0, 1.0]}
    for meaning, place in places.items():
        wanted = 255 * np.array(matplotlib.colors.to_rgb(figures.colour(meaning)))
        assert np.allclose(image[pixel(ax, place)], wanted, atol=1), meaning
    alone = covered(image, figures.colour("inactive"))
    assert alone == pytest.approx(np.pi / 4 * side**2, rel=0.08)  # with its entry in the legend
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$x$ (mean diameters)", "$y$ (mean diameters)")
    assert ax.get_xlim() == ax.get_ylim() == (0.0, 6.0) and ax.get_aspect() == 1.0
    assert all(spine.get_visible() for spine in ax.spines.values())
    pyplot.close("all")


def test_a_picture_of_spheres_shows_the_nearer_ones_in_front():
    positions = [[3.0, 2.0, 2.0], [1.0, 2.0, 2.0], [2.0, 4.0, 4.0]]
    packing = mpack.Packing(positions, box=6.0, diameters=[0.8, 1.2, 1.0])
    colours = np.array(["#ff0000", "#00ff00", "#0000ff"])
    for azimuth, front in ((0.0, 0), (180.0, 1)):  # seen from large x, and from small x
        ax = packing.plot(colours=colours, azimuth=azimuth, elevation=0.0)
        image, right = pixels(ax), 1.0 if azimuth == 0.0 else -1.0
        at = pixel(ax, [2.0 * right, 1.9])  # below the light on it
        assert (
            image[at].tolist()
            == (255 * np.array(matplotlib.colors.to_rgb(colours[front]))).tolist()
        )
        seen = pixel(ax, [2.0 * right + 0.5, 1.9])  # where only the larger one reaches
        assert image[seen].tolist() == [0, 255, 0]
        assert image[pixel(ax, [4.0 * right, 3.9])].tolist() == [0, 0, 255]
        assert ax.get_legend() is None
    pyplot.close("all")


@pytest.mark.parametrize(("azimuth", "elevation"), [(-60, 20), (30, 35), (135, -40), (0, 90)])
def test_spheres_have_their_size_and_the_box_its_edges(azimuth, elevation):
    packing = mpack.Packing.random(n=30, phi=0.1, dim=3, seed=1)
    fig, ax = pyplot.subplots(figsize=(4, 4))
    spheres = figures.draw_spheres(ax, packing, azimuth=azimuth, elevation=elevation)
    discs, lights = spheres.get_offsets()[::2], spheres.get_offsets()[1::2]
    assert np.allclose(spheres.get_widths()[::2], 1.0)
    assert np.all(np.hypot(*(lights - discs).T) + spheres.get_widths()[1::2] / 2 < 0.5)
    seen = np.vstack([line.get_xydata() for line in ax.lines[:12]])
    assert len(np.unique(seen.round(9), axis=0)) in (7, 8, 4)  # corners, as far as they differ
    assert np.all(discs >= seen.min(axis=0)) and np.all(discs <= seen.max(axis=0))
    around, above = np.radians([azimuth, elevation])
    eye = [np.cos(above) * np.cos(around), np.cos(above) * np.sin(around), np.sin(above)]
    gaps = np.hypot(*(discs[:, None] - discs[None]).transpose(2, 0, 1))
    order = np.argsort(
        packing.positions @ eye, kind="stable"
    )  # another way: across the eye's direction
    true = packing.positions[order]
    apart = np.linalg.norm(np.cross(true[:, None] - true[None], eye), axis=-1)
    assert np.allclose(gaps, apart, atol=1e-9)
    names = {text.get_text() for text in ax.texts if "mean" in text.get_text()}
    assert names == {f"${axis}$ (mean diameters)" for axis in ("xy" if elevation == 90 else "xyz")}
    pyplot.close(fig)


def test_pictures_go_where_one_says_and_refuse_what_they_cannot_draw():
    _, axes = pyplot.subplots(1, 2)
    flat = mpack.Packing.random(n=20, phi=0.5, dim=2, seed=1)
    assert flat.plot(axes[1]) is axes[1] and not axes[0].collections
    with pytest.raises(ValueError, match="dim 2 and 3; got dim = 4"):
        mpack.Packing.random(n=20, phi=0.1, dim=4, seed=1).plot()
    with pytest.raises(ValueError, match="dim 3 to be drawn as spheres; got dim 2"):
        figures.draw_spheres(axes[0], flat)
    with pytest.raises(ValueError, match="elevation must be a finite number in"):
        mpack.Packing.random(n=20, phi=0.1, dim=3, seed=1).plot(elevation=100)
    pyplot.close("all")


def test_a_figure_without_a_proper_name_is_refused():
    fig = drawn()
    with pytest.raises(ValueError, match="No Spaces"):
        chapters.show(fig, "No Spaces")
    pyplot.close(fig)


def test_a_collapse_keeps_markers_and_strengths_from_panel_to_panel():
    rho = np.array([0.5, 0.6, 0.7])
    data = scaling.Data([4, 8, 16], rho, np.outer([1, 2, 3], rho), 0.1 * np.ones((3, 3)))
    fit = {"rho_c": 0.6, "nu": 1.0, "zeta": -1.0}
    fig, axes = pyplot.subplots(1, 2)
    raw = figures.draw_collapse(axes[0], data, meaning="SGD", label=lambda l: f"N = {l**3:.0f}")
    part = data.where(data.l > 4)
    scaled = figures.draw_collapse(
        axes[1], part, fit, meaning="SGD", sizes=data.sizes, markersize=7
    )
    assert [len(drawn) for drawn in (raw, scaled)] == [3, 2]
    for one, other in zip(raw[1:], scaled, strict=True):
        assert one.lines[0].get_marker() == other.lines[0].get_marker()
        assert one.lines[0].get_alpha() == other.lines[0].get_alpha()
    assert raw[0].lines[0].get_color() == figures.colour("SGD")
    assert [one.get_label() for one in raw] == ["N = 64", "N = 512", "N = 4096"]
    assert scaled[0].get_label() == "$l=8$"
    assert scaled[0].lines[0].get_markersize() == 7
    x, y, dy = part.scaled(fit)
    drawn = scaled[1].lines[0]
    assert np.array_equal(drawn.get_xdata(), x[3:])
    assert np.array_equal(drawn.get_ydata(), y[3:])
    bars = scaled[1].lines[2][0].get_segments()
    assert np.array(bars)[:, 1, 1] == pytest.approx(y[3:] + dy[3:])
    with pytest.raises(ValueError, match="sizes must hold every size of the data; 4 is missing"):
        figures.draw_collapse(axes[0], data, sizes=[8, 16])
    pyplot.close(fig)


POINT = critical.CriticalPoint(0.62, 0.002, 1.25, 30.0, 0.2, 12)


def points_of(ax, marker):
    """The points of all lines with this marker, as rows (x, y)."""
    return np.concatenate([one.get_xydata() for one in ax.lines if one.get_marker() == marker])


def test_a_divergence_is_a_straight_line():
    """Times that obey the law lie on the line that ends at phi_c; runs stopped while active are bars."""
    scan = critical.invented(
        POINT, 0.60 + 0.005 * np.arange(6), 1e5, np.random.default_rng(1), scatter=0.0
    )
    _, ax = pyplot.subplots()
    figures.draw_divergence(ax, scan, POINT, scale=1e4, marker="s", ms=3)
    dots, bars = points_of(ax, "s"), points_of(ax, "_")
    assert len(dots) == 4
    assert np.array_equal(bars[:, 0], scan.phi[4:])
    (line,) = (one for one in ax.lines if one.get_linestyle() == "-")
    assert line.get_xydata()[-1] == pytest.approx([0.62, 0.0])
    assert np.interp(dots[:, 0], *line.get_xydata().T) == pytest.approx(dots[:, 1])
    (band,) = ax.patches
    assert (band.get_x(), band.get_width()) == pytest.approx((0.618, 0.004))
    assert "10^{4}" in ax.get_ylabel()
    with pytest.raises(ValueError, match="nu must be given"):
        figures.draw_divergence(ax, scan)
    figures.draw_divergence(ax, scan, nu=1.25, marker="x")
    assert points_of(ax, "x")[:, 1] == pytest.approx(dots[:, 1] / 1e4)
    pyplot.close("all")


def test_limits_are_drawn_where_they_are():
    curves = {
        name: {a: (critical.swollen(a, end, 0.3), 0.001) for a in (0.01, 0.03, 0.1)}
        for name, end in (("SGD", 0.64), ("GD", 0.63))
    }
    found = {name: critical.limit(points, "swollen") for name, points in curves.items()}
    _, (left, right) = pyplot.subplots(1, 2)
    figures.draw_limits(left, curves, found, law=critical.swollen, ends_at=-0.002, apart=0.001)
    for name, points in curves.items():
        seen = points_of(left, figures.MARKERS[name])
        assert seen[:3, 1] == pytest.approx([value for value, _ in points.values()])
        assert seen[3] == pytest.approx(
            [-0.002 - 0.001 * list(curves).index(name), found[name].value]
        )
    laws = [one.get_xydata() for one in left.lines if len(one.get_xdata()) == 200]
    assert [row[0, 1] for row in laws] == pytest.approx([0.64, 0.63], abs=1e-6)
    straight = {name: critical.limit(points, largest=0.05) for name, points in curves.items()}
    looks = {name: {"color": "k", "marker": "o", "ms": 3, "ls": "--"} for name in curves}
    figures.draw_limits(right, curves, straight, largest=0.05, looks=looks)
    assert points_of(right, "o")[:, 0].max() == 0.03  # the largest kick is left out
    ends = [one.get_xydata()[0, 1] for one in right.lines if len(one.get_xdata()) == 200]
    assert ends == pytest.approx([one.value for one in straight.values()])
    pyplot.close("all")


def test_budgets_are_drawn_in_their_unit():
    budgets = {}
    for name, size in (("SGD", 0.002), ("GD", -0.004)):
        budgets[name] = critical.Budget((0.64, 0.001))
        budgets[name].add("half of the time", size)
    _, (left, right) = pyplot.subplots(1, 2)
    figures.draw_budget(left, budgets["GD"], statistics="scatter of runs")
    assert [bar.get_width() for bar in left.patches] == pytest.approx([-4.0, 1.0])
    assert [text.get_text() for text in left.get_yticklabels()] == [
        "half of the time",
        "scatter of runs",
    ]
    tint = left.patches[1].get_facecolor()
    assert matplotlib.colors.to_hex(tint) == figures.colour("ink")
    looks = {name: figures.process_style(name) for name in budgets}
    figures.draw_budgets(right, budgets, looks)
    assert [one.get_xdata().tolist() for one in right.lines] == [[1.0, 2.0], [1.0, 4.0]]
    assert "10^{-3}" in right.get_xlabel()
    budgets["GD"].add("size", 0.1)
    with pytest.raises(ValueError, match="the same groups"):
        figures.draw_budgets(right, budgets, looks)
    pyplot.close("all")
