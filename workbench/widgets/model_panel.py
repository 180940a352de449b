"""The model panel: an algorithm, a framework, a device, options, and where the weights come from."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets as t

from workbench import zoo
from workbench._words import count
from workbench.errors import InputError, StateError
from workbench.widgets import _options, _sizes, fit
from workbench.widgets._files import Listing, listing
from workbench.widgets._model_lists import far, largeness, short
from workbench.widgets._model_offers import ModelOffers
from workbench.widgets._watch import learned
from workbench.widgets.choice import Choice
from workbench.widgets.code import page
from workbench.widgets.demos import Demo
from workbench.widgets.desk import Case, Desk
from workbench.widgets.panel import bundle

if TYPE_CHECKING:
    from workbench.training import Run
    from workbench.zoo import Model

_WEIGHTS = (".safetensors",)


class ModelPanel(ModelOffers):
    """An algorithm with weights on a device.

    Attributes
    ----------
    in_channels, num_classes, classes
        Of new weights; told by the data.
    variant
        The size: ``"full"``, as published, or the name of one of the card's variants. On a CPU ``"small"`` is
        suggested where the card has it. `options` are what differs from it.
    weights : {"new", "trained", "file", "run", "own"}
        Where the weights come from; "own" is a model that `use` was given. All but new ones
        decide the algorithm and its options.

    Examples
    --------
    >>> panel = ModelPanel()
    >>> panel.algorithm = "3d-unet"
    >>> panel.options = {"width": 4, "depth": 2}
    >>> panel.build().name
    '3d-unet'
    """

    called: ClassVar = "model"
    order: ClassVar = 2

    _esm = bundle("model_panel")
    _css = bundle("model_panel", "css")

    misfit = t.Unicode("", help="Why the model cannot be used on what is looked at").tag(sync=True)
    doubt = t.Unicode("", help="What to know of the model on what is looked at").tag(sync=True)

    actions: ClassVar = {"open": "load", "describe": "describe"}
    patient: ClassVar = frozenset({"describe"})
    questions: ClassVar = {"browse": "browse"}

    def __init__(self, desk: Desk | None = None, **traits: Any) -> None:
        self.in_channels, self.num_classes = 1, 2
        self.classes: tuple[str, ...] = ()
        self._source: Any = None
        self._showing = False
        self._sure: Choice | None = None
        #: The thread that answers the page, while it does; whether it left the weights of a network to be counted.
        self._answering: int | None = None
        self._uncounted = False
        self._deciding = threading.RLock()
        super().__init__(desk, **traits)
        self.desk.observe(self._case_changed, "case")
        self.desk.observe(self._choice_changed, "choice")
        self.desk.observe(self._built_changed, "built")
        self.observe(lambda _change: self._describe_chosen(), "devices")
        self._decide()
        if self.desk.case is not None:
            self._case_changed({"new": self.desk.case})

    # -- work ---------------------------------------------------------------------------------------------

    @property
    def model(self) -> Model:
        """The model as it is chosen now; made on first use."""
        return self.build()

    def build(self) -> Model:
        """Make the model as it is chosen now.

        Raises
        ------
        StateError
            If nothing is chosen yet, or the chosen run has no checkpoint.
        MissingExtraError
            If the framework is not installed; the message says which extra brings it.
        """
        secrets = (str(self._file),) if self._file is not None else ()
        with self.working("Building the network", cancellable=True, secrets=secrets) as work:
            if self.weights == "new" and self.algorithm:
                self.values()
            return work.apart(self.desk.model)

    def load(self, path: str | Path) -> Model:
        """Take the model with the weights in a file, or a trained model that comes along by its name.

        Raises
        ------
        FileError
            If it is not a model file.
        """
        text = str(path).strip()
        with self.working("Opening the model", cancellable=True, secrets=(text,)) as work:
            if not text:
                raise InputError("No path was given. Type the path of a .safetensors file made by Model.save.")
            where = {"framework": self.framework, "device": self.device}
            named = text in [one.name for one in zoo.trained()] and isinstance(path, str)

            def open_file() -> tuple[Choice, Model]:
                choice = Choice.of_trained(text, **where) if named else Choice.of_file(path, **where)
                return choice, choice.build()

            choice, model = work.apart(open_file)
            self.desk.choose(choice)
            self.desk.built = model
        return model

    def use_run(self, run: Run) -> None:
        """Take the model of a run: its best checkpoint, or the newest while nothing was validated."""
        self._runs[run.id] = run
        self.desk.choose(Choice.of_run(run))

    @property
    def run(self) -> Run | None:
        """The run the weights come from, if they come from one."""
        return self.desk.choice.run if self.desk.choice is not None else None

    def describe(self) -> None:
        """Build the model, so that the panel can say how large it is."""
        choice = self.desk.choice
        if choice is None or self.desk.built is not None:
            return
        with self.working("Building the network", cancellable=True, yielding=True) as work:
            try:
                work.apart(self.desk.model)
            except InputError as error:
                # options that are each as they should be may not go together
                self.faults = _options.named_in(error, self._known())
                if self.faults:
                    self._decide()
                raise

    def browse(self, folder: str | None = None) -> Listing:
        """Return what lies in a folder, for the file picker of the page."""
        return listing(folder, lambda name: name.lower().endswith(_WEIGHTS))

    # -- for the desk -------------------------------------------------------------------------------------

    def snippet(self) -> str:
        """Return code that makes the model, as ``model``."""
        return self.desk.choice.snippet() if self.desk.choice is not None else ""

    def code(self) -> str:
        """Return code that makes the model."""
        if self.desk.choice is None:
            return page(f"# {self.desk.unready}.")
        return page(self.snippet(), show="model")

    def facts(self) -> dict[str, Any]:
        """Return the model, without paths."""
        return {"model": self.desk.choice.facts()} if self.desk.choice is not None else {}

    def demonstrate(self, demo: Demo) -> None:
        """Take the trained model of a demo."""
        self.load(demo.weights)

    def restore(self, run: Run) -> None:
        """Take the model of a run, or what it began with while it has no weights."""
        if learned(run):
            self.use_run(run)
            return
        recipe = run.recipe
        with self._showing_choice():
            self.weights, self.framework, self.device = "new", recipe.framework, recipe.device
            self.algorithm = recipe.algorithm
            self.variant, self.options = _sizes.recognise(recipe.algorithm, recipe.options)
        self._decide()

    # -- inside: from the form to the desk ----------------------------------------------------------------

    def _decide(self) -> None:
        """Put what the form says on the desk, or why it says nothing."""
        try:
            choice = self._chosen()
        except (StateError, InputError) as error:
            self.withdraw()
            self.desk.choose(None, str(error).rstrip("."))
        else:
            if choice != self._sure and threading.get_ident() == self._answering and far(choice):
                # the kernel would hear no click meanwhile
                self._uncounted = True
                self.withdraw()
                self.desk.choose(None, f"The weights of {choice.card.title} are being counted")
            else:
                self._decide_on(choice)
        self._describe_chosen()

    def _count(self) -> None:
        """Decide in the background what takes seconds to decide, and go on as after any other choice."""
        with self.working("Counting the weights"):
            self._decide()
        self.describe()

    def _decide_on(self, choice: Choice) -> None:
        """Put a choice on the desk; before a very large network is used for anything it is asked."""
        large, faults, held = None, None, ""
        try:
            large = largeness(choice) if choice != self._sure else None
        except InputError as error:
            # options that are each as they should be may not go together
            faults, held = _options.named_in(error, self._known()), str(error).rstrip(".")
        with self._deciding:
            if choice.sized_by_data and not self._is_chosen(choice):
                return  # another was chosen while the weights of this one were counted
            self.withdraw()
            self.faults = faults or self.faults
            if large is not None:
                text, possible = large
                title = f"{choice.card.title} would be very large"
                self.ask(f"{title}.", text, "Use it", (lambda: self.accept_size(choice)) if possible else None)
                held = f"{title}: {text}"
            self.desk.choose(None if held else choice, held)

    def _is_chosen(self, choice: Choice) -> bool:
        with contextlib.suppress(StateError, InputError):
            return self._chosen() == choice
        return False

    def accept_size(self, choice: Choice | None = None) -> None:
        """Use the network that is chosen, however large it is."""
        self._sure = self._chosen() if choice is None else choice
        self._decide()
        self.describe()

    @t.observe("algorithm", "framework", "device", "weights", "trained_name", "run_id", "variant", "options")
    def _form_changed(self, change: Any) -> None:
        if self._showing:
            return
        with self._showing_choice():
            name = change["name"]
            if name == "algorithm":
                # a network of one's own choice has no weights from elsewhere, and no options of another network
                self.weights, self.options = "new", {}
                self.variant = _sizes.suggested(self.algorithm, self.device)
            elif name == "device" and self.variant == _sizes.suggested(self.algorithm, change["old"]):
                self.variant = _sizes.suggested(self.algorithm, self.device)
            elif name == "framework" and not any(
                one["value"] == self.device and one["framework"] == self.framework for one in self.devices
            ):
                self.device = "cpu"
            elif name == "trained_name" and self.trained_name:
                self.weights = "trained"
            elif name == "run_id" and self.run_id:
                self.weights = "run"
            elif name == "weights" and self.weights == "new":
                self._fit_new()
            self.faults = _options.faults(self._known(), self.options) if self.weights == "new" else {}
        self._decide()

    @contextlib.contextmanager
    def _showing_choice(self) -> Iterator[None]:
        """Let the form follow without taking its changes for a person's."""
        before, self._showing = self._showing, True
        try:
            yield
        finally:
            self._showing = before

    # -- inside: from the desk to the form ----------------------------------------------------------------

    def _case_changed(self, change: Any) -> None:
        case: Case = change["new"]
        self._list(case)
        if case is None or self._source is case.source:
            self._describe_chosen()
            return
        self._source = case.source
        chosen = self._file is not None or self._own is not None or self.trained_name or self.run_id
        dropped = self.weights if self.weights != "new" and chosen and self.desk.choice is None else ""
        with self._showing_choice():
            if self.desk.choice is None and self.weights != "new":
                # the desk has put the weights away: they are for other data
                self.weights, self.trained_name, self.run_id = "new", "", ""
                self._file = self._own = None
            if self.weights == "new":
                self._fit_new()
                self.faults = _options.faults(self._known(), self.options)
        self._decide()
        if dropped:
            self.note = f"weights put away ({dropped}): they are for other data"

    def _fit_new(self) -> None:
        """Let new weights be for the data: their channels and classes, an algorithm that fits."""
        case = self.desk.case
        if case is None:
            return
        self.in_channels = case.volume.num_channels
        if case.dataset is not None:
            self.num_classes, self.classes = case.dataset.num_classes, case.classes
        else:
            self.num_classes, self.classes = 2, ()
        fitting = [entry["value"] for entry in self.catalogue if entry["enabled"]]
        if self.algorithm not in fitting:
            self.algorithm = fitting[0] if fitting else ""
            self.options, self.variant = {}, _sizes.suggested(self.algorithm, self.device)

    def _choice_changed(self, change: Any) -> None:
        choice: Choice | None = change["new"]
        self.note = ""
        if choice is not None:
            with self._showing_choice():
                self._follow(choice)
        self._describe_chosen()

    def _follow(self, choice: Choice) -> None:
        self.framework, self.device = choice.framework, choice.device
        if choice.sized_by_data:
            return
        self.faults, self._own = {}, choice.made
        if choice.made is None:
            self.algorithm = choice.algorithm
            self.variant, self.options = _sizes.recognise(choice.algorithm, choice.options)
        self._file, self.trained_name = choice.file, choice.name
        if choice.run is not None:
            self._runs[choice.run.id] = choice.run
        self.run_id = choice.run.id if choice.run is not None else ""
        self.weights = choice.origin

    def _built_changed(self, change: Any) -> None:
        if change["new"] is not None:
            self.note = f"{short(change['new'].num_parameters)} parameters"

    def _describe_chosen(self) -> None:
        self.misfit, self.doubt = self._misfit(), self.desk.doubt()
        choice = self.desk.choice
        if choice is None:
            entry = self._entry()
            self.summary, self.details = (entry["summary"] if entry else ""), ""
            return
        channels, classes = count(choice.in_channels, "channel"), count(choice.num_classes, "class")
        self.summary = choice.card.summary
        self.details = f"{channels} in, {classes} out, {choice.told()}; {self._device_name()}"

    def _misfit(self) -> str:
        choice = self.desk.choice
        if choice is None:
            return "" if self.weights == "new" else self.desk.unready
        return fit.choice_misfit(choice, self.desk.case)

    def set_state(self, sync_data: Any) -> None:
        """Take state from the browser; a new choice is built in the background, so that its size can be told."""
        before = self.desk.choice
        self._answering, self._uncounted = threading.get_ident(), False
        try:
            super().set_state(sync_data)
        finally:
            self._answering = None
        if self._uncounted:
            self.afterwards(self._count)
        elif self.desk.choice is not None and self.desk.choice != before:
            self.afterwards(self.describe)
