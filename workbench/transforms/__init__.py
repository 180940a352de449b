"""Arrays in, arrays out: what is done to images before a network sees them, and to its answers after."""

from __future__ import annotations

from workbench.transforms.augment import Augment
from workbench.transforms.prepared import Prepared
from workbench.transforms.preprocess import Preprocess

__all__ = ["Augment", "Prepared", "Preprocess"]
