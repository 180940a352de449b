"""Deep-learning frameworks behind one small contract: torch and MindSpore, and the weights file both read.

``get("torch")`` hands out a :class:`Framework`; what it promises is written in ``base.py`` and, for
training, ``stepping.py``.
"""

from __future__ import annotations

from workbench.frameworks import checkpoints, weights
from workbench.frameworks._devices import resolve_device
from workbench.frameworks._registry import DEFAULT, devices, get, names, of, register, title, worker_environment
from workbench.frameworks.base import (
    Device,
    Framework,
    KnownProblem,
    LayerInfo,
    LinearScore,
)
from workbench.frameworks.matching import MatchReport
from workbench.frameworks.players import Players
from workbench.frameworks.stepping import OptimizerSpec, Trainer

__all__ = [
    "DEFAULT",
    "Device",
    "Framework",
    "KnownProblem",
    "LayerInfo",
    "LinearScore",
    "MatchReport",
    "OptimizerSpec",
    "Players",
    "Trainer",
    "checkpoints",
    "devices",
    "get",
    "names",
    "of",
    "register",
    "resolve_device",
    "title",
    "weights",
    "worker_environment",
]
