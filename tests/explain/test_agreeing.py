"""How far maps agree, pair by pair, against values that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

import workbench as wb
from workbench.errors import InputError
from workbench.testing import toys

AFFINE = np.diag([0.7, -1.3, 1.0, 1.0])


@pytest.fixture
def why():
    return wb.explain(toys.cnn_model(2), toys.noise_volume((9, 8), AFFINE, seed=1), "saliency", 0)


def test_a_map_agrees_with_itself_and_contradicts_its_negative(why):
    found = wb.explain.agreement({"one": why, "same": why, "other": why.with_data(-why.data)})
    assert found.names == ["one", "same", "other"]
    assert found.ranks == pytest.approx(np.array([[1, 1, -1], [1, 1, -1], [-1, -1, 1]]))
    assert found.overlaps[0, 1] == 1
    assert found.overlaps[0, 2] == 0
    assert [(row["map"], row["other"]) for row in found.rows] == [("one", "same"), ("one", "other"), ("same", "other")]


def test_pairs_are_measured_as_scipy_does(why):
    noise = why.with_data(np.random.default_rng(0).normal(size=why.shape).astype(np.float32))
    found = wb.explain.agreement([why, noise], share=0.25)
    assert found.ranks[0, 1] == pytest.approx(spearmanr(why.data.ravel(), noise.data.ravel()).statistic)
    high = [set(np.argsort(-one.data.ravel())[:18]) for one in (why, noise)]
    assert found.overlaps[0, 1] == pytest.approx(len(high[0] & high[1]) / len(high[0] | high[1]))
    assert found.columns == ("map", "other", "rank correlation", "overlap of the highest 0.25")


def test_an_even_map_has_no_rank_correlation(why):
    found = wb.explain.agreement([why, why.with_data(np.zeros(why.shape, np.float32))])
    assert np.isnan(found.ranks[0, 1])


def test_what_cannot_be_compared_is_refused(why):
    with pytest.raises(InputError, match="two Explanations or more, got 1"):
        wb.explain.agreement([why])
    other = wb.explain(toys.cnn_model(2), toys.noise_volume((9, 8), seed=1), "saliency", 0)
    with pytest.raises(InputError, match="must be of one input, on one grid"):
        wb.explain.agreement([why, other])
    with pytest.raises(InputError, match="share"):
        wb.explain.agreement([why, why], share=1.5)
