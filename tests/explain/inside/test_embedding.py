"""Cases in a plane, by what a layer puts out for them."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError, MissingExtraError
from workbench.testing import toys

AFFINE = np.diag([0.7, -1.3, 1.0, 1.0])


def samples(count=12):
    """Dark and bright pictures in turn."""
    return [
        {"id": f"case-{number}", "image": toys.noise_volume((9, 8), AFFINE, seed=number).with_data(
            toys.noise_volume((9, 8), seed=number).data * 0.1 + 3 * (number % 2)), "label": number % 2}
        for number in range(count)
    ]  # fmt: skip


@pytest.fixture
def model():
    return toys.cnn_model(2)


def test_without_the_extra_it_says_what_to_install(monkeypatch, model):
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    with pytest.raises(MissingExtraError, match=r"medical-workbench\[tsne\]"):
        wb.explain.embed(model, samples())


def test_cases_that_are_alike_lie_together(model):
    pytest.importorskip("openTSNE")
    data = samples()
    found = wb.explain.embed(model, data, "conv1", seed=3)
    assert found.points.shape == (12, 2)
    assert found.features.shape == (12, 4)
    assert found.ids[5] == "case-5"
    assert found.labels == [0, 1] * 6
    captured = model.framework.capture(model.module, ["conv1"], model.prepare(data[5]["image"]).batch)["conv1"][0]
    assert np.allclose(found.features[5], captured.mean(axis=(1, 2)), atol=1e-6)
    far = np.linalg.norm(found.points[:, None] - found.points[None], axis=-1)
    np.fill_diagonal(far, np.inf)
    assert ((far.argmin(axis=1) % 2) == np.arange(12) % 2).mean() > 0.9
    again = wb.explain.embed(model, data, "conv1", seed=3)
    assert np.array_equal(found.points, again.points)


def test_another_case_is_placed_among_those_that_are_like_it(model):
    pytest.importorskip("openTSNE")
    found = wb.explain.embed(model, samples(), "conv1")
    new = found.place(samples(21)[20]["image"])
    nearest = np.linalg.norm(found.points - new, axis=1).argmin()
    assert found.labels[nearest] == 0


def test_what_cannot_be_laid_out_is_refused(model):
    pytest.importorskip("openTSNE")
    with pytest.raises(InputError, match="data must hold 4 cases at least, got 3"):
        wb.explain.embed(model, samples(3))
    with pytest.raises(InputError, match="perplexity must be at most a third"):
        wb.explain.embed(model, samples(), perplexity=30.0)
    with pytest.raises(InputError, match="Unknown layer"):
        wb.explain.embed(model, samples(), "conv9")


@pytest.mark.parametrize("count", [4, 5, 9])
def test_few_cases_are_laid_out_without_a_warning(model, count, recwarn, caplog):
    found = wb.explain.embed(model, samples(count))
    assert np.isfinite([*found.points, found.place(samples(1)[0]["image"])]).all()
    assert not [one for one in recwarn if issubclass(one.category, UserWarning | RuntimeWarning)]
    assert not caplog.records


def test_cases_that_are_all_alike_are_refused(model):
    with pytest.raises(InputError, match=r"must hold cases that differ to the layer .* got 6 with the same features"):
        wb.explain.embed(model, [toys.noise_volume((9, 8))] * 6)
