"""Vision transformer (Dosovitskiy et al. 2020, arXiv 2010.11929): patches as words, a class token, pre-norm blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.zoo.blocks.transformer import transformer


def sizes(config: Mapping[str, Any]) -> tuple[int, int]:
    """Return (multiple, minimum) of the size of a picture: it is cut into whole patches."""
    return config["patch"], config["patch"]


def default_layer(config: Mapping[str, Any]) -> str:  # noqa: ARG001  (every network module answers this)
    """Return the map of patches that goes into the last block; after it only the class token counts."""
    return "last_map"


def define(nn: Any, F: Any, ops: Any) -> type:
    """Return the network class; parameter names are the customary ones (``blocks.0.attn.qkv.weight``)."""
    body: Any = transformer(nn, F, ops).Body

    class VisionTransformer(body):
        """Class logits [n, num_classes] of pictures [n, in_channels, i, j]."""

        def __init__(
            self,
            in_channels: int,
            num_classes: int,
            patch: int,
            dim: int,
            depth: int,
            heads: int,
            mlp_dim: int,
            image_size: int,
            dropout: float,
        ) -> None:
            super().__init__(2, in_channels, dim, depth, heads, mlp_dim, patch, image_size, dropout=dropout)
            self.last_map = nn.Identity()
            self.head = nn.Linear(dim, num_classes)

        def forward(self, x: Any) -> Any:
            tokens = self.embed(x)
            for index in range(self.depth - 1):
                tokens = self.blocks[index](tokens)
            # a detour through a map, so that explanations find one
            field = self.last_map(self.as_map(tokens[:, 1:], self.patch_embed.grid(x)))
            tokens = ops.cat((tokens[:, :1], self.as_tokens(field)), dim=1)
            return self.head(self.norm(self.blocks[self.depth - 1](tokens))[:, 0])

    return VisionTransformer
