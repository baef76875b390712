"""Settings from ``airlock.toml`` or ``[tool.airlock]`` of ``pyproject.toml``: the options of ``airlock scan`` by name.

A model's folder must not choose how it is scanned: a settings file that lies inside a SOURCE is never used, and a
``.git`` inside a SOURCE does not end the search for one. Unknown keys are errors, since a mistyped ``require`` would
otherwise be silence.
"""

import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from modelairlock.cli.terminal import say
from modelairlock.records.errors import AirlockError

_NAMES = ("airlock.toml", "pyproject.toml")
_MOST_BYTES = 1_000_000
_NOT_SETTINGS = frozenset({"sources", "settings", "help"})


def settled(ctx: click.Context, given: dict[str, Any], sources: Sequence[str], named: str | None) -> dict[str, Any]:
    """`given` with what the settings file says, where the command line says nothing. Raises `AirlockError`."""
    path = Path(named) if named else _found(Path.cwd(), [Path(source).resolve() for source in sources])
    table = _table(path, named is not None) if path else None
    if path is None or not table:
        return given
    options = {_key(option): option for option in ctx.command.params if option.name not in _NOT_SETTINGS}
    chosen = dict(given)
    for key, value in table.items():
        if key not in options:
            close = get_close_matches(str(key), options, 1, 0.4)
            hint = f"Did you mean {close[0]!r}?" if close else f"There are {', '.join(sorted(options))}."
            raise AirlockError(f"{path}: unknown key {key!r}", hint)
        option = options[key]
        name = str(option.name)
        converted = _converted(path, key, option, value, ctx)
        if ctx.get_parameter_source(name) is ParameterSource.DEFAULT:
            # A relative output belongs to the file that names it.
            chosen[name] = str(path.parent / converted) if name == "output" and converted != "-" else converted
    return chosen


def _key(option: click.Parameter) -> str:
    return next(name for name in option.opts if name.startswith("--")).removeprefix("--")


def _found(folder: Path, sources: Sequence[Path]) -> Path | None:
    for place in (folder, *folder.parents):
        for path in (place / name for name in _NAMES):
            if not path.is_file() or (path.name == "pyproject.toml" and not _table(path, False)):
                continue
            if not _inside(path, sources):
                return path
            say(
                f"{path} lies inside a source, so it is not used: what is scanned does not choose how",
                "Name it with --settings if it is yours.",
            )
        if (place / ".git").exists() and not _inside(place, sources):
            return None
    return None


def _inside(path: Path, sources: Sequence[Path]) -> bool:
    places = {path.absolute(), path.resolve()}
    return any(place.is_relative_to(source) for place in places for source in sources)


def _table(path: Path, named: bool) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            text = stream.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise AirlockError(f"{path}: larger than {_MOST_BYTES:,} bytes, so it can hardly be settings")
        read = tomllib.loads(text.decode())
    except OSError as error:
        raise AirlockError(f"{path}: cannot be read: {error.strerror}", "Check --settings.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        if path.name == "pyproject.toml" and not named:
            return {}  # another tool's file; theirs to complain about
        raise AirlockError(f"{path}: not valid TOML: {error}") from error
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
