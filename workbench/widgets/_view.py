"""`view`: show layers, in the notebook or in another viewer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.datasets.annotations import as_shown
from workbench.errors import InputError
from workbench.shapes import Shapes
from workbench.widgets.backends import get
from workbench.widgets.layer import OUTLINE_OPACITY, Layer


def view(*layers: Any, backend: str | None = None, **options: Any) -> Any:
    """Show volumes over one another, in linked 2D and 3D views.

    Parameters
    ----------
    *layers : Volume, Explanation, array, path, Layer, Shapes or annotation
        What to show, from the bottom up. Give a `Layer` to say how it is shown: ``Layer(seg, opacity=0.3)``. Boxes,
        points and ellipses are drawn as outlines on the grid of the first volume, and so is the label of a sample.
    backend : {"niivue", "matplotlib", "napari", "itk"}, optional
        Which viewer: ``"niivue"`` (in the notebook, the default), ``"matplotlib"`` (a still picture), ``"napari"`` (a
        window of its own), ``"itk"`` (in the notebook, by VTK), or one that a package has registered.
    **options
        Options of that viewer (`Viewer`: panes, convention, crosshair, height).

    Returns
    -------
    object
        The viewer, which shows itself as the result of a notebook cell.

    Raises
    ------
    MissingExtraError
        If the backend is not installed; the message names the extra that brings it.
    InputError
        If the backend or an option is unknown, or a layer is nothing that can be shown.

    Examples
    --------
    >>> sample = wb.datasets.load("phantom-ct", n=1, size=16)[0]
    >>> viewer = wb.view(sample["image"], wb.Layer(sample["label"], opacity=0.3), crosshair=(10.0, -20.0, 30.0))
    >>> [layer.kind for layer in viewer.layers]
    ['image', 'labels']
    """
    shown: list[Layer] = []
    for layer in layers:
        drawn = _outlined(layer, shown) if _is_annotation(layer) else layer
        if drawn is not None:
            style: dict[str, Any] = (
                {"name": layer.kind, "opacity": OUTLINE_OPACITY} if isinstance(layer, Shapes) else {}
            )
            shown.append(drawn if isinstance(drawn, Layer) else Layer(drawn, **style))
    return get(backend or "niivue").open(shown, **options)


def _is_annotation(layer: Any) -> bool:
    return isinstance(layer, Shapes) or (isinstance(layer, Mapping) and set(layer) == {"class", "mask"})


def _outlined(annotation: Any, below: list[Layer]) -> Any:
    if not below:
        raise InputError("Shapes are drawn over a volume; give the volume first: wb.view(volume, shapes).")
    return as_shown(annotation, below[0].volume, ())
