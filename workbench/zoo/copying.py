"""Another model of the same kind with other weights."""

from __future__ import annotations

from collections.abc import Mapping

from workbench._arrays import Array
from workbench.zoo.model import Model


def with_weights(model: Model, weights: Mapping[str, Array]) -> Model:
    """Return a copy of a model that has other weights; the model itself stays as it is.

    Parameters
    ----------
    weights : mapping of str to ndarray
        All of them, named and shaped as `Model.state` has them.
    """
    module = model.framework.build(model.algorithm.define, model.config, model.device, 0)
    model.framework.load_state(module, weights)
    return Model(
        model.algorithm,
        model.framework,
        model.device,
        model.config,
        module,
        classes=model.classes,
        preprocess=model.preprocess,
        patch_size=model.patch_size,
    )


def fresh_weights(model: Model, seed: int) -> dict[str, Array]:
    """Return the weights that a model of this kind begins with, as `Model.state` has them."""
    return model.framework.state(model.framework.build(model.algorithm.define, model.config, model.device, seed))
