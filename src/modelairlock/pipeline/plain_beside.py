"""The JSON file beside the tensors: what is plain data and no tensor."""

import json

SCHEMA = "modelairlock/plain/1"
#: by which a file is known for one of ours
BEGINS = f'{{\n "schema": "{SCHEMA}"'.encode()


def plain_file(value: object) -> bytes:
    """The file's bytes, none if there is nothing to say. ASCII, so that nothing in it moves a cursor."""
    if value is None:
        return b""
    text = json.dumps({"schema": SCHEMA, "data": value}, ensure_ascii=True, allow_nan=False, indent=1)
    return text.replace("\x7f", "\\u007f").encode("ascii") + b"\n"
