"""Models of several gigabytes in the formats of the hubs: real structure, and holes where the numbers would be."""

import struct
from pathlib import Path

from tests.build import gguf_builder as gguf
from tests.build import hdf5_builder as hdf5
from tests.build import onnx_builder as onnx
from tests.build import tensorflow_builder as tensorflow

MB = 1_000_000


def h5(path: Path, layers: int = 600, each: int = 14 * MB) -> None:
    """Keras weights as h5py lays them out: a group and a dataset a layer, each in one piece."""
    file = hdf5.File()
    start = 1 << 20
    links = []
    for number in range(layers):
        layout = 8, bytes((3, 1)) + struct.pack("<QQ", start + number * each, each)
        kernel = file.header((1, hdf5.shape(each // 4)), (3, hdf5.FLOAT), layout)
        links.append(hdf5.link(f"layer {number}", file.folder(hdf5.link("kernel", kernel))))
    root = file.folder(*links)
    file.data += bytes(start - len(file.data))
    head = bytearray(file.whole(root))
    size = start + layers * each
    superblock = head[:28] + struct.pack("<Q", size) + head[36:44]
    head[:48] = superblock + struct.pack("<I", hdf5.lookup3(bytes(superblock)))
    _write(path, bytes(head), size)


def gguf_model(path: Path, layers: int = 290, each: int = 29_696_000) -> None:
    """A language model with 128,000 words and 280,000 merges."""
    words = [
        gguf.key("tokenizer.ggml.tokens", _texts(128_000)),
        gguf.key("tokenizer.ggml.merges", _texts(280_000)),
    ]
    tensors = [gguf.tensor(f"blk.{at}", (each // 4,), 0, at * each) for at in range(layers)]
    head = gguf.gguf([gguf.ARCHITECTURE, *words], tensors, b"")
    _write(path, head, len(head) + layers * each)


def _texts(count: int) -> bytes:
    texts = b"".join(gguf.LITTLE.text(f"word {at * 7919}") for at in range(count))
    return gguf.array(gguf.STRING, [], count=count) + texts


def onnx_folder(path: Path, tensors: int = 400, each: int = 20 * MB) -> None:
    """A model whose tensors lie in one file beside it, as torch.onnx.export writes large ones."""
    path.mkdir(exist_ok=True)
    places = []
    for number in range(tensors):
        where = ("offset", str(number * each)), ("length", str(each))
        places.append(onnx.external("m.onnx.data", *where, name=f"w{number}", dims=(each // 4,)))
    (path / "m.onnx").write_bytes(onnx.model(onnx.graph(initializers=tuple(places))))
    _write(path / "m.onnx.data", b"\x01", tensors * each)


def saved_model(path: Path, tensors: int = 300, each: int = 20 * MB) -> None:
    """TensorFlow's folder: the program, and variables as an index and one file of numbers."""
    variables = path / "variables"
    variables.mkdir(parents=True, exist_ok=True)
    (path / "saved_model.pb").write_bytes(tensorflow.honest())
    entries = [(f"w{at:04}", tensorflow.entry(at * each, each)) for at in range(tensors)]
    (variables / "variables.index").write_bytes(tensorflow.index(*entries))
    _write(variables / "variables.data-00000-of-00001", b"\x01", tensors * each)


def _write(path: Path, head: bytes, size: int) -> None:
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)
