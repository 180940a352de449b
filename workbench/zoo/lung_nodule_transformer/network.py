"""DETR (Carion et al. 2020, arXiv 2005.12872): a residual network, a transformer, and a box per learnt query.

Names of weights are those of the published files (``transformer.encoder.layers.0.self_attn.in_proj_weight``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.errors import InputError
from workbench.zoo.blocks.resnet import channels, resnet


def sizes(config: Mapping[str, Any]) -> tuple[int, int]:  # noqa: ARG001  (every network module answers this)
    """Return (multiple, minimum): any size will do."""
    return 1, 1


def default_layer(config: Mapping[str, Any]) -> str:  # noqa: ARG001
    """Return the feature map that the transformer looks at."""
    return "input_proj"


def define(nn: Any, F: Any, ops: Any) -> type:
    """Return the network class."""

    class Backbone(nn.Module):
        def __init__(self, in_channels: int, depth: int, width: int, norm: str, stages: int) -> None:
            super().__init__()
            self.body = resnet(nn, F, ops).Body(in_channels, depth, width, "imagenet", norm)
            for unused in range(stages + 1, 5):
                setattr(self.body, f"layer{unused}", nn.Identity())

        def forward(self, x: Any) -> Any:
            return self.body(x)

    class SinePositions(nn.Module):
        """Sines and cosines of the rows (first half of the channels) and of the columns, one full turn per picture."""

        def __init__(self, dim: int) -> None:
            super().__init__()
            steps = 10000.0 ** (-np.arange(0, dim // 2, 2) / (dim // 2))
            self.register_buffer("rates", ops.tensor(steps.astype(np.float32)), persistent=False)
            self.dim = dim

        def forward(self, x: Any) -> Any:
            """Return the positions [1, i j, dim] of a map [n, c, i, j]."""
            ones = ops.ones_like(x[:1, 0])
            height, width = x.shape[2], x.shape[3]
            rows = self.waves(ops.cumsum(ones, 1) * (2 * math.pi / (height + 1e-6)))
            columns = self.waves(ops.cumsum(ones, 2) * (2 * math.pi / (width + 1e-6)))
            return ops.reshape(ops.cat((rows, columns), dim=3), (1, height * width, self.dim))

        def waves(self, angle: Any) -> Any:
            turned = ops.unsqueeze(angle, 3) * self.rates
            both = ops.stack((ops.sin(turned), ops.cos(turned)), dim=4)
            return ops.reshape(both, (1, angle.shape[1], angle.shape[2], self.dim // 2))

    # modules, so that explanations find attention by its type: of patches to patches, queries to queries, and both

    class AttentionWeights(nn.Identity):
        pass

    class QueryAttentionWeights(nn.Identity):
        pass

    class CrossAttentionWeights(nn.Identity):
        pass

    class Attention(nn.MultiheadAttention):
        """The same weights, each step of it to be seen; `weights` is what the attention goes through on its way."""

        def __init__(self, dim: int, heads: int, dropout: float, weights: Any) -> None:
            super().__init__(dim, heads, dropout=dropout, batch_first=True)
            self.dim, self.heads, self.rate = dim, heads, dropout
            self.weights = weights

        def forward(self, query: Any, key: Any, value: Any) -> Any:
            q, k, v = self.part(query, 0), self.part(key, 1), self.part(value, 2)
            logits = ops.matmul(q, ops.transpose(k, 2, 3)) * (self.dim // self.heads) ** -0.5
            attention = self.weights(F.softmax(logits, dim=-1))
            y = ops.transpose(ops.matmul(F.dropout(attention, self.rate, self.training), v), 1, 2)
            return self.out_proj(ops.reshape(y, (query.shape[0], query.shape[1], self.dim)))

        def part(self, x: Any, index: int) -> Any:
            rows = slice(index * self.dim, (index + 1) * self.dim)
            y = F.linear(x, self.in_proj_weight[rows], self.in_proj_bias[rows])
            shape = (x.shape[0], x.shape[1], self.heads, self.dim // self.heads)
            return ops.transpose(ops.reshape(y, shape), 1, 2)

    class EncoderLayer(nn.Module):
        """Post-norm; positions are added to queries and keys in every layer."""

        def __init__(self, dim: int, heads: int, mlp_dim: int, dropout: float) -> None:
            super().__init__()
            self.self_attn = Attention(dim, heads, dropout, AttentionWeights())
            self.linear1 = nn.Linear(dim, mlp_dim)
            self.linear2 = nn.Linear(mlp_dim, dim)
            self.norm1 = nn.LayerNorm(dim)
            self.norm2 = nn.LayerNorm(dim)
            self.dropout = dropout

        def forward(self, x: Any, positions: Any) -> Any:
            placed = x + positions
            y = self.self_attn(placed, placed, x)
            x = self.norm1(x + F.dropout(y, self.dropout, self.training))
            y = self.linear2(F.dropout(F.relu(self.linear1(x)), self.dropout, self.training))
            return self.norm2(x + F.dropout(y, self.dropout, self.training))

    class DecoderLayer(nn.Module):
        def __init__(self, dim: int, heads: int, mlp_dim: int, dropout: float) -> None:
            super().__init__()
            self.self_attn = Attention(dim, heads, dropout, QueryAttentionWeights())
            self.multihead_attn = Attention(dim, heads, dropout, CrossAttentionWeights())
            self.linear1 = nn.Linear(dim, mlp_dim)
            self.linear2 = nn.Linear(mlp_dim, dim)
            self.norm1 = nn.LayerNorm(dim)
            self.norm2 = nn.LayerNorm(dim)
            self.norm3 = nn.LayerNorm(dim)
            self.dropout = dropout

        def forward(self, x: Any, query: Any, memory: Any, placed_memory: Any) -> Any:
            placed = x + query
            y = self.self_attn(placed, placed, x)
            x = self.norm1(x + F.dropout(y, self.dropout, self.training))
            y = self.multihead_attn(x + query, placed_memory, memory)
            x = self.norm2(x + F.dropout(y, self.dropout, self.training))
            y = self.linear2(F.dropout(F.relu(self.linear1(x)), self.dropout, self.training))
            return self.norm3(x + F.dropout(y, self.dropout, self.training))

    class Encoder(nn.Module):
        def __init__(self, layers: int, dim: int, heads: int, mlp_dim: int, dropout: float) -> None:
            super().__init__()
            self.layers = nn.ModuleList([EncoderLayer(dim, heads, mlp_dim, dropout) for _ in range(layers)])

        def forward(self, x: Any, positions: Any) -> Any:
            for layer in self.layers:
                x = layer(x, positions)
            return x

    class Decoder(nn.Module):
        def __init__(self, layers: int, dim: int, heads: int, mlp_dim: int, dropout: float) -> None:
            super().__init__()
            self.layers = nn.ModuleList([DecoderLayer(dim, heads, mlp_dim, dropout) for _ in range(layers)])
            self.norm = nn.LayerNorm(dim)

        def forward(self, query: Any, memory: Any, positions: Any) -> Any:
            """Return what every layer answers [n, layers, queries, dim]."""
            x = ops.zeros_like(query)
            placed = memory + positions
            answers = []
            for layer in self.layers:
                x = layer(x, query, memory, placed)
                answers.append(self.norm(x))
            return ops.stack(answers, dim=1)

    class Transformer(nn.Module):
        def __init__(self, layers: int, dim: int, heads: int, mlp_dim: int, dropout: float) -> None:
            super().__init__()
            self.encoder = Encoder(layers, dim, heads, mlp_dim, dropout)
            self.decoder = Decoder(layers, dim, heads, mlp_dim, dropout)
            for parameter in self.parameters():
                if parameter.ndim > 1:
                    nn.init.xavier_uniform_(parameter)

        def forward(self, x: Any, positions: Any, query: Any) -> Any:
            return self.decoder(query, self.encoder(x, positions), positions)

    class Perceptron(nn.Module):
        def __init__(self, dim: int, last: int) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, last)])

        def forward(self, x: Any) -> Any:
            return self.layers[2](F.relu(self.layers[1](F.relu(self.layers[0](x)))))

    class DETR(nn.Module):
        """A class and a box per query for pictures [n, in_channels, i, j].

        "classes" [n, layers, queries, num_classes + 1]: logits, the last one of "no object"; "boxes" [n, layers,
        queries, 4]: centre x, y, width, height as shares of the picture; both after each layer of the decoder, the last
        is the answer. "corners" [n, queries, 4]: that answer in voxels. "logits" [n, num_classes]: of each class, the
        logit of its probability in the query that is surest of it.
        """

        def __init__(
            self,
            in_channels: int,
            num_classes: int,
            depth: int,
            width: int,
            norm: str,
            stages: int,
            dim: int,
            heads: int,
            layers: int,
            mlp_dim: int,
            queries: int,
            dropout: float,
        ) -> None:
            super().__init__()
            if dim % 4 or dim % heads:
                raise InputError(f"dim is a multiple of 4 and of heads, got {dim=}, {heads=}.")
            self.num_classes = num_classes
            self.backbone = nn.ModuleList([Backbone(in_channels, depth, width, norm, stages)])
            self.input_proj = nn.Conv2d(channels(depth, width)[stages], dim, 1)
            self.positions = SinePositions(dim)
            self.transformer = Transformer(layers, dim, heads, mlp_dim, dropout)
            self.query_embed = nn.Embedding(queries, dim)
            self.class_embed = nn.Linear(dim, num_classes + 1)
            self.bbox_embed = Perceptron(dim, 4)
            # adding this to the logits leaves one class out of a sum over all
            others = np.where(np.eye(num_classes, num_classes + 1) > 0, -1e9, 0).astype(np.float32)
            self.register_buffer("others", ops.tensor(others), persistent=False)

        def forward(self, x: Any) -> Any:
            field = self.input_proj(self.backbone[0](x))
            n, dim, places = field.shape[0], field.shape[1], field.shape[2] * field.shape[3]
            tokens = ops.transpose(ops.reshape(field, (n, dim, places)), 1, 2)
            query = self.query_embed.weight + ops.zeros_like(tokens[:, :1])
            answers = self.transformer(tokens, self.positions(field), query)
            classes, boxes = self.class_embed(answers), F.sigmoid(self.bbox_embed(answers))
            corners = self.corners(boxes[:, -1], x.shape[2], x.shape[3])
            return {"logits": self.surest(classes[:, -1]), "classes": classes, "boxes": boxes, "corners": corners}

        def corners(self, boxes: Any, height: int, width: int) -> Any:
            x, y, w, h = boxes[..., 0], boxes[..., 1], boxes[..., 2], boxes[..., 3]
            low = ((y - h / 2) * height - 0.5, (x - w / 2) * width - 0.5)
            high = ((y + h / 2) * height - 0.5, (x + w / 2) * width - 0.5)
            return ops.stack(low + high, dim=-1)

        def surest(self, classes: Any) -> Any:
            rest = ops.logsumexp(ops.unsqueeze(classes, 2) + self.others, dim=3)
            return ops.amax(classes[:, :, : self.num_classes] - rest, dim=1)

    return DETR
