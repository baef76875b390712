"""``airlock serve-isolated``: one model behind HTTP, which itself lives in a jail."""

import contextlib
import json
import signal
import time
from types import ModuleType
from typing import Any

import click

from modelairlock.cli.levels import require_jail
from modelairlock.cli.report import PATH
from modelairlock.cli.sizes import Size

#: arrays out of JSON may be four times as large as what said them
_ARRAYS_FOR_BODY = 4
_JSON_BYTES = 32 << 20
_LEAST_TOKEN = 16


@click.command("serve-isolated", short_help="Serve a model over HTTP from a jail.")
@click.argument("model", metavar="MODEL", type=PATH)
@click.option("--name", metavar="NAME", help="What the model is called in addresses [default: its file].")
@click.option(
    "--loader",
    default="auto",
    metavar="NAME",
    show_default=True,
    help="joblib.load, torch.load, keras.load_model or another; auto is the one that opens what the file is.",
)
@click.option(
    "--env",
    "environment",
    type=PATH,
    metavar="VENV",
    help="The environment that has the framework: its folder or its python [default: the active one].",
)
@require_jail
@click.option("--method", metavar="NAME", help="What to call where a request names no method.")
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", show_default=True, help="Where to listen.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8090, show_default=True, help="0 takes one that is free."
)
@click.option("--socket", "path", type=PATH, metavar="PATH", help="Listen at a Unix socket, for this user alone.")
@click.option(
    "--token-file",
    type=PATH,
    metavar="FILE",
    help="Answer only who sends the token in FILE (Authorization: Bearer). Needed for other hosts than this one.",
)
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="How many jailed processes compute."
)
@click.option(
    "--threads", type=click.IntRange(1, 256), default=1, show_default=True, help="Threads each may compute with."
)
@click.option(
    "--queue",
    type=click.IntRange(0, 10_000),
    default=32,
    show_default=True,
    help="How many requests may wait; one more is answered 503 with Retry-After.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 86_400),
    default=30.0,
    show_default=True,
    help="The longest a call may take, and wait.",
)
@click.option(
    "--memory", type=Size(1 << 24), default="4Gi", show_default=True, metavar="SIZE", help="What each worker may hold."
)
@click.option(
    "--max-body",
    type=Size(1 << 10),
    default="64Mi",
    show_default=True,
    metavar="SIZE",
    help="The largest request; arrays may be four times as large, each way.",
)
@click.option(
    "--on-violation",
    type=click.Choice(("stop", "record")),
    default="stop",
    show_default=True,
    help="stop ends the service when the model tries something forbidden; record denies it, counts it, and goes on.",
)
@click.option("--unsafe-serve-flagged", is_flag=True, help="Serve a model that its scan has FLAGGED.")
@click.option("--unsafe-no-token", is_flag=True, help="Answer other hosts without a token.")
def command(**given: Any) -> int:
    """Serve MODEL over HTTP from a jail, where it can reach nothing.

    The protocol is the Open Inference Protocol (version 2), with binary tensors: clients for KServe and Triton work.
    POST /v2/models/NAME/infer asks it; /v2/health/ready, /v2/models/NAME and /metrics tell about it.

    The process that speaks HTTP imports no framework. MODEL is scanned first, and a FLAGGED one is refused. What it
    tries while it is served is denied, and logged as JSON on standard error. SIGTERM and Ctrl-C let what is under way
    finish, and end all processes.

    Exit status: 0 SIGTERM ended it, 130 Ctrl-C did, 1 MODEL is FLAGGED, 2 the request cannot be met.
    """
    _server()
    with _ends_at_sigterm():
        return _run(given)


def _server() -> ModuleType:
    """The room that serves. Raises AirlockError where what it needs is not installed."""
    from modelairlock.records.errors import AirlockError

    try:
        from modelairlock.serving import server
    except ImportError as problem:
        if (problem.name or "").partition(".")[0] not in {"numpy", "starlette", "uvicorn"}:
            raise
        hint = "pip install 'modelairlock[serve]'"
        raise AirlockError(f"serving needs {problem.name}, which is not installed", hint) from problem
    return server


class _ends_at_sigterm:  # noqa: N801 - used as a context, like contextlib's
    """While nothing is served yet, SIGTERM unwinds as Ctrl-C does: workers that were opened are closed."""

    def __enter__(self) -> None:
        self._kept = signal.signal(signal.SIGTERM, signal.default_int_handler)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTERM, self._kept)


def _run(given: dict[str, Any]) -> int:
    from modelairlock.cli.group import INTERRUPTED
    from modelairlock.serving.app import App, Facts, Terms, graceful_seconds
    from modelairlock.serving.opening import opened
    from modelairlock.serving.pool import Pool
    from modelairlock.serving.problems import Bounds
    from modelairlock.serving.server import serve

    token, hosts = _who_may_ask(given)
    body = given["max_body"]
    bounds = Bounds(body=body, json=min(body, _JSON_BYTES), arrays=_ARRAYS_FOR_BODY * body)
    with _listening(given) as listening:
        found = opened(_wanted(given, bounds.arrays), _say)
        pool = Pool(found.models, _log, found.reopen, found.still, stop=given["on_violation"] == "stop")
        with contextlib.closing(pool):
            facts = Facts(
                name=found.name, loader=found.models[0].loader, level=found.models[0].level, verdict=found.verdict,
                sha256=found.sha256, method=found.method,
            )  # fmt: skip
            terms = Terms(bounds=bounds, queue=given["queue"], seconds=given["seconds"], token=token, hosts=hosts)
            app = App(facts, terms, pool, _log)

            def ready() -> None:
                _say(f"serving at {_address(listening)}/v2/models/{found.name}")

            ended = serve(app, listening, _log, ready, graceful_seconds(given["seconds"]))
    return INTERRUPTED if ended == signal.SIGINT else 0


def _wanted(given: dict[str, Any], array_bytes: int) -> Any:
    from modelairlock.cli.environment import interpreter_of
    from modelairlock.isolation.jail.served import METHODS
    from modelairlock.records.errors import AirlockError
    from modelairlock.serving.opening import Wanted

    if given["method"] and given["method"] not in METHODS:
        raise AirlockError(f"--method {given['method']} is not served", f"There are {', '.join(METHODS)}.")
    options = {
        "interpreter": interpreter_of(given["environment"]),
        "require": given["require"],
        "limits": {"memory_bytes": given["memory"]},
        "seconds": given["seconds"],
        "on_violation": given["on_violation"],
        "call_bytes": array_bytes,
        "threads": given["threads"],
    }
    return Wanted(
        path=given["model"], name=given["name"] or "", loader=given["loader"], method=given["method"] or "",
        workers=given["workers"], serve_flagged=given["unsafe_serve_flagged"], given=options,
    )  # fmt: skip


def _who_may_ask(given: dict[str, Any]) -> tuple[str, frozenset[str]]:
    """The token, and the names that the server answers to. Raises AirlockError for what would be open to everybody."""
    from modelairlock.records.errors import AirlockError
    from modelairlock.serving.server import is_loopback

    token = _token(given["token_file"]) if given["token_file"] else ""
    if token or given["path"]:
        return token, frozenset()
    if not is_loopback(given["host"]):
        if given["unsafe_no_token"]:
            return "", frozenset()
        message = f"--host {given['host']} is not this machine alone, and there is no token"
        raise AirlockError(message, "Give --token-file FILE; --unsafe-no-token answers everybody.")
    return "", frozenset(("localhost", "127.0.0.1", "::1", given["host"].lower()))


def _token(path: str) -> str:
    from modelairlock.records.errors import AirlockError

    try:
        with open(path, "rb") as file:
            token = file.read(4097).strip()
    except OSError as problem:
        raise AirlockError(f"--token-file {path}: {problem.strerror}", "Name a file with the token in it.") from None
    if not _LEAST_TOKEN <= len(token) <= 4096 or not all(0x21 <= byte <= 0x7E for byte in token):
        hint = f"It is {_LEAST_TOKEN} to 4096 printable characters without blanks: openssl rand -hex 32 > FILE"
        raise AirlockError(f"--token-file {path} holds no token", hint)
    return token.decode("ascii")


def _listening(given: dict[str, Any]) -> Any:
    from modelairlock.serving.server import bound, bound_path

    return bound_path(given["path"]) if given["path"] else contextlib.closing(bound(given["host"], given["port"]))


def _address(listening: Any) -> str:
    name = listening.getsockname()
    if isinstance(name, str):
        return f"unix:{name}:"
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"http://{host}:{name[1]}"


def _say(line: str) -> None:
    """A line for the person who started it."""
    from modelairlock.records.text import shown

    with contextlib.suppress(OSError, ValueError):  # who started it has gone, and it serves others
        click.echo(shown(line, 500))


def _log(event: str, fields: dict[str, Any]) -> None:
    """A line for a program: JSON with nothing in it but ASCII."""
    from modelairlock.records.text import shown

    told = {key: shown(value, 1000) if isinstance(value, str) else value for key, value in fields.items()}
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with contextlib.suppress(OSError, ValueError):
        click.echo(json.dumps({"time": when, "event": event, **told}), err=True)
