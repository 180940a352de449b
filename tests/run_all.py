"""Run every check and test of the project, in the order in which a failure is cheapest to learn of.

``make test`` calls this inside the project's virtual environment. ``--only lint,types`` runs a part;
``--list`` names the parts; ``--slow`` (``make test SLOW=1``) runs the tests that are marked slow, too.
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
#: Printed before a line for each part.
SUMMARY = "\n=== summary ==="
PYTEST = [sys.executable, "-m", "pytest", "-q"]
#: Set where the tests that are marked slow are to run, too.
SLOW = "WORKBENCH_SLOW_TESTS"
#: More workers than this need more memory than a usual machine has: each holds networks of two frameworks.
WORKERS = min(4, os.cpu_count() or 1)
#: Where several processes compute side by side: threads that wait for each other keep the cores from those that work
#: (two notebooks beside two browsers took 103 s in place of 217).
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


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
    options = ("-n", str(WORKERS), "--dist", "loadscope", "--ignore=tests/browser", "--ignore=tests/docs", *_marked())
    return run(*display(*PYTEST, "tests", *options), env=ONE_THREAD)


def _marked() -> tuple[str, ...]:
    return () if os.environ.get(SLOW) else ("-m", "not slow")


def docs() -> bool:
    return run(*PYTEST, "tests/docs")


def browser() -> bool:
    # each worker has a JupyterLab and a browser of its own, and waits for them half of the time
    return run(*PYTEST, "tests/browser", "-n", str(min(2, WORKERS)), *_marked(), env=ONE_THREAD)


def notebooks() -> bool:
    # what the notebooks train is nothing to note in the settings of whoever runs the tests
    with tempfile.TemporaryDirectory(prefix="workbench-config-") as config:
        options = ("-p", "nbmake", "--nbmake", "--nbmake-timeout=900", "-o", "timeout=1200")
        return run(*PYTEST, *options, "notebooks", env={"WORKBENCH_CONFIG": config, **ONE_THREAD})


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
#: Begun with a part and run beside it, one after the other: types keep one core busy, and a browser waits more than it
#: works.
BESIDE = {"types": ("widgets",), "browser": ("notebooks", "docs", "wheel")}


def timed(name: str) -> tuple[str, bool, float]:
    """Run a part; return its name, whether it succeeded, and its seconds."""
    started = time.monotonic()
    return name, PARTS[name](), time.monotonic() - started


class Aside:
    """Parts that run in a process of their own; what they print is kept until they have finished."""

    def __init__(self, names: list[str]) -> None:
        self._output = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - closed in `finish`
        command = [sys.executable, __file__, "--only", ",".join(names)]
        self._process = subprocess.Popen(command, stdout=self._output, stderr=subprocess.STDOUT)

    def finish(self) -> list[tuple[str, bool, float]]:
        """Wait, print, and return what `timed` does of each."""
        self._process.wait()
        self._output.seek(0)
        printed, _, summary = self._output.read().decode(errors="replace").partition(SUMMARY)
        self._output.close()
        sys.stdout.write(printed)
        rows = [line.split() for line in summary.splitlines() if line.endswith(" s")]
        return [(name, verdict == "ok", float(seconds)) for verdict, name, seconds, _ in rows]


def main() -> int:
    """Run the parts asked for and print one line for each; 0 if all succeeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="comma-separated parts to run")
    parser.add_argument("--list", action="store_true", help="name the parts and stop")
    parser.add_argument("--slow", action="store_true", help="run the tests that are marked slow, too")
    arguments = parser.parse_args()
    if arguments.slow:
        os.environ[SLOW] = "1"
    if arguments.list:
        print("\n".join(PARTS))
        return 0
    asked = arguments.only.split(",")
    for name in asked:
        if name not in PARTS:
            parser.error(f"unknown part {name!r}; valid: {', '.join(PARTS)}")
    results: list[tuple[str, bool, float]] = []
    beside = {name: [other for other in asked if other in BESIDE.get(name, ())] for name in asked}
    for name in asked:
        if any(name in others for others in beside.values()):
            continue
        later = beside[name]
        aside = Aside(later) if later else None
        print(f"\n=== {name} ===", flush=True)
        results.append(timed(name))
        if aside is not None:
            found = aside.finish()
            results += found
            results += [(lost, False, 0.0) for lost in later if lost not in [one for one, _, _ in found]]
    print(SUMMARY)
    for name, passed, seconds in results:
        print(f"{'ok  ' if passed else 'FAIL'} {name:<10} {seconds:7.1f} s")
    failed = sum(not passed for _, passed, _ in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
