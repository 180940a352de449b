"""The layer of the network that is meant: what the panels share that let a person choose one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import traitlets as t

from workbench.widgets._explain_lists import layer_rows
from workbench.widgets.desk_panel import DeskPanel
from workbench.widgets.messages import Offer, synced

if TYPE_CHECKING:
    from workbench.zoo import Model


class ChoosesLayer(DeskPanel):
    """The part of a panel that offers the layers of the model on the desk."""

    layers = synced(list[Offer], t.List(t.Dict()))
    layer = t.Unicode("", help="Name of a layer; empty for the default one").tag(sync=True)

    def _offer_layers(self, model: Model | None) -> None:
        """Offer the layers of a model; one that it has not is chosen no more."""
        self.layers = layer_rows(model) if model is not None else []
        if self.layer not in [one["value"] for one in self.layers]:
            self.layer = ""
