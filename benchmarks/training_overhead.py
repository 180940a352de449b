"""What the training loop adds to a step: its time beside that of the same loop written by hand, in one process.

    python benchmarks/training_overhead.py

The two take turns, so that whatever else the machine does falls on both. Same network, loss, optimiser, batches and
threads, samples prepared and in memory; the loop adds what a run needs: metrics, status, asking whether to stop,
batches made ahead.
Target: within 5 %.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import _report
import numpy as np
import torch

from workbench import datasets, zoo
from workbench.jobs.threads import available_cores
from workbench.training import Recipe, fit
from workbench.training.batches import Batches, Samples
from workbench.training.composing import compose
from workbench.transforms import Preprocess
from workbench.volume import Volume

# Many short rounds: the speed of a shared machine drifts over minutes, and each round compares within seconds.
ROUNDS, STEPS, BATCH = 15, 20, 2
SIZE = (32, 32, 32)


def make_recipe(folder: Path) -> Recipe:
    """Return a recipe for two epochs on noise: what is learned does not matter to its speed."""
    rng = np.random.default_rng(0)
    samples = []
    for number in range(STEPS * BATCH):
        image = Volume(rng.normal(size=SIZE).astype(np.float32))
        label = Volume((rng.random(SIZE) > 0.5).astype(np.uint8), kind="labels")
        samples.append({"id": str(number), "image": image, "label": label, "patient": None})
    made = datasets.from_list(samples, task="segmentation", classes=("background", "thing"))
    data = datasets.from_spec(made.with_splits({"train": range(len(samples))}).save(folder / "data"))
    options = {"width": 8, "depth": 3, "epochs": 2, "batch_size": BATCH, "num_threads": available_cores()}
    return compose("3d-unet", data, {"schedule": "constant", **options})[0]


def by_hand(recipe: Recipe, arrays: list[tuple[Any, Any]]) -> float:
    """Return the seconds of a step of the plainest loop."""
    model = zoo.create(recipe.algorithm, classes=("background", "thing"), **recipe.options)
    network, loss = model.module, model.task.make_loss(**recipe.loss)(torch.nn, torch.nn.functional, torch)
    spec = recipe.optimizer
    optimizer = torch.optim.AdamW(network.parameters(), lr=spec.lr, weight_decay=spec.weight_decay, fused=True)
    network.train()
    marks, total = [], 0.0
    for start in range(0, len(arrays), BATCH):
        images, labels = zip(*arrays[start : start + BATCH], strict=True)
        outputs = network(torch.from_numpy(np.stack(images)))
        value = loss(outputs, {"label": torch.from_numpy(np.stack(labels))})["loss"]
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.grad_clip)
        optimizer.step()
        total += value.item()
        marks.append(time.time())
    return per_step(marks)


def by_workbench(recipe: Recipe, folder: Path) -> float:
    """Return the seconds of a step of a run."""
    run = fit(recipe, folder)
    assert run.state == "finished", run
    # The first epoch reads and prepares the samples, which the other loop was given ready.
    return per_step([line["time"] for line in run.metrics() if line["kind"] == "step" and line["epoch"] == 2])


def per_step(marks: list[float]) -> float:
    """Return the median time between two steps; the first ones warm up."""
    return statistics.median(np.diff(marks)[5:])


def main() -> None:
    """Measure and write the result file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recipe = make_recipe(folder)
        torch.set_num_threads(available_cores())
        samples = Samples(datasets.from_spec(recipe.data), Preprocess(recipe.preprocess), zoo.algorithm("3d-unet").task)
        order = Batches(samples, zoo.algorithm("3d-unet").task, None, recipe).order(0)
        arrays = [(samples[index].image.array, samples[index].label) for index, _ in order]
        rounds = []
        by_workbench(recipe, folder / "warm-up")
        by_hand(recipe, arrays)
        for number in range(ROUNDS):
            turns = [lambda: by_hand(recipe, arrays), lambda n=number: by_workbench(recipe, folder / f"run{n}")]
            # Who goes first changes, so that neither has the warmer machine.
            hand, ours = (turn() for turn in turns) if number % 2 else reversed([turn() for turn in reversed(turns)])
            rounds.append((hand, ours))
            print(f"by hand {1000 * hand:.2f} ms, workbench {1000 * ours:.2f} ms, {ours / hand - 1:+.1%}", flush=True)
    ratios = [ours / hand for hand, ours in rounds]
    results = {
        "rounds": ROUNDS,
        "steps": STEPS,
        "by_hand_ms": round(1000 * statistics.median(hand for hand, _ in rounds), 2),
        "workbench_ms": round(1000 * statistics.median(ours for _, ours in rounds), 2),
        "overhead_percent": round(100 * (statistics.median(ratios) - 1), 1),
        "load_average": round(os.getloadavg()[0], 1),
        "overhead_percent_of_rounds": [round(100 * (ratio - 1), 1) for ratio in ratios],
    }
    print(results)
    _report.save("training_overhead", results)


if __name__ == "__main__":
    main()
