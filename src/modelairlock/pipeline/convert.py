"""Converts one file: open, scan and judge, plan behind the wall, copy, put in place.

The file is never loaded. What the plan says is checked before it is followed, and all that following it can do is to
copy bytes of the input into a new file; that it is safe to do so does not rest on the scan's verdict.
"""

import os
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import msgspec

from modelairlock.isolation import Task, Wall
from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.pipeline import CONVERT, hold, plain_beside
from modelairlock.pipeline.answer import RESULT_BYTES, ProtocolBroken
from modelairlock.pipeline.batch import CHANGED, GRACE_SECONDS
from modelairlock.pipeline.convert_answer import Ask, decode_plain, decode_plan, in_order
from modelairlock.pipeline.gather import Short, copy_piece, copy_range, copy_strided, put, put_tile, swapped, unshuffled
from modelairlock.pipeline.layout import HEADER_BYTES, header, laid_out
from modelairlock.pipeline.options import Options
from modelairlock.pipeline.place import Draft, check_place, remove_stale
from modelairlock.pipeline.scan import scan_sources
from modelairlock.pipeline.spool import Spool, StreamBroken
from modelairlock.records.conversion import Carried, Conversion, Left, Written
from modelairlock.records.disarm import Plan, Store, Tensor
from modelairlock.records.errors import AirlockError
from modelairlock.records.finding import Finding
from modelairlock.records.isolation import Level
from modelairlock.records.scan import ScanRecord, Verdict
from modelairlock.records.tensors import BITS
from modelairlock.records.text import shown
from modelairlock.sources.local import changed

FLAGGED = "the file is FLAGGED: loading it would do harm"
#: bytes a second below which copying is given up, beyond the seconds that a scan may take
_LEAST_SPEED = 10_000_000

_encode = msgspec.msgpack.Encoder().encode


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """How to convert. `strip` writes the tensors of a flagged file too, and takes what it drops as wished for."""

    force: bool = False
    strip: bool = False
    drop_template: bool = False
    require: Level | None = None
    limits: Limits = DEFAULT_LIMITS


class NotConverted(Exception):
    """Nothing is written, and why not; the file caused it, not the operator. `plan` says what is lost."""

    def __init__(self, why: str, plan: Plan | None = None) -> None:
        super().__init__(why)
        self.plan = plan


def convert(source: str, target: str, wanted: Wanted, progress: Callable[[int, int], None] | None = None) -> Conversion:
    """Write the tensors of `source` to `target`, and say what became of everything in it.

    `progress` hears how many bytes of how many are written. Raises `AirlockError` for what the operator can mend.
    """
    with ExitStack() as stack:
        fd = _open(source)
        stack.callback(os.close, fd)
        state = os.fstat(fd)
        check_place(target, state, force=wanted.force)
        lease = hold.lease(fd)
        stack.callback(hold.release, fd)
        state = os.fstat(fd)
        record = _scanned(source, wanted)
        same = _leads_to(source, state)
        wall = Wall(
            CONVERT, memory_bytes=wanted.limits.worker_bytes, result_bytes=RESULT_BYTES,
            require=wanted.require or Level.NONE,
        )  # fmt: skip
        stack.callback(wall.close)
        told = _told(source, state.st_size, record)
        if not same:
            return msgspec.structs.replace(told, reason=CHANGED)
        if told.verdict is Verdict.FLAGGED and not wanted.strip and not _goes_with_template(told, wanted):
            return msgspec.structs.replace(told, outcome="refused", reason=FLAGGED)
        one = _Conversion(fd, state, target, wanted, wall, progress)
        one.watched = lease is hold.Lease.HELD
        try:
            return one.done(msgspec.structs.replace(told, isolation=wall.isolation))
        except NotConverted as problem:
            left = _left(problem.plan or Plan())
            return msgspec.structs.replace(told, outcome="not-converted", reason=shown(str(problem), 500), **left)
        except ProtocolBroken as problem:
            reason = f"the reader broke protocol: {problem}"
            return msgspec.structs.replace(told, outcome="not-converted", reason=reason)


def _open(source: str) -> int:
    try:
        fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise AirlockError(f"cannot read {source}: {error.strerror}", "Name the file to convert.") from error
    kind = os.fstat(fd).st_mode
    if stat.S_ISREG(kind):
        return fd
    os.close(fd)
    what = "a folder" if stat.S_ISDIR(kind) else "no regular file"
    raise AirlockError(f"cannot convert {source}: it is {what}", "Convert its files one by one.")


def _scanned(source: str, wanted: Wanted) -> ScanRecord:
    options = Options(require=wanted.require, limits=wanted.limits, cache=False, jobs=1)
    record = scan_sources([Path(source)], options)
    for error in record.errors:
        raise AirlockError(f"cannot scan {error.path}: {error.message}", error.hint)
    if len(record.subjects) != 1:
        raise AirlockError(f"cannot scan {source}: it is {len(record.subjects)} files", "Name one file.")
    return record


def _leads_to(source: str, state: os.stat_result) -> bool:
    """Whether the name, by which the file was scanned, is still that of the file that was opened before."""
    try:
        return not changed(state, os.stat(source))
    except OSError:
        return False


def _told(source: str, size: int, record: ScanRecord) -> Conversion:
    """What is known once the scan is over."""
    [subject] = record.subjects
    findings: list[Finding] = []
    for one in record.walk():
        findings.extend(one.findings)
    for repository in record.repositories:
        findings.extend(repository.findings)
    return Conversion(
        path=source, size_bytes=size, sha256=subject.sha256, verdict=record.verdict, findings=tuple(findings),
        isolation=record.tool.isolation, outcome="not-converted",
    )  # fmt: skip


class _Conversion:
    """One conversion, from the plan on."""

    def __init__(
        self, fd: int, state: os.stat_result, target: str, wanted: Wanted, wall: Wall,
        progress: Callable[[int, int], None] | None,
    ) -> None:  # fmt: skip
        self.fd, self.state, self.target, self.wanted, self.wall = fd, state, target, wanted, wall
        self.progress = progress
        self.watched = False
        self.done_bytes = self.all_bytes = 0
        self.deadline = 0.0

    def done(self, told: Conversion) -> Conversion:
        """Plan, write, and tell. Raises `NotConverted`, `ProtocolBroken`, `AirlockError`."""
        plan = self._plan(os.path.basename(told.path))
        places = laid_out(plan.tensors)
        head = b"" if plan.segments else header(places, plan.framework)
        # what is over the edge of tiles counts for progress only
        self.all_bytes = places[-1][2] if places else sum(one.end - one.start for one in plan.segments)
        self._check_sizes(len(head), sum(stream.size for stream in plan.streams))
        plain = plain_beside.plain_file(decode_plain(plan.plain))
        outputs = self._write(plan, places, head, plain)
        return msgspec.structs.replace(_with_plan(told, plan, self.wanted), output=outputs[0], plain=outputs[1])

    def _plan(self, name: str) -> Plan:
        ask = Ask(name=name, limits=self.wanted.limits, drop_template=self.wanted.drop_template)
        [outcome] = self.wall.run([Task(self.fd, _encode(ask))], seconds=self.wanted.limits.seconds + GRACE_SECONDS)
        if outcome.result is None:
            raise NotConverted(f"reading it failed: {outcome.failure}")
        plan = decode_plan(outcome.result, self.state.st_size)
        if plan.refused:
            raise NotConverted(plan.refused)
        if not plan.tensors and not plan.segments:
            lost = f"; of {len(plan.lost)} none can be carried over: {plan.lost[0].why}" if plan.lost else ""
            raise NotConverted(f"there are no tensors in it{lost}", plan)
        return plan

    def _check_sizes(self, head: int, spooled: int) -> None:
        limits, size = self.wanted.limits, self.state.st_size
        grown = min(limits.expanded_bytes, limits.expansion_floor_bytes + limits.expansion_ratio * size)
        largest = max(self.all_bytes, spooled)
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

    def _write(
        self, plan: Plan, places: Sequence[tuple[Tensor, int, int]], head: bytes, plain: bytes
    ) -> tuple[Written, Written | None]:
        with ExitStack() as stack:
            spool = Spool(os.path.dirname(self.target) or ".")
            stack.callback(spool.close)
            try:
                beside = self._beside(plain, stack)
                draft = Draft(self.target)
                stack.callback(draft.discard)
                self._copy(plan, places, head, draft.fd, spool)
                draft.settle()
                self._check_unchanged()
                self._place(draft, beside)
            except OSError as error:
                raise AirlockError(f"cannot write {self.target}: {error.strerror}", "Nothing is written.") from error
        size = len(head) + self.all_bytes
        return Written(self.target, size), Written(f"{self.target}.json", len(plain)) if plain else None

    def _place(self, draft: Draft, beside: Draft | None) -> None:
        """Both files or none, as far as replacing two files can be. Raises OSError if nothing is written."""
        force = self.wanted.force
        if beside:
            beside.place(self.state, force=force)
        try:
            draft.place(self.state, force=force)
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

    def _beside(self, plain: bytes, stack: ExitStack) -> Draft | None:
        """The JSON file, ready to be put in place."""
        path = f"{self.target}.json"
        if not plain:
            return None
        check_place(path, self.state, force=self.wanted.force)
        draft = Draft(path)
        stack.callback(draft.discard)
        put(draft.fd, plain, 0)
        draft.settle()
        return draft

    def _copy(self, plan: Plan, places: Sequence[tuple[Tensor, int, int]], head: bytes, out: int, spool: Spool) -> None:
        try:
            spool.fill(self.wall, self.fd, plan.streams, self.wanted.limits, self._tick_only)
            put(out, head, 0)
            self._segments(plan.segments, out, spool)
            for tensor, start, end in places:
                if tensor.tiles:
                    self._tiles(tensor, plan.stores, out, len(head) + start, spool)
                elif end > start:
                    self._tensor(tensor, plan.stores[tensor.store], end - start, out, len(head) + start, spool)
        except StreamBroken as problem:
            raise NotConverted(str(problem)) from None
        except Short:
            raise NotConverted(CHANGED) from None

    def _reader(self, store: Store, spool: Spool) -> Callable[[int, int], bytes]:
        def read(start: int, count: int) -> bytes:
            if store.inline:
                return store.inline[start : start + count]
            if store.stream >= 0:
                return spool.read(store.stream, start, count)
            return _read(self.fd, start, count)

        return read

    def _segments(self, segments: Sequence[Store], out: int, spool: Spool) -> None:
        at = 0
        for one in segments:
            length = one.end - one.start
            done = 0 if one.inline else copy_range(self.fd, one.start, length, out, at, self._tick)
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

    def _tensor(self, tensor: Tensor, store: Store, length: int, out: int, at: int, spool: Spool) -> None:
        read = self._reader(store, spool)
        width = max(1, BITS[tensor.dtype] // 8)
        swap = _word(tensor) if tensor.swap else 0
        start = store.start + tensor.offset * width
        if in_order(tensor):
            if not (swap or store.inline or store.stream >= 0):
                done = copy_range(self.fd, start, length, out, at, self._tick)
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

    def _check_unchanged(self) -> None:
        """Whether what was scanned, planned and copied were the same bytes. Raises `NotConverted`."""
        with suppress(OSError):
            if not changed(self.state, os.fstat(self.fd)) and (not self.watched or hold.unbroken(self.fd)):
                return
        raise NotConverted(CHANGED)


def _read(fd: int, start: int, count: int) -> bytes:
    data = os.pread(fd, count, start)
    while len(data) < count:
        more = os.pread(fd, count - len(data), start + len(data))
        if not more:
            break
        data += more
    return data


def _goes_with_template(told: Conversion, wanted: Wanted) -> bool:
    """Whether all that is wrong with the file is wrong with its chat templates, which are to go."""
    serious = [one for one in told.findings if one.severity.flags]
    return wanted.drop_template and all(one.rule.startswith("template-") for one in serious)


def _word(tensor: Tensor) -> int:
    """Bytes that are turned together: a complex number is two numbers."""
    return 4 if tensor.dtype == "C64" else max(1, BITS[tensor.dtype] // 8)


def _with_plan(told: Conversion, plan: Plan, wanted: Wanted) -> Conversion:
    in_part = plan.lost or (plan.dropped and not wanted.strip and not wanted.drop_template)
    return msgspec.structs.replace(
        told,
        outcome="partly" if in_part else "converted",
        format=shown(plan.format, 100),
        tensors=tuple(Carried(one.key, one.dtype, one.shape) for one in plan.tensors),
        shared=_shared(plan),
        **_left(plan),
    )


def _left(plan: Plan) -> dict[str, Any]:
    """What is not carried over."""
    dropped, lost = (
        tuple(Left(shown(one.where), shown(one.what), shown(one.why)) for one in notes)
        for notes in (plan.dropped, plan.lost)
    )
    return {"dropped": dropped, "lost": lost, "more_dropped": plan.more_dropped, "more_lost": plan.more_lost}


def _shared(plan: Plan) -> tuple[tuple[str, ...], ...]:
    """Tensors that lie over the same store. Small ones that the plan carries itself may be equal by chance."""
    by_store: dict[int, list[str]] = {}
    for tensor in plan.tensors:
        if 0 not in tensor.shape and tensor.store >= 0 and not plan.stores[tensor.store].inline:
            by_store.setdefault(tensor.store, []).append(tensor.key)
    return tuple(tuple(keys) for keys in by_store.values() if len(keys) > 1)
