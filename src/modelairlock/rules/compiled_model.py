"""A torch.export package carries machine code that its loader runs

## Why it matters

AOTInductor compiles a model to a shared library, and puts it into the package. aoti_load_package (and the C++ loader)
writes it to a temporary folder and opens it with dlopen, which runs whatever its author compiled into it. That is how
the format is meant to work (CVE-2026-4538 is about the pickles beside it).

## What to do

Load it only from an author whom you would let install a program, or ask for the package without compiled code.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Member
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown
from modelairlock.records.wording import counted, listed

_CODE = (".so", ".dll", ".pyd", ".dylib", ".cubin", ".hsaco", ".spv", ".ptx", ".o", ".cpp", ".cu", ".pte")


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    if "torch_export" not in reading.formats:
        return
    code = [fact for fact in reading.facts if isinstance(fact, Member) and fact.name.lower().endswith(_CODE)]
    if code:
        names = listed([shown(fact.name, 80) for fact in code], 3)
        message = f"torch._inductor.aoti_load_package runs the code it carries: {counted(len(code), 'file')} ({names})"
        yield RULE.finding(reading, message, *code)


RULE = Rule(
    name="compiled-model",
    summary="A torch.export package carries machine code that its loader runs.",
    check=_check,
    looks_at=(Member,),
    severity=Severity.HIGH,
    help="Load it only from an author whom you would let install a program, or ask for it without compiled code.",
    cwe=("CWE-829", "CWE-94"),
    atlas=("AML.T0011.000",),
)
