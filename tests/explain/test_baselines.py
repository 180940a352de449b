"""What an absent voxel looks like, and when a baseline is to be doubted."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import workbench as wb
from workbench.explain.baselines import baseline_like, inpainted, local_mean
from workbench.testing import toys
from workbench.volume import Volume

METHODS = ["occlusion", "integrated-gradients", "deep-lift"]


def test_what_is_hidden_is_what_its_borders_suggest():
    ramp = (2.0 * np.arange(6)[:, None] + 5 * np.arange(7)).astype(np.float32)[None]
    window = (slice(2, 4), slice(3, 6))
    hidden = ramp.copy()
    hidden[(slice(None), *window)] = 99
    assert np.allclose(inpainted(hidden, window), ramp[(slice(None), *window)]), "a plane is kept"


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ((slice(0, 2), slice(0, 4)), [[8, 9, 10, 11]] * 2),  # at the edge the other side is kept on
        ((slice(0, 4), slice(0, 4)), np.full((4, 4), 7.5)),  # the window is all there is
    ],
)
def test_at_the_edge_there_is_one_side(window, expected):
    image = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    assert np.allclose(inpainted(image, window)[0], expected)


def test_the_local_mean_is_that_of_the_rim_of_each_channel():
    image = np.stack([np.full((6, 6), 1.0), np.full((6, 6), 3.0)]).astype(np.float32)
    window = (slice(2, 4), slice(2, 4))
    image[(slice(None), *window)] = 50
    assert local_mean(image, window).tolist() == [[[1, 1], [1, 1]], [[3, 3], [3, 3]]]


def test_the_blur_goes_by_the_grid_and_is_a_voxel_at_least():
    image = np.random.default_rng(0).normal(size=(1, 96, 16)).astype(np.float32)
    assert np.allclose(baseline_like(image, "blur", None)[0], gaussian_filter(image[0], (3, 1)), atol=1e-6)
    assert np.allclose(baseline_like(image, "blur", 2.0)[0], gaussian_filter(image[0], 2), atol=1e-6)


def scene(sign):
    """A network that sums up the input times `sign`, and an input of ones with a spot of threes."""
    weights = np.full((2, 16 * 12), sign, np.float32)
    model, _ = toys.linear_model((16, 12), classes=2)
    model.framework.load_state(model.module, {"fc.weight": weights, "fc.bias": np.zeros(2, np.float32)})
    data = np.ones((16, 12), np.float32)
    data[5, 4] = 3
    return model, Volume(data, np.diag([0.5, 2, 1, 1]))


@pytest.mark.parametrize("method", METHODS)
def test_zero_is_the_baseline_where_it_is_an_absence(method):
    model, volume = scene(1)
    why = wb.explain.explain(model, volume, method, 1)
    assert why.baseline_score == pytest.approx(0, abs=1e-4)
    assert why.notes == ()
    assert np.allclose(why.data, wb.explain.explain(model, volume, method, 1, baseline=0).data)
    assert why.options["baseline"] == "auto"


@pytest.mark.parametrize("method", METHODS)
def test_where_nothing_scores_less_the_map_says_so(method):
    # the mean and the blurred input have the sum of the input
    model, volume = scene(-1)
    why = wb.explain.explain(model, volume, method, 1, baseline=0)
    assert why.baseline_score == pytest.approx(0, abs=1e-4)
    assert any(f"scores {why.baseline_score:.4g} and the input -194" in note for note in why.notes), why.notes
    assert any("Take another baseline" in note for note in why.notes)


@pytest.mark.parametrize("method", METHODS)
def test_zero_is_left_where_it_is_evidence(method):
    model = wb.zoo.load("covid-resnet-phantom-xray")
    case = wb.datasets.load("phantom-xray", task="classification", size=(64, 64), lesion_size=(30, 50), seed=1)[1]
    why = wb.explain.explain(model, case["image"], method, "lesion")
    zero = wb.explain.explain(model, case["image"], method, "lesion", baseline=0)
    assert zero.baseline_score > zero.score
    assert why.baseline_score < why.score
    assert any(note.startswith("Zero, the usual baseline, scores") for note in why.notes), why.notes
    blurred = wb.explain.explain(model, case["image"], method, "lesion", baseline="blur")
    assert np.allclose(why.data, blurred.data, atol=1e-5)


def test_the_default_points_at_the_lesions_of_the_classifier_that_comes_along():
    model = wb.zoo.load("covid-resnet-phantom-xray")
    data = wb.datasets.load("phantom-xray", n=20, task="classification", size=(64, 64), lesion_size=(30, 50), seed=1)
    found = [case for case in data if case["label"] == 1 and model.predict(case["image"]).name == "lesion"]
    hits = []
    for case in found:
        why = wb.explain.explain(model, case["image"], "occlusion", "lesion")
        hits.append(wb.explain.score(why, case["lesion"], ["pointing-game"]).rows[0]["value"])
    assert len(hits) >= 5
    assert np.mean(hits) >= 0.5


def test_local_baselines_tell_where_hiding_adds_to_the_score():
    model, volume = scene(-1)
    spots = np.zeros((16, 12), np.float32)
    spots[4::6, 3::6] = 9  # each is more than its window, and nothing is around it
    why = wb.explain.explain(model, volume.with_data(spots), "occlusion", 1, window=6, stride=6, baseline="local-mean")
    assert why.baseline_score is None
    assert [note.split(" in ")[0] for note in why.notes] == ["Hiding raised the score"]
    model, volume = scene(1)
    why = wb.explain.explain(model, volume.with_data(spots), "occlusion", 1, window=6, stride=6, baseline="local-mean")
    assert why.notes == ()
