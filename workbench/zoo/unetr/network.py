"""UNETR (Hatamizadeh et al. 2021, arXiv 2103.10504): a U-Net whose levels come from a vision transformer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.zoo.blocks.transformer import transformer

#: Side of a patch; the four levels of the decoder are made for it.
PATCH = 16


def sizes(config: Mapping[str, Any]) -> tuple[int, int]:  # noqa: ARG001  (every network module answers this)
    """Return (multiple, minimum) of the size of a volume: it is cut into whole patches."""
    return PATCH, PATCH


def window(config: Mapping[str, Any]) -> int:
    """Return the size that larger volumes are cut to: that of the learned positions."""
    return int(config["image_size"])


def default_layer(config: Mapping[str, Any]) -> str:  # noqa: ARG001
    """Return the last feature map at full resolution."""
    return "decoder2"


def define(nn: Any, F: Any, ops: Any) -> type:
    """Return the network class; the parts are named as in MONAI (``encoder2``, ``decoder5``, ``vit.blocks``)."""
    body: Any = transformer(nn, F, ops).Body

    def up(in_channels: int, out_channels: int) -> Any:
        return nn.ConvTranspose3d(in_channels, out_channels, 2, stride=2, bias=False)

    class Residual(nn.Module):
        """Two 3-wide convolutions with instance norms beside a shortcut."""

        def __init__(self, in_channels: int, out_channels: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv3d(in_channels, out_channels, 3, padding=1, bias=False)
            self.norm1 = nn.InstanceNorm3d(out_channels)
            self.conv2 = nn.Conv3d(out_channels, out_channels, 3, padding=1, bias=False)
            self.norm2 = nn.InstanceNorm3d(out_channels)
            self.changes = in_channels != out_channels
            if self.changes:
                self.conv3 = nn.Conv3d(in_channels, out_channels, 1, bias=False)
                self.norm3 = nn.InstanceNorm3d(out_channels)

        def forward(self, x: Any) -> Any:
            y = F.leaky_relu(self.norm1(self.conv1(x)), 0.01)
            y = self.norm2(self.conv2(y))
            shortcut = self.norm3(self.conv3(x)) if self.changes else x
            return F.leaky_relu(y + shortcut, 0.01)

    class Decoder(nn.Module):
        """Twice the size, then the skip beside it, then a residual block."""

        def __init__(self, in_channels: int, out_channels: int) -> None:
            super().__init__()
            self.up = up(in_channels, out_channels)
            self.block = Residual(2 * out_channels, out_channels)

        def forward(self, x: Any, skip: Any) -> Any:
            return self.block(ops.cat((self.up(x), skip), dim=1))

    def projection_up(dim: int, channels: int, blocks: int) -> Any:
        """Return the way of tokens up to a level: doubled once, and once more with each residual block."""
        parts = [up(dim, channels)]
        parts += [nn.Sequential(up(channels, channels), Residual(channels, channels)) for _ in range(blocks)]
        return nn.Sequential(*parts)

    class States(body):
        """A transformer that answers with the maps of its blocks."""

        def forward(self, x: Any) -> Any:
            """Return the maps after the blocks in `taken`, and that after the last norm."""
            grid = self.patch_embed.grid(x)
            tokens = self.embed(x)
            maps = []
            for index in range(12):
                tokens = self.blocks[index](tokens)
                if index + 1 in self.taken:
                    maps.append(self.as_map(tokens, grid))
            return (*maps, self.as_map(self.norm(tokens), grid))

    class UNETR(nn.Module):
        """Class logits [n, num_classes, i, j, k] of volumes [n, in_channels, i, j, k]."""

        def __init__(
            self,
            in_channels: int,
            num_classes: int,
            feature_size: int,
            hidden_size: int,
            mlp_dim: int,
            num_heads: int,
            image_size: int,
            projection: str,
            states: str,
            dropout: float,
            idle_norms: bool,
        ) -> None:
            super().__init__()
            self.vit = States(
                3,
                in_channels,
                hidden_size,
                12,
                num_heads,
                mlp_dim,
                PATCH,
                image_size,
                class_token=False,
                qkv_bias=False,
                eps=1e-5,
                dropout=dropout,
                projection=projection,
                idle_norms=idle_norms,
            )
            self.vit.taken = tuple(int(number) for number in states.split("-"))
            width = feature_size
            self.encoder1 = Residual(in_channels, width)
            self.encoder2 = projection_up(hidden_size, 2 * width, 2)
            self.encoder3 = projection_up(hidden_size, 4 * width, 1)
            self.encoder4 = projection_up(hidden_size, 8 * width, 0)
            self.decoder5 = Decoder(hidden_size, 8 * width)
            self.decoder4 = Decoder(8 * width, 4 * width)
            self.decoder3 = Decoder(4 * width, 2 * width)
            self.decoder2 = Decoder(2 * width, width)
            self.head = nn.Conv3d(width, num_classes, 1)

        def forward(self, x: Any) -> Any:
            first, second, third, y = self.vit(x)
            y = self.decoder5(y, self.encoder4(third))
            y = self.decoder4(y, self.encoder3(second))
            y = self.decoder3(y, self.encoder2(first))
            y = self.decoder2(y, self.encoder1(x))
            return self.head(y)

    return UNETR
