"""Where data lies on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from workbench._user import user_folder
from workbench.errors import FileError


def cache_folder() -> Path:
    """Return the folder for downloads: ``WORKBENCH_CACHE``, or the cache folder of the platform."""
    return user_folder("cache")


def candidates(folder: str, file: str = "") -> list[Path]:
    """Return the places where the data `folder` is looked for, the first choice first."""
    roots = [Path(os.environ["WORKBENCH_DATA"]).expanduser()] if os.environ.get("WORKBENCH_DATA") else []
    return [root / folder / file for root in (*roots, cache_folder())]


def locate(folder: str, file: str = "") -> Path | None:
    """Return the first of :func:`candidates` that exists, or None."""
    return next((place for place in candidates(folder, file) if place.exists()), None)


def missing(name: str, looked: list[Path], address: str, remedy: str) -> FileError:
    """Return the error that says where data was looked for, where to get it and where to put it."""
    places = " or ".join(str(place) for place in looked)
    return FileError(
        f"The data of {name!r} is not on this machine (looked for {places}). {remedy} "
        f"Without a network: fetch {address} by hand and put it there, or give its place as `path=`."
    )
