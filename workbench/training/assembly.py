"""Putting a run together from its recipe: data, network, optimiser, and the position to start from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.jobs.threads import available_cores
from workbench.training.batches import Batches, Samples
from workbench.training.checking import settle
from workbench.training.checkpoint import OPTIMIZER, Checkpoint, Checkpoints, Position
from workbench.training.finetune import load_initial, trainable_names
from workbench.training.manifest import write_manifest
from workbench.training.recipe import Recipe

if TYPE_CHECKING:
    from workbench.datasets import Dataset
    from workbench.frameworks import Framework, Trainer
    from workbench.zoo import Model


# More threads than this wait for one another's share of the interpreter.
_MOST_LOADERS = 4


@dataclass
class Parts:
    """What a loop needs, in the state of `position`; `fresh` tells that nothing was ever done."""

    model: Model
    trainer: Trainer
    batches: Batches
    samples: Samples
    position: Position
    fresh: bool


def assemble(folder: Path, recipe: Recipe, *, say: Callable[[str], None], cores: int | None = None) -> Parts:
    """Build everything a recipe names, and go to the newest checkpoint if there is one.

    Parameters
    ----------
    folder : Path
        The run directory.
    recipe : Recipe
        What to build.
    say : callable
        Takes a line for the log.
    cores : int or None
        The run's share of the machine (None: the physical cores this process may use).
    """
    from workbench import datasets, zoo
    from workbench.transforms import Preprocess

    threads = configure(recipe, cores)
    dataset = datasets.from_spec(recipe.data)
    settle(recipe, zoo.algorithm(recipe.algorithm), dataset)
    resumed = _find(folder, say)
    model, init = begin(recipe, dataset, Path(recipe.init) if recipe.init and resumed is None else None)
    if init is not None:
        say(f"Weights taken over: {init['summary']}.")
    trainer = make_trainer(model, recipe)
    position = Position()
    if resumed is not None:
        position = _go_to(resumed, model.framework, model, trainer)
        removed = Checkpoints(folder).forget_after(position)
        say(f"Going on from checkpoint {resumed.path.name}." + (f" Removed: {', '.join(removed)}." if removed else ""))
    write_manifest(folder, recipe, dataset, model, threads=threads, init=init)
    samples = Samples(dataset, Preprocess(model.preprocess), model.task, recipe.cache_bytes)
    loaders = min(_MOST_LOADERS, (cores or available_cores()) // 2)
    batches = Batches(samples, model.task, _augment(recipe, dataset.spatial_ndim), recipe, loaders)
    return Parts(model, trainer, batches, samples, position, fresh=resumed is None)


def _find(folder: Path, say: Callable[[str], None]) -> Checkpoint | None:
    found, problems = Checkpoints(folder).latest()
    for problem in problems:
        say(problem)
    if problems:
        say(f"Falling back to {found.path.name}." if found else "No sound checkpoint is left; starting afresh.")
    return found


def _go_to(checkpoint: Checkpoint, framework: Framework, model: Model, trainer: Trainer) -> Position:
    from workbench.frameworks import weights

    framework.load_state(model.module, weights.load(checkpoint.model_path)[0])
    trainer.load_state(weights.load(checkpoint.path / OPTIMIZER)[0], checkpoint.position.optimizer)
    return checkpoint.position


def begin(recipe: Recipe, dataset: Dataset, source: Path | Model | None) -> tuple[Model, dict[str, Any] | None]:
    """Return the network of a recipe with the weights of `source`, and the report of what was taken over.

    Raises
    ------
    InputError
        If the weights do not fit, or a pattern of layers to freeze fits none.
    """
    model = make_model(recipe, dataset.in_channels, dataset.classes)
    report = None if source is None else load_initial(model.framework, model.module, source, recipe.into)
    trainable_names(model.framework.parameter_names(model.module), recipe.freeze)
    return model, report


def rehearse(recipe: Recipe, dataset: Dataset, source: Path | Model | None) -> None:
    """Find out what `begin` would refuse, without taking the recipe's device.

    Raises
    ------
    InputError
        As `begin`.
    """
    from workbench import frameworks

    if source is None and not recipe.freeze:
        return  # nothing depends on the network's weights, and building it would only take time
    # weights have the same names and shapes in every framework, and some have one device for the whole process
    begin(recipe.model_copy(update={"framework": frameworks.DEFAULT, "device": "cpu"}), dataset, source)


def configure(recipe: Recipe, cores: int | None = None) -> int:
    """Set what holds for the whole process, as a recipe says, and return the number of threads to compute with."""
    from workbench import frameworks

    threads = recipe.num_threads or cores or available_cores()
    frameworks.get(recipe.framework).configure(threads=threads, deterministic=recipe.deterministic)
    return threads


def make_model(recipe: Recipe, in_channels: int, classes: Sequence[str]) -> Model:
    """Return the network of a recipe with fresh weights, for data of these channels and classes."""
    from workbench import zoo

    model = zoo.create(
        recipe.algorithm,
        framework=recipe.framework,
        device=recipe.device,
        in_channels=in_channels,
        classes=classes,
        preprocess=recipe.preprocess,
        seed=recipe.seed,
        **recipe.options,
    )
    model.patch_size = recipe.patch_size
    return model


def make_trainer(model: Model, recipe: Recipe) -> Trainer:
    """Return what moves the weights of `model` as a recipe says."""
    from workbench.frameworks import OptimizerSpec

    framework = model.framework
    return framework.trainer(
        model.module,
        model.task.loss(recipe.loss),
        OptimizerSpec(**recipe.optimizer.model_dump()),
        trainable=trainable_names(framework.parameter_names(model.module), recipe.freeze),
        grad_clip=recipe.grad_clip,
        compiled=recipe.compiled,
    )


def _augment(recipe: Recipe, spatial_ndim: int) -> Any:
    if not recipe.augment:
        return None
    from workbench.transforms import Augment

    return Augment(recipe.augment, spatial_ndim)
