"""Run every check and test of the project, in the order in which a failure is cheapest to learn of.

``make test`` calls this inside the project's virtual environment. ``--only lint,types`` runs a part;
``--list`` names the parts.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PYTEST = [sys.executable, "-m", "pytest", "-q"]
#: More workers than this need more memory than a usual machine has: each holds networks of two frameworks.
WORKERS = min(4, os.cpu_count() or 1)


def run(*command: str | Path, env: dict[str, str] | None = None, cwd: Path = ROOT) -> bool:
    """Run one command in the project's folder and tell whether it succeeded."""
    print("$", *command, flush=True)
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **(env or {})}
    return subprocess.run([str(part) for part in command], cwd=cwd, env=environment, check=False).returncode == 0


def display(*command: str | Path) -> tuple[str | Path, ...]:
    """Give `command` a virtual screen where the machine has none (napari draws only on a real one)."""
    if os.environ.get("DISPLAY") or not shutil.which("xvfb-run"):
        return command
    return ("xvfb-run", "-a", "-s", "-screen 0 1280x1024x24", *command)


def lint() -> bool:
    return run(BIN / "ruff", "check", ".")


def formatting() -> bool:
    return run(BIN / "ruff", "format", "--check", ".")


def types() -> bool:
    return run(BIN / "mypy")


def imports() -> bool:
    return run(BIN / "lint-imports")


def widgets() -> bool:
    folder = ROOT / "widgets"
    installed = (folder / "node_modules").is_dir() or run(_npm(), "ci", "--no-audit", "--no-fund", cwd=folder)
    return installed and run(_npm(), "run", "check", cwd=folder) and run(_npm(), "test", cwd=folder)


def unit() -> bool:
    # a worker for each core, and a thread in each: two threads in one gain less
    options = ("-n", str(WORKERS), "--dist", "loadscope", "--ignore=tests/browser", "--ignore=tests/docs")
    return run(*display(*PYTEST, "tests", *options), env={"OMP_NUM_THREADS": "1"})


def docs() -> bool:
    return run(*PYTEST, "tests/docs")


def browser() -> bool:
    return run(*PYTEST, "tests/browser")


def notebooks() -> bool:
    # what the notebooks train is nothing to note in the settings of whoever runs the tests
    with tempfile.TemporaryDirectory(prefix="workbench-config-") as config:
        options = ("--nbmake", "--nbmake-timeout=900", "-o", "timeout=1200")
        return run(*PYTEST, *options, "notebooks", env={"WORKBENCH_CONFIG": config})


def wheel() -> bool:
    return run(sys.executable, ROOT / "tests" / "check_wheel.py")


def _npm() -> Path | str:
    bundled = BIN / "npm"
    return bundled if bundled.exists() else "npm"


PARTS: dict[str, Callable[[], bool]] = {
    "lint": lint,
    "format": formatting,
    "types": types,
    "imports": imports,
    "widgets": widgets,
    "unit": unit,
    "browser": browser,
    "notebooks": notebooks,
    "docs": docs,
    "wheel": wheel,
}
#: Begun when the first of them is due, and run side by side: a browser waits more than it works.
TOGETHER = {"browser", "notebooks"}


def timed(name: str) -> tuple[str, bool, float]:
    """Run a part; return its name, whether it succeeded, and its seconds."""
    started = time.monotonic()
    return name, PARTS[name](), time.monotonic() - started


class Aside:
    """A part that runs in a process of its own; what it prints is kept until it has finished."""

    def __init__(self, name: str) -> None:
        self.name, self._started = name, time.monotonic()
        self._output = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - closed in `finish`
        command = [sys.executable, __file__, "--only", name]
        self._process = subprocess.Popen(command, stdout=self._output, stderr=subprocess.STDOUT)

    def finish(self) -> tuple[str, bool, float]:
        """Wait, print, and return what `timed` does."""
        passed = self._process.wait() == 0
        seconds = time.monotonic() - self._started
        self._output.seek(0)
        sys.stdout.write(self._output.read().decode(errors="replace"))
        self._output.close()
        return self.name, passed, seconds


def main() -> int:
    """Run the parts asked for and print one line for each; 0 if all succeeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="comma-separated parts to run")
    parser.add_argument("--list", action="store_true", help="name the parts and stop")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(PARTS))
        return 0
    asked = arguments.only.split(",")
    for name in asked:
        if name not in PARTS:
            parser.error(f"unknown part {name!r}; valid: {', '.join(PARTS)}")
    results: list[tuple[str, bool, float]] = []
    beside: dict[str, Aside] = {}
    for name in asked:
        if name in TOGETHER and not beside:
            beside = {other: Aside(other) for other in asked if other in TOGETHER - {name}}
        print(f"\n=== {name} ===", flush=True)
        results.append(beside[name].finish() if name in beside else timed(name))
    print("\n=== summary ===")
    for name, passed, seconds in results:
        print(f"{'ok  ' if passed else 'FAIL'} {name:<10} {seconds:7.1f} s")
    failed = sum(not passed for _, passed, _ in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
