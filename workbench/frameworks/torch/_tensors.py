"""NumPy arrays to torch tensors and back."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from workbench._arrays import Array
from workbench.errors import InputError, StateError
from workbench.frameworks._memory import says_out_of_memory
from workbench.frameworks.base import LinearScore
from workbench.frameworks.outputs import named


def to_tensor(array: Array, device: torch.device) -> torch.Tensor:
    """Return a tensor on `device`; on the CPU it shares the array's memory where torch allows that."""
    array = np.asarray(array, order="C")
    if not array.flags.writeable:
        # torch has no read-only tensors; sharing would let an in-place operation write into the caller's data
        array = array.copy()
    return torch.from_numpy(array).to(device, non_blocking=True)


def to_array(tensor: torch.Tensor) -> Array:
    """Return a NumPy copy that shares no memory with the tensor; NumPy has no bfloat16, so that becomes float32."""
    tensor = tensor.detach()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    return (tensor.cpu() if tensor.device.type != "cpu" else tensor.clone()).numpy()


def to_output(tensor: torch.Tensor) -> Array:
    """Return what a network says as a float32 NumPy copy, whatever precision it computes in."""
    return to_array(tensor.float() if tensor.is_floating_point() else tensor)


def bare(module: torch.nn.Module) -> torch.nn.Module:
    """Return the network inside of what torch wraps around one (``torch.compile``, ``DataParallel``, averaging).

    A wrapper puts a word of its own before all names, and does not run the hooks of the layers inside.
    """
    if not type(module).__module__.startswith("torch.") or isinstance(module, torch.jit.ScriptModule):
        return module
    inner = (getattr(module, name, None) for name in ("_orig_mod", "module"))
    return next((bare(one) for one in inner if isinstance(one, torch.nn.Module)), module)


def need_layers(module: torch.nn.Module, choose: str) -> None:
    """Refuse a network that does not show what happens inside of it.

    Parameters
    ----------
    choose : str
        What to use instead.

    Raises
    ------
    InputError
        If it was traced or scripted.
    """
    if isinstance(module, torch.jit.ScriptModule):
        raise InputError(
            "A network that was traced or scripted (torch.jit) does not show what its layers do. Explain the network "
            f"that it was made from, or choose a method that looks at inputs and outputs alone: {choose}."
        )


def device_of(module: torch.nn.Module) -> torch.device:
    """Return the device of a module's weights (the CPU if it has none)."""
    for tensor in itertools.chain(module.parameters(), module.buffers()):
        return tensor.device
    return torch.device("cpu")


def dtype_of(module: torch.nn.Module) -> torch.dtype:
    """Return the precision that a module computes in: that of its first weights (float32 if it has none)."""
    for tensor in itertools.chain(module.parameters(), module.buffers()):
        if tensor.is_floating_point():
            return tensor.dtype
    return torch.float32


def run(module: torch.nn.Module, inputs: torch.Tensor) -> Any:
    """Run a network on float32 inputs in the network's own precision; returns a tensor, or tensors by name.

    Raises
    ------
    InputError
        If its layers are of several precisions that do not go together, or the device lacks an operator in one; if it
        returns no tensor.
    """
    dtype = dtype_of(module)
    try:
        outputs = module(inputs.to(dtype) if inputs.is_floating_point() else inputs)
    except (RuntimeError, NotImplementedError) as error:
        found = {tensor.dtype for tensor in module.parameters() if tensor.is_floating_point()}
        if found <= {torch.float32} or says_out_of_memory(error):
            raise
        names = ", ".join(sorted(str(one).removeprefix("torch.") for one in found))
        raise InputError(
            f"The network's weights are {names}, and {device_of(module).type} cannot run it so ({error}). Bring it "
            "back to one precision: model.module.float()."
        ) from error
    return named(outputs, torch.Tensor)


@contextlib.contextmanager
def differentiating(module: torch.nn.Module) -> Iterator[None]:
    """Record gradients, also where the caller has switched that off.

    Raises
    ------
    StateError
        If the weights were made inside `torch.inference_mode`, which takes the gradient from them for good.
    """
    if any(parameter.is_inference() for parameter in module.parameters()):
        raise StateError(
            "The network's weights were made inside torch.inference_mode(), and have no gradients for that. Make the "
            "network, or load its weights, outside of it."
        )
    with torch.inference_mode(mode=False), torch.enable_grad():
        yield


def need_gradient(*, recorded: bool) -> None:
    """Refuse scores that no gradient leads back from to the input.

    Raises
    ------
    StateError
        If it was not recorded.
    """
    if not recorded:
        raise StateError(
            "The network: its answer must hang on its input by a gradient, got one without, as of a forward with "
            "torch.no_grad(), detach() or numpy(). Take that out, or take a method that needs no gradient, such as "
            "'occlusion'."
        )


def score_of(outputs: Any, score: LinearScore) -> torch.Tensor:
    """Return the differentiable score of each sample, shape ``[n]``, in float32."""
    output = score.select(outputs).float()
    weights = torch.from_numpy(score.weights_for(output.shape)).to(output.device)
    if score.activation == "softmax":
        output = torch.softmax(output, dim=1)
    elif score.activation == "sigmoid":
        output = torch.sigmoid(output)
    scores: torch.Tensor = (output * weights).flatten(1).sum(1)
    for other in score.plus:
        scores = scores + score_of(outputs, other)
    return scores
