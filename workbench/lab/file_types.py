"""Which files JupyterLab opens in the viewer: those that `wb.read` reads, told by their suffixes."""

from __future__ import annotations

from typing import Any

#: What JupyterLab opens in its own viewer of pictures, as people expect.
SHOWN_BY_BROWSERS = (".png", ".jpg", ".jpeg", ".gif", ".bmp")


def file_types() -> list[dict[str, Any]]:
    """Return for each format its ``name``, its ``suffixes``, and apart from them those ``shown_by_browsers``."""
    from workbench.io import formats

    return [
        {
            "name": known.name,
            "suffixes": [suffix for suffix in known.suffixes if suffix not in SHOWN_BY_BROWSERS],
            "shown_by_browsers": [suffix for suffix in known.suffixes if suffix in SHOWN_BY_BROWSERS],
        }
        for known in formats()
    ]
