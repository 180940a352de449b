"""The contracts that plug-ins keep, as test classes: inherit one in a test of your own, and fill in what it asks for.

They need pytest and hypothesis, which the extra ``testing`` brings. Nothing else of the workbench imports them.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from workbench._lazy import lazily
from workbench.errors import MissingExtraError

if TYPE_CHECKING:
    from workbench.testing.algorithms import (
        AlgorithmContract,
        ClassificationContract,
        DetectionContract,
        EllipseContract,
        InstanceContract,
        LocalisationContract,
        ParityByDefault,
        SegmentationContract,
    )
    from workbench.testing.checks import CheckContract
    from workbench.testing.datasets import DatasetContract
    from workbench.testing.executors import ExecutorContract
    from workbench.testing.explainers import ExplainerContract
    from workbench.testing.formats import FormatContract
    from workbench.testing.frameworks import FrameworkContract
    from workbench.testing.jobs import JobContract, JobKindContract
    from workbench.testing.panels import PanelContract
    from workbench.testing.targets import TargetContract
    from workbench.testing.tools import ToolContract
    from workbench.testing.viewers import ViewerContract

__all__ = [
    "AlgorithmContract",
    "CheckContract",
    "ClassificationContract",
    "DatasetContract",
    "DetectionContract",
    "EllipseContract",
    "ExecutorContract",
    "ExplainerContract",
    "FormatContract",
    "FrameworkContract",
    "InstanceContract",
    "JobContract",
    "JobKindContract",
    "LocalisationContract",
    "PanelContract",
    "ParityByDefault",
    "SegmentationContract",
    "TargetContract",
    "ToolContract",
    "ViewerContract",
]

_ONE_EACH = {
    "CheckContract": "checks",
    "DatasetContract": "datasets",
    "ExecutorContract": "executors",
    "ExplainerContract": "explainers",
    "FormatContract": "formats",
    "FrameworkContract": "frameworks",
    "JobContract": "jobs",
    "JobKindContract": "jobs",
    "PanelContract": "panels",
    "TargetContract": "targets",
    "ToolContract": "tools",
    "ViewerContract": "viewers",
}

for _module in ("pytest", "hypothesis"):
    if importlib.util.find_spec(_module) is None:
        raise MissingExtraError(f"workbench.testing, which uses {_module},", "testing")

import pytest  # noqa: E402

_REWRITTEN = (*_ONE_EACH.values(), "algorithms", "files", "stepping")
# A failing assertion shows its values only where pytest was told of the module before it is imported.
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in _REWRITTEN))

__getattr__, __dir__ = lazily(__name__, dict.fromkeys(__all__, "algorithms") | _ONE_EACH)
