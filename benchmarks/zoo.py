"""Whether every algorithm of the zoo learns, on both frameworks, and what it costs.

    python benchmarks/zoo.py                       # everything that has no figures yet
    python benchmarks/zoo.py cd-net u-csrnet       # these, again
    python benchmarks/zoo.py --framework torch

Each is trained through ``wb.train`` with its default recipe, in a configuration that two cores can train in minutes, on
real data where `WORKBENCH_DATA` has some for the task. The same metric is taken of a naive baseline (`_baselines.py`);
the margin by which it must be beaten is stated beside it. Every run is a process of its own, so that memory is its own.
`docs/zoo.md` is made from the result file by ``python benchmarks/zoo.py --page``.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import _report
import _zoo_page
import numpy as np
from _baselines import baseline

import workbench as wb
from workbench import datasets, zoo
from workbench.training.batches import Samples
from workbench.transforms import Preprocess

SMALL = {"variant": "small"}
CT = {"data": ("covid-ct", {})}
CELLS = {"data": ("blood-cells", {"task": "detection"}), "metric": "map50", "margin": 0.1}
NUCLEI = {"data": ("nuclei-dsb2018", {}), "metric": "aji", "margin": 0.02, "train": {"patches_per_sample": 4}}
HEADS = {"data": ("fetal-heads", {}), "metric": "dice", "margin": 0.05}
QUARTER = {"preprocess": {"size": [240, 320]}}

#: Per algorithm: data and its options, how it is made small enough, changes to its default recipe, the metric, and by
#: how much the baseline must be beaten.
CASES: dict[str, dict[str, Any]] = {
    "covid-resnet": {**CT, "options": {"depth": 18}, "train": {"epochs": 2}, "metric": "auc", "margin": 0.3},
    "covid-transformer": {
        **CT,
        "options": {**SMALL, "patch": 8, "image_size": 64},
        "train": {"epochs": 8},
        "metric": "auc",
        "margin": 0.3,
    },
    "u-csrnet": {
        "data": ("phantom-cells", {"task": "points"}),
        "options": SMALL,
        "train": {"epochs": 12},
        "metric": "f1",
        "margin": 0.1,
    },
    "mtcsn": {
        "data": ("phantom-xray", {"task": "joint", "n": 200}),
        "options": {**SMALL, "tissues": 4},
        "train": {"epochs": 12},
        "metric": "dice",
        "margin": 0.1,
    },
    "2d-unet": {
        "data": ("covid-ct", {"task": "segmentation"}),
        "options": {"width": 16, "depth": 4},
        "train": {"epochs": 4, "batch_size": 16},
        "metric": "dice",
        "margin": 0.15,
    },
    "lod-net": {
        "data": ("covid-ct", {"task": "segmentation"}),
        "options": SMALL,
        "train": {"epochs": 4, "batch_size": 16},
        "metric": "dice",
        "margin": 0.15,
    },
    "han-net": {**NUCLEI, "options": SMALL, "train": {**NUCLEI["train"], "epochs": 12}},
    "cd-net": {**NUCLEI, "options": SMALL, "train": {**NUCLEI["train"], "epochs": 12}},
    "3d-unet": {
        "data": ("hippocampus", {}),
        "options": {"width": 8},
        "train": {"epochs": 3, "batch_size": 2},
        "metric": "dice",
        "margin": 0.05,
    },
    "unetr": {
        "data": ("hippocampus", {}),
        "options": SMALL,
        "train": {"epochs": 6, "batch_size": 2, "patch_size": [48, 48, 48]},
        "metric": "dice",
        "margin": 0.02,
    },
    "weakly-lesion-localisation": {
        "data": ("covid-ct", {"task": "localisation"}),
        "options": SMALL,
        "train": {"epochs": 2},
        "metric": "pr_auc",
        "margin": 0.02,
    },
    "ts-cam": {
        "data": ("covid-ct", {"task": "localisation"}),
        "options": {**SMALL, "image_size": 64},
        "train": {"epochs": 8, "batch_size": 32},
        "metric": "pr_auc",
        "margin": 0.02,
    },
    "lung-nodules-detection": {**CELLS, "options": SMALL, "train": {"epochs": 10, **QUARTER}},
    "lung-nodule-cnn": {**CELLS, "options": {"variant": "n"}, "train": {"epochs": 10, **QUARTER}},
    "lung-nodule-transformer": {
        "data": ("phantom-cells", {"task": "detection"}),
        "options": SMALL,
        "train": {"epochs": 200, "validate_every": 10},
        "metric": "map50",
        "margin": 0.02,
    },
    "ellipsenet-fit": {
        **HEADS,
        "options": SMALL,
        "train": {"epochs": 12, "preprocess": {"size": [128, 192]}},
    },
    "ellipsenet": {**HEADS, "options": SMALL, "train": {"epochs": 30, "preprocess": {"size": [128, 192]}}},
}
SEED = 0


def run_case(name: str, framework: str) -> dict[str, Any]:
    """Train, test and time one algorithm on one framework, in this process and its worker."""
    case = CASES[name]
    data = datasets.load(case["data"][0], **case["data"][1])
    with tempfile.TemporaryDirectory() as folder:
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        run = wb.train(
            name, data=data, framework=framework, seed=SEED, folder=folder, **case["options"], **case["train"]
        )
        run.wait()
        after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - started
        if run.state != "finished":
            raise SystemExit(f"{run!r}\n{run.log()}")
        lines = [line for line in run.metrics() if line["kind"] == "step"]
        scores = run.evaluate("test", epoch="best")
        model = run.model("best")
        log = [line for line in run.metrics() if line["kind"] == "epoch"]
    sample = data[data.splits["test"][0]]["image"]
    model.predict(sample)
    waits = []
    for _ in range(5):
        began = time.perf_counter()
        model.predict(sample)
        waits.append(time.perf_counter() - began)
    return {
        "data": data.name,
        "task": data.task,
        "options": case["options"],
        "recipe": case["train"],
        "metric": case["metric"],
        "score": round(float(scores[case["metric"]]), 4),
        "scores": {key: round(value, 4) for key, value in scores.items() if isinstance(value, float)},
        "step_seconds": round(float(np.median([line["seconds"] for line in lines])), 4),
        "inference_seconds": round(float(np.median(waits)), 4),
        "train_cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime),
        "train_wall_seconds": round(wall),
        "peak_memory_mb": round(after.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)),
        "parameters": model.num_parameters,
        "macs": _macs(model, sample) if framework == "torch" else None,
        "log": [{key: value for key, value in line.items() if key not in ("kind", "time")} for line in log],
    }


def _macs(model: Any, image: Any) -> int:
    """Return the multiply-accumulates of one prediction (convolutions, linear layers, attention)."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model.predict(image)
    return int(counter.get_total_flops() // 2)


def run_baseline(name: str) -> dict[str, Any]:
    """Score the naive answer on the same test cases."""
    case = CASES[name]
    data = datasets.load(case["data"][0], **case["data"][1])
    what, answer = baseline(data.subset("train"))
    task = zoo.algorithm(name).task
    metrics = task.metrics(data.classes)
    samples = Samples(data, Preprocess(), task)
    for index in data.splits["test"]:
        raw = samples.raw(index)
        metrics.update(answer(raw["image"]), raw["label"])
    return {"what": what, "score": round(float(metrics.compute()[case["metric"]]), 4), "margin": case["margin"]}


def main() -> None:
    """Run what the command line asks for, each in a process of its own; write the results after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="algorithms; all that have no figures yet when left out")
    parser.add_argument("--framework", choices=["torch", "mindspore"], nargs="*", default=["torch", "mindspore"])
    parser.add_argument("--page", action="store_true", help="write docs/zoo.md from the result file and stop")
    parser.add_argument("--one", metavar="PART", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        made = (
            run_baseline(arguments.names[0])
            if arguments.one == "baseline"
            else run_case(arguments.names[0], arguments.one)
        )
        print("RESULT " + json.dumps(made))
        return
    results = _report.load("zoo") or {}
    if not arguments.page:
        for name in arguments.names or CASES:
            entry = results.setdefault(name, {})
            for part in ("baseline", *arguments.framework):
                if part in entry and not arguments.names:
                    continue
                made = _in_own_process(name, part)
                if made is not None:
                    entry[part] = made
                    shown = {key: made.get(key) for key in ("score", "train_cpu_seconds", "step_seconds")}
                    print(name, part, shown, flush=True)
                    _report.save("zoo", results)
    _zoo_page.write(results, Path(__file__).parents[1] / "docs" / "zoo.md")


def _in_own_process(name: str, part: str) -> dict[str, Any] | None:
    command = [sys.executable, __file__, name, "--one", part]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            found: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
            return found
    print(f"{name} {part} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}", flush=True)
    return None


if __name__ == "__main__":
    main()
