"""Where a name inside a model points: beside the model, somewhere else on the machine, or away from it."""

from __future__ import annotations

from modelairlock.records.regex import regex

_LEAVES = regex(r"^[/\\~]|^[A-Za-z]:|(?:^|[/\\:])\.\.(?:[/\\]|$)|[\x00-\x1f]")
_ADDRESS = regex(r"^[A-Za-z][A-Za-z0-9+.-]*:|://")


def leaves_folder(path: str) -> bool:
    """Whether a loader that opens ``path`` beside the model may open something elsewhere, on any system (CWE-22).

    Absolute paths of Unix and Windows, a home, a drive, a step up, and control characters, at which C cuts a name.
    """
    return _LEAVES.search(path) is not None


def leaves_machine(path: str) -> bool:
    """Whether ``path`` is an address (``https://…``, ``gs://…``, ``data:…``) and not the name of a file."""
    return _ADDRESS.search(path) is not None
