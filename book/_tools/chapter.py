"""`make chapter NAME=... PARAMETERS="n=500 steps=1000"`: run a chapter with other numbers, and write its page.

    python -m book._tools.chapter NAME [NUMBERS]

The page goes to `_build/reruns/NAME/` with all that it needs to open from the disk, and the executed
notebook beside it. The book stays as it is.
"""

import ast
import difflib
import hashlib
import json
import os
import re
import sys
from pathlib import Path

from filelock import FileLock

from book import chapters, reading

from . import execute, parameters, places, workshop
from .places import BUILD, HTML, relative, say

RERUNS = BUILD / "reruns"
LONGEST = 60  # letters of a folder's name
WHOLE = r"""\[[^\]]*\]|"[^"]*"|'[^']*'"""  # lists and quoted words
PAIR = re.compile(rf"(?:{WHOLE}|\S)+")
# What follows a pair in a list.
LISTED = re.compile(rf"({WHOLE})|[,;]+(?:\s*(?=[^\W\d]\w*=)|(?=\s|$))")
LINK = re.compile(r'(?P<before>\s(?:href|src)=")(?P<path>[^"#?:]+)(?P<rest>[^"]*")')
NOTE = """```{{note}}
A rerun, with {given}. What is computed is this run's; the words around it were written for the
numbers of the book.
```"""


def named(name):
    """The chapter that somebody means: "notebooks/X.ipynb" of "X". ValueError if there is none."""
    known = [Path(chapter).stem for chapter in places.chapters()]
    wanted = re.sub(r"^(\./)?notebooks/|\.ipynb$", "", name.strip())
    if wanted in known:
        return f"notebooks/{wanted}.ipynb"
    near = difflib.get_close_matches(wanted.replace("-", "_"), known, 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    said = f"got {name!r}" if wanted else "none was given (NAME=packing_by_descent)"
    raise ValueError(
        f"NAME must be one of the chapters; {said}.{hint} They are {', '.join(known)}."
    )


def numbers(text):
    """What 'n=500 phis=[0.5,0.6] size=paper' sets: a dict. ValueError if it is not of that form."""
    found = {}
    for pair in PAIR.findall(text):
        name, sign, value = pair.partition("=")
        if not (sign and name.isidentifier() and value):
            raise ValueError(
                f'PARAMETERS must be of the form "n=500 steps=1000", without blanks about =; '
                f"got {pair!r} in {text!r}"
            )
        if any(match[1] is None for match in LISTED.finditer(value)):
            apart = " ".join(LISTED.sub(lambda match: match[1] or " ", text).split())
            raise ValueError(f'PARAMETERS must be separated by blanks: "{apart}"; got {text!r}')
        if name in found:
            raise ValueError(f"PARAMETERS must name each parameter once; {name} is there twice")
        try:
            found[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            found[name] = value  # a word
    return found


def request(name, text):
    """(chapter, what is asked of it), checked as far as the chapter's own check reaches.

    Raises
    ------
    ValueError, TypeError
        With a sentence, before anything is run.
    """
    chapter, given = named(name), numbers(text)
    known = parameters.of(chapter)
    allowed = {one.name: one.allowed for one in known}
    chapters.known(given, allowed)
    chapters.check({one.name: one.value for one in known} | given, **allowed)
    return chapter, given


def slug(given):
    """The name of a run's folder: its numbers, or their digest if they are long."""
    words = [f"{name}-{value}" for name, value in given.items()]
    text = re.sub(r"[^\w.]+", "-", "-".join(words)).strip("-.")
    if len(text) <= LONGEST:
        return text or "as-in-the-book"
    return f"{text[:LONGEST]}-{hashlib.sha256(repr(given).encode()).hexdigest()[:8]}"


def run(chapter, given, folder):
    """Run a chapter in a workshop: where its executed copy is, or None."""
    done = workshop.inside(folder, "chapter", "--run", chapter, json.dumps(given))
    return folder / "executed" / chapter if done.returncode == 0 else None


def page(chapter, given, folder):
    """The page of an executed chapter in a workshop: the folder of it, or None."""
    docname = chapter.removesuffix(".ipynb")
    (folder / ".doctrees" / f"{docname}.doctree").unlink(missing_ok=True)  # it is read again
    copy = folder / "executed" / chapter
    kept = copy.read_bytes()
    notebook = json.loads(kept)
    notebook["cells"] = noted(notebook["cells"], given)
    copy.write_text(json.dumps(notebook), encoding="utf8")
    whole, out, warnings = workshop.sphinx(folder, "html", chapter)
    if not whole:
        say(warnings)
        return None
    tidy(out, f"{docname}.html")
    (out / Path(chapter).name).write_bytes(kept)
    return out


def noted(cells, given):
    """The cells with what was set said below the title, above all that the book found with its own numbers."""
    said = ", ".join(spanned(f"{name} = {value!r}") for name, value in given.items())
    note = NOTE.format(given=said or "the numbers of the book")
    for place, cell in enumerate(cells):
        title, _, rest = "".join(cell["source"]).partition("\n")
        if title.startswith("# ") and cell["cell_type"] == "markdown":
            marked = cell | {"source": f"{title}\n\n{note}\n\n{rest.lstrip()}".rstrip()}
            return [*cells[:place], marked, *cells[place + 1 :]]
    return [{"cell_type": "markdown", "id": "rerun", "metadata": {}, "source": note}, *cells]


def spanned(text):
    """A line of code within words, whatever it holds: fenced by one backtick more than any run in it."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    rim = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{rim}{text}{rim}{fence}"


def tidy(out, name):
    """Leave of a folder of pages the one page, with what it shows; links to others lead to the book."""
    path = out / name
    text, needed = path.read_text(encoding="utf8"), {path}
    home = Path(os.path.relpath(HTML, RERUNS / "NAME" / "RUN" / Path(name).parent))

    def settled(link):
        target = (path.parent / link["path"]).resolve()
        if not target.is_relative_to(out.resolve()) or target == path.resolve():
            return link[0]
        needed.add(target)
        if target.suffix != ".html" or "_static" in target.parts:
            return link[0]
        other = home / target.relative_to(out.resolve())
        return f"{link['before']}{other.as_posix()}{link['rest']}"

    path.write_text(LINK.sub(settled, text), encoding="utf8")
    keep = {one.resolve() for one in needed}
    for file in [one for one in out.rglob("*") if one.is_file()]:
        if file.resolve() not in keep and file.relative_to(out).parts[0] != "_static":
            file.unlink()
    for other in out.rglob("*.html"):
        if other != path and "_static" not in other.parts:
            other.unlink()
    for below in sorted((one for one in out.rglob("*") if one.is_dir()), reverse=True):
        if not any(below.iterdir()):
            below.rmdir()


def put(made, chapter, given):
    """Move a finished page to its place, in one step; the folder."""
    home = RERUNS / Path(chapter).stem
    home.mkdir(parents=True, exist_ok=True)
    place = home / slug(given)
    with FileLock(home / f".{place.name}.lock"):
        if place.exists():
            place.rename(made.parent / "before")
        made.rename(place)
    return place


def tell(place, chapter):
    """Say what came out, and where it is."""
    name = Path(chapter).name
    found = [one for one in reading.claims(place / name) if not one["control"]]
    counts = {}
    for one in found:
        counts[one["verdict"]] = counts.get(one["verdict"], 0) + 1
    if counts:
        say(
            "Claims   "
            + ", ".join(f"{verdict}: {many}" for verdict, many in sorted(counts.items()))
        )
    for warned in execute.complaints(json.loads((place / name).read_text(encoding="utf8"))):
        say(warned)
    say(f"Notebook {relative(place / name)}")
    say(f"Open     {(place / chapter).with_suffix('.html').as_uri()}")


def main(arguments):
    if arguments[:1] == ["--run"]:
        return _run_here(*arguments[1:])
    name = arguments[0] if arguments else os.environ.get("NAME", "")
    text = " ".join(arguments[1:]) or os.environ.get("PARAMETERS", "")
    try:
        chapter, given = request(name, text)
    except (ValueError, TypeError) as error:
        say(error)
        return 2
    words = " ".join(f"{name}={value}" for name, value in given.items())
    with workshop.opened(f"chapter-{Path(chapter).stem}") as folder:
        if not (folder / ".doctrees").exists():
            say("There is no finished book, whose links the page has: run `make book` first.")
            return 1
        say(f"Running {chapter} {f'with {words}' if words else 'as it stands'} ...")
        copy = run(chapter, given, folder)
        if copy is None:
            return 1
        say("Making its page ...")
        kept = copy.read_bytes()
        made = page(chapter, given, folder)
        if made is None:
            rescued = RERUNS / f"{Path(chapter).stem}-{slug(given)}.ipynb"
            rescued.parent.mkdir(parents=True, exist_ok=True)
            rescued.write_bytes(kept)
            say(f"No page came of it; what was computed is in {relative(rescued)}.")
            return 1
        place = put(made, chapter, given)
    tell(place, chapter)
    return 0


def _run_here(chapter, given):
    """Inside a workshop: run a chapter, and say what went wrong."""
    try:
        seconds = execute.run(chapter, places.settings(), json.loads(given))
    except execute.ChapterFailed as error:
        say(error)
        return 1
    say(f"Ran it in {seconds:.1f} s.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))  # beside others: it works on copies
    except KeyboardInterrupt:
        sys.exit("Stopped; nothing was written.")
