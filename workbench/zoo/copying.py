"""Another model of the same kind with other weights."""

from __future__ import annotations

import copy
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
    module = model.algorithm.blank(model, 0)
    model.framework.load_state(module, weights)
    made = copy.copy(model)
    made.module = module
    return made


def fresh_weights(model: Model, seed: int) -> dict[str, Array]:
    """Return the weights that a model of this kind begins with, as `Model.state` has them."""
    return model.framework.state(model.algorithm.blank(model, seed))
