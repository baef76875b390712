"""At least one honest file of every format, with the odd corners that make a reader reach for one more module.

They prove that the readers need nothing behind the wall which was not imported before: names that are not ASCII in
every encoding, every compression method, every dialect. A format without a file here fails its test.
"""

import bz2
import gzip
import io
import json
import lzma
import pickle
import tarfile
import zlib

import lz4.frame

from tests.build import (
    flat_builder,
    ggml_builder,
    gguf_builder,
    hdf5_builder,
    joblib_builder,
    keras_builder,
    llamafile_builder,
    npy_builder,
    onnx_builder,
    openvino_builder,
    safetensors_builder,
    skops_builder,
    templates,
    torch_builder,
    zip_builder,
)
from tests.build import pickle_builder as p
from tests.build import tar_builder as tar
from tests.build import tensorflow_builder as tf
from tests.build.zip_builder import Entry

try:
    from compression import zstd
except ImportError:
    from backports import zstd

TEXT = "An ordinary text: café, naïve, 中文.\n".encode()
#: ``café`` as Windows, Linux and macOS put it into an archive, and as no encoding of today would
NAMES = (b"caf\x82.txt", "café.txt".encode(), "cafe\u0301-2.txt".encode(), b"caf\xe9.md", "中文.txt".encode())
_METHODS = (zip_builder.STORED, zip_builder.DEFLATED, zip_builder.BZIP2, zip_builder.LZMA)
_PNG = b"\x89PNG\r\n\x1a\n"
_STRINGS = ["é", "\udc80", b"\x00\xff", "中" * 300, 1 << 70, -1.5, {"a": (True, None)}, {1}, bytearray(b"x")]
_HEX = b"4d" * 32
_ELF = b"\x7fELF\x02\x01\x01" + bytes(57)


def _zip() -> bytes:
    entries = [Entry(name, TEXT, method=_METHODS[at % 4]) for at, name in enumerate(NAMES)]
    packed = [
        Entry("z.txt", TEXT, method=zip_builder.ZSTD, packed=zstd.compress(TEXT)),
        Entry("x.txt", TEXT, method=95),
    ]
    unicode_name = b"\x01" + zlib.crc32(b"caf_.log").to_bytes(4, "little") + "café.log".encode()
    named = Entry("caf_.log", TEXT, extra=zip_builder.extra_field(0x7075, unicode_name))
    return zip_builder.zip_file(*entries, *packed, named, comment=b"\xff")


def _tar(dialect: int, encoding: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=dialect, encoding=encoding) as archive:
        for name in ("café.txt", "CAFÉ.txt", "n" * 120 + "é.txt"):
            info = tarfile.TarInfo(name)
            info.size = len(TEXT)
            archive.addfile(info, io.BytesIO(TEXT))
    return buffer.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def _png() -> bytes:
    head = (1).to_bytes(4, "big") * 2 + b"\x08\0\0\0\0"
    return _PNG + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(b"\0\0")) + _chunk(b"IEND", b"")


def _pickles() -> list[tuple[str, bytes]]:
    made = [(f"p{protocol}.pkl", pickle.dumps(_STRINGS, protocol)) for protocol in range(6)]
    packed = joblib_builder.stream(joblib_builder.array())
    spelled = p.whole(p.push([p.call(p.global_("_codecs", "encode"), "\x80\x04N.é", "latin1")]), 2)
    return [*made, ("array.joblib", packed), ("objects.joblib", _objects()), ("spelled.pkl", spelled)]


def _objects() -> bytes:
    return joblib_builder.stream(joblib_builder.object_array(joblib_builder.pickled_objects("é", 1)))


def _package() -> bytes:
    return zip_builder.zip_file(
        Entry("m/model/model.pkl", pickle.dumps([1], 2)),
        Entry("m/own.py", b"x = 1\n"),
        Entry("m/.data/extern_modules", b"os\n"),
        Entry("m/.data/version", b"6\n"),
    )


def _pt2() -> bytes:
    return zip_builder.zip_file(
        Entry("m/archive_format", b"pt2"),
        Entry("m/models/model.json", b'{"graph_module": {}}'),
        Entry("m/data/sample_inputs/model.pt", torch_builder.checkpoint()),
    )


#: names and contents, by the format that reads the file itself
EVERYDAY: dict[str, tuple[tuple[str, bytes], ...]] = {
    "bz2": (("a.txt.bz2", bz2.compress(TEXT)),),
    "ggml": (("a.ggml", ggml_builder.ggjt()), ("ggml-tiny.bin", ggml_builder.whisper())),
    "gguf": (
        ("a.gguf", gguf_builder.gguf()),
        ("b.gguf", gguf_builder.gguf(d=gguf_builder.Dialect(big=True))),
        ("c.gguf", gguf_builder.gguf(gguf_builder.words("é", "中"))),
    ),
    "gzip": (("a.txt.gz", gzip.compress(TEXT, mtime=0)), ("a.tgz", gzip.compress(_tar(tarfile.GNU_FORMAT, "latin-1")))),
    "hdf5": (("a.h5", hdf5_builder.small(0)), ("b.hdf5", hdf5_builder.small(3, bytes(512)))),
    "hub_bookkeeping": (("main", b"4d" * 20),),
    "graph_def": (("a.pb", tf.graph(tf.placeholder("a"), tf.const("b", "é", b"\xff"))),),
    "image": (("a.png", _png()),),
    "jinja_template": (("a.jinja", templates.HONEST["thinking"].encode()), ("b.tmpl", templates.GO.encode())),
    "joblib_old": (("a.joblib", joblib_builder.compress(pickle.dumps({"é": 1}, 2), "zfile")),),
    "json_text": (("a.json", json.dumps({"é": [1.5, "\ud800", None]}).encode()), ("b.json", '{"é": "中"}'.encode())),
    "keras": (("a.keras", keras_builder.archive(keras_builder.honest())),),
    "keras_config": (("architecture.json", keras_builder.text(keras_builder.honest())),),
    "keras_metadata": (("keras_metadata.pb", tf.keras_metadata()),),
    "lfs_pointer": (
        ("a.bin", b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12345\n"),
    ),
    "llamafile": (("a.llamafile", llamafile_builder.llamafile()),),
    "lz4": (("a.txt.lz4", lz4.frame.compress(TEXT)),),
    "lzma": (("a.txt.lzma", lzma.compress(TEXT, lzma.FORMAT_ALONE)),),
    "modelfile": (("Modelfile", 'FROM a\nTEMPLATE """{{ .É }}"""\nSYSTEM é\n'.encode()),),
    "meta_graph": (("a.meta", tf.meta_graph(tf.graph(tf.placeholder("a")))),),
    "native_library": (("a.so", _ELF),),
    "npy": (
        ("a.npy", npy_builder.npy()),
        ("b.npy", npy_builder.npy(header=npy_builder.header_text("[('é', '<f4')]"), version=(3, 0))),
        ("c.npy", npy_builder.object_npy(pickle.dumps(["é"], 4))),
    ),
    "npz": (("a.npz", npy_builder.npz(("é.npy", npy_builder.npy()), ("b.npy", npy_builder.npy()))),),
    "oci_manifest": (("latest", b'{"schemaVersion": 2, "layers": [{"digest": "sha256:%s", "size": 7}]}' % _HEX),),
    "ollama_text": (("sha256-" + "4d" * 32, "{{ .Prompt }} é".encode()),),
    "onnx": (("a.onnx", onnx_builder.everything()), ("b.bin", onnx_builder.model())),
    "onnx_tensor": (
        ("input_0.pb", onnx_builder.tensor(dims=(64, 64), raw=bytes(16384))),
        ("b.pb", onnx_builder.external("é.data", ("length", "16"))),
    ),
    "openvino": (("a.xml", openvino_builder.everything()),),
    "ort": (("a.ort", flat_builder.ort()),),
    "other_text": (("a.yaml", TEXT),),
    "pickle": tuple(_pickles()),
    "rar": (("a.rar", b"Rar!\x1a\x07\x00" + bytes(40)),),
    "safetensors": (("a.safetensors", safetensors_builder.safetensors()),),
    "python_source": (
        ("a.py", 'import os\nx = f"é{1}" "\\d" + b"\\xff".decode("latin-1")\nos.getcwd()\n'.encode()),
        ("b.py", b"# coding: latin-1\nx = '\xe9'\n"),
        ("c.py", b"# coding: utf-7\nx = 1\n"),
        ("d.py", b"x = (\n"),
    ),
    "script": (("a.sh", "# é\n".encode()), ("b", "#!/bin/sh\n# é\n".encode())),
    "saved_model": (("saved_model.pb", tf.honest()),),
    "seven_zip": (("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(40)),),
    "spacy_config": (("config.cfg", templates.spacy()),),
    "tar": (
        ("a.tar", _tar(tarfile.PAX_FORMAT, "utf-8")),
        ("b.tar", _tar(tarfile.GNU_FORMAT, "latin-1")),
        ("c.tar", tar.tar_file(*(tar.Item(name, TEXT) for name in NAMES))),
    ),
    "skops": (("a.skops", skops_builder.skops(skops_builder.honest())),),
    "skops_schema": (("schema.json", skops_builder.schema(skops_builder.honest())),),
    "tensorflow_checkpoint": (("checkpoint", b'model_checkpoint_path: "ckpt-1"\n'),),
    "tensorflow_data": (("variables.data-00000-of-00001", bytes(range(200))),),
    "tensorflow_fingerprint": (("fingerprint.pb", tf.fingerprint()),),
    "tensorflow_index": (("variables.index", tf.index(("é", tf.entry()))),),
    "text": (
        ("a.txt", TEXT),
        ("b.txt", TEXT.decode().encode("utf-16")),
        ("c.md", b"\xfe\xff" + "é".encode("utf-16-be")),
    ),
    "tflite": (("a.tflite", flat_builder.tflite()), ("b.tflite", flat_builder.with_zip(flat_builder.tflite()))),
    "tfhub_module": (("tfhub_module.pb", b"\x08\x03"),),
    "tfjs": (("model.json", b'{"modelTopology": {"node": []}, "weightsManifest": []}'),),
    "torch": (("a.pt", torch_builder.checkpoint()), ("b.pt", torch_builder.checkpoint(root="é"))),
    "torch_export": (("a.pt2", _pt2()),),
    "torch_export_graph": (("model.json", b'{"graph_module": {"graph": {"nodes": []}}}'),),
    "torch_legacy": (("a.pth", torch_builder.legacy()),),
    "torch_package": (("a.pt", _package()),),
    "torchscript": (("a.pt", torch_builder.torchscript()),),
    "torchscript_source": (("a.pt", torch_builder.torchscript()),),
    "xz": (("a.txt.xz", lzma.compress(TEXT)),),
    "zip": (("a.zip", _zip()),),
    "zlib": (("a.zlib", zlib.compress(TEXT)),),
    "zstd": (("a.txt.zst", zstd.compress(TEXT)),),
}  # fmt: skip
