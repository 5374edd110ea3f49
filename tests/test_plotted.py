"""The data of a figure as CSV: every number that it draws, by panel and series, and nothing else."""

import io

import numpy as np
import pandas as pd
import pytest

from book import plotted
from mpack import figures

pyplot = pytest.importorskip("matplotlib.pyplot")
X = np.array([0.1, 0.2, 0.4])


@pytest.fixture
def figure():
    import matplotlib

    with matplotlib.rc_context():
        figures.use_style()
        fig, axes = pyplot.subplots(1, 2)
        yield fig, *axes
        pyplot.close(fig)


def table(fig):
    return pd.read_csv(io.StringIO(plotted.csv_of(fig)), comment="#")


def test_error_bars_reach_as_far_as_they_are_drawn(figure):
    fig, left, right = figure
    left.errorbar(X, X**2, yerr=[X / 10, X / 5], label="BRO", **figures.process_style("BRO"))
    right.errorbar(X, [1.0, np.nan, 3.0], xerr=0.05, yerr=0.2, fmt="none", label="bars alone")
    found = table(fig)
    first, second = found[found.panel == 1], found[found.panel == 2]
    assert (first.series == "BRO").all()
    for column, values in {"x": X, "y": X**2, "y_minus": X / 10, "y_plus": X / 5}.items():
        assert first[column].to_numpy() == pytest.approx(values, rel=1e-6)
    assert first.x_minus.isna().all()
    assert second.x.to_numpy() == pytest.approx(X)
    assert second.x_plus.to_numpy() == pytest.approx(np.full(3, 0.05))
    assert second.y.tolist()[::2] == pytest.approx([1.0, 3.0]) and np.isnan(second.y.iloc[1])


def test_a_series_without_a_label_has_the_one_of_its_look_or_a_number(figure):
    fig, left, right = figure
    left.plot(X, X, label="measured", **figures.process_style("SGD"))
    right.plot(X, 2 * X, **figures.process_style("SGD"))
    right.plot(X, 3 * X, **figures.process_style("RCD"))
    right.plot(X, 4 * X, color="#123456")
    right.plot(X, 5 * X, color="#123456", linestyle=":")
    found = table(fig)
    assert list(dict.fromkeys(found[found.panel == 2].series)) == [
        "measured",
        "unnamed 1, in the colour of RCD",
        "unnamed 2",
        "unnamed 3",
    ]


def test_lines_across_bands_and_bars(figure):
    fig, left, right = figure
    left.axhline(0.3, label="level")
    left.axvspan(0.1, 0.2, label="range")
    left.fill_between(X, X - 1, X + 1, label="band")
    right.hist([0.1, 0.2, 0.9], bins=[0, 0.5, 1], label="counts")
    right.set(xlabel="packing\nfraction", title="How many")
    text, found = plotted.csv_of(fig), table(fig).set_index("series")
    assert text.splitlines()[1] == "# panel 2: How many; x is packing fraction"
    assert found.loc["level", "y"] == 0.3 and np.isnan(found.loc["level", "x"])
    assert found.loc["range", ["x_low", "x_high"]].tolist() == pytest.approx([0.1, 0.2])
    assert np.isnan(found.loc["range", "y_low"])
    assert found.loc["band", "y_high"].tolist() == pytest.approx(X + 1)
    assert found.loc["band", "y_low"].tolist() == pytest.approx(X - 1)
    assert found.loc["counts", "y_high"].tolist() == [2, 1]
    assert found.loc["counts", "x_low"].tolist() == [0, 0.5]


def test_points_pictures_stems_and_arrows(figure):
    fig, left, right = figure
    left.scatter(X, X, c=[5, 6, 7], label="coloured")
    left.quiver(X, X, X, -X, label="arrows")
    right.imshow([[1, 2], [3, 4]], origin="lower", extent=(0, 2, 0, 2), label="map")
    right.stem(X, X, label="stems")
    right.contour(np.add.outer(X, X), levels=[0.5])
    found = table(fig).set_index("series")
    assert found.loc["coloured", "value"].tolist() == [5, 6, 7]
    assert found.loc["arrows", "v"].tolist() == pytest.approx(-X)
    assert found.loc["map", ["x", "y", "value"]].to_numpy().tolist() == [
        [0.5, 0.5, 1], [1.5, 0.5, 2], [0.5, 1.5, 3], [1.5, 1.5, 4],
    ]  # fmt: skip
    assert found.loc["stems", "x"].tolist() == pytest.approx(X)
    levels = found[found.index.str.startswith("unnamed")]
    assert (levels.value == 0.5).all() and len(levels) > 2


def test_discs_have_their_places_and_sizes(figure):
    import mpack

    fig, left, _ = figure
    packing = mpack.Packing.lattice("square", cells=2, phi=0.5)
    figures.draw_packing(left, packing)
    found = table(fig)
    assert (found["size"] == 1).all() and len(found) == 9
    inside = found[(found.x < packing.box - 1e-6) & (found.y < packing.box - 1e-6)]
    assert sorted(inside.x) == pytest.approx(sorted(packing.positions[:, 0]))


def test_words_on_an_axis_are_told(figure):
    fig, left, _ = figure
    left.plot([1, 2], [0, 1])
    left.set_yticks([0, 1], ["without", "with"])
    assert plotted.csv_of(fig).splitlines()[0] == "# panel 1: y: 0 = without, 1 = with"


def test_points_drawn_one_by_one_are_named_by_the_word_beside_them_or_by_their_look(figure):
    fig, left, right = figure
    for place, value in enumerate([0.3, 0.5]):
        left.errorbar(value, place + 0.1, xerr=0.1, fmt="o", color="#123456")
        right.errorbar(value, place, xerr=0.1, fmt="o", color="#123456")
    right.errorbar(0.4, 0, xerr=0.1, fmt="o", color="#654321")
    left.set_yticks([0, 1], ["without", "with"])
    found = table(fig)
    assert found.series.tolist() == ["without", "with", "unnamed 1", "unnamed 1", "unnamed 2"]


def test_what_is_hidden_or_no_data_is_left_out(figure):
    fig, left, _ = figure
    left.text(0.1, 0.1, "words")
    left.annotate("arrow", (0.1, 0.1), (0.2, 0.2), arrowprops={})
    left.plot(X, X)[0].set_visible(False)
    assert plotted.csv_of(fig) == ""


def test_a_figure_on_the_page_has_its_data_beside_it(monkeypatch, figure):
    from book import chapters

    fig, left, _ = figure
    left.plot(X, X, label="line")
    shown = []
    monkeypatch.setattr(chapters, "_display", shown.append)
    expected = plotted.csv_of(fig)
    chapters.show(fig, "some-figure")
    assert shown[0][chapters.FIGURE]["csv"] == expected != ""
