"""The account of every byte of an artifact: read, passed over by design, or in a gap."""

from enum import StrEnum

import msgspec


class Because(StrEnum):
    """Why nobody vouches for a span. The text of each is what ``airlock explain`` prints."""

    MALFORMED = "malformed"
    TRUNCATED = "truncated"
    OVER_LIMIT = "over_limit"
    UNSUPPORTED = "unsupported"
    ENCRYPTED = "encrypted"
    UNRECOGNISED = "unrecognised"
    UNVOUCHED = "unvouched"
    UNREADABLE = "unreadable"
    READER_FAILED = "reader_failed"


EXPLANATIONS: dict[Because, tuple[str, str]] = {
    Because.MALFORMED: (
        "The bytes break the rules of their own format, so what follows could not be read.",
        "Get the file again from its source; if it is the same there, ask its author to save it anew.",
    ),
    Because.TRUNCATED: (
        "The file ends before its format says it may.",
        "Download it again and compare its size and digest with what the source states.",
    ),
    Because.OVER_LIMIT: (
        "Reading on would have cost more memory, time or nesting than the limits allow. It says nothing about intent.",
        "If it names a limit and you trust the source, raise that with --limits. What names none is fixed.",
    ),
    Because.UNSUPPORTED: (
        "The format, or this part of it, is known, but nothing here reads it yet.",
        "Treat it as unread: ask for the model in a format that is read, or have a person review it.",
    ),
    Because.ENCRYPTED: (
        "The bytes are encrypted, so nobody without the key can say what they hold.",
        "Decrypt it first, then scan what comes out.",
    ),
    Because.UNRECOGNISED: (
        "No format claims these bytes.",
        "Find out what they are and why they are there; nothing that is not understood is called clear.",
    ),
    Because.UNVOUCHED: (
        "The file names code, or uses it in a way, that no profile vouches for. It may be harmless; nobody has looked.",
        "Have someone review what the named code does when the file is loaded, or ask for safetensors.",
    ),
    Because.UNREADABLE: (
        "The operating system did not hand over the bytes.",
        "Check permissions, links and the disk, then scan again.",
    ),
    Because.READER_FAILED: (
        "The reader for this format died, hung or gave nonsense. That is a bug in modelairlock, or an attack on it.",
        "Do not load the file. Please report it, with the file if you can share it.",
    ),
}


#: the details of gaps of a file that was judged again, and whose facts could not be found
NOT_KEPT = "no facts in the cache"
NO_DIGEST = "the report has no digest of it, so nothing in the cache can be found"
_NOT_READ = (
    "Nothing was read this time, and nothing that was read of this file before was found in the cache.",
    "Scan the file again, by itself: no facts are kept of compressed files that are read by eights.",
)
#: how details begin of what is written by people: to save it anew mends nothing
_WRITTEN = ("expected Python", "expected source in", "expected a Jinja template")
_NOT_PARSED = (
    "It is source code or a template that does not parse here. Another version or program may run it all the same.",
    "Have a person read it before anything imports, executes or renders it.",
)


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A span that nobody vouches for. It may be empty: a zero-byte file has one."""

    start: int
    end: int
    because: Because
    detail: str = ""

    @property
    def explanation(self) -> tuple[str, str]:
        """Why nobody vouches for it, and what to do."""
        if self.because is Because.UNREADABLE and self.detail in (NOT_KEPT, NO_DIGEST):
            return _NOT_READ
        if self.because is Because.MALFORMED and self.detail.startswith(_WRITTEN):
            return _NOT_PARSED
        return EXPLANATIONS[self.because]


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How the bytes of one artifact are accounted for.

    ``read_bytes + passed_over_bytes`` and the union of the gaps make up ``size_bytes`` exactly. UNVOUCHED gaps
    stand for bytes that were read, and are left out of that sum.
    """

    size_bytes: int
    read_bytes: int = 0
    passed_over_bytes: int = 0
    gaps: tuple[Gap, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether no gap is left."""
        return not self.gaps
