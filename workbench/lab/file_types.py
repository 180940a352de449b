"""Which files JupyterLab opens in the viewer: those that `wb.read` reads, told by their suffixes."""

from __future__ import annotations

from typing import Annotated, TypedDict

#: What JupyterLab opens in its own viewer of pictures, as people expect.
SHOWN_BY_BROWSERS = (".png", ".jpg", ".jpeg", ".gif", ".bmp")


class FileType(TypedDict):
    """A format whose files can be opened."""

    name: str
    suffixes: Annotated[list[str], "Suffixes that nothing else in JupyterLab shows."]
    shown_by_browsers: Annotated[list[str], "Those of pictures: there the viewer is offered, and not the first choice."]


class FileTypes(TypedDict):
    """The answer to ``formats``."""

    formats: list[FileType]


def file_types() -> list[FileType]:
    """Return for each format its name and its suffixes."""
    from workbench.io import formats

    return [
        {
            "name": known.name,
            "suffixes": [suffix for suffix in known.suffixes if suffix not in SHOWN_BY_BROWSERS],
            "shown_by_browsers": [suffix for suffix in known.suffixes if suffix in SHOWN_BY_BROWSERS],
        }
        for known in formats()
    ]
