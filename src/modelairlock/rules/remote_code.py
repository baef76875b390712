"""A repository brings Python code that a loader runs when it is told to trust it

## Why it matters

``auto_map`` in a configuration names classes in Python files, of this repository or (``owner/name--file.Class``) of
another one on the hub. ``AutoModel.from_pretrained(…, trust_remote_code=True)`` copies those files, and all they import
from their own folder, and imports them: what their author wrote runs. That is how custom models are meant to work, and
it means that the model is as trustworthy as a program from the same author. Without `trust_remote_code` transformers
refuses; vLLM 0.10.1 to 0.13 did not ask (CVE-2026-22807).

A configuration that sets ``trust_remote_code`` itself answers in your place: transformers 5.2 to 5.4 obeyed it for
parts of a LightGlue model (CVE-2026-5241), and sentence-transformers hands on what ``sentence_bert_config.json`` says.

``custom_generate/generate.py`` replaces the model's own ``generate``. From a folder on disk, `from_pretrained` of
transformers 4.52 to 4.57 runs it without `trust_remote_code`: it asks only for models that come from the hub. Later
versions ask, and those before 5.17 copy the file into their cache first.

If one of the files calls what a model's code has no ordinary reason to call, the finding says so and is worse.

## What to do

Read the files named before you load the repository with `trust_remote_code`, and pin the revision that you read. Or
look for the same model in a form that the library itself knows.
"""

from collections import deque
from collections.abc import Iterator

from modelairlock.records.facts import Configured, Fact, Reference, Setting, SourceUse
from modelairlock.records.finding import Finding, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.repository import Folder, FolderFile
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.source_uses import harm_of, hides_what_it_runs
from modelairlock.records.span import Span
from modelairlock.records.text import shown
from modelairlock.records.wording import listed, use_in_words

_KINDS = ("auto_map", "custom_pipelines")
#: custom code that does what custom code is for
_MEANT = Severity.MEDIUM
_GENERATE = "custom_generate/generate.py"
#: files that one configuration may make a loader import, and findings on a repository
_MOST_FILES = 200
_MOST = 20


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    named = [fact for fact in reading.facts if _names_code(fact)]
    own = {fact.module: fact for fact in named if isinstance(fact, Configured) and "--" not in fact.module}
    others = {fact.module: fact for fact in named if isinstance(fact, Configured) and "--" in fact.module}
    if own:
        files = listed([f"{shown(module, 80)}.py" for module in own], 4)
        yield RULE.finding(
            reading, f"{_call(own)} would run {files} of this repository", *own.values(), severity=_MEANT
        )
    if others:
        files = listed([_elsewhere(module) for module in others], 4)
        message = f"{_call(others)} would fetch and run {files}, which nobody has looked at here"
        yield RULE.finding(reading, message, *others.values(), severity=_MEANT)
    for fact in [fact for fact in reading.facts if isinstance(fact, Setting)][:_MOST]:
        yield from _setting(reading, fact)


def _names_code(fact: Fact) -> bool:
    return isinstance(fact, Configured) and fact.scheme == "transformers" and fact.kind in _KINDS


def _call(named: dict[str, Configured]) -> str:
    """The call that would run it: ``AutoModel.from_pretrained(…, trust_remote_code=True)``."""
    kinds = {fact.kind for fact in named.values()}
    if kinds == {"custom_pipelines"}:
        return "transformers.pipeline(…, trust_remote_code=True)"
    autos = dict.fromkeys(fact.where.rpartition(".")[2] for fact in named.values() if fact.kind == "auto_map")
    names = [shown(one, 40) for one in autos if one.startswith("Auto")] or ["AutoModel"]
    return f"{listed(names, 2)}.from_pretrained(…, trust_remote_code=True)"


def _elsewhere(module: str) -> str:
    repository, _, file = module.partition("--")
    return f"{shown(file, 80)}.py of the repository {shown(repository, 80)}"


def _setting(reading: Reading, fact: Setting) -> Iterator[Judgement]:
    value = shown(fact.value, 60)
    if fact.key == "trust_remote_code":
        message = (
            f"{shown(fact.where, 100)} is {value}: a loader that reads it runs code of a repository without asking, "
            "as transformers 5.2 to 5.4 did for a part of LightGlue (CVE-2026-5241) and sentence-transformers does"
        )
        yield RULE.finding(reading, message, fact, severity=Severity.HIGH)
    elif fact.scheme == "transformers" and fact.key in (*_KINDS, "custom_generate"):
        message = f"{shown(fact.where, 100)} is {value}: it names code to run, in a form that no loader writes"
        yield RULE.finding(reading, message, fact, severity=_MEANT)


# --- the whole repository ------------------------------------------------------------------------------------------


def _check_folder(folder: Folder, context: Context) -> Iterator[Judgement]:
    trusted = any(isinstance(fact, Setting) and fact.key == "trust_remote_code" for fact in _facts(folder))
    found = [finding for file, why in _run(folder) for finding in _harmful(file, why, context, trusted=trusted)]
    # The worst first: so many lesser ones must not hide it.
    yield from sorted(found, key=lambda one: -one.severity.rank)[:_MOST]
    for file in folder.files:
        if _replaces_generate(file):
            message = (
                f"from_pretrained(…) would run {shown(file.path, 100)} and take what it has for the model's generate: "
                "of a folder on disk transformers 4.52 to 4.57 does so unasked, others with trust_remote_code=True"
            )
            fact = Reference(span=Span(0, file.size_bytes), kind="custom-generate", target=file.path)
            yield RULE.finding(file, message, fact, severity=Severity.MEDIUM)
    yield from _missing(folder)


def _replaces_generate(file: FolderFile) -> bool:
    return f"/{file.path}".endswith(f"/{_GENERATE}")


def _facts(folder: Folder) -> Iterator[Fact]:
    for file in folder.files:
        yield from file.facts


def _named(folder: Folder) -> Iterator[tuple[FolderFile, Configured, FolderFile | None]]:
    """Each name of code in this repository, the file that has it, and the file that it leads to."""
    for file in folder.files:
        for fact in file.facts:
            if isinstance(fact, Configured) and _names_code(fact) and "--" not in fact.module:
                name = f"{fact.module}.py"
                yield file, fact, folder.file(file.folder, name) or folder.file("", name)


def _run(folder: Folder) -> list[tuple[FolderFile, str]]:
    """The files that a loader would import, and why: those that configurations name, and what these import in turn."""
    waiting = deque[tuple[FolderFile, str]]()
    for file, _, found in _named(folder):
        if found:
            waiting.append((found, f"{shown(found.path, 80)} ({shown(file.path, 80)} names it)"))
    for file in folder.files:
        if _replaces_generate(file):
            waiting.append((file, shown(file.path, 80)))
    run: dict[str, tuple[FolderFile, str]] = {}
    while waiting and len(run) < _MOST_FILES:
        file, why = waiting.popleft()
        if file.path in run:
            continue
        run[file.path] = (file, why)
        for other in _imported(folder, file):
            waiting.append((other, f"{shown(other.path, 80)} ({shown(file.path, 80)} imports it)"))
    return list(run.values())


def _imported(folder: Folder, file: FolderFile) -> Iterator[FolderFile]:
    for fact in file.facts:
        if isinstance(fact, SourceUse) and fact.kind == "import" and fact.name.startswith("."):
            path = fact.name.lstrip(".").replace(".", "/")
            up = "../" * (len(fact.name) - len(fact.name.lstrip(".")) - 1)
            for name in (f"{up}{path}.py", f"{up}{path}/__init__.py"):
                if found := folder.file(file.folder, name):
                    yield found


def _harmful(file: FolderFile, why: str, context: Context, *, trusted: bool) -> Iterator[Finding]:
    call = "loading it" if trusted else "with trust_remote_code=True, loading it"
    if _replaces_generate(file):
        call, trusted = "loading it from disk", True
    says = f"{call} runs {why}, and"
    for fact in file.facts:
        if not isinstance(fact, SourceUse):
            continue
        when = "on import" if fact.at_import else "in a function"
        if hides_what_it_runs(fact):
            message = f"{says} it unpacks text and runs it {when}: {use_in_words(fact)}"
            yield RULE.finding(file, message, fact, severity=Severity.CRITICAL)
        elif harm := harm_of(fact, context.profiles):
            message = f"{says} it calls {use_in_words(fact)} {when}, which {harm.effect}"
            severity = Severity.CRITICAL if trusted else Severity.HIGH
            if not fact.at_import:
                severity = Severity.MEDIUM
            yield RULE.finding(file, message, fact, severity=severity, cwe=harm.cwe, atlas=harm.atlas)


def _missing(folder: Folder) -> Iterator[Judgement]:
    gone: dict[str, tuple[FolderFile, list[Configured]]] = {}
    for file, fact, found in _named(folder):
        if found is None:
            gone.setdefault(fact.module, (file, []))[1].append(fact)
    for module, (file, facts) in list(gone.items())[:_MOST]:
        message = f"{shown(file.path, 80)} names {shown(module, 80)}.py, which is not among the files that were scanned"
        yield RULE.finding(file, message, *facts, severity=Severity.LOW)


RULE = Rule(
    name="remote-code",
    summary="A repository brings, or names, Python code that a loader runs when it is told to trust it.",
    check=_check,
    check_folder=_check_folder,
    looks_at=(Configured, Setting),
    severity=Severity.CRITICAL,
    help="Read the code before you load it with trust_remote_code, and pin the revision; or do without that code.",
    cwe=("CWE-94", "CWE-829"),
    atlas=("AML.T0010.003", "AML.T0011.000"),
)
