"""The process that makes a few training steps to be measured: ``python -m workbench.training.probe FOLDER``.

It prints a line of JSON after each step: how many cases, how long, and the most memory that the process ever had.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import numpy as np

from workbench.errors import InputError
from workbench.training.recipe import Recipe

#: Cases of each step. The first of each kind warms up; the larger come last, as the peak of memory never falls.
_STEPS = (1, 1, 1, 2, 2)
#: For networks that cannot train on a single case: their batch norms would see one value per channel.
_STEPS_OF_MORE = (2, 2, 2, 4, 4)


def main(folder: Path) -> None:
    """Make the steps that `workbench.training.estimate` has laid out in `folder`."""
    from workbench.training.assembly import configure, make_model, make_trainer

    recipe = Recipe.read(folder / "recipe.json")
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    configure(recipe)
    trainer = make_trainer(make_model(recipe, facts["in_channels"], facts["classes"]), recipe)
    with np.load(folder / "batch.npz", allow_pickle=False) as stored:
        arrays = dict(stored)

    def step(cases: int) -> None:
        batch = {name: np.repeat(array, cases, axis=0) for name, array in arrays.items()}
        targets = {name.removeprefix("target."): array for name, array in batch.items() if name != "inputs"}
        began = time.perf_counter()
        trainer.step(batch["inputs"], targets, step_seed=0, lr=recipe.optimizer.lr)
        seconds = time.perf_counter() - began
        print(json.dumps({"cases": cases, "seconds": seconds, "peak": peak_memory()}), flush=True)  # noqa: T201

    try:
        step(1)
        sizes: tuple[int, ...] = _STEPS[1:]
    except InputError:
        sizes = _STEPS_OF_MORE
    for cases in sizes:
        step(cases)


def peak_memory() -> int:
    """Return the most main memory that this process ever had, in bytes."""
    if sys.platform == "linux":
        # what `getrusage` tells begins with the memory of the process that started this one; a sandbox may hide this
        told = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text(encoding="utf-8"))
        if told:
            return 1024 * int(told[1])
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    else:  # noqa: RET505 - mypy looks at one platform at a time
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
