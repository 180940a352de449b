"""Scene: a model that has looked at a volume, which is what a target becomes a score for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError, choose
from workbench.explain.resize import shares_of
from workbench.frameworks import LinearScore
from workbench.volume import Volume


@dataclass(frozen=True)
class Scene:
    """A model that has looked at a volume: what a target needs to know.

    Parameters
    ----------
    model : Model
    volume : Volume
        As the user gave it.
    prepared : Prepared
        The volume as the network sees it.
    outputs : ndarray or dict of str to ndarray
        What the network returned for it, one sample.
    """

    model: Any
    volume: Volume
    prepared: Any
    outputs: Any

    @cached_property
    def output(self) -> str | None:
        """Name of the output that is explained, None where the network returns a single array."""
        if not isinstance(self.outputs, dict):
            return None
        main: str = getattr(self.model.algorithm.task, "main", "logits")
        if main in self.outputs:
            return main
        raise InputError(
            f"The network must return an output named {main!r} to be explained, but it returns {sorted(self.outputs)}."
        )

    @property
    def logits(self) -> Array:
        """``[channels]`` or ``[channels, *spatial]``."""
        values: Array = (self.outputs if self.output is None else self.outputs[self.output])[0]
        return values

    @property
    def is_segmentation(self) -> bool:
        return self.logits.ndim > 1

    @cached_property
    def prediction(self) -> Array:
        """``[classes]`` scores, or the ``[*spatial]`` map of classes on the network's grid (-1: none)."""
        present: Array = np.asarray(self.model.algorithm.task.presence(self.outputs))[0]
        if not self.is_segmentation or present.shape == self.prepared.spatial_shape:
            return present
        places = [
            np.arange(fine) * coarse // fine
            for fine, coarse in zip(self.prepared.spatial_shape, present.shape, strict=True)
        ]
        return present[np.ix_(*places)]

    @cached_property
    def grid(self) -> Volume:
        """The network's grid."""
        grid: Volume = self.prepared.grid
        return grid

    @property
    def num_classes(self) -> int:
        return 2 if self._is_binary else len(self.logits)

    @property
    def _is_binary(self) -> bool:
        # a detector of a single kind of object has a single class, whose logit this is
        return len(self.logits) == 1 and len(self.model.classes) != 1

    def class_index(self, which: int | str) -> int:
        """Return the index of a class given by index or by name."""
        return class_index(which, self.model.classes, self.num_classes)

    def class_name(self, index: int) -> str:
        names = list(self.model.classes)
        return str(names[index]) if index < len(names) else str(index)

    def score(self, index: int, weights: Array | None = None) -> LinearScore:
        """Return the score *sum of weights times the logit of class `index`*.

        A network of two classes with a single output channel computes the logit of class 1; class 0 has its negative.

        Parameters
        ----------
        weights : ndarray, optional
            ``[*spatial]`` on the output's grid; needed for segmentation.
        """
        shape = self.logits.shape
        values = np.zeros(shape, np.float32)
        sign = -1 if self._is_binary and index == 0 else 1
        values[0 if self._is_binary else index] = sign if weights is None else sign * weights
        return LinearScore(values, output=self.output)

    def mean_score(self, index: int, mask: Array) -> LinearScore:
        """Return the score *mean logit of class `index` over a mask* (``[*spatial]`` on the network's grid, >= 0)."""
        return self.score(index, shares_of(mask, self.logits.shape[1:]))

    def mean_output(self, output: str | None, values: Array, channel: int, mask: Array) -> Any:
        """Return the mean over a mask of a channel of one of the outputs.

        Parameters
        ----------
        output : str or None
            Its name.
        values : ndarray
            ``[channels, *places]``: its values for the sample.
        mask : ndarray
            ``[*places]``, >= 0.
        """
        weights = np.zeros(values.shape, np.float32)
        weights[channel] = mask / mask.sum()
        return LinearScore(weights, output)

    def margin(self, a: int, b: int, mask: Array) -> LinearScore:
        """Return the mean over a mask of the logit of class `a` less that of class `b`."""
        first, second = self.mean_score(a, mask), self.mean_score(b, mask)
        return LinearScore(first.weights - second.weights, first.output)


def names_a_class(which: Any) -> bool:
    """Tell whether something can be the index or the name of a class."""
    return isinstance(which, int | str | np.integer) and not isinstance(which, bool)


def class_index(which: int | str, names: Sequence[str], count: int) -> int:
    """Return the index of a class given by index or by name.

    Parameters
    ----------
    which : int or str
    names : sequence of str
        Of the classes of the model.
    count : int
        How many classes it has.

    Raises
    ------
    InputError
        If there is no such class.
    """
    if not names_a_class(which):
        raise InputError(
            f"A class must be said by its index or name, got {which!r}. Give one of 0 to {count - 1}, or of "
            f"{', '.join(map(str, names))}."
        )
    if isinstance(which, str):
        return list(names).index(choose(which, names, "class"))
    if count == 1 and which != 0:
        raise InputError(
            f"The class of a model with a single logit must be 0, {str(next(iter(names), 0))!r}, whose logit that is: "
            f"the higher, the more of it; got class {which}. What speaks against it is negative in the map of class 0 "
            "by a method with signs, such as 'input-x-gradient'. If the logit parts two classes, say so "
            "(wb.wrap(network, task='classification', classes=(no, yes))): then 0 is the negative side."
        )
    if not 0 <= which < count:
        raise InputError(
            f"The model has classes 0 to {count - 1}, but the target is class {which}. Take one of these; "
            "model.classes has their names."
        )
    return int(which)
