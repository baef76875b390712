"""Settings from ``airlock.toml`` or ``[tool.airlock]`` of ``pyproject.toml``: the options of ``airlock scan`` by name.

A model's folder must not choose how it is scanned: a settings file that lies inside a SOURCE is never used, and a
``.git`` inside a SOURCE does not end the search for one. A file beside the SOURCE may still be a stranger's, so every
report names the file that was in force, and it may send the report nowhere but into its own folder. Unknown keys are
errors, since a mistyped ``require`` would otherwise be silence.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from modelairlock.cli.report import looks_like_report
from modelairlock.cli.terminal import say
from modelairlock.records.errors import AirlockError

if TYPE_CHECKING:
    from modelairlock.records.scan import Settings

NAMES = ("airlock.toml", "pyproject.toml")
_MOST_BYTES = 1_000_000
_NOT_SETTINGS = frozenset({"sources", "settings", "no_settings", "help"})
#: how TOML may spell the beginning of our table, also where the rest of the file is no TOML
_OURS = re.compile(r"""tool["'\s]*\.["'\s]*airlock|^\s*["']?airlock\b""", re.MULTILINE)
_OR_WITHOUT = "Mend it, or pass it by with --no-settings."


def settled(
    ctx: click.Context, given: dict[str, Any], sources: Sequence[str], named: str | None
) -> "tuple[dict[str, Any], Settings | None]":
    """`given` with what the settings file says where the command line says nothing, and which file that was.

    Raises `AirlockError`.
    """
    from modelairlock.records.scan import Settings

    found = _named(Path(named)) if named else _found(Path.cwd(), [Path(os.path.realpath(source)) for source in sources])
    if found is None:
        return given, None
    path, table = found
    options = options_by_key(ctx.command)
    chosen, in_force = dict(given), []
    for key, value in table.items():
        if key not in options:
            raise _unknown(path, str(key), options)
        option = options[key]
        name = str(option.name)
        converted = _converted(path, key, option, value, ctx)
        if ctx.get_parameter_source(name) is ParameterSource.DEFAULT:
            chosen[name] = _output(path, converted, sources) if name == "output" else converted
            in_force.append(key)
    return chosen, Settings(path=str(path), keys=tuple(in_force))


def options_by_key(command: click.Command) -> dict[str, click.Parameter]:
    """What may stand in a settings file: the options of `command`, by their long names without dashes."""
    return {_key(option): option for option in command.params if option.name not in _NOT_SETTINGS}


def _key(option: click.Parameter) -> str:
    return next(name for name in option.opts if name.startswith("--")).removeprefix("--")


def _unknown(path: Path, key: str, options: dict[str, click.Parameter]) -> AirlockError:
    from difflib import get_close_matches  # only for who has mistyped

    close = get_close_matches(key, options, 1, 0.4)
    hint = f"Did you mean {close[0]!r}?" if close else f"There are {', '.join(sorted(options))}."
    return AirlockError(f"{path}: unknown key {key!r}", hint)


def _output(path: Path, output: str, sources: Sequence[str]) -> str:
    """Where `output` of the settings file `path` leads: a relative one belongs to the file that names it.

    A checkout brings its own settings and its own links. Whoever merely scans in it must not lose a file to them: only
    a report gives way to a report, and nothing is written where tools keep their own files, or into what is scanned.
    """
    if output == "-":
        return output
    folder = os.path.realpath(path.parent)
    wanted = os.path.join(path.parent, output)
    if not os.path.realpath(wanted).startswith(f"{folder.rstrip('/')}/"):
        problem = f"{path}: output {output!r} lies outside the folder of the settings file"
        raise AirlockError(problem, "A settings file may only write beside itself; use --output on the command line.")
    real = os.path.realpath(wanted)
    hidden = any(part.startswith(".") for part in real[len(folder.rstrip("/")) + 1 :].split("/"))
    scanned = any(_inside(Path(real), [Path(os.path.realpath(source))]) for source in sources)
    if hidden or scanned or (os.path.isfile(real) and not looks_like_report(real)):
        what = (
            "a hidden place" if hidden else "inside what is scanned" if scanned else "a file that is no report of ours"
        )
        problem = f"{path}: output {output!r} is {what}"
        raise AirlockError(problem, "Use --output on the command line, if it is meant.")
    return wanted


def _named(path: Path) -> tuple[Path, dict[str, Any]]:
    return path, _table(path, _text(path, "Check --settings."))


def _found(folder: Path, sources: Sequence[Path]) -> tuple[Path, dict[str, Any]] | None:
    """The nearest settings file from `folder` upwards, and its table."""
    for place in (folder, *folder.parents):
        for path in (place / name for name in NAMES):
            if path.is_file() and (table := _look(path, sources)) is not None:
                return path, table
        if (place / ".git").exists() and not _inside(place, sources):
            return None
    return None


def _look(path: Path, sources: Sequence[Path]) -> dict[str, Any] | None:
    """The table of a settings file that was found; None if it says nothing to us, or has no say."""
    everybodys = path.name == "pyproject.toml"
    inside = _inside(path, sources)
    try:
        text = _text(path, _OR_WITHOUT)
    except AirlockError:
        if inside:
            return None
        raise
    ours = not everybodys or bool(_OURS.search(text))
    if inside:
        if ours:
            say(
                f"{path} lies inside a source, so it is not used: what is scanned does not choose how",
                "Name it with --settings if it is yours.",
            )
        return None
    try:
        table = _table(path, text)
    except AirlockError as error:
        if ours:
            raise AirlockError(str(error), error.hint or _OR_WITHOUT) from error
        say(f"{error}; it does not mention tool.airlock, so no settings are taken from it")
        return None
    return table if table or not everybodys else None


def _inside(path: Path, sources: Sequence[Path]) -> bool:
    places = {path.absolute(), path.resolve()}
    return any(place.is_relative_to(source) for place in places for source in sources)


def _text(path: Path, hint: str) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise AirlockError(f"{path}: cannot be read: {error.strerror}", hint) from error
    if len(data) > _MOST_BYTES:
        raise AirlockError(f"{path}: larger than {_MOST_BYTES:,} bytes, so it can hardly be settings", hint)
    return data.decode("utf-8", "surrogateescape")


def _table(path: Path, text: str) -> dict[str, Any]:
    """What a file says to us; of a ``pyproject.toml``, which is everybody's, our table. Raises `AirlockError`."""
    import tomllib  # only for who has settings

    try:
        text.encode()
        read = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeEncodeError, RecursionError) as error:
        why = "not UTF-8" if isinstance(error, UnicodeEncodeError) else error
        raise AirlockError(f"{path}: not valid TOML: {why}") from error
    if path.name != "pyproject.toml":
        return read
    tool = read.get("tool")
    table = tool.get("airlock", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise AirlockError(f"{path}: tool.airlock must be a table")
    return table


def _converted(path: Path, key: str, option: click.Parameter, value: Any, ctx: click.Context) -> Any:
    problem = f"{path}: {key} must be {_wanted(option)}, not {value!r}"
    if key == "limits" and isinstance(value, dict):
        value = [f"{name}={number}" for name, number in value.items()]
    if not _fits(option, value):
        raise AirlockError(problem)
    if key == "limits":
        from modelairlock.cli.budgets import limits_of

        limits_of(value, f"{path}: limits")  # said here, where the file is known
    try:
        return option.type_cast_value(ctx, value)
    except click.BadParameter as error:
        raise AirlockError(f"{path}: {key}: {error.message}") from error


def _fits(option: click.Parameter, value: Any) -> bool:
    if option.multiple:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if _is_flag(option) or isinstance(value, bool):
        return _is_flag(option) and isinstance(value, bool)
    return isinstance(value, int if isinstance(option.type, click.IntRange) else str)


def _is_flag(option: click.Parameter) -> bool:
    return isinstance(option, click.Option) and option.is_flag


def _wanted(option: click.Parameter) -> str:
    if option.multiple:
        return "a table" if option.name == "limits" else "a list of strings"
    if _is_flag(option):
        return "true or false"
    return "a whole number" if isinstance(option.type, click.IntRange) else "a string"
