"""The ITK viewer as the package ``itkwidgets`` brings it: its program comes from a public address.

For those who work with it already, and where that address can be reached: it lays any size of volume out in a pyramid.
Elsewhere it shows nothing; the backend ``"itk"`` is the same program without a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import _geometry
from workbench.widgets.backends.base import Backend
from workbench.widgets.backends.itk import check_one_of_each
from workbench.widgets.layer import Layer

if TYPE_CHECKING:
    from workbench.volume import Volume


class ItkWidgetsBackend(Backend):
    """Hands the voxels to `itkwidgets.view`. They stay in the browser; its program is fetched from the network."""

    name = "itkwidgets"
    requires = "itkwidgets"
    extra = "itk"

    def open(self, layers: Sequence[Layer], **options: Any) -> Any:
        """Return what `itkwidgets.view` returns; the options are its own.

        Raises
        ------
        InputError
            If there is more than one image, or more than one label volume.
        """
        import itkwidgets

        check_one_of_each(layers)
        base = layers[0].volume
        shown: dict[str, Any] = {}
        for layer in layers:
            if not layer.visible:
                continue
            volume = layer.volume if layer.volume.same_grid(base) else layer.volume.resample_like(base)
            labels = layer.kind == "labels"
            shown["label_image" if labels else "image"] = to_itk(volume)
            if labels:
                shown["label_blend"] = layer.opacity
        return itkwidgets.view(**{**shown, **options})


def to_itk(volume: Volume) -> Any:
    """Return a volume as an `itkwasm.Image`: the first index fastest, geometry in LPS millimetres."""
    from itkwasm import image_from_array

    n = volume.spatial_ndim
    vector = volume.data.ndim > n
    axes = (*range(n)[::-1], n) if vector else tuple(range(n))[::-1]
    image = image_from_array(np.ascontiguousarray(np.transpose(volume.data, axes)), is_vector=vector)
    lps = _geometry.LPS_RAS @ volume.affine
    image.spacing = list(_geometry.spacing(lps)[:n])
    image.origin = lps[:n, 3].tolist()
    image.direction = np.ascontiguousarray(_geometry.directions(lps)[:n, :n])
    return image
