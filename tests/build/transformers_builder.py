"""Small models of transformers with random weights, made by the real package, and code that comes with a model."""

import json
import os
from pathlib import Path

#: what runs when the code of a model is imported: inert, and every one of them seen
HOSTILE = """
import os, socket
os.system("true # modelairlock canary")
for what in (
    lambda: socket.create_connection(("192.0.2.1", 80), 1),
    lambda: open("/etc/passwd").read(),
    lambda: open(os.path.dirname(__file__) + "/config.json", "w"),
):
    try:
        what()
    except OSError:
        pass
"""
_WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "world", "a", "b")


def tokenizer(folder: Path) -> None:
    from transformers import BertTokenizerFast

    BertTokenizerFast(vocab={word: number for number, word in enumerate(_WORDS)}).save_pretrained(folder)


def bert(folder: Path) -> Path:
    """A classifier in safetensors, with its tokenizer."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    configuration = transformers.BertConfig(
        vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    transformers.BertForSequenceClassification(configuration).save_pretrained(folder)
    tokenizer(folder)
    return folder


def gpt2(folder: Path) -> Path:
    """A generator in ``pytorch_model.bin``, with a tokenizer."""
    import torch
    import transformers

    configuration = transformers.GPT2Config(
        vocab_size=9, n_embd=8, n_layer=1, n_head=2, n_positions=32, bos_token_id=5, eos_token_id=6, pad_token_id=0
    )
    made = transformers.GPT2LMHeadModel(configuration)
    made.save_pretrained(folder)
    (folder / "model.safetensors").unlink()
    torch.save(made.state_dict(), folder / "pytorch_model.bin")
    tokenizer(folder)
    return folder


def wav2vec2(folder: Path) -> Path:
    """A model of sound, whose ``preprocessor_config.json`` is of no image."""
    import transformers

    configuration = transformers.Wav2Vec2Config(
        vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, conv_dim=(8,),
        conv_kernel=(10,), conv_stride=(5,), num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    transformers.Wav2Vec2Model(configuration).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


def with_code(folder: Path, helper: str = "") -> Path:
    """A BERT whose classes are in the folder: three files that import each other; `helper` is the text of one."""
    bert(folder)
    (folder / "helper.py").write_text(f"NAME = 'own'\n{helper}")
    (folder / "configuration_own.py").write_text(
        "from transformers import BertConfig\nfrom .helper import NAME\n\n\n"
        "class OwnConfig(BertConfig):\n    model_type = NAME\n"
    )
    (folder / "modeling_own.py").write_text(
        "import numpy\nfrom transformers import BertModel\nfrom .configuration_own import OwnConfig\n\n\n"
        "class OwnModel(BertModel):\n    config_class = OwnConfig\n"
    )
    path = folder / "config.json"
    settings = json.loads(path.read_text("utf-8"))
    mapped = {"AutoConfig": "configuration_own.OwnConfig", "AutoModel": "modeling_own.OwnModel"}
    path.write_text(json.dumps({**settings, "model_type": "own", "architectures": ["OwnModel"], "auto_map": mapped}))
    return folder


def in_cache(folder: Path, cache: Path) -> Path:
    """The files of `folder` as the hub's client keeps them: a snapshot of links into ``blobs``. The snapshot."""
    repository = cache / "models--org--tiny"
    snapshot = repository / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for number, one in enumerate(sorted(folder.iterdir())):
        blob = f"{number:040x}"
        (repository / "blobs" / blob).write_bytes(one.read_bytes())
        os.symlink(f"../../blobs/{blob}", snapshot / one.name)
    return snapshot


def with_generation(folder: Path, source: str) -> Path:
    """A generator of text that brings its own ``generate`` along, in the file where transformers looks for it."""
    gpt2(folder)
    (folder / "custom_generate").mkdir()
    (folder / "custom_generate/generate.py").write_text(source)
    return folder
