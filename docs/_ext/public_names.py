"""Which names are public, where each is documented, and links to them from wherever they are written.

A name that several rooms offer (``workbench.read``, ``workbench.io.read``) has one place: where its code lies.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from functools import cache
from types import GenericAlias, ModuleType
from typing import Any

from sphinx.application import Sphinx

#: The rooms in the order in which a volume passes through them, and what lies beside them.
ROOMS = (
    "workbench.volume",
    "workbench.shapes",
    "workbench.io",
    "workbench.transforms",
    "workbench.datasets",
    "workbench.evaluation",
    "workbench.tools",
    "workbench.frameworks",
    "workbench.frameworks.weights",
    "workbench.frameworks.checkpoints",
    "workbench.zoo",
    "workbench.training",
    "workbench.explain",
    "workbench.widgets",
    "workbench.widgets.backends",
    "workbench.describing",
    "workbench.jobs",
    "workbench.parameters",
    "workbench.signatures",
    "workbench.work",
    "workbench.errors",
    "workbench.testing",
)


def public(module: ModuleType) -> dict[str, Any]:
    """Return the public names of a room: its ``__all__``, or what a plain module defines itself."""
    names = getattr(module, "__all__", None)
    if names is None:
        own = (name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__)
        names = [name for name in own if not name.startswith("_")]
    found = {name: getattr(module, name) for name in names}
    return {name: value for name, value in found.items() if not inspect.ismodule(value)}


def documented(room: str) -> dict[str, Any]:
    """Return the public names that a room documents itself."""
    names = public(importlib.import_module(room))
    return {name: value for name, value in names.items() if _homes()[_place(value, f"{room}.{name}")] == room}


def home(name: str, value: Any) -> str:
    """Return the documented name of a public object that is called `name` somewhere."""
    place = _place(value, name)
    return f"{_homes()[place]}.{name.rpartition('.')[2]}" if place in _homes() else name


def spellings(target: str) -> list[str]:
    """Return the documented names that `target` may mean: as code knows it, or as its reader writes it."""
    room = _homes().get(target)
    if room:
        return [f"{room}.{target.rpartition('.')[2]}"]
    short = target.removeprefix("wb.").removeprefix("workbench.")
    return [f"workbench.{short}", *(f"{room}.{short}" for room in ROOMS)]


def ours(target: str) -> bool:
    """Tell whether `target` is a name of the package that is not public, such as the class of an answer."""
    if not target.startswith("workbench."):
        return any(hasattr(module, target) for name, module in [*sys.modules.items()] if name.startswith("workbench."))
    try:
        pkgutil.resolve_name(target)
    except (ImportError, AttributeError, ValueError):
        return False
    return True


@cache
def _homes() -> dict[str, str]:
    """The room in which each object is documented, by the place of its code (``workbench.io._registry.read``)."""
    found: dict[str, str] = {}
    for room in ROOMS:
        for name, value in public(importlib.import_module(room)).items():
            place = _place(value, f"{room}.{name}")
            if place not in found or _nearness(room, place) > _nearness(found[place], place):
                found[place] = room
    return found


def _place(value: Any, default: str) -> str:
    """Return where the code of an object lies; of what does not know (a constant, a method of an object), `default`."""
    if inspect.ismethod(value) or isinstance(value, GenericAlias):
        return default
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    return f"{module}.{name}" if module and name else default


def _nearness(room: str, place: str) -> int:
    return len(room) if place.startswith(f"{room}.") else 0


def _link(app: Sphinx, env: Any, node: Any, content: Any) -> Any:
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not target:
        return None
    domain = env.get_domain("py")
    found = {name for name in spellings(target) if name in domain.objects}
    if len(found) == 1:
        return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", found.pop(), node, content)
    # a name that is there but not public is shown without a link; one that is not there is a warning
    return content if ours(target) else None


def _home_of_source(app: Sphinx, module: str, name: str) -> str | None:
    """Return `module` itself for a name that stands for something of Python (an alias of dict): its source is there."""
    del app
    value = getattr(importlib.import_module(module), name, None)
    return None if value is None or str(getattr(value, "__module__", "")).startswith("workbench") else module


def setup(app: Sphinx) -> dict[str, bool]:
    """Let Sphinx ask for names that it does not find, and for the module that a source is in."""
    app.connect("viewcode-follow-imported", _home_of_source)
    app.connect("missing-reference", _link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
