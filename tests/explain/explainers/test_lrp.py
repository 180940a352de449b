from __future__ import annotations

import copy

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

SMALL = {"in_channels": 1, "num_classes": 3, "variant": "small"}
#: Residual blocks, skip connections, gates, one layer that runs often, attention, norms by the input's statistics.
ZOO = {
    "covid-resnet": ((64, 64), SMALL),
    "2d-unet": ((32, 32), {"in_channels": 1, "num_classes": 3, "width": 4, "depth": 3}),
    "3d-unet": ((16, 16, 16), {"in_channels": 1, "num_classes": 3, "width": 4, "depth": 2}),
    "han-net": ((64, 64), SMALL),
    "covid-transformer": ((64, 64), SMALL),
    "lung-nodule-transformer": ((64, 64), {**SMALL, "dim": 16, "heads": 2}),
    "unetr": ((16, 32, 16), {"in_channels": 1, "num_classes": 3, "feature_size": 2, "hidden_size": 12, "mlp_dim": 12,
                             "num_heads": 2, "image_size": 16}),
}  # fmt: skip


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


def define_step(step):
    """Return the definition of a network of two voxels whose score is one step of them."""

    def define(nn, F, ops):
        class One(nn.Module):
            def __init__(self, classes):
                super().__init__()
                self.keep = nn.Parameter(ops.tensor(np.array([3.0], np.float32)))

            def forward(self, x):
                return step(self, ops.reshape(x, (x.shape[0], 2)), F, ops)

        return One

    return define


class TestLRP(ExplainerContract):
    method = "lrp"

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
        assert why.notes[-1] == "Of the score of 30, the input has 27 and the network's biases have 3."

    @pytest.mark.parametrize(
        ("step", "score", "shares"),
        [
            # of voxels 2 and 5: a way around a rectifier; half of a product each; all for what a gate lets through
            (lambda net, x, F, ops: F.relu(x - 3).sum(1, keepdim=True) + x[:, :1], 4, [2, 5]),
            (lambda net, x, F, ops: x[:, :1] * x[:, 1:], 10, [5, 5]),
            (lambda net, x, F, ops: x[:, :1] * F.sigmoid(0 * x[:, 1:]), 1, [1, 0]),
            (lambda net, x, F, ops: x[:, 1:] / x[:, :1], 2.5, [0, 2.5]),
            (lambda net, x, F, ops: x.sum(1, keepdim=True) + net.keep, 10, [2, 5]),
            (lambda net, x, F, ops: 1 - x[:, :1], -1, [-2, 0]),
            (lambda net, x, F, ops: ops.cat((x, net.keep[None]), dim=1).sum(1, keepdim=True), 10, [2, 5]),
            (lambda net, x, F, ops: F.linear(x, ops.ones(1, 2), net.keep), 10, [2, 5]),
            (lambda net, x, F, ops: x[:, :1] ** 2, 4, [4, 0]),
            (lambda net, x, F, ops: x.clone().mul_(2).add_(net.keep).sum(1, keepdim=True), 20, [4, 10]),
            (lambda net, x, F, ops: ops.logsumexp(0 * x, dim=1, keepdim=True) + x[:, :1], 2 + np.log(2), [2, 0]),
            (lambda net, x, F, ops: ops.where(x > 3, x, net.keep).sum(1, keepdim=True), 8, [0, 5]),
            (lambda net, x, F, ops: ops.matmul(F.softmax(0 * x, dim=1), ops.ones(2, 1) * x[:, :1].T), 2, [2, 0]),
        ],
    )  # fmt: skip
    def test_each_step_shares_out_as_worked_out_by_hand(self, step, score, shares):
        model = toys.ToyModel(define_step(step), {"classes": 1})
        volume = toys.noise_volume((2, 1)).with_data(np.array([[2.0], [5.0]], np.float32))
        why = self.explain(model, volume, target=0)
        assert why.score == pytest.approx(score, rel=1e-5)
        assert np.allclose(why.data[:, 0], shares, atol=1e-5)

    def test_norms_hold_their_spread_and_share_out_what_they_centre(self):
        model = toys.ToyModel(define_step(lambda net, x, F, ops: F.layer_norm(x, (2,))[:, :1]), {"classes": 1})
        volume = toys.noise_volume((2, 1)).with_data(np.array([[2.0], [5.0]], np.float32))
        why = self.explain(model, volume, target=0)
        # (2 - 3.5) / 1.5: of 2 half is taken away again by the mean, and of 5 half
        assert np.allclose(why.data[:, 0], [1 / 1.5, -2.5 / 1.5], atol=1e-4)

    def test_it_equals_captum_for_a_chain(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((8, 8))
        inputs = torch.from_numpy(model.prepare(volume).batch).requires_grad_(True)
        chain = torch.nn.Sequential(*model.module.children())
        chain[7].rule = EpsilonRule()  # flattening, for which Captum has no rule by itself
        ours = self.explain(model, volume, target=1).data
        theirs = LRP(chain).attribute(inputs, target=1)[0, 0].detach().numpy()
        assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()

    @pytest.mark.parametrize("name", ZOO)
    def test_the_score_is_conserved_beyond_chains(self, name):
        shape, options = ZOO[name]
        model = wb.zoo.create(name, seed=4, **options)
        x = np.random.default_rng(1).normal(size=(1, 1, *shape)).astype(np.float32)
        outputs = model.forward(x)
        logits = outputs if isinstance(outputs, np.ndarray) else outputs["logits"]
        weights = np.zeros(logits.shape[1:], np.float32)
        weights[1] = 1 / max(weights[1].size, 1)
        relevance, added, score = propagate(model.module, LinearScore(weights), x)
        assert score == pytest.approx(float((logits[0] * weights).sum()), rel=1e-3, abs=1e-6)
        assert relevance.sum(dtype=np.float64) + added == pytest.approx(score, rel=1e-3, abs=1e-5)
        assert np.abs(relevance).max() > 0

    def test_without_biases_the_input_has_it_all(self):
        model = wb.zoo.create("covid-resnet", seed=4, **SMALL)
        for name, value in [*model.module.named_parameters(), *model.module.named_buffers()]:
            if name.endswith(("bias", "running_mean")):
                value.data.zero_()
        why = self.explain(model, toys.noise_volume((64, 64)), target=1)
        assert why.data.sum(dtype=np.float64) == pytest.approx(why.score, rel=1e-3)
        assert not why.notes

    def test_what_has_no_rule_is_refused(self):
        model = toys.ToyModel(define_step(lambda net, x, F, ops: ops.prod(x, 1, keepdim=True)), {"classes": 1})
        volume = toys.noise_volume((2, 1)).with_data(np.array([[2.0], [5.0]], np.float32))
        with pytest.raises(InputError, match=r"whose every step has a rule.* of a score of 10, relevance came to 20"):
            self.explain(model, volume, target=0)

    def test_what_is_taken_at_once_is_refused(self):
        attending = torch.nn.MultiheadAttention(2, 1)
        network = torch.nn.Sequential()
        network.forward = lambda x: attending(x[0], x[0], x[0])[0][None].flatten(1)
        with pytest.raises(InputError, match=r"takes at once \(multi_head_attention_forward\)"):
            propagate(network, LinearScore(np.ones(6, np.float32)), np.ones((1, 3, 2), np.float32))

    def test_the_network_is_left_as_it_was(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((8, 8))
        before = model.weights_fingerprint()
        self.explain(model, volume, target=1)
        assert model.weights_fingerprint() == before
        assert all(weight.requires_grad for weight in model.module.parameters())


def test_a_score_of_several_outputs_is_shared_out_whole():
    one = LinearScore(np.ones(2, np.float32))
    both = LinearScore(np.array([1, 0], np.float32), plus=(one,))
    network, x = torch.nn.Sequential(torch.nn.Linear(3, 2, bias=False)), np.ones((1, 3), np.float32)
    weights = copy.deepcopy(network[0].weight.detach().numpy())
    relevance, added, score = propagate(network, both, x)
    assert np.allclose(relevance[0], 2 * weights[0] + weights[1], atol=1e-6)
    assert added == 0
    assert score == pytest.approx(float(relevance.sum()), rel=1e-5)
