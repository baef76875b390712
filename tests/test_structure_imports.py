"""Rules about what modules take from each other, as tests: each failure says what to do."""

import ast

from tests.test_structure import SOURCES, shown, told, tree


def test_no_module_takes_a_private_name_of_another() -> None:
    """A module that begins with ``_`` belongs to its package, and may be taken whole."""
    taken = [
        f"{shown(path)}:{node.lineno}: {alias.name} of {node.module}"
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("modelairlock.")
        for alias in node.names
        if alias.name.startswith("_") and not (path.parent / f"{alias.name}.py").exists()
    ]
    assert not taken, told("give it a name without _ if two need it, or a module of its own", taken)
