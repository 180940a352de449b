"""Dice, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench import evaluation
from workbench.errors import InputError
from workbench.volume import Volume

NAMES = {0: "background", 1: "a", 2: "b", 3: "c"}


def labels(array, affine, names=NAMES):
    return Volume(np.asarray(array, np.uint8), affine, kind="labels", labels=names)


@pytest.fixture
def pair(affine):
    truth, prediction = np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)
    truth[0] = 1  # 16 voxels
    prediction[0, :2] = 1  # 8 of them
    prediction[1, 0] = 1  # and 4 others
    truth[3] = 2
    return labels(prediction, affine), labels(truth, affine)


def test_dice_is_twice_the_overlap_over_the_sum(pair):
    scores = evaluation.dice(*pair)
    assert scores["a"] == pytest.approx(2 * 8 / (12 + 16))
    assert scores["b"] == 0  # missed
    assert math.isnan(scores["c"])  # nowhere: there was nothing to find
    assert set(scores) == {"a", "b", "c"}


def test_labels_can_be_chosen_and_named(pair):
    assert set(evaluation.dice(*pair, labels=[1])) == {"a"}
    assert set(evaluation.dice(*pair, labels=[1, 7])) == {"a", "7"}
    assert evaluation.dice(*pair, labels={1: "tumour"}) == {"tumour": pytest.approx(16 / 28)}
    assert evaluation.dice_arrays(pair[0].data, pair[1].data, [1])[1] == pytest.approx(16 / 28)


def test_a_prediction_on_another_grid_is_brought_onto_the_truth(affine):
    truth = np.zeros((8, 8, 8), np.uint8)
    truth[2:6, 2:6, 2:6] = 1
    true = labels(truth, affine)
    assert evaluation.dice(true.reorient("SAR"), true)["a"] == 1
    padded = true.pad(2, 3)
    assert evaluation.dice(padded, true)["a"] == 1
    moved = affine.copy()
    moved[:3, 3] += affine[:3, 0]  # one voxel along the first axis
    assert evaluation.dice(labels(truth, moved), true)["a"] == pytest.approx(0.75)


def test_agrees_with_monai(pair):
    torch = pytest.importorskip("torch")
    from monai.metrics import compute_dice

    one_hot = [torch.from_numpy(np.stack([v.data == k for k in range(3)]))[None].float() for v in pair]
    theirs = compute_dice(*one_hot, include_background=False)[0].tolist()
    assert [evaluation.dice(*pair)[name] for name in ("a", "b")] == pytest.approx(theirs)


def test_what_is_no_label_map_is_refused(pair, affine):
    with pytest.raises(InputError, match="kind 'image'"):
        evaluation.dice(Volume(np.zeros((4, 4, 4)), affine), pair[1])
    with pytest.raises(InputError, match="2D and 3D"):
        evaluation.dice(labels(np.zeros((4, 4)), affine), pair[1])
    with pytest.raises(InputError, match="labels="):
        evaluation.dice(pair[0], labels(pair[1].data, affine, None))
    with pytest.raises(InputError, match=r"\(4, 4, 4\) and \(4,\)"):
        evaluation.dice_arrays(pair[0].data, np.zeros(4), [1])
    with pytest.raises(InputError, match=r"prediction must be a Volume, got ndarray"):
        evaluation.dice(pair[0].data, pair[1])
    with pytest.raises(InputError, match=r"`labels` are label values.*'liver'"):
        evaluation.dice(*pair, labels="liver")


def test_what_nobody_annotated_is_not_scored(affine):
    data = np.zeros((4, 4, 4), np.uint8)
    data[:2], data[3] = 1, 255
    truth = Volume(data, affine, kind="labels", labels={0: "background", 1: "organ", 255: "unlabelled"})
    found = np.zeros((4, 4, 4), np.uint8)
    found[1:] = 1
    # in both 16, found 32 (without the slice of 255), true 32
    assert evaluation.dice(Volume(found, affine, kind="labels"), truth) == {"organ": pytest.approx(2 * 16 / (32 + 32))}
    unnamed = Volume(data, affine, kind="labels", labels={1: "organ"})
    assert evaluation.dice(Volume(found, affine, kind="labels"), unnamed) == {
        "organ": pytest.approx(2 * 16 / (48 + 32))
    }
    small = Volume(found.astype(np.int8), affine, kind="labels")
    assert evaluation.dice(small, truth) == {"organ": pytest.approx(2 * 16 / (32 + 32))}
