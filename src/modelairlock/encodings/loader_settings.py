"""Keys of JSON that make a loader of the Hugging Face family import, fetch or run something, as facts.

What a newcomer would get wrong: these keys count wherever they stand, for loaders copy nested settings about: an
``auto_map`` of a part is an ``auto_map``. Only what could do something becomes a fact, and what has not the form that
loaders write becomes a `Setting` with its value, never silence. Which of it matters is for rules to say.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from modelairlock.records.facts import Configured, Fact, Reference, Setting
from modelairlock.records.regex import regex
from modelairlock.records.span import Span

#: keys that matter in any file
KEYS = frozenset(
    (
        "auto_map", "custom_pipelines", "impl", "custom_generate", "trust_remote_code", "auto_mapping", "megatron_core",
        "activation_function", "sbert_ce_default_activation_function", "tokenizer_class", "_class_name", "types",
        "architectures", "type_hint",
    )
)  # fmt: skip
#: how keys begin that name an implementation, which may be a kernel to fetch
PREFIXES = ("_attn_implementation", "attn_implementation", "_experts_implementation", "experts_implementation")
#: objects each of whose members matters
INSIDE = frozenset(("auto_map", "types", "auto_mapping", *PREFIXES))
#: files in which keys of their own matter
FILES = frozenset(("modules.json", "model_index.json", "modular_model_index.json", "adapter_config.json"))

#: values that name no kernel: what transformers ships, and whether it chose by itself
_OWN_IMPLEMENTATIONS = frozenset(
    (
        "", "eager", "sdpa", "sdpa_paged", "eager_paged", "paged_attention", "flash_attention_2", "flash_attention_3",
        "flash_attention_4", "flex_attention", "batched_mm", "grouped_mm",
    )
)  # fmt: skip
_NAME = regex(r"\w*")
_DOTTED = regex(r"\w+(?:\.\w+)+")
_VALUE_CHARACTERS = 400


class Inside:
    """What stands for a value that was not read whole: an object, whose members come by themselves, or an array."""

    def __init__(self, shown: str) -> None:
        self.shown = shown


OBJECT = Inside("{...}")
ARRAY = Inside("[...]")


class Pair(NamedTuple):
    """A key and its value where they stand: `path` are the keys around them, `file` is the file's own name.

    A value is a scalar, a list of scalars, a tuple of pairs (an object), or `Inside`.
    """

    file: str
    path: Sequence[str]
    key: str
    value: Any
    span: Callable[[], Span]

    @property
    def where(self) -> str:
        """The way to it, from the outermost key."""
        return ".".join(one[:100] for one in (*self.path[-8:], self.key) if one)

    @property
    def is_object(self) -> bool:
        """Whether the value has members that come by themselves."""
        return isinstance(self.value, tuple) or self.value is OBJECT

    def setting(self, scheme: str, key: str = "") -> Setting:
        """The fact that the key has this value."""
        value = shown(self.value)
        return Setting(span=self.span(), scheme=scheme, key=(key or self.key)[:100], value=value, where=self.where)


def shown(value: Any) -> str:
    """A value as JSON, cut."""
    if isinstance(value, Inside):
        return value.shown
    if isinstance(value, tuple):
        return OBJECT.shown
    if isinstance(value, list):
        # Only as many of a long list as can be shown, and never more than that of one item.
        value = [one[:_VALUE_CHARACTERS] if isinstance(one, str) else one for one in value[:20]]
    elif isinstance(value, str):
        value = value[:_VALUE_CHARACTERS]
    return json.dumps(value)[:_VALUE_CHARACTERS]


def matters(file: str, within: str, keys: Iterable[str]) -> bool:
    """A quick no for the many keys of a vocabulary: whether any of `keys`, in an object called `within`, is told."""
    if within in INSIDE or file in FILES:
        return True
    return any(key in KEYS or key.startswith(PREFIXES) for key in keys)


def stated(pair: Pair) -> Iterator[Fact]:
    """What a key and its value tell loaders to do."""
    within = pair.path[-1] if pair.path else ""
    if within.startswith(PREFIXES) or pair.key.startswith(PREFIXES):
        yield from _implementation(pair)
    if within in _MEMBERS:
        yield from _MEMBERS[within](pair)
    elif pair.key in _BY_KEY:
        yield from _BY_KEY[pair.key](pair)
    if pair.file in _BY_FILE:
        yield from _BY_FILE[pair.file](pair)


def _implementation(pair: Pair) -> Iterator[Fact]:
    if pair.is_object or isinstance(pair.value, bool | None):
        return
    if not isinstance(pair.value, str) or pair.value not in _OWN_IMPLEMENTATIONS:
        yield pair.setting("transformers")


def _configured(pair: Pair, scheme: Any, kind: str, name: str) -> Configured:
    module, _, qualname = name[:_VALUE_CHARACTERS].rpartition(".")
    return Configured(
        span=pair.span(),
        scheme=scheme,
        kind=kind,
        module=module or qualname,
        qualname=qualname if module else "",
        where=pair.where,
    )


def _auto_map(pair: Pair) -> Iterator[Fact]:
    """``{"AutoModel": "modeling_x.XModel", "AutoTokenizer": ["tokenization_x.XTokenizer", null]}``."""
    value = pair.value
    if pair.key == "auto_map" and (pair.is_object or value is None):
        return
    names = [value] if isinstance(value, str | None) else value if isinstance(value, list) else [OBJECT]
    for name in names[:8]:
        if isinstance(name, str):
            yield _configured(pair, "transformers", "auto_map", name)
        elif name is not None:
            yield pair.setting("transformers", "auto_map")
    if len(names) > 8:
        yield pair.setting("transformers", "auto_map")


def _pipelines(pair: Pair) -> Iterator[Fact]:
    """``{"task": {"impl": "pipeline_x.XPipeline", ...}}``."""
    if pair.key == "custom_pipelines":
        if not (pair.is_object or pair.value is None):
            yield pair.setting("transformers")
    elif "custom_pipelines" in pair.path[-2:]:
        if isinstance(pair.value, str):
            yield _configured(pair, "transformers", "custom_pipelines", pair.value)
        else:
            yield pair.setting("transformers", "custom_pipelines")


def _unless(*harmless: Any) -> Callable[[Pair], Iterator[Fact]]:
    def told(pair: Pair) -> Iterator[Fact]:
        if not any(pair.value is one for one in harmless):
            yield pair.setting("transformers")

    return told


def _auto_mapping(pair: Pair) -> Iterator[Fact]:
    """``{"base_model_class": "LlamaModel", "parent_library": "transformers.models.llama.modeling_llama"}``."""
    if pair.key == "auto_mapping":
        if not (pair.is_object or pair.value is None):
            yield pair.setting("peft")
    elif pair.key == "parent_library":
        yield from _module(pair, "peft", "auto_mapping")


def _megatron(pair: Pair) -> Iterator[Fact]:
    if pair.value not in (None, "megatron.core"):
        yield from _module(pair, "peft", "megatron_core")


def _module(pair: Pair, scheme: Any, kind: str) -> Iterator[Fact]:
    """A module that is imported by its name, whatever is looked up in it."""
    if isinstance(pair.value, str):
        module = pair.value[:_VALUE_CHARACTERS]
        yield Configured(span=pair.span(), scheme=scheme, kind=kind, module=module, qualname="", where=pair.where)
    elif pair.value is not None:
        yield pair.setting(scheme)


def _dotted(scheme: str, kind: str) -> Callable[[Pair], Iterator[Fact]]:
    """A name that is looked up among the loader's own if it has no point in it, and imported if it has."""

    def told(pair: Pair) -> Iterator[Fact]:
        if isinstance(pair.value, str) and _DOTTED.fullmatch(pair.value):
            yield _configured(pair, scheme, kind, pair.value)
        elif isinstance(pair.value, str | None) and _NAME.fullmatch(pair.value or ""):
            return
        else:
            yield pair.setting(scheme)

    return told


def _types(pair: Pair) -> Iterator[Fact]:
    """What a router of sentence-transformers imports: ``{"query_0_Dense": "sentence_transformers.models.Dense"}``."""
    if isinstance(pair.value, str) and _DOTTED.fullmatch(pair.value):
        yield _configured(pair, "sentence-transformers", "types", pair.value)


def _nothing(_: Pair) -> Iterator[Fact]:
    return iter(())


def _class_name(pair: Pair) -> Iterator[Fact]:
    """A pair of file and class makes diffusers load a pipeline of the repository's own."""
    if isinstance(pair.value, list) and len(pair.value) == 2 and all(isinstance(one, str) for one in pair.value):
        yield _component(pair, "pipeline", *pair.value)
    else:
        yield from _dotted("diffusers", "pipeline")(pair)


def _architectures(pair: Pair) -> Iterator[Fact]:
    value = pair.value
    plain = isinstance(value, list) and all(isinstance(one, str) and _NAME.fullmatch(one) for one in value)
    if value is not None and not plain and pair.file == "config.json":
        yield pair.setting("transformers")


def _hint(pair: Pair) -> Iterator[Fact]:
    if pair.file == "modular_model_index.json" and isinstance(pair.value, list) and len(pair.value) == 2:
        library, name = pair.value
        if isinstance(library, str) and isinstance(name, str):
            yield _component(pair, "component", library, name)


def _component(pair: Pair, kind: str, library: str, name: str) -> Configured:
    module, qualname = library[:_VALUE_CHARACTERS], name[:_VALUE_CHARACTERS]
    return Configured(
        span=pair.span(), scheme="diffusers", kind=kind, module=module, qualname=qualname, where=pair.where
    )


def _sentence_modules(pair: Pair) -> Iterator[Fact]:
    if pair.key == "type" and isinstance(pair.value, str):
        yield _configured(pair, "sentence-transformers", "module", pair.value)
    elif pair.key == "type":
        yield pair.setting("sentence-transformers")


def _pipeline(pair: Pair) -> Iterator[Fact]:
    """`DiffusionPipeline` takes a pair of library and class for a component, and imports the library."""
    value = pair.value
    if pair.path or pair.key in KEYS or not (isinstance(value, list | Inside | tuple)):
        return
    if isinstance(value, list) and len(value) == 2 and all(isinstance(one, str | None) for one in value):
        if value[0] is not None:
            yield _component(pair, "component", value[0], value[1] or "")
    elif not (isinstance(value, list) and all(isinstance(one, int | float) for one in value)):
        yield pair.setting("diffusers", "component" if pair.file == "model_index.json" else "modular_component")


def _adapter(pair: Pair) -> Iterator[Fact]:
    if pair.key == "base_model_name_or_path" and isinstance(pair.value, str) and pair.value:
        target = pair.value[:_VALUE_CHARACTERS]
        yield Reference(span=pair.span(), kind="base-model", target=target, where=pair.where)


_MEMBERS: dict[str, Callable[[Pair], Iterator[Fact]]] = {
    "auto_map": _auto_map,
    "auto_mapping": _auto_mapping,
    "types": _types,
}
_BY_KEY: dict[str, Callable[[Pair], Iterator[Fact]]] = {
    "auto_map": _auto_map,
    "custom_pipelines": _pipelines,
    "impl": _pipelines,
    "custom_generate": _unless(None),
    "trust_remote_code": _unless(False, None),
    "auto_mapping": _auto_mapping,
    "megatron_core": _megatron,
    "activation_function": _dotted("sentence-transformers", "activation_function"),
    "sbert_ce_default_activation_function": _dotted("sentence-transformers", "activation_function"),
    "tokenizer_class": _dotted("sentence-transformers", "tokenizer_class"),
    "_class_name": _class_name,
    "types": _nothing,
    "architectures": _architectures,
    "type_hint": _hint,
}
_BY_FILE: dict[str, Callable[[Pair], Iterator[Fact]]] = {
    "modules.json": _sentence_modules,
    "model_index.json": _pipeline,
    "modular_model_index.json": _pipeline,
    "adapter_config.json": _adapter,
}
