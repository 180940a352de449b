"""The MindSpore side of the framework contract."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.frameworks import _environment
from workbench.frameworks._devices import cpu, resolve_device
from workbench.frameworks._layers import named_layers
from workbench.frameworks._modes import evaluating
from workbench.frameworks.base import (
    Define,
    Device,
    Framework,
    KnownProblem,
    LayerInfo,
    LinearScore,
    MakeLoss,
    Outputs,
)
from workbench.frameworks.matching import MatchReport, match
from workbench.frameworks.mindspore import _problems, _runtime
from workbench.frameworks.stepping import OptimizerSpec, Trainer


class MindSporeFramework(Framework):
    """MindSpore in PyNative mode, but for networks in training, which are compiled: CPU and Ascend devices."""

    name = "mindspore"
    networks = ("mindspore.nn.cell", "Cell")

    @property
    def vocabulary(self) -> tuple[Any, Any, Any]:
        _runtime.load()
        from workbench.frameworks.mindspore import functional, nn, ops

        return nn, functional, ops

    @classmethod
    def installed(cls) -> bool:
        return importlib.util.find_spec("mindspore") is not None

    def versions(self) -> dict[str, str]:
        return {"mindspore": importlib.metadata.version("mindspore")}

    @classmethod
    def worker_environment(cls, inherited: Mapping[str, str], *, threads: int, deterministic: bool) -> dict[str, str]:
        return _environment.mindspore(inherited, threads=threads, deterministic=deterministic)

    def known_problems(self) -> list[KnownProblem]:
        version = importlib.metadata.version
        return _problems.known(version("mindspore"), version("numpy"), _problems.cpu_flags(), os.environ)

    def devices(self) -> list[Device]:
        found = [cpu(self.name)]
        # the driver's device files tell of Ascend cards without the seconds that importing MindSpore takes
        cards = sorted(Path("/dev").glob("davinci[0-9]*"), key=lambda card: int(card.name.removeprefix("davinci")))
        found += [Device(f"ascend:{index}", self.name, "Ascend NPU") for index, _ in enumerate(cards)]
        return found

    def build(self, define: Define, config: Mapping[str, Any], device: str = "cpu", seed: int | None = 0) -> Any:
        place = resolve_device(self, device)
        ms = _runtime.load()
        from workbench.frameworks.mindspore.random import seeded

        kind, _, index = place.partition(":")
        if kind != "cpu" or ms.get_context("device_target") != "CPU":
            ms.set_device({"cpu": "CPU", "ascend": "Ascend"}[kind], int(index or 0))
        with seeded(seed):
            module = define(*self.vocabulary)(**config)
        return module.eval()

    def device_of(self, module: Any) -> str:  # noqa: ARG002 - MindSpore has one device for the process
        ms = _runtime.load()
        target = str(ms.get_context("device_target")).lower()
        return target if target == "cpu" else f"{target}:{ms.get_context('device_id')}"

    def forward(self, module: Any, x: Array) -> Outputs:
        from workbench.frameworks.mindspore import _gradients

        with _evaluating(module):
            return _gradients.forward(module, x)

    def scores(self, module: Any, x: Array, score: LinearScore) -> Array:
        from workbench.frameworks.mindspore import _gradients

        with _evaluating(module):
            return _gradients.scores(module, x, score)

    def input_gradient(self, module: Any, x: Array, score: LinearScore) -> tuple[Array, Array]:
        from workbench.frameworks.mindspore import _gradients

        with _evaluating(module):
            return _gradients.input_gradient(module, x, score)

    def layer_gradient(self, module: Any, layer: str, x: Array, score: LinearScore) -> tuple[Array, Array, Array]:
        from workbench.frameworks.mindspore import _gradients

        with _evaluating(module):
            return _gradients.layer_gradient(module, layer, x, score)

    def capture(self, module: Any, layers: Sequence[str], x: Array) -> dict[str, Array]:
        from workbench.frameworks.mindspore import _layers

        with _evaluating(module):
            return _layers.capture(module, layers, x)

    @contextlib.contextmanager
    def replace(self, module: Any, layer: str, change: Callable[[Array], Array]) -> Iterator[Any]:
        from workbench.frameworks.mindspore import _layers

        with _evaluating(module), _layers.replace(module, layer, change) as network:
            yield network

    def layers(self, module: Any) -> list[LayerInfo]:
        nn = self.vocabulary[0]
        return [
            LayerInfo(name, type(layer).__name__, tuple(name.split(".")), not layer._cells)
            for name, layer in named_layers(module)
            if name and not isinstance(layer, (nn.ModuleList, nn.ModuleDict))
        ]

    def first_convolution(self, module: Any) -> tuple[int, int] | None:
        _runtime.load()
        from workbench.frameworks.mindspore import _foreign

        return _foreign.first_convolution(module)

    def traced(self, module: Any, x: Array) -> tuple[Outputs, dict[str, tuple[int, ...]]]:
        from workbench.frameworks.mindspore import _foreign

        with _evaluating(module):
            return _foreign.traced(module, x)

    def state(self, module: Any) -> dict[str, Array]:
        return {name: parameter.asnumpy().copy() for name, parameter in _tensors(module).items()}

    def load_state(self, module: Any, state: Mapping[str, Array], strict: bool = True) -> MatchReport:
        ms = _runtime.load()
        own = _tensors(module)
        report = match({name: parameter.shape for name, parameter in own.items()}, state, strict=strict)
        for name in report.matched:
            own[name].set_data(ms.Tensor(state[name].copy(), dtype=own[name].dtype))
        return report

    def parameter_names(self, module: Any) -> list[str]:
        return [name for name, _ in _trainable(module)]

    def num_parameters(self, module: Any) -> int:
        return sum(int(parameter.size) for _, parameter in _trainable(module))

    def trainer(
        self,
        module: Any,
        loss: MakeLoss,
        optimizer: OptimizerSpec,
        *,
        trainable: Sequence[str] | None = None,
        grad_clip: float | None = None,
        compiled: bool = False,
    ) -> Trainer:
        from workbench.frameworks.mindspore.trainer import MindSporeTrainer

        return MindSporeTrainer(
            module, loss(*self.vocabulary), optimizer, trainable=trainable, grad_clip=grad_clip, compiled=compiled
        )


@contextlib.contextmanager
def _evaluating(module: Any) -> Iterator[None]:
    if not hasattr(module, "cells_and_names") or not hasattr(module, "construct"):
        raise InputError(f"The MindSpore framework runs a mindspore.nn.Cell, got {type(module).__name__}.")
    _runtime.load()
    from workbench.frameworks.mindspore import _foreign

    with evaluating(module, lambda: _foreign.evaluate(module)):
        yield


def _trainable(module: Any) -> list[tuple[str, Any]]:
    """Return each parameter that can be trained once, with its dotted name."""
    if hasattr(module, "named_parameters"):
        return list(module.named_parameters())
    # somebody else's: what a network keeps count of needs no gradient, but a frozen weight says the same
    held = {id(one) for one in module.trainable_params()}
    return [(name, one) for name, one in _tensors(module).items() if id(one) in held]


def _tensors(module: Any) -> dict[str, Any]:
    # every dotted name, shared weights under each of theirs, in torch's order: parameters of a module, then its buffers
    found = {}
    for prefix, layer in _named(module, ""):
        buffers = getattr(layer, "_buffer_names", ())
        names = [name for name in layer._params if name not in buffers] + list(buffers)
        for name in names:
            if layer._params.get(name) is not None:
                found[f"{prefix}{name}"] = layer._params[name]
    return found


def _named(module: Any, prefix: str) -> list[tuple[str, Any]]:
    found = [(prefix, module)]
    for name, child in module._cells.items():
        if child is not None:
            found += _named(child, f"{prefix}{name}.")
    return found
