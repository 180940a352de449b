"""A Region of 40 mm in a CT of 512x512x300 voxels, explained by a 3d-unet of the default width on two cores.

    python benchmarks/explain_large.py [--methods saliency grad-cam ...] [--size 512 512 300] [--limit 1800] [--save]

Each method runs in a process of its own. Told are the seconds until the first, coarse map and until the exact one, the
most memory that was in use, and what one window of `predict` takes by itself with its gradient ("window"), which the
memory is to be compared with. A method that is not done after `--limit` seconds is cancelled: then the seconds that
this takes are told, and the share that was done.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
from _report import load, machine, save

import workbench as wb
from workbench.frameworks import LinearScore

SPACING, REGION_MM = (0.7, 0.7, 1.0), 40.0
OPTIONS: dict[str, dict[str, Any]] = {
    "saliency": {},
    "grad-cam": {},
    "occlusion": {"window_mm": 40.0, "baseline": 0},
    "integrated-gradients": {"points": 2, "baseline": 0},
}


def peak() -> float:
    """Return the most memory that this process has had, in GB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2)


def one(method: str, size: list[int], limit: float, width: int) -> dict[str, Any]:
    model = wb.zoo.create("3d-unet", num_classes=2, width=width)
    if method == "window":
        image = np.zeros((1, 1, 96, 96, 96), np.float32)
        weights = np.ones((2, 96, 96, 96), np.float32)
        began, before = time.perf_counter(), peak()
        model.framework.input_gradient(model.module, image, LinearScore(weights))
        return {"seconds": round(time.perf_counter() - began, 1), "memory before": before, "memory, most": peak()}
    data = np.random.default_rng(0).integers(-1000, 1000, size, dtype=np.int16)
    volume = wb.Volume(data, np.diag([*SPACING, 1.0]), unit="HU")
    marks = np.zeros(size, np.uint8)
    half = [round(REGION_MM / mm / 2) for mm in SPACING]
    marks[tuple(slice(n // 2 - h, n // 2 + h) for n, h in zip(size, half, strict=True))] = 1
    region = wb.explain.Region(wb.Volume(marks, volume.affine, kind="labels"), 1)
    began, before = time.perf_counter(), peak()
    first: list[float] = []
    done: list[float] = []
    asked: list[float] = []
    cancel = threading.Event()

    def progress(fraction: float, shown: Any) -> None:
        done[:] = [fraction]
        if shown is not None and not first:
            first.append(round(time.perf_counter() - began, 1))

    def stop() -> None:
        asked.append(time.perf_counter())
        cancel.set()

    timer = threading.Timer(limit, stop)
    timer.daemon = True
    timer.start()
    found: dict[str, Any] = {"memory before": before}
    try:
        why = wb.explain(model, volume, method, region, progress=progress, cancel=cancel, **OPTIONS[method])
        found |= {"field": str(why.field), "parts": why.field.parts, "exact": why.field.exact}
        found["seconds"] = round(time.perf_counter() - began, 1)
    except wb.explain.Cancelled:
        found |= {"cancelled after": limit, "seconds until cancelled": round(time.perf_counter() - asked[0], 2)}
        found["share done"] = done[0]
    return {"seconds to the first map": first[0] if first else None, **found, "memory, most": peak()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", default=["window", *OPTIONS], choices=["window", *OPTIONS])
    parser.add_argument("--size", nargs=3, type=int, default=[512, 512, 300])
    parser.add_argument("--limit", type=float, default=1800)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/explain_large.json")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(given.one, given.size, given.limit, given.width)))
        return
    results = load("explain_large") or {}
    for method in given.methods:
        same = ["--size", *map(str, given.size), "--limit", str(given.limit), "--width", str(given.width)]
        ran = subprocess.run(
            [sys.executable, __file__, "--one", method, *same], check=True, stdout=subprocess.PIPE, text=True
        )
        measured = {"date": machine()["date"], "size": given.size, "width": given.width}
        results[method] = {**json.loads(ran.stdout.splitlines()[-1]), **OPTIONS.get(method, {}), **measured}
        print(method, results[method], flush=True)
        if given.save:
            save("explain_large", results)


if __name__ == "__main__":
    main()
