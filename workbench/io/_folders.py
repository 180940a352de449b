"""What a folder that holds no DICOM is, in words: a data set to be, with the call that opens it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from workbench._words import count
from workbench.errors import InputError
from workbench.io._format import Format
from workbench.io._visible import beside, visible, walk

_MOST_LOOKED_AT = 1000
#: Names that folders of images and of their labels go by.
_PAIRS = (
    ("images", "labels"), ("images", "masks"), ("imagesTr", "labelsTr"), ("image", "label"), ("image", "mask"),
    ("img", "mask"), ("img", "label"), ("imgs", "masks"), ("inputs", "masks"),
)  # fmt: skip


def refuse_unless_dicom(folder: Path, formats: Iterable[Format]) -> None:
    """Raise an error that says what a folder is if all of its files are named like formats other than DICOM.

    Raises
    ------
    InputError
        With the call that opens the folder as a data set.
    """
    known = [format_ for format_ in formats if format_.name != "dicom"]
    counts: Counter[str] = Counter()
    slices: Counter[str] = Counter()
    for file in islice(walk(folder), _MOST_LOOKED_AT):
        if beside(file):
            continue
        fitting = next((format_.name for format_ in known if format_.matches(file)), None)
        if fitting is None:
            return  # it may be DICOM, whose files are often named by numbers alone
        counts[fitting] += 1
        slices[file.suffix] += fitting in {"picture", "tiff"} and file.parent == folder
    if not counts:
        return
    listed = " and ".join(count(number, f"{name} file") for name, number in counts.most_common())
    many = "at least " if counts.total() == _MOST_LOOKED_AT else ""
    raise InputError(
        f"{folder} is a folder of {many}{listed}, without DICOM; read takes one file of it. {_offer(folder)} "
        f"{_stack(slices, folder)}".strip()
    )


def _offer(folder: Path) -> str:
    names = {child.name for child in folder.iterdir() if child.is_dir() and visible(child)}
    pair = next(((a, b) for a, b in _PAIRS if {a, b} <= names), None)
    images, labels = (str(folder / name) for name in pair) if pair else (str(folder), "the folder of its label maps")
    return (
        f"For a data set of all: wb.datasets.load('folder', images={images!r}, labels={labels!r}, "
        "label_names=['background', ...])."
    )


def _stack(slices: Counter[str], folder: Path) -> str:
    """Return the call that stacks pictures: hidden files left out, 2 before 10."""
    if not slices.total():
        return ""
    suffix = slices.most_common(1)[0][0]
    return (
        "If they are the slices of one volume: wb.Volume(np.stack([wb.read(file).data for file in sorted("
        f"pathlib.Path({str(folder)!r}).glob('[!.]*{suffix}'), key=lambda file: (len(file.name), file.name))], "
        "axis=2), affine)."
    )
