"""The way in: while nothing is loaded, demos that load data, a trained model and a first map at one click."""

from __future__ import annotations

from typing import Any, ClassVar, TypedDict

import traitlets as t

from workbench.errors import choose
from workbench.widgets.demos import DEMOS, Demo
from workbench.widgets.desk import Desk
from workbench.widgets.desk_panel import DeskPanel
from workbench.widgets.messages import synced
from workbench.widgets.panel import bundle


class DemoCard(TypedDict):
    """A demo as it is offered."""

    name: str
    title: str
    text: str


class DemosPanel(DeskPanel):
    """Offers demos as long as the desk is empty.

    Examples
    --------
    >>> app = wb.App()
    >>> demo = app.demos.load("classification")
    >>> [layer.kind for layer in app.viewer.layers]
    ['image', 'scores']
    """

    called: ClassVar = "demos"
    order: ClassVar = 0
    place: ClassVar = "above"

    _esm = bundle("demos_panel")
    _css = bundle("demos_panel", "css")

    demos = synced(list[DemoCard], t.List(t.Dict()))
    shown = t.Bool(True, help="Whether the desk is empty").tag(sync=True)

    actions: ClassVar = {"open": "load"}

    def __init__(self, desk: Desk | None = None, **traits: Any) -> None:
        rows: list[DemoCard] = [{"name": one.name, "title": one.title, "text": one.text} for one in DEMOS]
        super().__init__(desk, demos=rows, **traits)
        self.desk.observe(self._case_changed, "case")

    def load(self, name: str) -> Demo:
        """Load a demo: its data, its model, its first map.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        demo = next(one for one in DEMOS if one.name == choose(name, [one.name for one in DEMOS], "demo"))
        with self.working(f"Loading the demo: {demo.title}", cancellable=True) as work:
            for panel in self.desk.panels:
                work.check()
                panel.demonstrate(demo)
        return demo

    def _case_changed(self, change: Any) -> None:
        self.shown = change["new"] is None
