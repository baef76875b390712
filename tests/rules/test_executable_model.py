"""A program is flagged with what it is given; a model in it is not."""

from modelairlock.records.finding import Severity
from modelairlock.rules.executable_model import RULE
from tests.build.gguf_builder import gguf
from tests.build.llamafile_builder import APE, llamafile
from tests.rules.judging import findings, judged


def test_hit() -> None:
    [finding] = findings(judged(llamafile(), "a.llamafile"), RULE.name)
    assert finding.severity is Severity.MEDIUM
    assert finding.message == (
        f"the file is a program with a model behind it ({len(APE)} bytes of a program): starting it runs it,"
        ' with the arguments ["-m", "model.gguf", "..."]'
    )


def test_miss() -> None:
    assert not findings(judged(gguf(), "a.gguf"), RULE.name)
    assert not findings(judged(llamafile(b""), "a.zip"), RULE.name)
