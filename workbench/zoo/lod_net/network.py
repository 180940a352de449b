"""LOD-Net for whole pictures (after Cheng et al. 2021): a mask branch that is corrected where outlines are sharp."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.zoo.blocks.pyramid import top_down
from workbench.zoo.blocks.resnet import channels as channels_of
from workbench.zoo.blocks.resnet import resnet

_DIRECTIONS = 8


def sizes(config: Mapping[str, Any]) -> tuple[int, int]:  # noqa: ARG001  (every network module answers this)
    """Return (multiple, minimum) of the size of a picture: the encoder halves it five times."""
    return 32, 32


def default_layer(config: Mapping[str, Any]) -> str:  # noqa: ARG001
    """Return the features of the mask branch before they are doubled in size, which leaves the grid of its kernel."""
    return "mask_head.7"


def define(nn: Any, F: Any, ops: Any) -> type:
    """Return the network class."""
    body = resnet(nn, F, ops).Body
    decoder = top_down(nn, F)

    def head(channels: int) -> Any:
        layers = []
        for _ in range(4):
            layers.append(nn.Conv2d(channels, channels, 3, padding=1))
            layers.append(nn.ReLU())
        layers.append(nn.ConvTranspose2d(channels, channels, 2, stride=2))
        layers.append(nn.ReLU())
        return nn.Sequential(*layers)

    class LODNet(nn.Module):
        """Logits [n, num_classes, i, j], and derivatives [n, 8, i/2, j/2] with offsets [n, 16, i/2, j/2]."""

        def __init__(
            self, in_channels: int, num_classes: int, depth: int, width: int, head_width: int, outline_share: float
        ) -> None:
            super().__init__()
            self.encoder = body(in_channels, depth, width)
            self.decoder = decoder(channels_of(depth, width)[1:], head_width)
            self.mask_head = head(head_width)
            self.derivative_head = head(head_width)
            self.derivatives = nn.Conv2d(head_width, _DIRECTIONS, 3, padding=1)
            self.offsets = nn.Sequential(
                nn.Conv2d(head_width, 2 * _DIRECTIONS, 3, padding=1), nn.BatchNorm2d(2 * _DIRECTIONS)
            )
            self.outputs_conv = nn.Conv2d(_DIRECTIONS, head_width, 1)
            self.predictor = nn.Conv2d(head_width, num_classes, 1)
            self.outline_share = outline_share

        def forward(self, x: Any) -> Any:
            fine = self.decoder(self.encoder.features(x)[1:])
            features, near = self.mask_head(fine), self.derivative_head(fine)
            derivatives = self.derivatives(near)
            features = features + self.outline(derivatives) * self.outputs_conv(derivatives)
            logits = F.interpolate(self.predictor(features), scale_factor=2, mode="bilinear")
            return {"logits": logits, "derivatives": derivatives, "offsets": self.offsets(near)}

        def outline(self, derivatives: Any) -> Any:
            """Return 1 where an outline is, else 0, [n, 1, h, w]: the adaptive thresholding."""
            values = ops.detach(derivatives)
            n, directions, height, width = values.shape
            values = values.reshape(n, directions, height * width)
            count = max(1, int(self.outline_share * height * width))
            marked = (values >= ops.topk(values, count, dim=2)[0][:, :, -1:]).to(values.dtype)
            # as many marks as possible; among equals the mean derivative decides, which never outweighs a mark
            score = ops.sum(marked, dim=1) + 0.5 * F.sigmoid(ops.mean(values, dim=1))
            chosen = (score >= ops.topk(score, count, dim=1)[0][:, -1:]).to(values.dtype)
            return chosen.reshape(n, 1, height, width)

    return LODNet
