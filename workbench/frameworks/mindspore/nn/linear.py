"""Linear layers, embeddings, dropout, flattening and attention."""

from __future__ import annotations

import math
from typing import Any

from mindspore import ops
from mindspore.ops import operations as P

from workbench.errors import InputError
from workbench.frameworks.mindspore import functional as F
from workbench.frameworks.mindspore.nn import init
from workbench.frameworks.mindspore.nn.module import Module, Parameter, constant


class Linear(Module):
    """``x @ weight.T + bias`` on the last axis."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(init.default_weight((out_features, in_features)))
        self.bias = Parameter(init.default_bias(out_features, in_features)) if bias else None

    def forward(self, x: Any) -> Any:
        return F.linear(x, self.weight, self.bias)

    def extend_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Embedding(Module):
    """A table of vectors looked up by index."""

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.weight = Parameter(constant((num_embeddings, embedding_dim), 0.0))
        init.normal_(self.weight)

    def forward(self, x: Any) -> Any:
        return ops.gather(self.weight, x, 0)


class Flatten(Module):
    """Joins the axes from `start_dim` to `end_dim`."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Any) -> Any:
        return x.flatten(self.start_dim, self.end_dim)


class Dropout(Module):
    """Sets values to zero at random in training, and scales the others so that the mean stays."""

    by_channel = False

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise InputError(f"A dropout probability lies between 0 and 1, got {p}.")
        self.p, self.inplace = p, inplace

    def forward(self, x: Any) -> Any:
        return F.random_drop(x, self.p, self.training, by_channel=self.by_channel)


class Dropout2d(Dropout):
    """Sets whole channels to zero at random in training."""

    by_channel = True


class Dropout3d(Dropout):
    """Sets whole channels to zero at random in training."""

    by_channel = True


class MultiheadAttention(Module):
    """Scaled dot-product attention with several heads; torch's parameter names (``in_proj_weight``, ``out_proj``)."""

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        batch_first: bool = False,
    ) -> None:
        super().__init__()
        if embed_dim % num_heads:
            raise InputError(f"embed_dim={embed_dim} must be divisible by num_heads={num_heads}.")
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.in_proj_weight = Parameter(constant((3 * embed_dim, embed_dim), 0.0))
        init.xavier_uniform_(self.in_proj_weight)
        self.in_proj_bias = Parameter(constant((3 * embed_dim,), 0.0)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias)
        self.compare = P.BatchMatMul(transpose_b=True)
        if bias:
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
    ) -> tuple[Any, Any]:
        """Return the attended values and, if `need_weights`, the attention ``[n, (heads,) queries, keys]``."""
        if not self.batch_first:
            query, key, value = query.swapaxes(0, 1), key.swapaxes(0, 1), value.swapaxes(0, 1)
        width = self.embed_dim
        parts = []
        for index, x in enumerate((query, key, value)):
            rows = slice(index * width, (index + 1) * width)
            bias = None if self.in_proj_bias is None else self.in_proj_bias[rows]
            parts.append(self._heads(F.linear(x, self.in_proj_weight[rows], bias)))
        q, k, v = parts
        logits = self.compare(q, k) * (1 / math.sqrt(width // self.num_heads))
        if attn_mask is not None:
            logits = F.mask_logits(logits, attn_mask if attn_mask.ndim == 2 else attn_mask.reshape(logits.shape))
        if key_padding_mask is not None:
            logits = F.mask_logits(logits, key_padding_mask.unsqueeze(1).unsqueeze(1))
        attention = F.softmax(logits, -1)
        y = ops.matmul(F.random_drop(attention, self.dropout, self.training), v)
        y = self.out_proj(y.swapaxes(1, 2).reshape(query.shape[0], query.shape[1], width))
        if not self.batch_first:
            y = y.swapaxes(0, 1)
        if not need_weights:
            return y, None
        return y, attention.mean(1) if average_attn_weights else attention

    def _heads(self, x: Any) -> Any:
        return x.reshape(x.shape[0], x.shape[1], self.num_heads, -1).swapaxes(1, 2)
