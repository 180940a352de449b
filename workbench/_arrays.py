"""The type of an array of any numbers; what its axes mean is said where it is taken."""

from __future__ import annotations

from typing import Any, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
