from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import InputError
from workbench.evaluation.instances import aggregated_jaccard, instance_scores, panoptic_quality
from workbench.volume import Volume

AFFINE = np.array([[0, -0.5, 0, 3], [2.0, 0, 0, -4], [0, 0, 1, 7], [0, 0, 0, 1]])


def two_objects() -> tuple[np.ndarray, np.ndarray]:
    """Return (prediction, truth): one object cut by half, one missed, one invented."""
    truth, found = np.zeros((10, 12), int), np.zeros((10, 12), int)
    truth[0:4, 0:4], truth[6:8, 0:4] = 5, 9
    found[0:4, 0:3], found[6:9, 8:10] = 1, 2
    return found, truth


def test_known_answer() -> None:
    found, truth = two_objects()
    # pairs: 12 of 16 voxels; the missed one adds 8, the invented one 6
    assert aggregated_jaccard(found, truth) == pytest.approx(12 / (16 + 8 + 6))
    quality = panoptic_quality(found, truth)
    assert (quality.matches, quality.false_positives, quality.false_negatives) == (1, 1, 1)
    assert quality.sq == pytest.approx(0.75)
    assert quality.dq == pytest.approx(0.5)
    assert quality.pq == pytest.approx(0.375)
    assert panoptic_quality(found, truth, iou=0.75).matches == 0  # above, not at


def test_joining_two_objects_costs() -> None:
    truth = np.zeros((4, 9), int)
    truth[:, :4], truth[:, 5:] = 1, 2
    joined = np.ones((4, 9), int)
    # both true objects choose the joined one: intersections 16 + 16, unions 36 + 36
    assert aggregated_jaccard(joined, truth) == pytest.approx(32 / 72)
    assert panoptic_quality(joined, truth).pq == 0


def test_volumes_on_other_grids() -> None:
    found, truth = two_objects()
    true = Volume(truth, AFFINE, kind="labels", axes=("i", "j"))
    scores = instance_scores(Volume(found, AFFINE, kind="labels", axes=("i", "j")), true)
    assert scores["dice"] == pytest.approx(2 * 12 / (24 + 18))
    assert scores["pq"] == pytest.approx(0.375)
    fine = Volume(np.kron(truth, np.ones((2, 2), int)), AFFINE @ _half(), kind="labels", axes=("i", "j"))
    assert instance_scores(fine, true) == {"aji": 1, "pq": 1, "sq": 1, "dq": 1, "dice": 1}


def _half() -> np.ndarray:
    matrix = np.diag([0.5, 0.5, 1, 1])
    matrix[:2, 3] = -0.25
    return matrix


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_numbers_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, found = rng.integers(0, 5, (6, 7)), rng.integers(0, 5, (6, 7))
    names = np.append(0, 1 + rng.permutation(900)[:4])
    assert aggregated_jaccard(names[found], truth) == pytest.approx(aggregated_jaccard(found, truth))
    assert panoptic_quality(found, names[truth]) == panoptic_quality(found, truth)
    assert aggregated_jaccard(names[truth], truth) == pytest.approx(1)
    assert 0 <= aggregated_jaccard(found, truth) <= 1


def test_nothing_there() -> None:
    empty, full = np.zeros((3, 3), int), np.ones((3, 3), int)
    assert np.isnan(aggregated_jaccard(empty, empty))
    assert np.isnan(panoptic_quality(empty, empty).pq)
    assert aggregated_jaccard(empty, full) == aggregated_jaccard(full, empty) == 0
    assert panoptic_quality(empty, full).pq == panoptic_quality(full, empty).pq == 0


def test_wrong_input() -> None:
    full = np.ones((3, 3), int)
    with pytest.raises(InputError, match=r"same shape, got \(3, 3\) and \(2, 3\)"):
        aggregated_jaccard(full, full[:2])
    with pytest.raises(InputError, match=r"whole numbers from 0 .*got \[-1"):
        aggregated_jaccard(-full, full)
    with pytest.raises(InputError, match=r"0.5 up to 1, got 0.3"):
        panoptic_quality(full, full, iou=0.3)
