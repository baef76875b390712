"""Repositories as the Hugging Face libraries write them, file by file, honest or with one thing changed.

A repository is a dict from a path below its root to the content of the file there. Weights are real safetensors, too
small to be of use.
"""

import json
from typing import Any

from tests.build import safetensors_builder

Files = dict[str, bytes]

README = b"---\nlicense: mit\n---\n# A model\n\nfrom transformers import AutoModel\n"
GIT = b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"
SHARDS = 3

#: what a model of an author's own looks like, as far as it matters: imports, classes, a registration
MODELING = b'''"""PyTorch model of one's own."""
import math
import os
from typing import Optional, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from transformers import AutoConfig, AutoModel, PreTrainedModel
from transformers.activations import ACT2FN
from transformers.utils import logging

from .configuration_own import OwnConfig

logger = logging.get_logger(__name__)
SCALE = math.sqrt(2.0)
_DEBUG = os.environ.get("OWN_DEBUG", "0") == "1"

try:
    from flash_attn import flash_attn_func
except ImportError:
    flash_attn_func = None


def rotate(x: torch.Tensor, sin: Optional[torch.Tensor] = None) -> torch.Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)


@torch.jit.script
def gelu(x):
    return x * 0.5 * (1.0 + torch.erf(x / 1.41421))


class OwnModel(PreTrainedModel):
    config_class = OwnConfig

    def __init__(self, config: OwnConfig):
        super().__init__(config)
        self.act = ACT2FN[config.hidden_act]
        self.layers = nn.ModuleList([getattr(nn, "Linear")(4, 4) for _ in range(config.layers)])
        self.post_init()

    def forward(self, x, **kwargs) -> Tuple:
        for layer in self.layers:
            x = getattr(self, "act")(layer(x))
        return (F.softmax(x, dim=-1),)


AutoConfig.register("own", OwnConfig)
AutoModel.register(OwnConfig, OwnModel)
'''
CONFIGURATION = b"""from transformers import PretrainedConfig


class OwnConfig(PretrainedConfig):
    model_type = "own"

    def __init__(self, layers=2, hidden_act="gelu", **kwargs):
        self.layers = layers
        self.hidden_act = hidden_act
        super().__init__(**kwargs)
"""
AUTO_MAP = {"AutoConfig": "configuration_own.OwnConfig", "AutoModel": "modeling_own.OwnModel"}


def as_json(value: Any) -> bytes:
    """As `save_pretrained` writes it."""
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def weights() -> bytes:
    return safetensors_builder.safetensors()


def bert(**config: Any) -> Files:
    """A BERT in three shards, with its tokenizer."""
    names = [f"model-{number:05}-of-{SHARDS:05}.safetensors" for number in range(1, SHARDS + 1)]
    index = {
        "metadata": {"total_size": 48},
        "weight_map": {f"encoder.{at}.weight": names[at % SHARDS] for at in range(12)},
    }
    settings = {
        "architectures": ["BertModel"], "model_type": "bert", "hidden_size": 4, "num_hidden_layers": 12,
        "torch_dtype": "float32", "transformers_version": "4.57.1", "_attn_implementation_autoset": True, **config,
    }  # fmt: skip
    return {
        ".gitattributes": GIT,
        "README.md": README,
        "config.json": as_json(settings),
        "generation_config.json": as_json({"_from_model_config": True, "transformers_version": "4.57.1"}),
        "model.safetensors.index.json": as_json(index),
        **dict.fromkeys(names, weights()),
        **tokenizer(),
    }


def tokenizer() -> Files:
    special = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    vocab = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "hello": 4, "sk-": 5, "hf_": 6}
    model = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "vocab": vocab}
    return {
        "tokenizer_config.json": as_json({"tokenizer_class": "BertTokenizer", "model_max_length": 512, **special}),
        "tokenizer.json": as_json({"version": "1.0", "truncation": None, "model": model}),
        "special_tokens_map.json": as_json(special),
        "vocab.txt": b"[PAD]\n[UNK]\n[CLS]\n[SEP]\nhello\n",
    }


def sentence_transformer(*modules: str) -> Files:
    """A model of sentence-transformers; `modules` stand behind its own two."""
    types = ["sentence_transformers.models.Transformer", "sentence_transformers.models.Pooling", *modules]
    listed = [
        {"idx": at, "name": str(at), "path": f"{at}_X" if at else "", "type": one} for at, one in enumerate(types)
    ]
    return {
        "README.md": README,
        "config.json": as_json({"architectures": ["BertModel"], "model_type": "bert"}),
        "modules.json": as_json(listed),
        "config_sentence_transformers.json": as_json({"__version__": {"transformers": "4.57"}, "prompts": {}}),
        "sentence_bert_config.json": as_json({"max_seq_length": 256, "do_lower_case": False}),
        "1_X/config.json": as_json({"word_embedding_dimension": 4, "pooling_mode_mean_tokens": True}),
        "model.safetensors": weights(),
        **tokenizer(),
    }


def diffusers(**index: Any) -> Files:
    """A pipeline of diffusers, each component in a folder of its own."""
    components = {
        "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.35.0",
        "feature_extractor": ["transformers", "CLIPImageProcessor"], "requires_safety_checker": True,
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        "scheduler": ["diffusers", "PNDMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"], "image_encoder": [None, None], "layers": [10, 20, 30], **index,
    }  # fmt: skip
    return {
        "model_index.json": as_json(components),
        "unet/config.json": as_json({"_class_name": "UNet2DConditionModel", "act_fn": "silu"}),
        "unet/diffusion_pytorch_model.safetensors": weights(),
        "vae/config.json": as_json({"_class_name": "AutoencoderKL"}),
        "vae/diffusion_pytorch_model.safetensors": weights(),
        "scheduler/scheduler_config.json": as_json({"_class_name": "PNDMScheduler", "beta_end": 0.012}),
        "text_encoder/config.json": as_json({"architectures": ["CLIPTextModel"], "model_type": "clip_text_model"}),
        "text_encoder/model.safetensors": weights(),
        "tokenizer/merges.txt": b"#version: 0.2\ni n\nt h\n",
        **{f"tokenizer/{name}": content for name, content in tokenizer().items()},
    }


def lora(**config: Any) -> Files:
    """A LoRA adapter as peft writes it."""
    settings = {
        "alpha_pattern": {}, "base_model_name_or_path": "meta-llama/Llama-3.2-1B", "bias": "none", "lora_alpha": 16,
        "auto_mapping": {
            "base_model_class": "LlamaForCausalLM", "parent_library": "transformers.models.llama.modeling_llama",
        },
        "megatron_config": None, "megatron_core": "megatron.core", "peft_type": "LORA", "r": 8,
        "target_modules": ["q_proj", "v_proj"], "task_type": None, **config,
    }  # fmt: skip
    return {
        "README.md": README,
        "adapter_config.json": as_json(settings),
        "adapter_model.safetensors": weights(),
    }


def custom(modeling: bytes = MODELING, **config: Any) -> Files:
    """A model of its author's own, whose code lies beside it."""
    files = {
        "config.json": as_json({"model_type": "own", "architectures": ["OwnModel"], "auto_map": AUTO_MAP, **config})
    }
    return files | {
        "configuration_own.py": CONFIGURATION,
        "modeling_own.py": modeling,
        "model.safetensors": weights(),
        **tokenizer(),
    }


HONEST: dict[str, Files] = {
    "bert": bert(),
    "sentence": sentence_transformer("sentence_transformers.models.Normalize"),
    "sentence-5": sentence_transformer("sentence_transformers.sentence_transformer.modules.Dense"),
    "diffusers": diffusers(),
    "lora": lora(),
}
