"""Keys that steer a loader are facts or gaps that name them; honest settings, indexes and tokenizers are complete."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelairlock.formats.json_text import FORMAT, STEERING
from modelairlock.limits import Limits
from modelairlock.records.facts import Setting
from modelairlock.records.scan import Verdict
from tests.formats.everyday_help import claims, complete, cuts, irregular, read
from tests.reading_help import read as alone
from tests.rules.judging import judged


def said(value: Any, name: str = "config.json", windows: tuple[int, ...] = (40, 256 * 1024)) -> list[str]:
    """What the gaps name, whichever way the JSON is written and wherever its windows end."""
    found = set()
    for text in (
        json.dumps(value),
        json.dumps(value, indent=2),
        json.dumps(value, ensure_ascii=False, separators=(",", ":")),
    ):
        for window in windows:
            reading = read(text.encode(), FORMAT, name=name, limits=Limits(window_bytes=window))
            assert reading.formats == ("json_text",)
            found.add(tuple(sorted(gap.detail.split("`")[1] for gap in reading.coverage.gaps)))
    assert len(found) == 1, found
    return list(found.pop())


def example() -> bytes:
    return json.dumps([value for _, value in HONEST], indent=1).encode()


HONEST: list[tuple[str, Any]] = [
    ("config.json", {
        "architectures": ["LlamaForCausalLM"], "hidden_act": "silu", "rope_scaling": {"type": "linear", "factor": 2.0},
        "torch_dtype": "bfloat16", "_attn_implementation_autoset": True, "_attn_implementation": "sdpa",
        "activation_function": "gelu_new", "id2label": {"0": "a", "1": "b"}, "text_config": {"model_type": "llama"},
        "trust_remote_code": False, "quantization_config": {"quant_method": "gptq", "bits": 4},
    }),
    ("tokenizer_config.json", {
        "tokenizer_class": "LlamaTokenizerFast", "added_tokens_decoder": {"0": {"content": "<unk>", "special": True}},
        "chat_template": None, "model_max_length": 1e30,
    }),
    ("model.safetensors.index.json", {
        "metadata": {"total_size": 10}, "weight_map": {"a.weight": "model-00001-of-00002.safetensors"},
    }),
    ("config.json", {
        "architecture": "resnet18", "pretrained_cfg": {"url": "https://a/x.pth", "hf_hub_id": "timm/x",
        "source": "timm", "file": "", "custom_load": False, "type": "secret"}, "model_args": {"img_size": 224},
    }),
    ("config.json", {
        "model_type": "rag", "dataset": "wiki_dpr", "index_name": "compressed", "index_path": None,
        "passages_path": None,
    }),
    ("train.json", {"dataset": "my/data", "index_path": "/data/index"}),
    ("labels.json", {"lc": 1, "type": 2, "a": {"lc": 1, "type": "not_implemented", "id": ["x"]}}),
    ("other.json", {"layers": [{"org.opencontainers.image.title": "model.gguf"}]}),
    ("adapter_config.json", {"peft_type": "LORA", "auto_mapping": None, "megatron_core": "megatron.core", "r": 8}),
    ("modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]),
    ("2_Dense/config.json", {"in_features": 3, "activation_function": "torch.nn.modules.activation.Tanh"}),
    ("model_index.json", {
        "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.30",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "safety_checker": [None, None], "text_encoder": ["transformers", "CLIPTextModel"],
        "requires_safety_checker": True,
    }),
    ("preprocessor_config.json", {"image_processor_type": "ViTImageProcessor", "size": {"height": 224}, "config": {}}),
    ("generation_config.json", {"time_step_limit": [0.0, float("inf")], "nan": float("nan")}),
    ("other.json", {"target": "a sentence. Or two.", "types": ["a", "b"], "target_size": {"x": 1.5}}),
    ("train.json", {"data_location": "./data/EXTERNAL", "a": {"dataLocation": "DEFAULT"}, "b": {"dataLocation": 0}}),
    ("other.json", {"a": [{"dataLocation": ["1"]}, {"dataLocation": float("inf")}, {"dataLocation": None}]}),
    ("special_tokens_map.json", {}),
    ("list.json", []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), HONEST, ids=[name for name, _ in HONEST])
def test_honest_files_are_complete_and_quiet(name: str, value: Any) -> None:
    assert said(value, name, (256 * 1024,)) == []
    subject = judged(json.dumps(value).encode(), name)
    assert subject.verdict is Verdict.CLEAR
    assert not subject.findings


STEERED: list[tuple[str, Any, list[str]]] = [
    ("config.json", {"class_name": "Sequential", "config": {"layers": []}}, ["config"]),
    ("config.json", {"config": {"layers": [{"x": 1}]}, "class_name": "Lambda", "module": "m"},
     ["class_name", "module"]),
    ("config.json", {"registered_name": "a>b"}, ["registered_name"]),
    ("schema.json", {"__class__": "Pipeline", "__module__": "sklearn", "__loader__": "ObjectNode"},
     ["__class__", "__loader__", "__module__"]),
    ("config.json", {"_target_": "os.system"}, ["_target_"]),
    ("model.json", {"irVersion": "8", "graph": {"initializer": [{"dataLocation": "EXTERNAL", "externalData": [
        {"key": "location", "value": "../x"}]}]}, "opsetImport": [{"version": "17"}]}, ["dataLocation", "opsetImport"]),
    ("tensor.json", [{"dataLocation": value, "x": {"y": {}}} for value in ("1", " 01", 1, 1.5, True, "\u0661")],
        ["dataLocation"] * 6),
    ("tensor.json", {"data_location": "1", "name": "w"}, ["data_location"]),
    ("config.json", {"py/object": "os.system"}, ["py/object"]),
    ("config.json", {"a": [[{"py/reduce": [{"py/type": "x"}]}]]}, ["py/reduce", "py/type"]),
    ("data.json", {"policy_class": {":type:": "<class>", ":serialized:": "gAWV"}}, [":serialized:", ":type:"]),
    ("model.json", {"learner": {"attributes": {}}}, ["learner"]),
    ("MANIFEST.json", {"model": {"handler": "handler.py"}}, ["handler"]),
    ("prompt.json", {"lc": 1, "type": "constructor", "id": ["langchain", "llms", "OpenAI"], "kwargs": {}}, ["type"]),
    ("prompt.json", {"type": "constructor", "id": ["a", "b"], "kwargs": {"k": [{"a": {}}]}, "lc": 1.0}, ["lc"]),
    ("data.json", {"a": [{"b": {"lc": 1, "type": "secret", "id": ["AWS_SECRET_ACCESS_KEY"]}}]}, ["type"]),
    ("index.json", {"a": [{"annotations": {"org.cncf.model.filepath": "../.bashrc"}}]}, ["org.cncf.model.filepath"]),
    ("config.json", {"index_name": "exact", "x": {"y": {}}, "dataset": "somebody/else"}, ["dataset"]),
    ("config.json", {"index_path": "https://a/b", "passages_path": None, "index_name": "custom"}, ["index_name"]),
    ("x.index.json", {"weight_map": {"a": "/abs", "b": "C:\\x", "c": {"d": 1}}}, ["weight_map"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "keys"), STEERED, ids=[str(value)[:40] for _, value, _ in STEERED])
def test_what_steers_a_loader_is_named(name: str, value: Any, keys: list[str]) -> None:
    assert said(value, name) == keys


@pytest.mark.parametrize("key", STEERING)
def test_every_key_of_the_list_at_every_place(key: str) -> None:
    said_of_it = "EXTERNAL" if STEERING[key].harmless("a.b") else "a.b"
    for value in (
        {key: said_of_it},
        [{"x": {key: said_of_it, "y": {}}}],
        {"x": [[{key: {"z": [{}]}, "target": "a.b"}]]},
    ):
        assert {key, "target"}.intersection(said(value))


def test_escapes_and_repeats_hide_nothing() -> None:
    [fact] = read(b'{"a":{"z":{}},"\\u0061uto_map":{"A":"b.C"}}', FORMAT).facts
    assert (fact.kind, fact.module, fact.qualname, fact.where) == ("auto_map", "b", "C", "auto_map.A")
    for data in (
        b'{"trust_remote_code":true,"trust_remote_code":false}',
        b'{"trust_remote_code":false,"x":{"y":{}},"trust_remote_code":true}',
        b'[{"trust_remote_code":true,"trust_remote_code":false}]',
    ):
        reading = read(data, FORMAT)
        assert [fact.key for fact in reading.facts if isinstance(fact, Setting)] == ["trust_remote_code"]
        assert irregular(reading) == ["json-key-repeated"]


def test_a_gap_and_a_fact_say_where() -> None:
    data = b'{"hidden": 1, "trust_remote_code": true, "_target_": "a"}'
    reading = read(data, FORMAT)
    (gap,), (fact,) = reading.coverage.gaps, reading.facts
    assert data[gap.start : gap.end] == b'"_target_"'
    assert data[fact.span.start : fact.span.end] == b'"trust_remote_code"'


def test_an_index_that_leaves_its_folder_is_a_fact() -> None:
    assert irregular(read(b'{"weight_map":{"a":"../b"}}', FORMAT)) == ["index-leaves-folder"]


def test_lines() -> None:
    lines = b'{"text":"a"}\n{"text":"b"}\n\n[1]\n'
    assert complete(read(lines, FORMAT, name="data.jsonl"))
    assert not complete(read(lines, FORMAT, name="data.json"))
    assert not complete(read(lines + b'{"_target_":1}', FORMAT, name="data.jsonl"))


@pytest.mark.parametrize(
    ("data", "name", "claimed"),
    [(b"{}", "a.json", True), (b"garbage", "a.json", True), (b'{"a":1}', "noext", True), (b"[1]", "model.bin", True),
     (b"\x80\x04N.", "a.json", False), (b"[note] see", "a", False), (b"[PAD]\n", "vocab.txt", False),
     (b"{}", "x.yaml", False), (b"", "a.json", False), (b"{\0", "a.json", False), (b"{}", "a.ipynb", False),
     (b'\xef\xbb\xbf{"a":1}', "a.json", True)],
)  # fmt: skip
def test_claims(data: bytes, name: str, claimed: bool) -> None:
    assert claims(FORMAT, data, name) is claimed


@pytest.mark.parametrize(
    "data", [b"garbage", b"{'a':1}", b"{}x", b"{} {}", b'{"a":1,}', b"[" * 1000, b'{"a":"\n"}', b"// a\n{}"]
)
def test_what_is_no_json_is_a_gap(data: bytes) -> None:
    assert not complete(read(data, FORMAT, name="a.json"))


def test_a_byte_order_mark_is_read_past() -> None:
    assert complete(read(b'\xef\xbb\xbf{"a":1}', FORMAT, name="a.json"))


def test_cut_anywhere_is_never_complete() -> None:
    for _, value in HONEST[:7]:
        for cut in cuts(json.dumps(value).encode()):
            assert not complete(read(cut, FORMAT, name="a.json"))


@given(st.binary(max_size=80), st.text('{}[]",:0auto_mp\\', max_size=40))
@settings(max_examples=200)
def test_any_bytes_end_well(data: bytes, text: str) -> None:
    read(data, FORMAT, name="a.json")
    read(text.encode(), FORMAT, name="modules.json")


def test_a_long_file_full_of_keys_is_told_about_and_stays_short() -> None:
    reading = read(json.dumps([{"_target_": i, "x": {"y": {}}} for i in range(5000)]).encode(), FORMAT, name="a.json")
    assert 0 < len(reading.coverage.gaps) < 50


@pytest.mark.slow
def test_a_tokenizer_of_ten_megabytes_takes_little_more_than_parsing_it() -> None:
    vocab = {f"Ġword{i}": i for i in range(150_000)}
    tokenizer = {"model": {"type": "BPE", "vocab": vocab, "merges": [[word[:3], word[3:]] for word in vocab] * 2}}
    data = json.dumps(tokenizer, ensure_ascii=False).encode()
    began = time.process_time()
    json.loads(data)
    parsed = time.process_time()
    assert complete(read(data, FORMAT, name="tokenizer.json"))
    assert time.process_time() - parsed < 1 + 8 * (parsed - began)


#: values of ``chat_template``, and the templates in them
HELD: list[tuple[Any, list[str]]] = [
    ("{{ a }}", ["{{ a }}"]),
    ("", []),
    (None, []),
    (3, []),
    ([{"name": "n", "template": "{{ a }}"}, {"name": "", "template": "{{ b }}"}], ["n", "{{ a }}", "{{ b }}"]),
    ({"n": "{{ a }}", "m": ["{{ b }}", {"x": {"y": "{{ c }}"}}, "d"]}, ["{{ a }}", "{{ b }}", "{{ c }}", "d"]),
    ([["{{ a }}"], "{{ b }}", 1, {"x": []}], ["{{ a }}", "{{ b }}"]),
    ("\u2028\U0001f600 \n\"{{ a }}\\", ["\u2028\U0001f600 \n\"{{ a }}\\"]),
    ("{{ a }}" * 400, ["{{ a }}" * 400]),
]  # fmt: skip


def templates(data: bytes, window: int) -> list[str]:
    """The templates that the members of a file stand for, as Python would read them."""
    result = alone(FORMAT, data, "tokenizer_config.json", Limits(window_bytes=window))
    assert result.gaps == []
    assert {(member.method, member.role) for member in result.members} <= {("json-string", "template")}
    assert len({member.name for member in result.members}) == len(result.members)
    return [json.loads(data[member.span.start : member.span.end]) for member in result.members]


@pytest.mark.parametrize(("value", "inside"), HELD)
@pytest.mark.parametrize("key", ["chat_template", "default_chat_template"])
def test_templates_are_members_however_they_are_written(key: str, value: Any, inside: list[str]) -> None:
    around = {"a": "x", "b": ["y", {"c": "z"}], key: value, "name": "{{ no }}", "d": {"e": "f"}}
    for whole, times in ((around, 1), ({"deep": [around, around]}, 2), ({**around, "many": ["w"] * 300}, 1)):
        for indent in (None, 1):
            for ascii_only in (False, True):
                data = json.dumps(whole, indent=indent, ensure_ascii=ascii_only).encode()
                for window in (40, 300, 256 * 1024):
                    assert templates(data, window) == inside * times


def test_a_key_in_escapes_and_a_key_that_stands_twice_are_found() -> None:
    assert templates(b'{"\\u0063hat_templat\\u0065": "x"}', 40) == ["x"]
    assert templates(b'{"chat_template": "x", "a": 1, "chat_template": "y"}', 1 << 18) == ["x", "y"]


def test_a_template_is_read_in_turn() -> None:
    data = json.dumps({"chat_template": "{{ \u00e9|trim }}"}).encode()
    subject = judged(data, "tokenizer_config.json")
    assert [(member.path, member.formats) for member in subject.members] == [
        ("tokenizer_config.json!chat_template", ("jinja_template",))
    ]
    assert subject.verdict is Verdict.CLEAR
