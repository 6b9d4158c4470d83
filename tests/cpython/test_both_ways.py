# SPDX-License-Identifier: Apache-2.0
"""What both_ways.py decides about tests that differ, are flaky or end their process."""
import contextlib
import io
import sys

from both_ways import Comparison, Run

FAILED = []


class Scripted:
    """Runs one after the other, by side; the last one goes on."""

    def __init__(self, plain, loaded):
        self.left = {False: list(plain), True: list(loaded)}

    def match(self, names):
        return names

    def run(self, part, preload, match=()):
        runs = self.left[preload]
        said = runs.pop(0) if len(runs) > 1 else runs[0]
        if said.startswith("died in "):
            return Run({}, False, said[8:], "")
        outcomes = {"a": "completed", "b": said}
        return Run({k: v for k, v in outcomes.items() if not match or k in match}, True, None, "")


def check(what, plain, loaded, wanted):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        found = [name for name, *_ in Comparison(Scripted(plain, loaded), "part", [("accepted", "")]).look()]
    ok = found == wanted
    print(f"{'ok  ' if ok else 'FAIL'} {what}{'' if ok else f': {found}, wanted {wanted}'}")
    if not ok:
        FAILED.append(what)
        print(printed.getvalue())


def main():
    good, bad = "completed", "failure"
    check("the same", [good], [good], [])
    check("the same failure", [bad], [bad], [])
    check("another outcome each time", [good], [bad], ["b"])
    check("a failure that only goes away with us", [bad], [good], ["b"])
    check("once of five", [good], [bad, good], [])
    check("three times of five, and never without", [good], [bad, good, bad, good, bad, good], ["b"])
    check("flaky without us too", [bad, good], [good], [])
    check("flaky both ways", [good, bad, good], [bad, good, bad, bad, good], [])
    check("the process ended once, without us", ["died in b", good], [good], [])
    check("the process ended once, with us", [good], ["died in b", good], [])
    check("the process ends whenever the test runs with us", [good], ["died in b", good, "died in b"], ["b"])
    check("the process never gets to its end with us", [good], ["died in b"], ["part"])
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
