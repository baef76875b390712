"""Runs modelairlock and its peers over the same files: ``python -m bench.run``; writes ``docs/benchmarks.md``.

Every figure is of a whole process with everything it starts: wall time, CPU time (user and system, with children),
the largest resident set of any one process, the most that all of them held together (shared pages counted once, looked
at every 50 ms), and the bytes they asked the kernel for (`rchar`; what is mapped is not in it). Ratios count, not
seconds: peers run in the same minute on this machine.
"""

import argparse
import compileall
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.files import paths

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
LIMIT_SECONDS = 40.0
#: several gigabytes each
BIG = (
    "8.6 GB torch checkpoint.pt", "8.6 GB.safetensors", "8.4 GB Keras weights.h5", "8.6 GB.gguf",
    "8 GB ONNX with external data", "6 GB SavedModel",
)  # fmt: skip
START = "a four-byte pickle (start-up)"


class Run(NamedTuple):
    """One process from start to end. `status` is None when it was killed at the limit."""

    wall: float
    cpu: float
    rss_mb: float
    tree_mb: float
    read_mb: float
    status: int | None


class Tool(NamedTuple):
    """A command; the file's path comes last."""

    title: str
    command: tuple[str, ...]


def tools(folder: Path) -> list[Tool]:
    """Ours with and without hashing, and every peer that is installed beside this interpreter."""
    here = folder / "bin"
    ours = [
        Tool("airlock", (str(here / "airlock"), "scan", "--no-cache")),
        Tool("airlock --no-hash", (str(here / "airlock"), "scan", "--no-cache", "--no-hash")),
    ]
    peers = [
        Tool("picklescan", (str(here / "picklescan"), "-p")),
        Tool("modelscan", (str(here / "modelscan"), "-p")),
        Tool("fickling", (str(here / "fickling"), "--check-safety")),
        Tool("modelaudit", (str(here / "modelaudit"), "scan", "--no-cache")),
    ]
    return ours + [peer for peer in peers if Path(peer.command[0]).exists()]


def run(command: list[str], limit: float = LIMIT_SECONDS) -> Run:
    """Run `command` to its end or to the limit, and measure it with all it starts."""
    environment = {**os.environ, "PROMPTFOO_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
    with tempfile.TemporaryDirectory() as scratch:
        started = looked = time.monotonic()
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            cwd=scratch, env=environment, start_new_session=True,
        )  # fmt: skip
        killed = False
        tree_kb = 0
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            now = time.monotonic()
            if not killed and now - started > limit:
                os.killpg(process.pid, 9)
                killed = True
            if now - looked > 0.05:
                looked = now
                tree_kb = max(tree_kb, sum(map(_shared_kb, _tree(process.pid))))
            time.sleep(0.002)
        wall = time.monotonic() - started
        # Dead, but not yet gone: now its account holds what its children did too.
        read = _number(f"/proc/{process.pid}/io", "rchar:")
        _, status, usage = os.wait4(process.pid, 0)
    code = None if killed else os.waitstatus_to_exitcode(status)
    largest = usage.ru_maxrss / 1024
    return Run(wall, usage.ru_utime + usage.ru_stime, largest, max(largest, tree_kb / 1024), read / 1e6, code)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = path.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _tree(int(child))


def _shared_kb(pid: int) -> int:
    return _number(f"/proc/{pid}/smaps_rollup", "Pss:")


def _number(path: str, field: str) -> int:
    """A number from the kernel; 0 if the process is gone."""
    try:
        for line in Path(path).read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def median(command: list[str], times: int, limit: float) -> Run:
    """The median of several runs; one that took long or reached the limit is not repeated."""
    runs = [run(command, limit)]
    while len(runs) < times and runs[0].status is not None and runs[0].wall < 15:
        runs.append(run(command, limit))
    wall, cpu, rss, tree, read = (statistics.median(one[field] or 0 for one in runs) for field in range(5))
    return Run(wall, cpu, rss, tree, read, runs[0].status)


def read_share(airlock: str, path: Path) -> str:
    """How much of a file ours read, by its own account."""
    done = subprocess.run(
        [airlock, "scan", "--no-cache", "--no-hash", "-f", "json", str(path)], capture_output=True, check=False
    )
    subjects = json.loads(done.stdout)["subjects"]
    read = sum(subject["coverage"]["read_bytes"] for subject in subjects)
    size = sum(subject["size_bytes"] for subject in subjects)
    return f"{read:,} of {size:,} bytes ({read / size:.2%})"


def table(measured: dict[str, dict[str, Run]], shares: dict[str, str]) -> str:
    """The page's body: one table a file."""
    lines: list[str] = []
    for title, runs in measured.items():
        lines += [f"## {title}", "", f"Read by airlock: {shares[title]}.", ""]
        lines += ["| tool | wall s | CPU s | peak MB | together MB | read MB | exit | CPU against airlock |"]
        lines += ["|---|--:|--:|--:|--:|--:|--:|--:|"]
        ours = runs["airlock"].cpu
        for tool, one in runs.items():
            status = "killed" if one.status is None else str(one.status)
            ratio = f"{'> ' if one.status is None else ''}{one.cpu / ours:.2f}"
            memory = f"{one.rss_mb:.0f} | {one.tree_mb:.0f}"
            lines.append(
                f"| {tool} | {one.wall:.2f} | {one.cpu:.2f} | {memory} | {one.read_mb:.0f} | {status} | {ratio} |"
            )
        lines.append("")
    return "\n".join(lines)


def targets(measured: dict[str, dict[str, Run]], start: Run) -> list[tuple[str, str, bool]]:
    """What the project promised itself, what was measured, and whether it holds."""
    rows: list[tuple[str, str, bool]] = []
    for title in ("1 GB torch checkpoint.pt", "1 GB.safetensors"):
        beyond = max(0.0, measured[title]["airlock --no-hash"].cpu - start.cpu)
        rows.append((f"{title}: CPU beyond start and hashing under 0.15 s", f"{beyond:.2f} s", beyond < 0.15))
    for title in BIG:
        spent = measured[title]["airlock --no-hash"].cpu - start.cpu
        rows.append((f"{title}: CPU beyond start and hashing under 1 s", f"{max(0.0, spent):.2f} s", spent < 1))
    for title in ("1M dicts.pkl", "5M ints.pkl", "1M words.pkl"):
        if "picklescan" in measured[title]:
            ratio = measured[title]["picklescan"].cpu / measured[title]["airlock"].cpu
            rows.append((f"{title}: at least 5 times less CPU than picklescan", f"{ratio:.1f} times", ratio >= 5))
    memory = [(title, 100) for title in ("1M dicts.pkl", "5M ints.pkl", "1M words.pkl")]
    memory += [("2 GB payloads.pkl", 64), *((title, 64) for title in BIG)]
    for title, most in memory:
        peak = measured[title]["airlock"].rss_mb
        rows.append((f"{title}: under {most} MB", f"{peak:.0f} MB", peak < most))
    return rows + _small_targets(measured["1,000 small pickles"])


def _small_targets(small: dict[str, Run]) -> list[tuple[str, str, bool]]:
    # fickling takes no folders: it ends at once, with an error
    peers = {name: one for name, one in small.items() if not name.startswith("airlock") and one.status == 0}
    rows = []
    for number, what in ((0, "wall time"), (1, "CPU")):
        if peers:
            fastest = min(peers, key=lambda name: peers[name][number] or 0)
            ratio = (small["airlock"][number] or 0) / (peers[fastest][number] or 1)
            wanted = f"1,000 small pickles: {what} within 2 times the fastest peer ({fastest}), start included"
            rows.append((wanted, f"{ratio:.1f} times", ratio <= 2))
    return rows


def measure(folder: Path, times: int, limit: float) -> tuple[dict[str, dict[str, Run]], dict[str, str]]:
    """Every tool on every file; and how much of each file ours read."""
    files = paths(folder)
    known = tools(Path(sys.prefix))
    trivial = folder / "trivial.pkl"
    trivial.write_bytes(b"\x80\x04N.")
    measured: dict[str, dict[str, Run]] = {}
    shares = {}
    for title, path in {START: trivial, **files}.items():
        print(title, flush=True)
        measured[title] = {}
        for tool in known:
            one = measured[title][tool.title] = median([*tool.command, str(path)], times, limit)
            print(
                f"  {tool.title}: {one.wall:.2f} s wall, {one.cpu:.2f} s CPU, {one.rss_mb:.0f} MB, {one.status}",
                flush=True,
            )
        shares[title] = read_share(known[0].command[0], path)
    helps = {tool.title: median([tool.command[0], "--help"], times, limit) for tool in known}
    measured["--help"] = helps
    shares["--help"] = "nothing"
    return measured, shares


def main() -> int:
    """Measure everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / ".cache" / "bench", help="where the files are made")
    parser.add_argument("--times", type=int, default=3, help="runs of each, of which the median counts")
    parser.add_argument("--limit", type=float, default=LIMIT_SECONDS, help="seconds after which a run is killed")
    options = parser.parse_args()
    # As pip leaves an installed wheel, and every peer; this checkout need not be, where nobody lets Python write.
    compileall.compile_dir(ROOT / "src", quiet=1)
    # In a process of its own: a child's peak counts what its parent held when it was forked.
    subprocess.run([sys.executable, "-m", "bench.files", str(options.folder)], cwd=ROOT, check=True)
    measured, shares = measure(options.folder, options.times, options.limit)
    rows = targets(measured, measured[START]["airlock --no-hash"])
    PAGE.write_text(page(options.times, options.limit, rows) + "\n" + table(measured, shares), "utf-8")
    results = {title: {tool: one._asdict() for tool, one in runs.items()} for title, runs in measured.items()}
    (options.folder / "results.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    for wanted, got, holds in rows:
        print(f"{'holds' if holds else 'MISSED'}: {wanted}: {got}")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


def page(times: int, limit: float, rows: list[tuple[str, str, bool]]) -> str:
    """The page's head: how it was made, and the targets."""
    head = (
        "# Benchmarks\n\nMade by `make bench` (`bench/run.py`); nothing here is typed by hand. Each figure is of a "
        f"whole process with everything it starts, the median of up to {times} runs; a run that took over 15 s is not "
        f"repeated, and one is killed after {limit:g} s. *Peak* is the largest process, *together* what all "
        "held at once, *read* all bytes asked of the kernel, the interpreter's own modules included.\n\n"
        f"{datetime.date.today().isoformat()}, {platform.machine()}, {os.cpu_count()} processors, Python "
        f"{platform.python_version()}, {platform.system()} {platform.release()}. On a shared machine: read ratios.\n\n"
        "A peer's exit status 0 on a file it does not read is not an answer: modelscan and picklescan do not read "
        "safetensors, and fickling reads only pickles, one at a time. Hashing is what `--no-hash` leaves out.\n\n"
    )
    lines = ["## Targets", "", "| target | measured | holds |", "|---|--:|---|"]
    lines += [f"| {wanted} | {got} | {'yes' if holds else '**no**'} |" for wanted, got, holds in rows]
    return head + "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
