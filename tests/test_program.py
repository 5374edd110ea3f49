"""*The model in twenty lines*: its programs are the library's dynamics, to the last bit, and so are its exercises."""

import re

import numpy as np
import pytest
from bookpages import ROOT

import mpack
from book._tools import program

PAGE = (ROOT / "book" / "twenty_lines.md").read_text(encoding="utf8")
PLAIN, WITH_NUMPY = "twenty_lines.py", "twenty_lines_numpy.py"
TEXT = program.text_of(PLAIN)


def changed(*changes, text=TEXT):
    """A program in which every (old, new) stands once, changed."""
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def digest(text):
    told, _ = program.run(text)
    assert told["error"] is None, told["error"]
    return program.digest(told)


@pytest.mark.parametrize("name", (PLAIN, WITH_NUMPY))
@pytest.mark.parametrize(
    "numbers",
    (
        "64, 0.7, 0.1, 0.5, 1, 100",
        "30, 0.9, 0.3, 0.25, 2**64 - 1, 57",
        "17, 1.3, 0.4, 1, 2**32, 20",
        "20, 0.3, 0.5, 0.9, 0, 100",  # at rest before the end
        "64, 0.5, 0.1, 0.5, 7, 100",  # an edge that is not the library's, by a rounding
    ),
)
def test_a_program_has_the_library_s_digest(name, numbers):
    text = changed(("64, 0.7, 0.1, 0.5, 1, 100", numbers), text=program.text_of(name))
    told, printed = program.run(text)
    run = program.library(told["numbers"])
    assert program.digest(told) == run.digest
    seen = dict(map(float, line.split()) for line in printed.splitlines())
    wanted = dict(zip(run.times.tolist(), run.activity.tolist()))
    assert seen and all(wanted.get(time, 0.0) == activity for time, activity in seen.items())


def test_another_rule_has_another_digest():
    same = digest(TEXT)
    assert digest(changed(("r < 1:", "r < 1.01:"))) != same
    assert digest(changed(("noise(2, step", "noise(3, step"))) != same


def test_it_is_some_twenty_lines():
    lines = [line for line in TEXT.splitlines() if line.strip()]
    start = next(k for k, line in enumerate(lines) if line.startswith("def noise"))
    noise = 1 + next(k for k, line in enumerate(lines[start:]) if line.strip().startswith("return"))
    assert len(lines) - noise <= 22 and noise <= 8
    assert max(map(len, lines)) <= 100


def test_the_lines_that_the_page_speaks_of_are_those():
    lines = dict(enumerate(TEXT.splitlines(), 1))
    for number, part in {
        3: "n, phi", 4: "box =", 7: "def noise", 13: "return", 16: "def around", 17: "return",
        24: "for i", 27: "# overlap", 29: "# pick", 30: "for axis", 31: "# push", 33: "-= kick",
        34: "zip(x, push)",
    }.items():  # fmt: skip
        assert part in lines[number], number


FLOATS = (("int(alpha * (2**64 / box) / 2 / r * d)", "alpha * (2**64 / box) / 2 / r * d"),
          ("around(u + v)", "around(u + int(v))"))  # fmt: skip
BACKWARDS = ("for j in range(n):", "for j in reversed(range(n)):")


def test_the_exercise_on_order():
    same = digest(TEXT)
    assert digest(changed(BACKWARDS)) == same
    floats, backwards = digest(changed(*FLOATS)), digest(changed(*FLOATS, BACKWARDS))
    assert len({same, floats, backwards}) == 3


def test_the_exercise_on_kicks():
    (given,) = re.findall(r"^    u = .*(?:\n    .*)+", PAGE, re.MULTILINE)
    old = "\n".join(TEXT.splitlines()[28:33]) + "\n"
    new = "\n".join(f"{12 * ' '}{line}" for line in given.splitlines()) + "\n"
    new = new.replace(12 * " " + 4 * " ", 16 * " ")
    text = changed((old, new), ("box =", "eps = 0.05\nbox ="))
    (call, told) = re.search(r"`(mpack\.simulate\(.*?\)\.digest)` is `(\w+)`", PAGE).groups()
    assert digest(text) == eval(call, {"mpack": mpack}) == told
    moments = {
        "BRO": (0.05 / 2, 0.05**2 / 12),
        "SGD": (0.05 / 0.75 * 0.75 / 2, (0.05 / 0.75) ** 2 * 0.75 * 0.25 / 4),
    }
    assert np.allclose(moments["BRO"], moments["SGD"], rtol=1e-14)


def test_the_exercise_on_the_broken_law():
    show = (
        "    x = [[around(u + v)",
        "    print('sum', sum(a for a, b in push))\n    x = [[around(u + v)",
    )
    sums = lambda text: [
        int(line[4:]) for line in program.run(text)[1].splitlines() if line[:3] == "sum"
    ]
    assert sums(changed(show)) == [0] * 100
    assert 0 not in sums(changed(show, ("                        push[j][axis] -= kick\n", "")))


# ------------------------------------------------------------------------------------------------
# what runs them


@pytest.mark.parametrize(
    "text, line, says, missing",
    (
        ("x = 1\ny = (", 2, "SyntaxError: '(' was never closed", None),
        ("import numpie", 1, "ModuleNotFoundError: No module named 'numpie'", "numpie"),
        ("def f():\n    return 1 / 0\n\nf()", 2, "ZeroDivisionError: division by zero", None),
        ("axis = 1\naxes", 2, "NameError: name 'axes' is not defined", None),
        ("raise SystemExit", 1, "SystemExit", None),
        ("import json\njson.loads('[')", 2, None, None),
    ),
)
def test_an_error_is_told_with_its_line(text, line, says, missing):
    error = program.run(text)[0]["error"]
    assert (error["line"], error["missing"]) == (line, missing)
    # later Pythons add what one may have meant
    assert says is None or error["says"].partition(". Did")[0] == says
    assert "watched" not in error["trace"] and f"line {line}" in error["trace"]


@pytest.mark.parametrize(
    "text, lacks",
    (
        ("y = 1", "has no x"),
        ("x = 5", "no list of rows"),
        ("x = [[1.5, 2]]", "no list of rows"),
        ("x = [[1, 2], [3]]", "a row for each particle"),
        ("x = []", "a row for each particle"),
        ("x = [[1, 2, 3, 4]]", "two or three"),
        ("x = [[2**63, 0]]", "outside"),
    ),
)
def test_coordinates_that_are_none_are_refused_in_words(text, lacks):
    told = program.run(text)[0]
    assert told["error"] is None and told["x"] is None and lacks in told["lacks"]


def test_numbers_and_coordinates_keep_every_bit():
    told = program.run(
        "n, box, alpha, seed, phi = 3, 2 / 3, True, 2**64 - 1, 'a'\nx = [[-2**63, 5]]"
    )
    assert told[0]["numbers"] == {
        "n": "3",
        "box": repr(2 / 3),
        "alpha": "1",
        "seed": str(2**64 - 1),
    }
    assert told[0]["x"] == [[str(-(2**63)), "5"]]
    numpy = program.run(
        "import numpy as np\nn, box = np.int32(4), np.float64(0.1)\nx = np.eye(2, dtype=int)"
    )
    assert numpy[0]["numbers"] == {"n": "4", "box": "0.1"} and numpy[0]["x"] == [
        ["1", "0"],
        ["0", "1"],
    ]
