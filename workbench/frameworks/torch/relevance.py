"""Layer-wise relevance propagation by one backward pass, in which each step shares relevance out by its rule.

Where every layer shares relevance out in proportion (the epsilon rule, its epsilon so small that it only keeps from
dividing by zero), relevance is a value times a factor, and the factor passes all that is linear as a gradient does. So
sums of two ways, skip connections, pools and samplings need no rule of their own. `_Rules` gives one to the rest, by
the function that is called and not by the module that calls it:

- A function of single values passes on the factor times *value out over value in*.
- Of a product of two maps each gets half; of one by a gate (softmax, sigmoid) the other gets all, as gates only say how
  much passes (Arras et al. 2017, Explaining Recurrent Neural Network Predictions; for attention Ali et al. 2022, XAI
  for Transformers). What divides, and the spread that a norm divides by, is no part of the sum either.
- What is added whatever comes in (biases, learnt tokens) keeps its share, which is counted.

So the shares of the input and of what is added sum up to the score, unless a step has no rule.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.frameworks.base import LinearScore
from workbench.frameworks.torch._tensors import (
    bare,
    device_of,
    differentiating,
    dtype_of,
    need_gradient,
    need_layers,
    run,
    score_of,
    to_array,
    to_tensor,
)
from workbench.frameworks.torch.stepwise import elementwise

#: Values nearer to zero than this have no share.
_ZERO = 1e-12
_GATES = ("softmax", "sigmoid", "hardsigmoid", "sigmoid_")
_SPREADS = ("std", "var", "norm", "std_mean", "var_mean")
_PRODUCTS = ("mul", "multiply", "__mul__", "__rmul__", "mul_", "__imul__", "matmul", "bmm", "__matmul__", "einsum")
_RATIOS = ("div", "divide", "true_divide", "__truediv__", "__rtruediv__", "div_", "__itruediv__")
_SUMS = ("add", "__add__", "__radd__", "add_", "__iadd__", "sub", "subtract", "__sub__", "__rsub__", "sub_", "__isub__")
_JOINS = ("cat", "concat", "stack")
_CONVOLUTIONS = ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
_NORMS = {
    "layer_norm": ("shape", "weight", "bias", "eps"),
    "group_norm": ("groups", "weight", "bias", "eps"),
    "instance_norm": ("mean", "var", "weight", "bias", "use_input_stats", "momentum", "eps"),
}

Handler = Callable[["_Rules", Any, tuple[Any, ...], dict[str, Any]], Any]


def propagate(network: torch.nn.Module, score: LinearScore, x: Array) -> tuple[Array, float, float]:
    """Return the relevance of an input, what other things have of it, and the raw score that is shared out.

    Parameters
    ----------
    x : ndarray
        ``[1, channels, *spatial]`` float32.

    Returns
    -------
    relevance : ndarray
        Of the shape of `x`.
    added : float
        What biases and other constants have. With the sum of `relevance` it is the score, if every step has a rule.
    score : float

    Raises
    ------
    InputError
        If the network does not show its layers.
    StateError
        If its answer has no gradient.
    """
    network = bare(network)
    need_layers(network, "integrated-gradients, saliency, occlusion")
    with differentiating(network):
        inputs = to_tensor(x, device_of(network)).to(dtype_of(network)).requires_grad_(True)
        # of a copy whose weights have no gradient, so that a tensor has one just where it depends on the input
        fixed = copy.deepcopy(network).eval().requires_grad_(False)
        with _Rules() as rules:
            outputs = run(fixed, inputs.clone())
        found = score_of(outputs, _raw(score)).sum()
        if not found.requires_grad:
            # no voxel matters to it, or its gradient is not recorded
            need_gradient(recorded=score_of(run(network, inputs.clone()), score).requires_grad)
            return to_array(torch.zeros_like(inputs).float()), float(found), float(found)
        wanted = [inputs, *rules.constants]
        factors = torch.autograd.grad(found, wanted, allow_unused=True, materialize_grads=True)
        shares = [(value * factor).detach() for value, factor in zip(wanted, factors, strict=True)]
        # a constant that hides something is as large as can be, and has no factor
        added = sum(float(torch.nan_to_num(share, 0, 0, 0).double().sum()) for share in shares[1:])
        return to_array(shares[0].float()), added, float(found.detach())


def _raw(score: LinearScore) -> LinearScore:
    return replace(score, activation="none", plus=tuple(map(_raw, score.plus)))


class _Rules(TorchFunctionMode):
    """Runs a network so that its gradient is the factor of relevance; `constants` are what was added on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.constants: list[torch.Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        handle = _handlers().get(func)
        if handle is None or not any(map(_depends, _flat((*args, *kwargs.values())))):
            return func(*args, **kwargs)
        return handle(self, func, tuple(args), kwargs)

    def constant(self, value: Any, like: torch.Tensor) -> torch.Tensor:
        """Return what is added whatever comes in, so that its share can be told."""
        tensor = value.detach() if isinstance(value, torch.Tensor) else torch.tensor(value, device=like.device)
        if not tensor.is_floating_point():
            tensor = tensor.to(like.dtype)
        self.constants.append(tensor.clone().requires_grad_(True))
        return self.constants[-1]


def _depends(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad


def _flat(values: Any) -> list[Any]:
    return [part for value in values for part in (value if isinstance(value, list | tuple) else (value,))]


def _stored(func: Any, args: tuple[Any, ...], answer: torch.Tensor) -> torch.Tensor:
    """Return the answer, written where a function in place would have written it."""
    return args[0].copy_(answer) if _in_place(func) else answer


def _in_place(func: Any) -> bool:
    name = getattr(func, "__name__", "")
    return (name.endswith("_") and not name.endswith("__")) or name.startswith("__i")


# ---- the rules -------------------------------------------------------------------------------------------------------


def _single(plain: Any, _rules: _Rules, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    in_place = kwargs.pop("inplace", False)
    x, *rest = args or (kwargs.pop("input"),)
    if any(map(_depends, _flat((*rest, *kwargs.values())))):
        return func(x, *rest, **kwargs)
    with torch.no_grad():
        answer = plain(x, *rest, **kwargs)
        ratio = torch.where(x.abs() > _ZERO, answer / x, torch.zeros_like(answer))
        missing = answer - ratio * x
    # where nothing comes in but something goes out, the value is right all the same
    shared = x * ratio + missing
    return x.copy_(shared) if in_place else _stored(func, (x,), shared)


def _gate(_rules: _Rules, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    answer = func(*args, **kwargs)
    return tuple(part.detach() for part in answer) if isinstance(answer, tuple) else answer.detach()


def _product(_rules: _Rules, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    depending = [place for place, value in enumerate(args) if _depends(value)]
    if len(depending) < 2:
        return func(*args, **kwargs)
    plain = getattr(torch, _PLAIN.get(func.__name__, func.__name__))
    parts = []
    for place in depending:
        held = [value.detach().clone() if i != place and _depends(value) else value for i, value in enumerate(args)]
        parts.append(plain(*held, **kwargs) / len(depending))
    return _stored(func, args, sum(parts[1:], parts[0]))


_PLAIN = {"__mul__": "mul", "__rmul__": "mul", "mul_": "mul", "__imul__": "mul", "__matmul__": "matmul"}


def _ratio(_rules: _Rules, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    # `x / y` is handed in as (x, y), and `1 / y` as (y, 1) to __rtruediv__
    divides = 0 if func.__name__ == "__rtruediv__" else 1
    held = [value.detach() if i == divides and _depends(value) else value for i, value in enumerate(args)]
    return func(*held, **{key: value.detach() if _depends(value) else value for key, value in kwargs.items()})


def _sum(rules: _Rules, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    like = next(value for value in (*args, *kwargs.values()) if _depends(value))
    made = [value if _depends(value) else rules.constant(value, like) for value in args]
    if _in_place(func):
        plain = torch.add if "add" in func.__name__ else torch.sub
        return args[0].copy_(plain(*made, **kwargs))
    return func(*made, **kwargs)


def _join(rules: _Rules, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    parts, *rest = args or (kwargs.pop("tensors"),)
    like = next(part for part in parts if _depends(part))
    return func([part if _depends(part) else rules.constant(part, like) for part in parts], *rest, **kwargs)


def _choice(rules: _Rules, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if func is not torch.where or len(args) != 3:
        return func(*args, **kwargs)
    where, *values = args
    like = next((value for value in values if _depends(value)), None)
    if like is None:
        return func(*args, **kwargs)
    return func(where, *(value if _depends(value) else rules.constant(value, like) for value in values))


def _soft_maximum(rules: _Rules, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A logarithm of a sum of exponentials: the mean of its terms by their shares, held, and the shares' entropy."""
    given = {**dict(zip(("input", "dim", "keepdim"), args, strict=False)), **kwargs}
    x, axes, keep = given["input"], given["dim"], given.get("keepdim", False)
    shares = (x - func(x, axes, True)).exp().detach()
    entropy = -torch.special.xlogy(shares, shares).sum(axes, keepdim=keep)
    return (x * shares).sum(axes, keepdim=keep) + rules.constant(entropy, x)


def _weighted(rules: _Rules, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Linear layers and convolutions: the bias is what is added."""
    given = {**dict(zip(("input", "weight", "bias"), args, strict=False)), **kwargs}
    bias, rest = given.pop("bias", None), args[3:]
    if bias is None or _depends(given["weight"]) or _depends(bias):
        return func(*args, **kwargs)
    x, weight = given.pop("input"), given.pop("weight")
    answer = func(x, weight, None, *rest, **given)
    axis = answer.ndim - 1 if func is F.linear else answer.ndim - weight.ndim + 1
    shape = [-1 if one == axis else 1 for one in range(answer.ndim)]
    return answer + rules.constant(bias.reshape(shape), answer)


def _batch_norm(rules: _Rules, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    x, *rest = args or (kwargs.pop("input"),)
    nothing = func(torch.zeros_like(x), *rest, **kwargs).detach()
    return func(x, *rest, **kwargs) - nothing + rules.constant(nothing, x)


def _norm(name: str, rules: _Rules, _func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Norms by the input's own statistics: the mean is a sum like others, the spread is held."""
    x, *rest = args or (kwargs.pop("input"),)
    given = {**dict(zip(_NORMS[name], rest, strict=False)), **kwargs}
    shape = x.shape
    if name == "layer_norm":
        count = len(given["shape"] if "shape" in given else given["normalized_shape"])
        axes, view, field = tuple(range(x.ndim - count, x.ndim)), shape[x.ndim - count :], x
    else:
        groups = shape[1] if name == "instance_norm" else given.get("groups", given.get("num_groups"))
        field = x.reshape(shape[0], groups, -1)
        axes, view = (2,), (1, -1, *[1] * (x.ndim - 2))
    centred = field - field.mean(axes, keepdim=True)
    scale = (centred.detach().square().mean(axes, keepdim=True) + given.get("eps", 1e-5)).rsqrt()
    answer = (centred * scale).reshape(shape)
    if given.get("weight") is not None:
        answer = answer * given["weight"].reshape(view)
    return answer if given.get("bias") is None else answer + rules.constant(given["bias"].reshape(view), answer)


def _attention(_rules: _Rules, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    q, k, *rest = args
    return func(q.detach(), k.detach(), *rest, **kwargs)


def _refused(_rules: _Rules, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ARG001
    raise InputError(
        f"Layer-wise relevance propagation must see each step of a network, got one that torch takes at once "
        f"({func.__name__}). Take 'deep-lift' or 'integrated-gradients'."
    )


@functools.cache
def _handlers() -> dict[Any, Handler]:
    """Return the rule of each function that has one."""
    found: dict[Any, Handler] = {func: functools.partial(_single, plain) for func, plain in elementwise().items()}

    def add(names: tuple[str, ...], handle: Handler) -> None:
        for name in names:
            found.update({getattr(place, name): handle for place in (F, torch, torch.Tensor) if hasattr(place, name)})

    add((*_GATES, *_SPREADS), _gate)
    add(_PRODUCTS, _product)
    add(_RATIOS, _ratio)
    add(_SUMS, _sum)
    add(_JOINS, _join)
    add(("where",), _choice)
    add(("logsumexp",), _soft_maximum)
    add((*_CONVOLUTIONS, "linear"), _weighted)
    add(("batch_norm",), _batch_norm)
    for name in _NORMS:
        add((name,), functools.partial(_norm, name))
    add(("scaled_dot_product_attention",), _attention)
    add(("multi_head_attention_forward", "_native_multi_head_attention"), _refused)
    return found
