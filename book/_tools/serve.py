"""`make serve`: the built book over http on this machine, until Ctrl-C."""

import functools
import http.server
import os
import sys
import webbrowser

from .places import COMPLETE, HTML, say

FIRST_PORT, PORTS = 8000, 50


def server(folder=HTML, handler=http.server.SimpleHTTPRequestHandler):
    """A server of `folder` on the first free port from FIRST_PORT."""
    serve = functools.partial(handler, directory=str(folder))
    for port in range(FIRST_PORT, FIRST_PORT + PORTS):
        try:
            return http.server.ThreadingHTTPServer(("127.0.0.1", port), serve)
        except OSError:
            continue
    raise SystemExit(f"no free port between {FIRST_PORT} and {FIRST_PORT + PORTS - 1}")


def main():
    if not COMPLETE.exists():
        raise SystemExit("There is no finished book in _build/html: run `make book` first.")
    with server() as serving:
        address = f"http://127.0.0.1:{serving.server_address[1]}/"
        say(f"The book is at {address}  (Ctrl-C ends)")
        if (
            sys.platform == "darwin"
            or os.environ.get("DISPLAY")
            or os.environ.get("WAYLAND_DISPLAY")
        ):
            webbrowser.open(address)
        try:
            serving.serve_forever()
        except KeyboardInterrupt:
            say("\nStopped.")


if __name__ == "__main__":
    main()
