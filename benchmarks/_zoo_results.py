"""The stored figures of the zoo: one file per case, and its epochs in another.

``results/zoo/<case>.json`` holds the machine and, by part (``baseline``, ``score-torch``, ``cost-torch``, ...), the
figures; a part that was measured elsewhere names its own machine. ``results/zoo/<case>.jsonl`` holds what the trainings
logged, one epoch a line, so that a figure is not lost among thousands of losses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import _report

#: Noted with each part; no part of what tells one machine from another.
_DAY = "date"


def load(cases: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the figures of each case by part; a case that was never measured has none."""
    return {case: _read(case)["results"] for case in cases}


def epochs(case: str, framework: str) -> list[dict[str, Any]]:
    """Return what each epoch of the trainings on a framework logged, fold after fold."""
    return [line for line in _lines(case) if line.pop("framework") == framework]


def record(case: str, part: str, figures: dict[str, Any]) -> None:
    """Write what was measured just now, in place of what the part said before.

    Parameters
    ----------
    figures : dict
        As the part returned them; the epochs under ``log`` go into the file beside.
    """
    entry, here = _read(case), _report.machine()
    made = {_DAY: here.pop(_DAY), **figures}
    log = made.pop("log", None)
    if entry["machine"] not in (None, here):
        made["machine"] = here
    entry["machine"] = entry["machine"] or here
    entry["results"][part] = made
    _write(file_of(case), json.dumps(entry, indent=1) + "\n")
    if log is not None:
        framework = part.partition("-")[2]
        kept = [line for line in _lines(case) if line["framework"] != framework]
        lines = [*kept, *({"framework": framework, **_rounded(line)} for line in log)]
        _write(file_of(case).with_suffix(".jsonl"), "".join(json.dumps(line) + "\n" for line in lines))


def file_of(case: str) -> Path:
    """Return the file of a case; Windows allows no colon in a name."""
    return _report.RESULTS / "zoo" / f"{case.replace(':', '_')}.json"


def _read(case: str) -> dict[str, Any]:
    file = file_of(case)
    entry: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return {"machine": entry.get("machine"), "results": entry.get("results", {})}


def _lines(case: str) -> list[dict[str, Any]]:
    file = file_of(case).with_suffix(".jsonl")
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def _rounded(value: Any) -> Any:
    """Return a logged value with six digits: the rest is noise of the machine."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
