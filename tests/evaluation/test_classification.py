"""Scores of probabilities, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.evaluation import classification_scores


def test_two_classes_use_the_second_column():
    positive = np.array([0.1, 0.6, 0.35, 0.8])
    truth = [0, 0, 1, 1]
    # pairs (positive, negative) in the right order: 0.35 > 0.1, 0.8 > 0.1, 0.8 > 0.6: 3 of 4
    # 0.6 and 0.8 are called the second class, one of them is: precision and recall are 1/2
    expected = {"auc": pytest.approx(0.75), "accuracy": pytest.approx(0.5), "f1": pytest.approx(0.5)}
    assert classification_scores(positive, truth) == expected
    assert classification_scores(np.stack([1 - positive, positive], 1), np.array(truth)[:, None]) == expected


def test_the_threshold_is_exclusive_as_in_medmnist():
    assert classification_scores([0.5, 0.51], [1, 1])["accuracy"] == 0.5


def test_more_classes_average_one_against_the_rest():
    scores = [[0.8, 0.1, 0.1], [0.3, 0.5, 0.2], [0.4, 0.4, 0.2], [0.1, 0.2, 0.7]]
    truth = [0, 1, 0, 2]
    # class 0: 4 of 4 pairs; class 1: 3 of 3; class 2: 3 of 3
    assert classification_scores(scores, truth) == dict.fromkeys(("auc", "accuracy", "f1"), pytest.approx(1.0))
    truth = [0, 1, 2, 2]
    # class 0: 3 of 3; class 1: 3 of 3; class 2: 0.2 beats 0.1 and ties with 0.2 (1.5 of 2), 0.7 beats both
    assert classification_scores(scores, truth)["auc"] == pytest.approx((1 + 1 + 3.5 / 4) / 3)
    assert classification_scores(scores, truth)["accuracy"] == pytest.approx(0.75)
    # F1 of class 0: precision 1/2, recall 1; class 1: 1; class 2: precision 1, recall 1/2
    assert classification_scores(scores, truth)["f1"] == pytest.approx((2 / 3 + 1 + 2 / 3) / 3)


def test_a_class_that_is_absent_leaves_no_auc():
    assert math.isnan(classification_scores([0.2, 0.7], [1, 1])["auc"])


@pytest.mark.parametrize(
    ("scores", "truth", "words"),
    [
        ([[0.5, 0.5]], [0, 1], "1 rows, 2 labels"),
        ([[0.5], [0.5]], [0, 1], r"k of 2 or more"),
        ([[0.5, np.nan], [0.5, 0.5]], [0, 1], "row 0"),
        ([[0.5, 0.5], [0.5, 0.5]], [0, 2], "classes 0 to 1"),
        ([[0.5, 0.5], [0.5, 0.5]], [0, 0.5], "classes 0 to 1"),
        (np.zeros((0, 2)), [], "0 rows"),
    ],
)
def test_bad_input_is_named(scores, truth, words):
    with pytest.raises(InputError, match=words):
        classification_scores(scores, truth)
