# SPDX-License-Identifier: Apache-2.0
"""docs/capture-format.md names the regions of format.h and the losses of
losses.h, all of them and no others; docs/formats.md names every renderer's suffix."""
import os
import re
import sys

SOURCE = os.environ["FP_SOURCE"]


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as f:
        return f.read()


def rows(page, heading):
    part = page[page.index("## " + heading):]
    part = part[:part.find("\n## ", 3)] if "\n## " in part[3:] else part
    return re.findall(r"^\| `(\w+)` \|", part, re.M)


header = read("agent", "capture", "format.h")
page = read("docs", "capture-format.md")
regions = [r for r in re.findall(r"^\tFP_REGION_(\w+),", header, re.M) if r != "MAX"]
losses = re.findall(r"\bX\((\w+), \"", read("agent", "capture", "losses.h"))
failed = 0
for name, want, got in (("Regions", regions, rows(page, "Regions")),
                        ("Losses", losses, rows(page, "Losses"))):
    if want != got:
        failed = 1
        print(f"FAIL {name}: missing {sorted(set(want) - set(got))}, "
              f"unknown {sorted(set(got) - set(want))}, or in another order")
formats = read("docs", "formats.md")
for name in sorted(os.listdir(os.path.join(SOURCE, "tools", "render"))):
    if name.endswith(".c"):
        for suffix in re.findall(r'\.suffix = "([^"]+)"', read("tools", "render", name)):
            if f"`{suffix}`" not in formats:
                failed = 1
                print(f"FAIL docs/formats.md does not name {suffix}")
print("failed" if failed else f"{len(regions)} regions, {len(losses)} losses as in the headers")
sys.exit(failed)
