"""One training step in torch, with as little as possible around the network itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.frameworks.players import Loss, Players, named_terms
from workbench.frameworks.stepping import OptimizerSpec, Trainer, select_trainable, single_value_error
from workbench.frameworks.torch._tensors import bare, device_of, differentiating, to_array, to_tensor

_NORMS = torch.nn.modules.batchnorm._BatchNorm


class TorchTrainer(Trainer):
    """Steps a torch module; see :class:`~workbench.frameworks.base.Trainer`."""

    def __init__(
        self,
        module: torch.nn.Module,
        loss: Loss | Players,
        spec: OptimizerSpec,
        *,
        trainable: Sequence[str] | None = None,
        grad_clip: float | None = None,
    ) -> None:
        named = dict(bare(module).named_parameters())
        self._names = select_trainable(list(named), trainable)
        wanted = set(self._names)
        for name, parameter in named.items():
            parameter.requires_grad_(name in wanted)
        self._module = module
        self._loss = loss
        self._spec = spec
        self._grad_clip = grad_clip
        self._device = device_of(module)
        self._parameters = [named[name] for name in self._names]
        self._optimizer = _make_optimizer(spec, self._parameters)
        self._turns: dict[str, list[str]] = loss.turns(self._names) if isinstance(loss, Players) else {}
        self._frozen_norms = [layer for layer in module.modules() if isinstance(layer, _NORMS) and _is_frozen(layer)]

    def step(self, inputs: Array, targets: dict[str, Array], *, step_seed: int, lr: float) -> dict[str, float]:
        module = self._module
        module.train()
        for norm in self._frozen_norms:
            norm.eval()
        try:
            torch.manual_seed(step_seed)
            with differentiating(module):
                tensors = {name: to_tensor(array, self._device) for name, array in targets.items()}
                batch = to_tensor(inputs, self._device)
                if isinstance(self._loss, Players):
                    terms = self._play(self._loss, batch, tensors, step_seed, lr)
                else:
                    terms = self._loss(module(batch), tensors)
                    self._descend(terms["loss"], self._parameters, lr)
            # one transfer for all terms: on an accelerator every `.item()` would wait for the queue to drain
            values = torch.stack([value.detach().reshape(()) for value in terms.values()]).tolist()
        except ValueError as error:
            # "... value per channel when training" of batch norms, "... spatial element ..." of instance norms
            if str(error).startswith("Expected more than 1 "):
                raise single_value_error() from error
            raise
        finally:
            module.eval()
        return dict(zip(terms, values, strict=True))

    def _descend(self, loss: Any, parameters: Sequence[torch.nn.Parameter], lr: float) -> None:
        optimizer = self._optimizer
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self._grad_clip is not None:
            torch.nn.utils.clip_grad_norm_(parameters, self._grad_clip)
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.step()

    def _play(
        self, players: Players, inputs: torch.Tensor, targets: dict[str, Any], seed: int, lr: float
    ) -> dict[str, torch.Tensor]:
        found: dict[str, torch.Tensor] = {}
        for player, names in self._turns.items():
            with self._only(names) as own:
                terms = players.loss(self._module, inputs, targets, player, seed)
                # the optimiser passes over parameters without a gradient, so the others' are left as they are
                self._descend(terms["loss"], own, lr)
            found |= named_terms(player, player == list(self._turns)[-1], terms)
        return found

    @contextlib.contextmanager
    def _only(self, names: Sequence[str]) -> Iterator[list[torch.nn.Parameter]]:
        wanted = set(names)
        for name, parameter in zip(self._names, self._parameters, strict=True):
            parameter.requires_grad_(name in wanted)
        try:
            yield [p for name, p in zip(self._names, self._parameters, strict=True) if name in wanted]
        finally:
            for parameter in self._parameters:
                parameter.requires_grad_(True)

    def state(self) -> tuple[dict[str, Array], dict[str, Any]]:
        tensors = {}
        for name, parameter in zip(self._names, self._parameters, strict=True):
            for slot, value in self._optimizer.state.get(parameter, {}).items():
                if isinstance(value, torch.Tensor):
                    tensors[f"{slot}.{name}"] = to_array(value)
        return tensors, {"optimizer": self._spec.name, "framework": "torch"}

    def load_state(self, tensors: Mapping[str, Array], scalars: Mapping[str, Any]) -> None:
        if scalars.get("optimizer") != self._spec.name:
            raise InputError(
                f"This is the state of optimizer {scalars.get('optimizer')!r}, the trainer uses {self._spec.name!r}. "
                "Resume with the recipe the run was started with."
            )
        index = {name: number for number, name in enumerate(self._names)}
        slots: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            slot, _, name = key.partition(".")
            if name not in index:
                raise InputError(f"The optimizer state holds {key!r}, which is not a parameter that is being trained.")
            wanted = tuple(self._parameters[index[name]].shape)
            if slot != "step" and tuple(value.shape) != wanted:
                raise InputError(f"The optimizer state {key!r} must have shape {wanted}, got {tuple(value.shape)}.")
            slots.setdefault(index[name], {})[slot] = torch.from_numpy(value.copy())
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": slots, "param_groups": groups})


def _is_frozen(layer: torch.nn.Module) -> bool:
    own = list(layer.parameters(recurse=False))
    return bool(own) and not any(parameter.requires_grad for parameter in own)


def _make_optimizer(spec: OptimizerSpec, parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
    fused = all(parameter.device.type in ("cpu", "cuda") for parameter in parameters)
    shared: dict[str, Any] = {"lr": spec.lr, "weight_decay": spec.weight_decay, "fused": fused}
    if spec.name == "sgd":
        return torch.optim.SGD(parameters, momentum=spec.momentum, nesterov=spec.nesterov, **shared)
    kind = torch.optim.Adam if spec.name == "adam" else torch.optim.AdamW
    return kind(parameters, betas=spec.betas, **shared)
