"""Claims quoted in the text of any page: their number, or their verdict; both lead to where the claim is made.

{found}`notebooks/chapter:claim-id` is what was measured, with its error, and
{verdict}`notebooks/chapter:claim-id` the verdict. Nothing that they say is typed by hand.
"""

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from book import chapters, reading
from mpack.statistics import with_error

log = logging.getLogger(__name__)


class Quoted(SphinxRole):
    """What both roles share: a link to the claim, with words made from it.

    Parameters
    ----------
    executed_copy : function of (env, docname)
        The executed notebook behind a page, or None.
    """

    def __init__(self, executed_copy):
        super().__init__()
        self.executed_copy = executed_copy

    def run(self):
        docname, _, name = self.text.rpartition(":")
        path = self.executed_copy(self.env, docname)
        made = {entry["id"]: entry for entry in reading.claims(path)} if path else {}
        if name not in made:
            place = {"location": self.get_location(), "type": "mpack", "subtype": "claim"}
            log.warning("no claim %r was made in %s", name, docname, **place)
            return [nodes.inline(self.rawtext, "?")], []
        page = self.env.app.builder.get_relative_uri(self.env.docname, docname)
        address = f"{page}#claim-{name}"
        words, classes = self.words(made[name])
        return [nodes.reference(self.rawtext, words, refuri=address, classes=classes)], []


class Found(Quoted):
    """{found}`notebooks/chapter:claim-id`: what was measured."""

    def words(self, entry):
        return with_error(entry["value"], entry["error"], entry["unit"]), ["mpack-measured"]


class Verdict(Quoted):
    """{verdict}`notebooks/chapter:claim-id`: agrees, differs or undecided."""

    def words(self, entry):
        return chapters.outcome(entry), ["mpack-verdict", f"mpack-{entry['verdict']}"]


def setup(app, executed_copy):
    """Called by `sphinxext.setup`."""
    app.add_role("found", Found(executed_copy))
    app.add_role("verdict", Verdict(executed_copy))
