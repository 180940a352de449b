"""Maps as layers of a viewer: those that are made, and the one in the making."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.explain import Explanation
from workbench.volume import Volume
from workbench.widgets.layer import Layer
from workbench.widgets.viewer import Viewer

#: Of a map over the image: the anatomy must shine through.
OPACITY = 0.6


@dataclass(frozen=True)
class Map:
    """A map that was made, and its layer in the viewer."""

    number: int
    label: str
    explanation: Explanation
    layer: Layer


class Preview:
    """The map in the making: a layer of the viewer that gets sharper, and is gone if the work is given up."""

    def __init__(self, viewer: Viewer, label: str) -> None:
        self._viewer, self._label = viewer, label
        self._layer: Layer | None = None

    def show(self, so_far: Volume) -> None:
        """Show the map so far."""
        if self._layer is None:
            self._layer = self._viewer.add(so_far, name=f"{self._label} (in the making)", opacity=OPACITY)
        else:
            self._layer.volume = so_far

    def close(self) -> Layer | None:
        """Hand over the layer, if there is one, to be the finished map's."""
        layer, self._layer = self._layer, None
        return layer

    def drop(self) -> None:
        """Take the layer away."""
        if self._layer is not None and self._layer in self._viewer.layers:
            self._viewer.remove(self._layer)
