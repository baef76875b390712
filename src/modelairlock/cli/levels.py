"""The names of levels of isolation, for options: written out, because `records.isolation` would slow every start."""

import click

#: what a scan may ask for
LEVELS = ("none", "weak", "confined", "strict")
#: and what opens a model
JAIL_LEVELS = ("confined", "strict")

#: the same for every command that opens a model
require_jail = click.option(
    "--require",
    type=click.Choice(JAIL_LEVELS),
    default="confined",
    show_default=True,
    help="Open nothing behind less isolation than this.",
)
