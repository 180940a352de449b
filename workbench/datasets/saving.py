"""A data set written into a folder, from which `workbench.datasets.sources.memory` opens it again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import _atomic
from workbench.datasets.annotations import class_of, fingerprint, parts, to_arrays
from workbench.errors import FileError
from workbench.shapes import Shapes
from workbench.volume import Volume

if TYPE_CHECKING:
    from workbench.datasets.dataset import Dataset, Sample

SCHEMA = 1


def save(dataset: Dataset, folder: str | Path) -> dict[str, Any]:
    """Write every sample of `dataset` into `folder` and return the spec that opens it again.

    One ``.npz`` per case and one ``dataset.json``, which is written last: a folder without it is not a data set.
    """
    target = Path(folder).expanduser()
    try:
        (target / "cases").mkdir(parents=True, exist_ok=True)
        cases = []
        for index, sample in enumerate(dataset):
            arrays, entry = _to_arrays(sample)
            # numbered, because a case may be named after a patient
            file = target / "cases" / f"{index:06d}.npz"
            with file.open("wb") as stream:
                np.savez_compressed(stream, **arrays)
            cases.append({**entry, "content": content_of(sample), "sha256": sha256(file.read_bytes())})
        content = {
            "schema": SCHEMA,
            "task": dataset.task,
            "classes": [*dataset.classes],
            "spatial_ndim": dataset.spatial_ndim,
            "in_channels": dataset.in_channels,
            "splits": dataset.splits,
            "cases": cases,
        }
        _atomic.write_text(target / "dataset.json", json.dumps(content))
    except OSError as error:
        raise FileError(
            f"The data set cannot be saved into {target}: {error}. Choose a folder you may write."
        ) from error
    return {"name": "memory", "options": {"path": str(target.resolve())}}


def _to_arrays(sample: Sample) -> tuple[dict[str, Any], dict[str, Any]]:
    arrays: dict[str, Any] = {}
    volumes: dict[str, Any] = {}
    shapes: dict[str, Any] = {}
    for key, value in sample.items():
        for name, part in parts(value).items():
            place = f"{key}.{name}" if name else key
            if isinstance(part, Volume):
                arrays |= {place: part.data, f"{place}.affine": part.affine}
                volumes[place] = {
                    "kind": part.kind,
                    "axes": [*part.axes],
                    "channels": [*part.channels] or None,
                    "labels": {str(number): name for number, name in part.labels.items()},
                    "unit": part.unit,
                    **({"inverted": True} if part.inverted else {}),
                    "space": part.space,
                }
            elif isinstance(part, Shapes):
                made, shapes[place] = to_arrays(place, part)
                arrays |= made
    entry = {"id": sample["id"], "patient": sample["patient"], "volumes": volumes, "shapes": shapes}
    known = class_of(sample["label"])
    return arrays, entry if known is None else {**entry, "class": known}


def content_of(sample: Sample) -> str:
    return f"{sample['image'].fingerprint()}|{fingerprint(sample['label'])}"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
