"""Opens a model in the jail and keeps it there: the caller asks it as if it were in its own process.

Only numpy is needed on this side. The framework is imported by the jailed interpreter, and nothing that comes back is
unpickled. A scan is made to find out which loader opens the file, not to decide whether to open it: whoever wants the
verdict asks `scan` first.
"""

import os
import re
import threading
import weakref
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, get_args

from modelairlock.isolation.jail.folder import Folder
from modelairlock.isolation.jail.job import LIBRARIES
from modelairlock.isolation.jail.served import SERVED, OnViolation, ServedModel, Terms
from modelairlock.isolation.jail.values import numpy_here
from modelairlock.pipeline.given import interpreter_from, is_path, jail_level_from, jail_limits_from
from modelairlock.pipeline.model_folder import beside, may_be_settings, whole
from modelairlock.pipeline.openers import FOLDERS, ONNX, Needed, loaders_of
from modelairlock.pipeline.options import Options
from modelairlock.pipeline.scan import scan_sources
from modelairlock.reading import Unreadable
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Level
from modelairlock.records.jail import Event, JailLayer
from modelairlock.records.scan import Subject
from modelairlock.records.text import shown
from modelairlock.sources.local import File, open_file, walk

_TRUSTED_HINT = "It is a list of names of types, as skops.io.get_untrusted_types has them."
_HEAD_BYTES = 1 << 20
#: when a file is compressed, and so names nothing
_USUAL = ("sklearn", "xgboost", "lightgbm")
#: of the options, and the least each may be
_WHOLE_NUMBERS = {"call_bytes": 1, "restarts": 0, "queue": 0, "threads": 1}


class IsolatedModel:
    """A model in the jail; made by `load_isolated`. A context manager; `close` ends its process.

    Each method does what the model's own does, with arrays that are copied there and back. All of them raise
    `AirlockError` when the call fails, when the jailed process ends, and when it tried something it must not.
    """

    def __init__(self, session: ServedModel, loader: str, path: str) -> None:
        self._session = session
        self._loader = loader
        self._path = path
        self._finalizer = weakref.finalize(self, session.close)

    def predict(self, *arguments: Any, **options: Any) -> Any:
        """What the model's ``predict`` returns."""
        return self._session.call("predict", arguments, options)

    def predict_proba(self, *arguments: Any, **options: Any) -> Any:
        """What the model's ``predict_proba`` returns."""
        return self._session.call("predict_proba", arguments, options)

    def transform(self, *arguments: Any, **options: Any) -> Any:
        """What the model's ``transform`` returns."""
        return self._session.call("transform", arguments, options)

    def decision_function(self, *arguments: Any, **options: Any) -> Any:
        """What the model's ``decision_function`` returns."""
        return self._session.call("decision_function", arguments, options)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """What calling the model returns; for torch, arrays go in as tensors, and tensors come back as arrays."""
        return self._session.call("__call__", arguments, options)

    def run(self, outputs: Any = None, inputs: Any = None) -> Any:
        """What a session of onnxruntime returns for `inputs`, arrays by name: a list, of `outputs` or of all."""
        return self._session.call("run", (outputs, inputs), {})

    def generate(self, *arguments: Any, **options: Any) -> Any:
        """The ids that a model of transformers generates."""
        return self._session.call("generate", arguments, options)

    def tokenizer(self, *texts: Any, **options: Any) -> Any:
        """What the tokenizer in the folder of a model of transformers makes of `texts`: arrays by name."""
        return self._session.call("tokenizer", texts, options)

    def decode(self, ids: Any, **options: Any) -> Any:
        """The text of a row of ids, or the texts of several rows, by that tokenizer."""
        return self._session.call("decode", (ids,), options)

    @property
    def loader(self) -> str:
        """What the file was opened with."""
        return self._loader

    @property
    def level(self) -> Level:
        """The isolation that it runs behind."""
        return self._session.level

    @property
    def places(self) -> tuple[str, ...]:
        """Where the files really are that it reads by their names: those of a folder, or beside a model of onnx."""
        return self._session.places

    @property
    def layers(self) -> tuple[JailLayer, ...]:
        """The layers of that isolation, and who saw that they hold."""
        return self._session.layers

    @property
    def events(self) -> tuple[Event, ...]:
        """What it tried and was denied, since it was opened, as seen from outside of the jail."""
        return self._session.events

    @property
    def dropped(self) -> int:
        """How many more attempts there were than `events` keeps."""
        return self._session.dropped

    @property
    def output(self) -> str:
        """The beginning of what its process printed, escaped."""
        return self._session.output

    @property
    def restarts(self) -> int:
        """How many times its process was started anew."""
        return max(0, self._session.started - 1)

    @property
    def closed(self) -> bool:
        """Whether it can be asked no more."""
        return self._session.closed

    def ask(self, method: str, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """What `method`, one of those above by its name, returns."""
        return self._session.call(method, arguments, options)

    def close(self) -> None:
        """End its process, at once. Closing twice does nothing."""
        self._finalizer()

    def __enter__(self) -> "IsolatedModel":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<IsolatedModel {self._path} by {self._loader}, {'closed' if self.closed else self.level.value}>"


def load_isolated(
    path: str | os.PathLike[str],
    loader: str,
    interpreter: str | os.PathLike[str] | None,
    given: Mapping[str, Any],
) -> IsolatedModel:
    """See `modelairlock.load_isolated`, which documents it; `given` is all the rest of what that takes."""
    trusted = _trusted(given["trusted"])
    terms = _terms({name: value for name, value in given.items() if name != "trusted"})
    python = interpreter_from(interpreter)
    numpy_here()
    if loader != "auto" and loader not in SERVED:
        raise AirlockError(f"no loader {loader!r} makes a model to ask", f"There are auto, {', '.join(SERVED)}.")
    try:
        model, chosen, seen = _opened(path, loader)
    except Unreadable as problem:
        raise AirlockError(f"{shown(str(path))}: {problem.detail}", "Look at it, and at its permissions.") from None
    libraries = _libraries(model, chosen)
    session = ServedModel(model, shown(seen, 80), chosen, python, terms, libraries=libraries, trusted=trusted)
    return IsolatedModel(session, chosen, shown(seen))


def _opened(path: str | os.PathLike[str], loader: str) -> tuple[int | Folder, str, str]:
    """The model for the jail, what loads it, and what people call it. Raises AirlockError, Unreadable."""
    if is_path(path) and os.path.isdir(path) and loader in {"auto", FOLDERS}:
        return _whole(os.fspath(path)), FOLDERS, os.fspath(path)
    file = _file(path)
    if loader == FOLDERS:
        raise AirlockError(f"{shown(file.path)} is a file, and {FOLDERS} loads folders", "Give the path of its folder.")
    named: tuple[str, ...] = ()
    if loader in {"auto", ONNX}:
        subject, named = _scanned(file)
        loader = loader if loader != "auto" else _loader_of(file, subject)
    fd, _ = open_file(file)
    if not named or loader != ONNX:
        return fd, loader, file.path
    os.close(fd)
    return Folder(beside(file, named), file.name), loader, file.path


def _whole(path: str) -> Folder:
    if not any(may_be_settings(name) for name in os.listdir(path)):
        hint = "Give the path of one file, or of a folder with a config.json, which transformers loads."
        raise AirlockError(f"{shown(path)} is not one file, and no folder of a model", hint)
    return Folder(whole(path))


def _trusted(given: object) -> tuple[str, ...]:
    """Names of types, as `skops.io.get_untrusted_types` has them."""
    if isinstance(given, str) or not isinstance(given, Collection):
        raise AirlockError(f"trusted is {shown(repr(given), 80)}", _TRUSTED_HINT)
    names = tuple(given)
    if not all(isinstance(name, str) and re.fullmatch(r"[\w.]+", name) for name in names):
        raise AirlockError(f"trusted is {shown(repr(given), 80)}", _TRUSTED_HINT)
    return names


def _terms(given: Mapping[str, Any]) -> Terms:
    _check(given)
    return Terms(**{**given, "require": jail_level_from(given["require"]), "limits": jail_limits_from(given["limits"])})


def _file(path: str | os.PathLike[str]) -> File:
    if not is_path(path):
        raise AirlockError(f"the model is {shown(repr(path), 80)}", "Give the path of one file, as str or Path.")
    found = list(walk(Path(path)))
    if len(found) != 1 or not isinstance(found[0], File):
        detail = getattr(found[0], "message", "") if len(found) == 1 else "it is a folder"
        raise AirlockError(f"{shown(str(path))} is not one file: {shown(str(detail))}", "Give the path of one file.")
    return found[0]


def _scanned(file: File) -> tuple[Subject | None, tuple[str, ...]]:
    """What the scan finds the file to be, and the files that it names as its data."""
    needed = Needed()
    record = scan_sources([file.place], Options(cache=False, hash=False), look=needed.note)
    subject = next(iter(record.subjects), None)
    return subject, needed.files(subject.path) if subject is not None else ()


def _loader_of(file: File, subject: Subject | None) -> str:
    """The loader that opens it; joblib for plain pickles, for it opens those too, and what it has put into them."""
    found = next(iter(loaders_of(file.name, subject)), "")
    found = "joblib.load" if found == "pickle.load" else found
    if found not in SERVED:
        formats = ", ".join(subject.formats) if subject is not None else ""
        hint = f"Name the loader that opens it: {', '.join(SERVED)}."
        raise AirlockError(f"{shown(file.path)} ({formats or 'not recognised'}) is no model that can be asked", hint)
    return found


def _libraries(model: int | Folder, loader: str) -> tuple[str, ...]:
    """What to import before the model is there: libraries that the file names, as far as it can be seen."""
    if loader not in {"joblib.load", "pickle.load"} or isinstance(model, Folder):
        return ()
    head = os.pread(model, _HEAD_BYTES, 0)
    found = tuple(name for name in LIBRARIES if name.encode() in head)
    return found if {*found} - {"numpy", "joblib"} or loader == "pickle.load" else _USUAL


def _check(given: Mapping[str, Any]) -> None:
    seconds, on_violation = given["seconds"], given["on_violation"]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= threading.TIMEOUT_MAX:
        hint = f"It is a number above zero, of at most {threading.TIMEOUT_MAX:.0f}."
        raise AirlockError(f"seconds is {shown(repr(seconds), 80)}", hint)
    if on_violation not in get_args(OnViolation):
        wanted = '"stop" ends the model when it tries something, "record" denies it and goes on.'
        raise AirlockError(f"on_violation is {shown(repr(on_violation), 80)}", wanted)
    for name, least in _WHOLE_NUMBERS.items():
        value = given[name]
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**40:
            raise AirlockError(f"{name} is {shown(repr(value), 80)}", f"It is a whole number from {least} on.")
