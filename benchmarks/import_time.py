"""What ``import workbench`` costs over a bare interpreter: median of fresh processes, taken in turn.

python benchmarks/import_time.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import _report

ROUNDS = 15
PROGRAMS = {"bare": "pass", "workbench": "import workbench", "numpy": "import numpy", "torch": "import torch"}


def seconds(program: str) -> float:
    """Return how long one fresh interpreter takes for `program`."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - started


def main() -> None:
    """Measure and write the result file."""
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(ROUNDS + 1):
        for name, program in PROGRAMS.items():
            times[name].append(seconds(program))
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}  # the first fills the disk cache
    over = {name: round(1000 * (value - medians["bare"]), 1) for name, value in medians.items() if name != "bare"}
    print(
        f"over a bare interpreter ({1000 * medians['bare']:.0f} ms): "
        + ", ".join(f"{k} {v} ms" for k, v in over.items())
    )
    _report.save("import_time", {"rounds": ROUNDS, "bare_ms": round(1000 * medians["bare"], 1), "over_bare_ms": over})


if __name__ == "__main__":
    main()
