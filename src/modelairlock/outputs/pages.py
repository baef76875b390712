"""The documentation pages of formats, rules and gaps, made from what stands in their files.

Pure functions that give Markdown. ``airlock explain`` shows them in the terminal, and the docs generator writes them
to ``docs/``, so that both say the same. Not an output: it holds no `Output`, and knows nothing of records of a scan.
"""

import inspect
from collections.abc import Iterator, Sequence

from modelairlock.reading import Format
from modelairlock.records.coverage import EXPLANATIONS, Because
from modelairlock.records.rule import Rule

_SIZES = ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB"))


def format_page(format: Format) -> str:  # noqa: A002  # the house's word for it
    """What a format is, who is assumed to open it, what is passed over and what reading never shows."""
    module = inspect.getmodule(format.read)
    return _page(
        [
            f"# Format `{format.name}`",
            format.summary,
            _body(module.__doc__ or "" if module else ""),
            _listed("Extensions that promise it", [f"`{each}`" for each in format.extensions]),
            _listed("A CLEAR verdict assumes that it is opened by", [f"`{each}`" for each in format.loaders]),
            f"**Passed over by design:** {format.passes_over}" if format.passes_over else "**Every byte is read.**",
            _listed("What reading never shows", format.blind_spots),
            _listed("Builds on", [f"`{each}`" for each in format.builds_on]),
            _listed("References", format.references),
        ]
    )


def rule_page(rule: Rule, doc: str) -> str:
    """What a rule reports and what to do about it. `doc` is the docstring of the rule's module."""
    return _page(
        [
            f"# Rule `{rule.name}`",
            rule.summary,
            f"**Severity:** up to {rule.severity.value}",
            _body(doc),
            f"**What to do:** {rule.help}",
            _listed("Weaknesses (CWE)", rule.cwe),
            _listed("Techniques (MITRE ATLAS)", rule.atlas),
            _listed("Formerly", [f"`{each}`" for each in rule.formerly]),
        ]
    )


def gap_page(because: Because) -> str:
    """Why nobody vouches for such a span, and what to do."""
    why, what = EXPLANATIONS[because]
    return _page(
        [
            f"# Gap `{because.value}`",
            why,
            f"**What to do:** {what}",
            "A file with a gap is never CLEAR: it is INCOMPLETE, or FLAGGED if there are findings besides.",
        ]
    )


def limit_default(name: str, value: float) -> str:
    """A default as a person writes it; sizes in bytes with the largest unit that divides them."""
    if name.endswith("_bytes"):
        for size, unit in _SIZES:
            if value % size == 0:
                return f"{int(value) // size} {unit}"
    return f"{value:,g}" if isinstance(value, float) else f"{value:,}"


def _page(parts: Sequence[str]) -> str:
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _body(doc: str) -> str:
    """A docstring as Markdown: double backquotes become single ones."""
    return inspect.cleandoc(doc or "").replace("``", "`")


def _listed(title: str, items: Sequence[str]) -> str:
    return "\n".join(_lines(title, items)) if items else ""


def _lines(title: str, items: Sequence[str]) -> Iterator[str]:
    yield f"**{title}:**\n"
    for item in items:
        yield f"- {item}"
