"""An explanation as a job: the same map, made by another process, beside what takes longer."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.errors import FileError, InputError
from workbench.explain import Class, Explanation, Region, Request, Voxel
from workbench.explain.background import begin_explanation
from workbench.explain.base import Explainer, Step
from workbench.explain.registry import EXPLAINERS
from workbench.jobs import Job, Placement, Resources
from workbench.jobs.resources import HERE
from workbench.testing import JobContract, toys
from workbench.volume import Volume


def asked() -> tuple[Any, Volume]:
    model = wb.zoo.create("3d-unet", classes=("background", "lung"), width=4, depth=2, seed=1)
    return model, toys.noise_volume((8, 8, 8), toys.OBLIQUE)


@functools.cache
def made_here() -> Explanation:
    """Return a map, whose request has the batches that were measured: it comes out the same to the last bit."""
    model, volume = asked()
    return wb.explain(model, volume, "occlusion", "lung", window=4, stride=2, batch_size=4)


class TestExplaining(JobContract):
    name = "explanation"

    def begin(self, folder: Path) -> Job:
        return begin_explanation(made_here().request, HERE)

    def outcome(self, job: Job) -> Any:
        why = job.result()
        return why.data.tobytes(), why.affine.tobytes(), why.describe()


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "jobs"))
    return tmp_path / "jobs"


def done(job: Job) -> Explanation:
    assert job.wait(120).state == "finished", f"{job!r}\n{job.log()}"
    why: Explanation = job.result()
    return why


@pytest.mark.usefixtures("jobs")
def test_the_map_is_the_one_that_is_made_here() -> None:
    model, volume = asked()
    labels = volume.with_data((volume.data > 0).astype(np.uint8), kind="labels", labels={1: "drawn for J. Doe"})
    options = {"target": Region(labels, label="lung"), "batch_size": 4, "window": 4}
    here = wb.explain(model, volume, "occlusion", **options)
    job = wb.explain(model, volume, "occlusion", **options, background=True)
    there = done(job)
    np.testing.assert_allclose(there.data, here.data, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(there.affine, here.affine)
    assert (there.options, there.layer, there.input_fingerprint) == (here.options, here.layer, here.input_fingerprint)
    assert job.title == "Occlusion of label lung in a region, 3d-unet"
    assert wb.jobs(kind="explanation") == [job]
    again = Request.load(job.path / "request")
    assert np.array_equal(there.replay(again.model, again.volume).data, there.replay(model, volume).data)
    told = "".join(file.read_text("utf-8") for file in job.path.rglob("*") if file.suffix in (".json", ".txt"))
    assert "Doe" not in told


@pytest.mark.usefixtures("jobs")
def test_it_is_let_in_beside_others_unless_it_is_to_have_more() -> None:
    model, volume = asked()
    job = wb.explain(model, volume, "saliency", 1, background=True)
    assert (job.needs, job.priority) == (Resources(cores=1), 0)
    more = wb.explain(model, volume, "saliency", 1, background=Placement(priority=3, needs=Resources(cores=2)))
    assert (more.needs.cores, more.priority) == (2, 3)
    done(job)
    done(more)


def test_what_is_wrong_is_refused_before_a_job_is_made(jobs: Path) -> None:
    model, volume = asked()
    with pytest.raises(InputError, match="Did you mean 'window'"):
        wb.explain(model, volume, "occlusion", windw=3, background=True)
    with pytest.raises(InputError, match=r"progress must be left out with background=True, got one\. Ask the job"):
        wb.explain(model, volume, background=True, progress=print)
    with pytest.raises(InputError, match=r"background must be True, False or a Placement, got 'yes'"):
        wb.explain(model, volume, background="yes")
    assert not jobs.exists()


def _marked() -> Volume:
    volume = toys.noise_volume((8, 8, 8), toys.OBLIQUE)
    return volume.with_data((volume.data > 0).astype(np.uint8), kind="labels", labels={1: "spleen"})


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("spleen", r"Unknown class 'spleen'.* Valid: background, lung\."),
        (Class("lungs"), r"Unknown class 'lungs'\. Did you mean 'lung'\?"),
        (Class(99), r"The model has classes 0 to 1, but the target is class 99\. Take one"),
        (-1, r"The model has classes 0 to 1, but the target is class -1\. Take one"),
        (Region(_marked(), label="spleen"), "Unknown class 'spleen'"),
        (Region(_marked(), label=2, where=1), "The model has classes 0 to 1, but the target is class 2"),
        (Region(_marked(), label="lung", where=4), r"at least one voxel, but none has the value 4; found: \[0, 1\]"),
        (Voxel((1, 1, 1), label="spleen"), "Unknown class 'spleen'"),
        (Voxel((8, 1, 1)), r"must lie in the volume of \(8, 8, 8\) voxels, but is \(8, 1, 1\)"),
        (Voxel((1, 1)), "has 3 spatial axes, but the target is voxel"),
    ],
)
def test_a_target_that_is_not_there_is_refused_at_once_in_the_same_words(jobs: Path, target: Any, words: str) -> None:
    model, volume = asked()
    told = []
    for background in (False, True):
        with pytest.raises(InputError, match=words) as refused:
            wb.explain(model, volume, "saliency", target, background=background)
        told.append(str(refused.value))
    assert told[0] == told[1]
    assert not jobs.exists()


def test_what_other_processes_do_not_know_is_refused(jobs: Path) -> None:
    class Nothing(Explainer):
        """Shows nothing."""

        name, title, summary = "nothing", "Nothing", "Shows nothing."

        def steps(self, problem: Any) -> Any:
            yield Step(1.0, lambda: np.zeros(problem.input.shape[2:]), problem.input.shape[2:])

    model, volume = asked()
    EXPLAINERS.register(Nothing)
    try:
        with pytest.raises(InputError, match=r"method 'nothing' was registered in this process only.*leave out backg"):
            wb.explain(model, volume, "nothing", background=True)
    finally:
        EXPLAINERS.reset()
    with pytest.raises(InputError, match=r"model must be one that can be saved"):
        wb.explain(toys.cnn_model(3), volume, background=True)
    assert not list(jobs.glob("*")), "nothing is left of what could not be laid out"


def test_a_request_that_is_gone_fails_in_words(jobs: Path) -> None:
    model, volume = asked()
    job = wb.explain(model, volume, "saliency", 1, background=True)
    done(job)
    (job.path / "map.json").unlink()
    with pytest.raises(FileError, match=r"needs its 'map\.json' beside it"):
        job.result()
    (job.path / "explanation.json").unlink()
    assert "must hold explanation.json" in repr(wb.jobs(jobs))
