#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What Python programs do: names in any script, generators, coroutines,
threads, deep recursion, sub-interpreters, callbacks from C."""

import os
import sys

from recorded import PYTHON, Recorded, main

NAMES = {"latin": "prüfen_ñandú", "greek": "υπολογισμός", "cjk": "計算する", "ancient": "𐎠𐎡𐎢"}


class Names(Recorded):
    """Each width that CPython keeps text in: 1 byte, ASCII, 2 and 4."""

    def test_functions_in_any_script(self):
        text = "from burner import burn\n"
        text += "".join("def %s(): burn(0.1)\n" % name for name in NAMES.values())
        text += "".join("%s()\n" % name for name in NAMES.values())
        report = self.python(text, env={"FIL_PERF_SPY_OUTPUT": "json,raw"})
        raw = self.read("outputs", "perf", "program-pyspy.raw")
        for name in NAMES.values():
            with self.subTest(name=name):
                self.assert_near(report.seconds(name + " (program.py"), 0.1, by=0.4)
                self.assertIn(";%s (program.py:" % name, raw)

    def test_file_names_in_any_script(self):
        for name in list(NAMES.values()) + ["😀 spaced", "quo'te\"d;x"]:
            with self.subTest(name=name):
                report = self.python(
                    "from burner import burn\ndef f():\n  burn(0.06)\nf()\n",
                    name=name + ".py",
                    env={"FIL_PERF_SPY_OUTPUT": "json,raw", "FIL_PERF_RUN_LABEL": "x"},
                )
                self.assert_near(report.seconds("f (%s.py:3)" % name), 0.06, by=0.5)
                # raw separates frames by ;
                raw = self.read("outputs", "perf", "x-pyspy.raw")
                self.assertIn(";f (%s.py:3)" % name.replace(";", ","), raw)

    def test_emoji_in_a_function_name(self):
        self.python(
            "from burner import burn\nimport types\ndef f():\n  burn(0.1)\n"
            "names = dict(co_name='run\\U0001F600')\n"
            "names.update(dict(co_qualname='K.run\\U0001F600') if hasattr(f.__code__, 'co_qualname') else {})\n"
            "types.FunctionType(f.__code__.replace(**names), globals())()\n",
            env={"FIL_PERF_SPY_OUTPUT": "json,raw"},
        )
        self.assertIn("run\U0001F600 (program.py:4)", self.read("outputs", "perf", "program-pyspy.raw"))

    def test_qualified_names_where_cpython_has_them(self):
        report = self.python(
            "from burner import burn\nclass Job:\n  def work(self):\n    def inner(): burn(0.1)\n    inner()\nJob().work()\n"
        )
        qualified = sys.version_info >= (3, 11)
        self.assert_near(report.seconds("Job.work (" if qualified else "work ("), 0.1)
        self.assert_near(report.seconds("Job.work.<locals>.inner (" if qualified else "inner ("), 0.1)


class Control(Recorded):
    def test_generators(self):
        report = self.python(
            "from burner import burn\n"
            "def inner():\n  for i in range(5):\n    burn(0.03)\n    yield i\n"
            "def outer():\n  yield from inner()\n"
            "def consumer():\n  return sum(outer())\nconsumer()\n"
        )
        self.assert_near(report.seconds("consumer", "outer", "inner", "burn"), 0.15)

    def test_coroutines(self):
        report = self.python(
            "import asyncio\nfrom burner import burn\n"
            "async def leaf():\n  await asyncio.sleep(0)\n  burn(0.05)\n"
            "async def branch():\n  await leaf()\n"
            "async def top():\n  await asyncio.gather(branch(), branch(), branch())\n"
            "asyncio.run(top())\n"
        )
        self.assert_near(report.seconds("branch", "leaf", "burn"), 0.15)

    def test_async_generators(self):
        report = self.python(
            "import asyncio\nfrom burner import burn\n"
            "async def numbers():\n  for i in range(3):\n    burn(0.05)\n    yield i\n"
            "async def top():\n  return [n async for n in numbers()]\n"
            "asyncio.run(top())\n"
        )
        self.assert_near(report.seconds("top", "numbers", "burn"), 0.15)

    def test_callbacks_from_c(self):
        report = self.python(
            "import ctypes, functools\nfrom burner import burn\n"
            "def key(x):\n  burn(0.02)\n  return x\n"
            "def sorting():\n  sorted(range(8), key=key)\n"
            "def reducing():\n  functools.reduce(lambda a, b: burn(0.02), range(8))\n"
            "T = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)\n"
            "def compare(a, b):\n  burn(0.02)\n  return 0\n"
            "def quicksorting():\n"
            "  ctypes.CDLL(None).qsort((ctypes.c_int * 4)(4, 3, 2, 1), 4, ctypes.sizeof(ctypes.c_int), T(compare))\n"
            "sorting(); reducing(); quicksorting()\n"
        )
        self.assert_near(report.seconds("sorting", "key", "burn"), 0.16)
        self.assert_near(report.seconds("reducing", "burn"), 0.14)
        self.assertGreater(report.seconds("quicksorting", "compare", "burn"), 0.05)

    def test_exceptions(self):
        report = self.python(
            "from burner import burn\n"
            "def thrower():\n  try:\n    raise ValueError\n  finally:\n    burn(0.15)\n"
            "def catcher():\n  try:\n    thrower()\n  except ValueError:\n    burn(0.1)\ncatcher()\n"
        )
        self.assert_near(report.seconds("catcher", "thrower", "burn"), 0.15)
        self.assert_near(report.seconds("catcher", "burn"), 0.25)

    def test_recursion_of_10000_frames(self):
        report = self.python(
            "import sys, threading\nfrom burner import burn\nsys.setrecursionlimit(20000)\n"
            "def deep(n):\n  return deep(n - 1) if n else burn(0.3)\n"
            "threading.stack_size(512 << 20)\nt = threading.Thread(target=deep, args=(10000,))\nt.start(); t.join()\n",
            env={"FIL_PERF_SPY_RATE": "100"},  # a walk takes 0.2 ms of the burn
        )
        self.assert_near(report.seconds("deep", "burn"), 0.3)
        depth = max(sum(f.startswith("deep") for f in s["stack"]) for s in report.samples)
        truncated = report.json["losses"]["walk_truncated"]
        self.assertTrue(depth >= 10000 or (truncated and depth > 100), (depth, truncated))

    def test_threads_by_name_and_share(self):
        report = self.python(
            "import threading\nfrom burner import burn\n"
            "def a(): burn(0.1)\ndef b(): burn(0.3)\n"
            "ts = [threading.Thread(target=f) for f in (a, b)]\n[t.start() for t in ts]\n[t.join() for t in ts]\n"
        )
        self.assert_near(report.seconds("a ("), 0.1, by=0.4)
        self.assert_near(report.seconds("b ("), 0.3)
        self.assertEqual(len(report.json["threads"]), 3)

    def test_sub_interpreters(self):
        self.write(
            "inner.py",
            "import sys; sys.path.insert(0, '.')\nfrom burner import burn\n"
            "def inside(): burn(0.2)\ninside()\n",
        )
        report = self.python(
            "try:\n  import _interpreters as i\n"
            "except ImportError:\n  import _xxsubinterpreters as i\n"
            "new = i.create()\n"
            "i.run_string(new, open('inner.py').read())\n"
            "from burner import burn\ndef outside(): burn(0.1)\noutside()\n"
        )
        self.assert_near(report.seconds("inside (", "burn"), 0.2)
        self.assert_near(report.seconds("outside", "burn"), 0.1)

    def test_exit_ways_keep_the_report(self):
        for end, status in (("sys.exit(3)", 3), ("os._exit(4)", 4), ("raise ValueError", 1), ("os.kill(os.getpid(), 15)", -15)):
            with self.subTest(end=end):
                report = self.python("import os, sys\nfrom burner import burn\nburn(0.1)\n%s\n" % end, status=status, plain=True)
                self.assert_near(report.seconds("burn"), 0.1, by=0.4)


class Gil(Recorded):
    PROGRAM = """
import hashlib, sys
from burner import burn
def holding():
    burn(0.3)
def releasing():
    data = bytes(60000000)
    hashlib.sha256(data).digest()
    hashlib.sha256(data).digest()
holding(); releasing()
"""

    def test_share_that_held_the_gil(self):
        report = self.python(self.PROGRAM, env={"FIL_PERF_SPY_OUTPUT": "json,svg"})
        by_name = {k.split(" ")[0]: v for k, v in report.json["functions"].items()}
        self.assertGreater(by_name["holding"]["gil_share"], 0.95)
        self.assertLess(by_name["releasing"]["gil_share"], 0.5)
        main_thread = report.json["threads"][0]
        self.assertTrue(0.2 < main_thread["gil_share"] < 1, main_thread)
        svg = self.read("outputs", "perf", "program-pyspy.svg")
        self.assertRegex(svg, r"<title>holding \(program.py:5\) \(\d+ samples, [0-9.]+%, GIL \d+%\)</title>")
        top = self.filperf("top", "-i", self.output("program.filperf"))
        self.assertRegex(top.stdout, r"GIL")

    def test_gil_1_keeps_only_those(self):
        report = self.python(self.PROGRAM, options=["-g"])
        self.assert_near(report.seconds("holding"), 0.3)
        everything = self.python(self.PROGRAM)
        self.assertLess(report.seconds("releasing"), 0.6 * everything.seconds("releasing"))


if __name__ == "__main__":
    main()
