# SPDX-License-Identifier: Apache-2.0
"""Time and memory of rendering 10 minutes at 1 kHz with 8 threads; prints."""
import os
import subprocess
import sys
import tempfile

BUILD = os.environ["FP_BUILD"]

with tempfile.TemporaryDirectory() as folder:
    capture = folder + "/bench.fpc"
    subprocess.run([BUILD + "/tests/bench_capture_writer", capture], check=True)
    for fmt in ("svg", "raw", "speedscope", "json", "prof", "pprof", "firefox", "chrometrace"):
        with open(folder + "/out", "wb") as out:
            r = subprocess.run([BUILD + "/tests/render_one", capture, fmt, "time"], stdout=out,
                               stderr=subprocess.PIPE, text=True)
        print(f"{fmt:12} {os.path.getsize(folder + '/out') / 1e6:8.1f} MB  {r.stderr.strip()}")
        if r.returncode:
            sys.exit(1)
