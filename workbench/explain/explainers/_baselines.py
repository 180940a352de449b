"""What an occluded or absent voxel looks like, in the units of the network's input."""

from __future__ import annotations

import numpy as np

from workbench._arrays import Array
from workbench.parameters import Parameter

BASELINE = Parameter(
    "baseline",
    "number",
    0,
    "What stands for 'nothing there', after normalisation: a number, the mean of each channel, or the blurred input.",
    choices=("mean", "blur"),
)
BLUR = Parameter("blur", "number", 4.0, "Standard deviation, used with baseline 'blur'.", low=0, unit="voxels")


def baseline_like(image: Array, baseline: float | str, blur: float) -> Array:
    """Return a baseline of the shape of `image`.

    Parameters
    ----------
    image : ndarray
        ``[channels, *spatial]`` float32, as the network sees it.
    baseline : float or "mean" or "blur"
        A number in the normalised units of the input, each channel's mean, or the input blurred.
    blur : float
        Standard deviation of the Gaussian in voxels.
    """
    if baseline == "mean":
        means = image.mean(axis=tuple(range(1, image.ndim)), keepdims=True, dtype=np.float64)
        return np.asarray(np.broadcast_to(means, image.shape), np.float32)
    if baseline == "blur":
        from scipy.ndimage import gaussian_filter

        blurred: Array = np.stack([gaussian_filter(channel, blur) for channel in image]).astype(np.float32)
        return blurred
    return np.full(image.shape, baseline, np.float32)
