"""How a model shows itself: in a line, and as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench._tables import pairs_html
from workbench._words import count
from workbench.zoo.algorithm import split_config

if TYPE_CHECKING:
    from workbench.zoo.model import Model


def line(model: Model) -> str:
    """Return what a model is in a line, with the options that differ from the defaults."""
    options = "".join(f", {name}={value}" for name, value in _changed_options(model).items())
    return (
        f"<Model {model.name}{options}: {model.spatial_ndim}D {model.task.kind}, "
        f"{count(model.in_channels, 'channel')} -> {count(model.num_classes, 'class')}, "
        f"{model.num_parameters:,} parameters, {model.framework.name} on {model.device}>"
    )


def as_html(model: Model) -> str:
    """Return what a model is as a table."""
    rows = {
        "task": f"{model.spatial_ndim}D {model.task.kind}",
        "channels": str(model.in_channels),
        "classes": ", ".join(model.classes),
        "options": ", ".join(f"{k}={v}" for k, v in split_config(model.config)[1].items()),
        "parameters": f"{model.num_parameters:,}",
        "runs on": f"{model.framework.name}, {model.device}",
    }
    return pairs_html(model.algorithm.card.title, rows.items())


def _changed_options(model: Model) -> dict[str, Any]:
    known = model.algorithm.options()
    return {k: v for k, v in split_config(model.config)[1].items() if v != known[k].default}
