"""The one App of a kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

import workbench.lab as lab
from workbench.errors import InputError
from workbench.training import Recipe
from workbench.training.run import create


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    monkeypatch.setattr(lab, "_apps", [])
    monkeypatch.chdir(tmp_path)


def test_a_page_that_is_reloaded_meets_the_same_app():
    assert lab.kernel_app() is lab.kernel_app("elsewhere")


def test_it_is_at_home_in_the_folder_that_it_was_opened_in(tmp_path):
    (tmp_path / "study" / "one").mkdir(parents=True)
    lab.kernel_app("study/one")
    assert Path.cwd() == tmp_path / "study" / "one"


def test_a_folder_that_is_not_there_is_passed_over(tmp_path):
    lab.kernel_app("gone")
    assert Path.cwd() == tmp_path


def test_a_job_that_the_kernel_does_not_find_is_told_of(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "runs"))
    with pytest.raises(InputError, match="Unknown job '20260101-a'"):
        lab.open_job("20260101-a")


def test_a_run_is_put_on_the_desk_of_the_app(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "runs"))
    app = lab.kernel_app()
    run = create(tmp_path / "runs" / "20260101-a", Recipe(algorithm="3d-unet"))
    lab.open_job(run.id)
    assert app.desk.run == run
