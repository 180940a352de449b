"""What the model panel offers, and how large what is chosen would be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psutil

from workbench import zoo
from workbench._words import size
from workbench.parameters import Parameter, Schema
from workbench.widgets import _options, _sizes, fit
from workbench.widgets.choice import Choice
from workbench.widgets.desk import Case
from workbench.widgets.messages import Offer, RunOffer
from workbench.zoo.sizing import count_parameters

#: Bytes of a 32-bit weight; of a weight, its gradient and Adam's two moments while it is trained.
_BYTES, _TRAINING_BYTES = 4, 16
#: Networks whose weights take more than this are asked about: five times the largest of the zoo.
_LARGE = 2e9
#: Only a network whose options are together so many times their defaults is looked at: counting weights loads torch.
_FAR = 2


def far(choice: Choice) -> bool:
    """Tell whether options are so far from their defaults that the weights are to be counted, which takes seconds."""
    return choice.sized_by_data and _times(choice, zoo.algorithm(choice.algorithm).options()) > _FAR


def largeness(choice: Choice) -> tuple[str, bool] | None:
    """Return what a very large network would take, and whether it can be built at all; None for any other."""
    if not far(choice):
        return None
    algorithm = zoo.algorithm(choice.algorithm)
    count = count_parameters(algorithm, algorithm.config(choice.in_channels, choice.num_classes, **choice.options))
    if count * _BYTES <= _LARGE:
        return None
    there = psutil.virtual_memory().total
    text = (
        f"It would have about {count:.2g} weights: {size(count * _BYTES)} of memory, and "
        f"{size(count * _TRAINING_BYTES)} while it is trained (derived from its layers; "
        f"this machine has {size(there)})."
    )
    return text, count * _BYTES < there


def _times(choice: Choice, known: Mapping[str, Parameter]) -> float:
    times = 1.0
    for name, value in choice.options.items():
        option = known[name]
        if option.kind == "integer":
            times *= max(1.0, value / max(1, int(option.default)))
    return times


class AlgorithmOffer(Offer):
    """An algorithm of the zoo."""

    summary: str
    options: list[Schema]
    variants: list[_sizes.SizeOffer]


class TrainedOffer(Offer):
    """A trained model that comes along."""

    told: str


def algorithm_row(card: Any, case: Case | None) -> AlgorithmOffer:
    reason = fit.algorithm_misfit(card, case)
    return {
        "value": card.name,
        "label": card.title,
        "summary": card.summary,
        "enabled": not reason,
        "reason": reason,
        "options": _options.schemas(card.options),
        "variants": _sizes.choices(card),
    }


def trained_row(one: zoo.Trained, case: Case | None) -> TrainedOffer:
    choice = Choice.of_trained(one.name)
    reason = fit.choice_misfit(choice, case) or fit.choice_doubt(choice, case)
    return {"value": one.name, "label": one.name, "told": one.told, "enabled": not reason, "reason": reason}


def run_row(row: RunOffer, case: Case | None) -> Offer:
    """Return a run as a source of weights, with the reason if they are not for what is looked at."""
    card = next((card for card in zoo.list() if card.name == row["algorithm"]), None)
    if card is not None:
        reason = fit.algorithm_misfit(card, case)
    else:  # of a package that was there when the run was made
        reason = f"{row['algorithm']} is not installed" if row["algorithm"] else "unreadable"
    return {"value": row["value"], "label": row["label"], "enabled": not reason, "reason": reason}


def short(count: int) -> str:
    for length, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= length:
            return f"{count / length:.3g} {letter}"
    return str(count)
