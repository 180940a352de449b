"""JSON files that say what lies beside them: written whole, and refused in words where they are not what they were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench import _atomic
from workbench.errors import FileError


def write(path: Path, facts: Mapping[str, Any]) -> None:
    """Write plain data.

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    from workbench.io import _files

    text = json.dumps(facts, indent=2) + "\n"
    with _files.refusal_becomes_error(path):
        _atomic.write_text(path, text)


def read(path: Path, missing: str, again: str) -> Any:
    """Read plain data.

    Parameters
    ----------
    missing : str
        What is said where there is no such file.
    again : str
        What to do where it is damaged.

    Raises
    ------
    FileError
        If it is missing, cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileError(missing) from None
    except OSError as error:
        raise FileError(f"{path.name!r} cannot be read ({error.strerror or error}). Check its permissions.") from error
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path.name!r} is not readable as JSON: {error}. {again}") from error


def opened(known: Any, name: str, kind: tuple[str, int], what: str, give: str) -> dict[str, Any]:
    """Return what plain data says, without its head, if that is of the right `kind`: a format and its version.

    Parameters
    ----------
    name : str
        Where the data is from, as it is to be called.
    what, give : str
        What it should describe, and where such data comes from: "an explanation", "the map that `save` has written".

    Raises
    ------
    FileError
        If it is of another format or version.
    """
    if not isinstance(known, Mapping) or known.get("format") != kind[0]:
        raise FileError(f"{name} does not describe {what}. Give {give}.")
    version = known.get("format_version")
    if version != kind[1]:
        raise FileError(
            f"{name} has format version {version!r}, but this version reads {kind[1]}. "
            "Read it with the version that wrote it."
        )
    return {key: value for key, value in known.items() if key not in ("format", "format_version")}


def head(kind: tuple[str, int]) -> dict[str, Any]:
    """Return the entries that say what plain data is."""
    return {"format": kind[0], "format_version": kind[1]}
