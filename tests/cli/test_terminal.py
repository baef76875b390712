"""What stands beside the report: progress, colour, messages."""

import io

import pytest

from modelairlock.cli.terminal import Meter, is_terminal, wants_colour, width_of
from modelairlock.pipeline.scan import Progress

AT = Progress(files=3, bytes=10, found_files=20, found_bytes=100, walking=True)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(Terminal):
    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


@pytest.fixture
def clock():
    times = [0.0]

    def now() -> float:
        return times[0]

    now.times = times
    return now


def meter(stream: io.StringIO, clock) -> Meter:
    return Meter(stream, lambda at: f"{at.files} of {at.found_files}", clock)


def test_short_work_shows_nothing(clock) -> None:
    stream = Terminal()
    shown = meter(stream, clock)
    clock.times[0] = 0.9
    shown(AT)
    shown.close()
    assert stream.getvalue() == ""


def test_long_work_shows_one_line_and_cleans_up(clock) -> None:
    stream = Terminal()
    shown = meter(stream, clock)
    clock.times[0] = 1.1
    shown(AT)
    clock.times[0] = 1.15
    shown(AT)
    shown.close()
    assert stream.getvalue() == "\r\x1b[K3 of 20\r\x1b[K"


def test_a_terminal_that_goes_away_stops_nothing(clock) -> None:
    shown = meter(Gone(), clock)
    clock.times[0] = 2
    shown(AT)
    shown(AT)
    shown.close()


def test_colour_is_for_terminals_that_want_it(monkeypatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert wants_colour(Terminal())
    assert not wants_colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(Terminal())
    assert is_terminal(Terminal())
    monkeypatch.setenv("TERM", "dumb")
    assert not is_terminal(Terminal())


def test_width(monkeypatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "72")
    assert width_of(Terminal()) == 72
    assert width_of(io.StringIO()) == 0
