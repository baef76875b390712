"""Keras's own archive: a zip with the weights as HDF5, and what describes the model as JSON beside them."""

import msgspec

from modelairlock.disarm.archive import members_of
from modelairlock.disarm.hdf5 import plan_hdf5
from modelairlock.disarm.plain import plain_json, to_json
from modelairlock.encodings.compression import METHODS, inflate
from modelairlock.reading import Budget, Source, SubSource, Unsupported
from modelairlock.records.disarm import MOST_NOTES, PLAIN_BYTES, Note, Plan
from modelairlock.records.facts import Member

WEIGHTS = "model.weights.h5"
_TEXTS = ("config.json", "metadata.json")


def plan_keras(source: Source, budget: Budget) -> Plan:
    """The plan. Raises `ReadProblem`."""
    members = members_of(source, budget)
    weights = members.get(WEIGHTS)
    if weights is None or weights.method != "stored":
        raise Unsupported(0, "not yet converted: Keras archives whose weights are packed")
    made = plan_hdf5(SubSource(source, *weights.span), budget, weights.span.start)
    plain = msgspec.json.decode(made.plain) if made.plain else {}
    dropped, more = list(made.dropped), made.more_dropped
    for name, member in members.items():
        if name in _TEXTS:
            plain[name] = plain_json(_content(source, member, budget))
        elif name != WEIGHTS and len(dropped) < MOST_NOTES:
            dropped.append(Note(name[:100], "a member of the archive", "it holds no weights"))
        elif name != WEIGHTS:
            more += 1
    text = to_json(plain)
    if len(text) > PLAIN_BYTES:
        raise Unsupported(0, f"what describes the model is more than {PLAIN_BYTES} bytes")
    return msgspec.structs.replace(made, format="keras", plain=text, dropped=tuple(dropped), more_dropped=more)


def _content(source: Source, member: Member, budget: Budget) -> bytes:
    start, end = member.span
    if max(end - start, member.size_bytes or 0) > PLAIN_BYTES:
        raise Unsupported(start, f"{member.name} is more than {PLAIN_BYTES} bytes")
    if member.method == "stored":
        return source.read(start, end - start)
    if member.method not in METHODS:
        raise Unsupported(start, f"{member.name} is packed by {member.method:.40}")
    inflated = inflate(source, member.span, member.method, budget, member.size_bytes)
    return inflated.read(0, min(inflated.size, PLAIN_BYTES))
