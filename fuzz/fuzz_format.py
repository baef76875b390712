"""Fuzzes every format: ``python -m fuzz.fuzz_format [NAME ...] [--seconds N]``, the time shared by all of them.

Each target reads mutated files as the worker would (strict, so that a bug in a reader is raised) under a name that fits
the format, sends the answer through the strict decoder of the parent, and judges it; a format that does not claim a
mutation reads it all the same, and so does who plans conversions. Guided by coverage where atheris can be imported;
elsewhere the same target runs under a mutation loop of our own, which says so. A crash is written to ``fuzz/crashes/``.
"""

import argparse
import importlib.util
import io
import os
import random
import re
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRASHES = ROOT / "fuzz" / "crashes"
#: one input may take this long; more is a hang to look into
SLOWEST_SECONDS = 5.0
INPUT_BYTES = 64 * 1024


def names() -> list[str]:
    """Every format of the catalog."""
    from modelairlock.catalog import names

    return list(names("modelairlock.formats"))


def prepare() -> None:
    """Import all that is tested, and fail where a bug would be a gap. Apart, so that atheris can instrument it."""
    from modelairlock.pipeline import judge, tree

    judge._strict = True
    tree.formats()
    judge.rules()


def target(name: str) -> Callable[[bytes], None]:
    """The function that must survive any bytes."""
    import msgspec
    from tests.reading_help import crossed, read

    import modelairlock.pipeline.full_worker  # noqa: F401  # what needs a library is read there, and here
    from fuzz.seeds import seeds
    from modelairlock.catalog import find
    from modelairlock.disarm.planning import plan
    from modelairlock.limits import Limits
    from modelairlock.pipeline.convert_answer import decode_plan
    from modelairlock.pipeline.judge import judge
    from modelairlock.pipeline.tree import read_tree
    from modelairlock.reading import BytesSource, Format

    prepare()
    format_ = find("modelairlock.formats", name, Format)
    called = seeds(name).name
    limits = Limits(
        seconds=2.0, expanded_bytes=4_000_000, expansion_floor_bytes=1_000_000, inflate_in_memory_bytes=500_000,
        stack_cells=200_000, memo_cells=500_000, facts=5_000, artifacts=500, header_bytes=1_000_000,
    )  # fmt: skip

    def check(data: bytes) -> None:
        started = time.monotonic()
        reading = read_tree(BytesSource(data), called, called, limits, strict=True)
        judge(crossed(reading), sha256=None)
        if name not in reading.formats:
            read(format_, data, called, limits)
        decode_plan(msgspec.msgpack.encode(plan(BytesSource(data), called, limits)), len(data))
        taken = time.monotonic() - started
        if taken > SLOWEST_SECONDS:
            raise AssertionError(f"{len(data)} bytes took {taken:.1f} s")

    def one(data: bytes) -> None:
        try:
            check(data)
        except Exception:
            CRASHES.mkdir(exist_ok=True)
            path = CRASHES / f"{name}-{time.time_ns()}"
            path.write_bytes(data)
            print(f"{name}: a crash, written to {path}", flush=True)
            raise

    return one


def mutations(known: Sequence[bytes], dice: random.Random) -> Iterator[bytes]:
    """Endless mutations of `known`."""
    while True:
        data = bytearray(dice.choice(known))
        for _ in range(dice.randint(1, 6)):
            _mutate(data, known, dice)
        yield bytes(data[:INPUT_BYTES])


def _mutate(data: bytearray, known: Sequence[bytes], dice: random.Random) -> None:
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


def plain(name: str, seconds: float) -> bool:
    """Mutate without guidance; whether nothing broke."""
    from fuzz.seeds import seeds

    one, known = target(name), seeds(name).files
    until = time.monotonic() + seconds
    tried = 0
    for data in mutations(known, random.Random(f"{name} {time.time_ns()}")):
        if tried and time.monotonic() > until:
            break
        try:
            one(data)
        except Exception:
            traceback.print_exc()
            return False
        tried += 1
    print(f"{name}: {tried} inputs, not guided (atheris is not installed)", flush=True)
    return True


def guided(name: str, seconds: float) -> bool:
    """Fuzz one format by coverage, in a fork of this process, which has all imported and instrumented."""
    with tempfile.TemporaryDirectory() as corpus, tempfile.TemporaryFile() as output:
        child = os.fork()
        if not child:
            with suppress(BaseException):
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                _fuzz(name, seconds, corpus)
            os._exit(70)  # atheris does not come back
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output.seek(0)
        told = output.read().decode("utf-8", "replace")
    tried = re.search(r"stat::number_of_executed_units:\s*(\d+)", told)
    print(f"{name}: {tried[1] if tried else 'no'} inputs, guided by coverage, status {status}", flush=True)
    if status:
        print(told[-6000:])
    return status == 0


def _fuzz(name: str, seconds: float, corpus: str) -> None:
    import atheris

    from fuzz.seeds import seeds

    for number, seed in enumerate(seeds(name).files):
        Path(corpus, str(number)).write_bytes(seed)
    CRASHES.mkdir(exist_ok=True)
    arguments = [
        sys.argv[0], corpus, f"-max_total_time={max(1, int(seconds))}", f"-max_len={INPUT_BYTES}", "-timeout=20",
        "-rss_limit_mb=3000", "-print_final_stats=1", f"-artifact_prefix={CRASHES}/{name}-",
    ]  # fmt: skip
    atheris.Setup(arguments, target(name))
    atheris.Fuzz()


def main() -> int:
    """Fuzz the formats named, or all; status 1 if anything crashed."""
    began = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="formats; all if none is named")
    parser.add_argument("--seconds", type=float, default=60.0, help="shared by all of them, start-up included")
    options = parser.parse_args()
    chosen = options.names or names()
    if unknown := set(chosen) - set(names()):
        parser.error(f"no such format: {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    fuzz = plain
    if importlib.util.find_spec("atheris") is not None:
        import atheris

        fuzz = guided
        # It says of each module that it is instrumented.
        with atheris.instrument_imports(include=["modelairlock"]), redirect_stderr(io.StringIO()):
            prepare()
    sound = True
    for done, name in enumerate(chosen):
        # What one takes too long, the others have less.
        left = began + options.seconds - time.monotonic()
        sound = fuzz(name, left / (len(chosen) - done)) and sound
    taken = time.monotonic() - began
    print(f"{len(chosen)} formats, {taken:.0f} s: {'nothing broke' if sound else 'something broke'}")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
