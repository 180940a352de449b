"""Train the small models that this folder ships: one for every family of tasks, each on a phantom.

    python data/weights/make.py                 # those that are not here yet
    python data/weights/make.py u-csrnet        # this one, again

The pictures are computed, so nobody's rights or data are in the weights. `index.json` says what each file is and how it
did on phantoms that it was not trained on; README.md is made from it.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import workbench as wb
from workbench.zoo import algorithm

FOLDER = Path(__file__).parent
INDEX = FOLDER / "index.json"
README = FOLDER / "README.md"

_CELLS = {"data": "phantom-cells", "n": 120, "size": [64, 64], "cells": [3, 8]}
_RAY = {"data": "phantom-xray", "n": 240, "size": [64, 64]}
# a class alone tells so little that the lesions have to be large
_LARGE = {**_RAY, "n": 500, "lesion_size": [30.0, 50.0]}

#: Algorithm -> what it is trained on, how it is made small, what changes in its default recipe, and the metric told.
DEMOS: dict[str, dict[str, Any]] = {
    "covid-resnet": {
        **_LARGE,
        "task": "classification",
        "options": {"variant": "small", "width": 8},
        "recipe": {"epochs": 30, "batch_size": 16},
        "metric": "auc",
    },
    "2d-unet": {
        **_RAY,
        "task": "segmentation",
        "options": {"width": 8, "depth": 4},
        "recipe": {"epochs": 30, "batch_size": 8},
        "metric": "dice",
    },
    "3d-unet": {
        "data": "phantom-ct",
        "n": 60,
        "size": [48, 48, 48],
        "task": "segmentation",
        "options": {"width": 8, "depth": 4},
        "recipe": {"epochs": 50, "batch_size": 2},
        "metric": "dice",
    },
    "cd-net": {
        **_CELLS,
        "task": "instances",
        "options": {"width": 8},
        "recipe": {"epochs": 30},
        "metric": "aji",
    },
    "u-csrnet": {
        "data": "phantom-cells",
        "n": 120,
        "task": "points",
        "options": {"variant": "small"},
        "recipe": {"epochs": 20},
        "metric": "f1",
    },
    "lung-nodules-detection": {
        **_CELLS,
        "task": "detection",
        "options": {"backbone": "dla-34", "width": 8, "head_channels": 32},
        "recipe": {"epochs": 40},
        "metric": "map50",
    },
    "ellipsenet-fit": {
        **_CELLS,
        "cells": [1, 1],
        "radius": [10.0, 20.0],
        "task": "ellipses",
        "options": {"width": 8, "depth": 4},
        "recipe": {"epochs": 25},
        "metric": "dice",
    },
    # a transformer has to learn even that neighbours belong together: more pictures, larger lesions
    "ts-cam": {
        **_LARGE,
        "n": 1500,
        "lesion_size": [40.0, 60.0],
        "task": "localisation",
        "options": {"variant": "small", "image_size": 64},
        "recipe": {"epochs": 40},
        "metric": "pr_auc",
    },
    "mtcsn": {
        **_LARGE,
        "task": "joint",
        "options": {"variant": "small", "width": 8, "decoder_width": 16, "tissues": 4},
        "recipe": {"epochs": 40},
        "metric": "dice",
    },
}
SEED = 0


def train(name: str) -> dict[str, Any]:
    """Train one of `DEMOS`, write its file, and return its entry of the index."""
    demo = DEMOS[name]
    asked = {key: value for key, value in demo.items() if key not in ("data", "options", "recipe", "metric")}
    data = wb.datasets.load(demo["data"], **asked)
    with tempfile.TemporaryDirectory() as folder:
        run = wb.train(name, data=data, seed=SEED, folder=folder, **demo["options"], **demo["recipe"])
        run.wait()
        if run.state != "finished":
            raise SystemExit(f"{run!r}\n{run.log()}")
        scores = run.evaluate("test", epoch="best")
        model = run.model("best")
        file = model.save(FOLDER / f"{name}-{demo['data']}.safetensors")
    return {
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "bytes": file.stat().st_size,
        "parameters": model.num_parameters,
        "task": algorithm(name).task.kind,
        "data": {"name": demo["data"], **asked},
        "metric": demo["metric"],
        "test": round(float(scores[demo["metric"]]), 3),
    }


def write_readme(index: dict[str, dict[str, Any]]) -> None:
    """Write the table of the index between the marks in README.md."""
    rows = [
        "| file | task | trained on | score on the phantoms held out | parameters | MB |",
        "|---|---|---|---|---|---|",
    ]
    for name in sorted(index):
        entry = index[name]
        score = f"{entry['metric']} {entry['test']:.3f}"
        size = f"{entry['bytes'] / 1e6:.1f}"
        cells = [f"`{entry['file']}`", entry["task"], entry["data"]["name"], score, f"{entry['parameters']:,}", size]
        rows.append(f"| {' | '.join(cells)} |")
    start, end = "<!-- table -->", "<!-- end of table -->"
    head, rest = README.read_text("utf-8").split(start)
    README.write_text(head + start + "\n\n" + "\n".join(rows) + "\n\n" + end + rest.split(end)[1], "utf-8")


def main() -> None:
    """Train what is asked for, or what is missing, and write the index and the table after each."""
    index = json.loads(INDEX.read_text("utf-8")) if INDEX.exists() else {}
    for name in sys.argv[1:] or [name for name in DEMOS if name not in index]:
        index[name] = train(name)
        print(name, index[name]["metric"], index[name]["test"], flush=True)
        INDEX.write_text(json.dumps(index, indent=1, sort_keys=True) + "\n", "utf-8")
        write_readme(index)


if __name__ == "__main__":
    main()
