"""B-trees of version 1: the symbol tables of old groups, and the chunks of old datasets.

What a newcomer would get wrong: a node's level says how far down its leaves are, and it must fall by one at each step;
that and entering each node once only bounds what a hostile tree can cost. Keys must rise, and stay between those of the
node above: libhdf5 searches by halves, and does not find what stands in the wrong place.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from modelairlock.encodings.hdf5.store import Fields, Store
from modelairlock.reading import Malformed

GROUP, CHUNKS = 0, 1
_DEPTH = 32
#: what keys are compared by
Order = Callable[[bytes], tuple[int, ...]]


class Node(NamedTuple):
    """A node: its level, and its keys and children in turn."""

    level: int
    used: int
    fields: Fields
    #: where its keys begin, by which it is read
    keys: tuple[tuple[int, ...], ...] = ()


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


def _ordered(node: Node, key: int, step: int, order: Order, above: tuple[tuple[int, ...], ...]) -> Node:
    """The node with its keys, once they are found to rise between the two `above`."""
    data, start = node.fields.data, node.fields.position
    keys = tuple(order(data[at : at + key]) for at in range(0, len(data), step))
    inside = not above or not keys or (above[0] <= keys[0] and keys[-1] <= above[1])
    if not inside or any(one >= other for one, other in pairwise(keys)):
        raise Malformed(start, "keys of a B-tree that rise, between those of the node above", "others")
    return node._replace(keys=keys)


def _children(store: Store, node: Node, key: int) -> Iterator[tuple[Fields, int]]:
    fields = node.fields
    for _ in range(node.used):
        at = fields.position
        before = Fields(fields.raw(key), at)
        child = store.address(fields)
        if child is None:
            raise Malformed(at + key, "the address of a child", "none")
        yield before, child


def leaves(store: Store, root: int, kind: int, key: int, order: Order | None = None) -> Iterator[tuple[Fields, int]]:
    """The keys and addresses at the bottom of the tree at `root`, from left to right. `key` is a key's size.

    With an `order`, raises `Malformed` where keys do not rise.
    """
    step = key + store.offsets
    top = _node(store, root, kind, key, None)
    top = _ordered(top, key, step, order, ()) if order else top
    stack = [(top, enumerate(_children(store, top, key)))]
    while stack:
        above, children = stack[-1]
        for number, (before, child) in children:
            if above.level == 0:
                store.count(before.start)
                yield before, child
                continue
            node = _node(store, child, kind, key, above.level)
            node = _ordered(node, key, step, order, above.keys[number : number + 2]) if order else node
            stack.append((node, enumerate(_children(store, node, key))))
            break
        else:
            stack.pop()
