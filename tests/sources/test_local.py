"""Walking real trees: what is a file, what is a hole, what is listed and left alone."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from modelairlock.reading import Unreadable
from modelairlock.records.scan import Excluded, OperatorError
from modelairlock.records.text import shown
from modelairlock.sources import local
from modelairlock.sources.local import File, Hole, Patterns, changed, open_file, walk

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")
no_root = pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")


def make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def files(source: object, *exclude: str) -> list[str]:
    return [entry.path for entry in walk(source, exclude) if isinstance(entry, File)]


def excluded(source: object, *exclude: str) -> dict[str, str]:
    return {entry.path: entry.reason for entry in walk(source, exclude) if isinstance(entry, Excluded)}


def holes(source: object) -> dict[str, str]:
    return {entry.path: entry.detail for entry in walk(source) if isinstance(entry, Hole)}


def errors(source: object, *exclude: str) -> list[str]:
    return [entry.message for entry in walk(source, exclude) if isinstance(entry, OperatorError)]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, so that paths in the expectations are short."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- what is walked ------------------------------------------------------------------------------------------------


def test_every_regular_file_is_listed_in_name_order_dot_files_too(here: Path) -> None:
    make(here, "m/b.bin", "m/a/z.pt", "m/a/y.pt", "m/.git/config", "m/.hidden", "m/c")
    wanted = ["m/.git/config", "m/.hidden", "m/a/y.pt", "m/a/z.pt", "m/b.bin", "m/c"]
    assert files("m") == wanted
    assert files("m/") == wanted
    assert files(Path("m")) == wanted
    os.chdir("m")
    assert files(".") == [path.removeprefix("m/") for path in wanted]


def test_a_file_is_a_source_of_one(here: Path) -> None:
    make(here, "m/b.bin")
    [entry] = walk("m/b.bin")
    assert isinstance(entry, File)
    assert (entry.path, entry.name, entry.size, entry.claimed) == ("m/b.bin", "b.bin", 7, "")


def test_deep_trees_need_no_recursion(here: Path) -> None:
    deep = "/".join(["d"] * 1500)
    subprocess.run(["mkdir", "-p", f"m/{deep}"], check=True)
    try:
        Path(f"m/{deep}/x").write_bytes(b"")
        assert files("m") == [f"m/{deep}/x"]
    finally:
        # pytest clears old folders away with a function that recurses, and would trip over this one
        subprocess.run(["rm", "-r", "m"], check=True)


def test_a_path_too_long_for_the_system_is_a_hole(here: Path) -> None:
    inner = "n" * 250
    top = os.getcwd()
    for _ in range(20):
        os.mkdir(inner)
        os.chdir(inner)
    Path("x").write_bytes(b"")
    os.chdir(top)
    [detail] = holes(inner).values()
    assert detail == "the file cannot be looked at: File name too long"


@pytest.mark.parametrize("source", ["nothing", "m/b.bin/x", "a\0b", ""])
def test_a_missing_source_is_the_operators_error(here: Path, source: str) -> None:
    make(here, "m/b.bin")
    assert errors(source) == ["there is no such file or folder"]
    assert files(source) == []


@pytest.mark.parametrize(
    "source", ["hf://org/model", "http://example.invalid/x.pt", "https://example.invalid/x", Path("s3://bucket/x")]
)
def test_nothing_is_fetched(here: Path, source: object) -> None:
    assert errors(source) == ["nothing is fetched"]


def test_a_link_to_nowhere_says_where(here: Path) -> None:
    (here / "latest").symlink_to("run7/model.pt")
    assert errors("latest") == ["a link to nowhere: run7/model.pt does not exist"]
    (here / "loop").symlink_to("loop")
    assert errors("loop") == ["loop of symbolic links, not followed: loop"]


def test_standard_input_is_no_source(here: Path) -> None:
    script = "from modelairlock.sources.local import *; print([type(e).__name__ for e in walk('/dev/stdin')])"
    with_pipe = subprocess.run([sys.executable, "-c", script], input=b"", capture_output=True, check=True)
    assert with_pipe.stdout == b"['OperatorError']\n"
    (here / "file").write_bytes(b"")
    with open("file", "rb") as file:
        with_file = subprocess.run([sys.executable, "-c", script], stdin=file, capture_output=True, check=True)
    assert with_file.stdout == b"['File']\n", "a file under another name can be read like any"
    assert "no standard input" in errors("-")[0]
    (here / "-").write_bytes(b"")
    assert files("-") == ["-"]


def test_a_source_without_files_is_the_operators_error(here: Path) -> None:
    (here / "m/empty").mkdir(parents=True)
    assert errors("m") == ["there is no file in it"]


# --- exclusion -----------------------------------------------------------------------------------------------------


def test_excluded_files_stay_listed(here: Path) -> None:
    make(here, "m/a.pt", "m/sub/a.pt", "m/sub/b.pt", "m/README.md")
    assert files("m", "a.pt") == ["m/README.md", "m/sub/b.pt"]
    assert excluded("m", "a.pt") == {"m/a.pt": "matches --exclude 'a.pt'", "m/sub/a.pt": "matches --exclude 'a.pt'"}
    assert files("m", "sub/a.pt") == ["m/README.md", "m/a.pt", "m/sub/b.pt"]
    assert files("m", "*.pt") == ["m/README.md"]
    for pattern in ("**/*.pt", "**/a.pt"):
        assert "m/a.pt" in excluded("m", pattern)
        assert "m/sub/a.pt" in excluded("m", pattern)
    assert errors("m", "*") == ["--exclude '*' left nothing of it to scan"]
    assert errors("m", "*.pt", "*.md") == ["--exclude '*.md' and '*.pt' left nothing of it to scan"]


def test_a_pattern_that_matches_a_folder_excludes_its_content(here: Path) -> None:
    make(here, "m/.git/a", "m/.git/b/c", "m/x", "m/sub/.git/a", "m/git")
    for pattern in (".git", ".git/"):
        assert files("m", pattern) == ["m/git", "m/x"]
        assert excluded("m", pattern) == {
            "m/.git/": f"matches --exclude '{pattern}'",
            "m/sub/.git/": f"matches --exclude '{pattern}'",
        }
    assert "m/x" in files("m", "x/")


def test_a_single_file_can_be_excluded(here: Path) -> None:
    make(here, "m/a.pt")
    assert excluded("m/a.pt", "*.pt") == {"m/a.pt": "matches --exclude '*.pt'"}
    assert errors("m/a.pt", "*.pt") == ["--exclude '*.pt' left nothing of it to scan"]


def test_a_path_as_reports_print_it_is_a_pattern(here: Path) -> None:
    make(here, "m/a[1].pt", "m/a1.pt", "m/sub/x", "m/sub/n\newline")
    for source in ("m", "./m", str(here / "m")):
        found = [*files(source), f"{source}/sub/"]
        assert len(found) == 5
        for path in found:
            assert shown(path) in {shown(left) for left in excluded(source, shown(path))}, "of the text report"
            assert path in excluded(source, path)
    assert excluded("m/a[1].pt", "m/a[1].pt")
    assert files("m", "m/sub/*") == ["m/a1.pt", "m/a[1].pt"]


def test_patterns_know_what_they_left_out(here: Path) -> None:
    make(here, "m/a.pt", "m/sub/b.pt")
    patterns = Patterns(["*.pt", "b.pt", "m/a.pt", "*.bin", "a.pt/"])
    assert list(walk("m", patterns))
    assert patterns.unused() == ("*.bin", "a.pt/"), "one that matches what another left out has done no less"


# --- links ---------------------------------------------------------------------------------------------------------


OUTSIDE = "a link out of the source: not followed; a loader would follow it"


def test_a_link_out_of_the_source_is_a_hole_and_so_is_one_to_nowhere(here: Path) -> None:
    make(here, "m/real.pt", "out/secret")
    (here / "m/out.pt").symlink_to("../out/secret")
    (here / "m/absolute").symlink_to(here / "out")
    (here / "m/nowhere").symlink_to("gone")
    (here / "m/through").symlink_to("real.pt/x")
    (here / "m/loop").symlink_to("loop")
    (here / "m/up").symlink_to("..")
    assert files("m") == ["m/real.pt"]
    assert excluded("m") == {}
    assert holes("m") == {
        "m/out.pt": f"{OUTSIDE} (../out/secret)",
        "m/absolute": f"{OUTSIDE} ({here}/out)",
        "m/nowhere": "a link to nowhere: gone does not exist",
        "m/through": "a link to nowhere: real.pt/x does not exist",
        "m/loop": "loop of symbolic links, not followed: loop",
        "m/up": f"{OUTSIDE} (..)",
    }
    assert excluded("m", "*.pt", "nowhere", "through", "loop", "up", "absolute").keys() == {
        f"m/{name}" for name in ("out.pt", "absolute", "nowhere", "through", "loop", "up", "real.pt")
    }, "what the operator excludes is left out, links too"


def test_a_link_to_a_file_of_the_source_is_that_file_under_the_links_name(here: Path) -> None:
    """Formats go by names: what is text as ``config.txt`` may name code to run as ``config.json``."""
    make(here, "m/config.txt", "m/sub/x.pt")
    (here / "m/config.json").symlink_to("config.txt")
    (here / "m/again.json").symlink_to("config.json")
    (here / "m/sub/config.json").symlink_to(here / "m/config.txt")
    (here / "m/x.pt").symlink_to("sub/x.pt")
    entries = {entry.path: entry for entry in walk("m") if isinstance(entry, File)}
    assert {path: (entry.name, entry.size) for path, entry in entries.items()} == {
        "m/again.json": ("again.json", 12),
        "m/config.json": ("config.json", 12),
        "m/config.txt": ("config.txt", 12),
        "m/sub/x.pt": ("x.pt", 10),
    }
    assert excluded("m") == {
        "m/sub/config.json": "link to the same file as m/config.json, which is itself scanned",
        "m/x.pt": "link to the same file as m/sub/x.pt, which is itself scanned",
    }
    fd, state = open_file(entries["m/config.json"])
    os.close(fd)
    assert state.st_size == 12


def test_a_link_to_a_folder_of_the_source_is_left_out_for_its_files_keep_their_names(here: Path) -> None:
    make(here, "m/sub/x")
    (here / "m/folder").symlink_to("sub")
    (here / "m/sub/top").symlink_to("..")
    assert files("m") == ["m/sub/x"]
    assert excluded("m") == {
        "m/folder": "link to m/sub, which is itself scanned",
        "m/sub/top": "link to m, which is itself scanned",
    }


def test_a_long_chain_of_links_ends(here: Path) -> None:
    make(here, "m/0000")
    for number in range(1, 3000):
        (here / f"m/{number:04}").symlink_to(f"{number - 1:04}")
    assert files("m") == [f"m/{number:04}" for number in range(41)]
    assert holes("m")["m/2999"] == "loop of symbolic links, not followed: 2998"


def test_excluding_a_file_does_not_exclude_its_other_names(here: Path) -> None:
    make(here, "m/real.pt", "m/sub/x", "m/sub/y", "m/y")
    (here / "m/in.pt").symlink_to("real.pt")
    (here / "m/x").symlink_to("sub/x")
    (here / "m/link").symlink_to("sub/x")
    (here / "m/folder").symlink_to("sub")
    assert files("m", "real.pt", "sub") == ["m/in.pt", "m/link", "m/x", "m/y"]
    [hole] = [entry for entry in walk("m", ["real.pt", "sub"]) if isinstance(entry, Hole)]
    assert (hole.path, hole.detail) == (
        "m/folder",
        "a link to m/sub, which is excluded: not followed; a loader would follow it",
    )


def test_a_large_file_is_not_read_under_any_number_of_names(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "NAMES", 3)
    monkeypatch.setattr(local, "NAMED_BYTES", 40)
    make(here, "m/0123456789")
    for number in range(9):
        (here / f"m/{number}").symlink_to("0123456789")
    assert len(files("m")) == 1 + 4
    assert set(holes("m").values()) == {"a link that gives a large file one more name: it was read under 3 already"}


def test_a_source_that_is_a_link_is_resolved(here: Path) -> None:
    make(here, "m/real.pt")
    (here / "link").symlink_to("m")
    (here / "one.pt").symlink_to("m/real.pt")
    assert files("link") == ["link/real.pt"]
    [entry] = walk("one.pt")
    assert isinstance(entry, File)
    assert (entry.path, entry.name, entry.size) == ("one.pt", "one.pt", 9)


def test_a_sibling_with_the_same_beginning_is_out_of_the_source(here: Path) -> None:
    make(here, "m/x", "m2/y")
    (here / "m/link").symlink_to("../m2/y")
    assert holes("m")["m/link"] == f"{OUTSIDE} (../m2/y)"


# --- what cannot be read -------------------------------------------------------------------------------------------


def test_special_files_are_holes_and_are_never_opened(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(here, "m/x")
    os.mkfifo("m/pipe")
    server = socket.socket(socket.AF_UNIX)
    server.bind("m/sock")
    assert holes("m") == {
        "m/pipe": "is a fifo, not a regular file",
        "m/sock": "is a socket, not a regular file",
    }
    assert holes("m/pipe") == {"m/pipe": "is a fifo, not a regular file"}
    assert holes("/dev/null") == {"/dev/null": "is a character device, not a regular file"}
    server.close()


def test_what_became_a_fifo_since_it_was_listed_does_not_hang(here: Path) -> None:
    make(here, "m/x")
    [entry] = walk("m/x")
    os.unlink("m/x")
    os.mkfifo("m/x")
    with pytest.raises(Unreadable, match="replaced by another"):
        open_file(entry)


def test_what_became_a_link_or_another_file_is_refused(here: Path) -> None:
    make(here, "m/x", "m/y")
    [entry] = walk("m/x")
    os.rename("m/y", "m/x")
    with pytest.raises(Unreadable, match="replaced by another"):
        open_file(entry)
    os.unlink("m/x")
    os.symlink("/etc/passwd", "m/x")
    with pytest.raises(Unreadable, match="cannot be opened"):
        open_file(entry)


def test_a_folder_that_became_a_link_while_it_was_walked_is_a_hole(here: Path) -> None:
    make(here, "m/a/x", "m/b/x", "out/secret")
    entries = walk("m")
    assert next(entries).path == "m/a/x"
    os.unlink("m/b/x")
    os.rmdir("m/b")
    os.symlink("../out", "m/b")
    assert [type(entry) for entry in entries] == [Hole]


@no_root
def test_files_and_folders_without_permission(here: Path) -> None:
    make(here, "m/x", "m/closed/y")
    os.chmod("m/x", 0)
    os.chmod("m/closed", 0)
    try:
        assert holes("m") == {"m/closed/": "the folder cannot be listed: Permission denied"}
        [entry] = [entry for entry in walk("m") if isinstance(entry, File)]
        with pytest.raises(Unreadable, match="Permission denied"):
            open_file(entry)
    finally:
        os.chmod("m/closed", 0o700)


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that other users may enter; those of pytest are private."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@root_only
def test_a_folder_of_somebody_else(open_to_all: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as above for those who test as root: a child gives up its rights first."""
    monkeypatch.chdir(make(open_to_all, "m/x", "m/closed/y"))
    os.chmod("m/x", 0)
    os.chmod("m/closed", 0)
    child = os.fork()
    if not child:  # pragma: no cover
        status = 1
        try:
            os.setresuid(65534, 65534, 65534)
            assert holes("m") == {"m/closed/": "the folder cannot be listed: Permission denied"}
            assert holes("m/closed") == {"m/closed/": "the folder cannot be listed: Permission denied"}
            assert holes("m/closed/y") == {"m/closed/y": "the file cannot be looked at: Permission denied"}
            [entry] = [entry for entry in walk("m") if isinstance(entry, File)]
            assert [*walk("m/x")] == [entry]
            with pytest.raises(Unreadable, match="Permission denied"):
                open_file(entry)
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_folder_that_cannot_be_listed_is_a_hole(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(here, "m/x", "m/sub/y")

    def refuse(fd: int) -> list[str]:
        if os.readlink(f"/proc/self/fd/{fd}").endswith("sub"):
            raise PermissionError(13, "Permission denied")
        return real(fd)

    real = os.listdir
    monkeypatch.setattr(local.os, "listdir", refuse)
    assert holes("m") == {"m/sub/": "the folder cannot be listed: Permission denied"}


def test_names_that_are_no_utf8_can_be_reported(here: Path) -> None:
    make(here, "m/ok")
    with open(b"m/bad\xff\n.pt", "wb"):
        pass
    [bad, _] = walk("m")
    assert isinstance(bad, File)
    assert bad.path == "m/bad\\udcff\n.pt"
    assert msgspec.json.encode(bad.path)
    fd, _ = open_file(bad)
    os.close(fd)


def test_a_touched_file_has_changed(here: Path) -> None:
    make(here, "x")
    before = os.stat("x")
    assert not changed(before, os.stat("x"))
    with open("x", "ab") as file:
        file.write(b"y")
    os.utime("x", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert changed(before, os.stat("x"))
