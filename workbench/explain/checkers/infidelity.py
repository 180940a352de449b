"""Whether the map foretells how the score changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.explain.baselines import BLUR, ONE_BASELINE
from workbench.explain.check import Check, Finding, Limits, Subject
from workbench.parameters import Parameter, by_name
from workbench.work import Work


class Infidelity(Check):
    """The share of the changes of the score under random hiding that the map does not foretell, 0 to 1.

    Boxes at random places and of random sizes are hidden by the baseline. The map foretells for each the sum of its
    values there, times one factor for all: the best one that is not negative, as a map that is upside down foretells
    nothing. The value is the mean square of what is wrong with that, as a share of the mean square of the changes.
    """

    name = "infidelity"
    title = "Does it foretell what hiding does?"
    summary = "share of the changes of the score under random hiding that the map does not foretell"
    reference = "Yeh et al. 2019, On the (In)fidelity and Sensitivity of Explanations, definition 2.1, normalised"
    needs_model = True
    limits = Limits("below", 0.4, 0.8)
    order = 22
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        Parameter("samples", "integer", 64, "How many boxes are hidden.", low=2, high=100_000),
        ONE_BASELINE,
        BLUR,
        Parameter("seed", "integer", 0, "Of the boxes.", low=0),
    )

    def find(self, subject: Subject, options: Mapping[str, Any], work: Work) -> Finding:
        image, baseline = subject.making.problem.input[0], subject.baseline(options)
        boxes = _boxes(image.shape[1:], options["samples"], np.random.default_rng(options["seed"]))

        def build(part: range) -> Array:
            inputs = np.repeat(image[None], len(part), axis=0)
            for place, number in enumerate(part):
                if number:  # the first one is the input as it is
                    hidden = (slice(None), *boxes[number - 1])
                    inputs[place][hidden] = baseline[hidden]
            return inputs

        scores = np.array([*subject.scores(1 + len(boxes), build, work)])
        drops = scores[0] - scores[1:]
        foretold = np.array([subject.on_network[box].sum() for box in boxes])
        if not (drops**2).sum() > 0:
            return Finding(float("nan"), "open", "No box changes the score, so there is nothing to foretell.")
        value = 1.0
        if (foretold**2).sum() > 0:
            factor = max(0.0, (foretold * drops).sum() / (foretold**2).sum())
            value = float(((factor * foretold - drops) ** 2).sum() / (drops**2).sum())
        verdict = self.limits.verdict(value)
        ends = {
            "good": "what it marks is what counts.",
            "doubtful": "it tells part of what counts.",
            "bad": "the values say next to nothing on what hiding would do.",
        }
        words = (
            f"Of what hiding {len(boxes)} boxes changes in the score the map foretells {1 - value:.0%}: {ends[verdict]}"
        )
        return Finding(value, verdict, words)


def _boxes(shape: tuple[int, ...], count: int, rng: np.random.Generator) -> list[tuple[slice, ...]]:
    """Return boxes whose sides are a tenth to a half of those of the grid."""
    made = []
    for _ in range(count):
        sides = [int(np.clip(round(size * rng.uniform(0.1, 0.5)), 1, size)) for size in shape]
        starts = [int(rng.integers(0, size - side + 1)) for size, side in zip(shape, sides, strict=True)]
        made.append(tuple(slice(start, start + side) for start, side in zip(starts, sides, strict=True)))
    return made
