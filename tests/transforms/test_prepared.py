from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import _geometry
from workbench.transforms import Preprocess, _sampling
from workbench.transforms import prepared as module
from workbench.transforms._quantiles import percentiles
from workbench.transforms.intensity import check_intensity, measure
from workbench.volume import Volume

SPECS = [
    {},
    {"orientation": "RAS", "divisible_by": 8},
    {"spacing": (1.0, 1.0, 1.0)},
    {"spacing": 3.1, "intensity": {"kind": "percentile"}},
    {"size": (24, 40, 9), "intensity": {"kind": "range"}},
    {"size": (40, 8, 24), "fit": "pad-crop", "intensity": {"kind": "window", "low": -1, "high": 1}},
    {"spacing": (0.7, 2.9, 4.0), "orientation": "PIR", "divisible_by": 4, "intensity": {"kind": "none"}},
]


@pytest.fixture
def volume(affine):
    data = np.random.default_rng(0).normal(size=(23, 18, 21, 2)).astype(np.float32)
    data[3, 4, 5] = np.nan, np.inf
    return Volume(data, affine, axes=("i", "j", "k", "c"))


@pytest.fixture
def lazy(monkeypatch):
    """Let everything be made box by box."""
    monkeypatch.setattr(module, "_KEPT_BYTES", 0)
    monkeypatch.setattr(_sampling, "_SLAB", 700)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("code", ["RAS", "LIP"])
def test_windows_are_parts_of_the_whole(volume, spec, code, monkeypatch):
    volume = volume.reorient(code)
    whole = Preprocess(spec).apply(volume)
    assert whole._array is not None, "a small input is made at once"
    monkeypatch.setattr(module, "_KEPT_BYTES", 0)
    monkeypatch.setattr(_sampling, "_SLAB", 700)
    boxed = Preprocess(spec).apply(volume)
    assert boxed._array is None
    assert (boxed.spatial_shape, boxed.notes) == (whole.spatial_shape, whole.notes)
    assert boxed.notes[0].startswith("2 voxels that are not finite")
    assert np.array_equal(boxed.affine, whole.affine)
    rng = np.random.default_rng(1)
    for _ in range(8):
        ends = np.sort([rng.integers(0, n + 1, 2) for n in whole.spatial_shape], axis=1)
        ends[:, 1] = np.maximum(ends[:, 1], ends[:, 0] + 1)
        ends = np.minimum(ends, np.array(whole.spatial_shape)[:, None])
        ends[:, 0] = np.minimum(ends[:, 0], ends[:, 1] - 1)
        start, stop = ends.T.tolist()
        box = boxed.window(start, stop)
        assert box.dtype == np.float32
        expected = whole.array[(slice(None), *(slice(a, b) for a, b in zip(start, stop, strict=True)))]
        np.testing.assert_allclose(box, expected, rtol=1e-4, atol=2e-5)
    np.testing.assert_allclose(boxed.array, whole.array, rtol=1e-4, atol=2e-5)
    assert boxed._sampler is None, "what was made whole keeps no voxels of the volume"


def test_a_box_that_was_only_padded_is_zero(lazy):
    ready = Preprocess(size=(30, 8, 8), fit="pad-crop").apply(Volume(np.ones((10, 8, 8)) * 5))
    assert ready.spatial_shape == (30, 8, 8)
    assert not ready.window((0, 0, 0), (6, 8, 8)).any()
    assert ready.window((8, 0, 0), (30, 8, 8)).shape == (1, 22, 8, 8)


def test_the_smallest_size_of_a_network_is_padded_to():
    volume = Volume(np.ones((5, 30, 2)), np.diag([-1, 2, 3, 1.0]))
    ready = Preprocess(divisible_by=4, intensity={"kind": "none"}).apply(volume, at_least=10)
    assert ready.spatial_shape == (12, 32, 12)
    assert ready.array.sum() == 300
    assert np.array_equal(ready.restore(ready.array[0]).data, volume.data)


@pytest.mark.parametrize("kept", [True, False])
def test_air(kept, monkeypatch):
    if not kept:
        monkeypatch.setattr(module, "_KEPT_BYTES", 0)
    data = np.full((20, 8, 8), -1000, np.int16)
    data[10:] = 40
    data[4, 4, 4] = -880
    scan = Volume(data, unit="HU")
    rule = Preprocess().apply(scan).is_air()
    assert rule((0, 0, 0), (4, 8, 8))
    assert not rule((0, 0, 0), (5, 8, 8))
    assert rule((5, 0, 0), (10, 8, 8))
    assert not rule((5, 0, 0), (11, 8, 8))
    # what was padded is no air: a network sees the edge
    padded = Preprocess(size=(24, 8, 8), fit="pad-crop").apply(scan).is_air()
    assert not padded((0, 0, 0), (4, 8, 8))
    assert padded((2, 0, 0), (4, 8, 8))
    # elsewhere only the lowest value counts
    rule = Preprocess().apply(Volume(data)).is_air()
    assert rule((0, 0, 0), (4, 8, 8))
    data[0, 0, 0] = -1001
    assert not Preprocess().apply(Volume(data)).is_air()((0, 0, 0), (4, 8, 8))


class TestRestorer:
    """The way back in boxes is the way back of the whole."""

    @pytest.mark.parametrize("spec", SPECS)
    @pytest.mark.parametrize("code", ["RAS", "LIP", "SAR"])
    def test_boxes_make_up_the_whole(self, volume, spec, code):
        volume = volume.reorient(code)
        ready = Preprocess(spec).apply(volume)
        scores = np.random.default_rng(3).normal(size=(3, *ready.spatial_shape)).astype(np.float32)
        expected = ready.restore(scores).channels_first()
        restorer = ready.restorer()
        assert restorer.halo == (0 if ready.exact else 1)
        target = np.full((*volume.spatial_shape, 3), np.nan, np.float32)
        shape, size = ready.spatial_shape, (5, 7, 4)
        for start in itertools.product(*(range(0, n, w) for n, w in zip(shape, size, strict=True))):
            own = [min(w, n - a) for a, w, n in zip(start, size, shape, strict=True)]
            box = (slice(a, min(a + w + restorer.halo, n)) for a, w, n in zip(start, own, shape, strict=True))
            values = scores[(slice(None), *box)]
            restorer.write(target, start, own, values, lambda part: np.moveaxis(part, 0, -1))
        # what no box wrote is what the network did not see
        np.testing.assert_allclose(np.nan_to_num(np.moveaxis(target, -1, 0)), expected, atol=1e-5)

    def test_a_picture(self):
        picture = Volume(np.zeros((20, 30)), _geometry.PICTURE_AFFINE @ np.diag([0.5, 0.5, 1, 1]))
        ready = Preprocess(spacing=(1.0, 0.8), orientation="IPL").apply(picture)
        scores = np.random.default_rng(3).normal(size=(2, *ready.spatial_shape)).astype(np.float32)
        target = np.zeros((20, 30, 2), np.float32)
        ready.restorer().write(target, (0, 0), ready.spatial_shape, scores, lambda part: np.moveaxis(part, 0, -1))
        np.testing.assert_allclose(target, ready.restore(scores).data, atol=1e-6)


values = st.one_of(st.floats(-1e6, 1e6, width=32), st.sampled_from([0.0, 1.0, -1000.0]))


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.lists(values, min_size=1, max_size=30), min_size=1, max_size=6), st.floats(0, 100), st.floats(0, 100)
)
def test_percentiles_are_numpys(parts, low, high):
    pieces = [np.array(part, np.float32) for part in parts]
    expected = np.percentile(np.concatenate(pieces).astype(np.float64), (low, high))
    np.testing.assert_allclose(percentiles(lambda: pieces, (low, high)), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "zscore"}, {"kind": "zscore", "channel_wise": False}, {"kind": "percentile", "low": 5, "high": 99},
        {"kind": "range"}, {"kind": "window", "low": -100, "high": 300},
    ],
)  # fmt: skip
def test_what_is_measured_in_pieces_is_what_is_measured_at_once(spec):
    image = (np.random.default_rng(0).gamma(2.0, 300.0, size=(2, 40, 8, 9)) - 4000).astype(np.float32)
    full = check_intensity(spec)
    pieces = np.split(image, [3, 4, 20], axis=1)
    once, apart = measure(full, lambda: [image]), measure(full, lambda: pieces)
    np.testing.assert_allclose(apart.apply(image.copy()), once.apply(image.copy()), atol=1e-5)
