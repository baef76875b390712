"""The documentation pages of formats, rules, gaps and the other words of a report, made from what the code says.

Pure functions that give Markdown. ``airlock explain`` shows them in the terminal, and the docs generator writes them
to ``docs/``, so that both say the same. Not an output: it holds no `Output`, and knows nothing of records of a scan.
"""

import inspect
from collections.abc import Iterator, Sequence

from modelairlock.limits import DEFAULT_LIMITS, MEANINGS
from modelairlock.reading import Format
from modelairlock.records.coverage import EXPLANATIONS, Because
from modelairlock.records.isolation import Level
from modelairlock.records.rule import Rule
from modelairlock.records.scan import Verdict

_SIZES = ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB"))
_WHAT_TO_DO = "What to do"
_CONTENT = "A name proves nothing: a file is read as what its content is, and a name that misleads is said."
#: rules about names known to do harm, whose findings carry the ids of the harm that was found
BY_HARM = frozenset({"runs-harmful-code", "names-harmful-code", "skops-code", "source-harmful"})
_OF_HARM = "and those of what the name that was found does, such as {}; the finding has them"
_VERDICTS = {
    Verdict.CLEAR: "Every byte is accounted for, and nothing in it can run code, reach the network or touch files when "
    "it is loaded by the loaders named for its format. It does not say that the model is good, nor that any other "
    "loader is harmless.",
    Verdict.FLAGGED: "At least one finding of severity medium or more: the report says what loading would do, and "
    "`airlock explain RULE` why that matters. It does not say that anyone meant harm.",
    Verdict.INCOMPLETE: "No such finding, but bytes or names of code that nobody vouches for: the report says which "
    "and why. It does not say that anything is wrong, and it is never taken for CLEAR.",
}
_LEVELS = {
    Level.NONE: "A process apart with resource limits, and no more, as on macOS.",
    Level.WEAK: "Less than confined, yet at least one wall of the kernel's: old kernels, unusual architectures.",
    Level.CONFINED: "Landlock, resource limits and seccomp, as in most containers: no network, no other files.",
    Level.STRICT: "Namespaces as well as Landlock, resource limits and seccomp.",
}


def _is_read(format: Format) -> bool:  # noqa: A002  # the house's word for it
    return not any(spot.startswith("everything:") for spot in format.blind_spots)


def _passed_over(format: Format) -> str:  # noqa: A002  # the house's word for it
    if format.passes_over:
        return f"**Passed over by design:** {format.passes_over}"
    if not _is_read(format):
        return "**It is recognised, and not read.**"
    return "**Every byte is read.**"


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
            _passed_over(format),
            _listed("What reading never shows", format.blind_spots),
            _listed("Builds on", [f"`{each}`" for each in format.builds_on]),
            _listed("References", format.references),
        ]
    )


def rule_page(rule: Rule, doc: str) -> str:
    """What a rule reports and what to do about it. `doc` is the docstring of the rule's module."""
    body = _body(doc)
    # A docstring begins with what the summary says too, and most of them say at length what `help` says in short.
    title, _, sections = body.partition("\n\n")
    harm = rule.name in BY_HARM
    return _page(
        [
            f"# Rule `{rule.name}`",
            rule.summary,
            f"**Severity:** up to {rule.severity.value}",
            sections if sections.startswith("## ") and not title.startswith("#") else body,
            "" if f"## {_WHAT_TO_DO}" in body else f"**{_WHAT_TO_DO}:** {rule.help}",
            _listed("Weaknesses (CWE)", (*rule.cwe, *([_OF_HARM.format("CWE-78 for commands")] if harm else []))),
            _listed("Techniques (MITRE ATLAS)", (*rule.atlas, *([_OF_HARM.format("AML.T0050")] if harm else []))),
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


def verdict_page(verdict: Verdict) -> str:
    """What a verdict says, and what it does not."""
    order = "The worst file gives the verdict of the whole: FLAGGED before INCOMPLETE before CLEAR."
    return _page([f"# Verdict {verdict.value.upper()}", _VERDICTS[verdict], order])


def level_page(level: Level) -> str:
    """What a level of isolation is made of."""
    how = "How well readers are walled in depends on the machine, and each report says it."
    refuse = f"`--require {level.value}` refuses to read at less." if level is not Level.NONE else ""
    return _page([f"# Isolation `{level.value}`", _LEVELS[level], how, refuse])


def limit_page(name: str) -> str:
    """What a limit bounds, and how to raise it."""
    default = getattr(DEFAULT_LIMITS, name)
    return _page(
        [
            f"# Limit `{name}`",
            f"What it bounds: {MEANINGS[name]}.",
            f"**Default:** {limit_default(name, default)}. Another: `--limits {name}=VALUE`.",
            "One that is reached is a gap, `over_limit`, which names it, and never a finding.",
        ]
    )


def extension_page(extension: str, formats: Sequence[Format]) -> str:
    """Which formats go by an extension. What a file is found to be hangs on its content all the same."""
    names = [
        f"`{each.name}`: {each.summary}{'' if _is_read(each) else ' (recognised, and not read)'}" for each in formats
    ]
    return _page([f"# Extension `{extension}`", _listed("Usual for", names), _CONTENT])


def usual_page(extension: str, usual: str) -> str:
    """What usually goes by an extension that no format promises."""
    return _page([f"# Extension `{extension}`", f"**Usually:** {usual}", _CONTENT])


def unknown_extension_page(extension: str) -> str:
    """What is known of an extension nobody here has heard of: how its files are read all the same."""
    known = f"No format of the house goes by `{extension}`, and nothing is known of it."
    what = (
        "**What to do:** scan a file of it. If its content is one that is read, the report says so; if nothing claims "
        "it, the file is INCOMPLETE (`airlock explain unrecognised`), and somebody who knows what it is has to say."
    )
    return _page([f"# Extension `{extension}`", known, _CONTENT, what])


def kind_page(name: str, text: str) -> str:
    """What there is to know of a kind of file that nothing reads yet."""
    return _page([f"# Not read yet: {name}", text])


def word_page(word: str, text: str) -> str:
    """What a word of a report means."""
    return _page([f"# `{word}` in a report", text])


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
