"""What every trainer must do; `FrameworkContract` inherits it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.frameworks import OptimizerSpec


def tiny(nn: Any, F: Any, ops: Any) -> Any:
    """Convolution, batch norm, in-place activation, dropout, linear; a dictionary of outputs if asked."""

    class Tiny(nn.Module):
        def __init__(self, width=3, dropout=0.3, named=False):
            super().__init__()
            self.conv = nn.Conv2d(1, width, 3, padding=1)
            self.norm = nn.BatchNorm2d(width)
            self.act = nn.ReLU(inplace=True)
            self.blocks = nn.ModuleList([nn.Sequential(nn.Conv2d(width, width, 1), nn.Tanh())])
            self.drop = nn.Dropout(dropout)
            self.head = nn.Linear(width, 2)
            self.unused = nn.Linear(2, 2)
            self.named = named

        def forward(self, x):
            x = self.act(self.norm(self.conv(x)))
            x = self.blocks[0](x)
            logits = self.head(self.drop(ops.mean(x, dim=(2, 3))))
            if self.named:
                return {"logits": logits, "features": x}
            return logits

    return Tiny


def classification(nn: Any, F: Any, ops: Any) -> Any:
    def loss(outputs, targets):
        entropy = F.cross_entropy(outputs, targets["label"])
        penalty = 0.01 * ops.mean(outputs * outputs)
        return {"loss": entropy + penalty, "entropy": entropy, "penalty": penalty}

    return loss


def assert_same_bits(first, second):
    """Compare two runs, each (weights, slots of the optimiser, terms of the last loss)."""
    assert first[2] == second[2]
    for one, other in zip(first[:2], second[:2], strict=True):
        assert set(one) == set(other)
        assert all(np.array_equal(one[key], other[key]) for key in one)


class SteppingContract:
    #: Options of the network that is stepped where nothing else is said.
    config: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def targets(self) -> dict[str, np.ndarray]:
        return {"label": np.array([0, 1, 0, 1, 1, 0])}

    def _trainer(self, framework, module, spec=None, **options):
        loss = options.pop("loss", classification)
        return framework.trainer(module, loss, spec or OptimizerSpec("adamw", weight_decay=0.01), **options)

    def test_training_lowers_the_loss(self, framework, x, targets):
        module = framework.build(tiny, {"dropout": 0.0})
        trainer = self._trainer(framework, module)
        x = x + 2 * targets["label"][:, None, None, None].astype(np.float32)
        losses = [trainer.step(x, targets, step_seed=step, lr=0.02) for step in range(60)]
        assert set(losses[0]) == {"loss", "entropy", "penalty"}
        assert all(isinstance(value, float) for value in losses[0].values())
        assert losses[0]["loss"] == pytest.approx(losses[0]["entropy"] + losses[0]["penalty"], rel=1e-5)
        assert losses[-1]["loss"] < 0.5 * losses[0]["loss"]
        assert not module.training

    def test_frozen_parameters_and_norms_stay(self, framework, x, targets):
        module = framework.build(tiny, self.config)
        before = framework.state(module)
        trainer = self._trainer(framework, module, trainable=["head.weight", "head.bias"])
        trainer.step(x, targets, step_seed=0, lr=0.1)
        after = framework.state(module)
        changed = {key for key in before if not np.array_equal(before[key], after[key])}
        assert changed == {"head.weight", "head.bias"}

    def test_all_parameters_train_again_after_a_frozen_trainer(self, framework, x, targets):
        module = framework.build(tiny, self.config)
        self._trainer(framework, module, trainable=["head.bias"]).step(x, targets, step_seed=0, lr=0.1)
        before = framework.state(module)
        self._trainer(framework, module).step(x, targets, step_seed=0, lr=0.1)
        after = framework.state(module)
        assert not np.array_equal(before["conv.weight"], after["conv.weight"])
        assert not np.array_equal(before["norm.running_mean"], after["norm.running_mean"])

    def test_unknown_trainable_names_are_refused(self, framework):
        module = framework.build(tiny, self.config)
        with pytest.raises(InputError, match=r"head\.wieght.*head\.weight"):
            self._trainer(framework, module, trainable=["head.wieght"])
        with pytest.raises(InputError, match="nothing to train"):
            self._trainer(framework, module, trainable=[])

    def test_gradient_clipping_bounds_the_step(self, framework, x, targets):
        module = framework.build(tiny, {"dropout": 0.0})
        before = framework.state(module)
        spec = OptimizerSpec("sgd", momentum=0.0)
        self._trainer(framework, module, spec, grad_clip=1e-3).step(x, targets, step_seed=0, lr=1.0)
        after = framework.state(module)
        moved = [after[name] - before[name] for name in framework.parameter_names(module)]
        assert np.sqrt(sum((move**2).sum() for move in moved)) == pytest.approx(1e-3, rel=1e-2)

    def test_a_loss_that_is_not_finite_is_returned(self, framework, x, targets):
        module = framework.build(tiny, self.config)

        def broken(nn: Any, F: Any, ops: Any) -> Any:
            def loss(outputs, targets):
                return {"loss": ops.mean(outputs) * float("nan")}

            return loss

        values = self._trainer(framework, module, loss=broken).step(x, targets, step_seed=0, lr=0.1)
        assert np.isnan(values["loss"])

    def test_a_norm_of_a_single_value_says_what_to_do(self, framework):
        def pooled(nn: Any, F: Any, ops: Any) -> Any:
            class Pooled(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.norm = nn.BatchNorm2d(2)

                def forward(self, x):
                    return ops.mean(self.norm(x), dim=(2, 3))

            return Pooled

        module = framework.build(pooled, {})
        trainer = self._trainer(framework, module)
        one = np.ones((1, 2, 1, 1), np.float32)
        with pytest.raises(InputError, match=r"one value per channel.*Raise batch_size"):
            trainer.step(one, {"label": np.array([0])}, step_seed=0, lr=0.1)
        assert framework.forward(module, one).shape == (1, 2), "in use, one value is no trouble"
        trainer.step(np.ones((2, 2, 1, 1), np.float32), {"label": np.array([0, 1])}, step_seed=0, lr=0.1)

    def test_the_step_seed_decides_dropout(self, framework, x, targets):
        losses = []
        for seed in (5, 5, 6):
            module = framework.build(tiny, {"dropout": 0.6})
            losses.append(self._trainer(framework, module).step(x, targets, step_seed=seed, lr=0.1)["loss"])
        assert losses[0] == losses[1] != losses[2]

    @pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
    def test_a_resumed_run_is_bit_identical(self, framework, x, targets, optimizer):
        spec = OptimizerSpec(optimizer, weight_decay=0.01)

        def run(interrupt):
            module = framework.build(tiny, self.config)
            trainer = self._trainer(framework, module, spec, grad_clip=1.0)
            for step in range(6):
                if step == interrupt:
                    state, (tensors, scalars) = framework.state(module), trainer.state()
                    module = framework.build(tiny, self.config, seed=99)
                    framework.load_state(module, state)
                    trainer = self._trainer(framework, module, spec, grad_clip=1.0)
                    trainer.load_state(tensors, scalars)
                values = trainer.step(x, targets, step_seed=step, lr=0.05 / (1 + step))
            return framework.state(module), trainer.state()[0], values

        assert_same_bits(run(None), run(3))

    def test_optimizer_state_is_plain_data_and_checked(self, framework, x, targets):
        import json

        module = framework.build(tiny, self.config)
        trainer = self._trainer(framework, module)
        trainer.step(x, targets, step_seed=0, lr=0.1)
        tensors, scalars = trainer.state()
        assert json.loads(json.dumps(scalars)) == scalars
        assert "exp_avg.conv.weight" in tensors
        assert all(isinstance(value, np.ndarray) for value in tensors.values())
        with pytest.raises(InputError, match="sgd"):
            self._trainer(framework, module, OptimizerSpec("sgd")).load_state(tensors, scalars)
        broken = tensors | {"exp_avg.conv.weight": np.zeros((1, 2), np.float32)}
        with pytest.raises(InputError, match=r"exp_avg\.conv\.weight.*\(3, 1, 3, 3\).*\(1, 2\)"):
            trainer.load_state(broken, scalars)
        with pytest.raises(InputError, match=r"exp_avg\.nothing"):
            trainer.load_state(tensors | {"exp_avg.nothing": np.zeros(1, np.float32)}, scalars)
