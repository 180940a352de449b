"""A tool over a data set: results by number, failures in words, cancel, going on, several processes."""

from __future__ import annotations

import csv
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from tests.tools import hasty
from tests.tools.test_base import two_things
from tests.tools.test_macenko import _STAINS, _STRONGEST, OWN, OWN_STRONGEST, picture
from workbench.datasets import Dataset, from_list
from workbench.errors import Cancelled, FileError, InputError, StateError
from workbench.tools import over
from workbench.volume import Volume
from workbench.work import Work

#: Of three cases, the second is dark.
LEVELS = (5, 1, 7)


def cases(affine: np.ndarray, levels: tuple[int, ...] = LEVELS) -> Dataset:
    """Segmented volumes of cases that are named after patients: one voxel of each level, two of label 1."""
    samples = []
    for number, level in enumerate(levels):
        image = np.zeros((4, 3, 2), np.int16)
        image[1, 1, 1] = level
        label = np.zeros((4, 3, 2), np.uint8)
        label[0, 0], label[1, 1, 1] = 1, number % 2 + 1
        samples.append(
            {
                "id": f"Doe^John {number}",
                "patient": f"Doe {number}",
                "image": Volume(image, affine, source=f"/scans/Doe^John {number}.nii.gz"),
                "label": Volume(label, affine, kind="labels"),
            }
        )
    return from_list(samples, task="segmentation", classes=("background", "organ", "lesion"))


@pytest.fixture
def dataset(affine: np.ndarray) -> Dataset:
    return cases(affine)


def test_every_case_has_its_result_by_number(dataset: Dataset, tmp_path: Path) -> None:
    report = over("window", dataset, out=tmp_path / "new" / "out", level=5, width=10, scaled=False)
    assert (report.done, report.skipped, report.failed) == ([0, 1, 2], [], {})
    assert repr(report) == "window: 3 cases done, 0 failed"
    assert sorted(file.name for file in report.folder.iterdir()) == [
        "000000.nii.gz", "000001.nii.gz", "000002.nii.gz", "mapping.json",
    ]  # fmt: skip
    for index, level in enumerate(LEVELS):
        found = wb.read(report.folder / f"{index:06d}.nii.gz")
        assert found.data.max() == level
        np.testing.assert_allclose(found.affine, dataset[index]["image"].affine, atol=1e-4)


def test_labels_go_to_tools_for_labels_and_tables_into_one(dataset: Dataset, tmp_path: Path) -> None:
    assert over("largest-component", dataset, out=tmp_path / "parts").done == [0, 1, 2]
    assert wb.read(tmp_path / "parts" / "000000.nii.gz", kind="labels").data.sum() == 2
    report = over(wb.tools.measure, dataset, out=tmp_path / "sizes")
    with (report.folder / "all-table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["case"], row["name"], row["voxels"]) for row in rows] == [
        ("0", "organ", "3"), ("1", "organ", "2"), ("1", "lesion", "1"), ("2", "organ", "3"),
    ]  # fmt: skip
    assert [row["max"] for row in rows] == ["5.0", "0.0", "1.0", "7.0"], "the image is measured, too"
    assert "Doe" not in "".join(file.read_text() for file in report.folder.iterdir())


def test_which_entry_is_which_input_can_be_said(dataset: Dataset, tmp_path: Path) -> None:
    report = over("resample", dataset, out=tmp_path, sources={"volume": "label"}, spacing=0.4)
    found = wb.read(report.folder / "000001.nii.gz", kind="labels")
    assert set(np.unique(found.data)) == {0, 1, 2}
    with pytest.raises(InputError, match=r"sources= got an unknown option 'image'.*volume"):
        over("resample", dataset, out=tmp_path / "x", sources={"image": "label"}, spacing=0.4)
    with pytest.raises(InputError, match=r"takes a Volume of kind 'scores' as 'scores', which samples do not have"):
        over(two_things, dataset, out=tmp_path / "x")
    report = over(two_things, dataset, out=tmp_path / "y", sources={"scores": "heat"})
    assert "The sample has no 'heat'" in report.failed[0]
    assert [*report.failed] == [0, 1, 2]


def test_an_input_may_be_the_same_for_every_case(dataset: Dataset, affine: np.ndarray, tmp_path: Path) -> None:
    grid = Volume(np.zeros((3, 3, 3)), affine @ np.diag([2.0, 1, 1, 1]))
    for processes in (1, 2):
        report = over("resample", dataset, out=tmp_path / str(processes), like=grid, order=0, processes=processes)
        assert len(report.done) == 3
        for index in range(3):
            assert wb.read(report.folder / f"{index:06d}.nii.gz").same_grid(grid, 1e-3)
    with pytest.raises(StateError, match="results of another shared"):
        over("resample", dataset, out=tmp_path / "1", like=grid.crop((0, 0, 0), (2, 2, 2)), order=0)
    with pytest.raises(InputError, match="as 'like', got str"):
        over("resample", dataset, out=tmp_path / "x", like="label")
    with pytest.raises(InputError, match=r"sources= got an unknown option 'like'"):
        over("resample", dataset, out=tmp_path / "x", like=grid, sources={"like": "label"})


def test_no_image_is_its_own_example(tmp_path: Path) -> None:
    one, other = picture(OWN, OWN_STRONGEST), picture(_STAINS, _STRONGEST)
    data = from_list([(one, 0), (other, 1)], task="classification")
    over("macenko", data, out=tmp_path / "standard")
    assert np.array_equal(wb.read(tmp_path / "standard" / "000000.npz").data, wb.tools.macenko(one).data)
    over("macenko", data, out=tmp_path / "like", like=one)
    assert np.array_equal(wb.read(tmp_path / "like" / "000001.npz").data, wb.tools.macenko(other, one).data)


def test_several_results_have_their_names(dataset: Dataset, tmp_path: Path) -> None:
    scores = [{"image": s["image"], "label": s["label"]} for s in dataset]
    report = over(two_things, from_list(scores, task="segmentation"), out=tmp_path, sources={"scores": "image"})
    assert "got one of kind 'image'" in report.failed[0]
    assert not list(tmp_path.glob("0*"))


@pytest.mark.parametrize("processes", [1, 2])
def test_one_that_fails_stops_no_other_and_names_no_patient(dataset: Dataset, tmp_path: Path, processes: int) -> None:
    report = over(hasty.fail_on_dark, dataset, out=tmp_path, processes=processes, least=3.0)
    assert sorted(report.done) == [0, 2]
    assert report.failed == {1: "The image of ... is dark."}
    assert "2 cases done, 1 failed" in repr(report)
    assert "The image of ... is dark." in report._repr_html_()
    assert wb.read(tmp_path / "000002.nii.gz").data.max() == 8


def test_what_is_there_is_not_made_again(dataset: Dataset, tmp_path: Path) -> None:
    over(hasty.fail_on_dark, dataset, out=tmp_path, least=3.0)
    kept = (tmp_path / "000000.nii.gz").stat().st_mtime_ns
    again = over(hasty.fail_on_dark, dataset, out=tmp_path, least=3.0)
    assert (again.done, again.skipped, [*again.failed]) == ([], [0, 2], [1])
    assert "0 cases done, 2 were there already, 1 failed" in repr(again)
    assert (tmp_path / "000000.nii.gz").stat().st_mtime_ns == kept
    (tmp_path / "000000.nii.gz").unlink()
    assert over(hasty.fail_on_dark, dataset, out=tmp_path, least=3.0).done == [0]


def test_other_results_are_not_mixed_in(dataset: Dataset, affine: np.ndarray, tmp_path: Path) -> None:
    over("window", dataset, out=tmp_path, level=5)
    for other, words in (
        (lambda: over("window", dataset, out=tmp_path, level=6), "holds results of another options"),
        (lambda: over("window", cases(affine, (1, 2)), out=tmp_path, level=5), "holds results of another data"),
        (lambda: over("n4-bias-correction", dataset, out=tmp_path), "another tool: 'window', and not 'n4"),
    ):
        with pytest.raises(StateError, match=f"{words}.*Choose another folder"):
            other()


def test_it_is_cancelled_between_cases_and_goes_on(dataset: Dataset, tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []
    work = Work(lambda fraction, text: (told.append((fraction, text)), work.stop()))
    with pytest.raises(Cancelled):
        over("window", dataset, out=tmp_path, work=work)
    assert told == [(pytest.approx(1 / 3), "1 of 3 cases")]
    report = over("window", dataset, out=tmp_path, work=Work(lambda fraction, text: told.append((fraction, text))))
    assert (report.skipped, report.done) == ([0], [1, 2])
    assert told[-1] == (1.0, "2 of 2 cases")


@pytest.mark.parametrize("processes", [1, 2])
def test_it_is_cancelled_within_a_case(dataset: Dataset, tmp_path: Path, processes: int) -> None:
    work, sign = Work(), tmp_path / "begun"

    def stop_when_begun() -> None:
        while not sign.exists():
            if stopper.wait(0.02):
                return
        work.stop()

    stopper = threading.Event()
    watch = threading.Thread(target=stop_when_begun)
    watch.start()
    try:
        with pytest.raises(Cancelled):
            over(hasty.wait_for_stop, dataset, out=tmp_path / "out", processes=processes, work=work, sign=str(sign))
    finally:
        stopper.set()
        watch.join()
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mapping.json"]


def test_several_processes_share_the_cases_and_the_cores(affine: np.ndarray, tmp_path: Path) -> None:
    dataset = cases(affine, tuple(range(1, 9)))
    dataset.save(tmp_path / "data")  # so that each process reads its own
    report = over(hasty.tell_process, dataset, out=tmp_path / "out", processes=2)
    assert sorted(report.done) == [*range(8)]
    made = [wb.read(report.folder / f"{index:06d}.nii.gz").data for index in range(8)]
    assert os.getpid() not in {int(one.max()) for one in made}
    assert {int(one.min()) for one in made} == {max(1, (os.cpu_count() or 1) // 2)}


def test_a_process_that_dies_takes_no_other_case_along(dataset: Dataset, tmp_path: Path) -> None:
    report = over(hasty.fail_on_dark, dataset, out=tmp_path, processes=2, least=3.0, die=True)
    assert sorted(report.done) == [0, 2]
    assert [*report.failed] == [1]
    assert "ended without a word" in report.failed[1]


def test_a_script_without_a_guard_is_told_what_it_lacks(dataset: Dataset, tmp_path: Path) -> None:
    dataset.save(tmp_path / "data")
    script = tmp_path / "script.py"
    script.write_text(
        "import workbench as wb\n"
        f"data = wb.datasets.load('memory', path={str(tmp_path / 'data')!r})\n"
        "try:\n"
        f"    wb.tools.over('window', data, out={str(tmp_path / 'out')!r}, processes=2)\n"
        "except wb.errors.StateError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=120)
    assert "under `if __name__ == '__main__':`" in done.stdout


def test_a_tool_of_a_cell_stays_in_this_process(dataset: Dataset, tmp_path: Path) -> None:
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(
        "from workbench.tools import Image, Tool\n"
        "def same(image: Image) -> Image:\n    'Change nothing.'\n    return image\n"
        "made = Tool(same, group='mine', reference='mine')\n",
        scope,
    )
    with pytest.raises(StateError, match=r"same was declared in a notebook .* take processes=1"):
        over(scope["made"], dataset, out=tmp_path, processes=2)
    assert over(scope["made"], dataset, out=tmp_path).done == [0, 1, 2]


def test_pictures_keep_everything_they_have(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 255, (12, 10, 3)).astype(np.uint8)
    coloured = Volume(
        values, np.diag([0.5, -0.5, 1, 1]), axes=("i", "j", "c"), space="object", channels=("r", "g", "b")
    )
    report = over("macenko", from_list([(coloured, 0)], task="classification"), out=tmp_path)
    found = wb.read(report.folder / "000000.npz")
    assert (found.shape, found.channels, found.space) == (coloured.shape, coloured.channels, "object")
    assert over("macenko", from_list([(coloured, 0)], task="classification"), out=tmp_path / "png", suffix=".png").done
    report = over("remove-small", from_list([(coloured, 0)], task="classification"), out=tmp_path / "none", voxels=2)
    assert report.failed[0].startswith("Its label is no Volume, and remove-small takes a Volume of kind 'labels'")


def test_a_case_that_cannot_be_read_is_told_without_its_path(tmp_path: Path, affine: np.ndarray) -> None:
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
        for number in range(3):
            volume = Volume(np.ones((4, 4, 4), np.uint8), affine, kind=name if name == "labels" else "image")
            wb.write(volume, tmp_path / name / f"Doe_{number}.nii.gz")
    dataset = wb.datasets.load(
        "folder", images=tmp_path / "images", labels=tmp_path / "labels", label_names=["none", "organ"]
    )
    whole = (tmp_path / "images" / "Doe_1.nii.gz").read_bytes()
    (tmp_path / "images" / "Doe_1.nii.gz").write_bytes(whole[: len(whole) // 2])
    report = over("window", dataset, out=tmp_path / "out")
    assert report.done == [0, 2]
    assert report.failed == {1: "It cannot be read; dataset[1] says why."}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"processes": 0}, "processes must be a whole number, at least 1, got 0"),
        ({"processes": True}, "got True"),
        ({"width": 0}, "window: width must be a number, above 0, got 0"),
        ({"widht": 3}, r"unknown option 'widht'\. Did you mean 'width'"),
        ({"procesess": 2}, r"unknown option 'procesess'\. Did you mean 'processes'"),
        ({"source": 2}, r"unknown option 'source'\. Did you mean 'sources'"),
        ({"sufix": ".nii"}, r"unknown option 'sufix'\. Did you mean 'suffix'"),
        ({"in_background": True}, r"unknown option 'in_background'\. Did you mean 'background'"),
        ({"works": 1}, r"unknown option 'works'\. Did you mean 'work'"),
        ({"levels": 1}, r"unknown option 'levels'\. Did you mean 'level'"),
        ({"suffix": ".docx"}, "tells no format that can be written"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_made(
    dataset: Dataset, tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        over("window", dataset, out=tmp_path / "out", **options)
    with pytest.raises(InputError, match="over takes a Dataset, got list"):
        over("window", [dataset[0]], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("wrong", "right"), [("outt", "out"), ("output", "out"), ("datset", "dataset"), ("tl", "tool")]
)
def test_a_mistyped_keyword_of_what_must_be_given_is_named(
    dataset: Dataset, tmp_path: Path, wrong: str, right: str
) -> None:
    given: dict[str, Any] = {"tool": "window", "dataset": dataset, "out": tmp_path / "out", "level": 30}
    given[wrong] = given.pop(right)
    with pytest.raises(InputError, match=rf"wb\.tools\.over\(\) got .* option '{wrong}'\. Did you mean '{right}'"):
        over(**given)


def test_a_folder_that_cannot_be_made_is_said(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="cannot be written into"):
        over("window", dataset, out=tmp_path / "file" / "out")


def test_a_tool_is_sent_by_its_name() -> None:
    assert len(pickle.dumps(wb.tools.window)) < 200
