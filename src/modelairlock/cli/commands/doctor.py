"""``airlock doctor``: what isolation this machine has."""

import os
import sys

import click

from modelairlock.cli.levels import LEVELS


@click.command("doctor", short_help="Say what isolation this machine has, and what that is enough for.")
@click.option("--require", type=click.Choice(LEVELS), help="Exit with 2 if the jail does not reach this level.")
@click.option("--format", "-f", "format_", type=click.Choice(("text", "json")), default="text", show_default=True)
def command(require: str | None, format_: str) -> int:
    """Put up the scanner's wall and the jail around nothing, and say which layers hold, which do not, and why not.

    For each that is missing it says how to get it. Scanning works at any level and reports it. What loads files needs
    at least `confined`, and refuses otherwise. The exit status is 0, or 2 where --require is not met or the jail could
    not be tried.
    """
    from modelairlock import __version__
    from modelairlock.cli.terminal import wants_colour, width_of
    from modelairlock.isolation import jail
    from modelairlock.isolation.jail import bubblewrap
    from modelairlock.isolation.wall import probe
    from modelairlock.outputs.text.doctor import doctor
    from modelairlock.records.doctor import FoundBubblewrap, examined
    from modelairlock.records.isolation import Level

    found = tuple(
        FoundBubblewrap(path=path, origin=origin, version=version, problem=problem)
        for path, origin, version, problem in bubblewrap.found()
    )
    system = os.uname()
    record = examined(
        probe(),
        jail.probe(),
        found,
        version=__version__,
        kernel=f"{system.sysname} {system.release}",
        architecture=system.machine,
    )
    if format_ == "json":
        click.echo(record.to_json())
    else:
        for line in doctor(record, width=width_of(sys.stdout), colour=wants_colour(sys.stdout)):
            click.echo(line.rstrip())
    return 2 if require and record.jail.rank < Level(require).rank else 0
