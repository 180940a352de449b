"""The pictures that are saved with a viewer: small, whatever the volume, and of the same side."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from workbench.volume import Volume
from workbench.widgets import Layer
from workbench.widgets.still import LEVELS, LONGEST, stills


def test_even_the_noise_of_a_large_scan_makes_a_small_picture(affine: np.ndarray) -> None:
    noise = np.random.default_rng(0).normal(0, 300, (300, 280, 20)).astype(np.int16)
    volume = Volume(noise, affine)
    middle = tuple(float(x) for x in volume.to_world([150, 140, 10]))
    drawn = stills([Layer(volume)], middle, "radiological")  # type: ignore[arg-type]
    assert sum(len(one["png"]) for one in drawn) < 120_000
    for one in drawn:
        picture = Image.open(io.BytesIO(one["png"]))
        assert max(picture.size) <= LONGEST
        assert picture.mode == "L"
        assert len(np.unique(np.asarray(picture))) <= LEVELS


def test_a_photograph_is_one_picture_the_right_way_up() -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:10, 50:] = (255, 0, 0)
    [one] = stills([Layer(Volume(pixels, axes=("i", "j", "c")))], (0, 0, 0), "radiological")
    picture = np.asarray(Image.open(io.BytesIO(one["png"])).convert("RGB")).astype(int)
    assert picture.shape == (40, 60, 3)
    assert picture[2, 57].tolist() == [255, 0, 0]
    assert picture[37, 57].tolist() == picture[2, 2].tolist() == [0, 0, 0]
