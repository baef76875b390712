"""Files without a mark of their own that hold the numbers of another file of the same scan.

ONNX keeps tensors of large models in files beside it, and OpenVINO always does. Such a file is unrecognised by itself,
and no format can claim it: any bytes are numbers. What vouches for it is the model that says which of its bytes it
takes for tensors. So this looks at all files of a scan, once each has been judged by itself.

What a newcomer would get wrong: the model may be a stranger's too, and may name whatever lies beside it. So only bytes
that *no* format claims are vouched for, as what they are to that model and to nobody else; a name that promises
something else stays a gap (somebody may open it as what its name says), and so does each byte that the model does not
name.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from posixpath import basename, dirname, join, normpath, splitext
from typing import NamedTuple

from msgspec.structs import replace

from modelairlock.catalog import catalog
from modelairlock.pipeline.repository import Notes
from modelairlock.reading import Format
from modelairlock.records.coverage import Because, Coverage, Gap
from modelairlock.records.facts import Reference
from modelairlock.records.paths import leaves_folder, leaves_machine
from modelairlock.records.scan import Subject, Verdict
from modelairlock.records.span import Extents
from modelairlock.records.text import shown, shown_path

#: formats whose loaders take the bytes that an ``external-data`` reference names as numbers of tensors
_MODELS = frozenset({"onnx", "onnx_tensor", "openvino"})
#: endings that promise what nothing here reads: engines, programs, objects of R, Java and Perl, models of other kinds
_PROMISE_OTHERS = frozenset(
    (
        ".bat", ".bmodel", ".cbm", ".class", ".cmd", ".com", ".dlc", ".dll", ".dylib", ".engine", ".exe", ".hef",
        ".jar", ".js", ".mar", ".mlmodel", ".mlpackage", ".model", ".mojo", ".msi", ".nb", ".om", ".plan", ".pmml",
        ".ps1", ".rda", ".rdata", ".rds", ".rknn", ".scr", ".ser", ".so", ".spm", ".sto", ".storable", ".tflite",
        ".trt", ".ubj", ".vbs", ".wasm",
    )
)  # fmt: skip


class _Use(NamedTuple):
    """Which bytes of a file a model names; to the file's end if `end` is None."""

    model: Subject
    start: int
    end: int | None


def with_data_files(subjects: Sequence[Subject], notes: Notes) -> tuple[Subject, ...]:
    """The `subjects`, each data file among them judged as what it is to the model that names it."""
    named: dict[str, list[_Use]] = {}
    for model in subjects:
        if model.verdict is not Verdict.FLAGGED and not _MODELS.isdisjoint(model.formats):
            for path, use in _uses(model, notes):
                named.setdefault(path, []).append(use)
    if not named:
        return tuple(subjects)
    return tuple(_told(one, named[one.path]) if one.path in named and _bare(one) else one for one in subjects)


def _uses(model: Subject, notes: Notes) -> Iterator[tuple[str, _Use]]:
    for fact in notes.of(model.path):
        if not isinstance(fact, Reference) or fact.kind != "external-data":
            continue
        if leaves_folder(fact.target) or leaves_machine(fact.target) or "\\" in fact.target:
            continue
        start = max(0, fact.start or 0)
        end = None if fact.start is None or fact.length is None else start + max(0, fact.length)
        yield normpath(join(dirname(model.path), fact.target)), _Use(model, start, end)


def _bare(subject: Subject) -> bool:
    """Whether nothing is known of the file but that no format claims it, and its name promises nothing."""
    if subject.formats or subject.findings or subject.members or len(subject.coverage.gaps) != 1:
        return False
    gap = subject.coverage.gaps[0]
    whole = (gap.start, gap.end) == (0, subject.size_bytes) and gap.because is Because.UNRECOGNISED
    ending = splitext(basename(subject.path))[1].lower()
    return whole and subject.size_bytes > 0 and ending not in _PROMISE_OTHERS | _promised()


@cache
def _promised() -> frozenset[str]:
    return frozenset(ending for one in catalog("modelairlock.formats", Format) for ending in one.extensions)


def _told(subject: Subject, uses: list[_Use]) -> Subject:
    size = subject.size_bytes
    numbers = Extents((use.start, size if use.end is None else min(use.end, size)) for use in uses)
    models = tuple(dict.fromkeys(use.model.path for use in uses))
    gaps = [*_left(numbers, size, models[0]), *_missing(uses, size)]
    coverage = Coverage(size_bytes=size, passed_over_bytes=numbers.total(), gaps=tuple(gaps))
    loaders = tuple(dict.fromkeys(loader for use in uses for loader in use.model.assumes))
    return replace(
        subject,
        verdict=Verdict.INCOMPLETE if gaps else Verdict.CLEAR,
        coverage=coverage,
        data_of=models,
        assumes=loaders,
        blind_spots=(
            "data files: what anything else would make of the bytes than the model that names them",
            "data files: bytes between two tensors, which no loader of the model reads",
        ),
    )


def _left(numbers: Extents, size: int, model: str) -> Iterator[Gap]:
    for start, end in numbers.missing(size):
        detail = f"{shown_path(model, 200)} names no tensor here, and no format claims these bytes"
        yield Gap(start=start, end=end, because=Because.UNRECOGNISED, detail=detail)


def _missing(uses: list[_Use], size: int) -> Iterator[Gap]:
    """A file that is too short is no danger, and no whole model either."""
    ends = [(use.end, use.model.path) for use in uses if use.end is not None and use.end > size]
    if ends:
        end, model = max(ends)
        detail = f"{shown(basename(model), 120)} names bytes up to {end:,} of it, and it has {size:,}"
        yield Gap(start=size, end=size, because=Because.TRUNCATED, detail=detail)
