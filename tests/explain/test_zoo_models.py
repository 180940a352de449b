"""The methods on the zoo's own networks, which prepare volumes in their own way."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.explain import Region
from workbench.testing import toys
from workbench.volume import Volume

SMALL = {
    "covid-resnet": ((21, 24), {"depth": 18, "width": 8}),
    "2d-unet": ((20, 17), {"width": 8, "depth": 3}),
    "3d-unet": ((11, 17, 13), {"width": 8, "depth": 3}),
}
PREPROCESS = {2: {"spacing": [0.8, 1.1]}, 3: {"orientation": "RAS", "spacing": [1.1, 1.0, 1.7]}}


@pytest.fixture(scope="module", params=sorted(SMALL))
def case(request):
    shape, options = SMALL[request.param]
    model = wb.zoo.create(request.param, in_channels=1, num_classes=3, **options)
    ndim = len(shape)
    model.preprocess = PREPROCESS[ndim] | {"intensity": {"kind": "zscore"}}
    return model, toys.noise_volume(shape, toys.OBLIQUE if ndim == 3 else None)


@pytest.mark.parametrize("method", ["grad-cam", "saliency", "occlusion"])
def test_the_map_is_on_the_grid_of_the_input(case, method):
    model, volume = case
    options = {"window": 16, "stride": 16} if method == "occlusion" else {}
    why = wb.explain(model, volume, method, 1, **options)
    assert why.shape == volume.shape
    assert np.array_equal(why.affine, volume.affine)
    assert np.isfinite(why.data).all()
    assert why.weights_fingerprint == model.weights_fingerprint()


def test_the_default_target_is_what_the_model_predicts(case):
    model, volume = case
    why = wb.explain(model, volume, "saliency")
    prediction = model.predict(volume)
    if isinstance(prediction, Volume):
        assert why.target.which > 0
    else:
        assert why.target.which == int(np.argmax(prediction.probabilities))


def test_a_map_of_ones_comes_back_as_ones(case):
    model, volume = case
    prepared = model.prepare(volume)
    assert np.allclose(prepared.restore(np.ones(prepared.grid.spatial_shape, np.float32)).data, 1)


@pytest.mark.parametrize("method", ["saliency", "occlusion"])
def test_a_region_is_explained_from_where_it_is(method):
    """A U-Net's logits in a corner depend most on that corner, wherever the network's grid puts it."""
    model = wb.zoo.create("3d-unet", in_channels=1, num_classes=3, width=8, depth=2)
    model.preprocess = {"orientation": "RAS", "spacing": [1.1, 1.0, 1.7], "intensity": {"kind": "none"}}
    volume = toys.noise_volume((24, 26, 20), toys.OBLIQUE)
    labels = np.zeros(volume.shape, np.uint8)
    labels[3:7, 17:21, 13:17] = 1
    region = Volume(labels, volume.affine, kind="labels")
    options = {"window": 5, "stride": 5} if method == "occlusion" else {}
    why = wb.explain(model, volume, method, Region(region, 1), **options)
    magnitude = np.abs(why.data)
    assert magnitude[labels == 1].mean() > 4 * magnitude[labels == 0].mean()
    peak = why.volume.to_world(np.array(np.unravel_index(magnitude.argmax(), magnitude.shape)))
    centre = volume.to_world([4.5, 18.5, 14.5])
    assert np.linalg.norm(peak - centre) < 9


@pytest.mark.mindspore
@pytest.mark.parametrize("name", ["covid-resnet", "3d-unet"])
def test_both_frameworks_give_the_same_map(name, tmp_path):
    pytest.importorskip("mindspore")
    shape, options = SMALL[name]
    model = wb.zoo.create(name, in_channels=1, num_classes=3, **options)
    other = wb.zoo.load(model.save(tmp_path / "model.safetensors"), framework="mindspore")
    volume = toys.noise_volume(shape, toys.OBLIQUE if len(shape) == 3 else None)
    for method in ("grad-cam", "saliency", "occlusion"):
        # without relu: an untrained network's map may well be negative everywhere
        extra = {"occlusion": {"window": 8, "stride": 8}, "grad-cam": {"relu": False}}.get(method, {})
        maps = [wb.explain(m, volume, method, 1, **extra).data for m in (model, other)]
        assert np.abs(maps[0]).max() > 0
        assert np.abs(maps[0] - maps[1]).max() <= 1e-4 * max(1.0, np.abs(maps[0]).max())
