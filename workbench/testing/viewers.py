"""The contract that every viewer backend must pass. A package that brings a backend inherits it in its own tests."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.volume import Volume
from workbench.widgets import Layer
from workbench.widgets.backends import Backend, get, names

AFFINE = np.array([[-1.0, 0, 0, 12], [0, 1.5, 0, -20], [0, 0, 2.0, 5], [0, 0, 0, 1]])


def scene() -> list[Layer]:
    """A grey box with a label block in its (+i, +j, +k) corner, on a flipped, anisotropic grid."""
    image = Volume(np.full((24, 20, 16), 50, np.int16), AFFINE, unit="HU")
    block = np.zeros(image.shape, np.uint8)
    block[16:22, 12:18, 9:14] = 3
    labels = Volume(block, AFFINE, kind="labels", labels={3: "lesion"})
    return [Layer(image, window=(0, 100)), Layer(labels, opacity=1.0)]


#: Centre of the label block, in RAS mm.
BLOCK = tuple(float(x) for x in (AFFINE @ [18.5, 14.5, 11, 1])[:3])


class ViewerContract:
    """Inherit, set `name`, and say in `pixels` what the opened viewer shows with the crosshair in the block."""

    #: What `view` calls it.
    name: str
    #: Options that every test opens with.
    options: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def backend(self) -> Backend:
        return get(self.name)

    def pixels(self, opened: Any) -> np.ndarray:
        """Return what the viewer shows, uint8 RGB."""
        raise NotImplementedError

    def close(self, opened: Any) -> None:
        """Close what `open` returned."""

    def test_is_registered(self, backend: Backend) -> None:
        assert self.name in names()
        assert backend.name == self.name
        assert backend.installed()

    def test_shows_image_and_labels(self, backend: Backend) -> None:
        opened = backend.open(scene(), **self.options)
        try:
            shown = self.pixels(opened)
        finally:
            self.close(opened)
        assert _orange(shown).sum() > 20, "the label block, in the first label colour"
        assert _grey(shown).sum() > _orange(shown).sum(), "the image around it"

    def test_what_is_invisible_is_not_drawn(self, backend: Backend) -> None:
        layers = scene()
        layers[1].visible = False
        opened = backend.open(layers, **self.options)
        try:
            shown = self.pixels(opened)
        finally:
            self.close(opened)
        assert _orange(shown).sum() == 0, "what is not visible is drawn"
        assert _grey(shown).sum() > 20

    def test_unknown_option_is_named(self, backend: Backend) -> None:
        with pytest.raises(InputError, match="colour_of_the_sky"):
            backend.open(scene(), colour_of_the_sky="blue")


def _orange(shown: np.ndarray) -> np.ndarray:
    r, g, b = np.moveaxis(shown.astype(int), -1, 0)
    return (abs(r - 230) < 25) & (abs(g - 159) < 25) & (b < 40)


def _grey(shown: np.ndarray) -> np.ndarray:
    r, g, b = np.moveaxis(shown.astype(int), -1, 0)
    return (abs(r - 128) < 15) & (abs(g - 128) < 15) & (abs(b - 128) < 15)
