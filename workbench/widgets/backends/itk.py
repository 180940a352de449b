"""The ITK viewer in the notebook: itk-vtk-viewer (VTK), built into the package, so that it needs no network.

The ``itkwidgets`` package loads the same program from a public address, and shows nothing where that is not reachable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.errors import InputError, StateError
from workbench.widgets.backends.base import Backend
from workbench.widgets.layer import Layer
from workbench.widgets.panel import bundle
from workbench.widgets.viewer import Viewer


class ItkViewer(Viewer):
    """Volume rendering and slices by VTK, of one image (or map of scores) and one label volume.

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
        labels = sum(layer.kind == "labels" for layer in layers)
        if labels > 1 or len(layers) - labels > 1:
            raise InputError(
                f"The ITK viewer shows one image and one label volume, got {len(layers) - labels} and {labels}. "
                "Use backend='niivue' for more layers."
            )
        if isinstance(bundle("itk_viewer"), str):
            raise StateError(
                "The ITK viewer was left out when the browser half was built. "
                "Run `npm install && npm run build` in widgets/ with a network."
            )
        return ItkViewer(*layers, **options)
