"""Transformer blocks: patch embedding, multi-head attention, MLP, pre-norm block, and the body of a vision transformer.

Names of weights in the body are the customary ones (``cls_token``, ``pos_embed``, ``patch_embed.proj.weight``,
``blocks.0.attn.qkv.weight``, ``norm.weight``), so that published files fit.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

from workbench.errors import InputError
from workbench.zoo.blocks.basic import dimensional

_LINEAR = {2: "bilinear", 3: "trilinear"}


def check(dim: int, heads: int, patch: int, image_size: int) -> None:
    """Check that the numbers of a vision transformer go together.

    Raises
    ------
    InputError
        If the heads do not divide the channels, or the patches the image.
    """
    if dim % heads:
        raise InputError(f"The channels of a token are shared out to the heads: {heads=} must divide {dim=}.")
    if image_size % patch:
        near = max(1, round(image_size / patch)) * patch
        raise InputError(
            f"An image is cut into whole patches: {patch=} must divide {image_size=}. The nearest is {near}."
        )


def transformer(nn: Any, F: Any, ops: Any) -> SimpleNamespace:
    """Return the classes of a framework: ``MultiHeadAttention``, ``Mlp``, ``PreNormBlock``, ``Embedding``, ``Body``.

    ``MultiHeadAttention(dim, heads, qkv_bias=True, dropout=0.0)``
        Scaled dot-product attention (Vaswani et al. 2017, arXiv 1706.03762, eq. 1). Called with `query` [n, q, dim]
        and, for cross attention or where something is added to queries and keys only, `key` [n, k, dim] and `value`
        [n, k, dim]; they default to `query` and `key`. `mask` is added to the logits [n, heads, q, k] (shapes that
        broadcast to these; a large negative number hides a key). ``attend`` takes the same and returns
        (output [n, q, dim], attention [n, heads, q, k]).
    ``Mlp(dim, hidden, dropout=0.0)``
        Linear, GELU (exact), linear.
    ``PreNormBlock(dim, heads, mlp_dim, qkv_bias=True, eps=1e-6, dropout=0.0, idle_norm=False)``
        x + attention(norm(x)), then x + mlp(norm(x)) (Dosovitskiy et al. 2020, arXiv 2010.11929, eq. 2 and 3).
        ``attend(x)`` returns (x, attention). `idle_norm` adds a norm that nothing goes through, as MONAI's blocks have.
    ``Embedding(ndim, in_channels, dim, patch, projection="conv")``
        Tokens [n, tokens, dim] of images [n, in_channels, *spatial], one of each patch. "perceptron" is the same map
        written as a linear layer on the values of a patch, channels last.
    ``Body(ndim, in_channels, dim, depth, heads, mlp_dim, patch, image_size, ...)``
        All of it, up to the last norm.
    """

    class AttentionWeights(nn.Identity):
        """Attention ``[n, heads, queries, keys]`` on its way: a module, so that explanations find it by its type."""

    class MultiHeadAttention(nn.Module):
        def __init__(self, dim: int, heads: int, qkv_bias: bool = True, dropout: float = 0.0) -> None:
            super().__init__()
            self.dim, self.heads, self.dropout = dim, heads, dropout
            self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
            self.proj = nn.Linear(dim, dim)
            self.weights = AttentionWeights()
            init_linear(self.qkv)
            init_linear(self.proj)

        def forward(self, query: Any, key: Any = None, value: Any = None, mask: Any = None) -> Any:
            return self.attend(query, key, value, mask)[0]

        def attend(self, query: Any, key: Any = None, value: Any = None, mask: Any = None) -> Any:
            if key is None and value is None:
                q, k, v = ops.split(self.qkv(query), self.dim, dim=2)
            else:
                other = query if key is None else key
                q, k = self.part(query, 0), self.part(other, 1)
                v = self.part(other if value is None else value, 2)
            q, k, v = self.split_heads(q), self.split_heads(k), self.split_heads(v)
            logits = ops.matmul(q, ops.transpose(k, 2, 3)) * (self.dim // self.heads) ** -0.5
            if mask is not None:
                logits = logits + mask
            attention = self.weights(F.softmax(logits, dim=-1))
            y = ops.matmul(F.dropout(attention, self.dropout, self.training), v)
            y = ops.reshape(ops.transpose(y, 1, 2), (query.shape[0], query.shape[1], self.dim))
            return self.proj(y), attention

        def part(self, x: Any, index: int) -> Any:
            first, last = index * self.dim, (index + 1) * self.dim
            bias = None if self.qkv.bias is None else self.qkv.bias[first:last]
            return F.linear(x, self.qkv.weight[first:last], bias)

        def split_heads(self, x: Any) -> Any:
            return ops.transpose(ops.reshape(x, (x.shape[0], x.shape[1], self.heads, self.dim // self.heads)), 1, 2)

    class Mlp(nn.Module):
        def __init__(self, dim: int, hidden: int, dropout: float = 0.0) -> None:
            super().__init__()
            self.fc1 = nn.Linear(dim, hidden)
            self.fc2 = nn.Linear(hidden, dim)
            self.dropout = dropout
            init_linear(self.fc1)
            init_linear(self.fc2)

        def forward(self, x: Any) -> Any:
            x = F.dropout(F.gelu(self.fc1(x)), self.dropout, self.training)
            return F.dropout(self.fc2(x), self.dropout, self.training)

    class PreNormBlock(nn.Module):
        def __init__(
            self,
            dim: int,
            heads: int,
            mlp_dim: int,
            qkv_bias: bool = True,
            eps: float = 1e-6,
            dropout: float = 0.0,
            idle_norm: bool = False,
        ) -> None:
            super().__init__()
            self.norm1 = nn.LayerNorm(dim, eps=eps)
            self.attn = MultiHeadAttention(dim, heads, qkv_bias, dropout)
            self.norm2 = nn.LayerNorm(dim, eps=eps)
            self.mlp = Mlp(dim, mlp_dim, dropout)
            self.dropout = dropout
            if idle_norm:
                self.norm_cross_attn = nn.LayerNorm(dim, eps=eps)

        def forward(self, x: Any) -> Any:
            return self.attend(x)[0]

        def attend(self, x: Any) -> Any:
            y, attention = self.attn.attend(self.norm1(x))
            x = x + F.dropout(y, self.dropout, self.training)
            return x + self.mlp(self.norm2(x)), attention

    class Embedding(nn.Module):
        def __init__(self, ndim: int, in_channels: int, dim: int, patch: int, projection: str = "conv") -> None:
            super().__init__()
            self.ndim, self.dim, self.patch, self.projection = ndim, dim, patch, projection
            if projection == "conv":
                self.proj = dimensional(nn, ndim).Conv(in_channels, dim, patch, stride=patch)
            else:
                self.proj = nn.Linear(in_channels * patch**ndim, dim)
                init_linear(self.proj)
            # [n, c, grid i, inside i, grid j, inside j, ...] -> [n, grid, inside, c]
            self.order = (0, *range(2, 2 + 2 * ndim, 2), *range(3, 3 + 2 * ndim, 2), 1)

        def forward(self, x: Any) -> Any:
            if self.projection == "conv":
                y = self.proj(x)
                return ops.transpose(ops.reshape(y, (x.shape[0], self.dim, -1)), 1, 2)
            shape = [x.shape[0], x.shape[1]]
            for extent in x.shape[2:]:
                shape += [extent // self.patch, self.patch]
            patches = ops.permute(ops.reshape(x, tuple(shape)), self.order)
            values = x.shape[1] * self.patch**self.ndim
            return self.proj(ops.reshape(patches, (x.shape[0], -1, values)))

        def grid(self, x: Any) -> Any:
            """Return how many patches images have along each axis."""
            sides: tuple[int, ...] = ()
            for extent in x.shape[2:]:
                sides += (extent // self.patch,)
            return sides

    class Body(nn.Module):
        """Tokens of images.

        Parameters
        ----------
        image_size : int
            Size along each axis that the learned positions are stored for, a multiple of `patch`. For images of
            another size they are interpolated linearly over the grid of patches.
        class_token : bool
            Whether a learned token comes before those of the patches.
        """

        def __init__(
            self,
            ndim: int,
            in_channels: int,
            dim: int,
            depth: int,
            heads: int,
            mlp_dim: int,
            patch: int,
            image_size: int,
            class_token: bool = True,
            qkv_bias: bool = True,
            eps: float = 1e-6,
            dropout: float = 0.0,
            projection: str = "conv",
            idle_norms: bool = False,
        ) -> None:
            super().__init__()
            check(dim, heads, patch, image_size)
            self.ndim, self.dim, self.depth, self.first = ndim, dim, depth, int(class_token)
            self.stored = (image_size // patch,) * ndim
            self.dropout = dropout
            self.patch_embed = Embedding(ndim, in_channels, dim, patch, projection)
            if class_token:
                self.cls_token = nn.Parameter(ops.zeros(1, 1, dim))
                nn.init.normal_(self.cls_token, std=0.02)
            self.pos_embed = nn.Parameter(ops.zeros(1, self.first + math.prod(self.stored), dim))
            nn.init.trunc_normal_(self.pos_embed, std=0.02)
            self.blocks = nn.ModuleList(
                [PreNormBlock(dim, heads, mlp_dim, qkv_bias, eps, dropout, idle_norms) for _ in range(depth)]
            )
            self.norm = nn.LayerNorm(dim, eps=eps)

        def embed(self, x: Any) -> Any:
            """Return tokens with their positions [n, tokens, dim] for images [n, in_channels, *spatial]."""
            tokens = self.patch_embed(x)
            if self.first:
                # by adding, since the count of samples is known at run time only
                token = self.cls_token + ops.zeros_like(tokens[:, :1])
                tokens = ops.cat((token, tokens), dim=1)
            return F.dropout(tokens + self.positions(self.patch_embed.grid(x)), self.dropout, self.training)

        def positions(self, grid: Any) -> Any:
            """Return the positions [1, tokens, dim] of a grid of patches."""
            if grid == self.stored:
                return self.pos_embed
            head, patches = self.pos_embed[:, : self.first], self.pos_embed[:, self.first :]
            field = ops.reshape(ops.transpose(patches, 1, 2), (1, self.dim, *self.stored))
            field = F.interpolate(field, size=grid, mode=_LINEAR[self.ndim], align_corners=False)
            patches = ops.transpose(ops.reshape(field, (1, self.dim, -1)), 1, 2)
            return ops.cat((head, patches), dim=1) if self.first else patches

        def as_map(self, tokens: Any, grid: Any) -> Any:
            """Return the tokens of patches [n, patches, c] as a map [n, c, *grid]."""
            return ops.reshape(ops.transpose(tokens, 1, 2), (tokens.shape[0], tokens.shape[2], *grid))

        def as_tokens(self, field: Any) -> Any:
            """Return a map [n, c, *grid] as the tokens of patches [n, patches, c]."""
            return ops.transpose(ops.reshape(field, (field.shape[0], field.shape[1], -1)), 1, 2)

    def init_linear(layer: Any) -> None:
        nn.init.trunc_normal_(layer.weight, std=0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)

    return SimpleNamespace(
        MultiHeadAttention=MultiHeadAttention, Mlp=Mlp, PreNormBlock=PreNormBlock, Embedding=Embedding, Body=Body
    )
