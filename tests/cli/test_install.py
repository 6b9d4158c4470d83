#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cmake --install into a prefix, which can be moved: filperf and its agent find
each other, pages and completions lie where programs look for them."""

import os
import shutil

from support import Case, PYTHON, SOURCE, main, skip

BUILD = os.environ["FP_BUILD"]


class Installed(Case):
    def test_prefix_that_moves(self):
        first, second = os.path.join(self.dir, "first"), os.path.join(self.dir, "second")
        result = self.call("cmake", "--install", BUILD, "--prefix", first)
        self.assertEqual(result.returncode, 0, result.stderr)
        os.rename(first, second)
        files = {os.path.relpath(os.path.join(path, name), second) for path, _, names in os.walk(second) for name in names}
        ends = (
            "bin/filperf", "libfilperf_agent.so", "man/man1/filperf.1", "man/man1/filperf-run.1",
            "bash-completion/completions/filperf", "zsh/site-functions/_filperf",
            "fish/vendor_completions.d/filperf.fish", "LICENSE",
        )
        for end in ends:
            self.assertTrue([f for f in files if f.endswith(end)], (end, sorted(files)))
        filperf = os.path.join(second, "bin", "filperf")
        agent = next(os.path.join(second, f) for f in files if f.endswith("libfilperf_agent.so"))
        result = self.call(filperf, "run", "--quiet", "--run-label", "one", "--", PYTHON, "burn.py")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "begin\nend\n", ""))
        result = self.call(PYTHON, "burn.py", env={"LD_PRELOAD": agent})
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "begin\nend\n", ""))
        for label in ("one", "burn"):
            self.assertTrue(os.path.getsize(self.output(label + "-pyspy.svg")), label)

        # a blank would split LD_PRELOAD
        blank = os.path.join(self.dir, "third place")
        os.rename(second, blank)
        result = self.call(os.path.join(blank, "bin", "filperf"), "run", "--", PYTHON, "burn.py")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.one_line(result.stderr, "blank", "install filperf elsewhere")

    def test_missing_packages_are_named(self):
        result = self.call("cmake", "-S", SOURCE, "-B", "here", "-DCMAKE_IGNORE_PATH=/usr/include")
        self.assertNotEqual(result.returncode, 0)
        said = " ".join(result.stderr.split())
        self.assertRegex(said, r"sudo apt-get install( [a-z0-9-]+)* libcjson-dev( [a-z0-9-]+)* and run cmake again")


if __name__ == "__main__":
    if not shutil.which("cmake"):
        skip("no cmake")
    main()
