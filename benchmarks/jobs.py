"""Four trainings that are started at once: in the queue, against one after the other, and all at work together.

    python benchmarks/jobs.py [--jobs 4] [--epochs 3] [--save]

The peers are what a person would do without a queue: wait for each before the next is started, or let all begin, each
with as many threads as there are cores. Told are the seconds until each is done, from the moment of the first start.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from _report import save

import workbench as wb
from workbench.jobs.threads import available_cores

POSSIBLE = ("one after the other", "in the queue", "all together")


def run(how: str, jobs: int, epochs: int, data: Any) -> dict[str, Any]:
    cores = available_cores()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        limits = {"cores": cores * (jobs if how == "all together" else 1)}
        (folder / "settings.json").write_text(json.dumps({"jobs": limits}), encoding="utf-8")
        os.environ["WORKBENCH_CONFIG"] = name
        began, ended, runs = time.perf_counter(), [], []
        for _ in range(jobs):
            runs.append(
                wb.train(
                    "3d-unet", data, variant="small", epochs=epochs, batch_size=2, num_threads=cores, folder=folder
                )
            )
            if how == "one after the other":
                runs[-1].wait()
                ended.append(time.perf_counter() - began)
        while how != "one after the other" and len(ended) < jobs:
            done = sum(one.state == "finished" for one in runs)
            ended += [time.perf_counter() - began] * (done - len(ended))
            time.sleep(0.05)
        assert all(one.state == "finished" for one in runs), runs
    return {"seconds until each is done": [round(t, 1) for t in ended], "mean": round(sum(ended) / jobs, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/jobs.json")
    arguments = parser.parse_args()
    data = wb.datasets.load("phantom-ct", n=10, size=48)
    found = {}
    for how in POSSIBLE:
        found[how] = run(how, arguments.jobs, arguments.epochs, data)
        print(how, found[how], flush=True)
    last = {how: one["seconds until each is done"][-1] for how, one in found.items()}
    report = {
        "what": f"{arguments.jobs} trainings of a small 3d-unet, {arguments.epochs} epochs of phantoms of 48 voxels",
        **found,
        "last one done, as a share of one after the other": {
            how: round(value / last["one after the other"], 2) for how, value in last.items()
        },
        "load of the machine": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(report, indent=2))
    if arguments.save:
        save("jobs", report)


if __name__ == "__main__":
    main()
