"""A tool made of a function: what it knows of itself, and what it refuses."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
import pytest

from workbench import tools
from workbench.errors import InputError, StateError
from workbench.signatures import PER_AXIS, Range
from workbench.tools import Image, Labels, Port, Scores, Table, Tool, tool
from workbench.tools.catalogue import TOOLS
from workbench.volume import Volume
from workbench.work import IDLE, Work


@tool(group="tests", reference="nowhere", title="Brighten it")
def brighten(
    image: Image,
    mask: Labels | None = None,
    *,
    by: Annotated[float, Range(0, 10, unit="HU")] = 2.0,
    size: Annotated[int, Range(low=1), PER_AXIS] = 1,
    way: Literal["sum", "product"] = "sum",
    work: Work = IDLE,
) -> Image:
    """Brighten an image.

    More about it.

    Parameters
    ----------
    by : float
        How much.
    """
    work.tell(1.0)
    values = image.data + by if way == "sum" else image.data * by
    return image.with_data(np.where(mask.data, values, image.data) if mask else values)


@tool(group="tests", reference="nowhere")
def two_things(scores: Scores) -> tuple[Annotated[Volume, Port("labels", grid="new", name="found")], Table]:
    """Make two things."""
    found = Volume(np.ones((2, 2, 2), np.uint8), np.diag([9.0, 9, 9, 1]), kind="labels")
    return found, Table([{"highest": float(scores.data.max())}])


@pytest.fixture
def image(affine: np.ndarray) -> Volume:
    return Volume(np.arange(24, dtype=np.float32).reshape(2, 3, 4), affine, unit="HU")


@pytest.fixture
def declared() -> Iterator[None]:
    """Forget afterwards what was declared."""
    yield
    TOOLS.reset()


def test_a_tool_knows_what_its_function_says() -> None:
    assert (brighten.name, brighten.title, brighten.summary) == ("brighten", "Brighten it", "Brighten an image.")
    assert brighten.inputs == {
        "image": Port("image", name="image"),
        "mask": Port("labels", channels=1, name="mask", optional=True),
    }
    assert brighten.outputs == {"image": Port("image", name="image")}
    assert [*brighten.parameters] == ["by", "size", "way"]
    assert brighten.parameters["by"].rule == "a number of HU, at least 0 and at most 10"
    assert brighten.parameters["by"].help == "How much."
    assert brighten.parameters["size"].per_axis
    assert brighten.takes_work
    assert (two_things.name, two_things.title) == ("two-things", "Two things")
    assert [*two_things.outputs] == ["found", "table"]
    assert not two_things.takes_work
    assert repr(brighten) == "<Tool brighten: image, mask? -> image>"
    assert [*inspect.signature(brighten).parameters] == ["image", "mask", "by", "size", "way", "work"]
    assert brighten.__doc__ == brighten.function.__doc__


def test_it_is_called_as_the_function_is(image: Volume) -> None:
    assert np.array_equal(brighten(image).data, image.data + 2)
    assert np.array_equal(brighten(image=image, by=3, way="product").data, image.data * 3)
    mask = image.with_data(image.data > 20, kind="labels")
    assert brighten(image, mask).data.sum() == image.data.sum() + 2 * 3
    assert brighten(image, None).data.sum() == image.data.sum() + 2 * 24
    assert np.array_equal(brighten.function(image, by=-5).data, image.data - 5), "the function itself checks nothing"


def test_several_results_come_as_a_tuple(image: Volume) -> None:
    scores = image.with_data(image.data, kind="scores")
    found, table = two_things(scores)
    assert found.shape == (2, 2, 2)
    assert table.rows == [{"highest": 23.0}]
    assert [name for name, _ in two_things.results((found, table))] == ["found", "table"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"by": -1}, r"brighten: by must be a number of HU, at least 0 and at most 10, got -1\. The default is 2"),
        ({"way": "summ"}, r"must be one of sum, product, got 'summ'\. Did you mean 'sum'"),
        ({"size": [1, 0]}, r"must be one whole number, at least 1, or one for each axis, got \[1, 0\]"),
        ({"bye": 1}, r"brighten got an unknown option 'bye'\. Did you mean 'by'"),
        ({"masks": None}, r"unknown option 'masks'\. Did you mean 'mask'"),
        ({"mask": 3}, r"brighten takes a Volume of kind 'labels' with 1 channel as 'mask', got int"),
        ({"size": [1, 2]}, r"or one for each axis \(3 here\), got \[1, 2\]\. Give one for all axes"),
        ({"work": print}, r"takes a workbench\.work\.Work as 'work', got builtin_function"),
        ({"image": None}, r"got 'image' twice, by place and by name"),
    ],
)
def test_wrong_options_are_refused(image: Volume, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        brighten(image, **options)


def test_wrong_inputs_are_refused_with_the_way_out(image: Volume) -> None:
    with pytest.raises(InputError, match=r"takes image, mask without a name, got 3 .*\(image, mask, by=\.\.\."):
        brighten(image, None, 3)
    with pytest.raises(InputError, match=r"got str\. Read it first: wb\.read\(path\)"):
        brighten("ct.nii.gz")
    with pytest.raises(InputError, match=r"got ndarray\. Wrap it"):
        brighten(image.data)
    with pytest.raises(InputError, match=r"got one of kind 'scores'\. .*with_meaning\(kind='image'\)"):
        brighten(image.with_data(image.data, kind="scores"))

    class Explanation:
        volume = image

    with pytest.raises(InputError, match=r"got Explanation\. Give its volume"):
        brighten(Explanation())


def _made_by(result: Any, returns: Any = Image, takes: Any = Volume) -> Tool:
    def broken(given: Any) -> Any:
        """Break a promise."""
        return result(given)

    broken.__annotations__ = {"given": takes, "return": returns}
    return Tool(broken, group="tests", reference="nowhere")


@pytest.mark.parametrize(
    ("result", "returns", "words"),
    [
        (
            lambda given: given.data,
            Image,
            r"promises a Volume of kind 'image', and made ndarray\. Mend the tool",
        ),
        (lambda given: given.with_data(given.data > 2, kind="labels"), Image, "and made one of kind 'labels'"),
        (lambda given: given.with_data(given.data, kind="scores"), Volume, "of kind 'image', and made one of kind"),
        (lambda given: given.crop((0, 0, 0), (1, 2, 2)), Image, "keeps the grid of what it is given"),
        (lambda given: Volume(given.data), Image, "keeps the grid"),
        (lambda given: given.with_meaning(space="object"), Image, "keeps the grid"),
        (lambda given: None, Table, "promises a Table, and made NoneType"),
        (lambda given: given, tuple[Image, Table], "promises image, table as a tuple, and made Volume"),
    ],
)
def test_a_promise_that_is_broken_is_said(image: Volume, result: Any, returns: Any, words: str) -> None:
    with pytest.raises(StateError, match=words):
        _made_by(result, returns)(image)


def nothing(x: int = 1) -> int:
    """Do nothing."""
    return x


def silent(image: Image) -> Image:
    return image


def many(image: Image, *more: int) -> Image:
    """Take many."""
    return image


def taken(image: Image, out: str = "x") -> Image:
    """Take a name."""
    return image


def unruly(image: Image, sigma: Annotated[float, Range(above=0)] = 0.0) -> Image:
    """Break its own rule."""
    return image


def either(image: Image | Labels) -> Image:
    """Take one or another."""
    return image


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (nothing, "must say what goes in and what comes out"),
        (silent, "needs a docstring"),
        (many, "must name every argument"),
        (taken, "cannot have an argument 'out'"),
        (unruly, r"unruly: The default: sigma must be a number, above 0, got 0\.0"),
        (either, "one port or another"),
    ],
)
def test_what_must_be_said_is_asked_for(function: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        tool(group="tests", reference="nowhere")(function)


@pytest.mark.parametrize("given", [{"group": " ", "reference": "x"}, {"group": "x", "reference": ""}])
def test_so_are_group_and_reference(given: dict[str, str]) -> None:
    with pytest.raises(InputError, match=r"needs a (group|reference), got .*Give @tool\("):
        tool(**given)(brighten.function)


def test_annotations_that_cannot_be_looked_up_are_told() -> None:
    scope: dict[str, Any] = {"__name__": __name__}
    exec("def lost(image: 'NotThere') -> 'NotThere':\n    'Be lost.'\n", scope)
    with pytest.raises(InputError, match="NotThere"):
        tool(group="tests", reference="nowhere")(scope["lost"])


CELL = '''
from workbench.tools import Image, tool

@tool(group="mine", reference="mine")
def double_it(image: Image, *, factor: float = {factor}) -> Image:
    """Double the values."""
    return image.with_data(image.data * factor)
'''


@pytest.mark.usefixtures("declared")
def test_a_tool_of_a_notebook_cell_is_there_at_once(image: Volume) -> None:
    for factor in (2.0, 3.0):  # running the cell again replaces it
        exec(CELL.format(factor=factor), {"__name__": "__main__"})
        assert tools.double_it(image).data.max() == 23 * factor
        assert [one.name for one in tools.list()].count("double-it") == 1
    assert "Double the values." in repr(tools.list())
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(tools.double_it)


@pytest.mark.usefixtures("declared")
def test_a_tool_of_a_module_is_registered_by_hand() -> None:
    assert not hasattr(tools, "brighten")
    assert tools.register(brighten) is brighten
    assert tools.brighten is brighten
    assert pickle.loads(pickle.dumps(brighten)) is brighten


@pytest.mark.parametrize("wrong", [3, "n4", [brighten, 3], [], brighten.function])
def test_only_tools_are_registered(wrong: Any) -> None:
    with pytest.raises(InputError, match="A tool is a function under"):
        tools.register(wrong)
