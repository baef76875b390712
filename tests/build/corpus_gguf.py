"""Files of llama.cpp's world that lie about themselves or carry what loaders trip over (loading-flaws 2.7)."""

import json

from tests.build import ggml_builder as old
from tests.build import gguf_builder as g
from tests.build.gguf_builder import STRING, U8, U32, array, gguf, key, string
from tests.build.llamafile_builder import APE, llamafile
from tests.build.sample import CANARY, Sample, evil

_TEMPLATE = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
_DIGEST = "../../../../../../etc/ld.so.preload"


def _behind(command: str = CANARY) -> bytes:
    return gguf(data=bytes(32) + evil(command))


def _carried(command: str = CANARY) -> bytes:
    return llamafile(APE, ("model.gguf", gguf()), ("extra.pkl", evil(command)))


def _manifest() -> bytes:
    layers = [{"mediaType": "application/vnd.ollama.image.model", "digest": _DIGEST, "size": 7}]
    return json.dumps({"schemaVersion": 2, "layers": layers}).encode()


def _both_orders() -> bytes:
    return b"GGUF" + (3).to_bytes(4, "big") + bytes(8) + b"\0\0\0\x01\x01\0\0\0" + bytes(40)


def _deep() -> bytes:
    return gguf([key("a", (9).to_bytes(4, "little") + ((9).to_bytes(4, "little") + (1).to_bytes(8, "little")) * 3000)])


def _gguf(name: str, data: bytes, expects: str = "flagged", note: str = "") -> Sample:
    return Sample(f"gguf-{name}", "gguf", "3.3", "model.gguf", lambda: data, expects=expects, note=note)


SAMPLES: tuple[Sample, ...] = (
    _gguf("count-overflows", gguf(counts=(2**61, 1)), note="TALOS-2024-1912 to 1916"),
    _gguf("keys-overflow", gguf(counts=(1, 2**64 - 1)), note="TALOS-2024-1912 to 1916"),
    _gguf("text-overflows", gguf([key("a", string("x", length=2**64 - 1))]), note="TALOS-2024-1912 to 1916"),
    _gguf("list-overflows", gguf([key("a", array(STRING, [], count=2**61))]), note="TALOS-2024-1912 to 1916"),
    _gguf("dimensions", gguf(None, [g.tensor("w", (1,) * 9)]), note="TALOS-2024-1912 to 1916"),
    _gguf("product-overflows", gguf(None, [g.tensor("w", (1152, 2**42 + 1))]), note="CVE-2026-33298"),
    _gguf(
        "sum-overflows",
        gguf(None, [g.tensor("a", (2**61,)), g.tensor("b", (2**61,), 0, 2**63), g.tensor("c", (8,))]),
        note="CVE-2025-53630, CVE-2026-27940",
    ),
    _gguf("tensor-beyond-file", gguf(None, [g.tensor("w", (4096, 4096))]), note="CVE-2026-7482"),
    _gguf("overlap", gguf(None, [g.tensor("a", (16,)), g.tensor("b", (8,), 0, 32)], bytes(64))),
    _gguf("alignment-zero", gguf([key("general.alignment", g.plain(U32, 0))])),
    _gguf("alignment-three", gguf([key("general.alignment", g.plain(U32, 3))], alignment=3)),
    _gguf("alignment-huge", gguf([key("general.alignment", g.plain(U32, 2**31))])),
    _gguf("template-twice", gguf([key("tokenizer.chat_template", string(one)) for one in ("{{ a }}", _TEMPLATE)])),
    _gguf("template", gguf([key("tokenizer.chat_template", string(_TEMPLATE))]), "not-clear", "CVE-2024-34359"),
    _gguf(
        "template-under-another-name",
        gguf([key("tokenizer.chat_template.x", string(_TEMPLATE))], d=g.LITTLE),
        "not-clear",
    ),
    _gguf("layers", gguf([key("gemma2.block_count", g.plain(U32, 100_000))]), note="llama.cpp pull 26051"),
    _gguf(
        "byte-token",
        gguf([key("tokenizer.ggml.model", string("plamo2")), key("tokenizer.ggml.tokens", array(STRING, ["<0x-1>"]))]),
        note="llama.cpp pull 26511",
    ),
    _gguf(
        "narrow-list",
        gguf([key("tokenizer.ggml.tokens", array(STRING, ["a"])), key("tokenizer.ggml.token_type", array(U8, [1]))]),
    ),
    _gguf("both-byte-orders", _both_orders()),
    _gguf("lists-in-lists", _deep(), "not-clear"),
    _gguf("version-4", gguf(d=g.Dialect(version=4)), "not-clear", "Ollama reads it as version 3"),
    _gguf("unknown-type", gguf(None, [g.tensor("w", (32,), 139)]), "not-clear"),
    Sample("gguf-pickle-behind", "gguf", "3.3", "model.gguf", _behind, expects="flagged"),
    Sample("ggml-beyond-file", "gguf", "3.3", "model.bin", lambda: old.ggjt(data=b""), expects="flagged"),
    Sample("ggml-pickle-behind", "gguf", "3.3", "model.bin", lambda: old.ggjt() + evil()),
    Sample("llamafile", "gguf", "3.3", "model.llamafile", llamafile, expects="flagged"),
    Sample("llamafile-named-gguf", "gguf", "3.3", "model.gguf", llamafile, expects="flagged"),
    Sample("llamafile-with-pickle", "gguf", "3.3", "model.llamafile", _carried, expects="flagged"),
    Sample("ollama-digest", "gguf", "3.3", "latest", _manifest, expects="flagged", note="CVE-2024-37032"),
    Sample("modelfile-function", "gguf", "3.3", "Modelfile", lambda: b"FROM a\nTEMPLATE {{ call .X }}\n"),
)
