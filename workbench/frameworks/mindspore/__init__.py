"""MindSpore behind the framework contract: torch's vocabulary on top of MindSpore's cells and operators.

``nn/``, ``functional.py`` and ``ops.py`` are that vocabulary. Nothing here imports MindSpore before it is used.
"""

from __future__ import annotations

from workbench.frameworks.mindspore.framework import MindSporeFramework

__all__ = ["MindSporeFramework"]
