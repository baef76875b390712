"""A pointer is not the model."""

from modelairlock.formats import lfs_pointer, safetensors
from modelairlock.formats.lfs_pointer import FORMAT
from modelairlock.records.facts import NameMismatch
from tests.formats.everyday_help import claims, complete, cuts, read

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12345\n"


def test_says_what_to_do() -> None:
    reading = read(POINTER, lfs_pointer.FORMAT, safetensors.FORMAT, name="model.safetensors")
    assert reading.formats == ("lfs_pointer",)
    assert "run git lfs pull" in reading.coverage.gaps[0].detail
    assert [type(fact) for fact in reading.facts] == [NameMismatch]


def test_does_not_claim_what_only_talks_of_it() -> None:
    assert not claims(FORMAT, b"# " + POINTER, "README.md")
    assert not claims(FORMAT, POINTER + b"x" * 1024, "model.bin")
    assert not claims(FORMAT, POINTER + b"\0", "model.bin")
    assert not claims(FORMAT, b"", "model.bin")


def test_damaged_is_never_complete() -> None:
    for cut in cuts(POINTER):
        assert not complete(read(cut, FORMAT))
