# SPDX-License-Identifier: Apache-2.0
"""memray itself, for tests that ask its reader: in this Python, or in that of
$FP_PEERS, by which the test then begins again; and how such tests say what they found."""
import os
import sys

try:
    import memray  # noqa: F401
except ImportError:
    peer = os.path.join(os.environ.get("FP_PEERS", ""), "bin", "python")
    if not os.path.exists(peer):
        print("SKIP: memray is not here (FP_PEERS)")
        sys.exit(77)
    if os.path.realpath(sys.prefix) == os.path.realpath(os.environ["FP_PEERS"]):
        raise
    os.execv(peer, [peer, *sys.argv])

FAILED = []
FREES = {1, 5, 15}


def check(what, ok, detail=""):
    print(f"{'ok  ' if ok else 'FAIL'} {what} {'' if ok else detail}", flush=True)
    if not ok:
        FAILED.append(what)


def size(value):
    return value[1] if isinstance(value, tuple) and len(value) == 2 else 0


def same(what, got, want):
    """Of dictionaries, the largest that differs is named."""
    if got == want or not isinstance(got, dict):
        check(what, got == want, f"Memray {got!r}, wanted {want!r}")
        return
    keys = sorted((k for k in {**got, **want} if got.get(k) != want.get(k)), key=lambda k: -size(got.get(k)))
    check(what, False, f"{len(keys)} of {len(want)} differ; first {keys[0]}: "
          f"Memray {got.get(keys[0])}, wanted {want.get(keys[0])}")


def end():
    print("failed: " + ", ".join(FAILED) if FAILED else "all passed")
    return bool(FAILED)
