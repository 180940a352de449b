"""What may be explained and how: the methods, and the layers and classes of the model that is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import traitlets as t

from workbench import explain
from workbench.errors import StateError, choose
from workbench.explain.registry import get
from workbench.parameters import Parameter
from workbench.widgets import _options, fit
from workbench.widgets._explain_lists import PREDICTED, label_rows, method_row
from workbench.widgets._layer_choice import ChoosesLayer
from workbench.widgets.choice import Choice
from workbench.widgets.desk import Desk
from workbench.widgets.messages import MapRow, MethodOffer, Offer, Values, synced

if TYPE_CHECKING:
    from workbench.training import Run
    from workbench.zoo import Model


#: A class that is chosen; what was clicked of all that is drawn; the voxel that was clicked.
TARGETS = ("class", "drawn", "voxel")


class ExplainOffers(ChoosesLayer):
    """The part of the explain panel that is chosen from, and that follows the desk."""

    methods = synced(list[MethodOffer], t.List(t.Dict()))
    method = t.Unicode("grad-cam").tag(sync=True)
    options = synced(Values, t.Dict())
    target = t.Enum(TARGETS, "class").tag(sync=True)
    no_targets = synced(dict[str, str], t.Dict(help="Why a target means nothing to this model, by its name"))
    drawn = t.Unicode("", help="What was clicked of all that is drawn; empty while nothing was").tag(sync=True)
    labels = synced(list[Offer], t.List(t.Dict()))
    label = t.Unicode("", help="Index of a class or label; empty for what is predicted").tag(sync=True)
    voxel = t.Unicode("").tag(sync=True)
    maps = synced(list[MapRow], t.List(t.Dict()))
    timeline = t.List(t.Unicode()).tag(sync=True)
    timeline_index = t.Int(0).tag(sync=True)
    has_run = t.Bool(False).tag(sync=True)
    blocked = t.Unicode("", help="Why nothing can be explained yet").tag(sync=True)

    def __init__(self, desk: Desk | None = None, **traits: Any) -> None:
        self._drawn: explain.Target | None = None
        super().__init__(desk, **traits)
        self.desk.observe(self._choice_changed, "choice")
        self.desk.observe(self._built_changed, "built")
        self.desk.observe(lambda _change: self._check(), ["case", "run"])
        self._choice_changed({"old": None, "new": self.desk.choice})

    def target_now(self) -> explain.Target | None:
        """Return the target as it is chosen in the panel; None means what is predicted.

        Raises
        ------
        StateError
            If a click is awaited and none came yet.
        """
        if self.target == "drawn":
            if self._drawn is None:
                raise StateError("Nothing that is drawn was chosen. Click it with the tool Pick, or choose a class.")
            return self._drawn
        if self.target == "class":
            return None if self.label == PREDICTED else explain.Class(int(self.label))
        if self.desk.selection is None:
            raise StateError("No voxel is chosen. Click into the viewer, or choose a class.")
        return explain.Voxel(mm=tuple(round(value, 3) for value in self.desk.selection.mm))

    def _method(self) -> MethodOffer:
        choose(self.method, [one["value"] for one in self.methods], "explanation method")
        return next(one for one in self.methods if one["value"] == self.method)

    def _run(self) -> Run | None:
        choice: Choice | None = self.desk.choice
        return (choice.run if choice is not None else None) or self.desk.run

    def _choice_changed(self, change: Any) -> None:
        choice: Choice | None = change["new"]
        old: Choice | None = change["old"]
        self._offer(choice)
        if choice is None or old is None or (old.algorithm, old.options) != (choice.algorithm, choice.options):
            self._offer_layers(None)
        self.labels = label_rows(choice.classes if choice is not None else ())
        if self.label not in [one["value"] for one in self.labels]:
            self.label = PREDICTED
        self._check()

    def _offer(self, choice: Choice | None, model: Model | None = None) -> None:
        self.methods = [method_row(one, choice, model) for one in explain.methods()]
        offered = [one["value"] for one in self.methods if one["enabled"]]
        if self.method not in offered:
            self.method = offered[0]

    def _built_changed(self, change: Any) -> None:
        model = change["new"]
        self.no_targets = fit.target_misfits(model)
        if self.target in self.no_targets:
            self.target = "class"
        if model is None:
            return
        self._offer(self.desk.choice, model)
        self._offer_layers(model)
        self.labels = label_rows(model.classes)

    def _check(self) -> None:
        self.blocked = self.desk.cannot_answer()
        self.has_run = self._run() is not None

    @t.observe("method", "options")
    def _options_changed(self, _change: Any) -> None:
        others = {key: told for key, told in self.faults.items() if key in self.fields()}
        self.faults = {**others, **_options.faults(self._known(), self.options)}

    def _known(self) -> dict[str, Parameter]:
        """Return the options of the method that is chosen."""
        return get(self.method).parameters() if self.method in [one["value"] for one in self.methods] else {}
