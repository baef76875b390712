"""Files that h5py itself writes, of every version and kind of storage, and what h5py says is in them.

Only for tests that have h5py (`frameworks`); the files are made anew each time.
"""

import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

VERSIONS: dict[str, Any] = {
    "earliest": "earliest",
    "v108": ("earliest", "v108"),
    "v110": ("v110", "v110"),
    "v112": ("v112", "v112"),
    "latest": "latest",
}


def names_in(h5py: Any, file: Any) -> set[tuple[str, str]]:
    """Every object and attribute as h5py finds them; objects with several names once, whatever the name."""
    found = set()

    def note(name: str, thing: Any) -> None:
        kind = {h5py.Group: "group", h5py.Dataset: "dataset", h5py.Datatype: "datatype"}[type(thing)]
        path = "/" + name.lstrip("/")
        found.add((kind, path))
        for attribute in thing.attrs:
            found.add(("attribute", f"{path}@{attribute}"))

    note("/", file["/"])
    file.visititems(note)
    return found


def simple(h5py: Any, file: Any) -> None:
    file["a"] = [1.0, 2.0, 3.0]
    file["b/c"] = [[1, 2], [3, 4]]
    file["b"].attrs["name"] = "text"
    file.attrs["numbers"] = [1, 2, 3]
    file.create_group("empty")


def many_links(h5py: Any, file: Any) -> None:
    group = file.create_group("many")
    for number in range(120):
        group[f"dataset {number:04}"] = number


def many_groups(h5py: Any, file: Any) -> None:
    for number in range(40):
        file.create_group(f"layer_{number}/inner/{'x' * number}").attrs["n"] = number


def ordered(h5py: Any, file: Any) -> None:
    group = file.create_group("ordered", track_order=True)
    for number in range(50):
        group.create_group(f"g{99 - number}")
    small = file.create_group("small", track_order=True)
    small["z"] = 1
    small["a"] = 2


def many_attributes(h5py: Any, file: Any) -> None:
    group = file.create_group("attributed", track_order=True)
    for number in range(60):
        group.attrs[f"attribute {number}"] = "v" * (number % 40)
    dataset = file.create_dataset("d", data=[1, 2], track_order=True)
    for number in range(12):
        dataset.attrs[f"a{number}"] = number


def large_attribute(h5py: Any, file: Any) -> None:
    import numpy

    group = file.create_group("large")
    try:
        group.attrs["fixed"] = numpy.bytes_(b"x" * 70_000)
        group.attrs["middle"] = numpy.bytes_(b"y" * 10_000)
    except (OSError, RuntimeError):  # an old header has no room for it
        group.attrs["fixed"] = numpy.bytes_(b"x" * 7000)
    group.attrs["text"] = "z" * 200_000


def chunked(h5py: Any, file: Any) -> None:
    import numpy

    data = numpy.arange(1200, dtype="f4").reshape(60, 20)
    file.create_dataset("gzip", data=data, chunks=(10, 10), compression="gzip", shuffle=True, fletcher32=True)
    file.create_dataset("plain", data=data, chunks=(10, 10))
    file.create_dataset("single", data=data, chunks=data.shape)
    file.create_dataset("single gzip", data=data, chunks=data.shape, compression="gzip")
    file.create_dataset("one way", data=data, chunks=(7, 20), maxshape=(None, 20))
    file.create_dataset("one way gzip", data=data, chunks=(3, 20), maxshape=(None, 20), compression="gzip")
    file.create_dataset("both ways", data=data, chunks=(10, 10), maxshape=(None, None))
    file.create_dataset("both ways gzip", data=data, chunks=(10, 10), maxshape=(None, None), compression="lzf")
    file.create_dataset("empty", shape=(0, 5), maxshape=(None, 5), dtype="i8")
    file.create_dataset("never written", shape=(50, 50), chunks=(10, 10), dtype="i8")
    partly = file.create_dataset("partly", shape=(5000, 50), chunks=(1, 50), maxshape=(None, 50), dtype="u2")
    partly[4000] = 1


def long_arrays(h5py: Any, file: Any) -> None:
    """Arrays of chunks that are cut into pages."""
    import numpy

    file.create_dataset("fixed", data=numpy.arange(4000, dtype="u2"), chunks=(1,))
    file.create_dataset("extensible", data=numpy.arange(9000, dtype="u2"), chunks=(1,), maxshape=(None,))
    file.create_dataset("filtered", data=numpy.arange(3000, dtype="u2"), chunks=(1,), maxshape=(None,), shuffle=True)
    sparse = file.create_dataset("sparse", shape=(9000,), dtype="u2", chunks=(1,))
    sparse[5000] = 1


def implicit(h5py: Any, file: Any) -> None:
    space = h5py.h5s.create_simple((20, 20))
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((7, 7))
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    h5py.h5d.create(file.id, b"implicit", h5py.h5t.NATIVE_INT32, space, properties)


def kinds(h5py: Any, file: Any) -> None:
    import numpy

    file["compound"] = numpy.zeros(3, dtype=[("x", "f4"), ("y", "S5"), ("z", "i2", (2, 2)), ("w", [("q", "u1")])])
    file.create_dataset("text", data=["a", "bc", ""], dtype=h5py.string_dtype())
    file.create_dataset("rows", data=numpy.array([numpy.arange(3), numpy.arange(5)], dtype=object),
                        dtype=h5py.vlen_dtype("i4"))  # fmt: skip
    nested = numpy.dtype([("name", h5py.string_dtype()), ("number", "i4")])
    file.create_dataset("named", data=numpy.array([("a", 1), ("bb", 2)], dtype=nested))
    file["bool"] = True
    file["enum"] = numpy.array([0, 1], dtype=h5py.enum_dtype({"off": 0, "on": 1}, basetype="i1"))
    file["opaque"] = numpy.void(b"\x00\x01opaque")
    file["bytes"] = numpy.frombuffer(b"some bytes that are no text \x00\x01\x02", dtype="u1")
    file["complex"] = numpy.zeros(2, dtype="c8")
    file["date"] = numpy.array([0, 1], dtype="i8")
    file["scalar"] = 1.5
    file["nothing"] = h5py.Empty("f4")
    file["fixed text"] = numpy.array([b"abc", b"de"], dtype="S5")
    file["half"] = numpy.zeros(3, dtype="f2")
    file["type"] = numpy.dtype("f8")
    file["type"].attrs["why"] = "shared"
    file.create_dataset("of type", shape=(3,), dtype=file["type"])
    file["of type"].attrs.create("typed", [1.0], dtype=file["type"])
    file["references"] = numpy.array([file["type"].ref, file["bool"].ref], dtype=h5py.ref_dtype)
    file["region"] = numpy.array([file["half"].regionref[0:2]], dtype=h5py.regionref_dtype)
    file.attrs["texts"] = ["x", "yy"]
    file.attrs["fixed texts"] = numpy.array([b"abc", b"de"])
    file.attrs["empty"] = h5py.Empty("S4")
    file.attrs["reference"] = file["bool"].ref


def links(h5py: Any, file: Any) -> None:
    file["real"] = [1, 2]
    file["soft"] = h5py.SoftLink("/nowhere")
    file["external"] = h5py.ExternalLink("other.h5", "/there")
    group = file.create_group("group")
    group["soft too"] = h5py.SoftLink("../real")
    for number in range(12):
        group[f"external {number}"] = h5py.ExternalLink(f"{number}.h5", "/x")


def elsewhere(h5py: Any, file: Any) -> None:
    file.create_dataset("external", shape=(10,), dtype="i4", external=[("raw.bin", 0, 20), ("/etc/passwd", 0, 20)])
    layout = h5py.VirtualLayout(shape=(4, 10), dtype="i4")
    for number in range(3):
        layout[number] = h5py.VirtualSource(f"part{number}.h5", "data", shape=(10,))
    layout[3] = h5py.VirtualSource(".", "/here", shape=(10,))
    file["here"] = list(range(10))
    file.create_virtual_dataset("virtual", layout)
    other = h5py.VirtualLayout(shape=(4, 10), dtype="i4")
    other[0:4:2, 1:9:3] = h5py.VirtualSource("strided.h5", "data", shape=(2, 3))
    file.create_virtual_dataset("strided", other)


def deleted(h5py: Any, file: Any) -> None:
    for number in range(30):
        file[f"d{number}"] = list(range(100))
        file.attrs[f"a{number}"] = "x" * 100
    for number in range(0, 30, 2):
        del file[f"d{number}"]
        del file.attrs[f"a{number}"]


def keras_like(h5py: Any, file: Any) -> None:
    file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": []}}).encode()
    file.attrs["keras_version"] = b"2.15.0"
    weights = file.create_group("model_weights")
    weights.attrs["layer_names"] = [b"dense"]
    weights["dense/dense/kernel:0"] = [[1.0, 2.0]]
    weights["dense"].attrs["weight_names"] = [b"dense/kernel:0"]


MAKERS: tuple[Callable[[Any, Any], None], ...] = (
    simple, many_links, many_groups, ordered, many_attributes, large_attribute, chunked, long_arrays, implicit, kinds,
    links, elsewhere, deleted, keras_like,
)  # fmt: skip


def ways() -> Iterator[tuple[str, dict[str, Any]]]:
    """How files are opened for writing."""
    for name, version in VERSIONS.items():
        yield name, {"libver": version}
    yield "userblock", {"userblock_size": 512}
    yield "userblock latest", {"userblock_size": 2048, "libver": "latest"}
    yield "order", {"track_order": True}
    yield "pages", {"fs_strategy": "page", "fs_persist": True, "fs_page_size": 512}
    yield "persist", {"fs_strategy": "fsm", "fs_persist": True}


#: what is kept in tests/data/hdf5, for tests without h5py
KEPT = (
    ("simple", "earliest"), ("kinds", "earliest"), ("kinds", "latest"), ("chunked", "earliest"), ("chunked", "latest"),
    ("ordered", "v110"), ("many_links", "latest"), ("many_attributes", "latest"), ("elsewhere", "latest"),
    ("links", "v112"), ("deleted", "earliest"), ("deleted", "pages"), ("keras_like", "userblock"),
    ("simple", "persist"), ("implicit", "latest"),
)  # fmt: skip


def keep(h5py: Any, folder: Path, archive: Path) -> None:
    """Make the files of `KEPT` anew: ``python -m tests.build.hdf5_oracle`` where h5py is."""
    by_name = {maker.__name__: maker for maker in MAKERS}
    opened = dict(ways())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as kept:
        for name, way in KEPT:
            path = made(h5py, folder, by_name[name], opened[way])
            with h5py.File(path, "r") as file:
                names = sorted(names_in(h5py, file))
            kept.write(path, f"{name}-{way}.h5")
            kept.writestr(f"{name}-{way}.json", json.dumps(names))


def made(h5py: Any, folder: Path, maker: Callable[[Any, Any], None], way: dict[str, Any]) -> Path:
    """The file, as h5py left it."""
    path = folder / "made.h5"
    with h5py.File(path, "w", **way) as file:
        maker(h5py, file)
    return path


if __name__ == "__main__":
    import h5py

    data = Path(__file__).resolve().parent.parent / "data" / "hdf5"
    with tempfile.TemporaryDirectory() as folder:
        keep(h5py, Path(folder), data / "h5py.zip")
