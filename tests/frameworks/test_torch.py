from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.frameworks.contract import FrameworkContract
from tests.frameworks.contract_stepping import classification, tiny
from workbench.errors import InputError
from workbench.frameworks import LinearScore, OptimizerSpec, get


class TestTorch(FrameworkContract):
    name = "torch"

    def test_a_module_is_an_ordinary_torch_module(self, framework):
        assert isinstance(framework.build(tiny, {}), torch.nn.Module)

    def test_building_leaves_the_callers_random_numbers_alone(self, framework):
        torch.manual_seed(11)
        wanted = torch.rand(3)
        torch.manual_seed(11)
        framework.build(tiny, {}, seed=5)
        framework.build(tiny, {}, seed=None)
        assert torch.equal(torch.rand(3), wanted)

    def test_a_read_only_batch_is_not_written_to(self, framework, x):
        x.flags.writeable = False
        framework.input_gradient(framework.build(tiny, {}), x, LinearScore(np.ones(2)))

    def test_a_layer_with_several_outputs_is_refused(self, framework):
        def define(nn, F, ops):
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

                def forward(self, x):
                    return self.attention(x, x, x)[0]

            return Net

        module = framework.build(define, {})
        with pytest.raises(InputError, match=r"returns tuple.*Choose a layer inside"):
            framework.layer_gradient(module, "attention", np.ones((2, 3, 4), np.float32), LinearScore(np.ones((3, 4))))

    def test_gradients_need_no_trainable_parameter(self, framework, x, targets):
        module = framework.build(tiny, {})
        wanted = framework.layer_gradient(module, "conv", x, self.score)[2]
        for parameter in module.parameters():
            parameter.requires_grad_(False)
        assert np.array_equal(framework.layer_gradient(module, "conv", x, self.score)[2], wanted)

    @pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
    @pytest.mark.parametrize("nesterov", [False, True])
    def test_steps_equal_a_loop_written_by_hand(self, framework, x, targets, optimizer, nesterov):
        spec = OptimizerSpec(optimizer, lr=0.05, weight_decay=0.1, nesterov=nesterov)
        module, byhand = framework.build(tiny, {}), framework.build(tiny, {})
        trainer = framework.trainer(module, classification, spec)
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[optimizer]
        more = {"momentum": 0.9, "nesterov": nesterov} if optimizer == "sgd" else {}
        plain = kind(byhand.parameters(), lr=0.05, weight_decay=0.1, foreach=False, **more)
        loss = classification(torch.nn, torch.nn.functional, torch)
        for step in range(4):
            byhand.train()
            torch.manual_seed(step)
            value = loss(byhand(torch.from_numpy(x)), {"label": torch.from_numpy(targets["label"])})["loss"]
            plain.zero_grad()
            value.backward()
            plain.step()
            got = trainer.step(x, targets, step_seed=step, lr=0.05)
            assert got["loss"] == pytest.approx(value.item(), abs=1e-6)
        byhand.eval()
        wanted = framework.state(byhand)
        # the bias before a batch norm has a gradient of rounding errors only, which Adam blows up to full steps
        got = {
            key: value
            for key, value in framework.state(module).items()
            if key not in ("conv.bias", "norm.running_mean")
        }
        assert all(np.allclose(value, wanted[key], atol=1e-5) for key, value in got.items())

    def test_an_averaging_norm_keeps_its_counter(self, framework):
        def define(nn, F, ops):
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.norm = nn.BatchNorm2d(2, momentum=None)

                def forward(self, x):
                    return self.norm(x)

            return Net

        assert "norm.num_batches_tracked" in framework.state(framework.build(define, {}))


def test_get_returns_one_framework_for_a_name():
    assert get("torch") is get("torch")
