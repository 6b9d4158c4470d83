# SPDX-License-Identifier: Apache-2.0
"""Each format against what reads it in the world.  pstats is always there;
what is missing is a printed SKIP.  npm packages are looked for in
$FP_BUILD/npm and fetched there once when npm is present.
"""
import gzip
import json
import os
import pstats
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

BUILD = os.environ["FP_BUILD"]
FORMATS = {"svg": ".svg", "raw": ".raw", "speedscope": ".speedscope.json", "json": ".json",
           "prof": ".prof", "pprof": ".pb.gz", "firefox": ".firefox.json.gz",
           "chrometrace": ".chrometrace.json"}
FAILED = []


def check(what, ok, detail=""):
    print(f"{'ok  ' if ok else 'FAIL'} {what} {'' if ok else detail}")
    if not ok:
        FAILED.append(what)


def skip(what, why):
    print(f"SKIP {what}: {why}")


def run(*args, **kw):
    return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)


def npm_folder():
    folder = os.path.join(BUILD, "npm")
    wanted = ["speedscope", "@firefox-devtools/profiler-cli"]
    if all(os.path.isdir(os.path.join(folder, "node_modules", w)) for w in wanted):
        return folder
    if not shutil.which("npm"):
        return None
    os.makedirs(folder, exist_ok=True)
    try:
        run("npm", "install", "--no-fund", "--no-audit", "--prefix", folder, *wanted, timeout=180)
    except subprocess.TimeoutExpired:
        return None
    return folder if os.path.isdir(os.path.join(folder, "node_modules", wanted[0])) else None


def tool(name):
    """A program on the path, beside this python, or in a venv named by FP_PEERS."""
    for place in (None, os.path.dirname(sys.executable), os.environ.get("FP_PEERS", "") + "/bin"):
        found = shutil.which(name, path=place)
        if found:
            return found
    return None


def svg(path):
    root = ET.parse(path).getroot()
    frames = [e for e in root.iter() if e.get("id") == "frames"][0]
    total = int(frames.get("total_samples"))
    fg = "{http://github.com/jonhoo/inferno}"
    rows = {}
    for rect in frames.iter("{http://www.w3.org/2000/svg}rect"):
        rows.setdefault(int(rect.get("y")), []).append((int(rect.get(fg + "x")), int(rect.get(fg + "w"))))
    first = min(rows)
    check(f"svg: the root is as wide as the total ({total})", rows[first] == [(0, total)], rows[first])
    for y, row in rows.items():
        row.sort()
        check(f"svg: frames of row {y} do not overlap",
              all(a[0] + a[1] <= b[0] for a, b in zip(row, row[1:])), row)
        check(f"svg: row {y} lies within the total", sum(w for _, w in row) <= total, row)
    if tool("xmllint"):
        r = run("xmllint", "--noout", "--nonet", path)
        check("svg: xmllint", r.returncode == 0, r.stdout[:300])
    else:
        skip("xmllint", "not installed (libxml2-utils)")


def raw(path, total):
    lines = open(path, encoding="utf-8").read().splitlines()
    check("raw: every line ends in a count", all(re.fullmatch(r".+ \d+", x) for x in lines), lines)
    check("raw: sum is the graph's total", sum(int(x.rsplit(" ", 1)[1]) for x in lines) == total)
    check("raw: no control characters", not any(ord(c) < 32 for x in lines for c in x))


def speedscope(path, npm):
    d = json.load(open(path, encoding="utf-8"))
    for p in d["profiles"]:
        check(f"speedscope: {p['name']!r} as many weights as samples",
              len(p["samples"]) == len(p["weights"]))
        check("speedscope: endValue is the sum", p["endValue"] == sum(p["weights"]))
        check("speedscope: frames exist", all(
            0 <= f < len(d["shared"]["frames"]) for s in p["samples"] for f in s))
    schema = npm and os.path.join(npm, "node_modules/speedscope/dist/release/file-format-schema.json")
    if not schema or not os.path.exists(schema):
        skip("speedscope schema", "npm package speedscope cannot be had")
        return
    try:
        import jsonschema
    except ImportError:
        python = tool("python3.12") or tool("python3")
        code = ("import json,sys,jsonschema;jsonschema.validate(json.load(open(sys.argv[1])),"
                "json.load(open(sys.argv[2])))")
        r = run(python, "-c", code, path, schema)
        if "No module named" in r.stdout:
            skip("speedscope schema", "python3-jsonschema is not installed")
        else:
            check("speedscope: official schema", r.returncode == 0, r.stdout[-500:])
        return
    try:
        jsonschema.validate(d, json.load(open(schema)))
        check("speedscope: official schema", True)
    except jsonschema.ValidationError as e:
        check("speedscope: official schema", False, str(e)[:500])


def own_json(path, total):
    d = json.load(open(path, encoding="utf-8"))
    check("json: keys", {"process_name", "samples", "functions"} <= set(d), list(d))
    if d["samples"]:
        check("json: samples", {"thread_id", "stack", "timestamp"} <= set(d["samples"][0]))
    for name, f in d["functions"].items():
        check(f"json: {name!r}", {"samples", "time"} <= set(f) and f["self_time"] <= f["time"])
    threads = sum(t["time"] for t in d["threads"])
    check("json: the threads' time is the CPU time", abs(threads - d["cpu_time"]) < 1e-6)
    check("json: self samples add up", abs(sum(
        f["self_samples"] for f in d["functions"].values()) - total) <= len(d["functions"]))


def prof(path):
    s = pstats.Stats(path, stream=open(os.devnull, "w"))
    s.sort_stats("cumulative").print_stats().print_callers().print_callees()
    check("prof: pstats", s.total_calls >= 0)
    for key, (cc, nc, tt, ct, callers) in s.stats.items():
        check(f"prof: {key} own time within its total", tt <= ct + 1e-9 and cc <= nc)
        check(f"prof: {key} no caller gave more than there is", all(
            c[3] <= ct + 1e-9 for c in callers.values()))
    for name, args in (("gprof2dot", ["-f", "pstats", path]), ("snakeviz", ["--version"])):
        if not tool(name):
            skip(f"prof: {name}", "not installed (set FP_PEERS to a venv)")
            continue
        r = run(tool(name), *args)
        check(f"prof: {name}", r.returncode == 0, r.stdout[-300:])
    if tool("snakeviz"):
        code = ("import sys,pstats;from snakeviz.stats import table_rows,json_stats;"
                "s=pstats.Stats(sys.argv[1]);table_rows(s);json_stats(s)")
        r = run(os.path.join(os.path.dirname(tool("snakeviz")), "python"), "-c", code, path)
        check("prof: snakeviz reads it", r.returncode == 0, r.stdout[-300:])


def pprof(path):
    if not tool("go"):
        skip("pprof", "go is not installed")
        return
    with tempfile.TemporaryDirectory() as home:
        env = dict(os.environ, HOME=home, PPROF_TMPDIR=home, GOFLAGS="-mod=mod")
        for args in (["-top"], ["-tags"], ["-raw"], ["-top", "-lines", "-sample_index=gil_cpu"]):
            r = run("go", "tool", "pprof", *args, path, env=env)
            check(f"pprof: go tool pprof {' '.join(args)}", r.returncode == 0, r.stdout[-300:])


def firefox(path, npm):
    d = json.loads(gzip.open(path, "rt", encoding="utf-8").read())
    for t in d["threads"]:
        s = t["samples"]
        check("firefox: columns are equally long", len({
            s["length"], *(len(s[k]) for k in ("stack", "timeDeltas", "weight", "threadCPUDelta"))}) == 1)
    cli = npm and os.path.join(npm, "node_modules/.bin/profiler-cli")
    if not cli or not os.path.exists(cli) or not shutil.which("node"):
        skip("firefox loader", "npm package @firefox-devtools/profiler-cli cannot be had")
        return
    env = dict(os.environ, HOME=os.path.dirname(path))
    r = run(cli, "load", path, env=env, timeout=120)
    check("firefox: profiler-cli load", r.returncode == 0 and "rror" not in r.stdout, r.stdout[-400:])
    r = run(cli, "thread", "samples-top-down", env=env, timeout=120)
    check("firefox: call tree", r.returncode == 0 and "<module>" in r.stdout, r.stdout[-400:])
    run(cli, "stop", env=env, timeout=60)


def chrometrace(path):
    d = json.load(open(path, encoding="utf-8"))
    depth, last = {}, {}
    ok = True
    for e in d["traceEvents"]:
        where = (e["pid"], e["tid"])
        if e["ph"] == "M":
            continue
        depth[where] = depth.get(where, 0) + (1 if e["ph"] == "B" else -1)
        ok = ok and depth[where] >= 0 and e["ts"] >= last.get(where, 0)
        last[where] = e["ts"]
    check("chrometrace: begins and ends balance, times do not fall back",
          ok and not any(depth.values()), depth)


def main():
    npm = npm_folder()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([BUILD + "/tests/make_captures", folder + "/c"], check=True)
        paths = {}
        for fmt, suffix in FORMATS.items():
            paths[fmt] = f"{folder}/run{suffix}"
            with open(paths[fmt], "wb") as out:
                subprocess.run([BUILD + "/tests/render_one", folder + "/c/run", fmt], stdout=out,
                               check=True)
        total = int(re.search(r'total_samples="(\d+)"', open(paths["svg"]).read()).group(1))
        svg(paths["svg"])
        raw(paths["raw"], total)
        speedscope(paths["speedscope"], npm)
        own_json(paths["json"], total)
        prof(paths["prof"])
        pprof(paths["pprof"])
        firefox(paths["firefox"], npm)
        chrometrace(paths["chrometrace"])
        for fmt in ("json", "raw"):
            back = subprocess.run([BUILD + "/tests/render_one", paths[fmt], "raw"],
                                  stdout=subprocess.PIPE, check=True, text=True).stdout
            check(f"{fmt}: reading it back keeps the sum",
                  sum(int(x.rsplit(" ", 1)[1]) for x in back.splitlines()) == total, back)
    return 1 if FAILED else 0


sys.exit(main())
