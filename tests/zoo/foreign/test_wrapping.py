"""Networks that were made elsewhere: what is found out, what has to be said, what works afterwards."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import workbench as wb
from tests.zoo.foreign.networks import Classifier, Deep, Energy, halving, volume
from workbench.errors import InputError, StateError
from workbench.volume import Volume


def test_what_is_not_said_is_found_out_and_noted():
    model = wb.wrap(Classifier())
    assert (model.name, model.task.kind, model.spatial_ndim) == ("own-classifier", "classification", 3)
    assert (model.in_channels, model.classes) == (1, ("class 0", "class 1", "class 2"))
    assert model.default_layer() == "act"
    assert [one.partition(" was ")[0] for one in model.algorithm.notes] == [
        "How images are prepared for this network",
        "That it is for classification",
    ]
    why = wb.explain(model, volume(7, 6, 5), "saliency")
    assert why.notes[:2] == model.algorithm.notes


def test_a_prediction_is_that_of_the_network_on_the_grid_of_the_volume():
    net, image = halving(1), volume(11, 8)
    found = wb.wrap(net, classes=["none", "a", "b"]).predict(image)
    padded = np.pad(image.data, ((0, 1), (0, 0)))
    with torch.no_grad():
        expected = net.eval()(torch.from_numpy(padded)[None, None])[0].argmax(0).numpy()[:11]
    assert np.array_equal(found.data, expected)
    assert np.array_equal(found.affine, image.affine)
    assert found.labels == {0: "none", 1: "a", 2: "b"}


@pytest.mark.parametrize("times", [0, 2, 3])
def test_multiples_that_it_takes_are_found_out(times):
    model = wb.wrap(halving(times))
    assert model.algorithm.sizes(model.config) == (2**times, 1)
    assert model.predict(volume(13, 21)).shape == (13, 21)


def test_a_network_of_one_size_has_images_brought_to_it():
    model = wb.wrap(nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Flatten(), nn.Linear(2 * 28 * 28, 2)))
    assert model.preprocess["size"] == [28, 28]
    assert "It takes images of 28x28 voxels; others are brought to that size." in model.algorithm.notes
    assert wb.explain(model, volume(40, 30), "saliency").shape == (40, 30)


def test_an_example_says_the_size():
    net = nn.Sequential(nn.Flatten(), nn.Linear(5 * 7, 2))
    model = wb.wrap(net, example=volume(5, 7))
    assert (model.spatial_ndim, model.in_channels, model.preprocess["size"]) == (2, 1, [5, 7])


@pytest.mark.parametrize(
    ("pack", "main"),
    [("tensor", "logits"), ("tuple", "output 0"), ("list", "logits"), ("dict", "cls"), ("dict of two", "cls")],
)
def test_scores_are_found_in_whatever_they_are_packed_in(pack, main):
    image, said = volume(7, 6, 5), {"output": "cls"} if pack == "dict of two" else {}
    model = wb.wrap(Classifier(pack), **said)
    assert model.task.main == main
    expected = wb.wrap(Classifier()).predict(image)
    assert model.predict(image).probabilities == pytest.approx(expected.probabilities)
    for method in ("saliency", "grad-cam"):
        one, other = (wb.explain(net, image, method, 1) for net in (model, wb.wrap(Classifier())))
        assert np.allclose(one.data, other.data, atol=1e-6)


def test_of_maps_at_several_depths_that_of_the_image_is_taken():
    model = wb.wrap(Deep())
    assert model.task.main == "output 1"
    assert model.predict(volume(9, 8, 7)).shape == (9, 8, 7)
    assert wb.explain(model, volume(9, 8, 7), "saliency", wb.explain.Output("output 0", channel=2)).score != 0


def test_any_other_output_can_be_explained():
    model = wb.wrap(Classifier("tuple"))
    why = wb.explain(model, volume(7, 6, 5), "saliency", wb.explain.Output("output 1", channel=3))
    assert str(why.target) == "output output 1 3"


@pytest.mark.parametrize(
    ("end", "final", "applied"),
    [(None, "softmax", False), (nn.Softmax(1), "softmax", True), (nn.Sigmoid(), "sigmoid", True)],
)
def test_whether_it_makes_probabilities_is_found_out(end, final, applied):
    model = wb.wrap(Classifier(end=end))
    assert (model.task.reading.final, model.task.reading.applied) == (final, applied)
    scores = model.forward(volume(7, 6, 5).data[None, None])
    expected = scores if applied else np.exp(scores) / np.exp(scores).sum()
    assert model.predict(volume(7, 6, 5)).probabilities == pytest.approx(expected[0].tolist(), rel=1e-5)
    if applied:
        with pytest.raises(InputError, match="activation must be 'none' to explain"):
            wb.explain(model, volume(7, 6, 5), "saliency", 0, activation="softmax")


def test_numbers_between_0_and_1_for_every_voxel_may_be_of_a_sigmoid_that_is_no_layer():
    class Functional(nn.Conv3d):
        def forward(self, x):
            return torch.sigmoid(super().forward(x))

    net = Functional(1, 2, 3, padding=1)
    with pytest.raises(InputError, match="final_applied must be said for a network whose numbers all lie between 0"):
        wb.wrap(net, "labels")
    image = volume(7, 6, 5)
    answered = net(torch.from_numpy(np.array(image.data[None, None])))[0].detach().numpy()
    once = wb.wrap(net, "labels", final_applied=True).predict(image)
    assert np.allclose(np.moveaxis(np.asarray(once.data), -1, 0), answered, atol=1e-6)
    twice = wb.wrap(net, "labels", final_applied=False).predict(image)
    assert np.allclose(np.moveaxis(np.asarray(twice.data), -1, 0), 1 / (1 + np.exp(-answered)), atol=1e-6)


def test_findings_beside_one_another_have_a_probability_each():
    model = wb.wrap(Classifier(), final="sigmoid", classes=["mass", "effusion", "nodule"])
    scores = model.forward(volume(7, 6, 5).data[None, None])[0]
    assert model.predict(volume(7, 6, 5)).probabilities == pytest.approx((1 / (1 + np.exp(-scores))).tolist(), rel=1e-5)


def test_one_score_is_that_of_the_second_of_two_classes():
    net = Classifier(classes=1)
    model = wb.wrap(net, "classification", classes=["healthy", "ill"])
    image = volume(7, 6, 5)
    logit = float(model.forward(image.data[None, None])[0, 0])
    assert model.predict(image).probabilities[1] == pytest.approx(1 / (1 + np.exp(-logit)))
    assert wb.explain(model, image, "saliency", "healthy").score == pytest.approx(-logit)


def test_numbers_are_answered_by_name():
    model = wb.wrap(Classifier(classes=1), "regression", classes=["age"])
    image = volume(7, 6, 5)
    found = model.predict(image)
    assert (found.names, found.value) == (("age",), pytest.approx(float(model.forward(image.data[None, None])[0, 0])))
    assert wb.explain(model, image, "occlusion", window=3, stride=3).score == pytest.approx(found.value)
    assert "age" in repr(found)
    assert "age" in found._repr_html_()


def test_maps_lie_on_the_grid_of_the_volume():
    net = nn.Conv3d(1, 2, 3, padding=1)
    image = volume(7, 6, 5)
    found = wb.wrap(net, "maps", classes=["t1", "t2"]).predict(image)
    assert (found.kind, found.shape, found.channels) == ("scores", (7, 6, 5, 2), ("t1", "t2"))
    labels = wb.wrap(net, final="sigmoid").predict(image)
    expected = 1 / (1 + np.exp(-np.asarray(found.data)))
    assert np.allclose(labels.data, expected, atol=1e-6)


def test_a_binary_mask_is_a_label():
    net = nn.Conv3d(1, 1, 1)
    nn.init.constant_(net.weight, 1.0)
    nn.init.constant_(net.bias, 0.0)
    image = volume(7, 6, 5)
    model = wb.wrap(net, "segmentation", classes=["background", "lesion"])
    assert np.array_equal(model.predict(image).data, image.data > 0)
    why = wb.explain(model, image, "saliency", "lesion", absolute=False)
    inside = image.data > 0
    assert why.score == pytest.approx(float(image.data[inside].mean()), rel=1e-5)


def test_the_map_of_a_network_without_weights_is_the_known_one():
    image = volume(6, 5, 8)
    model = wb.wrap(Energy(), example=image)
    why = wb.explain(model, image, "saliency", 1, absolute=False)
    expected = np.where(np.arange(8) < 4, 2 * image.data, 0)
    assert np.allclose(why.data, expected, atol=1e-5)
    with pytest.raises(InputError, match="layer must be named, as none was found"):
        wb.explain(model, image, "grad-cam")


def test_modes_are_brought_back_layer_by_layer():
    net = Classifier().train()
    net.norm.eval()
    before = net.norm.running_mean.clone()
    modes = [layer.training for layer in net.modules()]
    one = wb.explain(net, volume(7, 6, 5), "grad-cam", 0)
    assert [layer.training for layer in net.modules()] == modes
    assert torch.equal(net.norm.running_mean, before)
    other = wb.explain(net.eval(), volume(7, 6, 5), "grad-cam", 0)
    assert np.array_equal(one.data, other.data)


def test_frozen_weights_hide_nothing():
    frozen = Classifier().requires_grad_(False)
    for method in ("grad-cam", "saliency"):
        maps = [wb.explain(net, volume(7, 6, 5), method, 1).data for net in (frozen, Classifier())]
        assert np.array_equal(*maps)
    assert not any(one.requires_grad for one in frozen.parameters())


def test_what_is_wrapped_around_it_is_looked_through():
    model = wb.wrap(nn.DataParallel(Classifier()))
    assert (model.name, model.default_layer()) == ("own-classifier", "act")
    assert wb.explain(model, volume(7, 6, 5)).layer == "act"


def test_a_scripted_network_shows_no_layers():
    net = nn.Sequential(nn.Conv3d(1, 2, 3, padding=1), nn.AdaptiveAvgPool3d(1), nn.Flatten())
    image = volume(7, 6, 5)
    scripted = torch.jit.script(net)
    one, other = (wb.explain(one, image, "saliency", 1) for one in (scripted, net))
    assert np.allclose(one.data, other.data, atol=1e-6)
    with pytest.raises(InputError, match="traced or scripted"):
        wb.explain(scripted, image, "grad-cam", layer="0")


@pytest.mark.parametrize(
    ("net", "said", "words"),
    [
        (Classifier("dict of two"), {}, "output must be said where it returns several, one of cls, features"),
        (Classifier(classes=1), {}, "task must be said for a network with a single output"),
        (Classifier(), {"task": "segmentation"}, "task must be classification or regression .* got 'segmentation'"),
        (Classifier(), {"classes": ["a", "b"]}, "classes must be 3 names, as the network returns 3"),
        (Classifier(), {"classes": 2}, "classes must be 3, as the network returns 3, got 2"),
        (Classifier(), {"in_channels": 2}, "in_channels must be 1, which its first convolution takes, got 2"),
        (Classifier(), {"output": "logit"}, "Did you mean 'logits'"),
        (Classifier(), {"layer": "atc"}, "Did you mean 'act'"),
        (Classifier(), {"spacing": [1, 2]}, "spacing"),
        (Classifier(classes=1), {"task": "regression", "final": "sigmoid"}, "final must be left out for regression"),
        (nn.Conv3d(1, 2, 3), {}, r"must have the size of its input, got \(31, 31, 31\) for \(33, 33, 33\)"),
        (nn.Conv1d(1, 2, 3), {}, "images of 2 or 3 dimensions, got one for 1"),
        (nn.Sequential(nn.Flatten(), nn.Linear(9, 2)), {}, "dimensions must be said"),
        (nn.Sequential(nn.Conv2d(1, 1, 1), nn.Flatten(0)), {}, "must have an axis of classes"),
        (3, {}, "network must be a model that was made elsewhere, got int"),
        ("nowhere", {}, "network must be a model that was made elsewhere, got 'nowhere'"),
    ],
)
def test_what_has_to_be_said_is_asked_for(net, said, words):
    with pytest.raises(InputError, match=words):
        wb.wrap(net, **said)


class Shortcut(nn.Module):
    """Two paths that are added, as in a residual network; the shorter one runs last."""

    def __init__(self):
        super().__init__()
        self.long, self.short = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(1, 3, 1)

    def forward(self, x):
        x = self.long(x)[:, :1] + x
        return torch.relu(self.long(x) + self.short(x))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.block, self.head = Shortcut(), nn.Linear(3, 2)

    def forward(self, x):
        return self.head(self.block(x).mean((2, 3)))


def test_the_layer_of_a_residual_network_is_the_block_and_not_its_shortcut():
    net = Residual()
    with torch.no_grad():
        net.head.weight.fill_(1)
    image = wb.Volume(np.random.default_rng(0).normal(size=(9, 9)).astype(np.float32))
    why = wb.explain(net, image, "grad-cam", 1)
    assert why.layer == "block"
    with torch.no_grad():
        put_out = net.block(torch.from_numpy(image.data)[None, None])[0].numpy()
    np.testing.assert_allclose(why.data, put_out.sum(0) / 81, rtol=1e-4, atol=1e-6)
    # a block that does nothing of its own is not taken for the layer inside of it
    inner = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    chain = nn.Sequential(inner, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    assert wb.explain(chain, image, "grad-cam", 1).layer == "0.1"


@pytest.mark.parametrize("method", ["saliency", "integrated-gradients", "lrp", "deep-lift"])
def test_a_network_without_gradients_is_told_of(method):
    class Frozen(Residual):
        @torch.no_grad()
        def forward(self, x):
            return super().forward(x)

    image = wb.Volume(np.ones((9, 9), np.float32))
    if method == "deep-lift":
        pytest.importorskip("captum")
    with pytest.raises(StateError, match="must hang on its input by a gradient"):
        wb.explain(Frozen(), image, method, 1)


def test_a_network_that_wants_more_than_an_image_is_told_of():
    class Two(Residual):
        def forward(self, x, age):
            return super().forward(x) + age

    with pytest.raises(InputError, match=r"'age'\. It is given the image and nothing else: wrap a network around it"):
        wb.wrap(Two())


def test_a_model_is_one_already():
    model = wb.wrap(Classifier())
    assert wb.wrap(model) is model
    with pytest.raises(InputError, match="task must be left out for a Model"):
        wb.wrap(model, "classification")


def test_preprocessing_that_is_said_is_done():
    image = volume(9, 8, 7)
    model = wb.wrap(Classifier(), orientation="RAS", spacing=2.0, intensity="zscore")
    prepared = model.prepare(image)
    assert prepared.grid.orientation == "RAS"
    assert np.allclose(prepared.grid.spacing, 2)
    why = wb.explain(model, image, "saliency")
    assert why.volume.same_grid(image)
    assert not any("was not said" in note for note in why.notes)


def test_slices_beside_one_another_are_channels():
    image = volume(9, 8, 7)
    stack = Volume(np.moveaxis(image.data, 0, -1), axes=("i", "j", "c"), channels=[f"slice {k}" for k in range(9)])
    net = nn.Sequential(nn.Conv2d(9, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    assert wb.explain(net, stack, "saliency").shape == (8, 7)
    with pytest.raises(InputError, match="neighbouring slices, each of them is a channel"):
        wb.wrap(net).predict(volume(8, 7))


def test_it_is_neither_trained_nor_built_here():
    model = wb.wrap(Classifier(classes=1), "regression")
    with pytest.raises(StateError, match="network of your own, which cannot be built here"):
        _ = model.algorithm.define
    with pytest.raises(StateError, match="not trained here"):
        model.task.loss({})


def test_weights_are_saved_and_loaded_into_it(tmp_path):
    model = wb.wrap(Classifier())
    path = model.save(tmp_path / "mine.safetensors")
    other = Classifier()
    nn.init.zeros_(other.head.weight)
    wrapped = wb.wrap(other)
    assert wrapped.weights_fingerprint() != model.weights_fingerprint()
    wrapped.load(path)
    assert wrapped.weights_fingerprint() == model.weights_fingerprint()
    with pytest.raises(InputError, match=r"a network that was made elsewhere. Make that first"):
        wb.zoo.load(path)
