"""Facts about safetensors that readers, the converter and its worker share: element types, and names that mislead."""

from modelairlock.records.regex import regex

#: bits an element; the types of safetensors 0.8.0
BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip
NAME_CHARACTERS = 1024
_ODD_NAME = regex(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]|^/|(?:^|[/\\])\.\.(?:[/\\]|$)"
)


def is_odd(name: str) -> bool:
    """Whether a tensor's name steers a terminal, leads out of a folder, or is very long."""
    # The first half is a quick no for nearly every name there is.
    plain = name.isascii() and name.isprintable() and ".." not in name and not name.startswith("/")
    return len(name) > NAME_CHARACTERS or (not plain and _ODD_NAME.search(name) is not None)
