"""What is to be run in the jail."""

import os
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import msgspec

from modelairlock.isolation.jail.folder import VARIABLE, Folder

_HERE = Path(__file__).parent
#: the names of the fixed table in `loaders.py`
LOADERS: tuple[str, ...] = (
    "pickle.load", "numpy.load", "joblib.load", "torch.load", "keras.load_model", "skops.io.load",
    "onnxruntime.InferenceSession", "xgboost.Booster", "transformers",
)  # fmt: skip
#: the libraries that `loaders.py` knows how to import before the model is there
LIBRARIES: tuple[str, ...] = (
    "numpy", "scipy", "pandas", "joblib", "sklearn", "xgboost", "lightgbm", "torch", "cloudpickle",
)  # fmt: skip


_TRUSTED = "AIRLOCK_TRUSTED"
#: files of this folder behind `loaders.py`, and variables, that a loader needs
_FURTHER = {"transformers": ("of_transformers.py",)}
_VARIABLES = {
    "transformers": (
        ("HF_HUB_OFFLINE", "1"), ("HF_HUB_DISABLE_TELEMETRY", "1"), ("TOKENIZERS_PARALLELISM", "false"),
        ("HF_HUB_DISABLE_PROGRESS_BARS", "1"),
    ),
    "onnxruntime.InferenceSession": (("ORT_DISABLE_TELEMETRY", "1"),),
}  # fmt: skip


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Code of ours, as text, that defines `PHASES`, and what it gets.

    The first phase is run before the inputs are there, and behind a part of the walls only: it imports what the
    environment has. `inputs` are descriptors of regular files, open for reading alone; `folder` is one in their place,
    whose files are opened when they are asked for. `import_from` are further
    folders to import from, behind the environment's own; `variables` go into a set of them that is otherwise the same
    everywhere.
    """

    code: str
    argument: str = ""
    phases: tuple[str, ...] = ("import", "load", "unload")
    inputs: tuple[int, ...] = ()
    folder: Folder | None = None
    interpreter: str = sys.executable
    import_from: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()


def used(job: Job) -> Job:
    """`job` with a first use of the model, on made-up input, between its load and its end."""
    phases = ("import", "load", "inference", "unload")
    return msgspec.structs.replace(job, code=_joined(job.code, "synthetic.py", "first_use.py"), phases=phases)


def honest(job: Job) -> Job:
    """`job`, as `used` makes it, which loads an honest file, or none, and then uses honest models as well."""
    phases = ("import", "load", "honest", "inference", "unload")
    return msgspec.structs.replace(job, code=_joined(job.code, "honest.py"), phases=phases)


def _joined(code: str, *names: str) -> str:
    """`code` and the texts of `names`, which have a scope of their own: no name of theirs hides one of a loader's."""
    steps = [f"exec(compile({text(name)!r}, {name!r}, 'exec'), _USE)" for name in names]
    begin = "_USE = globals().get('_USE') or {'__name__': 'jailed', 'PHASES': PHASES}"
    return "\n".join([code, begin, *steps, "PHASES = _USE['PHASES']\n"])


def loading(
    loader: str,
    model: int | Folder,
    interpreter: str = "",
    libraries: Iterable[str] = (),
    trusted: Sequence[str] | None = None,
) -> Job:
    """The job of loading one model with a loader of the fixed table. Raises ValueError for another name.

    `libraries` are those the model is known to need; what of them is in `LIBRARIES` is imported before the model is
    there, as the loaders do with their own. The rest is left to the load: a model must not choose what runs unwatched.
    `model` is a descriptor, or a folder. `trusted` are the types that `skops.io.load` is to trust; where it is None it
    trusts all that the file names.
    """
    if loader not in LOADERS:
        raise ValueError(f"no loader is called {loader!r}; there are {', '.join(LOADERS)}")
    wanted = {library.partition(".")[0] for library in libraries}
    argument = " ".join([loader, *(name for name in LIBRARIES if name in wanted)])
    variables = [*_VARIABLES.get(loader, ()), *([(VARIABLE, model.path)] if isinstance(model, Folder) else [])]
    variables += [(_TRUSTED, ",".join(trusted))] if trusted is not None else []
    return Job(
        code="\n".join(map(text, ("loaders.py", *_FURTHER.get(loader, ())))),
        argument=argument,
        inputs=() if isinstance(model, Folder) else (model,),
        folder=model if isinstance(model, Folder) else None,
        interpreter=interpreter or sys.executable,
        variables=tuple(variables),
    )


def reopened(fd: int) -> int:
    """The same file with a read position of its own."""
    try:
        return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        # It was handed to us by somebody who may open it where we may not.
        return os.dup(fd)


@cache
def text(name: str) -> str:
    """The source of a file of this folder that runs in the jail."""
    return (_HERE / name).read_text("utf-8")
