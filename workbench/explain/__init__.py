"""Explaining: why does a model say so, as a map on the volume's own grid.

The package itself can be called: ``wb.explain(model, volume, method="grad-cam")``.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from types import ModuleType
from typing import Any

from workbench.errors import Cancelled
from workbench.explain.agreeing import Agreement, agreement
from workbench.explain.base import Explainer, Option, Problem, Step
from workbench.explain.check import Check, Finding, Limits, Subject
from workbench.explain.explaining import explain, progressive
from workbench.explain.explanation import Explanation
from workbench.explain.inside.embedding import Embedding, embed
from workbench.explain.inside.layers import GradientFlow, features, gradient_flow
from workbench.explain.inside.occluders import Occluders, occluders
from workbench.explain.inside.preprocessing import Sensitivity, sensitivity
from workbench.explain.large.estimating import estimate
from workbench.explain.large.field import Field
from workbench.explain.over.leaderboard import OverScores
from workbench.explain.over.running import plan_score_over, score_over
from workbench.explain.refining import refine
from workbench.explain.registry import methods, register
from workbench.explain.request import Request
from workbench.explain.scoring import Scores, checks, register_check, score
from workbench.explain.targets import (
    Box,
    Class,
    Count,
    Ellipse,
    Instance,
    Margin,
    Output,
    Point,
    Region,
    Target,
    Voxel,
    target_at,
    targets_in,
)
from workbench.explain.timeline import over_checkpoints, over_layers

__all__ = [
    "Agreement",
    "Box",
    "Cancelled",
    "Check",
    "Class",
    "Count",
    "Ellipse",
    "Embedding",
    "Explainer",
    "Explanation",
    "Field",
    "Finding",
    "GradientFlow",
    "Instance",
    "Limits",
    "Margin",
    "Occluders",
    "Option",
    "Output",
    "OverScores",
    "Point",
    "Problem",
    "Region",
    "Request",
    "Scores",
    "Sensitivity",
    "Step",
    "Subject",
    "Target",
    "Voxel",
    "agreement",
    "checks",
    "embed",
    "estimate",
    "explain",
    "features",
    "gradient_flow",
    "methods",
    "occluders",
    "over_checkpoints",
    "over_layers",
    "plan_score_over",
    "progressive",
    "refine",
    "register",
    "register_check",
    "score",
    "score_over",
    "sensitivity",
    "target_at",
    "targets_in",
]


class _CallableModule(ModuleType):
    @property
    def __doc__(self) -> str:  # type: ignore[override]
        """What help() and ``wb.explain?`` show: the methods are looked up then, so that those of packages are there."""
        about = inspect.cleandoc(self.__dict__["__doc__"])
        table = textwrap.indent(methods().needs(), "    ")
        # before the sections of `explain`, of which the last would swallow it on the page of the reference
        return f"{about}\n\nThe methods::\n\n{table}\n\n{inspect.cleandoc(explain.__doc__ or '')}\n"

    def __call__(self, *args: Any, **options: Any) -> Any:
        return explain(*args, **options)


_parameters = inspect.signature(explain)
_self = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
_CallableModule.__call__.__doc__ = explain.__doc__
# so that help() and the notebook's tooltip show its parameters
_CallableModule.__call__.__signature__ = _parameters.replace(  # type: ignore[attr-defined]
    parameters=[_self, *_parameters.parameters.values()]
)
sys.modules[__name__].__class__ = _CallableModule
