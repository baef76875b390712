"""B-trees of version 1: the symbol tables of old groups, and the chunks of old datasets.

What a newcomer would get wrong: a node's level says how far down its leaves are, and it must fall by one at each step;
that and entering each node once only bounds what a hostile tree can cost.
"""

from collections.abc import Iterator
from typing import NamedTuple

from modelairlock.encodings.hdf5.store import Fields, Store
from modelairlock.reading import Malformed

GROUP, CHUNKS = 0, 1
_DEPTH = 32


class Node(NamedTuple):
    """A node: its level, and its keys and children in turn."""

    level: int
    used: int
    fields: Fields


def _node(store: Store, position: int, kind: int, key: int, below: int | None) -> Node:
    head = 8 + 2 * store.offsets
    fields = store.fields(position, head)
    store.enter(position, "node of a B-tree")
    if fields.raw(4) != b"TREE":
        raise Malformed(position, "TREE", repr(fields.data[:4])[1:])
    if fields.number(1) != kind:
        raise Malformed(position + 4, f"a B-tree of kind {kind}", str(fields.data[4]))
    level, used = fields.number(1), fields.number(2)
    if level > _DEPTH or (below is not None and level != below - 1):
        raise Malformed(position + 5, "a level one less than that of the node above", str(level))
    return Node(level, used, store.fields(position + head, used * (key + store.offsets) + key))


def _children(store: Store, node: Node, key: int) -> Iterator[tuple[Fields, int]]:
    fields = node.fields
    for _ in range(node.used):
        at = fields.position
        before = Fields(fields.raw(key), at)
        child = store.address(fields)
        if child is None:
            raise Malformed(at + key, "the address of a child", "none")
        yield before, child


def leaves(store: Store, root: int, kind: int, key: int) -> Iterator[tuple[Fields, int]]:
    """The keys and addresses at the bottom of the tree at `root`, from left to right. `key` is a key's size."""
    top = _node(store, root, kind, key, None)
    stack = [(top.level, _children(store, top, key))]
    while stack:
        level, children = stack[-1]
        for before, child in children:
            if level == 0:
                store.count(before.start)
                yield before, child
                continue
            node = _node(store, child, kind, key, level)
            stack.append((node.level, _children(store, node, key)))
            break
        else:
            stack.pop()
