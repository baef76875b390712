"""Hugging Face caches: the one place where links lead out of a source, because every model in there is one."""

import os
from pathlib import Path

import pytest

from modelairlock.sources.local import File, Hole, open_file, walk
from tests.sources.hub_cache import add, git_sha1, sha256

REPOSITORY = "hub/models--org--name"
SNAPSHOTS = f"{REPOSITORY}/snapshots"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    repository = tmp_path / REPOSITORY
    add(repository, "r1", "model.bin", b"weights")
    add(repository, "r1", "deep/down/config.json", b"{}", git_sha1(b"{}"))
    add(repository, "r2", "model.bin", b"weights 2")
    (repository / "snapshots/r2/deep/down").mkdir(parents=True)
    (repository / "snapshots/r2/deep/down/config.json").symlink_to(f"../../../../blobs/{git_sha1(b'{}')}")
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text("r2")
    (repository / "blobs/orphan.incomplete").write_bytes(b"half")
    return tmp_path


def claims(source: str) -> dict[str, str]:
    return {entry.path: entry.claimed for entry in walk(source) if isinstance(entry, File)}


def others(source: str) -> dict[str, str]:
    """What is no file, and why."""
    found = [entry for entry in walk(source) if not isinstance(entry, File)]
    return {entry.path: getattr(entry, "reason", "") or getattr(entry, "detail", "") for entry in found}


SUBJECTS = {
    f"{REPOSITORY}/refs/main": "",
    f"{SNAPSHOTS}/r1/deep/down/config.json": git_sha1(b"{}"),
    f"{SNAPSHOTS}/r1/model.bin": sha256(b"weights"),
    f"{SNAPSHOTS}/r2/model.bin": sha256(b"weights 2"),
    f"{REPOSITORY}/blobs/orphan.incomplete": "",
}


@pytest.mark.parametrize("source", ["hub", REPOSITORY])
def test_in_a_whole_cache_every_blob_is_read_once_under_its_snapshot_name(cache: Path, source: str) -> None:
    assert claims(source) == SUBJECTS
    again = f"{SNAPSHOTS}/r2/deep/down/config.json"
    first = f"{SNAPSHOTS}/r1/deep/down/config.json"
    assert others(source) == {again: f"link to the same file as {first}, which is itself scanned"}


def test_a_snapshot_alone(cache: Path) -> None:
    assert claims(f"{SNAPSHOTS}/r2") == {
        f"{SNAPSHOTS}/r2/deep/down/config.json": git_sha1(b"{}"),
        f"{SNAPSHOTS}/r2/model.bin": sha256(b"weights 2"),
    }
    assert others(f"{SNAPSHOTS}/r2") == {}
    os.chdir(f"{SNAPSHOTS}/r2/deep")
    assert claims(".") == {"down/config.json": git_sha1(b"{}")}


def test_a_file_of_a_snapshot_alone(cache: Path) -> None:
    [entry] = walk(f"{SNAPSHOTS}/r1/model.bin")
    assert isinstance(entry, File)
    assert (entry.path, entry.name) == (f"{SNAPSHOTS}/r1/model.bin", "model.bin")
    assert entry.claimed == sha256(b"weights")
    fd, state = open_file(entry)
    os.close(fd)
    assert state.st_size == 7


def test_one_blob_under_two_names_is_two_subjects(cache: Path) -> None:
    """What a loader makes of a file, and what a format promises, hangs on its name."""
    add(cache / REPOSITORY, "r1", "other.json", b"weights")
    assert f"{SNAPSHOTS}/r1/other.json" in claims(SNAPSHOTS)


@pytest.mark.parametrize("kind", ["models", "datasets", "spaces"])
def test_every_kind_of_repository(cache: Path, kind: str) -> None:
    add(cache / f"{kind}--a--b", "r", "x", b"x", "an-etag-that-is-no-digest")
    assert claims(f"{kind}--a--b/snapshots/r") == {f"{kind}--a--b/snapshots/r/x": ""}


def test_a_second_name_of_a_blob_is_checked_on_its_own(cache: Path) -> None:
    """A hard link is the same file, but it claims another digest."""
    false = sha256(b"something else")
    os.link(f"{REPOSITORY}/blobs/{sha256(b'weights')}", f"{REPOSITORY}/blobs/{false}")
    assert claims(REPOSITORY)[f"{REPOSITORY}/blobs/{false}"] == false


def test_links_elsewhere_are_not_followed_even_in_a_cache(cache: Path) -> None:
    other = cache / "hub/models--org--other"
    add(other, "r", "secret.bin", b"secret")
    snapshot = cache / SNAPSHOTS / "r1"
    (cache / "secret").write_bytes(b"secret")
    (snapshot / "out").symlink_to(cache / "secret")
    (snapshot / "foreign").symlink_to(f"../../../models--org--other/blobs/{sha256(b'secret')}")
    (snapshot / "refs").symlink_to("../../refs/main")
    found = others(str(snapshot.relative_to(cache)))
    assert set(found) == {f"{SNAPSHOTS}/r1/{name}" for name in ("out", "foreign", "refs")}
    assert all(reason.startswith("a link out of the source: not followed") for reason in found.values())


def test_a_folder_of_blobs_that_is_a_link_leads_nowhere(cache: Path) -> None:
    evil = cache / "models--evil--one"
    (cache / "etc").mkdir()
    (cache / "etc/passwd").write_bytes(b"root")
    snapshot = evil / "snapshots/r"
    snapshot.mkdir(parents=True)
    (evil / "blobs").symlink_to("../etc")
    (snapshot / "model.bin").symlink_to("../../blobs/passwd")
    assert claims("models--evil--one") == {}
    assert all("out of the source" in reason for path, reason in others("models--evil--one").items() if reason)


def test_a_link_to_a_folder_of_blobs_outside_the_source_is_a_hole(cache: Path) -> None:
    snapshot = cache / SNAPSHOTS / "r1"
    (cache / REPOSITORY / "blobs/folder").mkdir()
    (cache / REPOSITORY / "blobs/folder/evil.pkl").write_bytes(b"evil")
    (snapshot / "weights").symlink_to("../../blobs/folder")
    found = others(str(snapshot.relative_to(cache)))
    assert found[f"{SNAPSHOTS}/r1/weights"].startswith("a link out of the source: not followed")


def test_a_repository_in_name_only_gets_no_exception(cache: Path) -> None:
    add(cache / "plain", "r", "x", b"x")
    assert claims("plain/snapshots") == {}
    assert [type(entry) for entry in walk("plain/snapshots")] == [Hole]


def test_a_blob_named_by_the_operator_is_checked_too(cache: Path) -> None:
    blob = f"{REPOSITORY}/blobs/{sha256(b'weights')}"
    assert claims(blob) == {blob: sha256(b"weights")}


def test_a_blob_is_passed_by_only_under_a_digest_for_its_name(cache: Path) -> None:
    """Anything may lie in ``blobs/`` and be led to under a harmless name; a loader may be pointed at it there."""
    repository = cache / REPOSITORY
    add(repository, "r1", "notes.txt", b"cos\nsystem\n", "evil.pkl")
    add(repository, "r1", "parts.bin", b"p", "d41d8cd98f00b204e9800998ecf8427e-3")
    blobs = {path for path in claims(REPOSITORY) if "/blobs/" in path}
    assert blobs == {f"{REPOSITORY}/blobs/evil.pkl", f"{REPOSITORY}/blobs/orphan.incomplete"}


def test_a_blob_that_only_an_ordinary_link_leads_to_is_read_at_its_own_place_too(cache: Path) -> None:
    digest = sha256(b"unled")
    (cache / REPOSITORY / "blobs" / digest).write_bytes(b"unled")
    (cache / "hub" / "a.json").symlink_to(f"models--org--name/blobs/{digest}")
    (cache / "hub" / digest).symlink_to(f"models--org--name/blobs/{digest}")
    found = claims("hub")
    assert {"hub/a.json", f"hub/{digest}", f"{REPOSITORY}/blobs/{digest}"} <= found.keys()


def test_a_link_to_a_blob_is_read_under_its_own_name_though_it_is_the_blobs(cache: Path) -> None:
    """The blob itself is passed by, so nobody may say that it is scanned at its own place."""
    digest = sha256(b"weights")
    (cache / "hub" / digest).symlink_to(f"models--org--name/blobs/{digest}")
    assert f"hub/{digest}" in claims("hub")
    assert f"{REPOSITORY}/blobs/{digest}" not in claims("hub")


# --- what the client keeps for itself ----------------------------------------------------------------------------

COMMIT = "11c5a3d5811f50298f278a704980280950aedb10"
MARK = "empty mark of the Hugging Face hub's client, which no loader opens"


def put(place: Path, content: bytes = b"") -> str:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return str(place)


def test_empty_marks_are_listed_and_left_out(cache: Path) -> None:
    marks = [
        f"{REPOSITORY}/.no_exist/{COMMIT}/adapter_config.json",
        f"{REPOSITORY}/.no_exist/{COMMIT}/deep/down/model.safetensors",
        f"hub/.locks/models--org--name/{sha256(b'weights')}.lock",
    ]
    for mark in marks:
        put(Path(mark))
    left = {path: reason for path, reason in others("hub").items() if "the same file" not in reason}
    assert left == dict.fromkeys(marks, MARK)
    assert claims("hub") == SUBJECTS
    assert others(marks[0]) == {}, "one that the operator names is a file like any"
    os.chdir(f"hub/models--org--name/.no_exist/{COMMIT}")
    assert others("deep") == {"deep/down/model.safetensors": MARK, "deep": ""}


@pytest.mark.parametrize(
    ("place", "content"),
    [
        (f"{REPOSITORY}/.no_exist/{COMMIT}/model.pkl", b"cposix\nsystem\n"),
        (f"{REPOSITORY}/.no_exist/main/model.pkl", b""),
        (f"{REPOSITORY}/.no_exist/model.pkl", b""),
        (f"{SNAPSHOTS}/r1/.no_exist/{COMMIT}/model.pkl", b""),
        (f"{SNAPSHOTS}/r1/model.pkl", b""),
        (f"{SNAPSHOTS}/r1/model.lock", b""),
        ("hub/.locks/models--org--name/x.lock", b"pid 7"),
        ("hub/.locks/models--org--name/x.pkl", b""),
        ("hub/.locks/models--org--other/x.lock", b""),
        ("hub/.locks/x.lock", b""),
        ("hub/x.lock", b""),
        (f"hub/models--fake--one/.no_exist/{COMMIT}/model.pkl", b""),
        (f"hub/plain/.no_exist/{COMMIT}/model.pkl", b""),
    ],
)
def test_anything_else_stays_a_file(cache: Path, place: str, content: bytes) -> None:
    put(Path(place), content)
    assert place in claims("hub")


def test_a_cache_in_name_only_has_no_marks(cache: Path) -> None:
    mark = put(Path(f"hub/models--evil--one/.no_exist/{COMMIT}/model.pkl"))
    for folder in ("blobs", "snapshots"):
        Path(f"hub/models--evil--one/{folder}").symlink_to(f"../models--org--name/{folder}")
    assert mark in claims("hub")
