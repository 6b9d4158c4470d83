# SPDX-License-Identifier: Apache-2.0
"""The interactive memory page in Chromium from file://, made from real runs:
sums of each view, zoom, search, inverted, threads, ranges of the timeline, the
table, keyboard, address, no request and no error; screenshots at two widths,
light and dark, are left in the build directory.
"""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser
from browser import FAILED, SHOTS, check

FILPERF = os.environ["FP_FILPERF"]
ODD = "</script><img src=x onerror=alert(1)>.py"
PROGRAM = '''
import os, threading, time
KEEP = []
def held(n):
    KEEP.append(bytearray(n))
def dropped(n):
    for _ in range(40):
        bytearray(n)
def \\u540d\\u524d_script():
    held(1000000)
exec(compile("def odd(n):\\\\n    KEEP.append(bytearray(n))\\\\n", "%s", "exec"), globals())
def main():
    end = time.process_time() + 0.15
    for _ in range(20):
        held(500000)
    odd(1500000)
    big = bytearray(30000000)
    while time.process_time() < end:
        dropped(100000)
    del big
    end = time.process_time() + 0.15
    while time.process_time() < end:
        dropped(100000)
    worker = threading.Thread(target=held, args=(2000000,))
    worker.start()
    worker.join()
    \\u540d\\u524d_script()
    child = os.fork()
    if not child:
        held(3000000)
        os._exit(0)
    os.waitpid(child, 0)
main()
'''.encode().decode("unicode_escape") % ODD
MB = 1_000_000


def record(folder, *extra):
    """The folder of the reports, and what the run itself says of its memory."""
    script, out = os.path.join(folder, "app.py"), tempfile.mkdtemp(dir=folder)
    with open(script, "w", encoding="utf-8") as file:
        file.write(PROGRAM)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FIL_PERF_", "LD_", "XDG_RUNTIME"))}
    environment["TMPDIR"] = folder
    subprocess.run([FILPERF, "run", "--memray-enabled", *extra, "--quiet", "--output-dir", out,
                    "--run-label", "app", "--", sys.executable, script], env=environment, check=True)
    stats = json.loads(subprocess.run([FILPERF, "memory", "stats", "--json", "-i", out + "/app.filperf"],
                                      env=environment, check=True, capture_output=True, text=True).stdout)
    return out, stats


def start(page, path, address=""):
    page.call("Page.navigate", url="about:blank")
    page.call("Page.navigate", url="file://" + path + address)
    for _ in range(400):
        if page.js("typeof page !== 'undefined' && page.ready && page.tableReady"):
            return
        time.sleep(0.05)
    raise RuntimeError("the page did not start: " + "; ".join(page.problems))


def settled(page):
    for _ in range(200):
        if page.js("page.tableReady && (!page.state.range || !!memory.range)"):
            return
        time.sleep(0.02)
    raise RuntimeError("the page did not settle")


def press(page, element):
    page.js(f"document.querySelector({element!r}).click()")
    settled(page)


def choose(page, element, value):
    page.js(f"{{ const e = document.getElementById('{element}'); e.value = '{value}'; e.dispatchEvent(new Event('change')); }}")
    settled(page)


def search(page, text):
    page.js(f"{{ const s = document.getElementById('search'); s.value = {text!r}; s.dispatchEvent(new Event('input')); }}")


def key(page, name, modifiers=0):
    for kind in ("keyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key=name, modifiers=modifiers)


def mouse(page, kind, x, y):
    page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1,
              buttons=0 if kind == "mouseReleased" else 1)


def drag(page, first, last):
    page.js("document.getElementById('timeline').scrollIntoView({block: 'center'})")
    b = page.js("(b => [b.left, b.top, b.width, b.height])(document.getElementById('timeline').getBoundingClientRect())")
    mouse(page, "mousePressed", b[0] + b[2] * first, b[1] + b[3] / 2)
    for part in (0.3, 0.7, 1):
        mouse(page, "mouseMoved", b[0] + b[2] * (first + (last - first) * part), b[1] + b[3] / 2)
    mouse(page, "mouseReleased", b[0] + b[2] * last, b[1] + b[3] / 2)
    settled(page)


TOTAL = "page.graph.root.bytes"
# bytes of the outermost frames with this name
BELOW = ("(function sum(item) {{ return itemText(item).indexOf({0!r}) === 0 ? item.bytes :"
         " page.graph.childrenOf(item).reduce(function (a, c) {{ return a + sum(c); }}, 0); }})(page.graph.root)")
# the middle of the drawn box of a frame, scrolled into view
BOX = ("(function () {{ document.getElementById('graph').scrollIntoView({{block: 'center'}});"
       " var at = null; page.view.rows.forEach(function (row, k) {{ row.forEach(function (b) {{"
       " if (!at && b.item && itemText(b.item).indexOf({0!r}) === 0) at = [b, k]; }}); }});"
       " var r = page.view.canvas.getBoundingClientRect();"
       " return [r.left + at[0].x + at[0].w / 2, r.top + page.view.rowTop(at[1]) + ROW / 2]; }})()")
NAMES = "Array.prototype.map.call(document.querySelectorAll('#sites tbody tr'), function (r) { return r.textContent; })"


def try_views(page, stats):
    choose(page, "process", "0")
    peak = page.js(TOTAL)
    check("all that lived at the peak", peak, lambda b: b > 41 * MB)
    check("the large block was part of it", page.js(BELOW.format("main")), lambda b: b > 41 * MB)
    press(page, "[data-view=leaked]")
    check("it is not among the survivors", page.js(TOTAL), lambda b: 14 * MB < b < peak - 25 * MB)
    check("what is held", page.js(BELOW.format("held")), lambda b: 13 * MB <= b < 13.1 * MB)
    check("a name in another script", page.js(BELOW.format("名前_script")), lambda b: MB <= b < 1.001 * MB)
    check("a name that is markup", page.js(BELOW.format("odd (" + ODD)), lambda b: 1.5 * MB <= b < 1.501 * MB)
    press(page, "[data-view=temporary]")
    check("temporaries", page.js(BELOW.format("dropped")), lambda b: b > 10 * MB)
    choose(page, "process", "-1")
    press(page, "[data-view=all]")
    check("all allocations", page.js(TOTAL), stats["total_bytes_allocated"])
    check("and how many", page.js("page.graph.root.n"), stats["total_num_allocations"])
    check("the card says so", page.js("document.querySelector('[data-view=all] b').textContent"),
          page.js("bytesText(%d)" % stats["total_bytes_allocated"]))
    choose(page, "process", "1")
    check("the fork child's own", page.js(TOTAL), lambda b: 3 * MB <= b < 4 * MB)
    choose(page, "process", "0")


def try_shapes(page):
    press(page, "[data-view=leaked]")
    total = page.js(TOTAL)
    press(page, "#inverted")
    check("inverted: the line that allocated is first", page.js(
        "page.graph.childrenOf(page.graph.root).map(itemText)[0]"), lambda n: n.startswith("held"))
    check("inverted: its callers below", page.js(
        "page.graph.childrenOf(page.graph.childrenOf(page.graph.root)[0]).map(itemText).join()"),
        lambda n: "main" in n and "script" in n)
    check("inverted: nothing is lost", page.js("page.graph.childrenOf(page.graph.root).reduce(function (a, c) {"
                                               " return a + c.bytes; }, 0)"), total)
    press(page, "#inverted")
    press(page, "#split")
    check("by thread", page.js("page.graph.childrenOf(page.graph.root).map(function (c) { return c.bytes; })"),
          lambda b: len(b) >= 2 and abs(sum(b) - total) < 1 and 2 * MB <= b[1] < 2.1 * MB)
    press(page, "#split")
    imports = "page.sites.rows.some(function (r) { return memory.frames[r.frame].fn.flags & IMPORT; })"
    check("imports are there", page.js(imports), True)
    press(page, "#hideImports")
    check("and can be hidden", page.js(imports), False)
    check("hidden frames leave their bytes", page.js(TOTAL), total)
    press(page, "#hideImports")
    by_bytes = page.js("page.view.rows[1][0].w")
    press(page, "[data-measure=n]")
    check("by allocations", page.js("page.view.rows[1][0].w"), lambda w: w != by_bytes)
    press(page, "[data-measure=bytes]")
    press(page, "[data-shape=flame]")
    check("flame: the root is at the bottom", page.js("page.view.rowTop(0) > page.view.rowTop(1)"), True)
    press(page, "[data-shape=icicle]")
    choose(page, "kind", "malloc")
    check("malloc's alone", page.js(TOTAL), lambda b: 0 <= b < total)
    choose(page, "kind", "heap")


def try_hands(page):
    """Mouse, keyboard, search, table."""
    press(page, "[data-view=peak]")
    x, y = page.js(BOX.format("main"))
    mouse(page, "mouseMoved", x, y)
    check("the tip names, counts and measures", page.js("document.getElementById('tip').textContent"),
          lambda t: t.startswith("main") and "app.py:" in t and "MiB" in t and "blocks" in t and "%" in t)
    mouse(page, "mousePressed", x, y)
    mouse(page, "mouseReleased", x, y)
    check("zoomed", page.js("itemText(page.view.zoomed)"), lambda n: n.startswith("main"))
    check("as wide as the graph", page.js("page.view.rows[page.view.nAbove][0].w === page.view.width"), True)
    press(page, "#unzoom")
    check("reset", page.js("page.view.zoomed === page.graph.root"), True)
    page.js("document.getElementById('graph').focus()")
    for name in ("ArrowDown", "ArrowDown", "ArrowDown"):
        key(page, name)
    check("arrows walk", page.js("document.getElementById('details').textContent"), lambda t: "main" in t and "%" in t)
    key(page, "Enter")
    check("Enter zooms", page.js("page.view.zoomed.depth"), 2)
    key(page, "Backspace")
    check("Backspace goes up", page.js("page.view.zoomed.depth"), 1)
    key(page, "Escape")
    check("Escape resets", page.js("page.view.zoomed === page.graph.root"), True)
    key(page, "/")
    check("/ leads to the search", page.js("document.activeElement.id"), "search")
    search(page, "^held")
    check("matched share", page.js("document.getElementById('matched').textContent"),
          lambda t: "% matched" in t and 20 < float(t.split("\u00a0")[0]) < 40)
    check("the table follows", page.js(NAMES), lambda rows: rows and all(r.startswith("held") for r in rows))
    search(page, "(")
    check("a bad expression is said", page.js("document.getElementById('matched').textContent"), "not a regular expression")
    search(page, "")
    rows = page.js(NAMES)
    check("the largest line comes first", rows[0], lambda r: r.startswith("main") and "28.6" in r)
    press(page, "[data-order=name]")
    check("sorted by name", page.js("(function (n) { return n.length > 9 && n.every(function (t, i) { return !i || n[i - 1] <= t; }); })"
                                    "(Array.prototype.map.call(document.querySelectorAll('#sites tbody tr'), function (r) {"
                                    " return memory.frames[r.dataset.frame].text; }))"), True)
    press(page, "[data-order=bytes]")
    press(page, "#sites tbody tr")
    check("a row finds its line", page.js("document.getElementById('search').value"), lambda v: v.startswith("^main"))
    search(page, "")


def try_ranges(page):
    drag(page, 0.01, 0.99)
    check("the highest point of a range", page.js(TOTAL), lambda b: b > 41 * MB)
    press(page, "[data-view=leaked]")
    check("made in the range and kept", page.js(BELOW.format("held")), lambda b: 12 * MB < b < 13.1 * MB)
    peak = page.js("page.timeline.peaks[0].when")
    span = page.js("[page.timeline.from, page.timeline.to]")
    share = (peak - span[0]) / (span[1] - span[0])
    drag(page, min(share + 0.12, 0.8), 0.999)
    check("what was made before the range is not its own", page.js(BELOW.format("held")), lambda b: 3 * MB <= b < 3.1 * MB)
    press(page, "[data-view=peak]")
    check("after the large block is gone", page.js(TOTAL), lambda b: 10 * MB < b < 30 * MB)
    page.js("document.getElementById('timeline').focus()")
    before = page.js("page.state.range")
    key(page, "ArrowLeft")
    settled(page)
    check("arrows move the range", page.js("page.state.range"), lambda r: r[0] < before[0])
    address = page.js("location.hash")
    check("it is in the address", address, lambda a: "range=" in a)
    drag(page, 0.3, 0.3)
    check("a click gives it up", page.js("page.state.range"), None)
    return address


def look(page, width, dark, name):
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
    time.sleep(0.4)
    with open(os.path.join(SHOTS, name + ".png"), "wb") as f:
        f.write(base64.b64decode(page.call("Page.captureScreenshot", format="png")["data"]))


def try_looks(page, path, name):
    start(page, path)
    for width in (1280, 400):
        for dark in (False, True):
            look(page, width, dark, f"{name}-{width}-{'dark' if dark else 'light'}")
        check(f"{name} {width}: no sideways scrolling",
              page.js("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), True)
    page.call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)


def try_page(page, folder):
    out, stats = record(folder, "--memray-format", "html,flamegraph,bin")
    path = out + "/app-memray.html"
    start(page, path)
    check("the command is text", page.js("document.getElementById('command').textContent"), lambda t: "app.py" in t)
    check("the mode and its cost", page.js("document.getElementById('mode').title"),
          lambda t: "exact" in t and "cost" in t)
    check("what was resident has items", page.js("document.querySelectorAll('#balance-list li').length"), lambda n: n > 4)
    try_views(page, stats)
    try_shapes(page)
    try_hands(page)
    address = try_ranges(page)
    start(page, path, address)
    check("an address leads back", page.js("location.hash"), address)
    check("no markup of the program", page.js("document.querySelectorAll('img').length"), 0)
    check("nothing is requested", page.js("performance.getEntriesByType('resource').length"), 0)
    try_looks(page, path, "memory")
    graph = out + "/app-memray-flamegraph.html"
    start(page, graph)
    check("flamegraph: the graph is the page", page.js("document.getElementById('timeline-box').offsetHeight"), 0)
    try_looks(page, graph, "memory-graph")


def try_sampled(page, folder):
    out, stats = record(folder, "--memray-exact=0", "--memray-format", "html")
    start(page, out + "/app-memray.html", "#view=all")
    check("sampled: the mode is said", page.js("document.getElementById('mode').textContent"), lambda t: "sampled" in t)
    check("sampled: as estimated", page.js(TOTAL), stats["total_bytes_allocated"])
    check("sampled: with an interval", page.js("document.querySelector('[data-view=all] span:last-child').textContent"),
          lambda t: "±" in t)
    check("sampled: no stream, no range", page.js("memory.hasRange"), False)
    drag(page, 0.2, 0.6)
    check("sampled: a drag does nothing", page.js("page.state.range"), None)
    try_looks(page, out + "/app-memray.html", "memory-sampled")


def main():
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        print("SKIP: no Chromium (apt-get install chromium)")
        return 77
    os.makedirs(SHOTS, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process, page = browser.start_browser(program, folder + "/profile")
        try:
            page.call("Emulation.setFocusEmulationEnabled", enabled=True)
            for domain in ("Page", "Runtime", "Log"):
                page.call(domain + ".enable")
            page.call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
            try_page(page, folder)
            try_sampled(page, folder)
            check("no errors", page.problems, [])
        finally:
            process.terminate()
            process.wait(timeout=30)
    print("failed: " + ", ".join(FAILED) if FAILED else "all passed")
    return bool(FAILED)


if __name__ == "__main__":
    sys.exit(main())
