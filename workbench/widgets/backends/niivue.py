"""The viewer in the notebook (our own widget, over the npm package niivue)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.widgets.backends._base import Backend
from workbench.widgets.layer import Layer
from workbench.widgets.viewer import Viewer


class NiivueBackend(Backend):
    """Opens a `Viewer`, the widget."""

    name = "niivue"

    def open(self, layers: Sequence[Layer], **options: Any) -> Viewer:
        """Return a `Viewer` with `layers`; the options are those of `Viewer`."""
        return Viewer(*layers, **options)
