"""Maps that are looked at one after the other: from layer to layer, and as a method makes them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets as t

from workbench import explain
from workbench.errors import StateError
from workbench.explain import Explanation
from workbench.explain.registry import get
from workbench.widgets import _options
from workbench.widgets._explain_gallery import ExplainGallery
from workbench.widgets._network import with_network
from workbench.widgets._pace import passes_of
from workbench.widgets.desk import Desk
from workbench.widgets.timeline import Kind, Timeline

if TYPE_CHECKING:
    from workbench.widgets.map_list import MapList

#: Steps of a method that are kept, evenly over its way: each is as large as the volume.
_MOST_STEPS = 12
_BY_LAYER = ("attention-rollout",)


class ExplainSteps(ExplainGallery):
    """The part of the explain panel that plays maps: by layer, and step by step."""

    can_step = t.Unicode("", help="Why the method cannot be played step by step; empty if it can").tag(sync=True)
    can_layer = t.Unicode("", help="Why the method cannot be played by layer; empty if it can").tag(sync=True)

    actions: ClassVar = ExplainGallery.actions | {"over_layers": "over_layers", "over_steps": "over_steps"}

    _list: MapList

    def __init__(self, desk: Desk | None = None, **traits: Any) -> None:
        super().__init__(desk, **traits)
        self.desk.viewer.observe(self._frame_shown, "shown_frame")
        self.desk.observe(self._offer_steps, "case")
        self._offer_steps()

    def over_layers(self) -> list[tuple[str, Explanation]]:
        """Make the map at each of some layers, first to last: what is seen early, and what late.

        Raises
        ------
        StateError
            If no volume or model is there, or the method looks at no layer.
        """
        return self._played("layers", self.can_layer)

    def over_steps(self) -> list[tuple[float, Explanation]]:
        """Make the map, and keep how it looked on the way.

        Raises
        ------
        StateError
            If no volume or model is there, or the method has one step only.
        """
        return self._played("steps", self.can_step)

    def visit(self, index: int) -> None:  # noqa: ARG002
        """Make the map of the case that is looked at now, unless that takes very long."""
        if not self.desk.cannot_answer():
            self.run_asked()

    def run_asked(self) -> None:
        """Make a map as a click asks for."""
        raise NotImplementedError

    # -- inside -------------------------------------------------------------------------------------------

    def _played(self, kind: Kind, refused: str) -> list[Any]:
        chosen = self._method()
        with self.working(f"{chosen['label']}: preparing", cancellable=True) as work:
            if refused:
                raise StateError(f"{refused}.")
            self.need_no_faults()
            case, choice, model = self._subject(work)
            values = _options.parse(self._known(), self.options)
            at = (self.layer or None) if chosen["needs_layer"] and kind == "steps" else None
            asked = explain.Request(model, case.volume, self.method, self.target_now(), at, values)
            made: list[Any] = []

            def make() -> None:
                if kind == "layers":
                    tell = partial(work.tell, text=f"{chosen['label']}: layer by layer")
                    given = (model, case.volume, self.method, asked.target)
                    made.extend(explain.over_layers(*given, progress=tell, **values))
                    return
                for fraction, one in asked.steps():
                    if fraction >= len(made) / _MOST_STEPS or fraction >= 1:
                        made.append((fraction, one))
                    work.tell(fraction, f"{chosen['label']}: {fraction:.0%}")

            with_network(self.desk, work, make)
            self._same_case(case)
            self._list.show_over_training(Timeline(None, made, asked, kind, choice))
        return made

    def _frame_shown(self, change: Any) -> None:
        if self.timeline:
            self.timeline_index = change["new"]

    @t.observe("methods", "method")
    def _offer_steps(self, _change: Any = None) -> None:
        chosen = next((one for one in self.methods if one["value"] == self.method), None)
        layered = chosen is not None and (chosen["needs_layer"] or self.method in _BY_LAYER)
        self.can_layer = "" if layered else "The method looks at no layer"
        case = self.desk.case
        several = case is not None and self.method and self._takes_steps()
        self.can_step = "" if several else "The method is done in one step"

    def _takes_steps(self) -> bool:
        return passes_of(get(self.method), self.desk.case.volume, {}) > 2
