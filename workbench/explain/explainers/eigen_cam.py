"""Eigen-CAM: what a layer shows most of, whatever is asked."""

from __future__ import annotations

import numpy as np

from workbench._arrays import Array
from workbench.explain.explainers.grad_cam import LayerExplainer


class EigenCAM(LayerExplainer):
    """A layer's activation along its first principal direction: the same map for every target.

    Channels are not centred, as in the paper. A principal direction has no sign of its own: it is the one in which the
    map sums up to more than zero, so that the map of a rectified layer is nowhere negative.
    """

    name = "eigen-cam"
    title = "Eigen-CAM"
    summary = "a layer's activation along its first principal direction; the same map for every target"
    reference = "Muhammad and Yeasin 2020, Eigen-CAM, section 3"
    order = 12
    needs_whole = "the components of a map are those of the whole of it"

    def combine(self, activation: Array, gradient: Array) -> Array:  # noqa: ARG002 - it asks for no target
        channels = activation.reshape(len(activation), -1)
        # of the two products, that over channels is small wherever maps are large
        direction = np.linalg.eigh(channels @ channels.T)[1][:, -1]
        native = np.tensordot(direction, activation, axes=1)
        return native if native.sum() >= 0 else -native
