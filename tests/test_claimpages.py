"""What a page shows of a chapter's claims and of its code: folds, the scoreboard, bookkeeping left out."""

import textwrap

import pytest

from book import chapters
from book._tools import bookkeeping, claimpages, scoreboard, sphinxext
from mpack.statistics import Estimate


def entry(id_, value, relation, n=400, error=0.05, text="What is claimed."):
    return chapters._claim(id_, text, Estimate(value, error, n=n), relation) | {"chapter": "c"}


AGREES = entry("a", 1.0, chapters.above(0.0))
DIFFERS = entry("d", -1.0, chapters.above(0.0))
UNDECIDED = entry("u", 0.1, chapters.above(0.0))
CONTROL = entry("k", -1.0, chapters.control(chapters.above(0.0)))
BLUNT = entry("b", 0.1, chapters.control(chapters.above(0.0)))


@pytest.mark.parametrize(
    ("entries", "line"),
    [
        ([AGREES], "Claim: agrees. What is claimed."),
        ([CONTROL], "Negative control: differs, as it must. What is claimed."),
        ([AGREES] * 3, "3 claims: all agree"),
        ([AGREES] * 11 + [UNDECIDED], "12 claims: 11 agree, 1 undecided"),
        ([AGREES, DIFFERS], "2 claims: 1 agrees, 1 differs"),
        ([AGREES, CONTROL], "1 claim: agrees; a negative control: differs, as it must"),
        ([CONTROL, CONTROL], "2 negative controls: all differ, as they must"),
        ([AGREES, AGREES, CONTROL, BLUNT], "2 claims: all agree; 2 negative controls, 1 of which not told apart"),
    ],
)  # fmt: skip
def test_a_fold_says_in_a_line_how_its_claims_came_out(entries, line):
    from bs4 import BeautifulSoup

    fold = BeautifulSoup(claimpages.folded(entries), "html.parser").details
    assert fold.summary.get_text() == line
    assert len(fold.find_all(class_="mpack-claim")) == len(entries)
    for card in fold.find_all(class_="mpack-claim"):
        assert card["id"].startswith("claim-") and "would notice a deviation of" in card.get_text()


def test_a_fold_holds_the_claims_that_stand_together():
    def output(one):
        return {"output_type": "display_data", "data": {chapters.CLAIM: one, "text/html": ""}}

    record = {"output_type": "display_data", "data": {chapters.RECORD: {}}}
    table = {"output_type": "display_data", "data": {"text/html": "<table></table>"}}
    outputs = [output(AGREES), record, output(UNDECIDED), table, output(CONTROL)]
    shown = sphinxext.without_data(sphinxext.with_folds(outputs))
    assert [one["data"]["text/html"].count("mpack-claim ") for one in shown] == [2, 0, 1]


def statement(**row):
    known = {one["id"]: one for one in (AGREES, DIFFERS, UNDECIDED, CONTROL)}
    return scoreboard.statement({"id": "s", "where": "w", "says": "x", "found": "", **row}, known)


def test_the_verdict_on_a_statement_follows_from_its_claims():
    assert statement(claims=["a"]).verdict == "agrees"
    assert statement(claims=["a", "u"]).verdict == "undecided"
    assert statement(claims=["a", "u", "d"]).verdict == "differs"
    assert statement(against=["a"]).verdict == "differs"
    assert statement(against=["d"]).verdict == "agrees"
    assert statement(untested="why").verdict == "not yet tested"
    assert statement(claims=["[ad]"], found="{a} of {a:n}; {[ad]:agree} of {[ad]:count}").found == (
        "1.000 ± 0.050 of 400; 1 of 2"
    )
    with pytest.raises(KeyError, match="no chapter makes the claim 'z'"):
        statement(claims=["z"])


# Every equation, figure and conclusion of the papers, tested here or not.
STATED = """
    bro potential potential-attraction bro-approximation sde sgd-approximation individual-bro rcd sgd matching inverted
    large-kicks-rcd large-kicks transition gd-static slowing fig-3 fig-3-recipe one-by-one manna-bro manna-decay
    size-universality mean-field active-high-d fig-5a fig-5b fig-5b-all fig-5b-finite fig-5b-rule
    capacity-limit fig-s2 fig-s2-own sq-alike sq-active sq-plane fcc tuned sizes ellipsoids ellipsoids-class fig-4-sgd
    fig-4-rcd fig-4-meet fig-4-monotonic near-minimum favours-flat v1-reason
    a-plateau a-solely g-order gb-protocol
    ccn-batch ccn-capacity ccn-flat ccn-ellipses
    k-transient k-stationary k-loss k-current k-displacement k-exponent k-batch k-decay k-images
    k-anomalous k-local k-eta k-network-batch k-sweep-beta k-sweep-decay k-oscillations k-isotropy
    k-resnet
"""


def test_every_statement_of_the_papers_is_on_the_list_once():
    rows = [
        row
        for paper in scoreboard.papers()
        for part in paper["parts"]
        for row in part["statements"]
    ]
    assert sorted(row["id"] for row in rows) == sorted(STATED.split())
    for row in rows:
        tested = bool(row.get("claims") or row.get("against"))
        assert tested != ("untested" in row), f"{row['id']}: either claims or a reason"
        assert tested == ("found" in row), row["id"]
        assert set(row) <= {"id", "where", "says", "claims", "against", "found", "untested"}
        assert "verdict" not in row, "verdicts are computed"


def shown(*sources):
    return bookkeeping.shown_code([textwrap.dedent(source).strip("\n") for source in sources])


def test_calls_that_keep_books_are_not_shown():
    (left,) = shown("""
        x = run()
        # stored for the text
        chapters.record({"x": x})

        y = x + 1  # <- physics
        chapters.claims(("id", "text", y, above(0.0)));
        chapters.show(draw(y), "name")
    """)
    assert left == 'x = run()\n\ny = x + 1  # <- physics\nchapters.show(draw(y), "name")'


def test_words_that_claims_alone_use_are_not_shown_and_computations_are():
    first, second = shown(
        """
        from book import chapters
        from book.chapters import above, within
        near = within(1.0, 0.1)
        text = f"A sentence with {n}."
        gap = mean_error(x)
        chapters.claims(("id", text, gap, near));
        title = "shown below"
        """,
        "chapters.table(rows, caption=title)",
    )
    assert first == 'from book import chapters\ngap = mean_error(x)\ntitle = "shown below"'
    assert second == "chapters.table(rows, caption=title)"


def test_loops_that_only_claim_are_not_shown_and_others_lose_a_line():
    left, nothing = shown(
        """
        for name in names:
            rows.append(name)
            text = name.lower()
            chapters.claims((text, "t", f[name], above(0.0)))
        """,
        """
        for name in names:
            if name:
                chapters.record({name: f[name]})
        """,
    )
    assert left == "for name in names:\n    rows.append(name)"
    assert nothing == ""


def test_a_part_of_something_that_is_shown_stays():
    source = "moved = start.copy()\nmoved[0, 0] += 1e-9\nplot.size = 3\nrun(moved, plot)"
    assert shown(source) == [source]
    (left,) = shown("""
        gaps, told = {}, {}
        for key, value in pairs:
            gaps[key] = value
            told[key] = f"{value} of it"
        draw(gaps)
        chapters.record(told)
    """)
    assert left == (
        "gaps, told = {}, {}\nfor key, value in pairs:\n    gaps[key] = value\ndraw(gaps)"
    )


def test_a_verdict_that_is_used_stays():
    source = 'said = chapters.claims(row)\nprint(said["id"])'
    assert shown(source) == [source]
    assert shown("said = chapters.claims(row)\nsaid = 3\nprint(said)") == ["said = 3\nprint(said)"]


def test_parameters_and_magics_stay():
    cell = {
        "cell_type": "code",
        "source": "n = 3  # spheres",
        "metadata": {"tags": ["parameters"]},
        "id": "p",
    }
    check = {**cell, "source": "chapters.check(globals(), n=(1, 9))", "metadata": {}, "id": "c"}
    kept, gone = bookkeeping.page_cells([cell, check])
    assert kept is cell and gone["metadata"]["tags"] == ["remove-input"]
    assert shown("%matplotlib inline\nchapters.record({})") == [
        "%matplotlib inline\nchapters.record({})"
    ]


def test_audits_are_one_sentence():
    said = (
        "{}: 3 of 1,224 archived runs done again just now, in part, and every bit was the same.\n"
    )
    one = bookkeeping.audit_sentence(said.format("dimensions"))
    assert "3 of 1,224 in `dimensions`" in one and one.count(".") == 1
    two = bookkeeping.audit_sentence(said.format("a") + said.format("b"))
    assert "3 of 1,224 in `a` and 3 of 1,224 in `b`" in two and two.count("\n") == 0
    assert bookkeeping.audit_sentence(said.format("a") + "something else") is None
    assert bookkeeping.audit_sentence("mean 3.2\n") is None
