"""``airlock detonate``: load files where they can reach nothing, and say what they tried."""

import os
import sys
from typing import Any

import click

from modelairlock.cli.levels import require_jail
from modelairlock.cli.report import BROKEN, CLEAR, FLAGGED, INCOMPLETE, PATH, check_output, write_pieces
from modelairlock.cli.sizes import Size


@click.command("detonate", short_help="Load files in a jail and say what they try.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", type=PATH)
@click.option(
    "--loader",
    default="auto",
    metavar="NAME",
    show_default=True,
    help="pickle.load, torch.load, joblib.load, numpy.load, keras.load_model, skops.io.load, "
    "onnxruntime.InferenceSession, xgboost.Booster, transformers (of a folder), or auto: the one that opens what it "
    "is.",
)
@click.option(
    "--env",
    "environment",
    type=PATH,
    metavar="VENV",
    help="The environment to load with: its folder or its python [default: the active one].",
)
@require_jail
@click.option(
    "--seconds",
    type=click.FloatRange(1),
    metavar="S",
    help="The longest that load, use and end may take [default: 60, and one more for each 20 MB of the file].",
)
@click.option(
    "--memory",
    type=Size(1 << 20),
    metavar="SIZE",
    help="The most memory beyond the imports, such as 8Gi"
    " [default: 4Gi, or 1Gi and four times the file, if the machine has it].",
)
@click.option("--no-cache", is_flag=True, help="Find out anew what is usual in the environment, and keep nothing.")
@click.option(
    "--format", "-f", "format_", type=click.Choice(("text", "json", "sarif")), default="text", show_default=True
)
@click.option("--output", "-o", default="-", metavar="FILE", type=PATH, help="Where to write the report.")
@click.option("--verbose", "-v", is_flag=True, help="Name every attempt, phase and claim.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors; the exit status says the verdict.")
def command(sources: tuple[str, ...], environment: str | None, **chosen: Any) -> int:
    """Load every file in SOURCE in a jail, with the loader that would open it, and say what it tried.

    A folder that is a model of transformers is loaded as a whole too, with the code that comes with it.

    The file can reach nothing: no network, no files but the interpreter's own, no other process. What it tries is seen
    from outside, where it cannot forge it. Then it is used once, where an input can be made up for it, and let go of.
    FLAGGED: it tried what no honest file tries. CLEAR: the load came back and nothing forbidden was seen, which is no
    proof that there is nothing. INCOMPLETE: the load failed or ran into a limit, or it was quiet where the scan found
    harm. A file that no loader opens has no verdict: it is counted, and -v names it. Nothing is opened where the
    machine lacks the layers: `airlock doctor` says what it has.

    Exit status: 0 all CLEAR, 1 something FLAGGED, 3 something INCOMPLETE or nothing to load, 2 usage or operator
    error, or too little isolation.
    """
    from modelairlock.cli.environment import interpreter_of
    from modelairlock.cli.terminal import is_terminal
    from modelairlock.outputs.text.jail import detonations
    from modelairlock.pipeline.cache import default_folder
    from modelairlock.pipeline.detonate import detonate
    from modelairlock.records.isolation import Level

    check_output(chosen["output"], sources)
    record = detonate(
        sources,
        loader=chosen["loader"],
        interpreter=interpreter_of(environment),
        require=Level(chosen["require"]),
        seconds=chosen["seconds"],
        memory_bytes=chosen["memory"],
        cache_folder=None if chosen["no_cache"] else default_folder(os.environ),
        tell=_loading if is_terminal(sys.stderr) and not chosen["quiet"] else None,
    )
    silent = chosen["quiet"] and chosen["output"] == "-" and chosen["format_"] == "text"
    if silent or chosen["output"] != "-" or chosen["format_"] != "text":
        _say_errors(record)
    if not silent:
        write_pieces(_pieces(record, chosen, detonations), chosen["output"])
    if record.errors or not record.opened:
        return BROKEN
    return {"flagged": FLAGGED, "incomplete": INCOMPLETE}.get(record.verdict.value, CLEAR)


def _loading(path: str) -> None:
    from modelairlock.records.text import shown_path

    click.echo(f"loading {shown_path(path, 200)}", err=True)


def _say_errors(record: Any) -> None:
    """Where no report shows them on the terminal."""
    from modelairlock.cli.terminal import say

    for error in record.errors:
        say(f"{error.path}: {error.message}", error.hint)
    for one in record.detonations:
        if not one.outcome.opened:
            say(f"{one.path} was not opened: {one.detail}")


def _pieces(record: Any, chosen: dict[str, Any], detonations: Any) -> Any:
    from modelairlock.cli.terminal import wants_colour, width_of

    if chosen["format_"] == "json":
        return iter((record.to_json() + "\n",))
    if chosen["format_"] == "sarif":
        from modelairlock.cli.report import rendered
        from modelairlock.pipeline.detonate import as_scan

        return rendered(as_scan(record), "sarif", chosen["output"])
    shown = chosen["output"] == "-"
    lines = detonations(
        record,
        width=width_of(sys.stdout) if shown else 0,
        colour=shown and wants_colour(sys.stdout),
        verbose=chosen["verbose"],
    )
    return (line.rstrip() + "\n" for line in lines)
