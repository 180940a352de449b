"""What a viewer sends before the first picture, and in all: ours against sending the whole file.

Both sides run in this process and are measured up to the point where the bytes are ready for the websocket:

- ours: make the reduced grid, cut it into bricks, then all bricks of the full resolution;
- whole file: the voxels as one NIfTI file, as a single buffer (what ipyniivue and most viewers do), and as base64
  text in JSON (what viewers do that keep images in traits).

Run ``python benchmarks/viewer_transfer.py``; the result is written next to this file.
"""

from __future__ import annotations

import base64
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from workbench.volume import Volume
from workbench.widgets import Layer
from workbench.widgets.transfer import Parcel

RESULT = Path(__file__).with_name("viewer_transfer.json")
#: A thorax CT of 157 MB.
SHAPE = (512, 512, 300)
REPEATS = 3
#: A line on which the difference is felt: a hospital's wireless network.
MEGABITS = 50


def main() -> None:
    rng = np.random.default_rng(0)
    slab = rng.normal(40, 300, (*SHAPE[:2], 10)).astype(np.int16)
    data = np.asfortranarray(np.tile(slab, (1, 1, SHAPE[2] // 10)))
    ct = Volume(data, np.diag([0.7, 0.7, 1.0, 1.0]), unit="HU")
    rows = {
        "workbench, first picture": best(lambda: ours(ct, 0)),
        "workbench, full resolution": best(lambda: ours(ct, 1)),
        "whole file, one buffer": best(lambda: whole(ct)),
        "whole file, base64 in JSON": best(lambda: as_json(ct)),
    }
    for row in rows.values():
        row[f"seconds on the line at {MEGABITS} Mbit/s"] = round(row["bytes"] * 8 / (MEGABITS * 1e6), 2)
    result = {
        "volume": f"{SHAPE} int16, {data.nbytes / 1e6:.0f} MB",
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "repeats": REPEATS,
        "rows": rows,
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    for name, row in rows.items():
        print(f"{name:28s} {row}")


def best(measure: Callable[[], list[int]]) -> dict[str, Any]:
    """Return bytes, messages and the fastest time of `REPEATS`."""
    times, sizes = [], []
    for _ in range(REPEATS):
        start = time.perf_counter()
        sizes = measure()
        times.append(time.perf_counter() - start)
    return {
        "bytes": sum(sizes),
        "messages": len(sizes),
        "largest message": max(sizes),
        "seconds to make ready": round(min(times), 3),
        "slowest of the repeats": round(max(times), 3),
    }


def ours(volume: Volume, level: int) -> list[int]:
    parcel = Parcel(Layer(volume))
    return [len(parcel.brick(level, index)) for index in range(len(parcel.levels[level].bricks))]


def whole(volume: Volume) -> list[int]:
    return [352 + len(volume.data.tobytes(order="F"))]


def as_json(volume: Volume) -> list[int]:
    return [len(json.dumps({"data": base64.b64encode(volume.data.tobytes(order="F")).decode()}))]


if __name__ == "__main__":
    main()
