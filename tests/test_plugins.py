"""How things are found: built in, brought by packages, declared in a cell."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import Any

import pytest

from workbench import _plugins
from workbench._accepting import classes_of, instances_of
from workbench._plugins import Registry, Source
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


@pytest.mark.parametrize("lazy", [False, True])
def test_what_is_built_in_keeps_its_name_and_both_places_are_told(plug_ins, recwarn, lazy):
    shapes = make(lazy=lazy)
    plug_ins(shapes, round=type("Other", (Shape,), {"name": "round"}), square=Square)
    for _ in range(2):
        assert shapes.names() == ("round", "square")
        assert [type(shape) for shape in shapes.all().values()] == [Round, Square]
        assert type(shapes.get("round")) is Round
        assert shapes.brought() == {"square": "somebody.elses:thing"}
    (warning,) = recwarn
    words = "The shape plug-in 'round' (somebody.elses:thing) gives the name 'round', which is that of "
    assert str(warning.message).startswith(f"{words}tests.shapes:Round, built in and used. Rename what it brings")
    assert shapes.broken() == {"round": str(warning.message)}
    with pytest.raises(InputError, match=r"Unknown shape 'oval'.*plug-in 'round'"):
        shapes.get("oval")


def test_of_several_things_that_a_package_brings_the_others_are_used(plug_ins):
    shapes = Registry(
        "workbench.shapes", "shape", classes_of(Shape), builtin=lambda: [Source("a", "a:b", lambda: Round)]
    )
    plug_ins(shapes, several=[type("Other", (Shape,), {"name": "round"}), Square])
    with pytest.warns(UserWarning, match=r"plug-in 'several' .* gives the name 'round', which is that of a:b"):
        assert shapes.all() == {"round": Round, "square": Square}


@pytest.mark.parametrize("lazy", [False, True])
def test_a_name_that_two_packages_give_is_nobodys_and_names_both(plug_ins, monkeypatch, recwarn, lazy):
    shapes = make(lazy=lazy)
    plug_ins(shapes, square=Square)
    (point,) = _plugins.entry_points(group=shapes.group)
    other = dataclasses.replace(point, value="one.more:thing")
    monkeypatch.setattr(_plugins, "entry_points", lambda group: [point, other])
    for _ in range(2):
        assert shapes.names() == ("round",)
        assert isinstance(shapes.get("round"), Round)
        with pytest.raises(StateError, match=r"'square': somebody\.elses:thing and one\.more:thing.*Rename one"):
            shapes.get("square")
    (warning,) = recwarn
    assert "Two shapes are called 'square'" in str(warning.message)
    assert "'square'" in shapes.broken()["square"]


def test_two_of_our_own_of_one_name_are_our_mistake(plug_ins):
    sources = [Source("round", place, lambda: Round) for place in ("here:Round", "there:Round")]
    shapes = Registry("workbench.shapes", "shape", instances_of(Shape), builtin=lambda: sources)
    plug_ins(shapes)
    with pytest.raises(StateError, match="'round': here:Round and there:Round"):
        shapes.names()


def test_what_is_broken_takes_no_name_from_what_works(plug_ins):
    shapes = make()
    plug_ins(shapes, round=ImportError("no such thing"))
    with pytest.warns(UserWarning, match="no such thing"):
        assert isinstance(shapes.get("round"), Round)


def test_what_is_not_found_may_be_what_is_broken(plug_ins):
    shapes = make()
    plug_ins(shapes, several=ImportError("no such thing"))
    with pytest.warns(UserWarning, match="several"):
        shapes.names()
    with pytest.raises(InputError, match=r"Unknown shape 'oval'.*'several'.*no such thing"):
        shapes.get("oval")


def test_everything_that_can_be_used_is_loaded_for_all(plug_ins, recwarn):
    shapes = make(lazy=True)
    plug_ins(shapes, broken=ImportError("no such thing"), square=Square)
    for _ in range(2):
        assert {*shapes.all()} == {"round", "square"}
    assert len(recwarn) == 1


def test_an_entry_point_is_called_like_what_it_brings(plug_ins):
    shapes = make(lazy=True)
    plug_ins(shapes, oval=Square)
    with pytest.raises(StateError, match=r"'oval'.*must be called 'oval', as its entry point is, got square"):
        shapes.get("oval")


def test_what_fails_later_is_left_out_with_one_warning(plug_ins, recwarn):
    shapes = make()
    plug_ins(shapes, square=Square)
    assert shapes.names() == ("round", "square")
    for _ in range(2):
        shapes.leave_out("square", RuntimeError("boom"))
    assert shapes.names() == ("round",)
    assert "shape plug-in 'square' (somebody.elses:thing) cannot be used: RuntimeError: boom." in str(
        recwarn.pop().message
    )
    assert not len(recwarn)
    with pytest.raises(RuntimeError, match="boom"):
        shapes.leave_out("round", RuntimeError("boom"))


def test_what_a_plug_in_raises_by_accident_names_it(plug_ins):
    shapes = make()
    plug_ins(shapes, square=Square)
    shapes.names()
    with (
        pytest.raises(StateError, match=r"'square'.*KeyError: 'edge'\..*Update or uninstall it"),
        shapes.using("square"),
    ):
        raise KeyError("edge")
    with pytest.raises(KeyError), shapes.using("round"):
        raise KeyError("edge")
    with pytest.raises(InputError, match=r"^four$"), shapes.using("square"):
        raise InputError("four")


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
