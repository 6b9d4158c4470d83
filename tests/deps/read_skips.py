#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Skipped tests of a ctest run: read_skips.py BUILD_DIRECTORY RESULTS.xml

Prints each with the reason it gave, and the parts that other tests left out;
status 1 when all tests of a label skipped, for then that suite has shown nothing.
"""

import json
import subprocess
import sys
import xml.etree.ElementTree


def labels_by_test(build):
    """{test name: [label, …]} as ctest knows them."""
    shown = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], check=True, capture_output=True)
    labels = {}
    for test in json.loads(shown.stdout)["tests"]:
        properties = {p["name"]: p["value"] for p in test.get("properties", [])}
        labels[test["name"]] = properties.get("LABELS", [])
    return labels


def skip_lines(case):
    """The lines of the test's output that begin with SKIP, none twice."""
    output = "\n".join(part.text or "" for part in case.iter("system-out"))
    return list(dict.fromkeys(line.strip() for line in output.splitlines() if line.lstrip().startswith("SKIP")))


def main(build, results):
    skipped, parts, ran = {}, {}, set()
    for case in xml.etree.ElementTree.parse(results).getroot().iter("testcase"):
        if case.find("skipped") is not None or case.get("status") == "notrun":
            skipped[case.get("name")] = (skip_lines(case) or ["no reason printed"])[-1:]
        elif case.get("status") != "disabled":
            ran.add(case.get("name"))
            parts[case.get("name")] = skip_lines(case)
    for title, found in (("Skipped:", skipped), ("Parts of tests that were skipped:", parts)):
        lines = [f"  {name}: {reason}" for name, reasons in sorted(found.items()) for reason in reasons]
        if lines:
            print(f"\n{title}", *lines, sep="\n")
    counts = {}
    for name, labels in labels_by_test(build).items():
        for label in labels:
            total, shown = counts.get(label, (0, 0))
            counts[label] = (total + (name in skipped or name in ran), shown + (name in ran))
    empty = sorted(label for label, (total, shown) in counts.items() if total and not shown)
    for label in empty:
        print(f"FAILED: every test of the suite '{label}' skipped")
    return 1 if empty else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.splitlines()[0])
    sys.exit(main(sys.argv[1], sys.argv[2]))
