"""Pictures: PNG, JPEG, BMP, GIF and WebP; of several frames, the first.

Voxels are indexed [row, column] (then channels) and upright: the orientation tag of a camera is obeyed. Pictures have
no geometry of their own; what we write carries it as a line of JSON in the text field of the format, so that it reads
back whole. The resolution fields (dots per inch) are not used: most programs fill in 72 or 96 without knowing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workbench import _geometry
from workbench._arrays import Array
from workbench.errors import FileError, InputError
from workbench.io import _files, _meaning, _orientation, _palette, _png, _resolution, _space
from workbench.io._doubt import Doubt
from workbench.io._format import Format
from workbench.io._tiff_parse import quiet
from workbench.volume import Volume

#: Mode that Pillow's modes are converted to, and the array that it gives.
_MODES: dict[str, tuple[str, int, str]] = {
    "L": ("L", 1, "u1"), "LA": ("LA", 2, "u1"), "La": ("LA", 2, "u1"),
    "I;16": ("I;16", 1, "u2"), "I;16L": ("I;16", 1, "u2"), "I;16B": ("I;16B", 1, "u2"), "I": ("I", 1, "i4"),
    "F": ("F", 1, "f4"), "RGB": ("RGB", 3, "u1"), "RGBX": ("RGB", 3, "u1"), "RGBA": ("RGBA", 4, "u1"),
    "CMYK": ("RGB", 3, "u1"), "YCbCr": ("RGB", 3, "u1"), "LAB": ("RGB", 3, "u1"), "HSV": ("RGB", 3, "u1"),
    "PA": ("RGBA", 4, "u1"),
}  # fmt: skip
_NAMES = {1: (), 2: ("grey", "alpha"), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "alpha")}
_JPEG, _GIF = b"\xff\xd8\xff", (b"GIF87a", b"GIF89a")
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}


class Picture(Format):
    """PNG, JPEG, BMP, GIF and WebP."""

    name = "picture"
    suffixes = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
    reads_packed = ()
    read_options = ("kind",)
    write_options = ("quality",)

    def sniff(self, head: bytes) -> bool:
        """The magic of each format."""
        return head.startswith((_png.SIGNATURE, _JPEG, *_GIF)) or _is_bmp(head) or _is_webp(head)

    def read(self, path: Path, **options: Any) -> Volume:
        """Read the header.

        As an image, palettes become greys, RGB or RGBA, and one-bit pictures 0 and 255. With ``kind="labels"``,
        palettes give their indices, one-bit pictures 0 and 1, greys of 2 and 4 bits the numbers that are stored, and
        colours that are greys one channel.
        """
        with path.open("rb") as file:
            head = file.read(64)
        chunks = _png.read(path) if head.startswith(_png.SIGNATURE) else None
        look = _look(path, head, chunks, as_labels=options.get("kind") == "labels")
        full = (*look.shape, look.channels) if look.channels > 1 else look.shape
        _files.check_memory(path, _files.count_bytes(full, look.dtype))
        if chunks is not None:
            _files.check_promise(path, _files.count_bytes(full, look.dtype) // 8, compressed=True)
        data: Array | None = None
        if not (chunks.whole if chunks is not None else _has_end(path, head)):
            data = _files.guarded(path, self.name, look.load)()  # it may be whole all the same: only decoding tells
        if options.get("kind") == "labels" and look.channels > 1:
            data = look.load() if data is None else data
            data = _palette.one_channel(data, look.notes)
        return self._make(path, look, data)

    def _make(self, path: Path, look: _Look, data: Array | None) -> Volume:
        stored: tuple[int, ...] = (*look.shape, look.channels) if look.channels > 1 else look.shape
        stored = stored if data is None else data.shape
        meaning = _meaning.from_json(look.comment)
        affine = _geometry.check_affine(meaning["affine"]) if "affine" in meaning else _space.picture_affine(None)
        meaning.setdefault("space", _space.space(placed="affine" in meaning, sized=False))
        kept = _meaning.merge(meaning, stored, look.dtype)
        if len(stored) > 2:
            kept.setdefault("channels", _NAMES[stored[2]])
        affine = _orientation.upright_affine(affine, look.shape, look.turn) if "affine" in meaning else affine
        volume = self.lazy(
            path, lambda: _orientation.upright(look.load() if data is None else data, look.turn), affine,
            shape=_orientation.upright_shape(stored, look.turn), dtype=look.dtype,
            axes=("i", "j", "c")[: len(stored)], notes=[*look.notes, *_orientation.note(look.turn)], **kept,
        )  # fmt: skip
        return volume if data is None else volume.load()

    def write(self, volume: Volume, path: Path, **options: Any) -> None:
        """Write PNG (8-bit, grey 16-bit) or JPEG (8-bit, and loses detail)."""
        suffix = path.suffix.lower()
        if suffix not in {".png", ".jpg", ".jpeg"}:
            raise InputError(f"{suffix} files are read only. Write {path.with_suffix('.png').name}.")
        data = volume.data.view(np.uint8) if volume.dtype == bool else volume.data
        from PIL import Image
        from PIL.PngImagePlugin import PngInfo

        lossy = suffix != ".png"
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


@dataclass
class _Look:
    """What is known of a picture before its pixels are decoded; `load` gives them as they are stored."""

    shape: tuple[int, int]
    channels: int
    dtype: np.dtype[Any]
    load: Any
    turn: int
    comment: Any
    notes: list[str] = field(default_factory=list)


def _look(path: Path, head: bytes, chunks: _png.Chunks | None, as_labels: bool) -> _Look:
    from PIL import Image

    with quiet(), Image.open(path) as image:
        shape = (image.height, image.width)
        comment = image.info.get("comment" if head.startswith(_JPEG) else "medical-workbench", "")
        turn = chunks.orientation if chunks else _orientation.known(image.getexif().get(_orientation.TAG))
        frames = chunks.frames if chunks else getattr(image, "n_frames", 1)
        mode, table = image.mode, _table(image)
        across, down = image.info.get("dpi", (0, 0))
    notes = [] if frames == 1 else [f"the first of {frames} frames was read"]
    if chunks and not chunks.whole:
        notes.append(Doubt("the file has no last block (IEND); it may have been cut behind its pixels"))
    notes += _resolution.note((25.4 / down, 25.4 / across) if down and across else None)
    byte = np.dtype(np.uint8)
    if chunks and chunks.depth == 16 and chunks.colour in {2, 4, 6}:
        # Pillow has no mode for 16-bit colours
        channels = {2: 3, 4: 2, 6: 4}[chunks.colour]
        return _Look(shape, channels, np.dtype(np.uint16), lambda: _deep_png(path), turn, comment, notes)
    if chunks and chunks.transparent and mode in {"L", "RGB", "I;16", "1"}:
        notes.append("one colour of the file is meant to be transparent; it is kept as it is")
    if mode == "1":
        white = np.uint8(1 if as_labels else 255)
        return _Look(shape, 1, byte, lambda: _pixels(path, "1").astype(np.uint8) * white, turn, comment, notes)
    if mode == "P" and as_labels:
        return _Look(shape, 1, byte, lambda: _pixels(path, "P"), turn, comment, notes)
    if mode == "P" and table is not None:
        channels, look_up = _palette.look_up(table)
        return _Look(shape, channels, byte, lambda: look_up(_pixels(path, "P")), turn, comment, notes)
    if mode not in _MODES:
        raise FileError(f"{path}: pictures of mode {mode!r} are not supported. Save it as grey, RGB or RGBA.")
    if mode in {"CMYK", "YCbCr", "LAB", "HSV"}:
        notes.append(f"{mode} was turned into red, green and blue")
    wanted, channels, code = _MODES[mode]
    # greys of few bits are spread over 0 to 255 by the decoder
    step = 255 // (2**chunks.depth - 1) if chunks and as_labels and chunks.colour == 0 and chunks.depth < 8 else 1

    def load() -> Array:
        data = _pixels(path, wanted)
        return data // np.uint8(step) if step > 1 else data

    return _Look(shape, channels, np.dtype(code), load, turn, comment, notes)


def _table(image: Any) -> Array | None:
    """Return the colours of a palette, [entries, 3], or [entries, 4] where some are transparent."""
    if image.mode != "P":
        return None
    table = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    clear = image.info.get("transparency")
    if clear is None:
        return table
    alpha = np.full(len(table), 255, np.uint8)
    if isinstance(clear, bytes):
        known = np.frombuffer(clear, np.uint8)[: len(alpha)]
        alpha[: len(known)] = known
    elif clear < len(alpha):
        alpha[clear] = 0
    return np.column_stack([table, alpha])


def _pixels(path: Path, mode: str) -> Array:
    from PIL import Image

    with quiet(), Image.open(path) as image:
        return np.array(image if image.mode == mode else image.convert(mode))


def _deep_png(path: Path) -> Array:
    import imagecodecs

    return np.asarray(imagecodecs.png_decode(path.read_bytes()))


def _is_bmp(head: bytes) -> bool:
    return head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS


def _is_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _has_end(path: Path, head: bytes) -> bool:
    """Tell whether a file surely is as long as it should be; otherwise decoding it has to tell."""
    size = path.stat().st_size
    if _is_webp(head):
        return size >= int.from_bytes(head[4:8], "little") + 8
    with path.open("rb") as file:
        file.seek(max(0, size - (1 << 12)))
        tail = file.read().rstrip(b"\0")
    if head.startswith(_JPEG):
        return tail.endswith(b"\xff\xd9")
    return head.startswith(_GIF) and tail.endswith(b";")
