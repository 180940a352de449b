"""The folders of the person who works here: where each platform keeps caches and settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_NAME = "medical-workbench"
#: Variable that names the folder, variable of the platform, and the places on macOS and elsewhere, below the home.
_KINDS = {
    "cache": ("WORKBENCH_CACHE", "LOCALAPPDATA", "AppData/Local", "XDG_CACHE_HOME", ".cache", "Library/Caches"),
    "config": (
        "WORKBENCH_CONFIG", "APPDATA", "AppData/Roaming", "XDG_CONFIG_HOME", ".config", "Library/Application Support",
    ),
}  # fmt: skip


def user_folder(kind: str) -> Path:
    """Return the folder for what can be fetched again (``"cache"``) or for settings (``"config"``).

    ``WORKBENCH_CACHE`` and ``WORKBENCH_CONFIG`` name others.
    """
    own, windows, at_windows, elsewhere, at_elsewhere, at_mac = _KINDS[kind]
    chosen = os.environ.get(own)
    if chosen:
        return Path(chosen).expanduser()
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get(windows) or home / at_windows) / _NAME
    if sys.platform == "darwin":
        return home / at_mac / _NAME
    return Path(os.environ.get(elsewhere) or home / at_elsewhere) / _NAME
