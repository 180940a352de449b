"""What `explain.py` explains: networks, inputs and windows, and each contender's way with them."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import captum.attr
import monai.networks.nets
import monai.visualize
import numpy as np
import torch
from scipy.ndimage import gaussian_filter

import workbench as wb
from workbench import frameworks
from workbench.transforms import Preprocess
from workbench.volume import Volume

Window = tuple[slice, ...]


def resnet_2d() -> Any:
    return monai.networks.nets.resnet18(spatial_dims=2, n_input_channels=3, num_classes=10)


def classifier_3d() -> Any:
    nn, units, channels = torch.nn, [], 1
    for width in (16, 32, 64):
        units += [nn.Conv3d(channels, width, 3, padding=1), nn.BatchNorm3d(width), nn.ReLU(), nn.MaxPool3d(2)]
        channels = width
    return nn.Sequential(*units, nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(channels, 3))


class UNet(torch.nn.Module):
    """A U-Net of three levels that answers with the mean of each class, as peers need one number a class."""

    def __init__(self) -> None:
        super().__init__()
        nn = torch.nn

        def pair(before: int, after: int) -> Any:
            units = [(before, after), (after, after)]
            return nn.Sequential(
                *[layer for a, b in units for layer in (nn.Conv3d(a, b, 3, padding=1), nn.BatchNorm3d(b), nn.ReLU())]
            )

        self.first, self.second, self.third = pair(1, 8), pair(8, 16), pair(16, 32)
        self.pool, self.up = nn.MaxPool3d(2), nn.Upsample(scale_factor=2)
        self.back_second, self.back_first = pair(48, 16), pair(24, 8)
        self.head = nn.Conv3d(8, 2, 1)

    def forward(self, x: Any) -> Any:
        first = self.first(x)
        second = self.second(self.pool(first))
        x = self.up(self.third(self.pool(second)))
        x = self.up(self.back_second(torch.cat([x, second], 1)))
        return self.head(self.back_first(torch.cat([x, first], 1))).mean((2, 3, 4))


#: Name: (network, channels, shape, window, stride).
CASES: dict[str, tuple[Callable[[], Any], int, tuple[int, ...], int, int]] = {
    "resnet-2d": (resnet_2d, 3, (224, 224), 56, 42),
    "classifier-48": (classifier_3d, 1, (48,) * 3, 12, 12),
    "classifier-96": (classifier_3d, 1, (96,) * 3, 32, 32),
    "unet-48": (UNet, 1, (48,) * 3, 16, 16),
    "unet-96": (UNet, 1, (96,) * 3, 32, 32),
}


class Model:
    """The least that an explanation needs of a model."""

    def __init__(self, module: Any, channels: int, layer: str | None = None) -> None:
        self.framework = frameworks.get("torch")
        self.device, self.config, self.classes = "cpu", {}, ("a", "b", "c")
        self.module, self.in_channels, self._layer = module, channels, layer
        task = SimpleNamespace(probabilities=lambda logits: logits)  # only their order is used
        self.algorithm = SimpleNamespace(name=type(module).__name__, task=task)

    def prepare(self, volume: Volume) -> Any:
        return Preprocess({"intensity": {"kind": "none"}}).apply(volume)

    def forward(self, array: np.ndarray, *, network: Any = None) -> Any:
        return self.framework.forward(self.module if network is None else network, array)

    def default_layer(self) -> str | None:
        return self._layer

    def layers(self) -> Any:
        return self.framework.layers(self.module)

    def weights_fingerprint(self) -> str:
        return ""


class Case:
    """One network with one input and one set of windows."""

    def __init__(self, name: str, size: int | None = None) -> None:
        make, channels, shape, self.window, self.stride = CASES[name]
        shape = shape if size is None else (size,) * len(shape)
        torch.manual_seed(0)
        self.name, self.module = name, make().eval()
        rng = np.random.default_rng(0)
        # smooth, with structure: of white noise every window says the same
        data = np.stack([gaussian_filter(rng.normal(size=shape), shape[0] / 16) for _ in range(channels)], -1)
        data = (data / data.std() + 0.1 * rng.normal(size=data.shape)).astype(np.float32)
        self._statistics(torch.from_numpy(np.moveaxis(data, -1, 0)[None].copy()))
        axes = ("ij" if len(shape) == 2 else "ijk") + "c"
        self.volume = Volume(data, axes=axes) if channels > 1 else Volume(data[..., 0])
        # peers lay weights out otherwise, which would make ours fold them anew each time
        self.theirs = copy.deepcopy(self.module)
        self.model = Model(self.module, channels)
        self.inputs = torch.from_numpy(np.ascontiguousarray(self.model.prepare(self.volume).batch))
        with torch.inference_mode():
            self.target = int(self.module(self.inputs)[0].argmax())
        self.options = {"window": self.window, "stride": self.stride, "baseline": 0}
        starts = [[0] for _ in shape]
        for axis, size_of in zip(starts, shape, strict=True):
            while axis[-1] + self.window < size_of:
                axis.append(axis[-1] + self.stride)
        self.windows = [
            tuple(slice(a, min(a + self.window, n)) for a, n in zip(corner, shape, strict=True))
            for corner in itertools.product(*starts)
        ]

    def _statistics(self, x: torch.Tensor) -> None:
        """Give norms the statistics of inputs: those of a fresh network let values vanish from layer to layer."""
        norms = [one for one in self.module.modules() if isinstance(one, torch.nn.modules.batchnorm._BatchNorm)]
        for norm in norms:
            norm.momentum = None
        self.module.train()
        with torch.no_grad():
            self.module(torch.cat([x, x.flip(-1)]))
        self.module.eval()

    # -- the contenders, each for the first `count` windows ---------------------------------------------------

    def loop(self, network: Any, batch: int, layout: str, count: int | None = None) -> np.ndarray:
        """Occlusion as somebody would write it who wants it fast."""
        last = torch.channels_last if self.inputs.dim() == 4 else torch.channels_last_3d
        form = last if layout == "channels-last" else torch.contiguous_format
        network.to(memory_format=form)
        shape = self.inputs.shape[2:]
        total, covered = torch.zeros(shape, dtype=torch.float64), torch.zeros(shape, dtype=torch.float64)
        windows = self.windows[:count]
        with torch.inference_mode():
            whole = network(self.inputs)[0, self.target]
            buffer = self.inputs.repeat(batch, *[1] * (self.inputs.dim() - 1)).contiguous(memory_format=form)
            for first in range(0, len(windows), batch):
                part = windows[first : first + batch]
                for sample, window in enumerate(part):
                    buffer[(sample, slice(None), *window)] = 0
                drops = whole - network(buffer[: len(part)])[:, self.target]
                for sample, window in enumerate(part):
                    total[window] += float(drops[sample])
                    covered[window] += 1
                    buffer[(sample, slice(None), *window)] = self.inputs[(0, slice(None), *window)]
        network.to(memory_format=torch.contiguous_format)
        return (total / covered.clamp(min=1)).numpy()

    def captum(self, batch: int, layout: str) -> np.ndarray:
        """All windows; Captum has no way to do some of them."""
        last = torch.channels_last if self.inputs.dim() == 4 else torch.channels_last_3d
        self.theirs.to(memory_format=last if layout == "channels-last" else torch.contiguous_format)
        sizes = {
            "sliding_window_shapes": (self.inputs.shape[1], *(self.window,) * (self.inputs.dim() - 2)),
            "strides": (self.inputs.shape[1], *(self.stride,) * (self.inputs.dim() - 2)),
        }
        with torch.inference_mode():
            found = captum.attr.Occlusion(self.theirs).attribute(
                self.inputs, target=self.target, perturbations_per_eval=batch, **sizes
            )
        self.theirs.to(memory_format=torch.contiguous_format)
        return found[0, 0].numpy()

    def monai(self, batch: int, layout: str) -> np.ndarray:
        last = torch.channels_last if self.inputs.dim() == 4 else torch.channels_last_3d
        self.theirs.to(memory_format=last if layout == "channels-last" else torch.contiguous_format)
        overlap = 1 - self.stride / self.window
        method = monai.visualize.OcclusionSensitivity(
            self.theirs, mask_size=self.window, n_batch=batch, mode=0.0, overlap=overlap, verbose=False
        )
        with torch.inference_mode():
            found = method(self.inputs)[0]
        self.theirs.to(memory_format=torch.contiguous_format)
        return found

    def ours(self, **options: Any) -> Any:
        return wb.explain(self.model, self.volume, "occlusion", self.target, **{**self.options, **options})
