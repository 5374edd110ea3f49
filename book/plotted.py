"""What a figure draws, as numbers: the points, lines, error bars and bands of its panels as one CSV file.

    # panel 1: x is packing fraction, y is activity
    panel,series,x,y,y_minus,y_plus
    1,BRO,0.62,0.13,0.004,0.004

One row a point, so that any program sorts it out again; a column that nothing uses is left out.
Lines that begin with # say what the axes are (`pandas.read_csv(name, comment="#")` skips them); in
the file that a page offers, one more before them says what figure it is, and what it was made from.
"""

import csv
import io
import re

import numpy as np

from mpack.figures import COLOURS, MARKERS

COLUMNS = ("x", "y", "x_minus", "x_plus", "y_minus", "y_plus", "y_low", "y_high", "x_low", "x_high")
COLUMNS += ("u", "v", "value", "size")
DIGITS = 8  # significant ones: more than a figure shows, and than any error is worth


def csv_of(fig):
    """The data of a matplotlib figure as CSV, in the order in which it was drawn; "" if it draws none.

    Parameters
    ----------
    fig : matplotlib.figure.Figure

    Returns
    -------
    str
    """
    panels = [axes for axes in every_axes(fig) if axes.get_label() != "<colorbar>"]
    known = labels(panels)
    head, rows = [], []
    for number, axes in enumerate(panels, 1):
        drawn = list(series(axes, known))
        if drawn:
            head.append(f"# panel {number}: {said_of(axes)}")
            rows += [row for name, columns in drawn for row in points(number, name, columns)]
    used = [name for name in COLUMNS if any(name in row for row in rows)]
    file = io.StringIO()
    table = csv.DictWriter(file, ["panel", "series", *used], restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return "\n".join([*head, file.getvalue()]) if rows else ""


def every_axes(fig):
    """The axes of a figure, each followed by those that are set into it."""
    for axes in fig.axes:
        yield axes
        yield from (child for child in axes.child_axes if hasattr(child, "lines"))


def said_of(axes):
    """What the axes of a panel are."""
    title = next((text for where in ("left", "center") if (text := axes.get_title(loc=where))), "")
    parts = [title] if title else []
    for name in ("x", "y"):
        if label := getattr(axes, f"get_{name}label")():
            parts.append(f"{name} is {label}")
        if words := words_at(getattr(axes, f"{name}axis")):
            parts.append(f"{name}: {words}")
    return "; ".join(" ".join(part.split()) for part in parts) or "no labels"


def words_at(axis):
    """What stands in words along an axis, each with its place; "" where the axis has numbers."""
    return ", ".join(f"{number(place)} = {text}" for place, text in words_of(axis))


def words_of(axis):
    """[(place, word)] along an axis; [] where it has numbers."""
    from matplotlib.ticker import FixedFormatter, FuncFormatter

    formatter = axis.get_major_formatter()
    if not isinstance(formatter, (FixedFormatter, FuncFormatter)):
        return []
    places = axis.get_majorticklocs()
    found = [(place, str(formatter(place, at))) for at, place in enumerate(places)]
    words = [(place, text) for place, text in found if re.search(r"[^\W\d_]{2}", text)]
    return [(place, text) for place, text in words if "$" not in text]


def points(panel, name, columns):
    """The rows of one series. A point without a place is none."""
    columns = {
        key: np.ma.filled(np.ma.asarray(value, float), np.nan) for key, value in columns.items()
    }
    length = max(value.size for value in columns.values())
    columns = {key: np.broadcast_to(value.ravel(), length) for key, value in columns.items()}
    for place in range(length):
        row = {key: number(value[place]) for key, value in columns.items()}
        if any(row.values()):
            yield {"panel": panel, "series": " ".join(name.split()), **row}


def number(value):
    """A number as it is written; nothing for one that is not finite."""
    return f"{value:.{DIGITS}g}" if np.isfinite(value) else ""


# Names
# --------------------------------------------------------------------------------------------------


def labels(panels):
    """What a look means in this figure: {look: label}, from labels and legends. The first one counts."""
    known = {}
    for axes in panels:
        legend = axes.get_legend()
        named = [(handle, handle.get_label()) for handle in drawn_by(axes)]
        if legend is not None:
            named += [
                (handle, text.get_text())
                for handle, text in zip(legend.legend_handles, legend.get_texts())
            ]
        for handle, label in named:
            if handle is not None and said(label):
                for look in looks(handle):
                    known.setdefault(look, label)
    return known


def said(label):
    """Whether a label is one for readers."""
    return bool(label) and not str(label).startswith("_")


def drawn_by(axes):
    """All that may have a label: containers, lines, collections, patches."""
    return [*axes.containers, *axes.lines, *axes.collections, *axes.patches]


def looks(artist):
    """By what a reader would tell an artist from another of its kind: colour, marker, dashes; the first two."""
    artist, colour = first(artist), shade(artist)
    if not colour:
        return []
    look = (type(artist).__name__, colour, str(getattr(artist, "get_marker", str)()))
    return [(*look, str(getattr(artist, "get_linestyle", str)())), look]


def first(artist):
    """An artist itself; of a container, its first."""
    return next(flat(artist), None) if isinstance(artist, tuple) else artist


def shade(artist):
    """The colour of an artist as #rrggbb; "" if it has none."""
    from matplotlib.colors import to_hex

    artist = first(artist)
    getter = getattr(artist, "get_color", getattr(artist, "get_facecolor", None))
    colour = getter() if getter else []
    if not isinstance(colour, str):
        colour = next(iter(np.atleast_2d(colour)), [])
    return to_hex(colour) if len(colour) else ""


def name_of(artist, label, known, unnamed, columns):
    """The label of a series, or of what looks the same; else a word on an axis where its one point
    stands; else a number, and the process whose colour it has.

    Points that are drawn one by one and look the same are one series. `unnamed` holds the numbers
    that are given.
    """
    if said(label):
        return label
    for look in looks(artist):
        if look in known:
            return known[look]
    single = {"x", "y"} <= columns.keys() and all(np.size(one) == 1 for one in columns.values())
    if single and (word := word_beside(first(artist).axes, columns)):
        return word
    key = looks(artist)[0] if single and looks(artist) else len(unnamed)
    process = next((name for name in MARKERS if COLOURS[name][0] == shade(artist)), None)
    told = f"unnamed {unnamed.setdefault(key, len(unnamed) + 1)}"
    return told + (f", in the colour of {process}" if process else "")


def word_beside(axes, columns):
    """The word on an axis that stands nearest to a single point, less than half a unit away."""
    for name in ("y", "x"):
        at = float(np.squeeze(columns[name]))
        near = [(abs(place - at), text) for place, text in words_of(getattr(axes, f"{name}axis"))]
        if near and min(near)[0] < 0.5:
            return min(near)[1]
    return ""


# Series
# --------------------------------------------------------------------------------------------------


def series(axes, known):
    """All that a panel draws from data, as (name, {column: numbers})."""
    unnamed, parts = {}, set()
    for container in axes.containers:
        parts |= {id(part) for part in flat(container)}
        columns = in_container(container)
        if columns:
            label = next(filter(said, (container.get_label(), first(container).get_label())), "")
            yield name_of(container, label, known, unnamed, columns), columns
    for artist in (*axes.lines, *axes.collections, *axes.patches, *axes.images):
        if id(artist) in parts or not artist.get_visible():
            continue
        columns = in_artist(axes, artist)
        if columns:
            yield name_of(artist, artist.get_label(), known, unnamed, columns), columns


def flat(container):
    """All artists of a container, those of its tuples too."""
    for part in container:
        if isinstance(part, (tuple, list)):
            yield from flat(part)
        elif part is not None:
            yield part


def in_container(container):
    """The numbers behind error bars, bars or stems."""
    from matplotlib.container import BarContainer, ErrorbarContainer, StemContainer

    if isinstance(container, ErrorbarContainer):
        return with_errors(container)
    if isinstance(container, BarContainer):
        return bars(container.patches)
    if isinstance(container, StemContainer):
        return line(container.markerline)
    return {}


def with_errors(container):
    """Points with their errors: how far each bar reaches below and above its point."""
    data, _, collections = container
    segments = [np.array([path.vertices for path in bar.get_paths()]) for bar in collections]
    kinds = [
        kind for kind, there in (("x", container.has_xerr), ("y", container.has_yerr)) if there
    ]
    if data is not None:
        columns = {"x": np.ma.asarray(data.get_xdata()), "y": np.ma.asarray(data.get_ydata())}
    elif segments:
        middle = segments[0].mean(axis=1) if segments[0].size else np.empty((0, 2))
        columns = {"x": middle[:, 0], "y": middle[:, 1]}
    else:
        return {}
    for kind, found in zip(kinds, segments):
        axis = "xy".index(kind)
        if found.ndim == 3 and len(found) == columns[kind].size:  # else no bar was drawn
            columns[f"{kind}_minus"] = columns[kind] - found[:, 0, axis]
            columns[f"{kind}_plus"] = found[:, 1, axis] - columns[kind]
    return columns


def bars(patches, across=(True, True)):
    """The bars of a chart or a histogram: from where to where; `across` tells which axes they are measured in."""
    edges = np.array(
        [[bar.get_x(), bar.get_y(), bar.get_width(), bar.get_height()] for bar in patches]
    )
    if not len(edges):
        return {}
    left, low, width, height = edges.T
    found = {"x_low": left, "x_high": left + width} if across[0] else {}
    return found | ({"y_low": low, "y_high": low + height} if across[1] else {})


def in_artist(axes, artist):
    """The numbers behind an artist; {} for one that draws no data."""
    from matplotlib import collections, contour, image, lines, patches, quiver

    if isinstance(artist, lines.Line2D):
        return line(artist)
    if isinstance(artist, image.AxesImage):
        return picture(artist)
    if isinstance(artist, contour.ContourSet):
        return contours(artist)
    if isinstance(artist, quiver.Quiver):
        return {"x": artist.X, "y": artist.Y, "u": artist.U, "v": artist.V}
    if isinstance(artist, patches.Rectangle):
        return bars([artist], axes_of(artist, artist.get_data_transform()))
    if not in_data(axes, artist):
        return {}
    if isinstance(artist, collections.FillBetweenPolyCollection):
        return band(artist)
    if isinstance(artist, collections.LineCollection):
        ends = [path.vertices for path in artist.get_paths() if len(path.vertices)]
        return {"x": np.concatenate(ends)[:, 0], "y": np.concatenate(ends)[:, 1]} if ends else {}
    if isinstance(artist, collections.Collection):
        return scattered(artist)
    if isinstance(artist, patches.Polygon):
        x, y = artist.get_xy().T
        return {"x": x, "y": y}
    return {}


def in_data(axes, artist):
    """Whether an artist stands at places of the data, and not of the picture."""
    where = artist.get_transform()
    if getattr(artist, "get_offset_transform", None) and len(artist.get_offsets()) > 0:
        offsets = artist.get_offset_transform()
        return offsets.contains_branch(axes.transData) or where.contains_branch(axes.transData)
    return where.contains_branch(axes.transData)


def axes_of(artist, transform):
    """Along which of x and y an artist is measured in the units of the data, and not in those of the panel."""
    return transform.contains_branch_seperately(artist.axes.transData)


def line(artist):
    """A line's points; of one across the whole panel, the place where it crosses the axis."""
    x, y = np.ma.asarray(artist.get_xdata(), float), np.ma.asarray(artist.get_ydata(), float)
    across = axes_of(artist, artist.get_transform())
    if across == (True, True):
        return {"x": x, "y": y}
    if across == (True, False):
        return {"x": x[:1]}
    return {"y": y[:1]} if across == (False, True) else {}


def band(artist):
    """A band between two curves: from where to where at each place."""
    along, reach = ("y", "x") if artist.t_direction == "y" else ("x", "y")
    corners = np.concatenate([path.vertices for path in artist.get_paths()])
    if along == "y":
        corners = corners[:, ::-1]
    places = np.unique(corners[:, 0])
    reaches = [corners[corners[:, 0] == place, 1] for place in places]
    low, high = [part.min() for part in reaches], [part.max() for part in reaches]
    return {along: places, f"{reach}_low": np.array(low), f"{reach}_high": np.array(high)}


def scattered(artist):
    """Points, with the number behind the colour and the size of a disc where there is one."""
    offsets = np.ma.asarray(artist.get_offsets())
    if not len(offsets):
        return {}
    columns = {"x": offsets[:, 0], "y": offsets[:, 1]}
    if artist.get_array() is not None and np.size(artist.get_array()) == len(offsets):
        columns["value"] = np.ma.asarray(artist.get_array())
    if hasattr(artist, "get_widths"):
        columns["size"] = np.asarray(artist.get_widths())
    return columns


def picture(artist):
    """The values of a picture, each with the middle of its cell."""
    values = np.ma.asarray(artist.get_array(), float)
    if values.ndim != 2:
        return {}
    left, right, bottom, top = artist.get_extent()
    if artist.origin == "upper":
        bottom, top = top, bottom
    rows, columns = values.shape
    x = left + (right - left) * (np.arange(columns) + 0.5) / columns
    y = bottom + (top - bottom) * (np.arange(rows) + 0.5) / rows
    x, y = np.meshgrid(x, y)
    return {"x": x, "y": y, "value": values}


def contours(artist):
    """The points of the contours, each with its level."""
    parts = [(level, path.vertices) for level, path in zip(artist.levels, artist.get_paths())]
    parts = [(level, corners) for level, corners in parts if len(corners)]
    if not parts:
        return {}
    corners = np.concatenate([found for _, found in parts])
    levels = np.concatenate([np.full(len(found), level) for level, found in parts])
    return {"x": corners[:, 0], "y": corners[:, 1], "value": levels}
