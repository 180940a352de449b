"""A tool over a data set as a job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from tests.tools import hasty
from tests.tools.test_macenko import _STAINS, _STRONGEST, OWN, OWN_STRONGEST, picture
from tests.tools.test_mapping import LEVELS, cases
from workbench.datasets import Dataset, from_list
from workbench.errors import InputError, StateError
from workbench.jobs import Job, Resources
from workbench.jobs.faults import HELD, VARIABLE
from workbench.jobs.kind import write_note
from workbench.testing import JobContract
from workbench.testing.grids import oblique
from workbench.tools import Report, Table, over
from workbench.tools.background import _kept
from workbench.tools.kind import _opened
from workbench.work import Work


class TestOverData(JobContract):
    name = "tool"

    def begin(self, folder: Path) -> Job:
        dataset = wb.datasets.load("phantom-ct", n=6, size=12)
        return over("window", dataset, out=folder / "out", level=30, background=True)

    def outcome(self, job: Job) -> Any:
        report = job.result()
        volumes = [wb.read(file) for file in sorted(report.folder.glob("*.nii.gz"))]
        return report.done, report.skipped, report.failed, [volume.fingerprint() for volume in volumes]


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "jobs"))
    return cases(oblique())


def done(job: Job) -> Report:
    assert job.wait(120).state == "finished", f"{job!r}\n{job.log()}"
    report: Report = job.result()
    return report


def test_data_in_memory_travel_with_the_job_and_what_fails_is_reported(dataset: Dataset, tmp_path: Path) -> None:
    job = over(hasty.fail_on_dark, dataset, out=tmp_path / "out", least=2, background=True)
    report = done(job)
    assert (report.tool, report.folder) == ("fail-on-dark", tmp_path / "out")
    assert (report.done, report.skipped) == ([0, 2], [])
    assert report.failed == {1: "The image of None is dark."}
    assert wb.read(tmp_path / "out" / "000002.nii.gz").data.max() == LEVELS[2] + 1
    assert repr(job) == f"Job {job.id}: finished, 2 cases done, 1 failed"
    assert job.title == "fail-on-dark on memory"
    assert "<td style='text-align:left'>2 cases done, 1 failed</td>" in job._repr_mimebundle_()[0]["text/html"]
    assert (job.path / "data" / "dataset.json").is_file()
    assert dataset.spec() is None, "the data set is still that of the caller"


def test_no_patient_is_named_outside_of_the_data(dataset: Dataset, tmp_path: Path) -> None:
    job = over("window", dataset, out=tmp_path / "out", background=True)
    done(job)
    told = [file.read_text() for file in job.path.iterdir() if file.is_file()]
    assert "Doe" not in "".join([*told, repr(job), repr(wb.jobs())])


def test_what_was_there_is_left_alone(dataset: Dataset, tmp_path: Path) -> None:
    over("window", dataset, out=tmp_path / "out")
    (tmp_path / "out" / "000001.nii.gz").unlink()
    report = done(over("window", dataset, out=tmp_path / "out", background=True))
    assert (report.done, report.skipped) == ([1], [0, 2])


def held(dataset: Dataset, out: Path) -> Job:
    """Return a job that has done two cases, and goes no further until it is asked to stop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "progress:2:hold")
        job = over("window", dataset, out=out, background=True)
    until(lambda: (job.path / HELD).exists())
    return job


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.02)


@pytest.mark.usefixtures("dataset")
def test_two_jobs_do_not_write_into_one_folder_at_a_time(tmp_path: Path) -> None:
    dataset = wb.datasets.load("phantom-xray", n=6, size=12)
    first = held(dataset, tmp_path / "out")
    words = rf"must be of one job at a time, .*out is that of job {first.id}, which is running\. .*wait\(\) .*stop\(\)"
    for background in (True, False):
        with pytest.raises(StateError, match=words):
            over("window", dataset, out=tmp_path / "out", background=background)
    assert wb.jobs() == [first]
    assert len(over("window", dataset, out=tmp_path / "other").done) == 6
    assert first.stop().wait(120).state == "stopped"
    second = held(dataset, tmp_path / "out")
    assert first.resume().wait(120).state == "failed"
    assert f"is that of job {second.id}, which is running" in first.status["cause"]
    assert second.stop().wait(120).state == "stopped"
    report = done(first.resume())
    assert (report.done, report.skipped, report.failed) == ([0, 1, 2, 3, 4, 5], [], {})
    assert done(second.resume()).skipped == [0, 1]
    assert [*(tmp_path / "out").glob(".writer*")] == []


def test_a_job_that_is_gone_or_cannot_be_read_keeps_no_folder(dataset: Dataset, tmp_path: Path) -> None:
    first = done(over("window", dataset, out=tmp_path / "out", background=True))
    for job in (tmp_path / "nowhere", wb.jobs()[0].path):
        (tmp_path / "out" / ".writer.json").write_text(json.dumps({"job": str(job)}))
        assert over("window", dataset, out=tmp_path / "out").skipped == first.done
    (wb.jobs()[0].path / "status.json").write_text("{")
    assert over("window", dataset, out=tmp_path / "out").skipped == first.done


def test_inputs_that_are_the_same_for_all_travel_with_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "jobs"))
    other = picture(OWN, OWN_STRONGEST)
    slides = from_list([{"image": picture(_STAINS, _STRONGEST), "label": 0}] * 2, task="classification", classes=("a",))
    found = done(over("macenko", slides, out=tmp_path / "there", like=other, background=True))
    here = over("macenko", slides, out=tmp_path / "here", like=other)
    assert found.done == here.done == [0, 1]
    for index in here.done:
        file = f"{index:06d}.npz"
        np.testing.assert_array_equal(wb.read(tmp_path / "there" / file).data, wb.read(tmp_path / "here" / file).data)


def test_a_table_that_is_the_same_for_all_is_kept_whole(tmp_path: Path) -> None:
    table = Table([{"name": "organ", "mm3": 1.5}, {"name": "lesion"}], digits=1)
    found = _opened(tmp_path / _kept(table, tmp_path, "table"))
    assert isinstance(found, Table)
    assert (found.rows, found.digits) == (table.rows, 1)


def test_several_processes_share_the_cores_of_the_job(dataset: Dataset, tmp_path: Path) -> None:
    job = over(hasty.tell_process, dataset, out=tmp_path / "out", processes=2, background=True)
    report = done(job)
    assert report.done == [0, 1, 2]
    write_note(job.path, "tool", Resources(cores=6))
    for file in report.folder.glob("*.nii.gz"):
        file.unlink()
    (job.path / "report.json").unlink()
    status = json.loads((job.path / "status.json").read_text())
    (job.path / "status.json").write_text(json.dumps(status | {"state": "stopped"}))
    report = done(job.resume())
    processes = set()
    for index in report.done:
        values = wb.read(report.folder / f"{index:06d}.nii.gz").data
        assert values[values < 100].tolist() == [3] * int((values < 100).sum()), "each of two has half of six"
        processes.add(int(values.max()))
    assert os.getpid() not in processes


def test_a_tool_of_a_module_beside_the_notebook_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_tools.py").write_text(
        "from workbench.tools import Image, tool\n\n\n"
        "@tool(group='mine', reference='none')\n"
        "def halve(image: Image) -> Image:\n"
        "    '''Halve every value.'''\n"
        "    return image.with_data(image.data // 2)\n"
    )
    code = (
        "import workbench as wb, my_tools\n"
        "data = wb.datasets.load('phantom-xray', n=2, size=12)\n"
        "job = wb.tools.over(my_tools.halve, data, out='halves', background=True)\n"
        "print(job.wait(120), job.result())\n"
    )
    (tmp_path / "script.py").write_text(code)
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "jobs"))
    told = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "halve: 2 cases done, 0 failed" in told.stdout


def test_a_tool_of_a_cell_is_refused_at_once(dataset: Dataset, tmp_path: Path) -> None:
    cell: dict[str, Any] = {"__name__": "__main__"}
    exec(
        "from workbench.tools import Image, tool\n"
        "@tool(group='mine', reference='none')\n"
        "def halve(image: Image) -> Image:\n"
        "    '''Halve every value.'''\n"
        "    return image\n",
        cell,
    )
    try:
        with pytest.raises(StateError, match=r"halve was declared in a notebook.*Write it into a module.*background"):
            over(cell["halve"], dataset, out=tmp_path / "out", background=True)
    finally:
        wb.tools.catalogue.TOOLS.reset()
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "jobs").exists()


def test_what_is_wrong_is_refused_before_a_job_is_made(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'level'"):
        over("window", dataset, out=tmp_path / "out", levle=3, background=True)
    with pytest.raises(InputError, match=r"work must be left out with background=True, got one\. Ask the job"):
        over("window", dataset, out=tmp_path / "out", background=True, work=Work())
    assert not (tmp_path / "jobs").exists()


@pytest.mark.parametrize(
    ("change", "cause", "remedy"),
    [
        ({"tool": "windwo"}, "Unknown tool 'windwo'. Did you mean 'window'", "Correct the value that is named, and"),
        (
            {"place": "my_tools:halve"},
            "my_tools:halve must be the tool window, got ModuleNotFound",
            "Do what the message",
        ),
        ({"place": "json:dumps"}, "json:dumps must be the tool window, got <function dumps", "Do what the message"),
    ],
)
def test_a_tool_that_is_gone_fails_in_words(
    dataset: Dataset, tmp_path: Path, change: dict[str, str], cause: str, remedy: str
) -> None:
    job = over("window", dataset, out=tmp_path / "out", background=True)
    job.wait(120)
    note = json.loads((job.path / "tool.json").read_text())
    (job.path / "tool.json").write_text(json.dumps(note | change))
    status = json.loads((job.path / "status.json").read_text())
    (job.path / "status.json").write_text(json.dumps(status | {"state": "stopped"}))
    assert job.resume().wait(120).state == "failed"
    assert cause in job.status["cause"]
    assert remedy in job.status["remedy"]
