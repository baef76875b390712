"""Writes what a plan says into new files, and puts them in place once all of it is there.

All that following a plan can do is to copy bytes of the inputs. `remote` stands for a file that is not one: the numbers
of a model that is loaded in the jail, which come piece by piece while the jail lives.
"""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from modelairlock.encodings.crc32c import PIECE_BYTES, crc32c
from modelairlock.isolation import Wall
from modelairlock.limits import Limits
from modelairlock.pipeline import plain_beside
from modelairlock.pipeline.batch import CHANGED
from modelairlock.pipeline.convert_answer import in_order
from modelairlock.pipeline.convert_inputs import Inputs
from modelairlock.pipeline.gather import (
    Read,
    Short,
    copy_part,
    copy_piece,
    copy_range,
    copy_strided,
    put,
    put_tile,
    swapped,
    unshuffled,
)
from modelairlock.pipeline.layout import HEADER_BYTES, header, laid_out
from modelairlock.pipeline.place import Draft, check_place, remove_stale
from modelairlock.pipeline.spool import Spool, StreamBroken
from modelairlock.records.conversion import Written
from modelairlock.records.disarm import Plan, Store, Tensor
from modelairlock.records.errors import AirlockError
from modelairlock.records.tensors import BITS

#: bytes a second below which copying is given up, beyond the seconds that a scan may take
_LEAST_SPEED = 10_000_000


class NotConverted(Exception):
    """Nothing is written, and why not; the file caused it, not the operator. `plan` says what is lost.

    `hint` says how to get more of it, if there is a way.
    """

    def __init__(self, why: str, plan: Plan | None = None, hint: str = "") -> None:
        super().__init__(why)
        self.plan = plan
        self.hint = hint


class Writer:
    """Makes the output of one conversion: `fill`, and then `place`."""

    def __init__(
        self, target: str, inputs: Inputs, limits: Limits, wall: Wall, progress: Callable[[int, int], None] | None,
        stack: ExitStack, *, force: bool,
    ) -> None:  # fmt: skip
        self.target, self.inputs, self.limits, self.wall, self.force = target, inputs, limits, wall, force
        self.progress = progress
        self.stack = stack
        #: where the numbers of a file come from that is none of the inputs
        self.remote: Read | None = None
        self.done_bytes = self.all_bytes = 0
        self.deadline = 0.0
        self._drafts: list[Draft] = []
        self._sizes: list[int] = []

    def fill(self, plan: Plan, plain_data: object) -> None:
        """Have everything on disk, beside its place. Raises `NotConverted`, `AirlockError`."""
        places = laid_out(plan.tensors)
        head = b"" if plan.segments else header(places, plan.framework)
        # what is over the edge of tiles counts for progress only
        self.all_bytes = places[-1][2] if places else sum(one.end - one.start for one in plan.segments)
        self._check_sizes(len(head), sum(stream.size for stream in plan.streams))
        plain = plain_beside.plain_file(plain_data)
        spool = Spool(os.path.dirname(self.target) or ".")
        self.stack.callback(spool.close)
        try:
            self._beside(plain)
            draft = Draft(self.target)
            self.stack.callback(draft.discard)
            self._drafts.append(draft)
            self._sizes.append(len(head) + self.all_bytes)
            self._copy(plan, places, head, draft.fd, spool)
            draft.settle()
        except OSError as error:
            raise AirlockError(f"cannot write {self.target}: {error.strerror}", "Nothing is written.") from error

    def place(self) -> tuple[Written, Written | None]:
        """Both files or none, as far as replacing two files can be. Raises `AirlockError`."""
        *beside, draft = self._drafts
        try:
            self._place(draft, beside[0] if beside else None)
        except OSError as error:
            raise AirlockError(f"cannot write {self.target}: {error.strerror}", "Nothing is written.") from error
        plain = Written(beside[0].path, self._sizes[0]) if beside else None
        return Written(self.target, self._sizes[-1]), plain

    def _check_sizes(self, head: int, spooled: int) -> None:
        limits, size = self.limits, sum(self.inputs.sizes)
        grown = min(limits.expanded_bytes, limits.expansion_floor_bytes + limits.expansion_ratio * size)
        largest = max(self.all_bytes, spooled)
        if self.remote:  # as many as the loaded model has, which is bounded by the memory that it was given
            grown = limits.expanded_bytes
        if largest > max(2 * size, grown):
            raise NotConverted(
                f"the tensors would take {largest:,} bytes, from a file of {size:,}"
                " (limits: expanded_bytes, expansion_ratio, expansion_floor_bytes)"
            )
        if head > HEADER_BYTES:
            raise NotConverted(f"the header would be {head:,} bytes, and safetensors has {HEADER_BYTES:,} at most")
        folder = os.statvfs(os.path.dirname(self.target) or ".")
        free = folder.f_bavail * folder.f_frsize
        needed = head + self.all_bytes + spooled
        if needed > free:
            raise AirlockError(
                f"cannot write {self.target}: {needed:,} bytes are needed, {free:,} are free", "Make room."
            )
        self.deadline = time.monotonic() + limits.seconds + 2 * self.all_bytes / _LEAST_SPEED

    def _place(self, draft: Draft, beside: Draft | None) -> None:
        force = self.force
        if beside:
            beside.place(self.inputs.states, force=force)
        try:
            draft.place(self.inputs.states, force=force)
        except (OSError, AirlockError) as error:
            if beside and force:
                why = error.strerror if isinstance(error, OSError) else error
                raise AirlockError(
                    f"cannot write {draft.path}: {why}", f"{beside.path} is replaced already."
                ) from error
            if beside:
                os.unlink(beside.path)
            raise
        stale = f"{self.target}.json"
        try:
            if not beside and force:
                remove_stale(stale, plain_beside.BEGINS)
        except OSError as error:
            hint = f"It is of an earlier run: remove it. {self.target} is written."
            raise AirlockError(f"cannot remove {stale}: {error.strerror}", hint) from error

    def _beside(self, plain: bytes) -> None:
        """The JSON file, ready to be put in place."""
        path = f"{self.target}.json"
        if not plain:
            return
        check_place(path, self.inputs.states, force=self.force)
        draft = Draft(path)
        self.stack.callback(draft.discard)
        self._drafts.append(draft)
        self._sizes.append(len(plain))
        put(draft.fd, plain, 0)
        draft.settle()

    def _copy(self, plan: Plan, places: Sequence[tuple[Tensor, int, int]], head: bytes, out: int, spool: Spool) -> None:
        try:
            spool.fill(self.wall, self.inputs.files[0].fd, plan.streams, self.limits, self._tick_only)
            self._check_sums(plan)
            put(out, head, 0)
            self._segments(plan.segments, out, spool)
            for tensor, start, end in places:
                if tensor.tiles:
                    self._tiles(tensor, plan.stores, out, len(head) + start, spool)
                elif tensor.parts:
                    self._parts(tensor, plan.stores, out, len(head) + start, spool)
                elif end > start:
                    self._tensor(tensor, plan.stores[tensor.store], end - start, out, len(head) + start, spool)
        except StreamBroken as problem:
            raise NotConverted(str(problem)) from None
        except Short:
            raise NotConverted(CHANGED) from None

    def _check_sums(self, plan: Plan) -> None:
        """Compare all checksums before anything is written: what is damaged is not carried over in part."""
        for one in plan.sums:
            store, state = plan.stores[one.store], 0
            for start in range(store.start, store.end, PIECE_BYTES):
                data = _read(self._fd(store), start, min(PIECE_BYTES, store.end - start))
                state = crc32c(data, state)
                self._tick_only(0)
            if state != one.crc32c:
                names = (tensor.key for tensor in plan.tensors if one.store in _stores_of(tensor))
                raise NotConverted(f"{next(names, 'a tensor')} is damaged: its checksum does not fit")

    def _fd(self, store: Store) -> int:
        """The file that a store is in; -1 for the one that is none."""
        return self.inputs.files[store.file].fd if store.file < len(self.inputs.files) else -1

    def _reader(self, store: Store, spool: Spool) -> Read:
        if store.file >= len(self.inputs.files):
            assert self.remote is not None
            return self.remote
        fd = self._fd(store)

        def read(start: int, count: int) -> bytes:
            if store.inline:
                return store.inline[start : start + count]
            if store.stream >= 0:
                return spool.read(store.stream, start, count)
            return _read(fd, start, count)

        return read

    def _segments(self, segments: Sequence[Store], out: int, spool: Spool) -> None:
        at = 0
        for one in segments:
            length = one.end - one.start
            done = 0 if one.inline else copy_range(self._fd(one), one.start, length, out, at, self._tick)
            read = self._reader(one, spool)
            copy_piece(read, one.start + done, length - done, out, at + done, 0, self._tick)
            at += length

    def _tiles(self, tensor: Tensor, stores: Sequence[Store], out: int, at: int, spool: Spool) -> None:
        width = BITS[tensor.dtype] // 8
        for one in tensor.tiles:
            store = stores[one.store]
            data = self._reader(store, spool)(store.start, store.end - store.start)
            if len(data) < store.end - store.start:
                raise Short
            if tensor.shuffled and width > 1:
                data = unshuffled(data, width)
            if tensor.swap and width > 1:
                data = swapped(data, _word(tensor))
            put_tile(data, tensor.tile, one.corner, tensor.shape, width, out, at)
            self._tick(len(data))

    def _parts(self, tensor: Tensor, stores: Sequence[Store], out: int, at: int, spool: Spool) -> None:
        width = BITS[tensor.dtype] // 8
        swap = _word(tensor) if tensor.swap else 0
        for one in tensor.parts:
            store = stores[one.store]
            read = self._reader(store, spool)
            copy_part(read, store.start, one.shape, one.corner, tensor.shape, width, out, at, swap, self._tick)

    def _tensor(self, tensor: Tensor, store: Store, length: int, out: int, at: int, spool: Spool) -> None:
        read = self._reader(store, spool)
        width = max(1, BITS[tensor.dtype] // 8)
        swap = _word(tensor) if tensor.swap else 0
        start = store.start + tensor.offset * width
        if in_order(tensor):
            fd = self._fd(store)
            if fd >= 0 and not (swap or store.inline or store.stream >= 0):
                done = copy_range(fd, start, length, out, at, self._tick)
                start, length, at = start + done, length - done, at + done
            copy_piece(read, start, length, out, at, swap, self._tick)
        else:
            copy_strided(read, start, tensor.shape, tensor.strides, width, out, at, swap, self._tick)

    def _tick(self, count: int) -> None:
        self.done_bytes += count
        self._tick_only(0)
        if count and self.progress:
            self.progress(self.done_bytes, self.all_bytes)

    def _tick_only(self, _: int) -> None:
        if time.monotonic() > self.deadline:
            raise NotConverted("copying takes too long: its tensors are laid out in too many places (limit: seconds)")


def _read(fd: int, start: int, count: int) -> bytes:
    data = os.pread(fd, count, start)
    while len(data) < count:
        more = os.pread(fd, count - len(data), start + len(data))
        if not more:
            break
        data += more
    return data


def _stores_of(tensor: Tensor) -> tuple[int, ...]:
    return (tensor.store, *(one.store for one in tensor.parts), *(one.store for one in tensor.tiles))


def _word(tensor: Tensor) -> int:
    """Bytes that are turned together: a complex number is two numbers."""
    return 4 if tensor.dtype == "C64" else max(1, BITS[tensor.dtype] // 8)
