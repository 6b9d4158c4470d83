# SPDX-License-Identifier: Apache-2.0
"""Options, environment, pyproject.toml; filperf config and its models."""

import json
import os
import subprocess
import sys

import support
from support import PYTHON, Case


def python_with_pydantic():
    places = [os.environ.get("FP_DEPS", ""), os.path.join(support.SOURCE, "build", "deps")]
    for python in [os.path.join(p, "filare", "bin", "python") for p in places if p] + [PYTHON]:
        if os.path.exists(python) and not subprocess.call(
            [python, "-c", "import pydantic_settings, tomllib"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ):
            return python
    return None


class Precedence(Case):
    def config(self, *arguments, **more):
        r = self.filperf("config", *arguments, **more)
        self.assertEqual(r.returncode, 0, r.stderr)
        return {line.split()[0]: line.split(None, 3)[1:] for line in r.stdout.splitlines()}

    def test_each_place_and_its_rank(self):
        self.write("pyproject.toml", '[tool.filperf]\noutput_dir = "from/toml"\n[tool.filperf.spy]\nrate = 1\nnative = true\n'
                   'output = ["svg", "raw"]\n')
        env = {"FIL_PERF_SPY_RATE": "2", "FIL_PERF_SPY_GIL": "on"}
        c = self.config(env=env)
        toml = ["pyproject", os.path.join(self.work, "pyproject.toml")]
        self.assertEqual(c["FIL_PERF_OUTPUT_DIR"], ["from/toml"] + toml)
        self.assertEqual(c["FIL_PERF_SPY_NATIVE"], ["true"] + toml)
        self.assertEqual(c["FIL_PERF_SPY_OUTPUT"], ["svg,raw"] + toml)
        self.assertEqual(c["FIL_PERF_SPY_RATE"], ["2", "environment"])
        self.assertEqual(c["FIL_PERF_SPY_GIL"], ["on", "environment"])
        self.assertEqual(c["FIL_PERF_SPY_LINENO"], ["1", "default"])
        c = self.config("--spy-rate", "3", "--spy-gil=0", env=env)
        self.assertEqual(c["FIL_PERF_SPY_RATE"], ["3", "option"])
        self.assertEqual(c["FIL_PERF_SPY_GIL"], ["0", "option"])

    def test_pyproject_of_a_parent(self):
        self.write("pyproject.toml", "[tool.filperf.spy]\nrate = 7\n")
        below = os.path.join(self.work, "a", "b")
        os.makedirs(below)
        self.assertEqual(self.config(cwd=below)["FIL_PERF_SPY_RATE"][0], "7")
        self.write("a/pyproject.toml", "[project]\nname = 'x'\n")
        self.assertEqual(self.config(cwd=below)["FIL_PERF_SPY_RATE"], ["100", "default"])

    def test_the_command_sees_the_result(self):
        self.write("pyproject.toml", "[tool.filperf.spy]\nrate = 7\nnative = true\n")
        code = "import json, os; print(json.dumps({k: v for k, v in os.environ.items() if k.startswith('FIL_PERF_')}))"
        r = self.filperf("run", "--quiet", "--spy-threads", "--", PYTHON, "-c", code, env={"FIL_PERF_SPY_RATE": "9"})
        seen = json.loads(r.stdout)
        self.assertEqual(seen["FIL_PERF_SPY_RATE"], "9")
        self.assertEqual(seen["FIL_PERF_SPY_NATIVE"], "true")
        self.assertEqual(seen["FIL_PERF_SPY_THREADS"], "1")
        self.assertEqual(seen["FIL_PERF_QUIET"], "1")

    def test_alias(self):
        self.assertEqual(self.config(env={"FIL_PERF_ENABLE_PYSPY": "0"})["FIL_PERF_SPY_ENABLED"], ["0", "environment"])
        both = {"FIL_PERF_ENABLE_PYSPY": "0", "FIL_PERF_SPY_ENABLED": "1"}
        self.assertEqual(self.config(env=both)["FIL_PERF_SPY_ENABLED"], ["1", "environment"])

    def test_aliases_of_the_other_parts(self):
        for alias, name in (("MEMRAY", "FIL_PERF_MEMRAY_ENABLED"), ("SCALENE", "FIL_PERF_SCALENE_ENABLED")):
            alias = "FIL_PERF_ENABLE_" + alias
            self.assertEqual(self.config(env={alias: "0"})[name], ["0", "environment"])
            self.assertEqual(self.config(env={alias: "0", name: "1"})[name], ["1", "environment"])

    def test_a_part_by_name_leaves_the_others_out(self):
        follows = ["follows", "FIL_PERF_MEMRAY_ENABLED"]
        c = self.config("--memray-enabled")
        self.assertEqual(c["FIL_PERF_MEMRAY_ENABLED"], ["1", "option"])
        self.assertEqual(c["FIL_PERF_SPY_ENABLED"], ["0"] + follows)
        self.assertEqual(c["FIL_PERF_SCALENE_ENABLED"], ["0"] + follows)
        self.assertEqual(c["FIL_PERF_MEMRAY_EXACT"], ["1"] + follows)
        c = self.config("--memray-enabled", "--memray-exact=0", env={"FIL_PERF_ENABLE_PYSPY": "1"})
        self.assertEqual(c["FIL_PERF_SPY_ENABLED"], ["1", "environment"])
        self.assertEqual(c["FIL_PERF_MEMRAY_EXACT"], ["0", "option"])
        c = self.config(env={"FIL_PERF_ENABLE_MEMRAY": "0"})
        for name in ("SPY", "SCALENE"):
            self.assertEqual(c["FIL_PERF_%s_ENABLED" % name], ["1", "default"])
        self.assertEqual(c["FIL_PERF_MEMRAY_EXACT"], ["0", "default"])
        c = self.config("--spy-rate", "250")
        self.assertEqual(c["FIL_PERF_SCALENE_CPU_RATE"], ["0.004", "follows", "FIL_PERF_SPY_RATE"])

    def test_exact_is_an_option_of_run(self):
        code = "import os; print(os.environ['FIL_PERF_MEMRAY_EXACT'], os.environ['FIL_PERF_SPY_ENABLED'])"
        r = self.filperf("run", "--quiet", "--exact", "--", PYTHON, "-c", code)
        self.assertEqual((r.returncode, r.stdout), (0, "1 1\n"), r.stderr)

    def test_settings_reach_the_report(self):
        self.write("pyproject.toml", '[tool.filperf]\nrun_label = "lbl"\n[tool.filperf.spy]\noutput = "raw"\nlineno = false\n')
        r = self.filperf("run", "--", PYTHON, "burn.py")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertRegex(self.read("outputs/perf/lbl-pyspy.raw"), r"burn \(burn\.py\) \d+")
        self.assertFalse(os.path.exists(self.output("lbl-pyspy.svg")))


class BadValues(Case):
    def stops(self, *arguments, words, env=None):
        r = self.filperf("run", *arguments, "--", "echo", "ran", env=env)
        self.assertEqual((r.returncode, r.stdout), (2, ""), r.stderr)
        self.one_line(r.stderr, *words)
        self.assertEqual(self.runs(), [])

    def test_one_line_names_all(self):
        self.stops(env={"FIL_PERF_SPY_RATE": "fast"}, words=("FIL_PERF_SPY_RATE=fast", "1..10000"))
        self.stops(env={"FIL_PERF_SPY_OUTPUT": "svg,gif"}, words=("FIL_PERF_SPY_OUTPUT=svg,gif", "speedscope"))
        self.stops(env={"FIL_PERF_QUIET": "maybe"}, words=("FIL_PERF_QUIET=maybe", "true/false"))
        self.stops(env={"FIL_PERF_MEMRAY_FORMAT": "bin,png"}, words=("FIL_PERF_MEMRAY_FORMAT=bin,png", "html, flamegraph, table"))
        self.stops(env={"FIL_PERF_SCALENE_CPU_RATE": "0"}, words=("FIL_PERF_SCALENE_CPU_RATE=0", "0.0001..10"))
        self.stops("--memray-sample-bytes=1", words=("--memray-sample-bytes=1", "1024..1073741824"))
        self.stops("--spy-rate", "0", words=("--spy-rate=0", "1..10000"))
        self.stops("-r", "x", words=("-r=x",))
        self.stops("--spy-duration=-1", words=("--spy-duration=-1",))
        self.stops("--run-label", "x" * 600, words=("--run-label=", "511"))
        self.write("pyproject.toml", "\n[tool.filperf]\nquiet = 7\n")
        self.stops(words=("pyproject.toml:3: tool.filperf.quiet=7",))
        self.write("pyproject.toml", "[tool.filperf]\nx = \n")
        self.stops(words=("pyproject.toml:2: ",))

    def test_wrong_options(self):
        self.stops("--spy-raet=3", words=("--spy-raet", "--spy-rate"))
        self.stops("-X", words=("-X", "--help"))
        r = self.filperf("run", "--spy-rate")
        self.assertEqual(r.returncode, 2)
        self.one_line(r.stderr, "--spy-rate")
        for arguments in (("nonsense",), ("top", "a", "b"), ("ps", "x"), ("run",), ("convert",), ("top", "--sort", "x")):
            r = self.filperf(*arguments)
            self.assertEqual(r.returncode, 2, arguments)
            self.one_line(r.stderr)
        self.assertEqual(self.filperf().returncode, 2)

    def test_unknown_name_is_said_and_the_run_goes_on(self):
        r = self.filperf("run", "--quiet", "--", "echo", "ran", env={"FIL_PERF_SPY_RAET": "1"})
        self.assertEqual((r.returncode, r.stdout), (0, "ran\n"))
        self.assertIn("FIL_PERF_SPY_RAET", r.stderr)
        self.assertIn("FIL_PERF_SPY_RATE", r.stderr)


class Models(Case):
    def test_models_are_the_table(self):
        python = python_with_pydantic()
        if not python:
            self.skipTest("no Python with pydantic-settings")
        r = self.filperf("config", "--pydantic")
        self.write("models.py", r.stdout)
        self.write("pyproject.toml", "[tool.filperf]\nquiet = true\n[tool.filperf.spy]\nrate = 33\nnative = true\n")
        code = (
            "import json, sys; sys.path.insert(0, '.'); import models\n"
            "out = {}\n"
            "for m in (models.PerformanceSettings(), models.PySpySettings(rate=5), models.MemraySettings(), models.ScaleneSettings()):\n"
            "    for name, field in type(m).model_fields.items():\n"
            "        out[field.validation_alias.choices[0]] = getattr(m, name)\n"
            "bad = []\n"
            "for kw in ({'cpu_rate': 0},):\n"
            "    try: models.ScaleneSettings(**kw)\n"
            "    except Exception: bad.append(next(iter(kw)))\n"
            "for kw in ({'sample_bytes': 1}, {'format': 'svg'}):\n"
            "    try: models.MemraySettings(**kw)\n"
            "    except Exception: bad.append(next(iter(kw)))\n"
            "for kw in ({'rate': 0}, {'rate': 10001}, {'output': 'gif'}, {'pid': '1'}, {'duration': -1}, {'gil': 'x'}):\n"
            "    try: models.PySpySettings(**kw)\n"
            "    except Exception: bad.append(next(iter(kw)))\n"
            "print(json.dumps([out, bad], default=str))\n"
        )
        r = self.call(python, "-c", code, env={"FIL_PERF_SPY_NATIVE": "0", "FIL_PERF_SPY_OUTPUT": "svg, Raw",
                                              "FIL_PERF_ENABLE_MEMRAY": "yes"})
        self.assertEqual(r.returncode, 0, r.stderr)
        values, bad = json.loads(r.stdout)
        self.assertEqual(bad, ["cpu_rate", "sample_bytes", "format", "rate", "rate", "output", "pid", "duration", "gil"])
        names = [line.split()[0] for line in self.filperf("config").stdout.splitlines()]
        self.assertEqual(sorted(values), sorted(names))
        self.assertEqual(values["FIL_PERF_QUIET"], True)
        self.assertEqual(values["FIL_PERF_SPY_RATE"], 5)
        self.assertEqual(values["FIL_PERF_SPY_NATIVE"], False)
        self.assertEqual(values["FIL_PERF_OUTPUT_DIR"], "outputs/perf")
        self.assertEqual(values["FIL_PERF_MAX_CAPTURE_MB"], 512)
        self.assertEqual(values["FIL_PERF_MEMRAY_ENABLED"], True)
        self.assertIsNone(values["FIL_PERF_MEMRAY_EXACT"])
        self.assertIsNone(values["FIL_PERF_MEMRAY_OUTPUT"])
        self.assertEqual(values["FIL_PERF_SCALENE_CPU_RATE"], 0.01)

    def test_models_are_python(self):
        r = self.filperf("config", "--pydantic")
        compile(r.stdout, "models.py", "exec")


if __name__ == "__main__":
    support.main()
