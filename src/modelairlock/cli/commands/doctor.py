"""``airlock doctor``: what isolation this machine has."""

import sys

import click

LEVELS = ("none", "weak", "confined", "strict")


@click.command("doctor", short_help="Say what isolation this machine has, and what that is enough for.")
@click.option("--require", type=click.Choice(LEVELS), help="Exit with 2 if the jail does not reach this level.")
def command(require: str | None) -> int:
    """Put up the scanner's wall and the jail around nothing, and say which layers hold, which do not, and why not.

    Scanning works at any level and reports it. What loads files needs at least `confined`, and refuses otherwise.
    """
    from modelairlock.cli.terminal import say, wants_colour, width_of
    from modelairlock.isolation import jail
    from modelairlock.isolation.wall import probe
    from modelairlock.outputs.text.jail import doctor
    from modelairlock.records.isolation import Level

    wall, jailed = probe(), jail.probe()
    walls = [("the scanner's wall", wall.level, wall.layers), ("the jail", jailed.level, jailed.layers)]
    for line in doctor(walls, width=width_of(sys.stdout), colour=wants_colour(sys.stdout)):
        click.echo(line.rstrip())
    if jailed.level is not Level.STRICT:
        say(
            "the jail is not complete",
            "On Debian and Ubuntu: apt install bubblewrap; in a container allow user namespaces.",
        )
    return 2 if require and jailed.level.rank < Level(require).rank else 0
