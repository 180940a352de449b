"""What is seen and clicked: the viewer, the panels and the app. Each is loaded on first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.widgets.layer import Layer
    from workbench.widgets.view import view
    from workbench.widgets.viewer import Viewer

_HOMES = {
    "Layer": "workbench.widgets.layer",
    "Viewer": "workbench.widgets.viewer",
    "view": "workbench.widgets.view",
}

__all__ = ["Layer", "Viewer", "view"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'workbench.widgets' has no attribute {name!r}")
