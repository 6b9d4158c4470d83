#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write a large Filare harness: make_harness.py [-o large.yml] [--size N].

A machine of N drawers.  Each drawer has a plug and a socket with a cable
between them, an inner bundle to a splice board, and its own hardware; the
drawers do not touch, so that dot lays out many small graphs rather than one
hard one, and YAML, the model, HTML and the BOM keep their share of the time.
The same size always gives the same bytes.
"""

import argparse
import sys

COLORS = ["WH", "BN", "GN", "YE", "GY", "PK", "BU", "RD", "BK", "VT"]
FAMILIES = ["M12", "D-Sub", "Micro-Fit", "JST PH", "Circular", "Terminal block"]

METADATA = """\
# Made by make_harness.py --size {size}
metadata:
  title: Machine with {size} drawers
  pn: FP-LARGE-{size}
  company: filperf samples
  address: tests/samples

options:
  include_cut_diagram: true
  include_termination_diagram: true
"""


def connector(name, family, pins, rows):
    """One connector with its hardware."""
    yield f"  {name}:"
    yield f"    type: {family}"
    yield f"    subtype: {pins} contacts"
    yield f"    pn: CON-{family.replace(' ', '').upper()}-{pins}"
    yield f"    manufacturer: Maker {pins % 5}"
    yield f"    mpn: MK{pins % 5}-{pins:03}"
    yield "    pinlabels: [" + ", ".join(f"S{i + 1}" for i in range(pins)) + "]"
    yield "    additional_components:"
    for row in range(rows):
        yield f"      - type: Hardware {row}"
        yield f"        subtype: for {family}"
        yield f"        pn: HW-{row}-{pins}"
        yield f"        qty: {1 + row}"
    yield "      - type: Contact"
    yield f"        subtype: {family}, crimp"
    yield f"        pn: CT-{family.replace(' ', '').upper()}"
    yield "        qty_multiplier: populated"


def cable(name, index, wires):
    """One cable; every third is a bundle with a part number per wire."""
    colors = [COLORS[(index + i) % len(COLORS)] for i in range(wires)]
    yield f"  {name}:"
    if index % 3 == 0:
        yield "    category: bundle"
        yield "    type: Hook-up wire"
        yield "    pn: [" + ", ".join(f"WIRE-{c}" for c in colors) + "]"
    else:
        yield "    type: Data cable"
        yield f"    pn: CAB-{wires}-{index % 4}"
    yield f"    gauge: {[0.14, 0.25, 0.34, 0.5][index % 4]} mm2"
    yield "    show_equiv: true"
    yield f"    length: {0.3 + (index % 23) / 10:.1f}"
    yield "    colors: [" + ", ".join(colors) + "]"


def harness(size):
    """The lines of the whole file."""
    yield from METADATA.format(size=size).splitlines()
    pins = [4 + (i * 5) % 7 for i in range(size)]
    yield ""
    yield "connectors:"
    for i in range(size):
        family = FAMILIES[i % len(FAMILIES)]
        yield from connector(f"P{i + 1}", family, pins[i], 2 + i % 3)
        yield from connector(f"J{i + 1}", family, pins[i], 1 + i % 2)
    yield ""
    yield "cables:"
    for i in range(size):
        yield from cable(f"W{i + 1}", i, pins[i])
    yield ""
    yield "connections:"
    for i in range(size):
        straight = ", ".join(str(p + 1) for p in range(pins[i]))
        turned = ", ".join(str((p + i) % pins[i] + 1) for p in range(pins[i]))
        yield f"  - - P{i + 1}: [{straight}]"
        yield f"    - W{i + 1}: [{straight}]"
        yield f"    - J{i + 1}: [{turned}]"
    yield ""
    yield "additional_bom_items:"
    for i in range(size):
        for item in ("Label", "Cable tie", "Sleeve", "Marker"):
            yield f"  - type: {item}"
            yield f"    subtype: drawer {i + 1}, size {i % 5}"
            yield f"    pn: {item[:3].upper()}-{i % 5}-{i + 1}"
            yield f"    qty: {1 + i % 4}"
            yield f"    designators: [P{i + 1}, J{i + 1}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", default="-", help="file to write (default: standard output)")
    parser.add_argument("--size", type=int, default=100, help="number of drawers (default: %(default)s)")
    arguments = parser.parse_args()
    if arguments.size < 1:
        parser.error("--size must be at least 1")
    text = "\n".join(harness(arguments.size)) + "\n"
    if arguments.output == "-":
        sys.stdout.write(text)
        return
    with open(arguments.output, "w", encoding="utf-8") as out:
        out.write(text)


if __name__ == "__main__":
    main()
