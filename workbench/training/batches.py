"""From samples to batches, with no state: order and augmentation are functions of (seed, epoch, place in the epoch).

So a run can be taken up at any step without replaying what came before, and what a batch holds depends neither on the
number of threads nor on their timing.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench._arrays import Array
from workbench._lru import LRU
from workbench.datasets.annotations import mapped, parts
from workbench.errors import FileError, InputError
from workbench.jobs import faults
from workbench.shapes import Shapes
from workbench.training.crops import random_window
from workbench.training.recipe import Recipe
from workbench.volume import Volume

if TYPE_CHECKING:
    from workbench.datasets import Dataset
    from workbench.transforms import Augment, Prepared, Preprocess
    from workbench.zoo import Task

# What the streams of random numbers are for; they must never be the same.
_ORDER, _SAMPLE, _STEP = 1, 2, 3
_CACHE_LIMIT = 4 * 2**30


def seed_of(*key: int) -> int:
    """Return a seed (31 bits, which every library takes) that is a function of `key` and nothing else."""
    return int(np.random.SeedSequence(key).generate_state(1)[0] >> 1)


def step_seed(recipe: Recipe, global_step: int) -> int:
    """Return the seed of whatever is random inside the network at a step (dropout)."""
    return seed_of(recipe.seed, _STEP, global_step)


@dataclass(frozen=True)
class PreparedSample:
    """A sample ready for the network: image ``[c, *spatial]``, and its annotation on the network's grid.

    The annotation is a class, label values ``[*spatial]``, Shapes in voxels of the network's grid, or a dict of these.
    """

    image: Prepared
    label: Any

    @property
    def nbytes(self) -> int:
        """Size in memory."""
        arrays = (part for part in parts(self.label).values() if isinstance(part, np.ndarray))
        return int(self.image.array.nbytes) + sum(array.nbytes for array in arrays)


class Samples:
    """Prepared samples of a data set, kept in memory within `cache_bytes` (the least recently used go first)."""

    def __init__(self, dataset: Dataset, preprocess: Preprocess, task: Task, cache_bytes: int | None = None) -> None:
        self.dataset = dataset
        self.preprocess = preprocess
        self._task = task
        limit = _default_cache_bytes() if cache_bytes is None else cache_bytes
        self._held: LRU[int, PreparedSample] = LRU(limit, attrgetter("nbytes"))
        self._reading = threading.Lock()

    def __getitem__(self, index: int) -> PreparedSample:
        held = self._held.get(index)
        if held is None:
            held = self._prepare(index)
            self._held.put(index, held)
        return held

    def raw(self, index: int) -> dict[str, Any]:
        """Return the sample as the data set has it."""
        with self._reading:
            try:
                return self.dataset[index]
            except FileNotFoundError as error:
                raise FileError(f"Sample {index} of {self.dataset.name} is missing: {error.filename}.") from error

    def _prepare(self, index: int) -> PreparedSample:
        sample = self.raw(index)
        label = sample["label"]
        if label is None:
            raise InputError(f"Training needs labels, but sample {index} of {self.dataset.name} has none.")
        try:
            image = self.preprocess.apply(sample["image"])
            values = mapped(label, lambda part: self._on_grid(part, image))
            # Made here once, thrown away, so that a wrong label is found by its sample and not by its batch.
            self._task.targets(values, self.dataset.num_classes, image.spatial_shape)
        except InputError as error:
            raise InputError(f"Sample {index} of {self.dataset.name}: {error}") from error
        return PreparedSample(image, values)

    def _on_grid(self, part: Any, image: Prepared) -> Any:
        if isinstance(part, Volume):
            return self.preprocess.apply_labels(part)
        return part.onto(image.affine) if isinstance(part, Shapes) else int(part)


@dataclass(frozen=True)
class Batch:
    """One step's worth of data: inputs ``[n, c, *spatial]`` float32 and what the loss compares the outputs with."""

    inputs: Array
    targets: dict[str, Array]


class Batches:
    """The batches of a run, any epoch, from any step.

    Parameters
    ----------
    samples : Samples
        Where they come from.
    task : Task
        Makes targets from labels.
    augment : Augment or None
        Applied to each sample with a seed of its own.
    recipe : Recipe
        Batch size, patches, seed, the training split.
    threads : int
        Threads that prepare batches ahead.
    """

    def __init__(self, samples: Samples, task: Task, augment: Augment | None, recipe: Recipe, threads: int = 1) -> None:
        self._samples, self._task, self._augment, self._recipe = samples, task, augment, recipe
        self._threads = max(1, threads)
        self._classes = samples.dataset.num_classes

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return len(self._groups(0))

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch, from step `first` on, prepared ahead in the background."""
        groups = self._groups(epoch)[first:]
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="batches")
        ahead: deque[Future[Batch]] = deque()
        try:
            for group in groups:
                ahead.append(pool.submit(self._make, epoch, group))
                if len(ahead) > self._threads + 1:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def one(self) -> Batch:
        """Return a batch of a single sample, the first of the first epoch."""
        return self._make(0, self.order(0)[:1])

    def order(self, epoch: int) -> list[tuple[int, int]]:
        """Return the order of an epoch: (sample, how often it was there before) for each place."""
        recipe = self._recipe
        items = [(index, turn) for index in recipe.splits["train"] for turn in range(recipe.patches_per_sample)]
        shuffled = np.random.default_rng([recipe.seed, _ORDER, epoch]).permutation(len(items))
        return [items[place] for place in shuffled]

    def _groups(self, epoch: int) -> list[list[tuple[int, int]]]:
        order, size = self.order(epoch), self._recipe.batch_size
        groups = [order[start : start + size] for start in range(0, len(order), size)]
        # Statistics over a batch of one (batch norm) are undefined on small maps; that sample's turn comes next epoch.
        if len(groups) > 1 and len(groups[-1]) == 1 and size > 1:
            groups.pop()
        return groups

    def _make(self, epoch: int, group: list[tuple[int, int]]) -> Batch:
        faults.point("batch")
        made = [self._one(epoch, index, turn) for index, turn in group]
        largest = np.max([image.shape[1:] for image, _ in made], axis=0)
        unit = self._samples.preprocess.divisible_by
        size = tuple(int(length) for length in -(-largest // unit) * unit)
        targets = [
            self._task.targets(mapped(label, lambda part: _padded_label(part, size)), self._classes, size)
            for _, label in made
        ]
        inputs = np.stack([_padded(image, (image.shape[0], *size)) for image, _ in made])
        return Batch(inputs, {name: np.stack([target[name] for target in targets]) for name in targets[0]})

    def _one(self, epoch: int, index: int, turn: int) -> tuple[Array, Any]:
        recipe, sample = self._recipe, self._samples[index]
        image, label = sample.image.array, sample.label
        key = (recipe.seed, _SAMPLE, epoch, index, turn)
        if recipe.patch_size is not None:
            size = tuple(map(min, image.shape[1:], recipe.patch_size))
            rng = np.random.default_rng(key)
            window = random_window(image.shape[1:], size, rng, recipe.foreground, label)
            image, label = image[(slice(None), *window)], mapped(label, lambda part: _cut(part, window))
        if self._augment is not None:
            image, label = _augmented(self._augment, image, label, seed_of(*key))
        return image, label


def _cut(part: Any, window: tuple[slice, ...]) -> Any:
    if isinstance(part, np.ndarray):
        return part[window]
    if isinstance(part, Shapes):
        return part.shifted([-side.start for side in window]).within([side.stop - side.start for side in window])
    return part


def _augmented(augment: Augment, image: Array, label: Any, seed: int) -> tuple[Array, Any]:
    named = parts(label)
    arrays = {"image": image, **{f"label{k}": v[None] for k, v in named.items() if isinstance(v, np.ndarray)}}
    if any(isinstance(part, Shapes) for part in named.values()):
        changed, move = augment.apply_with_move(arrays, seed)
        named = {
            k: part.moved(move).within(image.shape[1:]) if isinstance(part, Shapes) else part
            for k, part in named.items()
        }
    else:
        changed = augment.apply(arrays, seed)
    named = {k: changed[f"label{k}"][0] if f"label{k}" in changed else part for k, part in named.items()}
    return changed["image"], named if isinstance(label, Mapping) else named[""]


def _padded_label(part: Any, size: tuple[int, ...]) -> Any:
    return _padded(part, size) if isinstance(part, np.ndarray) else part


def _padded(array: Array, shape: tuple[int, ...]) -> Array:
    """Return `array` with zeros after its end, up to `shape`."""
    if array.shape == tuple(shape):
        return array
    return np.pad(array, [(0, wanted - length) for length, wanted in zip(array.shape, shape, strict=True)])


def _default_cache_bytes() -> int:
    import psutil

    return min(_CACHE_LIMIT, int(psutil.virtual_memory().available) // 4)
