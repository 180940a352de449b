"""PyTorch behind the framework contract: `nn`, `F` and `ops` are torch's own."""

from __future__ import annotations

import os

from workbench.frameworks import _environment

# read by torch when it makes its first tensor; who has said otherwise is heard
for _name, _value in _environment.LARGE_PAGES.items():
    os.environ.setdefault(_name, _value)

from workbench.frameworks.torch.framework import TorchFramework  # noqa: E402

__all__ = ["TorchFramework"]
