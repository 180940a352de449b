"""What may be chosen for a model: algorithms, frameworks, devices, sizes, and where weights may come from."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets as t

from workbench import frameworks, zoo
from workbench.errors import InputError, StateError, choose
from workbench.frameworks import DEFAULT
from workbench.parameters import Parameter
from workbench.widgets import _devices, _options, _sizes, fit
from workbench.widgets._devices import DeviceOffer
from workbench.widgets._model_lists import AlgorithmOffer, TrainedOffer, algorithm_row, run_row, trained_row
from workbench.widgets.choice import Choice
from workbench.widgets.desk import Case, Desk
from workbench.widgets.desk_panel import DeskPanel
from workbench.widgets.messages import Offer, Values, synced

if TYPE_CHECKING:
    from workbench.training import Run
    from workbench.zoo import Model

ORIGINS = ("new", "trained", "file", "run", "own")
_NEEDED = {
    "trained": "Choose one of the trained models first",
    "file": "Open a weights file first",
    "run": "Choose a run to take the weights of first",
    "own": "Give a model first: app.model.use(wb.wrap(network))",
}


class ModelOffers(DeskPanel):
    """The part of the model panel that is chosen from; what does not fit is offered with the reason, disabled."""

    catalogue = synced(list[AlgorithmOffer], t.List(t.Dict()))
    algorithm = t.Unicode("").tag(sync=True)
    frameworks = synced(list[Offer], t.List(t.Dict()))
    framework = t.Unicode(DEFAULT).tag(sync=True)
    devices = synced(list[DeviceOffer], t.List(t.Dict()))
    device = t.Unicode("cpu").tag(sync=True)
    variant = t.Unicode(_sizes.FULL).tag(sync=True)
    options = synced(Values, t.Dict())
    weights = t.Enum(ORIGINS, "new").tag(sync=True)
    trained = synced(list[TrainedOffer], t.List(t.Dict()))
    trained_name = t.Unicode("").tag(sync=True)
    runs = synced(list[Offer], t.List(t.Dict()))
    run_id = t.Unicode("").tag(sync=True)
    in_channels: int
    num_classes: int
    classes: tuple[str, ...]
    summary = t.Unicode("").tag(sync=True)
    details = t.Unicode("").tag(sync=True)

    def __init__(self, desk: Desk | None = None, **traits: Any) -> None:
        self._runs: dict[str, Run] = {}
        self._file: Path | None = None
        self._own: Model | None = None
        super().__init__(desk, **traits)
        self._list(None)
        self.devices = [_devices.cpu(name) for name in frameworks.names()]
        self.frameworks = [_devices.untried(name) for name in frameworks.names()]
        self.desk.observe(lambda _change: self._list_runs(), "runs")
        # Asking for devices imports the frameworks, which takes seconds: the panel does not wait for it.
        threading.Thread(target=self._look_for_devices, name="device-list", daemon=True).start()

    def values(self) -> dict[str, Any]:
        """Return the options that differ from the algorithm's defaults, those of the variant among them."""
        entry = self._entry()
        if entry is None:
            return {}
        preset = _sizes.preset(self.algorithm, self.variant)
        chosen = {**preset, **_options.parse(self._known(), self.options)}
        known = zoo.card(self.algorithm).options
        return {name: value for name, value in chosen.items() if value != known[name].default}

    def use(self, model: Any) -> Model:
        """Take a model that is there already, or a network that `workbench.wrap` makes one of.

        Raises
        ------
        InputError
            As `workbench.wrap`.
        """
        case: Case | None = self.desk.case
        known = case is None or isinstance(model, zoo.Model)
        made = zoo.wrap(model, example=None if known or case is None else case.volume)
        self.desk.choose(Choice.of_model(made))
        self.desk.built = made
        return made

    def _chosen(self) -> Choice:
        where: dict[str, Any] = {"framework": self.framework, "device": self.device}
        if self.weights == "trained" and self.trained_name:
            return Choice.of_trained(self.trained_name, **where)
        if self.weights == "file" and self._file is not None:
            return Choice.of_file(self._file, **where)
        if self.weights == "run" and self.run_id in self._runs:
            return Choice.of_run(self._runs[self.run_id], **where)
        if self.weights == "own" and self._own is not None:
            return Choice.of_model(self._own)
        if self.weights != "new":
            raise StateError(f"{_NEEDED[self.weights]}.")
        if not self.algorithm:
            raise StateError(f"{fit.NO_MODEL}.")
        if self.faults:
            raise InputError(f"Mend the options of the model first: {next(iter(self.faults.values()))}")
        sizes: dict[str, Any] = {name: getattr(self, name) for name in ("in_channels", "num_classes", "classes")}
        return Choice(self.algorithm, options=self.values(), **where, **sizes)

    @t.validate("algorithm")
    def _check_algorithm(self, proposal: Any) -> str:
        name = str(proposal["value"])
        return choose(name, [card.name for card in zoo.list()], "algorithm") if name else name

    @t.validate("variant")
    def _check_variant(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if self.algorithm:
            _sizes.preset(self.algorithm, name)
        return name

    def _device_name(self) -> str:
        chosen = (self.framework, self.device)
        return next((one["name"] for one in self.devices if (one["framework"], one["value"]) == chosen), self.device)

    def _entry(self) -> AlgorithmOffer | None:
        return next((one for one in self.catalogue if one["value"] == self.algorithm), None)

    def _known(self) -> dict[str, Parameter]:
        """Return the options of the algorithm, at what the size sets them to."""
        if self._entry() is None:
            return {}
        preset = _sizes.preset(self.algorithm, self.variant)
        options = zoo.card(self.algorithm).options
        return {name: replace(one, default=preset.get(name, one.default)) for name, one in options.items()}

    def _list(self, case: Case | None) -> None:
        self.catalogue = [algorithm_row(card, case) for card in zoo.list()]
        self.trained = [trained_row(one, case) for one in zoo.trained()]
        self._list_runs()

    def _list_runs(self) -> None:
        self._runs |= {run.id: run for _, run in self.desk.runs}
        self.runs = [run_row(row, self.desk.case) for row, _ in self.desk.runs]

    def _look_for_devices(self) -> None:
        try:
            found = frameworks.devices()
        except Exception as error:  # noqa: BLE001 - shown in the panel, whatever it is
            self._failed(error, "Looking for devices", ())
            return
        self.devices = [_devices.choice(one) for one in found]
        self.frameworks = [_devices.framework(name) for name in frameworks.names()]
