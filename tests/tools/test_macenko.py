"""Stain normalisation of pictures whose stains are known."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.testing import ToolContract
from workbench.tools import macenko
from workbench.tools.colour.macenko import _STAINS, _STRONGEST
from workbench.volume import Volume

AFFINE = np.array([[0, -0.5e-3, 0, 3], [-0.4e-3, 0, 0, 5], [0, 0, 1, 0], [0, 0, 0, 1]])
#: Columns: hematoxylin and eosin of a scanner of its own.
OWN = np.array([[0.65, 0.25], [0.62, 0.85], [0.44, 0.47]])
OWN_STRONGEST = np.array([1.1, 1.2])


def amounts() -> np.ndarray:
    """Concentrations [2, pixels], 1 at most, a fifth of the pixels with one stain alone and a tenth with none."""
    rng = np.random.default_rng(2)
    found = rng.uniform(0.75, 0.95, (2, 2000))
    found[:, 400:600] = 0
    found[0, :100] = found[1, 300:400] = 1
    found[1, :200] = found[0, 200:400] = 0
    return found


def rgb(values: np.ndarray) -> Volume:
    return Volume(values.astype(np.uint8), AFFINE, space="object", axes=("i", "j", "c"))


def picture(stains: np.ndarray, strongest: np.ndarray, light: float = 240.0) -> Volume:
    values = light * np.exp(-(stains @ (amounts() * strongest[:, None])))
    return rgb(np.rint(values.T.reshape(40, 50, 3)))


class TestMacenko(ToolContract):
    name = "macenko"
    options: ClassVar = {"percentile": 2.0}
    suffix = ".png"

    @pytest.fixture
    def inputs(self) -> dict[str, Any]:
        return {"image": picture(OWN, OWN_STRONGEST), "like": picture(_STAINS, _STRONGEST)}


def test_the_stains_become_those_of_the_standard() -> None:
    found = macenko(picture(OWN, OWN_STRONGEST)).data.astype(int)
    wanted = picture(_STAINS, _STRONGEST).data.astype(int)
    assert np.abs(wanted - picture(OWN, OWN_STRONGEST).data.astype(int)).mean() > 20
    assert np.abs(found - wanted).max() <= 6
    assert np.abs(found - wanted).mean() < 1


def test_or_those_of_another_picture() -> None:
    theirs = picture(OWN + 0.05, np.array([0.9, 1.4]))
    one, other = picture(OWN, OWN_STRONGEST), picture(_STAINS, _STRONGEST)
    assert np.abs(macenko(other, one).data.astype(int) - one.data).mean() < 1
    assert np.abs(macenko(theirs, theirs).data.astype(int) - theirs.data).max() <= 1
    assert np.abs(macenko(theirs, one).data.astype(int) - one.data).mean() < 1


def test_hematoxylin_is_told_from_eosin_whatever_there_is_more_of() -> None:
    for strongest in ([0.9, 2.0], [1.9, 0.9]):
        found = macenko(picture(OWN, np.array(strongest))).data.reshape(-1, 3).astype(int)
        for stain, pixels in ((0, slice(0, 100)), (1, slice(300, 400))):
            pure = 240 * np.exp(-_STAINS[:, stain] * _STRONGEST[stain])
            assert np.abs(found[pixels] - pure).max() < 4
        assert found[400:600].min() >= 238, "where there is no tissue it stays light"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full((40, 50, 3), 255), "0 of 2000 pixels are stained, which is too few"),
        (np.full((40, 50, 3), 240), "0 of 2000 pixels are stained, which is too few"),
        (np.tile([120, 60, 140], (40, 50, 1)), "there is one stain alone"),
    ],
)
def test_a_picture_without_two_stains_is_returned_with_a_note(values: np.ndarray, words: str) -> None:
    image = rgb(values).with_meaning(notes=["scanned twice"])
    found = macenko(image)
    assert np.array_equal(found.data, image.data)
    assert found.notes == ("scanned twice", f"the colours were not normalised: {words}")
    with pytest.raises(InputError, match=f"the example cannot be one: {words}"):
        macenko(picture(OWN, OWN_STRONGEST), image)


def test_black_pixels_have_a_density() -> None:
    values = picture(OWN, OWN_STRONGEST).data.copy()
    values[0, :3] = 0
    assert np.abs(macenko(rgb(values)).data[0, :3].astype(int)).max() < 60


def test_pictures_of_another_kind_are_refused() -> None:
    with pytest.raises(InputError, match=r"3 channels as 'image', got one with 4 channels.*transparency"):
        macenko(rgb(np.zeros((5, 5, 4))))
    with pytest.raises(InputError, match=r"with 2 spatial axes and 3 channels .*got one with 3 spatial.*axes="):
        macenko(Volume(np.zeros((5, 5, 3), np.uint8)))
    with pytest.raises(InputError, match=r"8 bits .* got float64"):
        macenko(Volume(np.zeros((5, 5, 3)), axes=("i", "j", "c")))
