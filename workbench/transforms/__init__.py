"""Arrays in, arrays out: what is done to images before a network sees them, and to its answers after."""

from __future__ import annotations

from workbench.transforms.augment import Augment
from workbench.transforms.preprocess import Prepared, Preprocess

__all__ = ["Augment", "Prepared", "Preprocess"]
