"""Models that were made elsewhere, and do all that those of the zoo do: `wrap` makes one of a network.

What can be wrapped is found by an `Adapter`, a file each in ``adapters/``.
"""

from __future__ import annotations

from workbench.zoo.foreign.adapter import ADAPTERS, Adapter, Found, register
from workbench.zoo.foreign.algorithm import OWN, ForeignAlgorithm
from workbench.zoo.foreign.wrapping import OPTIONS, is_foreign, wrap

__all__ = [
    "ADAPTERS",
    "OPTIONS",
    "OWN",
    "Adapter",
    "ForeignAlgorithm",
    "Found",
    "is_foreign",
    "register",
    "wrap",
]
