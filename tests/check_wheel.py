"""Build the wheel, install it where there is no Node, and see that what it carries works.

``tests/check_wheel.py dist`` takes the wheel that lies in a folder instead. Dependencies are borrowed from the running
environment, so that the check needs no second download.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MUST_CARRY = (
    "workbench/__init__.py",
    "workbench/py.typed",
    "workbench/widgets/static/viewer.js",
    "workbench/zoo/unet_3d/card.yaml",
    "workbench/zoo/weights/index.json",
    "workbench/zoo/weights/3d-unet-phantom-ct.safetensors",
    "workbench/widgets/static/demos_panel.js",
    "workbench/testing/formats.py",
    "workbench/testing/algorithms/parity.py",
    "share/jupyter/labextensions/medical-workbench/package.json",
    "share/jupyter/labextensions/medical-workbench/install.json",
    "etc/jupyter/jupyter_server_config.d/medical-workbench.json",
)
PROBE = """
import shutil, sys
import workbench as wb
assert "site-packages" in wb.__file__ and "check-wheel" in wb.__file__, wb.__file__
names = {card.name for card in wb.zoo.list()}
assert {"covid-resnet", "2d-unet", "3d-unet"} <= names, names
sample = wb.datasets.load("phantom-ct", n=1, size=24)[0]
png = wb.view(sample["image"], sample["label"], backend="matplotlib")
viewer = wb.view(sample["image"])
model = wb.zoo.load("3d-unet-phantom-ct")
assert model.predict(sample["image"]).same_grid(sample["image"])
app = wb.App()
app.demos.load("detection")
assert app.explain.maps, app.explain.problem
assert "workbench.testing" not in sys.modules
print("wheel ok:", sample["image"], len(wb.zoo.trained()), "trained models")
"""


def main() -> int:
    """Run the check; 0 if the wheel is complete and works."""
    with tempfile.TemporaryDirectory(prefix="check-wheel-") as name:
        folder = Path(name)
        built = Path(sys.argv[1]) if len(sys.argv) > 1 else folder / "dist"
        if not built.is_dir():
            subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", str(built), str(ROOT)], check=True)
        (wheel,) = built.glob("*.whl")
        if not _complete(wheel):
            return 1
        return _installs_and_works(wheel, folder)


def _complete(wheel: Path) -> bool:
    names = zipfile.ZipFile(wheel).namelist()
    missing = [want for want in MUST_CARRY if not any(name.endswith(want) for name in names)]
    for want in missing:
        print(f"FAIL: the wheel lacks {want}")
    print(f"{wheel.name}: {len(names)} files, {wheel.stat().st_size / 1e6:.1f} MB")
    return not missing


def _installs_and_works(wheel: Path, folder: Path) -> int:
    home = folder / "check-wheel-env"
    venv.create(home, with_pip=False)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / ("python.exe" if os.name == "nt" else "python")
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)],
        check=True,
    )
    site = subprocess.check_output(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"], text=True
    ).strip()
    # A path line adds a folder but does not run the editable install's own hook that lies in it.
    (Path(site) / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    bare = {key: value for key, value in os.environ.items() if key in {"HOME", "SYSTEMROOT", "TEMP", "LANG"}}
    bare |= {"PATH": str(scripts), "JUPYTER_PATH": str(home / "share" / "jupyter")}
    probe = subprocess.run([str(python), "-c", PROBE], env=bare, cwd=folder, check=False)
    listing = subprocess.run(
        [str(python), "-m", "jupyterlab.labextensions", "list"], env=bare, cwd=folder, capture_output=True, text=True
    )
    text = listing.stdout + listing.stderr
    enabled = any("medical-workbench" in line and "OK" in line for line in text.splitlines())
    if not enabled:
        print("FAIL: JupyterLab does not list the extension as enabled and OK:\n" + text)
    return 0 if probe.returncode == 0 and enabled else 1


if __name__ == "__main__":
    sys.exit(main())
