"""What a worker would stumble over, found before it is started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.errors import InputError
from workbench.training.recipe import Recipe

if TYPE_CHECKING:
    from workbench._plugins import Registry

_SAMPLES = "data=wb.datasets.from_list(list(data), task=data.task, classes=data.classes, splits=data.splits)"


def check_reachable(recipe: Recipe) -> None:
    """Check that another process can find what a recipe names: the worker is one.

    Raises
    ------
    InputError
        If the data set, the algorithm or the framework is known to this process alone; the message says what to do.
    """
    from workbench.datasets.catalogue import DATASETS
    from workbench.frameworks._registry import FRAMEWORKS
    from workbench.zoo.catalogue import ALGORITHMS

    _check(FRAMEWORKS, recipe.framework, "or train with torch, whose files of weights are the same")
    _check(ALGORITHMS, recipe.algorithm, "as docs/adding-an-algorithm.md shows")
    # a data set without a specification is saved with the run
    if recipe.data:
        name = _root(recipe.data)["name"]
        samples = f"or hand in its samples, which are saved with the run: {_SAMPLES}"
        _check(DATASETS, name, samples)
        if name not in DATASETS.names():
            raise InputError(
                f"A run is another process, which makes the data set again from what its spec() says, and no data set "
                f"is called {name!r}. Put it into a package with an entry point {DATASETS.group!r} "
                f"(docs/how-to/add-a-data-set.md), {samples}."
            )


def _root(spec: dict[str, Any]) -> dict[str, Any]:
    return _root(spec["parent"]) if "parent" in spec else spec


def _check(registry: Registry[Any], name: str, otherwise: str) -> None:
    if registry.only_here(name):
        raise InputError(
            f"The {registry.what} {name!r} was registered in this process only, and a run is another one, which does "
            f"not know it. Put it into a package with an entry point {registry.group!r} (docs/how-to), {otherwise}."
        )
