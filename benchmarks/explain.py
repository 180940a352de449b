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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _explain_cases import CASES, Case, Model
from _report import RESULTS, load, save
from scipy.stats import spearmanr
from torch.fx.experimental.optimization import fuse

import workbench as wb
from workbench.frameworks import feeding

BATCHES = (1, 2, 4, 8, 16, 32)
LAYOUTS = ("contiguous", "channels-last")
CAMS = ("grad-cam", "grad-cam++", "xgrad-cam", "layer-cam", "hires-cam", "eigen-cam")


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
    fused = fuse(case.theirs)
    load = os.getloadavg()[0]
    searched: dict[str, dict[str, float]] = {}
    settings: dict[str, tuple[int, str]] = {}
    trials = {
        "captum": of_all(case, case.captum),
        "loop": of_loop(case, case.theirs),
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
        "loop": lambda *how: case.loop(case.theirs, *how),
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


def measured(cases: list[str], parts: list[str], repeats: int) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield where each figure stands in the report, and the figure."""
    for name in cases if "compare" in parts else ():
        yield ("occlusion", name), compare(name, repeats)
    for name in cases if "agreement" in parts else ():
        yield ("agreement", name), agreement(name)
    if "cams" in parts:
        yield ("cam family, resnet-2d",), cams(repeats)
    if "growth" in parts:
        yield ("growth",), growth()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--parts", nargs="*", default=["compare", "agreement", "cams", "growth"])
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/explain.json, parts not run stay")
    arguments = parser.parse_args()

    report: dict[str, Any] = (load("explain") if arguments.save else None) or {}
    report["threads"] = torch.get_num_threads()
    for (part, *cases), found in measured(arguments.cases, arguments.parts, arguments.repeats):
        report |= {part: {**report.get(part, {}), cases[0]: found} if cases else found}
        print(part, *cases, json.dumps(found.get("at a tenth", found), indent=1), flush=True)
        if arguments.save:  # at once, as all of them take more than an hour
            save("explain", report)
    if arguments.save:
        plot(report, RESULTS)


if __name__ == "__main__":
    main()
