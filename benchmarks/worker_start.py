"""From `wb.train(...)` to the end of the first step, in fresh processes, and how long the call keeps the caller.

    python benchmarks/worker_start.py

Targets: first step under 6 s, the call under 1 s.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time

import _report
import psutil

import workbench as wb

ROUNDS = 5


def measure(framework: str, folder: str) -> tuple[float, float, float]:
    """Return the seconds of the call, those until the first step was done, and the CPU seconds that took."""
    began = time.time()
    options = {"width": 4, "depth": 3, "batch_size": 2, "patch_size": [32, 32, 32], "epochs": 1}
    run = wb.train("3d-unet", data="phantom-ct", framework=framework, folder=folder, **options)
    called = time.time() - began
    while not (steps := [line for line in run.metrics() if line["kind"] == "step"]):
        if run.state not in ("created", "running"):
            raise SystemExit(f"{run!r}\n{run.log()}")
        time.sleep(0.05)
    used = psutil.Process(run.status["pid"]).cpu_times()
    run.stop().wait()
    return called, steps[0]["time"] - began, used.user + used.system


def median(rounds: list[tuple[float, ...]], place: int) -> float:
    """Return the median of one figure over the rounds."""
    return round(statistics.median(figures[place] for figures in rounds), 2)


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
                "call_seconds": median(rounds, 0),
                "first_step_seconds": median(rounds, 1),
                "first_step_cpu_seconds": median(rounds, 2),
                "first_step_seconds_of_rounds": [round(step, 2) for _, step, _ in rounds],
                "load_average": round(os.getloadavg()[0], 1),
            }
            print(framework, results[framework], flush=True)
    _report.save("worker_start", results)


if __name__ == "__main__":
    main()
