"""Where a chapter can be run: the line below its title, which says for each door where it leads.

`mpack_repository` in `_config.yml` is the one place for the address of the public copy of this tree
(`https://github.com/OWNER/NAME`), and `mpack_branch` for its branch. Where it is empty no door leads
to a public host; the page on ways in, which every line names, tells how to start one's own.
"""

import re
from html import escape
from urllib.parse import quote

from sphinx.errors import ConfigError

from . import places

PAGE = "book/ways_in"
ADDRESS = re.compile(r"https://[\w.-]+(:\d+)?(/[\w.~-]+)+")
GITHUB = re.compile(r"https://github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?")


def binder(repository, branch, chapter):
    """The address at which mybinder.org starts this tree and opens a reader's copy of the chapter."""
    hub, owned = "https://mybinder.org/v2", GITHUB.fullmatch(repository)
    where = f"gh/{owned[1]}/{owned[2]}" if owned else f"git/{quote(repository, safe='')}"
    path = quote(f"lab/tree/_build/reader/{chapter}", safe="")
    return f"{hub}/{where}/{quote(branch, safe='')}?urlpath={path}"


def colab(repository, branch, chapter):
    """The address at which Colab opens the chapter; None where it is not on GitHub, which Colab asks for."""
    owned = GITHUB.fullmatch(repository)
    if not owned:
        return None
    host = "https://colab.research.google.com/github"
    return f"{host}/{owned[1]}/{owned[2]}/blob/{quote(branch)}/notebooks/{quote(chapter)}"


def doors(repository, branch, chapter, page):
    """(address, words that say where it leads) of each door of a chapter."""
    found = []
    if repository:
        found.append((binder(repository, branch, chapter), "on Binder (mybinder.org)"))
        if address := colab(repository, branch, chapter):
            found.append((address, "in Colab (colab.research.google.com)"))
    return [*found, (page, "ways in: your own machine, a container, a public host")]


def line(repository, branch, chapter, page):
    """The line of a chapter, as HTML."""
    links = (
        f'<a href="{escape(address)}">{words}</a>'
        for address, words in doors(repository, branch, chapter, page)
    )
    return f'<p class="mpack-ways">Run this chapter: {" · ".join(links)}</p>'


def checked(app, config):
    """Refuse an address that is none, before any page is made."""
    if config.mpack_repository and not ADDRESS.fullmatch(config.mpack_repository.rstrip("/")):
        raise ConfigError(
            "mpack_repository in _config.yml must be empty or an address like "
            f"https://github.com/OWNER/NAME; got {config.mpack_repository!r}"
        )


def add_line(app, pagename, templatename, context, doctree):
    """Called for every page before it is written: below the title of a chapter, its line."""
    if f"{pagename}.ipynb" not in places.chapters() or not context.get("body"):
        return
    config, page = app.config, app.builder.get_relative_uri(pagename, PAGE)
    chapter = f"{pagename.rpartition('/')[2]}.ipynb"
    made = line(config.mpack_repository.rstrip("/"), config.mpack_branch, chapter, page)
    context["body"] = context["body"].replace("</h1>", f"</h1>\n{made}", 1)


def setup(app):
    """Called by `sphinxext.setup`."""
    app.add_config_value("mpack_repository", "", "html", [str])
    app.add_config_value("mpack_branch", "main", "html", [str])
    app.connect("config-inited", checked)
    app.connect("html-page-context", add_line, priority=840)
