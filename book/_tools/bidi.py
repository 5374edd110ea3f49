"""The machine's own Firefox, by WebDriver BiDi (W3C), which it speaks itself: no driver of another version beside it.

Playwright drives a Firefox of its own making; of another it asks commands that only the next one
knows (of 153, Playwright 1.65 asks `emulation.setMediaFeaturesOverride`). What tests need of one is
here, under the names that Playwright's pages give it: pages, functions evaluated in them, what their consoles complain
of, and whom they asked. It reaches no other host.
"""

import asyncio
import base64
import contextlib
import json
import re
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
PATIENCE = 120  # seconds for an answer
NOWHERE = 9  # the port of the proxy that all other hosts are asked by: nothing listens there
PREFERENCES = {
    "network.proxy.type": 1,
    **{f"network.proxy.{name}": "127.0.0.1" for name in ("http", "ssl")},
    **{f"network.proxy.{name}_port": NOWHERE for name in ("http", "ssl")},
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.prefetch-next": False,
    "app.update.enabled": False,
    "app.normandy.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "media.gmp-manager.updateEnabled": False,
    "toolkit.telemetry.enabled": False,
}
EVENTS = ["log.entryAdded", "network.beforeRequestSent"]


class Failed(Exception):
    """The browser, or a function in its page, answered with an error."""


@contextlib.contextmanager
def started(program):
    """A headless Firefox, for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as profile:
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in PREFERENCES.items()]
        (Path(profile) / "user.js").write_text("\n".join(lines), encoding="utf8")
        command = [program, "--headless", "--no-remote", "--profile", profile]
        process = subprocess.Popen(
            [*command, "--remote-debugging-port=0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            browser = Firefox(_address(process))
            yield browser
            browser.close()
            process.wait(30)
        finally:
            process.kill()
            process.wait()


def _address(process):
    """Where a Firefox that has just been started listens; what it says later is read and dropped."""
    for line in process.stderr:
        if found := LISTENS.search(line):
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return f"{found[1]}/session"
    raise Failed("Firefox ended before it listened to anybody")


class Firefox:
    """A session: commands go out, answers and events come in."""

    def __init__(self, address):
        from tornado.websocket import websocket_connect

        self.loop = asyncio.new_event_loop()  # of its own: that of the thread may be Playwright's
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.pages, self.sent = {}, 0
        self.socket = self._wait(websocket_connect, address, max_message_size=2**29)
        self.version = self.send("session.new", capabilities={})["capabilities"]["browserVersion"]
        self.send("session.subscribe", events=EVENTS)

    def _wait(self, function, *arguments, **options):
        async def call():
            return await function(*arguments, **options)

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(PATIENCE)

    def send(self, method, **parameters):
        """The answer to a command; events that come before it go to their pages. Raises Failed."""
        self.sent += 1
        told = {"id": self.sent, "method": method, "params": parameters}
        self._wait(self.socket.write_message, json.dumps(told))
        while True:
            text = self._wait(self.socket.read_message)
            if text is None:
                raise Failed("Firefox is gone")
            answer = json.loads(text)
            if answer.get("id") == self.sent:
                break
            self._heard(answer)
        if answer["type"] != "success":
            raise Failed(f"{method}: {answer['message']}")
        return answer["result"]

    def _heard(self, event):
        told = event.get("params", {})
        context = told.get("context") or told.get("source", {}).get("context")
        if context in self.pages:
            self.pages[context].heard(event["method"], told)

    def new_page(self, viewport=None):
        """A tab of its own, of a size in pixels."""
        page = Page(self, self.send("browsingContext.create", type="tab")["context"])
        page.set_viewport_size(viewport or {"width": 1280, "height": 800})
        return page

    def close(self):
        """End the browser."""
        with contextlib.suppress(Failed):  # it may be gone before it answers
            self.send("browser.close")
        self.loop.call_soon_threadsafe(self.loop.stop)


class Page:
    """A tab: `errors` of its console and its scripts, and the `hosts` that it asked."""

    def __init__(self, browser, context):
        self.browser, self.context = browser, context
        self.errors, self.hosts = [], set()
        browser.pages[context] = self

    def heard(self, method, told):
        """Note an event of this page."""
        if method == "log.entryAdded" and told["level"] == "error":
            self.errors.append(told["text"])
        elif method == "network.beforeRequestSent":
            parts = urlsplit(told["request"]["url"])
            if parts.scheme not in ("blob", "data"):  # made by the page itself
                self.hosts.add(parts.netloc)

    def set_viewport_size(self, viewport):
        """{"width": ..., "height": ...} in pixels."""
        self.browser.send("browsingContext.setViewport", context=self.context, viewport=viewport)

    def goto(self, address):
        """Open an address, and wait until it has loaded."""
        command = {"context": self.context, "url": address, "wait": "complete"}
        self.browser.send("browsingContext.navigate", **command)

    def evaluate(self, function, argument=None):
        """What a JavaScript function makes of an argument, both by way of JSON. Raises Failed."""
        call = f"(async () => JSON.stringify(await ({function})({json.dumps(argument)})))()"
        told = self.browser.send(
            "script.evaluate",
            expression=call,
            target={"context": self.context},
            awaitPromise=True,
            userActivation=True,
        )
        if told["type"] == "exception":
            raise Failed(told["exceptionDetails"]["text"])
        return json.loads(told["result"].get("value", "null"))

    def wait_for_function(self, function, argument=None, timeout=30_000):
        """Ask until it is true, or for so many milliseconds. Raises Failed."""
        until = time.monotonic() + timeout / 1000
        while not (found := self.evaluate(function, argument)):
            if time.monotonic() > until:
                raise Failed(f"not true within {timeout} ms: {function}")
            time.sleep(0.05)
        return found

    def screenshot(self, path):
        """The window's contents as a PNG file."""
        told = self.browser.send("browsingContext.captureScreenshot", context=self.context)
        Path(path).write_bytes(base64.b64decode(told["data"]))

    def close(self):
        """Close the tab."""
        self.browser.pages.pop(self.context, None)
        self.browser.send("browsingContext.close", context=self.context)
