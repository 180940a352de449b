"""A report: one page with pictures, curves, scores, the code and every parameter, that carries no patient text."""

from __future__ import annotations

import html
import json
import re
import time
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from workbench import _atomic
from workbench.errors import FileError, StateError, check_suffix
from workbench.widgets.desk import Desk

#: Inches and dots per inch of the large picture: a voxel of a usual volume is then several pixels wide.
_WIDTH, _DPI = 14.0, 110
#: Characters of a value that a table shows; longer ones are in the JSON.
_LONGEST = 2000
_LEFT_OUT = '# Paths are left out of a report, as they may name a patient. "Copy as code" gives them.\n'
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Medical Workbench report</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem; color: #1f2328;
  background: #fff; }}
h1 {{ font-size: 1.4rem; }} h2 {{ font-size: 1.1rem; margin-top: 2rem; }} h3 {{ font-size: 1rem; }}
img {{ width: 100%; border-radius: 4px; }}
.views img {{ background: #000; }}
figure {{ margin: 0 0 1rem; }} figcaption {{ color: #59636e; font-size: 13px; }}
.tiles {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(320px, 1fr)); gap: 1rem; }}
.tiles img {{ image-rendering: pixelated; }}
.chart {{ max-width: 820px; }}
table {{ border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }}
th {{ text-align: left; padding: 2px 16px 2px 0; font-weight: 600; vertical-align: top; }}
td {{ padding: 2px 16px 2px 0; }}
pre {{ background: #f3f4f6; padding: 12px; overflow: auto; border-radius: 4px; font-size: 12px; }}
summary {{ cursor: pointer; }}
@media print {{ body {{ max-width: none; }} pre {{ white-space: pre-wrap; }} }}
</style></head><body>
<h1>Medical Workbench report</h1>
<p>{date}, version {version}. Research use only; not a medical device.</p>
{body}
<h2>The same in code</h2>
<pre id="code">{code}</pre>
<h2>Every parameter</h2>
<script type="application/json" id="parameters">{json}</script>
<details><summary>Show as JSON</summary><pre>{shown}</pre></details>
</body></html>
"""


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

    facts = desk.facts()
    plain = json.dumps(facts, indent=1, default=str)
    names = ", ".join(layer.name for layer in desk.viewer.layers if layer.visible)
    body = [f'<div class="views">{_figure(desk.viewer.png(width=_WIDTH, dpi=_DPI), f"Layers: {names}")}</div>']
    for panel in desk.panels:
        body += [_section(heading, told) for heading, told in panel.ask_for("facts", {}).items()]
        pictures = panel.ask_for("pictures", [])
        body += [_figure(picture, caption, "chart") for caption, picture in pictures if _is_svg(picture)]
        tiles = [_figure(picture, caption) for caption, picture in pictures if not _is_svg(picture)]
        body += [f'<div class="tiles">{"".join(tiles)}</div>'] * bool(tiles)
    return _PAGE.format(
        date=time.strftime("%Y-%m-%d %H:%M"),
        version=__version__,
        body="\n".join(body),
        code=html.escape(_LEFT_OUT + without_places(desk.code())),
        json=plain.replace("</", "<\\/"),
        shown=html.escape(plain),
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


def _figure(picture: bytes, caption: str, look: str = "") -> str:
    shown = html.escape(caption)
    kind = "svg+xml" if _is_svg(picture) else "png"
    source = f"data:image/{kind};base64,{b64encode(picture).decode()}"
    return f'<figure class="{look}"><img alt="{shown}" src="{source}"><figcaption>{shown}</figcaption></figure>'


def _section(heading: str, told: Any) -> str:
    title = f"<h2>{html.escape(heading.capitalize())}</h2>"
    if isinstance(told, Mapping):
        return title + _table(told)
    return title + "".join(_table(one) for one in told)


def _table(values: Mapping[str, Any]) -> str:
    """Return plain data as a table; what is itself a mapping as a table in it, such as scores by class."""
    rows = "".join(
        f"<tr><th>{html.escape(str(key).replace('_', ' '))}</th><td>{_cell(value)}</td></tr>"
        for key, value in values.items()
        if value not in ("", None, [], {}) and len(str(value)) < _LONGEST
    )
    return f"<table>{rows}</table>"


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        return _table(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return html.escape(", ".join(map(str, value)))
    return html.escape(str(value))
