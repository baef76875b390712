"""Reads one source as a tree of artifacts: identify, let every claimant read, open what is inside, account for it all.

Nesting lives here and nowhere else: a reader that meets a member only states where it lies. Every format that claims
an artifact reads it, because a file that is two things must not choose its reader.
"""

import sys
from collections.abc import Iterator, Sequence
from functools import cache

from msgspec.structs import replace

from modelairlock.catalog import catalog
from modelairlock.encodings.compression import METHODS, Inflated, inflate
from modelairlock.encodings.decoders import lzma_header, zlib_header
from modelairlock.limits import Limits
from modelairlock.reading import Budget, Cursor, Format, OverLimit, Probe, ReadProblem, Source, SubSource
from modelairlock.records.coverage import Because, Coverage, Gap
from modelairlock.records.facts import Fact, Member, NameMismatch, Polyglot
from modelairlock.records.reading import Reading
from modelairlock.records.span import Extents, Span

HEAD_BYTES = 64 * 1024
#: an end record of a zip with the longest comment, and the zip64 records before it
TAIL_BYTES = 66 * 1024
NAME_CHARACTERS = 400
#: ways to unpack that need no decoder written in C
_PLAIN = frozenset({"latin1-of-utf8", "latin1-of-escapes", "json-string"})


class NotShared(BaseException):
    """Reading on needs a decoder written in C, and other files are to be read in this very process.

    No `Exception`: whoever catches those on the way to here takes them for the fault of a reader.
    """


@cache
def formats() -> tuple[Format, ...]:
    """Every format the house reads."""
    return catalog("modelairlock.formats", Format)


def read_tree(
    source: Source,
    path: str,
    name: str,
    limits: Limits,
    known: Sequence[Format] | None = None,
    *,
    strict: bool = False,
    shared: bool = False,
) -> Reading:
    """Facts and coverage of `source` and everything in it. With `strict`, a bug in a reader is raised (for fuzzing).

    With `shared`, raises `NotShared` before a decoder written in C sees a byte. Raises `NotHere` where a format needs a
    library that is not loaded.
    """
    tree = _Tree(_house() if known is None else _Known(known), Budget(limits, source.size), strict, shared)
    reading, _ = tree.artifact(source, path, name, "", 0)
    return reading


class NotHere(BaseException):
    """Reading on needs a library that this process has not loaded, and cannot load any more."""


class _Room:
    """How many more gaps of one source are told one by one. Each artifact has a first one in any case."""

    __slots__ = ("gaps",)

    def __init__(self, gaps: int) -> None:
        self.gaps = gaps


class _Account:
    """One artifact while its readers run: where it is, and what is known of it so far."""

    __slots__ = (
        "depth", "facts", "full", "gaps", "members", "name", "passed", "path", "read", "room", "size", "source",
    )  # fmt: skip

    def __init__(self, source: Source, path: str, name: str, depth: int, room: "_Room") -> None:
        self.source, self.size = source, source.size
        self.path, self.name, self.depth = path, name, depth
        self.room = room
        #: from here on no more members were opened
        self.full: int | None = None
        self.facts: list[Fact] = []
        self.gaps: list[Gap] = []
        self.members: list[Reading] = []
        self.read = Extents()
        self.passed = Extents()

    def gap(self, start: int, end: int, because: Because, detail: str) -> None:
        start = min(max(0, start), self.size)
        end = min(max(start, end), self.size)
        if self.gaps and self.room.gaps <= 0:
            last = self.gaps.pop()
            start, end = min(start, last.start), max(end, last.end)
            because, detail = Because.OVER_LIMIT, "more gaps than are told one by one (limit: facts)"
        else:
            self.room.gaps -= 1
        self.gaps.append(Gap(start=start, end=end, because=because, detail=detail))

    def coverage(self) -> Coverage:
        """Gaps outrank what was read, and that outranks what was passed over, so that the three add up."""
        read, passed = self.read, self.passed
        if self.gaps:
            open_bytes = Extents()
            for gap in sorted(self.gaps, key=lambda gap: gap.start):
                if gap.because is not Because.UNVOUCHED:
                    open_bytes.add(gap.start, gap.end)
            read, passed = read.minus(open_bytes), passed.minus(open_bytes)
        passed = passed.minus(read)
        return Coverage(
            size_bytes=self.size, read_bytes=read.total(), passed_over_bytes=passed.total(), gaps=tuple(self.gaps)
        )


class _Tree:
    def __init__(self, known: "_Known", budget: Budget, strict: bool, shared: bool) -> None:
        self.known = known
        self.budget = budget
        self.strict = strict
        self.shared = shared
        self.room = _Room(budget.limits.facts)

    def artifact(self, source: Source, path: str, name: str, role: str, depth: int) -> tuple[Reading, Extents]:
        """The reading of one artifact, and which of its bytes were read."""
        self.budget.artifacts -= 1
        account = _Account(source, path, name, depth, self.room)
        claimants: Sequence[Format] = ()
        try:
            self._admit(depth)
            probe = self._probe(source, name, role)
            claimants = _claimants(self.known, probe, self.strict)
            if self.shared and "zip" in _family(claimants):
                # Entries are unpacked to tell where they end, whether or not they become members.
                raise NotShared
            self._need(claimants)
            self._identify(account, probe, claimants)
        except ReadProblem as problem:
            account.gap(0, account.size, problem.because, problem.detail)
        for claimant in claimants:
            self._read(account, claimant)
        reading = Reading(
            path=path,
            name=name,
            role=role,
            formats=tuple(claimant.name for claimant in claimants),
            facts=tuple(account.facts),
            coverage=account.coverage(),
            members=tuple(account.members),
        )
        return reading, account.read

    def _need(self, claimants: Sequence[Format]) -> None:
        """Leave the artifact to a process that may read it and can."""
        if self.shared and any(claimant.native for claimant in claimants):
            raise NotShared
        if any(claimant.library and claimant.library not in sys.modules for claimant in claimants):
            raise NotHere

    def _admit(self, depth: int) -> None:
        limits = self.budget.limits
        if depth > limits.depth:
            raise OverLimit(0, f"artifacts nested more than {limits.depth} deep (limit: depth)")
        self.budget.check_time(0)

    def _identify(self, account: _Account, probe: Probe, claimants: Sequence[Format]) -> None:
        names = tuple(claimant.name for claimant in claimants)
        whole = Span(0, account.size)
        if not claimants:
            if probe.role == "raw":
                account.passed.add(0, account.size)
            else:
                detail = "no format claims these bytes" if account.size else "the file is empty"
                account.gap(0, account.size, Because.UNRECOGNISED, detail)
        if len(claimants) > 1:
            account.facts.append(Polyglot(span=whole, formats=names))
        promised = self.known.promises.get(probe.extension)
        if promised and not promised.intersection(_family(claimants)):
            account.facts.append(NameMismatch(span=whole, extension=probe.extension, formats=names))

    def _read(self, account: _Account, claimant: Format) -> None:
        """Let one format read; what it does not account for is a gap, whatever the others say."""
        cursor = Cursor(account.source, account.name, self.budget)
        mine = Extents()
        try:
            for stated in claimant.read(cursor):
                self._state(account, mine, stated)
        except ReadProblem as problem:
            self._stop(account, mine, problem.position, problem.because, problem.detail)
        except Exception as failure:
            if self.strict:
                raise
            detail = f"the {claimant.name} reader failed: {type(failure).__name__}"
            self._stop(account, mine, cursor.position, Because.READER_FAILED, detail)
        counted = cursor.counted()
        account.read.update(counted)
        account.passed.update(cursor.passed)
        mine.update(counted)
        mine.update(cursor.passed)
        for start, end in mine.missing(account.size):
            account.gap(start, end, Because.UNRECOGNISED, f"not part of the {claimant.name}")

    def _stop(self, account: _Account, mine: Extents, at: int, because: Because, detail: str) -> None:
        account.gap(at, account.size, because, detail)
        mine.add(min(max(0, at), account.size), account.size)

    def _state(self, account: _Account, mine: Extents, stated: Fact | Gap) -> None:
        if isinstance(stated, Gap):
            account.gap(stated.start, stated.end, stated.because, stated.detail)
            mine.add(stated.start, stated.end)
            return
        if not 0 <= stated.span.start <= stated.span.end <= account.size:
            stated = self._clamped(account, stated)
        self.budget.facts -= 1
        if self.budget.facts < 0:
            raise OverLimit(stated.span.start, f"more than {self.budget.limits.facts} facts (limit: facts)")
        account.facts.append(stated)
        if isinstance(stated, Member):
            self._member(account, mine, stated)

    def _clamped(self, account: _Account, stated: Fact) -> Fact:
        """A fact that reaches out of its artifact, as one that does not: the parent would refuse the whole answer."""
        if self.strict:
            raise ValueError(f"a fact outside its artifact of {account.size} bytes: {stated}")
        start = min(max(0, stated.span.start), account.size)
        return replace(stated, span=Span(start, min(max(start, stated.span.end), account.size)))

    def _member(self, account: _Account, mine: Extents, member: Member) -> None:
        """Open a member and read it anew. Its bytes count in this artifact as its own reading found them."""
        span = Span(max(0, member.span.start), min(member.span.end, account.size))
        mine.add(span.start, span.end)
        inside = f"{account.path}!{member.name[:NAME_CHARACTERS]}"
        if member.method == "stored":
            self._stored(account, member, span, inside)
            return
        if self.shared and member.method not in _PLAIN:
            raise NotShared
        if member.method not in METHODS:
            account.gap(*span, Because.UNSUPPORTED, f"{member.name}: nothing here undoes {member.method}")
        elif not self._too_many(account, span):
            self._inflated(account, member, span, inside)

    def _too_many(self, account: _Account, span: Span) -> bool:
        """Whether no more artifacts may be opened. What is left is one gap then, for an archive may hold a million."""
        if self.budget.artifacts > 0:
            return False
        start, end = span.start, account.size if account.full is None else account.full
        if start < end or account.full is None:  # members need not come in the order in which they lie
            account.full = start
            detail = f"more than {self.budget.limits.artifacts} artifacts in one source (limit: artifacts)"
            account.gap(start, end, Because.OVER_LIMIT, detail)
        return True

    def _stored(self, account: _Account, member: Member, span: Span, inside: str) -> None:
        source = SubSource(account.source, *span)
        if member.role != "raw" or self._claimed(source, member.name):
            if self._too_many(account, span):
                return
            reading, read = self.artifact(source, inside, member.name, member.role, account.depth + 1)
            account.members.append(reading)
            account.read.update(read.within(0, span.end - span.start).moved(span.start))
        account.passed.add(*span)

    def _inflated(self, account: _Account, member: Member, span: Span, inside: str) -> None:
        try:
            inflated = inflate(account.source, span, member.method, self.budget, member.size_bytes)
            reading, _ = self.artifact(inflated, inside, member.name, member.role, account.depth + 1)
        except ReadProblem as problem:
            account.gap(*span, problem.because, f"{member.name}: {problem.detail}")
            return
        if inflated.damage:
            reading = _damaged(reading, inflated)
        if inflated.size or reading.coverage.gaps:  # no numbers at all are nothing to tell of, stored or not
            account.members.append(reading)
        used = min(span.start + inflated.consumed, span.end)
        account.read.add(span.start, used)
        if used < span.end:
            where = "after the damage in" if inflated.damage else "after the end of"
            because = inflated.because if inflated.damage else Because.UNRECOGNISED
            detail = f"{span.end - used} bytes {where} the compressed data of {member.name}"
            account.gap(used, span.end, because, detail)

    def _claimed(self, source: Source, name: str) -> bool:
        return bool(_claimants(self.known, self._probe(source, name, "raw"), self.strict))

    def _probe(self, source: Source, name: str, role: str) -> Probe:
        """What formats see. Those without a magic try to decode what begins like theirs before they claim it."""
        probe = _probe(source, name, role)
        if self.shared and (zlib_header(probe.head) or lzma_header(probe.head)):
            raise NotShared
        return probe


def _probe(source: Source, name: str, role: str) -> Probe:
    head = source.read(0, HEAD_BYTES)
    if len(head) >= source.size:
        return Probe(head, head, source.size, name, role, source, {})
    start = max(0, source.size - TAIL_BYTES)
    return Probe(head, source.read(start, source.size - start), source.size, name, role, source, {})


class _Known:
    """Formats, and two indices of them: by the first byte of what they claim, and by the extensions that promise them.

    Most artifacts are small, and to ask sixty formats about each would take longer than to read it.
    """

    __slots__ = ("by_first_byte", "every", "promises")

    def __init__(self, known: Sequence[Format]) -> None:
        self.every = tuple(known)
        self.by_first_byte = [
            tuple(one for one in known if not one.begins or first in one.begins) for first in range(256)
        ]
        self.promises = _promises(known)


@cache
def _house() -> _Known:
    return _Known(formats())


def _claimants(known: _Known, probe: Probe, strict: bool) -> list[Format]:
    """Every format that claims the artifact, less those whose structure another claimant reads itself."""
    if not probe.size:
        return []
    claiming = []
    # Bytes that the system would not hand over begin with anything.
    for candidate in known.by_first_byte[probe.head[0]] if probe.head else known.every:
        try:
            claims = candidate.claims(probe)
        except Exception:
            if strict:
                raise
            claims = True  # it reads, then: its failure there becomes a gap
        if claims:
            claiming.append(candidate)
    covered = {name for claimant in claiming for name in claimant.builds_on}
    return [claimant for claimant in claiming if claimant.name not in covered]


def _promises(known: Sequence[Format]) -> dict[str, frozenset[str]]:
    promised: dict[str, set[str]] = {}
    for candidate in known:
        for extension in candidate.extensions:
            promised.setdefault(extension, set()).add(candidate.name)
    return {extension: frozenset(names) for extension, names in promised.items()}


def _family(claimants: Sequence[Format]) -> Iterator[str]:
    """The claimants' names and those of the formats they build on: a ``.zip`` that is a torch checkpoint is a zip."""
    for claimant in claimants:
        yield claimant.name
        yield from claimant.builds_on


def _damaged(reading: Reading, inflated: Inflated) -> Reading:
    """The reading of a member whose compressed stream breaks off, with the gap where it does."""
    coverage = reading.coverage
    gap = Gap(start=coverage.size_bytes, end=coverage.size_bytes, because=inflated.because, detail=inflated.damage)
    return replace(reading, coverage=replace(coverage, gaps=(*coverage.gaps, gap)))
