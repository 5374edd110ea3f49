"""What every chapter of the book shares: checked parameters, recorded numbers, claims with computed verdicts.

A chapter's first code cell holds its parameters and the second checks them, so that

    papermill notebooks/X.ipynb out.ipynb -p n 4000

either runs as asked or stops at once with a sentence. Numbers and claims are stored in the executed
notebook beside what the reader sees, as data of their own MIME types, and are read back by
`records` and `claims`.
"""

import ast
import base64
import difflib
import hashlib
import html
import math
import re
from numbers import Integral, Number
from typing import NamedTuple

import numpy as np

from book import pictures, plotted
from mpack import _check
from mpack.figures import PIXELS_PER_INCH
from mpack.statistics import Estimate, rounded, student, with_error

RECORD = "application/vnd.mpack.record+json"
CLAIM = "application/vnd.mpack.claim+json"
ANSWER = "application/vnd.mpack.answer+json"
FIGURE = "application/vnd.mpack.figure+json"
PARAMETERS = "application/vnd.mpack.parameters+json"


def check(names, **allowed):
    """Check a chapter's parameters before any work is done.

    Parameters
    ----------
    names : dict
        The chapter's `globals()`, after its parameters cell and the one that papermill may have
        injected.
    **allowed
        What each parameter may be: `(low, high)` an integer if both ends are integers, else a
        number, ends included, None for no end; `{"live", "paper"}` one of these values; `bool` True
        or False; `str` a string; `[spec]` a non-empty list of such values.

    Raises
    ------
    ValueError, TypeError
        With the parameter's name, its value and what is allowed; also when a name was injected that
        the chapter does not have, which papermill itself lets pass with a warning.
    """
    known(_injected(names), allowed)
    for name, spec in allowed.items():
        if name not in names:
            raise ValueError(
                f"parameter {name!r} is checked but the parameters cell does not set it"
            )
        _accept(name, names[name], spec)
    if "In" in names:
        _display({PARAMETERS: {name: names[name] for name in allowed}})


def known(asked, allowed):
    """Raise ValueError unless each name that was `asked` for is a parameter, one of `allowed`."""
    for name in asked:
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ValueError(
                f"unknown parameter {name!r}{hint}; this chapter takes {', '.join(allowed)}"
            )


def _injected(names):
    """Names that papermill was asked to set, in executed cells that are as it writes them.

    That is its comment and then assignments to names, nothing else; without the two that
    `--inject-paths` adds.
    """
    found = []
    for cell in names.get("In", ()):
        if cell.lstrip().startswith("# Parameters\n"):
            found += _assigned(cell)
    return [name for name in found if not name.startswith("PAPERMILL_")]


def _assigned(cell):
    """Names to which a cell of nothing but such assignments assigns; none of any other cell."""
    try:
        body = ast.parse(cell).body
    except SyntaxError:  # a reader's own, with a line magic
        return []
    targets = [one.targets[0] if isinstance(one, ast.Assign) else None for one in body]
    plain = all(isinstance(target, ast.Name) for target in targets)
    return [target.id for target in targets] if plain else []


def _accept(name, value, spec):
    """Raise unless `value` is what `spec` allows (see `check`)."""
    try:
        _fits(name, value, spec)
    except (ValueError, TypeError) as error:
        raise type(error)(f"{error}{_as_passed(name, value, spec)}") from None


def _as_passed(name, value, spec):
    """How papermill takes what somebody meant by a text or a number of the wrong type; "" if that is not it."""
    if isinstance(value, str) and isinstance(spec, list) and value.lstrip().startswith("["):
        return f"; papermill's -p passes a list as text: write -y '{name}: {value}'"
    try:
        meant = float(value) if isinstance(spec, tuple) else math.nan
    except (TypeError, ValueError):
        return ""
    right = f"{int(meant)}" if meant.is_integer() and abs(meant) < 2**53 else _in_yaml(meant)
    if isinstance(value, str) and math.isfinite(meant):
        why = "YAML, papermill's -y and -f, takes that" if "e" in value.lower() else "that is taken"
        return f"; {why} for text: write {right}"
    whole = isinstance(value, float) and right.lstrip("-").isdigit() and _whole(spec)
    return f"; write {right}" if whole else ""


def _in_yaml(number):
    """A number as YAML 1.1 knows one: with a point, and with a sign in its exponent."""
    digits, mark, power = f"{number:.16g}".partition("e")
    return f"{digits}.0e{power}" if mark and "." not in digits else f"{digits}{mark}{power}"


def _whole(ends):
    """Whether a range is one of integers."""
    return all(isinstance(end, int) for end in ends if end is not None)


def _fits(name, value, spec):
    if spec is bool:
        _check.flag(name, value)
    elif spec is str:
        _check.instance(name, value, str, "a string")
    elif isinstance(spec, (set, frozenset)):
        _check.choice(name, value, sorted(spec, key=str))
    elif isinstance(spec, list) and len(spec) == 1:
        if not isinstance(value, (list, tuple)) or not value:
            raise TypeError(f"{name} must be a non-empty list; got {value!r}")
        for place, item in enumerate(value):
            _accept(f"{name}[{place}]", item, spec[0])
    elif isinstance(spec, tuple) and len(spec) == 2:
        (_check.integer if _whole(spec) else _check.number)(name, value, *spec)
    else:
        raise TypeError(
            f"{name} has an unreadable range {spec!r}: use (low, high), a set, bool, str, or [range]"
        )


def record(numbers, *, unit=None):
    """Store numbers in the executed chapter, for the text to quote and for tests to read.

    Parameters
    ----------
    numbers : dict
        From names, by which `book.reading.records` and the book's `{measured}` role find them (each
        once in a chapter), to what was measured: what `mpack.statistics.Estimate.of` takes, or, if
        it has no error, an int, a finite float, a bool or a str.
    unit : str, optional
        Of all of them. Lengths are in mean diameters and need none.
    """
    for name, measured in numbers.items():
        _check.instance("name", name, str, "a string")
        entry = {"name": name, "value": measured, "error": None, "n": None, "unit": unit}
        if isinstance(measured, (bool, str, Number, np.generic)):
            entry["value"] = _plain(name, measured)
        else:
            found = Estimate.of(measured)
            entry |= {"value": found.value, "error": found.error, "n": found.n}
        _display({RECORD: entry})


class Relation(NamedTuple):
    """What a claim says of the measured number; made by `within`, `consistent`, `above`, `below`, `control`."""

    relation: str
    target: float
    tolerance: float | None = None
    sigmas: float = 3.0
    control: bool = False
    resolution: float | None = None


# The reach of a measurement is so many of its standard errors (`sigmas`), by Student's t where the
# error itself comes from few samples: `mpack.statistics.Estimate.reach`.


def within(target, tolerance, sigmas=3.0):
    """It is `target` up to `tolerance`: agrees if |value - target| + reach <= tolerance.

    Differs if |value - target| - reach > tolerance, and is undecided between.
    """
    tolerance = _check.number("tolerance", tolerance, 0.0)
    return Relation("within", _check.number("target", target), tolerance, _sigmas(sigmas))


def consistent(target, resolution, sigmas=3.0):
    """It is `target`, as far as its error tells: differs if |value - target| > reach.

    Else it agrees if the reach is no more than `resolution`, the deviation that the physics asks to
    be noticed (half the distance to a rival theory, a tenth of an exponent), and is undecided if it
    is more: then the measurement could not have told.
    """
    resolution = _check.number("resolution", resolution, 0.0, open_low=True)
    target = _check.number("target", target)
    return Relation("consistent", target, None, _sigmas(sigmas), resolution=resolution)


def above(target, sigmas=3.0):
    """It is above `target`: agrees if value - reach > target, differs if value + reach < target."""
    return Relation("above", _check.number("target", target), None, _sigmas(sigmas))


def below(target, sigmas=3.0):
    """It is below `target`: agrees if value + reach < target, differs if value - reach > target."""
    return Relation("below", _check.number("target", target), None, _sigmas(sigmas))


def control(relation):
    """A negative control: a wrong theory, which has to differ from what was measured."""
    return relation._replace(control=True)


def _sigmas(value):
    return _check.number("sigmas", value, 0.0)


def claims(*rows, show=True):
    """State claims, compute their verdicts, show both, and store them for the book's table of claims.

        chapters.claims(
            ("end-point", "The end point of all processes.", limit, within(0.64, 0.01), "Zhang and Martiniani"),
            ("control-end-point", "The same without ...", other, control(within(0.64, 0.01))),
        )

    Parameters
    ----------
    *rows : tuples (id, text, measured, relation[, source[, unit]])
        id : lower-case letters, digits and hyphens, unique in the book. text : the claim in one
        sentence. measured : what `mpack.statistics.Estimate.of` takes, with its number of
        independent samples n (error 0 if exact) and, where these are not n - 1, the degrees of
        freedom of its error. relation : `within`, `consistent`, `above`, `below`, or a `control` of
        one. source : where the target comes from. unit : of the value.
    show : bool
        False when a table or figure of the chapter shows them; the table of claims leads there all
        the same.

    Returns
    -------
    dict
        From each id to "agrees", "differs" or "undecided".
    """
    entries = [_claim(*row) for row in rows]
    for entry in entries:
        anchor = {"text/html": f'<span class="mpack-anchor" id="claim-{entry["id"]}"></span>'}
        shown = {"text/html": claim_html(entry), "text/plain": claim_line(entry)}
        _display({CLAIM: entry} | (shown if show else anchor))
    return {entry["id"]: entry["verdict"] for entry in entries}


def _claim(id, text, measured, relation, source="", unit=None):
    """What is stored of a claim."""
    if not isinstance(id, str) or not re.fullmatch("[a-z0-9-]+", id):
        raise ValueError(f"id must be lower-case letters, digits and hyphens; got {id!r}")
    _check.instance("relation", relation, Relation, "made by within, consistent, above or below")
    found = Estimate.of(measured)
    if found.n is None:
        raise ValueError(f"measured must say its number of samples n; {id!r} got {found!r}")
    if found.error and not found.freedom:
        raise ValueError(
            f"measured must say the degrees of freedom dof of an error that is not the scatter of n "
            f"samples; {id!r} got {found!r}"
        )
    rule = {name: getattr(relation, name) for name in RULE}
    dof = found.freedom if found.error and math.isfinite(found.freedom) else None
    said = verdict(found.value, error=found.error, dof=dof, **rule)
    reach = found.reach(relation.sigmas)
    return {
        "id": id,
        "text": text,
        "value": found.value,
        "error": found.error,
        **rule,
        "n": found.n,
        "dof": dof,
        "reach": reach,
        "notices": reach + (relation.tolerance or 0.0),
        "unit": unit,
        "source": source,
        "control": relation.control,
        "verdict": said,
        "passed": said == ("differs" if relation.control else "agrees"),
    }


RULE = "target", "sigmas", "tolerance", "relation", "resolution"


def verdict(
    value,
    target,
    error,
    tolerance=None,
    relation="within",
    sigmas=3.0,
    resolution=math.inf,
    dof=None,
):
    """Apply the rule of a relation: "agrees", "differs" or "undecided".

    `dof` are the degrees of freedom of the error; None: it is known.
    """
    reach = error * student(sigmas, dof) if error else 0.0
    gap = abs(value - target)
    if relation == "consistent":
        agrees, differs = gap <= reach <= resolution, gap > reach
    elif relation == "within":
        agrees, differs = gap + reach <= tolerance, gap - reach > tolerance
    else:
        over = value - target if relation == "above" else target - value
        agrees, differs = over - reach > 0, over + reach < 0
    return "agrees" if agrees else "differs" if differs else "undecided"


def expectation(entry):
    """What a claim's entry asks for, in words: '0.64 ± 0.01', 'above 0'."""
    unit = f" {entry['unit']}" if entry["unit"] else ""
    target = f"{entry['target']:.4g}"
    if entry["relation"] == "within":
        tolerance = f" ± {entry['tolerance']:.4g}" if entry["tolerance"] else ""
        return f"{target}{tolerance}{unit}"
    if entry["relation"] == "consistent":
        return f"{target}{unit}, to {rounded(entry['resolution'], 2)}"
    return f"{entry['relation']} {target}{unit}"


def power(entry):
    """The deviation that a claim's entry would notice, in words; "" if it is any."""
    unit = f" {entry['unit']}" if entry["unit"] else ""
    if not entry["notices"]:
        return ""
    return f"would notice a deviation of {rounded(entry['notices'], 2)}{unit}"


def outcome(entry):
    """The verdict in words; a negative control says whether it failed as it must."""
    if not entry["control"]:
        return entry["verdict"]
    if entry["passed"]:
        return "differs, as it must"
    return f"control does not fail: {entry['verdict']}"


def claim_line(entry):
    """Measured, expected, what would be noticed and verdict of a claim's entry, in one line of text."""
    measured = with_error(entry["value"], entry["error"], entry["unit"])
    noticed = f"; {power(entry)}" if power(entry) else ""
    return (
        f"measured {measured} (n = {entry['n']:,}); expected {expectation(entry)}{noticed}: "
        f"{outcome(entry)}"
    )


def claim_html(entry):
    """The same for a page."""
    state = "passed" if entry["passed"] else "missed"
    return (
        f'<div class="mpack-claim {state} {entry["verdict"]}" id="claim-{entry["id"]}">'
        f"<p>{html.escape(entry['text'])}</p><p>{html.escape(claim_line(entry))}</p></div>"
    )


def show(fig, name, *, close=True):
    """Put a figure on the page: numbered, captioned, in a light and a dark picture.

    Its caption and what it shows to those who do not see it stand in Markdown, beside the call:

        ```{caption} NAME
        :alt: Activity against steps: three curves that fall, one of them to zero.

        What to see in it; formulas, roles and recorded numbers included.
        ```

    Parameters
    ----------
    fig : matplotlib.figure.Figure or mpack.widgets.Explorer
        Drawn in the house style (`mpack.figures.use_style`). Of an explorer, where there is a
        kernel its controls, else its plots as they stand now.
    name : str
        Lower-case letters, digits and hyphens, unique in the book; text refers to it as
        {numref}`fig-NAME`.
    close : bool
        Close the figure afterwards, so that the notebook does not show it twice.
    """
    from matplotlib import pyplot

    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9-]+", name):
        raise ValueError(f"name must be lower-case letters, digits and hyphens; got {name!r}")
    controls = {}
    if not hasattr(fig, "savefig"):
        controls, fig = _controls(fig), fig.figure()
    table = plotted.csv_of(fig)
    light, dark = (base64.b64encode(picture).decode() for picture in pictures.of(fig))
    width = round(fig.get_size_inches()[0] * PIXELS_PER_INCH)
    page = (
        f'<img alt="{name}: see the caption" width="{width}" style="background:#fff;max-width:100%" '
        f'src="data:image/png;base64,{light}">'
    )
    data = {"name": name, "width": width, "light": light, "dark": dark, "csv": table}
    _display({FIGURE: data, "text/html": page, "text/plain": f"[figure: {name}]"} | controls)
    if close:
        pyplot.close(fig)


def _controls(widget):
    """What shows a widget, by kind; ipywidgets 7, which Colab has, would display it itself."""
    if hasattr(widget, "_repr_mimebundle_"):
        return widget._repr_mimebundle_()
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {"application/vnd.jupyter.widget-view+json": view}


def table(rows, columns=None, *, caption=None, formats=None):
    """A table for the page: numbers with their errors as the book prints them, no index.

    Parameters
    ----------
    rows : pandas.DataFrame or list
        Of dicts, or of tuples with `columns`. A cell may be an `Estimate` or anything that has one
        (`Estimate.of`), a pair (value, error), a number, a bool, a text; None or nan is a dash.
    columns : list of str, optional
    caption : str, optional
        What it is a table of.
    formats : dict, optional
        From a column to how its plain numbers are written, "{:.3f}" say; otherwise integers have
        commas between groups of three digits, and floats four significant digits.

    Returns
    -------
    pandas.io.formats.style.Styler
    """
    import pandas as pd

    frame = pd.DataFrame(rows, columns=columns)
    formats = formats or {}
    for name in formats:
        _check.choice("formats", name, list(frame.columns))
    words = {name: [_cell(x, formats.get(name)) for x in frame[name]] for name in frame.columns}
    shown = pd.DataFrame(words).style.hide(axis="index").format(symbols)
    shown = shown.format_index(symbols, axis="columns")
    return shown if caption is None else shown.set_caption(symbols(caption))


GREEK = {"rho": "ρ", "nu": "ν", "zeta": "ζ", "phi": "φ", "tau": "τ", "lambda": "λ"}
SYMBOL = re.compile(
    rf"(?<![\w>])({'|'.join(GREEK)}|[A-Za-zα-ω])(?:_(c|f|a|r|s|tau|phi|min|max|i|k|J|∞|\d)(?!\w)|([∞∥⊥]))"
)


def symbols(text):
    """HTML of a table's text: rho_c and f∞ become letters with their subscripts, nu alone a letter."""
    text = SYMBOL.sub(
        lambda found: (
            f"<i>{GREEK.get(found[1], found[1])}</i>"
            f"<sub>{GREEK.get(found[2], found[2]) if found[2] else found[3]}</sub>"
        ),
        str(text),
    )
    return f"<i>{GREEK[text]}</i>" if text in GREEK else text


def _cell(x, form=None):
    """A cell of a table in words."""
    if x is None or isinstance(x, float) and math.isnan(x):
        return "–"
    if isinstance(x, str):
        return x
    if isinstance(x, (bool, np.bool_)):
        return "yes" if x else "no"
    if isinstance(x, Number):
        return (form or ("{:,}" if isinstance(x, Integral) else "{:.4g}")).format(x)
    return str(Estimate.of(x))


def answer(exercise, value, *, tolerance=0.01, absolute=False, what=""):
    """In a solution: the number it comes to, so that a class's copy of the chapter can check one.

    Nothing is shown, and what is stored is no more than digests of the numbers that are near
    enough.

    Parameters
    ----------
    exercise : str
        The exercise's label.
    value : float
        The number; not 0 unless `absolute`.
    tolerance : float
        How far from it still counts, in (0, 1): relative, or absolute if `absolute`, then any size
        > 0.
    absolute : bool
    what : str
        Which number, where the exercise asks for several: "mean number of steps".
    """
    _check.instance("exercise", exercise, str, "the label of an exercise")
    value = _check.number("value", _plain("value", value))
    tolerance = _check.number("tolerance", tolerance, 0, None if absolute else 1, open_low=True)
    place = _bin("value", value, tolerance, absolute)
    negative = value < 0 and not absolute
    keys = [
        _answer_key(exercise, what, negative, place + shift) for shift in range(-_BINS, _BINS + 1)
    ]
    entry = {
        "exercise": exercise,
        "what": what,
        "tolerance": tolerance,
        "absolute": absolute,
        "keys": sorted(keys),
    }
    _display({ANSWER: entry})


def grade(exercise, answer, *, tolerance, keys, absolute=False, what=""):
    """In a student's copy: say whether a number is the exercise's answer, without giving that away.

    Parameters
    ----------
    exercise, tolerance, absolute, what, keys
        As `answer` stored them.
    answer : anything
        What the student put there; None: not answered yet.

    Returns
    -------
    bool or None
        Right or not; None if it is not one finite number, which a sentence says.
    """
    about = f"{exercise}{f', {what}' if what else ''}"
    value, why = _one_number(answer)
    if value is None:
        print(f"{about}: {why}")
        return None
    near = f"{tolerance:g}" if absolute else f"{tolerance:.3g} of the number"
    right = False
    if absolute or value != 0:
        negative = value < 0 and not absolute
        right = (
            _answer_key(exercise, what, negative, _bin("answer", value, tolerance, absolute))
            in keys
        )
    print(f"{about}: {'right' if right else 'not yet'} (the tolerance is {near}).")
    return right


def _one_number(answer):
    """(the number that a student gave, None) or (None, what to do)."""
    if answer is None or answer is Ellipsis:
        return None, "put your number in the place of None."
    if isinstance(answer, str):
        return (
            None,
            f"the answer is a number; {answer!r} is text. Leave out quotation marks and units.",
        )
    if isinstance(answer, (bool, np.bool_)):
        return None, f"the answer is a number, not {answer}."
    try:
        values = np.asarray(answer, dtype=complex).ravel()
    except (TypeError, ValueError):
        return None, f"the answer is a number; this is of type {type(answer).__name__}."
    if values.size != 1:
        return None, f"the answer is one number; you gave {values.size}."
    if values[0].imag or not np.isfinite(values[0]):
        return None, f"the answer is a finite real number; you gave {answer}."
    return float(values[0].real), None


_BINS = 10  # to a tolerance


def _bin(name, value, tolerance, absolute):
    """The bin of a number: a tenth of the tolerance wide, on a logarithmic axis of its size if that is relative."""
    if absolute:
        return math.floor(value * _BINS / tolerance)
    if value == 0:
        raise ValueError(f"{name} must not be 0 where the tolerance is relative; say absolute=True")
    return math.floor(math.log(abs(value)) * _BINS / math.log1p(tolerance))


def _answer_key(exercise, what, negative, place):
    return hashlib.sha256(
        f"{exercise}|{what}|{'-' if negative else '+'}|{place}".encode()
    ).hexdigest()[:12]


def _display(bundle):
    """Show in a notebook; elsewhere print."""
    try:
        from IPython import get_ipython
        from IPython.display import publish_display_data
    except ImportError:
        get_ipython = None
    if get_ipython is None or get_ipython() is None:
        print(bundle.get("text/plain", ""), end="\n" if "text/plain" in bundle else "")
    else:
        publish_display_data(bundle)


def _plain(name, value):
    """A finite number, bool or string as JSON knows it."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, Integral):
        return int(value)
    return _check.number(name, value)
