"""The rows of the page of limits: what a budget means stands in `modelairlock.limits`, and in no other place."""

import msgspec

from modelairlock.limits import DEFAULT_LIMITS, MEANINGS
from modelairlock.outputs._pages import limit_default


def rows() -> list[tuple[str, str, str]]:
    """Name, default, and meaning of each limit."""
    return [
        (f"`{name}`", limit_default(name, value), MEANINGS[name])
        for name, value in msgspec.structs.asdict(DEFAULT_LIMITS).items()
    ]
