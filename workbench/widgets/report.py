"""A report: one page with pictures, curves, scores, the code and every parameter, that carries no patient text."""

from __future__ import annotations

import functools
import html
import json
import re
import time
from base64 import b64encode
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from workbench import _atomic
from workbench.errors import FileError, StateError, check_suffix
from workbench.widgets.desk import Desk

if TYPE_CHECKING:
    from jinja2 import Template

    from workbench.widgets.desk_panel import DeskPanel

#: Inches and dots per inch of the large picture: a voxel of a usual volume is then several pixels wide.
_WIDTH, _DPI = 14.0, 110
#: Characters of a value that a table shows; longer ones are in the JSON.
_LONGEST = 2000
_LEFT_OUT = '# Paths are left out of a report, as they may name a patient. "Copy as code" gives them.\n'


def save_report(desk: Desk, path: str | Path | None = None) -> tuple[Path, str]:
    """Save the report of a desk, and return where it is and the page itself.

    Parameters
    ----------
    path : path, optional
        An ``.html`` file; ``workbench-report-<date>.html`` in the working directory by default.

    Raises
    ------
    StateError
        If nothing is shown yet.
    InputError
        If the name ends as that of another kind of file.
    FileError
        If the file cannot be written.
    """
    if not desk.viewer.layers:
        raise StateError("There is nothing to report yet. Load a data set or open a file first.")
    target = Path(path) if path is not None else Path(time.strftime("workbench-report-%Y%m%d-%H%M%S.html"))
    check_suffix(target, (".html", ".htm"), "A report")
    page = make_page(desk)
    try:
        _atomic.write_text(target, page)
    except OSError as error:
        raise FileError(f"The report could not be written: {error.strerror or error}. Give another path.") from error
    return target.resolve(), page


def make_page(desk: Desk) -> str:
    """Return the page as text."""
    from workbench import __version__

    return str(
        _template().render(
            date=time.strftime("%Y-%m-%d %H:%M"),
            version=__version__,
            views=desk.viewer.png(width=_WIDTH, dpi=_DPI),
            names=", ".join(layer.name for layer in desk.viewer.layers if layer.visible),
            panels=[_told(panel) for panel in desk.panels],
            # spelled as ever, for whoever searches in pages
            code=html.escape(_LEFT_OUT + without_places(desk.code())),
            facts=json.dumps(desk.facts(), indent=1, default=str),
        )
    )


def without_places(code: str) -> str:
    """Return code in which a path tells no more than its ending, or, of a run, than the name of its folder."""

    def told(found: re.Match[str]) -> str:
        path = PurePosixPath(found["path"])
        is_run = found["run"] is not None
        return f"{found['run'] or ''}Path({(path.name if is_run else f'<your file>{path.suffix}')!r})"

    return re.sub(r"(?P<run>Run\()?Path\('(?P<path>(?:[^'\\]|\\.)*)'\)", told, code)


def _is_svg(picture: bytes) -> bool:
    return picture.lstrip().startswith(b"<")


def _address(picture: bytes) -> str:
    kind = "svg+xml" if _is_svg(picture) else "png"
    return f"data:image/{kind};base64,{b64encode(picture).decode()}"


def _told(panel: DeskPanel) -> dict[str, Any]:
    """Return what a panel tells: its facts, its charts, and pictures of voxels."""
    pictures = panel.ask_for("pictures", [])
    charts = [one for one in pictures if _is_svg(one[1])]
    return {
        "facts": panel.ask_for("facts", {}),
        "charts": charts,
        "tiles": [one for one in pictures if one not in charts],
    }


def _worth_telling(value: Any) -> bool:
    return value not in ("", None, [], {}) and len(str(value)) < _LONGEST


@functools.cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # all that is put in is escaped, whoever it is from
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.globals.update(address=_address, worth_telling=_worth_telling)
    return environment.get_template("report.html.jinja")
