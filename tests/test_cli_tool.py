"""``workbench tool``: listing, help, tables, and what is refused before anything is read or computed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from workbench.cli import main
from workbench.volume import Volume


@pytest.fixture
def labels(tmp_path: Path, affine: np.ndarray) -> Path:
    array = np.zeros((6, 5, 4), np.uint8)
    array[0, 0, 0], array[3:5, 2:4, 1:3] = 1, 2
    volume = Volume(array, affine, kind="labels", labels={0: "background", 1: "stone", 2: "liver"})
    return wb.write(volume, tmp_path / "labels.nii.gz")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out.nii.gz"


def test_without_a_name_the_tools_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tool"]) == 0
    assert "n4-bias-correction" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main(["tool", "--help"])
    assert stop.value.code == 0


def test_help_shows_the_options_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tool", "n4_bias_correction", "--help"]) == 0
    out = capsys.readouterr().out
    assert "usage: workbench tool n4-bias-correction" in out
    (line,) = [line for line in out.splitlines() if line.startswith("shrink ")]
    assert "a whole number, at least 1 and at most 16" in line


def test_a_tool_reads_and_writes_files(labels: Path, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tool", "remove-small", str(labels), str(target), "--voxels", "2", "--connectivity=corners"]) == 0
    assert capsys.readouterr().out.strip() == str(target)
    found = wb.read(target)
    assert (found.kind, found.labels[2]) == ("labels", "liver")
    assert np.unique(found.data).tolist() == [0, 2]


@pytest.mark.parametrize("flags", [["--signed"], ["--signed", "--label=2"], ["--no-signed"], []])
def test_flags_may_stand_anywhere(labels: Path, target: Path, flags: list[str]) -> None:
    assert main(["tool", "distance_map", *flags, str(labels), str(target)]) == 0
    found = wb.read(target)
    assert bool((found.data < 0).any()) == ("--signed" in flags)


def test_a_table_goes_to_a_file_or_to_the_screen(
    labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "sizes.csv"
    assert main(["tool", "measure", str(labels), "--image", str(labels), str(table)]) == 1
    assert "of kind 'image'" in capsys.readouterr().err
    assert main(["tool", "measure", str(labels), str(table)]) == 0
    capsys.readouterr()
    for more in ([], ["-"]):
        assert main(["tool", "measure", str(labels), *more]) == 0
        assert capsys.readouterr().out == table.read_text()
    assert table.read_text().splitlines()[2].startswith("2,liver,8,")


def test_an_image_is_not_measured_as_labels_unless_that_is_said(
    tmp_path: Path, affine: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    values = np.zeros((6, 5, 4), np.int16)
    values[3:5, 2:4, 1:3] = 40
    image, table = wb.write(Volume(values, affine, unit="HU"), tmp_path / "ct.nii.gz"), tmp_path / "sizes.csv"
    assert main(["tool", "measure", str(image), str(table)]) == 1
    assert "measure: labels must be a file that says it holds labels" in (err := capsys.readouterr().err)
    assert err.rstrip().endswith("say so: --read-as labels.")
    assert not table.exists()
    assert main(["tool", "measure", str(image), "--image", str(image), str(table), "--read-as", "labels"]) == 0
    assert table.read_text().splitlines()[1].startswith("40,")
    with pytest.raises(SystemExit):
        main(["tool", "measure", str(image), "--read-as", "image"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--voxels=two"], "remove-small: voxels must be a whole number, at least 0, got 'two'"),
        (["--voxels=-1"], "at least 0, got -1"),
        (["--voxel", "2"], "unknown option 'voxel'. Did you mean 'voxels'"),
        (["--connectivity", "edge"], "got 'edge'. Did you mean 'edges'"),
    ],
)
def test_wrong_options_are_wrong_usage(
    target: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tool", "remove-small", "not-there.nii.gz", str(target), *words]) == 2
    err = capsys.readouterr().err
    assert err.startswith("workbench: ")
    assert err.count("\n") == 1
    assert said in err


@pytest.mark.parametrize("words", [["in.nii.gz"], ["in.nii.gz", "out.nii.gz", "more.nii.gz"]])
def test_so_are_too_few_or_too_many_files(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["tool", "remove-small", *words])
    assert stop.value.code == 2
    assert "usage: workbench tool remove-small" in capsys.readouterr().err


def test_other_errors_are_told_as_those_of_all_commands(
    labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, said in (
        (["mesure", "x"], "Unknown tool 'mesure'. Did you mean 'measure'"),
        (["remove-small", "not-there.nii.gz", str(tmp_path / "o.nii.gz")], "not-there.nii.gz does not exist"),
        (["remove-small", str(labels), str(tmp_path / "o.docx")], "tells no format that can be written"),
        (["remove-small", str(labels), str(tmp_path / "none" / "o.nii.gz")], "Make it first"),
        (["measure", str(labels), str(tmp_path / "none" / "o.csv")], "Make it first"),
    ):
        assert main(["tool", *words]) == 1
        captured = capsys.readouterr()
        assert said in captured.err
        assert captured.out == ""


def test_progress_is_shown_where_somebody_looks(
    labels: Path, target: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert main(["tool", "remove-small", str(labels), str(target)]) == 0
    err = capsys.readouterr().err
    assert "remove-small:  50% label 1" in err
    assert err.endswith("\n")
