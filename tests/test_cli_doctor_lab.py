"""What the doctor says about JupyterLab: each warning when there is cause for it, and not else."""

from __future__ import annotations

import json
import os
import socket
import stat

import pytest

from workbench.cli import _doctor_lab, _lab


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """A place where JupyterLab finds the extension, and nothing else."""
    place = tmp_path / "share" / "jupyter" / "labextensions" / "medical-workbench"
    place.mkdir(parents=True)
    monkeypatch.setenv("JUPYTER_PATH", str(place.parents[1]))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    monkeypatch.setattr("jupyter_core.paths.ENV_JUPYTER_PATH", [str(tmp_path / "nowhere")])
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("JUPYTERLAB_SETTINGS_DIR", str(tmp_path / "settings"))
    return place


def found(part):
    return {finding.name: finding for finding in part()}


def manifest(load):
    return json.dumps({"jupyterlab": {"_build": {"load": load}}})


def test_a_copy_of_another_version_is_told(installed, monkeypatch):
    monkeypatch.setattr(_doctor_lab, "_build", lambda place: "new" if place != installed else "old")
    (installed / "package.json").write_text(manifest("old"))
    told = found(_doctor_lab.extensions)["extension"]
    assert told.state == "warning"
    assert "another version's copy" in told.found
    assert str(installed) in told.remedy
    monkeypatch.setattr(_doctor_lab, "_build", lambda place: "same")
    assert found(_doctor_lab.extensions)["extension"].state == "ok"


def test_a_missing_extension_is_told(installed):
    told = found(_doctor_lab.extensions)["extension"]
    assert told.state == "warning"
    assert "not installed" in told.found


@pytest.mark.parametrize("root", [True, False])
def test_root_is_told(installed, monkeypatch, root):
    monkeypatch.setattr(_lab, "is_root", lambda: root)
    told = found(_doctor_lab.person)
    assert ("user" in told) == root
    if root:
        assert told["user"].state == "warning"
        assert "workbench lab" in told["user"].remedy


def test_a_port_in_use_is_told(installed, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(_doctor_lab, "_PORT", taken.getsockname()[1])
        assert found(_doctor_lab.person)["port"].state == "warning"
    assert found(_doctor_lab.person)["port"].state == "ok"


def test_settings_that_are_not_there_are_told(installed, tmp_path):
    assert found(_doctor_lab.person)["settings"].state == "warning"
    overrides = installed.parents[1] / "lab" / "settings" / "overrides.json"
    overrides.parent.mkdir(parents=True)
    named = '{"@jupyterlab/apputils-extension:notification": %s}'
    overrides.write_text(named % '{"fetchNews": "false", "checkForUpdates": false}')
    assert found(_doctor_lab.person)["settings"].state == "ok"
    overrides.write_text(named % '{"fetchNews": "true", "checkForUpdates": true}')
    assert found(_doctor_lab.person)["settings"].found == "JupyterLab looks for updates and fetches news"
    overrides.write_text("{}")
    assert found(_doctor_lab.person)["settings"].state == "warning"
    own = tmp_path / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    own.parent.mkdir(parents=True)
    own.write_text('{"fetchNews": "false"}')
    assert found(_doctor_lab.person)["settings"].found == "JupyterLab looks for updates"
    own.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    assert found(_doctor_lab.person)["settings"].state == "ok"
    own.write_text('{"fetchNews": "false" /* no */}')
    assert "has comments" in found(_doctor_lab.person)["settings"].found


def test_places_that_cannot_be_written_are_told(installed, monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "runs"))
    before = found(_doctor_lab.person)
    assert (before["runs folder"].state, before["packages"].state) == ("ok", "ok")
    # root may write anywhere, so what the system answers is put in its place
    monkeypatch.setattr(os, "access", lambda place, mode: not mode & os.W_OK)
    told = found(_doctor_lab.person)
    assert told["runs folder"].state == told["packages"].state == "warning"
    assert "WORKBENCH_RUNS" in told["runs folder"].remedy
    assert "as on a hub" in told["packages"].found


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_the_right_to_write_is_told(installed, monkeypatch, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(stat.S_IRUSR | stat.S_IXUSR)
    monkeypatch.setenv("WORKBENCH_RUNS", str(shared / "runs"))
    assert found(_doctor_lab.person)["runs folder"].state == "warning"


def test_a_file_where_the_runs_should_be_is_told(installed, monkeypatch, tmp_path):
    (tmp_path / "runs").write_text("a note")
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "runs"))
    assert found(_doctor_lab.person)["runs folder"].state == "warning"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"rusn": "x"}', "got an unknown option 'rusn'. Did you mean 'runs'"),
        ("{", "must be readable JSON"),
        ('{"runs": 3}', "must be the path of a folder, got 3"),
    ],
)
def test_wrong_settings_of_the_workbench_are_told_by_themselves(installed, monkeypatch, tmp_path, content, words):
    monkeypatch.setenv("WORKBENCH_CONFIG", str(tmp_path / "mine"))
    monkeypatch.delenv("WORKBENCH_RUNS", raising=False)
    file = tmp_path / "mine" / "settings.json"
    assert found(_doctor_lab.person)["settings.json"].state == "ok"
    file.parent.mkdir()
    file.write_text(content)
    told = found(_doctor_lab.person)
    assert told["settings.json"].state == "warning"
    assert words in told["settings.json"].found
    assert str(file) in told["settings.json"].found
    assert str(file) in told["settings.json"].remedy
    assert told["port"].state in ("ok", "warning"), "the rest is looked at all the same"
    file.write_text(f'{{"runs": "{tmp_path.as_posix()}"}}')
    told = found(_doctor_lab.person)
    assert (told["settings.json"].state, told["runs folder"].found) == ("ok", str(tmp_path))
