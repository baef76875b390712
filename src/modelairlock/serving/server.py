"""Where the server listens, and how it ends.

uvicorn does the rest; what it lacks is added here: a time in which the head of a request must come, a number of
connections, and an end by signal that returns to its caller, who has workers to close.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from modelairlock.records.errors import AirlockError
from modelairlock.records.text import shown
from modelairlock.serving.app import App
from modelairlock.serving.pool import Tell

HEAD_SECONDS = 20.0
MAX_CONNECTIONS = 512
_BACKLOG = 128


class _Protocol(H11Protocol):
    """One connection, which must say what it wants in time."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
            return
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._timer is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Server(uvicorn.Server):
    """Ends at a signal, and remembers which."""

    signal: int = 0

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but the signal is not raised once more: whoever runs us closes the workers, then ends."""
        kept = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first one drains; another does not wait."""
        del frame  # where it came in does not matter
        self.signal = self.signal or sig
        self.force_exit = self.should_exit
        self.should_exit = True


class _Log(logging.Handler):
    """What uvicorn finds worth an error, as a line of our log. Its tracebacks stay out of it."""

    def __init__(self, tell: Tell) -> None:
        super().__init__(logging.ERROR)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        detail = f"{record.getMessage()} {type(error).__name__ if error else ''}"
        self._tell("server", {"detail": shown(detail.strip(), 300)})


def serve(app: App, listening: socket.socket, tell: Tell, ready: Callable[[], None], drain_seconds: int) -> int:
    """Answer until a signal comes; which one. `ready` is called when it can be asked."""
    logger = logging.getLogger("uvicorn.error")
    logger.handlers, logger.propagate = [_Log(tell)], False
    config = uvicorn.Config(
        app.asgi, http=_Protocol, ws="none", lifespan="off", loop="asyncio", interface="asgi3", log_config=None,
        access_log=False, server_header=False, proxy_headers=False, backlog=_BACKLOG, timeout_keep_alive=30,
        timeout_graceful_shutdown=drain_seconds,
    )  # fmt: skip
    server = _Server(config)
    asyncio.run(_served(server, app, listening, ready))
    return server.signal


async def _served(server: _Server, app: App, listening: socket.socket, ready: Callable[[], None]) -> None:
    watching = asyncio.create_task(app.watch())
    telling = asyncio.create_task(_tell_when_started(server, ready))
    try:
        await server.serve([listening])
    finally:
        for task in (watching, telling):
            task.cancel()
        app.close()


async def _tell_when_started(server: _Server, ready: Callable[[], None]) -> None:
    while not server.started:
        await asyncio.sleep(0.01)
    ready()


# --- addresses -------------------------------------------------------------------------------------------------------


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it. Raises AirlockError for a name that leads nowhere."""
    return all(ip_address(address[0].partition("%")[0]).is_loopback for _, address in _addresses(host, 0))


def _addresses(host: str, port: int) -> list[tuple[int, Any]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as problem:
        raise AirlockError(
            f"no address of {shown(host, 80)!r}: {problem}", "Give an address, such as 127.0.0.1."
        ) from None
    return [(family, address) for family, _, _, _, address in found]


def bound(host: str, port: int) -> socket.socket:
    """A socket of that address, which nobody can connect to before it listens. Raises AirlockError."""
    family, address = _addresses(host, port)[0]
    # By its protocol's name asyncio knows a connection that it must not delay (TCP_NODELAY).
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as problem:
        listening.close()
        where = f"{shown(host, 80)} port {port}"
        raise AirlockError(
            f"cannot listen at {where}: {problem.strerror}", "Choose another --port or --host."
        ) from None
    return listening


@contextlib.contextmanager
def bound_path(path: str) -> Iterator[socket.socket]:
    """A Unix socket at `path` for this user alone, which is taken away in the end. Raises AirlockError."""
    _take_away_stale(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    kept = os.umask(0o177)
    try:
        listening.bind(path)
        mine = os.stat(path)
    except (OSError, ValueError) as problem:
        listening.close()
        reason = getattr(problem, "strerror", None) or str(problem)
        raise AirlockError(f"cannot listen at {shown(path, 200)}: {reason}", "Choose another --socket.") from None
    finally:
        os.umask(kept)
    try:
        yield listening
    finally:
        listening.close()
        with contextlib.suppress(OSError):
            if os.path.samestat(mine, os.lstat(path)):
                os.unlink(path)


def _take_away_stale(path: str) -> None:
    """A socket that nobody listens at any more is what a server left that was killed. Raises AirlockError."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise AirlockError(f"{shown(path, 200)} is there, and no socket", "Choose another --socket.")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.connect(path)
    except FileNotFoundError:
        return
    except ConnectionRefusedError:
        os.unlink(path)
    except OSError as problem:
        message = f"cannot listen at {shown(path, 200)}: {problem.strerror}"
        raise AirlockError(message, "Choose another --socket.") from None
    else:
        raise AirlockError(f"somebody listens at {shown(path, 200)} already", "Choose another --socket.")
