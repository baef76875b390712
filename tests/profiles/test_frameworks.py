"""The vouched names against the real libraries: they resolve, and the source behind them does nothing it should not.

Run with the interpreter that has the frameworks. These tests import trusted libraries, never a model.
"""

import ast
import importlib
import inspect
import textwrap
import types
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from modelairlock.profiles import Profiles
from tests.build import honest

pytestmark = [pytest.mark.frameworks, pytest.mark.slow]
BUNDLED = Profiles.bundled()

#: calls that a function which an unpickler calls has no business making
FORBIDDEN = frozenset(
    (
        "exec",
        "eval",
        "compile",
        "__import__",
        "import_module",
        "open",
        "system",
        "popen",
        "Popen",
        "check_output",
        "globals",
    )
)
#: vouched all the same; each with why the call is harmless or who guards it
_PANDAS = "__setstate__ goes round __setattr__, by object.__setattr__; the getattr there asks for the old value only"
EXCUSED = {
    "numpy.core:_ufunc_reconstruct": "__import__ and getattr on its arguments, guarded by `vouched-names`",
    "sklearn.frozen._frozen:FrozenEstimator": "__getattr__ reads attributes of the estimator inside and calls none",
    "pandas:DataFrame": _PANDAS,
    "pandas:Series": _PANDAS,
    "pandas.core.frame:DataFrame": _PANDAS,
    "pandas.core.series:Series": _PANDAS,
}


def resolve(module: str, qualname: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: Any = importlib.import_module(module)
        for part in qualname.split("."):
            found = getattr(found, part)
    return found


@cache
def installed(library: str) -> bool:
    if library == "python":
        return True
    try:
        importlib.import_module(library)
    except Exception:
        return False
    return True


def names(library: str) -> dict[tuple[str, str], tuple[set[str], bool]]:
    found: dict[tuple[str, str], tuple[set[str], bool]] = {}
    for (module, qualname, use), vouch in BUNDLED.entries(library).items():
        uses, old = found.get((module, qualname), (set(), False))
        found[module, qualname] = (uses | {use}, old or vouch.old)
    return found


@pytest.mark.parametrize("library", BUNDLED.libraries())
def test_every_name_resolves_in_the_installed_version_or_is_marked_old(library: str) -> None:
    if not installed(library):
        pytest.skip(f"{library} is not installed")
    lost = []
    for (module, qualname), (_, old) in names(library).items():
        if old:
            continue
        try:
            resolve(module, qualname)
        except Exception as error:
            lost.append(f"{module}:{qualname} ({type(error).__name__})")
    assert not lost, f"mark as `old = true`, or mend: {lost}"


@pytest.mark.parametrize("library", BUNDLED.libraries())
def test_old_names_keep_to_what_the_current_ones_are_vouched_for(library: str) -> None:
    """A name that is marked old and resolves all the same must lead to something harmless too."""
    if not installed(library):
        pytest.skip(f"{library} is not installed")
    for (module, qualname), (_, old) in names(library).items():
        if not old:
            continue
        try:
            found = resolve(module, qualname)
        except Exception:
            continue
        assert not isinstance(found, types.ModuleType), f"{module}:{qualname} is a module"


def reached(thing: Any, uses: set[str]) -> list[Any]:
    """The Python functions that an unpickler would run for these uses of `thing`."""
    if inspect.isfunction(thing):
        return [thing] if uses & {"call", "new"} else []
    if not isinstance(thing, type):
        return []
    wanted = {
        "call": ("__init__", "__new__", "__del__"),
        "new": ("__new__", "__del__"),
        "build": ("__setstate__", "__setattr__", "__getattr__", "__getattribute__"),
        "items": ("__setitem__", "append", "extend", "add", "update"),
    }
    methods = (thing.__dict__.get(name) or _inherited(thing, name) for use in uses for name in wanted.get(use, ()))
    plain = (method.__func__ if isinstance(method, staticmethod) else method for method in methods)
    return [method for method in plain if inspect.isfunction(method)]


def _inherited(kind: type, name: str) -> Any:
    return next((base.__dict__[name] for base in kind.__mro__ if name in base.__dict__), None)


def forbidden_in(function: Any) -> list[str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return []
    parameters = set(inspect.signature(function).parameters) - {"self", "cls"}
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        owner = ast.unparse(node.func).rpartition(".")[0]
        if (name in FORBIDDEN and owner in ("", "os", "importlib", "subprocess")) or owner == "subprocess":
            found.append(ast.unparse(node))
        if name == "getattr" and len(node.args) > 1 and not isinstance(node.args[1], ast.Constant):
            used = {leaf.id for argument in node.args for leaf in ast.walk(argument) if isinstance(leaf, ast.Name)}
            if used & parameters:
                found.append(ast.unparse(node))
    return found


def looked_at(module: str, qualname: str, uses: set[str]) -> list[str]:
    try:
        thing = resolve(module, qualname)
    except Exception:
        return []
    return [call for function in reached(thing, uses) for call in forbidden_in(function)]


@pytest.mark.parametrize("library", BUNDLED.libraries())
def test_what_an_unpickler_would_run_calls_nothing_forbidden(library: str) -> None:
    if not installed(library):
        pytest.skip(f"{library} is not installed")
    bad = {}
    for (module, qualname), (uses, _) in names(library).items():
        calls = looked_at(module, qualname, uses)
        if calls and f"{module}:{qualname}" not in EXCUSED:
            bad[f"{module}:{qualname}"] = calls
    assert not bad, f"look again, then take the name out or excuse it with a reason: {bad}"


@pytest.mark.parametrize("name", EXCUSED)
def test_excuses_are_still_needed(name: str) -> None:
    module, _, qualname = name.partition(":")
    if not installed(module.partition(".")[0]):
        pytest.skip(f"{module} is not installed")
    uses = names(module.partition(".")[0])[module, qualname][0]
    assert looked_at(module, qualname, uses), f"{name} needs no excuse any more: take it out of EXCUSED"


def test_the_lint_sees_what_it_is_for() -> None:
    def opens(path: str) -> Any:
        return open(path)

    def reaches(module: Any, name: str) -> Any:
        return getattr(module, name)

    assert forbidden_in(opens)
    assert forbidden_in(reaches)
    assert not forbidden_in(resolve.__class__)


def test_honest_models_are_made(tmp_path: Path) -> None:
    for library in ("torch", "sklearn", "joblib", "scipy", "pandas", "numpy"):
        pytest.importorskip(library)
    made = honest.make_all(tmp_path)
    kinds = {path.name.split("-")[0].split(".")[0] for path in made}
    assert {"python", "numpy", "scipy", "sklearn", "pandas", "torch"} <= kinds
    assert len(made) > 300
    assert all(path.stat().st_size for path in made)
