"""What a gap says of itself: why nobody vouches for it, and what to do."""

import pytest

from modelairlock import scan
from modelairlock.records.coverage import EXPLANATIONS, Because, Gap


@pytest.mark.parametrize("because", Because)
def test_every_reason_is_explained(because: Because) -> None:
    assert Gap(start=0, end=1, because=because, detail="byte 7").explanation == EXPLANATIONS[because]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("old.py", b"print 'for python 2'\n"),
        ("coded.py", b"# coding: utf-7\nimport os\n"),
        ("chat_template.jinja", b"{% for message in messages %}{{ message"),
    ],
)
def test_nobody_is_asked_to_save_source_anew(name: str, text: bytes, tmp_path) -> None:
    (tmp_path / name).write_bytes(text)
    [subject] = scan(tmp_path, cache=False).subjects
    [gap] = subject.coverage.gaps
    why, what = gap.explanation
    assert gap.because is Because.MALFORMED
    assert "source code or a template" in why
    assert "save" not in what


def test_other_damage_is_fetched_again() -> None:
    gap = Gap(start=0, end=1, because=Because.MALFORMED, detail="expected a zip, got a 0x00")
    assert gap.explanation == EXPLANATIONS[Because.MALFORMED]
