"""CT slices of lungs with and without a COVID-19 lesion, the lesions outlined."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from workbench.datasets.cards import Card
from workbench.datasets.sources._pictures import Cases, entry
from workbench.errors import FileError
from workbench.volume import Volume

CARD = Card(
    name="covid-ct",
    title="Slices of lung CT, normal or with a COVID-19 lesion, the lesion outlined",
    tasks=("classification", "localisation", "segmentation"),
    spatial_ndim=2,
    classes=("normal", "lesion"),
    cases=4456,
    modality="CT slices, the lungs cut out, 64 x 64, 8 bit",
    source="WeaklyLesionLocalisation (capepoint), reduced to 64 x 64",
    licence="repository Apache-2.0; the origin of the CT is not stated",
    citation="Yang et al.: Towards unbiased COVID-19 lesion localisation via weakly supervised learning",
    address="https://github.com/capepoint/WeaklyLesionLocalisation",
    notes=(
        "There are no patient ids: a random split may part neighbouring slices, so read scores with care.",
        "14 slices with a lesion have an empty outline.",
        "Segmentation uses the slices with a lesion only.",
    ),
)

_FILE = "covid_ct_64.npz"
_KEYS = {"lesion_images", "lesion_masks", "lesion_ids", "normal_images", "normal_ids"}


def find(home: Path, task: str) -> Cases:
    """Return the cases of the file."""
    file = home / _FILE
    arrays = _arrays(file)
    lesions = {f"lesion-{number}": index for index, number in enumerate(arrays["lesion_ids"])}
    normal = {f"normal-{number}": index for index, number in enumerate(arrays["normal_ids"])}

    def load(case: str) -> tuple[Volume, Any]:
        sick = case in lesions
        image = Volume(arrays["lesion_images"][lesions[case]] if sick else arrays["normal_images"][normal[case]])
        if task == "classification":
            return image, int(sick)
        mask = (arrays["lesion_masks"][lesions[case]] > 0).astype(np.uint8) if sick else np.zeros(image.shape, np.uint8)
        return image, mask if task == "segmentation" else {"class": int(sick), "mask": mask}

    if task == "segmentation":
        return Cases([*lesions], load, lambda _: (file,), ("background", "lesion"), channels=1)
    return Cases(
        [*lesions, *normal],
        load,
        lambda _: (file,),
        CARD.classes,
        channels=1,
        targets=lambda case: int(case in lesions),
    )


@lru_cache(maxsize=1)
def _arrays(file: Path) -> dict[str, Any]:
    try:
        with np.load(file, allow_pickle=False) as stored:
            missing = _KEYS - set(stored)
            if missing:
                raise FileError(f"{file.name} lacks {', '.join(sorted(missing))}. Fetch the data set again.")
            return dict(stored)
    except (OSError, ValueError) as error:
        raise FileError(f"{file.name} cannot be read: {error}. Fetch the data set again.") from error


entries = entry(CARD, "covid_ct_lesion", _FILE, find)
