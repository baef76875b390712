"""The group of all commands, and how each of them ends.

Commands are the files of `commands/`; each is imported when it is called, and imports the rooms it needs when it runs,
so that ``airlock --help`` answers at once. Whatever goes wrong ends in a sentence and exit status 2: a traceback is
shown only when AIRLOCK_DEBUG=1, and Ctrl-C is 130, since 1 means that something was FLAGGED.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from modelairlock.records.errors import AirlockError, Flagged

#: usage or operator error; anything that kept the report from being what was asked for
BROKEN = 2
FLAGGED = 1
INTERRUPTED = 130
_REPORT = "This is a bug in modelairlock. Please report it; AIRLOCK_DEBUG=1 shows where it happened."


class Airlock(click.Group):
    """A group whose commands are the modules of a folder."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See click."""
        del ctx  # the folder is the same in every context
        # Not pkgutil: importing it alone would take as long as all the rest of --help.
        files = os.listdir(os.path.join(os.path.dirname(__file__), "commands"))
        found = (name.removesuffix(".py") for name in files if name.endswith(".py") and not name.startswith("_"))
        return sorted(name.replace("_", "-") for name in found)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"modelairlock.cli.commands.{cmd_name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Like click's, and says which command may have been meant."""
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            raise click.UsageError(f"no such command: {args[0]!r}. Did you mean 'airlock {self._meant(ctx, args[0])}'?")
        return super().resolve_command(ctx, args)

    def _meant(self, ctx: click.Context, word: str) -> str:
        from difflib import get_close_matches

        if word in ("version", "help"):
            return f"--{word}"
        if os.path.exists(word):
            return f"scan {word}"
        return next(iter(get_close_matches(word, self.list_commands(ctx), 1, 0.3)), "scan")

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: ARG002  # click passes it; how to end is decided here
        **extra: Any,
    ) -> NoReturn:
        """Run, and exit with what the command returned or the status of what went wrong."""
        sys.exit(_status(lambda: super(Airlock, self).main(args, prog_name, complete_var, False, **extra)))


def _status(run: Any) -> int:
    try:
        status = run()
    except click.ClickException as error:
        error.show()
        return BROKEN
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted")
        return INTERRUPTED
    except AirlockError as error:
        _say(str(error), error.hint)
        return FLAGGED if isinstance(error, Flagged) else BROKEN
    except Exception as error:
        _say(f"{type(error).__name__}: {error}", _REPORT)
        if os.environ.get("AIRLOCK_DEBUG") == "1":
            raise
        return BROKEN
    return status if isinstance(status, int) else 0


def _say(message: str, hint: str = "") -> None:
    from modelairlock.cli.terminal import say

    say(message, hint)


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        import modelairlock

        click.echo(f"airlock {modelairlock.__version__}")
        ctx.exit()


@click.group(
    name="airlock",
    cls=Airlock,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 all CLEAR, 1 something FLAGGED, 3 something INCOMPLETE, 2 usage or operator error.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version and exit."
)
def airlock() -> None:
    """An airlock for machine-learning models.

    Reads models without loading them, says what loading would do, and accounts for every byte.
    """
