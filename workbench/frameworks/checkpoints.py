"""Weights from the files of others: PyTorch's (.pt, .pth) and MindSpore's (.ckpt), beside the workbench's safetensors.

A PyTorch file is a pickle, which can name any function of Python to be called. It is read with ``weights_only=True``,
where everything but tensors and plain containers is refused; there is no option to turn that off.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from workbench._arrays import Array
from workbench.errors import FileError
from workbench.frameworks import weights

Kind = Literal["safetensors", "torch", "mindspore"]

_TORCH_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"
_TORCH_SUFFIXES = (".pt", ".pth", ".bin", ".tar")
#: Where training programs put the weights beside the state of the optimiser.
_PLACES = (
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "network",
    "network_weights",
    "module",
    "weights",
    "params",
    "state",
)
#: MindSpore's own layers call by other names what torch's layers hold.
_MINDSPORE_NAMES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
    "embedding_table": "weight",
}


def kind(path: str | Path) -> Kind:
    """Tell which program wrote a weights file, by its first bytes where these say it, else by its suffix.

    Raises
    ------
    FileError
        If the file cannot be read.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise FileError(f"The weights file {path} could not be read: {error.strerror or error}.") from error
    # a safetensors file begins with the length of its header, whose first byte may be that of a pickle
    if start[8:9] == b"{":
        return "safetensors"
    if start.startswith((_TORCH_ZIP, _PICKLE)) or path.suffix.lower() in _TORCH_SUFFIXES:
        return "torch"
    return "mindspore" if path.suffix.lower() == ".ckpt" else "safetensors"


def load(path: str | Path, wanted: Collection[str], *, allow_non_finite: bool = False) -> dict[str, Array]:
    """Return the named arrays of a weights file under the names that a network uses.

    A prefix that all names of a foreign file share (``module.``) is removed if more of them fit without it. MindSpore's
    names of normalisations and embeddings (``gamma``, ``moving_mean``, ...) become torch's.

    Parameters
    ----------
    wanted : collection of str
        The network's own names.
    allow_non_finite : bool
        Whether NaN and infinities are let through.

    Raises
    ------
    FileError
        If the file is missing, damaged, holds Python code, holds no weights, or holds values that are not finite.
    MissingExtraError
        If it is a MindSpore checkpoint and MindSpore is not installed.
    """
    path = Path(path)
    which = kind(path)
    if which == "safetensors":
        return weights.load(path, allow_non_finite=allow_non_finite)[0]
    tensors = _read_torch(path) if which == "torch" else _renamed(_read_mindspore(path), wanted)
    if not allow_non_finite:
        weights.check_finite(path.name, tensors)
    return _without_prefix(tensors, wanted)


# ---- torch -----------------------------------------------------------------------------------------------------------


def _read_torch(path: Path) -> dict[str, Array]:
    import pickle

    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise FileError(_refusal(path, str(error))) from error
    except Exception as error:  # the reader has no error type of its own: whatever it meets in a broken file comes out
        if "TorchScript" in str(error):
            raise FileError(
                f"{path.name} is a TorchScript program, not a file of weights. Write its weights alone: "
                "`torch.save(torch.jit.load(path).state_dict(), 'weights.pt')`."
            ) from error
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise FileError(
            f"{path.name} is cut short or not a PyTorch checkpoint: {reason}. Copy or download it again."
        ) from error
    found = _state_dict(content)
    if found is None:
        raise FileError(
            f"{path.name} holds no weights: expected tensors by name, or these under one of {', '.join(_PLACES)}; got "
            f"{_described(content)}. Write them: `torch.save(model.state_dict(), 'weights.pt')`."
        )
    return {name: _as_array(tensor, torch) for name, tensor in found.items()}


def _refusal(path: Path, reason: str) -> str:
    named = re.search(r"GLOBAL ([\w.]+)", reason)
    what = f"the name {named[1]}" if named else "something that is neither a tensor nor a plain container"
    return (
        f"{path.name} was refused: it holds {what}. Only weights are read, since loading anything else can run code "
        "that the file brings along. If you trust where it comes from, write its weights alone in your own Python: "
        "`torch.save(model.state_dict(), 'weights.pt')`."
    )


def _state_dict(content: Any) -> dict[str, Any] | None:
    """Return the tensors by name, from the place where they are, or None."""
    if not isinstance(content, Mapping):
        return None
    for place in _PLACES:
        found = _state_dict(content.get(place))
        if found:
            return found
    return {name: value for name, value in content.items() if isinstance(name, str) and _is_tensor(value)} or None


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "detach") and hasattr(value, "shape")


def _as_array(tensor: Any, torch: Any) -> Array:
    tensor = tensor.detach()
    if tensor.is_sparse or tensor.is_quantized:
        tensor = tensor.to_dense() if tensor.is_sparse else tensor.dequantize()
    # NumPy has no bfloat16
    return np.asarray((tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy(), order="C")


def _described(content: Any) -> str:
    if not isinstance(content, Mapping):
        return f"a {type(content).__name__}"
    return f"the entries {', '.join(map(str, list(content)[:8]))}" if content else "an empty dictionary"


# ---- MindSpore -------------------------------------------------------------------------------------------------------


def _read_mindspore(path: Path) -> dict[str, Array]:
    from workbench.errors import MissingExtraError
    from workbench.frameworks.mindspore import MindSporeFramework, _runtime

    if not MindSporeFramework.installed():
        raise MissingExtraError(f"MindSpore, which reads {path.name},", "mindspore")
    ms = _runtime.load()
    try:
        content = ms.load_checkpoint(str(path), crc_check=False)
    except Exception as error:  # as above: protobuf, MindSpore and Python each have errors for a broken file
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise FileError(
            f"{path.name} is cut short or not a MindSpore checkpoint: {reason}. Copy or download it again; a PyTorch "
            "file should end with .pt or .pth."
        ) from error
    parameters = {name: value for name, value in content.items() if isinstance(value, ms.Tensor)}
    return {
        name: (value.astype(ms.float32) if value.dtype == ms.bfloat16 else value).asnumpy()
        for name, value in parameters.items()
    }


# ---- names -----------------------------------------------------------------------------------------------------------


def _renamed(tensors: Mapping[str, Array], wanted: Collection[str]) -> dict[str, Array]:
    out: dict[str, Array] = {}
    for name, array in tensors.items():
        head, dot, last = name.rpartition(".")
        other = f"{head}{dot}{_MINDSPORE_NAMES.get(last, last)}"
        out[name if name in wanted or other in tensors else other] = array
    return out


def _without_prefix(tensors: dict[str, Array], wanted: Collection[str]) -> dict[str, Array]:
    names = set(wanted)

    def fitting(given: Mapping[str, Array]) -> int:
        return sum(name in names for name in given)

    best = tensors
    while tensors and len({name.partition(".")[0] for name in tensors}) == 1 and all("." in name for name in tensors):
        tensors = {name.partition(".")[2]: array for name, array in tensors.items()}
        if fitting(tensors) > fitting(best):
            best = tensors
    return best
