"""XGrad-CAM: Grad-CAM with the weights that come nearest to sensitivity and conservation."""

from __future__ import annotations

import numpy as np

from workbench._arrays import Array
from workbench.explain.explainers.grad_cam import LayerExplainer


class XGradCAM(LayerExplainer):
    """Channels of a layer, each weighted with the mean of its gradient where the channel is active.

    A channel that sums up to zero says nothing of where its gradient counts, and has no weight.
    """

    name = "xgrad-cam"
    title = "XGrad-CAM"
    summary = "a layer's channels weighted with their gradient where they are active"
    reference = "Fu et al. 2020, Axiom-based Grad-CAM, equation 8"
    order = 11

    def combine(self, activation: Array, gradient: Array) -> Array:
        spatial = tuple(range(1, activation.ndim))
        total = activation.sum(axis=spatial)
        speaks = (activation * gradient).sum(axis=spatial)
        weights = np.divide(speaks, total, out=np.zeros_like(total), where=total != 0)
        return np.tensordot(weights, activation, axes=1)
