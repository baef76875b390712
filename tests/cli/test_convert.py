"""``airlock convert``: what its options ask for, what it says, what it exits with."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from modelairlock.records.conversion import schema
from tests.build import pickle_builder as p
from tests.build import torch_builder

VALIDATOR = jsonschema_rs.validator_for(schema())
GOOD = torch_builder.tensor()
ESC = "\x1b[31mred\n::error::"
NAMESPACE = p.build(p.call_newobj(p.name("argparse", "Namespace")), {"lr": 1})
KINDS = {
    "plain": ({"w": GOOD, "n": 1}, 0, "converted"),
    "objects": ({"w": GOOD, "args": NAMESPACE}, 3, "partly"),
    "lost": ({"w": GOOD, "bad": torch_builder.tensor(torch_builder.storage("9"))}, 3, "partly"),
    "named": ({"w": GOOD, ESC: GOOD, "x": {ESC: NAMESPACE}}, 3, "partly"),
    "nothing": ({"n": 1}, 3, "not-converted"),
    "hostile": ({"w": GOOD, "x": p.call(p.global_("posix", "system"), "id")}, 1, "refused"),
}


def written(kind: str) -> None:
    Path("in.pt").write_bytes(torch_builder.checkpoint(torch_builder.state(KINDS[kind][0])))


@pytest.mark.parametrize("kind", KINDS)
def test_exit_status_and_schema(run, kind: str) -> None:
    written(kind)
    done = run("convert", "in.pt", "out.safetensors", "--format", "json")
    assert done.exit_code == KINDS[kind][1], done.output
    told = json.loads(done.stdout)
    assert not [f"{e.instance_path}: {e.message}" for e in VALIDATOR.iter_errors(told)]
    assert (told["schema"], told["outcome"]) == ("modelairlock/convert/1", KINDS[kind][2])
    assert Path("out.safetensors").exists() is (told["output"] is not None)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format_", ["text", "json"])
def test_nothing_moves_a_cursor(run, kind: str, format_: str) -> None:
    written(kind)
    done = run("convert", "in.pt", "out.safetensors", "--format", format_, "--verbose")
    assert done.stdout
    assert all(character.isprintable() or character == "\n" for character in done.stdout)
    assert not any(line.lstrip().startswith("::") for line in done.stdout.splitlines())


def test_the_text_says_what_where_why_and_what_next(run) -> None:
    written("hostile")
    said = run("convert", "in.pt", "out.safetensors").stdout
    for part in ("REFUSED  in.pt", "FLAGGED", "runs-harmful-code", "--strip", "Nothing was written"):
        assert part in said, said
    said = run("convert", "--strip", "in.pt", "out.safetensors").stdout
    for part in ("CONVERTED  in.pt (torch, FLAGGED)", "1 tensor", "x: posix.system"):
        assert part in said, said
    written("plain")
    said = run("convert", "in.pt", "out.safetensors", "--force").stdout
    assert "out.safetensors.json: what is plain data" in said, said


def test_long_lists_are_cut_unless_all_is_asked_for(run) -> None:
    many = {f"bad{number}": torch_builder.tensor(torch_builder.storage("9")) for number in range(30)}
    Path("in.pt").write_bytes(torch_builder.checkpoint(torch_builder.state({"w": GOOD, **many})))
    said = run("convert", "in.pt", "out.safetensors").stdout
    assert ("bad29" not in said, "and 20 more" in said) == (True, True), said
    assert "bad29" in run("convert", "in.pt", "out.safetensors", "--force", "--verbose").stdout


def test_quiet_says_nothing(run) -> None:
    written("lost")
    done = run("convert", "in.pt", "out.safetensors", "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (3, "", "")


def test_what_the_operator_can_mend(run) -> None:
    written("plain")
    for arguments in (
        ("gone.pt", "out"), (".", "out"), ("in.pt", "in.pt"), ("in.pt", "."), ("in.pt", "no/out"), ("in.pt",),
        ("in.pt", "out", "--limits", "seconds"), ("in.pt", "out", "--require", "total"),
    ):  # fmt: skip
        done = run("convert", *arguments)
        assert (done.exit_code, done.stdout) == (2, ""), arguments
        assert done.stderr
    assert [path.name for path in Path().iterdir()] == ["in.pt"]


def test_limits_count(run) -> None:
    written("plain")
    done = run("convert", "in.pt", "out", "--limits", "entries=1")
    assert (done.exit_code, "limit" in done.stdout) == (3, True), done.output


def test_an_environment_is_for_loading(run) -> None:
    written("plain")
    done = run("convert", "in.pt", "out.safetensors", "--env", "venv")
    assert (done.exit_code, "--load-in-jail" in done.stderr) == (2, True), done.output
    assert not Path("out.safetensors").exists()


def test_a_load_is_told_with_what_it_tried(run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said of a record: tests/pipeline/test_convert_load.py makes real ones."""
    import msgspec

    from modelairlock.pipeline import convert as module
    from modelairlock.records.isolation import Isolation
    from modelairlock.records.jail import Certainty, Event

    written("plain")
    event = Event(seq=1, at_seconds=0.1, phase="load", thread=1, syscall="openat", arguments=(ESC,), action="EACCES",
                  certainty=Certainty.DENIED)  # fmt: skip
    convert = module.convert
    monkeypatch.setattr(
        module, "convert", lambda *given: msgspec.structs.replace(
            convert(*given), how="loaded", loader="torch.load", jail=Isolation.of(()), attempts=(event,) * 12
        )
    )  # fmt: skip
    done = run("convert", "in.pt", "out.safetensors")
    assert "by loading it in the jail" in done.stdout
    assert "Tried while it was loaded, and refused:" in done.stdout
    assert "and 2 more" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\n::error" not in done.stdout
    told = json.loads(run("convert", "in.pt", "out.safetensors", "--force", "--format", "json").stdout)
    assert not [f"{e.instance_path}: {e.message}" for e in VALIDATOR.iter_errors(told)]
    assert (told["how"], len(told["attempts"])) == ("loaded", 12)
