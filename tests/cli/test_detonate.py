"""``airlock detonate``: what it asks for, what it prints, how it ends."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from modelairlock.records.detonate import DetonateRecord, Detonation, schema, verdict_of
from modelairlock.records.isolation import Level
from modelairlock.records.jail import Certainty, Claim, Event, JailLayer, JailPhase, Outcome
from modelairlock.records.scan import Excluded, OperatorError, Verdict
from tests.rules.judging import ATTEMPTS, finding_of

HELD = tuple(
    JailLayer(name=name, state="enforced", verified="parent")
    for name in ("privileges", "namespaces", "limits", "landlock", "seccomp")
)
EVENT = Event(
    seq=1, at_seconds=0.25, phase="load", thread=7, syscall="execve", arguments=("/bin/sh", "['sh', '-c', 'id']"),
    action="EPERM", certainty=Certainty.DENIED,
)  # fmt: skip


def loaded(verdict: Verdict, outcome: Outcome, **fields: object) -> Detonation:
    given = {
        "path": "m.pkl",
        "loader": "pickle.load",
        "interpreter": "/usr/bin/python3",
        "level": Level.STRICT,
        "layers": HELD,
    }
    return Detonation(verdict=verdict, outcome=outcome, **{**given, **fields})


def flagged() -> Detonation:
    from modelairlock.rules.load_runs_program import RULE

    finding = finding_of(RULE, ATTEMPTS[RULE.name])
    return loaded(
        Verdict.FLAGGED, Outcome.COMPLETED_WITH_VIOLATIONS, events=(EVENT,) * 20, findings=(finding,), dropped=7,
        usual=2, detail="20 attempts were seen", claims=(Claim(phase="load", event="os.system", arguments=("id",)),),
        phases=(
            JailPhase(name="load", seconds=0.5, cpu_seconds=0.4, memory_bytes=5_000_000),
            JailPhase(name="inference", seconds=0, cpu_seconds=0, memory_bytes=5, note="it raised \x1b[31m"),
        ), imported=("http", "evil\x07"), variables=("AWS_SECRET_ACCESS_KEY",), output="hello",
        sha256="0" * 64,
    )  # fmt: skip


def record(*detonations: Detonation, **fields: object) -> DetonateRecord:
    return DetonateRecord(
        verdict=verdict_of(detonations), started="2026-11-26T00:00:00+00:00", version="0.1.0",
        detonations=detonations, **fields,
    )  # fmt: skip


class Stand:
    """Stands in for ``pipeline.detonate.detonate``."""

    def __init__(self) -> None:
        self.record = record(loaded(Verdict.CLEAR, Outcome.COMPLETED, detail="nothing forbidden was attempted"))
        self.sources: tuple[str, ...] = ()
        self.options: dict[str, object] = {}

    def __call__(self, sources: tuple[str, ...], **options: object) -> DetonateRecord:
        self.sources, self.options = sources, options
        return self.record


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    made = Stand()
    monkeypatch.setattr("modelairlock.pipeline.detonate.detonate", made)
    return made


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (record(loaded(Verdict.CLEAR, Outcome.COMPLETED)), 0),
        (record(flagged()), 1),
        (record(loaded(Verdict.INCOMPLETE, Outcome.LOADER_ERROR)), 3),
        (record(), 3),
        (record(loaded(Verdict.INCOMPLETE, Outcome.ISOLATION_UNAVAILABLE)), 2),
        (record(flagged(), loaded(Verdict.INCOMPLETE, Outcome.ISOLATION_LOST)), 2),
        (record(flagged(), errors=(OperatorError(path="x", message="missing", hint="look"),)), 2),
    ],
)
@pytest.mark.parametrize("format_", ["text", "json"])
def test_exit_status_and_schema(run, stand: Stand, answer: DetonateRecord, status: int, format_: str) -> None:
    stand.record = answer
    done = run("detonate", "-f", format_, "m.pkl")
    assert done.exit_code == status, done.output
    if format_ == "json":
        jsonschema_rs.validator_for(schema()).validate(json.loads(done.stdout))


@pytest.mark.parametrize("answer", [record(flagged()), record(loaded(Verdict.INCOMPLETE, Outcome.LIMIT_WALL))])
def test_code_scanning_gets_the_findings(run, stand: Stand, answer: DetonateRecord) -> None:
    stand.record = answer
    log = json.loads(run("detonate", "-f", "sarif", "m.pkl").output)
    assert log["version"] == "2.1.0"
    [result] = log["runs"][0]["results"]
    assert ("load-runs-program" if answer.verdict is Verdict.FLAGGED else "limit:wall") in json.dumps(result)


def test_the_report_says_what_was_tried_and_what_held(run, stand: Stand) -> None:
    stand.record = record(flagged(), excluded=(Excluded(path="a.txt", reason="no loader"),))
    brief, whole = run("detonate", "m.pkl").output, run("detonate", "-v", "m.pkl").output
    for words in (
        "FLAGGED     m.pkl   pickle.load, 0.5 s",
        "critical  load-runs-program: loading it starts a program: execve /bin/sh",
        "tried  execve /bin/sh ['sh', '-c', 'id'] (load, at 0.250 s: denied, EPERM)",
        "7 more were seen and not kept",
        "2 attempts that an honest file makes here too, or idle ones",
        "first use  it raised \\x1b[31m (said by the jailed process itself)",
        "outcome  completed_with_violations: 20 attempts were seen",
        "jail  strict: privileges, namespaces, limits, landlock, seccomp enforced",
        "1 file loaded in the jail: 1 flagged. 1 file not loaded alone",
    ):
        assert words in brief
        assert words in whole
    assert "and 8 more with -v" in brief
    assert brief.count("tried  ") == 12
    assert whole.count("tried  ") == 20
    for words in ("loaded by  /usr/bin/python3", "0.40 s of processor, 5 MB", "it can be forged", "printed  hello"):
        assert words in whole
        assert words not in brief
    for words in ("imported  http, evil\\x07", "variables  AWS_SECRET_ACCESS_KEY"):
        assert words in whole
    assert not {"\x1b", "\x07"} & {*brief, *whole}


def test_when_nothing_was_loaded_it_says_why(run, stand: Stand) -> None:
    left = (Excluded(path="a.txt", reason="no loader"),)
    stand.record = record(excluded=left)
    assert "Nothing is known of it: no loader of the jail opens it" in run("detonate", "a.txt").output
    # Where a loader would open it, and is not there, that is the reason.
    stand.record = record(excluded=left, errors=(OperatorError(path="a", message="no torch", hint="look"),))
    assert "no loader of the jail" not in run("detonate", "a.txt").output


@pytest.mark.parametrize("value", ["0", "8", "4T", "1Ki", "-1Gi", "99999999999Gi"])
def test_memory_is_a_size(run, stand: Stand, value: str) -> None:
    done = run("detonate", f"--memory={value}", "a")
    assert done.exit_code == 2
    assert "is no size from 1Mi to 1000Gi" in done.output
    assert not stand.sources


def test_a_use_that_did_not_end_is_not_silent(run, stand: Stand) -> None:
    phase = JailPhase(name="inference", seconds=9, cpu_seconds=9, memory_bytes=5)
    stand.record = record(loaded(Verdict.INCOMPLETE, Outcome.LIMIT_WALL, phases=(phase,)))
    assert "first use  did not end" in run("detonate", "m.pkl").output


def test_nothing_to_load_says_what_to_do(run, stand: Stand) -> None:
    stand.record = record(excluded=(Excluded(path="a.txt", reason="no loader"),))
    assert "airlock scan reads it" in run("detonate", "a.txt").output


def test_clear_says_what_it_does_not_mean(run, stand: Stand) -> None:
    assert "not shown  what waits for another day" in run("detonate", "m.pkl").output


def test_what_is_missing_is_said(run, stand: Stand) -> None:
    lacking = (*HELD[:1], JailLayer(name="namespaces", state="unavailable", reason="no bwrap"), *HELD[2:])
    stand.record = record(loaded(Verdict.CLEAR, Outcome.COMPLETED, level=Level.CONFINED, layers=lacking))
    assert (
        "confined: privileges, limits, landlock, seccomp enforced; namespaces unavailable (no bwrap)"
        in run("detonate", "m.pkl").output
    )


def test_hostile_words_reach_no_terminal(run, stand: Stand) -> None:
    stand.record = record(
        loaded(Verdict.FLAGGED, Outcome.BLOCKED_CRASH, path="a\x1b[2J\n.pkl", detail="x\x1b[31m", output="\x1b]0;t\x07")
    )
    done = run("detonate", "-v", "m.pkl")
    assert "\x1b" not in done.output
    assert "\x07" not in done.output


def test_options_reach_the_jail(run, stand: Stand, tmp_path: Path) -> None:
    run(
        "detonate",
        "--loader",
        "torch.load",
        "--env",
        str(tmp_path),
        "--require",
        "strict",
        "--seconds",
        "5",
        "--memory",
        "8Mi",
        "a",
        "b",
    )
    assert stand.sources == ("a", "b")
    assert stand.options["loader"] == "torch.load"
    assert stand.options["interpreter"] == str(tmp_path / "bin" / "python")
    assert stand.options["require"] is Level.STRICT
    assert (stand.options["seconds"], stand.options["memory_bytes"]) == (5, 8 << 20)
    assert isinstance(stand.options["cache_folder"], Path)
    run("detonate", "--no-cache", "a")
    assert [stand.options[name] for name in ("seconds", "memory_bytes", "cache_folder")] == [None, None, None]


def test_the_environment_is_the_active_one(run, stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", "/v")
    run("detonate", "a")
    assert stand.options["interpreter"] == "/v/bin/python"
    run("detonate", "--env", "/usr/bin/python3", "a")
    assert stand.options["interpreter"] == "/usr/bin/python3"


def test_quiet_and_into_a_file(run, stand: Stand) -> None:
    assert run("detonate", "-q", "a").output == ""
    assert run("detonate", "-f", "json", "-o", "r.json", "a").output == ""
    assert json.loads(Path("r.json").read_text())["schema"] == "modelairlock/detonate/1"
    done = run("detonate", "-o", "missing/r.json", "a")
    assert (done.exit_code, "there is no folder" in done.output) == (2, True)


@pytest.mark.parametrize("options", [("-q",), ("-f", "json"), ("-f", "sarif"), ("-o", "r.txt")])
def test_errors_are_said_where_no_report_shows_them(run, stand: Stand, options: tuple[str, ...]) -> None:
    stand.record = record(
        loaded(Verdict.INCOMPLETE, Outcome.ISOLATION_UNAVAILABLE, detail="no Landlock"),
        errors=(OperatorError(path="x", message="missing", hint="look"),),
    )
    done = run("detonate", *options, "m.pkl")
    assert done.exit_code == 2
    for words in ("airlock: x: missing", "hint: look", "m.pkl was not opened: no Landlock"):
        assert words in done.stderr


def test_on_a_terminal_it_says_what_it_loads(run, stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelairlock.cli.terminal.is_terminal", lambda _: True)
    run("detonate", "a")
    stand.options["tell"]("m.pkl")
    run("detonate", "-q", "a")
    assert stand.options["tell"] is None


def test_too_little_isolation_cannot_be_asked_for(run, stand: Stand) -> None:
    assert run("detonate", "--require", "none", "a").exit_code == 2
