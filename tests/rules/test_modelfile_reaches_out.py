"""Files of the machine are worth a line, addresses are information, files beside the Modelfile are neither."""

import pytest

from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.rules.modelfile_reaches_out import RULE
from tests.rules.judging import SPAN, checked, finding_of


def reference(target: str, where: str = "Modelfile") -> Reference:
    return Reference(span=SPAN, kind="model", target=target, where=where)


@pytest.mark.parametrize("target", ["/etc/passwd", "~/.ssh/id_rsa", "../x.gguf", "a/../../x", "C:\\x.gguf", "\\\\a\\b"])
def test_hit(target: str) -> None:
    finding = finding_of(RULE, reference(target))
    assert (finding.severity, target in finding.message.replace("\\\\", "\\")) == (Severity.LOW, True)


@pytest.mark.parametrize("target", ["hf.co/a/b:Q4", "https://example.org/a/b", "registry.example.org:5000/a/b"])
def test_addresses(target: str) -> None:
    assert finding_of(RULE, reference(target)).severity is Severity.INFO


@pytest.mark.parametrize("target", ["llama3", "llama3:8b", "./model.gguf", "model.gguf", "me/model", "."])
def test_miss(target: str) -> None:
    assert not checked(RULE, reference(target))
    assert not checked(RULE, reference("/etc/passwd", where="other"))
