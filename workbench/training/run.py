"""Run: a training run seen from outside; what it has beyond every job. Everything is read from its directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from workbench.errors import FileError, InputError, StateError
from workbench.jobs.beginning import laying_out
from workbench.jobs.files import read_json, write_json
from workbench.jobs.job import Job
from workbench.jobs.kind import KINDS, JobKind
from workbench.jobs.resources import HERE, Placement
from workbench.jobs.status import ENDED, said
from workbench.signatures import checked
from workbench.training.checkpoint import Checkpoint, Checkpoints
from workbench.training.metrics import Cursor, Follow, follow, read_metrics
from workbench.training.needs import needs_of
from workbench.training.recipe import Recipe
from workbench.training.status import Status
from workbench.training.store import CHECKPOINTS, MANIFEST, METRICS, RECIPE

if TYPE_CHECKING:
    from workbench.zoo import Model

_KIND = "training"
_ENDED_AS = {"stopped": "was stopped", "failed": "failed", "lost": "was interrupted", "finished": "ended"}


class Run(Job):
    """A training run.

    The run directory is the only truth: a Run can be made from it at any time, in any process, while the worker works
    or long after. A Run reads; the one thing it writes is a request (``control.json``).

    Parameters
    ----------
    path : str or Path
        The run directory.

    Raises
    ------
    FileError
        If `path` is not a run directory.

    Examples
    --------
    >>> data = wb.datasets.load("phantom-ct", n=6, size=16)
    >>> run = wb.train("3d-unet", data=data, epochs=2, width=4, depth=2)
    >>> run.wait().model().predict(data[0]["image"]).shape
    (16, 16, 16)
    >>> [step["kind"] for step in run.metrics()][-1], run.recipe.epochs
    ('epoch', 2)
    """

    def _find_kind(self) -> JobKind:
        if not (self.path / RECIPE).is_file():
            raise FileError(f"A run folder must hold {RECIPE}; {self.path} does not. `wb.runs(folder)` lists runs.")
        return KINDS.get(_KIND)

    @property
    def data_name(self) -> str:
        """Name of the data set that it learns from."""
        known = self.manifest.get("data") or self.recipe.data
        return str(known.get("name", "data in memory"))

    @property
    def recipe(self) -> Recipe:
        """Everything that decides this run."""
        return Recipe(**read_json(self.path / RECIPE))

    @property
    def manifest(self) -> dict[str, Any]:
        """Versions, device, checksum of the data, splits and seeds, as the worker found them."""
        return dict(read_json(self.path / MANIFEST) or {})

    @property
    def init_report(self) -> dict[str, Any] | None:
        """Which layers fine-tuning took over, which it did not and why; None for training from scratch."""
        report = self.manifest.get("init")
        return dict(report) if report else None

    def metrics(self) -> list[dict[str, Any]]:
        """Return all lines of the metrics: of kind ``step`` and of kind ``epoch``."""
        return read_metrics(self.path / METRICS)

    @checked("run.follow()")
    def follow(self, cursor: Cursor | None = None) -> Follow:
        """Return what was added to the metrics since `cursor`; costs no more than the new lines."""
        return follow(self.path / METRICS, cursor)

    def checkpoints(self) -> list[Checkpoint]:
        """Return the checkpoints there are, oldest first."""
        return Checkpoints(self.path).all()

    @checked("run.resume()")
    def resume(self, epochs: int | None = None) -> Self:
        """Go on from the last checkpoint in a new worker, and return at once.

        Parameters
        ----------
        epochs : int or None
            A new total number of epochs, to extend (or shorten) the run.

        Raises
        ------
        InputError
            If more than so many epochs are done already.
        StateError
            If a worker is at it (the message tells its pid), or the run is finished and `epochs` adds nothing.
        """
        status, recipe = self._free(), self.recipe
        total = recipe.epochs if epochs is None else epochs
        if total < 1:
            raise InputError(f"A run has at least 1 epoch, got epochs={epochs}.")
        if status["state"] == "finished" and total <= recipe.epochs:
            raise StateError(
                f"Run {self.id} is finished: {recipe.epochs} epochs are done. "
                f"To go on, ask for more: resume(epochs={2 * recipe.epochs})."
            )
        if epochs is not None and total < (begun := self._epochs_begun()):
            raise InputError(
                f"epochs must be at least {begun}, as many as run {self.id} has begun, got {epochs}. Its weights after "
                f"an earlier epoch are run.model(epoch=...); a shorter run is a new wb.train(epochs={epochs})."
            )
        return self._start({} if epochs is None else {"epochs": epochs})

    @checked("run.checkpoint()")
    def checkpoint(self, epoch: int | str | None = None) -> Checkpoint:
        """Return the checkpoint of an epoch: a number, ``"best"``, ``"last"``, or None for the best there is.

        The weights that the run began with are those of epoch 0, and are to be asked for by that number.

        Raises
        ------
        InputError
            If there is no such checkpoint.
        StateError
            If no epoch is asked for by number, and nothing was learned yet; the message says what to do.
        """
        checkpoints = Checkpoints(self.path)
        found = checkpoints.all()
        if isinstance(epoch, int) and not isinstance(epoch, bool):
            return checkpoints.at(epoch)
        if epoch not in (None, "best", "last"):
            raise InputError(f'epoch must be a number, "best" or "last", got {epoch!r}.')
        if not any(one.learned for one in found):
            raise StateError(self._learned_nothing(any(one.position.epoch == 0 for one in found)))
        best = found[-1].position.best_epoch
        if epoch == "last" or (epoch is None and best is None):
            return found[-1]
        if best is None:
            raise InputError(f'Run {self.id} has no best epoch yet: nothing was validated. Ask for epoch="last".')
        return checkpoints.at(best)

    @checked("run.model()")
    def model(
        self, epoch: int | str | None = None, *, framework: str | None = None, device: str | None = None
    ) -> Model:
        """Return the model as it was after an epoch.

        Parameters
        ----------
        epoch : int, str or None
            A number of epochs (0: as it began), ``"best"`` (on the validation split), ``"last"``; None takes the best
            if there is one.
        framework, device : str or None
            Where to load it (None: as it was trained).

        Raises
        ------
        InputError, StateError
            As for `checkpoint`.
        FileError
            If the checkpoint is damaged.
        """
        from workbench import zoo

        checkpoint, recipe = self.checkpoint(epoch), self.recipe
        checkpoint.verify(checkpoint.model_path.name)
        return zoo.load(checkpoint.model_path, framework=framework or recipe.framework, device=device or recipe.device)

    @overload
    def evaluate(
        self, split: str = "test", epoch: int | str | None = None, *, background: Literal[False] = False
    ) -> dict[str, Any]: ...
    @overload
    def evaluate(
        self, split: str = "test", epoch: int | str | None = None, *, background: Literal[True] | Placement
    ) -> Job: ...
    @checked("run.evaluate()")
    def evaluate(
        self, split: str = "test", epoch: int | str | None = None, *, background: bool | Placement = False
    ) -> dict[str, Any] | Job:
        """Score the model on a split, and keep the scores in ``evaluation-<split>.json``.

        Parameters
        ----------
        split : str
            Name of the split.
        epoch : int, str or None
            As for `model`; in the background, the best or the last there is when it is its turn.
        background : bool or Placement
            Whether a process of its own does it: the call returns at once with the `Job`, whose result is the scores.

        Returns
        -------
        dict or Job
            Scores; for segmentation ``dice`` (mean over the foreground labels), ``dice/<label>`` each.

        Raises
        ------
        InputError, StateError
            As for `model`; if there is no such split, or nothing in it.
        """
        placement = Placement.of(background)
        if placement:
            from workbench.training.evaluating import begin_evaluation

            return begin_evaluation(self, split, epoch, placement)
        from workbench.training.scoring import evaluate_run

        return evaluate_run(self, split, epoch)

    def _epochs_begun(self) -> int:
        """Return how many epochs the next worker finds begun or done."""
        found = [one.position for one in Checkpoints(self.path).all() if one.resumable]
        return found[-1].epoch + (found[-1].step > 0) if found else 0

    def _learned_nothing(self, begun: bool) -> str:
        """Return why there are no weights yet, and what to do; `begun` tells whether those it began with are there."""
        status = self.status
        start = " run.model(epoch=0) gives the weights that it began with." if begun else ""
        if status["state"] not in ENDED:
            now = said(status["state"])
            return f"Run {self.id} has learned nothing yet: it is {now}. Wait for its first epoch.{start}"
        why = f": {status['cause']} {status['remedy']}" if status["cause"] else ". Go on with resume()."
        return f"Run {self.id} has learned nothing: it {_ENDED_AS[status['state']]} before its first epoch{why}{start}"


def create(folder: Path, recipe: Recipe, placement: Placement = HERE) -> Run:
    """Lay out a run directory: recipe, first status, place for the rest.

    Raises
    ------
    FileError
        If the directory cannot be made or written.
    """
    status = Status(epochs=recipe.epochs, message="The worker is starting.")
    with laying_out(folder, KINDS.get(_KIND), status, needs_of(recipe), placement):
        (folder / CHECKPOINTS).mkdir()
        write_json(folder / RECIPE, recipe.model_dump(mode="json"))
    return Run(folder)
