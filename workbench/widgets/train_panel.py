"""The train panel: start a run, watch it, stop it, resume it, find an earlier one again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import traitlets as t

from workbench import training, zoo
from workbench.datasets import Dataset
from workbench.errors import InputError, StateError, WorkbenchError, choose
from workbench.training import Run
from workbench.widgets._watch import ALIVE, Watcher
from workbench.widgets.code import call, page
from workbench.widgets.model_panel import ModelPanel
from workbench.widgets.panel import Panel, bundle

_NO_DATA = "Load a data set first"
_NO_MODEL = "Choose an algorithm first"
_NO_WEIGHTS = "Choose weights to go on from in the model panel: a file or a run"
#: Runs that are offered; reading the status of each takes about a millisecond.
_MOST_RUNS = 50


class TrainPanel(Panel):
    """Starts runs and watches one of them.

    Parameters
    ----------
    model : ModelPanel
        Which algorithm on which device, and the weights that fine-tuning goes on from.
    data : callable
        Returns the data set to train on, or None.
    folder : path, optional
        Where runs are kept; the default folder of `workbench.train` otherwise.

    Attributes
    ----------
    run : Run or None
        The run that is watched.
    """

    _esm = bundle("train_panel")
    _css = bundle("train_panel", "css")

    mode = t.Enum(("new", "tune"), "new").tag(sync=True)
    epochs = t.Int(5, min=1).tag(sync=True)
    batch_size = t.Int(4, min=1).tag(sync=True)
    learning_rate = t.Float(1e-3, min=0.0).tag(sync=True)
    seed = t.Int(0, min=0).tag(sync=True)
    freeze = t.Unicode("", help="Patterns of layers that are not trained, separated by commas").tag(sync=True)
    runs = t.List(t.Dict()).tag(sync=True)
    run_id = t.Unicode("").tag(sync=True)
    run_state = t.Dict().tag(sync=True)
    blocked = t.Unicode("", help="Why no run can be started yet").tag(sync=True)

    actions: ClassVar = {"start": "start", "stop": "stop", "resume": "resume"}
    quick: ClassVar = Panel.quick | {"stop"}

    def __init__(
        self,
        model: ModelPanel,
        data: Callable[[], Dataset | None],
        folder: Any = None,
        **traits: Any,
    ) -> None:
        self._model, self._data, self._folder = model, data, folder
        self.run: Run | None = None
        self._watcher: Watcher | None = None
        self._known: dict[str, Run] = {}
        self._defaults_of: tuple[str, str] = ("", "")
        self._checkpoints = 0
        self._started: tuple[str, dict[str, Any], str] | None = None
        self._listeners: list[Callable[[Run], None]] = []
        super().__init__(**traits)
        model.on_change(self.check)
        self.list_runs()
        self.check()

    def on_checkpoint(self, callback: Callable[[Run], None]) -> None:
        """Call `callback` with the run whenever its weights are newer than before (in a thread of the kernel)."""
        self._listeners.append(callback)

    # -- what can be done ---------------------------------------------------------------------------------

    def check(self) -> None:
        """Say what is missing before a run can be started, and offer what the algorithm's recipe suggests."""
        self.blocked = self._missing()
        algorithm = self._model.algorithm
        if algorithm and (algorithm, "recipe") != self._defaults_of:
            self._defaults_of = (algorithm, "recipe")
            self._suggest(zoo.algorithm(algorithm).task.default_recipe())

    def list_runs(self) -> list[Run]:
        """Look for earlier runs in the runs folder, and offer them."""
        found = list(training.runs(self._folder)[:_MOST_RUNS])
        self._known |= {run.id: run for run in found}
        rows = []
        for run in found:
            alive = False
            try:
                state = run.state
                label, alive = f"{run_label(run.id)}, {state}", state in ALIVE
            except WorkbenchError as error:
                label = f"{run_label(run.id)}, unreadable: {error}"
            rows.append({"value": run.id, "label": label, "alive": alive})
        self.runs = rows
        self._model.offer_runs(
            [(str(row["value"]), str(row["label"]), run) for row, run in zip(rows, found, strict=True)]
        )
        return found

    # -- work ---------------------------------------------------------------------------------------------

    def start(self, epochs: int | None = None, **overrides: Any) -> Run:
        """Start a run in a process of its own, and return at once.

        Parameters
        ----------
        epochs : int, optional
            How often each training case is seen; what the panel says by default.
        **overrides
            Anything else that `workbench.train` takes.

        Raises
        ------
        StateError
            If no data set or algorithm is chosen, or a run is under way.
        """
        if epochs is not None:
            self.epochs = epochs
        with self.working("Starting the run"):
            missing = self._missing()
            if missing:
                raise StateError(f"{missing}.")
            if self.run is not None and self.run.state in ALIVE:
                raise StateError(f"Run {self.run.id} is {self.run.state}. Stop it first, or wait for it to end.")
            arguments = {**self._arguments(), **overrides}
            run = training.train(data=self._data(), folder=self._folder, **arguments)
            self._started = (run.id, arguments, self.data_code())
            self.watch(run)
        return run

    def stop(self) -> None:
        """Ask the run to stop after the step under way."""
        self._need_run().stop()
        self._refresh()

    def resume(self, epochs: int | None = None) -> Run:
        """Go on with the run where it stopped."""
        with self.working("Resuming the run"):
            run = self._need_run().resume(epochs)
            self.watch(run)
        return run

    def watch(self, run: Run | str) -> Run:
        """Show a run, and keep showing it while it is alive.

        Raises
        ------
        InputError
            If there is no run of that name.
        """
        if isinstance(run, str):
            run = self._known[choose(run, self._known, "run")]
        if self._watcher is not None:
            self._watcher.close()
        self.run, self._checkpoints = run, 0
        self._known[run.id] = run
        self.run_id = run.id
        self.list_runs()
        self._watcher = Watcher(run, self._told).start()
        return run

    def snippet(self) -> str:
        """Return code that starts the run that is shown again, or the one that Start would start, as ``run``."""
        if self.run is not None and (self._started is None or self._started[0] != self.run.id):
            # It was started elsewhere: its folder says all there is to know, its data included.
            where = str(self.run.path)
            return f"from workbench.training import Run\n\nrun = wb.train(Run({where!r}).recipe)"
        if self.run is None and self._missing():
            return f"# {self._missing()}."
        _, arguments, data = self._started or ("", self._arguments(), self.data_code())
        name = repr(arguments["algorithm"])
        rest = {key: value for key, value in arguments.items() if key != "algorithm"}
        return f"{data}\n\n{call('run', 'wb.train', f'{name}, data=data', **rest)}"

    def code(self) -> str:
        """Return code that starts the run again."""
        return page(self.snippet(), show="run" if self.run is not None or not self._missing() else "")

    data_code: Callable[[], str] = staticmethod(lambda: "data = ...  # the data set")

    # -- inside -------------------------------------------------------------------------------------------

    def _missing(self) -> str:
        if self._data() is None:
            return _NO_DATA
        if not self._model.algorithm:
            return _NO_MODEL
        if self.mode == "tune" and self._model.weights == "new":
            return _NO_WEIGHTS
        return ""

    def _arguments(self) -> dict[str, Any]:
        """Return what the panel says, as arguments of `workbench.train`."""
        model = self._model
        arguments: dict[str, Any] = {
            "algorithm": model.algorithm,
            "framework": model.framework,
            "device": model.device,
            "epochs": self.epochs,
            "seed": self.seed,
            "batch_size": self.batch_size,
            "lr": self.learning_rate,
            **model.values(),
        }
        if self.mode == "tune":
            arguments["init"] = model.file or str(model.run.checkpoint().model_path)  # type: ignore[union-attr]
            patterns = tuple(part.strip() for part in self.freeze.split(",") if part.strip())
            if patterns:
                arguments["freeze"] = patterns
        return arguments

    def _suggest(self, recipe: dict[str, Any]) -> None:
        self.epochs = int(recipe.get("epochs", self.epochs))
        self.batch_size = int(recipe.get("batch_size", self.batch_size))
        self.learning_rate = float((recipe.get("optimizer") or {}).get("lr", self.learning_rate))

    def _need_run(self) -> Run:
        if self.run is None:
            raise StateError("There is no run. Start one, or choose an earlier one.")
        return self.run

    def _refresh(self) -> None:
        if self._watcher is not None:
            self._watcher.refresh()

    def _told(self, now: dict[str, Any]) -> None:
        before = self.run_state.get("state")
        self.run_state = now
        self.note = now["line"].split(",")[0] if now["state"] in ALIVE else now["state"]
        if self.run is None:
            return
        ended = now["state"] not in ALIVE
        count = len(self.run.checkpoints())
        if count and (count != self._checkpoints or (ended and before in ALIVE)):
            self._checkpoints = count
            for listener in tuple(self._listeners):
                listener(self.run)
        if before != now["state"]:
            self.list_runs()

    @t.observe("mode")
    def _mode_changed(self, _change: Any) -> None:
        self.check()

    @t.observe("run_id")
    def _run_chosen(self, change: Any) -> None:
        if change["new"] and (self.run is None or self.run.id != change["new"]):
            if change["new"] not in self._known:
                raise InputError(f"There is no run {change['new']!r}. `wb.runs()` lists them.")
            self.watch(change["new"])


def run_label(name: str) -> str:
    """Return a short form of a run's name: ``3d-unet 21.11. 14:03`` for ``20261121-140312-3d-unet-8358``."""
    date, _, rest = name.partition("-")
    clock, _, rest = rest.partition("-")
    if not (len(date) == 8 and len(clock) == 6 and (date + clock).isdigit()):
        return name  # a folder that somebody has renamed
    return f"{rest.rpartition('-')[0] or rest} {date[6:]}.{date[4:6]}. {clock[:2]}:{clock[2:4]}"
