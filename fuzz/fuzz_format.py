"""Fuzzes every format: ``python -m fuzz.fuzz_format [NAME ...] [--seconds N]``, the time shared by all of them.

Each target reads mutated files as the worker would (strict, so that a bug in a reader is raised), sends the answer
through the strict decoder of the parent, and judges it. Guided by coverage where atheris can be imported; elsewhere
the same target runs under a mutation loop of our own, which says so. A crash is written to ``fuzz/crashes/``.
"""

import argparse
import importlib.util
import random
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRASHES = ROOT / "fuzz" / "crashes"
#: one input may take this long; more is a hang to look into
SLOWEST_SECONDS = 5.0
SEED_BYTES = 32 * 1024
SEEDS = 200
INPUT_BYTES = 64 * 1024


def target() -> Callable[[bytes], None]:
    """The function that must survive any bytes. Imports what it tests, so that atheris can instrument it first."""
    import msgspec

    from modelairlock.limits import Limits
    from modelairlock.pipeline import judge as judging
    from modelairlock.pipeline.answer import decode
    from modelairlock.pipeline.tree import read_tree
    from modelairlock.reading import BytesSource

    judging._strict = True
    limits = Limits(
        seconds=2.0, expanded_bytes=4_000_000, expansion_floor_bytes=1_000_000, inflate_in_memory_bytes=500_000,
        stack_cells=200_000, memo_cells=500_000, facts=5_000, artifacts=500, header_bytes=1_000_000,
    )  # fmt: skip

    def one(data: bytes) -> None:
        started = time.monotonic()
        reading = read_tree(BytesSource(data), "f", "f", limits, strict=True)
        judging.judge(decode(msgspec.msgpack.encode(reading), len(data), "f"), sha256=None)
        taken = time.monotonic() - started
        if taken > SLOWEST_SECONDS:
            raise AssertionError(f"{len(data)} bytes took {taken:.1f} s")

    return one


def names() -> list[str]:
    """Every format of the catalog."""
    from modelairlock.catalog import names

    return list(names("modelairlock.formats"))


def seeds(name: str) -> list[bytes]:
    """Small files that the format claims, from the red-team corpus, and a few bytes that everybody starts with."""
    from tests.build.corpus import SAMPLES

    from modelairlock.catalog import find
    from modelairlock.reading import Format, Probe

    one = find("modelairlock.formats", name, Format)
    chosen: list[bytes] = []
    for sample in SAMPLES:
        if sample.name.startswith(("bomb-", "costly-")):
            continue
        data = sample.build()
        probe = Probe(data[:65536], data[-67584:], len(data), sample.file_name)
        if len(data) <= SEED_BYTES and one.claims(probe):
            chosen.append(data)
        if len(chosen) >= SEEDS:
            break
    return chosen or [b"", b"\x80\x04N.", b"PK\x03\x04", b"hello\n"]


def mutations(known: list[bytes], dice: random.Random) -> Iterator[bytes]:
    """Endless mutations of `known`."""
    while True:
        data = bytearray(dice.choice(known))
        for _ in range(dice.randint(1, 6)):
            _mutate(data, known, dice)
        yield bytes(data[:INPUT_BYTES])


def _mutate(data: bytearray, known: list[bytes], dice: random.Random) -> None:
    at = dice.randint(0, len(data))
    match dice.randint(0, 6):
        case 0 if data:
            data[min(at, len(data) - 1)] = dice.randint(0, 255)
        case 1 if data:
            data[min(at, len(data) - 1)] ^= 1 << dice.randint(0, 7)
        case 2:
            data[at:at] = dice.randbytes(dice.randint(1, 9))
        case 3:
            del data[at : at + dice.randint(1, 40)]
        case 4:
            other = dice.choice(known)
            start = dice.randint(0, len(other))
            data[at:at] = other[start : start + dice.randint(1, 400)]
        case 5:
            data[at : at + 4] = dice.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x01\0\0\0"))
        case _:
            del data[at:]


def plain(name: str, seconds: float) -> int:
    """Mutate without guidance; returns how many inputs were tried. Raises `SystemExit` on the first crash."""
    one = target()
    dice = random.Random(f"{name} {time.time_ns()}")
    until = time.monotonic() + seconds
    tried = 0
    for data in mutations(seeds(name), dice):
        if time.monotonic() > until:
            break
        try:
            one(data)
        except Exception:
            CRASHES.mkdir(exist_ok=True)
            path = CRASHES / f"{name}-{time.time_ns()}"
            path.write_bytes(data)
            traceback.print_exc()
            print(f"{name}: crash after {tried} inputs, written to {path.relative_to(ROOT)}")
            raise SystemExit(1) from None
        tried += 1
    return tried


def guided(name: str, seconds: float) -> None:
    """Fuzz one format by coverage, in this process; atheris does not return."""
    import atheris

    with atheris.instrument_imports(include=["modelairlock"]):
        one = target()
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds(name)):
            Path(corpus, str(number)).write_bytes(seed)
        CRASHES.mkdir(exist_ok=True)
        arguments = [
            sys.argv[0], corpus, f"-max_total_time={max(1, int(seconds))}", f"-max_len={INPUT_BYTES}", "-timeout=20",
            "-rss_limit_mb=3000", "-print_final_stats=1", f"-artifact_prefix={CRASHES}/{name}-",
        ]  # fmt: skip
        atheris.Setup(arguments, one)
        atheris.Fuzz()


def one_in_a_process(name: str, seconds: float) -> bool:
    """Fuzz one format by coverage in a process of its own; prints what came of it."""
    command = [sys.executable, "-m", "fuzz.fuzz_format", name, "--seconds", str(seconds), "--guided"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    told = done.stdout + done.stderr
    tried = re.search(r"stat::number_of_executed_units:\s*(\d+)", told)
    print(f"{name}: {tried[1] if tried else 'no'} inputs, guided by coverage, status {done.returncode}", flush=True)
    if done.returncode:
        print(told[-6000:])
    return done.returncode == 0


def main() -> int:
    """Fuzz the formats named, or all; status 1 if anything crashed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="formats; all if none is named")
    parser.add_argument("--seconds", type=float, default=60.0, help="shared by all of them")
    parser.add_argument("--guided", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    chosen = options.names or names()
    if unknown := set(chosen) - set(names()):
        parser.error(f"no such format: {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    if options.guided:
        guided(chosen[0], options.seconds)
        return 0
    share = options.seconds / len(chosen)
    by_coverage = importlib.util.find_spec("atheris") is not None
    sound = True
    for name in chosen:
        if by_coverage:
            sound = one_in_a_process(name, share) and sound
        else:
            print(f"{name}: {plain(name, share)} inputs, not guided (atheris is not installed)", flush=True)
    print(f"{len(chosen)} formats, {options.seconds:g} s: {'nothing broke' if sound else 'something broke'}")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
