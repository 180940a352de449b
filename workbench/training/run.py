"""Run: a directory and a process, seen from outside. Everything here is read from the directory."""

from __future__ import annotations

import contextlib
import subprocess
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import FileError, InputError, StateError, told_keywords
from workbench.training import display
from workbench.training.checkpoint import Checkpoint, Checkpoints
from workbench.training.launch import launch
from workbench.training.lock import Owner, holder
from workbench.training.metrics import Cursor, Follow, follow, read_metrics
from workbench.training.recipe import Recipe
from workbench.training.status import ENDED, Status, read_status, read_tail, said
from workbench.training.store import (
    CHECKPOINTS,
    CONTROL,
    LOG,
    MANIFEST,
    METRICS,
    NAME,
    RECIPE,
    STATUS,
    read_json,
    write_json,
)

if TYPE_CHECKING:
    from workbench.zoo import Model

_LEAVING_SECONDS = 5.0
_LONGEST_NAME = 80
_ENDED_AS = {"stopped": "was stopped", "failed": "failed", "lost": "was interrupted", "finished": "ended"}
# Kept so that a worker that ended is buried by its parent and does not stay behind as a zombie.
_started: dict[Path, subprocess.Popen[bytes]] = {}


class Run:
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

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).resolve()
        if not (self.path / RECIPE).is_file():
            raise FileError(f"A run folder must hold {RECIPE}; {self.path} does not. `wb.runs(folder)` lists runs.")

    @property
    def id(self) -> str:
        """Name of the run directory."""
        return self.path.name

    @property
    def name(self) -> str:
        """What a person calls it; empty where no name was given."""
        return str((read_json(self.path / NAME) or {}).get("name", ""))

    @told_keywords("run.rename()")
    def rename(self, name: str) -> Run:
        """Give the run a name for lists, or take it away with ``""``; its folder keeps its own.

        Raises
        ------
        InputError
            If it is longer than a line.
        """
        write_json(self.path / NAME, {"name": check_name(name)})
        return self

    @property
    def data_name(self) -> str:
        """Name of the data set that it learns from."""
        known = self.manifest.get("data") or self.recipe.data
        return str(known.get("name", "data in memory"))

    @property
    def title(self) -> str:
        """What tells it from others in a word or two: its name, or algorithm and data set."""
        return self.name or f"{self.recipe.algorithm} on {self.data_name}"

    @property
    def recipe(self) -> Recipe:
        """Everything that decides this run."""
        return Recipe(**read_json(self.path / RECIPE))

    @property
    def status(self) -> dict[str, Any]:
        """Where the run stands now; see `workbench.training.Status` for the fields."""
        _bury()
        return read_status(self.path)

    @property
    def state(self) -> str:
        """One of created, running, stopping, stopped, finished, failed, lost; people are told lost as interrupted."""
        return str(self.status["state"])

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

    @told_keywords("run.follow()")
    def follow(self, cursor: Cursor | None = None) -> Follow:
        """Return what was added to the metrics since `cursor`; costs no more than the new lines."""
        return follow(self.path / METRICS, cursor)

    @told_keywords("run.log()")
    def log(self, size: int = 100_000) -> str:
        """Return the last `size` bytes of what the worker printed."""
        return read_tail(self.path / LOG, size)

    def checkpoints(self) -> list[Checkpoint]:
        """Return the checkpoints there are, oldest first."""
        return Checkpoints(self.path).all()

    def stop(self) -> Run:
        """Ask the worker to stop after the step under way and write a checkpoint; nothing happens to an ended run."""
        if self.state not in ENDED:
            write_json(self.path / CONTROL, {"command": "stop", "time": time.time()}, durable=False)
        return self

    @told_keywords("run.resume()")
    def resume(self, epochs: int | None = None) -> Run:
        """Go on from the last checkpoint in a new worker, and return at once.

        Parameters
        ----------
        epochs : int or None
            A new total number of epochs, to extend (or shorten) the run.

        Raises
        ------
        StateError
            If a worker is at it (the message tells its pid), or the run is finished and `epochs` adds nothing.
        """
        status, recipe = self.status, self.recipe
        owner = self._released_by() if status["state"] in ENDED else holder(self.path)
        if owner is not None or status["state"] not in ENDED:
            who = f"process {owner.pid} on {owner.host}" if owner else "a worker that is just starting"
            raise StateError(
                f"Run {self.id} is {status['state']}: {who} works on it. stop() it first, or wait() for it to end."
            )
        total = recipe.epochs if epochs is None else epochs
        if total < 1:
            raise InputError(f"A run has at least 1 epoch, got epochs={epochs}.")
        if status["state"] == "finished" and total <= recipe.epochs:
            raise StateError(
                f"Run {self.id} is finished: {recipe.epochs} epochs are done. "
                f"To go on, ask for more: resume(epochs={2 * recipe.epochs})."
            )
        (self.path / CONTROL).unlink(missing_ok=True)
        _started[self.path] = launch(self.path, recipe, epochs)
        return self

    @told_keywords("run.wait()")
    def wait(self, timeout: float | None = None) -> Run:
        """Wait until the run has ended, one way or the other; interrupting ends the waiting, not the run.

        Parameters
        ----------
        timeout : float or None
            Longest time to wait, in seconds.

        Raises
        ------
        StateError
            If it has not ended by then.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = 0.02
        while self.state not in ENDED:
            if deadline is not None and time.monotonic() > deadline:
                raise StateError(f"Run {self.id} is still {self.state} after {timeout:g} s. Wait longer, or stop() it.")
            time.sleep(pause)
            pause = min(0.25, pause * 1.5)
        self._released_by()
        worker = _started.get(self.path)
        if worker is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.wait(_LEAVING_SECONDS)
        return self

    @told_keywords("run.checkpoint()")
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

    @told_keywords("run.model()")
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

    @told_keywords("run.evaluate()")
    def evaluate(self, split: str = "test", epoch: int | str | None = None) -> dict[str, Any]:
        """Score the model on a split, and keep the scores in ``evaluation-<split>.json``.

        Parameters
        ----------
        split : str
            Name of the split.
        epoch : int, str or None
            As for `model`.

        Returns
        -------
        dict
            Scores; for segmentation ``dice`` (mean over the foreground labels), ``dice_<label>`` each.
        """
        from workbench.training.scoring import evaluate_run

        scores = evaluate_run(self, split, epoch)
        write_json(self.path / f"evaluation-{split}.json", scores)
        return scores

    def _learned_nothing(self, begun: bool) -> str:
        """Return why there are no weights yet, and what to do; `begun` tells whether those it began with are there."""
        status = self.status
        start = " run.model(epoch=0) gives the weights that it began with." if begun else ""
        if status["state"] not in ENDED:
            now = said(status["state"])
            return f"Run {self.id} has learned nothing yet: it is {now}. Wait for its first epoch.{start}"
        why = f": {status['cause']} {status['remedy']}" if status["cause"] else ". Go on with resume()."
        return f"Run {self.id} has learned nothing: it {_ENDED_AS[status['state']]} before its first epoch{why}{start}"

    def _released_by(self) -> Owner | None:
        """Return who still holds the run after giving a worker that has said its last word time to leave."""
        deadline = time.monotonic() + _LEAVING_SECONDS
        while (owner := holder(self.path)) is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        return owner

    def __repr__(self) -> str:
        status = self.status
        named = f" ({self.name})" if self.name else ""
        text = f"Run {self.id}{named}: {said(status['state'])}, epoch {status['epoch']}/{status['epochs']}"
        if status["best_epoch"] is not None and status["best_score"] is not None:
            text += f", best {status['best_score']:.4f} at epoch {status['best_epoch']}"
        if status["cause"]:
            text += f"\n  cause:  {status['cause']}\n  remedy: {status['remedy']}"
        return text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    def _repr_mimebundle_(self, **_: Any) -> Any:
        return display.mimebundle(self)


def check_name(name: str) -> str:
    """Return the name of a run without space around it.

    Raises
    ------
    InputError
        If it is not text of one line of at most 80 characters.
    """
    if not isinstance(name, str) or len(name.strip()) > _LONGEST_NAME or len(name.strip().splitlines()) > 1:
        raise InputError(f"The name of a run is one line of at most {_LONGEST_NAME} characters, got {name!r}.")
    return name.strip()


def create(folder: Path, recipe: Recipe) -> Run:
    """Lay out a run directory: recipe, first status, place for the rest.

    Raises
    ------
    FileError
        If the directory cannot be made or written.
    """
    try:
        # a run holds paths, pictures and copies of data in memory: on a machine of many users it is its owner's alone
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        (folder / CHECKPOINTS).mkdir()
        write_json(folder / RECIPE, recipe.model_dump(mode="json"))
        write_json(folder / STATUS, asdict(Status(epochs=recipe.epochs, message="The worker is starting.")))
    except OSError as error:
        raise FileError(
            f"A run folder must be new and writable; {folder} is not ({error.strerror or error}). "
            "Choose another one with folder=, or set WORKBENCH_RUNS."
        ) from error
    return Run(folder)


def start(run: Run) -> Run:
    """Start the first worker of a run."""
    _started[run.path] = launch(run.path, run.recipe)
    return run


def _bury() -> None:
    for path, process in list(_started.items()):
        if process.poll() is not None:
            del _started[path]
