"""What was predicted and explained, as code."""

from __future__ import annotations

from workbench.widgets.choice import Choice
from workbench.widgets.desk import Desk
from workbench.widgets.map_list import MapList
from workbench.widgets.prediction import Prediction


def explain_code(desk: Desk, answer: Prediction, maps: MapList) -> str:
    """Return code that makes the prediction and every map from ``model`` and ``volume``; the newest is ``why``.

    Maps may be of models that were used earlier: they are made under names of their own.
    """
    others: list[Choice] = []
    parts: list[str] = []

    def name_of(choice: Choice) -> str:
        if choice == desk.choice:
            return "model"
        if choice not in others:
            others.append(choice)
            parts.append(choice.snippet(f"model_{len(others) + 1}"))
        return f"model_{others.index(choice) + 2}"

    predicted = answer.answer is not None and answer.choice is not None
    if predicted:
        assert answer.choice is not None
        made = answer.code(name_of(answer.choice))
        parts.append(made)
    made_maps = maps.code(name_of, "prediction" if predicted else "segmentation")
    return "\n\n".join([*parts, *made_maps])
