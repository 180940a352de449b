"""One training step in MindSpore, with optimiser rules that are torch's to the last term."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import ops
from mindspore.ops import operations as P

from workbench.errors import InputError
from workbench.frameworks.base import Array, OptimizerSpec, Trainer, select_trainable
from workbench.frameworks.mindspore._gradients import to_tensor
from workbench.frameworks.mindspore.nn.norm import _BatchNorm
from workbench.frameworks.mindspore.random import seeded

_EPS = 1e-8
_SLOTS = {"adam": ("exp_avg", "exp_avg_sq"), "adamw": ("exp_avg", "exp_avg_sq"), "sgd": ("momentum_buffer",)}


class MindSporeTrainer(Trainer):
    """Steps a MindSpore network; see :class:`~workbench.frameworks.base.Trainer`."""

    def __init__(
        self,
        module: Any,
        loss: Callable[[Any, dict[str, Any]], dict[str, Any]],
        spec: OptimizerSpec,
        *,
        trainable: Sequence[str] | None = None,
        grad_clip: float | None = None,
    ) -> None:
        named = dict(module.named_parameters())
        self._names = select_trainable(list(named), trainable)
        wanted = set(self._names)
        for name, parameter in named.items():
            parameter.requires_grad = name in wanted
        self._module, self._loss, self._spec, self._grad_clip = module, loss, spec, grad_clip
        self._parameters = [named[name] for name in self._names]
        self._frozen_norms = [
            layer for layer in module.modules() if isinstance(layer, _BatchNorm) and _is_frozen(layer)
        ]
        self._steps = 0
        self._slots = {
            slot: [
                ms.Parameter(ops.zeros_like(parameter), name=f"{slot}.{name}", requires_grad=False)
                for name, parameter in zip(self._names, self._parameters, strict=True)
            ]
            for slot in _SLOTS[spec.name]
        }
        self._terms: list[str] = []
        self._gradient = ms.value_and_grad(self._objective, None, ms.ParameterTuple(self._parameters), has_aux=True)
        self._adam, self._momentum = P.Adam(), P.ApplyMomentum(use_nesterov=spec.nesterov)

    def _objective(self, inputs: Any, targets: dict[str, Any]) -> tuple[Any, Any]:
        terms = self._loss(self._module(inputs), targets)
        self._terms = list(terms)
        return terms["loss"], ops.stack([value.reshape(()) for value in terms.values()])

    def step(self, inputs: Array, targets: dict[str, Array], *, step_seed: int, lr: float) -> dict[str, float]:
        module = self._module
        module.train()
        for norm in self._frozen_norms:
            norm.eval()
        try:
            tensors = {name: to_tensor(array) for name, array in targets.items()}
            with seeded(step_seed):
                (_, terms), gradients = self._gradient(to_tensor(inputs), tensors)
            if self._grad_clip is not None:
                gradients = _clipped(gradients, self._grad_clip)
            self._steps += 1
            (self._step_sgd if self._spec.name == "sgd" else self._step_adam)(gradients, lr)
            values = terms.asnumpy().tolist()
        finally:
            module.eval()
        return dict(zip(self._terms, values, strict=True))

    def _step_adam(self, gradients: Sequence[Any], lr: float) -> None:
        spec = self._spec
        beta1, beta2 = spec.betas
        corrections = 1 - beta1**self._steps, 1 - beta2**self._steps
        # the kernel adds eps to sqrt(v) before the bias correction, torch after it: scaling eps makes them equal
        numbers = [
            ms.Tensor(np.float32(value))
            for value in (1 - corrections[0], 1 - corrections[1], lr, beta1, beta2, _EPS * math.sqrt(corrections[1]))
        ]
        for parameter, mean, square, gradient in zip(
            self._parameters, self._slots["exp_avg"], self._slots["exp_avg_sq"], gradients, strict=True
        ):
            if spec.weight_decay and spec.name == "adamw":
                ops.assign(parameter, parameter * (1 - lr * spec.weight_decay))
            elif spec.weight_decay:
                gradient = gradient + spec.weight_decay * parameter
            self._adam(parameter, mean, square, *numbers, gradient)

    def _step_sgd(self, gradients: Sequence[Any], lr: float) -> None:
        spec = self._spec
        rate, momentum = ms.Tensor(np.float32(lr)), ms.Tensor(np.float32(spec.momentum))
        for parameter, buffer, gradient in zip(
            self._parameters, self._slots["momentum_buffer"], gradients, strict=True
        ):
            if spec.weight_decay:
                gradient = gradient + spec.weight_decay * parameter
            self._momentum(parameter, buffer, rate, gradient, momentum)

    def state(self) -> tuple[dict[str, Array], dict[str, Any]]:
        tensors = {
            f"{slot}.{name}": value.asnumpy().copy()
            for slot, values in self._slots.items()
            for name, value in zip(self._names, values, strict=True)
        }
        return tensors, {"optimizer": self._spec.name, "framework": "mindspore", "steps": self._steps}

    def load_state(self, tensors: Mapping[str, Array], scalars: Mapping[str, Any]) -> None:
        if scalars.get("optimizer") != self._spec.name:
            raise InputError(
                f"This is the state of optimizer {scalars.get('optimizer')!r}, the trainer uses {self._spec.name!r}. "
                "Resume with the recipe the run was started with."
            )
        wanted = {
            f"{slot}.{name}": value
            for slot, values in self._slots.items()
            for name, value in zip(self._names, values, strict=True)
        }
        if set(tensors) != set(wanted):
            odd = sorted(set(tensors) ^ set(wanted))[0]
            raise InputError(
                f"The optimizer state does not fit the parameters being trained: {odd!r} is on one side only."
            )
        for key, value in tensors.items():
            if tuple(value.shape) != tuple(wanted[key].shape):
                raise InputError(
                    f"The optimizer state {key!r} must have shape {tuple(wanted[key].shape)}, got {tuple(value.shape)}."
                )
        for key, value in tensors.items():
            wanted[key].set_data(ms.Tensor(value.copy()))
        self._steps = int(scalars["steps"])


def _is_frozen(layer: Any) -> bool:
    own = [
        parameter for name, parameter in layer._params.items() if parameter is not None and name in ("weight", "bias")
    ]
    return bool(own) and not any(parameter.requires_grad for parameter in own)


def _clipped(gradients: Sequence[Any], limit: float) -> list[Any]:
    squares = ops.stack([(gradient * gradient).sum() for gradient in gradients])
    factor = ops.minimum(limit / (ops.sqrt(squares.sum()) + 1e-6), 1.0)
    return [gradient * factor for gradient in gradients]
