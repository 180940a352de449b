"""What is seen and clicked: the viewer, the panels and the app. Each is loaded on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench._lazy import lazily

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
    "App": "app",
    "Case": "desk",
    "DataPanel": "data_panel",
    "Desk": "desk",
    "DeskPanel": "desk_panel",
    "ExplainPanel": "explain_panel",
    "JobView": "job_view",
    "Layer": "layer",
    "ModelPanel": "model_panel",
    "RunView": "run_view",
    "TrainPanel": "train_panel",
    "Viewer": "viewer",
    "answer_layer": "answers",
    "register": "desk_panel",
    "truth_layer": "answers",
    "view": "_view",
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

__getattr__, __dir__ = lazily(__name__, _HOMES)
