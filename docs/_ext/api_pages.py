"""A page of reference for each room, made from its docstring and its public names."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from pathlib import Path
from types import GenericAlias
from typing import Any

import _pages
import public_names
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.pycode import ModuleAnalyzer

_HEAD = """{room}
{line}

.. automodule:: {room}
   :no-members:

.. currentmodule:: {room}

.. autosummary::
   :nosignatures:

{names}
"""
_INDEX = """API
===

.. automodule:: workbench
   :no-members:

.. list-table::

{names}

Each room hands on to the next:

{rooms}

.. toctree::
   :hidden:

{pages}
"""
#: ``[n, c, *spatial]`` in a sentence: the star would begin an emphasis.
_SHAPE = re.compile(r"(?<![`\w])\[[^\[\]`]*\*[a-z][^\[\]`]*\](?!`)")


def page(room: str) -> str:
    """Return the page of a room: what it is for, its names at a glance, each in full."""
    names = public_names.documented(room)
    ordered = sorted(names, key=lambda name: (_kind(names[name]), name.lower()))
    # a constant has no docstring that a summary could be taken from
    listing = "\n".join(f"   {name}" for name in ordered if _kind(names[name]) != "data")
    head = _HEAD.format(room=room, line="=" * len(room), names=listing)
    return head + "".join(_entry(room, name, names[name]) for name in ordered)


def index() -> str:
    """Return the page of the whole: the names that one import brings, and the rooms."""
    offered = public_names.public(importlib.import_module("workbench"))
    names = [
        f"   * - :py:obj:`wb.{name} <{public_names.home(f'workbench.{name}', value)}>`\n     - {_purpose(value)}"
        for name, value in offered.items()
    ]
    rooms = [f"- :doc:`{room}`: {_purpose(importlib.import_module(room))}" for room in public_names.ROOMS]
    return _INDEX.format(
        names="\n".join(names),
        rooms="\n".join(rooms),
        pages="\n".join(f"   {room}" for room in public_names.ROOMS),
    )


def shapes_as_code(lines: list[str]) -> None:
    """Set the shapes in the lines of a docstring in code."""
    lines[:] = [_SHAPE.sub(r"``\g<0>``", line) for line in lines]


def _purpose(value: Any) -> str:
    """Return the first paragraph of a docstring."""
    return " ".join((inspect.getdoc(value) or "").split("\n\n")[0].split())


def _kind(value: Any) -> str:
    if inspect.isclass(value) and not isinstance(value, GenericAlias):
        return "exception" if issubclass(value, BaseException) else "class"
    return "afunction" if inspect.isroutine(value) else "data"


def _entry(room: str, name: str, value: Any) -> str:
    kind = _kind(value).removeprefix("a")
    if kind == "data":
        return f"\n.. autodata:: {_origin(room, name)}.{name}\n"
    options = "   :members:\n   :show-inheritance:\n" if kind == "class" else ""
    return f"\n.. auto{kind}:: {name}\n{options}"


def _origin(room: str, name: str) -> str:
    """Return the module with the comment of a constant; the constant itself does not know."""
    for module in (name for name in sorted(sys.modules) if f"{name}.".startswith(f"{room}.")):
        if ("", name) in ModuleAnalyzer.for_module(module).find_attr_docs():
            return module
    raise LookupError(f"The public constant {room}.{name} has no comment (#:) where it is defined. Write one.")


def _make(app: Sphinx, config: Config) -> None:
    del config
    pages = {"index.rst": index(), **{f"{room}.rst": page(room) for room in public_names.ROOMS}}
    _pages.write(Path(app.confdir) / "generated" / "api", pages)


def _before_napoleon(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    del app, what, name, obj, options
    shapes_as_code(lines)


def _after_napoleon(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Put a sentence together again: napoleon took what stood before its colon for a type."""
    del app, name, obj, options
    types = [number for number, line in enumerate(lines) if line.startswith(":type: ")]
    if what in ("attribute", "property", "data") and types:
        lines[0] = f"{lines.pop(types[-1]).removeprefix(':type: ')}: {lines[0]}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the pages before Sphinx looks for them; mend docstrings before and after napoleon (500) reads them."""
    app.connect("config-inited", _make)
    app.connect("autodoc-process-docstring", _before_napoleon, priority=400)
    app.connect("autodoc-process-docstring", _after_napoleon, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
