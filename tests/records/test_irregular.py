"""Irregularities by their kind."""

from modelairlock.records.facts import Irregularity, PickleStream
from modelairlock.records.irregular import by_kind
from modelairlock.records.span import Span


def odd(kind: str, detail: str) -> Irregularity:
    return Irregularity(span=Span(0, 1), kind=kind, detail=detail)


def test_one_for_each_kind_in_the_order_of_kinds() -> None:
    facts = [odd("b", "1"), odd("a", "2"), odd("c", "3"), odd("b", "4"), PickleStream(span=Span(0, 1), protocol=2)]
    found = [(kind, [fact.detail for fact in same], more) for kind, same, more in by_kind(facts, ("a", "b", "x"))]
    assert found == [("a", ["2"], ""), ("b", ["1", "4"], " (and 1 more)")]
