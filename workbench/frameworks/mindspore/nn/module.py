"""`nn.Module` and its containers on top of MindSpore's Cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import mindspore as ms
import numpy as np

from workbench.errors import InputError


def Parameter(  # noqa: N802 - torch's name
    data: Any, requires_grad: bool = True
) -> ms.Parameter:
    """Return a trainable tensor; its name is set when it becomes an attribute of a module."""
    return ms.Parameter(ms.Tensor(data), requires_grad=requires_grad)


class Module(ms.nn.Cell):  # type: ignore[misc]
    """A Cell that is written like a ``torch.nn.Module``: `forward`, `train`, `eval`, buffers, dotted names.

    Running statistics are parameters of the Cell (MindSpore's kernels write into parameters only) that this class lists
    as buffers, so that they are saved but never trained.
    """

    def __init__(self) -> None:
        super().__init__()
        self._buffer_names: list[str] = []

    def construct(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define forward(self, x).")

    def train(self, mode: bool = True) -> Module:
        self.set_train(mode)
        return self

    def eval(self) -> Module:
        return self.train(False)

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Keep a tensor that is saved with the weights but not trained (not saved if not `persistent`)."""
        if tensor is None or not persistent:
            setattr(self, name, tensor)
            return
        setattr(self, name, Parameter(tensor, requires_grad=False))
        self._buffer_names.append(name)

    def add_module(self, name: str, module: Any) -> None:
        setattr(self, name, module)

    def children(self) -> Iterator[Any]:
        return iter(self._cells.values())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Any]]:
        """Yield every module inside, itself included, once, with its dotted name."""
        yield from _walk(self, prefix, set())

    def modules(self) -> Iterator[Any]:
        for _, module in self.named_modules():
            yield module

    def named_parameters(self) -> Iterator[tuple[str, ms.Parameter]]:
        """Yield what can be trained, each parameter once, with its dotted name."""
        seen: set[int] = set()
        for prefix, module in self.named_modules():
            buffers = getattr(module, "_buffer_names", ())
            for name, parameter in module._params.items():
                if parameter is not None and name not in buffers and id(parameter) not in seen:
                    seen.add(id(parameter))
                    yield f"{prefix}.{name}" if prefix else name, parameter

    def parameters(self) -> Iterator[ms.Parameter]:
        for _, parameter in self.named_parameters():
            yield parameter

    def apply(self, fn: Callable[[Any], Any]) -> Module:
        for module in self.modules():
            fn(module)
        return self


def _walk(module: Any, prefix: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    if id(module) in seen:
        return
    seen.add(id(module))
    yield prefix, module
    for name, child in module._cells.items():
        if child is not None:
            yield from _walk(child, f"{prefix}.{name}" if prefix else name, seen)


class Identity(Module):
    """Returns what it is given."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002 - torch's takes and ignores anything
        super().__init__()

    def forward(self, x: Any) -> Any:
        return x


class Sequential(Module):
    """Modules in a row; children are named ``"0"``, ``"1"``, ... or by the keys of an ordered dictionary."""

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            named = list(modules[0].items())
        else:
            named = [(str(index), module) for index, module in enumerate(modules)]
        for name, module in named:
            self._append(name, module)

    def _append(self, name: str, module: Any) -> None:
        if not isinstance(module, ms.nn.Cell):
            raise InputError(f"nn.Sequential takes modules, got {type(module).__name__} for {name!r}.")
        self.insert_child_to_cell(name, module)
        module.update_parameters_name(f"{name}.")

    def append(self, module: Any) -> Sequential:
        self._append(str(len(self)), module)
        return self

    def forward(self, x: Any) -> Any:
        for module in self._cells.values():
            x = module(x)
        return x

    def __len__(self) -> int:
        return len(self._cells)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cells.values())

    def __getitem__(self, index: int | slice) -> Any:
        chosen = list(self._cells.values())[index]
        return Sequential(*chosen) if isinstance(index, slice) else chosen


class ModuleList(Module):
    """A list of modules that are named by their position."""

    def __init__(self, modules: Iterable[Any] = ()) -> None:
        super().__init__()
        self.extend(modules)

    def append(self, module: Any) -> ModuleList:
        name = str(len(self))
        self.insert_child_to_cell(name, module)
        module.update_parameters_name(f"{name}.")
        return self

    def extend(self, modules: Iterable[Any]) -> ModuleList:
        for module in modules:
            self.append(module)
        return self

    def forward(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        raise InputError("nn.ModuleList is a container and cannot be called. Call the modules in it.")

    def __len__(self) -> int:
        return len(self._cells)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cells.values())

    def __getitem__(self, index: int | slice) -> Any:
        chosen = list(self._cells.values())[index]
        return ModuleList(chosen) if isinstance(index, slice) else chosen


class ModuleDict(Module):
    """A dictionary of modules that are named by their keys."""

    def __init__(self, modules: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        for name, module in (modules or {}).items():
            self[name] = module

    def __setitem__(self, name: str, module: Any) -> None:
        self.insert_child_to_cell(name, module)
        module.update_parameters_name(f"{name}.")

    def __getitem__(self, name: str) -> Any:
        return self._cells[name]

    def __contains__(self, name: str) -> bool:
        return name in self._cells

    def __len__(self) -> int:
        return len(self._cells)

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def keys(self) -> Iterable[str]:
        return list(self._cells)

    def values(self) -> Iterable[Any]:
        return list(self._cells.values())

    def items(self) -> Iterable[tuple[str, Any]]:
        return list(self._cells.items())

    def forward(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        raise InputError("nn.ModuleDict is a container and cannot be called. Call the modules in it.")


def constant(shape: tuple[int, ...], value: float) -> ms.Tensor:
    """Return a float32 tensor of one value."""
    return ms.Tensor(np.full(shape, value, dtype=np.float32))
