"""The phases of a detonation beside the load: the first use of the model, and its end. Run inside the jail as text.

It follows `loaders.py` and `synthetic.py`, and wraps the phases of the former. Code in a model often waits for the
first ``predict`` or ``forward``, or for the end of Python. What is told of it, that the use raised included, is the
jailed process's own word; what was *tried* the parent sees. Standard library only at the top.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    State = dict[str, Any]

#: what a file holds besides, such as the lists of a checkpoint, is no model and not looked through for long
_MODELS = 16
_LOOKED_AT = 10_000
_WORDS = 300
#: what a thread that Python would not wait for has left, in seconds, when everything else is over
_GRACE = 1.0

_before: dict[str, Any] = globals()
_find_uses: Callable[[Any], Any] = _before["uses_of"]
_came_along: Callable[[Any], bool] = _before["brought"]
_import_first: Callable[..., None] = _before["PHASES"]["import"]


def _told(problem: BaseException) -> str:
    try:
        return f"{type(problem).__name__}: {str(problem)[:120]}"
    except BaseException:
        return "an error that cannot be told"


def _models(found: Any) -> Iterator[Any]:
    """What may be models: the thing itself, or what plain lists and dicts hold; what lies on top comes first."""
    from collections import deque
    from itertools import islice

    waiting = deque([found])
    for _ in range(_LOOKED_AT):
        if not waiting:
            return
        one = waiting.popleft()
        if isinstance(one, dict) and type(one).__module__ in {"builtins", "collections"}:
            waiting.extend(islice(one.values(), _LOOKED_AT))
        elif isinstance(one, (list, tuple)) and type(one).__module__ == "builtins":
            waiting.extend(islice(one, _LOOKED_AT))
        else:
            yield one


def _used(model: Any) -> str:
    """Use one model in every way that it has; what came of it. Empty if it is nothing that is used."""
    try:
        return "; ".join(_tried(type(model).__name__, kind, uses)[:_WORDS] for kind, uses in _find_uses(model))
    except BaseException as problem:
        return f"looking for an input raised {_told(problem)}"


def _tried(name: str, kind: str, uses: Any) -> str:
    """Try `uses` until one comes back."""
    last = f"no input could be inferred for {name} ({kind})"
    try:
        for words, use in uses:
            try:
                use()
            except BaseException as problem:
                last = f"{name} ({kind}) was {words} and raised {_told(problem)}"
            else:
                return f"{name} ({kind}) was {words} and came back"
    except BaseException as problem:
        return f"looking for an input of {name} ({kind}) raised {_told(problem)}"
    return last


class _Asked(dict):  # type: ignore[type-arg]  # Python 3.8 has no dict[str, str] at run time
    """The variables of the environment, which say what they are asked for: a claim, like all that is audited."""

    def __getitem__(self, key: Any) -> Any:
        _asked_for(key)
        return dict.__getitem__(self, key)

    def __contains__(self, key: object) -> bool:
        _asked_for(key)
        return dict.__contains__(self, key)

    def __iter__(self) -> Iterator[Any]:
        sys.audit("os.environ.read", "(all names)")
        return dict.__iter__(self)


def _asked_for(key: object) -> None:
    name = key.decode("utf-8", "backslashreplace") if isinstance(key, bytes) else str(key)
    if not name.startswith("AIRLOCK_"):  # by which our own loaders are told things
        sys.audit("os.environ.read", name)


def _begin(state: State, inputs: list[int], argument: str) -> None:
    """Import as always; then have the environment tell who reads it."""
    import os

    _import_first(state, inputs, argument)
    _there.update({"waited for": _waited_for(), "count": _count_threads()})
    sys.addaudithook(_note_starts)
    environment: Any = os.environ
    environment._data = _Asked(environment._data)


def _inference(state: State, _inputs: list[int], _argument: str) -> str:
    """Use what was loaded once. Whatever that raises is told and no failure: the input was made up."""
    if "model" not in state:
        return "nothing was loaded, so nothing was used"
    said: list[str] = []
    for model in _models(state["model"]):
        words = _used(model)
        if words:
            said.append(words)
        if len(said) >= _MODELS:
            said.append("what else there may be was not looked at")
            break
    if not said:
        kinds = ", ".join(dict.fromkeys(type(one).__name__ for one in state["model"]))
        said = [f"no input could be inferred: it is no model that modelairlock knows how to use ({kinds[:100]})"]
    return "; ".join(said).encode("utf-8", "backslashreplace").decode()


def _end(state: State, _inputs: list[int], _argument: str) -> None:
    """Let go of the model, then do what Python does when it ends: who waits for that is to be seen as well."""
    import gc

    state.clear()
    gc.collect()
    _exit_functions()
    gc.collect()
    _finalizers(gc)


def _waited_for() -> list[Any]:
    """The threads that Python waits for at its end."""
    threading: Any = sys.modules.get("threading")
    found = threading.enumerate() if threading is not None else ()
    return [one for one in found if not one.daemon and one is not threading.current_thread()]


#: the threads of the environment's own libraries: those that are waited for, how many there are in all, and what was
#: started since; a thread counts only from when it has run for the first time
_there: dict[str, Any] = {"waited for": [], "count": 0, "started": 0}


def _note_starts(event: str, _arguments: Any) -> None:
    if event.startswith("_thread.start"):
        _there["started"] += 1


def _count_threads() -> int:
    import _thread

    return _thread._count()


def _threads_end() -> None:
    """Wait for what the model has started, as Python does at its end; the other threads get a moment.

    Who puts off by a timer what he does is to be seen.
    """
    import time

    waited: list[Any] = [*_there["waited for"]]
    while mine := [one for one in _waited_for() if not any(one is other for other in waited)]:
        waited.append(mine[0])
        try:
            sys.modules["threading"].Thread.join(mine[0])  # it may have one of its own
        except BaseException as problem:
            sys.stdout.write(f"{_told(problem)}\n")
    if _there["started"]:
        time.sleep(_GRACE * 0.4)  # a busy machine lets one begin late
    end = time.monotonic() + _GRACE
    while time.monotonic() < end and _count_threads() > _there["count"]:
        time.sleep(0.01)


def _finalizers(gc: Any) -> None:
    """What is kept alive somewhere, and whose class came in the file, would be finalised at the very end."""
    for kept in gc.get_objects():
        try:
            end = getattr(type(kept), "__del__", None)
            if _came_along(end) and not _has_file(end):
                kept.__del__()
        except BaseException as problem:
            sys.stdout.write(f"{_told(problem)}\n")


def _has_file(function: Any) -> bool:
    """Whether it says that it is of a module's file: what a library made in a function is not to be ended twice."""
    module = sys.modules.get(function.__module__)
    return module is not None and getattr(module, "__file__", "") == function.__code__.co_filename


def _exit_functions() -> None:
    import atexit

    threading: Any = sys.modules.get("threading")
    for function in reversed(list(getattr(threading, "_threading_atexits", ()))):
        try:
            function()
        except BaseException as problem:
            sys.stdout.write(f"{_told(problem)}\n")
    try:
        _threads_end()
    except BaseException as problem:
        sys.stdout.write(f"{_told(problem)}\n")
    try:
        atexit._run_exitfuncs()
    except BaseException as problem:
        sys.stdout.write(f"{_told(problem)}\n")


PHASES: dict[str, Callable[..., str | None]] = {
    # those of `loaders.py`, which this text follows
    **_before["PHASES"], "import": _begin, "inference": _inference, "unload": _end,
}  # fmt: skip
