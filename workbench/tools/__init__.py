"""Tools: operations on images, labels, scores and tables, each with its inputs, outputs and options.

>>> import numpy as np
>>> from workbench import Volume, tools
>>> lung = Volume(np.array([[-1400, -600], [0, 200]], np.int16), unit="HU")
>>> tools.window(lung, level=-600, width=1600).data.tolist()
[[0.0, 0.5], [0.875, 1.0]]
"""

from __future__ import annotations

from typing import Any

from workbench.errors import InputError, StateError
from workbench.evaluation.table import Table
from workbench.tools.base import Tool
from workbench.tools.catalogue import TOOLS, card, get, list, register, tool
from workbench.tools.listing import Card, Tools
from workbench.tools.mapping import Report, over
from workbench.tools.ports import Image, Labels, Port, Scores

__all__ = [
    "Card",
    "Image",
    "Labels",
    "Port",
    "Report",
    "Scores",
    "Table",
    "Tool",
    "Tools",
    "card",
    "get",
    "list",
    "over",
    "register",
    "tool",
]


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return get(name)
    except (InputError, StateError) as error:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}. {error}") from None


def __dir__() -> Any:
    return sorted({*__all__, *(name.replace("-", "_") for name in TOOLS.names())})
