"""What JSON tells loaders of the Hugging Face family becomes facts, and a rule judges each of them."""

import json
from typing import Any

import pytest

from modelairlock.formats.json_text import FORMAT
from modelairlock.limits import Limits
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Configured, Reference, Setting
from modelairlock.records.scan import Verdict
from tests.formats.everyday_help import because, irregular, read
from tests.rules.judging import judged

#: file, content, and the facts that the content amounts to: scheme, kind or key, and name or value
STATED: list[tuple[str, Any, list[tuple[str, str, str]]]] = [
    ("config.json", {"auto_map": {"AutoModel": "modeling.Model", "AutoConfig": None}},
     [("transformers", "auto_map", "modeling:Model")]),
    ("config.json", {"a": {"b": [{"auto_map": "x/y--z.W"}]}}, [("transformers", "auto_map", "x/y--z:W")]),
    ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["a.B", None]}}, [("transformers", "auto_map", "a:B")]),
    ("config.json", {"auto_map": {"AutoModel": {"x": "y"}}}, [("transformers", "auto_map", "{...}")]),
    ("config.json", {"auto_map": 1}, [("transformers", "auto_map", "1")]),
    ("config.json", {"custom_pipelines": {"task": {"impl": "own.Pipe", "pt": ["AutoModel"]}}},
     [("transformers", "custom_pipelines", "own:Pipe")]),
    ("config.json", {"custom_pipelines": "own.Pipe"}, [("transformers", "custom_pipelines", '"own.Pipe"')]),
    ("config.json", {"impl": "own.Pipe"}, []),
    ("config.json", {"custom_generate": "a/b"}, [("transformers", "custom_generate", '"a/b"')]),
    ("config.json", {"_attn_implementation_internal": "evil/kernel"},
     [("transformers", "_attn_implementation_internal", '"evil/kernel"')]),
    ("config.json", {"text_config": {"attn_implementation": "evil/kernel"}},
     [("transformers", "attn_implementation", '"evil/kernel"')]),
    ("config.json", {"_attn_implementation": {"text_config": "evil/kernel", "vision_config": "sdpa"}},
     [("transformers", "text_config", '"evil/kernel"')]),
    ("config.json", {"trust_remote_code": True}, [("transformers", "trust_remote_code", "true")]),
    ("config.json", {"trust_remote_code": "yes", "x": {"y": {}}}, [("transformers", "trust_remote_code", '"yes"')]),
    ("config.json", {"architectures": ["os.system"]}, [("transformers", "architectures", '["os.system"]')]),
    ("tokenizer_config.json", {"tokenizer_class": "os.path.Evil"},
     [("sentence-transformers", "tokenizer_class", "os.path:Evil")]),
    ("adapter_config.json", {"auto_mapping": {"parent_library": "evil", "base_model_class": "X"}},
     [("peft", "auto_mapping", "evil:")]),
    ("adapter_config.json", {"auto_mapping": {"parent_library": ["evil"]}}, [("peft", "parent_library", '["evil"]')]),
    ("adapter_config.json", {"megatron_core": "evil.core"}, [("peft", "megatron_core", "evil.core:")]),
    ("model_index.json", {"_class_name": ["pipeline", "Evil"]}, [("diffusers", "pipeline", "pipeline:Evil")]),
    ("model_index.json", {"_class_name": "os.system"}, [("diffusers", "pipeline", "os:system")]),
    ("model_index.json", {"unet": ["evil", "Model"], "x": [None, None], "y": [1, 2]},
     [("diffusers", "component", "evil:Model")]),
    ("model_index.json", {"unet": ["diffusers", 1]}, [("diffusers", "component", '["diffusers", 1]')]),
    ("model_index.json", {"unet": [["diffusers"], "x"]}, [("diffusers", "component", "[...]")]),
    ("model_index.json", {"unet": {"a": "b"}}, [("diffusers", "component", "{...}")]),
    ("modular_model_index.json", {"unet": [None, None, {"type_hint": ["evil", "Model"]}]},
     [("diffusers", "modular_component", "[...]"), ("diffusers", "component", "evil:Model")]),
    ("modules.json", [{"idx": 0, "type": "os.system"}], [("sentence-transformers", "module", "os:system")]),
    ("modules.json", [{"idx": 0, "type": 3}], [("sentence-transformers", "type", "3")]),
    ("2_Dense/config.json", {"activation_function": "os.system"},
     [("sentence-transformers", "activation_function", "os:system")]),
    ("router_config.json", {"types": {"a": "evil.Module"}}, [("sentence-transformers", "types", "evil:Module")]),
]  # fmt: skip


def stated(value: Any, name: str, window: int = 256 * 1024) -> list[tuple[str, str, str]]:
    """The facts about loaders, each as in `STATED`."""
    found = []
    for fact in read(json.dumps(value).encode(), FORMAT, name=name, limits=Limits(window_bytes=window)).facts:
        if isinstance(fact, Configured):
            found.append((fact.scheme, fact.kind, f"{fact.module}:{fact.qualname}"))
        elif isinstance(fact, Setting):
            found.append((fact.scheme, fact.key, fact.value))
    return found


@pytest.mark.parametrize(("name", "value", "facts"), STATED, ids=[str(value)[:50] for _, value, _ in STATED])
def test_what_loaders_are_told_is_stated_and_judged(name: str, value: Any, facts: list[Any]) -> None:
    assert stated(value, name) == facts
    if facts:
        assert judged(json.dumps(value).encode(), name).verdict is not Verdict.CLEAR
        assert stated(value, name, 40), "a window that ends in the middle of it hides it"


_ODD: list[Any] = [True, 7, "a.b", "a/b", "a.b.c:d", ["a.b"], ["a", "b"], [["a"]], {"x": "a.b"}, {"x": ["a.b"]}, [{}]]


@pytest.mark.parametrize(
    "key",
    ["auto_map", "custom_pipelines", "custom_generate", "trust_remote_code", "auto_mapping", "megatron_core",
     "_attn_implementation", "_attn_implementation_internal", "_experts_implementation"],
)  # fmt: skip
def test_whatever_is_said_is_never_clear(key: str) -> None:
    for odd in _ODD:
        value = {"parent_library": odd} if key == "auto_mapping" else odd
        if key == "custom_pipelines":
            value = {"task": {"impl": odd}}
        if key.startswith("_") and odd is True:
            continue
        for place in ({key: value}, {"a": {"b": {key: value}}}, [{"a": [{key: value, "c": {"d": {}}}]}]):
            assert judged(json.dumps(place).encode(), "config.json").verdict is not Verdict.CLEAR, place


def test_files_of_an_index_are_named_once_and_counted() -> None:
    index = {"weight_map": {f"t{at}": f"model-{at % 3}.safetensors" for at in range(9)}}
    facts = read(json.dumps(index).encode(), FORMAT, name="model.safetensors.index.json").facts
    shards = [(fact.kind, fact.target, fact.count) for fact in facts if isinstance(fact, Reference)]
    assert shards == [("shard", f"model-{at}.safetensors", 3) for at in range(3)]


@pytest.mark.parametrize("target", ["../../etc/passwd", "/abs", "C:\\x", "a/../../b"])
def test_an_index_that_leaves_its_folder_is_flagged(target: str) -> None:
    data = json.dumps({"weight_map": {"a": target}}).encode()
    assert irregular(read(data, FORMAT, name="x.index.json")) == ["index-leaves-folder"]
    assert judged(data, "x.index.json").verdict is Verdict.FLAGGED


def test_the_model_that_an_adapter_is_put_on_is_named() -> None:
    data = json.dumps({"base_model_name_or_path": "owner/model"}).encode()
    [fact] = read(data, FORMAT, name="adapter_config.json").facts
    assert (fact.kind, fact.target) == ("base-model", "owner/model")
    assert not read(data, FORMAT, name="config.json").facts


def test_so_many_names_of_code_are_told_and_no_more() -> None:
    value = {"auto_map": {f"Auto{at}": f"m{at}.M" for at in range(6_000)}}
    reading = read(json.dumps(value).encode(), FORMAT, name="config.json")
    assert len(reading.facts) == 5_000
    assert because(reading) == {Because.OVER_LIMIT}
