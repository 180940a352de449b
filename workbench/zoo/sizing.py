"""How large a network is, before it is built: a width of a million must not be found out by running out of memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from workbench import frameworks
from workbench.zoo.algorithm import Algorithm

#: An option that is this many times its default is extrapolated: even to lay out so many layers would take for ever.
_FAR = 8


def count_parameters(algorithm: Algorithm, config: Mapping[str, Any]) -> float:
    """Return the number of trainable scalars of a network without building it.

    The count is exact up to `_FAR` times an option's default. Beyond it is extrapolated: a constant and a power of the
    option, both told from what the count is at the default, at twice and at four times the default.

    Parameters
    ----------
    algorithm : Algorithm
    config : mapping
        As `Algorithm.config` returned it.

    Returns
    -------
    float
        Infinity where it is more than any machine could hold.
    """
    near, growth = dict(config), 1.0
    for name, option in algorithm.options().items():
        value, default = config[name], option.default
        if option.kind != "integer" or value <= _FAR * max(int(default), 1):
            continue
        near[name] = default
        one, two, four = (_exact(algorithm, {**near, name: times * int(default)}) for times in (1, 2, 4))
        try:
            growth *= _grown(one, two, four, value / int(default)) / one
        except OverflowError:
            return math.inf
    return _exact(algorithm, near) * growth


def _grown(one: float, two: float, four: float, times: float) -> float:
    """Return ``a + b * times**p``, with a, b and p from its values at 1, 2 and 4."""
    if two <= one or four <= two:
        return one
    ratio = (four - two) / (two - one)
    power = math.log2(ratio)
    risen = math.log2(times) if power == 0 else (times**power - 1) / (ratio - 1)
    return one + (two - one) * risen


def _exact(algorithm: Algorithm, config: Mapping[str, Any]) -> float:
    # the network is the same on every framework, and this one is always there and takes no memory for it
    return frameworks.get(frameworks.DEFAULT).count_parameters(algorithm.define, config)
