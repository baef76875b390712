"""Keras 3 archives (``.keras``): a zip with ``config.json``, ``metadata.json``, the weights and perhaps assets.

What a newcomer would get wrong: only `config.json` decides what happens, and it decides everything; the weights are
plain numbers *if* they are HDF5 without links. ``model.weights.npz`` was opened with ``allow_pickle=True`` before 3.9,
so its arrays are read as members, and so is every file under ``assets/``.
"""

from collections.abc import Iterator

from modelairlock.encodings.zip import Entry, Names, looks_like_zip, member_names, read_archive
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact, Role

CONFIG = "config.json"
_BESIDE = frozenset({"metadata.json", "model.weights.h5", "model.weights.npz", "model.weights.json"})


def claims(probe: Probe) -> bool:
    """A zip with the configuration, and with what Keras writes beside it or the name ``.keras``."""
    if not looks_like_zip(probe):
        return False
    return _is_keras(member_names(probe), probe.extension)


def _is_keras(names: Names, extension: str) -> bool:
    if CONFIG not in names.names:
        return names.cut and extension == ".keras"
    return extension == ".keras" or not _BESIDE.isdisjoint(names.names)


def _role(entry: Entry) -> Role:
    """`zipfile` finds the configuration by this exact name, whatever stands in it."""
    return "keras-config" if entry.name == CONFIG else ""


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The archive; every member is read for what it is."""
    yield from read_archive(cursor, _role)


FORMAT = Format(
    name="keras",
    summary="Keras archive as model.save writes it since 2.13: a zip with a configuration and weights",
    claims=claims,
    read=read,
    extensions=(".keras",),
    loaders=(
        "keras.saving.load_model (2.12–2.15, 3.0–3.15.1): imports, builds and calls what config.json names;"
        " foreign modules before 3.9.0, functions of Keras itself before 3.11.0",
        "tf_keras.models.load_model: the same, without most of the later checks",
    ),
    passes_over="what the readers of the weights pass over",
    blind_spots=(
        "weights that were trained to misbehave",
        "custom layers, losses and functions: their code is not in the archive",
        "assets are read by what they hold; which layer opens them is not known",
    ),
    builds_on=("zip", "npz"),
    references=(
        "keras/src/saving/saving_lib.py (3.15.1)",
        "CVE-2025-1550, CVE-2025-8747, CVE-2025-9906, CVE-2025-12058, CVE-2025-49655, CVE-2026-1462, CVE-2026-1669",
    ),
)
