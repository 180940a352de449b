"""Which tools there are: the files of this room's folders, those of other packages, those declared in a cell."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from workbench._accepting import by_name
from workbench._plugins import Registry
from workbench._rooms import modules_in, own
from workbench.errors import InputError
from workbench.signatures import checked
from workbench.tools.base import Tool, is_local
from workbench.tools.listing import Card, Tools


def _named(given: Any) -> Mapping[str, Tool]:
    tools = _of_module(given) if isinstance(given, ModuleType) else given
    tools = tools if isinstance(tools, Iterable) else [tools]
    made = builtins.list(tools)
    if not made or not all(isinstance(one, Tool) for one in made):
        raise InputError(
            f"A tool is a function under @workbench.tools.tool(...), or a list or module of such, got {given!r}."
        )
    return by_name(made, lambda one: one.name)


def _of_module(module: ModuleType) -> builtins.list[Tool]:
    return own(module, lambda one: isinstance(one, Tool))


#: Every tool. A source gives a `Tool`, a list of them, or a module; `TOOLS.register` adds one that is imported in a
#: notebook from a module of your own.
TOOLS: Registry[Tool] = Registry(
    "workbench.tools", "tool", _named, builtin=lambda: modules_in("workbench.tools", _of_module, pattern="*/[!_]*.py")
)
register = TOOLS.register


@checked("wb.tools.tool()")
def tool(*, group: str = "", reference: str = "", title: str | None = None) -> Callable[[Callable[..., Any]], Tool]:
    """Make a tool of a function.

    The annotations say what is what: `Image`, `Labels`, `Scores`, `Volume` (of any kind) and `Table` are inputs and
    outputs, everything else is an option, whose limits and unit stand in ``Annotated[float, Range(0, unit="mm")]`` and
    whose help stands in the docstring. To an argument ``work: Work = IDLE`` progress is told, and it is looked at for
    cancel. What is declared in a notebook cell or a script is found at once; a package names its tools as entry points
    of the group ``workbench.tools``.

    Parameters
    ----------
    group : str
        What it is listed under: ``"post-processing"``.
    reference : str
        Where the method is published or defined.
    title : str, optional
        What it is called; by default the name of the function in words.

    Returns
    -------
    callable
        Makes the `Tool` of the function that it decorates.

    Raises
    ------
    InputError
        If the function does not say what it takes and gives, or what it does.

    Examples
    --------
    >>> from workbench.tools import Image, tool
    >>> @tool(group="intensity", reference="none")
    ... def halve(image: Image, *, times: int = 1) -> Image:
    ...     '''Halve every value.'''
    ...     return image.with_data(image.data / 2**times)
    >>> halve
    <Tool halve: image -> image>
    """

    def make(function: Callable[..., Any]) -> Tool:
        made = Tool(function, group=group, reference=reference, title=title)
        if is_local(made):
            TOOLS.register(made)
        return made

    return make


def get(name: str) -> Tool:
    """Return a tool by its name: ``"remove-small"`` or ``"remove_small"``.

    Raises
    ------
    InputError
        If there is none of that name; the message names the nearest.
    StateError
        If the package that should bring it is broken.
    """
    return TOOLS.get(name.replace("_", "-") if isinstance(name, str) else name)


def list() -> Tools:
    """Return all tools, by group; shown as a table."""
    return Tools(sorted(TOOLS.all().values(), key=lambda one: (one.group, one.name)))


def card(name: str) -> Card:
    """Return what there is to know about a tool: what goes in, what comes out, its options, its source.

    Raises
    ------
    InputError
        If there is none of that name; the message names the nearest.
    """
    return Card(get(name))
