"""Manifests and indexes of OCI, Docker and Ollama: which blobs make a model, by digest, size and media type.

What a newcomer would get wrong: a digest is a name of a file to whoever stores the blob. Ollama before 0.1.34 joined it
to a folder as it stood, so that ``../../../etc/ld.so.preload`` wrote there. Titles are names of files as well, to tools
that unpack what they pull. Only what has nothing but the specified keys is taken for a manifest; all else is JSON.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from modelairlock.encodings.plain_text import TextKind, text_kind
from modelairlock.reading import Cursor, Format, Malformed, Probe
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Irregularity, Reference
from modelairlock.records.paths import leaves_folder
from modelairlock.records.span import Span

_BYTES = 64 * 1024
_TOLD = 64
_TOP = frozenset(
    ("schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "subject", "annotations")
)
_DESCRIPTOR = frozenset(
    (
        "mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType",
        "from", "name",  # Ollama's own
    )
)  # fmt: skip
_DIGEST = re.compile(r"sha256[:-][0-9a-f]{64}|sha512:[0-9a-f]{128}")
_TITLES = ("org.opencontainers.image.title", "name")
_LAYOUT = re.compile(rb"\s*\{\s*\"imageLayoutVersion\"\s*:\s*\"1\.\d+\.\d+\"\s*\}\s*")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _parsed(data: bytes) -> list[dict[str, Any]] | None:
    """All descriptors of a manifest; None if it is none, or has anything that the specifications do not know."""
    try:
        value = json.loads(data, object_pairs_hook=_pairs)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not _TOP.issuperset(value) or value.get("schemaVersion") != 2:
        return None
    found = [value[key] for key in ("config", "subject") if key in value]
    for key in ("layers", "manifests"):
        some = value.get(key, [])
        if not isinstance(some, list):
            return None
        found += some
    whole = _words(value.get("annotations")) and ("layers" in value or "manifests" in value)
    return found if whole and all(map(_is_descriptor, found)) else None


def _is_descriptor(one: Any) -> bool:
    return (
        isinstance(one, dict)
        and _DESCRIPTOR.issuperset(one)
        and isinstance(one.get("digest"), str)
        and _words(one.get("annotations"))
        and all(isinstance(one.get(key, ""), str) for key in ("mediaType", "data", "name", "from"))
        and isinstance(one.get("urls", []), list)
    )


def _words(annotations: Any) -> bool:
    return annotations is None or (
        isinstance(annotations, dict) and all(isinstance(said, str) for said in annotations.values())
    )


def claims(probe: Probe) -> bool:
    """JSON that is a manifest, an index or the mark of a layout to its last key."""
    if not probe.whole or text_kind(probe) not in (TextKind.JSON, None):
        return False
    if b'"imageLayoutVersion"' in probe.head:
        return _LAYOUT.fullmatch(probe.head) is not None
    return b'"schemaVersion"' in probe.head and _parsed(probe.head) is not None


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Every descriptor, and where its names lead."""
    data = cursor.peek(0, min(cursor.size, _BYTES))
    found = [] if _LAYOUT.fullmatch(data) else _parsed(data)
    if found is None or len(data) < cursor.size:
        raise Malformed(0, "a manifest or index of OCI", repr(data[:20])[1:])
    cursor.consumed(0, cursor.size)
    for at, descriptor in enumerate(found):
        if at >= _TOLD:
            detail = f"{len(found)} descriptors; {_TOLD} are looked at"
            yield Gap(start=0, end=cursor.size, because=Because.OVER_LIMIT, detail=detail)
            return
        yield from _described(descriptor, _place(data, descriptor["digest"]), cursor.limits.text_characters)


def _place(data: bytes, digest: str) -> Span:
    found = data.find(json.dumps(digest).encode())
    return Span(0, len(data)) if found < 0 else Span(found, found + len(digest) + 2)


def _shown(text: str) -> str:
    """Without lone surrogates, which JSON can spell and nothing else can say."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _described(one: dict[str, Any], span: Span, most: int) -> Iterator[Fact | Gap]:
    digest, media, size = one["digest"], _shown(one.get("mediaType", ""))[:most], one.get("size")
    known = isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**63
    length = size if known else None
    yield Reference(span=span, kind="layer", target=_shown(digest)[:most], where=media, length=length)
    if not known:
        yield Irregularity(span=span, kind="oci-size-odd", detail=f"{media} has the size {str(size)[:40]!a}")
    if leaves_folder(digest) or "/" in digest or "\\" in digest:
        yield Irregularity(span=span, kind="oci-digest-escapes", detail=f"{media} has the digest {digest[:80]!a}")
    elif not _DIGEST.fullmatch(digest):
        yield Irregularity(span=span, kind="oci-digest-odd", detail=f"{media} has the digest {digest[:80]!a}")
    annotations = one.get("annotations") or {}
    for title in (annotations.get(_TITLES[0], ""), one.get(_TITLES[1], "")):
        if leaves_folder(title):
            yield Irregularity(
                span=span, kind="oci-title-escapes", detail=f"{media} is to be written as {title[:80]!a}"
            )
    for url in one.get("urls", [])[:_TOLD]:
        yield Reference(span=span, kind="layer-address", target=_shown(str(url))[:most], where=media)
    if one.get("data"):
        detail = f"{media} is in the manifest itself, which nothing here reads"
        yield Gap(start=span.start, end=span.end, because=Because.UNSUPPORTED, detail=detail)


FORMAT = Format(
    name="oci_manifest",
    summary="manifest or index of OCI, Docker and Ollama",
    claims=claims,
    read=read,
    loaders=("ollama pull, run and create", "oras pull, skopeo, crane", "docker model"),
    blind_spots=(
        "the blobs it names: they are files of their own",
        "whether a blob has the digest it is named after: compare it with the digest of that file in the report",
        "layers that are left out, or there and not named",
        "one of more than 64 KiB, or with keys of its own, is read as JSON",
    ),
    builds_on=("json_text",),
    references=(
        "https://github.com/opencontainers/image-spec/blob/main/manifest.md",
        "https://github.com/opencontainers/image-spec/blob/main/image-layout.md",
        "CVE-2024-37032 (Ollama before 0.1.34)",
    ),
)
