"""The torch side of the framework contract."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from workbench._arrays import Array
from workbench.errors import choose
from workbench.frameworks import _environment
from workbench.frameworks._devices import cpu, resolve_device
from workbench.frameworks.base import (
    Define,
    Device,
    Framework,
    LayerInfo,
    LinearScore,
    MakeLoss,
    Outputs,
)
from workbench.frameworks.matching import MatchReport, match
from workbench.frameworks.stepping import OptimizerSpec, Trainer
from workbench.frameworks.torch import _foreign, _gradients, _layers
from workbench.frameworks.torch._convolving import SingleSamples
from workbench.frameworks.torch._evaluating import evaluation_mode
from workbench.frameworks.torch._folding import folded
from workbench.frameworks.torch._fusing import fused
from workbench.frameworks.torch._interrupting import interrupting
from workbench.frameworks.torch._tensors import bare, device_of, dtype_of, run, score_of, to_array, to_output, to_tensor
from workbench.frameworks.torch.trainer import TorchTrainer

_BFLOAT16 = "bfloat16"
_FUSED = "folded-fused"
_CONTAINERS = (torch.nn.ModuleList, torch.nn.ModuleDict)
_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


class TorchFramework(Framework):
    """PyTorch: CPU, CUDA and Apple MPS devices."""

    name = "torch"
    networks = ("torch.nn.modules.module", "Module")

    @property
    def vocabulary(self) -> tuple[Any, Any, Any]:
        return torch.nn, torch.nn.functional, torch

    @classmethod
    def installed(cls) -> bool:
        return True

    def versions(self) -> dict[str, str]:
        found = {"torch": str(torch.__version__)}
        if torch.version.cuda and torch.cuda.is_available():
            found["cuda"] = str(torch.version.cuda)
            found["cudnn"] = str(torch.backends.cudnn.version())  # type: ignore[no-untyped-call]
        return found

    @classmethod
    def worker_environment(cls, inherited: Mapping[str, str], *, threads: int, deterministic: bool) -> dict[str, str]:
        return _environment.torch(inherited, threads=threads, deterministic=deterministic)

    def configure(self, *, threads: int, deterministic: bool) -> None:
        torch.set_num_threads(threads)
        # Warn only: some layers have no deterministic form on an accelerator, and training is still wanted there.
        torch.use_deterministic_algorithms(deterministic, warn_only=True)
        # Filling every fresh tensor costs time at each layer; it matters only to code that reads memory it never wrote.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # not in the stubs

    @contextlib.contextmanager
    def unconfigured(self) -> Iterator[None]:
        threads, exact = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
        warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
        filling = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]  # not in the stubs
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(exact, warn_only=warn_only)
            torch.utils.deterministic.fill_uninitialized_memory = filling  # type: ignore[attr-defined]

    def devices(self) -> list[Device]:
        found = [cpu(self.name)]
        if torch.cuda.is_available():
            for index in range(torch.cuda.device_count()):
                free, total = torch.cuda.mem_get_info(index)
                found.append(Device(f"cuda:{index}", self.name, torch.cuda.get_device_name(index), total, free))
        if torch.backends.mps.is_available():
            shared = found[0]
            found.append(Device("mps", self.name, "Apple GPU", shared.memory, shared.free_memory))
        return found

    def build(
        self, define: Define, config: Mapping[str, Any], device: str = "cpu", seed: int | None = 0
    ) -> torch.nn.Module:
        place = torch.device(resolve_device(self, device))
        network = define(*self.vocabulary)
        # weights are drawn on the CPU, so that a seed means the same network on every device; where the caller is in
        # inference mode, they are to have gradients all the same
        with torch.random.fork_rng(devices=[]), torch.inference_mode(mode=False):
            if seed is None:
                torch.default_generator.seed()
            else:
                torch.default_generator.manual_seed(seed)
            module: torch.nn.Module = network(**config)
            return module.to(place).eval()

    def device_of(self, module: torch.nn.Module) -> str:
        place = device_of(module)
        return f"cuda:{place.index or 0}" if place.type == "cuda" else place.type

    def forward(self, module: torch.nn.Module, x: Array) -> Outputs:
        with evaluation_mode(module), torch.inference_mode(), SingleSamples():
            outputs = run(module, to_tensor(x, device_of(module)))
            if isinstance(outputs, Mapping):
                return {name: to_output(value) for name, value in outputs.items()}
            return to_output(outputs)

    def scores(self, module: torch.nn.Module, x: Array, score: LinearScore) -> Array:
        with evaluation_mode(module), torch.inference_mode(), SingleSamples():
            return to_array(score_of(run(module, to_tensor(x, device_of(module))), score))

    def input_gradient(self, module: torch.nn.Module, x: Array, score: LinearScore) -> tuple[Array, Array]:
        with evaluation_mode(module):
            return _gradients.input_gradient(module, x, score)

    def layer_gradient(
        self, module: torch.nn.Module, layer: str, x: Array, score: LinearScore
    ) -> tuple[Array, Array, Array]:
        with evaluation_mode(module):
            return _gradients.layer_gradient(bare(module), layer, x, score)

    def layer_gradients(
        self, module: torch.nn.Module, layers: Sequence[str], x: Array, score: LinearScore
    ) -> Iterator[tuple[Array, Array] | None]:
        try:
            with evaluation_mode(module):
                found = _gradients.layer_gradients(bare(module), layers, x, score)
        except Exception as error:
            if not self.out_of_memory(error):
                raise
        else:
            yield from found
            return
        yield from super().layer_gradients(module, layers, x, score)

    def capture(self, module: torch.nn.Module, layers: Sequence[str], x: Array) -> dict[str, Array]:
        with evaluation_mode(module):
            return _layers.capture(bare(module), layers, x)

    @contextlib.contextmanager
    def replace(
        self, module: torch.nn.Module, layer: str, change: Callable[[Array], Array]
    ) -> Iterator[torch.nn.Module]:
        with evaluation_mode(module), _layers.replace(bare(module), layer, change) as network:
            yield network

    def layers(self, module: torch.nn.Module) -> list[LayerInfo]:
        return [
            LayerInfo(name, type(layer).__name__, tuple(name.split(".")), not any(layer.children()))
            for name, layer in bare(module).named_modules()
            if name and not isinstance(layer, _CONTAINERS)
        ]

    def called(self, module: torch.nn.Module) -> str:
        network = bare(module)
        return str(getattr(network, "original_name", type(network).__name__))

    def first_convolution(self, module: torch.nn.Module) -> tuple[int, int] | None:
        return _foreign.first_convolution(module)

    def traced(self, module: torch.nn.Module, x: Array) -> tuple[Outputs, dict[str, tuple[int, ...]]]:
        with evaluation_mode(module):
            return _foreign.traced(module, x)

    def state(self, module: torch.nn.Module) -> dict[str, Array]:
        counted = _averaging_norms(bare(module))
        return {
            name: to_array(tensor)
            for name, tensor in bare(module).state_dict().items()
            if not name.endswith("num_batches_tracked") or name in counted
        }

    def load_state(self, module: torch.nn.Module, state: Mapping[str, Array], strict: bool = True) -> MatchReport:
        own = bare(module).state_dict()
        report = match({name: tensor.shape for name, tensor in own.items()}, state, strict=strict)
        with torch.no_grad():
            for name in report.matched:
                own[name].copy_(to_tensor(state[name], torch.device("cpu")))
        return report

    def parameter_names(self, module: torch.nn.Module) -> list[str]:
        return [name for name, _ in bare(module).named_parameters()]

    def num_parameters(self, module: torch.nn.Module) -> int:
        return sum(parameter.numel() for parameter in module.parameters())

    def count_parameters(self, define: Define, config: Mapping[str, Any]) -> float:
        network = define(*self.vocabulary)
        try:
            with torch.device("meta"):
                return float(self.num_parameters(network(**config)))
        except RuntimeError as error:
            if "overflow" in str(error).lower():
                return math.inf
            raise

    def trainer(
        self,
        module: torch.nn.Module,
        loss: MakeLoss,
        optimizer: OptimizerSpec,
        *,
        trainable: Sequence[str] | None = None,
        grad_clip: float | None = None,
        compiled: bool = False,  # noqa: ARG002 - see the contract: it trains as ever
    ) -> Trainer:
        return TorchTrainer(module, loss(*self.vocabulary), optimizer, trainable=trainable, grad_clip=grad_clip)

    def non_finite(self, module: torch.nn.Module) -> list[str]:
        # the sum is finite only if all values are, or if they are beyond what a sum of them can be
        with torch.no_grad():
            doubtful = [
                (name, tensor)
                for name, tensor in bare(module).state_dict().items()
                if tensor.is_floating_point() and not torch.isfinite(tensor.sum())
            ]
            return [name for name, tensor in doubtful if not torch.isfinite(tensor).all()]

    @contextlib.contextmanager
    def interruptible(self, module: torch.nn.Module, cancelled: Callable[[], bool]) -> Iterator[None]:
        with interrupting(module, cancelled):
            yield

    def layouts(self, module: torch.nn.Module, *, forward_only: bool = False) -> tuple[str, ...]:
        dims = {weight.dim() for weight in module.parameters() if weight.dim() in _CHANNELS_LAST}
        plain = ("contiguous", "channels-last") if len(dims) == 1 else ("contiguous",)
        network = folded(module) if forward_only and device_of(module).type == "cpu" else None
        if network is None:
            return plain
        # the network as it is does more for the same answer: on a busy machine it would be taken by mere chance
        if fused(network) is None:
            return tuple(f"folded-{name}" for name in reversed(plain))
        return (_FUSED, *(f"folded-{name}" for name in plain))

    def reduced(self, module: torch.nn.Module) -> str | None:
        plain = device_of(module).type == "cpu" and dtype_of(module) == torch.float32
        return _BFLOAT16 if plain and _cpu_has_bfloat16() else None

    @contextlib.contextmanager
    def layout(self, module: torch.nn.Module, name: str) -> Iterator[torch.nn.Module]:
        if name == _BFLOAT16:
            best = folded(module) or module
            with torch.inference_mode(mode=False):
                network = copy.deepcopy(best).to(torch.bfloat16)
            with self.layout(network, self.layouts(network)[-1]) as laid_out:
                yield laid_out
            return
        choose(name, self.layouts(module, forward_only=name.startswith("folded")), "memory layout")
        network = module
        if name.startswith("folded"):
            network = folded(module) or module
        if name == _FUSED:
            yield fused(network) or network
            return
        if name.endswith("contiguous"):
            yield network
            return
        # weights are enough: a convolution gives its output the layout of its weights, and the rest follows
        dims = {weight.dim() for weight in network.parameters()}
        last = next(layout for dim, layout in _CHANNELS_LAST.items() if dim in dims)
        with torch.inference_mode(mode=False):  # in inference mode the weights would lose their gradients for good
            network.to(memory_format=last)  # type: ignore[call-overload]
        try:
            yield network
        finally:
            with torch.inference_mode(mode=False):
                network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]


def _cpu_has_bfloat16() -> bool:
    # elsewhere bfloat16 is computed by converting to and fro, and slower
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, check, bool)() for check in checks)


def _averaging_norms(module: torch.nn.Module) -> set[str]:
    # batch counters are torch's alone; they matter only where they set the momentum of the running average
    return {
        f"{name}.num_batches_tracked" if name else "num_batches_tracked"
        for name, layer in module.named_modules()
        if getattr(layer, "num_batches_tracked", None) is not None and getattr(layer, "momentum", 0.1) is None
    }
