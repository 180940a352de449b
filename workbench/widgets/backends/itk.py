"""The ITK viewer in the notebook: itk-vtk-viewer (VTK), built into the package, so that it needs no network.

The package ``itkwidgets`` (a backend of its own) loads the same program from a public address, and shows nothing where
that is not reachable.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from workbench.errors import InputError, StateError
from workbench.volume import Volume
from workbench.widgets.backends._base import Backend
from workbench.widgets.layer import Layer
from workbench.widgets.panel import bundle
from workbench.widgets.viewer import Viewer

#: From 2 million values on, itk-vtk-viewer cuts an image into a pyramid, by programs that it fetches from the network.
MOST_VALUES = 1_900_000


class ItkViewer(Viewer):
    """Volume rendering and slices by VTK, of one image (or map of scores) and one label volume.

    Volumes of more than `MOST_VALUES` are shown at a coarser spacing, and labels on the grid of the image.

    Colours, opacity and the crosshair are set in its own menu; ours are not shared with it.
    """

    _esm = bundle("itk_viewer")
    _css = bundle("itk_viewer", "css")


class ItkBackend(Backend):
    """Opens an `ItkViewer`."""

    name = "itk"

    def open(self, layers: Sequence[Layer], **options: Any) -> ItkViewer:
        """Return an `ItkViewer`; the options are those of `Viewer`.

        Raises
        ------
        InputError
            If there is more than one image, or more than one label volume: it can lay one over one.
        StateError
            If the browser half was built without it.
        """
        check_one_of_each(layers)
        if isinstance(bundle("itk_viewer"), str):
            raise StateError(
                "The ITK viewer was left out when the browser half was built. "
                "Run `npm install && npm run build` in widgets/ with a network."
            )
        return ItkViewer(*_fitting(layers), **options)


def check_one_of_each(layers: Sequence[Layer]) -> None:
    """Raise an `InputError` if there is more than the one image and one label volume that the program can show."""
    labels = sum(layer.kind == "labels" for layer in layers)
    if labels > 1 or len(layers) - labels > 1:
        raise InputError(
            f"The ITK viewer shows one image and one label volume, got {len(layers) - labels} and {labels}. "
            "Use backend='niivue' for more layers."
        )


def _fitting(layers: Sequence[Layer]) -> list[Layer]:
    """Return the layers small enough, labels on the image's grid: what the program shows without further programs."""
    base = _small(ground(layers)) if layers else None
    fitted = []
    for layer in layers:
        volume = layer.volume
        if base is not None and not volume.same_grid(base):
            volume = base if volume is ground(layers) else volume.resample_like(base)
        fitted.append(layer if volume is layer.volume else layer.like(volume))
    return fitted


def ground(layers: Sequence[Layer]) -> Volume:
    """Return the volume whose grid all are brought onto: the image's, where there is one."""
    return next((layer for layer in layers if layer.kind != "labels"), layers[0]).volume


def _small(volume: Volume) -> Volume:
    values = prod(volume.shape)
    if values < MOST_VALUES:
        return volume
    # a little more than the root, because sizes are rounded up
    factor = 1.02 * (values / MOST_VALUES) ** (1 / volume.spatial_ndim)
    return volume.resample([factor * step for step in volume.spacing])
