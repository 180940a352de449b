"""The report of a data set: who leads, intervals as bars, cases, maps, code and versions on one page."""

from __future__ import annotations

import functools
import json
import time
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import _atomic
from workbench.errors import FileError, InputError, check_suffix

if TYPE_CHECKING:
    from jinja2 import Template

    from workbench.explain.over.leaderboard import OverScores

#: Cases of which maps are shown, at either end.
_SHOWN = 2


def save_report(scores: OverScores, path: Path) -> Path:
    """Do what `OverScores.report` says."""
    check_suffix(path, (".html", ".htm"), "A report")
    if not scores.cases:
        raise InputError(f"A report must have cases to tell of, got none scored in {scores.folder}. Score some first.")
    try:
        _atomic.write_text(path, make_page(scores))
    except OSError as error:
        raise FileError(f"The report could not be written: {error.strerror or error}. Give another path.") from error
    return path.resolve()


def make_page(scores: OverScores) -> str:
    """Return the page as text; it holds no path, and cases by their number alone."""
    means = {(row["method"], row["check"]): row for row in scores.means.rows}
    return str(
        _template().render(
            date=time.strftime("%Y-%m-%d %H:%M"),
            headline=scores.headline,
            board=scores.leaderboard.rows,
            groups=[(check, [means[method, check] for method in scores.methods]) for check in scores.checks],
            left_out=scores.left_out.rows,
            methods=scores.methods,
            by_case=_by_case(scores),
            ends=_ends(scores),
            code=code(scores),
            note=json.dumps(scores.note, indent=1),
        )
    )


def code(scores: OverScores) -> str:
    """Return code that makes the same scores; model and data set are named, and paths are left out."""
    note = scores.note
    asked = {name: note[name] for name in ("methods", "checks", "target", "mask", "split")}
    given = "".join(f"    {name}={value!r},\n" for name, value in asked.items() if value is not None)
    return (
        f"import workbench as wb\n\n# model: {note['model']} on {note['framework']}, weights {note['weights']}\n"
        f"# data: {note['data']}, {note['data fingerprint'][:16]}\n"
        f'scores = wb.explain.score_over(\n    model,\n    data,\n{given}    out="scores",\n)\nscores.leaderboard\n'
    )


def _by_case(scores: OverScores) -> list[dict[str, Any]]:
    """Return a row for each case: trust by method, and the verdicts below it."""
    trust = {method: scores.trust(method) for method in scores.methods}
    verdicts: dict[tuple[int, str], list[str]] = {}
    for row in scores.rows:
        number = "" if np.isnan(row["value"]) else f" {row['value']:.2f}"
        verdicts.setdefault((row["case"], row["method"]), []).append(f"{row['check']}{number}: {row['verdict']}")
    return [
        {
            "case": number,
            "explains": scores.targets[number],
            "cells": [(trust[method][number], "; ".join(verdicts.get((number, method), []))) for method in trust],
        }
        for number in scores.cases
    ]


def _ends(scores: OverScores) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the best and the worst cases of each method, with the pictures of their maps."""
    shown = []
    for method in (row["method"] for row in scores.leaderboard.rows):
        known = {number: value for number, value in scores.trust(method).items() if value == value}
        order = sorted(known, key=lambda number: -known[number])
        best = order[:_SHOWN]
        worst = [number for number in order[::-1][:_SHOWN] if number not in best]
        tiles = [(word, number) for word, some in (("best", best), ("worst", worst)) for number in some]
        shown.append(
            (
                method,
                [
                    {
                        "picture": b64encode(scores.picture(number, method)).decode(),
                        "caption": f"{word}: case {number}, trust {known[number]:.2f}",
                    }
                    for word, number in tiles
                ],
            )
        )
    return shown


@functools.cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # all that is put in is escaped, whoever it is from
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("over_report.html.jinja")
