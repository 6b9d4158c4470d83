# SPDX-License-Identifier: Apache-2.0
"""Prints one block of python_line_vectors.h: line tables of this interpreter.

usage: for each CPython, `python3.N make_line_vectors.py >> python_line_vectors.h`
(the file's head and order are kept by hand; see its first lines).
The truth is the interpreter's own: co_positions, co_lines or dis.findlinestarts.
"""
import dis
import sys

MINOR = sys.version_info[1]

SOURCES = {
    "plain": "def f(a):\n    b = a + 1\n    return b\n",
    "loop": "def f(n):\n    for i in range(n):\n        if i % 2:\n            continue\n        print(\n            i,\n"
            "            n)\n    return None\n",
    "backwards": "def f(g):\n    return g(\n        1,\n        g(2), *[\n            3])\n",
    "except": "def f(g):\n    try:\n        with g as h:\n            h()\n    except ValueError as e:\n        raise e\n"
              "    finally:\n        g()\n",
    "gap": "def f(g):\n    x = g()\n" + "\n" * 300 + "    y = g(x)\n    return y\n",
    "long": "def f(g):\n    x = 0\n" + "".join("    x += g.a.b(x, %d)\n" % i for i in range(40)) + "    return x\n",
    "wide": "def f(g):\n    return [" + "g, " * 50 + "g.method(g, key=g)]\n",
    "generator": "def f(g):\n    for x in g:\n        y = yield x\n        yield from y\n",
    "lambda": "f = lambda a: (a +\n  1)\n",
}


def function_of(module):
    return next(c for c in module.co_consts if hasattr(c, "co_code"))


def truth(code):
    """(line, column) per code unit; line 0: none, column 0: not known or not kept."""
    n = len(code.co_code) // 2
    if MINOR >= 11:
        return [(line or 0, 0 if column is None or not line else column + 1)
                for line, _, column, _ in code.co_positions()][:n]
    lines = [(0, 0)] * n
    if MINOR == 10:
        for start, end, line in code.co_lines():
            for i in range(start // 2, end // 2):
                lines[i] = (line or 0, 0)
        return lines
    starts = dict(dis.findlinestarts(code))
    line = code.co_firstlineno
    for i in range(n):
        line = starts.get(i * 2, line)
        lines[i] = (line, 0)
    return lines


def c_bytes(data):
    return ", ".join("%d" % b for b in data) or "0"


for name, source in SOURCES.items():
    code = function_of(compile("\n" * 6 + source, "<vectors>", "exec"))
    table = code.co_linetable if MINOR >= 10 else code.co_lnotab
    where = truth(code)
    tag = "%d_%s" % (MINOR, name)
    print("static const unsigned char table_%s[] = { %s };" % (tag, c_bytes(table)))
    print("static const uint16_t lines_%s[] = { %s };" % (tag, c_bytes([w[0] for w in where])))
    print("static const uint16_t columns_%s[] = { %s };" % (tag, c_bytes([w[1] for w in where])))
    kind = "LOCATIONS" if MINOR >= 11 else "LINETABLE" if MINOR == 10 else "LNOTAB"
    print("#define VECTOR_%s { \"3.%s\", FP_LINES_%s, table_%s, sizeof(table_%s), %d, lines_%s, columns_%s, %d }" % (
        tag, tag, kind, tag, tag, code.co_firstlineno, tag, tag, len(where)))
