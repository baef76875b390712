"""Values as JSON has them; what JSON lacks stands as an object of one key that begins with ``$``.

Whatever comes out of here is what the parent takes: no text that is none, no number that JSON cannot say.
"""

import json
from binascii import b2a_base64

#: a number that JSON readers keep as it is
_SAFE = 1 << 53
_INFINITE = float("inf")
#: of JSON that stands in the file as it is; the parent takes twice as much
_DEPTH = 100


def plain_value(value: object) -> object:
    """What stands for one value that holds no others."""
    if isinstance(value, bytes):
        return {"$bytes": b2a_base64(value, newline=False).decode("ascii")}
    if isinstance(value, float) and not -_INFINITE < value < _INFINITE:
        return {"$float": str(value)}
    if type(value) is int and abs(value) > _SAFE:
        return {"$integer": str(value) if abs(value) < 1 << 4096 else hex(value)}
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def plain_name(name: str) -> str:
    """A name of the file's own, which must not look like one of ours."""
    return f"${name}" if name.startswith("$") else name


def is_text(name: str) -> bool:
    """Whether it is text, and not the half of a character that only Python takes for some."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def plain_json(data: bytes) -> object:
    """What a text of JSON says, or the text itself if it is none, or nested too deep."""
    try:
        return _parts(json.loads(data), 0)
    except (ValueError, RecursionError):
        return data.decode("utf-8", "backslashreplace")


def _parts(value: object, depth: int) -> object:
    if depth > _DEPTH:
        raise ValueError("nested too deep")
    if isinstance(value, list):
        return [_parts(one, depth + 1) for one in value]
    if not isinstance(value, dict):
        return plain_value(value)
    if not all(map(is_text, value)):
        raise ValueError("a key that is no text")
    return {plain_name(name): _parts(one, depth + 1) for name, one in value.items()}


def to_json(plain: object) -> bytes:
    """As it crosses the wall."""
    return json.dumps(plain, ensure_ascii=True, allow_nan=False).encode("ascii")
