"""An airlock for machine-learning models: reads them without loading them, and says what loading would do.

What ``__all__`` names is promised; nothing else is. All of it is imported on first use, because the walled-in worker
and ``airlock --help`` import this package too and pay for what they do not use.
"""

# Type checkers know this name; importing it would import typing, which costs ten times what this module does.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike
    from typing import Any

    from modelairlock.limits import Limits
    from modelairlock.records.coverage import Because, Gap
    from modelairlock.records.errors import AirlockError
    from modelairlock.records.finding import Finding, Severity
    from modelairlock.records.scan import ScanRecord, Subject, Verdict

__version__ = "0.1.0"

__all__ = [
    "AirlockError",
    "Because",
    "Finding",
    "Gap",
    "Limits",
    "ScanRecord",
    "Severity",
    "Subject",
    "Verdict",
    "__version__",
    "scan",
]

_HOMES = {
    "AirlockError": "records.errors",
    "Because": "records.coverage",
    "Finding": "records.finding",
    "Gap": "records.coverage",
    "Limits": "limits",
    "ScanRecord": "records.scan",
    "Severity": "records.finding",
    "Subject": "records.scan",
    "Verdict": "records.scan",
}


def scan(sources: "str | PathLike[str] | Iterable[str | PathLike[str]]", **options: "Any") -> "ScanRecord":
    """Scan a file or folder, or several, without loading anything, and say what is known of each file.

    `options` are the fields of ``modelairlock.pipeline.scan.Options``: exclude, jobs, hash, require, limits, cache,
    cache_folder (None, the default here, caches nothing). Problems that the caller can mend stand in ``errors`` of the
    record; raises `AirlockError` for options that make no sense and for an isolation level that is out of reach.
    """
    import os
    from pathlib import Path

    from modelairlock.pipeline.scan import Options, scan_sources

    several = [sources] if isinstance(sources, str | os.PathLike) else sources
    return scan_sources([Path(source) for source in several], Options(**options))


def __getattr__(name: str) -> "Any":
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
