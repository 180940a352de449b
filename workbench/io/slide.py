"""Whole slides of vendors whose files are no TIFF (.mrxs, .vms, .svslide, .czi, ...), through OpenSlide.

Needs the extra ``slides``. Slides that are TIFF or DICOM inside (.svs, .ndpi, .scn, ...) need nothing and are read by
those formats; ``format="slide"`` gives them to OpenSlide.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import FileError, MissingExtraError
from workbench.io import _pyramid, _space
from workbench.io._format import Format
from workbench.volume import Volume

#: What the small file begins with that names the others: a JPEG, a text, a database, a container of Zeiss.
_HEADS = (b"\xff\xd8\xff", b"[Virtual Microscope Specimen]", b"SQLite format 3\0", b"ZISRAWFILE")
_CHANNELS = ("red", "green", "blue")


class Slide(Format):
    """Slides that OpenSlide reads."""

    name = "slide"
    suffixes = (".mrxs", ".vms", ".vmu", ".svslide", ".czi")
    reads_packed = ()
    can_write = False
    read_options = ("level", "region", "image")

    def sniff(self, head: bytes) -> bool:
        """The first bytes of each vendor's files; many are those of other formats, so the suffix must be right, too."""
        return head.startswith(_HEADS)

    def levels(self, path: Path, **options: Any) -> _pyramid.Levels:
        """Return the levels of the slide and the names of its other pictures."""
        with _opened(path) as slide:
            return _levels(slide, options.get("image"))

    def read(self, path: Path, **options: Any) -> Volume:
        """Read the header of one level; ``level``, ``region`` and ``image`` are those of TIFF."""
        image = None if options.get("image") is None else str(options["image"]).lower()
        with _opened(path) as slide:
            levels = _levels(slide, image)
        number = _pyramid.choose_level(levels, options.get("level"), path)
        region = _pyramid.check_region(options.get("region"), levels[number].shape, number)
        shape = (*_pyramid.region_shape(region), 3)
        _pyramid.check_size(path, shape, np.dtype(np.uint8))

        def load() -> Array:
            with _opened(path) as slide:
                return _pixels(slide, image, number, region)

        base = _space.picture_affine(levels[0].spacing)
        return self.lazy(
            path, load, _pyramid.affine(base, levels[number], region), shape=shape, dtype=np.dtype(np.uint8),
            axes=("i", "j", "c"), channels=_CHANNELS,
            space=_space.space(placed=False, sized=levels[0].spacing is not None),
            notes=[*_pyramid.label_note(image or ""), *_pyramid.notes(levels, number)],
        )  # fmt: skip


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        import openslide
    except ImportError:
        raise MissingExtraError(f"Reading {path.suffix} slides (OpenSlide)", "slides") from None
    try:
        slide = openslide.OpenSlide(path)
    except openslide.OpenSlideUnsupportedFormatError:
        raise FileError(
            f"{path} is no slide that OpenSlide reads. If its data files lie in a folder of the same name, keep both "
            "together; otherwise export it as OME-TIFF."
        ) from None
    with slide:
        yield slide


def _levels(slide: Any, image: str | None) -> _pyramid.Levels:
    names = {name.lower(): name for name in slide.associated_images}
    if image is not None:
        width, height = slide.associated_images[_pyramid.choose_image(names, image)].size
        return _pyramid.make([(height, width)], None)
    sizes = [slide.properties.get(f"openslide.mpp-{axis}") for axis in "yx"]
    spacing = (float(sizes[0]) * 1e-3, float(sizes[1]) * 1e-3) if all(sizes) else None
    return _pyramid.make([(height, width) for width, height in slide.level_dimensions], spacing, tuple(names))


def _pixels(slide: Any, image: str | None, number: int, region: _pyramid.Region) -> Array:
    (top, left), (bottom, right) = region
    if image is not None:
        names = {name.lower(): name for name in slide.associated_images}
        picture = np.array(slide.associated_images[_pyramid.choose_image(names, image)].convert("RGB"))
        return np.ascontiguousarray(picture[top:bottom, left:right])
    # places are given in pixels of level 0, whatever the level
    factor = slide.level_downsamples[number]
    place = (round(left * factor), round(top * factor))
    pixels = np.array(slide.read_region(place, number, (right - left, bottom - top)))
    # what the scanner left out is transparent; on the glass it is white
    alpha = pixels[..., 3:].astype(np.uint16)
    return np.asarray(((pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8))
