"""Whether a map lies on the thing."""

import itertools

import numpy as np
import pytest

import workbench as wb
from workbench.explain.checkers.place import best_overlap, otsu
from workbench.testing import CheckContract
from workbench.volume import Volume

from .conftest import AFFINE


def found(made, values, mask, check, **options):
    volume = Volume(np.asarray(mask, np.uint8), AFFINE, kind="labels")
    return wb.explain.score(made(values), volume, {check: options}).found[0].finding


class TestPointingGame(CheckContract):
    name = "pointing-game"

    @pytest.mark.parametrize(("tolerance", "hit"), [(0, 0.0), (1.4, 0.0), (1.6, 1.0)])
    def test_the_distance_is_in_mm(self, made, tolerance, hit):
        # one voxel beside the mask, along the axis of 1.5 mm
        one = found(
            made, [[0, 0, 0], [0, 9, 1], [0, 0, 0]], [[0, 0, 0], [0, 0, 1], [0, 0, 0]], self.name, tolerance=tolerance
        )
        assert one.value == hit
        assert one.verdict == ("good" if hit else "bad")
        assert "1.5 mm from the mask" in one.sentence

    def test_in_the_mask_is_a_hit(self, made):
        one = found(made, [[0, 1], [5, 2]], [[0, 0], [1, 0]], self.name)
        assert (one.value, one.verdict, one.sentence) == (1.0, "good", "The highest voxel lies in the mask.")


class TestEnergy(CheckContract):
    name = "energy"

    def test_it_is_the_share_of_what_is_above_zero(self, made):
        one = found(made, [[1, 3], [0, -5]], [[0, 1], [0, 1]], self.name)
        assert one.value == pytest.approx(0.75)
        assert one.sentence == "75% of the map lies in the mask, which is 50.0% of the picture."

    def test_no_better_than_chance_is_bad(self, made):
        assert found(made, np.ones((4, 4)), np.eye(4), self.name).verdict == "bad"
        inside = np.ones((4, 4))
        inside[0] = 0
        one = found(made, np.ones((4, 4)), inside, self.name)
        assert (one.value, one.verdict) == (0.75, "bad")
        assert one.sentence.endswith("a map without any knowledge would do about as well.")


class TestOverlap(CheckContract):
    name = "iou-otsu"

    def test_two_heaps_are_parted_between_them(self):
        values = np.array([0.0, 0.1, 0.2, 5.0, 5.1, 5.2])
        assert 0.2 <= otsu(values) < 5.0

    def test_it_is_the_intersection_over_the_union(self, made):
        # above the threshold: three voxels, of which two are among the three of the mask
        one = found(made, [[9, 9, 0], [9, 0, 0], [0, 0, 0]], [[1, 1, 1], [0, 0, 0], [0, 0, 0]], self.name)
        assert one.value == pytest.approx(2 / 4)


class TestBestOverlap(CheckContract):
    name = "iou-best"

    @pytest.mark.parametrize("seed", range(5))
    def test_it_is_the_best_of_all_thresholds(self, seed):
        rng = np.random.default_rng(seed)
        values, inside = rng.integers(0, 6, (5, 4)).astype(float), rng.random((5, 4)) < 0.3
        every = [((values >= t) & inside).sum() / ((values >= t) | inside).sum() for t in np.unique(values)]
        value, threshold = best_overlap(values, inside)
        assert value == pytest.approx(max(every))
        assert ((values >= threshold) & inside).sum() / ((values >= threshold) | inside).sum() == pytest.approx(value)


def test_nothing_above_zero_is_left_open(made):
    for name, values in itertools.product(("pointing-game", "energy"), (np.zeros((3, 3)), -np.ones((3, 3)))):
        one = found(made, values, np.eye(3), name)
        assert np.isnan(one.value)
        assert one.verdict == "open"
