"""What the doctor finds."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

#: What brings what should be there.
INSTALL = "pip install medical-workbench  (in a checkout: make lab)"
JUPYTERLAB = "JupyterLab"


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes
    ----------
    group, name : str
        What was looked at.
    state : str
        ``"ok"``, ``"warning"`` (works, but read on), ``"absent"`` (optional, not here) or ``"broken"`` (needed).
    found : str
        What is there.
    remedy : str
        The command that mends it.
    """

    group: str
    name: str
    state: str
    found: str
    remedy: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return it as JSON-able data."""
        return asdict(self)


def can_write(folder: Path) -> bool:
    """Tell whether files can be put into a folder, which may have to be made first."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)
