"""What is seen and clicked: the viewer, the panels and the app. Each is loaded on first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.widgets._view import view
    from workbench.widgets.answers import answer_layer, truth_layer
    from workbench.widgets.app import App
    from workbench.widgets.data_panel import DataPanel
    from workbench.widgets.desk import Case, Desk
    from workbench.widgets.desk_panel import DeskPanel, register
    from workbench.widgets.explain_panel import ExplainPanel
    from workbench.widgets.job_view import JobView
    from workbench.widgets.layer import Layer
    from workbench.widgets.model_panel import ModelPanel
    from workbench.widgets.run_view import RunView
    from workbench.widgets.train_panel import TrainPanel
    from workbench.widgets.viewer import Viewer

_HOMES = {
    "App": "workbench.widgets.app",
    "Case": "workbench.widgets.desk",
    "DataPanel": "workbench.widgets.data_panel",
    "Desk": "workbench.widgets.desk",
    "DeskPanel": "workbench.widgets.desk_panel",
    "ExplainPanel": "workbench.widgets.explain_panel",
    "JobView": "workbench.widgets.job_view",
    "Layer": "workbench.widgets.layer",
    "ModelPanel": "workbench.widgets.model_panel",
    "RunView": "workbench.widgets.run_view",
    "TrainPanel": "workbench.widgets.train_panel",
    "Viewer": "workbench.widgets.viewer",
    "answer_layer": "workbench.widgets.answers",
    "register": "workbench.widgets.desk_panel",
    "truth_layer": "workbench.widgets.answers",
    "view": "workbench.widgets._view",
}

__all__ = [
    "App",
    "Case",
    "DataPanel",
    "Desk",
    "DeskPanel",
    "ExplainPanel",
    "JobView",
    "Layer",
    "ModelPanel",
    "RunView",
    "TrainPanel",
    "Viewer",
    "answer_layer",
    "register",
    "truth_layer",
    "view",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'workbench.widgets' has no attribute {name!r}")
