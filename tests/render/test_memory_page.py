# SPDX-License-Identifier: Apache-2.0
"""The interactive memory page in Chromium from file://, made from a real run:
sums of each view, zoom, search, inverted, threads, a range of the timeline, the
table, no request and no error; screenshots are left in the build directory.
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
PROGRAM = '''
import threading, time
KEEP = []
def held(n):
    KEEP.append(bytearray(n))
def dropped(n):
    for _ in range(40):
        bytearray(n)
def \\u540d\\u524d_script():
    held(1000000)
def main():
    end = time.process_time() + 0.15
    for _ in range(20):
        held(500000)
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
main()
'''.encode().decode("unicode_escape")


def record(folder):
    """The page's path, and what the run itself says of its memory."""
    script = os.path.join(folder, "app.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write(PROGRAM)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FIL_PERF_", "LD_", "XDG_RUNTIME"))}
    environment["TMPDIR"] = folder
    subprocess.run([FILPERF, "run", "--memray-enabled", "--memray-format", "html,bin", "--quiet", "--output-dir", folder,
                    "--run-label", "</script><b>", "--", sys.executable, script], env=environment, check=True)
    page = [name for name in os.listdir(folder) if name.endswith("-memray.html")][0]
    run = [name for name in os.listdir(folder) if name.endswith(".filperf")][0]
    stats = json.loads(subprocess.run([FILPERF, "memory", "stats", "--json", "-i", os.path.join(folder, run)],
                                      env=environment, check=True, capture_output=True, text=True).stdout)
    return os.path.join(folder, page), stats


def choose(page, element, value):
    page.js(f"{{ const e = document.getElementById('{element}'); e.value = '{value}'; e.dispatchEvent(new Event('change')); }}")


def tick(page, element):
    page.js(f"document.getElementById('{element}').click()")


def bytes_below(page, name):
    """Bytes of the outermost frames with this name."""
    return page.js("(function sum(node) { const n = node.label || document.title && memoryPage.nameOf(node); "
                   f"return n.startsWith('{name}') ? node.bytes : [...node.map.values()].reduce((a, c) => a + sum(c), 0); }})(memoryPage.root)")


def try_page(page, stats):
    total = "memoryPage.root.bytes"
    peak = page.js(total)
    check("all that lived at the peak", peak, lambda b: b > 40_000_000)
    check("the large block was part of it", bytes_below(page, "main"), lambda b: b > 40_000_000)
    choose(page, "view", "1")
    check("it is not among the survivors", page.js(total), lambda b: 12_900_000 < b < peak - 25_000_000)
    check("what is held", bytes_below(page, "held"), lambda b: 13_000_000 <= b < 13_100_000)
    check("a name in another script", bytes_below(page, "名前_script"), lambda b: 1_000_000 <= b < 1_001_000)
    choose(page, "view", "2")
    check("all allocations", page.js(total), lambda b: abs(b - stats["total_bytes_allocated"]) <= b / 50)
    choose(page, "view", "3")
    check("temporaries", bytes_below(page, "dropped"), lambda b: b > 10_000_000)
    choose(page, "view", "1")
    tick(page, "inverted")
    check("inverted: the leaf is first", page.js("[...memoryPage.root.map.values()].map(memoryPage.nameOf).some(n => n.startsWith('held'))"), True)
    tick(page, "inverted")
    tick(page, "threads")
    check("by thread", page.js("memoryPage.root.map.size"), lambda n: n >= 2)
    tick(page, "threads")
    choose(page, "as", "icicle")
    choose(page, "as", "flame")
    page.js("{ const h = memoryPage.hits.find(h => h.node.label === null && memoryPage.nameOf(h.node).startsWith('main'));"
            " const b = document.getElementById('graph').getBoundingClientRect();"
            " document.getElementById('graph').onclick({ clientX: b.left + h.x + 2, clientY: b.top + h.y + 2 }); }")
    check("zoomed", page.js("memoryPage.nameOf(memoryPage.zoomed)"), lambda n: n.startswith("main"))
    page.js("document.getElementById('reset').click()")
    check("reset", page.js("memoryPage.zoomed === memoryPage.root"), True)
    page.js("{ const s = document.getElementById('search'); s.value = '^held'; s.dispatchEvent(new Event('input')); }")
    check("search", page.js("document.getElementById('matched').textContent"), lambda t: t.startswith("matched ") and float(t.split()[1]) > 50)
    check("table follows the search", page.js("[...document.querySelectorAll('#sites tbody tr')].every(r => r.lastChild.textContent.startsWith('held'))"), True)
    page.js("{ const s = document.getElementById('search'); s.value = ''; s.dispatchEvent(new Event('input')); }")
    drag = ("{{ const t = document.getElementById('timeline'), b = t.getBoundingClientRect(); t.setPointerCapture = () => 0;"
            " t.onpointerdown({{ clientX: b.left + b.width * {0}, pointerId: 1 }}); t.onpointermove({{ clientX: b.left + b.width * {1} }});"
            " t.onpointerup({{ clientX: b.left + b.width * {1} }}); }}")
    page.js(drag.format(0.02, 0.98))
    check("the highest point of a range", page.js(total), lambda b: b > 40_000_000)
    choose(page, "view", "4")
    check("made in the range and kept", page.js(total), lambda b: b < 40_000_000)
    page.js(drag.format(0.5, 0.5))
    check("the range is given up", page.js("document.getElementById('view').value"), "0")
    check("the label is text", page.js("document.querySelector('h1').textContent"), lambda t: "<b>" in t or "script" in t)
    check("nothing is requested", page.js("performance.getEntriesByType('resource').length"), 0)


def look(page, width, dark, name):
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
    time.sleep(0.4)
    with open(os.path.join(SHOTS, name + ".png"), "wb") as f:
        f.write(base64.b64decode(page.call("Page.captureScreenshot", format="png")["data"]))


def main():
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        print("SKIP: no Chromium (apt-get install chromium)")
        return 77
    os.makedirs(SHOTS, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path, stats = record(folder)
        process, page = browser.start_browser(program, folder + "/profile")
        try:
            for domain in ("Page", "Runtime", "Log"):
                page.call(domain + ".enable")
            page.call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
            page.call("Page.navigate", url="file://" + path)
            for _ in range(200):
                if page.js("typeof memoryPage !== 'undefined' && !!memoryPage.root"):
                    break
                time.sleep(0.05)
            else:
                raise RuntimeError("the page did not start: " + "; ".join(page.problems))
            try_page(page, stats)
            for width in (1280, 400):
                for dark in (False, True):
                    look(page, width, dark, f"memory-{width}-{'dark' if dark else 'light'}")
                check(f"no sideways scrolling at {width}", page.js("document.documentElement.scrollWidth <= innerWidth"), True)
            check("no errors", page.problems, [])
        finally:
            process.terminate()
            process.wait(timeout=30)
    print("failed: " + ", ".join(FAILED) if FAILED else "all passed")
    return bool(FAILED)


if __name__ == "__main__":
    sys.exit(main())
