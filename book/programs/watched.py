"""Runs a program of a page: in the page (`worker.js`, by Pyodide), and by the Python that makes the page.

It is one text that both take, so it has the standard library alone. What the program prints goes
where Python prints.
"""

import json
import linecache
import operator
import traceback

NAME = "<program>"  # what tracebacks call it
NUMBERS = ("n", "phi", "box", "alpha", "batch", "seed", "steps")


def run(text):
    """JSON of what came of a program: {"error": None, "numbers": {...}, "x": [...], "lacks": None}.

    An error is {"line", "says", "trace", "missing"}, the last the module that was not found. Numbers
    and coordinates are written out, since JavaScript would round them; "lacks" is a sentence on why
    there are no coordinates.
    """
    linecache.cache[NAME] = (len(text), None, text.splitlines(keepends=True), NAME)
    names = {"__name__": "__main__"}
    try:
        exec(compile(text, NAME, "exec"), names)
    except BaseException as error:  # also SystemExit: it ends the program, not the page
        return json.dumps({"error": told(error)})
    return json.dumps({"error": None, **left(names)})


def told(error):
    """An error, with the line of the program in which it happened."""
    trace = error.__traceback__ and error.__traceback__.tb_next  # without this module's own frame
    lines = [
        number for frame, number in traceback.walk_tb(trace) if frame.f_code.co_filename == NAME
    ]
    if isinstance(error, SyntaxError) and error.filename == NAME:
        lines = [error.lineno]
    whole = traceback.TracebackException(type(error), error, trace)
    said = list(whole.format_exception_only())  # of a SyntaxError the last of some
    return {
        "line": lines[-1] if lines else None,
        "says": said[-1 if isinstance(error, SyntaxError) else 0].strip(),
        "trace": "".join(whole.format()),
        "missing": error.name if isinstance(error, ModuleNotFoundError) else None,
    }


def left(names):
    """The numbers that a program gave names to, and the coordinates `x`, as text."""
    numbers = {}
    for name in NUMBERS:
        try:
            number = names[name]
            numbers[name] = str(operator.index(number)) if whole(number) else repr(float(number))
        except (KeyError, TypeError, ValueError):
            continue
    try:
        x = [[operator.index(u) for u in row] for row in names["x"]]
    except KeyError:
        return {"numbers": numbers, "x": None, "lacks": "The program has no x."}
    except TypeError:
        says = "x is no list of rows of whole numbers, so it has no digest."
        return {"numbers": numbers, "x": None, "lacks": says}
    lacks = unfit(x)
    return {"numbers": numbers, "x": None if lacks else [[str(u) for u in row] for row in x]} | {
        "lacks": lacks
    }


def whole(number):
    """Whether something counts as a whole number."""
    return hasattr(number, "__index__")


def unfit(x):
    """Why rows of whole numbers are no coordinates, in a sentence, or None."""
    if not x or len({len(row) for row in x}) > 1 or len(x[0]) not in (2, 3):
        return "x should have a row for each particle, of two or three coordinates."
    if not all(-(2**63) <= u < 2**63 for row in x for u in row):
        return (
            "A coordinate in x lies outside -2**63 to 2**63 - 1: it was not taken around the box."
        )
    return None
