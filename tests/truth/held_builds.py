# SPDX-License-Identifier: Apache-2.0
"""Builds a harness with Filare N times in one process: held_builds.py YAML N
BYTES.  A wrapper around one of Filare's own functions keeps BYTES of each
build in a global list; 0 keeps nothing."""
import pathlib
import sys

import filare.flows.build_harness as flow
from filare.filare import parse

KEPT = []


def main(path, n_builds, n_bytes):
    own = flow._collect_templates

    def collect_templates(*arguments, **more):
        if n_bytes:
            KEPT.append(bytearray(n_bytes))
        return own(*arguments, **more)

    flow._collect_templates = collect_templates
    file = pathlib.Path(path)
    metadata = {"output_dir": file.parent, "files": [file], "output_names": ["titlepage", file.stem], "sheet_total": 2,
                "sheet_current": 2, "sheet_name": "DEMO", "use_qty_multipliers": False, "multiplier_file_name": "",
                "titlepage": pathlib.Path("titlepage")}
    for _ in range(n_builds):
        parse([file], [], return_types=("shared_bom",), extra_metadata=dict(metadata), shared_bom={})
    print("held_builds.py", "collect_templates", sum(map(sys.getsizeof, KEPT)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
