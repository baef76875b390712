"""JSON: settings of models and tokenizers, indexes, vocabularies.

What a newcomer would get wrong: JSON runs nothing, and yet some keys of it make a loader import a module, fetch code or
render a template. Those of the Hugging Face family become facts (`encodings.loader_settings`), which rules judge.
`STEERING` is the closed list of the others we know; each one found is a gap that names it, until a rule judges it. Both
explain, they do not prove: JSON for a loader that nobody here has looked at may steer that loader by keys of its own.
A chat template in it is a member. Keys are compared after their escapes are undone, and both of two equal keys are
looked at.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from modelairlock.encodings.loader_settings import ARRAY, OBJECT, PREFIXES, Pair, matters, stated
from modelairlock.encodings.plain_text import JSON_EXTENSIONS, TEXT_BEGINS, TextKind, base_name, text_kind
from modelairlock.encodings.secret_shapes import Secrets
from modelairlock.encodings.strict_json import Kind, Pairs, Piece, pairs, place, strings_under, text, walk
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Irregularity, Member, Reference
from modelairlock.records.paths import leaves_folder, leaves_machine
from modelairlock.records.span import Span

#: steering keys and repeated keys that are told one by one
_TOLD = 20
#: facts about keys, and files named in an index
FACTS = 5_000
SHARDS = 10_000
_BOM = b"\xef\xbb\xbf"


def _never(_: Any) -> bool:
    return False


def _one_of(*values: Any) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str | bool | None) and value in values


def _is_inside(value: Any) -> bool:
    """Whether an ONNX tensor has its numbers itself. protobuf takes the name, and whatever ``int()`` makes one of."""
    if not isinstance(value, str | int | float):
        return True
    try:
        return value != "EXTERNAL" and int(value) != 1
    except (ValueError, OverflowError):
        return True


def _no_dotted_name(value: Any) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"\w+(?:[.:]\w+)+", value) is None


class Steering(NamedTuple):
    """What a key does, and which values of it do nothing."""

    does: str
    harmless: Callable[[Any], bool] = _never


STEERING = {
    "_target_": Steering("names a callable that hydra calls"),
    "__class__": Steering("names a class that skops or another loader imports"),
    "__module__": Steering("names a module that skops or another loader imports"),
    "__loader__": Steering("names how skops builds an object"),
    "__reduce__": Steering("names a callable to call"),
    ":serialized:": Steering("is a pickle in base64 (stable-baselines3)"),
    ":type:": Steering("stands beside a pickle in base64 (stable-baselines3)"),
    "loader_module": Steering("names a module that mlflow imports"),
    "registered_name": Steering("names a class that Keras looks up"),
    "target": Steering("may name a callable that torch.export or instantiate_from_config imports", _no_dotted_name),
    "graph_module": Steering("is a program of torch.export, which nothing reads yet"),
    "modelTopology": Steering("is a TensorFlow.js model, which nothing reads yet"),
    "custom_ops_library": Steering("names a native library that onnxruntime-genai loads", _one_of(None, "")),
    "backend_path": Steering("names a native library that onnxruntime-genai loads", _one_of(None, "")),
    "_component_": Steering("names a callable that torchtune calls"),
    "class_path": Steering("names a class that jsonargparse makes", _no_dotted_name),
    "external_plugins": Steering("names Python code that ms-swift runs", _one_of(None, "")),
    "custom_register_path": Steering("names Python code that ms-swift runs", _one_of(None, "")),
    "allow_remote": Steering("tells ModelScope to run code of the repository", _one_of(False, None)),
    "tool_chat_template": Steering("is a template that nothing reads yet", _one_of(None)),
    "opsetImport": Steering("is an ONNX model, which nothing reads yet as JSON"),
    "opset_import": Steering("is an ONNX model, which nothing reads yet as JSON"),
    "dataLocation": Steering("says that an ONNX tensor lies in a file that it names", _is_inside),
    "data_location": Steering("says that an ONNX tensor lies in a file that it names", _is_inside),
    "arg_nodes": Steering("is an MXNet graph, which nothing reads yet"),
    "oblivious_trees": Steering("is a CatBoost model, which nothing reads yet"),
}
"""Keys that steer a loader at any depth. Beside them: `_PREFIXES`, Keras objects, weight maps, and `_by_file`."""

# Of manifests only for those that `oci_manifest` does not claim: of more than 64 KiB, or inside other JSON.
_DIGEST = Steering(
    "may name a blob that Ollama opens by it as a path (CVE-2024-37032)",
    lambda value: not isinstance(value, str) or not re.search(r"[/\\]|\.\.", value),
)
_LAYER = Steering(
    "names a file outside of its folder, to which a layer is written",
    lambda value: not isinstance(value, str) or not leaves_folder(value),
)
_LAYERS = ("org.opencontainers.image.title", "org.cncf.model.filepath", "org.cnai.model.filepath")
_PREFIXES = {
    "py/": Steering("makes jsonpickle build an object"),
}
_PREFIX = tuple(_PREFIXES)
_KERAS = {"class_name", "config", "module"}
#: what stands under ``type`` beside ``"lc": 1``; langchain makes the first and takes the second from the environment
_LANGCHAIN = ("constructor", "secret")
_OF_LANGCHAIN = Steering("belongs to an object that langchain's load makes, or a secret that it hands over")
#: what `RagRetriever` of transformers opens or fetches, beside ``index_name``, and values that say nothing new
_RETRIEVED = {"index_path": (None, ""), "passages_path": (None, ""), "dataset": (None, "", "wiki_dpr")}
_OF_RAG = Steering("is among what tells transformers' RagRetriever which data to fetch or open")
#: keys whose strings are templates, at any depth below them: one, a list of named ones, or one under each name
_TEMPLATES = {"chat_template", "default_chat_template", "tokenizer.chat_template"}
_EXACT = {*STEERING, *_LAYERS, *_KERAS, *_RETRIEVED, "index_name", *_TEMPLATES, "learner"}


def claims(probe: Probe) -> bool:
    """Text named ``.json`` or ``.jsonl``, or of no known name that begins like an object or a list."""
    return text_kind(probe) is TextKind.JSON


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Every piece of it, for the keys that steer loaders."""
    start = len(_BOM) if cursor.read(0, min(cursor.size, len(_BOM))) == _BOM else 0
    lines = base_name(cursor.name).endswith(".jsonl")
    walker = _Walker(base_name(cursor.name))
    yield from walker.all(walk(cursor, start, cursor.size, constants=True, many=lines))
    yield from walker.shards_named()


class _Open:
    """An object that is open: its own key, and those of its keys that matter together."""

    __slots__ = ("key", "seen")

    def __init__(self, key: str) -> None:
        self.key = key
        self.seen: set[str] = set()


class _Walker:
    """Where we are: the objects and lists that are open, and the key whose value comes next."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.open: list[_Open] = []
        self.key = ""
        self.at = Span(0, 0)
        self.told: dict[str, int] = {}
        #: whether a template stands somewhere among the members of a piece, and how many there were
        self.hit = False
        self.templates = 0
        self.stated = 0
        self.secrets = Secrets()
        #: files that an index names, where it does so first, and how often
        self.shards: dict[str, tuple[Span, int]] = {}

    def all(self, pieces: Iterator[Piece]) -> Iterator[Fact | Gap]:
        """What the whole document says to loaders."""
        for piece in pieces:
            yield from self.secrets.find(piece.raw, piece.position)
            if piece.kind is Kind.KEY:
                self.key = text(piece.raw)
                self.at = Span(piece.position, piece.position + len(piece.raw))
            elif piece.kind is Kind.REPEATED:
                yield from self._repeated(text(piece.raw), Span(piece.position, piece.position + len(piece.raw)))
            elif piece.kind in (Kind.CLOSE_OBJECT, Kind.CLOSE_ARRAY):
                self.open.pop()
                self.key = ""
            else:
                inside = self.key in _TEMPLATES or any(one.key in _TEMPLATES for one in self.open)
                yield from self._value(piece)
                if inside or self.hit:
                    yield from self._held(piece, inside)
                self.key, self.hit = "", False

    def _held(self, piece: Piece, inside: bool) -> Iterator[Member]:
        """The templates in the piece, each to be read for itself. An empty one says nothing."""
        for span in strings_under(piece, _TEMPLATES.__contains__, within=inside):
            if span.end - span.start > 2:
                name = f"chat_template[{self.templates}]" if self.templates else "chat_template"
                self.templates += 1
                yield Member(span=span, name=name, method="json-string", role="template")

    def _value(self, piece: Piece) -> Iterator[Fact | Gap]:
        within = self.open[-1] if self.open else _Open("")
        if piece.kind is Kind.MEMBERS:
            yield from self._members(within, piece)
            return
        if self.key:
            yield from self._pair(within, self.key, self.at, _decoded(piece))
        if piece.kind in (Kind.OPEN_OBJECT, Kind.OPEN_ARRAY):
            self.open.append(_Open(self.key))
        elif piece.kind is Kind.FLAT:
            self.open.append(_Open(self.key))
            yield from self._members(self.open[-1], piece)
            self.open.pop()

    def _members(self, within: _Open, piece: Piece) -> Iterator[Fact | Gap]:
        """Many members at once."""
        members = pairs(piece)
        if piece.kind is Kind.FLAT:
            yield from self._repeats(members, piece)
        yield from self._all(within, members, piece)

    def _all(self, within: _Open, members: Pairs, piece: Piece) -> Iterator[Fact | Gap]:
        interesting = self._interesting(within, members)
        for key, value in members:
            if interesting:
                yield from self._pair(within, key, piece, value)
            if isinstance(value, tuple):
                yield from self._repeats(value, piece)
                self.open.append(_Open(key))
                yield from self._all(self.open[-1], value, piece)
                self.open.pop()

    def _repeats(self, members: Pairs, piece: Piece) -> Iterator[Fact | Gap]:
        seen: set[str] = set()
        for key, _ in members if len(dict(members)) < len(members) else ():
            if key in seen:
                yield from self._repeated(key, Span(piece.position, piece.position + len(piece.raw)))
            seen.add(key)

    def _interesting(self, within: _Open, members: Pairs) -> bool:
        """A quick no for the many keys of a vocabulary."""
        if within.key == "weight_map" or self.name in _BY_FILE or within.key.startswith(PREFIXES):
            return True
        names = {key for key, _ in members}
        return (
            not names.isdisjoint(_EXACT)
            or any(key == "lc" or (key == "type" and value in _LANGCHAIN) for key, value in members)
            or any(len(name) == 6 and name.casefold() == "digest" for name in names)
            or any(name.startswith(_PREFIX) for name in names)
            or matters(self.name, within.key, names)
        )

    def _pair(self, within: _Open, key: str, at: Span | Piece, value: Any) -> Iterator[Fact | Gap]:
        self.hit = self.hit or key in _TEMPLATES
        for steering in self._steering(within, key, value):
            if not steering.harmless(value):
                yield from self._steers(key, at, steering.does)
        if matters(self.name, within.key, (key,)) or within.key.startswith(PREFIXES):
            path = [one.key for one in self.open if one.key]
            pair = Pair(self.name, path, key, value, lambda: at if isinstance(at, Span) else place(at, key))
            yield from self._facts(pair)
        if within.key == "weight_map":
            yield from self._shard(key, at, value)

    def _facts(self, pair: Pair) -> Iterator[Fact | Gap]:
        for fact in stated(pair):
            self.stated += 1
            if self.stated <= FACTS:
                yield fact
            elif self.stated == FACTS + 1:
                detail = f"more than {FACTS} keys that tell loaders what to import or run"
                yield Gap(start=fact.span.start, end=fact.span.end, because=Because.OVER_LIMIT, detail=detail)

    def _shard(self, key: str, at: Span | Piece, value: Any) -> Iterator[Fact | Gap]:
        """One tensor of an index, and the file that it is in."""
        if not isinstance(value, str):
            yield from self._steers("weight_map", at, "names something that is no file", key)
            return
        if value in self.shards:
            span, count = self.shards[value]
            self.shards[value] = (span, count + 1)
            return
        span = at if isinstance(at, Span) else place(at, key)
        if len(self.shards) < SHARDS:
            self.shards[value] = (span, 1)
        elif len(self.shards) == SHARDS:
            self.shards[""] = (span, 1)
            detail = f"an index of more than {SHARDS} files"
            yield Gap(start=span.start, end=span.end, because=Because.OVER_LIMIT, detail=detail)
        if leaves_folder(value) or leaves_machine(value):
            detail = f"weight_map sends {key[:80]!a} to {value[:80]!a}"
            yield Irregularity(span=span, kind="index-leaves-folder", detail=detail)

    def shards_named(self) -> Iterator[Fact]:
        """Every file that the index of a sharded model names, once."""
        for name, (span, count) in self.shards.items():
            if name:
                yield Reference(span=span, kind="shard", target=name[:400], where="weight_map", count=count)

    def _steering(self, within: _Open, key: str, value: Any) -> Iterator[Steering]:
        if key in STEERING:
            yield STEERING[key]
        if len(key) == 6 and key.casefold() == "digest":
            yield _DIGEST
        if key in _LAYERS:
            yield _LAYER
        for prefix, steering in _PREFIXES.items():
            if key.startswith(prefix):
                yield steering
        if key == "learner" and len(self.open) <= 1:
            yield Steering("is an xgboost model, which nothing reads yet")
        yield from _together(within, key, value)
        by_file = _BY_FILE.get(self.name)
        if by_file is not None:
            yield from by_file(key, value)

    def _steers(self, key: str, at: Span | Piece, does: str, spelled: str = "") -> Iterator[Gap]:
        """A gap at the key, which is looked for only now: most keys of a large index have nothing to tell."""
        self.told[key] = self.told.get(key, 0) + 1
        if self.told[key] <= _TOLD:
            where = at if isinstance(at, Span) else place(at, spelled or key)
            detail = f"`{key}` {does}; no rule judges it yet"
            yield Gap(start=where.start, end=where.end, because=Because.UNSUPPORTED, detail=detail)

    def _repeated(self, key: str, at: Span) -> Iterator[Irregularity]:
        self.told["\n"] = self.told.get("\n", 0) + 1
        if self.told["\n"] <= _TOLD:
            yield Irregularity(span=at, kind="json-key-repeated", detail=f"{key[:80]!a} stands twice in one object")


def _together(within: _Open, key: str, value: Any) -> Iterator[Steering]:
    """What only keys of one object together say."""
    if key in _KERAS:
        within.seen.add(key)
        if "class_name" in within.seen and not within.seen.isdisjoint(_KERAS - {"class_name"}):
            yield Steering("with class_name describes an object that Keras builds")
    if (key == "lc" and value == 1) or (key == "type" and isinstance(value, str) and value in _LANGCHAIN):
        within.seen.add(key)
        if {"lc", "type"} <= within.seen:
            yield _OF_LANGCHAIN
    if key == "index_name" or (key in _RETRIEVED and isinstance(value, str) and value not in _RETRIEVED[key]):
        within.seen.add(key)
        if "index_name" in within.seen and not within.seen.isdisjoint(_RETRIEVED):
            yield _OF_RAG


def _decoded(piece: Piece) -> Any:
    """The value of a piece, as far as it is short."""
    if piece.kind is Kind.SCALAR and piece.raw.startswith(b'"'):
        return text(piece.raw)
    if piece.kind in (Kind.SCALAR, Kind.SCALARS):
        try:
            return json.loads(piece.raw)
        except ValueError:
            return OBJECT
    return ARRAY if piece.kind is Kind.OPEN_ARRAY else OBJECT


def _archive_manifest(key: str, _: Any) -> Iterator[Steering]:
    if key in ("handler", "serializedFile", "modelFile"):
        yield Steering("names a file that TorchServe runs")


_BY_FILE: dict[str, Callable[[str, Any], Iterator[Steering]]] = {
    "manifest.json": _archive_manifest,
}

FORMAT = Format(
    name="json_text",
    summary="JSON and JSON lines",
    claims=claims,
    begins=TEXT_BEGINS,
    read=read,
    extensions=JSON_EXTENSIONS,
    loaders=("transformers", "diffusers", "sentence-transformers", "peft", "tokenizers", "timm", "json.load"),
    blind_spots=(
        "keys that steer a loader nobody here has looked at",
        "a name or path of another model, which loaders fetch: that model is not part of this file",
        "the weights and words in it: a vocabulary or an adapter's settings can change what a model says",
        "ONNX models written as JSON, which onnx.load takes a `.json` for: nothing in them is judged as a model, nor"
        " where the files lie that they name (before 1.21 it opens some outside of the folder)",
    ),
    references=(
        "https://www.rfc-editor.org/rfc/rfc8259",
        "CVE-2025-68664 (langchain-core: objects with a key lc, secrets of the environment)",
        "CVE-2026-4372 (transformers), CVE-2026-5241 (transformers), CVE-2026-22807 (vllm), CVE-2026-44513 (diffusers)",
    ),
)
