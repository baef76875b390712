"""Converts one file: open, scan and judge, plan behind the wall, copy, put in place.

The file is never loaded, unless the operator asks for it where reading is not enough; then that happens in the jail.
What a plan says is checked before it is followed, and all that following it can do is to copy bytes of the inputs into
a new file; that it is safe to do so does not rest on the scan's verdict.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import msgspec

from modelairlock.isolation import Task, Wall
from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.pipeline import CONVERT
from modelairlock.pipeline.answer import RESULT_BYTES, ProtocolBroken
from modelairlock.pipeline.batch import CHANGED, GRACE_SECONDS
from modelairlock.pipeline.convert_answer import Ask, decode_plain, decode_plan, decode_texts
from modelairlock.pipeline.convert_inputs import Inputs, open_inputs
from modelairlock.pipeline.convert_write import NotConverted, Writer
from modelairlock.pipeline.options import Options
from modelairlock.pipeline.place import check_place
from modelairlock.pipeline.scan import scan_sources
from modelairlock.records.conversion import Carried, ConversionRecord, Input, Left
from modelairlock.records.disarm import MOST_NOTES, PLAIN_BYTES, Note, Plan
from modelairlock.records.errors import AirlockError
from modelairlock.records.finding import Finding
from modelairlock.records.isolation import Isolation, Level
from modelairlock.records.scan import ScanRecord, Verdict
from modelairlock.records.text import shown

if TYPE_CHECKING:
    from modelairlock.pipeline.openers import Needed

FLAGGED = "the file is FLAGGED: loading it would do harm"
TRIED = "loading it in the jail showed what it does: it tried what no honest file tries"
MORE_BY_LOADING = "Reading it is not enough: --load-in-jail loads it where it can reach nothing, and takes its tensors."

#: how a reader ends the reason of what safetensors has no type for
_NO_PLACE = "no place in safetensors"

_encode = msgspec.msgpack.Encoder().encode


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """How to convert. `strip` writes the tensors of a flagged file too, and takes what it drops as wished for.

    With `load_in_jail`, what reading cannot carry over is loaded in the jail, with the Python `interpreter`.
    """

    force: bool = False
    strip: bool = False
    drop_template: bool = False
    load_in_jail: bool = False
    interpreter: str = ""
    require: Level | None = None
    limits: Limits = DEFAULT_LIMITS


def convert(
    source: str, target: str, wanted: Wanted, progress: Callable[[int, int], None] | None = None
) -> ConversionRecord:
    """Write the tensors of `source` to `target`, and say what became of everything in it.

    `progress` hears how many bytes of how many are written. Raises `AirlockError` for what the operator can mend.
    """
    with ExitStack() as stack:
        inputs = open_inputs(source, stack)
        check_place(target, inputs.states, force=wanted.force)
        needed = _imports() if wanted.load_in_jail else None
        record = _scanned(inputs, wanted, needed)
        same = inputs.same()
        wall = Wall(
            CONVERT, memory_bytes=wanted.limits.worker_bytes, result_bytes=RESULT_BYTES,
            require=wanted.require or Level.NONE,
        )  # fmt: skip
        stack.callback(wall.close)
        told = _told(source, inputs, record)
        if not same:
            return msgspec.structs.replace(told, reason=CHANGED)
        if told.verdict is Verdict.FLAGGED and not wanted.strip and not _goes_with_template(told, wanted):
            return msgspec.structs.replace(told, outcome="refused", reason=FLAGGED)
        writer = Writer(target, inputs, wanted.limits, wall, progress, stack, force=wanted.force)
        one = _Conversion(inputs, wanted, wall, writer, record, needed)
        try:
            return one.done(msgspec.structs.replace(told, isolation=wall.isolation))
        except NotConverted as problem:
            left = _left(problem.plan or Plan())
            reason = shown(str(problem), 500)
            return msgspec.structs.replace(told, outcome="not-converted", reason=reason, hint=problem.hint, **left)
        except ProtocolBroken as problem:
            reason = f"the reader broke protocol: {problem}"
            return msgspec.structs.replace(told, outcome="not-converted", reason=reason)


def _imports() -> "Needed":
    """What collects the libraries that a load would import. The jail's modules cost who does not use it nothing."""
    from modelairlock.pipeline.openers import Needed

    return Needed()


def _scanned(inputs: Inputs, wanted: Wanted, needed: "Needed | None") -> ScanRecord:
    options = Options(require=wanted.require, limits=wanted.limits, cache=False, jobs=1)
    record = scan_sources(inputs.scanned, options, look=needed.note if needed else None)
    for error in record.errors:
        raise AirlockError(f"cannot scan {error.path}: {error.message}", error.hint)
    if len(inputs.files) == 1 and len(record.subjects) != 1:
        raise AirlockError(f"cannot scan {inputs.files[0].path}: it is {len(record.subjects)} files", "Name one file.")
    return record


def _told(source: str, inputs: Inputs, record: ScanRecord) -> ConversionRecord:
    """What is known once the scan is over."""
    findings: list[Finding] = []
    for one in record.walk():
        findings.extend(one.findings)
    for repository in record.repositories:
        findings.extend(repository.findings)
    digests = {os.path.normpath(subject.path): subject.sha256 for subject in record.subjects}
    several = tuple(
        Input(shown(one.path), one.state.st_size, digests.get(os.path.normpath(one.path))) for one in inputs.files
    )
    only = record.subjects[0] if len(inputs.files) == 1 else None
    return ConversionRecord(
        path=source, size_bytes=sum(inputs.sizes), sha256=only.sha256 if only else None, verdict=record.verdict,
        inputs=several if only is None else (), findings=tuple(findings), isolation=record.tool.isolation,
        outcome="not-converted",
    )  # fmt: skip


class _Conversion:
    """One conversion, from the plan on."""

    def __init__(
        self, inputs: Inputs, wanted: Wanted, wall: Wall, writer: Writer, record: ScanRecord,
        needed: "Needed | None",
    ) -> None:  # fmt: skip
        self.inputs, self.wanted, self.wall, self.writer, self.record = inputs, wanted, wall, writer, record
        self.needed = needed

    def done(self, told: ConversionRecord) -> ConversionRecord:
        """Plan, write, and tell. Raises `NotConverted`, `ProtocolBroken`, `AirlockError`."""
        plan = self._plan(os.path.basename(told.path.rstrip("/")))
        problem = _problem(plan) + self._kind(plan)
        short = plan.refused or plan.lost or plan.unknown
        loader = self._loader() if (problem or short) and not self.wanted.drop_template else ""
        if loader and self.wanted.load_in_jail:
            return self._loaded(told, loader)
        if loader and told.verdict is not Verdict.FLAGGED and _may_help(plan):
            told = msgspec.structs.replace(told, hint=MORE_BY_LOADING)
        if problem:
            raise NotConverted(problem, plan, told.hint)
        plan, plain = self._with_texts(plan)
        self.writer.fill(plan, plain)
        if not self.inputs.unchanged():
            raise NotConverted(CHANGED)
        output, beside = self.writer.place()
        told = msgspec.structs.replace(told, output=output, plain=beside)
        return _with_plan(told, plan, self.wanted, self.inputs.left)

    def _kind(self, plan: Plan) -> str:
        """Which kind of file it is that is refused for its kind."""
        if not plan.refused.endswith("files of this kind"):
            return ""
        if not sum(self.inputs.sizes):
            return " (it is empty)"
        formats = sorted({one for subject in self.record.subjects for one in subject.formats})
        return f" ({', '.join(formats) or 'no known format'})"

    def _loader(self) -> str:
        # Imported late, as what loads is below: it costs as much as all the rest, and is rarely needed.
        from modelairlock.pipeline.convert_load import can_load

        return can_load(self.inputs, self.record)

    def _plan(self, name: str) -> Plan:
        sizes = self.inputs.sizes
        ask = Ask(name=name, limits=self.wanted.limits, drop_template=self.wanted.drop_template, beside=sizes[1:])
        return decode_plan(self._asked(0, ask), *sizes)

    def _asked(self, file: int, ask: Ask) -> bytes:
        seconds = self.wanted.limits.seconds + GRACE_SECONDS
        [outcome] = self.wall.run([Task(self.inputs.files[file].fd, _encode(ask))], seconds=seconds)
        if outcome.result is None:
            raise NotConverted(f"reading it failed: {outcome.failure}")
        return outcome.result

    def _with_texts(self, plan: Plan) -> tuple[Plan, Any]:
        """The plan, and its plain data, which is the strings that lie in other files if there are any."""
        if not plan.texts:
            return plan, decode_plain(plan.plain)
        strings: dict[str, Any] = {}
        lost, size = list(plan.lost), 0
        for file in sorted({text.file for text in plan.texts}):
            ask = Ask(limits=self.wanted.limits, texts=tuple(text for text in plan.texts if text.file == file))
            found, missing, more = decode_texts(self._asked(file, ask), len(ask.texts))
            strings |= found
            lost += missing
            size += more
            if size > PLAIN_BYTES:
                strings = {}
                lost.append(Note("", "strings", f"all files together have more than {PLAIN_BYTES} bytes of them"))
                break
        more = plan.more_lost + max(0, len(lost) - MOST_NOTES)
        plan = msgspec.structs.replace(plan, lost=tuple(lost[:MOST_NOTES]), more_lost=more)
        return plan, strings or None

    def _loaded(self, told: ConversionRecord, loader: str) -> ConversionRecord:
        """As `done`, by loading it in the jail."""
        from modelairlock.pipeline.convert_load import load

        one = self.inputs.files[0]
        libraries = self.needed.of(one.path) if self.needed else ()
        interpreter, require = self.wanted.interpreter, self.wanted.require or Level.CONFINED
        loaded = load(one, loader, interpreter, require, libraries, self.writer)
        result = loaded.result
        told = msgspec.structs.replace(
            told, how="loaded", loader=loader, attempts=loaded.events, findings=(*told.findings, *loaded.findings),
            jail=Isolation(level=result.level, layers=result.layers),
        )  # fmt: skip
        if any(finding.severity.flags for finding in loaded.findings) and not self.wanted.strip:
            return msgspec.structs.replace(told, outcome="refused", reason=TRIED)
        if loaded.plan is None:
            reason = f"loading it in the jail failed: {loaded.why}"
            return msgspec.structs.replace(told, outcome="not-converted", reason=shown(reason, 500))
        if not self.inputs.unchanged():
            return msgspec.structs.replace(told, outcome="not-converted", reason=CHANGED)
        output, beside = self.writer.place()
        told = msgspec.structs.replace(told, output=output, plain=beside)
        return msgspec.structs.replace(_with_plan(told, loaded.plan, self.wanted), shared=loaded.shared)


def _problem(plan: Plan) -> str:
    """Why nothing can be written; empty if something can."""
    if plan.refused or plan.tensors or plan.segments:
        return plan.refused
    lost = f"; of {len(plan.lost)} none can be carried over: {plan.lost[0].why}" if plan.lost else ""
    return f"there are no tensors in it{lost}"


def _may_help(plan: Plan) -> bool:
    """Whether a framework could give more than reading did: not where the format of OUT is what cannot hold it."""
    cut_short = "before the end" in plan.refused
    return (
        bool(plan.refused and not cut_short)
        or any(not one.why.endswith(_NO_PLACE) for one in plan.lost)
        or (plan.unknown > 0)
    )


def _goes_with_template(told: ConversionRecord, wanted: Wanted) -> bool:
    """Whether all that is wrong with the file is wrong with its chat templates, which are to go."""
    serious = [one for one in told.findings if one.severity.flags]
    return wanted.drop_template and all(one.rule.startswith("template-") for one in serious)


def _with_plan(
    told: ConversionRecord, plan: Plan, wanted: Wanted, left_behind: tuple[Left, ...] = ()
) -> ConversionRecord:
    left = _left(plan)
    left["dropped"] = (*left_behind, *left["dropped"])
    in_part = plan.lost or (left["dropped"] and not wanted.strip and not wanted.drop_template)
    return msgspec.structs.replace(
        told,
        outcome="partly" if in_part else "converted",
        format=shown(plan.format, 100),
        tensors=tuple(Carried(one.key, one.dtype, one.shape) for one in plan.tensors),
        shared=_shared(plan),
        **left,
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
