from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.transforms.intensity import check_intensity, normalize


@pytest.fixture
def image():
    return (np.random.default_rng(0).gamma(2.0, 300.0, size=(2, 7, 8, 9)) - 400).astype(np.float32)


@pytest.mark.parametrize(
    ("spec", "monai_name", "arguments"),
    [
        ({"kind": "zscore"}, "NormalizeIntensity", {"channel_wise": True}),
        ({"kind": "zscore", "channel_wise": False}, "NormalizeIntensity", {}),
        (
            {"kind": "window", "low": -160, "high": 240, "out": [-1, 1]},
            "ScaleIntensityRange",
            {"a_min": -160, "a_max": 240, "b_min": -1, "b_max": 1, "clip": True},
        ),
        (
            {"kind": "range", "low": -160, "high": 240},
            "ScaleIntensityRange",
            {"a_min": -160, "a_max": 240, "b_min": 0, "b_max": 1},
        ),
        ({"kind": "range"}, "ScaleIntensity", {"minv": 0, "maxv": 1, "channel_wise": True}),
        (
            {"kind": "percentile", "low": 5, "high": 95},
            "ScaleIntensityRangePercentiles",
            {"lower": 5, "upper": 95, "b_min": 0, "b_max": 1, "clip": True, "channel_wise": True},
        ),
    ],
)
def test_equals_monai(image, spec, monai_name, arguments):
    transforms = pytest.importorskip("monai.transforms")
    expected = np.asarray(getattr(transforms, monai_name)(**arguments)(image.copy()))
    result = normalize(image, check_intensity(spec))
    assert result.dtype == np.float32
    assert np.allclose(result, expected, atol=2e-5)


def test_window_by_hand():
    values = np.array([[-2000.0, -1000, 0, 1000, 3000]], np.float32)
    assert normalize(values, check_intensity({"kind": "window", "low": -1000, "high": 1000})).tolist() == [
        [0, 0, 0.5, 1, 1]
    ]


@pytest.mark.parametrize("kind", ["zscore", "range", "percentile"])
def test_a_constant_image_stays_finite(kind):
    result = normalize(np.full((1, 4, 4), 7, np.float32), check_intensity({"kind": kind}))
    assert (result == 0).all()


def test_none_changes_nothing(image):
    assert normalize(image, check_intensity({"kind": "none"})) is image


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "zscor"}, "Did you mean 'zscore'"),
        ({"kind": "window", "low": 0}, "needs both ends"),
        ({"kind": "window", "low": 5, "high": 5}, "low < high"),
        ({"kind": "percentile", "low": -1, "high": 50}, "between 0 and 100"),
        ({"kind": "zscore", "low": 0, "high": 1}, "takes no `low`"),
        ({"kind": "range", "high": 3}, "low < high"),
        ({"kind": "none", "out": [1, 0]}, "rising"),
        ({"lo": 3}, "unknown option 'lo'"),
        (3, "a dict such as.*got 3"),
        ({"kind": "window", "low": "a", "high": "b"}, "low must be a number, got 'a'"),
        ({"out": 3}, "out must be a list, each a number, got 3"),
    ],
)
def test_wrong_specifications(spec, message):
    with pytest.raises(InputError, match=message):
        check_intensity(spec)
