"""Predictions over a data set, here and as a job: files on the grid of the images, rows of tables, a report."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.datasets import Dataset, from_list
from workbench.errors import FileError, InputError, StateError
from workbench.jobs import Job, Resources
from workbench.shapes import Boxes, Ellipses, Points
from workbench.testing import JobContract
from workbench.testing.grids import oblique
from workbench.tools import Report
from workbench.volume import Volume
from workbench.work import Work
from workbench.zoo import Model
from workbench.zoo.predicting import _results


def segmenter(seed: int = 0) -> Model:
    return wb.zoo.create("3d-unet", classes=("background", "lung"), width=4, depth=2, seed=seed)


def scans(n: int = 3) -> Dataset:
    values = np.random.default_rng(5).normal(size=(n, 10, 9, 8)).astype(np.float32)
    samples = [{"image": Volume(values[index], oblique()), "label": None, "id": f"Doe {index}"} for index in range(n)]
    return from_list(samples, task="segmentation", classes=("background", "lung"))


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


class TestPrediction(JobContract):
    name = "prediction"

    def begin(self, folder: Path) -> Job:
        dataset = wb.datasets.load("phantom-ct", n=6, size=12)
        job = segmenter().predict_over(dataset, out=folder / "out", background=True)
        assert isinstance(job, Job)
        return job

    def outcome(self, job: Job) -> Any:
        report = job.result()
        volumes = [wb.read(file, kind="labels") for file in sorted(report.folder.glob("*.nii.gz"))]
        return report.done, report.skipped, report.failed, [volume.fingerprint() for volume in volumes]


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "jobs"))
    return tmp_path / "jobs"


def test_labels_are_files_on_the_grid_of_the_image(tmp_path: Path) -> None:
    model, dataset, told = segmenter(), scans(), []
    report = model.predict_over(dataset, out=tmp_path / "out", work=Work(lambda done, _: told.append(done)))
    assert isinstance(report, Report)
    assert (report.done, report.skipped, report.failed) == ([0, 1, 2], [], {})
    for index in range(3):
        written = wb.read(tmp_path / "out" / f"{index:06d}.nii.gz", kind="labels")
        np.testing.assert_array_equal(written.data, model.predict(dataset[index]["image"]).data)
        np.testing.assert_allclose(written.affine, dataset[index]["image"].affine, atol=1e-4)
    assert told[-1] == 1
    assert told == sorted(told)
    assert "Doe" not in "".join(file.name for file in (tmp_path / "out").iterdir())


def test_it_goes_on_where_it_was_and_reports_what_failed(tmp_path: Path) -> None:
    model, good = segmenter(), scans()
    bad = Volume(np.full((10, 9, 8), np.nan, np.float32), oblique())
    samples = [{**good[0]}, {"image": bad, "label": None, "id": "Doe, Jane"}]
    dataset = from_list(samples, task="segmentation", classes=("background", "lung"))
    report = model.predict_over(dataset, out=tmp_path / "out")
    assert report.done == [0]
    assert list(report.failed) == [1]
    assert "Doe" not in report.failed[1]
    again = model.predict_over(dataset, out=tmp_path / "out")
    assert (again.done, again.skipped, list(again.failed)) == ([], [0], [1])


def test_answers_of_another_model_are_not_mixed_in(tmp_path: Path) -> None:
    dataset = scans(1)
    segmenter().predict_over(dataset, out=tmp_path / "out")
    with pytest.raises(StateError, match=r"holds results of another model: '3d-unet \w{16}', and not '3d-unet"):
        segmenter(seed=1).predict_over(dataset, out=tmp_path / "out")
    other = segmenter()
    other.preprocess = {**other.preprocess, "intensity": {"kind": "none"}}
    with pytest.raises(StateError, match="holds results of another model"):
        other.predict_over(dataset, out=tmp_path / "out")
    other.save(tmp_path / "model.safetensors")
    loaded = wb.zoo.load(tmp_path / "model.safetensors")
    other.predict_over(dataset, out=tmp_path / "there")
    assert loaded.predict_over(dataset, out=tmp_path / "there").skipped == [0], "the same model from its file"


def test_classes_are_rows_with_the_probability_of_each(tmp_path: Path) -> None:
    model = wb.zoo.create("covid-resnet", variant="small", classes=("normal", "lesion"))
    dataset = wb.datasets.load("phantom-xray", n=3, size=32, task="classification")
    report = model.predict_over(dataset, out=tmp_path / "out")
    assert report.done == [0, 1, 2]
    found = rows(tmp_path / "out" / "all-classes.csv")
    assert list(found[0]) == ["case", "class", "p(normal)", "p(lesion)"]
    for index, row in enumerate(found):
        answer = model.predict(dataset[index]["image"])
        assert (row["case"], row["class"]) == (str(index), answer.name)
        assert [float(row["p(normal)"]), float(row["p(lesion)"])] == pytest.approx(answer.probabilities)


def test_a_class_and_a_mask_are_a_row_and_a_file(tmp_path: Path) -> None:
    model = wb.zoo.create("mtcsn", in_channels=3)
    picture = Volume(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8), axes=("i", "j", "c"))
    dataset = from_list([{"image": picture, "label": 0}], task="classification", classes=("a", "b"))
    report = model.predict_over(dataset, out=tmp_path / "out")
    assert report.failed == {}
    assert wb.read(tmp_path / "out" / "000000.mask.npz").spatial_shape == (64, 64)
    assert rows(tmp_path / "out" / "all-classes.csv")[0]["class"] in model.classes


@pytest.mark.parametrize(
    ("found", "columns"),
    [
        (Points([[1, 2, 3]], [1], oblique(), [0.5]), {"i": 1.0, "j": 2.0, "k": 3.0}),
        (
            Boxes([[0, 1, 2, 2, 3, 4]], [1], oblique(), [0.5]),
            {"i_low": 0.0, "j_low": 1.0, "k_low": 2.0, "i_high": 2.0, "j_high": 3.0, "k_high": 4.0},
        ),
    ],
)
def test_shapes_are_rows_in_voxels_and_their_centres_in_mm(found: Any, columns: dict[str, float]) -> None:
    image = Volume(np.zeros((5, 6, 7), np.float32), oblique())
    (row,) = _results(found, ("cell", "nucleus"), image).rows
    x, y, z = oblique()[:3, :3] @ [1, 2, 3] + oblique()[:3, 3]
    assert row == pytest.approx(row | {"score": 0.5, **columns, "x_mm": x, "y_mm": y, "z_mm": z})
    assert list(row) == ["class", "score", *columns, "x_mm", "y_mm", "z_mm"]
    assert row["class"] == "nucleus"


def test_a_picture_without_a_size_has_no_millimetres() -> None:
    picture = Volume(np.zeros((9, 9), np.float32))
    (row,) = _results(Ellipses([[4, 5, 3, 2, 0]]), ("head",), picture).rows
    assert row == {"class": "head", "i": 4.0, "j": 5.0, "semi_axis_a": 3.0, "semi_axis_b": 2.0, "angle_rad": 0.0}
    assert _results(Points([]), ("cell",), picture).rows == []


@pytest.mark.usefixtures("jobs")
def test_data_in_memory_and_the_model_travel_with_the_job(tmp_path: Path) -> None:
    model, dataset = segmenter(), scans()
    job = model.predict_over(dataset, out=tmp_path / "out", suffix=".nii", skip_air=False, background=True)
    assert job.wait(120).state == "finished", f"{job!r}\n{job.log()}"
    assert job.result().done == [0, 1, 2]
    assert (job.title, job.needs) == ("3d-unet on memory", Resources())
    assert job.facts == "3 cases done, 0 failed"
    for index in range(3):
        there = wb.read(tmp_path / "out" / f"{index:06d}.nii", kind="labels")
        assert np.mean(there.data != model.predict(dataset[index]["image"]).data) < 0.01
    assert model.predict_over(dataset, out=tmp_path / "out", suffix=".nii", skip_air=False).skipped == [0, 1, 2]
    told = [file.read_text() for file in job.path.iterdir() if file.suffix in (".json", ".txt")]
    assert "Doe" not in "".join(told)


@pytest.mark.usefixtures("jobs")
def test_two_jobs_do_not_write_into_one_folder_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, dataset = segmenter(), scans()
    monkeypatch.setenv("WORKBENCH_FAULTS", "progress:1:hold")
    first = model.predict_over(dataset, out=tmp_path / "out", background=True)
    assert isinstance(first, Job)
    for background in (True, False):
        with pytest.raises(StateError, match=rf"one job at a time, and .*out is that of job {first.id}, which is "):
            model.predict_over(dataset, out=tmp_path / "out", background=background)
    assert wb.jobs() == [first]
    assert first.stop().wait(120).state == "stopped"
    assert model.predict_over(dataset, out=tmp_path / "out").failed == {}


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("skip_aire", "skip_air"), ("skipair", "skip_air"), ("precission", "precision"), ("suffixes", "suffix"),
        ("backgroud", "background"), ("wrk", "work"),
    ],
)  # fmt: skip
def test_a_mistyped_keyword_is_named_with_the_nearest(tmp_path: Path, wrong: str, right: str) -> None:
    words = rf"model\.predict_over\(\) got an unknown option '{wrong}'\. Did you mean '{right}'\?"
    with pytest.raises(InputError, match=words):
        segmenter().predict_over(scans(1), out=tmp_path / "out", **{wrong: True})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("wrong", "right"), [("outt", "out"), ("output", "out"), ("datset", "dataset")])
def test_a_mistyped_keyword_of_what_must_be_given_is_named(tmp_path: Path, wrong: str, right: str) -> None:
    given = {"dataset": scans(1), "out": tmp_path / "out", "skip_air": False}
    given[wrong] = given.pop(right)
    with pytest.raises(InputError, match=rf"unknown option '{wrong}'\. Did you mean '{right}'"):
        segmenter().predict_over(**given)


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize("background", [False, True])
def test_of_a_folder_it_is_told_which_file_a_number_is(tmp_path: Path, jobs: Path, background: bool) -> None:
    (tmp_path / "scans").mkdir()
    for number, name in enumerate(("ann", "bob")):
        wb.write(scans()[number]["image"], tmp_path / "scans" / f"{name}.nii.gz")
    whole = (tmp_path / "scans" / "bob.nii.gz").read_bytes()
    (tmp_path / "scans" / "bob.nii.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "scans" / "readme.txt").write_text("no scan")
    made: Any = segmenter().predict_over(tmp_path / "scans", out=tmp_path / "out", background=background)
    report = made.wait().result() if background else made
    assert (report.done, report.ids) == ([0], ("ann", "bob"))
    assert report.table(ids=True).rows == [
        {"case": 1, "id": "bob", "why": "It cannot be read; wb.read of its file says why."}
    ]
    assert "bob" not in repr(report) + report._repr_html_(), "a notebook keeps what is shown"
    assert json.loads((tmp_path / "out" / "mapping.json").read_text())["cases"] == ["ann", "bob"]


def test_results_of_a_folder_from_before_ids_were_noted_go_on(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    wb.write(scans()[0]["image"], tmp_path / "scans" / "ann.nii.gz")
    segmenter().predict_over(tmp_path / "scans", out=tmp_path / "out")
    note = tmp_path / "out" / "mapping.json"
    note.write_text(json.dumps({key: told for key, told in json.loads(note.read_text()).items() if key != "cases"}))
    report = segmenter().predict_over(tmp_path / "scans", out=tmp_path / "out")
    assert (report.skipped, report.ids) == ([0], ("ann",))  # type: ignore[union-attr]


def test_a_folder_of_images_is_enough(tmp_path: Path) -> None:
    model, dataset = segmenter(), scans()
    (tmp_path / "images").mkdir()
    for index in range(3):
        wb.write(dataset[index]["image"], tmp_path / "images" / f"scan {index}.nii.gz")
    here = model.predict_over(tmp_path / "images", out=tmp_path / "here", suffix=".nii")
    job = model.predict_over(str(tmp_path / "images"), out=tmp_path / "there", suffix=".nii", background=True)
    assert isinstance(job, Job)
    assert job.wait(120).state == "finished", f"{job!r}\n{job.log()}"
    assert (here.done, job.result().done) == ([0, 1, 2], [0, 1, 2])
    assert job.title == "3d-unet on folder"
    assert not (job.path / "data").exists(), "files are read where they are"
    for index in range(3):
        written = wb.read(tmp_path / "here" / f"{index:06d}.nii", kind="labels")
        np.testing.assert_array_equal(written.data, model.predict(dataset[index]["image"]).data)
    colours = wb.zoo.create("3d-unet", in_channels=3, width=4, depth=2)
    with pytest.raises(InputError, match=r"made for 3 channels, but images of data set folder have 1"):
        colours.predict_over(tmp_path / "images", out=tmp_path / "out")


def test_what_does_not_fit_is_refused_before_anything_is_made(tmp_path: Path, jobs: Path) -> None:
    model, pictures = segmenter(), wb.datasets.load("phantom-xray", n=2, size=16)
    with pytest.raises(InputError, match=r"3d-unet takes 3D images, but data set phantom-xray has 2D images"):
        model.predict_over(pictures, out=tmp_path / "out", background=True)
    colours = wb.zoo.create("2d-unet", in_channels=3)
    with pytest.raises(InputError, match=r"made for 3 channels, but images of data set phantom-xray have 1"):
        colours.predict_over(pictures, out=tmp_path / "out")
    with pytest.raises(InputError, match=r"takes a Dataset or a folder, got list\. Make one"):
        model.predict_over([], out=tmp_path / "out")
    with pytest.raises(FileError, match=r"There is no folder images\. Give the folder that holds the files"):
        model.predict_over("images", out=tmp_path / "out")
    with pytest.raises(InputError, match="Did you mean 'skip_air'"):
        model.predict_over(scans(1), out=tmp_path / "out", skip_aire=False)
    with pytest.raises(InputError, match=r"work must be left out with background=True"):
        model.predict_over(scans(1), out=tmp_path / "out", background=True, work=Work())
    assert not (tmp_path / "out").exists()
    assert not jobs.exists()
