"""Manifests and indexes of OCI, Docker and Ollama: which blobs make a model, by digest, size and media type.

What a newcomer would get wrong: a digest is a name of a file to whoever stores the blob. Ollama before 0.1.34 joined it
to a folder as it stood, so that ``../../../etc/ld.so.preload`` wrote there. Titles are names of files as well, to tools
that unpack what they pull. And these tools are written in Go, whose JSON takes ``Layers`` or ``LAYERS`` for ``layers``,
passes over keys that it does not know, and lets two equal keys write into the same value. So each of them is looked
at, and what has keys of its own is read as JSON as well.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from modelairlock.encodings.plain_text import TextKind, base_name, text_kind
from modelairlock.reading import BLANKS, Cursor, Format, Malformed, Probe, first_bytes
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Irregularity, Member, Reference
from modelairlock.records.paths import leaves_folder
from modelairlock.records.regex import regex
from modelairlock.records.span import Span

_BYTES = 64 * 1024
_TOLD = 64
_LISTS = ("layers", "manifests")
_SINGLE = ("config", "subject")
_TOP = frozenset(("schemaversion", "mediatype", "artifacttype", "annotations", *_LISTS, *_SINGLE))
_DESCRIPTOR = frozenset(
    (
        "mediatype", "digest", "size", "urls", "annotations", "data", "platform", "artifacttype",
        "from", "name",  # Ollama's own
    )
)  # fmt: skip
_PLATFORM = frozenset(("architecture", "os", "os.version", "os.features", "variant", "features"))
_DIGEST = regex(r"sha256[:-][0-9a-f]{64}|sha512:[0-9a-f]{128}")
#: annotations that name the file which a layer becomes: those of OCI, and of the CNCF's ModelPack, old and new
_TITLES = frozenset(("org.opencontainers.image.title", "org.cncf.model.filepath", "org.cnai.model.filepath"))
#: what stands for nothing in a manifest itself: no data, and the empty object that OCI 1.1 has for a missing config
_EMPTY = (None, "", "e30=")
_LAYOUT = regex(rb"\s*\{\s*\"imageLayoutVersion\"\s*:\s*\"1\.\d+\.\d+\"\s*\}\s*")

#: the values of an object, each key as Go folds it; two equal keys have both of theirs
_Fields = dict[str, list[Any]]


class _Manifest(NamedTuple):
    """The descriptors of a manifest, keys that stand twice, and whether the specifications know all the rest."""

    descriptors: list[Any]
    repeated: list[str]
    known: bool


def _fields(value: Any) -> _Fields:
    """Of what is no object, none."""
    fields: _Fields = {}
    for key, inner in value if isinstance(value, tuple) else ():
        fields.setdefault(key.casefold(), []).append(inner)
    return fields


def _given(fields: _Fields, *keys: str) -> list[Any]:
    """All values under these keys; null is none."""
    return [one for key in keys for one in fields.get(key, []) if one is not None]


def _parsed(data: bytes) -> _Manifest | None:
    """None if it is no manifest, whatever else is in it."""
    try:
        # Objects are tuples of pairs, so that no key hides another.
        top = _fields(json.loads(data, object_pairs_hook=tuple))
    except (ValueError, RecursionError):
        return None
    lists = [some for some in _given(top, *_LISTS) if isinstance(some, list)]
    found = _given(top, *_SINGLE) + [one for some in lists for one in some if one is not None]
    named = [one for one in found if _texts(_fields(one), "digest")]
    if not (lists and 2 in top.get("schemaversion", [])) and not (named and (lists or "schemaversion" in top)):
        return None
    inside = [_fields(one) for one in found if isinstance(one, tuple)]
    known = _TOP.issuperset(top) and all(map(_is_known, inside)) and _are_words(top)
    known = known and len(_given(top, *_LISTS)) == len(lists)
    repeated = [key for fields in (top, *inside) for key, values in fields.items() if len(values) > 1]
    return _Manifest(found, repeated, known)


def _is_known(fields: _Fields) -> bool:
    """Whether a descriptor has nothing but what the specifications give it."""
    texts = ("mediatype", "digest", "data", "name", "from", "artifacttype")
    return (
        _DESCRIPTOR.issuperset(fields)
        and all(isinstance(one, str) for key in texts for one in fields.get(key, []))
        and all(isinstance(one, int | float) for one in fields.get("size", []))
        and all(_PLATFORM.issuperset(_fields(one)) for one in fields.get("platform", []))
        and all(isinstance(one, list) and all(isinstance(url, str) for url in one) for one in fields.get("urls", []))
        and _are_words(fields)
    )


def _are_words(fields: _Fields) -> bool:
    """Whether annotations are texts by name."""
    return all(
        one is None or (isinstance(one, tuple) and all(isinstance(said, str) for _, said in one))
        for one in fields.get("annotations", [])
    )


def _texts(fields: _Fields, key: str) -> list[str]:
    return [one for one in fields.get(key, []) if isinstance(one, str)]


def claims(probe: Probe) -> bool:
    """JSON with descriptors of blobs where a manifest or an index has them, or the mark of a layout."""
    if not probe.whole or probe.role or text_kind(probe) not in (TextKind.JSON, None):
        return False
    if b'"imageLayoutVersion"' in probe.head:
        return _LAYOUT.fullmatch(probe.head) is not None
    return probe.head.lstrip()[:1] == b"{" and _parsed(probe.head) is not None


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Every descriptor, and where its names lead."""
    data = cursor.peek(0, min(cursor.size, _BYTES))
    found = _Manifest([], [], True) if _LAYOUT.fullmatch(data) else _parsed(data)
    if found is None or len(data) < cursor.size:
        raise Malformed(0, "a manifest or index of OCI", repr(data[:20])[1:])
    cursor.consumed(0, cursor.size)
    whole = Span(0, cursor.size)
    if not found.known:
        yield Member(span=whole, name=base_name(cursor.name), role="argument")
    for key in found.repeated[:_TOLD]:
        yield Irregularity(span=whole, kind="json-key-repeated", detail=f"{key[:80]!a} stands twice in one object")
    for at, descriptor in enumerate(found.descriptors):
        if at >= _TOLD:
            detail = f"{len(found.descriptors)} descriptors; {_TOLD} are looked at"
            yield Gap(start=0, end=cursor.size, because=Because.OVER_LIMIT, detail=detail)
            return
        yield from _described(_fields(descriptor), data, cursor.limits.text_characters)


def _place(data: bytes, digest: str) -> Span:
    found = data.find(json.dumps(digest).encode())
    return Span(0, len(data)) if found < 0 else Span(found, found + len(digest) + 2)


def _shown(text: str) -> str:
    """Without lone surrogates, which JSON can spell and nothing else can say."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _described(one: _Fields, data: bytes, most: int) -> Iterator[Fact | Gap]:
    media = _shown(next(iter(_texts(one, "mediatype")), ""))[:most]
    digests = _texts(one, "digest")
    span = _place(data, digests[0]) if digests else Span(0, len(data))
    if not digests:
        detail = f"a descriptor without a digest{' of ' + media if media else ''}"
        yield Gap(start=0, end=len(data), because=Because.MALFORMED, detail=detail)
    for digest in digests:
        yield from _named(digest, one, media, _place(data, digest), most)
    for title in (*_titles(one), *_texts(one, "name")):
        if leaves_folder(title):
            yield Irregularity(
                span=span, kind="oci-title-escapes", detail=f"{media} is to be written as {title[:80]!a}"
            )
    for url in [url for urls in one.get("urls", []) if isinstance(urls, list) for url in urls][:_TOLD]:
        yield Reference(span=span, kind="layer-address", target=_shown(str(url))[:most], where=media)
    if any(data not in _EMPTY for data in one.get("data", [])):
        detail = f"{media} is in the manifest itself, which nothing here reads"
        yield Gap(start=span.start, end=span.end, because=Because.UNSUPPORTED, detail=detail)


def _titles(one: _Fields) -> Iterator[str]:
    """Keys of annotations are a map's, so their case counts."""
    for annotations in one.get("annotations", []):
        for key, title in annotations if isinstance(annotations, tuple) else ():
            if key in _TITLES and isinstance(title, str):
                yield title


def _named(digest: str, one: _Fields, media: str, span: Span, most: int) -> Iterator[Fact]:
    size = one.get("size", [None])[-1]
    known = isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**63
    yield Reference(span=span, kind="layer", target=_shown(digest)[:most], where=media, length=size if known else None)
    if not known:
        yield Irregularity(span=span, kind="oci-size-odd", detail=f"{media} has the size {str(size)[:40]!a}")
    if leaves_folder(digest) or "/" in digest or "\\" in digest:
        yield Irregularity(span=span, kind="oci-digest-escapes", detail=f"{media} has the digest {digest[:80]!a}")
    elif not _DIGEST.fullmatch(digest):
        yield Irregularity(span=span, kind="oci-digest-odd", detail=f"{media} has the digest {digest[:80]!a}")


FORMAT = Format(
    name="oci_manifest",
    summary="manifest or index of OCI, Docker and Ollama",
    claims=claims,
    begins=first_bytes(b"{", *BLANKS),
    read=read,
    loaders=("ollama pull, run and create", "oras pull, skopeo, crane", "docker model, modctl, kit unpack"),
    blind_spots=(
        "the blobs it names: they are files of their own",
        "whether a blob has the digest it is named after: compare it with the digest of that file in the report",
        "layers that are left out, or there and not named",
        "one of more than 64 KiB is read as JSON, and only names that lead to other files are told then",
    ),
    builds_on=("json_text",),
    references=(
        "https://github.com/opencontainers/image-spec/blob/main/manifest.md",
        "https://github.com/opencontainers/image-spec/blob/main/image-layout.md",
        "CVE-2024-37032 (Ollama before 0.1.34)",
    ),
)
