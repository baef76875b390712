"""A tensor and the bytes it is made of do not fit each other

## Why it matters

torch before 2.10 believed the pickle: a storage record that is shorter than the pickle says, a tensor that reaches past
its storage, or items set on a tensor while it loads read and write memory that belongs to somebody else, even with
``weights_only=True`` (CVE-2026-24747).

## What to do

Do not load the file with torch before 2.10. With a later one, expect an error. Ask its author to save it anew.
"""

from collections.abc import Iterator

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Irregularity, Member, PersistentId, SetItem, TensorBeyondStorage
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown
from modelairlock.records.torch import ITEM_BYTES
from modelairlock.records.uses import maker

_ARCHIVES = frozenset({"torch", "torchscript"})
#: which pickle of a torch archive names the records of which folder
_PICKLES = {"data": "data.pkl", "constants": "constants.pkl", "traced_inputs": "traced_inputs.pkl"}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if isinstance(fact, TensorBeyondStorage):
            message = f"a tensor reaches element {fact.reaches:,} of storage {fact.key}, which has {fact.has:,}"
            yield RULE.finding(reading, message, fact)
        elif isinstance(fact, SetItem) and _is_tensor(fact):
            yield RULE.finding(reading, "loading it would set items of a tensor while it is being built", fact)
        elif isinstance(fact, Irregularity) and fact.kind == "torch-storage-size-differs":
            yield RULE.finding(reading, fact.detail, fact)
    yield from _records(reading)


def _is_tensor(fact: SetItem) -> bool:
    made_by = maker(fact.target)
    return fact.target.kind == "persistent" or (
        made_by is not None and made_by.module == "torch._utils" and made_by.text.startswith("_rebuild")
    )


def _records(reading: Reading) -> Iterator[Judgement]:
    """Compare the records of a torch archive with what its pickles say of them, both ways."""
    if not _ARCHIVES.intersection(reading.formats):
        return
    said = {folder: _said(reading, pickle) for folder, pickle in _PICKLES.items()}
    raw = [fact for fact in reading.facts if isinstance(fact, Member) and fact.role == "raw"]
    for member in raw:
        folder, _, key = member.name.partition("/")[2].partition("/")
        if folder == "traced_inputs" and member.span.start == member.span.end:
            continue  # torch keeps the shapes of what a model was traced with, and not the numbers
        yield from _compare(reading, member, said.get(folder, {}).get(key))
    there = {member.name.partition("/")[2] for member in raw}
    for folder, keys in said.items():
        for key in sorted(key for key in keys if f"{folder}/{key}" not in there)[:8]:
            end = reading.coverage.size_bytes
            detail = (
                f"the pickle names storage {shown(key, 60)}, and the archive has no record {folder}/{shown(key, 60)}"
            )
            yield Gap(start=end, end=end, because=Because.TRUNCATED, detail=detail)


def _compare(reading: Reading, member: Member, sizes: set[int | None] | None) -> Iterator[Judgement]:
    if sizes is None and member.span.start == member.span.end:
        pass  # torch writes empty sources for classes in C++; there is nothing to refer to
    elif sizes is None:
        detail = f"{member.name}: no tensor refers to this record"
        yield Gap(start=member.span.start, end=member.span.end, because=Because.UNRECOGNISED, detail=detail)
    elif None in sizes:
        detail = f"{member.name}: a storage of unknown type or size refers to this record"
        yield Gap(start=member.span.start, end=member.span.end, because=Because.UNSUPPORTED, detail=detail)
    elif sizes != {member.size_bytes}:
        claimed = " and ".join(f"{size:,}" for size in sorted(size for size in sizes if size is not None))
        message = f"{shown(member.name, 80)} has {member.size_bytes or 0:,} bytes, and the pickle says {claimed}"
        yield RULE.finding(reading, message, member)


def _said(reading: Reading, pickle: str) -> dict[str, set[int | None]]:
    """By storage key, the sizes in bytes that the archive's pickle states."""
    said: dict[str, set[int | None]] = {}
    for member in reading.members:
        if member.name.partition("/")[2] != pickle:
            continue
        for fact in member.facts:
            if isinstance(fact, PersistentId) and len(fact.value.parts) >= 5:
                _, kind, key, _, count = fact.value.parts[:5]
                item_bytes = ITEM_BYTES.get(kind.text)
                known = item_bytes is not None and count.kind == "int"
                said.setdefault(key.text, set()).add(int(count.text) * (item_bytes or 0) if known else None)
    return said


RULE = Rule(
    name="storage-misdescribed",
    summary="A tensor does not fit the bytes it is made of.",
    check=_check,
    looks_at=(Irregularity, Member, SetItem, TensorBeyondStorage),
    severity=Severity.HIGH,
    help="Do not load this file with torch before 2.10; ask its author to save it anew.",
    cwe=("CWE-125", "CWE-787", "CWE-502"),
)
