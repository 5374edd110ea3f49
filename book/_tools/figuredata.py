"""Makes the data that figures show from the library's own runs: `python -m book._tools.figuredata`.

The files stand beside the figures (`mpack/widgets/NAME.data.json`); tests make them again and compare.
"""

import json
import re

from mpack.widgets import _same, _sources

from .places import ROOT, relative, say

LINK = re.compile(r"\{mpack-set\}`[^`]*<fig-playground[a-z-]*:([^`>]*)>`")
STATE = re.compile(r"```\{mpack-widget\} playground\n(?:.*\n)*?:state: (.*)\n")


def playground_states():
    """The states whose digests are kept: the defaults of each dynamics, and whatever the text leads to."""
    options = _sources.schema("playground")["state"]["dynamics"]["options"]
    states = [{"dynamics": name, "approximation": own} for name in options for own in (False, True)]
    for page in sorted((ROOT / "book").glob("*.md")):
        text = page.read_text(encoding="utf8")
        initial = _sources.from_text("playground", (STATE.findall(text) or [""])[0])
        states += [initial | _sources.from_text("playground", link) for link in ["", *LINK.findall(text)]]
    kept = []
    for state in states:
        if (key := _same.key(state)) not in kept:
            kept.append(key)
    return kept


def playground():
    return {"runs": [{"state": key, "digests": _same.digests(key)} for key in playground_states()]}


MADE = {"playground": playground}


def text_of(data):
    return json.dumps(data, indent=1) + "\n"


def main():
    for name, make in MADE.items():
        path = _sources.FOLDER / f"{name}.data.json"
        path.write_text(text_of(make()), encoding="utf8")
        say(f"Wrote {relative(path)} ({path.stat().st_size / 1000:.0f} kB)")


if __name__ == "__main__":
    main()
