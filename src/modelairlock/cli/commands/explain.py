"""``airlock explain``: the docs page of a rule, a format or a gap, in the terminal."""

import sys

import click


@click.command("explain", short_help="Explain a rule, a format or a gap.")
@click.argument("name", required=False, metavar="[RULE|FORMAT|GAP]")
def command(name: str | None) -> None:
    """Explain a rule, a format or a reason for a gap by its NAME; without one, list all there are."""
    _show(_index() if name is None else _page(name))


def _page(name: str) -> str:
    from difflib import get_close_matches

    from modelairlock.records.errors import AirlockError

    wanted = _plain(name)
    known = _names()
    if wanted not in known:
        close = get_close_matches(wanted, known, 3, 0.5)
        hint = f"Did you mean {' or '.join(close)}?" if close else "airlock explain, without a name, lists them."
        raise AirlockError(f"there is no rule, format or gap called {name!r}", hint)
    # A format and a gap may share a name with a rule; all of them are shown.
    return "\n---\n\n".join(_pages(wanted))


def _pages(name: str) -> list[str]:
    from importlib import import_module

    from modelairlock.catalog import find, names
    from modelairlock.outputs.pages import format_page, gap_page, rule_page
    from modelairlock.reading import Format
    from modelairlock.records.coverage import Because
    from modelairlock.records.rule import Rule

    pages = []
    module = name.replace("-", "_")
    if module in names("modelairlock.rules"):
        doc = import_module(f"modelairlock.rules.{module}").__doc__ or ""
        pages.append(rule_page(find("modelairlock.rules", module, Rule), doc))
    if module in names("modelairlock.formats"):
        pages.append(format_page(find("modelairlock.formats", module, Format)))
    if module in set(Because):
        pages.append(gap_page(Because(module)))
    return pages


def _plain(name: str) -> str:
    return name.strip().lower().removeprefix("gap/").replace("_", "-").replace(" ", "-")


def _names() -> list[str]:
    from modelairlock.catalog import names
    from modelairlock.records.coverage import Because

    found = [*names("modelairlock.rules"), *names("modelairlock.formats"), *Because]
    return list(dict.fromkeys(_plain(name) for name in found))


def _index() -> str:
    from modelairlock.catalog import catalog
    from modelairlock.reading import Format
    from modelairlock.records.coverage import EXPLANATIONS
    from modelairlock.records.rule import Rule

    rules = [f"- `{rule.name}` ({rule.severity.value}): {rule.summary}" for rule in catalog("modelairlock.rules", Rule)]
    formats = [f"- `{each.name}`: {each.summary}" for each in catalog("modelairlock.formats", Format)]
    gaps = [f"- `{because.value}`: {why}" for because, (why, _) in EXPLANATIONS.items()]
    parts = ["# Rules", "", *rules, "", "# Formats", "", *formats, "", "# Gaps", "", *gaps, ""]
    return "\n".join(parts)


def _show(page: str) -> None:
    from modelairlock.cli.terminal import is_terminal, wants_colour

    if not is_terminal(sys.stdout):
        click.echo(page, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console(no_color=not wants_colour(sys.stdout), width=min(100, Console().width)).print(Markdown(page))
