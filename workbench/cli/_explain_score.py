"""``workbench explain-score``: scores of explanations over a data set, from a shell; called again, it goes on."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from workbench.errors import InputError


def add_explain_score(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    command.add_argument("model", help="weights: a file that was saved, or a name among `workbench zoo`'s shipped ones")
    command.add_argument("data", help="a data set; `workbench datasets` lists them")
    command.add_argument("out", help="folder for what is found; with scores of the same in it, it goes on")
    command.add_argument("--methods", required=True, help="names, with commas between, or JSON with their options")
    command.add_argument("--checks", help="the same of checks (default: all)")
    command.add_argument("--target", help="class that is explained, name or number (default: what is predicted)")
    command.add_argument("--mask", help="entry of a sample that is the truth (default: the first of labels or shapes)")
    command.add_argument("--split", help="split of the data set (default: all cases)")
    command.add_argument("--data-options", default="{}", help="options of the data set as JSON: '{\"n\": 20}'")
    command.add_argument("--device", help="where the network runs (default: that of wb.zoo.load)")
    command.add_argument("--framework", help="which framework runs it (default: that of wb.zoo.load)")
    command.add_argument("--report", action="store_true", help="save report.html in the folder, too")
    command.add_argument("--background", action="store_true", help="leave it to a job, which `workbench jobs` lists")
    command.add_argument("--plan", action="store_true", help="say what is left to do, and do nothing")


def explain_score(options: argparse.Namespace) -> int:
    """Run the command and return its exit code: 0 done, 2 wrong usage; other errors are raised."""
    try:
        return _scored(options)
    except InputError as error:
        print(f"workbench: {error}", file=sys.stderr)
        return 2


def _scored(options: argparse.Namespace) -> int:
    from workbench import datasets, explain, zoo
    from workbench._words import count, span
    from workbench.work import Work

    target = int(options.target) if options.target and options.target.isdecimal() else options.target
    where = {name: told for name in ("framework", "device") if (told := getattr(options, name)) is not None}
    model = zoo.load(options.model, **where)
    data = datasets.load(options.data, **_json(options.data_options, "--data-options"))
    methods, checks = _names(options.methods, "--methods"), _names(options.checks, "--checks")
    asked: dict[str, Any] = {"out": options.out, "target": target, "mask": options.mask, "split": options.split}
    if options.plan:
        plan = explain.plan_score_over(model, data, methods, checks, **asked)
        seconds = plan.seconds_left()
        rest = "how long is known after the first case" if seconds is None else f"about {span(seconds)}"
        print(
            f"{count(len(plan.left), 'case')} of {len(plan.cases)} left, {count(len(plan.methods), 'method')}, {rest}"
        )
        return 0
    if options.background:
        print(explain.score_over(model, data, methods, checks, **asked, background=True).path)
        return 0
    found = explain.score_over(model, data, methods, checks, **asked, work=Work(_shown()))
    print(found)
    if options.report:
        print(found.report())
    return 0


def _names(given: str | None, flag: str) -> Any:
    if given is None or not given.lstrip().startswith("{"):
        return None if given is None else [name.strip() for name in given.split(",")]
    read = _json(given, flag)
    for name, told in read.items():
        if not isinstance(told, dict):
            raise InputError(f'{flag}: {name} must have options by name, got {told!r}. Write {{"{name}": {{}}}}.')
    return read


def _json(given: str, flag: str) -> dict[str, Any]:
    try:
        read = json.loads(given)
    except ValueError as error:
        raise InputError(f'{flag} must be JSON, got {given!r} ({error}). Write {{"name": value}}.') from error
    if not isinstance(read, dict):
        raise InputError(f'{flag} must be JSON with names, got {given!r}. Write {{"name": value}}.')
    return read


def _shown() -> Any:
    """Return what shows progress, where somebody looks."""
    if not sys.stderr.isatty():
        return None

    def show(fraction: float, text: str) -> None:
        end = "\n" if fraction == 1 else ""
        print(f"\r{fraction:4.0%} {text:<70}", end=end, file=sys.stderr, flush=True)

    return show
