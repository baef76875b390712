"""The name promises data, and the content can run code

## Why it matters

People and policies trust names: a ``.safetensors`` or ``.json`` passes where a pickle would not. Loaders go by
content at least as often (joblib, torch and pandas try a pickle whatever the name), so a pickle under such a name
is loaded all the same, and runs.

## What to do

Do not load it by anything that guesses the format. Ask its author for a file that is what it is called. A name that
is wrong but harmless (a JPEG called ``.png``) is told as information only; names that promise nothing, such as
``.bin``, ``.dat`` or ``.model``, mislead nobody.
"""

from collections.abc import Iterator

from modelairlock.records.facts import NameMismatch
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.span import Span

#: names under which nobody expects code
_DATA = frozenset(
    (
        ".safetensors", ".npy", ".npz", ".onnx", ".gguf", ".ggml", ".tflite", ".mlmodel", ".h5", ".hdf5", ".parquet",
        ".arrow", ".feather", ".json", ".jsonl", ".txt", ".md", ".markdown", ".rst", ".csv", ".tsv", ".log", ".license",
        ".licence", ".cff", ".bib", ".yaml", ".yml", ".toml", ".xml", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp",
        ".skops", ".ort", ".ico", ".svg", ".pdf", ".wav", ".mp3", ".mp4",
    )
)  # fmt: skip
#: formats that run code when they are loaded, or carry it
_CODE = frozenset(
    (
        "pickle", "torch", "torch_legacy", "torchscript", "torchscript_source", "torch_package", "torch_export",
        "joblib_old", "native_library", "llamafile",
    )
)  # fmt: skip
#: formats of models and data that mislead nobody under a checkpoint's name, and yet are not what it says
_INERT = frozenset(
    (
        "safetensors", "npy", "npz", "json_text", "text", "image", "gguf", "ggml", "oci_manifest", "ollama_text",
        "onnx", "ort", "tflite", "skops_schema", "keras_config", "openvino", "tfjs", "meta_graph", "tensorflow_index",
        "tensorflow_data", "saved_model", "tensorflow_checkpoint", "tensorflow_fingerprint", "keras_metadata",
        "tfhub_module", "graph_def", "torch_export_graph", "onnx_tensor",
    )
)  # fmt: skip
#: what stands in for a file, or is told apart by its whole name (package.json, requirements.txt)
_QUIET = frozenset(
    (
        "lfs_pointer", "script", "other_text", "hub_bookkeeping", "modelfile", "jinja_template", "spacy_config",
        "python_source",
    )
)  # fmt: skip


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    extension = _extension(reading.name)
    if extension in _DATA:
        yield from _under_data(reading, extension)
        return
    for fact in reading.facts:
        if isinstance(fact, NameMismatch) and fact.formats and _INERT.issuperset(fact.formats):
            yield RULE.finding(reading, _says(fact), fact, severity=Severity.INFO)


def _under_data(reading: Reading, extension: str) -> Iterator[Judgement]:
    stated = [fact for fact in reading.facts if isinstance(fact, NameMismatch)]
    # For names whose format nothing reads yet, nobody states the fact.
    whole = Span(0, reading.coverage.size_bytes)
    fact = stated[0] if stated else NameMismatch(span=whole, extension=extension, formats=reading.formats)
    inside = _code_inside(reading)
    own = _CODE.intersection(reading.formats)
    if own or (inside and stated):
        holds = "" if own else f", with {inside} inside"
        yield RULE.finding(reading, f"{_says(fact)}{holds}: loading it can run code", fact)
    elif stated and fact.formats and _QUIET.isdisjoint(fact.formats):
        yield RULE.finding(reading, _says(fact), fact, severity=Severity.INFO)


def _code_inside(reading: Reading) -> str:
    """The first format that carries code among the members, however deep."""
    for member in reading.members:
        found = next((name for name in member.formats if name in _CODE), "") or _code_inside(member)
        if found:
            return found
    return ""


def _says(fact: NameMismatch) -> str:
    return f"the name ends in {fact.extension}, and the content is {' and '.join(fact.formats)}"


def _extension(name: str) -> str:
    base = name.replace("\\", "/").rpartition("/")[2]
    dot = base.rfind(".")
    return base[dot:].lower() if dot > 0 else ""


RULE = Rule(
    name="name-misleads",
    summary="The name promises data, and the content can run code.",
    check=_check,
    severity=Severity.MEDIUM,
    help="Do not load it by anything that guesses the format; ask for a file that is what it is called.",
    cwe=("CWE-646", "CWE-351"),
    atlas=("AML.T0074",),
)
