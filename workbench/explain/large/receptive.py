"""How far a network looks: the receptive field of its dense output, measured once for each model."""

from __future__ import annotations

import json
import math
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
#: Voxels to each side of the middle of an image that its range is taken from.
_LOOKED = 32
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


def receptive_field(model: Any, prepared: Any = None) -> Receptive | None:
    """Return how far a model's network looks; None if it has no dense output, or looks at where in its input it is.

    Measured by gradient, along one axis after the other, on thin inputs of noise. What was found is kept as long as the
    network lives and its weights stay.

    Parameters
    ----------
    model : Model
    prepared : Prepared, optional
        What is to be looked at. Where images are not brought to a range of their own, the noise is given theirs: a
        network that cuts off values sees nothing in noise around 0. Without, it has mean 0 and deviation 1.

    Returns
    -------
    Receptive or None
        None, too, where no gradient comes through at all.
    """
    algorithm = model.algorithm
    if not getattr(algorithm.task, "windowed", False) or algorithm.window(model.config) is not None:
        return None
    kept = _measured.setdefault(model.module, {})
    mean, deviation = _range_of(model, prepared)
    facts = [model.config, model.framework.name, model.weights_fingerprint(), mean, deviation]
    key = json.dumps(facts, sort_keys=True, default=str)
    if key not in kept:
        kept.clear()  # other weights are not asked for again
        kept[key] = _Measurement(model, mean, deviation).result()
    return kept[key]


def _range_of(model: Any, prepared: Any) -> tuple[float, float]:
    """Return mean and deviation of what the network sees, about, where its preprocessing leaves them as they are."""
    spec = model.preprocess if isinstance(getattr(model, "preprocess", None), Mapping) else {}
    if prepared is None or spec.get("intensity", {}).get("kind") != "none":
        return 0.0, 1.0
    middle = [(max(0, n // 2 - _LOOKED), min(n, n // 2 + _LOOKED)) for n in prepared.spatial_shape]
    seen = np.asarray(prepared.window(*zip(*middle, strict=True)), np.float64)
    deviation = float(seen.std()) or 1.0
    # roughly, so that one case after the other is not measured anew
    rounded = 2.0 ** round(math.log2(deviation))
    return round(float(seen.mean()) / rounded) * rounded, rounded


class _Measurement:
    def __init__(self, model: Any, mean: float, deviation: float) -> None:
        self.mean, self.deviation = mean, deviation
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
            side = sides[0] if alike else self._along(axis, small)
            if side is None:
                return None
            sides.append(side)
        before, after = zip(*sides, strict=True)
        return Receptive(before, after, self.multiple, self.minimum, self.local, self._memory(small))

    def _confirmed(self, axis: int, small: tuple[int, ...], before: int, after: int) -> bool:
        """Tell whether nothing further than a field changes the answer along an axis, by more than is told apart."""
        reach = max(before, after) + self.multiple
        length = 2 * -(-(reach + self.minimum) // self.multiple) * self.multiple
        images = self._noise((*small[:axis], length, *small[axis + 1 :]))
        return self._holds(images, axis, length // 2 // self.multiple * self.multiple, before, after)

    def _along(self, axis: int, small: tuple[int, ...]) -> tuple[int, int] | None:
        """Return how far the field reaches along one axis, before and after a block in the middle; None if unseen."""
        for wanted in self.lengths:
            length = -(-max(wanted, 4 * self.minimum) // self.multiple) * self.multiple
            images = self._noise((*small[:axis], length, *small[axis + 1 :]))
            block = length // 2 // self.multiple * self.multiple
            profile = self._profile(images, axis, block)
            if not profile.any():
                return None
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
        noise *= 2.0 ** (np.arange(self.samples) % 3).reshape(-1, *[1] * (noise.ndim - 1))
        return np.asarray(self.mean + self.deviation * noise, np.float32)

    def _logits(self, images: Array) -> Array:
        outputs = self.model.framework.forward(self.model.module, images)
        return np.asarray(outputs["logits"] if isinstance(outputs, Mapping) else outputs)


def _coarse(size: int, length: int, first: int, count: int) -> slice:
    """Return the places of a map of `size` that a run of voxels of an axis of `length` covers."""
    start = first * size // length
    return slice(start, max((first + count) * size // length, start + 1))
