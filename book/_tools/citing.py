"""How to cite this book, in words and for BibTeX, from CITATION.cff.

{mpack-cite}   both, on the page on licences, with what there is to say of the DOI
"""

import re

import yaml

from . import places, reference, trustpages

FILE = places.ROOT / "CITATION.cff"
WRITTEN = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
SPECIAL = re.compile(r"[&%$#_{}\\~^]")  # what TeX would take for its own


def read(path=FILE):
    """What a CITATION.cff holds."""
    return yaml.safe_load(path.read_text(encoding="utf8"))


def names(people):
    """Authors in the order of a list: "Family, Given", or the name of a group."""
    return [
        one["name"] if "name" in one else f"{one['family-names']}, {one['given-names']}"
        for one in people
    ]


def sentence(cff):
    """The citation in words, as Markdown."""
    told = f"{'; '.join(names(cff['authors']))} ({cff['date-released'].year}). *{cff['title']}*, "
    told += f"version {cff['version']}."
    return f"{told} <https://doi.org/{cff['doi']}>" if cff.get("doi") else told


def bibtex(cff):
    """The entry of the software, and one for each work that it refers to."""
    day = cff["date-released"]
    key = f"{cff['title'].partition(':')[0]}{day.year}"
    fields = {"title": cff["title"], "author": cff["authors"], "version": cff["version"]}
    fields |= {"year": day.year, "month": day.month, "doi": cff.get("doi")}
    entries = [entry("software", key, fields)]
    for work in cff.get("references", ()):
        first = names(work["authors"])[0].partition(",")[0]
        known = [one["value"].partition(":") for one in work.get("identifiers", ())]
        numbers = {kind: number for kind, _, number in known}
        prints = numbers.get("arXiv")
        fields = {"title": work["title"], "author": work["authors"], "year": work["year"]}
        fields |= {"eprint": prints, "archiveprefix": prints and "arXiv", "doi": work.get("doi")}
        kind = work["type"] if "journal" in work else "misc"  # an article has to be in a journal
        fields["journal"] = work.get("journal")
        entries.append(entry(kind, f"{first}{work['year']}", fields))
    return "\n\n".join(entries)


def entry(kind, key, fields):
    """An entry of BibTeX; fields without a value are left out."""
    lines = [f"  {name} = {{{field(name, it)}}}," for name, it in fields.items() if it]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])


def field(name, content):
    """A field's value: a title and the name of a group are kept as they are by braces of their own."""
    if name == "author":
        people = [(one, plain(said)) for one, said in zip(content, names(content))]
        return " and ".join(f"{{{said}}}" if "name" in one else said for one, said in people)
    if name == "title":
        return f"{{{plain(content)}}}"
    return content if name == "doi" else plain(content)


def plain(text):
    """Text with what TeX takes for its own escaped."""
    return SPECIAL.sub(lambda found: WRITTEN.get(found[0], f"\\{found[0]}"), str(text))


class Cite(trustpages.Made):
    """How to cite, in words and for BibTeX."""

    def run(self):
        self.depend(FILE)
        cff = read()
        doi = "" if cff.get("doi") else "There is no DOI yet. "
        return self.markdown(
            f"> {sentence(cff)}",
            f"{doi}For BibTeX:",
            reference.directive("code-block", "bibtex", bibtex(cff)),
        )


def setup(app):
    """Called by `sphinxext.setup`."""
    app.add_directive("mpack-cite", Cite)
