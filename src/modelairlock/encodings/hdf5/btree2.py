"""B-trees of version 2: indexes of links, attributes, huge objects and chunks, as records of a fixed size.

What a newcomer would get wrong: records stand in inner nodes as well as in leaves, and how wide the numbers beside a
child's address are follows from how many records a node below could hold.
"""

from collections.abc import Generator
from typing import NamedTuple

from modelairlock.encodings.hdf5.store import Fields, Store, limited_size
from modelairlock.reading import Malformed
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact

HUGE, LINK_NAMES, LINK_ORDER, ATTRIBUTE_NAMES, ATTRIBUTE_ORDER, CHUNKS, FILTERED = 1, 5, 6, 8, 9, 10, 11
_DEPTH = 32
#: signature, version, kind, and the checksum at the end
_OVERHEAD = 10

#: yields facts, gaps and the records themselves
Records = Generator["Fact | Gap | Record", None, None]


class Record(NamedTuple):
    """One record of a tree."""

    fields: Fields


class _Tree:
    """The shape of one tree, as its header states it."""

    def __init__(self, store: Store, fields: Fields, kinds: tuple[int, ...]) -> None:
        self.kind = fields.number(1)
        if self.kind not in kinds:
            raise Malformed(fields.position - 1, f"an index of kind {kinds[0]}", str(self.kind))
        self.node_bytes, self.record = fields.number(4), fields.number(2)
        self.depth = fields.number(2)
        fields.skip(2)
        self.root = store.address(fields)
        self.in_root = fields.number(2)
        if self.depth > _DEPTH or not self.record or self.node_bytes < _OVERHEAD + self.record:
            raise Malformed(fields.start, "an index with nodes that hold records", f"{self.node_bytes} bytes")
        most = (self.node_bytes - _OVERHEAD) // self.record
        self.width = limited_size(most)
        #: for each level, how many records a node and all below it hold at most, and how wide a pointer to it is
        self.totals, self.pointers, self.most = [most], [0], [most]
        for level in range(1, self.depth + 1):
            pointer = store.offsets + self.width + (limited_size(self.totals[-1]) if level > 1 else 0)
            most = (self.node_bytes - _OVERHEAD - pointer) // (self.record + pointer)
            if most < 1:
                raise Malformed(fields.start, "an index with nodes that hold records", f"{self.node_bytes} bytes")
            self.pointers.append(pointer)
            self.most.append(most)
            self.totals.append((most + 1) * self.totals[-1] + most)


def records(store: Store, position: int, *kinds: int) -> Records:
    """Every record of the index at `position`, which is of one of `kinds`."""
    length = 4 + 1 + 1 + 4 + 2 + 2 + 2 + store.offsets + 2 + store.lengths
    fields = store.block(position, b"BTHD", length)
    tree = _Tree(store, fields, kinds)
    yield from store.checked(position, position + length)
    if tree.root is None:
        return
    stack = [(tree.root, tree.in_root, tree.depth)]
    while stack:
        yield from _node(store, tree, stack, *stack.pop())


def _node(
    store: Store, tree: _Tree, stack: list[tuple[int, int, int]], position: int, count: int, level: int
) -> Records:
    """The records of one node; its children go onto the stack, at most a node's worth for each level."""
    if count > tree.most[level]:
        raise Malformed(position, f"at most {tree.most[level]} records in a node", str(count))
    pointer = tree.pointers[level]
    length = 6 + count * tree.record + ((count + 1) * pointer if level else 0)
    fields = store.block(position, b"BTIN" if level else b"BTLF", length)
    if fields.number(1) != tree.kind:
        raise Malformed(position + 5, f"a node of kind {tree.kind}", "another")
    yield from store.checked(position, position + length)
    for _ in range(count):
        at = fields.position
        store.count(at)
        yield Record(Fields(fields.raw(tree.record), at))
    for _ in range(count + 1 if level else 0):
        child = store.address(fields)
        below = fields.number(tree.width)
        fields.skip(pointer - store.offsets - tree.width)
        if child is None:
            raise Malformed(fields.position, "the address of a child", "none")
        stack.append((child, below, level - 1))
