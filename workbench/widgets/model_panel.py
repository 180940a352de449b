"""The model panel: an algorithm, a framework, a device, options, and where the weights come from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets as t

from workbench import frameworks, zoo
from workbench.datasets import Dataset
from workbench.errors import InputError, StateError, choose
from workbench.volume import Volume
from workbench.widgets import _devices, _options, _sizes
from workbench.widgets.code import call, page
from workbench.widgets.panel import Panel, bundle

if TYPE_CHECKING:
    from workbench.training import Run
    from workbench.zoo import Model


class ModelPanel(Panel):
    """An algorithm with weights on a device.

    Attributes
    ----------
    in_channels, num_classes, classes
        Told by the data (`fit`).
    variant
        The size: ``"full"``, as published, or the name of one of the card's variants. On a CPU ``"small"`` is
        suggested where the card has it. `options` are what differs from it.

    Examples
    --------
    >>> panel = ModelPanel()  # doctest: +SKIP
    >>> panel.fit(data)  # doctest: +SKIP
    >>> panel.algorithm = "3d-unet"  # doctest: +SKIP
    >>> panel.build()  # doctest: +SKIP
    """

    _esm = bundle("model_panel")
    _css = bundle("model_panel", "css")

    catalogue = t.List(t.Dict()).tag(sync=True)
    algorithm = t.Unicode("").tag(sync=True)
    frameworks = t.List(t.Dict()).tag(sync=True)
    framework = t.Unicode("torch").tag(sync=True)
    devices = t.List(t.Dict()).tag(sync=True)
    device = t.Unicode("cpu").tag(sync=True)
    variant = t.Unicode(_sizes.FULL).tag(sync=True)
    options = t.Dict().tag(sync=True)
    weights = t.Enum(("new", "file", "run"), "new").tag(sync=True)
    runs = t.List(t.Dict()).tag(sync=True)
    run_id = t.Unicode("").tag(sync=True)
    summary = t.Unicode("").tag(sync=True)
    details = t.Unicode("").tag(sync=True)

    actions: ClassVar = {"open": "load", "describe": "describe"}

    def __init__(self, **traits: Any) -> None:
        self.in_channels, self.num_classes = 1, 2
        self.classes: tuple[str, ...] = ()
        self._ndim: int | None = None
        self._task: str | None = None
        self._file: str | None = None
        self._runs: dict[str, Run] = {}
        self._built: tuple[Any, Model] | None = None
        self._listeners: list[Callable[[], None]] = []
        self._built_listeners: list[Callable[[Model], None]] = []
        self._from_browser = False
        self._building = threading.RLock()
        super().__init__(**traits)
        self._list_algorithms()
        self.devices = [_devices.cpu(name) for name in frameworks.names()]
        self.frameworks = [_devices.untried(name) for name in frameworks.names()]
        # Asking for devices imports the frameworks, which takes seconds: the panel does not wait for it.
        threading.Thread(target=self._look_for_devices, name="device-list", daemon=True).start()

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` when another model is chosen."""
        self._listeners.append(callback)

    def on_built(self, callback: Callable[[Model], None]) -> None:
        """Call `callback` with the model when it was made."""
        self._built_listeners.append(callback)

    # -- what fits ----------------------------------------------------------------------------------------

    def fit(self, data: Dataset | Volume) -> None:
        """Offer what fits the data: its dimensions, task, channels and classes."""
        self._ndim = data.spatial_ndim
        if isinstance(data, Volume):
            self._task, self.in_channels = None, data.num_channels
        else:
            self._task, self.in_channels = data.task, data.in_channels
            self.num_classes, self.classes = data.num_classes, tuple(data.classes)
        self._list_algorithms()
        fitting = [entry["value"] for entry in self.catalogue if entry["enabled"]]
        if self.weights == "new" and self.algorithm not in fitting:
            self.algorithm = fitting[0] if fitting else ""
        self._describe_chosen()

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
        # who asks while the panel builds in the background waits for that model
        with self._building:
            key = self._key()
            if self._built is not None and self._built[0] == key:
                return self._built[1]
            with self.working("Building the network", secrets=(self._file or "",)):
                model = self._make()
                self._built = (key, model)
                self._say(model)
            return model

    def load(self, path: str | Path) -> Model:
        """Take the model with the weights in a file.

        Raises
        ------
        FileError
            If it is not a model file.
        """
        text = str(path)
        # a choice in the browser may be under construction: that is nobody's work, so it is waited for
        with self._building, self.working("Opening the model", secrets=(text,)):
            if not text.strip():
                raise InputError("No path was given. Type the path of a .safetensors file made by Model.save.")
            model = zoo.load(Path(text).expanduser(), framework=self.framework, device=self.device)
            self._file, self.weights = text, "file"
            self._take_over(model)
        self._changed()
        return model

    def use_run(self, run: Run) -> None:
        """Take the model of a run: its best checkpoint, or the newest while nothing was validated."""
        recipe = run.recipe
        self._runs[run.id] = run
        self.algorithm = recipe.algorithm
        self.framework, self.device = recipe.framework, recipe.device
        self.variant, self.options = _sizes.recognise(self.algorithm, recipe.options)
        self.run_id, self.weights = run.id, "run"
        self._built = None
        self._changed()

    def offer_runs(self, runs: list[tuple[str, str, Run]]) -> None:
        """Offer runs as a source of weights: (id, label, run) each."""
        self._runs.update({one: run for one, _, run in runs})
        self.runs = [{"value": one, "label": label} for one, label, _ in runs]

    @property
    def run(self) -> Run | None:
        """The run the weights come from, if they come from one."""
        return self._runs.get(self.run_id) if self.weights == "run" else None

    @property
    def file(self) -> str | None:
        """The file the weights come from, if they come from one."""
        return self._file if self.weights == "file" else None

    def values(self) -> dict[str, Any]:
        """Return the options that differ from the algorithm's defaults, those of the variant among them."""
        entry = next((e for e in self.catalogue if e["value"] == self.algorithm), None)
        if entry is None:
            return {}
        preset = _sizes.preset(self.algorithm, self.variant)
        schema = [{**one, "default": preset.get(one["name"], one["default"])} for one in entry["options"]]
        chosen = {**preset, **_options.parse(schema, self.options)}
        defaults = {one["name"]: one["default"] for one in entry["options"]}
        return {name: value for name, value in chosen.items() if value != defaults[name]}

    def describe(self) -> None:
        """Build the model, so that the panel can say how large it is."""
        if self.algorithm:
            self.build()

    def snippet(self) -> str:
        """Return code that makes the model, as ``model``."""
        where = {"framework": self.framework, "device": self.device}
        if self.weights == "run":
            run = self._need_run()
            epoch = run.checkpoint().position.epoch
            made = call("model", "run.model", epoch=epoch, **where)
            return f"from workbench.training import Run\n\nrun = Run({str(run.path)!r})\n{made}"
        if self.weights == "file":
            return call("model", "wb.zoo.load", repr(self._need_file()), **where)
        if not self.algorithm:
            return "# No algorithm is chosen yet."
        sizes: dict[str, Any] = {"classes": self.classes} if self.classes else {"num_classes": self.num_classes}
        chosen = {**where, "in_channels": self.in_channels, **sizes, **self.values()}
        return call("model", "wb.zoo.create", repr(self.algorithm), **chosen)

    def code(self) -> str:
        """Return code that makes the model."""
        return page(self.snippet(), show="model" if self.algorithm else "")

    # -- inside -------------------------------------------------------------------------------------------

    def _key(self) -> Any:
        chosen: Any = None
        if self.weights == "run":
            chosen = str(self._need_run().checkpoint().model_path)
        elif self.weights == "file":
            chosen = self._need_file()
        if chosen is None:
            chosen = (self.in_channels, self.num_classes, self.classes, repr(sorted(self.values().items())))
        return (self.algorithm, self.framework, self.device, self.weights, chosen)

    def _make(self) -> Model:
        if self.weights == "run":
            return self._need_run().model(framework=self.framework, device=self.device)
        if self.weights == "file":
            return zoo.load(self._need_file(), framework=self.framework, device=self.device)
        if not self.algorithm:
            raise StateError("No algorithm is chosen. Choose one in the model panel.")
        choose(self.algorithm, [entry["value"] for entry in self.catalogue], "algorithm")
        return zoo.create(
            self.algorithm,
            framework=self.framework,
            device=self.device,
            in_channels=self.in_channels,
            num_classes=self.num_classes,
            classes=self.classes or None,
            **self.values(),
        )

    def _need_run(self) -> Run:
        if self.run_id not in self._runs:
            raise StateError("No run is chosen. Choose one as the source of the weights, or take new weights.")
        return self._runs[self.run_id]

    def _need_file(self) -> str:
        if self._file is None:
            raise StateError("No model file is open. Type its path and press Open, or take new weights.")
        return self._file

    def _take_over(self, model: Model) -> None:
        self.algorithm = model.algorithm.name
        known = model.algorithm.card.options
        options = {name: value for name, value in model.config.items() if name in known}
        self.variant, self.options = _sizes.recognise(self.algorithm, options)
        self._built = (self._key(), model)
        self._say(model)

    def _say(self, model: Model) -> None:
        self.note = f"{_short(model.num_parameters)} parameters"
        self._describe_chosen()
        for listener in tuple(self._built_listeners):
            listener(model)

    def _describe_chosen(self) -> None:
        entry = next((e for e in self.catalogue if e["value"] == self.algorithm), None)
        if entry is None:
            self.summary = self.details = ""
            return
        channels = "1 channel" if self.in_channels == 1 else f"{self.in_channels} channels"
        self.summary = f"{entry['summary']}"
        origin = {"new": "new weights", "file": "weights from a file", "run": "weights of the run"}[self.weights]
        self.details = f"{channels} in, {self.num_classes} classes out, {origin}; {self._device_name()}"

    def _device_name(self) -> str:
        chosen = (self.framework, self.device)
        return next((one["name"] for one in self.devices if (one["framework"], one["value"]) == chosen), self.device)

    def _list_algorithms(self) -> None:
        self.catalogue = [self._algorithm(card) for card in zoo.list()]

    def _algorithm(self, card: Any) -> dict[str, Any]:
        reason = ""
        if self._ndim is not None and card.dimensions != self._ndim:
            reason = f"for {card.dimensions}D data, this is {self._ndim}D"
        elif self._task is not None and card.task != self._task:
            reason = f"for {card.task}, these data are for {self._task}"
        return {
            "value": card.name,
            "label": card.title,
            "summary": card.summary,
            "enabled": not reason,
            "reason": reason,
            "options": _options.from_algorithm(card.options),
            "variants": _sizes.choices(card),
        }

    def _look_for_devices(self) -> None:
        try:
            found = frameworks.devices()
        except Exception as error:  # noqa: BLE001 - shown in the panel, whatever it is
            self._failed(error, "Looking for devices", ())
            return
        self.devices = [_devices.choice(one) for one in found]
        self._describe_chosen()
        self.frameworks = [_devices.framework(name) for name in frameworks.names()]

    def _changed(self) -> None:
        self._describe_chosen()
        for listener in tuple(self._listeners):
            listener()

    def set_state(self, sync_data: Any) -> None:
        """Take state from the browser; a new choice is built in the background, so that its size can be told."""
        before = self._choice()
        self._from_browser = True
        try:
            super().set_state(sync_data)
        finally:
            self._from_browser = False
        chosen = self.algorithm and (self.weights == "new" or (self.weights == "run" and self.run_id in self._runs))
        if self._choice() != before and not self.busy and chosen:
            self.in_background(self.describe)

    def _choice(self) -> Any:
        return (
            self.algorithm,
            self.framework,
            self.device,
            self.weights,
            self.run_id,
            self.variant,
            repr(self.options),
        )

    @t.observe("algorithm")
    def _algorithm_changed(self, _change: Any) -> None:
        # Options of another algorithm do not apply to this one; `use_run` sets those of the run afterwards.
        self.options = {}
        self.variant = _sizes.suggested(self.algorithm, self.device)
        self.note = ""

    @t.observe("device")
    def _device_changed(self, change: Any) -> None:
        if self.variant == _sizes.suggested(self.algorithm, change["old"]) and self.weights == "new":
            self.variant = _sizes.suggested(self.algorithm, self.device)

    @t.observe("algorithm", "framework", "device", "weights", "run_id", "variant", "options")
    def _choice_changed(self, change: Any) -> None:
        if change["name"] == "framework" and not any(
            one["value"] == self.device and one["framework"] == self.framework for one in self.devices
        ):
            self.device = "cpu"
        if change["name"] == "run_id" and self._from_browser and self.run_id in self._runs:
            self.use_run(self._runs[self.run_id])
        else:
            self._changed()


def _short(count: int) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {letter}"
    return str(count)
