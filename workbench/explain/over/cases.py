"""One case after the other: its maps made and scored, and what was found written whole or not at all."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from workbench._atomic import write_text
from workbench.datasets import Dataset
from workbench.datasets.annotations import parts
from workbench.errors import Cancelled, FileError, StateError
from workbench.explain.check import Subject
from workbench.explain.explanation import Explanation
from workbench.explain.over.pictures import write_picture
from workbench.explain.request import Request
from workbench.explain.scoring import CHECKS, find, inside_of, meant_by
from workbench.jobs.files import read_json, write_json
from workbench.shapes import Shapes
from workbench.tools._cases import words_of
from workbench.volume import Volume
from workbench.work import Work

#: In the folder of the results: what they are of; what was found, a file for each case; a picture for each map.
NOTE, CASES, PICTURES = "scoring.json", "cases", "pictures"
SCHEMA = 1
#: Verdicts beside those of a check: it has nothing to look at in this case, or ended in an error.
NOT_HERE, FAILED = "does not apply", "failed"
_NO_TRUTH = "the case has no mask of the truth"
_NOTHING_MARKED = "the mask of the truth marks nothing in this case"
_ALONE = "there is no other map of this case to compare with"


@dataclass(frozen=True, repr=False)
class ScoringPlan:
    """What is asked of each case, checked, and where the answers go.

    Attributes
    ----------
    model : Model
    dataset : Dataset
    methods, checks : mapping of str to mapping
        Names, each with its options; those of checks are complete.
    target : str, int or None
        The class that is explained; None is what the model predicts.
    mask : str or None
        The entry of a sample that holds the truth; None is the first that holds one.
    split : str or None
        None is all cases.
    folder : Path
    holds : mapping
        What the results depend on beside these, as plain data: the weights.
    """

    model: Any
    dataset: Dataset
    methods: Mapping[str, Mapping[str, Any]]
    checks: Mapping[str, Mapping[str, Any]]
    target: str | int | None
    mask: str | None
    split: str | None
    folder: Path
    holds: Mapping[str, Any]

    def __repr__(self) -> str:
        # without the folder, whose name may be a patient's
        return f"<ScoringPlan {', '.join(self.methods)} of {self.model.name} on {len(self.cases)} cases>"

    @property
    def cases(self) -> list[int]:
        """The numbers of the cases in the data set."""
        return [*range(len(self.dataset))] if self.split is None else self.dataset.splits[self.split]

    @property
    def left(self) -> list[int]:
        """The cases that are not done; one that failed is not."""
        return [number for number in self.cases if not is_done(self.folder, number)]

    @cached_property
    def groups(self) -> list[int]:
        """A number for the patient of each case of the data set, so that no name is written."""
        places: dict[Any, int] = {}
        whose = enumerate(self.dataset.patients)
        return [places.setdefault(("case", place) if one is None else one, len(places)) for place, one in whose]

    @property
    def note(self) -> dict[str, Any]:
        """What the results are of, as plain data."""
        return {
            "schema": SCHEMA,
            "model": self.model.name,
            "framework": self.model.framework.name,
            "data": self.dataset.name,
            "data fingerprint": self.dataset.fingerprint(),
            "methods": {name: dict(options) for name, options in self.methods.items()},
            "checks": {name: dict(options) for name, options in self.checks.items()},
            "target": self.target,
            "mask": self.mask,
            "split": self.split,
            "cases": self.cases,
            **self.holds,
        }

    def open(self) -> None:
        """Make the folder and note in it what its results are of.

        Raises
        ------
        StateError
            If it holds results of something else.
        FileError
            If it cannot be written.
        """
        there = read_json(self.folder / NOTE)
        # as it is read again: tuples are lists there
        note = json.loads(json.dumps(self.note))
        if there is None:
            try:
                (self.folder / CASES).mkdir(parents=True, exist_ok=True)
                (self.folder / PICTURES).mkdir(exist_ok=True)
                write_json(self.folder / NOTE, {**note, "versions": _versions(self.model)})
            except OSError as error:
                raise FileError(
                    f"The scores cannot be written into {self.folder}: {error.strerror}. Choose a folder you may write."
                ) from error
            return
        for word, value in note.items():
            if there.get(word) != value:
                raise StateError(
                    f"{self.folder} holds scores made with {word}={there.get(word)!r}, and not {value!r}. Choose "
                    "another folder, or remove this one."
                )

    def seconds_left(self) -> float | None:
        """Return how long the cases that are left will take, as long as the median of those that are done did.

        None while none is done.
        """
        done = [read_case(self.folder, number)["seconds"] for number in {*self.cases} - {*self.left}]
        return float(np.median(done)) * len(self.left) if done else None


def case_file(folder: Path, number: int) -> Path:
    """Return where what was found of a case lies; by number, because a case may be named after a patient."""
    return folder / CASES / f"{number:06d}.json"


def is_done(folder: Path, number: int) -> bool:
    """Tell whether a case was scored."""
    there = read_json(case_file(folder, number))
    return there is not None and not there["failed"]


def read_case(folder: Path, number: int) -> dict[str, Any]:
    """Return what was found of a case; NaN where a number has no meaning."""
    found: dict[str, Any] = dict(read_json(case_file(folder, number)))
    for row in found["findings"]:
        row["value"] = float("nan") if row["value"] is None else row["value"]
    return found


def score_case(plan: ScoringPlan, number: int, work: Work) -> None:
    """Make the maps of a case, score them, and write what was found.

    What goes wrong is noted with the case, the method or the check that it concerns, and stops no other.

    Raises
    ------
    Cancelled
        If that was asked for; nothing of the case is written.
    FileError
        If the findings cannot be written.
    """
    began = time.monotonic()
    names = {"id": plan.dataset.ids[number], "patient": plan.dataset.patients[number]}
    found: dict[str, Any] = {"case": number, "group": plan.groups[number], "target": "", "failed": "", "findings": []}
    try:
        sample = {**plan.dataset[number], **names}
        image = sample["image"]
        image.load()
        if truth := truth_of(sample, plan.mask, plan.dataset.classes):
            truth.load()
    except Cancelled:
        raise
    except OSError:
        # what cannot be read is named by its path, and a path may name a patient
        found["failed"] = f"It cannot be read; dataset[{number}] says why."
    except Exception as error:  # noqa: BLE001 - one case stops no other
        found["failed"] = words_of(error, names)
    else:
        found |= _scored(plan, sample, image, truth, work, number)
    found["seconds"] = round(time.monotonic() - began, 3)
    try:
        write_text(case_file(plan.folder, number), json.dumps(found, indent=1, allow_nan=False))
    except OSError as error:
        raise FileError(f"The findings cannot be written: {error.strerror}. Make room, then go on.") from error


def truth_of(sample: Mapping[str, Any], entry: str | None, classes: Sequence[str]) -> Volume | None:
    """Return the mask of the truth of a sample: the entry that was named, else the first of labels or shapes."""
    entries = [entry] if entry else ["label", *(name for name in sample if name not in ("image", "label"))]
    for name in entries:
        for part in parts(sample.get(name)).values():
            if isinstance(part, Volume) and (entry or part.kind == "labels"):
                return part
            if isinstance(part, Shapes):
                return _filled(part, sample["image"], classes)
    return None


def _filled(shapes: Shapes, image: Volume, classes: Sequence[str]) -> Volume:
    covered = shapes.onto(image.affine).filled(image.spatial_shape)
    labels = dict(enumerate(classes, start=1))
    return Volume(covered.astype(np.uint16), image.affine, kind="labels", labels=labels, space=image.space)


def _scored(
    plan: ScoringPlan, sample: Mapping[str, Any], image: Volume, truth: Volume | None, work: Work, number: int
) -> dict[str, Any]:
    """Return the findings of a case, by method and check."""
    maps: dict[str, Explanation] = {}
    broken: dict[str, str] = {}
    steps = len(plan.methods) * 2
    for place, (method, options) in enumerate(plan.methods.items()):
        try:
            request = Request(plan.model, image, method, plan.target, None, options)
            maps[method] = request.run(work=work.part(place, steps))
        except (Cancelled, OSError):
            raise  # the case is read by now: what is left is the disk of the results
        except Exception as error:  # noqa: BLE001 - one method stops no other
            broken[method] = words_of(error, sample)
    findings = []
    for place, method in enumerate(plan.methods, start=len(plan.methods)):
        part = work.part(place, steps)
        if method in broken:
            part.tell(1.0)
            findings += [_row(method, name, FAILED, broken[method]) for name in plan.checks]
            continue
        inside = _inside(truth, maps[method])
        findings += _of_map(plan, method, maps, inside, truth is not None, sample, part)
        write_picture(plan.folder / PICTURES / f"{number:06d}.{method}.png", image, maps[method], inside)
    targets = [str(one.target) for one in maps.values()]
    failed = "" if maps else f"No map could be made: {next(iter(broken.values()))}"
    return {"target": targets[0] if targets else "", "failed": failed, "findings": findings}


def _inside(truth: Volume | None, why: Explanation) -> Any:
    """Return where the truth lies on the grid of a map; None where it is not known, or nowhere."""
    if truth is None:
        return None
    inside = inside_of(truth, meant_by(truth, why), why.volume)
    return inside if inside.any() else None


def _of_map(
    plan: ScoringPlan,
    method: str,
    maps: Mapping[str, Explanation],
    inside: Any,
    known: bool,
    sample: Mapping[str, Any],
    work: Work,
) -> list[dict[str, Any]]:
    """Return what each check finds of one map."""
    others = [one for name, one in maps.items() if name != method]
    subject = Subject(maps[method], inside, others)
    rows = []
    for place, (name, options) in enumerate(plan.checks.items()):
        check, part = CHECKS.get(name), work.part(place, len(plan.checks))
        part.tell(0.0, f"{method}: {name}")
        if check.needs_mask and inside is None:
            rows.append(_row(method, name, NOT_HERE, _NOTHING_MARKED if known else _NO_TRUTH))
        elif check.needs_others and not others:
            rows.append(_row(method, name, NOT_HERE, _ALONE))
        else:
            try:
                finding = find(check, subject, options, part, by_name=True)
            except (Cancelled, OSError):
                raise
            except Exception as error:  # noqa: BLE001 - one check stops no other
                rows.append(_row(method, name, FAILED, words_of(error, sample)))
                continue
            assert finding is not None, "a check that is asked for by its name raises what it fails of"
            value = finding.value if np.isfinite(finding.value) else None
            rows.append(_row(method, name, finding.verdict, finding.sentence, value))
    return rows


def _row(method: str, check: str, verdict: str, sentence: str, value: float | None = None) -> dict[str, Any]:
    return {"method": method, "check": check, "value": value, "verdict": verdict, "sentence": sentence}


def _versions(model: Any) -> dict[str, str]:
    from workbench import __version__

    return {"workbench": __version__, **model.framework.versions()}
