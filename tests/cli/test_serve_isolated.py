"""``airlock serve-isolated``: what it refuses before anything is opened, and what it says then."""

import pickle
import socket
import sys
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")
#: never loaded: it is refused by its scan
HOSTILE = b"cposix\nsystem\n(X\x02\x00\x00\x00idtR."


@pytest.fixture(autouse=True)
def _model() -> None:
    Path("honest.pkl").write_bytes(pickle.dumps({}))


def refused(run, *arguments: str, status: int = 2) -> str:
    done = run("serve-isolated", "honest.pkl", "--port", "0", *arguments)
    assert done.exit_code == status
    assert "hint: " in done.stderr
    return done.stderr


def test_a_flagged_model_is_not_served(run) -> None:
    Path("honest.pkl").write_bytes(HOSTILE)
    assert "is FLAGGED, and is not served" in refused(run, status=1)
    done = run("serve-isolated", "honest.pkl", "--port", "0")
    assert done.stdout.startswith("FLAGGED by its scan")
    assert "critical runs-harmful-code" in done.stdout
    assert "opened" not in done.stdout


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_another_host_needs_a_token(run, host) -> None:
    assert "there is no token" in refused(run, "--host", host)


def test_a_token_file_holds_a_token(run) -> None:
    assert "No such file" in refused(run, "--token-file", "gone")
    for content in (
        b"",
        b"short",
        b"with blanks in the middle",
        b"\xff" * 20,
        b"x" * 5000,
        b"a" * 20 + b"\n" + b"b" * 20,
    ):
        Path("token").write_bytes(content)
        said = refused(run, "--token-file", "token")
        assert "holds no token" in said
        assert "blanks in" not in said


@pytest.mark.parametrize("name", ["a/b", "..", "-a", "a b", "x" * 200, "a\x1b[31m", "é"])
def test_a_name_is_part_of_an_address(run, name) -> None:
    assert "cannot be a model's name" in refused(run, "--name", name)


def test_methods_and_loaders_come_from_lists(run) -> None:
    assert "There are predict" in refused(run, "--method", "__reduce__")
    assert "There are auto" in refused(run, "--loader", "os.system")


def test_what_is_not_there(run) -> None:
    for path in ("gone.pkl", "no/where.pkl"):
        done = run("serve-isolated", path, "--port", "0")
        assert (done.exit_code, path in done.stderr) == (2, True)


def test_a_port_that_is_taken(run) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert "cannot listen at 127.0.0.1 port" in refused(run, "--port", str(other.getsockname()[1]))
    assert "no address of" in refused(run, "--host", "no such host")


def test_a_socket_that_cannot_be(run) -> None:
    Path("file").write_text("keep me")
    assert "is there, and no socket" in refused(run, "--socket", "file")
    assert Path("file").read_text() == "keep me"
    assert "cannot listen" in refused(run, "--socket", "missing/place")
    assert "cannot listen" in refused(run, "--socket", "x" * 200)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind("used")
        other.listen()
        assert "somebody listens" in refused(run, "--socket", "used")
    assert Path("used").exists()


@pytest.mark.parametrize(
    "option",
    [
        ("--memory", "1"), ("--memory", "9" * 20), ("--memory", "-1G"), ("--memory", "1.5X"), ("--max-body", "0"),
        ("--workers", "0"), ("--workers", "1000"), ("--queue", "-1"), ("--seconds", "0"), ("--seconds", "nan"),
        ("--port", "70000"), ("--require", "weak"), ("--on-violation", "ignore"),
    ],
)  # fmt: skip
def test_numbers_and_choices_have_bounds(run, option) -> None:
    done = run("serve-isolated", "honest.pkl", *option)
    assert done.exit_code == 2
    assert option[0].lstrip("-") in done.stderr


def test_without_the_extra_it_says_what_to_install(run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one.startswith("modelairlock.serving")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert "pip install 'modelairlock[serve]'" in refused(run)


def test_the_name_is_made_of_the_files() -> None:
    from modelairlock.serving.opening import Wanted, _name

    for path, name in (("a/churn.v2.joblib", "churn"), ("./.x", "model"), ("ü ä.pkl", "model"), ("a b!c.pt", "a-b-c")):
        assert _name(Wanted(path=path)) == name
