"""The compare strip: several maps on the same slice, side by side, under the viewer's crosshair."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from io import BytesIO
from typing import Annotated, Any, TypedDict

import anywidget
import numpy as np
import traitlets as t

from workbench.widgets.layer import Layer
from workbench.widgets.messages import synced
from workbench.widgets.panel import bundle
from workbench.widgets.planes import Plane, paint, planes
from workbench.widgets.viewer import Viewer

#: A drag of the crosshair moves it sixty times a second; a strip redrawn this often (in s) follows smoothly enough.
_REDRAW_SECONDS = 0.15


class Tile(TypedDict):
    """A picture of the strip."""

    label: str
    size: Annotated[tuple[float, float], "Width and height in mm: voxels need not be square."]
    cross: Annotated[tuple[float, float], "Where the crosshair is, as fractions of width and height."]


class CompareStrip(anywidget.AnyWidget):
    """Small pictures of the lowest layer with one map each, all on the slice through the crosshair.

    Parameters
    ----------
    viewer : Viewer
        Whose crosshair is followed and whose lowest layer is drawn below each map.
    """

    _esm = bundle("compare_strip")
    _css = bundle("compare_strip", "css")

    title = t.Unicode("").tag(sync=True)
    tiles = synced(list[Tile], t.List(t.Dict()))
    pictures = t.List(t.Bytes()).tag(sync=True)

    def __init__(self, viewer: Viewer, **traits: Any) -> None:
        self._viewer = viewer
        self._maps: list[tuple[str, Layer]] = []
        self._timer: threading.Timer | None = None
        self._guard = threading.Lock()
        super().__init__(**traits)
        viewer.observe(self._soon, ["crosshair", "convention"])

    def show(self, maps: Sequence[tuple[str, Layer]], title: str = "") -> None:
        """Show these maps, each a name and a layer; none hides the strip."""
        self._maps, self.title = list(maps), title
        self.draw()

    def draw(self) -> None:
        """Draw every map on the slice through the crosshair now."""
        base = self._viewer.layers[0] if self._viewer.layers else None
        if base is None or not self._maps:
            self.tiles, self.pictures = [], []
            return
        plane = planes(base.volume, self._viewer.crosshair, self._viewer.convention)[0]
        across, up = plane.place(self._viewer.crosshair)
        cross = (across / plane.size[0], 1 - up / plane.size[1])
        pictures = [_picture(base, layer, plane) for _, layer in self._maps]
        # Pictures first: a view that is told of the tiles must find as many pictures.
        self.pictures = pictures
        self.tiles = [Tile(label=name, size=plane.size, cross=cross) for name, _ in self._maps]

    def _soon(self, _change: Any) -> None:
        with self._guard:
            if self._maps and self._timer is None:
                self._timer = threading.Timer(_REDRAW_SECONDS, self._now)
                self._timer.daemon = True
                self._timer.start()

    def _now(self) -> None:
        with self._guard:
            self._timer = None
        self.draw()


def _picture(base: Layer, layer: Layer, plane: Plane) -> bytes:
    from PIL import Image

    # A map that is hidden in the viewer is still compared here.
    shown = layer.like(visible=True)
    pixels = np.flipud(paint([base, shown], plane))
    buffer = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format="PNG")
    return buffer.getvalue()
