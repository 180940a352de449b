"""What a thing takes: the options of an algorithm, a method, a data set, a function, as a table."""

from __future__ import annotations

import html
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from workbench.errors import InputError, choose
from workbench.parameters import Options, Parameter
from workbench.signatures import of_function, of_model


class Description(Options):
    """The options of a thing, shown as a table.

    Attributes
    ----------
    title : str
        What takes them.
    """

    def __init__(self, title: str, parameters: Mapping[str, Parameter]) -> None:
        super().__init__(parameters.values())
        self.title = title

    def table(self) -> str:
        """Return the table alone, as text."""
        return super().__repr__()

    def __repr__(self) -> str:
        return f"{self.title}\n\n{self.table()}"

    def _repr_html_(self) -> str:
        return f"<b>{html.escape(self.title)}</b>{super()._repr_html_()}"


def describe(thing: Any) -> Description:
    """Return the options of anything that takes some; prints as a table.

    Parameters
    ----------
    thing : str or object
        The name of an algorithm, a method, a tool or a data set, or a function, a class or an object of the
        workbench: ``wb.describe("3d-unet")``, ``wb.describe(wb.read)``, ``wb.describe(wb.training.Recipe)``.

    Raises
    ------
    InputError
        If nothing of that name is known (the message names the nearest), or if the thing takes no options.

    Examples
    --------
    >>> [one.name for one in wb.describe("saliency")]
    ['absolute', 'channels', 'activation']
    """
    if isinstance(thing, str):
        known = _named()
        return known[choose(thing, known, "algorithm, method, tool or data set")]()
    for told in (getattr(thing, "parameters", None), getattr(thing, "options", None)):
        found = told() if callable(told) and not isinstance(thing, type) else told
        if isinstance(found, Mapping) and all(isinstance(one, Parameter) for one in found.values()):
            return Description(_title(thing), found)
    if hasattr(thing, "model_fields"):
        return Description(_title(thing), of_model(thing if isinstance(thing, type) else type(thing)))
    if inspect.isroutine(thing) or isinstance(thing, type):
        return Description(_title(thing), of_function(thing))
    raise InputError(
        f"What is described is a name, a function or something with options, got {thing!r}. Give the name of an "
        "algorithm, a method, a tool or a data set, or a function such as wb.read."
    )


def _named() -> dict[str, Callable[[], Description]]:
    """Return how everything that has a name is described; where two rooms use a name, the first has it."""
    from workbench import datasets, explain, tools, zoo

    found: dict[str, Callable[[], Description]] = {}
    for card in zoo.list():
        found.setdefault(card.name, partial(Description, f"{card.name}: {card.title}", card.options))
    for method in explain.methods():
        found.setdefault(method.name, partial(Description, f"{method.name}: {method.summary}", method.parameters()))
    for tool in tools.list():
        found.setdefault(tool.name, partial(Description, f"{tool.name}: {tool.summary}", tool.parameters))
    for known in datasets.list():
        title = f"{known.name}: {known.title}"
        found.setdefault(known.name, partial(Description, title, datasets.parameters(known.name)))
    return found


def _title(thing: Any) -> str:
    name = getattr(thing, "name", None) or getattr(thing, "__name__", None) or type(thing).__name__
    summary = (inspect.getdoc(thing) or "").partition("\n")[0]
    return f"{name}: {summary}" if summary else str(name)
