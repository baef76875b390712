"""Every budget in one frozen record. A budget that runs out is a gap, never a finding."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What reading one source may cost. Sizes are bytes, times are seconds. `MEANINGS` says what each one bounds."""

    window_bytes: int = 256 * 1024
    header_bytes: int = 100_000_000
    inflate_in_memory_bytes: int = 16 * 1024 * 1024
    expanded_bytes: int = 64 * 1024**3
    expansion_ratio: int = 200
    expansion_floor_bytes: int = 256 * 1024 * 1024
    depth: int = 8
    artifacts: int = 100_000
    entries: int = 1_000_000
    facts: int = 200_000
    stack_cells: int = 4_000_000
    memo_cells: int = 16_000_000
    text_characters: int = 400
    value_parts: int = 8
    value_depth: int = 3
    seconds: float = 300.0
    worker_bytes: int = 320 * 1024 * 1024


DEFAULT_LIMITS = Limits()

#: for people: docs/limits.md and ``airlock explain NAME`` say these words
MEANINGS = {
    "window_bytes": "bytes of one read into memory: a window of a large file, or a small part that is parsed whole",
    "header_bytes": "the largest header that is parsed whole (safetensors allows 100 MB; its JSON is parsed in memory)",
    "inflate_in_memory_bytes": "decompressed members up to this size are kept in memory; larger ones are streamed",
    "expanded_bytes": "decompressed bytes of all members of one source together",
    "expansion_ratio": "how many times its compressed size a member may decompress to, and so may all members of a "
    "source together; what is below `expansion_floor_bytes` does not count",
    "expansion_floor_bytes": "decompressed bytes that are always allowed, however small the member they come from; "
    "only beyond them `expansion_ratio` counts",
    "depth": "artifacts inside artifacts inside …",
    "artifacts": "artifacts in one source",
    "entries": "entries of one archive's directory",
    "facts": "facts of one source",
    "stack_cells": "values on the pickle machine's stack (about 40 bytes each)",
    "memo_cells": "values in the pickle machine's memo and tuples (8 bytes each)",
    "text_characters": "characters kept of a string in a fact",
    "value_parts": "parts kept of one value in a fact: items of a list, arguments of a call",
    "value_depth": "how many values inside values are kept of a value in a fact",
    "seconds": "seconds of wall time for one source in the worker",
    "worker_bytes": "memory the worker may have beyond what it starts with",
}
