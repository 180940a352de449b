"""Downloading a data set of the catalogue by its name."""

from __future__ import annotations

from pathlib import Path

from workbench.datasets.catalogue import DATASETS, card
from workbench.datasets.downloads import Received
from workbench.errors import InputError


def download(name: str, *, size: int = 28, progress: Received | None = None) -> Path:
    """Fetch the data of `name` into the cache, from where :func:`workbench.datasets.load` takes it.

    Nothing else in the package goes to the network by itself.

    Parameters
    ----------
    name : str
        A data set whose card says that it can be downloaded.
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
    fetch = DATASETS.get(name).fetch
    if fetch is None:
        available = card(name).available or "not described by the card"
        raise InputError(f"There is nothing to download for {name!r}: its data is {available}.")
    with DATASETS.using(name):
        return fetch(size, progress)
