from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import LRP
from captum.attr._utils.lrp_rules import EpsilonRule

import workbench as wb
from workbench.errors import InputError
from workbench.frameworks import LinearScore
from workbench.frameworks.torch.relevance import propagate
from workbench.testing import toys
from workbench.testing.explainers import ExplainerContract


def define_layers(nn, F, ops):
    class Layers(nn.Module):
        """Two voxels, two rectified sums of them, one score."""

        def __init__(self, classes):
            super().__init__()
            self.flatten, self.act = nn.Flatten(), nn.ReLU(inplace=True)
            self.first, self.second = nn.Linear(2, 2), nn.Linear(2, classes)

        def forward(self, x):
            return self.second(self.act(self.first(self.flatten(x))))

    return Layers


class TestLRP(ExplainerContract):
    method = "lrp"

    @pytest.mark.parametrize("ndim", [2, 3])
    def test_the_peak_lies_where_the_blob_lies(self, ndim):
        with pytest.raises(InputError, match="one chain of modules"):  # it is the energy: a product of two maps
            super().test_the_peak_lies_where_the_blob_lies(ndim)

    def test_the_relevance_is_that_worked_out_by_hand(self):
        state = {
            "first.weight": np.array([[1.0, 2.0], [1.0, -1.0]], np.float32),
            "first.bias": np.array([1.0, 0.0], np.float32),
            "second.weight": np.array([[3.0, 1.0]], np.float32),
            "second.bias": np.zeros(1, np.float32),
        }
        model = toys.ToyModel(define_layers, {"classes": 1}, state=state)
        volume = toys.noise_volume((2, 1)).with_data(np.array([[1.0], [4.0]], np.float32))
        # sums 10 and -3, rectified 10 and 0: all of the score, 30, comes by the first, which 1, 8 and a bias of 1 share
        why = self.explain(model, volume, target=0)
        assert why.score == 30
        assert np.allclose(why.data[:, 0], [3, 24], rtol=1e-5)

    def test_it_equals_captum(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((8, 8))
        inputs = torch.from_numpy(model.prepare(volume).batch).requires_grad_(True)
        chain = torch.nn.Sequential(*model.module.children())
        chain[7].rule = EpsilonRule()  # flattening, for which Captum has no rule by itself
        ours = self.explain(model, volume, target=1).data
        theirs = LRP(chain).attribute(inputs, target=1)[0, 0].detach().numpy()
        assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("covid-resnet", "one chain of modules, got one that adds"),
            ("covid-transformer", "must have a rule for each layer, got a LayerNorm"),
            ("han-net", "must meet each layer once"),
        ],
    )
    @pytest.mark.parametrize("target", [1, 2])
    def test_what_has_no_rule_is_refused(self, name, words, target):
        model = wb.zoo.create(name, in_channels=1, num_classes=3, variant="small")
        with pytest.raises(InputError, match=words):
            self.explain(model, toys.noise_volume((64, 64)), target=target)

    def test_the_network_is_left_as_it_was(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((8, 8))
        before = model.weights_fingerprint()
        self.explain(model, volume, target=1)
        assert model.weights_fingerprint() == before
        assert not any(hasattr(layer, "rule") or layer._forward_hooks for layer in model.module.modules())


def test_a_score_of_several_outputs_is_refused():
    one = LinearScore(np.ones(2, np.float32))
    both = LinearScore(np.ones(2, np.float32), plus=(one,))
    network, x = torch.nn.Sequential(torch.nn.Linear(3, 2)), np.ones((1, 3), np.float32)
    assert np.isfinite(propagate(network, one, x)[0]).all()
    with pytest.raises(InputError, match="must have a score of one output, got one of several"):
        propagate(network, both, x)
