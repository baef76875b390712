"""A number of bytes on the command line, such as 512M or 2Gi."""

import re

import click

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_VALUE = re.compile(r"([0-9]{1,15})(k|M|G|Ki|Mi|Gi)?B?")


class Size(click.ParamType):  # type: ignore[type-arg]  # older clicks have it without a parameter
    """Bytes, from `least` on."""

    name = "size"

    def __init__(self, least: int) -> None:
        self._least = least

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See click."""
        match = _VALUE.fullmatch(str(value))
        size = int(match[1]) * _UNITS[match[2] or ""] if match else 0
        if not self._least <= size <= 1000 << 30:
            self.fail(f"{value!r} is no size from {self._least >> 20}Mi to 1000Gi, such as 512M or 2Gi", param, ctx)
        return size
