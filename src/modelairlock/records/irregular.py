"""Irregularities by their kind, for rules about files that are at odds with themselves: one finding for each kind."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from modelairlock.records.facts import Fact, Irregularity


class OfOneKind(NamedTuple):
    """All irregularities of one kind in an artifact; `more` says how many there are beside the first, if any."""

    kind: str
    facts: list[Irregularity]
    more: str


def by_kind(facts: Iterable[Fact], kinds: Iterable[str]) -> Iterator[OfOneKind]:
    """The irregularities among `facts` for each of `kinds` of which there are any, in the order of `kinds`."""
    found: dict[str, list[Irregularity]] = {kind: [] for kind in kinds}
    for fact in facts:
        if isinstance(fact, Irregularity) and fact.kind in found:
            found[fact.kind].append(fact)
    for kind, same in found.items():
        if same:
            yield OfOneKind(kind, same, f" (and {len(same) - 1} more)" if len(same) > 1 else "")
