# SPDX-License-Identifier: Apache-2.0
"""What a workload spent in its main part, start-up and exit left out."""

import json
import os
import resource
import time


def children_seconds():
    """CPU of the child processes that were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measured(main):
    """Runs main() and leaves its seconds in the file FP_BENCH_RESULT names."""
    cpu, children, wall = time.process_time(), children_seconds(), time.perf_counter()
    try:
        main()
    except SystemExit as stop:
        if stop.code:
            raise
    spent = {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "children": children_seconds() - children,
    }
    if os.environ.get("FP_BENCH_RESULT"):
        with open(os.environ["FP_BENCH_RESULT"], "w", encoding="utf-8") as out:
            json.dump(spent, out)
