"""A napari window with the same layers, and the way back: edited labels as a Volume, a screenshot for the notebook.

napari needs a display: a desktop, or a virtual one (``xvfb-run``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import InputError, StateError, check_keywords
from workbench.volume import Volume
from workbench.widgets.backends._base import Backend
from workbench.widgets.colors import lookup_table
from workbench.widgets.layer import Layer
from workbench.widgets.planes import window
from workbench.widgets.transfer import Parcel


class NapariBackend(Backend):
    """Opens a `NapariWindow`."""

    name = "napari"
    requires = "napari"
    extra = "napari"

    def open(self, layers: Sequence[Layer], **options: Any) -> NapariWindow:
        """Open a window (options: show, ndisplay, title); raises `StateError` where there is no display."""
        check_keywords(options, ("show", "ndisplay", "title"), "The napari viewer")
        _need_display()
        return NapariWindow(layers, **options)


class NapariWindow:
    """A napari viewer that knows which of its layers came from which of ours.

    Parameters
    ----------
    layers : sequence of Layer
        From the bottom up.
    show : bool
        Whether to show the window at once.
    ndisplay : {2, 3}
        Slices or 3D.
    title : str
        Title of the window.
    """

    def __init__(self, layers: Sequence[Layer], *, show: bool = True, ndisplay: int = 2, title: str = "") -> None:
        import napari

        if ndisplay not in {2, 3}:
            raise InputError(f"napari displays 2 (slices) or 3 dimensions, got ndisplay={ndisplay!r}.")
        self.viewer = napari.Viewer(show=show, title=title or "Medical Workbench")
        self._ours: dict[str, tuple[Layer, Any]] = {}
        for layer in layers:
            self.add(layer)
        # with three axes of the world, the last two are drawn: sagittal would lie on its side
        self.viewer.dims.order = (2, 1, 0) if self.viewer.dims.ndim == 3 else self.viewer.dims.order
        self.viewer.dims.ndisplay = ndisplay

    def add(self, layer: Layer) -> Any:
        """Add a layer and return napari's own layer object."""
        grid = layer.grid()
        affine = layer.volume.affine
        if layer.volume.spatial_ndim == 2:
            # a picture is shown in its own plane, in millimetres, rows down
            grid, affine = grid[:, :, 0], np.diag([*layer.volume.spacing, 1.0])
        common = {
            "name": layer.name,
            "opacity": layer.opacity,
            "visible": layer.visible,
            "affine": affine,
        }
        if layer.kind == "labels":
            colors: dict[int | None, str] = {entry["value"]: entry["color"] for entry in Parcel(layer).labels[1:]}
            dtype = np.int32 if grid.dtype.itemsize > 2 else grid.dtype
            added = self.viewer.add_labels(
                grid.astype(dtype), colormap={0: "transparent", None: "gray", **colors}, **common
            )
            # napari draws whole labels where its width is 0
            added.contour = int(layer.outline)
        elif layer.is_rgb:
            added = self.viewer.add_image(grid, rgb=True, **common)
        else:
            from napari.utils import Colormap

            table = np.concatenate([lookup_table(layer.colormap) / 255, np.ones((256, 1))], axis=1)
            colormap = Colormap(table, name=layer.colormap)
            added = self.viewer.add_image(
                grid, colormap=colormap, contrast_limits=window(layer), blending=_blending(layer), **common
            )
        self._ours[layer.id] = (layer, added)
        return added

    def labels(self, layer: Layer | None = None) -> Volume:
        """Return a label layer as it is now in napari, edits included, on the grid it came with.

        Parameters
        ----------
        layer : Layer, optional
            Which; by default the topmost label layer.
        """
        candidates = [pair for pair in self._ours.values() if pair[0].kind == "labels"]
        if layer is not None:
            candidates = [pair for pair in candidates if pair[0] is layer]
        if not candidates:
            raise InputError("There is no such label layer in this window. Open one with `kind='labels'`.")
        ours, theirs = candidates[-1]
        data = np.asarray(theirs.data).reshape(ours.volume.shape)
        return ours.volume.with_data(data.copy(), kind="labels", labels=ours.volume.labels)

    def screenshot(self) -> np.ndarray[Any, Any]:
        """Return what the canvas shows, uint8 RGB [rows, columns, 3]."""
        return np.asarray(self.viewer.screenshot(canvas_only=True, flash=False))[..., :3]

    def close(self) -> None:
        """Close the window."""
        self.viewer.close()

    def _repr_png_(self) -> bytes:
        from io import BytesIO

        from PIL import Image

        buffer = BytesIO()
        Image.fromarray(self.screenshot()).save(buffer, format="png")
        return buffer.getvalue()

    def __repr__(self) -> str:
        return f"NapariWindow({', '.join(layer.name for layer, _ in self._ours.values()) or 'no layers'})"


def _blending(layer: Layer) -> str:
    return "opaque" if layer.kind == "image" and layer.opacity == 1 else "translucent_no_depth"


def _need_display() -> None:
    if os.environ.get("QT_QPA_PLATFORM") == "offscreen":
        raise StateError("napari cannot draw on Qt's offscreen platform. Unset QT_QPA_PLATFORM and use a display.")
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise StateError(
            "napari opens a window, and there is no display here. Run Jupyter on a desktop, or under a virtual display "
            "(`xvfb-run -a jupyter lab`), or use the viewer in the notebook (backend='niivue')."
        )
