"""Whether the score goes with what a map marks."""

import numpy as np
import pytest

import workbench as wb
from workbench.testing import CheckContract, toys
from workbench.volume import Volume

SHAPE = (4, 5)
OPTIONS = {"steps": 20, "baseline": 0}


def linear():
    """A map of a network whose score is a sum of weighted voxels, and what each voxel adds to it."""
    model, weights = toys.linear_model(SHAPE, classes=2)
    weights = weights[1, 0]
    image = np.sign(weights) * np.linspace(0.5, 1.5, weights.size).reshape(SHAPE)
    volume = Volume(image.astype(np.float32), np.diag([2.0, 0.7, 1, 1]))
    return wb.explain.explain(model, volume, "input-x-gradient", target=1), weights * image


def area(parts):
    """The area below the score while equal shares of the voxels go, in that order."""
    left = 1 - np.concatenate([[0], np.cumsum(parts)]) / parts.sum()
    return float(((left[1:] + left[:-1]) / 2).mean())


class TestDeletion(CheckContract):
    name = "deletion"
    options = {"steps": 4}

    def test_it_is_the_area_below_what_is_left(self):
        why, parts = linear()
        found = wb.explain.score(why, checks={self.name: OPTIONS}).found[0].finding
        assert found.value == pytest.approx(area(np.sort(parts.ravel())[::-1]), rel=1e-5)
        assert found.verdict == "good"
        curve, chance = found.curves["by the map"], found.curves["at random"]
        assert (curve.y[0], curve.y[-1]) == pytest.approx((1, 0))
        assert curve.area < chance.area
        assert curve.x == pytest.approx(np.linspace(0, 1, 21))

    def test_an_upside_down_map_is_bad(self):
        why, parts = linear()
        found = wb.explain.score(why.with_data(-why.data), checks={self.name: OPTIONS}).found[0].finding
        assert found.value == pytest.approx(area(np.sort(parts.ravel())), rel=1e-5)
        assert found.verdict == "bad"
        assert found.sentence.endswith("the network does not need what the map marks.")


class TestInsertion(CheckContract):
    name = "insertion"
    options = {"steps": 4}

    def test_it_is_the_area_below_what_came_back(self):
        why, parts = linear()
        found = wb.explain.score(why, checks={self.name: OPTIONS}).found[0].finding
        assert found.value == pytest.approx(1 - area(np.sort(parts.ravel())[::-1]), rel=1e-5)
        assert found.verdict == "good"


def test_a_baseline_that_is_evidence_leaves_it_open():
    why, _ = linear()
    asked = {"deletion": OPTIONS, "insertion": OPTIONS}
    against = wb.explain.explain(
        why.request.model, why.request.volume.with_data(-why.request.volume.data), "saliency", 1
    )
    for one in wb.explain.score(against, checks=asked).found:
        assert np.isnan(one.finding.value)
        assert one.finding.verdict == "open"
        assert "Take another baseline" in one.finding.sentence
