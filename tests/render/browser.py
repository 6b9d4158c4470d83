# SPDX-License-Identifier: Apache-2.0
"""The flame graph in Chromium, driven over the DevTools protocol with the
standard library only: search, zoom, reset, keyboard, URL state, no console
error; screenshots at two widths, light and dark, are left in the build
directory for people to look at.
"""
import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

BUILD = os.environ["FP_BUILD"]
SHOTS = os.path.join(BUILD, "tests", "screenshots")


class Socket:
    """The part of a WebSocket client that DevTools needs."""

    def __init__(self, url):
        host, path = url[len("ws://"):].split("/", 1)
        name, port = host.split(":")
        self.s = socket.create_connection((name, int(port)), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        self.s.sendall((f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
                        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                        "Sec-WebSocket-Version: 13\r\n\r\n").encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.s.recv(1)

    def send(self, text):
        data = text.encode()
        mask = os.urandom(4)
        head = b"\x81"
        if len(data) < 126:
            head += struct.pack("!B", 128 | len(data))
        else:
            head += struct.pack("!BQ", 128 | 127, len(data))
        self.s.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def exactly(self, n):
        data = b""
        while len(data) < n:
            part = self.s.recv(n - len(data))
            if not part:
                raise EOFError("the browser closed the connection")
            data += part
        return data

    def receive(self):
        text = b""
        while True:
            first, second = self.exactly(2)
            n = second & 127
            if n == 126:
                n, = struct.unpack("!H", self.exactly(2))
            elif n == 127:
                n, = struct.unpack("!Q", self.exactly(8))
            text += self.exactly(n)
            if first & 128:
                return text.decode()


class Page:
    def __init__(self, url):
        self.socket = Socket(url)
        self.n = 0
        self.problems = []

    def call(self, method, **params):
        self.n += 1
        self.socket.send(json.dumps({"id": self.n, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.receive())
            if answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.problems.append(json.dumps(answer["params"])[:500])
            if answer.get("method") == "Runtime.consoleAPICalled" and \
                    answer["params"]["type"] in ("error", "assert"):
                self.problems.append(json.dumps(answer["params"])[:500])
            if answer.get("id") == self.n:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def js(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def open(self, path, query=""):
        self.call("Page.navigate", url="file://" + path + query)
        for _ in range(200):
            if self.js("typeof graph !== 'undefined' && !!graph && document.readyState") == "complete":
                return
            time.sleep(0.05)
        raise RuntimeError("the graph did not start")

    def look(self, width, dark, name):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=420,
                  deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        time.sleep(0.3)
        shot = self.call("Page.captureScreenshot", format="png")["data"]
        with open(os.path.join(SHOTS, name + ".png"), "wb") as f:
            f.write(base64.b64decode(shot))


def start_browser(program, folder):
    p = subprocess.Popen(
        [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-dev-shm-usage", "--remote-debugging-port=0",
         "--user-data-dir=" + folder, "about:blank"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    for line in p.stderr:
        if "DevTools listening on ws://" in line:
            port = line.split("ws://")[1].split("/")[0].split(":")[1]
            break
    else:
        raise RuntimeError("the browser did not start")
    for _ in range(100):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as r:
            for page in json.load(r):
                if page["type"] == "page":
                    return p, Page(page["webSocketDebuggerUrl"])
        time.sleep(0.1)
    raise RuntimeError("the browser has no page")


FAILED = []


def check(what, got, want):
    ok = want(got) if callable(want) else got == want
    print(f"{'ok  ' if ok else 'FAIL'} {what}: {got!r}")
    if not ok:
        FAILED.append(what)


def text(page, element):
    return page.js(f"document.getElementById('{element}').textContent")


def visible(page):
    return page.js("document.querySelectorAll('#frames > g:not(.hide)').length")


FIND = ("graph.groups.find(function (g) { return g.name.indexOf('Job.work (app.py:12)') === 0; })"
        ".element.querySelector('rect')")


def try_graph(page, path):
    page.open(path)
    everything = visible(page)
    check("frames", everything, lambda n: n > 8)
    check("unzoom hidden at first", page.js("graph.unzoomButton.classList.contains('hide')"), True)

    page.js("search('Job')")
    check("matched share counts nested matches once", text(page, "matched"), "Matched: 68.81%")
    check("matches are coloured", page.js(
        "document.querySelectorAll('rect[fill=\"#e600e6\"]').length"), 2)
    check("search in the address", page.js("location.search"), "?s=Job")
    page.js("search('(')")
    check("a bad expression is said", text(page, "matched"), "not a regular expression")
    page.js("resetSearch()")
    check("search reset", page.js("document.querySelectorAll('rect[fill=\"#e600e6\"]').length"), 0)

    page.js(FIND + ".dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    check("zoom hides the rest", visible(page), lambda n: 3 < n < everything)
    check("zoomed frame is wide", page.js(FIND + ".getAttribute('width')"), "100.0000%")
    address = page.js("location.search")
    check("zoom in the address", address, lambda a: a.startswith("?x="))
    page.js("document.getElementById('unzoom').dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    check("reset shows all", visible(page), everything)
    check("reset clears the address", page.js("location.search"), "")
    page.open(path, address + "&s=Job")
    check("the address restores the zoom", visible(page), lambda n: 3 < n < everything)
    check("and the search", text(page, "matched"), lambda t: t.startswith("Matched: 100"))

    page.open(path)
    page.js(FIND + ".parentNode.focus()")
    check("details for the keyboard", text(page, "details"), lambda t: "Job.work" in t and "%" in t)
    page.js(FIND + ".parentNode.dispatchEvent(new KeyboardEvent('keydown', "
                   "{key: 'Enter', bubbles: true}))")
    check("Enter zooms", visible(page), lambda n: n < everything)
    page.js("window.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}))")
    check("Escape resets", visible(page), everything)
    page.js("window.prompt = function () { return 'fib'; }")
    page.js("window.dispatchEvent(new KeyboardEvent('keydown', {key: 'f', ctrlKey: true}))")
    check("Ctrl-F searches", page.js("graph.term"), "fib")
    page.js("window.dispatchEvent(new KeyboardEvent('keydown', {key: 'F3'}))")
    check("F3 again resets", page.js("graph.term"), None)
    check("title holds samples, percent and GIL", page.js(
        "graph.groups[1].title"), lambda t: "samples, " in t and "%" in t and "GIL" in t)


def sizes(page, path, name):
    page.open(path)
    for width in (400, 1280):
        for dark in (False, True):
            page.look(width, dark, f"{name}-{width}-{'dark' if dark else 'light'}")
            wide = page.js("document.documentElement.scrollWidth <= window.innerWidth")
            over = page.js("""graph.groups.filter(function (g) {
                return g.text.textContent && !g.element.classList.contains('hide') &&
                    g.text.getBBox().width > g.rect.getBBox().width + 2; }).length""")
            check(f"{name} {width}: no sideways scrolling", wide, True)
            check(f"{name} {width}: labels fit their frames", over, 0)


def main():
    program = shutil.which("chromium") or shutil.which("chromium-browser") or \
        shutil.which("google-chrome")
    if not program:
        print("SKIP: no Chromium (apt-get install chromium)")
        return 77
    os.makedirs(SHOTS, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        subprocess.run([BUILD + "/tests/make_captures", folder + "/c"], check=True)
        for name, extra in (("run", []), ("empty", []), ("diff", ["base=" + folder + "/c/base"])):
            source = folder + "/c/" + ("run" if name == "diff" else name)
            with open(f"{folder}/{name}.svg", "wb") as f:
                subprocess.run([BUILD + "/tests/render_one", source, "svg", *extra], stdout=f,
                               check=True)
        browser, page = start_browser(program, folder + "/profile")
        try:
            page.call("Emulation.setFocusEmulationEnabled", enabled=True)
            for domain in ("Page", "Runtime", "Log"):
                page.call(domain + ".enable")
            try_graph(page, folder + "/run.svg")
            for name in ("run", "empty", "diff"):
                sizes(page, f"{folder}/{name}.svg", name)
            check("console and log", page.problems, [])
        finally:
            browser.terminate()
            browser.wait(timeout=30)
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
