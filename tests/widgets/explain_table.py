"""An explain panel at a desk, with a model that is there already."""

from __future__ import annotations

from typing import Any

from workbench.volume import Volume
from workbench.widgets import Case, Desk, ExplainPanel
from workbench.widgets.choice import Choice


class Fixed(Choice):
    """The choice of a model that is there already."""

    def build(self) -> Any:
        return self.made  # type: ignore[attr-defined]

    def snippet(self, target: str = "model") -> str:
        return ""


def fixed(model: Any) -> Choice:
    sizes = {"in_channels": model.in_channels, "num_classes": model.num_classes, "classes": model.classes}
    choice = Fixed(model.name, name=model.weights_fingerprint(), **sizes)
    object.__setattr__(choice, "made", model)
    return choice


class Table:
    """An explain panel at a desk with a volume and a model."""

    def __init__(self, model: Any, volume: Volume | None) -> None:
        self.desk = Desk()
        self.viewer, self.panel = self.desk.viewer, ExplainPanel(self.desk)
        if volume is not None:
            self.desk.put(Case(volume, code=""))
        self.desk.choose(fixed(model))

    def click(self, **message: Any) -> None:
        self.panel._on_message(self.panel, message, [])
        self.panel.wait(60)
