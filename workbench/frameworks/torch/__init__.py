"""PyTorch behind the framework contract: `nn`, `F` and `ops` are torch's own."""

from __future__ import annotations

from workbench.frameworks.torch.framework import TorchFramework

__all__ = ["TorchFramework"]
