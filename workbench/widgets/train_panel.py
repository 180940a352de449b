"""The train panel: start a run, watch it, stop it, resume it, find an earlier one again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import psutil
import traitlets as t

from workbench import training, zoo
from workbench._words import size, span
from workbench.errors import InputError, StateError, choose
from workbench.jobs.files import check_name
from workbench.jobs.places import runs_folder
from workbench.jobs.status import ALIVE
from workbench.parameters import Parameter, Schema
from workbench.training import Run
from workbench.training.finetune import trainable_names
from workbench.widgets import _options
from workbench.widgets._run_list import rows
from workbench.widgets._train_forms import (
    FIELDS,
    patterns,
    plan_rows,
    proposed,
    proposing,
    reasons,
    run_facts,
    train_code,
)
from workbench.widgets._watch import Watcher, learned
from workbench.widgets.code import page, path_code
from workbench.widgets.desk import Desk
from workbench.widgets.desk_panel import DeskPanel, Picture
from workbench.widgets.messages import RunOffer, RunSnapshot, TableRows, synced
from workbench.widgets.panel import bundle
from workbench.widgets.run_pictures import curves
from workbench.zoo.planning import UNKNOWN, Facts, Plan

#: More epochs than this, or more cases in a step, are asked about before they are started.
_MANY_EPOCHS, _MANY_CASES = 1000, 64


class TrainPanel(DeskPanel):
    """Starts runs and watches one of them.

    Attributes
    ----------
    run : Run or None
        The run that is watched.
    epochs, batch_size, learning_rate, seed : int, int, float, int
        As in a recipe; what the algorithm's own suggests at first.
    freeze : str
        Patterns of layers that are not trained, separated by commas.
    called_run : str
        What the next run is to be called.
    """

    called: ClassVar = "train"
    order: ClassVar = 3

    _esm = bundle("train_panel")
    _css = bundle("train_panel", "css")

    form = synced(list[Schema], t.List(t.Dict()))
    mode = t.Enum(("new", "tune"), "new").tag(sync=True)
    epochs = t.Int(5).tag(sync=True)
    batch_size = t.Int(4).tag(sync=True)
    learning_rate = t.Float(1e-3).tag(sync=True)
    seed = t.Int(0).tag(sync=True)
    freeze = t.Unicode("").tag(sync=True)
    called_run = t.Unicode("").tag(sync=True)
    runs = synced(list[RunOffer], t.List(t.Dict()))
    run_id = t.Unicode("").tag(sync=True)
    run_state = synced(RunSnapshot, t.Dict())
    blocked = t.Unicode("", help="Why no run can be started yet").tag(sync=True)
    why = synced(dict[str, str], t.Dict(help="Why fields hold what is proposed, by name"))

    actions: ClassVar = {
        "start": "start_asked",
        "stop": "stop",
        "resume": "resume",
        "show": "show",
        "rename": "rename",
        "refresh": "list_runs",
    }
    quick: ClassVar = DeskPanel.quick | {"stop", "rename"}
    questions: ClassVar = {"plan": "planned"}

    def __init__(self, desk: Desk | None = None, **traits: Any) -> None:
        self._watcher: Watcher | None = None
        self._known: dict[str, Run] = {}
        self._suggested = ""
        self._plan = Plan()
        self._checkpoints = 0
        self._started: dict[str, tuple[dict[str, Any], str]] = {}
        self._listeners: list[Callable[[Run], None]] = []
        super().__init__(desk, form=_options.schemas(FIELDS), **traits)
        self.desk.observe(self._desk_changed, ["case", "choice"])
        self.desk.observe(self._run_changed, "run")
        self.list_runs()
        self.check()

    @property
    def run(self) -> Run | None:
        """The run that is watched."""
        return self.desk.run  # type: ignore[no-any-return]

    def on_checkpoint(self, callback: Callable[[Run], None]) -> None:
        """Call `callback` with the run whenever its weights are newer than before (in a thread of the kernel)."""
        self._listeners.append(callback)

    # -- what can be done ---------------------------------------------------------------------------------

    def check(self) -> None:
        """Say what is missing before a run can be started, and offer what the algorithm's recipe suggests."""
        choice, case = self.desk.choice, self.desk.case
        if choice is not None and choice.made is None:
            facts = Facts.of(case.dataset, look=False) if case is not None and case.dataset is not None else UNKNOWN
            self._plan = zoo.algorithm(choice.algorithm).plan(facts)
            if choice.algorithm != self._suggested:
                self._suggested = choice.algorithm
                for name, value in proposed(self._plan).items():
                    setattr(self, name, value)
            self._tell_why()
        self.blocked = self.desk.cannot_train(tune=self.mode == "tune") or next(iter(self.faults.values()), "")

    def planned(self) -> TableRows:
        """Return the recipe that Start would follow, with the reason of each value that is proposed."""
        missing = self.desk.cannot_train(tune=self.mode == "tune")
        if missing:
            raise StateError(f"{missing}.")
        return plan_rows(self.desk.case.dataset, self._arguments())

    def list_runs(self) -> list[Run]:
        """Look for runs, wherever they were started, and offer them."""
        folder = self.desk.folder
        # a folder that is named is made with its first run
        there = folder is None or runs_folder(folder).is_dir()
        listed = rows(training.runs(folder)) if there else []
        self._known |= {run.id: run for _, run in listed}
        self.runs = [row for row, _ in listed]
        self.desk.runs = listed
        return [run for _, run in listed]

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
        InputError
            If a field of the panel is wrong.
        """
        if epochs is not None:
            self.epochs = epochs
        with self.working("Starting the run"):
            self._check_ready()
            arguments = {**self._arguments(), **overrides}
            run = training.train(data=self.desk.case.dataset, folder=self.desk.folder, **arguments)
            self._started[run.id] = (arguments, self.desk.case.code)
            self.desk.awaited = run
            self.watch(run)
        return run

    def start_asked(self) -> None:
        """Start a run as a click asks for: one that would take very long or much memory is asked about first."""
        with self.working("Looking at what it would take", cancellable=True) as work:
            self._check_ready()
            if self.epochs <= _MANY_EPOCHS and self.batch_size <= _MANY_CASES:
                large = None
            else:
                arguments = {key: value for key, value in self._arguments().items() if key not in ("init", "name")}
                data = self.desk.case.dataset
                large = work.apart(lambda: training.estimate(data=data, cancelled=lambda: work.cancelled, **arguments))
        if large is None:
            self.start()
            return
        there = psutil.virtual_memory().total
        text = (
            f"It would take about {span(large.seconds)} and {size(large.memory)} of memory; this machine has "
            f"{size(there)}. Estimated: {large.measured}."
        )
        self.ask("This run would be very large.", text, "Start it", self.start if large.memory < there else None)

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

    def rename(self, name: str) -> Run:
        """Give the run that is shown a name for lists."""
        run = self._need_run().rename(name)
        self._refresh()
        self.list_runs()
        return run

    def watch(self, run: Run | str) -> Run:
        """Show a run, and keep showing it while it is alive; the rest of the desk stays as it is.

        Raises
        ------
        InputError
            If there is no run of that name.
        """
        found = self._known[choose(run, self._known, "run")] if isinstance(run, str) else run
        if self.desk.run == found and self._watcher is not None:
            # it may have been resumed: a watcher ends when its run has ended
            self._watcher.start()
        self.desk.run = found
        return found

    def show(self, run: Run | str) -> Run:
        """Show a run with all that belongs to it: its data, its model, what was typed into the forms.

        Raises
        ------
        InputError
            If there is no run of that name.
        """
        found = self._known[choose(run, self._known, "run")] if isinstance(run, str) else run
        with self.working("Putting the run on the desk", cancellable=True):
            for panel in self.desk.panels:
                panel.restore(found)
        return found

    # -- for the desk -------------------------------------------------------------------------------------

    def restore(self, run: Run) -> None:
        """Fill the form with what a run was started with, and show the run."""
        recipe = run.recipe
        self.mode = "tune" if recipe.init else "new"
        self.epochs, self.batch_size, self.seed = recipe.epochs, recipe.batch_size, recipe.seed
        self.learning_rate, self.freeze = recipe.optimizer.lr, ", ".join(recipe.freeze)
        self._suggested = recipe.algorithm
        self.watch(run)

    def snippet(self) -> str:
        """Return code that finds the run that is shown, as ``run``, or that starts the one that Start would start."""
        run = self.run
        if run is not None:
            found = f"from workbench.training import Run\n\nrun = Run({path_code(run.path)!r})"
            return f"{self._how_it_began(run)}{found}"
        return ""

    def code(self) -> str:
        """Return code that finds the run; while there is none, code that starts it."""
        if self.run is not None:
            return page(self.snippet(), show="run")
        missing = self.desk.cannot_train(tune=self.mode == "tune")
        if missing:
            return page(f"# {missing}.")
        return page(self.desk.case.code, train_code(self._arguments()), show="run")

    def facts(self) -> dict[str, Any]:
        """Return the run that is shown: its state, its recipe in short, its scores."""
        return {} if self.run is None else {"run": run_facts(self.run, self.run_state.get("line", ""))}

    def pictures(self) -> list[Picture]:
        """Return the curves of the run."""
        return curves(self.run_state) if self.run is not None else []

    # -- inside -------------------------------------------------------------------------------------------

    def fields(self) -> dict[str, Parameter]:
        """Return the fields of the form; the default of one is what the form proposes for these data."""
        return proposing(FIELDS, self._plan)

    def filled(self, name: str, value: Any) -> None:
        """Set a field; a name has to fit a line, and what is frozen has to be there."""
        if name == "called_run":
            check_name(value or "")
        if name == "freeze" and self.desk.built is not None:
            names = self.desk.built.framework.parameter_names(self.desk.built.module)
            trainable_names(names, patterns(value or ""))
        super().filled(name, value)

    def _check_ready(self) -> None:
        self.need_no_faults()
        missing = self.desk.cannot_train(tune=self.mode == "tune")
        if missing:
            raise StateError(f"{missing}.")
        if self.run is not None and self.run.state in ALIVE:
            raise StateError(f"Run {self.run.id} is {self.run.state}. Stop it first, or wait for it to end.")

    def _arguments(self) -> dict[str, Any]:
        """Return what the panel says, as arguments of `workbench.train`."""
        choice = self.desk.choice
        arguments: dict[str, Any] = {
            "algorithm": choice.algorithm,
            "framework": choice.framework,
            "device": choice.device,
            "epochs": self.epochs,
            "seed": self.seed,
            "batch_size": self.batch_size,
            "lr": self.learning_rate,
            **choice.options,
        }
        if self.called_run:
            arguments["name"] = self.called_run
        if self.mode == "tune":
            arguments["init"] = choice.weights
            if frozen := patterns(self.freeze):
                arguments["freeze"] = frozen
        return arguments

    def _how_it_began(self, run: Run) -> str:
        """Return the code that started the run as a comment: it is done, and must not be done again unasked."""
        if run.id not in self._started:
            return ""
        arguments, data = self._started[run.id]
        lines = f"{data}\n{train_code(arguments)}".splitlines()
        return "\n".join(["# It was started by:", *(f"# {line}".rstrip() for line in lines)]) + "\n"

    @t.observe("epochs", "batch_size", "learning_rate")
    def _tell_why(self, _change: Any = None) -> None:
        self.why = reasons(self._plan, {name: getattr(self, name) for name in proposed(self._plan)})

    def _need_run(self) -> Run:
        if self.run is None:
            raise StateError("There is no run. Start one, or choose an earlier one.")
        return self.run

    def _refresh(self) -> None:
        if self._watcher is not None:
            self._watcher.refresh()

    def _told(self, now: RunSnapshot) -> None:
        run = self.run
        if run is None or run.id != now["id"]:
            return
        before = self.run_state.get("state")
        self.run_state = now
        self.note = now["line"].split(",")[0] if now["state"] in ALIVE else now["said"]
        ended = now["state"] not in ALIVE
        count = len(learned(run))
        if count and (count != self._checkpoints or (ended and before in ALIVE)):
            self._checkpoints = count
            self.desk.take_weights(run)
            for listener in tuple(self._listeners):
                listener(run)
        if ended and self.desk.awaited == run:
            self.desk.awaited = None
        if before != now["state"]:
            self.list_runs()

    def _desk_changed(self, _change: Any) -> None:
        self.check()

    def _run_changed(self, change: Any) -> None:
        """Follow the run that lies on the desk; put what was told of another one away."""
        run: Run | None = change["new"]
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        self._checkpoints = 0
        if run is None:
            self.run_state, self.run_id, self.note = {}, "", ""
            self.list_runs()
            return
        self._known[run.id] = run
        self.run_id = run.id
        self.list_runs()
        self._watcher = Watcher(run, self._told).start()

    @t.observe("mode", "faults")
    def _mode_changed(self, _change: Any) -> None:
        self.check()

    @t.observe("run_id")
    def _run_chosen(self, change: Any) -> None:
        if change["new"] and (self.run is None or self.run.id != change["new"]):
            if change["new"] not in self._known:
                raise InputError(f"There is no run {change['new']!r}. `wb.runs()` lists them.")
            self.watch(change["new"])

    @t.validate("epochs", "batch_size", "learning_rate", "seed")
    def _check_number(self, proposal: Any) -> Any:
        name = proposal["trait"].name
        value = self.fields()[name].read(proposal["value"])
        self.faults = {key: told for key, told in self.faults.items() if key != name}
        return value
