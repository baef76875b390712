"""What an output is: one way to write a `ScanRecord` down.

An output is pure. It sees no terminal, environment or clock; what it may know of these comes in as a `View`.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from modelairlock.records.rule import Rule
from modelairlock.records.scan import ScanRecord


class View(NamedTuple):
    """Who reads the report, and what is known beyond the record itself."""

    #: columns of the terminal; 0 where there is none
    width: int = 0
    #: whether escape sequences for colour are welcome
    colour: bool = False
    #: say it all: every file, every blind spot
    verbose: bool = False
    #: wall time of the scan; None where a repeatable report is wanted
    seconds: float | None = None
    #: every rule there is, for the tables that some outputs carry
    rules: tuple[Rule, ...] = ()
    #: by format, what its reader passes over by design
    passes_over: Mapping[str, str] = MappingProxyType({})
    #: the folder that relative locations are seen from
    folder: str = ""


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """A way to write a scan down. `render` gives text in pieces; joined and encoded as UTF-8 they are the report."""

    name: str
    summary: str
    media_type: str
    #: the usual extension of a file that holds it, with its dot
    suffix: str
    render: Callable[[ScanRecord, View], Iterator[str]]
