"""Reading .nii.gz against SimpleITK and nibabel: header, voxels, and a sum over all of them, in one run.

Each reader takes its turn on each file; the medians and their ratios go to ``benchmarks/results/read_nifti.{json,md}``.
A CT-like volume (smooth organs, noise of 12 HU, air around) stands in for a patient's.

Run ``python benchmarks/read_nifti.py`` with the test extra installed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk  # noqa: N813 - the customary name
from scipy import ndimage

import workbench as wb

RESULTS = Path(__file__).parent / "results"
#: Shapes whose gzip files come out at about 30 and 120 MB.
SHAPES = {"30 MB": (512, 512, 142), "120 MB": (512, 512, 570)}


def ct_like(shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    coarse = generator.normal(size=[max(n // 16, 2) for n in shape]).astype(np.float32)
    zoom = [n / m for n, m in zip(shape, coarse.shape, strict=True)]
    organs = ndimage.zoom(coarse, zoom, order=1)[: shape[0], : shape[1], : shape[2]] * 120
    organs += generator.normal(scale=12, size=shape).astype(np.float32)
    i, j = np.ogrid[: shape[0], : shape[1]]
    outside = ((i / shape[0] - 0.5) ** 2 + (j / shape[1] - 0.5) ** 2) > 0.2
    organs[outside] = -1000
    return organs.astype(np.int16)


READERS = {
    "workbench": lambda path: int(wb.read(path).data.sum(dtype=np.int64)),
    "SimpleITK": lambda path: int(sitk.GetArrayFromImage(sitk.ReadImage(str(path))).sum(dtype=np.int64)),
    "nibabel": lambda path: int(np.asarray(nib.load(path).dataobj).sum(dtype=np.int64)),
}


def measure(path: Path, repeats: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in READERS}
    sums = {name: reader(path) for name, reader in READERS.items()}  # a round that does not count
    assert len(set(sums.values())) == 1, f"the readers disagree: {sums}"
    for _ in range(repeats):
        for name, reader in READERS.items():
            start = time.perf_counter()
            reader(path)
            times[name].append(time.perf_counter() - start)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, shape in SHAPES.items():
            # nibabel writes it, with the zlib level that most files in the wild have
            path = Path(folder) / "ct.nii.gz"
            nib.save(nib.Nifti1Image(ct_like(shape), np.diag([-0.7, -0.7, 1.0, 1.0])), path)
            times = measure(path, repeats)
            medians = {reader: statistics.median(values) for reader, values in times.items()}
            rows.append(
                {
                    "case": name,
                    "file_mb": round(path.stat().st_size / 1e6, 1),
                    "voxels_mb": round(np.prod(shape) * 2 / 1e6, 1),
                    "median_s": {reader: round(value, 3) for reader, value in medians.items()},
                    "ratio_to_simpleitk": round(medians["workbench"] / medians["SimpleITK"], 3),
                    "ratio_to_nibabel": round(medians["workbench"] / medians["nibabel"], 3),
                }
            )
            print(rows[-1])
    packages = ("medical-workbench", "numpy", "isal", "SimpleITK", "nibabel")
    versions = {name: wb.__version__ if name == "medical-workbench" else version(name) for name in packages}
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()}-core {platform.system()}",
        "python": platform.python_version(),
        "versions": versions,
        "repeats": repeats,
        "rows": rows,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "read_nifti.json").write_text(json.dumps(result, indent=2) + "\n")
    lines = [
        "# Reading .nii.gz",
        "",
        f"{result['date']}, {result['machine']}, Python {result['python']}, "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
        + f"; median of {repeats} alternating runs, all voxels summed.",
        "",
        "| file | voxels | workbench | SimpleITK | nibabel | workbench / SimpleITK |",
        "|---|---|---|---|---|---|",
        *(
            f"| {row['file_mb']} MB | {row['voxels_mb']} MB | {row['median_s']['workbench']} s | "
            f"{row['median_s']['SimpleITK']} s | {row['median_s']['nibabel']} s | {row['ratio_to_simpleitk']} |"
            for row in rows
        ),
    ]
    (RESULTS / "read_nifti.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
