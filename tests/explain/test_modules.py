"""The modules of the room stand on one another, and in no circle."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

from workbench import explain

_ROOM = Path(explain.__file__).parent
_NAME = "workbench.explain"


def _imports(tree: ast.AST) -> set[str]:
    """Return the modules of the room that are imported, at the top or in a function, not those for type checkers."""
    found = set()
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
            case ast.ImportFrom(module=str(module), names=names) if module == _NAME:
                found |= {alias.name for alias in names}
            case ast.ImportFrom(module=str(module)) if module.startswith(f"{_NAME}."):
                found.add(module.removeprefix(f"{_NAME}."))
        found |= _imports(node)
    return found


def test_imports_are_seen() -> None:
    source = (
        "from workbench.explain import code\n"
        "if TYPE_CHECKING:\n    from workbench.explain.timeline import over\n"
        "def f():\n    from workbench.explain.request import Request\n"
    )
    assert _imports(ast.parse(source)) == {"code", "request"}


def test_there_is_no_circle() -> None:
    paths = [path for path in _ROOM.rglob("*.py") if path.stem != "__init__"]
    modules = {".".join(path.relative_to(_ROOM).with_suffix("").parts): path for path in paths}
    assert {"large.field", "explainers.cam"} <= set(modules)
    above = {name: _imports(ast.parse(path.read_text("utf-8"))) & set(modules) for name, path in modules.items()}
    assert above["request"] >= {"explanation", "making"}
    order = list(TopologicalSorter(above).static_order())  # raises CycleError, which names the modules
    assert set(order) == set(modules)
