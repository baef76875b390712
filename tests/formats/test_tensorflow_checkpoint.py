"""The note of the latest checkpoint."""

from modelairlock.formats.tensorflow_checkpoint import FORMAT
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Reference
from tests.reading_help import change_everywhere, probe, read

NAME = "checkpoint"


def example() -> bytes:
    return (
        b'model_checkpoint_path: "ckpt-1"\nall_model_checkpoint_paths: "ckpt-0"\nall_model_checkpoint_paths: "ckpt-1"\n'
        b"all_model_checkpoint_timestamps: 1795645981.17\nlast_preserved_timestamp: 1.7e+09\n"
    )


def test_hit() -> None:
    assert FORMAT.claims(probe(example(), NAME))
    facts, gaps, _ = read(FORMAT, example())
    assert gaps == []
    assert [fact.target for fact in facts if isinstance(fact, Reference)] == ["ckpt-1", "ckpt-0", "ckpt-1"]


def test_miss() -> None:
    assert not FORMAT.claims(probe(b"", NAME))
    assert not FORMAT.claims(probe(b"model_checkpoint: 1", NAME))
    assert not FORMAT.claims(probe(example(), "notes.txt"))


def test_damaged() -> None:
    assert [gap.because for gap in read(FORMAT, example() + b"graph { }").gaps] == [Because.MALFORMED]
    assert [gap.because for gap in read(FORMAT, example()[:28]).gaps] == [Because.MALFORMED]
    assert [gap.because for gap in read(FORMAT, example() + bytes(2_000_000)).gaps] == [Because.OVER_LIMIT]
    lines = {len(b"".join(example().splitlines(keepends=True)[:count])) for count in range(6)}
    for end in range(1, 112):
        if end not in lines and end + 1 not in lines:
            assert read(FORMAT, example()[:end]).gaps, end


def test_changed() -> None:
    change_everywhere(example(), FORMAT, name=NAME)
