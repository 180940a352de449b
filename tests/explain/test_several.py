"""Several baselines, and other cases as baselines."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import FileError, InputError
from workbench.explain.cases import Case, laid
from workbench.testing import toys
from workbench.testing.explainers import AFFINES, PREPROCESS
from workbench.volume import Volume

SHAPE = (6, 7, 5)
COMPARING = ["occlusion", "contour-occlusion", "rise", "kernel-shap", "score-cam", "integrated-gradients", "deep-lift"]
FEW = {"occlusion": {"window": 3}, "rise": {"samples": 12}, "kernel-shap": {"samples": 16, "count": 4},
       "contour-occlusion": {"count": 6}}  # fmt: skip


@pytest.fixture
def model():
    return toys.cnn_model(3)


@pytest.fixture
def volume():
    return toys.noise_volume(SHAPE, toys.OBLIQUE)


@pytest.fixture
def other():
    return toys.noise_volume(SHAPE, toys.OBLIQUE, seed=5)


@pytest.mark.parametrize("method", COMPARING)
def test_the_map_of_several_is_the_mean_of_their_maps(method, model, volume, other):
    if method == "deep-lift":
        pytest.importorskip("captum")
    asked = ["zero", "blur", other]
    options = FEW.get(method, {})
    layer = "conv1" if method == "score-cam" else None
    alone = [wb.explain(model, volume, method, 1, layer, baseline=one, **options) for one in asked]
    seen = []
    both = wb.explain(model, volume, method, 1, layer, baseline=asked, progress=seen.append, **options)
    mean = np.mean([one.data for one in alone], axis=0)
    assert np.allclose(both.data, mean, rtol=1e-3, atol=1e-5 * np.abs(mean).max())
    assert both.baseline_score == pytest.approx(np.mean([one.baseline_score for one in alone]), rel=1e-4)
    assert any("The mean of the maps from 3 baselines, which score" in note for note in both.notes)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert both.options["baseline"][:2] == [0, "blur"]
    assert np.array_equal(both.replay().data, both.data)


def test_shares_sum_up_to_the_mean_difference_on_the_volumes_grid():
    model = toys.cnn_model(3, preprocess=PREPROCESS[3])
    volume, other = (toys.noise_volume(SHAPE, AFFINES[3], seed=seed) for seed in (1, 5))
    why = wb.explain(model, volume, "integrated-gradients", 1, baseline=[0, "mean", other], points=256)
    assert abs(why.score - why.baseline_score) > 0.01
    assert why.data.sum(dtype=np.float64) == pytest.approx(why.score - why.baseline_score, rel=1e-3)


def test_a_linear_network_is_explained_by_the_difference_from_the_other_case():
    model, weights = toys.linear_model(SHAPE)
    volume, other = (toys.noise_volume(SHAPE, toys.OBLIQUE, seed=seed) for seed in (1, 5))
    expected = weights[2, 0] * (volume.data - other.data)
    for method, options in (
        ("integrated-gradients", {"baseline": other}),
        ("occlusion", {"baseline": other, "window": 1}),
        ("expected-gradients", {"baselines": other, "samples": 2}),
    ):
        why = wb.explain(model, volume, method, 2, **options)
        assert np.abs(why.data - expected).max() < 1e-4, method
        assert why.baseline_score == pytest.approx(float((weights[2, 0] * other.data).sum()), abs=1e-4)


@pytest.mark.parametrize("method", ["expected-gradients", "gradient-shap"])
def test_background_samples_are_drawn_evenly(method):
    model, weights = toys.linear_model(SHAPE)
    volume, first, second = (toys.noise_volume(SHAPE, toys.OBLIQUE, seed=seed) for seed in (1, 5, 6))
    options = {"noise": 0.0} if method == "gradient-shap" else {}
    why = wb.explain(model, volume, method, 2, baselines=[first, second], samples=200, seed=3, **options)
    expected = weights[2, 0] * (volume.data - (first.data + second.data) / 2)
    assert np.corrcoef(why.data.ravel(), expected.ravel())[0, 1] > 0.99
    assert np.array_equal(why.replay().data, why.data)
    mixed = wb.explain(model, volume, method, 2, baselines=["blur", second], samples=4)
    assert mixed.baseline_score is None


def test_another_case_is_prepared_as_the_input_is_and_laid_centre_on_centre():
    model = toys.cnn_model(3, preprocess=PREPROCESS[3])
    volume = toys.blob_volume((14, 12, 11), (0, 0, 0), 2.5, toys.OBLIQUE)
    grid = model.prepare(volume).grid
    moved = toys.OBLIQUE.copy()
    moved[:3, 3] += (100, -40, 7)
    image, covered = laid(model, Volume(volume.data, moved), grid, 1)
    assert covered == 1
    assert np.abs(image - model.prepare(volume).array).max() < 1e-5
    smaller = Volume(np.ones((4, 4, 3), np.float32), moved)
    plain = toys.cnn_model(3)
    image, covered = laid(plain, smaller, plain.prepare(volume).grid, 1)
    assert covered == pytest.approx(48 / volume.data.size)
    assert image.sum() == pytest.approx(48, rel=1e-5)


def test_a_case_of_a_small_field_of_view_is_told(model, volume):
    small = Volume(np.ones((2, 3, 3), np.float32), toys.OBLIQUE)
    why = wb.explain(model, volume, "integrated-gradients", 1, baseline=small)
    assert any("covers 9% of what the network sees" in note for note in why.notes), why.notes


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ([], r"baseline must be .*another case as a Volume.*got \[\]"),
        (["blur", "blr"], r"Did you mean 'blur'"),
        ({"kind": "case", "fingerprint": "abcdef0123"}, r"fingerprint abcdef01\). Read that case again"),
    ],
)
def test_what_is_no_baseline_is_refused_before_anything_runs(wrong, words, model, volume):
    with pytest.raises(InputError, match=words):
        wb.explain.Request(model, volume, "occlusion", 1, options={"baseline": wrong})


def test_a_case_that_does_not_fit_is_refused(model, volume):
    with pytest.raises(InputError, match="must have 3 spatial axes"):
        wb.explain(model, volume, "occlusion", 1, baseline=toys.noise_volume((9, 8)))
    with pytest.raises(InputError, match="must have the input's 1 channels, got 2"):
        wb.explain(model, volume, "occlusion", 1, baseline=toys.noise_volume((*SHAPE, 2)))
    hole = toys.noise_volume(SHAPE).with_data(np.full(SHAPE, np.nan, np.float32))
    with pytest.raises(InputError, match="must be finite"):
        wb.explain(model, volume, "occlusion", 1, baseline=hole)


def test_what_is_stored_names_the_case_and_holds_no_picture(tmp_path, model, volume, other):
    why = wb.explain(model, volume, "integrated-gradients", 1, baseline=[0, other], points=4)
    told = why.describe()["options"]["baseline"][1]
    assert told == {"kind": "case", "fingerprint": other.fingerprint(), "shape": list(SHAPE)}
    again = wb.explain.Explanation.load(why.save(tmp_path / "why.npz"))
    with pytest.raises(InputError, match="Read that case again and give it"):
        again.replay(model, volume)
    names = {"model": model, "volume": volume, "baseline_2": other}
    assert "baseline=[0, baseline_2]" in why.code()
    exec(why.code(), names)
    assert np.allclose(names["why"].data, why.data, rtol=1e-4, atol=1e-6)


def test_a_request_takes_the_cases_along(tmp_path, volume, other):
    model = wb.zoo.create("3d-unet", num_classes=3, width=4, depth=2, seed=1)
    options = {"baseline": [other, "blur"], "points": 2}
    request = wb.explain.Request(model, volume, "integrated-gradients", 1, options=options)
    with pytest.raises(InputError, match=r"Request\.save"):
        request.to_json("model.safetensors", "volume.npz")
    folder = request.save(tmp_path / "asked")
    again = wb.explain.Request.load(folder)
    assert isinstance(again.options["baseline"][0], Case)
    assert np.allclose(again.run().data, request.run().data, rtol=1e-4, atol=1e-6)
    wb.write(volume, folder / "case-1.npz")
    with pytest.raises(FileError, match="baseline must be the one that it was made for"):
        wb.explain.Request.load(folder)
