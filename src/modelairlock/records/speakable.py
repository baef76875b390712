"""Records without lone surrogates: halves of UTF-16 pairs, which Python's strings hold and UTF-8 cannot carry."""

import msgspec


def speakable(record: msgspec.Struct) -> object:
    """`record` as builtins, each lone surrogate in its strings spelled ``\\udcXX``, as text; bytes stay bytes.

    Pickles, JSON and Python source can all spell one. No name that a profile vouches for holds a backslash, so what is
    respelled is never taken for what is vouched for.
    """
    return _respelled(msgspec.to_builtins(record, builtin_types=(bytes, bytearray, memoryview)))


def _respelled(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_respelled(key): _respelled(item) for key, item in value.items()}
    return [_respelled(item) for item in value] if isinstance(value, list | tuple) else value
