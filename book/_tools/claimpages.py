"""Claims as a page shows them: folded into a line where they are made, and on the page of all claims.

On that page stand the scoreboard, the rows by chapter with a filter, and the negative controls.
"""

import itertools
import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from book import chapters
from mpack.statistics import rounded, with_error

from . import claims, labels, places, scoreboard

WORDS = ("agrees", "undecided", "differs")


def folded(entries):
    """The claims of one call as HTML: a line that says how they came out, and opens."""
    cards = "".join(card(entry) for entry in entries)
    return (
        f'<details class="mpack-claims-fold {state(entries)}"><summary>{summary(entries)}</summary>'
        f"{cards}</details>"
    )


def state(entries):
    """As what the line of some claims is marked: "passed" if all came out as they must."""
    return "passed" if all(entry["passed"] for entry in entries) else "missed"


def summary(entries):
    """How some claims came out, in one line."""
    if len(entries) == 1:
        (entry,) = entries
        kind = "Negative control" if entry["control"] else "Claim"
        return (
            f'{kind}: <b>{escape(chapters.outcome(entry))}</b>. <span class="mpack-claims-text">'
            f"{prose(entry['text'])}</span>"
        )
    own = [entry for entry in entries if not entry["control"]]
    controls = [entry for entry in entries if entry["control"]]
    parts = [_counted(own)] if own else []
    if controls:
        many = "a negative control" if len(controls) == 1 else f"{len(controls)} negative controls"
        left = sum(not entry["passed"] for entry in controls)
        must = "it must" if len(controls) == 1 else "they must"
        differ = "differs" if len(controls) == 1 else "all differ"
        came = f", {left} of which not told apart" if left else f": {differ}, as {must}"
        parts.append(f"{many}{came}")
    said = "; ".join(parts)
    return said[0].upper() + said[1:]


def _counted(entries):
    """'12 claims: 11 agree, 1 undecided'."""
    counts = {word: sum(entry["verdict"] == word for entry in entries) for word in WORDS}
    if len(entries) == 1:
        return f"1 claim: <b>{entries[0]['verdict']}</b>"
    words = [f"<b>{many} {_word(word, many)}</b>" for word, many in counts.items() if many]
    if len(words) == 1:
        return f"{len(entries)} claims: <b>all {_word(entries[0]['verdict'], len(entries))}</b>"
    return f"{len(entries)} claims: {', '.join(words)}"


def card(entry):
    """One claim: what is claimed; measured, expected, what would be noticed, verdict."""
    facts = [badge(entry), f"measured {measured(entry)}", f"expected {expected(entry)}"]
    facts += [chapters.power(entry)] if chapters.power(entry) else []
    source = (
        f' <span class="mpack-source">({prose(entry["source"])})</span>' if entry["source"] else ""
    )
    return (
        f'<div class="mpack-claim {state([entry])} {entry["verdict"]}" id="claim-{entry["id"]}">'
        f"<p>{prose(entry['text'])}{source}</p><p>{' · '.join(facts)}</p></div>"
    )


def badge(entry):
    """The verdict on a claim."""
    return f'<b class="mpack-outcome {_look(entry)}">{escape(chapters.outcome(entry))}</b>'


def _look(entry):
    return "passed" if entry["control"] and entry["passed"] else entry["verdict"]


def measured(entry):
    """The measured number of a claim, with its samples, as HTML that does not break inside."""
    number = with_error(entry["value"], entry["error"], entry["unit"])
    samples = f' <span class="mpack-n">n = {entry["n"]:,}</span>'
    return f'<span class="mpack-number">{escape(number)}</span>{samples}'


def expected(entry):
    """What a claim expects."""
    return f'<span class="mpack-number">{escape(chapters.expectation(entry))}</span>'


def prose(text):
    """Words as HTML: indices set low, powers high, a number kept together with its error."""
    low = chapters.symbols(escape(text.replace(" ± ", "\u00a0±\u00a0")))
    return re.sub(r"\^([¼½¾]|[0-9.]+)", r"<sup>\1</sup>", low)


class Page(SphinxDirective):
    """What the directives of the page of claims share: the claims, and where each is made."""

    def entries(self):
        """Every claim of the book, in the book's order."""
        for name in places.chapters():
            self.env.note_dependency(str(places.EXECUTED / name))
        return claims.gather(
            [name for name in places.chapters() if (places.EXECUTED / name).exists()]
        )

    def address(self, entry):
        """Where a claim is made."""
        page = self.env.app.builder.get_relative_uri(self.env.docname, entry["chapter"])
        return f"{page}#claim-{entry['id']}"

    def raw(self, html):
        return [nodes.raw("", html, format="html")]


class Scoreboard(Page):
    """What the papers state, what this build finds, and the verdict."""

    def run(self):
        for path in (scoreboard.STATEMENTS, scoreboard.CONTROLS):
            self.env.note_dependency(str(path))
        parts = scoreboard.board(self.entries())
        every = [one for part in parts for one in part.statements]
        many = {
            word: sum(one.verdict == word for one in every)
            for word in (*WORDS, scoreboard.UNTESTED)
        }
        counts = " ".join(
            f'<span class="mpack-outcome {_slug(word)}">{number} {_word(word, number)}</span>'
            for word, number in many.items()
        )
        head = f'<p class="mpack-score-counts">Of {len(every)} statements: {counts}</p>'
        head += _glance(parts)
        body = _by_paper(parts, self.part)
        columns = "".join(
            f'<th scope="col">{name}</th>'
            for name in ("Where", "What is stated", "What we find", "Verdict")
        )
        return self.raw(
            f'{head}<table class="mpack-score"><thead><tr>{columns}</tr></thead>{body}</table>'
        )

    def part(self, part):
        """The rows of a group; those without a test in one line, with the reasons behind it."""
        tested = [one for one in part.statements if one.claims]
        rows = _heading(part.title, "mpack-part") if part.title else ""
        rows += "".join(self.row(one) for one in part.statements if one.claims)
        if untested := [one for one in part.statements if not one.claims]:
            rows += _untested(untested)
        return f"<tbody>{rows}</tbody>" if tested or untested else ""

    def row(self, one):
        """A statement that has been tested; its verdict leads to the claim that decides it."""
        deciding = next(
            (entry for entry in one.claims if entry["verdict"] == one.verdict), one.claims[0]
        )
        many = f" ({len(one.claims)})" if len(one.claims) > 1 else ""
        label = f"{one.verdict}{many}: the claim in its chapter"
        return (
            f'<tr id="statement-{one.id}" class="{one.verdict}"><td>{prose(one.where)}</td>'
            f"<td>{prose(one.says)}</td><td>{prose(one.found)}</td>"
            f'<td><a class="mpack-outcome {one.verdict}" href="{self.address(deciding)}" '
            f'title="{label}">{one.verdict}</a></td></tr>'
        )


def _by_paper(parts, rows, columns=4):
    """The rows of each group, below the names of the papers."""
    body = ""
    for paper, group in itertools.groupby(parts, lambda part: part.paper):
        body += _heading(paper, "mpack-paper", columns) + "".join(map(rows, group))
    return body


def _glance(parts):
    """All statements on one screen: a line a group, a mark a statement, which leads to its row."""
    rows = _by_paper(parts, _marks, columns=3)
    return f'<table class="mpack-glance"><tbody>{rows}</tbody></table>'


def _marks(part):
    """The line of a group: a mark for each statement, and in words those that differ."""
    missed = "; ".join(prose(one.says) for one in part.statements if one.verdict == "differs")
    said = f'<b class="mpack-outcome differs">differs</b>: {missed}' if missed else ""
    return (
        f'<tr><th scope="row">{escape(part.title)}</th>'
        f"<td>{' '.join(map(_mark, part.statements))}</td><td>{said}</td></tr>"
    )


def _mark(one):
    """The mark alone is drawn by the style sheet, as before every verdict."""
    words = escape(f"{one.where}: {one.says}: {one.verdict}")
    return (
        f'<a class="mpack-mark mpack-outcome {_slug(one.verdict)}" href="#statement-{one.id}" '
        f'title="{words}" aria-label="{words}"></a>'
    )


def _slug(word):
    return word.replace(" ", "-")


def _word(word, number):
    """A verdict of so many statements."""
    if number != 1:
        return {"agrees": "agree", "differs": "differ"}.get(word, word)
    return word


def _heading(text, kind, columns=4):
    return f'<tr class="{kind}"><th colspan="{columns}" scope="colgroup">{escape(text)}</th></tr>'


def _untested(statements):
    """One line that names what has not been tested, and opens to say why."""
    names = "; ".join(f"{prose(one.says)} <i>({prose(one.where)})</i>" for one in statements)
    why = "".join(
        f'<li id="statement-{one.id}">{prose(one.says)} <i>({prose(one.where)})</i>: '
        f"not tested here: {prose(one.found)}.</li>"
        for one in statements
    )
    return (
        '<tr class="mpack-untested"><td colspan="3"><details><summary>'
        f"<span>{names}</span></summary><ul>{why}</ul></details></td>"
        f'<td><span class="mpack-outcome not-yet-tested">{scoreboard.UNTESTED}</span></td></tr>'
    )


class Claims(Page):
    """Every claim of the book by chapter, with a filter, and the negative controls."""

    HEAD = ("Verdict", "Claim", "Measured", "Expected", "Would notice")

    def run(self):
        entries = self.entries()
        if not entries:
            return [nodes.paragraph("", "No chapter of this book makes a claim.")]
        own = [entry for entry in entries if not entry["control"]]
        controls = [entry for entry in entries if entry["control"]]
        names = {
            entry["chapter"]: labels.titles()[Path(entry["chapter"]).name] for entry in entries
        }
        up = "../" * self.env.docname.count("/")
        return self.raw(
            _form(entries, names)
            + self.table(own, names, "mpack-rows-own")
            + '<p class="mpack-none" hidden>No claim is left by this choice.</p>'
            + '<h3 class="mpack-controls-head">Negative controls</h3>'
            + "<p>Each of these is a wrong theory, put to the same test. It has to differ.</p>"
            + self.table(controls, names, "mpack-rows-controls")
            + f'<p>The same table for machines: <a href="{up}claims.json">claims.json</a>.</p>'
        )

    def table(self, entries, names, kind):
        """Rows, under the names of their chapters."""
        head = "".join(f'<th scope="col">{name}</th>' for name in self.HEAD)
        bodies = ""
        for chapter, name in names.items():
            rows = [self.row(entry) for entry in entries if entry["chapter"] == chapter]
            if rows:
                link = self.env.app.builder.get_relative_uri(self.env.docname, chapter)
                heading = f'<a href="{link}">{escape(name)}</a>'
                bodies += (
                    f'<tbody data-chapter="{chapter}"><tr class="mpack-part"><th colspan="5" '
                    f'scope="rowgroup">{heading}</th></tr>{"".join(rows)}</tbody>'
                )
        return f'<table class="mpack-claims {kind}"><thead><tr>{head}</tr></thead>{bodies}</table>'

    def row(self, entry):
        """A claim; its sentence leads to where it is made."""
        theory = scoreboard.wrong_theories().get(entry["id"]) if entry["control"] else None
        text = f'<a href="{self.address(entry)}">{prose(theory or entry["text"])}</a>'
        text += f'<span class="mpack-source">{prose(entry["text"] if theory else entry["source"])}</span>'
        power = rounded(entry["notices"], 2) if entry["notices"] else "any"
        cells = (
            badge(entry),
            text,
            measured(entry),
            expected(entry),
            f'<span class="mpack-number">{power}</span>',
        )
        data = f'data-verdict="{entry["verdict"]}" data-control="{int(entry["control"])}"'
        return f"<tr {data}>{''.join(_cell(*pair) for pair in zip(self.HEAD, cells))}</tr>"


def _cell(name, html):
    return f'<td data-head="{name}">{html}</td>'


def _form(entries, names):
    """The filter; without a script it is not there."""
    own = [entry for entry in entries if not entry["control"]]
    many = {word: sum(entry["verdict"] == word for entry in own) for word in WORDS}
    kinds = [("all", f"all {len(entries)}")]
    kinds += [(word, f"{number} {_word(word, number)}") for word, number in many.items()]
    kinds += [("control", f"{len(entries) - len(own)} controls")]
    buttons = "".join(
        f'<label><input type="radio" name="verdict" value="{value}"'
        f"{' checked' if value == 'all' else ''}> {text}</label>"
        for value, text in kinds
    )
    options = "".join(
        f'<option value="{key}">{escape(name)}</option>' for key, name in names.items()
    )
    return (
        '<form class="mpack-filter" id="mpack-filter" hidden><fieldset><legend>Show</legend>'
        f"{buttons}</fieldset>"
        f'<label>Chapter <select name="chapter"><option value="">all</option>{options}</select></label>'
        '<label>Words <input type="search" name="words" autocomplete="off"></label>'
        '<output aria-live="polite"></output></form>'
    )


def setup(app):
    app.add_directive("mpack-scoreboard", Scoreboard)
    app.add_directive("mpack-claims", Claims)
    app.add_css_file("claims.css")
    app.add_js_file("claims.js", defer="defer")
