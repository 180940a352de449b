"""The manifest: what a run was made with, as the worker found it, so that it can be made again and trusted."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import workbench
from workbench.errors import StateError
from workbench.jobs.files import read_json, write_json
from workbench.training.recipe import Recipe
from workbench.training.store import MANIFEST

if TYPE_CHECKING:
    from workbench.datasets import Dataset
    from workbench.zoo import Model

_PACKAGES = ("numpy", "monai", "scipy", "safetensors", "scikit-learn")


def write_manifest(
    folder: Path, recipe: Recipe, dataset: Dataset, model: Model, *, threads: int, init: dict[str, Any] | None
) -> None:
    """Write ``manifest.json``, or, for a run that is taken up again, add to it.

    Raises
    ------
    StateError
        If the data is not what the run began with.
    """
    fingerprint = dataset.fingerprint()
    before = read_json(folder / MANIFEST)
    if before and before["data"]["fingerprint"] != fingerprint:
        raise StateError(
            f"A run goes on with the data it began with, but data set {dataset.name} has changed since "
            f"(fingerprint {before['data']['fingerprint'][:12]}..., now {fingerprint[:12]}...). "
            "Put the data back as it was, or start a new run from this one's weights (init=run)."
        )
    record = {
        "workbench": workbench.__version__,
        "commit": _commit(),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "framework": {"name": recipe.framework, **model.framework.versions()},
        "packages": {name: _version(name) for name in _PACKAGES},
        "device": model.device,
        "threads": threads,
        "algorithm": recipe.algorithm,
        "parameters": model.num_parameters,
        "data": {
            "name": dataset.name,
            "fingerprint": fingerprint,
            "samples": len(dataset),
            "task": dataset.task,
            "classes": list(dataset.classes),
        },
        "splits": recipe.splits,
        "seed": recipe.seed,
        "init": before["init"] if before else init,
        "started": [*(before["started"] if before else []), time.time()],
    }
    write_json(folder / MANIFEST, record)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """Return the commit of the checkout the workbench runs from, or None if it is installed or git is not there."""
    root = Path(workbench.__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(root), "rev-parse", "HEAD"]
        found = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None
