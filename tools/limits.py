"""The page of limits, from the comments beside the fields of `Limits`: what a budget means stands in one place only."""

import ast
from pathlib import Path

import msgspec

from modelairlock.limits import DEFAULT_LIMITS

SOURCE = Path(__file__).resolve().parent.parent / "src" / "modelairlock" / "limits.py"
_UNITS = ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB"))


def rows() -> list[tuple[str, str, str]]:
    """Name, default, and meaning of each limit; a comment counts for the fields below it, up to the next."""
    lines = SOURCE.read_text("utf-8").splitlines()
    [record] = [node for node in ast.parse("\n".join(lines)).body if isinstance(node, ast.ClassDef)]
    fields = {node.lineno: ast.unparse(node.target) for node in record.body if isinstance(node, ast.AnnAssign)}
    defaults = msgspec.structs.asdict(DEFAULT_LIMITS)
    made, comment, fresh = [], "", False
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text.startswith("#:"):
            comment = f"{comment} {text[2:].strip()}" if fresh else text[2:].strip()
        elif number in fields:
            made.append((f"`{fields[number]}`", _shown(fields[number], defaults[fields[number]]), comment))
        fresh = text.startswith("#:")
    return made


def _shown(name: str, value: float) -> str:
    """A default as a person writes it; sizes in bytes with the largest unit that divides them."""
    if name.endswith("_bytes"):
        for size, unit in _UNITS:
            if value % size == 0:
                return f"{int(value) // size} {unit}"
    return f"{value:,g}" if isinstance(value, float) else f"{value:,}"
