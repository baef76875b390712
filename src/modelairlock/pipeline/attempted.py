"""What was tried in the jail, as facts."""

from collections import Counter
from collections.abc import Iterator, Sequence

from modelairlock.pipeline.baseline import Key, key
from modelairlock.records.attempts import sort_of
from modelairlock.records.facts import Attempt
from modelairlock.records.jail import Event, JailResult, Outcome
from modelairlock.records.span import Span

#: kinds of attempts told apart in one result
_ATTEMPTS = 200


def attempted(events: Sequence[Event], size: int, result: JailResult) -> Iterator[Attempt]:
    """Each distinct attempt once. One in another ABI is not seen as a call: the kernel ends the process for it."""
    first: dict[tuple[Key, str], Event] = {}
    counts: Counter[tuple[Key, str]] = Counter()
    for event in events:
        what = key(event), event.action
        first.setdefault(what, event)
        counts[what] += 1
    whole = Span(0, size)
    for what, event in _told(first):
        yield Attempt(
            span=whole, syscall=event.syscall, arguments=event.arguments, action=event.action,
            certainty=event.certainty.value, phase=event.phase, count=counts[what],
        )  # fmt: skip
    if result.outcome is Outcome.BLOCKED_CRASH and "SIGSYS" in result.detail:
        yield Attempt(span=whole, syscall="a call by the numbers of another ABI", arguments=(), action="killed",
                      certainty="denied")  # fmt: skip


def _told(first: dict[tuple[Key, str], Event]) -> list[tuple[tuple[Key, str], Event]]:
    """What of the distinct attempts is judged: one of each sort in any case, and as many of the others as there may be.

    Else one program that is started would hide behind some hundred files that are asked for.
    """
    examples: dict[object, tuple[Key, str]] = {}
    for what, event in first.items():
        examples.setdefault(sort_of(event.syscall, event.arguments), what)
    chosen = set(examples.values())
    chosen.update([what for what in first if what not in chosen][: max(0, _ATTEMPTS - len(chosen))])
    return [(what, event) for what, event in first.items() if what in chosen]
