"""Finds what looks like a secret in text: keys and tokens whose makers gave them a shape of their own.

What a newcomer would get wrong: a long random string is no secret, and a tokenizer is full of them. Only shapes with a
mark that their maker documents count, with their exact length, and neither examples nor placeholders
(``hf_xxxxxxxx``). The value itself goes into no fact: what is told is masked.
"""

import re
from collections.abc import Iterator

from modelairlock.records.facts import Irregularity
from modelairlock.records.regex import regex
from modelairlock.records.span import Span

KIND = "secret-in-text"
#: no shape is longer, so that one across two pieces is found in both together
LONGEST = 400
#: of one file
_TOLD = 20
#: a placeholder is a few characters over and over
_DISTINCT = 8
_SHAPES = (
    ("an AWS access key id", rb"(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])"),
    ("a Hugging Face token", rb"hf_[A-Za-z0-9]{34}(?![A-Za-z0-9_])"),
    ("an OpenAI key", rb"sk-(?:[a-z]{4,8}-)?[A-Za-z0-9_-]{20,120}T3BlbkFJ[A-Za-z0-9_-]{20,120}"),
    ("a GitHub token", rb"gh[pousr]_[A-Za-z0-9]{36}(?![A-Za-z0-9_])"),
    ("a GitHub token", rb"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}(?![A-Za-z0-9_])"),
    ("a private key", rb"-----BEGIN (?:RSA |EC |DSA |OPENSSH )?PRIVATE KEY-----(?:\\n|\s){1,4}[A-Za-z0-9+/=]{40,80}"),
)
_ANY = regex(rb"(?<![A-Za-z0-9_])(?:" + b"|".join(b"(" + shape + b")" for _, shape in _SHAPES) + b")")
#: one of these is in each of the shapes: looking for them first is some ten times as fast
_MARKS = (
    b"AKIA", b"ASIA", b"hf_", b"T3BlbkFJ", b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_", b"PRIVATE KEY",
)  # fmt: skip
_NAMES = tuple(name for name, _ in _SHAPES)
_NO_SECRET = regex(rb"example|sample|dummy|placeholder|your[_-]", re.IGNORECASE)


class Secrets:
    """What was found in one file so far, so that each is told once and not too many are."""

    def __init__(self) -> None:
        self.seen: set[int] = set()

    def find(self, data: bytes, start: int) -> Iterator[Irregularity]:
        """What looks like a secret in `data`, which begins at `start` of its artifact."""
        if not any(mark in data for mark in _MARKS):
            return
        for match in _ANY.finditer(data):
            value = match[0]
            key = hash(value)
            if key in self.seen or len(self.seen) >= _TOLD or len(set(value)) < _DISTINCT or _NO_SECRET.search(value):
                continue
            self.seen.add(key)
            span = Span(start + match.start(), start + match.end())
            yield Irregularity(span=span, kind=KIND, detail=f"{_NAMES[(match.lastindex or 1) - 1]}: {_masked(value)}")


def _masked(value: bytes) -> str:
    """Enough to find it again, and too little to use it."""
    text = value.decode("ascii", "replace").split("\n")[0].split("\\n")[0]
    return f"{text[:27]}…" if text.startswith("-----") else f"{text[:6]}…{text[-2:]}"
