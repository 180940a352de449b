"""Downloading a data set of the catalogue by its name."""

from __future__ import annotations

from pathlib import Path

from workbench.datasets import catalogue, hippocampus, places
from workbench.datasets._medmnist_facts import FACTS, address, file_name
from workbench.datasets.downloads import Received, extract, fetch
from workbench.errors import InputError


def download(name: str, *, size: int = 28, progress: Received | None = None) -> Path:
    """Fetch the data of `name` into the cache, from where :func:`workbench.datasets.load` takes it.

    Nothing else in the package goes to the network by itself.

    Parameters
    ----------
    name : str
        A data set whose card has an address.
    size : int
        Picture size, for MedMNIST.
    progress : callable, optional
        Called with (bytes so far, bytes in all or None).

    Returns
    -------
    Path
        The file or folder.

    Raises
    ------
    InputError
        If the name is unknown, or there is nothing to download for it.
    FileError
        Offline, or if a checksum is wrong; the message says what to do by hand.
    """
    card = catalogue.card(name)
    if name in FACTS:
        facts = FACTS[name]
        if size not in facts.sizes:
            raise InputError(f"{name} comes in sizes {', '.join(map(str, facts.sizes))}, got size={size!r}.")
        target = places.cache_folder() / "medmnist" / file_name(name, size)
        return fetch(address(name, size), target, md5=facts.md5[size], progress=progress)
    if name == hippocampus.CARD.name:
        return _hippocampus(progress)
    raise InputError(
        f"There is nothing to download for {name!r}: its data is {card.available or 'not described by the card'}."
    )


def _hippocampus(progress: Received | None) -> Path:
    folder = places.cache_folder() / "hippocampus"
    if not folder.is_dir():
        archive = places.cache_folder() / Path(hippocampus.ADDRESS).name
        extract(fetch(hippocampus.ADDRESS, archive, md5=hippocampus.MD5, progress=progress), folder)
        archive.unlink()
    return folder
