# SPDX-License-Identifier: Apache-2.0
"""From runs to figures: medians, intervals, tables.  Pure, but for now()."""

import random
import statistics
import time

RESAMPLES = 4000
MEASURES = ("main_cpu", "main_wall", "cpu", "wall")


def now():
    return time.perf_counter()


def median(values):
    return statistics.median(values)


def interval(values):
    """Median of values with its bootstrap 95 % interval: (median, low, high)."""
    chooser = random.Random(20260101)
    medians = sorted(median(chooser.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return median(values), medians[int(RESAMPLES * 0.025)], medians[int(RESAMPLES * 0.975) - 1]


def compare(pairs):
    """Ratios profiled / plain for each measure that all runs have."""
    ratios = {}
    for measure in MEASURES:
        if all(measure in run for pair in pairs for run in pair):
            ratios[measure] = interval([profiled[measure] / plain[measure] for plain, profiled in pairs])
    grown = [profiled["peak_kb"] - plain["peak_kb"] for plain, profiled in pairs]
    return {"ratios": ratios, "plain_s": median([p.get("main_cpu", p["cpu"]) for p, _ in pairs]), "peak_kb": median(grown)}


def differences(pairs):
    """Milliseconds added, CPU and wall."""
    return {
        measure + "_ms": interval([1000 * (profiled[measure] - plain[measure]) for plain, profiled in pairs])
        for measure in ("cpu", "wall")
    }


def ratio_text(ratio):
    return "{:.3f} ({:.3f} to {:.3f})".format(*ratio) if ratio else "not measured"


def bound_text(bound, value):
    if bound is None:
        return ""
    return f"{bound:g}: " + ("kept" if value <= bound else "missed")


def workload_lines(rows, bounds):
    yield "| workload | profiler | CPU, main part | wall, main part | CPU, whole | wall, whole | peak memory | bound of CPU |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows:
        if "error" in row:
            yield f"| {row['workload']} | {row['profiler']} | failed: {row['error']} | | | | | |"
            continue
        ratios, bound, value = row["ratios"], None, 0.0
        is_bounded = row["profiler"].startswith("filperf") and row["profiler"].endswith(" Hz")
        if is_bounded and row["workload"] in bounds["main"] and "main_cpu" in ratios:
            bound = bounds["main"][row["workload"]][0 if "100 Hz" in row["profiler"] else 1]
            value = ratios["main_cpu"][2]
        cells = [ratio_text(ratios.get(measure)) for measure in MEASURES]
        yield "| {} ({:.2f} s) | {} | {} | {:+.1f} MB | {} |".format(
            row["workload"], row["plain_s"], row["profiler"], " | ".join(cells), row["peak_kb"] / 1024,
            bound_text(bound, value))


def startup_lines(rows, bounds):
    yield "| start-up of | CPU added, ms | wall added, ms | bound of CPU |"
    yield "|---|---|---|---|"
    for row in rows:
        cells = ["{:.2f} ({:.2f} to {:.2f})".format(*row[m]) for m in ("cpu_ms", "wall_ms")]
        bound = bounds["startup_ms"].get(row["program"])
        yield f"| {row['program']} | {cells[0]} | {cells[1]} | {bound_text(bound, row['cpu_ms'][2])} |"


def rendering_lines(rows, bounds):
    yield "| reports of | wall, s | CPU, s | peak memory, MB | bound of wall |"
    yield "|---|---|---|---|---|"
    for row in rows:
        if "error" in row:
            yield f"| {row['workload']} | {row['error']} | | | |"
            continue
        yield "| {} | {:.3f} | {:.3f} | {:.1f} | {} |".format(
            row["workload"], row["wall"], row["cpu"], row["peak_kb"] / 1024, bound_text(row.get("bound_s", bounds["render_s"]), row["wall"]))


def table(measured, bounds):
    """The whole section as markdown."""
    at = measured["machine"]
    lines = [
        f"Commit {at['commit']}, {at['date']}, {at['cpus']} x {at['cpu']}, Linux {at['kernel']}, load {at['load']:.2f} at the start.",
        "Ratios to the same command without a profiler: median of the pairs, 95 % bootstrap interval.",
        "",
    ]
    for rows, make in ((measured["workloads"], workload_lines), (measured["startup"], startup_lines),
                       (measured["rendering"], rendering_lines)):
        if rows:
            lines += [*make(rows, bounds), ""]
    for row in measured["workloads"]:
        bound = bounds["whole"].get(row["workload"])
        if bound and row["profiler"] == "filperf 100 Hz" and "ratios" in row:
            ratio = row["ratios"]["cpu"]
            lines += [f"Whole {row['workload']} run at 100 Hz: CPU {ratio_text(ratio)}, bound {bound_text(bound, ratio[2])}.", ""]
    return "\n".join(lines)


def write_into(path, text, name="figures"):
    """Replaces what stands between two markers of a document."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    document = path.read_text(encoding="utf-8")
    if begin not in document or end not in document:
        raise SystemExit(f"{path}: the markers {begin} and {end} are not both there")
    before, rest = document.split(begin, 1)
    after = rest.split(end, 1)[1]
    path.write_text(f"{before}{begin}\n{text}{end}{after}", encoding="utf-8")
