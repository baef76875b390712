"""``airlock scan``: the verdict on files and folders."""

import os
import sys
import time
from typing import Any

import click
from click.core import ParameterSource

from modelairlock.cli.levels import LEVELS
from modelairlock.cli.report import PATH, check_output, prepare_report, report_options, write_report


@click.command("scan", short_help="Say what is known of files, without loading them.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", type=PATH)
@report_options
@click.option(
    "--exclude",
    "-x",
    metavar="GLOB",
    multiple=True,
    help="Leave out what matches: names, or paths as reports print them; repeatable.",
)
@click.option("--jobs", "-j", type=click.IntRange(1, 1024), metavar="N", help="Files at a time [default: processors].")
@click.option("--no-hash", is_flag=True, help="Compute no digests; the cache is not used then.")
@click.option("--no-cache", is_flag=True, help="Read everything anew and keep nothing.")
@click.option("--require", type=click.Choice(LEVELS), help="Refuse to scan with less isolation than this.")
@click.option(
    "--limits", metavar="NAME=VALUE", multiple=True, help="Set a budget, such as seconds=60 or facts=1M; repeatable."
)
@click.option("--settings", type=PATH, metavar="FILE", help="Take settings from FILE and look for no other.")
@click.option("--no-settings", is_flag=True, help="Look for no settings; what stands here is all.")
@click.pass_context
def command(
    ctx: click.Context, /, sources: tuple[str, ...], settings: str | None, no_settings: bool, **given: Any
) -> int:
    """Say what is known of every file in SOURCE, a file or a folder, without loading it.

    CLEAR: every byte is accounted for, and nothing in it can run code, reach the network or touch files when loaded by
    the loaders named. FLAGGED: a finding says otherwise. INCOMPLETE: nobody can vouch for all of it.

    Settings may stand in airlock.toml or in [tool.airlock] of pyproject.toml, here or in a folder above; the report
    names the file. Where strangers can write to these folders, use --settings or --no-settings.
    """
    from modelairlock.cli.settings import settled

    if settings and no_settings:
        raise click.UsageError("--settings and --no-settings exclude each other")
    chosen, in_force = (given, None) if no_settings else settled(ctx, given, sources, settings)
    check_output(chosen["output"], sources)
    started = time.monotonic()
    typed = ctx.get_parameter_source("exclude") is ParameterSource.COMMANDLINE
    record = _with_settings(_scan(sources, chosen, ctx.obj, _unmatched if typed else None), in_force)
    seconds = time.monotonic() - started
    if in_force and "quiet" in in_force.keys:
        _say_who_silenced(in_force)
    return write_report(
        record,
        chosen["format_"],
        chosen["output"],
        quiet=chosen["quiet"],
        verbose=chosen["verbose"],
        seconds=seconds,
    )


def _cache_folder() -> Any:
    from modelairlock.pipeline.cache import default_folder  # and SQLite with it

    return default_folder(os.environ)


def _unmatched(pattern: str) -> None:
    """Only for what was typed for this scan; patterns of a settings file need not match each time."""
    from modelairlock.cli.terminal import say

    say(
        f"--exclude {pattern} left nothing out",
        "A pattern has to match all of a name, of a path below SOURCE, or of a path as the report prints it.",
    )


def _say_who_silenced(settings: Any) -> None:
    """A settings file cannot hide that there is one: it may be a stranger's, and the report may be left out."""
    from modelairlock.cli.terminal import say
    from modelairlock.records.wording import settings_in_words

    say(f"{settings.path} {settings_in_words(settings)}")


def _with_settings(record: Any, in_force: Any) -> Any:
    from msgspec.structs import replace

    return replace(record, settings=(in_force,)) if in_force else record


def _scan(sources: tuple[str, ...], chosen: dict[str, Any], spawned: Any, unmatched: Any) -> Any:
    from modelairlock.cli.budgets import limits_of
    from modelairlock.cli.terminal import Counts, Meter, is_terminal, say
    from modelairlock.pipeline.options import Options
    from modelairlock.pipeline.scan import scan_sources
    from modelairlock.records.isolation import Level
    from modelairlock.records.wording import counted, size

    def words(at: Counts) -> str:
        more = "+" if at.walking else ""
        return (
            f"{at.files:,} of {counted(at.found_files, 'file')}{more}, {size(at.bytes)} of {size(at.found_bytes)}{more}"
        )

    cache = not (chosen["no_cache"] or chosen["no_hash"])
    options = Options(
        exclude=tuple(chosen["exclude"]),
        hash=not chosen["no_hash"],
        require=Level(chosen["require"]) if chosen["require"] else None,
        limits=limits_of(chosen["limits"]),
        cache=cache,
        cache_folder=_cache_folder() if cache else None,
        **({"jobs": chosen["jobs"]} if chosen["jobs"] else {}),
    )
    meter = Meter(sys.stderr, words) if is_terminal(sys.stderr) and not chosen["quiet"] else None
    try:
        return scan_sources(
            sources,
            options,
            meter,
            spawned=spawned,
            warn=say,
            unmatched=unmatched,
            meanwhile=lambda: prepare_report(chosen["format_"]),
        )
    finally:
        if meter:
            meter.close()
