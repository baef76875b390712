"""Words for what happened in the jail."""

from collections.abc import Iterator, Sequence

from modelairlock.outputs.text.layout import Sheet
from modelairlock.records.detonate import DetonateRecord, Detonation
from modelairlock.records.isolation import LAYERS, Layer
from modelairlock.records.jail import Event
from modelairlock.records.scan import Verdict
from modelairlock.records.text import shown, shown_path
from modelairlock.records.wording import counted

_EVENTS = 12
_CLAIMS = 8
_WIDEST = 120
_UNBROKEN = 1_000_000


def detonations(record: DetonateRecord, *, width: int, colour: bool, verbose: bool) -> Iterator[str]:
    """The report of ``airlock detonate``, line by line."""
    sheet = Sheet(min(width, _WIDEST) or _UNBROKEN, colour, breaks=width > 0)
    for one in record.detonations:
        yield from _one(one, sheet, verbose)
        yield ""
    for error in record.errors:
        yield from sheet.entry("error", f"{shown_path(error.path, 200)}: {error.message}", "error")
        if error.hint:
            yield from sheet.entry("do", error.hint)
    for left in record.excluded if verbose else ():
        yield from sheet.entry("left out", f"{shown_path(left.path, 200)}: {shown(left.reason)}")
    yield from sheet.plain(_summary(record))
    if record.excluded and not record.detonations and not record.errors:
        text = (
            "Nothing is known of it: no loader of the jail opens it. airlock scan reads it; --loader NAME has it loaded"
            " all the same."
        )
        yield from sheet.plain(text)


def _summary(record: DetonateRecord) -> str:
    counts = [(verdict, sum(one.verdict is verdict for one in record.detonations)) for verdict in Verdict]
    told = ", ".join(f"{count} {verdict.value}" for verdict, count in counts if count)
    left = f" {counted(len(record.excluded), 'file')} not loaded alone (-v says why)." if record.excluded else ""
    return f"{counted(len(record.detonations), 'file')} loaded in the jail{': ' if told else ''}{told}.{left}"


def _one(one: Detonation, sheet: Sheet, verbose: bool) -> Iterator[str]:
    seconds = sum(phase.seconds for phase in one.phases)
    yield from sheet.title(one.verdict, shown_path(one.path, 200), f"{one.loader}, {seconds:.1f} s")
    for finding in one.findings:
        text = f"{finding.rule}: {shown(finding.message, 600)}"
        yield from sheet.entry(finding.severity.value, text, finding.severity.value)
        yield from sheet.entry("do", shown(finding.help, 400))
    for event in one.events if verbose else one.events[:_EVENTS]:
        yield from sheet.entry("tried", _event(event))
    left = len(one.events) - _EVENTS
    if left > 0 and not verbose:
        yield from sheet.entry("", f"and {left} more with -v")
    if one.dropped:
        yield from sheet.entry("dropped", f"{one.dropped:,} more were seen and not kept")
    if one.usual:
        yield from sheet.entry(
            "usual", f"{counted(one.usual, 'attempt')} that an honest file makes here too, or idle ones"
        )
    for phase in one.phases:
        if phase.name == "inference":
            text = f"{shown(phase.note, 400)} (said by the jailed process itself)" if phase.note else "did not end"
            yield from sheet.entry("first use", text)
    yield from sheet.entry("outcome", f"{one.outcome.value}: {shown(one.detail, 400)}")
    yield from sheet.entry("jail", f"{one.level.value}: {_layers(one.layers)}")
    if one.verdict is Verdict.CLEAR:
        text = "what waits for another day, another machine, or another input"
        yield from sheet.entry("not shown", text, text_style="dim")
    if verbose:
        yield from _more(one, sheet)


def _more(one: Detonation, sheet: Sheet) -> Iterator[str]:
    yield from sheet.entry("loaded by", shown(one.interpreter, 300))
    if one.sha256:
        yield from sheet.entry("sha256", one.sha256)
    for phase in one.phases:
        memory = f"{phase.memory_bytes / 1e6:,.0f} MB"
        text = f"{phase.seconds:.2f} s, {phase.cpu_seconds:.2f} s of processor, {memory} at most"
        yield from sheet.entry(phase.name, text)
    if one.imported or one.variables or one.claims:
        # Once, and not at every line: what is repeated is not read.
        text = "imported, variables and claims are said by the jailed process itself: it can be forged"
        yield from sheet.entry("note", text, text_style="dim")
    for label, names in (("imported", one.imported), ("variables", one.variables)):
        if names:
            yield from sheet.entry(label, shown(", ".join(names), 400))
    for claim in one.claims[:_CLAIMS]:
        yield from sheet.entry("claims", shown(f"{claim.event} {' '.join(claim.arguments)}", 200))
    if one.dropped_claims:
        yield from sheet.entry("claims", f"{one.dropped_claims:,} more were heard and not kept")
    if one.output:
        yield from sheet.entry("printed", shown(one.output, 400))


def _event(event: Event) -> str:
    call = " ".join((event.syscall, *event.arguments))
    return f"{shown(call, 300)} ({event.phase}, at {event.at_seconds:.3f} s: {event.certainty.value}, {event.action})"


def _matters(layer: Layer) -> bool:
    """Whether it is missed: of a layer that no level needs, and few machines have, only that it broke."""
    return layer.state != "enforced" and (layer.name in LAYERS or layer.state == "failed")


def _layers(layers: Sequence[Layer]) -> str:
    held = [layer.name for layer in layers if layer.state == "enforced"]
    lacking = [f"{layer.name} {layer.state} ({shown(layer.reason, 120)})" for layer in layers if _matters(layer)]
    return "; ".join([", ".join(held) + " enforced" if held else "no layer enforced", *lacking])
