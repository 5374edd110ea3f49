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
import numbers
import re

from book import pictures
from mpack import _check
from mpack.figures import PIXELS_PER_INCH

RECORD = "application/vnd.mpack.record+json"
CLAIM = "application/vnd.mpack.claim+json"
ANSWER = "application/vnd.mpack.answer+json"
FIGURE = "application/vnd.mpack.figure+json"

RELATIONS = ("within", "consistent", "above", "below")


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
    for name in _injected(names):
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ValueError(
                f"unknown parameter {name!r}{hint}; this chapter takes {', '.join(allowed)}"
            )
    for name, spec in allowed.items():
        if name not in names:
            raise ValueError(
                f"parameter {name!r} is checked but the parameters cell does not set it"
            )
        _accept(name, names[name], spec)


def _injected(names):
    """Names that papermill set: the assignments of executed cells that begin with its comment."""
    found = []
    for cell in names.get("In", ()):
        if cell.lstrip().startswith("# Parameters\n"):
            targets = [
                node.targets[0] for node in ast.parse(cell).body if isinstance(node, ast.Assign)
            ]
            found += [target.id for target in targets if isinstance(target, ast.Name)]
    return found


def _accept(name, value, spec):
    """Raise unless `value` is what `spec` allows (see `check`)."""
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
        whole = all(isinstance(end, int) for end in spec if end is not None)
        (_check.integer if whole else _check.number)(name, value, *spec)
    else:
        raise TypeError(
            f"{name} has an unreadable range {spec!r}: use (low, high), a set, bool, str, or [range]"
        )


def with_error(value, error=None, unit=None):
    """A number as the book prints it: the error to two significant digits, the value to the same place.

    >>> with_error(0.18341, 0.00432)
    '0.1834 ± 0.0043'
    """
    tail = f" {unit}" if unit else ""
    if isinstance(value, (bool, str)) or isinstance(value, numbers.Integral) and not error:
        return f"{value}{tail}"
    if not error or not math.isfinite(error):
        return f"{value:.6g}{tail}" + ("" if error is None or error == 0 else f" ± {error}")
    power = math.floor(math.log10(error))
    biggest = max(abs(value), error)
    if 1e-3 <= biggest < 1e5:
        digits = max(1 - power, 0)
        return f"{value:.{digits}f} ± {error:.{digits}f}{tail}"
    shift = math.floor(math.log10(biggest))
    digits = max(shift - power + 1, 0)
    scale = 10.0**shift
    exponent = str(shift).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"({value / scale:.{digits}f} ± {error / scale:.{digits}f}) × 10{exponent}{tail}"


def record(name, value, error=None, n=None, unit=None, *, show=False):
    """Store a number in the executed chapter, for the text to quote and for tests to read.

    Parameters
    ----------
    name : str
        By which `records` and the book's `{measured}` role find it; once in a chapter.
    value : float, int, bool or str
        What was measured. A float must be finite.
    error : float, optional
        One standard error. Leave it out only for what is exact.
    n : int, optional
        The number of independent samples behind the error.
    unit : str, optional
        Lengths are in mean diameters and need none.
    show : bool
        Print it here as well.
    """
    _check.instance("name", name, str, "a string")
    entry = {
        "name": name,
        "value": _plain("value", value),
        "error": _size("error", error),
        "n": _count(n),
        "unit": unit,
    }
    line = f"{name} = {with_error(entry['value'], entry['error'], unit)}{'' if n is None else f' (n = {n})'}"
    _display({RECORD: entry} | ({"text/plain": line} if show else {}))


def claim(
    id,
    text,
    value,
    *,
    target,
    error,
    n,
    tolerance=None,
    relation="within",
    sigmas=3.0,
    source="",
    unit=None,
    control=False,
    show=True,
):
    """State a claim, compute its verdict, show both, and store them for the book's table of claims.

    Parameters
    ----------
    id : str
        Lower-case letters, digits and hyphens; unique in the book.
    text : str
        The claim in one sentence.
    value, error, n : float, float, int
        The measurement, its standard error (0 if exact) and the number of independent samples.
    target : float
        What the claim says the value is, or is above, or below.
    tolerance : float
        For "within": how far from the target still counts as the same.
    relation : str
        With e = sigmas × error: "within": agrees if |value - target| + e <= tolerance, differs if
        |value - target| - e > tolerance; "consistent": agrees if |value - target| <= e, else
        differs; "above" ("below"): agrees if value - e > target (value + e < target), differs if
        value + e < target (value - e > target). What neither agrees nor differs is undecided.
    source : str
        Where the target comes from.
    control : bool
        True for a negative control, which has to differ.
    show : bool
        False when a table or figure of the chapter shows it; the table of claims leads there all
        the same.

    Returns
    -------
    str
        "agrees", "differs" or "undecided".
    """
    if (
        not isinstance(id, str)
        or not id
        or not set(id) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    ):
        raise ValueError(f"id must be lower-case letters, digits and hyphens; got {id!r}")
    numbers_ = {
        "value": _check.number("value", value),
        "target": _check.number("target", target),
        "error": _check.number("error", error, 0.0),
        "sigmas": _check.number("sigmas", sigmas, 0.0),
    }
    _check.choice("relation", relation, RELATIONS)
    if (tolerance is None) == (relation == "within"):
        raise ValueError(
            f"tolerance is for relation 'within', and needed there; got {tolerance!r} for {relation!r}"
        )
    if tolerance is not None:
        tolerance = _check.number("tolerance", tolerance, 0.0)
    found = verdict(**numbers_, tolerance=tolerance, relation=relation)
    entry = {
        "id": id,
        "text": text,
        **numbers_,
        "tolerance": tolerance,
        "relation": relation,
        "n": _count(n),
        "unit": unit,
        "source": source,
        "control": _check.flag("control", control),
        "verdict": found,
        "passed": found == ("differs" if control else "agrees"),
    }
    shown = {"text/html": claim_html(entry), "text/plain": f"{text}\n{claim_line(entry)}"}
    anchor = {"text/html": f'<span class="mpack-anchor" id="claim-{id}"></span>'}
    _display({CLAIM: entry} | (shown if show else anchor))
    return found


def verdict(value, target, error, tolerance=None, relation="within", sigmas=3.0):
    """ "agrees", "differs" or "undecided": the rule of `claim`, by itself."""
    reach = sigmas * error
    gap = abs(value - target)
    if relation == "consistent":
        return "agrees" if gap <= reach else "differs"
    if relation == "within":
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
        return f"{target} ± {entry['tolerance']:.4g}{unit}"
    if entry["relation"] == "consistent":
        return f"{target}{unit} within {entry['sigmas']:g} standard errors"
    return f"{entry['relation']} {target}{unit} by {entry['sigmas']:g} standard errors"


def outcome(entry):
    """The verdict in words; a negative control says whether it failed as it must."""
    if not entry["control"]:
        return entry["verdict"]
    return (
        "differs, as it must" if entry["passed"] else f"control does not fail: {entry['verdict']}"
    )


def claim_line(entry):
    """Measured, expected and verdict of a claim's entry, in one line of text."""
    measured = with_error(entry["value"], entry["error"], entry["unit"])
    return (
        f"measured {measured} (n = {entry['n']}); expected {expectation(entry)}: {outcome(entry)}"
    )


def claim_html(entry):
    """The same for a page."""
    state = "passed" if entry["passed"] else "missed"
    return (
        f'<div class="mpack-claim {state}" id="claim-{entry["id"]}"><p>{html.escape(entry["text"])}</p>'
        f"<p>{html.escape(claim_line(entry))}</p></div>"
    )


def show(fig, name, *, alt=None, caption, close=True):
    """Put a figure on the page: numbered, captioned, in a light and a dark picture.

    Parameters
    ----------
    fig : matplotlib.figure.Figure or mpack.widgets.Explorer
        Drawn in the house style (`mpack.figures.use_style`). Of an explorer, where there is a
        kernel its controls, else its plots as they stand now.
    name : str
        Lower-case letters, digits and hyphens, unique in the book; text refers to it as
        {numref}`fig-NAME`.
    alt : str
        What the picture shows, for those who do not see it; an explorer says it itself.
    caption : str
        What to see in it; MyST Markdown, formulas included.
    close : bool
        Close the figure afterwards, so that the notebook does not show it twice.
    """
    from matplotlib import pyplot

    more = {}
    if not hasattr(fig, "savefig"):
        more = fig._repr_mimebundle_()
        fig, alt = fig.figure(), fig.alt() if alt is None else alt
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9-]+", name):
        raise ValueError(f"name must be lower-case letters, digits and hyphens; got {name!r}")
    for what, text in (("alt", alt), ("caption", caption)):
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{what} must say something; got {text!r}")
    light, dark = (base64.b64encode(picture).decode() for picture in pictures.of(fig))
    width = round(fig.get_size_inches()[0] * PIXELS_PER_INCH)
    page = (
        f'<figure style="margin:1em 0"><img alt="{html.escape(alt)}" width="{width}" '
        f'style="background:#fff;max-width:100%" src="data:image/png;base64,{light}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )
    data = {
        "name": name,
        "alt": " ".join(alt.split()),
        "caption": caption.strip(),
        "width": width,
        "light": light,
        "dark": dark,
    }
    shown = {FIGURE: data, "text/html": page, "text/plain": f"[figure: {data['alt']}]"}
    _display(shown | more)
    if close:
        pyplot.close(fig)


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
    answer : float or None
        None: not answered yet.

    Returns
    -------
    bool or None
        Right or not; None if not answered.
    """
    about = f"{exercise}{f', {what}' if what else ''}"
    if answer is None:
        print(f"{about}: put your number in the place of None.")
        return None
    value = _check.number("answer", _plain("answer", answer))
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
    if isinstance(value, numbers.Integral):
        return int(value)
    return _check.number(name, value)


def _size(name, value):
    return (
        None
        if value is None
        else _check.number(name, value.item() if hasattr(value, "item") else value, 0.0)
    )


def _count(n):
    return None if n is None else _check.integer("n", n, 1)
