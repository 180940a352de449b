"""Scores over a data set: every case, resumed, as a job; what is not to be scored is counted."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.datasets import Dataset
from workbench.errors import Cancelled, InputError, StateError
from workbench.jobs import Job
from workbench.testing import JobContract
from workbench.work import Work

#: Batches of one size, so that sums are rounded in one way.
METHODS = {"saliency": {}, "occlusion": {"window": 16, "stride": 16, "batch_size": 4}}
CHECKS = ["pointing-game", "energy", "agreement"]


@functools.cache
def asked() -> tuple[Any, Dataset]:
    data = wb.datasets.load("phantom-xray", task="classification", n=4, size=(32, 32), lesion_size=(30, 50), seed=1)
    model = wb.zoo.create("covid-resnet", classes=data.classes, in_channels=1, seed=1)
    return model, data


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> wb.explain.OverScores:
    model, data = asked()
    return wb.explain.score_over(model, data, METHODS, CHECKS, target="lesion", out=tmp_path_factory.mktemp("scores"))


class TestScoringOver(JobContract):
    name = "explanation-scores"

    def begin(self, folder: Path) -> Job:
        model, data = asked()
        return wb.explain.score_over(
            model, data, METHODS, CHECKS, target="lesion", split="train", out=folder / "scores", background=True
        )

    def outcome(self, job: Job) -> Any:
        made = job.result()
        return json.dumps([made.rows, made.leaderboard.rows, made.means.rows, made.failed])


def test_each_number_is_that_of_scoring_the_case_alone(found):
    model, data = asked()
    for number in found.cases:
        maps = [
            wb.explain(model, data[number]["image"], name, "lesion", **options) for name, options in METHODS.items()
        ]
        truth = data[number]["lesion"]
        marked = bool(np.any(truth.data))
        alone = wb.explain.score(maps, truth if marked else None, CHECKS if marked else CHECKS[-1:])
        rows = [row for row in found.rows if row["case"] == number and row["verdict"] != "does not apply"]
        assert [row["check"] for row in rows] == [one.check.name for one in alone.found]
        assert [row["value"] for row in rows] == pytest.approx([one.finding.value for one in alone.found], rel=1e-3)
        assert [row["verdict"] for row in rows] == [one.finding.verdict for one in alone.found]


def test_what_does_not_apply_is_counted_and_named(found):
    _, data = asked()
    healthy = [number for number in range(len(data)) if not np.any(data[number]["lesion"].data)]
    assert 0 < len(healthy) < len(data)
    (row,) = [one for one in found.means.rows if (one["method"], one["check"]) == ("saliency", "energy")]
    assert (row["cases"], row["does not apply"]) == (len(data) - len(healthy), len(healthy))
    (left,) = [one for one in found.left_out.rows if (one["method"], one["check"]) == ("saliency", "energy")]
    assert left["cases"] == ", ".join(map(str, healthy))
    assert left["words"] == "the mask of the truth marks nothing in this case"


def test_the_files_are_plain_and_name_no_patient(found):
    _, data = asked()
    names = {file.name for file in found.folder.iterdir()}
    assert names >= {"README.md", "findings.csv", "means.csv", "leaderboard.csv", "left-out.csv", "summary.json"}
    told = "".join(
        file.read_text("utf-8") for file in found.folder.rglob("*") if file.suffix in (".json", ".csv", ".md")
    )
    assert not any(name in told for name in {*data.ids, *data.patients})
    assert len([*(found.folder / "pictures").iterdir()]) == len(data) * len(METHODS)
    assert found.picture(0, "saliency")[:4] == b"\x89PNG"
    assert wb.explain.OverScores(found.folder).rows[0] == found.rows[0]


def test_a_case_that_is_done_is_not_done_again(tmp_path, found):
    model, data = asked()
    out = tmp_path / "scores"

    def stop(share: float, _: str) -> None:
        if share > 0.55:
            work.stop()

    work = Work(stop)
    with pytest.raises(Cancelled):
        wb.explain.score_over(model, data, METHODS, CHECKS, target="lesion", out=out, work=work)
    plan = wb.explain.plan_score_over(model, data, METHODS, CHECKS, target="lesion", out=out)
    assert plan.left == [2, 3]
    assert plan.seconds_left() > 0
    partly = wb.explain.OverScores(out)
    assert partly.missing == [2, 3]
    assert "2 not done yet" in repr(partly)
    before = (out / "cases" / "000000.json").stat().st_mtime_ns
    again = wb.explain.score_over(model, data, METHODS, CHECKS, target="lesion", out=out)
    assert (out / "cases" / "000000.json").stat().st_mtime_ns == before
    assert again.leaderboard.rows == found.leaderboard.rows
    with pytest.raises(StateError, match=r"holds scores made with target='lesion', and not 'no lesion'"):
        wb.explain.score_over(model, data, METHODS, CHECKS, target="no lesion", out=out)


def test_one_case_that_fails_stops_no_other(tmp_path, monkeypatch):
    model, data = asked()
    read = type(data)._read

    def broken(self: Dataset, index: int) -> Any:
        if index == 1:
            raise ValueError(f"no pixels in {self.ids[index]}")
        return read(self, index)

    monkeypatch.setattr(type(data), "_read", broken)
    fresh = wb.datasets.from_spec(data.spec())
    made = wb.explain.score_over(model, fresh, ["saliency"], ["energy"], target=1, out=tmp_path)
    assert made.failed == {1: "ValueError: no pixels in ..."}
    assert made.cases == [0, 2, 3]
    assert "1 failed" in made.headline
    monkeypatch.undo()
    again = wb.explain.score_over(model, data, ["saliency"], ["energy"], target=1, out=tmp_path)
    assert (again.failed, again.cases) == ({}, [0, 1, 2, 3])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"methods": ["salency"]}, "Did you mean 'saliency'"),
        ({"methods": {"occlusion": {"windw": 3}}}, "Did you mean 'window'"),
        ({"methods": "saliency"}, "methods must be names, or names with their options, got 'saliency'"),
        ({"checks": ["enrgy"]}, "Did you mean 'energy'"),
        ({"methods": ["saliency"], "checks": ["agreement"]}, "compares maps, and there is one method"),
        ({"target": "lesions"}, "Did you mean 'lesion'"),
        ({"target": 7}, "target must be a class from 0 to 1, got 7"),
        ({"mask": "leson"}, "Did you mean 'lesion'"),
        ({"split": "tst"}, "Did you mean 'test'"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_written(tmp_path, change, words):
    model, data = asked()
    given = {"methods": METHODS, "checks": CHECKS, "out": tmp_path / "scores", **change}
    with pytest.raises(InputError, match=words):
        wb.explain.score_over(model, data, **given)
    assert not (tmp_path / "scores").exists()


def test_options_are_those_that_were_checked(tmp_path):
    model, data = asked()
    other = data[0]["image"]
    given = {"occlusion": {"window": np.int64(16), "stride": 16, "baseline": other}}
    plan = wb.explain.plan_score_over(model, data, given, ["energy"], out=tmp_path / "a")
    options = plan.methods["occlusion"]
    assert (options["window"], type(options["window"])) == (16, int)
    assert {*options} == {"window", "stride", "baseline"}
    found = wb.explain.score_over(model, data, given, ["energy"], target="lesion", out=tmp_path / "a")
    assert not [row for row in found.rows if row["verdict"] == "failed"]
    assert not found.failed
    again = wb.explain.score_over(model, data, given, ["energy"], target="lesion", out=tmp_path / "a")
    assert json.dumps(again.rows) == json.dumps(found.rows)
    with pytest.raises(InputError, match="got another case as a baseline"):
        wb.explain.score_over(model, data, given, ["energy"], out=tmp_path / "b", background=True)
