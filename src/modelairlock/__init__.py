"""An airlock for machine-learning models: reads them without loading them, and says what loading would do.

What ``__all__`` names is promised; nothing else is. All of it is imported on first use, because the walled-in worker
and ``airlock --help`` import this package too and pay for what they do not use.
"""

# Type checkers know this name; importing it would import typing, which costs ten times what this module does.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from os import PathLike
    from typing import Any, Literal, Never

    from modelairlock.limits import Limits
    from modelairlock.pipeline.load_isolated import IsolatedModel
    from modelairlock.records.conversion import ConversionRecord
    from modelairlock.records.coverage import Because, Gap
    from modelairlock.records.detonate import DetonateRecord
    from modelairlock.records.errors import AirlockError
    from modelairlock.records.finding import Finding, Severity
    from modelairlock.records.isolation import Level
    from modelairlock.records.jail import JailLimits
    from modelairlock.records.scan import ScanRecord, Subject, Verdict

__version__ = "0.1.0"

__all__ = [
    "AirlockError",
    "Because",
    "ConversionRecord",
    "DetonateRecord",
    "Finding",
    "Gap",
    "IsolatedModel",
    "Level",
    "Limits",
    "ScanRecord",
    "Severity",
    "Subject",
    "Verdict",
    "__version__",
    "convert",
    "detonate",
    "load_isolated",
    "scan",
]

_HOMES = {
    "AirlockError": "records.errors",
    "Because": "records.coverage",
    "ConversionRecord": "records.conversion",
    "DetonateRecord": "records.detonate",
    "Finding": "records.finding",
    "Gap": "records.coverage",
    "IsolatedModel": "pipeline.load_isolated",
    "Level": "records.isolation",
    "Limits": "limits",
    "ScanRecord": "records.scan",
    "Severity": "records.finding",
    "Subject": "records.scan",
    "Verdict": "records.scan",
}


def scan(
    sources: "str | PathLike[str] | Iterable[str | PathLike[str]]",
    *,
    exclude: "str | Iterable[str]" = (),
    jobs: "int | None" = None,
    hash: bool = True,  # noqa: A002  # the command line's word for it
    require: "Level | str | None" = None,
    limits: "Limits | Mapping[str, float | str] | None" = None,
    cache: bool = True,
    cache_folder: "str | PathLike[str] | None" = None,
    started: str = "",
    **unknown: "Never",
) -> "ScanRecord":
    """Scan a file or folder, or several, without loading anything, and say what is known of each file.

    `exclude` leaves out what matches, as ``--exclude`` does. `jobs` files are read at a time, as many as there are
    processors by default. Without `hash` no digests are computed. `require` is the least `Level` of isolation to read
    with. `limits` is a `Limits`, or a dict of those that differ from the default, such as ``{"seconds": 60,
    "expanded_bytes": "2G"}``. What was read is kept in `cache_folder`; None, the default here, keeps nothing, and so
    does False for `cache`. `started` goes into the record as it is; empty means now.

    Problems that the caller can mend, such as a file that does not exist, stand in ``errors`` of the record, beside the
    answers on all the rest. Raises `AirlockError` for options that make no sense and for an isolation level that is
    out of reach. No settings file is looked for.
    """
    from modelairlock.pipeline.options import options_from, sources_from
    from modelairlock.pipeline.scan import scan_sources

    given = {
        "exclude": exclude,
        "jobs": jobs,
        "hash": hash,
        "require": require,
        "limits": limits,
        "cache": cache,
        "cache_folder": cache_folder,
        "started": started,
    }
    return scan_sources(sources_from(sources), options_from({**given, **unknown}))


def convert(
    path: "str | PathLike[str]",
    out: "str | PathLike[str]",
    *,
    force: bool = False,
    strip: bool = False,
    drop_template: bool = False,
    load_in_jail: bool = False,
    interpreter: "str | PathLike[str] | None" = None,
    require: "Level | str | None" = None,
    limits: "Limits | Mapping[str, float | str] | None" = None,
    progress: "Callable[[int, int], None] | None" = None,
) -> "ConversionRecord":
    """Write the tensors of `path` to `out` in the safetensors format, without loading it, and say what became of it.

    The options are those of ``airlock convert``: `force` replaces what is there; `strip` converts a FLAGGED file too;
    `drop_template` writes a GGUF file again without its chat templates; `load_in_jail` loads in a jail what reading
    cannot convert, with the Python `interpreter` of an environment that has the framework (this one by default).
    `require` is the least `Level` of isolation, `limits` as for `scan`. `progress` hears how many bytes of how many are
    written.

    Look at ``outcome``: a file that is FLAGGED is ``refused``, one that cannot be converted is ``not-converted``, and
    neither raises. Raises `AirlockError`, with a hint, for what the caller can mend: a path that does not exist, an
    output that is there already, isolation that is out of reach, options that make no sense.
    """
    from modelairlock.pipeline import arguments as home

    given = {
        "force": force,
        "strip": strip,
        "drop_template": drop_template,
        "load_in_jail": load_in_jail,
        "interpreter": interpreter,
        "require": require,
        "limits": limits,
    }
    return home.convert(path, out, given, progress)


def detonate(
    sources: "str | PathLike[str] | Iterable[str | PathLike[str]]",
    *,
    loader: str = "auto",
    interpreter: "str | PathLike[str] | None" = None,
    require: "Level | str" = "confined",
    limits: "JailLimits | Mapping[str, float] | None" = None,
) -> "DetonateRecord":
    """Load every file of `sources` in a jail, where it can reach nothing, and say what it tried.

    A folder that is a model of transformers is loaded as a whole too. `loader` is one of those of `load_isolated`,
    ``numpy.load``, or ``auto`` for those that open what the file is; with ``skops.io.load`` every type is trusted.
    `interpreter`, `require` and `limits` are as for `load_isolated`; without `limits`, memory and time grow with the
    file. Below the level required no file is opened, and its ``outcome`` says so.

    What a file does is in the record, and so are problems that the caller can mend, in ``errors``. Raises
    `AirlockError` for options that make no sense.
    """
    from modelairlock.pipeline import arguments as home

    return home.detonate(sources, loader, interpreter, require, limits)


def load_isolated(
    path: "str | PathLike[str]",
    loader: str = "auto",
    *,
    interpreter: "str | PathLike[str] | None" = None,
    require: "Level | str" = "confined",
    limits: "JailLimits | Mapping[str, float] | None" = None,
    seconds: float = 30.0,
    on_violation: "Literal['stop', 'record']" = "stop",
    call_bytes: int = 1 << 30,
    restarts: int = 10,
    queue: int = 32,
    threads: int = 1,
    trusted: "Collection[str]" = (),
) -> "IsolatedModel":
    """Load a model in a jail, where it can reach nothing, and keep it there to be asked.

    What comes back has ``predict``, ``predict_proba``, ``transform``, ``decision_function``, ``run``, ``generate``,
    ``tokenizer`` and ``decode``, and can be called; arrays of numpy go over and come back through shared memory, and
    nothing is ever unpickled here. Use it in a ``with``.

    `loader` is ``pickle.load``, ``joblib.load``, ``torch.load``, ``keras.load_model``, ``skops.io.load`` (which takes
    the types named in `trusted`, beside those it knows), ``onnxruntime.InferenceSession``, ``xgboost.Booster``,
    ``transformers`` (of a folder, with the code in it), or ``auto`` for the one that suits `path`. `interpreter` is the
    Python of the environment that has the framework; this one by default. Below the level `require` (``confined`` or
    ``strict``) the model is not opened. `limits` is a dict of those that differ, such as ``{"memory_bytes": 8 << 30}``.
    A call may take `seconds`, and `call_bytes` of arrays each way; up to `queue` calls wait for their turn. The load
    is no call: after the imports (``import_seconds`` of `limits`, 120) it may take ``wall_seconds`` and
    ``cpu_seconds``, 60 each by default. A worker that dies is started anew, `restarts` times in a row at most, and the
    call that needs it waits for that load first. `threads` is what the framework may compute with.

    What the model tries beyond computing is denied and kept in ``events``; with `on_violation` ``stop`` that is also
    the end of it. Raises `AirlockError` for all of this, with a hint.
    """
    from modelairlock.pipeline import load_isolated as home

    given = {
        "require": require,
        "limits": limits,
        "seconds": seconds,
        "on_violation": on_violation,
        "call_bytes": call_bytes,
        "restarts": restarts,
        "queue": queue,
        "threads": threads,
        "trusted": trusted,
    }
    return home.load_isolated(path, loader, interpreter, given)


def __getattr__(name: str) -> "Any":
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
