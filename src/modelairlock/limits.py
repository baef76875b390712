"""Every budget in one frozen record. A budget that runs out is a gap, never a finding."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What reading one source may cost. Sizes are bytes, times are seconds."""

    #: bytes of one read into memory (a window, a header that is parsed whole)
    window_bytes: int = 256 * 1024
    #: the largest header that is parsed whole (safetensors allows 100 MB; its JSON is parsed in memory)
    header_bytes: int = 100_000_000
    #: decompressed members up to this size are kept in memory; larger ones are streamed
    inflate_in_memory_bytes: int = 16 * 1024 * 1024
    #: decompressed bytes of all members of one source together
    expanded_bytes: int = 64 * 1024**3
    #: what members decompress to may be this many times the compressed size, beyond the first `expansion_floor_bytes`:
    #: for each member, and for all members of a source together
    expansion_ratio: int = 200
    expansion_floor_bytes: int = 256 * 1024 * 1024
    #: artifacts inside artifacts inside …
    depth: int = 8
    #: artifacts in one source
    artifacts: int = 100_000
    #: entries of one archive's directory
    entries: int = 1_000_000
    #: facts of one source
    facts: int = 200_000
    #: values on the pickle machine's stack (about 40 bytes each)
    stack_cells: int = 4_000_000
    #: values in its memo and tuples (8 bytes each)
    memo_cells: int = 16_000_000
    #: characters kept of a string in a fact
    text_characters: int = 400
    #: parts kept of a value in a fact, and how deep
    value_parts: int = 8
    value_depth: int = 3
    #: seconds of wall time for one source in the worker
    seconds: float = 300.0
    #: memory the worker may have beyond what it starts with
    worker_bytes: int = 320 * 1024 * 1024


DEFAULT_LIMITS = Limits()
