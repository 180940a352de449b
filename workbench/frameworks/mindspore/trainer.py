"""One training step in MindSpore, with optimiser rules that are torch's to the last term."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import ops
from mindspore.ops import operations as P

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.frameworks.mindspore._gradients import recording, to_tensor
from workbench.frameworks.mindspore._graph import TrainingGraph
from workbench.frameworks.mindspore.nn.norm import _BatchNorm
from workbench.frameworks.mindspore.random import seeded
from workbench.frameworks.players import Loss, Players, named_terms
from workbench.frameworks.stepping import OptimizerSpec, Trainer, select_trainable

_EPS = 1e-8
_SLOTS = {"adam": ("exp_avg", "exp_avg_sq"), "adamw": ("exp_avg", "exp_avg_sq"), "sgd": ("momentum_buffer",)}


class MindSporeTrainer(Trainer):
    """Steps a MindSpore network; see :class:`~workbench.frameworks.base.Trainer`."""

    def __init__(
        self,
        module: Any,
        loss: Loss | Players,
        spec: OptimizerSpec,
        *,
        trainable: Sequence[str] | None = None,
        grad_clip: float | None = None,
        compiled: bool = False,
    ) -> None:
        named = dict(module.named_parameters())
        self._names = select_trainable(list(named), trainable)
        wanted = set(self._names)
        for name, parameter in named.items():
            parameter.requires_grad = name in wanted
        self._module, self._spec, self._grad_clip = module, spec, grad_clip
        self._parameters = {name: named[name] for name in self._names}
        self._frozen_norms = [
            layer for layer in module.modules() if isinstance(layer, _BatchNorm) and _is_frozen(layer)
        ]
        self._steps = 0
        self._slots = {
            slot: {
                name: ms.Parameter(ops.zeros_like(parameter), name=f"{slot}.{name}", requires_grad=False)
                for name, parameter in self._parameters.items()
            }
            for slot in _SLOTS[spec.name]
        }
        turns = loss.turns(self._names) if isinstance(loss, Players) else {"": self._names}
        # players call parts of the network, each as it likes
        self._graph = TrainingGraph(module) if compiled and not isinstance(loss, Players) else None
        self._turns = [
            _Turn(module, loss, player, {name: named[name] for name in names}, self._graph)
            for player, names in turns.items()
        ]
        self._adam, self._momentum = P.Adam(), P.ApplyMomentum(use_nesterov=spec.nesterov)

    def step(self, inputs: Array, targets: dict[str, Array], *, step_seed: int, lr: float) -> dict[str, float]:
        module = self._module
        module.train()
        for norm in self._frozen_norms:
            norm.eval()
        played = []
        try:
            batch, tensors = to_tensor(inputs), {name: to_tensor(array) for name, array in targets.items()}
            done = self._steps
            with seeded(step_seed):
                for turn in self._turns:
                    gradients, values = turn.gradients(batch, tensors, step_seed)
                    if self._grad_clip is not None:
                        gradients = _clipped(gradients, self._grad_clip)
                    self._steps = done + 1
                    (self._step_sgd if self._spec.name == "sgd" else self._step_adam)(turn.names, gradients, lr)
                    played.append((turn, values))
            found: dict[str, float] = {}
            for turn, values in played:
                terms = dict(zip(turn.terms, values.asnumpy().tolist(), strict=True))
                found |= named_terms(turn.player, turn is self._turns[-1], terms)
        finally:
            module.eval()
        return found

    def _step_adam(self, names: Sequence[str], gradients: Sequence[Any], lr: float) -> None:
        spec = self._spec
        beta1, beta2 = spec.betas
        corrections = 1 - beta1**self._steps, 1 - beta2**self._steps
        # the kernel adds eps to sqrt(v) before the bias correction, torch after it: scaling eps makes them equal
        numbers = [
            ms.Tensor(np.float32(value))
            for value in (1 - corrections[0], 1 - corrections[1], lr, beta1, beta2, _EPS * math.sqrt(corrections[1]))
        ]
        for name, gradient in zip(names, gradients, strict=True):
            parameter = self._parameters[name]
            if spec.weight_decay and spec.name == "adamw":
                ops.assign(parameter, parameter * (1 - lr * spec.weight_decay))
            elif spec.weight_decay:
                gradient = gradient + spec.weight_decay * parameter
            self._adam(parameter, self._slots["exp_avg"][name], self._slots["exp_avg_sq"][name], *numbers, gradient)

    def _step_sgd(self, names: Sequence[str], gradients: Sequence[Any], lr: float) -> None:
        spec = self._spec
        rate, momentum = ms.Tensor(np.float32(lr)), ms.Tensor(np.float32(spec.momentum))
        for name, gradient in zip(names, gradients, strict=True):
            parameter = self._parameters[name]
            if spec.weight_decay:
                gradient = gradient + spec.weight_decay * parameter
            self._momentum(parameter, self._slots["momentum_buffer"][name], rate, gradient, momentum)

    def state(self) -> tuple[dict[str, Array], dict[str, Any]]:
        tensors = {
            f"{slot}.{name}": value.asnumpy().copy()
            for slot, values in self._slots.items()
            for name, value in values.items()
        }
        scalars = {"optimizer": self._spec.name, "framework": "mindspore", "steps": self._steps}
        shapes = None if self._graph is None else self._graph.shapes
        return tensors, {**scalars, "compiled": None if shapes is None else [list(shape) for shape in shapes]}

    def load_state(self, tensors: Mapping[str, Array], scalars: Mapping[str, Any]) -> None:
        if scalars.get("optimizer") != self._spec.name:
            raise InputError(
                f"This is the state of optimizer {scalars.get('optimizer')!r}, the trainer uses {self._spec.name!r}. "
                "Resume with the recipe the run was started with."
            )
        wanted = {f"{slot}.{name}": value for slot, values in self._slots.items() for name, value in values.items()}
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
        if self._graph is not None:
            # a run from before there were graphs goes on as it began
            shapes = scalars.get("compiled")
            self._graph.shapes = None if shapes is None else [[int(extent) for extent in shape] for shape in shapes]


class _Turn:
    """A loss and the parameters that descend on it: those of one player, or all."""

    def __init__(
        self,
        module: Any,
        loss: Loss | Players,
        player: str,
        parameters: Mapping[str, Any],
        graph: TrainingGraph | None,
    ) -> None:
        self.player, self.names = player, list(parameters)
        self.terms: list[str] = []
        self._module, self._loss, self._seed, self._graph = module, loss, 0, graph
        self._network: Any = module
        self._in_loss = False
        weights = ms.ParameterTuple(list(parameters.values()))
        self._gradient = ms.value_and_grad(self._objective, None, weights, has_aux=True)

    def gradients(self, inputs: Any, targets: dict[str, Any], seed: int) -> tuple[Sequence[Any], Any]:
        """Return the gradient for each parameter, and the values of the terms in one tensor."""
        self._seed = seed
        graph = self._graph
        if graph is None or not graph.takes(inputs):
            return self._differentiated(self._module, inputs, targets)
        try:
            found = self._differentiated(graph, inputs, targets)
        except Exception as error:
            # what the loss raises is the loss's, and so is what the network says of its input
            if self._in_loss or not graph.gives_up(inputs, error):
                raise
            return self._differentiated(self._module, inputs, targets)
        graph.succeeded(inputs)
        return found

    def _differentiated(self, network: Any, inputs: Any, targets: dict[str, Any]) -> tuple[Sequence[Any], Any]:
        self._network, self._in_loss = network, False
        with recording():
            (_, values), gradients = self._gradient(inputs, targets)
        return gradients, values

    def _objective(self, inputs: Any, targets: dict[str, Any]) -> tuple[Any, Any]:
        if isinstance(self._loss, Players):
            terms = self._loss.loss(self._module, inputs, targets, self.player, self._seed)
        else:
            outputs = self._network(inputs)
            self._in_loss = True
            terms = self._loss(outputs, targets)
            self._in_loss = False
        self.terms = list(terms)
        return terms["loss"], ops.stack([value.reshape(()) for value in terms.values()])


def _is_frozen(layer: Any) -> bool:
    own = [
        parameter for name, parameter in layer._params.items() if parameter is not None and name in ("weight", "bias")
    ]
    return bool(own) and not any(parameter.requires_grad for parameter in own)


def _clipped(gradients: Sequence[Any], limit: float) -> list[Any]:
    squares = ops.stack([(gradient * gradient).sum() for gradient in gradients])
    factor = ops.minimum(limit / (ops.sqrt(squares.sum()) + 1e-6), 1.0)
    return [gradient * factor for gradient in gradients]
