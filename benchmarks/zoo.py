"""Whether every algorithm of the zoo learns, on both frameworks, and what it costs.

    python benchmarks/zoo.py                       # everything that has no figures yet
    python benchmarks/zoo.py cd-net u-csrnet       # these, again
    python benchmarks/zoo.py --framework torch --part cost

Each is trained through ``wb.train`` with its default recipe but for what `_zoo_cases.py` changes (epochs, mostly), in a
configuration that two cores can train in minutes, on real data where `WORKBENCH_DATA` has some for the task. The same
metric is taken of a naive baseline (`_baselines.py`); the margin by which it must be beaten is stated with the case.
With `folds`, the figures are means over as many trainings, each tested as its last epoch left it: so few pictures are
better learnt from than used to pick an epoch. Every run is a process of its own, so that memory is its own.
What was measured is kept by `_zoo_results.py`; `docs/zoo.md` and the measured figures of the cards are made from it,
``--page`` does only that.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _zoo_cards
import _zoo_page
import _zoo_results
import numpy as np
from _baselines import baseline
from _zoo_cases import CASES, algorithm_of

import workbench as wb
from workbench import datasets, zoo
from workbench.errors import choose
from workbench.training.batches import Samples
from workbench.transforms import Preprocess

SEED = 0
#: Training steps that are timed.
STEPS = 5


def run_score(name: str, framework: str) -> dict[str, Any]:
    """Train and test one algorithm on one framework, in a worker process; once per fold."""
    case = CASES[name]
    parts = [_train_and_test(name, data, framework) for data in _divisions(case)]
    scores = {key: float(np.mean([part.scores[key] for part in parts])) for key in parts[0].scores}
    return {
        "data": case["data"][0],
        "task": zoo.algorithm(algorithm_of(name)).task.kind,
        "options": case["options"],
        "recipe": case["train"],
        "metric": case["metric"],
        "score": round(scores[case["metric"]], 4),
        "scores": {key: round(value, 4) for key, value in scores.items()},
        **({"folds": [round(part.scores[case["metric"]], 4) for part in parts]} if "folds" in case else {}),
        # of one training, the longest
        "train_cpu_seconds": max(round(part.cpu_seconds) for part in parts),
        "train_wall_seconds": max(round(part.wall_seconds) for part in parts),
        "log": [
            {**({"fold": n} if "folds" in case else {}), **line} for n, part in enumerate(parts) for line in part.log
        ],
    }


@dataclass(frozen=True)
class Training:
    """What one training came to: scores on the test cases, what it took, and what each epoch logged."""

    scores: dict[str, float]
    cpu_seconds: float
    wall_seconds: float
    log: list[dict[str, Any]]


def _train_and_test(name: str, data: Any, framework: str) -> Training:
    with tempfile.TemporaryDirectory() as folder:
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        run = _trained(name, data, framework, folder, **CASES[name]["train"])
        after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - started
        found = run.evaluate("test")
        epochs = [line for line in run.metrics() if line["kind"] == "epoch"]
    return Training(
        scores={key: value for key, value in found.items() if isinstance(value, float)},
        cpu_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        wall_seconds=wall,
        log=[{key: value for key, value in line.items() if key not in ("kind", "time")} for line in epochs],
    )


def _divisions(case: dict[str, Any]) -> list[Any]:
    """Return the data set with its own splits; with `folds`, once per fold: each case is tested in exactly one.

    The cases of the other folds are all learnt from.
    """
    name, options = case["data"]
    data = datasets.load(name, **options)
    if "folds" not in case:
        return [data]
    parts = [list(part) for part in data.split({str(n): 1 for n in range(case["folds"])}, seed=SEED).splits.values()]
    divided = []
    for turn, test in enumerate(parts):
        others = [index for part in parts[turn + 1 :] + parts[:turn] for index in part]
        divided.append(data.with_splits({"train": others, "val": [], "test": test}))
    return divided


def run_cost(name: str, framework: str) -> dict[str, Any]:
    """Time a few training steps and predictions; the machine should have nothing else to do."""
    case = CASES[name]
    data = _divisions(case)[0]
    default = zoo.algorithm(algorithm_of(name)).plan()
    batch = case["train"].get("batch_size", default["batch_size"])
    patches = case["train"].get("patches_per_sample", 1)
    splits = {"train": data.splits["train"][: -(-STEPS * batch // patches)], "val": data.splits["val"][:1]}
    with tempfile.TemporaryDirectory() as folder:
        changes = {**case["train"], "epochs": 2, "splits": splits, "log_every": 1}
        run = _trained(name, data, framework, folder, **changes)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        # those of the second epoch: the samples are in memory by then, and what is made once is made
        steps = [line["seconds"] for line in run.metrics() if line["kind"] == "step" and line["epoch"] == 2]
        model = run.model("last")
    sample = data[data.splits["test"][0]]["image"]
    model.predict(sample)
    waits = []
    for _ in range(5):
        began = time.perf_counter()
        model.predict(sample)
        waits.append(time.perf_counter() - began)
    return {
        "step_seconds": round(float(np.median(steps)), 4),
        "inference_seconds": round(float(np.median(waits)), 4),
        "peak_memory_mb": round(peak / (1024 if sys.platform != "darwin" else 1024**2)),
        "parameters": model.num_parameters,
        "macs": _macs(model, sample) if framework == "torch" else None,
    }


def _trained(name: str, data: Any, framework: str, folder: str, **changes: Any) -> Any:
    options = CASES[name]["options"]
    run = wb.train(algorithm_of(name), data=data, framework=framework, seed=SEED, folder=folder, **options, **changes)
    run.wait()
    if run.state != "finished":
        raise SystemExit(f"{run!r}\n{run.log()}")
    _reap()
    return run


def _reap() -> None:
    """Wait until the worker is gone: what it used is only counted then."""
    for _ in range(600):
        try:
            if os.waitpid(-1, os.WNOHANG)[0]:
                return
        except ChildProcessError:
            return
        time.sleep(0.1)


def _macs(model: Any, image: Any) -> int:
    """Return the multiply-accumulates of one prediction (convolutions, linear layers, attention)."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model.predict(image)
    return int(counter.get_total_flops() // 2)


def run_baseline(name: str) -> dict[str, Any]:
    """Score the naive answer on the same test cases."""
    case, scores = CASES[name], []
    task = zoo.algorithm(algorithm_of(name)).task
    for data in _divisions(case):
        what, answer = baseline(data.subset("train"))
        metrics = task.metrics(data.classes)
        samples = Samples(data, Preprocess(), task)
        for index in data.splits["test"]:
            raw = samples.raw(index)
            metrics.update(answer(raw["image"]), raw["label"])
        scores.append(metrics.compute()[case["metric"]])
    return {"what": what, "score": round(float(np.mean(scores)), 4), "margin": case["margin"]}


def main() -> None:
    """Run what the command line asks for, each in a process of its own; write the results after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="algorithms; all that have no figures yet when left out")
    parser.add_argument("--framework", choices=["torch", "mindspore"], nargs="*", default=["torch", "mindspore"])
    parser.add_argument("--part", choices=list(PARTS), nargs="*", default=list(PARTS), help="what to measure")
    parser.add_argument("--page", action="store_true", help="only write docs/zoo.md and the cards")
    parser.add_argument("--one", metavar="WHAT", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        part, *framework = arguments.one.split("-")
        print("RESULT " + json.dumps(PARTS[part](arguments.names[0], *framework)))
        return
    for name in arguments.names:
        choose(name, CASES, "case")
    results = _zoo_results.load(CASES)
    wanted = [
        what
        for part in arguments.part
        for what in ([part] if part == "baseline" else [f"{part}-{framework}" for framework in arguments.framework])
    ]
    for name in [] if arguments.page else arguments.names or CASES:
        entry = results[name]
        for what in wanted:
            if what in entry and not arguments.names:
                continue
            made = _in_own_process(name, what)
            if made is not None:
                _zoo_results.record(name, what, made)
                print(name, what, {key: made[key] for key in SHOWN if key in made}, flush=True)
    results = _zoo_results.load(CASES)
    _zoo_page.write(results, Path(__file__).parents[1] / "docs" / "zoo.md")
    _zoo_cards.write(results)


def _in_own_process(name: str, what: str) -> dict[str, Any] | None:
    command = [sys.executable, __file__, name, "--one", what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            found: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
            return found
    print(f"{name} {what} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}", flush=True)
    return None


PARTS: dict[str, Any] = {"baseline": run_baseline, "score": run_score, "cost": run_cost}
SHOWN = ("score", "folds", "train_cpu_seconds", "step_seconds", "inference_seconds", "peak_memory_mb")

if __name__ == "__main__":
    main()
