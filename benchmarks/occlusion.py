"""Occlusion against Captum and MONAI, in one run: same network, same windows, same machine.

    python benchmarks/occlusion.py [--repeats 3] [--size 48] [--save]

A small 3D convolutional classifier, one volume of size^3 voxels, windows of 16^3, stride 8. Each contender runs once
per repeat, in turns, so that a busy moment hits all of them; the median counts. Captum and ours must agree to 1e-5.
MONAI reports another quantity (its probabilities of the occluded input), so only its time is compared.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from types import SimpleNamespace

import captum.attr
import monai.visualize
import numpy as np
import torch
from _report import save

import workbench as wb
from workbench import frameworks
from workbench.frameworks import feeding
from workbench.transforms import Preprocess
from workbench.volume import Volume

WINDOW, STRIDE = 16, 8


def define(nn, F, ops):  # noqa: ARG001
    class SmallCNN(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv3d(1, width, 3, padding=1)
            self.norm1 = nn.BatchNorm3d(width)
            self.pool = nn.MaxPool3d(2)
            self.conv2 = nn.Conv3d(width, 2 * width, 3, padding=1)
            self.norm2 = nn.BatchNorm3d(2 * width)
            self.conv3 = nn.Conv3d(2 * width, 4 * width, 3, padding=1)
            self.gap = nn.AdaptiveAvgPool3d(1)
            self.flatten = nn.Flatten()
            self.fc = nn.Linear(4 * width, 2)

        def forward(self, x):
            x = self.pool(F.relu(self.norm1(self.conv1(x))))
            x = self.pool(F.relu(self.norm2(self.conv2(x))))
            return self.fc(self.flatten(self.gap(F.relu(self.conv3(x)))))

    return SmallCNN


class Model:
    """The least that an explanation needs of a model."""

    def __init__(self, width: int) -> None:
        self.framework = frameworks.get("torch")
        self.device, self.config, self.classes = "cpu", {"width": width}, ("no", "yes")
        self.module = self.framework.build(define, self.config)
        task = SimpleNamespace(probabilities=lambda logits: logits)  # only their order is used
        self.algorithm = SimpleNamespace(name="small-cnn", task=task)

    def prepare(self, volume: Volume):
        return Preprocess({"intensity": {"kind": "none"}}).apply(volume)

    def forward(self, array: np.ndarray) -> np.ndarray:
        return self.framework.forward(self.module, array)

    def layers(self):
        return self.framework.layers(self.module)

    def weights_fingerprint(self) -> str:
        return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/occlusion.json")
    arguments = parser.parse_args()

    model = Model(arguments.width)
    data = np.random.default_rng(0).normal(size=(arguments.size,) * 3).astype(np.float32)
    volume, inputs = Volume(data), torch.from_numpy(data)[None, None]
    inside = {"sliding_window_shapes": (1, *(WINDOW,) * 3), "strides": (1, *(STRIDE,) * 3), "target": 1}

    def with_captum(per_pass: int):
        occlusion = captum.attr.Occlusion(model.module)
        with torch.no_grad():
            return occlusion.attribute(inputs, perturbations_per_eval=per_pass, **inside)[0, 0].numpy()

    def with_monai():
        overlap = 1 - STRIDE / WINDOW
        occlusion = monai.visualize.OcclusionSensitivity(
            model.module, mask_size=WINDOW, n_batch=8, mode=0.0, overlap=overlap, verbose=False
        )
        return occlusion(inputs)

    def with_ours(*, tuned: bool):
        if not tuned:
            feeding._tuned.clear()
        return wb.explain(model, volume, "occlusion", 1, window=WINDOW, stride=STRIDE)

    contenders = {
        "captum, default (1 window per pass)": lambda: with_captum(1),
        "captum, 8 windows per pass": lambda: with_captum(8),
        "monai, n_batch=8": with_monai,
        "workbench, first run (measures while it works)": lambda: with_ours(tuned=False),
        "workbench, later runs": lambda: with_ours(tuned=True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    results = {}
    load = os.getloadavg()[0]
    for _ in range(arguments.repeats):
        for name, run in contenders.items():
            started = time.perf_counter()
            results[name] = run()
            seconds[name].append(time.perf_counter() - started)

    ours, reference = results["workbench, later runs"], results["captum, default (1 window per pass)"]
    difference = float(np.abs(ours.data - reference).max())
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    best = medians["workbench, later runs"]
    report = {
        "what": f"occlusion of {arguments.size}^3 voxels, window {WINDOW}^3, stride {STRIDE}, width {arguments.width}",
        "threads": torch.get_num_threads(),
        "load of the machine before and after": [round(load, 1), round(os.getloadavg()[0], 1)],
        "repeats": arguments.repeats,
        "seconds, median": {name: round(value, 2) for name, value in medians.items()},
        "seconds, all": {name: [round(t, 2) for t in times] for name, times in seconds.items()},
        "times as long as our later runs": {name: round(value / best, 2) for name, value in medians.items()},
        "schedule (batch size, layout, batches)": ours.schedule,
        "largest difference from captum": difference,
    }
    print(json.dumps(report, indent=2))
    if difference > 1e-5:
        raise SystemExit(f"The map differs from Captum's by {difference:g}; it must not be more than 1e-5.")
    if arguments.save:
        save("occlusion", report)


if __name__ == "__main__":
    main()
