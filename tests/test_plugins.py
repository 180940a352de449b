"""How things are found: built in, brought by packages, declared in a cell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import pytest

from workbench._plugins import Registry, Source, classes_of, instances_of
from workbench.errors import InputError, StateError


class Shape:
    name = "shape"


class Round(Shape):
    name = "round"


class Square(Shape):
    name = "square"


def make(**options: Any) -> Registry[Any]:
    sources = [Source("round", "tests.shapes:Round", lambda: Round)]
    return Registry("workbench.shapes", "shape", instances_of(Shape), builtin=lambda: sources, **options)


@pytest.mark.parametrize("lazy", [False, True])
def test_what_is_built_in_brought_and_declared_is_found(plug_ins, lazy):
    shapes = make(lazy=lazy)
    plug_ins(shapes, square=Square)
    third = type("Third", (Shape,), {"name": "third"})
    assert shapes.register(third) is third
    assert shapes.names() == ("round", "square", "third")
    assert [shapes.only_here(name) for name in (*shapes.names(), "none")] == [False, False, True, False]
    assert [type(shape) for shape in shapes.all().values()] == [Round, Square, third]
    assert isinstance(shapes.get("square"), Square)
    with pytest.raises(InputError, match=r"Unknown shape 'squere'. Did you mean 'square'"):
        shapes.get("squere")


def test_nothing_is_imported_before_it_is_asked_for(plug_ins):
    shapes = make(lazy=True)
    plug_ins(shapes, broken=ImportError("no such thing"))
    assert shapes.names() == ("round", "broken")
    assert isinstance(shapes.get("round"), Round)
    with pytest.raises(StateError, match=r"shape plug-in 'broken' \(somebody.elses:thing\).*no such thing"):
        shapes.get("broken")


@pytest.mark.parametrize("thing", [ImportError("no such thing"), RuntimeError("boom"), dict, 3, None])
def test_what_is_broken_is_told_once_and_takes_nothing_along(plug_ins, recwarn, thing):
    shapes = make()
    plug_ins(shapes, broken=thing, square=Square)
    for _ in range(2):
        assert shapes.names() == ("round", "square")
    (warning,) = recwarn
    assert "shape plug-in 'broken' (somebody.elses:thing) cannot be used" in str(warning.message)
    assert "Update or uninstall it" in str(warning.message)
    with pytest.raises(StateError, match="'broken'"):
        shapes.get("broken")


def test_one_name_for_two_things_names_both(plug_ins):
    shapes = make()
    plug_ins(shapes, other=type("Other", (Shape,), {"name": "round"}))
    with pytest.raises(StateError, match=r"'round': tests\.shapes:Round and somebody\.elses:thing"):
        shapes.names()


def test_only_what_was_declared_may_be_declared_anew(plug_ins):
    shapes = make()
    plug_ins(shapes)
    body = {"__module__": "__main__", "__qualname__": "Mine"}
    first, again = (type("Mine", (Shape,), {**body, "name": "mine", "edges": edges}) for edges in (3, 4))
    shapes.register(first)
    shapes.register(again)
    assert shapes.get("mine").edges == 4
    with pytest.raises(StateError, match=r"'mine': __main__:Mine and __main__:Yours"):
        shapes.register(type("Yours", (Shape,), {**body, "__qualname__": "Yours", "name": "mine"}))
    with pytest.raises(StateError, match=r"'round': tests\.shapes:Round"):
        shapes.register(Round)
    with pytest.raises(InputError, match=r"subclass of .*\.Shape"):
        shapes.register(dict)


def test_a_list_of_classes_is_several_things():
    assert classes_of(Shape)([Round, Square]) == {"round": Round, "square": Square}


def test_a_class_that_is_not_finished_says_what_is_missing(plug_ins):
    class Drawn(ABC):
        @abstractmethod
        def draw(self): ...

    shapes = Registry("workbench.drawn", "drawn shape", instances_of(Drawn), builtin=())
    plug_ins(shapes)
    with pytest.raises(InputError, match="Half must define draw, as Drawn says"):
        shapes.register(type("Half", (Drawn,), {"name": "half"}))


def test_two_of_one_name_in_one_source_are_told(plug_ins):
    shapes = make()
    plug_ins(shapes)
    pair = [type(name, (Shape,), {"name": "twin"}) for name in ("One", "Other")]
    with pytest.raises(InputError, match="Two of them are called 'twin'"):
        shapes.register(pair)
    assert shapes.names() == ("round",)


def test_what_each_must_have_is_asked_for():
    accept = classes_of(Shape, needs=("edges",))
    with pytest.raises(InputError, match="Round must define edges, as Shape says"):
        accept(Round)


def test_objects_may_be_registered_again_and_names_that_are_none_are_told(plug_ins):
    boxes = Registry("workbench.boxes", "box", lambda given: {given["name"]: given}, builtin=())
    plug_ins(boxes)
    for size in (1, 2):
        boxes.register({"name": "mine", "size": size})
    assert boxes.get("mine")["size"] == 2
    with pytest.raises(InputError, match="Unknown box"):
        boxes.get(["mine"])
