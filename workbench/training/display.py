"""How a run shows itself in a notebook. The widgets lie above this room, so they register what they can do."""

from __future__ import annotations

import html
import importlib
import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.training.status import said

if TYPE_CHECKING:
    from workbench.training.run import Run

Renderer = Callable[["Run"], Any]
_WIDGETS = "workbench.widgets"
_renderer: Renderer | None = None


def register(renderer: Renderer | None) -> None:
    """Let `renderer` give a run's mime bundle (what IPython's ``_repr_mimebundle_`` returns); None takes it back."""
    global _renderer
    _renderer = renderer


def mimebundle(run: Run) -> Any:
    """Return the mime bundle of a run: a live widget where there is one, text and HTML always."""
    if _renderer is None and importlib.util.find_spec(_WIDGETS) is not None:
        importlib.import_module(_WIDGETS)
    summary = {"text/plain": repr(run), "text/html": summarize(run)}
    if _renderer is None:
        return summary
    bundle = _renderer(run)
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    return {**summary, **data}, metadata


def summarize(run: Run) -> str:
    """Return a short account of a run as HTML."""
    status = run.status
    rows = [
        ("run", f"{run.name} ({run.id})" if run.name else run.id),
        ("state", said(status["state"])),
        ("epoch", f"{status['epoch']} of {status['epochs']}"),
    ]
    if status["best_score"] is not None:
        rows.append(("best", f"{status['best_score']:.4f} at epoch {status['best_epoch']}"))
    rows += [(name, status[name]) for name in ("message", "cause", "remedy") if status[name]]
    cells = "".join(
        f"<tr><th style='text-align:left'>{name}</th><td style='text-align:left'>{html.escape(str(value))}</td></tr>"
        for name, value in rows
    )
    bar = f"<progress value='{status['progress']:.4f}' max='1' aria-label='progress'></progress>"
    return f"<div>{bar}<table>{cells}</table></div>"
