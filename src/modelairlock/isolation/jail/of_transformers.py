"""The loader for a folder of transformers, as text after `loaders.py`: the standard library only at the top.

It does what users do, with `trust_remote_code`: the configuration, then every class that the folder names, then what
else it has (weights, a tokenizer, a processor). One that fails does not keep the others from being tried.

The code that comes with a model is run where it lies: transformers would copy it into its cache of modules first, and
nothing can be written in here. It goes by the names that it would have there.
"""

import json
import os
import sys
from typing import Any

#: what of a folder says that there is something to load, and by which class
_BESIDE = {
    "tokenizer_config.json": "AutoTokenizer", "tokenizer.json": "AutoTokenizer", "vocab.txt": "AutoTokenizer",
    "processor_config.json": "AutoProcessor", "video_preprocessor_config.json": "AutoVideoProcessor",
}  # fmt: skip
_SETTINGS = ("config.json", "tokenizer_config.json", "preprocessor_config.json", "processor_config.json")
_WEIGHTS = (
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
)  # fmt: skip
_OPTIONS = {"trust_remote_code": True, "local_files_only": True}


def _transformers(state: "dict[str, Any]") -> "Any":
    place = os.environ["AIRLOCK_MODEL"]
    # Where the code of the folder seems to be in its cache: the last two folders are the package.
    os.environ["HF_MODULES_CACHE"] = os.path.dirname(os.path.dirname(place))
    # A folder that is there: torch's compiler would make one.
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = os.environ["HOME"]
    import tempfile

    # It would try out which folder can be written, and none can.
    tempfile.tempdir = os.environ["HOME"]
    import transformers

    transformers.utils.logging.disable_progress_bar()
    _run_in_place(place)
    _warm_up(transformers)
    if state.get("serving"):
        return lambda _fd, path: _one(transformers, path)
    return lambda _fd, path: _loaded(transformers, path)


def _run_in_place(place: str) -> None:
    import types

    from transformers import dynamic_module_utils

    package, name = place.split("/")[-2:]
    for module, where in ((package, []), (f"{package}.{name}", [place])):
        made = types.ModuleType(module)
        made.__path__ = where
        sys.modules[module] = made
    usual: Any = dynamic_module_utils.get_cached_module_file

    def in_place(repository: "Any", module_file: str, *_more: "Any", **_options: "Any") -> str:
        if not os.path.isdir(str(repository)):
            # The hub's client would look for its token first, which would pass for the model's doing.
            raise OSError(f"{module_file} lies in another repository, {repository}, and nothing is fetched in the jail")
        found = os.path.join(str(repository), module_file)
        if not os.path.isfile(found):
            raise OSError(f"{module_file} is not in the folder of the model")
        dynamic_module_utils.check_imports(found)
        return os.path.join(package, name, os.path.relpath(found, place))

    dynamic_module_utils.get_cached_module_file = in_place
    for one in list(sys.modules.values()):
        if vars(one).get("get_cached_module_file") is usual:
            vars(one)["get_cached_module_file"] = in_place


def _warm_up(transformers: "Any") -> None:
    """What is imported late starts threads, and counts processors: here, before the walls are up."""
    import torch
    from tqdm import tqdm

    # Its first bar makes a semaphore, or remembers that there can be none.
    tqdm.get_lock()
    configuration = transformers.BertConfig(
        vocab_size=8, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4
    )
    model = transformers.AutoModel.from_config(configuration)
    with torch.no_grad():
        model(torch.ones(1, 2, dtype=torch.long))
    modeling = sys.modules["transformers.modeling_utils"]
    if hasattr(modeling, "_is_on_hf_mount"):
        # It would look for one file system among all that are mounted, and there are none of it in here.
        modeling._is_on_hf_mount = lambda _path: False  # type: ignore[attr-defined]  # as all that is patched
    for name in (
        "AutoTokenizer",
        "AutoModelForCausalLM",
        "AutoProcessor",
        "GenerationMixin",
        "PreTrainedTokenizerFast",
    ):
        getattr(transformers, name)


def _loaded(transformers: "Any", path: str) -> "Any":
    """Every part that the folder names, by its class. Raises what the first of those raised that could not be had."""
    problems: Any = []
    parts: Any = {}
    first = ["AutoConfig"] if os.path.isfile(os.path.join(path, "config.json")) else []
    for name in dict.fromkeys([*first, *_models(transformers, path), *_rest(path)]):
        try:
            parts[name] = _part(transformers, name, path)
        except Exception as problem:
            problems.append(problem)
    for reference in _pipelines(path):
        try:
            get = transformers.dynamic_module_utils.get_class_from_dynamic_module
            parts[reference] = get(reference, path, local_files_only=True)
        except Exception as problem:
            problems.append(problem)
    if problems:
        raise problems[0]
    return parts


def _pipelines(path: str) -> "list[str]":
    """Classes of the folder's own that ``transformers.pipeline`` would make."""
    named = _read(os.path.join(path, "config.json")).get("custom_pipelines")
    given = named.values() if isinstance(named, dict) else ()
    return [one["impl"] for one in given if isinstance(one, dict) and isinstance(one.get("impl"), str)]


def _one(transformers: "Any", path: str) -> "Any":
    """What is asked: one model, of the class that its configuration says it is, and the tokenizer if there is one."""
    models = _models(transformers, path)
    parts: Any = {}
    if models:
        parts["model"] = _part(transformers, _mapped_to(path) or models[0], path)
    if "AutoTokenizer" in _rest(path):
        parts["tokenizer"] = _part(transformers, "AutoTokenizer", path)
    return parts


def _part(transformers: "Any", name: str, path: str) -> "Any":
    return getattr(transformers, name).from_pretrained(path, **_OPTIONS)


def _models(transformers: "Any", path: str) -> "list[str]":
    """The classes of the model: those that the folder maps to code of its own; else, if it has weights, one."""
    mapped = [name for name in _mapped(path) if "Model" in name and hasattr(transformers, name)]
    if mapped or not any(os.path.isfile(os.path.join(path, file)) for file in _WEIGHTS):
        return mapped
    named = _read(os.path.join(path, "config.json")).get("architectures")
    first = named[0] if isinstance(named, list) and named and isinstance(named[0], str) else ""
    known = isinstance(getattr(transformers, first, None), type)
    return [first if known and hasattr(getattr(transformers, first), "from_pretrained") else "AutoModel"]


def _rest(path: str) -> "list[str]":
    """The classes of what belongs to a model, by the files that are there, and by what maps to code."""
    found = [name for name in _mapped(path) if "Model" not in name]
    prepares = _read(os.path.join(path, "preprocessor_config.json"))
    if prepares:
        # Images and sound have the same file.
        image = {"image_processor_type", "do_resize", "image_mean", "size", "crop_size"} & set(prepares)
        found.append("AutoImageProcessor" if image else "AutoFeatureExtractor")
    return [*found, *(name for file, name in _BESIDE.items() if os.path.isfile(os.path.join(path, file)))]


def _mapped_to(path: str) -> str:
    """The name by which transformers finds the class of the folder's own code that the configuration is of."""
    settings = _read(os.path.join(path, "config.json"))
    named, mapped = settings.get("architectures"), settings.get("auto_map")
    if not isinstance(named, list) or not isinstance(mapped, dict):
        return ""
    found = [key for key, value in mapped.items() if isinstance(value, str) and value.rpartition(".")[2] in named]
    return next((key for key in found if key.startswith("AutoModel")), "")


def _mapped(path: str) -> "list[str]":
    """The classes that a configuration says come with the folder."""
    found: list[str] = []
    for file in _SETTINGS:
        mapped = _read(os.path.join(path, file)).get("auto_map")
        if isinstance(mapped, dict):
            found += [name for name in mapped if isinstance(name, str) and name.startswith("Auto")]
        elif mapped and file == "tokenizer_config.json":
            found.append("AutoTokenizer")
    return found


def _read(path: str) -> "dict[str, Any]":
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


globals().get("LOADERS", {})["transformers"] = _transformers
