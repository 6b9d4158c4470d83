# SPDX-License-Identifier: Apache-2.0
"""Scalene's page in Chromium from file://: figures beside their lines, order,
search, all lines, no request and no error; screenshots at two widths, light
and dark, are left in the build directory.
"""
import base64
import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser
import test_scalene
from browser import FAILED, SHOTS, check

# the cells of the row whose source has the text
CELLS = ("Array.prototype.filter.call(document.querySelectorAll('tr'), function (r) {{"
         " return r.lastChild && r.lastChild.textContent.indexOf({0!r}) >= 0; }})"
         ".map(function (r) {{ return Array.prototype.map.call(r.children, function (c) {{ return c.textContent; }}); }})[0]")


def look(page, width, dark, name):
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    page.call("Emulation.setEmulatedMedia", features=[
        {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
    time.sleep(0.3)
    with open(os.path.join(SHOTS, name + ".png"), "wb") as f:
        f.write(base64.b64decode(page.call("Page.captureScreenshot", format="png")["data"]))


def open_page(page, path):
    page.call("Page.navigate", url="file://" + path)
    for _ in range(200):
        if page.js("typeof page !== 'undefined' && page.ready && document.readyState") == "complete":
            return
        time.sleep(0.05)
    raise RuntimeError("the page did not start")


def rows_shown(page):
    return page.js("Array.prototype.filter.call(document.querySelectorAll('main tr'), "
                   "function (r) { return r.offsetHeight > 0; }).length")


def try_page(page):
    cells = page.js(CELLS.format("keep.append"))
    check("the line that holds memory", cells, lambda c: c and c[0] == "14" and "47.7 MiB" in c)
    check("the line that copies has a rate", page.js(CELLS.format("c = bytes(b)")), lambda c: c and c[-2].endswith("iB"))
    check("source is text, not markup", page.js(CELLS.format("</script>")), lambda c: c and "<!-- &" in c[-1])
    check("the heap is drawn", page.js("document.querySelector('#timeline path').getAttribute('d').length"),
          lambda n: n > 30)
    check("the peak is marked", page.js("+document.querySelector('#timeline line').getAttribute('x1')"),
          lambda x: 0 < x <= 1000)
    names = ("Array.prototype.filter.call(document.querySelectorAll('#files > details'), function (d) {"
             " return !d.hidden; }).map(function (d) { return d.dataset.name.split('/').pop(); })")
    everything = page.js(names)
    check("files", everything, lambda n: {"app.py", "gone.py"} <= set(n))
    choose = "var o = document.getElementById('order'); o.value = '%s'; o.dispatchEvent(new Event('change'))"
    page.js(choose % "name")
    by_name = page.js("Array.prototype.map.call(document.querySelectorAll('#files > details'), "
                      "function (d) { return d.dataset.name; })")
    check("sorted by name", by_name, lambda n: n == sorted(n))
    page.js(choose % "peak")
    peaks = page.js("Array.prototype.map.call(document.querySelectorAll('#files > details'), "
                    "function (d) { return +(d.dataset.peak || -1); })")
    check("sorted by peak", peaks, lambda n: n == sorted(n, reverse=True) and n[0] > 40_000_000)
    find = "var w = document.getElementById('words'); w.value = '%s'; w.dispatchEvent(new Event('input'))"
    page.js(find % "gone.py")
    check("search", page.js(names), lambda n: "gone.py" in n and len(n) <= len(everything))
    page.js(find % "no such words")
    check("search for nothing", page.js(names), [])
    page.js(find % "")
    check("search ends", sorted(page.js(names)), sorted(everything))
    few = rows_shown(page)
    page.js("document.getElementById('all').click()")
    check("all lines", rows_shown(page), lambda n: n > few)
    page.js("document.getElementById('all').click()")
    check("and back", rows_shown(page), few)
    check("nothing is requested", page.js("performance.getEntriesByType('resource').length"), 0)


def main():
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program or not os.path.exists(test_scalene.PYTHON):
        print("SKIP: no Chromium (apt-get install chromium), or no FP_PEERS")
        return 77
    os.makedirs(SHOTS, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        # lines without figures, to be hidden
        test_scalene.PROGRAM += "\n" * 20 + "# the end\n"
        test_scalene.record(folder)
        test_scalene.report(folder, "--scalene-html")
        chromium, page = browser.start_browser(program, folder + "/profile")
        try:
            for domain in ("Page", "Runtime", "Log"):
                page.call(domain + ".enable")
            open_page(page, folder + "/out/app-scalene.html")
            try_page(page)
            for width in (400, 1280):
                for dark in (False, True):
                    look(page, width, dark, f"scalene-{width}-{'dark' if dark else 'light'}")
                    check(f"{width}: no sideways scrolling",
                          page.js("document.documentElement.scrollWidth <= window.innerWidth"), True)
            check("console and log", page.problems, [])
        finally:
            chromium.terminate()
            chromium.wait(timeout=30)
    return 1 if FAILED or test_scalene.FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
