"""A scikit-learn model as skops saves it: a zip with a tree of nodes in ``schema.json``, and arrays beside it.

What a newcomer would get wrong: it is sold as the secure format, and it is a program all the same: each node names a
class or function to import, and how to make an object with it. `skops_schema` reads the tree; this only opens the zip.
"""

from collections.abc import Iterator

from modelairlock.encodings.zip import Entry, Role, looks_like_zip, member_names, read_archive
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact

SCHEMA = "schema.json"


def _claims(probe: Probe) -> bool:
    if not looks_like_zip(probe):
        return False
    names = member_names(probe).names
    return SCHEMA in names and (probe.extension == ".skops" or all(map(_ours, names)))


def _ours(name: str) -> bool:
    return name == SCHEMA or name.endswith((".npy", ".npz", ".bin"))


def _role(entry: Entry) -> Role:
    # What a BytesNode names is handed over as bytes, and nothing looks into it.
    return "raw" if entry.name.endswith(".bin") else ""


def _read(cursor: Cursor) -> Iterator[Fact | Gap]:
    yield from read_archive(cursor, _role)


FORMAT = Format(
    name="skops",
    summary="scikit-learn models as skops saves them: a zip with schema.json and arrays.",
    claims=_claims,
    read=_read,
    extensions=(".skops",),
    loaders=(
        "skops.io.load(file, trusted=[...]) (skops 0.12 and later hold the audit; before, see CVE-2025-54412, -54413)",
        "skops.card.Card, hub_utils: before 0.13 they fall back to joblib.load on what is no zip (CVE-2025-54886)",
    ),
    passes_over="Byte strings that a model holds (`.bin` members), unless they claim to be something.",
    blind_spots=("What an object does when it is used after loading, for example by predict().",),
    builds_on=("zip",),
    references=(
        "skops/io/_audit.py, skops/io/_general.py (skops 0.14)",
        "CVE-2025-54412, CVE-2025-54413, CVE-2025-54886",
    ),
)
