"""Window and level."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from workbench.signatures import Range
from workbench.tools.catalogue import tool
from workbench.tools.ports import Image


@tool(
    group="intensity",
    reference="DICOM PS3.3 C.11.2.1.3.2, the function LINEAR_EXACT",
    title="Window and level",
)
def window(
    image: Image,
    *,
    level: Annotated[float, Range(step=10)] = 40.0,
    width: Annotated[float, Range(above=0, step=10)] = 400.0,
    scaled: bool = True,
) -> Image:
    """Clip the values to a window, and bring it to 0 to 1.

    Parameters
    ----------
    image : Volume
        Values, such as those of a CT in HU.
    level : float
        Middle of the window, in the unit of the image. 40 is that of soft tissue on CT, -600 of lungs, 400 of bone.
    width : float
        Width of the window, in the unit of the image. 400 is that of soft tissue on CT, 1500 of lungs, 1800 of bone.
    scaled : bool
        Whether the window becomes 0 to 1; otherwise the values stay in their unit, and are clipped alone.

    Returns
    -------
    Volume
        float32. Values that are not numbers stay so.
    """
    low, high = level - width / 2, level + width / 2
    values = np.clip(image.data.astype(np.float32), low, high)
    if not scaled:
        return image.with_data(values)
    return image.with_data((values - np.float32(low)) / np.float32(width), unit="")
