"""HDF5 files that reach out, ask for too much, or hide a pickle where a program on top of HDF5 finds it."""

from collections.abc import Callable
from struct import pack

from tests.build import hdf5_builder as h
from tests.build.hdf5_builder import File, OldFile
from tests.build.sample import CANARY, Sample, evil


def attribute(command: str = CANARY, protocol: int = 4) -> bytes:
    """PyTables unpickles every text attribute that ends in a full stop when it is looked at."""
    file = File()
    return file.whole(file.folder(h.text_attribute("TITLE", evil(command, protocol))))


def old_attribute(command: str = CANARY) -> bytes:
    """The same in a file of the old kind, on a dataset."""
    old = OldFile()
    payload = evil(command, 0)
    body = (
        pack("<BBHHH", 1, 0, 8, 8, 8) + b"FLAVOR\0\0" + h.string(len(payload)) + bytes((1, 0, 0)) + bytes(5) + payload
    )
    return old.whole(old.group([("w", old.dataset(bytes(8), h.FLOAT, h.shape(2), (0x0C, body)))]))


def rows(command: str = CANARY, base: bytes = h.BYTE, marked: tuple[str, bytes] = ("PSEUDOATOM", b"object")) -> bytes:
    """A VLArray of ObjectAtom: each row is a pickle, of whatever its elements are."""
    file = File()
    size = int.from_bytes(base[4:8], "little")
    payload = evil(command)
    payload += b"." * (-len(payload) % size)
    kind = h.variable(base, text=False)
    reference = pack("<IQI", len(payload) // size, file.heap(payload), 1)
    dataset = file.dataset(reference, kind, h.shape(1), h.text_attribute(*marked))
    return file.whole(file.folder(h.link("rows", dataset)))


def swapped_rows(command: str = CANARY) -> bytes:
    """The same of numbers that the reader's machine has the other way round: it turns them, and a pickle comes out."""
    payload = evil(command)
    payload += b"." * (len(payload) % 2)
    turned = b"".join(payload[at : at + 2][::-1] for at in range(0, len(payload), 2))
    file = File()
    reference = pack("<IQI", len(turned) // 2, file.heap(turned), 1)
    marked = h.text_attribute("PSEUDOATOM", b"object")
    kind = h.variable(h.integer(2, big=True), text=False)
    return file.whole(file.folder(h.link("rows", file.dataset(reference, kind, h.shape(1), marked))))


def as_elements(command: str = CANARY) -> bytes:
    """A dataset of bytes that is a pickle: ``pickle.loads(file["model"][()].tobytes())``."""
    file = File()
    payload = evil(command)
    return file.whole(file.folder(h.link("model", file.dataset(payload, h.BYTE, h.shape(len(payload))))))


def unreferenced(command: str = CANARY) -> bytes:
    """A pickle between the blocks, where no object refers to it."""
    file = File()
    file.add(b"left over " * 5 + evil(command))
    return file.whole(file.folder(h.text_attribute("name", b"text")))


def user_block(command: str = CANARY) -> bytes:
    """A pickle before the file: whoever unpickles it gets there first."""
    return h.small(2, evil(command).ljust(512, b"\0"))


def behind(command: str = CANARY) -> bytes:
    """A pickle behind the end that the superblock states."""
    file = File()
    return file.whole(file.folder(h.text_attribute("name", b"text")), tail=evil(command))


def linked(command: str = CANARY) -> bytes:
    """CVE-2026-1669 and its kin: the weights are those of another file of the machine."""
    file = File()
    config = h.text_attribute("model_config", b'{"class_name": "Sequential", "config": {"layers": []}}')
    return file.whole(file.folder(config, h.external("model_weights", "/etc/keys.h5", "/model_weights")))


def bomb(command: str = CANARY) -> bytes:
    """CVE-2026-0897: four petabytes of weights in half a kilobyte."""
    file = File()
    kernel = file.dataset(None, h.FLOAT, h.shape(1 << 40, 1 << 10))
    return file.whole(file.folder(h.link("model_weights", file.folder(h.link("kernel:0", kernel)))))


def filtered(number: int) -> bytes:
    """A dataset whose chunk goes through a filter that libhdf5 loads."""
    file = File()
    chunk = file.add(bytes(8))
    layout = 8, bytes((4, 2, 2, 2, 1, 2, 4, 1)) + pack("<QIQ", 8, 0, chunk)
    one = file.header((1, h.shape(2)), (3, h.FLOAT), layout, h.filters(number))
    return file.whole(file.folder(h.link("kernel", one)))


def twice(command: str = CANARY) -> bytes:
    """Two configurations: which one is loaded is up to the reader."""
    file = File()
    return file.whole(
        file.folder(h.text_attribute("model_config", b"{}"), h.text_attribute("model_config", b'{"a":1}'))
    )


def cycle(command: str = CANARY) -> bytes:
    """A group that contains itself."""
    file = File()
    return file.whole(file.folder(h.link("again", len(file.data))))


def _sample(name: str, build: Callable[..., bytes], note: str, expects: str = "flagged") -> Sample:
    return Sample(f"hdf5-{name}", "hdf5", "3.3", "model.h5", build, expects=expects, note=note)


SAMPLES: tuple[Sample, ...] = (
    _sample("attribute", attribute, "PyTables unpickles it"),
    _sample("attribute-protocol-0", lambda c=CANARY: attribute(c, 0), "PyTables unpickles it"),
    _sample("attribute-old", old_attribute, "PyTables unpickles it"),
    _sample("rows", rows, "PyTables unpickles each row"),
    _sample("rows-of-numbers", lambda c=CANARY: rows(c, h.integer(2)), "PyTables unpickles each row"),
    _sample("rows-of-floats", lambda c=CANARY: rows(c, h.FLOAT), "PyTables unpickles each row"),
    _sample("rows-swapped", swapped_rows, "PyTables unpickles each row", "not-clear"),
    _sample("rows-old", lambda c=CANARY: rows(c, marked=("FLAVOR", b"Object")), "PyTables unpickles each row"),
    _sample("elements", as_elements, "bytes of a dataset that are a pickle"),
    _sample("unreferenced", unreferenced, "nothing in the file leads there"),
    _sample("user-block", user_block, "a pickle and an HDF5 file at once"),
    _sample("behind", behind, "behind the end of the file"),
    _sample("external-link", linked, "reads another file"),
    _sample("shape-bomb", bomb, "takes all memory"),
    _sample("filter-udf", lambda c=CANARY: filtered(31300), "runs what is in the chunk"),
    _sample("filter-unknown", lambda c=CANARY: filtered(400), "loads plug-ins"),
    _sample("two-configurations", twice, "readers differ"),
    _sample("cycle", cycle, "never ends"),
    _sample("cut", lambda c=CANARY: h.keras()[:-5], "not all of it", "not-clear"),
)
