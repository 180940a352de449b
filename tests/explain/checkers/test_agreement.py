"""Whether other methods say the same."""

import numpy as np
import pytest

import workbench as wb
from workbench.explain.checkers._ranks import rank_correlation, top, top_overlap
from workbench.testing import CheckContract


class TestAgreement(CheckContract):
    name = "agreement"

    def test_maps_in_one_order_agree_and_in_the_other_contradict(self, made):
        values = np.arange(20.0).reshape(4, 5)
        maps = [made(values), made(values**3), made(-values)]
        found = wb.explain.score(maps, checks=[self.name]).rows
        assert [row["value"] for row in found] == pytest.approx([0, 0, -1])
        assert [row["verdict"] for row in found] == ["bad"] * 3
        (first, _) = wb.explain.score(maps[:2], checks=[self.name]).rows
        assert first["value"] == pytest.approx(1)
        assert first["verdict"] == "good"
        assert "of the highest 5 % 100% are common" in first["what it means"]


def test_ranks_are_those_of_spearman():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(2)
    one, other = rng.integers(0, 9, (2, 7, 6)).astype(float)
    assert rank_correlation(one, other) == pytest.approx(spearmanr(one.ravel(), other.ravel())[0])
    assert np.isnan(rank_correlation(one, np.ones((7, 6))))


def test_the_top_is_so_many_voxels_whatever_is_equal():
    assert top(np.array([3.0, 3, 1, 3]), 0.5).tolist() == [True, True, False, False]
    assert top(np.zeros(10), 0.01).sum() == 1
    assert top_overlap(np.array([9.0, 8, 1, 0]), np.array([9.0, 0, 8, 1]), 0.5) == pytest.approx(1 / 3)
