"""What the worker hands back for one artifact: facts and coverage, member by member."""

import msgspec

from modelairlock.records.coverage import Coverage
from modelairlock.records.facts import Fact


class Reading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Facts and coverage of one artifact and of those inside it.

    `path` is the place in the tree below the source, parts joined by ``!``; `name` is its last part.
    """

    path: str
    name: str
    coverage: Coverage
    formats: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    role: str = ""
    members: tuple["Reading", ...] = ()
