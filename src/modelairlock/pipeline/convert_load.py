"""Converts what reading cannot: the file is loaded in the jail, and its tensors are taken out while it lives there.

What a newcomer would get wrong: that a load came back proves nothing of the file, so what it tried is judged as for
`detonate`, and nothing is put in place before the jail is gone and that is known.
"""

import os
from typing import NamedTuple

import msgspec

from modelairlock.isolation import jail
from modelairlock.isolation.jail.fetching import Fetched, Fetching
from modelairlock.isolation.jail.job import text
from modelairlock.pipeline.answer import ProtocolBroken
from modelairlock.pipeline.attempted import attempted
from modelairlock.pipeline.convert_answer import decode_plain, decode_plan
from modelairlock.pipeline.convert_inputs import Inputs, Opened
from modelairlock.pipeline.convert_write import NotConverted, Writer
from modelairlock.pipeline.judge import judge
from modelairlock.pipeline.load_limits import limits_for, machine_memory
from modelairlock.pipeline.openers import ONNX, loaders_of
from modelairlock.pipeline.usual import Usual
from modelairlock.records.attempts import one_thread_more
from modelairlock.records.coverage import Coverage
from modelairlock.records.disarm import Framework, Plan
from modelairlock.records.errors import AirlockError, NoIsolation
from modelairlock.records.finding import Finding
from modelairlock.records.isolation import Level
from modelairlock.records.jail import Event, JailResult, Outcome
from modelairlock.records.reading import Reading
from modelairlock.records.scan import ScanRecord

#: what these make holds its numbers where nobody takes them out
_NO_TENSORS = frozenset((ONNX, "xgboost.Booster"))
_FRAMEWORKS: dict[str, Framework] = {"torch.load": "pt", "keras.load_model": "tf"}
#: seconds a load and its tensors may take, beyond what so many bytes a second take
_SECONDS, _LEAST_SPEED = 120, 10_000_000
_DONE = (Outcome.COMPLETED, Outcome.COMPLETED_WITH_VIOLATIONS)


class Loaded(NamedTuple):
    """How it went. Without a `plan` nothing was written, and `why` says the reason."""

    result: JailResult
    events: tuple[Event, ...]
    findings: tuple[Finding, ...]
    plan: Plan | None
    why: str
    shared: tuple[tuple[str, ...], ...]


def can_load(inputs: Inputs, record: ScanRecord) -> str:
    """The loader of the jail that opens the file and gives tensors; empty if there is none."""
    if len(inputs.files) != 1:
        return ""
    found = loaders_of(os.path.basename(inputs.files[0].path), record.subjects[0])
    return next((one for one in found if one not in _NO_TENSORS), "")


def load(
    one: Opened, loader: str, interpreter: str, require: Level, libraries: tuple[str, ...], writer: Writer
) -> Loaded:
    """Load the file in the jail, and have `writer` filled with its tensors; the caller puts them in place.

    Raises `AirlockError` for an environment without the loader, NoIsolation for less isolation than is required.
    """
    size = one.state.st_size
    limits = limits_for(size, machine_memory(), seconds=_SECONDS + size // _LEAST_SPEED)
    taking = _Taking(writer, one, loader)
    job = jail.loading(loader, one.fd, interpreter, libraries)
    job = msgspec.structs.replace(job, code=f"{job.code}\n{text('giving.py')}", phases=("import", "load", "give"))
    fetching = Fetching(taking.take, limits, file=1)
    result = jail.run(job, require=require, limits=limits, serving=fetching)
    if result.outcome is Outcome.ISOLATION_UNAVAILABLE:
        raise NoIsolation(f"cannot load {one.path}: {result.detail}", "airlock doctor says what is missing.")
    if result.outcome is Outcome.ISOLATION_LOST:
        raise AirlockError(f"cannot load {one.path}: {result.detail}", "See airlock doctor.")
    events = Usual(interpreter, require, None).beyond(result, job.argument)
    findings = _judged(events, one, result)
    why = taking.why
    if result.outcome not in _DONE:
        why = why or f"{result.outcome.value}: {result.detail}"
    elif result.dropped:  # what nobody has seen cannot be said to be usual
        why = f"it tried {result.dropped:,} things more than are kept"
    shared = taking.fetched.shared if taking.fetched else ()
    return Loaded(result, events, findings, None if why else taking.plan, why, shared)


class _Taking:
    """What is done while the jail lives."""

    def __init__(self, writer: Writer, one: Opened, loader: str) -> None:
        self.writer, self.one, self.loader = writer, one, loader
        self.plan: Plan | None = None
        self.fetched: Fetched | None = None
        self.why = ""

    def take(self, fetching: Fetching) -> None:
        """Write all tensors, but not yet under their names. Raises what `fetching` raises, `AirlockError`."""
        fetched = self.fetched = fetching.described()
        try:
            plan = _plan(fetched, self.loader, self.one.state.st_size)
            if not plan.tensors:
                lost = f"; of {len(plan.lost)} none can be carried over: {plan.lost[0].why}" if plan.lost else ""
                raise NotConverted(f"there are no tensors in what was loaded{lost}")
            self.writer.remote = fetching.read
            self.writer.fill(plan, decode_plain(plan.plain))
            self.plan = plan
        except (NotConverted, ProtocolBroken) as problem:
            self.why = str(problem)


def _plan(fetched: Fetched, loader: str, size: int) -> Plan:
    """The plan to copy what was described; checked as any plan is, though it was made here."""
    plan = Plan(
        format=loader, framework=_FRAMEWORKS.get(loader, "np"), tensors=fetched.tensors, stores=fetched.stores,
        plain=fetched.plain, dropped=fetched.dropped, lost=fetched.lost, more_dropped=fetched.more_dropped,
        more_lost=fetched.more_lost,
    )  # fmt: skip
    return decode_plan(msgspec.msgpack.encode(plan), size, fetched.size)


def _judged(events: tuple[Event, ...], one: Opened, result: JailResult) -> tuple[Finding, ...]:
    size = one.state.st_size
    read = Coverage(size_bytes=size, read_bytes=size)
    tried = [event for event in events if not one_thread_more(event.syscall, event.arguments, event.action)]
    facts = tuple(attempted(tried, size, result))
    return judge(
        Reading(path=one.path, name=os.path.basename(one.path), facts=facts, coverage=read), sha256=None
    ).findings
