"""What it gains on a crowded machine, and costs on an idle one, that OpenMP's threads spin for a short while only.

    python benchmarks/thread_waiting.py

A thread that waits for the others spins before it sleeps. Spinning is a little faster where every thread has a core to
itself, and takes the cores from the threads that are waited for where it has not, as in a classroom's JupyterHub. The
same training steps are timed with GNU OpenMP's own setting and with that of a run's worker, taking turns: one process
alone, and four side by side.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

import _report

from workbench.frameworks._environment import BRIEF_SPINNING

ROUNDS, SECONDS = 5, 3.0
_STEPS = """
import sys, time, torch
from torch import nn
torch.manual_seed(0)
channels = [1, 8, 8, 8, 8, 8, 8]
pairs = zip(channels, channels[1:])
network = nn.Sequential(*(m for a, b in pairs for m in (nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU())))
pictures = torch.randn(8, 1, 64, 64)
for _ in range(3):
    network(pictures).mean().backward()
steps, start = 0, time.perf_counter()
while time.perf_counter() - start < float(sys.argv[1]):
    network(pictures).mean().backward()
    steps += 1
print((time.perf_counter() - start) / steps)
"""


def step_seconds(settings: dict[str, str], processes: int) -> float:
    """Return the mean seconds of a training step in as many processes side by side."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(os.cpu_count()), **settings}
    command = [sys.executable, "-c", _STEPS, str(SECONDS)]
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    return statistics.mean(float(process.communicate()[0]) for process in started)


def compare(processes: int) -> dict[str, float]:
    """Return the medians of both settings over rounds in which they take turns, and of their ratio."""
    rounds = [(step_seconds({}, processes), step_seconds(BRIEF_SPINNING, processes)) for _ in range(ROUNDS)]
    usual, ours = (statistics.median(column) for column in zip(*rounds, strict=True))
    return {
        "usual_ms": round(1000 * usual, 1),
        "ours_ms": round(1000 * ours, 1),
        "ours_over_usual": round(statistics.median(b / a for a, b in rounds), 2),
    }


def main() -> None:
    """Measure alone, then in company."""
    results = {"alone": compare(1), "four_side_by_side": compare(4)}
    print(results)
    _report.save("thread_waiting", results)


if __name__ == "__main__":
    main()
