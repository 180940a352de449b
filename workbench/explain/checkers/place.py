"""Whether a map lies on the thing: what can be told by a mask alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.explain.check import Check, Finding, Limits, Subject
from workbench.parameters import Parameter, by_name
from workbench.work import Work

_NOTHING = Finding(float("nan"), "open", "The map has no voxel above zero: there is nothing to compare with the mask.")
#: Of what chance leaves to be gained, the share that a good map must have: a mask of half the picture is easily met.
_BEYOND_CHANCE = 0.25
_OVERLAP = Limits("at least", 0.5, 0.2)


class PointingGame(Check):
    """1 if the highest voxel of the map lies in the mask or no farther from it than the tolerance, else 0."""

    name = "pointing-game"
    title = "Does the highest voxel lie on it?"
    summary = "1 if the highest voxel lies in the mask, else 0"
    reference = "Zhang et al. 2016, Top-down Neural Attention by Excitation Backprop, section 4.1"
    needs_mask = True
    limits = Limits("at least", 1, 1)
    order = 10
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        Parameter("tolerance", "number", 0.0, "How far from the mask the highest voxel may lie.", low=0, unit="mm"),
    )

    def find(self, subject: Subject, options: Mapping[str, Any], work: Work) -> Finding:  # noqa: ARG002
        if subject.values.max() <= 0:
            return _NOTHING
        from scipy.ndimage import distance_transform_edt

        far = distance_transform_edt(~subject.inside, sampling=subject.explanation.volume.spacing)
        place = np.unravel_index(np.argmax(subject.values), subject.values.shape)
        distance = float(far[place])
        hit = distance <= options["tolerance"]
        unit = "mm" if subject.explanation.volume.space != "pixels" else "pixels"
        where = "in the mask" if distance == 0 else f"{distance:.1f} {unit} from the mask"
        sentence = f"The highest voxel lies {where}."
        if not hit:
            sentence += " Look at the map before you believe it: it points at something else."
        return Finding(float(hit), self.limits.verdict(hit), sentence)


class Energy(Check):
    """The share of what is above zero that lies in the mask."""

    name = "energy"
    title = "How much of the map lies on it?"
    summary = "share of the positive values that lies in the mask"
    reference = "Wang et al. 2020, Score-CAM, section 4.3 (energy-based pointing game)"
    needs_mask = True
    limits = Limits(
        "above", 0.5, 2, "the number; for doubtful, as a multiple of the share of the picture that is in the mask"
    )
    order = 11

    def find(self, subject: Subject, options: Mapping[str, Any], work: Work) -> Finding:  # noqa: ARG002
        positive = np.clip(subject.values, 0, None)
        if not positive.any():
            return _NOTHING
        value = float(positive[subject.inside].sum() / positive.sum())
        size = float(subject.inside.mean())
        verdict = self.limits.verdict(value, self.limits.doubtful * size)
        if value - size <= _BEYOND_CHANCE * (1 - size) and verdict == "good":
            verdict = "bad"
        sentence = f"{value:.0%} of the map lies in the mask, which is {size:.1%} of the picture"
        ends = {
            "good": ".",
            "doubtful": ": more than by chance, and most of the map lies elsewhere.",
            "bad": ": a map without any knowledge would do about as well.",
        }
        return Finding(value, verdict, sentence + ends[verdict])


class Overlap(Check):
    """Intersection over union of the mask and the part of the map above Otsu's threshold."""

    name = "iou-otsu"
    title = "Is its outline that of the thing?"
    summary = "intersection over union with the mask, above Otsu's threshold"
    reference = "Otsu 1979, A Threshold Selection Method from Gray-Level Histograms"
    needs_mask = True
    limits = _OVERLAP
    order = 12

    def find(self, subject: Subject, options: Mapping[str, Any], work: Work) -> Finding:  # noqa: ARG002
        if np.ptp(subject.values) == 0:
            return _NOTHING
        value = _overlap(subject.values > otsu(subject.values), subject.inside)
        return Finding(
            value, self.limits.verdict(value), f"Cut at Otsu's threshold, the map and the mask share {value:.0%}."
        )


class BestOverlap(Check):
    """The largest intersection over union of the mask and the part of the map above any threshold."""

    name = "iou-best"
    title = "Could its outline be that of the thing?"
    summary = "largest intersection over union with the mask, over all thresholds"
    reference = (
        "Choe et al. 2020, Evaluating Weakly Supervised Object Localization Methods Right (maximal box accuracy)"
    )
    needs_mask = True
    limits = _OVERLAP
    order = 13

    def find(self, subject: Subject, options: Mapping[str, Any], work: Work) -> Finding:  # noqa: ARG002
        if np.ptp(subject.values) == 0:
            return _NOTHING
        value, threshold = best_overlap(subject.values, subject.inside)
        words = f"Cut at the best of all thresholds ({threshold:.3g}), the map and the mask share {value:.0%}."
        return Finding(value, self.limits.verdict(value), words)


def otsu(values: Array) -> float:
    """Return the threshold that parts a map into two with the largest variance between them (256 bins)."""
    counts, edges = np.histogram(values, 256)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    sums = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums[:-1] / below - (sums[-1] - sums[:-1]) / above) ** 2
    return float(edges[1 + int(np.nanargmax(between))])


def best_overlap(values: Array, inside: Array) -> tuple[float, float]:
    """Return the largest intersection over union of ``values >= threshold`` and a mask, and that threshold."""
    order = np.argsort(-values.ravel(), kind="stable")
    ranked, hits = values.ravel()[order], np.cumsum(inside.ravel()[order])
    # voxels of one value are all above a threshold or all below
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    union = (last + 1) + hits[-1] - hits[last]
    found = hits[last] / union
    best = int(np.argmax(found))
    return float(found[best]), float(ranked[last[best]])


def _overlap(one: Array, other: Array) -> float:
    return float((one & other).sum() / (one | other).sum())
