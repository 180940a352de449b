"""What networks that see objects as points share: body, heads, sizes (CenterNet, Zhou et al., arXiv 1904.07850)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import InputError
from workbench.zoo.blocks.dla import dla, dla_channels
from workbench.zoo.blocks.resnet import resnet

#: Pixels of the input per pixel of the output, along each axis.
STRIDE = 4

_LAYERS = {"dla-34": "dla_up.ida_2.node_3", "dla-34-dcn": "ida_up.node_2", "resnet-18": "deconv_layers"}


def sizes(config: Mapping[str, Any]) -> tuple[int, int]:  # noqa: ARG001  (every network module answers this)
    """Return (multiple, minimum) of the size of a picture: the coarsest map has stride 32."""
    return 32, 32


def default_layer(config: Mapping[str, Any]) -> str:
    """Return the map that the heads read."""
    return _LAYERS[config["backbone"]]


def center_body(nn: Any, F: Any, ops: Any) -> type:
    """Return the class of a network body that gives one map of stride 4.

    ``Body(in_channels, backbone, width, head_channels)``: `backbone` is "dla-34", "dla-34-dcn" (its up-sampling with
    deformable convolutions, as the originals have it) or "resnet-18" (up-sampling by three transposed convolutions).
    `width` is the number of channels at stride 4 inside the backbone. ``features(x)`` is the map;
    ``head(channels, bias)`` a new head for it, to be kept as an attribute.
    """
    parts = dla(nn, F, ops)
    ResNet: Any = resnet(nn, F, ops).Body

    def doubled(in_channels: int, out_channels: int) -> list[Any]:
        up = nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False)
        return [up, nn.BatchNorm2d(out_channels), nn.ReLU()]

    class Body(nn.Module):
        def __init__(self, in_channels: int, backbone: str, width: int, head_channels: int) -> None:
            super().__init__()
            if backbone != "resnet-18" and width % 4:
                near = sorted({max(4, width // 4 * 4), width // 4 * 4 + 4})
                raise InputError(
                    f"The width of {backbone} is a multiple of 4, got {width}. Nearest that fit: "
                    f"{' and '.join(map(str, near))}."
                )
            self.backbone = backbone
            self.head_channels = head_channels
            self.out_channels = width
            if backbone == "resnet-18":
                self.base = ResNet(in_channels, 18, width)
                self.out_channels = 4 * width
                ups = [*doubled(8 * width, 4 * width), *doubled(4 * width, 4 * width), *doubled(4 * width, 4 * width)]
                self.deconv_layers = nn.Sequential(*ups)
                return
            deformable = backbone == "dla-34-dcn"
            channels = dla_channels(width)[2:]
            self.base = parts.DLA34(in_channels, width)
            self.dla_up = parts.AggregateUp(channels, deformable)
            if deformable:
                self.ida_up = parts.Aggregate(width, channels[:3], (1, 2, 4), deformable)

        def head(self, channels: int, bias: float = 0.0) -> Any:
            last = nn.Conv2d(self.head_channels, channels, 1)
            nn.init.constant_(last.bias, bias)
            return nn.Sequential(nn.Conv2d(self.out_channels, self.head_channels, 3, padding=1), nn.ReLU(), last)

        def features(self, x: Any) -> Any:
            maps = self.base.features(x)
            if self.backbone == "resnet-18":
                return self.deconv_layers(maps[4])
            finer = self.dla_up.features(maps[2:])
            if self.backbone == "dla-34":
                return finer[0]
            return self.ida_up(*finer)

    return Body
