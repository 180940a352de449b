"""The way down holds for what is imported by its name too, which the linter of imports cannot see."""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from pathlib import Path

import pytest

import workbench

_PACKAGE = Path(workbench.__file__).parent
_PYPROJECT = _PACKAGE.parent / "pyproject.toml"
_PLACE = re.compile(r"(workbench(?:\.\w+)+)(?::\w+)?")

#: A module, a room above its own (or beside it) that it names, and why.
UPWARD = {
    ("cli._doctor_lab", "lab"): "the server is asked whether it knows an extension of that name; nothing is imported",
}
#: A module that imports by a name which is not written beside the import, and where that comes from.
DYNAMIC = {
    "__init__": "the public names: _HOMES, whose rooms are on top for whoever imports the package",
    "_lazy": "modules of the package that asks, which it calls by its own __name__",
    "_plugins": "what the tables of the registries and entry points say; those tables are looked at here",
    "_rooms": "the modules of the folder that a registry names; those names are looked at here",
    "testing.__init__": "the packages that it needs, which are looked for and not imported",
    "testing.marks": "the packages that a test needs, which are looked for and not imported",
    "widgets.backends._base": "the packages that a backend needs, which are looked for and not imported",
    "zoo.algorithm": "the package that a card lies in",
    "zoo.foreign.adapters.nnunet": "the package of the architecture that plans name, which is checked against its name",
    "zoo.catalogue": "the package that an entry point names, which is looked for and not imported",
}
#: Ours of the root; everything else there is loaded from a room above.
_OF_THE_ROOT = {"__version__", "__file__", "__doc__"}
_IMPORTERS = {"import_module", "__import__", "find_spec", "run_module", "resolve_name"}


def _layers() -> dict[str, int]:
    """Return the height of each room; the higher may import the lower."""
    (contract,) = tomllib.loads(_PYPROJECT.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    return {
        room.strip().removeprefix("workbench."): -height
        for height, layer in enumerate(contract["layers"])
        for room in layer.split("|")
    }


LAYERS = _layers()


@functools.cache
def _modules() -> tuple[tuple[str, ast.Module], ...]:
    return tuple(
        (".".join(path.relative_to(_PACKAGE).with_suffix("").parts), ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted(_PACKAGE.rglob("*.py"))
    )


def _room(place: str) -> str | None:
    """Return the room that a text names: ``"workbench.io.nifti:Nifti"`` is in ``io``."""
    found = _PLACE.fullmatch(place)
    room = found[1].split(".")[1] if found else ""
    # a group of entry points is called like a room that is not there
    return room if room in LAYERS else None


def _named(tree: ast.AST) -> set[str]:
    """Return the rooms that are named in the texts of a module, whole or begun and put together."""
    rooms = set()
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)):
                rooms.add(_room(text))
            case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]) if text.startswith("workbench."):
                rooms.add(_room(text.rstrip(".:")))
            case ast.BinOp(op=ast.Add() | ast.Mod(), left=ast.Constant(value=str(text))):
                rooms.add(_room(text.partition("%")[0].rstrip(".:")))
    return rooms - {None}


def _dynamic(tree: ast.AST) -> bool:
    """Tell whether a module imports by a name that is not written beside the import."""
    return any(
        isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) in _IMPORTERS
        and not (node.args and isinstance(node.args[0], ast.Constant))
        for node in ast.walk(tree)
    )


def _of_the_root(tree: ast.AST) -> set[str]:
    """Return what a module takes from the root of the package that is not a room."""
    taken = set()
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="workbench", names=names):
                taken |= {alias.name for alias in names} - set(LAYERS)
            case ast.Attribute(value=ast.Name(id="workbench"), attr=name):
                taken.add(name)
    return taken


def _goes_up(module: str, room: str) -> bool:
    own = module.partition(".")[0]
    return own != room and own in LAYERS and LAYERS[room] >= LAYERS[own]


@pytest.mark.parametrize(
    ("source", "rooms"),
    [
        ("import_module('workbench.widgets')", {"widgets"}),
        ("HOMES = {'view': 'workbench.widgets._view:view'}", {"widgets"}),
        ("f'workbench.zoo.{name}:entries'", {"zoo"}),
        ("f'workbench.zoo:{name}'", {"zoo"}),
        ("'workbench.explain.' + name", {"explain"}),
        ("'workbench.explain.%s' % name", {"explain"}),
        ("GROUP = 'workbench.formats'", set()),
        ("'see workbench.widgets'", set()),
        ("f'{name}.workbench.widgets'", set()),
    ],
)
def test_names_are_seen(source, rooms):
    assert _named(ast.parse(source)) == rooms


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("importlib.import_module(place)", True), ("import_module(f'{a}.{b}')", True), ("__import__(name)", True),
        ("import_module('json')", False), ("find_spec('mindspore')", False), ("import json", False),
    ],
)  # fmt: skip
def test_imports_by_a_name_from_elsewhere_are_seen(source, found):
    assert _dynamic(ast.parse(source)) == found


def test_what_is_taken_from_the_root_is_seen():
    source = "import workbench\nfrom workbench import io, read\nworkbench.Volume\n"
    assert _of_the_root(ast.parse(source)) == {"read", "Volume"}


def test_up_is_up():
    assert _goes_up("io.nifti", "widgets")
    assert _goes_up("cli.__init__", "lab"), "rooms side by side do not know one another"
    assert not _goes_up("widgets.app", "io")
    assert not _goes_up("io.nifti", "io")
    assert not _goes_up("__init__", "widgets"), "the public names are those of all rooms"


def test_every_module_has_its_place_in_the_layers():
    tops = {name.partition(".")[0] for name, _ in _modules()}
    assert tops - {"__init__", "__main__"} == set(LAYERS)


def test_no_room_names_one_above_it():
    found = {(module, room) for module, tree in _modules() for room in _named(tree) if _goes_up(module, room)}
    assert found == set(UPWARD)


def test_imports_by_name_are_where_they_are_known_to_be():
    assert {module for module, tree in _modules() if _dynamic(tree)} == set(DYNAMIC)


def test_no_room_takes_a_public_name_from_the_root():
    # `from workbench import read` would load a room that the linter takes for the root
    found = {(module, name) for module, tree in _modules() for name in _of_the_root(tree) - _OF_THE_ROOT}
    assert not {pair for pair in found if pair[0].partition(".")[0] in LAYERS}


def _imported(tree: ast.AST, known: set[str]) -> set[str]:
    """Return the modules that a module imports, in functions too, but not for type checkers alone."""
    found = set()
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                continue
            case ast.Import(names=names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(module=str(module), names=names):
                found |= {f"{module}.{alias.name}" if f"{module}.{alias.name}" in known else module for alias in names}
            case _:
                found |= _imported(node, known)
    return found & known


def _circles(imports: dict[str, set[str]]) -> set[tuple[str, ...]]:
    """Return the groups of modules each of which leads to every other."""
    reached: dict[str, set[str]] = {}
    for start in imports:
        seen, left = set[str](), [start]
        while left:
            new = imports[left.pop()] - seen
            seen |= new
            left += new
        reached[start] = seen
    return {
        tuple(sorted(other for other in reached[one] if one in reached[other]))
        for one in imports
        if one in reached[one]
    }


def test_circles_are_found():
    assert _circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == {("a", "b", "c")}
    code = "if TYPE_CHECKING:\n import x.a\ndef f():\n from x import b, other\n import x.c"
    assert _imported(ast.parse(code), {"x", "x.a", "x.b", "x.c"}) == {"x", "x.b", "x.c"}


def test_no_modules_import_one_another():
    named = {f"workbench.{name}".removesuffix(".__init__"): tree for name, tree in _modules()}
    # who imports the package itself gets no more than its names
    imports = {name: _imported(tree, {*named}) - {name, "workbench"} for name, tree in named.items()}
    assert not _circles(imports)
