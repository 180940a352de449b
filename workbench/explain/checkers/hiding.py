"""Whether the score goes with what the map marks: voxels are hidden, or brought back, in the order of the map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.explain.baselines import BLUR, ONE_BASELINE
from workbench.explain.check import Check, Curve, Finding, Limits, Subject
from workbench.parameters import Parameter, by_name
from workbench.work import Work

_OPTIONS = by_name(
    Parameter("steps", "integer", 20, "How many shares are hidden, one after the other.", low=2, high=1000),
    ONE_BASELINE,
    BLUR,
    Parameter("seed", "integer", 0, "Of the random order that the map is compared with.", low=0),
)
#: By how much a map must beat a random order, as a share of the score, to be believed.
_BETTER = Limits("above", 0.05, 0, "by how much it beats a random order")


class Deletion(Check):
    """The area below the score while voxels are hidden, the highest of the map first: the lower the better.

    The score is 1 for the input and 0 for the baseline, which hides everything. Of a random order, of blocks of the
    size in which the map was measured, the area is told beside.
    """

    name = "deletion"
    title = "Does the score fall when it is hidden?"
    summary = "area below the score while the highest voxels are hidden first; the lower the better"
    reference = "Petsiuk et al. 2018, RISE, section 4.2"
    needs_model = True
    limits = _BETTER
    order = 20
    options: ClassVar[Mapping[str, Parameter]] = _OPTIONS

    def find(self, subject: Subject, options: Mapping[str, Any], work: Work) -> Finding:
        return _find(subject, options, work, self.limits, hides=True)


class Insertion(Check):
    """The area below the score while voxels are brought back, the highest of the map first: the higher the better.

    Otherwise as deletion.
    """

    name = "insertion"
    title = "Does the score come back with it?"
    summary = "area below the score while the highest voxels are brought back first; the higher the better"
    reference = Deletion.reference
    needs_model = True
    limits = _BETTER
    order = 21
    options: ClassVar[Mapping[str, Parameter]] = _OPTIONS

    def find(self, subject: Subject, options: Mapping[str, Any], work: Work) -> Finding:
        return _find(subject, options, work, self.limits, hides=False)


def _find(subject: Subject, options: Mapping[str, Any], work: Work, limits: Limits, *, hides: bool) -> Finding:
    image, baseline = subject.making.problem.input[0], subject.baseline(options)
    orders = {"by the map": _ranked(subject.on_network), "at random": _ranked(_noise(subject, options["seed"]))}
    shares = np.linspace(0, 1, options["steps"] + 1)
    count = len(shares)

    def build(part: range) -> Array:
        inputs = np.empty((len(part), *image.shape), np.float32)
        for place, number in enumerate(part):
            ranks = [*orders.values()][number // count]
            first = ranks < round(shares[number % count] * ranks.size)
            inputs[place] = np.where(first == hides, baseline, image)
        return inputs

    scores = np.array([*subject.scores(2 * count, build, work)]).reshape(2, count)
    # the ends are the same for both orders
    of_input, of_baseline = (scores[0, 0], scores[0, -1]) if hides else (scores[0, -1], scores[0, 0])
    if not of_baseline < of_input:
        words = (
            f"Hidden altogether, the input scores {of_baseline:.3g}, and as it is {of_input:.3g}: there is no score to "
            "lose. Take another baseline."
        )
        return Finding(float("nan"), "open", words)
    what = "share that is hidden" if hides else "share that is brought back"
    curves = {
        name: Curve(
            tuple(shares.tolist()), tuple(((row - of_baseline) / (of_input - of_baseline)).tolist()), what, "score"
        )
        for name, row in zip(orders, scores, strict=True)
    }
    value, chance = (curve.area for curve in curves.values())
    gain = chance - value if hides else value - chance
    tenth = float(np.interp(0.1, shares, curves["by the map"].y))
    left = (
        f"{'Without' if hides else 'With nothing but'} the highest tenth of the map {tenth:.0%} of the score is there"
    )
    words = f"{left}; area {value:.2f}, at random {chance:.2f}"
    ends = {
        "good": "what the map marks matters to the network.",
        "doubtful": "hardly better than any other order of voxels.",
        "bad": "the network does not need what the map marks.",
    }
    verdict = limits.verdict(gain)
    return Finding(value, verdict, f"{words}: {ends[verdict]}", curves)


def _ranked(values: Array) -> Array:
    """Return the rank of each voxel, the highest first; of equal ones the first first."""
    ranks = np.empty(values.size, np.int64)
    ranks[np.argsort(-values.ravel(), kind="stable")] = np.arange(values.size)
    return ranks.reshape(values.shape)


def _noise(subject: Subject, seed: int) -> Array:
    """Return random values in blocks as large as the cells in which the map was measured."""
    shape = subject.on_network.shape
    cells = tuple(min(one, size) for one, size in zip(subject.explanation.native_resolution, shape, strict=True))
    coarse = np.random.default_rng(seed).random(cells)
    noise: Array = coarse[np.ix_(*(np.arange(size) * cell // size for size, cell in zip(shape, cells, strict=True)))]
    return noise
