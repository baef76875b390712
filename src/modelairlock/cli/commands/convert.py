"""``airlock convert``: the tensors of a file as safetensors, without loading it."""

import sys
from typing import Any

import click

from modelairlock.cli.levels import LEVELS
from modelairlock.cli.report import PATH

#: exit status by outcome; 2, operator error, is raised
STATUS = {"converted": 0, "refused": 1, "partly": 3, "not-converted": 3}


@click.command("convert", short_help="Write a model's tensors as safetensors, without loading it.")
@click.argument("source", metavar="IN", type=PATH)
@click.argument("target", metavar="OUT", type=PATH)
@click.option("--force", is_flag=True, help="Replace OUT, and OUT.json, if they are there.")
@click.option(
    "--strip",
    is_flag=True,
    help="Convert a FLAGGED file too: its tensors and plain data alone. What is left behind is listed, and is no "
    "reason for exit status 3.",
)
@click.option("--drop-template", is_flag=True, help="Write a GGUF file again, as GGUF, without its chat templates.")
@click.option(
    "--load-in-jail",
    is_flag=True,
    help="Where reading is not enough, load IN in a jail, where it can reach nothing, and take its tensors from there.",
)
@click.option(
    "--env",
    "environment",
    type=PATH,
    metavar="VENV",
    help="With --load-in-jail, the environment to load with: its folder or its python [default: the active one].",
)
@click.option(
    "--format", "-f", "format_", type=click.Choice(("text", "json")), default="text", show_default=True,
    help="How to say what was done.",
)  # fmt: skip
@click.option("--quiet", "-q", is_flag=True, help="Say nothing; the exit status tells.")
@click.option("--verbose", "-v", is_flag=True, help="Name everything that is left behind.")
@click.option("--require", type=click.Choice(LEVELS), help="Refuse to read with less isolation than this.")
@click.option(
    "--limits", metavar="NAME=VALUE", multiple=True, help="Set a budget, such as seconds=60 or facts=1M; repeatable."
)
def command(source: str, target: str, quiet: bool, verbose: bool, format_: str, **given: Any) -> int:
    """Write the tensors of IN to OUT in the safetensors format, without loading IN and without running anything in it.

    Tensors in dicts and lists get dotted names, such as model.layers.0.weight. What is plain data and no tensor goes
    to OUT.json. What is neither, such as objects of classes, is left behind and listed.

    IN is a file, or a checkpoint of TensorFlow: its index, its prefix, or the folder of a SavedModel.

    IN is scanned first. If it is FLAGGED nothing is written, unless --strip asks for its tensors alone.

    Exit status: 0 converted, 1 IN is FLAGGED, 2 usage or operator error, 3 something could not be carried over: it is
    listed, and if that is everything, nothing is written.
    """
    if given["environment"] and not given["load_in_jail"]:
        raise click.UsageError("--env says what to load with, and nothing is loaded without --load-in-jail")
    told = _convert(source, target, given, quiet)
    if not quiet:
        _say(told, format_, verbose)
    return STATUS[told.outcome]


def _convert(source: str, target: str, given: dict[str, Any], quiet: bool) -> Any:
    from modelairlock.cli.budgets import limits_of
    from modelairlock.cli.environment import interpreter_of
    from modelairlock.cli.terminal import is_terminal
    from modelairlock.pipeline.convert import Wanted, convert
    from modelairlock.records.isolation import Level

    wanted = Wanted(
        force=given["force"],
        strip=given["strip"],
        drop_template=given["drop_template"],
        load_in_jail=given["load_in_jail"],
        interpreter=interpreter_of(given["environment"]) if given["load_in_jail"] else "",
        require=Level(given["require"]) if given["require"] else None,
        limits=limits_of(given["limits"]),
    )
    line = None if quiet or not is_terminal(sys.stderr) else _Line()
    try:
        return convert(source, target, wanted, line)
    finally:
        if line:
            line.close()


class _Line:
    """One line on a terminal that says how far the copying is, once it takes longer than a second."""

    def __init__(self) -> None:
        from modelairlock.cli.terminal import Meter

        self.meter = Meter(sys.stderr, self._words)
        self.done = self.all = 0

    def __call__(self, done: int, whole: int) -> None:
        self.done, self.all = done, whole
        self.meter(self)  # type: ignore[arg-type]  # the meter only hands it back to `_words`

    def _words(self, _: object) -> str:
        from modelairlock.records.wording import size

        return f"{size(self.done)} of {size(self.all)}"

    def close(self) -> None:
        """Leave no trace."""
        self.meter.close()


def _say(told: Any, format_: str, verbose: bool) -> None:
    from modelairlock.cli.conversion import in_words
    from modelairlock.records.plain_json import plain_json

    click.echo(plain_json(told) if format_ == "json" else in_words(told, verbose).rstrip("\n"))
