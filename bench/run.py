"""Runs modelairlock and its peers over the same files: ``python -m bench.run``; writes ``docs/benchmarks.md``.

Every figure is of a whole process with everything it starts: wall time, CPU time (user and system, with children) and
the largest resident set of any one process. Ratios count, not seconds: peers run in the same minute on this machine.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bench.files import paths

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
LIMIT_SECONDS = 40.0


class Run(NamedTuple):
    """One process from start to end. `status` is None when it was killed at the limit."""

    wall: float
    cpu: float
    rss_mb: float
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


def run(command: list[str]) -> Run:
    """Run `command` to its end or to the limit, and measure it with all it starts."""
    environment = {**os.environ, "PROMPTFOO_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
    with tempfile.TemporaryDirectory() as scratch:
        started = time.monotonic()
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            cwd=scratch, env=environment, start_new_session=True,
        )  # fmt: skip
        killed = False
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if not killed and time.monotonic() - started > LIMIT_SECONDS:
                os.killpg(process.pid, 9)
                killed = True
            time.sleep(0.002)
        wall = time.monotonic() - started
    code = None if killed else os.waitstatus_to_exitcode(status)
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, code)


def median(command: list[str], times: int) -> Run:
    """The median of several runs; one that reached the limit is not repeated."""
    runs = [run(command)]
    while len(runs) < times and runs[0].status is not None and runs[0].wall < 15:
        runs.append(run(command))
    middle = [statistics.median(one[field] or 0 for one in runs) for field in range(3)]
    return Run(*middle, runs[0].status)


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
        lines += ["| tool | wall s | CPU s | peak MB | exit | CPU against airlock |", "|---|--:|--:|--:|--:|--:|"]
        ours = runs["airlock"].cpu
        for tool, one in runs.items():
            status = "killed" if one.status is None else str(one.status)
            ratio = f"{'> ' if one.status is None else ''}{one.cpu / ours:.2f}"
            lines.append(f"| {tool} | {one.wall:.2f} | {one.cpu:.2f} | {one.rss_mb:.0f} | {status} | {ratio} |")
        lines.append("")
    return "\n".join(lines)


def targets(measured: dict[str, dict[str, Run]], start: Run) -> str:
    """What the project promised itself, and whether it holds."""

    def beyond(title: str) -> float:
        return max(0.0, measured[title]["airlock --no-hash"].cpu - start.cpu)

    rows = []
    for title in ("1 GB torch checkpoint.pt", "1 GB.safetensors"):
        rows.append(
            (f"{title}: CPU beyond start and hashing under 0.15 s", f"{beyond(title):.2f} s", beyond(title) < 0.15)
        )
    for title in ("1M dicts.pkl", "5M ints.pkl", "1M words.pkl"):
        if "picklescan" in measured[title]:
            ratio = measured[title]["picklescan"].cpu / measured[title]["airlock"].cpu
            rows.append((f"{title}: at least 5 times less CPU than picklescan", f"{ratio:.1f} times", ratio >= 5))
        memory = measured[title]["airlock"].rss_mb
        rows.append((f"{title}: under 100 MB", f"{memory:.0f} MB", memory < 100))
    small = measured["1,000 small pickles"]
    # fickling takes no folders: it ends at once, with an error
    peers = {name: one.cpu for name, one in small.items() if not name.startswith("airlock") and one.status == 0}
    if peers:
        fastest = min(peers, key=lambda name: peers[name])
        ratio = small["airlock"].cpu / peers[fastest]
        wanted = f"1,000 small pickles: CPU within 2 times the fastest peer ({fastest}), wall and start included"
        rows.append((wanted, f"{ratio:.1f} times", ratio <= 2))
    lines = ["## Targets", "", "| target | measured | holds |", "|---|--:|---|"]
    lines += [f"| {wanted} | {got} | {'yes' if holds else '**no**'} |" for wanted, got, holds in rows]
    return "\n".join([*lines, ""])


def main() -> int:
    """Measure everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / ".cache" / "bench", help="where the files are made")
    parser.add_argument("--times", type=int, default=3, help="runs of each, of which the median counts")
    options = parser.parse_args()
    # In a process of its own: a child's peak counts what its parent held when it was forked.
    subprocess.run([sys.executable, "-m", "bench.files", str(options.folder)], cwd=ROOT, check=True)
    files = paths(options.folder)
    known = tools(Path(sys.prefix))
    trivial = options.folder / "trivial.pkl"
    trivial.write_bytes(b"\x80\x04N.")
    starts = {tool.title: median([*tool.command, str(trivial)], options.times) for tool in known}
    measured: dict[str, dict[str, Run]] = {}
    shares = {}
    for title, path in files.items():
        print(title, flush=True)
        measured[title] = {}
        for tool in known:
            one = measured[title][tool.title] = median([*tool.command, str(path)], options.times)
            print(
                f"  {tool.title}: {one.wall:.2f} s wall, {one.cpu:.2f} s CPU, {one.rss_mb:.0f} MB, {one.status}",
                flush=True,
            )
        shares[title] = read_share(known[0].command[0], path)
    measured["a four-byte pickle (start-up)"] = starts
    shares["a four-byte pickle (start-up)"] = read_share(known[0].command[0], trivial)
    head = (
        "# Benchmarks\n\nMade by `make bench` (`bench/run.py`); nothing here is typed by hand. Whole processes with "
        f"everything they start, medians of up to {options.times} runs, killed after {LIMIT_SECONDS:g} s.\n\n"
        f"{datetime.date.today().isoformat()}, {platform.machine()}, {os.cpu_count()} processors, Python "
        f"{platform.python_version()}, {platform.system()} {platform.release()}. On a shared machine: read ratios.\n\n"
        "A peer's exit status 0 on a file it does not read is not an answer: modelscan and picklescan do not read "
        "safetensors, and fickling reads only pickles.\n\n"
    )
    PAGE.write_text(head + targets(measured, starts["airlock --no-hash"]) + "\n" + table(measured, shares), "utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
