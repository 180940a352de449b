"""A network in the spirit of MTCSN (Kong et al. 2021): one encoder, one branch for a class and one for tissues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.zoo.blocks.pyramid import top_down
from workbench.zoo.blocks.resnet import channels as channels_of
from workbench.zoo.blocks.resnet import resnet

_LEVELS = 4


def sizes(config: Mapping[str, Any]) -> tuple[int, int]:  # noqa: ARG001  (every network module answers this)
    """Return (multiple, minimum) of the size of a picture: the encoder halves it five times."""
    return 32, 32


def default_layer(config: Mapping[str, Any]) -> str:  # noqa: ARG001
    """Return the last feature map of the encoder."""
    return "encoder.layer4"


def define(nn: Any, F: Any, ops: Any) -> type:
    """Return the network class."""
    body = resnet(nn, F, ops).Body
    decoder = top_down(nn, F)

    class MTCSN(nn.Module):
        """``{"logits": [n, num_classes], "tissue": [n, tissues, i, j]}`` of pictures [n, in_channels, i, j]."""

        def __init__(
            self, in_channels: int, num_classes: int, tissues: int, depth: int, width: int, decoder_width: int
        ) -> None:
            super().__init__()
            widths = channels_of(depth, width)[1:]
            self.encoder = body(in_channels, depth, width)
            self.embedding = nn.Linear(widths[-1], decoder_width)
            self.gates = nn.ModuleList([nn.Linear(decoder_width, decoder_width) for _ in range(_LEVELS)])
            self.decoder = decoder(widths, decoder_width)
            self.norm = nn.BatchNorm2d(decoder_width)
            self.tissue = nn.Conv2d(decoder_width, tissues, 1)
            self.fc = nn.Linear(widths[-1] + tissues, num_classes)

        def forward(self, x: Any) -> Any:
            maps = self.encoder.features(x)
            pooled = ops.mean(maps[_LEVELS], dim=(2, 3))
            # what the picture as a whole is like says which of the decoder's channels count
            embedded = F.relu(self.embedding(pooled))
            gates = []
            for level in range(_LEVELS):
                gate = F.sigmoid(self.gates[level](embedded))
                gates.append(ops.unsqueeze(ops.unsqueeze(gate, 2), 3))
            fine = F.relu(self.norm(self.decoder(maps[1:], gates)))
            tissue = F.interpolate(self.tissue(fine), scale_factor=4, mode="bilinear")
            # and how much of each tissue is in sight says what the picture as a whole is like
            shares = ops.mean(F.softmax(tissue, dim=1), dim=(2, 3))
            logits = self.fc(ops.cat((pooled, shares), dim=1))
            return {"logits": logits, "tissue": tissue}

    return MTCSN
