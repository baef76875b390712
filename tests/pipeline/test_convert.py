"""Converting from one end to the other: what is written, what is left in place, and what it takes to be refused."""

import errno
import os
import stat
from pathlib import Path

import pytest

from modelairlock.limits import Limits
from modelairlock.pipeline import convert as module
from modelairlock.pipeline import convert_write, gather
from modelairlock.pipeline.convert import Wanted, convert
from modelairlock.records.disarm import Stream
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Level
from modelairlock.records.scan import Verdict
from tests.build import joblib_builder, torch_builder
from tests.build import pickle_builder as p
from tests.disarm.convert_help import converted, kept, left_over, plain

pytestmark = pytest.mark.slow  # tests/cli/test_convert.py is the fast one

GOOD = torch_builder.tensor()
NUMBERS = bytes(range(16))
CHECKPOINT = torch_builder.checkpoint(None, {"0": NUMBERS})


def hostile(canary: Path) -> bytes:
    items = {"w": GOOD, "x": p.call(p.global_("posix", "system"), f"touch {canary}"), "epoch": 3}
    return torch_builder.checkpoint(torch_builder.state(items), {"0": NUMBERS})


def test_a_checkpoint_becomes_safetensors(tmp_path: Path) -> None:
    told = converted(tmp_path, CHECKPOINT)
    assert (told.outcome, told.verdict, told.format) == ("converted", Verdict.CLEAR, "torch")
    assert kept(tmp_path) == {"w": ("F32", (2, 2), NUMBERS)}
    assert told.output.size_bytes == (tmp_path / "out.safetensors").stat().st_size
    assert not left_over(tmp_path)
    assert not (tmp_path / "out.safetensors.json").exists()
    assert told.isolation.level is not None


def test_the_mode_of_the_output_is_that_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        converted(tmp_path, CHECKPOINT)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.safetensors").stat().st_mode) == 0o640


def test_a_flagged_file_is_refused_unless_stripped(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    told = converted(tmp_path, hostile(canary))
    assert (told.outcome, told.verdict, told.output) == ("refused", Verdict.FLAGGED, None)
    assert "runs-harmful-code" in {finding.rule for finding in told.findings}
    assert {path.name for path in tmp_path.iterdir()} == {"in.pt"}
    told = converted(tmp_path, hostile(canary), strip=True)
    assert (told.outcome, [one.what for one in told.dropped]) == ("converted", ["posix.system"])
    assert kept(tmp_path) == {"w": ("F32", (2, 2), NUMBERS)}
    assert plain(tmp_path) == {"epoch": 3}
    assert not canary.exists()


def test_objects_left_behind_make_it_partly(tmp_path: Path) -> None:
    items = {"w": GOOD, "args": p.build(p.call_newobj(p.name("argparse", "Namespace")), {"lr": 1})}
    data = torch_builder.checkpoint(torch_builder.state(items), {"0": NUMBERS})
    assert converted(tmp_path, data).outcome == "partly"
    assert converted(tmp_path, data, force=True, strip=True).outcome == "converted"
    lost = torch_builder.checkpoint(torch_builder.state({"w": GOOD, "bad": torch_builder.tensor(offset=1)}))
    assert converted(tmp_path, lost, force=True, strip=True).outcome in {"partly"}, "a lost tensor is never wished for"


def test_what_is_not_converted_leaves_nothing(tmp_path: Path) -> None:
    for data in (b"", b"GGUF" + bytes(20), b"PK\x05\x06" + bytes(18), b"\x80\x04N.", CHECKPOINT[:-30], b"plain text"):
        told = converted(tmp_path, data)
        assert told.outcome == "not-converted", data
        assert told.reason
        assert {path.name for path in tmp_path.iterdir()} == {"in.pt"}


def test_what_is_lost_is_listed_even_if_it_is_everything(tmp_path: Path) -> None:
    bad = torch_builder.tensor(torch_builder.storage("9"))
    told = converted(tmp_path, torch_builder.checkpoint(torch_builder.state({"bad": bad})))
    assert (told.outcome, [one.where for one in told.lost]) == ("not-converted", ["bad"])


def test_what_breaks_protocol_is_not_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import msgspec

    plan = module._Conversion._plan
    for bad in (b'"\\ud800"', b"[" * 300 + b"]" * 300, b"{"):
        monkeypatch.setattr(
            module._Conversion, "_plan", lambda *given, bad=bad: msgspec.structs.replace(plan(*given), plain=bad)
        )
        told = converted(tmp_path, CHECKPOINT)
        assert (told.outcome, "broke protocol" in told.reason) == ("not-converted", True)
        assert {path.name for path in tmp_path.iterdir()} == {"in.pt"}


def test_equal_numbers_are_no_shared_ones(tmp_path: Path) -> None:
    data = joblib_builder.stream(*(joblib_builder.array(NUMBERS) for _ in range(2)))
    assert converted(tmp_path, data).shared == ()
    dtype, empty = joblib_builder.dtype(), p.call(p.global_("numpy.core.multiarray", "_reconstruct"),
        p.name("numpy", "ndarray"), (0,), b"b")  # fmt: skip
    small = p.build(empty, (1, (2,), dtype, False, NUMBERS))
    told = converted(tmp_path, joblib_builder.stream(small, small), force=True)
    assert (len(told.tensors), told.shared) == (2, ())
    twice = torch_builder.checkpoint(torch_builder.state({"a": GOOD, "b": GOOD}), {"0": NUMBERS})
    assert converted(tmp_path, twice, force=True).shared == (("a", "b"),)


# -- where it is put --------------------------------------------------------------------------------------------------


def test_what_is_there_stays_there_without_force(tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    out.write_text("mine")
    with pytest.raises(AirlockError, match="already"):
        converted(tmp_path, CHECKPOINT)
    assert out.read_text() == "mine"
    converted(tmp_path, CHECKPOINT, force=True)
    assert set(kept(tmp_path)) == {"w"}


def test_nor_is_the_json_beside_it(tmp_path: Path) -> None:
    (tmp_path / "out.safetensors.json").write_text("mine")
    data = torch_builder.checkpoint(torch_builder.state({"w": GOOD, "n": 1}), {"0": NUMBERS})
    with pytest.raises(AirlockError, match=r"out\.safetensors\.json: it is there already"):
        converted(tmp_path, data)
    assert (tmp_path / "out.safetensors.json").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"in.pt", "out.safetensors.json"}


def test_an_old_json_does_not_outlive_its_tensors(tmp_path: Path) -> None:
    converted(tmp_path, torch_builder.checkpoint(torch_builder.state({"w": GOOD, "n": 1}), {"0": NUMBERS}))
    assert plain(tmp_path) == {"n": 1}
    converted(tmp_path, CHECKPOINT, force=True)
    assert not (tmp_path / "out.safetensors.json").exists()
    (tmp_path / "out.safetensors.json").write_text("mine")
    converted(tmp_path, CHECKPOINT, force=True)
    assert (tmp_path / "out.safetensors.json").read_text() == "mine"


def test_the_input_may_be_reached_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(CHECKPOINT)
    (tmp_path / "in.pt").symlink_to("blob")
    assert converted(tmp_path, tmp_path / "in.pt").outcome == "converted"


@pytest.mark.parametrize("force", [False, True])
def test_never_through_a_link_onto_a_folder_or_onto_the_input(tmp_path: Path, force: bool) -> None:
    source = tmp_path / "in.pt"
    source.write_bytes(CHECKPOINT)
    (tmp_path / "folder").mkdir()
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "link").symlink_to("victim")
    (tmp_path / "dangling").symlink_to("nothing")
    os.link(source, tmp_path / "same")
    os.mkfifo(tmp_path / "pipe")
    for name in ("in.pt", "folder", "link", "dangling", "same", "pipe", "nowhere/out"):
        with pytest.raises(AirlockError, match="cannot write"):
            convert(str(source), str(tmp_path / name), Wanted(force=force))
    assert (tmp_path / "victim").read_text() == "mine"
    assert not (tmp_path / "nothing").exists()
    assert source.read_bytes() == CHECKPOINT
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_the_input_must_be_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("gone", "", "pipe"):
        with pytest.raises(AirlockError, match="cannot"):
            convert(str(tmp_path / name), str(tmp_path / "out"), Wanted())


def test_what_comes_to_be_there_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    source, out = tmp_path / "in.pt", tmp_path / "out.safetensors"
    source.write_bytes(CHECKPOINT)

    def meanwhile(_done: int, _all: int) -> None:
        out.write_text("mine")

    with pytest.raises(AirlockError, match="already"):
        convert(str(source), str(out), Wanted(), meanwhile)
    assert out.read_text() == "mine"
    out.unlink()

    def as_a_link(_done: int, _all: int) -> None:
        out.symlink_to("victim")

    with pytest.raises(AirlockError, match="symbolic link"):
        pytest.fail(str(convert(str(source), str(out), Wanted(force=True), as_a_link)))
    assert not (tmp_path / "victim").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"in.pt", "out.safetensors"}


@pytest.mark.parametrize("force", [False, True])
def test_what_is_written_is_said_where_only_one_of_two_files_can_be(tmp_path: Path, force: bool) -> None:
    source, out = tmp_path / "in.pt", tmp_path / "out.safetensors"
    source.write_bytes(torch_builder.checkpoint(torch_builder.state({"w": GOOD, "n": 1}), {"0": NUMBERS}))

    def meanwhile(_done: int, _all: int) -> None:
        out.mkdir()

    with pytest.raises(AirlockError, match="it is a folder") as caught:
        convert(str(source), str(out), Wanted(force=force), meanwhile)
    assert (caught.value.hint == f"{out}.json is replaced already.") is force
    assert Path(f"{out}.json").exists() is force


# -- when things change, or end ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["rewrite", "truncate", "touch"])
def test_a_file_that_changes_while_it_is_read_gives_nothing(tmp_path: Path, change: str) -> None:
    source, out = tmp_path / "in.pt", tmp_path / "out.safetensors"
    source.write_bytes(CHECKPOINT)
    writers: list[int] = []

    def meanwhile(_done: int, _all: int) -> None:
        if writers:
            return
        if change == "touch":
            writers.append(0)
            os.utime(source, ns=(1, 1))
            return
        try:  # the lease holds a writer off until it is over; one that does not wait breaks it
            writers.append(os.open(source, os.O_WRONLY | os.O_NONBLOCK))
        except BlockingIOError:
            writers.append(-1)
            return
        os.ftruncate(writers[0], 10) if change == "truncate" else os.pwrite(writers[0], b"x", 100)

    told = convert(str(source), str(out), Wanted(), meanwhile)
    assert writers
    assert told.outcome == "not-converted"
    assert "changed" in told.reason
    assert {path.name for path in tmp_path.iterdir()} == {"in.pt"}


def test_a_name_that_leads_elsewhere_meanwhile_gives_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scan goes by the name: what it says must be about the file that is converted."""
    scan, source = module.scan_sources, tmp_path / "in.pt"
    (tmp_path / "hostile").write_bytes(hostile(tmp_path / "canary"))
    (tmp_path / "good").write_bytes(CHECKPOINT)
    source.symlink_to("hostile")

    def swapped(*given: object, **options: object) -> object:
        source.unlink()
        source.symlink_to("good")
        return scan(*given, **options)

    monkeypatch.setattr(module, "scan_sources", swapped)
    told = converted(tmp_path, source)
    assert (told.outcome, told.reason) == ("not-converted", "the file changed while it was read")
    assert {path.name for path in tmp_path.iterdir()} == {"in.pt", "good", "hostile"}


def test_a_file_that_is_cut_after_it_was_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert_write, "_read", lambda fd, start, count: b"")
    monkeypatch.setattr(os, "copy_file_range", lambda *_: 0, raising=False)
    told = converted(tmp_path, CHECKPOINT)
    assert (told.outcome, told.reason) == ("not-converted", "the file changed while it was read")
    assert {path.name for path in tmp_path.iterdir()} == {"in.pt"}


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(convert_write, "put", full)
        with pytest.raises(AirlockError, match="No space left"):
            converted(tmp_path, CHECKPOINT)
    with monkeypatch.context() as patched:
        patched.setattr(os, "copy_file_range", full, raising=False)
        with pytest.raises(AirlockError, match="No space left"):
            converted(tmp_path, CHECKPOINT)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(AirlockError, match="No space left"):
            converted(tmp_path, CHECKPOINT)
    few = os.statvfs_result((4096, 4096, 0, 0, 0, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: few)
    with pytest.raises(AirlockError, match="are free"):
        converted(tmp_path, CHECKPOINT)
    assert {path.name for path in tmp_path.iterdir()} == {"in.pt"}


def test_where_the_kernel_cannot_copy_it_is_done_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", never, raising=False)
    converted(tmp_path, CHECKPOINT)
    assert kept(tmp_path) == {"w": ("F32", (2, 2), NUMBERS)}


# -- bombs ------------------------------------------------------------------------------------------------------------


def test_a_small_file_cannot_fill_the_disk(tmp_path: Path) -> None:
    wide = torch_builder.tensor(shape=(2**20, 2**20), stride=(0, 0))
    told = converted(tmp_path, torch_builder.checkpoint(torch_builder.state({"w": wide})))
    assert told.outcome == "not-converted"
    assert "would take" in told.reason
    many = {f"w{number}": torch_builder.tensor(shape=(2**20, 1), stride=(0, 1)) for number in range(200)}
    told = converted(tmp_path, torch_builder.checkpoint(torch_builder.state(many)))
    assert "would take" in told.reason
    assert {path.name for path in tmp_path.iterdir()} == {"in.pt"}


def test_a_layout_that_takes_for_ever_to_gather_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert_write, "_LEAST_SPEED", 10**12)
    steps = tuple(1 + 7 * number % 5 for number in range(24))
    odd = torch_builder.tensor(torch_builder.storage("0", 100), shape=(2,) * 24, stride=steps)
    data = torch_builder.checkpoint(torch_builder.state({"w": odd}), {"0": bytes(400)})
    told = converted(tmp_path, data, limits=Limits(seconds=1))
    assert told.outcome == "not-converted"
    assert "takes too long" in told.reason
    assert {path.name for path in tmp_path.iterdir()} == {"in.pt"}


def test_a_compressed_part_that_holds_less_than_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = joblib_builder.compress(joblib_builder.stream(joblib_builder.array(NUMBERS)), "zlib")
    assert converted(tmp_path, data).outcome == "converted"
    plan = module._Conversion._plan

    def lying(self: object, name: str) -> object:
        import msgspec

        made = plan(self, name)
        stream = msgspec.structs.replace(made.streams[0], size=made.streams[0].size + 10_000_000)
        return msgspec.structs.replace(made, streams=(stream,))

    monkeypatch.setattr(module._Conversion, "_plan", lying)
    told = converted(tmp_path, data, force=True)
    assert told.outcome == "not-converted"
    assert "holds less" in told.reason
    assert not left_over(tmp_path)


def test_streams_cannot_fill_the_disk_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import msgspec

    plan = module._Conversion._plan
    many = (Stream(0, 10, "zlib", 2**40),) * 1000

    def lying(self: object, name: str) -> object:
        return msgspec.structs.replace(plan(self, name), streams=many)

    monkeypatch.setattr(module._Conversion, "_plan", lying)
    told = converted(tmp_path, CHECKPOINT)
    assert (told.outcome, "would take" in told.reason) == ("not-converted", True)


def test_too_little_isolation_is_the_operator_s_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelairlock.records.errors import NoIsolation

    monkeypatch.setattr("modelairlock.isolation.wall.LAYERS", ("limits",))
    with pytest.raises(NoIsolation):
        converted(tmp_path, CHECKPOINT, require=Level.STRICT)
    assert {path.name for path in tmp_path.iterdir()} == {"in.pt"}


def test_blocks_are_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "_BLOCK", 8)
    turned, wide = torch_builder.tensor(stride=(1, 2)), torch_builder.tensor(shape=(3, 4), stride=(0, 1))
    tensors = {"w": GOOD, "t": turned, "e": wide}
    converted(tmp_path, torch_builder.checkpoint(torch_builder.state(tensors), {"0": NUMBERS}))
    first, second, third, fourth = (NUMBERS[at : at + 4] for at in range(0, 16, 4))
    assert {key: data for key, (_, _, data) in kept(tmp_path).items()} == {
        "w": NUMBERS, "t": first + third + second + fourth, "e": NUMBERS * 3,
    }  # fmt: skip
