"""Any output of a network as what is explained: the maps are those of scores that are written down here by hand."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.explain import Output
from workbench.explain.targets import from_description
from workbench.frameworks import LinearScore
from workbench.testing import toys
from workbench.volume import Volume


def saliency_by_hand(model, volume, output, weights):
    """Return the map of the sum of weights times an output: where a voxel's gradient is large."""
    prepared = model.prepare(volume)
    score = LinearScore(np.asarray(weights, np.float32), output=output)
    scores, gradient = model.framework.input_gradient(model.module, prepared.batch, score)
    return float(scores[0]), prepared.restore(np.abs(gradient[0, 0]), kind="scores", order=1).data


def agrees(why, expected):
    score, wanted = expected
    assert why.score == pytest.approx(score, rel=1e-4, abs=1e-6)
    assert np.abs(wanted).max() > 0
    np.testing.assert_allclose(why.data, wanted, atol=1e-6 * np.abs(wanted).max())


@pytest.fixture(scope="module")
def model():
    made = wb.zoo.create("cd-net", in_channels=1, num_classes=2, width=4)
    made.preprocess = {"orientation": "IPL", "intensity": {"kind": "none"}}
    return made


@pytest.fixture(scope="module")
def volume():
    return toys.noise_volume((32, 32))


@pytest.fixture(scope="module")
def outputs(model, volume):
    return model.forward(model.prepare(volume).batch)


def on_input(volume, model, mask):
    """Return a mask of the volume on the network's grid."""
    soft = volume.with_data(mask.astype(np.float32))
    return np.asarray(soft.resample_like(model.prepare(volume).grid, order=1).data)


def test_it_is_the_mean_of_a_channel(model, volume, outputs):
    weights = np.zeros(outputs["direction"].shape[1:])
    weights[3] = 1 / weights[3].size
    why = wb.explain(model, volume, "saliency", Output("direction", channel=3))
    agrees(why, saliency_by_hand(model, volume, "direction", weights))
    assert str(why.target) == "output direction 3"


def test_an_output_of_one_channel_needs_none_said(model, volume, outputs):
    weights = np.full(outputs["point"].shape[1:], 1 / outputs["point"][0].size)
    why = wb.explain(model, volume, "saliency", Output("point"))
    agrees(why, saliency_by_hand(model, volume, "point", weights))
    assert why.target.channel == 0


@pytest.mark.parametrize("kind", ["labels", "image"])
def test_a_mask_says_over_what_the_mean_is_taken(model, volume, outputs, kind):
    mask = np.zeros(volume.shape, bool)
    mask[5:12, 20:24] = True
    where = Volume(mask.astype(np.uint8) * (7 if kind == "labels" else 1), volume.affine, axes=volume.axes, kind=kind)
    weights = np.zeros(outputs["direction"].shape[1:])
    inside = on_input(volume, model, mask)
    weights[1] = inside / inside.sum()
    why = wb.explain(model, volume, "saliency", Output("direction", channel=1, where=where))
    agrees(why, saliency_by_hand(model, volume, "direction", weights))


def test_a_voxel_is_one_place(model, volume, outputs):
    mask = np.zeros(volume.shape)
    mask[9, 21] = 1
    weights = np.zeros(outputs["direction"].shape[1:])
    weights[1] = np.rint(on_input(volume, model, mask))
    assert weights.sum() == 1
    why = wb.explain(model, volume, "saliency", Output("direction", channel=1, where=(9, 21)))
    agrees(why, saliency_by_hand(model, volume, "direction", weights))


def test_a_voxel_is_the_place_of_a_coarse_output_that_it_lies_in():
    model = wb.zoo.create("ellipsenet", in_channels=1, num_classes=2, width=4, head_channels=4)
    model.preprocess = {"intensity": {"kind": "none"}}
    volume = toys.noise_volume((32, 32))
    score = Output("theta", where=(14, 29)).resolve(toys_scene(model, volume)).score
    assert score.weights.shape == (1, 8, 8)
    grid = model.prepare(volume).grid
    i, j = np.rint(grid.to_voxel(volume.to_world([14, 29]))).astype(int)[:2]
    assert np.argwhere(score.weights).tolist() == [[0, i // 4, j // 4]]


def toys_scene(model, volume):
    from workbench.explain.scene import Scene

    prepared = model.prepare(volume)
    return Scene(model, volume, prepared, model.forward(prepared.batch))


def test_a_network_of_one_output_calls_it_logits(volume):
    model = wb.zoo.create("2d-unet", in_channels=1, num_classes=2, width=2, depth=2)
    why = wb.explain(model, volume, "saliency", Output("logits", channel=1))
    shape = model.forward(model.prepare(volume).batch).shape[1:]
    weights = np.zeros(shape)
    weights[1] = 1 / weights[1].size
    agrees(why, saliency_by_hand(model, volume, None, weights))
    with pytest.raises(InputError, match=r"'logit'.*Did you mean 'logits'"):
        wb.explain(model, volume, "saliency", Output("logit", channel=1))


@pytest.mark.parametrize("target", [Output("direction", 3), Output("direction", 1, (9, 21)), Output("point")])
def test_it_can_be_made_again_from_its_description(target):
    again = from_description(target.describe())
    assert repr(again) == repr(target)
    assert again.describe() == target.describe()


def test_a_map_and_a_request_keep_the_mask(model, volume, tmp_path):
    mask = volume.with_data((volume.data > 0).astype(np.uint8), kind="labels")
    why = wb.explain(model, volume, "saliency", Output("direction", 2, mask))
    back = wb.explain.Explanation.load(why.save(tmp_path / "why.npz"))
    np.testing.assert_array_equal(back.replay(model, volume).data, why.data)
    asked = wb.explain.Request.load(why.request.save(tmp_path / "asked"))
    np.testing.assert_array_equal(asked.run().data, why.data)
    assert "target=wb.explain.Output('direction', channel=2, where=segmentation)" in why.code()
    assert (
        "target=wb.explain.Output('point', channel=0, where=(3, 4))"
        in wb.explain(model, volume, "saliency", Output("point", where=(3, 4))).code()
    )


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (lambda: Output("directions"), r"'directions'.*Did you mean 'direction'"),
        (lambda: Output("direction"), r"must be one of 0 to \d+ for 'direction', got None. Give channel="),
        (lambda: Output("direction", 99), r"channel must be one of 0 to \d+ for 'direction', got 99"),
        (lambda: Output("direction", 1.5), r"channel must be a whole number from 0, got 1.5"),
        (lambda: Output("direction", -1), r"channel must be a whole number from 0, got -1"),
        (lambda: Output(3), "name must be the name of an output, got 3"),
        (lambda: Output("point", where=np.ones((32, 32))), "A region is a Volume or an Explanation, got ndarray"),
        (lambda: Output("point", where=(1.5, 2)), "whole numbers"),
        (lambda: Output("point", where=(1, 32)), r"must lie in the volume of \(32, 32\)"),
        (lambda: Output("point", where=toys.noise_volume((4, 4))), "an image|An image"),
    ],
)
def test_what_it_is_not_is_said(model, volume, target, said):
    with pytest.raises(InputError, match=said):
        wb.explain(model, volume, "saliency", target())


def test_a_probability_is_of_classes(model, volume):
    with pytest.raises(InputError, match="activation must be 'none' to explain output point"):
        wb.explain(model, volume, "saliency", Output("point"), activation="softmax")


def test_an_output_that_is_no_map_has_no_places(volume):
    model = wb.zoo.create("covid-resnet", in_channels=1, num_classes=2, depth=18, width=2)
    with pytest.raises(InputError, match=r"where must be left out for 'logits'.*got voxel \(1, 2\)"):
        wb.explain(model, volume, "saliency", Output("logits", 1, (1, 2)))
