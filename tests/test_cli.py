"""The command line."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pytest

import workbench as wb
from workbench.cli import _doctor, main
from workbench.cli._doctor import Finding, core_is_fine, examine, report
from workbench.frameworks import KnownProblem, get
from workbench.jobs.places import remember
from workbench.training import Recipe
from workbench.training.run import create


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys; from workbench.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        "print([m for m in ('numpy', 'torch', 'monai', 'mindspore', 'matplotlib') if m in sys.modules])"
    )
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert time.monotonic() - start < 20
    assert done.stdout.splitlines()[-1] == "[]"
    assert "doctor" in done.stdout


def test_python_dash_m_works():
    done = subprocess.run([sys.executable, "-m", "workbench", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"workbench {wb.__version__}"


@pytest.mark.parametrize("command", ["info", "read"])
def test_info_describes_a_volume(command, tmp_path, affine, capsys):
    volume = wb.Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), affine)
    wb.write(volume, tmp_path / "v.nii.gz")
    assert main([command, str(tmp_path / "v.nii.gz"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["shape"] == [2, 3, 4]
    assert (facts["minimum"], facts["maximum"]) == (0, 23)
    np.testing.assert_allclose(facts["affine"], affine, atol=1e-4)
    assert main([command, str(tmp_path / "v.nii.gz")]) == 0
    out = capsys.readouterr().out
    assert "2 x 3 x 4" in out
    assert f"orientation  {volume.orientation}" in out


@pytest.mark.parametrize(
    ("space", "shown"),
    [("patient", {"spacing_mm", "orientation"}), ("object", {"spacing_mm"}), ("pixels", set())],
)
def test_info_claims_no_more_than_the_file_says(space, shown, tmp_path, capsys):
    wb.write(wb.Volume(np.zeros((2, 3, 4), np.uint8), space=space), tmp_path / "v.nii.gz")
    assert main(["info", str(tmp_path / "v.nii.gz")]) == 0
    names = {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    assert names & {"spacing_mm", "orientation"} == shown


def test_errors_are_one_line_and_exit_code_one(tmp_path, capsys):
    (tmp_path / "bad.nii.gz").write_bytes(b"text")
    for arguments in (["info", str(tmp_path / "bad.nii.gz")], ["datasets", "nope"], ["download", "phantom-ct"]):
        assert main(arguments) == 1
        captured = capsys.readouterr()
        assert captured.err.startswith("workbench: ")
        assert captured.err.count("\n") == 1
        assert captured.out == ""
    with pytest.raises(SystemExit) as stop:
        main(["no-such-command"])
    assert stop.value.code == 2


def test_datasets_are_listed_and_shown(capsys):
    assert main(["datasets"]) == 0
    assert "phantom-ct" in capsys.readouterr().out
    assert main(["datasets", "phantom-ct"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("lesion_probability"))
    assert line.split("  ")[1:3] == ["a number, at least 0 and at most 1", ""]
    assert "0.5" in line


def test_the_zoo_is_listed_and_shown(capsys):
    assert main(["zoo"]) == 0
    assert "3d-unet" in capsys.readouterr().out
    assert main(["zoo", "3d-unet"]) == 0
    assert capsys.readouterr().out


def test_runs_of_an_empty_folder(tmp_path, capsys):
    assert main(["runs", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"No runs in {tmp_path}.\n"


def test_jobs_of_every_kind_are_listed(tmp_path, capsys):
    assert main(["jobs", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"No jobs in {tmp_path}.\n"
    run = create(tmp_path / "a", Recipe(algorithm="3d-unet"))
    assert main(["jobs", str(tmp_path)]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["job", "kind", "title", "state", "so", "far", "folder"]
    assert row.split() == [
        "a",
        "training",
        "3d-unet",
        "on",
        "data",
        "in",
        "memory",
        "starting",
        "epoch",
        "0/10",
        str(run.path),
    ]


def test_what_was_waiting_is_started_when_it_is_asked_for(tmp_path, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr("workbench.jobs.executors.local.revive", lambda: asked.append(True))
    assert main(["jobs", str(tmp_path)]) == 0
    assert not asked
    assert main(["jobs", "--start", str(tmp_path)]) == 0
    assert asked == [True]
    assert capsys.readouterr().out == 2 * f"No jobs in {tmp_path}.\n"


def test_runs_of_a_folder_that_is_not_there(tmp_path, capsys):
    assert main(["runs", str(tmp_path / "nofolder")]) == 1
    assert f"workbench: There is no folder {tmp_path / 'nofolder'}." in capsys.readouterr().err


def test_runs_are_those_that_the_help_promises(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("WORKBENCH_RUNS", raising=False)
    monkeypatch.chdir(tmp_path)
    assert main(["runs"]) == 0
    assert capsys.readouterr().out == "No runs.\n"
    folders = [tmp_path / "runs", tmp_path / "elsewhere"]
    for folder in folders:
        create(folder / f"20260101-{folder.name}", Recipe(algorithm="3d-unet"))
        remember(folder)
    assert main(["runs"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["run", "name", "data", "state", "epoch", "best", "folder"]
    assert [line.split()[-1] for line in lines] == [str(folder / f"20260101-{folder.name}") for folder in folders]
    monkeypatch.setenv("WORKBENCH_RUNS", str(folders[1]))
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.count("\n") == 2
    (folders[1] / "20260101-elsewhere" / "recipe.json").write_text('{"algorithm": "3d-unet", "widht": 3}')
    assert main(["runs"]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert "damaged" in line
    assert "widht" in line
    with pytest.raises(SystemExit):
        main(["runs", "--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert "every folder in which runs were started" in words


def test_the_doctor_finds_the_core_fine_here(capsys):
    findings = examine()
    broken = [finding for finding in findings if finding.state == "broken"]
    # a checkout whose browser half is not built is the only thing that may be broken where tests run
    assert {finding.name for finding in broken} <= {"niivue (notebook)"}
    assert {"Python", "Frameworks", "Viewers", "Files", "JupyterLab", "Data"} <= {finding.group for finding in findings}
    assert any(finding.name.strip() == "torch cpu" for finding in findings)
    assert all(finding.remedy for finding in findings if finding.state != "ok")
    assert main(["doctor", "--json"]) == (0 if core_is_fine(findings) else 1)
    assert {line["name"] for line in json.loads(capsys.readouterr().out)} >= {"Python", "numpy"}


def test_the_doctor_reports_what_is_broken_and_what_mends_it(monkeypatch, capsys):
    monkeypatch.setattr(_doctor, "_version", lambda name: None if name == "nibabel" else "1.0")
    for part in ("_frameworks", "_viewers", "_jupyter", "_browser", "_data"):
        monkeypatch.setattr(_doctor, part, lambda: iter(()))
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "FAIL nibabel" in out
    assert "-> pip install medical-workbench" in out
    assert out.splitlines()[-1] == "Broken: nibabel."


@pytest.mark.parametrize(
    ("found", "state", "words"), [(2, "ok", "2 for all jobs together"), (None, "absent", "none is found here; where ")]
)
def test_the_doctor_says_whether_accelerators_are_counted(monkeypatch, tmp_path, found, state, words):
    monkeypatch.setenv("WORKBENCH_CONFIG", str(tmp_path))
    monkeypatch.setattr("workbench.jobs.executors._limits.count_accelerators", lambda: found)
    (told,) = [finding for finding in _doctor._jobs() if finding.name == "accelerators"]
    assert (told.state, told.found[: len(words)]) == (state, words)
    assert ('{"jobs": {"gpus": 1}}' in told.remedy) == (found is None)
    (tmp_path / "settings.json").write_text("{")
    assert [finding.name for finding in _doctor._jobs()] == ["distributed"]


def test_the_doctor_goes_on_when_a_part_cannot_be_examined(monkeypatch):
    def _viewers():
        raise RuntimeError("surprise")
        yield

    monkeypatch.setattr(_doctor, "_viewers", _viewers)
    monkeypatch.setattr(_doctor, "_frameworks", lambda: iter(()))
    findings = examine()
    assert any("surprise" in finding.found and finding.state == "broken" for finding in findings)
    assert any(finding.group == "Data" for finding in findings)


def test_data_that_is_missing_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "c"))
    monkeypatch.delenv("WORKBENCH_DATA", raising=False)
    found = {finding.name: finding for finding in _doctor._data()}
    assert found["WORKBENCH_DATA"].state == "absent"
    assert found["data sets"].remedy == "workbench download breastmnist"
    assert found["cache"].state == "ok"
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path / "nowhere"))
    assert {finding.name: finding.state for finding in _doctor._data()}["WORKBENCH_DATA"] == "warning"


def test_what_a_framework_knows_to_go_wrong_is_said(monkeypatch):
    problem = KnownProblem("torch speed", "slow here", "pip install another")
    monkeypatch.setattr(type(get("torch")), "known_problems", lambda self: [problem])
    found = [finding for finding in _doctor._frameworks() if finding.name == "  torch speed"]
    assert [(one.state, one.found, one.remedy) for one in found] == [("warning", "slow here", "pip install another")]
    assert core_is_fine(found)


def test_the_report_is_readable():
    text = report([Finding("Data", "x", "warning", "odd", "mend x"), Finding("Data", "y", "ok", "fine")])
    assert text.splitlines() == [
        "Data",
        "  !    x                      odd",
        "                              -> mend x",
        "  ok   y                      fine",
        "",
        "Everything that is needed works.",
    ]


def test_the_doctor_names_plug_ins_that_cannot_be_loaded(tmp_path, monkeypatch):
    facts = tmp_path / "others-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(
        "[workbench.explainers]\ngone = no_such_module:Method\n[workbench.tools]\nfine = math:sqrt\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = {finding.name: finding for finding in examine() if finding.group == "Plug-ins"}
    assert (found["gone"].state, found["fine"].state) == ("warning", "ok")
    assert "explainers of others 1.0: cannot be loaded: ModuleNotFoundError" in found["gone"].found
    assert found["fine"].found.startswith("tools of others 1.0;")
