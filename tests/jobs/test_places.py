"""Where runs are kept, and that they are found wherever they were started."""

import json
import os
import stat
import warnings
from pathlib import Path

import pytest

from workbench.errors import FileError, InputError
from workbench.jobs.places import all_folders, remember, runs_folder
from workbench.training import Recipe, Run, runs
from workbench.training.run import create


@pytest.fixture
def config(tmp_path, monkeypatch):
    folder = tmp_path / "config"
    monkeypatch.setenv("WORKBENCH_CONFIG", str(folder))
    monkeypatch.delenv("WORKBENCH_RUNS", raising=False)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return folder


def make(folder: Path, name: str) -> Run:
    return create(folder / name, Recipe(algorithm="3d-unet"))


def test_a_run_is_found_from_another_folder(config, tmp_path):
    run = make(tmp_path / "tour" / "runs", "20260101-000000-3d-unet-aaaa")
    assert runs() == []
    remember(tmp_path / "tour" / "runs")
    assert runs() == [run]
    here = make(Path("runs"), "20260102-000000-3d-unet-bbbb")
    assert runs() == [here, run], "those beside the notebook as well, newest first"
    assert runs(tmp_path / "tour" / "runs") == [run], "one folder, if it is named"


@pytest.mark.skipif(os.name != "posix", reason="rights of this kind exist on POSIX alone")
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_a_run_and_the_list_of_folders_are_their_owners_alone(config, tmp_path, monkeypatch, mask):
    before = os.umask(mask)
    try:
        run = make(tmp_path / "shared" / "runs", "20260101-000000-3d-unet-aaaa")
        remember(tmp_path / "shared" / "runs")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(place.stat().st_mode) for place in (run.path, config)] == [0o700, 0o700]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is closed to root, nor to Windows in this way"
)
def test_runs_of_others_in_the_same_folder_are_passed_over(config, tmp_path):
    mine, theirs = (make(tmp_path / "all", f"20260101-000000-3d-unet-{name}") for name in ("aaaa", "bbbb"))
    theirs.path.chmod(0)
    try:
        assert runs(tmp_path / "all") == [mine]
    finally:
        theirs.path.chmod(0o700)


def test_the_variable_names_the_one_folder(config, tmp_path, monkeypatch):
    remember(tmp_path / "elsewhere")
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "all"))
    assert all_folders() == [tmp_path / "all"]
    assert runs_folder() == tmp_path / "all"


def test_the_settings_name_the_folder_for_new_runs(config, tmp_path):
    config.mkdir()
    (config / "settings.json").write_text(json.dumps({"runs": str(tmp_path / "mine")}))
    assert runs_folder() == tmp_path / "mine"
    assert runs_folder("given") == Path("given").resolve()


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ("{", FileError, "must be readable JSON"),
        ("[1]", InputError, "must be an object"),
        ('{"runs": 3}', InputError, "must be the path of a folder, got 3"),
    ],
)
def test_wrong_settings_are_told(config, content, error, words):
    config.mkdir()
    (config / "settings.json").write_text(content)
    with pytest.raises(error, match=words):
        runs_folder()


def test_an_unknown_setting_is_told_once_and_stops_nothing(config, tmp_path):
    config.mkdir()
    text = json.dumps({"run": "x", "runs": str(tmp_path / "mine"), "of-tomorrow": {"a": 1}})
    (config / "settings.json").write_text(text)
    with pytest.warns(UserWarning, match="unknown option") as told:
        assert runs_folder() == tmp_path / "mine"
    first, second = (str(one.message) for one in told)
    assert f"{config / 'settings.json'} got an unknown option 'run'. Did you mean 'runs'?" in first
    assert "'of-tomorrow'" in second
    assert "left where it is: a newer version may know it" in second
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert runs_folder() == tmp_path / "mine"
    assert (config / "settings.json").read_text() == text


def test_folders_are_remembered_once_the_latest_first(config, tmp_path):
    for name in ("a", "b", "a"):
        remember(tmp_path / name)
    assert all_folders() == [Path("runs").resolve(), tmp_path / "a", tmp_path / "b"]


def test_settings_that_cannot_be_written_are_told_and_stop_nothing(config, tmp_path):
    config.parent.joinpath("config").write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="Name a folder that can with WORKBENCH_CONFIG"):
        remember(tmp_path / "runs")


def test_a_damaged_note_is_told_and_stops_no_training(config, tmp_path):
    config.mkdir()
    (config / "run-folders.json").write_text('{"a": 1}')
    with pytest.warns(UserWarning, match="must hold a list of folders"):
        remember(tmp_path / "runs")
    with pytest.raises(FileError, match="Delete it: it is made anew"):
        runs()


def test_names(config):
    run = make(Path("runs"), "20260102-000000-3d-unet-bbbb")
    assert (run.name, run.title) == ("", "3d-unet on data in memory")
    assert run.rename("  first try ").name == "first try"
    assert run.title == "first try"
    assert "(first try)" in repr(run)
    assert "first try" in repr(runs())
    assert run.rename("").name == ""
    for wrong in ("two\nlines", "x" * 81, 3):
        with pytest.raises(InputError, match="one line of at most 80 characters"):
            run.rename(wrong)
