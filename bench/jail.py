"""What the jail costs: ``python -m bench.jail --env VENV``; writes ``docs/benchmarks-jail.md``.

Each load runs in the same interpreter with the same code of ours and the same variables, once as a plain process and
once in the jail, turn and turn about. Ratios count, not seconds.
"""

import argparse
import datetime
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from modelairlock.isolation import jail
from modelairlock.isolation.jail import launcher
from modelairlock.isolation.jail.job import text
from modelairlock.records.jail import JailLimits, Outcome

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks-jail.md"
#: the model is what stands at descriptor 0, and where the jail gives it by name, this does
_PLAIN = "\nimport sys\nPATH = '/proc/self/fd/%d'\nstate = {}\n" + (
    "for name in ('import', 'load', 'unload'):\n    PHASES[name](state, [0], sys.argv[1])\n"
)
_MAKE = {
    "a pickle of ten bytes": ("pickle.load", "import pickle; pickle.dump([1, 2], open(path, 'wb'))"),
    "a numpy array of 100 MB": ("numpy.load", "import numpy; numpy.save(open(path, 'wb'), numpy.ones(12_500_000))"),
    "a forest of scikit-learn": (
        "joblib.load",
        "import joblib, numpy; from sklearn.ensemble import RandomForestClassifier as F\n"
        "d = numpy.random.default_rng(7); x = d.random((400, 20))\n"
        "joblib.dump(F(100, random_state=7).fit(x, x[:, 0] > 0.5), path)",
    ),
    "a torch checkpoint of 104 MB": (
        "torch.load",
        "import torch; torch.save({f'w{n}': torch.ones(1_000_000) for n in range(26)}, path)",
    ),
}


def plain(interpreter: str, loader: str, path: Path) -> None:
    """Load without a jail."""
    code = text("loaders.py") + _PLAIN
    with path.open("rb") as model:
        subprocess.run(
            [interpreter, "-I", "-c", code, loader],
            check=True,
            stdin=model,
            stdout=subprocess.DEVNULL,
            env=launcher.VARIABLES,
        )


def jailed(interpreter: str, loader: str, path: Path) -> None:
    """Load in the jail. Raises SystemExit unless it was quiet."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        result = jail.run(jail.loading(loader, fd, interpreter), limits=JailLimits(), detonate=True)
    finally:
        os.close(fd)
    if result.outcome is not Outcome.COMPLETED:
        sys.exit(f"{loader}: {result.outcome}: {result.detail}")


def seconds(load: Callable[[str, str, Path], None], interpreter: str, loader: str, path: Path) -> float:
    """The wall time of one load."""
    started = time.perf_counter()
    load(interpreter, loader, path)
    return time.perf_counter() - started


def measure(interpreter: str, folder: Path, times: int) -> list[tuple[str, float, float]]:
    """For each load, the median plain and jailed."""
    rows = []
    for title, (loader, make) in _MAKE.items():
        path = folder / title.replace(" ", "-")
        if not path.exists():
            subprocess.run([interpreter, "-c", f"path = {str(path)!r}\n{make}"], check=True)
        pairs = [
            (seconds(plain, interpreter, loader, path), seconds(jailed, interpreter, loader, path))
            for _ in range(times)
        ]
        one = statistics.median(pair[0] for pair in pairs)
        other = statistics.median(pair[1] for pair in pairs)
        rows.append((title, one, other))
        print(f"{title}: {one:.3f} s plain, {other:.3f} s jailed, {other / one:.2f} times", flush=True)
    return rows


def main() -> int:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--env", type=Path, default=ROOT / ".venv-test", help="an environment with the frameworks")
    parser.add_argument("--folder", type=Path, default=ROOT / ".cache" / "bench", help="where the files are made")
    parser.add_argument("--times", type=int, default=7, help="runs of each, of which the median counts")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    rows = measure(str(options.env / "bin" / "python"), options.folder, options.times)
    lines = [f"| {title} | {one:.3f} | {other:.3f} | {other / one:.2f} |" for title, one, other in rows]
    PAGE.write_text(
        "# What the jail costs\n\nMade by `make bench-jail`; nothing here is typed by hand. A load from the start of"
        " the interpreter to its end, with the same code, environment and variables, plain and in the jail (level"
        f" {jail.probe().level.value}), the median of {options.times}. On a shared machine: read ratios.\n\n"
        f"{datetime.date.today().isoformat()}, {platform.machine()}, {os.cpu_count()} processors, Python"
        f" {platform.python_version()}.\n\n| load | plain s | jailed s | ratio |\n|---|--:|--:|--:|\n"
        + "\n".join(lines)
        + "\n",
        "utf-8",
    )
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
