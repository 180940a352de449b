"""A report: one page with the pictures and every parameter, that opens anywhere and carries no patient text."""

from __future__ import annotations

import html
import json
import time
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import FileError, StateError

if TYPE_CHECKING:
    from workbench.widgets.app import App

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Medical Workbench report</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 960px; margin: 2rem auto; padding: 0 1rem; color: #1f2328; }}
h1 {{ font-size: 1.4rem; }} h2 {{ font-size: 1.1rem; margin-top: 2rem; }}
img {{ max-width: 100%; border-radius: 4px; background: #000; }}
figure {{ margin: 0 0 1rem; }} figcaption {{ color: #59636e; font-size: 13px; }}
table {{ border-collapse: collapse; font-size: 13px; }}
th {{ text-align: left; padding: 2px 16px 2px 0; font-weight: 600; }}
pre {{ background: #f3f4f6; padding: 12px; overflow: auto; border-radius: 4px; font-size: 12px; }}
</style></head><body>
<h1>Medical Workbench report</h1>
<p>{date}, version {version}. Research use only; not a medical device.</p>
{body}
<h2>Parameters</h2>
<script type="application/json" id="parameters">{json}</script>
<pre>{shown}</pre>
</body></html>
"""


def save_report(app: App, path: str | Path | None = None) -> Path:
    """Save the report of an App.

    Parameters
    ----------
    path : path, optional
        An ``.html`` file; ``workbench-report-<date>.html`` in the working directory by default.

    Raises
    ------
    StateError
        If nothing is shown yet.
    FileError
        If the file cannot be written.
    """
    if not app.viewer.layers:
        raise StateError("There is nothing to report yet. Load a data set or open a file first.")
    target = Path(path) if path is not None else Path(time.strftime("workbench-report-%Y%m%d-%H%M%S.html"))
    page = make_page(app)
    try:
        target.write_text(page, encoding="utf-8")
    except OSError as error:
        raise FileError(f"The report could not be written: {error.strerror or error}. Give another path.") from error
    return target.resolve()


def make_page(app: App) -> str:
    """Return the page as text."""
    from workbench import __version__

    parameters = app.parameters()
    plain = json.dumps(parameters, indent=1, default=str)
    body = [_figure(app.viewer.png(), f"Layers: {', '.join(layer.name for layer in app.viewer.layers)}")]
    tiles = zip(app.explain.strip.tiles, app.explain.strip.pictures, strict=False)
    body += [_figure(picture, tile["label"]) for tile, picture in tiles]
    for name in ("data", "model", "run"):
        if parameters[name]:
            body.append(f"<h2>{name.capitalize()}</h2>{_table(parameters[name])}")
    return _PAGE.format(
        date=time.strftime("%Y-%m-%d %H:%M"),
        version=__version__,
        body="\n".join(body),
        json=plain.replace("</", "<\\/"),
        shown=html.escape(plain),
    )


def _figure(png: bytes, caption: str) -> str:
    shown = html.escape(caption)
    return (
        f'<figure><img alt="{shown}" src="data:image/png;base64,{b64encode(png).decode()}">'
        f"<figcaption>{shown}</figcaption></figure>"
    )


def _table(values: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{html.escape(key.replace('_', ' '))}</th><td>{html.escape(str(value))}</td></tr>"
        for key, value in values.items()
    )
    return f"<table>{rows}</table>"
