"""How far a network looks: the receptive field of its dense output, measured once for each model."""

from __future__ import annotations

import json
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.frameworks import LinearScore

#: Lengths of the thin inputs that are tried, in voxels; what looks further than the last is taken to look everywhere.
#: A network whose coarsest grid is coarse looks far: so many of its places are worth trying at first.
_LENGTHS = (64, 128, 256)
_PLACES = 16
#: Inputs that a measurement takes, and how thick they are at least, in voxels: where a rectified unit is off in one
#: place, it is on in another. A network of many weights has other ways round it, and would take long.
_THICK, _SAMPLES, _FEW, _SMALL_NETWORK = 8, 12, 2, 300_000
#: How often a field is made larger that was found to be too small, by a block each time.
_LARGER = 4
#: An answer that a cut changes by more than this share is not local.
_SAME = 1e-4
#: Where a layer looks at everything, its own reach ends where the gradient has fallen to this multiple of what is
#: found at the far ends.
_ABOVE = 3.0
#: Bytes for each voxel, where the layers cannot be looked at.
_USUAL_BYTES = 4096.0

_measured: weakref.WeakKeyDictionary[Any, dict[str, Receptive | None]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class Receptive:
    """What part of its input an aligned block of a network's dense output depends on.

    A network with strides has another field at each place of its coarsest grid; what is said here holds for a block of
    `multiple` voxels that begins at a multiple of it, and so for all of them.

    Attributes
    ----------
    before, after : tuple of int
        Voxels along each axis before such a block, and after it.
    multiple : int
        Of the size that the network takes: its coarsest grid has one place in so many voxels.
    minimum : int
        The smallest size that the network takes.
    local : bool
        Whether that is all: a block's answer is the same, to 1e-4, with nothing else there. It is not where a layer
        looks at everything, as norms over the volume and attention do.
    memory : float
        Bytes that a gradient takes for each voxel of the input, about: what all layers put out.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    multiple: int
    minimum: int
    local: bool
    memory: float


def receptive_field(model: Any) -> Receptive | None:
    """Return how far a model's network looks; None if it has no dense output, or looks at where in its input it is.

    Measured by gradient, along one axis after the other, on thin inputs of noise. What was found is kept as long as the
    network lives.

    Parameters
    ----------
    model : Model
    """
    algorithm = model.algorithm
    if not getattr(algorithm.task, "windowed", False) or algorithm.window(model.config) is not None:
        return None
    kept = _measured.setdefault(model.module, {})
    key = json.dumps([model.config, model.framework.name], sort_keys=True, default=str)
    if key not in kept:
        kept[key] = _Measurement(model).result()
    return kept[key]


class _Measurement:
    def __init__(self, model: Any) -> None:
        self.model, self.ndim = model, int(model.spatial_ndim)
        self.multiple, minimum = model.algorithm.sizes(model.config)
        self.minimum = -(-minimum // self.multiple) * self.multiple
        self.rng = np.random.default_rng(0)
        self.local = True
        self.output: str | None = None
        self.samples = _FEW if model.framework.num_parameters(model.module) > _SMALL_NETWORK else _SAMPLES
        first = min(_PLACES * self.multiple, _LENGTHS[-1])
        self.lengths = tuple(n for n in _LENGTHS if n >= first)

    def result(self) -> Receptive | None:
        small = (max(self.minimum, -(-_THICK // self.multiple) * self.multiple),) * self.ndim
        outputs = self.model.framework.forward(self.model.module, self._noise(small))
        self.output = "logits" if isinstance(outputs, Mapping) else None
        named = outputs if isinstance(outputs, Mapping) else {"logits": outputs}
        if "logits" not in named or np.ndim(named["logits"]) != 2 + self.ndim:
            return None
        sides: list[tuple[int, int]] = []
        for axis in range(self.ndim):
            # most networks look as far along each axis, which takes no gradient to confirm
            alike = bool(sides) and self.local and self._confirmed(axis, small, *sides[0])
            sides.append(sides[0] if alike else self._along(axis, small))
        before, after = zip(*sides, strict=True)
        return Receptive(before, after, self.multiple, self.minimum, self.local, self._memory(small))

    def _confirmed(self, axis: int, small: tuple[int, ...], before: int, after: int) -> bool:
        """Tell whether nothing further than a field changes the answer along an axis, by more than is told apart."""
        reach = max(before, after) + self.multiple
        length = 2 * -(-(reach + self.minimum) // self.multiple) * self.multiple
        images = self._noise((*small[:axis], length, *small[axis + 1 :]))
        return self._holds(images, axis, length // 2 // self.multiple * self.multiple, before, after)

    def _along(self, axis: int, small: tuple[int, ...]) -> tuple[int, int]:
        """Return how far the field reaches along one axis, before and after a block in the middle."""
        for wanted in self.lengths:
            length = -(-max(wanted, 4 * self.minimum) // self.multiple) * self.multiple
            images = self._noise((*small[:axis], length, *small[axis + 1 :]))
            block = length // 2 // self.multiple * self.multiple
            profile = self._profile(images, axis, block)
            ended = profile[0] == 0 and profile[-1] == 0
            if ended:
                break
        # what one axis took, the others will take
        self.lengths = tuple(n for n in self.lengths if n >= wanted)
        # what lies under the little that a global layer gives everywhere cannot be told from it
        far = len(profile) // 8
        floor = 0.0 if ended else _ABOVE * float(max(profile[:far].max(), profile[-far:].max()))
        reached = np.flatnonzero(profile > floor)
        reached = reached if len(reached) else np.array([block])
        before = max(0, block - int(reached[0]))
        after = max(0, int(reached[-1]) + 1 - block - self.multiple)
        for more in range(_LARGER if ended else 0):
            wider = before + more * self.multiple, after + more * self.multiple
            if self._holds(images, axis, block, *wider):
                return wider
        self.local = False
        return before, after

    def _profile(self, images: Array, axis: int, block: int) -> Array:
        """Return the largest gradient at each place along an axis."""
        shape = self._logits(images[:1]).shape[1:]
        places = _coarse(shape[1 + axis], images.shape[2 + axis], block, self.multiple)
        weights = np.zeros(shape, np.float32)
        inside = (slice(None), *(places if a == axis else slice(None) for a in range(self.ndim)))
        weights[inside] = self.rng.normal(size=weights[inside].shape)
        score = LinearScore(weights, output=self.output)
        _, gradient = self.model.framework.input_gradient(self.model.module, images, score)
        others = tuple(a for a in range(gradient.ndim) if a != 2 + axis)
        return np.asarray(np.abs(gradient).max(axis=others), np.float64)

    def _holds(self, images: Array, axis: int, block: int, before: int, after: int) -> bool:
        """Tell whether the answer in the block is the same with nothing but its field there."""
        step, length = self.multiple, images.shape[2 + axis]
        low = max(0, (block - before) // step * step)
        high = min(length, max(-(-(block + step + after) // step) * step, low + self.minimum))
        cut = tuple(slice(low, high) if a == 2 + axis else slice(None) for a in range(images.ndim))
        whole, part = self._logits(images), self._logits(np.ascontiguousarray(images[cut]))
        there = _coarse(whole.shape[2 + axis], length, block, step)
        here = _coarse(part.shape[2 + axis], high - low, block - low, step)
        one, other = (np.moveaxis(v, 2 + axis, 0)[at] for v, at in ((whole, there), (part, here)))
        return one.shape == other.shape and float(np.abs(one - other).max()) <= _SAME * float(np.abs(one).max())

    def _memory(self, small: tuple[int, ...]) -> float:
        framework, module = self.model.framework, self.model.module
        leaves = [layer.name for layer in framework.layers(module) if layer.leaf]
        image = self._noise(small)[:1]
        try:
            seen = framework.capture(module, leaves, image)
        except InputError:  # a layer that does not run, or puts out more than one array
            return _USUAL_BYTES
        return float(sum(values.nbytes for values in seen.values()) / image[0, 0].size)

    def _noise(self, shape: tuple[int, ...]) -> Array:
        noise = self.rng.normal(size=(self.samples, self.model.in_channels, *shape))
        return (noise * 2.0 ** (np.arange(self.samples) % 3).reshape(-1, *[1] * (noise.ndim - 1))).astype(np.float32)

    def _logits(self, images: Array) -> Array:
        outputs = self.model.framework.forward(self.model.module, images)
        return np.asarray(outputs["logits"] if isinstance(outputs, Mapping) else outputs)


def _coarse(size: int, length: int, first: int, count: int) -> slice:
    """Return the places of a map of `size` that a run of voxels of an axis of `length` covers."""
    start = first * size // length
    return slice(start, max((first + count) * size // length, start + 1))
