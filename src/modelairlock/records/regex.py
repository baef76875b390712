"""Regular expressions that are compiled when they are first used.

The house has more than a hundred, and one file needs a handful of them. To compile all takes a worker a seventh of the
time that it needs to start. `tests/records/test_regex.py` compiles every one.
"""

import re
from typing import AnyStr, cast


class Late:
    """Stands in for the compiled expression; what was asked of it once is an attribute from then on."""

    def __init__(self, source: str | bytes, flags: int) -> None:
        self.source = source
        self.flags = flags

    def __getattr__(self, name: str) -> object:
        # `re` keeps what it has compiled, so asking for a second method does not compile again.
        found: object = getattr(re.compile(self.source, self.flags), name)
        setattr(self, name, found)
        return found


def regex(source: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """``re.compile(source, flags)``, later. What `re` itself is to be given must be compiled at once."""
    return cast("re.Pattern[AnyStr]", Late(source, flags))
