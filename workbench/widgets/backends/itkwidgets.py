"""The ITK viewer as the package ``itkwidgets`` brings it: its program comes from a public address.

For those who work with it already, and where that address can be reached: it lays any size of volume out in a pyramid.
Elsewhere it shows nothing; the backend ``"itk"`` is the same program without a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import _geometry
from workbench.errors import InputError
from workbench.widgets.backends._base import Backend
from workbench.widgets.backends.itk import check_one_of_each, ground
from workbench.widgets.layer import Layer

if TYPE_CHECKING:
    from workbench.volume import Volume


class ItkWidgetsBackend(Backend):
    """Hands the voxels to `itkwidgets.view`. They stay in the browser; its program is fetched from the network.

    Its program has colours and windows of its own: against the contract of backends, those of a layer are not used.
    """

    name = "itkwidgets"
    requires = "itkwidgets"
    extra = "itk"

    def open(self, layers: Sequence[Layer], **options: Any) -> Any:
        """Return what `itkwidgets.view` returns; the options are its own.

        Raises
        ------
        InputError
            If there is nothing to show, more than one image, or more than one label volume.
        """
        import itkwidgets

        check_one_of_each(layers)
        if not layers:
            raise InputError("There is nothing to show: give a volume, as in wb.view(volume).")
        base = ground(layers)
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
    """Return a volume as an `itkwasm.Image` in 3D: the first index fastest, geometry in LPS millimetres.

    A picture is one slice: in 2D a coronal or a sagittal one could not say where it lies.
    """
    from itkwasm import image_from_array

    data = volume.data if volume.spatial_ndim == 3 else np.expand_dims(volume.data, 2)
    vector = data.ndim > 3
    axes = (2, 1, 0, 3) if vector else (2, 1, 0)
    image = image_from_array(np.ascontiguousarray(np.transpose(data, axes)), is_vector=vector)
    lps = _geometry.LPS_RAS @ volume.affine
    image.spacing = list(_geometry.spacing(lps))
    image.origin = lps[:3, 3].tolist()
    image.direction = np.ascontiguousarray(_geometry.directions(lps))
    return image
