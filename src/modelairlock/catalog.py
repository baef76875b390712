"""Finds what a folder offers: the folder is the registry, and adding a file is all it takes.

Each module of a room holds exactly one object of the room's type; none or two is an error that names the module.
"""

import os
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

T = TypeVar("T")


class CatalogError(Exception):
    """A module of a room does not hold exactly one of what the room is for. A bug in the house, not in a file."""


@cache
def names(package: str) -> tuple[str, ...]:
    """The modules of `package`, in name order; those that begin with ``_`` are helpers."""
    # Not pkgutil: it imports half of the standard library, and a scan begins with this.
    found = {name for path in import_module(package).__path__ for name in _modules(path)}
    return tuple(sorted(name for name in found if not name.startswith("_")))


def _modules(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".py"):
                yield entry.name.removesuffix(".py")
            elif os.path.exists(os.path.join(entry.path, "__init__.py")):
                yield entry.name


@cache
def find(package: str, name: str, kind: type[T]) -> T:
    """The one object of type `kind` in module `name` of `package`."""
    module = import_module(f"{package}.{name}")
    offered = [value for value in vars(module).values() if isinstance(value, kind)]
    if len(offered) != 1:
        raise CatalogError(f"{module.__name__} must define exactly one {kind.__name__}, and defines {len(offered)}")
    return offered[0]


def said(package: str, name: str, kind: type[T], field: str) -> Any:
    """What the one object of type `kind` in module `name` of `package` says in `field`.

    Read off the module's source where it stands there as a constant: to import a reader for the sake of its description
    takes longer than to scan fifty files.
    """
    written = _written(package, name, kind.__name__)
    if field in written:
        return written[field]
    return getattr(find(package, name, kind), field)  # type: ignore[arg-type]  # as in `catalog`


@cache
def _written(package: str, name: str, kind: str) -> dict[str, Any]:
    """The constants that a module hands to its one call of `kind`, by keyword; nothing where that is not as usual."""
    import ast

    try:
        with open(os.path.join(import_module(package).__path__[0], f"{name}.py"), "rb") as file:
            body = ast.parse(file.read()).body
    except OSError:
        return {}  # a folder, or no file at all
    made = [node.value for node in body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)]
    calls = [call for call in made if isinstance(call.func, ast.Name) and call.func.id == kind]
    written = {}
    for keyword in calls[0].keywords if len(calls) == 1 else ():
        try:
            written[keyword.arg or ""] = ast.literal_eval(keyword.value)
        except ValueError:
            continue  # a function, or put together
    return written


def catalog(package: str, kind: type[T]) -> tuple[T, ...]:
    """Every object of type `kind` that the modules of `package` offer, in name order."""
    offered = []
    for name in names(package):
        offered.append(find(package, name, kind))  # type: ignore[arg-type]  # a class is hashable; mypy doubts type[T]
    return tuple(offered)
