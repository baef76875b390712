"""joblib files by hand: NumpyArrayWrapper, the raw array spliced in behind its BUILD, object arrays, compression.

The pad byte after a wrapper says how many bytes to drop before the array, whatever the alignment says; a wrapper
without `numpy_array_alignment_bytes` (before joblib 1.2) has no pad byte at all. So one attribute shifts the whole rest
of the stream, and `wrapper` lets each be anything.
"""

import bz2
import gzip
import lzma
import zlib

import lz4.frame

from tests.build import pickle_builder as p

NDARRAY = p.global_("numpy", "ndarray")
CODECS = ("zlib", "gzip", "bz2", "xz", "lzma", "lz4")


def dtype(code: str = "f8", order: str = "<", flags: int = 0, size: int = -1) -> p.Code:
    """``numpy.dtype(code)`` as it pickles itself; objects are ``dtype("O8", "|", 63)``.

    NumPy believes the state's `flags` (63: has objects) of every type, and its `size` of text and void types.
    """
    made = p.call(p.global_("numpy", "dtype"), code, False, True)
    return p.build(made, (3, order, None, None, None, size, -1 if size < 0 else 1, flags))


OBJECTS = dtype("O8", "|", 63)


def wrapper(
    shape: tuple[int, ...] = (2,),
    of: p.Code | None = None,
    order: str = "C",
    alignment: object = 16,
    module: str = "joblib.numpy_pickle",
    **more: object,
) -> p.Code:
    """A NumpyArrayWrapper up to its BUILD; `alignment` None leaves the attribute away."""
    attributes: dict[str, object] = {
        "subclass": NDARRAY,
        "shape": shape,
        "order": order,
        "dtype": dtype() if of is None else of,
        "allow_mmap": of != OBJECTS,
    }
    if alignment is not None:
        attributes["numpy_array_alignment_bytes"] = alignment
    empty = p.call_newobj(p.global_(module, "NumpyArrayWrapper"))
    return p.build(empty, {**attributes, **more})


def array(data: bytes = bytes(16), pad: int | None = 4, **options: object) -> p.Code:
    """A wrapper with its pad byte, `pad` bytes of padding and `data`; `pad` None writes no pad byte."""
    padding = b"" if pad is None else bytes([pad]) + b"\xff" * pad
    return p.Code(wrapper(**options) + padding + data)


def pickled_objects(*items: object) -> bytes:
    """The whole pickle of an object array of `items`, as NumPy itself writes it."""
    made = p.call(p.global_("numpy._core.multiarray", "_reconstruct"), NDARRAY, (0,), b"b")
    return p.whole(p.build(made, (1, (len(items),), OBJECTS, False, list(items))))


def object_array(pickle: bytes, **options: object) -> p.Code:
    """A wrapper of dtype object and the whole pickle that joblib reads behind it."""
    return p.Code(wrapper(**{"shape": (1,), "of": OBJECTS, **options}) + pickle)


def stream(*values: p.Code, protocol: int = 4) -> bytes:
    """A list of `values` as one file."""
    return p.whole(p.EMPTY_LIST + p.MARK + b"".join(values) + p.APPENDS, protocol)


def compress(data: bytes, codec: str) -> bytes:
    """`data` as ``joblib.dump(compress=codec)`` wraps it, or ``zfile`` for the form before joblib 0.10."""
    if codec == "zfile":
        return b"ZF" + hex(len(data)).encode().ljust(19) + zlib.compress(data)
    by_name = {
        "zlib": zlib.compress,
        "gzip": lambda body: gzip.compress(body, mtime=0),
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "lzma": lambda body: lzma.compress(body, lzma.FORMAT_ALONE),
        "lz4": lz4.frame.compress,
    }
    return by_name[codec](data)
