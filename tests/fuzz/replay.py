# SPDX-License-Identifier: Apache-2.0
"""Replays the corpus, and known captures and reports damaged in many ways."""
import glob
import os
import subprocess
import sys
import tempfile

BUILD = os.environ["FP_BUILD"]
CORPUS = os.path.join(os.environ["FP_SOURCE"], "tests", "fuzz", "corpus")

with tempfile.TemporaryDirectory() as folder:
    subprocess.run([BUILD + "/tests/make_captures", folder], check=True)
    files = glob.glob(folder + "/*/*.fpc")
    for fmt in ("raw", "json", "prof"):
        path = f"{folder}/report.{fmt}"
        with open(path, "wb") as out:
            subprocess.run([BUILD + "/tests/render_one", folder + "/run", fmt], stdout=out, check=True)
        files.append(path)
    corpus = sorted(glob.glob(CORPUS + "/*"))
    if not corpus:
        sys.exit("the corpus is missing")
    r1 = subprocess.run([BUILD + "/tests/fuzz_input", "0", *corpus]).returncode
    r2 = subprocess.run([BUILD + "/tests/fuzz_input", sys.argv[1] if len(sys.argv) > 1 else "400",
                         *sorted(files)]).returncode
    sys.exit(1 if r1 or r2 else 0)
