"""A still picture by matplotlib, for papers, code hosts and machines without a browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.errors import check_keywords
from workbench.widgets.backends._base import Backend
from workbench.widgets.layer import Layer
from workbench.widgets.png import figure


class MatplotlibBackend(Backend):
    """Draws the views through a point, side by side."""

    name = "matplotlib"
    requires = "matplotlib"

    def open(self, layers: Sequence[Layer], **options: Any) -> Any:
        """Return a matplotlib figure (options: crosshair, convention, width, title; see `workbench.widgets.png`)."""
        check_keywords(options, ("crosshair", "convention", "width", "title"), "The matplotlib viewer")
        return figure(layers, **options)
