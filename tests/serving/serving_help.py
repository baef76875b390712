"""A real server in a process of its own, and a client that says exactly what it is told to."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 120
#: what the model of these tests does, by an option of the call; it runs in the jail alone
BODY = """
what = more.pop('what', '')
if what == 'sleep':
    time.sleep(float(np.asarray(x).reshape(-1)[0]))
elif what == 'crash':
    import ctypes; ctypes.string_at(0)
elif what == 'exec':
    os.execv('/usr/bin/touch', ['touch', more['path']])
elif what == 'later':
    threading.Timer(0.3, lambda: open(more['path'], 'w')).start()
elif what == 'quiet write':
    quiet(lambda: open(more['path'], 'w'))
elif what == 'raise':
    raise ValueError('no \\x1b[31m\\r\\nX-Header: 1 \\u202e ' + 'x' * 5000)
elif what == 'object':
    return object()
elif what == 'names':
    return {'a': x, 'b': [1, 2], 'c': None, 'd': ['\\u00e9', 'y\\0'], 'e': {'f': 1.5, 'g': (np.ones(2), np.zeros(1))}}
elif what == 'same':
    return {'a.b': 1.0, 'a': {'b': 2.0}}
elif what == 'nan':
    return np.array([float('nan'), 1.0])
elif what == 'complex':
    return np.ones(2, complex)
elif what == 'half':
    return np.array(['a', 'b']).view('u4').copy().__ior__(0xd800).view('U1')
elif what == 'wide':
    return ['x' * 60_000] + ['y'] * 3000
elif what == 'large':
    return np.zeros(int(np.asarray(x).reshape(-1)[0]), 'u1')
elif what == 'memory':
    return float(sum(np.ones(1 << 27).sum() for one in [[np.ones(1 << 27) for n in range(64)]]))
elif what == 'forge':
    os.write(3, b'{')
elif what == 'type':
    return [type(x).__name__, str(getattr(x, 'dtype', '')), sorted(more)]
return x
"""


class Server:
    """One that runs. `log` has its lines on standard error, `said` those on standard output."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process
        self.said: list[str] = []
        self.log: list[dict] = []
        self.raw_log = ""
        self.address = ""
        self.up = threading.Event()
        self.readers = [threading.Thread(target=read, daemon=True) for read in (self._hear_out, self._hear_log)]
        for one in self.readers:
            one.start()

    def _hear_out(self) -> None:
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))
            if line.startswith("serving at "):
                self.address = line.split()[-1]
                self.up.set()
        self.up.set()

    def _hear_log(self) -> None:
        for line in self.process.stderr:
            self.raw_log += line
            with contextlib.suppress(ValueError):
                self.log.append(json.loads(line))

    @property
    def port(self) -> int:
        return int(self.address.split(":")[2].partition("/")[0])

    def connection(self, seconds: float = 30) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)

    def get(self, path: str, **headers: str) -> tuple[int, dict, bytes]:
        return self.send("GET", path, None, **headers)

    def send(self, method: str, path: str, body: bytes | None, **headers: str) -> tuple[int, dict, bytes]:
        connection = self.connection()
        with contextlib.closing(connection):
            connection.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, {key.lower(): value for key, value in answer.headers.items()}, answer.read()

    def post(self, given: object, **headers: str) -> tuple[int, dict, dict]:
        body = given if isinstance(given, bytes) else json.dumps(given).encode()
        status, heads, said = self.send("POST", "/v2/models/model/infer", body, **headers)
        return status, heads, json.loads(said)

    def ask(self, what: str, x: object = 0.0, **more: object) -> tuple[int, dict, dict]:
        values = x if isinstance(x, list) else [x]
        options = {f"option.{key}": value for key, value in {"what": what, **more}.items()}
        tensor = {"name": "x", "shape": [len(values)], "datatype": "FP64", "data": values}
        return self.post({"inputs": [tensor], "parameters": options})

    def events(self, name: str) -> list[dict]:
        return [line for line in self.log if line["event"] == name]

    def counts(self) -> dict[str, float]:
        lines = self.get("/metrics")[2].decode().splitlines()
        return {name: float(value) for name, value in (one.rsplit(" ", 1) for one in lines if not one.startswith("#"))}

    def end(self, number: int = signal.SIGTERM, seconds: float = 30) -> int:
        """End it by a signal; its exit status. Nothing it started may be left."""
        family = family_of(self.process.pid)
        self.process.send_signal(number)
        status = self.process.wait(seconds)
        assert_gone(family)
        for one in self.readers:
            one.join(5)
        assert "Traceback" not in self.raw_log
        assert not self.events("bug")
        assert self.raw_log.count("\n") == len(self.log), "each line is JSON"
        return status


def descendants(pid: int) -> list[int]:
    found = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def family_of(pid: int) -> list[tuple[int, str]]:
    """All that a process started, and when."""
    return [(one, started_at(one)) for one in descendants(pid)]


def assert_gone(family: list[tuple[int, str]]) -> None:
    until = time.monotonic() + 5
    while left := [pid for pid, since in family if since and started_at(pid) == since]:
        assert time.monotonic() < until, f"left behind: {left}"
        time.sleep(0.02)


def started_at(pid: int) -> str:
    """When a process started; empty if it is gone. A zombie is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def leaf(pid: int) -> int:
    """The process at the end of a line of them: the worker itself."""
    return descendants(pid)[-1]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "VIRTUAL_ENV": sys.prefix}


@contextlib.contextmanager
def server(path: Path, *options: str, before: str = "") -> Iterator[Server]:
    """Serves `path`, after some lines of ours; ends by SIGTERM, unless it was ended before."""
    program = f"import sys\n{before}\nfrom modelairlock.cli import main\nmain()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "serve-isolated", str(path), "--port", "0", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=path.parent, start_new_session=True,
        env=environment(),
    )  # fmt: skip
    one = Server(process)
    try:
        assert one.up.wait(START_SECONDS)
        assert one.address, (one.said, one.raw_log)
        yield one
        if process.poll() is None:
            assert one.end() == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
