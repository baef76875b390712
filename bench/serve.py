"""What asking a model in the jail costs against asking it in this process: ``python -m bench.serve [INTERPRETER]``.

A model that returns what it is given shows the way there and back and nothing else: beside it stands a process without
a jail that does the same by pickles through a pipe. Real models show what is left of it beside their own work, in this
process. Medians; read the ratios, for the machine may be shared.
"""

import pickle
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from pathlib import Path

import modelairlock
from bench.serve_http import CLIENTS, Client, rate, server

numpy = __import__("numpy")
_SOURCE = "class Model:\n    def predict(self, x):\n        return x\n    def transform(self, x):\n        return 1\n"


class Model:
    """An identity where it is unpickled."""

    def predict(self, x: object) -> object:
        return x

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return eval, (f"(lambda names: (exec({_SOURCE!r}, names), names['Model']())[1])({{'__name__': 'echo'}})",)


def median(what: Callable[[], object], times: int) -> float:
    """Milliseconds."""
    what()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        what()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def row(name: str, times: int, jailed: Callable[[], object], here: Callable[[], object]) -> None:
    with_jail, without = median(jailed, times), median(here, times)
    print(f"| {name} | {with_jail:.3f} ms | {without:.3f} ms | {with_jail / without:.1f} |")


def answer(pipe: Connection) -> None:
    with suppress(EOFError):
        while True:
            what, given = pipe.recv()
            pipe.send(given if what == "back" else 1)


def asked(pipe: Connection, what: str, given: object) -> object:
    pipe.send((what, given))
    return pipe.recv()


def echo(path: Path, pipe: Connection) -> None:
    path.write_bytes(pickle.dumps(Model()))
    started = time.perf_counter()
    with modelairlock.load_isolated(path, "pickle.load", interpreter=sys.argv[1] if sys.argv[1:] else None) as model:
        print(f"start of the jail, numpy imported: {(time.perf_counter() - started) * 1000:.0f} ms\n")
        print("| call | jailed | pipe | ratio |\n|---|--:|--:|--:|")
        for name, size, times in (("4 KiB", 1 << 12, 2000), ("1 MiB", 1 << 20, 200), ("100 MB", 100_000_000, 11)):
            given = numpy.zeros(size // 8)
            row(f"there and back, {name}", times, partial(model.predict, given), partial(asked, pipe, "back", given))
            row(f"there, {name}", times, partial(model.transform, given), partial(asked, pipe, "there", given))
        small = numpy.zeros(512)
        pauses = []
        for _ in range(30):
            time.sleep(0.1)
            started = time.perf_counter()
            model.predict(small)
            pauses.append((time.perf_counter() - started) * 1000)
        print(f"\nafter a pause, 4 KiB: {statistics.median(pauses):.3f} ms")


def real(path: Path) -> None:
    try:
        import joblib
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        print("\nno scikit-learn here")
        return
    print("\n| model | jailed | here | ratio |\n|---|--:|--:|--:|")
    numbers = numpy.random.default_rng(1).normal(size=(100_000, 20))
    for made in (LogisticRegression(), RandomForestClassifier(30, max_depth=8)):
        made.fit(numbers[:2000], numbers[:2000, 0] > 0)
        joblib.dump(made, path)
        with modelairlock.load_isolated(path, "joblib.load") as model:
            for rows, times in ((10, 200), (100_000, 7)):
                given = numbers[:rows]
                name = f"{type(made).__name__}, {rows} rows"
                row(name, times, partial(model.predict_proba, given), partial(made.predict_proba, given))


def over_http(path: Path) -> None:
    """The same models behind `airlock serve-isolated`."""
    try:
        import joblib
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        return
    numbers = numpy.random.default_rng(1).normal(size=(100_000, 20))
    made = LogisticRegression().fit(numbers[:2000], numbers[:2000, 0] > 0)
    joblib.dump(made, path)
    print("\n| HTTP and jail, LogisticRegression | served | here | ratio |\n|---|--:|--:|--:|")
    with server(path, 1) as port:
        for rows, binary, times in ((10, False, 300), (10, True, 300), (1000, True, 100), (100_000, True, 7)):
            given = numbers[:rows]
            name = f"{rows} rows, {'binary' if binary else 'JSON'}"
            row(name, times, Client(port, given, binary).ask, partial(made.predict_proba, given))
        one = rate(port, numbers[:10], 3.0)
    with server(path, 2) as port:
        two = rate(port, numbers[:10], 3.0)
    here = 1000 / median(partial(made.predict_proba, numbers[:10]), 300)
    print(f"\nrequests/s of 10 rows, {CLIENTS} clients: {one:.0f} with one worker, {two:.0f} with two; here {here:.0f}")


if __name__ == "__main__":
    ours, theirs = Pipe()
    other = Process(target=answer, args=(theirs,), daemon=True)
    other.start()
    with tempfile.TemporaryDirectory() as folder:
        echo(Path(folder, "echo.pkl"), ours)
        real(Path(folder, "model.joblib"))
        over_http(Path(folder, "model.joblib"))
