"""From a prepared volume to a model's answer on the volume's own grid, with no more in memory than that takes."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError, StateError, check_keywords, choose
from workbench.volume import Volume
from workbench.work import Cancel, Progress
from workbench.zoo.inference import Inference, Outputs, PredictionEstimate, empty_scores
from workbench.zoo.memory import within_memory
from workbench.zoo.windows import Index, Windows

if TYPE_CHECKING:
    from workbench.transforms import Prepared
    from workbench.zoo.model import Model

#: Larger images are predicted window by window: a 64-channel map of this many voxels takes half a GB.
_WHOLE_IMAGE_VOXELS = 1 << 21
_WINDOW = {2: 512, 3: 96}
#: Scores that are brought onto the volume's grid and decided in one go: 4 MB, and as much again a few times over.
_SCORES_AT_ONCE = 1 << 20


PRECISIONS = ("float32", "bfloat16", "auto")


@dataclass(frozen=True)
class How:
    """The options of a prediction, as `Model.predict` describes them.

    `tuned` says whether batch size and memory layout are those that prove to be fastest, which rounds the outputs one
    way or the other; without, the same input gives the same bits.
    """

    progress: Progress | None = None
    cancel: Cancel | None = None
    skip_air: bool = True
    precision: str = "float32"
    tuned: bool = True

    def __post_init__(self) -> None:
        choose(self.precision, PRECISIONS, "precision")
        for name in ("skip_air", "tuned"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise InputError(f"{name} is True or False, got {value!r}.")
        for name in ("progress", "cancel"):
            if not (getattr(self, name) is None or callable(getattr(self, name))):
                raise InputError(f"{name} is a function, got {getattr(self, name)!r}.")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> How:
        """Make it of keywords."""
        check_keywords(given, [field.name for field in fields(cls)], "A prediction")
        return cls(**given)


def answer(model: Model, prepared: Prepared, how: How) -> Any:
    """Do what `Model.answer` says."""
    model.framework.check_finite(model.module)
    with _watching(model, prepared.source.spatial_shape, how.cancel):
        task = model.task
        if how.precision == "bfloat16" and not (task.windowed and task.by_voxel):
            raise InputError(
                f"{model.name} does not answer voxel by voxel, so it is computed in float32. Leave out "
                f"precision={how.precision!r}."
            )
        if not task.windowed:
            return task.answer(_at_once(model, prepared.batch, how.progress), prepared, model.classes)
        inference = _inference(model, prepared, how)
        if not task.by_voxel:
            return task.answer(_unnamed(inference.whole(), batch=True), prepared, model.classes)
        note = _reduce(model, inference, how.precision)
        if inference.single:
            found = task.answer(_unnamed(inference.whole(), batch=True), prepared, model.classes)
            return found.with_data(found.data, notes=note)
        labels = empty_scores(prepared.source.spatial_shape, task.label_dtype(model.num_classes))
        # interpolate the probabilities, then decide: smoother outlines than enlarging the decision
        before = _same if prepared.exact else _of_one(task.probabilities)
        _fill(labels, inference, prepared, before, _of_one(task.decode))
        names = dict(enumerate(model.classes))
        return prepared.source.with_data(labels, kind="labels", labels=names, notes=note)


def probabilities(model: Model, volume: Volume, how: How) -> Volume:
    """Do what `Model.probabilities` says."""
    if model.task.kind != "segmentation":
        raise StateError(f"{model.name} does not segment, so it has no probability by voxel. Use predict.")
    model.framework.check_finite(model.module)
    prepared = model.prepare(volume)
    scores = empty_scores((*volume.spatial_shape, model.num_classes))
    with _watching(model, volume.spatial_shape, how.cancel):
        inference = _inference(model, prepared, how)
        note = _reduce(model, inference, how.precision)
        _fill(scores, inference, prepared, _of_one(model.task.probabilities), lambda found: np.moveaxis(found, 0, -1))
    meaning: dict[str, Any] = {"channels": model.classes, "labels": None, "unit": "", "inverted": False}
    return volume.with_data(scores, kind="scores", source=None, notes=note, **meaning)


def infer(model: Model, batch: Array, *, progress: Progress | None, cancel: Cancel | None) -> Any:
    """Do what `Model.infer` says."""
    model.framework.check_finite(model.module)
    with _watching(model, batch.shape[2:], cancel):
        if not model.task.windowed:
            return model.task.decode(_at_once(model, batch, progress))
        found = []
        for number, image in enumerate(batch):
            share = None if progress is None else _share(progress, number, len(batch))
            found.append(_inference(model, _Image(image, model), How(share, cancel, skip_air=False)).whole())
        inner: Any = (..., *_inner(batch.shape[2:], model))
        outputs = {name: np.stack([one[name] for one in found])[inner] for name in found[0]}
        return model.task.decode(_unnamed(outputs))


def estimate(model: Model, prepared: Prepared, *, skip_air: bool) -> PredictionEstimate:
    """Do what `Model.estimate` says."""
    task = model.task
    if not task.windowed:
        _at_once(model, prepared.batch, None)  # the first pass warms up
        started = time.perf_counter()
        outputs = _at_once(model, prepared.batch, None)
        seconds = time.perf_counter() - started
        arrays = outputs.values() if isinstance(outputs, Mapping) else [outputs]
        return PredictionEstimate(1, 0, seconds, sum(array.nbytes for array in arrays))
    inference = _inference(model, prepared, How(skip_air=skip_air))
    if not task.by_voxel or inference.single:
        return inference.estimate()
    itemsize = np.dtype(task.label_dtype(model.num_classes)).itemsize
    labels = math.prod(prepared.source.spatial_shape) * itemsize
    return inference.estimate(labels, prepared.restorer().halo)


def windows(model: Model, prepared: Prepared) -> int:
    """Do what `Model.windows` says."""
    return len(tiling(model, prepared.spatial_shape)) if model.task.windowed else 1


def tiling(model: Model, shape: Sequence[int]) -> Windows:
    """Return where the windows lie that an image of `shape` is answered in: one where it is taken whole."""
    multiple, minimum = model.algorithm.sizes(model.config)
    own = model.algorithm.window(model.config)
    size: Sequence[int] = shape
    if model.task.windowed and (own is not None or math.prod(shape) > _WHOLE_IMAGE_VOXELS):
        wanted = model.patch_size or (own or _WINDOW[len(shape)],) * len(shape)
        size = [max(minimum, w // multiple * multiple) for w in wanted]
    return Windows(shape, size)


def decided(model: Model, prepared: Prepared, how: How) -> Array:
    """Return the class of each voxel of the network's grid [*spatial], of outputs that are blended as in `answer`."""
    inference = _inference(model, prepared, how)
    if not model.task.by_voxel:
        found: Array = np.asarray(model.task.presence(_unnamed(inference.whole(), batch=True)))[0]
        return found
    labels = empty_scores(prepared.spatial_shape, np.int16)
    for box in inference.boxes(labels.nbytes // 2):
        place = tuple(slice(a, a + n) for a, n in zip(box.start, box.own, strict=True))
        labels[place] = model.task.presence(box.values[np.newaxis])[0]
    return labels


class _Image:
    """An array [c, *spatial] that is read like a prepared volume; one thinner than a network takes, with a margin."""

    def __init__(self, array: Array, model: Model) -> None:
        inner = _inner(array.shape[1:], model)
        minimum = model.algorithm.sizes(model.config)[1]
        self.spatial_shape = tuple(max(n, minimum) for n in array.shape[1:])
        ends = zip(inner, self.spatial_shape, strict=True)
        self._array = np.pad(array, [(0, 0), *((part.start, n - part.stop) for part, n in ends)])

    def window(self, start: Index, stop: Index) -> Array:
        return self._array[(slice(None), *(slice(a, b) for a, b in zip(start, stop, strict=True)))]


def _inner(shape: Sequence[int], model: Model) -> tuple[slice, ...]:
    """Return where an image lies in one that has the network's least size."""
    more = [max(0, model.algorithm.sizes(model.config)[1] - n) for n in shape]
    return tuple(slice(m // 2, m // 2 + n) for m, n in zip(more, shape, strict=True))


def _inference(model: Model, image: Prepared | _Image, how: How) -> Inference:
    rule = None if isinstance(image, _Image) or not how.skip_air else image.is_air
    config = json.dumps(model.config, sort_keys=True, default=str)
    return Inference(
        model.framework, model.module, lambda batch, network: model.forward(batch, network=network), image.window,
        tiling(model, image.spatial_shape), (model.framework.name, str(model.device), model.name, config), air=rule,
        only=model.task.main if model.task.by_voxel else None, progress=how.progress, cancel=how.cancel,
        tuned=how.tuned,
    )  # fmt: skip


def _fill(
    target: Array,
    inference: Inference,
    prepared: Prepared,
    before: Callable[[Array], Array],
    finish: Callable[[Array], Array],
) -> None:
    """Write an image's outputs onto the volume's grid as they are finished, some rows at a time.

    `before` is done to outputs [k, *box] on the network's grid, `finish` to what was interpolated from them. Outputs in
    the making take half of the memory that the target takes.
    """
    restorer = prepared.restorer()
    halo = restorer.halo
    for box in inference.boxes(target.nbytes // 2, halo):
        rows = max(1, _SCORES_AT_ONCE // max(1, box.values[:, 0].size))
        for first in range(0, box.own[0], rows):
            count = min(rows, box.own[0] - first)
            part = before(box.values[:, first : first + count + halo])
            start = (box.start[0] + first, *box.start[1:])
            restorer.write(target, start, (count, *box.own[1:]), part, finish)


def _reduce(model: Model, inference: Inference, precision: str) -> list[str]:
    if precision == "float32":
        return []
    note = inference.reduce(model.task.probabilities, check=precision == "auto")
    return [note] if note else []


def _at_once(model: Model, batch: Array, progress: Progress | None) -> Outputs:
    def refusal() -> StateError:
        return StateError(
            f"An image of {'x'.join(map(str, batch.shape[2:]))} voxels does not fit into the device's memory, and "
            f"{model.name} takes images whole. Choose a smaller size in model.preprocess, a narrower network or "
            "another device."
        )

    with within_memory(model.framework, refusal):
        outputs = model.forward(batch)
    if progress is not None:
        progress(1.0)
    return outputs


@contextmanager
def _watching(model: Model, shape: Sequence[int], cancel: Cancel | None) -> Iterator[None]:
    """Stop within the network where that is asked for, and say in words where memory runs out."""
    heeded = nullcontext() if cancel is None else model.framework.interruptible(model.module, cancel)
    with in_memory(model, shape), heeded:
        yield


def in_memory(model: Model, shape: Sequence[int]) -> AbstractContextManager[None]:
    """Say in words, with a StateError, where an image of `shape` voxels takes more memory than there is."""
    return within_memory(
        model.framework,
        lambda: StateError(
            f"An answer for {' x '.join(map(str, shape))} voxels needs more memory than is free. Crop the volume "
            "(Volume.crop), make its voxels larger (Volume.resample), or take a network of fewer classes, a narrower "
            "one or a smaller model.patch_size."
        ),
    )


def _unnamed(outputs: Mapping[str, Array], *, batch: bool = False) -> Outputs:
    given = {name: values[np.newaxis] for name, values in outputs.items()} if batch else outputs
    return given.get("", given)


def _of_one(function: Callable[[Array], Any]) -> Callable[[Array], Array]:
    return lambda values: np.asarray(function(values[np.newaxis])[0])


def _same(values: Array) -> Array:
    return values


def _share(progress: Progress, number: int, count: int) -> Progress:
    return lambda fraction: progress((number + fraction) / count)
