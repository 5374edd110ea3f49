"""The pages by which a reader judges this book: what their directives put into them.

{mpack-replication}   every statement of the papers, how far it is replicated, and what stood in the way
{mpack-tolerances}    what the history says of the rules of the claims
{mpack-made}          what the book was made with; made anew at each build
{mpack-runs}          how each chapter was run, and what it audited
{mpack-archives}      what the manifests of the archives say
{mpack-origins}       from what each figure was made
{mpack-hostile}       the ways in which pages were asked to run code that is not theirs
{mpack-check}         the outputs and commands of codecheck.yml
{mpack-speed} PART    of the last measurement: about, aims, figure or steps

Each reads facts from a tool of its own; no number is typed.
"""

import re
from collections import Counter
from html import escape
from pathlib import Path

import yaml
from docutils import nodes
from docutils.statemachine import StringList

from . import (
    claimpages,
    history,
    origins,
    places,
    provenance,
    reference,
    replication,
    speed,
)
from .reference import table

CHECK = places.ROOT / "codecheck.yml"
WORDS = {"agrees": "agree", "differs": "differ", "undecided": "undecided"}
REASON = re.compile(r"^out of reach( here)?(:| because) ")
MARKED = re.compile(r"<!-- mpack-made -->.*?<!-- /mpack-made -->", re.DOTALL)


class Made(claimpages.Page):
    """A directive whose content is Markdown that a tool makes."""

    def depend(self, *paths):
        for path in paths:
            if Path(path).exists():  # else the page would be read anew each time
                self.env.note_dependency(str(path))

    def markdown(self, *parts):
        """Parse Markdown as if it stood in the page."""
        node = nodes.Element()
        node.document = self.state.document
        lines = StringList("\n\n".join(parts).splitlines())
        self.state.nested_parse(lines, self.content_offset, node)
        return node.children


def cells(values, head, kind="td"):
    """Cells of a row as HTML, each with the name of its column for narrow screens."""
    return "".join(
        f'<{kind} data-head="{escape(name)}">{value}</{kind}>' for name, value in zip(head, values)
    )


# The report
# ------------------------------------------------------------------------------------------------


class Replication(Made):
    """Every statement of the papers with how far it is replicated."""

    HEAD = (
        "Where",
        "What is stated",
        "Replicated",
        "Claims that decide it",
        "What stood in the way",
    )

    def run(self):
        self.depend(replication.OBSTACLES, replication.scoreboard.STATEMENTS)
        kinds, _ = replication.known()
        rows = replication.report(self.entries())
        many = replication.counts(rows)
        counted = " ".join(
            f'<span class="mpack-outcome {look(word)}">{number} {word}</span>'
            for word, number in many.items()
        )
        head = f'<p class="mpack-score-counts">Of {len(rows)} results: {counted}</p>'
        body, paper = "", None
        for row in rows:
            if row.paper != paper:
                paper = row.paper
                body += f'<tr class="mpack-paper"><th colspan="5" scope="colgroup">{escape(paper)}</th></tr>'
            body += self.row(row)
        columns = "".join(f'<th scope="col">{name}</th>' for name in self.HEAD)
        said = "".join(
            f"<li><b>{kind}</b>: {escape(sentence)}</li>" for kind, sentence in kinds.items()
        )
        return self.raw(
            f'{head}<table class="mpack-score mpack-replication"><thead><tr>{columns}</tr></thead>'
            f'<tbody>{body}</tbody></table><ul class="mpack-obstacles">{said}</ul>'
        )

    def row(self, row):
        one = row.statement
        board = self.env.app.builder.get_relative_uri(self.env.docname, "book/claims")
        votes = Counter(one.votes)
        counted = ", ".join(f"{votes[word]} {WORDS[word]}" for word in WORDS if votes[word])
        way = escape(", ".join(row.obstacles))
        values = (
            claimpages.prose(one.where),
            f'<a href="{board}#statement-{one.id}">{claimpages.prose(one.says)}</a>',
            f'<span class="mpack-outcome {look(row.outcome)}">{row.outcome}</span>',
            counted or "none",
            way if one.votes else f"{way}: {claimpages.prose(REASON.sub('', one.found))}",
        )
        return f'<tr id="result-{one.id}">{cells(values, self.HEAD)}</tr>'


def look(outcome):
    """The look of an outcome is that of the verdict that is nearest to it."""
    looks = ("agrees", "undecided", "differs", "not-yet-tested")
    return dict(zip(replication.OUTCOMES, looks))[outcome]


class Tolerances(Made):
    """What the history says of the rules of the claims."""

    SAID = {
        "first": "the rule was committed first, the verdict in a later commit, under the same rule",
        "together": "rule and verdict entered the history together, and the rule has not changed since",
        "moved": "the rule was changed when a verdict stood already; listed below",
        "new": "younger than this record",
    }

    def run(self):
        self.depend(history.FILE)
        kept = history.load()
        ids = [entry["id"] for entry in self.entries()]
        kinds = history.kinds(ids, kept)
        many = Counter(kinds.values())
        rows = [(f"**{word}**", said, str(many[word])) for word, said in self.SAID.items()]
        through = kept["commits"].get(kept["through"], ["", ""])[0]
        last = f"Through commit {kept['through']} of {through}, of {len(ids)} claims and controls."
        moved = [kept["claims"][id_] for id_ in ids if kinds[id_] == "moved"]
        named = [id_ for id_ in ids if kinds[id_] == "moved"]
        told = [(f"`{id_}`", *self.change(row[3], kept)) for id_, row in zip(named, moved)]
        parts = [table(("kind", "what the history shows", "claims"), rows), last]
        if told:
            parts.append(table(("rule that moved", "from", "to", "in commit"), told))
        return self.markdown(*parts)

    @staticmethod
    def change(entries, kept):
        """The first and the last rule of a claim with their verdicts, and when the last one came."""
        first, last = entries[0], next(one for one in entries if one[1] == entries[-1][1])
        day = kept["commits"][last[0]][0]
        return f"{first[1]}: {first[2]}", f"{last[1]}: {last[2]}", f"{last[0]} of {day}"


# The provenance
# ------------------------------------------------------------------------------------------------


def made():
    """What the book was made with, as HTML between marks: `restamp` puts the present state there."""
    rows = "".join(
        f'<tr><th scope="row">{escape(what)}</th><td>{escape(which)}</td></tr>'
        for what, which in provenance.made_with()
    )
    said = "<p><code>make audit</code> has not been run since the last <code>make clean</code>.</p>"
    if audit := provenance.audit():
        done, of = (sum(one[k] for one in audit) for k in (1, 2))
        wrong = [name for name, _, _, ok in audit if not ok]
        verdict = f"differences in {', '.join(wrong)}" if wrong else "no difference"
        said = (
            f"<p>The last <code>make audit</code> did parts of {done} of {of:,} rows again, "
            f"in {len(audit)} archives: {escape(verdict)}.</p>"
        )
    return (
        f'<!-- mpack-made --><table class="mpack-facts"><tbody>{rows}</tbody></table>{said}'
        "<!-- /mpack-made -->"
    )


class With(Made):
    """What the book was made with."""

    def run(self):
        self.depend(provenance.PINS)
        return self.raw(made())


def restamp(app, error):
    """Put the present state into the page, which is not written again for every commit."""
    if error or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("provenance.html"):
        before = path.read_text(encoding="utf8")
        after = MARKED.sub(lambda _: made(), before)
        if after != before:
            path.write_text(after, encoding="utf8")


class Runs(Made):
    """How each chapter was run, and what it audited."""

    def run(self):
        self.entries()  # the page depends on every chapter
        head = ("chapter", "run on", "seconds", "seed", "rows of archives done again, in part")
        ran = provenance.chapters()
        rows = [
            (
                f"[](/{one.page}.ipynb)",
                one.day,
                f"{one.seconds:.0f}",
                "–" if one.seed is None else str(one.seed),
                "; ".join(f"{name}: {done} of {of:,}" for name, done, of in one.audited) or "–",
            )
            for one in ran
        ]
        done = sum(many for one in ran for _, many, _ in one.audited)
        seconds = sum(one.seconds for one in ran)
        said = (
            f"Together {seconds:.0f} seconds, two chapters at a time, and {done:,} rows done again."
        )
        return self.markdown(table(head, rows), said)


class Archives(Made):
    """What the manifests of the archives say."""

    def run(self):
        self.depend(*provenance.RESULTS.glob("*/manifest.json"))
        archives = [
            (
                f"`{one.name}`",
                f"{one.rows:,}",
                "–" if one.hours is None else f"{one.hours:.2g}",
                one.days,
                one.versions,
                " ".join(f"`{commit[:7]}{'+' * commit.endswith('+')}`" for commit in one.commits)
                or "–",
            )
            for one in provenance.archives()
        ]
        kept = ("archive", "rows", "hours of a core", "finished", "library", "commits")
        return self.markdown(table(kept, archives))


class Origins(Made):
    """From what each figure of the book was made: a row for those of a page that share it."""

    def run(self):
        self.entries()
        rows = {}
        for one in origins.origins():
            rows.setdefault((one.page, source(one)), []).append(figure(one))
        lines = [
            (f"[](/{page}{ending(page)})", words, ", ".join(figures))
            for (page, words), figures in rows.items()
        ]
        return self.markdown(table(("chapter or page", "made from", "figures, cells, data"), lines))


def ending(page):
    """Of a page's file."""
    return ".ipynb" if page.startswith("notebooks/") else ".md"


def source(one):
    """What a figure was made from, in words."""
    named = ", ".join(f"`{archive}`" for archive in one.archives)
    return named or ("runs in the page" if one.live else "runs in the chapter")


def figure(one):
    """The number of a figure, which leads to it, with its cell and its data."""
    data = f"{{download}}`CSV </_build/figures/data/{one.name}.csv>`" if one.data else ""
    more = " ".join(part for part in (f"cell {one.cell}" if one.cell else "", data) if part)
    return f"{{numref}}`fig-{one.name}`{f' ({more})' if more else ''}"


class Hostile(Made):
    """The ways in which pages were asked to run code that is not theirs."""

    def run(self):
        self.depend(provenance.HOSTILE)
        rows = [
            (
                *(reference.prose(one[name]) for name in ("way", "where")),
                f"{one['count']:,}",
                reference.prose(one["result"]),
                tests(one["tests"]),
            )
            for one in provenance.hostile()
        ]
        if not rows:
            return self.markdown("No table of these attempts was kept for this build.")
        return self.markdown(table(("what was tried", "where", "times", "result", "tests"), rows))


def tests(names):
    """Tests by their files."""
    return ", ".join(dict.fromkeys(f"`{name.partition('::')[0]}`" for name in names))


# The check, and the speed
# ------------------------------------------------------------------------------------------------


def check():
    """What codecheck.yml holds."""
    return yaml.safe_load(CHECK.read_text(encoding="utf8"))


class Check(Made):
    """The commands of a check with their times, and its outputs."""

    def run(self):
        self.depend(CHECK)
        found = check()
        steps = [
            (f"`{one['command']}`", one["does"], one["takes"]) for one in found["mpack"]["steps"]
        ]
        files = [(f"`{one['file']}`", one["comment"]) for one in found["manifest"]]
        return self.markdown(
            table(("command", "does", "takes"), steps), table(("output", "what it is"), files)
        )


class Speed(Made):
    """A part of the last measurement of speed."""

    required_arguments = 1

    def run(self):
        self.depend(*speed.SOURCES)
        part = self.arguments[0]
        text = speed.part(part)
        return self.raw(text) if part == "figure" else self.markdown(text)


def setup(app):
    """Called by `sphinxext.setup`."""
    for name, directive in {
        "replication": Replication,
        "tolerances": Tolerances,
        "made": With,
        "runs": Runs,
        "archives": Archives,
        "origins": Origins,
        "hostile": Hostile,
        "check": Check,
        "speed": Speed,
    }.items():
        app.add_directive(f"mpack-{name}", directive)
    app.connect("build-finished", restamp)
    app.add_css_file("trust.css")
