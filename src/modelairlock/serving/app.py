"""The protocol's addresses, and what each answers.

Every answer that is no result is ``{"error": "..."}``. No address names a file, loads a model or changes anything.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from modelairlock.isolation.jail.served import METHODS
from modelairlock.records.text import shown
from modelairlock.serving.guard import refused
from modelairlock.serving.intake import Held, Share, Turns, body_of
from modelairlock.serving.metrics import Metrics, Sample
from modelairlock.serving.pool import Pool, Tell
from modelairlock.serving.problems import Bounds, Refusal
from modelairlock.serving.requests import call_of
from modelairlock.serving.responses import response

_JSON = "application/json"
_VERSION = "1"
_PIECE = 1 << 20
#: who does not take a piece of an answer in this time is no longer waited for
_SEND_SECONDS = 60.0
_LOOK_SECONDS = 1.0
_LENGTH = "Inference-Header-Content-Length"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the model and told to everybody who may ask."""

    name: str
    loader: str
    level: str
    verdict: str
    sha256: str
    method: str


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How requests are taken. `token` empty: from everybody; `hosts` empty: under any name of the server."""

    bounds: Bounds
    queue: int
    seconds: float
    token: str = ""
    hosts: frozenset[str] = frozenset()


class Reply(Response):
    """An answer in pieces, each of which must be taken in time; then what it holds is given back."""

    share: Share | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See starlette."""
        del scope, receive  # an answer needs neither
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            whole = memoryview(self.body)
            for at in range(0, max(1, len(whole)), _PIECE):
                more = at + _PIECE < len(whole)
                piece = {"type": "http.response.body", "body": bytes(whole[at : at + _PIECE]), "more_body": more}
                async with asyncio.timeout(_SEND_SECONDS):
                    await send(piece)
        finally:
            if self.share is not None:
                self.share.release()


def _reply(value: object, status: int = 200) -> Reply:
    return Reply(msgspec.json.encode(value), status, media_type=_JSON)


class App:
    """The application; `asgi` is what uvicorn takes."""

    def __init__(self, facts: Facts, terms: Terms, pool: Pool, tell: Tell) -> None:
        self._facts = facts
        self._terms = terms
        self._pool = pool
        self._tell = tell
        self._metrics = Metrics()
        self._turns = Turns(len(pool), terms.queue, terms.seconds)
        self._held = Held(4 * terms.bounds.body + 2 * terms.bounds.arrays)
        self._threads = ThreadPoolExecutor(len(pool), "airlock-call")
        self._routes = Starlette(routes=self._table(), exception_handlers={HTTPException: self._unknown})
        self._routes.router.redirect_slashes = False
        self.asgi: ASGIApp = self._answered

    def _table(self) -> list[Route]:
        model = "/v2/models/{name}"
        table = [
            Route("/v2/health/live", self._told(self._live)),
            Route("/v2/health/ready", self._told(self._ready)),
            Route("/v2", self._told(self._server)),
            Route("/metrics", self._told(self._counts)),
        ]
        for base in (model, f"{model}/versions/{{version}}"):
            table += [
                Route(base, self._told(self._model)),
                Route(f"{base}/ready", self._told(self._model_ready)),
                Route(f"{base}/infer", self._told(self._infer), methods=["POST"]),
            ]
        return table

    async def watch(self) -> None:
        """Look at what the workers try while nobody asks them, until it is cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self._pool.look()

    def close(self) -> None:
        """No more calls are begun."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def counted(message: Any) -> None:
            if message["type"] == "http.response.start":
                self._metrics.requests[message["status"]] += 1
            await send(message)

        problem = refused(scope, self._terms.token, self._terms.hosts)
        if problem is not None:
            await self._error(problem)(scope, receive, counted)
            return
        await self._routes(scope, receive, counted)

    def _told(self, answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """`answer`, and its refusals as answers. What should not happen is logged, and told without a traceback."""

        async def endpoint(request: Request) -> Response:
            try:
                return await answer(request)
            except Refusal as problem:
                return self._error(problem)
            except ClientDisconnect:
                return Reply(status_code=400)
            except Exception as problem:
                self._tell("bug", {"detail": f"{type(problem).__name__}: {problem}"})
                message = "this is a bug in modelairlock; the server's log has more"
                return self._error(Refusal(500, message, kind="bug"))

        return endpoint

    def _error(self, problem: Refusal) -> Reply:
        self._metrics.errors[problem.kind] += 1
        reply = _reply({"error": problem.message}, problem.status)
        if problem.retry:
            reply.headers["Retry-After"] = "1"
        if problem.close:
            reply.headers["Connection"] = "close"
        if problem.status == 401:
            reply.headers["WWW-Authenticate"] = "Bearer"
        return reply

    async def _unknown(self, request: Request, problem: Exception) -> Response:
        assert isinstance(problem, HTTPException)
        path = shown(request.url.path, 200)
        reply = self._error(Refusal(problem.status_code, f"{path}: {problem.detail}", kind="address"))
        reply.headers.update(problem.headers or {})
        return reply

    # --- the addresses -----------------------------------------------------------------------------------------------

    async def _live(self, _: Request) -> Response:
        return _reply({"live": True})

    async def _ready(self, _: Request) -> Response:
        return _reply({"ready": self._pool.ready}, 200 if self._pool.ready else 503)

    async def _server(self, _: Request) -> Response:
        import modelairlock

        return _reply(
            {"name": "modelairlock", "version": modelairlock.__version__, "extensions": ["binary_tensor_data"]}
        )

    async def _model_ready(self, request: Request) -> Response:
        self._known(request)
        ready = self._pool.ready
        return _reply({"name": self._facts.name, "ready": ready}, 200 if ready else 503)

    async def _model(self, request: Request) -> Response:
        self._known(request)
        self._pool.look()
        facts = self._facts
        return _reply(
            {
                "name": facts.name, "versions": [_VERSION], "platform": f"modelairlock_{facts.loader}",
                # Only the model knows them, and what it says of itself is not told as if it were so.
                "inputs": [], "outputs": [],
                "airlock": {
                    "loader": facts.loader, "level": facts.level, "verdict": facts.verdict, "sha256": facts.sha256,
                    "method": facts.method, "methods": METHODS, "workers": len(self._pool),
                    "restarts": self._pool.restarts, "ready": self._pool.ready, "down": self._pool.down,
                    "violations": dict(self._pool.violations),
                },
            }
        )  # fmt: skip

    async def _counts(self, _: Request) -> Response:
        self._pool.look()
        more: list[Sample] = [
            ("airlock_waiting", {}, self._turns.waiting), ("airlock_running", {}, self._turns.running),
            ("airlock_workers", {}, len(self._pool)), ("airlock_ready", {}, int(self._pool.ready)),
            ("airlock_worker_restarts_total", {}, self._pool.restarts),
        ]  # fmt: skip
        for name, count in sorted(self._pool.violations.items()):
            more.append(("airlock_violations_total", {"syscall": name}, count))
        return Reply(self._metrics.text(more), media_type="text/plain; version=0.0.4")

    async def _infer(self, request: Request) -> Response:
        self._known(request)
        if not self._pool.ready:
            raise Refusal(503, self._pool.down or "no worker is up", kind="down", retry=not self._pool.down)
        share = Share(self._held)
        try:
            body = await body_of(request, self._terms.bounds.body, share)
            started = time.monotonic()
            async with self._turns:
                if time.monotonic() - started > 1 and await request.is_disconnected():
                    raise ClientDisconnect
                loop = asyncio.get_running_loop()
                given = request.headers.get(_LENGTH)
                answer, length = await loop.run_in_executor(self._threads, self._computed, body, given)
            self._metrics.took(time.monotonic() - started)
            share.release()
            share.add(len(answer))
        except BaseException:
            share.release()
            raise
        reply = Reply(answer, media_type=_JSON if length is None else "application/octet-stream")
        reply.share = share
        if length is not None:
            reply.headers[_LENGTH] = str(length)
        return reply

    def _computed(self, body: bytearray, header: str | None) -> tuple[bytes, int | None]:
        """In a thread that may wait for a worker."""
        bounds = self._terms.bounds
        call = call_of(body, header, self._facts.method, bounds)
        value = self._pool.call(call.method, call.arguments, call.options)
        return response(call, self._facts.name, value, bounds)

    def _known(self, request: Request) -> None:
        """Raises Refusal for a model that is not served here."""
        name = request.path_params["name"]
        if name != self._facts.name:
            raise Refusal(404, f"no model {shown(name, 80)!r} is served here", kind="address")
        version = request.path_params.get("version", _VERSION)
        if version != _VERSION:
            raise Refusal(404, f"there is only version {_VERSION} of it, not {shown(version, 40)!r}", kind="address")


def graceful_seconds(seconds: float) -> int:
    """How long an end waits for calls that are under way."""
    return math.ceil(seconds) + 1
