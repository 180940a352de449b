"""TS-CAM (Gao et al. 2021, arXiv 2103.14862): a DeiT whose patch tokens become maps of the classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.zoo.blocks.transformer import transformer


def sizes(config: Mapping[str, Any]) -> tuple[int, int]:
    """Return (multiple, minimum) of the size of a picture: it is cut into whole patches."""
    return config["patch"], config["patch"]


def default_layer(config: Mapping[str, Any]) -> str:  # noqa: ARG001  (every network module answers this)
    """Return the map of patches that the head looks at."""
    return "last_map"


def define(nn: Any, F: Any, ops: Any) -> type:
    """Return the network class; parameter names are DeiT's, but for the convolution ``head``."""
    body: Any = transformer(nn, F, ops).Body

    class TSCAM(body):
        """Classes of pictures [n, in_channels, i, j], and where they are, patch by patch.

        Returns ``logits`` [n, num_classes], ``semantic`` [n, num_classes, i / patch, j / patch] (the maps whose means
        the logits are) and ``attention`` [n, i / patch, j / patch] (what the class token attends to, mean over the
        heads, summed over the layers).
        """

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
        ) -> None:
            super().__init__(2, in_channels, dim, depth, heads, mlp_dim, patch, image_size)
            self.last_map = nn.Identity()
            self.head = nn.Conv2d(dim, num_classes, 3, padding=1)

        def forward(self, x: Any) -> Any:
            grid = self.patch_embed.grid(x)
            tokens = self.embed(x)
            total = 0.0
            for index in range(self.depth):
                tokens, attention = self.blocks[index].attend(tokens)
                total = total + ops.mean(attention[:, :, 0, 1:], dim=1)
            field = self.last_map(self.as_map(self.norm(tokens)[:, 1:], grid))
            semantic = self.head(field)
            return {
                "logits": ops.mean(semantic, dim=(2, 3)),
                "semantic": semantic,
                "attention": ops.reshape(total, (x.shape[0], *grid)),
            }

    return TSCAM
