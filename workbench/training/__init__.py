"""Training: a recipe decides it, a worker process does it, a run directory keeps it.

>>> import workbench as wb
>>> data = wb.datasets.load("phantom-xray", n=12, size=32)
>>> run = wb.train("2d-unet", data=data, epochs=2, width=4, depth=2)
>>> run.wait().state
'finished'
>>> 0 <= run.metrics()[-1]["val"]["dice"] <= 1
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench._lazy import lazily

if TYPE_CHECKING:
    from workbench.training.api import fit, plan, train
    from workbench.training.checkpoint import Checkpoint
    from workbench.training.estimating import Estimate, estimate
    from workbench.training.listing import runs
    from workbench.training.metrics import Cursor, Follow
    from workbench.training.recipe import Optimizer, Recipe, Schedule
    from workbench.training.run import Run
    from workbench.training.status import Status

# Loaded on first use: the worker, and who only reads a run, need few of them.
_HOMES = {
    "Checkpoint": "checkpoint",
    "Cursor": "metrics",
    "Estimate": "estimating",
    "Follow": "metrics",
    "Optimizer": "recipe",
    "Recipe": "recipe",
    "Run": "run",
    "Schedule": "recipe",
    "Status": "status",
    "fit": "api",
    "estimate": "estimating",
    "plan": "api",
    "runs": "listing",
    "train": "api",
}

__all__ = [
    "Checkpoint",
    "Cursor",
    "Estimate",
    "Follow",
    "Optimizer",
    "Recipe",
    "Run",
    "Schedule",
    "Status",
    "estimate",
    "fit",
    "plan",
    "runs",
    "train",
]

__getattr__, __dir__ = lazily(__name__, _HOMES)
