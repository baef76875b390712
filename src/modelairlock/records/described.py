"""The JSON Schema of a report, made from its record, with what the fields mean where the name alone does not say it."""

from collections.abc import Mapping
from typing import Any

import msgspec


def described_schema(record: type[msgspec.Struct], name: str, descriptions: Mapping[str, str]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of `record`, the report of ``airlock NAME``; `descriptions` by ``Record.field``."""
    made = msgspec.json.schema(record)
    for key, text in descriptions.items():
        part, field = key.split(".")
        # Beside a $ref a description is legal since draft 2019-09.
        made["$defs"][part]["properties"][field]["description"] = text
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:modelairlock:schema:{name}:1",
        "title": f"modelairlock/{name}/1: the report of airlock {name}",
        **made,
    }
