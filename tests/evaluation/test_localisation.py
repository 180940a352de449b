from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.evaluation import localisation_scores


def test_a_perfect_map() -> None:
    mask = np.zeros((4, 6), np.uint8)
    mask[1:3, 2:5] = 1
    assert localisation_scores([mask * 3.0], [mask], 1.0) == {"pr_auc": 1.0, "roc_auc": 1.0, "dice": 1.0}


def test_known_areas() -> None:
    # ranked 1, 0, 1, 0: precision 1 at recall 0.5, 2/3 at recall 1; three of four pairs in order
    scores = localisation_scores([np.array([[4.0, 3.0], [2.0, 1.0]])], [np.array([[1, 0], [1, 0]])])
    assert scores == pytest.approx({"pr_auc": 0.5 * 1 + 0.5 * 2 / 3, "roc_auc": 0.75})


def test_a_map_that_knows_nothing_has_the_share_of_marked_pixels() -> None:
    mask = np.zeros((10, 10), bool)
    mask[:2] = True
    scores = localisation_scores([np.ones((10, 10))], [mask])
    assert scores == pytest.approx({"pr_auc": 0.2, "roc_auc": 0.5})


def test_areas_are_over_all_pixels_and_dice_is_a_mean_over_images() -> None:
    maps = [np.array([1.0, 0.0]), np.array([[0.4, 0.2, 0.3]]), np.zeros(5)]
    masks = [np.array([1, 0]), np.array([[1, 0, 0]]), np.zeros(5, int)]
    scores = localisation_scores(maps, masks, 0.3)
    assert scores["pr_auc"] == 1.0
    # 1 for the first, 2 * 1 / (2 + 1) for the second; the third marks nothing on either side
    assert scores["dice"] == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize("value", [0, 1])
def test_without_both_kinds_of_pixel_there_are_no_areas(value: int) -> None:
    scores = localisation_scores([np.arange(4.0)], [np.full(4, value)], 1.0)
    assert np.isnan([scores["pr_auc"], scores["roc_auc"]]).all()
    assert scores["dice"] == pytest.approx(6 / 7 if value else 0.0)


def test_nothing_marked_and_nothing_found_has_no_dice() -> None:
    assert np.isnan(localisation_scores([np.zeros(4)], [np.zeros(4)], 1.0)["dice"])


def test_errors() -> None:
    with pytest.raises(InputError, match="1 maps, 2 masks"):
        localisation_scores([np.zeros(2)], [np.zeros(2), np.zeros(2)])
    with pytest.raises(InputError, match="at least one"):
        localisation_scores([], [])
    with pytest.raises(InputError, match=r"\(2,\), its mask \(3,\)"):
        localisation_scores([np.zeros(2)], [np.zeros(3)])
    with pytest.raises(InputError, match="1 values of number 0"):
        localisation_scores([np.array([0.0, np.nan])], [np.zeros(2)])
