"""Arrays that hide pickles, and pickles that hide arrays: joblib, .npy, .npz (rows C12, C13, P20).

A joblib file is two files in one: who follows NumpyArrayWrapper skips the raw arrays, who does not reads on in them.
Both readings are attacked here.
"""

import bz2
import gzip
import lzma
import struct
from collections.abc import Callable

from tests.build import joblib_builder as j
from tests.build import npy_builder as n
from tests.build import pickle_builder as p
from tests.build import zip_builder as z
from tests.build.sample import CANARY, Sample, evil, harmless, system
from tests.build.zip_builder import Entry

Build = Callable[[str], bytes]


def _objects(c: str) -> bytes:
    """An object array whose one item is the payload's result."""
    return j.pickled_objects(system(c))


def _in_raw_array(c: str) -> bytes:
    """Code in the array's bytes: data to joblib, the rest of the stream to ``pickle.load``."""
    code = p.POP + system(c) + p.STOP
    # without the attribute there is no pad byte, so the code stands right behind BUILD
    return j.stream(j.array(code, None, shape=(len(code),), of=j.dtype("u1", "|"), alignment=None))


def _in_padding(c: str) -> bytes:
    """The pad byte's own value drops the code that follows; to ``pickle.load`` the pad byte is an opcode."""
    code = system(c) + p.STOP
    length = ord("N")  # NONE, and 78 bytes to drop
    return j.stream(p.Code(j.wrapper() + bytes([length]) + code.ljust(length, b"\0") + bytes(16)))


def _shape_lies(c: str) -> bytes:
    """The array ends earlier than its neighbours suggest: shape is two items, room is made for a hundred."""
    code = system(c) + p.APPENDS + p.STOP
    return p.proto(4) + p.EMPTY_LIST + p.MARK + j.array(bytes(16)) + code + bytes(800 - len(code))


def _alignment_absent(c: str) -> bytes:
    """No alignment attribute, so the first byte of the "padding" is already data."""
    code = p.POP + system(c) + p.APPENDS + p.STOP
    return p.proto(4) + p.EMPTY_LIST + p.MARK + j.array(b"\x08" + b"\xff" * 7, None, shape=(1,), alignment=None) + code


def _dtype_by_build(c: str) -> bytes:
    """dtype("f8") until BUILD states otherwise: the wrapper's item size is decided by attacker's state."""
    return j.stream(j.object_array(_objects(c), of=j.dtype("O8", "|", 63)))


#: by joblib.load, needs joblib
JOBLIB: dict[str, tuple[str, Build]] = {
    "plain": ("C12", lambda c: j.stream(system(c))),
    "before-the-array": ("C12", lambda c: j.stream(system(c), j.array())),
    "after-the-array": ("C12", lambda c: j.stream(j.array(), system(c))),
    "after-three-arrays": ("C12", lambda c: j.stream(*[j.array(b"." * 80, shape=(10,))] * 3, system(c))),
    "after-a-large-array": ("C12", lambda c: j.stream(j.array(bytes(800_000), shape=(100, 1000)), system(c))),
    "after-an-empty-array": ("C12", lambda c: j.stream(j.array(b"", shape=(0,)), system(c))),
    "after-a-scalar-array": ("C12", lambda c: j.stream(j.array(bytes(8), shape=()), system(c))),
    "after-fortran-order": ("C12", lambda c: j.stream(j.array(bytes(48), shape=(2, 3), order="F"), system(c))),
    "after-array-of-stops": ("C12", lambda c: j.stream(j.array(b"." * 16), system(c))),
    "after-array-like-a-pickle": ("C12", lambda c: j.stream(
        j.array(harmless(), shape=(len(harmless()),), of=j.dtype("u1", "|")), system(c))),
    "no-padding": ("C12", lambda c: j.stream(j.array(pad=0), system(c))),
    "longest-padding": ("C12", lambda c: j.stream(j.array(pad=255), system(c))),
    "without-alignment": ("C12", lambda c: j.stream(j.array(pad=None, alignment=None), system(c))),
    "alignment-none": ("C12", lambda c: j.stream(
        p.Code(j.wrapper(alignment=None, numpy_array_alignment_bytes=None) + bytes(16)), system(c))),
    "alignment-odd": ("C12", lambda c: j.stream(j.array(alignment="sixteen"), system(c))),
    "alignment-absent-payload": ("C12", _alignment_absent),
    "shape-lies": ("C12", _shape_lies),
    "structured-dtype": ("C12", lambda c: j.stream(j.array(bytes(32), of=j.dtype("V16", "|", 0, 16)), system(c))),
    "text-dtype": ("C12", lambda c: j.stream(j.array(bytes(40), of=j.dtype("U5", "<", 0, 20)), system(c))),
    "dtype-size-by-state": ("C12", lambda c: j.stream(j.array(bytes(16), of=j.dtype("V16", "|", 0, 8)), system(c))),
    "dtype-size-not-by-state": ("C12", lambda c: j.stream(j.array(bytes(16), of=j.dtype(size=1)), system(c))),
    "dtype-objects-by-flags": ("C12", lambda c: j.stream(j.object_array(evil(c), of=j.dtype("V8", "|", 63, 8)))),
    "dtype-numbers-by-flags": ("C12", lambda c: j.stream(j.object_array(evil(c), of=j.dtype("f8", "<", 63)))),
    "big-endian": ("C12", lambda c: j.stream(j.array(of=j.dtype("f8", ">")), system(c))),
    "second-build-changes-shape": ("C12", lambda c: j.stream(
        j.array(bytes(8), shape=(1,)), p.build(p.call_newobj(p.global_("argparse", "Namespace")), {"shape": (9,)}),
        system(c))),
    "object-array": ("C12", lambda c: j.stream(j.object_array(_objects(c)))),
    "object-array-plain-pickle": ("C12", lambda c: j.stream(j.object_array(evil(c)))),
    "object-array-after-raw": ("C12", lambda c: j.stream(j.array(), j.object_array(_objects(c)))),
    "object-array-after-objects": ("C12", lambda c: j.stream(
        j.object_array(j.pickled_objects(1)), j.object_array(_objects(c)))),
    "after-object-array": ("C12", lambda c: j.stream(j.object_array(j.pickled_objects(1)), system(c))),
    "object-array-within": ("C12", lambda c: j.stream(j.object_array(
        p.whole(j.object_array(_objects(c)))))),
    "object-array-by-state": ("C12", _dtype_by_build),
    "old-wrapper": ("C12", lambda c: j.stream(system(c), j.array(module="joblib.numpy_pickle"))),
    "protocol-2": ("C12", lambda c: j.stream(j.array(), system(c), protocol=2)),
}  # fmt: skip

#: the same bytes by pickle.load, which knows nothing of arrays; needs joblib for the wrapper class
PLAIN: dict[str, Build] = {"in-raw-array": _in_raw_array, "in-padding": _in_padding}


def _header(text: str, data: bytes = bytes(8)) -> bytes:
    return n.npy(data, text)


#: .npy run by np.load(allow_pickle=True)
NPY: dict[str, Build] = {
    "object": lambda c: n.object_npy(_objects(c)),
    "object-plain-pickle": lambda c: n.object_npy(evil(c)),
    "object-structured": lambda c: n.npy(evil(c), n.header_text("[('a', '<f4'), ('b', '|O')]")),
    "object-subarray": lambda c: n.npy(evil(c), n.header_text("[('a', '|O', (2,))]")),
    "object-by-name": lambda c: n.npy(evil(c), n.header_text("'object'")),
    "object-by-letter": lambda c: n.npy(evil(c), n.header_text("'O8'")),
    "object-version-2": lambda c: n.object_npy(evil(c), version=(2, 0)),
    "object-version-3": lambda c: n.object_npy(evil(c), version=(3, 0)),
    "object-zero-items": lambda c: n.object_npy(evil(c), "(0,)"),
    "object-keys-in-another-order": lambda c: _header("{'shape': (1,), 'fortran_order': True, 'descr': 'O'}", evil(c)),
    "object-double-quotes": lambda c: _header('{"descr": "|O", "fortran_order": False, "shape": (1,)}', evil(c)),
    "object-escaped": lambda c: _header(r"{'d\x65scr': '\x4f', 'fortran_order': False, 'shape': (1,)}", evil(c)),
    "object-comment": lambda c: _header("{'descr': # '<f4',\n 'O', 'fortran_order': False, 'shape': (1,)}", evil(c)),
    "object-key-twice": lambda c: _header(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'descr': '|O'}", evil(c)
    ),
    "object-joined-text": lambda c: _header("{'des' 'cr': '|' 'O', 'fortran_order': False, 'shape': (1,)}", evil(c)),
    "plain-pickle": lambda c: evil(c),
    "plain-pickle-protocol-2": lambda c: evil(c, 2),
}

#: headers that lie or cost; nothing runs
HEADERS: dict[str, bytes] = {
    "trailing-pickle": n.npy(bytes(8) + evil()),
    "trailing-zeros": n.npy(bytes(8000)),
    "data-cut": n.npy(bytes(3)),
    "shape-huge": n.npy(header=n.header_text(shape="(99999999999, 99999999999)")),
    "shape-negative": n.npy(header=n.header_text(shape="(-2,)")),
    "shape-not-a-tuple": n.npy(header=n.header_text(shape="'x'")),
    "shape-boolean": n.npy(header=n.header_text(shape="(True,)")),
    "length-past-the-end": n.npy(length=60_000),
    "length-zero": n.npy(length=0),
    "length-4-gigabytes": n.npy(version=(2, 0), length=2**32 - 1),
    "version-9": n.npy(version=(9, 9)),
    "deep-brackets": n.npy(header="(" * 30_000),
    "deep-minus": n.npy(header=n.header_text(shape="(" + "-" * 20_000 + "1,)")),
    "huge-number": n.npy(header=n.header_text(shape="(" + "9" * 20_000 + ",)")),
    "a-call": n.npy(header="{'descr': __import__('os').system('true'), 'fortran_order': False, 'shape': (2,)}"),
    "dtype-unknown": n.npy(header=n.header_text("'<q99'")),
    "dtype-nested": n.npy(header=n.header_text("[" * 500 + "]" * 500)),
    "key-missing": n.npy(header="{'descr': '<f4', 'shape': (2,)}"),
    "key-too-many": n.npy(header="{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}"),
    "magic-only": n.MAGIC,
    "not-latin": n.npy(header=b"\xff\xfe{}"),
}

#: .npz by np.load, all members read
NPZ: dict[str, Build] = {
    "object": lambda c: n.npz(("a.npy", n.npy()), ("b.npy", n.object_npy(_objects(c)))),
    "object-deflated": lambda c: n.npz(("a.npy", n.object_npy(evil(c))), method=z.DEFLATED),
    "object-bzip2": lambda c: n.npz(("a.npy", n.object_npy(evil(c))), method=z.BZIP2),
    "object-lzma": lambda c: n.npz(("a.npy", n.object_npy(evil(c))), method=z.LZMA),
    "object-without-extension": lambda c: n.npz(("a", n.object_npy(evil(c)))),
    "object-twice": lambda c: n.npz(("a.npy", n.object_npy(evil(c))), ("a.npy", n.object_npy(evil(c)))),
    "object-behind-prefix": lambda c: z.zip_file(Entry("a.npy", n.object_npy(evil(c))), comment=b"x" * 1000),
}


def _behind_odd_type(command: str, descr: str) -> bytes:
    """To numpy the first array is as long as what stands before the second, to others not."""
    evil_array = n.object_npy(evil(command, 2))
    if "V0" in descr:
        cover = n.npy(b"", n.header_text("'|u1'", shape=f"({len(evil_array)},)"))
        return n.npy(cover, n.header_text(descr.replace("N", str(len(cover))), shape="(1,)")) + evil_array
    cover = (b"\x80\x02" + b"N0" * 4 + b"N")[:11] + b"B" + struct.pack("<I", len(evil_array))
    return n.npy(cover, n.header_text(descr, shape="(1,)")) + evil_array + b"\x86."


def _defaulted(build: Build) -> Callable[..., bytes]:
    return lambda c=CANARY: build(c)


def _sample(name: str, row: str, ext: str, build: Callable[..., bytes], loader: str = "", needs: str = "") -> Sample:
    expects = "flagged" if loader else "not-clear"
    return Sample(name, "numpy", row, f"{name}.{ext}", build, bool(loader), loader, expects, needs=needs)


def _compressed(codec: str) -> Callable[..., bytes]:
    return lambda c=CANARY: j.compress(j.stream(j.array(), system(c)), codec)


def _pandas() -> list[Sample]:
    """`pandas.read_pickle` picks the decompressor by the file's name."""
    forms: dict[str, Callable[[bytes], bytes]] = {
        "pkl": lambda data: data,
        "gz": lambda data: gzip.compress(data, mtime=0),
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "zip": lambda data: z.zip_file(Entry("frame", data)),
    }
    return [
        _sample(f"pandas-{ext}", "P20", ext, lambda c=CANARY, form=form: form(evil(c)), "pandas.read_pickle", "pandas")
        for ext, form in forms.items()
    ]


def _samples() -> list[Sample]:
    made = [
        _sample(f"joblib-{name}", row, "joblib", _defaulted(build), "joblib.load", "joblib")
        for name, (row, build) in JOBLIB.items()
    ]
    made += [
        _sample(f"joblib-{name}", "C12", "pkl", _defaulted(build), "pickle.load", "joblib")
        for name, build in PLAIN.items()
    ]
    made += [
        _sample(f"joblib-{codec}", "C12", "joblib", _compressed(codec), "joblib.load", "joblib") for codec in j.CODECS
    ]
    made += [
        # raw bytes become pointers to objects: joblib 1.6 with NumPy 2.4 dies of it
        _sample(
            "joblib-dtype-objects-without-flags", "C12", "joblib",
            lambda c=CANARY: j.stream(j.array(of=j.dtype("O8", "|", 0))),
        ),
        # its reader knows no arrays between opcodes
        _sample(
            "joblib-zfile", "C12", "joblib", lambda c=CANARY: j.compress(evil(c, 2), "zfile"), "joblib.load", "joblib"
        ),
        _sample("joblib-zfile-array", "C12", "joblib", _compressed("zfile")),
        _sample("joblib-two-codecs", "C12", "joblib", lambda c=CANARY: j.compress(_compressed("gzip")(c), "xz")),
        _sample("joblib-cut-raw", "C14", "joblib", lambda c=CANARY: j.stream(j.array())[:-9]),
        _sample("joblib-gzip-cut", "C14", "joblib", lambda c=CANARY: _compressed("gzip")(c)[:-12]),
        _sample("joblib-gzip-tail", "C12", "joblib", lambda c=CANARY: _compressed("gzip")(c) + evil(c)),
        _sample(
            "joblib-huge-shape", "C12", "joblib",
            lambda c=CANARY: j.stream(j.array(shape=(2**40, 2**40)), system(c)),
        ),
        _sample("joblib-negative-shape", "C12", "joblib", lambda c=CANARY: j.stream(j.array(shape=(-5,)), system(c))),
        _sample(
            "joblib-shape-unknown", "C12", "joblib",
            lambda c=CANARY: j.stream(j.array(shape=p.call(p.global_("builtins", "range"), 2)), system(c)),
        ),
    ]  # fmt: skip
    made += [
        _sample(f"npy-{name}", "C13", "npy", _defaulted(build), "numpy.load", "numpy") for name, build in NPY.items()
    ]
    made += [_sample(f"npy-{name}", "C13", "npy", lambda c=CANARY, f=f: f) for name, f in HEADERS.items()]
    made += [
        _sample(
            f"npy-{name}", "C13", "npy", lambda c=CANARY, d=descr: _behind_odd_type(c, d), "numpy.load(again)", "numpy"
        )
        for name, descr in (("void-repeated", "('|V0', N)"), ("padding-of-objects", "[('', ('|O', 2))]"))
    ]
    made += [
        _sample(f"npz-{name}", "C13", "npz", _defaulted(build), "numpy.load(npz)", "numpy")
        for name, build in NPZ.items()
    ]
    made.append(_sample("npz-pickle-member", "C13", "npz", lambda c=CANARY: n.npz(("a.npy", n.npy()), ("b", evil(c)))))
    return [*made, *_pandas()]


SAMPLES = tuple(_samples())
