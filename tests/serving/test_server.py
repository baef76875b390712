"""The server as it runs: what a client gets, whatever it sends, and what is left when it ends.

The model is a pickle of ours that does what the test asks for; it is unpickled in the jail alone.
"""

import concurrent.futures
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

numpy = pytest.importorskip("numpy")
pytest.importorskip("uvicorn")
from tests.isolation.jail.serving_help import model  # noqa: E402 - it needs numpy
from tests.serving.serving_help import (  # noqa: E402 - it needs numpy
    BODY,
    Server,
    assert_gone,
    descendants,
    environment,
    family_of,
    leaf,
    server,
)  # fmt: skip

pytestmark = [
    pytest.mark.jail,
    pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's"),
    pytest.mark.usefixtures("jailed_python"),
]
BASE = ("--loader", "pickle.load", "--unsafe-serve-flagged", "--memory", "512M")
ONE = {"name": "x", "shape": [2], "datatype": "FP64", "data": [1, 2]}


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("served") / "model.pkl"
    place.write_bytes(model(BODY))
    return place


@pytest.fixture(scope="module")
def shared(path) -> Iterator[Server]:
    """For tests that leave it as it was, but for its counts."""
    short = "from modelairlock.serving import intake; intake._DRAIN_SECONDS = 0.2"
    bounds = ("--workers", "2", "--seconds", "2", "--max-body", "1M", "--queue", "4")
    with server(path, *BASE, *bounds, before=short) as one:
        yield one


def test_it_says_what_it_serves(shared, path) -> None:
    assert shared.said[0].startswith("FLAGGED by its scan (sha256 ")
    assert "  critical" in shared.said[1]
    assert any("opened by pickle.load in the jail: level" in line for line in shared.said)
    assert shared.get("/v2/health/live")[::2] == (200, b'{"live":true}')
    assert shared.get("/v2/health/ready")[0] == 200
    assert shared.get("/v2/models/model/ready")[0] == 200
    assert json.loads(shared.get("/v2")[2])["extensions"] == ["binary_tensor_data"]
    told = json.loads(shared.get("/v2/models/model/versions/1")[2])
    assert (told["name"], told["airlock"]["verdict"], told["airlock"]["ready"]) == ("model", "flagged", True)
    assert told["airlock"]["level"] in {"strict", "confined"}
    assert str(path.parent) not in json.dumps(told)


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/", 404), ("GET", "/v2/", 404), ("GET", "/v2/models/other", 404),
        ("GET", "/v2/models/other/ready", 404),
        ("POST", "/v2/models/other/infer", 404), ("GET", "/v2/models/model/infer", 405), ("POST", "/v2", 405),
        ("GET", "/v2/models/model/versions/2", 404), ("GET", "/v2/models/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/v2/models/%1b%5b31m", 404), ("GET", "/v2/repository/index", 404),
        ("POST", "/v2/repository/models/model/load", 404), ("POST", "/v2/systemsharedmemory/region/a/register", 404),
        ("PUT", "/v2/models/model", 405), ("DELETE", "/v2/models/model", 405),
    ],
)  # fmt: skip
def test_other_addresses(shared, method, address, status) -> None:
    got, heads, body = shared.send(method, address, b"{}" if method == "POST" else None)
    assert got == status
    assert heads["content-type"] == "application/json"
    assert json.loads(body)["error"]
    assert b"\x1b" not in body


@pytest.mark.parametrize(
    ("datatype", "values"),
    [
        ("BOOL", [True, False, True]), ("INT8", [-128, 127, 0]), ("INT16", [-(2**15), 2**15 - 1, 0]),
        ("INT32", [-(2**31), 2**31 - 1, 1]), ("INT64", [-(2**63), 2**63 - 1, 2**53 + 1]), ("UINT8", [0, 255, 7]),
        ("UINT16", [0, 2**16 - 1, 7]), ("UINT32", [0, 2**32 - 1, 7]), ("UINT64", [0, 2**64 - 1, 7]),
        ("FP16", [0.5, -65504.0, 0.0]), ("FP32", [0.25, -1.5, 3.0]), ("FP64", [0.1, 1e300, -1e-300]),
        ("BYTES", ["", "é", "x" * 50]),
    ],
)  # fmt: skip
def test_every_datatype_comes_back_as_it_was_sent(shared, datatype, values) -> None:
    tensor = {"name": "x", "shape": [1, 3], "datatype": datatype, "data": [values]}
    status, _, said = shared.post({"inputs": [tensor], "id": "7"})
    assert (status, said["id"], said["model_name"]) == (200, "7", "model")
    assert said["outputs"] == [{"name": "output", "datatype": datatype, "shape": [1, 3], "data": values}]
    assert [type(one) for one in said["outputs"][0]["data"]] == [type(one) for one in values]


def test_binary_there_and_back(shared) -> None:
    array = numpy.array([[1.5, float("nan")], [float("-inf"), 2.0]])
    head = json.dumps(
        {
            "inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP64", "parameters": {"binary_data_size": 32}}],
            "outputs": [{"name": "output", "parameters": {"binary_data": True}}],
        }
    ).encode()
    body = head + array.tobytes()
    status, heads, said = shared.send(
        "POST", "/v2/models/model/infer", body, Inference_Header_Content_Length=str(len(head))
    )
    assert (status, heads["content-type"]) == (200, "application/octet-stream")
    length = int(heads["inference-header-content-length"])
    [output] = json.loads(said[:length])["outputs"]
    assert output["parameters"] == {"binary_data_size": 32}
    assert said[length:] == array.tobytes()


def test_results_of_several_parts_have_names(shared) -> None:
    status, _, said = shared.ask("names", 3.0)
    assert status == 200
    found = {one["name"]: (one["datatype"], one["shape"], one["data"]) for one in said["outputs"]}
    assert found == {
        "a": ("FP64", [1], [3.0]), "b": ("INT64", [2], [1, 2]), "d": ("BYTES", [2], ["é", "y\0"]),
        "e.f": ("FP64", [1], [1.5]), "e.g.0": ("FP64", [2], [1.0, 1.0]), "e.g.1": ("FP64", [1], [0.0]),
    }  # fmt: skip
    assert said["parameters"] == {"none": "c"}


def test_how_inputs_are_passed(shared) -> None:
    def passed(**more: object) -> list:
        given = {**ONE, "parameters": {"form": more.pop("form", "array")}, **more.pop("tensor", {})}
        status, _, said = shared.post(
            {"inputs": [given], "parameters": {"option.what": "type", "option.extra": 1, **more}}
        )
        assert status == 200, said
        return [one["data"] for one in said["outputs"]]

    text = {"shape": [1], "datatype": "BYTES", "data": ["ab"]}
    assert passed() == [["ndarray"], ["float64"], ["extra"]]
    assert passed(inputs_as="keywords") == [["ndarray"], ["float64"], ["extra"]]
    assert passed(form="list")[0] == ["list"]
    assert passed(form="value", tensor=text)[0] == ["str"]
    assert passed(inputs_as="dict")[0] == ["dict"]
    assert passed(tensor=text)[:2] == [["ndarray"], ["<U2"]]
    assert passed(tensor={**text, "parameters": {"content": "bytes"}})[:2] == [["ndarray"], ["|S2"]]


@pytest.mark.parametrize(
    ("what", "status", "said"),
    [
        ("raise", 422, "its own words"), ("object", 422, "builtins.object, which cannot be sent"),
        ("same", 422, "two outputs"), ("nan", 422, "NaN"), ("complex", 422, "no datatype"), ("half", 422, "half"),
        ("memory", 422, "MemoryError"),
    ],
)  # fmt: skip
def test_what_the_model_does_not_answer(shared, what, status, said) -> None:
    got, heads, answer = shared.ask(what)
    assert got == status, answer
    assert said in answer["error"]
    assert answer["error"].isprintable()
    assert len(answer["error"]) < 2000
    assert "x-header" not in heads
    assert "model.pkl" not in answer["error"]


def test_a_wide_text_among_many_is_no_bomb(shared) -> None:
    before = peak_kb(shared)
    status, _, said = shared.ask("wide")
    assert (status, said["outputs"][0]["shape"]) == (200, [3001])
    assert peak_kb(shared) - before < 100_000


def peak_kb(one: Server) -> int:
    lines = Path(f"/proc/{one.process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def test_crashes_time_outs_and_kills_cost_one_request(shared) -> None:
    assert shared.ask("crash")[0] == 500
    started = time.monotonic()
    status, heads, said = shared.ask("sleep", 1000.0)
    assert (status, "retry-after" in heads) == (504, False)
    assert "limit:wall" in said["error"]
    assert time.monotonic() - started < 6
    for _ in range(2):
        os.kill(leaf(shared.process.pid), signal.SIGKILL)
        for _ in range(2):  # one for each worker
            status, _, said = shared.ask("", 5.0)
            assert status == 200, (said, shared.log[-3:])
    counts = shared.counts()
    assert counts["airlock_worker_restarts_total"] >= 3
    assert counts['airlock_errors_total{reason="crash"}'] >= 1
    assert counts['airlock_errors_total{reason="time"}'] >= 1
    assert counts["airlock_workers"] == 2
    assert {"crash", "time"} <= {name.split('"')[1] for name in counts if name.startswith("airlock_errors_total")}
    assert any("SIGSEGV" in one["detail"] for one in shared.events("worker-ended"))


def raw(one: Server, data: bytes, ends: bytes = b"}") -> bytes:
    """What comes back for these bytes, until it is closed or ends so."""
    with socket.create_connection(("127.0.0.1", one.port), timeout=10) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while not got.endswith(ends) and (chunk := connection.recv(1 << 16)):
                got += chunk
        return got


POST = b"POST /v2/models/model/infer HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00", b"400"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 100_000, b"4"),
        (b"GET /" + b"a" * 200_000, b"4"),
        (POST + b"Content-Length: -1\r\n\r\n", b"400"),
        (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}", b"400"),
        (POST + b"Content-Length: 99999999999999999999\r\n\r\n{", b"413"),
        (POST + b"Content-Length: 99999999999999999\r\n\r\n{", b"413"),
        (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"4"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"4"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 40, b"413"),
        (POST + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", b"415"),
        (b"GET /v2 HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"421"),
        (b"GET /v2 HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /v2 HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n", b"403"),
        (b"GET /v2 HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n", b"403"),
        (b"GET /v2 HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n", b"403"),
        (b"GET /v2 HTTP/1.1\r\nHost: localhost:1\r\nOrigin: http://localhost:1\r\n\r\n", b"200"),
        (b"GET /v2 HTTP/1.1\r\nHost: [::1]:8090\r\n\r\n", b"200"),
        (b"GET /v2 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", b"200"),
    ],
    ids=range(19),
)  # fmt: skip
def test_what_is_no_request(shared, data, status) -> None:
    got = raw(shared, data)
    assert got[9:].startswith(status), got[:300]
    assert shared.get("/v2/health/live")[0] == 200


def test_pipelined_requests_each_get_an_answer(shared) -> None:
    one = b'{"inputs":[{"name":"x","shape":[1],"datatype":"INT8","data":[%d]}]}'
    bodies = [one % number for number in range(5)]
    data = b"".join(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body for body in bodies)
    got = raw(shared, data + b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", b'{"live":true}')
    found = [got.find(b'"data":[%d]' % number) for number in range(5)]
    assert found == sorted(found)
    assert found[0] > 0


def test_a_size_bomb_is_refused_before_it_is_made(shared) -> None:
    before = peak_kb(shared)
    for shape in ([2**40], [0, 2**62], [2**31, 2**31, 2**31], [1] * 64, [2**20, 0]):
        status, _, said = shared.post({"inputs": [{**ONE, "shape": shape}]})
        assert status == 400, said
    assert shared.ask("large", 5_000_000.0)[0] == 422
    assert peak_kb(shared) - before < 50_000


def test_the_process_that_speaks_http_has_no_framework_and_few_secrets_of_the_model(shared) -> None:
    maps = Path(f"/proc/{shared.process.pid}/maps").read_text()
    assert "numpy" in maps
    assert not [name for name in ("torch", "sklearn", "scipy", "keras") if f"/{name}/" in maps]


def test_who_is_one_too_many_is_told_to_come_back(path) -> None:
    with (
        server(path, *BASE, "--queue", "1", "--seconds", "10") as one,
        concurrent.futures.ThreadPoolExecutor(12) as threads,
    ):
        asked = [threads.submit(one.ask, "sleep", 0.7) for _ in range(8)]
        got = [each.result() for each in asked]
        assert sorted({status for status, _, _ in got}) == [200, 503]
        assert sum(status == 200 for status, _, _ in got) == 2
        assert {heads["retry-after"] for status, heads, _ in got if status == 503} == {"1"}
        assert one.counts()['airlock_errors_total{reason="busy"}'] == 6
        many = [threads.submit(one.ask, "", float(number)) for number in range(200)]
        for number, each in enumerate(many):
            status, _, said = each.result()
            assert status in {200, 503}
            assert status == 503 or said["outputs"][0]["data"] == [float(number)]
        # What is under way is finished, and nothing new is taken.
        last = threads.submit(one.ask, "sleep", 1.0)
        time.sleep(0.4)
        assert one.end() == 0
        assert last.result()[0] == 200


@pytest.mark.parametrize(("what", "seen"), [("exec", "execve"), ("later", "openat"), ("forge", "")])
def test_a_model_that_tries_something_is_taken_out_of_service(path, tmp_path, what, seen) -> None:
    tmp_path.chmod(0o777)
    target = tmp_path / "pwned"
    with server(path, *BASE, "--workers", "2") as one:
        # What it does with a timer is seen while nobody asks.
        first = one.ask(what, path=str(target))[0]
        assert first == (200 if what == "later" else 503)
        time.sleep(2.5 if what == "later" else 0)
        assert one.get("/v2/health/ready")[0] == 503
        for _ in range(3):
            status, heads, said = one.ask("")
        assert (status, "retry-after" in heads) == (503, False)
        assert "taken out of service" in said["error"]
        assert one.get("/v2/health/ready")[0] == 503
        assert one.get("/v2/health/live")[0] == 200
        told = json.loads(one.get("/v2/models/model")[2])["airlock"]
        assert (told["ready"], bool(told["violations"].get(seen))) == (False, bool(seen))
        assert one.counts()["airlock_ready"] == 0
        assert bool(seen) == any(line["syscall"] == seen for line in one.events("violation"))
        assert one.events("down")
    assert not target.exists()


def test_recorded_violations_are_denied_counted_and_logged(path, tmp_path) -> None:
    tmp_path.chmod(0o777)
    target = tmp_path / "p\x1b[31mwned\n{}"
    with server(path, *BASE, "--on-violation", "record") as one:
        for _ in range(3):
            status, _, said = one.ask("quiet write", 4.0, path=str(target))
            assert (status, said["outputs"][0]["data"]) == (200, [4.0])
        assert one.counts()['airlock_violations_total{syscall="openat"}'] == 3
        lines = one.events("violation")
        assert [(line["syscall"], line["action"], line["certainty"]) for line in lines] == [
            ("openat", lines[0]["action"], "denied")
        ] * 3
        assert "\x1b" not in one.raw_log
        assert one.raw_log.count("\n") == len(one.log)
    assert not target.exists()


def test_a_worker_that_crashes_too_often_comes_back_after_a_pause(path) -> None:
    with server(path, *BASE) as one:
        statuses = [one.ask("crash")[0]]
        while statuses[-1] == 500 and len(statuses) < 20:
            statuses.append(one.ask("crash")[0])
        assert (statuses[-1], 3 < len(statuses) < 20) == (503, True)
        assert one.get("/v2/health/ready")[0] == 503
        until = time.monotonic() + 20
        while one.ask("", 2.0)[0] != 200:
            assert time.monotonic() < until
            time.sleep(0.3)
        assert one.get("/v2/health/ready")[0] == 200
        assert any("times in a row" in line["detail"] for line in one.events("worker-ended"))


def test_a_token(path, tmp_path) -> None:
    secret = "s" * 15 + "ecret-token"
    (tmp_path / "token").write_text(secret + "\n")
    with server(path, *BASE, "--token-file", str(tmp_path / "token"), "--host", "0.0.0.0") as one:
        assert one.get("/v2/health/ready")[0] == 200
        for address in ("/v2", "/metrics", "/v2/models/model"):
            for wrong in ("", secret, f"Bearer {secret}x", "Bearer ", f"Basic {secret}", f"Bearer {secret[:-1]}"):
                status, heads, _ = one.get(address, Authorization=wrong)
                assert (status, heads["www-authenticate"]) == (401, "Bearer")
            assert one.get(address, Authorization=f"Bearer {secret}", Host="any.example")[0] == 200
        assert one.post({"inputs": [ONE]})[0] == 401
        assert one.post({"inputs": [ONE]}, Authorization=f"Bearer {secret}")[0] == 200
        assert secret not in one.raw_log
        assert secret not in Path(f"/proc/{one.process.pid}/cmdline").read_text()


def test_a_unix_socket(path, tmp_path) -> None:
    place = tmp_path / "airlock.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(place))  # what a killed server leaves
    with server(path, *BASE, "--socket", str(place)) as one:
        assert one.address.startswith(f"unix:{place}")
        assert place.stat().st_mode & 0o777 == 0o600
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(place))
            asking.sendall(b"GET /v2/health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert asking.recv(1000).startswith(b"HTTP/1.1 200")
        assert one.end(signal.SIGINT) == 130
    assert not place.exists()


def test_a_signal_while_it_is_loaded_leaves_nothing(tmp_path) -> None:
    (tmp_path / "model.pkl").write_bytes(model("return 1", "import time; time.sleep(60)"))
    process = subprocess.Popen(
        [sys.executable, "-m", "modelairlock", "serve-isolated", "model.pkl", "--port", "0", *BASE],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=environment(),
    )  # fmt: skip
    until = time.monotonic() + 30
    while len(descendants(process.pid)) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)
    family = family_of(process.pid)
    assert family
    process.terminate()
    said, problems = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Traceback" not in problems
    assert b"serving" not in said
    assert_gone(family)


def test_a_file_that_changes_is_not_served_by_a_worker_that_starts_anew(path, tmp_path) -> None:
    place = tmp_path / "model.pkl"
    place.write_bytes(path.read_bytes())
    with server(place, *BASE) as one:
        assert one.ask("", 1.0)[0] == 200
        place.write_bytes(model("return 666.0"))
        assert one.ask("", 1.0)[2]["outputs"][0]["data"] == [1.0]
        os.kill(leaf(one.process.pid), signal.SIGKILL)
        time.sleep(0.2)
        for _ in range(2):
            status, _, said = one.ask("", 1.0)
            assert (status, "changed" in said["error"]) == (503, True)


def test_binary_elements(shared) -> None:
    elements = [b"", b"\xff\x00\x01", b"abc"]
    tail = b"".join(struct.pack("<I", len(one)) + one for one in elements)
    tensor = {
        "name": "x",
        "shape": [3],
        "datatype": "BYTES",
        "parameters": {"binary_data_size": len(tail), "content": "bytes"},
    }
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    status, heads, said = shared.send(
        "POST", "/v2/models/model/infer", head + tail, Inference_Header_Content_Length=str(len(head))
    )
    assert status == 200, said
    assert said[int(heads["inference-header-content-length"]) :] == tail


SHORT = """
from modelairlock.serving import app, intake, server
server.HEAD_SECONDS = intake.BODY_SECONDS = app._SEND_SECONDS = 0.4
intake._DRAIN_SECONDS = 0.2
server.MAX_CONNECTIONS = 20
"""


def test_who_is_slow_is_not_waited_for(path) -> None:
    with server(path, *BASE, "--max-body", "16M", before=SHORT) as one, contextlib.ExitStack() as stack:

        def connected(data: bytes) -> socket.socket:
            connection = stack.enter_context(socket.socket())
            # Set before: the kernel takes in what is not read until then.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(15)
            connection.connect(("127.0.0.1", one.port))
            connection.sendall(data)
            return connection

        large = {**ONE, "shape": [1], "data": [50_000_000]}
        given = {"inputs": [large], "parameters": {"option.what": "large", "binary_data_output": True}}
        body = json.dumps(given).encode()
        reader = connected(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert reader.recv(12) == b"HTTP/1.1 200"
        started = time.monotonic()
        for data in (b"", b"GET /v2 HT", POST, POST[:20]):
            assert connected(data).recv(100) == b""
        again = connected(b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in again.recv(1000)
        again.sendall(b"GET /v2")
        while again.recv(1000):
            pass
        assert b"408" in connected(POST + b"Content-Length: 10\r\n\r\n{").recv(100)
        assert time.monotonic() - started < 6
        # The answer that nobody read is not kept for ever.
        taken = 0
        with contextlib.suppress(ConnectionResetError):
            while chunk := reader.recv(1 << 20):
                taken += len(chunk)
        assert taken < 50_000_000
        many = [connected(b"") for _ in range(25)]
        assert many[-1].recv(10) == b""
        while many[0].recv(10):
            pass
        time.sleep(0.6)
        assert one.ask("", 3.0)[0] == 200
