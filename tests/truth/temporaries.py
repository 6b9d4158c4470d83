# SPDX-License-Identifier: Apache-2.0
"""What was temporary, from the events of a Memray capture: a block that the
thread that made it ended before it had made more than so many others.  Beside
it where Memray's reader is mistaken: it looks for the address that a thread
frees among those that the thread made last, and does not ask whether another
thread ended that block and made the one that is there now."""
from collections import Counter, namedtuple

from memray_here import FREES

RANGES = {14, 15}
Block = namedtuple("Block", "record n_blocks n_made")


class Temporaries:
    def __init__(self, threshold):
        self.threshold = threshold
        self.live, self.remembered = {}, {}  # by address; by thread and address, the last made there
        self.n_blocks, self.n_made = Counter(), Counter()  # by thread, without and with mappings
        self.stacks = {}  # by the reader's number
        # by stack
        self.found = Counter()     # what is asked for
        self.doubtful = Counter()  # of these: the address came again at once, maybe nobody saw the end
        self.mistaken = Counter()  # what Memray's reader takes for temporary of these stacks
        self.ended = None          # the temporary block that the last event ended

    def stack_of(self, record):
        if record.stack_id not in self.stacks:
            self.stacks[record.stack_id] = tuple(tuple(f) for f in record.stack_trace())
        return self.stacks[record.stack_id]

    def add(self, record):
        ended, self.ended = self.ended, None
        if record.allocator in FREES:
            if record.allocator not in RANGES:
                self.end(record.tid, record.address)
            return
        if ended and (ended.tid, ended.address) == (record.tid, record.address):
            self.doubtful[self.stack_of(ended)] += 1
        self.n_made[record.tid] += 1
        if record.allocator not in RANGES:
            self.n_blocks[record.tid] += 1
            block = Block(record, self.n_blocks[record.tid], self.n_made[record.tid])
            self.live[record.address] = self.remembered[record.tid, record.address] = block

    def end(self, tid, address):
        block, last = self.live.pop(address, None), self.remembered.get((tid, address))
        if block and block.record.tid == tid and self.n_blocks[tid] - block.n_blocks <= self.threshold:
            self.found[self.stack_of(block.record)] += 1
            self.ended = block.record
        if last and last is not block and self.n_made[tid] - last.n_made <= self.threshold:
            self.mistaken[self.stack_of(last.record)] += 1


class Made(namedtuple("Made", "tid address allocator stack_id")):
    def stack_trace(self):
        return [(self.stack_id, "", 0)]


def proof():
    """Events of which all is known: what was wanted of them and what was found, by threshold."""
    make, free, remap = 6, 5, 14
    mine, between = [(1, 16, make, "a"), (1, 16, free, "")], [(1, 32, make, "b")]
    handed = [(1, 16, make, "a"), (2, 16, free, ""), (2, 16, make, "c"), (1, 16, free, "")]
    cases = [  # found, doubtful, mistaken
        (mine, ["a||", "a||"]),
        (mine[:1] + between + mine[1:], ["||", "a||"]),
        (mine[:1] + between + between + mine[1:], ["||", "||"]),
        (mine[:1] + [(1, 4096, remap, "m")] + mine[1:], ["a||", "a||"]),
        (mine + mine, ["aa|a|", "aa|a|"]),
        (mine + [(2, 16, make, "c")], ["a||", "a||"]),
        (handed, ["||a", "||a"]),
        (handed[:1] + between + handed[1:], ["||", "||a"]),
        (handed[:2] + mine, ["a||", "a||"]),
    ]
    for events, wants in cases:
        for threshold, want in enumerate(wants):
            t = Temporaries(threshold)
            for event in events:
                t.add(Made(*event))
            got = "|".join("".join(stack[0][0] for stack in c.elements()) for c in (t.found, t.doubtful, t.mistaken))
            yield f"{len(events)} events, threshold {threshold}", got, want
