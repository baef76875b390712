"""What makes loaders of the Hugging Face family run code (3.3): Python source, and settings that name code."""

import base64
import json
from collections.abc import Callable
from typing import Any

from tests.build.sample import CANARY, Sample

#: the ways of source to run a command when it is imported; the command stands in for ``{c!r}``
SOURCES: dict[str, Callable[[str], str]] = {
    "plain": lambda c: f"import os\nos.system({c!r})",
    "alias": lambda c: f"from os import system as torch_compile\ntorch_compile({c!r})",
    "star": lambda c: f"from os import *\nsystem({c!r})",
    "import-call": lambda c: f"__import__('os').system({c!r})",
    "getattr-sum": lambda c: f"import os\ngetattr(os, 'sys' + 'tem')({c!r})",
    "reversed": lambda c: f"getattr(__import__('so'[::-1]), 'metsys'[::-1])({c!r})",
    "modules": lambda c: f"import os, sys\nsys.modules['os'].system({c!r})",
    "globals": lambda c: f"import os\nglobals()['os'].__dict__['system']({c!r})",
    "default": lambda c: f"import os\ndef forward(x, y=os.system({c!r})): pass",
    "decorator": lambda c: f"import os\n@lambda f: os.system({c!r})\ndef forward(x): pass",
    "class-body": lambda c: f"import os\nclass Model:\n    config = os.system({c!r})",
    "subclass-hook": lambda c: f"import os\nclass A:\n    def __init_subclass__(k): os.system({c!r})\nclass B(A): pass",
    "constructor": lambda c: f"import os\nclass A:\n    def __init__(self): os.system({c!r})\nA()",
    "callback": lambda c: f"import os\nlist(map(os.system, [{c!r}]))",
    "thread": lambda c: f"import os, threading\nthreading.Thread(target=os.system, args=({c!r},)).start()",
    "except": lambda c: f"try:\n    import nobody_has_this\nexcept ImportError:\n    import os; os.system({c!r})",
    "exec-base64": lambda c: "import base64\nexec(base64.b64decode({!r}))".format(
        base64.b64encode(f"import os; os.system({c!r})".encode()).decode()
    ),
    "latin-1": lambda c: f"# coding: latin-1\nimport os\nos.system({c!r})  # \xe9",
}
#: settings: file name, content
SETTINGS: dict[str, tuple[str, Any]] = {
    "kernel-internal": ("config.json", {"model_type": "llama", "_attn_implementation_internal": "evil/kernel"}),
    "kernel-nested": ("config.json", {"text_config": {"vision": {"_attn_implementation": "evil/kernel@main"}}}),
    "kernel-dict": ("config.json", {"_attn_implementation": {"text_config": "evil/kernel"}}),
    "trust": ("config.json", {"model_type": "lightglue", "keypoint_detector_config": {"trust_remote_code": True}}),
    "trust-text": ("sentence_bert_config.json", {"model_args": {"trust_remote_code": "yes"}}),
    "auto-map": ("config.json", {"auto_map": {"AutoModel": "modeling_evil.Model"}}),
    "auto-map-elsewhere": ("config.json", {"auto_map": {"AutoConfig": "evil/repository--modeling_evil.Model"}}),
    "auto-map-tokenizer": ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": [None, "tokenization.T"]}}),
    "auto-map-nested": ("config.json", {"vision_config": {"auto_map": {"AutoConfig": "a.B"}}}),
    "custom-pipelines": ("config.json", {"custom_pipelines": {"x": {"impl": "evil.Pipe", "pt": []}}}),
    "modules-type": ("modules.json", [{"idx": 0, "name": "0", "path": "", "type": "os.system"}]),
    "peft-library": ("adapter_config.json", {"auto_mapping": {"parent_library": "antigravity"}}),
    "peft-megatron": ("adapter_config.json", {"megatron_config": {"x": 1}, "megatron_core": "idlelib.idle"}),
    "diffusers-pipeline": ("model_index.json", {"_class_name": ["pipeline", "Evil"]}),
    "diffusers-no-text": ("model_index.json", {"_class_name": "P", "unet": [["my_unet"], "Evil"]}),
    "diffusers-module": ("model_index.json", {"_class_name": "P", "unet": ["subprocess", "Popen"]}),
    "index-traversal": ("model.safetensors.index.json", {"weight_map": {"a": "../../../etc/passwd"}}),
}


def _source(write: Callable[[str], str]) -> Callable[..., bytes]:
    return lambda command=CANARY: write(command).encode("latin-1")


def _setting(content: Any) -> Callable[..., bytes]:
    return lambda command=CANARY: json.dumps(content, indent=2).encode()


SAMPLES = (
    *(
        Sample(
            name=f"source-{name}",
            family="repository",
            technique="3.3",
            file_name="modeling_own.py",
            build=_source(write),
            executes=True,
            loader="runpy.run_path",
            expects="flagged",
        )
        for name, write in SOURCES.items()
    ),
    *(
        Sample(
            name=f"setting-{name}",
            family="repository",
            technique="3.3",
            file_name=file_name,
            build=_setting(content),
            expects="flagged",
        )
        for name, (file_name, content) in SETTINGS.items()
    ),
)
