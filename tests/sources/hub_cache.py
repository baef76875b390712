"""Builds caches laid out as the Hugging Face hub's client does: snapshots of links into one folder of blobs."""

import hashlib
import os
from pathlib import Path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def add(repository: Path, revision: str, name: str, content: bytes, blob: str | None = None) -> Path:
    """Put `content` into `repository` as `name` of `revision`, as the blob it should be or as the one given."""
    blobs = repository / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    blob = blob or sha256(content)
    (blobs / blob).write_bytes(content)
    link = repository / "snapshots" / revision / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(blobs / blob, link.parent))
    return link
