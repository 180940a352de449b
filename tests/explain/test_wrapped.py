"""A network in the place of a model, an array in the place of a volume."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import workbench as wb
from tests.zoo.foreign.networks import Classifier, Energy, volume
from workbench.errors import InputError


def test_a_network_is_explained_as_the_model_of_it():
    image = volume(7, 6, 5)
    one = wb.explain(Classifier(), image, "saliency", "b", classes=["a", "b", "c"], intensity="zscore")
    other = wb.explain(wb.wrap(Classifier(), classes=["a", "b", "c"], intensity="zscore"), image, "saliency", "b")
    assert np.array_equal(one.data, other.data)
    assert str(one.target) == "class 1 (b)"
    assert one.code() == other.code()


def test_what_it_is_told_does_not_hide_what_is_mistyped():
    with pytest.raises(InputError, match=r"unknown option 'clases'\. Did you mean 'classes'"):
        wb.explain(Classifier(), volume(7, 6, 5), clases=["a", "b", "c"])
    model = wb.wrap(Classifier())
    with pytest.raises(InputError, match="unknown option 'classes'"):
        wb.explain(model, volume(7, 6, 5), classes=["a", "b", "c"])


@pytest.mark.parametrize("method", [one.name for one in wb.explain.methods()])
def test_every_method_explains_it_or_says_why_not(method):
    image = volume(8, 8, 8)
    model = wb.wrap(Classifier())
    explainer = next(one for one in wb.explain.methods(Classifier()) if one.name == method)
    options = {"samples": 8} if "samples" in explainer.options else {}
    if explainer.misfit(model):
        with pytest.raises(InputError, match="cannot explain this model"):
            wb.explain(model, image, method)
        return
    try:
        why = wb.explain(model, image, method, 1, **options)
    except InputError as error:
        assert str(error).endswith(".")  # noqa: PT017 - either is right, as long as it is told
        return
    assert why.shape == image.shape
    assert np.isfinite(why.data).all()


def test_maps_of_it_are_scored():
    why = wb.explain(wb.wrap(Classifier()), volume(8, 8, 8), "saliency", 1)
    found = wb.explain.score(why, checks=["deletion", "randomisation"])
    assert [row["check"] for row in found.rows] == ["deletion", "randomisation"]
    assert np.isfinite([row["value"] for row in found.rows]).all()


def test_progress_and_targets_are_those_of_any_model():
    image = volume(8, 8, 8)
    steps = [*wb.explain.progressive(Classifier(), image, "occlusion", 1, window=4, stride=4)]
    assert steps[-1][0] == 1
    model = wb.wrap(Classifier())
    assert len(wb.explain.targets_in(model, model.predict(image))) == 3
    margin = wb.explain(model, image, "saliency", wb.explain.Margin(1, 2))
    logits = model.forward(image.data[None, None])[0]
    assert margin.score == pytest.approx(float(logits[1] - logits[2]), rel=1e-4)


def test_another_process_cannot_make_it(tmp_path):
    model = wb.wrap(Classifier())
    with pytest.raises(InputError, match="exists in this process alone"):
        wb.explain(model, volume(7, 6, 5), "saliency", background=True)
    with pytest.raises(InputError, match="exists in this process alone"):
        wb.explain.Request(model, volume(7, 6, 5), "saliency").save(tmp_path / "request")


@pytest.mark.parametrize("turn", ["[*spatial]", "[c, *spatial]", "[*spatial, c]", "[1, c, *spatial]"])
def test_an_array_is_taken_with_a_note(turn):
    array = volume(6, 5, 8).data
    given = {
        "[*spatial]": array,
        "[c, *spatial]": array[None],
        "[*spatial, c]": array[..., None],
        "[1, c, *spatial]": array[None, None],
    }[turn]
    why = wb.explain(Energy(), given, "saliency", 1, absolute=False, dimensions=3, in_channels=1)
    assert np.allclose(why.data, np.where(np.arange(8) < 4, 2 * array, 0), atol=1e-5)
    assert np.array_equal(why.affine, np.eye(4))
    assert "Made of an array without an affine: millimetres, right and left mean nothing here." in why.notes


def test_an_array_is_refused_where_voxels_have_a_place():
    array = volume(6, 5, 8).data
    with pytest.raises(InputError, match="preprocessing says spacing, got an array"):
        wb.explain(Classifier(), array, spacing=1.0)
    with pytest.raises(InputError, match="preprocessing says orientation"):
        wb.explain(wb.zoo.create("3d-unet", width=2, depth=2), array)
    with pytest.raises(InputError, match=r"volume must be an array \[1, i, j, k\] or \[i, j, k, 1\]"):
        wb.explain(Classifier(), array[0])
    with pytest.raises(InputError, match="volume must be a Volume, got Tensor"):
        wb.explain(Classifier(), torch.zeros(6, 5, 8))


@pytest.mark.parametrize("thing", [3, "unet", None, [nn.Conv3d(1, 2, 3)]])
def test_what_is_no_model_is_refused(thing):
    with pytest.raises(InputError, match=r"What is explained is a Model .* or a network that wb.wrap takes, got"):
        wb.explain(thing, volume(6, 5, 8))
