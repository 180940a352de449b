"""Traits are refused in the words of every other option."""

from __future__ import annotations

import numpy as np
import pytest
import traitlets as t

from workbench.errors import InputError
from workbench.volume import Volume
from workbench.widgets import Layer, Viewer
from workbench.widgets._stated import parameter_of, refused_in_words
from workbench.widgets.png import figure

VOLUME = Volume(np.zeros((3, 4, 5), np.int16))


@pytest.mark.parametrize(
    ("style", "said"),
    [
        ({"opacity": "x"}, r"A layer: opacity must be a number, got 'x'\."),
        ({"window": (1,)}, r"A layer: window must be 2 values, each a number, got \(1,\)\. Leave it out"),
        ({"visible": "yes"}, r"A layer: visible must be True or False, got 'yes'\. The default is True"),
        ({"channel": 0.5}, r"A layer: channel must be a whole number, got 0\.5\. The default is 0"),
        ({"name": 3}, r"A layer: name must be text, got 3\."),
    ],
)
def test_a_wrong_style_is_an_error_in_words(style, said):
    with pytest.raises(InputError, match=said):
        Layer(VOLUME, **style)


def test_a_wrong_option_of_the_viewer_is_an_error_in_words():
    with pytest.raises(InputError, match=r"A viewer: height must be a whole number, at least 160, got -1"):
        Viewer(VOLUME, height=-1)
    with pytest.raises(InputError, match=r"A viewer: crosshair must be 3 values, each a number, got \(1, 2\)"):
        Viewer(VOLUME, crosshair=(1, 2))


def test_a_wrong_option_of_a_picture_is_an_error_in_words():
    layers = [Layer(VOLUME)]
    for crosshair in ((1, 2), (1, 2, 3, 4)):
        with pytest.raises(InputError, match=r"three numbers, in RAS mm, got \(1, 2"):
            figure(layers, crosshair)
    with pytest.raises(InputError, match="convention must be one of radiological, neurological, got 'radiologic'"):
        figure(layers, convention="radiologic")


def test_what_no_trait_refuses_is_left_as_it_is():
    class Things(t.HasTraits):
        number = t.Float(1.5, min=0)

    things = Things()
    assert (parameter_of(Things.number).kind, parameter_of(Things.number).low) == ("number", 0)
    with pytest.raises(t.TraitError, match="another"), refused_in_words(things, {"number": 2.0}, "Things"):
        raise t.TraitError("another")
