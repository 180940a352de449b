"""The hippocampus set of the Medical Segmentation Decathlon (Task04)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from workbench.datasets import places
from workbench.datasets.cards import Card
from workbench.datasets.dataset import Dataset, check_task
from workbench.datasets.downloads import Received, extract, fetch
from workbench.datasets.entry import Entry
from workbench.datasets.sources._options import Place, Seed
from workbench.datasets.sources.folder import FolderPairs, pair_files
from workbench.datasets.splits import Fractions, make_splits, plain_fractions
from workbench.errors import FileError

#: The address and MD5 that MONAI's DecathlonDataset uses for the same archive.
ADDRESS = "https://msd-for-monai.s3-us-west-2.amazonaws.com/Task04_Hippocampus.tar"
MD5 = "9d24dba78a72977dbd1d2e110310f31b"

CLASSES = ("background", "anterior", "posterior")

CARD = Card(
    name="hippocampus",
    title="Anterior and posterior hippocampus in T1 MR",
    tasks=("segmentation",),
    spatial_ndim=3,
    classes=CLASSES,
    cases=180,
    modality="T1 MR, cropped around the hippocampus, about 35 x 50 x 35 voxels of 1 mm",
    source="Medical Segmentation Decathlon, Task04_Hippocampus (Vanderbilt University Medical Center)",
    licence="CC BY-SA 4.0",
    citation="Antonelli et al.: The Medical Segmentation Decathlon. Nature Communications 13, 4128 (2022)",
    address=ADDRESS,
    checksum=f"md5:{MD5}",
    notes=(
        "The count is of the part that the benchmarks use; all labelled cases that lie in the folder are loaded.",
        "The intensity scale differs from case to case by orders of magnitude: normalise each case by itself.",
    ),
)

# folders of labelled cases, as in the benchmark part and as in the official archive
_LAYOUTS = (("images", "labels"), ("imagesTr", "labelsTr"))


def entries() -> Iterator[Entry]:
    """Yield the catalogue's entry."""
    yield Entry(CARD, load, lambda: "here" if _home(None) else "download", order=20, fetch=_fetch)


def load(
    path: Place | None = None,
    fractions: Fractions | None = None,
    seed: Seed = 0,
    task: str = "segmentation",
) -> Dataset:
    """Open the hippocampus set.

    Parameters
    ----------
    path : path, optional
        Folder with ``images`` and ``labels`` (or ``imagesTr`` and ``labelsTr``). Looked for in ``WORKBENCH_DATA`` and
        the cache when absent.
    fractions : mapping or sequence of float, optional
        Shares of train, val and test. Every case is a patient.
    seed : int
        Another seed draws another division.
    task : {"segmentation"}
        Label maps of the two parts of the hippocampus.
    """
    check_task(task, CARD.tasks, CARD.name)
    home = _home(path)
    if home is None:
        looked = [Path(path).expanduser()] if path else places.candidates("hippocampus")
        raise places.missing(CARD.name, looked, ADDRESS, "Fetch it with `workbench download hippocampus`.")
    images, labels = next((home / i, home / j) for i, j in _LAYOUTS if (home / i).is_dir())
    pairs = pair_files(images, labels)
    ids = [case for case, _, _ in pairs]
    options: dict[str, object] = {"seed": seed}
    if fractions is not None:
        options["fractions"] = plain_fractions(fractions)
    if path is not None:
        options["path"] = str(Path(path).expanduser().resolve())
    splits = make_splits(ids, fractions=fractions, seed=seed, patients=ids)
    return FolderPairs(CARD, pairs, CLASSES, {"name": CARD.name, "options": options}, splits=splits, patients=ids)


def _fetch(_size: int, progress: Received | None) -> Path:
    folder = places.cache_folder() / "hippocampus"
    if not folder.is_dir():
        archive = places.cache_folder() / Path(ADDRESS).name
        extract(fetch(ADDRESS, archive, md5=MD5, progress=progress), folder)
        archive.unlink()
    return folder


def _home(path: str | os.PathLike[str] | None) -> Path | None:
    if path is not None and not Path(path).expanduser().is_dir():
        raise FileError(f"There is no folder {Path(path).expanduser()}; `path=` must hold images/ and labels/.")
    roots = [Path(path).expanduser()] if path else places.candidates("hippocampus")
    inside = [place for root in roots for place in (root, root / "Task04_Hippocampus")]
    return next((place for place in inside for images, _ in _LAYOUTS if (place / images).is_dir()), None)
