"""Medical Workbench: from a volume to an explained prediction, in a notebook.

The names below are the whole vocabulary; each is loaded on first use, so that
``import workbench`` stays fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from workbench import _wiring
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench import datasets, evaluation, explain, frameworks, io, tools, training, widgets, zoo
    from workbench.describing import describe
    from workbench.frameworks import devices
    from workbench.io import read, write

    # the package itself, which can be called
    from workbench.jobs.listing import jobs
    from workbench.training import runs, train
    from workbench.volume import Volume
    from workbench.widgets import App, Layer, view
    from workbench.zoo import wrap

__version__ = "0.1.0"

_HOMES = {
    "App": "workbench.widgets",
    "Layer": "workbench.widgets",
    "Volume": "workbench.volume",
    "describe": "workbench.describing",
    "devices": "workbench.frameworks",
    "read": "workbench.io",
    "runs": "workbench.training",
    "train": "workbench.training",
    "view": "workbench.widgets",
    "wrap": "workbench.zoo",
    "write": "workbench.io",
}
# What is built in and lies above the room that finds it, as packages say it with entry points.
_wiring.BUILT_IN |= {
    "workbench.jobs": {
        "evaluation": "workbench.training.kind:Evaluation",
        "explanation": "workbench.explain.kind:Explaining",
        "explanation-scores": "workbench.explain.kind:ScoringOver",
        "prediction": "workbench.zoo.kind:Prediction",
        "tool": "workbench.tools.kind:OverData",
        "training": "workbench.training.kind:Training",
    },
    "workbench.job_views": {
        "*": "workbench.widgets.job_view:JobView",
        "training": "workbench.widgets.run_view:RunView",
    },
}
_ROOMS = ("datasets", "evaluation", "explain", "frameworks", "io", "jobs", "tools", "training", "widgets", "zoo")

__all__ = [
    "App",
    "Layer",
    "Volume",
    "WorkbenchError",
    "datasets",
    "describe",
    "devices",
    "evaluation",
    "explain",
    "frameworks",
    "io",
    "jobs",
    "read",
    "runs",
    "tools",
    "train",
    "training",
    "view",
    "widgets",
    "wrap",
    "write",
    "zoo",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"workbench.{name}")
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    from workbench.errors import _nearest

    raise AttributeError(f"module 'workbench' has no attribute {name!r}.{_nearest(name, __all__)}")


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
