"""The one App of a kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

import workbench.lab as lab


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
