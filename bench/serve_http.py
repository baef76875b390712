"""What asking a model costs over HTTP, with the jail behind it, against asking it in this process."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ADDRESS = "/v2/models/model/infer"
#: requests that are under way at the same time, where the rate is measured
CLIENTS = 8


@contextlib.contextmanager
def server(path: Path, workers: int) -> Iterator[int]:
    """Its port."""
    command = [sys.executable, "-m", "modelairlock", "serve-isolated", str(path), "--name", "model", "--port", "0"]
    source = str(Path(__file__).resolve().parent.parent / "src")
    process = subprocess.Popen(
        [*command, "--workers", str(workers), "--max-body", "256M"], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": source, "VIRTUAL_ENV": sys.prefix},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("serving at "):
                yield int(line.split(":")[2].partition("/")[0])
                break
    finally:
        process.terminate()
        process.wait()


class Client:
    """Asks for predict_proba of one array, again and again, over one connection."""

    def __init__(self, port: int, array: Any, binary: bool) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        tensor: dict[str, Any] = {"name": "x", "shape": array.shape, "datatype": "FP64"}
        given: dict[str, Any] = {"inputs": [tensor], "parameters": {"method": "predict_proba"}}
        if binary:
            tensor["parameters"] = {"binary_data_size": array.nbytes}
            given["parameters"]["binary_data_output"] = True
        else:
            tensor["data"] = array.tolist()
        head = json.dumps(given).encode()
        self.body = head + (array.tobytes() if binary else b"")
        self.headers = {"Inference-Header-Content-Length": str(len(head))} if binary else {}

    def ask(self) -> bytes:
        self.connection.request("POST", ADDRESS, self.body, self.headers)
        answer = self.connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise SystemExit(said.decode())
        return said


def rate(port: int, array: Any, seconds: float) -> float:
    """Requests per second, of several clients together."""
    counts = [0] * CLIENTS
    until = time.perf_counter() + seconds

    def work(number: int) -> None:
        client = Client(port, array, True)
        while time.perf_counter() < until:
            client.ask()
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return sum(counts) / seconds
