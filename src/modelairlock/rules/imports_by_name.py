"""A configuration names a module that the loader imports by its name

## Why it matters

These loaders import what a configuration names, and look a class up in it, without asking:

- sentence-transformers, for each ``type`` in ``modules.json`` (and for tokenizers and activations): a file of that name
  in the folder of the model is run before version 6.0, and so is any module that is installed;
- diffusers, for each component in ``model_index.json``: ``unet/my_unet.py`` or ``pipeline.py`` of a local folder was
  run without `trust_remote_code` before 0.38 (CVE-2026-44513), and of a hub repository that changed at the right
  moment (CVE-2026-45804). A component that is not a pair of texts is passed over by the check for custom code;
- peft before 0.20, for ``auto_mapping.parent_library`` and ``megatron_core`` in ``adapter_config.json``, which
  transformers reads by itself when peft is installed.

Importing a module that is installed runs what its author wrote, which may be harmless; that is for somebody who knows
it to say, and until then it is a gap. What is known to do harm, or lies in the repository itself, is a finding.

## What to do

Look at what is named. If a file of that name lies in the repository, read it as a program that you are about to run.
"""

import re
from collections.abc import Iterator

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Configured, Fact, Setting, SourceUse
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.regex import regex
from modelairlock.records.repository import Folder, FolderFile
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.source_uses import harm_of, hides_what_it_runs
from modelairlock.records.text import shown
from modelairlock.records.wording import use_in_words

_SCHEMES = ("sentence-transformers", "diffusers", "peft")
#: modules of sentence-transformers' own, whose `load` reads settings and weights of its folder and nothing else;
#: what of those settings is imported in turn is a fact of its own
_SENTENCE_CLASSES = (
    "Asym|BoW|CLIPModel|CNN|Dense|Dropout|InputModule|LSTM|LayerNorm|Module|Normalize|Pooling|Router|StaticEmbedding"
    "|Transformer|WeightedLayerPooling|WordEmbeddings|WordWeights|CSRSparsity|MLMTransformer|SparseAutoEncoder"
    "|SparseStaticEmbedding|SpladePooling"
)
_SENTENCE = regex(
    rf"sentence_transformers\.(?:\w+\.)*(?:models|modules)(?:\.\w+)?\.(?:{_SENTENCE_CLASSES})"
    r"|sentence_transformers\.(?:\w+\.)*tokenizer(?:\.\w+)?\.(?:WhitespaceTokenizer|WordTokenizer|PhraseTokenizer)"
    r"|torch\.nn\.modules\.(?:activation|linear)\.[A-Z]\w*"
)
#: where diffusers looks a class up among what it has imported already: libraries, and its own pipelines
_DIFFUSERS = frozenset(
    (
        "diffusers", "transformers", "stable_diffusion", "stable_diffusion_safe", "stable_diffusion_xl", "deepfloyd_if",
        "paint_by_example", "latent_diffusion", "kandinsky", "kandinsky2_2", "wuerstchen", "stable_cascade", "shap_e",
        "unidiffuser", "versatile_diffusion", "blip_diffusion", "audioldm2", "musicldm", "spectrogram_diffusion",
        "onnxruntime.training",
    )
)  # fmt: skip
_PEFT = regex(r"(?:transformers|diffusers)(?:\.models)?|(?:transformers|diffusers)\.models\.\w+\.(?:modeling_)?\w+")
_MEGATRON = regex(r"megatron(?:\.core)?")
_VERSIONS = {
    "sentence-transformers": "sentence-transformers before 6.0",
    "diffusers": "diffusers before 0.38",
    "peft": "peft before 0.20",
}
_CALLS = {
    "sentence-transformers": "SentenceTransformer",
    "diffusers": "DiffusionPipeline.from_pretrained",
    "peft": "peft",
}
_MOST = 50


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    told = 0
    for fact in reading.facts:
        judgement = _of(reading, fact, context)
        if judgement is not None and told < _MOST:
            told += 1
            yield judgement


def _of(reading: Reading, fact: Fact, context: Context) -> Judgement | None:
    if isinstance(fact, Setting):
        return _odd(reading, fact)
    if not isinstance(fact, Configured) or fact.scheme not in _SCHEMES or _known(fact):
        return None
    name, call = _name(fact), _CALLS[fact.scheme]
    if fact.kind == "pipeline":
        message = (
            f"_class_name makes {call} run {name.rpartition('.')[0]}.py of the repository: diffusers before 0.38 do so "
            "from a local folder without trust_remote_code (CVE-2026-44513)"
        )
        return RULE.finding(reading, message, fact, severity=Severity.MEDIUM)
    harm = context.profiles.harm(fact.module, fact.qualname) if fact.qualname else None
    if harm or context.profiles.is_standard_library(fact.module):
        effect = harm.effect if harm else "belongs to Python itself and is no part of a model"
        message = f"{shown(fact.where, 80)} makes {call} import {name}, which {effect}"
        return RULE.finding(reading, message, fact, severity=Severity.HIGH)
    detail = f"{name}, which {call} imports ({shown(fact.where, 60)})"
    return Gap(start=fact.span.start, end=fact.span.end, because=Because.UNVOUCHED, detail=detail)


def _known(fact: Configured) -> bool:
    name = f"{fact.module}.{fact.qualname}"
    if fact.scheme == "sentence-transformers":
        return bool(_SENTENCE.fullmatch(name))
    if fact.scheme == "diffusers":
        return fact.kind == "component" and fact.module in _DIFFUSERS and bool(re.fullmatch(r"\w*", fact.qualname))
    known = _MEGATRON if fact.kind == "megatron_core" else _PEFT
    return bool(known.fullmatch(fact.module))


def _name(fact: Configured) -> str:
    return shown(f"{fact.module}.{fact.qualname}" if fact.qualname else fact.module, 120)


def _odd(reading: Reading, fact: Setting) -> Judgement | None:
    value, where = shown(fact.value, 80), shown(fact.where, 80)
    if fact.scheme == "diffusers" and fact.key == "component":
        message = (
            f"{where} is {value}, no pair of texts: the check of diffusers before 0.38 for custom code passes it over, "
            "and its loader does not (CVE-2026-44513)"
        )
        return RULE.finding(reading, message, fact, severity=Severity.MEDIUM)
    if fact.scheme in _SCHEMES or fact.key == "architectures":
        detail = f"{where} is {value}: no form of a name that its loader writes"
        return Gap(start=fact.span.start, end=fact.span.end, because=Because.UNVOUCHED, detail=detail)
    return None


# --- the whole repository ------------------------------------------------------------------------------------------


def _check_folder(folder: Folder, context: Context) -> Iterator[Judgement]:
    seen: set[str] = set()
    for file in folder.files:
        for fact in file.facts:
            if not isinstance(fact, Configured) or fact.scheme not in _SCHEMES or _known(fact):
                continue
            found = _leads_to(folder, file, fact)
            if found and found.path not in seen and len(seen) < _MOST:
                seen.add(found.path)
                yield _runs(file, fact, found, context)


def _leads_to(folder: Folder, file: FolderFile, fact: Configured) -> FolderFile | None:
    """The Python file of the repository that a loader would import for this name."""
    path = fact.module.replace(".", "/")
    places = [f"{path}.py", f"{path}/__init__.py"]
    if fact.scheme == "diffusers" and fact.kind == "component":
        places.insert(0, f"{fact.where.rpartition('.')[2]}/{fact.module}.py")
    for base in dict.fromkeys((file.folder, "")):
        for place in places:
            if found := folder.file(base, place):
                return found
    return None


def _runs(file: FolderFile, fact: Configured, found: FolderFile, context: Context) -> Judgement:
    says = (
        f"{_CALLS[fact.scheme]} of this folder runs {shown(found.path, 80)} without being told to trust it, in "
        f"{_VERSIONS[fact.scheme]}: {shown(file.path, 60)} names {_name(fact)}"
    )
    for use in found.facts:
        if not isinstance(use, SourceUse):
            continue
        if hides_what_it_runs(use):
            message = f"{says}; it unpacks text and runs it: {use_in_words(use)}"
            return RULE.finding(found, message, use, severity=Severity.CRITICAL)
        if use.at_import and (harm := harm_of(use, context.profiles)):
            message = f"{says}; on import it calls {use_in_words(use)}, which {harm.effect}"
            return RULE.finding(found, message, use, severity=Severity.CRITICAL, cwe=harm.cwe, atlas=harm.atlas)
    return RULE.finding(file, says, fact, severity=Severity.HIGH)


RULE = Rule(
    name="imports-by-name",
    summary="A configuration names a module that the loader imports by its name.",
    check=_check,
    check_folder=_check_folder,
    looks_at=(Configured, Setting),
    severity=Severity.CRITICAL,
    help="Look at what is named; a file of the repository is a program that you are about to run.",
    cwe=("CWE-94", "CWE-470"),
    atlas=("AML.T0010.003", "AML.T0011.000"),
)
