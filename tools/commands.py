"""The page of each command, from click's own description of it.

Not click's rendered help: that is wrapped for a terminal, and its wording differs from one click to the next.
"""

from collections.abc import Iterator
from inspect import cleandoc

import click


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command of ``airlock``, in name order."""
    from modelairlock.cli.group import airlock

    context = click.Context(airlock, info_name="airlock")
    for name in airlock.list_commands(context):
        command = airlock.get_command(context, name)
        if command is not None and not command.hidden:
            yield name, command


def command_page(name: str, command: click.Command) -> str:
    """The Markdown page of one command."""
    context = click.Context(command, info_name=f"airlock {name}")
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    options = [line for parameter in command.params if (line := _option(parameter))]
    parts = [f"# airlock {name}", f"```sh\n{usage}\n```", _prose(command.help or ""), "\n".join(options)]
    return "\n\n".join(part for part in parts if part)


def _prose(text: str) -> str:
    """A help text as Markdown: ``\\b`` marks a paragraph that keeps its lines."""
    blocks = cleandoc(text).partition("\f")[0].strip().split("\n\n")
    return "\n\n".join(
        f"```text\n{block.removeprefix(chr(8)).strip(chr(10))}\n```" if block.startswith("\b") else block
        for block in blocks
    )


def _option(parameter: click.Parameter) -> str:
    if not isinstance(parameter, click.Option) or parameter.hidden:
        return ""
    value = "" if parameter.is_flag or parameter.count else f" {_metavar(parameter)}"
    spelled = ", ".join(f"`{name}{value}`" for name in (*parameter.opts, *parameter.secondary_opts))
    notes = ["may be repeated"] if parameter.multiple else []
    if isinstance(parameter.default, str | int | float) and not parameter.is_flag:
        notes.append(f"default: {parameter.default}")
    return f"- {spelled}: {parameter.help or ''}" + (f" ({', '.join(notes)})" if notes else "")


def _metavar(parameter: click.Option) -> str:
    if parameter.metavar:
        return parameter.metavar
    if isinstance(parameter.type, click.Choice):
        return "|".join(str(choice) for choice in parameter.type.choices)
    return parameter.type.name.upper()
