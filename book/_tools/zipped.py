"""`make zip`: the built book as one zip, which opens from the disk wherever it is unpacked.

    python -m book._tools.zipped

What came out is checked: `check` says what it has to be.
"""

import posixpath
import re
import sys
import time
import urllib.parse
import zipfile

from . import carry, together
from .carry import NotCarried
from .places import COMPLETE, HTML, ROOT, relative, say

STORED = {".png", ".woff", ".woff2", ".jpg", ".zip"}  # packed already
ADDRESS = re.compile(r"""\s(?:href|src)=["']([^"'#?]*)""")
NOT_PAGES = ("_static/", "_sources/")  # made by others, with addresses that scripts complete


def write(path):
    """Write the zip, with the folder of the book in it; the same book gives the same bytes."""
    date = time.gmtime(COMPLETE.stat().st_mtime)[:6]
    with zipfile.ZipFile(path, "w") as made:
        for file in sorted(one for one in HTML.rglob("*") if one.is_file()):
            name = f"{carry.NAME}/{file.relative_to(HTML).as_posix()}"
            entry = zipfile.ZipInfo(name, date)
            entry.external_attr = 0o644 << 16
            packed = file.suffix in STORED
            entry.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            made.writestr(entry, file.read_bytes())


def check(path):
    """Raise NotCarried unless a zip of a book is whole; else how many pages it has.

    Whatever a page shows or leads to, other hosts apart, is in it; no path of this machine is; and
    unpacked it is light enough.
    """
    with zipfile.ZipFile(path) as made:
        if bad := made.testzip():
            raise NotCarried(f"{bad} is damaged.")
        files = {entry.filename: entry.file_size for entry in made.infolist()}
        if f"{carry.NAME}/index.html" not in files:
            raise NotCarried("The zip has no index.html, by which one opens it.")
        pages = {
            name: made.read(name).decode()
            for name in files
            if name.endswith(".html") and not inside(name).startswith(NOT_PAGES)
        }
    if missing := lost(pages, files):
        raise NotCarried(f"{len(missing)} addresses lead nowhere, the first of them {missing[:3]}")
    if own := [name for name, text in pages.items() if str(ROOT) in text]:
        raise NotCarried(f"{own[0]} names a folder of this machine.")
    if sum(files.values()) > carry.HEAVIEST:
        raise NotCarried(f"Unpacked, the book weighs {sum(files.values()) / 1e6:.1f} MB.")
    return len(pages)


def inside(name):
    """A file's name from the folder of the book."""
    return name.partition("/")[2]


def lost(pages, files):
    """Addresses on pages that are not among the files."""
    missing = []
    for name, text in pages.items():
        for address in ADDRESS.findall(re.sub(r"<pre.*?</pre>", "", text, flags=re.DOTALL)):
            if not address or re.match(r"[a-z][a-z+.-]*:|//", address):
                continue
            path = posixpath.join(posixpath.dirname(name), urllib.parse.unquote(address))
            if posixpath.normpath(path) not in files:
                missing.append(f"{name}: {address}")
    return missing


def main():
    try:
        carry.require_book()
        path = carry.keep(f"{carry.NAME}.zip")
        unfinished = path.with_suffix(".unfinished.zip")
        write(unfinished)
        pages = check(unfinished)
        unfinished.replace(path)
    except NotCarried as error:
        say(error)
        return 1
    size = path.stat().st_size / 1e6
    say(f"Wrote {relative(path)}: {pages} pages, {size:.1f} MB. Unpack it and open index.html.")
    return 0


if __name__ == "__main__":
    with together.alone():
        sys.exit(main())
