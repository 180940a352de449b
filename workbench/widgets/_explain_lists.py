"""What the explain panel offers: methods, layers, classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench._words import sentence
from workbench.explain import Explainer
from workbench.widgets import _options, fit
from workbench.widgets.messages import MethodOffer, Offer

if TYPE_CHECKING:
    from workbench.widgets.choice import Choice
    from workbench.zoo import Model

#: The value of what is predicted, in the list of classes.
PREDICTED = ""


def method_row(explainer: Explainer, choice: Choice | None, model: Model | None = None) -> MethodOffer:
    """Return a method with the form of its options, and the reason if it is not for the model that is chosen.

    Parameters
    ----------
    model : Model, optional
        That model, once it is built.
    """
    reason = fit.method_misfit(explainer, choice, model)
    return {
        "value": explainer.name,
        "label": explainer.title,
        "title": sentence(explainer.summary),
        "needs_layer": explainer.needs_layer,
        "enabled": not reason,
        "reason": reason,
        "options": _options.schemas(explainer.parameters()),
    }


def layer_rows(model: Model) -> list[Offer]:
    """Return the layers of a model, the default one first."""
    rows: list[Offer] = [{"value": info.name, "label": f"{info.name}  {info.type}"} for info in model.layers()]
    return [{"value": "", "label": f"{model.default_layer()} (default)"}, *rows]


def label_rows(classes: Sequence[str]) -> list[Offer]:
    """Return the classes that can be explained, what is predicted first."""
    named: list[Offer] = [{"value": str(number), "label": f"{number} {name}"} for number, name in enumerate(classes)]
    return [{"value": PREDICTED, "label": "what is predicted"}, *named]
