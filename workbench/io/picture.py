"""Pictures: PNG, JPEG, TIFF. A TIFF of several pages is a 3D volume.

Voxels are indexed [row, column] (pages last, then channels). Pictures have no geometry of their own; what we write
carries it as a line of JSON in the text field of the format, so that it reads back whole. The resolution fields (dots
per inch) are not used: most programs fill in 72 or 96 without knowing.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from workbench import _geometry
from workbench.errors import FileError, InputError
from workbench.io import _files, _meaning
from workbench.io._format import Format
from workbench.volume import Array, Volume

#: Mode that Pillow's modes are converted to, and the array that it gives.
_MODES: dict[str, tuple[str, int, str]] = {
    "1": ("L", 1, "u1"), "L": ("L", 1, "u1"), "LA": ("LA", 2, "u1"), "La": ("LA", 2, "u1"),
    "I;16": ("I;16", 1, "u2"), "I;16L": ("I;16", 1, "u2"), "I;16B": ("I;16B", 1, "u2"), "I": ("I", 1, "i4"),
    "F": ("F", 1, "f4"), "RGB": ("RGB", 3, "u1"), "RGBX": ("RGB", 3, "u1"), "RGBA": ("RGBA", 4, "u1"),
    "CMYK": ("RGB", 3, "u1"), "YCbCr": ("RGB", 3, "u1"), "LAB": ("RGB", 3, "u1"), "HSV": ("RGB", 3, "u1"),
}  # fmt: skip
_NAMES = {1: (), 2: ("grey", "alpha"), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "alpha")}
_TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
#: Names of the axes of a TIFF that are not pages.
_TIFF_AXES = {"Y": "i", "X": "j", "S": "c", "C": "c"}
#: What tifffile decodes without a further package: none, deflate (two codes).
_TIFFFILE_CODECS = {1, 8, 32946}


class Picture(Format):
    """PNG, JPEG and TIFF."""

    name = "picture"
    suffixes = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
    write_options = ("quality", "compress")

    def sniff(self, head: bytes) -> bool:
        """The magic of PNG, JPEG, TIFF or BigTIFF."""
        return head.startswith((_PNG, _JPEG, *_TIFF_HEADS))

    def read(self, path: Path, **options: Any) -> Volume:  # noqa: ARG002
        """Read the header; palettes become RGB or RGBA, one-bit pictures 0 and 255."""
        with path.open("rb") as file:
            head = file.read(8)
        if head.startswith(_TIFF_HEADS):
            return self._read_tiff(path)
        from PIL import Image

        with _quiet(), Image.open(path) as image:
            mode, channels, kind = _MODES[_plain_mode(image)]
            notes = _png_notes(path) if head == _PNG else []
            comment = image.info.get("comment" if head.startswith(_JPEG) else "medical-workbench", "")
            shape = (image.height, image.width)
        dtype = np.dtype(kind)
        _files.check_memory(path, _files.count_bytes((*shape, channels), dtype))
        if head == _PNG:
            _files.check_promise(path, _files.count_bytes((*shape, channels), dtype) // 8, compressed=True)
        load = partial(_load_pillow, path, mode)
        volume = self._make(path, load, shape, channels if channels > 1 else 0, dtype, comment, notes)
        if not _has_end(path, head):
            if head == _PNG:
                raise FileError(f"{path} is cut short: it has no last block (IEND). Get a fresh copy.")
            # a JPEG may lack its end mark and be whole: only decoding it tells
            volume.load()
        return volume

    def _read_tiff(self, path: Path) -> Volume:
        import tifffile

        with _quiet(), tifffile.TiffFile(path) as tiff:
            series = tiff.series[0]
            page = series.keyframe
            comment = page.description or ""
            named = [(_TIFF_AXES.get(a, "k"), n) for a, n in zip(series.axes, series.shape, strict=True)]
            # axes of length 1 are what programs fill their dimensions up with, unless we wrote them
            ours = _meaning.from_json(comment).get("axes", ())
            kept = [(a, n) for a, n in named if n > 1 or a in {"i", "j", *ours}]
            axes, shape = "".join(a for a, _ in kept), tuple(n for _, n in kept)
            if sorted(axes) not in (["i", "j"], ["c", "i", "j"], ["i", "j", "k"], ["c", "i", "j", "k"]):
                raise FileError(f"{path}: a TIFF of shape {series.shape} ({series.axes}) is neither 2D nor 3D.")
            plain = page.compression in _TIFFFILE_CODECS and page.photometric != tifffile.PHOTOMETRIC.PALETTE
            plain = plain and page.bitspersample >= 8
            dtype = np.dtype(series.dtype)
            end = max((o + n for p in series.pages if p for o, n in _strips(p)), default=0)
        if end > path.stat().st_size:
            raise FileError(
                f"{path} is cut short: its pixels end at byte {end:,}, the file at {path.stat().st_size:,}."
            )
        if not plain:
            return self._read_tiff_with_pillow(path, comment)
        _files.check_memory(path, _files.count_bytes(shape, dtype))
        order = [axes.index(a) for a in "ijkc" if a in axes]
        channels = shape[axes.index("c")] if "c" in axes else 0
        new_shape = tuple(shape[axes.index(a)] for a in "ijk" if a in axes)

        def load() -> Array:
            with _quiet():
                data: Array = tifffile.imread(path, series=0)
            return data.reshape(shape).transpose(order)

        native = dtype.newbyteorder("=")
        return self._make(path, load, new_shape, channels, native, comment, [])

    def _read_tiff_with_pillow(self, path: Path, comment: str) -> Volume:
        from PIL import Image

        with _quiet(), Image.open(path) as image:
            pages = getattr(image, "n_frames", 1)
            mode, channels, kind = _MODES[_plain_mode(image)]
            shape = (image.height, image.width) if pages == 1 else (image.height, image.width, pages)
        _files.check_memory(path, _files.count_bytes((*shape, channels), np.dtype(kind)))

        def load() -> Array:
            frames = [_load_pillow(path, mode, number) for number in range(pages)]
            return frames[0] if pages == 1 else np.stack(frames, axis=2)

        return self._make(path, load, shape, channels if channels > 1 else 0, np.dtype(kind), comment, [])

    def _make(
        self, path: Path, load: Any, shape: tuple[int, ...], channels: int, dtype: Any, comment: Any, notes: list[str]
    ) -> Volume:
        full = (*shape, channels) if channels else shape
        meaning = _meaning.from_json(comment)
        affine = _geometry.check_affine(meaning["affine"]) if "affine" in meaning else _geometry.PICTURE_AFFINE
        kept = _meaning.merge(meaning, full, dtype)
        if channels in _NAMES and dtype == np.uint8 and channels > 1:
            kept.setdefault("channels", _NAMES[channels])
        axes = (*("i", "j", "k")[: len(shape)], *("c",) * (channels > 0))
        return self.lazy(path, load, affine, shape=full, dtype=dtype, axes=axes, notes=notes, **kept)

    def write(self, volume: Volume, path: Path, **options: Any) -> None:
        """Write a picture; TIFF takes every type and 3D, PNG 8-bit and grey 16-bit, JPEG 8-bit (and loses detail)."""
        suffix = path.suffix.lower()
        data = volume.data.view(np.uint8) if volume.dtype == bool else volume.data
        if suffix in {".tif", ".tiff"}:
            _write_tiff(volume, data, path, compress=bool(options.get("compress", True)))
            return
        from PIL import Image
        from PIL.PngImagePlugin import PngInfo

        lossy = suffix in {".jpg", ".jpeg"}
        channels = {1, 3} if lossy else {1, 2, 3, 4}
        deep = data.dtype == np.uint16 and volume.num_channels == 1 and not lossy
        if volume.spatial_ndim != 2 or volume.num_channels not in channels or not (data.dtype == np.uint8 or deep):
            raise InputError(
                f"{suffix} holds 2D pictures of 8-bit values in {sorted(channels)} channels"
                f"{'' if lossy else ' (or 16-bit grey)'}, got {volume!r}. Take a slice_2d, scale it, or write TIFF."
            )
        pixels = data[..., 0] if data.ndim == 3 and data.shape[-1] == 1 else data
        image = Image.fromarray(np.ascontiguousarray(pixels))
        if lossy:
            quality = options.get("quality", 95)
            with _files.writing(path) as temporary:
                image.save(temporary, quality=quality, subsampling=0, comment=_meaning.to_json(volume).encode())
        else:
            info = PngInfo()
            info.add_itxt("medical-workbench", _meaning.to_json(volume))
            with _files.writing(path) as temporary:
                image.save(temporary, pnginfo=info)


def _plain_mode(image: Any) -> str:
    if image.mode in {"P", "PA"}:
        return "RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB"
    if image.mode not in _MODES:
        raise FileError(f"Pictures of mode {image.mode!r} are not supported. Save it as grey, RGB or RGBA.")
    return str(image.mode)


def _load_pillow(path: Path, mode: str, frame: int = 0) -> Array:
    from PIL import Image

    with _quiet(), Image.open(path) as image:
        if frame:
            image.seek(frame)
        if image.mode in {"P", "PA"} and mode == "LA":
            mode = "RGBA"
        array = np.array(image if image.mode == mode else image.convert(mode))
    return array if array.dtype.isnative else array.byteswap().view(array.dtype.newbyteorder("="))


def _has_end(path: Path, head: bytes) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - (1 << 20)))
        tail = file.read()
    return b"IEND\xaeB`\x82" in tail if head == _PNG else tail.rstrip(b"\0").endswith(b"\xff\xd9")


def _png_notes(path: Path) -> list[str]:
    with path.open("rb") as file:
        header = file.read(26)
    # Pillow has no mode for 16-bit colours
    return ["16-bit colours were reduced to 8 bits"] if header[24] == 16 and header[25] in {2, 4, 6} else []


@contextmanager
def _quiet() -> Iterator[None]:
    # what the decoders say about odd metadata says nothing about the pixels; real damage is raised
    logger = logging.getLogger("tifffile")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(level)


def _strips(page: Any) -> list[tuple[int, int]]:
    return list(zip(page.dataoffsets, page.databytecounts, strict=False)) if hasattr(page, "dataoffsets") else []


def _write_tiff(volume: Volume, data: Array, path: Path, *, compress: bool) -> None:
    import tifffile

    if data.dtype == np.float16:
        data = data.astype(np.float32)
    if data.dtype.itemsize > 8:
        raise InputError(f"TIFF has no type for {data.dtype}. Convert the data first.")
    pages = np.moveaxis(data, 2, 0) if volume.spatial_ndim == 3 else data
    colour = volume.dtype == np.uint8 and volume.num_channels in {3, 4} and "c" in volume.axes
    if "c" in volume.axes and not colour:
        pages = np.moveaxis(pages, -1, -3)
    axes = "Z" * (volume.spatial_ndim == 3) + ("YX" if "c" not in volume.axes else "YXS" if colour else "CYX")
    with _files.writing(path) as temporary:
        tifffile.imwrite(
            temporary, np.ascontiguousarray(pages), photometric="rgb" if colour else "minisblack",
            compression="zlib" if compress else None, description=_meaning.to_json(volume), metadata={"axes": axes},
        )  # fmt: skip
