# SPDX-License-Identifier: GPL-3.0-or-later
"""A browser that is driven as a person would: Chromium without a window, through chromedriver and
the W3C WebDriver protocol, with nothing but Python's own library.

What an element is called is a CSS selector, or "text=..." for the link, button or other element
that reads exactly that. Whatever is waited for is polled until a deadline."""
import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Tab": "\ue004", "Down": "\ue015", "Up": "\ue013", "Control": "\ue009",
        "Shift": "\ue008", "Backspace": "\ue003", "Home": "\ue011", "End": "\ue010", "Space": " "}
PATIENCE = float(os.environ.get("BROWSER_PATIENCE", "90"))


class Failure(Exception):
    pass


def missing():
    """Why there can be no browser, or None."""
    for program, package in (("chromium", "chromium"), ("chromedriver", "chromium-driver")):
        if not shutil.which(program):
            return "%s is missing (package %s)" % (program, package)
    return None


class Browser:
    def __init__(self, port, width=1200, height=800, dark=False):
        self.home = tempfile.mkdtemp(prefix="browser.", dir=os.environ.get("T"))
        self.driver = subprocess.Popen(["chromedriver", "--port=%d" % port, "--log-level=WARNING"], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, start_new_session=True, env=dict(os.environ, HOME=self.home))
        self.base = "http://127.0.0.1:%d" % port
        self.until(lambda: self.call("GET", "/status")["ready"], "chromedriver")
        arguments = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
                     "--disable-background-networking", "--user-data-dir=" + self.home + "/profile", "--window-size=%d,%d" % (width, height)]
        if dark:
            arguments.append("--force-dark-mode")
        got = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}, "unhandledPromptBehavior": "accept",
            "goog:chromeOptions": {"binary": shutil.which("chromium"), "args": arguments}}}})
        self.base += "/session/" + got["sessionId"]

    def close(self):
        try:
            self.call("DELETE", "")
        except (Failure, OSError):
            pass
        try:
            os.killpg(self.driver.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.driver.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def call(self, method, path, body=None):
        data = None if method in ("GET", "DELETE") else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as reply:
                return json.load(reply)["value"]
        except urllib.error.HTTPError as e:
            value = json.load(e)["value"]
            raise Failure("%s: %s" % (value["error"], value["message"].split("\n")[0])) from None

    def until(self, what, why):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                got = what()
                if got:
                    return got
                last = got
            except (Failure, OSError, TypeError, KeyError) as e:
                last = e
            if time.monotonic() > end:
                raise Failure("%s: not within %g s (%s)" % (why, PATIENCE, last))
            time.sleep(0.03)

    # ---- looking ----

    def run(self, script, *args):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def cdp(self, cmd, **params):
        return self.call("POST", "/goog/cdp/execute", {"cmd": cmd, "params": params})

    def find_now(self, what):
        if what.startswith("text="):
            found = self.run("""const all = [...document.querySelectorAll('body *')].filter(e =>
                e.checkVisibility() && e.innerText?.trim() === arguments[0]); const e = all.at(-1); return e?.closest('a, button, label') ?? e;""", what[5:])
            if not found:
                raise Failure("nothing reads " + what[5:])
            return found[ELEMENT]
        return self.call("POST", "/element", {"using": "css selector", "value": what})[ELEMENT]

    def find(self, what):
        return self.until(lambda: self.find_now(what), "find " + what)

    def text(self, what="body"):
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", what)

    def value(self, what):
        return self.run("return document.querySelector(arguments[0])?.value", what)

    def sees(self, text, where="body"):
        """Waits until the text is there."""
        return self.until(lambda: text in self.text(where), "see %r in %s" % (text, where))

    def sees_not(self, text, where="body"):
        return self.until(lambda: text not in self.text(where), "see %r in %s no more" % (text, where))

    def focused(self):
        return self.run("const e = document.activeElement; return e.id || e.innerText || e.tagName")

    def screenshot(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.call("GET", "/screenshot")))

    def log(self, kind="browser"):
        """What came since the last call."""
        return self.call("POST", "/se/log", {"type": kind})

    # ---- doing ----

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def click(self, what):
        """A real click: scrolled to, in the middle, and refused when something lies over it."""
        self.until(lambda: self.call("POST", "/element/%s/click" % self.find_now(what)) is None, "click " + what)

    def type(self, what, text):
        self.call("POST", "/element/%s/value" % self.find(what), {"text": text})

    def fill(self, what, text):
        """Replaces what stands in a field."""
        self.call("POST", "/element/%s/clear" % self.find(what))
        if text:
            self.type(what, text)

    def press(self, *keys):
        """Keys for whatever has the focus; "Control+s" holds the first while the second is struck."""
        actions = []
        for key in keys:
            chord = [KEYS.get(k, k) for k in key.split("+")] if len(key) > 1 else [key]
            actions += [{"type": "keyDown", "value": k} for k in chord]
            actions += [{"type": "keyUp", "value": k} for k in reversed(chord)]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def resize(self, width, height):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def colours(self, scheme):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
