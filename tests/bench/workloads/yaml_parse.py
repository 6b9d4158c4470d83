# SPDX-License-Identifier: Apache-2.0
"""PyYAML's pure Python SafeLoader over a generated bill of materials."""

import sys

import yaml

from meter import measured


def bill(rows):
    """A BOM as a harness tool writes it."""
    lines = ["items:"]
    for i in range(rows):
        lines.append(f"  - number: PN-{i % 211:04}")
        lines.append(f"    quantity: {1 + i % 9}")
        lines.append(f"    text: 'part {i % 211}, made for {i % 17}'")
        lines.append(f"    used: [X{i % 31}, X{i % 37}, W{i % 41}]")
    return "\n".join(lines)


def total_by_number(items):
    """Quantities merged by part number."""
    totals = {}
    for item in items:
        totals[item["number"]] = totals.get(item["number"], 0) + item["quantity"]
    return totals


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 7000
    loaded = yaml.load(bill(rows), Loader=yaml.SafeLoader)
    assert sum(total_by_number(loaded["items"]).values()) == sum(1 + i % 9 for i in range(rows))


measured(main)
