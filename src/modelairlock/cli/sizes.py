"""A number of bytes on the command line, such as 512M or 2Gi."""

import click


class Size(click.ParamType):  # type: ignore[type-arg]  # older clicks have it without a parameter
    """Bytes, from `least` (whole Ki) to 1000Gi."""

    name = "size"

    def __init__(self, least: int) -> None:
        self._least = least

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See click."""
        from modelairlock.pipeline.options import whole_number

        size = whole_number(str(value)) or 0
        if not self._least <= size <= 1000 << 30:
            least = f"{self._least >> 20}Mi" if self._least >= 1 << 20 else f"{self._least >> 10}Ki"
            self.fail(f"{value!r} is no size from {least} to 1000Gi, such as 512M or 2Gi", param, ctx)
        return size
