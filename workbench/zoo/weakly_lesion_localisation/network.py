"""A generator that splits a picture into what is normal and what is a lesion, and a critic of what it calls normal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import InputError

#: How far a pixel, on a scale from black (0) to white (1), may lie from its normal self before it counts as a lesion.
THRESHOLD = 40 / 255


def sizes(config: Mapping[str, Any]) -> tuple[int, int]:
    """Return (multiple, minimum): the generator halves the picture ``depth - 1`` times."""
    multiple = 2 ** (config["depth"] - 1)
    return multiple, multiple


def default_layer(config: Mapping[str, Any]) -> str:
    """Return the last feature map of the decoder of the normal picture, which the difference is made from."""
    return f"generator.{'decoder' if config['shared_decoder'] else 'normal_decoder'}.blocks.{config['depth'] - 2}"


def define(nn: Any, F: Any, ops: Any) -> type:  # noqa: ARG001
    """Return the network class; its parts are ``generator`` and ``discriminator``."""

    def drawn(conv: Any, nonlinearity: str) -> Any:
        # Without normalisation the frameworks' own weights are so small that the biases alone decide a fresh output; it
        # then falls to black, the commonest value, where tanh has no slope left.
        nn.init.kaiming_normal_(conv.weight, nonlinearity=nonlinearity)
        nn.init.zeros_(conv.bias)
        return conv

    def double_conv(in_channels: int, out_channels: int) -> Any:
        return nn.Sequential(
            drawn(nn.Conv2d(in_channels, out_channels, 3, padding=1), "relu"),
            nn.ReLU(),
            drawn(nn.Conv2d(out_channels, out_channels, 3, padding=1), "relu"),
            nn.ReLU(),
        )

    class Decoder(nn.Module):
        """Doubles the resolution at every level, and joins what the encoder saw there."""

        def __init__(self, channels: list[int]) -> None:
            super().__init__()
            self.ups = nn.ModuleList()
            self.blocks = nn.ModuleList()
            for fine, coarse in zip(channels[-2::-1], channels[:0:-1], strict=True):
                self.ups.append(drawn(nn.ConvTranspose2d(coarse, fine, 2, stride=2), "linear"))
                self.blocks.append(double_conv(2 * fine, fine))

        def forward(self, features: Any) -> Any:
            x = features[-1]
            for index in range(len(self.ups)):
                x = self.ups[index](x)
                x = self.blocks[index](ops.cat([x, features[-2 - index]], dim=1))
            return x

    class Generator(nn.Module):
        """The normal picture and the lesion [n, in_channels, i, j], -1 to 1, of pictures of the same shape."""

        def __init__(self, in_channels: int, width: int, depth: int, shared_decoder: bool) -> None:
            super().__init__()
            channels = [width * 2**level for level in range(depth)]
            self.blocks = nn.ModuleList()
            self.downs = nn.ModuleList()
            for level in range(depth):
                self.blocks.append(double_conv(channels[level - 1] if level else in_channels, channels[level]))
                if level < depth - 1:
                    halving = nn.Conv2d(channels[level], channels[level], 3, stride=2, padding=1)
                    self.downs.append(drawn(halving, "linear"))
            self.shared = shared_decoder
            if shared_decoder:
                self.decoder = Decoder(channels)
            else:
                self.normal_decoder = Decoder(channels)
                self.lesion_decoder = Decoder(channels)
            self.normal_head = nn.Conv2d(width, in_channels, 1)
            self.lesion_head = nn.Conv2d(width, in_channels, 1)

        def forward(self, x: Any) -> Any:
            features = []
            for level in range(len(self.blocks)):
                x = self.blocks[level](self.downs[level - 1](x) if level else x)
                features.append(x)
            if self.shared:
                normal = self.decoder(features)
                lesion = normal
            else:
                normal = self.normal_decoder(features)
                lesion = self.lesion_decoder(features)
            return {"normal": ops.tanh(self.normal_head(normal)), "lesion": ops.tanh(self.lesion_head(lesion))}

    class Discriminator(nn.Module):
        """How normal pictures look [n, 1], judged on three scales; a critic's score without bounds."""

        def __init__(self, in_channels: int, width: int, depth: int) -> None:
            super().__init__()
            middle = (depth + 1) // 2
            self.blocks = nn.ModuleList()
            self.judged = (0, middle - 1, depth - 1)
            channels = in_channels
            found = 0
            for index in range(depth):
                wider = width * min(2**index, 8)
                conv = nn.Conv2d(channels, wider, 3, stride=2 if index < middle else 1, padding=1)
                norm = nn.BatchNorm2d(wider)
                nn.init.normal_(conv.weight, 0.0, 0.02)
                nn.init.normal_(norm.weight, 1.0, 0.02)
                nn.init.zeros_(conv.bias)
                self.blocks.append(nn.Sequential(conv, norm, nn.LeakyReLU(0.2)))
                channels = wider
                found += wider if index in self.judged else 0
            self.head = nn.Linear(found, 1)
            nn.init.normal_(self.head.weight, 0.0, 0.02)
            nn.init.zeros_(self.head.bias)

        def forward(self, x: Any) -> Any:
            pooled = []
            for index in range(len(self.blocks)):
                x = self.blocks[index](x)
                if index in self.judged:
                    pooled.append(ops.mean(x, dim=(2, 3)))
            return self.head(ops.cat(pooled, dim=1))

    class LesionLocalisation(nn.Module):
        """Class evidence for every pixel, from how far it lies from its normal self; class 0 is normal."""

        def __init__(
            self,
            in_channels: int,
            num_classes: int,
            width: int,
            depth: int,
            shared_decoder: bool,
            critic_depth: int,
        ) -> None:
            super().__init__()
            if num_classes < 2:
                raise InputError(
                    "weakly-lesion-localisation learns from normal pictures (class 0) and pictures with a lesion (all "
                    f"other classes), so num_classes is at least 2, got {num_classes}."
                )
            self.num_classes = num_classes
            self.generator = Generator(in_channels, width, depth, shared_decoder)
            self.discriminator = Discriminator(in_channels, width, critic_depth)

        def forward(self, x: Any) -> Any:
            made = self.generator(x)
            # from -1 (black) to 1 (white) is a way of 2
            difference = ops.mean(ops.abs(x - made["normal"]), dim=1, keepdim=True) / 2
            evidence = difference - THRESHOLD
            logits = ops.cat([-evidence] + [evidence] * (self.num_classes - 1), dim=1)
            return {"logits": logits, "difference": difference, "normal": made["normal"], "lesion": made["lesion"]}

    return LesionLocalisation
