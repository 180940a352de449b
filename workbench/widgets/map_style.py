"""How a map is laid over an image."""

from __future__ import annotations

from typing import Any

from workbench.explain import Explanation

#: The anatomy must shine through.
OPACITY = 0.6
_DIVERGING = "coolwarm"


def style_of(explanation: Explanation) -> dict[str, Any]:
    """Return how a map is shown: over its own range, in two colours where it has two signs."""
    low, high = explanation.display_range
    style: dict[str, Any] = {"opacity": OPACITY}
    if low < high:
        style["window"] = (low, high)
    if low < 0:
        style["colormap"] = _DIVERGING
    return style
