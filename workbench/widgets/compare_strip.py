"""The compare strip: several maps on the same slice, side by side, under the viewer's crosshair."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Annotated, Any, ClassVar, TypedDict, cast

import anywidget
import numpy as np
import traitlets as t

from workbench._arrays import Array
from workbench.explain import Agreement, Explanation, agreement
from workbench.widgets.layer import Layer
from workbench.widgets.messages import synced
from workbench.widgets.panel import bundle
from workbench.widgets.planes import Convention, Plane, paint, planes
from workbench.widgets.viewer import Viewer

#: A drag of the crosshair moves it sixty times a second; a strip redrawn this often (in s) follows smoothly enough.
_REDRAW_SECONDS = 0.15


class Tile(TypedDict):
    """A picture of the strip."""

    label: str
    size: Annotated[tuple[float, float], "Width and height in mm: voxels need not be square."]
    cross: Annotated[tuple[float, float], "Where the crosshair is, as fractions of width and height."]


class AgreementCells(TypedDict, total=False):
    """How far the maps of a strip agree, pair by pair; empty where that is not known."""

    names: list[str]
    ranks: Annotated[list[list[float | None]], "Rank correlation of each pair; null where a map is even."]
    overlaps: Annotated[list[list[float | None]], "Overlap of the highest 5 % of each pair."]


class Step(TypedDict):
    """Somebody chose a picture of a timeline: which of those that are shown."""

    step: int


class Place(TypedDict):
    """Somebody pressed a picture: fractions of its width and height, from the top left."""

    place: tuple[float, float]


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

    agreement = synced(AgreementCells, t.Dict(help="How far the maps agree"))

    current = t.Int(-1, help="Which picture the viewer shows, of a timeline; -1 where it is none").tag(sync=True)
    plays = t.Bool(False, help="Whether they are steps that the viewer plays").tag(sync=True)

    hears: ClassVar[tuple[type, ...]] = (Place, Step)

    def __init__(self, viewer: Viewer, **traits: Any) -> None:
        self._viewer = viewer
        self._explained: dict[str, Explanation] = {}
        self._measuring = threading.Lock()
        self._first = 0
        self._maps: list[tuple[str, Layer]] = []
        self._timer: threading.Timer | None = None
        self._guard = threading.Lock()
        super().__init__(**traits)
        viewer.observe(self._soon, ["crosshair", "convention"])
        self.on_msg(self._heard)

    def show(
        self,
        maps: Sequence[tuple[str, Layer]],
        title: str = "",
        explained: Mapping[str, Explanation] | None = None,
        first: int | None = None,
    ) -> None:
        """Show these maps, each a name and a layer; none hides the strip.

        Parameters
        ----------
        explained : mapping of str to Explanation, optional
            Those of which it is to be told how far they agree; that is measured in a thread.
        first : int, optional
            Where they are steps that the viewer plays: which of them the first one is.
        """
        self._first, self.plays = first or 0, first is not None
        if first is None:
            self.current = -1
        self._maps, self.title = list(maps), title
        self.draw()
        given = dict(explained or {})
        same = list(given) == list(self._explained) and all(given[key] is self._explained[key] for key in given)
        if not same:
            self._explained, self.agreement = given, {}
            if len(given) > 1:
                threading.Thread(target=self.measure, name="CompareStrip-agreement", daemon=True).start()

    def measure(self) -> Agreement | None:
        """Measure how far the maps agree, and tell it; None where there are fewer than two."""
        with self._measuring:
            given = self._explained
            if len(given) < 2:
                return None
            found = agreement(given)
            if given is self._explained:
                self.agreement = {
                    "names": found.names,
                    "ranks": _cells(found.ranks),
                    "overlaps": _cells(found.overlaps),
                }
            return found

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

    def _heard(self, _widget: Any, message: Any, _buffers: Any) -> None:
        if "step" in message:
            self._viewer.frame = self._first + int(message["step"])
            return
        base = self._viewer.layers[0] if self._viewer.layers else None
        if base is None or "place" not in message:
            return
        across, down = (min(max(float(value), 0.0), 1.0) for value in message["place"])
        plane = planes(base.volume, self._viewer.crosshair, cast("Convention", self._viewer.convention))[0]
        # what is pressed lies on the plane; where the plane lies stays as it is
        here = np.asarray(self._viewer.crosshair, np.float64)
        right, above = plane.place(self._viewer.crosshair)
        here += (across * plane.size[0] - right) * plane.right + ((1 - down) * plane.size[1] - above) * plane.up
        self._viewer.crosshair = (float(here[0]), float(here[1]), float(here[2]))

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


def _cells(values: Array) -> list[list[float | None]]:
    return [[round(float(one), 4) if np.isfinite(one) else None for one in row] for row in values]


def _picture(base: Layer, layer: Layer, plane: Plane) -> bytes:
    from PIL import Image

    # A map that is hidden in the viewer is still compared here.
    shown = layer.like(visible=True)
    pixels = np.flipud(paint([base, shown], plane))
    buffer = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format="PNG")
    return buffer.getvalue()
