"""Which loader of the jail opens a file, and what it needs to find beside it: by what the scan has read in it."""

from collections.abc import Iterator

from modelairlock.records.facts import Import, Reference, SourceUse
from modelairlock.records.reading import Reading
from modelairlock.records.scan import Subject

#: what a model of these names as its data, which its loader is to find
_BESIDE = frozenset(("external-data", "compiled-context"))
ONNX = "onnxruntime.InferenceSession"
FOLDERS = "transformers"
#: which loader of the jail opens a format
_BY_FORMAT = {
    "torch": "torch.load", "torch_legacy": "torch.load", "npy": "numpy.load", "npz": "numpy.load",
    "keras": "keras.load_model", "hdf5": "keras.load_model", "joblib_old": "joblib.load", "pickle": "pickle.load",
    "torchscript": "torch.load",
    "skops": "skops.io.load", "onnx": ONNX, "ort": ONNX,
}  # fmt: skip
_COMPRESSED = frozenset(("zlib", "gzip", "bz2", "xz", "lzma", "lz4"))
_JOBLIB_NAMES = (".joblib", ".jl")
#: what no format claims goes by its name; as JSON xgboost's models are called like all else, and the loader is named
_BY_NAME = {".ubj": "xgboost.Booster"}


def loaders_of(name: str, subject: Subject | None) -> tuple[str, ...]:
    """The loaders that open a file of this name, by what the scan found it to be: of a file that is two things, two."""
    if subject is None:
        return ()
    formats = frozenset(subject.formats)
    inside = {found for member in subject.members for found in member.formats}
    joblib = "pickle" in formats | inside and (name.endswith(_JOBLIB_NAMES) or _COMPRESSED & formats)
    found = [loader for one, loader in _BY_FORMAT.items() if one in formats and not (joblib and one == "pickle")]
    if not formats:
        found = [loader for end, loader in _BY_NAME.items() if name.lower().endswith(end)]
    return tuple(dict.fromkeys([*(["joblib.load"] if joblib else []), *found]))


class Needed:
    """The libraries that each file needs, by what was read in it: imported before it is there, they make no noise."""

    def __init__(self) -> None:
        self._libraries: dict[str, tuple[str, ...]] = {}
        self._files: dict[str, tuple[str, ...]] = {}

    def note(self, reading: Reading) -> None:
        """Keep the names of what a file and its members import."""
        found = dict.fromkeys(_imported(reading))
        if found:
            self._libraries[reading.path] = tuple(found)
        named = {fact.target for fact in reading.facts if isinstance(fact, Reference) and fact.kind in _BESIDE}
        if named:
            self._files[reading.path] = tuple(sorted(named))

    def of(self, path: str) -> tuple[str, ...]:
        """What the file at `path` needs."""
        return self._libraries.get(path, ())

    def files(self, path: str) -> tuple[str, ...]:
        """The files that the one at `path` names as its data, as they stand there."""
        return self._files.get(path, ())


def _imported(reading: Reading) -> Iterator[str]:
    for fact in reading.facts:
        if isinstance(fact, Import):
            yield fact.module.partition(".")[0]
        elif isinstance(fact, SourceUse) and fact.kind == "import":
            yield fact.name.partition(".")[0]
    for member in reading.members:
        yield from _imported(member)
