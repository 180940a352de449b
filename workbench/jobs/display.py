"""How a job shows itself in a notebook: as text and HTML always, and live where there is a view of its kind."""

from __future__ import annotations

import html
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench._plugins import Registry, Source, place_of
from workbench._wiring import BUILT_IN
from workbench.errors import InputError, WorkbenchError
from workbench.jobs.status import said

if TYPE_CHECKING:
    from workbench.jobs.job import Job

_GROUP = "workbench.job_views"
#: What the view is called that shows jobs of every kind without one of its own.
ANY = "*"


def _view(given: Any) -> dict[str, Any]:
    if not (isinstance(given, type) and hasattr(given, "kind") and hasattr(given, "_repr_mimebundle_")):
        raise InputError(
            f"A view of jobs is a class that is called with a job, has the name of their kind as `kind`, and a "
            f"`_repr_mimebundle_`, got {given!r}."
        )
    return {given.kind: given}


def _own() -> list[Source]:
    return [place_of(kind, place) for kind, place in BUILT_IN.get(_GROUP, {}).items()]


#: What shows a job live, by the name of its kind.
VIEWS: Registry[Any] = Registry(_GROUP, "view of jobs", _view, builtin=_own, lazy=True)


def mimebundle(job: Job) -> Any:
    """Return the mime bundle of a job: a live view, that of its kind where there is one; text and HTML always."""
    if not job.path.is_dir():
        return {"text/plain": repr(job)}
    summary = {"text/plain": repr(job), "text/html": summarize(job)}
    known = VIEWS.names()
    name = next((one for one in (job.kind, ANY) if one in known), None)
    if name is None:
        return summary
    try:
        view = VIEWS.get(name)
    except WorkbenchError as error:
        warnings.warn(str(error), stacklevel=2)
        return summary
    bundle = view(job)._repr_mimebundle_()
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    return {**summary, **data, "text/plain": summary["text/plain"]}, metadata


def summarize(job: Job) -> str:
    """Return a short account of a job as HTML."""
    status = job.status
    rows = [
        (job.noun, f"{job.name} ({job.id})" if job.name else job.id),
        ("state", said(status["state"])),
        *job.details,
        *((name, status[name]) for name in ("message", "cause", "remedy") if status[name]),
    ]
    cells = "".join(
        f"<tr><th style='text-align:left'>{name}</th><td style='text-align:left'>{html.escape(str(value))}</td></tr>"
        for name, value in rows
    )
    return f"<div>{bar(status)}<table>{cells}</table></div>"


def bar(status: Mapping[str, Any]) -> str:
    """Return how far a job is as a bar in HTML."""
    return f"<progress value='{status['progress']:.4f}' max='1' aria-label='progress'></progress>"
