"""``airlock explain``: the docs page of a rule, a format, a gap or another word of a report, in the terminal."""

import re
import sys
from collections.abc import Iterator

import click

_LISTS = "airlock explain, without a name, lists them; of a file's extension, write it with its dot (.pt)."
#: of whatever looks like one something can be said, even if nobody knows it
_EXTENSION = re.compile(r"[\w-]*\.[a-z0-9]{1,12}")


@click.command("explain", short_help="Explain a rule, a format, a gap or another word of a report.")
@click.argument("name", required=False, metavar="[NAME]")
def command(name: str | None) -> None:
    """Explain the rule, the format or the reason for a gap called NAME; without one, list all there are.

    NAME may also be a file's extension (.pt), a verdict (CLEAR), another word of a report (excluded), a level of
    isolation (confined) or a limit (seconds).
    """
    _show(_index() if name is None else _page(name))


def _page(name: str) -> str:
    from difflib import get_close_matches

    from modelairlock.records.errors import AirlockError

    # A format and a gap may share a name with a rule; all of them are shown.
    pages = [*_pages(name)]
    if not pages:
        close = get_close_matches(_plain(name), _names(), 3, 0.75)
        hint = f"Did you mean {' or '.join(close)}?" if close else _LISTS
        raise AirlockError(f"there is no rule, format, gap or other word of a report called {name!r}", hint)
    return "\n---\n\n".join(pages)


def _pages(name: str) -> Iterator[str]:
    wanted = _plain(name)
    if not wanted.startswith("."):
        yield from _code_pages(wanted.replace("-", "_"))
        yield from _word_pages(wanted.replace("-", "_"))
    yield from _extension_pages(wanted)


def _code_pages(module: str) -> Iterator[str]:
    from importlib import import_module

    from modelairlock.catalog import find, names
    from modelairlock.outputs._pages import format_page, gap_page, rule_page
    from modelairlock.reading import Format
    from modelairlock.records.coverage import Because
    from modelairlock.records.rule import Rule

    if module in names("modelairlock.rules"):
        doc = import_module(f"modelairlock.rules.{module}").__doc__ or ""
        yield rule_page(find("modelairlock.rules", module, Rule), doc)
    if module in names("modelairlock.formats"):
        yield format_page(find("modelairlock.formats", module, Format))
    if module in set(Because):
        yield gap_page(Because(module))


def _word_pages(word: str) -> Iterator[str]:
    from modelairlock.limits import MEANINGS
    from modelairlock.outputs._pages import kind_page, level_page, limit_page, verdict_page, word_page
    from modelairlock.outputs._words import ALSO_CALLED, KINDS, WORDS
    from modelairlock.records.isolation import Level
    from modelairlock.records.scan import Verdict

    spaced = word.replace("_", " ")
    spaced = ALSO_CALLED.get(spaced, spaced)
    if spaced in WORDS:
        yield word_page(spaced, WORDS[spaced])
    if word in KINDS:
        yield kind_page(word, KINDS[word])
    if word in set(Verdict):
        yield verdict_page(Verdict(word))
    if word in set(Level):
        yield level_page(Level(word))
    if word in MEANINGS:
        yield limit_page(word)


def _extension_pages(wanted: str) -> Iterator[str]:
    """Who goes by an extension, or by that of a file's name; not what stands on a page already under the same name."""
    from modelairlock.catalog import catalog
    from modelairlock.outputs._pages import extension_page, unknown_extension_page, usual_page
    from modelairlock.outputs._words import EXTENSIONS, KINDS
    from modelairlock.reading import Format

    # `_plain` has made dashes of what an extension may hold; and a whole name of a file ends in one too.
    extension = f".{wanted.rpartition('.')[2]}"
    formats = [each for each in catalog("modelairlock.formats", Format) if extension in each.extensions]
    if formats and wanted not in {each.name for each in formats} | set(KINDS):
        yield extension_page(extension, formats)
    elif extension in EXTENSIONS:
        yield usual_page(extension, EXTENSIONS[extension])
    elif not formats and _EXTENSION.fullmatch(wanted):
        yield unknown_extension_page(extension)


def _plain(name: str) -> str:
    return name.strip().lower().removeprefix("gap/").replace("_", "-").replace(" ", "-")


def _names() -> list[str]:
    from modelairlock.catalog import names
    from modelairlock.limits import MEANINGS
    from modelairlock.outputs._words import KINDS, WORDS
    from modelairlock.records.coverage import Because
    from modelairlock.records.isolation import Level
    from modelairlock.records.scan import Verdict

    found = [*names("modelairlock.rules"), *names("modelairlock.formats"), *Because, *Verdict, *Level, *MEANINGS]
    found += [*WORDS, *KINDS]
    return list(dict.fromkeys(_plain(name) for name in found))


def _index() -> str:
    from modelairlock.catalog import catalog
    from modelairlock.limits import MEANINGS
    from modelairlock.outputs._words import KINDS, WORDS
    from modelairlock.reading import Format
    from modelairlock.records.coverage import EXPLANATIONS
    from modelairlock.records.isolation import Level
    from modelairlock.records.rule import Rule
    from modelairlock.records.scan import Verdict

    rules = [f"- `{rule.name}` ({rule.severity.value}): {rule.summary}" for rule in catalog("modelairlock.rules", Rule)]
    formats = [f"- `{each.name}`: {each.summary}" for each in catalog("modelairlock.formats", Format)]
    gaps = [f"- `{because.value}`: {why}" for because, (why, _) in EXPLANATIONS.items()]
    words = [
        f"- verdicts: {', '.join(verdict.upper() for verdict in Verdict)}",
        f"- levels of isolation: {', '.join(Level)}",
        f"- limits: {', '.join(MEANINGS)}",
        f"- words of a report: {', '.join(WORDS)}",
        f"- not read yet: {', '.join(KINDS)}",
        "- extensions of files, such as .pt",
    ]
    parts = [
        "# Rules",
        "",
        *rules,
        "",
        "# Formats",
        "",
        *formats,
        "",
        "# Gaps",
        "",
        *gaps,
        "",
        "# Also",
        "",
        *words,
        "",
    ]
    return "\n".join(parts)


def _show(page: str) -> None:
    from modelairlock.cli.terminal import is_terminal, wants_colour

    if not is_terminal(sys.stdout):
        click.echo(page, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console(no_color=not wants_colour(sys.stdout), width=min(100, Console().width)).print(Markdown(page))
