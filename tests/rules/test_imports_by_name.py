"""Modules that loaders import because a configuration names them: the loader's own, unknown ones, files beside it."""

import json
from typing import Any

import pytest

from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from tests.build.repositories import MODELING, diffusers, lora, sentence_transformer
from tests.repository_help import every_finding, repository, said
from tests.rules.judging import judged, unvouched

RULE = "imports-by-name"
RUNS = b"import os\nos.system('id')\n"


def subject(value: Any, name: str) -> Any:
    return judged(json.dumps(value).encode(), name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("modules.json", [{"type": "sentence_transformers.models.Transformer"}]),
        ("modules.json", [{"type": "sentence_transformers.sparse_encoder.models.SpladePooling"}]),
        ("modules.json", [{"type": "sentence_transformers.base.modules.transformer.Transformer"}]),
        ("config.json", {"activation_function": "torch.nn.modules.activation.Tanh"}),
        ("x.json", {"tokenizer_class": "sentence_transformers.models.tokenizer.WhitespaceTokenizer"}),
        ("router_config.json", {"types": {"a": "sentence_transformers.models.Dense"}}),
        ("adapter_config.json", {"auto_mapping": {"parent_library": "transformers.models.qwen2.modeling_qwen2"}}),
        ("adapter_config.json", {"megatron_core": "megatron.core"}),
        ("model_index.json", {"a": ["stable_diffusion", "StableDiffusionSafetyChecker"], "b": [None, None]}),
    ],
)  # fmt: skip
def test_what_a_loader_looks_up_among_its_own_is_quiet(name: str, value: Any) -> None:
    assert subject(value, name).verdict is Verdict.CLEAR


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("modules.json", [{"type": "custom_st.Transformer"}], "custom_st.Transformer, which SentenceTransformer"),
        ("modules.json", [{"type": "sentence_transformers.util.http_get"}], "sentence_transformers.util.http_get"),
        ("modules.json", [{"type": "torch.nn.modules.module.Module"}], "torch.nn.modules.module.Module"),
        ("adapter_config.json", {"auto_mapping": {"parent_library": "chronos.chronos2.model"}}, "chronos.chronos2"),
        ("adapter_config.json", {"auto_mapping": {"parent_library": "transformers.utils.hub"}}, "transformers.utils"),
        ("adapter_config.json", {"megatron_core": "megatron.evil"}, "megatron.evil"),
        ("model_index.json", {"unet": ["other", "Model"]}, "other.Model, which DiffusionPipeline.from_pretrained"),
        ("modular_model_index.json", {"unet": [None, None, {}]}, "unet is [...]"),
        ("config.json", {"architectures": ["a.b"]}, 'architectures is ["a.b"]'),
    ],
)  # fmt: skip
def test_what_nobody_vouches_for_is_a_gap(name: str, value: Any, says: str) -> None:
    found = subject(value, name)
    assert found.verdict is Verdict.INCOMPLETE
    [detail] = unvouched(found)
    assert says in detail


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("modules.json", [{"type": "os.system"}]),
        ("modules.json", [{"type": "subprocess.Popen"}]),
        ("adapter_config.json", {"auto_mapping": {"parent_library": "antigravity"}}),
        ("adapter_config.json", {"megatron_core": "idlelib.idle"}),
        ("model_index.json", {"unet": ["os", "system"]}),
        ("config.json", {"activation_function": "builtins.eval"}),
    ],
)
def test_what_is_known_to_do_harm_is_flagged(name: str, value: Any) -> None:
    [finding] = subject(value, name).findings
    assert (finding.rule, finding.severity) == (RULE, Severity.HIGH)


@pytest.mark.parametrize("odd", [["diffusers", 1], [["diffusers"], "x"], [1, "x"], {"a": "b"}, ["a"], ["a", "b", "c"]])
def test_a_component_that_is_no_pair_of_texts_is_flagged(odd: Any) -> None:
    [finding] = subject({"unet": odd}, "model_index.json").findings
    assert (finding.rule, finding.severity) == (RULE, Severity.MEDIUM)
    assert "CVE-2026-44513" in finding.message


@pytest.mark.parametrize(
    ("files", "path", "version"),
    [
        (sentence_transformer("custom_st.Transformer"), "custom_st.py", "sentence-transformers before 6.0"),
        (sentence_transformer("pack.custom.Transformer"), "pack/custom.py", "sentence-transformers before 6.0"),
        (diffusers(_class_name=["pipeline", "Own"]), "pipeline.py", "diffusers before 0.38"),
        (diffusers(unet=["own_unet", "Own"]), "unet/own_unet.py", "diffusers before 0.38"),
        (lora(auto_mapping={"parent_library": "own_base"}), "own_base.py", "peft before 0.20"),
        (lora(megatron_core="own_core"), "own_core/__init__.py", "peft before 0.20"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_of_that_name_in_the_repository_is_what_runs(files: dict[str, bytes], path: str, version: str) -> None:
    [finding] = repository(files | {path: MODELING}).findings
    assert (finding.rule, finding.severity) == (RULE, Severity.HIGH)
    assert f"runs {path} without being told to trust it, in {version}" in finding.message
    [worse] = repository(files | {path: RUNS}).findings
    assert worse.severity is Severity.CRITICAL
    assert worse.where == f"m/{path}@10..25"
    assert "on import it calls os.system('id'), which runs a command" in worse.message


def test_a_file_that_nothing_names_is_only_a_gap() -> None:
    found = repository(sentence_transformer() | {"custom_st.py": MODELING})
    assert (found.verdict, found.findings) == (Verdict.INCOMPLETE, ())


def test_a_pipeline_of_its_own_is_said_even_where_its_file_is_not_there() -> None:
    assert said(every_finding(diffusers(_class_name=["pipeline", "Own"]))) == [(RULE, "medium")]
