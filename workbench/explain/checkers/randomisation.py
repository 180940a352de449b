"""Whether the map follows the weights: with random ones it should be another map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from workbench.explain.check import Check, Curve, Finding, Limits, Subject
from workbench.explain.checkers._ranks import rank_correlation
from workbench.parameters import Parameter, by_name
from workbench.work import Work
from workbench.zoo import Model
from workbench.zoo.copying import fresh_weights, with_weights


class Randomisation(Check):
    """Rank correlation of magnitudes with the map of the same network when all its weights are random.

    Weights are drawn anew from the last layer to the first, in a few stages, and the map is made after each. A map that
    stays what it was shows what the input looks like, and not why the network answers as it does.
    """

    name = "randomisation"
    title = "Does it follow the weights?"
    summary = "rank correlation with the map of a network with random weights; near 0 is right"
    reference = "Adebayo et al. 2018, Sanity Checks for Saliency Maps, section 3.1 (cascading randomisation)"
    needs_model = True
    limits = Limits("below", 0.3, 0.6, "its magnitude")
    order = 30
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        Parameter("stages", "integer", 3, "In how many steps the weights are drawn.", low=1, high=100),
        Parameter("seed", "integer", 0, "Of the random weights.", low=0),
    )

    def find(self, subject: Subject, options: Mapping[str, Any], work: Work) -> Finding:
        request, first = subject.request, np.abs(subject.values)
        if np.ptp(first) == 0:
            return Finding(float("nan"), "open", "The map is the same everywhere, so it cannot follow anything.")
        model = request.model
        layers = _layers(model)
        stages = np.unique(np.ceil(np.linspace(0, len(layers), options["stages"] + 1)[1:]).astype(int))
        # the target stays what it was: a network with random weights predicts something else
        asked = replace(request, target=subject.explanation.target, schedule=())
        shares, alike = [0.0], [1.0]
        for number, drawn in enumerate(stages):
            other = randomised(model, layers[len(layers) - drawn :], options["seed"])
            part = work.part(number, len(stages))
            again = np.abs(np.asarray(replace(asked, model=other).run(work=part).data, np.float64))
            found = rank_correlation(first, again)
            # a constant map has nothing of the first one
            alike.append(found if np.isfinite(found) else 0.0)
            shares.append(drawn / len(layers))
        value = alike[-1]
        verdict = self.limits.verdict(abs(value))
        words = f"Made with random weights, the map has a rank correlation of {value:.2f} with this one"
        ends = {
            "good": "it follows what the network has learned.",
            "doubtful": "part of it is the picture and not the network.",
            "bad": "the map hardly changes when the weights are random. Do not trust it here.",
        }
        curve = Curve(tuple(shares), tuple(alike), "share of the layers that is random", "rank correlation")
        return Finding(value, verdict, f"{words}: {ends[verdict]}", {"random weights": curve})


def randomised(model: Model, layers: list[str], seed: int) -> Model:
    """Return a copy of a model in which the weights of some layers are drawn anew."""
    drawn = fresh_weights(model, seed)
    own = {
        name: drawn[name] if any(name.startswith(f"{layer}.") for layer in layers) else value
        for name, value in model.state().items()
    }
    return with_weights(model, own)


def _layers(model: Model) -> list[str]:
    """Return the names of the layers that hold weights, as they stand in the network."""
    held = {name.rpartition(".")[0] for name in model.state()}
    return [layer.name for layer in model.layers() if layer.name in held]
