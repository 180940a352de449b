"""Where jobs are kept, training runs among them, and the folders in which some were started before."""

from __future__ import annotations

import functools
import json
import os
import time
import warnings
from pathlib import Path
from typing import Any

from workbench._user import user_folder
from workbench.errors import FileError, InputError, check_keywords
from workbench.jobs.files import read_json, write_json

VARIABLE = "WORKBENCH_RUNS"
_SETTINGS = "settings.json"
_KEYS = ("runs", "jobs", "queue", "dask")
#: Of which these are texts: two folders, an address.
_TEXTS = {"runs": "the path of a folder", "queue": "the path of a folder", "dask": "the address of a scheduler"}
_FOLDERS = "run-folders.json"
#: Folders that are remembered, the latest first: who trains in a fresh one each time shall not fill the file.
_MOST_FOLDERS = 100


def runs_folder(folder: str | Path | None = None) -> Path:
    """Return where new runs are kept: `folder`, ``WORKBENCH_RUNS``, ``"runs"`` of the settings, or ``runs`` here."""
    chosen = folder or os.environ.get(VARIABLE) or settings().get("runs") or "runs"
    return Path(chosen).expanduser().resolve()


def new_folder(folder: str | Path | None, word: str) -> Path:
    """Return where a new job is kept, in the folder for runs; nothing is made.

    Parameters
    ----------
    word : str
        What is to be read in its id: the algorithm, the tool.
    """
    now = time.time()
    # the time sorts, and so does the rest, which keeps apart what is started within one second
    fraction = int(now % 1 * 2**16)
    return runs_folder(folder) / f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}-{word}-{fraction:04x}"


def all_folders(folder: str | Path | None = None) -> list[Path]:
    """Return where runs are looked for.

    `folder` alone if it is given; the folder that ``WORKBENCH_RUNS`` names, if it does; else the folder of the settings
    (or ``runs`` right here) and every folder in which a run was started before.
    """
    first = runs_folder(folder)
    if folder is not None or os.environ.get(VARIABLE):
        return [first]
    return list(dict.fromkeys([first, *map(Path, _remembered())]))


def remember(folder: Path) -> None:
    """Remember a folder in which a job is started, so that it is found from anywhere."""
    place = user_folder("config")
    try:
        before = _remembered()
        known = [str(folder), *(one for one in before if one != str(folder))]
        if known != before:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.mkdir(mode=0o700, exist_ok=True)  # folders may be named after patients
            write_json(place / _FOLDERS, known[:_MOST_FOLDERS])
    except OSError as error:
        # a run that is asked for is started all the same
        warnings.warn(
            f"Runs are found from any notebook once their folder is noted in {place}, which cannot be done "
            f"({error.strerror or error}). Name a folder that can with WORKBENCH_CONFIG, or give wb.runs(folder).",
            stacklevel=3,
        )


def settings() -> dict[str, Any]:
    """Return the settings in ``settings.json`` of the configuration folder; empty where there is none.

    ``"runs"``: the folder for runs. ``"jobs"``: what jobs may take together
    (`workbench.jobs.executors._limits.Limits`). ``"queue"``: the folder of their queue. ``"dask"``: the address of a
    scheduler. Any other key is warned of once and left alone: a newer version may know it.

    Raises
    ------
    FileError
        If the file is not JSON.
    InputError
        If it is no object, or a value is not what it must be.
    """
    found, unknown = read_settings()
    for words in unknown:
        _warn_once(words)
    return found


def settings_file() -> Path:
    """Return where the settings are, if there are any."""
    return user_folder("config") / _SETTINGS


def read_settings() -> tuple[dict[str, Any], list[str]]:
    """Return the settings that are known, and a sentence on each that is not; raises as `settings` does."""
    path = settings_file()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}, []
    except (OSError, ValueError) as error:
        raise FileError(f"The settings in {path} must be readable JSON; they are not ({error}). Mend them.") from error
    if not isinstance(found, dict):
        raise InputError(f'The settings in {path} must be an object such as {{"runs": "/data/runs"}}, got {found!r}.')
    for key, rule in _TEXTS.items():
        if not isinstance(found.get(key, ""), str):
            raise InputError(f"{key} in {path} must be {rule}, got {found[key]!r}.")
    unknown = []
    for key in found:
        try:
            check_keywords([key], _KEYS, f"The file {path}")
        except InputError as error:
            unknown.append(f"{error} It is ignored and left where it is: a newer version may know it.")
    return {key: value for key, value in found.items() if key in _KEYS}, unknown


@functools.cache
def _warn_once(words: str) -> None:
    warnings.warn(words, stacklevel=4)


def _remembered() -> list[str]:
    path = user_folder("config") / _FOLDERS
    try:
        found = read_json(path, [])
    except NotADirectoryError:
        found = []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise FileError(f"{path} must hold a list of folders, but does not. Delete it: it is made anew.")
    return found
