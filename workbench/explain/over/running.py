"""Scores of explanations over a data set: case by case, taken up where it was, here or as a job."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from workbench._words import left as time_left
from workbench.datasets import Dataset
from workbench.errors import InputError, choose
from workbench.explain.background import begin_scoring
from workbench.explain.over.cases import ScoringPlan, score_case
from workbench.explain.over.leaderboard import OverScores
from workbench.explain.registry import get
from workbench.explain.scoring import CHECKS
from workbench.explain.scoring import checks as all_checks
from workbench.jobs.resources import Placement
from workbench.signatures import checked
from workbench.tools._writers import check_free
from workbench.work import IDLE, Work
from workbench.zoo.checking import check_volume
from workbench.zoo.predicting import fingerprint

if TYPE_CHECKING:
    from workbench.jobs.job import Job

_OWNER = "wb.explain.score_over()"


@overload
def score_over(
    model: Any,
    dataset: Dataset,
    methods: Sequence[str] | Mapping[str, Mapping[str, Any]],
    checks: Sequence[str] | Mapping[str, Mapping[str, Any]] | None = None,
    *,
    out: str | Path,
    target: str | int | None = None,
    mask: str | None = None,
    split: str | None = None,
    background: Literal[False] = False,
    work: Work = IDLE,
) -> OverScores: ...
@overload
def score_over(
    model: Any,
    dataset: Dataset,
    methods: Sequence[str] | Mapping[str, Mapping[str, Any]],
    checks: Sequence[str] | Mapping[str, Mapping[str, Any]] | None = None,
    *,
    out: str | Path,
    target: str | int | None = None,
    mask: str | None = None,
    split: str | None = None,
    background: Literal[True] | Placement,
    work: Work = IDLE,
) -> Job: ...


@checked(_OWNER, "work")
def score_over(
    model: Any,
    dataset: Dataset,
    methods: Sequence[str] | Mapping[str, Mapping[str, Any]],
    checks: Sequence[str] | Mapping[str, Mapping[str, Any]] | None = None,
    *,
    out: str | Path,
    target: str | int | None = None,
    mask: str | None = None,
    split: str | None = None,
    background: bool | Placement = False,
    work: Work = IDLE,
) -> OverScores | Job:
    """Score the maps of several methods for every case of a data set, and tell which method can be trusted most.

    A case that is done is not done again: called once more with the same folder, it goes on where it was. Cases that a
    check has nothing to look at in are counted and named, as are those that failed.

    Parameters
    ----------
    model : Model
    dataset : Dataset
        What it holds of the truth, labels or shapes, is the mask of the checks that compare a map with one.
    methods : sequence of str, or mapping of str to mapping
        Names of methods (``wb.explain.methods(model)``), or names with their options.
    checks : sequence of str, or mapping of str to mapping, optional
        As for `wb.explain.score`. By default all; that which compares maps only if there are several methods.
    out : path
        The folder for what was found: plain files, and a README.
    target : str or int, optional
        The class that is explained in every case; by default what the model predicts.
    mask : str, optional
        The entry of a sample that is the truth, such as ``"lesion"``; by default the first that holds labels or shapes.
    split : str, optional
        Which split of the data set; by default all cases.
    background : bool or Placement
        Whether a process of its own does it, which goes on when the notebook is closed: the call returns the `Job`.
    work : Work, optional
        Is told how far it is, and stops it; the case that was under way then is done again later.

    Returns
    -------
    OverScores or Job

    Raises
    ------
    InputError
        If a method, check, option, class, entry or split is unknown, or does not fit.
    StateError
        If the folder holds scores of something else, or a job is writing there.
    Cancelled
        If that was asked for.

    Examples
    --------
    >>> model = wb.zoo.load("covid-resnet-phantom-xray")
    >>> data = wb.datasets.load("phantom-xray", task="classification", n=3, size=(64, 64), seed=1)
    >>> found = wb.explain.score_over(model, data, ["grad-cam", "saliency"], ["energy"], target="lesion", out=folder)
    >>> found.leaderboard.columns
    ('rank', 'model', 'method', 'trust', 'low', 'high', 'cases', 'failed', 'verdict', 'what it means')
    """
    placement = Placement.of(background)
    if placement and work is not IDLE:
        raise InputError("work must be left out with background=True, got one. Ask the job: job.status, job.stop().")
    plan = plan_score_over(model, dataset, methods, checks, out=out, target=target, mask=mask, split=split)
    check_free(plan.folder)
    plan.open()
    return begin_scoring(plan, placement) if placement else carry_out(plan, work)


@checked("wb.explain.plan_score_over()")
def plan_score_over(
    model: Any,
    dataset: Dataset,
    methods: Sequence[str] | Mapping[str, Mapping[str, Any]],
    checks: Sequence[str] | Mapping[str, Mapping[str, Any]] | None = None,
    *,
    out: str | Path,
    target: str | int | None = None,
    mask: str | None = None,
    split: str | None = None,
) -> ScoringPlan:
    """Check what `score_over` would be asked and return it, with the cases that are left; nothing is written.

    ``plan.left`` are the cases to do, ``plan.seconds_left()`` says for how long, once a case is done. Parameters and
    errors are those of `score_over`.
    """
    if not isinstance(dataset, Dataset):
        raise InputError(f"{_OWNER}: dataset must be a Dataset, got {type(dataset).__name__}. wb.datasets.load(name).")
    if not hasattr(model, "prepare"):
        raise InputError(f"{_OWNER}: model must be a Model, got {type(model).__name__}. Wrap it: wb.wrap(network).")
    if split is not None:
        choose(split, dataset.splits, "split")
    model.framework.check_finite(model.module)
    if target is not None:
        _check_target(target, model)
    asked = {name: dict(options) for name, options in _named(methods, "methods").items()}
    for name, options in asked.items():
        explainer = get(name)
        if reason := explainer.misfit(model):
            raise InputError(f"The method {name!r} cannot explain this model: {reason}. Leave it out.")
        # those alone that were given: defaults are taken where the map is made, and not noted
        checked_options = explainer.check_options(options)
        asked[name] = {option: checked_options[option] for option in options}
    plan = ScoringPlan(
        model=model,
        dataset=dataset,
        methods=asked,
        checks=_checks(checks, len(asked)),
        target=target,
        mask=mask,
        split=split,
        folder=Path(out).expanduser(),
        holds={"weights": fingerprint(model)},
    )
    if not plan.cases:
        raise InputError(f"{_OWNER}: dataset must have cases to score, got none. Choose another split=.")
    first = dataset[plan.cases[0]]
    check_volume(model, first["image"])
    if mask is not None:
        choose(mask, [name for name in first if name not in ("id", "image", "patient")], "entry of a sample")
    return plan


def carry_out(plan: ScoringPlan, work: Work) -> OverScores:
    """Score the cases that are left, and write the tables."""
    began, left = time.monotonic(), plan.left
    done = len(plan.cases) - len(left)
    for place, number in enumerate(left, start=done):
        share = (place - done) / len(left)
        rest = time_left(time.monotonic() - began, share)
        head = f"case {place + 1} of {len(plan.cases)}" + (f", {rest}" if rest else "")
        part = work.part(place, len(plan.cases))
        score_case(plan, number, _headed(part, head))
    found = OverScores(plan.folder)
    found.write()
    if work is not IDLE:
        work.tell(1.0, f"{len(plan.cases)} of {len(plan.cases)} cases")
    return found


def _headed(work: Work, head: str) -> Work:
    return work if work is IDLE else Work(lambda share, text: work.tell(share, f"{head}: {text}"), work.cancel)


def _named(given: Any, what: str) -> Mapping[str, Mapping[str, Any]]:
    """Return names with their options of a list of names, or such a mapping."""
    if isinstance(given, str) or not isinstance(given, Sequence | Mapping) or not given:
        raise InputError(f"{_OWNER}: {what} must be names, or names with their options, got {given!r}. Give a list.")
    return given if isinstance(given, Mapping) else {name: {} for name in given}


def _checks(given: Any, maps: int) -> dict[str, dict[str, Any]]:
    if given is None:
        return {one.name: one.check_options({}) for one in all_checks() if maps > 1 or not one.needs_others}
    asked = {name: CHECKS.get(name).check_options(options) for name, options in _named(given, "checks").items()}
    alone = [name for name in asked if CHECKS.get(name).needs_others and maps < 2]
    if alone:
        raise InputError(f"The check {alone[0]!r} compares maps, and there is one method. Give several methods.")
    return asked


def _check_target(target: str | int, model: Any) -> None:
    if isinstance(target, str):
        choose(target, model.classes, "class")
    elif not 0 <= target < len(model.classes):
        raise InputError(
            f"{_OWNER}: target must be a class from 0 to {len(model.classes) - 1}, got {target}. The classes are "
            f"{', '.join(model.classes)}."
        )
