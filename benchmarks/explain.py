"""Explanations against what others make of them, in one run: same networks, same windows, same machine.

    python benchmarks/explain.py [--cases resnet-2d ...] [--parts compare agreement ...] [--save]

Occlusion of a ResNet-18 (2D, 224^2), of a 3D classifier (48^3, 96^3) and of a 3D U-Net (48^3, 96^3). The peers are
Captum, MONAI and a loop written by hand that does what is known to help: one batch written in place, inference mode,
several windows at once, and (in a second one) batch norms folded into convolutions. Each peer runs at its best batch
(1 to 32) and memory layout, both found here by running each; ours has had two runs to find its own. Then all run in
turns, so that a busy moment hits all of them; the median counts, and our first run is told beside it. Maps must agree
to 1e-5.
MONAI reports another quantity (the score of the occluded input, one window a voxel), so only its time per window is
compared.

Beside it: how far the map in the making agrees with the exact one, against the share of the time; the CAM family
against one pass forward and backward; and growth by volume and by windows, as plots.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import captum.attr
import monai.networks.nets
import monai.visualize
import numpy as np
import torch
from _report import RESULTS, save
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr
from torch.fx.experimental.optimization import fuse

import workbench as wb
from workbench import frameworks
from workbench.frameworks import feeding
from workbench.transforms import Preprocess
from workbench.volume import Volume

BATCHES = (1, 2, 4, 8, 16, 32)
LAYOUTS = ("contiguous", "channels-last")
CAMS = ("grad-cam", "grad-cam++", "xgrad-cam", "layer-cam", "hires-cam", "eigen-cam")
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

    def forward(self, array: np.ndarray) -> Any:
        return self.framework.forward(self.module, array)

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
        self.module.to(memory_format=last if layout == "channels-last" else torch.contiguous_format)
        sizes = {
            "sliding_window_shapes": (self.inputs.shape[1], *(self.window,) * (self.inputs.dim() - 2)),
            "strides": (self.inputs.shape[1], *(self.stride,) * (self.inputs.dim() - 2)),
        }
        with torch.inference_mode():
            found = captum.attr.Occlusion(self.module).attribute(
                self.inputs, target=self.target, perturbations_per_eval=batch, **sizes
            )
        self.module.to(memory_format=torch.contiguous_format)
        return found[0, 0].numpy()

    def monai(self, batch: int, layout: str) -> np.ndarray:
        last = torch.channels_last if self.inputs.dim() == 4 else torch.channels_last_3d
        self.module.to(memory_format=last if layout == "channels-last" else torch.contiguous_format)
        overlap = 1 - self.stride / self.window
        method = monai.visualize.OcclusionSensitivity(
            self.module, mask_size=self.window, n_batch=batch, mode=0.0, overlap=overlap, verbose=False
        )
        with torch.inference_mode():
            found = method(self.inputs)[0]
        self.module.to(memory_format=torch.contiguous_format)
        return found

    def ours(self, **options: Any) -> Any:
        return wb.explain(self.model, self.volume, "occlusion", self.target, **{**self.options, **options})


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def best_settings(trial: Callable[[int, str], float]) -> tuple[tuple[int, str], dict[str, float]]:
    """Return the batch and layout that take least time a window, and the seconds a window of each, as `trial` tells."""
    seconds: dict[tuple[int, str], float] = {}
    for layout, batch in itertools.product(LAYOUTS, BATCHES):
        best = min((s for (_, known), s in seconds.items() if known == layout), default=np.inf)
        if seconds.get((batch // 2, layout), 0) > 1.15 * best or (batch > 1 and (batch // 2, layout) not in seconds):
            continue  # larger ones have begun to take longer
        seconds[(batch, layout)] = trial(batch, layout)
    return min(seconds, key=seconds.__getitem__), {f"{b}, {o}": round(s, 5) for (b, o), s in seconds.items()}


def of_loop(case: Case, network: Any, tried: int = 8) -> Callable[[int, str], float]:
    """Return a trial of the loop: some windows, once the first one has warmed up."""

    def trial(batch: int, layout: str) -> float:
        count = min(max(batch, tried), len(case.windows))
        case.loop(network, batch, layout, 1)
        # one pass more is made, of the input as it is
        return timed(lambda: case.loop(network, batch, layout, count))[0] / (count + 1)

    return trial


def of_all(case: Case, run: Callable[[int, str], Any]) -> Callable[[int, str], float]:
    """Return a trial of what does all windows or none."""
    return lambda batch, layout: timed(lambda: run(batch, layout))[0] / len(case.windows)


def compare(name: str, repeats: int) -> dict[str, Any]:
    """Time all contenders on one case."""
    case = Case(name)
    fused = fuse(case.module)
    load = os.getloadavg()[0]
    searched: dict[str, dict[str, float]] = {}
    settings: dict[str, tuple[int, str]] = {}
    trials = {
        "captum": of_all(case, case.captum),
        "loop": of_loop(case, case.module),
        "loop, norms folded": of_loop(case, fused),
    }
    if not name.endswith("96"):
        trials["monai"] = of_all(case, case.monai)
    for one, trial in trials.items():
        settings[one], searched[one] = best_settings(trial)
    feeding._tuned.clear()
    first, _ = timed(case.ours)
    case.ours()  # goes on where the first one was with its measuring
    runs: dict[str, Callable[[int, str], Any]] = {
        "captum": case.captum,
        "loop": lambda *how: case.loop(case.module, *how),
        "loop, norms folded": lambda *how: case.loop(fused, *how),
        "monai": case.monai,
    }
    contenders: dict[str, Callable[[], Any]] = {"workbench": case.ours}
    for one, (batch, layout) in settings.items():
        contenders[f"{one} ({batch} windows, {layout})"] = lambda o=one: runs[o](*settings[o])
    seconds: dict[str, list[float]] = {one: [] for one in contenders}
    found: dict[str, Any] = {}
    for _ in range(repeats):
        for one, run in contenders.items():
            took, found[one] = timed(run)
            seconds[one].append(took)
    medians = {one: statistics.median(times) for one, times in seconds.items()}
    ours = found["workbench"]
    theirs = {one: np.asarray(value) for one, value in found.items() if one.startswith(("captum", "loop"))}
    return {
        "windows": len(case.windows),
        "seconds, median": {one: round(value, 3) for one, value in medians.items()},
        "seconds, all": {one: [round(t, 3) for t in times] for one, times in seconds.items()},
        "times as long as ours": {one: round(value / medians["workbench"], 3) for one, value in medians.items()},
        "our first run, which measures while it works": round(first, 3),
        "our schedule (batch, form, batches)": ours.schedule,
        "seconds a window of each setting searched": searched,
        "largest difference from the others": {
            one.split(" (")[0]: float(np.abs(ours.data - value).max()) for one, value in theirs.items()
        },
        "largest value": float(np.abs(ours.data).max()),
        "load of the machine before and after": [round(load, 1), round(os.getloadavg()[0], 1)],
    }


def agreement(name: str) -> dict[str, Any]:
    """Return how far maps in the making agree with the exact one, by the share of the windows done."""
    case = Case(name)
    given = {"baseline": 0, "batch_size": 4}  # windows and stride by default: a few hundred
    stages = list(wb.explain.progressive(case.model, case.volume, "occlusion", case.target, **given))
    exact = stages[-1][1].data
    top = np.unravel_index(np.abs(exact).argmax(), exact.shape)
    curve = []
    for fraction, one in stages:
        agreed = float(spearmanr(one.data.ravel(), exact.ravel()).statistic) if np.ptp(one.data) else 0.0
        same = np.abs(one.data).max() == np.abs(one.data[top])
        curve.append([round(fraction, 4), round(agreed, 4), bool(same)])
    tenth = [point for point in curve if point[0] <= 0.1]
    return {"share of the windows, Spearman, same top": curve, "at a tenth": tenth[-1] if tenth else None}


def cams(repeats: int) -> dict[str, Any]:
    """Return each map of the family against one pass forward and one backward, of the ResNet."""
    case = Case("resnet-2d")
    model = Model(case.module, 3, "layer4")

    def plain() -> None:
        x = case.inputs.clone().requires_grad_()
        case.module(x)[0, case.target].backward()

    known = [one for one in CAMS if one in {str(m.name) for m in wb.explain.methods()}]
    runs = {one: (lambda one=one: wb.explain(model, case.volume, one, case.target)) for one in known}
    runs["forward and backward"] = plain
    seconds: dict[str, list[float]] = {one: [] for one in runs}
    for _ in range(repeats * 3):
        for one, run in runs.items():
            seconds[one].append(timed(run)[0])
    medians = {one: statistics.median(times) for one, times in seconds.items()}
    unit = medians["forward and backward"]
    return {one: {"seconds": round(s, 4), "of both passes": round(s / unit, 2)} for one, s in medians.items()}


def growth() -> dict[str, Any]:
    """Return the seconds of the 3D classifier's map by the side of the volume, and by the number of windows."""
    by_size, by_windows = {}, {}
    for side in (24, 32, 48, 64):
        case = Case("classifier-48", side)
        options = {"window": side // 4, "stride": side // 4}
        case.ours(**options)
        by_size[side**3] = round(min(timed(lambda c=case, o=options: c.ours(**o))[0] for _ in range(2)), 3)
    case = Case("classifier-48", 32)
    for stride in (16, 8, 6, 4):
        options = {"window": 16, "stride": stride}
        count = (-(-16 // stride) + 1) ** 3
        by_windows[count] = round(min(timed(lambda o=options: case.ours(**o))[0] for _ in range(2)), 3)
    return {"seconds of 64 windows by voxels": by_size, "seconds by windows, of 32^3 voxels": by_windows}


def plot(report: dict[str, Any], folder: Path) -> None:
    """Draw the curves of agreement and the growth."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    for name, found in report.get("agreement", {}).items():
        points = np.array([point[:2] for point in found["share of the windows, Spearman, same top"]])
        left.plot(*points.T, label=name)
    left.axhline(0.98, color="grey", linewidth=0.5)
    left.axvline(0.1, color="grey", linewidth=0.5)
    left.set(xlabel="share of the windows", ylabel="Spearman with the exact map", ylim=(0, 1.02))
    left.legend(fontsize=7)
    for axes, (title, points) in zip((middle, right), report.get("growth", {}).items(), strict=False):
        axes.loglog([int(n) for n in points], list(points.values()), "o-")
        axes.set(xlabel=title.split(" by ")[1], ylabel=title.split(" by ")[0])
    figure.savefig(folder / "explain.png", dpi=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--parts", nargs="*", default=["compare", "agreement", "cams", "growth"])
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/explain.json, parts not run stay")
    arguments = parser.parse_args()

    path = RESULTS / "explain.json"
    report: dict[str, Any] = {}
    if arguments.save and path.exists():
        report = json.loads(path.read_text())["results"]
    report["threads"] = torch.get_num_threads()
    for name in arguments.cases if "compare" in arguments.parts else ():
        report.setdefault("occlusion", {})[name] = found = compare(name, arguments.repeats)
        print(name, json.dumps(found, indent=1), flush=True)
    for name in arguments.cases if "agreement" in arguments.parts else ():
        report.setdefault("agreement", {})[name] = found = agreement(name)
        print(name, found["at a tenth"], flush=True)
    if "cams" in arguments.parts:
        report["cam family, resnet-2d"] = cams(arguments.repeats)
        print(json.dumps(report["cam family, resnet-2d"], indent=1), flush=True)
    if "growth" in arguments.parts:
        report["growth"] = growth()
        print(json.dumps(report["growth"], indent=1), flush=True)
    if arguments.save:
        save("explain", report)
        plot(json.loads(path.read_text())["results"], RESULTS)


if __name__ == "__main__":
    main()
