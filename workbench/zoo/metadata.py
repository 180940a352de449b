"""What a model file says about its model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workbench.errors import FileError
from workbench.frameworks import checkpoints, weights


def parse_metadata(path: str | Path) -> dict[str, Any]:
    """Return what a model file says about its model.

    Raises
    ------
    FileError
        If it holds weights alone, or its description is damaged.
    """
    raw = weights.peek(path) if checkpoints.kind(path) == "safetensors" else {}
    missing = {"algorithm", "config", "classes", "preprocess"} - set(raw)
    if missing:
        raise FileError(
            f"{Path(path).name} holds weights, but does not say which model they are of ({', '.join(sorted(missing))} "
            "missing). Create the model with zoo.create and call model.load(path)."
        )
    try:
        return {key: json.loads(value) for key, value in raw.items()}
    except ValueError as error:
        raise FileError(f"The description of the model in {Path(path).name} is damaged: {error}.") from error
