"""Keys and tokens with a shape of their own are told, masked, and flag nothing; what only looks random is not told."""

import json

import pytest

from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from tests.rules.judging import findings, judged

RULE = "secrets-in-files"
_RANDOM = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6kL9nO2qR5"
#: put together here, so that nobody's search for secrets finds this file
SECRETS = {
    "an AWS access key id": "AK" + "IA" + "QWERTYUIOPASDFG2"[:16],
    "a Hugging Face token": "h" + "f_" + _RANDOM[:34],
    "an OpenAI key": "s" + "k-proj-" + _RANDOM[:24] + "T3Blbk" + "FJ" + _RANDOM[:24],
    "a GitHub token": "gh" + "p_" + _RANDOM[:36],
    "a private key": "-----BEGIN RSA PRIVATE " + "KEY-----\n" + _RANDOM + _RANDOM,
}


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("name", ["a.py", "config.json", "notes.txt"])
def test_hit(kind: str, name: str) -> None:
    secret = SECRETS[kind]
    data = json.dumps({"token": secret}) if name.endswith(".json") else f'TOKEN = """{secret}"""\n'
    subject = judged(data.encode(), name)
    [finding] = findings(subject, RULE)
    assert kind in finding.message
    assert finding.severity is Severity.LOW
    assert secret.split("\n")[-1][6:-2] not in finding.message
    assert subject.verdict is not Verdict.FLAGGED
    start, _, end = finding.where.partition("@")[2].partition("..")
    assert data.encode()[int(start) : int(end)].decode()[:10] == secret[:10]


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE", "hf_" + "x" * 34, "hf_" + _RANDOM[:33], "xhf_" + _RANDOM[:34], "sk-" + _RANDOM,
        "ghp_" + _RANDOM[:20], "-----BEGIN PUBLIC KEY-----\n" + _RANDOM, "-----BEGIN PRIVATE KEY-----\n...",
        "hf_your_token_here_your_token_here_xx", "AKIAx", "model_hf_" + _RANDOM[:34],
    ],
)  # fmt: skip
def test_miss(text: str) -> None:
    for name in ("a.py", "notes.txt"):
        assert not findings(judged(f'x = """{text}"""\n'.encode(), name), RULE)


def test_each_is_told_once() -> None:
    line = f"{SECRETS['a GitHub token']}\n"
    assert len(findings(judged((line * 9).encode(), "notes.txt"), RULE)) == 1


def test_one_across_two_pieces_is_found() -> None:
    for before in range((1 << 18) - 40, (1 << 18) + 2):
        data = b" " * before + SECRETS["a GitHub token"].encode() + b"\n"
        assert len(findings(judged(data, "notes.txt"), RULE)) == 1, before
