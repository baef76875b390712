"""From a record to a report somewhere and an exit status; shared by every command that ends in a report.

A file is written beside its final name and moved there in one step, so that whoever reads it sees all or nothing.
"""

import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, TypeVar

import click

from modelairlock.records.errors import AirlockError

#: how our reports begin; those in JSON and XML name us soon after
_BEGINNINGS = (b"CLEAR", b"FLAGGED", b"INCOMPLETE", b"## airlock:")
BROKEN, FLAGGED, INCOMPLETE, CLEAR = 2, 1, 3, 0
#: for shells to complete; whether it is there and readable is found out, and said, where it is used
PATH = click.Path(readable=False)
F = TypeVar("F", bound=Callable[..., Any])


def output_names() -> list[str]:
    """The outputs there are."""
    from modelairlock.catalog import names

    return list(names("modelairlock.outputs"))


class _Format(click.Choice[str]):
    """A choice among the outputs, found by folder when it is first asked for."""

    def __init__(self) -> None:
        # Not click's: that wants the choices now, and ``airlock --help`` has no use for them.
        self.case_sensitive = True

    @cached_property
    def choices(self) -> list[str]:  # type: ignore[override]  # click sets it in __init__
        """The names of the outputs."""
        return output_names()


def report_options(command: F) -> F:
    """The options that say which report to write, where and how much."""
    for option in (
        click.option("--verbose", "-v", is_flag=True, help="Name every file and every place."),
        click.option(
            "--quiet", "-q", is_flag=True, help="Write no text report and no progress; the exit status tells."
        ),
        click.option(
            "--output",
            "-o",
            type=PATH,
            metavar="FILE",
            default="-",
            help="Write the report to FILE; - is standard output.",
        ),
        click.option(
            "--format", "-f", "format_", type=_Format(), default="text", show_default=True, help="Which report."
        ),
    ):
        command = option(command)
    return command


def check_output(output: str, sources: Sequence[str] = ()) -> None:
    """Raise `AirlockError` if a report cannot be written to `output`, before anything takes time.

    Nor may it take the place of what is to be scanned: of a file among `sources`, or of one inside them.
    """
    if output == "-":
        return
    path = _place(output)
    folder = os.path.dirname(path)
    if os.path.isdir(path):
        raise AirlockError(f"cannot write the report: {output!r} is a folder", "Name a file in it.")
    if os.path.isfile(path) and _is_scanned(path, sources) and not looks_like_report(path):
        problem = f"cannot write the report: {output} is what is to be scanned, and would be lost"
        raise AirlockError(problem, "Choose another --output.")
    if not os.path.isdir(folder):
        raise AirlockError(f"cannot write the report: there is no folder {folder}", "Create it first.")
    target = path if _is_special(path) else folder
    if not os.access(target, os.W_OK):
        raise AirlockError(f"cannot write the report: no permission to write to {target}", "Choose another --output.")


def status_of(record: Any) -> int:
    """The exit status: operator errors before findings, findings before gaps."""
    if record.errors:
        return BROKEN
    verdicts = {record.verdict.value, *(repository.verdict.value for repository in record.repositories)}
    if "flagged" in verdicts:
        return FLAGGED
    return INCOMPLETE if "incomplete" in verdicts else CLEAR


def prepare_report(format_: str) -> None:
    """Import what `write_report` will want."""
    from modelairlock.catalog import find
    from modelairlock.records.output import Output

    find("modelairlock.outputs", format_, Output)


def write_report(record: Any, format_: str, output: str, *, quiet: bool, verbose: bool, seconds: float | None) -> int:
    """Render `record`, write it, and return the exit status. Raises `AirlockError` where it cannot be written."""
    from modelairlock.cli.terminal import say

    if record.errors and (format_ != "text" or output != "-" or quiet):
        for error in record.errors:
            say(f"{error.path}: {error.message}", error.hint)
    if quiet and output == "-" and format_ == "text":
        return status_of(record)

    def pieces() -> Iterator[str]:
        return rendered(record, format_, output, verbose=verbose, seconds=seconds)

    return status_of(record) if write_pieces(pieces(), output, pieces) else BROKEN


def rendered(
    record: Any, format_: str, output: str, *, verbose: bool = False, seconds: float | None = None
) -> Iterator[str]:
    """`record`, a scan's, as one of the outputs writes it."""
    from modelairlock.catalog import find
    from modelairlock.records.output import Output

    renderer: Output = find("modelairlock.outputs", format_, Output)
    return iter(renderer.render(record, _view(record, output, format_, verbose, seconds)))


def write_pieces(pieces: Iterator[str], output: str, again: Callable[[], Iterator[str]] | None = None) -> bool:
    """Write a report; False if it had to go to standard output because its file could not be written.

    `again` makes the pieces anew for that. Raises `AirlockError`.
    """
    from modelairlock.cli.terminal import say

    if output == "-":
        _to_stdout(map(_bytes, pieces))
        return True
    try:
        _to_file(map(_bytes, pieces), output)
    except AirlockError as error:
        if again is None:
            raise
        # The scan may have taken hours: its answer is not thrown away because a disk is full.
        say(str(error), "The report goes to standard output instead.")
        _to_stdout(map(_bytes, again()))
        return False
    return True


def _bytes(piece: str) -> bytes:
    return piece.encode("utf-8", "backslashreplace")


def _view(record: Any, output: str, format_: str, verbose: bool, seconds: float | None) -> Any:
    from modelairlock.catalog import find, names, said
    from modelairlock.cli.terminal import wants_colour, width_of
    from modelairlock.reading import Format
    from modelairlock.records.output import View
    from modelairlock.records.rule import Rule

    terminal = output == "-" and format_ == "text"
    seen = {name for subject in record.walk() for name in subject.formats}
    known = set(names("modelairlock.formats"))
    found = {finding.rule.replace("-", "_") for finding in _findings(record)}
    return View(
        width=width_of(sys.stdout) if terminal else 0,
        colour=terminal and wants_colour(sys.stdout),
        verbose=verbose,
        folder=os.getcwd(),
        seconds=seconds,
        rules=tuple(find("modelairlock.rules", name, Rule) for name in names("modelairlock.rules") if name in found),
        passes_over={name: said("modelairlock.formats", name, Format, "passes_over") for name in seen & known},
    )


def _findings(record: Any) -> Iterator[Any]:
    for one in (*record.walk(), *record.repositories):
        yield from one.findings


def _to_stdout(pieces: Iterator[bytes]) -> None:
    if sys.stdout is None:
        raise AirlockError("cannot write the report: standard output is closed", "Use --output FILE.")
    stream = sys.stdout.buffer
    try:
        for piece in pieces:
            stream.write(piece)
        stream.flush()
    except BrokenPipeError:
        # Whoever read has read enough. Python flushes stdout once more on exit; give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise AirlockError(f"cannot write the report: {error.strerror}") from error


def _to_file(pieces: Iterator[bytes], output: str) -> None:
    path = _place(output)
    try:
        if _is_special(path):
            with open(path, "wb") as stream:  # a pipe or a device cannot be replaced, nor half written
                stream.writelines(pieces)
            return
        _replace(path, pieces)
    except OSError as error:
        raise AirlockError(
            f"cannot write the report to {output}: {error.strerror}", "Choose another --output."
        ) from error


def _place(output: str) -> str:
    """Where to write. A pipe has no other name than the one it goes by: ``/dev/fd/63`` leads to ``pipe:[123]``."""
    return output if _is_special(output) else os.path.realpath(output)


def _is_special(path: str) -> bool:
    return os.path.exists(path) and not os.path.isfile(path)


def _is_scanned(path: str, sources: Sequence[str]) -> bool:
    places = [os.path.realpath(source) for source in sources]
    return any(path == place or path.startswith(f"{place.rstrip('/')}/") for place in places)


def looks_like_report(path: str) -> bool:
    """Whether the file at `path` begins like one of our reports, or is empty."""
    try:
        with open(path, "rb") as stream:
            head = stream.read(1024)
    except OSError:
        return False
    return not head or head.startswith(_BEGINNINGS) or (head.startswith((b"{", b"<?xml")) and b"airlock" in head)


def _replace(path: str, pieces: Iterator[bytes]) -> None:
    beside = os.path.join(os.path.dirname(path), f".airlock-{os.urandom(6).hex()}.part")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(fd, "wb") as stream:
            if os.path.exists(path):  # who may not read the old report may not read the new one
                os.fchmod(fd, stat.S_IMODE(os.stat(path).st_mode))
            stream.writelines(pieces)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(beside)
        raise
