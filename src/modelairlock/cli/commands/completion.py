"""``airlock completion``: a script that teaches a shell to complete airlock's commands and options."""

import click

SHELLS = ("bash", "zsh", "fish")
_INSTALL = {
    "bash": 'eval "$(airlock completion bash)"   in ~/.bashrc',
    "zsh": 'eval "$(airlock completion zsh)"    in ~/.zshrc',
    "fish": "airlock completion fish > ~/.config/fish/completions/airlock.fish",
}


@click.command(
    "completion", short_help="Print a completion script for a shell.", epilog="\b\n" + "\n".join(_INSTALL.values())
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, /, shell: str) -> None:
    """Print the completion script for SHELL."""
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    click.echo(made(ctx.find_root().command, {}, "airlock", "_AIRLOCK_COMPLETE").source())
