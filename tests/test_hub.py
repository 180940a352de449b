"""What docs/hub.md promises of an installation that nobody changes, and of shared data that nobody writes to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import workbench as wb

PACKAGE = Path(wb.__file__).parent

#: What a person does in a morning, in a process of its own.
WORK = """
import sys
from pathlib import Path
import workbench as wb
volume = wb.read(next(Path(sys.argv[1]).glob("*.nii.gz")))
volume.data.mean()
data = wb.datasets.load("phantom-ct", n=3, size=12, seed=1)
run = wb.train("3d-unet", data=data, epochs=1, width=4, depth=2).wait()
model = run.model()
wb.explain(model, data[0]["image"], "deep-lift")
wb.view(data[0]["image"], model.predict(data[0]["image"]))
wb.App()
"""


def files(folder: Path) -> dict[str, int]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in found}


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    wb.write(wb.Volume(voxels, np.diag([2.0, 1.5, 3.0, 1.0])), folder / "case.nii.gz")
    return folder


@pytest.mark.slow
def test_work_is_written_into_the_home_alone(shared: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WORKBENCH_", "XDG_"))}
    where = {"HOME": str(home), "USERPROFILE": str(home), "WORKBENCH_DATA": str(shared), "WORKBENCH_RUNS": "~/runs"}
    before = files(PACKAGE), files(shared)
    script = tmp_path / "work.py"
    script.write_text(f"if __name__ == '__main__':\n    {WORK.strip().replace(chr(10), chr(10) + '    ')}\n")
    path = os.pathsep.join([str(PACKAGE.parent), *filter(None, [kept.get("PYTHONPATH")])])
    subprocess.run(
        [sys.executable, script, shared], cwd=home, env={**kept, **where, "PYTHONPATH": path}, check=True, timeout=250
    )
    assert (files(PACKAGE), files(shared)) == before
    assert len([place for place in (home / "runs").iterdir() if (place / "recipe.json").is_file()]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "shared", "work.py"]
