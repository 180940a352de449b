"""What more than one network is made of, written in the shared vocabulary; one module per family of blocks."""

from __future__ import annotations

from workbench.zoo.blocks.basic import NORMS, conv_unit, dimensional, norm_layer

__all__ = ["NORMS", "conv_unit", "dimensional", "norm_layer"]
