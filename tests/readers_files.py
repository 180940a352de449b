"""The files that the documentation takes for granted, small and made up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

import workbench as wb

#: LPS, as scanners write: 4 mm pixels, slices of 5 mm.
AFFINE = np.array([[-4.0, 0, 0, 190], [0, -4.0, 0, 158], [0, 0, 5.0, -100], [0, 0, 0, 1]])


def ct(home: Path) -> None:
    """Write a CT as a NIfTI: a ball of soft tissue in air."""
    grid = np.indices((96, 80, 40)).astype(np.float32)
    centre = np.array([48, 40, 20])[:, None, None, None]
    inside = (((grid - centre) * np.array([4, 4, 5])[:, None, None, None]) ** 2).sum(axis=0) < 80**2
    wb.write(wb.Volume(np.where(inside, 40, -1000).astype(np.int16), AFFINE, unit="HU"), home / "ct.nii.gz")


def pairs(images: Path, labels: Path, names: tuple[str, ...], count: int = 8) -> None:
    """Write pairs of image and label map; nearly all is of the first label, so that it is found at once."""
    rng = np.random.default_rng(0)
    for folder in (images, labels):
        folder.mkdir(parents=True)
    for case in range(count):
        label = np.ones((16, 16, 12), np.uint8)
        label[:3, :3] = 0
        label[6:10, 6:10, 4:8] = len(names) - 1
        image = 100.0 * (label > 0) + rng.normal(0, 5, label.shape)
        wb.write(wb.Volume(image.astype(np.float32), AFFINE), images / f"case_{case:03d}.nii.gz")
        meaning = {"kind": "labels", "labels": dict(enumerate(names))}
        wb.write(wb.Volume(label, AFFINE, **meaning), labels / f"case_{case:03d}.nii.gz")


def folder(home: Path) -> None:
    """Write a folder of scans and one of masks."""
    pairs(home / "scans", home / "masks", ("background", "tumour"))


def hippocampus(home: Path) -> None:
    """Write a set that is laid out as the official archive."""
    base = home / "Task04_Hippocampus"
    pairs(base / "imagesTr", base / "labelsTr", ("background", "anterior", "posterior"))


def breastmnist(home: Path) -> None:
    """Write a MedMNIST file."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 6), ("val", 3), ("test", 4)):
        arrays[f"{split}_images"] = rng.integers(0, 255, (count, 28, 28), dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(count) % 2).astype(np.uint8)[:, None]
    np.savez_compressed(home / "breastmnist.npz", **arrays)


def resnet(home: Path) -> None:
    """Write a checkpoint as PyTorch users do, with what data-parallel training puts before the names."""
    import torch

    state = wb.zoo.create("covid-resnet", in_channels=3, num_classes=1000, depth=50, seed=1).module.state_dict()
    torch.save({"state_dict": {f"module.{name}": value for name, value in state.items()}}, home / "resnet50.pth")


def slide(home: Path) -> None:
    """Write an Aperio slide with three levels, a label and a macro picture."""
    import tifffile

    rows, columns = np.indices((2048, 3072))
    picture = np.stack([rows // 8 % 256, columns // 12 % 256, (rows + columns) // 20 % 256], axis=-1).astype(np.uint8)
    about = "Aperio Image Library v11\n3072x2048 (256x256) JPEG/RGB Q=70|AppMag = 20|MPP = 0.5"
    tiles = {"tile": (256, 256), "photometric": "rgb", "compression": "jpeg", "metadata": None}
    label = np.full((120, 160, 3), 200, np.uint8)
    with tifffile.TiffWriter(home / "slide.svs") as tiff:
        tiff.write(picture, description=about, **tiles)
        tiff.write(picture[::16, ::16].copy(), description="Aperio \nthumbnail", metadata=None, photometric="rgb")
        for factor in (4, 16):
            tiff.write(picture[::factor, ::factor].copy(), description="Aperio \nlevel", **tiles)
        for number, name in ((1, "label"), (9, "macro")):
            about = f"Aperio \n{name} 160x120"
            tiff.write(label, description=about, subfiletype=number, metadata=None, photometric="rgb")


def study(home: Path) -> None:
    """Write a study: a CT, and an MR of two stacks with two echoes each."""
    from tests.io.make_dicom import dataset

    def save(made: object, name: str) -> None:
        file = home / "study" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        made.save_as(file, enforce_file_format=True)  # type: ignore[attr-defined]

    for k in range(6):
        pixels = np.full((8, 10), 10 * k, np.int16)
        made = dataset(pixels, "CT", (0, 0, 2.0 * k), k, SeriesInstanceUID="1.2.826.0.1.3680043.8.498.50908935")
        save(made, f"ct/{k:03d}.dcm")
    number = 0
    for turned in (False, True):
        for echo in (10, 80):
            for k in range(5):
                number += 1
                place = {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]} if turned else {}
                position = (2.0 * k, 0, 0) if turned else (0, 0, 2.0 * k)
                made = dataset(np.full((8, 10), number, np.int16), "MR", position, number, EchoTime=echo, **place)
                save(made, f"mr/{number:03d}.dcm")


#: What is made where a page names it.
MAKERS: dict[str, Callable[[Path], None]] = {
    '"ct.nii.gz"': ct,
    '"scans"': folder,
    '"Task04_Hippocampus"': hippocampus,
    '"breastmnist.npz"': breastmnist,
    '"resnet50.pth"': resnet,
    '"slide.svs"': slide,
    '"study"': study,
}
