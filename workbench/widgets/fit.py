"""What fits together, and why not: the one place that is asked before anything is offered, enabled or kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench._words import count
from workbench.zoo import Card

if TYPE_CHECKING:
    from workbench.explain import Explainer
    from workbench.widgets.choice import Choice
    from workbench.widgets.desk import Case
    from workbench.zoo import Model

NO_CASE = "Load a data set or open a file first"
NO_DATA = "Load a data set first"
NO_MODEL = "Choose an algorithm first"
NO_WEIGHTS = "Choose weights to go on from in the model panel: trained ones, a file or a run"
NO_TRAINING = "A model of your own is trained where it was made; choose an algorithm to train one here"
_MOST_NAMES = 6


def algorithm_misfit(card: Card, case: Case | None) -> str:
    """Return why an algorithm is not for what is on the desk; empty if it is, or if nothing is there."""
    if case is None:
        return ""
    ndim = case.volume.spatial_ndim
    if card.dimensions != ndim:
        return f"for {card.dimensions}D data, this is {ndim}D"
    if case.dataset is not None and card.task != case.dataset.task:
        return f"for {card.task}, these data are for {case.dataset.task}"
    return ""


def choice_misfit(choice: Choice, case: Case | None) -> str:
    """Return why a model cannot answer for what is on the desk; empty if it can."""
    if case is None:
        return ""
    if reason := algorithm_misfit(choice.card, case):
        return f"{choice.algorithm} is {reason}"
    found = case.volume.num_channels
    if choice.in_channels != found:
        made = count(choice.in_channels, "channel")
        return f"{choice.algorithm} was made for {made}, the image has {count(found, 'channel')}"
    return ""


def choice_doubt(choice: Choice, case: Case | None) -> str:
    """Return what a person should know of a model that does answer: that it knows other classes than the data."""
    if case is None or case.dataset is None or choice.sized_by_data:
        return ""
    known, wanted = tuple(choice.classes), tuple(case.dataset.classes)
    if known == wanted or not wanted:  # images alone, of which nobody said what is in them
        return ""
    return f"It knows other classes ({_names(known)}) than the data have ({_names(wanted)})"


def method_misfit(explainer: Explainer, choice: Choice | None, model: Model | None = None) -> str:
    """Return why a method of explaining is not for a model; empty if it is, or if there is none.

    Parameters
    ----------
    model : Model, optional
        The one that was chosen, once it is built: it tells more.
    """
    if model is not None:
        return explainer.misfit(model)
    return "" if choice is None else explainer.framework_misfit(choice.framework)


def target_misfits(model: Model | None) -> dict[str, str]:
    """Return why a click into the viewer means nothing to a model, by the target that it would make."""
    if model is None or not getattr(model.task, "whole", False):
        return {}
    no_score = "This model scores the whole image, and no voxel by itself"
    if model.task.kind not in ("classification", "regression"):
        return {"voxel": f"{no_score}: click what is drawn, or choose a class."}
    no_shape = "This model answers with a class or a number: nothing is drawn that could be clicked."
    return {"voxel": f"{no_score}: choose a class.", "drawn": no_shape}


def belongs(choice: Choice, case: Case | None) -> bool:
    """Return whether a model is one for these data: it can answer for them, and in their classes."""
    return not choice_misfit(choice, case) and not choice_doubt(choice, case)


def training_misfit(choice: Choice | None, case: Case | None, *, tune: bool) -> str:
    """Return why no training can start; empty if one can.

    Parameters
    ----------
    tune : bool
        Whether it is to go on from the chosen weights.
    """
    if case is None or case.dataset is None:
        return NO_DATA
    if choice is None:
        return NO_MODEL
    if choice.made is not None:
        return NO_TRAINING
    if reason := algorithm_misfit(choice.card, case):
        return f"{choice.algorithm} is {reason}"
    if not tune:
        return ""
    # a head for other classes is replaced; a first layer for other channels is not
    return NO_WEIGHTS if choice.sized_by_data else choice_misfit(choice, case)


def _names(classes: tuple[str, ...]) -> str:
    more = f" and {len(classes) - _MOST_NAMES} more" if len(classes) > _MOST_NAMES else ""
    return ", ".join(classes[:_MOST_NAMES]) + more
