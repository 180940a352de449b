"""``train``, ``plan`` and ``fit``: a recipe made complete, shown, or carried out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError
from workbench.jobs.beginning import start
from workbench.jobs.files import DATA, check_name
from workbench.jobs.places import new_folder, remember
from workbench.jobs.resources import HERE, Placement
from workbench.signatures import checked
from workbench.training.checking import check_reachable
from workbench.training.composing import compose
from workbench.training.recipe import Recipe
from workbench.training.run import Run, create
from workbench.training.store import RECIPE

if TYPE_CHECKING:
    from workbench.datasets import Dataset
    from workbench.zoo import Model

_INIT = "init.safetensors"


@checked("wb.train()", "placement")
def train(
    recipe: str | Path | Mapping[str, Any] | Recipe | None = None,
    data: str | Dataset | None = None,
    *,
    algorithm: str | None = None,
    framework: str | None = None,
    device: str | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    folder: str | Path | None = None,
    name: str = "",
    init: str | Path | Model | Run | None = None,
    freeze: str | Sequence[str] | None = None,
    placement: Placement = HERE,
    **overrides: Any,
) -> Run:
    """Start training in a process of its own, and return at once.

    Parameters
    ----------
    recipe : str, Path, dict or Recipe
        Name of an algorithm of the zoo, or a recipe: a JSON or YAML file, a dict, a `Recipe`. What it leaves open is
        what the algorithm proposes for the data (`workbench.training.plan` shows it, with reasons).
    data : str or Dataset
        Data set, or its name in the catalogue. Its splits count, not those of a recipe that was made for other data.
    algorithm : str
        Name of an algorithm, if `recipe` does not say.
    framework, device : str
        ``"torch"`` and ``"cpu"`` unless said otherwise.
    epochs, seed : int
        As in the recipe.
    folder : str or Path
        Folder for runs; the run gets a folder of its own in it. Default: ``WORKBENCH_RUNS``, the folder of the
        settings (``docs/user-guide.md``), or ``runs``.
    name : str
        What to call the run in lists; `Run.rename` gives another.
    init : str, Path, Model or Run
        Weights to start from (fine-tuning): a model file, a name of `workbench.zoo.trained`, a model, a run (its best
        epoch). With ``into="encoder"``, a file of another network that is the encoder of this one.
    freeze : str or sequence of str
        Patterns of layers that keep their weights: ``"down.*"``, ``"re:^down"``.
    placement : Placement
        Who puts the run to work, and when: ``wb.jobs.Placement("dask", priority=5)``. Default: this machine, in turn.
    **overrides
        Any other key of a recipe, described in `workbench.training.Recipe`: ``augment``, ``batch_size``,
        ``cache_bytes``, ``checkpoint_every``, ``checkpoint_seconds``, ``checkpoint_steps``, ``compiled``,
        ``deterministic``, ``foreground``, ``grad_clip``, ``into``, ``log_every``, ``loss``, ``mode``, ``monitor``,
        ``num_threads``, ``optimizer``, ``options``, ``patch_size``, ``patches_per_sample``, ``preprocess``,
        ``schedule``, ``splits``, ``validate_every``. A key of its optimizer (`workbench.training.Optimizer`):
        ``betas``, ``lr``, ``momentum``, ``nesterov``, ``weight_decay``. An option of the algorithm
        (``wb.zoo.card("3d-unet")`` lists them), such as ``width=16``, or a named set of them (``variant="small"``).

    Returns
    -------
    Run

    Raises
    ------
    InputError
        If a key, a name or a value is not valid; the message names it and the nearest valid one. If a data set, a
        framework or an algorithm was only registered in this process, so that the run's own does not know it.
    FileError
        If the folder cannot be written.

    Examples
    --------
    >>> cells = wb.datasets.load("phantom-cells", task="segmentation", n=6, size=32)
    >>> run = wb.train("2d-unet", data=cells, epochs=2, batch_size=2, lr=1e-3, width=4, depth=2)
    >>> run.wait().state
    'finished'
    """
    from workbench.training.assembly import rehearse

    given = {
        "algorithm": algorithm,
        "framework": framework,
        "device": device,
        "epochs": epochs,
        "seed": seed,
        "freeze": (freeze,) if isinstance(freeze, str) else freeze,
    }
    values = {**overrides, **{key: value for key, value in given.items() if value is not None}}
    called = check_name(name, "run")
    made, dataset = compose(recipe, data, values)
    check_reachable(made)
    begin_from = _beginning(made, init)
    rehearse(made, dataset, begin_from)
    path = new_folder(folder, made.algorithm)
    run = _lay_out(path, made, dataset, begin_from, placement)
    if called:
        run.rename(called)
    remember(path.parent)
    start(run)
    return run


@checked("wb.training.plan()")
def plan(
    recipe: str | Path | Mapping[str, Any] | Recipe | None = None, data: str | Dataset | None = None, **overrides: Any
) -> Recipe:
    """Return the recipe that `train` would follow, with the reasons of what was proposed, and start nothing.

    Parameters
    ----------
    recipe, data, **overrides
        As for `train`.

    Returns
    -------
    Recipe
        A notebook shows it as a table; ``recipe.reasons`` has the reasons by key. It can be changed, written to a file,
        and given to `train`.

    Raises
    ------
    InputError
        As for `train`.

    Examples
    --------
    >>> few = wb.datasets.load("phantom-ct", n=4, size=16)
    >>> recipe = wb.training.plan("3d-unet", few)
    >>> recipe.batch_size, recipe.reasons["batch_size"]
    (2, '2 cases to learn from')
    """
    composed, _ = compose(recipe, data, overrides)
    return composed


def fit(recipe: Recipe, folder: str | Path) -> Run:
    """Train in this process, and return when it is over: for tests and measurements.

    What the recipe sets for a whole process (threads, exactness) is afterwards as it was.

    Parameters
    ----------
    recipe : Recipe
        A complete recipe, with data and splits.
    folder : str or Path
        The run directory; one that exists is taken up from its last checkpoint.
    """
    from workbench import frameworks
    from workbench.jobs.lock import JobLock
    from workbench.jobs.worker import work

    folder = Path(folder).resolve()
    run = Run(folder) if (folder / RECIPE).exists() else create(folder, recipe)
    lock = JobLock(folder, "run")
    lock.acquire()
    try:
        with frameworks.get(recipe.framework).unconfigured():
            work(folder)
    finally:
        lock.release()
    return run


def _beginning(recipe: Recipe, init: str | Path | Model | Run | None) -> Path | Model | None:
    """Return the file or the model with the weights to start from, if there are to be any.

    Raises
    ------
    InputError
        If it is neither a file, a model nor a run; or `into` is given without.
    """
    from workbench.zoo import Model
    from workbench.zoo.shipped import place_of

    given = recipe.init if init is None else init
    if given is None:
        if recipe.into is not None:
            raise InputError(
                f"into={recipe.into!r} says where the weights of init= go, but init is not given. Give init= (a file, "
                "a model or a run), or leave into= out."
            )
        return None
    if isinstance(given, Model):
        return given
    if isinstance(given, Run):
        return given.checkpoint().model_path
    if not isinstance(given, str | Path):
        raise InputError(f"init must be a model file, a model or a run, got {type(given).__name__}.")
    path = place_of(given).resolve()
    if not path.is_file():
        raise InputError(f"init must be a model file, a model or a run; there is no file {given}.")
    return path


def _lay_out(
    path: Path, recipe: Recipe, dataset: Dataset, begin_from: Path | Model | None, placement: Placement = HERE
) -> Run:
    if begin_from is not None:
        recipe.init = str(begin_from if isinstance(begin_from, Path) else path / _INIT)
    run = create(path, recipe, placement)
    if begin_from is not None and not isinstance(begin_from, Path):
        begin_from.save(path / _INIT)
    if not recipe.data:
        recipe.data = dataset.save(path / DATA)
        recipe.write(path / RECIPE)
    return run
