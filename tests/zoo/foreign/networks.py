"""Small networks as people bring them."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

import workbench as wb

#: Axes turned and of unlike lengths.
AFFINE = np.array([[0, 0, 2.0, 1], [1, 0, 0, 2], [0, -1.5, 0, 3], [0, 0, 0, 1]])


def volume(*shape: int, seed: int = 0) -> wb.Volume:
    data = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return wb.Volume(data, AFFINE if len(shape) == 3 else None)


class Energy(nn.Module):
    """Score 1 is the sum of squares in the first half along k, score 0 that in the second: an answer that is known."""

    def forward(self, x):
        half = x.shape[-1] // 2
        return torch.stack([(x[..., half:] ** 2).flatten(1).sum(1), (x[..., :half] ** 2).flatten(1).sum(1)], 1)


class Classifier(nn.Module):
    """Returns its scores in the packing that is asked for."""

    def __init__(self, pack="tensor", classes=3, channels=1, end=None):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv3d(channels, 4, 3, padding=1)
        self.norm = nn.BatchNorm3d(4)
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Linear(4, classes)
        self.end = end or nn.Identity()
        self.pack = pack

    def forward(self, x):
        features = self.act(self.norm(self.conv(x)))
        scores = self.end(self.head(features.mean((2, 3, 4))))
        return {
            "tensor": scores,
            "tuple": (scores, features),
            "list": [scores, None],
            "dict": {"cls": scores},
            "dict of two": {"cls": scores, "features": features},
        }[self.pack]


def halving(times: int, labels: int = 3) -> nn.Module:
    """A segmenter that takes multiples of ``2 ** times``: what it halves it doubles again, and adds up."""

    class Halving(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv2d(1, 4, 3, padding=1)
            self.inner = nn.ModuleList(nn.Conv2d(4, 4, 3, padding=1) for _ in range(times))
            self.last = nn.Conv2d(4, labels, 1)

        def forward(self, x):
            kept = [torch.relu(self.first(x))]
            for layer in self.inner:
                kept.append(torch.relu(layer(nn.functional.max_pool2d(kept[-1], 2))))
            x = kept.pop()
            while kept:
                x = nn.functional.interpolate(x, scale_factor=2) + kept.pop()
            return self.last(x)

    torch.manual_seed(0)
    return Halving()


class Deep(nn.Module):
    """A segmenter that is supervised at several depths: the coarse map comes first."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv3d(1, 3, 3, padding=1)

    def forward(self, x):
        fine = self.conv(x)
        return [nn.functional.avg_pool3d(fine, 2), fine]
