"""What a worker would stumble over, found before it is started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.errors import InputError
from workbench.training.recipe import Recipe
from workbench.transforms.axes import per_axis

if TYPE_CHECKING:
    from workbench._plugins import Registry
    from workbench.datasets import Dataset
    from workbench.zoo import Algorithm

_SAMPLES = "data=wb.datasets.from_list(list(data), task=data.task, classes=data.classes, splits=data.splits)"


def check_reachable(recipe: Recipe) -> None:
    """Check that another process can find what a recipe names: the worker is one.

    Raises
    ------
    InputError
        If the data set, the algorithm or the framework is known to this process alone; the message says what to do.
    """
    from workbench.datasets.catalogue import DATASETS, root_of
    from workbench.frameworks._registry import FRAMEWORKS
    from workbench.zoo.catalogue import ALGORITHMS

    _check(FRAMEWORKS, recipe.framework, "or train with torch, whose files of weights are the same")
    _check(ALGORITHMS, recipe.algorithm, "as docs/adding-an-algorithm.md shows")
    # a data set without a specification is saved with the run
    if recipe.data:
        name = root_of(recipe.data)["name"]
        samples = f"or hand in its samples, which are saved with the run: {_SAMPLES}"
        _check(DATASETS, name, samples)
        if name not in DATASETS.names():
            raise InputError(
                f"A run is another process, which makes the data set again from what its spec() says, and no data set "
                f"is called {name!r}. Put it into a package with an entry point {DATASETS.group!r} "
                f"(docs/how-to/add-a-data-set.md), {samples}."
            )


def settle(recipe: Recipe, algorithm: Algorithm, dataset: Dataset) -> None:
    """Make a recipe one for this data set: numbers for all axes are written out, and what does not belong is refused.

    Raises
    ------
    InputError
        If something does not; the message says what to do.
    """
    from workbench.transforms import Augment, Preprocess

    check_task(algorithm, dataset)
    ndim = dataset.spatial_ndim
    recipe.patch_size = per_axis(recipe.patch_size, ndim, "patch_size")
    Preprocess(recipe.preprocess).check_axes(ndim)
    Augment(recipe.augment, ndim)
    algorithm.task.loss(recipe.loss)
    algorithm.task.check_class_weights(recipe.loss, dataset.num_classes)
    _check_splits(recipe, dataset)


def check_task(algorithm: Algorithm, dataset: Dataset) -> None:
    """Check that an algorithm does what a data set is for, on images of its dimensions.

    Raises
    ------
    InputError
        If it does not; the message says what to choose.
    """
    kind = algorithm.task.kind
    if dataset.task != kind:
        raise InputError(
            f"{algorithm.name} does {kind}, but data set {dataset.name} is for {dataset.task}. "
            f"Choose an algorithm for {dataset.task} (`wb.zoo.list()`), or load the data with task={kind!r}."
        )
    if dataset.spatial_ndim != algorithm.card.dimensions:
        raise InputError(
            f"{algorithm.name} takes {algorithm.card.dimensions}D images, but data set {dataset.name} has "
            f"{dataset.spatial_ndim}D images. Choose a {dataset.spatial_ndim}D algorithm (`wb.zoo.list()`)."
        )


def _check_splits(recipe: Recipe, dataset: Dataset) -> None:
    for name, indices in recipe.splits.items():
        outside = [index for index in indices if not 0 <= index < len(dataset)]
        if outside:
            raise InputError(
                f"Splits hold indices of samples, 0 to {len(dataset) - 1}, but {name!r} has {outside[0]}. "
                "The data set is smaller than when the splits were made; put it back or make new splits."
            )
    if not recipe.splits.get("train"):
        raise InputError("Training needs samples in the split 'train', but it is empty. Give splits= with some.")


def _check(registry: Registry[Any], name: str, otherwise: str) -> None:
    if registry.only_here(name):
        raise InputError(
            f"The {registry.what} {name!r} was registered in this process only, and a run is another one, which does "
            f"not know it. Put it into a package with an entry point {registry.group!r} (docs/how-to), {otherwise}."
        )
