"""The unpickler's memo: nearly always dense and written in order, and cheap when it is."""

from array import array

from modelairlock.reading import Malformed

HOLE = -1
#: an index this far past the end is kept apart; `_pickle.c` would allocate everything up to it
REACH = 64


class Memo:
    """Index to value. While `tidy`, ``dense`` alone holds everything and its length is the number of entries."""

    __slots__ = ("dense", "holes", "sparse", "tidy")

    def __init__(self) -> None:
        self.dense = array("q")
        self.sparse: dict[int, int] = {}
        self.holes = 0
        self.tidy = True

    def copy(self) -> "Memo":
        """Another memo with the same entries."""
        twin = Memo()
        twin.dense, twin.sparse = self.dense[:], dict(self.sparse)
        twin.holes, twin.tidy = self.holes, self.tidy
        return twin

    def get(self, index: int, at: int) -> int:
        """The value at `index`. Raises `Malformed` when there is none, as every unpickler does."""
        value = self.dense[index] if 0 <= index < len(self.dense) else self.sparse.get(index, HOLE)
        if value == HOLE:
            raise Malformed(at, "a memo entry that was put before", f"entry {index}")
        return value

    def put(self, index: int, value: int) -> None:
        """Set entry `index`; entries may be set again, and in any order."""
        dense = self.dense
        if index == len(dense) and not self.sparse:
            dense.append(value)
        elif index < len(dense):
            if dense[index] == HOLE:
                self.holes -= 1
                self.tidy = not (self.holes or self.sparse)
            dense[index] = value
        else:
            self._put_far(index, value)

    def _put_far(self, index: int, value: int) -> None:
        self.tidy = False
        if index in self.sparse or index > len(self.dense) + REACH:
            self.sparse[index] = value
            return
        for hole in range(len(self.dense), index):
            # an entry that was kept apart moves into its place as the dense part reaches it
            moved = self.sparse.pop(hole, HOLE)
            self.holes += moved == HOLE
            self.dense.append(moved)
        self.sparse.pop(index, None)
        self.dense.append(value)

    def memoize(self, value: int) -> None:
        """MEMOIZE: the index is the number of entries there are, not the next free one."""
        self.put(len(self.dense) - self.holes + len(self.sparse), value)
