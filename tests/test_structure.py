"""Rules about the code, as tests: each failure says what to do.

They look at source text and syntax trees, not at behaviour. A rule that ruff, mypy or import-linter can state is left
to them (see pyproject.toml); what stands here is what they cannot say.
"""

import ast
import enum
import inspect
import io
import os
import re
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

import modelairlock
from modelairlock.catalog import catalog, names
from modelairlock.reading import Format
from modelairlock.records.facts import Fact
from modelairlock.records.rule import Rule
from modelairlock.records.uses import USED

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "modelairlock"
PUBLIC_API = ROOT / "tests" / "golden" / "public_api.txt"
MAX_LINES = 500
#: rooms where one file is one of a kind
ROOMS_OF_ONE = ("formats", "rules", "outputs", "sources")

#: all that code may import which has hostile bytes, or what was read from them, in its hands; each module computes and
#: reaches nothing. What is not here is not forbidden for ever: look what it can do, then add it.
READERS_IMPORT = {
    "_compat_pickle", "array", "ast", "backports", "binascii", "bz2", "codecs", "collections", "compression", "enum",
    "functools", "graphlib", "itertools", "jinja2", "json", "lz4", "lzma", "msgspec", "operator", "re", "struct",
    "time", "typing", "unicodedata", "warnings", "xml", "zlib",
    "modelairlock.disarm", "modelairlock.encodings", "modelairlock.limits", "modelairlock.reading",
    "modelairlock.records",
}  # fmt: skip
RULES_IMPORT = {"collections", "functools", "re", "modelairlock.records"}
#: what runs text, opens files or finds things by a name that may come from a file
REACHING = {
    "__import__", "attrgetter", "breakpoint", "compile", "delattr", "eval", "exec", "getattr", "globals",
    "import_module", "input", "locals", "methodcaller", "open", "setattr", "vars",
}  # fmt: skip
#: (file, name): why it is harmless there
REACHES_ALL_THE_SAME = {
    ("encodings/zip.py", "attrgetter"): "sorts by a field whose name stands in the code",
}

#: words that our names avoid, and what to say instead; docs/glossary.md has the reasons
AVOIDED = {
    "handler": "format, or the verb of what it does",
    "scanner": "format or rule: what reads is a format, what judges is a rule",
    "detector": "rule",
    "malicious": "FLAGGED, and say what loading would do",
    "infected": "FLAGGED",
    "clean": "CLEAR, for verdicts; anything else has a better verb",
    "whitelist": "profile (data) or approval (a person's)",
    "blacklist": "harm: a name known to do harm",
    "threat": "severity",
    "utils": "the name of what is in it",
    "util": "the name of what is in it",
    "helpers": "the name of what is in it",
    "manager": "the verb of what it does",
    "ioc": "fact",
}


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py") if path.is_file())


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), shown(path))


def told(what_to_do: str, places: list[str]) -> str:
    """The message of a failure: what to do, and where."""
    return f"{what_to_do}:\n" + "\n".join(places)


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def room_of(path: Path) -> str:
    """The first folder below the package, or the module's own name."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


SOURCES = python_files("src")
READERS = [path for path in SOURCES if room_of(path) in {"formats", "encodings", "disarm", "reading"}]
RULES = [path for path in SOURCES if room_of(path) == "rules"]
ALL = python_files("src", "tests", "tools", "fuzz", "bench")


# --- one file, one test --------------------------------------------------------------------------------------------


def test_every_format_rule_and_output_has_a_test() -> None:
    wanted = [f"tests/{room}/test_{name}.py" for room in ROOMS_OF_ONE for name in names(f"modelairlock.{room}")]
    missing = [f"add {path}" for path in wanted if not (ROOT / path).exists()]
    assert not missing, told("hit, miss, and for a format damaged", missing)


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in python_files("tests")}
    missing = [f"{shown(folder)}/__init__.py" for folder in sorted(folders) if not (folder / "__init__.py").exists()]
    assert not missing, f"two tests of one name clash otherwise: add {', '.join(missing)}"


def test_rules_and_formats_are_called_what_their_files_are_called() -> None:
    rules = dict(zip(names("modelairlock.rules"), catalog("modelairlock.rules", Rule), strict=True))
    wrong = [
        f"rules/{module}.py: set name={module.replace('_', '-')!r}"
        for module, rule in rules.items()
        if rule.name != module.replace("_", "-")
    ]
    formats = dict(zip(names("modelairlock.formats"), catalog("modelairlock.formats", Format), strict=True))
    wrong += [
        f"formats/{module}.py: set name={module!r}"
        for module, format_ in formats.items()
        if format_.name.replace("-", "_") != module
    ]
    assert not wrong, told("one name serves as file, id and docs page", wrong)


#: kinds of facts that a rule names for what it reads beside the artifact it judges
NOT_LOOKED_FOR = {
    "storage_misdescribed.py": {"PersistentId"},
    # in other files of a repository
    "imports_by_name.py": {"SourceUse"},
    "remote_code.py": {"Reference", "SourceUse"},
}


def test_rules_say_all_kinds_of_facts_that_they_look_at() -> None:
    """A rule is not asked about an artifact without any of them, so one that is missing is a finding that is lost."""
    kinds = {kind.__name__ for kind in get_args(Fact)}
    rules = dict(zip(names("modelairlock.rules"), catalog("modelairlock.rules", Rule), strict=True))
    missing = []
    for path in RULES:
        rule = rules.get(path.stem)
        if rule is None or not rule.looks_at:
            continue
        named = kinds & {
            alias.name for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom) for alias in node.names
        }
        looked_at = {kind.__name__ for kind in rule.looks_at}
        used = {kind.__name__ for kind in USED} if re.search(r"\buses\(", path.read_text("utf-8")) else set()
        if path.stem == "helper_as_value":
            used = set()  # a use that is no import says nothing there
        left = (named | used) - looked_at - NOT_LOOKED_FOR.get(path.name, set())
        missing += [f"{shown(path)}: {kind}" for kind in sorted(left)]
    assert not missing, told("add these kinds of facts to the rule's `looks_at`", missing)


def test_no_rule_takes_an_earlier_name_of_another() -> None:
    rules = catalog("modelairlock.rules", Rule)
    held = [name for rule in rules for name in (rule.name, *rule.formerly)]
    twice = sorted({name for name in held if held.count(name) > 1})
    assert not twice, f"approvals name rules, so a name is never used twice: rename {twice}"


def test_every_module_of_tests_tests_something() -> None:
    empty = [
        shown(path)
        for path in python_files("tests")
        if path.name.startswith("test_")
        and not any(
            isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in ast.walk(tree(path))
        )
    ]
    assert not empty, told("a test is a function called test_...: write one, or rename the file", empty)


def test_nothing_is_left_of_the_scaffold() -> None:
    marker = re.compile(r"(?<!INSERT OR )\bREPLACE\b")
    left = [
        f"{shown(path)}:{number}"
        for folder in ("src", "tests", "docs")
        for path in sorted((ROOT / folder).rglob("*.*"))
        if path.suffix in {".py", ".md", ".toml"} and path.name not in {Path(__file__).name, "test_scaffold.py"}
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if marker.search(line)
    ]
    assert not left, told("say it in words of your own, where `make format` or `make rule` left a marker", left)


# --- each file -----------------------------------------------------------------------------------------------------


def test_every_module_says_what_it_is_for() -> None:
    silent = [shown(path) for path in SOURCES if len(ast.get_docstring(tree(path)) or "") <= 10]
    assert not silent, told("begin with a docstring: one sentence of purpose, then what surprises a newcomer", silent)


def test_no_file_is_too_long() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in ALL}
    long = [f"{shown(path)}: {lines} lines" for path, lines in lengths.items() if lines > MAX_LINES]
    assert not long, told(f"split by what it is about; {MAX_LINES} lines at most", long)


def test_every_type_ignore_has_a_code_and_a_reason() -> None:
    bare = []
    for path in ALL:
        text = path.read_text("utf-8")
        if "type: ignore" not in text:
            continue
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type != tokenize.COMMENT or not re.match(r"#\s*type:\s*ignore", token.string):
                continue
            if not re.match(r"# type: ignore\[[\w, -]+\]\s+# \w", token.string):
                bare.append(f"{shown(path)}:{token.start[0]}")
    assert not bare, told("write `# type: ignore[code]  # why`; drop it in tests, where no mypy runs", bare)


def declared(path: Path) -> Iterator[tuple[int, str]]:
    """What a file names: itself, its functions, its classes."""
    yield 1, path.stem
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name


def test_names_use_the_words_of_the_house() -> None:
    strays = [
        f"{shown(path)}:{line} {name}: say {AVOIDED[word.lower()]}"
        for path in SOURCES
        for line, name in declared(path)
        for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
        if word.lower() in AVOIDED
    ]
    assert not strays, told("rename (docs/glossary.md)", strays)


# --- who may do what -----------------------------------------------------------------------------------------------


def uses(path: Path, kind: type[ast.Call | ast.Attribute], forbidden: set[str]) -> Iterator[str]:
    """Where a file calls, or reads, one of the `forbidden` names."""
    for node in ast.walk(tree(path)):
        if isinstance(node, kind):
            name = ast.unparse(node.func if isinstance(node, ast.Call) else node)
            if name in forbidden:
                yield f"{shown(path)}:{node.lineno} {name}"


def test_only_the_cli_prints_and_exits() -> None:
    others = [path for path in SOURCES if room_of(path) != "cli"]
    found = [use for path in others for use in uses(path, ast.Call, {"print", "input", "sys.exit", "exit", "quit"})]
    assert not found, told("this belongs in cli/: return the text, or raise AirlockError", found)


def test_only_the_cli_and_the_wall_know_the_environment() -> None:
    others = [path for path in SOURCES if room_of(path) not in {"cli", "isolation"}]
    environment = {"os.environ", "os.getenv", "os.environb", "os.putenv"}
    found = [use for path in others for use in uses(path, ast.Attribute, environment)]
    assert not found, told("this belongs in cli/ (or isolation/): take the value as an argument", found)


def imports(path: Path) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Line, module and the names taken from it, for each import of a file; ``import a.b`` takes ``a.b`` itself."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or ""), tuple(alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, ()) for alias in node.names)


def strangers(path: Path, allowed: set[str]) -> Iterator[str]:
    """The imports of a file that are neither `allowed` nor in something that is."""
    for line, module, taken in imports(path):
        for name in [f"{module}.{one}" for one in taken] or [module]:
            parts = name.split(".")
            if not allowed.intersection(".".join(parts[:length]) for length in range(1, len(parts) + 1)):
                yield f"{shown(path)}:{line} {name}"


def reaching(path: Path) -> Iterator[str]:
    """Where a file names one of `REACHING`, bare or as part of what it imports; `re.compile` is no such thing."""
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    found = [(line, one) for line, _, taken in imports(path) for one in taken if one in REACHING]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Name) and node.id in REACHING:
            found.append((node.lineno, node.id))
        elif isinstance(node, ast.Attribute) and node.attr in REACHING and ast.unparse(node.value) in imported - {"re"}:
            found.append((node.lineno, node.attr))
    for line, name in found:
        yield f"{shown(path)}:{line} {name}"


def test_readers_and_rules_import_only_what_reaches_nothing() -> None:
    found = [one for path in READERS for one in strangers(path, READERS_IMPORT)]
    found += [one for path in RULES for one in strangers(path, RULES_IMPORT)]
    assert not found, told(
        "do without, or look at all that the module can do and add it to READERS_IMPORT or RULES_IMPORT above", found
    )


def test_readers_and_rules_run_nothing_open_nothing_and_find_nothing_by_name() -> None:
    excused = {(f"src/modelairlock/{file}", name) for file, name in REACHES_ALL_THE_SAME}
    found = [one for path in [*READERS, *RULES] for one in reaching(path)]
    there = {one: (one.partition(":")[0], one.rpartition(" ")[2]) for one in found}
    idle = excused - set(there.values())
    assert not idle, f"take these out of REACHES_ALL_THE_SAME, nothing needs them: {sorted(idle)}"
    found = [one for one in found if there[one] not in excused]
    assert not found, told(
        "a name out of a file must never choose what runs: use a dict or a match. If it is harmless"
        " there, say why in REACHES_ALL_THE_SAME above",
        found,
    )


def test_the_tests_of_reach_see_what_they_forbid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(
        "import os.path\nimport re, codecs\nfrom modelairlock import catalog\nfrom bz2 import open as o\n"
        "re.compile('')\ncodecs.open('')\nf = eval\nself.open()\nfrom lz4 import frame\nframe.open('')\n"
    )
    monkeypatch.setattr(f"{__name__}.shown", lambda path: path.name)
    assert list(strangers(bad, READERS_IMPORT)) == ["bad.py:1 os.path", "bad.py:3 modelairlock.catalog"]
    assert sorted(reaching(bad)) == ["bad.py:10 open", "bad.py:4 open", "bad.py:6 open", "bad.py:7 eval"]


def test_there_is_one_scale_of_severity() -> None:
    scales = [
        f"{shown(path)}:{node.lineno} {node.name}"
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef)
        and re.search(r"severity|risk|threat|danger", node.name, re.IGNORECASE)
        and any("Enum" in ast.unparse(base) for base in node.bases)
    ]
    assert [scale.rpartition(" ")[2] for scale in scales] == ["Severity"], (
        f"use records.finding.Severity, and map it only where an output needs other words: {scales}"
    )


def test_every_room_has_its_place_in_the_layers() -> None:
    [layers] = [contract for contract in project()["tool"]["importlinter"]["contracts"] if contract["type"] == "layers"]
    placed = {room.strip() for line in layers["layers"] for room in re.split(r"[|:]", line)}
    rooms = {room_of(path) for path in SOURCES} - {"__init__", "__main__"}
    assert rooms - placed == set(), "place these in [tool.importlinter] of pyproject.toml"
    assert placed - rooms == set(), "these rooms are gone: take them out of [tool.importlinter] in pyproject.toml"


#: words with a hyphen in readers that tell of irregularities, and are no kind of one
NO_KINDS = frozenset(
    (
        "latin-1", "utf-8", "utf-16", "utf-16-be", "utf-16-le", "utf-32-be", "utf-32-le", "lzma-zip", "lzma-alone",
        "raw-unicode-escape", "sentence-transformers", "raw-array", "object-array", "opcode-crosses-frame",
        "nested-frame", "lz4-frame", "latin1-of-utf8", "latin1-of-escapes", "json-string", "byte-string", "after-stop",
        "keras-config", "frame-beyond-stop",
    )
)  # fmt: skip
#: kinds of irregularity that no rule judges, and why
ONLY_INFORMATION: dict[str, str] = {
    "archive-name-backslash": "Windows programs write them; where such a name leads is judged by other kinds",
    "zeros-after-tensors": "padding misleads nobody, and the bytes are a gap",
}


def hyphenated(path: Path) -> set[str]:
    """The constants of a file that could be kinds of irregularities."""
    constants = {node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant)}
    return {text for text in constants if isinstance(text, str) and re.fullmatch(r"[a-z]+\d*(-[a-z0-9]+)+", text)}


def test_every_irregularity_that_a_reader_tells_is_judged() -> None:
    readers = python_files("src/modelairlock/encodings", "src/modelairlock/formats")
    judged = {kind for path in python_files("src/modelairlock/rules") for kind in hyphenated(path)}
    unjudged = {
        kind: shown(path) for path in readers for kind in hyphenated(path) - judged - NO_KINDS - set(ONLY_INFORMATION)
    }
    told_what = "judge these kinds of irregularity by a rule, or say in tests/test_structure.py why none has to"
    assert not unjudged, told(told_what, [f"{place}: {kind}" for kind, place in sorted(unjudged.items())])
    assert not judged & set(ONLY_INFORMATION), "take these out of ONLY_INFORMATION: a rule judges them"


# --- what others rely on -------------------------------------------------------------------------------------------


def signature(name: str) -> str:
    value = getattr(modelairlock, name)
    if isinstance(value, type) and issubclass(value, enum.Enum):
        return f"class {name}: {', '.join(member.name for member in value)}"
    if isinstance(value, type):
        fields = getattr(value, "__struct_fields__", ())
        return f"class {name}({', '.join(fields)})"
    if not callable(value):
        return f"{name}: {type(value).__name__}"
    # without annotations: each Python writes them in its own way
    parameters = inspect.signature(value).parameters.values()
    return f"{name}({', '.join(str(one.replace(annotation=one.empty)) for one in parameters)})"


def test_the_public_api_is_what_it_was() -> None:
    now = "".join(f"{signature(name)}\n" for name in sorted(modelairlock.__all__))
    if os.environ.get("UPDATE_GOLDEN"):
        PUBLIC_API.write_text(now, "utf-8")
    assert PUBLIC_API.exists(), (
        f"pin the public API: UPDATE_GOLDEN=1 pytest tests/test_structure.py, and read {shown(PUBLIC_API)}"
    )
    assert now == PUBLIC_API.read_text("utf-8"), (
        "the public API changed. If that is meant: UPDATE_GOLDEN=1 pytest tests/test_structure.py, and read the diff"
    )


def test_generated_pages_are_fresh() -> None:
    from tools.docs import stale

    pages = stale(ROOT / "docs")
    assert not pages, f"run `make docs` and commit what changed: {', '.join(pages)}"


def documents() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_command_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    missing = [
        f"{shown(document)}: make {target}"
        for document in documents()
        for target in re.findall(r"(?:^|`)make ([a-z][a-z-]*)", document.read_text("utf-8"), re.MULTILINE)
        if target not in targets
    ]
    assert not missing, told("add the target to the Makefile, or mend the document", missing)


def test_every_airlock_command_in_the_documents_exists() -> None:
    from tools.commands import commands

    options = {name: {one for part in command.params for one in part.opts} for name, command in commands()}
    anywhere = {option for known in options.values() for option in known} | {"--check", "--version"}
    used = re.compile(r"(?:^\s*(?:- run: |\$ )?(?:\.venv/bin/)?|`)airlock ([a-z]+(?:-[a-z]+)*)([^\n`]*)", re.MULTILINE)
    wrong = []
    for document in documents():
        text = document.read_text("utf-8")
        for command, rest in used.findall(text):
            unknown = set(re.findall(r"--[a-z-]+", rest)) - options.get(command, set())
            wrong += [] if command in options else [f"{shown(document)}: airlock {command}"]
            wrong += [f"{shown(document)}: airlock {command} {option}" for option in sorted(unknown)]
        alone = set(re.findall(r"`(--[a-z-]+)", text)) - anywhere
        wrong += [f"{shown(document)}: {option}" for option in sorted(alone)]
    assert not wrong, told("mend the document, or add the command or option", wrong)


def test_every_link_between_documents_leads_somewhere() -> None:
    dead = [
        f"{shown(document)}: {target}"
        for document in documents()
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", document.read_text("utf-8"))
        if not (document.parent / target).exists()
    ]
    assert not dead, told("mend these links", dead)


def test_every_decision_and_guide_is_listed() -> None:
    index = (ROOT / "docs/README.md").read_text("utf-8")
    pages = [*ROOT.glob("docs/adr/*.md"), *ROOT.glob("docs/guide/*.md")]
    assert [page.name for page in pages if f"({page.parent.name}/{page.name})" not in index] == []


def test_every_test_marker_is_explained() -> None:
    contributing = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for marker in project()["tool"]["pytest"]["ini_options"]["markers"]:
        name = marker.partition(":")[0]
        assert f"`{name}`" in contributing, f"say in CONTRIBUTING.md what the test marker `{name}` means"


def test_nothing_names_a_folder_of_one_machine() -> None:
    own = re.compile(
        r"/work/(?:main|shared)|/home/(?!user\b|runner\b|alice\b)\w+/|/Users/\w+/|/root/\.\w+|[A-Z]:\\+Users"
    )
    places = [*ALL, ROOT / "Makefile", ROOT / "pyproject.toml", ROOT / ".ci" / "run", *ROOT.glob("*.md")]
    places += [
        path for folder in ("docs", "src", "tests") for path in (ROOT / folder).rglob("*.*[dlnt]") if path.is_file()
    ]
    for path in sorted(set(places) - {Path(__file__).resolve()}):
        found = own.search(path.read_text("utf-8", "replace"))
        assert found is None, f"{shown(path)}: take out {found.group() if found else ''!r}, a path of one machine"
