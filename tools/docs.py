"""Generates the pages under docs/ that come from the code, and says which of them are stale.

A page belongs here if the code already says it: formats, rules, gaps, commands, the JSON schema. The folders `formats`,
`rules`, `cli` and `schema` hold nothing else, so a page whose source is gone is stale as well. What is written by hand
is never touched.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from modelairlock.catalog import catalog, names
from modelairlock.outputs._pages import format_page, gap_page, rule_page
from modelairlock.outputs.json import schema
from modelairlock.reading import Format
from modelairlock.records import conversion, detonate, doctor
from modelairlock.records.coverage import EXPLANATIONS, Because
from modelairlock.records.rule import Rule
from tools import limits, matrix
from tools.commands import command_page, commands

ROOT = Path(__file__).resolve().parent.parent
#: what people ask for first; tests/test_guides.py tries that none of it is CLEAR
NOT_READ_YET = "SentencePiece, YAML, CoreML, TensorRT, XGBoost's and CatBoost's own binary formats"
#: folders below docs/ that hold generated pages only
GENERATED = ("formats", "rules", "cli", "schema")


def pages() -> dict[str, str]:
    """Every generated page: its place below docs/, and its text."""
    formats = dict(zip(names("modelairlock.formats"), catalog("modelairlock.formats", Format), strict=True))
    rules = dict(zip(names("modelairlock.rules"), catalog("modelairlock.rules", Rule), strict=True))
    made = {
        "formats/README.md": _formats_index(formats, rules),
        "rules/README.md": _rules_index(rules),
        "gaps.md": _gaps(),
        "limits.md": _limits(),
        "schema/scan-1.json": json.dumps(schema(), indent=2, ensure_ascii=False),
        "schema/detonate-1.json": json.dumps(detonate.schema(), indent=2, ensure_ascii=False),
        "schema/doctor-1.json": json.dumps(doctor.schema(), indent=2, ensure_ascii=False),
        "schema/convert-1.json": json.dumps(conversion.schema(), indent=2, ensure_ascii=False),
        "cli/README.md": _commands_index(),
    }
    made |= {f"formats/{name}.md": format_page(one) for name, one in formats.items()}
    made |= {f"rules/{one.name}.md": rule_page(one, _doc(f"rules.{name}")) for name, one in rules.items()}
    made |= {f"cli/{name}.md": command_page(name, command) for name, command in commands()}
    return {place: text.rstrip("\n") + "\n" for place, text in made.items()}


def stale(folder: Path) -> list[str]:
    """The pages below `folder` that are missing, differ from what the code says, or have no source any more."""
    return _stale(folder, pages())


def generate(folder: Path) -> list[str]:
    """Write what is stale below `folder`, delete what has no source; returns the places touched."""
    wanted = pages()
    touched = _stale(folder, wanted)
    for place in touched:
        path = folder / place
        if place in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[place], "utf-8")
        else:
            path.unlink()
    return touched


def _stale(folder: Path, wanted: dict[str, str]) -> list[str]:
    differing = {place for place, text in wanted.items() if _text(folder / place) != text}
    return sorted(differing | (set(_there(folder)) - set(wanted)))


def _there(folder: Path) -> Iterator[str]:
    for room in GENERATED:
        yield from (path.relative_to(folder).as_posix() for path in (folder / room).rglob("*") if path.is_file())


def _text(path: Path) -> str | None:
    return path.read_text("utf-8") if path.is_file() else None


def _doc(module: str) -> str:
    return sys.modules[f"modelairlock.{module}"].__doc__ or ""


def table(heading: Iterable[str], *rows: Iterable[str]) -> str:
    """A Markdown table."""
    titles = tuple(heading)
    lines = [titles, ("---",) * len(titles), *rows]
    return "\n".join(
        "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def _formats_index(formats: dict[str, Format], rules: dict[str, Rule]) -> str:
    rows = []
    for name, format_ in formats.items():
        judging = matrix.judging(name, list(rules))
        rows.append(
            (
                f"[{format_.name}]({name}.md)",
                format_.summary,
                _names(format_.extensions),
                "yes" if matrix.reads(format_) else "recognised only: a gap",
                f"{len(judging)} rules" if judging else "—",
                ", ".join(f"`{loader}`" for loader in format_.loaders) or "—",
                f"[{len(format_.blind_spots)}]({name}.md)" if format_.blind_spots else "—",
            )
        )
    heading = ("format", "what it is", "usual names", "read", "judged by", "CLEAR assumes", "blind spots")
    return f"""# Formats

Recognition goes by content and never by the name alone, and every format that claims a file reads it. What is not read
is never CLEAR, and what no format claims is a [gap](../gaps.md). *Judged by* counts the [rules](../rules/README.md)
that look at a kind of fact which the format's reader states; what is inside an archive or a checkpoint is read and
judged as the format it is. Blind spots, and bytes that are passed over by design, stand on each page.

**Not read yet**, so INCOMPLETE and never CLEAR: {NOT_READ_YET}, and whatever else is not in the table, or is in it
as *recognised only*. Text in JSON or in plain lines is read as text, whatever program it is meant for.

{table(heading, *rows)}
"""


def _names(extensions: tuple[str, ...]) -> str:
    shown = [f"`{extension}`" for extension in extensions[:8]]
    return " ".join([*shown, "…"] if len(extensions) > len(shown) else shown) or "any"


def _rules_index(rules: dict[str, Rule]) -> str:
    ordered = sorted(rules.values(), key=lambda rule: (-rule.severity.rank, rule.name))
    rows = [(f"[{rule.name}]({rule.name}.md)", rule.severity, rule.summary, ", ".join(rule.cwe)) for rule in ordered]
    return f"""# Rules

A rule turns facts into findings. `severity` is the highest it reports: how bad it is if it is true, and the file is
opened by a loader that does not refuse. A finding of severity medium or more makes a file FLAGGED.

{table(("rule", "severity", "says that", "CWE"), *rows)}
"""


def _gaps() -> str:
    rows = [(f"[{because}](#gap-{because})", EXPLANATIONS[because][0]) for because in Because]
    each = [
        re.sub(r"^#", "##", gap_page(because).strip(), flags=re.MULTILINE).rpartition("\n\n") for because in Because
    ]
    # what every page ends with is said once, at the top
    [common] = {ending for _, _, ending in each}
    sections = "\n\n".join(section for section, _, _ in each)
    return f"""# Gaps

A gap is a span of bytes, or a name of code, that nobody vouches for. {common}

{table(("because", "which means"), *rows)}

{sections}
"""


def _limits() -> str:
    return f"""# Limits

What reading one source may cost. A limit that is reached is a gap ([over_limit](gaps.md#gap-over_limit)) that names
it, and never a finding. Raise one with `--limits NAME=VALUE`.

{table(("limit", "default", "what it bounds"), *limits.rows())}
"""


def _commands_index() -> str:
    rows = [(f"[airlock {name}]({name}.md)", command.get_short_help_str(200)) for name, command in commands()]
    return f"""# Commands

{table(("command", "what it does"), *rows)}
"""


def main() -> int:
    """Generate, or with --check only compare: then status 1 and the names of the stale pages."""
    parser = argparse.ArgumentParser(prog="python -m tools.docs", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; status 1 if a page is stale")
    checking = parser.parse_args().check
    touched = stale(ROOT / "docs") if checking else generate(ROOT / "docs")
    for place in touched:
        print(f"{'stale' if checking else 'wrote'}: docs/{place}")
    if checking and touched:
        print("Run `make docs`, read the difference, and commit it.")
    return int(checking and bool(touched))


if __name__ == "__main__":
    sys.exit(main())
