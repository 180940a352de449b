"""From `wb.train(...)` to the end of the first step, in fresh processes, and how long the call keeps the caller.

    python benchmarks/worker_start.py

Targets: first step under 6 s, the call under 1 s.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time

import _report

import workbench as wb

ROUNDS = 5


def measure(framework: str, folder: str) -> tuple[float, float]:
    """Return the seconds of the call, and those until the first step was done."""
    began = time.time()
    options = {"width": 4, "depth": 3, "batch_size": 2, "patch_size": [32, 32, 32], "epochs": 1}
    run = wb.train("3d-unet", data="phantom-ct", framework=framework, folder=folder, **options)
    called = time.time() - began
    while not (steps := [line for line in run.metrics() if line["kind"] == "step"]):
        if run.state not in ("created", "running"):
            raise SystemExit(f"{run!r}\n{run.log()}")
        time.sleep(0.05)
    run.stop().wait()
    return called, steps[0]["time"] - began


def main() -> None:
    """Measure and write the result file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("frameworks", nargs="*", default=["torch", "mindspore"])
    results = _report.load("worker_start") or {}
    with tempfile.TemporaryDirectory() as folder:
        for framework in parser.parse_args().frameworks:
            rounds = [measure(framework, folder) for _ in range(ROUNDS)]
            results[framework] = {
                "rounds": ROUNDS,
                "call_seconds": round(statistics.median(call for call, _ in rounds), 2),
                "first_step_seconds": round(statistics.median(step for _, step in rounds), 2),
                "first_step_seconds_of_rounds": [round(step, 2) for _, step in rounds],
            }
            print(framework, results[framework], flush=True)
    _report.save("worker_start", results)


if __name__ == "__main__":
    main()
