"""What a panel says about an exception."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import FileError
from workbench.widgets._problems import describe


def test_a_file_name_is_not_told_because_it_may_be_a_patients() -> None:
    path = "/scans/Jane_Doe_1970.nii.gz"
    problem = describe(FileError(f"{path} is truncated; Jane_Doe_1970.nii.gz has 12 bytes."), "Opening", (path,))
    assert "Jane" not in str(problem)
    assert problem["cause"] == "<your file>.gz is truncated; <your file>.gz has 12 bytes."


def test_a_path_that_was_resolved_is_not_told_either(tmp_path: Path) -> None:
    folder = tmp_path / "Jane_Doe"
    problem = describe(
        FileError(f"No images in {folder.resolve()}."), "Opening", (str(tmp_path / "x" / ".." / "Jane_Doe"),)
    )
    assert "Jane" not in str(problem)


def test_a_fault_of_ours_asks_for_a_report_with_details() -> None:
    try:
        {}["missing"]
    except KeyError as error:
        problem = describe(error, "Loading")
    assert problem["cause"].startswith("KeyError")
    assert "report" in problem["remedy"]
    assert "test_problems" in problem["details"]


def test_memory() -> None:
    assert "smaller batch" in describe(MemoryError(), "Training")["remedy"]
