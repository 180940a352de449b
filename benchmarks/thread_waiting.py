"""What it costs that OpenMP's threads wait asleep, and what it gains on a machine that others use too.

    python benchmarks/thread_waiting.py

A thread that waits for the others either spins (OpenMP's default) or sleeps (`OMP_WAIT_POLICY=PASSIVE`, which the
worker of a run is started with). Spinning is a little faster where every thread has a core to itself, and takes the
cores from the threads that are waited for where it has not, as in a classroom's JupyterHub. The same training steps
are timed both ways, alone and beside as many busy processes as there are cores, taking turns.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

import _report

ROUNDS, SECONDS = 5, 4.0
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


def step_seconds(policy: str) -> float:
    """Return the seconds of a training step under a policy, in a process of its own."""
    environment = {**os.environ, "OMP_WAIT_POLICY": policy, "OMP_NUM_THREADS": str(os.cpu_count())}
    command = [sys.executable, "-c", _STEPS, str(SECONDS)]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def compare() -> dict[str, float]:
    """Return the medians of both policies over rounds in which they take turns, and their ratio."""
    rounds = [(step_seconds("ACTIVE"), step_seconds("PASSIVE")) for _ in range(ROUNDS)]
    active, passive = (statistics.median(column) for column in zip(*rounds, strict=True))
    return {
        "active_ms": round(1000 * active, 1),
        "passive_ms": round(1000 * passive, 1),
        "passive_over_active": round(statistics.median(b / a for a, b in rounds), 2),
    }


def main() -> None:
    """Measure alone, then in company."""
    alone = compare()
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        shared = compare()
    finally:
        for process in busy:
            process.kill()
    results = {"alone": alone, "beside_as_many_busy_processes_as_cores": shared}
    print(results)
    _report.save("thread_waiting", results)


if __name__ == "__main__":
    main()
