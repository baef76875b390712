"""What comes in before anything is parsed: bodies of bounded size and time, and who waits for a worker.

Each refusal that more patience may mend says so with ``Retry-After``. What is held of all requests together is bounded
too: many small promises would add up.
"""

import asyncio
from types import TracebackType

from starlette.requests import Request

from modelairlock.records.text import shown
from modelairlock.serving.problems import Refusal

BODY_SECONDS = 60.0
#: how long the rest of a body is read and dropped, so that the refusal is heard
_DRAIN_SECONDS = 2.0


class Held:
    """Bytes of requests and answers that are in memory; `most` of them at a time."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.now = 0

    def add(self, size: int) -> None:
        """Raises Refusal."""
        if self.now + size > self.most:
            raise Refusal(503, "too much is being sent at the same time", kind="busy", retry=True)
        self.now += size

    def release(self, size: int) -> None:
        """These are gone."""
        self.now -= size


class Share:
    """What one request holds."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._size = 0

    def add(self, size: int) -> None:
        """Raises Refusal."""
        self._held.add(size)
        self._size += size

    def release(self) -> None:
        """All of it is gone."""
        self._held.release(self._size)
        self._size = 0


class Turns:
    """Lets in as many as there are workers, and lets `queue` more wait for `seconds` each."""

    def __init__(self, workers: int, queue: int, seconds: float) -> None:
        self._free = asyncio.Semaphore(workers)
        self._workers = workers
        self._queue = queue
        self._seconds = seconds
        self.waiting = 0
        self.running = 0

    async def __aenter__(self) -> None:
        if self.running + self.waiting >= self._workers + self._queue:
            raise _busy()
        self.waiting += 1
        try:
            async with asyncio.timeout(self._seconds):
                await self._free.acquire()
        except TimeoutError:
            raise _busy() from None
        finally:
            self.waiting -= 1
        self.running += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.running -= 1
        self._free.release()


def _busy() -> Refusal:
    return Refusal(503, "too many requests wait for their turn", kind="busy", retry=True)


async def body_of(request: Request, most: int, share: Share) -> bytearray:
    """The whole body. Raises Refusal, and starlette's ClientDisconnect."""
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise Refusal(415, f"Content-Encoding is {shown(encoding, 40)!r}; send the body as it is")
    body = bytearray()
    try:
        # h11 has looked that it is a number, and sees to it that no more comes.
        if int(request.headers.get("content-length", "0")) > most:
            raise _too_large(most)
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                share.add(len(chunk))
                body += chunk
                if len(body) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise Refusal(408, f"the body did not come within {BODY_SECONDS:g} s") from None
    except Refusal:
        await _drained(request)
        raise
    return body


def _too_large(most: int) -> Refusal:
    return Refusal(413, f"a body has at most {most} bytes")


async def _drained(request: Request) -> None:
    if "expect" in request.headers:
        return  # the caller waits to be told to send it
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while (message := await request.receive())["type"] == "http.request" and message.get("more_body"):
                pass
    except TimeoutError:
        return
